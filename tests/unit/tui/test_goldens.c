/* Whether what people see is looked at: every golden at each of the sizes, one of every screen, and
 * one of every dialog that a verb opens. Not the pictures: the tests that draw them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/golden.h"
#include "tui/screen.h"
#include "tui/sheet.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How many sizes of a name are missing. */
static int missing(const char *name)
{
	int n = 0;
	for (int i = 0; i < GOLDEN_SIZES; i++) {
		char path[300];
		golden_path(path, sizeof path, name, golden_sizes[i]);
		if (access(path, R_OK) == 0)
			continue;
		print_error("no golden \"%s\"\n", path);
		n++;
	}
	return n;
}

/* Whether the words are in each of its pictures. */
static bool shows(const char *name, const char *words)
{
	bool all = true;
	for (int i = 0; i < GOLDEN_SIZES; i++) {
		char path[300], text[40000];
		golden_path(path, sizeof path, name, golden_sizes[i]);
		FILE *f = fopen(path, "re");
		assert_non_null(f);
		text[fread(text, 1, sizeof text - 1, f)] = 0;
		fclose(f);
		if (strstr(text, words))
			continue;
		print_error("\"%s\" is not in golden \"%s\"\n", words, path);
		all = false;
	}
	return all;
}

static void every_golden_has_every_size(void **state)
{
	(void)state;
	int lacks = 0, count = 0;
	DIR *dir = opendir("tests/golden");
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		char name[sizeof e->d_name];
		snprintf(name, sizeof name, "%s", e->d_name);
		char *size = strrchr(name, '-');
		if (e->d_name[0] == '.')
			continue;
		assert_non_null(size);
		*size = 0;
		lacks += missing(name);
		count++;
	}
	closedir(dir);
	assert_int_equal(lacks, 0);
	assert_true(count > 400);
}

static void every_screen_has_one(void **state)
{
	(void)state;
	static const char *const of[SCREEN_COUNT] = {[SCREEN_FLOW] = "baking",
		[SCREEN_FLEET] = "fleet",
		[SCREEN_WORKERS] = "workers",
		[SCREEN_GUARDS] = "guards-safe",
		[SCREEN_PLAN] = "plan-baking",
		[SCREEN_JOURNAL] = "journal"};
	for (int i = 0; i < SCREEN_COUNT; i++) {
		if (!of[i])
			fail_msg("nobody has looked at %s", screen_word((enum screen)i));
		assert_int_equal(missing(of[i]), 0);
	}
}

static void every_kind_of_dialog_has_one(void **state)
{
	(void)state;
	static const char *const of[SHEET_COUNT] = {[SHEET_STEP] = "step-open",
		[SHEET_ROLLBACK] = "rollback",
		[SHEET_RESUME] = "resume-held",
		[SHEET_ACT] = "take",
		[SHEET_SEVERAL] = "several",
		[SHEET_LEAVE] = "leave-recorder"};
	for (int k = SHEET_STEP; k < SHEET_COUNT; k++) {
		if (!of[k])
			fail_msg("nobody has looked at the dialog of kind %d", k);
		assert_int_equal(missing(of[k]), 0);
		assert_true(shows(of[k], sheet_word((enum sheet_kind)k)));
	}
}

/* What is done without a look has no dialog. */
static void every_verb_with_a_dialog_has_one(void **state)
{
	(void)state;
	static const struct {
		const char *name, *title;
	} of[VERB_COUNT] = {[VERB_STEP] = {"step-open", "STEP checkout"},
		[VERB_RESUME] = {"resume-red", "RESUME checkout"},
		[VERB_ROLLBACK] = {"rollback", "ROLL BACK checkout"},
		[VERB_KEEP] = {"keep", "KEEP checkout"},
		[VERB_OPERATIONS] = {"operations", "OPERATIONS checkout"},
		[VERB_ARM] = {"arm", "ARM checkout"},
		[VERB_DISARM] = {"disarm", "DISARM checkout"},
		[VERB_TAKE] = {"take", "TAKE THE LEASE OF checkout"},
		[VERB_GUARD] = {"guard", "GUARD checkout"},
		[VERB_DRAIN] = {"workers-drain", "DRAIN checkout"},
		[VERB_ADOPT] = {"adopt", "ADOPT checkout"},
		[VERB_FINALIZE] = {"finalize", "FINALIZE checkout"},
		[VERB_CLOSE] = {"close", "CLOSE checkout"},
		[VERB_APPROVE] = {"approve", "APPROVE checkout"}};
	for (int v = 0; v < VERB_COUNT; v++) {
		bool at_once = verb_row((enum verb)v)->class == VERB_SAFE;
		if (!of[v].name != at_once)
			fail_msg("%s: nobody has looked at its dialog, or it has none",
				verb_row((enum verb)v)->word);
		if (at_once)
			continue;
		assert_int_equal(missing(of[v].name), 0);
		assert_true(shows(of[v].name, of[v].title));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_golden_has_every_size),
		cmocka_unit_test(every_screen_has_one),
		cmocka_unit_test(every_kind_of_dialog_has_one),
		cmocka_unit_test(every_verb_with_a_dialog_has_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
