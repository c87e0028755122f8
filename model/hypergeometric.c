/* The sums, two ways. A short one is a polynomial. A longer one takes its terms at a stride, which
 * is as exact: the law is that of a sum of independent trials, so that terms taken at every s-th
 * place miss the whole by exp(-sigma^2 (1 - cos(2 pi / s))) at most. It goes outwards from its
 * largest term, by ratios of neighbours while the stride is short.
 *
 * Invariants:
 * 1. No term is computed as a difference of logarithms of factorials: at 1e9 units these are
 *    wrong by 1e-6.
 * 2. The work is bounded for every input: 1e4 terms a ratio at most. */
#include "model/hypergeometric.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

#define SHORT 64           /* terms of a polynomial; 32^64 is far from an overflow */
#define WIDE 256.0         /* standard deviations from which terms are taken at a stride */
#define STRIDES 2.5        /* a standard deviation has: 2 misses 4e-22 from sigma 5 on */
#define STEPS 2048         /* that are worked out once for all ratios */
#define NEGLIGIBLE 1e-18   /* of the sum */
#define LN_NEGLIGIBLE 42.0 /* the same as a logarithm */

/* The margins; x is v2's part of the bad units, lo..hi. All exact as doubles. */
struct margins {
	double n1, n2, m, lo, hi;
	double mean[4];          /* expected cells at theta = 1: v2 bad, v2 good, v1 bad, v1 good */
	const double *up, *down; /* steps from lo on, and back; NULL: they are too many to keep */
};

/* What the coefficient of x + 1 is to that of x; falls with x. */
static double step_up(const struct margins *g, double x)
{
	return (g->n2 - x) * (g->m - x) / ((x + 1) * (g->n1 - g->m + x + 1));
}

/* ---- short: a polynomial ---- */

static int unit_mode(const struct margins *g, int width)
{
	int at = 0;
	while (at < width && step_up(g, g->lo + at) >= 1)
		at++;
	return at;
}

/* The polynomial at every ratio: side by side, since one alone waits for each of its terms. */
static void horner(double *out, const double *theta, int count, const double *c, int width)
{
	for (int k = 0; k < count; k++)
		out[k] = c[width];
	for (int j = width; j-- > 0;)
		for (int k = 0; k < count; k++)
			out[k] = out[k] * theta[k] + c[j];
}

static void by_polynomial(double *out, const double *theta, int count, const struct margins *g)
{
	double c[SHORT];
	int width = (int)(g->hi - g->lo);
	int mode = unit_mode(g, width);
	c[mode] = 1;
	for (int j = mode; j < width; j++)
		c[j + 1] = c[j] * step_up(g, g->lo + j);
	for (int j = mode; j > 0; j--)
		c[j - 1] = c[j] / step_up(g, g->lo + j - 1);
	double one;
	horner(&one, (const double[]){1}, 1, c, width);
	horner(out, theta, count, c, width);
	for (int k = 0; k < count; k++)
		out[k] = log(out[k] / one) + (g->lo > 0 ? g->lo * log(theta[k]) : 0);
}

/* ---- long: outwards from the mode ---- */

/* x ln(x / mean) + mean - x without cancellation where x is near the mean (Loader's bd0). */
static double deviance(double x, double mean)
{
	double apart = x - mean;
	if (fabs(apart) >= 0.1 * (x + mean))
		return x * log(x / mean) + mean - x;
	double v = apart / (x + mean), sum = apart * v, term = 2 * x * v;
	for (int j = 1; j < 1000; j++) {
		term *= v * v;
		double next = sum + term / (2 * j + 1);
		if (next == sum)
			break;
		sum = next;
	}
	return sum;
}

/* ln x! - x ln mean + mean: how unlikely a cell is. */
static double cell(double x, double mean)
{
	static const double factorial[16] = {1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800,
		39916800, 479001600, 6227020800, 87178291200, 1307674368000};
	if (x < 16)
		return log(factorial[(int)x]) - x * log(mean) + mean;
	double y = 1 / (x * x);
	double stirling =
		(1. / 12 - y * (1. / 360 - y * (1. / 1260 - y * (1. / 1680 - y / 1188)))) / x;
	return deviance(x, mean) + stirling + 0.5 * log(x);
}

/* Half of ln(2 pi), once for each cell that is large enough for Stirling's series. */
static double half_ln_2pi(double x)
{
	return x < 16 ? 0 : 0.91893853320467274178;
}

/* ln of the coefficient of x, up to what is the same for every x. */
static double ln_coefficient(const struct margins *g, double x)
{
	const double cells[4] = {x, g->n2 - x, g->m - x, g->n1 - g->m + x};
	double sum = 0;
	for (int i = 0; i < 4; i++)
		sum += cell(cells[i], g->mean[i]) + half_ln_2pi(cells[i]);
	return -sum;
}

/* The x whose term is largest. */
static double mode_of(const struct margins *g, double t)
{
	double a = t - 1, b = g->m - g->n1 - (g->n2 + g->m + 2) * t;
	double c = (g->n2 + 1) * (g->m + 1) * t;
	double root = b * b - 4 * a * c;
	double x = floor(-2 * c / (b - sqrt(root > 0 ? root : 0)));
	x = x < g->lo ? g->lo : x > g->hi ? g->hi : x;
	/* Rounding may leave the neighbour; which of two equals does not matter. */
	while (x < g->hi && t * step_up(g, x) > 1)
		x++;
	while (x > g->lo && t * step_up(g, x - 1) < 1)
		x--;
	return x;
}

static double sigma_of(const struct margins *g, double x)
{
	return 1 /
		sqrt(1 / (x + 1) + 1 / (g->n2 - x + 1) + 1 / (g->m - x + 1) +
			1 / (g->n1 - g->m + x + 1));
}

/* What the term of x + stride is to that of x, and the way back from x. */
static double stride_up(const struct margins *g, double x, int stride)
{
	double f = 1;
	for (int j = 0; j < stride; j++)
		f *= g->up ? g->up[(int)(x - g->lo) + j] : step_up(g, x + j);
	return f;
}

static double stride_down(const struct margins *g, double x, int stride)
{
	double f = 1;
	for (int j = 1; j <= stride; j++)
		f *= g->down ? g->down[(int)(x - g->lo) - j] : 1 / step_up(g, x - j);
	return f;
}

/* The sum of all terms over the mode's. */
static double sum_by_steps(const struct margins *g, double mode, double t, double sigma)
{
	int stride = (int)fmax(floor(sigma / STRIDES), 1);
	double sum = 1, term = 1, power = 1;
	for (int j = 0; j < stride; j++)
		power *= t;
	for (double x = mode; x + stride <= g->hi && term > NEGLIGIBLE * sum; x += stride)
		sum += term *= power * stride_up(g, x, stride);
	term = 1;
	for (double x = mode; x - stride >= g->lo && term > NEGLIGIBLE * sum; x -= stride)
		sum += term *= stride_down(g, x, stride) / power;
	return sum * stride;
}

/* The same where steps would be too many: each term by itself. */
static double sum_by_strides(
	const struct margins *g, double mode, double ln_mode, double ln_t, double sigma)
{
	double stride = floor(sigma / STRIDES), sum = 1;
	for (int side = -1; side <= 1; side += 2)
		for (double j = 1;; j++) {
			double x = mode + side * j * stride;
			if (x < g->lo || x > g->hi)
				break;
			double ln_term = ln_coefficient(g, x) - ln_mode + (x - mode) * ln_t;
			if (ln_term < -LN_NEGLIGIBLE)
				break;
			sum += exp(ln_term);
		}
	return sum * stride;
}

static double ln_sum(const struct margins *g, double t)
{
	double mode = mode_of(g, t), sigma = sigma_of(g, mode), ln_t = log(t);
	double ln_mode = ln_coefficient(g, mode);
	double sum = sigma > WIDE ? sum_by_strides(g, mode, ln_mode, ln_t, sigma)
							  : sum_by_steps(g, mode, t, sigma);
	return ln_mode + mode * ln_t + log(sum);
}

void hypergeometric_ln_z(
	double *out, const double *theta, int count, int64_t n1, int64_t n2, int64_t m)
{
	assert(n1 >= 0 && n2 >= 0 && n1 <= HYPERGEOMETRIC_MAX && n2 <= HYPERGEOMETRIC_MAX);
	assert(m >= 0 && m <= n1 + n2);
	int64_t lo = m > n1 ? m - n1 : 0, hi = m < n2 ? m : n2;
	struct margins g = {
		.n1 = (double)n1, .n2 = (double)n2, .m = (double)m, .lo = (double)lo, .hi = (double)hi};
	if (hi - lo < SHORT) {
		by_polynomial(out, theta, count, &g);
		return;
	}
	double up[STEPS], down[STEPS];
	if (hi - lo < STEPS) {
		for (int j = 0; j < (int)(hi - lo); j++) {
			up[j] = step_up(&g, g.lo + j);
			down[j] = 1 / up[j];
		}
		g.up = up;
		g.down = down;
	}
	double bad = g.m / (g.n1 + g.n2), good = (g.n1 + g.n2 - g.m) / (g.n1 + g.n2);
	const double mean[4] = {g.n2 * bad, g.n2 * good, g.n1 * bad, g.n1 * good};
	for (int i = 0; i < 4; i++)
		g.mean[i] = mean[i];
	double ln_one = ln_sum(&g, 1);
	for (int k = 0; k < count; k++)
		out[k] = ln_sum(&g, theta[k]) - ln_one;
}
