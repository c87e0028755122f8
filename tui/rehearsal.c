/* Rehearsal: the desk and the simulated engine on one virtual clock. Not the score (score.c), and not
 * a rehearsal by a person, which is a console (cmd_rehearse.c).
 *
 * Invariants:
 * 1. Nothing here reads a clock or draws but from the seed.
 * 2. Only a step, and what a plan asks before it, is pressed here: a brake is the guards' to find. */
#include "tui/rehearsal.h"

#include "client/drivers.h"
#include "model/mem.h"
#include "tui/desk.h"

#include <stdlib.h>
#include <string.h>

#define BOOT_MS 3600000
#define WALL_MS 1767607200000 /* 2026-01-05 10:00 UTC, a Monday */
#define ACTOR "plan"
#define REASON "rehearsed"
#define AGAIN_MS 1000   /* between two presses */
#define OVER_MS 60000   /* behind a rollback or a hold: nothing comes any more */
#define MANUAL_MS 60000 /* a step that nothing bakes stands so long */
#define TELL_TURNS 256

struct play {
	const struct rehearsal_how *how;
	struct desk *desk;
	struct score *score;
	struct instant now;
	int64_t press_ms; /* boot time before which nothing is pressed */
	int64_t still_ms; /* boot time since which nothing can come; UNKNOWN: it can */
	int64_t moved_ms; /* boot time of the last change of the share */
	int share_bp;
};

static const struct pool *pool_of(const struct play *p)
{
	return &desk_model(p->desk)->pools[0];
}

/* ---- the plan's hand ---- */

static void press(struct play *p, enum verb verb, int to_bp)
{
	const struct standing *s = &pool_of(p)->standing;
	struct act_request r = {
		.verb = verb, .to_bp = to_bp, .shown_epoch = s->epoch, .shown_rev = s->rev};
	struct act_result result;
	text_copy(r.reason, sizeof r.reason, REASON);
	desk_act(p->desk, &r, p->now, &result);
	p->press_ms = p->now.boot_ms + AGAIN_MS;
}

/* Under a policy that does not bake a person would look for a while. */
static bool has_stood(const struct play *p)
{
	const struct pool *pool = pool_of(p);
	return pool->plan.policy.bake || pool->standing.reported_bp <= 0 ||
		p->now.boot_ms - p->moved_ms >= MANUAL_MS;
}

static void go_on(struct play *p)
{
	const struct pool *pool = pool_of(p);
	const struct standing *s = &pool->standing;
	if (p->now.boot_ms < p->press_ms || p->still_ms != UNKNOWN || s->next_bp < 0 ||
		s->open >= 0)
		return;
	if (pool->plan.policy.armed && !s->armed && s->reported_bp <= 0)
		press(p, VERB_ARM, -1);
	else if (s->next.allowed && has_stood(p) && s->stay_left_ms <= 0)
		press(p, VERB_STEP, s->next_bp);
}

/* ---- time ---- */

/* Nothing comes any more where it has gone back, is held, or is through with all it had to see. */
static bool is_still(const struct play *p)
{
	const struct pool *pool = pool_of(p);
	const struct standing *s = &pool->standing;
	bool was_up = p->score->top_bp > 0;
	bool all_seen = p->now.boot_ms - BOOT_MS >= scenario_length_ms(p->how->scenario) &&
		p->now.boot_ms - p->moved_ms >= pool->plan.bake_ms;
	return (was_up && s->reported_bp == 0) || s->hold.on ||
		(s->reported_bp == SHARE_FULL && all_seen);
}

static bool is_over(struct play *p)
{
	if (p->now.boot_ms - BOOT_MS >= p->how->for_ms)
		return true;
	if (!is_still(p))
		p->still_ms = UNKNOWN;
	else if (p->still_ms == UNKNOWN)
		p->still_ms = p->now.boot_ms;
	return p->still_ms != UNKNOWN && p->now.boot_ms - p->still_ms >= OVER_MS;
}

static void see_share(struct play *p)
{
	int bp = pool_of(p)->standing.reported_bp;
	if (bp == p->share_bp)
		return;
	p->share_bp = bp;
	p->moved_ms = p->now.boot_ms;
}

static void tell(const struct play *p)
{
	if (p->how->progress)
		p->how->progress(p->how->ctx, p->now.boot_ms - BOOT_MS, p->how->for_ms);
}

static void live(struct play *p)
{
	for (int64_t turns = 0; !is_over(p); turns++) {
		if (turns % TELL_TURNS == 0)
			tell(p);
		desk_turn(p->desk, p->now);
		see_share(p);
		score_look(p->score, pool_of(p), p->now);
		go_on(p);
		int64_t due_ms = desk_due_ms(p->desk, p->now, 1000);
		p->now.boot_ms += due_ms > 0 ? due_ms : 1;
		p->now.wall_ms += due_ms > 0 ? due_ms : 1;
	}
}

/* ---- life ---- */

static int sit_down(struct play *p, struct err *err)
{
	static const struct driver_ops *const schemes[] = {&driver_sim, NULL};
	static const char *const target = "sim:";
	const struct rehearsal_how *how = p->how;
	const struct desk_options options = {.actor = ACTOR,
		.schemes = schemes,
		.seed = how->scenario->seed,
		.console = true,
		.forgets = true};
	const struct pool_setup pool = {.name = how->scenario->name,
		.env = "REHEARSAL",
		.targets = &target,
		.target_count = 1,
		.interval_ms = 1000,
		.plan = how->plan,
		.plan_hash = "rehearsal",
		.limits = how->limits};
	p->desk = desk_new(&options, p->now, err);
	return p->desk && desk_add(p->desk, &pool, NULL, how->scenario, p->now, err) >= 0 ? 0 : -1;
}

int rehearsal_run(struct score *out, const struct rehearsal_how *how, struct err *err)
{
	struct play p = {.how = how,
		.score = out,
		.now = {.boot_ms = BOOT_MS, .wall_ms = WALL_MS},
		.still_ms = UNKNOWN,
		.moved_ms = BOOT_MS,
		.share_bp = -1};
	score_begin(out, how->scenario, ACTOR, how->plan->policy.name, p.now);
	int rc = sit_down(&p, err);
	if (rc == 0) {
		live(&p);
		score_end(out, pool_of(&p), p.now);
	}
	desk_free(p.desk, 0);
	return rc;
}

void rehearsal_relax(struct plan *plan)
{
	plan->policy.drill_ms = 0;
	plan->policy.approval_bp = SHARE_FULL;
	plan->hours[0] = 0;
	calendar_init(&plan->calendar);
}

int64_t rehearsal_plan_ms(const struct plan *plan)
{
	int64_t all_ms = 0;
	for (int i = 0; i < plan->step_count; i++) {
		int64_t bake_ms = plan->policy.bake ? plan->bake_ms : MANUAL_MS;
		all_ms += plan->steps[i].for_ms > bake_ms ? plan->steps[i].for_ms : bake_ms;
	}
	return all_ms;
}
