/* thin: hours of samples become minutes. Nothing is lost, doubled or made up; verify takes what
 * was thinned and finds what was changed, in samples and in minutes; what cannot go stays. */
#include "tests/unit/history/thin_bed.h"

/* ---- exactness ---- */

static void columns_are_those_of_the_table(void **state)
{
	const struct tables_row *t = &tables_rows[TABLES_ROLLUP];

	(void)state;
	assert_int_equal(t->count, TABLES_SAMPLE_KEY + MINUTE_COLUMNS + 2);
	for (int c = 0; c < MINUTE_COLUMNS; c++)
		assert_string_equal(minute_columns[c].name, t->fields[TABLES_SAMPLE_KEY + c].name);
	assert_string_equal(t->fields[t->count - 2].name, "rows");
	assert_string_equal(t->fields[t->count - 1].name, "event");
}

static void minutes_are_exact_sums(void **state)
{
	struct histogram *before = mem_new(1, sizeof *before), *after = mem_new(1, sizeof *after);
	int64_t was[FACTS], is[FACTS];
	struct chain_report r;
	struct place p;

	(void)state;
	place_copy(&p);
	read_facts(p.path, was);
	read_latency(p.path, before);
	thin_once(&p, &keep_an_hour);
	read_facts(p.path, is);
	read_latency(p.path, after);
	for (int i = 0; i < FACTS; i++)
		assert_int_equal(was[i], is[i]);
	assert_memory_equal(before, after, sizeof *before);
	assert_one_of_both(p.path, recorded_rows);
	/* what is left is the last hour */
	assert_int_equal(ask(p.path, "SELECT min(t) FROM sample"),
		(T0 + 3 * HOUR_MS) / 100 / MINUTE_T * MINUTE_T);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM rollup WHERE rows > 3 OR rows < 1"), 0);
	/* a gauge is that of the last interval */
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM rollup WHERE memory_bytes <> 1000000 + (at_ms -"
						 " 1800000000007) / 20000"),
		0);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM rollup WHERE sessions IS NULL"), 0);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM rollup WHERE retries IS NOT NULL"), 0);
	r = verified(p.path);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.thinned + r.samples + r.samples_open, recorded_rows);
	assert_int_equal(r.minutes, ask(p.path, "SELECT count(*) FROM rollup"));
	assert_true(r.thinned > recorded_rows / 2);
	place_clean(&p);
	free(before);
	free(after);
}

/* A percentile of a minute is that of its merged histogram, as the manual says of all. */
static void percentiles_are_of_the_merged_histogram(void **state)
{
	struct histogram *h = mem_new(1, sizeof *h);
	struct place p;
	sqlite3 *db;
	sqlite3_stmt *s;
	int rows = 0;

	(void)state;
	place_copy_of(&p, &thinned);
	assert_int_equal(sqlite3_open(p.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
						 "SELECT latency, p50_us, p95_us, p99_us FROM rollup", -1, &s, NULL),
		SQLITE_OK);
	for (; sqlite3_step(s) == SQLITE_ROW; rows++) {
		if (sqlite3_column_type(s, 0) == SQLITE_NULL) {
			assert_int_equal(sqlite3_column_type(s, 1), SQLITE_NULL);
			continue;
		}
		assert_true(
			sparse_decode(h, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0)));
		assert_int_equal(sqlite3_column_int64(s, 1), histogram_quantile_us(h, 0.5));
		assert_int_equal(sqlite3_column_int64(s, 2), histogram_quantile_us(h, 0.95));
		assert_int_equal(sqlite3_column_int64(s, 3), histogram_quantile_us(h, 0.99));
	}
	assert_true(rows > 100);
	sqlite3_finalize(s);
	sqlite3_close(db);
	place_clean(&p);
	free(h);
}

static void nothing_is_done_twice(void **state)
{
	struct place p;
	int64_t events;

	(void)state;
	place_copy_of(&p, &thinned);
	events = ask(p.path, "SELECT count(*) FROM event");
	thin_once(&p, &keep_an_hour);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM event"), events);
	assert_in_range(ask(p.path, "SELECT count(*) FROM event WHERE kind = 'thinning'"), 1, 4);
	place_clean(&p);
}

/* Bit by bit, as a recorder does that runs for days: checkpoints are thinned in parts. */
static void a_checkpoint_is_thinned_in_parts(void **state)
{
	struct thinning t;
	struct place p;

	(void)state;
	place_copy(&p);
	open_thinning(&t, &p, &keep_an_hour);
	for (int64_t at = T0; at <= T0 + 6 * HOUR_MS; at += 17 * 60000) {
		t.now.newest_ms = at;
		work(&t, nobody, NULL);
		assert_one_of_both(p.path, recorded_rows);
		assert_sound(p.path);
	}
	/* the second opens with what the first left */
	close_thinning(&t);
	assert_true(ask(p.path, "SELECT count(*) FROM event WHERE kind = 'thinning'") > 3);
	assert_true(ask(p.path,
		"SELECT max(detail ->> 'since') > min(seq) FROM event"
		" WHERE kind IN ('thinning', 'checkpoint')"));
	place_clean(&p);
}

/* ---- what verify finds ---- */

static void verify_finds(const char *sql, const char *table)
{
	struct chain_report r;
	struct place p;

	place_copy_of(&p, &thinned);
	edit(p.path,
		"DROP TRIGGER sample_stays; DROP TRIGGER sample_kept; DROP TRIGGER rollup_stays;"
		"DROP TRIGGER rollup_kept; DROP TRIGGER event_stays; DROP TRIGGER event_kept");
	assert_sound(p.path);
	edit(p.path, sql);
	r = verified(p.path);
	if (r.broken_seq == 0)
		fail_msg("not found: %s", sql);
	assert_string_equal(r.table, table);
	assert_true(r.why[0] != '\0');
	place_clean(&p);
}

static void verify_finds_what_was_changed(void **state)
{
	static const struct {
		const char *sql, *table;
	} cases[] = {
		{"UPDATE rollup SET requests = requests + 1 WHERE key = (SELECT max(key) FROM rollup)",
			"rollup"},
		{"UPDATE rollup SET latency = NULL WHERE key = (SELECT min(key) FROM rollup)",
			"rollup"},
		{"UPDATE rollup SET rows = rows + 1 WHERE key = (SELECT min(key) FROM rollup)",
			"rollup"},
		{"UPDATE rollup SET key = key + 600 * (1 << 28) * 1000 WHERE key = (SELECT max(key) FROM"
		 " rollup)",
			"rollup"},
		{"UPDATE rollup SET event = 1 WHERE key = (SELECT max(key) FROM rollup)", "rollup"},
		{"DELETE FROM rollup WHERE key = (SELECT max(key) FROM rollup)", "rollup"},
		{"DELETE FROM rollup", "rollup"},
		{"CREATE TEMP TABLE m AS SELECT * FROM rollup LIMIT 1;"
		 "INSERT INTO rollup (key, at_ms, interval_ms, flags, rows, event)"
		 " SELECT (t - 6000 << 28) + series, at_ms, interval_ms, flags, rows, event FROM m",
			"rollup"},
		/* what is left of the samples, also of a checkpoint that is thinned in part */
		{"DELETE FROM sample WHERE key = (SELECT min(key) FROM sample)", "sample"},
		{"DELETE FROM sample WHERE key = (SELECT max(key) FROM sample)", "sample"},
		{"UPDATE sample SET ok = ok + 1 WHERE key = (SELECT min(key) FROM sample)", "sample"},
		{"INSERT INTO sample (key, at_ms, interval_ms, flags) SELECT key, at_ms, interval_ms, 0"
		 " FROM rollup WHERE key = (SELECT min(key) FROM rollup)",
			"sample"},
		{"DELETE FROM event WHERE kind = 'thinning' AND seq = (SELECT max(seq) FROM event)",
			"sample"},
		{"UPDATE event SET detail = replace(detail, '\"minutes\"', '\"hours\"') WHERE"
		 " kind = 'thinning'",
			"event"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		verify_finds(cases[i].sql, cases[i].table);
}

/* Triggers let a sample go only into its minute. */
static void samples_go_only_into_minutes(void **state)
{
	struct place p;
	sqlite3 *db;

	(void)state;
	place_copy_of(&p, &thinned);
	assert_int_equal(sqlite3_open(p.path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "DELETE FROM sample WHERE key = (SELECT min(key) FROM sample)", NULL,
			NULL, NULL),
		SQLITE_CONSTRAINT);
	assert_int_equal(
		sqlite3_exec(db, "DELETE FROM rollup", NULL, NULL, NULL), SQLITE_CONSTRAINT);
	assert_int_equal(
		sqlite3_exec(db, "UPDATE rollup SET rows = 1", NULL, NULL, NULL), SQLITE_CONSTRAINT);
	assert_int_equal(
		sqlite3_exec(db, "UPDATE sample SET ok = 1", NULL, NULL, NULL), SQLITE_CONSTRAINT);
	sqlite3_close(db);
	place_clean(&p);
}

/* ---- bad input ---- */

/* A sample that was changed before it was thinned is found afterwards as well. */
static void a_lie_is_no_truth_for_being_thinned(void **state)
{
	struct chain_report r;
	struct place p;

	(void)state;
	place_copy(&p);
	edit(p.path,
		"DROP TRIGGER sample_stays; UPDATE sample SET ok = 0 WHERE key = (SELECT min(key)"
		" FROM sample)");
	thin_once(&p, &keep_an_hour);
	r = verified(p.path);
	assert_int_not_equal(r.broken_seq, 0);
	place_clean(&p);
}

/* A histogram that cannot be read, a row of no series: their rows stay, the others go. */
static void what_cannot_be_read_stays(void **state)
{
	static const char *const edits[] = {
		"UPDATE sample SET latency = x'ff' WHERE key = (SELECT min(key) FROM sample WHERE"
		" series = 1 AND t > 18000000000 + 9000)",
		"UPDATE sample SET requests = 9223372036854775807 WHERE series = 1 AND"
		" t BETWEEN 18000000000 + 9000 AND 18000000000 + 9600",
		"INSERT INTO sample (key, at_ms, interval_ms, flags) VALUES ((18000009000 << 28) + 99,"
		" 0, 0, 0)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		struct place p;

		place_copy(&p);
		edit(p.path, "DROP TRIGGER sample_stays");
		edit(p.path, edits[i]);
		thin_once(&p, &keep_an_hour);
		assert_int_equal(ask(p.path,
							 "SELECT count(*) FROM sample JOIN rollup ON rollup.key ="
							 " ((sample.key >> 28) / 600 * 600 << 28) + sample.series"),
			0);
		assert_true(ask(p.path, "SELECT count(*) FROM rollup WHERE series = 3") > 100);
		assert_int_not_equal(verified(p.path).broken_seq, 0);
		place_clean(&p);
	}
}

/* An event that nobody could have written stops the thinning, not the recorder. */
static void a_checkpoint_without_sense_stops_it(void **state)
{
	struct place p;

	(void)state;
	place_copy(&p);
	edit(p.path,
		"DROP TRIGGER event_stays; UPDATE event SET detail = '{' WHERE kind = 'checkpoint'"
		" AND seq = (SELECT max(seq) FROM event WHERE kind = 'checkpoint')");
	thin_once(&p, &keep_an_hour);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM rollup"), 0);
	place_clean(&p);
}

/* ---- what cannot go ---- */

/* A pool may say any number: it is kept as the greatest that there is, and goes like others. */
static void a_count_beyond_its_form_is_thinned(void **state)
{
	struct history *h;
	struct place p;

	(void)state;
	place_make(&p);
	unreal_tick = HOUR / 2 + 1;
	h = begin(&p, T0);
	put_ticks(h, "n-1", 0, HOUR);
	settle(h);
	unreal_tick = UNKNOWN;
	thin_once(&p, &keep_an_hour);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM sample"), 0);
	assert_sound(p.path);
	place_clean(&p);
}

/* What stays, stays: a later pass does not begin in the middle of its checkpoint. */
static void passes_do_not_begin_in_a_checkpoint(void **state)
{
	struct chain_report before, after;
	struct thinning t;
	struct place p;

	(void)state;
	place_copy(&p);
	edit(p.path,
		"DROP TRIGGER sample_stays; UPDATE sample SET latency = x'ff' WHERE key = (SELECT"
		" min(key) FROM sample WHERE series = 1 AND t > 18000000000 + 18600)");
	before = verified(p.path);
	open_thinning(&t, &p, &keep_an_hour);
	for (int i = 0; i < 2; i++, t.now.newest_ms += 77 * 60000)
		work(&t, nobody, NULL);
	close_thinning(&t);
	after = verified(p.path);
	assert_int_equal(after.broken_seq, before.broken_seq);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM rollup WHERE series < 3"), 0);
	assert_true(ask(p.path, "SELECT count(*) FROM rollup WHERE series > 2") > HOUR);
	place_clean(&p);
}

/* A row that came when its minute had been made stays where it is, and nothing else with it. */
static void a_row_behind_its_minute_stays(void **state)
{
	struct thinning t;
	struct history *h;
	struct place p;

	(void)state;
	place_make(&p);
	h = begin(&p, T0);
	for (int64_t i = 0; i <= 3 * HOUR; i++) {
		put_sample(h, "n-2", i);
		if (i != 2 * HOUR - 5)
			put_sample(h, "n-1", i);
	}
	wait_rows(p.path, h, 2 * (6 * HOUR + 1));
	open_thinning(&t, &p, &keep_an_hour);
	t.now.newest_ms = T0 + 3 * HOUR_MS;
	work(&t, nobody, NULL);
	put_sample(h, "n-1", 2 * HOUR - 5);
	settle(h);
	close_thinning(&t);
	assert_sound(p.path);
	open_thinning(&t, &p, &keep_an_hour);
	t.now.newest_ms = T0 + 5 * HOUR_MS;
	work(&t, nobody, NULL);
	close_thinning(&t);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM sample"), 2);
	assert_sound(p.path);
	place_clean(&p);
}

/* ---- the cap ---- */

/* Of a file that is too large for all of it, minutes that nobody looked at are not whole. */
static void minutes_that_were_not_looked_at_are_told(void **state)
{
	const struct chain_scope scope = {.rows_max = 1};
	struct chain_report r;
	struct err err = {0};

	(void)state;
	assert_int_equal(chain_verify_near(&r, thinned.path, &scope, &err), 0);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.samples_left,
		ask(thinned.path, "SELECT (SELECT count(*) FROM sample) + count(*) FROM rollup"));
}

static void the_cap_thins_what_is_young(void **state)
{
	const int64_t in_use = ask(recorded.path, "PRAGMA page_count") * 4096;
	const struct thin_how how = {1000 * HOUR_MS, in_use - in_use / 4};
	struct thinning t;
	struct place p;

	(void)state;
	place_copy(&p);
	open_thinning(&t, &p, &how);
	work(&t, nobody, NULL);
	assert_true(thin_used(t.thin) < how.cap_bytes);
	assert_true(thin_rows(t.thin) > 0);
	close_thinning(&t);
	/* but the last hour is kept */
	assert_true(ask(p.path, "SELECT min(t) FROM sample") <= (T0 + 3 * HOUR_MS) / 100);
	assert_one_of_both(p.path, recorded_rows);
	assert_sound(p.path);
	place_clean(&p);
}

static void a_cap_that_is_too_small_keeps_the_last_hour(void **state)
{
	const struct thin_how how = {1000 * HOUR_MS, 4096};
	struct place p;

	(void)state;
	place_copy(&p);
	thin_once(&p, &how);
	assert_int_equal(ask(p.path, "SELECT min(t) FROM sample"), (T0 + 3 * HOUR_MS) / 100);
	assert_sound(p.path);
	place_clean(&p);
}

/* ---- elsewhere ---- */

/* What counters rose by is the same from minutes as it was from samples. */
static void sums_over_ticks_are_the_same(void **state)
{
	static const struct {
		int64_t first, last;
	} spans[] = {{0, 4 * HOUR}, {3, 3 * HOUR + 50}, {0, HOUR - 1}};
	const struct place *const places[] = {&recorded, &thinned};

	(void)state;
	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
		struct sample sums[2];

		for (int k = 0; k < 2; k++) {
			struct samples_reader r;
			struct err err = {0};
			sqlite3 *db;

			assert_int_equal(sqlite3_open(places[k]->path, &db), SQLITE_OK);
			assert_int_equal(
				samples_reader_open(&r, db, places[k]->path,
					ask(places[k]->path, "SELECT min(seq) FROM recording"), "n-1", &err),
				0);
			assert_int_equal(samples_sum(&r, spans[i].first, spans[i].last, &sums[k], &err), 0);
			samples_reader_close(&r);
			sqlite3_close(db);
		}
		assert_int_equal(sums[0].interval_ms, sums[1].interval_ms);
		assert_int_equal(sums[0].arms[ARM_V2].requests, sums[1].arms[ARM_V2].requests);
		assert_int_equal(sums[0].arms[ARM_V1].ok, sums[1].arms[ARM_V1].ok);
		assert_int_equal(sums[1].arms[ARM_V1].retries, UNKNOWN);
	}
}

static bool note_last(void *ctx, const struct query_recording *r)
{
	int64_t *ticks = ctx;

	*ticks += r->last_tick;
	return true;
}

/* Where a recording ended does not change with what is left of it. */
static void recordings_end_where_they_did(void **state)
{
	const struct place *const places[] = {&recorded, &thinned};

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct query *q;
		struct err err;
		int64_t ticks = 0;

		assert_int_equal(query_open(&q, places[k]->path, &err), 0);
		assert_int_equal(query_recordings(q, note_last, &ticks, &err), 0);
		assert_int_equal(ticks, 2 * 4 * HOUR);
		query_close(q);
	}
}

static void a_thinned_history_can_be_exported_and_imported(void **state)
{
	struct import_report report = {0};
	struct place p, copy;
	struct text all;
	struct err err = {0};
	FILE *f;

	(void)state;
	place_copy(&p);
	place_make(&copy);
	thin_once(&p, &keep_an_hour);
	all = archive_export(p.path, EXPORT_JSONL);
	f = fmemopen(all.data, all.len, "r");
	assert_non_null(f);
	if (import_run(&report, f, "thinned.jsonl", copy.path, NULL, &err) < 0)
		fail_msg("%s", err.text);
	fclose(f);
	assert_one_of_both(copy.path, recorded_rows);
	assert_sound(copy.path);
	text_free(&all);
	place_clean(&p);
	place_clean(&copy);
}

/* What was made before there were minutes has none, and is exported, imported and verified. */
static void an_older_history_can_be_exported_and_imported(void **state)
{
	struct import_report report = {0};
	struct text all;
	struct place p;
	struct err err = {0};
	FILE *f;

	(void)state;
	place_make(&p);
	all = archive_export("tests/fixtures/history/v1.db", EXPORT_JSONL);
	assert_null(strstr(all.data, "\"table\":\"rollup\""));
	f = fmemopen(all.data, all.len, "r");
	assert_non_null(f);
	if (import_run(&report, f, "older.jsonl", p.path, NULL, &err) < 0)
		fail_msg("%s", err.text);
	fclose(f);
	assert_sound(p.path);
	text_free(&all);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_those_of_the_table),
		cmocka_unit_test(minutes_are_exact_sums),
		cmocka_unit_test(percentiles_are_of_the_merged_histogram),
		cmocka_unit_test(nothing_is_done_twice),
		cmocka_unit_test(a_checkpoint_is_thinned_in_parts),
		cmocka_unit_test(verify_finds_what_was_changed),
		cmocka_unit_test(samples_go_only_into_minutes),
		cmocka_unit_test(a_lie_is_no_truth_for_being_thinned),
		cmocka_unit_test(what_cannot_be_read_stays),
		cmocka_unit_test(a_checkpoint_without_sense_stops_it),
		cmocka_unit_test(a_count_beyond_its_form_is_thinned),
		cmocka_unit_test(passes_do_not_begin_in_a_checkpoint),
		cmocka_unit_test(a_row_behind_its_minute_stays),
		cmocka_unit_test(minutes_that_were_not_looked_at_are_told),
		cmocka_unit_test(the_cap_thins_what_is_young),
		cmocka_unit_test(a_cap_that_is_too_small_keeps_the_last_hour),
		cmocka_unit_test(sums_over_ticks_are_the_same),
		cmocka_unit_test(recordings_end_where_they_did),
		cmocka_unit_test(a_thinned_history_can_be_exported_and_imported),
		cmocka_unit_test(an_older_history_can_be_exported_and_imported),
	};

	return cmocka_run_group_tests(tests, record_once, clean_up);
}
