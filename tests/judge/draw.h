/* Draw: exact random counts from a seed. The same seed draws the same everywhere. */
#ifndef WEIR_TESTS_JUDGE_DRAW_H
#define WEIR_TESTS_JUDGE_DRAW_H

#include <stdint.h>

/* The seed of one run of many: different runs of different cases share no numbers. */
uint64_t draw_seed(uint64_t seed, int64_t run);

/* Uniform in 0..1, neither end. */
double draw_uniform(uint64_t *state);

/* How many of n independent units are bad, each with probability p (0..1). By inversion from the
 * most likely number outwards: exact up to rounding (1e-12), whatever the mean. */
int64_t draw_binomial(uint64_t *state, int64_t n, double p);

/* P(at least k of n) and P(at most k of n), exact. */
double binomial_at_least(int64_t k, int64_t n, double p);
double binomial_at_most(int64_t k, int64_t n, double p);

#endif
