/* Surfaces: nothing is drawn outside its clip, nothing unprintable reaches a cell, columns
 * never move. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/golden.h"
#include "tui/surface.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t seed = 0x9e3779b97f4a7c15;

static unsigned chance(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % below;
}

static const char *row_of(const struct surface *s, int y)
{
	static char row[1000];
	struct text all = {0};
	surface_dump(s, &all, NULL);
	const char *at = text_str(&all);
	for (int i = 0; i < y; i++)
		at = strchr(at, '\n') + 1;
	snprintf(row, sizeof row, "%.*s", (int)strcspn(at, "\n"), at);
	text_free(&all);
	return row;
}

static void assert_row(const struct surface *s, int y, const char *expected)
{
	assert_string_equal(row_of(s, y), expected);
}

/* The invariants of surface.c. */
static void assert_sound(const struct surface *s)
{
	for (int y = 0; y < s->h; y++)
		for (int x = 0; x < s->w; x++) {
			const struct cell *c = &s->cells[y * s->w + x];
			int columns = c->point == 0 ? 0 : text_columns(c->point);
			if (c->point == 0) {
				assert_true(x > 0 && text_columns(c[-1].point) == 2);
				continue;
			}
			assert_true(columns == 1 || columns == 2);
			assert_true(c->point >= 0x20 && (c->point < 0x7f || c->point > 0x9f));
			if (columns == 2)
				assert_true(x + 1 < s->w && c[1].point == 0);
			if (s->ascii)
				assert_true(c->point < 0x7f && c->marks[0] == 0);
			for (int i = 0; i < 4 && c->marks[i] != 0; i++)
				assert_int_equal(text_columns(c->marks[i]), 0);
		}
}

static void text_is_drawn_and_clipped(void **state)
{
	(void)state;
	struct surface s;
	surface_init(&s, 10, 3, false);
	struct rect all = surface_all(&s);
	assert_int_equal(surface_text(&s, all, 2, 0, ROLE_OK, "hello"), 7);
	assert_row(&s, 0, "  hello");
	assert_int_equal(surface_text(&s, all, 7, 1, ROLE_OK, "hello"), 10);
	assert_row(&s, 1, "       he…");
	assert_int_equal(surface_text(&s, (struct rect){2, 2, 4, 1}, 0, 2, ROLE_OK, "abcdefgh"), 6);
	assert_row(&s, 2, "  cde…");
	surface_text(&s, all, 0, 3, ROLE_OK, "below");
	surface_text(&s, all, 0, -1, ROLE_OK, "above");
	surface_text(&s, (struct rect){0, 0, 10, 1}, 0, 1, ROLE_OK, "outside");
	assert_row(&s, 1, "       he…");
	surface_text_right(&s, all, 10, 0, ROLE_OK, "99");
	assert_row(&s, 0, "  hello 99");
	surface_textf(&s, all, 0, 0, ROLE_OK, "%d%%", 5);
	assert_row(&s, 0, "5%hello 99");
	surface_clear(&s);
	assert_row(&s, 0, "");
	assert_int_equal(s.cursor_x, -1);
	surface_release(&s);
	surface_release(&s);
}

static void wide_characters_are_whole_or_absent(void **state)
{
	(void)state;
	struct surface s;
	surface_init(&s, 6, 1, false);
	struct rect all = surface_all(&s);
	assert_int_equal(surface_text(&s, all, 0, 0, ROLE_OK, "\u6f22\u5b57x"), 5);
	assert_row(&s, 0, "\u6f22\u5b57x");
	assert_int_equal(surface_text(&s, all, 5, 0, ROLE_OK, "\u6f22"), 5);
	assert_row(&s, 0, "\u6f22\u5b57x");
	surface_text(&s, all, 1, 0, ROLE_OK, "a"); /* over a right half */
	assert_row(&s, 0, " a\u5b57x");
	surface_text(&s, all, 2, 0, ROLE_OK, "b"); /* over a left half */
	assert_row(&s, 0, " ab x");
	surface_text(
		&s, (struct rect){1, 0, 5, 1}, 0, 0, ROLE_OK, "\u6f22z"); /* left half clipped */
	assert_row(&s, 0, " az x");
	assert_sound(&s);
	surface_put(&s, all, 5, 0, ROLE_OK, 0x6f22);
	assert_row(&s, 0, " az x");
	surface_fill(&s, (struct rect){0, 0, 5, 1}, ROLE_OK, 0x6f22);
	assert_row(&s, 0, "\u6f22\u6f22x");
	assert_sound(&s);
	surface_release(&s);
}

static void marks_stay_with_their_character(void **state)
{
	(void)state;
	struct surface s;
	surface_init(&s, 4, 1, false);
	struct rect all = surface_all(&s);
	assert_int_equal(surface_text(&s, all, 0, 0, ROLE_OK, "e\u0301\u0302xyz\u0301"), 4);
	assert_row(&s, 0, "e\u0301\u0302xyz\u0301");
	assert_int_equal(s.cells[0].marks[1], 0x302);
	assert_int_equal(s.cells[3].marks[0], 0x301);
	surface_text(&s, all, 0, 0, ROLE_OK, "\u0301a"); /* one that belongs to nothing */
	assert_sound(&s);
	surface_clear(&s);
	surface_text(&s, all, 0, 0, ROLE_OK, "a\u0300\u0301\u0302\u0303\u0304\u0305"); /* a flood */
	assert_int_equal(s.cells[0].marks[3], 0x303);
	assert_sound(&s);
	surface_release(&s);
}

static void control_bytes_are_made_visible(void **state)
{
	(void)state;
	struct surface s;
	surface_init(&s, 40, 1, false);
	struct rect all = surface_all(&s);
	surface_text(&s, all, 0, 0, ROLE_OK, "a\033[31mb\r\n\tc\u202e\xffz");
	assert_row(&s, 0, "a^[[31mb^M^J^Ic<U+202E><FF>z");
	surface_clear(&s);
	surface_put(&s, all, 0, 0, ROLE_OK, '\n');
	surface_put(&s, all, 1, 0, ROLE_OK, 0);
	surface_put(&s, all, 2, 0, ROLE_OK, 0x301);
	surface_put(&s, all, 3, 0, ROLE_OK, 0x202e);
	surface_put(&s, all, 4, 0, ROLE_OK, 0xd800);
	surface_put(&s, all, 5, 0, ROLE_OK, 0xffffffff);
	surface_put(&s, all, 6, 0, ROLE_OK, 0x9b);
	assert_row(&s, 0, "???????");
	surface_release(&s);
}

static void ascii_has_a_fallback_and_the_same_columns(void **state)
{
	(void)state;
	struct surface s;
	surface_init(&s, 30, 1, true);
	struct rect all = surface_all(&s);
	assert_int_equal(surface_text(&s, all, 0, 0, ROLE_OK,
						 "\u2581\u2584\u2588\u2502\u2500\u250c\u2192\u2264\u2026\u00b7\u2022"
						 "\u28ff\u6f22e\u0301\u20ac"),
		16);
	assert_row(&s, 0, "_-#|-+><~.o:??e?");
	assert_sound(&s);
	surface_release(&s);
}

static void paint_keeps_characters(void **state)
{
	(void)state;
	struct surface s;
	surface_init(&s, 5, 2, false);
	surface_text(&s, surface_all(&s), 0, 0, ROLE_OK, "ab");
	surface_paint(&s, (struct rect){1, 0, 3, 1}, ROLE_SELECTED);
	struct text chars = {0}, roles = {0};
	surface_dump(&s, &chars, &roles);
	assert_string_equal(text_str(&chars), "ab\n\n");
	assert_string_equal(text_str(&roles), "oRRR.\n.....\n");
	text_free(&chars);
	text_free(&roles);
	surface_release(&s);
}

/* Some text of every kind of character and of bytes that are none. */
static const char *some_text(void)
{
	static const char *const pieces[] = {"a", "xyz", " ", "\u6f22", "\u0301", "\U0001f600",
		"\033", "\n", "\u202e", "\xc3", "\u2588", "\x80", "e\u0301", "\u200d", "\t", "\u00e9"};
	static char text[400];
	size_t len = 0;
	text[0] = '\0';
	for (unsigned i = chance(30); i > 0; i--) {
		const char *piece = pieces[chance(sizeof pieces / sizeof pieces[0])];
		memcpy(text + len, piece, strlen(piece) + 1);
		len += strlen(piece);
	}
	return text;
}

static int somewhere(int size)
{
	return chance(50) == 0 ? (chance(2) == 0 ? INT_MAX : INT_MIN)
						   : (int)chance((unsigned)size) - 5;
}

static void draw_something(struct surface *s, struct rect clip)
{
	int x = somewhere(50), y = somewhere(20);
	switch (chance(5)) {
	case 0:
		surface_text(s, clip, x, y, ROLE_WARN, some_text());
		break;
	case 1:
		surface_text_right(s, clip, x == INT_MIN ? 0 : x, y, ROLE_WARN, some_text());
		break;
	case 2:
		surface_put(s, clip, x, y, ROLE_WARN, chance(3) == 0 ? 0x6f22 : chance(0x3000));
		break;
	case 3:
		surface_fill(s, clip, ROLE_WARN, chance(2) == 0 ? 0x6f22 : '#');
		break;
	default:
		surface_paint(s, clip, ROLE_WARN);
	}
}

/* The one change allowed outside: a wide character that the clip cuts in two becomes blanks. */
static bool is_allowed(const struct cell *before, const struct cell *after)
{
	return memcmp(before, after, sizeof *before) == 0 ||
		(after->point == ' ' && before->role == after->role &&
			(before->point == 0 || text_columns(before->point) == 2));
}

static void nothing_is_drawn_outside_its_clip(void **state)
{
	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct surface s;
		surface_init(&s, 1 + (int)chance(40), 1 + (int)chance(10), chance(4) == 0);
		for (int i = 0; i < 3; i++)
			draw_something(&s, surface_all(&s));
		size_t count = (size_t)s.w * (size_t)s.h;
		struct cell *before = malloc(count * sizeof *before);
		memcpy(before, s.cells, count * sizeof *before);
		struct rect clip = {somewhere(40), somewhere(15), (int)chance(40) - 3,
			chance(30) == 0 ? INT_MAX : (int)chance(12) - 2};
		draw_something(&s, clip);
		for (int y = 0; y < s.h; y++)
			for (int x = 0; x < s.w; x++) {
				bool inside = x >= clip.x && (int64_t)x < (int64_t)clip.x + clip.w &&
					y >= clip.y && (int64_t)y < (int64_t)clip.y + clip.h;
				assert_true(inside || is_allowed(&before[y * s.w + x], &s.cells[y * s.w + x]));
			}
		assert_sound(&s);
		free(before);
		surface_release(&s);
	}
}

static void empty_surfaces_are_harmless(void **state)
{
	(void)state;
	struct surface s;
	surface_init(&s, 0, 0, false);
	surface_text(&s, surface_all(&s), 0, 0, ROLE_OK, "x");
	surface_fill(&s, surface_all(&s), ROLE_OK, '#');
	surface_resize(&s, 3, 1);
	surface_text(&s, surface_all(&s), 0, 0, ROLE_OK, "xyz");
	assert_row(&s, 0, "xyz");
	surface_resize(&s, 5, 1);
	assert_row(&s, 0, "");
	surface_release(&s);
}

/* The helper that screens are compared with sees a change of a character and of a role. */
static void goldens_tell_characters_and_roles(void **state)
{
	(void)state;
	unsetenv("GOLDEN");
	char old[4096], path[64], dir[] = "/tmp/weir-golden-XXXXXX";
	assert_non_null(getcwd(old, sizeof old));
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(mkdir("tests", 0700), 0);
	assert_int_equal(mkdir("tests/golden", 0700), 0);
	int quiet = dup(2), null = open("/dev/null", O_WRONLY);
	struct surface s;
	surface_init(&s, 4, 2, false);
	surface_text(&s, surface_all(&s), 0, 0, ROLE_OK, "ab");
	dup2(null, 2);
	bool missing = golden_matches("it", &s);
	setenv("GOLDEN", "write", 1);
	bool written = golden_matches("it", &s);
	unsetenv("GOLDEN");
	bool same = golden_matches("it", &s);
	surface_paint(&s, surface_all(&s), ROLE_FAIL);
	bool role = golden_matches("it", &s);
	surface_paint(&s, surface_all(&s), ROLE_OK);
	surface_text(&s, surface_all(&s), 3, 1, ROLE_OK, "x");
	bool character = golden_matches("it", &s);
	dup2(quiet, 2);
	close(quiet);
	close(null);
	golden_path(path, sizeof path, "it", (struct golden_size){4, 2});
	unlink(path);
	rmdir("tests/golden");
	rmdir("tests");
	assert_int_equal(chdir(old), 0);
	rmdir(dir);
	surface_release(&s);
	assert_false(missing);
	assert_true(written);
	assert_true(same);
	assert_false(role);
	assert_false(character);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_drawn_and_clipped),
		cmocka_unit_test(wide_characters_are_whole_or_absent),
		cmocka_unit_test(marks_stay_with_their_character),
		cmocka_unit_test(control_bytes_are_made_visible),
		cmocka_unit_test(ascii_has_a_fallback_and_the_same_columns),
		cmocka_unit_test(paint_keeps_characters),
		cmocka_unit_test(nothing_is_drawn_outside_its_clip),
		cmocka_unit_test(empty_surfaces_are_harmless),
		cmocka_unit_test(goldens_tell_characters_and_roles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
