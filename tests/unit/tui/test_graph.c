/* Graphs: a gap is a gap, a little is more than nothing, and the ASCII forms are whole. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tui/graph.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct surface s;

static int make_surface(void **state)
{
	(void)state;
	surface_init(&s, 12, 4, false);
	return 0;
}

static int drop_surface(void **state)
{
	(void)state;
	surface_release(&s);
	return 0;
}

static void assert_chars(const char *expected)
{
	struct text chars = {0};
	surface_dump(&s, &chars, NULL);
	assert_string_equal(text_str(&chars), expected);
	text_free(&chars);
}

static void assert_roles(const char *expected)
{
	struct text chars = {0}, roles = {0};
	surface_dump(&s, &chars, &roles);
	assert_string_equal(text_str(&roles), expected);
	text_free(&chars);
	text_free(&roles);
}

static void reducing_keeps_the_worst_and_the_gaps(void **state)
{
	(void)state;
	const double values[] = {1, 5, NAN, 2, NAN, NAN, 0, 3};
	double columns[4];
	graph_reduce(values, 8, columns, 4);
	assert_true(columns[0] == 5 && columns[1] == 2 && isnan(columns[2]) && columns[3] == 3);
	double many[16];
	graph_reduce(values, 8, many, 16);
	int seen = 0;
	for (int i = 0; i < 16; i++)
		seen += !isnan(many[i]);
	assert_int_equal(seen, 5);
	double none[2] = {1, 1};
	graph_reduce(NULL, 0, none, 2);
	assert_true(isnan(none[0]) && isnan(none[1]));
	double one;
	graph_reduce(values, 8, &one, 1);
	assert_true(one == 5);
}

static void a_sparkline_is_aligned_at_the_newest(void **state)
{
	(void)state;
	const double values[] = {100, 0, 0.001, NAN, 50, 100, 1e9, -1};
	surface_resize(&s, 12, 1);
	graph_sparkline(&s, surface_all(&s), ROLE_V2, values, 8, 100);
	assert_chars("    \u2588\u2581\u2582 \u2585\u2588\u2588\u2581\n");
	assert_roles("....222.2222\n");
	surface_resize(&s, 3, 1);
	graph_sparkline(&s, surface_all(&s), ROLE_V2, values, 8, 100);
	assert_chars("\u2588\u2588\u2581\n"); /* the newest that fit */
	s.ascii = true;
	surface_resize(&s, 8, 1);
	graph_sparkline(&s, surface_all(&s), ROLE_V2, values, 8, 100);
	assert_chars("#_. -##_\n");
	surface_clear(&s);
	graph_sparkline(
		&s, surface_all(&s), ROLE_V2, values, 8, 0); /* no scale: all above it is full */
	assert_chars("#_# ###_\n");
}

static void a_bar_shows_a_little_and_leaves_a_little(void **state)
{
	(void)state;
	static const struct {
		double fraction;
		const char *blocks, *ascii;
	} rows[] = {
		{0, "\u00b7\u00b7\u00b7\u00b7\n", "....\n"},
		{0.00001, "\u258f\u00b7\u00b7\u00b7\n", "#...\n"},
		{0.5, "\u2588\u2588\u00b7\u00b7\n", "##..\n"},
		{0.53125, "\u2588\u2588\u258f\u00b7\n", "##..\n"},
		{0.99999, "\u2588\u2588\u2588\u2589\n", "###.\n"},
		{1, "\u2588\u2588\u2588\u2588\n", "####\n"},
		{7, "\u2588\u2588\u2588\u2588\n", "####\n"},
		{-1, "\u00b7\u00b7\u00b7\u00b7\n", "....\n"},
		{NAN, "????\n", "????\n"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		s.ascii = false;
		surface_resize(&s, 4, 1);
		graph_bar(&s, surface_all(&s), ROLE_V2, rows[i].fraction);
		assert_chars(rows[i].blocks);
		s.ascii = true;
		surface_resize(&s, 4, 1);
		graph_bar(&s, surface_all(&s), ROLE_V2, rows[i].fraction);
		assert_chars(rows[i].ascii);
	}
	surface_resize(&s, 1, 1);
	graph_bar(&s, surface_all(&s), ROLE_V2, 0.2);
	assert_chars("#\n");
}

static void ends_of_axes_are_round(void **state)
{
	(void)state;
	static const double rows[][2] = {{1, 1}, {1.1, 2}, {3, 5}, {5, 5}, {7, 10}, {0.03, 0.05},
		{999, 1000}, {1001, 2000}, {1e-9, 1e-9}, {0, 1}, {-4, 1}, {NAN, 1}, {INFINITY, 1}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		double top = graph_nice_top(rows[i][0]);
		assert_true(fabs(top - rows[i][1]) < 1e-9 * fmax(1, rows[i][1]));
		if (rows[i][0] > 0 && !isinf(rows[i][0]))
			assert_true(top >= rows[i][0]);
	}
	assert_true(graph_nice_top(5e-324) > 0);
	assert_true(graph_nice_top(1.7e308) >= 1.7e308);
}

static void percent(char *out, size_t size, double value)
{
	snprintf(out, size, "%.0f%%", value);
}

static void a_plot_has_an_axis_a_limit_and_two_series(void **state)
{
	(void)state;
	const double v1[] = {0, 10, NAN, 60}, v2[] = {0, 10, 40, NAN, 100};
	const size_t marks[] = {1, 99};
	const struct graph_plot plot = {
		.series = {{v1, 4, ROLE_V1}, {v2, 5, ROLE_V2}},
		.series_count = 2,
		.over = ROLE_OVER,
		.limit = 50,
		.top = NAN,
		.label = percent,
		.marks = marks,
		.mark_count = 2,
	};
	surface_resize(&s, 12, 5);
	graph_plot(&s, surface_all(&s), &plot);
	assert_chars("100%\u2502      \u2588\n"
				 " 50%\u2502\u2504\u2504\u2504\u2504\u2504\u2504\u2022\n"
				 "    \u2502    \u2586 \u2588\n"
				 "  0%\u2502  \u2581\u2585\u2022 \u2588\n"
				 "          ^\n");
	assert_roles("aaaaa......2\n"
				 ".lllallllll1\n"
				 "....a....2.2\n"
				 "..aaa..22O.2\n"
				 "..........l.\n");
}

static void label_whole(char *out, size_t size, double value)
{
	snprintf(out, size, "%.0f", value);
}

/* A point on a bar has its own role, so that the bar goes on behind it; one on its end gives way to
 * the end, which says more. */
static void points_make_no_holes(void **state)
{
	(void)state;
	const double v1[] = {10, 60, 90, NAN}, v2[] = {100, 60, 10, 100};
	const struct graph_plot plot = {.series = {{v1, 4, ROLE_V1}, {v2, 4, ROLE_V2}},
		.series_count = 2,
		.over = ROLE_OVER,
		.limit = NAN,
		.top = 100,
		.label = label_whole};
	surface_resize(&s, 8, 3);
	graph_plot(&s, surface_all(&s), &plot);
	assert_chars("100\u2502\u2588 \u2022\u2588\n"
				 "   \u2502\u2588\u2587 \u2588\n"
				 "  0\u2502\u2022\u2588\u2584\u2588\n");
	assert_roles("aaaa2.12\n...a22.2\n..aaO222\n");
	s.ascii = true;
	surface_clear(&s);
	graph_plot(&s, surface_all(&s), &plot);
	assert_chars("100|# o#\n   |#= #\n  0|o#-#\n");
	assert_roles("aaaa2.12\n...a22.2\n..aa1222\n");
}

static void a_plot_fits_anywhere(void **state)
{
	(void)state;
	const double values[] = {1, NAN, 3, INFINITY, -2};
	const size_t marks[] = {0};
	const struct graph_plot plot = {.series = {{values, 5, ROLE_V1}, {values, 5, ROLE_V2}},
		.series_count = 2,
		.limit = NAN,
		.top = 2,
		.marks = marks,
		.mark_count = 1};
	for (int ascii = 0; ascii < 2; ascii++)
		for (int w = 0; w < 14; w++)
			for (int h = 0; h < 6; h++) {
				s.ascii = ascii == 1;
				surface_resize(&s, 16, 8);
				graph_plot(&s, (struct rect){1, 1, w, h}, &plot);
				for (int y = 0; y < 8; y++)
					for (int x = 0; x < 16; x++) {
						uint32_t point = s.cells[y * 16 + x].point;
						if (x < 1 || x > w || y < 1 || y > h)
							assert_int_equal(point, ' ');
						if (s.ascii) /* every glyph has a fallback of its own */
							assert_true(point < 0x7f && point != '?');
					}
			}
	const struct graph_plot empty = {.limit = NAN, .top = NAN};
	surface_resize(&s, 8, 2);
	graph_plot(&s, surface_all(&s), &empty);
	assert_chars("1|\n0|\n");
}

/* A band with a gap, one that leaves the plot on both sides, a point on a line, a cross. */
static void a_band_is_what_may_be(void **state)
{
	(void)state;
	const double low[] = {-1, NAN, 0.5, -INFINITY}, high[] = {0, NAN, 1.9, INFINITY};
	const double first[] = {NAN, NAN, 1, NAN}, second[] = {-5, NAN, NAN, 99};
	const struct graph_span span = {.low = low,
		.high = high,
		.count = 4,
		.series = {{first, 4, ROLE_V2}, {second, 4, ROLE_OK}},
		.series_count = 2,
		.line = {{1, ROLE_LIMIT}, {7, ROLE_FAIL}},
		.line_count = 2,
		.bottom = -2,
		.top = 2,
		.label = label_whole};
	graph_span(&s, (struct rect){0, 0, 7, 4}, &span);
	assert_chars(" 1\u2502\u2504\u2504\u2022+\n"
				 "  \u2502\u2591 \u2591\u2591\n"
				 "  \u2502\u2591  \u2591\n"
				 "-2\u2502+  \u2591\n");
	assert_roles("alall2o.....\n..ad.dd.....\n..ad..d.....\naaao..d.....\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_surface, drop_surface)
	const struct CMUnitTest tests[] = {
		TEST(reducing_keeps_the_worst_and_the_gaps),
		TEST(a_sparkline_is_aligned_at_the_newest),
		TEST(a_bar_shows_a_little_and_leaves_a_little),
		TEST(ends_of_axes_are_round),
		TEST(a_plot_has_an_axis_a_limit_and_two_series),
		TEST(points_make_no_holes),
		TEST(a_plot_fits_anywhere),
		TEST(a_band_is_what_may_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
