/* Pager: whether a text needs one, which there is, and how it is fed. The text is clean already:
 * no pager has to take care of what it holds. */
#define _GNU_SOURCE
#include "tui/pager.h"

#include "tui/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Whether the text takes more than `rows` rows of `columns`. */
static bool is_longer(const struct text *t, int rows, int columns)
{
	struct text line = {0};
	int used = 0;
	for (const char *at = text_str(t); *at && used <= rows;) {
		size_t len = strcspn(at, "\n");
		text_clear(&line);
		text_add_n(&line, at, len);
		int width = text_width(text_str(&line));
		used += width > columns ? (width + columns - 1) / columns : 1;
		at += len + (at[len] == '\n');
	}
	text_free(&line);
	return used > rows;
}

static bool needs_pager(const struct text *t)
{
	struct winsize size = {0};
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return false;
	/* The last row is the shell's prompt. */
	return size.ws_row > 1 && size.ws_col > 0 && is_longer(t, size.ws_row - 1, size.ws_col);
}

/* Whether the first word of a command is a program of $PATH. */
static bool is_there(const char *command)
{
	size_t len = strcspn(command, " \t");
	struct text path = {0};
	bool found = false;
	if (memchr(command, '/', len)) {
		text_add_n(&path, command, len);
		found = access(text_str(&path), X_OK) == 0;
	}
	const char *dirs = getenv("PATH");
	for (const char *at = dirs ? dirs : "/usr/bin:/bin"; !found && *at;) {
		size_t dir = strcspn(at, ":");
		text_clear(&path);
		text_add_n(&path, at, dir);
		text_add(&path, "/");
		text_add_n(&path, command, len);
		found = access(text_str(&path), X_OK) == 0;
		at += dir + (at[dir] == ':');
	}
	text_free(&path);
	return found;
}

/* The command of the pager, NULL for none. */
static const char *find_pager(void)
{
	const char *command = getenv("PAGER");
	if (!command)
		command = "less";
	command += strspn(command, " \t");
	return *command && strcmp(command, "cat") != 0 && is_there(command) ? command : NULL;
}

/* Starts it with `fd` as its standard input. 0 or an errno. */
static int start(pid_t *pid, const char *command, int fd)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none, as_new;
	char *argv[] = {"sh", "-c", (char *)command, NULL};
	sigemptyset(&none);
	sigemptyset(&as_new);
	sigaddset(&as_new, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
	posix_spawnattr_init(&how);
	posix_spawnattr_setsigmask(&how, &none);
	posix_spawnattr_setsigdefault(&how, &as_new);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	int error = posix_spawn(pid, "/bin/sh", &files, &how, argv, environ);
	posix_spawnattr_destroy(&how);
	posix_spawn_file_actions_destroy(&files);
	return error;
}

/* Writes what the pipe takes now. Returns what is left to write; 0 when the reader has left. */
static size_t feed(int fd, const char *at, size_t left)
{
	ssize_t n = write(fd, at, left);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? left : 0;
	return left - (size_t)n;
}

/* Feeds the pager until it has ended, and closes `fd`. Returns the signal by which this process
 * was told to end meanwhile, which the pager was given, too; 0 none. */
static int serve(pid_t pid, int fd, const struct text *t)
{
	int ended = pidfd_open(pid, 0), signo, last = 0;
	size_t left = t->len;
	struct pollfd fds[] = {{.fd = fd, .events = POLLOUT},
		{.fd = loop_signal_fd(), .events = POLLIN}, {.fd = ended, .events = POLLIN}};
	while (fds[0].fd >= 0 || (ended >= 0 && !fds[2].revents)) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			break;
		while ((signo = loop_signal()) != 0)
			if ((signo == SIGTERM || signo == SIGHUP) && kill(pid, signo) == 0)
				last = signo;
		if (fds[0].fd >= 0 && fds[0].revents)
			left = feed(fd, t->data + t->len - left, left);
		if (fds[0].fd >= 0 && (left == 0 || last != 0 || fds[2].revents)) {
			close(fd);
			fds[0].fd = -1;
		}
	}
	if (fds[0].fd >= 0)
		close(fd);
	if (ended >= 0)
		close(ended);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return last;
}

/* False when no pager could be started. */
static bool page(const char *command, const struct text *t)
{
	sigset_t stops;
	int ends[2];
	pid_t pid;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	/* As git has it: quit where all fits, keep the screen, show what it is given. */
	setenv("LESS", "FRX", 0);
	loop_ordinary_signals(false);
	int error = start(&pid, command, ends[0]);
	close(ends[0]);
	if (error != 0) {
		loop_ordinary_signals(true);
		close(ends[1]);
		return false;
	}
	/* ^Z stops both, or the shell would wait for one that runs on. */
	sigemptyset(&stops);
	sigaddset(&stops, SIGTSTP);
	sigaddset(&stops, SIGCONT);
	sigprocmask(SIG_UNBLOCK, &stops, NULL);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	int signo = serve(pid, ends[1], t);
	loop_ordinary_signals(true);
	if (signo != 0)
		raise(signo);
	return true;
}

void pager_show(const struct text *t, bool plain)
{
	const char *command = !plain && needs_pager(t) ? find_pager() : NULL;
	if (!command || !page(command, t))
		fwrite(text_str(t), 1, t->len, stdout);
}
