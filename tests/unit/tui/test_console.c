/* The console by keystrokes on a virtual clock: what each key may do, when it counts, and what
 * text that was meant for another window can never do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/site.h"
#include "tui/console.h"
#include "tui/desk_parts.h"
#include "tui/keymap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};

static struct site s;
static struct desk *d;
static struct console *c;

static void open_console(bool read_only)
{
	struct console_options how = {
		.desk = d, .w = 100, .h = 32, .ascii = true, .read_only = read_only};
	c = console_new(&how, s.now);
}

static int sit_down(void **state)
{
	(void)state;
	site_init(&s, 1, 7);
	d = site_open(&s, &kim);
	open_console(false);
	return 0;
}

static int leave(void **state)
{
	(void)state;
	console_free(c);
	site_release(&s);
	return 0;
}

/* Time passes as the loop lets it. */
static void pass(int64_t ms)
{
	for (; ms > 0; ms -= SITE_STEP_MS) {
		site_run(&s, SITE_STEP_MS);
		console_refresh(c, s.now);
	}
}

/* No time passes, but what the history owes. */
static void settle(void)
{
	site_settle(&s);
	desk_turn(d, s.now);
	console_refresh(c, s.now);
}

static void key(uint32_t k)
{
	console_key(c, k, s.now);
}

/* Types as a person does, 100 ms a key. */
static void type(const char *keys)
{
	for (; *keys; keys++) {
		key((unsigned char)*keys);
		pass(100);
	}
}

static const char *screen(void)
{
	static char out[64000];
	struct text chars = {0};
	surface_dump(console_draw(c, s.now), &chars, NULL);
	text_copy(out, sizeof out, text_str(&chars));
	text_free(&chars);
	return out;
}

static void shows(const char *text)
{
	if (!strstr(screen(), text))
		fail_msg("\"%s\" is not on the screen:\n%s", text, screen());
}

static void shows_not(const char *text)
{
	if (strstr(screen(), text))
		fail_msg("\"%s\" is on the screen:\n%s", text, screen());
}

static int commands(void)
{
	return s.node[0]->commands;
}

static const struct command *last_command(void)
{
	assert_true(s.node[0]->got_count > 0);
	return &s.node[0]->got[s.node[0]->got_count - 1];
}

/* 1 %, bake passed, kept. */
static void at_one_percent(void)
{
	site_step(&s, d, 100);
	assert_true(site_until(&s, d, STATE_READY, 40000));
	pass(2000);
	assert_false(fake_keep(s.node[0]).on);
}

/* Another site, of a pool without a guard of its own. */
static void sit_at_unguarded(enum guard_action action, int nodes)
{
	console_free(c);
	site_release(&s);
	site_init(&s, nodes, 7);
	for (int k = 0; k < nodes; k++)
		s.node[k]->guards = false;
	s.limits.action = action;
	d = site_open(&s, &kim);
	open_console(false);
}

/* ---- the acting keys ---- */

static void s_shows_a_sheet_and_y_steps(void **state)
{
	(void)state;
	key('S');
	shows("STEP checkout 0 > 1 %");
	assert_int_equal(commands(), 0);
	pass(1000);
	key('y');
	shows_not("STEP checkout");
	settle();
	assert_int_equal(commands(), 1);
	assert_int_equal(last_command()->verb, VERB_STEP);
	assert_int_equal(last_command()->to_bp, 100);
	pass(2000);
	shows("step: VERIFIED in ");
	shows("BAKING at 1 %");
	assert_int_equal(fake_share_bp(s.node[0]), 100);
}

/* The key that accepts stands in the last row of a sheet, however narrow it is. */
static void y_is_seen_at_every_width(void **state)
{
	(void)state;
	static const char sheets[] = {'S', 'R'};
	pass(2000);
	for (size_t i = 0; i < sizeof sheets; i++) {
		key((unsigned char)sheets[i]);
		for (int w = 1; w <= 40; w++) {
			console_resize(c, w, 6);
			const char *last = strrchr(screen(), '\n') - 1;
			while (last > screen() && last[-1] != '\n')
				last--;
			bool is_button = strncmp(last, "y", 1) == 0 || strstr(last, " y");
			if (!is_button)
				fail_msg("%c at %d columns: \"%s\"", sheets[i], w, last);
		}
		key(KEYS_ESC);
	}
}

static void y_counts_only_after_a_look(void **state)
{
	(void)state;
	static const struct {
		char open;
		int64_t stand_ms;
	} rows[] = {{'S', 1000}, {'R', 300}};
	for (int i = 0; i < 2; i++) {
		pass(1000);
		key((uint32_t)rows[i].open);
		pass(rows[i].stand_ms - 50);
		key('y');
		settle();
		assert_int_equal(commands(), i);
		/* That key itself came just before the next. */
		pass(250);
		key('y');
		settle();
		assert_int_equal(commands(), i);
		pass(300);
		key('y');
		settle();
		assert_int_equal(commands(), i + 1);
		pass(3000);
	}
	assert_int_equal(fake_share_bp(s.node[0]), 0);
}

static void only_lower_case_y_accepts(void **state)
{
	(void)state;
	static const uint32_t others[] = {'Y', 'n', 'j', 'x', 'S', 'R', ' ', 'q', KEYS_CTRL('y'),
		0xff59, KEYS_UP, KEYS_F1, KEYS_BACKSPACE};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		key('S');
		shows("STEP checkout");
		pass(1500);
		key(others[i]);
		settle();
		pass(500);
		assert_int_equal(commands(), 0);
		shows_not("STEP checkout"); /* an unknown key closes */
		key(KEYS_ESC);
		pass(400);
	}
}

static void enter_presses_what_is_highlighted_first_cancel(void **state)
{
	(void)state;
	key('S');
	pass(2000);
	key(KEYS_ENTER);
	shows_not("STEP checkout");
	settle();
	assert_int_equal(commands(), 0);
	pass(1000);
	static const uint32_t moves[] = {KEYS_TAB, KEYS_BACKTAB, KEYS_LEFT, KEYS_RIGHT};
	for (int i = 0; i < 4; i++) {
		key('S');
		pass(1500);
		key(moves[i]);
		pass(100);
		key(KEYS_ENTER); /* too soon after a key */
		settle();
		assert_int_equal(commands(), 0);
		shows("STEP checkout");
		pass(400);
		key(moves[i]); /* and back to cancel */
		pass(400);
		key(KEYS_ENTER);
		shows_not("STEP checkout");
		pass(400);
	}
	key('S');
	pass(1500);
	key(KEYS_TAB);
	pass(400);
	key(KEYS_ENTER);
	settle();
	assert_int_equal(commands(), 1);
}

static void esc_always_gets_out_and_does_nothing(void **state)
{
	(void)state;
	at_one_percent();
	int before = commands();
	static const char *const ways[] = {
		"S", "R", "U", "A", ":", "?", "Sm", "So", "Rm", "z", ":step 10%"};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		type(ways[i]);
		pass(1500);
		for (int k = 0; k < 3; k++) {
			key(KEYS_ESC);
			pass(400);
		}
		shows_not("Esc cancel");
		shows_not("FROZEN");
		shows_not("HELP");
		assert_false(console_left(c));
	}
	assert_int_equal(commands(), before);
}

static void a_held_or_pasted_key_acts_once_or_never(void **state)
{
	(void)state;
	at_one_percent();
	int before = commands();
	/* H held: thirty a second for three seconds. */
	for (int i = 0; i < 60; i++) {
		key('H');
		pass(50);
	}
	settle();
	assert_int_equal(commands(), before + 1);
	/* S held opens a sheet, and the repeats close it at worst: nothing is sent. */
	pass(1000);
	for (int i = 0; i < 60; i++) {
		key('S');
		pass(50);
	}
	key(KEYS_ESC);
	pass(1000);
	/* y held from before the sheet never finds the 300 ms of quiet. */
	key('S');
	for (int i = 0; i < 60; i++) {
		pass(50);
		key('y');
	}
	settle();
	assert_int_equal(commands(), before + 1);
	key(KEYS_ESC);
	pass(1000);
	/* A paste is one key that means nothing, also within a sheet, which it does not close. */
	key('R');
	pass(1000);
	key(KEYS_PASTE);
	key(KEYS_UNKNOWN);
	settle();
	shows("ROLL BACK checkout");
	assert_int_equal(commands(), before + 1);
}

static void r_rolls_back_whatever_it_looks_like(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->silent = true;
	pass(20000);
	shows("STALE");
	int before = commands();
	key('R');
	shows("ROLL BACK checkout 1 > 0 %");
	pass(300);
	key('y');
	settle();
	pass(100);
	assert_int_equal(commands(), before + 1);
	assert_int_equal(last_command()->verb, VERB_ROLLBACK);
	shows("ROLLING BACK to 0 %");
	pass(1000);
	/* A second R y adds nothing. */
	key('R');
	pass(400);
	key('y');
	pass(100);
	shows("is under way already");
	s.node[0]->silent = false;
	pass(40000);
	shows("ROLLED BACK");
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_int_equal(fake_epoch(s.node[0]), 2);
}

static void h_holds_at_once_and_u_resumes(void **state)
{
	(void)state;
	at_one_percent();
	key('H');
	pass(1500);
	assert_true(fake_is_held(s.node[0]));
	shows("HELD by kim@ops1");
	key('U');
	shows("RESUME checkout");
	shows("held by");
	pass(1000);
	key('y');
	pass(1500);
	assert_false(fake_is_held(s.node[0]));
	shows("READY for 10 %");
}

static void h_in_a_rollback_holds_instead(void **state)
{
	(void)state;
	at_one_percent();
	key('R');
	pass(500);
	key('H');
	pass(1500);
	assert_true(fake_is_held(s.node[0]));
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	shows_not("ROLL BACK checkout");
}

static void a_writes_a_note(void **state)
{
	(void)state;
	type("Adeploy of web, SHARD ruby y");
	shows("note: deploy of web, SHARD ruby y");
	key(KEYS_ENTER);
	pass(100);
	shows("noted");
	const struct pool *p = site_pool(d);
	assert_int_equal(p->decision_count, 1);
	assert_string_equal(p->decisions[0].reason, "deploy of web, SHARD ruby y");
	assert_int_equal(commands(), 0);
	/* The second is told as the first was. */
	pass(9000);
	shows_not("noted");
	type("Atwo");
	key(KEYS_ENTER);
	settle();
	pass(50);
	shows("noted");
	/* An empty one is none. */
	pass(500);
	key('A');
	pass(100);
	key(KEYS_ENTER);
	pass(100);
	assert_int_equal(site_pool(d)->decision_count, 2);
}

static void a_reason_goes_into_the_record(void **state)
{
	(void)state;
	type("Smday 4, quiet Y");
	shows("day 4, quiet Y");
	key(KEYS_ENTER);
	shows("STEP checkout");
	pass(1500);
	key('y');
	settle();
	assert_string_equal(last_command()->reason, "day 4, quiet Y");
	pass(2000);
	shows("\"day 4, quiet Y\"");
}

static void another_share_is_judged_anew(void **state)
{
	(void)state;
	type("So10");
	key(KEYS_ENTER);
	shows("'10' is no share");
	pass(500);
	type("o10%");
	key(KEYS_ENTER);
	shows("STEP checkout 0 > 10 %");
	shows("is not the plan's next");
	pass(2000);
	key('y'); /* locked: nothing is pressed */
	settle();
	assert_int_equal(commands(), 0);
	shows("STEP checkout 0 > 10 %");
	pass(500);
	type("o1%");
	key(KEYS_ENTER);
	pass(2000);
	key('y');
	settle();
	assert_int_equal(commands(), 1);
	assert_int_equal(last_command()->to_bp, 100);
}

static void a_sheet_that_is_no_longer_true_can_only_be_closed(void **state)
{
	(void)state;
	at_one_percent();
	int before = commands();
	key('S');
	shows("STEP checkout 1 > 10 %");
	pass(1000);
	assert_int_equal(fake_act(s.node[0], "ana@ops2", "k-1", VERB_STEP, 1000, ""), 200);
	pass(2000);
	shows("STALE      ana@ops2 moved it 1 > 10 % ");
	static const uint32_t keys[] = {
		'y', KEYS_ENTER, KEYS_TAB, KEYS_ENTER, 'm', 'o', 'H', 'R', 'S', '?', ' '};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		pass(1200);
		key(keys[i]);
		settle();
		shows("STALE");
	}
	assert_int_equal(commands(), before);
	key(KEYS_ESC);
	shows_not("STALE");
}

static void a_locked_step_says_why_and_y_does_nothing(void **state)
{
	(void)state;
	site_step(&s, d, 100);
	pass(1000);
	shows("W184");
	int before = commands();
	key('S');
	shows("locked");
	shows("W184");
	pass(1500);
	key('y');
	settle();
	assert_int_equal(commands(), before);
	key('?');
	shows("history writable");
	shows("14 ok            ");
	key(KEYS_ESC);
}

static void without_a_plan_s_asks_for_a_share(void **state)
{
	(void)state;
	leave(NULL);
	site_init(&s, 1, 7);
	s.has_plan = false;
	d = site_open(&s, &kim);
	open_console(false);
	key('S');
	shows("type :step 10%");
	shows_not("STEP checkout");
	pass(500);
	type(":step 10%");
	key(KEYS_ENTER);
	shows("STEP checkout 0 > 10 %");
	pass(1500);
	key('y');
	settle();
	assert_int_equal(last_command()->to_bp, 1000);
}

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
	c = console_new(&(struct console_options){.desk = d, .w = 100, .h = 32, .recorder = &recorder},
		s.now);
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

/* ---- commands ---- */

static void commands_are_typed(void **state)
{
	(void)state;
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{"step", "STEP checkout 0 > 1 %"},
		{"step next", "STEP checkout 0 > 1 %"},
		{"step 1%", "STEP checkout 0 > 1 %"},
		{"step 100bp", "STEP checkout 0 > 1 %"},
		{"step 25", "'25' is no share of v2"},
		{"step nonsense", "is no share of v2"},
		{"rollback", "ROLL BACK checkout"},
		{"resume", "RESUME checkout"},
		{"help", "HELP"},
		{"annotate", "write a text"},
		{"undo", "did you mean 'rollback'"},
		{"rolback", "did you mean 'rollback'"},
		{"stpe", "did you mean 'step'"},
		{"zzzzzz", "unknown command 'zzzzzz'"},
		{"seek 50%", "only in a replay"},
		{"pause", "only in a replay"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		key(':');
		for (const char *at = rows[i].text; *at; at++)
			key((unsigned char)*at);
		key(KEYS_ENTER);
		shows(rows[i].shown);
		key(KEYS_ESC);
		key(KEYS_ESC);
		pass(400);
	}
	assert_int_equal(commands(), 0);
	type(":hold lunch");
	key(KEYS_ENTER);
	pass(1000);
	assert_true(fake_is_held(s.node[0]));
	assert_string_equal(last_command()->reason, "lunch");
	type(":annotate a b");
	key(KEYS_ENTER);
	pass(1000);
	const struct pool *p = site_pool(d);
	assert_string_equal(p->decisions[p->decision_count - 1].reason, "a b");
	type(":q");
	key(KEYS_ENTER);
	assert_true(console_left(c));
}

static void a_console_that_only_looks_says_why(void **state)
{
	(void)state;
	at_one_percent();
	console_free(c);
	site_close(&s, d);
	const struct site_desk looker = {.actor = "kim@ops1", .read_only = true};
	d = site_open(&s, &looker);
	open_console(true);
	int before = commands();
	static const char acting[] = "SRHUA";
	for (const char *k = acting; *k; k++) {
		pass(400);
		key((unsigned char)*k);
		shows("this console only looks");
		shows_not("Esc cancel");
		pass(9000);
		shows_not("this console only looks");
	}
	static const char *const words[] = {"step 1%", "rollback", "hold", "resume", "annotate x"};
	for (int i = 0; i < 5; i++) {
		key(':');
		for (const char *at = words[i]; *at; at++)
			key((unsigned char)*at);
		key(KEYS_ENTER);
		shows("this console only looks");
		pass(9000);
	}
	shows("looking only");
	assert_int_equal(commands(), before);
	key('q'); /* nothing of its own is left behind */
	assert_true(console_left(c));
}

static void several_pools_are_gone_through(void **state)
{
	(void)state;
	/* The second pool of this desk is another fake. */
	struct fake *two = fake_new("shop", 3, s.now);
	static const char *const target[] = {"fake:shop"};
	fake_become(two, "shop-9");
	assert_int_equal(fake_act(two, "ana@ops2", "k-1", VERB_STEP, 100, ""), 200);
	struct pool_setup setup = {.name = "shop",
		.env = "",
		.targets = target,
		.target_count = 1,
		.interval_ms = 1000,
		.limits = &s.limits,
		.plan_hash = ""};
	struct err err;
	assert_int_equal(desk_add(d, &setup, NULL, NULL, s.now, &err), 1);
	pass(3000);
	shows("1/2 checkout");
	/* What is exposed elsewhere is asked about, too. */
	key('q');
	shows("FLEET 2");
	key('q');
	assert_false(console_left(c));
	shows("LEAVE shop");
	key(KEYS_ESC);
	key('1');
	key(KEYS_TAB);
	shows("1/2 checkout");
	key(KEYS_TAB);
	shows("2/2 shop");
	key('R');
	shows("ROLL BACK shop 1 > 0 %");
	pass(500);
	key('y');
	pass(2000);
	assert_int_equal(fake_share_bp(two), 0);
	assert_int_equal(commands(), 0);
	console_free(c);
	c = NULL;
	site_close(&s, d);
	fake_free(two);
}

/* ---- who may, what goes back ---- */

static void command(const char *text)
{
	key(':');
	for (; *text; text++)
		key((unsigned char)*text);
	key(KEYS_ENTER);
}

/* Each word that is typed opens its sheet, or says at once why it never can. */
static void every_act_is_typed(void **state)
{
	(void)state;
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{"strategy shadow", "STEP checkout"},
		{"strategy nothing", "'nothing' is no strategy"},
		{"operations -train", "OPERATIONS checkout"},
		{"operations train", "is no change of operations"},
		{"operations -pay", "does not get 'pay'"},
		{"guard hold 2h", "holds where it would roll back, for 2h"},
		{"guard act", "GUARD checkout"},
		{"guard hold 5h", "is nothing for a guard"},
		{"keep now", "'now' is too much"},
		{"keep", "keep: nothing to do, it is so already"},
		{"take", "take: nothing to do, it is so already"},
		{"arm", "ARM checkout"},
		{"arm 10%", "10 %: where every rollback goes"},
		{"arm x", "'x' is no share"},
		{"disarm", "DISARM checkout"},
		{"adopt", "ADOPT checkout"},
		{"adopt it", "'it' is too much"},
		{"close 0123", "no rollback '0123' of 'checkout' is open"},
		{"close", "close: no rollback is open"},
	};
	at_one_percent();
	int before = commands();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		command(rows[i].text);
		shows(rows[i].shown);
		key(KEYS_ESC);
		key(KEYS_ESC);
		pass(400);
	}
	assert_int_equal(commands(), before);
}

/* Who has the lease is seen, and it is taken by a sheet. */
static void a_lease_is_taken(void **state)
{
	(void)state;
	assert_int_equal(fake_lend(s.node[0], "ana@ops2", 30000), 200);
	pass(1200);
	shows("lease: ana@ops2 00:2");
	shows("lease is ana@ops2's for");
	command("take");
	shows("TAKE THE LEASE OF checkout");
	shows("ana@ops2's for 00:2");
	pass(1200);
	key('y');
	pass(2000);
	shows("lease: you");
	assert_string_equal(fake_lease(s.node[0]).holder, "kim@ops1");
}

/* What is typed for `adopt` is a reason and the name, and only that sends it. */
static void adopting_takes_a_reason_and_the_name(void **state)
{
	(void)state;
	at_one_percent();
	assert_int_equal(fake_act(s.node[0], "ana@ops2", "k-1", VERB_STEP, 1000, ""), 200);
	pass(2000);
	int before = commands();
	command("adopt");
	shows("ADOPT checkout");
	shows("10 % is what was asked from now on");
	pass(1200);
	key('y');
	shows("m first: it asks for a reason");
	pass(400);
	type("mana did");
	key(KEYS_ENTER);
	pass(400);
	key('y');
	shows("to do it type checkout, Enter");
	type("checkou");
	key(KEYS_ENTER);
	shows("'checkou' is not its name");
	settle();
	assert_int_equal(commands(), before);
	pass(400);
	key('y');
	type("checkout");
	key(KEYS_ENTER);
	settle();
	assert_int_equal(commands(), before + 1);
	assert_int_equal(last_command()->verb, VERB_ADOPT);
	assert_string_equal(last_command()->reason, "ana did");
}

/* A key that comes while what was decided before is not read yet. */
static void early(uint32_t k)
{
	d->pools[0].loaded = false;
	key(k);
	console_refresh(c, s.now);
	d->pools[0].loaded = true;
}

/* It is read in a moment: the sheet of a word opens before, and only its y is refused. */
static void a_word_typed_before_the_past_is_read_opens_its_sheet(void **state)
{
	(void)state;
	at_one_percent();
	int before = commands();
	type(":finalize");
	early(KEYS_ENTER);
	shows("NO WAY BACK AFTER THIS");
	shows_not("refused");
	key(KEYS_ESC);
	type(":keep");
	early(KEYS_ENTER);
	shows("KEEP checkout");
	pass(1200);
	early('y');
	shows("what was decided about 'checkout' is not read yet");
	type(":approve");
	early(KEYS_ENTER);
	shows("approve: what was decided about 'checkout' is not read yet");
	command("approve");
	shows("approve: nobody asks for anything");
	command("close x");
	shows("close refused: ");
	settle();
	assert_int_equal(commands(), before);
}

/* Nobody keeps it: it goes back, and the console says so; S begins anew, U ends the hold. */
static void what_went_back_is_resumed(void **state)
{
	(void)state;
	console_free(c);
	site_release(&s);
	site_init(&s, 1, 7);
	const struct site_desk bare = {.actor = "kim@ops1", .file = "h.db"}; /* keeps nothing */
	d = site_open(&s, &bare);
	open_console(false);
	site_step(&s, d, 100);
	pass(1000);
	shows("back to 0 % in 02:0");
	pass(140000);
	shows("HELD by pool ");
	shows("went back: not kept");
	shows("U resume");
	shows("S step (locked)");
	key('U');
	shows("nobody had kept the raise");
	pass(1200);
	key('y');
	pass(2000);
	shows_not("HELD");
	shows_not("U resume");
	pass(500);
	key('U');
	shows("U: nothing is held");
}

/* S at a step that only some nodes took sends it to the rest. */
static void s_completes_what_is_partial(void **state)
{
	(void)state;
	console_free(c);
	site_release(&s);
	site_init(&s, 3, 7);
	d = site_open(&s, &kim);
	open_console(false);
	s.node[2]->refuse = ERR_LIMIT;
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	assert_int_equal(r.status, ACT_BEGUN);
	pass(3000);
	s.node[2]->refuse = ERR_NONE;
	shows("PARTIAL 2/3");
	shows("S complete");
	key('S');
	shows("2 of 3 nodes have it; it is sent to the rest");
	pass(1200);
	key('y');
	pass(4000);
	shows("BAKING at 1 %");
	assert_int_equal(fake_share_bp(s.node[2]), 100);
}

/* S after a restart that lost the share puts it back. */
static void s_puts_back_what_a_restart_lost(void **state)
{
	(void)state;
	at_one_percent();
	fake_restart(s.node[0], false);
	pass(10000);
	shows("Pool restarted");
	shows("S put back");
	key('S');
	shows("what the pool had and lost in a restart");
	pass(1200);
	key('y');
	pass(3000);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	shows("BAKING at 1 %");
}

/* While a rollback goes down in steps a hold stops nothing of it, and R y hurries it. */
static void a_gradual_rollback_can_be_held_and_hurried(void **state)
{
	(void)state;
	at_one_percent();
	site_step(&s, d, 1000);
	pass(2000);
	key('R');
	pass(400);
	key('g');
	pass(2000);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	shows("ROLLING BACK to 0 %");
	key('H');
	pass(1000);
	assert_true(fake_is_held(s.node[0]));
	shows("ROLLING BACK to 0 %");
	key('R');
	pass(400);
	key('y');
	pass(3000);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	shows("ROLLED BACK to 0 %");
}

/* What is not in the history is told for as long as the console stands. */
static void what_is_not_recorded_says_so(void **state)
{
	(void)state;
	console_free(c);
	site_release(&s);
	site_init(&s, 1, 7);
	const struct site_desk bare = {.actor = "kim@ops1", .console = true};
	d = site_open(&s, &bare);
	open_console(false);
	key('H');
	pass(1500);
	shows("hold: VERIFIED in 0.");
	shows("NOT RECORDED");
	pass(20000);
	shows("NOT RECORDED: 1 act of this console");
}

/* Where the nodes differ and no step explains it, S says so; R works. */
static void s_says_why_where_nodes_differ(void **state)
{
	(void)state;
	console_free(c);
	site_release(&s);
	site_init(&s, 2, 7);
	d = site_open(&s, &kim);
	open_console(false);
	at_one_percent();
	assert_int_equal(fake_act(s.node[1], "ana@ops2", "k-1", VERB_STEP, 0, ""), 200);
	pass(2000);
	shows("MIXED");
	shows("S locked: W124 nodes differ");
	key('S');
	shows("S locked: W124 nodes differ");
	shows_not("STEP checkout");
	key('R');
	shows("ROLL BACK checkout");
}

/* Whatever room there is, row 3 says what happens if this console ends. */
static void row_three_always_says_what_if(void **state)
{
	(void)state;
	sit_at_unguarded(GUARD_ACTION_ROLLBACK, 1);
	at_one_percent();
	static const char holder[] = "a-person-with-a-rather-long-name@a-host-with-a-long-name";
	assert_int_equal(fake_lend(s.node[0], "kim@ops1", 0), 200);
	assert_int_equal(fake_lend(s.node[0], holder, 30000), 200);
	pass(1200);
	for (int w = 40; w <= 250; w++) {
		console_resize(c, w, 24);
		const char *at = screen();
		for (int row = 0; row < 2; row++)
			at = strchr(at, '\n') + 1;
		char line[400];
		snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
		if (!strstr(line, "leave: NOBODY WATCHES") || !strstr(line, "guard: console"))
			fail_msg("%d columns: %s", w, line);
	}
}

/* ---- text meant for another window ---- */

static uint64_t draw(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Whatever is typed in one case, with Enter and Tab and pauses between, without `:`, sends no
 * more than a hold. */
static void text_of_one_case_never_moves_a_share(void **state)
{
	(void)state;
	static const char *const words[] = {"SHARD", "RUDY", "HURRY", "YARDS", "SURELY",
		"shard rudy", "hurry yards", "RY", "SY", "ry", "sy", "uy", "UY", "RH", "RHY", "S\tY",
		"SRUHAY", "RG", "RGY", "rg", "gy", "grudgy", "R\tG"};
	at_one_percent();
	struct fake *f = s.node[0];
	f->got_count = 0;
	uint64_t seed = 20251121;
	for (int round = 0; round < 150; round++) {
		bool upper = draw(&seed) % 2;
		char text[24];
		size_t n = 1 + draw(&seed) % 16;
		for (size_t i = 0; i < n; i++)
			text[i] = (char)((upper ? 'A' : 'a') + (char)(draw(&seed) % 26));
		text[n] = 0;
		/* Half of it from the letters that mean something. */
		for (size_t i = 0; i < n; i++)
			if (draw(&seed) % 2)
				text[i] = (upper ? "SRHUAYG" : "srhuayg")[draw(&seed) % 7];
		const char *typed = round < (int)(sizeof words / sizeof *words) ? words[round] : text;
		for (const char *at = typed; *at; at++) {
			uint64_t what = draw(&seed) % 12;
			key(*at == '\t' ? KEYS_TAB : (unsigned char)*at);
			settle();
			if (what == 0)
				key(KEYS_ENTER);
			else if (what == 1)
				key(KEYS_TAB);
			else if (what == 2)
				key(' ');
			/* From faster than the eye to a thoughtful pause. */
			if (what % 3 == 0)
				pass((int64_t)(draw(&seed) % 4) * 500);
		}
		settle();
		for (int i = 0; i < f->got_count; i++)
			if (f->got[i].verb != VERB_HOLD)
				fail_msg(
					"round %d: \"%s\" sent a %s", round, typed, verb_row(f->got[i].verb)->word);
		f->got_count = 0;
		/* Leaving may be what lower case does; here it stays. */
		if (console_left(c)) {
			console_free(c);
			open_console(false);
		}
		/* What is left open is another text's affair: that may be of the other case. */
		for (int i = 0; i < 3; i++)
			key(KEYS_ESC);
	}
	assert_int_equal(fake_share_bp(f), 100);
	assert_int_equal(fake_epoch(f), 1);
}

#define KEYS(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		KEYS(s_shows_a_sheet_and_y_steps),
		KEYS(y_is_seen_at_every_width),
		KEYS(y_counts_only_after_a_look),
		KEYS(only_lower_case_y_accepts),
		KEYS(enter_presses_what_is_highlighted_first_cancel),
		KEYS(esc_always_gets_out_and_does_nothing),
		KEYS(a_held_or_pasted_key_acts_once_or_never),
		KEYS(r_rolls_back_whatever_it_looks_like),
		KEYS(h_holds_at_once_and_u_resumes),
		KEYS(h_in_a_rollback_holds_instead),
		KEYS(a_writes_a_note),
		KEYS(a_reason_goes_into_the_record),
		KEYS(another_share_is_judged_anew),
		KEYS(a_sheet_that_is_no_longer_true_can_only_be_closed),
		KEYS(a_locked_step_says_why_and_y_does_nothing),
		KEYS(without_a_plan_s_asks_for_a_share),
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
		KEYS(commands_are_typed),
		KEYS(a_console_that_only_looks_says_why),
		KEYS(several_pools_are_gone_through),
		KEYS(every_act_is_typed),
		KEYS(a_lease_is_taken),
		KEYS(adopting_takes_a_reason_and_the_name),
		KEYS(a_word_typed_before_the_past_is_read_opens_its_sheet),
		KEYS(what_went_back_is_resumed),
		KEYS(s_completes_what_is_partial),
		KEYS(s_puts_back_what_a_restart_lost),
		KEYS(a_gradual_rollback_can_be_held_and_hurried),
		KEYS(what_is_not_recorded_says_so),
		KEYS(s_says_why_where_nodes_differ),
		KEYS(row_three_always_says_what_if),
		KEYS(text_of_one_case_never_moves_a_share),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
