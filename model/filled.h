/* Filled: a histogram as the buckets that are filled: of 1,331 some hundred are, and what is kept
 * for long is kept so. Counts that 32 bits do not hold are as many as these hold. */
#ifndef WEIR_MODEL_FILLED_H
#define WEIR_MODEL_FILLED_H

#include "model/histogram.h"

#include <stdint.h>

/* Zero-initialised it is empty. */
struct filled {
	int count;
	struct filled_bucket {
		uint32_t units;
		uint16_t bucket; /* rising */
	} * buckets;         /* owned; NULL for none */
};

void filled_clear(struct filled *f);

/* Adds a histogram; what is not above 0 in it is nothing. */
void filled_add(struct filled *f, const struct histogram *h);

/* Adds what is in it to a histogram. */
void filled_pour(const struct filled *f, struct histogram *into);

#endif
