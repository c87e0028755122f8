/* Process: pidfd and pipes in one poll. */
#define _GNU_SOURCE
#include "tests/lib/process.h"

#include "model/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t process_clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_env(const char *const *env)
{
	for (; env && *env; env++) {
		const char *equals = strchr(*env, '=');
		char name[64];
		if (!equals) {
			unsetenv(*env);
			continue;
		}
		snprintf(name, sizeof name, "%.*s", (int)(equals - *env), *env);
		setenv(name, equals + 1, 1);
	}
}

static _Noreturn void run(
	const char *const *argv, const char *const *env, int out, int err, pid_t parent)
{
	char *args[64];
	size_t n = 0;
	sigset_t none;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127); /* the test died meanwhile */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int in = open("/dev/null", O_RDONLY);
	dup2(in, STDIN_FILENO);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	else
		close(STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	closefrom(STDERR_FILENO + 1);
	set_env(env);
	/* exec does not write to its arguments; its type is older than const. */
	for (; argv[n] && n + 1 < sizeof args / sizeof *args; n++)
		memcpy(&args[n], &argv[n], sizeof args[n]);
	args[n] = NULL;
	execvp(args[0], args);
	_exit(127);
}

static bool start(struct process *p, const char *const *argv, const char *const *env, bool mute)
{
	int out[2], err[2];
	*p = (struct process){.pid_fd = -1, .status = -1, .out.fd = -1, .err.fd = -1};
	p->out.text = mem_copy("");
	p->err.text = mem_copy("");
	if (pipe2(out, O_CLOEXEC) < 0)
		return false;
	if (pipe2(err, O_CLOEXEC) < 0) {
		close(out[0]), close(out[1]);
		return false;
	}
	fflush(NULL); /* else the child writes our buffers again */
	pid_t parent = getpid();
	p->pid = fork();
	if (p->pid == 0)
		run(argv, env, mute ? -1 : out[1], err[1], parent);
	close(out[1]);
	close(err[1]);
	p->out.fd = out[0];
	p->err.fd = err[0];
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	if (p->pid < 0) {
		p->pid = 0;
		return false;
	}
	p->pid_fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	return p->pid_fd >= 0;
}

bool process_start(struct process *p, const char *const *argv, const char *const *env)
{
	return start(p, argv, env, false);
}

bool process_start_mute(struct process *p, const char *const *argv, const char *const *env)
{
	return start(p, argv, env, true);
}

/* Takes what is there. */
static void drain(struct process_stream *s)
{
	char part[4096];
	while (s->fd >= 0) {
		ssize_t n = read(s->fd, part, sizeof part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close(s->fd);
			s->fd = -1;
			return;
		}
		s->text = mem_resize(s->text, s->len + (size_t)n + 1, 1);
		memcpy(s->text + s->len, part, (size_t)n);
		s->len += (size_t)n;
		s->text[s->len] = 0;
	}
}

static void reap(struct process *p)
{
	int status;
	if (p->pid == 0 || waitpid(p->pid, &status, WNOHANG) != p->pid)
		return;
	p->pid = 0;
	p->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	close(p->pid_fd);
	p->pid_fd = -1;
}

/* Looks after everything once, at most until `end_ms`; false when that has passed. */
static bool step(struct process *p, int64_t end_ms)
{
	int64_t left = end_ms - process_clock_ms();
	struct pollfd fds[] = {{.fd = p->pid_fd, .events = POLLIN},
		{.fd = p->out.fd, .events = POLLIN}, {.fd = p->err.fd, .events = POLLIN}};
	if (left <= 0)
		return false;
	poll(fds, 3, (int)left);
	reap(p);
	drain(&p->out);
	drain(&p->err);
	return true;
}

int process_wait(struct process *p, int timeout_ms)
{
	int64_t end_ms = process_clock_ms() + timeout_ms;
	while (p->pid != 0 || p->out.fd >= 0 || p->err.fd >= 0)
		if (!step(p, end_ms))
			return -1;
	return p->status;
}

static bool wait_text(
	struct process *p, const struct process_stream *s, const char *text, int timeout_ms)
{
	int64_t end_ms = process_clock_ms() + timeout_ms;
	while (!strstr(s->text, text)) {
		bool over = p->pid == 0 && s->fd < 0;
		if (over || !step(p, end_ms))
			return false;
	}
	return true;
}

bool process_wait_err(struct process *p, const char *text, int timeout_ms)
{
	return wait_text(p, &p->err, text, timeout_ms);
}

bool process_wait_out(struct process *p, const char *text, int timeout_ms)
{
	return wait_text(p, &p->out, text, timeout_ms);
}

void process_signal(struct process *p, int signal)
{
	reap(p);
	if (p->pid > 0)
		kill(p->pid, signal);
}

int process_run(
	struct process *p, const char *const *argv, const char *const *env, int timeout_ms)
{
	if (!process_start(p, argv, env))
		return -1;
	int status = process_wait(p, timeout_ms);
	if (status < 0)
		process_signal(p, SIGKILL);
	return status;
}

void process_release(struct process *p)
{
	if (!p->out.text)
		return;
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	if (p->pid_fd >= 0)
		close(p->pid_fd);
	if (p->out.fd >= 0)
		close(p->out.fd);
	if (p->err.fd >= 0)
		close(p->err.fd);
	free(p->out.text);
	free(p->err.text);
	*p = (struct process){.pid_fd = -1, .out.fd = -1, .err.fd = -1};
}
