/* Decided: the decisions that a pool remembers. For the model only; others look with pool_decision. */
#ifndef WEIR_MODEL_DECIDED_H
#define WEIR_MODEL_DECIDED_H

#include "model/model.h"

/* Remembers a decision, or what this copy knows more of one. */
void decided_add(struct pool *p, const struct decision *d);

/* What came of one; false where it is not remembered. */
bool decided_add_outcome(struct pool *p, const struct outcome_row *o);

/* Forgets one; false where it is not remembered. */
bool decided_forget(struct pool *p, const char *id);

#endif
