/* The Journal screen: decisions and events, newest first, a line each, with a line where the
 * person last left; below it the selected one in words, and on a wide screen beside it whole. What
 * Enter opens stands in place of the list. */
#include "tui/view_journal.h"

#include "model/fit.h"
#include "tui/journal_words.h"
#include "tui/view.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* ---- a row whole ---- */

#define LABEL_MIN 12
#define LABEL_MAX 24

struct column {
	struct surface *s; /* NULL: rows are only counted */
	struct rect r;
	int skip, rows; /* rows above the first that shows; those so far */
	int text;       /* the column of texts */
};

static void put(struct column *c, int x, enum role role, const char *text, size_t len)
{
	char row[2 * POOL_REASON_MAX];
	int y = c->r.y + c->rows - c->skip;
	if (!c->s || c->rows < c->skip || y >= c->r.y + c->r.h)
		return;
	snprintf(row, sizeof row, "%.*s", (int)len, text);
	surface_text(c->s, c->r, c->r.x + x, y, role, row);
}

static void put_line(struct column *c, const struct journal_line *l)
{
	const char *at = l->text;
	if (l->role == ROLE_TITLE || !l->label[0]) {
		put(c, 1, l->role, at, fit_words(at, c->r.w - 1));
		c->rows++;
		return;
	}
	put(c, 1, ROLE_DIM, l->label, fit_words(l->label, c->text - 2));
	do {
		size_t len = fit_words(at, c->r.w - c->text);
		put(c, c->text, l->role, at, len);
		c->rows++;
		at += len;
	} while (*at);
}

/* Where texts begin: behind the longest label that leaves them enough room. */
static int text_column(const struct journal_lines *l, int width)
{
	int widest = LABEL_MIN, most = width / 3 < LABEL_MAX ? width / 3 : LABEL_MAX;
	for (size_t i = 0; i < l->count; i++) {
		int label = text_width(l->line[i].label);
		widest = label > widest ? label : widest;
	}
	return (widest < most ? widest : most) + 2;
}

/* Draws the selected row whole, or counts its rows; returns how many there are. */
static int draw_whole(
	struct surface *s, struct rect r, const struct journal *j, int skip, int64_t now_ms)
{
	const struct page_detail *d = journal_detail(j);
	const struct page_row *row = d ? &d->row : journal_selected(j);
	struct column c = {.s = s, .r = r, .skip = skip};
	struct journal_lines lines;
	if (!row)
		return 0;
	journal_whole(&lines, row, d, now_ms);
	c.text = text_column(&lines, r.w);
	for (size_t i = 0; i < lines.count; i++)
		put_line(&c, &lines.line[i]);
	journal_lines_release(&lines);
	return c.rows;
}

static void draw_whole_title(
	struct surface *s, struct rect r, const struct journal *j, int64_t now_ms)
{
	const struct page_detail *d = journal_detail(j);
	const struct page_row *row = d ? &d->row : journal_selected(j);
	char what[96], fate[64];
	if (!row)
		return;
	journal_what(what, sizeof what, row);
	enum role role = journal_fate(fate, sizeof fate, row, now_ms);
	int x =
		surface_text(s, r, r.x + 1, r.y, ROLE_TITLE, row->is_event ? "MESSAGE" : "DECISION");
	x = surface_text(s, r, x + 1, r.y, ROLE_STRONG, what);
	if (row->forced)
		x = surface_text(s, r, x + 2, r.y, ROLE_MARK, "BREAK-GLASS");
	x = surface_text(s, r, x + 2, r.y, role, fate);
	if (!d && row->seq != 0)
		surface_text(s, r, x + 2, r.y, ROLE_DIM, "loading");
}

/* ---- the list ---- */

struct columns {
	int when, pool, who, what, fate; /* their first columns; pool == who: not shown */
};

static struct columns choose(int width, bool all)
{
	int pool = all ? width >= 100 ? 16 : 11 : 0;
	int who = width >= 100 ? 16 : width >= 80 ? 11 : 9;
	int what = width >= 100 ? 20 : width >= 80 ? 19 : 18;
	struct columns c = {.when = 1, .pool = 12};
	c.who = c.pool + pool;
	c.what = c.who + who;
	c.fate = c.what + what;
	return c;
}

static void draw_cell(
	struct surface *s, struct rect r, int from, int to, enum role role, const char *text)
{
	struct rect cell = {r.x + from, r.y, to - from - 1, 1};
	if (cell.x + cell.w > r.x + r.w)
		cell.w = r.x + r.w - cell.x;
	if (cell.w > 0)
		surface_text(s, cell, cell.x, r.y, role, text);
}

static void draw_row(struct surface *s, struct rect r, const struct columns *c,
	const struct page_row *row, bool here, int64_t now_ms)
{
	char when[32], what[96], fate[64], text[2 * POOL_REASON_MAX];
	unit_when(when, sizeof when, row->at_ms, now_ms);
	journal_what(what, sizeof what, row);
	enum role fate_role = journal_fate(fate, sizeof fate, row, now_ms);
	enum role text_role = journal_text(text, sizeof text, row);
	if (here) {
		surface_fill(s, (struct rect){r.x, r.y, c->pool - 1, 1}, ROLE_SELECTED, ' ');
		surface_put(s, r, r.x, r.y, ROLE_SELECTED, '>');
	}
	draw_cell(s, r, c->when, c->pool, here ? ROLE_SELECTED : ROLE_DIM, when);
	if (c->who > c->pool)
		draw_cell(s, r, c->pool, c->who, ROLE_REMOTE, row->pool[0] ? row->pool : "-");
	draw_cell(s, r, c->who, c->what, ROLE_REMOTE, row->actor);
	draw_cell(s, r, c->what, c->fate, row->is_event ? ROLE_DIM : ROLE_TEXT, what);
	int x = r.x + c->fate;
	if (row->forced) /* however short the line, this is on it */
		x = surface_text(s, r, x, r.y, ROLE_MARK, r.w < 80 ? "FORCED" : "BREAK-GLASS") + 2;
	if (*fate)
		x = surface_text(s, r, x, r.y, fate_role, fate) + 2;
	surface_text(s, r, x, r.y, text_role, text);
}

/* Where the person left: what stands above came since. */
static void draw_left(struct surface *s, struct rect r, size_t since, const struct view *v)
{
	char age[24], when[32];
	unit_age(age, sizeof age, v->now.wall_ms - v->left_ms);
	unit_when(when, sizeof when, v->left_ms, v->now.wall_ms);
	for (int x = r.x; x < r.x + r.w; x++)
		surface_put(s, r, x, r.y, ROLE_AXIS, s->ascii ? '-' : 0x2500);
	surface_textf(s, r, r.x + 2, r.y, ROLE_TITLE, " you left %s ago, %s; since then %zu ", age,
		when, since);
}

static void draw_title(struct surface *s, struct rect r, const struct view *v, bool scrolls)
{
	const struct journal *j = v->journal;
	size_t count = journal_count(j);
	int x = surface_text(s, r, r.x + 1, r.y, ROLE_TITLE, "JOURNAL");
	x = surface_text(s, r, x + 1, r.y, j->pool[0] ? ROLE_REMOTE : ROLE_TEXT,
		j->pool[0] ? j->pool : "of all pools");
	if (scrolls)
		x = surface_textf(s, r, x + 2, r.y, ROLE_DIM, "line %zu of %zu%s", j->at + 1, count,
			j->reached_seq ? " and more" : "");
	if (j->typed[0])
		x = surface_textf(s, r, x + 2, r.y, ROLE_INPUT, "/%s", j->typed);
	if (j->complaint[0])
		surface_text(s, r, x + 2, r.y, ROLE_WARN, j->complaint);
}

/* What stands where no line is. */
static void draw_none(struct surface *s, struct rect r, const struct journal *j)
{
	if (j->err.code != ERR_NONE)
		surface_textf(
			s, r, r.x + 1, r.y, ROLE_FAIL, "%s %s", err_name(j->err.code), j->err.text);
	else if (!j->fresh || j->reached_seq != 0)
		surface_text(s, r, r.x + 1, r.y, ROLE_DIM, "loading");
	else if (j->typed[0])
		surface_text(
			s, r, r.x + 1, r.y, ROLE_WARN, "nothing has all these words; Esc shows all again");
	else
		surface_text(s, r, r.x + 1, r.y, ROLE_DIM, "nothing has been decided or happened yet");
}

static void draw_list(struct surface *s, struct rect r, const struct view *v)
{
	const struct journal *j = v->journal;
	const struct columns c = choose(r.w, !j->pool[0]);
	int64_t lines = (int64_t)journal_count(j), rows = r.h - 1;
	bool left = v->left_ms != UNKNOWN;
	int64_t mark = left ? (int64_t)journal_since(j, v->left_ms) : INT64_MAX;
	bool marked = left && lines > 0 && (mark < lines || j->reached_seq == 0);
	int64_t all = lines + marked, at = (int64_t)j->at + (marked && (int64_t)j->at >= mark);
	int64_t top = at - rows / 2 > all - rows ? all - rows : at - rows / 2;
	top = top > 0 ? top : 0;
	draw_title(s, (struct rect){r.x, r.y, r.w, 1}, v, all > rows);
	if (lines == 0)
		draw_none(s, (struct rect){r.x, r.y + 1, r.w, r.h - 1}, j);
	for (int64_t i = top; i < all && i - top < rows; i++) {
		struct rect row = {r.x, r.y + 1 + (int)(i - top), r.w, 1};
		int64_t line = i - (marked && i > mark);
		if (marked && i == mark)
			draw_left(s, row, (size_t)mark, v);
		else
			draw_row(s, row, &c, journal_row(j, (size_t)line), line == (int64_t)j->at,
				v->now.wall_ms);
	}
}

/* All of the selected one's text, which its line may not have room for. */
static void draw_selected(struct surface *s, struct rect r, const struct view *v)
{
	const struct page_row *row = journal_selected(v->journal);
	char fate[64], text[2 * POOL_REASON_MAX];
	if (!row)
		return;
	if (v->journal->err.code != ERR_NONE) {
		surface_textf(s, r, r.x + 1, r.y, ROLE_FAIL, "no more can be read: %s %s",
			err_name(v->journal->err.code), v->journal->err.text);
		return;
	}
	enum role fate_role = journal_fate(fate, sizeof fate, row, v->now.wall_ms);
	enum role role = journal_text(text, sizeof text, row);
	int x = surface_text(s, r, r.x, r.y, ROLE_DIM, "> ");
	x = surface_text(s, r, x, r.y, ROLE_REMOTE, row->actor[0] ? row->actor : row->what);
	if (*fate)
		x = surface_text(s, r, x + 1, r.y, fate_role, fate);
	surface_text(s, r, x + 1, r.y, role, text);
}

/* ---- the screen ---- */

/* The list stands where other screens have their tree, what is beside it where they have what v2
 * fails at; a low screen has rows for the list alone. */
static void make_layout(struct layout *l, int w, int h)
{
	layout_make_workers(l, w, h, INT_MAX / 2, 0);
	if (l->width != WIDTH_WIDE && l->rect[SECTION_BAD].h)
		layout_make_fleet(l, w, h, INT_MAX / 2);
}

/* Where a row that is open stands: its title, and what is below. */
static struct rect open_rect(const struct layout *l, int w)
{
	struct rect r = l->rect[SECTION_ARMS];
	r.w = w;
	r.h += l->rect[SECTION_PLAN].h;
	return r;
}

int view_journal_scroll(const struct journal *j, int w, int h, int64_t now_wall_ms)
{
	struct layout l;
	make_layout(&l, w, h);
	struct rect r = open_rect(&l, w);
	int rows = draw_whole(NULL, r, j, 0, now_wall_ms), room = r.h - 1;
	return rows > room ? rows - room : 0;
}

static void draw_open(struct surface *s, struct rect r, const struct view *v)
{
	struct rect body = {r.x, r.y + 1, r.w, r.h - 1};
	int rows = draw_whole(s, body, v->journal, v->journal->scroll, v->now.wall_ms);
	int last = v->journal->scroll + body.h;
	char place[48] = "";
	if (rows > body.h)
		snprintf(place, sizeof place, "  %d to %d of %d ", v->journal->scroll + 1,
			last < rows ? last : rows, rows);
	int left = r.w - text_width(place);
	draw_whole_title(s, (struct rect){r.x, r.y, left, 1}, v->journal, v->now.wall_ms);
	surface_text_right(s, r, r.x + r.w, r.y, ROLE_DIM, place);
}

/* Beside the list, where there is room. */
static void draw_beside(struct surface *s, struct rect r, const struct view *v)
{
	draw_whole_title(s, (struct rect){r.x, r.y, r.w, 1}, v->journal, v->now.wall_ms);
	draw_whole(s, (struct rect){r.x, r.y + 1, r.w, r.h - 1}, v->journal, 0, v->now.wall_ms);
}

void view_journal(struct surface *s, const struct view *v)
{
	struct layout l;
	make_layout(&l, s->w, s->h);
	const struct rect *r = l.rect;
	view_header(s, r[SECTION_HEADER], v);
	if (r[SECTION_HEADLINE].h)
		view_headline(s, r[SECTION_HEADLINE], v);
	if (r[SECTION_WHO].h)
		view_who(s, r[SECTION_WHO], v);
	if (r[SECTION_ARMS].h && v->journal->open) {
		draw_open(s, open_rect(&l, s->w), v);
	} else if (r[SECTION_ARMS].h) {
		draw_list(s, r[SECTION_ARMS], v);
		if (r[SECTION_PLAN].h)
			draw_selected(s, r[SECTION_PLAN], v);
		if (r[SECTION_BAD].h)
			draw_beside(s, r[SECTION_BAD], v);
	}
	if (r[SECTION_MESSAGE].h)
		view_message(s, r[SECTION_MESSAGE], v);
	if (r[SECTION_HINTS].h)
		view_hints(s, r[SECTION_HINTS], v);
}
