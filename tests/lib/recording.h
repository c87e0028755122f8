/* Recording: a history file of one pool, "checkout", made at once from what each second of it was.
 * Nothing runs: counts are put into documents, and the recorder's own code makes rows of them.
 * What cannot be made ends the program. */
#ifndef WEIR_TESTS_LIB_RECORDING_H
#define WEIR_TESTS_LIB_RECORDING_H

#include "model/counts.h"

#include <stdbool.h>
#include <stddef.h>

#define RECORDING_MS 1800000000000 /* wall clock of its second 0 */

struct recording_second {
	int64_t done[ARM_COUNT], failed[ARM_COUNT]; /* requests; the failed are among the done */
	int64_t each_us[ARM_COUNT];                 /* how long each took */
	int share_bp;
	int predicts; /* of a hundred requests are `predict`, the failed ones first; 0: nobody tells */
	bool missing; /* nobody polled */
};

/* The moment at which the document of a second was received. */
int64_t recording_moment(size_t second);

/* So many seconds of v1 and v2: 90 and 10 requests of 1 ms each at 10 %, none failed but one of
 * v1's every tenth second; before second `raised` all 100 go to v1. */
void recording_quiet(struct recording_second *out, size_t count, size_t raised);

/* Writes the file, as of one or two nodes that were all the same; `key_dir` gets the chain's key. At most 500 seconds: more than a history holds
 * back for its disk are lost. */
void recording_make(const char *path, const char *key_dir, size_t nodes,
	const struct recording_second *second, size_t count);

#endif
