/* The instruments of the judge's trials: draws, laws of latency, bounds and rivals do what they
 * are named for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/mem.h"
#include "tests/judge/cases.h"
#include "tests/judge/draw.h"
#include "tests/judge/rivals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void binomials_are_drawn_by_their_law(void **state)
{
	(void)state;
	static const struct {
		int64_t n;
		double p;
	} laws[] = {{10, 0.01}, {900, 0.001}, {100, 0.17}, {1000, 0.5}, {1000, 0.95}, {3, 0.999}};
	for (size_t i = 0; i < sizeof laws / sizeof *laws; i++) {
		int64_t n = laws[i].n, draws = 20000;
		uint64_t seed = draw_seed(90, (int64_t)i);
		int64_t *seen = mem_new((size_t)n + 1, sizeof *seen), at_most = 0;
		for (int64_t d = 0; d < draws; d++) {
			int64_t k = draw_binomial(&seed, n, laws[i].p);
			assert_in_range(k, 0, n);
			seen[k]++;
		}
		/* Kolmogorov's distance; a hundred thousand times in a hundred thousand and one */
		for (int64_t k = 0; k <= n; k++) {
			at_most += seen[k];
			double apart = (double)at_most / (double)draws - binomial_at_most(k, n, laws[i].p);
			assert_true(fabs(apart) * sqrt((double)draws) < 2.5);
		}
		free(seen);
	}
	uint64_t seed = 1;
	assert_int_equal(draw_binomial(&seed, 0, 0.5), 0);
	assert_int_equal(draw_binomial(&seed, 7, 0), 0);
	assert_int_equal(draw_binomial(&seed, 7, 1), 7);
}

static void tails_are_exact(void **state)
{
	(void)state;
	assert_float_equal(binomial_at_least(1, 3, 0.5), 0.875, 1e-12);
	assert_float_equal(binomial_at_least(0, 500, 0.01), 1, 1e-9);
	assert_float_equal(binomial_at_most(0, 500, 0.01), pow(0.99, 500), 1e-12);
	assert_true(binomial_at_least(14, 500, 0.01) < 0.001);
	assert_true(binomial_at_least(13, 500, 0.01) >= 0.001);
}

static void bursts_have_the_dispersion_they_are_named_for(void **state)
{
	(void)state;
	struct trial t = case_alike(CASE_BURSTS, 600);
	struct traffic *traffic = mem_new(1, sizeof *traffic);
	struct burst burst = {0};
	t.traffic.lead_s = 0;
	t.traffic.span_s = 50000;
	traffic_init(traffic, &t.traffic, 91);
	for (int s = 0; s < 3000; s++) {
		struct judge_interval i;
		traffic_next(traffic, &i);
		burst_add(&burst, ARM_V1, i.arm[ARM_V1].units);
	}
	assert_true(fabs((burst_phi(&burst) + 1) / 2 - 5) < 0.8);
	free(traffic);
}

/* The sides of the known blind spot: seven of ten points at a hundred times v1's pass. */
static void mann_and_whitney_pass_seven_of_ten_bad_points(void **state)
{
	(void)state;
	double control[10], experiment[10];
	for (int bad = 7; bad <= 8; bad++) {
		for (int i = 0; i < 10; i++) {
			control[i] = 1;
			experiment[i] = i < bad ? 100 : 1;
		}
		assert_int_equal(kayenta_is_high(experiment, control, 10), bad == 8);
	}
	assert_false(kayenta_is_high(control, control, 10));
	assert_false(kayenta_is_high(control, experiment, 10));
}

static void a_law_puts_latencies_where_they_belong(void **state)
{
	(void)state;
	struct case_laws *l = mem_new(1, sizeof *l);
	struct histogram *h = mem_new(1, sizeof *h);
	uint64_t seed = 92;
	case_laws(l, CASE_PLAIN, 1.5, true);
	law_draw(&l->law[ARM_V2][0], &seed, 200000, h);
	assert_int_equal(histogram_total(h), 200000);
	/* 30 ms is the median, and e^(0.5 x 2.3263) times that the p99 */
	assert_true(fabs((double)histogram_quantile_us(h, 0.5) / 30000 - 1) < 0.02);
	assert_true(fabs((double)histogram_quantile_us(h, 0.99) / 96000 - 1) < 0.03);
	memset(h, 0, sizeof *h);
	case_laws(l, CASE_TIES, 1.1, false);
	law_draw(&l->law[ARM_V2][0], &seed, 1000, h);
	for (int b = l->law[ARM_V2][0].lump + 1; b < HISTOGRAM_BUCKETS; b++)
		if (h->count[b] > 0)
			assert_int_equal(histogram_bucket((histogram_edge_us(b) / 11000) * 11000), b);
	free(h);
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binomials_are_drawn_by_their_law),
		cmocka_unit_test(tails_are_exact),
		cmocka_unit_test(bursts_have_the_dispersion_they_are_named_for),
		cmocka_unit_test(mann_and_whitney_pass_seven_of_ten_bad_points),
		cmocka_unit_test(a_law_puts_latencies_where_they_belong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
