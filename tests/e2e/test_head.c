/* The head of the chain: said by whoever wrote, kept by the pool over its restarts, and missed
 * where a history was cut or exchanged. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SOON_MS 10000
#define HEAD_DIGITS 16
#define CONFIRMED "--confirm", "checkout", "--wait"

struct fixture {
	struct world w;
	struct process p;     /* of the last command */
	struct process other; /* of one that runs beside it */
	char state[WORLD_PATH];
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_config(&f.w, f.w.target, "    interval: 100ms\n");
	world_path(&f.w, f.state, "pool");
	world_pool(&f.w, false, ARGS("--share", "0%", "--state", f.state));
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	process_release(&f->other);
	process_release(&f->p);
	world_close(&f->w);
	return 0;
}

static int run(struct fixture *f, const char *const *args)
{
	const char *all[32];
	size_t n = 0;
	for (; args[n] && n < 28; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n] = NULL;
	process_release(&f->p);
	return world_run(&f->w, &f->p, NULL, all);
}
#define WEIR(f, ...) run(f, ARGS(__VA_ARGS__))

/* What was said of the head: its digits and how many rows; false where nothing was. */
static bool said_head(const struct process *p, char head[HEAD_DIGITS + 1], long long *rows)
{
	const char *at = strstr(p->err.text, "weir: history head ");
	return at && sscanf(at, "weir: history head %16[0-9a-f], %lld row", head, rows) == 2 &&
		strlen(head) == HEAD_DIGITS;
}

/* It is the newest row of the file. */
static void assert_newest(struct fixture *f, const char *head, long long rows)
{
	char command[64];
	snprintf(command, sizeof command, "%s", head);
	assert_int_equal(WEIR(f, "verify", "--json", "--head", command), 0);
	cJSON *json = cJSON_Parse(f->p.out.text);
	assert_non_null(json);
	assert_int_equal(strncmp(world_word(json, "head"), head, HEAD_DIGITS), 0);
	assert_int_equal(world_number(json, "head_seq"), rows);
	cJSON_Delete(json);
}

static void test_who_wrote_says_the_head(void **state)
{
	struct fixture *f = *state;
	char head[HEAD_DIGITS + 1], later[HEAD_DIGITS + 1];
	long long rows, more;
	assert_int_equal(WEIR(f, "step", "checkout", "10%", CONFIRMED), 0);
	assert_true(said_head(&f->p, head, &rows));
	assert_newest(f, head, rows);
	world_start(&f->w, &f->other, NULL,
		ARGS("record", "checkout", "--for", "1s", "--progress", "never", "--config",
			f->w.config));
	assert_int_equal(process_wait(&f->other, SOON_MS), 0);
	/* with the end of the recording and its last checkpoint */
	assert_true(said_head(&f->other, later, &more));
	assert_true(more > rows);
	assert_newest(f, later, more);
	/* who wrote nothing says nothing */
	assert_int_equal(WEIR(f, "status", "checkout"), 0);
	assert_false(said_head(&f->p, head, &rows));
	assert_int_equal(WEIR(f, "step", "checkout", "10%", CONFIRMED), 0);
	assert_non_null(strstr(f->p.out.text, "already at"));
	assert_false(said_head(&f->p, head, &rows));
	assert_int_equal(WEIR(f, "log"), 0);
	assert_false(said_head(&f->p, head, &rows));
}

static void test_the_pool_keeps_the_head(void **state)
{
	struct fixture *f = *state;
	char head[HEAD_DIGITS + 1], kept[80], by[120];
	long long rows;
	assert_int_equal(WEIR(f, "step", "checkout", "10%", CONFIRMED), 0);
	assert_true(said_head(&f->p, head, &rows));
	cJSON *pool = world_state(&f->w);
	snprintf(kept, sizeof kept, "%s", world_word(pool, "history_head"));
	snprintf(by, sizeof by, "%s", world_word(pool, "history_by"));
	cJSON_Delete(pool);
	assert_int_equal(strlen(kept), 64);
	cJSON *log = world_log(&f->w, f->w.history);
	assert_string_equal(by, world_word(cJSON_GetArrayItem(log, 0), "actor"));
	cJSON_Delete(log);
	assert_int_equal(WEIR(f, "verify", "--head", kept), 0); /* it is a row of the file */
	process_release(&f->w.pool);
	world_pool(&f->w, false, ARGS("--state", f->state));
	pool = world_state(&f->w);
	assert_string_equal(world_word(pool, "history_head"), kept);
	assert_string_equal(world_word(pool, "history_by"), by);
	cJSON_Delete(pool);
}

static void copy_one(const char *from, const char *to)
{
	struct process p;
	assert_int_equal(process_run(&p, ARGS("cp", from, to), NULL, SOON_MS), 0);
	process_release(&p);
}

/* A history with its log: who closes it beside another leaves one, and it belongs to its file. */
static void copy(const char *from, const char *to)
{
	char from_log[WORLD_PATH + 8], to_log[WORLD_PATH + 8], index[WORLD_PATH + 8];
	snprintf(from_log, sizeof from_log, "%s-wal", from);
	snprintf(to_log, sizeof to_log, "%s-wal", to);
	snprintf(index, sizeof index, "%s-shm", to);
	unlink(to_log);
	unlink(index);
	copy_one(from, to);
	if (access(from_log, F_OK) == 0)
		copy_one(from_log, to_log);
}

static void leave(struct pty *p)
{
	pty_signal(p, SIGTERM); /* a key would have to answer for the share of v2 */
	assert_int_equal(pty_wait_exit(p, SOON_MS), 0);
	pty_release(p);
}

/* Somebody puts yesterday's copy of the file in its place: by itself it is whole, and the pool
 * knows better. A change that is recorded in it ends that. */
static void test_a_cut_history_is_seen(void **state)
{
	struct fixture *f = *state;
	struct pty p;
	char old[WORLD_PATH];
	world_path(&f->w, old, "old.db");
	assert_int_equal(WEIR(f, "step", "checkout", "10%", CONFIRMED), 0);
	copy(f->w.history, old);
	world_console(&f->w, &p, 100, 24, NULL, ARGS("--ascii", "--config", f->w.config));
	assert_true(pty_wait_text(&p, "10%", SOON_MS));
	assert_true(pty_wait_text(&p, "LIVE", SOON_MS));
	assert_true(pty_wait_text(&p, " #", SOON_MS)); /* the head, where there is room */
	assert_true(pty_wait_no_text(&p, "missing here", 0));
	leave(&p);
	assert_int_equal(WEIR(f, "step", "checkout", "20%", CONFIRMED), 0);
	copy(old, f->w.history);
	assert_int_equal(WEIR(f, "verify"), 0);
	world_console(&f->w, &p, 100, 24, NULL, ARGS("--ascii", "--config", f->w.config));
	assert_true(pty_wait_text(
		&p, "The pool saw history that is missing here: weir verify --head", SOON_MS));
	leave(&p);
	assert_int_equal(WEIR(f, "export"), 0);
	assert_non_null(strstr(f->p.out.text, "\"kind\":\"cut\""));
	assert_int_equal(WEIR(f, "step", "checkout", "10%", CONFIRMED), 0);
	world_console(&f->w, &p, 100, 24, NULL, ARGS("--ascii", "--config", f->w.config));
	assert_true(pty_wait_text(&p, "LIVE", SOON_MS));
	assert_true(pty_wait_no_text(&p, "missing here", SOON_MS));
	pty_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who_wrote_says_the_head, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_pool_keeps_the_head, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_cut_history_is_seen, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
