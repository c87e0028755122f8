/* Zone: a time zone as the system's files describe it (TZif versions 1 to 4, RFC 8536): what the
 * clock on a wall there shows at an instant, and the way back. A value, to be copied.
 *
 * Seconds since 1970 throughout: UTC, or as the wall shows them ("local"), as if that were UTC. */
#ifndef WEIR_MODEL_ZONE_H
#define WEIR_MODEL_ZONE_H

#include "model/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZONE_NAME_MAX 64
#define ZONE_WORD_MAX 8 /* "CEST", "+0530" */
#define ZONE_CHANGES_MAX 400
#define ZONE_KINDS_MAX 32
#define ZONE_BYTES_MAX 65536 /* of a file */

struct zone_kind {
	int32_t offset_s; /* east of Greenwich */
	char word[ZONE_WORD_MAX];
};

/* The day of a year on which the clocks change, and when then, by the clock that ends. */
struct zone_rule {
	enum { ZONE_MONTH, ZONE_JULIAN, ZONE_DAY } by;
	int month, week, day; /* JULIAN from 1 without leap days, DAY from 0 with them: only day */
	int32_t at_s;         /* may be below 0 or beyond a day */
};

struct zone {
	int change_count; /* changes in rising order */
	int64_t at_s[ZONE_CHANGES_MAX];
	uint8_t to[ZONE_CHANGES_MAX];
	int kind_count;
	struct zone_kind kind[ZONE_KINDS_MAX]; /* the first is that before all changes */
	/* beyond the last change; else what that brought stays */
	bool has_rest, rest_changes;
	struct zone_kind standard, summer;
	struct zone_rule begins, ends; /* of summer */
};

/* UTC: no changes. */
void zone_utc(struct zone *out);

/* Reads a file's bytes. 0, or -1 with err (W002) that says what is wrong; `name` is its subject. */
int zone_read(struct zone *out, const unsigned char *bytes, size_t len, const char *name,
	struct err *err);

/* What holds at an instant: borrowed of the zone. */
const struct zone_kind *zone_at(const struct zone *z, int64_t utc_s);

/* What the wall shows at an instant. */
int64_t zone_local(const struct zone *z, int64_t utc_s);

/* The first instant behind `utc_s` from which another kind may hold, UNKNOWN when there is none. */
int64_t zone_next(const struct zone *z, int64_t utc_s);

/* The first and the last instant at which the wall shows `local_s`: the same but where clocks are
 * turned back. What no wall ever shows, because they are turned forward over it, is the instant at
 * which they are. */
void zone_instant(const struct zone *z, int64_t local_s, int64_t *first, int64_t *last);

/* True for a name that a file of a zone may have: words of letters, digits and + - _ . between
 * slashes, none of them beginning with a dot. */
bool zone_is_name(const char *name);

#endif
