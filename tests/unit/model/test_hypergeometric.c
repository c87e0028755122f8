/* Hypergeometric: the sums against exact integers for every small table, against all of their
 * terms in long double for those of middle size, against 50 digits for the large; the borders
 * between the three ways; the work that the largest counts cost. */
#include "model/hypergeometric.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof(a)[0]))

/* ---- whole numbers of any size ---- */

__extension__ typedef unsigned __int128 wide;

#define LIMBS 7

/* The lowest limb first; `used` of them. */
struct whole {
	uint64_t limb[LIMBS];
	int used;
};

static void whole_push(struct whole *w, uint64_t carry)
{
	if (carry == 0)
		return;
	assert_true(w->used < LIMBS);
	w->limb[w->used++] = carry;
}

static void whole_times(struct whole *w, uint64_t factor)
{
	uint64_t carry = 0;

	for (int i = 0; i < w->used; i++) {
		wide product = (wide)w->limb[i] * factor + carry;
		w->limb[i] = (uint64_t)product;
		carry = (uint64_t)(product >> 64);
	}
	whole_push(w, carry);
}

static void whole_add(struct whole *w, const struct whole *v)
{
	uint64_t carry = 0;

	while (w->used < v->used)
		w->limb[w->used++] = 0;
	for (int i = 0; i < w->used; i++) {
		wide sum = (wide)w->limb[i] + (i < v->used ? v->limb[i] : 0) + carry;
		w->limb[i] = (uint64_t)sum;
		carry = (uint64_t)(sum >> 64);
	}
	whole_push(w, carry);
}

static long double whole_ln(const struct whole *w)
{
	long double value = 0;

	for (int i = w->used; i-- > 0;)
		value = value * 0x1p64L + (long double)w->limb[i];
	return logl(value);
}

static void test_whole_numbers(void **state)
{
	struct whole w = {.limb = {1}, .used = 1},
				 v = {.limb = {UINT64_MAX, UINT64_MAX}, .used = 2};

	(void)state;
	for (int i = 0; i < 5; i++)
		whole_times(&w, UINT64_C(1) << 40);
	assert_int_equal(w.used, 4);
	assert_true(w.limb[3] == 256 && w.limb[2] == 0 && w.limb[1] == 0 && w.limb[0] == 0);
	assert_true(fabsl(whole_ln(&w) - 200 * logl(2)) < 1e-17L);
	w = (struct whole){.limb = {1}, .used = 1};
	whole_add(&v, &w);
	assert_true(v.used == 3 && v.limb[0] == 0 && v.limb[1] == 0 && v.limb[2] == 1);
}

/* ---- every small table ---- */

#define SMALL 40

/* Ratios up/down, in lowest terms. */
static const struct fraction {
	uint64_t up, down;
} fractions[] = {{1, 1}, {2, 1}, {1, 2}, {3, 2}, {5, 4}, {32, 1}, {1, 32}};

static uint64_t choose[SMALL + 1][SMALL + 1];

static int fill_choose(void **state)
{
	(void)state;
	for (int n = 0; n <= SMALL; n++)
		for (int k = 0; k <= n; k++)
			choose[n][k] = k == 0 || k == n ? 1 : choose[n - 1][k - 1] + choose[n - 1][k];
	return 0;
}

/* down^hi Z(up/down), exactly. */
static void exact_z(struct whole *z, int n1, int n2, int m, int lo, int hi, struct fraction t)
{
	struct whole power = {.limb = {1}, .used = 1};

	*z = (struct whole){.used = 0};
	for (int x = hi; x >= lo; x--) {
		struct whole term = power;
		whole_times(&term, choose[n2][x]);
		whole_times(&term, choose[n1][m - x]);
		if (x < hi)
			whole_times(z, t.up);
		whole_add(z, &term);
		whole_times(&power, t.down);
	}
}

/* The loop multiplies what it has by `up` once a step, so that x = lo is left without: what is
 * compared is the sum of C C up^(x-lo) down^(hi-x), and Z(1) is the same with 1 and 1. */
static long double exact_ln_z(int n1, int n2, int m, struct fraction t)
{
	int lo = m > n1 ? m - n1 : 0, hi = m < n2 ? m : n2;
	struct whole z, one;

	exact_z(&z, n1, n2, m, lo, hi, t);
	exact_z(&one, n1, n2, m, lo, hi, (struct fraction){1, 1});
	return whole_ln(&z) - whole_ln(&one) + (long double)lo * logl((long double)t.up) -
		(long double)hi * logl((long double)t.down);
}

static void check_small(int n1, int n2, int m)
{
	double theta[COUNT(fractions)], out[COUNT(fractions)];

	for (int k = 0; k < COUNT(fractions); k++)
		theta[k] = (double)fractions[k].up / (double)fractions[k].down;
	hypergeometric_ln_z(out, theta, COUNT(fractions), n1, n2, m);
	for (int k = 0; k < COUNT(fractions); k++) {
		long double exact = exact_ln_z(n1, n2, m, fractions[k]);
		if (fabsl(exact - (long double)out[k]) > 4e-14L)
			fail_msg("n1 %d n2 %d m %d theta %g: %.17g, not %.17Lg", n1, n2, m, theta[k],
				out[k], exact);
	}
}

static void test_every_small_table_is_exact(void **state)
{
	(void)state;
	for (int n1 = 0; n1 <= SMALL; n1++)
		for (int n2 = 0; n2 <= SMALL; n2++)
			for (int m = 0; m <= n1 + n2; m++)
				check_small(n1, n2, m);
}

/* ---- all terms ---- */

#define MIDDLE 1050000

static long double *ln_factorial;

static int fill_factorials(void **state)
{
	ln_factorial = calloc(MIDDLE + 1, sizeof *ln_factorial);
	if (!ln_factorial)
		return -1;
	/* compensated: a plain sum of so many would be off by 1e-14 */
	long double lost = 0;
	for (int n = 2; n <= MIDDLE; n++) {
		long double add = logl((long double)n) - lost, before = ln_factorial[n - 1];
		ln_factorial[n] = before + add;
		lost = (ln_factorial[n] - before) - add;
	}
	return fill_choose(state);
}

static int free_factorials(void **state)
{
	(void)state;
	free(ln_factorial);
	return 0;
}

static long double ln_choose(int64_t n, int64_t k)
{
	return ln_factorial[n] - ln_factorial[k] - ln_factorial[n - k];
}

static long double plain_ln_sum(int64_t n1, int64_t n2, int64_t m, double theta)
{
	int64_t lo = m > n1 ? m - n1 : 0, hi = m < n2 ? m : n2;
	long double most = -INFINITY, sum = 0, ln_theta = logl((long double)theta);

	for (int64_t x = lo; x <= hi; x++)
		most = fmaxl(most, ln_choose(n2, x) + ln_choose(n1, m - x) + (long double)x * ln_theta);
	for (int64_t x = lo; x <= hi; x++) {
		long double ln =
			ln_choose(n2, x) + ln_choose(n1, m - x) + (long double)x * ln_theta - most;
		if (ln > -60)
			sum += expl(ln);
	}
	return most + logl(sum);
}

static const double ratios[] = {1. / 32, 0.5, 1, 1.0905077326652577, 1.1, 2, 32};

/* The largest error that the header promises. */
static double allowed(double result)
{
	return 1e-12 + 1e-15 * fabs(result);
}

static void check_plain(int64_t n1, int64_t n2, int64_t m)
{
	double out[COUNT(ratios)];

	hypergeometric_ln_z(out, ratios, COUNT(ratios), n1, n2, m);
	long double one = plain_ln_sum(n1, n2, m, 1);
	for (int k = 0; k < COUNT(ratios); k++) {
		long double plain = plain_ln_sum(n1, n2, m, ratios[k]) - one;
		if (fabsl(plain - (long double)out[k]) > (long double)allowed((double)plain))
			fail_msg("n1 %lld n2 %lld m %lld theta %g: %.17g, not %.17Lg", (long long)n1,
				(long long)n2, (long long)m, ratios[k], out[k], plain);
	}
}

static void test_middle_sizes_agree_with_all_terms(void **state)
{
	static const int64_t sizes[][3] = {{900, 100, 100}, {900, 100, 950}, {500, 500, 500},
		{1, 1000, 500}, {1000, 1, 500}, {100, 1000, 1050}, {9000, 1000, 70}, {9900, 100, 4000},
		{50000, 50000, 1000}, {90000, 10000, 300}, {99000, 1000, 20000}, {5000, 95000, 9999},
		{100000, 100000, 64}, {100000, 100000, 10000}, {64, 100000, 200}, {100000, 70, 99000}};

	(void)state;
	for (int i = 0; i < COUNT(sizes); i++)
		check_plain(sizes[i][0], sizes[i][1], sizes[i][2]);
}

/* 64 terms are a polynomial, 65 are not: 62..66 of them, by each margin. */
static void test_border_of_short_sums(void **state)
{
	(void)state;
	for (int64_t m = 61; m <= 66; m++) {
		check_plain(5000, 1000, m);
		check_plain(1000, 5000, m);
		check_plain(5000, m, 3000);
		check_plain(m, 5000, 3000);
		check_plain(300, 300, 600 - m);
	}
}

/* Two equal arms with half of n bad: the standard deviation is the root of n/8, 256 at 524,288. */
static void test_border_of_wide_sums(void **state)
{
	(void)state;
	check_plain(524200, 524200, 524200);
	check_plain(524400, 524400, 524400);
}

/* A table once over and once under the border differs by the next term only: ln Z is smooth in m,
 * and its third difference is far below what a jump between two ways would leave. */
static void test_no_jump_where_the_ways_meet(void **state)
{
	(void)state;
	double before[4][COUNT(ratios)];
	for (int64_t middle = 261000; middle <= 264000; middle += 500) {
		for (int i = 0; i < 4; i++)
			hypergeometric_ln_z(before[i], ratios, COUNT(ratios), INT64_C(1) << 40,
				INT64_C(1) << 40, middle + i);
		for (int k = 0; k < COUNT(ratios); k++) {
			double third = before[3][k] - 3 * before[2][k] + 3 * before[1][k] - before[0][k];
			assert_true(fabs(third) < 8e-9);
		}
	}
	for (int64_t n = 524000; n <= 524600; n += 100) {
		for (int i = 0; i < 4; i++)
			hypergeometric_ln_z(before[i], ratios, COUNT(ratios), n, n, n + i);
		for (int k = 0; k < COUNT(ratios); k++) {
			double third = before[3][k] - 3 * before[2][k] + 3 * before[1][k] - before[0][k];
			assert_true(fabs(third) < 8e-9);
		}
	}
}

/* ---- large ---- */

/* By recurrence from the mode with 50 digits, the mode's coefficient by ln Gamma. */
static void test_large_counts_to_the_digits_of_a_double(void **state)
{
	static const double at[] = {1. / 32, 0.5, 1.25, 2, 32};
	static const struct {
		int64_t n1, n2, m;
		double ln_z[COUNT(at)];
	} rows[] = {
		{1000000000, 1000000000, 100,
			{-66.2375543734101672108, -28.76820752017809438628, 11.77830353508278986447,
				40.54651053581643655544, 280.3360359065624874978}},
		{1000000000, 100000000, 1000,
			{-92.19009481837192493629, -46.52002593174175857232, 22.47285360963461124549,
				87.01134545555114561359, 1339.771871665447533041}},
		{900000000, 100000000, 100000,
			{-10189.94857191443418999, -5129.454095058085910466, 2469.234489858806646844,
				9530.646098589077948298, 141072.9690080904284326}},
		{1000000000, 1000000000, 1000000,
			{-662596.2343052287002275, -287709.8517447578563349, 117779.949220667885563,
				405437.3288151874530823, 2803139.668494497846859}},
		{1000000000, 10000000, 999000000,
			{-32009819.65491527725196, -6823668.327487560110825, 2209608.124531382662248,
				6876732.320355281153969, 34550776.54601194715259}},
		{600000000, 400000000, 500000000,
			{-375696852.4287944745308, -124296051.7111274348016, 46121634.48539232731434,
				152962820.5128506889653, 1010597508.691096144304}},
	};
	double out[COUNT(at)];

	(void)state;
	for (int i = 0; i < COUNT(rows); i++) {
		hypergeometric_ln_z(out, at, COUNT(at), rows[i].n1, rows[i].n2, rows[i].m);
		for (int k = 0; k < COUNT(at); k++) {
			double apart = fabs(out[k] - rows[i].ln_z[k]);
			if (apart > allowed(rows[i].ln_z[k]))
				fail_msg("row %d theta %g: %.17g is off by %g", i, at[k], out[k], apart);
		}
	}
}

/* Z(t) of the arms exchanged is t^m Z(1/t): one check for any size. */
static void check_exchange(int64_t n1, int64_t n2, int64_t m)
{
	const double there[] = {2, 1. / 32, 1}, back[] = {0.5, 32, 1};
	double a[3], b[3];

	hypergeometric_ln_z(a, there, 3, n1, n2, m);
	hypergeometric_ln_z(b, back, 3, n2, n1, m);
	for (int k = 0; k < 3; k++) {
		double want = b[k] + (double)m * log(there[k]);
		double size = fabs(a[k]) + fabs(b[k]) + (double)m;
		assert_true(isfinite(a[k]));
		if (fabs(a[k] - want) > 1e-12 + 4e-15 * size)
			fail_msg("n1 %lld n2 %lld m %lld: %.17g and %.17g", (long long)n1, (long long)n2,
				(long long)m, a[k], want);
	}
	assert_true(a[2] == 0);
}

static void test_ends_of_the_range(void **state)
{
	static const int64_t n[] = {
		0, 1, 63, 64, 65, 100000, INT64_C(1) << 40, (INT64_C(1) << 52) - 1, INT64_C(1) << 52};

	(void)state;
	for (int i = 0; i < COUNT(n); i++)
		for (int k = 0; k < COUNT(n); k++) {
			int64_t all = n[i] + n[k];
			const int64_t m[] = {0, 1, 63, 64, 65, 5000, all / 1000, all / 2, all - all / 1000,
				all - 65, all - 64, all - 1, all};
			for (int j = 0; j < COUNT(m); j++)
				if (m[j] >= 0 && m[j] <= all)
					check_exchange(n[i], n[k], m[j]);
		}
}

static void test_one_possible_outcome(void **state)
{
	const double theta[] = {0.5, 1, 32};
	double out[3];

	(void)state;
	hypergeometric_ln_z(out, theta, 3, 1000, 50, 1050); /* all bad: t^50 */
	assert_true(out[0] == 50 * log(0.5) && out[1] == 0 && out[2] == 50 * log(32));
	hypergeometric_ln_z(out, theta, 3, 0, 50, 7);
	assert_true(out[0] == 7 * log(0.5) && out[1] == 0 && out[2] == 7 * log(32));
	hypergeometric_ln_z(out, theta, 3, 50, 0, 7);
	assert_true(out[0] == 0 && out[1] == 0 && out[2] == 0);
	hypergeometric_ln_z(out, theta, 3, 0, 0, 0);
	assert_true(out[0] == 0 && out[1] == 0 && out[2] == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_numbers),
		cmocka_unit_test(test_every_small_table_is_exact),
		cmocka_unit_test(test_middle_sizes_agree_with_all_terms),
		cmocka_unit_test(test_border_of_short_sums),
		cmocka_unit_test(test_border_of_wide_sums),
		cmocka_unit_test(test_no_jump_where_the_ways_meet),
		cmocka_unit_test(test_large_counts_to_the_digits_of_a_double),
		cmocka_unit_test(test_ends_of_the_range),
		cmocka_unit_test(test_one_possible_outcome),
	};

	return cmocka_run_group_tests(tests, fill_factorials, free_factorials);
}
