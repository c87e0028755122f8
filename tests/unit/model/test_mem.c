/* mem: sizes that overflow, growth, and the end of a process without memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/err.h"
#include "model/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void new_is_zeroed(void **state)
{
	(void)state;
	unsigned char *p = mem_new(16, 4);
	for (int i = 0; i < 64; i++)
		assert_int_equal(p[i], 0);
	free(p);
}

static void nothing_can_be_freed(void **state)
{
	(void)state;
	void *p = mem_new(0, 8);
	assert_non_null(p);
	p = mem_resize(p, 0, 8);
	assert_non_null(p);
	free(p);
	p = mem_new(8, 0);
	assert_non_null(p);
	free(p);
}

static void resize_keeps(void **state)
{
	(void)state;
	int *p = mem_resize(NULL, 2, sizeof *p);
	p[0] = 7;
	p[1] = 8;
	p = mem_resize(p, 1000, sizeof *p);
	assert_int_equal(p[0], 7);
	assert_int_equal(p[1], 8);
	free(p);
}

static void copies(void **state)
{
	(void)state;
	assert_null(mem_copy(NULL));
	assert_null(mem_copy_n(NULL, 0));
	char *s = mem_copy("weir");
	assert_string_equal(s, "weir");
	free(s);
	s = mem_copy_n("weir", 2);
	assert_string_equal(s, "we");
	free(s);
	s = mem_copy_n("", 0);
	assert_string_equal(s, "");
	free(s);
}

static void grows_by_doubling(void **state)
{
	(void)state;
	int64_t *array = NULL;
	size_t cap = 0, moves = 0;
	for (size_t n = 0; n < 10000; n++) {
		size_t before = cap;
		mem_grow(&array, &cap, n + 1, sizeof *array);
		assert_true(cap > n);
		moves += cap != before;
		array[n] = (int64_t)n;
	}
	assert_true(moves < 16);
	for (size_t n = 0; n < 10000; n++)
		assert_int_equal(array[n], n);
	size_t same = cap;
	mem_grow(&array, &cap, same, sizeof *array);
	assert_int_equal(cap, same);
	free(array);
}

static int hook_fd;

static void hook(void)
{
	if (write(hook_fd, "h", 1) != 1)
		_exit(1);
}

static void failing_hook(void)
{
	hook();
	mem_fail();
}

static void by_fail(void)
{
	mem_fail();
}

static void by_new(void)
{
	free(mem_new(SIZE_MAX / 2, 3));
}

static void by_huge(void)
{
	free(mem_new(SIZE_MAX, 1));
}

static void by_resize(void)
{
	free(mem_resize(NULL, SIZE_MAX / 4, 8));
}

static void by_copy(void)
{
	free(mem_copy_n("", SIZE_MAX));
}

static void by_grow(void)
{
	char *array = NULL;
	size_t cap = 0;
	mem_grow(&array, &cap, SIZE_MAX, 1);
	free(array);
}

/* Runs `act` in a child; checks that it ends as out of memory and how often the hook ran. */
static void assert_ends(void (*act)(void), void (*with)(void), int hooks)
{
	int ends[2], status;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		hook_fd = ends[1];
		mem_on_failure(with);
		act();
		_exit(0);
	}
	close(ends[1]);
	char byte;
	int ran = 0;
	while (ran <= hooks && read(ends[0], &byte, 1) == 1)
		ran++;
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(ran, hooks);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_MEMORY);
}

static void ends_the_process(void **state)
{
	(void)state;
	void (*const acts[])(void) = {by_fail, by_new, by_huge, by_resize, by_copy, by_grow};
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
		assert_ends(acts[i], hook, 1);
	assert_ends(by_fail, NULL, 0);
}

static void hook_runs_once(void **state)
{
	(void)state;
	assert_ends(by_fail, failing_hook, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_is_zeroed),
		cmocka_unit_test(nothing_can_be_freed),
		cmocka_unit_test(resize_keeps),
		cmocka_unit_test(copies),
		cmocka_unit_test(grows_by_doubling),
		cmocka_unit_test(ends_the_process),
		cmocka_unit_test(hook_runs_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
