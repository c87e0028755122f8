/* Seeded: the small generator of the property tests in this folder (splitmix64). */
#ifndef WEIR_TESTS_UNIT_MODEL_SEEDED_H
#define WEIR_TESTS_UNIT_MODEL_SEEDED_H

#include <stdint.h>

static inline uint64_t seeded_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

/* Uniform in 0..below-1. */
static inline int64_t seeded_below(uint64_t *state, int64_t below)
{
	return (int64_t)(seeded_next(state) % (uint64_t)below);
}

#endif
