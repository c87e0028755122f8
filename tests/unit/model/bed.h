/* Bed: what the tests of the model start from, with one node, with two, or without a plan, and
 * what they ask of it again and again. */
#ifndef WEIR_TESTS_UNIT_MODEL_BED_H
#define WEIR_TESTS_UNIT_MODEL_BED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/model/virtual.h"

static inline struct guard_limits limits(void)
{
	struct guard_limits l;
	guard_limits_init(&l);
	l.error_rate = 0.05;
	l.latency_ms = 1000;
	return l;
}

static inline int bed_nodes(void **state, int nodes, bool with_plan)
{
	struct virtual *v = mem_new(1, sizeof *v);
	struct plan plan = virtual_plan();
	struct guard_limits l = limits();
	virtual_init(v, nodes, with_plan ? &plan : NULL, &l);
	*state = v;
	return 0;
}

static inline int bed_one(void **state)
{
	return bed_nodes(state, 1, true);
}

static inline int bed_two(void **state)
{
	return bed_nodes(state, 2, true);
}

static inline int bed_by_hand(void **state)
{
	return bed_nodes(state, 1, false);
}

static inline int bed_leave(void **state)
{
	virtual_release(*state);
	free(*state);
	return 0;
}

static inline enum state state_of_pool(const struct virtual *v)
{
	return virtual_standing(v)->state;
}

static inline bool fails(const struct virtual *v, enum predicate p)
{
	return virtual_standing(v)->next.failing >> p & 1;
}

static inline void facts_of(
	const struct virtual *v, enum verb verb, int to_bp, struct interlock_facts *out)
{
	const struct standing *s = virtual_standing(v);
	pool_facts(&v->m, virtual_pool(v),
		&(struct intent){
			.verb = verb, .to_bp = to_bp, .shown_epoch = s->epoch, .shown_rev = s->rev},
		out);
}

#define assert_state(v, s) assert_string_equal(state_name(state_of_pool(v)), state_name(s))

/* Runs until the state is left; the seconds that took. */
static inline int run_while(struct virtual *v, enum state s, int most)
{
	int seconds = 0;
	for (; seconds < most && state_of_pool(v) == s; seconds++)
		virtual_run(v, 1000);
	return seconds;
}

static inline void take_step(struct virtual *v, int to_bp)
{
	assert_int_equal(virtual_standing(v)->next_bp, to_bp);
	assert_true(virtual_standing(v)->next.allowed);
	struct decision d = virtual_decision(v, VERB_STEP, to_bp);
	virtual_decide(v, &d);
	assert_state(v, STATE_STEPPING);
	assert_true(fails(v, PREDICATE_OPEN));
	virtual_apply_at(v, 0, VERB_STEP, to_bp, v->m.actor);
	virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED);
	assert_state(v, STATE_STEPPING); /* acknowledged, not yet seen */
	virtual_run(v, 1000);
	virtual_verify(v, &d);
	assert_state(v, STATE_BAKING);
	assert_int_equal(virtual_standing(v)->reported_bp, to_bp);
	assert_int_equal(virtual_standing(v)->intended_bp, to_bp);
	assert_false(virtual_standing(v)->diverged);
}

static inline void go_to(struct virtual *v, int to_bp)
{
	virtual_history_opens(v);
	virtual_run(v, 2000);
	virtual_move(v, VERB_STEP, to_bp);
	virtual_run(v, 5000);
	assert_int_equal(virtual_standing(v)->reported_bp, to_bp);
}

#define ONE(f) cmocka_unit_test_setup_teardown(f, bed_one, bed_leave)
#define TWO(f) cmocka_unit_test_setup_teardown(f, bed_two, bed_leave)
#define HAND(f) cmocka_unit_test_setup_teardown(f, bed_by_hand, bed_leave)

#endif
