/* Tests of a supervisor of programs: what it hears while it is busy, and how a segment looks that
 * nobody has measured yet. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/engine/exec_bed.h"
#include "tests/unit/engine/worker_bed.h"

#include "model/pool.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>

/* Where DIR/slow is, it waits for a line of DIR/go before it is ready. Ends at "die". */
static const char script[] = //
	"echo starting >&2; [ -e \"$1/slow\" ] && { echo waits >&2; read -r x <\"$1/go\"; }; " READY
	"while read -r line; do "
	"case $line in *die*) exit 3;; esac; "
	"id=${line#*\\\"id\\\":}; id=${id%%,*}; echo \"{\\\"id\\\":$id,\\\"ok\\\":true}\"; "
	"done";

struct fixture {
	struct bed bed;
	struct bed_log log;
	char dir[200], slow[220], go[220];
	struct exec_options exec;
	const char *argv[6];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	const char *tmp = getenv("TMPDIR");
	bed_log_init(&f->log);
	snprintf(f->dir, sizeof f->dir, "%.150s/news-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->slow, sizeof f->slow, "%s/slow", f->dir);
	snprintf(f->go, sizeof f->go, "%s/go", f->dir);
	const char *argv[] = {"sh", "-c", script, "worker", f->dir, NULL};
	memcpy(f->argv, argv, sizeof argv);
	f->exec = (struct exec_options){
		.argv = f->argv, .log = bed_log_take, .log_ctx = &f->log, .start_us = WAIT_US};
	*state = f;
	return mkfifo(f->go, 0600);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	unlink(f->slow);
	unlink(f->go);
	rmdir(f->dir);
	bed_log_release(&f->log);
	free(f);
	return 0;
}

static void make(struct fixture *f)
{
	const struct workers_options how = {
		.count = 2, .segment = 2, .queue_max = 8, .exec = &f->exec, .supervision = NO_REST};
	bed_make(&f->bed, &how);
}

static void slow_down(struct fixture *f)
{
	int fd = open(f->slow, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void let_go(struct fixture *f)
{
	int fd = open(f->go, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, "x\n", 2), 2);
	close(fd);
}

/* Kills the worker that is in service. */
static void kill_one(struct fixture *f)
{
	struct call *c = call_new(&f->bed, OPERATION_FAIL, LONG_MS, "");
	text_copy(c->request.payload, sizeof c->request.payload, "\"die\"");
	call_run(c);
	assert_int_equal(c->response.failure, FAILURE_CONNECTION);
	free(c);
}

/* The second worker's start hangs when the first one ends, which the supervisor has passed already:
 * nobody looks at it again but for what was heard meanwhile. */
static void what_is_heard_while_it_is_busy_is_not_lost(void **state)
{
	struct fixture *f = *state;
	make(f);
	wait_for_ready(&f->bed, 2);
	slow_down(f);
	assert_true(workers_drain(f->bed.workers, -1, 0, true));
	kill_one(f);
	assert_true(bed_log_wait(&f->log, "waits"));
	unlink(f->slow);
	assert_true(workers_drain(f->bed.workers, -1, 0, false));
	kill_one(f);
	assert_int_equal(look(&f->bed)->workers.ready, 0);
	let_go(f);
	wait_for_ready(&f->bed, 2);
	assert_int_equal(f->bed.counts.workers.created, 4);
	assert_int_equal(f->bed.counts.workers.crashed, 2);
	bed_drop(&f->bed);
}

static double segment_health(struct fixture *f)
{
	struct segment_row row;
	assert_int_equal(workers_segments(f->bed.workers, &row, 1), 1);
	return row.health;
}

static void d6_unmeasured_is_not_healthy(void **state)
{
	struct fixture *f = *state;
	slow_down(f);
	make(f);
	assert_true(bed_log_wait(&f->log, "waits"));
	assert_true(isnan(segment_health(f)));
	assert_false(segment_health(f) >= 0.75);
	unlink(f->slow);
	let_go(f);
	wait_for_ready(&f->bed, 2);
	assert_true(segment_health(f) >= 0.75);
	bed_drop(&f->bed);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_heard_while_it_is_busy_is_not_lost),
		T(d6_unmeasured_is_not_healthy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
