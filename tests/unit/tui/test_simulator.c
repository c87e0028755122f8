/* The simulator that every screen is judged by: what the sequences of real terminals do, and
 * that it does not pass over what it does not know. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/simulator.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *bytes, *screen; /* of 6 by 4 */
	int x, y;
} rows[] = {
	{"abc", "abc\n\n\n\n", 3, 0},
	{"abcdefgh", "abcdef\ngh\n\n\n", 2, 1},
	{"abcdef\r\ngh", "abcdef\ngh\n\n\n", 2, 1}, /* the wrap waits */
	{"\033[?7labcdefgh", "abcdeh\n\n\n\n", 5, 0},
	{"a\r\nb\r\nc\r\nd\r\ne", "b\nc\nd\ne\n", 1, 3},
	{"\033[2;3Hx", "\n  x\n\n\n", 3, 1},
	{"\033[9;99Hx", "\n\n\n     x\n", 5, 3},
	{"abc\033[H\033[1@x", "xabc\n\n\n\n", 1, 0},
	{"abcdef\033[1;2H\033[2P", "adef\n\n\n\n", 1, 0},
	{"abcdef\033[1;2H\033[2X", "a  def\n\n\n\n", 1, 0},
	{"abcdef\033[1;3H\033[K", "ab\n\n\n\n", 2, 0},
	{"abcdef\033[1;3H\033[1K", "   def\n\n\n\n", 2, 0},
	{"a\r\nb\r\nc\033[2;1H\033[J", "a\n\n\n\n", 0, 1},
	{"a\r\nb\r\nc\033[H\033[2L", "\n\na\nb\n", 0, 0},
	{"a\r\nb\r\nc\r\nd\033[2;1H\033[M", "a\nc\nd\n\n", 0, 1},
	{"a\r\nb\r\nc\r\nd\033[2;3r\033[3;1H\nx", "a\nc\nx\nd\n", 1, 2},
	{"a\r\nb\r\nc\r\nd\033[2;3r\033[2;1H\033Mx", "a\nx\nb\nd\n", 1, 1},
	{"a\r\nb\033[S", "b\n\n\n\n", 1, 1},
	{"a\r\nb\033[T", "\na\nb\n\n", 1, 1},
	{"ab\033[3b", "abbbb\n\n\n\n", 5, 0},
	{"a\tb", "a    b\n\n\n\n", 5, 0},
	{"\0337abc\0338x", "xbc\n\n\n\n", 1, 0},
	{"a\033[?1049hb\033[?1049lc", "ac\n\n\n\n", 2, 0},
	{"\033(0qx\033(Bq", "\u2500\u2502q\n\n\n\n", 3, 0},
	{"\033)0\016q\017q", "\u2500q\n\n\n\n", 2, 0},
	{"\u6f22x\033[1;2Hy", " yx\n\n\n\n", 2, 0},
	{"abcde\u6f22", "abcde\n\u6f22\n\n\n", 2, 1},
	{"e\u0301x", "e\u0301x\n\n\n\n", 2, 0},
	{"ab\b\bx", "xb\n\n\n\n", 1, 0},
	{"\033[4hab\033[Hx\033[4l", "xab\n\n\n\n", 1, 0},
	{"\033[3;2H\033[A\033[C\033[B\033[Dx", "\n\n x\n\n", 2, 2},
	{"\033[3d\033[4Gx", "\n\n   x\n\n", 4, 2},
};

static void sequences_do_what_terminals_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t piece = 1; piece < 3; piece++) { /* whole, and byte by byte */
			struct simulator sim;
			simulator_init(&sim, 6, 4);
			size_t len = strlen(rows[i].bytes), step = piece == 1 ? len : 1;
			for (size_t at = 0; at < len; at += step)
				simulator_feed(&sim, rows[i].bytes + at, step);
			char *screen = simulator_text(&sim);
			if (strcmp(screen, rows[i].screen) != 0 || sim.cursor.x != rows[i].x ||
				sim.cursor.y != rows[i].y || sim.errors != 0)
				fail_msg("row %zu: cursor %d,%d, %u errors (%s), screen\n%s", i, sim.cursor.x,
					sim.cursor.y, sim.errors, sim.first_error, screen);
			free(screen);
			simulator_release(&sim);
		}
}

static void attributes_are_kept_by_the_cell(void **state)
{
	(void)state;
	struct simulator sim;
	simulator_init(&sim, 8, 1);
	static const char bytes[] = "\033[1;31mA\033[0mB\033[38;5;197;48;5;24;7mC\033[27;39mD\033["
								"2;4mE\033[22;24;49mF\033[mG";
	simulator_feed(&sim, bytes, sizeof bytes - 1);
	static const struct sim_pen pens[] = {{SIM_BOLD, 1, -1}, {0, -1, -1},
		{SIM_REVERSE, 197, 24}, {0, -1, 24}, {SIM_DIM | SIM_UNDERLINE, -1, 24}, {0, -1, -1},
		{0, -1, -1}};
	for (int x = 0; x < 7; x++)
		assert_memory_equal(&simulator_cell(&sim, x, 0)->pen, &pens[x], sizeof pens[x]);
	assert_int_equal(sim.errors, 0);
	assert_true(simulator_shows(&sim, "BCD"));
	assert_false(simulator_shows(&sim, "BD"));
	simulator_release(&sim);
}

static void what_it_does_not_know_is_an_error(void **state)
{
	(void)state;
	static const char *const unknown[] = {"\033[5y", "\033[?9999h", "\033[38;2;1;2;3m",
		"\033[77m", "\033Q", "\001", "\xff", "\xc3(", "\033]4;1;red\a", "\033[1\033[m",
		"\033[>c", "\033#8", "\033[3J\033[9J", "\033(Z", "\xe2\x96\r"};
	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		struct simulator sim;
		simulator_init(&sim, 6, 4);
		simulator_feed(&sim, unknown[i], strlen(unknown[i]));
		if (sim.errors == 0)
			fail_msg("row %zu passed", i);
		assert_true(strlen(sim.first_error) > 0);
		simulator_release(&sim);
	}
}

static void modes_and_titles_are_seen(void **state)
{
	(void)state;
	struct simulator sim;
	simulator_init(&sim, 6, 4);
	static const char bytes[] =
		"\033[?1049h\033[22;0;0t\033[?2004h\033[?25l\033]2;a title\a\a\033=";
	simulator_feed(&sim, bytes, sizeof bytes - 1);
	assert_true(sim.alternate && sim.paste && sim.cursor_hidden);
	assert_string_equal(sim.title, "a title");
	assert_int_equal(sim.bells, 1);
	assert_int_equal(sim.errors, 0);
	simulator_resize(&sim, 3, 2);
	simulator_feed(&sim, "\033[9;9H\u6f22abc", 12);
	simulator_resize(&sim, 10, 10);
	simulator_feed(&sim, "\033[10;10Hx", 9);
	assert_int_equal(sim.errors, 0);
	simulator_release(&sim);
}

static void no_bytes_break_it(void **state)
{
	(void)state;
	struct simulator sim;
	simulator_init(&sim, 7, 3);
	uint32_t seed = 5;
	for (int i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		char byte = (char)(seed >> 24);
		if (seed % 3 != 0)
			byte = "\033[0123456789;;;ABCDHJKLMPSTX@bdrhlm?\n\t"[(seed >> 8) % 39];
		simulator_feed(&sim, &byte, 1);
		assert_true(sim.cursor.x >= 0 && sim.cursor.x < sim.w);
		assert_true(sim.cursor.y >= 0 && sim.cursor.y < sim.h);
		if (seed % 1009 == 0)
			simulator_resize(&sim, 1 + (int)(seed >> 20) % 9, 1 + (int)(seed >> 12) % 5);
	}
	simulator_release(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences_do_what_terminals_do),
		cmocka_unit_test(attributes_are_kept_by_the_cell),
		cmocka_unit_test(what_it_does_not_know_is_an_error),
		cmocka_unit_test(modes_and_titles_are_seen),
		cmocka_unit_test(no_bytes_break_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
