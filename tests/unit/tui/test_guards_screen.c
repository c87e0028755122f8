/* The Guards screen, and the judge on the others: each word that it can say, at the sizes that
 * screens have, against tests/golden. After a change on purpose GOLDEN=write rewrites the files;
 * look at the difference. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/golden.h"
#include "tests/lib/site.h"
#include "tui/console.h"
#include "tui/layout.h"

#include <stdio.h>
#include <string.h>

static struct site s;
static struct desk *d;
static struct console *c;

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};

/* ---- how a scene comes about ---- */

static void sit_down(void)
{
	struct console_options how = {.w = 80, .h = 24};
	site_init(&s, 1, 3);
	s.limits.action = GUARD_ACTION_WARN;
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

static const struct verdict *verdict(void)
{
	return &site_standing(d)->verdict;
}

static void is_word(enum verdict_word w)
{
	if (verdict()->word != w)
		fail_msg("the judge says %s", verdict()->text);
}

static void at_share(int share_bp)
{
	for (int i = 0; i < s.plan.step_count && s.plan.steps[i].share_bp <= share_bp; i++)
		site_ready(&s, d, s.plan.steps[i].share_bp);
}

static void until_word(enum verdict_word w, int64_t most_ms)
{
	while (verdict()->word != w && most_ms > 0) {
		pass(1000);
		most_ms -= 1000;
	}
	is_word(w);
}

static void undecided(void)
{
	sit_down();
	s.node[0]->error_rate[ARM_V1] = s.node[0]->error_rate[ARM_V2] = 0.01;
	at_share(1000);
	pass(30000);
	is_word(VERDICT_UNDECIDED);
}

static void safe(void)
{
	sit_down();
	s.node[0]->error_rate[ARM_V1] = 0.02;
	s.node[0]->error_rate[ARM_V2] = 0.005;
	at_share(5000);
	until_word(VERDICT_SAFE, 600000);
}

static void young(void)
{
	undecided();
	console_free(c);
	site_close(&s, d);
	pass(0);
	site_run(&s, 60000);
	d = site_open(&s, &kim);
	struct console_options how = {.desk = d, .w = 80, .h = 24};
	c = console_new(&how, s.now);
	pass(20000);
}

/* Suspected and not proven: it is caught in the looks between the two. */
static void amber(void)
{
	sit_down();
	s.node[0]->error_rate[ARM_V1] = 0.01;
	at_share(1000);
	s.node[0]->error_rate[ARM_V2] = 0.03;
	for (int i = 0; i < 3000 && site_standing(d)->guard.judge != GUARD_AMBER; i++)
		pass(100);
	assert_int_equal(site_standing(d)->guard.judge, GUARD_AMBER);
}

static void red(void)
{
	sit_down();
	s.limits.error_rate = 0.5;
	console_free(c);
	site_close(&s, d);
	d = site_open(&s, &kim);
	struct console_options how = {.desk = d, .w = 80, .h = 24};
	c = console_new(&how, s.now);
	s.node[0]->error_rate[ARM_V1] = 0.01;
	at_share(1000);
	s.node[0]->error_rate[ARM_V2] = 0.2;
	for (int i = 0; i < 3000 && !site_pool(d)->latch.red; i++)
		pass(100);
	pass(5000);
	is_word(VERDICT_HARM);
	assert_true(site_pool(d)->latch.by_judge);
}

static void no_data(void)
{
	undecided();
	s.node[0]->rate = 0;
	pass(30000);
	is_word(VERDICT_NO_DATA);
}

static void stale(void)
{
	undecided();
	s.node[0]->silent = true;
	pass(14000);
	is_word(VERDICT_STALE);
}

static void untrustworthy(void)
{
	undecided();
	fake_uncount(s.node[0], ARM_V1, 4000);
	pass(3000);
	is_word(VERDICT_UNTRUSTWORTHY);
}

static void both(void)
{
	sit_down();
	at_share(1000);
	s.node[0]->error_rate[ARM_V1] = s.node[0]->error_rate[ARM_V2] = 0.4;
	pass(25000);
	assert_true(site_standing(d)->guard.both);
}

/* ---- what a step would show ---- */

static void step_at(double error_rate, int share_bp)
{
	struct console_options how = {.w = 80, .h = 24};
	site_init(&s, 1, 3);
	s.limits.error_rate = 0.5;
	s.node[0]->rate = 1000;
	s.node[0]->error_rate[ARM_V1] = s.node[0]->error_rate[ARM_V2] = error_rate;
	how.desk = d = site_open(&s, &kim);
	c = console_new(&how, s.now);
	at_share(share_bp);
	pass(2000);
	console_key(c, 'S', s.now);
	pass(1200);
}

static void step_forecast(void)
{
	step_at(0.1, 1000);
}

/* Its guard is this console, which acts on what its judge proves. */
static void step_guarded(void)
{
	struct console_options how = {.w = 80, .h = 24};
	site_init(&s, 1, 3);
	s.limits.error_rate = 0.5;
	s.node[0]->guards = false;
	s.node[0]->rate = 1000;
	s.node[0]->error_rate[ARM_V1] = s.node[0]->error_rate[ARM_V2] = 0.1;
	struct site_desk guard = kim;
	guard.guard = true;
	how.desk = d = site_open(&s, &guard);
	c = console_new(&how, s.now);
	at_share(1000);
	pass(2000);
	console_key(c, 'S', s.now);
	pass(1200);
}

static void step_without_a_bad_one(void)
{
	step_at(0, 1000);
}

static void step_to_all(void)
{
	step_at(0.1, 5000);
}

/* ---- whose word ---- */

/* What the model takes from a pool that has a judge of its own. */
static void cited(void)
{
	undecided();
	struct standing *st = (struct standing *)site_standing(d);
	st->judge_cited = true;
	st->judge_word = VERDICT_SAFE;
	snprintf(st->judge_text, sizeof st->judge_text, "errors SAFE, under 1.3x v1's");
}

/* What both say is said once. */
static void cited_alike(void)
{
	safe();
	struct standing *st = (struct standing *)site_standing(d);
	st->judge_cited = true;
}

static void resting(void)
{
	sit_down();
	pass(5000);
}

/* ---- what is seen ---- */

static const struct scene {
	const char *name;
	void (*play)(void);
	enum { GUARDS, FLOW_TOO, FLOW_ONLY } on;
} scenes[] = {
	{"undecided", undecided, FLOW_TOO},
	{"safe", safe, FLOW_TOO},
	{"young", young, FLOW_TOO},
	{"amber", amber, FLOW_TOO},
	{"harm", red, FLOW_TOO},
	{"no-data", no_data, FLOW_TOO},
	{"stale", stale, GUARDS},
	{"untrustworthy", untrustworthy, FLOW_TOO},
	{"both", both, GUARDS},
	{"cited", cited, FLOW_TOO},
	{"cited-alike", cited_alike, GUARDS},
	{"resting", resting, FLOW_TOO},
	{"step", step_forecast, FLOW_ONLY},
	{"step-guarded", step_guarded, FLOW_ONLY},
	{"step-clean", step_without_a_bad_one, FLOW_ONLY},
	{"step-all", step_to_all, FLOW_ONLY},
};

static bool is_as_it_was(const char *screen, const char *scene)
{
	char name[80];
	snprintf(name, sizeof name, "%s-%s", screen, scene);
	return golden_console(c, s.now, name);
}

static void screen_is_as_it_was(void **state)
{
	const struct scene *scene = *state;
	scene->play();
	bool same = scene->on == GUARDS || is_as_it_was("judged", scene->name);
	console_key(c, '4', s.now);
	if (scene->on != FLOW_ONLY)
		same &= is_as_it_was("guards", scene->name);
	assert_true(same);
}

static int leave_scene(void **state)
{
	(void)state;
	console_free(c);
	c = NULL;
	site_release(&s);
	return 0;
}

/* ---- other ways to look at it ---- */

static void ascii_is_ascii(void **state)
{
	(void)state;
	red();
	console_free(c);
	struct console_options how = {.desk = d, .w = 200, .h = 50, .ascii = true};
	c = console_new(&how, s.now);
	console_key(c, '4', s.now);
	struct text chars = {0};
	surface_dump(console_draw(c, s.now), &chars, NULL);
	for (const char *at = text_str(&chars); *at; at++)
		assert_true(*at == '\n' || (*at >= ' ' && *at <= '~'));
	assert_non_null(strstr(text_str(&chars), "shaded: not ruled out"));
	text_free(&chars);
}

static void seen(const char *text, bool is)
{
	struct text chars = {0};
	surface_dump(console_draw(c, s.now), &chars, NULL);
	if (!strstr(text_str(&chars), text) == is)
		fail_msg("\"%s\" is %sthere:\n%s", text, is ? "not " : "", text_str(&chars));
	text_free(&chars);
}

static void it_comes_by_key_and_by_word_and_goes_back(void **state)
{
	(void)state;
	resting();
	seen("harm  safe", false);
	console_key(c, '4', s.now);
	seen("harm  safe", true);
	console_key(c, 'q', s.now);
	seen("harm  safe", false);
	for (const char *at = ":screen guards"; *at; at++)
		console_key(c, (unsigned char)*at, s.now);
	console_key(c, KEYS_ENTER, s.now);
	seen("harm  safe", true);
	console_key(c, '1', s.now);
	seen("harm  safe", false);
}

/* Whatever the size and the screen, while v2 has a share. */
static void harm_is_on_every_screen(void **state)
{
	(void)state;
	red();
	for (const char *key = "134"; *key; key++)
		for (int w = 40; w <= 200; w += 20)
			for (int h = 12; h <= 50; h++) {
				console_key(c, (unsigned char)*key, s.now);
				console_resize(c, w, h);
				seen("harm ", true);
			}
}

/* Before the first look there is neither a time nor a count to tell. */
static void before_the_first_look_it_says_so(void **state)
{
	(void)state;
	sit_down();
	console_command(c, "screen guards", s.now);
	console_resize(c, 120, 40);
	seen("by request, not looked yet", true);
	seen("looks;", false);
}

/* However narrow and high a window is: what has no room is left out. */
static void it_is_drawn_at_every_width(void **state)
{
	(void)state;
	undecided();
	console_command(c, "screen guards", s.now);
	for (int w = 1; w <= 48; w++)
		for (int h = 10; h <= 50; h += 20) {
			console_resize(c, w, h);
			console_draw(c, s.now);
		}
}

static void sections_are_apart_and_inside(void **state)
{
	(void)state;
	for (int w = 1; w <= 250; w++)
		for (int h = 1; h <= 100; h++) {
			struct layout l;
			layout_make_guards(&l, w, h, 5, 1 + h % 5, 3);
			for (int a = 0; a < SECTION_COUNT; a++) {
				const struct rect *r = &l.rect[a];
				assert_true(r->h >= 0 && r->y + r->h <= h && r->x + r->w <= w);
				for (int b = 0; b < a; b++) {
					const struct rect *o = &l.rect[b];
					assert_true(!r->h || !o->h || r->y >= o->y + o->h || o->y >= r->y + r->h);
				}
			}
			assert_true(h < 10 || l.rect[SECTION_JUDGE].h > 0);
			assert_true(!l.rect[SECTION_PLOTS].h || l.rect[SECTION_PLOTS].h >= PLOT_ROWS);
		}
}

#define SCENES (sizeof scenes / sizeof *scenes)

int main(void)
{
	struct CMUnitTest tests[SCENES + 6] = {
		[SCENES] = cmocka_unit_test_teardown(ascii_is_ascii, leave_scene),
		cmocka_unit_test_teardown(it_comes_by_key_and_by_word_and_goes_back, leave_scene),
		cmocka_unit_test_teardown(harm_is_on_every_screen, leave_scene),
		cmocka_unit_test_teardown(before_the_first_look_it_says_so, leave_scene),
		cmocka_unit_test_teardown(it_is_drawn_at_every_width, leave_scene),
		cmocka_unit_test(sections_are_apart_and_inside),
	};
	for (size_t i = 0; i < SCENES; i++)
		tests[i] = (struct CMUnitTest){.name = scenes[i].name,
			.test_func = screen_is_as_it_was,
			.teardown_func = leave_scene,
			.initial_state = (void *)&scenes[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
