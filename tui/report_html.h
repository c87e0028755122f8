/* Report as one HTML file that stands alone: nothing is loaded, no script runs, and an XML parser
 * reads it too. */
#ifndef WEIR_TUI_REPORT_HTML_H
#define WEIR_TUI_REPORT_HTML_H

#include "model/text.h"
#include "tui/report.h"

void report_html(struct text *t, const struct report *r);

/* Appends a text as it may stand in an element or a quoted attribute. */
void report_html_add(struct text *t, const char *s);

#endif
