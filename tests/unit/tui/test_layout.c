/* Layout at every size there is: 1 to 250 columns, 1 to 100 rows, whatever the sections wish
 * for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tui/layout.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[SECTION_COUNT] = {
#define X(name) #name,
	SECTION_INFO(X)
#undef X
};

static const struct layout_wish wishes[] = {
	{.guards = 4, .bad = 1, .decisions = 16},
	{.guards = 2, .bad = 1, .decisions = 2},
	{.guards = 40, .bad = 20, .decisions = 500},
	{.guards = 4, .judge = 2, .bad = 1, .decisions = 16, .wide = true},
	{.guards = 4, .judge = 2, .bad = 1, .decisions = 16, .failures = 12},
	{0},
};

#define WISHES (sizeof wishes / sizeof *wishes)

static bool inside(const struct rect *r, int w, int h)
{
	return r->x >= 0 && r->y >= 0 && r->w >= 0 && r->h >= 0 && r->x + r->w <= w &&
		r->y + r->h <= h;
}

static bool apart(const struct rect *a, const struct rect *b)
{
	return a->h == 0 || b->h == 0 || a->w == 0 || b->w == 0 || a->x + a->w <= b->x ||
		b->x + b->w <= a->x || a->y + a->h <= b->y || b->y + b->h <= a->y;
}

static void every_size_is_disjoint_and_inside(void **state)
{
	(void)state;
	for (size_t i = 0; i < WISHES; i++)
		for (int w = 1; w <= 250; w++)
			for (int h = 1; h <= 100; h++) {
				struct layout l;
				layout_make(&l, w, h, &wishes[i]);
				for (int a = 0; a < SECTION_COUNT; a++) {
					if (!inside(&l.rect[a], w, h))
						fail_msg("%s leaves %dx%d", names[a], w, h);
					for (int b = 0; b < a; b++)
						if (!apart(&l.rect[a], &l.rect[b]))
							fail_msg("%s and %s meet at %dx%d", names[a], names[b], w, h);
				}
				if (!inside(&l.sheet, w, h) || l.sheet.h < 1 || l.sheet.w < 1)
					fail_msg("no place for a dialog at %dx%d", w, h);
			}
}

static void what_matters_is_in_sight(void **state)
{
	(void)state;
	for (int w = 1; w <= 250; w++)
		for (int h = 1; h <= 100; h++) {
			struct layout l;
			layout_make(&l, w, h, &wishes[0]);
			assert_int_equal(l.rect[SECTION_HEADER].h, 1);
			assert_int_equal(l.rect[SECTION_HEADER].y, 0);
			assert_int_equal(l.rect[SECTION_HEADLINE].h, h >= 2);
			assert_int_equal(l.rect[SECTION_HINTS].h, h >= 4);
			if (h >= 4)
				assert_int_equal(l.rect[SECTION_HINTS].y, h - 1);
			if (h >= 16)
				assert_true(l.rect[SECTION_ARMS].h >= 3 && l.rect[SECTION_GUARDS].h >= 2);
			/* Header, headline and both sides stay in sight behind a dialog. */
			if (h >= 20)
				assert_true(apart(&l.sheet, &l.rect[SECTION_ARMS]));
			assert_true(apart(&l.sheet_low, &l.rect[SECTION_ARMS]));
			assert_true(l.sheet_low.h == 0 || inside(&l.sheet_low, w, h));
			if (h >= 3)
				assert_true(l.sheet.y >= 1);
		}
}

static void a_taller_screen_shows_no_less(void **state)
{
	(void)state;
	static const int widths[] = {20, 59, 60, 79, 80, 100, 159};
	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
		struct layout before = {0}, l;
		for (int h = 1; h <= 100; h++, before = l) {
			layout_make(&l, widths[i], h, &wishes[0]);
			for (int s = 0; s < SECTION_COUNT; s++)
				/* A row too few for the guards is the bad units'. */
				if (s != SECTION_BAD && before.rect[s].h > 0 && l.rect[s].h == 0)
					fail_msg("%s is gone at %dx%d", names[s], widths[i], h);
		}
	}
}

static void widths_have_names(void **state)
{
	(void)state;
	static const struct {
		int w;
		enum width width;
	} rows[] = {{1, WIDTH_TINY}, {59, WIDTH_TINY}, {60, WIDTH_NARROW}, {79, WIDTH_NARROW},
		{80, WIDTH_NORMAL}, {159, WIDTH_NORMAL}, {160, WIDTH_WIDE}, {250, WIDTH_WIDE}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct layout l;
		layout_make(&l, rows[i].w, 30, &wishes[0]);
		assert_int_equal(l.width, rows[i].width);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_is_disjoint_and_inside),
		cmocka_unit_test(what_matters_is_in_sight),
		cmocka_unit_test(a_taller_screen_shows_no_less),
		cmocka_unit_test(widths_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
