/* told: what a file says of decisions and what a reader makes of it: what was given up, rows that
 * came late, rows that another program has edited. */
#include "tests/unit/history/fixture.h"

#include "history/marks.h"
#include "model/model.h"

static struct decision make_brake(const char *id, int64_t at_ms)
{
	struct decision d = make_decision(id, at_ms);

	d.verb = VERB_ROLLBACK;
	d.from_bp = 1000;
	d.to_bp = 0;
	return d;
}

static void add(struct history *h, const struct decision *d)
{
	history_intent(h, d);
	expect_kind(h, HISTORY_COMMITTED);
}

static void conclude(struct history *h, const char *id, enum outcome_row_kind row,
	enum outcome_kind kind, int64_t at_ms)
{
	const struct outcome_row r = make_outcome(id, row, kind, at_ms);

	history_outcome(h, &r);
}

static struct query *open_query(const struct place *p)
{
	struct query *q = NULL;
	struct err err = {0};

	if (query_open(&q, p->path, &err) < 0)
		fail_msg("W%d %s", err.code, err.text);
	return q;
}

/* ---- what was given up ---- */

/* Three rollbacks: one without an answer that was given up, one that was applied, never seen and
 * given up, one that was seen first. */
static void record_closed(const struct place *p)
{
	struct history *h = start_opened(p, "kim@ops1");

	for (int i = 0; i < 3; i++) {
		const char id[] = {'r', '-', (char)('0' + i), 0};
		const struct decision d = make_brake(id, T0 + i * 10000);

		add(h, &d);
	}
	conclude(h, "r-0", OUTCOME_ROW_FINAL, OUTCOME_CLOSED, T0 + 5000);
	conclude(h, "r-1", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 11000);
	conclude(h, "r-1", OUTCOME_ROW_VERIFIED, OUTCOME_CLOSED, T0 + 15000);
	conclude(h, "r-2", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 21000);
	conclude(h, "r-2", OUTCOME_ROW_VERIFIED, OUTCOME_APPLIED, T0 + 22000);
	conclude(h, "r-2", OUTCOME_ROW_VERIFIED, OUTCOME_CLOSED, T0 + 25000); /* too late */
	settle(h);
}

static void assert_closed(const struct decision *d)
{
	static const struct {
		enum outcome_kind outcome;
		int64_t outcome_ms, verified_ms, closed_ms;
	} want[] = {
		{OUTCOME_CLOSED, T0 + 5000, UNKNOWN, T0 + 5000},
		{OUTCOME_APPLIED, T0 + 11000, UNKNOWN, T0 + 15000},
		{OUTCOME_APPLIED, T0 + 21000, T0 + 22000, UNKNOWN},
	};
	const size_t i = (size_t)(d->id[2] - '0');

	assert_in_range(i, 0, 2);
	assert_int_equal(d->outcome, want[i].outcome);
	assert_int_equal(d->outcome_ms, want[i].outcome_ms);
	assert_int_equal(d->verified_ms, want[i].verified_ms);
	assert_int_equal(d->closed_ms, want[i].closed_ms);
	assert_false(decision_is_open(d));
	assert_false(decision_awaits_verification(d));
}

static bool check_closed(void *ctx, const struct decision *d)
{
	struct text *lines = ctx;

	assert_closed(d);
	decision_json(lines, d);
	text_add(lines, "\n");
	return true;
}

static void what_was_given_up_comes_back(void **state)
{
	struct place p;
	struct query *q;
	struct decision d;
	struct err err;
	struct text lines = {0};
	struct history *h;
	struct history_answer a;
	const struct query_filter all = {0};
	const struct query_filter before = {.until_ms = T0 + 15000};

	(void)state;
	place_make(&p);
	record_closed(&p);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome"), 5);
	q = open_query(&p);
	assert_int_equal(query_decisions(q, &all, check_closed, &lines, &err), 0);
	/* one line each: r-0 and r-1 with, r-2 without the moment */
	assert_non_null(strstr(text_str(&lines), "\"closed_at\":\"2027-01-15T08:00:05"));
	assert_non_null(strstr(text_str(&lines), "\"closed_at\":\"2027-01-15T08:00:15"));
	assert_non_null(strstr(text_str(&lines), "\"closed_at\":null"));
	assert_non_null(strstr(text_str(&lines), "\"outcome\":\"CLOSED\""));
	assert_int_equal(query_decision(q, "r-1", &d, &err), 1);
	assert_closed(&d);
	query_close(q);
	/* before it was given up it was waited for */
	q = open_query(&p);
	struct marks m = {0};
	assert_int_equal(marks_load(&m, q, "checkout", before.until_ms, &err), 0);
	marks_seek(&m, before.until_ms);
	assert_true(decision_awaits_verification(&m.standing[1]));
	assert_int_equal(m.standing[1].closed_ms, UNKNOWN);
	marks_release(&m);
	query_close(q);
	/* and the next process finds nothing to do */
	h = start_opened(&p, "kim@ops1");
	history_load(h, "checkout", 10);
	wait_kind(h, HISTORY_LOADED, &a);
	assert_int_equal(a.decision_count, 3);
	for (size_t i = 0; i < a.decision_count; i++)
		assert_closed(&a.decisions[i]);
	history_answer_release(&a);
	settle(h);
	assert_whole(p.path, NULL);
	text_free(&lines);
	place_clean(&p);
}

static void a_replay_gives_up_when_it_was(void **state)
{
	struct place p;
	struct query *q;
	struct marks m = {0};
	struct err err;
	int told = 0;

	(void)state;
	place_make(&p);
	record_closed(&p);
	q = open_query(&p);
	assert_int_equal(marks_load(&m, q, "checkout", T0 + 60000, &err), 0);
	while (marks_due_ms(&m) != INT64_MAX) {
		const int64_t at_ms = marks_due_ms(&m);
		const struct decision *d = marks_take(&m);

		assert_non_null(d);
		assert_int_equal(d->closed_ms > 0,
			(d->id[2] == '0' && at_ms >= T0 + 5000) ||
				(d->id[2] == '1' && at_ms >= T0 + 15000));
		told++;
	}
	assert_int_equal(told, 3 + 5);
	for (size_t i = 0; i < 3; i++)
		assert_closed(&m.standing[i]);
	assert_int_equal(marks_seek(&m, INT64_MAX), 3);
	for (size_t i = 0; i < 3; i++)
		assert_closed(&m.standing[i]);
	marks_release(&m);
	query_close(q);
	place_clean(&p);
}

/* ---- rows that came late ---- */

/* A brake from an emergency journal: its row stands behind younger ones. */
static void record_late(const struct place *p)
{
	struct history *h = start_opened(p, "kim@ops1");
	struct decision d = make_decision("s-1", T0 + 10000);

	add(h, &d);
	conclude(h, "s-1", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 10100);
	d = make_decision("s-2", T0 + 50000);
	d.from_bp = 0;
	d.to_bp = 100;
	add(h, &d);
	conclude(h, "s-2", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 50100);
	d = make_brake("r-1", T0 + 30000);
	d.late = true;
	add(h, &d);
	conclude(h, "r-1", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 30200);
	/* and one whose rows are older than itself: the wall clock was put back */
	d = make_decision("s-3", T0 + 70000);
	add(h, &d);
	conclude(h, "s-3", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 60000);
	settle(h);
}

static bool add_id(void *ctx, const struct decision *d)
{
	text_addf(ctx, "%s%s ", d->id, d->late ? "!" : "");
	return true;
}

static void assert_ids(struct query *q, struct query_filter f, const char *want)
{
	struct text ids = {0};
	struct err err;

	assert_int_equal(query_decisions(q, &f, add_id, &ids, &err), 0);
	assert_string_equal(text_str(&ids), want);
	text_free(&ids);
}

static void late_rows_are_found_by_their_own_moment(void **state)
{
	struct place p;
	struct query *q;

	(void)state;
	place_make(&p);
	record_late(&p);
	q = open_query(&p);
	/* in the order of the record, which is that of the chain */
	assert_ids(q, (struct query_filter){0}, "s-1 s-2 r-1! s-3 ");
	assert_ids(q, (struct query_filter){.last = 2}, "r-1! s-3 ");
	assert_ids(
		q, (struct query_filter){.since_ms = T0 + 20000, .until_ms = T0 + 40000}, "r-1! ");
	assert_ids(q, (struct query_filter){.until_ms = T0 + 30000}, "s-1 ");
	assert_ids(q, (struct query_filter){.since_ms = T0 + 40000}, "s-2 s-3 ");
	query_close(q);
	assert_whole(p.path, NULL);
	place_clean(&p);
}

static void a_replay_tells_late_rows_when_they_happened(void **state)
{
	static const char want[] = "s-1 PENDING s-1 APPLIED r-1 PENDING r-1 APPLIED"
							   " s-2 PENDING s-2 APPLIED s-3 PENDING s-3 APPLIED ";
	struct place p;
	struct query *q;
	struct marks m = {0};
	struct err err;
	struct text told = {0};
	int64_t last_ms = 0;

	(void)state;
	place_make(&p);
	record_late(&p);
	q = open_query(&p);
	assert_int_equal(marks_load(&m, q, "checkout", T0 + 100000, &err), 0);
	while (marks_due_ms(&m) != INT64_MAX) {
		assert_true(marks_due_ms(&m) >= last_ms);
		last_ms = marks_due_ms(&m);
		const struct decision *d = marks_take(&m);
		text_addf(&told, "%s %s ", d->id, outcome_name(d->outcome));
	}
	assert_string_equal(text_str(&told), want);
	assert_int_equal(last_ms, T0 + 70000); /* what followed from s-3 is not before it */
	assert_int_equal(marks_seek(&m, T0 + 40000), 2);
	assert_string_equal(m.standing[1].id, "r-1");
	assert_int_equal(m.standing[1].outcome, OUTCOME_APPLIED);
	marks_release(&m);
	query_close(q);
	text_free(&told);
	place_clean(&p);
}

/* The model puts them where they belong: the step behind the late rollback is the last word. */
static void a_console_puts_late_rows_where_they_belong(void **state)
{
	static const char *const order[] = {"s-1", "r-1", "s-2", "s-3"};
	static const char *const targets[] = {"http://a"};
	struct place p;
	struct history *h;
	struct history_answer a;
	struct guard_limits limits;
	struct model m;

	(void)state;
	place_make(&p);
	record_late(&p);
	guard_limits_init(&limits);
	model_init(&m, "kim@ops1", true);
	model_add(&m,
		&(struct pool_setup){.name = "checkout",
			.targets = targets,
			.target_count = 1,
			.interval_ms = 1000,
			.limits = &limits});
	h = start_opened(&p, "kim@ops1");
	history_load(h, "checkout", 10);
	wait_kind(h, HISTORY_LOADED, &a);
	assert_int_equal(a.decision_count, 4);
	for (size_t i = 0; i < a.decision_count; i++) {
		const struct model_event e = {.kind = MODEL_DECISION, .decision = &a.decisions[i]};

		model_apply(&m, &e, NULL);
		model_apply(&m, &e, NULL); /* told twice it is there once */
	}
	assert_int_equal(m.pools[0].decision_count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(m.pools[0].decisions[i].id, order[i]);
	history_answer_release(&a);
	settle(h);
	model_release(&m);
	place_clean(&p);
}

/* ---- rows that another program has edited ---- */

static void edit(sqlite3 *db, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

/* Puts raw bytes, zero bytes too, into every row of a text column. */
static void put_raw(
	sqlite3 *db, const char *table, const char *column, const char *bytes, size_t len)
{
	struct text sql = {0};
	sqlite3_stmt *s = NULL;

	text_addf(&sql, "UPDATE %s SET %s = ?1", table, column);
	assert_int_equal(sqlite3_prepare_v2(db, text_str(&sql), -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_bind_text(s, 1, bytes, (int)len, SQLITE_TRANSIENT), SQLITE_OK);
	if (sqlite3_step(s) != SQLITE_DONE)
		fail_msg("%s: %s", text_str(&sql), sqlite3_errmsg(db));
	sqlite3_finalize(s);
	text_free(&sql);
}

static const char hostile[] = "a\x1b]0;owned\x07\x1b[2J\n\r\t\b\x7f\xc2\x9b"
							  "31m"
							  "\xe2\x80\xae\xff\xc0\xaf\xf0\x9f\x98 \0behind";

/* Nothing that a terminal obeys, and whole characters only. */
static void assert_clean(const char *text)
{
	const size_t len = strlen(text);

	assert_true(text_valid(text, len));
	for (size_t at = 0; at < len;) {
		uint32_t point;

		at += (size_t)text_decode(text + at, len - at, &point);
		assert_false(text_is_hidden(point));
	}
}

static void assert_cleaned(const char *text)
{
	assert_clean(text);
	assert_int_equal(strncmp(text, "a^[]0;owned^G^[[2J^J", 20), 0);
}

static bool check_decision(void *ctx, const struct decision *d)
{
	struct text t = {0};

	assert_cleaned(d->actor);
	assert_cleaned(d->role);
	assert_cleaned(d->pool_id);
	assert_cleaned(d->reason);
	assert_clean(d->hash);
	assert_string_equal(d->evidence, "{}");
	assert_int_equal(d->from_bp, -1);
	assert_int_equal(d->to_bp, -1);
	decision_json(&t, d);
	assert_clean(text_str(&t));
	text_free(&t);
	++*(int *)ctx;
	return true;
}

static bool check_outcome(void *ctx, const struct outcome_row *row)
{
	assert_cleaned(row->answer);
	assert_cleaned(row->node);
	++*(int *)ctx;
	return true;
}

static bool check_event(void *ctx, const struct query_event *e)
{
	assert_cleaned(e->text);
	assert_clean(e->kind);
	++*(int *)ctx;
	return true;
}

static bool check_recording(void *ctx, const struct query_recording *r)
{
	assert_cleaned(r->operator_name);
	assert_cleaned(r->host);
	assert_clean(r->version);
	++*(int *)ctx;
	return true;
}

static bool check_pool(void *ctx, const struct query_pool *p)
{
	assert_string_equal(p->pool, "checkout");
	assert_cleaned(p->pool_id);
	++*(int *)ctx;
	return true;
}

static void make_edited(const struct place *p)
{
	static const char *const tables[] = {"recording", "decision", "outcome", "event"};
	static const char *const columns[][2] = {{"decision", "actor"}, {"decision", "role"},
		{"decision", "pool_id"}, {"decision", "reason"}, {"decision", "evidence"},
		{"decision", "hash"}, {"outcome", "answer"}, {"outcome", "node"}, {"event", "text"},
		{"event", "kind"}, {"event", "detail"}, {"recording", "operator"},
		{"recording", "host"}, {"recording", "version"}, {"pool", "pool_id"},
		{"node", "target"}};
	struct history *h = start_opened(p, "kim@ops1");
	struct snapshot *s = mem_new(1, sizeof *s);
	struct text sql = {0};
	sqlite3 *db = NULL;

	text_copy(s->pool_id, sizeof s->pool_id, "pool-1");
	text_copy(s->node_id, sizeof s->node_id, "n-1");
	history_node(h, T0, "checkout", s, "http://a", "http");
	history_recording(h, T0, 1000, "0.1", "ops1", "{}", "{}");
	commit(h, "d-1", T0);
	conclude(h, "d-1", OUTCOME_ROW_NODE, OUTCOME_APPLIED, T0 + 1);
	history_event(h, T0 + 2, "checkout", "drift", "it moved", "{}");
	settle(h);
	free(s);
	assert_int_equal(sqlite3_open_v2(p->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		text_clear(&sql);
		text_addf(&sql, "DROP TRIGGER %s_stays", tables[i]);
		edit(db, text_str(&sql));
	}
	edit(db, "DROP TRIGGER pool_pinned; DROP TRIGGER node_pinned");
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		put_raw(db, columns[i][0], columns[i][1], hostile, sizeof hostile - 1);
	edit(db,
		"UPDATE decision SET from_bp = 99999, to_bp = -9223372036854775808,"
		" epoch = 9223372036854775807");
	sqlite3_close(db);
	text_free(&sql);
}

static bool any_recording(void *ctx, const struct query_recording *r)
{
	int *n = ctx;

	(void)r;
	++*n;
	return true;
}

/* Whatever a recording says of when it was: nothing wraps. */
static void read_hostile_numbers(const struct place *p, struct query *q)
{
	static const char *const numbers[] = {
		"9223372036854775807", "-9223372036854775808", "100", "-1", "100000000000001"};
	struct err err = {0};
	struct text sql = {0};
	sqlite3 *db;
	int n = 0;

	assert_int_equal(sqlite3_open_v2(p->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	for (int of = 0; of < 3; of++)
		for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
			const char *const say[] = {of == 0 ? numbers[i] : "1000000000000",
				of == 1 ? numbers[i] : "1000", of == 2 ? numbers[i] : "10000000100"};

			text_clear(&sql);
			text_addf(&sql,
				"UPDATE recording SET started_ms = %s, interval_ms = %s; UPDATE event SET"
				" kind = iif(seq = (SELECT max(seq) FROM event), 'end', 'checkpoint'), recording ="
				" (SELECT seq FROM recording), detail = '{\"to\":%s}'",
				say[0], say[1], say[2]);
			edit(db, text_str(&sql));
			query_recordings(q, any_recording, &n, &err);
		}
	sqlite3_close(db);
	text_free(&sql);
	assert_true(n > 0);
}

static void edited_rows_come_out_clean(void **state)
{
	struct place p;
	struct query *q;
	struct err err = {0};
	struct history_answer pins = {0};
	struct chain_report report;
	const struct query_filter all = {0};
	int n = 0;

	(void)state;
	place_make(&p);
	make_edited(&p);
	q = open_query(&p);
	assert_int_equal(query_decisions(q, &all, check_decision, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(query_outcomes(q, "checkout", 0, check_outcome, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(query_events(q, NULL, NULL, 0, 0, check_event, &n, &err), 0);
	assert_in_range(n, 3, 4); /* the recording's end is one, too */
	n = 0;
	assert_int_equal(query_recordings(q, check_recording, &n, &err), 0);
	assert_int_equal(n, 1);
	read_hostile_numbers(&p, q);
	n = 1;
	assert_int_equal(query_pools(q, check_pool, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(query_pins(q, "checkout", &pins, &err), 0);
	assert_cleaned(pins.pool_id);
	assert_cleaned(pins.nodes[0].target);
	query_close(q);
	/* and the check names the first of them */
	assert_int_equal(
		chain_verify(&report, p.path, "\x1b[31mhead\xe2\x82", NULL, NULL, &err), 0);
	assert_true(report.broken_seq > 0);
	assert_clean(report.why);
	assert_clean(report.head);
	place_clean(&p);
}

/* A head that nobody wrote is shown without what it would do to a terminal. */
static void a_hostile_head_is_shown_clean(void **state)
{
	struct place p;
	struct chain_report report;
	struct err err = {0};
	struct history *h;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	commit(h, "d-1", T0);
	settle(h);
	assert_int_equal(
		chain_verify(&report, p.path, "\x1b[31mhead\xe2\x82\xac\xe2\x82\xac", NULL, NULL, &err),
		0);
	assert_int_equal(report.broken_seq, 2);
	assert_clean(report.why);
	place_clean(&p);
}

/* Words that are not ours: such rows are left out, the others stay readable. */
static void unknown_words_are_left_out(void **state)
{
	struct place p;
	struct query *q;
	struct history *h;
	struct decision d;
	struct err err = {0};
	struct text t = {0};
	sqlite3 *db = NULL;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	commit(h, "d-1", T0);
	commit(h, "d-2", T0 + 1);
	conclude(h, "d-2", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 2);
	settle(h);
	assert_int_equal(sqlite3_open_v2(p.path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	edit(db, "DROP TRIGGER decision_stays; DROP TRIGGER outcome_stays");
	edit(db, "UPDATE decision SET verb = 'explode' WHERE id = 'd-1'");
	edit(db, "UPDATE outcome SET kind = 'MAYBE'");
	edit(db,
		"UPDATE decision SET evidence = '{not json}', at_ms = 9223372036854775807"
		" WHERE id = 'd-2'");
	sqlite3_close(db);
	q = open_query(&p);
	assert_ids(q, (struct query_filter){0}, "d-2 ");
	assert_int_equal(query_decision(q, "d-2", &d, &err), 1);
	assert_int_equal(d.outcome, OUTCOME_PENDING);
	assert_string_equal(d.evidence, "{}");
	decision_json(&t, &d);
	assert_clean(text_str(&t));
	assert_int_equal(query_decision(q, "d-1", &d, &err), 0);
	text_free(&t);
	query_close(q);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_given_up_comes_back),
		cmocka_unit_test(a_replay_gives_up_when_it_was),
		cmocka_unit_test(late_rows_are_found_by_their_own_moment),
		cmocka_unit_test(a_replay_tells_late_rows_when_they_happened),
		cmocka_unit_test(a_console_puts_late_rows_where_they_belong),
		cmocka_unit_test(edited_rows_come_out_clean),
		cmocka_unit_test(a_hostile_head_is_shown_clean),
		cmocka_unit_test(unknown_words_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
