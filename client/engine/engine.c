/* Engine: the embedded pool put together: router, two arms of workers, sessions, control,
 * store, load, and the thread that lets the guard look and time act. Not itself any of them:
 * each has its file and its own lock.
 *
 * Invariants:
 * 1. No lock is held while work runs. Order where two are taken: control, then sessions' (in the
 *    order of their parts) or an arm's; never sessions' and an arm's together.
 * 2. A request is in one part of `inside` from before `draining` is asked until nothing of the engine is
 *    touched any more, so that 0 while draining means nobody is in it. */
#include "client/engine/engine_parts.h"

#include "model/mem.h"
#include "model/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define STOP_WAIT_MS 2000
#define WATCH_US 1000000

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
	if (how->operations && (!how->v1_exec || (!how->no_v2 && !how->exec)))
		return err_set(err, ERR_CONFIG,
			"operations \"%.120s\" are a program's, and the workers of %s are builtin: make them "
			"a program too",
			how->operations, how->v1_exec ? "v2" : "v1");
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

/* The program of an arm, which must know what was declared; NULL: none. */
static const struct exec_options *program(
	struct engine *e, enum arm arm, const struct exec_options *how)
{
	if (!how)
		return NULL;
	e->exec[arm] = *how;
	e->exec[arm].operations = e->operations.declared ? &e->operations : NULL;
	return &e->exec[arm];
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
		.exec = program(e, ARM_V1, how->v1_exec),
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
	o.exec = program(e, ARM_V2, how->exec);
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
	struct operation_set allowed;
	operations_known(&e->operations, &e->known);
	if (how->allow && operations_read_set(&e->operations, &allowed, how->allow, err))
		return -1;
	struct control_options o = {.strategy = how->strategy,
		.share_bp = how->share_bp,
		.has_v2 = e->has_v2,
		.known = &e->known,
		.allowed = how->allow ? &allowed : NULL};
	e->control = control_new(&o, e->store, e->started, err);
	if (e->control)
		return 0;
	return how->state_dir ? err_prefix(err, "\"%s\"", how->state_dir) : -1;
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

	if (operations_read(&e->operations, how->operations, err) ||
		(how->scenario && operations_play(&e->operations, how->scenario, err) < 0) ||
		start_control(e, how, err) ||
		start_arms(e, how, err) || start_residents(e, how, err)) {
		engine_stop(e);
		return -1;
	}
	struct control_counts none = {0};
	engine_put_in_force(e, &none);
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
