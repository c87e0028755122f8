/* Decisions: what is known of an intent and how a row changes it. Not a record: history/ keeps
 * the rows, and the chain over them.
 *
 * Invariants:
 * 1. The first final outcome stays; no later row changes it.
 * 2. The first verification stays. What was seen cannot be given up; what was given up may
 *    still be seen. */
#include "model/decision.h"

#include "model/text.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *word;
	bool final;
} outcomes[OUTCOME_COUNT] = {
#define X(name, word, final) [OUTCOME_##name] = {word, final},
	OUTCOME_INFO(X)
#undef X
};

const char *outcome_name(enum outcome_kind k)
{
	return outcomes[k].word;
}

enum outcome_kind outcome_of(const char *word)
{
	for (int i = 0; i < OUTCOME_COUNT; i++)
		if (strcmp(outcomes[i].word, word) == 0)
			return (enum outcome_kind)i;
	return OUTCOME_COUNT;
}

bool outcome_is_final(enum outcome_kind k)
{
	return outcomes[k].final;
}

/* RFC 9562, 5.7: 48 bits of milliseconds, version 7, 12 random bits, variant 10, 62 random. */
void decision_make_id(
	char out[DECISION_ID_MAX], int64_t wall_ms, const unsigned char random[10])
{
	unsigned long long ms = (unsigned long long)wall_ms & 0xffffffffffffULL;

	snprintf(out, DECISION_ID_MAX, "%08llx-%04llx-%04x-%04x-%02x%02x%02x%02x%02x%02x", ms >> 16,
		ms & 0xffff, 0x7000U | (random[0] & 0x0fU) << 8 | random[1],
		0x8000U | (random[2] & 0x3fU) << 8 | random[3], random[4], random[5], random[6],
		random[7], random[8], random[9]);
}

static bool add_final(struct decision *d, const struct outcome_row *row)
{
	if (outcome_is_final(d->outcome) || !outcome_is_final(row->kind))
		return false;
	d->outcome = row->kind;
	d->outcome_ms = row->at_ms;
	d->latency_ms = row->latency_ms;
	text_copy(d->answer, sizeof(d->answer), row->answer);
	if (row->kind == OUTCOME_CLOSED)
		d->closed_ms = row->at_ms;
	return true;
}

static bool add_verification(struct decision *d, const struct outcome_row *row)
{
	if (d->verified_ms != UNKNOWN || (row->kind == OUTCOME_CLOSED && d->closed_ms > 0))
		return false;
	*(row->kind == OUTCOME_CLOSED ? &d->closed_ms : &d->verified_ms) = row->at_ms;
	return true;
}

bool decision_add_outcome(struct decision *d, const struct outcome_row *row)
{
	if (strcmp(d->id, row->decision) != 0)
		return false;
	switch (row->row) {
	case OUTCOME_ROW_FINAL:
		return add_final(d, row);
	case OUTCOME_ROW_VERIFIED:
		return add_verification(d, row);
	case OUTCOME_ROW_NODE:
		break; /* one node's word decides nothing for the pool */
	}
	return false;
}

bool decision_is_open(const struct decision *d)
{
	return verb_is_sent(d->verb) && !outcome_is_final(d->outcome);
}

#define REPEAT_MS 5000       /* a guard that is still red by then is told to act anew */

bool decision_repeats(const struct decision *d, const struct decision *other)
{
	bool open = decision_is_open(other);
	/* Elsewhere it could only be asked for. */
	bool same_place = other->epoch == d->epoch &&
		(!open || (d->epoch != UNKNOWN && other->rev == d->rev));
	int64_t apart_ms = d->at_ms > other->at_ms ? d->at_ms - other->at_ms : other->at_ms - d->at_ms;
	if (d->verb != VERB_ROLLBACK || strcmp(d->role, GUARD_ROLE) != 0 || other->verb != d->verb ||
		other->observed || strcmp(other->role, GUARD_ROLE) != 0 ||
		strcmp(other->pool, d->pool) != 0 || strcmp(other->id, d->id) == 0)
		return false;
	return same_place && (open || other->outcome == OUTCOME_APPLIED) &&
		apart_ms < (open ? DECISION_REPEAT_MS : REPEAT_MS);
}

int64_t decision_seen_ms(const struct decision *d)
{
	if (d->verified_ms != UNKNOWN)
		return d->verified_ms;
	return d->observed && d->outcome == OUTCOME_APPLIED ? d->at_ms : UNKNOWN;
}

bool decision_awaits_verification(const struct decision *d)
{
	return d->verb == VERB_ROLLBACK && !d->observed && d->outcome == OUTCOME_APPLIED &&
		d->verified_ms == UNKNOWN && d->closed_ms <= 0;
}

bool decision_observe(struct decision *d, const char *pool, const char *pool_id,
	const struct audit_entry *e, const char *id, int64_t at_ms)
{
	enum verb verb = verb_of(e->what);
	bool moved = e->from_bp >= 0 && e->to_bp >= 0 && e->from_bp != e->to_bp;
	if (verb == VERB_COUNT && !moved)
		return false;
	memset(d, 0, sizeof *d);
	text_copy(d->id, sizeof d->id, id);
	text_copy(d->pool, sizeof d->pool, pool);
	text_copy(d->pool_id, sizeof d->pool_id, pool_id);
	text_copy(d->actor, sizeof d->actor, e->actor[0] ? e->actor : "unknown");
	bool by_pool = !e->key[0] || strcmp(e->actor, POOL_ACTOR) == 0;
	text_copy(d->role, sizeof d->role, by_pool ? "pool" : "operator");
	text_copy(d->reason, sizeof d->reason, e->reason);
	text_copy(d->evidence, sizeof d->evidence, "{}");
	d->verb = verb;
	if (verb == VERB_COUNT) {
		d->verb = VERB_STEP;
		snprintf(d->reason, sizeof d->reason, "%s%s%.150s", e->what, e->reason[0] ? ": " : "",
			e->reason);
		text_mend(d->reason);
	}
	d->from_bp = e->from_bp;
	d->to_bp = e->to_bp;
	d->epoch = e->epoch;
	d->rev = e->rev;
	d->observed = true;
	d->at_ms = e->age_ms >= 0 && e->age_ms <= at_ms ? at_ms - e->age_ms : at_ms;
	d->outcome_ms = d->verified_ms = d->closed_ms = d->latency_ms = UNKNOWN;
	return true;
}

/* True when `s` is one bracketed object on one line: an imported or cut text must not break the
 * line that it is put into. */
static bool is_object(const char *s)
{
	char open[64];
	size_t depth = 0;
	bool quoted = false;

	if (*s != '{')
		return false;
	for (; *s; s++) {
		if ((unsigned char)*s < ' ')
			return false;
		if (quoted) {
			if (*s == '\\' && s[1])
				s++;
			else if (*s == '"')
				quoted = false;
		} else if (*s == '"') {
			quoted = true;
		} else if (*s == '{' || *s == '[') {
			if (depth == sizeof(open))
				return false;
			open[depth++] = *s;
		} else if (*s == '}' || *s == ']') {
			if (depth == 0 || open[--depth] != (*s == '}' ? '{' : '['))
				return false;
			if (depth == 0)
				return s[1] == '\0';
		}
	}
	return false;
}

static void add_time(struct text *t, const char *name, int64_t wall_ms)
{
	char word[32];

	if (wall_ms != UNKNOWN)
		unit_rfc3339(word, sizeof(word), wall_ms);
	text_json_str(t, name, wall_ms == UNKNOWN ? NULL : word);
}

static void add_share(struct text *t, const char *name, int share_bp)
{
	text_json_int(t, name, share_bp < 0 ? UNKNOWN : share_bp);
}

void decision_json(struct text *t, const struct decision *d)
{
	enum outcome_kind outcome = verb_is_sent(d->verb) ? d->outcome : OUTCOME_APPLIED;

	text_add(t, "{");
	text_json_int(t, "seq", d->seq > 0 ? d->seq : UNKNOWN);
	text_json_str(t, "id", d->id);
	add_time(t, "at", d->at_ms);
	text_json_str(t, "actor", d->actor);
	text_json_str(t, "role", d->role);
	text_json_str(t, "verb", verb_row(d->verb)->word);
	add_share(t, "from_bp", d->from_bp);
	add_share(t, "to_bp", d->to_bp);
	text_json_str(t, "reason", d->reason);
	text_json_str(t, "outcome", outcome_name(outcome));
	add_time(t, "outcome_at", d->outcome_ms);
	add_time(t, "verified_at", d->verified_ms);
	add_time(t, "closed_at", d->closed_ms > 0 ? d->closed_ms : UNKNOWN);
	text_json_key(t, "evidence");
	text_add(t, is_object(d->evidence) ? d->evidence : "{}");
	text_json_str(t, "hash", d->hash[0] ? d->hash : NULL);
	text_json_str(t, "pool", d->pool);
	text_json_bool(t, "observed", d->observed);
	text_json_bool(t, "late", d->late);
	text_add(t, "}");
}
