/* Layout: which section stands where at which size. The only place that knows sizes. Pure. */
#ifndef WEIR_TUI_LAYOUT_H
#define WEIR_TUI_LAYOUT_H

#include "tui/surface.h"

/* X(name): in the order of the screen; what comes last leaves first when rows are short. */
#define SECTION_INFO(X) \
	X(HEADER) \
	X(HEADLINE) \
	X(WHO) \
	X(ARMS) \
	X(PLAN) \
	X(GUARDS) \
	X(JUDGE) \
	X(BAD) \
	X(PLOTS) \
	X(WORKERS) \
	X(DECISIONS) \
	X(MESSAGE) \
	X(HINTS)

enum section {
#define X(name) SECTION_##name,
	SECTION_INFO(X)
#undef X
		SECTION_COUNT
};

/* How wide the screen is: what rows can hold. */
enum width { WIDTH_TINY, WIDTH_NARROW, WIDTH_NORMAL, WIDTH_WIDE };

struct layout {
	struct rect rect[SECTION_COUNT]; /* h == 0: not shown */
	enum width width;
	struct rect sheet; /* where a dialog stands: below both sides, above nothing */
	struct rect
		sheet_low; /* below both sides also on a low screen, for one that has few rows */
};

/* Rows that the sections would like. */
struct layout_wish {
	int guards, judge, bad, decisions; /* rows with their titles; 0 none */
	int failures;                      /* those of where v2 fails, on a wide screen */
	bool wide;                         /* the plots take the width, and what is below */
};

void layout_make(struct layout *out, int w, int h, const struct layout_wish *wish);

/* The same of the Workers screen: the tree of `lines` lines stands in ARMS, what is said of the
 * selected one in PLAN, where v2 fails in BAD, in at least `bad` rows where they are there. */
void layout_make_workers(struct layout *out, int w, int h, int lines, int bad);

/* The same of the Guards screen: its `words` stand in JUDGE, a table of `metrics` and a title in
 * GUARDS, a row of plots for each metric that has room in PLOTS, where v2 fails in BAD. */
void layout_make_guards(struct layout *out, int w, int h, int words, int metrics, int bad);

/* The same of the Fleet screen: a title and `lines` lines in ARMS, what the selected one says in
 * PLAN. */
void layout_make_fleet(struct layout *out, int w, int h, int lines);

#define PLOT_ROWS 6 /* the least of a row of plots */

#endif
