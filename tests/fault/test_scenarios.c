/* The scenarios that come with weir, each in the real engine for a moment, its time axis run
 * through faster: what its name promises is there to be seen. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/engine.h"
#include "client/engine/tallies.h"
#include "client/engine/threads.h"
#include "model/arrivals.h"
#include "model/text.h"
#include "tui/config.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIR_NAME "tests/scenarios"
#define WAIT_US 20000000

/* How much faster the axis runs; how much more arrives, and how much shorter work is. */
struct pace {
	int64_t axis, rate, work;
};

static struct engine *e;
static struct snapshot *now;
static struct scenario s;

/* The arms of the last look. */
#define V1 (&now->arms[ARM_V1])
#define V2 (&now->arms[ARM_V2])

static int sit_down(void **state)
{
	(void)state;
	e = NULL;
	now = calloc(1, sizeof *now);
	return 0;
}

static int get_up(void **state)
{
	(void)state;
	engine_stop(e);
	free(now);
	return 0;
}

static void read_scenario(const char *name)
{
	char path[256];
	struct err err = {0};
	snprintf(path, sizeof path, DIR_NAME "/%s.yaml", name);
	if (config_load_scenario(&s, path, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(s.name, name);
}

static void quicken(const struct pace *p)
{
	s.rate *= (double)p->rate;
	s.unit_ms = 20;
	for (int i = 0; i < s.operation_count; i++)
		s.operations[i].work_us /= p->work;
	for (int i = 0; i < s.level_count; i++) {
		s.levels[i].rate *= (double)p->rate;
		s.levels[i].at_ms /= p->axis;
		s.levels[i].over_ms /= p->axis;
		s.levels[i].period_ms /= p->axis;
	}
	for (int i = 0; i < s.phase_count; i++)
		s.phases[i].at_ms /= p->axis;
	for (int i = 0; i < s.event_count; i++)
		s.events[i].at_ms /= p->axis;
}

static int begin_at(int share_bp, struct err *err)
{
	/* A breaker would end some stories before their point. */
	const struct engine_options o = {.scenario = &s,
		.share_bp = share_bp,
		.strategy = STRATEGY_CANARY,
		.breaker_failures = 100000};
	return engine_start(&e, &o, err);
}

static void begin(const char *name, struct pace p)
{
	struct err err = {0};
	read_scenario(name);
	quicken(&p);
	if (begin_at(5000, &err) != 0)
		fail_msg("%s", err.text);
}

static void wait_until(bool (*fact)(void))
{
	int64_t until_us = threads_us() + WAIT_US;
	for (engine_snapshot(e, now); !fact(); engine_snapshot(e, now)) {
		if (threads_us() > until_us)
			fail_msg("%s: never seen", s.name);
		poll(NULL, 0, 1);
	}
}

static int64_t failed(enum arm arm, enum failure why)
{
	return now->arms[arm].failed[why];
}

static int64_t failed_of(enum arm arm, const char *operation)
{
	for (int i = 0; i < now->arms[arm].operation_count; i++)
		if (strcmp(now->arms[arm].operations[i].name, operation) == 0)
			return now->arms[arm].operations[i].failed;
	return UNKNOWN;
}

/* Takes the scenario's arrivals through the engine one by one, without their work, as fast as it
 * can: what callers are told of both arms. */
static void rush(int count, int64_t told_failed[ARM_COUNT])
{
	static struct engine_request request;
	static struct engine_response response;
	struct arrivals *all = arrivals_new(&s, 1);
	struct arrival a;
	for (int i = 0; i < count; i++) {
		assert_true(arrivals_next(all, &a));
		text_copy(request.operation, sizeof request.operation, s.operations[a.operation].name);
		snprintf(
			request.session, sizeof request.session, "s-%llu", (unsigned long long)a.session);
		snprintf(request.id, sizeof request.id, "r-%llu", (unsigned long long)a.number);
		engine_execute(e, &request, &response);
		assert_int_equal(response.status, ENGINE_OK);
		told_failed[response.arm] += !response.ok;
	}
	arrivals_free(all);
	engine_snapshot(e, now);
}

/* Starts the scenario's faults, but not its arrivals: a rush follows. */
static void begin_for_rush(const char *name)
{
	read_scenario(name);
	struct scenario whole = s;
	s.rate = 0;
	assert_int_equal(begin_at(5000, NULL), 0);
	s = whole;
}

/* ---- nothing is wrong ---- */

static bool both_work(void)
{
	return V1->ok > 200 && V2->ok > 200;
}

static void good_v2(void **state)
{
	(void)state;
	begin("good-v2", (struct pace){.axis = 1, .rate = 15, .work = 15});
	wait_until(both_work);
	assert_int_equal(counts_failed(V1) + counts_failed(V2), 0);
	assert_true(s.v1_slow_factor > 1);
}

static void daily(void **state)
{
	(void)state;
	begin("daily", (struct pace){.axis = 100000, .rate = 15, .work = 15});
	wait_until(both_work);
	assert_int_equal(counts_failed(V1) + counts_failed(V2), 0);
	read_scenario("daily");
	assert_float_equal(scenario_rate(&s, 6 * 3600000), 180, 1e-6);
	assert_float_equal(scenario_rate(&s, 18 * 3600000), 20, 1e-6);
}

/* ---- errors ---- */

static void errors_2x(void **state)
{
	int64_t told[ARM_COUNT] = {0};
	(void)state;
	begin_for_rush("errors-2x");
	rush(16000, told);
	double one = (double)counts_failed(V1) / (double)counts_done(V1);
	double two = (double)counts_failed(V2) / (double)counts_done(V2);
	assert_true(one > 0.004 && one < 0.018);
	assert_true(two > 0.012 && two < 0.032);
	assert_true(two > one);
}

static void lying_metrics(void **state)
{
	int64_t told[ARM_COUNT] = {0};
	(void)state;
	begin_for_rush("lying-metrics");
	rush(2000, told);
	assert_true(told[ARM_V2] > 30);
	assert_int_equal(told[ARM_V1], 0);
	assert_int_equal(counts_failed(V2), 0);
	assert_true(V2->requests > 700 && V2->ok == V2->requests);
}

static bool v1_rescues(void)
{
	return V2->rescued > 10;
}

static bool v2_has_bad_sessions(void)
{
	return V2->sessions_bad >= 3;
}

static void fallback_hides_errors(void **state)
{
	int64_t told[ARM_COUNT] = {0};
	(void)state;
	begin("fallback-hides-errors", (struct pace){.axis = 1, .rate = 15, .work = 15});
	wait_until(v1_rescues);
	assert_int_equal(now->strategy, STRATEGY_PRIMARY_WITH_FALLBACK);
	assert_true(counts_failed(V2) >= V2->rescued);
	assert_int_equal(counts_failed(V1), 0);
	/* what v1 rescued is bad on v2 all the same, for who compares sessions */
	wait_until(v2_has_bad_sessions);
	rush(300, told);
	assert_int_equal(told[ARM_V1] + told[ARM_V2], 0);
}

static bool predict_of_v2_fails(void)
{
	return failed_of(ARM_V2, "predict") >= 5;
}

static void operation_breaks(void **state)
{
	(void)state;
	begin("operation-breaks", (struct pace){.axis = 400, .rate = 15, .work = 15});
	wait_until(predict_of_v2_fails);
	assert_int_equal(failed_of(ARM_V2, "echo") + failed_of(ARM_V2, "sleep"), 0);
	assert_int_equal(counts_failed(V1), 0);
}

/* What was seen last, for facts that are about a while. */
static int64_t ok_then, failed_then;

static void remember(void)
{
	ok_then = V2->ok;
	failed_then = counts_failed(V2);
}

static bool is_red(void)
{
	return counts_failed(V2) >= failed_then + 3;
}

/* As many calls without one failure, as do not happen in a bad spell. */
static bool is_green(void)
{
	if (counts_failed(V2) > failed_then)
		remember();
	return V2->ok >= ok_then + 200;
}

static void flapping(void **state)
{
	(void)state;
	begin("flapping", (struct pace){.axis = 80, .rate = 30, .work = 30});
	remember();
	for (int spell = 0; spell < 2; spell++) {
		wait_until(is_red);
		remember();
		wait_until(is_green);
		remember();
	}
	assert_int_equal(counts_failed(V1), 0);
}

static bool v2_fails(void)
{
	return counts_failed(V2) > 0;
}

static bool v1_fails(void)
{
	return counts_failed(V1) > 2;
}

static void v1_goes_bad_during_rollback(void **state)
{
	(void)state;
	read_scenario("v1-goes-bad-during-rollback");
	quicken(&(struct pace){.axis = 200, .rate = 15, .work = 15});
	s.phases[1].at_ms = s.phases[0].at_ms + 700; /* long enough to see v2 alone */
	assert_int_equal(begin_at(5000, NULL), 0);
	wait_until(v2_fails);
	assert_int_equal(counts_failed(V1), 0);
	struct control_request back = {.verb = VERB_ROLLBACK,
		.key = "back",
		.from_bp = -1,
		.strategy = STRATEGY_COUNT,
		.actor = "ann@host"};
	struct control_answer answer;
	engine_change(e, &back, &answer);
	assert_int_equal(answer.status, 200);
	wait_until(v1_fails);
	assert_int_equal(now->share_bp, 0);
}

/* ---- time ---- */

static struct histogram latency_then;

static void remember_latency(void)
{
	latency_then = V2->latency;
	remember();
}

static int64_t v2_quantile_us(double q)
{
	struct histogram since;
	assert_true(histogram_difference(&since, &V2->latency, &latency_then));
	return histogram_quantile_us(&since, q);
}

static bool tail_is_slow_now(void)
{
	return now->uptime_ms > 170; /* the phase begins at 150 */
}

static bool v2_did_much(void)
{
	return V2->ok >= ok_then + 500;
}

static void slow_p99(void **state)
{
	(void)state;
	read_scenario("slow-p99");
	quicken(&(struct pace){.axis = 200, .rate = 8, .work = 1});
	assert_int_equal(begin_at(8000, NULL), 0);
	wait_until(tail_is_slow_now);
	remember_latency();
	wait_until(v2_did_much);
	assert_true(v2_quantile_us(0.99) > 20000);
	assert_true(v2_quantile_us(0.5) < 20000);
	assert_int_equal(counts_failed(V2), 0);
}

static bool v2_has_a_queue(void)
{
	return V2->queue_depth >= 5;
}

static bool v2_did_some(void)
{
	return V2->ok >= ok_then + 30;
}

static void latency_only_under_load(void **state)
{
	(void)state;
	read_scenario("latency-only-under-load");
	quicken(&(struct pace){.axis = 100, .rate = 3, .work = 1});
	s.level_count = 1; /* the peak stays until it is seen */
	assert_int_equal(begin_at(5000, NULL), 0);
	wait_until(v2_has_a_queue);
	remember_latency();
	wait_until(v2_did_some);
	assert_true(v2_quantile_us(0.9) > 20000); /* of work that takes 10 ms */
	assert_int_equal(counts_failed(V2), 0);
}

/* ---- resources ---- */

static int64_t memory_then;

static bool v2_has_leaked(void)
{
	return V2->memory_bytes > memory_then + (1 << 20);
}

static void leak(void **state)
{
	(void)state;
	begin("leak", (struct pace){.axis = 1, .rate = 15, .work = 15});
	memory_then = 0;
	wait_until(v2_has_leaked);
	memory_then = V2->memory_bytes;
	wait_until(v2_has_leaked);
	assert_int_equal(V1->memory_bytes, UNKNOWN);
	assert_int_equal(counts_failed(V2), 0);
}

static bool v2_is_saturated(void)
{
	return failed(ARM_V2, FAILURE_RESOURCE) > 0;
}

static void saturation(void **state)
{
	(void)state;
	begin("saturation", (struct pace){.axis = 100, .rate = 2, .work = 1});
	wait_until(v2_is_saturated);
	assert_int_equal(counts_failed(V2), failed(ARM_V2, FAILURE_RESOURCE));
	assert_int_equal(V2->workers.total, 2);
	assert_int_equal(V2->queue_max, 8);
}

static void hot_key(void **state)
{
	(void)state;
	begin("hot-key", (struct pace){.axis = 1, .rate = 15, .work = 1});
	wait_until(both_work);
	assert_int_equal(counts_failed(V1) + counts_failed(V2), 0);
	struct tallies_facts *facts = calloc(1, sizeof *facts);
	assert_true(engine_tally(e, ARM_V2, facts));
	int64_t most = 0;
	for (int i = 0; i < facts->part_count; i++)
		most = facts->part[i].records > most ? facts->part[i].records : most;
	assert_true(facts->keys > 10 && facts->part_count > 1);
	assert_true(most * 2 > facts->records); /* a few parts are not as many as the half */
	free(facts);
}

/* ---- workers ---- */

static bool v2_crashes(void)
{
	return V2->workers.crashed >= 3;
}

static bool v2_is_whole(void)
{
	return V2->workers.ready == V2->workers.total && V2->workers.restarted >= 3;
}

static void crash_storm(void **state)
{
	(void)state;
	read_scenario("crash-storm");
	quicken(&(struct pace){.axis = 200, .rate = 15, .work = 15});
	assert_int_equal(s.phase_count, 2);
	s.phase_count = 1; /* it ends when it was seen */
	assert_int_equal(begin_at(5000, NULL), 0);
	wait_until(v2_crashes);
	assert_int_equal(V1->workers.crashed, 0);
	engine_set_fault(e, ARM_V2, &s.phases[1].fault);
	wait_until(v2_is_whole);
	assert_int_equal(V2->workers.total, 8);
}

static bool v2_hangs(void)
{
	return V2->in_flight == V2->workers.total;
}

static bool v2_is_late(void)
{
	return failed(ARM_V2, FAILURE_TIMEOUT) + V2->timeouts >= 8;
}

static void hang(void **state)
{
	(void)state;
	read_scenario("hang");
	quicken(&(struct pace){.axis = 200, .rate = 15, .work = 15});
	s.timeout_ms /= 10;
	s.phase_count = 1;
	assert_int_equal(begin_at(5000, NULL), 0);
	wait_until(v2_hangs);
	assert_int_equal(counts_failed(V2), 0);
	wait_until(v2_is_late);
	assert_int_equal(counts_failed(V1), 0);
}

static bool v2_stands(void)
{
	return V2->queue_depth >= 5 && V2->in_flight == 0;
}

static bool v2_goes_on(void)
{
	return V2->queue_depth == 0 && V2->ok > ok_then + 5;
}

static void queue_stall(void **state)
{
	(void)state;
	read_scenario("queue-stall");
	quicken(&(struct pace){.axis = 200, .rate = 15, .work = 15});
	s.phases[1].at_ms = s.phases[0].at_ms + 500; /* long enough to be seen */
	assert_int_equal(begin_at(5000, NULL), 0);
	wait_until(v2_stands);
	remember();
	wait_until(v2_goes_on);
	assert_int_equal(counts_failed(V2) + V2->timeouts, 0);
}

/* ---- the node ---- */

static int64_t ahead_ms(void)
{
	return now->now_ms - engine_now().wall_ms;
}

static bool is_ahead(void)
{
	return ahead_ms() > 250000;
}

static bool is_behind(void)
{
	return ahead_ms() < -7000000;
}

static bool is_right_again(void)
{
	return llabs(ahead_ms()) < 60000;
}

static void clock_skew(void **state)
{
	static bool (*const facts[])(void) = {is_ahead, is_behind, is_right_again};
	(void)state;
	read_scenario("clock-skew");
	assert_int_equal(s.event_count, 3);
	struct scenario whole = s;
	for (int i = 0; i < whole.event_count; i++) {
		/* One after the other, for as long as it takes to see it. */
		s.event_count = 1;
		s.events[0] = whole.events[i];
		s.events[0].at_ms = 20;
		assert_int_equal(begin_at(5000, NULL), 0);
		wait_until(facts[i]);
		engine_stop(e);
		e = NULL;
	}
}

static void restart(void **state)
{
	struct err err = {0};
	(void)state;
	read_scenario("restart");
	assert_int_equal(scenario_restarts(&s, 60000), 1);
	assert_int_equal(begin_at(5000, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, "restarts the node at 1m"));
}

/* ---- all ---- */

#define T(name) cmocka_unit_test_setup_teardown(name, sit_down, get_up)
static const struct CMUnitTest stories[] = {
	T(good_v2),
	T(daily),
	T(errors_2x),
	T(lying_metrics),
	T(fallback_hides_errors),
	T(operation_breaks),
	T(flapping),
	T(v1_goes_bad_during_rollback),
	T(slow_p99),
	T(latency_only_under_load),
	T(leak),
	T(saturation),
	T(hot_key),
	T(crash_storm),
	T(hang),
	T(queue_stall),
	T(clock_skew),
	T(restart),
};
#define STORIES (sizeof stories / sizeof *stories)

/* The case of a file: its name with other dashes. */
static bool has_story(const char *file)
{
	for (size_t i = 0; i < STORIES; i++) {
		const char *a = stories[i].name, *b = file;
		while (*a && (*a == *b || (*a == '_' && *b == '-'))) {
			a++;
			b++;
		}
		if (!*a && strcmp(b, ".yaml") == 0)
			return true;
	}
	return false;
}

/* The comment above the keys says what a person should see. */
static void every_file_has_a_story_and_says_what_to_see(void **state)
{
	(void)state;
	size_t files = 0;
	DIR *dir = opendir(DIR_NAME);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		char path[512], text[4096];
		if (entry->d_name[0] == '.')
			continue;
		files++;
		if (!has_story(entry->d_name))
			fail_msg("%s has no case here", entry->d_name);
		snprintf(path, sizeof path, DIR_NAME "/%s", entry->d_name);
		FILE *file = fopen(path, "r");
		assert_non_null(file);
		text[fread(text, 1, sizeof text - 1, file)] = '\0';
		fclose(file);
		if (strncmp(text, "# ", 2) != 0 || !strstr(text, "\n# See"))
			fail_msg("%s does not say what to see", entry->d_name);
	}
	closedir(dir);
	assert_int_equal(files, STORIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_file_has_a_story_and_says_what_to_see),
	};
	int bad = cmocka_run_group_tests(tests, NULL, NULL);
	return cmocka_run_group_tests(stories, NULL, NULL) + bad;
}
