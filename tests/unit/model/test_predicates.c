/* Predicates: what each of them takes for good, how long what fails lasts, and what is said of it with
 * its numbers. */
#include "tests/unit/model/interlock_bed.h"

/* ---- unknown never holds ---- */

static void test_guard_by_hand(void **state)
{
	(void)state;
	struct interlock_facts f = in_order(POLICY_MANUAL, ACT_RAISE, false);
	f.guard = GUARD_UNKNOWN;
	assert_false(fails(f, PREDICATE_GUARD));
	f.guard = GUARD_NONE;
	assert_false(fails(f, PREDICATE_GUARD));
	f.guard = GUARD_RED;
	assert_true(fails(f, PREDICATE_GUARD));
	f = in_order(POLICY_STANDARD, ACT_COMPLETE, false);
	f.guard = GUARD_UNKNOWN; /* what only some nodes took was allowed a moment ago */
	assert_false(fails(f, PREDICATE_GUARD));
	f = in_order(POLICY_STRICT, ACT_RAISE, true);
	f.guard = GUARD_UNKNOWN;
	assert_false(fails(f, PREDICATE_GUARD)); /* v2 has not been given anything yet */
	f.guard_both = true;
	assert_true(fails(f, PREDICATE_GUARD)); /* v1's part is asked everywhere */
}

/* ---- 8 ---- */

static void test_next_share(void **state)
{
	(void)state;
	static const struct {
		enum policy_kind policy;
		int from_bp, to_bp, next_bp, max_delta_bp;
		bool holds;
	} cases[] = {
		{POLICY_MANUAL, 0, 2500, -1, 5000, true},
		{POLICY_MANUAL, 0, 2501, -1, 5000, false},
		{POLICY_MANUAL, 1, 5001, -1, 5000, true},
		{POLICY_MANUAL, 1, 5002, -1, 5000, false},
		{POLICY_MANUAL, 5000, 10000, -1, 5000, true},
		{POLICY_MANUAL, 4999, 10000, -1, 5000, false},
		{POLICY_MANUAL, 9000, 10001, -1, 5000, false},
		{POLICY_STANDARD, 1000, 2500, 2500, 1500, true},
		{POLICY_STANDARD, 1000, 2500, 2500, 1499, false},
		{POLICY_STANDARD, 1000, 2499, 2500, 5000, false},
		{POLICY_STANDARD, 1000, 5000, 2500, 5000, false}, /* a step skipped */
		{POLICY_STANDARD, 10000, 10000, -1, 5000, false},
		{POLICY_STRICT, 0, 100, 100, 5000, true},
	};
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
		assert_int_equal(next_holds(cases[k].policy, cases[k].from_bp, cases[k].to_bp,
							 cases[k].next_bp, cases[k].max_delta_bp),
			cases[k].holds);
}

static void test_what_was_allowed_before_is_next(void **state)
{
	(void)state;
	struct interlock_facts f = in_order(POLICY_STANDARD, ACT_PUT_BACK, true);
	f.from_bp = -1;
	f.next_bp = -1;
	assert_false(fails(f, PREDICATE_NEXT));
	f.act = ACT_COMPLETE;
	assert_false(fails(f, PREDICATE_NEXT));
	f.to_bp = -1;
	assert_true(fails(f, PREDICATE_NEXT));
}

/* ---- 6 ---- */

static void test_row_68_another_holds_the_lease(void **state)
{
	/* two operators want to step at once: only the one whose lease it is may */
	(void)state;
	struct interlock i;
	struct interlock_facts f = in_order(POLICY_STANDARD, ACT_RAISE, false);
	f.lease_mine = false;
	assert_false(fails(f, PREDICATE_LEASE)); /* free */
	text_copy(f.lease_holder, sizeof f.lease_holder, "ana@ops2");
	interlock_evaluate(&i, &f);
	assert_int_equal(i.failing, 1u << PREDICATE_LEASE);
	assert_int_equal(i.check[PREDICATE_LEASE].code, ERR_LEASE);
	assert_true(i.wait_ms == UNKNOWN); /* it may be renewed */
	/* what takes work off v2 asks for it too; what brakes and keeps does not */
	f.act = ACT_LOWER;
	assert_true(fails(f, PREDICATE_LEASE));
	for (int act = 0; act < ACT_COUNT; act++) {
		f.act = (enum act)act;
		bool needs =
			act != ACT_KEEP && act != ACT_RESUME && act != ACT_ADOPT && act != ACT_TELL;
		assert_int_equal(fails(f, PREDICATE_LEASE), needs);
	}
	/* an end without leases has nobody to ask */
	f.act = ACT_RAISE;
	f.lease_asked = false;
	assert_false(fails(f, PREDICATE_LEASE));
}

static void test_strict_arms_first(void **state)
{
	(void)state;
	struct interlock_facts f = in_order(POLICY_STRICT, ACT_RAISE, true);
	f.armed = false;
	assert_true(fails(f, PREDICATE_LEASE));
	f.lease_asked = false; /* no lease is no excuse */
	assert_true(fails(f, PREDICATE_LEASE));
	f.act = ACT_ARM;
	assert_false(fails(f, PREDICATE_LEASE));
	f.act = ACT_LOWER;
	assert_false(fails(f, PREDICATE_LEASE));
	f = in_order(POLICY_STANDARD, ACT_RAISE, true), f.armed = false;
	assert_false(fails(f, PREDICATE_LEASE)); /* the first step arms */
}

/* ---- 9: the bake to keep, the stay to go on ---- */

static void test_keep_asks_the_plans_bake_alone(void **state)
{
	(void)state;
	struct interlock_facts f = in_order(POLICY_STANDARD, ACT_KEEP, false);
	f.bake_left_ms = 3 * 24 * 3600 * 1000; /* the step's own `for` */
	f.kept = false;
	assert_false(fails(f, PREDICATE_BAKE));
	f.act = ACT_RAISE;
	assert_true(fails(f, PREDICATE_BAKE));
	f.bake_left_ms = 0;
	struct interlock i;
	interlock_evaluate(&i, &f);
	assert_int_equal(i.check[PREDICATE_BAKE].code, ERR_UNKEPT);
	f.kept = true;
	assert_false(fails(f, PREDICATE_BAKE));
	f.act = ACT_KEEP, f.keep_left_ms = 1;
	assert_true(fails(f, PREDICATE_BAKE));
}

/* ---- 11 ---- */

static void test_keep_wants_green_or_no_limit(void **state)
{
	(void)state;
	for (int policy = 0; policy < POLICY_COUNT; policy++) {
		struct interlock_facts f = in_order((enum policy_kind)policy, ACT_KEEP, false);
		for (int g = 0; g < GUARD_COUNT; g++) {
			f.guard = (enum guard_state)g;
			assert_int_equal(fails(f, PREDICATE_GUARD), g >= GUARD_UNKNOWN);
		}
	}
}

static void test_strict_asks_for_safe(void **state)
{
	(void)state;
	char said[160];
	struct interlock_facts f = in_order(POLICY_STRICT, ACT_RAISE, false);
	assert_true(asks_safe(f, VERDICT_SAFE, "errors SAFE, under 1.3x v1's", said));
	assert_string_equal(said, "guard GREEN; SAFE is asked: errors SAFE, under 1.3x v1's");
	for (int v = 0; v < VERDICT_COUNT; v++) {
		assert_int_equal(asks_safe(f, (enum verdict_word)v, "", said), v == VERDICT_SAFE);
		assert_non_null(strstr(
			said, v == VERDICT_NONE ? "nobody judges" : verdict_name((enum verdict_word)v)));
	}
	assert_false(
		asks_safe(f, VERDICT_UNDECIDED, "errors UNDECIDED: too few bad units yet", said));
	assert_string_equal(
		said, "guard GREEN; SAFE is asked: errors UNDECIDED: too few bad units yet");
	/* nothing was asked of v2 yet; what one may keep, and what was allowed a moment ago */
	f = in_order(POLICY_STRICT, ACT_RAISE, true);
	assert_true(asks_safe(f, VERDICT_NONE, "", said));
	assert_null(strstr(said, "SAFE"));
	f = in_order(POLICY_STRICT, ACT_KEEP, false);
	assert_true(asks_safe(f, VERDICT_UNDECIDED, "", said));
	f = in_order(POLICY_STRICT, ACT_COMPLETE, false);
	assert_true(asks_safe(f, VERDICT_UNDECIDED, "", said));
	/* others do not ask */
	for (int policy = 0; policy < POLICY_STRICT; policy++) {
		f = in_order((enum policy_kind)policy, ACT_RAISE, false);
		assert_true(asks_safe(f, VERDICT_UNDECIDED, "", said));
		assert_null(strstr(said, "SAFE"));
	}
}

/* ---- 4: traffic that is not split as the pool says ---- */

static void test_the_split_that_is_seen_counts(void **state)
{
	(void)state;
	struct interlock i;
	struct interlock_facts f = in_order(POLICY_STANDARD, ACT_RAISE, false);
	f.split_off = true;
	f.measured_bp = 400;
	f.measured_n = 12000;
	interlock_evaluate(&i, &f);
	assert_int_equal(i.check[PREDICATE_DRIFT].state, CHECK_FAILS);
	assert_int_equal(i.check[PREDICATE_DRIFT].code, ERR_DRIFT);
	assert_string_equal(i.check[PREDICATE_DRIFT].text,
		"pool says 10 %, traffic is split otherwise: seen 4 % of 12,000");
	/* what the pool itself says otherwise is said first */
	f.intended_bp = 500;
	interlock_evaluate(&i, &f);
	assert_string_equal(i.check[PREDICATE_DRIFT].text, "asked 5 %, pool says 10 %");
	/* going down asks nothing of it */
	f.act = ACT_LOWER;
	assert_false(fails(f, PREDICATE_DRIFT));
}

static void assert_says(struct interlock_facts f, enum predicate p, const char *text)
{
	struct interlock i;
	interlock_evaluate(&i, &f);
	assert_string_equal(i.check[p].text, text);
}

/* ---- 13 ---- */

static void test_approvals_begin_above_a_share(void **state)
{
	(void)state;
	struct interlock_facts f = in_order(POLICY_STRICT, ACT_RAISE, false);
	f.approval = APPROVAL_NONE;
	f.to_bp = 5000;
	assert_false(fails(f, PREDICATE_APPROVAL));
	f.to_bp = 5001;
	assert_true(fails(f, PREDICATE_APPROVAL));
	/* any but a good one is none, and says why */
	for (int w = 0; w < APPROVAL_COUNT; w++) {
		f.approval = (enum approval_word)w;
		assert_true(fails(f, PREDICATE_APPROVAL) == (w != APPROVAL_GOOD));
	}
	f.approval = APPROVAL_OWN;
	text_copy(f.approved_by, sizeof f.approved_by, "kim@ops1");
	assert_says(f, PREDICATE_APPROVAL, "APPROVAL NOT VALID (own), by kim@ops1");
	f.approval = APPROVAL_GOOD;
	f.approval_left_ms = 61000;
	assert_says(f, PREDICATE_APPROVAL, "approved by kim@ops1, valid for 01:01");
	f.approval = APPROVAL_NONE;
	assert_says(f, PREDICATE_APPROVAL, "approval is missing; the step asks for it");
	f.drilling = true;
	f.to_bp = 5100;
	assert_says(
		f, PREDICATE_APPROVAL, "approval is missing; a drill asks for none: weir ask shop 51%");
	text_copy(f.asked_id, sizeof f.asked_id, "0193-a");
	assert_says(
		f, PREDICATE_APPROVAL, "approval is missing; ask somebody: weir approve shop 0193-a");
	f.approvers_known = false;
	assert_says(
		f, PREDICATE_APPROVAL, "approval is asked above 50 %, and the plan names no approvers");
}

/* ---- 14 ---- */

static void test_row_76_nobody_would_roll_back(void **state)
{
	/* the console dies above the baseline and v2 begins to fail: somebody named must stay */
	(void)state;
	static const struct {
		enum guard_owner owner;
		int to_bp;
		bool holds;
	} cases[] = {{OWNER_NONE, 100, false}, {OWNER_CONSOLE, 1000, true},
		{OWNER_CONSOLE, 1001, false}, {OWNER_RECORD, 10000, true}, {OWNER_POOL, 10000, true}};
	struct interlock i;
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		struct interlock_facts f = in_order(POLICY_STANDARD, ACT_RAISE, true);
		f.owner = cases[k].owner;
		f.to_bp = cases[k].to_bp;
		assert_int_equal(fails(f, PREDICATE_WAY_BACK), !cases[k].holds);
		interlock_evaluate(&i, &f);
		if (!cases[k].holds)
			assert_non_null(
				strstr(i.check[PREDICATE_WAY_BACK].text, "run weir record --guard shop"));
		f.policy = *policy_builtin(POLICY_MANUAL);
		assert_false(fails(f, PREDICATE_WAY_BACK));
	}
}

static void test_row_71_the_way_back_itself(void **state)
{
	/* v1 is gone, or nobody knows where back is: going on has no way back */
	(void)state;
	struct interlock_facts f = in_order(POLICY_MANUAL, ACT_RAISE, false);
	f.v1_serving = false;
	assert_true(fails(f, PREDICATE_WAY_BACK));
	f = in_order(POLICY_MANUAL, ACT_RAISE, false);
	f.baseline_known = false;
	assert_true(fails(f, PREDICATE_WAY_BACK));
	f = in_order(POLICY_STRICT, ACT_RAISE, false);
	f.drill_age_ms = UNKNOWN;
	assert_true(fails(f, PREDICATE_WAY_BACK));
	f = in_order(POLICY_STANDARD, ACT_RAISE, false); /* wants no drill */
	f.drill_age_ms = UNKNOWN;
	assert_false(fails(f, PREDICATE_WAY_BACK));
}

static const char *next_text(const struct interlock_facts *f, bool holds)
{
	static struct interlock i;
	interlock_evaluate(&i, f);
	assert_int_equal(i.check[PREDICATE_NEXT].state, holds ? CHECK_HOLDS : CHECK_FAILS);
	assert_true(holds || i.check[PREDICATE_NEXT].code == ERR_NEXT);
	return i.check[PREDICATE_NEXT].text;
}

static void row_71_a_one_way_step_waits_for_what_is_on_v1(void **state)
{
	(void)state;
	struct place at = a_place(POLICY_STANDARD, ACT_FINALIZE, false);
	struct interlock_facts f = at.f;
	assert_string_equal(
		next_text(&f, true), "v2 has 100 %, v1 works on nothing and has no session");
	f.v1_sessions = 12;
	f.v1_end_ms = 860000;
	assert_string_equal(
		next_text(&f, false), "v1 still has 12 sessions, the last ends in 14:20");
	f.v1_sessions = 1;
	assert_string_equal(next_text(&f, false), "v1 still has 1 session, the last ends in 14:20");
	f.v1_sessions = UNKNOWN;
	assert_non_null(strstr(next_text(&f, true), "its sessions are not counted"));
	f.v1_busy = 3;
	assert_string_equal(next_text(&f, false), "v1 still works on 3 requests");
	f.v1_busy = UNKNOWN;
	assert_string_equal(next_text(&f, false), "not known what v1 still works on");
	f = at.f;
	f.reported_bp = f.intended_bp = f.from_bp = 9999;
	assert_string_equal(
		next_text(&f, false), "v2 has 99.99 %; a migration is finished at 100 %");
	f = at.f;
	f.at_baseline = true;
	assert_non_null(strstr(next_text(&f, false), "no migration is open"));
	/* unkept, and no news of what is green: it cannot be taken back later */
	f = at.f;
	f.kept = false;
	assert_true(fails(f, PREDICATE_BAKE));
	f = at.f;
	f.policy = *policy_builtin(POLICY_MANUAL);
	f.guard = GUARD_UNKNOWN;
	assert_true(fails(f, PREDICATE_GUARD));
	/* where v1 fails already there is no use in waiting for it */
	f = at.f;
	f.v1_serving = false;
	f.owner = OWNER_NONE;
	assert_false(fails(f, PREDICATE_WAY_BACK));
}

static void row_73_the_way_back_was_never_walked(void **state)
{
	(void)state;
	struct interlock_facts f = in_order(POLICY_STRICT, ACT_RAISE, false);
	f.drill_age_ms = f.policy.drill_ms;
	assert_false(fails(f, PREDICATE_WAY_BACK));
	f.drill_age_ms++;
	assert_true(fails(f, PREDICATE_WAY_BACK));
	/* The drill's own step waits for no drill, nor does the arming before it. */
	f.drilling = true;
	assert_false(fails(f, PREDICATE_WAY_BACK));
	f.drilling = false;
	f.act = ACT_ARM;
	assert_false(fails(f, PREDICATE_WAY_BACK));
}

static void test_row_72_a_wrong_number(void **state)
{
	/* 100 typed for 10: only the plan's next share goes, and no more than the most at once */
	(void)state;
	struct interlock_facts f = in_order(POLICY_STANDARD, ACT_RAISE, false);
	f.next_bp = 2500;
	f.to_bp = SHARE_FULL;
	assert_true(fails(f, PREDICATE_NEXT));
	f.next_bp = SHARE_FULL; /* a plan that says so is still bound to the most at once */
	assert_true(fails(f, PREDICATE_NEXT));
}

/* ---- 10: which arm owes ---- */

static void test_an_arm_without_a_share_owes_nothing(void **state)
{
	(void)state;
	struct interlock_facts f = in_order(POLICY_STANDARD, ACT_RAISE, false);
	f.samples[ARM_V1] = 0;
	assert_true(fails(f, PREDICATE_SAMPLES));
	f.intended_bp = f.reported_bp = SHARE_FULL;
	assert_false(fails(f, PREDICATE_SAMPLES));
	f.samples[ARM_V2] = 299;
	assert_true(fails(f, PREDICATE_SAMPLES));
	f.intended_bp = f.reported_bp = 0;
	f.samples[ARM_V1] = 300;
	f.samples[ARM_V2] = UNKNOWN;
	assert_false(fails(f, PREDICATE_SAMPLES));
}

/* ---- waits ---- */

static int64_t wait_of(const struct interlock_facts *f)
{
	struct interlock i;
	interlock_evaluate(&i, f);
	return i.wait_ms;
}

static void test_waits(void **state)
{
	(void)state;
	struct interlock_facts f = in_order(POLICY_STANDARD, ACT_RAISE, false);
	assert_true(wait_of(&f) == 0);
	f.bake_left_ms = 30000;
	assert_true(wait_of(&f) == 30000);
	f.samples[ARM_V2] = 200; /* 100 more at 1 a second: the longest counts */
	assert_true(wait_of(&f) == 100000);
	f.samples[ARM_V1] = 0; /* 300 at 9 a second: shorter, rounded up */
	assert_true(wait_of(&f) == 100000);
	f.samples[ARM_V2] = 299; /* shorter than that of v1 */
	assert_true(wait_of(&f) == 33334);
	f.samples[ARM_V2] = 300;
	f.bake_left_ms = 0;
	assert_true(wait_of(&f) == 33334);
	f.bake_left_ms = 600000;
	assert_true(wait_of(&f) == 600000);
	/* one that time cannot clear, before or behind one that it can */
	f.frozen = true;
	f.frozen_left_ms = UNKNOWN;
	assert_true(wait_of(&f) == UNKNOWN);
	/* and one that it can: when the hours begin */
	f.frozen_left_ms = 700000;
	assert_true(wait_of(&f) == 700000);
	f.frozen = false;
	f.open_intent = true;
	assert_true(wait_of(&f) == UNKNOWN);
	f.open_intent = false;
	f.bake_left_ms = UNKNOWN;
	assert_true(wait_of(&f) == UNKNOWN);
	/* what is not asked has no wait */
	f.act = ACT_LOWER;
	assert_true(wait_of(&f) == 0);
}

static void test_no_rate_no_wait(void **state)
{
	(void)state;
	struct interlock_facts f = in_order(POLICY_STANDARD, ACT_RAISE, false);
	f.samples[ARM_V2] = 10;
	const double rates[] = {NAN, 0, -1, 1e-12};
	for (size_t k = 0; k < sizeof rates / sizeof *rates; k++) {
		f.sample_rate[ARM_V2] = rates[k];
		assert_true(wait_of(&f) == UNKNOWN);
	}
	f.sample_rate[ARM_V2] = 2;
	assert_true(wait_of(&f) == 145000);
	f.samples[ARM_V1] = UNKNOWN; /* no count, no end */
	assert_true(wait_of(&f) == UNKNOWN);
}

/* ---- texts ---- */

static void test_texts_have_their_numbers(void **state)
{
	(void)state;
	struct interlock_facts f, good = in_order(POLICY_STANDARD, ACT_RAISE, false);
	f = good, f.history_writable = false,
	text_copy(f.history_why, sizeof f.history_why, "disk full");
	assert_says(f, PREDICATE_HISTORY, "history not writable: disk full");
	f = good, f.nodes_live = 2, f.worst_age_ms = 14000;
	assert_says(f, PREDICATE_LIVE, "no news for 14s, 2 of 3 nodes live");
	f = good, f.nodes_live = 0, f.worst_age_ms = UNKNOWN;
	assert_says(f, PREDICATE_LIVE, "no news yet, 0 of 3 nodes live");
	f = good, f.dropped = 1;
	assert_says(f, PREDICATE_IDENTITY, "1 operations more than can be checked");
	f = good, f.intended_bp = 2500;
	assert_says(f, PREDICATE_DRIFT, "asked 25 %, pool says 10 %");
	f = good, f.open_intent = true, text_copy(f.open_what, sizeof f.open_what, "step by sam");
	assert_says(f, PREDICATE_OPEN, "still open: step by sam");
	f = good, f.rising = 1, f.max_raising = 2;
	assert_says(f, PREDICATE_OPEN, "no open intent");
	f.rising = 2, f.rising_left_ms = 90000;
	text_copy(f.rising_text, sizeof f.rising_text, "payments rises 1 % > 10 %");
	assert_says(f, PREDICATE_OPEN, "payments rises 1 % > 10 %");
	struct interlock rising;
	interlock_evaluate(&rising, &f);
	assert_int_equal(rising.check[PREDICATE_OPEN].code, ERR_RAISING);
	assert_true(rising.check[PREDICATE_OPEN].wait_ms == 90000);
	f = good, f.lease_mine = false;
	assert_says(f, PREDICATE_LEASE, "lease free, taken with the step");
	text_copy(f.lease_holder, sizeof f.lease_holder, "ana@ops2");
	assert_says(f, PREDICATE_LEASE, "lease is ana@ops2's for 00:24; take takes it");
	f.act = ACT_ARM, f.lease_holder[0] = 0;
	assert_says(f, PREDICATE_LEASE, "lease free, taken with the arming");
	f.lease_asked = false;
	assert_says(f, PREDICATE_LEASE, "this pool has no leases");
	f = in_order(POLICY_STRICT, ACT_RAISE, false), f.armed = false;
	assert_says(f, PREDICATE_LEASE, "not armed with this plan: run weir arm shop");
	f = good, f.rev = 43;
	assert_says(f, PREDICATE_REVISION, "changed meanwhile: revision 3.43, shown 3.42");
	text_copy(f.changed_by, sizeof f.changed_by, "alice@web2"), f.changed_age_ms = 12000;
	assert_says(
		f, PREDICATE_REVISION, "changed by alice@web2 12s ago: revision 3.43, shown 3.42");
	f = good, f.next_bp = 5000;
	assert_says(f, PREDICATE_NEXT, "60 % is not the plan's next, that is 50 %");
	f = good, f.max_delta_bp = 1000;
	assert_says(f, PREDICATE_NEXT, "60 % is more than 10 % at once");
	f = good, f.plan_as_armed = false;
	assert_says(f, PREDICATE_NEXT, "the plan is not the one this migration began with");
	f = good, f.next_bp = -1;
	assert_says(f, PREDICATE_NEXT, "the plan has no step after this one");
	f = good, f.act = ACT_PUT_BACK;
	assert_says(f, PREDICATE_NEXT, "puts back 60 %");
	f.act = ACT_COMPLETE;
	assert_says(f, PREDICATE_NEXT, "60 % for the nodes that lack it");
	f = good, f.bake_left_ms = 409000;
	assert_says(f, PREDICATE_BAKE, "bake 06:49 left");
	f = good, f.kept = false;
	assert_says(f, PREDICATE_BAKE, "bake passed, but the raise before is not kept yet");
	f = good, f.samples[ARM_V2] = 2120, f.samples[ARM_V1] = 9000, f.min_samples = 3000;
	assert_says(f, PREDICATE_SAMPLES, "samples of v2 2,120 of 3,000");
	f = good, f.samples[ARM_V1] = 12;
	assert_says(f, PREDICATE_SAMPLES, "samples of v1 12 of 300");
	f.samples[ARM_V1] = UNKNOWN;
	assert_says(f, PREDICATE_SAMPLES, "samples of v1 not known, 300 asked");
	f = good, f.guard_red = true, text_copy(f.guard_what, sizeof f.guard_what, "errors");
	assert_says(f, PREDICATE_GUARD, "guard RED: errors; resume accepts it");
	f.guard_both = true, f.guard_red = false;
	assert_says(f, PREDICATE_GUARD, "both sides break a limit: errors");
	f = good, f.guard = GUARD_RED, f.guard_both = true;
	assert_says(f, PREDICATE_GUARD, "guard RED on both sides: RED");
	assert_says(good, PREDICATE_WAY_BACK, "baseline known, v1 serving, guard owner pool");
	f = in_order(POLICY_STRICT, ACT_RAISE, false);
	assert_says(f, PREDICATE_WAY_BACK,
		"baseline known, v1 serving, guard owner pool; last drill 0.5s ago: back in 0.8s");
	f.drill_age_ms = UNKNOWN, text_copy(f.drill_text, sizeof f.drill_text, "never");
	assert_says(f, PREDICATE_WAY_BACK, "last drill never; at most 7d: run weir drill shop");
	f.drill_age_ms = 0;
	f.to_bp = 5000;
	assert_says(f, PREDICATE_APPROVAL, "approvals only above 50 %");
	f = good, f.held = true;
	assert_says(f, PREDICATE_FROZEN, "held by somebody; resume ends it");
	f = good, f.held = true, text_copy(f.held_by, sizeof f.held_by, "kim@ops1");
	assert_says(f, PREDICATE_FROZEN, "held by kim@ops1; resume ends it");
	f = in_order(POLICY_MANUAL, ACT_RAISE, false), f.to_bp = 7500;
	assert_says(f, PREDICATE_NEXT, "75 % is too far at once, at most 60 %");
	f.to_bp = 6000;
	assert_says(f, PREDICATE_NEXT, "60 %, at most 60 % at once");
}

static void test_summary(void **state)
{
	(void)state;
	struct interlock i;
	char line[200], tiny[12];
	struct interlock_facts f = in_order(POLICY_STANDARD, ACT_RAISE, false);
	interlock_evaluate(&i, &f);
	interlock_summary(line, sizeof line, &i);
	assert_string_equal(line, "");
	f.bake_left_ms = 409000;
	f.samples[ARM_V2] = 2120;
	f.samples[ARM_V1] = 30000;
	f.min_samples = 3000;
	interlock_evaluate(&i, &f);
	interlock_summary(line, sizeof line, &i);
	assert_string_equal(line, "W184 bake 06:49 left; W181 samples of v2 2,120 of 3,000");
	memset(tiny, 'x', sizeof tiny);
	interlock_summary(tiny, sizeof tiny, &i);
	assert_string_equal(tiny, "W184 bake 0");
	interlock_summary(tiny, 1, &i);
	assert_string_equal(tiny, "");
}

/* Names and reasons come from people: a text that is cut never ends inside a character. */
static void test_cut_texts_are_whole(void **state)
{
	(void)state;
	struct interlock_facts f = in_order(POLICY_STANDARD, ACT_RAISE, false);
	for (size_t shift = 0; shift < 3; shift++) {
		struct interlock i;
		char line[64];
		size_t at = 0;
		memset(f.held_by, 0, sizeof f.held_by);
		memset(f.held_by, 'a', shift);
		for (at = shift; at + 3 < sizeof f.held_by; at += 3)
			memcpy(f.held_by + at, "\xe2\x82\xac", 3);
		text_copy(f.history_why, sizeof f.history_why, f.held_by);
		f.held = true;
		f.history_writable = false;
		interlock_evaluate(&i, &f);
		for (size_t size = 1; size <= sizeof line; size++) {
			interlock_summary(line, size, &i);
			assert_true(text_valid(line, strlen(line)));
			assert_true(strlen(line) < size);
		}
	}
}

static void test_lines(void **state)
{
	(void)state;
	char line[200];
	struct interlock i;
	struct interlock_facts f = in_order(POLICY_STANDARD, ACT_RAISE, false);
	f.bake_left_ms = 80000;
	f.open_intent = true;
	text_copy(f.open_what, sizeof f.open_what, "step by sam");
	interlock_evaluate(&i, &f);
	interlock_line(line, sizeof line, &i.check[PREDICATE_BAKE]);
	assert_string_equal(line, "W184 bake 01:20 left, clears in 01:20");
	interlock_line(line, sizeof line, &i.check[PREDICATE_OPEN]);
	assert_string_equal(line, "W142 still open: step by sam");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guard_by_hand),
		cmocka_unit_test(test_next_share),
		cmocka_unit_test(test_what_was_allowed_before_is_next),
		cmocka_unit_test(test_row_68_another_holds_the_lease),
		cmocka_unit_test(test_strict_arms_first),
		cmocka_unit_test(test_keep_asks_the_plans_bake_alone),
		cmocka_unit_test(test_keep_wants_green_or_no_limit),
		cmocka_unit_test(test_strict_asks_for_safe),
		cmocka_unit_test(test_the_split_that_is_seen_counts),
		cmocka_unit_test(test_approvals_begin_above_a_share),
		cmocka_unit_test(test_row_76_nobody_would_roll_back),
		cmocka_unit_test(test_row_71_the_way_back_itself),
		cmocka_unit_test(row_73_the_way_back_was_never_walked),
		cmocka_unit_test(row_71_a_one_way_step_waits_for_what_is_on_v1),
		cmocka_unit_test(test_row_72_a_wrong_number),
		cmocka_unit_test(test_an_arm_without_a_share_owes_nothing),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_no_rate_no_wait),
		cmocka_unit_test(test_texts_have_their_numbers),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_cut_texts_are_whole),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
