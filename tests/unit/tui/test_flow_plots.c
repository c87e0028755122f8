/* The Flow screen's plots: filled from the history, in blocks, dots and ASCII, zoomed out to days,
 * read by a crosshair; and what is asked of the history for it. After a change on purpose
 * GOLDEN=write rewrites the screens; look at the difference. */
#include "model/mem.h"
#include "tests/lib/console_seat.h"
#include "tests/lib/golden.h"
#include "tui/desk_parts.h"
#include "tui/series.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a past ---- */

static void take(struct history *h, enum history_answer_kind until)
{
	static struct history_answer a;
	for (int tries = 0; tries < 100; tries++) {
		struct pollfd p = {.fd = history_fd(h), .events = POLLIN};
		poll(&p, 1, 10000);
		while (history_next(h, &a)) {
			bool came = a.kind == until;
			history_answer_release(&a);
			if (came)
				return;
		}
	}
	fail_msg("the history does not answer");
}

/* v1 as ever, v2 slower by and by, and failing for a while. */
static void put(struct history *h, int64_t tick, int64_t at_ms, int64_t interval_ms)
{
	static struct histogram latency[ARM_COUNT];
	struct history_sample x = {.pool_id = "shop-1", .tick = tick};
	int64_t minute = at_ms / 60000 % 60;
	text_copy(x.node_id, sizeof x.node_id, s.node[0]->counts->node_id);
	x.sample.at = (struct instant){tick, at_ms};
	x.sample.interval_ms = interval_ms;
	memset(latency, 0, sizeof latency);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_sample *a = &x.sample.arms[arm];
		int64_t n = (arm == ARM_V1 ? 180 : 20) * interval_ms / 1000;
		int64_t bad = arm == ARM_V1 ? n / 180 : minute >= 30 && minute < 36 ? n / 4 : 0;
		a->ok = n - bad;
		a->failed[FAILURE_TIMEOUT] = bad;
		a->memory_bytes = (arm == ARM_V1 ? 400 : 300 + minute * 2) * (INT64_C(1) << 20);
		histogram_add(&latency[arm], 20000, n - n / 20);
		histogram_add(&latency[arm], arm == ARM_V1 ? 95000 : 90000 + minute * 2000, n / 20 + 1);
		x.latency[arm] = &latency[arm];
	}
	history_sample(h, &x);
}

static void record(int64_t from_ms, int64_t until_ms, int64_t interval_ms)
{
	char path[256], keys[256];
	struct history *h;
	struct err err;
	site_path(&s, "h.db", path, sizeof path);
	site_path(&s, "keys", keys, sizeof keys);
	struct history_options how = {.path = path, .actor = "kim@ops1", .key_dir = keys};
	assert_int_equal(history_start(&h, &how, &err), 0);
	take(h, HISTORY_OPENED);
	history_recording(h, from_ms, interval_ms, "0.1", "ops1", "{}", "{}");
	for (int64_t at = from_ms; at < until_ms; at += interval_ms)
		put(h, (at - from_ms) / interval_ms, at, interval_ms);
	assert_int_equal(history_stop(h, 10000), 0);
}

/* Two hours by a recorder in steps of 10 s, then five minutes in seconds until 20 s ago. */
static void write_past(void)
{
	int64_t now_ms = s.now.wall_ms;
	record(now_ms - 2 * 3600000, now_ms - 320000, 10000);
	record(now_ms - 320000, now_ms - 20000, 1000);
}

/* ---- a console over it ---- */

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};

static void open_console(int w, int h, bool ascii, bool braille)
{
	struct console_options how = {
		.desk = d, .w = w, .h = h, .ascii = ascii, .braille = braille};
	console_free(c);
	c = console_new(&how, s.now);
}

/* For the plots alone: whatever else the desk did now would show in the ages. */
static void take_answers(struct history *h)
{
	static struct history_answer a;
	while (history_next(h, &a)) {
		if (a.kind == HISTORY_SERIES)
			d->on_page(d->on_page_ctx, &a);
		history_answer_release(&a);
	}
}

/* Until the plots have what they asked for; no time passes. */
static void settle(void)
{
	struct history *h = desk_history(d);
	console_refresh(c, s.now);
	/* ticks of this console alone: since a moment ago */
	for (int tries = 0; is_shown("loading") || is_shown("since 14:40:"); tries++) {
		struct pollfd p = {.fd = history_fd(h), .events = POLLIN};
		assert_true(tries < 100);
		poll(&p, 1, 10000);
		take_answers(h);
	}
}

static void type(const char *keys)
{
	for (; *keys; keys++)
		key(*keys == '\n' ? KEYS_ENTER : (unsigned char)*keys);
}

static int sit_down(void **state)
{
	(void)state;
	site_init(&s, 1, 3);
	s.now.wall_ms += 40 * 60000;
	write_past();
	d = site_open(&s, &kim);
	open_console(120, 40, false, false);
	pass(3000);
	site_step(&s, d, 100);
	pass(10000);
	settle();
	return 0;
}

/* Each size asks the history for what it shows. */
static void is_as_it_was(const char *name)
{
	char file[64];
	bool same = true;
	snprintf(file, sizeof file, "flow-%s", name);
	for (int i = 0; i < GOLDEN_SIZES; i++) {
		console_resize(c, golden_sizes[i].w, golden_sizes[i].h);
		settle();
		same &= golden_matches(file, console_draw(c, s.now));
	}
	assert_true(same);
}

/* ---- what people see ---- */

static void plots_begin_filled(void **state)
{
	(void)state;
	is_as_it_was("filled");
}

static void dots_and_ascii(void **state)
{
	(void)state;
	open_console(120, 40, false, true);
	is_as_it_was("braille");
	open_console(120, 40, true, true);
	is_as_it_was("ascii");
}

static void an_hour_comes_from_the_history(void **state)
{
	(void)state;
	type("-");
	shows("loading"); /* what was asked for comes in a later turn */
	is_as_it_was("1h");
	type(":zoom 1d\n");
	is_as_it_was("1d"); /* begins in the middle */
	/* a new step comes by itself, and nothing is loading meanwhile */
	type(":zoom 1h\n");
	settle();
	for (int i = 0; i < 40; i++) {
		pass(1000);
		assert_false(is_shown("loading"));
	}
}

static void a_crosshair_reads(void **state)
{
	(void)state;
	type("hhhhhh");
	is_as_it_was("cross");
	type("t");
	is_as_it_was("cross-ago");
	type("t-[");
	is_as_it_was("cross-1h");
}

static void wide_plots_take_the_screen(void **state)
{
	(void)state;
	type("w");
	is_as_it_was("wide");
	key(KEYS_ESC);
	shows("DECISIONS");
	assert_false(console_left(c));
}

/* ---- keys ---- */

static void zoom_has_two_ends(void **state)
{
	(void)state;
	type("+");
	shows("last 5m");
	type("+");
	settle();
	shows("last 1m");
	type("+");
	shows("zoom: 1m is the shortest");
	for (int i = 0; i < 6; i++)
		type("-");
	settle();
	shows("last 7d, since");
	type("-");
	shows("zoom: 7d is the longest");
	type(":zoom 2h\n");
	shows("zoom: '2h' is none; write in, out, 1m");
	type("3");
	type(":zoom 1h\n");
	shows("zoom: 1 shows the pool");
}

static void a_crosshair_stays_at_its_moment(void **state)
{
	(void)state;
	type("l"); /* the newest */
	shows(" %  p99 ");
	console_resize(c, 200, 50);
	type("hh");
	char before[64] = "", row[64];
	for (int i = 0; i < 2; i++) {
		struct text chars = {0};
		surface_dump(console_draw(c, s.now), &chars, NULL);
		const char *at = strstr(text_str(&chars), " %  p99 ");
		assert_non_null(at);
		while (*at != '\n')
			at--;
		snprintf(row, sizeof row, "%.10s", at);
		text_free(&chars);
		if (i == 0)
			text_copy(before, sizeof before, row);
		else
			assert_string_equal(row, before);
		pass(1000);
	}
	key(KEYS_ESC);
	assert_false(is_shown(" %  p99 "));
	/* far to the left it ends */
	for (int i = 0; i < 300; i++)
		key(KEYS_LEFT);
	shows(" %  p99 ");
	type(":cross off\n");
	type(":cross up\n");
	shows("cross: 'up' is no way; write earlier, later");
}

static void decisions_are_jumped_to(void **state)
{
	(void)state;
	console_resize(c, 200, 50);
	type("[");
	shows("^ kim@ops1 ");
	shows("step 0 > 1 %");
	type("]");
	type("]");
	shows("no decision after this in the time that shows");
	for (int i = 0; i < 8; i++)
		type("[");
	shows("no decision before this in the time that shows");
}

static void where_nothing_has_room_it_says_so(void **state)
{
	(void)state;
	console_resize(c, 60, 16);
	type("h");
	shows("cross: no plot has room here; w gives them the");
	type("-");
	shows("zoom: no plot has room here; w gives them the");
	type("wh");
	pass(9000);
	shows("ok  ERRORS %  v1 v2  last 10m");
	shows(" %  p99 ");
}

static void times_are_told_as_ages(void **state)
{
	(void)state;
	type("t");
	shows("s ago ");
	type("t");
	assert_false(is_shown("s ago "));
}

/* ---- what is asked of the history ---- */

static struct past *p;

static int make_past(void **state)
{
	(void)state;
	p = mem_new(1, sizeof *p);
	return 0;
}

static int drop_past(void **state)
{
	(void)state;
	free(p);
	return 0;
}

static const struct instant at_first = {1000000, INT64_C(1800000000000)};
#define STEP INT64_C(10000)
#define LAST (INT64_C(1800000000000) / STEP + 1)

static struct instant later(int64_t ms)
{
	return (struct instant){at_first.boot_ms + ms, at_first.wall_ms + ms};
}

/* Answers what was asked: every step says its own number as memory. */
static void answer(const struct range_request *what, int64_t since_ms, struct instant now)
{
	struct err err = {0};
	struct range r = {.of = *what, .since_ms = since_ms};
	r.column = mem_new((size_t)what->columns, sizeof *r.column);
	for (int i = 0; i < what->columns; i++)
		for (int arm = 0; arm < ARM_COUNT; arm++)
			for (int m = 0; m < RANGE_COUNT; m++)
				r.column[i].value[arm][m] =
					m == RANGE_MEMORY ? (double)(what->from_ms / STEP + i) : NAN;
	past_take(p, &r, &err, now);
	range_release(&r);
}

static void the_newest_is_asked_for_first(void **state)
{
	(void)state;
	struct range_request what;
	past_want(p, "pool-1", STEP, LAST - 10, LAST);
	assert_true(past_is_loading(p));
	assert_true(past_ask(p, at_first, 4, 1, &what));
	assert_int_equal(what.from_ms, (LAST - 4) * STEP);
	assert_int_equal(what.columns, 4);
	assert_int_equal(what.until_ms, at_first.wall_ms);
	assert_false(past_ask(p, at_first, 4, 2, &what)); /* one at a time */
	answer(&what, 0, at_first);
	for (int i = 2; past_ask(p, at_first, 4, (uint64_t)i, &what); i++)
		answer(&what, 0, at_first);
	assert_int_equal(what.from_ms, (LAST - 10) * STEP);
	assert_int_equal(what.columns, 2);
	assert_false(past_is_loading(p));
	for (int64_t step = LAST - 10; step < LAST; step++)
		assert_true(past_at(p, step)->value[ARM_V2][RANGE_MEMORY] == (double)step);
	assert_null(past_at(p, LAST));
	assert_null(past_at(p, LAST - 11));
	assert_int_equal(p->oldest, LAST - 10);
}

static void a_step_is_read_again_until_it_is_over(void **state)
{
	(void)state;
	struct range_request what;
	past_want(p, "pool-1", STEP, LAST - 2, LAST);
	assert_true(past_ask(p, at_first, 9, 1, &what));
	answer(&what, 0, at_first);
	assert_false(past_ask(p, later(9000), 9, 2, &what));
	assert_true(past_ask(p, later(10000), 9, 3, &what));
	assert_int_equal(what.columns, 2); /* the one before was not over by long enough either */
	answer(&what, 0, later(15000));
	what.until_ms = later(15000).wall_ms;
	assert_true(past_ask(p, later(20000), 9, 4, &what));
	assert_int_equal(what.columns, 1);
	answer(&what, 0, later(20000));
	assert_false(past_ask(p, later(500000), 9, 5, &what));
}

static void nothing_is_asked_of_before_it_began(void **state)
{
	(void)state;
	struct range_request what;
	past_want(p, "pool-1", STEP, LAST - 100, LAST);
	assert_true(past_ask(p, at_first, 5, 1, &what));
	answer(&what, (LAST - 7) * STEP + 1, at_first);
	assert_true(past_is_loading(p));
	assert_true(past_ask(p, at_first, 5, 2, &what));
	assert_int_equal(what.from_ms, (LAST - 7) * STEP);
	answer(&what, (LAST - 7) * STEP + 1, at_first);
	assert_false(past_ask(p, at_first, 5, 3, &what));
	assert_false(past_is_loading(p));
}

static void what_cannot_be_read_is_tried_again(void **state)
{
	(void)state;
	struct range_request what;
	struct err err = {0};
	err_set(&err, ERR_HISTORY, "gone");
	past_want(p, "pool-1", STEP, LAST - 3, LAST);
	assert_true(past_ask(p, at_first, 5, 1, &what));
	struct range none = {.of = what, .since_ms = UNKNOWN};
	none.of.number = 99;
	past_take(p, &none, &err, at_first); /* somebody else's */
	assert_true(past_is_loading(p));
	none.of.number = 1;
	past_take(p, &none, &err, at_first);
	assert_true(p->failed);
	assert_false(past_is_loading(p));
	assert_false(past_ask(p, later(4000), 5, 2, &what));
	assert_true(past_ask(p, later(5000), 5, 3, &what));
	/* nothing there yet: the same */
	answer(&what, UNKNOWN, later(5000));
	assert_false(past_is_loading(p));
	assert_false(past_ask(p, later(9000), 5, 4, &what));
}

static void another_pool_or_length_begins_anew(void **state)
{
	(void)state;
	struct range_request what;
	past_want(p, "", STEP, 0, 0);
	assert_false(past_ask(p, at_first, 5, 1, &what));
	past_want(p, "pool-1", STEP, LAST - 3, LAST);
	assert_true(past_ask(p, at_first, 5, 1, &what));
	past_want(p, "pool-2", STEP, LAST - 3, LAST);
	answer(&what, 0, at_first); /* of the pool before */
	assert_null(past_at(p, LAST - 1));
	assert_true(past_ask(p, at_first, 5, 2, &what));
	answer(&what, 0, at_first);
	assert_non_null(past_at(p, LAST - 1));
	past_want(p, "pool-2", 2 * STEP, LAST / 2 - 3, LAST / 2);
	assert_null(past_at(p, LAST / 2 - 1));
}

/* A replay that goes back does not show what came later. */
static void a_replay_that_went_back_reads_again(void **state)
{
	(void)state;
	struct range_request what;
	past_want(p, "pool-1", STEP, LAST - 3, LAST);
	assert_true(past_ask(p, later(9000), 5, 1, &what));
	answer(&what, 0, later(9000));
	assert_true(past_ask(p, later(2000), 5, 2, &what));
	assert_int_equal(what.columns, 1);
	assert_int_equal(what.until_ms, later(2000).wall_ms);
}

/* ---- memory ---- */

static struct pool pool;

static double hourly(double noise, double growth, int ticks)
{
	ring_init(&pool.ticks, POOL_TICKS, sizeof(struct tick));
	pool.interval_ms = 1000;
	for (int i = 0; i < ticks; i++) {
		struct tick t = {.wall_ms = i};
		double wave = noise * sin(i * 0.7) * 1e6;
		t.arms[ARM_V2].memory_bytes = (int64_t)(4e8 + wave + growth * 1e6 * i / 3600);
		if (i % 7 != 3)
			ring_put(&pool.ticks, i, &t);
	}
	double found = series_hourly(&pool, ARM_V2);
	ring_release(&pool.ticks);
	return found;
}

static void memory_has_a_trend_where_it_stands_out(void **state)
{
	(void)state;
	assert_true(fabs(hourly(0.01, 60, 600) - 60e6) < 2e6);
	assert_true(fabs(hourly(0.01, -60, 600) + 60e6) < 2e6);
	assert_true(fabs(hourly(2, 600, 300) - 600e6) < 100e6);
	bool said = !isnan(hourly(60, 60, 600)); /* lost in its swings */
	assert_false(said);
	said = !isnan(hourly(0, 0, 600));
	assert_false(said);
	said = !isnan(hourly(0.01, 60, 120)); /* too short */
	assert_false(said);
	said = !isnan(hourly(0, 0, 0));
	assert_false(said);
}

int main(void)
{
#define SCREEN(name) cmocka_unit_test_setup_teardown(name, sit_down, leave)
#define PAST(name) cmocka_unit_test_setup_teardown(name, make_past, drop_past)
	const struct CMUnitTest tests[] = {
		SCREEN(plots_begin_filled),
		SCREEN(dots_and_ascii),
		SCREEN(an_hour_comes_from_the_history),
		SCREEN(a_crosshair_reads),
		SCREEN(wide_plots_take_the_screen),
		SCREEN(zoom_has_two_ends),
		SCREEN(a_crosshair_stays_at_its_moment),
		SCREEN(decisions_are_jumped_to),
		SCREEN(where_nothing_has_room_it_says_so),
		SCREEN(times_are_told_as_ages),
		PAST(the_newest_is_asked_for_first),
		PAST(a_step_is_read_again_until_it_is_over),
		PAST(nothing_is_asked_of_before_it_began),
		PAST(what_cannot_be_read_is_tried_again),
		PAST(another_pool_or_length_begins_anew),
		PAST(a_replay_that_went_back_reads_again),
		cmocka_unit_test(memory_has_a_trend_where_it_stands_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
