/* Sizes. Three shapes: tiny (a fact a line), a stack of sections, and two columns over the
 * journal.
 *
 * Invariants:
 * 1. Rectangles are disjoint and lie inside the screen.
 * 2. The state is in sight at every size; the keys that brake are from 4 rows on. */
#include "tui/layout.h"

#include <string.h>

#define NARROW 60
#define NORMAL 80
#define WIDE 160
#define TALL 45
#define ROOMY 24 /* rows from which groups are set apart */
#define LOW 7    /* rows that end with both sides, where there is no room for more */

struct stack {
	struct layout *out;
	int x, w, y, end;
};

/* Takes `rows` for a section; fewer when there are fewer, none when not even `least`. */
static void take(struct stack *s, enum section section, int rows, int least)
{
	int left = s->end - s->y;
	if (rows <= 0 || left < least)
		return;
	rows = rows < left ? rows : left;
	s->out->rect[section] = (struct rect){s->x, s->y, s->w, rows};
	s->y += rows;
}

static void skip(struct stack *s, bool wanted)
{
	if (wanted && s->y < s->end)
		s->y++;
}

#define PLOTS_FROM (PLOT_ROWS + 2) /* rows from which plots stand between words */
#define PLOTS_MOST 14
#define DECISIONS_LEAST 6 /* that plots leave */

/* Plots between words, where there is room for both. */
static void take_plots(struct stack *s, const struct layout_wish *wish)
{
	int rows = s->end - s->y - DECISIONS_LEAST - 1;
	if (s->w < NORMAL || rows < PLOTS_FROM || wish->guards == 0)
		return;
	take(s, SECTION_PLOTS, rows < PLOTS_MOST ? rows : PLOTS_MOST, PLOTS_FROM);
	skip(s, true);
}

static void make_stack(
	struct layout *out, struct stack *s, const struct layout_wish *wish, bool roomy)
{
	take(s, SECTION_ARMS, out->width == WIDTH_TINY ? 3 : 4, 3);
	if (out->rect[SECTION_ARMS].h == 0)
		return; /* what stands below both sides does not come before them */
	take(s, SECTION_PLAN, 1, 1);
	skip(s, roomy);
	take(s, SECTION_GUARDS, wish->guards, 2);
	take(s, SECTION_JUDGE, wish->judge, 1);
	take(s, SECTION_BAD, wish->bad, 1);
	skip(s, roomy);
	take_plots(s, wish);
	/* Below 80 columns the last of them stands without a title. */
	take(s, SECTION_DECISIONS, wish->decisions, out->width < WIDTH_NORMAL ? 1 : 2);
}

/* Both sides and the judge above, plots over the whole width below. */
static void make_plots(struct layout *out, struct stack *s, const struct layout_wish *wish)
{
	take(s, SECTION_ARMS, out->width == WIDTH_TINY ? 3 : 4, 3);
	take(s, SECTION_PLAN, 1, 1);
	if (s->end - s->y >= PLOT_ROWS + wish->judge)
		take(s, SECTION_JUDGE, wish->judge, 1);
	take(s, SECTION_PLOTS, s->end - s->y, PLOT_ROWS);
}

/* Both sides left, with where v2 fails and on whom; plots right; the journal below. */
static void make_wide(
	struct layout *out, int w, int top, int end, const struct layout_wish *wish)
{
	int journal = (end - top) / 3, half = w / 2;
	int rows = wish->decisions > DECISIONS_LEAST ? wish->decisions : DECISIONS_LEAST;
	journal = rows < journal ? rows : journal;
	struct stack left = {out, 0, half, top, end - journal - 1};
	take(&left, SECTION_ARMS, 4, 1);
	take(&left, SECTION_PLAN, 1, 1);
	skip(&left, true);
	take(&left, SECTION_GUARDS, wish->guards, 2);
	take(&left, SECTION_JUDGE, wish->judge, 1);
	skip(&left, true);
	take(&left, SECTION_BAD, wish->failures, 1);
	skip(&left, true);
	take(&left, SECTION_WORKERS, left.end - left.y, 2);
	out->rect[SECTION_PLOTS] =
		(struct rect){half + 1, top, w - half - 1, end - journal - 1 - top};
	out->rect[SECTION_DECISIONS] = (struct rect){0, end - journal, w, journal};
}

/* What every screen has: state and headline above, message and keys below, and the place of a
 * dialog. What is left is the stack's. */
static void make_frame(struct layout *out, struct stack *s, int w, int h)
{
	memset(out, 0, sizeof *out);
	out->width = w < NARROW ? WIDTH_TINY
		: w < NORMAL        ? WIDTH_NARROW
		: w < WIDE          ? WIDTH_NORMAL
							: WIDTH_WIDE;
	*s = (struct stack){out, 0, w, 0, h};
	take(s, SECTION_HEADER, 1, 1);
	if (h >= 4)
		out->rect[SECTION_HINTS] = (struct rect){0, --s->end, w, 1};
	if (h >= 5)
		out->rect[SECTION_MESSAGE] = (struct rect){0, --s->end, w, 1};
	if (h >= 2)
		take(s, SECTION_HEADLINE, 1, 1);
	if (h >= 10)
		take(s, SECTION_WHO, 1, 1);
	/* However low the screen, a dialog is on it: what is accepted must be seen. */
	int top = h >= 20 ? 8 : h >= 12 ? 3 : h > 1;
	int wide = w < 100 ? w : 100;
	out->sheet = (struct rect){0, top < h ? top : h, wide, h - top > 0 ? h - top : 0};
	if (out->sheet.h > 22)
		out->sheet.h = 22;
	out->sheet_low = out->sheet;
	if (h < 20)
		out->sheet_low = (struct rect){0, LOW, wide, h > LOW ? h - LOW : 0};
}

void layout_make(struct layout *out, int w, int h, const struct layout_wish *wish)
{
	struct stack s;
	make_frame(out, &s, w, h);
	if (wish->wide && s.end - s.y >= 3 + PLOT_ROWS)
		make_plots(out, &s, wish);
	else if (w >= WIDE && h >= TALL)
		make_wide(out, w, s.y, s.end, wish);
	else
		make_stack(out, &s, wish, h >= ROOMY);
}

void layout_make_workers(struct layout *out, int w, int h, int lines, int bad)
{
	struct stack s;
	make_frame(out, &s, w, h);
	int rows = s.end - s.y;
	if (w >= WIDE) {
		int tree = w * 3 / 5;
		out->rect[SECTION_BAD] = (struct rect){tree + 1, s.y, w - tree - 1, rows};
		s.w = tree;
		bad = 0;
	} else if (rows < 12) {
		bad = rows >= 7;
	}
	int detail = rows >= 4, gap = bad > 1 && h >= ROOMY;
	int most = rows - detail - bad - gap;
	take(&s, SECTION_ARMS, lines + 1 < most ? lines + 1 : most, 1);
	take(&s, SECTION_PLAN, detail, 1);
	skip(&s, gap);
	if (bad > 0)
		take(&s, SECTION_BAD, s.end - s.y, 1);
}

void layout_make_fleet(struct layout *out, int w, int h, int lines)
{
	struct stack s;
	make_frame(out, &s, w, h);
	/* Row 3 tells of one pool; here it is the list's. */
	s.y -= out->rect[SECTION_WHO].h;
	out->rect[SECTION_WHO] = (struct rect){0};
	bool detail = s.end - s.y >= 4;
	int most = s.end - s.y - detail;
	take(&s, SECTION_ARMS, lines + 1 < most ? lines + 1 : most, 2);
	s.y = s.end - detail;
	take(&s, SECTION_PLAN, detail, 1);
}

#define TABLES 14    /* rows from which where v2 fails is told in tables */
#define PLOT_GOOD 10 /* rows of plots that are enough to see a shape */

void layout_make_guards(struct layout *out, int w, int h, int words, int metrics, int bad)
{
	struct stack s;
	make_frame(out, &s, w, h);
	take(&s, SECTION_JUDGE, words, 1);
	take(&s, SECTION_GUARDS, metrics + 1, 2);
	bool roomy = h >= ROOMY;
	int left = s.end - s.y - roomy, plots = left - bad - roomy;
	if (left - metrics * PLOT_GOOD - roomy >= TABLES)
		plots = left - roomy - TABLES;
	if (plots >= PLOT_ROWS) {
		skip(&s, roomy);
		take(&s, SECTION_PLOTS, plots, PLOT_ROWS);
	}
	skip(&s, roomy);
	take(&s, SECTION_BAD, s.end - s.y, 1);
}
