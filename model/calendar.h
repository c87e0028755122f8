/* Calendar: when a plan's raises may be taken: the hours of a week, and windows in which nothing
 * is raised, both as the clock on a wall of one zone shows them. Pure.
 *
 *     hours   Mon-Thu 09:00-16:00, Fri 09:00-12:00 Europe/Vienna
 *             Mon,Wed,Fri 22:00-04:00          through midnight; no zone is UTC
 *             08:00-24:00                      no day is every day
 *     freeze  2026-12-20..2027-01-06 Christmas     both days in it
 *             2026-11-27T06:00:00Z..2026-11-30T08:00:00Z Black Friday */
#ifndef WEIR_MODEL_CALENDAR_H
#define WEIR_MODEL_CALENDAR_H

#include "model/err.h"
#include "model/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALENDAR_RANGES_MAX 16
#define CALENDAR_FREEZES_MAX 32
#define CALENDAR_WHY_MAX 64

struct calendar_range {
	unsigned days;              /* on which it begins: bit 0 Monday */
	int from_minute, to_minute; /* of the day, to up to 1440; not above from: of the next day */
};

struct calendar_freeze {
	int64_t from_ms, until_ms;  /* wall clock; until is not in it */
	char why[CALENDAR_WHY_MAX]; /* cleaned; "" none given */
};

/* Zeroed it is always open. */
struct calendar {
	struct calendar_range range[CALENDAR_RANGES_MAX];
	int range_count; /* 0: any hour */
	struct calendar_freeze freeze[CALENDAR_FREEZES_MAX];
	int freeze_count;
	char zone_name[ZONE_NAME_MAX];
	struct zone zone; /* of zone_name; zone_utc before anything is asked */
};

/* Always open, in UTC. */
void calendar_init(struct calendar *c);

/* Reads hours into the ranges, and their zone's name ("" where none is written), which the caller
 * loads. 0, or -1 with err (W002); then `*at` is how many bytes of the text were well. */
int calendar_read_hours(struct calendar *c, const char *text, size_t *at, struct err *err);

/* Adds a freeze, in the zone that is loaded. Likewise. */
int calendar_read_freeze(struct calendar *c, const char *text, size_t *at, struct err *err);

/* True when anything is ever closed. */
bool calendar_asks(const struct calendar *c);

/* How it stands at an instant. */
struct calendar_now {
	bool open;
	bool frozen; /* closed by a freeze; else by the hours */
	int64_t
		until_ms; /* closed: the first instant at which it is open again, UNKNOWN: not within
	                     two years */
	char why[CALENDAR_WHY_MAX]; /* closed: the freeze's reason, "" none; "" by the hours */
};

void calendar_at(const struct calendar *c, int64_t wall_ms, struct calendar_now *out);

/* The first instant from `wall_ms` on at which it is open; UNKNOWN likewise, or when wall_ms is. */
int64_t calendar_next_open(const struct calendar *c, int64_t wall_ms);

/* Writes an instant as a wall of the zone shows it, seen from now: "16:00 CET" on the same day,
 * "Mon 08:00 CET" within six, else "2027-01-07 08:00 CET"; UNKNOWN "-". */
void calendar_when(
	char *out, size_t size, const struct calendar *c, int64_t wall_ms, int64_t now_wall_ms);

#endif
