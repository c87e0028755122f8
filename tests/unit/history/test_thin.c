/* thin: hours of samples become minutes. Nothing is lost, doubled or made up, wherever it is
 * stopped; verify takes what was thinned and finds what was changed, in samples and in minutes. */
#include "tests/unit/history/archive.h"

#include "history/checkpoint.h"
#include "history/find.h"
#include "history/import.h"
#include "history/journal.h"
#include "history/minute.h"
#include "history/sparse.h"
#include "history/tables.h"
#include "history/thin.h"
#include "history/thin_parts.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define TICK_MS 20000
#define HOUR (3600000 / TICK_MS) /* ticks */
#define HOUR_MS INT64_C(3600000)

static const struct thin_how keep_an_hour = {HOUR_MS, INT64_C(1) << 40};

/* ---- a history ---- */

static int64_t unreal_tick = UNKNOWN; /* the sample of it has a count that no pool has */

static void put_sample(struct history *h, const char *node_id, int64_t tick)
{
	struct history_sample s = {.pool_id = "pool-1", .tick = tick};
	struct histogram *latency[ARM_COUNT];

	text_copy(s.node_id, sizeof s.node_id, node_id);
	s.flags = tick % 100 == 99 ? HISTORY_GAP : 0;
	s.sample.at = (struct instant){tick, T0 + tick * TICK_MS + 7};
	s.sample.interval_ms = TICK_MS;
	for (int a = 0; a < ARM_COUNT; a++) {
		struct arm_sample *arm = &s.sample.arms[a];

		latency[a] = mem_new(1, sizeof *latency[a]);
		for (int i = 0; i < 3; i++)
			histogram_add(latency[a], 500 + (tick * 7919 + i * 104729) % 90000,
				tick == unreal_tick ? INT64_C(1) << 50 : 1 + tick % 5);
		arm->requests = histogram_total(latency[a]);
		arm->ok = arm->requests - tick % 2;
		arm->failed[FAILURE_TIMEOUT] = tick % 2;
		arm->sessions = tick % 3 == 0 ? UNKNOWN : 2;
		arm->memory_bytes = 1000000 + tick;
		arm->retries = UNKNOWN;
		arm->p50_us = histogram_quantile_us(latency[a], 0.5);
		arm->p95_us = histogram_quantile_us(latency[a], 0.95);
		arm->p99_us = histogram_quantile_us(latency[a], 0.99);
		arm->max_us = histogram_max_us(latency[a]);
		/* some intervals have no histogram */
		s.latency[a] = tick % 11 == 0 ? NULL : latency[a];
	}
	history_sample(h, &s);
	for (int a = 0; a < ARM_COUNT; a++)
		free(latency[a]);
}

static struct history *begin(const struct place *p, int64_t at_ms)
{
	struct history *h = start_opened(p, "kim@ops1");

	history_recording(h, at_ms, TICK_MS, "0.1", "ops1", "{}", "{}");
	return h;
}

static void wait_rows(const char *path, struct history *h, int64_t rows)
{
	const int64_t until = clock_monotonic_ms() + DEADLINE_MS;

	/* an intent goes before samples: the rows themselves must be waited for */
	while (ask(path, "SELECT count(*) FROM sample") < rows) {
		struct pollfd wait = {.fd = history_fd(h), .events = POLLIN};

		assert_true(clock_monotonic_ms() < until);
		poll(&wait, 1, 20);
	}
}

static void put_ticks(struct history *h, const char *node_id, int64_t first, int64_t last)
{
	for (int64_t i = first; i <= last; i++)
		put_sample(h, node_id, i);
}

/* Four hours of a node, and of one that came in the middle of a minute and was away for a while:
 * what is in the file is only looked at afterwards. */
static void record_hours(const struct place *p)
{
	struct history *h = begin(p, T0);

	put_ticks(h, "n-1", 0, 4 * HOUR);
	settle(h);
	h = begin(p, T0);
	put_ticks(h, "n-2", 3, 100);
	put_ticks(h, "n-2", 250, 4 * HOUR);
	settle(h);
}

static void edit(const char *path, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, DEADLINE_MS);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

static void copy_file(const char *from, const char *to)
{
	char bytes[65536];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	size_t n;

	assert_non_null(in);
	assert_non_null(out);
	while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
		assert_int_equal(fwrite(bytes, 1, n, out), n);
	fclose(in);
	fclose(out);
}

static struct chain_report verified(const char *path)
{
	struct chain_report report;
	struct err err = {0};

	if (chain_verify(&report, path, NULL, NULL, NULL, &err) != 0)
		fail_msg("W%d %s", err.code, err.text);
	return report;
}

static void assert_sound(const char *path)
{
	const struct chain_report r = verified(path);

	if (r.broken_seq != 0)
		fail_msg("%s at %lld: %s", r.table, (long long)r.broken_seq, r.why);
}

/* ---- thinning it ---- */

struct thinning {
	struct journal journal;
	struct thin *thin;
	struct thin_now now;
};

static void open_thinning(struct thinning *t, const struct place *p, const struct thin_how *how)
{
	struct err err = {0};

	if (journal_open(&t->journal, p->path, "kim@ops1", p->keys, false, &err) < 0)
		fail_msg("%s", err.text);
	t->thin = thin_new(&t->journal, how);
	t->now = (struct thin_now){1000, T0 + 4 * HOUR_MS, 1 << 20};
}

static void close_thinning(struct thinning *t)
{
	thin_free(t->thin);
	journal_close(&t->journal);
}

static bool nobody(void *ctx)
{
	(void)ctx;
	return false;
}

/* Until nothing is left to do; fails rather than go on for ever. */
static void work(struct thinning *t, bool (*hurry)(void *ctx), void *ctx)
{
	struct err err = {0};
	bool more = true;

	for (int i = 0; more; i++) {
		assert_true(i < 100000);
		if (thin_work(t->thin, &t->now, hurry, ctx, &more, &err) != SCHEMA_OK)
			fail_msg("W%d %s", err.code, err.text);
	}
}

static void thin_once(const struct place *p, const struct thin_how *how)
{
	struct thinning t;

	open_thinning(&t, p, how);
	work(&t, nobody, NULL);
	close_thinning(&t);
}

/* ---- what must be the same before and after ---- */

#define FACTS 8

static void read_facts(const char *path, int64_t out[FACTS])
{
	static const char *const sums[FACTS] = {"sum(requests)", "sum(ok)", "sum(failed_timeout)",
		"sum(sessions)", "total(interval_ms)", "max(max_us)", "max(at_ms)", "count(retries)"};
	struct text sql = {0};

	for (int i = 0; i < FACTS; i++) {
		text_clear(&sql);
		text_addf(&sql,
			"SELECT %s FROM (SELECT requests, ok, failed_timeout, sessions, interval_ms, max_us,"
			" at_ms, retries FROM sample UNION ALL SELECT requests, ok, failed_timeout, sessions,"
			" interval_ms, max_us, at_ms, retries FROM rollup)",
			sums[i]);
		out[i] = ask(path, text_str(&sql));
	}
	text_free(&sql);
}

/* All latencies of the file, as one histogram. */
static void read_latency(const char *path, struct histogram *all)
{
	struct histogram *one = mem_new(1, sizeof *one);
	sqlite3 *db;
	sqlite3_stmt *s;

	memset(all, 0, sizeof *all);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
						 "SELECT latency FROM sample WHERE latency IS NOT NULL UNION ALL"
						 " SELECT latency FROM rollup WHERE latency IS NOT NULL",
						 -1, &s, NULL),
		SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW) {
		assert_true(
			sparse_decode(one, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0)));
		histogram_merge(all, one);
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	free(one);
}

/* No sample beside the minute that it is in, and every minute is the sum of the rows it says. */
static void assert_one_of_both(const char *path, int64_t rows)
{
	assert_int_equal(ask(path,
						 "SELECT count(*) FROM sample JOIN rollup ON rollup.key ="
						 " ((sample.key >> 28) / 600 * 600 << 28) + sample.series"),
		0);
	assert_int_equal(
		ask(path, "SELECT (SELECT count(*) FROM sample) + coalesce(sum(rows), 0) FROM rollup"),
		rows);
	assert_int_equal(ask(path,
						 "SELECT (SELECT coalesce(sum(rows), 0) FROM rollup) ="
						 " (SELECT coalesce(sum(detail ->> 'rows'), 0) FROM event"
						 " WHERE kind = 'thinning')"),
		1);
}

static struct place recorded, thinned; /* four hours, never changed; the same, thinned */
static int64_t recorded_rows;

/* A place with a copy of another one. */
static void place_copy_of(struct place *p, const struct place *of)
{
	char from[300], to[300];

	place_make(p);
	copy_file(of->path, p->path);
	assert_int_equal(mkdir(p->keys, 0700), 0);
	snprintf(from, sizeof from, "%s/key.ed25519", of->keys);
	snprintf(to, sizeof to, "%s/key.ed25519", p->keys);
	copy_file(from, to);
	assert_int_equal(chmod(to, 0600), 0);
}

static void place_copy(struct place *p)
{
	place_copy_of(p, &recorded);
}

static int record_once(void **state)
{
	(void)state;
	place_make(&recorded);
	record_hours(&recorded);
	recorded_rows = ask(recorded.path, "SELECT count(*) FROM sample");
	place_copy(&thinned);
	thin_once(&thinned, &keep_an_hour);
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	place_clean(&recorded);
	place_clean(&thinned);
	return 0;
}

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

/* ---- who may be alive ---- */

/* A file whose last recorder was killed: a copy of one that is being written. */
static void place_killed(struct place *p)
{
	struct place living;
	struct history *h;

	place_make(&living);
	h = begin(&living, T0);
	put_ticks(h, "n-1", 0, 3 * HOUR);
	wait_rows(living.path, h, 2 * (3 * HOUR + 1));
	place_make(p);
	ask(living.path, "PRAGMA wal_checkpoint(TRUNCATE)");
	copy_file(living.path, p->path);
	settle(h);
	place_clean(&living);
}

static void rows_that_may_still_get_a_checkpoint_stay(void **state)
{
	struct thinning t;
	struct place p;
	int64_t rows;

	(void)state;
	place_killed(&p);
	rows = ask(p.path, "SELECT count(*) FROM sample");
	assert_true(verified(p.path).samples_open > 0);
	open_thinning(&t, &p, &keep_an_hour);
	t.now.newest_ms = T0 + 24 * HOUR_MS;
	work(&t, nobody, NULL);
	/* those without one are there, and the whole minute that they begin in */
	assert_one_of_both(p.path, rows);
	assert_true(verified(p.path).samples_open > 0);
	assert_sound(p.path);
	/* an hour later nobody has written one: they are left over */
	t.now.monotonic_ms += 61 * 60000;
	work(&t, nobody, NULL);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM sample"), 0);
	assert_one_of_both(p.path, rows);
	assert_sound(p.path);
	close_thinning(&t);
	place_clean(&p);
}

/* Its own rows are nobody's but its own, however old its clock makes them. */
static void own_rows_without_a_checkpoint_stay(void **state)
{
	struct thinning t;
	struct place p;

	(void)state;
	place_killed(&p);
	open_thinning(&t, &p, &keep_an_hour);
	t.now.newest_ms = T0 + 24 * HOUR_MS;
	t.now.recording = ask(p.path, "SELECT max(seq) FROM recording");
	for (int i = 0; i < 3; i++, t.now.monotonic_ms += 61 * 60000)
		work(&t, nobody, NULL);
	assert_true(ask(p.path, "SELECT count(*) FROM sample") > 0);
	assert_sound(p.path);
	close_thinning(&t);
	place_clean(&p);
}

/* Who was silent for long comes back: its rows that were thinned meanwhile are not missed. */
static void rows_of_who_comes_back_are_not_missed(void **state)
{
	struct thinning t;
	struct history *h;
	struct place p;

	(void)state;
	place_make(&p);
	h = begin(&p, T0);
	put_ticks(h, "n-1", 0, HOUR + 15);
	wait_rows(p.path, h, 2 * (HOUR + 16));
	open_thinning(&t, &p, &keep_an_hour);
	work(&t, nobody, NULL);
	t.now.monotonic_ms += 61 * 60000;
	work(&t, nobody, NULL);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM sample"), 0);
	close_thinning(&t);
	put_ticks(h, "n-1", 3 * HOUR, 3 * HOUR + HOUR / 2);
	settle(h);
	assert_one_of_both(p.path, 2 * (HOUR + 16 + HOUR / 2 + 1));
	assert_sound(p.path);
	place_clean(&p);
}

/* A recorder ends, with a checkpoint, between the look at the events and that at the rows. */
static void who_ends_meanwhile_leaves_nothing_over(void **state)
{
	struct err err = {0};
	struct thinning t;
	struct history *h;
	struct place p;
	bool more = true;

	(void)state;
	place_make(&p);
	h = begin(&p, T0);
	put_ticks(h, "n-1", 0, HOUR + 15);
	wait_rows(p.path, h, 2 * (HOUR + 16));
	open_thinning(&t, &p, &keep_an_hour);
	while (t.thin->phase != THIN_READ)
		assert_int_equal(thin_work(t.thin, &t.now, nobody, NULL, &more, &err), SCHEMA_OK);
	settle(h);
	work(&t, nobody, NULL);
	close_thinning(&t);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM sample"), 0);
	assert_sound(p.path);
	place_clean(&p);
}

/* Rows that wait for their checkpoint do not keep for ever what comes behind them. */
static void who_waited_is_thinned_later(void **state)
{
	struct thinning t;
	struct history *h;
	struct place p;

	(void)state;
	place_make(&p);
	h = begin(&p, T0);
	put_ticks(h, "n-1", 0, HOUR + 15);
	wait_rows(p.path, h, 2 * (HOUR + 16));
	open_thinning(&t, &p, &keep_an_hour);
	work(&t, nobody, NULL);
	assert_true(ask(p.path, "SELECT count(*) FROM sample") > 0);
	put_ticks(h, "n-1", 2 * HOUR, 3 * HOUR);
	settle(h);
	t.now.newest_ms += 4 * HOUR_MS;
	work(&t, nobody, NULL);
	close_thinning(&t);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM sample"), 0);
	assert_sound(p.path);
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

/* ---- stopped, killed, raced ---- */

struct countdown {
	int left; /* questions until it is in a hurry */
	bool dies;
};

static bool count_down(void *ctx)
{
	struct countdown *c = ctx;

	if (c->left-- > 0)
		return false;
	if (c->dies)
		raise(SIGKILL);
	c->left = INT32_MAX;
	return true;
}

/* Whoever is in a hurry finds the file as it was, and what was given up is done later. */
static void a_hurry_gives_the_transaction_up(void **state)
{
	char head[POOL_HASH_MAX];
	struct place p;
	struct thinning t;
	struct err err = {0};
	int64_t seq;
	bool more = true;

	(void)state;
	place_copy(&p);
	open_thinning(&t, &p, &keep_an_hour);
	for (int at = 0; more; at += 3) {
		struct countdown c = {.left = at};

		while (more && c.left < INT32_MAX / 2)
			assert_int_equal(thin_work(t.thin, &t.now, count_down, &c, &more, &err), SCHEMA_OK);
		/* no transaction is open, no lock is held, and the head is one that is there */
		if (t.journal.seq > 0 && at % 9 == 0) {
			journal_head(&t.journal, head);
			find_row(p.path, head, &seq, &err);
			assert_int_equal(seq, t.journal.seq);
		}
		assert_int_not_equal(sqlite3_get_autocommit(t.journal.db), 0);
		assert_one_of_both(p.path, recorded_rows);
	}
	close_thinning(&t);
	assert_true(ask(p.path, "SELECT count(*) FROM rollup") > 100);
	assert_sound(p.path);
	place_clean(&p);
}

static void kill_at(const struct place *p, int questions)
{
	const pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct countdown c = {.left = questions, .dies = true};
		struct thinning t;
		struct err err;
		bool more = true;

		if (journal_open(&t.journal, p->path, "kim@ops1", p->keys, false, &err) < 0)
			_exit(1);
		t.thin = thin_new(&t.journal, &keep_an_hour);
		t.now = (struct thin_now){1000, T0 + 4 * HOUR_MS, 1 << 20};
		while (more && thin_work(t.thin, &t.now, count_down, &c, &more, &err) == SCHEMA_OK)
			continue;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
}

static void a_kill_leaves_samples_or_minutes(void **state)
{
	struct place p;

	(void)state;
	place_copy(&p);
	for (int questions = 0; questions < 260; questions += 13) {
		kill_at(&p, questions);
		assert_one_of_both(p.path, recorded_rows);
		assert_sound(p.path);
	}
	thin_once(&p, &keep_an_hour);
	assert_one_of_both(p.path, recorded_rows);
	assert_sound(p.path);
	place_clean(&p);
}

/* Another process was first: nothing is thinned twice. */
static void two_at_once_thin_once(void **state)
{
	struct countdown c = {.left = 3};
	struct thinning one, other;
	struct err err = {0};
	struct place p;
	bool more = true;

	(void)state;
	place_copy(&p);
	open_thinning(&one, &p, &keep_an_hour);
	while (c.left < INT32_MAX / 2)
		assert_int_equal(thin_work(one.thin, &one.now, count_down, &c, &more, &err), SCHEMA_OK);
	assert_true(more);
	open_thinning(&other, &p, &keep_an_hour);
	work(&other, nobody, NULL);
	close_thinning(&other);
	work(&one, nobody, NULL);
	close_thinning(&one);
	assert_one_of_both(p.path, recorded_rows);
	assert_sound(p.path);
	place_clean(&p);
}

/* ---- the cap ---- */

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

/* ---- within a recorder ---- */

static void a_recorder_thins_beside_its_work(void **state)
{
	struct history_options how = {.actor = "kim@ops1", .keep_ms = HOUR_MS};
	const int64_t until = clock_monotonic_ms() + DEADLINE_MS;
	struct history *h = NULL;
	struct err err = {0};
	struct place p;

	(void)state;
	place_copy(&p);
	how.path = p.path;
	how.key_dir = p.keys;
	assert_int_equal(history_start(&h, &how, &err), 0);
	expect_kind(h, HISTORY_OPENED);
	history_recording(h, T0 + 5 * HOUR_MS, TICK_MS, "0.1", "ops1", "{}", "{}");
	/* the clock of the machine runs ahead: that makes nothing old */
	history_event(h, T0 + 9000 * HOUR_MS, "", "clock_jump", "the clock jumped", NULL);
	put_sample(h, "n-1", 0);
	commit(h, "beside", T0 + 5 * HOUR_MS);
	while (ask(p.path,
			   "SELECT coalesce(max(detail ->> 'to'), 0) FROM event"
			   " WHERE kind = 'thinning'") < (T0 + 4 * HOUR_MS) / 100) {
		struct pollfd wait = {.fd = history_fd(h), .events = POLLIN};

		assert_true(clock_monotonic_ms() < until);
		poll(&wait, 1, 20);
	}
	settle(h);
	assert_int_equal(ask(p.path, "SELECT min(t) FROM sample"), (T0 + 4 * HOUR_MS) / 100);
	assert_one_of_both(p.path, recorded_rows + 2);
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

static bool never(void)
{
	return false;
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
	if (import_run(&report, f, "thinned.jsonl", copy.path, never, &err) < 0)
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
	if (import_run(&report, f, "older.jsonl", p.path, never, &err) < 0)
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
		cmocka_unit_test(rows_that_may_still_get_a_checkpoint_stay),
		cmocka_unit_test(own_rows_without_a_checkpoint_stay),
		cmocka_unit_test(rows_of_who_comes_back_are_not_missed),
		cmocka_unit_test(who_ends_meanwhile_leaves_nothing_over),
		cmocka_unit_test(who_waited_is_thinned_later),
		cmocka_unit_test(a_count_beyond_its_form_is_thinned),
		cmocka_unit_test(passes_do_not_begin_in_a_checkpoint),
		cmocka_unit_test(a_row_behind_its_minute_stays),
		cmocka_unit_test(a_hurry_gives_the_transaction_up),
		cmocka_unit_test(a_kill_leaves_samples_or_minutes),
		cmocka_unit_test(two_at_once_thin_once),
		cmocka_unit_test(the_cap_thins_what_is_young),
		cmocka_unit_test(a_cap_that_is_too_small_keeps_the_last_hour),
		cmocka_unit_test(a_recorder_thins_beside_its_work),
		cmocka_unit_test(sums_over_ticks_are_the_same),
		cmocka_unit_test(recordings_end_where_they_did),
		cmocka_unit_test(a_thinned_history_can_be_exported_and_imported),
		cmocka_unit_test(an_older_history_can_be_exported_and_imported),
	};

	return cmocka_run_group_tests(tests, record_once, clean_up);
}
