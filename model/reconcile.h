/* Reconcile: what was decided against what the pool says. Pure: who intended what, whether
 * something unexplained happened, when an effect has been seen, and what is to be done about an
 * intent that was found open. */
#ifndef WEIR_MODEL_RECONCILE_H
#define WEIR_MODEL_RECONCILE_H

#include "model/decision.h"
#include "model/drain.h"
#include "model/pool.h"

#include <stdbool.h>
#include <stddef.h>

/* The share that the decision (own or observed, oldest first in `list`) which was applied last
 * asked for; -1 before any. Voided, refused and unsent ones do not count. */
int reconcile_intended_bp(const struct decision *list, size_t count);

/* The last decision that changed the split, NULL when there is none. */
const struct decision *reconcile_last_change(const struct decision *list, size_t count);

/* What to do with an intent that has no final outcome and no sender any more. */
enum reconcile_action {
	RECONCILE_NOTHING, /* it is closed */
	RECONCILE_ASK,     /* a forward command: ask the pool, which voids what it does not know */
	RECONCILE_RESEND,  /* a rollback, and the node stands where it was decided */
	RECONCILE_SHOW,    /* a rollback that the pool has moved past: a person decides */
};

/* What began the red that nobody has accepted yet: the first rollback by a guard, a pool's own or
 * a desk's, that no applied resume or raise is younger than. NULL: none. Borrowed from `list`. */
const struct decision *reconcile_red(const struct decision *list, size_t count);

/* `epoch`, `rev`: the node's now. */
enum reconcile_action reconcile_open(const struct decision *d, int64_t epoch, int64_t rev);

/* One node's way from acknowledged to seen. */
struct watch {
	bool answered;      /* the node applied it */
	struct instant at;  /* of the answer */
	int64_t epoch, rev; /* of the answer */
	bool seen;
	/* rollback: the first document after the answer, to see v2 at rest */
	bool has_first;
	int64_t first_ms;       /* boot time of its receipt */
	int64_t first_requests; /* v2's */
	char boot_id[POOL_ID_MAX];
	/* drain: those that must be seen locked, or not */
	struct drain drain;
	bool drains;
};

/* Two documents this far apart must show the same count of v2's requests. */
#define WATCH_REST_MS 500

/* Takes a document received after the answer. A raise is seen when the node reports the share
 * at or past the answer's epoch and revision; a rollback when it also reports two documents at
 * least WATCH_REST_MS apart (after drain_ms) between which v2's `requests` stood still; with a
 * baseline above 0 the measured share since the change is at most twice the baseline's. Returns
 * `seen`. */
bool watch_observe(
	struct watch *w, enum verb verb, int to_bp, const struct snapshot *s, struct instant at);

#endif
