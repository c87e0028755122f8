/* Score: what is counted as bad, who braked when, what was needless, and the words for it. The plays
 * are rehearsal_run's, so that the desk, the guards and the simulated pool are the real ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "tui/rehearsal.h"
#include "tui/repertoire.h"

#include <math.h>
#include <string.h>

static struct scenario scenario;
static struct plan plan;
static struct guard_limits limits;

static int set_up(void **state)
{
	(void)state;
	scenario = (struct scenario){.name = "short",
		.rate = 60,
		.sessions = 200,
		.session_requests = 10,
		.seed = 3,
		.unit_ms = 1000,
		.for_ms = 60000,
		.operations = {{.name = "echo", .weight = 1}},
		.operation_count = 1};
	plan_init(&plan);
	plan.steps[0].share_bp = 2500;
	plan.steps[1].share_bp = 5000;
	plan.steps[2].share_bp = SHARE_FULL;
	plan.step_count = 3;
	plan.bake_ms = 10000;
	plan.min_samples = 10;
	guard_limits_init(&limits);
	limits.error_rate = 0.05;
	return 0;
}

static void v2_fails(int64_t at_ms, double rate)
{
	scenario.phases[scenario.phase_count++] =
		(struct scenario_phase){.at_ms = at_ms, .arm = ARM_V2, .fault = {.error_rate = rate}};
}

static struct score play(int64_t for_ms)
{
	struct score s;
	struct err err;
	const struct rehearsal_how how = {
		.scenario = &scenario, .plan = &plan, .limits = &limits, .for_ms = for_ms};
	if (rehearsal_run(&s, &how, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static void assert_tells(const struct score *s, const char *words)
{
	struct text t = {0};
	score_text(&t, s);
	if (!strstr(text_str(&t), words))
		fail_msg("no \"%s\" in:\n%s", words, text_str(&t));
	text_free(&t);
}

static void a_good_v2_gets_all(void **state)
{
	(void)state;
	struct score s = play(600000);
	assert_false(s.harmful);
	assert_true(score_caught(&s));
	assert_int_equal(s.bad, 0);
	assert_int_equal(s.needless, 0);
	assert_int_equal(s.end_bp, SHARE_FULL);
	assert_in_range(s.complete_ms, 20000, 60000);
	assert_in_range(s.played_ms, s.complete_ms, 200000);
	assert_int_equal(score_detect_ms(&s), UNKNOWN);
	assert_tells(&s, "never while it had a share");
	assert_tells(&s, "needless       nothing");
	assert_tells(&s, "100 % after ");
}

static void a_bad_one_is_taken_back(void **state)
{
	(void)state;
	v2_fails(6000, 0.5);
	struct score s = play(600000);
	assert_true(s.harmful);
	assert_true(score_caught(&s));
	assert_in_range(s.bad_ms, 6000, 10000);
	assert_in_range(score_detect_ms(&s), 0, 10000);
	assert_in_range(score_back_ms(&s), score_detect_ms(&s), 15000);
	assert_string_equal(s.brake.by, "the pool's guard");
	assert_string_equal(s.brake.verb, "rollback");
	assert_int_equal(s.end_bp, 0);
	assert_true(s.bad > 3 && s.excess > 3 && s.excess <= (double)s.bad);
	assert_tells(&s, ", by the pool's guard: rollback (guard: errors ");
	assert_tells(&s, "v2 got to      25 %, at the end 0 %");
}

static void one_that_nobody_looks_at_is_not(void **state)
{
	struct text t = {0};
	(void)state;
	v2_fails(0, 0.5);
	limits.error_rate = NAN;
	assert_true(judge_metrics_read(&limits.judge, "p99"));
	struct score s = play(120000);
	assert_false(score_caught(&s));
	assert_int_equal(s.braked_ms, UNKNOWN);
	assert_tells(&s, "NEVER: nobody braked");
	assert_tells(&s, "NEVER: v2 still had a share at the end");
	score_line(&t, &s);
	assert_non_null(strstr(text_str(&t), "short by plan: NOT detected, "));
	text_clear(&t);
	score_json(&t, &s);
	assert_non_null(strstr(text_str(&t), "\"harmful\":true,\"caught\":false"));
	assert_non_null(strstr(text_str(&t), "\"detected_ms\":null,\"detected_by\":null"));
	text_free(&t);
}

/* The plan says more samples than will ever come: what is in the way is told. */
static void what_is_in_the_way_is_told(void **state)
{
	(void)state;
	plan.min_samples = 1000000;
	struct score s = play(60000);
	assert_int_equal(s.top_bp, 2500);
	assert_non_null(strstr(s.waits, "of 1,000,000"));
	assert_tells(&s, "in the way     W181 ");
}

static void the_same_seed_is_the_same_play(void **state)
{
	struct text a = {0}, b = {0};
	(void)state;
	v2_fails(30000, 0.08);
	struct score s = play(90000), same = play(90000);
	score_json(&a, &s);
	score_json(&b, &same);
	assert_string_equal(text_str(&a), text_str(&b));
	scenario.seed = 4;
	same = play(90000);
	text_clear(&b);
	score_json(&b, &same);
	assert_string_not_equal(text_str(&a), text_str(&b));
	text_free(&a);
	text_free(&b);
}

/* ---- what a person does ---- */

static struct pool pool;
static struct node node;
static struct snapshot *document;
static struct decision acts[4];
static struct score score;

static void look(int64_t at_ms, int share_bp, int64_t done, int64_t failed)
{
	struct arm_counts *v2 = &document->arms[ARM_V2];
	document->seq++;
	v2->requests += done;
	v2->ok += done - failed;
	v2->failed[FAILURE_OPERATION] += failed;
	document->arms[ARM_V1].ok += 100;
	document->arms[ARM_V1].failed[FAILURE_OPERATION] += 1;
	node.last_at.wall_ms = at_ms;
	pool.standing.reported_bp = share_bp;
	score_look(&score, &pool, (struct instant){at_ms, at_ms});
}

static struct decision *act(int64_t at_ms, enum verb verb, int from_bp, int to_bp)
{
	struct decision *d = &acts[pool.decision_count++];
	*d = (struct decision){.at_ms = at_ms,
		.verb = verb,
		.from_bp = from_bp,
		.to_bp = to_bp,
		.outcome = OUTCOME_APPLIED,
		.verified_ms = UNKNOWN};
	text_copy(d->actor, sizeof d->actor, "kim@ops1");
	text_copy(d->role, sizeof d->role, "operator");
	return d;
}

static void begin(struct snapshot *s)
{
	set_up(NULL);
	document = s;
	*s = (struct snapshot){.boot_id = "one"};
	node = (struct node){.last = s};
	pool = (struct pool){.nodes = &node, .node_count = 1, .decisions = acts};
	pool.standing.baseline_bp = 0;
	pool.standing.next_bp = -1;
	score_begin(&score, &scenario, "kim@ops1", "demo", (struct instant){0, 0});
}

static void a_person_brakes(void **state)
{
	static struct snapshot s;
	(void)state;
	begin(&s);
	v2_fails(10000, 0.5);
	look(1000, 0, 0, 0);
	look(2000, 1000, 10, 0);
	act(2000, VERB_STEP, 0, 1000);
	look(12000, 1000, 10, 5);
	look(13000, 1000, 10, 5);
	act(14000, VERB_ROLLBACK, 1000, 0)->verified_ms = 14500;
	look(16000, 0, 0, 0);
	score_end(&score, &pool, (struct instant){20000, 20000});
	assert_int_equal(score.bad_ms, 12000);
	assert_int_equal(score_detect_ms(&score), 2000);
	assert_int_equal(score_back_ms(&score), 2500);
	assert_string_equal(score.brake.by, "kim@ops1");
	assert_int_equal(score.bad, 10);
	assert_int_equal(score.ended, 30);
	assert_true(fabs(score.excess - 9.7) < 0.05); /* v1 fails one in a hundred */
	assert_int_equal(score.needless, 0);
}

static void fright_is_needless(void **state)
{
	static struct snapshot s;
	(void)state;
	begin(&s);
	look(1000, 1000, 10, 0);
	act(2000, VERB_HOLD, 1000, 1000);
	act(3000, VERB_ROLLBACK, 1000, 0);
	act(4000, VERB_ROLLBACK, 0, 0); /* nothing to take back */
	act(5000, VERB_HOLD, -1, -1)->outcome = OUTCOME_REFUSED;
	look(6000, 0, 0, 0);
	score_end(&score, &pool, (struct instant){7000, 7000});
	assert_int_equal(score.needless, 2);
	assert_true(score_caught(&score));
	assert_tells(&score, "2 brakes while v2 was good: hold by kim@ops1");
}

/* Neither a pool that takes back what nobody kept, nor what a restart forgets, is anybody's doing. */
static void what_nobody_did(void **state)
{
	static struct snapshot s;
	(void)state;
	begin(&s);
	look(1000, 1000, 10, 1);
	struct decision *d = act(2000, VERB_STEP, 1000, 0);
	text_copy(d->actor, sizeof d->actor, POOL_ACTOR);
	text_copy(d->reason, sizeof d->reason, "revert: went back: not kept");
	text_copy(s.boot_id, sizeof s.boot_id, "two");
	s.arms[ARM_V2] = s.arms[ARM_V1] = (struct arm_counts){0};
	look(3000, 1000, 5, 1);
	score_end(&score, &pool, (struct instant){4000, 4000});
	assert_int_equal(score.needless, 0);
	assert_int_equal(score.ended, 15);
	assert_int_equal(score.bad, 2);
}

static void what_waits_too_long_is_bad(void **state)
{
	static struct snapshot s;
	(void)state;
	begin(&s);
	scenario.phases[scenario.phase_count++] =
		(struct scenario_phase){.at_ms = 1000, .arm = ARM_V2, .fault = {.stall = true}};
	look(1000, 1000, 10, 0);
	assert_int_equal(score.bad_ms, UNKNOWN);
	s.arms[ARM_V2].timeouts = 3;
	look(6000, 1000, 0, 0);
	assert_int_equal(score.bad_ms, 6000);
	score_end(&score, &pool, (struct instant){7000, 7000});
	assert_int_equal(score.bad, 3);
	assert_int_equal(score.ended, 13);
}

static void many_runs(void **state)
{
	struct score list[10];
	struct score_runs r;
	struct text t = {0};
	(void)state;
	for (int i = 0; i < 10; i++) {
		list[i] = (struct score){.bad_ms = 1000,
			.braked_ms = 1000 + (i + 1) * 1000,
			.back_ms = 2000 + (i + 1) * 1000,
			.excess = i,
			.needless = i == 3,
			.complete_ms = UNKNOWN};
	}
	list[9].braked_ms = UNKNOWN;
	score_sum(&r, list, 10);
	assert_int_equal(r.caught, 9);
	assert_int_equal(r.harmful, 10);
	assert_int_equal(r.needless, 1);
	assert_true(r.detect_ms.median == 5000 && r.detect_ms.p90 == 9000);
	assert_int_equal(r.detect_ms.known, 9);
	score_runs_text(&t, &r);
	assert_non_null(strstr(text_str(&t), "detected       in 9 of 10\n"));
	assert_non_null(strstr(text_str(&t), "detected after median 5.0 s, p90 9.0 s\n"));
	text_clear(&t);
	score_sum(&r, list, 0);
	score_runs_json(&t, &r);
	assert_non_null(strstr(text_str(&t), "\"detected_ms\":{\"known\":0,\"median\":null"));
	text_free(&t);
}

/* ---- the repertoire ---- */

static void every_scenario_is_there(void **state)
{
	struct scenario s, again;
	struct err err = {0};
	size_t n = 0;
	(void)state;
	for (; repertoire_read(&s, n); n++) {
		assert_int_equal(repertoire_find(&again, s.name, &err), 0);
		assert_string_equal(again.name, s.name);
		assert_true(s.help[0] != 0);
		assert_true(scenario_length_ms(&s) >= 60000);
	}
	assert_true(n >= 20);
	assert_int_equal(repertoire_find(&s, "errors-3x", &err), -1);
	assert_non_null(strstr(err.text, "did you mean \"errors-2x\"?"));
	assert_int_equal(repertoire_find(&s, "./errors-3x.yaml", &err), -1);
	assert_null(strstr(err.text, "did you mean"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		T(a_good_v2_gets_all),
		T(a_bad_one_is_taken_back),
		T(one_that_nobody_looks_at_is_not),
		T(what_is_in_the_way_is_told),
		T(the_same_seed_is_the_same_play),
		T(a_person_brakes),
		T(fright_is_needless),
		T(what_nobody_did),
		T(what_waits_too_long_is_bad),
		T(many_runs),
		T(every_scenario_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
