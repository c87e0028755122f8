/* Task: the builtin operations and what a fault does to them. Not counted here: worker.c does.
 *
 * Invariants:
 * 1. A result depends on the request alone, so that two arms can be compared.
 * 2. No task outlives its deadline or the gate: the caller's wait is bounded. */
#include "client/engine/task.h"

#include "client/engine/hash.h"
#include "client/engine/tallies.h"
#include "model/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* How long the work of each takes where nobody says it. */
static const int64_t usual_us[OPERATION_COUNT] = {
#define X(name, word, idempotent, work_us) [OPERATION_##name] = work_us,
	OPERATION_INFO(X)
#undef X
};

static void fail(struct task *t, enum failure why, const char *message)
{
	t->response->ok = false;
	t->response->failure = why;
	text_copy(t->response->message, sizeof t->response->message, message);
	t->response->result[0] = '\0';
}

/* Passes time, busily or not. False, with the failure set, when something else ended it. */
static bool pass(struct task *t, struct gate *gate, int64_t work_us, bool busily)
{
	int64_t now_us = threads_us();
	int64_t until_us = work_us < INT64_MAX - now_us ? now_us + work_us : INT64_MAX;
	bool late = until_us > t->deadline_us;
	if (late)
		until_us = t->deadline_us;
	if (busily) {
		while (now_us < until_us && !gate_is_closed(gate))
			now_us = threads_us();
	} else {
		gate_wait(gate, until_us);
	}
	if (gate_is_closed(gate))
		fail(t, FAILURE_SYSTEM, "the pool is stopping");
	else if (late)
		fail(t, FAILURE_TIMEOUT, "the deadline passed during the work");
	return t->response->ok;
}

/* A model's answers take unequal times: a floor and an exponential tail, `mean_us` on average.
 */
static int64_t predict_us(int64_t mean_us, uint64_t *random)
{
	double tail = fmin(-log1p(-hash_next_fraction(random)), 8.0);
	return llround((double)mean_us * (0.6 + 0.4 * tail));
}

static void answer(struct task *t, int64_t asked_us)
{
	const char *payload = t->request->payload;
	char *result = t->response->result;
	size_t size = sizeof t->response->result;
	uint64_t h;
	switch (t->operation) {
	case OPERATION_ECHO:
		if (payload[0])
			memcpy(result, payload, strlen(payload) + 1);
		else
			memcpy(result, "null", sizeof "null");
		break;
	case OPERATION_SPIN:
		snprintf(result, size, "{\"spun_us\":%lld}", (long long)asked_us);
		break;
	case OPERATION_SLEEP:
		snprintf(result, size, "{\"slept_us\":%lld}", (long long)asked_us);
		break;
	case OPERATION_PREDICT:
		h = hash_bytes(payload, strlen(payload), 0);
		snprintf(result, size, "{\"label\":%u,\"score\":0.%03u}", (unsigned)(h % 10),
			(unsigned)(h / 10 % 1000));
		break;
	case OPERATION_TALLY:
		snprintf(result, size, "{\"records\":%d,\"keys\":%d}", t->batch->count, t->batch->keys);
		break;
	case OPERATION_FAIL:
	case OPERATION_COUNT:
		break;
	}
}

/* How long it takes; infinite: for ever. */
static double draw_us(enum operation o, int64_t asked_us, double pace,
	const struct fault *fault, uint64_t *random)
{
	double us = 0;
	if (o == OPERATION_PREDICT)
		us = (double)predict_us(asked_us, random) * pace;
	else if (o == OPERATION_SPIN || o == OPERATION_SLEEP)
		us = (double)asked_us * pace;
	if (!fault)
		return us;
	if (fault->slow_factor > 0)
		us *= fault->slow_factor;
	us += (double)fault->latency_add_us;
	return fault->hang ? INFINITY : us;
}

struct draw task_draw(
	enum operation o, int64_t work_us, double pace, const struct fault *fault, uint64_t *random)
{
	struct draw d = {.ok = o != OPERATION_FAIL, .failure = FAILURE_OPERATION};
	if (fault && fault->operation[0] && strcmp(fault->operation, operation_name(o)) != 0)
		fault = NULL;
	double us = draw_us(o, work_us == UNKNOWN ? usual_us[o] : work_us, pace, fault, random);
	d.busily = o == OPERATION_SPIN && isfinite(us);
	d.take_us = us < 1e15 ? llround(us) : INT64_MAX;
	if (!fault)
		return d;
	if (fault->crash_rate > 0 && hash_next_fraction(random) < fault->crash_rate) {
		d.ok = false;
		d.crashed = true;
		d.failure = FAILURE_CONNECTION;
	} else if (fault->error_rate > 0 && hash_next_fraction(random) < fault->error_rate) {
		d.ok = false;
	}
	return d;
}

static const char *why_failed(const struct task *t, const struct draw *d)
{
	return d->crashed                    ? "the worker crashed"
		: t->operation == OPERATION_FAIL ? "asked to fail"
										 : "injected fault";
}

/* False, with the failure set, when the arm did not take the batch. */
static bool add_to_tally(struct task *t)
{
	struct err err = {0};
	switch (tallies_add(t->tallies, t->batch, t->deadline_us, &err)) {
	case TALLIES_FULL:
		fail(t, FAILURE_RESOURCE, err.text);
		break;
	case TALLIES_LATE:
		fail(t, FAILURE_TIMEOUT, "the deadline passed while the tally was under pressure");
		break;
	case TALLIES_STOPPING:
		fail(t, FAILURE_SYSTEM, "the pool is stopping");
		break;
	case TALLIES_DONE:
		break;
	}
	return t->response->ok;
}

void task_run(struct task *t, struct gate *gate, uint64_t *random)
{
	t->crashed = false;
	t->response->ok = true;
	t->response->message[0] = '\0';
	int64_t asked_us = t->request->work_us;
	if (asked_us == UNKNOWN)
		asked_us = usual_us[t->operation];
	struct draw d =
		task_draw(t->operation, asked_us, t->pace, t->may_be_faulty ? &t->fault : NULL, random);
	if (d.take_us > 0 && !pass(t, gate, d.take_us, d.busily))
		return;
	t->crashed = d.crashed;
	if (!d.ok)
		fail(t, d.failure, why_failed(t, &d));
	else if (t->operation != OPERATION_TALLY || add_to_tally(t))
		answer(t, asked_us);
}
