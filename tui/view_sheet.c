/* Dialogs and the help overlay as cells. */
#include "tui/facts.h"
#include "tui/keymap.h"
#include "tui/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Writes the rows of a sheet one below the other, within its box. */
struct pen {
	struct surface *s;
	struct rect r;
	int y;
};

static void row(struct pen *p, enum role role, const char *label, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void row(struct pen *p, enum role role, const char *label, const char *format, ...)
{
	char text[400];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (p->y >= p->r.y + p->r.h)
		return;
	surface_text(p->s, p->r, p->r.x + 1, p->y, ROLE_DIM, label);
	surface_text(p->s, p->r, p->r.x + 12, p->y, role, text);
	p->y++;
}

static void title(struct pen *p, const struct view *v, const struct sheet *sheet)
{
	char from[16], to[16], age[16];
	unit_share(from, sizeof from, sheet->from_bp);
	unit_share(to, sizeof to, sheet->to_bp);
	unit_age(age, sizeof age, v->pool->standing.age_ms);
	surface_fill(p->s, (struct rect){p->r.x, p->y, p->r.w, 1}, ROLE_SHEET_TITLE, ' ');
	int x = surface_textf(
		p->s, p->r, p->r.x + 1, p->y, ROLE_SHEET_TITLE, "%s ", sheet_word(sheet->kind));
	x = surface_text(p->s, p->r, x, p->y, ROLE_SHEET_TITLE, v->pool->name);
	if (sheet->kind == SHEET_STEP || sheet->kind == SHEET_ROLLBACK)
		x = surface_textf(p->s, p->r, x, p->y, ROLE_SHEET_TITLE, " %.*s > %s",
			(int)strcspn(from, " "), from, to);
	char right[40];
	snprintf(right, sizeof right, "facts %s old ", age);
	if (x + text_width(right) < p->r.x + p->r.w)
		surface_text_right(p->s, p->r, p->r.x + p->r.w, p->y, ROLE_SHEET_TITLE, right);
	p->y++;
}

static void failing(struct pen *p, const struct interlock *i)
{
	for (int k = 0; k < PREDICATE_COUNT; k++) {
		char line[220];
		if (i->check[k].state != CHECK_FAILS)
			continue;
		interlock_line(line, sizeof line, &i->check[k]);
		row(p, ROLE_WARN, "", "%s", line);
	}
}

static void all_checks(struct pen *p, const struct interlock *i)
{
	struct text t = {0};
	facts_checks(&t, i);
	char *at = t.data;
	for (int k = 0; at && *at && k < PREDICATE_COUNT; k++) {
		char *end = strchr(at, '\n');
		*end = 0;
		if (p->y < p->r.y + p->r.h - 1)
			surface_text(p->s, p->r, p->r.x + 1, p->y++,
				i->check[k].state == CHECK_FAILS ? ROLE_WARN : ROLE_TEXT, at);
		at = end + 1;
	}
	text_free(&t);
}

static void checks(struct pen *p, const struct sheet *sheet)
{
	const struct interlock *i = &sheet->interlock;
	if (i->allowed) {
		row(p, ROLE_OK, "checks", "all that are asked hold; ? lists the 14 with their numbers");
		return;
	}
	row(p, ROLE_FAIL, "locked", "%d of %d; ? lists them all", i->failures, PREDICATE_COUNT);
	failing(p, i);
}

static void typing(struct pen *p, const struct sheet *sheet)
{
	const char *reason = sheet->typing == TYPING_REASON ? sheet->edit.text : sheet->reason.text;
	row(p, sheet->typing == TYPING_REASON ? ROLE_INPUT : ROLE_TEXT, "reason", "%s",
		*reason || sheet->typing == TYPING_REASON ? reason : "- (m writes one)");
	if (sheet->typing == TYPING_REASON) {
		p->s->cursor_x = p->r.x + 12 + text_width(sheet->edit.text);
		p->s->cursor_y = p->y - 1;
	}
	if (sheet->typing == TYPING_SHARE) {
		row(p, ROLE_INPUT, "share", "%s", sheet->edit.text);
		p->s->cursor_x = p->r.x + 12 + text_width(sheet->edit.text);
		p->s->cursor_y = p->y - 1;
	}
	if (sheet->complaint[0])
		row(p, ROLE_WARN, "", "%s", sheet->complaint);
}

static void step_rows(struct pen *p, const struct view *v, const struct sheet *sheet)
{
	const struct standing *st = &v->pool->standing;
	char now[16], then[16], e1[16], e2[16], p1[16], p2[16], back[16];
	double all = st->arms[ARM_V1].rate + st->arms[ARM_V2].rate;
	unit_rate(now, sizeof now, st->arms[ARM_V2].rate);
	unit_rate(then, sizeof then, all * sheet->to_bp / SHARE_FULL);
	unit_percent(e1, sizeof e1, st->arms[ARM_V1].error_rate);
	unit_percent(e2, sizeof e2, st->arms[ARM_V2].error_rate);
	unit_ms(p1, sizeof p1, st->arms[ARM_V1].p99_us);
	unit_ms(p2, sizeof p2, st->arms[ARM_V2].p99_us);
	unit_share(back, sizeof back, st->baseline_bp);
	row(p, ROLE_TEXT, "v2 gets", "%s/s > %s/s", now, then);
	row(p, ROLE_TEXT, "v2 now", "errors %s %%, p99 %s ms; v1 errors %s %%, p99 %s ms", e2, p2,
		e1, p1);
	row(p, ROLE_TEXT, "way back", "R y: to %s", back);
	row(p, ROLE_TEXT, "by itself", "nothing: the share stays until someone moves it");
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
	row(p, ROLE_TEXT, "to", "the share before this migration: %s on %d of %d nodes", to, said,
		v->pool->node_count);
	row(p, fails ? ROLE_FAIL : ROLE_TEXT, fails ? "v1 FAILS" : "v1",
		"errors %s %%, p99 %s ms; carries %s/s, gets v2's %s/s too", e1, p1, v1, v2);
	row(p, ROLE_TEXT, "asks for", "nothing: no check stops a rollback, stale data neither");
}

static void resume_rows(struct pen *p, const struct view *v)
{
	const struct pool *pool = v->pool;
	const struct standing *st = &pool->standing;
	if (st->hold.on)
		row(p, ROLE_TEXT, "held by", "%s%s%s%s", st->hold.actor,
			st->hold.reason[0] ? ": \"" : "", st->hold.reason, st->hold.reason[0] ? "\"" : "");
	if (pool->latch.red) {
		char when[24];
		unit_clock(when, sizeof when, pool->latch.since_wall_ms);
		row(p, ROLE_FAIL, "red", "%s since %sZ; resuming accepts it",
			metric_name(pool->latch.metric), when);
	}
	if (!st->hold.on && !pool->latch.red)
		row(p, ROLE_TEXT, "held by", "nobody, and nothing is red");
}

static void leave_rows(struct pen *p, const struct view *v)
{
	const struct pool *pool = v->pool;
	char share[16];
	unit_share(share, sizeof share, pool->standing.reported_bp);
	bool local = strncmp(pool->nodes[0].target, "local:", 6) == 0;
	if (local) {
		row(p, ROLE_TEXT, "pool", "it lives in this console and ends with it");
		return;
	}
	row(p, ROLE_WARN, "unwatched", "v2 keeps %s; nobody would see it fail", share);
	row(p, ROLE_TEXT, "watch it", "weir record %s", pool->nodes[0].target);
}

static void buttons(struct pen *p, const struct view *v, const struct sheet *sheet)
{
	struct rect r = p->r;
	int y = p->y < r.y + r.h ? p->y : r.y + r.h - 1;
	bool may = sheet_may_accept(sheet, v->now);
	bool locked =
		(sheet->kind == SHEET_STEP || sheet->kind == SHEET_RESUME) && !sheet->interlock.allowed;
	int x = r.x + 12;
	x = surface_text(p->s, r, x, y, sheet->accept_chosen ? ROLE_KEY : ROLE_CHOICE,
			locked || sheet->stale ? "[Esc close]" : "[Esc cancel]") +
		3;
	if (locked || sheet->stale) {
		if (sheet->kind == SHEET_STEP && !sheet->stale)
			surface_text(p->s, r, x, y, ROLE_KEY, "o other share");
		return;
	}
	static const char *const accepts[SHEET_COUNT] = {
		"", "y step to ", "y roll back now", "y resume", "y leave"};
	char to[16] = "";
	if (sheet->kind == SHEET_STEP)
		unit_share(to, sizeof to, sheet->to_bp);
	enum role role = !may ? ROLE_KEY_OFF : sheet->accept_chosen ? ROLE_CHOICE : ROLE_KEY;
	x = surface_textf(p->s, r, x, y, role, "%s%s", accepts[sheet->kind], to) + 3;
	if (sheet->kind != SHEET_LEAVE)
		x = surface_text(p->s, r, x, y, ROLE_KEY, "m reason") + 3;
	if (sheet->kind == SHEET_STEP)
		surface_text(p->s, r, x, y, ROLE_KEY, "o other share");
	if (sheet->kind == SHEET_ROLLBACK)
		surface_text(p->s, r, x, y, ROLE_KEY, "H hold instead");
}

void view_sheet(struct surface *s, const struct view *v, const struct sheet *sheet)
{
	struct layout l;
	struct layout_wish wish = {0};
	layout_make(&l, s->w, s->h, &wish);
	struct pen p = {s, l.sheet, l.sheet.y};
	if (p.r.h < 1)
		return;
	surface_fill(s, p.r, ROLE_SHEET, ' ');
	title(&p, v, sheet);
	if (sheet->stale)
		row(&p, ROLE_FAIL, "STALE", "%s. Nothing was sent; Esc closes", sheet->stale_why);
	else if (sheet->checks)
		all_checks(&p, &sheet->interlock); /* in place of all else: they need the rows */
	else if (sheet->kind == SHEET_STEP)
		step_rows(&p, v, sheet);
	else if (sheet->kind == SHEET_ROLLBACK)
		rollback_rows(&p, v, sheet);
	else if (sheet->kind == SHEET_RESUME)
		resume_rows(&p, v);
	else
		leave_rows(&p, v);
	bool body = !sheet->stale && !sheet->checks;
	if (body && (sheet->kind == SHEET_STEP || sheet->kind == SHEET_RESUME))
		checks(&p, sheet);
	if (body && sheet->kind != SHEET_LEAVE)
		typing(&p, sheet);
	p.y += body;
	buttons(&p, v, sheet);
}

/* ---- help ---- */

void view_help(struct surface *s, const struct view *v, int scroll)
{
	int top = s->h > 8 ? 2 : 0;
	struct rect r = {0, top, s->w, s->h - top};
	surface_fill(s, r, ROLE_SHEET, ' ');
	surface_fill(s, (struct rect){0, top, s->w, 1}, ROLE_SHEET_TITLE, ' ');
	surface_text(s, r, 1, top, ROLE_SHEET_TITLE,
		"HELP: upper case acts, lower case looks; Esc closes, arrows scroll");
	struct rect body = {0, top + 1, s->w, s->h - top - 1};
	int y = body.y - scroll;
	for (int k = 0; k < VERB_COUNT && !v->replay; k++) {
		const struct verb_row *verb = verb_row((enum verb)k);
		char key[2] = {verb->key, 0};
		bool shown = y >= body.y;
		if (shown && y < body.y + body.h) {
			surface_text(s, body, 3, y, v->looking ? ROLE_KEY_OFF : ROLE_KEY, key);
			surface_textf(s, body, 12, y, ROLE_TEXT, "%-10s %s", verb->word, verb->help);
		}
		y++;
	}
	for (size_t i = 0; i < keymap_row_count; i++) {
		const struct keymap_row *k = &keymap_rows[i];
		if (k->where != 'b' && (k->where == 'r') != v->replay)
			continue;
		if (y >= body.y && y < body.y + body.h) {
			surface_text(s, body, 3, y, ROLE_KEY, k->label);
			surface_text(s, body, 12, y, ROLE_TEXT, k->help);
		}
		y++;
	}
	static const char *const words[] = {
		"",
		"In a sheet: y accepts, Esc cancels, m writes a reason, o another share,",
		"? the 14 checks; Enter presses what is highlighted, Tab moves it.",
		"After `:`: step SHARE, hold REASON, resume, rollback, annotate TEXT, quit;",
		"in a replay seek +60s, -10m or 50%, pause, faster, slower.",
		"",
		"asked: what was decided. pool says: what it reports. seen: in its traffic.",
		"LIVE to 2 polls, LATE to 3 s, STALE to 60 s, LOST after; old is drawn dim.",
		"RED: v2 alone breaks a limit. BOTH: v1 breaks it too, so it is held.",
		"A rollback is VERIFIED when v2's requests stood still after it.",
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++, y++)
		if (y >= body.y && y < body.y + body.h)
			surface_text(s, body, 3, y, ROLE_DIM, words[i]);
}
