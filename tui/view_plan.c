/* The Plan screen: a row a step, with when it was taken and by whom, or from when it may be; below
 * them the time that the plan takes as a bar whose height is the share; what is known of the
 * selected step; and the brief, beside all that where the screen is wide. */
#include "model/fit.h"
#include "tui/basis.h"
#include "tui/brief.h"
#include "tui/graph.h"
#include "tui/judge_words.h"
#include "tui/timeline.h"
#include "tui/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BAR_ROWS 6       /* the highest bar of time, */
#define BAR_ROWS_WIDE 10 /* where nothing stands below it */
#define BAR_COLUMNS 200
#define BRIEF_LEAST 8 /* rows of the brief below the steps */
#define BRIEF_LABEL 11
#define CHANGES_MOST 12
#define FIGURES 36 /* columns of what a step would bring */

/* ---- steps ---- */

struct columns {
	int when, who, state, figures; /* first columns; who == state, figures == 0: not shown */
};

static struct columns choose(int width)
{
	struct columns c = {.when = 10, .who = 22};
	c.state = c.who + (width >= 100 ? 16 : 0);
	c.figures = width >= 110 ? width - FIGURES : 0;
	return c;
}

static enum role state_role(const struct timeline_row *r, const struct pool *p)
{
	if (r->back && r->is >= TIMELINE_NEXT)
		return ROLE_WARN;
	switch (r->is) {
	case TIMELINE_NOW:
		return p->standing.keep.on ? ROLE_WARN : ROLE_TEXT;
	case TIMELINE_NEXT:
		return p->standing.next.allowed ? ROLE_OK : ROLE_TEXT;
	case TIMELINE_PAST:
	case TIMELINE_LATER:
		break;
	}
	return ROLE_DIM;
}

/* "1,040", "0.4" of bad units a minute. */
static void write_bad(char *out, size_t size, double n)
{
	if (isnan(n))
		text_copy(out, size, "-");
	else if (n < 9.95)
		snprintf(out, size, "%.1f", n);
	else
		unit_count(out, size, (int64_t)(n + 0.5));
}

/* What the share would bring: work and bad units on v2, when a bad v2 and a good one are known. */
static void draw_figures(
	struct surface *s, struct rect r, const struct pool *p, const struct timeline_row *row)
{
	const struct arm_figures *arms = p->standing.arms;
	char text[4][24];
	struct forecast_basis b;
	struct forecast f;
	basis_of(&b, p);
	forecast_share(&f, &b, row->share_bp);
	bool compares = row->share_bp < SHARE_FULL && b.bad_rate > 0;
	unit_rate(text[0], sizeof text[0],
		(arms[ARM_V1].rate + arms[ARM_V2].rate) * row->share_bp / SHARE_FULL);
	write_bad(text[1], sizeof text[1], f.v2_bad);
	judge_words_time(text[2], sizeof text[2], compares ? f.known_ms : UNKNOWN);
	judge_words_time(text[3], sizeof text[3], compares ? f.safe_ms : UNKNOWN);
	for (int i = 0; i < 4; i++)
		surface_text_right(
			s, r, r.x + (i + 1) * (FIGURES / 4), r.y, view_role(p, ROLE_TEXT), text[i]);
}

static void draw_figure_titles(struct surface *s, struct rect r)
{
	static const char *const titles[] = {"v2 req/s", "bad/min", "2x known", "SAFE in"};
	for (int i = 0; i < 4; i++)
		surface_text_right(s, r, r.x + (i + 1) * (FIGURES / 4), r.y, ROLE_DIM, titles[i]);
}

static void draw_step(struct surface *s, struct rect r, const struct columns *c,
	const struct timeline *t, int at, bool selected, const struct view *v)
{
	const struct timeline_row *row = &t->row[at];
	char share[16], when[32], state[400];
	bool now = row->is == TIMELINE_NOW, taken = row->is <= TIMELINE_NOW && row->taken;
	unit_share(share, sizeof share, row->share_bp);
	timeline_when(when, sizeof when, row->at_ms, v->now.wall_ms);
	timeline_state(state, sizeof state, t, at, v->pool, v->now);
	if (selected) {
		surface_fill(s, (struct rect){r.x, r.y, c->who - 1, 1}, ROLE_SELECTED, ' ');
		surface_put(s, r, r.x, r.y, ROLE_SELECTED, '>');
	}
	enum role role = selected      ? ROLE_SELECTED
		: now                      ? ROLE_V2
		: row->is == TIMELINE_PAST ? ROLE_DIM
								   : ROLE_TEXT;
	surface_textf(s, r, r.x + 1, r.y, role, now ? "[%s]" : " %s ", share);
	surface_text(s, r, r.x + c->when, r.y, selected ? ROLE_SELECTED : ROLE_DIM, when);
	struct rect rest = r;
	rest.w = c->figures ? c->figures - 1 : r.w;
	int x = r.x + c->who;
	if (taken) {
		struct rect who = {x, r.y, c->state > c->who ? c->state - c->who - 1 : 14, 1};
		int end = surface_text(s, who, x, r.y, ROLE_REMOTE, row->taken->actor);
		x = c->state > c->who ? r.x + c->state : end + 2;
	} else {
		x = r.x + c->state;
	}
	surface_text(s, rest, x, r.y, state_role(row, v->pool), state);
	if (c->figures)
		draw_figures(
			s, (struct rect){r.x + c->figures, r.y, r.w - c->figures, 1}, v->pool, row);
}

static void draw_title(
	struct surface *s, struct rect r, const struct timeline *t, const struct view *v)
{
	const struct plan *p = &v->pool->plan;
	const struct columns c = choose(r.w);
	char bake[24], count[24], over[32];
	struct rect left = r;
	if (c.figures) {
		draw_figure_titles(s, (struct rect){r.x + c.figures, r.y, r.w - c.figures, 1});
		left.w = c.figures;
	}
	unit_duration(bake, sizeof bake, p->bake_ms);
	unit_count(count, sizeof count, p->min_samples);
	timeline_when(over, sizeof over, t->over_ms, v->now.wall_ms);
	int x = surface_text(s, left, r.x + 1, r.y, ROLE_TITLE, "PLAN");
	x = surface_text(s, left, x + 1, r.y, ROLE_REMOTE, p->policy.name);
	if (p->policy.bake)
		x = surface_textf(s, left, x, r.y, ROLE_DIM, ", bake %s", bake);
	if (p->policy.samples && p->min_samples > 0)
		x = surface_textf(s, left, x, r.y, ROLE_DIM, ", %s %s each", count,
			v->pool->standing.sessions ? "sessions" : "requests");
	if (p->hours[0])
		surface_textf(s, left, x, r.y, ROLE_DIM, ", %s", p->hours);
	else if (t->over_ms != UNKNOWN && t->next >= 0)
		surface_textf(s, left, x, r.y, ROLE_DIM, ", over %s at the earliest", over);
}

/* ---- the bar of time ---- */

#define STEP_COLUMNS 2 /* at least, however short it is beside the others */

struct bar {
	int start[PLAN_STEPS_MAX + 1]; /* first columns of the rows; -1: it has no date */
	double past[BAR_COLUMNS], ahead[BAR_COLUMNS]; /* the share 0..1; NaN not there */
	int64_t from_ms, to_ms;
	int width, now; /* columns */
};

static int column_of(const struct bar *b, int64_t wall_ms)
{
	double part = (double)(wall_ms - b->from_ms) / (double)(b->to_ms - b->from_ms);
	return (int)(part * b->width);
}

/* Where each row begins by its time, and far enough from the others to be seen. */
static void place_steps(struct bar *b, const struct timeline *t)
{
	int least = 0, most = b->width - STEP_COLUMNS;
	for (int i = 0; i < t->count; i++) {
		int64_t at_ms =
			i == t->now && t->row[i].at_ms == UNKNOWN ? b->from_ms : t->row[i].at_ms;
		b->start[i] = -1;
		if (at_ms == UNKNOWN)
			continue;
		int at = column_of(b, at_ms);
		b->start[i] = at > least ? at : least;
		least = b->start[i] + STEP_COLUMNS;
	}
	for (int i = t->count; i-- > 0;) {
		if (b->start[i] < 0)
			continue;
		b->start[i] = b->start[i] < most ? b->start[i] : most;
		most = b->start[i] - STEP_COLUMNS;
	}
}

static int place_now(const struct bar *b, const struct timeline *t, int64_t now_ms)
{
	int at = column_of(b, now_ms);
	if (t->now >= 0 && at < b->start[t->now])
		at = b->start[t->now];
	if (t->next >= 0 && b->start[t->next] >= 0 && at >= b->start[t->next])
		at = b->start[t->next] - 1;
	at = at < b->width ? at : b->width - 1;
	return at > 0 ? at : 0;
}

/* False where nothing can be told in time. */
static bool make_bar(struct bar *b, const struct timeline *t, const struct view *v, int width)
{
	int64_t now_ms = v->now.wall_ms;
	b->from_ms = t->from_ms == UNKNOWN ? now_ms : t->from_ms;
	b->to_ms = t->over_ms == UNKNOWN || t->over_ms < now_ms ? now_ms : t->over_ms;
	b->width = width < BAR_COLUMNS ? width : BAR_COLUMNS;
	if (b->to_ms <= b->from_ms || b->width < STEP_COLUMNS * t->count)
		return false;
	place_steps(b, t);
	b->now = place_now(b, t, now_ms);
	int base_bp = v->pool->standing.baseline_bp;
	double share = base_bp > 0 ? (double)base_bp / SHARE_FULL : 0;
	bool all_past = t->next < 0, none_past = t->from_ms == UNKNOWN;
	for (int i = 0; i < b->width; i++) {
		for (int k = 0; k < t->count; k++)
			if (b->start[k] == i)
				share = (double)t->row[k].share_bp / SHARE_FULL;
		bool past = !none_past && (all_past || i <= b->now);
		b->past[i] = past ? share : NAN;
		b->ahead[i] = past ? NAN : share;
	}
	return true;
}

/* The part of the values that stands in row `from` of `rows`, from below; what is to come is
 * shaded. */
static void draw_slice(
	struct surface *s, struct rect r, const struct bar *b, bool ahead, int from, int rows)
{
	const double *share = ahead ? b->ahead : b->past;
	double part[BAR_COLUMNS] = {0};
	for (int i = 0; i < b->width; i++) {
		double value = share[i] * rows - from;
		part[i] = value > 0 ? fmin(value, 1) : from == 0 ? value : NAN;
	}
	r.w = b->width;
	graph_sparkline(s, r, ahead ? ROLE_AXIS : ROLE_V2, part, (size_t)b->width, 1);
	for (int i = 0; i < b->width && ahead; i++)
		if (part[i] >= 1)
			surface_put(s, r, r.x + i, r.y, ROLE_AXIS, 0x2591);
}

static void draw_bar(
	struct surface *s, struct rect r, const struct timeline *t, const struct view *v)
{
	struct bar b;
	char from[32], over[32];
	int rows = r.h - 1 < BAR_ROWS_WIDE ? r.h - 1 : BAR_ROWS_WIDE;
	struct rect area = {r.x + 1, r.y, r.w - 2, 1};
	if (rows < 1 || !make_bar(&b, t, v, area.w))
		return;
	for (int i = 0; i < rows; i++, area.y++) {
		draw_slice(s, area, &b, false, rows - 1 - i, rows);
		draw_slice(s, area, &b, true, rows - 1 - i, rows);
	}
	timeline_when(from, sizeof from, b.from_ms, v->now.wall_ms);
	timeline_when(over, sizeof over, b.to_ms, v->now.wall_ms);
	bool later = b.to_ms > v->now.wall_ms;
	int from_end = 0, over_from = b.width;
	if (b.from_ms < v->now.wall_ms)
		from_end = surface_text(s, area, area.x, area.y, ROLE_DIM, from) - area.x;
	if (later) {
		over_from = b.width - text_width(over);
		surface_text(s, area, area.x + over_from, area.y, ROLE_DIM, over);
	}
	int at = later ? b.now : b.width - 3;
	if (at >= (from_end ? from_end + 1 : 0) && at + 3 < over_from + !later)
		surface_text(s, area, area.x + at, area.y, ROLE_TITLE, "now");
}

/* ---- the list ---- */

static void draw_none(struct surface *s, struct rect r)
{
	static const char *const lines[] = {
		"none: steps by hand, `:step 10%`; a share stays until moved",
		"one comes by `plan:` in weir.yaml, or weir --plan FILE TARGET",
		"weir plan FILE says what it takes, with dates"};
	int x = surface_text(s, r, r.x + 1, r.y, ROLE_TITLE, "PLAN");
	surface_text(s, r, x + 1, r.y, ROLE_TEXT, lines[0]);
	for (int i = 1; i < 3 && i < r.h; i++)
		surface_text(s, r, r.x + 6, r.y + i, ROLE_DIM, lines[i]);
}

static void draw_list(
	struct surface *s, struct rect r, const struct timeline *t, const struct view *v)
{
	const struct columns c = choose(r.w);
	if (t->count == 0) {
		draw_none(s, r);
		return;
	}
	int at = timeline_selected(t, v->plan_bp), rows = r.h - 1 < t->count ? r.h - 1 : t->count;
	int top = at - rows / 2 > t->count - rows ? t->count - rows : at - rows / 2;
	top = top > 0 ? top : 0;
	draw_title(s, (struct rect){r.x, r.y, r.w, 1}, t, v);
	for (int i = 0; i < rows; i++)
		draw_step(s, (struct rect){r.x, r.y + 1 + i, r.w, 1}, &c, t, top + i, top + i == at, v);
	int left = r.h - 1 - rows, gap = left > 2;
	if (left >= 2)
		draw_bar(s, (struct rect){r.x, r.y + 1 + rows + gap, r.w, left - gap}, t, v);
}

/* Of a step that was taken who did it and how it went, of one to come what it would bring. */
static void draw_detail(
	struct surface *s, struct rect r, const struct timeline *t, const struct view *v)
{
	int at = timeline_selected(t, v->plan_bp);
	char share[16], words[300];
	if (at < 0)
		return;
	const struct timeline_row *row = &t->row[at];
	unit_share(share, sizeof share, row->share_bp);
	int x = surface_textf(s, r, r.x, r.y, ROLE_DIM, "> %s ", share);
	if (row->is <= TIMELINE_NOW && row->taken) {
		const struct decision *d = row->taken;
		x = surface_textf(s, r, x + 1, r.y, ROLE_REMOTE, "%s", d->actor);
		x = surface_text(s, r, x + 1, r.y, d->verified_ms != UNKNOWN ? ROLE_OK : ROLE_TEXT,
			d->verified_ms != UNKNOWN ? "VERIFIED" : outcome_name(d->outcome));
		if (d->reason[0])
			surface_textf(s, r, x + 1, r.y, ROLE_REMOTE, "\"%s\"", d->reason);
		else if (strcmp(d->role, "operator") == 0)
			surface_text(s, r, x + 1, r.y, ROLE_WARN, "no reason given (6, A)");
		return;
	}
	timeline_forecast(words, sizeof words, v->pool, row->share_bp, r.w < 100);
	surface_text(s, r, x + 1, r.y, view_role(v->pool, ROLE_TEXT), words);
}

/* ---- the brief ---- */

/* Draws the lines, or counts their rows where `s` is NULL. */
static int draw_lines(struct surface *s, struct rect r, const struct brief *b, size_t from)
{
	int rows = 0;
	for (size_t i = from; i < b->count; i++) {
		const struct brief_line *l = &b->line[i];
		const char *at = l->text;
		bool first = i == from || b->line[i - 1].part != l->part;
		if (s && first && rows < r.h)
			surface_text(s, r, r.x + 1, r.y + rows, ROLE_DIM, brief_word(l->part));
		do {
			char row[512];
			size_t len = fit_words(at, r.w - BRIEF_LABEL - 1);
			/* What the last row has no room for is cut there, and seen to be. */
			snprintf(row, sizeof row, "%.*s", rows + 1 < r.h ? (int)len : (int)sizeof row, at);
			if (s && rows < r.h)
				surface_text(s, r, r.x + BRIEF_LABEL, r.y + rows, l->role, row);
			rows++;
			at += len;
		} while (*at);
	}
	return rows;
}

/* Where one row is all there is, what is open stands in it. */
static size_t first_line(const struct brief *b, int rows)
{
	size_t i = 0;
	while (rows < 4 && i < b->count && b->line[i].part != BRIEF_OPEN)
		i++;
	return i < b->count ? i : 0;
}

/* As many changes as leave room for what follows them. */
static void draw_brief(struct surface *s, struct rect r, const struct view *v)
{
	struct brief_how how = {
		.model = v->model, .pool = v->pool, .now = v->now, .changes = CHANGES_MOST};
	struct brief b = {0};
	brief_since(&how, v->left_ms);
	brief_write(&b, &how);
	while (how.changes > 0 && draw_lines(NULL, r, &b, 0) > r.h) {
		how.changes--;
		brief_release(&b);
		brief_write(&b, &how);
	}
	draw_lines(s, r, &b, first_line(&b, r.h));
	brief_release(&b);
}

/* ---- the screen ---- */

void view_plan(struct surface *s, const struct view *v)
{
	struct layout l;
	struct timeline t;
	timeline_of(&t, v->pool, v->now);
	int lines = t.count ? t.count + 2 + BAR_ROWS : 2;
	layout_make_workers(&l, s->w, s->h, lines, BRIEF_LEAST);
	if (t.count && l.width == WIDTH_WIDE)
		layout_make_workers(&l, s->w, s->h, t.count + 2 + BAR_ROWS_WIDE, BRIEF_LEAST);
	const struct rect *r = l.rect;
	view_header(s, r[SECTION_HEADER], v);
	if (r[SECTION_HEADLINE].h)
		view_headline(s, r[SECTION_HEADLINE], v);
	if (r[SECTION_WHO].h)
		view_who(s, r[SECTION_WHO], v);
	if (r[SECTION_ARMS].h)
		draw_list(s, r[SECTION_ARMS], &t, v);
	if (r[SECTION_PLAN].h)
		draw_detail(s, r[SECTION_PLAN], &t, v);
	if (r[SECTION_BAD].h)
		draw_brief(s, r[SECTION_BAD], v);
	if (r[SECTION_MESSAGE].h)
		view_message(s, r[SECTION_MESSAGE], v);
	if (r[SECTION_HINTS].h)
		view_hints(s, r[SECTION_HINTS], v);
}
