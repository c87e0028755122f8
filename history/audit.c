/* Audit: what others did, as a pool's audit log tells it, made into observed decisions. Not the
 * asking: drivers do that.
 *
 * Invariants:
 * 1. One row a decision, however many recorders and nodes tell of it; the cursor moves in the
 *    transaction of the rows.
 * 2. A log says nothing of another pool's decision, whatever keys they share. */
#include "history/audit.h"

#include "history/query.h"
#include "model/mem.h"
#include "model/text.h"

#include <string.h>

/* ---- which decision an entry tells of ---- */

/* An intent from before the first answer of its pool knows the pool by name only. */
static bool is_of(const struct journal_found *f, const struct journal_node *node)
{
	return f->pool_id[0] != '\0' ? strcmp(f->pool_id, node->pool_id) == 0
								 : strcmp(f->pool, node->pool) == 0;
}

static enum schema_result id_of_keyed(struct journal *j, const struct journal_node *node,
	const struct audit_entry *e, char id[DECISION_ID_MAX], struct err *err)
{
	struct journal_found found;
	const enum schema_result result = journal_find(j, e->key, &found, err);

	if (result == SCHEMA_OK && found.known && !is_of(&found, node))
		chain_shared_key_id(id, node->pool_id, e->key);
	else
		text_copy(id, DECISION_ID_MAX, e->key);
	return result;
}

static enum schema_result id_of_keyless(struct journal *j, const struct journal_node *node,
	const struct audit_entry *e, char id[DECISION_ID_MAX], struct err *err)
{
	struct journal_found found;
	enum schema_result result;

	chain_observed_id(id, node->pool_id, node->node_id, e->seq);
	result = journal_find(j, id, &found, err);
	if (result != SCHEMA_OK || !found.known || found.epoch != e->epoch)
		chain_entry_id(id, node->pool_id, node->node_id, e->epoch, e->seq);
	return result;
}

/* ---- rows ---- */

/* Adds a decision where it is not known, and what the entry proves about it. */
static enum schema_result write_decision(struct journal *j, const struct journal_node *node,
	const struct decision *d, struct err *err)
{
	struct outcome_row row = {
		.row = OUTCOME_ROW_NODE, .kind = OUTCOME_APPLIED, .latency_ms = UNKNOWN};
	struct journal_found found;
	bool added;
	enum schema_result result = journal_find(j, d->id, &found, err);

	if (result == SCHEMA_OK && !found.known)
		result = journal_decision(j, d, err);
	text_copy(row.decision, sizeof row.decision, d->id);
	text_copy(row.node, sizeof row.node, node->node);
	row.at_ms = d->at_ms;
	if (result == SCHEMA_OK)
		result = journal_outcome(j, &row, &added, err);
	/* what becomes of an own intent is said by whoever sent it, to all of its nodes */
	row.row = OUTCOME_ROW_FINAL;
	row.node[0] = '\0';
	if (result == SCHEMA_OK && (!found.known || found.observed))
		result = journal_outcome(j, &row, &added, err);
	return result;
}

enum schema_result audit_import(struct journal *j, const struct journal_node *node,
	const struct audit_entry *entries, size_t count, struct audit_found *out, struct err *err)
{
	struct query *q = query_over(j->db, j->path);
	enum schema_result result = SCHEMA_OK;

	for (size_t i = 0; i < count && result == SCHEMA_OK; i++) {
		const struct audit_entry *e = &entries[i];
		struct decision d;
		char id[DECISION_ID_MAX];

		result = (e->key[0] != '\0' ? id_of_keyed : id_of_keyless)(j, node, e, id, err);
		if (result != SCHEMA_OK ||
			!decision_observe(&d, node->pool, node->pool_id, e, id, node->at_ms))
			continue;
		result = write_decision(j, node, &d, err);
		if (result != SCHEMA_OK)
			break;
		mem_grow(&out->decisions, &out->cap, out->count + 1, sizeof *out->decisions);
		const int read = query_decision(q, id, &out->decisions[out->count], err);
		if (read < 0)
			result = SCHEMA_BROKEN;
		else
			out->count += (size_t)read;
	}
	query_close(q);
	if (result == SCHEMA_OK && count > 0)
		result = journal_cursor(j, node, entries[count - 1].seq, err);
	return result;
}
