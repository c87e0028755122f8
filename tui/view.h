/* View: how the model becomes cells. Every function draws what the model has derived; nothing
 * is computed or remembered here. */
#ifndef WEIR_TUI_VIEW_H
#define WEIR_TUI_VIEW_H

#include "model/model.h"
#include "tui/fleet.h"
#include "tui/journal.h"
#include "tui/layout.h"
#include "tui/roster.h"
#include "tui/screen.h"
#include "tui/series.h"
#include "tui/sheet.h"
#include "tui/surface.h"

struct pen; /* tui/pen.h */

/* What a screen shows beside the model. */
struct view {
	const struct model *model;
	const struct pool *pool;
	enum screen screen;
	const struct roster *roster; /* of WORKERS */
	const struct fleet *fleet;   /* of FLEET */
	int plan_bp;                 /* of PLAN: the share of the selected step; 0: the next one */
	const struct journal *journal; /* of JOURNAL */
	int64_t left_ms; /* wall clock at which this person left the last console; UNKNOWN */
	struct instant now;
	const char *mark; /* "REPLAY"; NULL the pool's environment */
	bool mark_only;   /* mark is drawn in reverse even where env would not be */
	bool replay;
	bool looking;        /* no key acts: read-only or replay */
	const char *message; /* "" none */
	enum role message_role;
	const char *clock; /* the time of day that is shown */
	const char *place; /* where a replay stands; "" live */
	int pool_count, pool_index;
	int unrecorded;            /* acts of this process that the history does not have */
	const struct scope *scope; /* of FLOW: what its plots show; NULL: what the model keeps */
	bool harm_told;            /* elsewhere on the screen than in row 3 */
};

/* The Flow screen: one pool. Columns of its plots, or of its sparklines where it has no plot; 0:
 * neither. */
void view_flow(struct surface *s, const struct view *v);
int view_flow_columns(int w, int h, const struct view *v);

/* The columns that a dialog in `r` covers: those of what goes on at its right too, not the plots
 * that stand beside. */
int view_flow_covered(int w, int h, const struct view *v, struct rect r);

/* The Fleet screen: a row a pool, the worst first. */
void view_fleet(struct surface *s, const struct view *v);

/* The marked pools as rows of a dialog, and what becomes of each. */
void view_marked(struct pen *p, const struct view *v);

/* The Workers screen: every worker of every node, and where v2 fails. */
void view_workers(struct surface *s, const struct view *v);

/* The Plan screen: the steps in time, what they would bring, and the brief. */
void view_plan(struct surface *s, const struct view *v);

/* The Journal screen: every decision and event, newest first, or one of them whole. */
void view_journal(struct surface *s, const struct view *v);

/* The Guards screen: what the judge knows, metric by metric, and where v2 fails. */
void view_guards(struct surface *s, const struct view *v);

/* A row a limit, with sparklines of both sides where there is room; and how many rows that
 * takes. */
void view_limits(struct surface *s, struct rect r, const struct view *v, enum width width);
int view_limit_rows(const struct pool *p, int w);

/* The metrics with a limit, those that are not well first; returns how many. */
int view_limit_order(const struct pool *p, enum metric out[METRIC_COUNT]);

/* How a metric stands to its limit and to v1, as one word: "ok", "look", "RED", "BOTH", "?", "-";
 * and its role. */
const char *view_limit_word(const struct pool *p, enum series m, enum role *role);

/* What the judge says, and below it the harm so far; in one row both. */
void view_judge(struct surface *s, struct rect r, const struct view *v);

/* Harm so far at the right end of a row, while v2 has a share; returns what is left of it. */
struct rect view_harm_brief(struct surface *s, struct rect r, const struct view *v);

/* A metric of both sides on one axis, with its limit and the decisions marked. */
void view_plot(struct surface *s, struct rect r, const struct view *v, enum series m);

/* Rows shared by all screens. */
void view_header(struct surface *s, struct rect r, const struct view *v);
void view_headline(struct surface *s, struct rect r, const struct view *v);
/* Sentences from (x, y) to the end of the rectangle; where they are too long the first ones are cut
 * and the last one, what can be done, stays whole. */
void view_sentences(
	struct surface *s, struct rect r, int x, int y, enum role role, const char *text);
void view_who(struct surface *s, struct rect r, const struct view *v);
/* The pool's name; one that may imitate another has a mark and the pool's id beside it. Returns
 * the column after it. */
int view_name(
	struct surface *s, struct rect r, int x, int y, enum role role, const struct pool *p);
void view_message(struct surface *s, struct rect r, const struct view *v);
void view_hints(struct surface *s, struct rect r, const struct view *v);

/* The help overlay, over everything below the headline; `scroll` becomes at most what there is
 * to scroll. */
void view_help(struct surface *s, const struct view *v, int *scroll);

/* A dialog, in the place that the layout gives it. */
void view_sheet(struct surface *s, const struct view *v, const struct sheet *sheet);

/* How old the news of a pool is, or in a replay the moment that it is of while the clock is
 * elsewhere: "LIVE 0.2s", "@12:55:59". Returns its role. */
enum role view_age(const struct pool *p, char *out, size_t size);

/* The role in which a number of this freshness is drawn. */
enum role view_role(const struct pool *p, enum role live);

/* True where a resume has something to end: a hold, a red, what the pool took back. */
bool view_may_resume(const struct pool *p);

/* The role of a guard's state. */
enum role view_guard_role(enum guard_state g);

#endif
