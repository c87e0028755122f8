/* Dialogs as cells. What is said of an act with no sheet of its own: view_sheet_act.c. */
#include "model/text.h"
#include "tui/facts.h"
#include "tui/pen.h"
#include "tui/view.h"
#include "tui/view_forecast.h"
#include "tui/view_sheet_act.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ROOMY 15 /* rows of a sheet that has room for what stands behind it too */

static const char *title_word(const struct sheet *sheet)
{
	static const char *const words[VERB_COUNT] = {[VERB_KEEP] = "KEEP",
		[VERB_OPERATIONS] = "OPERATIONS",
		[VERB_ARM] = "ARM",
		[VERB_DISARM] = "DISARM",
		[VERB_TAKE] = "TAKE THE LEASE OF",
		[VERB_GUARD] = "GUARD",
		[VERB_DRAIN] = "DRAIN",
		[VERB_ADOPT] = "ADOPT",
		[VERB_FINALIZE] = "FINALIZE",
		[VERB_CLOSE] = "CLOSE",
		[VERB_APPROVE] = "APPROVE"};
	if (sheet->request.verb == VERB_DRAIN && !sheet->request.drains)
		return "GIVE WORK BACK:";
	if (sheet->request.drilling)
		return "DRILL";
	return sheet->kind == SHEET_ACT ? words[sheet->request.verb] : sheet_word(sheet->kind);
}

/* Its way back follows by itself. */
static bool is_drill_up(const struct sheet *sheet)
{
	return sheet->request.drilling && sheet->kind == SHEET_STEP;
}

static void title(struct pen *p, const struct view *v, const struct sheet *sheet)
{
	char from[16], to[16], age[16];
	unit_share(from, sizeof from, sheet->from_bp);
	unit_share(to, sizeof to, sheet->to_bp);
	unit_age(age, sizeof age, v->pool->standing.age_ms);
	surface_fill(p->s, (struct rect){p->r.x, p->y, p->r.w, 1}, ROLE_SHEET_TITLE, ' ');
	int x = p->r.x + 1;
	if (sheet->request.forced)
		x = surface_text(p->s, p->r, x, p->y, ROLE_MARK, "BREAK-GLASS") + 1;
	x = surface_textf(p->s, p->r, x, p->y, ROLE_SHEET_TITLE, "%s ", title_word(sheet));
	if (sheet->kind == SHEET_SEVERAL)
		x = surface_textf(p->s, p->r, x, p->y, ROLE_SHEET_TITLE, "%d pools", sheet->several);
	else
		x = view_name(p->s, p->r, x, p->y, ROLE_SHEET_TITLE, v->pool);
	if (sheet->kind == SHEET_STEP || sheet->kind == SHEET_ROLLBACK)
		x = surface_textf(p->s, p->r, x, p->y, ROLE_SHEET_TITLE, " %.*s > %s%s",
			(int)strcspn(from, " "), from, to, is_drill_up(sheet) ? ", and back" : "");
	char right[40];
	snprintf(right, sizeof right, "facts %s old ", age);
	if (x + text_width(right) < p->r.x + p->r.w)
		surface_text_right(p->s, p->r, p->r.x + p->r.w, p->y, ROLE_SHEET_TITLE, right);
	p->y++;
}

static void list_checks(
	struct pen *p, const struct interlock *i, enum check_state state, const char *label)
{
	for (int k = 0; k < PREDICATE_COUNT; k++) {
		char line[220];
		if (i->check[k].state != state)
			continue;
		interlock_line(line, sizeof line, &i->check[k]);
		pen_row(p, state == CHECK_FORCED ? ROLE_FAIL : ROLE_WARN, label, "%s", line);
	}
}

static bool is_in_the_way(const struct interlock *i, int k)
{
	return i->check[k].state == CHECK_FAILS || i->check[k].state == CHECK_FORCED;
}

/* In their order; where not all have room those that are in the way come first, and how many are
 * not shown is said. */
static void all_checks(struct pen *p, const struct interlock *i)
{
	struct text t = {0};
	char *line[PREDICATE_COUNT];
	int room = p->r.y + p->r.h - 1 - p->y, shown = 0;
	bool all = room >= PREDICATE_COUNT;
	facts_checks(&t, i);
	for (int k = 0; k < PREDICATE_COUNT; k++) {
		line[k] = k > 0 ? line[k - 1] + strlen(line[k - 1]) + 1 : t.data;
		*strchr(line[k], '\n') = 0;
	}
	for (int pass = all; pass < 2; pass++)
		for (int k = 0; k < PREDICATE_COUNT && shown < room - !all; k++)
			if (all || is_in_the_way(i, k) == (pass == 0))
				surface_text(p->s, p->r, p->r.x + 1, p->y + shown++,
					i->check[k].state == CHECK_FORCED      ? ROLE_FAIL
						: i->check[k].state == CHECK_FAILS ? ROLE_WARN
														   : ROLE_TEXT,
					line[k]);
	if (!all && room > 0)
		surface_textf(p->s, p->r, p->r.x + 1, p->y + shown, ROLE_DIM, "and %d more",
			PREDICATE_COUNT - shown);
	p->y += PREDICATE_COUNT; /* a larger box is taken where there is one */
	text_free(&t);
}

static void checks(struct pen *p, const struct sheet *sheet)
{
	const struct interlock *i = &sheet->interlock;
	list_checks(p, i, CHECK_FORCED, "forces");
	if (i->forced)
		pen_row_fit(p, ROLE_WARN, "then",
			"every screen says BREAK-GLASS, who and why, until the migration ends",
			"BREAK-GLASS on every screen until it ends");
	if (i->allowed && i->forced)
		return;
	if (i->allowed) {
		pen_row_fit(p, ROLE_OK, "checks",
			"all that are asked hold; ? lists the 14 with their numbers",
			"all that are asked hold; ? lists the 14");
		return;
	}
	pen_row(p, ROLE_FAIL, "locked", "%d of %d; ? lists them all", i->failures, PREDICATE_COUNT);
	list_checks(p, i, CHECK_FAILS, "");
}

static void typing(struct pen *p, const struct sheet *sheet)
{
	const char *reason = sheet->typing == TYPING_REASON ? sheet->edit.text : sheet->reason.text;
	const char *none = sheet->reason_asked ? "- (asked for: m writes one)" : "- (m writes one)";
	pen_row(p, sheet->typing == TYPING_REASON ? ROLE_INPUT : ROLE_TEXT, "reason", "%s",
		*reason || sheet->typing == TYPING_REASON ? reason : none);
	if (sheet->typing == TYPING_REASON) {
		p->s->cursor_x = p->r.x + 12 + text_width(sheet->edit.text);
		p->s->cursor_y = p->y - 1;
	}
	if (sheet->typing == TYPING_SHARE) {
		pen_row(p, ROLE_INPUT, "share", "%s", sheet->edit.text);
		p->s->cursor_x = p->r.x + 12 + text_width(sheet->edit.text);
		p->s->cursor_y = p->y - 1;
	}
	if (sheet->complaint[0])
		pen_row(p, ROLE_WARN, "", "%s", sheet->complaint);
}

/* What becomes of a raise that nobody keeps. */
static void raise_row(struct pen *p, const char *fate, const char *share, const char *bake)
{
	char whole[120], brief[120];
	snprintf(whole, sizeof whole, "%s%s unless the bake of %s passes and it is kept", fate,
		share, bake);
	snprintf(brief, sizeof brief, "%s%s unless bake passes and it is kept", fate, share);
	pen_row_fit(p, ROLE_TEXT, "by itself", whole, brief);
}

/* What happens when nobody does anything more. */
static void by_itself(struct pen *p, const struct view *v, const struct sheet *sheet)
{
	const struct pool *pool = v->pool;
	char from[16], bake[16];
	unit_share(from, sizeof from, sheet->from_bp);
	unit_duration(bake, sizeof bake, pool->plan.bake_ms);
	if (is_drill_up(sheet))
		pen_row(p, ROLE_TEXT, "by itself", "back to %s as soon as the step is seen", from);
	else if (!pool->plan.policy.bake || sheet->to_bp <= sheet->from_bp ||
		!pool_takes_back(pool))
		pen_row(p, ROLE_TEXT, "by itself", "nothing: the share stays until someone moves it");
	else if (orphan_at(pool->plan.on_orphan, sheet->to_bp) == ORPHAN_REVERT)
		raise_row(p, "back to ", from, bake);
	else
		raise_row(p, "held", "", bake);
	if (sheet->request.has_strategy)
		pen_row(p, ROLE_TEXT, "strategy", "%s: %s", strategy_name(sheet->request.strategy),
			strategy_help(sheet->request.strategy));
}

/* "0.2 %"; without a failure how much the few that were done may hide. */
static void write_errors(
	char *out, size_t size, const struct arm_figures *f, const char *bounded)
{
	char value[16], bound[16], done[24];
	double most = guard_upper_bound(f->done, f->failed);
	unit_percent(value, sizeof value, f->error_rate);
	unit_percent(bound, sizeof bound, most);
	unit_count(done, sizeof done, f->done);
	if (isnan(most) || isnan(f->error_rate))
		snprintf(out, size, "%s %%", value);
	else
		snprintf(out, size, "0 of %s (%s %s %%)", done, bounded, bound);
}

static void now_row(struct pen *p, const char *label, const struct arm_figures *f)
{
	char errors[64], p99[16], whole[120], brief[120];
	unit_ms(p99, sizeof p99, f->p99_us);
	write_errors(errors, sizeof errors, f, "could be up to");
	snprintf(whole, sizeof whole, "errors %s, p99 %s ms", errors, p99);
	write_errors(errors, sizeof errors, f, "at most");
	snprintf(brief, sizeof brief, "errors %s, p99 %s ms", errors, p99);
	pen_row_fit(p, ROLE_TEXT, label, whole, brief);
}

/* What a step is that is no raise to a new share. */
static void step_kind(struct pen *p, const struct view *v, const struct sheet *sheet)
{
	const struct standing *st = &v->pool->standing;
	if (sheet->to_bp != st->next_bp)
		return;
	if (st->act == ACT_COMPLETE)
		pen_row(p, ROLE_TEXT, "completes", "%d of %d nodes have it; it is sent to the rest",
			st->nodes_took, v->pool->node_count);
	else if (st->act == ACT_PUT_BACK)
		pen_row(p, ROLE_TEXT, "puts back", "what the pool had and lost in a restart");
}

static void step_rows(struct pen *p, const struct view *v, const struct sheet *sheet)
{
	const struct standing *st = &v->pool->standing;
	char now[16], then[16], back[16];
	double all = st->arms[ARM_V1].rate + st->arms[ARM_V2].rate;
	unit_rate(now, sizeof now, st->arms[ARM_V2].rate);
	unit_rate(then, sizeof then, all * sheet->to_bp / SHARE_FULL);
	unit_share(back, sizeof back, st->baseline_bp);
	step_kind(p, v, sheet);
	pen_row(p, ROLE_TEXT, "v2 gets", "%s/s > %s/s", now, then);
	if (st->arms[ARM_V2].done == 0)
		pen_row(p, ROLE_TEXT, "v2 now", "does nothing now");
	else
		now_row(p, "v2 now", &st->arms[ARM_V2]);
	if (p->r.h >= ROOMY)
		now_row(p, "v1 now", &st->arms[ARM_V1]);
	/* A reason and a name need the rows more. */
	if (p->r.h >= ROOMY || !sheet->request.forced)
		view_forecast(p, v, sheet);
	pen_row(p, ROLE_TEXT, "way back", "R y: to %s", back);
	by_itself(p, v, sheet);
}

static void rollback_rows(struct pen *p, const struct view *v, const struct sheet *sheet)
{
	const struct standing *st = &v->pool->standing;
	const struct guard_metric *g = st->guard.metric;
	char to[16], e1[16], p1[16], v1[16], v2[16];
	unit_share(to, sizeof to, sheet->to_bp);
	unit_percent(e1, sizeof e1, st->arms[ARM_V1].error_rate);
	unit_ms(p1, sizeof p1, st->arms[ARM_V1].p99_us);
	unit_rate(v1, sizeof v1, st->arms[ARM_V1].rate);
	unit_rate(v2, sizeof v2, st->arms[ARM_V2].rate);
	bool fails = g[METRIC_ERRORS].value[ARM_V1] > g[METRIC_ERRORS].limit;
	int said = 0;
	for (int k = 0; k < v->pool->node_count; k++) {
		const struct snapshot *s = v->pool->nodes[k].last;
		said += s && (s->baseline_bp > 0 ? s->baseline_bp : 0) == sheet->to_bp;
	}
	char whole[120], brief[120];
	snprintf(whole, sizeof whole, "the share before this migration: %s on %d of %d nodes", to,
		said, v->pool->node_count);
	snprintf(brief, sizeof brief, "%s on %d of %d nodes: as before all this", to, said,
		v->pool->node_count);
	pen_row_fit(p, ROLE_TEXT, "to", whole, brief);
	snprintf(whole, sizeof whole, "errors %s %%, p99 %s ms; carries %s/s, gets v2's %s/s too",
		e1, p1, v1, v2);
	snprintf(
		brief, sizeof brief, "errors %s %%, p99 %s ms; %s/s, gets %s/s more", e1, p1, v1, v2);
	pen_row_fit(p, fails ? ROLE_FAIL : ROLE_TEXT, fails ? "v1 FAILS" : "v1", whole, brief);
	pen_row_fit(p, ROLE_TEXT, "slowly",
		"g: down by the plan's steps, one every 10 s, y hurries it",
		"g: by the plan's steps, 10 s each; y hurries it");
	pen_row_fit(p, ROLE_TEXT, "asks for",
		"nothing: no check stops a rollback, stale data neither",
		"nothing: no check stops it, stale data neither");
}

static void resume_rows(struct pen *p, const struct view *v)
{
	const struct pool *pool = v->pool;
	const struct standing *st = &pool->standing;
	if (st->hold.on)
		pen_row(p, ROLE_REMOTE, "held by", "%s%s%s%s", st->hold.actor,
			st->hold.reason[0] ? ": \"" : "", st->hold.reason, st->hold.reason[0] ? "\"" : "");
	if (pool->latch.red) {
		char when[24];
		unit_clock(when, sizeof when, pool->latch.since_wall_ms);
		pen_row(p, ROLE_FAIL, "red", "%s since %sZ; resuming accepts it",
			metric_name(pool->latch.metric), when);
		if (pool->latch.flaps > 0)
			pen_row(p, ROLE_FAIL, "", "flapped %dx: it was well between, and red anew",
				pool->latch.flaps);
		if (pool->latch.by_pool)
			pen_row(p, ROLE_REMOTE, "pool says", "\"%s\"", st->pool_guard.word);
	}
	if (st->went_back)
		pen_row(p, ROLE_WARN, "went back", "nobody had kept the raise; resuming accepts it");
	if (!view_may_resume(pool))
		pen_row(p, ROLE_TEXT, "held by", "nobody, nothing is red and nothing went back");
}

static void name_row(struct pen *p, const struct view *v, const struct sheet *sheet)
{
	bool several = sheet->typing == TYPING_COUNT;
	if (sheet->typing != TYPING_NAME && !several)
		return;
	pen_row(p, ROLE_INPUT, several ? "number" : "name", "%s", sheet->edit.text);
	p->s->cursor_x = p->r.x + 12 + text_width(sheet->edit.text);
	p->s->cursor_y = p->y - 1;
	if (several)
		pen_row(p, ROLE_DIM, "", "to do it type how many they are: %d, Enter", sheet->several);
	else
		pen_row(p, ROLE_DIM, "", "to do it type %s, Enter", v->pool->name);
}

/* One y leaves all of them. */
static void left_too(struct pen *p, const struct view *v)
{
	struct text names = {0};
	int count = 0;
	for (int i = 0; i < v->model->pool_count; i++) {
		const struct pool *pool = &v->model->pools[i];
		if (pool == v->pool || !pool->standing.leave_exposed)
			continue;
		text_addf(&names, "%s%s", count++ > 0 ? ", " : "", pool->name);
	}
	if (count > 0)
		pen_row(p, ROLE_WARN, "left too", "%d more: %s", count, text_str(&names));
	text_free(&names);
}

static void leave_rows(struct pen *p, const struct view *v)
{
	const struct pool *pool = v->pool;
	char share[16];
	unit_share(share, sizeof share, pool->standing.reported_bp);
	if (pool_is_local(pool)) {
		pen_row(p, ROLE_TEXT, "pool", "it lives in this console and ends with it");
		return;
	}
	const struct standing *st = &pool->standing;
	if (st->state == STATE_ROLLING_BACK || st->state == STATE_RB_UNVERIFIED)
		pen_row(p, ROLE_FAIL, "rollback", "not seen on %d of %d nodes: %s",
			pool->node_count - st->seen_nodes, pool->node_count, st->leave_text);
	else if (st->keep.on && st->keep.left_ms != UNKNOWN)
		pen_row(p, ROLE_WARN, "unkept", "v2 has %s, %s unless kept", share, st->leave_text);
	else
		pen_row(p, ROLE_WARN, "unwatched", "v2 keeps %s; nobody would see it fail", share);
	pen_row(p, ROLE_TEXT, "carry on", "weir record --guard %s", pool->name);
	left_too(p, v);
}

static bool is_judged(const struct sheet *sheet)
{
	return sheet->kind == SHEET_STEP || sheet->kind == SHEET_RESUME || sheet->kind == SHEET_ACT;
}

/* ---- buttons ---- */

#define BUTTONS 6

struct button {
	enum role role;
	char text[40];
};

static void add_button(struct button *b, size_t *n, enum role role, const char *text)
{
	b[*n].role = role;
	text_copy(b[(*n)++].text, sizeof b->text, text);
}

/* What is needed first comes first: where the row is short the last ones are left out. */
static size_t write_buttons(
	struct button b[BUTTONS], const struct sheet *sheet, struct instant now)
{
	static const char *const accepts[SHEET_COUNT] = {
		"", "y step to ", "y roll back now", "y resume", "y ", "y roll all back", "y leave"};
	bool may = sheet_may_accept(sheet, now);
	bool asks = sheet_asks(sheet);
	bool shut = sheet->stale || (is_judged(sheet) && !sheet->interlock.allowed && !asks);
	enum role chosen = sheet->accept_chosen ? ROLE_KEY : ROLE_CHOICE;
	enum role accept = !may ? ROLE_KEY_OFF : sheet->accept_chosen ? ROLE_CHOICE : ROLE_KEY;
	char to[24] = "", text[40];
	size_t n = 0;
	add_button(b, &n, chosen, shut ? "[Esc close]" : "[Esc cancel]");
	if (sheet->stale)
		return n;
	if (sheet->kind == SHEET_STEP)
		unit_share(to, sizeof to, sheet->to_bp);
	else if (sheet->kind == SHEET_ACT)
		text_copy(to, sizeof to,
			sheet->request.verb == VERB_DRAIN && !sheet->request.drains
				? "give work back"
				: verb_row(sheet->request.verb)->word);
	snprintf(
		text, sizeof text, "%s%s", asks ? "y ask to allow " : accepts[sheet->kind], to);
	if (is_drill_up(sheet))
		text_copy(text, sizeof text, asks ? "y ask to allow a drill" : "y drill");
	if (sheet->looks)
		add_button(b, &n, ROLE_KEY_OFF, "only to look: S opens one that acts");
	else if (!shut)
		add_button(b, &n, accept, text);
	if (sheet->kind == SHEET_ROLLBACK) {
		add_button(b, &n, may ? ROLE_KEY : ROLE_KEY_OFF, "g in steps");
		add_button(b, &n, ROLE_KEY, "H hold instead");
	}
	if (sheet_may_force(sheet))
		add_button(b, &n, ROLE_KEY, sheet->request.forced ? "b break that too" : "b break-glass");
	if (sheet->may_record)
		add_button(b, &n, may ? ROLE_KEY : ROLE_KEY_OFF, "w leave a recorder");
	if (!shut && !sheet->looks && sheet->kind != SHEET_LEAVE)
		add_button(b, &n, ROLE_KEY, "m reason");
	if (sheet->kind == SHEET_STEP && !sheet->looks && !sheet->request.drilling)
		add_button(b, &n, ROLE_KEY, "o other share");
	return n;
}

static int buttons_width(const struct button *b, size_t n, int gap)
{
	int w = 0;
	for (size_t i = 0; i < n; i++)
		w += text_width(b[i].text) + (i > 0 ? gap : 0);
	return w;
}

#define KEYS_ONLY 10 /* columns that have no room for "[Esc]  y" and what is cut off */

/* What accepts is seen at every width, before the way out, which everybody knows. */
static size_t shorten_buttons(struct button *b, size_t n, int columns)
{
	const struct button leave = {b[0].role, "Esc"};
	if (n < 2 || 1 + buttons_width(b, 2, 2) <= columns)
		return n;
	text_copy(b[0].text, sizeof b[0].text, "[Esc]");
	if (columns >= KEYS_ONLY)
		return n;
	bool is_key = b[1].text[1] == ' ';
	b[0] = is_key ? b[1] : leave;
	b[0].text[is_key ? 1 : 3] = 0;
	b[1] = leave;
	return is_key ? 2 : 1;
}

static void buttons(struct pen *p, const struct view *v, const struct sheet *sheet)
{
	struct rect r = p->r;
	struct button b[BUTTONS];
	int y = p->y < r.y + r.h ? p->y : r.y + r.h - 1;
	size_t n = shorten_buttons(b, write_buttons(b, sheet, v->now), r.w);
	bool keys_only = r.w < KEYS_ONLY;
	surface_fill(
		p->s, (struct rect){r.x, y, r.w, 1}, ROLE_SHEET, ' '); /* over what is too long */
	int gap = keys_only ? 1 : buttons_width(b, n, 3) < r.w - 12 ? 3 : 2;
	int x = r.x + (keys_only ? 0 : buttons_width(b, n, gap) < r.w - 12 ? 12 : 1);
	for (size_t i = 0; i < n; i++) {
		/* Half a word is none, but the way out and what accepts are always there. */
		if (i > 1 && x + text_width(b[i].text) > r.x + r.w)
			return;
		x = surface_text(p->s, r, x, y, b[i].role, b[i].text) + gap;
	}
}

/* Everything but the buttons, from the top of its box. */
static void sheet_rows(struct pen *pen, const struct view *v, const struct sheet *sheet)
{
	struct pen p = *pen;
	/* What it covers must not go on at its right. */
	int covered = v->screen == SCREEN_FLOW ? view_flow_covered(p.s->w, p.s->h, v, p.r) : p.s->w;
	surface_fill(p.s, (struct rect){0, p.r.y, covered, p.r.h}, ROLE_SHEET, ' ');
	title(&p, v, sheet);
	if (sheet->stale)
		pen_row(&p, ROLE_FAIL, "STALE", "%s. Nothing was sent; Esc closes", sheet->stale_why);
	else if (sheet->checks)
		all_checks(&p, &sheet->interlock); /* in place of all else: they need the rows */
	else if (sheet->kind == SHEET_STEP)
		step_rows(&p, v, sheet);
	else if (sheet->kind == SHEET_ROLLBACK)
		rollback_rows(&p, v, sheet);
	else if (sheet->kind == SHEET_SEVERAL)
		view_marked(&p, v);
	else if (sheet->kind == SHEET_RESUME)
		resume_rows(&p, v);
	else if (sheet->kind == SHEET_ACT)
		view_sheet_act(&p, v, sheet);
	else
		leave_rows(&p, v);
	bool body = !sheet->stale && !sheet->checks;
	if (body && is_judged(sheet))
		checks(&p, sheet);
	if (body && sheet->kind != SHEET_LEAVE)
		typing(&p, sheet);
	if (body)
		name_row(&p, v, sheet);
	pen->y = p.y + body;
}

/* Of its box, behind what is written and the buttons; below 0: it was too small. */
static int rows_left(const struct pen *p)
{
	return p->r.y + p->r.h - 1 - p->y;
}

void view_sheet(struct surface *s, const struct view *v, const struct sheet *sheet)
{
	struct layout l;
	struct layout_wish wish = {0};
	layout_make(&l, s->w, s->h, &wish);
	struct pen p = {.s = s, .r = l.sheet_low, .y = l.sheet_low.y};
	/* First to see how many rows it has: those left over are for what is too long for one. */
	if (p.r.h > 0)
		sheet_rows(&p, v, sheet);
	if (rows_left(&p) < 0) {
		p = (struct pen){.s = s, .r = l.sheet, .y = l.sheet.y};
		if (p.r.h < 1)
			return;
		sheet_rows(&p, v, sheet);
	}
	p.spare = rows_left(&p);
	if (p.spare > 0) {
		p.y = p.r.y;
		sheet_rows(&p, v, sheet);
	}
	buttons(&p, v, sheet);
}
