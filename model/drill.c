/* The last drill among a pool's decisions. Whether it is fresh enough is the interlock's. */
#include "model/drill.h"

#include "model/reconcile.h"
#include "model/text.h"

#include <stdio.h>
#include <string.h>

void drill_find(
	struct drilled *out, const struct decision *d, size_t count, int64_t now_wall_ms)
{
	*out = (struct drilled){UNKNOWN, UNKNOWN, UNKNOWN};
	for (size_t i = count; i-- > 0;) {
		const struct decision *r = &d[i];
		if (r->verb != VERB_ROLLBACK || strcmp(r->role, DRILL_ROLE) != 0 ||
			r->outcome != OUTCOME_APPLIED || r->verified_ms == UNKNOWN || r->closed_ms > 0)
			continue;
		/* A clock that was set back makes nothing fresher than now. */
		out->age_ms = now_wall_ms > r->verified_ms ? now_wall_ms - r->verified_ms : 0;
		if (r->outcome_ms != UNKNOWN && r->outcome_ms >= r->at_ms)
			out->acknowledged_ms = r->outcome_ms - r->at_ms;
		if (r->verified_ms >= r->at_ms)
			out->verified_ms = r->verified_ms - r->at_ms;
		return;
	}
}

const struct decision *drill_left(const struct decision *d, size_t count, int reported_bp)
{
	const struct decision *up = reconcile_last_change(d, count);
	if (!up || up->verb != VERB_STEP || strcmp(up->role, DRILL_ROLE) != 0 ||
		up->to_bp != reported_bp)
		return NULL;
	for (const struct decision *next = up + 1; next < d + count; next++)
		if (next->verb == VERB_KEEP && next->outcome == OUTCOME_APPLIED)
			return NULL;
	return up;
}

void drill_text(char *out, size_t size, const struct drilled *d)
{
	char age[24];
	if (d->age_ms == UNKNOWN) {
		text_copy(out, size, "never");
		return;
	}
	unit_age(age, sizeof age, d->age_ms);
	if (d->verified_ms == UNKNOWN)
		snprintf(out, size, "%s ago", age);
	else
		snprintf(out, size, "%s ago: back in %.1fs", age, (double)d->verified_ms / 1000);
}
