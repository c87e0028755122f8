/* Children: their pipes, their time, their end. Not what they are run for: notify.c and veto.c know
 * that.
 *
 * 1. Pipes do not block, children are asked after: nothing here waits.
 * 2. What a child says beyond what is kept is read and dropped, so that it never hangs on it. */
#define _GNU_SOURCE
#include "tui/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void child_let_go(struct child *c)
{
	shut(&c->in);
	shut(&c->out);
	text_free(&c->text);
	c->text = (struct text){0};
	c->pid = 0;
}

void child_kill(struct child *c)
{
	if (c->pid)
		kill(-c->pid, SIGKILL);
	child_let_go(c);
}

int child_spawn(pid_t *pid, const struct child_start *start)
{
	short apart = start->session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none, as_new;
	sigemptyset(&none);
	sigfillset(&as_new);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, start->in, STDIN_FILENO);
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		if (start->out >= 0)
			posix_spawn_file_actions_adddup2(&files, start->out, fd);
		else
			posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_WRONLY, 0);
	}
	posix_spawnattr_init(&how);
	posix_spawnattr_setsigmask(&how, &none);
	posix_spawnattr_setsigdefault(&how, &as_new);
	posix_spawnattr_setpgroup(&how, 0);
	posix_spawnattr_setflags(
		&how, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | apart));
	int error = posix_spawn(pid, start->path, &files, &how, start->argv, environ);
	posix_spawnattr_destroy(&how);
	posix_spawn_file_actions_destroy(&files);
	return error;
}

/* What the pipe takes now. A command that does not read ends that, and nothing else. */
static void feed(struct child *c)
{
	while (c->in >= 0 && c->at < c->text.len) {
		ssize_t some = write(c->in, text_str(&c->text) + c->at, c->text.len - c->at);
		if (some < 0 && errno == EINTR)
			continue;
		if (some < 0 && errno == EAGAIN)
			return;
		if (some < 0)
			break;
		c->at += (size_t)some;
	}
	shut(&c->in);
}

/* A child that writes without end is not read without end: a turn takes a bounded part. */
static void listen_to(struct child *c)
{
	for (int i = 0; i < 16 && c->out >= 0; i++) {
		char part[4096];
		ssize_t len = read(c->out, part, sizeof part);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return;
		if (len <= 0) {
			shut(&c->out);
			return;
		}
		size_t room = sizeof c->said - c->said_len;
		size_t kept = (size_t)len < room ? (size_t)len : room;
		memcpy(c->said + c->said_len, part, kept);
		c->said_len += kept;
	}
}

/* Both pipes; `fds` are our end and the child's of each, -1 where there is none. */
static int open_pipes(int in[2], int out[2], bool listens)
{
	out[0] = out[1] = -1;
	if (pipe2(in, O_CLOEXEC) < 0)
		return errno;
	if (listens && pipe2(out, O_CLOEXEC) < 0) {
		int error = errno;
		close(in[0]);
		close(in[1]);
		return error;
	}
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	if (listens)
		fcntl(out[0], F_SETFL, O_NONBLOCK);
	return 0;
}

int child_begin(struct child *c, char *const argv[], struct text *text, bool listens,
	int64_t most_ms, struct instant now)
{
	int in[2], out[2];
	*c = CHILD_NONE;
	c->text = *text;
	*text = (struct text){0};
	int error = open_pipes(in, out, listens);
	if (error) {
		child_let_go(c);
		return error;
	}
	error = child_spawn(&c->pid,
		&(struct child_start){.path = argv[0], .argv = argv, .in = in[0], .out = out[1]});
	close(in[0]);
	if (out[1] >= 0)
		close(out[1]);
	c->in = in[1];
	c->out = out[0];
	if (error) {
		child_let_go(c);
		return error;
	}
	c->most_ms = most_ms;
	c->end_ms = now.boot_ms + most_ms;
	feed(c);
	return 0;
}

bool child_turn(struct child *c, struct instant now, char why[CHILD_WHY_MAX])
{
	int status = 0;
	feed(c);
	listen_to(c);
	if (now.boot_ms >= c->end_ms && !c->killed) {
		kill(-c->pid, SIGKILL);
		c->killed = true;
	}
	pid_t ended = waitpid(c->pid, &status, WNOHANG);
	if (ended == 0)
		return false;
	why[0] = 0;
	if (c->killed)
		snprintf(why, CHILD_WHY_MAX, "did not end within %lld s and was killed",
			(long long)c->most_ms / 1000);
	else if (ended != c->pid)
		snprintf(why, CHILD_WHY_MAX, "was lost: nobody knows how it ended");
	else if (WIFSIGNALED(status))
		snprintf(why, CHILD_WHY_MAX, "was ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		snprintf(why, CHILD_WHY_MAX, "failed: exit status %d", WEXITSTATUS(status));
	/* Its last words came before its end. */
	listen_to(c);
	child_let_go(c);
	return true;
}
