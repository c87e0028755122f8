/* Tests of the registry: every address is found whatever came and went, and nothing else is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/hash.h"
#include "client/engine/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 100000

static struct registry g;

static int setup(void **state)
{
	(void)state;
	g = (struct registry){.seed = 7};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	registry_release(&g);
	return 0;
}

static struct ref ref(const char *type, const char *id)
{
	struct ref r;
	assert_true(ref_of(&r, type, id));
	return r;
}

static void numbered(struct ref *out, int i)
{
	char id[24];
	snprintf(id, sizeof id, "%d", i);
	assert_true(ref_of(out, "counter", id));
}

static void only_bounded_names_are_addresses(void **state)
{
	(void)state;
	struct ref r;
	char longest[POOL_ID_MAX + 1];
	memset(longest, 'a', sizeof longest);
	longest[POOL_ID_MAX] = '\0';
	assert_false(ref_of(&r, "counter", longest));
	longest[POOL_ID_MAX - 1] = '\0';
	assert_true(ref_of(&r, "counter", longest));
	assert_true(ref_is_good(&r));
	assert_false(ref_of(&r, longest, "1"));
	static const char *const bad[] = {
		"", ".hidden", "-x", "a/b", "a b", "a@b", "..", "\xff", "a\n"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(ref_of(&r, "counter", bad[i]));
		assert_int_equal(r.type[0], 0);
		assert_false(ref_of(&r, bad[i], "1"));
		assert_false(ref_is_good(&r));
	}
	memset(&r, 'a', sizeof r); /* not ended */
	assert_false(ref_is_good(&r));
}

static void an_empty_one_knows_nobody(void **state)
{
	(void)state;
	struct ref a = ref("counter", "1");
	size_t at = 0;
	assert_null(registry_find(&g, &a));
	assert_false(registry_remove(&g, &a));
	assert_null(registry_next(&g, &at));
	assert_int_equal(registry_bytes(&g), 0);
}

static void type_and_id_are_both_the_address(void **state)
{
	(void)state;
	struct ref all[] = {ref("a", "bc"), ref("ab", "c"), ref("a", "b"), ref("b", "a")};
	int values[4];
	for (int i = 0; i < 4; i++) {
		assert_null(registry_find(&g, &all[i]));
		registry_add(&g, &all[i], &values[i]);
	}
	for (int i = 0; i < 4; i++)
		assert_ptr_equal(registry_find(&g, &all[i]), &values[i]);
	assert_true(registry_remove(&g, &all[1]));
	assert_null(registry_find(&g, &all[1]));
	assert_false(registry_remove(&g, &all[1]));
	assert_ptr_equal(registry_find(&g, &all[0]), &values[0]);
	assert_int_equal(g.count, 3);
}

static void a_hundred_thousand_are_found_in_a_few_steps(void **state)
{
	(void)state;
	struct ref *refs = calloc(MANY, sizeof *refs);
	for (int i = 0; i < MANY; i++) {
		numbered(&refs[i], i);
		registry_add(&g, &refs[i], &refs[i]);
	}
	assert_int_equal(g.count, MANY);
	assert_true(g.size >= MANY && g.size <= 4 * MANY);
	size_t steps = 0, longest = 0, at = 0, seen = 0;
	for (size_t i = 0; i < g.size; i++) {
		size_t away = (i - g.entries[i].hash) & (g.size - 1);
		if (!g.entries[i].ref)
			continue;
		steps += away;
		longest = away > longest ? away : longest;
	}
	assert_true(steps < 3 * MANY);
	assert_true(longest < 1000);
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(registry_find(&g, &refs[i]), &refs[i]);
	while (registry_next(&g, &at))
		seen++;
	assert_int_equal(seen, MANY);
	free(refs);
}

/* Against a plain array: what was added and not removed is there, and only that. */
static void random_comings_and_goings_agree_with_a_list(void **state)
{
	(void)state;
	enum { KEYS = 300, STEPS = 60000 };
	static struct ref refs[KEYS];
	static bool there[KEYS];
	uint64_t random = 42;
	size_t count = 0;
	memset(there, 0, sizeof there);
	for (int i = 0; i < KEYS; i++)
		numbered(&refs[i], i);
	for (int step = 0; step < STEPS; step++) {
		int k = (int)(hash_next(&random) % KEYS);
		assert_ptr_equal(registry_find(&g, &refs[k]), there[k] ? &refs[k] : NULL);
		if (there[k])
			assert_true(registry_remove(&g, &refs[k]));
		else
			registry_add(&g, &refs[k], &refs[k]);
		there[k] = !there[k];
		count += there[k] ? 1 : (size_t)-1;
		assert_int_equal(g.count, count);
	}
	for (int i = 0; i < KEYS; i++)
		assert_ptr_equal(registry_find(&g, &refs[i]), there[i] ? &refs[i] : NULL);
	assert_true(g.size <= 1024); /* coming and going alone does not make it grow */
}

/* All in one cluster that goes around the end: removing any one leaves the others found. */
static void a_gap_in_a_cluster_is_closed(void **state)
{
	(void)state;
	enum { CLUSTER = 20 };
	struct ref refs[CLUSTER];
	for (int gone = 0; gone < CLUSTER; gone++) {
		int found = 0;
		for (int i = 0; found < CLUSTER; i++) {
			struct ref r;
			numbered(&r, i);
			uint64_t h =
				hash_bytes(r.id, strlen(r.id), hash_bytes(r.type, strlen(r.type), g.seed));
			if ((h & 63) < 58)
				continue;
			refs[found] = r;
			registry_add(&g, &refs[found], &refs[found]);
			found++;
		}
		assert_int_equal(g.size, 64);
		assert_true(registry_remove(&g, &refs[gone]));
		for (int i = 0; i < CLUSTER; i++)
			assert_ptr_equal(registry_find(&g, &refs[i]), i == gone ? NULL : &refs[i]);
		registry_release(&g);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(only_bounded_names_are_addresses),
		T(an_empty_one_knows_nobody),
		T(type_and_id_are_both_the_address),
		T(a_hundred_thousand_are_found_in_a_few_steps),
		T(random_comings_and_goings_agree_with_a_list),
		T(a_gap_in_a_cluster_is_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
