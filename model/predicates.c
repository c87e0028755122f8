/* The 14 predicates. Each is one function of the facts: it sets the text with its numbers (and code,
 * wait), and returns whether it holds. Not which of them are asked: interlock.c.
 *
 * Invariants:
 * 1. A predicate whose fact is unknown fails; it never holds for lack of news.
 * 2. No predicate looks at another. */
#include "model/predicates.h"

#include "model/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef bool predicate_fn(const struct interlock_facts *f, struct interlock_check *c);

static void say(struct interlock_check *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void say(struct interlock_check *c, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(c->text, sizeof c->text, format, args);
	va_end(args);
	c->text[text_whole(c->text, strlen(c->text))] = 0;
}

static bool history(const struct interlock_facts *f, struct interlock_check *c)
{
	c->code = ERR_HISTORY;
	if (f->history_writable)
		say(c, "history writable");
	else
		say(c, "history not writable%s%s", f->history_why[0] ? ": " : "", f->history_why);
	return f->history_writable;
}

static bool live(const struct interlock_facts *f, struct interlock_check *c)
{
	char age[24];
	unit_age(age, sizeof age, f->worst_age_ms);
	bool some = f->nodes_live > 0;
	c->code = some && f->nodes_live < f->nodes ? ERR_NODES : ERR_STALE;
	if (f->nodes > 0 && f->nodes_live == f->nodes && f->worst_age_ms != UNKNOWN) {
		say(c, "%d of %d nodes live, %s old", f->nodes_live, f->nodes, age);
		return true;
	}
	if (f->worst_age_ms == UNKNOWN)
		say(c, "no news yet, %d of %d nodes live", f->nodes_live, f->nodes);
	else
		say(c, "no news for %s, %d of %d nodes live", age, f->nodes_live, f->nodes);
	return false;
}

static bool identity(const struct interlock_facts *f, struct interlock_check *c)
{
	c->code = !f->identity_equal ? ERR_IDENTITY : f->build_equal ? ERR_TOO_MANY : ERR_BUILD;
	if (!f->identity_equal)
		say(c, "another pool answers here");
	else if (!f->build_equal)
		say(c, "nodes run different builds");
	else if (f->dropped > 0)
		say(c, "%d operations more than can be checked", f->dropped);
	else
		say(c, "one identity, one build");
	return f->identity_equal && f->build_equal && f->dropped == 0;
}

static bool drift(const struct interlock_facts *f, struct interlock_check *c)
{
	char asked_for[24], reported[24];
	unit_share(asked_for, sizeof asked_for, f->intended_bp);
	unit_share(reported, sizeof reported, f->reported_bp);
	c->code = ERR_DRIFT;
	bool holds = f->reported_bp >= 0 && f->reported_bp == f->intended_bp;
	if (f->reported_bp < 0) {
		say(c, "nodes differ or do not say their share, asked %s", asked_for);
	} else if (holds && f->split_off) {
		char seen[24], n[32];
		unit_share(seen, sizeof seen, f->measured_bp);
		unit_count(n, sizeof n, f->measured_n);
		say(c, "pool says %s, traffic is split otherwise: seen %s of %s", reported, seen, n);
	} else {
		say(c, "asked %s, pool says %s", asked_for, reported);
	}
	return holds && !f->split_off;
}

static bool open_intent(const struct interlock_facts *f, struct interlock_check *c)
{
	c->code = ERR_OPEN_INTENT;
	if (f->open_intent) {
		say(c, "still open: %s", f->open_what);
		return false;
	}
	if (f->max_raising > 0 && f->rising >= f->max_raising) {
		c->code = ERR_RAISING;
		c->wait_ms = f->rising_left_ms;
		say(c, "%s", f->rising_text);
		return false;
	}
	say(c, "no open intent");
	return true;
}

static bool lease(const struct interlock_facts *f, struct interlock_check *c)
{
	char left[24];
	if (f->forbidden_left_ms > 0) {
		c->code = ERR_READ_ONLY;
		c->wait_ms = f->forbidden_left_ms;
		unit_countdown(left, sizeof left, f->forbidden_left_ms);
		say(c, "READ-ONLY (403): %.80s takes no changes from this token; asked again in %s",
			f->forbidden_at, left);
		return false;
	}
	c->code = ERR_LEASE;
	if (f->lease_asked && !f->lease_mine && f->lease_holder[0]) {
		unit_countdown(left, sizeof left, f->lease_left_ms);
		say(c, "lease is %s's for %s; take takes it", f->lease_holder, left);
		return false;
	}
	if (f->policy.armed && !f->armed && act_is_forward(f->act)) {
		c->code = ERR_NOT_ARMED;
		say(c, "not armed with this plan: run weir arm %s", f->pool);
		return false;
	}
	if (!f->lease_asked)
		say(c, "this pool has no leases");
	else if (f->lease_mine)
		say(c, "lease mine");
	else
		say(c, "lease free, taken with the %s",
			f->act == ACT_ARM            ? "arming"
				: f->act == ACT_FINALIZE ? "finish"
										 : "step");
	return true;
}

static void say_changed(struct interlock_check *c, const struct interlock_facts *f)
{
	char who[140] = "changed meanwhile", age[24];
	if (f->changed_by[0]) {
		unit_age(age, sizeof age, f->changed_age_ms);
		snprintf(who, sizeof who, "changed by %s %s ago", f->changed_by, age);
	}
	say(c, "%s: revision %lld.%lld, shown %lld.%lld", who, (long long)f->epoch,
		(long long)f->rev, (long long)f->shown_epoch, (long long)f->shown_rev);
}

static bool revision(const struct interlock_facts *f, struct interlock_check *c)
{
	c->code = ERR_CHANGED;
	bool known = f->epoch != UNKNOWN && f->rev != UNKNOWN;
	bool holds = known && f->epoch == f->shown_epoch && f->rev == f->shown_rev;
	if (!known)
		say(c, "revision not known");
	else if (holds)
		say(c, "revision %lld.%lld as shown", (long long)f->epoch, (long long)f->rev);
	else
		say_changed(c, f);
	return holds;
}

/* One person: any share that is not too far at once. */
static bool next_by_hand(const struct interlock_facts *f, struct interlock_check *c)
{
	char to[24], most[24];
	int most_bp = f->from_bp == 0 ? f->policy.first_bp : f->from_bp + f->policy.delta_bp;
	unit_share(to, sizeof to, f->to_bp);
	unit_share(most, sizeof most, most_bp < SHARE_FULL ? most_bp : SHARE_FULL);
	bool holds = f->to_bp <= most_bp;
	say(c, "%s%s, at most %s%s", to, holds ? "" : " is too far at once", most,
		holds ? " at once" : "");
	return holds;
}

static bool next_of_plan(const struct interlock_facts *f, struct interlock_check *c)
{
	char to[24], want[24];
	unit_share(to, sizeof to, f->to_bp);
	unit_share(want, sizeof want, f->next_bp);
	if (!f->plan_as_armed) {
		say(c, "the plan is not the one this migration began with");
		return false;
	}
	if (f->next_bp < 0) {
		say(c, "the plan has no step after this one");
		return false;
	}
	if (f->to_bp != f->next_bp) {
		say(c, "%s is not the plan's next, that is %s", to, want);
		return false;
	}
	if (f->to_bp - f->from_bp > f->max_delta_bp) {
		unit_share(want, sizeof want, f->max_delta_bp);
		say(c, "%s is more than %s at once", to, want);
		return false;
	}
	say(c, "%s is the plan's next", to);
	return true;
}

/* There is no next share: all work is on v2, by the plan, and v1 has nothing left to do. */
static bool next_is_end(const struct interlock_facts *f, struct interlock_check *c)
{
	char share[24], end[24], left[32];
	unit_share(share, sizeof share, f->from_bp);
	if (f->from_bp != SHARE_FULL) {
		say(c, "v2 has %s; a migration is finished at 100 %%", share);
		return false;
	}
	if (f->at_baseline) {
		say(c, "no migration is open: the baseline is %s", share);
		return false;
	}
	if (!f->plan_as_armed) {
		say(c, "the plan is not the one this migration began with");
		return false;
	}
	if (f->v1_sessions > 0) {
		unit_countdown(end, sizeof end, f->v1_end_ms);
		unit_count(left, sizeof left, f->v1_sessions);
		say(c, "v1 still has %s session%s, the last ends in %s", left,
			f->v1_sessions == 1 ? "" : "s", end);
		return false;
	}
	if (f->v1_busy == UNKNOWN || f->v1_busy > 0) {
		unit_count(left, sizeof left, f->v1_busy);
		if (f->v1_busy == UNKNOWN)
			say(c, "not known what v1 still works on");
		else
			say(c, "v1 still works on %s request%s", left, f->v1_busy == 1 ? "" : "s");
		return false;
	}
	say(c, "v2 has 100 %%, v1 works on nothing%s",
		f->v1_sessions == UNKNOWN ? "; its sessions are not counted" : " and has no session");
	return true;
}

static bool next(const struct interlock_facts *f, struct interlock_check *c)
{
	char to[24];
	c->code = ERR_NEXT;
	if (f->act == ACT_FINALIZE)
		return next_is_end(f, c);
	unit_share(to, sizeof to, f->to_bp);
	if (f->to_bp < 0 || f->to_bp > SHARE_FULL) {
		say(c, "no next share");
		return false;
	}
	if (f->act == ACT_PUT_BACK || f->act == ACT_COMPLETE) {
		say(c, f->act == ACT_PUT_BACK ? "puts back %s" : "%s for the nodes that lack it", to);
		return true;
	}
	if (f->from_bp < 0) {
		say(c, "not known from which share");
		return false;
	}
	return (policy_is_manual(&f->policy) ? next_by_hand : next_of_plan)(f, c);
}

static bool bake(const struct interlock_facts *f, struct interlock_check *c)
{
	int64_t left_ms = f->act == ACT_KEEP ? f->keep_left_ms : f->bake_left_ms;
	char left[24];
	c->code = ERR_BAKE;
	if (left_ms == UNKNOWN) {
		say(c, "bake: not known since when the share stands");
		return false;
	}
	if (left_ms > 0) {
		unit_countdown(left, sizeof left, left_ms);
		say(c, "bake %s left", left);
		c->wait_ms = left_ms;
		return false;
	}
	if (f->act != ACT_KEEP && !f->kept) {
		c->code = ERR_UNKEPT;
		say(c, "bake passed, but the raise before is not kept yet");
		return false;
	}
	say(c, "bake passed");
	return true;
}

/* Milliseconds until an arm has its samples at the present rate; UNKNOWN when it has none. */
static int64_t samples_wait(const struct interlock_facts *f, int arm)
{
	double missing = (double)(f->min_samples - f->samples[arm]);
	double rate = f->sample_rate[arm];
	if (!(rate > 0) || missing / rate > 1e9)
		return UNKNOWN;
	return (int64_t)ceil(missing / rate * 1000);
}

static bool samples(const struct interlock_facts *f, struct interlock_check *c)
{
	char have[32], want[32];
	c->code = ERR_SAMPLES;
	bool owes[2] = {f->reported_bp != SHARE_FULL, f->reported_bp != 0};
	int short_arm = -1;
	int64_t wait = 0;
	for (int arm = 0; arm < 2; arm++) {
		if (!owes[arm] || (f->samples[arm] != UNKNOWN && f->samples[arm] >= f->min_samples))
			continue;
		if (short_arm < 0 || f->samples[arm] < f->samples[short_arm])
			short_arm = arm;
		int64_t w = f->samples[arm] == UNKNOWN ? UNKNOWN : samples_wait(f, arm);
		wait = w == UNKNOWN || wait == UNKNOWN ? UNKNOWN : w > wait ? w : wait;
	}
	unit_count(want, sizeof want, f->min_samples);
	if (short_arm < 0) {
		int shown = owes[1] ? 1 : 0;
		unit_count(have, sizeof have, f->samples[shown]);
		say(c, "samples %s of %s", have, want);
		return true;
	}
	const char *whose = arm_name(short_arm ? ARM_V2 : ARM_V1);
	unit_count(have, sizeof have, f->samples[short_arm]);
	if (f->samples[short_arm] == UNKNOWN)
		say(c, "samples of %s not known, %s asked", whose, want);
	else
		say(c, "samples of %s %s of %s", whose, have, want);
	c->wait_ms = wait;
	return false;
}

static bool guard(const struct interlock_facts *f, struct interlock_check *c)
{
	c->code = ERR_GUARD;
	const char *what = f->guard_what[0] ? f->guard_what : guard_state_name(f->guard);
	if (f->guard_red || f->guard == GUARD_RED) {
		say(c, "guard RED%s: %s%s", f->guard_both ? " on both sides" : "", what,
			f->guard_red ? "; resume accepts it" : "");
		return false;
	}
	if (f->guard_both) {
		say(c, "both sides break a limit: %s", what);
		return false;
	}
	bool asks_safe = f->policy.safe && f->act != ACT_KEEP && f->act != ACT_COMPLETE &&
		f->act != ACT_FINALIZE && !f->at_baseline; /* at 100 % there is no v1 to compare with */
	bool amber = f->guard == GUARD_AMBER && f->guard_what[0];
	say(c, "guard %s%s%s%s%s%s", guard_state_name(f->guard), amber ? ": " : "",
		amber ? what : "", f->at_baseline ? ", v2 has no share" : "",
		asks_safe ? "; SAFE is asked: " : "",
		!asks_safe                       ? ""
			: f->verdict_text[0]         ? f->verdict_text
			: f->verdict != VERDICT_NONE ? verdict_name(f->verdict)
										 : "nobody judges");
	if (asks_safe && f->verdict != VERDICT_SAFE)
		return false;
	if (f->guard == GUARD_GREEN || f->guard == GUARD_NONE || f->at_baseline)
		return true;
	/* By hand UNKNOWN is said, not refused: the sheet shows it. And what only some nodes took
	 * was allowed a moment ago. */
	return f->act != ACT_KEEP && f->act != ACT_FINALIZE &&
		(!f->policy.green || f->act == ACT_COMPLETE);
}

static bool frozen(const struct interlock_facts *f, struct interlock_check *c)
{
	c->code = f->held ? ERR_HELD : ERR_FROZEN;
	if (f->held && strcmp(f->held_by, POOL_ETCD) == 0) {
		say(c, "%.120s; it ends by itself", f->held_why);
		return false;
	}
	if (f->held) {
		say(c, "held by %s; resume ends it", f->held_by[0] ? f->held_by : "somebody");
		return false;
	}
	if (!f->frozen) {
		say(c, "not frozen, not held");
		return true;
	}
	say(c, "%s", f->frozen_text);
	c->wait_ms = f->frozen_left_ms;
	return false;
}

static bool approval(const struct interlock_facts *f, struct interlock_check *c)
{
	char above[24], left[24], to[24];
	c->code = ERR_APPROVAL;
	unit_share(above, sizeof above, f->policy.approval_bp);
	unit_share_word(to, sizeof to, f->to_bp);
	unit_countdown(left, sizeof left, f->approval_left_ms);
	if (!interlock_asks_second(f) && f->to_bp >= 0 && f->to_bp <= f->policy.approval_bp) {
		say(c, "approvals only above %s", above);
		return true;
	}
	if (!f->approvers_known) {
		say(c, "approval is asked %s%s, and the plan names no approvers",
			interlock_asks_second(f) ? "of break-glass" : "above ",
			interlock_asks_second(f) ? "" : above);
		return false;
	}
	if (f->approval == APPROVAL_NONE && f->asked_id[0])
		say(c, "approval is missing; ask somebody: weir approve %s %s", f->pool, f->asked_id);
	else if (f->approval == APPROVAL_NONE && f->drilling)
		say(c, "approval is missing; a drill asks for none: weir ask %s %s", f->pool, to);
	else if (f->approval == APPROVAL_NONE)
		say(c, "approval is missing; the step asks for it");
	else if (f->approval != APPROVAL_GOOD)
		say(c, "APPROVAL NOT VALID (%s), by %.60s", approval_name(f->approval), f->approved_by);
	else
		say(c, "approved by %.80s, valid for %s", f->approved_by, left);
	return f->approval == APPROVAL_GOOD;
}

static bool owner_stays(const struct interlock_facts *f, struct interlock_check *c)
{
	char most[24];
	/* A pool's guard gets its limits by arming: to ask for it before would be too early. */
	if (!f->policy.owner || f->act == ACT_ARM || f->owner >= OWNER_RECORD)
		return true;
	if (f->owner == OWNER_NONE && f->guard_unarmed) {
		say(c, "the pool's guard has no limits yet: run weir arm %s", f->pool);
		return false;
	}
	if (f->owner == OWNER_NONE) {
		say(c, "nobody would roll back: run weir record --guard %s", f->pool);
		return false;
	}
	if (f->to_bp >= 0 && f->to_bp <= CONSOLE_MOST_BP)
		return true;
	unit_share(most, sizeof most, CONSOLE_MOST_BP);
	say(c, "only a console would roll back, good for %s: run weir record --guard %s", most,
		f->pool);
	return false;
}

static bool way_back(const struct interlock_facts *f, struct interlock_check *c)
{
	/* Arming comes before it, and a drill does not wait for itself. */
	bool drill = f->policy.drill_ms > 0 && f->act != ACT_ARM && !f->drilling;
	c->code = ERR_WAY_BACK;
	if (!f->baseline_known) {
		say(c, "baseline not known");
		return false;
	}
	if (f->act == ACT_FINALIZE) {
		say(c, "baseline known: the way back to it ends with this");
		return true;
	}
	if (!f->v1_serving) {
		say(c, "no way back: %s",
			f->v1_why[0] ? f->v1_why : "v1 is not fit to take the traffic");
		return false;
	}
	if (!owner_stays(f, c))
		return false;
	if (drill && (f->drill_age_ms == UNKNOWN || f->drill_age_ms > f->policy.drill_ms)) {
		char most[24];
		unit_duration(most, sizeof most, f->policy.drill_ms);
		say(c, "last drill %s; at most %s: run weir drill %s", f->drill_text, most, f->pool);
		return false;
	}
	say(c, "baseline known, v1 serving%s%s%s%s", f->policy.owner ? ", guard owner " : "",
		f->policy.owner ? owner_name(f->owner) : "", drill ? "; last drill " : "",
		drill ? f->drill_text : "");
	return true;
}

static predicate_fn *const predicates[PREDICATE_COUNT] = {history, live, identity, drift,
	open_intent, lease, revision, next, bake, samples, guard, frozen, approval, way_back};

bool predicate_holds(
	enum predicate p, const struct interlock_facts *f, struct interlock_check *c)
{
	return predicates[p](f, c);
}
