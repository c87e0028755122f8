/* View forecast: what a step's share would cost and show, before it is taken. */
#ifndef WEIR_TUI_VIEW_FORECAST_H
#define WEIR_TUI_VIEW_FORECAST_H

#include "tui/pen.h"
#include "tui/view.h"

/* Rows of a step's sheet: bad units a minute there, and when a v2 twice as bad would be known.
 * None for a step that raises nothing. */
void view_forecast(struct pen *p, const struct view *v, const struct sheet *sheet);

#endif
