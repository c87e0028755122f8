/* Freeze: whether raises are closed now, until when and why: by a flag, else by the plan's
 * calendar; and which other pools rise. Not whether that is asked of an act: the interlock's table says so.
 *
 * 1. Closed when either end's wall clock says so: a clock that is wrong opens nothing. */
#include "model/standing.h"

#include "model/text.h"

#include <stdio.h>
#include <string.h>

/* How long the calendar keeps raises closed by a clock; 0: open, UNKNOWN: longer than it looks. */
static int64_t closed_for(const struct calendar *c, int64_t wall_ms, struct calendar_now *at)
{
	calendar_at(c, wall_ms, at);
	return at->open ? 0 : at->until_ms == UNKNOWN ? UNKNOWN : at->until_ms - wall_ms;
}

static void write_words(
	struct freeze *f, const struct plan *p, struct instant now, bool frozen, const char *why)
{
	char until[48] = "", by[24] = "";
	if (f->left_ms != UNKNOWN) {
		char when[40];
		calendar_when(when, sizeof when, &p->calendar, now.wall_ms + f->left_ms, now.wall_ms);
		snprintf(until, sizeof until, " until %.40s", when);
	}
	if (f->by_pool)
		snprintf(by, sizeof by, ", by the pool's clock");
	bool hours = !frozen && p->hours[0];
	snprintf(f->text, sizeof f->text, "FROZEN%s (%s%.60s)%s", until, hours ? "hours " : "",
		hours        ? p->hours
			: why[0] ? why
					 : "no reason given",
		by);
	text_mend(f->text);
}

/* The later of two openings; UNKNOWN is later than any. */
static bool is_later(int64_t left_ms, const struct freeze *f)
{
	return !f->on || (f->left_ms != UNKNOWN && (left_ms == UNKNOWN || left_ms > f->left_ms));
}

/* What is not known is not open; and nobody says when a file goes away. */
static bool flag_freezes(struct freeze *f, const struct flags *flags)
{
	if (!flags->unknown[0] && !flags->name[0])
		return false;
	f->on = true;
	f->left_ms = UNKNOWN;
	if (flags->unknown[0])
		snprintf(f->text, sizeof f->text, "flag files cannot be read: %.132s", flags->unknown);
	else
		snprintf(f->text, sizeof f->text, "FROZEN (%.70s), flag %.60s",
			flags->reason[0] ? flags->reason : "no reason given", flags->name);
	text_mend(f->text);
	return true;
}

void standing_freeze(struct standing *s, const struct pool *p, struct instant now)
{
	struct calendar_now at;
	const struct calendar *c = &p->plan.calendar;
	char why[CALENDAR_WHY_MAX] = "";
	bool frozen = false;
	s->freeze = (struct freeze){0};
	if (flag_freezes(&s->freeze, &p->flags))
		return;
	if (!p->has_plan || !calendar_asks(c))
		return;
	for (int k = -1; k < p->node_count; k++) {
		const struct node *n = k < 0 ? NULL : &p->nodes[k];
		if (n && (!node_is_usable(n) || n->last->now_ms == UNKNOWN))
			continue;
		int64_t wall_ms = n ? n->last->now_ms + standing_age(n, now) : now.wall_ms;
		int64_t left_ms = closed_for(c, wall_ms, &at);
		if (at.open || !is_later(left_ms, &s->freeze))
			continue;
		/* Clocks that agree to a moment are one. */
		s->freeze.by_pool = n && !s->freeze.on;
		s->freeze.on = true;
		s->freeze.left_ms = left_ms;
		frozen = at.frozen;
		text_copy(why, sizeof why, at.why);
	}
	if (s->freeze.on)
		write_words(&s->freeze, &p->plan, now, frozen, why);
}

void standing_rising(
	struct standing *s, const struct model *m, const struct pool *p, struct instant now)
{
	const struct raising *last;
	s->rising = (struct rising){0};
	s->rising.others = raising_others(&m->raisings, p->name, now.wall_ms, &last);
	if (s->rising.others == 0)
		return;
	s->rising.left_ms = last->until_ms - now.wall_ms;
	raising_text(s->rising.text, last, now.wall_ms);
}
