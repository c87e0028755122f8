/* The scenarios that come with weir, as the pool's own judge sees them: the engine on a virtual
 * clock, nobody polls, and what happens is the pool's own doing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/sim.h"
#include "model/text.h"
#include "tui/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT 0.05
#define WARM_MS 10000

static struct sim *s;
static struct snapshot *now;
static struct scenario scenario;

static int sit_down(void **state)
{
	(void)state;
	s = NULL;
	now = calloc(1, sizeof *now);
	return 0;
}

static int get_up(void **state)
{
	(void)state;
	sim_free(s);
	free(now);
	return 0;
}

static void read_scenario(const char *name)
{
	char path[256];
	struct err err = {0};
	snprintf(path, sizeof path, "tests/scenarios/%s.yaml", name);
	if (config_load_scenario(&scenario, path, &err) != 0)
		fail_msg("%s", err.text);
}

/* More of everything, so that a proof takes minutes: sessions end, and others come. */
static void crowd(double rate)
{
	scenario.rate = rate;
	scenario.sessions = (int64_t)(rate * 16);
	scenario.v1_workers = scenario.v2_workers = 32;
}

static void delay(int64_t ms)
{
	for (int i = 0; i < scenario.phase_count; i++)
		scenario.phases[i].at_ms += ms;
}

static int change_by(enum verb verb, int to_bp, double limit, enum strategy strategy)
{
	static int keys;
	struct control_answer answer;
	sim_snapshot(s, now);
	struct control_request r = {.verb = verb,
		.to_bp = to_bp,
		.from_bp = -1,
		.baseline_bp = -1,
		.has_match = true,
		.match_epoch = now->epoch,
		.match_rev = now->rev,
		.keep_within_ms = UNKNOWN,
		.on_orphan = ORPHAN_COUNT,
		.strategy = strategy,
		.has_guard = true,
		.actor = "ann@ops"};
	snprintf(r.key, sizeof r.key, "key-%d", ++keys);
	guard_limits_init(&r.guard);
	r.guard.error_rate = limit;
	sim_change(s, &r, &answer);
	return answer.status;
}

static int change(enum verb verb, int to_bp, double limit)
{
	return change_by(verb, to_bp, limit, STRATEGY_COUNT);
}

/* Starts it and gives v2 a share. */
static void begin_at(int share_bp, double limit)
{
	struct err err = {0};
	const struct sim_options how = {.pool = "checkout",
		.work = {.scenario = &scenario, .seed = 3},
		.strategy = *scenario.strategy ? strategy_of(scenario.strategy) : STRATEGY_CANARY,
		.start = {.boot_ms = 1000000, .wall_ms = 1763769600000}};
	if (sim_new(&s, &how, &err) != 0)
		fail_msg("%s", err.text);
	sim_run(s, WARM_MS);
	assert_int_equal(change(VERB_STEP, share_bp, limit), 200);
}

/* What was seen on the way: which words, and the loudest state. */
struct seen {
	unsigned verdicts;
	enum guard_state loudest;
	int64_t harm_s, amber_s, back_s; /* when; 0 never */
};

static bool saw(const struct seen *w, enum verdict_word v)
{
	return w->verdicts >> v & 1;
}

/* Lives on second by second until the pool has gone back, or so long. */
static struct seen live(int64_t seconds)
{
	struct seen w = {0};
	for (int64_t t = 1; t <= seconds && !w.back_s; t++) {
		sim_run(s, 1000);
		sim_snapshot(s, now);
		const struct pool_guard *g = &now->guard;
		w.verdicts |= 1u << g->verdict;
		if (g->state > w.loudest)
			w.loudest = g->state;
		if (g->verdict == VERDICT_HARM && !w.harm_s)
			w.harm_s = t;
		if (g->state == GUARD_AMBER && !w.amber_s)
			w.amber_s = t;
		if (now->share_bp == 0)
			w.back_s = t;
	}
	return w;
}

static double rate_of(enum arm arm)
{
	const struct arm_counts *a = &now->arms[arm];
	return (double)counts_failed(a) / (double)counts_done(a);
}

/* It went back, by the judge alone, and stays there until somebody resumes. */
static void assert_judge_went_back(const struct seen *w, const char *metric)
{
	char reason[64];
	assert_true(w->back_s > 0);
	assert_string_equal(now->change.actor, POOL_ACTOR);
	assert_true(now->hold.on);
	assert_string_equal(now->hold.actor, POOL_ACTOR);
	snprintf(reason, sizeof reason, "guard: %s HARM", metric);
	if (strncmp(now->hold.reason, reason, strlen(reason)) != 0)
		fail_msg("not by the judge: %s", now->hold.reason);
	struct audit_entry last[8];
	size_t n = sim_audit(s, now->audit_seq - 1, last, 8);
	assert_int_equal(n, 1);
	assert_string_equal(last[0].actor, POOL_ACTOR);
	assert_string_equal(last[0].reason, now->hold.reason);
	assert_int_equal(change(VERB_STEP, 100, LIMIT), 409);
	assert_int_equal(change(VERB_RESUME, -1, LIMIT), 200);
	assert_int_equal(change(VERB_STEP, 100, LIMIT), 200);
	/* another attempt, judged anew */
	sim_run(s, 2000);
	sim_snapshot(s, now);
	assert_int_equal(now->share_bp, 100);
	assert_int_not_equal(now->guard.verdict, VERDICT_HARM);
	assert_int_equal(now->guard.state < GUARD_AMBER, 1);
}

/* ---- nothing is wrong ---- */

static void a_good_v2_is_never_rolled_back(void **state)
{
	(void)state;
	read_scenario("good-v2");
	crowd(600);
	begin_at(1000, LIMIT);
	struct seen w = live(1200);
	assert_int_equal(w.back_s, 0);
	assert_int_equal(w.loudest, GUARD_GREEN);
	assert_false(saw(&w, VERDICT_HARM) || saw(&w, VERDICT_UNTRUSTWORTHY));
	assert_true(saw(&w, VERDICT_NO_DATA) && saw(&w, VERDICT_UNDECIDED));
	/* no error on either side: the limit is what it is compared with */
	assert_int_equal(now->guard.verdict, VERDICT_SAFE);
	assert_int_equal(change(VERB_STEP, 5000, LIMIT), 200);
	w = live(120);
	assert_int_equal(w.back_s, 0);
}

/* Too little of it to say anything: that is no pass, and no alarm either. */
static void little_traffic_is_undecided(void **state)
{
	(void)state;
	read_scenario("good-v2");
	begin_at(1000, LIMIT);
	struct seen w = live(1800);
	assert_int_equal(w.back_s, 0);
	assert_false(saw(&w, VERDICT_HARM) || saw(&w, VERDICT_SAFE));
	assert_int_equal(w.loudest, GUARD_GREEN);
}

/* ---- v2 is worse, and under every limit ---- */

static void twice_the_errors_go_back(void **state)
{
	(void)state;
	read_scenario("errors-2x");
	crowd(600);
	begin_at(5000, LIMIT);
	struct seen w = live(1800);
	assert_true(rate_of(ARM_V2) < LIMIT);
	assert_true(w.harm_s > 0 && w.harm_s < w.back_s);
	assert_true(w.amber_s > 0 && w.amber_s < w.back_s);
	assert_int_equal(w.loudest, GUARD_AMBER); /* red, it goes back in the same moment */
	/* three lone errors go nowhere: so many sessions were bad beyond v1's rate */
	const struct arm_counts *v1 = &now->arms[ARM_V1], *v2 = &now->arms[ARM_V2];
	double usual = (double)v1->sessions_bad / (double)v1->sessions;
	assert_true((double)v2->sessions_bad - usual * (double)v2->sessions >= 10);
	assert_judge_went_back(&w, "errors");
}

/* Callers hardly see an error: v1 rescues them. The side that failed has failed all the same. */
static void errors_that_a_fallback_hides_are_harm(void **state)
{
	(void)state;
	read_scenario("fallback-hides-errors");
	begin_at(1000, 0.5);
	assert_int_equal(now->strategy, STRATEGY_PRIMARY_WITH_FALLBACK);
	struct seen w = live(600);
	const struct arm_counts *v2 = &now->arms[ARM_V2];
	assert_true(v2->rescued > 10);
	assert_int_equal(counts_failed(v2), v2->rescued); /* each of them */
	assert_true(v2->sessions_bad >= 10);
	assert_int_equal(now->arms[ARM_V1].sessions_bad, 0);
	assert_judge_went_back(&w, "errors");
}

static void a_slow_tail_is_harm(void **state)
{
	(void)state;
	read_scenario("slow-p99");
	crowd(600);
	begin_at(5000, LIMIT);
	struct seen w = live(600);
	assert_int_equal(counts_failed(&now->arms[ARM_V2]), 0);
	assert_true(w.back_s > 20); /* it is as fast as v1 until then */
	assert_judge_went_back(&w, "p99");
}

static void harm_that_begins_late_is_found(void **state)
{
	(void)state;
	const int64_t good_s = 900;
	read_scenario("errors-2x");
	scenario.phases[1].fault.error_rate = 0.045; /* still under the limit */
	delay(good_s * 1000 + WARM_MS);
	crowd(600);
	begin_at(5000, LIMIT);
	struct seen w = live(good_s);
	assert_int_equal(w.back_s, 0);
	assert_int_equal(w.loudest, GUARD_GREEN);
	assert_int_equal(now->guard.verdict, VERDICT_SAFE);
	w = live(900);
	assert_true(w.back_s > 0);
	assert_judge_went_back(&w, "errors");
}

/* ---- v1 is bad too ---- */

static void fail_both(double v1, double v2)
{
	const struct fault one = {.error_rate = v1}, two = {.error_rate = v2};
	sim_fault(s, ARM_V1, &one);
	sim_fault(s, ARM_V2, &two);
}

static void what_both_do_alike_is_held(void **state)
{
	(void)state;
	read_scenario("good-v2");
	crowd(600);
	begin_at(3000, LIMIT);
	sim_run(s, 60000);
	/* v1 a little more: were v2 over the limit a moment earlier, that would count */
	fail_both(0.14, 0.12);
	struct seen w = live(600);
	assert_int_equal(w.back_s, 0);
	assert_true(w.loudest < GUARD_AMBER); /* no comparison says that v2 is worse */
	assert_int_equal(now->guard.verdict, VERDICT_HARM);
	assert_string_equal(now->guard.verdict_text, "errors HARM, over its limit");
	assert_true(now->hold.on);
	assert_string_equal(now->hold.actor, POOL_ACTOR);
	assert_non_null(strstr(now->hold.reason, "and v1 too"));
	assert_int_equal(now->share_bp, 3000);
}

/* The limit says nothing where both break it; the comparison does. */
static void what_v2_does_worse_goes_back_all_the_same(void **state)
{
	(void)state;
	read_scenario("good-v2");
	crowd(600);
	begin_at(3000, LIMIT);
	sim_run(s, 60000);
	fail_both(0.10, 0); /* v1 is over it first */
	struct seen w = live(240);
	assert_int_equal(w.back_s, 0);
	assert_int_equal(w.loudest, GUARD_GREEN);
	fail_both(0.10, 0.25);
	w = live(600);
	assert_true(rate_of(ARM_V1) > LIMIT);
	assert_judge_went_back(&w, "errors");
}

/* ---- what is counted ---- */

/* What passes v2 by, or comes to it as a copy, is no unit of its. */
static void copies_and_what_passes_by_do_not_count(void **state)
{
	(void)state;
	read_scenario("fallback-hides-errors");
	scenario.strategy[0] = '\0';
	begin_at(5000, 0.5);
	assert_int_equal(change_by(VERB_STEP, 0, 0.5, STRATEGY_SHADOW), 200);
	sim_run(s, 5000); /* what was routed before has come to its end */
	sim_snapshot(s, now);
	int64_t sessions = now->arms[ARM_V2].sessions, done = counts_done(&now->arms[ARM_V2]);
	int64_t shadowed = now->arms[ARM_V2].shadowed;
	sim_run(s, 60000);
	sim_snapshot(s, now);
	assert_true(now->arms[ARM_V2].shadowed > shadowed + 1000);
	assert_true(now->arms[ARM_V2].mismatched > 0);
	assert_int_equal(now->arms[ARM_V2].sessions, sessions);
	assert_int_equal(counts_done(&now->arms[ARM_V2]), done);
	assert_int_equal(now->guard.verdict, VERDICT_NONE);
}

/* A seed is a run, its verdicts with it. */
static void a_seed_is_a_verdict(void **state)
{
	int64_t first = 0;
	(void)state;
	for (int i = 0; i < 2; i++) {
		read_scenario("errors-2x");
		crowd(600);
		sim_free(s);
		begin_at(5000, LIMIT);
		struct seen w = live(120);
		if (i == 0)
			first = w.harm_s;
		assert_int_equal(w.harm_s, first);
	}
	assert_true(first > 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, sit_down, get_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_good_v2_is_never_rolled_back),
		T(little_traffic_is_undecided),
		T(twice_the_errors_go_back),
		T(errors_that_a_fallback_hides_are_harm),
		T(a_slow_tail_is_harm),
		T(harm_that_begins_late_is_found),
		T(what_both_do_alike_is_held),
		T(what_v2_does_worse_goes_back_all_the_same),
		T(copies_and_what_passes_by_do_not_count),
		T(a_seed_is_a_verdict),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
