/* Shape: what the two arms are made of, from the words that a start is given. */
#ifndef WEIR_CLIENT_ENGINE_SHAPE_H
#define WEIR_CLIENT_ENGINE_SHAPE_H

#include "client/engine/engine.h"
#include "client/engine/partition.h"
#include "client/engine/processor.h"

struct shape {
	struct processor v1, v2;
	int v2_workers; /* threads or slots, and tables of its tally; 0: there is no v2 */
	/* v2's workers are threads of their own, each pinned to a core; else a caller's thread does
	 * the work in a slot. Child processes are pinned themselves, so their callers need not be. */
	bool v2_threads;
	bool v2_pinned;
	enum partition_strategy partition;
};

/* Reads v1_processor, v2_processor and partition; NULL: v1:simple, as many workers as v2_workers
 * says, always_hash. 0, or -1 with err (CONFIG): a word that is unknown, or that does not go
 * with another option. */
int shape_read(struct shape *out, const struct engine_options *how, struct err *err);

#endif
