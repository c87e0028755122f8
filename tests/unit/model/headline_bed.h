/* Headline bed: pools and the headline they are told by. */
#ifndef WEIR_TESTS_UNIT_MODEL_HEADLINE_BED_H
#define WEIR_TESTS_UNIT_MODEL_HEADLINE_BED_H

#include "model/fit.h"
#include "tests/unit/model/virtual.h"

#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* ---- scenes: what has happened to a pool of one or two nodes ---- */

static inline void go_to(struct virtual *v, int to_bp)
{
	virtual_history_opens(v);
	virtual_run(v, 2000);
	if (to_bp > 0)
		virtual_move(v, VERB_STEP, to_bp);
	v->rate = 1000;
	virtual_run(v, 3000);
}

static inline void foreign(struct virtual *v)
{
	go_to(v, 1000);
	text_copy(v->node[0].s->pool_id, sizeof v->node[0].s->pool_id, "other");
	virtual_run(v, 1000);
}

static inline void restarted(struct virtual *v)
{
	go_to(v, 1000);
	virtual_boot(v, 0, "boot-2");
	virtual_run(v, 70000);
}

static inline void mixed(struct virtual *v)
{
	go_to(v, 100);
	virtual_apply_at(v, 1, VERB_STEP, 1000, "nobody");
	virtual_run(v, 1000);
}

static inline void held(struct virtual *v)
{
	go_to(v, 1000);
	virtual_move(v, VERB_HOLD, -1);
}

static inline void ready(struct virtual *v)
{
	go_to(v, 1000);
	virtual_run(v, 20000);
}

static inline void armed(struct virtual *v)
{
	go_to(v, 0);
}

static inline void partial(struct virtual *v)
{
	go_to(v, 100);
	struct decision d = virtual_decision(v, VERB_STEP, 1000);
	virtual_decide(v, &d);
	virtual_apply_at(v, 0, VERB_STEP, 1000, "kim@ops1");
	virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_REFUSED);
	virtual_run(v, 1000);
}

/* The pool takes a raise back; its log says why. */
static inline void went_back(struct virtual *v)
{
	struct audit_entry e = {.what = "revert",
		.actor = POOL_ACTOR,
		.reason = "not kept",
		.from_bp = 1000,
		.to_bp = 100,
		.epoch = 2,
		.rev = 3};
	struct decision d;
	go_to(v, 1000);
	virtual_apply_at(v, 0, VERB_STEP, 100, POOL_ACTOR);
	decision_observe(&d, "checkout", "shop", &e, "observed", v->now.wall_ms);
	d.outcome = OUTCOME_APPLIED;
	d.outcome_ms = d.at_ms;
	virtual_decide(v, &d);
	virtual_run(v, 1000);
}

static inline void blind(struct virtual *v)
{
	go_to(v, 1000);
	v->node[0].s->guard.state = GUARD_UNKNOWN;
	v->node[0].s->guard.since_ms = 61000;
	virtual_run(v, 1000);
}

static inline void assert_fit(const char *text)
{
	size_t len = strlen(text);
	assert_true(text[0] && text_valid(text, len));
	assert_true(text_width(text) <= HEADLINE_COLUMNS);
	for (size_t at = 0; at < len;) {
		uint32_t point;
		at += (size_t)text_decode(text + at, len - at, &point);
		assert_false(text_is_hidden(point));
	}
}

#endif
