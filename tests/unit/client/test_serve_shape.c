/* Tests of a pool's settings: what each may say, and the query of a target. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/serve_shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct serve_shape shape;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	shape = (struct serve_shape){.engine = {.strategy = STRATEGY_CANARY}};
	err = (struct err){0};
	return 0;
}

static int read(enum serve_setting s, const char *text)
{
	err = (struct err){0};
	return serve_shape_read(&shape, s, text, &err);
}

static void good(enum serve_setting s, const char *text)
{
	if (read(s, text) < 0)
		fail_msg("%s '%s': %s", serve_setting_key(s), text, err.text);
}

static void each_says_something(void **state)
{
	(void)state;
	const struct engine_options *e = &shape.engine;
	const struct residents_options *r = &shape.residents;
	good(SERVE_V1, "v1:transactional");
	assert_string_equal(e->v1_processor, "v1:transactional");
	good(SERVE_V2, "v2:8:affinity");
	assert_string_equal(e->v2_processor, "v2:8:affinity");
	good(SERVE_STRATEGY, "full_migration");
	assert_int_equal(e->strategy, STRATEGY_FULL_MIGRATION);
	assert_int_equal(e->share_bp, 10000);
	good(SERVE_STRATEGY, "canary_deployment");
	assert_int_equal(e->strategy, STRATEGY_CANARY);
	good(SERVE_SHARE, "12.5%");
	assert_int_equal(e->share_bp, 1250);
	good(SERVE_PARTITION, "fan_in");
	assert_string_equal(e->partition, "fan_in");
	good(SERVE_AFFINITY, "hint");
	assert_string_equal(e->affinity, "hint");
	good(SERVE_RETRY, "linear");
	assert_string_equal(e->retry, "linear");
	good(SERVE_SEGMENT, "1024");
	assert_int_equal(e->segment, 1024);
	good(SERVE_BREAKER_FAILURES, "1");
	assert_int_equal(e->breaker_failures, 1);
	good(SERVE_BREAKER_OPEN, "2s");
	assert_int_equal(e->breaker_open_ms, 2000);
	good(SERVE_UNIT, "100ms");
	assert_int_equal(e->unit_ms, 100);
	good(SERVE_OPERATIONS, "a:idempotent,b");
	assert_string_equal(e->operations, "a:idempotent,b");
	good(SERVE_ALLOW, "a");
	assert_string_equal(e->allow, "a");
	good(SERVE_NODES, "2");
	assert_int_equal(r->nodes, 2);
	good(SERVE_WEIGHTS, "3,0");
	assert_int_equal(r->weight[0], 3);
	assert_int_equal(r->weight[1], 0);
	good(SERVE_PLACEMENT, "weighted");
	assert_int_equal(r->placement, PLACEMENT_WEIGHTED);
	good(SERVE_IDLE, "1m");
	assert_int_equal(r->idle_us, 60000000);
	good(SERVE_WINDOWS, "segment_workers=1:2:4,node_segments=0:1:8");
	assert_int_equal(r->aim[AIM_SEGMENT_WORKERS].low, 1);
	assert_int_equal(r->aim[AIM_SEGMENT_WORKERS].high, 4);
	assert_int_equal(r->aim[AIM_NODE_SEGMENTS].target, 1);
	assert_int_equal(r->aim[AIM_NODE_WORKERS].high, 0);
	good(SERVE_RECYCLE, "age=1h");
	assert_string_equal(shape.recycle, "age=1h");
	good(SERVE_LIMIT, "cpu=1s");
	assert_string_equal(shape.limit, "cpu=1s");
}

static void a_side_may_be_a_program(void **state)
{
	(void)state;
	const struct engine_options *e = &shape.engine;
	good(SERVE_V2, "exec:python3 'x exec: y.py' a:b");
	assert_string_equal(shape.command[ARM_V2], "python3 'x exec: y.py' a:b");
	assert_null(e->v2_processor);
	good(SERVE_V2, "v2:2:affinity  exec:sh -c 'x'");
	assert_string_equal(shape.command[ARM_V2], "sh -c 'x'");
	assert_string_equal(e->v2_processor, "v2:2:affinity");
	/* What is said later is all that is said. */
	good(SERVE_V2, "v2:4");
	assert_null(shape.command[ARM_V2]);
	good(SERVE_V2, "none");
	assert_true(e->no_v2);
	good(SERVE_V2, "exec:x");
	assert_false(e->no_v2);
	good(SERVE_V1, "v1:simple exec:old");
	assert_string_equal(shape.command[ARM_V1], "old");
	assert_string_equal(e->v1_processor, "v1:simple");
}

static void nonsense_is_quoted(void **state)
{
	(void)state;
	static const struct {
		enum serve_setting s;
		const char *text, *says;
	} rows[] = {
		{SERVE_V1, "v2:3", "'v2:3' is the other side's processor"},
		{SERVE_V1, "none", "'none' is unknown"},
		{SERVE_V2, "v1:simple", "is the other side's"},
		{SERVE_V2, "v1:simple exec:x", "is the other side's"},
		{SERVE_V2, "v2:08", "'v2:08' is unknown"},
		{SERVE_V2, "v2:2 Exec:x", "is unknown"},
		{SERVE_V2, "v2:2:exec:x", "is unknown"},
		{SERVE_V2, "", "is unknown"},
		{SERVE_V2, "v2:2222222222222222222222222222222222222222222222", "too long"},
		{SERVE_STRATEGY, "canary ", "none of primary_only"},
		{SERVE_STRATEGY, "all", "'all' is none of"},
		{SERVE_SHARE, "10", "'10' is no share"},
		{SERVE_SHARE, "101%", "is no share"},
		{SERVE_PARTITION, "random", "random"},
		{SERVE_AFFINITY, "strict", "'strict' is none of"},
		{SERVE_RETRY, "twice", "'twice' is none of"},
		{SERVE_SEGMENT, "0", "no number of 1 to 1024"},
		{SERVE_SEGMENT, "1025", "no number of 1 to 1024"},
		{SERVE_SEGMENT, "0x8", "no number"},
		{SERVE_BREAKER_FAILURES, "-1", "no number of 1 to 1000000"},
		{SERVE_BREAKER_OPEN, "60", "is no duration"},
		{SERVE_UNIT, "1y", "is no duration"},
		{SERVE_IDLE, "99999d", "is no duration"},
		{SERVE_OPERATIONS, "a,a", "twice"},
		{SERVE_OPERATIONS, "", "is no operation"},
		{SERVE_ALLOW, "a,,b", "want names"},
		{SERVE_ALLOW, "a b", "want names"},
		{SERVE_NODES, "9", "no number of 1 to 8"},
		{SERVE_WEIGHTS, "1,2,3,4,5,6,7,8,9", "more than 8"},
		{SERVE_WEIGHTS, "1,", "want a whole number"},
		{SERVE_WEIGHTS, "-1", "want a whole number"},
		{SERVE_WEIGHTS, "1000001", "want a whole number of 0 to 1000000"},
		{SERVE_WEIGHTS, "0,0", "one node at least"},
		{SERVE_PLACEMENT, "best", "'best' is none of"},
		{SERVE_WINDOWS, "workers=1:2:3", "is none of segment_workers"},
		{SERVE_WINDOWS, "segment_workers", "want low:target:high"},
		{SERVE_WINDOWS, "segment_workers=1:2", "want low:target:high"},
		{SERVE_WINDOWS, "segment_workers=1:2:3:4", "want low:target:high"},
		{SERVE_WINDOWS, "segment_workers=1:2:x", "want low:target:high"},
		{SERVE_WINDOWS, "segment_workers=2:2:2", "must rise from low to target to high"},
		{SERVE_WINDOWS, "segment_workers=3:2:1", "must rise"},
		{SERVE_WINDOWS, "segment_workers=1:2:99999999999999999999", "want low:target:high"},
		{SERVE_WINDOWS, "", "is none of"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(read(rows[i].s, rows[i].text), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		if (!strstr(err.text, rows[i].says))
			fail_msg("%s '%s': %s", serve_setting_key(rows[i].s), rows[i].text, err.text);
	}
}

static int query(const char *text)
{
	static char copy[256];
	snprintf(copy, sizeof copy, "%s", text);
	set_up(NULL);
	return serve_shape_query(&shape, copy, &err);
}

static void a_query_says_the_same(void **state)
{
	(void)state;
	if (query("v2=v2:3:affinity&share=0.5%25&allow=echo%2cpredict&breaker_open=2s"))
		fail_msg("%s", err.text);
	assert_string_equal(shape.engine.v2_processor, "v2:3:affinity");
	assert_int_equal(shape.engine.share_bp, 50);
	assert_string_equal(shape.engine.allow, "echo,predict");
	assert_int_equal(shape.engine.breaker_open_ms, 2000);
}

static void a_bad_query_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"", "\"\" is no setting"},
		{"v2", "\"v2\" has no good value"},
		{"v2=", "\"v2\" has no good value"},
		{"v2=v2&", "\"\" is no setting"},
		{"v2=v2&v2=v2:3", "\"v2\" is there twice"},
		{"v3=1", "\"v3\" is no setting"},
		{"breaker-open=1s", "is no setting"},
		{"share=5%", "\"share\" has no good value"},
		{"share=5%2", "\"share\" has no good value"},
		{"share=5%00", "\"share\" has no good value"},
		{"share=5%zz", "\"share\" has no good value"},
		{"share=5%1b", "\"share\" has no good value"},
		{"segment=0", "segment: '0' is no number"},
		{"v2=exec:rm", "worker programs are run by weir serve only"},
		{"v1=v1:simple exec:rm", "by weir serve only"},
		{"operations=a", "\"operations\" is of weir serve only"},
		{"nodes=2", "\"nodes\" is of weir serve only"},
		{"recycle=age=1h", "\"recycle\" is of weir serve only"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(query(rows[i].text), -1);
		if (!strstr(err.text, rows[i].says))
			fail_msg("%s: %s", rows[i].text, err.text);
	}
}

static void v1s_part_is_turned_round_once(void **state)
{
	(void)state;
	int share_bp;
	assert_int_equal(serve_share_of_primary("80", &share_bp, &err), 0);
	assert_int_equal(share_bp, 2000);
	assert_int_equal(serve_share_of_primary("101", &share_bp, &err), -1);
	assert_int_equal(serve_processor_is_v1("v1:simple", &err), 1);
	assert_int_equal(serve_processor_is_v1("v2:2", &err), 0);
	assert_int_equal(serve_processor_is_v1("v3", &err), -1);
}

static void the_environment_is_named(void **state)
{
	(void)state;
	unsetenv("PROCESSOR_CONFIG");
	unsetenv("PRIMARY_PERCENTAGE");
	assert_null(serve_setting_variable(SERVE_V2));
	setenv("PROCESSOR_CONFIG", "v2:4", 1);
	assert_string_equal(serve_setting_variable(SERVE_V2), "PROCESSOR_CONFIG");
	assert_null(serve_setting_variable(SERVE_V1));
	setenv("PRIMARY_PERCENTAGE", "80", 1);
	assert_string_equal(serve_setting_variable(SERVE_SHARE), "PRIMARY_PERCENTAGE");
	assert_null(serve_setting_variable(SERVE_SEGMENT));
	unsetenv("PROCESSOR_CONFIG");
	unsetenv("PRIMARY_PERCENTAGE");
}

#define T(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_says_something),
		T(a_side_may_be_a_program),
		T(nonsense_is_quoted),
		T(a_query_says_the_same),
		T(a_bad_query_is_refused),
		T(v1s_part_is_turned_round_once),
		T(the_environment_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
