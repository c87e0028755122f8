/* Intake: a document becomes a sample. For model/ only. */
#ifndef WEIR_MODEL_INTAKE_H
#define WEIR_MODEL_INTAKE_H

#include "model/model.h"

/* Measures `s` of node `n` from the document before it: fills `out`, and adds to the pool's slots
 * and windows where there is an interval. */
void intake_sample(struct pool *p, struct node *n, const struct snapshot *s, struct instant at,
	struct model_sample *out);

/* Adds an interval of the past to the slots and windows: it is shown, and judged by nobody. */
void intake_row(struct pool *p, struct node *n, const struct sample *row,
	const struct histogram *const latency[ARM_COUNT], struct instant at);

#endif
