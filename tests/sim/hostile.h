/* Hostile: a pool that puts what a terminal would obey into its names, words and reasons. What
 * it sends is read by the wire, as everywhere. */
#ifndef WEIR_TESTS_SIM_HOSTILE_H
#define WEIR_TESTS_SIM_HOSTILE_H

#include "tests/sim/sim.h"

struct control_answer;

/* What a desk makes of a document, of a log. A pool that is not hostile changes nothing. False
 * (a document), or no entry: the wire refuses it. */
bool hostile_document(struct sim *s, int pool, struct snapshot *document);
void hostile_audit(struct sim *s, int pool, struct audit_entry *entries, size_t *count);

/* False: the pool is not hostile, or says nothing with words. */
bool hostile_answer(struct sim *s, int pool, struct answer *out, const struct control_answer *a,
	const struct command *asked);

#endif
