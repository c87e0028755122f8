/* Hypergeometric: the normalising constant of Fisher's noncentral hypergeometric law: of m bad
 * units in two arms of n1 and n2, how many are v2's, when the odds of being bad differ by a
 * ratio theta. Common rate and split do not enter: the margins are given. */
#ifndef WEIR_MODEL_HYPERGEOMETRIC_H
#define WEIR_MODEL_HYPERGEOMETRIC_H

#include <stdint.h>

/* The largest number of units of an arm, so that sums and doubles of them are exact. */
#define HYPERGEOMETRIC_MAX (INT64_C(1) << 52)

/* out[k] = ln( Z(theta[k]) / Z(1) ) for `count` ratios, each 1/32..32, with
 * Z(t) = sum of C(n2,x) C(n1,m-x) t^x over x = max(0,m-n1) .. min(m,n2).
 * 0 <= n1, n2 <= HYPERGEOMETRIC_MAX, 0 <= m <= n1 + n2. The error is below 1e-12 and 1e-15 of the
 * result together. Source: Fog, Calculation methods for Wallenius' and Fisher's noncentral
 * hypergeometric distributions, 2008 (mode); Loader, Fast and accurate computation of binomial
 * probabilities, 2000 (terms far from each other). */
void hypergeometric_ln_z(
	double *out, const double *theta, int count, int64_t n1, int64_t n2, int64_t m);

#endif
