/* Find: whether a row of the chain is in a file. */
#ifndef WEIR_HISTORY_FIND_H
#define WEIR_HISTORY_FIND_H

#include "model/err.h"

#include <stdint.h>

/* Where the row with this hash (64 hex digits) stands in the chain of `path`: `*seq`, from 1, or
 * UNKNOWN when no row has it. Newest rows are looked at first. 0, or -1 with err when the file
 * cannot be read. */
int find_row(const char *path, const char *hash, int64_t *seq, struct err *err);

#endif
