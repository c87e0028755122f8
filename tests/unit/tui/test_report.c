/* The report: a recording of a real migration against a text that a person has looked at, and
 * small histories whose figures can be worked out by hand. After a change on purpose GOLDEN=write
 * rewrites tests/recordings/checkout.md; look at the difference. */
#include "tests/unit/history/fixture.h"

#include "history/import.h"
#include "tests/lib/markup.h"
#include "tui/report.h"
#include "tui/report_html.h"
#include "tui/report_json.h"
#include "tui/report_text.h"
#include "tui/whole.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORDING "tests/recordings/checkout"
#define FIRST_ID "01a20353-e338-7dc4-b5b3-cf4fc028fdcf"
#define HOSTILE "</td><script>alert('1')</script> & \"q\" | ] # `x` \xe2\x80\xae"

static struct place place;
static struct history *h;
static struct report r;
static struct text out;

static int set_up(void **state)
{
	(void)state;
	place_make(&place);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (h)
		settle(h);
	h = NULL;
	report_release(&r);
	text_free(&out);
	place_clean(&place);
	return 0;
}

/* ---- making and reading ---- */

static void import_sample(void)
{
	struct import_report made;
	struct err err = {0};
	FILE *lines = fopen(RECORDING ".jsonl", "r");
	assert_non_null(lines);
	if (import_run(&made, lines, RECORDING, place.path, NULL, &err) < 0)
		fail_msg("%s", err.text);
	fclose(lines);
}

static int try_report(const char *pool, const char *migration, struct err *err)
{
	const struct report_how how = {.path = place.path, .pool = pool, .migration = migration};
	report_release(&r);
	return report_make(&r, &how, err);
}

static void make_report(void)
{
	struct err err = {0};
	if (try_report(NULL, NULL, &err) < 0)
		fail_msg("%s", err.text);
}

/* The path is another one each time. */
static void forget_path(void)
{
	text_copy(r.path, sizeof r.path, "checkout.db");
}

static void begin(void)
{
	h = start_opened(&place, "kim@ops1");
	history_recording(h, T0, 1000, "0.1", "ops1", "{}", "{}");
}

static void end(void)
{
	settle(h);
	h = NULL;
}

static void decide(const char *id, int64_t at_ms, enum verb verb, int from_bp, int to_bp,
	const char *reason, const char *evidence)
{
	struct decision d = make_decision(id, at_ms);
	d.verb = verb;
	d.from_bp = from_bp;
	d.to_bp = to_bp;
	text_copy(d.reason, sizeof d.reason, reason);
	text_copy(d.evidence, sizeof d.evidence, evidence ? evidence : "{}");
	history_intent(h, &d);
	expect_kind(h, HISTORY_COMMITTED);
}

static void becomes(
	const char *id, enum outcome_row_kind row, enum outcome_kind kind, int64_t at_ms)
{
	struct outcome_row o = make_outcome(id, row, kind, at_ms);
	history_outcome(h, &o);
}

static void applied(const char *id, int64_t at_ms, enum verb verb, int from_bp, int to_bp)
{
	decide(id, at_ms, verb, from_bp, to_bp, "because", NULL);
	becomes(id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED, at_ms + 10);
	becomes(id, OUTCOME_ROW_VERIFIED, OUTCOME_APPLIED, at_ms + 400);
}

/* One second of a node: so many requests a side, of which so many fail. */
static void second(int tick, int64_t n1, int64_t bad1, int64_t n2, int64_t bad2)
{
	struct history_sample s = {.node_id = "n-1", .pool_id = "pool-1", .tick = tick};
	const int64_t n[] = {n1, n2}, bad[] = {bad1, bad2};
	s.sample.at.wall_ms = T0 + tick * 1000;
	s.sample.interval_ms = 1000;
	for (int a = 0; a < ARM_COUNT; a++) {
		struct arm_sample *arm = &s.sample.arms[a];
		arm->requests = n[a];
		arm->ok = n[a] - bad[a];
		arm->failed[FAILURE_OPERATION] = arm->failed_total = bad[a];
		arm->sessions = arm->sessions_bad = UNKNOWN;
		arm->p50_us = arm->p95_us = arm->p99_us = arm->max_us = UNKNOWN;
		arm->memory_bytes = arm->cpu_us = arm->fds = UNKNOWN;
	}
	history_sample(h, &s);
}

static void pin_pool(void)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	text_copy(s->pool_id, sizeof s->pool_id, "pool-1");
	text_copy(s->pool, sizeof s->pool, "checkout");
	text_copy(s->node, sizeof s->node, "node-a");
	text_copy(s->node_id, sizeof s->node_id, "n-1");
	history_node(h, T0, "checkout", s, "http://127.0.0.1:7070", "pool");
	free(s);
}

/* v2 gets 10 % from second 10 on and fails from 100 on; it is taken back at 130. */
static void bad_v2(void)
{
	begin();
	pin_pool();
	for (int t = 1; t <= 200; t++)
		second(t, 90, t % 10 == 0, t > 10 && t <= 130 ? 10 : 0, t >= 100 && t <= 130 ? 5 : 0);
	applied("raise-0000-1", T0 + 10000, VERB_STEP, 0, 1000);
	applied("back-00000-1", T0 + 130000, VERB_ROLLBACK, 1000, 0);
	end();
}

static void assert_has(const char *what)
{
	if (!strstr(text_str(&out), what))
		fail_msg("'%s' is not in:\n%s", what, text_str(&out));
}

static void write_md(void)
{
	text_clear(&out);
	report_text(&out, &r);
}

static void write_html(void)
{
	char why[120];
	text_clear(&out);
	report_html(&out, &r);
	if (!markup_is_whole(text_str(&out), why, sizeof why))
		fail_msg("%s", why);
	const char *outside = markup_fetches(text_str(&out));
	if (outside)
		fail_msg("it would fetch: %.60s", outside);
}

static cJSON *write_json(void)
{
	text_clear(&out);
	report_json(&out, &r);
	cJSON *json = cJSON_Parse(text_str(&out));
	if (!json)
		fail_msg("no JSON: %.200s", text_str(&out));
	return json;
}

/* ---- the recording of a real migration ---- */

static void a_real_migration_reads_as_it_was_found_good(void **state)
{
	(void)state;
	char golden[32768];
	import_sample();
	make_report();
	forget_path();
	write_md();
	const char *wish = getenv("GOLDEN");
	FILE *f = fopen(RECORDING ".md", wish && strcmp(wish, "write") == 0 ? "w+" : "r");
	assert_non_null(f);
	if (wish && strcmp(wish, "write") == 0) {
		fputs(text_str(&out), f);
		rewind(f);
	}
	size_t len = fread(golden, 1, sizeof golden - 1, f);
	golden[len] = '\0';
	fclose(f);
	assert_string_equal(text_str(&out), golden);
}

static void the_facts_of_a_real_migration(void **state)
{
	(void)state;
	import_sample();
	make_report();
	assert_string_equal(r.pool, "checkout");
	assert_string_equal(r.id, FIRST_ID);
	assert_int_equal(r.end, REPORT_BACK);
	assert_int_equal(r.top_bp, 5000);
	assert_int_equal(r.bake_count, 4);
	assert_int_equal(r.gap_count, 0);
	assert_true(r.sessions && r.replayed && r.chain_read);
	assert_int_equal(r.chain.broken_seq, 0);
	/* v2 broke at some moment behind the last step: then one thing came after the other */
	assert_true(r.bad_ms > r.bakes[2].from_ms);
	assert_true(r.bad_ms <= r.sign_ms && r.sign_ms <= r.harm_ms);
	assert_true(r.harm_ms < r.decided_ms && r.decided_ms < r.verified_ms);
	assert_string_equal(r.decided_by, "kim@ops1");
	assert_int_equal(r.policy_count, REPORT_POLICIES);
}

/* Whoever decides is asked why by the report: no decision may be left out of it. */
static void every_decision_is_in_every_form(void **state)
{
	(void)state;
	import_sample();
	make_report();
	for (int form = 0; form < 3; form++) {
		if (form == 0)
			write_md();
		else if (form == 1)
			write_html();
		else
			cJSON_Delete(write_json());
		for (size_t i = 0; i < r.entry_count; i++)
			if (!r.entries[i].row.is_event)
				assert_has(r.entries[i].row.id);
	}
}

static void each_step_is_told_as_it_was_known_then(void **state)
{
	(void)state;
	import_sample();
	make_report();
	for (size_t i = 0; i < r.entry_count; i++) {
		const struct report_entry *e = &r.entries[i];
		if (!report_moves(e))
			continue;
		assert_true(e->known.is);
		/* before v2 broke nobody could have known */
		assert_int_equal(strstr(e->known.verdict, "HARM") != NULL, e->row.at_ms >= r.harm_ms);
		if (strcmp(e->row.what, "step") == 0)
			assert_int_equal(e->detail.check_count, 14);
	}
}

static void what_was_recorded_is_found_again(void **state)
{
	(void)state;
	size_t both = 0;
	import_sample();
	make_report();
	for (size_t i = 0; i < r.flip_count; i++) {
		both += r.flips[i].recorded && r.flips[i].recomputed;
		if (strstr(r.flips[i].text, "HARM"))
			assert_true(r.flips[i].recorded && r.flips[i].recomputed);
	}
	assert_true(both >= 2);
}

/* By the limits and the plan of then, which the recording has, and what is tried over them. */
static void it_says_by_what_it_was_judged(void **state)
{
	const struct options tries = {.set = {"guards.error_rate_threshold=0.4"}, .set_count = 1};
	const struct report_how how = {.path = place.path, .options = &tries};
	struct err err = {0};
	(void)state;
	import_sample();
	make_report();
	assert_int_equal(r.terms.source, TERMS_RECORDED);
	assert_true(r.terms.has_plan && r.terms.limits.error_rate == 0.2);
	cJSON *json = write_json();
	assert_string_equal(cJSON_GetObjectItem(json, "terms")->valuestring, "as recorded");
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(json, "tried")));
	cJSON_Delete(json);
	report_release(&r);
	assert_int_equal(report_make(&r, &how, &err), 0);
	assert_true(r.terms.limits.error_rate == 0.4);
	write_md();
	assert_has("over them is tried guards.error\\_rate\\_threshold=0.4");
}

/* ---- figures by hand ---- */

static void harm_is_what_lies_beyond_v1s_rate(void **state)
{
	(void)state;
	bad_v2();
	make_report();
	/* 120 s at 10 %: v2 had 1200 requests, 155 failed; v1 10800, of which 12 */
	assert_int_equal(r.bake_count, 2);
	const struct report_bake *b = &r.bakes[0];
	assert_int_equal(b->units[ARM_V2].n, 1200);
	assert_int_equal(b->units[ARM_V2].bad, 155);
	assert_int_equal(b->units[ARM_V1].n, 10800);
	assert_int_equal(b->units[ARM_V1].bad, 12);
	assert_true(fabs(b->harm.bad - (155 - 12.0 / 9)) < 1e-9);
	assert_true(b->harm.low > 130 && b->harm.low < b->harm.bad);
	assert_true(b->harm.high <= 155 && b->harm.high > b->harm.bad);
	assert_false(r.sessions);
	assert_non_null(strstr(r.line[1], "users are not known"));
}

static void the_worst_stretch_begins_with_its_first_bad_request(void **state)
{
	(void)state;
	bad_v2();
	make_report();
	assert_int_equal(r.bad_ms, T0 + 100000);
	assert_int_equal(r.decided_ms, T0 + 130000);
	assert_int_equal(r.verified_ms, T0 + 130400);
	assert_non_null(strstr(r.line[2], "30 s in all"));
	assert_non_null(strstr(r.line[2], "no first sign"));
}

static void a_v2_like_v1_has_no_worst_stretch(void **state)
{
	(void)state;
	begin();
	pin_pool();
	for (int t = 1; t <= 300; t++)
		second(t, 90, t % 10 == 0, 10, t % 90 == 0);
	applied("raise-0000-1", T0 + 10000, VERB_STEP, 0, 1000);
	end();
	make_report();
	assert_int_equal(r.bad_ms, UNKNOWN);
	assert_int_equal(r.end, REPORT_OPEN);
	assert_non_null(strstr(r.line[0], "still at 10 %"));
	assert_true(r.all.harm.low == 0);
}

static void what_was_not_recorded_is_a_gap(void **state)
{
	(void)state;
	begin();
	pin_pool();
	for (int t = 1; t <= 120; t++)
		if (t <= 40 || t > 60)
			second(t, 90, 0, 10, 0);
	applied("raise-0000-1", T0 + 10000, VERB_STEP, 0, 1000);
	applied("back-00000-1", T0 + 80000, VERB_ROLLBACK, 1000, 0);
	end();
	make_report();
	assert_int_equal(r.gap_count, 1);
	assert_int_equal(r.gaps[0].from_ms, T0 + 40000);
	assert_int_equal(r.gaps[0].until_ms, T0 + 60000);
	assert_non_null(strstr(r.line[4], "1 gap in the samples, 20 s in all"));
}

static void without_samples_nothing_is_claimed(void **state)
{
	(void)state;
	begin();
	applied("raise-0000-1", T0 + 10000, VERB_STEP, 0, 1000);
	end();
	make_report();
	assert_non_null(strstr(r.line[1], "not known"));
	assert_non_null(strstr(r.line[2], "not known"));
	write_md();
	write_html();
	cJSON *json = write_json();
	const cJSON *harm = cJSON_GetObjectItem(
		cJSON_GetObjectItem(cJSON_GetObjectItem(json, "harm"), "in_all"), "harm");
	assert_true(cJSON_IsNull(cJSON_GetArrayItem(harm, 1)));
	cJSON_Delete(json);
}

/* ---- checks ---- */

static void a_check_that_was_forced_is_named(void **state)
{
	(void)state;
	begin();
	decide("raise-0000-1", T0 + 10000, VERB_STEP, 0, 1000, "we must",
		"{\"checks\":[{\"n\":9,\"is\":\"forced\",\"text\":\"bake: 4 min left\"}]}");
	becomes("raise-0000-1", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 10010);
	decide("resume-000-1", T0 + 20000, VERB_RESUME, -1, -1, "it was v1", NULL);
	becomes("resume-000-1", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 20010);
	applied("back-00000-1", T0 + 130000, VERB_ROLLBACK, 1000, 0);
	end();
	make_report();
	assert_non_null(strstr(r.line[3], "forced step 0 % > 10 % by kim@ops1 at "));
	assert_non_null(strstr(r.line[3], " without 9 bake elapsed (\"we must\")"));
	assert_non_null(strstr(r.line[3], "relaxed resume by kim@ops1 (\"it was v1\")"));
	write_md();
	assert_has("- FORCED: 9: bake: 4 min left");
}

static void what_stayed_open_is_told(void **state)
{
	(void)state;
	begin();
	applied("raise-0000-1", T0 + 10000, VERB_STEP, 0, 1000);
	decide("raise-0000-2", T0 + 20000, VERB_STEP, 1000, 2500, "", NULL);
	decide("back-00000-1", T0 + 30000, VERB_ROLLBACK, 2500, 0, "bad", NULL);
	becomes("back-00000-1", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 30010);
	end();
	make_report();
	assert_non_null(strstr(r.line[4], "1 decision whose effect is unknown"));
	assert_non_null(strstr(r.line[4], "1 rollback never seen everywhere"));
	assert_non_null(strstr(r.line[4], "1 move of the share without a reason"));
	assert_non_null(strstr(r.line[2], "no verification"));
}

/* ---- hostile words ---- */

static void nothing_that_others_wrote_is_markup(void **state)
{
	(void)state;
	char why[120];
	begin();
	decide("raise-0000-1", T0 + 10000, VERB_STEP, 0, 1000, HOSTILE,
		"{\"verdict\":{\"word\":\"<b>\",\"text\":\"<script>\"},\"<i>\":\"&\","
		"\"checks\":[{\"n\":1,\"is\":\"holds\",\"text\":\"<script>|\"}]}");
	becomes("raise-0000-1", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 10010);
	history_event(h, T0 + 11000, "checkout", "guard", HOSTILE, NULL);
	history_event(h, T0 + 12000, "checkout", "verdict", HOSTILE, NULL);
	end();
	make_report();
	write_html();
	assert_has("&lt;script&gt;");
	assert_null(strstr(text_str(&out), "\xe2\x80\xae"));
	write_md();
	assert_null(strstr(text_str(&out), "<script"));
	/* every row of the timeline has its six cells and no more */
	const char *line = strstr(text_str(&out), "| 08:00:10");
	assert_non_null(line);
	int bars = 0;
	for (const char *c = line; *c != '\n'; c++)
		bars += *c == '|' && c[-1] != '\\';
	assert_int_equal(bars, 7);
	cJSON_Delete(write_json());
	assert_false(markup_is_whole("<p>a & b</p>", why, sizeof why));
	assert_false(markup_is_whole("<p><b></p></b>", why, sizeof why));
	assert_false(markup_is_whole("<p class=x></p>", why, sizeof why));
	assert_true(markup_is_whole("<!DOCTYPE html>\n<p a=\"1\">&lt;<br/></p>", why, sizeof why));
}

/* ---- which one ---- */

static void two_migrations(void)
{
	begin();
	applied("first-0000-1", T0 + 10000, VERB_STEP, 0, 1000);
	applied("first-0000-2", T0 + 20000, VERB_ROLLBACK, 1000, 0);
	applied("second-000-1", T0 + 90000, VERB_STEP, 0, 5000);
	applied("second-000-2", T0 + 95000, VERB_STEP, 5000, 10000);
	end();
}

static void the_last_migration_or_the_one_that_is_named(void **state)
{
	(void)state;
	struct err err = {0};
	two_migrations();
	make_report();
	assert_string_equal(r.id, "second-000-1");
	assert_int_equal(r.end, REPORT_COMPLETE);
	assert_int_equal(r.number, 2);
	assert_non_null(strstr(r.line[0], "complete at 100 %"));
	assert_int_equal(try_report("checkout", "first-00", &err), 0);
	assert_string_equal(r.id, "first-0000-1");
	assert_int_equal(r.entry_count, 2);
	assert_int_equal(r.migrations, 2);
}

static void what_is_not_there_is_said(void **state)
{
	(void)state;
	static const struct {
		const char *pool, *migration, *says;
		enum err_code code;
	} rows[] = {
		{NULL, "first", "is too short", ERR_USAGE},
		{NULL, "other-000", "is the first decision of none", ERR_USAGE},
		{"search", NULL, "has no migration of pool 'search'", ERR_FILE},
	};
	two_migrations();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = {0};
		assert_int_equal(try_report(rows[i].pool, rows[i].migration, &err), -1);
		assert_int_equal(err.code, rows[i].code);
		assert_non_null(strstr(err.text, rows[i].says));
	}
}

static void a_file_that_is_no_history_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	FILE *f = fopen(place.path, "w");
	fputs("no history\n", f);
	fclose(f);
	assert_int_equal(try_report(NULL, NULL, &err), -1);
	assert_int_equal(err.code, ERR_DAMAGED);
}

/* A tampered history is reported all the same, and says so at the top. */
static void a_broken_chain_is_told(void **state)
{
	(void)state;
	bad_v2();
	sqlite3 *db;
	assert_int_equal(sqlite3_open(place.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
						 "DROP TRIGGER decision_stays;"
						 "UPDATE decision SET reason = 'another' WHERE seq = (SELECT min(seq)"
						 " FROM decision)",
						 NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	make_report();
	assert_true(r.chain.broken_seq > 0);
	assert_non_null(strstr(r.line[4], "whether the record is whole"));
	write_md();
	assert_has("BROKEN at row");
}

/* Of a long recording not all samples are looked at, and nobody is told that they were. */
static void a_chain_that_was_looked_at_in_part(void **state)
{
	(void)state;
	struct text json = {0};
	bad_v2();
	make_report();
	report_json(&json, &r);
	assert_non_null(strstr(text_str(&json), "\"whole\":true"));
	text_clear(&json);
	r.chain.samples_left = 815;
	report_lines(&r);
	assert_non_null(strstr(r.line[4], "whether the samples far from decisions are whole"));
	write_md();
	assert_has("weir verify checks the other 815");
	report_json(&json, &r);
	assert_non_null(strstr(text_str(&json), "\"whole\":null"));
	assert_non_null(strstr(text_str(&json), "\"samples_left\":815"));
	text_free(&json);
}

/* Whoever may do all would put a file in the place of /dev/null, for everybody. */
static void what_is_no_file_stays_what_it_is(void **state)
{
	char pipe[300], link[300], target[300], got[16] = "";
	struct stat st;
	struct err err;
	(void)state;
	snprintf(pipe, sizeof pipe, "%s-pipe", place.path);
	snprintf(link, sizeof link, "%s-link", place.path);
	snprintf(target, sizeof target, "%s-target", place.path);
	text_add(&out, "all of it");
	assert_int_equal(mkfifo(pipe, 0600), 0);
	int fd = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(whole_write(pipe, &out, &err), 0);
	assert_int_equal(read(fd, got, sizeof got), 9);
	assert_string_equal(got, "all of it");
	assert_int_equal(lstat(pipe, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	close(fd);
	assert_int_equal(symlink(target, link), 0);
	close(open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(whole_write(link, &out, &err), 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_size, 9);
	unlink(pipe);
	unlink(link);
	unlink(target);
}

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ROW(a_real_migration_reads_as_it_was_found_good),
		ROW(the_facts_of_a_real_migration),
		ROW(every_decision_is_in_every_form),
		ROW(each_step_is_told_as_it_was_known_then),
		ROW(what_was_recorded_is_found_again),
		ROW(it_says_by_what_it_was_judged),
		ROW(harm_is_what_lies_beyond_v1s_rate),
		ROW(the_worst_stretch_begins_with_its_first_bad_request),
		ROW(a_v2_like_v1_has_no_worst_stretch),
		ROW(what_was_not_recorded_is_a_gap),
		ROW(without_samples_nothing_is_claimed),
		ROW(a_check_that_was_forced_is_named),
		ROW(what_stayed_open_is_told),
		ROW(nothing_that_others_wrote_is_markup),
		ROW(the_last_migration_or_the_one_that_is_named),
		ROW(what_is_not_there_is_said),
		ROW(a_file_that_is_no_history_is_refused),
		ROW(a_broken_chain_is_told),
		ROW(a_chain_that_was_looked_at_in_part),
		ROW(what_is_no_file_stays_what_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
