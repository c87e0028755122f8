/* Exec spawn: from a fork to a program that runs as it was told. */
#ifndef WEIR_CLIENT_ENGINE_EXEC_SPAWN_H
#define WEIR_CLIENT_ENGINE_EXEC_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

struct child_limits {     /* 0: none */
	int64_t memory_bytes; /* of address space */
	int64_t cpu_s, fds;
};

/* X(name, what failed there) */
#define SPAWN_STEP_INFO(X) \
	X(NONE, "") \
	X(FORK, "cannot fork") \
	X(PIPES, "cannot set up its pipes") \
	X(LIMITS, "cannot set its limits") \
	X(DIR, "cannot enter its directory") \
	X(EXEC, "cannot run it")

enum spawn_step {
#define X(name, text) SPAWN_##name,
	SPAWN_STEP_INFO(X)
#undef X
};

const char *spawn_step_text(enum spawn_step step);

struct spawn_report {
	enum spawn_step step; /* NONE: it runs */
	int error;            /* errno there */
};

struct spawn { /* all that exec needs, made before the fork; the spawn's own */
	char **argv, **env, *program, *dir;
	struct child_limits limits;
};

/* `extra`: "NAME=value" for its environment, or NULL. `dir`: NULL for this one. */
void spawn_init(struct spawn *s, const char *const *argv, const char *dir, const char *extra,
	const struct child_limits *limits);
void spawn_release(struct spawn *s);

/* Forks and runs the program in a process group of its own with `stream` as standard input and
 * output and `errors` as standard error. *pid is set where it was forked, even when the report
 * says that it does not run; whoever called waits for it. The process dies with the thread that
 * calls this. */
struct spawn_report spawn_run(const struct spawn *s, int stream, int errors, pid_t *pid);

#endif
