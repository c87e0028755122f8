/* Tests of what a process uses: literal texts of /proc, a real process, one that is not there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/resource.h"
#include "model/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TAIL \
	" 1 4242 4242 0 -1 4194560 100 0 3 0 150 50 7 9 20 0 6 0 987654 1000 200 18446744073709551615"

static void stat_is_read(void **state)
{
	(void)state;
	struct resource_stat s;
	assert_true(resource_parse_stat(&s, "77 (python3) S" TAIL));
	assert_int_equal(s.state, 'S');
	assert_int_equal(s.group, 4242);
	assert_int_equal(s.cpu_ticks, 200);
	assert_int_equal(s.threads, 6);
	assert_int_equal(s.start_ticks, 987654);
}

static void a_name_does_not_mislead(void **state)
{
	(void)state;
	struct resource_stat s;
	assert_true(resource_parse_stat(&s, "77 (a) R 1 2 3 (b) c) Z" TAIL));
	assert_int_equal(s.state, 'Z');
	assert_int_equal(s.group, 4242);
}

static void a_bad_stat_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "77", "77 (x", "77 (x)", "77 (x) S",
		"77 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18",
		"77 (x) S 1 -2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
		"77 (x) S 1 2 3 4 5 6 7 8 9 10 a 12 13 14 15 16 17 18 19 20",
		"77 (x) S 1 2 3 4 5 6 7 8 9 10 9223372036854775807 1 13 14 15 16 17 18 19 20",
		"77 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 99999999999999999999999999 20"};
	struct resource_stat s;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_false(resource_parse_stat(&s, texts[i]));
}

static void memory_is_resident_and_swapped(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t bytes;
	} rows[] = {
		{"Name:\tx\nVmRSS:\t    1684 kB\nVmData:\t 9 kB\nVmSwap:\t     16 kB\nThreads:\t1\n",
			1700 * 1024},
		{"VmRSS: 4 kB\n", 4096},
		{"VmRSS: 4 kB\nVmSwap: x kB\n", 4096},
		{"VmRSS:\t0 kB", 0},
		{"Name:\tz\nState:\tZ (zombie)\nThreads:\t1\n", UNKNOWN},
		{"Name:\tVmRSS\nXVmRSS: 7 kB\n", UNKNOWN},
		{"VmRSS: 9223372036854775807 kB\n", UNKNOWN},
		{"VmRSS: -4 kB\n", UNKNOWN},
		{"VmRSS:", UNKNOWN},
		{"", UNKNOWN},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(resource_parse_memory(rows[i].text), rows[i].bytes);
}

static void this_process_is_read(void **state)
{
	(void)state;
	struct resource before, by_pid, after;
	resource_read(&before, 0);
	assert_true(before.memory_bytes > 100 * 1024);
	assert_true(before.cpu_us >= 0);
	assert_true(before.fds >= 3);
	assert_true(before.threads >= 1);
	int fd = open("/dev/null", O_RDONLY);
	resource_read(&after, 0);
	resource_read(&by_pid, getpid());
	close(fd);
	assert_int_equal(after.fds, before.fds + 1);
	assert_int_equal(by_pid.fds, after.fds);
	assert_int_equal(by_pid.threads, after.threads);
}

static void cpu_grows_with_work(void **state)
{
	(void)state;
	struct resource first, now;
	volatile uint64_t sum = 0;
	resource_read(&first, 0);
	do {
		for (int i = 0; i < 1000000; i++)
			sum += (uint64_t)i;
		resource_read(&now, 0);
	} while (now.cpu_us < first.cpu_us + 20000);
	assert_int_equal(now.cpu_us % 10000, 0); /* ticks of the system */
}

static void what_is_gone_is_unknown(void **state)
{
	(void)state;
	struct resource r;
	struct resource_stat s;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	/* A zombie has no memory, and is still somebody. */
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	resource_read(&r, pid);
	assert_int_equal(r.memory_bytes, UNKNOWN);
	assert_true(resource_stat(&s, pid));
	assert_int_equal(s.state, 'Z');
	waitpid(pid, NULL, 0);
	resource_read(&r, pid);
	assert_int_equal(r.memory_bytes, UNKNOWN);
	assert_int_equal(r.cpu_us, UNKNOWN);
	assert_int_equal(r.fds, UNKNOWN);
	assert_int_equal(r.threads, UNKNOWN);
	assert_false(resource_stat(&s, pid));
}

static void a_file_is_read_into_bounds(void **state)
{
	(void)state;
	char text[8];
	assert_int_equal(resource_file(0, "status", text, sizeof text), 7);
	assert_string_equal(text, "Name:\tt");
	assert_int_equal(resource_file(0, "no-such", text, sizeof text), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_is_read),
		cmocka_unit_test(a_name_does_not_mislead),
		cmocka_unit_test(a_bad_stat_is_refused),
		cmocka_unit_test(memory_is_resident_and_swapped),
		cmocka_unit_test(this_process_is_read),
		cmocka_unit_test(cpu_grows_with_work),
		cmocka_unit_test(what_is_gone_is_unknown),
		cmocka_unit_test(a_file_is_read_into_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
