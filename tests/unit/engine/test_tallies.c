/* Tests of tallies: what is a batch, where its records go, all or nothing, the same digest in
 * every processor, pressure and its pauses. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/hash.h"
#include "client/engine/tallies.h"
#include "model/text.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOON_US (threads_us() + 20000000)

static struct gate gate;
static struct tallies_facts *facts;

static int setup(void **state)
{
	(void)state;
	gate_init(&gate);
	facts = calloc(1, sizeof *facts);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gate_release(&gate);
	free(facts);
	return 0;
}

static struct tallies *make(const char *processor, struct tallies_options how)
{
	struct tallies *t = NULL;
	struct err err = {0};
	assert_int_equal(processor_parse(&how.processor, processor, &err), 0);
	how.partitions = processor_workers(&how.processor, 4);
	how.gate = &gate;
	if (tallies_new(&t, &how, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

/* Then what is not usual. */
#define MAKE(processor, ...) make(processor, (struct tallies_options){__VA_ARGS__})

static void look(struct tallies *t)
{
	tallies_fill(t, facts);
	int64_t records = 0;
	for (int i = 0; i < facts->part_count; i++)
		records += facts->part[i].records;
	assert_int_equal(records, facts->records);
}

static void read_batch(struct tallies_batch *b, const char *key, const char *payload)
{
	struct err err = {0};
	if (tallies_read(b, key, payload, &err) < 0)
		fail_msg("%s: %s", payload, err.text);
}

static enum tallies_end add(struct tallies *t, const char *payload, struct err *err)
{
	struct tallies_batch b;
	read_batch(&b, "", payload);
	return tallies_add(t, &b, SOON_US, err);
}

/* ---- reading ---- */

static void one_record_and_many(void **state)
{
	(void)state;
	struct tallies_batch b;
	read_batch(&b, "a", "{\"value\":-7}");
	assert_int_equal(b.count, 1);
	assert_int_equal(b.keys, 1);
	assert_memory_equal(b.record[0].key, "a", 1);
	assert_int_equal(b.record[0].len, 1);
	assert_int_equal(b.record[0].value, -7);
	read_batch(&b, "",
		" {\"records\" : [ [\"a\",1] ,[\"\\u00e9\\\"]\",9007199254740991],"
		"[\"a\",-9007199254740991]]} ");
	assert_int_equal(b.count, 3);
	assert_int_equal(b.keys, 2);
	assert_int_equal(b.record[1].len, 4);
	assert_memory_equal(b.record[1].key, "\xc3\xa9\"]", 4);
	assert_int_equal(b.record[1].value, 9007199254740991);
	assert_int_equal(b.record[2].value, -9007199254740991);
	read_batch(&b, "", "{\"records\":[]}");
	assert_int_equal(b.count + b.keys, 0);
}

static void what_is_no_batch_is_refused_and_named(void **state)
{
	(void)state;
	static const struct {
		const char *key, *payload, *says;
	} rows[] = {
		{"a", "", "payload"},
		{"a", "7", "payload"},
		{"a", "[[\"a\",1]]", "payload"},
		{"a", "{}", "either"},
		{"a", "{\"value\":1,\"value\":2}", "payload"},
		{"", "{\"value\":1,\"records\":[]}", "either"},
		{"", "{\"value\":1}", "\"key\" is missing"},
		{"a", "{\"records\":[[\"b\",1]]}", "leave it out"},
		{"a", "{\"value\":1.5}", "whole number"},
		{"a", "{\"value\":1e3}", "whole number"},
		{"a", "{\"value\":\"1\"}", "whole number"},
		{"a", "{\"value\":null}", "whole number"},
		{"a", "{\"value\":9007199254740992}", "whole number"},
		{"a", "{\"value\":-9007199254740992}", "whole number"},
		{"a", "{\"value\":100000000000000000000000000000000}", "whole number"},
		{"", "{\"records\":{}}", "want a list"},
		{"", "{\"records\":[1]}", "record \"1\""},
		{"", "{\"records\":[[\"a\",1],[]]}", "record \"2\""},
		{"", "{\"records\":[[\"a\"]]}", "record \"1\""},
		{"", "{\"records\":[[\"a\",1,2]]}", "record \"1\""},
		{"", "{\"records\":[[1,\"a\"]]}", "record \"1\""},
		{"", "{\"records\":[[\"a\",[1]]]}", "record \"1\""},
		{"", "{\"records\":[[\"a\",true]]}", "record \"1\""},
		{"", "{\"records\":[[\"\",1]]}", "its key is empty"},
		{"", "{\"records\":[[\"a\",1]", "payload"},
		{"", "{\"records\":[[\"a\",1],]}", "payload"},
		{"", "{\"records\":[[\"a\\u0000\",1]]}", "payload"},
		{"", "{\"records\":[[\"a\",1]]} x", "payload"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct tallies_batch b;
		struct err err = {0};
		if (tallies_read(&b, rows[i].key, rows[i].payload, &err) == 0)
			fail_msg("%s was taken", rows[i].payload);
		assert_int_equal(err.code, ERR_FIELD);
		if (!strstr(err.text, rows[i].says))
			fail_msg("%s: '%s' does not say '%s'", rows[i].payload, err.text, rows[i].says);
	}
}

static void keys_have_at_most_256_bytes(void **state)
{
	(void)state;
	char payload[600];
	struct tallies_batch b;
	struct err err = {0};
	static const struct {
		int len;
		bool good;
	} rows[] = {{256, true}, {257, false}, {263, false}, {264, false}, {500, false}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(payload, sizeof payload, "{\"records\":[[\"%0*d\",1]]}", rows[i].len, 7);
		assert_int_equal(tallies_read(&b, "", payload, &err), rows[i].good ? 0 : -1);
	}
	/* Cut at a character, it is too long all the same. */
	char wide[520] = "{\"records\":[[\"";
	for (int i = 0; i < 86; i++)
		strncat(wide, "\xe2\x82\xac", 4); /* three bytes each */
	strncat(wide, "\",1]]}", 7);
	assert_int_equal(tallies_read(&b, "", wide, &err), -1);
}

static void the_fullest_payload_fits(void **state)
{
	(void)state;
	char payload[4096] = "{\"records\":[";
	size_t at = strlen(payload);
	int count = 0;
	for (; at + 8 + 2 < sizeof payload; at += strlen(payload + at), count++)
		snprintf(payload + at, sizeof payload - at, "%s[\"a\",1]", count ? "," : "");
	snprintf(payload + at, sizeof payload - at, "]}");
	struct tallies_batch b;
	read_batch(&b, "", payload);
	assert_int_equal(b.count, count);
	assert_in_range(count, 500, TALLIES_RECORDS_MAX);
	assert_int_equal(b.keys, 1);
}

/* ---- adding ---- */

static void counts_and_keys(void **state)
{
	(void)state;
	struct tallies *t = MAKE("v2:4", .buffer = 0);
	assert_int_equal(
		add(t, "{\"records\":[[\"a\",1],[\"b\",2],[\"a\",3]]}", NULL), TALLIES_DONE);
	assert_int_equal(add(t, "{\"records\":[]}", NULL), TALLIES_DONE);
	look(t);
	assert_string_equal(facts->processor, "v2:4");
	assert_int_equal(facts->strategy, PARTITION_ALWAYS_HASH);
	assert_int_equal(facts->part_count, 4);
	assert_int_equal(facts->records, 3);
	assert_int_equal(facts->keys, 2);
	assert_int_equal(facts->pauses, 0);
	tallies_free(t);
	tallies_free(NULL);
}

/* A skewed batch: half of the records have one key. */
static void skewed(struct tallies_batch *b, uint64_t *random, int count)
{
	size_t used = 0;
	b->count = count;
	for (int i = 0; i < count; i++) {
		uint64_t n = hash_next(random);
		int key = n & 1 ? 0 : (int)(n >> 8 & 255);
		int len = snprintf(b->bytes + used, 8, "k%d", key);
		b->record[i] = (struct tally_record){
			b->bytes + used, (size_t)len, (int64_t)(n >> 32) - INT64_C(0x7fffffff)};
		used += (size_t)len;
	}
}

/* P, and the point of it all: the same input, the same aggregates. */
static void every_processor_gives_the_same_digest(void **state)
{
	(void)state;
	static const struct {
		const char *processor;
		enum partition_strategy strategy;
	} rows[] = {
		{"v1:simple", PARTITION_ALWAYS_HASH},
		{"v1:transactional", PARTITION_ALWAYS_HASH},
		{"v2:1", PARTITION_ALWAYS_HASH},
		{"v2:8", PARTITION_ALWAYS_HASH},
		{"v2:8:affinity", PARTITION_SMART_REPARTITION},
		{"v2:7", PARTITION_FAN_IN},
		{"v2:1024", PARTITION_ALWAYS_HASH},
	};
	uint64_t digest = 0;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t random = 42;
		struct tallies *t =
			MAKE(rows[i].processor, .strategy = rows[i].strategy, .seed = i + 2);
		for (int k = 0; k < 20; k++) {
			struct tallies_batch b;
			skewed(&b, &random, 500);
			assert_int_equal(tallies_add(t, &b, SOON_US, NULL), TALLIES_DONE);
		}
		look(t);
		assert_int_equal(facts->records, 10000);
		digest = i ? digest : facts->digest;
		assert_true(facts->digest == digest);
		tallies_free(t);
	}
}

/* P1: the records of one key are in one partition; another record changes the digest. */
static void p1_a_key_is_in_one_partition(void **state)
{
	(void)state;
	struct tallies *t = MAKE("v2:8", .buffer = 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(add(t, "{\"records\":[[\"hot\",1]]}", NULL), TALLIES_DONE);
	look(t);
	int with = 0;
	for (int i = 0; i < facts->part_count; i++)
		with += facts->part[i].records > 0;
	assert_int_equal(with, 1);
	uint64_t before = facts->digest;
	add(t, "{\"records\":[[\"hot\",1]]}", NULL);
	look(t);
	assert_true(facts->digest != before);
	tallies_free(t);
}

static void telling(void **state)
{
	(void)state;
	static struct tally_crew told;
	struct tallies *t = MAKE("v2:8", .buffer = 0);
	look(t);
	tallies_tell(facts, &told);
	assert_false(told.known);
	add(t, "{\"records\":[[\"hot\",1],[\"hot\",2],[\"cold\",3]]}", NULL);
	look(t);
	tallies_tell(facts, &told);
	assert_true(told.known);
	assert_string_equal(told.processor, "v2:8");
	assert_string_equal(told.strategy, "always_hash");
	assert_int_equal(told.records, 3);
	assert_int_equal(told.keys, 2);
	assert_int_equal(told.partition_count, 8);
	assert_int_equal(told.partitions_dropped, 0);
	int64_t records = 0;
	for (int i = 0; i < 8; i++) {
		assert_int_equal(told.partition[i].index, i);
		assert_int_equal(told.partition[i].pressure, FULLNESS_HEALTHY);
		assert_int_equal(told.partition[i].room, TALLIES_BUFFER);
		assert_int_equal(told.partition[i].pause_us, 0);
		records += told.partition[i].records;
	}
	assert_int_equal(records, 3);
	tallies_free(t);
	/* classes and pauses as pressure.h has them; the fullest have the rows, in their order */
	*facts = (struct tallies_facts){.part_count = 100, .room = 1000};
	for (int i = 0; i < 100; i++)
		facts->part[i].records = 5;
	facts->part[99] =
		(struct tallies_part){.waiting = 960, .pressure = PRESSURE_SATURATED, .records = 0};
	facts->part[50] = (struct tallies_part){.waiting = 870, .pressure = PRESSURE_CRITICAL};
	tallies_tell(facts, &told);
	assert_int_equal(told.partition_count, POOL_PARTITIONS_MAX);
	assert_int_equal(told.partitions_dropped, 100 - POOL_PARTITIONS_MAX);
	const struct partition_row *last = &told.partition[POOL_PARTITIONS_MAX - 1];
	assert_int_equal(last->index, 99);
	assert_int_equal(last->pressure, FULLNESS_SATURATED);
	assert_int_equal(last->pause_us, 10000);
	assert_int_equal(last[-1].index, 50);
	assert_int_equal(last[-1].pressure, FULLNESS_CRITICAL);
	assert_int_equal(last[-1].pause_us, 200);
	assert_int_equal(told.partition[0].index, 0);
	*facts = (struct tallies_facts){.part_count = 1, .part = {{.waiting = 1}}};
	tallies_tell(facts, &told);
	assert_true(told.known);
}

/* The digest is kept as records come: like batches in another order, and where a sum is beyond
 * 64 bits and back. */
static void the_digest_follows_each_record(void **state)
{
	(void)state;
	static const char *const up = "[\"k\",9007199254740991]",
							 *const down = "[\"k\",-9007199254740991]";
	struct tallies *one = MAKE("v1:simple", .buffer = 0), *two = MAKE("v2:4", .buffer = 0);
	for (int i = 0; i < 1100; i++) {
		char record[64];
		snprintf(record, sizeof record, "{\"records\":[%s]}", up);
		add(one, record, NULL);
	}
	for (int i = 0; i < 1100; i++) {
		char record[64];
		snprintf(record, sizeof record, "{\"records\":[%s]}", down);
		add(one, record, NULL);
		snprintf(record, sizeof record, "{\"records\":[%s,%s]}", i & 1 ? up : down,
			i & 1 ? down : up);
		add(two, record, NULL);
	}
	look(one);
	uint64_t digest = facts->digest;
	look(two);
	assert_true(facts->digest == digest);
	add(two, "{\"records\":[[\"k\",1],[\"k\",-1]]}", NULL);
	look(two);
	assert_true(facts->digest != digest); /* the sum is the same, the count is not */
	tallies_free(one);
	tallies_free(two);
}

/* P2, P3, P7: what would tear a key apart, or has no partitions, is refused at the start. */
static void p3_strategies_that_tear_keys_apart_are_refused(void **state)
{
	(void)state;
	static const struct {
		enum partition_strategy strategy;
		int partitions;
		const char *says;
	} rows[] = {
		{PARTITION_ROUND_ROBIN, 8, "round_robin"},
		{PARTITION_STICKY, 8, "sticky_partition"},
		{PARTITION_ALWAYS_HASH, 0, "partitions are"},
		{PARTITION_ALWAYS_HASH, 1025, "partitions are"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct tallies_options how = {.processor = {.kind = PROCESSOR_V2},
			.partitions = rows[i].partitions,
			.strategy = rows[i].strategy,
			.gate = &gate};
		struct tallies *t = NULL;
		struct err err = {0};
		assert_int_equal(tallies_new(&t, &how, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_non_null(strstr(err.text, rows[i].says));
	}
}

/* ---- the bound of keys ---- */

static void simple_keeps_what_came_before_the_bound(void **state)
{
	(void)state;
	struct err err = {0};
	struct tallies *t = MAKE("v1:simple", .keys_max = 2);
	assert_int_equal(
		add(t, "{\"records\":[[\"a\",1],[\"b\",1],[\"a\",1],[\"c\",1],[\"a\",1]]}", &err),
		TALLIES_FULL);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_non_null(strstr(err.text, "3 of 5"));
	look(t);
	assert_int_equal(facts->records, 3);
	tallies_free(t);
}

static void others_take_a_batch_whole_or_not_at_all(void **state)
{
	(void)state;
	static const char *const processors[] = {"v1:transactional", "v2:8", "v2:1"};
	for (size_t i = 0; i < 3; i++) {
		struct err err = {0};
		struct tallies *t = MAKE(processors[i], .keys_max = 3);
		assert_int_equal(
			add(t, "{\"records\":[[\"a\",1],[\"b\",1],[\"c\",1],[\"d\",1]]}", &err),
			TALLIES_FULL);
		assert_non_null(strstr(err.text, "0 of 4"));
		look(t);
		assert_int_equal(facts->records, 0);
		/* Known keys fit however many records there are; the last free place is found. */
		assert_int_equal(
			add(t, "{\"records\":[[\"a\",1],[\"b\",1],[\"a\",1],[\"a\",1],[\"b\",1]]}", &err),
			TALLIES_DONE);
		assert_int_equal(
			add(t, "{\"records\":[[\"c\",1],[\"c\",1],[\"b\",1]]}", &err), TALLIES_DONE);
		assert_int_equal(
			add(t, "{\"records\":[[\"c\",1],[\"b\",1],[\"a\",1],[\"c\",2]]}", &err),
			TALLIES_DONE);
		assert_int_equal(add(t, "{\"records\":[[\"d\",1]]}", &err), TALLIES_FULL);
		look(t);
		assert_int_equal(facts->records, 12);
		assert_int_equal(facts->keys, 3);
		tallies_free(t);
	}
}

/* ---- threads and pressure ---- */

struct feeder {
	struct tallies *t;
	uint64_t random;
	int batches;
	atomic_bool *over; /* NULL: as many batches */
	enum tallies_end end;
	pthread_t thread;
};

static void *feed(void *arg)
{
	struct feeder *f = arg;
	struct tallies_batch b;
	for (int i = 0; f->over ? !atomic_load(f->over) : i < f->batches; i++) {
		skewed(&b, &f->random, 100);
		enum tallies_end end = tallies_add(f->t, &b, SOON_US, NULL);
		f->end = end != TALLIES_DONE ? end : f->end;
	}
	return NULL;
}

static void feed_all(struct feeder *each, int count, struct tallies *t, atomic_bool *over)
{
	for (int i = 0; i < count; i++) {
		each[i] =
			(struct feeder){.t = t, .random = (uint64_t)i + 1, .batches = 50, .over = over};
		assert_int_equal(pthread_create(&each[i].thread, NULL, feed, &each[i]), 0);
	}
}

static void many_threads_lose_nothing(void **state)
{
	(void)state;
	enum { THREADS = 6 };
	struct feeder each[THREADS];
	struct tallies *parted = MAKE("v2:8", .buffer = 0),
				   *one = MAKE("v1:transactional", .buffer = 0);
	feed_all(each, THREADS, parted, NULL);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(each[i].thread, NULL);
		struct feeder again = {.t = one, .random = (uint64_t)i + 1, .batches = 50};
		feed(&again);
	}
	look(parted);
	uint64_t digest = facts->digest;
	assert_int_equal(facts->records, THREADS * 50 * 100);
	for (int i = 0; i < facts->part_count; i++)
		assert_int_equal(facts->part[i].waiting, 0);
	look(one);
	assert_true(facts->digest == digest);
	tallies_free(parted);
	tallies_free(one);
}

/* B1, B2, B3: with a buffer of one record, whoever meets another one at a table pauses. */
static void b2_a_full_table_makes_callers_pause(void **state)
{
	(void)state;
	enum { THREADS = 8 };
	struct feeder each[THREADS];
	atomic_bool over = false;
	struct tallies *t = MAKE("v2:4", .strategy = PARTITION_FAN_IN, .buffer = 1);
	feed_all(each, THREADS, t, &over);
	int64_t until_us = SOON_US;
	do {
		look(t);
		assert_true(threads_us() < until_us);
	} while (facts->pauses < 3);
	atomic_store(&over, true);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(each[i].thread, NULL);
		assert_int_equal(each[i].end, TALLIES_DONE);
	}
	look(t);
	int64_t pauses = facts->pauses;
	assert_int_equal(facts->paused_us, pauses * 10000); /* saturated or healthy: no others */
	assert_int_equal(facts->part[0].pressure, PRESSURE_HEALTHY);
	assert_int_equal(facts->part[1].records, 0);
	/* B4: looking again says the same. */
	look(t);
	assert_int_equal(facts->pauses, pauses);
	tallies_free(t);
}

struct late {
	struct tallies *t;
	atomic_bool *over;
	atomic_int ends[TALLIES_STOPPING + 1];
	pthread_t thread;
};

static void *feed_late(void *arg)
{
	struct late *l = arg;
	struct tallies_batch b;
	uint64_t random = 1;
	while (!atomic_load(l->over)) {
		skewed(&b, &random, 100);
		atomic_fetch_add(&l->ends[tallies_add(l->t, &b, threads_us() + 500, NULL)], 1);
	}
	return NULL;
}

/* Whose deadline comes in a pause adds nothing, nor does who is stopped. */
static void a_pause_ends_at_the_deadline_and_with_the_pool(void **state)
{
	(void)state;
	enum { THREADS = 6 };
	static struct late each[THREADS];
	atomic_bool over = false;
	struct tallies *t = MAKE("v2:4", .strategy = PARTITION_FAN_IN, .buffer = 1);
	for (int i = 0; i < THREADS; i++) {
		each[i] = (struct late){.t = t, .over = &over};
		assert_int_equal(pthread_create(&each[i].thread, NULL, feed_late, &each[i]), 0);
	}
	int64_t until_us = SOON_US;
	static const enum tallies_end wanted[] = {TALLIES_LATE, TALLIES_STOPPING};
	for (int k = 0; k < 2; k++) {
		int seen = 0;
		while (!seen) {
			assert_true(threads_us() < until_us);
			poll(NULL, 0, 1);
			for (int i = 0; i < THREADS; i++)
				seen += atomic_load(&each[i].ends[wanted[k]]);
		}
		gate_close(&gate);
	}
	atomic_store(&over, true);
	int done = 0;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(each[i].thread, NULL);
		done += each[i].ends[TALLIES_DONE];
	}
	look(t);
	assert_int_equal(facts->records, 100 * done);
	tallies_free(t);
}

static void throughput_is_of_a_window(void **state)
{
	(void)state;
	struct tallies *t = MAKE("v1:simple", .buffer = 0);
	look(t);
	assert_true(isnan(facts->part[0].per_second));
	int64_t until_us = SOON_US;
	do {
		add(t, "{\"records\":[[\"a\",1]]}", NULL);
		look(t);
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 1);
	} while (!(facts->part[0].per_second > 0));
	tallies_free(t);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(one_record_and_many),
		T(what_is_no_batch_is_refused_and_named),
		T(keys_have_at_most_256_bytes),
		T(the_fullest_payload_fits),
		T(counts_and_keys),
		T(every_processor_gives_the_same_digest),
		T(the_digest_follows_each_record),
		T(telling),
		T(p1_a_key_is_in_one_partition),
		T(p3_strategies_that_tear_keys_apart_are_refused),
		T(simple_keeps_what_came_before_the_bound),
		T(others_take_a_batch_whole_or_not_at_all),
		T(many_threads_lose_nothing),
		T(b2_a_full_table_makes_callers_pause),
		T(a_pause_ends_at_the_deadline_and_with_the_pool),
		T(throughput_is_of_a_window),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
