/* Desk: one control, a virtual clock and the hand that sends it changes, for the tests of
 * control. Static: each test program has its own. */
#ifndef WEIR_TESTS_UNIT_ENGINE_DESK_H
#define WEIR_TESTS_UNIT_ENGINE_DESK_H

#include "client/engine/control.h"
#include "client/engine/store.h"
#include "model/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct control_counts counts = {.arms = {{.requests = 11}, {.requests = 22}}};
static struct instant now;
static struct control *c;
static struct control_answer a;
static struct snapshot *snap;

static inline struct control *make(struct store *store, bool has_v2)
{
	struct control_options o = {.strategy = STRATEGY_CANARY, .has_v2 = has_v2};
	struct err err;
	struct control *made = control_new(&o, store, now, &err);
	assert_non_null(made);
	return made;
}

static inline int setup(void **state)
{
	(void)state;
	now = (struct instant){.boot_ms = 100000000, .wall_ms = 1700000000000};
	c = make(NULL, true);
	snap = calloc(1, sizeof *snap);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	control_free(c);
	free(snap);
	return 0;
}

static inline const struct snapshot *look(void)
{
	control_fill(c, snap, now);
	return snap;
}

static inline struct control_request step_request(const char *key, int to_bp)
{
	look();
	struct control_request r = {.verb = VERB_STEP,
		.body_hash = (uint64_t)to_bp,
		.has_match = true,
		.match_epoch = snap->epoch,
		.match_rev = snap->rev,
		.to_bp = to_bp,
		.from_bp = -1,
		.strategy = STRATEGY_COUNT,
		.actor = "ann@host",
		.reason = "because"};
	text_copy(r.key, sizeof r.key, key);
	return r;
}

static inline int send(const struct control_request *r)
{
	control_change(c, r, &counts, now, &a);
	control_settle(c, &a);
	return a.status;
}

static inline int step(const char *key, int to_bp)
{
	struct control_request r = step_request(key, to_bp);
	return send(&r);
}

static inline struct control_request act_request(enum verb verb, const char *key)
{
	look();
	struct control_request r = {.verb = verb,
		.has_match = true,
		.match_epoch = snap->epoch,
		.match_rev = snap->rev,
		.to_bp = -1,
		.from_bp = -1,
		.baseline_bp = -1,
		.on_orphan = ORPHAN_COUNT,
		.strategy = STRATEGY_COUNT,
		.actor = "bob@host",
		.reason = "so"};
	text_copy(r.key, sizeof r.key, key);
	return r;
}

static inline int act(enum verb verb, const char *key)
{
	struct control_request r = act_request(verb, key);
	return send(&r);
}

static inline void refuses(int status, const char *word)
{
	assert_int_equal(a.status, status);
	assert_string_equal(a.error, word);
	assert_string_not_equal(a.message, "");
	look();
	assert_int_equal(a.epoch, snap->epoch);
	assert_int_equal(a.rev, snap->rev);
	assert_int_equal(a.share_bp, snap->share_bp);
}

#endif
