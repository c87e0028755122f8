/* The Fleet screen: how many pools need somebody, the worst one's headline, then a row a pool with
 * as many columns as there is room for; below them the headline of the selected. */
#include "model/forced.h"
#include "tui/graph.h"
#include "tui/judge_words.h"
#include "tui/pen.h"
#include "tui/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LEAD_W 7 /* the mark and the level */
#define LABEL_MIN 14
#define LABEL_MAX 32
#define STATE_MAX 30
#define BAR_MAX 40

enum column {
	COLUMN_STATE,
	COLUMN_SEEN,
	COLUMN_BAR,
	COLUMN_ERRORS,
	COLUMN_ERRORS_V1,
	COLUMN_P99,
	COLUMN_P99_V1,
	COLUMN_VERDICT,
	COLUMN_GUARD,
	COLUMN_AGE,
	COLUMN_ENV,
	COLUMN_COUNT
};

/* In the order of the screen; `rank` is the order in which they get room. */
static const struct {
	const char *title;
	int width, rank;
	bool left; /* words stand left, figures right */
	enum fleet_sort sort;
} columns[COLUMN_COUNT] = {
	[COLUMN_STATE] = {"state", 20, 1, true, FLEET_STATE},
	[COLUMN_SEEN] = {"seen %", 7, 0, false, FLEET_SEEN},
	[COLUMN_BAR] = {"", 12, 9, true, FLEET_SEEN},
	[COLUMN_ERRORS] = {"v2 err%", 8, 2, false, FLEET_ERRORS},
	[COLUMN_ERRORS_V1] = {"v1 err%", 8, 7, false, FLEET_SORT_COUNT},
	[COLUMN_P99] = {"v2 p99", 7, 5, false, FLEET_P99},
	[COLUMN_P99_V1] = {"v1 p99", 7, 8, false, FLEET_SORT_COUNT},
	[COLUMN_VERDICT] = {"verdict", 14, 4, true, FLEET_VERDICT},
	[COLUMN_GUARD] = {"guard", 9, 6, true, FLEET_GUARD},
	[COLUMN_AGE] = {"age", 10, 3, true, FLEET_AGE},
	[COLUMN_ENV] = {"env", 11, 10, true, FLEET_SORT_COUNT},
};

/* How wide each is drawn; 0: it has no room. */
struct widths {
	int name, of[COLUMN_COUNT];
};

static int grow(int *width, int most, int left)
{
	int more = most - *width;
	more = more > left ? left : more;
	if (more > 0)
		*width += more;
	return more > 0 ? left - more : left;
}

static void choose(struct widths *out, int width, int longest)
{
	int left = width - LEAD_W - LABEL_MIN;
	*out = (struct widths){.name = LABEL_MIN};
	for (int rank = 0; rank < COLUMN_COUNT; rank++)
		for (int c = 0; c < COLUMN_COUNT; c++) {
			if (columns[c].rank != rank)
				continue;
			if (columns[c].width > left) {
				left = 0;
				continue;
			}
			out->of[c] = columns[c].width;
			left -= columns[c].width;
		}
	left = grow(&out->name, longest + 1 < LABEL_MAX ? longest + 1 : LABEL_MAX, left);
	if (out->of[COLUMN_STATE])
		left = grow(&out->of[COLUMN_STATE], STATE_MAX, left);
	if (out->of[COLUMN_BAR])
		grow(&out->of[COLUMN_BAR], BAR_MAX, left);
}

/* ---- a row ---- */

static enum role level_role(enum level l)
{
	return l == LEVEL_ACT ? ROLE_FAIL : l == LEVEL_LOOK ? ROLE_WARN : ROLE_DIM;
}

static void figure(char *out, size_t size, const struct pool *p, int column)
{
	const struct standing *st = &p->standing;
	const struct arm_figures *v1 = &st->arms[ARM_V1], *v2 = &st->arms[ARM_V2];
	switch (column) {
	case COLUMN_SEEN:
		unit_percent(
			out, size, st->measured_bp < 0 ? NAN : (double)st->measured_bp / SHARE_FULL);
		break;
	case COLUMN_ERRORS:
	case COLUMN_ERRORS_V1:
		unit_percent(out, size, (column == COLUMN_ERRORS ? v2 : v1)->error_rate);
		break;
	default:
		unit_ms(out, size, (column == COLUMN_P99 ? v2 : v1)->p99_us);
	}
}

static void word(char *out, size_t size, const struct pool *p, int column)
{
	const struct standing *st = &p->standing;
	switch (column) {
	case COLUMN_STATE:
		snprintf(out, size, "%s%s", forced_find(p, NULL, 0) > 0 ? "BREAK-GLASS " : "",
			st->state_text);
		break;
	case COLUMN_VERDICT:
		text_copy(out, size, verdict_name(st->judge_word));
		break;
	case COLUMN_GUARD:
		text_copy(out, size, owner_name(st->owner));
		break;
	case COLUMN_ENV:
		text_copy(out, size, p->env);
		break;
	default:
		view_age(p, out, size);
	}
}

static enum role cell_role(const struct pool *p, int column)
{
	const struct standing *st = &p->standing;
	const struct guard *g = &st->guard;
	enum metric m = column == COLUMN_ERRORS ? METRIC_ERRORS
		: column == COLUMN_P99              ? METRIC_P99
											: METRIC_COUNT;
	char age[40];
	if (column == COLUMN_AGE)
		return view_age(p, age, sizeof age);
	if (p->is_past)
		return ROLE_STALE;
	if (column == COLUMN_VERDICT && st->judge_word == VERDICT_NO_DATA && st->reported_bp == 0)
		return ROLE_DIM; /* nobody expects any */
	if (column == COLUMN_VERDICT)
		return judge_words_role(st->judge_word, st->guard.state == GUARD_AMBER);
	if (column == COLUMN_GUARD)
		return st->owner == OWNER_NONE && st->reported_bp > 0 ? ROLE_WARN : ROLE_TEXT;
	if (column == COLUMN_STATE)
		return level_role(st->headline.level) == ROLE_DIM ? ROLE_TEXT
														  : level_role(st->headline.level);
	if (m != METRIC_COUNT && g->metric[m].state != GUARD_NONE &&
		g->metric[m].value[ARM_V2] > g->metric[m].limit)
		return view_role(p, ROLE_FAIL);
	return view_role(p, ROLE_TEXT);
}

static void draw_cell(
	struct surface *s, struct rect cell, const struct pool *p, int column, bool selected)
{
	char text[120];
	enum role role = selected ? ROLE_SELECTED : cell_role(p, column);
	if (column == COLUMN_BAR) {
		int seen = p->standing.measured_bp;
		cell.w -= 2;
		graph_bar(s, cell, selected ? ROLE_SELECTED : view_role(p, ROLE_V2),
			seen < 0 ? NAN : (double)seen / SHARE_FULL);
	} else if (columns[column].left) {
		word(text, sizeof text, p, column);
		/* "BAKING at 10 %, 06:49 left": what stands behind the comma goes first. */
		char *comma = strchr(text, ',');
		if (comma && text_width(text) >= cell.w)
			*comma = 0;
		cell.w--;
		surface_text(s, cell, cell.x, cell.y, role, text);
	} else {
		figure(text, sizeof text, p, column);
		surface_text_right(s, cell, cell.x + cell.w - 1, cell.y, role, text);
	}
}

static void draw_row(
	struct surface *s, struct rect r, const struct widths *w, const struct view *v, int pool)
{
	const struct pool *p = &v->model->pools[pool];
	bool selected = pool == v->pool_index;
	enum level level = p->standing.headline.level;
	enum role role = p->is_past ? ROLE_STALE : level_role(level);
	if (selected)
		surface_fill(s, r, ROLE_SELECTED, ' ');
	if (v->fleet->marked[pool])
		surface_text(s, r, r.x, r.y, selected ? ROLE_SELECTED : ROLE_KEY, "*");
	surface_text(
		s, r, r.x + 1, r.y, selected ? ROLE_SELECTED : role, level_name(level));
	struct rect name = {r.x + LEAD_W, r.y, w->name - 1, 1};
	view_name(s, name, name.x, r.y, selected ? ROLE_SELECTED : ROLE_REMOTE, p);
	int x = r.x + LEAD_W + w->name;
	for (int c = 0; c < COLUMN_COUNT; c++) {
		if (w->of[c])
			draw_cell(s, (struct rect){x, r.y, w->of[c], 1}, p, c, selected);
		x += w->of[c];
	}
}

/* ---- the whole ---- */

static void draw_titles(
	struct surface *s, struct rect r, const struct widths *w, const struct fleet *f)
{
	int x = r.x + LEAD_W + w->name;
	surface_text(
		s, r, r.x + LEAD_W, r.y, f->sort == FLEET_NAME ? ROLE_TITLE : ROLE_DIM, "pool");
	surface_text(s, r, r.x + 1, r.y, f->sort == FLEET_WORST ? ROLE_TITLE : ROLE_DIM, "worst");
	for (int c = 0; c < COLUMN_COUNT; c++) {
		struct rect cell = {x, r.y, w->of[c], 1};
		enum role role = f->sort == columns[c].sort ? ROLE_TITLE : ROLE_DIM;
		if (columns[c].left)
			surface_text(s, cell, x, r.y, role, columns[c].title);
		else if (w->of[c])
			surface_text_right(s, cell, x + w->of[c] - 1, r.y, role, columns[c].title);
		x += w->of[c];
	}
}

static void draw_header(struct surface *s, struct rect r, const struct view *v)
{
	const struct fleet *f = v->fleet;
	struct fleet_sum sum;
	fleet_sum(&sum, v->model);
	char right[80];
	snprintf(right, sizeof right, "%s%s  %s ", fleet_sort_title(f->sort),
		f->reversed ? ", reversed" : "", v->clock);
	struct rect left = r;
	if (text_width(right) + 40 < r.w) {
		surface_text_right(s, r, r.x + r.w, r.y, ROLE_DIM, right);
		left.w -= text_width(right) + 4;
		surface_text(s, r, r.x + left.w + 1, r.y, ROLE_DIM, "by");
	}
	int x = r.x + 1;
	if (v->mark)
		x = surface_text(s, left, x, r.y, ROLE_MARK, v->mark) + 1;
	x = surface_textf(s, left, x, r.y, ROLE_TITLE, "FLEET %d", v->pool_count);
	x = surface_textf(s, left, x + 2, r.y, sum.of[LEVEL_ACT] ? ROLE_FAIL : ROLE_DIM, "%d act",
		sum.of[LEVEL_ACT]);
	x = surface_text(s, left, x, r.y, ROLE_DIM, ", ");
	x = surface_textf(s, left, x, r.y, sum.of[LEVEL_LOOK] ? ROLE_WARN : ROLE_DIM, "%d look",
		sum.of[LEVEL_LOOK]);
	x = surface_textf(s, left, x, r.y, ROLE_DIM, ", %d quiet", sum.of[LEVEL_OK]);
	int marked = fleet_marked(f);
	if (marked)
		x = surface_textf(s, left, x + 2, r.y, ROLE_KEY, "%d marked", marked);
	if (f->filter[0])
		surface_textf(s, left, x + 2, r.y, ROLE_KEY, "/%s: %d", f->filter, f->shown_count);
}

/* What a pool says of itself, its name before it. */
static void draw_headline(struct surface *s, struct rect r, const struct pool *p)
{
	const struct headline *h = &p->standing.headline;
	int x = view_name(s, r, r.x + 1, r.y, ROLE_REMOTE, p);
	x = surface_text(s, r, x, r.y, ROLE_DIM, ": ");
	view_sentences(
		s, r, x, r.y, h->level == LEVEL_OK ? ROLE_STRONG : level_role(h->level), h->text);
}

static void draw_list(struct surface *s, struct rect r, const struct view *v)
{
	const struct fleet *f = v->fleet;
	struct widths w;
	int longest = 0, rows = r.h - 1, at = fleet_row(f, v->pool_index);
	for (int i = 0; i < f->shown_count; i++) {
		int width = text_width(v->model->pools[f->shown[i]].name);
		longest = width > longest ? width : longest;
	}
	choose(&w, r.w, longest);
	draw_titles(s, r, &w, f);
	int top = at - rows / 2;
	top = top > f->shown_count - rows ? f->shown_count - rows : top;
	top = top < 0 ? 0 : top;
	for (int i = 0; i < rows && top + i < f->shown_count; i++)
		draw_row(s, (struct rect){r.x, r.y + 1 + i, r.w, 1}, &w, v, f->shown[top + i]);
	if (f->shown_count == 0)
		surface_text(
			s, r, r.x + LEAD_W, r.y + 1, ROLE_WARN, "no pool has all these words; Esc");
}

void view_fleet(struct surface *s, const struct view *v)
{
	struct layout l;
	layout_make_fleet(&l, s->w, s->h, v->fleet->shown_count);
	draw_header(s, l.rect[SECTION_HEADER], v);
	if (l.rect[SECTION_HEADLINE].h)
		draw_headline(s, l.rect[SECTION_HEADLINE], &v->model->pools[fleet_worst(v->model)]);
	if (l.rect[SECTION_ARMS].h)
		draw_list(s, l.rect[SECTION_ARMS], v);
	if (l.rect[SECTION_PLAN].h)
		draw_headline(s, l.rect[SECTION_PLAN], v->pool);
	if (l.rect[SECTION_MESSAGE].h)
		view_message(s, l.rect[SECTION_MESSAGE], v);
	if (l.rect[SECTION_HINTS].h)
		view_hints(s, l.rect[SECTION_HINTS], v);
}

/* ---- several of them ---- */

void view_marked(struct pen *p, const struct view *v)
{
	const struct fleet *f = v->fleet;
	int left = fleet_marked(f), rows = p->r.y + p->r.h - p->y - 5;
	for (int i = 0; i < f->pool_count && left > 0; i++) {
		const struct pool *pool = &v->model->pools[i];
		char from[16], to[16];
		if (!f->marked[i])
			continue;
		if (rows-- <= 1 && left > 1) {
			pen_row(p, ROLE_WARN, "", "and %d more", left);
			break;
		}
		left--;
		unit_share(from, sizeof from, pool->standing.reported_bp);
		unit_share(to, sizeof to, pool->standing.baseline_bp);
		pen_row(p, ROLE_REMOTE, "", "%s %.*s > %s%s", pool->name, (int)strcspn(from, " "), from,
			to, fleet_row(f, i) < 0 ? " (the filter hides it)" : "");
	}
	pen_row(p, ROLE_TEXT, "asks for", "nothing: no check stops a rollback; each is recorded");
}
