/* Oracle, texts: I12, no control byte reaches the terminal. Whatever a desk could draw, print or
 * write down is valid text with nothing in it that a terminal obeys or hides, whatever pools and
 * people said. That what draws adds nothing of its own is shown by other tests. */
#include "model/text.h"
#include "tests/sim/oracle_parts.h"

#include <string.h>

static bool is_plain(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	while (*at >= ' ' && *at < 0x7f)
		at++;
	for (size_t len = strlen((const char *)at); len > 0;) {
		uint32_t point;
		int used = text_decode((const char *)at, len, &point);
		if (used <= 0 || text_is_hidden(point))
			return false;
		at += used;
		len -= (size_t)used;
	}
	return true;
}

void oracle_shown(struct sim *s, int desk, const char *what, const char *text)
{
	char shown[120];
	if (!text || is_plain(text))
		return;
	text_clean(shown, sizeof shown, text, strlen(text));
	sim_fail(s, "I12 desk %d shows in '%s': %s", desk, what, shown);
}

void oracle_observed(struct sim *s, int desk, const struct audit_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		oracle_shown(s, desk, "what of a log", entries[i].what);
		oracle_shown(s, desk, "actor of a log", entries[i].actor);
		oracle_shown(s, desk, "reason of a log", entries[i].reason);
	}
}

static void node_texts(struct sim *s, int k, const struct node *n)
{
	oracle_shown(s, k, "trouble", n->trouble.text);
	if (!n->last)
		return;
	const struct snapshot *d = n->last;
	oracle_shown(s, k, "pool", d->pool);
	oracle_shown(s, k, "node", d->node);
	oracle_shown(s, k, "build", d->build);
	oracle_shown(s, k, "change", d->change.actor);
	oracle_shown(s, k, "holder", d->lease.holder);
	for (int arm = 0; arm < ARM_COUNT; arm++)
		for (int i = 0; i < d->arms[arm].operation_count; i++)
			oracle_shown(s, k, "operation", d->arms[arm].operations[i].name);
	for (int i = 0; i < d->operations.count; i++)
		oracle_shown(s, k, "routed operation", d->operations.name[i]);
}

static void standing_texts(struct sim *s, int k, const struct standing *st)
{
	oracle_shown(s, k, "state", st->state_text);
	oracle_shown(s, k, "guard", st->guard_text);
	oracle_shown(s, k, "leave", st->leave_text);
	oracle_shown(s, k, "headline", st->headline.text);
	oracle_shown(s, k, "worst operation", st->worst_operation);
	oracle_shown(s, k, "hold's actor", st->hold.actor);
	oracle_shown(s, k, "hold's reason", st->hold.reason);
	oracle_shown(s, k, "lease", st->lease.holder);
	oracle_shown(s, k, "guard's word", st->pool_guard.word);
	for (int i = 0; i < PREDICATE_COUNT; i++)
		oracle_shown(s, k, "check", st->next.check[i].text);
}

static void decision_texts(struct sim *s, int k, const struct pool *p)
{
	for (size_t i = 0; i < p->decision_count; i++) {
		const struct decision *d = &p->decisions[i];
		oracle_shown(s, k, "id", d->id);
		oracle_shown(s, k, "actor", d->actor);
		oracle_shown(s, k, "role", d->role);
		oracle_shown(s, k, "reason", d->reason);
		oracle_shown(s, k, "answer", d->answer);
	}
}

void oracle_texts(struct sim *s, int k, unsigned dirty)
{
	const struct desk *d = s->desk[k].desk;
	/* Nobody else has such bytes to say. */
	if (!sim_has(s, FAULT_HOSTILE))
		return;
	oracle_shown(s, k, "history", d->model.history_why);
	for (int i = 0; i < d->model.pool_count; i++) {
		const struct pool *p = &d->model.pools[i];
		standing_texts(s, k, &p->standing);
		for (int n = 0; n < p->node_count; n++)
			node_texts(s, k, &p->nodes[n]);
		if (dirty & DIRTY_DECISION)
			decision_texts(s, k, p);
	}
	for (size_t i = 0; i < d->flight_count && dirty & DIRTY_DECISION; i++)
		oracle_shown(s, k, "why not applied", d->flights[i].err.text);
}
