/* Terminal bed: a program at a pool, on a terminal of the test's own. On the release build. */
#ifndef WEIR_TESTS_E2E_TERMINAL_BED_H
#define WEIR_TESTS_E2E_TERMINAL_BED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/corpus.h"
#include "tests/lib/glass.h"
#include "tests/lib/proxy.h"
#include "tests/lib/usage.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>

#define CONFIRMED "--confirm", "checkout"
#define KEY_MS 5000 /* for what the design gives 250 ms: a shared machine is slower */
#define COUNT(a) (sizeof(a) / sizeof *(a))

struct fixture {
	struct world w;
	struct glass g;
	struct process p;
	struct text bytes; /* all that the console wrote to its terminal */
	struct liar *liar;
	struct proxy *proxy;
	int keep;      /* keeps the terminal there when the program has gone */
	pid_t busy[2]; /* who takes the processors away */
};

struct liar {
	int listener, stop;
	pthread_t thread;
	atomic_int batch;  /* what it says now; entries of its log end with it */
	atomic_int broken; /* a row whose bytes stand in the document as they are; -1: none */
	atomic_int documents;
};

static inline void liar_stop(struct liar *l)
{
	if (!l)
		return;
	eventfd_write(l->stop, 1);
	pthread_join(l->thread, NULL);
	close(l->stop);
	close(l->listener);
	free(l);
}

static inline void no_leak(const char *bytes, size_t len, const char *where)
{
	const char *leak = corpus_leak(bytes, len);
	if (leak)
		fail_msg("%s: %s", where, leak);
}

/* ---- the fixture ---- */

static inline int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	f.keep = -1;
	world_open(&f.w);
	*state = &f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 2; i++)
		if (f->busy[i] > 0) {
			kill(f->busy[i], SIGKILL);
			waitpid(f->busy[i], NULL, 0);
		}
	if (f->keep >= 0)
		close(f->keep);
	glass_close(&f->g);
	process_release(&f->p);
	proxy_stop(f->proxy);
	liar_stop(f->liar);
	text_free(&f->bytes);
	world_close(&f->w);
	return 0;
}

/* A pool whose steps are ready at once. */
static inline void quick_pool(struct fixture *f)
{
	world_config(&f->w, f->w.target,
		"    interval: 200ms\n"
		"    plan: {steps: [10%, 20%], bake: 100ms, min_samples: 0}\n");
	world_pool(&f->w, false, ARGS("--unit", "500ms"));
}

static inline void open_console(struct fixture *f, int w, int h, const struct world_env *env)
{
	glass_open(&f->g, &f->w, w, h, env, ARGS("checkout", "--config", f->w.config));
	f->keep = open(ptsname(f->g.pty.fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(f->keep >= 0);
}

static inline void close_console(struct fixture *f)
{
	if (f->keep >= 0)
		close(f->keep);
	f->keep = -1;
	glass_close(&f->g);
}

static inline void quit(struct fixture *f)
{
	pty_send(&f->g.pty, "q");
	assert_int_equal(pty_wait_exit(&f->g.pty, 10000), 0);
	close_console(f);
}

static inline struct termios settings(int fd)
{
	struct termios now;
	memset(&now, 0, sizeof now);
	assert_int_equal(tcgetattr(fd, &now), 0);
	return now;
}

/* The terminal is as a new one: its settings, its screen, its pen. */
static inline void check_given_back(struct fixture *f)
{
	int master, slave;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	struct termios new = settings(slave), now = settings(f->keep);
	close(slave);
	close(master);
	assert_int_equal(now.c_lflag, new.c_lflag);
	assert_int_equal(now.c_iflag, new.c_iflag);
	assert_int_equal(now.c_oflag, new.c_oflag);
	const struct simulator *screen = &f->g.pty.screen;
	assert_false(screen->alternate || screen->paste || screen->cursor_hidden);
	assert_int_equal(screen->cursor.pen.attrs, 0);
	assert_int_equal(screen->errors, 0);
}

/* ---- a terminal, or a process, that goes in the middle of a step ---- */

/* A pool behind a proxy that takes a step and lets nobody hear of it. */
static inline void deaf_pool(struct fixture *f)
{
	char front[WORLD_PATH], target[WORLD_PATH];
	world_path(&f->w, front, "front.sock");
	snprintf(target, sizeof target, "unix:%.180s", front);
	world_pool(&f->w, false, ARGS("--unit", "500ms"));
	world_config(&f->w, target,
		"    interval: 200ms\n"
		"    plan: {steps: [10%, 20%], bake: 100ms, min_samples: 0}\n");
	f->proxy = proxy_start(front, f->w.socket, "PUT ");
	assert_non_null(f->proxy);
	proxy_set_mode(f->proxy, PROXY_LOSE_REQUEST);
}

static inline void step_into_silence(struct fixture *f)
{
	size_t len;
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	pty_send(&f->g.pty, "S");
	assert_true(glass_wait(&f->g, "y step to 10 %", "k", 10000));
	pty_send(&f->g.pty, "y");
	char *request = proxy_caught(f->proxy, &len, 10000);
	assert_non_null(request);
	free(request);
}

/* The last decision is there, its effect is unknown, and nothing was sent twice. */
static inline void check_open_intent(struct fixture *f, int decisions)
{
	assert_true(world_verified(&f->w, f->w.history));
	struct cJSON *log = world_log(&f->w, f->w.history);
	const struct cJSON *each, *last = NULL;
	int steps = 0;
	cJSON_ArrayForEach(each, log)
	{
		if (strcmp(world_word(each, "verb"), "step") != 0)
			continue;
		last = each;
		steps++;
	}
	assert_int_equal(steps, decisions);
	assert_string_equal(world_word(last, "outcome"), "PENDING"); /* nothing final is known */
	cJSON_Delete(log);
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	struct cJSON *audit = world_audit(&f->w, 0);
	cJSON_ArrayForEach(each, audit)
	{
		assert_string_not_equal(world_word(each, "what"), "step");
	}
	cJSON_Delete(audit);
}

#endif
