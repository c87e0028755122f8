/* Tests of what addressable workers keep: asleep, on the disk, idle for too long. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/engine/resident_bed.h"

#include <fcntl.h>
#include <sys/stat.h>

static int setup(void **state)
{
	(void)state;
	bed_start(&(struct residents_options){.threads = 2});
	return 0;
}

static int setup_with_dir(void **state)
{
	(void)state;
	bed_start(&(struct residents_options){.threads = 2, .dir = bed_make_dir()});
	return 0;
}

static void a_start_that_fails_is_told_and_leaves_nobody(void **state)
{
	(void)state;
	struct envelope e = bed_envelope("1", "{\"get\":true}", SPAWN_SYNC);
	int fd = openat(tree->dir, "counter@1.json", O_WRONLY | O_CREAT, 0600);
	assert_true(write(fd, "{\"format\":1", 11) == 11 && close(fd) == 0);
	residents_send(tree, &e, &got);
	failed(SEND_DONE, FAILURE_INITIALIZATION);
	assert_non_null(strstr(got.message, "counter@1.json"));
	assert_int_equal(look()->accepted, 0);
	call("1", "{\"get\":true}");
	failed(SEND_DONE, FAILURE_INITIALIZATION);
	assert_int_equal(look()->failed, 1);
	assert_int_equal(seen.workers, 0);
	assert_true(rows[0].health < 1.0);
	assert_int_equal(unlinkat(tree->dir, "counter@1.json", 0), 0);
	assert_string_equal(call("1", "{\"get\":true}"), "{\"value\":0}");
}

static void hibernating_gives_memory_back_and_waking_has_the_state(void **state)
{
	(void)state;
	call("1", "{\"set\":42}");
	look();
	const int64_t awake = seen.bytes;
	assert_string_equal(call("1", "{\"hibernate\":true}"), "{\"asleep\":true}");
	assert_int_equal(look()->hibernated, 1);
	assert_true(seen.bytes < awake);
	assert_int_equal(rows[0].asleep, 1);
	call("1", "{\"hibernate\":true}"); /* a second time is no harm */
	assert_true(got.ok);
	assert_string_equal(call("1", "{\"ping\":true}"), "{\"pong\":true}");
	look();
	assert_int_equal(rows[0].asleep, 1); /* it slept on */
	assert_int_equal(seen.counts.hibernated, 1);
	assert_string_equal(call("1", "{\"add\":1}"), "{\"value\":43}");
	look();
	assert_int_equal(rows[0].asleep, 0);
	assert_int_equal(seen.bytes, awake);
}

static void persist_writes_canonical_json_and_reload_reads_it(void **state)
{
	(void)state;
	char text[256] = {0};
	call("a:1", "{\"set\":-12}");
	assert_string_equal(call("a:1", "{\"persist\":true}"), "{\"persisted\":true}");
	int fd = openat(tree->dir, "counter@a:1.json", O_RDONLY);
	assert_true(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	assert_string_equal(
		text, "{\"format\":1,\"id\":\"a:1\",\"type\":\"counter\",\"value\":-12}\n");
	assert_int_equal(faccessat(tree->dir, "counter@a:1.json.new", F_OK, 0), -1);
	call("a:1", "{\"set\":5}");
	assert_string_equal(call("a:1", "{\"reload\":true}"), "{\"value\":-12}");
	call("b", "{\"reload\":true}");
	failed(SEND_DONE, FAILURE_OPERATION);
	/* a crash loses what was not persisted, and nothing else */
	call("a:1", "{\"add\":1}");
	call("a:1", "{\"crash\":true}");
	failed(SEND_DONE, FAILURE_SYSTEM);
	assert_string_equal(call("a:1", "{\"get\":true}"), "{\"value\":-12}");
}

static void anothers_state_is_never_taken(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"{\"format\":1,\"id\":\"2\",\"type\":\"counter\",\"value\":3}\n",
		"{\"format\":1,\"id\":\"1\",\"type\":\"other\",\"value\":3}\n",
		"{\"format\":2,\"id\":\"1\",\"type\":\"counter\",\"value\":3}\n",
		"{\"format\":1,\"id\":\"1\",\"type\":\"counter\",\"value\":3.5}\n",
		"{\"format\":1,\"id\":\"1\",\"type\":\"counter\",\"value\":99007199254740992}\n",
		"{\"format\":1,\"id\":\"1\",\"type\":\"counter\"}\n", ""};
	call("1", "{\"set\":8}");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int fd = openat(tree->dir, "counter@1.json", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		assert_true(write(fd, bad[i], strlen(bad[i])) == (ssize_t)strlen(bad[i]));
		close(fd);
		call("1", "{\"reload\":true}");
		failed(SEND_DONE, FAILURE_SYSTEM);
		assert_string_equal(call("1", "{\"get\":true}"), "{\"value\":8}");
	}
	assert_int_equal(unlinkat(tree->dir, "counter@1.json", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", tree->dir, "counter@1.json"), 0);
	call("1", "{\"reload\":true}");
	failed(SEND_DONE, FAILURE_SYSTEM);
}

static void without_a_directory_nothing_is_persisted(void **state)
{
	(void)state;
	call("1", "{\"persist\":true}");
	failed(SEND_DONE, FAILURE_OPERATION);
	call("1", "{\"reload\":true}");
	failed(SEND_DONE, FAILURE_OPERATION);
}

static void an_idle_worker_leaves_and_its_state_stays(void **state)
{
	(void)state;
	bed_end(NULL);
	bed_start(&(struct residents_options){
		.threads = 2, .idle_us = BED_HOUR_US, .dir = bed_make_dir()});
	call("1", "{\"set\":3}");
	call("2", "{\"get\":true}");
	spawn_one("3", SPAWN_LAZY);
	residents_tick(tree, threads_us() + BED_HOUR_US / 2);
	assert_int_equal(look()->deprovisioned, 0);
	keep_busy("2");
	residents_tick(tree, threads_us() + BED_HOUR_US);
	UNTIL(seen.counts.deprovisioned == 2);
	assert_int_equal(seen.workers, 1); /* the one at work stays */
	struct envelope e = bed_envelope("1", "{\"get\":true}", SPAWN_NO);
	residents_send(tree, &e, &got);
	failed(SEND_NOT_REGISTERED, FAILURE_SESSION);
	assert_string_equal(call("1", "{\"get\":true}"), "{\"value\":3}");
	let_all_go();
}

/* A directory where the file should be: nothing can be renamed over it. */
static void a_disk_that_fails_costs_health_and_no_state(void **state)
{
	(void)state;
	bed_end(NULL);
	bed_start(&(struct residents_options){
		.threads = 2, .idle_us = BED_HOUR_US, .dir = bed_make_dir()});
	call("1", "{\"set\":3}");
	assert_int_equal(mkdirat(tree->dir, "counter@1.json", 0700), 0);
	call("1", "{\"persist\":true}");
	failed(SEND_DONE, FAILURE_SYSTEM);
	assert_non_null(strstr(got.message, "counter@1.json"));
	assert_int_equal(faccessat(tree->dir, "counter@1.json.new", F_OK, 0), -1);
	look();
	assert_true(rows[0].health < 1.0);
	const double before = rows[0].health;
	residents_tick(tree, threads_us() + BED_HOUR_US);
	UNTIL(rows[0].health < before); /* it could not be saved, so it stays */
	assert_int_equal(seen.counts.deprovisioned, 0);
	assert_string_equal(call("1", "{\"get\":true}"), "{\"value\":3}");
	assert_int_equal(unlinkat(tree->dir, "counter@1.json", AT_REMOVEDIR), 0);
	assert_int_equal(mkdirat(tree->dir, "counter@1.json.new", 0700), 0);
	call("1", "{\"persist\":true}");
	failed(SEND_DONE, FAILURE_SYSTEM);
	assert_int_equal(unlinkat(tree->dir, "counter@1.json.new", AT_REMOVEDIR), 0);
	residents_tick(tree, threads_us() + 2 * BED_HOUR_US);
	UNTIL(seen.counts.deprovisioned == 1);
	assert_string_equal(call("1", "{\"get\":true}"), "{\"value\":3}");
}

static void idle_workers_leave_by_themselves(void **state)
{
	(void)state;
	bed_end(NULL);
	bed_start(&(struct residents_options){.threads = 2, .idle_us = 1});
	for (int i = 0; i < 100; i++) {
		char id[16];
		number(id, i);
		call(id, "{\"add\":1}");
		assert_string_equal(got.result, "{\"value\":1}");
	}
	UNTIL(seen.counts.deprovisioned == 100);
	assert_int_equal(seen.workers, 0);
}

static void a_directory_that_others_can_write_is_refused(void **state)
{
	(void)state;
	struct residents *r = NULL;
	struct err err = {0};
	const struct residents_options how = {.dir = bed_make_dir()};
	assert_int_equal(chmod(bed_dir, 0777), 0);
	assert_int_equal(residents_start(&r, &how, &err), -1);
	assert_int_equal(err.code, ERR_UNSAFE_FILE);
	assert_null(r);
	assert_int_equal(chmod(bed_dir, 0700), 0);
	char file[sizeof bed_dir + 8];
	snprintf(file, sizeof file, "%s/a", bed_dir);
	close(open(file, O_WRONLY | O_CREAT, 0600));
	const struct residents_options no_dir = {.dir = file};
	assert_int_equal(residents_start(&r, &no_dir, &err), -1);
	assert_int_equal(err.code, ERR_FILE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_end)
#define D(name) cmocka_unit_test_setup_teardown(name, setup_with_dir, bed_end)
	const struct CMUnitTest tests[] = {
		D(a_start_that_fails_is_told_and_leaves_nobody),
		T(hibernating_gives_memory_back_and_waking_has_the_state),
		D(persist_writes_canonical_json_and_reload_reads_it),
		D(anothers_state_is_never_taken),
		T(without_a_directory_nothing_is_persisted),
		T(an_idle_worker_leaves_and_its_state_stays),
		T(a_disk_that_fails_costs_health_and_no_state),
		T(idle_workers_leave_by_themselves),
		T(a_directory_that_others_can_write_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
