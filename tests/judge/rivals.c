/* Rivals. Sources: Wald 1945; Hodges and Lehmann 1963 for the interval of a shift that Kayenta
 * takes from Mann and Whitney's statistic with its normal approximation. */
#include "tests/judge/rivals.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static void sum_up(struct units *sum, struct units u)
{
	sum->n += u.n;
	sum->bad += u.bad;
}

static double rate(struct units u)
{
	return (double)u.bad / (double)u.n;
}

/* ---- z ---- */

#define Z_ONE_SIDED_1 2.3263478740408408

bool ztest_look(struct ztest *z, const struct judge_interval *i)
{
	for (int arm = 0; arm < ARM_COUNT; arm++)
		sum_up(&z->sum[arm], i->arm[arm].units);
	double n1 = (double)z->sum[ARM_V1].n, n2 = (double)z->sum[ARM_V2].n;
	double p = (double)(z->sum[ARM_V1].bad + z->sum[ARM_V2].bad) / (n1 + n2);
	double error = sqrt(p * (1 - p) * (1 / n1 + 1 / n2));
	return n1 > 0 && n2 > 0 && error > 0 &&
		(rate(z->sum[ARM_V2]) - rate(z->sum[ARM_V1])) / error >= Z_ONE_SIDED_1;
}

/* ---- thresholds ---- */

#define THRESHOLD 0.05

bool threshold_look(struct threshold *t, const struct judge_interval *i)
{
	struct units *slot = &t->last[t->next];
	t->next = (t->next + 1) % 60;
	t->sum.n -= slot->n;
	t->sum.bad -= slot->bad;
	*slot = i->arm[ARM_V2].units;
	sum_up(&t->sum, *slot);
	return t->sum.n > 0 && rate(t->sum) > THRESHOLD;
}

#define FLAGGER_SUCCESS 0.99
#define FLAGGER_FAILED 5

bool flagger_look(struct flagger *f, const struct judge_interval *i)
{
	sum_up(&f->minute, i->arm[ARM_V2].units);
	if (++f->seconds % 60 == 0) {
		f->failed += f->minute.n > 0 && 1 - rate(f->minute) < FLAGGER_SUCCESS;
		f->minute = (struct units){0};
	}
	return f->failed >= FLAGGER_FAILED;
}

/* ---- Kayenta ---- */

#define Z_TWO_SIDED_98 2.3263478740408408
#define EFFECT 0.25
#define BISECTIONS 60

struct ranked {
	double value;
	bool first;
};

static int by_value(const void *a, const void *b)
{
	double x = ((const struct ranked *)a)->value, y = ((const struct ranked *)b)->value;
	return (x > y) - (x < y);
}

/* The statistic of x - mu against y, in standard deviations; `toward` corrects for continuity. */
static double statistic(const double *x, const double *y, int n, double mu, double toward)
{
	struct ranked all[2 * KAYENTA_POINTS];
	for (int i = 0; i < n; i++) {
		all[i] = (struct ranked){x[i] - mu, true};
		all[n + i] = (struct ranked){y[i], false};
	}
	qsort(all, (size_t)(2 * n), sizeof *all, by_value);
	double ranks = 0, ties = 0, size = n;
	for (int i = 0, end; i < 2 * n; i = end) {
		for (end = i; end < 2 * n && all[end].value <= all[i].value;)
			end++;
		double alike = end - i, rank = (i + 1 + end) / 2.0;
		ties += alike * alike * alike - alike;
		for (int j = i; j < end; j++)
			ranks += all[j].first ? rank : 0;
	}
	double w = ranks - size * (size + 1) / 2 - size * size / 2;
	double variance = size * size / 12 * (2 * size + 1 - ties / (2 * size * (2 * size - 1)));
	return variance > 0 ? (w - toward * 0.5) / sqrt(variance) : 0;
}

/* The shift at which the statistic, which falls with it, is `z`. */
static double shift_at(
	const double *x, const double *y, int n, double z, double toward, double low, double high)
{
	for (int i = 0; i < BISECTIONS; i++) {
		double mu = (low + high) / 2;
		if (statistic(x, y, n, mu, toward) > z)
			low = mu;
		else
			high = mu;
	}
	return (low + high) / 2;
}

bool kayenta_is_high(const double *experiment, const double *control, int n)
{
	double low = INFINITY, high = -INFINITY, least = INFINITY, most = -INFINITY;
	assert(n >= 1 && n <= KAYENTA_POINTS);
	/* the interval's lower end is above 0 just when the statistic at 0 is beyond */
	if (statistic(experiment, control, n, 0, 1) <= Z_TWO_SIDED_98)
		return false;
	for (int i = 0; i < n; i++) {
		low = fmin(low, control[i]);
		high = fmax(high, control[i]);
		least = fmin(least, experiment[i]);
		most = fmax(most, experiment[i]);
	}
	double from = least - high, to = most - low;
	double end = shift_at(experiment, control, n, Z_TWO_SIDED_98, 1, from, to);
	double middle = shift_at(experiment, control, n, 0, 0, from, to);
	return end > EFFECT * fabs(middle);
}

bool kayenta_look(struct kayenta *k, const struct judge_interval *i)
{
	for (int arm = 0; arm < ARM_COUNT; arm++)
		sum_up(&k->minute[arm], i->arm[arm].units);
	if (++k->seconds % 60 != 0)
		return false;
	if (k->minute[ARM_V1].n > 0 && k->minute[ARM_V2].n > 0 && k->points < KAYENTA_POINTS) {
		for (int arm = 0; arm < ARM_COUNT; arm++)
			k->point[arm][k->points] = rate(k->minute[arm]);
		k->points++;
	}
	k->minute[ARM_V1] = k->minute[ARM_V2] = (struct units){0};
	return k->seconds % 600 == 0 && k->points > 0 &&
		kayenta_is_high(k->point[ARM_V2], k->point[ARM_V1], k->points);
}

/* ---- the oracle ---- */

void sprt_init(struct sprt *s, double null, double truth)
{
	s->ln = 0;
	odds_init(&s->odds, null, truth);
}

bool sprt_look(struct sprt *s, const struct judge_interval *i, double alpha)
{
	double d[ODDS_POINTS];
	if (odds_two(d, &s->odds, i->arm[ARM_V1].units, i->arm[ARM_V2].units))
		s->ln += d[ODDS_SAFE] - d[ODDS_HARM];
	return s->ln >= log(1 / alpha);
}
