/* A replay on the screen: the row of time, where its keys lead, REPLAY on every screen, and no way
 * to the pool. After a change on purpose GOLDEN=write rewrites tests/golden; look at the
 * difference. */
#include "history/query.h"
#include "history/replay.h"
#include "tests/lib/console_seat.h"
#include "tests/lib/golden.h"
#include "tui/console_words.h"
#include "tui/keymap.h"
#include "tui/view_scrubber.h"
#include "tui/whatif_overlay.h"

#include <stdio.h>
#include <string.h>

static struct driver *replayed;
static char path[256];

/* ---- a recording: a step, a bad v2, the guard's rollback ---- */

static void record(void)
{
	const struct site_desk recorder = {.actor = "kim@ops1", .file = "h.db", .record = true};
	site_init(&s, 1, 3);
	struct desk *live = site_open(&s, &recorder);
	site_run(&s, 3000);
	site_step(&s, live, 100);
	site_run(&s, 5000);
	s.node[0]->error_rate[ARM_V2] = 0.9;
	site_run(&s, 52000);
	site_close(&s, live);
	site_path(&s, "h.db", path, sizeof path);
}

static struct instant replay_moment(void *ctx, struct instant real)
{
	(void)real;
	return replay_now(ctx);
}

static void open_replay(void)
{
	static const struct driver_ops *const schemes[] = {&replay_driver, NULL};
	struct desk_options how = {
		.actor = "kim@ops1", .schemes = schemes, .seed = 1, .read_only = true};
	struct err err;
	char target[300];
	snprintf(target, sizeof target, "replay:%s", path);
	const char *url = target;
	struct pool_setup pool = {.name = "checkout",
		.targets = &url,
		.target_count = 1,
		.interval_ms = 1000,
		.plan = &s.plan,
		.plan_hash = "0123abcd",
		.limits = &s.limits};
	assert_non_null(d = desk_new(&how, s.now, &err));
	if (desk_add(d, &pool, NULL, NULL, s.now, &err) < 0)
		fail_msg("%s", err.text);
	s.desk[s.desk_count++] = d;
	replayed = client_driver(desk_client(d), NODE_HANDLE(0, 0));
	desk_set_clock(d, replay_moment, replayed);
}

static void open_console(bool ascii)
{
	struct console_options look = {
		.desk = d, .replay = replayed, .w = 80, .h = 24, .ascii = ascii};
	console_free(c);
	c = console_new(&look, s.now);
}

static int sit_down(void **state)
{
	(void)state;
	record();
	open_replay();
	open_console(false);
	pass(500);
	console_key(c, ' ', s.now);
	return 0;
}

/* As typed; then a tick of the desk's own, so that all of the screen is of that moment. */
static void command(const char *text)
{
	console_command(c, text, s.now);
	pass(300);
}

static int64_t now_ms(void)
{
	return replay_now(replayed).wall_ms;
}

/* ---- goldens ---- */

static void the_row_of_time_is_as_it_was(void **state)
{
	(void)state;
	command("seek 40%");
	console_resize(c, 200, 50);
	pass(100);
	bool same = golden_console(c, s.now, "replay-middle");
	command("seek 100%");
	same &= golden_console(c, s.now, "replay-end");
	open_console(true);
	command("seek 50%");
	same &= golden_console(c, s.now, "replay-ascii");
	assert_true(same);
}

/* ---- the row itself ---- */

static int columns_with(const struct surface *row, const char *points)
{
	int n = 0;
	for (int x = 0; x < row->w; x++)
		n += row->cells[x].point < 128 && strchr(points, (int)row->cells[x].point) != NULL;
	return n;
}

/* Whatever is marked is marked at every width, each moment in the one column that it is in. */
static void every_decision_and_flip_marks_its_column(void **state)
{
	(void)state;
	struct replay_span span;
	replay_span(replayed, &span);
	assert_true(replay_has(replayed, MOMENT_DECISION, span.start_ms, span.end_ms + 1));
	assert_true(replay_has(replayed, MOMENT_FLIP, span.start_ms, span.end_ms + 1));
	replay_seek(replayed, span.end_ms, s.now);
	for (int w = 1; w <= 250; w++) {
		struct surface row;
		surface_init(&row, w, 1, true);
		view_scrubber(&row, surface_all(&row), replayed, false, NULL);
		int line = columns_with(&row, "=-|x+O");
		if (line > 0) {
			assert_int_equal(columns_with(&row, "O"), 1);
			assert_true(columns_with(&row, "|+") >= 1);
			assert_true(columns_with(&row, "x+") >= 1);
		} else {
			assert_true(w < 60);
		}
		surface_release(&row);
	}
}

/* A span of no length, and one of days, are drawn too. */
static void the_position_goes_from_end_to_end(void **state)
{
	(void)state;
	struct replay_span span;
	struct surface row;
	int first = -1, last = -1;
	replay_span(replayed, &span);
	surface_init(&row, 80, 1, true);
	for (int percent = 0; percent <= 100; percent++) {
		int at = 0;
		replay_seek(
			replayed, span.start_ms + (span.end_ms - span.start_ms) * percent / 100, s.now);
		surface_clear(&row);
		view_scrubber(&row, surface_all(&row), replayed, false, NULL);
		while (row.cells[at].point != 'O')
			assert_true(++at < row.w);
		assert_int_equal(row.cells[at].role, ROLE_MARK);
		assert_true(at >= last);
		first = first < 0 ? at : first;
		last = at;
	}
	struct text chars = {0};
	surface_dump(&row, &chars, NULL);
	assert_non_null(strstr(text_str(&chars), "O 14:01:"));
	assert_true(last - first > 40);
	text_free(&chars);
	surface_release(&row);
}

/* What another policy would have done is seen beside what was done. */
static void another_policys_fires_mark_their_columns(void **state)
{
	(void)state;
	struct replay_span span;
	struct surface row;
	struct text chars = {0};
	replay_span(replayed, &span);
	const struct whatif_overlay whatif = {.fires = 2,
		.fire_ms = {span.start_ms + 1, (span.start_ms + span.end_ms) / 2}};
	replay_seek(replayed, span.end_ms, s.now);
	surface_init(&row, 140, 1, true);
	view_scrubber(&row, surface_all(&row), replayed, false, &whatif);
	assert_int_equal(columns_with(&row, "W"), 3); /* with the one that explains them */
	surface_dump(&row, &chars, NULL);
	assert_non_null(strstr(text_str(&chars), "W would fire"));
	assert_non_null(strstr(text_str(&chars), ":00 W"));
	surface_clear(&row);
	view_scrubber(
		&row, surface_all(&row), replayed, false, &(const struct whatif_overlay){0});
	assert_int_equal(columns_with(&row, "W"), 0);
	text_free(&chars);
	surface_release(&row);
}

/* ---- where keys lead ---- */

struct sought {
	const char *kind;
	int64_t at_ms[32];
	size_t count;
};

static bool take_event(void *ctx, const struct query_event *e)
{
	struct sought *f = ctx;
	if (f->count < 32)
		f->at_ms[f->count++] = e->at_ms;
	return true;
}

static void find(struct sought *f)
{
	struct query *q;
	struct err err;
	assert_int_equal(query_open(&q, path, &err), 0);
	assert_int_equal(query_events(q, "checkout", f->kind, 0, 0, take_event, f, &err), 0);
	query_close(q);
}

static bool is_one_of(const struct sought *f, int64_t at_ms)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->at_ms[i] == at_ms)
			return true;
	return false;
}

static void keys_go_from_flip_to_flip(void **state)
{
	struct sought verdict = {.kind = "verdict"}, guard = {.kind = "guard"};
	size_t stops = 0;
	(void)state;
	console_resize(c, 80, 24);
	find(&verdict);
	find(&guard);
	assert_true(verdict.count > 0);
	console_key(c, KEYS_HOME, s.now);
	pass(300);
	for (int64_t before = now_ms();; before = now_ms(), stops++) {
		console_key(c, ')', s.now);
		pass(300);
		if (now_ms() == before)
			break;
		assert_true(now_ms() > before);
		assert_true(is_one_of(&verdict, now_ms()) || is_one_of(&guard, now_ms()));
	}
	shows("no flip after this");
	assert_in_range(stops, 2, verdict.count + guard.count);
	for (size_t back = 1; back < stops; back++)
		console_key(c, '(', s.now);
	pass(300);
	assert_true(is_one_of(&verdict, now_ms()) || is_one_of(&guard, now_ms()));
	console_key(c, '(', s.now);
	shows("no flip before this");
}

static void keys_go_from_event_to_event(void **state)
{
	struct sought owner = {.kind = "standing"}, flips = {.kind = "verdict"};
	bool seen_standing = false, seen_flip = false;
	(void)state;
	console_resize(c, 80, 24);
	find(&owner);
	find(&flips);
	console_key(c, KEYS_HOME, s.now);
	for (int64_t before = INT64_MIN; now_ms() != before;) {
		before = now_ms();
		console_key(c, '.', s.now);
		seen_standing |= is_one_of(&owner, now_ms());
		seen_flip |= is_one_of(&flips, now_ms());
	}
	shows("no event after this");
	assert_true(seen_standing && seen_flip);
	int64_t last = now_ms();
	console_key(c, ',', s.now);
	assert_true(now_ms() < last);
	console_command(c, "next-event", s.now);
	assert_int_equal(now_ms(), last);
	console_command(c, "previous-flip", s.now);
	assert_true(now_ms() <= last);
}

/* At once what was written down then, and that the judge is on its way; then the judge. */
static void a_seek_says_that_the_judge_catches_up(void **state)
{
	(void)state;
	console_resize(c, 120, 40);
	console_key(c, KEYS_HOME, s.now);
	pass(300);
	console_command(c, "seek 100%", s.now);
	desk_turn(d, s.now);
	console_refresh(c, s.now);
	shows("judge catching up 0 %");
	assert_int_equal(site_pool(d)->judging->judge.looks, 0);
	assert_true(site_pool(d)->told.is);
	assert_true(ring_length(&site_pool(d)->ticks) > 30);
	assert_true(desk_due_ms(d, s.now, 1000) == 0);
	pass(300);
	assert_null(strstr(screen(), "catching up"));
	assert_true(site_pool(d)->judging->judge.looks > 0);
	assert_false(site_pool(d)->told.is);
}

/* ---- it is a replay, and nothing leaves it ---- */

static void every_screen_says_replay_in_reverse(void **state)
{
	static const int all[][2] = {
		{20, 5}, {40, 10}, {40, 12}, {60, 16}, {80, 24}, {120, 40}, {200, 50}};
	(void)state;
	for (int screen_at = 0; screen_at < SCREEN_COUNT; screen_at++)
		for (int over = 0; over < 2; over++)
			for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
				console_resize(c, all[i][0], all[i][1]);
				console_key(c, (uint32_t)('1' + screen_at), s.now);
				if (over && all[i][1] >= 10) /* on a smaller one the help is all there is */
					console_key(c, '?', s.now);
				const struct surface *f = console_draw(c, s.now);
				char word[7] = "";
				for (int x = 0; x < 6; x++) {
					word[x] = (char)f->cells[x + 1].point;
					if (f->cells[x + 1].role != ROLE_MARK)
						fail_msg("screen %d, %dx%d:\n%s", screen_at + 1, f->w, f->h, screen());
				}
				assert_string_equal(word, "REPLAY");
				if (!over && f->w >= SCRUBBER_W && f->h >= SCRUBBER_H)
					shows("paused");
				console_key(c, KEYS_ESC, s.now);
			}
}

static int64_t decisions_in_the_file(void)
{
	struct sought none = {.kind = NULL};
	find(&none);
	return (int64_t)none.count;
}

/* Everything that a person could press or type, on every screen, once with each answer that a
 * sheet would take. */
static void no_verb_acts(void **state)
{
	static const char *const arguments[] = {"", " 10%", " next", " pay", " +pay", " off",
		" v2.0.1", " hold 1h", " act", " shadow", " why",
		" 00000000-0000-7000-8000-000000000001"};
	(void)state;
	console_resize(c, 80, 24);
	pass(300);
	const int before = s.node[0]->commands, leases = s.node[0]->leases;
	const size_t decisions = site_pool(d)->decision_count;
	const int64_t rows = decisions_in_the_file();
	for (int screen_at = 0; screen_at < SCREEN_COUNT; screen_at++) {
		console_key(c, (uint32_t)('1' + screen_at), s.now);
		for (int v = 0; v < VERB_COUNT; v++) {
			const uint32_t keys[] = {(uint32_t)verb_row((enum verb)v)->key, 'y', KEYS_ENTER};
			if (!keys[0])
				continue;
			pass(400);
			for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
				console_key(c, keys[i], s.now);
			shows("a replay"); /* why not */
			console_key(c, KEYS_ESC, s.now);
			console_key(c, (uint32_t)('1' + screen_at), s.now);
		}
		for (const struct console_word *w = console_words_act; w->word; w++)
			for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
				char typed[80];
				snprintf(typed, sizeof typed, "%s%s", w->word, arguments[i]);
				console_command(c, typed, s.now);
				shows("a replay has no way to the pool");
				console_key(c, 'y', s.now);
				console_key(c, KEYS_ESC, s.now);
				console_key(c, (uint32_t)('1' + screen_at), s.now);
			}
	}
	pass(2000);
	assert_int_equal(desk_open_acts(d), 0);
	assert_int_equal(desk_unrecorded(d), 0);
	assert_int_equal(s.node[0]->commands, before);
	assert_int_equal(s.node[0]->leases, leases);
	assert_int_equal(site_pool(d)->decision_count, decisions);
	assert_int_equal(decisions_in_the_file(), rows);
}

/* Below the console: the desk refuses each verb, and the driver has nothing to send it by. */
static void the_desk_of_a_replay_refuses_every_verb(void **state)
{
	(void)state;
	for (int v = 0; v < VERB_COUNT; v++) {
		struct act_result r;
		struct act_request what = {.verb = (enum verb)v,
			.to_bp = 1000,
			.shown_epoch = site_standing(d)->epoch,
			.shown_rev = UNKNOWN};
		snprintf(what.reason, sizeof what.reason, "try");
		desk_act(d, &what, s.now, &r);
		assert_int_equal(r.status, ACT_REFUSED);
	}
	assert_int_equal(desk_open_acts(d), 0);
	assert_null(replay_driver.apply);
	assert_null(replay_driver.resolve);
	assert_null(replay_driver.audit);
	assert_null(replay_driver.lease);
}

#define CASE(test) cmocka_unit_test(test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_row_of_time_is_as_it_was),
		CASE(every_decision_and_flip_marks_its_column),
		CASE(the_position_goes_from_end_to_end),
		CASE(another_policys_fires_mark_their_columns),
		CASE(keys_go_from_flip_to_flip),
		CASE(keys_go_from_event_to_event),
		CASE(a_seek_says_that_the_judge_catches_up),
		CASE(every_screen_says_replay_in_reverse),
		CASE(no_verb_acts),
		CASE(the_desk_of_a_replay_refuses_every_verb),
	};
	return cmocka_run_group_tests(tests, sit_down, leave);
}
