/* Task: the builtin operations and what a fault does to them. Not counted here: worker.c does.
 *
 * Invariants:
 * 1. A result depends on the request alone, so that two arms can be compared.
 * 2. No task outlives its deadline or the gate: the caller's wait is bounded. */
#include "client/engine/task.h"

#include "client/engine/hash.h"
#include "model/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct row {
	const char *word;
	bool idempotent;
	int64_t work_us;
} rows[OPERATION_COUNT] = {
#define X(name, word, idempotent, work_us) [OPERATION_##name] = {word, idempotent, work_us},
	OPERATION_INFO(X)
#undef X
};

const char *operation_name(enum operation o)
{
	return rows[o].word;
}

enum operation operation_of(const char *word)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		if (!strcmp(rows[i].word, word))
			return (enum operation)i;
	}
	return OPERATION_COUNT;
}

bool operation_is_idempotent(enum operation o)
{
	return rows[o].idempotent;
}

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
	int64_t until_us = now_us + work_us;
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
	case OPERATION_FAIL:
	case OPERATION_COUNT:
		break;
	}
}

void task_run(struct task *t, struct gate *gate, uint64_t *random)
{
	t->response->ok = true;
	t->response->message[0] = '\0';

	const struct fault *fault = t->may_be_faulty ? &t->fault : NULL;
	if (fault && fault->operation[0] && strcmp(fault->operation, rows[t->operation].word) != 0)
		fault = NULL;

	int64_t asked_us = t->request->work_us;
	if (asked_us == UNKNOWN)
		asked_us = rows[t->operation].work_us;
	double work_us = 0;
	if (t->operation == OPERATION_PREDICT)
		work_us = (double)predict_us(asked_us, random) * t->pace;
	else if (t->operation == OPERATION_SPIN || t->operation == OPERATION_SLEEP)
		work_us = (double)asked_us * t->pace;

	if (fault && fault->slow_factor > 0)
		work_us *= fault->slow_factor;
	if (fault)
		work_us += (double)fault->latency_add_us;
	if (fault && fault->hang)
		work_us = INFINITY;

	bool busily = t->operation == OPERATION_SPIN && isfinite(work_us);
	int64_t take_us = llround(fmin(work_us, 1e15));
	if (take_us > 0 && !pass(t, gate, take_us, busily))
		return;
	if (fault && fault->error_rate > 0 && hash_next_fraction(random) < fault->error_rate)
		fail(t, FAILURE_OPERATION, "injected fault");
	else if (t->operation == OPERATION_FAIL)
		fail(t, FAILURE_OPERATION, "asked to fail");
	else
		answer(t, asked_us);
}
