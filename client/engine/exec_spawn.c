/* Exec spawn: environment, program, fork, descriptors, signals, limits, exec. Not the life of the
 * process after that: exec_child.c's.
 *
 * Invariants:
 * 1. Between fork and exec only async-signal-safe functions run; all they need is made before.
 * 2. The program starts with nothing of ours but its three descriptors, its directory and its
 *    environment. */
#define _GNU_SOURCE
#include "client/engine/exec_spawn.h"

#include "model/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

extern char **environ;

const char *spawn_step_text(enum spawn_step step)
{
	static const char *const texts[] = {
#define X(name, text) text,
		SPAWN_STEP_INFO(X)
#undef X
	};
	return texts[step];
}

/* ---- what exec needs, made before the fork ---- */

static char **copy_list(const char *const *list)
{
	size_t count = 0;
	while (list[count])
		count++;
	char **out = mem_new(count + 1, sizeof *out);
	for (size_t i = 0; i < count; i++)
		out[i] = mem_copy(list[i]);
	return out;
}

static void free_list(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

/* This environment without WEIR_*, which may hold what is nobody else's, and with `extra`. */
static char **make_env(const char *extra)
{
	size_t count = 0, kept = 0;
	while (environ && environ[count])
		count++;
	char **out = mem_new(count + 2, sizeof *out);
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], "WEIR_", 5) != 0)
			out[kept++] = mem_copy(environ[i]);
	if (extra)
		out[kept] = mem_copy(extra);
	return out;
}

/* The path of a program by PATH; as it is where it has a slash or is found nowhere. */
static char *find_program(const char *name)
{
	char path[4096];
	const char *dirs = getenv("PATH");
	if (strchr(name, '/'))
		return mem_copy(name);
	for (const char *at = dirs ? dirs : "/usr/local/bin:/usr/bin:/bin"; *at;) {
		int len = (int)strcspn(at, ":");
		int n = snprintf(path, sizeof path, "%.*s/%s", len, at, name);
		if (*at == '/' && n < (int)sizeof path && access(path, X_OK) == 0)
			return mem_copy(path);
		at += len;
		at += *at == ':';
	}
	return mem_copy(name);
}

void spawn_init(struct spawn *s, const char *const *argv, const char *dir, const char *extra,
	const struct child_limits *limits)
{
	s->argv = copy_list(argv);
	s->env = make_env(extra);
	s->program = find_program(argv[0]);
	s->dir = mem_copy(dir);
	s->limits = *limits;
}

void spawn_release(struct spawn *s)
{
	free_list(s->argv);
	free_list(s->env);
	free(s->program);
	free(s->dir);
}

/* ---- in the child, between fork and exec ---- */

static int limit(int what, int64_t soft, int64_t hard)
{
	struct rlimit now;
	if (getrlimit((__rlimit_resource_t)what, &now))
		return -1;
	if (now.rlim_max != RLIM_INFINITY && (rlim_t)hard > now.rlim_max)
		hard = (int64_t)now.rlim_max;
	struct rlimit then = {(rlim_t)(soft < hard ? soft : hard), (rlim_t)hard};
	return setrlimit((__rlimit_resource_t)what, &then);
}

static int set_limits(const struct child_limits *l)
{
	if (limit(RLIMIT_CORE, 0, 0))
		return -1;
	if (l->memory_bytes > 0 && limit(RLIMIT_AS, l->memory_bytes, l->memory_bytes))
		return -1;
	/* The soft limit is a signal with a name of its own; the hard one a second later kills. */
	if (l->cpu_s > 0 && limit(RLIMIT_CPU, l->cpu_s, l->cpu_s + 1))
		return -1;
	return l->fds > 0 ? limit(RLIMIT_NOFILE, l->fds, l->fds) : 0;
}

struct pipes {
	int stream, errors, report;
};

/* They may themselves stand on 0, 1 or 2, where this process was started without those. */
static int set_pipes(struct pipes *p)
{
	p->stream = fcntl(p->stream, F_DUPFD_CLOEXEC, 3);
	p->errors = fcntl(p->errors, F_DUPFD_CLOEXEC, 3);
	p->report = fcntl(p->report, F_DUPFD_CLOEXEC, 3);
	if (p->stream < 0 || p->errors < 0 || p->report < 0)
		return -1;
	if (dup2(p->stream, 0) < 0 || dup2(p->stream, 1) < 0 || dup2(p->errors, 2) < 0)
		return -1;
	/* For what a library opened without the flag; an old kernel cannot, and ours have it. */
	syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
	return 0;
}

static void reset_signals(void)
{
	struct sigaction as_new = {.sa_handler = SIG_DFL};
	sigset_t none;
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &as_new, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static enum spawn_step become(const struct spawn *s, struct pipes *p, pid_t parent)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	if (set_pipes(p))
		return SPAWN_PIPES;
	if (s->dir && chdir(s->dir))
		return SPAWN_DIR;
	reset_signals();
	if (set_limits(&s->limits))
		return SPAWN_LIMITS;
	execve(s->program, s->argv, s->env);
	return SPAWN_EXEC;
}

_Noreturn static void child_main(const struct spawn *s, struct pipes p, pid_t parent)
{
	struct spawn_report r = {.step = become(s, &p, parent)};
	r.error = errno;
	ssize_t n = write(p.report, &r, sizeof r);
	_exit(n == (ssize_t)sizeof r ? 127 : 126);
}

/* ---- the fork ---- */

struct spawn_report spawn_run(const struct spawn *s, int stream, int errors, pid_t *pid)
{
	int ends[2];
	struct spawn_report report = {SPAWN_NONE, 0};
	ssize_t n;
	*pid = -1;
	if (pipe2(ends, O_CLOEXEC))
		return (struct spawn_report){SPAWN_PIPES, errno};
	pid_t parent = getpid();
	*pid = fork();
	if (*pid == 0)
		child_main(s, (struct pipes){stream, errors, ends[1]}, parent);
	if (*pid < 0)
		report = (struct spawn_report){SPAWN_FORK, errno};
	else
		setpgid(*pid, *pid); /* as the child does: whoever is faster */
	close(ends[1]);
	/* The end of it means exec: the pipe closes there. */
	do
		n = *pid > 0 ? read(ends[0], &report, sizeof report) : 0;
	while (n < 0 && errno == EINTR);
	close(ends[0]);
	return report;
}
