/* Audit: what others did, as a pool's audit log tells it, made into observed decisions. Not the
 * asking: drivers do that.
 *
 * Invariant: one row a decision, however many recorders and nodes tell of it; the cursor moves
 * in the transaction of the rows. */
#include "history/audit.h"

#include "history/query.h"
#include "model/mem.h"
#include "model/text.h"

/* Adds a decision where it is not known, and what the entry proves about it. */
static enum schema_result write_decision(struct journal *j, const struct journal_node *node,
	const struct decision *d, struct err *err)
{
	struct outcome_row row = {
		.row = OUTCOME_ROW_NODE, .kind = OUTCOME_APPLIED, .latency_ms = UNKNOWN};
	bool known, observed, added;
	enum schema_result result = journal_known(j, d->id, &known, &observed, err);

	if (result == SCHEMA_OK && !known)
		result = journal_decision(j, d, err);
	text_copy(row.decision, sizeof row.decision, d->id);
	text_copy(row.node, sizeof row.node, node->node);
	row.at_ms = d->at_ms;
	if (result == SCHEMA_OK)
		result = journal_outcome(j, &row, &added, err);
	/* what becomes of an own intent is said by whoever sent it, to all of its nodes */
	row.row = OUTCOME_ROW_FINAL;
	row.node[0] = '\0';
	if (result == SCHEMA_OK && (!known || observed))
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

		if (e->key[0] != '\0')
			text_copy(id, sizeof id, e->key);
		else
			chain_observed_id(id, node->pool_id, node->node_id, e->seq);
		if (!decision_observe(&d, node->pool, node->pool_id, e, id, node->at_ms))
			continue;
		result = write_decision(j, node, &d, err);
		if (result != SCHEMA_OK)
			break;
		mem_grow(&out->decisions, &out->cap, out->count + 1, sizeof *out->decisions);
		if (query_decision(q, id, &out->decisions[out->count], err) == 1)
			out->count++;
		else
			result = SCHEMA_BROKEN;
	}
	query_close(q);
	if (result == SCHEMA_OK && count > 0)
		result = journal_cursor(j, node, entries[count - 1].seq, err);
	return result;
}
