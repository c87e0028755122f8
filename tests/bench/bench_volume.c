/* The volume of a large site: 1,000 pools at 1 Hz with histograms in one history. What a row costs
 * beside bare SQLite, what a file holds, how long a decision waits beside the samples, and beside
 * the thinning of older ones while recording goes on. */
#include "history/history.h"
#include "history/samples.h"
#include "history/sparse.h"
#include "history/thin.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/bench/bench.h"
#include "tests/lib/world.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define T0 INT64_C(1795000000000)
#define POOLS 1000
#define ROWS (POOLS * ARM_COUNT) /* a second */
#define ROUND_S 4                /* seconds of recording in a round */
#define AHEAD_S 4                /* seconds that may wait for the disk */
#define PACED_S 8                /* seconds at the pace of a real recorder */
#define OLD_S 60                 /* seconds that are thinned */
#define SHAPES 16
#define ACTS_MAX 4096
#define ACT_EVERY_MS 25   /* far more often than people can */
#define ACT_SELDOM_MS 400 /* as it is beside thinning, which gives way to each */

struct shape {
	struct history_sample sample;
	struct histogram latency[ARM_COUNT];
};

struct site {
	struct world world;
	struct history *history;
	struct history_answer *answer;
	struct shape *shapes;
	sqlite3 *look; /* reads beside the writer */
	sqlite3_stmt *newest;
	int64_t started_ms, second; /* of the recording */
	/* acts, and what they waited */
	double acts[ACTS_MAX];
	size_t act_count;
	int64_t act_ns; /* when the one under way began; 0 none is */
	int made;
	int64_t worst_call_ns, worst_lag_s;
	/* the yardstick */
	sqlite3 *bare;
	sqlite3_stmt *insert;
	sqlite3_value **values; /* of a second's rows */
	int columns;
	int64_t bare_key;
};

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- the site ---- */

static void make_shapes(struct site *s)
{
	s->shapes = mem_new(SHAPES, sizeof *s->shapes);
	for (int k = 0; k < SHAPES; k++) {
		struct shape *one = &s->shapes[k];

		one->sample.sample.interval_ms = 1000;
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			struct arm_sample *a = &one->sample.sample.arms[arm];

			for (int i = 0; i < 60; i++)
				histogram_add(
					&one->latency[arm], 1500 + i * i * 2 + (k * 37 + i * 101) % 900, 8);
			*a = (struct arm_sample){.requests = 480,
				.ok = 480 - k % 3,
				.sessions = 40,
				.p50_us = histogram_quantile_us(&one->latency[arm], 0.5),
				.p95_us = histogram_quantile_us(&one->latency[arm], 0.95),
				.p99_us = histogram_quantile_us(&one->latency[arm], 0.99),
				.max_us = histogram_max_us(&one->latency[arm]),
				.workers = {.total = 8, .ready = 8, .busy = k % 8},
				.memory_bytes = 400000000 + k,
				.cpu_us = 150000,
				.fds = 40};
			a->failed[FAILURE_TIMEOUT] = k % 3;
			one->sample.latency[arm] = &one->latency[arm];
		}
	}
}

/* A call of the loop; the worst is kept. */
#define CALL(s, call) \
	do { \
		const int64_t call_ns = bench_ns(); \
		call; \
		const int64_t took_ns = bench_ns() - call_ns; \
		(s)->worst_call_ns = took_ns > (s)->worst_call_ns ? took_ns : (s)->worst_call_ns; \
	} while (0)

static void take_answers(struct site *s)
{
	bool there = true;

	while (there) {
		CALL(s, there = history_next(s->history, s->answer));
		if (!there)
			break;
		if (s->answer->kind == HISTORY_FAILED || s->answer->kind == HISTORY_REFUSED)
			bench_die("the history: %s", s->answer->err.text);
		if (s->answer->kind == HISTORY_COMMITTED && s->act_count < ACTS_MAX) {
			s->acts[s->act_count++] = (double)(bench_ns() - s->act_ns);
			s->act_ns = 0;
		}
		history_answer_release(s->answer);
	}
}

static void wait_answers(struct site *s, int ms)
{
	struct pollfd wait = {.fd = history_fd(s->history), .events = POLLIN};

	poll(&wait, 1, ms);
	take_answers(s);
}

static void act(struct site *s)
{
	struct decision d = {.at_ms = s->started_ms + s->second * 1000,
		.pool = "pool-1",
		.pool_id = "pool-1",
		.actor = "kim@bench",
		.role = "operator",
		.verb = VERB_STEP,
		.from_bp = 100,
		.to_bp = 1000,
		.evidence = "{}",
		.outcome_ms = UNKNOWN,
		.verified_ms = UNKNOWN,
		.latency_ms = UNKNOWN};

	if (s->act_ns != 0)
		return;
	snprintf(d.id, sizeof d.id, "act-%d", s->made++);
	s->act_ns = bench_ns();
	CALL(s, history_intent(s->history, &d));
}

static void put_second(struct site *s)
{
	for (int pool = 0; pool < POOLS; pool++) {
		struct history_sample *one = &s->shapes[(pool + s->second) % SHAPES].sample;

		snprintf(one->pool_id, sizeof one->pool_id, "pool-%d", pool);
		snprintf(one->node_id, sizeof one->node_id, "node-%d", pool);
		one->tick = s->second;
		one->sample.at.wall_ms = s->started_ms + s->second * 1000 + pool % 400;
		CALL(s, history_sample(s->history, one));
	}
	s->second++;
}

/* Seconds that were given to the history and are not in the file. */
static int64_t lag(struct site *s)
{
	int64_t t = 0;

	if (sqlite3_step(s->newest) == SQLITE_ROW)
		t = sqlite3_column_int64(s->newest, 0) >> SAMPLES_SERIES_BITS;
	sqlite3_reset(s->newest);
	const int64_t there = t * 100 - s->started_ms;

	return there < 0 ? s->second : s->second - 1 - there / 1000;
}

static void open_site(struct site *s, const char *path, const struct thin_how *how)
{
	char keys[WORLD_PATH];
	struct err err = {0};
	struct history_options options = {.path = path,
		.actor = "kim@bench",
		.key_dir = keys,
		.keep_ms = how->keep_ms,
		.cap_bytes = how->cap_bytes};

	world_path(&s->world, keys, "keys");
	if (history_start(&s->history, &options, &err))
		bench_die("no history: %s", err.text);
	do {
		while (!history_next(s->history, s->answer))
			poll(&(struct pollfd){.fd = history_fd(s->history), .events = POLLIN}, 1, 100);
		if (s->answer->kind == HISTORY_FAILED)
			bench_die("no history: %s", s->answer->err.text);
	} while (s->answer->kind != HISTORY_OPENED);
	history_answer_release(s->answer);
	if (sqlite3_open(path, &s->look) != SQLITE_OK ||
		sqlite3_prepare_v2(s->look, "SELECT max(key) FROM sample", -1, &s->newest, NULL) !=
			SQLITE_OK)
		bench_die("SQLite: %s", sqlite3_errmsg(s->look));
}

static void record(struct site *s, int64_t at_ms)
{
	s->started_ms = at_ms;
	s->second = 0;
	history_recording(s->history, at_ms, 1000, "bench", "bench", "{}", "{}");
}

static void close_site(struct site *s)
{
	sqlite3_finalize(s->newest);
	sqlite3_close(s->look);
	if (history_dropped(s->history) > 0 || history_stop(s->history, 30000) > 0)
		bench_die("the history lost what it was given");
}

/* Gives `seconds` as fast as they are written. */
static void put_seconds(struct site *s, int64_t seconds)
{
	const int64_t until = s->second + seconds;

	while (s->second < until) {
		put_second(s);
		while (lag(s) >= AHEAD_S)
			wait_answers(s, 5);
	}
	while (lag(s) > 0)
		wait_answers(s, 5);
}

/* ---- a row, beside bare SQLite ---- */

static double run_weir(void *arg)
{
	struct site *s = arg;
	const int64_t start = cpu_ns();

	put_seconds(s, ROUND_S);
	return (double)(cpu_ns() - start) / (ROUND_S * ROWS);
}

static void bare_sql(struct site *s, const char *sql)
{
	if (sqlite3_exec(s->bare, sql, NULL, NULL, NULL) != SQLITE_OK)
		bench_die("SQLite: %s", sqlite3_errmsg(s->bare));
}

/* The rows of a second of weir's file, in memory, and a table like the one they are of. */
static void take_rows(struct site *s)
{
	struct text schema = {0}, insert = {0};
	char path[WORLD_PATH];
	sqlite3_stmt *rows;
	int row = 0;

	world_path(&s->world, path, "bare.db");
	if (sqlite3_open(path, &s->bare) != SQLITE_OK ||
		sqlite3_prepare_v2(s->look, "SELECT * FROM sample ORDER BY key LIMIT 2000", -1, &rows,
			NULL) != SQLITE_OK)
		bench_die("SQLite: %s", sqlite3_errmsg(s->look));
	s->columns = sqlite3_column_count(rows);
	s->values = mem_new((size_t)(ROWS * s->columns), sizeof *s->values);
	for (; row < ROWS && sqlite3_step(rows) == SQLITE_ROW; row++)
		for (int c = 0; c < s->columns; c++)
			s->values[row * s->columns + c] = sqlite3_value_dup(sqlite3_column_value(rows, c));
	sqlite3_finalize(rows);
	if (row != ROWS)
		bench_die("%d rows where %d were recorded", row, ROWS);
	text_add(&schema, "CREATE TABLE sample (key INTEGER PRIMARY KEY");
	text_add(&insert, "INSERT INTO sample VALUES (?");
	for (int c = 1; c < s->columns; c++) {
		text_addf(&schema, ", c%d", c);
		text_add(&insert, ", ?");
	}
	text_add(&schema, ")");
	text_add(&insert, ")");
	bare_sql(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
	bare_sql(s, text_str(&schema));
	if (sqlite3_prepare_v2(s->bare, text_str(&insert), -1, &s->insert, NULL) != SQLITE_OK)
		bench_die("SQLite: %s", sqlite3_errmsg(s->bare));
	text_free(&schema);
	text_free(&insert);
}

static double run_bare(void *arg)
{
	struct site *s = arg;
	const int64_t start = cpu_ns();

	for (int second = 0; second < ROUND_S; second++) {
		bare_sql(s, "BEGIN IMMEDIATE");
		for (int row = 0; row < ROWS; row++) {
			sqlite3_bind_int64(s->insert, 1, ++s->bare_key);
			for (int c = 1; c < s->columns; c++)
				sqlite3_bind_value(s->insert, c + 1, s->values[row * s->columns + c]);
			if (sqlite3_step(s->insert) != SQLITE_DONE)
				bench_die("SQLite: %s", sqlite3_errmsg(s->bare));
			sqlite3_reset(s->insert);
		}
		bare_sql(s, "COMMIT");
	}
	return (double)(cpu_ns() - start) / (ROUND_S * ROWS);
}

static void drop_bare(struct site *s)
{
	for (int i = 0; i < ROWS * s->columns; i++)
		sqlite3_value_free(s->values[i]);
	free(s->values);
	sqlite3_finalize(s->insert);
	sqlite3_close(s->bare);
}

/* ---- what a file holds ---- */

static int64_t ask(struct site *s, const char *sql)
{
	sqlite3_stmt *row;
	int64_t n = 0;

	if (sqlite3_prepare_v2(s->look, sql, -1, &row, NULL) != SQLITE_OK)
		bench_die("SQLite: %s", sqlite3_errmsg(s->look));
	if (sqlite3_step(row) == SQLITE_ROW)
		n = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	return n;
}

/* Columns that are not null, and buckets that are filled, of a table. */
static int64_t numbers_kept(struct site *s, const char *table)
{
	struct histogram *h = mem_new(1, sizeof *h);
	struct text sql = {0};
	sqlite3_stmt *row;
	int64_t kept = 0;

	text_addf(&sql, "SELECT * FROM %s", table);
	if (sqlite3_prepare_v2(s->look, text_str(&sql), -1, &row, NULL) != SQLITE_OK)
		bench_die("SQLite: %s", sqlite3_errmsg(s->look));
	while (sqlite3_step(row) == SQLITE_ROW)
		/* t and series are made of the key */
		for (int c = 3; c < sqlite3_column_count(row); c++) {
			if (sqlite3_column_type(row, c) != SQLITE_BLOB) {
				kept += sqlite3_column_type(row, c) != SQLITE_NULL;
				continue;
			}
			sparse_decode(h, sqlite3_column_blob(row, c), (size_t)sqlite3_column_bytes(row, c));
			for (int b = 0; b < HISTOGRAM_BUCKETS; b++)
				kept += h->count[b] > 0;
		}
	sqlite3_finalize(row);
	text_free(&sql);
	free(h);
	return kept;
}

#define IN_USE \
	"SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM" \
	" pragma_freelist_count)"

static void tell_size(struct site *s, const char *table, int64_t bytes)
{
	char sql[64];

	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
	const int64_t rows = ask(s, sql), kept = numbers_kept(s, table);

	bench_note("%lld rows of %s: %.0f bytes a row, %.2f bytes a number kept (%.0f a row)",
		(long long)rows, table, (double)bytes / (double)rows, (double)bytes / (double)kept,
		(double)kept / (double)rows);
}

/* ---- at the pace of a recorder ---- */

static void begin_watching(struct site *s)
{
	s->act_count = 0;
	s->act_ns = 0;
	s->worst_call_ns = s->worst_lag_s = 0;
}

/* Runs for at least `seconds` of real time, and until `done` says so. */
static void run_paced(
	struct site *s, int seconds, int64_t act_every_ms, bool (*done)(struct site *s))
{
	const int64_t start = bench_ns(), start_cpu = cpu_ns();
	int64_t next_act = 0, next_second = 0, now = 0, given = 0;

	begin_watching(s);
	while (given < seconds || (done != NULL && !done(s))) {
		now = (bench_ns() - start) / 1000000;
		if (now >= next_second) {
			const int64_t behind = lag(s);

			s->worst_lag_s = behind > s->worst_lag_s ? behind : s->worst_lag_s;
			put_second(s);
			given++;
			next_second += 1000;
		}
		if (now >= next_act) {
			act(s);
			next_act = now + act_every_ms;
		}
		const int64_t next = next_act < next_second ? next_act : next_second;

		wait_answers(s, next > now ? (int)(next - now) : 0);
		if (given > 10 * seconds)
			bench_die("it never ends");
	}
	const double wall = (double)(bench_ns() - start);

	bench_note("%.0f us CPU a pool and second, acts, waiting and thinning included",
		(double)(cpu_ns() - start_cpu) / ((double)given * POOLS) / 1000);
	bench_note(
		"a decision, pressed to COMMITTED (%zu in %.0f s): p50 %.2f ms, p99 %.2f ms, worst"
		" %.2f ms",
		s->act_count, wall / 1e9, bench_quantile(s->acts, s->act_count, 0.5) / 1e6,
		bench_quantile(s->acts, s->act_count, 0.99) / 1e6,
		bench_quantile(s->acts, s->act_count, 1) / 1e6);
	bench_note("the longest call of the loop %.2f ms; at most %lld s of samples waited",
		(double)s->worst_call_ns / 1e6, (long long)s->worst_lag_s);
}

static bool is_thinned(struct site *s)
{
	return ask(s, "SELECT min(key) >> 28 FROM sample") * 100 >= s->started_ms;
}

/* ---- the parts ---- */

static void measure_rows(struct site *s)
{
	const struct thin_how how = {THIN_KEEP_MS, THIN_CAP_BYTES};
	char path[WORLD_PATH];
	int64_t start;

	world_path(&s->world, path, "site.db");
	open_site(s, path, &how);
	record(s, T0);
	put_seconds(s, 2);
	take_rows(s);
	const struct bench_side sides[] = {{"bare SQLite, a transaction a second", run_bare, s},
		{"weir: queued to on the disk", run_weir, s}};
	bench_race("CPU of a row, with its histogram, in key order", sides, 2);
	drop_bare(s);
	start = bench_ns();
	put_seconds(s, 10);
	bench_note("as fast as it goes: %.0f rows/s; a real site makes %d",
		10.0 * ROWS * 1e9 / (double)(bench_ns() - start), ROWS);
	printf("  %d s at the pace of 1,000 pools\n", PACED_S);
	run_paced(s, PACED_S, ACT_EVERY_MS, NULL);
	tell_size(s, "sample", ask(s, IN_USE) * 4096);
	close_site(s);
}

static void measure_thinning(struct site *s)
{
	const struct thin_how how = {THIN_KEEP_MIN_MS, THIN_CAP_BYTES};
	struct rusage usage;
	char path[WORLD_PATH];
	int64_t before, rows;

	world_path(&s->world, path, "old.db");
	open_site(s, path, &how);
	record(s, T0 / 60000 * 60000);
	put_seconds(s, OLD_S);
	rows = ask(s, "SELECT count(*) FROM sample");
	close_site(s);
	open_site(s, path, &how);
	record(s, T0 + 4 * THIN_KEEP_MIN_MS);
	printf("  the same while %lld older rows become minutes\n", (long long)rows);
	run_paced(s, PACED_S, ACT_SELDOM_MS, is_thinned);
	before = ask(s, "SELECT sum(pgsize) FROM dbstat WHERE name = 'rollup'");
	tell_size(s, "rollup", before);
	bench_note(
		"of %lld samples, %.2f bytes a sample", (long long)rows, (double)before / (double)rows);
	close_site(s);
	getrusage(RUSAGE_SELF, &usage);
	bench_note("memory at most %ld MB", usage.ru_maxrss / 1024);
}

int main(void)
{
	struct site s = {.answer = mem_new(1, sizeof *s.answer)};

	bench_begin("volume");
	world_open(&s.world);
	make_shapes(&s);
	measure_rows(&s);
	measure_thinning(&s);
	world_close(&s.world);
	free(s.shapes);
	free(s.answer);
	return 0;
}
