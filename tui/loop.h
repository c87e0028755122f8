/* Loop: the clock, randomness and signals of the process, and the one wait around a desk. The
 * only place of tui/ that reads a clock. */
#ifndef WEIR_TUI_LOOP_H
#define WEIR_TUI_LOOP_H

#include "tui/desk.h"

#include <stdbool.h>
#include <stdint.h>

struct instant loop_now(void);
uint64_t loop_seed(void);

/* Blocks SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP and SIGCONT and turns them into a
 * descriptor; SIGPIPE is ignored. Call before any thread starts. */
int loop_signals(struct err *err);
int loop_signal_fd(void);
/* The next signal that has come, 0 none. */
int loop_signal(void);

/* While `ordinary`, SIGINT, SIGTERM, SIGHUP and SIGTSTP do what they do to every program: for
 * what only reads, and may read long or write to nobody. Then they are taken again. */
void loop_ordinary_signals(bool ordinary);

/* What a signal that ends the process then takes away first: the line of progress that stands on
 * the terminal; a file that is not whole, with what SQLite keeps beside it (NULL: none). */
void loop_line(bool stands);
void loop_unfinished(const char *path);

/* True when the process was asked to end (SIGINT, SIGTERM, SIGHUP); sticks. */
bool loop_interrupted(void);

/* Turns the desk until `done` says so (true), the time is over or a signal asks to end (false).
 * timeout_ms < 0: no limit. */
bool loop_until(struct desk *d, bool (*done)(void *ctx), void *ctx, int64_t timeout_ms);

/* The same for what must be done before the process ends: no signal cuts it short. */
bool loop_finish(struct desk *d, bool (*done)(void *ctx), void *ctx, int64_t timeout_ms);

/* Gives back what the desk holds at its pools (leases); waits at most a second. */
void loop_leave(struct desk *d);

/* Waits until `fd` can be read (true) or the process is asked to end (false). */
bool loop_input(int fd);

/* Waits for a signal, at most timeout_ms (< 0: no limit). True when the process was asked to
 * end. */
bool loop_pause(int64_t timeout_ms);

#endif
