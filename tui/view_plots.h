/* View plots: the metrics of both sides over time, and what a crosshair reads out of them. */
#ifndef WEIR_TUI_VIEW_PLOTS_H
#define WEIR_TUI_VIEW_PLOTS_H

#include "tui/view.h"

/* Columns of one sparkline in a row of this width; 0 when there is no room for two. */
int view_spark_columns(struct rect r);

/* The stretch of time that graphs of so many columns show. */
void view_axis(struct axis *a, const struct view *v, int columns);

/* The column of the crosshair; -1 where there is none. */
int view_cross_column(const struct axis *a, const struct view *v, int columns);

/* Plots of what has a limit, the worst first, then of errors and p99: as many as have room. */
void view_plots(struct surface *s, struct rect r, const struct view *v);

/* Columns of each of them; 0 where there is none. */
int view_plots_columns(struct rect r, const struct pool *p);

/* What stands under the crosshair, in a row: the moment, the values of both sides, the decision. */
void view_cross(struct surface *s, struct rect r, const struct view *v, int columns);

/* A moment as a person wants times to be told: by the clock, or as an age. */
void view_time(char *out, size_t size, const struct view *v, int64_t wall_ms);

/* What a decision does: "step 1 > 10 %". */
void view_decision_text(char *out, size_t size, const struct decision *d);

#endif
