/* Tests of the tally: counts, sums, batches, merging, the digest. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/processor.h"
#include "client/engine/tally.h"

#include <stdio.h>
#include <string.h>

static struct tally_record of(const char *key, int64_t value)
{
	return (struct tally_record){key, strlen(key), value};
}

static void add(struct tally *t, const char *key, int64_t value)
{
	struct tally_record r = of(key, value);
	assert_int_equal(tally_add(t, &r, 1, NULL), 0);
}

static struct tally_sum get(const struct tally *t, const char *key)
{
	struct tally_sum s;
	tally_get(t, key, strlen(key), &s);
	return s;
}

static void counts_and_sums(void **state)
{
	(void)state;
	struct tally *t = tally_new(100, 1);
	add(t, "a", 5);
	add(t, "b", -3);
	add(t, "a", 7);
	assert_int_equal(get(t, "a").count, 2);
	assert_int_equal(get(t, "a").sum, 12);
	assert_int_equal(get(t, "b").sum, -3);
	assert_true(get(t, "b").fits);
	assert_int_equal(get(t, "c").count, 0);
	assert_int_equal(tally_keys(t), 2);
	assert_int_equal(tally_records(t), 3);
	struct tally_sum s;
	assert_true(tally_at(t, 1, &s));
	assert_memory_equal(s.key, "b", s.len);
	assert_false(tally_at(t, 2, &s));
	assert_int_equal(s.count, 0);
	/* Keys are bytes: a NUL or a common beginning is no end. */
	struct tally_record odd[] = {{"a\0x", 3, 1}, {"a\0y", 3, 2}};
	assert_int_equal(tally_add(t, odd, 2, NULL), 0);
	assert_int_equal(tally_keys(t), 4);
	assert_int_equal(get(t, "a").sum, 12);
	tally_clear(t);
	assert_int_equal(tally_keys(t), 0);
	assert_int_equal(get(t, "a").count, 0);
	tally_free(t);
	tally_free(NULL);
}

static void a_sum_that_does_not_fit_is_told_in_any_order(void **state)
{
	(void)state;
	static const int64_t values[] = {INT64_MAX, 1, 5, -9, INT64_MIN, INT64_MIN, INT64_MAX};
	struct tally *t = tally_new(10, 0), *back = tally_new(10, 0);
	for (int i = 0; i < 7; i++) {
		add(t, "k", values[i]);
		add(back, "k", values[6 - i]);
	}
	/* On the way it left 64 bits in both directions; where it ends it fits. */
	assert_true(get(t, "k").fits);
	assert_int_equal(get(t, "k").sum, -5);
	assert_true(tally_digest(t) == tally_digest(back));
	add(t, "up", INT64_MAX);
	assert_true(get(t, "up").fits);
	add(t, "up", 1);
	assert_false(get(t, "up").fits);
	assert_true(get(t, "up").sum == INT64_MAX);
	add(t, "down", INT64_MIN);
	assert_true(get(t, "down").fits);
	add(t, "down", -1);
	assert_false(get(t, "down").fits);
	assert_true(get(t, "down").sum == INT64_MIN);
	add(t, "down", 1);
	assert_true(get(t, "down").fits);
	tally_free(t);
	tally_free(back);
}

static void it_grows(void **state)
{
	(void)state;
	struct tally *t = tally_new(5000, 3);
	char key[24];
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 5000; i++) {
			snprintf(key, sizeof key, "k%d", i);
			add(t, key, i);
		}
	}
	assert_int_equal(tally_keys(t), 5000);
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof key, "k%d", i);
		assert_int_equal(get(t, key).sum, 2 * i);
		assert_int_equal(get(t, key).count, 2);
	}
	tally_free(t);
}

static void a_batch_is_all_or_nothing(void **state)
{
	(void)state;
	struct tally *t = tally_new(4, 0);
	add(t, "a", 1);
	uint64_t before = tally_digest(t);
	char big[TALLY_KEY_MAX + 1];
	memset(big, 'x', sizeof big);
	struct tally_record bad[] = {of("a", 1), of("b", 1), {NULL, 3, 1}};
	struct err err = {0};
	for (int kind = 0; kind < 3; kind++) {
		bad[2] = kind == 0 ? (struct tally_record){NULL, 3, 1}
			: kind == 1    ? (struct tally_record){"", 0, 1}
						   : (struct tally_record){big, sizeof big, 1};
		assert_int_equal(tally_add(t, bad, 3, &err), -1);
		assert_int_equal(err.code, ERR_FIELD);
		assert_non_null(strstr(err.text, "record 3 of 3"));
		assert_true(tally_digest(t) == before);
		assert_int_equal(tally_records(t), 1);
	}
	/* The longest key, and many records of few keys, are no fault. */
	struct tally_record good[] = {
		of("b", 1), {big, TALLY_KEY_MAX, 1}, of("b", 1), of("a", 1), of("d", 1), of("d", 1)};
	assert_int_equal(tally_add(t, good, 6, NULL), 0);
	assert_int_equal(tally_keys(t), 4);
	before = tally_digest(t);
	/* One key too many, after some that could be added. */
	struct tally_record more[] = {of("a", 1), of("e", 1)};
	assert_int_equal(tally_add(t, more, 2, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_true(tally_digest(t) == before);
	assert_int_equal(tally_add(t, more, 1, NULL), 0);
	assert_int_equal(tally_add(t, NULL, 0, NULL), 0);
	tally_free(t);
}

static void merging(void **state)
{
	(void)state;
	struct tally *a = tally_new(3, 1), *b = tally_new(9, 2), *whole = tally_new(9, 3);
	add(a, "x", 1);
	add(a, "y", INT64_MAX);
	add(b, "y", INT64_MAX);
	add(b, "z", -1);
	add(whole, "z", -1);
	add(whole, "y", INT64_MAX);
	add(whole, "x", 1);
	add(whole, "y", INT64_MAX);
	assert_int_equal(tally_merge(a, b, NULL), 0);
	assert_true(tally_digest(a) == tally_digest(whole));
	assert_int_equal(tally_records(a), 4);
	assert_false(get(a, "y").fits);
	/* Too many: all or nothing. */
	tally_clear(b);
	add(b, "x", 5);
	add(b, "new", 5);
	struct err err = {0};
	assert_int_equal(tally_merge(a, b, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_true(tally_digest(a) == tally_digest(whole));
	tally_free(a);
	tally_free(b);
	tally_free(whole);
}

static void any_difference_changes_the_digest(void **state)
{
	(void)state;
	struct tally *t = tally_new(10, 0), *other = tally_new(10, 9);
	assert_true(tally_digest(t) == tally_digest(other));
	add(t, "a", 1);
	assert_true(tally_digest(t) != tally_digest(other));
	add(other, "a", 2);
	assert_true(tally_digest(t) != tally_digest(other)); /* sum */
	add(t, "a", 1);
	assert_true(tally_digest(t) != tally_digest(other)); /* count */
	add(other, "a", 0);
	assert_true(tally_digest(t) == tally_digest(other)); /* seed does not matter */
	add(t, "b", 7);
	add(other, "c", 7);
	assert_true(tally_digest(t) != tally_digest(other)); /* key */
	tally_free(t);
	tally_free(other);
}

/* Simple: record by record, bad ones are left out. Transactional: so is their batch. */
static void v1_simple_and_transactional(void **state)
{
	(void)state;
	static const struct {
		const char *processor;
		int64_t counted;
	} cases[] = {{"v1:simple", 99}, {"v1:transactional", 90}};
	struct tally_record records[100];
	for (int i = 0; i < 100; i++)
		records[i] = of(i % 2 ? "odd" : "even", i);
	records[37].len = 0;
	for (int c = 0; c < 2; c++) {
		struct processor p;
		assert_int_equal(processor_parse(&p, cases[c].processor, NULL), 0);
		size_t unit = p.kind == PROCESSOR_V1_TRANSACTIONAL ? 10 : 1;
		struct tally *t = tally_new(10, 0);
		for (size_t at = 0; at < 100; at += unit)
			tally_add(t, records + at, unit, NULL);
		assert_int_equal(tally_records(t), cases[c].counted);
		tally_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_and_sums),
		cmocka_unit_test(a_sum_that_does_not_fit_is_told_in_any_order),
		cmocka_unit_test(it_grows),
		cmocka_unit_test(a_batch_is_all_or_nothing),
		cmocka_unit_test(merging),
		cmocka_unit_test(any_difference_changes_the_digest),
		cmocka_unit_test(v1_simple_and_transactional),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
