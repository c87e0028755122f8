/* Words to requests: what is typed after `:` or on the command line, good and bad. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/site.h"
#include "tui/ask.h"

#include <stdio.h>
#include <string.h>

static struct site s;
static struct desk *d;

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

static struct act_request asked;
static struct err err;

static int ask(const char *word, const char *words, const struct pool *p)
{
	asked = (struct act_request){.pool = 7, .reason = "day 4"};
	err = (struct err){0};
	int status = ask_read(&asked, word, words, p, &err);
	/* The rest of the request stays. */
	assert_int_equal(asked.pool, 7);
	assert_string_equal(asked.reason, "day 4");
	assert_int_equal(status == 0, err.code == ERR_NONE);
	return status;
}

static void reads(const char *word, const char *words, const struct pool *p)
{
	if (ask(word, words, p) < 0)
		fail_msg("%s \"%s\": %s", word, words, err.text);
}

static void refuses(
	const char *word, const char *words, const struct pool *p, enum err_code code)
{
	if (ask(word, words, p) == 0)
		fail_msg("%s \"%s\" is read", word, words);
	assert_int_equal(err.code, code);
	assert_string_not_equal(err.text, "");
}

static void every_word_is_a_verb(void **state)
{
	(void)state;
	for (int v = 0; v < VERB_COUNT; v++)
		assert_int_equal(ask_verb(verb_row((enum verb)v)->word), v);
	assert_int_equal(ask_verb("strategy"), VERB_STEP);
	static const char *const none[] = {"", "Step", "step ", "strateg", "undo", "quit", "help"};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_int_equal(ask_verb(none[i]), VERB_COUNT);
}

static void a_step_is_a_share(void **state)
{
	(void)state;
	static const struct {
		const char *words;
		int to_bp;
	} good[] = {
		{"25%", 2500}, {"0.5%", 50}, {"100bp", 100}, {"0%", 0}, {"100%", 10000}, {"next", 100}};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		reads("step", good[i].words, site_pool(d));
		assert_int_equal(asked.verb, VERB_STEP);
		assert_int_equal(asked.to_bp, good[i].to_bp);
		assert_false(asked.has_strategy);
	}
	static const char *const bad[] = {"", "25", "%", "101%", "-1%", "Next", "next ", "10% 20%",
		"ten", "nan%", "1e1%", "10001bp", "0.001%",
		"\xe2\x80\xae"
		"1%"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		refuses("step", bad[i], site_pool(d), ERR_USAGE);
		refuses("step", bad[i], NULL, ERR_USAGE);
	}
	/* Without a pool the form alone; at the last share, or without a plan, there is no next. */
	reads("step", "next", NULL);
	struct pool last = *site_pool(d);
	last.standing.next_bp = -1;
	refuses("step", "next", &last, ERR_NEXT);
	assert_non_null(strstr(err.text, "checkout"));
}

static void a_strategy_is_a_step(void **state)
{
	(void)state;
	site_step(&s, d, 100);
	for (int k = 0; k < STRATEGY_COUNT; k++) {
		enum strategy strategy = (enum strategy)k;
		int implied_bp = strategy_share_bp(strategy);
		reads("strategy", strategy_name(strategy), site_pool(d));
		assert_int_equal(asked.verb, VERB_STEP);
		assert_true(asked.has_strategy);
		assert_int_equal(asked.strategy, strategy);
		/* One that implies no share leaves it as it stands. */
		assert_int_equal(asked.to_bp, implied_bp >= 0 ? implied_bp : 100);
		reads("strategy", strategy_name(strategy), NULL);
		assert_int_equal(asked.to_bp, implied_bp);
	}
	static const char *const bad[] = {
		"", "Canary", "canary ", "blue_green", "25%", "canary 5%"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		refuses("strategy", bad[i], site_pool(d), ERR_USAGE);
		/* All that can be written are named. */
		for (int k = 0; k < STRATEGY_COUNT; k++)
			assert_non_null(strstr(err.text, strategy_name((enum strategy)k)));
	}
}

static bool has(const char *name)
{
	for (int i = 0; i < asked.operations.count; i++)
		if (strcmp(asked.operations.name[i], name) == 0)
			return true;
	return false;
}

static void operations_are_added_and_dropped(void **state)
{
	(void)state;
	struct pool p = *site_pool(d);
	struct node node = p.nodes[0];
	struct snapshot last = *node.last;
	p.nodes = &node;
	node.last = &last;
	/* v2 gets all: those that the pool was ever asked for are known. */
	assert_false(last.operations.limited);
	reads("operations", "-train", &p);
	assert_int_equal(asked.verb, VERB_OPERATIONS);
	assert_true(asked.operations.limited);
	assert_int_equal(asked.operations.count, 2);
	assert_true(has("predict") && has("encode") && !has("train"));
	assert_false(asked.widens);
	reads("operations", "+train", &p); /* it gets it already */
	assert_false(asked.widens);
	assert_int_equal(asked.operations.count, 3);
	refuses("operations", "-pay", &p, ERR_USAGE);
	/* v2 gets some. */
	last.operations = (struct operation_set){.limited = true, .count = 1, .name = {"encode"}};
	reads("operations", "+predict", &p);
	assert_true(asked.widens);
	assert_true(has("predict") && has("encode") && asked.operations.count == 2);
	reads("operations", "+encode", &p);
	assert_false(asked.widens);
	reads("operations", "  +predict   -encode +pay:card ", &p);
	assert_true(asked.widens);
	assert_true(has("predict") && has("pay:card") && asked.operations.count == 2);
	reads("operations", "-encode", &p);
	assert_int_equal(asked.operations.count, 0);
	refuses("operations", "-encode -encode", &p, ERR_USAGE);
	refuses("operations", "-train", &p, ERR_USAGE); /* none that it gets */
	static const char *const bad[] = {"train", "+", "-", "+ train", "+a/b", "+tr\xc3\xa4in",
		"+train predict", "*train",
		"+0123456789012345678901234567890123456789012345678901234567890123456789"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		refuses("operations", bad[i], &p, ERR_USAGE);
		refuses("operations", bad[i], NULL, ERR_USAGE);
	}
	/* Without a pool the form alone. */
	reads("operations", "-anything +other", NULL);
}

/* More than a pool can have is cut, never written past the end. */
static void operations_are_bounded(void **state)
{
	(void)state;
	struct text many = {0};
	for (int i = 0; i < OPERATIONS_MAX + 40; i++)
		text_addf(&many, "+op%d ", i);
	reads("operations", text_str(&many), NULL);
	assert_int_equal(asked.operations.count, OPERATIONS_MAX);
	text_free(&many);
}

static void a_guard_holds_for_a_time_or_acts(void **state)
{
	(void)state;
	static const struct {
		const char *words;
		enum guard_action act;
		int64_t for_ms;
	} good[] = {{"hold", GUARD_ACTION_HOLD, 3600000}, {"hold 30m", GUARD_ACTION_HOLD, 1800000},
		{"hold 4h", GUARD_ACTION_HOLD, 14400000}, {"hold 1s", GUARD_ACTION_HOLD, 1000},
		{"act", GUARD_ACTION_ROLLBACK, 0}};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		reads("guard", good[i].words, NULL);
		assert_int_equal(asked.verb, VERB_GUARD);
		assert_int_equal(asked.act, good[i].act);
		assert_int_equal(asked.for_ms, good[i].for_ms);
	}
	static const char *const bad[] = {"", "off", "hold 5h", "hold 0s", "hold -1h", "hold x",
		"hold 1", "holds", "hold1h", "act now", "Act", "hold 99999999999999999999h"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuses("guard", bad[i], NULL, ERR_USAGE);
}

static void a_drain_names_workers(void **state)
{
	(void)state;
	reads("drain", "v2.0.3", NULL);
	assert_int_equal(asked.verb, VERB_DRAIN);
	assert_true(asked.drains);
	assert_string_equal(asked.node, "");
	assert_int_equal(asked.drain.arm, ARM_V2);
	assert_int_equal(asked.drain.worker, 3);
	reads("drain", "n1/v1  off", NULL);
	assert_false(asked.drains);
	assert_string_equal(asked.node, "n1");
	assert_int_equal(asked.drain.arm, ARM_V1);
	assert_int_equal(asked.drain.segment, -1);
	reads("drain", "n1/r2.7 off", NULL);
	assert_false(asked.drains);
	assert_true(asked.drain.residents);
	assert_string_equal(asked.node, "n1");
	assert_int_equal(asked.drain.node, 2);
	assert_int_equal(asked.drain.segment, 7);
	static const char *const bad[] = {"", "off", "v3", "r", "r0.1.2", "r0.x", "/r0", "v2 on",
		"v2 off off", "/v2", "n1/", "n1/n2/v2", "../v2", "v2.0.3x", "n 1/v2",
		"0123456789012345678901234567890123456789012345678901234567890123456789/v2",
		"0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789/v2"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuses("drain", bad[i], NULL, ERR_USAGE);
}

static void arm_may_name_a_baseline(void **state)
{
	(void)state;
	reads("arm", "", NULL);
	assert_int_equal(asked.verb, VERB_ARM);
	assert_false(asked.has_baseline);
	reads("arm", "10%", NULL);
	assert_true(asked.has_baseline);
	assert_int_equal(asked.baseline_bp, 1000);
	static const char *const bad[] = {"10", "x", "101%", "10% 0%"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuses("arm", bad[i], NULL, ERR_USAGE);
}

static void close_names_a_decision(void **state)
{
	(void)state;
	reads("close", "019a-0b1c", NULL);
	assert_int_equal(asked.verb, VERB_CLOSE);
	assert_string_equal(asked.of, "019a-0b1c");
	static const char *const bad[] = {"", "a b", "../x", "-1", "\033[2J",
		"0123456789012345678901234567890123456789012345678901234567890123456789"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuses("close", bad[i], NULL, ERR_USAGE);
}

static void the_rest_takes_nothing(void **state)
{
	(void)state;
	static const enum verb bare[] = {
		VERB_KEEP, VERB_TAKE, VERB_DISARM, VERB_ADOPT, VERB_FINALIZE, VERB_RESUME,
		VERB_ROLLBACK};
	for (size_t i = 0; i < sizeof bare / sizeof *bare; i++) {
		const char *word = verb_row(bare[i])->word;
		reads(word, "", site_pool(d));
		assert_int_equal(asked.verb, bare[i]);
		assert_int_equal(asked.to_bp, -1);
		refuses(word, "checkout", site_pool(d), ERR_USAGE);
		refuses(word, "10%", NULL, ERR_USAGE);
	}
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_is_a_verb),
		WITH(a_step_is_a_share),
		WITH(a_strategy_is_a_step),
		WITH(operations_are_added_and_dropped),
		cmocka_unit_test(operations_are_bounded),
		cmocka_unit_test(a_guard_holds_for_a_time_or_acts),
		cmocka_unit_test(arm_may_name_a_baseline),
		cmocka_unit_test(a_drain_names_workers),
		cmocka_unit_test(close_names_a_decision),
		WITH(the_rest_takes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
