/* Which pools rise. Not whether that is asked: the interlock's table and the writer know that.
 *
 * 1. What is not known to be over goes on: a rollback ends a raise when it is applied, not when it
 *    is pressed. */
#include "model/raising.h"

#include "model/plan.h"
#include "model/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY "\"raising_ms\":"

void raising_write(struct text *evidence, const struct plan *plan)
{
	int64_t most_ms = 0;
	if (plan)
		most_ms = plan->bake_ms + (plan->policy.bake ? KEEP_SPARE_MS : 0);
	text_json_int(
		evidence, "raising_ms", most_ms < RAISING_MOST_MS ? most_ms : RAISING_MOST_MS);
}

/* How long it counts at most; -1: it is no raise that says so. */
static int64_t most_ms(const struct decision *d)
{
	const char *at = d->verb == VERB_STEP ? strstr(d->evidence, KEY) : NULL;
	int64_t ms = at ? strtoll(at + sizeof KEY - 1, NULL, 10) : -1;
	return ms <= RAISING_MOST_MS ? ms : RAISING_MOST_MS;
}

bool raising_is(const struct decision *d)
{
	return most_ms(d) >= 0;
}

static void forget(struct raisings *r, const char *pool)
{
	for (int i = 0; i < r->count; i++)
		if (strcmp(r->pool[i].pool, pool) == 0)
			r->pool[i--] = r->pool[--r->count];
}

static bool ends(const struct decision *d)
{
	bool lowers = d->verb == VERB_STEP && d->to_bp < d->from_bp;
	return d->outcome == OUTCOME_APPLIED &&
		(d->verb == VERB_ROLLBACK || d->verb == VERB_KEEP || d->verb == VERB_DISARM || lowers);
}

void raising_add(struct raisings *r, const struct decision *d)
{
	bool open = d->outcome == OUTCOME_PENDING || d->outcome == OUTCOME_UNRESOLVED;
	int64_t ms = most_ms(d);
	if (ends(d))
		forget(r, d->pool);
	if (ms < 0 || (!open && d->outcome != OUTCOME_APPLIED))
		return;
	if (ms == 0 && !open)
		return;
	forget(r, d->pool);
	if (r->count == RAISING_MAX)
		return;
	struct raising *one = &r->pool[r->count++];
	*one = (struct raising){.from_bp = d->from_bp,
		.to_bp = d->to_bp,
		.until_ms = d->at_ms + (ms > 0 ? ms : RAISING_OPEN_MS)};
	text_copy(one->pool, sizeof one->pool, d->pool);
	text_copy(one->actor, sizeof one->actor, d->actor);
}

int raising_others(
	const struct raisings *r, const char *pool, int64_t now_ms, const struct raising **last)
{
	int n = 0;
	const struct raising *latest = NULL;
	for (int i = 0; i < r->count; i++) {
		const struct raising *one = &r->pool[i];
		if (strcmp(one->pool, pool) == 0 || one->until_ms <= now_ms)
			continue;
		n++;
		latest = !latest || one->until_ms > latest->until_ms ? one : latest;
	}
	if (last)
		*last = latest;
	return n;
}

void raising_text(char out[RAISING_TEXT_MAX], const struct raising *r, int64_t now_ms)
{
	char from[16], to[16], left[16];
	unit_share(from, sizeof from, r->from_bp);
	unit_share(to, sizeof to, r->to_bp);
	unit_countdown(left, sizeof left, r->until_ms - now_ms);
	snprintf(out, RAISING_TEXT_MAX,
		"%.32s rises %s > %s (%.32s) until kept or back, at most %s", r->pool, from, to,
		r->actor, left);
	text_mend(out);
}
