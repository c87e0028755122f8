/* What the judge has found, in words: numbers that nobody misreads, and what is not known is not
 * told as a number. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/site.h"
#include "tui/basis.h"
#include "tui/facts.h"
#include "tui/judge_words.h"

#include <math.h>
#include <string.h>

static struct site s;
static struct desk *d;

static int sit_down(void **state)
{
	(void)state;
	const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};
	site_init(&s, 1, 3);
	s.limits.action = GUARD_ACTION_WARN;
	d = site_open(&s, &kim);
	return 0;
}

static int leave(void **state)
{
	(void)state;
	site_release(&s);
	return 0;
}

/* ---- numbers ---- */

static void ratios_tell_what_is_ruled_out(void **state)
{
	(void)state;
	static const struct {
		struct ratio ratio;
		const char *words;
	} rows[] = {
		{{0.5, 0.94, 1.4}, "0.9x (0.5 to 1.4)"},
		{{0.5, 2.8, INFINITY}, "2.8x (over 0.5)"},
		{{0, 1.1, 2.44}, "1.1x (under 2.4)"},
		{{0, 2.8, INFINITY}, ""},
		{{0, NAN, INFINITY}, ""},
		{{12.2, 20, 31.9}, "20x (12 to 32)"},
		{{0, 0.01, 0.5}, "<0.1x (under 0.5)"},
		{{0.031, 1.2, INFINITY}, "1.2x (over 0.03)"},
		{{9, 33, INFINITY}, ">32x (over 9.0)"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[48];
		judge_words_ratio(text, sizeof text, &rows[i].ratio, "");
		assert_string_equal(text, rows[i].words);
	}
	char whose[48];
	judge_words_ratio(whose, sizeof whose, &rows[0].ratio, " v1's");
	assert_string_equal(whose, "0.9x v1's (0.5 to 1.4)");
}

static void times_to_come_are_told_as_people_do(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *words;
	} rows[] = {{UNKNOWN, "-"}, {0, "0 s"}, {1, "1 s"}, {52400, "53 s"}, {119000, "119 s"},
		{119001, "2 min"}, {43 * 60000, "43 min"}, {7199000, "120 min"}, {7200000, "2 h"},
		{INT64_C(48) * 3600000, "2 d"}, {INT64_C(365) * 86400000, "365 d"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[32];
		judge_words_time(text, sizeof text, rows[i].ms);
		assert_string_equal(text, rows[i].words);
	}
}

/* ---- sentences ---- */

static void has(const char *sentence, const char *part)
{
	if (!strstr(sentence, part))
		fail_msg("\"%s\" does not say \"%s\"", sentence, part);
}

static void before_any_v2_nothing_is_a_number(void **state)
{
	(void)state;
	struct judge_words w[JUDGE_PARTS];
	site_run(&s, 3000);
	const struct pool *p = site_pool(d);
	assert_int_equal(judge_words_all(w, p, JUDGE_FULL, JUDGE_FULL), 1);
	assert_string_equal(w[0].text, "NO DATA: no v2 traffic yet");
	assert_int_equal(w[0].role, ROLE_DIM); /* nobody has asked for it yet */
	judge_words_harm(&w[0], p, JUDGE_FULL);
	assert_string_equal(w[0].text, "-");
	judge_words_metric(&w[0], p, JUDGED_P50, JUDGE_FULL);
	assert_string_equal(w[0].text, "-"); /* not judged */
}

/* A v2 within its limit that is worse than v1 is told by the second. */
static void suspicion_is_louder_than_a_limit_kept(void **state)
{
	(void)state;
	struct judge_words w[JUDGE_PARTS];
	struct verdict v;
	s.node[0]->error_rate[ARM_V1] = 0.01;
	site_ready(&s, d, 100);
	site_ready(&s, d, 1000);
	s.node[0]->error_rate[ARM_V2] = 0.03;
	for (int i = 0; i < 3000 && site_standing(d)->guard.judge != GUARD_AMBER; i++)
		site_run(&s, 100);
	const struct pool *p = site_pool(d);
	judge_words_verdict(&v, p, JUDGED_ERRORS);
	assert_int_not_equal(v.word, VERDICT_HARM);
	assert_true(judge_words_suspects(p, JUDGED_ERRORS));
	assert_int_equal(judge_words_all(w, p, JUDGE_FULL, JUDGE_LEAST), 2);
	has(w[0].text, "errors look worse, ");
	has(w[0].text, "not proven yet");
	assert_int_equal(w[0].role, ROLE_WARN);
	assert_int_equal(strncmp(w[1].text, "p99 ", 4), 0);
}

static void harm_is_named_first_and_counted(void **state)
{
	(void)state;
	struct judge_words w[JUDGE_PARTS], harm;
	s.node[0]->error_rate[ARM_V1] = 0.01;
	site_ready(&s, d, 100);
	site_ready(&s, d, 1000);
	s.node[0]->error_rate[ARM_V2] = 0.2;
	for (int i = 0; i < 3000 && site_standing(d)->verdict.word != VERDICT_HARM; i++)
		site_run(&s, 100);
	const struct pool *p = site_pool(d);
	assert_int_equal(judge_words_all(w, p, JUDGE_FULL, JUDGE_LEAST), 2);
	has(w[0].text, "errors HARM");
	has(w[0].text, ", since 14:");
	assert_int_equal(w[0].role, ROLE_FAIL);
	judge_words_harm(&harm, p, JUDGE_FULL);
	has(harm.text, " requests beyond v1's rate");
	assert_int_equal(harm.role, ROLE_FAIL);
	assert_true(harm.text[0] >= '1' && harm.text[0] <= '9');
	struct text plain = {0}, line = {0};
	facts_plain(&plain, desk_model(d), p, s.now);
	has(text_str(&plain), "\nv2 / v1    errors HARM");
	has(text_str(&plain), "\nharm       ");
	facts_line(&line, p);
	has(text_str(&line), " %  HARM  LIVE");
	text_free(&plain);
	text_free(&line);
	char since[8];
	assert_false(judge_words_since(since, sizeof since, p));
}

/* Units that were too young when the share went back are in no sum: that is not none. */
static void what_failed_uncounted_is_unknown(void **state)
{
	(void)state;
	struct judge_words w;
	site_ready(&s, d, 100);
	site_run(&s, 3000);
	struct pool *p = (struct pool *)site_pool(d);
	judge_words_harm(&w, p, JUDGE_FULL);
	has(w.text, "none seen (none of ");
	p->latch = (struct guard_latch){.red = true, .metric = METRIC_ERRORS};
	judge_words_harm(&w, p, JUDGE_FULL);
	has(w.text, "unknown: what failed is not among the ");
	assert_int_equal(w.role, ROLE_WARN);
	judge_words_harm(&w, p, JUDGE_LEAST);
	assert_string_equal(w.text, "unknown");
	p->latch.metric = METRIC_MEMORY;
	judge_words_harm(&w, p, JUDGE_FULL);
	has(w.text, "none seen (none of ");
}

static void anothers_word_is_marked(void **state)
{
	(void)state;
	struct judge_words w[JUDGE_PARTS];
	site_ready(&s, d, 100);
	struct standing *st = (struct standing *)site_standing(d);
	st->judge_cited = true;
	st->judge_word = VERDICT_HARM;
	int n = judge_words_all(w, site_pool(d), JUDGE_SHORT, JUDGE_LEAST);
	assert_true(n >= 2);
	assert_string_equal(w[0].text, "HARM, says the pool");
	assert_int_equal(w[0].role, ROLE_FAIL);
	assert_int_equal(strncmp(w[1].text, "here ", 5), 0);
	st->owner = OWNER_RECORD;
	judge_words_all(w, site_pool(d), JUDGE_SHORT, JUDGE_LEAST);
	assert_string_equal(w[0].text, "HARM, says the recorder");
}

/* ---- forecasts ---- */

static void a_basis_is_what_is_known(void **state)
{
	(void)state;
	struct forecast_basis b;
	s.node[0]->error_rate[ARM_V1] = s.node[0]->error_rate[ARM_V2] = 0.02;
	site_ready(&s, d, 100);
	site_run(&s, 20000);
	basis_of(&b, site_pool(d));
	assert_true(b.units_per_second > 150 && b.units_per_second < 250);
	assert_true(b.bad_rate > 0.01 && b.bad_rate < 0.03);
	assert_true(b.phi >= 1);
	assert_int_equal(b.bake_ms, 10000);
	assert_ptr_equal(b.policy, &site_pool(d)->judging->judge.policy);
	struct forecast f;
	forecast_share(&f, &b, 5000);
	assert_true(f.v1_bad > 60 && f.v1_bad < 180); /* 2 % of 100/s in a minute */
	assert_true(f.known_ms > 0);
}

static void a_basis_of_nothing_has_no_numbers(void **state)
{
	(void)state;
	struct site silent;
	struct forecast_basis b;
	site_init(&silent, 1, 3);
	silent.has_plan = false;
	silent.node[0]->silent = true;
	const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};
	const struct desk *desk = site_open(&silent, &kim);
	site_run(&silent, 3000);
	basis_of(&b, site_pool(desk));
	assert_true(isnan(b.units_per_second) && isnan(b.bad_rate) && isnan(b.ratio.ratio));
	assert_int_equal(b.settle_ms, UNKNOWN);
	assert_int_equal(b.bake_ms, 0);
	struct forecast f;
	forecast_share(&f, &b, 5000);
	assert_true(isnan(f.v1_bad) && isnan(f.v2_bad) && isnan(f.hurt));
	assert_int_equal(f.known_ms, UNKNOWN);
	site_release(&silent);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ratios_tell_what_is_ruled_out),
		cmocka_unit_test(times_to_come_are_told_as_people_do),
		WITH(before_any_v2_nothing_is_a_number),
		WITH(suspicion_is_louder_than_a_limit_kept),
		WITH(harm_is_named_first_and_counted),
		WITH(what_failed_uncounted_is_unknown),
		WITH(anothers_word_is_marked),
		WITH(a_basis_is_what_is_known),
		cmocka_unit_test(a_basis_of_nothing_has_no_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
