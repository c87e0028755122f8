/* Tests of control: leases, arming, raises that go back by themselves, operations, and the values
 * that a change may have. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/engine/guarded.h"

/* ---- the lease ---- */

static void a_lease_says_who_raises(void **state)
{
	(void)state;
	assert_true(look()->lease.known);
	assert_string_equal(snap->lease.holder, "");
	assert_true(snap->lease.ttl_ms == UNKNOWN);
	assert_int_equal(lease("ann@host", 30000), 200);
	assert_int_equal(look()->lease.ttl_ms, 30000);
	assert_string_equal(snap->lease.holder, "ann@host");
	int64_t epoch = snap->epoch;
	assert_int_equal(lease("bob@host", 30000), 423);
	refuses(423, "leased");
	assert_non_null(strstr(a.message, "ann@host"));
	assert_int_equal(lease("bob@host", 0), 423);
	raise_to("bob@host", 1000, 0);
	refuses(423, "leased");
	assert_int_equal(raise_to("ann@host", 1000, 0), 200);
	/* Only raises ask for it. */
	assert_int_equal(raise_to("bob@host", 900, 0), 200);
	assert_int_equal(act(VERB_HOLD, fresh()), 200);
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	assert_int_equal(act(VERB_KEEP, fresh()), 200);
	assert_int_equal(act(VERB_ARM, fresh()), 423);
	assert_int_equal(act(VERB_DISARM, fresh()), 423);
	assert_int_equal(look()->epoch, epoch);
	now.boot_ms += 30000;
	assert_string_equal(look()->lease.holder, "");
	assert_int_equal(raise_to("bob@host", 1000, 0), 200);
	assert_int_equal(lease("bob@host", 30000), 200);
	assert_int_equal(lease("bob@host", 0), 200);
	assert_string_equal(look()->lease.holder, "");
}

static void a_rollback_ends_the_lease(void **state)
{
	(void)state;
	assert_int_equal(lease("ann@host", 30000), 200);
	assert_int_equal(act(VERB_ROLLBACK, fresh()), 200);
	assert_string_equal(look()->lease.holder, "");
	assert_int_equal(lease("bob@host", 30000), 200);
	tick(30000, GUARD_NONE, false);
	assert_int_equal(lease("ann@host", 30000), 200);
}

static void taking_it_from_another_raises_the_epoch(void **state)
{
	(void)state;
	int64_t epoch = look()->epoch;
	assert_int_equal(take_lease("ann@host", 30000), 200);
	assert_int_equal(take_lease("ann@host", 30000), 200);
	assert_int_equal(look()->epoch, epoch);
	struct control_request late = step_request(fresh(), 1000);
	assert_int_equal(take_lease("bob@host", 30000), 200);
	assert_int_equal(look()->epoch, epoch + 1);
	assert_string_equal(snap->lease.holder, "bob@host");
	assert_string_equal(newest()->what, "take");
	send(&late);
	refuses(423, "leased");
	now.boot_ms += 30000;
	send(&late);
	refuses(412, "conflict");
	assert_int_equal(take_lease("ann@host", 0), 400);
	assert_int_equal(take_lease("ann@host", 11 * MINUTE), 422);
	assert_int_equal(lease("ann@host", 11 * MINUTE), 422);
	assert_int_equal(lease("", 1), 400);
	assert_int_equal(lease("ann@host", -1), 400);
}

/* ---- arming ---- */

static void arming_captures_the_baseline_once(void **state)
{
	(void)state;
	control_free(c);
	struct control_options o = {.strategy = STRATEGY_CANARY, .share_bp = 2500, .has_v2 = true};
	c = control_new(&o, NULL, now, NULL);
	arm(2501);
	refuses(422, "limit");
	assert_int_equal(arm(-1), 200);
	assert_int_equal(look()->baseline_bp, 2500);
	assert_string_equal(snap->plan_hash, "plan");
	assert_int_equal(snap->rev, 0);
	/* At the baseline it is captured anew, of a pool that was found above nothing. */
	assert_int_equal(arm(1000), 200);
	assert_int_equal(look()->baseline_bp, 1000);
	/* Now it is open: only plan, orphans and limits are replaced. */
	arm(500);
	refuses(422, "limit");
	struct control_request r = act_request(VERB_ARM, fresh());
	text_copy(r.plan_hash, sizeof r.plan_hash, "other");
	r.on_orphan = ORPHAN_HOLD;
	r.has_guard = true;
	r.guard = limits_of(GUARD_ACTION_HOLD);
	assert_int_equal(send(&r), 200);
	assert_int_equal(look()->baseline_bp, 1000);
	assert_string_equal(snap->plan_hash, "other");
	assert_int_equal(snap->keep.on_orphan, ORPHAN_HOLD);
	assert_true(snap->guard.armed);
	assert_int_equal(arm(1000), 200);
	assert_true(look()->guard.armed);
	assert_int_equal(snap->keep.on_orphan, ORPHAN_HOLD);
	act(VERB_DISARM, fresh());
	refuses(409, "open");
	assert_int_equal(act(VERB_ROLLBACK, fresh()), 200);
	assert_int_equal(look()->share_bp, 1000);
	assert_int_equal(snap->strategy, STRATEGY_CANARY);
	assert_true(snap->guard.armed);
	assert_int_equal(act(VERB_DISARM, fresh()), 200);
	assert_string_equal(look()->plan_hash, "");
	assert_false(snap->guard.armed);
	assert_int_equal(snap->baseline_bp, 1000);
	assert_int_equal(control_intent(c, "none", false, now, NULL), INTENT_UNKNOWN);
}

static void another_plan_begins_with_nothing_of_the_old(void **state)
{
	(void)state;
	struct control_request r = act_request(VERB_ARM, fresh());
	text_copy(r.plan_hash, sizeof r.plan_hash, "old");
	r.on_orphan = ORPHAN_HOLD;
	r.has_guard = true;
	r.guard = limits_of(GUARD_ACTION_HOLD);
	assert_int_equal(send(&r), 200);
	/* The plan that it was armed with keeps what was said of it. */
	assert_int_equal(raise_to("ann@host", 100, 0), 200);
	assert_int_equal(look()->keep.on_orphan, ORPHAN_HOLD);
	assert_string_equal(snap->plan_hash, "old");
	assert_int_equal(raise_to("ann@host", 0, 0), 200);
	struct control_request s = step_request(fresh(), 100);
	text_copy(s.plan_hash, sizeof s.plan_hash, "old");
	assert_int_equal(send(&s), 200);
	assert_true(look()->guard.armed);
	assert_int_equal(raise_to("ann@host", 0, 0), 200);
	s = step_request(fresh(), 100);
	text_copy(s.plan_hash, sizeof s.plan_hash, "new");
	assert_int_equal(send(&s), 200);
	assert_int_equal(look()->keep.on_orphan, ORPHAN_REVERT);
	assert_false(snap->guard.armed);
	assert_string_equal(snap->plan_hash, "new");
	/* Armed anew where nothing is open and no limit is said: none is left. */
	assert_int_equal(act(VERB_ROLLBACK, fresh()), 200);
	s = step_request(fresh(), 0);
	s.has_guard = true;
	s.guard = limits_of(GUARD_ACTION_HOLD);
	assert_int_equal(send(&s), 200);
	assert_true(look()->guard.armed);
	assert_int_equal(arm(-1), 200);
	assert_false(look()->guard.armed);
}

/* A share that is nothing on the way is no new beginning. */
static void the_baseline_stays_below_it(void **state)
{
	(void)state;
	control_free(c);
	struct control_options o = {
		.strategy = STRATEGY_FULL_MIGRATION, .share_bp = SHARE_FULL, .has_v2 = true};
	c = control_new(&o, NULL, now, NULL);
	assert_int_equal(look()->strategy, STRATEGY_FULL_MIGRATION);
	assert_int_equal(arm(-1), 200);
	assert_int_equal(raise_to("ann@host", 0, 0), 200);
	assert_int_equal(raise_to("ann@host", 100, 0), 200);
	assert_int_equal(look()->baseline_bp, SHARE_FULL);
	/* The guard asks nothing below it: what it did would be a raise. */
	struct control_request r = step_request(fresh(), 50);
	r.has_guard = true;
	r.guard = limits_of(GUARD_ACTION_ROLLBACK);
	r.guard.memory_bytes = r.guard.latency_ms = 1000;
	assert_int_equal(send(&r), 200);
	assert_false(tick(1000, GUARD_RED, false));
	assert_int_equal(look()->share_bp, 50);
}

/* ---- keeps ---- */

static void an_unkept_raise_goes_back(void **state)
{
	(void)state;
	assert_int_equal(raise_to("ann@host", 500, 0), 200);
	assert_false(look()->keep.on);
	assert_int_equal(snap->kept_bp, 500);
	assert_int_equal(raise_to("ann@host", 2000, 10000), 200);
	look();
	assert_true(snap->keep.on);
	assert_int_equal(snap->keep.left_ms, 10000);
	assert_int_equal(snap->kept_bp, 500);
	raise_to("ann@host", 2500, 10000);
	refuses(409, "unkept");
	assert_int_equal(raise_to("ann@host", 1000, 0), 200); /* still above what is kept */
	assert_true(look()->keep.on);
	assert_false(tick(9999, GUARD_NONE, false));
	assert_int_equal(look()->keep.left_ms, 1);
	int64_t epoch = snap->epoch, rev = snap->rev;
	assert_true(tick(1, GUARD_NONE, false));
	look();
	assert_int_equal(snap->share_bp, 500);
	assert_int_equal(snap->epoch, epoch + 1);
	assert_int_equal(snap->rev, rev + 1);
	assert_false(snap->keep.on);
	assert_true(snap->hold.on);
	assert_string_equal(snap->hold.actor, POOL_ACTOR);
	assert_string_equal(snap->hold.reason, "went back: not kept");
	assert_string_equal(newest()->what, "revert");
	assert_string_equal(newest()->actor, POOL_ACTOR);
	assert_string_equal(newest()->key, "");
	assert_false(tick(10000, GUARD_NONE, false));
	raise_to("ann@host", 600, 0);
	refuses(409, "held");
}

static void a_lower_share_lowers_what_is_kept(void **state)
{
	(void)state;
	assert_int_equal(raise_to("ann@host", 2000, 0), 200);
	assert_int_equal(raise_to("ann@host", 4000, 10000), 200);
	assert_int_equal(raise_to("ann@host", 1000, 0), 200);
	assert_int_equal(look()->kept_bp, 1000);
	assert_false(snap->keep.on);
	assert_true(snap->keep.left_ms == UNKNOWN);
	assert_false(tick(20000, GUARD_NONE, false));
}

static void kept_it_stays(void **state)
{
	(void)state;
	assert_int_equal(raise_to("ann@host", 1000, 10000), 200);
	struct control_request r = act_request(VERB_KEEP, fresh());
	r.match_rev--;
	send(&r);
	refuses(412, "conflict");
	r.match_rev++;
	r.match_epoch++;
	send(&r);
	refuses(412, "conflict");
	r.has_match = false;
	send(&r);
	refuses(400, "bad_body");
	char key[16];
	text_copy(key, sizeof key, fresh());
	assert_int_equal(act(VERB_KEEP, key), 200);
	assert_int_equal(look()->kept_bp, 1000);
	assert_int_equal(snap->rev, 1);
	assert_int_equal(control_intent(c, key, false, now, NULL), INTENT_APPLIED);
	assert_false(tick(20000, GUARD_NONE, false));
	assert_int_equal(raise_to("ann@host", 2000, 0), 200);
	assert_int_equal(control_intent(c, key, false, now, NULL), INTENT_SUPERSEDED);
}

static void above_half_it_stays_and_is_held(void **state)
{
	(void)state;
	assert_int_equal(raise_to("ann@host", 5001, 10000), 200);
	assert_int_equal(look()->keep.on_orphan, ORPHAN_HOLD);
	assert_false(tick(10000, GUARD_NONE, false));
	look();
	assert_int_equal(snap->share_bp, 5001);
	assert_true(snap->hold.on);
	assert_string_equal(snap->hold.reason, "not kept");
	assert_string_equal(newest()->what, "hold");
	assert_true(snap->keep.on);
	/* A resume starts the time anew at its full length. */
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	assert_int_equal(look()->keep.left_ms, 10000);
}

static void a_hold_stops_the_time(void **state)
{
	(void)state;
	assert_int_equal(raise_to("ann@host", 1000, 10000), 200);
	assert_false(tick(9000, GUARD_NONE, false));
	assert_int_equal(act(VERB_HOLD, fresh()), 200);
	assert_true(look()->keep.on);
	assert_true(snap->keep.left_ms == UNKNOWN);
	assert_false(tick(MINUTE, GUARD_NONE, false));
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	assert_int_equal(look()->keep.left_ms, 10000);
	/* A resume of nothing gives no more time. */
	assert_false(tick(9000, GUARD_NONE, false));
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	assert_int_equal(look()->keep.left_ms, 1000);
	/* Nor does a step of the wall clock. */
	now.wall_ms += 3600 * 1000;
	assert_false(tick(999, GUARD_NONE, false));
	assert_true(tick(1, GUARD_NONE, false));
	assert_int_equal(look()->share_bp, 0);
	assert_int_equal(snap->strategy, STRATEGY_CANARY);
}

static void late_copies_after_a_revert_and_a_take_change_nothing(void **state)
{
	(void)state;
	struct control_request first = step_request("first", 1000);
	first.keep_within_ms = 10000;
	assert_int_equal(send(&first), 200);
	struct control_request slow = step_request("slow", 900);
	assert_true(tick(10000, GUARD_NONE, false));
	assert_int_equal(send(&first), 200);
	assert_true(a.replayed);
	send(&slow);
	refuses(412, "conflict");
	assert_int_equal(control_intent(c, "first", false, now, NULL), INTENT_SUPERSEDED);
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	assert_int_equal(lease("ann@host", 60000), 200);
	struct control_request mine = step_request("mine", 100);
	assert_int_equal(take_lease("bob@host", 1000), 200);
	now.boot_ms += 1000;
	send(&mine);
	refuses(412, "conflict");
	assert_int_equal(look()->share_bp, 0);
}

/* ---- operations ---- */

static struct control_request operations_request(int count, const char *const *names)
{
	struct control_request r = act_request(VERB_OPERATIONS, fresh());
	r.has_operations = true;
	r.operations.limited = true;
	r.operations.count = count;
	for (int i = 0; i < count; i++)
		text_copy(r.operations.name[i], OPERATION_NAME_MAX, names[i]);
	return r;
}

static void operations_are_a_change_of_split(void **state)
{
	(void)state;
	static const char *const both[] = {"echo", "predict"};
	assert_int_equal(raise_to("ann@host", 1000, 0), 200);
	struct control_request r = operations_request(2, both);
	r.has_match = false;
	send(&r);
	refuses(428, "no_match");
	r = operations_request(2, both);
	r.to_bp = 999;
	send(&r);
	refuses(422, "limit");
	r.to_bp = 1000;
	r.from_bp = 5;
	send(&r);
	refuses(412, "conflict");
	r.from_bp = 1000;
	assert_int_equal(send(&r), 200);
	assert_int_equal(look()->rev, 2);
	assert_true(snap->operations.limited);
	assert_int_equal(snap->operations.count, 2);
	assert_string_equal(snap->operations.name[1], "predict");
	assert_string_equal(control_operations(c)->name[0], "echo");
	assert_string_equal(snap->change.actor, "bob@host");

	/* Another's lease, a hold, an unkept raise: taking off passes, putting on does not. */
	assert_int_equal(lease("ann@host", 60000), 200);
	r = operations_request(1, both);
	assert_int_equal(send(&r), 200);
	r = operations_request(2, both);
	send(&r);
	refuses(423, "leased");
	assert_int_equal(lease("ann@host", 0), 200);
	assert_int_equal(act(VERB_HOLD, fresh()), 200);
	r = operations_request(0, both);
	assert_int_equal(send(&r), 200);
	assert_true(look()->operations.limited);
	assert_int_equal(snap->operations.count, 0);
	r = operations_request(1, both);
	send(&r);
	refuses(409, "held");
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	assert_int_equal(raise_to("ann@host", 2000, 10000), 200);
	r = operations_request(0, both);
	r.operations.limited = false;
	send(&r);
	refuses(409, "unkept");
	assert_int_equal(act(VERB_ROLLBACK, fresh()), 200);
	assert_true(look()->operations.limited); /* a rollback leaves the list as it is */
	r = operations_request(0, both);
	r.operations.limited = false;
	assert_int_equal(send(&r), 200);
	assert_false(look()->operations.limited);
}

static void a_step_may_bring_operations(void **state)
{
	(void)state;
	static const char *const one[] = {"echo"};
	struct control_request ops = operations_request(1, one);
	struct control_request r = step_request(fresh(), 1000);
	r.has_operations = true;
	r.operations = ops.operations;
	assert_int_equal(send(&r), 200);
	assert_int_equal(look()->operations.count, 1);
	assert_int_equal(lease("eve@host", 60000), 200);
	r = step_request(fresh(), 500);
	r.has_operations = true; /* all of them: more than before, at a lower share */
	send(&r);
	refuses(423, "leased");
}

static void bad_operations(void **state)
{
	(void)state;
	static const struct operation_set known = {.limited = true, .count = 1, .name = {"echo"}};
	static const char *const odd[] = {"a,b"}, *const other[] = {"predict"},
							 *const good[] = {"echo"};
	struct control_options o = {.strategy = STRATEGY_CANARY, .has_v2 = true, .known = &known};
	control_free(c);
	c = control_new(&o, NULL, now, NULL);
	struct control_request r = operations_request(1, odd);
	send(&r);
	refuses(400, "bad_body");
	r = operations_request(0, odd);
	r.operations.count = OPERATIONS_MAX + 1;
	send(&r);
	refuses(400, "bad_body");
	r.operations.count = -1;
	send(&r);
	refuses(400, "bad_body");
	r.has_operations = false;
	send(&r);
	refuses(400, "bad_body");
	r = operations_request(1, other);
	send(&r);
	refuses(422, "limit");
	r = operations_request(1, good);
	assert_int_equal(send(&r), 200);
}

/* ---- bad bodies ---- */

static void bad_values(void **state)
{
	(void)state;
	static const struct guard_limits fine = {
		.error_rate = NAN, .latency_ms = UNKNOWN, .memory_bytes = UNKNOWN, .window_ms = 60000};
	struct guard_limits odd[7];
	for (int i = 0; i < 7; i++)
		odd[i] = fine;
	odd[0].error_rate = -0.1;
	odd[1].error_rate = 1.1;
	odd[2].latency_ms = -1;
	odd[3].memory_bytes = -1;
	odd[4].window_ms = 999;
	odd[5].window_ms = 3600001;
	odd[6].action = GUARD_ACTION_COUNT;
	for (int i = 0; i < 7; i++) {
		struct control_request r = step_request(fresh(), 100);
		r.has_guard = true;
		r.guard = odd[i];
		send(&r);
		refuses(400, "bad_body");
	}
	raise_to("ann@host", 100, -1);
	refuses(400, "bad_body");
	raise_to("ann@host", 100, INT64_MAX);
	refuses(400, "bad_body");
	struct control_request r = act_request(VERB_ARM, fresh());
	r.baseline_bp = -2;
	send(&r);
	refuses(400, "bad_body");
	r.baseline_bp = SHARE_FULL + 1;
	send(&r);
	refuses(400, "bad_body");
	r.baseline_bp = -1;
	r.on_orphan = (enum orphan)(ORPHAN_COUNT + 1);
	send(&r);
	refuses(400, "bad_body");
	r = act_request(VERB_GUARD, fresh());
	r.act = GUARD_ACTION_WARN;
	r.for_ms = 1;
	send(&r);
	refuses(400, "bad_body");
	r.act = GUARD_ACTION_HOLD;
	r.for_ms = 0;
	send(&r);
	refuses(400, "bad_body");
	r.for_ms = 4 * 3600 * 1000 + 1;
	send(&r);
	refuses(422, "limit");
	/* An adoption arrives as a hold. */
	assert_int_equal(act(VERB_ADOPT, fresh()), 200);
	assert_true(look()->hold.on);
	assert_string_equal(newest()->what, "hold");
	assert_int_equal(raise_to("ann@host", 0, UNKNOWN), 200);
}

/* The last good value on each side; one beyond it is refused above. */
static void values_at_their_bounds(void **state)
{
	(void)state;
	struct guard_limits good[6];
	for (int i = 0; i < 6; i++)
		good[i] = limits_of(GUARD_ACTION_WARN);
	good[0].error_rate = 0;
	good[1].error_rate = 1;
	good[2].latency_ms = 0;
	good[3].memory_bytes = 0;
	good[4].window_ms = 1000;
	good[5].window_ms = 3600000;
	for (int i = 0; i < 6; i++) {
		struct control_request r = step_request(fresh(), 100 + i);
		r.has_guard = true;
		r.guard = good[i];
		assert_int_equal(send(&r), 200);
	}
	int64_t month_ms = 30 * INT64_C(86400000);
	raise_to("ann@host", 1000, month_ms + 1);
	refuses(400, "bad_body");
	assert_int_equal(raise_to("ann@host", 1000, month_ms), 200);
	struct control_request r = act_request(VERB_GUARD, fresh());
	r.act = GUARD_ACTION_HOLD;
	r.for_ms = 4 * 3600 * 1000;
	assert_int_equal(send(&r), 200);
	assert_int_equal(take_lease("ann@host", 10 * MINUTE), 200);
	assert_int_equal(lease("ann@host", 10 * MINUTE), 200);
	take_lease("ann@host", 10 * MINUTE + 1);
	refuses(422, "limit");
	lease("ann@host", 10 * MINUTE + 1);
	refuses(422, "limit");
}

static void a_baseline_at_its_bounds(void **state)
{
	(void)state;
	control_free(c);
	struct control_options o = {
		.strategy = STRATEGY_FULL_MIGRATION, .share_bp = SHARE_FULL, .has_v2 = true};
	c = control_new(&o, NULL, now, NULL);
	assert_int_equal(arm(SHARE_FULL), 200);
	assert_int_equal(look()->baseline_bp, SHARE_FULL);
	assert_int_equal(arm(0), 200);
	assert_int_equal(look()->baseline_bp, 0);
}

static void as_many_operations_as_there_may_be(void **state)
{
	(void)state;
	struct control_request r = act_request(VERB_OPERATIONS, fresh());
	r.has_operations = true;
	r.operations = (struct operation_set){.limited = true, .count = OPERATIONS_MAX};
	for (int i = 0; i < OPERATIONS_MAX; i++)
		snprintf(r.operations.name[i], sizeof r.operations.name[i], "op%d", i);
	assert_int_equal(send(&r), 200);
	assert_int_equal(look()->operations.count, OPERATIONS_MAX);
}

/* All operations where v2 had all of them are no raise: a hold does not stand in the way. */
static void all_operations_again_raise_nothing(void **state)
{
	(void)state;
	assert_int_equal(act(VERB_HOLD, fresh()), 200);
	struct control_request r = act_request(VERB_OPERATIONS, fresh());
	r.has_operations = true;
	assert_int_equal(send(&r), 200);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_lease_says_who_raises),
		T(a_rollback_ends_the_lease),
		T(taking_it_from_another_raises_the_epoch),
		T(arming_captures_the_baseline_once),
		T(another_plan_begins_with_nothing_of_the_old),
		T(the_baseline_stays_below_it),
		T(an_unkept_raise_goes_back),
		T(a_lower_share_lowers_what_is_kept),
		T(kept_it_stays),
		T(above_half_it_stays_and_is_held),
		T(a_hold_stops_the_time),
		T(late_copies_after_a_revert_and_a_take_change_nothing),
		T(operations_are_a_change_of_split),
		T(a_step_may_bring_operations),
		T(bad_operations),
		T(bad_values),
		T(values_at_their_bounds),
		T(a_baseline_at_its_bounds),
		T(as_many_operations_as_there_may_be),
		T(all_operations_again_raise_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
