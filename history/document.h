/* Document: what a pool says of itself at a moment, moved by what was sampled behind it. Internal to
 * replay. What is UNKNOWN stays so. */
#ifndef WEIR_HISTORY_DOCUMENT_H
#define WEIR_HISTORY_DOCUMENT_H

#include "history/samples.h"
#include "model/pool.h"

/* Counters and clocks of `d` one sample later (sign 1) or earlier (-1). `s` is only read. */
void document_move(struct snapshot *d, struct sample *s, int sign);

/* What `d` says at its moment, which does not add up. */
void document_set_gauges(struct snapshot *d, const struct arm_sample gauges[ARM_COUNT]);

/* Adds the latencies of a sample to those of `d`. */
void document_add_latencies(struct snapshot *d, const struct history_sample *s);

/* Lets no counter of `fresh` go back behind one that was told; true where one would have. `told` is
 * only read. */
bool document_hold_up(struct snapshot *fresh, struct snapshot *told);

/* What `part` of `of` of a sample is, as if everything in it were spread evenly. */
void document_scale(struct sample *s, int64_t part, int64_t of);

/* Takes off a sample what counters rose by between two documents within it, which are only read;
 * left_ms: from the later one to its end. */
void document_take_off(
	struct sample *s, struct snapshot *later, struct snapshot *earlier, int64_t left_ms);

#endif
