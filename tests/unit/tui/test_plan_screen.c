/* The Plan screen at the sizes that screens have, against tests/golden; by keys, that Enter opens
 * the next step's sheet and that only S leads to the step; and the dates of a plan. After a change
 * on purpose GOLDEN=write rewrites the files; look at the difference. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/golden.h"
#include "tests/lib/site.h"
#include "tui/config.h"
#include "tui/console.h"
#include "tui/timeline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct site s;
static struct desk *d;
static struct console *c;

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};

/* ---- scenes ---- */

static void sit_down(void)
{
	struct console_options how = {.w = 80, .h = 24};
	d = site_open(&s, &kim);
	how.desk = d;
	c = console_new(&how, s.now);
}

static void pass(int64_t ms)
{
	for (; ms > 0; ms -= SITE_STEP_MS) {
		site_run(&s, SITE_STEP_MS);
		console_refresh(c, s.now);
	}
}

static void resting(void)
{
	site_init(&s, 1, 3);
	sit_down();
	pass(2000);
}

/* At the second step, the first kept, the raise not kept yet. */
static void baking(void)
{
	site_init(&s, 1, 3);
	s.node[0]->error_rate[ARM_V1] = s.node[0]->error_rate[ARM_V2] = 0.02;
	sit_down();
	site_ready(&s, d, 100);
	site_step(&s, d, 1000);
	pass(4000);
}

static void ready(void)
{
	site_init(&s, 1, 3);
	s.node[0]->error_rate[ARM_V1] = s.node[0]->error_rate[ARM_V2] = 0.02;
	sit_down();
	site_ready(&s, d, 100);
	site_ready(&s, d, 1000);
	pass(500);
}

static void rolled_back(void)
{
	struct act_result r;
	baking();
	r = site_act(&s, d, VERB_ROLLBACK, 0, "");
	assert_int_equal(r.status, ACT_BEGUN);
	assert_true(site_done(&s, d, r.id, 10000));
	pass(3000);
}

/* Steps of days, in hours: the second would end on a Sunday. */
static void days(void)
{
	site_init(&s, 1, 3);
	s.plan.steps[0].for_ms = 2 * 86400000;
	s.plan.steps[1].for_ms = 7 * 86400000;
	struct err e = {0};
	static const char plan[] =
		"steps: [1%]\nhours: \"Mon-Fri 09:00-16:00 Europe/Vienna\"\n"
		"freeze: [2025-12-05T06:00:00Z..2025-12-06T00:00:00Z the sale]\n";
	struct plan read;
	if (config_parse_plan(&read, plan, strlen(plan), "plan.yaml", NULL, &e) < 0)
		fail_msg("%s", e.text);
	text_copy(s.plan.hours, sizeof s.plan.hours, read.hours);
	s.plan.calendar = read.calendar;
	s.node[0]->error_rate[ARM_V1] = s.node[0]->error_rate[ARM_V2] = 0.02;
	sit_down();
	site_step(&s, d, 100);
	pass(15000);
}

/* Steps of seconds around one of a week: each is seen in the bar. */
static void uneven(void)
{
	site_init(&s, 1, 3);
	s.plan.steps[2].for_ms = 7 * 86400000;
	sit_down();
	site_ready(&s, d, 100);
	site_step(&s, d, 1000);
	pass(4000);
}

/* Somebody else moved it to a share that is no step. */
static void between(void)
{
	ready();
	s.node[0]->lie_bp = 700;
	pass(4000);
}

static void held(void)
{
	struct act_result r;
	baking();
	r = site_act(&s, d, VERB_HOLD, -1, "waiting for ana");
	assert_true(site_done(&s, d, r.id, 10000));
	pass(500);
}

static void complete(void)
{
	site_init(&s, 1, 3);
	sit_down();
	for (int i = 0; i < 3; i++)
		site_ready(&s, d, s.plan.steps[i].share_bp);
	site_step(&s, d, SHARE_FULL);
	pass(15000);
}

static void without_a_plan(void)
{
	site_init(&s, 1, 3);
	s.has_plan = false;
	sit_down();
	pass(2000);
}

static const struct scene {
	const char *name;
	void (*play)(void);
} scenes[] = {
	{"resting", resting},
	{"baking", baking},
	{"ready", ready},
	{"rolled-back", rolled_back},
	{"days", days},
	{"uneven", uneven},
	{"between", between},
	{"held", held},
	{"complete", complete},
	{"none", without_a_plan},
};

static void screen_is_as_it_was(void **state)
{
	const struct scene *scene = *state;
	char name[80];
	scene->play();
	console_key(c, '5', s.now);
	snprintf(name, sizeof name, "plan-%s", scene->name);
	assert_true(golden_console(c, s.now, name));
}

static int leave_scene(void **state)
{
	(void)state;
	console_free(c);
	c = NULL;
	site_release(&s);
	return 0;
}

/* ---- keys ---- */

static void seen(const char *text, bool is)
{
	struct text chars = {0};
	surface_dump(console_draw(c, s.now), &chars, NULL);
	if (!strstr(text_str(&chars), text) == is)
		fail_msg("\"%s\" is %sthere:\n%s", text, is ? "not " : "", text_str(&chars));
	text_free(&chars);
}

static void keys(const char *text)
{
	for (; *text; text++)
		console_key(c, (unsigned char)*text, s.now);
}

static void it_comes_by_key_and_by_word_and_goes_back(void **state)
{
	(void)state;
	ready();
	seen("PLAN standard", false);
	keys("5");
	seen("PLAN standard", true);
	keys("q");
	seen("PLAN standard", false);
	keys(":screen plan");
	console_key(c, KEYS_ENTER, s.now);
	seen("PLAN standard", true);
	console_key(c, KEYS_ESC, s.now);
	seen("PLAN standard", false);
}

static void the_selection_stops_at_the_ends_and_follows_the_plan(void **state)
{
	(void)state;
	ready();
	keys("5");
	seen("> 50 %", true);
	keys("j");
	seen(">100 %", false);
	seen("> 100 %", true);
	keys("jjj");
	seen("> 100 %", true);
	keys("g");
	seen("> 1 %", true);
	keys("kG");
	seen("> 100 %", true);
	console_key(c, KEYS_PGUP, s.now);
	seen("> 1 %", true);
}

/* Commands of this verb that left the desk. */
static int sent(enum verb verb)
{
	int n = 0;
	for (int i = 0; i < s.node[0]->got_count; i++)
		n += s.node[0]->got[i].verb == verb;
	return n;
}

static void enter_on_the_next_step_shows_its_sheet_and_only_s_takes_it(void **state)
{
	(void)state;
	ready();
	int before = sent(VERB_STEP);
	keys("5");
	console_key(c, KEYS_ENTER, s.now);
	seen("STEP checkout 10 > 50 %", true);
	seen("only to look: S opens one that acts", true);
	seen("y step to", false);
	seen("m reason", false);
	pass(1500);
	keys("y");
	pass(2000);
	seen("STEP checkout", false);
	assert_int_equal(sent(VERB_STEP), before);
	/* another share typed in it changes nothing of that */
	console_key(c, KEYS_ENTER, s.now);
	pass(1500);
	keys("o");
	for (int i = 0; i < 8; i++)
		console_key(c, KEYS_BACKSPACE, s.now);
	keys("20%");
	console_key(c, KEYS_ENTER, s.now);
	pass(1500);
	keys("y");
	pass(2000);
	assert_int_equal(sent(VERB_STEP), before);
	console_key(c, KEYS_ESC, s.now);
	pass(1000);
	keys("5");
	keys("S");
	seen("STEP checkout 10 > 50 %", true);
	pass(1500);
	keys("y");
	pass(2000);
	assert_int_equal(sent(VERB_STEP), before + 1);
}

static void enter_elsewhere_says_what_it_is(void **state)
{
	(void)state;
	ready();
	keys("5g");
	console_key(c, KEYS_ENTER, s.now);
	seen("1 % is not the next step; 6 shows", true);
	seen("STEP checkout", false);
}

static void enter_without_a_plan_says_so(void **state)
{
	(void)state;
	without_a_plan();
	keys("5jk");
	console_key(c, KEYS_ENTER, s.now);
	seen("no plan, so no step", true);
	seen("PLAN none: steps by hand", true);
	seen("weir plan FILE", true);
}

static void who_only_looks_opens_no_sheet(void **state)
{
	(void)state;
	ready();
	console_free(c);
	struct console_options how = {.desk = d, .w = 80, .h = 24, .read_only = true};
	c = console_new(&how, s.now);
	keys("5");
	console_key(c, KEYS_ENTER, s.now);
	seen("STEP checkout", false);
}

static void ascii_is_ascii(void **state)
{
	(void)state;
	baking();
	console_free(c);
	struct console_options how = {.desk = d, .w = 200, .h = 50, .ascii = true};
	c = console_new(&how, s.now);
	keys("5");
	struct text chars = {0};
	surface_dump(console_draw(c, s.now), &chars, NULL);
	for (const char *at = text_str(&chars); *at; at++)
		assert_true(*at == '\n' || (*at >= ' ' && *at <= '~'));
	text_free(&chars);
}

static void every_size_draws(void **state)
{
	(void)state;
	days();
	keys("5");
	for (int w = 1; w <= 220; w += 13)
		for (int h = 1; h <= 60; h += 5) {
			console_resize(c, w, h);
			assert_non_null(console_draw(c, s.now));
		}
	for (int i = 0; i < PLAN_STEPS_MAX; i++)
		keys("j");
}

/* ---- dates ---- */

static struct pool *pool;
static const struct instant now = {5000000, SITE_WALL_MS};

static void decide(enum verb verb, int from_bp, int to_bp, int64_t ago_ms)
{
	struct decision *x = &pool->decisions[pool->decision_count++];
	x->verb = verb;
	x->from_bp = from_bp;
	x->to_bp = to_bp;
	x->at_ms = now.wall_ms - ago_ms;
	x->outcome = OUTCOME_APPLIED;
	x->verified_ms = UNKNOWN;
	snprintf(x->actor, sizeof x->actor, "kim");
}

/* 1 % for a day, 10 %, 50 %, 100 %; a bake of 10 minutes. */
static int make_pool(void **state)
{
	static const int shares[] = {100, 1000, 5000, 10000};
	(void)state;
	pool = mem_new(1, sizeof *pool);
	pool->decisions = mem_new(POOL_DECISIONS, sizeof *pool->decisions);
	pool->has_plan = true;
	plan_init(&pool->plan);
	for (int i = 0; i < 4; i++)
		pool->plan.steps[pool->plan.step_count++].share_bp = shares[i];
	pool->plan.steps[0].for_ms = 86400000;
	pool->plan.bake_ms = 600000;
	pool->standing.stay_left_ms = pool->standing.bake_left_ms = 0;
	pool->standing.next_bp = 100;
	pool->standing.next.allowed = true;
	return 0;
}

static int drop_pool(void **state)
{
	(void)state;
	free(pool->decisions);
	free(pool);
	return 0;
}

static void dates_add_up(void **state)
{
	(void)state;
	struct timeline_dates x = timeline_dates(&pool->plan, 1000);
	assert_int_equal(x.at_ms[0], 1000);
	assert_int_equal(x.at_ms[1], 86401000);
	assert_int_equal(x.at_ms[2], 87001000);
	assert_int_equal(x.at_ms[4], 88201000);
	pool->plan.policy.bake = false;
	assert_int_equal(timeline_dates(&pool->plan, 0).at_ms[4], 86400000);
	assert_int_equal(timeline_dates(&pool->plan, UNKNOWN).at_ms[3], UNKNOWN);
}

static void samples_ask_for_a_rate(void **state)
{
	(void)state;
	pool->plan.min_samples = 300;
	pool->plan.policy.samples = true;
	assert_float_equal(timeline_rate_needed(&pool->plan, 1), 300 / 600.0 / 0.1, 1e-9);
	pool->plan.min_samples = 0;
	assert_float_equal(timeline_rate_needed(&pool->plan, 1), 0, 0);
}

static void at_rest_all_is_to_come(void **state)
{
	struct timeline t;
	(void)state;
	timeline_of(&t, pool, now);
	assert_int_equal(t.count, 4);
	assert_int_equal(t.now, -1);
	assert_int_equal(t.next, 0);
	assert_int_equal(t.row[0].at_ms, now.wall_ms);
	assert_int_equal(t.row[1].at_ms, now.wall_ms + 86400000);
	assert_int_equal(t.over_ms, now.wall_ms + 86400000 + 3 * 600000);
	assert_int_equal(t.from_ms, UNKNOWN);
}

static void steps_have_who_took_them_and_how_long_they_stayed(void **state)
{
	struct timeline t;
	char words[200];
	(void)state;
	decide(VERB_STEP, 0, 100, 90000000);
	decide(VERB_KEEP, 100, 100, 89000000);
	decide(VERB_STEP, 100, 1000, 300000);
	pool->standing.reported_bp = 1000;
	pool->standing.stay_left_ms = pool->standing.bake_left_ms = 300000;
	pool->standing.next_bp = 5000;
	timeline_of(&t, pool, now);
	assert_int_equal(t.now, 1);
	assert_int_equal(t.next, 2);
	assert_int_equal(t.row[0].is, TIMELINE_PAST);
	assert_int_equal(t.row[0].until_ms - t.row[0].at_ms, 90000000 - 300000);
	assert_string_equal(t.row[0].taken->actor, "kim");
	assert_int_equal(t.row[2].at_ms, now.wall_ms + 300000);
	assert_int_equal(t.row[3].at_ms, now.wall_ms + 900000);
	assert_int_equal(t.from_ms, now.wall_ms - 90000000);
	timeline_state(words, sizeof words, &t, 0, pool, now);
	assert_string_equal(words, "stayed 1d 00:55");
	timeline_state(words, sizeof words, &t, 1, pool, now);
	assert_string_equal(words, "bake 05:00 left");
}

static void what_went_back_is_to_come_again(void **state)
{
	struct timeline t;
	char words[200];
	(void)state;
	decide(VERB_STEP, 0, 100, 900000);
	decide(VERB_STEP, 100, 1000, 600000);
	decide(VERB_ROLLBACK, 1000, 0, 300000);
	timeline_of(&t, pool, now);
	assert_int_equal(t.next, 0);
	assert_non_null(t.row[0].back);
	assert_non_null(t.row[1].back);
	assert_null(t.row[2].back);
	assert_int_equal(t.from_ms, UNKNOWN);
	timeline_state(words, sizeof words, &t, 0, pool, now);
	assert_string_equal(words, "rolled back by kim at 13:55:00; S takes it");
	/* taken anew, nothing of that is left */
	decide(VERB_STEP, 0, 100, 60000);
	pool->standing.reported_bp = 100;
	pool->standing.next_bp = 1000;
	timeline_of(&t, pool, now);
	assert_null(t.row[0].back);
	assert_int_equal(t.row[0].at_ms, now.wall_ms - 60000);
	assert_non_null(t.row[1].back);
}

static void what_was_refused_or_lost_is_no_step_taken(void **state)
{
	struct timeline t;
	(void)state;
	decide(VERB_STEP, 0, 100, 900000);
	pool->decisions[0].outcome = OUTCOME_REFUSED;
	decide(VERB_STEP, 0, 100, 800000);
	pool->decisions[1].outcome = OUTCOME_UNRESOLVED;
	timeline_of(&t, pool, now);
	assert_null(t.row[0].taken);
}

static void an_unknown_share_has_no_dates(void **state)
{
	struct timeline t;
	(void)state;
	pool->standing.reported_bp = -1;
	timeline_of(&t, pool, now);
	assert_int_equal(t.now, -1);
	assert_int_equal(t.next, -1);
	assert_int_equal(t.over_ms, UNKNOWN);
	/* nor has one whose bake nobody knows */
	pool->standing.reported_bp = 100;
	pool->standing.stay_left_ms = UNKNOWN;
	timeline_of(&t, pool, now);
	assert_int_equal(t.row[1].at_ms, UNKNOWN);
	assert_int_equal(t.row[3].at_ms, UNKNOWN);
	assert_int_equal(t.over_ms, UNKNOWN);
}

static void a_share_that_is_no_step_stands_between_them(void **state)
{
	struct timeline t;
	char words[200];
	(void)state;
	pool->standing.reported_bp = 700;
	timeline_of(&t, pool, now);
	assert_int_equal(t.count, 5);
	assert_int_equal(t.row[1].share_bp, 700);
	assert_false(t.row[1].planned);
	assert_int_equal(t.now, 1);
	assert_int_equal(t.next, 2);
	timeline_state(words, sizeof words, &t, 1, pool, now);
	assert_string_equal(words, "no step of the plan");
	assert_int_equal(timeline_selected(&t, 0), 2);
	assert_int_equal(timeline_selected(&t, 700), 1);
	assert_int_equal(timeline_selected(&t, 4711), 2);
}

static void what_clears_by_itself_counts(void **state)
{
	struct timeline t;
	(void)state;
	pool->standing.next.allowed = false;
	pool->standing.next.wait_ms = 70000;
	timeline_of(&t, pool, now);
	assert_int_equal(t.row[0].at_ms, now.wall_ms + 70000);
	pool->standing.next.wait_ms = UNKNOWN;
	timeline_of(&t, pool, now);
	assert_int_equal(t.row[0].at_ms, now.wall_ms);
}

static void dates_are_written_for_both_directions(void **state)
{
	char out[32];
	(void)state;
	timeline_when(out, sizeof out, now.wall_ms + 60000, now.wall_ms);
	assert_string_equal(out, "14:01:00");
	timeline_when(out, sizeof out, now.wall_ms + 86400000, now.wall_ms);
	assert_string_equal(out, "Sat 14:00");
	timeline_when(out, sizeof out, now.wall_ms - 86400000, now.wall_ms);
	assert_string_equal(out, "Thu 14:00");
	timeline_when(out, sizeof out, now.wall_ms + 6 * (int64_t)86400000, now.wall_ms);
	assert_string_equal(out, "Thu 14:00");
	timeline_when(out, sizeof out, now.wall_ms + 7 * (int64_t)86400000, now.wall_ms);
	assert_string_equal(out, "2025-11-28");
	timeline_when(out, sizeof out, UNKNOWN, now.wall_ms);
	assert_string_equal(out, "-");
}

#define DATED(f) cmocka_unit_test_setup_teardown(f, make_pool, drop_pool)
#define LIVE(f) cmocka_unit_test_teardown(f, leave_scene)

#define SCENES (sizeof scenes / sizeof *scenes)

int main(void)
{
	struct CMUnitTest tests[SCENES + 18] = {
		[SCENES] = LIVE(it_comes_by_key_and_by_word_and_goes_back),
		LIVE(the_selection_stops_at_the_ends_and_follows_the_plan),
		LIVE(enter_on_the_next_step_shows_its_sheet_and_only_s_takes_it),
		LIVE(enter_elsewhere_says_what_it_is),
		LIVE(enter_without_a_plan_says_so),
		LIVE(who_only_looks_opens_no_sheet),
		LIVE(ascii_is_ascii),
		LIVE(every_size_draws),
		DATED(dates_add_up),
		DATED(samples_ask_for_a_rate),
		DATED(at_rest_all_is_to_come),
		DATED(steps_have_who_took_them_and_how_long_they_stayed),
		DATED(what_went_back_is_to_come_again),
		DATED(what_was_refused_or_lost_is_no_step_taken),
		DATED(an_unknown_share_has_no_dates),
		DATED(a_share_that_is_no_step_stands_between_them),
		DATED(what_clears_by_itself_counts),
		DATED(dates_are_written_for_both_directions),
	};
	for (size_t i = 0; i < SCENES; i++)
		tests[i] = (struct CMUnitTest){.name = scenes[i].name,
			.test_func = screen_is_as_it_was,
			.teardown_func = leave_scene,
			.initial_state = (void *)&scenes[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
