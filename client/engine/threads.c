/* Threads: clocks, randomness, waits and thread starts of the engine. Not a scheduler: who runs
 * what is worker.c's.
 *
 * Invariants:
 * 1. No other file of client/ reads a clock or asks for randomness.
 * 2. Every timed wait is on CLOCK_MONOTONIC: a stepped wall clock neither ends nor prolongs it.
 */
#define _GNU_SOURCE
#include "client/engine/threads.h"

#include "client/engine/engine.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t clock, int64_t units_a_second)
{
	struct timespec t;
	int failed = clock_gettime(clock, &t);
	assert(!failed);
	(void)failed;
	return (int64_t)t.tv_sec * units_a_second +
		(int64_t)t.tv_nsec / (1000000000 / units_a_second);
}

struct instant engine_now(void)
{
	return (struct instant){
		.boot_ms = read_clock(CLOCK_BOOTTIME, 1000),
		.wall_ms = read_clock(CLOCK_REALTIME, 1000),
	};
}

int64_t threads_us(void)
{
	return read_clock(CLOCK_MONOTONIC, 1000000);
}

static struct timespec moment(int64_t us)
{
	if (us < 0)
		us = 0;
	return (struct timespec){
		.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
}

void threads_pause(int64_t us)
{
	struct timespec t = moment(us);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

void threads_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

bool threads_pin(pid_t pid, int cpu)
{
	cpu_set_t all, one;
	if (sched_getaffinity(0, sizeof all, &all) != 0 || CPU_COUNT(&all) == 0)
		return false;
	int wanted = cpu % CPU_COUNT(&all);
	for (size_t k = 0; k < CPU_SETSIZE; k++) {
		if (!CPU_ISSET(k, &all) || wanted-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(k, &one);
		return sched_setaffinity(pid, sizeof one, &one) == 0;
	}
	return false;
}

void threads_random(void *out, size_t len)
{
	unsigned char *p = out;
	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);
		assert(n > 0 || errno == EINTR);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}

int threads_start(pthread_t *out, void *(*run)(void *), void *arg, struct err *err)
{
	sigset_t all, before;
	sigfillset(&all);
	/* Both are inherited; a slack of 0 is the thread's own default. */
	pthread_sigmask(SIG_BLOCK, &all, &before);
	prctl(PR_SET_TIMERSLACK, 1ul);
	int failed = pthread_create(out, NULL, run, arg);
	prctl(PR_SET_TIMERSLACK, 0ul);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return err_set(err, ERR_SYSTEM, "cannot start a thread: %s; raise the limit of threads",
			strerror(failed));
	return 0;
}

bool threads_word_wait(atomic_int *word, int value, int64_t until_us)
{
	struct timespec t = moment(until_us);
	long failed = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value,
		until_us < INT64_MAX ? &t : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
	return !failed || errno != ETIMEDOUT;
}

void threads_word_wake(atomic_int *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void threads_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

bool threads_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_us)
{
	struct timespec t = moment(until_us);
	return pthread_cond_timedwait(cond, lock, &t) != ETIMEDOUT;
}

void gate_init(struct gate *g)
{
	atomic_init(&g->closed, false);
}

void gate_release(struct gate *g)
{
	atomic_store(&g->closed, true);
}

void gate_close(struct gate *g)
{
	atomic_store(&g->closed, true);
	threads_word_wake(&g->closed);
}

bool gate_is_closed(struct gate *g)
{
	return atomic_load_explicit(&g->closed, memory_order_acquire);
}

bool gate_wait(struct gate *g, int64_t until_us)
{
	while (!gate_is_closed(g) && threads_word_wait(&g->closed, false, until_us))
		;
	return gate_is_closed(g);
}
