/* Pty: a program behind a terminal of our own. Not an expect: a test says what must be on
 * the screen, never how long to wait for it. */
#define _GNU_SOURCE
#include "tests/lib/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 20 /* how often a silent program is looked after */

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool pty_fork(struct pty *p, int w, int h, int (*child)(void *arg), void *arg)
{
	struct winsize size = {.ws_row = (unsigned short)h, .ws_col = (unsigned short)w};
	*p = (struct pty){.fd = -1};
	fflush(NULL); /* else the child writes our buffers again */
	p->pid = forkpty(&p->fd, NULL, NULL, &size);
	if (p->pid < 0)
		return false;
	if (p->pid == 0)
		_exit(child(arg));
	fcntl(p->fd, F_SETFD, FD_CLOEXEC);
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	simulator_init(&p->screen, w, h);
	return true;
}

struct program {
	const char *const *argv;
	const char *const *env;
};

static int run_program(void *arg)
{
	const struct program *program = arg;
	for (const char *const *e = program->env; e != NULL && *e != NULL; e++) {
		const char *equals = strchr(*e, '=');
		if (equals == NULL) {
			unsetenv(*e);
			continue;
		}
		char name[64];
		snprintf(name, sizeof name, "%.*s", (int)(equals - *e), *e);
		setenv(name, equals + 1, 1);
	}
	/* exec does not write to its arguments; its type is older than const. */
	char *argv[64];
	size_t count = 0;
	for (; program->argv[count] != NULL && count + 1 < sizeof argv / sizeof argv[0]; count++)
		memcpy(&argv[count], &program->argv[count], sizeof argv[count]);
	argv[count] = NULL;
	execvp(argv[0], argv);
	return 127;
}

bool pty_start(struct pty *p, int w, int h, const char *const *argv, const char *const *env)
{
	struct program program = {.argv = argv, .env = env};
	return pty_fork(p, w, h, run_program, &program);
}

/* Feeds what is there; notes when the program has closed its side. */
static void read_all(struct pty *p)
{
	char bytes[4096];
	ssize_t got;
	while ((got = read(p->fd, bytes, sizeof bytes)) > 0)
		simulator_feed(&p->screen, bytes, (size_t)got);
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		p->closed = true;
}

static void wait_readable(struct pty *p, int64_t left_ms)
{
	struct pollfd wait = {.fd = p->closed ? -1 : p->fd, .events = POLLIN};
	poll(&wait, 1, (int)(left_ms < STEP_MS ? left_ms : STEP_MS));
	read_all(p);
}

static void look_for_end(struct pty *p)
{
	if (p->pid > 0 && waitpid(p->pid, &p->status, WNOHANG) == p->pid)
		p->pid = 0;
}

bool pty_wait(struct pty *p, bool (*holds)(const struct simulator *screen, const void *arg),
	const void *arg, int timeout_ms)
{
	int64_t end_ms = now_ms() + timeout_ms;
	for (;;) {
		read_all(p);
		if (holds(&p->screen, arg))
			return true;
		int64_t left_ms = end_ms - now_ms();
		if (left_ms <= 0 || p->closed)
			return false;
		wait_readable(p, left_ms);
	}
}

static bool shows(const struct simulator *screen, const void *text)
{
	return simulator_shows(screen, text);
}

static bool shows_not(const struct simulator *screen, const void *text)
{
	return !simulator_shows(screen, text);
}

static void print_screen(const struct pty *p, const char *what, const char *text)
{
	char *all = simulator_text(&p->screen);
	fprintf(stderr, "%s \"%s\"%s; the screen is\n%s", what, text,
		p->closed ? ", the program is gone" : "", all);
	free(all);
}

bool pty_wait_text(struct pty *p, const char *text, int timeout_ms)
{
	if (pty_wait(p, shows, text, timeout_ms))
		return true;
	print_screen(p, "no row shows", text);
	return false;
}

bool pty_wait_no_text(struct pty *p, const char *text, int timeout_ms)
{
	if (pty_wait(p, shows_not, text, timeout_ms))
		return true;
	print_screen(p, "a row still shows", text);
	return false;
}

int pty_wait_exit(struct pty *p, int timeout_ms)
{
	int64_t end_ms = now_ms() + timeout_ms;
	for (;;) {
		look_for_end(p);
		read_all(p); /* after: the last bytes of a program that has ended are there now */
		if (p->pid == 0)
			return WIFSIGNALED(p->status) ? 128 + WTERMSIG(p->status) : WEXITSTATUS(p->status);
		int64_t left_ms = end_ms - now_ms();
		if (left_ms <= 0)
			return -1;
		wait_readable(p, left_ms);
	}
}

void pty_send_n(struct pty *p, const void *bytes, size_t len)
{
	const char *b = bytes;
	while (len > 0) {
		ssize_t put = write(p->fd, b, len);
		if (put > 0) {
			b += put;
			len -= (size_t)put;
			continue;
		}
		if (put < 0 && errno != EAGAIN && errno != EINTR)
			return;
		/* The program may wait for us to read before it reads. */
		struct pollfd wait = {.fd = p->fd, .events = POLLIN | POLLOUT};
		if (poll(&wait, 1, 1000) <= 0)
			return;
		read_all(p);
	}
}

void pty_send(struct pty *p, const char *keys)
{
	pty_send_n(p, keys, strlen(keys));
}

void pty_resize(struct pty *p, int w, int h)
{
	struct winsize size = {.ws_row = (unsigned short)h, .ws_col = (unsigned short)w};
	read_all(p);
	simulator_resize(&p->screen, w, h);
	ioctl(p->fd, TIOCSWINSZ, &size);
}

void pty_signal(struct pty *p, int signal)
{
	look_for_end(p);
	if (p->pid > 0)
		kill(p->pid, signal);
}

void pty_release(struct pty *p)
{
	look_for_end(p);
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, &p->status, 0);
	}
	if (p->fd >= 0)
		close(p->fd);
	simulator_release(&p->screen);
	*p = (struct pty){.fd = -1};
}
