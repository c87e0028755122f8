/* History: the local file of what happened, as the loop sees it. A writer thread owns the
 * writing connection, a reader thread a read-only one; nothing here waits for the disk but
 * history_stop.
 *
 * Invariants:
 * 1. A request is either answered once or (samples, outcomes) counted when dropped.
 * 2. Decisions go before samples; a decision is a transaction of its own.
 * 3. A cancelled intent is never answered COMMITTED; if it reached the file, a NOT_SENT outcome
 *    stands behind it.
 * 4. Only the writer thread touches the writing connection, and only under the lock file.
 * 5. A rollback or a hold is in the emergency journal (weir-history(5)) before history_intent
 *    returns, and leaves it only when its row is committed, by this process or the next. */
#ifndef WEIR_HISTORY_HISTORY_H
#define WEIR_HISTORY_HISTORY_H

#include "model/decision.h"
#include "model/driver.h"
#include "model/err.h"
#include "model/histogram.h"
#include "model/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history; /* opaque */

struct history_options {
	const char *path;    /* the file; its directory must exist or be creatable (one level) */
	const char *actor;   /* whose key signs: "kim@ops1" */
	const char *key_dir; /* where the person's key lives, made on first use, 0600 */
	bool must_be_new;    /* refuse a file that exists */
	bool quiet;          /* tell the system's log nothing */
	int64_t lock_ms;     /* how long a write waits for another process; 0: 2 s */
	int64_t keep_ms;     /* samples that are older become minutes; 0: 14 days */
	int64_t max_raising; /* pools that rise at once (model/raising.h); one more is refused; 0: any */
	int64_t cap_bytes;   /* and so do the oldest where the file has more in use; 0: 4 GiB */
};

/* Makes the emergency journal (a small file beside the history; see history_emergency) and
 * starts the threads. The history is opened by the writer, which imports the emergency journals
 * of the dead first. Ends in a HISTORY_OPENED or HISTORY_FAILED answer. 0, or -1 when threads or descriptors lack. */
int history_start(struct history **out, const struct history_options *how, struct err *err);

/* Becomes readable when an answer waits. */
int history_fd(const struct history *h);

/* Commits what is queued (at most `wait_ms`), checkpoints, closes, frees. Returns the number of
 * requests that were lost; 0 is a good end. What the emergency journal keeps is not lost: its
 * file stays for the next opener then. */
int64_t history_stop(struct history *h, int64_t wait_ms);

/* The first half of it: commits what is queued, with the last checkpoint and the end of the
 * recording, and closes the file; waits at most `wait_ms`. Nothing may be asked behind it but
 * how the chain stands. False when the disk has not answered in time. */
bool history_settle(struct history *h, int64_t wait_ms);

/* How many requests the file does not have yet. */
int64_t history_left(struct history *h);

/* For a process that will be stopped for a while: everybody who shares the file would wait with
 * it. From here on nothing is written; waits at most `wait_ms` until nothing is being written.
 * False when the disk has not answered in time. */
bool history_rest(struct history *h, int64_t wait_ms);
/* Writes what was asked meanwhile, and goes on. */
void history_wake(struct history *h);

/* ---- requests; none waits ---- */

/* Records an intent in a transaction of its own. Ends in HISTORY_COMMITTED, HISTORY_REFUSED or
 * HISTORY_JOINED with this decision's id; W193 where as many other pools rise as may. A rollback or a hold is
 * copied to the emergency journal first: where it is REFUSED for a failure that passes, it is written as soon as writing works again, as a
 * late row and without another answer; where the file is lost, the next opener writes it. */
void history_intent(struct history *h, const struct decision *d);

/* An intent is acted on now, recorded or not: it gets a row of its own whoever does the same.
 * False when its answer JOINED waits already: then it must not be acted on. */
bool history_leave(struct history *h, const char *id);

/* Gives up an intent that is not committed yet: it will never be answered COMMITTED. If the
 * writer gets to it, or was in the middle, it adds a NOT_SENT outcome with `why`. */
void history_cancel(struct history *h, const char *id, int64_t at_ms, const char *why);

/* Records a row about a decision: an outcome or the verification. The final outcome of a brake
 * that has no row yet is kept in the emergency journal, too. */
void history_outcome(struct history *h, const struct outcome_row *row);

/* Records an event. kind: one word of [a-z_]; text: for people, cleaned; detail: canonical JSON
 * object or NULL. pool may be "" for events of the process. */
void history_event(struct history *h, int64_t at_ms, const char *pool, const char *kind,
	const char *text, const char *detail);

/* `pool`, here and below, is the name by which it is known here, as decisions have it: the one
 * that the pool gives itself may differ. Pins the identity of a pool and a node at first sight
 * and keeps `last_seen`. `target` must not contain secrets. */
void history_node(struct history *h, int64_t at_ms, const char *pool, const struct snapshot *s,
	const char *target, const char *driver);

/* Begins this process's recording; samples without one are refused. `config_json` and
 * `policy_json` are canonical JSON objects. `t` of a sample is `at_ms` + tick * interval_ms. */
void history_recording(struct history *h, int64_t at_ms, int64_t interval_ms,
	const char *version, const char *host, const char *config_json, const char *policy_json);

/* Flags of a sample. Those of a minute are the first two; the others say how the judge took the
 * interval (recheck.h): the share in force, 0 where it is not known, and in which order. */
enum {
	HISTORY_GAP = 1,
	HISTORY_BOOT = 2,
	HISTORY_SETTLED = 4,
	HISTORY_CHANGED = 8,
	HISTORY_STICKY = 16,
	HISTORY_BROKEN = 32,
	HISTORY_AFRESH = 64,
	HISTORY_SHARE = 1 << 8,      /* times the share + 1, of 14 bits */
	HISTORY_SHARE_MOST = 0x3fff,
	HISTORY_NUMBER = 1 << 22, /* times the last 9 bits of the number of the interval */
	HISTORY_NUMBER_MOST = 0x1ff,
};

/* One interval of one node, as it was given to the model. Histograms may be NULL. Batched: one
 * transaction a second. When more than 10 minutes or 16 MiB wait, the oldest are dropped,
 * counted, and the gap is recorded. */
struct history_sample {
	char pool_id[POOL_ID_MAX], node_id[POOL_ID_MAX];
	int64_t tick;
	bool minute; /* read: it is the sum of a minute's samples, of which `tick` is the last */
	int64_t first_tick; /* read: and this the first; the same where it is one sample */
	unsigned flags;
	struct sample sample;
	const struct histogram *latency[ARM_COUNT];
	const struct histogram *session_latency[ARM_COUNT];
};
void history_sample(struct history *h, const struct history_sample *s);

/* Records the node's document without histograms as an event of kind "state": at the first
 * sample, after a restart, whenever anything but a counter or a gauge changed, and every two
 * minutes. With it and the samples behind it a replay rebuilds every document. */
void history_state(
	struct history *h, int64_t at_ms, const char *pool, const struct snapshot *s);

/* Takes what others did from a pool's audit log, in one transaction with the cursor: one row a
 * decision however many recorders see it (decision.id is the entry's key, else
 * chain_entry_id). Known ids gain outcome rows only: at the node, and the final one where
 * others made the decision. at_ms: wall clock of the answer. Ends in HISTORY_OBSERVED. */
void history_observed(struct history *h, int64_t at_ms, const char *pool,
	const struct snapshot *node, const struct audit_entry *entries, size_t count);

/* Asks the reader for what is known of a pool (by name): the last `limit` decisions, oldest
 * first, every open one, the pins, the audit cursors of its nodes. Ends in HISTORY_LOADED or
 * HISTORY_REFUSED with id = pool. */
void history_load(struct history *h, const char *pool, size_t limit);

/* Asks the reader whether the row with this hash is in the file. Ends in HISTORY_FOUND with id =
 * hash. */
void history_find(struct history *h, const char *hash);

/* Asks the reader for a page of decisions and events (history/page.h), and for one of them whole
 * by its id. End in HISTORY_PAGE and HISTORY_DETAIL with the number that was given; where the file
 * could not be read, with err and nothing in them. */
struct page_request;
void history_page(struct history *h, const struct page_request *what);
void history_detail(struct history *h, uint64_t number, const char *id);

/* Asks the reader for columns of a pool's metrics (history/range.h). Ends in HISTORY_SERIES; where
 * the file could not be read, with err and no columns. */
struct range_request;
void history_series(struct history *h, const struct range_request *what);

/* Asks the reader which pools rise at `at_ms` (wall clock). Ends in HISTORY_RAISING. */
void history_raising(struct history *h, int64_t at_ms);

/* ---- answers ---- */

enum history_answer_kind {
	HISTORY_MIGRATING, /* it is of an older version, and not open before it is of this one:
	                      migration, err as a text for a person. Comes again and again, before
	                      OPENED or FAILED */
	HISTORY_OPENED,    /* usable; head and seq are set; quarantined, and what was migrated */
	HISTORY_FAILED, /* cannot be opened or written any more: err; nothing is recorded from here
	                   on */
	HISTORY_COMMITTED, /* an intent: id, seq, hash */
	HISTORY_JOINED,    /* an intent of a guard is not written, since another process' does the same
	                      (decision_repeats): id, decisions: the other's */
	HISTORY_REFUSED,   /* an intent or a load could not be done: id, err; a brake may be written
	                      later all the same */
	HISTORY_OBSERVED,  /* decisions: those of the entries, known before or not, as the file has
	                      them */
	HISTORY_LOADED,    /* decisions, pool_id pin, cursors */
	HISTORY_PAGE,      /* page */
	HISTORY_DETAIL,    /* detail */
	HISTORY_SERIES,    /* range */
	HISTORY_FOUND,     /* a find: id, seq; UNKNOWN when it is not there; err: it is not known */
	HISTORY_RAISING, /* raisings; err: it is not known */
	HISTORY_TROUBLE, /* a write that nobody waits for failed: err; and again when it works: code
	                    0 */
};

#define HISTORY_NODES_MAX 64

struct history_answer {
	enum history_answer_kind kind;
	char id[DECISION_ID_MAX];
	struct err err;
	int64_t seq;
	char hash[POOL_HASH_MAX];   /* COMMITTED: of the row; OPENED: the head */
	struct page_rows *page;     /* owned by the answer; of PAGE */
	struct page_detail *detail; /* owned by the answer; of DETAIL */
	struct range *range;        /* owned by the answer; of SERIES */
	struct raisings *raisings;  /* owned by the answer; of RAISING, NULL with err */
	struct decision *decisions; /* owned by the answer */
	size_t decision_count;
	char pool_id[POOL_ID_MAX]; /* LOADED: pinned identity, "" never seen */
	struct {
		char node_id[POOL_ID_MAX];
		char target[256];
		int64_t audit_seq; /* imported up to here; 0 none */
	} nodes[HISTORY_NODES_MAX];
	size_t node_count;
	struct {
		int64_t done, total; /* rows; UNKNOWN while another process has the file open */
		int64_t rest_ms;     /* an estimate; UNKNOWN at first */
	} migration;             /* MIGRATING */
	int64_t quarantined; /* OPENED: rows that no migration could carry over; UNKNOWN allowed */
	int migrated_from;   /* OPENED: the version that it had; 0 none was needed */
	char kept[256];      /* OPENED: the old file's name then, beside it */
};

/* Takes the next answer, oldest first; false when there is none. Release it. */
bool history_next(struct history *h, struct history_answer *out);
void history_answer_release(struct history_answer *a);

/* The newest committed row of the chain, hex, "" before the first; safe from the loop. */
void history_head(const struct history *h, char out[POOL_HASH_MAX]);

/* The chain as it stands; after history_settle, as this process leaves it. */
struct history_chain {
	char head[POOL_HASH_MAX]; /* of its newest row, as above */
	int64_t rows;             /* it has so many; the newest has this seq */
	bool wrote;               /* it has grown, and this process had a part in it */
	int64_t recording;        /* the seq of this process's; UNKNOWN while none is committed */
};
void history_chain(const struct history *h, struct history_chain *out);

/* True while the reader owes an answer, or one waits to be taken. */
bool history_reads(const struct history *h);

/* True when the file is open and the last write did not fail. */
bool history_writable(const struct history *h);

/* True when there is an emergency journal and it had room for the last brake; false is what
 * "NOT RECORDED" says of a brake that is not committed. A journal with 128 brakes that wait is
 * full: what it keeps is not given up for a newer one. */
bool history_emergency(const struct history *h);

/* Samples dropped so far for want of room or of a disk. */
int64_t history_dropped(const struct history *h);

#endif
