/* Engine work: one request from its routing to its answer. Not how an arm does it: worker.c. */
#include "client/engine/engine_parts.h"

#include "model/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void refuse(struct engine_response *r, enum engine_status status, enum failure why)
{
	r->status = status;
	r->ok = false;
	r->arm = ARM_V1;
	r->failure = why;
	r->latency_us = 0;
	r->result[0] = '\0';
}

static bool is_good(const struct engine_request *q, int o, struct engine_response *r)
{
	if (o < 0)
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
			e->operations.each[t->operation].idempotent, r->failure))
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
	if (!e->has_v2 || !e->operations.each[answered->operation].idempotent)
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
	int o = operations_find(&e->operations, request->operation);
	struct tallies_batch batch;
	bool is_tally = o == OPERATION_TALLY && !e->operations.declared;
	if (!is_good(request, o, response) || (is_tally && !is_batch(request, &batch, response)))
		return;
	atomic_long *inside = my_inside(e);
	atomic_fetch_add(inside, 1);
	if (atomic_load(&e->draining)) {
		text_copy(response->message, sizeof response->message, "the pool is draining");
		refuse(response, ENGINE_DRAINING, FAILURE_RESOURCE);
	} else {
		execute(e, request, (enum operation)o, &batch, response);
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
