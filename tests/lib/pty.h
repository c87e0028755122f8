/* Pty: a program behind a terminal of our own: keys go in, its bytes go through the
 * simulator. Nothing sleeps: every wait is for a fact, with a deadline. */
#ifndef WEIR_TESTS_LIB_PTY_H
#define WEIR_TESTS_LIB_PTY_H

#include "tests/lib/simulator.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pty {
	int fd;      /* the terminal's side, non-blocking */
	pid_t pid;   /* 0: has ended and was waited for */
	int status;  /* of waitpid, once pid is 0 */
	bool closed; /* no program has the terminal open any more */
	struct simulator screen;
};

/* Runs argv[0] (found by PATH) on a new terminal. `env` is a NULL-terminated list, may be
 * NULL: "A=b" sets, "A" removes. Returns false when there is no terminal; a program that
 * cannot be run ends with status 127. */
bool pty_start(struct pty *p, int w, int h, const char *const *argv, const char *const *env);

/* The same for a function of this program; its result is the exit status. */
bool pty_fork(struct pty *p, int w, int h, int (*child)(void *arg), void *arg);

void pty_send(struct pty *p, const char *keys);
void pty_send_n(struct pty *p, const void *bytes, size_t len);

/* Feeds what the program writes to the screen until `holds` is true (true) or `timeout_ms`
 * passed, or the program is gone and it still does not hold (false). */
bool pty_wait(struct pty *p, bool (*holds)(const struct simulator *screen, const void *arg),
	const void *arg, int timeout_ms);

/* The same for a row that contains `text`; prints the screen when that does not come. */
bool pty_wait_text(struct pty *p, const char *text, int timeout_ms);
bool pty_wait_no_text(struct pty *p, const char *text, int timeout_ms);

/* Reads on until the program has ended; its exit status, 128 plus the signal, or -1 when it
 * runs on. */
int pty_wait_exit(struct pty *p, int timeout_ms);

void pty_resize(struct pty *p, int w, int h); /* of the terminal and the screen */
void pty_signal(struct pty *p, int signal);

/* Kills what still runs and frees all. */
void pty_release(struct pty *p);

#endif
