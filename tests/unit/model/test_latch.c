/* Latch: what a guard rolled back stays red, in every process that knows of it, until somebody
 * resumes. */
#include "model/reconcile.h"
#include "tests/unit/model/virtual.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static struct virtual *v;

static void begin_at(int share_bp)
{
	struct plan plan = virtual_plan();
	struct guard_limits limits;
	guard_limits_init(&limits);
	limits.error_rate = 0.05;
	virtual_init(v, 1, &plan, &limits);
	virtual_history_opens(v);
	virtual_run(v, 5000);
	virtual_move(v, VERB_STEP, share_bp);
}

static struct decision guards_own(void)
{
	struct decision d = virtual_decision(v, VERB_ROLLBACK, 0);
	text_copy(d.role, sizeof d.role, GUARD_ROLE);
	text_copy(d.reason, sizeof d.reason, "guard: p99 2,100 ms of 1,000 ms");
	return d;
}

static struct decision pools_own(void)
{
	struct decision d = virtual_decision(v, VERB_ROLLBACK, 0);
	d.observed = true;
	d.outcome = OUTCOME_APPLIED;
	text_copy(d.actor, sizeof d.actor, POOL_ACTOR);
	text_copy(d.role, sizeof d.role, "pool");
	text_copy(d.reason, sizeof d.reason, "guard: p99 2,100 ms of 1,000 ms");
	return d;
}

/* The decision is made, applied, and seen. */
static void happen(struct decision d)
{
	virtual_decide(v, &d);
	virtual_wait(v, 20);
	virtual_apply_at(v, 0, d.verb, d.to_bp, d.actor);
	if (!d.observed)
		virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED);
	virtual_run(v, 2000);
	if (!d.observed && d.verb == VERB_ROLLBACK)
		virtual_verify(v, &d);
	virtual_run(v, 1000);
}

static bool is_red(void)
{
	return virtual_standing(v)->next.failing >> PREDICATE_GUARD & 1;
}

static void expect_red(void)
{
	const struct pool *p = virtual_pool(v);
	assert_true(p->latch.red);
	assert_int_equal(p->latch.metric, METRIC_P99);
	assert_true(is_red());
	assert_int_equal(p->standing.next.check[PREDICATE_GUARD].code, ERR_GUARD);
	/* It is rolled back all the same, and the next step says why it waits. */
	assert_int_equal(p->standing.state, STATE_ROLLED_BACK);
	assert_string_equal(p->standing.headline.text,
		"The guard rolled back to 0 %: p99 2,100 ms of 1,000 ms. U accepts it");
}

static void resume_opens_the_way(void)
{
	virtual_wait(v, 1000);
	virtual_move(v, VERB_RESUME, 0);
	virtual_run(v, 1000);
	assert_false(virtual_pool(v)->latch.red);
	assert_false(is_red());
	assert_int_equal(virtual_standing(v)->state, STATE_ROLLED_BACK);
}

static void what_a_desks_guard_rolled_back(void **state)
{
	(void)state;
	begin_at(100);
	happen(guards_own());
	expect_red();
	virtual_run(v, 60000);
	expect_red();
	resume_opens_the_way();
}

static void what_a_pools_guard_rolled_back(void **state)
{
	(void)state;
	begin_at(100);
	happen(pools_own());
	expect_red();
	resume_opens_the_way();
}

/* The first to be red is the cause; the one that carried it on to other nodes says less. */
static void carried_on_it_is_still_the_first(void **state)
{
	(void)state;
	begin_at(100);
	happen(pools_own());
	struct decision carried = guards_own();
	text_copy(carried.reason, sizeof carried.reason, "carried on: a node's guard rolled back");
	happen(carried);
	assert_int_equal(virtual_pool(v)->latch.metric, METRIC_P99);
	assert_true(is_red());
}

static void a_process_that_starts_later_knows(void **state)
{
	(void)state;
	begin_at(100);
	happen(guards_own());
	struct decision before = virtual_pool(v)->decisions[1];
	assert_int_equal(before.verb, VERB_ROLLBACK);
	struct instant now = v->now;
	virtual_release(v);
	struct plan plan = virtual_plan();
	virtual_init(v, 1, &plan, NULL);
	v->now = now;
	virtual_history_opens(v);
	virtual_decide(v, &before);
	virtual_run(v, 3000);
	assert_true(is_red());
}

static void who_rolled_back_by_hand_has_looked(void **state)
{
	(void)state;
	begin_at(100);
	happen(virtual_decision(v, VERB_ROLLBACK, 0));
	assert_false(virtual_pool(v)->latch.red);
	assert_false(is_red());
}

/* One that the pool took back since nobody kept it is no guard's. */
static void a_raise_that_nobody_kept_is_not_red(void **state)
{
	(void)state;
	begin_at(100);
	struct decision d = pools_own();
	text_copy(d.reason, sizeof d.reason, "went back: not kept");
	happen(d);
	assert_false(is_red());
}

static void the_rule(void **state)
{
	(void)state;
	struct decision *d = mem_new(4, sizeof *d);
	assert_null(reconcile_red(d, 0));
	for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
		bool never = outcome == OUTCOME_REFUSED || outcome == OUTCOME_NOT_SENT ||
			outcome == OUTCOME_VOID;
		d[0] = (struct decision){
			.verb = VERB_ROLLBACK, .role = GUARD_ROLE, .outcome = (enum outcome_kind)outcome};
		assert_ptr_equal(reconcile_red(d, 1), never ? NULL : &d[0]);
	}
	d[0].outcome = OUTCOME_APPLIED;
	d[1] = (struct decision){.verb = VERB_RESUME, .outcome = OUTCOME_REFUSED};
	assert_ptr_equal(reconcile_red(d, 2), &d[0]);
	d[1].outcome = OUTCOME_APPLIED;
	assert_null(reconcile_red(d, 2));
	d[1].verb = VERB_STEP;
	assert_null(reconcile_red(d, 2));
	d[1].verb = VERB_HOLD;
	assert_ptr_equal(reconcile_red(d, 2), &d[0]);
	d[1].verb = VERB_RESUME;
	d[2] = d[0];
	d[3] = d[0];
	assert_ptr_equal(reconcile_red(d, 4), &d[2]);
	free(d);
}

static int make(void **state)
{
	(void)state;
	v = mem_new(1, sizeof *v);
	return 0;
}

static int release(void **state)
{
	(void)state;
	if (v->sample)
		virtual_release(v);
	free(v);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_a_desks_guard_rolled_back),
		T(what_a_pools_guard_rolled_back),
		T(carried_on_it_is_still_the_first),
		T(a_process_that_starts_later_knows),
		T(who_rolled_back_by_hand_has_looked),
		T(a_raise_that_nobody_kept_is_not_red),
		T(the_rule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
