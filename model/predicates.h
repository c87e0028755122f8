/* Predicates: whether each of the 14 holds, and why not, in words with numbers. For the interlock
 * only. */
#ifndef WEIR_MODEL_PREDICATES_H
#define WEIR_MODEL_PREDICATES_H

#include "model/interlock.h"

/* True when `p` holds. Sets text, code and, where it fails and time alone helps, the wait of `c`. */
bool predicate_holds(
	enum predicate p, const struct interlock_facts *f, struct interlock_check *c);

#endif
