/* state: a document to JSON and back, its mark, and JSON that is none of ours. */
#include "tests/unit/history/fixture.h"

#include "history/state.h"

static struct snapshot *make(void)
{
	struct snapshot *s = mem_new(1, sizeof *s);

	text_copy(s->pool_id, sizeof s->pool_id, "p-1");
	text_copy(s->pool, sizeof s->pool, "checkout");
	text_copy(s->node_id, sizeof s->node_id, "n-1");
	text_copy(s->boot_id, sizeof s->boot_id, "b-1");
	s->seq = 7;
	s->uptime_ms = 123456;
	s->now_ms = T0;
	s->epoch = 3;
	s->rev = 42;
	s->strategy = STRATEGY_CANARY;
	s->share_bp = 1000;
	s->baseline_bp = -1;
	s->kept_bp = 100;
	s->hold.on = true;
	text_copy(s->hold.reason, sizeof s->hold.reason, "a \"quoted\" reason, \xc3\xa4");
	s->hold.age_ms = 5;
	s->change.known = true;
	text_copy(s->change.actor, sizeof s->change.actor, "kim@ops1");
	s->change.age_ms = 60000;
	s->change.arms[ARM_V2].requests = 11;
	s->change.arms[ARM_V2].sessions = UNKNOWN;
	for (int a = 0; a < ARM_COUNT; a++) {
		s->arms[a].requests = 1000 + a;
		s->arms[a].failed[FAILURE_SYSTEM] = 3;
		s->arms[a].sessions = UNKNOWN;
		s->arms[a].workers.crashed = 2;
		s->arms[a].cpu_us = 99;
		s->arms[a].has_latency = true;
	}
	s->unit_ms = 1000;
	s->audit_seq = UNKNOWN;
	return s;
}

static void reads_back_exactly(void **state)
{
	struct snapshot *s = make(), *back = mem_new(1, sizeof *back);
	struct text t = {0};
	struct err err = {0};
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	state_write(&t, s);
	assert_int_equal(state_read(back, db, text_str(&t), "x", &err), 0);
	assert_memory_equal(s, back, sizeof *s);
	sqlite3_close(db);
	text_free(&t);
	free(s);
	free(back);
}

static void the_mark_ignores_what_moves(void **state)
{
	struct snapshot *s = make();
	struct text a = {0}, b = {0}, c = {0};

	(void)state;
	state_mark(&a, s);
	s->seq++;
	s->uptime_ms += 1000;
	s->change.age_ms += 1000;
	s->hold.age_ms += 1000;
	s->arms[ARM_V1].requests += 5;
	s->arms[ARM_V1].queue_depth = 3;
	state_mark(&b, s);
	assert_string_equal(text_str(&a), text_str(&b));
	s->share_bp = 2000;
	state_mark(&c, s);
	assert_string_not_equal(text_str(&a), text_str(&c));
	text_free(&a);
	text_free(&b);
	text_free(&c);
	free(s);
}

static void refuses_what_is_not_whole(void **state)
{
	static const char *const bad[] = {
		"", "{}", "[]", "{\"pool\":", "null", "{\"v1\":{\"requests\":1}}"};
	static const struct {
		const char *from, *to;
	} edits[] = {
		{"\"share_bp\":1000", "\"share_bp\":10001"},
		{"\"share_bp\":1000", "\"share_bp\":\"x\""},
		{"\"strategy\":\"canary\"", "\"strategy\":\"can\""},
		{"\"epoch\":3", "\"epoch\":1e99"},
		{"\"epoch\":3", "\"epoch\":9223372036854775807"},
		{"\"pool\":\"checkout\"", "\"pool\":null"},
	};
	struct snapshot *s = make(), *back = mem_new(1, sizeof *back);
	struct text t = {0};
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};

		assert_int_equal(state_read(back, db, bad[i], "x", &err), -1);
		assert_int_equal(err.code, ERR_DAMAGED);
	}
	state_write(&t, s);
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		struct text edited = {0};
		struct err err = {0};
		const char *at = strstr(text_str(&t), edits[i].from);

		assert_non_null(at);
		text_add_n(&edited, t.data, (size_t)(at - t.data));
		text_add(&edited, edits[i].to);
		text_add(&edited, at + strlen(edits[i].from));
		assert_int_equal(state_read(back, db, text_str(&edited), "x", &err), -1);
		text_free(&edited);
	}
	sqlite3_close(db);
	text_free(&t);
	free(s);
	free(back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back_exactly),
		cmocka_unit_test(the_mark_ignores_what_moves),
		cmocka_unit_test(refuses_what_is_not_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
