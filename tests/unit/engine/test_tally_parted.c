/* Test that partitioned work adds up to the same as work in one place, under every strategy. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/hash.h"
#include "client/engine/partition.h"
#include "client/engine/tally.h"
#include "model/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RECORDS 100000
#else
#define RECORDS 1000000
#endif
#define KEYS 10000
#define PARTS 8

struct work {
	struct tally_record *records;
	int *partitions; /* below 0: none */
	char (*keys)[24];
};

/* Few keys have most of the records: the k-th about 1/k of the first. */
static struct work make_work(void)
{
	struct work w = {mem_new(RECORDS, sizeof *w.records),
		mem_new(RECORDS, sizeof *w.partitions), mem_new(KEYS, sizeof *w.keys)};
	for (int i = 0; i < KEYS; i++)
		snprintf(w.keys[i], sizeof w.keys[i], "user-%d", i);
	uint64_t random = 20;
	for (int i = 0; i < RECORDS; i++) {
		int key = (int)pow(KEYS, hash_next_fraction(&random)) - 1;
		w.records[i] = (struct tally_record){
			w.keys[key], strlen(w.keys[key]), (int64_t)hash_next(&random) >> 16};
		w.partitions[i] = (int)(hash_next(&random) % 14) - 2;
	}
	return w;
}

static uint64_t parted(const struct work *w, const struct partition_options *how)
{
	struct partition p;
	struct err err = {0};
	struct tally *part[PARTS], *whole = tally_new(KEYS, 99);
	if (partition_init(&p, how, &err) < 0)
		fail_msg("%s", err.text);
	for (int i = 0; i < PARTS; i++)
		part[i] = tally_new(KEYS, (uint64_t)i);
	for (int i = 0; i < RECORDS; i++) {
		struct partition_value key = {w->records[i].key, w->records[i].len};
		struct partition_record r = {&key, 1, w->partitions[i]};
		int at = partition_pick(&p, &r, NULL);
		if (at < 0 || at >= PARTS || tally_add(part[at], &w->records[i], 1, NULL) < 0)
			fail_msg("record %d", i);
	}
	for (int i = 0; i < PARTS; i++) {
		assert_int_equal(tally_merge(whole, part[i], NULL), 0);
		tally_free(part[i]);
	}
	assert_int_equal(tally_records(whole), RECORDS);
	uint64_t digest = tally_digest(whole);
	tally_free(whole);
	return digest;
}

static void partitioned_work_adds_up_to_the_same(void **state)
{
	(void)state;
	static const char *const columns[] = {"user", NULL};
	struct work w = make_work();
	struct tally *one = tally_new(KEYS, 5);
	for (int at = 0; at < RECORDS; at += 1000)
		assert_int_equal(tally_add(one, w.records + at, 1000, NULL), 0);
	uint64_t digest = tally_digest(one);
	struct tally_sum first;
	assert_true(tally_get(one, "user-0", 6, &first));
	/* It is skewed: the first key has far more than its part. */
	assert_true(first.count > RECORDS / 20);
	assert_true(tally_keys(one) > KEYS / 2);
	tally_free(one);
	for (int s = 0; s < PARTITION_COUNT; s++) {
		struct partition_options how = {
			.strategy = (enum partition_strategy)s, .count = PARTS, .target = 3};
		if (s == PARTITION_ALWAYS_HASH || s == PARTITION_SMART_REPARTITION)
			how.columns = how.source = columns;
		assert_true(parted(&w, &how) == digest);
	}
	free(w.records);
	free(w.partitions);
	free(w.keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partitioned_work_adds_up_to_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
