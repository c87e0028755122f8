/* Audit: the import of a pool's audit log into the journal. */
#ifndef WEIR_HISTORY_AUDIT_H
#define WEIR_HISTORY_AUDIT_H

#include "history/journal.h"

/* Decisions found; `decisions` is the caller's to free. */
struct audit_found {
	struct decision *decisions;
	size_t count, cap;
};

/* Adds the decisions that are not known yet, the outcomes that the log proves, and moves the
 * node's cursor; within a transaction. Adds all decisions of the entries to `out` as the file
 * has them then: another process may have been first. */
enum schema_result audit_import(struct journal *j, const struct journal_node *node,
	const struct audit_entry *entries, size_t count, struct audit_found *out, struct err *err);

#endif
