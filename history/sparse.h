/* Sparse: a histogram as few bytes. */
#ifndef WEIR_HISTORY_SPARSE_H
#define WEIR_HISTORY_SPARSE_H

#include "model/histogram.h"
#include "model/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends the sparse form: for each bucket that is not 0 the number of empty buckets before it
 * and its count, both as varints. `out` is not NULL inside afterwards, even for an empty one.
 */
void sparse_encode(struct text *out, const struct histogram *h);

/* Reads it back. False, leaving `h` undefined, for anything that sparse_encode does not write.
 */
bool sparse_decode(struct histogram *h, const unsigned char *bytes, size_t len);

#endif
