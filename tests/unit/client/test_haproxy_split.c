/* Weights: which shares they reach, and that a share read back is the one that was set. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/haproxy_split.h"

static const int one[ARM_COUNT] = {1, 1};
static const int two_one[ARM_COUNT] = {2, 1};
static const int eight_two[ARM_COUNT] = {8, 2};

static void every_whole_percent_is_exact_with_one_server_each(void **state)
{
	(void)state;
	for (int percent = 1; percent < 100; percent++) {
		int weight[ARM_COUNT];
		assert_int_equal(haproxy_split_weights(weight, one, percent * 100), percent * 100);
		assert_int_equal(weight[ARM_V2] * 100, percent * (weight[ARM_V1] + weight[ARM_V2]));
	}
}

static void the_ends_are_the_ends(void **state)
{
	(void)state;
	int weight[ARM_COUNT];
	assert_int_equal(haproxy_split_weights(weight, two_one, 0), 0);
	assert_int_equal(weight[ARM_V2], 0);
	assert_true(weight[ARM_V1] > 0);
	assert_int_equal(haproxy_split_weights(weight, two_one, 10000), 10000);
	assert_int_equal(weight[ARM_V1], 0);
	assert_true(weight[ARM_V2] > 0);
}

/* The floor and ceiling that one unit of weight among 256 gives. */
static void what_lies_below_one_unit_is_refused(void **state)
{
	(void)state;
	int least_bp, most_bp;
	haproxy_split_range(&least_bp, &most_bp, one);
	assert_int_equal(least_bp, 39); /* 1/257 = 0.389 % */
	assert_int_equal(most_bp, 9961);
	assert_true(haproxy_split_reaches(one, 40));
	assert_false(haproxy_split_reaches(one, 20));
	assert_false(haproxy_split_reaches(one, 9990));
	assert_false(haproxy_split_reaches(one, 3333));
	haproxy_split_range(&least_bp, &most_bp, eight_two);
	assert_int_equal(least_bp, 10); /* 2/2050 = 0.098 % */
	assert_int_equal(most_bp, 9846);
	assert_true(haproxy_split_reaches(eight_two, 10));
	assert_false(haproxy_split_reaches(eight_two, 9900));
}

static void the_floor_is_the_nearest_below_that_can_be_had(void **state)
{
	(void)state;
	static const int one_many[ARM_COUNT] = {1, 32};
	assert_int_equal(haproxy_split_floor(one, 2500), 2500);
	assert_int_equal(haproxy_split_floor(one, 39), 0);
	assert_int_equal(haproxy_split_floor(one, 0), 0);
	assert_int_equal(haproxy_split_floor(one, 10000), 10000);
	assert_int_equal(haproxy_split_floor(one_many, 1000), 0);
	for (int bp = 100; bp < 10000; bp += 1237) {
		int floor_bp = haproxy_split_floor(eight_two, bp);
		assert_true(floor_bp <= bp && haproxy_split_reaches(eight_two, floor_bp));
	}
}

/* What is set for a tenth of a percent is read back as that, so that a step can be seen. */
static void a_share_set_is_the_share_read_back(void **state)
{
	(void)state;
	static const int *const shapes[] = {one, two_one, eight_two};
	for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
		for (int bp = 0; bp <= 10000; bp += 70) {
			int weight[ARM_COUNT];
			if (!haproxy_split_reaches(shapes[k], bp))
				continue;
			haproxy_split_weights(weight, shapes[k], bp);
			const int sum[ARM_COUNT] = {
				shapes[k][ARM_V1] * weight[ARM_V1], shapes[k][ARM_V2] * weight[ARM_V2]};
			assert_int_equal(haproxy_split_share(shapes[k], sum), bp);
			assert_true(bp == 0 || bp == 10000 || (weight[ARM_V1] > 0 && weight[ARM_V2] > 0));
		}
}

static void other_peoples_weights_are_read_as_they_are(void **state)
{
	(void)state;
	assert_int_equal(haproxy_split_share(one, (const int[]){90, 10}), 1000);
	assert_int_equal(haproxy_split_share(one, (const int[]){256, 1}), 39);
	assert_int_equal(
		haproxy_split_share(one, (const int[]){2, 1}), 3330); /* a grid of tenths */
	assert_int_equal(haproxy_split_share(one, (const int[]){0, 0}), -1);
	assert_int_equal(haproxy_split_share(one, (const int[]){0, 7}), 10000);
	assert_int_equal(haproxy_split_share(one, (const int[]){7, 0}), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_whole_percent_is_exact_with_one_server_each),
		cmocka_unit_test(the_ends_are_the_ends),
		cmocka_unit_test(what_lies_below_one_unit_is_refused),
		cmocka_unit_test(the_floor_is_the_nearest_below_that_can_be_had),
		cmocka_unit_test(a_share_set_is_the_share_read_back),
		cmocka_unit_test(other_peoples_weights_are_read_as_they_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
