/* Report as text: Markdown that reads well as it is. */
#ifndef WEIR_TUI_REPORT_TEXT_H
#define WEIR_TUI_REPORT_TEXT_H

#include "model/text.h"
#include "tui/report.h"

void report_text(struct text *t, const struct report *r);

#endif
