/* Tally: count and sum by key. Pure; one owner at a time.
 *
 * The same records give the same tally in whatever order and however parted: sums are kept in
 * 128 bits, so that whether one fits in 64 does not depend on what came first, and tallies of
 * parts merge into the tally of the whole. So v1's and v2's aggregates can be compared. */
#ifndef WEIR_CLIENT_ENGINE_TALLY_H
#define WEIR_CLIENT_ENGINE_TALLY_H

#include "model/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_KEY_MAX 256 /* bytes */

struct tally;

struct tally_record {
	const char *key; /* 1 to TALLY_KEY_MAX bytes, any; borrowed for the call */
	size_t len;
	int64_t value;
};

struct tally_sum {
	const char *key; /* borrowed until the tally changes; not NUL-terminated */
	size_t len;
	int64_t count;
	bool fits;   /* the sum is one of 64 bits */
	int64_t sum; /* only where it fits; else the nearest there is */
};

/* Takes at most `keys_max` different keys (up to 2^31); `seed` makes places in the table hard to
 * foresee for whoever chooses the keys, and changes nothing else. */
struct tally *tally_new(size_t keys_max, uint64_t seed);
void tally_free(struct tally *t);
void tally_clear(struct tally *t); /* empties, keeps the memory */

/* Adds all `n` records, or none of them: -1 with err (FIELD: a key; LIMIT: too many keys) and
 * the tally is as it was. A batch of v1:transactional is one call, of v1:simple one call each. */
int tally_add(struct tally *t, const struct tally_record *records, size_t n, struct err *err);

/* Adds all of `from` or, with err (LIMIT), nothing. */
int tally_merge(struct tally *t, const struct tally *from, struct err *err);

size_t tally_keys(const struct tally *t);
int64_t tally_records(const struct tally *t);

/* The i-th key in the order of their first records; false past the end. */
bool tally_at(const struct tally *t, size_t i, struct tally_sum *out);

/* What a key has; false, and zeros, when it has no record. */
bool tally_get(const struct tally *t, const char *key, size_t len, struct tally_sum *out);

/* One number for all keys with their counts and sums: equal tallies have equal ones, whatever
 * the order, the parts, the seed. Not against forgery. */
uint64_t tally_digest(const struct tally *t);

#endif
