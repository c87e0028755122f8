/* Seeking in a long recording of which all pools are replayed by one clock: from the key to the
 * drawn frame of one of them, anywhere in it, and then the way of its judge; against reading
 * the rows of ten minutes by bare SQLite from the very table. BENCH_HOURS and BENCH_POOLS choose
 * how long the recording is and how many pools lie between each other in it: 24 and 10 is what is
 * promised, and takes minutes to make: BENCH_FILE names where it is kept for the next time. */
#include "history/history.h"
#include "history/replay.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/bench/bench.h"
#include "tests/lib/world.h"
#include "tui/console.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define T0 1795000000000
#define SEEKS 20
#define WINDOW_ROWS 1200 /* ten minutes of both sides */
#define QUEUE 4000       /* samples that are let wait for the writer */
#define STATE_TICKS 60

struct bed {
	struct world world;
	char path[WORLD_PATH];
	struct history *history;
	sqlite3 *db;
	sqlite3_stmt *rows, *last;
	int pools;
	int64_t ticks, recording;
	struct desk *desk;
	struct driver *driver;
	struct console *console;
	struct instant now;
	uint64_t random; /* of the places */
	double q;        /* which quantile a round gives */
};

/* ---- a recording ---- */

struct source {
	struct snapshot *now;
	struct histogram latency[ARM_COUNT];
};

static void begin(struct source *s, int pool)
{
	s->now = mem_new(1, sizeof *s->now);
	*s->now = (struct snapshot){.boot_id = "boot-1",
		.node = "node-a",
		.build = "1.0",
		.seq = 1,
		.strategy = STRATEGY_CANARY,
		.share_bp = 1000,
		.epoch = 1,
		.uptime_ms = 3600000,
		.change = {.known = true, .age_ms = 3600000},
		.unit_ms = 5000,
		.settle_ms = 5000,
		.hold = {.age_ms = UNKNOWN},
		.lease = {.ttl_ms = UNKNOWN},
		.keep = {.left_ms = UNKNOWN},
		.audit_seq = UNKNOWN};
	snprintf(s->now->pool, sizeof s->now->pool, "pool-%d", pool);
	snprintf(s->now->pool_id, sizeof s->now->pool_id, "id-%d", pool);
	snprintf(s->now->node_id, sizeof s->now->node_id, "node-%d", pool);
	for (int arm = 0; arm < ARM_COUNT; arm++)
		s->now->arms[arm].has_latency = s->now->arms[arm].has_session_latency = true;
}

/* What an arm did in a second, in the sample and in its counters. */
static void work(struct source *s, struct history_sample *sample, int arm, int64_t tick)
{
	struct arm_sample *a = &sample->sample.arms[arm];
	struct arm_counts *c = &s->now->arms[arm];
	int64_t n = arm == ARM_V1 ? 540 : 60, bad = tick % 7 == 0;
	struct histogram *h = &s->latency[arm];
	memset(h, 0, sizeof *h);
	for (int i = 0; i < 20; i++)
		histogram_add(h, 1500 + i * i * 20 + (tick * 37 + i * 101) % 900, n / 20);
	*a = (struct arm_sample){.requests = n,
		.ok = n - bad,
		.failed_total = bad,
		.sessions = n / 6,
		.sessions_bad = bad,
		.p50_us = 3300,
		.p95_us = 8000,
		.p99_us = 8900,
		.max_us = 9100,
		.workers = {.total = 8, .ready = 8, .busy = (int)(tick % 8)},
		.memory_bytes = 400000000 + tick};
	a->failed[FAILURE_TIMEOUT] = bad;
	sample->latency[arm] = sample->session_latency[arm] = h;
	c->requests += n;
	c->ok += n - bad;
	c->failed[FAILURE_TIMEOUT] += bad;
	c->sessions += n / 6;
	c->sessions_bad += bad;
	c->workers = a->workers;
	c->memory_bytes = a->memory_bytes;
}

static void one_second(struct bed *b, struct source *s, int64_t tick)
{
	struct history_sample sample = {.tick = tick};
	text_copy(sample.pool_id, sizeof sample.pool_id, s->now->pool_id);
	text_copy(sample.node_id, sizeof sample.node_id, s->now->node_id);
	sample.sample.at.wall_ms = T0 + tick * 1000;
	sample.sample.interval_ms = 1000;
	for (int arm = 0; arm < ARM_COUNT; arm++)
		work(s, &sample, arm, tick);
	s->now->seq++;
	s->now->uptime_ms += 1000;
	s->now->change.age_ms += 1000;
	if (tick % STATE_TICKS == 1)
		history_state(b->history, sample.sample.at.wall_ms, s->now->pool, s->now);
	history_sample(b->history, &sample);
	if (tick % 3600 == 0)
		history_event(b->history, sample.sample.at.wall_ms, s->now->pool, "verdict",
			"errors UNDECIDED", NULL);
}

/* A day is more than the queue takes at once. */
static void wait_for_the_writer(struct bed *b, int64_t tick)
{
	int64_t key = (T0 + (tick - QUEUE / b->pools) * 1000) / 100 << 28;
	for (int64_t last = 0; last < key;) {
		struct pollfd wait = {.fd = history_fd(b->history), .events = POLLIN};
		struct history_answer *a = mem_new(1, sizeof *a);
		if (sqlite3_step(b->last) == SQLITE_ROW)
			last = sqlite3_column_int64(b->last, 0);
		sqlite3_reset(b->last);
		while (history_next(b->history, a))
			history_answer_release(a);
		free(a);
		if (last < key)
			poll(&wait, 1, 50);
	}
}

static void prepare(struct bed *b, const char *sql, sqlite3_stmt **out)
{
	if (sqlite3_prepare_v2(b->db, sql, -1, out, NULL) != SQLITE_OK)
		bench_die("SQLite: %s", sqlite3_errmsg(b->db));
}

static void open_history(struct bed *b)
{
	char keys[WORLD_PATH];
	struct err err = {0};
	world_path(&b->world, keys, "keys");
	const struct history_options how = {
		.path = b->path, .actor = "kim@bench", .key_dir = keys, .must_be_new = true};
	if (history_start(&b->history, &how, &err))
		bench_die("no history: %s", err.text);
	struct history_answer *a = mem_new(1, sizeof *a);
	while (!history_next(b->history, a)) {
		struct pollfd wait = {.fd = history_fd(b->history), .events = POLLIN};
		if (poll(&wait, 1, 10000) <= 0)
			bench_die("the history does not answer");
	}
	history_answer_release(a);
	free(a);
}

static void open_file(struct bed *b)
{
	if (sqlite3_open(b->path, &b->db) != SQLITE_OK)
		bench_die("SQLite cannot open '%s'", b->path);
	prepare(b, "SELECT max(key) FROM sample", &b->last);
	prepare(b, "SELECT * FROM sample WHERE key < ? ORDER BY key DESC LIMIT ?", &b->rows);
}

static void record(struct bed *b)
{
	struct source *pools = mem_new((size_t)b->pools, sizeof *pools);
	open_history(b);
	open_file(b);
	for (int i = 0; i < b->pools; i++) {
		begin(&pools[i], i);
		history_node(b->history, T0, pools[i].now->pool, pools[i].now, "unix:/bench", "unix");
	}
	history_recording(b->history, T0, 1000, "bench", "bench", "{}", "{}");
	for (int64_t tick = 1; tick <= b->ticks; tick++) {
		for (int i = 0; i < b->pools; i++)
			one_second(b, &pools[i], tick);
		if (tick % (QUEUE / b->pools / 2) == 0)
			wait_for_the_writer(b, tick);
	}
	if (history_dropped(b->history) > 0 || history_stop(b->history, 60000) > 0)
		bench_die("the history lost what it was given");
	for (int i = 0; i < b->pools; i++)
		free(pools[i].now);
	free(pools);
}

/* ---- a console over it ---- */

static struct instant moment(void *ctx, struct instant real)
{
	(void)real;
	return replay_now(ctx);
}

static void add_pool(struct bed *b, int index)
{
	struct guard_limits limits;
	struct text target = {0};
	struct err err = {0};
	char name[32];
	guard_limits_init(&limits);
	limits.error_rate = 0.05;
	limits.latency_ms = 1000;
	snprintf(name, sizeof name, "pool-%d", index);
	text_addf(&target, "replay:%s?pool=%s&recording=%lld", b->path, name,
		(long long)b->recording);
	const char *url = text_str(&target);
	struct pool_setup pool = {.name = name,
		.targets = &url,
		.target_count = 1,
		.interval_ms = 1000,
		.plan_hash = "",
		.limits = &limits};
	if (desk_add(b->desk, &pool, NULL, NULL, b->now, &err) < 0)
		bench_die("no replay: %s", err.text);
	struct driver *d = client_driver(desk_client(b->desk), NODE_HANDLE(index, 0));
	if (index > 0)
		replay_share(d, b->driver, b->now);
	else
		b->driver = d;
	text_free(&target);
}

static void sit_down(struct bed *b)
{
	static const struct driver_ops *const schemes[] = {&replay_driver, NULL};
	struct desk_options how = {
		.actor = "kim@bench", .schemes = schemes, .seed = 1, .read_only = true};
	struct err err = {0};
	sqlite3_stmt *s;
	prepare(b, "SELECT max(seq) FROM recording", &s);
	if (sqlite3_step(s) == SQLITE_ROW)
		b->recording = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	b->desk = desk_new(&how, b->now, &err);
	int64_t start = bench_ns();
	for (int i = 0; i < b->pools; i++)
		add_pool(b, i);
	bench_note("opened %d pools in %.0f ms", b->pools, (double)(bench_ns() - start) / 1e6);
	desk_set_clock(b->desk, moment, b->driver);
	struct console_options look = {.desk = b->desk, .replay = b->driver, .w = 200, .h = 50};
	b->console = console_new(&look, b->now);
	console_key(b->console, '1', b->now);
	replay_pause(b->driver, true, b->now);
}

static int64_t place(struct bed *b)
{
	b->random = b->random * 6364136223846793005u + 1442695040888963407u;
	return (int64_t)(b->random >> 33) % (b->ticks - 1200) + 900;
}

/* ---- what is measured ---- */

static double frame(struct bed *b)
{
	int64_t start = bench_ns();
	b->now.boot_ms += 300;
	desk_turn(b->desk, b->now);
	console_refresh(b->console, b->now);
	console_draw(b->console, b->now);
	return (double)(bench_ns() - start);
}

static bool is_shown(const struct bed *b, int pool)
{
	const struct pool *p = &desk_model(b->desk)->pools[pool];
	return !p->is_past && p->standing.reported_bp == 1000;
}

static double run_frames(void *arg)
{
	struct bed *b = arg;
	double took[SEEKS];
	for (int i = 0; i < SEEKS; i++) {
		replay_seek(b->driver, T0 + place(b) * 1000, b->now);
		took[i] = frame(b);
		if (!is_shown(b, 0))
			bench_die("nothing is shown");
	}
	return bench_quantile(took, SEEKS, b->q);
}

/* From the key until all pools are shown, in so many frames. */
static double run_all(void *arg)
{
	struct bed *b = arg;
	double took[SEEKS];
	for (int i = 0; i < SEEKS; i++) {
		int shown = 0, frames = 0;
		took[i] = 0;
		replay_seek(b->driver, T0 + place(b) * 1000, b->now);
		for (; shown < b->pools; frames++) {
			took[i] += frame(b);
			shown = 0;
			for (int k = 0; k < b->pools; k++)
				shown += is_shown(b, k);
			if (frames == b->pools)
				bench_die("nothing is shown");
		}
	}
	return bench_quantile(took, SEEKS, b->q);
}

/* The turns behind a frame, in each of which a slice is told to the judge. */
static double run_slices(void *arg)
{
	struct bed *b = arg;
	double took[SEEKS];
	replay_seek(b->driver, T0 + place(b) * 1000, b->now);
	for (int i = 0; i < b->pools; i++)
		frame(b);
	for (int i = 0; i < SEEKS; i++)
		took[i] = frame(b);
	return bench_quantile(took, SEEKS, b->q);
}

/* The same rows, one behind the other: those of all pools of the time, as they lie. */
static double run_rows(void *arg)
{
	struct bed *b = arg;
	double took[SEEKS];
	for (int i = 0; i < SEEKS; i++) {
		int64_t start = bench_ns();
		sqlite3_bind_int64(b->rows, 1, (T0 + place(b) * 1000) / 100 << 28);
		sqlite3_bind_int64(b->rows, 2, WINDOW_ROWS);
		while (sqlite3_step(b->rows) == SQLITE_ROW)
			;
		sqlite3_reset(b->rows);
		took[i] = (double)(bench_ns() - start);
	}
	return bench_quantile(took, SEEKS, b->q);
}

static int number(const char *name, int fallback)
{
	const char *text = getenv(name);
	int64_t n;
	return text && unit_parse_int(text, 1, 240, &n) ? (int)n : fallback;
}

int main(void)
{
	struct bed b = {.random = 7, .pools = number("BENCH_POOLS", 2), .now = {1000, T0}};
	int hours = number("BENCH_HOURS", 1);
	const char *kept = getenv("BENCH_FILE");
	b.ticks = (int64_t)hours * 3600;
	world_open(&b.world);
	bench_begin("seek");
	if (kept != NULL)
		text_copy(b.path, sizeof b.path, kept);
	else
		world_path(&b.world, b.path, "day.db");
	if (kept != NULL && access(kept, R_OK) == 0)
		open_file(&b);
	else
		record(&b);
	sit_down(&b);
	const struct bench_side sides[] = {{"bare SQLite, 1,200 rows in a row", run_rows, &b},
		{"weir: seek and frame", run_frames, &b},
		{"weir: until all pools are shown, in frames", run_all, &b},
		{"weir: a slice of the judge's way, and frame", run_slices, &b}};
	char what[120];
	for (int i = 0; i < 2; i++) {
		b.q = i ? 0.99 : 0.5;
		snprintf(what, sizeof what,
			"a frame at 200x50 anywhere in %d h of %d pools at 1 Hz: %s", hours, b.pools,
			i ? "p99" : "p50");
		bench_race(what, sides, sizeof sides / sizeof *sides);
	}
	console_free(b.console);
	desk_free(b.desk, 1000);
	sqlite3_finalize(b.rows);
	sqlite3_finalize(b.last);
	sqlite3_close(b.db);
	world_close(&b.world);
	return 0;
}
