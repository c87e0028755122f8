/* Report as JSON: one object, weir.report/1, for programs. What is not known is null. */
#ifndef WEIR_TUI_REPORT_JSON_H
#define WEIR_TUI_REPORT_JSON_H

#include "model/text.h"
#include "tui/report.h"

void report_json(struct text *t, const struct report *r);

#endif
