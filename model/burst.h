/* Burst: by how much bad units come in bursts, measured from how they change between successive
 * intervals; evidence is divided by it. One crash fails fifty requests, and fifty independent
 * witnesses it is not. Pure. */
#ifndef WEIR_MODEL_BURST_H
#define WEIR_MODEL_BURST_H

#include "model/counts.h"
#include "model/odds.h"

/* Zero-initialised it has seen nothing. */
struct burst {
	double apart, expected; /* squared differences: seen, and of independent units */
	int64_t pairs;
	struct units last[ARM_COUNT];
	bool has_last[ARM_COUNT];
};

/* Takes a judged interval of an arm; without units it is none. */
void burst_add(struct burst *b, enum arm arm, struct units u);

/* A skip, a gap or a restart: the next interval has none before it. */
void burst_break(struct burst *b);

/* What to divide the evidence of the next interval by, at least 1: twice the dispersion less one,
 * and at least 5 before there are 30 pairs. Differences ignore a slow drift of the rate. */
double burst_phi(const struct burst *b);

#endif
