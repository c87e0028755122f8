/* The process' clock, randomness and signals. */
#define _GNU_SOURCE
#include "tui/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct instant loop_now(void)
{
	return (struct instant){
		.boot_ms = clock_ms(CLOCK_BOOTTIME), .wall_ms = clock_ms(CLOCK_REALTIME)};
}

uint64_t loop_seed(void)
{
	uint64_t seed;
	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		seed = (uint64_t)clock_ms(CLOCK_REALTIME) ^ (uint64_t)getpid() << 32;
	return seed;
}

/* Signals are the process'; so is what has come of them. */
static int signal_fd = -1;
static bool interrupted;

int loop_signals(struct err *err)
{
	sigset_t set;
	sigemptyset(&set);
	static const int wanted[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT};
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		sigaddset(&set, wanted[i]);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_set(err, ERR_SYSTEM, "signals cannot be blocked: %s", strerror(errno));
	signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signal_fd < 0)
		return err_set(err, ERR_SYSTEM, "no descriptor for signals: %s", strerror(errno));
	return 0;
}

int loop_signal_fd(void)
{
	return signal_fd;
}

int loop_signal(void)
{
	struct signalfd_siginfo info;
	if (signal_fd < 0 || read(signal_fd, &info, sizeof info) != sizeof info)
		return 0;
	int signo = (int)info.ssi_signo;
	if (signo == SIGINT || signo == SIGTERM || signo == SIGHUP)
		interrupted = true;
	return signo;
}

static volatile sig_atomic_t has_line, file_count;
static char unfinished[3][4096];

/* Only what a handler may call. */
static void end_tidily(int signo)
{
	static const char clear[] = "\r\033[K";
	for (int i = 0; i < file_count; i++)
		unlink(unfinished[i]);
	if (has_line && write(STDERR_FILENO, clear, sizeof clear - 1) < 0)
		has_line = 0;
	raise(signo);
}

void loop_ordinary_signals(bool ordinary)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP};
	const struct sigaction tidily = {
		.sa_handler = end_tidily, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		struct sigaction is;
		/* whoever started us may have seen to it that one does nothing (nohup) */
		if (ordinary && ends[i] != SIGTSTP && sigaction(ends[i], NULL, &is) == 0 &&
			is.sa_handler != SIG_IGN)
			sigaction(ends[i], &tidily, NULL);
		sigaddset(&set, ends[i]);
	}
	sigprocmask(ordinary ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

void loop_line(bool stands)
{
	has_line = stands;
}

void loop_unfinished(const char *path)
{
	static const char *const tails[] = {"", "-wal", "-shm"};
	file_count = 0;
	for (int i = 0; i < 3 && path; i++) {
		int len = snprintf(unfinished[i], sizeof unfinished[i], "%s%s", path, tails[i]);
		if (len < 0 || (size_t)len >= sizeof unfinished[i])
			return; /* no such file could be opened */
	}
	file_count = path ? 3 : 0;
}

bool loop_interrupted(void)
{
	return interrupted;
}

static bool turn_until(
	struct desk *d, bool (*done)(void *ctx), void *ctx, int64_t timeout_ms, bool heeds_signals)
{
	struct instant now = loop_now();
	int64_t end = now.boot_ms + timeout_ms;
	for (;;) {
		desk_turn(d, now);
		if (done(ctx))
			return true;
		while (loop_signal() != 0)
			;
		int64_t left = timeout_ms < 0 ? 1000 : end - now.boot_ms;
		if ((interrupted && heeds_signals) || left <= 0)
			return false;
		struct wait_fd fd = {.fd = signal_fd};
		desk_wait(d, &fd, signal_fd >= 0, left < 1000 ? left : 1000, now);
		now = loop_now();
	}
}

bool loop_until(struct desk *d, bool (*done)(void *ctx), void *ctx, int64_t timeout_ms)
{
	return turn_until(d, done, ctx, timeout_ms, true);
}

bool loop_finish(struct desk *d, bool (*done)(void *ctx), void *ctx, int64_t timeout_ms)
{
	return turn_until(d, done, ctx, timeout_ms, false);
}

#define LEAVE_MS 1000

static bool has_left(void *ctx)
{
	return desk_left(ctx);
}

void loop_leave(struct desk *d)
{
	desk_leave(d, loop_now());
	loop_finish(d, has_left, d, LEAVE_MS);
}

bool loop_input(int fd)
{
	struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
	while (!interrupted) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return false;
		while (loop_signal() != 0)
			;
		if (fds[0].revents && !interrupted)
			return true;
	}
	return false;
}

bool loop_pause(int64_t timeout_ms)
{
	struct pollfd fd = {.fd = signal_fd, .events = POLLIN};
	poll(&fd, 1, timeout_ms < 0 ? -1 : (int)timeout_ms);
	while (loop_signal() != 0)
		;
	return interrupted;
}
