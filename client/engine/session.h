/* Sessions: assignment units, the honest denominator of a comparison of two arms. Pure: `now`
 * is an argument; the owner locks.
 *
 * A session counts once per change of split: `unit_ms` after its first request, bad if any of
 * its requests in that time failed, its latency that of the first. A change of split ends every
 * open unit of both arms at once, at whatever age, so that the next bake starts clean. Silent
 * for 15 minutes, a session is a new one. */
#ifndef WEIR_CLIENT_ENGINE_SESSION_H
#define WEIR_CLIENT_ENGINE_SESSION_H

#include "model/counts.h"

#include <stdbool.h>
#include <stdint.h>

#define SESSIONS_MAX 65536 /* above it a hash takes one in 2, 4, … */
#define SESSION_SILENT_MS (15 * 60 * 1000)

struct sessions;

struct sessions *sessions_new(int64_t unit_ms);
void sessions_free(struct sessions *s);

/* Notes a finished request, routed to `arm` under the split `generation`. One of an earlier
 * split is ignored. */
void sessions_note(struct sessions *s, uint32_t generation, const char *session, enum arm arm,
	bool failed, int64_t latency_us, int64_t now_ms);

/* A new split is in force: open units are counted as they are, every session is new. */
void sessions_turn(struct sessions *s, uint32_t generation, int64_t now_ms);

/* Units counted; with `open` also those that a turn would count now. */
void sessions_totals(struct sessions *s, enum arm arm, bool open, int64_t now_ms,
	int64_t *sessions, int64_t *bad);

/* Fills sessions, sessions_bad and session_latency of an arm. */
void sessions_fill(struct sessions *s, enum arm arm, int64_t now_ms, struct arm_counts *out);

/* Sessions whose newest request went to `arm`, under whichever split, and that are not silent: how
 * many (as sampled), and in how long the last of them is; 0 and 0 for none. */
void sessions_live(
	const struct sessions *s, enum arm arm, int64_t now_ms, int64_t *live, int64_t *end_ms);

/* One in how many sessions is counted: 1, 2, 4, … until the next split. */
int64_t sessions_sample(const struct sessions *s);

/* Counts no more than one in `one_in` (a power of two) from now on, so that tables that are parts
 * of one whole count alike; open units of those left out are dropped. */
void sessions_thin(struct sessions *s, int64_t one_in, int64_t now_ms);

#endif
