/* Ledger file: what a history's file and the journals beside it hold, in memory: it outlives
 * the desks that write it. Its commits are at once; when they come is the ledger's.
 *
 * A commit is on the disk. Only what a killed desk was just committing may be in the file and
 * not on the disk: everyone sees it, the next commit brings it there, and a loss of power before
 * that takes it away. */
#ifndef WEIR_TESTS_SIM_LEDGER_FILE_H
#define WEIR_TESTS_SIM_LEDGER_FILE_H

#include "model/decision.h"
#include "tests/sim/sim.h"

/* A brake in a journal. */
struct slot {
	struct decision decision;
	struct outcome_row outcome;
	bool has_outcome;
	bool synced; /* on the disk, so that a loss of power leaves it */
};

struct slots {
	struct slot *slots;
	size_t count, cap;
};

struct slot *slots_find(struct slots *l, const char *id);
void slots_add(struct slots *l, const struct slot *slot);
void slots_drop(struct slots *l, const char *id);

/* How far a node's log is imported. */
struct cursor {
	char target[64], node_id[POOL_ID_MAX];
	int64_t seq;
};

struct ledger_file {
	struct decision **rows; /* in the order of their commits */
	size_t count, cap;
	struct cursor cursors[SIM_NODES_MAX];
	size_t cursor_count;
	struct pin {
		char pool[POOL_NAME_MAX], id[POOL_ID_MAX];
	} pins[SIM_POOLS_MAX];
	size_t pin_count;
	struct ledger_file *synced; /* what the disk has, where that is less; NULL: all of it */
	struct slots dead;          /* journals of those who died */
	int64_t stalled_until_ms, full_until_ms;
};

struct ledger_file *ledger_new(void);
void ledger_free(struct ledger_file *f);

/* NULL: it has no row. */
struct decision *ledger_find(const struct ledger_file *f, const char *id);
void ledger_head(const struct ledger_file *f, char out[POOL_HASH_MAX]);

/* Adds a row, unless the decision has one. */
void ledger_add(struct ledger_file *f, const struct decision *d);
/* The first final outcome of a decision stays. */
void ledger_outcome(struct ledger_file *f, const struct outcome_row *row);
struct cursor *ledger_cursor(struct ledger_file *f, const struct cursor *node);
/* What others did: one row a decision, however many tell of it. */
void ledger_import(struct ledger_file *f, const struct cursor *node, const struct pin *pool,
	int64_t at_ms, const struct audit_entry *entries, size_t count);
/* Writes what the dead could not write any more. */
void ledger_salvage(struct ledger_file *f);

/* The pool's identity as first seen; "" never. */
const char *ledger_pinned(const struct ledger_file *f, const char *pool);
void ledger_pin(struct ledger_file *f, const struct pin *pool);

/* What comes next is in the file, and not on the disk. */
void ledger_unsynced(struct ledger_file *f);
/* All of it is on the disk. */
void ledger_synced(struct ledger_file *f);
/* The power is gone: so is what was not on the disk. No desk lives. */
void ledger_power(struct ledger_file *f, uint64_t *random);

#endif
