/* One poll of a pool, but for the network: the document written by the pool, scanned and read
 * here, believed by the model, queued for the record; beside cJSON parsing the same bytes. */
#include "client/scan.h"
#include "client/wire.h"
#include "history/history.h"
#include "model/mem.h"
#include "model/model.h"
#include "tests/bench/bench.h"
#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <poll.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLLS 200
#define RECORDED 60 /* a round: what waits for the disk stays small */

struct stage {
	struct instant now;
	struct snapshot *pool, *read;
	struct text body;
	struct model model;
	struct model_sample *sample;
	struct history *history;
};

/* ---- a pool under traffic: 1,000 requests/s, latencies around 2 and 20 ms ---- */

static void serve(struct arm_counts *c, int64_t second)
{
	const int64_t n = 500, failed = second % 7 == 0;
	c->requests += n;
	c->ok += n - failed;
	c->failed[FAILURE_TIMEOUT] += failed;
	c->sessions += 40;
	c->cpu_us += 150000;
	c->memory_bytes = 400000000 + second % 60 * 1000;
	c->workers.busy = second % 8;
	for (int64_t i = 0; i < 100; i++) {
		histogram_add(&c->latency, 1500 + i * i + (second * 37 + i * 101) % 900, n / 100);
		if (i < 40)
			histogram_add(&c->session_latency, 1700 + i * i * 5, 1);
	}
	for (int i = 0; i < c->operation_count; i++) {
		c->operations[i].requests += n / c->operation_count;
		c->operations[i].ok += n / c->operation_count;
	}
}

static void pass_second(struct stage *s)
{
	struct snapshot *p = s->pool;
	s->now.boot_ms += 1000;
	s->now.wall_ms += 1000;
	p->seq++;
	p->uptime_ms += 1000;
	p->now_ms += 1000;
	p->change.age_ms += 1000;
	for (int arm = 0; arm < ARM_COUNT; arm++)
		serve(&p->arms[arm], p->seq);
}

static void describe(struct snapshot *p)
{
	static const char *const operations[] = {
		"predict", "search", "order", "price", "stock", "login", "status", "echo"};
	*p = (struct snapshot){.pool_id = "checkout-1",
		.pool = "checkout",
		.node = "node-a",
		.node_id = "node-a",
		.boot_id = "0123456789abcdef0123456789abcdef",
		.build = "2.4.1",
		.now_ms = 1795000000000,
		.epoch = 1795000000000,
		.rev = 12,
		.strategy = STRATEGY_CANARY,
		.share_bp = 5000,
		.unit_ms = 30000,
		.settle_ms = 30000,
		.audit_seq = 12,
		.change = {.known = true, .actor = "kim@ops1"}};
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_counts *c = &p->arms[arm];
		c->has_latency = c->has_session_latency = true;
		c->workers = (struct worker_counts){.total = 8, .ready = 8, .created = 8};
		c->fds = 40;
		c->operation_count = sizeof operations / sizeof operations[0];
		for (int i = 0; i < c->operation_count; i++)
			text_copy(c->operations[i].name, OPERATION_NAME_MAX, operations[i]);
	}
}

/* ---- the parts ---- */

static void write_document(struct stage *s)
{
	text_clear(&s->body);
	wire_write_state(&s->body, s->pool);
}

static void scan(struct stage *s)
{
	struct err err = {0};
	if (scan_document(s->body.data, s->body.len, &err))
		bench_die("scan: %s", err.text);
}

static void read_document(struct stage *s)
{
	struct err err = {0};
	if (wire_read_state(s->read, s->body.data, s->body.len, &err))
		bench_die("read: %s", err.text);
}

static void apply(struct stage *s)
{
	model_apply(&s->model,
		&(struct model_event){.kind = MODEL_SNAPSHOT,
			.at = s->now,
			.node = NODE_HANDLE(0, 0),
			.snapshot = s->read},
		s->sample);
}

/* As a desk that records does. */
static void record(struct stage *s)
{
	const struct model_sample *m = s->sample;
	struct history_sample row = {.sample = m->sample, .tick = m->tick};
	history_state(s->history, s->now.wall_ms, "checkout", s->read);
	/* Seconds pass quicker here than the disk writes: what waits must not look ten minutes old. */
	row.sample.at.boot_ms = 0;
	text_copy(row.pool_id, sizeof row.pool_id, s->read->pool_id);
	text_copy(row.node_id, sizeof row.node_id, s->read->node_id);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		row.latency[arm] = m->has_latency[arm] ? &m->latency[arm] : NULL;
		row.session_latency[arm] =
			m->has_session_latency[arm] ? &m->session_latency[arm] : NULL;
	}
	history_sample(s->history, &row);
}

/* ---- the sides ---- */

static double run_cjson(void *arg)
{
	struct stage *s = arg;
	int64_t start = bench_ns();
	for (int i = 0; i < POLLS; i++) {
		cJSON *json = cJSON_ParseWithLength(s->body.data, s->body.len);
		if (!json)
			bench_die("cJSON cannot parse the document");
		cJSON_Delete(json);
	}
	return (double)(bench_ns() - start) / POLLS;
}

static double run_part(struct stage *s, void (*part)(struct stage *s))
{
	int64_t start = bench_ns();
	for (int i = 0; i < POLLS; i++)
		part(s);
	return (double)(bench_ns() - start) / POLLS;
}

static double run_write(void *arg)
{
	return run_part(arg, write_document);
}

static double run_scan(void *arg)
{
	return run_part(arg, scan);
}

static double run_read(void *arg)
{
	return run_part(arg, read_document);
}

/* These change what comes next: every poll is of a new second, made outside of the time. */
static double run_seconds(
	struct stage *s, int polls, void (*before)(struct stage *s), void (*part)(struct stage *s))
{
	int64_t took = 0;
	for (int i = 0; i < polls; i++) {
		pass_second(s);
		before(s);
		int64_t start = bench_ns();
		part(s);
		took += bench_ns() - start;
	}
	return (double)took / polls;
}

static void receive(struct stage *s)
{
	write_document(s);
	read_document(s);
}

static void believe(struct stage *s)
{
	receive(s);
	apply(s);
}

static void nothing(struct stage *s)
{
	(void)s;
}

static void take_poll(struct stage *s)
{
	read_document(s);
	apply(s);
	record(s);
}

static void poll_once(struct stage *s)
{
	write_document(s);
	take_poll(s);
}

static double run_apply(void *arg)
{
	return run_seconds(arg, POLLS, receive, apply);
}

static double run_record(void *arg)
{
	return run_seconds(arg, RECORDED, believe, record);
}

static double run_take(void *arg)
{
	return run_seconds(arg, RECORDED, write_document, take_poll);
}

static double run_poll(void *arg)
{
	return run_seconds(arg, RECORDED, nothing, poll_once);
}

/* ---- set-up ---- */

static void open_history(struct stage *s, struct world *w)
{
	char keys[WORLD_PATH];
	struct err err = {0};
	world_path(w, keys, "keys");
	const struct history_options how = {
		.path = w->history, .actor = "kim@bench", .key_dir = keys, .must_be_new = true};
	if (history_start(&s->history, &how, &err))
		bench_die("no history: %s", err.text);
	struct history_answer *a = mem_new(1, sizeof *a);
	while (!history_next(s->history, a)) {
		struct pollfd wait = {.fd = history_fd(s->history), .events = POLLIN};
		poll(&wait, 1, 10000);
	}
	if (a->kind != HISTORY_OPENED)
		bench_die("no history: %s", a->err.text);
	history_answer_release(a);
	free(a);
	history_recording(s->history, s->now.wall_ms, 1000, "bench", "bench", "{}", "{}");
	history_node(s->history, s->now.wall_ms, "checkout", s->pool, "unix:/bench", "unix");
}

static void open_stage(struct stage *s, struct world *w)
{
	static const char *const targets[] = {"unix:/bench"};
	struct plan plan;
	const struct guard_limits limits = {0};
	*s = (struct stage){.now = {5000000, 1795000000000},
		.pool = mem_new(1, sizeof *s->pool),
		.read = mem_new(1, sizeof *s->read),
		.sample = mem_new(1, sizeof *s->sample)};
	describe(s->pool);
	plan_init(&plan);
	plan.steps[plan.step_count++] = (struct plan_step){.share_bp = 5000};
	plan.steps[plan.step_count++] = (struct plan_step){.share_bp = SHARE_FULL};
	model_init(&s->model, "kim@bench", false);
	model_add(&s->model,
		&(struct pool_setup){.name = "checkout",
			.env = "bench",
			.targets = targets,
			.target_count = 1,
			.interval_ms = 1000,
			.plan = &plan,
			.plan_hash = "",
			.limits = &limits});
	open_history(s, w);
	for (int i = 0; i < 600; i++) {
		pass_second(s);
		believe(s);
	}
	if (!s->sample->valid)
		bench_die("the model has made no sample of the document");
}

static void close_stage(struct stage *s)
{
	int64_t dropped = history_dropped(s->history);
	int64_t lost = history_stop(s->history, 10000);
	bench_note(
		"of what was queued %lld were dropped, %lld lost", (long long)dropped, (long long)lost);
	model_release(&s->model);
	text_free(&s->body);
	free(s->sample);
	free(s->pool);
	free(s->read);
}

/* ---- a site of 1,000 pools: nothing is in a cache any more, and memory adds up ---- */

#define POOLS 1000
#define SITE_SECONDS 20
#define SITE_WARM 5 /* of them not counted */
#define SITE_TICKS 20

static int64_t resident_bytes(void)
{
	int64_t pages = 0, ignored = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%" SCNd64 " %" SCNd64, &ignored, &pages) != 2)
		bench_die("/proc/self/statm cannot be read");
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static void add_pools(struct model *m)
{
	static const char *const targets[] = {"unix:/bench"};
	const struct guard_limits limits = {0};
	char name[POOL_NAME_MAX];
	struct plan plan;
	plan_init(&plan);
	plan.steps[plan.step_count++] = (struct plan_step){.share_bp = 5000};
	plan.steps[plan.step_count++] = (struct plan_step){.share_bp = SHARE_FULL};
	for (int i = 0; i < POOLS; i++) {
		snprintf(name, sizeof name, "pool-%d", i);
		model_add(m,
			&(struct pool_setup){.name = name,
				.env = "bench",
				.targets = targets,
				.target_count = 1,
				.interval_ms = 1000,
				.plan = &plan,
				.plan_hash = "",
				.limits = &limits});
	}
}

static void measure_site(struct stage *s)
{
	const int64_t before = resident_bytes();
	struct model m;
	int64_t took = 0;
	model_init(&m, "kim@bench", false);
	add_pools(&m);
	for (int second = 0; second < SITE_SECONDS; second++) {
		pass_second(s);
		for (int i = 0; i < POOLS; i++) {
			snprintf(s->pool->pool_id, sizeof s->pool->pool_id, "pool-%d", i);
			const int64_t start = bench_cpu_ns();
			model_apply(&m,
				&(struct model_event){.kind = MODEL_SNAPSHOT,
					.at = s->now,
					.node = NODE_HANDLE(i, 0),
					.snapshot = s->pool},
				s->sample);
			took += second >= SITE_WARM ? bench_cpu_ns() - start : 0;
		}
	}
	const int64_t start = bench_cpu_ns();
	for (int i = 0; i < SITE_TICKS; i++) {
		s->now.boot_ms += 250;
		model_apply(&m, &(struct model_event){.kind = MODEL_TICK, .at = s->now}, NULL);
	}
	const double tick_ms = (double)(bench_cpu_ns() - start) / SITE_TICKS / 1e6;
	const double mb = (double)(resident_bytes() - before) / (1 << 20);
	bench_note("1,000 pools: %.0f us a document in the model, %.1f ms a tick of all, %.0f MB of memory "
			   "after %d s",
		(double)took / ((SITE_SECONDS - SITE_WARM) * POOLS) / 1000, tick_ms, mb, SITE_SECONDS);
	model_release(&m);
}

int main(void)
{
	struct world w;
	struct stage s;
	bench_begin("poll");
	world_open(&w);
	open_stage(&s, &w);
	bench_note("the document after 10 minutes at 1,000 requests/s on both sides: %zu bytes",
		s.body.len);
	const struct bench_side sides[] = {{"cJSON_Parse + cJSON_Delete", run_cjson, &s},
		{"the pool writes it", run_write, &s}, {"scan alone", run_scan, &s},
		{"scan, parse, read into a snapshot", run_read, &s},
		{"the model takes it in", run_apply, &s}, {"queued for the record", run_record, &s},
		{"these three", run_take, &s}, {"and written by the pool", run_poll, &s}};
	bench_race("one poll of one node", sides, sizeof sides / sizeof sides[0]);
	measure_site(&s);
	close_stage(&s);
	world_close(&w);
	return 0;
}
