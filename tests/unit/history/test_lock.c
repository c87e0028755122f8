/* lock, clock, linux: one writer at a time, waiting with a limit, an event that is level. */
#include "tests/unit/history/fixture.h"

#include "history/linux.h"
#include "history/lock.h"

#include <fcntl.h>

static void one_writer_at_a_time(void **state)
{
	struct place p;
	struct lock a, b;
	struct err err = {0};

	(void)state;
	place_make(&p);
	assert_int_equal(lock_open(&a, p.path, &err), 0);
	assert_int_equal(lock_open(&b, p.path, &err), 0);
	assert_int_equal(lock_take(&a, 0, &err), 0);
	assert_int_equal(lock_take(&b, 20, &err), -1);
	assert_int_equal(err.code, ERR_LOCKED);
	lock_give(&a);
	assert_int_equal(lock_take(&b, 0, &err), 0);
	lock_close(&b); /* as a killed process does */
	assert_int_equal(lock_take(&a, 0, &err), 0);
	lock_close(&a);
	place_clean(&p);
}

static void a_replacement_keeps_writers_out(void **state)
{
	struct place p;
	struct lock a;
	struct err err = {0};
	char file[256];
	int fd;

	(void)state;
	place_make(&p);
	snprintf(file, sizeof file, "%s-lock", p.path);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(linux_lock(fd, 1, LINUX_EXCLUSIVE), 0);
	assert_int_equal(lock_open(&a, p.path, &err), -1);
	assert_int_equal(err.code, ERR_LOCKED);
	assert_int_equal(linux_lock(fd, 1, LINUX_UNLOCK), 0);
	assert_int_equal(lock_open(&a, p.path, &err), 0);
	assert_int_equal(linux_lock(fd, 1, LINUX_EXCLUSIVE), -1);
	lock_close(&a);
	close(fd);
	place_clean(&p);
}

static void a_link_is_no_lock_file(void **state)
{
	struct place p;
	struct lock a;
	struct err err = {0};
	char file[256];

	(void)state;
	place_make(&p);
	snprintf(file, sizeof file, "%s-lock", p.path);
	assert_int_equal(symlink("/dev/null", file), 0);
	assert_int_equal(lock_open(&a, p.path, &err), -1);
	assert_int_equal(err.code, ERR_FILE);
	place_clean(&p);
}

static void an_event_stays_until_it_is_cleared(void **state)
{
	const int fd = linux_event();
	struct pollfd p = {.fd = fd, .events = POLLIN};

	(void)state;
	assert_int_equal(poll(&p, 1, 0), 0);
	linux_event_raise(fd);
	linux_event_raise(fd);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(poll(&p, 1, 0), 1);
	linux_event_clear(fd);
	assert_int_equal(poll(&p, 1, 0), 0);
	linux_event_clear(fd); /* nothing to clear does not wait */
	close(fd);
}

static void waiting_ends_in_time(void **state)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond;
	const int64_t began = clock_monotonic_ms();

	(void)state;
	assert_int_equal(clock_cond_init(&cond), 0);
	pthread_mutex_lock(&mutex);
	while (clock_wait(&cond, &mutex, began + 20))
		continue;
	pthread_mutex_unlock(&mutex);
	assert_true(clock_monotonic_ms() >= began + 20);
	pthread_cond_destroy(&cond);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_writer_at_a_time),
		cmocka_unit_test(a_replacement_keeps_writers_out),
		cmocka_unit_test(a_link_is_no_lock_file),
		cmocka_unit_test(an_event_stays_until_it_is_cleared),
		cmocka_unit_test(waiting_ends_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
