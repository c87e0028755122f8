/* Child: a command that runs beside the loop: fed, listened to, followed to its end and killed with
 * its group when it takes too long. Nothing here waits, and no shell is between.
 *
 * A command gets no terminal, no descriptor of ours, no blocked signal. */
#ifndef WEIR_TUI_CHILD_H
#define WEIR_TUI_CHILD_H

#include "model/text.h"
#include "model/unit.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILD_SAID_MAX 256
#define CHILD_WHY_MAX 80

struct child {
	pid_t pid;        /* 0: none runs */
	int in;           /* its standard input; -1 */
	int out;          /* what it says; -1 */
	struct text text; /* what it still gets from `at` on */
	size_t at;
	int64_t end_ms; /* boot time */
	bool killed;
	char said[CHILD_SAID_MAX]; /* the beginning of what it said, as it came */
	size_t said_len;
	int64_t most_ms;
};

/* Of one that runs nothing; a child begins as this, and is this again once it ended. */
#define CHILD_NONE ((struct child){.in = -1, .out = -1})

/* How a command is started. */
struct child_start {
	const char *path;
	char *const *argv;
	int in;       /* becomes its standard input */
	int out;      /* its standard output and error output; -1: what it says goes nowhere */
	bool session; /* in a session of its own, else in a group of its own */
};

/* Starts one and follows it no further: it is the caller's to wait for. 0, or an errno. */
int child_spawn(pid_t *pid, const struct child_start *start);

/* Runs argv[0] for at most most_ms. It reads `text`, whose bytes become the child's; with `listens`
 * what it says on its standard output and its error output is kept. 0, or an errno. */
int child_begin(struct child *c, char *const argv[], struct text *text, bool listens,
	int64_t most_ms, struct instant now);

/* Feeds, listens and follows. True once it ended: `why` says what was wrong ("did not end within
 * 10 s and was killed"), "" where it ended with 0, and `c` runs nothing any more; what it said
 * stays until the next begin. */
bool child_turn(struct child *c, struct instant now, char why[CHILD_WHY_MAX]);

/* Lets go of one that runs: it goes on alone. */
void child_let_go(struct child *c);

/* The same, and kills it with its group. */
void child_kill(struct child *c);

#endif
