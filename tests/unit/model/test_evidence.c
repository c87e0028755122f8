/* Evidence: the digits of the worked example; e-values, interval and onset against their
 * definitions summed in long double; that the mean of every e-value under its null is at most
 * one, over all outcomes of small tables, and of two looks with what is learnt between them. */
#include "model/evidence.h"

#include "model/burst.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof(a)[0]))

/* One arm against a rate that was not worked out before. */
static bool against(double d[ODDS_POINTS], const struct odds *o, struct units u, double p0)
{
	struct odds_rate rate = {0};
	odds_rate_set(&rate, o, p0);
	return odds_one(d, o, u, &rate);
}

static struct odds points(double theta0, double theta1)
{
	struct odds o;

	odds_init(&o, theta0, theta1);
	return o;
}

static void look(
	struct evidence *e, const struct odds *o, struct units v1, struct units v2, double phi)
{
	double d[ODDS_POINTS];

	if (odds_two(d, o, v1, v2))
		evidence_add(e, d, phi);
}

/* ---- the worked example ---- */

static const struct units example[][2] = {{{900, 1}, {100, 0}}, {{890, 2}, {110, 1}},
	{{880, 1}, {120, 3}}, {{910, 0}, {90, 2}}, {{450, 2}, {550, 9}}};

#define near(a, b, digits) assert_true(fabs((a) - (b)) < (digits))

static void test_the_worked_example(void **state)
{
	static const struct {
		double ln_harm, ln_brake, ln_safe, low, ratio;
	} rows[] = {{-0.309947209, -0.311877958, 0.065832001, 0, NAN},
		{-0.006238272, -0.052527222, -0.338645531, 0, 2.773},
		{2.801382940, 2.573096012, -1.422374587, 0.458502, 7.873},
		{5.704569352, 5.322335405, -2.049819290, 1.189207, 12.474},
		{6.685622779, 6.079062518, -2.756242989, 1.296840, 8.291}};
	struct odds o = points(1.1, 1.5);
	struct evidence e = {0};

	(void)state;
	for (int i = 0; i < COUNT(rows); i++) {
		look(&e, &o, example[i][0], example[i][1], 1);
		near(evidence_ln_harm(&e, &o), rows[i].ln_harm, 6e-10);
		near(evidence_ln_brake(&e, &o), rows[i].ln_brake, 6e-10);
		near(evidence_ln_safe(&e, &o), rows[i].ln_safe, 6e-10);
		struct ratio r = evidence_interval(&e, &o, 0.01);
		near(r.low, rows[i].low, 6e-7);
		assert_true(isinf(r.high));
		if (!isnan(rows[i].ratio))
			near(r.ratio, rows[i].ratio, 6e-4);
		assert_int_equal(e.informative, i + 1);
	}
	near(evidence_ln_onset(&e, &o), 8.112277625, 6e-10);
	assert_true(log(100) < rows[3].ln_harm && log(100) > rows[2].ln_harm);
}

static void test_one_arm_of_the_worked_example(void **state)
{
	struct odds o = points(1, 1);
	struct evidence safe = {0}, harm = {0};
	double d[ODDS_POINTS];

	(void)state;
	assert_true(against(d, &o, (struct units){3700, 0}, 0.001));
	evidence_add(&safe, d, 1);
	near(evidence_ln_safe(&safe, &o), 3.003505985, 6e-10);
	assert_true(against(d, &o, (struct units){1000, 5}, 0.001));
	evidence_add(&harm, d, 1);
	near(evidence_ln_harm(&harm, &o), 3.164217817, 6e-10);
	/* as many clean units as the table promises, and one less */
	for (int64_t n = 3691; n <= 3692; n++) {
		safe = (struct evidence){0};
		assert_true(against(d, &o, (struct units){n, 0}, 0.001));
		evidence_add(&safe, d, 1);
		assert_int_equal(evidence_ln_safe(&safe, &o) >= log(20), n == 3692);
	}
}

/* ---- the definitions ---- */

static long double mean_over(const struct evidence *e, int first, int last, int skip)
{
	long double sum = 0;
	int count = 0;

	for (int k = first; k <= last; k++) {
		if (k == skip)
			continue;
		sum += expl((long double)e->ln[k]);
		count++;
	}
	return sum / count;
}

static long double plain_harm(const struct evidence *e, const struct odds *o, int null)
{
	long double sum = 0;
	int count = 0;

	for (int k = 0; k <= 72; k++)
		if (o->theta[k] > 1.05 * o->theta[null]) {
			sum += expl((long double)e->ln[k] - (long double)e->ln[null]);
			count++;
		}
	return logl(sum / count);
}

static long double plain_safe(const struct evidence *e, const struct odds *o)
{
	long double null = expl((long double)e->ln[ODDS_SAFE]), sum = 0;
	int count = 0;

	if (o->theta[ODDS_SAFE] <= 1.05)
		return logl(mean_over(e, 0, 39, -1) / null);
	for (int k = 24; k < ODDS_GRID; k++)
		if (o->theta[k] < o->theta[ODDS_SAFE] / 1.05) {
			sum += expl((long double)e->ln[k]);
			count++;
		}
	return logl((expl((long double)e->ln[ODDS_ONE]) + sum / count) / 2 / null);
}

static long double plain_onset(double d[][ODDS_POINTS], int looks, const struct odds *o)
{
	long double sum = 0;
	int count = 0;

	/* R_k after all looks is the sum over every beginning */
	for (int k = 0; k <= 72; k++) {
		if (!(o->theta[k] > 1.05 * o->theta[ODDS_HARM]))
			continue;
		count++;
		for (int from = 0; from < looks; from++) {
			long double ln = 0;
			for (int i = from; i < looks; i++)
				ln += (long double)d[i][k] - (long double)d[i][ODDS_HARM];
			sum += expl(ln);
		}
	}
	return logl(sum / count);
}

static void check_interval(const struct evidence *e, const struct odds *o, double alpha)
{
	struct ratio r = evidence_interval(e, o, alpha);
	long double s = logl(mean_over(e, 0, 80, -1));
	int most = 0;

	for (int k = 0; k < ODDS_GRID; k++)
		if (e->ln[k] > e->ln[most])
			most = k;
	double low = 0, high = INFINITY;
	for (int k = 0; k < ODDS_GRID; k++) {
		if (s - (long double)e->ln[k] < logl(1 / (long double)alpha))
			continue;
		if (k < most)
			low = o->theta[k];
		if (k > most && isinf(high))
			high = o->theta[k];
	}
	assert_true(r.low == low);
	assert_true(r.high >= high && r.high <= high);
	double at = most;
	if (most > 0 && most < 80) {
		double a = e->ln[most - 1], b = e->ln[most], c = e->ln[most + 1];
		at += (a - c) / (2 * (a - 2 * b + c));
	}
	near(r.ratio / exp2((at - 40) / 8), 1, 1e-12);
	assert_true(r.low < r.ratio && r.ratio < r.high);
}

static void test_definitions(void **state)
{
	static const struct units looks[][2] = {{{90, 9}, {10, 2}}, {{80, 8}, {20, 1}},
		{{50, 3}, {50, 9}}, {{10, 1}, {90, 9}}, {{100, 4}, {100, 0}}, {{40, 20}, {60, 45}}};
	static const double nulls[][2] = {
		{1.1, 1.5}, {1, 1}, {1, 1.03}, {1, 1.06}, {1.3, 2}, {3, 4}, {11, 31}, {15, 32}};

	(void)state;
	for (int n = 0; n < COUNT(nulls); n++) {
		struct odds o = points(nulls[n][0], nulls[n][1]);
		struct evidence e = {0};
		double d[COUNT(looks)][ODDS_POINTS];
		for (int i = 0; i < COUNT(looks); i++) {
			assert_true(odds_two(d[i], &o, looks[i][0], looks[i][1]));
			evidence_add(&e, d[i], 1);
			near(evidence_ln_harm(&e, &o), (double)plain_harm(&e, &o, ODDS_HARM), 1e-12);
			near(evidence_ln_brake(&e, &o), (double)plain_harm(&e, &o, ODDS_BRAKE), 1e-12);
			near(evidence_ln_safe(&e, &o), (double)plain_safe(&e, &o), 1e-12);
			near(evidence_ln_onset(&e, &o), (double)plain_onset(d, i + 1, &o), 1e-12);
			near(evidence_ln_apart(&e), (double)logl(mean_over(&e, 0, 80, 40)), 1e-12);
			check_interval(&e, &o, 0.01);
			check_interval(&e, &o, 0.3);
		}
	}
}

/* What phi divides is the increment; earlier ones stay as they are. */
static void test_phi_divides_increments(void **state)
{
	struct odds o = points(1.1, 1.5);
	struct evidence e = {0};
	double a[ODDS_POINTS], b[ODDS_POINTS];

	(void)state;
	assert_true(odds_two(a, &o, (struct units){90, 3}, (struct units){10, 2}));
	assert_true(odds_two(b, &o, (struct units){80, 1}, (struct units){20, 4}));
	evidence_add(&e, a, 2);
	evidence_add(&e, b, 5);
	for (int k = 0; k < ODDS_POINTS; k++)
		near(e.ln[k], a[k] / 2 + b[k] / 5, 1e-14);
	for (int k = ODDS_ONE; k <= 72; k++) {
		double first = exp((a[k] - a[ODDS_HARM]) / 2);
		near(e.onset[k], (first + 1) * exp((b[k] - b[ODDS_HARM]) / 5), 1e-12 * e.onset[k]);
	}
}

/* ---- what has seen nothing, and what has seen too much ---- */

static void test_nothing_seen(void **state)
{
	struct odds o = points(1.1, 1.5);
	struct evidence e = {0};

	(void)state;
	near(evidence_ln_harm(&e, &o), 0, 1e-15);
	near(evidence_ln_brake(&e, &o), 0, 1e-15);
	near(evidence_ln_safe(&e, &o), 0, 1e-15);
	near(evidence_ln_apart(&e), 0, 1e-15);
	assert_true(isinf(evidence_ln_onset(&e, &o)) && evidence_ln_onset(&e, &o) < 0);
	struct ratio r = evidence_interval(&e, &o, 0.01);
	assert_true(r.low == 0 && isnan(r.ratio) && isinf(r.high));
}

/* No alpha: nothing is ever ruled out. */
static void test_no_alpha_rules_nothing_out(void **state)
{
	struct odds o = points(1.1, 1.5);
	struct evidence e = {0};

	(void)state;
	look(&e, &o, (struct units){1000000, 1000}, (struct units){1000000, 1000}, 1);
	struct ratio r = evidence_interval(&e, &o, 0);
	assert_true(r.low == 0 && isinf(r.high));
	near(r.ratio, 1, 1e-3);
}

static void test_a_flat_likelihood_is_not_moved(void **state)
{
	struct odds o = points(1.1, 1.5);
	struct evidence e = {.informative = 1};
	const double flat[ODDS_POINTS] = {0};

	(void)state;
	assert_true(evidence_interval(&e, &o, 0.5).ratio == 1. / 32); /* the first of equals */
	evidence_add(&e, flat, 1);
	e.ln[0] = -1;
	struct ratio r = evidence_interval(&e, &o, 0.5);
	near(r.ratio, exp2((0.5 + 1 - 40) / 8), 1e-12); /* half way to its equal */
	for (int k = 0; k < ODDS_GRID; k++)
		e.ln[k] = 0x1p53 - (k < 40 ? 1 : 0);
	assert_true(evidence_interval(&e, &o, 0.5).ratio == 1); /* bends by less than can be told */
}

static void test_floods_stay_finite(void **state)
{
	static const struct units floods[][2] = {{{INT64_C(1) << 40, 5}, {INT64_C(1) << 40, 700}},
		{{INT64_C(1) << 40, INT64_C(1) << 39}, {INT64_C(1) << 40, 3}},
		{{INT64_C(1) << 52, 0}, {INT64_C(1) << 52, INT64_C(1) << 51}},
		{{INT64_C(1) << 52, INT64_C(1) << 52}, {INT64_C(1) << 52, INT64_C(1) << 51}}};
	struct odds o = points(1.1, 1.5);

	(void)state;
	for (int i = 0; i < COUNT(floods); i++)
		for (int way = 0; way < 2; way++) {
			struct evidence e = {0};
			for (int looks = 0; looks < 20; looks++)
				look(&e, &o, floods[i][way], floods[i][1 - way], 1);
			/* the first and the third have v2 worse */
			bool worse = (i % 2 == 0) == (way == 0);
			double harm = evidence_ln_harm(&e, &o), safe = evidence_ln_safe(&e, &o);
			assert_true(isfinite(harm) && isfinite(evidence_ln_brake(&e, &o)));
			assert_true(isfinite(safe) && isfinite(evidence_ln_apart(&e)));
			assert_true(worse ? harm > 1000 && safe < 0 : harm < 0 && safe > 1000);
			assert_true(!isnan(evidence_ln_onset(&e, &o)));
			struct ratio r = evidence_interval(&e, &o, 0.01);
			assert_true(r.low >= 0 && r.low < r.ratio && r.ratio <= r.high);
			assert_true(worse ? r.ratio == 32 && isinf(r.high) : r.low == 0);
		}
}

/* ---- the mean of an e-value, over all outcomes ---- */

#define MOST 12

static double choose(int n, int k)
{
	double c = 1;

	for (int i = 1; i <= k; i++)
		c = c * (n - k + i) / i;
	return c;
}

static double binomial(int n, int x, double p)
{
	return choose(n, x) * pow(p, x) * pow(1 - p, n - x);
}

static double worse_by(double p, double theta)
{
	double odds = p / (1 - p) * theta;

	return odds / (1 + odds);
}

/* Base rates and, for each null, truths that obey it, the null first. */
static const double bases[] = {0.02, 0.3, 0.8};
static const double parts[] = {1, 0.9, 0.5, 1. / 32};

struct means {
	double harm[COUNT(bases)][COUNT(parts)];
	double safe[COUNT(bases)][COUNT(parts)];
	double missed[COUNT(bases)]; /* a ratio of 2 outside the interval */
};

#define ALPHA 0.3

static void add_outcome(struct means *sum, const struct odds *o, const struct units v[2])
{
	struct evidence e = {0};
	look(&e, o, v[0], v[1], 1);
	double harm = exp(evidence_ln_harm(&e, o)), safe = exp(evidence_ln_safe(&e, o));
	struct ratio r = evidence_interval(&e, o, ALPHA);
	int n1 = (int)v[0].n, n2 = (int)v[1].n, x1 = (int)v[0].bad, x2 = (int)v[1].bad;

	for (int b = 0; b < COUNT(bases); b++) {
		double first = binomial(n1, x1, bases[b]);
		for (int k = 0; k < COUNT(parts); k++) {
			double below = worse_by(bases[b], o->theta[ODDS_HARM] * parts[k]);
			double above = worse_by(bases[b], o->theta[ODDS_SAFE] / parts[k]);
			sum->harm[b][k] += first * binomial(n2, x2, below) * harm;
			sum->safe[b][k] += first * binomial(n2, x2, above) * safe;
		}
		if (r.low >= 2 || r.high <= 2)
			sum->missed[b] += first * binomial(n2, x2, worse_by(bases[b], 2));
	}
}

static void check_means(const struct odds *o, int n1, int n2)
{
	struct means sum = {0};

	for (int x1 = 0; x1 <= n1; x1++)
		for (int x2 = 0; x2 <= n2; x2++) {
			const struct units v[2] = {{n1, x1}, {n2, x2}};
			add_outcome(&sum, o, v);
		}
	for (int b = 0; b < COUNT(bases); b++) {
		near(sum.harm[b][0], 1, 1e-11); /* at the null itself none is wasted */
		near(sum.safe[b][0], 1, 1e-11);
		for (int k = 1; k < COUNT(parts); k++)
			assert_true(sum.harm[b][k] <= 1 + 1e-12 && sum.safe[b][k] <= 1 + 1e-12);
		assert_true(sum.missed[b] <= ALPHA);
	}
}

static void test_the_mean_of_one_look(void **state)
{
	struct odds o = points(1.1, 1.5), level = points(1, 1);

	(void)state;
	for (int n1 = 0; n1 <= MOST; n1++)
		for (int n2 = 0; n2 <= MOST; n2++) {
			check_means(&o, n1, n2);
			if (n1 % 4 == 0)
				check_means(&level, n1, n2);
		}
}

static void test_the_mean_of_the_split(void **state)
{
	static const double shares[] = {0.0001, 0.05, 0.5, 0.99};
	struct odds o = points(1, 1);
	double d[ODDS_POINTS];

	(void)state;
	for (int s = 0; s < COUNT(shares); s++)
		for (int n = 1; n <= 2 * MOST; n++) {
			double mean = 0;
			for (int x = 0; x <= n; x++) {
				struct evidence e = {0};
				assert_true(against(d, &o, (struct units){n, x}, shares[s]));
				evidence_add(&e, d, 1);
				mean += binomial(n, x, shares[s]) * exp(evidence_ln_apart(&e));
			}
			near(mean, 1, 1e-11);
		}
}

/* Two looks; the first feeds the dispersion by which the second is divided. */
struct two_looks {
	double harm, safe, onset;
	int phis; /* outcomes of the first look after which phi was more than 1 */
};

static void second_look(struct two_looks *sum, const struct odds *o, const struct evidence *e,
	double phi, double chance_harm[], double chance_safe[], int n)
{
	for (int x1 = 0; x1 <= n; x1++)
		for (int x2 = 0; x2 <= n; x2++) {
			struct evidence then = *e;
			look(&then, o, (struct units){n, x1}, (struct units){n, x2}, phi);
			int at = x1 * (n + 1) + x2;
			sum->harm += chance_harm[at] * exp(evidence_ln_harm(&then, o));
			sum->onset += chance_harm[at] * exp(evidence_ln_onset(&then, o));
			sum->safe += chance_safe[at] * exp(evidence_ln_safe(&then, o));
		}
}

static struct two_looks means_of_two(const struct odds *o, int n, double base)
{
	double harm[64], safe[64];
	double harmful = worse_by(base, o->theta[ODDS_HARM]);
	double unsafe = worse_by(base, o->theta[ODDS_SAFE]);
	struct two_looks sum = {0};

	for (int at = 0; at < (n + 1) * (n + 1); at++) {
		double first = binomial(n, at / (n + 1), base);
		harm[at] = first * binomial(n, at % (n + 1), harmful);
		safe[at] = first * binomial(n, at % (n + 1), unsafe);
	}
	for (int at = 0; at < (n + 1) * (n + 1); at++) {
		struct burst b = {.apart = 3,
			.expected = 3,
			.pairs = 40,
			.last = {{n, 1}, {n, 1}},
			.has_last = {true, true}};
		struct units v1 = {n, at / (n + 1)}, v2 = {n, at % (n + 1)};
		struct evidence e = {0};
		struct two_looks part = {0};
		look(&e, o, v1, v2, burst_phi(&b));
		burst_add(&b, ARM_V1, v1);
		burst_add(&b, ARM_V2, v2);
		second_look(&part, o, &e, burst_phi(&b), harm, safe, n);
		sum.harm += harm[at] * part.harm;
		sum.onset += harm[at] * part.onset;
		sum.safe += safe[at] * part.safe;
		sum.phis += burst_phi(&b) > 1;
	}
	return sum;
}

static void test_the_mean_of_two_looks(void **state)
{
	struct odds o = points(1.1, 1.5);

	(void)state;
	for (int n = 1; n <= 5; n++)
		for (int b = 0; b < COUNT(bases); b++) {
			struct two_looks mean = means_of_two(&o, n, bases[b]);
			assert_true(mean.harm <= 1 + 1e-12 && mean.harm > 0.8);
			assert_true(mean.safe <= 1 + 1e-12 && mean.safe > 0.8);
			/* each look begins one more sum, whose mean stays at most one */
			assert_true(mean.onset <= 2 + 1e-12);
			assert_true(n < 3 || mean.phis > 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_worked_example),
		cmocka_unit_test(test_one_arm_of_the_worked_example),
		cmocka_unit_test(test_definitions),
		cmocka_unit_test(test_phi_divides_increments),
		cmocka_unit_test(test_nothing_seen),
		cmocka_unit_test(test_no_alpha_rules_nothing_out),
		cmocka_unit_test(test_a_flat_likelihood_is_not_moved),
		cmocka_unit_test(test_floods_stay_finite),
		cmocka_unit_test(test_the_mean_of_one_look),
		cmocka_unit_test(test_the_mean_of_the_split),
		cmocka_unit_test(test_the_mean_of_two_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
