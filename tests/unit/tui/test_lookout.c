/* The lookout: looks in a thread of its own that may hang for as long as they like; and what a look
 * at files finds, and refuses. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tui/flag_file.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 10000

/* ---- the thread ---- */

/* A file server that may stop to answer. */
static struct server {
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	bool dead;
	int hanging; /* looks that wait */
	int looks;
} server = {.mutex = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

/* Finds its own number, and whose flags it looks at. */
static void ask_server(struct flags *out, const struct flag_place *place, const char *pool)
{
	pthread_mutex_lock(&server.mutex);
	server.hanging++;
	pthread_cond_broadcast(&server.moved);
	while (server.dead)
		pthread_cond_wait(&server.moved, &server.mutex);
	server.hanging--;
	snprintf(out->name, sizeof out->name, "%s/%s", place->dir, pool);
	snprintf(out->reason, sizeof out->reason, "look %d", ++server.looks);
	pthread_cond_broadcast(&server.moved);
	pthread_mutex_unlock(&server.mutex);
}

static void set_dead(bool dead)
{
	pthread_mutex_lock(&server.mutex);
	server.dead = dead;
	pthread_cond_broadcast(&server.moved);
	pthread_mutex_unlock(&server.mutex);
}

static void await_hanging(void)
{
	pthread_mutex_lock(&server.mutex);
	while (server.hanging == 0)
		pthread_cond_wait(&server.moved, &server.mutex);
	pthread_mutex_unlock(&server.mutex);
}

static int begin(void **state)
{
	static const struct flag_place place = {.dir = "/flags", .shared = "/history.db"};
	server.dead = false;
	server.looks = 0;
	*state = lookout_new(&place, ask_server);
	return 0;
}

static int end(void **state)
{
	lookout_free(*state);
	return 0;
}

/* Waits until what was so by then is known. */
static struct flags await(struct lookout *l, int pool, int64_t as_of_ms)
{
	struct flags f = {0};
	while (lookout_looks(l), lookout_read(l, pool, &f) != as_of_ms) {
		struct pollfd p = {.fd = lookout_fd(l), .events = POLLIN};
		if (poll(&p, 1, PATIENCE_MS) <= 0)
			fail_msg("no look as of %lld", (long long)as_of_ms);
	}
	return f;
}

static void test_a_look_counts_as_of_its_ask(void **state)
{
	struct lookout *l = *state;
	struct flags f = {.name = "as it was"};
	assert_int_equal(lookout_add(l, "checkout"), 0);
	assert_int_equal(lookout_add(l, "search"), 1);
	assert_int_equal(lookout_read(l, 0, &f), UNKNOWN);
	assert_string_equal(f.name, "as it was");
	assert_int_equal(lookout_waits_ms(l), UNKNOWN);
	lookout_ask(l, 1000);
	f = await(l, 0, 1000);
	assert_string_equal(f.name, "/flags/checkout");
	f = await(l, 1, 1000);
	assert_string_equal(f.name, "/flags/search");
	assert_int_equal(lookout_waits_ms(l), UNKNOWN);
	lookout_ask(l, 2000);
	f = await(l, 0, 2000);
	assert_string_equal(f.reason, "look 3");
}

static void test_a_look_that_hangs_stops_nobody(void **state)
{
	struct lookout *l = *state;
	struct flags f;
	lookout_add(l, "checkout");
	lookout_ask(l, 1000);
	await(l, 0, 1000);
	set_dead(true);
	lookout_ask(l, 2000);
	await_hanging();
	for (int64_t ms = 3000; ms <= 20000; ms += 1000)
		lookout_ask(l, ms);
	/* What it knew it knows; since when it waits it says. */
	assert_int_equal(lookout_read(l, 0, &f), 1000);
	assert_string_equal(f.reason, "look 1");
	assert_int_equal(lookout_waits_ms(l), 2000);
	lookout_add(l, "search");
	set_dead(false);
	f = await(l, 1, 20000);
	assert_string_equal(f.name, "/flags/search");
	/* All that was asked in the meantime is one look. */
	assert_string_equal(f.reason, "look 4");
	assert_int_equal(lookout_waits_ms(l), UNKNOWN);
}

static void test_one_that_hangs_at_the_end_is_left(void **state)
{
	struct lookout *l = *state;
	lookout_add(l, "checkout");
	set_dead(true);
	lookout_ask(l, 1000);
	await_hanging();
	lookout_free(l);
	*state = NULL;
	/* It frees what is left, once it is answered after all. */
	set_dead(false);
	pthread_mutex_lock(&server.mutex);
	while (server.looks == 0)
		pthread_cond_wait(&server.moved, &server.mutex);
	pthread_mutex_unlock(&server.mutex);
}

static void test_none_is_started_for_nothing(void **state)
{
	assert_int_equal(lookout_waits_ms(*state), UNKNOWN);
	lookout_free(NULL);
}

/* ---- the files ---- */

struct dir {
	char top[64], flags[80], history[80];
	struct flag_place place;
};

static int make(void **state)
{
	static struct dir d;
	const char *tmp = getenv("TMPDIR");
	snprintf(d.top, sizeof d.top, "%.40s/weir-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(d.top));
	snprintf(d.flags, sizeof d.flags, "%s/flags", d.top);
	snprintf(d.history, sizeof d.history, "%s/h.db", d.top);
	d.place = (struct flag_place){.dir = d.flags, .shared = d.history};
	*state = &d;
	return 0;
}

static void path(const struct dir *d, char out[160], const char *name)
{
	snprintf(out, 160, "%s/%s", d->flags, name);
}

static int unmake(void **state)
{
	static const char *const names[] = {"freeze", "freeze.checkout", "rollback.checkout"};
	struct dir *d = *state;
	char name[160];
	for (size_t i = 0; i < 3; i++) {
		path(d, name, names[i]);
		unlink(name);
	}
	unlink(d->history);
	rmdir(d->flags);
	return rmdir(d->top);
}

static void put(const struct dir *d, const char *name, const char *text, mode_t mode)
{
	char file[160];
	path(d, file, name);
	FILE *f = fopen(strcmp(name, "history") == 0 ? d->history : file, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fchmod(fileno(f), mode), 0);
	fclose(f);
}

static struct flags look(const struct dir *d)
{
	struct flags f;
	flag_file_read(&f, &d->place, "checkout");
	return f;
}

static void test_no_directory(void **state)
{
	struct dir *d = *state;
	struct flags f = look(d);
	assert_string_equal(f.unknown, "");
	/* One that somebody named is not just missing. */
	d->place.named = true;
	f = look(d);
	assert_non_null(strstr(f.unknown, "is not there: make it, or leave out flags:"));
	assert_int_equal(mkdir(d->flags, 0755), 0);
	f = look(d);
	assert_string_equal(f.unknown, "");
	d->place.dir = "/dev/null";
	f = look(d);
	assert_string_equal(f.unknown, "'/dev/null' Not a directory");
	d->place = (struct flag_place){.dir = d->flags, .shared = d->history};
}

static void test_which_file_says_what(void **state)
{
	struct dir *d = *state;
	char id[FLAG_ID_MAX];
	assert_int_equal(mkdir(d->flags, 0755), 0);
	put(d, "freeze", "the \x1b[31msale\nmore\n", 0644);
	struct flags f = look(d);
	assert_string_equal(f.name, "freeze");
	assert_string_equal(f.reason, "the ^[[31msale");
	assert_string_equal(f.rollback, "");
	put(d, "freeze.checkout", "", 0600);
	f = look(d);
	assert_string_equal(f.name, "freeze.checkout");
	assert_string_equal(f.reason, "");
	put(d, "rollback.checkout", "pager", 0600);
	f = look(d);
	assert_string_equal(f.name, "rollback.checkout");
	assert_string_equal(f.reason, "pager");
	assert_true(f.rollback[0]);
	text_copy(id, sizeof id, f.rollback);
	f = look(d);
	assert_string_equal(f.rollback, id);
}

/* Who may write it. */
static void test_who_may_lay_flags(void **state)
{
	static const struct {
		mode_t dir, file, history;
		const char *why; /* NULL: it is trusted */
	} rows[] = {
		{0755, 0644, 0600, NULL},
		{0700, 0600, 0, NULL},
		{0777, 0644, 0666, "can be written by others: run chmod o-w on it"},
		{0755, 0646, 0660, "'freeze' can be written by others: run chmod o-w on it"},
		/* The group of the history may roll back by a command, too; another may not. */
		{0775, 0664, 0660, NULL},
		{0775, 0644, 0640, "a group that cannot write the history: run chmod g-w on it"},
		{0755, 0664, 0600, "'freeze' can be written by a group that cannot write the history"},
		{0775, 0644, 0, "run chmod g-w on it"},
	};
	struct dir *d = *state;
	assert_int_equal(mkdir(d->flags, 0755), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].history)
			put(d, "history", "", rows[i].history);
		else
			unlink(d->history);
		put(d, "freeze", "x", rows[i].file);
		assert_int_equal(chmod(d->flags, rows[i].dir), 0);
		struct flags f = look(d);
		if (rows[i].why ? !strstr(f.unknown, rows[i].why) : strcmp(f.unknown, "") != 0)
			fail_msg("row %zu: '%s'", i, f.unknown);
		assert_string_equal(f.name, rows[i].why ? "" : "freeze");
	}
}

static void test_what_is_no_file(void **state)
{
	struct dir *d = *state;
	char name[160];
	assert_int_equal(mkdir(d->flags, 0755), 0);
	path(d, name, "freeze");
	assert_int_equal(mkfifo(name, 0600), 0);
	struct flags f = look(d);
	assert_string_equal(f.unknown, "'freeze' is no plain file");
	unlink(name);
	assert_int_equal(symlink("/etc/hostname", name), 0);
	f = look(d);
	assert_memory_equal(f.unknown, "'freeze' ", 9);
	assert_string_equal(f.name, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_look_counts_as_of_its_ask, begin, end),
		cmocka_unit_test_setup_teardown(test_a_look_that_hangs_stops_nobody, begin, end),
		cmocka_unit_test_setup_teardown(test_one_that_hangs_at_the_end_is_left, begin, end),
		cmocka_unit_test_setup_teardown(test_none_is_started_for_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_no_directory, make, unmake),
		cmocka_unit_test_setup_teardown(test_which_file_says_what, make, unmake),
		cmocka_unit_test_setup_teardown(test_who_may_lay_flags, make, unmake),
		cmocka_unit_test_setup_teardown(test_what_is_no_file, make, unmake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
