/* Standing: the verdict that counts. Whose it is, what takes it away, and what it locks. */
#include "tests/unit/model/virtual.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static struct virtual *v;
static const struct standing *s;

/* `metrics`: of the judge. Latencies of a virtual pool are all alike: their quantiles never prove
 * anything. */
static void begin_with(const struct policy *policy, int nodes, const char *metrics)
{
	struct plan plan = virtual_plan();
	struct guard_limits l;
	guard_limits_init(&l);
	l.error_rate = 0.05;
	assert_true(judge_metrics_read(&l.judge, metrics));
	if (policy)
		plan.policy = *policy;
	v = mem_new(1, sizeof *v);
	virtual_init(v, nodes, &plan, &l);
	s = virtual_standing(v);
	virtual_history_opens(v);
	v->rate = 1000;
	virtual_run(v, 2000);
}

static int set_up(void **state)
{
	(void)state;
	begin_with(NULL, 1, "errors,p99");
	return 0;
}

static int set_up_errors(void **state)
{
	(void)state;
	begin_with(NULL, 1, "errors");
	return 0;
}

static int set_up_two(void **state)
{
	(void)state;
	begin_with(NULL, 2, "errors,p99");
	return 0;
}

static int set_up_strict(void **state)
{
	(void)state;
	begin_with(policy_builtin(POLICY_STRICT), 1, "errors,p99");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	virtual_release(v);
	free(v);
	return 0;
}

static const struct judge *judge(void)
{
	return &virtual_pool(v)->judging->judge;
}

static void go_to(int to_bp)
{
	virtual_move(v, VERB_STEP, to_bp);
}

static void assert_word(enum verdict_word own, enum verdict_word counts)
{
	if (s->verdict.word != own || s->judge_word != counts)
		fail_msg("own %s (%s), counts %s (%s)", verdict_name(s->verdict.word), s->verdict.text,
			verdict_name(s->judge_word), s->judge_text);
}

static const struct interlock_check *check(enum predicate p)
{
	return &s->next.check[p];
}

/* v2 fails so that harm is found, and not enough to act on by itself. */
static void suspect(void)
{
	v->failing[ARM_V1] = 10;
	v->failing[ARM_V2] = 30; /* the limit is 50 */
	for (int i = 0; i < 120 && s->guard.judge == GUARD_NONE; i++)
		virtual_run(v, 1000);
	assert_int_equal(s->guard.judge, GUARD_AMBER);
}

/* ---- the words ---- */

static void at_rest_there_is_nothing_to_judge(void **state)
{
	(void)state;
	assert_word(VERDICT_NO_DATA, VERDICT_NO_DATA);
	assert_int_equal(s->verdict.why, VERDICT_WHY_NEVER);
	assert_false(s->judge_cited);
	assert_int_equal(s->guard.judge, GUARD_NONE);
}

static void an_equal_v2_becomes_safe(void **state)
{
	(void)state;
	v->failing[ARM_V1] = v->failing[ARM_V2] = 20;
	go_to(1000);
	virtual_run(v, 3000);
	assert_word(VERDICT_UNDECIDED, VERDICT_UNDECIDED);
	assert_true(isnan(s->verdict.bound));
	for (int i = 0; i < 600 && s->verdict.word != VERDICT_SAFE; i++)
		virtual_run(v, 1000);
	assert_word(VERDICT_SAFE, VERDICT_SAFE);
	assert_int_equal(s->guard.state, GUARD_GREEN);
	assert_non_null(strstr(s->verdict.text, "SAFE, under "));
}

static void suspicion_is_amber_and_locks_the_step(void **state)
{
	(void)state;
	go_to(1000);
	virtual_run(v, 5000);
	suspect();
	assert_int_equal(s->guard.state, GUARD_AMBER);
	assert_int_equal(s->judged, GUARD_AMBER);
	assert_false(virtual_pool(v)->latch.red);
	assert_int_equal(check(PREDICATE_GUARD)->state, CHECK_FAILS);
	assert_string_equal(
		check(PREDICATE_GUARD)->text, "guard AMBER: errors look worse, not proven yet");
	assert_int_equal(s->verdict.suspect, JUDGED_ERRORS);
	assert_int_equal(s->headline.level, LEVEL_LOOK);
	assert_non_null(strstr(s->headline.text, "v2 "));
}

static void harm_is_red_once_it_is_enough(void **state)
{
	(void)state;
	go_to(1000);
	virtual_run(v, 5000);
	suspect();
	for (int i = 0; i < 300 && s->guard.judge != GUARD_RED; i++)
		virtual_run(v, 1000);
	assert_word(VERDICT_HARM, VERDICT_HARM);
	assert_true(s->verdict.brakes);
	assert_int_equal(s->guard.metric[METRIC_ERRORS].state, GUARD_GREEN); /* under its limit */
	assert_true(virtual_pool(v)->latch.red && virtual_pool(v)->latch.by_judge);
	assert_true(judge()->metric[JUDGED_ERRORS].excess >= BRAKE_EXCESS);
	assert_true(s->verdict.harm.low <= s->verdict.harm.bad &&
		s->verdict.harm.bad <= s->verdict.harm.high && s->verdict.harm.bad >= BRAKE_EXCESS);
	assert_int_equal(s->headline.level, LEVEL_ACT);
	/* A verdict never stops a rollback. */
	virtual_move(v, VERB_ROLLBACK, 0);
	assert_int_equal(s->reported_bp, 0);
	assert_int_equal(s->guard.judge, GUARD_NONE);
}

static void old_news_is_stale_but_harm_stays(void **state)
{
	(void)state;
	go_to(1000);
	v->failing[ARM_V1] = v->failing[ARM_V2] = 10;
	virtual_run(v, 5000);
	virtual_wait(v, 8000);
	virtual_tick(v);
	assert_word(VERDICT_STALE, VERDICT_STALE);
	virtual_run(v, 3000);
	suspect();
	for (int i = 0; i < 300 && s->verdict.word != VERDICT_HARM; i++)
		virtual_run(v, 1000);
	virtual_wait(v, 8000);
	virtual_tick(v);
	assert_word(VERDICT_HARM, VERDICT_HARM);
	/* Old numbers brake nothing. */
	assert_int_equal(s->guard.judge, GUARD_NONE);
}

/* ---- whose ---- */

static void say_of_pool(enum verdict_word word, const char *text)
{
	struct pool_guard *g = &v->node[0].s->guard;
	g->verdict = word;
	text_copy(g->verdict_text, sizeof g->verdict_text, text);
}

static void the_pools_word_counts_where_it_guards(void **state)
{
	(void)state;
	go_to(1000);
	v->node[0].s->guard.state = GUARD_GREEN;
	say_of_pool(VERDICT_SAFE, "errors SAFE, under 1.2x v1's");
	virtual_run(v, 3000);
	assert_int_equal(s->owner, OWNER_POOL);
	assert_word(VERDICT_UNDECIDED, VERDICT_SAFE);
	assert_true(s->judge_cited);
	assert_string_equal(s->judge_text, "errors SAFE, under 1.2x v1's");
	/* a pool without a judge says none: the own one's word counts */
	say_of_pool(VERDICT_NONE, "");
	virtual_run(v, 1000);
	assert_word(VERDICT_UNDECIDED, VERDICT_UNDECIDED);
	assert_false(s->judge_cited);
	/* and one that is old is no word */
	say_of_pool(VERDICT_SAFE, "errors SAFE, under 1.2x v1's");
	virtual_run(v, 1000);
	assert_true(s->judge_cited);
	virtual_wait(v, 8000);
	virtual_tick(v);
	assert_word(VERDICT_STALE, VERDICT_STALE);
	assert_false(s->judge_cited);
}

static void an_unarmed_pool_guards_nothing(void **state)
{
	(void)state;
	go_to(1000);
	say_of_pool(VERDICT_SAFE, "errors SAFE, under 1.2x v1's");
	v->node[0].s->guard.armed = false;
	virtual_run(v, 3000);
	assert_word(VERDICT_UNDECIDED, VERDICT_UNDECIDED);
}

static void own_harm_comes_first(void **state)
{
	(void)state;
	go_to(1000);
	say_of_pool(VERDICT_SAFE, "errors SAFE, under 1.2x v1's");
	v->node[0].s->guard.state = GUARD_GREEN;
	virtual_run(v, 3000);
	assert_word(VERDICT_UNDECIDED, VERDICT_SAFE);
	suspect();
	assert_int_equal(s->judged, GUARD_AMBER);
	for (int i = 0; i < 300 && s->verdict.word != VERDICT_HARM; i++)
		virtual_run(v, 1000);
	assert_word(VERDICT_HARM, VERDICT_HARM);
	assert_false(s->judge_cited);
}

static void a_recorders_word_is_in_its_line(void **state)
{
	(void)state;
	v->node[0].s->guard.known = false;
	struct owner_line line = {.held = true,
		.state = GUARD_GREEN,
		.verdict = VERDICT_SAFE,
		.written_wall_ms = v->now.wall_ms + 4000,
		.actor = "rec@ops1"};
	go_to(1000);
	virtual_run(v, 3000);
	line.written_wall_ms = v->now.wall_ms;
	virtual_tell(v, (struct model_event){.kind = MODEL_OWNER, .owner_line = &line});
	assert_int_equal(s->owner, OWNER_RECORD);
	assert_word(VERDICT_UNDECIDED, VERDICT_SAFE);
	assert_true(s->judge_cited);
	/* one's own line is no second opinion */
	line.mine = true;
	virtual_tell(v, (struct model_event){.kind = MODEL_OWNER, .owner_line = &line});
	assert_word(VERDICT_UNDECIDED, VERDICT_UNDECIDED);
	/* nor is that of one that says none */
	line.mine = false;
	line.verdict = VERDICT_NONE;
	virtual_tell(v, (struct model_event){.kind = MODEL_OWNER, .owner_line = &line});
	assert_word(VERDICT_UNDECIDED, VERDICT_UNDECIDED);
}

static void strict_waits_for_safe(void **state)
{
	(void)state;
	go_to(1000);
	say_of_pool(VERDICT_UNDECIDED, "errors UNDECIDED: neither proven yet");
	v->node[0].s->guard.state = GUARD_GREEN;
	virtual_run(v, 3000);
	assert_int_equal(check(PREDICATE_GUARD)->state, CHECK_FAILS);
	assert_int_equal(check(PREDICATE_GUARD)->code, ERR_GUARD);
	assert_string_equal(check(PREDICATE_GUARD)->text,
		"guard GREEN; SAFE is asked: errors UNDECIDED: neither proven yet");
	say_of_pool(VERDICT_SAFE, "errors SAFE, under 1.2x v1's");
	virtual_run(v, 1000);
	assert_int_equal(check(PREDICATE_GUARD)->state, CHECK_HOLDS);
}

/* ---- what takes evidence away ---- */

static void another_version_is_another_question(void **state)
{
	(void)state;
	go_to(1000);
	virtual_run(v, 5000);
	suspect();
	struct snapshot *d = v->node[0].s;
	virtual_boot(v, 0, "boot-2");
	d->share_bp = 1000;
	d->epoch = 1;
	d->rev = 2;
	d->baseline_bp = 0;
	virtual_run(v, 1000);
	/* of the same build: all that was seen still holds */
	assert_int_equal(s->guard.judge, GUARD_AMBER);
	assert_true(judge()->looks > 0);
	virtual_boot(v, 0, "boot-3");
	d->share_bp = 1000;
	d->epoch = 1;
	d->rev = 2;
	d->baseline_bp = 0;
	text_copy(d->build, sizeof d->build, "1.1");
	virtual_poll(v);
	assert_int_equal(judge()->looks, 0);
	assert_int_equal(s->guard.judge, GUARD_NONE);
	assert_word(VERDICT_NO_DATA, VERDICT_NO_DATA);
	assert_int_equal(s->verdict.why, VERDICT_WHY_SETTLING);
}

static void a_counter_that_fell_takes_the_word_for_a_window(void **state)
{
	(void)state;
	go_to(1000);
	v->failing[ARM_V1] = v->failing[ARM_V2] = 10;
	virtual_run(v, 5000);
	int64_t looks = judge()->looks;
	assert_true(looks > 0);
	v->node[0].s->arms[ARM_V2].ok -= 200; /* more than a second brings */
	virtual_run(v, 1000);
	assert_word(VERDICT_UNTRUSTWORTHY, VERDICT_UNTRUSTWORTHY);
	assert_int_equal(s->verdict.why, VERDICT_WHY_COUNTERS);
	assert_true(judge()->looks >= looks); /* what was counted before still is */
	virtual_run(v, 61000);
	assert_word(VERDICT_UNDECIDED, VERDICT_UNDECIDED);
}

static void a_new_attempt_is_judged_anew(void **state)
{
	(void)state;
	go_to(1000);
	virtual_run(v, 5000);
	suspect();
	struct units before = judge()->metric[JUDGED_ERRORS].since[ARM_V2];
	virtual_move(v, VERB_ROLLBACK, 0);
	virtual_run(v, 5000);
	/* back, what was seen is still there to be read */
	assert_int_equal(judge()->metric[JUDGED_ERRORS].since[ARM_V2].bad, before.bad);
	v->failing[ARM_V1] = v->failing[ARM_V2] = 0;
	go_to(100);
	virtual_run(v, 2000);
	assert_int_equal(judge()->metric[JUDGED_ERRORS].since[ARM_V2].bad, 0);
	assert_int_equal(s->guard.judge, GUARD_NONE);
}

/* One node of two is quiet for a while: what came is judged, what did not come is not. */
static void a_silent_node_is_a_gap(void **state)
{
	(void)state;
	go_to(1000);
	virtual_run(v, 5000);
	int64_t looks = judge()->looks;
	v->node[1].silent = true;
	virtual_run(v, 3000);
	v->node[1].silent = false;
	virtual_run(v, 5000);
	assert_in_range(judge()->looks, looks + 5, looks + 9);
	assert_word(VERDICT_UNDECIDED, VERDICT_UNDECIDED);
}

/* ---- the split ---- */

static void traffic_that_is_split_otherwise_is_drift(void **state)
{
	(void)state;
	go_to(1000);
	virtual_run(v, 5000);
	assert_int_equal(check(PREDICATE_DRIFT)->state, CHECK_HOLDS);
	/* It says 10 %, and gives v2 but 4 %. */
	for (int i = 0; i < 120 && check(PREDICATE_DRIFT)->state == CHECK_HOLDS; i++) {
		v->node[0].s->share_bp = 400;
		virtual_traffic(v, 1000);
		v->node[0].s->share_bp = 1000;
		virtual_poll(v);
	}
	assert_true(judge()->split_off);
	assert_int_equal(check(PREDICATE_DRIFT)->state, CHECK_FAILS);
	assert_int_equal(check(PREDICATE_DRIFT)->code, ERR_DRIFT);
	char seen[24], n[32], expected[160];
	unit_count(n, sizeof n, s->measured_n);
	unit_share(seen, sizeof seen, s->measured_bp);
	snprintf(expected, sizeof expected,
		"pool says 10 %%, traffic is split otherwise: seen %s of %s", seen, n);
	assert_string_equal(check(PREDICATE_DRIFT)->text, expected);
	assert_in_range(s->measured_bp, 390, 800);
	/* down is open all the same */
	virtual_move(v, VERB_ROLLBACK, 0);
	assert_int_equal(s->reported_bp, 0);
}

/* Nothing was looked at: a command that has just begun, and all of it before the split settled. */
static void what_was_counted_before_anybody_looked_is_drift_too(void **state)
{
	(void)state;
	v->node[0].s->settle_ms = 3600000;
	go_to(1000);
	virtual_run(v, 5000);
	assert_int_equal(check(PREDICATE_DRIFT)->state, CHECK_HOLDS);
	v->node[0].s->share_bp = 400;
	virtual_traffic(v, 20000);
	v->node[0].s->share_bp = 1000;
	virtual_poll(v);
	assert_false(judge()->split_off);
	assert_true(s->split_off);
	assert_int_equal(check(PREDICATE_DRIFT)->code, ERR_DRIFT);
	assert_int_equal(check(PREDICATE_DRIFT)->state, CHECK_FAILS);
	/* Another share is counted anew. */
	virtual_move(v, VERB_STEP, 0);
	assert_false(s->split_off);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(at_rest_there_is_nothing_to_judge),
		cmocka_unit_test_setup_teardown(an_equal_v2_becomes_safe, set_up_errors, tear_down),
		T(suspicion_is_amber_and_locks_the_step),
		T(harm_is_red_once_it_is_enough),
		T(old_news_is_stale_but_harm_stays),
		T(the_pools_word_counts_where_it_guards),
		T(an_unarmed_pool_guards_nothing),
		T(own_harm_comes_first),
		T(a_recorders_word_is_in_its_line),
		cmocka_unit_test_setup_teardown(strict_waits_for_safe, set_up_strict, tear_down),
		T(another_version_is_another_question),
		T(a_counter_that_fell_takes_the_word_for_a_window),
		T(a_new_attempt_is_judged_anew),
		cmocka_unit_test_setup_teardown(a_silent_node_is_a_gap, set_up_two, tear_down),
		T(traffic_that_is_split_otherwise_is_drift),
		T(what_was_counted_before_anybody_looked_is_drift_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
