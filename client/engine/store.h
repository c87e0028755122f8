/* Store: the durable log of a pool's control. One appended, synced line a change, which is
 * audit log and keys in one: DIR/control.log, mode 0600, locked by its process.
 *
 * A thread of its own writes and syncs, so that no disk, however slow, stops who decides. */
#ifndef WEIR_CLIENT_ENGINE_STORE_H
#define WEIR_CLIENT_ENGINE_STORE_H

#include "client/engine/store_record.h"
#include "model/err.h"

struct store;

struct store_options {
	int64_t now_wall_ms; /* records older than a day may go, beyond 1,024; 0: all stay */
	int64_t patience_ms; /* how long a change waits to be stored; 0: 1 s */
	int64_t brake_ms;    /* how long a brake does; 0: 200 ms */
	int64_t again_ms;    /* after which what failed is tried again; 0: 1 s */
	int (*sync)(void *ctx, int fd); /* NULL: fdatasync */
	void *ctx;
};

/* Opens or makes the log of `dir` (made when missing, mode 0700), reads it and starts the
 * thread. A log of an earlier format is rewritten. `how` NULL: all as 0. 0, or -1 with err:
 * W202 in use, W203 damaged before the end, W204 others may write, W205 of a newer version,
 * W004. */
int store_open(
	struct store **out, const char *dir, const struct store_options *how, struct err *err);

/* Lets the thread write what it still can, ends it, frees. */
void store_close(struct store *s);

/* What a person should know of the opening: a last line that was cut off; "" nothing. Borrowed
 * until close. */
const char *store_note(const struct store *s);

/* The records read at open, oldest first; NULL past the end. Borrowed until store_forget. */
const struct store_record *store_record_at(const struct store *s, size_t i);
void store_forget(struct store *s);

enum store_fate {
	STORE_WAITING,
	STORE_STORED,
	STORE_FAILED, /* not on the disk, and it never will be */
};

/* Hands a record over to be appended; lines are written in this order. A brake is tried again
 * and again until it is on the disk, and before anything that comes after it; any other is
 * tried once. Returns its ticket, never 0. */
uint64_t store_begin(struct store *s, const struct store_record *r, bool brakes);

/* What has become of it by now. Only of the newest that is no brake and of any brake. */
enum store_fate store_fate(struct store *s, uint64_t ticket);

/* The same after waiting for an answer as long as its kind may. */
enum store_fate store_wait(struct store *s, uint64_t ticket, bool brakes);

/* Gives up a record that is no brake. FAILED: it will not be written. WAITING: it may be, and
 * then `undo`, a void of its key, follows at once: only then is it STORED. STORED: too late, it
 * is on the disk. */
enum store_fate store_abandon(
	struct store *s, uint64_t ticket, const struct store_record *undo);

/* True from when a wait ended without an answer until all is written. */
bool store_is_stalled(struct store *s);

/* Begins, waits: true when it is on the disk. */
bool store_append(struct store *s, const struct store_record *r);

#endif
