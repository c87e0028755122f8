/* Tests of the control log: what was stored is there again, what was torn is not, what is
 * damaged or not ours is refused. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/store.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], file[96];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/weir-store-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/control.log", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(file);
	rmdir(dir);
	return 0;
}

static struct store_record record(int64_t seq)
{
	struct store_record r = {.seq = seq,
		.wall_ms = 1700000000000,
		.what = "step",
		.from_bp = 0,
		.to_bp = 1000,
		.epoch = 5,
		.rev = seq,
		.strategy = STRATEGY_CANARY,
		.baseline_bp = -1,
		.held = true,
		.body_hash = 0xfedcba9876543210u,
		.actor = "ann@host",
		.reason = "why, \"not\" \xc3\xa9"};
	snprintf(r.key, sizeof r.key, "key-%d", (int)seq);
	return r;
}

static struct store *open_store(void)
{
	struct store *s;
	struct err err = {0};
	if (store_open(&s, dir, &err))
		fail_msg("%s", err.text);
	return s;
}

static void append(int count)
{
	struct store *s = open_store();
	size_t have = 0;
	while (store_record_at(s, have))
		have++;
	for (int i = 1; i <= count; i++) {
		struct store_record r = record((int64_t)have + i);
		assert_true(store_append(s, &r));
	}
	store_close(s);
}

static size_t stored(void)
{
	struct store *s = open_store();
	size_t n = 0;
	for (; store_record_at(s, n); n++)
		assert_int_equal(store_record_at(s, n)->seq, n + 1);
	store_close(s);
	return n;
}

static off_t size_of(void)
{
	struct stat st;
	assert_int_equal(stat(file, &st), 0);
	return st.st_size;
}

static void refuses(enum err_code code)
{
	struct store *s;
	struct err err = {0};
	assert_int_equal(store_open(&s, dir, &err), -1);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, dir));
}

static void write_at(off_t at, const char *bytes)
{
	int fd = open(file, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, strlen(bytes), at), strlen(bytes));
	close(fd);
}

static void gives_back_every_field(void **state)
{
	(void)state;
	append(1);
	struct store *s = open_store();
	struct store_record want = record(1);
	const struct store_record *got = store_record_at(s, 0);
	struct text a = {0}, b = {0};
	store_line(&a, &want);
	store_line(&b, got);
	assert_string_equal(a.data, b.data);
	assert_true(got->held);
	assert_int_equal(got->baseline_bp, -1);
	assert_true(got->body_hash == want.body_hash);
	assert_string_equal(got->reason, want.reason);
	assert_null(store_record_at(s, 1));
	text_free(&a);
	text_free(&b);
	store_close(s);
	struct stat st;
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void appends_after_a_restart(void **state)
{
	(void)state;
	append(2);
	append(3);
	assert_int_equal(stored(), 5);
}

static void torn_last_line_is_cut_at_every_byte(void **state)
{
	(void)state;
	append(1);
	off_t one = size_of();
	append(1);
	off_t two = size_of();
	for (off_t cut = two - 1; cut > one; cut -= 7) {
		assert_int_equal(truncate(file, cut), 0);
		assert_int_equal(stored(), 1);
		assert_int_equal(size_of(), one);
		append(1);
		assert_int_equal(stored(), 2);
		assert_int_equal(size_of(), two);
	}
}

static void torn_header_is_a_new_file(void **state)
{
	(void)state;
	for (off_t cut = 0; cut < 15; cut += 7) {
		append(1);
		assert_int_equal(truncate(file, cut), 0);
		assert_int_equal(stored(), 0);
	}
}

static void damage_before_the_end_is_refused(void **state)
{
	(void)state;
	append(1);
	off_t one = size_of();
	append(2);
	write_at(one / 2, "#");
	refuses(ERR_DAMAGED);
}

static void other_files_are_refused(void **state)
{
	(void)state;
	write_at(0, "something else entirely\n");
	refuses(ERR_DAMAGED);
	write_at(0, "weir control 9\n");
	refuses(ERR_NEWER);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink("/dev/null", file), 0);
	refuses(ERR_FILE);
}

static void others_may_not_write_it(void **state)
{
	(void)state;
	append(1);
	assert_int_equal(chmod(file, 0666), 0);
	refuses(ERR_UNSAFE_FILE);
}

static void is_used_by_one_only(void **state)
{
	(void)state;
	struct store *s = open_store();
	refuses(ERR_LOCKED);
	store_close(s);
	store_close(open_store());
}

static void full_disk_leaves_nothing_behind(void **state)
{
	(void)state;
	append(2);
	off_t before = size_of();
	struct store *s = open_store();
	struct rlimit was, small;
	getrlimit(RLIMIT_FSIZE, &was);
	small = was;
	small.rlim_cur = (rlim_t)before + 20;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	struct store_record r = record(3);
	bool torn = store_append(s, &r);
	setrlimit(RLIMIT_FSIZE, &was);
	signal(SIGXFSZ, handler);
	assert_false(torn);
	assert_int_equal(size_of(), before);
	assert_true(store_append(s, &r));
	store_close(s);
	assert_int_equal(stored(), 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(gives_back_every_field),
		T(appends_after_a_restart),
		T(torn_last_line_is_cut_at_every_byte),
		T(torn_header_is_a_new_file),
		T(damage_before_the_end_is_refused),
		T(other_files_are_refused),
		T(others_may_not_write_it),
		T(is_used_by_one_only),
		T(full_disk_leaves_nothing_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
