/* Signals while weir only reads: they end it at once, however much there is to read and whoever
 * does not take what it writes; a pager is ended with it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "history/history.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOON_MS 10000
#define ENTRIES 800 /* lines of a log: more than a pipe takes */
#define WALL_MS 1800000000000

struct fixture {
	struct world w;
	struct process p;
	char fifo[WORLD_PATH];
	int fd;
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	f.fd = -1;
	world_open(&f.w);
	world_config(&f.w, f.w.target, "");
	world_path(&f.w, f.fifo, "fifo");
	assert_int_equal(mkfifo(f.fifo, 0600), 0);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	if (f->fd >= 0)
		close(f->fd);
	process_release(&f->p);
	world_close(&f->w);
	return 0;
}

/* A history with what others did, in one transaction. */
static void fill(const struct fixture *f)
{
	char keys[WORLD_PATH];
	struct history *h;
	struct err err = {0};
	struct snapshot *s = mem_new(1, sizeof *s);
	struct audit_entry *e = mem_new(ENTRIES, sizeof *e);
	world_path(&f->w, keys, "keys");
	const struct history_options how = {
		.path = f->w.history, .actor = "kim@ops1", .key_dir = keys};
	assert_int_equal(history_start(&h, &how, &err), 0);
	text_copy(s->pool_id, sizeof s->pool_id, "pool-1");
	text_copy(s->node_id, sizeof s->node_id, "node-1");
	for (int i = 0; i < ENTRIES; i++) {
		e[i] = (struct audit_entry){.seq = i + 1, .what = "step", .to_bp = 100, .epoch = 1};
		e[i].rev = i + 1;
		text_copy(e[i].actor, sizeof e[i].actor, "lee@web2");
		memset(e[i].reason, 'x', 150);
	}
	history_observed(h, WALL_MS, "checkout", s, e, ENTRIES);
	assert_int_equal(history_stop(h, SOON_MS), 0);
	free(e);
	free(s);
}

/* A writer that nobody reads from is stuck once the pipe is full. */
static void test_a_log_that_nobody_reads(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct fixture *f = *state;
	fill(f);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		f->fd = open(f->fifo, O_RDWR | O_NONBLOCK);
		assert_true(f->fd >= 0);
		struct world_env env = world_env(&f->w, NULL);
		assert_true(process_start(&f->p,
			ARGS("sh", "-c", "exec \"$0\" log --config \"$1\" >\"$2\"", world_weir(),
				f->w.config, f->fifo),
			env.list));
		int full = 0;
		for (int64_t end_ms = process_clock_ms() + SOON_MS; full < 65536 - 4096;) {
			assert_true(process_clock_ms() < end_ms);
			poll(NULL, 0, 1); /* a pipe does not tell that it is full */
			assert_int_equal(ioctl(f->fd, FIONREAD, &full), 0);
		}
		process_signal(&f->p, signals[i]);
		assert_int_equal(process_wait(&f->p, SOON_MS), 128 + signals[i]);
		process_release(&f->p);
		close(f->fd);
		f->fd = -1;
	}
}

/* A file that does not end: it is being read, which shows in that it can be opened for writing. */
static void ends_while_it_reads(struct fixture *f, const char *const *args)
{
	struct world_env env = world_env(&f->w, NULL);
	world_start(&f->w, &f->p, &env, args);
	for (int64_t end_ms = process_clock_ms() + SOON_MS; f->fd < 0;) {
		assert_true(process_clock_ms() < end_ms);
		f->fd = open(f->fifo, O_WRONLY | O_NONBLOCK);
		assert_true(f->fd >= 0 || errno == ENXIO);
		poll(NULL, 0, 1);
	}
	process_signal(&f->p, SIGINT);
	assert_int_equal(process_wait(&f->p, SOON_MS), 128 + SIGINT);
	process_release(&f->p);
	close(f->fd);
	f->fd = -1;
}

static void test_check_and_plan_of_an_endless_file(void **state)
{
	struct fixture *f = *state;
	ends_while_it_reads(f, ARGS("check", f->fifo));
	ends_while_it_reads(f, ARGS("plan", f->fifo, "--config", f->w.config));
}

static void show_log(struct fixture *f, struct pty *p)
{
	/* it says who it is and reads nothing */
	struct world_env env =
		world_env(&f->w, ARGS("PAGER=echo pager $$ is here; exec tail -f /dev/null"));
	world_console(&f->w, p, 100, 5, &env, ARGS("log", "--config", f->w.config));
	assert_true(pty_wait_text(p, "is here", SOON_MS));
}

static bool is_pager(const struct simulator *s, const void *arg)
{
	(void)arg;
	return simulator_shows(s, "is here");
}

static void test_a_pager_ends_with_it(void **state)
{
	static const int signals[] = {SIGTERM, SIGHUP};
	struct fixture *f = *state;
	struct pty p;
	fill(f);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		show_log(f, &p);
		assert_true(pty_wait(&p, is_pager, NULL, SOON_MS));
		pty_signal(&p, signals[i]);
		assert_int_equal(pty_wait_exit(&p, SOON_MS), 128 + signals[i]);
		pty_release(&p);
	}
	/* an interrupt is the pager's, which may live on: only its end is the end */
	show_log(f, &p);
	pty_signal(&p, SIGINT);
	pty_send(&p, "\003");
	assert_int_equal(pty_wait_exit(&p, SOON_MS), 0);
	pty_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_log_that_nobody_reads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_check_and_plan_of_an_endless_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_pager_ends_with_it, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
