/* Ledger writer: how what a desk asks its history for gets into the file, or does not: a queue
 * in which intents go first, a disk that takes its time, journals for brakes. Internal to the
 * ledger. */
#ifndef WEIR_TESTS_SIM_LEDGER_WRITER_H
#define WEIR_TESTS_SIM_LEDGER_WRITER_H

#include "history/history.h"
#include "tests/sim/ledger_file.h"

#define SLOTS 128 /* brakes in a journal */

enum op_kind {
	OP_OPEN,
	OP_LOAD,
	OP_INTENT,
	OP_OUTCOME,
	OP_NODE,
	OP_OBSERVED,
	OP_LATE,
	OP_PROBE
};

struct op {
	enum op_kind kind;
	struct op *next;
	struct decision decision; /* INTENT, LATE; LOAD: its pool */
	bool cancelled;
	int64_t cancelled_ms;
	char why[POOL_REASON_MAX];
	struct outcome_row outcome;
	struct cursor node; /* NODE, OBSERVED */
	struct pin pool;    /* NODE, OBSERVED */
	struct audit_entry *entries;
	size_t entry_count;
	int64_t at_ms;
};

struct ops {
	struct op *first;
	size_t count;
};

struct answer_node {
	struct history_answer answer;
	struct answer_node *next;
};

struct history {
	int desk;
	uint64_t serial;
	struct ledger_file *file;
	bool open, broken, trouble, breaks;
	struct ops ops, late;
	struct op *writing;
	bool waits; /* a wake-up is set */
	int64_t retry_ms;
	struct slots journal;
	struct answer_node *answers;
};

struct history *writer_start(int desk, struct ledger_file *file);
/* Ends it as a kill does: what was being written is committed or not; frees it. */
void writer_kill(struct history *h);
/* Brings the journal to the disk, which a disk that hangs does not do. */
void writer_sync_journal(struct history *h);

struct op *writer_op(enum op_kind kind);
/* Takes the request over. */
void writer_post(struct history *h, struct op *o);

#endif
