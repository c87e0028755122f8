/* Arrivals: the work of a scenario as it arrives, one after the other. Pure: the same scenario
 * and seed give the same arrivals, whoever takes them and however fast. */
#ifndef WEIR_MODEL_ARRIVALS_H
#define WEIR_MODEL_ARRIVALS_H

#include "model/scenario.h"

#include <stdbool.h>
#include <stdint.h>

#define ARRIVALS_END_US 4e15 /* nothing arrives later: 127 years */

struct arrival {
	int64_t at_us;   /* after the start; never falls */
	uint64_t number; /* from 0 */
	uint64_t session;
	uint64_t key;  /* from 0, the most used first; 0 where the scenario has no keys */
	int operation; /* index into the scenario's operations */
};

struct arrivals;

/* A sequence of its own; `s` is copied. To be freed with arrivals_free. */
struct arrivals *arrivals_new(const struct scenario *s, uint64_t seed);
void arrivals_free(struct arrivals *a);

/* The next arrival; false when there is none any more, now or later. */
bool arrivals_next(struct arrivals *a, struct arrival *out);

#endif
