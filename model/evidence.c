/* Mixtures over the grid. Each sum of exponentials is taken relative to its largest term. */
#include "model/evidence.h"

#include <assert.h>
#include <math.h>

#define NEGLIGIBLE 42.0
#define APART 1.05      /* a hypothesis as near as that to its null proves nothing */
#define HARM_LAST 72    /* theta = 16 */
#define SAFE_FIRST 24   /* theta = 1/4 */
#define ONSET_MAX 1e300 /* sums stay finite; A is some millions */

void evidence_add(struct evidence *e, const double d[ODDS_POINTS], double phi)
{
	assert(phi >= 1);
	for (int k = 0; k < ODDS_POINTS; k++)
		e->ln[k] += d[k] / phi;
	for (int k = ODDS_ONE; k <= HARM_LAST; k++)
		e->onset[k] = fmin((e->onset[k] + 1) * exp((d[k] - d[ODDS_HARM]) / phi), ONSET_MAX);
	e->informative++;
}

/* ln of the mean of e^ln[k] over first..last without `skip`. */
static double ln_mean(const double *ln, int first, int last, int skip)
{
	double most = -INFINITY, sum = 0;
	int count = 0;
	for (int k = first; k <= last; k++)
		if (k != skip && ln[k] > most)
			most = ln[k];
	for (int k = first; k <= last; k++) {
		if (k == skip)
			continue;
		/* a term this small changes no digit of the sum */
		if (ln[k] > most - NEGLIGIBLE)
			sum += exp(ln[k] - most);
		count++;
	}
	return most + log(sum / count);
}

/* The first point of the grid above a null. */
static int first_above(const struct odds *o, double theta)
{
	int k = ODDS_ONE;
	while (o->theta[k] <= theta)
		k++;
	return k;
}

static double ln_above(const struct evidence *e, const struct odds *o, enum odds_point null)
{
	return ln_mean(e->ln, first_above(o, APART * o->theta[null]), HARM_LAST, -1) - e->ln[null];
}

double evidence_ln_harm(const struct evidence *e, const struct odds *o)
{
	return ln_above(e, o, ODDS_HARM);
}

double evidence_ln_brake(const struct evidence *e, const struct odds *o)
{
	return ln_above(e, o, ODDS_BRAKE);
}

/* ln(e^a + e^b) */
static double ln_add(double a, double b)
{
	double most = fmax(a, b);
	return most + log1p(exp(fmin(a, b) - most));
}

double evidence_ln_safe(const struct evidence *e, const struct odds *o)
{
	double null = e->ln[ODDS_SAFE];
	if (o->theta[ODDS_SAFE] <= APART)
		return ln_mean(e->ln, 0, ODDS_ONE - 1, -1) - null;
	int last = SAFE_FIRST;
	while (o->theta[last + 1] < o->theta[ODDS_SAFE] / APART)
		last++;
	double below = ln_mean(e->ln, SAFE_FIRST, last, -1);
	return ln_add(e->ln[ODDS_ONE], below) - log(2) - null;
}

double evidence_ln_apart(const struct evidence *e)
{
	return ln_mean(e->ln, 0, ODDS_GRID - 1, ODDS_ONE) - e->ln[ODDS_ONE];
}

double evidence_ln_onset(const struct evidence *e, const struct odds *o)
{
	int first = first_above(o, APART * o->theta[ODDS_HARM]);
	double sum = 0;
	for (int k = first; k <= HARM_LAST; k++)
		sum += e->onset[k] / (HARM_LAST - first + 1);
	return log(sum);
}

/* The largest, moved by the parabola through it and its neighbours. */
static double estimate(const double *ln, int most)
{
	double k = most;
	if (most > 0 && most < ODDS_GRID - 1) {
		double a = ln[most - 1], b = ln[most], c = ln[most + 1];
		double bend = a - 2 * b + c;
		if (bend < 0)
			k += (a - c) / (2 * bend);
	}
	return exp2((k - ODDS_ONE) / 8);
}

struct ratio evidence_interval(const struct evidence *e, const struct odds *o, double alpha)
{
	if (e->informative == 0)
		return (struct ratio){0, NAN, INFINITY};
	int most = 0;
	for (int k = 1; k < ODDS_GRID; k++)
		if (e->ln[k] > e->ln[most])
			most = k;
	double bound = ln_mean(e->ln, 0, ODDS_GRID - 1, -1) - log(1 / alpha);
	int low = most, high = most;
	while (low >= 0 && e->ln[low] > bound)
		low--;
	while (high < ODDS_GRID && e->ln[high] > bound)
		high++;
	return (struct ratio){
		.low = low >= 0 ? o->theta[low] : 0,
		.ratio = estimate(e->ln, most),
		.high = high < ODDS_GRID ? o->theta[high] : INFINITY,
	};
}
