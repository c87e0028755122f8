/* Tests of processors in the engine: keyed work on both arms, workers that are pinned, and the
 * routing cases that need the whole: fail-over, live changes, rates, the list of operations. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/engine.h"
#include "client/engine/executor.h"
#include "client/engine/tallies.h"
#include "model/text.h"

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOON_US (threads_us() + 20000000)

static struct engine *e;
static struct snapshot *snap;
static struct tallies_facts *facts;
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
	facts = calloc(1, sizeof *facts);
	memset(&q, 0, sizeof q);
	q.work_us = UNKNOWN;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	engine_stop(e);
	e = NULL;
	free(snap);
	free(facts);
	return 0;
}

static const struct arm_counts *look(enum arm arm)
{
	engine_snapshot(e, snap);
	return &snap->arms[arm];
}

static void run(const char *operation, const char *session)
{
	text_copy(q.operation, sizeof q.operation, operation);
	text_copy(q.session, sizeof q.session, session);
	engine_execute(e, &q, &r);
}

static void tally(const char *key, const char *payload)
{
	text_copy(q.key, sizeof q.key, key);
	text_copy(q.payload, sizeof q.payload, payload);
	run("tally", "s");
}

static int change(const char *key, enum strategy strategy, int to_bp)
{
	look(ARM_V1);
	struct control_request c = {.verb = VERB_STEP,
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

/* ---- keyed work ---- */

static void tally_adds_up_in_its_arm(void **state)
{
	(void)state;
	start(&(struct engine_options){.strategy = STRATEGY_CANARY,
		.v1_processor = "v1:transactional",
		.v2_processor = "v2:4"});
	tally("a", "{\"value\":5}");
	assert_int_equal(r.status, ENGINE_OK);
	assert_string_equal(r.result, "{\"records\":1,\"keys\":1}");
	tally("", "{\"records\":[[\"a\",1],[\"b\",2],[\"a\",3]]}");
	assert_string_equal(r.result, "{\"records\":3,\"keys\":2}");
	assert_true(engine_tally(e, ARM_V1, facts));
	assert_string_equal(facts->processor, "v1:transactional");
	assert_int_equal(facts->records, 4);
	uint64_t digest = facts->digest;
	assert_true(engine_tally(e, ARM_V2, facts));
	assert_int_equal(facts->records, 0);
	assert_int_equal(change("k", STRATEGY_COUNT, SHARE_FULL), 200);
	tally("a", "{\"value\":5}");
	assert_int_equal(r.arm, ARM_V2);
	tally("", "{\"records\":[[\"b\",2],[\"a\",3],[\"a\",1]]}");
	assert_true(engine_tally(e, ARM_V2, facts));
	assert_string_equal(facts->processor, "v2:4");
	assert_int_equal(facts->part_count, 4);
	assert_true(facts->digest == digest);
	assert_int_equal(look(ARM_V2)->ok, 2);
}

/* A batch that is none is its sender's own error: not counted, no failure of the breaker. */
static void a_bad_batch_is_nobodys_failure(void **state)
{
	(void)state;
	start(&(struct engine_options){
		.strategy = STRATEGY_PRIMARY_WITH_FALLBACK, .breaker_failures = 1, .share_bp = 5000});
	for (int i = 0; i < 20; i++) {
		tally("a", "{\"value\":\"much\"}");
		assert_int_equal(r.status, ENGINE_BAD);
		assert_false(r.ok);
		assert_non_null(strstr(r.message, "payload.value"));
	}
	for (int i = 0; i < ARM_COUNT; i++) {
		assert_int_equal(look((enum arm)i)->requests, 0);
		assert_int_equal(snap->arms[i].retries, 0);
		assert_int_equal(snap->arms[i].breaker.opened, 0);
	}
	tally("a", "{\"value\":1}");
	assert_true(r.ok);
}

/* Not idempotent: a failure is the answer, and no other arm counts it too. */
static void tally_is_never_done_twice(void **state)
{
	(void)state;
	start(&(struct engine_options){
		.strategy = STRATEGY_PRIMARY_WITH_FALLBACK, .share_bp = SHARE_FULL});
	engine_set_fault(e, ARM_V2, &(struct fault){.error_rate = 1});
	tally("a", "{\"value\":1}");
	assert_false(r.ok);
	assert_int_equal(r.arm, ARM_V2);
	for (int i = 0; i < ARM_COUNT; i++) {
		engine_tally(e, (enum arm)i, facts);
		assert_int_equal(facts->records, 0);
	}
	engine_stop(e);
	start(&(struct engine_options){.strategy = STRATEGY_SHADOW});
	tally("a", "{\"value\":1}");
	assert_true(r.ok);
	engine_tally(e, ARM_V2, facts);
	assert_int_equal(facts->records, 0);
	assert_int_equal(look(ARM_V2)->shadowed, 0);
}

/* Keyed work of a scenario: what arrives is tallied; without keys it cannot be. */
static void a_scenario_tallies(void **state)
{
	(void)state;
	struct scenario s = {.rate = 2000,
		.sessions = 5,
		.keys = 3,
		.operation_count = 1,
		.operations = {{.name = "tally", .weight = 1}}};
	struct err err = {0};
	start(&(struct engine_options){.strategy = STRATEGY_CANARY, .scenario = &s});
	int64_t until_us = SOON_US;
	do {
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 1);
		engine_tally(e, ARM_V1, facts);
	} while (facts->keys < 3);
	assert_int_equal(counts_failed(look(ARM_V1)), 0);
	engine_stop(e);
	e = NULL;
	s.keys = 0;
	assert_int_equal(engine_start(&e, &(struct engine_options){.scenario = &s}, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, "say how many keys"));
}

static void an_arm_that_is_not_there_has_no_tables(void **state)
{
	(void)state;
	start(&(struct engine_options){.no_v2 = true});
	assert_true(engine_tally(e, ARM_V1, facts));
	assert_false(engine_tally(e, ARM_V2, facts));
}

static void words_are_refused_at_the_start(void **state)
{
	(void)state;
	static const struct engine_options rows[] = {
		{.v1_processor = "v2"},
		{.v2_processor = "v2:08"},
		{.partition = "round_robin"}, /* P3: keyed work would be torn apart */
		{.partition = "sticky"},      /* P2: its source is not parted by the key */
		{.partition = "nearest"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = {0};
		assert_int_equal(engine_start(&e, &rows[i], &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_null(e);
	}
}

/* ---- affinity ---- */

struct pinned {
	cpu_set_t allowed[4];
	int ran_on[4], runs[4];
	bool stays;
};

/* Within the run, in the thread that does it. */
static void see(void *ctx, void *job, int thread)
{
	struct pinned *p = ctx;
	(void)job;
	sched_getaffinity(0, sizeof p->allowed[thread], &p->allowed[thread]);
	int cpu = sched_getcpu();
	p->stays = p->stays && (p->runs[thread] == 0 || p->ran_on[thread] == cpu);
	p->ran_on[thread] = cpu;
	p->runs[thread]++;
}

static bool goes_on(void *ctx, int thread)
{
	(void)ctx, (void)thread;
	return true;
}

static void nobody_waits(void *ctx, int thread)
{
	(void)ctx, (void)thread;
}

static void the_executing_thread_stays_on_its_processor(void **state)
{
	(void)state;
	struct pinned p = {.stays = true};
	struct executor *x = NULL;
	const struct executor_options how = {
		.threads = 4, .run = see, .stays = goes_on, .shut = nobody_waits, .ctx = &p, .cpu = 0};
	const struct executor_want want = {.deadline_us = SOON_US, .queue_max = 8};
	int job = 0;
	assert_int_equal(executor_start(&x, &how, NULL), 0);
	for (int k = 0; k < 4; k++) {
		executor_open(x, k);
		for (int i = 0; i < 200; i++)
			assert_int_equal(executor_run(x, &job, &want), EXECUTOR_DONE);
		assert_true(executor_try_shut(x, k));
		assert_int_equal(p.runs[k], 200);
		assert_int_equal(CPU_COUNT(&p.allowed[k]), 1);
		assert_true(CPU_ISSET((size_t)p.ran_on[k], &p.allowed[k]));
	}
	assert_true(p.stays);
	executor_stop(x);
	/* Neighbours are on different ones where there are more. */
	cpu_set_t all;
	assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
	assert_true(CPU_COUNT(&all) == 1 || p.ran_on[0] != p.ran_on[1]);
}

static void *spin(void *arg)
{
	struct engine_request *request = calloc(1, sizeof *request);
	struct engine_response *response = calloc(1, sizeof *response);
	atomic_bool *over = arg;
	text_copy(request->operation, sizeof request->operation, "spin");
	request->work_us = 50000;
	while (!atomic_load(over))
		engine_execute(e, request, response);
	free(request);
	free(response);
	return NULL;
}

/* Threads of this process that run now and may do so on one processor only; `pinned` counts all
 * of those, running or not. */
static int count_running(int *pinned)
{
	int running = 0;
	struct dirent *entry;
	DIR *d = opendir("/proc/self/task");
	*pinned = 0;
	while (d && (entry = readdir(d))) {
		char path[64], line[256] = "";
		cpu_set_t set;
		long tid = strtol(entry->d_name, NULL, 10);
		if (tid <= 0 || sched_getaffinity((pid_t)tid, sizeof set, &set) != 0 ||
			CPU_COUNT(&set) != 1)
			continue;
		++*pinned;
		snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
		FILE *f = fopen(path, "r");
		if (f && fgets(line, sizeof line, f) && strrchr(line, ')'))
			running += strrchr(line, ')')[2] == 'R';
		if (f)
			fclose(f);
	}
	closedir(d);
	return running;
}

static void work_of_v2_runs_in_its_pinned_threads(void **state)
{
	(void)state;
	cpu_set_t all;
	assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
	if (CPU_COUNT(&all) < 2)
		skip(); /* on one processor everything is pinned */
	for (int affinity = 0; affinity < 2; affinity++) {
		pthread_t thread;
		atomic_bool over = false;
		int pinned;
		start(&(struct engine_options){.strategy = STRATEGY_CANARY,
			.share_bp = SHARE_FULL,
			.v2_processor = affinity ? "v2:3:affinity" : "v2:3"});
		assert_int_equal(pthread_create(&thread, NULL, spin, &over), 0);
		int64_t until_us = SOON_US;
		if (affinity)
			while (count_running(&pinned) == 0) {
				assert_true(threads_us() < until_us);
				poll(NULL, 0, 1);
			}
		while (look(ARM_V2)->ok == 0)
			assert_true(threads_us() < until_us);
		count_running(&pinned);
		assert_int_equal(pinned, affinity ? 3 : 0);
		atomic_store(&over, true);
		pthread_join(thread, NULL);
		engine_stop(e);
		e = NULL;
	}
}

/* ---- routing ---- */

/* A session of each arm at 50 %. */
static const char *session_of(enum arm arm)
{
	static char name[16];
	for (int i = 0;; i++) {
		snprintf(name, sizeof name, "u%d", i);
		if (split_arm(STRATEGY_CANARY, 5000, split_bucket(name, strlen(name), 0)) == arm)
			return name;
	}
}

/* R11: with either arm failing the other one answers; that is a fail-over there, not a route. */
static void r11_the_other_arm_answers_and_it_is_no_route(void **state)
{
	(void)state;
	for (int i = 0; i < ARM_COUNT; i++) {
		enum arm bad = (enum arm)i, good = bad == ARM_V1 ? ARM_V2 : ARM_V1;
		start(&(struct engine_options){
			.strategy = STRATEGY_PRIMARY_WITH_FALLBACK, .share_bp = 5000});
		engine_set_fault(e, bad, &(struct fault){.error_rate = 1});
		for (int k = 0; k < 3; k++) {
			run("echo", session_of(bad));
			assert_true(r.ok);
			assert_int_equal(r.arm, good);
		}
		assert_int_equal(look(bad)->requests, 3);
		assert_int_equal(counts_failed(&snap->arms[bad]), 3);
		assert_int_equal(snap->arms[bad].rescued, 3);
		assert_int_equal(snap->arms[good].requests, 0);
		assert_int_equal(snap->arms[good].ok, 0);
		assert_int_equal(snap->arms[good].retries, 3);
		engine_stop(e);
		e = NULL;
	}
}

/* R12: at the start and live. */
static void r12_full_migration_needs_a_v2(void **state)
{
	(void)state;
	struct err err = {0};
	const struct engine_options how = {
		.no_v2 = true, .strategy = STRATEGY_FULL_MIGRATION, .share_bp = SHARE_FULL};
	assert_int_equal(engine_start(&e, &how, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	start(&(struct engine_options){.no_v2 = true, .strategy = STRATEGY_CANARY});
	assert_int_equal(change("k", STRATEGY_FULL_MIGRATION, SHARE_FULL), 422);
	assert_int_equal(look(ARM_V1)->requests, 0);
	assert_int_equal(snap->share_bp, 0);
}

/* R13, R10: another strategy while it runs: the counters stay, the sessions too, and the audit
 * has it. */
static void r13_a_live_change_keeps_the_counters(void **state)
{
	(void)state;
	static bool on_v2[200];
	char session[16];
	start(&(struct engine_options){.strategy = STRATEGY_CANARY, .share_bp = 5000});
	for (int i = 0; i < 200; i++) {
		snprintf(session, sizeof session, "u%d", i);
		run("echo", session);
		on_v2[i] = r.arm == ARM_V2;
	}
	int64_t v1 = look(ARM_V1)->ok, v2 = snap->arms[ARM_V2].ok, seq = snap->audit_seq;
	assert_int_equal(v1 + v2, 200);
	assert_int_equal(change("k", STRATEGY_AB_TEST, 5000), 200);
	assert_int_equal(look(ARM_V1)->ok, v1);
	assert_int_equal(snap->arms[ARM_V2].ok, v2);
	assert_int_equal(snap->strategy, STRATEGY_AB_TEST);
	assert_int_equal(snap->change.arms[ARM_V1].requests, v1);
	for (int i = 0; i < 200; i++) {
		snprintf(session, sizeof session, "u%d", i);
		run("echo", session);
		assert_int_equal(r.arm == ARM_V2, on_v2[i]);
	}
	assert_int_equal(look(ARM_V1)->ok, 2 * v1);
	struct audit_entry entry;
	assert_int_equal(engine_audit(e, seq > 0 ? seq : 0, &entry, 1), 1);
	assert_string_equal(entry.actor, "ann@host");
	assert_string_equal(entry.key, "k");
}

/* R14: the part that succeeds is what was counted. */
static void r14_the_rate_moves_with_failures(void **state)
{
	(void)state;
	start(&(struct engine_options){.strategy = STRATEGY_CANARY, .breaker_failures = 100});
	for (int i = 0; i < 10; i++)
		run("echo", "a");
	const struct arm_counts *v1 = look(ARM_V1);
	assert_int_equal(v1->ok, 10);
	assert_int_equal(counts_failed(v1), 0);
	for (int i = 0; i < 30; i++)
		run("fail", "a");
	v1 = look(ARM_V1);
	assert_int_equal(v1->ok, 10);
	assert_int_equal(counts_failed(v1), 30);
	engine_set_fault(e, ARM_V1, &(struct fault){.error_rate = 1});
	run("echo", "a");
	assert_int_equal(counts_failed(look(ARM_V1)), 31);
}

/* R15: what is not on the list stays on v1 and is in no comparison. */
static void r15_only_listed_operations_go_to_v2(void **state)
{
	(void)state;
	start(&(struct engine_options){.strategy = STRATEGY_CANARY, .share_bp = SHARE_FULL});
	look(ARM_V1);
	struct control_request c = {.verb = VERB_OPERATIONS,
		.key = "list",
		.has_match = true,
		.match_epoch = snap->epoch,
		.match_rev = snap->rev,
		.to_bp = -1,
		.from_bp = -1,
		.has_operations = true,
		.operations = {.limited = true, .count = 2, .name = {"echo", "tally"}},
		.strategy = STRATEGY_COUNT,
		.actor = "ann@host"};
	struct control_answer a;
	engine_change(e, &c, &a);
	if (a.status != 200)
		fail_msg("%d %s %s", a.status, a.error, a.message);
	run("echo", "a");
	assert_int_equal(r.arm, ARM_V2);
	tally("a", "{\"value\":1}");
	assert_int_equal(r.arm, ARM_V2);
	q.work_us = 10;
	run("predict", "a");
	assert_int_equal(r.arm, ARM_V1);
	assert_true(r.ok);
	assert_int_equal(look(ARM_V1)->requests, 0);
	assert_int_equal(snap->arms[ARM_V1].bypassed, 1);
	assert_int_equal(snap->arms[ARM_V2].requests, 2);
	run("train", "a");
	assert_int_equal(r.status, ENGINE_BAD);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(tally_adds_up_in_its_arm),
		T(a_bad_batch_is_nobodys_failure),
		T(tally_is_never_done_twice),
		T(a_scenario_tallies),
		T(an_arm_that_is_not_there_has_no_tables),
		T(words_are_refused_at_the_start),
		T(the_executing_thread_stays_on_its_processor),
		T(work_of_v2_runs_in_its_pinned_threads),
		T(r11_the_other_arm_answers_and_it_is_no_route),
		T(r12_full_migration_needs_a_v2),
		T(r13_a_live_change_keeps_the_counters),
		T(r14_the_rate_moves_with_failures),
		T(r15_only_listed_operations_go_to_v2),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
