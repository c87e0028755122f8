/* Engine: the embedded pool put together: router, two arms of workers, sessions, control,
 * store, load, and the thread that lets the guard look and time act. Not itself any of them:
 * each has its file and its own lock.
 *
 * Invariants:
 * 1. No lock is held while work runs. Order where two are taken: control, then sessions' (in the
 *    order of their parts) or an arm's; never sessions' and an arm's together.
 * 2. A request is in one part of `inside` from before `draining` is asked until nothing of the engine is
 *    touched any more, so that 0 while draining means nobody is in it. */
#include "client/engine/engine.h"

#include "client/engine/hash.h"
#include "client/engine/load.h"
#include "client/engine/mismatch.h"
#include "client/engine/residents.h"
#include "client/engine/router.h"
#include "client/engine/sentry.h"
#include "client/engine/session.h"
#include "client/engine/shape.h"
#include "client/engine/store.h"
#include "client/engine/tallies.h"
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

#define INSIDE_PARTS 16
#define SESSION_PARTS 8
#define SESSION_PARTS_SALT 1 /* another hash than that of who is sampled (session.c) */

/* Who is in the engine; in parts, so that callers do not wait for each other's counting. */
struct inside {
	_Alignas(64) atomic_long count;
};

struct engine {
	char pool[POOL_NAME_MAX], pool_id[POOL_ID_MAX], node[POOL_NAME_MAX], boot_id[POOL_ID_MAX];
	struct instant started;
	bool has_v2;
	int64_t unit_ms, timeout_ms;
	_Atomic int64_t timeout_seen_ms; /* the longest that a request asked for */
	_Atomic int64_t skew_ms;         /* a fault: how far the wall clock is ahead */

	struct gate gate;
	struct router router;
	struct workers *arms[ARM_COUNT];
	struct tallies *tallies[ARM_COUNT]; /* NULL: no such arm, or its workers are processes */
	struct residents *residents;        /* NULL: none */
	struct load *load;
	struct inside inside[INSIDE_PARTS];
	atomic_bool draining;

	struct session_part {
		pthread_mutex_t lock;
		struct sessions *sessions;
	} sessions[SESSION_PARTS]; /* each session is in one of them */

	struct mismatches mismatches;

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
	if (how->retry && backoff_of(how->retry) == BACKOFF_COUNT)
		return err_set(err, ERR_CONFIG,
			"retry \"%s\" is none of exponential, linear, fibonacci, decorrelated_jitter",
			how->retry);
	if (how->affinity && affinity_of(how->affinity) == AFFINITY_COUNT)
		return err_set(err, ERR_CONFIG,
			"affinity \"%s\" is none of hint, strict_queue, strict_fail_fast", how->affinity);
	for (int i = 0; how->scenario && i < how->scenario->operation_count; i++) {
		const char *name = how->scenario->operations[i].name;
		if (operation_of(name) == OPERATION_COUNT)
			return err_set(err, ERR_CONFIG,
				"the scenario's operation \"%s\" is not known; use echo, "
				"spin, sleep, fail, predict or tally",
				name);
		if (operation_of(name) == OPERATION_TALLY && how->scenario->keys <= 0)
			return err_set(err, ERR_CONFIG,
				"the scenario's operation \"%s\" is keyed work: say how many keys", name);
	}
	return 0;
}

static int start_tally(struct engine *e, enum arm arm, const struct shape *s, struct err *err)
{
	struct tallies_options o = {.processor = arm == ARM_V1 ? s->v1 : s->v2,
		.partitions = s->v2_workers,
		.strategy = s->partition,
		.gate = &e->gate};
	threads_random(&o.seed, sizeof o.seed);
	return tallies_new(&e->tallies[arm], &o, err);
}

static struct retry_options backoff(const char *word)
{
	struct retry_options o = {0};
	if (!word)
		return o;
	o = RETRY_DEFAULTS;
	o.kind = backoff_of(word);
	o.attempts_max = 5;
	o.base_us = 100000;
	return o;
}

static int start_arms(struct engine *e, const struct engine_options *how, struct err *err)
{
	struct shape shape;
	if (shape_read(&shape, how, err) ||
		(!how->v1_exec && start_tally(e, ARM_V1, &shape, err)) ||
		(!how->no_v2 && !how->exec && start_tally(e, ARM_V2, &shape, err)))
		return -1;
	struct workers_options o = {
		.serialized = true,
		.count = how->v1_workers ? how->v1_workers : 1,
		.queue_max = how->queue_max ? how->queue_max : 1024,
		.pace = how->scenario ? how->scenario->v1_slow_factor : 1,
		.seed = how->scenario ? how->scenario->seed : 1,
		.gate = &e->gate,
		.exec = how->v1_exec,
		.segment = how->segment,
		.pinned = how->pinned,
		.tallies = e->tallies[ARM_V1],
		.breaker = {.failures = how->breaker_failures, .open_us = how->breaker_open_ms * 1000},
		.retry = backoff(how->retry),
	};
	if (workers_new(&e->arms[ARM_V1], &o, err))
		return -1;
	o.serialized = shape.v2_threads;
	o.count = shape.v2_workers;
	o.pinned = how->pinned || shape.v2_pinned;
	o.tallies = e->tallies[ARM_V2];
	o.pace = how->scenario ? how->scenario->v2_slow_factor : 1;
	o.seed++;
	o.exec = how->exec;
	o.sticky = how->affinity != NULL;
	if (o.sticky)
		o.affinity = affinity_of(how->affinity);
	return workers_new(&e->arms[ARM_V2], &o, err);
}

static int start_control(struct engine *e, const struct engine_options *how, struct err *err)
{
	const struct store_options keeps = {.now_wall_ms = e->started.wall_ms};
	if (how->state_dir && store_open(&e->store, how->state_dir, &keeps, err))
		return -1;
	operation_known(&e->known);
	struct control_options o = {.strategy = how->strategy,
		.share_bp = how->share_bp,
		.has_v2 = e->has_v2,
		.known = &e->known};
	e->control = control_new(&o, e->store, e->started, err);
	return e->control ? 0 : -1;
}

static int start_residents(struct engine *e, const struct engine_options *how, struct err *err)
{
	if (!how->residents)
		return 0;
	struct residents_options o = *how->residents;
	struct text dir = {0};
	if (how->state_dir) {
		text_addf(&dir, "%s/residents", how->state_dir);
		o.dir = text_str(&dir);
	}
	int result = residents_start(&e->residents, &o, err);
	text_free(&dir);
	return result;
}

/* Adds the units of both arms as they are, open ones too. */
static void add_units(struct sessions *s, int64_t now_ms, struct control_counts *until)
{
	for (int i = 0; i < ARM_COUNT; i++) {
		int64_t sessions, bad;
		sessions_totals(s, (enum arm)i, true, now_ms, &sessions, &bad);
		until->arms[i].sessions += sessions;
		until->arms[i].sessions_bad += bad;
	}
}

/* Puts what control decided in force and counts what there was until then. Under the control
 * lock, or before any thread. */
static void put_in_force(struct engine *e, struct control_counts *until)
{
	enum strategy strategy;
	int share_bp;
	control_split(e->control, &strategy, &share_bp);
	/* All parts at once: no unit begins under the new split before all old ones are ended. */
	for (int k = 0; k < SESSION_PARTS; k++)
		pthread_mutex_lock(&e->sessions[k].lock);
	int64_t now_ms = threads_us() / 1000;
	for (int k = 0; k < SESSION_PARTS; k++)
		add_units(e->sessions[k].sessions, now_ms, until);
	uint32_t generation = router_set(
		&e->router, strategy, share_bp, operation_bits(control_operations(e->control)));
	for (int k = 0; k < SESSION_PARTS; k++) {
		sessions_turn(e->sessions[k].sessions, generation, now_ms);
		pthread_mutex_unlock(&e->sessions[k].lock);
	}
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

int engine_start(struct engine **out, const struct engine_options *given, struct err *err)
{
	struct engine_options shaped = *given;
	const struct engine_options *how = &shaped;
	load_shape(&shaped);
	if (check(how, err))
		return -1;
	struct engine *e = mem_new_aligned(1, sizeof *e, _Alignof(struct engine));
	name_engine(e, how);
	e->started = engine_now();
	e->has_v2 = !how->no_v2;
	e->unit_ms = how->unit_ms ? how->unit_ms : 30000;
	e->timeout_ms = how->timeout_ms ? how->timeout_ms : 5000;
	e->timeout_seen_ms = e->timeout_ms;
	gate_init(&e->gate);
	pthread_mutex_init(&e->control_lock, NULL);
	mismatches_init(&e->mismatches);
	for (int k = 0; k < SESSION_PARTS; k++) {
		pthread_mutex_init(&e->sessions[k].lock, NULL);
		e->sessions[k].sessions = sessions_new(e->unit_ms);
	}

	if (start_control(e, how, err) || start_arms(e, how, err) || start_residents(e, how, err)) {
		engine_stop(e);
		return -1;
	}
	struct control_counts none = {0};
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

/* Once `draining` is set nobody stays who was not in: a part that was seen empty stays so. */
static long count_inside(struct engine *e)
{
	long n = 0;
	for (int k = 0; k < INSIDE_PARTS; k++)
		n += atomic_load(&e->inside[k].count);
	return n;
}

/* Messages that wait for addressable workers, or are with one. */
static bool has_mail(struct engine *e)
{
	struct residents_look look;
	if (!e->residents)
		return false;
	residents_look(e->residents, &look, NULL, 0);
	return look.counts.queued + look.counts.running > 0;
}

bool engine_drain(struct engine *e, int64_t wait_ms)
{
	atomic_store(&e->draining, true);
	int64_t until_us = threads_us() + wait_ms * 1000;
	/* Asked again and again rather than told: leaving must touch nothing after the count. */
	while (count_inside(e) > 0 || has_mail(e)) {
		if (threads_us() >= until_us) {
			if (e->residents)
				residents_end(e->residents);
			return false;
		}
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
	residents_stop(e->residents);
	for (int i = 0; i < ARM_COUNT; i++) {
		workers_free(e->arms[i]);
		tallies_free(e->tallies[i]);
	}
	sentry_release(&e->sentry);
	control_free(e->control);
	store_close(e->store);
	for (int k = 0; k < SESSION_PARTS; k++) {
		sessions_free(e->sessions[k].sessions);
		pthread_mutex_destroy(&e->sessions[k].lock);
	}
	pthread_mutex_destroy(&e->control_lock);
	mismatches_release(&e->mismatches);
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

static bool is_batch(
	const struct engine_request *q, struct tallies_batch *batch, struct engine_response *r)
{
	struct err err = {0};
	if (tallies_read(batch, q->key, q->payload, &err) == 0)
		return true;
	text_copy(r->message, sizeof r->message, err.text);
	refuse(r, ENGINE_BAD, FAILURE_OPERATION);
	return false;
}

static void note_session(struct engine *e, const struct engine_request *q,
	const struct route *route, bool failed, int64_t latency_us, int64_t end_us)
{
	if (!q->session[0])
		return;
	uint64_t h = hash_bytes(q->session, strlen(q->session), SESSION_PARTS_SALT);
	struct session_part *part = &e->sessions[h % SESSION_PARTS];
	pthread_mutex_lock(&part->lock);
	sessions_note(part->sessions, route->generation, q->session, route->arm, failed, latency_us,
		end_us / 1000);
	pthread_mutex_unlock(&part->lock);
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
	if (!same)
		mismatches_note(&e->mismatches, answered->request, first, &second, threads_us());
}

static void execute(struct engine *e, const struct engine_request *q, enum operation o,
	const struct tallies_batch *batch, struct engine_response *r)
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
	t.batch = batch;
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

/* Threads have stacks of their own, so most have a part for themselves. */
static atomic_long *my_inside(struct engine *e)
{
	char here;
	uint64_t h = (uint64_t)(uintptr_t)&here >> 18;
	return &e->inside[(h * 0x9E3779B97F4A7C15u >> 33) % INSIDE_PARTS].count;
}

void engine_execute(
	struct engine *e, const struct engine_request *request, struct engine_response *response)
{
	enum operation o = operation_of(request->operation);
	struct tallies_batch batch;
	if (!is_good(request, o, response) ||
		(o == OPERATION_TALLY && !is_batch(request, &batch, response)))
		return;
	atomic_long *inside = my_inside(e);
	atomic_fetch_add(inside, 1);
	if (atomic_load(&e->draining)) {
		text_copy(response->message, sizeof response->message, "the pool is draining");
		refuse(response, ENGINE_DRAINING, FAILURE_RESOURCE);
	} else {
		execute(e, request, o, &batch, response);
	}
	atomic_fetch_sub(inside, 1);
}

void engine_send(struct engine *e, const struct envelope *envelope, struct send_answer *answer)
{
	atomic_long *inside = my_inside(e);
	atomic_fetch_add(inside, 1);
	if (e->residents && !atomic_load(&e->draining)) {
		residents_send(e->residents, envelope, answer);
	} else {
		*answer = (struct send_answer){.status = SEND_UNAVAILABLE, .failure = FAILURE_REFUSED};
		text_copy(answer->message, sizeof answer->message,
			e->residents ? "the pool is draining" : "there are no addressable workers here");
	}
	atomic_fetch_sub(inside, 1);
}

struct residents *engine_residents(struct engine *e)
{
	return e->residents;
}

bool engine_lock_workers(struct engine *e, enum arm arm, int segment, int worker, bool on)
{
	return workers_drain(e->arms[arm], segment, worker, on);
}

bool engine_tally(struct engine *e, enum arm arm, struct tallies_facts *out)
{
	if (!e->tallies[arm])
		return false;
	tallies_fill(e->tallies[arm], out);
	return true;
}

void engine_set_fault(struct engine *e, enum arm arm, const struct fault *fault)
{
	workers_set_fault(e->arms[arm], fault);
}

void engine_set_skew(struct engine *e, int64_t ahead_ms)
{
	atomic_store(&e->skew_ms, ahead_ms);
}

static struct instant skewed_now(struct engine *e)
{
	struct instant now = engine_now();
	now.wall_ms += atomic_load_explicit(&e->skew_ms, memory_order_relaxed);
	return now;
}

/* ---- control ---- */

/* Under the control lock. Writing the change took its time; nobody has seen it yet. */
static void turn(struct engine *e)
{
	struct control_counts counts = {0};
	put_in_force(e, &counts);
	control_recount(e->control, &counts);
}

/* What the workers say of a change, under the control lock: an arm that has traffic never loses
 * its last one, and v2 gets none before it has one. */
static enum drain_says judge(struct engine *e, const struct control_request *r)
{
	const struct drain *d = &r->drain;
	enum strategy strategy;
	int share_bp;
	if (r->verb != VERB_DRAIN)
		return workers_unlocked(e->arms[ARM_V2], -1, -1) == 0 ? DRAIN_LAST : DRAIN_FITS;
	if (d->arm >= ARM_COUNT)
		return DRAIN_NOBODY;
	control_split(e->control, &strategy, &share_bp);
	int all = workers_unlocked(e->arms[d->arm], -1, -1);
	int those = workers_unlocked(e->arms[d->arm], d->segment, d->worker);
	bool works = d->arm == ARM_V1 || share_bp > 0;
	return those < 0 ? DRAIN_NOBODY : works && those == all ? DRAIN_LAST : DRAIN_FITS;
}

void engine_change(
	struct engine *e, const struct control_request *request, struct control_answer *out)
{
	static const struct control_counts none;
	struct control_request r = *request;
	pthread_mutex_lock(&e->control_lock);
	r.says = judge(e, &r);
	control_change(e->control, &r, &none, skewed_now(e), out);
	bool changed = out->status == 200 && !out->replayed;
	if (changed && verb_is(r.verb, VERB_SPLITS))
		turn(e);
	if (changed && r.verb == VERB_DRAIN)
		engine_lock_workers(e, r.drain.arm, r.drain.segment, r.drain.worker, r.drains);
	control_settle(e->control, out);
	pthread_mutex_unlock(&e->control_lock);
}

void engine_lease(
	struct engine *e, const struct lease_request *request, struct control_answer *out)
{
	pthread_mutex_lock(&e->control_lock);
	control_lease(e->control, request, skewed_now(e), out);
	pthread_mutex_unlock(&e->control_lock);
}

void engine_watch(struct engine *e)
{
	static const struct control_counts none;
	struct guard_limits limits;
	struct control_guard word;
	pthread_mutex_lock(&e->control_lock);
	struct instant now = skewed_now(e);
	for (int i = 0; i < ARM_COUNT; i++) {
		workers_look(e->arms[i]);
		workers_fill(e->arms[i], &e->seen[i]);
	}
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
	enum intent_fate f = control_intent(e->control, key, make_void, skewed_now(e), out);
	pthread_mutex_unlock(&e->control_lock);
	return f;
}

size_t engine_audit(struct engine *e, int64_t since, struct audit_entry *out, size_t max)
{
	pthread_mutex_lock(&e->control_lock);
	size_t n = control_audit(e->control, since, out, max, skewed_now(e));
	pthread_mutex_unlock(&e->control_lock);
	return n;
}

size_t engine_mismatches(struct engine *e, struct mismatch *out, size_t max)
{
	return mismatches_read(&e->mismatches, out, max, threads_us());
}

/* ---- the document ---- */

static void fill_crew(struct engine *e, enum arm arm, struct crew *c)
{
	struct worker_row *workers = c->worker + c->worker_count;
	struct segment_row *segments = c->segment + c->segment_count;
	/* Half of the rows are v2's. */
	int room = POOL_WORKERS_MAX / (arm == ARM_V1 && e->has_v2 ? 2 : 1) - c->worker_count;
	int count = workers_rows(e->arms[arm], workers, room);
	int told = count < room ? count : room;
	for (int i = 0; i < told; i++)
		workers[i].arm = arm;
	c->worker_count += told;
	c->workers_dropped += count - told;
	room = POOL_SEGMENTS_MAX / (arm == ARM_V1 && e->has_v2 ? 2 : 1) - c->segment_count;
	count = workers_segments(e->arms[arm], segments, room);
	for (int i = 0; i < count && i < room; i++)
		segments[i].arm = arm;
	c->segment_count += count < room ? count : room;
}

static void fill_sessions(struct engine *e, enum arm arm, struct arm_counts *out)
{
	struct histogram all = {0};
	int64_t sessions = 0, bad = 0;
	for (int k = 0; k < SESSION_PARTS; k++) {
		pthread_mutex_lock(&e->sessions[k].lock);
		sessions_fill(e->sessions[k].sessions, arm, threads_us() / 1000, out);
		pthread_mutex_unlock(&e->sessions[k].lock);
		sessions += out->sessions;
		bad += out->sessions_bad;
		histogram_merge(&all, &out->session_latency);
	}
	out->sessions = sessions;
	out->sessions_bad = bad;
	out->session_latency = all;
}

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
	struct instant now = skewed_now(e);
	out->seq = ++e->seq;
	out->now_ms = now.wall_ms;
	out->uptime_ms = now.boot_ms - e->started.boot_ms;
	control_fill(e->control, out, now);
	for (int i = 0; i < ARM_COUNT; i++) {
		workers_fill(e->arms[i], &out->arms[i]);
		fill_sessions(e, (enum arm)i, &out->arms[i]);
		fill_crew(e, (enum arm)i, &out->crew);
	}
	pthread_mutex_unlock(&e->control_lock);
}
