/* The Flow screen: one pool's two sides, its plan, its limits, what v2 fails at, and the last
 * decisions. */
#include "tui/facts.h"
#include "tui/graph.h"
#include "tui/journal_words.h"
#include "tui/view_failures.h"
#include "tui/view_plots.h"
#include "tui/view_worst.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- both sides ---- */

struct column {
	const char *title;
	int width;
	enum width from; /* the narrowest screen that has it */
};

enum {
	COLUMN_SEEN,
	COLUMN_RATE,
	COLUMN_ERRORS,
	COLUMN_P50,
	COLUMN_P95,
	COLUMN_P99,
	COLUMN_BUSY,
	COLUMN_MEMORY,
	COLUMN_COUNT
};

static const struct column columns[COLUMN_COUNT] = {
	[COLUMN_SEEN] = {"seen %", 8, WIDTH_TINY},
	[COLUMN_RATE] = {"req/s", 8, WIDTH_NARROW},
	[COLUMN_ERRORS] = {"errors %", 10, WIDTH_TINY},
	[COLUMN_P50] = {"p50", 7, WIDTH_NORMAL},
	[COLUMN_P95] = {"p95", 7, WIDTH_NORMAL},
	[COLUMN_P99] = {"p99 ms", 8, WIDTH_NARROW},
	[COLUMN_BUSY] = {"busy", 7, WIDTH_NARROW},
	[COLUMN_MEMORY] = {"mem", 7, WIDTH_NORMAL},
};

static void cell(char *out, size_t size, const struct pool *p, enum arm arm, int column)
{
	const struct standing *s = &p->standing;
	const struct arm_figures *f = &s->arms[arm];
	int seen = s->measured_bp < 0 ? -1
		: arm == ARM_V2           ? s->measured_bp
								  : SHARE_FULL - s->measured_bp;
	switch (column) {
	case COLUMN_SEEN:
		unit_percent(out, size, seen < 0 ? NAN : (double)seen / SHARE_FULL);
		break;
	case COLUMN_RATE:
		unit_rate(out, size, f->rate);
		break;
	case COLUMN_ERRORS:
		unit_percent(out, size, f->error_rate);
		break;
	case COLUMN_P50:
		unit_ms(out, size, f->p50_us);
		break;
	case COLUMN_P95:
		unit_ms(out, size, f->p95_us);
		break;
	case COLUMN_P99:
		unit_ms(out, size, f->p99_us);
		break;
	case COLUMN_BUSY:
		if (f->busy == UNKNOWN || f->total == UNKNOWN)
			snprintf(out, size, "-");
		else
			snprintf(out, size, "%lld/%lld", (long long)f->busy, (long long)f->total);
		break;
	default:
		unit_bytes(out, size, f->memory_bytes);
	}
}

static bool is_bad(const struct pool *p, enum arm arm, int column)
{
	const struct guard *g = &p->standing.guard;
	enum metric m = column == COLUMN_ERRORS ? METRIC_ERRORS
		: column == COLUMN_P99              ? METRIC_P99
		: column == COLUMN_MEMORY           ? METRIC_MEMORY
											: METRIC_COUNT;
	if (m == METRIC_COUNT || g->metric[m].state == GUARD_NONE)
		return false;
	return g->metric[m].value[arm] > g->metric[m].limit;
}

/* Behind the shares, where work is not routed in the usual way. */
static void draw_routing(struct surface *s, struct rect r, int x, const struct pool *p)
{
	struct text t = {0};
	facts_routing(&t, p);
	surface_text(s, r, x, r.y + 3, ROLE_WARN, text_str(&t));
	text_free(&t);
}

static void draw_arms(struct surface *s, struct rect r, const struct view *v, enum width width)
{
	const struct pool *p = v->pool;
	int right = r.x + r.w, total = 0;
	for (int c = 0; c < COLUMN_COUNT; c++)
		if (width >= columns[c].from)
			total += columns[c].width;
	int bar = r.w - total - 5;
	bar = bar > 70 ? 70 : bar;
	for (int row = 0; row < 3; row++) {
		int y = r.y + row, x = right;
		enum arm arm = row == 2 ? ARM_V2 : ARM_V1;
		for (int c = COLUMN_COUNT; c-- > 0;) {
			if (width < columns[c].from)
				continue;
			char text[48];
			if (row == 0)
				snprintf(text, sizeof text, "%s", columns[c].title);
			else
				cell(text, sizeof text, p, arm, c);
			enum role role = row == 0 ? ROLE_DIM : view_role(p, ROLE_TEXT);
			if (row > 0 && is_bad(p, arm, c))
				role = view_role(p, ROLE_FAIL);
			surface_text_right(s, r, x - 1, y, role, text);
			x -= columns[c].width;
		}
		if (row == 0)
			continue;
		surface_text(s, r, r.x + 1, y, arm == ARM_V1 ? ROLE_V1 : ROLE_V2, arm_name(arm));
		int seen = p->standing.measured_bp;
		double part =
			seen < 0 ? NAN : (double)(arm == ARM_V2 ? seen : SHARE_FULL - seen) / SHARE_FULL;
		if (bar >= 6)
			graph_bar(s, (struct rect){r.x + 4, y, bar, 1},
				view_role(p, arm == ARM_V1 ? ROLE_V1 : ROLE_V2), part);
	}
	char asked[16], says[40], seen[16], n[32];
	unit_share(asked, sizeof asked, p->standing.intended_bp);
	unit_share(says, sizeof says, p->standing.reported_bp);
	unit_share(seen, sizeof seen, p->standing.measured_bp);
	unit_count(n, sizeof n, p->standing.measured_n);
	enum role role =
		p->standing.diverged || p->standing.mixed ? ROLE_WARN : view_role(p, ROLE_TEXT);
	if (p->standing.mixed)
		snprintf(says, sizeof says, "%g..%g %% MIXED", p->standing.mixed_low_bp / 100.0,
			p->standing.mixed_high_bp / 100.0);
	char whole[160];
	snprintf(whole, sizeof whole, "asked %s   pool says %s   seen %s of %s requests", asked,
		says, seen, n);
	if (width == WIDTH_TINY)
		snprintf(whole, sizeof whole, "asked %s  says %s  seen %s", asked, says, seen);
	else if (1 + text_width(whole) > r.w)
		snprintf(whole, sizeof whole, "asked %s  says %s  seen %s of %s", asked, says, seen, n);
	int x = surface_text(s, r, r.x + 1, r.y + 3, role, whole);
	draw_routing(s, r, x + 3, p);
}

/* ---- plan ---- */

/* What becomes of the raise when nobody keeps it. */
static int draw_keep(struct surface *s, struct rect r, int x, const struct standing *st)
{
	static const char unless[] = "unless kept: ";
	char left[24], back[24], text[80];
	unit_countdown(left, sizeof left, st->keep.left_ms);
	unit_share(back, sizeof back, st->kept_bp);
	if (orphan_at(st->keep.on_orphan, st->reported_bp) == ORPHAN_REVERT)
		snprintf(text, sizeof text, "%sback to %s in %s", unless, back, left);
	else
		snprintf(text, sizeof text, "%sheld in %s", unless, left);
	bool fits = x + text_width(text) <= r.x + r.w;
	return surface_text(s, r, x, r.y, ROLE_WARN, text + (fits ? 0 : sizeof unless - 1));
}

static void draw_plan(struct surface *s, struct rect r, const struct view *v)
{
	const struct pool *p = v->pool;
	const struct standing *st = &p->standing;
	int x = surface_text(s, r, r.x + 1, r.y, ROLE_DIM, "plan ");
	if (!p->has_plan) {
		surface_text(s, r, x, r.y, ROLE_TEXT,
			"none: steps by hand, `:step 10%`; a share stays until moved");
		return;
	}
	int at = plan_at(&p->plan, st->reported_bp);
	for (int i = 0; i < p->plan.step_count; i++) {
		char share[16], stay[24] = "";
		unit_share(share, sizeof share, p->plan.steps[i].share_bp);
		if (p->plan.steps[i].for_ms > 0) {
			char d[16];
			unit_duration(d, sizeof d, p->plan.steps[i].for_ms);
			snprintf(stay, sizeof stay, " %s", d);
		}
		bool here = i == at, past = p->plan.steps[i].share_bp < st->reported_bp;
		x = surface_textf(s, r, x + 1, r.y,
			here       ? ROLE_SELECTED
				: past ? ROLE_DIM
					   : ROLE_TEXT,
			here ? "[%s%s]" : " %s%s ", share, stay);
	}
	bool goes = st->keep.on && st->keep.left_ms != UNKNOWN;
	if (goes)
		x = draw_keep(s, r, x + 3, st);
	if (at < 0 || st->bake_left_ms == UNKNOWN || (goes && r.w < 100))
		return;
	if (st->bake_left_ms > 0) {
		char when[24];
		unit_clock(when, sizeof when, v->now.wall_ms + st->bake_left_ms);
		x = surface_textf(s, r, x + 3, r.y, ROLE_DIM, "bake ends %sZ", when);
	} else {
		x = surface_text(s, r, x + 3, r.y, ROLE_DIM, "bake passed");
	}
	if (p->plan.hours[0])
		surface_textf(s, r, x, r.y, ROLE_DIM, ", hours %s", p->plan.hours);
}

/* ---- what v2 fails at ---- */

struct failures {
	bool known; /* some node has said */
	int64_t bad, of, by[FAILURE_COUNT];
	struct operation_counts worst;
};

static void sum_failures(const struct pool *p, struct failures *f)
{
	memset(f, 0, sizeof *f);
	for (int k = 0; k < p->node_count; k++) {
		const struct snapshot *s = p->nodes[k].last;
		if (!s)
			continue;
		const struct arm_counts *c = &s->arms[ARM_V2];
		f->known = true;
		f->of += counts_done(c);
		f->bad += counts_failed(c);
		for (int i = 0; i < FAILURE_COUNT; i++)
			f->by[i] += c->failed[i];
		for (int i = 0; i < c->operation_count; i++)
			if (c->operations[i].failed > f->worst.failed)
				f->worst = c->operations[i];
	}
}

static void draw_bad(struct surface *s, struct rect r, const struct view *v)
{
	struct failures f;
	char bad[24], of[24];
	sum_failures(v->pool, &f);
	unit_count(bad, sizeof bad, f.bad);
	unit_count(of, sizeof of, f.of);
	int x = surface_text(s, r, r.x + 1, r.y, ROLE_DIM, "v2's bad     ");
	enum role role = view_role(v->pool, f.bad > 0 ? ROLE_WARN : ROLE_TEXT);
	if (f.of == 0) {
		surface_text(
			s, r, x, r.y, ROLE_DIM, f.known ? "v2 has done nothing since it started" : "-");
		return;
	}
	/* No failure among few says little: how much it may hide is said beside it. */
	double most = guard_upper_bound(f.of, f.bad);
	if (!isnan(most)) {
		char bound[16];
		unit_percent(bound, sizeof bound, most);
		surface_textf(s, r, x, r.y, role, "%s of %s (could be up to %s %%)", bad, of, bound);
		return;
	}
	x = surface_textf(
		s, r, x, r.y, role, "%s of %s%s", bad, of, r.w < 100 ? "" : " since it started");
	const char *before = ": ";
	for (int i = 0; i < FAILURE_COUNT; i++) {
		if (f.by[i] == 0)
			continue;
		x = surface_textf(s, r, x, r.y, role, "%s%s %lld", before,
			failure_name((enum failure)i), (long long)f.by[i]);
		before = ", ";
	}
	if (f.worst.failed > 0) {
		x = surface_text(s, r, x, r.y, role, "; most in ");
		x = surface_text(s, r, x, r.y, ROLE_REMOTE, f.worst.name);
		surface_textf(s, r, x, r.y, role, " %lld", (long long)f.worst.failed);
	}
}

/* ---- decisions ---- */

static void draw_decision(
	struct surface *s, struct rect r, int y, const struct decision *d, const struct view *v)
{
	char when[32], what[64], fate[64];
	struct page_row row;
	page_row_of(&row, d);
	row.seq = 1; /* whether it is recorded is the journal's to tell */
	view_time(when, sizeof when, v, d->at_ms);
	view_decision_text(what, sizeof what, d);
	enum role role = journal_fate(fate, sizeof fate, &row, v->now.wall_ms);
	bool narrow = r.w < 80;
	surface_text(s, r, r.x + 1, y, ROLE_DIM, when);
	struct rect actor = {r.x + 12, y, narrow ? 9 : 14, 1};
	surface_text(s, actor, actor.x, y, ROLE_REMOTE, d->actor);
	int x = actor.x + actor.w + 1, at = r.x + (narrow ? 38 : 46);
	x = surface_text(s, r, x, y, ROLE_TEXT, what);
	x = surface_text(s, r, x < at ? at : x + 2, y, role, fate);
	bool failed = d->outcome == OUTCOME_REFUSED || d->outcome == OUTCOME_NOT_SENT ||
		d->outcome == OUTCOME_VOID;
	if (failed && d->answer[0])
		x = surface_text(s, r, x + 2, y, ROLE_WARN, d->answer);
	if (d->reason[0])
		surface_textf(s, r, x + 2, y, ROLE_REMOTE, "\"%s\"", d->reason);
}

/* How many came since this person last left a console. */
static void draw_since(struct surface *s, struct rect r, int x, const struct view *v)
{
	const struct pool *p = v->pool;
	int64_t away_ms = v->left_ms == UNKNOWN ? -1 : v->now.wall_ms - v->left_ms;
	char age[24];
	int count = 0;
	if (away_ms < 0)
		return;
	for (size_t i = p->decision_count; i-- > 0 && p->decisions[i].at_ms >= v->left_ms;)
		count++;
	unit_age(age, sizeof age, away_ms);
	/* What is older than the oldest that is kept in memory is not counted. */
	surface_textf(s, r, x, r.y, ROLE_DIM, "since you left %s ago: %d%s", age, count,
		count == POOL_DECISIONS ? " or more" : "");
}

static void draw_decisions(struct surface *s, struct rect r, const struct view *v)
{
	const struct pool *p = v->pool;
	int y = r.y;
	if (r.w >= 80 || r.h > 1 || p->decision_count == 0) {
		int x = surface_text(s, r, r.x + 1, y++, ROLE_TITLE, "DECISIONS") + 3;
		if (p->decision_count == 0)
			surface_text(s, r, x, r.y, ROLE_DIM, "none yet");
		else
			draw_since(s, r, x, v);
	}
	for (size_t i = p->decision_count; i-- > 0 && y < r.y + r.h; y++)
		draw_decision(s, r, y, &p->decisions[i], v);
}

/* ---- the screen ---- */

/* Where workers are told of, they stand below where v2 fails; else that has room for tables. */
static int failure_rows(const struct pool *p)
{
	for (int k = 0; k < p->node_count; k++)
		if (p->nodes[k].last && p->nodes[k].last->crew.worker_count > 0)
			return view_failure_rows(p);
	return VIEW_FAILURE_TABLES;
}

static void lay_out(struct layout *out, int w, int h, const struct view *v)
{
	struct layout_wish wish = {.guards = view_limit_rows(v->pool, w),
		.judge = 2,
		.bad = 1,
		.failures = failure_rows(v->pool),
		.decisions = 1 + (v->pool->decision_count < 15 ? (int)v->pool->decision_count : 15),
		.wide = v->scope && v->scope->wide};
	layout_make(out, w, h, &wish);
}

/* Columns of what shows a stretch of time. */
static int columns_of_layout(const struct layout *l, const struct view *v)
{
	const struct rect *r = l->rect;
	int shown = r[SECTION_PLOTS].h ? view_plots_columns(r[SECTION_PLOTS], v->pool) : 0;
	if (shown > 0)
		return shown;
	bool sparks = r[SECTION_GUARDS].h > 1 && l->width >= WIDTH_NORMAL;
	return sparks ? view_spark_columns(r[SECTION_GUARDS]) : 0;
}

int view_flow_columns(int w, int h, const struct view *v)
{
	struct layout l;
	lay_out(&l, w, h, v);
	return columns_of_layout(&l, v);
}

int view_flow_covered(int w, int h, const struct view *v, struct rect r)
{
	struct layout l;
	lay_out(&l, w, h, v);
	int left = l.rect[SECTION_PLOTS].h > 0 ? l.rect[SECTION_PLOTS].x : 0;
	if (left < r.x + r.w)
		return w;
	for (int i = 0; i < SECTION_COUNT; i++) {
		struct rect o = l.rect[i];
		if (i != SECTION_PLOTS && o.y < r.y + r.h && r.y < o.y + o.h && o.x + o.w > left)
			return w;
	}
	return left;
}

/* What the crosshair reads stands where messages come. */
static void draw_message(struct surface *s, const struct layout *l, const struct view *v)
{
	struct rect r = l->rect[SECTION_MESSAGE];
	int shown = columns_of_layout(l, v);
	bool crossed = v->scope && v->scope->cross_ms != UNKNOWN && shown > 0;
	if (crossed && !v->message[0])
		view_cross(s, r, v, shown);
	else
		view_message(s, r, v);
}

void view_flow(struct surface *s, const struct view *v)
{
	struct layout l;
	struct view who = *v;
	lay_out(&l, s->w, s->h, v);
	const struct rect *r = l.rect;
	view_header(s, r[SECTION_HEADER], v);
	if (r[SECTION_HEADLINE].h)
		view_headline(s, r[SECTION_HEADLINE], v);
	who.harm_told = r[SECTION_JUDGE].h > 0;
	if (r[SECTION_WHO].h)
		view_who(s, r[SECTION_WHO], &who);
	if (r[SECTION_ARMS].h)
		draw_arms(s, r[SECTION_ARMS], v, l.width);
	if (r[SECTION_PLAN].h)
		draw_plan(s, r[SECTION_PLAN], v);
	if (r[SECTION_GUARDS].h)
		view_limits(s, r[SECTION_GUARDS], v, l.width);
	if (r[SECTION_JUDGE].h)
		view_judge(s, r[SECTION_JUDGE], v);
	if (r[SECTION_BAD].h > 1)
		view_failures(s, r[SECTION_BAD], v);
	else if (r[SECTION_BAD].h)
		draw_bad(s, r[SECTION_BAD], v);
	if (r[SECTION_PLOTS].h)
		view_plots(s, r[SECTION_PLOTS], v);
	if (r[SECTION_WORKERS].h)
		view_worst(s, r[SECTION_WORKERS], v);
	if (r[SECTION_DECISIONS].h)
		draw_decisions(s, r[SECTION_DECISIONS], v);
	if (r[SECTION_MESSAGE].h)
		draw_message(s, &l, v);
	if (r[SECTION_HINTS].h)
		view_hints(s, r[SECTION_HINTS], v);
}
