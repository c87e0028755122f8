/* Exec child: one child process with a stream to talk to it, from its start to its last
 * descendant. Functions are thread-safe but for child_start and child_free. */
#ifndef WEIR_CLIENT_ENGINE_EXEC_CHILD_H
#define WEIR_CLIENT_ENGINE_EXEC_CHILD_H

#include "client/engine/exec_log.h"
#include "client/engine/exec_spawn.h"
#include "model/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child;

struct child_options {       /* borrowed for the call, but for what log points to */
	const char *const *argv; /* argv[0] with a slash is a path seen from dir; else by PATH */
	const char *dir;         /* NULL: this process's */
	const char *extra;       /* "NAME=value" put into its environment; NULL none */
	struct child_limits limits;
	struct exec_log log; /* its sink is called in a thread of the child's own */
};

/* Starts the program in a process group of its own: standard input and output are the stream,
 * standard error goes to the log, no other descriptor is open, signals are as new, variables
 * named WEIR_* are not passed. It dies with this process. 0, or -1 with err: ERR_CONFIG for a
 * program or directory that cannot be used, else ERR_SYSTEM. */
int child_start(struct child **out, const struct child_options *how, struct err *err);

pid_t child_pid(const struct child *c);
/* Our end of the stream, not blocking; the child's. */
int child_stream(const struct child *c);
/* Readable once the process has ended; the child's. */
int child_end(const struct child *c);

/* Sends to the whole group; nothing once the process was waited for. */
void child_signal(struct child *c, int signal);

/* Waits until the process has ended, its group is gone and its log is whole; false when that
 * takes longer than `until_us` of threads_us. */
bool child_wait(struct child *c, int64_t until_us);

/* How it ended, in words: "exit status 3", "signal 11 (SIGSEGV)". Only after child_wait. */
void child_fate(struct child *c, char *out, size_t size);
/* The last line of its log; "" none. Only after child_wait; the child's. */
const char *child_last_words(const struct child *c);

/* Kills what still runs of the group, waits for it, frees. */
void child_free(struct child *c);

#endif
