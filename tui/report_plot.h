/* Report plots: share, error rates, latencies and the judge's evidence on one time axis, as one
 * SVG picture in whose lines the decisions are marked. */
#ifndef WEIR_TUI_REPORT_PLOT_H
#define WEIR_TUI_REPORT_PLOT_H

#include "model/text.h"
#include "tui/report.h"

/* Appends the picture; colours are the page's classes. */
void report_plot(struct text *t, const struct report *r);

#endif
