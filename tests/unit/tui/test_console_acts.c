/* The console by keystrokes on a virtual clock: what each acting key may do, and when it counts. */
#include "tests/unit/tui/console_bed.h"

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

/* Nobody finds an ask that is not recorded. */
static void an_ask_is_said_once_it_is_recorded(void **state)
{
	(void)state;
	s.plan.policy.approval_bp = 500;
	s.plan.approver_count = 1;
	memset(s.plan.approvers[0], 'a', 64);
	console_free(c);
	site_close(&s, d);
	d = site_open(&s, &kim);
	open_console(false);
	at_one_percent();
	command("ask 10%");
	shows("ask: recording");
	shows_not("weir approve checkout");
	settle();
	shows("asked; somebody else: weir approve checkout ");
	command("ask 10%");
	shows("asked; somebody else: weir approve checkout ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KEYS(an_ask_is_said_once_it_is_recorded),
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
