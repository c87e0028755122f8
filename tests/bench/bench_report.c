/* The review of a day: ten pools at 1 Hz with histograms in one history, a migration of one of
 * them that lasts all of it. What `weir report` takes, beside reading the same rows by bare SQLite.
 * BENCH_HOURS makes it another span than a day. */
#include "history/chain.h"
#include "history/history.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/bench/bench.h"
#include "tests/lib/world.h"
#include "tui/report.h"
#include "tui/report_html.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0 INT64_C(1795000000000)
#define POOLS 10
#define HOURS 24
#define SHAPES 16

struct site {
	struct world world;
	char path[WORLD_PATH];
	struct history *history;
	struct history_answer *answer;
	struct history_sample shapes[SHAPES];
	struct histogram latency[SHAPES][ARM_COUNT];
	struct snapshot *document;
	int64_t seconds;
};

static void wait_for(struct site *s, enum history_answer_kind kind)
{
	for (;;) {
		while (!history_next(s->history, s->answer))
			poll(&(struct pollfd){.fd = history_fd(s->history), .events = POLLIN}, 1, 1000);
		enum history_answer_kind got = s->answer->kind;
		if (got == HISTORY_FAILED || got == HISTORY_REFUSED)
			bench_die("the history: %s", s->answer->err.text);
		history_answer_release(s->answer);
		if (got == kind)
			return;
	}
}

static void make_shapes(struct site *s)
{
	for (int k = 0; k < SHAPES; k++) {
		s->shapes[k].sample.interval_ms = 1000;
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			struct arm_sample *a = &s->shapes[k].sample.arms[arm];
			struct histogram *h = &s->latency[k][arm];
			for (int i = 0; i < 40; i++)
				histogram_add(h, 1500 + i * i * 4 + (k * 37 + i * 101) % 900, arm ? 1 : 9);
			*a = (struct arm_sample){.requests = histogram_total(h),
				.ok = histogram_total(h) - (k % 8 == 0),
				.failed_total = k % 8 == 0,
				.sessions = UNKNOWN,
				.sessions_bad = UNKNOWN,
				.p50_us = histogram_quantile_us(h, 0.5),
				.p95_us = histogram_quantile_us(h, 0.95),
				.p99_us = histogram_quantile_us(h, 0.99),
				.max_us = histogram_max_us(h)};
			a->failed[FAILURE_TIMEOUT] = a->failed_total;
			s->shapes[k].latency[arm] = h;
		}
	}
}

static void name(char *out, size_t size, int pool)
{
	snprintf(out, size, "pool-%d", pool);
}

/* The document from which a replay of a pool begins. */
static void put_document(struct site *s, int pool, int share_bp, int64_t at_ms)
{
	struct snapshot *d = s->document;
	char pool_name[32];
	name(pool_name, sizeof pool_name, pool);
	memset(d, 0, sizeof *d);
	text_copy(d->pool, sizeof d->pool, pool_name);
	text_copy(d->pool_id, sizeof d->pool_id, pool_name);
	text_copy(d->node, sizeof d->node, pool_name);
	text_copy(d->node_id, sizeof d->node_id, pool_name);
	text_copy(d->boot_id, sizeof d->boot_id, "boot-1");
	d->strategy = STRATEGY_CANARY;
	d->share_bp = share_bp;
	d->epoch = d->rev = d->seq = 1;
	d->uptime_ms = 3600000 + at_ms - T0;
	d->unit_ms = d->settle_ms = 5000;
	d->audit_seq = UNKNOWN;
	d->hold.age_ms = d->lease.ttl_ms = d->keep.left_ms = UNKNOWN;
	d->change.known = true;
	d->change.age_ms = 1000000 + at_ms - T0;
	for (int arm = 0; arm < ARM_COUNT; arm++)
		d->arms[arm].has_latency = true;
	history_node(s->history, at_ms, pool_name, d, "http://127.0.0.1:1", "http");
	history_state(s->history, at_ms, pool_name, d);
}

static void decide(
	struct site *s, const char *id, int64_t at_ms, enum verb verb, int from, int to)
{
	struct decision d = {.at_ms = at_ms,
		.pool = "pool-0",
		.pool_id = "pool-0",
		.actor = "kim@bench",
		.role = "operator",
		.verb = verb,
		.from_bp = from,
		.to_bp = to,
		.reason = "as planned",
		.evidence = "{}",
		.outcome_ms = UNKNOWN,
		.verified_ms = UNKNOWN,
		.latency_ms = UNKNOWN};
	struct outcome_row row = {.row = OUTCOME_ROW_FINAL,
		.kind = OUTCOME_APPLIED,
		.at_ms = at_ms + 10,
		.latency_ms = 10};
	text_copy(d.id, sizeof d.id, id);
	text_copy(row.decision, sizeof row.decision, id);
	history_intent(s->history, &d);
	wait_for(s, HISTORY_COMMITTED);
	history_outcome(s->history, &row);
}

static void put_second(struct site *s, int64_t second)
{
	for (int pool = 0; pool < POOLS; pool++) {
		struct history_sample *one = &s->shapes[(pool + second) % SHAPES];
		name(one->pool_id, sizeof one->pool_id, pool);
		name(one->node_id, sizeof one->node_id, pool);
		one->tick = second;
		one->sample.at.wall_ms = T0 + second * 1000 + 20;
		history_sample(s->history, one);
	}
}

/* Waits until all seconds up to this one are in the file. */
static void catch_up(struct site *s, int64_t second)
{
	sqlite3 *db;
	sqlite3_stmt *newest;
	int64_t there = 0, due = (T0 + second * 1000) / 100;
	if (sqlite3_open(s->path, &db) != SQLITE_OK ||
		sqlite3_prepare_v2(db, "SELECT max(key) >> 28 FROM sample", -1, &newest, NULL) !=
			SQLITE_OK)
		bench_die("SQLite: %s", sqlite3_errmsg(db));
	while (there < due) {
		poll(NULL, 0, 5);
		if (sqlite3_step(newest) == SQLITE_ROW)
			there = sqlite3_column_int64(newest, 0);
		sqlite3_reset(newest);
	}
	sqlite3_finalize(newest);
	sqlite3_close(db);
}

static void make_day(struct site *s)
{
	char keys[WORLD_PATH], id[32];
	struct err err = {0};
	world_path(&s->world, s->path, "day.db");
	world_path(&s->world, keys, "keys");
	const struct history_options how = {.path = s->path,
		.actor = "kim@bench",
		.key_dir = keys,
		.must_be_new = true,
		.keep_ms = INT64_C(10) * 365 * 86400000};
	if (history_start(&s->history, &how, &err))
		bench_die("no history: %s", err.text);
	wait_for(s, HISTORY_OPENED);
	history_recording(s->history, T0, 1000, "bench", "bench", "{}", "{}");
	for (int pool = 0; pool < POOLS; pool++)
		put_document(s, pool, 1000, T0);
	decide(s, "raise-bench", T0 + 500, VERB_STEP, 0, 1000);
	for (int64_t second = 1; second < s->seconds; second++) {
		put_second(s, second);
		for (int pool = 0; pool < POOLS && second % 120 == 0; pool++)
			put_document(s, pool, 1000, T0 + second * 1000); /* as a recorder does */
		if (second % 300 != 0)
			continue;
		snprintf(id, sizeof id, "keep-%lld", (long long)second);
		decide(s, id, T0 + second * 1000, VERB_KEEP, 1000, 1000);
		catch_up(s, second);
	}
	decide(s, "back-bench", T0 + s->seconds * 1000, VERB_ROLLBACK, 1000, 0);
	if (history_dropped(s->history) > 0 || history_stop(s->history, 120000) > 0)
		bench_die("the history lost what it was given");
}

/* ---- the sides ---- */

static double run_bare(void *arg)
{
	struct site *s = arg;
	sqlite3 *db;
	sqlite3_stmt *rows;
	int64_t begin = bench_ns(), sum = 0;
	if (sqlite3_open(s->path, &db) != SQLITE_OK ||
		sqlite3_prepare_v2(db,
			"SELECT * FROM sample WHERE key & 268435455 IN (SELECT id FROM series WHERE pool_id ="
			" 'pool-0')",
			-1, &rows, NULL) != SQLITE_OK)
		bench_die("SQLite: %s", sqlite3_errmsg(db));
	while (sqlite3_step(rows) == SQLITE_ROW)
		sum += sqlite3_column_int64(rows, 3);
	sqlite3_finalize(rows);
	sqlite3_close(db);
	return (double)(bench_ns() - begin) + (sum == 1);
}

/* All samples, of which a report of a large history looks at some. */
static double run_chain(struct site *s)
{
	struct chain_report chain;
	struct err err;
	int64_t begin = bench_ns();
	if (chain_verify(&chain, s->path, NULL, NULL, NULL, &err) < 0 || chain.broken_seq)
		bench_die("the chain is not whole");
	return (double)(bench_ns() - begin);
}

static double run_report(void *arg)
{
	struct site *s = arg;
	struct report r;
	struct err err;
	struct text page = {0};
	const struct report_how how = {.path = s->path};
	int64_t begin = bench_ns();
	if (report_make(&r, &how, &err) < 0)
		bench_die("no report: %s", err.text);
	report_html(&page, &r);
	double took = (double)(bench_ns() - begin);
	text_free(&page);
	report_release(&r);
	return took;
}

int main(void)
{
	struct site *s = mem_new(1, sizeof *s);
	const char *hours = getenv("BENCH_HOURS");
	int64_t given = HOURS;
	if (hours && !unit_parse_int(hours, 1, 24, &given))
		bench_die("BENCH_HOURS is 1 to 24");
	s->seconds = given * 3600;
	s->answer = mem_new(1, sizeof *s->answer);
	s->document = mem_new(1, sizeof *s->document);
	bench_begin("report");
	world_open(&s->world);
	make_shapes(s);
	make_day(s);
	const struct bench_side sides[] = {
		{"bare SQLite reads the pool's rows", run_bare, s},
		{"weir report, HTML", run_report, s},
	};
	bench_race("the review of a migration", sides, sizeof sides / sizeof *sides);
	bench_note("%lld h of %d pools at 1 Hz; weir verify once: %.1f s", (long long)given, POOLS,
		run_chain(s) / 1e9);
	world_close(&s->world);
	free(s->document);
	free(s->answer);
	free(s);
	return 0;
}
