/* Orders: what a person tells the guard of a desk that owns one (a recorder's, a console's): to
 * hold where it would roll back, for a time, or to act again. An order is a decision like any
 * other, and travels by the history: the desk that guards reads there what other processes
 * ordered, obeys the newest, and says so in its line (model/owner.h). Not the pool's own guard,
 * which is told by the wire.
 *
 * Invariants:
 * 1. An order is APPLIED only when the line of the desk that guards shows it; else NOT_SENT.
 * 2. What an order allows never lasts longer than it said, whatever a wall clock does. */
#include "tui/desk_parts.h"

#include "model/text.h"

#include <stdio.h>
#include <string.h>

#define HEAR_MS 1000    /* how often the history is read for orders */
#define HEAR_LAST 16    /* decisions that are read then, beside the open ones */
#define TELL_MS 6000    /* an order that is not obeyed by then was not heard */
#define VERIFY_MIN_MS 2000 /* another's rollback is verified by then, at the earliest */
#define VERIFY_MS 60000    /* one that is not by then is left as it is */
#define LEFT_MS (2 * TELL_MS) /* one that is open so long has been left by whoever gave it */

/* ---- the desk that guards ---- */

/* How long ago the pool's log told of a rollback that its maker may just be verifying; UNKNOWN
 * none, or a share was raised since. */
static int64_t unverified_ms(const struct desk *d, const struct pool *p)
{
	for (size_t i = p->decision_count; i-- > 0;) {
		const struct decision *what = &p->decisions[i];
		const int64_t age_ms = d->now.wall_ms - what->at_ms;
		if (age_ms >= VERIFY_MS || (what->verb == VERB_STEP && what->outcome == OUTCOME_APPLIED))
			break;
		if (what->observed && what->verb == VERB_ROLLBACK && what->verified_ms == UNKNOWN)
			return age_ms > 0 ? age_ms : 0;
	}
	return UNKNOWN;
}

/* Who guards, is asked or waits for somebody reads every second; who would only see another's
 * rollback verified, ever more seldom: its row may be in another file. */
void order_hear(struct desk *d, int pool)
{
	struct desk_pool *own = &d->pools[pool];
	const struct pool *p = &d->model.pools[pool];
	if (!d->history || !own->loaded || own->hearing || d->now.boot_ms < own->hear_due_ms)
		return;
	if (!d->how.guard && p->plan.approver_count == 0 && !found_waits(d, pool)) {
		const int64_t age_ms = unverified_ms(d, p);
		if (age_ms < VERIFY_MIN_MS || d->now.boot_ms < own->hear_due_ms + age_ms / 2)
			return;
	}
	own->hearing = true;
	history_load(d->history, p->name, HEAR_LAST);
}

/* What the pool's own log tells of another's act says nothing of a verification: that is in the row
 * of whoever made it. */
static bool is_verified_since(const struct decision *what, const struct decision *known)
{
	return known && known->verified_ms == UNKNOWN && what->verified_ms != UNKNOWN;
}

/* An order of another process, or what became of it. */
static void hear(struct desk *d, int pool, const struct decision *what)
{
	struct owner_order order;
	const struct decision *known = pool_decision(&d->model.pools[pool], what->id);
	const struct flight *f = flight_find(d, what->id);
	bool is_of_two = what->verb == VERB_ASK || what->verb == VERB_APPROVE;
	bool is_over = f && f->phase == FLIGHT_FOUND && !decision_is_open(what);
	bool is_news = (is_of_two || is_over) && (!known || known->outcome != what->outcome);
	if (is_news || (!f && is_verified_since(what, known)))
		desk_apply(
			d, &(struct model_event){.kind = MODEL_DECISION, .pool = pool, .decision = what});
	if (is_of_two || !owner_order_read(&order, what) || (f && f->phase != FLIGHT_DONE))
		return;
	if (!known || known->outcome != what->outcome) {
		desk_apply(
			d, &(struct model_event){.kind = MODEL_DECISION, .pool = pool, .decision = what});
		d->pools[pool].line_due_ms = d->now.boot_ms;
	}
	if (decision_is_open(what) && d->now.wall_ms - what->at_ms >= LEFT_MS)
		found_adopt(d, pool, what);
}

/* Counted from the answer: however slow the disk is, this leaves room for what is written. */
void order_unheard(struct desk *d, int pool)
{
	d->pools[pool].hearing = false;
	d->pools[pool].hear_due_ms = d->now.boot_ms + HEAR_MS;
}

void order_heard(struct desk *d, int pool, const struct history_answer *a)
{
	order_unheard(d, pool);
	for (size_t i = 0; i < a->decision_count; i++)
		hear(d, pool, &a->decisions[i]);
}

void order_take(struct desk *d, int pool)
{
	struct desk_pool *own = &d->pools[pool];
	const struct pool *p = &d->model.pools[pool];
	struct owner_order order;
	if (!owner_order_find(&order, p->decisions, p->decision_count)) {
		own->order[0] = 0;
		return;
	}
	if (strcmp(own->order, order.id) == 0)
		return;
	int64_t left_ms = order.at_ms + order.for_ms - d->now.wall_ms;
	left_ms = left_ms < order.for_ms ? left_ms : order.for_ms;
	own->order_end_ms = d->now.boot_ms + (left_ms > 0 ? left_ms : 0);
	text_copy(own->order, sizeof own->order, order.id);
}

bool order_holds(const struct desk *d, int pool)
{
	const struct desk_pool *own = &d->pools[pool];
	return own->order[0] && d->now.boot_ms < own->order_end_ms;
}

void order_show(const struct desk *d, int pool, struct owner_line *line)
{
	const struct desk_pool *own = &d->pools[pool];
	text_copy(line->order, sizeof line->order, own->order);
	line->held_until_ms =
		order_holds(d, pool) ? d->now.wall_ms + own->order_end_ms - d->now.boot_ms : 0;
}

/* ---- whoever gave it ---- */

static void say_unheard(char *out, size_t size, const struct owner_line *l)
{
	if (!l->held)
		snprintf(out, size, "no recorder guards here any more; nothing was told");
	else
		snprintf(out, size,
			"the recorder of %.40s has not said that it obeys: its history is another, or it "
			"hangs; say it with its --history, or restart it with 'action: hold'",
			l->actor[0] ? l->actor : "another");
}

void order_turn(struct desk *d, struct flight *f)
{
	const struct owner_line *line = &d->model.pools[f->pool].owner_line;
	const struct decision *what = flight_decision(d, f);
	char words[POOL_REASON_MAX];
	if (!what || !decision_is_open(what)) {
		f->phase = FLIGHT_DONE;
		return;
	}
	if (strcmp(line->order, f->id) == 0) {
		snprintf(words, sizeof words, "%.80s obeys", line->held ? line->actor : d->actor);
		flight_end(d, f, OUTCOME_APPLIED, words);
	} else if (d->now.boot_ms - f->begun_ms >= TELL_MS) {
		say_unheard(words, sizeof words, line);
		flight_end(d, f, OUTCOME_NOT_SENT, words);
	}
}

int64_t order_due_ms(const struct flight *f)
{
	return f->begun_ms + TELL_MS;
}
