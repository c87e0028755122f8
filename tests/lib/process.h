/* Process: a program started with its own environment, its output caught, waited for with
 * deadlines. Not a shell, not a terminal (that is pty.h). The program dies with the test. */
#ifndef WEIR_TESTS_LIB_PROCESS_H
#define WEIR_TESTS_LIB_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_stream {
	int fd;     /* -1: has ended */
	char *text; /* all that came so far, NUL-terminated; never NULL */
	size_t len;
};

struct process {
	pid_t pid; /* 0: has ended and was waited for */
	int pid_fd;
	int status; /* exit status, or 128 plus the signal; -1 while it runs */
	struct process_stream out, err;
};

/* Milliseconds of a monotonic clock, for deadlines of tests. */
int64_t process_clock_ms(void);

/* Runs argv[0] (found by PATH), standard input empty. `env` is a NULL-terminated list, may be
 * NULL: "A=b" sets, "A" removes. A program that cannot be run ends with status 127. */
bool process_start(struct process *p, const char *const *argv, const char *const *env);

/* The same with standard output closed. */
bool process_start_mute(struct process *p, const char *const *argv, const char *const *env);

/* Waits until it has ended and all its output is here: its status, -1 when it runs on. */
int process_wait(struct process *p, int timeout_ms);

/* Waits until standard error (or output) contains `text`; false at the deadline or the end. */
bool process_wait_err(struct process *p, const char *text, int timeout_ms);
bool process_wait_out(struct process *p, const char *text, int timeout_ms);

void process_signal(struct process *p, int signal);

/* Starts, waits, kills what is late: the status, -1 when it was late. */
int process_run(
	struct process *p, const char *const *argv, const char *const *env, int timeout_ms);

/* Kills what still runs and frees all. Safe on a zeroed struct and twice. */
void process_release(struct process *p);

#endif
