/* Journal: writes the rows of the chain (decision, outcome, event, recording) and the
 * identities (pool, node), within transactions under the lock. */
#ifndef WEIR_HISTORY_JOURNAL_H
#define WEIR_HISTORY_JOURNAL_H

#include "history/chain.h"
#include "history/lock.h"
#include "history/schema.h"
#include "model/decision.h"

struct journal {
	struct sqlite3 *db;
	struct lock lock;
	struct chain_key key;
	char path[1024];
	char actor[POOL_ACTOR_MAX];
	int64_t key_id; /* of actor and key in the file; 0: not there yet */
	int64_t seq;    /* of the chain's head, as of the transaction */
	unsigned char head[CHAIN_HASH];
	int64_t begun_seq; /* of the head that the transaction began behind */
	unsigned char begun_head[CHAIN_HASH];
	int wal_pages;
	int64_t lock_ms; /* how long a transaction and the close wait for another process */
	struct sqlite3_stmt *append[SCHEMA_CHAINED];
	struct sqlite3_stmt *other[9]; /* journal.c's own */
};

/* Opens the file under the lock, making it, its directory and the key where they lack. Reads
 * the head. 0, or -1 with err; journal_close in both cases. */
int journal_open(struct journal *j, const char *path, const char *actor, const char *key_dir,
	bool must_be_new, struct err *err);

/* Truncates the write-ahead log and closes, under the lock where it can be had. */
void journal_close(struct journal *j);

/* Takes the lock, begins a transaction, reads the head. */
enum schema_result journal_begin(struct journal *j, struct err *err);
/* Commits, checkpoints a large log, gives the lock back. What fails is rolled back. */
enum schema_result journal_commit(struct journal *j, struct err *err);
void journal_rollback(struct journal *j);

/* The head as hex, "" before the first row. */
void journal_head(const struct journal *j, char out[POOL_HASH_MAX]);

/* ---- rows; within a transaction ---- */

/* Adds an intent; an id that is there already is SCHEMA_REFUSED. */
enum schema_result journal_decision(
	struct journal *j, const struct decision *d, struct err *err);

/* Adds an intent of an own process: the one where another process had it from the pool's log
 * already gains what that could not know (SCHEMA_OWN); a late one that is there stays. */
enum schema_result journal_intent(
	struct journal *j, const struct decision *d, struct err *err);

/* Adds a row about a decision; one that is there already, or a second final one, is left out.
 */
enum schema_result journal_outcome(
	struct journal *j, const struct outcome_row *row, bool *added, struct err *err);

struct journal_event {
	int64_t at_ms;
	char pool[POOL_NAME_MAX], node_id[POOL_ID_MAX];
	int64_t recording; /* UNKNOWN: of none */
	int64_t tick;      /* UNKNOWN: of none */
	char kind[24];
	char text[POOL_REASON_MAX];
	char *detail; /* JSON or NULL; owned by whoever made the event */
};
enum schema_result journal_event(
	struct journal *j, const struct journal_event *e, struct err *err);
/* The same, with a transaction of its own. */
enum schema_result journal_event_alone(
	struct journal *j, const struct journal_event *e, struct err *err);

struct journal_recording {
	int64_t started_ms, interval_ms;
	char version[24], host[POOL_NAME_MAX];
	char *config, *policy; /* JSON; owned by whoever made it */
};
/* `*id` gets the recording's id, which is its seq. */
enum schema_result journal_recording(
	struct journal *j, const struct journal_recording *r, int64_t *id, struct err *err);

struct journal_node {
	int64_t at_ms;
	char pool[POOL_NAME_MAX], pool_id[POOL_ID_MAX];
	char node[POOL_NAME_MAX], node_id[POOL_ID_MAX];
	char target[256], driver[24];
};
/* Pins pool and node at first sight; later only the time of the last one. */
enum schema_result journal_node(
	struct journal *j, const struct journal_node *n, struct err *err);

/* The audit cursor of a node. */
enum schema_result journal_cursor(
	struct journal *j, const struct journal_node *n, int64_t audit_seq, struct err *err);

/* What the file has under a decision's id. */
struct journal_found {
	bool known;    /* there is a row; without one nothing else is set */
	bool observed; /* others made it */
	int64_t epoch; /* UNKNOWN allowed */
	char pool[POOL_NAME_MAX], pool_id[POOL_ID_MAX];
};
enum schema_result journal_find(
	struct journal *j, const char *id, struct journal_found *out, struct err *err);

#endif
