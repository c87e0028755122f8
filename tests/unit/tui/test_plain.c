/* A console in lines: what is said at first, after a key and by itself, and what is not said twice. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/site.h"
#include "tui/plain.h"

#include <math.h>
#include <string.h>

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};

static struct site s;
static struct desk *d;
static struct console *c;
static struct plain *p;
static struct text said;

static int sit_down(void **state)
{
	(void)state;
	site_init(&s, 1, 3);
	d = site_open(&s, &kim);
	struct console_options how = {.desk = d, .w = 100, .h = 40, .ascii = true};
	c = console_new(&how, s.now);
	p = plain_new();
	said = (struct text){0};
	return 0;
}

static int leave(void **state)
{
	(void)state;
	text_free(&said);
	plain_free(p);
	console_free(c);
	site_release(&s);
	return 0;
}

/* What is said while this passes. */
static const char *tell(bool keyed)
{
	plain_tell(p, c, &said, keyed, s.now);
	const char *text = text_str(&said);
	return text ? text : "";
}

static void hush(void)
{
	text_free(&said);
	said = (struct text){0};
}

static const char *pass(int64_t ms)
{
	for (; ms > 0; ms -= SITE_STEP_MS) {
		site_run(&s, SITE_STEP_MS);
		console_refresh(c, s.now);
		tell(false);
	}
	return text_str(&said);
}

static const char *press(uint32_t key)
{
	hush();
	console_key(c, key, s.now);
	return tell(true);
}

static void has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" is not said:\n%s", words, text);
}

static int times(const char *text, const char *words)
{
	int n = 0;
	for (const char *at = text; (at = strstr(at, words)); at++)
		n++;
	return n;
}

static void all_facts_at_first_and_changes_once(void **state)
{
	(void)state;
	tell(false);
	has(text_str(&said), "checkout  v1>v2   ARMED");
	has(text_str(&said), "trend      errors: v1 ");
	has(text_str(&said), "keys: ");
	assert_null(strstr(text_str(&said), "\033"));
	hush();
	/* nothing happens: nothing is said, whatever figures move */
	assert_string_equal(pass(3000), "");
	site_step(&s, d, 100);
	pass(5000);
	assert_int_equal(times(text_str(&said), "state: BAKING, v2 has 1 %"), 1);
	hush();
	pass(3000);
	assert_int_equal(times(text_str(&said), "state: "), 0);
}

static void a_sheet_is_said_as_its_rows(void **state)
{
	(void)state;
	pass(1000);
	const char *text = press('S');
	has(text, "STEP checkout 0 > 1 %");
	has(text, "way back");
	has(text, "[Esc cancel]");
	hush();
	has(pass(1500), "sheet: y counts now");
	assert_int_equal(times(text_str(&said), "y counts now"), 1);
	assert_null(strstr(text_str(&said), "STEP checkout"));
	int commands = s.node[0]->commands;
	assert_null(strstr(press(KEYS_ESC), "STEP checkout"));
	assert_int_equal(s.node[0]->commands, commands);
}

static void rollback_is_two_keys(void **state)
{
	(void)state;
	site_ready(&s, d, 100);
	pass(1000);
	has(press('R'), "ROLL BACK checkout 1 > 0 %");
	pass(500);
	hush();
	console_key(c, 'y', s.now);
	has(pass(4000), "message: rollback: VERIFIED");
	has(text_str(&said), "v2 has 0 %");
}

static void lists_say_what_is_selected(void **state)
{
	(void)state;
	pass(1000);
	has(press('3'), "selected ");
	const char *text = press('j');
	assert_int_equal(times(text, "selected "), 1);
	has(press('?'), "R  rollback");
	press(KEYS_ESC);
	assert_null(strstr(press('1'), "selected"));
}

static void what_is_typed_is_said_as_it_is_typed(void **state)
{
	(void)state;
	pass(1000);
	has(press(':'), ":");
	assert_string_equal(press('h'), "h");
	press('o');
	hush();
	/* nothing comes between while a line is typed */
	site_step(&s, d, 100);
	assert_string_equal(pass(3000), "");
	press('l');
	has(press(KEYS_TAB), "d");
	has(press(KEYS_ENTER), "\nstate: ");
}

static void trends_are_words(void **state)
{
	(void)state;
	double flat[] = {1, 1.1, 1, 0.9}, up[] = {0, 0, 1, 2}, down[] = {3, 3, NAN, 1},
		   none[] = {NAN, NAN, NAN, NAN}, half[] = {NAN, NAN, 1, 1}, zero[] = {0, 0, 0, 0};
	assert_string_equal(plain_trend(flat, 4), "flat");
	assert_string_equal(plain_trend(up, 4), "rising");
	assert_string_equal(plain_trend(down, 4), "falling");
	assert_string_equal(plain_trend(none, 4), "unknown");
	assert_string_equal(plain_trend(half, 4), "unknown");
	assert_string_equal(plain_trend(zero, 4), "flat");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(all_facts_at_first_and_changes_once),
		CASE(a_sheet_is_said_as_its_rows),
		CASE(rollback_is_two_keys),
		CASE(lists_say_what_is_selected),
		CASE(what_is_typed_is_said_as_it_is_typed),
		cmocka_unit_test(trends_are_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
