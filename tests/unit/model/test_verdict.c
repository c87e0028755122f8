/* Verdict: every word and every reason, which comes before which, the least of the metrics, the
 * routes to SAFE, time to a verdict against what then happens, harm so far, and the texts. */
#include "model/verdict.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#define near(a, b, digits) assert_true(fabs((a) - (b)) < (digits))

static struct judge_policy policy;
static struct judge j;
static struct judge_interval i;
static struct verdict_view view;
static struct verdict v;

static int setup(void **state)
{
	(void)state;
	judge_policy_init(&policy);
	policy.metric[JUDGED_P99] = false;
	judge_init(&j, &policy);
	i = (struct judge_interval){.at = {.wall_ms = 1000000},
		.length_ms = 1000,
		.sessions = true,
		.settled = true,
		.share_bp = 1000};
	view = (struct verdict_view){.age_ms = 300, .v2_expected = true};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	judge_release(&j);
	return 0;
}

static void judge_by(void)
{
	judge_release(&j);
	judge_init(&j, &policy);
}

static void look(int64_t n1, int64_t x1, int64_t n2, int64_t x2)
{
	i.at.wall_ms += i.length_ms;
	i.arm[ARM_V1].units = (struct units){n1, x1};
	i.arm[ARM_V2].units = (struct units){n2, x2};
	judge_look(&j, &i);
}

/* Half a minute of v1 alone, as even as can be: phi is one after it. */
static void quiet_history(int64_t n, int64_t bad)
{
	int share_bp = i.share_bp;

	i.share_bp = 0;
	for (int k = 0; k < 31; k++)
		look(n, bad, 0, 0);
	i.share_bp = share_bp;
}

/* Text that is whole, clean and one line. */
static void check_text(const struct verdict *w)
{
	size_t length = strlen(w->text);

	assert_in_range(length, 1, 94); /* one less than fits: nothing was cut */
	for (size_t k = 0; k < length; k++)
		assert_in_range(w->text[k], ' ', '~');
	assert_true(w->text[length - 1] != ' ');
}

static void read_it(void)
{
	verdict_read(&v, &j, &view);
	check_text(&v);
}

static void check(enum verdict_word word, enum verdict_why why, const char *text)
{
	read_it();
	assert_int_equal(v.word, word);
	assert_int_equal(v.why, why);
	assert_string_equal(v.text, text);
}

static void make_harm(void)
{
	quiet_history(1000, 1);
	for (int k = 0; k < 20; k++)
		look(900, 1, 100, 5);
	assert_true(j.finding[CLAIM_ERRORS].found);
}

static void make_safe(void)
{
	quiet_history(9000, 90);
	do
		look(9000, 90, 1000, 10);
	while (j.looks < 400 && j.metric[JUDGED_ERRORS].now.ln_safe < log(20));
}

static void test_names(void **state)
{
	(void)state;
	for (int w = 0; w < VERDICT_COUNT; w++)
		assert_int_equal(verdict_of(verdict_name((enum verdict_word)w)), w);
	assert_int_equal(verdict_of("safe"), VERDICT_COUNT);
	assert_int_equal(verdict_of(""), VERDICT_COUNT);
}

/* ---- words and reasons ---- */

static void test_untrustworthy(void **state)
{
	(void)state;
	make_harm();
	view.counters = true;
	check(VERDICT_UNTRUSTWORTHY, VERDICT_WHY_COUNTERS, "UNTRUSTWORTHY: a counter went back");
	assert_false(v.brakes); /* no act by itself, whatever the evidence */
	view.counters = false;
	read_it();
	assert_true(v.word == VERDICT_HARM && v.brakes);
	j.untrusted = true;
	check(VERDICT_UNTRUSTWORTHY, VERDICT_WHY_SENTINEL,
		"UNTRUSTWORTHY: v1 differs from itself: requests are not independent");
	assert_false(v.brakes);
	assert_true(v.metric == JUDGED_COUNT && v.eta_ms == UNKNOWN);
	j.untrusted = false;
	j.sticky = true;
	read_it();
	assert_int_equal(v.word, VERDICT_HARM); /* sticky sessions are units */
	j.sessions = false;
	check(VERDICT_UNTRUSTWORTHY, VERDICT_WHY_STICKY,
		"UNTRUSTWORTHY: requests of one session are not independent, and no sessions are "
		"counted");
	assert_false(v.brakes);
}

static void test_harm(void **state)
{
	(void)state;
	make_harm();
	read_it();
	assert_int_equal(v.word, VERDICT_HARM);
	assert_int_equal(v.why, VERDICT_WHY_PROVEN);
	assert_true(v.metric == JUDGED_ERRORS && v.eta_ms == 0 && v.suspected && v.brakes);
	assert_int_equal(v.since_wall_ms, j.finding[CLAIM_ERRORS].since_wall_ms);
	assert_true(v.ratio.low > 5 && v.ln_harm > log(100));
	j.finding[CLAIM_ERRORS].late = true;
	read_it();
	assert_int_equal(v.why, VERDICT_WHY_LATE);
	j.metric[JUDGED_ERRORS].now.ratio.low = 0.9; /* found late: the whole says less */
	check(VERDICT_HARM, VERDICT_WHY_LATE, "errors HARM, worse than v1's");
}

static void test_harm_by_a_limit(void **state)
{
	(void)state;
	policy.error_limit = 0.01;
	judge_by();
	for (int k = 0; k < 10; k++)
		look(1000, 100, 1000, 100);
	check(VERDICT_HARM, VERDICT_WHY_LIMIT, "errors HARM, over its limit");
	assert_false(v.brakes);
	assert_int_equal(v.since_wall_ms, j.finding[CLAIM_ERRORS_LIMIT].since_wall_ms);
}

/* One finding for the family: the quantile whose evidence is strongest is named. */
static void test_harm_of_latencies(void **state)
{
	(void)state;
	policy.metric[JUDGED_P50] = policy.metric[JUDGED_P95] = true;
	judge_by();
	look(900, 1, 100, 0);
	j.finding[CLAIM_LATENCY] = (struct judge_finding){.found = true, .since_wall_ms = 77};
	j.metric[JUDGED_P50].now.ln_harm = 3;
	j.metric[JUDGED_P95].now.ln_harm = 9;
	check(VERDICT_HARM, VERDICT_WHY_PROVEN, "p95 HARM, worse than v1's");
	assert_int_equal(v.since_wall_ms, 77);
	assert_false(v.brakes);
	j.metric[JUDGED_P95].now.ln_brake = 20;
	j.metric[JUDGED_P95].excess = BRAKE_EXCESS;
	read_it();
	assert_true(v.brakes);
	j.metric[JUDGED_P50].now.ln_harm = 10;
	check(VERDICT_HARM, VERDICT_WHY_PROVEN, "p50 HARM, worse than v1's");
	j.finding[CLAIM_LATENCY].found = false;
	j.finding[CLAIM_LATENCY_LIMIT].found = true;
	read_it();
	assert_true(v.word == VERDICT_UNDECIDED); /* the limit is p99's, which is not judged */
}

static void test_no_data(void **state)
{
	(void)state;
	check(VERDICT_NO_DATA, VERDICT_WHY_SETTLING, "NO DATA: settling after the change of share");
	look(900, 1, 0, 0);
	check(VERDICT_NO_DATA, VERDICT_WHY_NO_SESSION, "NO DATA: no v2 session counted yet");
	j.sessions = false;
	check(VERDICT_NO_DATA, VERDICT_WHY_NEVER, "NO DATA: no v2 traffic yet");
	look(900, 1, 100, 1);
	read_it();
	assert_int_equal(v.word, VERDICT_UNDECIDED);
	view.v2_expected = false;
	check(VERDICT_NO_DATA, VERDICT_WHY_NEVER, "NO DATA: no v2 traffic yet");
	view.v2_expected = true;
	view.age_ms = UNKNOWN;
	check(VERDICT_NO_DATA, VERDICT_WHY_NEVER, "NO DATA: no v2 traffic yet");
	judge_by();
	view.age_ms = 300;
	i.settled = false;
	look(900, 1, 100, 1);
	check(VERDICT_NO_DATA, VERDICT_WHY_SETTLING, "NO DATA: settling after the change of share");
	i.settled = true;
	look(900, 1, 100, 1);
	read_it();
	assert_int_equal(v.word, VERDICT_UNDECIDED);
}

static void silence(int seconds)
{
	for (int k = 0; k < seconds; k++)
		look(900, 1, 0, 0);
}

/* Evidence that stands still because v1 is gone is no word on v2. */
static void test_a_silent_v1(void **state)
{
	(void)state;
	for (int k = 0; k < 2000 && v.word != VERDICT_SAFE; k++) {
		look(900, 9, 100, 1);
		read_it();
	}
	assert_int_equal(v.word, VERDICT_SAFE);
	for (int k = 0; k < 12; k++)
		look(0, 0, 100, 1);
	read_it();
	assert_int_equal(v.word, VERDICT_UNDECIDED);
	assert_int_equal(v.why, VERDICT_WHY_NO_V1);
}

static void test_silence(void **state)
{
	(void)state;
	for (int k = 0; k < 60; k++)
		look(900, 1, 100, 0);
	silence(9);
	read_it();
	assert_int_equal(v.word, VERDICT_UNDECIDED);
	silence(3);
	check(
		VERDICT_NO_DATA, VERDICT_WHY_QUIET_SESSION, "NO DATA: no v2 session counted for 12s");
	j.sessions = false;
	check(VERDICT_NO_DATA, VERDICT_WHY_QUIET, "NO DATA: no v2 traffic for 12s");
	j.sessions = true;
	look(900, 1, 1, 0);
	read_it();
	assert_int_equal(v.word, VERDICT_UNDECIDED);
	/* a unit in three seconds: as much silence is nothing strange */
	judge_by();
	for (int k = 0; k < 60; k++)
		look(900, 1, k % 3 == 0, 0);
	silence(20);
	read_it();
	assert_int_equal(v.word, VERDICT_UNDECIDED);
	silence(60);
	read_it();
	assert_int_equal(v.why, VERDICT_WHY_QUIET_SESSION);
}

/* Hours of v1 alone are no gap between v2's units. */
static void test_silence_is_measured_by_v2s_own_time(void **state)
{
	(void)state;
	i.share_bp = 0;
	i.length_ms = 60000;
	silence(480);
	i.share_bp = 1000;
	i.length_ms = 1000;
	for (int k = 0; k < 10; k++)
		look(900, 1, 100, 0);
	silence(12);
	check(
		VERDICT_NO_DATA, VERDICT_WHY_QUIET_SESSION, "NO DATA: no v2 session counted for 12s");
	j.sessions = false;
	check(VERDICT_NO_DATA, VERDICT_WHY_QUIET, "NO DATA: no v2 traffic for 12s");
	j.sessions = true;
}

static void test_undecided(void **state)
{
	(void)state;
	look(900, 0, 100, 0);
	check(VERDICT_UNDECIDED, VERDICT_WHY_CLEAN, "errors UNDECIDED: no bad units: set a limit");
	for (int k = 0; k < 9; k++) {
		look(900, 1, 100, 0);
		check(VERDICT_UNDECIDED, VERDICT_WHY_SMALL, "errors UNDECIDED: too few bad units yet");
	}
	look(900, 1, 100, 0);
	check(VERDICT_UNDECIDED, VERDICT_WHY_BETWEEN, "errors UNDECIDED: neither proven yet");
	assert_true(v.metric == JUDGED_ERRORS && v.since_wall_ms == UNKNOWN && isnan(v.bound));
	judge_by();
	i.share_bp = SHARE_FULL;
	look(0, 0, 1000, 1);
	check(VERDICT_UNDECIDED, VERDICT_WHY_NO_V1,
		"errors UNDECIDED: no v1 traffic to compare with");
	judge_by();
	i.share_bp = 1000;
	look(0, 0, 1000, 1);
	read_it();
	assert_int_equal(v.why, VERDICT_WHY_NO_V1);
	policy.error_limit = 0.01; /* with a limit no bad units say something */
	judge_by();
	look(90, 0, 10, 0);
	read_it();
	assert_int_equal(v.why, VERDICT_WHY_SMALL);
}

/* A p99 takes 2,000 of v1's latencies in a minute; with them it is judged, and is too few at
 * first like any other. */
static void test_undecided_latencies(void **state)
{
	static struct histogram fast;

	(void)state;
	histogram_add(&fast, 1000, 1999);
	policy.metric[JUDGED_ERRORS] = false;
	policy.metric[JUDGED_P99] = true;
	judge_by();
	i.arm[ARM_V1].latency = i.arm[ARM_V2].latency = &fast;
	look(1999, 0, 1999, 0);
	check(VERDICT_UNDECIDED, VERDICT_WHY_RARE,
		"p99 UNDECIDED: too few of v1's units a minute for this quantile");
	look(1999, 0, 1999, 0);
	check(VERDICT_UNDECIDED, VERDICT_WHY_SMALL, "p99 UNDECIDED: too few bad units yet");
}

/* ---- what comes before what ---- */

static void test_the_first_that_applies(void **state)
{
	(void)state;
	make_harm();
	view.stale = true;
	view.age_ms = UNKNOWN;
	read_it();
	assert_int_equal(v.word, VERDICT_HARM); /* neither age nor silence takes it back */
	view.age_ms = 12000;
	silence(600);
	read_it();
	assert_int_equal(v.word, VERDICT_HARM);
	j.untrusted = true;
	read_it();
	assert_int_equal(v.word, VERDICT_UNTRUSTWORTHY);
	judge_by();
	make_safe();
	view.stale = false;
	read_it();
	assert_int_equal(v.word, VERDICT_SAFE);
	view.stale = true;
	check(VERDICT_STALE, VERDICT_WHY_OLD, "STALE: no news for 12s");
	assert_int_equal(v.metric, JUDGED_COUNT);
	silence(100);
	read_it();
	assert_int_equal(v.word, VERDICT_NO_DATA);
	view.counters = true;
	read_it();
	assert_int_equal(v.word, VERDICT_UNTRUSTWORTHY);
}

static void set(enum judged m, double ln_harm, double ln_safe)
{
	j.metric[m].now.ln_harm = ln_harm;
	j.metric[m].now.ln_safe = ln_safe;
}

static void test_safe_is_the_least_of_all(void **state)
{
	(void)state;
	policy.metric[JUDGED_P50] = policy.metric[JUDGED_P95] = policy.metric[JUDGED_P99] = true;
	judge_by();
	look(900, 1, 100, 1);
	for (int m = 0; m < JUDGED_COUNT; m++)
		set((enum judged)m, -3, 5 + m);
	read_it();
	assert_true(v.word == VERDICT_SAFE && v.metric == JUDGED_ERRORS && v.ln_safe == 5);
	for (int m = 0; m < JUDGED_COUNT; m++) {
		set((enum judged)m, -3, log(20) - 1e-9);
		read_it();
		assert_true(v.word == VERDICT_UNDECIDED && v.metric == (enum judged)m);
		set((enum judged)m, -3, log(20) + 1e-9);
		read_it();
		assert_true(v.word == VERDICT_SAFE && v.metric == (enum judged)m);
		set((enum judged)m, -3, 9);
	}
	set(JUDGED_P50, -3, 1);
	set(JUDGED_P95, -3, 2);
	read_it(); /* the weakest of those undecided */
	assert_true(v.word == VERDICT_UNDECIDED && v.metric == JUDGED_P50);
	j.finding[CLAIM_ERRORS].found = true; /* harm of one, whatever the rest */
	read_it();
	assert_true(v.word == VERDICT_HARM && v.metric == JUDGED_ERRORS);
	j.finding[CLAIM_LATENCY_LIMIT].found = true;
	set(JUDGED_P99, 50, 9);
	check(VERDICT_HARM, VERDICT_WHY_LIMIT, "p99 HARM, over its limit");
}

/* ---- the routes to SAFE ---- */

static void test_safe_beside_v1(void **state)
{
	(void)state;
	make_safe();
	read_it();
	assert_int_equal(v.word, VERDICT_SAFE);
	assert_true(v.metric == JUDGED_ERRORS && v.eta_ms == 0 && v.why == VERDICT_WHY_NONE);
	assert_true(v.bound == 1.5 && v.ln_safe >= log(20));
	assert_string_equal(v.text, "errors SAFE, under 1.5x v1's");
	for (int k = 0; k < 400; k++)
		look(9000, 90, 1000, 10);
	read_it();
	assert_true(v.bound == v.ratio.high && v.bound < 1.5); /* where the interval says more */
	/* with nobody beside it any more, a comparison is none */
	i.share_bp = SHARE_FULL;
	look(0, 0, 10000, 100);
	read_it();
	assert_true(v.word == VERDICT_UNDECIDED && v.why == VERDICT_WHY_NO_V1);
}

/* A bound is never told better than it is: up for SAFE, down for HARM. */
static void test_bounds_are_rounded_away_from_the_claim(void **state)
{
	static const struct {
		double high, low;
		const char *safe, *harm;
	} rows[] = {{1.0905077, 1.2968396, "errors SAFE, under 1.1x v1's",
					"errors HARM, at least 1.2x v1's"},
		{1.4142136, 1.0905077, "errors SAFE, under 1.5x v1's", "errors HARM, worse than v1's"},
		{1.2, 1.8340081, "errors SAFE, under 1.2x v1's", "errors HARM, at least 1.8x v1's"},
		{1.5, 1.1, "errors SAFE, under 1.5x v1's", "errors HARM, at least 1.1x v1's"},
		{0.03125, 2, "errors SAFE, under 0.1x v1's", "errors HARM, at least 2.0x v1's"},
		{0.91700404, 9.986, "errors SAFE, under 1.0x v1's", "errors HARM, at least 9.9x v1's"},
		{1.25, 10, "errors SAFE, under 1.3x v1's", "errors HARM, at least 10x v1's"},
		{9.98, 9.9999, "errors SAFE, under 10x v1's", "errors HARM, at least 9.9x v1's"},
		{12.3, 14.67, "errors SAFE, under 13x v1's", "errors HARM, at least 14x v1's"},
		{30, 20, "errors SAFE, under 21x v1's", "errors HARM, at least 20x v1's"}};

	(void)state;
	policy.margin = 20;
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
		judge_by();
		look(900, 1, 100, 1);
		set(JUDGED_ERRORS, 0, 9);
		j.metric[JUDGED_ERRORS].now.ratio.high = rows[k].high;
		j.metric[JUDGED_ERRORS].now.ratio.low = rows[k].low;
		check(VERDICT_SAFE, VERDICT_WHY_NONE, rows[k].safe);
		j.finding[CLAIM_ERRORS].found = true;
		check(VERDICT_HARM, VERDICT_WHY_PROVEN, rows[k].harm);
	}
}

static void test_safe_by_the_limit_alone(void **state)
{
	(void)state;
	policy.error_limit = 0.01;
	judge_by();
	i.share_bp = SHARE_FULL;
	look(0, 0, 100, 0);
	read_it();
	assert_int_equal(v.word, VERDICT_UNDECIDED);
	for (int k = 0; k < 10; k++)
		look(0, 0, 100, 0);
	check(VERDICT_SAFE, VERDICT_WHY_NONE, "errors SAFE, under the limit");
	assert_true(isnan(v.bound));
	/* the mean of two routes, one of which is closed */
	near(v.ln_safe, j.metric[JUDGED_ERRORS].now.ln_limit_safe - log(2), 1e-12);
	look(0, 0, 100, 30);
	read_it();
	assert_true(v.word != VERDICT_SAFE); /* SAFE is of now */
}

static void test_the_limit_beside_the_ratio(void **state)
{
	(void)state;
	policy.error_limit = 0.01;
	judge_by();
	look(900, 1, 100, 1);
	set(JUDGED_ERRORS, -1, 2);
	j.metric[JUDGED_ERRORS].now.ln_limit_safe = 4;
	read_it();
	near(v.ln_safe, log((exp(2) + exp(4)) / 2), 1e-12);
	assert_true(v.word == VERDICT_SAFE && isnan(v.bound)); /* proven by the limit */
	set(JUDGED_ERRORS, -1, 4);
	j.metric[JUDGED_ERRORS].now.ln_limit_safe = 2;
	read_it();
	near(v.ln_safe, log((exp(2) + exp(4)) / 2), 1e-12);
	assert_true(v.word == VERDICT_SAFE && v.bound == 1.5);
}

/* ---- one metric ---- */

static void test_one_metric(void **state)
{
	(void)state;
	policy.metric[JUDGED_P99] = true;
	judge_by();
	make_safe();
	verdict_metric(&v, &j, JUDGED_ERRORS, &view);
	check_text(&v);
	assert_int_equal(v.word, VERDICT_SAFE);
	assert_true(isnan(v.harm.low) && isnan(v.harm.bad) && isnan(v.harm.high)); /* not its own */
	verdict_metric(&v, &j, JUDGED_P99, &view);
	check_text(&v);
	assert_true(v.word == VERDICT_UNDECIDED && v.why == VERDICT_WHY_RARE);
	assert_true(v.metric == JUDGED_P99 && v.eta_ms == UNKNOWN);
	verdict_metric(&v, &j, JUDGED_P50, &view); /* not judged */
	assert_true(v.metric == JUDGED_COUNT && v.why == VERDICT_WHY_NONE && isnan(v.ln_harm));
	view.stale = true;
	view.age_ms = 90000;
	verdict_metric(&v, &j, JUDGED_ERRORS, &view);
	check_text(&v);
	assert_string_equal(v.text, "errors STALE: no news for 1:30");
	assert_true(v.metric == JUDGED_ERRORS && v.ln_safe >= log(20) && v.eta_ms == UNKNOWN);
	j.finding[CLAIM_ERRORS].found = true;
	verdict_metric(&v, &j, JUDGED_ERRORS, &view);
	assert_int_equal(v.word, VERDICT_HARM);
	j.sessions = false;
	j.sticky = true;
	verdict_metric(&v, &j, JUDGED_ERRORS, &view);
	assert_int_equal(v.why, VERDICT_WHY_STICKY);
	assert_in_range(strlen(v.text), 1, 95);
	assert_string_equal(v.text + strlen(v.text) - 8, " counted");
}

/* ---- time to a verdict ---- */

static void test_divergence(void **state)
{
	(void)state;
	assert_true(verdict_divergence(0.3, 0.3) == 0);
	near(verdict_divergence(0.5, 0.25), 0.5 * log(2) + 0.5 * log(2. / 3), 1e-15);
	near(verdict_divergence(0, 0.25), -log(0.75), 1e-15);
	near(verdict_divergence(1, 0.25), log(4), 1e-15);
}

static void test_eta(void **state)
{
	const double kl = 0.5 * log(2) + 0.5 * log(2. / 3);
	const double year = 365 * 86400.;

	(void)state;
	assert_int_equal(verdict_eta_ms(4, 1, 1, 2, 0.5, 0.25), (int64_t)(4 / (2 * kl) * 1000));
	assert_int_equal(verdict_eta_ms(4, 1, 3, 2, 0.5, 0.25), (int64_t)(12 / (2 * kl) * 1000));
	assert_int_equal(verdict_eta_ms(4, 5, 1, 2, 0.5, 0.25), 0);
	assert_int_equal(verdict_eta_ms(4, 9, 1, 2, 0.5, 0.25), 0);
	assert_true(verdict_eta_ms(4, 1, 1, 2, 0.25, 0.25) == UNKNOWN); /* leads nowhere */
	assert_true(verdict_eta_ms(4, 1, 1, 0, 0.5, 0.25) == UNKNOWN);
	assert_true(verdict_eta_ms(4, 1, 1, NAN, 0.5, 0.25) == UNKNOWN);
	assert_true(verdict_eta_ms(4, 1, 1, 2, NAN, 0.25) == UNKNOWN);
	assert_true(verdict_eta_ms(4, 1, 1, 2, 1.1, 0.25) == UNKNOWN);
	assert_true(verdict_eta_ms(4, 1, 1, 2, -0.1, 0.25) == UNKNOWN);
	assert_true(verdict_eta_ms(4, 1, 1, 2, 0.5, 0) == UNKNOWN);
	assert_true(verdict_eta_ms(4, 1, 1, 2, 0.5, 1) == UNKNOWN);
	assert_true(verdict_eta_ms(4, 1, 1, 4 / (year * kl) * 1.001, 0.5, 0.25) != UNKNOWN);
	assert_true(verdict_eta_ms(4, 1, 1, 4 / (year * kl) * 0.999, 0.5, 0.25) == UNKNOWN);
}

/* Looks of deterministic counts until the word. The first eta, of which an interval is for the
 * look that says it, is right within 15 %, below 15 s within 35 %; then it falls from look to
 * look, and does not promise too much. */
static void check_eta(enum verdict_word word, const int64_t c[4])
{
	static int64_t eta_ms[5000];
	int looks = 0;

	judge_by();
	quiet_history(c[0], c[1]);
	do {
		assert_true(looks < 5000);
		look(c[0], c[1], c[2], c[3]);
		read_it();
		eta_ms[looks++] = v.eta_ms;
	} while (v.word != word);
	assert_true(eta_ms[looks - 1] == 0);
	double all_ms = looks * 1000., first_ms = (double)eta_ms[0] - 1000;
	assert_true(fabs(first_ms - all_ms) <= (all_ms >= 15000 ? 0.15 : 0.35) * all_ms + 1000);
	for (int k = 1; k < looks; k++) {
		assert_true(eta_ms[k] < eta_ms[k - 1]);
		assert_true((double)eta_ms[k] >= 0.85 * (looks - 1 - k) * 1000);
	}
}

static void test_eta_is_what_then_happens(void **state)
{
	static const int64_t harm[][4] = {{9000, 9, 1000, 2}, {9000, 9, 1000, 3},
		{9000, 9, 1000, 5}, {5000, 5, 5000, 10}, {9900, 99, 100, 2}, {9900, 99, 100, 5}};
	static const int64_t safe[][4] = {
		{9000, 9, 1000, 1}, {5000, 5, 5000, 5}, {9000, 90, 1000, 10}, {9900, 99, 100, 1}};

	(void)state;
	for (size_t k = 0; k < sizeof harm / sizeof *harm; k++)
		check_eta(VERDICT_HARM, harm[k]);
	for (size_t k = 0; k < sizeof safe / sizeof *safe; k++)
		check_eta(VERDICT_SAFE, safe[k]);
}

static void test_eta_that_nobody_knows(void **state)
{
	(void)state;
	look(900, 0, 100, 0);
	read_it();
	assert_true(v.eta_ms == UNKNOWN); /* no bad units, no pace */
	judge_by();
	look(900, 1, 0, 0);
	look(0, 0, 100, 1);
	read_it();
	assert_true(v.eta_ms == UNKNOWN); /* none that says something */
}

/* The first that is heading for harm, else the last of the rest. */
static void test_eta_of_several(void **state)
{
	(void)state;
	policy.metric[JUDGED_P99] = true;
	judge_by();
	quiet_history(9000, 9);
	look(9000, 9, 1000, 1);
	read_it();
	assert_true(v.eta_ms == UNKNOWN); /* p99 says nothing yet */
	verdict_metric(&v, &j, JUDGED_ERRORS, &view);
	int64_t safe_ms = v.eta_ms;
	assert_true(safe_ms > 0);
	j.metric[JUDGED_P99].now.ln_safe = 9;
	read_it();
	assert_int_equal(v.eta_ms, safe_ms);
	j.metric[JUDGED_P99].now.ln_safe = 0;
	j.metric[JUDGED_P99].now.ln_harm = 1;
	j.metric[JUDGED_P99].bake[ARM_V1] = (struct units){9000, 90};
	j.metric[JUDGED_P99].bake[ARM_V2] = (struct units){1000, 30};
	verdict_metric(&v, &j, JUDGED_P99, &view);
	int64_t harm_ms = v.eta_ms;
	assert_true(harm_ms > 0 && harm_ms != safe_ms);
	read_it();
	assert_int_equal(v.eta_ms, harm_ms);
	/* both are heading for harm: the first of them, whichever it is */
	for (int64_t bad = 3; bad <= 90; bad += 87) {
		j.metric[JUDGED_ERRORS].now.ln_harm = 1;
		j.metric[JUDGED_ERRORS].now.ln_safe = 0;
		j.metric[JUDGED_ERRORS].bake[ARM_V2].bad = bad;
		verdict_metric(&v, &j, JUDGED_ERRORS, &view);
		int64_t errors_ms = v.eta_ms;
		assert_true(errors_ms > 0 && (errors_ms < harm_ms) == (bad == 90));
		read_it();
		assert_int_equal(v.eta_ms, errors_ms < harm_ms ? errors_ms : harm_ms);
	}
	j.metric[JUDGED_ERRORS].bake[ARM_V2].bad = 1;
	j.metric[JUDGED_P99].bake[ARM_V2].bad = 5; /* no sums of latencies at the margin are kept */
	verdict_metric(&v, &j, JUDGED_P99, &view);
	assert_true(v.eta_ms == UNKNOWN);
}

/* ---- harm so far ---- */

static void check_order(void)
{
	read_it();
	assert_true(v.harm.low <= v.harm.bad && v.harm.bad <= v.harm.high && v.harm.low >= 0);
}

static void test_harm_so_far(void **state)
{
	(void)state;
	read_it();
	assert_true(isnan(v.harm.low) && isnan(v.harm.bad) && isnan(v.harm.high));
	look(900, 1, 0, 0);
	read_it();
	assert_true(isnan(v.harm.bad));
	for (int k = 0; k < 60; k++) {
		look(900, 1, 100, k % 3);
		check_order();
	}
	for (int k = 0; k < 300; k++) {
		look(900, 9, 100, 5);
		check_order();
	}
	assert_true(v.harm.bad > 1000 && v.harm.low > 900 && v.harm.high < 1560);
	judge_by();
	for (int k = 0; k < 300; k++) {
		look(900, 90, 100, 1); /* better than v1 */
		check_order();
	}
	assert_true(v.harm.low == 0 && v.harm.bad == 0 && v.harm.high == 0);
	policy.metric[JUDGED_ERRORS] = false;
	policy.metric[JUDGED_P99] = true;
	judge_by();
	look(900, 90, 100, 1);
	read_it();
	assert_true(isnan(v.harm.bad)); /* errors are not judged */
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_names),
		CASE(test_untrustworthy),
		CASE(test_harm),
		CASE(test_harm_by_a_limit),
		CASE(test_harm_of_latencies),
		CASE(test_no_data),
		CASE(test_a_silent_v1),
		CASE(test_silence),
		CASE(test_silence_is_measured_by_v2s_own_time),
		CASE(test_undecided),
		CASE(test_undecided_latencies),
		CASE(test_the_first_that_applies),
		CASE(test_safe_is_the_least_of_all),
		CASE(test_safe_beside_v1),
		CASE(test_bounds_are_rounded_away_from_the_claim),
		CASE(test_safe_by_the_limit_alone),
		CASE(test_the_limit_beside_the_ratio),
		CASE(test_one_metric),
		CASE(test_divergence),
		CASE(test_eta),
		CASE(test_eta_is_what_then_happens),
		CASE(test_eta_that_nobody_knows),
		CASE(test_eta_of_several),
		CASE(test_harm_so_far),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
