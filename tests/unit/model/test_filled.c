/* Filled: what is kept of histograms is their sum, whatever was added in which order. */
#include "model/filled.h"

#include "model/mem.h"
#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void test_random_histograms_add_up(void **state)
{
	(void)state;
	struct filled f = {0};
	struct histogram *sum = mem_new(1, sizeof *sum), *one = mem_new(1, sizeof *one),
					 *poured = mem_new(1, sizeof *poured);
	uint64_t seed = 11;
	for (int i = 0; i < 200; i++) {
		memset(one, 0, sizeof *one);
		for (int64_t k = seeded_below(&seed, 30); k > 0; k--)
			histogram_add(one, seeded_below(&seed, 70000000), 1 + seeded_below(&seed, 1000));
		filled_add(&f, one);
		histogram_merge(sum, one);
		memset(poured, 0, sizeof *poured);
		filled_pour(&f, poured);
		assert_memory_equal(poured, sum, sizeof *sum);
		for (int k = 1; k < f.count; k++)
			assert_true(f.buckets[k - 1].bucket < f.buckets[k].bucket);
	}
	filled_clear(&f);
	assert_true(f.count == 0 && !f.buckets);
	free(sum);
	free(one);
	free(poured);
}

static void test_nothing_and_too_much(void **state)
{
	(void)state;
	struct filled f = {0};
	struct histogram *h = mem_new(1, sizeof *h);
	filled_add(&f, h);
	assert_true(f.count == 0);
	h->count[0] = -5; /* nothing is not less than nothing */
	h->count[7] = INT64_MAX;
	h->count[HISTOGRAM_BUCKETS - 1] = 1;
	filled_add(&f, h);
	filled_add(&f, h);
	assert_int_equal(f.count, 2);
	assert_true(f.buckets[0].bucket == 7 && f.buckets[0].units == UINT32_MAX);
	assert_true(f.buckets[1].bucket == HISTOGRAM_BUCKETS - 1 && f.buckets[1].units == 2);
	filled_clear(&f);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_histograms_add_up),
		cmocka_unit_test(test_nothing_and_too_much),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
