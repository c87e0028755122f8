/* Tests of the whole engine: routing, counting, fall-back, shadow, draining, control under
 * load. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/engine.h"
#include "client/engine/threads.h"
#include "model/text.h"

#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_US 10000000

static struct engine *e;
static struct snapshot *snap;
static struct engine_request q;
static struct engine_response r;

static void start(const struct engine_options *how)
{
	struct err err = {0};
	if (engine_start(&e, how, &err))
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	(void)state;
	snap = calloc(1, sizeof *snap);
	memset(&q, 0, sizeof q);
	q.work_us = UNKNOWN;
	text_copy(q.operation, sizeof q.operation, "echo");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	engine_stop(e);
	e = NULL;
	free(snap);
	return 0;
}

static const struct arm_counts *look(enum arm arm)
{
	engine_snapshot(e, snap);
	for (int i = 0; i < ARM_COUNT; i++) {
		const struct arm_counts *c = &snap->arms[i];
		assert_int_equal(
			c->requests, counts_done(c) + c->timeouts + c->queue_depth + c->in_flight);
	}
	return &snap->arms[arm];
}

static int change(enum verb verb, const char *key, enum strategy strategy, int to_bp)
{
	look(ARM_V1);
	struct control_request c = {.verb = verb,
		.has_match = true,
		.match_epoch = snap->epoch,
		.match_rev = snap->rev,
		.to_bp = to_bp,
		.from_bp = -1,
		.strategy = strategy,
		.actor = "ann@host"};
	text_copy(c.key, sizeof c.key, key);
	struct control_answer a;
	engine_change(e, &c, &a);
	return a.status;
}

static void run(const char *operation, const char *session)
{
	text_copy(q.operation, sizeof q.operation, operation);
	text_copy(q.session, sizeof q.session, session);
	engine_execute(e, &q, &r);
}

static void bad_options_are_refused(void **state)
{
	(void)state;
	static const struct scenario odd = {.rate = 1,
		.sessions = 1,
		.operation_count = 1,
		.operations = {{.name = "dance", .weight = 1}}};
	static const struct engine_options rows[] = {
		{.v2_workers = 1025},
		{.v1_workers = -1},
		{.share_bp = 10001},
		{.share_bp = -1},
		{.queue_max = -1},
		{.timeout_ms = 60001},
		{.no_v2 = true, .share_bp = 1},
		{.scenario = &odd},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = {0};
		struct engine *none = NULL;
		assert_int_equal(engine_start(&none, &rows[i], &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_null(none);
	}
}

static void document_has_names_and_gauges(void **state)
{
	(void)state;
	start(&(struct engine_options){.pool = "pay",
		.pool_id = "p-1",
		.node = "n-1",
		.v1_workers = 2,
		.v2_workers = 3,
		.unit_ms = 700,
		.timeout_ms = 900});
	const struct arm_counts *v2 = look(ARM_V2);
	assert_string_equal(snap->pool, "pay");
	assert_string_equal(snap->pool_id, "p-1");
	assert_string_equal(snap->node, "n-1");
	assert_string_not_equal(snap->build, "");
	assert_int_equal(strlen(snap->boot_id), 32);
	assert_int_equal(snap->seq, 1);
	assert_int_equal(snap->unit_ms, 700);
	assert_int_equal(snap->settle_ms, 900);
	assert_int_equal(v2->workers.total, 3);
	assert_int_equal(snap->arms[ARM_V1].workers.total, 2);
	assert_true(v2->cpu_us == UNKNOWN && v2->fds == UNKNOWN && v2->memory_bytes == UNKNOWN);
	assert_true(v2->has_latency && v2->has_session_latency);
	char boot[POOL_ID_MAX];
	text_copy(boot, sizeof boot, snap->boot_id);
	q.timeout_ms = 30000;
	run("echo", "s");
	look(ARM_V1);
	assert_int_equal(snap->seq, 2);
	assert_int_equal(snap->settle_ms, 30000);
	engine_stop(e);
	start(&(struct engine_options){0});
	look(ARM_V1);
	assert_string_not_equal(boot, snap->boot_id);
	assert_string_equal(snap->pool, "local");
}

static void bad_requests_are_not_counted(void **state)
{
	(void)state;
	start(&(struct engine_options){0});
	run("dance\x1b[2J", "s");
	assert_int_equal(r.status, ENGINE_BAD);
	assert_null(strchr(r.message, 0x1b));
	q.work_us = -1;
	run("spin", "s");
	assert_int_equal(r.status, ENGINE_BAD);
	q.work_us = UNKNOWN;
	q.timeout_ms = 60001;
	run("spin", "s");
	assert_int_equal(r.status, ENGINE_BAD);
	assert_int_equal(look(ARM_V1)->requests, 0);
}

static void share_is_met_and_sticky(void **state)
{
	(void)state;
	enum { SESSIONS = 4000 };
	static bool on_v2[SESSIONS];
	start(&(struct engine_options){.share_bp = 2500, .strategy = STRATEGY_CANARY});
	char session[32];
	int v2 = 0;
	for (int i = 0; i < SESSIONS; i++) {
		snprintf(session, sizeof session, "user-%d", i);
		run("echo", session);
		assert_true(r.ok);
		on_v2[i] = r.arm == ARM_V2;
		v2 += on_v2[i];
	}
	assert_in_range(v2, 1000 - 137, 1000 + 137); /* 5 sigma of binomial(4000, 0.25) */
	assert_int_equal(look(ARM_V2)->requests, v2);
	assert_int_equal(change(VERB_STEP, "k", STRATEGY_COUNT, 5000), 200);
	for (int i = 0; i < SESSIONS; i += 7) {
		snprintf(session, sizeof session, "user-%d", i);
		run("echo", session);
		assert_true(r.arm == ARM_V2 || !on_v2[i]);
		enum arm arm = r.arm;
		run("echo", session);
		assert_int_equal(r.arm, arm);
	}
}

static void change_tells_counters_and_closes_units(void **state)
{
	(void)state;
	start(&(struct engine_options){.unit_ms = 3600000});
	run("echo", "a");
	run("fail", "a");
	run("echo", "b");
	run("echo", "");
	assert_int_equal(look(ARM_V1)->sessions, 0);
	assert_int_equal(change(VERB_STEP, "k", STRATEGY_COUNT, 10000), 200);
	const struct arm_counts *v1 = look(ARM_V1);
	assert_int_equal(v1->sessions, 2);
	assert_int_equal(v1->sessions_bad, 1);
	const struct change_counts *c = &snap->change.arms[ARM_V1];
	assert_int_equal(c->requests, 4);
	assert_int_equal(c->ok, 3);
	assert_int_equal(c->failed, 1);
	assert_int_equal(c->sessions, 2);
	assert_int_equal(c->sessions_bad, 1);
	run("echo", "a");
	assert_int_equal(r.arm, ARM_V2);
	assert_int_equal(change(VERB_ROLLBACK, "b", STRATEGY_COUNT, -1), 200);
	assert_int_equal(look(ARM_V2)->sessions, 1);
	assert_int_equal(snap->arms[ARM_V1].sessions, 2);
	run("echo", "a");
	assert_int_equal(r.arm, ARM_V1);
}

static void units_ripen_with_time(void **state)
{
	(void)state;
	start(&(struct engine_options){.unit_ms = 20});
	run("echo", "a");
	int64_t until_us = threads_us() + WAIT_US;
	while (look(ARM_V1)->sessions == 0) {
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 5);
	}
	assert_int_equal(snap->arms[ARM_V1].sessions, 1);
	assert_int_equal(histogram_total(&snap->arms[ARM_V1].session_latency), 1);
}

static void fallback_rescues_and_counts(void **state)
{
	(void)state;
	start(&(struct engine_options){
		.share_bp = 10000, .strategy = STRATEGY_PRIMARY_WITH_FALLBACK});
	engine_set_fault(e, ARM_V2, &(struct fault){.error_rate = 1});
	run("echo", "a");
	assert_int_equal(r.status, ENGINE_OK);
	assert_true(r.ok);
	assert_int_equal(r.arm, ARM_V1);
	run("fail", "a");
	assert_false(r.ok);
	assert_int_equal(r.arm, ARM_V2);
	look(ARM_V1);
	const struct arm_counts *v1 = &snap->arms[ARM_V1], *v2 = &snap->arms[ARM_V2];
	assert_int_equal(v2->requests, 2);
	assert_int_equal(counts_failed(v2), 2);
	assert_int_equal(v2->rescued, 1);
	assert_int_equal(v1->requests, 0);
	assert_int_equal(v1->retries, 1);
	engine_set_fault(e, ARM_V1, &(struct fault){.error_rate = 1});
	run("echo", "a");
	assert_false(r.ok);
	assert_int_equal(look(ARM_V2)->rescued, 1);
}

static void fallback_never_towards_v2_at_nothing(void **state)
{
	(void)state;
	start(&(struct engine_options){.strategy = STRATEGY_PRIMARY_WITH_FALLBACK});
	engine_set_fault(e, ARM_V1, &(struct fault){.error_rate = 1});
	run("echo", "a");
	assert_false(r.ok);
	assert_int_equal(r.arm, ARM_V1);
	assert_int_equal(look(ARM_V2)->retries, 0);
}

static void canary_does_not_fall_back(void **state)
{
	(void)state;
	start(&(struct engine_options){.share_bp = 10000, .strategy = STRATEGY_CANARY});
	engine_set_fault(e, ARM_V2, &(struct fault){.error_rate = 1});
	run("echo", "a");
	assert_false(r.ok);
	assert_int_equal(r.arm, ARM_V2);
	assert_int_equal(look(ARM_V1)->retries, 0);
}

static void shadow_copies_and_compares(void **state)
{
	(void)state;
	start(&(struct engine_options){.strategy = STRATEGY_SHADOW});
	q.work_us = 10;
	run("predict", "a");
	assert_int_equal(r.arm, ARM_V1);
	assert_true(r.ok);
	run("fail", "a");
	const struct arm_counts *v2 = look(ARM_V2);
	assert_int_equal(v2->shadowed, 1);
	assert_int_equal(v2->mismatched, 0);
	assert_int_equal(v2->requests, 0);
	engine_set_fault(e, ARM_V2, &(struct fault){.error_rate = 1});
	run("predict", "a");
	assert_true(r.ok);
	assert_int_equal(look(ARM_V2)->mismatched, 1);
}

static void without_v2_v1_answers(void **state)
{
	(void)state;
	start(&(struct engine_options){.no_v2 = true, .strategy = STRATEGY_PRIMARY_WITH_FALLBACK});
	engine_set_fault(e, ARM_V1, &(struct fault){.error_rate = 1});
	run("echo", "a");
	assert_int_equal(r.arm, ARM_V1);
	assert_int_equal(look(ARM_V2)->workers.total, 0);
	assert_int_equal(change(VERB_STEP, "k", STRATEGY_COUNT, 100), 422);
}

static void *run_sleep(void *arg)
{
	struct engine_request *request = calloc(1, sizeof *request);
	text_copy(request->operation, sizeof request->operation, "sleep");
	request->work_us = 50000000;
	request->timeout_ms = 60000;
	engine_execute(e, request, arg);
	free(request);
	return NULL;
}

static void draining_refuses_and_waits(void **state)
{
	(void)state;
	start(&(struct engine_options){.share_bp = 10000, .strategy = STRATEGY_CANARY});
	pthread_t thread;
	struct engine_response *slow = calloc(1, sizeof *slow);
	assert_int_equal(pthread_create(&thread, NULL, run_sleep, slow), 0);
	int64_t until_us = threads_us() + WAIT_US;
	while (look(ARM_V2)->in_flight == 0)
		assert_true(threads_us() < until_us);
	assert_false(engine_drain(e, 5));
	run("echo", "a");
	assert_int_equal(r.status, ENGINE_DRAINING);
	assert_int_equal(look(ARM_V1)->requests, 0);
	/* Stopping ends what runs. */
	int64_t begun_us = threads_us();
	engine_stop(e);
	e = NULL;
	pthread_join(thread, NULL);
	assert_true(threads_us() - begun_us < WAIT_US);
	assert_false(slow->ok);
	assert_int_equal(slow->failure, FAILURE_SYSTEM);
	free(slow);
}

static void restart_keeps_the_split(void **state)
{
	(void)state;
	char dir[64] = "/tmp/weir-engine-XXXXXX", file[96];
	assert_non_null(mkdtemp(dir));
	start(&(struct engine_options){.state_dir = dir});
	assert_int_equal(change(VERB_STEP, "k", STRATEGY_COUNT, 10000), 200);
	look(ARM_V1);
	int64_t epoch = snap->epoch;
	struct err err;
	struct engine *second;
	assert_int_equal(
		engine_start(&second, &(struct engine_options){.state_dir = dir}, &err), -1);
	assert_int_equal(err.code, ERR_LOCKED);
	engine_stop(e);
	start(&(struct engine_options){.state_dir = dir});
	run("echo", "a");
	assert_int_equal(r.arm, ARM_V2);
	look(ARM_V1);
	assert_int_equal(snap->epoch, epoch);
	assert_int_equal(snap->rev, 1);
	assert_int_equal(snap->share_bp, 10000);
	snprintf(file, sizeof file, "%s/control.log", dir);
	unlink(file);
	rmdir(dir);
}

/* ---- what the pool does by itself ---- */

static int raise_guarded(int to_bp)
{
	look(ARM_V1);
	struct control_request c = {.verb = VERB_STEP,
		.key = "guarded",
		.has_match = true,
		.match_epoch = snap->epoch,
		.match_rev = snap->rev,
		.to_bp = to_bp,
		.from_bp = -1,
		.keep_within_ms = 600000,
		.has_guard = true,
		.strategy = STRATEGY_COUNT,
		.actor = "ann@host"};
	guard_limits_init(&c.guard);
	c.guard.error_rate = 0.1;
	struct control_answer a;
	engine_change(e, &c, &a);
	return a.status;
}

/* The raise was sent and its console was killed: the engine's own thread brings it back. */
static void nobody_looks_and_it_rolls_back(void **state)
{
	(void)state;
	start(&(struct engine_options){.strategy = STRATEGY_CANARY});
	assert_int_equal(raise_guarded(SHARE_FULL), 200);
	assert_string_equal(engine_note(e), "");
	engine_set_fault(e, ARM_V2, &(struct fault){.error_rate = 1});
	int64_t until_us = threads_us() + WAIT_US;
	do {
		assert_true(threads_us() < until_us);
		run("echo", "a");
		poll(NULL, 0, 1);
	} while (r.arm == ARM_V2);
	look(ARM_V1);
	assert_int_equal(snap->share_bp, 0);
	assert_string_equal(snap->change.actor, POOL_ACTOR);
	assert_true(snap->change.arms[ARM_V2].failed >= 10);
	assert_true(snap->guard.known && snap->guard.armed);
	assert_int_equal(snap->drain_ms, 0);
	struct audit_entry a[4];
	assert_int_equal(engine_audit(e, 0, a, 4), 2);
	assert_string_equal(a[1].what, "rollback");
	assert_string_equal(a[1].actor, POOL_ACTOR);
	assert_memory_equal(a[1].reason, "guard: errors ", 14);
}

static void what_bypasses_is_in_no_comparison(void **state)
{
	(void)state;
	start(&(struct engine_options){.share_bp = 10000, .strategy = STRATEGY_CANARY});
	look(ARM_V1);
	struct control_request c = {.verb = VERB_OPERATIONS,
		.key = "ops",
		.has_match = true,
		.match_epoch = snap->epoch,
		.to_bp = -1,
		.from_bp = -1,
		.has_operations = true,
		.operations = {.limited = true, .count = 1, .name = {"dance"}},
		.strategy = STRATEGY_COUNT,
		.actor = "ann@host"};
	struct control_answer a;
	engine_change(e, &c, &a);
	assert_int_equal(a.status, 422);
	text_copy(c.operations.name[0], OPERATION_NAME_MAX, "echo");
	engine_change(e, &c, &a);
	assert_int_equal(a.status, 200);
	q.work_us = 0;
	run("predict", "a");
	assert_true(r.ok);
	assert_int_equal(r.arm, ARM_V1);
	run("fail", "a");
	assert_false(r.ok);
	assert_int_equal(r.arm, ARM_V1);
	run("echo", "a");
	assert_int_equal(r.arm, ARM_V2);
	look(ARM_V1);
	const struct arm_counts *v1 = &snap->arms[ARM_V1], *v2 = &snap->arms[ARM_V2];
	assert_int_equal(v1->bypassed, 2);
	assert_int_equal(v1->requests, 0);
	assert_int_equal(counts_done(v1), 0);
	assert_int_equal(histogram_total(&v1->latency), 0);
	assert_int_equal(v2->requests, 1);
	assert_int_equal(snap->operations.count, 1);
	assert_int_equal(snap->rev, 1);
	assert_int_equal(change(VERB_STEP, "k", STRATEGY_COUNT, 0), 200);
	assert_int_equal(look(ARM_V1)->sessions, 0); /* and makes no unit */
	assert_int_equal(snap->arms[ARM_V2].sessions, 1);
}

static void leases_are_told(void **state)
{
	(void)state;
	start(&(struct engine_options){0});
	struct lease_request l = {.actor = "ann@host", .ttl_ms = 30000};
	struct control_answer a;
	engine_lease(e, &l, &a);
	assert_int_equal(a.status, 200);
	look(ARM_V1);
	assert_string_equal(snap->lease.holder, "ann@host");
	assert_in_range(snap->lease.ttl_ms, 1, 30000);
}

/* ---- many at once ---- */

static atomic_int callers_left, odd_answers;

static void *hammer(void *arg)
{
	static const char *const mix[] = {"echo", "fail", "echo", "sleep", "predict"};
	struct engine_request *request = calloc(1, sizeof *request);
	struct engine_response *response = calloc(1, sizeof *response);
	int me = (int)(intptr_t)arg;
	for (int i = 0; i < 300; i++) {
		text_copy(request->operation, sizeof request->operation, mix[i % 5]);
		snprintf(request->session, sizeof request->session, "s-%d", (me * 300 + i) % 97);
		request->work_us = 30;
		request->timeout_ms = i % 13 == 0 ? 1 : 0;
		engine_execute(e, request, response);
		if (response->status != ENGINE_OK && response->status != ENGINE_SATURATED &&
			response->status != ENGINE_TIMEOUT)
			atomic_fetch_add(&odd_answers, 1);
	}
	atomic_fetch_sub(&callers_left, 1);
	free(request);
	free(response);
	return NULL;
}

static void adds_up_while_callers_and_changes_run(void **state)
{
	(void)state;
	enum { CALLERS = 8 };
	start(&(struct engine_options){.v2_workers = 2,
		.queue_max = 3,
		.share_bp = 5000,
		.strategy = STRATEGY_PRIMARY_WITH_FALLBACK});
	pthread_t threads[CALLERS];
	atomic_store(&callers_left, CALLERS);
	for (int i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, (void *)(intptr_t)i), 0);
	char key[16];
	int64_t last[ARM_COUNT] = {0};
	for (int i = 0; atomic_load(&callers_left) > 0; i++) {
		snprintf(key, sizeof key, "k%d", i);
		assert_int_equal(change(i % 10 == 9 ? VERB_ROLLBACK : VERB_STEP, key, STRATEGY_COUNT,
							 1000 * (i % 10)),
			200);
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			assert_true(snap->arms[arm].requests >= last[arm]);
			last[arm] = snap->arms[arm].requests;
		}
		poll(NULL, 0, 1);
	}
	for (int i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&odd_answers), 0);
	look(ARM_V1);
	assert_int_equal(snap->arms[ARM_V1].requests + snap->arms[ARM_V2].requests, CALLERS * 300);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		assert_int_equal(snap->arms[arm].in_flight, 0);
		assert_int_equal(snap->arms[arm].queue_depth, 0);
	}
}

enum { RACES = 10000 };

struct racer {
	int me;
	int64_t epoch;
	unsigned char won[RACES];
};

static atomic_int arrived;

/* Both begin each round together; the kernel may run anybody else meanwhile. */
static void meet(int round)
{
	atomic_fetch_add(&arrived, 1);
	while (atomic_load(&arrived) < 2 * (round + 1))
		sched_yield();
}

static void *race(void *arg)
{
	struct racer *me = arg;
	struct control_request c = {.verb = VERB_STEP,
		.has_match = true,
		.from_bp = -1,
		.match_epoch = me->epoch,
		.strategy = STRATEGY_COUNT,
		.actor = "ann@host"};
	struct control_answer a;
	for (int i = 0; i < RACES; i++) {
		meet(i);
		c.match_rev = i;
		c.to_bp = (i + me->me) % SHARE_FULL;
		snprintf(c.key, sizeof c.key, "%d-%d", me->me, i);
		engine_change(e, &c, &a);
		me->won[i] = a.status == 200;
		if (a.status != 200 && a.status != 412)
			me->won[i] = 9;
	}
	return NULL;
}

static void of_two_compare_and_sets_one_wins(void **state)
{
	(void)state;
	start(&(struct engine_options){.strategy = STRATEGY_CANARY});
	look(ARM_V1);
	struct racer *racers = calloc(2, sizeof *racers);
	pthread_t threads[2];
	atomic_store(&arrived, 0);
	for (int i = 0; i < 2; i++) {
		racers[i].me = i;
		racers[i].epoch = snap->epoch;
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < RACES; i++)
		assert_int_equal(racers[0].won[i] + racers[1].won[i], 1);
	look(ARM_V1);
	assert_int_equal(snap->rev, RACES);
	assert_int_equal(snap->audit_seq, RACES);
	free(racers);
}

#define TURNS 20

static atomic_bool over;

static void *keep_busy(void *arg)
{
	struct engine_request mine = {.work_us = UNKNOWN, .operation = "echo"};
	struct engine_response answer;
	for (int i = 0; !atomic_load(&over); i++) {
		snprintf(mine.session, sizeof mine.session, "%d-%d", (int)(intptr_t)arg, i % 5000);
		engine_execute(e, &mine, &answer);
	}
	return NULL;
}

/* An arm without a share has no unit since the change that took it away: those of the time
 * while the change was written to the disk belong to the split before. */
static void no_unit_of_one_split_counts_for_the_next(void **state)
{
	(void)state;
	char dir[] = "/tmp/weir-engine-XXXXXX", file[64];
	assert_non_null(mkdtemp(dir));
	start(&(struct engine_options){.strategy = STRATEGY_CANARY, .state_dir = dir});
	pthread_t threads[2];
	atomic_store(&over, false);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, keep_busy, (void *)(intptr_t)i), 0);
	int64_t strays = 0;
	for (int i = 0; i < TURNS; i++) {
		char key[16];
		snprintf(key, sizeof key, "t%d", i);
		bool up = i % 2 == 0;
		assert_int_equal(change(VERB_STEP, key, STRATEGY_COUNT, up ? SHARE_FULL : 0), 200);
		engine_snapshot(e, snap);
		enum arm idle = up ? ARM_V1 : ARM_V2;
		strays += snap->arms[idle].sessions - snap->change.arms[idle].sessions;
	}
	atomic_store(&over, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(strays, 0);
	snprintf(file, sizeof file, "%s/control.log", dir);
	unlink(file);
	rmdir(dir);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(bad_options_are_refused),
		T(document_has_names_and_gauges),
		T(bad_requests_are_not_counted),
		T(share_is_met_and_sticky),
		T(change_tells_counters_and_closes_units),
		T(units_ripen_with_time),
		T(fallback_rescues_and_counts),
		T(fallback_never_towards_v2_at_nothing),
		T(canary_does_not_fall_back),
		T(shadow_copies_and_compares),
		T(without_v2_v1_answers),
		T(draining_refuses_and_waits),
		T(restart_keeps_the_split),
		T(nobody_looks_and_it_rolls_back),
		T(what_bypasses_is_in_no_comparison),
		T(leases_are_told),
		T(adds_up_while_callers_and_changes_run),
		T(of_two_compare_and_sets_one_wins),
		T(no_unit_of_one_split_counts_for_the_next),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
