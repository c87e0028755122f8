/* Approving: what a change must have been approved for, as a pool stands, and which of the
 * approvals that are known allows it. */
#ifndef WEIR_MODEL_APPROVING_H
#define WEIR_MODEL_APPROVING_H

#include "model/approval.h"
#include "model/model.h"

/* What an approval of the intent must be good for. `what` gets its words and is borrowed by `out`,
 * as the names of model and pool are; "" where they do not fit: nothing approves that. */
void approving_want(struct approval_want *out, char what[APPROVAL_WHAT_MAX],
	const struct model *m, const struct pool *p, const struct intent *want);

/* The newest own ask for it that was recorded; NULL none. */
const struct decision *approving_asked(const struct pool *p, const struct approval_want *want);

/* The approval that serves it best (a good one, else the newest), and its word; NULL and
 * APPROVAL_NONE where there is none that is for this person's asks at this pool and revision. */
const struct approval *approving_best(const struct model *m, const struct pool *p,
	const struct approval_want *want, enum approval_word *word);

/* The facts of the check. */
void approving_facts(struct interlock_facts *out, const struct model *m, const struct pool *p,
	const struct intent *want);

/* Adds an approval, heard at a boot time, to those of a pool; the oldest gives way. One that is
 * heard again is as old as it was. */
void approving_add(struct pool *p, const struct approval *a, int64_t boot_ms);

/* True when an ask still asks: it is for the pool as it stands, and nobody approved it. */
bool approving_stands(const struct model *m, const struct pool *p, const struct decision *ask);
/* The same of somebody else's. */
bool approving_waits(const struct model *m, const struct pool *p, const struct decision *ask);

/* The newest of those; NULL none. */
const struct decision *approving_open(const struct model *m, const struct pool *p);

#endif
