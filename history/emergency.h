/* Emergency: the journal of brakes that no commit was waited for: a mapped file of slots beside
 * the history, HISTORY-emergency-PID. A rollback or a hold is copied to a slot before anything
 * else is done with it; the kernel keeps the slot when the process is killed, and whoever opens
 * the history next imports it. Internal to history/.
 *
 * Whoever shares a `struct emergency` guards it; only emergency_sync needs no guard. */
#ifndef WEIR_HISTORY_EMERGENCY_H
#define WEIR_HISTORY_EMERGENCY_H

#include "model/decision.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EMERGENCY_TAIL "-emergency-" /* behind the history's name, before the process id */
#define EMERGENCY_SLOTS 128
#define EMERGENCY_BYTES 65536
#define EMERGENCY_LINE_MAX 480

struct emergency_slot; /* as it lies in the file */

/* What this process knows of a slot without reading the file back. */
struct emergency_use {
	char id[DECISION_ID_MAX]; /* of the decision; "": free */
	bool recorded;            /* its row is committed */
	bool has_outcome;         /* the slot has its final outcome */
	bool settled;             /* the row of that is committed */
};

struct emergency {
	struct emergency_slot *slots; /* NULL: there is no journal */
	struct emergency_use used[EMERGENCY_SLOTS];
	size_t count;    /* slots that are used */
	bool full;       /* the last brake found no slot; until one is freed */
	int64_t refused; /* brakes that found none */
	int fd;
	char *path;
};

/* Makes, locks and maps the journal of this process, and the directory where it lacks. What
 * fails leaves no journal and no file: `slots` is NULL then. */
void emergency_open(struct emergency *e, const char *history);
/* Removes the file when no slot is used; else leaves it, unlocked, to the next opener. */
void emergency_close(struct emergency *e);

/* Copies a decision to a slot: no call to the system, no allocation. False when there is no
 * journal, or no slot is free: what is kept already is never overwritten. One that has a slot
 * keeps it. */
bool emergency_put(struct emergency *e, const struct decision *d);
/* Adds a final outcome to the slot of its decision, where it has one; other rows, and a second
 * final one, are left out. */
void emergency_outcome(struct emergency *e, const struct outcome_row *row);
/* True when a decision has a slot. */
bool emergency_holds(const struct emergency *e, const char *id);

/* The row of a decision is committed; its final outcome is. Frees the slot when nothing in it
 * is missing in the history. */
void emergency_recorded(struct emergency *e, const char *id);
void emergency_settled(struct emergency *e, const char *id);
/* Frees the slot of a decision that can never become a row. */
void emergency_drop(struct emergency *e, const char *id);

/* Writes the mapping to the disk. May wait for it without end. */
void emergency_sync(const struct emergency *e);

/* One cleaned line for the system's log: who, what, where, from and to, id. */
void emergency_line(char out[EMERGENCY_LINE_MAX], const struct decision *d);

/* ---- the bytes of another's file; aligned as memory from mem_new is ---- */

/* True for a journal: it has a slot of ours, or is all zero, cut short before it had any. */
bool emergency_is_journal(const void *file);

/* What a slot holds; nothing where it is free. Texts are cleaned, numbers in range. */
struct emergency_found {
	bool is_damaged, has_decision, has_outcome;
	struct decision decision; /* `late` */
	struct outcome_row outcome;
};
void emergency_read(struct emergency_found *out, const void *file, size_t slot);

#endif
