/* Owner: who acts on a guard, and the line that a recorder writes of itself. */
#include "model/owner.h"

#include "model/text.h"
#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define NOW_MS 1700000000000

static void test_one_owner(void **state)
{
	(void)state;
	static const struct {
		bool plan, pool, held, mine, console;
		int64_t age_ms;
		enum guard_owner owner;
	} rows[] = {
		{false, true, true, false, true, 0, OWNER_NONE},
		{true, true, true, false, true, 0, OWNER_POOL},
		{true, false, true, false, true, 0, OWNER_RECORD},
		{true, false, true, false, true, 2000, OWNER_RECORD},
		{true, false, true, false, true, 2001, OWNER_CONSOLE},
		{true, false, true, false, false, 2001, OWNER_NONE},
		{true, false, true, false, true, -2000, OWNER_RECORD},
		{true, false, true, false, true, -2001, OWNER_CONSOLE}, /* its clock is another */
		{true, false, true, true, true, 60000, OWNER_RECORD},   /* one's own is no news */
		{true, false, false, false, true, 0, OWNER_CONSOLE},    /* the line of one that died */
		{true, false, false, false, false, 0, OWNER_NONE},
	};
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
		struct owner_line l = {.held = rows[k].held,
			.mine = rows[k].mine,
			.written_wall_ms = NOW_MS - rows[k].age_ms};
		assert_int_equal(
			owner_of(rows[k].plan, rows[k].pool, &l, NOW_MS, 1000, rows[k].console),
			rows[k].owner);
	}
	/* However fast it polls, it writes a few times a second at most. */
	struct owner_line l = {.held = true, .written_wall_ms = NOW_MS - 1000};
	assert_int_equal(owner_of(true, false, &l, NOW_MS, 100, false), OWNER_RECORD);
	l.written_wall_ms--;
	assert_int_equal(owner_of(true, false, &l, NOW_MS, 100, false), OWNER_NONE);
}

static void test_lines_read_back(void **state)
{
	(void)state;
	struct owner_line in = {.state = GUARD_RED,
		.written_wall_ms = NOW_MS,
		.actor = "kim ops@host",
		.word = "errors 9 % of 5 %"};
	struct owner_line out;
	char line[OWNER_LINE_MAX];
	owner_line_write(line, &in);
	assert_string_equal(line, "weir 1 RED 1700000000000 kim_ops@host errors 9 % of 5 %");
	assert_true(owner_line_read(&out, line));
	assert_int_equal(out.state, GUARD_RED);
	assert_true(out.written_wall_ms == NOW_MS);
	assert_string_equal(out.actor, "kim_ops@host");
	assert_string_equal(out.word, in.word);
	assert_false(out.held || out.mine);
	in.actor[0] = in.word[0] = 0;
	owner_line_write(line, &in);
	assert_true(owner_line_read(&out, line));
	assert_string_equal(out.actor, "");
	assert_string_equal(out.word, "");
}

static void test_lines_that_are_none(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "weir", "weir 2 RED 1 kim x", "weir 1 ", "weir 1 RED",
		"weir 1 RED 1", "weir 1 RED 1 ", "weir 1 red 1 kim", "weir 1 RED x kim",
		"weir 1 RED -1 kim", "weir 1  1 kim", "weir 1 RED 99999999999999999999 kim",
		"weir 1 VERYLONGSTATEWORD 1 kim", "pid 812"};
	struct owner_line out;
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		assert_false(owner_line_read(&out, bad[k]));
	char line[OWNER_LINE_MAX] = "weir 1 RED 1 ";
	memset(line + strlen(line), 'a', 97);
	assert_false(owner_line_read(&out, line));
}

/* The lock's directory is shared: what another wrote there reaches no screen as it is. */
static void test_lines_tell_the_verdict(void **state)
{
	(void)state;
	for (int w = 0; w < VERDICT_COUNT; w++) {
		struct owner_line in = {.state = GUARD_AMBER,
			.verdict = (enum verdict_word)w,
			.written_wall_ms = NOW_MS,
			.actor = "kim@host",
			.word = "BAKING 10 %"};
		struct owner_line out;
		char line[OWNER_LINE_MAX];
		owner_line_write(line, &in);
		assert_true(owner_line_read(&out, line));
		assert_int_equal(out.verdict, w);
		assert_string_equal(out.word, in.word);
		/* beside an order */
		text_copy(in.order, sizeof in.order, "id-7");
		in.held_until_ms = NOW_MS + 5;
		owner_line_write(line, &in);
		assert_true(owner_line_read(&out, line));
		assert_int_equal(out.verdict, w);
		assert_string_equal(out.order, "id-7");
		assert_string_equal(out.word, in.word);
	}
	struct owner_line out;
	assert_true(owner_line_read(&out, "weir 1 RED 1 kim verdict=NO_DATA HELD at 10 %"));
	assert_int_equal(out.verdict, VERDICT_NO_DATA);
	assert_string_equal(out.word, "HELD at 10 %");
	/* one from before there was a judge */
	assert_true(owner_line_read(&out, "weir 1 RED 1 kim HELD at 10 %"));
	assert_int_equal(out.verdict, VERDICT_NONE);
	static const char *const bad[] = {"verdict=", "verdict= x", "verdict=harm x", "verdict=- x",
		"verdict=NO__DATA x", "verdict=SAFER x", "verdict=AVERYLONGWORDTHATNOBODYSAYS x"};
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		char line[OWNER_LINE_MAX];
		snprintf(line, sizeof line, "weir 1 RED 1 kim %s", bad[k]);
		if (owner_line_read(&out, line))
			fail_msg("taken: %s", line);
	}
}

static void test_lines_are_cleaned(void **state)
{
	(void)state;
	struct owner_line out;
	uint64_t seed = 9;
	assert_true(owner_line_read(&out, "weir 1 GREEN 1 \x1b[2J word\r\x1b]0;x\a"));
	for (int run = 0; run < 2000; run++) {
		char line[OWNER_LINE_MAX] = "weir 1 GREEN 1 ";
		size_t len = strlen(line), more = (size_t)seeded_below(&seed, 300);
		for (size_t i = 0; i < more; i++)
			line[len + i] = (char)(1 + seeded_below(&seed, 255));
		line[len + more] = 0;
		if (!owner_line_read(&out, line))
			continue;
		assert_true(text_valid(out.actor, strlen(out.actor)));
		assert_true(text_valid(out.word, strlen(out.word)));
		for (const char *c = out.word; *c; c++)
			assert_true((unsigned char)*c >= ' ');
		for (const char *c = out.actor; *c; c++)
			assert_true((unsigned char)*c >= ' ');
	}
}

/* What it obeys stands between who it is and its word; older lines have none. */
static void test_lines_tell_what_is_obeyed(void **state)
{
	(void)state;
	struct owner_line in = {.state = GUARD_GREEN,
		.written_wall_ms = NOW_MS,
		.actor = "rec@ops1",
		.order = "01a20153-8437-73f1-8ac9-600eb5e43a80",
		.held_until_ms = NOW_MS + 60000,
		.word = "BAKING at 1 %"};
	struct owner_line out;
	char line[OWNER_LINE_MAX];
	owner_line_write(line, &in);
	assert_string_equal(line,
		"weir 1 GREEN 1700000000000 rec@ops1 "
		"order=1700000060000:01a20153-8437-73f1-8ac9-600eb5e43a80 BAKING at 1 %");
	assert_true(owner_line_read(&out, line));
	assert_string_equal(out.order, in.order);
	assert_true(out.held_until_ms == in.held_until_ms);
	assert_string_equal(out.word, in.word);
	static const char *const bad[] = {"order=", "order= x", "order=1", "order=1:", "order=:a",
		"order=-1:a", "order=x:a", "order=1:a/b", "order=1:\x1b[2J",
		"order=99999999999999999999:a"};
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		snprintf(line, sizeof line, "weir 1 GREEN 1 rec %s", bad[k]);
		assert_false(owner_line_read(&out, line));
	}
}

#define HOLDS "{\"guard\":\"GREEN\",\"act\":\"hold\",\"for_ms\":60000,\"owner\":\"record\"}"
#define ACTS "{\"act\":\"rollback\",\"for_ms\":0,\"owner\":\"console\"}"

static struct decision order(const char *id, const char *evidence)
{
	struct decision d = {.verb = VERB_GUARD, .at_ms = NOW_MS};
	text_copy(d.id, sizeof d.id, id);
	text_copy(d.evidence, sizeof d.evidence, evidence);
	return d;
}

static void test_orders_are_read(void **state)
{
	(void)state;
	struct owner_order o;
	struct decision d = order("a", HOLDS);
	assert_true(owner_order_read(&o, &d));
	assert_string_equal(o.id, "a");
	assert_true(o.at_ms == NOW_MS && o.for_ms == 60000);
	d = order("b", ACTS);
	assert_true(owner_order_read(&o, &d));
	assert_true(o.for_ms == 0);
	d.observed = true;
	assert_false(owner_order_read(&o, &d));
	d = order("c", HOLDS);
	d.verb = VERB_HOLD;
	assert_false(owner_order_read(&o, &d));
	static const char *const bad[] = {"", "{}",
		"{\"act\":\"hold\",\"for_ms\":60000,\"owner\":\"pool\"}",
		"{\"act\":\"hold\",\"for_ms\":60000}", "{\"act\":\"hold\",\"owner\":\"record\"}",
		"{\"act\":\"warn\",\"for_ms\":0,\"owner\":\"record\"}",
		"{\"act\":\"hold\",\"for_ms\":0,\"owner\":\"record\"}",
		"{\"act\":\"hold\",\"for_ms\":-5,\"owner\":\"record\"}",
		"{\"act\":\"hold\",\"for_ms\":null,\"owner\":\"record\"}",
		"{\"act\":\"hold\",\"for_ms\":14400001,\"owner\":\"record\"}",
		"{\"act\":\"hold\",\"for_ms\":999999999999999999999999,\"owner\":\"record\"}",
		/* inside of a text */
		"{\"text\":\"\\\"act\\\":\\\"hold\\\",\\\"owner\\\":\\\"record\\\"\",\"for_ms\":1}"};
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		d = order("d", bad[k]);
		assert_false(owner_order_read(&o, &d));
	}
}

static void test_the_newest_order_counts(void **state)
{
	(void)state;
	struct owner_order o;
	struct decision list[4] = {
		order("a", HOLDS), order("b", ACTS), order("c", HOLDS), order("d", "{}")};
	assert_false(owner_order_find(&o, list, 0));
	assert_false(owner_order_find(&o, list + 3, 1));
	assert_true(owner_order_find(&o, list, 4));
	assert_string_equal(o.id, "c");
	/* Not one that was refused, or never heard. */
	list[2].outcome = OUTCOME_NOT_SENT;
	assert_true(owner_order_find(&o, list, 4));
	assert_string_equal(o.id, "b");
	list[1].outcome = OUTCOME_APPLIED;
	assert_true(owner_order_find(&o, list, 4));
	assert_string_equal(o.id, "b");
	/* A wall clock that was set back between them turns nothing round. */
	list[0].seq = 9;
	list[1].seq = 8;
	assert_true(owner_order_find(&o, list, 4));
	assert_string_equal(o.id, "a");
}

static void test_words(void **state)
{
	(void)state;
	for (int o = 0; o < OWNER_COUNT; o++)
		assert_true(owner_name((enum guard_owner)o)[0]);
	assert_string_equal(owner_name(OWNER_RECORD), "record");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_owner),
		cmocka_unit_test(test_lines_read_back),
		cmocka_unit_test(test_lines_that_are_none),
		cmocka_unit_test(test_lines_tell_the_verdict),
		cmocka_unit_test(test_lines_are_cleaned),
		cmocka_unit_test(test_lines_tell_what_is_obeyed),
		cmocka_unit_test(test_orders_are_read),
		cmocka_unit_test(test_the_newest_order_counts),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
