/* Exec orphan: the register of workers, and the end of those whose pool has died.
 *
 * A worker dies with its pool by itself (exec_child.h); what it started may not. So each has a
 * file in a directory, made before the worker and removed after it, that says whose it is. */
#ifndef WEIR_CLIENT_ENGINE_EXEC_ORPHAN_H
#define WEIR_CLIENT_ENGINE_EXEC_ORPHAN_H

#include "model/err.h"

#include <sys/types.h>

#define EXEC_TOKEN_MAX 33             /* 128 bits in hex and a NUL */
#define EXEC_TOKEN_NAME "WEIR_WORKER" /* in the worker's environment: its token */

struct exec_entry { /* an entry; zeroed is none */
	char *path;
	char token[EXEC_TOKEN_MAX];
};

/* Makes an entry for a worker that is about to start; the directory too (mode 0700, its
 * parent must be there). 0, or -1 with err: ERR_UNSAFE_FILE for a directory that others may
 * write to, else ERR_FILE. */
int exec_entry_reserve(struct exec_entry *o, const char *run_dir, struct err *err);
/* Notes the process that the token was given to. 0, or -1 with err. */
int exec_entry_activate(struct exec_entry *o, pid_t pid, struct err *err);
/* Removes the entry; nothing where there is none. */
void exec_entry_release(struct exec_entry *o);

struct exec_swept {
	int killed;  /* processes */
	int removed; /* entries of dead owners, now gone */
	int alive;   /* entries whose owner lives */
	int left;    /* entries that cannot be judged from here, or whose processes do not die */
};

/* Kills what is left of workers whose owner is dead, in a bounded number of passes; takes at
 * most 3 s. A process is killed only when the entry's own random token stands in its
 * environment and it is the noted process (same pid, same start) or of its group; for an entry
 * that was only reserved the token alone says so. Entries of another boot are removed, those of
 * another pid namespace left. 0, or -1 with err (as exec_entry_reserve). */
int exec_sweep(const char *run_dir, struct exec_swept *out, struct err *err);

#endif
