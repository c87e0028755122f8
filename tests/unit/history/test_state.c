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
	s->unit_sample = 4;
	s->sticky = true;
	s->audit_seq = UNKNOWN;
	s->lease = (struct lease){true, "pat@ops2", 25000};
	s->keep = (struct keep){true, 90000, ORPHAN_HOLD};
	s->guard = (struct pool_guard){.known = true,
		.armed = true,
		.state = GUARD_RED,
		.action = GUARD_ACTION_ROLLBACK,
		.since_ms = 4000,
		.held_ms = UNKNOWN,
		.word = "errors 7.5 % of 5 %",
		.verdict = VERDICT_NO_DATA,
		.verdict_text = "no v2 traffic for 12 s"};
	s->operations = (struct operation_set){true, 2, {"predict", "a \"name\""}};
	return s;
}

static void reads_back_exactly(void **state)
{
	struct snapshot *s = make(), *back = mem_new(1, sizeof *back);
	struct text t = {0};
	struct err err = {0};
	sqlite3 *db;
	sqlite3_stmt *reader;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(state_prepare(&reader, db, "x", &err), 0);
	state_write(&t, s);
	assert_int_equal(state_read(back, reader, text_str(&t), "x", &err), 0);
	assert_memory_equal(s, back, sizeof *s);
	sqlite3_finalize(reader);
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
	s->lease.ttl_ms -= 1000;
	s->keep.left_ms -= 1000;
	s->guard.since_ms += 1000;
	text_copy(s->guard.word, sizeof s->guard.word, "errors 7.6 % of 5 %");
	text_copy(s->guard.verdict_text, sizeof s->guard.verdict_text, "no v2 traffic for 13 s");
	state_mark(&b, s);
	assert_string_equal(text_str(&a), text_str(&b));
	text_copy(s->operations.name[1], sizeof s->operations.name[1], "other");
	for (int i = 0; i < 9; i++) {
		text_clear(&c);
		state_mark(&c, s);
		assert_string_not_equal(text_str(&a), text_str(&c));
		text_clear(&a);
		text_add(&a, text_str(&c));
		if (i == 0)
			s->share_bp = 2000;
		if (i == 1)
			text_copy(s->lease.holder, sizeof s->lease.holder, "");
		if (i == 2)
			s->keep.on = false;
		if (i == 3)
			s->guard.state = GUARD_GREEN;
		if (i == 4)
			s->guard.action = GUARD_ACTION_HOLD;
		if (i == 5)
			s->guard.verdict = VERDICT_HARM;
		if (i == 6)
			s->sticky = false;
		if (i == 7)
			s->unit_sample = 8;
	}
	text_free(&a);
	text_free(&b);
	text_free(&c);
	free(s);
}

/* Documents that follow from one that was recorded need no event; others do. */
static void ages_and_countdowns_run(void **state)
{
	struct snapshot *s = make(), *later = mem_new(1, sizeof *later);
	struct state_timers then, now;

	(void)state;
	state_timers(&then, s, T0);
	*later = *s;
	later->uptime_ms += 20000;
	state_pass(later, 20000);
	assert_int_equal(later->hold.age_ms, 20005);
	assert_int_equal(later->change.age_ms, 80000);
	assert_int_equal(later->guard.since_ms, 24000);
	assert_int_equal(later->guard.held_ms, UNKNOWN);
	assert_int_equal(later->lease.ttl_ms, 5000);
	assert_int_equal(later->keep.left_ms, 70000);
	state_timers(&now, later, T0); /* the pool's clock counts, not ours */
	assert_true(state_runs_on(&then, &now));
	now.change_ms += 1000; /* documents may tell seconds */
	assert_true(state_runs_on(&then, &now));
	now.lease_ms = 30000; /* renewed: it runs on */
	assert_true(state_runs_on(&then, &now));
	state_timers(&now, later, T0);
	int64_t *const jumps[] = {&now.hold_ms, &now.change_ms, &now.guard_ms, &now.keep_ms};
	for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
		const int64_t was = *jumps[i];

		*jumps[i] = 100;
		assert_false(state_runs_on(&then, &now));
		*jumps[i] = UNKNOWN;
		assert_false(state_runs_on(&then, &now));
		*jumps[i] = was;
		assert_true(state_runs_on(&then, &now));
	}
	now.only_hold_ms = 60000; /* told to hold only */
	assert_false(state_runs_on(&then, &now));
	now.only_hold_ms = UNKNOWN;
	now.lease_ms = UNKNOWN;
	assert_false(state_runs_on(&then, &now));
	/* what was recorded has run out, and the lease has not */
	now = then;
	now.uptime_ms += 26000;
	now.hold_ms += 26000;
	now.change_ms += 26000;
	now.guard_ms += 26000;
	now.keep_ms -= 26000;
	now.lease_ms = 20000;
	assert_false(state_runs_on(&then, &now));
	now.lease_ms = 0;
	assert_true(state_runs_on(&then, &now));
	/* without an uptime our clock counts */
	now.uptime_ms = UNKNOWN;
	now.at_ms += 26000;
	assert_true(state_runs_on(&then, &now));
	free(later);
	free(s);
}

static void countdowns_end_at_nothing_and_go_back(void **state)
{
	struct snapshot *s = make();

	(void)state;
	s->hold.on = false;
	s->hold.age_ms = UNKNOWN;
	state_pass(s, 1000000);
	assert_int_equal(s->lease.ttl_ms, 0);
	assert_int_equal(s->keep.left_ms, 0);
	assert_int_equal(s->hold.age_ms, UNKNOWN);
	state_pass(s, -2000000);
	assert_int_equal(s->change.age_ms, 0);
	assert_int_equal(s->keep.left_ms, 2000000);
	free(s);
}

/* A recording from before a pool told of its hands. */
static void what_old_recordings_lack_is_not_known(void **state)
{
	struct snapshot *s = make(), *back = mem_new(1, sizeof *back);
	struct text t = {0}, old = {0};
	struct err err = {0};
	sqlite3 *db;
	sqlite3_stmt *reader;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(state_prepare(&reader, db, "x", &err), 0);
	state_write(&t, s);
	const char *from = strstr(text_str(&t), "\"lease\":"),
			   *to = strstr(text_str(&t), "\"change\":");
	assert_true(from != NULL && to > from);
	text_add_n(&old, t.data, (size_t)(from - t.data));
	text_add(&old, to);
	assert_int_equal(state_read(back, reader, text_str(&old), "x", &err), 0);
	assert_int_equal(back->share_bp, 1000);
	assert_false(back->lease.known);
	assert_int_equal(back->lease.ttl_ms, UNKNOWN);
	assert_false(back->keep.on);
	assert_int_equal(back->keep.left_ms, UNKNOWN);
	assert_false(back->guard.known);
	assert_int_equal(back->guard.since_ms, UNKNOWN);
	assert_int_equal(back->guard.held_ms, UNKNOWN);
	assert_false(back->operations.limited);
	assert_true(back->change.known);
	sqlite3_finalize(reader);
	sqlite3_close(db);
	text_free(&t);
	text_free(&old);
	free(s);
	free(back);
}

/* A recording from before refusals were told apart: they are in the other categories. */
static void what_old_recordings_did_not_refuse_is_none(void **state)
{
	static const char later[] = ",\"failed_refused\":4";
	struct snapshot *s = make(), *back = mem_new(1, sizeof *back);
	struct text t = {0}, old = {0};
	struct err err = {0};
	sqlite3 *db;
	sqlite3_stmt *reader;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(state_prepare(&reader, db, "x", &err), 0);
	for (int a = 0; a < ARM_COUNT; a++)
		s->arms[a].failed[FAILURE_REFUSED] = 4;
	state_write(&t, s);
	assert_int_equal(state_read(back, reader, text_str(&t), "x", &err), 0);
	assert_int_equal(back->arms[ARM_V2].failed[FAILURE_REFUSED], 4);
	const char *from = text_str(&t);
	for (const char *at; (at = strstr(from, later)) != NULL; from = at + strlen(later))
		text_add_n(&old, from, (size_t)(at - from));
	text_add(&old, from);
	assert_int_equal(old.len, t.len - ARM_COUNT * strlen(later));
	assert_int_equal(state_read(back, reader, text_str(&old), "x", &err), 0);
	for (int a = 0; a < ARM_COUNT; a++) {
		assert_int_equal(back->arms[a].failed[FAILURE_REFUSED], 0);
		assert_int_equal(back->arms[a].failed[FAILURE_SYSTEM], 3);
	}
	sqlite3_finalize(reader);
	sqlite3_close(db);
	text_free(&t);
	text_free(&old);
	free(s);
	free(back);
}

/* Hostile texts and names of a document that somebody else wrote. */
static void texts_are_cleaned(void **state)
{
	struct snapshot *s = make(), *back = mem_new(1, sizeof *back);
	struct text t = {0};
	struct err err = {0};
	sqlite3 *db;
	sqlite3_stmt *reader;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(state_prepare(&reader, db, "x", &err), 0);
	text_copy(s->lease.holder, sizeof s->lease.holder, "pat\x1b[31m");
	text_copy(s->guard.word, sizeof s->guard.word, "p99 \a");
	text_copy(s->operations.name[0], sizeof s->operations.name[0], "x\x07");
	state_write(&t, s);
	assert_int_equal(state_read(back, reader, text_str(&t), "x", &err), 0);
	assert_string_equal(back->lease.holder, "pat^[[31m");
	assert_string_equal(back->guard.word, "p99 ^G");
	assert_string_equal(back->operations.name[0], "x^G");
	sqlite3_finalize(reader);
	sqlite3_close(db);
	text_free(&t);
	free(s);
	free(back);
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
		{"\"state\":\"RED\"", "\"state\":\"red\""},
		{"\"on_orphan\":\"hold\"", "\"on_orphan\":2"},
		{"\"ttl_ms\":25000", "\"ttl_ms\":\"25 s\""},
		{"\"holder\":\"pat@ops2\",", ""},
		{"\"limited\":true", "\"limited\":\"yes\""},
		{"[\"predict\",", "[3,"},
		{"[\"predict\",",
			"[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,"
			"30,31,32,33,34,"},
	};
	struct snapshot *s = make(), *back = mem_new(1, sizeof *back);
	struct text t = {0};
	sqlite3 *db;
	sqlite3_stmt *reader;
	struct err none;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(state_prepare(&reader, db, "x", &none), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};

		assert_int_equal(state_read(back, reader, bad[i], "x", &err), -1);
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
		assert_int_equal(state_read(back, reader, text_str(&edited), "x", &err), -1);
		text_free(&edited);
	}
	sqlite3_finalize(reader);
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
		cmocka_unit_test(ages_and_countdowns_run),
		cmocka_unit_test(countdowns_end_at_nothing_and_go_back),
		cmocka_unit_test(what_old_recordings_lack_is_not_known),
		cmocka_unit_test(what_old_recordings_did_not_refuse_is_none),
		cmocka_unit_test(texts_are_cleaned),
		cmocka_unit_test(refuses_what_is_not_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
