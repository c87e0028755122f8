/* The console by keystrokes on a virtual clock: keys that only look, a picture that is frozen, and what
 * leaving asks. */
#include "tests/unit/tui/console_bed.h"

/* ---- looking ---- */

static void keys_that_look_never_command(void **state)
{
	(void)state;
	at_one_percent();
	int before = commands(), decisions = (int)site_pool(d)->decision_count;
	for (uint32_t k = 0; k < 128; k++) {
		if (keymap_verb(k) != VERB_COUNT || k == ':')
			continue;
		pass(400);
		key(k);
		settle();
		key(KEYS_ESC);
	}
	for (uint32_t k = KEY_SPECIAL; k <= KEYS_UNKNOWN; k++) {
		key(k);
		settle();
		pass(400);
	}
	assert_int_equal(commands(), before);
	assert_int_equal(site_pool(d)->decision_count, decisions);
}

static void lower_case_names_the_right_key(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"s", "S is step", "r", "R is rollback", "u", "U is resume", "a", "A is annotate"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i += 2) {
		type(rows[i]);
		shows(rows[i + 1]);
	}
	assert_int_equal(commands(), 0);
}

static void help_opens_and_closes(void **state)
{
	(void)state;
	static const uint32_t opens[] = {'?', KEYS_F1}, closes[] = {'?', KEYS_ESC, 'q', KEYS_ENTER};
	for (int o = 0; o < 2; o++)
		for (int k = 0; k < 4; k++) {
			key(opens[o]);
			shows("HELP");
			key('j');
			key(KEYS_DOWN);
			key('k');
			key(KEYS_UP);
			key(KEYS_UP);
			key(closes[k]);
			shows_not("HELP");
			assert_false(console_left(c));
		}
	/* An acting key works from within it. */
	key('?');
	key('R');
	shows("ROLL BACK checkout");
}

static void a_frozen_picture_says_so_and_thaws(void **state)
{
	(void)state;
	at_one_percent();
	key('z');
	pass(12000);
	shows("FROZEN 12s");
	key('z');
	shows_not("FROZEN");
	/* an act thaws */
	key('z');
	shows("FROZEN");
	key('R');
	shows_not("FROZEN");
	shows("ROLL BACK checkout");
	key(KEYS_ESC);
	/* a minute thaws */
	key('z');
	pass(59000);
	shows("FROZEN");
	pass(1500);
	shows_not("FROZEN");
	/* red thaws */
	key('z');
	s.node[0]->error_rate[ARM_V2] = 0.9;
	pass(30000);
	shows_not("FROZEN");
	shows("ROLLED BACK"); /* by the pool itself */
}

static void a_frozen_picture_thaws_at_red(void **state)
{
	(void)state;
	sit_at_unguarded(GUARD_ACTION_WARN, 1);
	at_one_percent();
	key('z');
	s.node[0]->error_rate[ARM_V2] = 0.9;
	pass(30000);
	assert_true(site_pool(d)->latch.red);
	shows_not("FROZEN");
	shows("RED latched since ");
}

static void quitting_asks_where_nobody_would_watch(void **state)
{
	(void)state;
	sit_at_unguarded(GUARD_ACTION_ROLLBACK, 1);
	at_one_percent();
	shows("guard: console, rolls back while it runs");
	shows("NOBODY WATCHES");
	int before = commands();
	key('q');
	assert_false(console_left(c));
	shows("LEAVE checkout");
	key(KEYS_ESC);
	shows_not("LEAVE checkout");
	pass(500);
	key('q');
	pass(100);
	key('y'); /* too early */
	assert_false(console_left(c));
	pass(400);
	key('y');
	assert_true(console_left(c));
	assert_int_equal(commands(), before);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
}

/* Where one can be left behind, w does; too early it does nothing, elsewhere it closes. */
static void quitting_may_leave_a_recorder(void **state)
{
	(void)state;
	bool recorder = false;
	sit_at_unguarded(GUARD_ACTION_ROLLBACK, 1);
	at_one_percent();
	key('q');
	shows_not("w leave a recorder");
	pass(500);
	key('w');
	shows_not("LEAVE checkout");
	assert_false(console_left(c));
	console_free(c);
	c = console_new(
		&(struct console_options){.desk = d, .w = 100, .h = 32, .recorder = &recorder}, s.now);
	pass(500);
	key('q');
	shows("w leave a recorder");
	key('w');
	shows("LEAVE checkout");
	pass(500);
	key('w');
	assert_true(console_left(c));
	assert_true(recorder);
}

/* A pool that rolls back by itself needs nobody, once the raise is kept. */
static void quitting_asks_before_a_raise_is_kept(void **state)
{
	(void)state;
	site_step(&s, d, 100);
	pass(1000);
	shows("if you leave: back to 0 % in ");
	key('q');
	assert_false(console_left(c));
	shows("LEAVE checkout");
	shows("back to 0 % in ");
	key(KEYS_ESC);
	assert_true(site_until(&s, d, STATE_READY, 40000));
	pass(2000);
	shows("if you leave: all goes on");
	key('q');
	assert_true(console_left(c));
}

/* A rollback that is not seen everywhere is tried by this console alone. */
static void quitting_asks_while_a_rollback_is_tried(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->silent = true;
	pass(3000);
	key('R');
	pass(400);
	key('y');
	pass(2000);
	shows("leave: NOBODY TRIES ON");
	key('q');
	assert_false(console_left(c));
	shows("LEAVE checkout");
	shows("not seen on 1 of 1 nodes");
}

static void quitting_is_free_at_the_baseline(void **state)
{
	(void)state;
	key('q');
	assert_true(console_left(c));
}

static void the_bell_rings_when_it_gets_worse(void **state)
{
	(void)state;
	sit_at_unguarded(GUARD_ACTION_WARN, 1);
	at_one_percent();
	while (console_bell(c, s.now))
		;
	s.node[0]->error_rate[ARM_V2] = 0.9;
	pass(30000);
	assert_int_equal(site_standing(d)->headline.level, LEVEL_ACT);
	assert_true(console_bell(c, s.now));
	assert_false(console_bell(c, s.now));
	pass(9000);
	assert_false(console_bell(c, s.now));
	pass(1000);
	assert_true(console_bell(c, s.now));
	key('?'); /* somebody is here */
	pass(20000);
	assert_false(console_bell(c, s.now));
}

static void a_resize_keeps_what_is_open(void **state)
{
	(void)state;
	key('S');
	for (int w = 1; w < 200; w += 23)
		for (int h = 1; h < 60; h += 7) {
			console_resize(c, w, h);
			console_draw(c, s.now);
		}
	console_resize(c, 80, 24);
	shows("STEP checkout");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KEYS(keys_that_look_never_command),
		KEYS(lower_case_names_the_right_key),
		KEYS(help_opens_and_closes),
		KEYS(a_frozen_picture_says_so_and_thaws),
		KEYS(a_frozen_picture_thaws_at_red),
		KEYS(quitting_asks_where_nobody_would_watch),
		KEYS(quitting_may_leave_a_recorder),
		KEYS(quitting_asks_before_a_raise_is_kept),
		KEYS(quitting_asks_while_a_rollback_is_tried),
		KEYS(quitting_is_free_at_the_baseline),
		KEYS(the_bell_rings_when_it_gets_worse),
		KEYS(a_resize_keeps_what_is_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
