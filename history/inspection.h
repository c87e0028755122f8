/* Inspection: the check of a history in a thread of its own, beside whoever reads the file. */
#ifndef WEIR_HISTORY_INSPECTION_H
#define WEIR_HISTORY_INSPECTION_H

#include "history/chain.h"

struct inspection; /* opaque */

/* Begins the check of chain_verify_near; path and moments are copied. Where there is no thread to
 * be had the check waits for inspection_end. */
struct inspection *inspection_begin(const char *path, const struct chain_scope *scope);

/* Waits for its end and frees it. 0 with `out`, or -1 with err, as chain_verify_near. */
int inspection_end(struct inspection *i, struct chain_report *out, struct err *err);

#endif
