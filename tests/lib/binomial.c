/* Binomial: both tails, summed term by term. */
#include "tests/lib/binomial.h"

#include <math.h>

#define TAIL 0.0005 /* each */

static double term(int n, int k, double p)
{
	return exp(
		lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log1p(-p));
}

bool binomial_holds(int n, int k, double p)
{
	double below = 0, above = 0;
	if (p <= 0 || p >= 1)
		return k == (p <= 0 ? 0 : n);
	for (int i = 0; i <= n; i++) {
		below += i <= k ? term(n, i, p) : 0;
		above += i >= k ? term(n, i, p) : 0;
	}
	return below > TAIL && above > TAIL;
}
