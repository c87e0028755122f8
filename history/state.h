/* State: a node's document without histograms as canonical JSON, the detail of an event of kind
 * "state", and back. */
#ifndef WEIR_HISTORY_STATE_H
#define WEIR_HISTORY_STATE_H

#include "model/err.h"
#include "model/pool.h"
#include "model/text.h"

#include <stdbool.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

/* The ages and countdowns of a document that was recorded, and the pool's time then. */
struct state_timers {
	int64_t uptime_ms, at_ms;
	int64_t hold_ms, change_ms, guard_ms;    /* ages; UNKNOWN */
	int64_t lease_ms, keep_ms, only_hold_ms; /* left; UNKNOWN */
};

/* The member with what each operation did: an array of arm, name, requests, ok and failed each, as
 * work.h reads it. It is missing where the pool does not tell. */
#define STATE_WORK "work"

/* Appends the document. */
void state_write(struct text *out, const struct snapshot *s);

/* Appends what is neither counter, gauge nor age: two documents with unequal marks need a state
 * event between them. */
void state_mark(struct text *out, const struct snapshot *s);

/* Those of a document received at `at_ms`. */
void state_timers(struct state_timers *out, const struct snapshot *s, int64_t at_ms);

/* True when letting `then` run gives `now`, to what documents round to: no state event is needed
 * for it. A lease that is renewed runs on until it would have ended by what was recorded. */
bool state_runs_on(const struct state_timers *then, const struct state_timers *now);

/* Lets ages grow and countdowns fall by `ms`, which may be negative; none falls below 0. */
void state_pass(struct snapshot *s, int64_t ms);

/* The statement that reads documents: SQLite's own JSON functions parse. 0, or -1 with err;
 * finalize it. */
int state_prepare(
	struct sqlite3_stmt **out, struct sqlite3 *db, const char *path, struct err *err);

/* Reads what state_write wrote; texts are cleaned, histograms empty. Lease, keep, guard and
 * operations, which old recordings lack, are then not known. 0, or -1 with err. */
int state_read(struct snapshot *out, struct sqlite3_stmt *reader, const char *json,
	const char *path, struct err *err);

#endif
