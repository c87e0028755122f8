/* Engine: the embedded pool put together: router, two arms of workers, sessions, control,
 * store, load, and the thread that lets the guard look and time act. Not itself any of them:
 * each has its file and its own lock.
 *
 * Invariants:
 * 1. No lock is held while work runs. Order where two are taken: control, then sessions or an
 *    arm's; never sessions and an arm's together.
 * 2. A request is in `inside` from before `draining` is asked until nothing of the engine is
 *    touched any more, so that 0 while draining means nobody is in it. */
#include "client/engine/engine.h"

#include "client/engine/load.h"
#include "client/engine/router.h"
#include "client/engine/sentry.h"
#include "client/engine/session.h"
#include "client/engine/store.h"
#include "client/engine/task.h"
#include "client/engine/threads.h"
#include "client/engine/worker.h"
#include "model/mem.h"
#include "model/text.h"
#include "model/verb.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUILD "weir-engine-1"
#define TIMEOUT_MAX_MS 60000
#define STOP_WAIT_MS 2000
#define WATCH_US 1000000

_Static_assert(OPERATION_COUNT <= ROUTER_OPERATIONS, "the router tells them apart by a bit");

struct engine {
	char pool[POOL_NAME_MAX], pool_id[POOL_ID_MAX], node[POOL_NAME_MAX], boot_id[POOL_ID_MAX];
	struct instant started;
	bool has_v2;
	int64_t unit_ms, timeout_ms;
	_Atomic int64_t timeout_seen_ms; /* the longest that a request asked for */

	struct gate gate;
	struct router router;
	struct workers *arms[ARM_COUNT];
	struct load *load;
	atomic_long inside;
	atomic_bool draining;

	pthread_mutex_t sessions_lock;
	struct sessions *sessions;

	pthread_mutex_t control_lock; /* also of store, seq and sentry */
	struct control *control;
	struct store *store;
	int64_t seq;
	struct operation_set known;
	struct sentry sentry;
	struct arm_counts seen[ARM_COUNT]; /* for the sentry */
	pthread_t watch;
	bool has_watch;
};

/* ---- start and stop ---- */

static void name_engine(struct engine *e, const struct engine_options *how)
{
	text_copy(e->pool, sizeof e->pool, how->pool ? how->pool : "local");
	text_copy(e->pool_id, sizeof e->pool_id, how->pool_id ? how->pool_id : "local");
	text_copy(e->node, sizeof e->node, how->node ? how->node : "local");
	uint64_t random[2];
	threads_random(random, sizeof random);
	snprintf(e->boot_id, sizeof e->boot_id, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
}

static int check(const struct engine_options *how, struct err *err)
{
	if (how->v1_workers < 0 || how->v1_workers > WORKERS_MAX || how->v2_workers < 0 ||
		how->v2_workers > WORKERS_MAX)
		return err_set(err, ERR_CONFIG, "workers are 1 to %d, not %d and %d", WORKERS_MAX,
			how->v1_workers, how->v2_workers);
	if (how->share_bp < 0 || how->share_bp > SHARE_FULL)
		return err_set(err, ERR_CONFIG, "the share %d is not 0 to %d basis points",
			how->share_bp, SHARE_FULL);
	if (how->queue_max < 0 || how->unit_ms < 0 || how->timeout_ms < 0 ||
		how->timeout_ms > TIMEOUT_MAX_MS)
		return err_set(err, ERR_CONFIG,
			"queue, unit and timeout are 0 or more, a timeout at most %d ms", TIMEOUT_MAX_MS);
	for (int i = 0; how->scenario && i < how->scenario->operation_count; i++) {
		const char *name = how->scenario->operations[i].name;
		if (operation_of(name) == OPERATION_COUNT)
			return err_set(err, ERR_CONFIG,
				"the scenario's operation \"%s\" is not known; use echo, "
				"spin, sleep, fail or predict",
				name);
	}
	return 0;
}

static int start_arms(struct engine *e, const struct engine_options *how, struct err *err)
{
	struct workers_options o = {
		.serialized = true,
		.count = how->v1_workers ? how->v1_workers : 1,
		.queue_max = how->queue_max ? how->queue_max : 1024,
		.pace = how->scenario ? how->scenario->v1_slow_factor : 1,
		.seed = how->scenario ? how->scenario->seed : 1,
		.gate = &e->gate,
	};
	if (workers_new(&e->arms[ARM_V1], &o, err))
		return -1;
	o.serialized = false;
	o.count = how->no_v2 ? 0 : how->v2_workers ? how->v2_workers : 8;
	o.pace = 1;
	o.seed++;
	return workers_new(&e->arms[ARM_V2], &o, err);
}

static int start_control(struct engine *e, const struct engine_options *how, struct err *err)
{
	const struct store_options keeps = {.now_wall_ms = e->started.wall_ms};
	if (how->state_dir && store_open(&e->store, how->state_dir, &keeps, err))
		return -1;
	e->known.limited = true;
	for (int i = 0; i < OPERATION_COUNT; i++)
		text_copy(e->known.name[e->known.count++], OPERATION_NAME_MAX,
			operation_name((enum operation)i));
	struct control_options o = {.strategy = how->strategy,
		.share_bp = how->share_bp,
		.has_v2 = e->has_v2,
		.known = &e->known};
	e->control = control_new(&o, e->store, e->started, err);
	return e->control ? 0 : -1;
}

/* The operations that v2 may get, as bits. */
static unsigned allowed(const struct operation_set *s)
{
	unsigned bits = 0;
	for (int i = 0; i < s->count; i++)
		bits |= 1u << operation_of(s->name[i]);
	return s->limited ? bits : ROUTER_ALL;
}

/* Puts what control decided in force and counts what there was until then. Under the control
 * lock, or before any thread. */
static void put_in_force(struct engine *e, struct control_counts *until)
{
	enum strategy strategy;
	int share_bp;
	control_split(e->control, &strategy, &share_bp);
	pthread_mutex_lock(&e->sessions_lock);
	for (int i = 0; i < ARM_COUNT; i++)
		sessions_totals(e->sessions, (enum arm)i, true, threads_us() / 1000,
			&until->arms[i].sessions, &until->arms[i].sessions_bad);
	uint32_t generation =
		router_set(&e->router, strategy, share_bp, allowed(control_operations(e->control)));
	sessions_turn(e->sessions, generation, threads_us() / 1000);
	pthread_mutex_unlock(&e->sessions_lock);
	for (int i = 0; i < ARM_COUNT; i++)
		workers_totals(e->arms[i], &until->arms[i]);
}

static void *watch(void *arg)
{
	struct engine *e = arg;
	while (!gate_wait(&e->gate, threads_us() + WATCH_US))
		engine_watch(e);
	return NULL;
}

int engine_start(struct engine **out, const struct engine_options *how, struct err *err)
{
	if (check(how, err))
		return -1;
	struct engine *e = mem_new(1, sizeof *e);
	name_engine(e, how);
	e->started = engine_now();
	e->has_v2 = !how->no_v2;
	int64_t scenario_ms = how->scenario ? how->scenario->unit_ms : 0;
	e->unit_ms = how->unit_ms ? how->unit_ms : scenario_ms > 0 ? scenario_ms : 30000;
	e->timeout_ms = how->timeout_ms ? how->timeout_ms : 5000;
	e->timeout_seen_ms = e->timeout_ms;
	gate_init(&e->gate);
	pthread_mutex_init(&e->sessions_lock, NULL);
	pthread_mutex_init(&e->control_lock, NULL);
	e->sessions = sessions_new(e->unit_ms);

	if (start_control(e, how, err) || start_arms(e, how, err)) {
		engine_stop(e);
		return -1;
	}
	struct control_counts none;
	put_in_force(e, &none);
	if (threads_start(&e->watch, watch, e, err)) {
		engine_stop(e);
		return -1;
	}
	e->has_watch = true;
	int workers =
		(how->v1_workers ? how->v1_workers : 1) + (how->v2_workers ? how->v2_workers : 8);
	int callers = workers < 16 ? workers + 16 : 32;
	if (how->scenario && load_start(&e->load, e, how->scenario, callers, err)) {
		engine_stop(e);
		return -1;
	}
	*out = e;
	return 0;
}

bool engine_drain(struct engine *e, int64_t wait_ms)
{
	atomic_store(&e->draining, true);
	int64_t until_us = threads_us() + wait_ms * 1000;
	/* Asked again and again rather than told: leaving must touch nothing after the count. */
	while (atomic_load(&e->inside) > 0) {
		if (threads_us() >= until_us)
			return false;
		threads_pause(1000);
	}
	return true;
}

void engine_stop(struct engine *e)
{
	if (!e)
		return;
	load_end(e->load);
	engine_drain(e, STOP_WAIT_MS);
	gate_close(&e->gate);
	load_stop(e->load);
	while (!engine_drain(e, STOP_WAIT_MS))
		;
	if (e->has_watch)
		pthread_join(e->watch, NULL);
	for (int i = 0; i < ARM_COUNT; i++)
		workers_free(e->arms[i]);
	sentry_release(&e->sentry);
	control_free(e->control);
	store_close(e->store);
	sessions_free(e->sessions);
	pthread_mutex_destroy(&e->control_lock);
	pthread_mutex_destroy(&e->sessions_lock);
	gate_release(&e->gate);
	free(e);
}

const char *engine_note(const struct engine *e)
{
	return e->store ? store_note(e->store) : "";
}

/* ---- work ---- */

static void refuse(struct engine_response *r, enum engine_status status, enum failure why)
{
	r->status = status;
	r->ok = false;
	r->arm = ARM_V1;
	r->failure = why;
	r->latency_us = 0;
	r->result[0] = '\0';
}

static bool is_good(const struct engine_request *q, enum operation o, struct engine_response *r)
{
	if (o == OPERATION_COUNT)
		snprintf(
			r->message, sizeof r->message, "the operation \"%s\" is not known", q->operation);
	else if (q->work_us != UNKNOWN && (q->work_us < 0 || q->work_us > TASK_WORK_MAX_US))
		snprintf(r->message, sizeof r->message, "the work %" PRId64 " is not 0 to %d us",
			q->work_us, TASK_WORK_MAX_US);
	else if (q->timeout_ms < 0 || q->timeout_ms > TIMEOUT_MAX_MS)
		snprintf(r->message, sizeof r->message, "the timeout %" PRId64 " is not 0 to %d ms",
			q->timeout_ms, TIMEOUT_MAX_MS);
	else
		return true;
	text_clean_in(r->message, sizeof r->message);
	refuse(r, ENGINE_BAD, FAILURE_OPERATION);
	return false;
}

static void note_session(struct engine *e, const struct engine_request *q,
	const struct route *route, bool failed, int64_t latency_us, int64_t end_us)
{
	if (!q->session[0])
		return;
	pthread_mutex_lock(&e->sessions_lock);
	sessions_note(e->sessions, route->generation, q->session, route->arm, failed, latency_us,
		end_us / 1000);
	pthread_mutex_unlock(&e->sessions_lock);
}

/* Runs idempotent work that failed once on the other arm; true when that rescued it. */
static bool rescue(struct engine *e, struct task *t, const struct route *route)
{
	enum arm other = route->arm == ARM_V1 ? ARM_V2 : ARM_V1;
	struct engine_response *r = t->response;
	if ((other == ARM_V2 && !e->has_v2) || threads_us() >= t->deadline_us ||
		!split_may_fall_back(route->strategy, route->share_bp, route->arm,
			operation_is_idempotent(t->operation), r->failure))
		return false;
	r->status = workers_run(e->arms[other], t, RUN_FAILOVER);
	r->arm = other;
	if (r->status != ENGINE_OK || !r->ok)
		return false;
	workers_add_rescued(e->arms[route->arm]);
	return true;
}

/* Gives v2 a copy of what v1 has answered and compares. */
static void copy_to_v2(struct engine *e, const struct task *answered)
{
	if (!e->has_v2 || !operation_is_idempotent(answered->operation))
		return;
	const struct engine_response *first = answered->response;
	struct engine_response second;
	struct task t = *answered;
	t.response = &second;
	t.start_us = threads_us();
	t.deadline_us = t.start_us + (answered->deadline_us - answered->start_us);
	enum engine_status status = workers_run(e->arms[ARM_V2], &t, RUN_COPY);
	bool same = status == first->status && second.ok == first->ok &&
		!strcmp(second.result, first->result);
	workers_add_shadowed(e->arms[ARM_V2], !same);
}

static void execute(struct engine *e, const struct engine_request *q, enum operation o,
	struct engine_response *r)
{
	struct route route = router_pick(&e->router, o, q->session, q->id);
	int64_t timeout_ms = q->timeout_ms ? q->timeout_ms : e->timeout_ms;
	int64_t seen_ms = atomic_load_explicit(&e->timeout_seen_ms, memory_order_relaxed);
	while (timeout_ms > seen_ms &&
		!atomic_compare_exchange_weak(&e->timeout_seen_ms, &seen_ms, timeout_ms))
		;

	int64_t start_us = threads_us();
	struct task t;
	t.operation = o;
	t.request = q;
	t.response = r;
	t.start_us = start_us;
	t.deadline_us = start_us + timeout_ms * 1000;
	r->arm = route.arm;
	if (route.bypasses) {
		r->status = workers_run(e->arms[ARM_V1], &t, RUN_BYPASS);
		return;
	}
	r->status = workers_run(e->arms[route.arm], &t, RUN_REQUEST);
	bool failed = !r->ok;
	int64_t latency_us = r->latency_us;
	if (failed)
		rescue(e, &t, &route);
	note_session(e, q, &route, failed, latency_us, start_us + latency_us);
	if (route.strategy == STRATEGY_SHADOW)
		copy_to_v2(e, &t);
}

void engine_execute(
	struct engine *e, const struct engine_request *request, struct engine_response *response)
{
	enum operation o = operation_of(request->operation);
	if (!is_good(request, o, response))
		return;
	atomic_fetch_add(&e->inside, 1);
	if (atomic_load(&e->draining)) {
		text_copy(response->message, sizeof response->message, "the pool is draining");
		refuse(response, ENGINE_DRAINING, FAILURE_RESOURCE);
	} else {
		execute(e, request, o, response);
	}
	atomic_fetch_sub(&e->inside, 1);
}

void engine_set_fault(struct engine *e, enum arm arm, const struct fault *fault)
{
	workers_set_fault(e->arms[arm], fault);
}

/* ---- control ---- */

/* Under the control lock. Writing the change took its time; nobody has seen it yet. */
static void turn(struct engine *e)
{
	struct control_counts counts = {0};
	put_in_force(e, &counts);
	control_recount(e->control, &counts);
}

void engine_change(
	struct engine *e, const struct control_request *request, struct control_answer *out)
{
	static const struct control_counts none;
	pthread_mutex_lock(&e->control_lock);
	control_change(e->control, request, &none, engine_now(), out);
	if (out->status == 200 && !out->replayed && verb_is(request->verb, VERB_SPLITS))
		turn(e);
	control_settle(e->control, out);
	pthread_mutex_unlock(&e->control_lock);
}

void engine_lease(
	struct engine *e, const struct lease_request *request, struct control_answer *out)
{
	pthread_mutex_lock(&e->control_lock);
	control_lease(e->control, request, engine_now(), out);
	pthread_mutex_unlock(&e->control_lock);
}

void engine_watch(struct engine *e)
{
	static const struct control_counts none;
	struct guard_limits limits;
	struct control_guard word;
	pthread_mutex_lock(&e->control_lock);
	struct instant now = engine_now();
	for (int i = 0; i < ARM_COUNT; i++)
		workers_fill(e->arms[i], &e->seen[i]);
	bool asks = control_limits(e->control, &limits);
	sentry_look(&e->sentry, e->seen, &limits, asks, now, &word);
	if (control_tick(e->control, &word, &none, now))
		turn(e);
	pthread_mutex_unlock(&e->control_lock);
}

enum intent_fate engine_intent(
	struct engine *e, const char *key, bool make_void, struct control_answer *out)
{
	pthread_mutex_lock(&e->control_lock);
	enum intent_fate f = control_intent(e->control, key, make_void, engine_now(), out);
	pthread_mutex_unlock(&e->control_lock);
	return f;
}

size_t engine_audit(struct engine *e, int64_t since, struct audit_entry *out, size_t max)
{
	pthread_mutex_lock(&e->control_lock);
	size_t n = control_audit(e->control, since, out, max, engine_now());
	pthread_mutex_unlock(&e->control_lock);
	return n;
}

/* ---- the document ---- */

void engine_snapshot(struct engine *e, struct snapshot *out)
{
	memset(out, 0, sizeof *out);
	text_copy(out->pool_id, sizeof out->pool_id, e->pool_id);
	text_copy(out->pool, sizeof out->pool, e->pool);
	text_copy(out->node, sizeof out->node, e->node);
	text_copy(out->node_id, sizeof out->node_id, e->node);
	text_copy(out->boot_id, sizeof out->boot_id, e->boot_id);
	text_copy(out->build, sizeof out->build, BUILD);
	out->unit_ms = e->unit_ms;
	int64_t timeout_ms = atomic_load_explicit(&e->timeout_seen_ms, memory_order_relaxed);
	out->drain_ms = 0; /* requests are counted when routed, and routed by the split in force */
	out->settle_ms = timeout_ms > e->unit_ms ? timeout_ms : e->unit_ms;

	/* Under one lock, so that counters never belong to another split than the one told. */
	pthread_mutex_lock(&e->control_lock);
	struct instant now = engine_now();
	out->seq = ++e->seq;
	out->now_ms = now.wall_ms;
	out->uptime_ms = now.boot_ms - e->started.boot_ms;
	control_fill(e->control, out, now);
	for (int i = 0; i < ARM_COUNT; i++) {
		workers_fill(e->arms[i], &out->arms[i]);
		pthread_mutex_lock(&e->sessions_lock);
		sessions_fill(e->sessions, (enum arm)i, threads_us() / 1000, &out->arms[i]);
		pthread_mutex_unlock(&e->sessions_lock);
	}
	pthread_mutex_unlock(&e->control_lock);
}
