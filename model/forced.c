/* What was forced. Not whether it may be: that is the interlock's.
 *
 * Invariant: a decision marks its migration from its first word of evidence on, and as long as
 * nobody knows that it did not happen. */
#include "model/forced.h"

#include "model/interlock.h"
#include "model/text.h"

#include <stdio.h>
#include <string.h>

unsigned forced_of(const struct decision *d)
{
	unsigned bits = 0;
	bool undone = d->outcome == OUTCOME_REFUSED || d->outcome == OUTCOME_NOT_SENT ||
		d->outcome == OUTCOME_VOID;
	if (undone || d->observed || !verb_is_sent(d->verb) || verb_is_brake(d->verb))
		return 0;
	const char *at = strstr(d->evidence, "\"checks\":["), *word = check_state_name(CHECK_FORCED);
	/* One a predicate, in their order. Within a text a quote has a backslash before it. */
	for (int p = 0; at && p < PREDICATE_COUNT && (at = strstr(at, "\"is\":\"")); p++) {
		at += strlen("\"is\":\"");
		if (strncmp(at, word, strlen(word)) == 0 && at[strlen(word)] == '"')
			bits |= 1u << p;
	}
	return bits & PREDICATES_FORCED;
}

/* True where what was before belongs to another migration. */
static bool ends_migration(const struct pool *p, const struct decision *d)
{
	int baseline_bp = p->standing.baseline_bp < 0 ? 0 : p->standing.baseline_bp;
	if (d->outcome != OUTCOME_APPLIED)
		return false;
	if (d->verb == VERB_ARM || d->verb == VERB_DISARM)
		return true;
	return (d->verb == VERB_STEP || d->verb == VERB_ROLLBACK) && d->to_bp >= 0 &&
		d->to_bp <= baseline_bp && d->to_bp < d->from_bp && decision_seen_ms(d) != UNKNOWN;
}

/* True where the pool is back, and nothing forced is on its way. */
static bool is_over(const struct pool *p)
{
	const struct standing *s = &p->standing;
	return p->finalized ||
		(s->open < 0 && s->reported_bp >= 0 && s->reported_bp == s->baseline_bp);
}

int forced_find(const struct pool *p, const struct decision **out, int most)
{
	int n = 0;
	if (is_over(p))
		return 0;
	for (size_t i = p->decision_count; i-- > 0 && !ends_migration(p, &p->decisions[i]);) {
		if (!forced_of(&p->decisions[i]))
			continue;
		if (n < most)
			out[n] = &p->decisions[i];
		n++;
	}
	return n;
}

void forced_without(char out[FORCED_MAX], unsigned bits)
{
	size_t used = 0;
	out[0] = 0;
	for (int p = 0; p < PREDICATE_COUNT && used < FORCED_MAX; p++)
		if (bits >> p & 1)
			used += (size_t)snprintf(out + used, FORCED_MAX - used, "%s%d %s", used ? ", " : "",
				p + 1, predicate_name((enum predicate)p));
}

void forced_what(char *out, size_t size, const struct decision *d)
{
	char from[16], to[16];
	unit_share(from, sizeof from, d->from_bp);
	unit_share(to, sizeof to, d->to_bp);
	if (d->from_bp == d->to_bp)
		snprintf(out, size, "%s at %s", verb_row(d->verb)->word, to);
	else
		snprintf(out, size, "%s %.*s > %s", verb_row(d->verb)->word, (int)strcspn(from, " "),
			from, to);
}

void forced_say(struct text *out, const struct decision *d, int64_t now_wall_ms)
{
	char what[80], without[FORCED_MAX], when[32];
	forced_what(what, sizeof what, d);
	forced_without(without, forced_of(d));
	unit_when(when, sizeof when, d->at_ms, now_wall_ms);
	text_addf(out, "%s forced %s without %s at %s: \"%s\"", d->actor, what, without, when,
		d->reason);
}
