/* Drain: which workers of a node are taken out of new work, as people write it: "v2" all of an
 * arm, "v2.0" a segment, "v2.0.3" a worker, by the index that it has in its arm; and the
 * places of registered workers that get no new ones: "r0" a node, "r0.1" a segment. Pure. */
#ifndef WEIR_MODEL_DRAIN_H
#define WEIR_MODEL_DRAIN_H

#include "model/decision.h"

#define DRAIN_WORD_MAX 24     /* with NUL */
#define DRAIN_INDEX_MAX 99999 /* of segments and workers */

struct drain {
	enum arm arm;
	int segment, worker; /* -1: all */
	bool residents;      /* a place of registered workers: all of this node, or a segment */
	int node;
};

/* Reads a word; false for one that is none. */
bool drain_read(struct drain *out, const char *word);

void drain_write(char out[DRAIN_WORD_MAX], const struct drain *d);

/* True when the worker, which is one of an arm, is one of those meant. */
bool drain_means(const struct drain *d, const struct worker_row *w);

/* The row of the place of registered workers that is meant; NULL where a worker of an arm is, or
 * the document does not tell of it. Borrowed. */
const struct resident_place *drain_place(
	const struct drain *d, const struct resident_crew *crew);

#define DRAIN_TOLD_MAX (DRAIN_WORD_MAX + 8)

/* What a decision of ours drained, by its evidence: "v2.0.3", "v2.0.3 off"; "" where that is not
 * said. One that was observed says it in its reason. */
void drain_tell(char out[DRAIN_TOLD_MAX], const struct decision *d);

/* What the owner of the workers says of a drain that is asked for. */
enum drain_says {
	DRAIN_FITS,
	DRAIN_NOBODY, /* there is no such worker, segment or place */
	DRAIN_LAST,   /* an arm that has traffic would have none that takes new work */
};

#endif
