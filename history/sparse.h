/* Sparse: a histogram as few bytes. */
#ifndef WEIR_HISTORY_SPARSE_H
#define WEIR_HISTORY_SPARSE_H

#include "model/histogram.h"
#include "model/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends the sparse form: for each bucket that is not 0 the number of empty buckets before it
 * and its count, both as varints. A count that no form can hold is the greatest that one can.
 * `out` is not NULL inside afterwards, even for an empty one.
 */
void sparse_encode(struct text *out, const struct histogram *h);

/* Reads it back. False, leaving `h` undefined, for anything that sparse_encode does not write.
 */
bool sparse_decode(struct histogram *h, const unsigned char *bytes, size_t len);

/* Appends the sum of two sparse forms, bucket by bucket, without making histograms of them. False,
 * leaving `out` undefined, when one is not of sparse_encode or a count does not fit its form. */
bool sparse_merge(struct text *out, const unsigned char *a, size_t a_len,
	const unsigned char *b, size_t b_len);

#endif
