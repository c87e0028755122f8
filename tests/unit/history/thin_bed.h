/* Thin bed: a history with minutes of samples, what thinning it is, and what must be the same
 * before and after. */
#ifndef WEIR_TESTS_UNIT_HISTORY_THIN_BED_H
#define WEIR_TESTS_UNIT_HISTORY_THIN_BED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

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

static inline void put_sample(struct history *h, const char *node_id, int64_t tick)
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

static inline struct history *begin(const struct place *p, int64_t at_ms)
{
	struct history *h = start_opened(p, "kim@ops1");

	history_recording(h, at_ms, TICK_MS, "0.1", "ops1", "{}", "{}");
	return h;
}

static inline void wait_rows(const char *path, struct history *h, int64_t rows)
{
	const int64_t until = clock_monotonic_ms() + DEADLINE_MS;

	/* an intent goes before samples: the rows themselves must be waited for */
	while (ask(path, "SELECT count(*) FROM sample") < rows) {
		struct pollfd wait = {.fd = history_fd(h), .events = POLLIN};

		assert_true(clock_monotonic_ms() < until);
		poll(&wait, 1, 20);
	}
}

static inline void put_ticks(
	struct history *h, const char *node_id, int64_t first, int64_t last)
{
	for (int64_t i = first; i <= last; i++)
		put_sample(h, node_id, i);
}

/* Four hours of a node, and of one that came in the middle of a minute and was away for a while:
 * what is in the file is only looked at afterwards. */
static inline void record_hours(const struct place *p)
{
	struct history *h = begin(p, T0);

	put_ticks(h, "n-1", 0, 4 * HOUR);
	settle(h);
	h = begin(p, T0);
	put_ticks(h, "n-2", 3, 100);
	put_ticks(h, "n-2", 250, 4 * HOUR);
	settle(h);
}

static inline void edit(const char *path, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, DEADLINE_MS);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

static inline void copy_file(const char *from, const char *to)
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

static inline struct chain_report verified(const char *path)
{
	struct chain_report report;
	struct err err = {0};

	if (chain_verify(&report, path, NULL, NULL, NULL, &err) != 0)
		fail_msg("W%d %s", err.code, err.text);
	return report;
}

static inline void assert_sound(const char *path)
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

static inline void open_thinning(
	struct thinning *t, const struct place *p, const struct thin_how *how)
{
	struct err err = {0};

	if (journal_open(&t->journal, p->path, "kim@ops1", p->keys, false, &err) < 0)
		fail_msg("%s", err.text);
	t->thin = thin_new(&t->journal, how);
	t->now = (struct thin_now){1000, T0 + 4 * HOUR_MS, 1 << 20};
}

static inline void close_thinning(struct thinning *t)
{
	thin_free(t->thin);
	journal_close(&t->journal);
}

static inline bool nobody(void *ctx)
{
	(void)ctx;
	return false;
}

/* Until nothing is left to do; fails rather than go on for ever. */
static inline void work(struct thinning *t, bool (*hurry)(void *ctx), void *ctx)
{
	struct err err = {0};
	bool more = true;

	for (int i = 0; more; i++) {
		assert_true(i < 100000);
		if (thin_work(t->thin, &t->now, hurry, ctx, &more, &err) != SCHEMA_OK)
			fail_msg("W%d %s", err.code, err.text);
	}
}

static inline void thin_once(const struct place *p, const struct thin_how *how)
{
	struct thinning t;

	open_thinning(&t, p, how);
	work(&t, nobody, NULL);
	close_thinning(&t);
}

/* ---- what must be the same before and after ---- */

#define FACTS 8

static inline void read_facts(const char *path, int64_t out[FACTS])
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
static inline void read_latency(const char *path, struct histogram *all)
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
static inline void assert_one_of_both(const char *path, int64_t rows)
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
static inline void place_copy_of(struct place *p, const struct place *of)
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

static inline void place_copy(struct place *p)
{
	place_copy_of(p, &recorded);
}

static inline int record_once(void **state)
{
	(void)state;
	place_make(&recorded);
	record_hours(&recorded);
	recorded_rows = ask(recorded.path, "SELECT count(*) FROM sample");
	place_copy(&thinned);
	thin_once(&thinned, &keep_an_hour);
	return 0;
}

static inline int clean_up(void **state)
{
	(void)state;
	place_clean(&recorded);
	place_clean(&thinned);
	return 0;
}

#endif
