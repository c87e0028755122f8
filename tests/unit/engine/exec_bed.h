/* Exec bed: what tests of workers share: tiny workers in sh, a log that can be waited for, the
 * end of a process waited for. */
#ifndef WEIR_TESTS_UNIT_ENGINE_EXEC_BED_H
#define WEIR_TESTS_UNIT_ENGINE_EXEC_BED_H

#include "client/engine/exec.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WAIT_MS 20000
#define SOON_US (threads_us() + WAIT_MS * 1000)

#define READY "echo '{\"ready\":true}'; "
/* Waits for ever, without ending at the end of its input. */
#define STAY "exec tail -f /dev/null"

/* ---- the log of a worker ---- */

struct bed_log {
	pthread_mutex_t lock;
	pthread_cond_t came;
	struct text text;
};

__attribute__((unused)) static void bed_log_init(struct bed_log *l)
{
	memset(l, 0, sizeof *l);
	pthread_mutex_init(&l->lock, NULL);
	threads_cond_init(&l->came);
}

__attribute__((unused)) static void bed_log_release(struct bed_log *l)
{
	text_free(&l->text);
	pthread_cond_destroy(&l->came);
	pthread_mutex_destroy(&l->lock);
}

__attribute__((unused)) static void bed_log_take(void *ctx, const char *line)
{
	struct bed_log *l = ctx;
	pthread_mutex_lock(&l->lock);
	text_addf(&l->text, "%s\n", line);
	pthread_cond_broadcast(&l->came);
	pthread_mutex_unlock(&l->lock);
}

/* Waits until the log holds the words. */
__attribute__((unused)) static bool bed_log_wait(struct bed_log *l, const char *words)
{
	int64_t until_us = SOON_US;
	pthread_mutex_lock(&l->lock);
	while (!strstr(text_str(&l->text), words) && threads_wait(&l->came, &l->lock, until_us))
		;
	bool there = strstr(text_str(&l->text), words) != NULL;
	pthread_mutex_unlock(&l->lock);
	return there;
}

/* ---- processes ---- */

__attribute__((unused)) static int bed_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0U);
}

/* Waits for the end of what the descriptor means, and closes it. */
__attribute__((unused)) static bool bed_ends(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	bool ended = poll(&p, 1, WAIT_MS) == 1;
	close(pidfd);
	return ended;
}

__attribute__((unused)) static bool bed_lives(pid_t pid)
{
	struct resource_stat s;
	return resource_stat(&s, pid) && s.state != 'Z' && s.state != 'X';
}

/* ---- workers ---- */

/* Starts `sh -c script`; `how` may be NULL, its argv is set. */
__attribute__((unused)) static int bed_sh(
	struct exec **out, const char *script, const struct exec_options *how, struct err *err)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct exec_options o = how ? *how : (struct exec_options){0};
	o.argv = argv;
	return exec_start(out, &o, err);
}

#endif
