/* Proof: the samples of a file, held against its checkpoints. */
#ifndef WEIR_HISTORY_PROOF_H
#define WEIR_HISTORY_PROOF_H

#include "history/chain.h"

struct sqlite3;

/* Checks the samples of a file whose chain is whole, all or those that a `scope` (NULL: none) asks
 * for, and fills in what `out` says of them. `progress` may be NULL. 0, or -1 with err when the
 * file could not be read. */
int proof_samples(struct chain_report *out, struct sqlite3 *db, const char *path,
	const struct chain_scope *scope, int64_t total,
	void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx, struct err *err);

#endif
