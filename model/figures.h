/* Figures: the numbers of each arm as screens and documents show them. */
#ifndef WEIR_MODEL_FIGURES_H
#define WEIR_MODEL_FIGURES_H

#include "model/model.h"

/* Fills s->arms and s->worst_operation from the pool's ring, windows and newest documents;
 * `window` gets the sums that the guard is judged on. */
void figures_derive(struct standing *s, struct pool *p, struct instant now,
	struct guard_window window[ARM_COUNT]);

#endif
