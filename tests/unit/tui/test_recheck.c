/* Recheck: what a desk's judge said at each decision is what its recording says of it, over random
 * days of one and of three nodes; and every way in which a file can fail to say so is told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "history/anew.h"
#include "history/page.h"
#include "history/recheck.h"
#include "history/replay.h"
#include "history/schema.h"
#include "model/text.h"
#include "tests/lib/process.h"
#include "tests/lib/site.h"
#include "tui/journal_words.h"
#include "tui/report.h"
#include "tui/report_json.h"
#include "tui/report_text.h"
#include "tui/view_scrubber.h"

#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct site_desk recorder = {
	.actor = "kim@ops1", .file = "h.db", .record = true, .console = true};
static const struct site_desk one_shot = {.actor = "pat@ops1", .file = "h.db"};

static struct site s;
static struct desk *d;
static sqlite3 *db;
static struct recheck *r;

static void begin(int nodes, uint64_t seed)
{
	site_init(&s, nodes, seed);
	d = site_open(&s, &recorder);
	site_run(&s, 3000);
	/* Rows are named once the file has the recording that they are of. */
	const int64_t deadline = process_clock_ms() + 10000;
	struct history_chain chain;
	do {
		sched_yield();
		history_chain(desk_history(d), &chain);
	} while (chain.recording == UNKNOWN && process_clock_ms() < deadline);
	assert_true(chain.recording != UNKNOWN);
}

static int set_up(void **state)
{
	(void)state;
	db = NULL;
	r = NULL;
	d = NULL;
	s = (struct site){0};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	recheck_close(r);
	sqlite3_close(db);
	if (s.dir[0])
		site_release(&s);
	return 0;
}

/* ---- a recording ---- */

static void note(struct desk *by, const char *text)
{
	struct act_result a = site_act(&s, by, VERB_ANNOTATE, -1, text);
	assert_int_equal(a.status, ACT_BEGUN);
	site_settle(&s);
}

static void end(void)
{
	while (s.desk_count > 0)
		site_close(&s, s.desk[0]);
}

static const char *path(void)
{
	static char out[256];
	site_path(&s, "h.db", out, sizeof out);
	return out;
}

/* As somebody would who has the file: the triggers are in nobody's way who writes to it. */
static void change(const char *sql)
{
	sqlite3 *own;
	char *why = NULL;
	assert_int_equal(sqlite3_open(path(), &own), SQLITE_OK);
	sqlite3_exec(own,
		"DROP TRIGGER sample_stays; DROP TRIGGER sample_kept; DROP TRIGGER decision_stays;"
		" DROP TRIGGER recording_stays",
		NULL, NULL, NULL);
	if (sqlite3_exec(own, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	assert_true(sqlite3_changes(own) > 0);
	sqlite3_close(own);
}

static void look(const struct recheck_wish *what, int most)
{
	struct err err;
	recheck_close(r);
	sqlite3_close(db);
	db = NULL;
	if (schema_open_readonly(&db, path(), &err) < 0 ||
		recheck_open(&r, db, path(), what, &err) < 0)
		fail_msg("%s", err.text);
	while (!recheck_step(r, most))
		continue;
}

static const struct recheck_wish all = {.pool = "checkout", .until_ms = INT64_MAX};

static struct recheck_sum sum(void)
{
	struct recheck_sum out = {0};
	for (size_t i = 0; i < recheck_count(r); i++)
		recheck_add(&out, recheck_at(r, i));
	return out;
}

static void expect_all_same(size_t least)
{
	for (size_t i = 0; i < recheck_count(r); i++) {
		const struct recheck_result *is = recheck_at(r, i);
		if (is->kind != RECHECK_SAME)
			fail_msg("decision %zu of %zu: %s", i, recheck_count(r), is->text);
	}
	assert_true(sum().recomputed >= least);
}

static size_t count_of(enum recheck_kind kind)
{
	size_t n = 0;
	for (size_t i = 0; i < recheck_count(r); i++)
		n += recheck_at(r, i)->kind == kind;
	return n;
}

#define NOTES 6
#define NAMED (NOTES + 2) /* the step, and that it was kept, before them */

/* Of the notes of a small recording, the oldest first. */
static const struct recheck_result *noted(size_t n)
{
	assert_int_equal(recheck_count(r), NAMED);
	return recheck_at(r, NAMED - NOTES + n);
}

/* ---- random days ---- */

static uint64_t chance;

static int64_t below(int64_t n)
{
	chance = chance * 6364136223846793005u + 1442695040888963407u;
	return (int64_t)((chance >> 33) % (uint64_t)n);
}

static void something_happens(void)
{
	struct fake *n = s.node[below(s.node_count)];
	for (int k = 0; k < s.node_count; k++) {
		s.node[k]->silent = false;
		s.node[k]->rate = 200;
	}
	switch (below(12)) {
	case 0:
		n->silent = true;
		break;
	case 1:
		n->error_rate[ARM_V2] = (double)below(5) / 50;
		break;
	case 2:
		n->rate = 0;
		break;
	case 3:
		fake_restart(n, true);
		break;
	case 4:
		fake_upgrade(n, below(2) ? "2.1" : "2.2");
		fake_restart(n, true);
		break;
	case 5:
		fake_uncount(n, ARM_V1, 3);
		break;
	case 6:
		n->latency_us[ARM_V2] = 20000 + 20000 * below(3);
		break;
	case 7:
		site_act(&s, d, VERB_STEP, site_standing(d)->next_bp, "on");
		break;
	case 8:
		site_act(&s, d, VERB_ROLLBACK, -1, "back");
		break;
	case 9:
		site_act(&s, d, VERB_RESUME, -1, "well again");
		break;
	case 10:
		fake_act(n, "pat@ops2", "", VERB_STEP, (int)below(3) * 500, "by hand");
		break;
	default:
		n->no_quantiles = !n->no_quantiles;
	}
}

static void a_day(int nodes, uint64_t seed)
{
	chance = seed;
	begin(nodes, seed);
	site_step(&s, d, 100);
	for (int i = 0; i < 24; i++) {
		if (i % 2)
			something_happens();
		site_run(&s, 1000 + below(4000));
		note(d, "so it stands");
	}
	end();
	look(&all, 7);
	expect_all_same(24);
	site_release(&s);
	s = (struct site){0};
}

static void every_decision_of_a_random_day_is_recomputed(void **state)
{
	(void)state;
	const char *more = getenv("RECHECK_DAYS");
	int64_t days = 2;
	if (more)
		unit_parse_int(more, 1, 100000, &days);
	for (int64_t seed = 1; seed <= days; seed++) {
		a_day(1, (uint64_t)seed);
		a_day(3, (uint64_t)seed + 1000000);
	}
}

/* ---- one recording, and what can become of it ---- */

/* v2 at 1 %, worse than v1; a note every five seconds. */
static void a_small_recording(void)
{
	begin(1, 7);
	site_step(&s, d, 100);
	s.node[0]->error_rate[ARM_V2] = 0.04;
	site_run(&s, 35000);
	for (int i = 0; i < NOTES; i++) {
		site_run(&s, 5000);
		note(d, "seen");
	}
	end();
}

static void an_untouched_recording_is_the_same_and_says_so(void **state)
{
	(void)state;
	char line[120];
	a_small_recording();
	look(&all, 1000);
	expect_all_same(NAMED);
	const struct recheck_result *last = noted(NOTES - 1);
	assert_non_null(strstr(last->text, "recomputed: same, "));
	assert_non_null(strstr(last->text, " looks (E "));
	assert_true(last->recomputed.looks > 0);
	assert_false(last->cited);
	const struct recheck_sum of = sum();
	recheck_sum_text(line, sizeof line, &of);
	assert_string_equal(line, "8 of 8 verdicts recomputed from the stored rows, all equal");
	/* One alone, and none of another pool. */
	const struct recheck_wish one = {.pool = "checkout", .id = last->id, .until_ms = INT64_MAX};
	char id[DECISION_ID_MAX];
	text_copy(id, sizeof id, last->id);
	const struct recheck_wish alone = {
		.pool = one.pool, .id = id, .until_ms = one.until_ms, .rows_most = 1000};
	look(&alone, 1000);
	assert_int_equal(recheck_count(r), 1);
	assert_int_equal(recheck_of(r, id)->kind, RECHECK_SAME);
	assert_null(recheck_of(r, "nobody"));
	look(&(struct recheck_wish){.pool = "other", .until_ms = INT64_MAX}, 1000);
	assert_int_equal(recheck_count(r), 0);
}

static void a_changed_row_differs_at_every_decision_behind_it(void **state)
{
	(void)state;
	char line[120];
	a_small_recording();
	look(&all, 1000);
	char sql[160];
	snprintf(sql, sizeof sql,
		"UPDATE sample SET failed_operation = failed_operation + 3"
		" WHERE at_ms > %lld AND at_ms <= %lld + 2000",
		(long long)noted(2)->at_ms, (long long)noted(2)->at_ms);
	change(sql);
	look(&all, 1000);
	for (size_t i = 0; i < NOTES; i++)
		assert_int_equal(noted(i)->kind, i <= 2 ? RECHECK_SAME : RECHECK_DIFFERS);
	assert_non_null(strstr(noted(3)->text, "differs: recorded "));
	assert_non_null(strstr(noted(3)->text, ", recomputed "));
	const struct recheck_sum of = sum();
	recheck_sum_text(line, sizeof line, &of);
	assert_string_equal(line, "8 of 8 verdicts recomputed from the stored rows, 3 differ");
}

static void recorded_evidence_that_was_changed_differs(void **state)
{
	(void)state;
	a_small_recording();
	change("UPDATE decision SET evidence = json_set(evidence, '$.verdict.own', 'SAFE')"
		   " WHERE seq = (SELECT max(seq) FROM decision)");
	look(&all, 1000);
	assert_int_equal(noted(NOTES - 1)->kind, RECHECK_DIFFERS);
	assert_int_equal(count_of(RECHECK_SAME), NAMED - 1);
	change("UPDATE decision SET evidence = json_set(evidence, '$.verdict.own', 'HARM',"
		   " '$.verdict.e_safe', json_extract(evidence, '$.verdict.e_safe') * 1.0000001)"
		   " WHERE seq = (SELECT min(seq) FROM decision WHERE verb = 'annotate')");
	look(&all, 1000);
	assert_int_equal(count_of(RECHECK_DIFFERS), 2);
	change("UPDATE decision SET evidence = json_set(evidence, '$.judged.began_ms', 5)");
	look(&all, 1000);
	assert_int_equal(count_of(RECHECK_SAME), 0);
	assert_non_null(strstr(noted(NOTES - 1)->text, "evidence began at another moment"));
	/* Another judge may have good reasons. */
	assert_null(strstr(noted(NOTES - 1)->text, "judged then by"));
	change("UPDATE recording SET version = '0.0.9'");
	look(&all, 1000);
	assert_non_null(strstr(noted(NOTES - 1)->text, "; judged then by weir 0.0.9"));
}

static void rows_that_are_gone_are_told(void **state)
{
	(void)state;
	a_small_recording();
	look(&all, 1000);
	char sql[200];
	snprintf(sql, sizeof sql, "DELETE FROM sample WHERE at_ms > %lld AND at_ms <= %lld",
		(long long)noted(1)->at_ms, (long long)noted(2)->at_ms);
	change(sql);
	look(&all, 1000);
	for (size_t i = 0; i < NOTES; i++)
		assert_int_equal(noted(i)->kind, i <= 1 ? RECHECK_SAME : RECHECK_UNKEPT);
	assert_non_null(strstr(noted(NOTES - 1)->text, "rows not kept: "));
	/* The first two of all are minutes now. */
	change("INSERT INTO rollup (key, at_ms, interval_ms, flags, rows, event) SELECT"
		   " (((key >> 28) / 600 * 600) << 28) + (key & 268435455), at_ms, 60000, 0, 2,"
		   " (SELECT max(seq) FROM event) FROM sample ORDER BY key LIMIT 2");
	change("DELETE FROM sample WHERE key IN (SELECT key FROM sample ORDER BY key LIMIT 4)");
	look(&all, 1000);
	assert_int_equal(count_of(RECHECK_SAME), 0);
	assert_non_null(strstr(noted(NOTES - 1)->text, "rows not kept (thinned): "));
}

static void rows_that_are_not_stored_yet_are_no_difference(void **state)
{
	(void)state;
	a_small_recording();
	look(&all, 1000);
	char sql[200];
	snprintf(sql, sizeof sql, "DELETE FROM sample WHERE at_ms > %lld",
		(long long)noted(NOTES - 2)->at_ms);
	change(sql);
	look(&all, 1000);
	assert_int_equal(noted(NOTES - 2)->kind, RECHECK_SAME);
	assert_int_equal(noted(NOTES - 1)->kind, RECHECK_PENDING);
	/* What is known is not looked for again; what waits is. */
	struct recheck *known = r;
	sqlite3 *old = db;
	r = NULL;
	db = NULL;
	change("UPDATE sample SET sessions_bad = sessions, sessions = sessions + 1");
	struct recheck_wish again = all;
	again.known = known;
	look(&again, 1000);
	assert_int_equal(count_of(RECHECK_SAME), NAMED - 1);
	assert_int_equal(noted(NOTES - 1)->kind, RECHECK_PENDING);
	recheck_close(known);
	sqlite3_close(old);
}

static void who_records_nothing_names_nothing(void **state)
{
	(void)state;
	begin(1, 3);
	struct desk *other = site_open(&s, &one_shot);
	site_run(&s, 3000);
	note(other, "by one that does not record");
	note(d, "by one that does");
	end();
	look(&all, 1000);
	assert_int_equal(count_of(RECHECK_UNNAMED), 1);
	assert_int_equal(count_of(RECHECK_SAME), 1);
	assert_int_equal(sum().named, 1);
	change("UPDATE decision SET evidence = json_set(evidence, '$.verdict.cited', json('true'),"
		   " '$.verdict.word', 'SAFE')");
	look(&all, 1000);
	/* The word is another's; the judge's own one stands beside it, and is recomputed. */
	assert_int_equal(count_of(RECHECK_SAME), 1);
	for (size_t i = 0; i < recheck_count(r); i++) {
		assert_true(recheck_at(r, i)->cited);
		assert_non_null(strstr(recheck_at(r, i)->text, "cited from the pool or its recorder"));
	}
}

/* Its document tells that somebody else has acted, and of which history: that is an event, too. */
static void a_row_is_stored_whatever_else_its_document_tells(void **state)
{
	(void)state;
	static const struct site_desk ana = {.actor = "ana@ops2", .file = "a.db", .console = true};
	begin(1, 3);
	site_step(&s, d, 100);
	struct desk *other = site_open(&s, &ana);
	site_run(&s, 2000);
	assert_int_equal(site_act(&s, other, VERB_HOLD, -1, "wait").status, ACT_BEGUN);
	site_run(&s, 3000);
	note(d, "behind it");
	end();
	look(&all, 1000);
	expect_all_same(2);
}

static void what_cannot_be_read_is_not_called_the_same(void **state)
{
	(void)state;
	static const char *const wrong[] = {"'$.judged.rows', -1", "'$.judged.first', 'x'",
		"'$.judged.nodes', 65", "'$.judged.last', 9007199254740993",
		"'$.judged.interval_ms', 0", "'$.judged', 7", "'$.verdict.own', 'GOOD'",
		"'$.verdict.looks', null", "'$.judged.recording', 99"};
	a_small_recording();
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char sql[200];
		snprintf(sql, sizeof sql,
			"UPDATE decision SET evidence = json_set(evidence, %s) WHERE seq ="
			" (SELECT max(seq) FROM decision)",
			wrong[i]);
		change(sql);
		look(&all, 1000);
		assert_int_equal(count_of(RECHECK_UNREADABLE), 1);
		assert_int_equal(count_of(RECHECK_SAME), NAMED - 1);
		change("UPDATE decision SET evidence = (SELECT evidence FROM decision WHERE seq ="
			   " (SELECT max(seq) FROM decision WHERE seq < (SELECT max(seq) FROM decision)))"
			   " WHERE seq = (SELECT max(seq) FROM decision)");
	}
	change("UPDATE recording SET policy = json_set(policy, '$.pools[0].judge.alpha', 7)");
	look(&all, 1000);
	assert_int_equal(count_of(RECHECK_UNREADABLE), NAMED);
	change("UPDATE recording SET policy = 'x'");
	look(&all, 1000);
	assert_int_equal(count_of(RECHECK_UNREADABLE), NAMED);
	const struct recheck_wish few = {.pool = "checkout", .until_ms = INT64_MAX, .rows_most = 3};
	look(&few, 1000);
	assert_non_null(strstr(noted(NOTES - 1)->text, "not recomputed here: "));
}

/* ---- where it is shown ---- */

static void spoil(void)
{
	char sql[160];
	snprintf(sql, sizeof sql,
		"UPDATE sample SET failed_operation = failed_operation + 3"
		" WHERE at_ms > %lld AND at_ms <= %lld + 2000",
		(long long)noted(2)->at_ms, (long long)noted(2)->at_ms);
	change(sql);
}

static void hear_nothing(void *ctx, const struct driver_event *e)
{
	(void)ctx, (void)e;
}

static void a_replay_marks_what_differs(void **state)
{
	(void)state;
	char target[300];
	struct text chars = {0};
	struct driver *replay;
	struct surface row;
	struct err err;
	a_small_recording();
	look(&all, 1000);
	spoil();
	snprintf(target, sizeof target, "replay:%s?pool=checkout", path());
	const struct driver_open how = {
		.node = NODE_HANDLE(0, 0), .target = target, .sink = {hear_nothing, NULL}};
	if (replay_driver.open(&replay, &how, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(replay_works(replay));
	assert_int_equal(replay_recheck(replay, noted(5)->id)->kind, RECHECK_WAITING);
	for (int turns = 0; replay_works(replay); turns++) {
		assert_true(turns < 100);
		replay_driver.turn(replay, (struct instant){0});
	}
	for (size_t i = 0; i < NOTES; i++) {
		const struct recheck_result *was = noted(i);
		assert_int_equal(
			replay_recheck(replay, was->id)->kind, i <= 2 ? RECHECK_SAME : RECHECK_DIFFERS);
		assert_int_equal(
			replay_has(replay, MOMENT_DIFFERENCE, was->at_ms, was->at_ms + 1), i > 2);
	}
	assert_null(replay_recheck(replay, "nobody"));
	surface_init(&row, 160, 1, true);
	view_scrubber(&row, surface_all(&row), replay, false, NULL);
	surface_dump(&row, &chars, NULL);
	assert_non_null(strstr(text_str(&chars), "! differs  | decision"));
	int marks = -1; /* that of the legend */
	for (const char *at = text_str(&chars); *at; at++)
		marks += *at == '!';
	assert_int_equal(marks, 3);
	text_free(&chars);
	surface_release(&row);
	replay_driver.close(replay);
}

/* A recorder writes each second, and the file is read again as often. */
static void a_file_that_grows_is_judged_to_its_end(void **state)
{
	(void)state;
	struct anew a = {0};
	struct moments m = {0};
	struct err err;
	int turns = 0;
	a_small_recording();
	look(&all, 1000);
	assert_int_equal(anew_load(&a, db, path(), "checkout", 0, noted(1)->at_ms, &err), 0);
	for (; !a.done || recheck_count(a.all) < NAMED; turns++) {
		assert_true(turns < 100);
		anew_turn(&a, &m, 10);
		assert_int_equal(anew_load(&a, db, path(), "checkout", 0, INT64_MAX, &err), 0);
		if (recheck_count(a.all) == NAMED)
			anew_turn(&a, &m, 1000);
	}
	assert_true(turns > 2);
	for (size_t i = 0; i < NAMED; i++)
		assert_int_equal(recheck_at(a.all, i)->kind, RECHECK_SAME);
	anew_release(&a);
	moments_release(&m);
}

/* What the journal says of a decision whole. */
static void expect_in_journal(const char *id, enum role role, const char *text)
{
	struct page_file *f;
	struct page_detail detail;
	struct journal_lines lines;
	struct err err;
	bool found = false;
	assert_int_equal(page_open(&f, path(), &err), 0);
	assert_int_equal(page_read_detail(f, id, 0, &detail, &err), 0);
	assert_int_equal(page_recheck(f, &detail, 1000, &err), 0);
	journal_whole(&lines, &detail.row, &detail, s.now.wall_ms);
	for (size_t i = 0; i < lines.count; i++) {
		found |= strcmp(lines.line[i].label, "verdict anew") == 0 &&
			lines.line[i].role == role && strstr(lines.line[i].text, text);
		assert_null(strstr(lines.line[i].label, "judged"));
	}
	assert_true(found);
	journal_lines_release(&lines);
	page_detail_release(&detail);
	page_close(f);
}

static void expect_in_report(const char *json, const char *words)
{
	const struct report_how how = {.path = path()};
	struct report report;
	struct text out = {0};
	struct err err;
	if (report_make(&report, &how, &err) < 0)
		fail_msg("%s", err.text);
	report_json(&out, &report);
	assert_non_null(strstr(text_str(&out), json));
	text_clear(&out);
	report_text(&out, &report);
	assert_non_null(strstr(text_str(&out), words));
	text_free(&out);
	report_release(&report);
}

static void a_report_and_the_journal_say_it(void **state)
{
	(void)state;
	a_small_recording();
	look(&all, 1000);
	expect_in_report("\"rechecked\":{\"named\":8,\"recomputed\":8,\"differ\":0,",
		"8 of 8 verdicts recomputed from the stored rows, all equal.");
	expect_in_journal(noted(4)->id, ROLE_OK, "recomputed: same, ");
	spoil();
	expect_in_report("\"differ\":3,", "its verdict differs: recorded ");
	expect_in_report(
		"\"recheck\":{\"is\":\"differs\",", "3 recorded verdicts that the stored rows do not");
	expect_in_journal(noted(4)->id, ROLE_FAIL, "differs: recorded ");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(every_decision_of_a_random_day_is_recomputed),
		TEST(an_untouched_recording_is_the_same_and_says_so),
		TEST(a_changed_row_differs_at_every_decision_behind_it),
		TEST(recorded_evidence_that_was_changed_differs),
		TEST(rows_that_are_gone_are_told),
		TEST(rows_that_are_not_stored_yet_are_no_difference),
		TEST(who_records_nothing_names_nothing),
		TEST(a_row_is_stored_whatever_else_its_document_tells),
		TEST(what_cannot_be_read_is_not_called_the_same),
		TEST(a_replay_marks_what_differs),
		TEST(a_file_that_grows_is_judged_to_its_end),
		TEST(a_report_and_the_journal_say_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
