/* Thin: old samples become minutes. */
#ifndef WEIR_HISTORY_THIN_H
#define WEIR_HISTORY_THIN_H

#include "history/journal.h"

struct thin; /* opaque */

/* What is kept as samples. */
struct thin_how {
	int64_t keep_ms;   /* so long; an hour at least is kept whatever this says */
	int64_t cap_bytes; /* and as long as the file has no more in use */
};

#define THIN_KEEP_MS (14 * INT64_C(86400000))
#define THIN_KEEP_MIN_MS INT64_C(3600000)
#define THIN_CAP_BYTES (INT64_C(4) << 30)
#define THIN_CAP_MIN_BYTES (INT64_C(16) << 20)

struct thin_now {
	int64_t monotonic_ms;
	int64_t newest_ms; /* wall time of the newest sample that this process wrote */
	int64_t recording; /* of this process; UNKNOWN none */
};

/* `j` is borrowed, and open for as long. */
struct thin *thin_new(struct journal *j, const struct thin_how *how);
void thin_free(struct thin *t); /* NULL: nothing */

/* Does one slice of what is to be done: some milliseconds, but for the transaction that puts
 * minutes in the place of their samples, which is given up as soon as `hurry` (asked every now and
 * then) says so, and begun again by the next call. `*more`: whether there is more to do now. What
 * does not fit a row that is there already is left as it is. */
enum schema_result thin_work(struct thin *t, const struct thin_now *now,
	bool (*hurry)(void *ctx), void *ctx, bool *more, struct err *err);

/* Samples that became minutes so far, and the bytes of the file that were in use when last looked
 * at. */
int64_t thin_rows(const struct thin *t);
int64_t thin_used(const struct thin *t);

#endif
