/* The list of pools: order, narrowing, marks, rows that stand still; the screen against
 * tests/golden; and by keys, that several pools are braked together and never stepped. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/mem.h"
#include "tests/lib/golden.h"
#include "tests/lib/site.h"
#include "tui/console.h"
#include "tui/view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- pools made by hand: a list needs what was derived, not where from ---- */

static struct model m;
static struct fleet f;
static const struct instant start = {1000000, SITE_WALL_MS};

static struct instant after(int64_t ms)
{
	return (struct instant){start.boot_ms + ms, start.wall_ms + ms};
}

static void blank(struct pool *p, const char *name)
{
	struct standing *st = &p->standing;
	text_copy(p->name, sizeof p->name, name);
	text_copy(p->env, sizeof p->env, "PROD");
	st->measured_bp = st->reported_bp = st->baseline_bp = 0;
	st->age_ms = 400;
	st->owner = OWNER_POOL;
	st->judge_word = VERDICT_NO_DATA;
	for (int a = 0; a < ARM_COUNT; a++) {
		st->arms[a].error_rate = NAN;
		st->arms[a].p50_us = st->arms[a].p95_us = st->arms[a].p99_us = UNKNOWN;
	}
	text_copy(st->state_text, sizeof st->state_text, "ARMED at 0 %");
	text_copy(st->headline.text, sizeof st->headline.text, "Ready for 1 %. S steps");
}

static void pools(int count)
{
	fleet_release(&f);
	free(m.pools);
	m.pools = mem_new((size_t)count, sizeof *m.pools);
	m.pool_count = count;
	for (int i = 0; i < count; i++) {
		char name[24];
		snprintf(name, sizeof name, "pool-%03d", i);
		blank(&m.pools[i], name);
	}
}

static struct standing *of(int pool)
{
	return &m.pools[pool].standing;
}

static int teardown(void **state)
{
	(void)state;
	fleet_release(&f);
	free(m.pools);
	m = (struct model){0};
	return 0;
}

/* The pools in their order, as "0 2 1". */
static const char *order(void)
{
	static char out[200];
	out[0] = 0;
	for (int i = 0; i < f.shown_count; i++)
		snprintf(out + strlen(out), sizeof out - strlen(out), "%s%d", i ? " " : "", f.shown[i]);
	return out;
}

static void the_worst_comes_first(void **state)
{
	(void)state;
	pools(6);
	of(5)->headline.level = LEVEL_ACT;
	of(2)->headline.level = LEVEL_LOOK;
	of(4)->headline.level = LEVEL_LOOK;
	of(4)->freshness = FRESHNESS_LOST;
	of(3)->judge_word = VERDICT_HARM;
	of(1)->reported_bp = 1000;
	fleet_look(&f, &m, start);
	assert_string_equal(order(), "5 4 2 3 1 0");
	fleet_sort(&f, &m, 0);
	assert_string_equal(order(), "0 1 3 2 4 5");
}

static void what_is_unknown_sorts_last_either_way(void **state)
{
	(void)state;
	pools(4);
	of(0)->arms[ARM_V2].error_rate = 0.01;
	of(2)->arms[ARM_V2].error_rate = 0.2;
	of(3)->arms[ARM_V2].error_rate = 0;
	fleet_look(&f, &m, start);
	while (f.sort != FLEET_ERRORS)
		fleet_sort(&f, &m, 1);
	assert_string_equal(order(), "2 0 3 1");
	fleet_sort(&f, &m, 0);
	assert_string_equal(order(), "3 0 2 1");
}

/* Each column, around the end and back. */
static void every_column_sorts(void **state)
{
	(void)state;
	pools(5);
	fleet_look(&f, &m, start);
	for (int i = 0; i < FLEET_SORT_COUNT; i++) {
		fleet_sort(&f, &m, 1);
		assert_int_equal(f.shown_count, 5);
		assert_string_equal(order(), "0 1 2 3 4"); /* all alike: the model's own order */
	}
	assert_int_equal(f.sort, FLEET_WORST);
	fleet_sort(&f, &m, -1);
	assert_int_equal(f.sort, FLEET_SORT_COUNT - 1);
}

static void rows_stand_still_after_a_key(void **state)
{
	(void)state;
	pools(3);
	fleet_look(&f, &m, start);
	fleet_hold_still(&f, start);
	of(2)->headline.level = LEVEL_ACT;
	fleet_look(&f, &m, after(FLEET_STILL_MS - 1));
	assert_string_equal(order(), "0 1 2");
	fleet_look(&f, &m, after(FLEET_STILL_MS));
	assert_string_equal(order(), "2 0 1");
}

static void all_words_of_a_filter_must_be_there(void **state)
{
	(void)state;
	pools(4);
	of(1)->headline.level = LEVEL_LOOK;
	text_copy(m.pools[2].env, sizeof m.pools[2].env, "STAGING");
	of(3)->headline.level = LEVEL_LOOK;
	of(3)->judge_word = VERDICT_HARM;
	fleet_look(&f, &m, start);
	fleet_filter(&f, &m, "look");
	assert_string_equal(order(), "3 1");
	fleet_filter(&f, &m, "  LOOK   harm ");
	assert_string_equal(order(), "3");
	fleet_filter(&f, &m, "stag");
	assert_string_equal(order(), "2");
	fleet_filter(&f, &m, "nothing has this");
	assert_int_equal(f.shown_count, 0);
	assert_int_equal(fleet_row(&f, 1), -1);
	assert_int_equal(fleet_moved(&f, 1, 1), 1);
	fleet_filter(&f, &m, "");
	assert_int_equal(f.shown_count, 4);
}

static void selecting_stops_at_the_ends(void **state)
{
	(void)state;
	pools(3);
	fleet_look(&f, &m, start);
	assert_int_equal(fleet_moved(&f, 0, -1), 0);
	assert_int_equal(fleet_moved(&f, 0, 1), 1);
	assert_int_equal(fleet_moved(&f, 1, INT32_MAX), 2);
	assert_int_equal(fleet_moved(&f, 1, -INT32_MAX), 0);
	fleet_filter(&f, &m, "pool-002");
	assert_int_equal(fleet_moved(&f, 0, 0), 2);
}

static void marks_outlive_a_filter(void **state)
{
	(void)state;
	pools(3);
	fleet_look(&f, &m, start);
	fleet_mark(&f, 0);
	fleet_mark(&f, 2);
	fleet_filter(&f, &m, "pool-001");
	assert_int_equal(fleet_marked(&f), 2);
	fleet_mark(&f, 2);
	assert_int_equal(fleet_marked(&f), 1);
	fleet_unmark_all(&f);
	assert_int_equal(fleet_marked(&f), 0);
}

/* ---- the screen ---- */

static void scene(void)
{
	pools(24);
	static const struct {
		const char *name, *state, *headline;
		enum level level;
		enum freshness freshness;
		int seen;
		double errors;
		int64_t p99;
		enum verdict_word word;
	} rows[] = {
		{"checkout", "BAKING at 10 %, 06:49 left",
			"v2 is worse: errors 4.1 %, v1 0.2 %, mostly predict. Rolls back in 0:18; R now",
			LEVEL_ACT, FRESHNESS_LIVE, 1000, 0.041, 171000, VERDICT_HARM},
		{"search-and-recommendation-eu", "HELD by kim 02:14",
			"No news for 14 s: all figures are old. Steps locked, R works", LEVEL_LOOK,
			FRESHNESS_STALE, 100, 0.0018, 58000, VERDICT_STALE},
		{"billing", "DIVERGED pool 35 %, asked 10 %",
			"The pool has 35 %, asked was 10 %. Somebody moved it", LEVEL_LOOK, FRESHNESS_LIVE,
			3500, 0.0002, 22000, VERDICT_UNDECIDED},
		{"mail", "READY for 50 %",
			"Ready for 50 %: bake passed, errors SAFE (under 1.3x v1's). S steps", LEVEL_OK,
			FRESHNESS_LIVE, 1000, 0.0021, 61000, VERDICT_SAFE},
		{"quiet", "NEVER heard", "Not heard yet", LEVEL_LOOK, FRESHNESS_NEVER, -1, NAN, UNKNOWN,
			VERDICT_NONE},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pool *p = &m.pools[i * 3];
		struct standing *st = &p->standing;
		text_copy(p->name, sizeof p->name, rows[i].name);
		text_copy(st->state_text, sizeof st->state_text, rows[i].state);
		text_copy(st->headline.text, sizeof st->headline.text, rows[i].headline);
		st->headline.level = rows[i].level;
		st->freshness = rows[i].freshness;
		st->age_ms = rows[i].freshness == FRESHNESS_NEVER ? UNKNOWN
			: rows[i].freshness == FRESHNESS_STALE        ? 14000
														  : 400;
		st->measured_bp = st->reported_bp = rows[i].seen;
		st->arms[ARM_V2].error_rate = rows[i].errors;
		st->arms[ARM_V1].error_rate = 0.002;
		st->arms[ARM_V2].p99_us = rows[i].p99;
		st->arms[ARM_V1].p99_us = 60000;
		st->judge_word = rows[i].word;
		st->owner = i == 2 ? OWNER_NONE : OWNER_POOL;
	}
	of(0)->guard.metric[METRIC_ERRORS].state = GUARD_RED;
	of(0)->guard.metric[METRIC_ERRORS].limit = 0.03;
	of(0)->guard.metric[METRIC_ERRORS].value[ARM_V2] = 0.041;
	fleet_look(&f, &m, start);
	fleet_mark(&f, 6);
}

static bool is_as_it_was(const char *name, int selected)
{
	bool same = true;
	for (int i = 0; i < GOLDEN_SIZES; i++) {
		struct roster roster = {0};
		struct surface s;
		struct view v = {.model = &m,
			.pool = &m.pools[selected],
			.screen = SCREEN_FLEET,
			.roster = &roster,
			.fleet = &f,
			.now = start,
			.message = "",
			.clock = "14:03:22Z",
			.place = "",
			.pool_count = m.pool_count,
			.pool_index = selected};
		surface_init(&s, golden_sizes[i].w, golden_sizes[i].h, false);
		surface_clear(&s);
		view_fleet(&s, &v);
		same &= golden_matches(name, &s);
		surface_release(&s);
	}
	return same;
}

static void screen_is_as_it_was(void **state)
{
	(void)state;
	scene();
	assert_true(is_as_it_was("fleet", 3));
}

static void narrowed_screen_is_as_it_was(void **state)
{
	(void)state;
	scene();
	fleet_filter(&f, &m, "look");
	fleet_sort(&f, &m, -1);
	assert_true(is_as_it_was("fleet-narrowed", 3));
}

/* A row of each of 1,000, and none at a place where there is none. */
static void a_thousand_fit_every_size(void **state)
{
	(void)state;
	pools(1000);
	for (int i = 0; i < 1000; i++)
		of(i)->headline.level = (enum level)(i % 7 == 0 ? LEVEL_ACT : i % LEVEL_ACT);
	fleet_look(&f, &m, start);
	for (int w = 1; w <= 210; w += 11)
		for (int h = 1; h <= 60; h += 7) {
			struct roster roster = {0};
			struct surface s;
			struct view v = {.model = &m,
				.pool = &m.pools[999],
				.screen = SCREEN_FLEET,
				.roster = &roster,
				.fleet = &f,
				.now = start,
				.message = "",
				.clock = "14:03:22Z",
				.place = "",
				.pool_count = m.pool_count,
				.pool_index = 999};
			surface_init(&s, w, h, true);
			surface_clear(&s);
			view_fleet(&s, &v);
			surface_release(&s);
		}
	struct fleet_sum sum;
	fleet_sum(&sum, &m);
	assert_int_equal(sum.of[LEVEL_ACT], 143);
	assert_int_equal(sum.of[LEVEL_ACT] + sum.of[LEVEL_LOOK] + sum.of[LEVEL_OK], 1000);
}

/* ---- by keys ---- */

static struct site s;
static struct desk *d;
static struct console *c;

static void sit_down(void)
{
	static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};
	site_init(&s, 3, 3);
	s.apart = true;
	d = site_open(&s, &kim);
	struct console_options how = {.desk = d, .w = 120, .h = 40};
	c = console_new(&how, s.now);
	site_run(&s, 3000);
	console_refresh(c, s.now);
}

static int get_up(void **state)
{
	(void)state;
	console_free(c);
	c = NULL;
	site_release(&s);
	return 0;
}

static void type(const char *keys)
{
	for (; *keys; keys++) {
		console_key(c,
			*keys == '\n'         ? KEYS_ENTER
				: *keys == '\033' ? KEYS_ESC
								  : (unsigned char)*keys,
			s.now);
		site_run(&s, 400);
		console_refresh(c, s.now);
	}
}

static bool shows(const char *text)
{
	struct text chars = {0}, roles = {0};
	surface_dump(console_draw(c, s.now), &chars, &roles);
	bool is = strstr(text_str(&chars), text) != NULL;
	text_free(&chars);
	text_free(&roles);
	return is;
}

static const struct pool *pool(int i)
{
	return &desk_model(d)->pools[i];
}

static void several_pools_open_as_a_list(void **state)
{
	(void)state;
	sit_down();
	assert_true(shows("FLEET 3"));
	type("j\n");
	assert_false(shows("FLEET"));
	type("q");
	assert_true(shows("FLEET 3"));
	type("3q");
	assert_false(shows("FLEET"));
	type("\033");
	assert_true(shows("FLEET 3"));
	assert_false(console_left(c));
	type("q");
	assert_true(console_left(c));
}

static void a_filter_narrows_while_typing(void **state)
{
	(void)state;
	sit_down();
	type("/node-c");
	assert_true(shows("/node-c: 1"));
	type("\n");
	assert_true(shows("/node-c: 1"));
	type("\033");
	assert_false(shows("/node-c"));
	type("/zzz\033");
	assert_false(shows("/zzz"));
	assert_true(shows("FLEET 3"));
}

static void marked_pools_are_held_at_once(void **state)
{
	(void)state;
	sit_down();
	type("g  H");
	site_run(&s, 3000);
	int held = 0;
	for (int i = 0; i < 3; i++)
		held += pool(i)->standing.hold.on;
	assert_int_equal(held, 2);
	assert_false(shows("marked"));
}

static void several_go_back_by_their_number(void **state)
{
	(void)state;
	sit_down();
	for (int i = 0; i < 3; i++) {
		struct act_request step = {.verb = VERB_STEP, .pool = i, .to_bp = 100};
		struct act_result r = site_ask(&s, d, &step);
		assert_int_equal(r.status, ACT_BEGUN);
	}
	site_run(&s, 5000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pool(i)->standing.reported_bp, 100);
	type("g  /node-c\nR"); /* two marked, then hidden */
	assert_true(shows("ROLL BACK 2 pools"));
	assert_true(shows("the filter hides it"));
	type("y3\n");
	assert_true(shows("'3' is not how many they are"));
	assert_int_equal(pool(0)->standing.reported_bp, 100);
	type("y2\n");
	site_run(&s, 5000);
	int back = 0;
	for (int i = 0; i < 3; i++)
		back += pool(i)->standing.reported_bp == 0;
	assert_int_equal(back, 2);
}

static void a_forced_migration_is_marked_in_its_row(void **state)
{
	(void)state;
	sit_down();
	struct act_request step = {.verb = VERB_STEP, .to_bp = 100};
	assert_int_equal(site_ask(&s, d, &step).status, ACT_BEGUN);
	site_run(&s, 2000);
	type("g");
	assert_false(shows("BREAK-GLASS"));
	step = (struct act_request){.verb = VERB_STEP,
		.to_bp = 1000,
		.forced = PREDICATES_FORCED,
		.reason = "they wait"};
	assert_int_equal(site_ask(&s, d, &step).status, ACT_BEGUN);
	site_run(&s, 2000);
	assert_true(shows("BREAK-GLASS BAKING"));
}

static void several_are_never_stepped(void **state)
{
	(void)state;
	sit_down();
	type("g  S");
	assert_true(shows("one pool at a time"));
	type("y\n");
	site_run(&s, 3000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pool(i)->standing.reported_bp, 0);
	type("\033\033\033");
	assert_false(shows("marked"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_worst_comes_first, teardown),
		cmocka_unit_test_teardown(what_is_unknown_sorts_last_either_way, teardown),
		cmocka_unit_test_teardown(every_column_sorts, teardown),
		cmocka_unit_test_teardown(rows_stand_still_after_a_key, teardown),
		cmocka_unit_test_teardown(all_words_of_a_filter_must_be_there, teardown),
		cmocka_unit_test_teardown(selecting_stops_at_the_ends, teardown),
		cmocka_unit_test_teardown(marks_outlive_a_filter, teardown),
		cmocka_unit_test_teardown(screen_is_as_it_was, teardown),
		cmocka_unit_test_teardown(narrowed_screen_is_as_it_was, teardown),
		cmocka_unit_test_teardown(a_thousand_fit_every_size, teardown),
		cmocka_unit_test_teardown(several_pools_open_as_a_list, get_up),
		cmocka_unit_test_teardown(a_filter_narrows_while_typing, get_up),
		cmocka_unit_test_teardown(marked_pools_are_held_at_once, get_up),
		cmocka_unit_test_teardown(several_go_back_by_their_number, get_up),
		cmocka_unit_test_teardown(several_are_never_stepped, get_up),
		cmocka_unit_test_teardown(a_forced_migration_is_marked_in_its_row, get_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
