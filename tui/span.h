/* Span: which part of a history a command is about: --since, --until, --pool. */
#ifndef WEIR_TUI_SPAN_H
#define WEIR_TUI_SPAN_H

#include "history/query.h"
#include "tui/options.h"

/* Reads a duration back from now, or a moment (RFC 3339). NULL leaves `*at_ms` alone. 0, or -1
 * with ERR_USAGE naming the option. */
int span_read(const char *option, const char *given, int64_t *at_ms, struct err *err);

/* Says on standard error when the history knows no such pool or actor (NULL: any), with the name
 * that may have been meant. 0, or -1 with err. */
int span_doubt(struct query *q, const char *pool, const char *actor, struct err *err);

#endif
