/* Draw: binomials by inversion and their tails. Source of the law's terms: ln n! by lgamma, good
 * to 1e-12 for the thousands of units that are drawn here. */
#include "tests/judge/draw.h"

#include "tests/unit/model/seeded.h"

#include <math.h>

uint64_t draw_seed(uint64_t seed, int64_t run)
{
	uint64_t state = seed * 0x2545f4914f6cdd1dU + (uint64_t)run;
	return seeded_next(&state);
}

double draw_uniform(uint64_t *state)
{
	return ((double)(seeded_next(state) >> 11) + 0.5) * 0x1p-53;
}

/* lgamma writes a global, which runs on several threads would share. */
static double ln_factorial(double x)
{
	int sign;
	return lgamma_r(x + 1, &sign);
}

static double ln_probability(int64_t k, int64_t n, double p)
{
	if (k == 0)
		return (double)n * log1p(-p);
	double ln_ways =
		ln_factorial((double)n) - ln_factorial((double)k) - ln_factorial((double)(n - k));
	return ln_ways + (double)k * log(p) + (double)(n - k) * log1p(-p);
}

int64_t draw_binomial(uint64_t *state, int64_t n, double p)
{
	if (n <= 0 || p <= 0)
		return 0;
	if (p >= 1)
		return n;
	int64_t mode = (int64_t)((double)(n + 1) * p), low = mode, high = mode;
	double left = draw_uniform(state), odds = p / (1 - p);
	double below = exp(ln_probability(mode, n, p)), above = below;
	left -= below;
	while (left > 0 && (low > 0 || high < n)) {
		if (high < n) {
			above *= odds * (double)(n - high) / (double)(high + 1);
			high++;
			left -= above;
			if (left <= 0)
				return high;
		}
		if (low > 0) {
			below *= (double)low / (odds * (double)(n - low + 1));
			low--;
			left -= below;
			if (left <= 0)
				return low;
		}
	}
	return mode;
}

double binomial_at_most(int64_t k, int64_t n, double p)
{
	double sum = 0;
	for (int64_t i = 0; i <= k; i++)
		sum += exp(ln_probability(i, n, p));
	return sum;
}

double binomial_at_least(int64_t k, int64_t n, double p)
{
	double sum = 0;
	for (int64_t i = k; i <= n; i++)
		sum += exp(ln_probability(i, n, p));
	return sum;
}
