/* Checkpoint: what makes samples tamper-evident, which are no rows of the chain: events that have
 * the count and the hash of the sample rows of a recording since the one before. */
#ifndef WEIR_HISTORY_CHECKPOINT_H
#define WEIR_HISTORY_CHECKPOINT_H

#include "history/chain.h"
#include "history/journal.h"

/* The columns of a series, in the order of its table: id, recording, pool_id, node_id, arm,
 * operation, half, layout. */
enum { CHECKPOINT_SERIES = 8 };

/* What the hash of every sample row of a series begins with: a row of another node or arm is
 * another row. */
void checkpoint_series(
	unsigned char out[CHAIN_HASH], const struct chain_field fields[CHECKPOINT_SERIES]);

/* Adds a row's hash to that of the rows before it, in order of their keys; begun with zeros. */
void checkpoint_fold(unsigned char sum[CHAIN_HASH], const unsigned char row[CHAIN_HASH]);

/* Every so many rows the first bytes of the sum are kept, to find the wrong row by. */
enum { CHECKPOINT_BLOCK = 8, CHECKPOINT_MARK = 4 };

#define CHECKPOINT_T(key) ((key) >> SAMPLES_SERIES_BITS)

struct checkpoint_row {
	int64_t key;
	unsigned char hash[CHAIN_HASH];
};

/* The rows of one recording that no checkpoint covers yet. */
struct checkpoint {
	int64_t recording; /* UNKNOWN: none */
	struct checkpoint_row *rows;
	size_t count, cap;
	size_t kept;      /* the first of them are committed */
	size_t taken;     /* the first of them are under the checkpoint of this transaction */
	int64_t to_t;     /* of the last checkpoint that is committed; UNKNOWN none */
	int64_t taken_t;  /* of that of this transaction */
	int64_t covered;  /* rows under committed checkpoints, or thinned without one */
	int64_t pending;  /* late rows of this transaction, under an event of their own */
	int64_t seen_seq; /* up to which it was looked whether another has thinned rows that wait */
};

/* What follows belongs to this recording. */
void checkpoint_begin(struct checkpoint *c, int64_t recording);
void checkpoint_free(struct checkpoint *c);

/* Takes a row that was just written. `hash`: chain_hash of its columns behind its series'. */
void checkpoint_add(struct checkpoint *c, int64_t key, const unsigned char hash[CHAIN_HASH]);

/* True when ten minutes of samples, or so many rows that they take room, wait for one. */
bool checkpoint_due(const struct checkpoint *c);

/* Adds the event over the rows of earlier transactions, but for those that another process has
 * thinned meanwhile, which thought that nobody would come for them: over `all` of them, or but for the last
 * seconds, in which rows still come out of order. Nothing without rows. Within a transaction of
 * the journal, before its own rows. */
enum schema_result checkpoint_write(
	struct checkpoint *c, struct journal *j, int64_t at_ms, bool all, struct err *err);

/* Adds an event of their own over the rows of this transaction that a checkpoint before them does
 * not have, though it ends behind them: without it they would be rows too many until the next one.
 * Nothing without such rows. Behind the transaction's rows. */
enum schema_result checkpoint_late(
	struct checkpoint *c, struct journal *j, int64_t at_ms, struct err *err);

/* The transaction is committed, or rolled back. */
void checkpoint_committed(struct checkpoint *c);
void checkpoint_undo(struct checkpoint *c);

/* Committed rows of the recording, under a checkpoint or not. */
int64_t checkpoint_total(const struct checkpoint *c);

#endif
