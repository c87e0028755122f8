/* Whether the built-in themes can be read, and their states told apart, by eyes that see colours
 * and by eyes that do not, on the terminals they are made for.
 *
 * Contrast is WCAG 2's (https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio). Distance is CIE 1976's,
 * Euclidean in L*a*b* under D65 (ISO/CIE 11664-4). What others see is simulated in linear RGB by
 * the matrices for full severity of G. M. Machado, M. M. Oliveira and L. A. F. Fernandes, "A
 * Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE Transactions on
 * Visualization and Computer Graphics 15 (6), 2009. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tui/palette.h"
#include "tui/theme.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CONTRAST_LEAST 4.5
#define CONTRAST_HIGH 7.0     /* of the theme for it */
#define CONTRAST_MISTAKEN 3.0 /* where the background is not what was thought */
#define DISTANCE_LEAST 25.0

struct colour {
	int rgb[3];
};

/* A terminal that a theme is made for. */
struct ground {
	const char *theme;
	struct colour bg, fg;
	bool linux_console; /* its first sixteen colours; else xterm's */
	double least;
};

#define BLACK \
	{ \
		{ \
			0, 0, 0 \
		} \
	}
#define WHITE \
	{ \
		{ \
			255, 255, 255 \
		} \
	}

static const struct ground grounds[] = {
	{"dark", BLACK, {{229, 229, 229}}, false, CONTRAST_LEAST},
	{"dark", BLACK, WHITE, false, CONTRAST_LEAST},
	{"dark", {{0x1e, 0x1e, 0x1e}}, {{0xd4, 0xd4, 0xd4}}, false, CONTRAST_LEAST},
	{"light", WHITE, BLACK, false, CONTRAST_LEAST},
	{"light", {{0xfd, 0xf6, 0xe3}}, {{0x33, 0x33, 0x33}}, false, CONTRAST_LEAST},
	{"ansi16", BLACK, {{170, 170, 170}}, true, CONTRAST_LEAST},
	{"contrast", BLACK, WHITE, false, CONTRAST_HIGH},
	{"contrast", WHITE, BLACK, false, CONTRAST_HIGH},
};
#define GROUND_COUNT (sizeof grounds / sizeof *grounds)

/* Source: default_red, default_grn and default_blu of Linux, drivers/tty/vt/vt.c. */
static const struct colour linux_colours[16] = {
	{{0, 0, 0}},
	{{170, 0, 0}},
	{{0, 170, 0}},
	{{170, 85, 0}},
	{{0, 0, 170}},
	{{170, 0, 170}},
	{{0, 170, 170}},
	{{170, 170, 170}},
	{{85, 85, 85}},
	{{255, 85, 85}},
	{{85, 255, 85}},
	{{255, 255, 85}},
	{{85, 85, 255}},
	{{255, 85, 255}},
	{{85, 255, 255}},
	{{255, 255, 255}},
};

/* X(name, word, matrix) */
#define SIGHT_INFO(X) \
	X(NORMAL, "normal", {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}) \
	X(PROTAN, "protan", \
		{{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, \
			{-0.003882, -0.048116, 1.051998}}) \
	X(DEUTAN, "deutan", \
		{{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, \
			{-0.011820, 0.042940, 0.968881}}) \
	X(TRITAN, "tritan", \
		{{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, \
			{0.004733, 0.691367, 0.303900}})

enum sight {
#define X(name, word, ...) SIGHT_##name,
	SIGHT_INFO(X)
#undef X
		SIGHT_COUNT
};

static const struct {
	const char *word;
	double matrix[3][3];
} sights[SIGHT_COUNT] = {
#define X(name, word, ...) {word, __VA_ARGS__},
	SIGHT_INFO(X)
#undef X
};

/* ---- colours ---- */

/* IEC 61966-2-1. */
static double linear(int part)
{
	double v = part / 255.0;
	return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double luminance(struct colour c)
{
	return 0.2126 * linear(c.rgb[0]) + 0.7152 * linear(c.rgb[1]) + 0.0722 * linear(c.rgb[2]);
}

static double contrast(struct colour a, struct colour b)
{
	double x = luminance(a), y = luminance(b);
	return (fmax(x, y) + 0.05) / (fmin(x, y) + 0.05);
}

static double lab_part(double t)
{
	return t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116;
}

static void lab(struct colour c, enum sight s, double out[3])
{
	static const double xyz[3][3] = {{0.4124564, 0.3575761, 0.1804375},
		{0.2126729, 0.7151522, 0.0721750}, {0.0193339, 0.1191920, 0.9503041}};
	static const double white[3] = {0.95047, 1, 1.08883};
	double seen[3], part[3];
	for (int i = 0; i < 3; i++) {
		seen[i] = 0;
		for (int j = 0; j < 3; j++)
			seen[i] += sights[s].matrix[i][j] * linear(c.rgb[j]);
		seen[i] = fmin(1, fmax(0, seen[i]));
	}
	for (int i = 0; i < 3; i++) {
		part[i] = 0;
		for (int j = 0; j < 3; j++)
			part[i] += xyz[i][j] * seen[j];
		part[i] = lab_part(part[i] / white[i]);
	}
	out[0] = 116 * part[1] - 16;
	out[1] = 500 * (part[0] - part[1]);
	out[2] = 200 * (part[1] - part[2]);
}

static double distance(struct colour a, struct colour b, enum sight s)
{
	double x[3], y[3];
	lab(a, s, x);
	lab(b, s, y);
	return sqrt(pow(x[0] - y[0], 2) + pow(x[1] - y[1], 2) + pow(x[2] - y[2], 2));
}

/* ---- looks ---- */

struct seen {
	struct colour ink, ground;
};

static struct colour colour_of(short colour, const struct ground *g, struct colour otherwise)
{
	struct colour c;
	if (colour < 0)
		return otherwise;
	if (g->linux_console && colour < 16)
		return linux_colours[colour];
	palette_rgb(colour, c.rgb);
	return c;
}

static struct seen seen_on(const struct theme *t, enum role r, const struct ground *g)
{
	const struct style *style = &t->style[r];
	struct seen s = {colour_of(style->fg, g, g->fg), colour_of(style->bg, g, g->bg)};
	if ((style->attrs & STYLE_REVERSE) != 0)
		s = (struct seen){s.ground, s.ink};
	return s;
}

static struct theme theme_named(const char *name)
{
	static const char *const none[] = {NULL};
	struct theme t;
	struct err err = {0};
	assert_int_equal(theme_load(&t, name, none, &err), 0);
	return t;
}

/* A terminal makes `dim` what it likes. Where it is the only means (mono) the role is also a
 * word. */
static void no_theme_of_colours_is_dim(void **state)
{
	(void)state;
	for (size_t i = 0; i < GROUND_COUNT; i++) {
		struct theme t = theme_named(grounds[i].theme);
		for (int r = 0; r < ROLE_COUNT; r++)
			assert_true((t.style[r].attrs & STYLE_DIM) == 0);
	}
}

static void every_built_in_of_colours_has_its_grounds(void **state)
{
	(void)state;
	for (size_t i = 0; theme_built_in(i) != NULL; i++) {
		struct theme t = theme_named(theme_built_in(i));
		int count = 0;
		for (size_t g = 0; g < GROUND_COUNT; g++)
			count += strcmp(grounds[g].theme, theme_built_in(i)) == 0;
		assert_true(count > 0 || !theme_has_colour(&t));
	}
}

static int unreadable(const struct theme *t, const struct ground *g, double least)
{
	int bad = 0;
	for (int r = 0; r < ROLE_COUNT; r++) {
		struct seen s = seen_on(t, (enum role)r, g);
		double is = contrast(s.ink, s.ground);
		if (is >= least)
			continue;
		bad++;
		print_error("%s on #%02x%02x%02x: %s has a contrast of %.2f, not %.1f\n", t->name,
			g->bg.rgb[0], g->bg.rgb[1], g->bg.rgb[2], role_word((enum role)r), is, least);
	}
	return bad;
}

static void every_role_can_be_read(void **state)
{
	(void)state;
	int bad = 0;
	for (size_t i = 0; i < GROUND_COUNT; i++) {
		struct theme t = theme_named(grounds[i].theme);
		bad += unreadable(&t, &grounds[i], grounds[i].least);
	}
	assert_int_equal(bad, 0);
}

/* COLORFGBG may be left over from another terminal: what is taken for its sake must be readable
 * on that one too. */
static void light_can_be_read_on_black(void **state)
{
	(void)state;
	static const struct ground mistaken = {"light", BLACK, {{229, 229, 229}}, false, 0};
	struct theme t = theme_named("light");
	assert_int_equal(unreadable(&t, &mistaken, CONTRAST_MISTAKEN), 0);
}

/* How far two looks are from each other: that of the ink or of the ground, whichever is more. Bars
 * and plots are of ink alone. */
static double apart(struct seen a, struct seen b, enum sight s, bool ink_alone)
{
	double ink = distance(a.ink, b.ink, s);
	return ink_alone ? ink : fmax(ink, distance(a.ground, b.ground, s));
}

static int alike(const struct theme *t, const struct ground *g, enum role a, enum role b)
{
	int bad = 0;
	for (int s = 0; s < SIGHT_COUNT; s++) {
		bool bars = a == ROLE_V1 && b == ROLE_V2;
		double is = apart(seen_on(t, a, g), seen_on(t, b, g), (enum sight)s, bars);
		if (is >= DISTANCE_LEAST)
			continue;
		bad++;
		print_error("%s on #%02x%02x%02x, %s sight: %s and %s are %.1f apart, not %.0f\n",
			t->name, g->bg.rgb[0], g->bg.rgb[1], g->bg.rgb[2], sights[s].word, role_word(a),
			role_word(b), is, DISTANCE_LEAST);
	}
	return bad;
}

static const enum role told_apart[] = {ROLE_OK, ROLE_WARN, ROLE_FAIL, ROLE_V1, ROLE_V2};
#define TOLD_COUNT (sizeof told_apart / sizeof *told_apart)

static void states_and_sides_are_told_apart(void **state)
{
	(void)state;
	int bad = 0;
	for (size_t i = 0; i < GROUND_COUNT; i++) {
		struct theme t = theme_named(grounds[i].theme);
		for (size_t a = 0; a < TOLD_COUNT; a++)
			for (size_t b = a + 1; b < TOLD_COUNT; b++)
				bad += alike(&t, &grounds[i], told_apart[a], told_apart[b]);
	}
	assert_int_equal(bad, 0);
}

/* What is chosen is a block: its ground is not the terminal's. */
static void what_is_chosen_is_a_block(void **state)
{
	(void)state;
	static const enum role blocks[] = {ROLE_MARK, ROLE_SHEET_TITLE, ROLE_CHOICE, ROLE_SELECTED};
	for (size_t i = 0; i < GROUND_COUNT; i++) {
		struct theme t = theme_named(grounds[i].theme);
		struct seen text = seen_on(&t, ROLE_TEXT, &grounds[i]);
		for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++)
			for (int s = 0; s < SIGHT_COUNT; s++) {
				struct seen block = seen_on(&t, blocks[b], &grounds[i]);
				if (distance(block.ground, text.ground, (enum sight)s) < DISTANCE_LEAST)
					fail_msg("%s: %s is no block", t.name, role_word(blocks[b]));
			}
	}
}

/* The bar goes on behind a point on it. */
static void a_point_stands_on_its_bar(void **state)
{
	(void)state;
	for (size_t i = 0; i < GROUND_COUNT; i++) {
		struct theme t = theme_named(grounds[i].theme);
		struct seen point = seen_on(&t, ROLE_OVER, &grounds[i]);
		struct seen bar = seen_on(&t, ROLE_V2, &grounds[i]);
		if (distance(point.ground, bar.ink, SIGHT_NORMAL) >= DISTANCE_LEAST)
			fail_msg("%s: a point of v1 makes a hole in a bar of v2", t.name);
	}
}

/* Without colours attributes tell the three states apart, and both sides. */
static void mono_tells_by_attributes(void **state)
{
	(void)state;
	struct theme t = theme_named("mono");
	assert_int_not_equal(t.style[ROLE_OK].attrs, t.style[ROLE_WARN].attrs);
	assert_int_not_equal(t.style[ROLE_OK].attrs, t.style[ROLE_FAIL].attrs);
	assert_int_not_equal(t.style[ROLE_WARN].attrs, t.style[ROLE_FAIL].attrs);
	assert_int_not_equal(t.style[ROLE_V1].attrs, t.style[ROLE_V2].attrs);
	assert_true((t.style[ROLE_FAIL].attrs & STYLE_REVERSE) != 0);
}

/* What comes out for colours whose figures are known. */
static void the_measures_are_right(void **state)
{
	(void)state;
	static const struct colour black = BLACK, white = WHITE, grey = {{119, 119, 119}},
							   red = {{255, 0, 0}}, green = {{0, 255, 0}},
							   olive = {{150, 130, 0}}, blue = {{0, 0, 255}};
	assert_true(fabs(contrast(black, white) - 21) < 1e-6);
	assert_true(fabs(contrast(grey, white) - 4.48) < 0.005); /* #777, known to just fail */
	double x[3];
	lab(red, SIGHT_NORMAL, x);
	assert_true(fabs(x[0] - 53.24) < 0.02 && fabs(x[1] - 80.09) < 0.02);
	assert_true(fabs(x[2] - 67.20) < 0.02);
	assert_true(fabs(distance(black, white, SIGHT_NORMAL) - 100) < 0.01);
	for (int s = 0; s < SIGHT_COUNT; s++) {
		/* Greys stay grey, and are told apart by all. */
		lab(grey, (enum sight)s, x);
		assert_true(fabs(x[1]) < 0.1 && fabs(x[2]) < 0.1);
		assert_true(distance(black, white, (enum sight)s) > 99);
	}
	assert_true(distance(red, olive, SIGHT_DEUTAN) < distance(red, olive, SIGHT_NORMAL) / 2);
	assert_true(distance(red, olive, SIGHT_PROTAN) < distance(red, olive, SIGHT_NORMAL) / 2);
	assert_true(
		distance(blue, green, SIGHT_TRITAN) < distance(blue, green, SIGHT_NORMAL) / 1.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_measures_are_right),
		cmocka_unit_test(every_built_in_of_colours_has_its_grounds),
		cmocka_unit_test(no_theme_of_colours_is_dim),
		cmocka_unit_test(every_role_can_be_read),
		cmocka_unit_test(light_can_be_read_on_black),
		cmocka_unit_test(states_and_sides_are_told_apart),
		cmocka_unit_test(what_is_chosen_is_a_block),
		cmocka_unit_test(a_point_stands_on_its_bar),
		cmocka_unit_test(mono_tells_by_attributes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
