/* Control time: what a pool does by itself as time passes: raises that nobody kept go back, a
 * red guard rolls back or holds, a lease ends.
 *
 * Invariants:
 * 1. Nothing here raises a share.
 * 2. The guard asks nothing at the baseline or below, and nothing without limits.
 * 3. Red is acted upon once, and nobody raises until a resume, also after what it rolled back;
 *    what was red at the resume is accepted until it is something else. A hold in place of a rollback, by an order for a time, ends with that time:
 *    what is red then still is rolled back. */
#include "client/engine/control_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define JUDGE_BIT (1u << LATCH_JUDGE)
#define BLIND_HOLD_MS (60 * 1000)
#define BLIND_ORPHAN_MS (5 * 60 * 1000)

int64_t control_left(int64_t boot_ms, struct instant now)
{
	return boot_ms > now.boot_ms ? boot_ms - now.boot_ms : 0;
}

/* ---- the guard's word ---- */

bool control_is_asked(const struct control *c)
{
	return guard_limits_any(&c->limits) && c->share_bp > control_base_bp(c);
}

static bool is_red(const struct control *c)
{
	return c->guard.state == GUARD_RED;
}

static bool has_no_data(const struct control *c)
{
	return c->guard.state == GUARD_UNKNOWN && !c->guard.both;
}

bool control_is_blind(const struct control *c, struct instant now)
{
	return control_is_asked(c) && has_no_data(c) &&
		now.boot_ms - c->guard_boot_ms >= BLIND_HOLD_MS;
}

void control_guard_resume(struct control *c, struct instant now)
{
	bool was_red = c->latched || c->guard.red;
	c->latched = c->latched_by_hold = false;
	c->resumed |= was_red || c->guard.verdict == VERDICT_HARM;
	c->accepted = c->guard.red | (was_red ? JUDGE_BIT : 0);
	c->blind_boot_ms = now.boot_ms;
}

static void hear(struct control *c, const struct control_guard *news, struct instant now)
{
	static const struct control_guard nothing = {.state = GUARD_NONE},
									  silence = {.state = GUARD_UNKNOWN, .word = "no data"};
	bool asked = control_is_asked(c);
	news = !asked ? &nothing : news ? news : &silence;
	if (!asked)
		c->latched = c->latched_by_hold = c->both_held = false;
	if (news->state != c->guard.state || news->both != c->guard.both)
		c->guard_boot_ms = c->blind_boot_ms = now.boot_ms;
	c->guard = *news;
	/* What the judge makes of an accepted red is accepted while there is a sign of it. */
	c->accepted &= c->guard.red | (c->guard.state >= GUARD_AMBER ? JUDGE_BIT : 0);
	c->both_held = c->both_held && c->guard.both;
}

/* ---- acting ---- */

static void hold(struct control *c, const struct control_counts *counts, struct instant now,
	const char *reason)
{
	if (c->hold.on)
		return;
	struct store_record r;
	control_draft(c, verb_row(VERB_HOLD)->word, now, &r);
	text_copy(r.reason, sizeof r.reason, reason);
	r.held = true;
	r.keep_wall_ms = 0;
	control_do(c, &r, counts, now);
}

/* RED latches until a resume: what it rolled back is held there. */
static void roll_back(struct control *c, const struct control_counts *counts,
	struct instant now, const char *reason)
{
	struct store_record r;
	control_draft(c, verb_row(VERB_ROLLBACK)->word, now, &r);
	text_copy(r.reason, sizeof r.reason, reason);
	control_draft_rollback(c, &r);
	r.held = true;
	control_do(c, &r, counts, now);
}

/* An unkept raise goes back, and nobody raises again before a person has looked. */
void control_revert(struct control *c, const struct control_counts *counts, struct instant now,
	const char *reason)
{
	struct store_record r;
	control_draft(c, STORE_REVERT, now, &r);
	text_copy(r.reason, sizeof r.reason, reason);
	r.epoch++;
	r.rev++;
	r.to_bp = c->kept_bp;
	r.strategy = control_strategy_after(c, STRATEGY_COUNT, r.to_bp);
	r.keep_ms = r.keep_wall_ms = 0;
	r.held = true;
	control_do(c, &r, counts, now);
}

static void lapse(
	struct control *c, const struct control_counts *counts, struct instant now, const char *why)
{
	char reason[POOL_REASON_MAX];
	snprintf(reason, sizeof reason, "went back: %s", why);
	if (orphan_at(c->on_orphan, c->share_bp) == ORPHAN_REVERT)
		control_revert(c, counts, now, reason);
	else
		hold(c, counts, now, why);
}

/* ---- the guard acts ---- */

enum guard_action control_guard_action(const struct control *c, struct instant now)
{
	bool only_holds = c->guard_hold_wall_ms && now.boot_ms < c->guard_hold_boot_ms;
	return only_holds && c->limits.action == GUARD_ACTION_ROLLBACK ? GUARD_ACTION_HOLD
																   : c->limits.action;
}

static void act_on_red(struct control *c, const struct control_counts *counts,
	struct instant now, const char *reason)
{
	enum guard_action action = control_guard_action(c, now);
	bool later = c->latched_by_hold && action == GUARD_ACTION_ROLLBACK;
	bool fresh = (c->guard.red & ~c->accepted) != 0;
	if (!fresh || (c->latched && !later))
		return;
	c->latched = true;
	c->latched_by_hold = action != c->limits.action;
	text_copy(c->latched_word, sizeof c->latched_word, c->guard.word);
	if (action == GUARD_ACTION_ROLLBACK)
		roll_back(c, counts, now, reason);
	else
		hold(c, counts, now, reason);
}

static void guard(struct control *c, const struct control_counts *counts, struct instant now)
{
	char reason[POOL_REASON_MAX];
	if (!control_is_asked(c) || c->limits.action == GUARD_ACTION_WARN)
		return;
	snprintf(reason, sizeof reason, "guard: %.*s", (int)sizeof reason - 8, c->guard.word);
	text_clean_in(reason, sizeof reason);
	/* What v1 breaks too hides nothing that v2 breaks alone. */
	if (is_red(c)) {
		act_on_red(c, counts, now, reason);
	} else if (c->guard.both && !c->both_held) {
		c->both_held = true;
		hold(c, counts, now, reason);
	}
}

static bool is_orphan(const struct control *c, struct instant now)
{
	return c->keep_ms && control_is_asked(c) && has_no_data(c) && !c->holder[0] &&
		now.boot_ms - c->blind_boot_ms >= BLIND_ORPHAN_MS;
}

bool control_tick(struct control *c, const struct control_guard *news,
	const struct control_counts *counts, struct instant now)
{
	int64_t rev = c->rev;
	control_clear_pending(c, now);
	if (c->holder[0] && now.boot_ms >= c->lease_boot_ms)
		c->holder[0] = '\0';
	hear(c, news, now);
	if (c->finalized)
		return false;
	guard(c, counts, now);
	if (c->keep_ms && now.boot_ms >= c->keep_boot_ms)
		lapse(c, counts, now, "not kept");
	else if (is_orphan(c, now))
		lapse(c, counts, now, "no data");
	hear(c, &c->guard, now);
	return c->rev != rev;
}
