/* Exec child: the life of a process: its minder, its log, signals, the end. Not how it comes to
 * run (exec_spawn.c), not the protocol (exec.c).
 *
 * Each child has a minder, a thread that forks it, carries its standard error into the log and
 * waits for its end. The minder is what the child is bound to: PR_SET_PDEATHSIG means the death
 * of the forking thread, and the minder outlives its child unless the whole process dies.
 *
 * Invariants:
 * 1. The process is waited for only after its group was killed: until then the pid is held by
 *    the zombie, so no signal can reach a stranger. Signals are sent under the lock.
 * 2. Every descriptor of ours is close-on-exec from its birth. */
#define _GNU_SOURCE
#include "client/engine/exec_child.h"

#include "client/engine/threads.h"
#include "model/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAST_BYTES_MAX 65536 /* of a log that others keep open behind its end: a full pipe */

enum state { STATE_STARTING, STATE_RUNS, STATE_FAILED, STATE_ENDED };

struct child {
	pthread_t minder;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	enum state state;
	bool reaped;
	int status; /* of wait; -1 where somebody else took it */
	struct spawn spawn;
	struct spawn_report report;
	struct exec_log log; /* the minder's until the end */

	pid_t pid;
	int pid_fd, stream, errors;     /* ours */
	int their_stream, their_errors; /* closed here once it is forked */
};

/* ---- the minder ---- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void move(struct child *c, enum state state)
{
	pthread_mutex_lock(&c->lock);
	c->state = state;
	pthread_cond_broadcast(&c->moved);
	pthread_mutex_unlock(&c->lock);
}

/* Kills the group, then waits for its leader: invariant 1. */
static void reap(struct child *c)
{
	pid_t got;
	pthread_mutex_lock(&c->lock);
	kill(-c->pid, SIGKILL);
	do
		got = waitpid(c->pid, &c->status, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		c->status = -1;
	c->reaped = true;
	pthread_mutex_unlock(&c->lock);
}

/* Forks; true when the program runs. */
static bool launch(struct child *c)
{
	c->report = spawn_run(&c->spawn, c->their_stream, c->their_errors, &c->pid);
	close_fd(&c->their_stream);
	close_fd(&c->their_errors);
	if (c->pid < 0)
		return false;
	c->pid_fd = (int)syscall(SYS_pidfd_open, c->pid, 0U);
	if (c->pid_fd < 0 && c->report.step == SPAWN_NONE)
		c->report = (struct spawn_report){SPAWN_PIPES, errno};
	if (c->report.step != SPAWN_NONE)
		reap(c);
	return c->report.step == SPAWN_NONE;
}

/* Reads some of standard error: bytes, 0 when there is none now, -1 at its end. */
static ssize_t carry(struct child *c)
{
	char buffer[4096];
	ssize_t n = read(c->errors, buffer, sizeof buffer);
	if (n > 0)
		exec_log_feed(&c->log, buffer, (size_t)n, threads_us());
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n > 0 ? n : -1;
}

static void *mind(void *arg)
{
	struct child *c = arg;
	if (!launch(c)) {
		move(c, STATE_FAILED);
		return NULL;
	}
	move(c, STATE_RUNS);
	struct pollfd fds[2] = {
		{.fd = c->pid_fd, .events = POLLIN}, {.fd = c->errors, .events = POLLIN}};
	while (!fds[0].revents) {
		/* Closed early, it is not looked at again. */
		if (poll(fds, 2, -1) > 0 && fds[1].revents && carry(c) < 0)
			fds[1].fd = -1;
	}
	reap(c);
	ssize_t n = 1;
	for (ssize_t all = 0; n > 0 && all < LAST_BYTES_MAX; all += n)
		n = carry(c);
	exec_log_end(&c->log);
	move(c, STATE_ENDED);
	return NULL;
}

/* ---- from outside ---- */

static int make_pipes(struct child *c, struct err *err)
{
	int stream[2] = {-1, -1}, errors[2] = {-1, -1};
	/* A socket takes MSG_NOSIGNAL; on a pipe a worker's death would be SIGPIPE for us. */
	bool failed =
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) || pipe2(errors, O_CLOEXEC);
	c->stream = stream[0];
	c->their_stream = stream[1];
	c->errors = errors[0];
	c->their_errors = errors[1];
	if (failed || fcntl(c->stream, F_SETFL, O_NONBLOCK) ||
		fcntl(c->errors, F_SETFL, O_NONBLOCK))
		return err_set(err, ERR_SYSTEM,
			"worker \"%s\": cannot make its pipes: %s; raise the limit of open files",
			c->spawn.argv[0], strerror(errno));
	return 0;
}

static void dispose(struct child *c)
{
	close_fd(&c->pid_fd);
	close_fd(&c->stream);
	close_fd(&c->errors);
	close_fd(&c->their_stream);
	close_fd(&c->their_errors);
	spawn_release(&c->spawn);
	pthread_cond_destroy(&c->moved);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

int child_start(struct child **out, const struct child_options *how, struct err *err)
{
	assert(how->argv && how->argv[0]);
	struct child *c = mem_new(1, sizeof *c);
	pthread_mutex_init(&c->lock, NULL);
	threads_cond_init(&c->moved);
	spawn_init(&c->spawn, how->argv, how->dir, how->extra, &how->limits);
	c->log = how->log;
	c->pid_fd = -1;
	if (make_pipes(c, err) || threads_start(&c->minder, mind, c, err)) {
		dispose(c);
		return -1;
	}
	pthread_mutex_lock(&c->lock);
	while (c->state == STATE_STARTING)
		pthread_cond_wait(&c->moved, &c->lock);
	bool failed = c->state == STATE_FAILED;
	pthread_mutex_unlock(&c->lock);
	if (!failed) {
		*out = c;
		return 0;
	}
	pthread_join(c->minder, NULL);
	enum spawn_step step = c->report.step;
	err_set(err, step == SPAWN_EXEC || step == SPAWN_DIR ? ERR_CONFIG : ERR_SYSTEM,
		"worker \"%s\": %s: %s", how->argv[0], spawn_step_text(step),
		strerror(c->report.error));
	dispose(c);
	return -1;
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

int child_stream(const struct child *c)
{
	return c->stream;
}

int child_end(const struct child *c)
{
	return c->pid_fd;
}

void child_signal(struct child *c, int signal)
{
	pthread_mutex_lock(&c->lock);
	if (!c->reaped)
		kill(-c->pid, signal);
	pthread_mutex_unlock(&c->lock);
}

bool child_wait(struct child *c, int64_t until_us)
{
	pthread_mutex_lock(&c->lock);
	while (c->state != STATE_ENDED && threads_wait(&c->moved, &c->lock, until_us))
		;
	bool ended = c->state == STATE_ENDED;
	pthread_mutex_unlock(&c->lock);
	return ended;
}

void child_fate(struct child *c, char *out, size_t size)
{
	/* What a signal nobody here sent most often means. */
	static const struct {
		int signal;
		const char *hint;
	} hints[] = {{SIGKILL, ", as when the system runs out of memory"},
		{SIGXCPU, ", its CPU time was used up"}};
	if (c->status == -1) {
		snprintf(out, size, "an end that somebody else waited for");
	} else if (WIFEXITED(c->status)) {
		snprintf(out, size, "exit status %d", WEXITSTATUS(c->status));
	} else {
		int signal = WTERMSIG(c->status);
		const char *name = sigabbrev_np(signal), *hint = "";
		for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
			if (hints[i].signal == signal)
				hint = hints[i].hint;
		if (name)
			snprintf(out, size, "signal %d (SIG%s)%s", signal, name, hint);
		else
			snprintf(out, size, "signal %d", signal);
	}
}

const char *child_last_words(const struct child *c)
{
	return c->log.last;
}

void child_free(struct child *c)
{
	if (!c)
		return;
	child_signal(c, SIGKILL);
	pthread_join(c->minder, NULL);
	dispose(c);
}
