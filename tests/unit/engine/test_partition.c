/* Tests of partitioning: where records go, what is refused, and that keys stay together. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/hash.h"
#include "client/engine/partition.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const by_user[] = {"user", NULL};
static const char *const by_two[] = {"city", "user", NULL};
static const char *const by_one_with_comma[] = {"city,user", NULL};
static const char *const by_other[] = {"host", NULL};

static struct partition set_up(
	enum partition_strategy s, int count, const char *const *columns, const char *const *source)
{
	struct partition p;
	struct err err = {0};
	struct partition_options how = {
		.strategy = s, .count = count, .columns = columns, .source = source};
	if (partition_init(&p, &how, &err) < 0)
		fail_msg("%s", err.text);
	return p;
}

static void assert_not_set_up(struct partition_options how, const char *says)
{
	struct partition p;
	struct err err = {0};
	assert_int_equal(partition_init(&p, &how, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	if (!strstr(err.text, says))
		fail_msg("%s", err.text);
}

static int pick(struct partition *p, int64_t partition, const char *a, const char *b)
{
	struct partition_value values[] = {{a, a ? strlen(a) : 0}, {b, b ? strlen(b) : 0}};
	struct partition_record r = {values, p->columns ? p->columns : !!a + !!b, partition};
	struct err err = {0};
	int at = partition_pick(p, &r, &err);
	if (at < 0)
		fail_msg("%s", err.text);
	assert_true(at < p->how.count);
	return at;
}

static void p1_same_key_same_partition(void **state)
{
	(void)state;
	struct partition p = set_up(PARTITION_ALWAYS_HASH, 8, by_user, NULL);
	struct partition smart = set_up(PARTITION_SMART_REPARTITION, 8, by_user, by_other);
	int hits[8] = {0};
	for (int i = 0; i < 8000; i++) {
		char key[24];
		snprintf(key, sizeof key, "u-%d", i);
		int at = pick(&p, UNKNOWN, key, NULL);
		hits[at]++;
		/* Neither the partition it came in nor the past matters. */
		assert_int_equal(pick(&p, i % 5, key, NULL), at);
		assert_int_equal(pick(&smart, i % 7, key, NULL), at);
	}
	for (int i = 0; i < 8; i++)
		assert_in_range(hits[i], 850, 1150);
	assert_int_equal(smart.natural, 0);
	assert_int_equal(smart.repartitioned, 8000);
}

static void p2_sticky_10_of_8_is_2(void **state)
{
	(void)state;
	struct partition p = set_up(PARTITION_STICKY, 8, NULL, NULL);
	assert_int_equal(pick(&p, 10, "a", NULL), 2);
	assert_int_equal(pick(&p, 0, NULL, NULL), 0);
	assert_int_equal(pick(&p, INT64_MAX, "a", NULL), INT64_MAX % 8);
	assert_int_equal(p.natural, 3);
	assert_int_equal(p.repartitioned, 0);
	assert_true(partition_alignment(&p) == 1.0);
}

static void sticky_takes_the_hash_without_a_partition(void **state)
{
	(void)state;
	struct partition p = set_up(PARTITION_STICKY, 8, NULL, NULL);
	struct partition hash = set_up(PARTITION_ALWAYS_HASH, 8, by_user, NULL);
	for (int i = 0; i < 100; i++) {
		char key[24];
		snprintf(key, sizeof key, "u-%d", i);
		assert_int_equal(pick(&p, UNKNOWN, key, NULL), pick(&hash, UNKNOWN, key, NULL));
	}
	assert_int_equal(p.repartitioned, 100);
	/* Nothing to go by at all is an error, not partition 0. */
	struct err err = {0};
	assert_int_equal(partition_pick(&p, &(struct partition_record){.partition = -1}, &err), -1);
	assert_int_equal(err.code, ERR_FIELD);
	assert_int_equal(p.repartitioned, 100);
}

static void p3_round_robin_gives_equal_counts(void **state)
{
	(void)state;
	struct partition p = set_up(PARTITION_ROUND_ROBIN, 7, NULL, NULL);
	int hits[7] = {0};
	for (int i = 0; i < 700; i++)
		hits[pick(&p, 3, "same", NULL)]++;
	for (int i = 0; i < 7; i++)
		assert_int_equal(hits[i], 100);
}

static void grouped_work_is_not_torn_apart(void **state)
{
	(void)state;
	assert_not_set_up(
		(struct partition_options){
			.strategy = PARTITION_ROUND_ROBIN, .count = 4, .columns = by_user},
		"\"user\"");
	assert_not_set_up(
		(struct partition_options){
			.strategy = PARTITION_STICKY, .count = 4, .columns = by_user, .source = by_other},
		"always_hash");
	set_up(PARTITION_STICKY, 4, by_user, by_user);
	assert_not_set_up((struct partition_options){.strategy = PARTITION_ALWAYS_HASH, .count = 4},
		"needs columns");
	static const char *const none[] = {NULL};
	assert_not_set_up(
		(struct partition_options){
			.strategy = PARTITION_SMART_REPARTITION, .count = 4, .columns = none},
		"needs columns");
}

static void p4_fan_in_target_is_checked_at_set_up(void **state)
{
	(void)state;
	struct partition p;
	struct partition_options how = {.strategy = PARTITION_FAN_IN, .count = 4, .target = 3};
	assert_int_equal(partition_init(&p, &how, NULL), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(pick(&p, i, "k", NULL), 3);
	how.target = 4;
	assert_not_set_up(how, "\"4\"");
	how.target = -1;
	assert_not_set_up(how, "0 to 3");
	how.columns = by_user;
	how.target = 0;
	assert_int_equal(partition_init(&p, &how, NULL), 0);
}

static void p5_names_and_other_names(void **state)
{
	(void)state;
	static const struct {
		enum partition_strategy strategy;
		const char *words[6];
	} all[] = {
		{PARTITION_ALWAYS_HASH, {"always_hash", "alwayshash", "hash", "HASH", "Always_Hash"}},
		{PARTITION_SMART_REPARTITION,
			{"smart_repartition", "smartrepartition", "smart", "SMART"}},
		{PARTITION_ROUND_ROBIN, {"round_robin", "roundrobin", "round", "robin", "Robin"}},
		{PARTITION_STICKY, {"sticky_partition", "stickypartition", "sticky", "StIcKy"}},
		{PARTITION_FAN_IN, {"fan_in", "fanin", "fan-in", "FAN-IN"}},
	};
	assert_int_equal(sizeof all / sizeof *all, PARTITION_COUNT);
	for (size_t i = 0; i < PARTITION_COUNT; i++) {
		assert_string_equal(partition_name(all[i].strategy), all[i].words[0]);
		assert_true(strlen(partition_help(all[i].strategy)) > 0);
		for (int w = 0; w < 6 && all[i].words[w]; w++) {
			enum partition_strategy s = PARTITION_COUNT;
			assert_int_equal(partition_of(all[i].words[w], &s, NULL), 0);
			assert_int_equal(s, all[i].strategy);
		}
	}
	static const char *const wrong[] = {
		"hashx", "has", "round robin", "always_hash hash", " ", "sticky_", "fan in", "-"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		enum partition_strategy s = PARTITION_COUNT;
		struct err err = {0};
		assert_int_equal(partition_of(wrong[i], &s, &err), -1);
		assert_int_equal(s, PARTITION_COUNT);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_non_null(strstr(err.text, wrong[i]));
		assert_non_null(strstr(
			err.text, "always_hash, smart_repartition, round_robin, sticky_partition, fan_in"));
	}
}

static void p6_columns_do_not_run_together(void **state)
{
	(void)state;
	/* In 1,024 partitions that one pair meets by chance is rare; that many do is a fault. */
	struct partition p = set_up(PARTITION_ALWAYS_HASH, PARTITIONS_MAX, by_two, NULL);
	assert_int_not_equal(pick(&p, -1, "ab", "c"), pick(&p, -1, "a", "bc"));
	int met = 0;
	for (int i = 0; i < 300; i++) {
		char long_one[24], short_one[24], tail[24];
		snprintf(long_one, sizeof long_one, "x%dy", i);
		snprintf(short_one, sizeof short_one, "x%d", i);
		snprintf(tail, sizeof tail, "yz");
		met += pick(&p, -1, long_one, "z") == pick(&p, -1, short_one, tail);
		met += pick(&p, -1, short_one, "") == pick(&p, -1, "", short_one);
	}
	assert_true(met < 8);
}

static void p7_no_partitions_is_refused(void **state)
{
	(void)state;
	for (int s = 0; s < PARTITION_COUNT; s++) {
		struct partition_options how = {.strategy = (enum partition_strategy)s};
		assert_not_set_up(how, "\"0\"");
		how.count = -1;
		assert_not_set_up(how, "\"-1\"");
		how.count = PARTITIONS_MAX + 1;
		assert_not_set_up(how, "1 to 1024");
	}
}

static void p8_one_default(void **state)
{
	(void)state;
	enum partition_strategy s = PARTITION_COUNT;
	assert_int_equal(partition_of(NULL, &s, NULL), 0);
	assert_int_equal(s, PARTITION_ALWAYS_HASH);
	s = PARTITION_COUNT;
	assert_int_equal(partition_of("", &s, NULL), 0);
	assert_int_equal(s, PARTITION_DEFAULT);
	/* And what is zero-initialised is it too. */
	assert_int_equal((struct partition_options){0}.strategy, PARTITION_DEFAULT);
}

static void smart_stays_where_the_source_agrees(void **state)
{
	(void)state;
	struct partition p = set_up(PARTITION_SMART_REPARTITION, 8, by_two, by_two);
	assert_true(isnan(partition_alignment(&p)));
	assert_int_equal(pick(&p, 11, "b", "u"), 3);
	assert_int_equal(pick(&p, 12, "b", "u"), 4);
	assert_int_equal(pick(&p, 13, "b", "u"), 5);
	pick(&p, UNKNOWN, "b", "u");
	assert_int_equal(p.natural, 3);
	assert_int_equal(p.repartitioned, 1);
	assert_true(partition_alignment(&p) == 0.75);
	assert_true(partition_alignment(&p) == 0.75);
	/* Columns are compared one by one, not as they read when joined. */
	assert_false(set_up(PARTITION_SMART_REPARTITION, 8, by_two, by_one_with_comma).aligned);
	assert_false(set_up(PARTITION_SMART_REPARTITION, 8, by_user, by_other).aligned);
	assert_false(set_up(PARTITION_SMART_REPARTITION, 8, by_user, NULL).aligned);
}

static void a_missing_column_is_named(void **state)
{
	(void)state;
	struct partition p = set_up(PARTITION_ALWAYS_HASH, 8, by_two, NULL);
	struct partition_value values[] = {{"berlin", 6}, {NULL, 0}};
	struct err err = {0};
	assert_int_equal(partition_pick(&p, &(struct partition_record){values, 2, -1}, &err), -1);
	assert_int_equal(err.code, ERR_FIELD);
	assert_non_null(strstr(err.text, "\"user\""));
	/* Ungrouped work has no name for it. */
	p = set_up(PARTITION_STICKY, 8, NULL, NULL);
	assert_int_equal(partition_pick(&p, &(struct partition_record){values, 2, -1}, &err), -1);
	assert_non_null(strstr(err.text, "\"key\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_same_key_same_partition),
		cmocka_unit_test(p2_sticky_10_of_8_is_2),
		cmocka_unit_test(sticky_takes_the_hash_without_a_partition),
		cmocka_unit_test(p3_round_robin_gives_equal_counts),
		cmocka_unit_test(grouped_work_is_not_torn_apart),
		cmocka_unit_test(p4_fan_in_target_is_checked_at_set_up),
		cmocka_unit_test(p5_names_and_other_names),
		cmocka_unit_test(p6_columns_do_not_run_together),
		cmocka_unit_test(p7_no_partitions_is_refused),
		cmocka_unit_test(p8_one_default),
		cmocka_unit_test(smart_stays_where_the_source_agrees),
		cmocka_unit_test(a_missing_column_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
