/* Prometheus as it is, between `weir serve` and a desk: what it says of the pool, what a desk makes
 * of it, and what happens when the pool or Prometheus is gone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/drivers.h"
#include "client/prometheus.h"
#include "client/prometheus_target.h"
#include "model/mem.h"
#include "tests/lib/fake.h"
#include "tests/lib/prometheus.h"
#include "tests/lib/world.h"
#include "tui/desk.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_MS 15000
#define SOURCE NODE_HANDLE(0, PROMETHEUS_NODE)

struct fixture {
	struct world w;
	struct prometheus prometheus;
	char target[2048];
	/* what the source said last */
	int events;
	enum driver_event_kind kind;
	struct err err;
	struct arm_counts arms[ARM_COUNT];
	struct client *client;
};

static struct instant now(void)
{
	struct timespec boot, wall;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct instant){boot.tv_sec * 1000 + boot.tv_nsec / 1000000,
		wall.tv_sec * 1000 + wall.tv_nsec / 1000000};
}

/* A pool with traffic, 30 % of it on v2, some of which fails and no breaker opens;
 * Prometheus beside it. */
static int set_up(void **state)
{
	static struct fixture f;
	char load[WORLD_PATH];
	memset(&f, 0, sizeof f);
	*state = &f;
	if (!prometheus_is_here())
		return 0;
	world_open(&f.w);
	world_path(&f.w, load, "load.yaml");
	world_write(load,
		"rate: 200\noperations: [{name: sleep, work: 2ms}]\n"
		"phases: [{at: 0s, arm: v2, error_rate: 10%}]\n");
	world_pool(
		&f.w, true, ARGS("--scenario", load, "--share", "30%", "--breaker-failures", "1000"));
	prometheus_start(&f.prometheus, f.w.dir, f.w.port);
	struct prometheus_target t = {.interval_ms = 1000};
	text_copy(t.url, sizeof t.url, f.prometheus.url);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		static const char *const names[] = {"weir_requests_total", "weir_requests_failed_total",
			"weir_request_duration_seconds_bucket"};
		for (int m = 0; m < PROMETHEUS_METRICS; m++)
			snprintf(t.selector[arm][m], PROMETHEUS_SELECTOR_MAX, "%s{arm=\"%s\"}", names[m],
				arm_name((enum arm)arm));
	}
	struct text text = {0};
	prometheus_target_write(&text, &t);
	text_copy(f.target, sizeof f.target, text_str(&text));
	text_free(&text);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	if (!f->w.dir[0])
		return 0;
	client_free(f->client);
	prometheus_stop(&f->prometheus);
	world_close(&f->w);
	return 0;
}

static struct fixture *begin(void **state)
{
	struct fixture *f = *state;
	if (!f->w.dir[0])
		skip();
	return f;
}

/* ---- the source alone ---- */

static void hear(void *ctx, const struct driver_event *e)
{
	struct fixture *f = ctx;
	f->events++;
	f->kind = e->kind;
	f->err = e->err ? *e->err : (struct err){0};
	if (e->snapshot)
		memcpy(f->arms, e->snapshot->arms, sizeof f->arms);
}

static void open_source(struct fixture *f)
{
	static const struct driver_ops *const schemes[] = {&driver_prometheus, NULL};
	struct err err = {0};
	f->client = client_new(schemes, (struct driver_sink){hear, f}, 1);
	const struct driver_open how = {.node = SOURCE, .target = f->target, .now = now()};
	if (client_open(f->client, &how, 1000, &err) < 0)
		fail_msg("%s", err.text);
}

/* Turns until the fact holds. After trouble a source is asked less and less often; here it is asked
 * at once. */
#define UNTIL(f, fact) \
	do { \
		int64_t end_ms_ = process_clock_ms() + WAIT_MS, asked_ms_ = process_clock_ms(); \
		while (!(fact)) { \
			if (process_clock_ms() > end_ms_) \
				fail_msg("not within %d ms: %s (%s)", WAIT_MS, #fact, (f)->err.text); \
			if ((f)->kind == DRIVER_TROUBLE && process_clock_ms() - asked_ms_ > 250) { \
				client_poll_now((f)->client, SOURCE, now()); \
				asked_ms_ = process_clock_ms(); \
			} \
			client_wait((f)->client, NULL, 0, 100, now()); \
			client_turn((f)->client, now()); \
		} \
	} while (0)

static int64_t pool_counts(struct fixture *f, const char *arm, const char *what)
{
	char path[64];
	struct cJSON *json = world_state(&f->w);
	snprintf(path, sizeof path, "arms.%s.%s", arm, what);
	int64_t n = world_number(json, path);
	cJSON_Delete(json);
	return n;
}

static void what_it_counts_is_what_the_pool_counts(void **state)
{
	struct fixture *f = begin(state);
	open_source(f);
	/* before the first scrape there is nothing, which is said */
	UNTIL(f, f->events > 0 && f->kind == DRIVER_SNAPSHOT);
	int64_t before = pool_counts(f, "v2", "requests");
	UNTIL(f, f->arms[ARM_V2].requests > 150);
	const struct arm_counts *v2 = &f->arms[ARM_V2];
	/* it began to count a scrape or two before `before` was asked */
	assert_in_range(v2->requests, 100, pool_counts(f, "v2", "requests") - before + 200);
	assert_in_range(v2->failed[FAILURE_OPERATION], v2->requests / 40, v2->requests / 3);
	assert_int_equal(f->arms[ARM_V1].failed[FAILURE_OPERATION], 0);
	assert_true(v2->has_latency && f->arms[ARM_V1].has_latency);
	int64_t timed = histogram_total(&v2->latency);
	assert_in_range(timed, v2->requests * 8 / 10, v2->requests * 12 / 10);
	/* the work takes 2 ms */
	assert_in_range(histogram_quantile_us(&v2->latency, 0.5), 1000, 20000);

	/* The pool hangs: its last sample looks fresh to a query of an instant for five minutes. */
	process_signal(&f->w.pool, SIGSTOP);
	UNTIL(f, f->kind == DRIVER_TROUBLE);
	assert_int_equal(f->err.code, ERR_STALE);
	assert_non_null(strstr(f->err.text, f->prometheus.url));
	process_signal(&f->w.pool, SIGCONT);
	int64_t was = f->arms[ARM_V2].requests;
	UNTIL(f, f->kind == DRIVER_SNAPSHOT);
	assert_true(f->arms[ARM_V2].requests >= was);
}

/* ---- at a desk ---- */

static const struct node *node_of(const struct desk *d)
{
	return &desk_model(d)->pools[0].nodes[0];
}

#define DESK_UNTIL(d, fact) \
	do { \
		int64_t end_ms_ = process_clock_ms() + WAIT_MS; \
		while (!(fact)) { \
			if (process_clock_ms() > end_ms_) \
				fail_msg( \
					"not within %d ms: %s (%s)", WAIT_MS, #fact, node_of(d)->trouble.text); \
			desk_wait((d), NULL, 0, 100, now()); \
			desk_turn((d), now()); \
		} \
	} while (0)

static void a_desk_says_that_prometheus_is_gone(void **state)
{
	struct fixture *f = begin(state);
	static const struct driver_ops *const schemes[] = {&driver_unix, &driver_prometheus, NULL};
	const struct desk_options how = {
		.actor = "kim@ops1", .schemes = schemes, .read_only = true};
	struct guard_limits none;
	struct err err = {0};
	const char *target = f->w.target;
	guard_limits_init(&none);
	const struct pool_setup pool = {.name = "checkout",
		.targets = &target,
		.target_count = 1,
		.interval_ms = 250,
		.limits = &none};
	struct desk *d = desk_new(&how, now(), &err);
	assert_non_null(d);
	assert_int_equal(desk_add(d, &pool, NULL, NULL, now(), &err), 0);
	assert_int_equal(desk_add_source(d, 0, f->target, NULL, 1000, now(), &err), 0);
	DESK_UNTIL(d, node_of(d)->last && node_of(d)->trouble.code == ERR_NONE);
	prometheus_stop(&f->prometheus);
	DESK_UNTIL(d, node_of(d)->trouble.code == ERR_UNREACHABLE);
	assert_non_null(strstr(node_of(d)->trouble.text, f->prometheus.url));
	/* the pool itself is well, and goes on to be */
	DESK_UNTIL(d, node_of(d)->last_tick > 4);
	assert_int_equal(desk_model(d)->pools[0].standing.freshness, FRESHNESS_LIVE);
	assert_int_equal(node_of(d)->trouble.code, ERR_UNREACHABLE);
	desk_free(d, 0);
}

/* ---- for a script ---- */

static void a_pool_is_well_without_its_prometheus(void **state)
{
	(void)state;
	struct world w;
	struct process p = {0};
	world_open(&w);
	world_pool(&w, false, ARGS("--share", "10%"));
	world_config(&w, w.target,
		"    interval: 250ms\n"
		"    metrics: {prometheus: 'http://127.0.0.1:1', v1: {requests: m}}\n");
	assert_int_equal(world_run(&w, &p, NULL, ARGS("status", "--config", w.config)), 0);
	assert_non_null(strstr(p.out.text, "http://127.0.0.1:1"));
	process_release(&p);
	/* the pool is gone too: that is the node's own */
	process_signal(&w.pool, SIGKILL);
	process_wait(&w.pool, WAIT_MS);
	assert_int_equal(world_run(&w, &p, NULL, ARGS("status", "--config", w.config)), 1);
	process_release(&p);
	world_close(&w);
}

/* ---- at a desk on a virtual clock ---- */

/* A source that sees what the fake pool does, and failures that it does not tell of. */
struct driver {
	uint64_t node;
	struct driver_sink sink;
	struct snapshot *document;
};

static struct {
	struct fake *pool;
	double failing; /* of v2's requests, as the source sees it */
	bool timed;     /* the source has latencies */
} seen;

static int open_seen(struct driver **out, const struct driver_open *how, struct err *err)
{
	(void)err;
	*out = mem_new(1, sizeof **out);
	**out = (struct driver){how->node, how->sink, mem_new(1, sizeof(struct snapshot))};
	return 0;
}

static void poll_seen(struct driver *d, struct instant at)
{
	struct snapshot *s = d->document;
	memcpy(s->arms, seen.pool->counts->arms, sizeof s->arms);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_counts *a = &s->arms[arm];
		memset(a->failed, 0, sizeof a->failed);
		if (arm == ARM_V2)
			a->failed[FAILURE_OPERATION] = (int64_t)((double)a->requests * seen.failing);
		a->ok = a->requests - a->failed[FAILURE_OPERATION];
		a->has_latency = seen.timed;
	}
	d->sink.event(d->sink.ctx,
		&(struct driver_event){
			.kind = DRIVER_SNAPSHOT, .node = d->node, .at = at, .snapshot = s});
}

static void close_seen(struct driver *d)
{
	free(d->document);
	free(d);
}

static const struct driver_ops driver_seen = {
	.scheme = "seen", .help = "", .open = open_seen, .poll = poll_seen, .close = close_seen};

struct bed {
	struct desk *desk;
	struct instant at;
};

/* A desk over a fake pool at 10 %, which has a limit and no guard of its own. */
static void begin_bed(struct bed *b)
{
	static const struct driver_ops *const schemes[] = {&fake_driver, &driver_seen, NULL};
	static const char *const target[] = {"fake:a"};
	const struct desk_options how = {
		.actor = "kim@ops1", .schemes = schemes, .read_only = true};
	struct guard_limits limits;
	struct err err = {0};
	b->at = (struct instant){.boot_ms = 1000000, .wall_ms = 1763733600000};
	memset(&seen, 0, sizeof seen);
	seen.pool = fake_new("a", 7, b->at);
	seen.pool->guards = false;
	seen.pool->error_rate[ARM_V1] = seen.pool->error_rate[ARM_V2] = 0;
	assert_int_equal(fake_act(seen.pool, "kim@ops1", "k1", VERB_STEP, 1000, "begin"), 200);
	guard_limits_init(&limits);
	limits.error_rate = 0.05;
	limits.latency_ms = 1000;
	const struct pool_setup pool = {.name = "checkout",
		.targets = target,
		.target_count = 1,
		.interval_ms = 1000,
		.limits = &limits};
	b->desk = desk_new(&how, b->at, &err);
	assert_int_equal(desk_add(b->desk, &pool, NULL, NULL, b->at, &err), 0);
	assert_int_equal(desk_add_source(b->desk, 0, "seen:", NULL, 1000, b->at, &err), 0);
}

static void end_bed(struct bed *b)
{
	desk_free(b->desk, 0);
	fake_free(seen.pool);
}

static void run(struct bed *b, int64_t ms)
{
	for (int64_t end_ms = b->at.boot_ms + ms; b->at.boot_ms < end_ms;) {
		b->at.boot_ms += 250;
		b->at.wall_ms += 250;
		desk_turn(b->desk, b->at);
	}
}

static const struct standing *standing_of(const struct bed *b)
{
	return &desk_model(b->desk)->pools[0].standing;
}

static void latencies_of_a_pool_that_has_none(void **state)
{
	(void)state;
	struct bed b;
	begin_bed(&b);
	seen.pool->no_quantiles = true;
	run(&b, 70000);
	assert_true(standing_of(&b)->arms[ARM_V2].p99_us == UNKNOWN);
	seen.timed = true;
	run(&b, 70000);
	assert_in_range(standing_of(&b)->arms[ARM_V2].p99_us, 10000, 200000);
	assert_int_equal(node_of(b.desk)->trouble.code, ERR_NONE);
	/* and none again: not a moment longer than the window */
	seen.timed = false;
	run(&b, 70000);
	assert_true(standing_of(&b)->arms[ARM_V2].p99_us == UNKNOWN);
	end_bed(&b);
}

static void row_80_a_pool_that_lies_is_contradicted(void **state)
{
	/* the pool is all green, and 40 % of v2's requests fail for whoever looks from outside */
	(void)state;
	struct bed b;
	begin_bed(&b);
	run(&b, 70000);
	assert_int_equal(node_of(b.desk)->trouble.code, ERR_NONE);
	assert_int_equal(standing_of(&b)->guard.state, GUARD_GREEN);
	seen.failing = 0.4;
	run(&b, 20000);
	assert_int_equal(node_of(b.desk)->trouble.code, ERR_CONTRADICTED);
	assert_int_equal(standing_of(&b)->guard.state, GUARD_UNKNOWN);
	assert_int_equal(standing_of(&b)->judged, GUARD_UNKNOWN);
	assert_int_equal(standing_of(&b)->verdict.word, VERDICT_UNTRUSTWORTHY);
	assert_non_null(strstr(node_of(b.desk)->trouble.text,
		"two sources contradict each other: errors of v2 are 0 % by \"checkout\" and "));
	/* the pool comes clean: both agree again, and after a window it is believed */
	seen.failing = 0;
	run(&b, 30000);
	assert_int_equal(standing_of(&b)->guard.state, GUARD_UNKNOWN);
	run(&b, 120000);
	assert_int_equal(node_of(b.desk)->trouble.code, ERR_NONE);
	assert_int_equal(standing_of(&b)->guard.state, GUARD_GREEN);
	end_bed(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(latencies_of_a_pool_that_has_none),
		cmocka_unit_test(row_80_a_pool_that_lies_is_contradicted),
		cmocka_unit_test(a_pool_is_well_without_its_prometheus),
		cmocka_unit_test_setup_teardown(
			what_it_counts_is_what_the_pool_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_desk_says_that_prometheus_is_gone, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
