/* A dialog as state: what each key does to each kind, when y counts, what is typed into it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/site.h"
#include "tui/sheet.h"
#include "tui/term.h"

#include <string.h>

static struct site s;
static struct desk *d;
static struct sheet sheet;

static int sit_down(void **state)
{
	(void)state;
	const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};
	site_init(&s, 1, 5);
	d = site_open(&s, &kim);
	site_run(&s, 3000);
	return 0;
}

static int leave(void **state)
{
	(void)state;
	site_release(&s);
	return 0;
}

static struct instant later(int64_t ms)
{
	return (struct instant){s.now.boot_ms + ms, s.now.wall_ms + ms};
}

static void open_verb(enum verb verb)
{
	const struct act_request what = {.verb = verb, .to_bp = -1};
	sheet_open_act(&sheet, &what, desk_model(d), s.now);
}

static void open_kind(enum sheet_kind kind)
{
	if (kind == SHEET_ACT)
		open_verb(VERB_TAKE);
	else if (kind == SHEET_SEVERAL)
		sheet_open_several(&sheet, 0, 3, desk_model(d), s.now);
	else
		sheet_open(&sheet, kind, 0, desk_model(d), 100, s.now);
}

static enum sheet_answer press(uint32_t key, int64_t at_ms)
{
	return sheet_key(&sheet, key, desk_model(d), later(at_ms));
}

static void every_kind_answers_every_key(void **state)
{
	(void)state;
	static const struct {
		uint32_t key;
		enum sheet_answer step, rollback, resume, act, several, leave;
	} rows[] = {
		{'y', SHEET_ACCEPTED, SHEET_ACCEPTED, SHEET_ACCEPTED, SHEET_ACCEPTED, SHEET_STAYS,
			SHEET_ACCEPTED},
		{'Y', SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED,
			SHEET_CLOSED},
		{KEYS_ESC, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED,
			SHEET_CLOSED},
		{KEYS_ENTER, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED,
			SHEET_CLOSED},
		{KEYS_TAB, SHEET_STAYS, SHEET_STAYS, SHEET_STAYS, SHEET_STAYS, SHEET_STAYS,
			SHEET_STAYS},
		{KEYS_LEFT, SHEET_STAYS, SHEET_STAYS, SHEET_STAYS, SHEET_STAYS, SHEET_STAYS,
			SHEET_STAYS},
		{'m', SHEET_STAYS, SHEET_STAYS, SHEET_STAYS, SHEET_STAYS, SHEET_STAYS, SHEET_CLOSED},
		{'o', SHEET_STAYS, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED,
			SHEET_CLOSED},
		{'?', SHEET_STAYS, SHEET_CLOSED, SHEET_STAYS, SHEET_STAYS, SHEET_CLOSED, SHEET_CLOSED},
		{'g', SHEET_CLOSED, SHEET_ACCEPTED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED,
			SHEET_CLOSED},
		{'G', SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED,
			SHEET_CLOSED},
		{'H', SHEET_CLOSED, SHEET_HOLD, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED},
		{'S', SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED,
			SHEET_CLOSED},
		{'R', SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED,
			SHEET_CLOSED},
		{' ', SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED,
			SHEET_CLOSED},
		{0x1F600, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED, SHEET_CLOSED,
			SHEET_CLOSED},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const enum sheet_answer answers[SHEET_COUNT] = {[SHEET_STEP] = rows[i].step,
			[SHEET_ROLLBACK] = rows[i].rollback,
			[SHEET_RESUME] = rows[i].resume,
			[SHEET_ACT] = rows[i].act,
			[SHEET_SEVERAL] = rows[i].several,
			[SHEET_LEAVE] = rows[i].leave};
		for (enum sheet_kind k = SHEET_STEP; k < SHEET_COUNT; k++) {
			open_kind(k);
			if (press(rows[i].key, 2000) != answers[k])
				fail_msg("%s, key %#x", sheet_word(k), (unsigned)rows[i].key);
		}
	}
}

static void y_counts_when_it_has_stood_and_been_quiet(void **state)
{
	(void)state;
	static const int64_t stand_ms[SHEET_COUNT] = {0, 1000, 300, 1000, 1000, 300, 300};
	for (enum sheet_kind k = SHEET_STEP; k < SHEET_COUNT; k++) {
		open_kind(k);
		assert_false(sheet_may_accept(&sheet, later(stand_ms[k] - 1)));
		assert_true(sheet_may_accept(&sheet, later(stand_ms[k])));
		assert_int_equal(press('y', stand_ms[k] - 1), SHEET_STAYS);
		assert_int_equal(
			press('y', stand_ms[k] - 1 + 299), SHEET_STAYS); /* a key came just before */
		assert_int_equal(press(KEYS_TAB, 3000), SHEET_STAYS);
		assert_int_equal(press(KEYS_ENTER, 3299), SHEET_STAYS);
		assert_int_equal(
			press(KEYS_ENTER, 3599), k == SHEET_SEVERAL ? SHEET_STAYS : SHEET_ACCEPTED);
	}
}

/* y asks how many they are; only their number accepts, and neither a name nor another one. */
static void several_are_accepted_by_their_number(void **state)
{
	(void)state;
	static const struct {
		const char *typed;
		enum sheet_answer answer;
	} rows[] = {{"3", SHEET_ACCEPTED}, {"2", SHEET_STAYS}, {"", SHEET_STAYS},
		{"03", SHEET_STAYS}, {"checkout", SHEET_STAYS}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		open_kind(SHEET_SEVERAL);
		assert_int_equal(press('y', 2000), SHEET_STAYS);
		assert_int_equal(sheet.typing, TYPING_COUNT);
		for (const char *c = rows[i].typed; *c; c++)
			assert_int_equal(press((unsigned char)*c, 2100), SHEET_STAYS);
		assert_int_equal(press(KEYS_ENTER, 2200), rows[i].answer);
	}
}

static void what_is_typed_is_text(void **state)
{
	(void)state;
	open_kind(SHEET_STEP);
	press('m', 100);
	assert_int_equal(sheet.typing, TYPING_REASON);
	static const char typed[] = "y SHRUYq:?";
	for (size_t i = 0; i < sizeof typed - 1; i++)
		assert_int_equal(press((unsigned char)typed[i], 2000 + (int64_t)i * 500), SHEET_STAYS);
	assert_int_equal(press(KEYS_ENTER, 9000), SHEET_STAYS);
	assert_string_equal(sheet.reason.text, typed);
	assert_int_equal(sheet.typing, TYPING_NONE);
	/* Again: what stood there is there; Esc leaves it as it was, and the sheet open. */
	press('m', 9500);
	press('x', 9600);
	assert_int_equal(press(KEYS_ESC, 9700), SHEET_STAYS);
	assert_string_equal(sheet.reason.text, typed);
	/* The Enter that ended the typing came just before. */
	press('m', 10000);
	press(KEYS_ENTER, 10100);
	assert_int_equal(press('y', 10200), SHEET_STAYS);
	assert_int_equal(press('y', 10600), SHEET_ACCEPTED);
}

static void another_share_stands_anew(void **state)
{
	(void)state;
	open_kind(SHEET_STEP);
	assert_true(sheet.interlock.allowed);
	static const char *const bad[] = {"10", "x", "", "101%", "-1%"};
	for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
		press('o', 2000);
		for (const char *at = bad[b]; *at; at++)
			press((unsigned char)*at, 2000);
		press(KEYS_ENTER, 2000);
		assert_string_not_equal(sheet.complaint, "");
		assert_int_equal(sheet.to_bp, 100);
	}
	press('o', 3000);
	for (const char *at = "50%"; *at; at++)
		press((unsigned char)*at, 3000);
	press(KEYS_ENTER, 3000);
	assert_string_equal(sheet.complaint, "");
	assert_int_equal(sheet.to_bp, 5000);
	assert_false(sheet.interlock.allowed); /* not the plan's next */
	assert_int_equal(press('y', 9000), SHEET_STAYS);
	press('o', 10000);
	for (const char *at = "1%"; *at; at++)
		press((unsigned char)*at, 10000);
	press(KEYS_ENTER, 10000);
	assert_int_equal(press('y', 10999), SHEET_STAYS); /* a new look is asked for */
	assert_int_equal(press('y', 11500), SHEET_ACCEPTED);
}

static void type_in(const char *text, int64_t at_ms)
{
	for (; *text; text++)
		press((unsigned char)*text, at_ms);
}

/* b is there when nothing but what it relaxes is in the way; then a reason and the name. */
static void b_breaks_the_glass_with_a_reason_and_the_name(void **state)
{
	(void)state;
	open_kind(SHEET_STEP);
	assert_true(sheet.interlock.allowed);
	assert_int_equal(press('b', 2000), SHEET_CLOSED); /* no glass */
	assert_int_equal(fake_act(s.node[0], "ana@ops2", "k-1", VERB_HOLD, 0, "lunch"), 200);
	site_run(&s, 2000);
	open_kind(SHEET_STEP);
	assert_int_equal(sheet.interlock.failing, 1u << PREDICATE_FROZEN);
	assert_true(sheet_may_force(&sheet));
	assert_int_equal(press('y', 2000), SHEET_STAYS);
	sheet.looks = true;
	assert_int_equal(press('b', 2000), SHEET_CLOSED);
	sheet.looks = false;
	press('?', 2000);
	assert_int_equal(press('b', 3000), SHEET_STAYS);
	assert_int_equal(sheet.request.forced, 1u << PREDICATE_FROZEN);
	assert_true(sheet.interlock.allowed && sheet_is_grave(&sheet) && sheet.reason_asked);
	assert_int_equal(sheet.typing, TYPING_REASON);
	press(KEYS_ESC, 3000);
	assert_int_equal(press('y', 4500), SHEET_STAYS);
	assert_non_null(strstr(sheet.complaint, "it asks for a reason"));
	press('m', 4600);
	type_in("they wait", 4700);
	press(KEYS_ENTER, 4800);
	assert_int_equal(press('y', 5000), SHEET_STAYS); /* too soon behind a key */
	assert_int_equal(sheet.typing, TYPING_NONE);
	assert_int_equal(press('y', 5500), SHEET_STAYS);
	assert_int_equal(sheet.typing, TYPING_NAME);
	type_in("checkin", 5600);
	assert_int_equal(press(KEYS_ENTER, 6000), SHEET_STAYS);
	assert_int_equal(press('y', 6500), SHEET_STAYS);
	type_in("checkout", 6600);
	assert_int_equal(press(KEYS_ENTER, 7000), SHEET_ACCEPTED);
	assert_string_equal(sheet.request.reason, "they wait");
	/* another share is another look: nothing of it is forced */
	open_kind(SHEET_STEP);
	press('b', 2000);
	press(KEYS_ESC, 2000);
	press('o', 2100);
	type_in("50%", 2200);
	press(KEYS_ENTER, 2300);
	assert_int_equal(sheet.request.forced, 0);
	assert_false(sheet_may_force(&sheet)); /* not the plan's next: never */
	assert_int_equal(press('b', 3000), SHEET_CLOSED);
}

/* What was in the way is gone while the sheet is open: then it is a step like others. */
static void what_clears_by_itself_is_not_forced(void **state)
{
	(void)state;
	assert_int_equal(fake_act(s.node[0], "ana@ops2", "k-1", VERB_HOLD, 0, "lunch"), 200);
	site_run(&s, 2000);
	open_kind(SHEET_STEP);
	press('b', 2000);
	assert_true(sheet.request.forced);
	assert_int_equal(fake_act(s.node[0], "ana@ops2", "k-2", VERB_RESUME, 0, "back"), 200);
	site_run(&s, 2000);
	sheet_refresh(&sheet, desk_model(d), s.now);
	assert_int_equal(sheet.request.forced, 0);
	assert_true(sheet.interlock.allowed && !sheet_is_grave(&sheet));
}

/* A rollback and a resume are true whatever the share is. */
static void what_shows_a_share_turns_stale(void **state)
{
	(void)state;
	struct sheet sheets[SHEET_COUNT];
	for (enum sheet_kind k = SHEET_STEP; k < SHEET_COUNT; k++) {
		open_kind(k);
		sheets[k] = sheet;
	}
	assert_int_equal(fake_act(s.node[0], "ana@ops2", "k-1", VERB_STEP, 1000, "x"), 200);
	site_run(&s, 2000);
	for (enum sheet_kind k = SHEET_STEP; k < SHEET_COUNT; k++) {
		sheet_refresh(&sheets[k], desk_model(d), s.now);
		assert_int_equal(sheets[k].stale, k == SHEET_STEP || k == SHEET_ACT);
	}
	assert_non_null(strstr(sheets[SHEET_STEP].stale_why, "ana@ops2 moved it 0 > 10 %"));
	/* A rollback shows where it begins now. */
	assert_int_equal(sheets[SHEET_ROLLBACK].from_bp, 1000);
	/* It stays so, even when the share is back. */
	assert_int_equal(fake_act(s.node[0], "ana@ops2", "k-2", VERB_STEP, 0, "x"), 200);
	site_run(&s, 2000);
	sheet_refresh(&sheets[SHEET_STEP], desk_model(d), s.now);
	assert_true(sheets[SHEET_STEP].stale);
	assert_false(sheet_may_accept(&sheets[SHEET_STEP], s.now));
	sheet = sheets[SHEET_STEP];
	for (uint32_t key = 1; key < 0x80; key++)
		assert_int_equal(press(key, key * 1000), SHEET_STAYS);
	assert_int_equal(press(KEYS_ESC, 0), SHEET_CLOSED);
}

/* What is being typed when the world moves on is dropped with the sheet. */
static void typing_ends_when_it_turns_stale(void **state)
{
	(void)state;
	open_kind(SHEET_STEP);
	press('o', 100);
	press('5', 200);
	assert_int_equal(fake_act(s.node[0], "ana@ops2", "k-1", VERB_STEP, 1000, "x"), 200);
	site_run(&s, 2000);
	press('0', 0);
	assert_true(sheet.stale);
	assert_int_equal(sheet.typing, TYPING_NONE);
	assert_int_equal(press(KEYS_ENTER, 100), SHEET_STAYS);
	assert_int_equal(sheet.to_bp, 100);
}

static void a_lock_clears_while_it_stands(void **state)
{
	(void)state;
	s.node[0]->silent = true;
	site_run(&s, 5000);
	open_kind(SHEET_STEP);
	assert_false(sheet.interlock.allowed);
	assert_int_equal(press('y', 2000), SHEET_STAYS);
	s.node[0]->silent = false;
	site_run(&s, 40000);
	sheet_refresh(&sheet, desk_model(d), s.now);
	assert_true(sheet.interlock.allowed);
	assert_int_equal(press('y', 0), SHEET_ACCEPTED);
}

static void type(const char *text, int64_t at_ms)
{
	for (; *text; text++)
		assert_int_equal(press((unsigned char)*text, at_ms), SHEET_STAYS);
}

/* A slip of the hand may press y; it does not explain itself and write a name. */
static void a_grave_act_asks_for_reason_and_name(void **state)
{
	(void)state;
	open_verb(VERB_ADOPT);
	assert_true(sheet_is_grave(&sheet));
	assert_true(sheet.reason_asked);
	assert_int_equal(press('y', 2000), SHEET_STAYS);
	assert_int_equal(sheet.typing, TYPING_NONE);
	assert_non_null(strstr(sheet.complaint, "reason"));
	press('m', 3000);
	type("the console lost its history", 3000);
	press(KEYS_ENTER, 3000);
	assert_int_equal(press('y', 4000), SHEET_STAYS);
	assert_int_equal(sheet.typing, TYPING_NAME);
	static const char *const wrong[] = {"", "checkou", "Checkout", "checkout ", "y", "yes"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		type(wrong[i], 5000);
		assert_int_equal(press(KEYS_ENTER, 5000), SHEET_STAYS);
		assert_non_null(strstr(sheet.complaint, "is not its name"));
		assert_int_equal(sheet.typing, TYPING_NONE);
		assert_int_equal(press('y', 6000), SHEET_STAYS);
		assert_int_equal(sheet.typing, TYPING_NAME);
	}
	type("check", 7000);
	assert_int_equal(press(KEYS_ESC, 7000), SHEET_STAYS); /* out of the typing, then out */
	assert_int_equal(press('y', 8000), SHEET_STAYS);
	type("checkout", 9000);
	assert_int_equal(press(KEYS_ENTER, 9000), SHEET_ACCEPTED);
	assert_string_equal(sheet.request.reason, "the console lost its history");
}

/* Giving a rollback up is explained; it takes no name. */
static void closing_asks_for_a_reason(void **state)
{
	(void)state;
	open_verb(VERB_CLOSE);
	assert_false(sheet_is_grave(&sheet));
	assert_int_equal(press('y', 2000), SHEET_STAYS);
	assert_non_null(strstr(sheet.complaint, "reason"));
	press('m', 3000);
	type("node is gone", 3000);
	press(KEYS_ENTER, 3000);
	assert_int_equal(press('y', 4000), SHEET_ACCEPTED);
}

/* Where the policy asks for a reason, all that is gated does; a rollback never does. */
static void a_policy_may_ask_for_reasons(void **state)
{
	(void)state;
	site_release(&s);
	site_init(&s, 1, 5);
	s.plan.policy.reason = true;
	const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};
	d = site_open(&s, &kim);
	site_run(&s, 3000);
	static const bool asked[SHEET_COUNT] = {
		[SHEET_STEP] = true, [SHEET_RESUME] = true, [SHEET_ACT] = true};
	for (enum sheet_kind k = SHEET_STEP; k < SHEET_COUNT; k++) {
		open_kind(k);
		bool accepts = !asked[k] && k != SHEET_SEVERAL; /* that one asks for a number */
		assert_int_equal(press('y', 2000), accepts ? SHEET_ACCEPTED : SHEET_STAYS);
	}
}

static void g_goes_down_in_steps(void **state)
{
	(void)state;
	open_kind(SHEET_ROLLBACK);
	assert_int_equal(press('g', 299), SHEET_STAYS); /* too early, like y */
	assert_false(sheet.request.gradual);
	assert_int_equal(press('y', 1000), SHEET_ACCEPTED);
	assert_false(sheet.request.gradual);
	open_kind(SHEET_ROLLBACK);
	assert_int_equal(press('g', 1000), SHEET_ACCEPTED);
	assert_true(sheet.request.gradual);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(every_kind_answers_every_key),
		WITH(y_counts_when_it_has_stood_and_been_quiet),
		WITH(several_are_accepted_by_their_number),
		WITH(what_is_typed_is_text),
		WITH(another_share_stands_anew),
		WITH(b_breaks_the_glass_with_a_reason_and_the_name),
		WITH(what_clears_by_itself_is_not_forced),
		WITH(what_shows_a_share_turns_stale),
		WITH(typing_ends_when_it_turns_stale),
		WITH(a_lock_clears_while_it_stands),
		WITH(a_grave_act_asks_for_reason_and_name),
		WITH(closing_asks_for_a_reason),
		WITH(a_policy_may_ask_for_reasons),
		WITH(g_goes_down_in_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
