/* Tests of the balancer: who is chosen, who never is, and in what proportion. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/balancer.h"
#include "client/engine/hash.h"

#include <math.h>

#include <string.h>

#define MANY 5

static struct candidate good(double load, double health, int64_t weight)
{
	return (struct candidate){
		.load = load, .health = health, .weight = weight, .measured = true};
}

/* Counts whom `picks` choices take. */
static void choose(enum placement p, struct candidate *c, size_t n, int picks, int *hits)
{
	struct balancer b = {.placement = p};
	uint64_t random = 42;
	memset(hits, 0, n * sizeof *hits);
	for (int i = 0; i < picks; i++) {
		int64_t at = balancer_pick(&b, c, n, &random);
		assert_in_range(at, 0, n - 1);
		hits[at]++;
	}
}

static void names(void **state)
{
	(void)state;
	for (int p = 0; p < PLACEMENT_COUNT; p++) {
		assert_int_equal(placement_of(placement_name((enum placement)p)), p);
		assert_true(strlen(placement_help((enum placement)p)) > 0);
	}
	assert_int_equal(placement_of("least"), PLACEMENT_COUNT);
	assert_int_equal(placement_of(""), PLACEMENT_COUNT);
}

static void d1_locked_is_never_chosen(void **state)
{
	(void)state;
	for (int p = 0; p < PLACEMENT_COUNT; p++) {
		struct candidate c[3] = {good(0, 1, 9), good(5, 0.2, 1), good(5, 0.2, 1)};
		int hits[3];
		c[0].locked = true;
		choose((enum placement)p, c, 3, 300, hits);
		assert_int_equal(hits[0], 0);
		assert_true(hits[1] > 0 && hits[2] > 0);
		/* Locked and the only measured one: the others are what is left. */
		c[1].measured = c[2].measured = false;
		choose((enum placement)p, c, 3, 300, hits);
		assert_int_equal(hits[0], 0);
		/* Released it is chosen again. */
		c[0].locked = false;
		choose((enum placement)p, c, 3, 300, hits);
		assert_int_equal(hits[0], 300);
		c[0].locked = c[1].locked = c[2].locked = true;
		struct balancer b = {.placement = (enum placement)p};
		uint64_t random = 1;
		assert_int_equal(balancer_pick(&b, c, 3, &random), -1);
		assert_int_equal(balancer_pick(&b, c, 0, &random), -1);
	}
}

static void d3_of_two_the_better(void **state)
{
	(void)state;
	int hits[2];
	struct candidate c[2] = {good(0.5, 0.80, 1), good(0.9, 0.81, 1)};
	choose(PLACEMENT_HEALTH, c, 2, 100, hits);
	assert_int_equal(hits[1], 100);
	choose(PLACEMENT_LEAST_LOADED, c, 2, 100, hits);
	assert_int_equal(hits[0], 100);
	/* Equally healthy: the less loaded. */
	c[0].health = 0.81;
	choose(PLACEMENT_HEALTH, c, 2, 100, hits);
	assert_int_equal(hits[0], 100);
}

/* As many as four were all alike in the seeds. */
static void d3_of_any_number_the_best(void **state)
{
	(void)state;
	for (size_t n = 1; n <= MANY; n++) {
		for (size_t best = 0; best < n; best++) {
			struct candidate c[MANY];
			int hits[MANY];
			for (size_t i = 0; i < n; i++)
				c[i] = good(i == best ? 1 : 2, i == best ? 0.9 : 0.5, 1);
			choose(PLACEMENT_HEALTH, c, n, 50, hits);
			assert_int_equal(hits[best], 50);
			choose(PLACEMENT_LEAST_LOADED, c, n, 50, hits);
			assert_int_equal(hits[best], 50);
		}
	}
}

static void d6_unmeasured_is_not_healthy(void **state)
{
	(void)state;
	for (int p = 0; p < PLACEMENT_COUNT; p++) {
		int hits[3];
		struct candidate c[3] = {good(9, 0.01, 1), good(0, 1, 5), good(0, 1, 5)};
		c[1].measured = false;
		c[2].health = NAN; /* said to be measured, yet unknown */
		choose((enum placement)p, c, 3, 100, hits);
		assert_int_equal(hits[0], 100);
		c[2].health = 1;
		c[2].load = INFINITY;
		choose((enum placement)p, c, 3, 100, hits);
		assert_int_equal(hits[0], 100);
		/* Nothing better left: then they are used, and what nobody measured does not count. */
		c[0].locked = true;
		c[2] = good(3, 0.5, 5);
		c[2].measured = false;
		choose((enum placement)p, c, 3, 400, hits);
		assert_int_equal(hits[0], 0);
		assert_in_range(hits[1], 150, 250);
	}
}

static void equals_are_chosen_at_random_and_reproducibly(void **state)
{
	(void)state;
	int hits[MANY], again[MANY];
	struct candidate c[MANY];
	for (int i = 0; i < MANY; i++)
		c[i] = good(1, 0.9, 1);
	c[3].load = 2;
	c[3].health = 0.8;
	for (int p = PLACEMENT_LEAST_LOADED; p <= PLACEMENT_HEALTH; p++) {
		choose((enum placement)p, c, MANY, 4000, hits);
		choose((enum placement)p, c, MANY, 4000, again);
		assert_memory_equal(hits, again, sizeof hits);
		for (int i = 0; i < MANY; i++)
			assert_in_range(hits[i], i == 3 ? 0 : 850, i == 3 ? 0 : 1150);
	}
}

static void round_robin_gives_each_its_turn(void **state)
{
	(void)state;
	struct candidate c[MANY];
	for (int i = 0; i < MANY; i++)
		c[i] = good(i, 0.5, 1);
	c[1].locked = true;
	struct balancer b = {.placement = PLACEMENT_ROUND_ROBIN};
	static const int expect[] = {0, 2, 3, 4, 0, 2};
	uint64_t random = 1;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(balancer_pick(&b, c, MANY, &random), expect[i]);
	/* Fewer than before: the cursor stands beyond them. */
	b.next = MANY;
	assert_int_equal(balancer_pick(&b, c, 3, &random), 0);
}

static void weights_are_kept_exactly(void **state)
{
	(void)state;
	uint64_t random = 3;
	for (int round = 0; round < 30; round++) {
		struct candidate c[MANY];
		int hits[MANY], sum = 0;
		for (int i = 0; i < MANY; i++) {
			c[i] = good(1, 0.9, (int64_t)(hash_next(&random) % 9));
			sum += (int)c[i].weight;
		}
		if (!sum)
			continue;
		struct balancer b = {.placement = PLACEMENT_WEIGHTED};
		for (int period = 0; period < 3; period++) {
			memset(hits, 0, sizeof hits);
			for (int i = 0; i < sum; i++)
				hits[balancer_pick(&b, c, MANY, &random)]++;
			for (int i = 0; i < MANY; i++) {
				assert_int_equal(hits[i], c[i].weight);
				assert_int_equal(c[i].credit, 0);
			}
		}
	}
}

static void weighted_is_smooth(void **state)
{
	(void)state;
	/* 5:1:1 is never five in a row. */
	struct candidate c[3] = {good(1, 1, 5), good(1, 1, 1), good(1, 1, 1)};
	struct balancer b = {.placement = PLACEMENT_WEIGHTED};
	uint64_t random = 5;
	int row = 0, longest = 0;
	for (int i = 0; i < 700; i++) {
		row = balancer_pick(&b, c, 3, &random) == 0 ? row + 1 : 0;
		longest = row > longest ? row : longest;
	}
	assert_in_range(longest, 2, 4);
}

static void odd_weights(void **state)
{
	(void)state;
	int hits[3];
	struct candidate c[3] = {good(1, 1, 0), good(1, 1, -5), good(1, 1, 1)};
	choose(PLACEMENT_WEIGHTED, c, 3, 100, hits);
	assert_int_equal(hits[2], 100);
	/* Nobody has weight: all alike, and evenly. */
	for (int i = 0; i < 3; i++)
		c[i] = good(1, 1, 0);
	choose(PLACEMENT_WEIGHTED, c, 3, 300, hits);
	for (int i = 0; i < 3; i++)
		assert_int_equal(hits[i], 100);
	/* Beyond the most is the most: nothing overflows. */
	for (int i = 0; i < 3; i++)
		c[i] = good(1, 1, INT64_MAX);
	choose(PLACEMENT_WEIGHTED, c, 3, 300, hits);
	for (int i = 0; i < 3; i++)
		assert_int_equal(hits[i], 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(d1_locked_is_never_chosen),
		cmocka_unit_test(d3_of_two_the_better),
		cmocka_unit_test(d3_of_any_number_the_best),
		cmocka_unit_test(d6_unmeasured_is_not_healthy),
		cmocka_unit_test(equals_are_chosen_at_random_and_reproducibly),
		cmocka_unit_test(round_robin_gives_each_its_turn),
		cmocka_unit_test(weights_are_kept_exactly),
		cmocka_unit_test(weighted_is_smooth),
		cmocka_unit_test(odd_weights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
