/* Two demos of one person at once: neither takes the other's history away. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/glass.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEADLINE_MS 20000

struct fixture {
	struct world w;
	struct glass first, second;
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	glass_close(&f->second);
	glass_close(&f->first);
	world_close(&f->w);
	return 0;
}

static ino_t inode_of(const struct world *w, const char *name)
{
	char path[WORLD_PATH + 64];
	struct stat st = {0};
	snprintf(path, sizeof path, "%s/state/weir/%s", w->dir, name);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void a_second_demo_has_a_history_of_its_own(void **state)
{
	struct fixture *f = *state;
	glass_open(&f->first, &f->w, 80, 24, NULL, ARGS("local:demo"));
	assert_true(glass_wait(&f->first, "All work is on v1. S steps to 1 %", NULL, DEADLINE_MS));
	ino_t first = inode_of(&f->w, "demo.db");
	assert_true(first != 0);
	glass_open(&f->second, &f->w, 80, 24, NULL, ARGS("local:demo"));
	assert_true(glass_wait(&f->second, "All work is on v1. S steps to 1 %", NULL, DEADLINE_MS));
	assert_true(inode_of(&f->w, "demo-2.db") != 0);
	assert_true(inode_of(&f->w, "demo.db") == first);
	/* both go on recording */
	assert_true(glass_press(&f->first, "Aone\r"));
	assert_true(glass_wait(&f->first, "\"one\"", NULL, DEADLINE_MS));
	assert_true(glass_press(&f->second, "Atwo\r"));
	assert_true(glass_wait(&f->second, "\"two\"", NULL, DEADLINE_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_second_demo_has_a_history_of_its_own, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
