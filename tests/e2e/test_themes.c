/* Themes through the program: what `weir themes` lists and draws, which theme a console takes, and
 * what a wrong file says. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/glass.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const built_in[] = {"dark", "ansi16", "contrast", "light", "mono"};
#define BUILT_IN_COUNT (sizeof built_in / sizeof *built_in)

struct fixture {
	struct world w;
	struct process p; /* of the last command */
	struct glass g;
	struct pty pty;
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
	glass_close(&f->g);
	if (f->pty.screen.cells)
		pty_release(&f->pty);
	process_release(&f->p);
	world_close(&f->w);
	return 0;
}

static int run(struct fixture *f, const char *const *set, const char *const *args)
{
	struct world_env env = world_env(&f->w, set);
	process_release(&f->p);
	return world_run(&f->w, &f->p, &env, args);
}

static void says(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static void own_theme(
	struct fixture *f, char path[WORLD_PATH], const char *name, const char *text)
{
	char rest[64];
	world_path(&f->w, path, "etc");
	mkdir(path, 0700);
	world_path(&f->w, path, "etc/weir");
	mkdir(path, 0700);
	world_path(&f->w, path, "etc/weir/themes");
	mkdir(path, 0700);
	snprintf(rest, sizeof rest, "etc/weir/themes/%s", name);
	world_path(&f->w, path, rest);
	world_write(path, text);
}

static int lines_of(const char *text)
{
	int n = 0;
	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* ---- the command ---- */

static void test_themes_are_listed_as_plain_text(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(run(f, NULL, ARGS("themes")), 0);
	assert_int_equal(lines_of(f->p.out.text), BUILT_IN_COUNT);
	for (size_t i = 0; i < BUILT_IN_COUNT; i++) {
		char line[64];
		snprintf(line, sizeof line, "%-12s built in\n", built_in[i]);
		says(f->p.out.text, line);
	}
	assert_null(strchr(f->p.out.text, '\033'));
	assert_int_equal(f->p.err.len, 0);
}

/* What is printed of a theme is a theme file that means the same. */
static void test_what_is_printed_can_be_read(void **state)
{
	struct fixture *f = *state;
	char path[WORLD_PATH];
	for (size_t i = 0; i < BUILT_IN_COUNT; i++) {
		assert_int_equal(run(f, NULL, ARGS("themes", built_in[i])), 0);
		char name[64], *first;
		snprintf(name, sizeof name, "%s.theme", built_in[i]);
		world_path(&f->w, path, name);
		world_write(path, f->p.out.text);
		first = strdup(f->p.out.text);
		assert_int_equal(run(f, NULL, ARGS("themes", path)), 0);
		assert_string_equal(f->p.out.text, first);
		free(first);
	}
}

static void test_themes_as_json(void **state)
{
	struct fixture *f = *state;
	char path[WORLD_PATH];
	own_theme(f, path, "mine.theme", "inherit mono\nok 7 0 bold,underline\nbraille on\n");
	assert_int_equal(run(f, NULL, ARGS("themes", "--json")), 0);
	struct cJSON *all = world_lines(f->p.out.text);
	assert_int_equal(cJSON_GetArraySize(all), BUILT_IN_COUNT + 1);
	struct cJSON *dark = cJSON_GetArrayItem(all, 0);
	assert_string_equal(world_word(dark, "name"), "dark");
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(dark, "path")));
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(dark, "error")));
	struct cJSON *mine = cJSON_GetArrayItem(all, BUILT_IN_COUNT);
	assert_string_equal(world_word(mine, "name"), "mine");
	assert_string_equal(world_word(mine, "path"), path);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(mine, "braille")));
	assert_int_equal(world_number(mine, "roles.ok.fg"), 7);
	assert_int_equal(world_number(mine, "roles.ok.bg"), 0);
	struct cJSON *roles = cJSON_GetObjectItem(mine, "roles");
	struct cJSON *ok = cJSON_GetObjectItem(roles, "ok"), *v1 = cJSON_GetObjectItem(roles, "v1");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(ok, "attributes")), 2);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(v1, "fg")));
	cJSON_Delete(all);
	assert_int_equal(run(f, NULL, ARGS("themes", "mine", "--json")), 0);
	assert_int_equal(lines_of(f->p.out.text), 1);
}

static void test_a_wrong_file_is_listed_with_its_line(void **state)
{
	struct fixture *f = *state;
	char path[WORLD_PATH], words[3 * WORLD_PATH];
	own_theme(f, path, "fine.theme", "inherit light\n");
	own_theme(f, path, "dark.theme", "ok 1 1\n"); /* a built-in name: never loaded */
	own_theme(f, path, "a b.theme", "ok 1 1\n");  /* no name */
	own_theme(f, path, "notes.txt", "ok 1 1\n");
	own_theme(f, path, "wrong.theme", "# mine\n\nwran 1 2\n");
	assert_int_equal(run(f, NULL, ARGS("themes")), 2);
	assert_int_equal(lines_of(f->p.out.text), BUILT_IN_COUNT + 3);
	snprintf(words, sizeof words, "wrong        %s\n  wrong: %s:3: unknown role \"wran\"", path,
		path);
	says(f->p.out.text, words);
	says(f->p.out.text, "\nfine         ");
	assert_int_equal(run(f, NULL, ARGS("themes", "--json")), 2);
	struct cJSON *all = world_lines(f->p.out.text);
	struct cJSON *last = cJSON_GetArrayItem(all, BUILT_IN_COUNT + 1);
	assert_string_equal(world_word(last, "name"), "wrong");
	says(world_word(last, "error"), ":3: unknown role");
	cJSON_Delete(all);
	assert_int_equal(run(f, NULL, ARGS("themes", "wrong")), 2);
	says(f->p.err.text, ":3: unknown role \"wran\"; did you mean \"warn\"");
	assert_int_equal(f->p.out.len, 0);
	assert_int_equal(run(f, NULL, ARGS("themes", "drak")), 1);
	says(f->p.err.text, "W004 theme \"drak\" was not found; did you mean \"dark\"");
}

/* Without a terminal colours have to be asked for. */
static void test_colours_are_painted_where_asked(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(run(f, NULL, ARGS("themes", "--color", "always")), 0);
	says(f->p.out.text, "\033[0;1;38;5;203m"); /* dark's fail */
	says(f->p.out.text, "\033[0;1;97;41m");    /* ansi16's */
	says(f->p.out.text, "\033[0;1;38;5;231;48;5;16m");
	says(f->p.out.text, "\033[0;1;7m");
	says(f->p.out.text, "\xe2\x96\x88"); /* a full block */
	assert_int_equal(run(f, NULL, ARGS("themes", "--color", "always", "--ascii")), 0);
	for (const char *c = f->p.out.text; *c; c++)
		assert_true((unsigned char)*c < 0x7f);
	assert_int_equal(
		run(f, ARGS("NO_COLOR=1"), ARGS("themes", "light", "--color", "always")), 0);
	says(f->p.out.text, "\033[0;38;5;27mok\033[0m");
}

static const struct sim_cell *find(const struct simulator *screen, const char *ascii)
{
	size_t len = strlen(ascii);
	for (int y = 0; y < screen->h; y++)
		for (int x = 0; x + (int)len <= screen->w; x++) {
			size_t i = 0;
			while (i < len &&
				simulator_cell(screen, x + (int)i, y)->point == (unsigned char)ascii[i])
				i++;
			if (i == len)
				return simulator_cell(screen, x, y);
		}
	return NULL;
}

static bool is_plain(const struct simulator *screen)
{
	for (int y = 0; y < screen->h; y++)
		for (int x = 0; x < screen->w; x++) {
			const struct sim_pen *pen = &simulator_cell(screen, x, y)->pen;
			if (pen->fg != -1 || pen->bg != -1)
				return false;
		}
	return true;
}

static void on_a_terminal(struct fixture *f, const char *const *set, const char *const *args)
{
	struct world_env env = world_env(&f->w, set);
	if (f->pty.screen.cells)
		pty_release(&f->pty);
	world_console(&f->w, &f->pty, 80, 80, &env, args);
	assert_int_equal(pty_wait_exit(&f->pty, 10000), 0);
	assert_int_equal(f->pty.screen.errors, 0);
}

static void test_a_terminal_shows_each_in_its_colours(void **state)
{
	struct fixture *f = *state;
	const struct simulator *screen = &f->pty.screen;
	on_a_terminal(f, NULL, ARGS("themes"));
	for (size_t i = 0; i < BUILT_IN_COUNT; i++)
		assert_non_null(find(screen, built_in[i]));
	assert_int_equal(find(screen, "LIVE 0.4s")->pen.fg, 74); /* dark comes first */
	assert_int_equal(find(screen, "BAKING")->pen.fg, 203);
	assert_int_equal(find(screen, "checkout")->pen.fg, 151);
	on_a_terminal(f, NULL, ARGS("themes", "light"));
	assert_int_equal(find(screen, "LIVE 0.4s")->pen.fg, 27);
	assert_int_equal(find(screen, "fail   ")->pen.bg, 16);
	assert_int_equal(find(screen, "231     16")->pen.fg, -1);
	on_a_terminal(f, ARGS("NO_COLOR=1"), ARGS("themes"));
	assert_true(is_plain(screen));
	assert_null(find(screen, "LIVE"));
	on_a_terminal(f, ARGS("NO_COLOR="), ARGS("themes"));
	assert_false(is_plain(screen));
	on_a_terminal(f, ARGS("TERM=dumb"), ARGS("themes"));
	assert_true(is_plain(screen));
	on_a_terminal(f, NULL, ARGS("themes", "--color", "never"));
	assert_true(is_plain(screen));
}

/* ---- the console ---- */

static void test_a_wrong_theme_ends_the_console_with_its_line(void **state)
{
	static const struct {
		const char *text, *says;
		int status;
	} rows[] = {
		{"ok 75 default\nwran 1 2\n",
			"bad.theme:2: unknown role \"wran\"; did you mean \"warn\"", 2},
		{"# x\n\nok 256 default\n", "bad.theme:3: unknown colour \"256\"", 2},
		{"ok 1 2 blod\n", "bad.theme:1: unknown attribute \"blod\"; did you mean \"bold\"", 2},
		{"ok 1 2\nok 1 3\n", "bad.theme:2: \"ok\" is given twice; first in line 1", 2},
		{"inherit neon\n", "bad.theme:1: \"inherit\" takes a built-in theme: dark, ", 2},
		{"ok 1 \033]0;x\a\n", "bad.theme:1: unknown colour \"^[]0;x^G\"", 2},
	};
	struct fixture *f = *state;
	char path[WORLD_PATH];
	world_path(&f->w, path, "bad.theme");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		world_write(path, rows[i].text);
		assert_int_equal(run(f, NULL, ARGS("--theme", path)), rows[i].status);
		says(f->p.err.text, "W002 ");
		says(f->p.err.text, rows[i].says);
		assert_null(strchr(f->p.err.text, '\033'));
	}
	assert_int_equal(run(f, NULL, ARGS("--theme", f->w.dir)), 1);
	says(f->p.err.text, "W004 cannot read theme");
	assert_int_equal(run(f, NULL, ARGS("--theme", "neon")), 1);
	says(f->p.err.text,
		"W004 theme \"neon\" was not found: dark, ansi16, contrast, light and mono");
}

/* Opens a console, waits until it stands. */
static void console(struct fixture *f, const char *const *set, const char *const *args)
{
	struct world_env env = world_env(&f->w, set);
	glass_open(&f->g, &f->w, 80, 24, &env, args);
	assert_true(glass_wait(&f->g, "LIVE", "o", 10000));
	assert_true(glass_agrees(&f->g, 4000));
}

static void leave(struct fixture *f)
{
	pty_send(&f->g.pty, "q");
	assert_int_equal(pty_wait_exit(&f->g.pty, 10000), 0);
	assert_int_equal(f->g.pty.screen.errors, 0);
	glass_close(&f->g);
}

/* The colour of "LIVE", which is role ok. */
static int ok_of(struct fixture *f)
{
	const struct sim_cell *cell = find(&f->g.pty.screen, "LIVE");
	assert_non_null(cell);
	return cell->pen.fg;
}

static void test_every_theme_draws_the_console(void **state)
{
	struct fixture *f = *state;
	static const int ok[BUILT_IN_COUNT] = {74, 14, 75, 27, -1};
	world_pool(&f->w, false, ARGS("--share", "0%"));
	for (size_t i = 0; i < BUILT_IN_COUNT; i++) {
		console(f, NULL, ARGS(f->w.target, "--theme", built_in[i]));
		assert_int_equal(ok_of(f), ok[i]);
		/* The last row's end is blank: contrast paints that too. */
		const struct sim_cell *corner = simulator_cell(&f->g.pty.screen, 78, 20);
		assert_int_equal(corner->pen.bg, strcmp(built_in[i], "contrast") == 0 ? 16 : -1);
		leave(f);
	}
}

static void test_an_own_theme_is_found_by_its_name(void **state)
{
	struct fixture *f = *state;
	char path[WORLD_PATH];
	own_theme(f, path, "mine.theme", "inherit dark\nok 99 default\n");
	world_pool(&f->w, false, ARGS("--share", "0%"));
	console(f, NULL, ARGS(f->w.target, "--theme", "mine"));
	assert_int_equal(ok_of(f), 99);
	leave(f);
}

/* NO_COLOR, then the configuration, then the option, each before what comes before it. */
static void test_what_is_asked_for_goes_before_no_color(void **state)
{
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	world_config(&f->w, f->w.target, "    interval: 100ms\n");
	console(f, ARGS("NO_COLOR=1"), ARGS("checkout", "--config", f->w.config));
	assert_true(is_plain(&f->g.pty.screen));
	leave(f);
	FILE *c = fopen(f->w.config, "a");
	assert_non_null(c);
	fprintf(c, "theme: light\n");
	fclose(c);
	console(f, ARGS("NO_COLOR=1"), ARGS("checkout", "--config", f->w.config));
	assert_int_equal(ok_of(f), 27);
	leave(f);
	console(f, ARGS("NO_COLOR=1"),
		ARGS("checkout", "--config", f->w.config, "--theme", "contrast"));
	assert_int_equal(ok_of(f), 75);
	leave(f);
	console(f, NULL, ARGS("checkout", "--config", f->w.config, "--color", "never"));
	assert_true(is_plain(&f->g.pty.screen));
	leave(f);
}

static void test_the_terminal_chooses_where_nobody_does(void **state)
{
	static const struct {
		const char *term, *colorfgbg;
		int ok;
	} rows[] = {
		{"TERM=xterm-256color", "COLORFGBG=0;15", 27},
		{"TERM=xterm-256color", "COLORFGBG=15;0", 74},
		{"TERM=linux", "COLORFGBG", 6}, /* 14, as near as 8 colours come */
		{"TERM=linux", "COLORFGBG=0;15", -1},
		{"TERM=vt100", "COLORFGBG", -1},
	};
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		console(f, ARGS(rows[i].term, rows[i].colorfgbg), ARGS(f->w.target));
		assert_int_equal(ok_of(f), rows[i].ok);
		assert_int_equal(is_plain(&f->g.pty.screen), rows[i].ok == -1);
		leave(f);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_themes_are_listed_as_plain_text),
		TEST(test_what_is_printed_can_be_read),
		TEST(test_themes_as_json),
		TEST(test_a_wrong_file_is_listed_with_its_line),
		TEST(test_colours_are_painted_where_asked),
		TEST(test_a_terminal_shows_each_in_its_colours),
		TEST(test_a_wrong_theme_ends_the_console_with_its_line),
		TEST(test_every_theme_draws_the_console),
		TEST(test_an_own_theme_is_found_by_its_name),
		TEST(test_what_is_asked_for_goes_before_no_color),
		TEST(test_the_terminal_chooses_where_nobody_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
