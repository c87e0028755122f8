/* Drill: the way back is walked behind a drill's step, by the console that began it, as soon as the
 * step is seen or could not be; and by who finds a step that was left by one that ended in between.
 *
 * 1. What a drill raised goes back: by itself at the pool too, since nobody keeps it.
 * 2. Nobody but a recorder that guards takes back what another person's drill left. */
#include "tui/drill.h"

#include "model/text.h"
#include "tui/desk_parts.h"

#include <string.h>

#define LEFT_MS 60000 /* longer than any drill waits between its two acts */
#define AGAIN_MS 5000

int drill_request(struct act_request *out, const struct pool *p, struct err *err)
{
	const struct standing *s = &p->standing;
	char is[16], first[16];
	if (!p->has_plan)
		return err_set(
			err, ERR_USAGE, "a drill goes to the plan's first step: '%s' has no plan", p->name);
	if (s->reported_bp < 0)
		return err_set(err, ERR_STALE, "the share of '%s' is not known", p->name);
	int first_bp = plan_next_bp(&p->plan, s->baseline_bp);
	bool up = s->reported_bp <= s->baseline_bp;
	unit_share(is, sizeof is, s->reported_bp);
	unit_share(first, sizeof first, first_bp);
	if (!up && s->reported_bp > first_bp)
		return err_set(err, ERR_NEXT,
			"a drill goes back from the first step, %s, and '%s' is at %s: it would cost a bake",
			first, p->name, is);
	*out = (struct act_request){.verb = up ? VERB_STEP : VERB_ROLLBACK,
		.to_bp = up ? first_bp : -1,
		.role = DRILL_ROLE,
		.drilling = true,
		.shown_epoch = s->epoch,
		.shown_rev = s->rev};
	text_copy(out->reason, sizeof out->reason, "drill");
	return 0;
}

/* The step that this desk began itself; NULL: another did, or an earlier life. */
static const struct flight *own_step(const struct desk *d, const struct decision *up)
{
	const struct flight *f = flight_find(d, up->id);
	return f && f->request.drilling ? f : NULL;
}

/* Whether it is this desk's to take back, and now. */
static bool is_due(const struct desk *d, const struct decision *up)
{
	const struct flight *own = own_step(d, up);
	if (own)
		return own->phase == FLIGHT_DONE;
	bool may = d->how.guard || strcmp(up->actor, d->actor) == 0;
	return may && d->now.wall_ms - up->at_ms >= LEFT_MS;
}

void drill_turn(struct desk *d, int pool)
{
	struct desk_pool *own = &d->pools[pool];
	const struct pool *p = &d->model.pools[pool];
	const struct decision *up =
		drill_left(p->decisions, p->decision_count, p->standing.reported_bp);
	if (!up || !own->loaded || d->now.boot_ms < own->drill_due_ms || !is_due(d, up))
		return;
	struct act_request r = {.verb = VERB_ROLLBACK,
		.pool = pool,
		.to_bp = -1,
		.role = DRILL_ROLE,
		.drilling = true,
		.shown_epoch = p->standing.epoch,
		.shown_rev = p->standing.rev};
	struct act_result result;
	text_copy(r.reason, sizeof r.reason,
		own_step(d, up) ? up->reason : "a drill was left at its step");
	own->drill_due_ms = d->now.boot_ms + AGAIN_MS;
	desk_act(d, &r, d->now, &result);
}
