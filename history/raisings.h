/* Raisings: which pools of a history have a raise that is neither kept nor back. For the reader, and
 * for the writer in the transaction of one more. */
#ifndef WEIR_HISTORY_RAISINGS_H
#define WEIR_HISTORY_RAISINGS_H

#include "history/query.h"
#include "model/raising.h"

/* What its decisions up to now come to. 0, or -1 with err. */
int raisings_read(struct query *q, int64_t now_ms, struct raisings *out, struct err *err);

#endif
