/* Guarded: a desk whose pool has leases, deadlines and limits, for the tests of what time does to
 * a control. Static, as the desk is. */
#ifndef WEIR_TESTS_UNIT_ENGINE_GUARDED_H
#define WEIR_TESTS_UNIT_ENGINE_GUARDED_H

#include "tests/unit/engine/desk.h"

#define MINUTE 60000

static int keys;

static inline const char *fresh(void)
{
	static char key[16];
	snprintf(key, sizeof key, "n%d", ++keys);
	return key;
}

static inline int raise_to(const char *actor, int to_bp, int64_t keep_within_ms)
{
	struct control_request r = step_request(fresh(), to_bp);
	text_copy(r.actor, sizeof r.actor, actor);
	r.keep_within_ms = keep_within_ms;
	return send(&r);
}

static inline int lease(const char *actor, int64_t ttl_ms)
{
	struct lease_request l = {.ttl_ms = ttl_ms};
	text_copy(l.actor, sizeof l.actor, actor);
	control_lease(c, &l, now, &a);
	return a.status;
}

static inline int take_lease(const char *actor, int64_t ttl_ms)
{
	struct control_request r = act_request(VERB_TAKE, fresh());
	text_copy(r.actor, sizeof r.actor, actor);
	r.ttl_ms = ttl_ms;
	return send(&r);
}

static inline int arm(int baseline_bp)
{
	struct control_request r = act_request(VERB_ARM, fresh());
	r.baseline_bp = baseline_bp;
	text_copy(r.plan_hash, sizeof r.plan_hash, "plan");
	return send(&r);
}

static inline struct guard_limits limits_of(enum guard_action action)
{
	struct guard_limits l;
	guard_limits_init(&l);
	l.error_rate = 0.05;
	l.action = action;
	return l;
}

/* At 10 %, unkept for 10 minutes, under a limit. */
static inline void begin(enum guard_action action)
{
	struct control_request r = step_request(fresh(), 1000);
	r.keep_within_ms = 10 * MINUTE;
	r.has_guard = true;
	r.guard = limits_of(action);
	assert_int_equal(send(&r), 200);
}

static inline bool tick(int64_t after_ms, enum guard_state state, bool both)
{
	struct control_guard g = {
		.state = state, .both = both, .red = state == GUARD_RED, .word = "errors 9 % of 5 %"};
	now.boot_ms += after_ms;
	now.wall_ms += after_ms;
	return control_tick(c, &g, &counts, now);
}

static inline const struct audit_entry *newest(void)
{
	static struct audit_entry e;
	look();
	assert_int_equal(control_audit(c, snap->audit_seq - 1, &e, 1, now), 1);
	return &e;
}

#endif
