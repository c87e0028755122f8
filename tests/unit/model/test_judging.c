/* Judging: what becomes one look of the judge: nodes are summed, only settled time counts, the
 * unit is a session where all count sessions, and what is missing breaks no more than it must. */
#include "model/judging.h"
#include "model/mem.h"
#include "model/verdict.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#define SECOND 1000

static struct judging *g;
static struct instant now;
static struct sample sample;

static void begin(int nodes)
{
	struct judge_policy p;
	judge_policy_init(&p);
	if (g)
		judging_release(g);
	free(g);
	g = mem_new(1, sizeof *g);
	judging_init(g, &p, nodes);
	now = (struct instant){.boot_ms = 5000000, .wall_ms = 1763769600000};
}

static int set_up(void **state)
{
	(void)state;
	g = NULL;
	begin(1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judging_release(g);
	free(g);
	return 0;
}

static void second(void)
{
	now.boot_ms += SECOND;
	now.wall_ms += SECOND;
}

/* An interval of a pool that counts requests, its split as old as it is. */
static struct judging_part part_of(int64_t n1, int64_t x1, int64_t n2, int64_t x2)
{
	const int64_t n[ARM_COUNT] = {n1, n2}, x[ARM_COUNT] = {x1, x2};
	sample = (struct sample){.at = now, .interval_ms = SECOND};
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_sample *a = &sample.arms[arm];
		a->requests = n[arm];
		a->ok = n[arm] - x[arm];
		a->failed_total = x[arm];
		a->sessions = a->sessions_bad = UNKNOWN;
	}
	return (struct judging_part){.sample = &sample,
		.change_age_ms = 3600 * SECOND,
		.uptime_ms = 7200 * SECOND,
		.settle_ms = 20 * SECOND,
		.share_bp = 1000};
}

static void set_sessions(int64_t n1, int64_t x1, int64_t n2, int64_t x2)
{
	sample.arms[ARM_V1].sessions = n1;
	sample.arms[ARM_V1].sessions_bad = x1;
	sample.arms[ARM_V2].sessions = n2;
	sample.arms[ARM_V2].sessions_bad = x2;
}

static const struct units *seen(enum arm arm)
{
	return &g->judge.metric[JUDGED_ERRORS].since[arm];
}

static void assert_units(int64_t n1, int64_t x1, int64_t n2, int64_t x2)
{
	assert_int_equal(seen(ARM_V1)->n, n1);
	assert_int_equal(seen(ARM_V1)->bad, x1);
	assert_int_equal(seen(ARM_V2)->n, n2);
	assert_int_equal(seen(ARM_V2)->bad, x2);
}

static void a_request_is_the_unit_where_no_sessions_are_counted(void **state)
{
	(void)state;
	struct judging_part p = part_of(90, 2, 10, 1);
	/* neither what was only queued, nor a caller that left, nor a retry */
	sample.arms[ARM_V2].requests = 50;
	sample.arms[ARM_V2].timeouts = 4;
	sample.arms[ARM_V2].retries = 3;
	judging_add(g, 0, &p);
	assert_int_equal(g->judge.looks, 1);
	assert_false(g->judge.sessions);
	assert_units(90, 2, 10, 1);
}

static void a_session_is_the_unit_where_they_are(void **state)
{
	(void)state;
	struct judging_part p = part_of(900, 20, 100, 10);
	set_sessions(45, 1, 5, 2);
	judging_add(g, 0, &p);
	assert_true(g->judge.sessions);
	assert_units(45, 1, 5, 2);
	/* an arm that does not count them: requests, and evidence begins anew */
	second();
	p = part_of(900, 20, 100, 10);
	set_sessions(45, 1, UNKNOWN, UNKNOWN);
	judging_add(g, 0, &p);
	assert_false(g->judge.sessions);
	assert_units(900, 20, 100, 10);
}

static void nodes_are_summed(void **state)
{
	(void)state;
	begin(3);
	struct judging_part p = part_of(90, 1, 10, 0);
	judging_add(g, 0, &p);
	judging_add(g, 2, &p);
	assert_int_equal(g->judge.looks, 0);
	p = part_of(45, 0, 5, 3);
	judging_add(g, 1, &p);
	assert_int_equal(g->judge.looks, 1);
	assert_units(225, 2, 25, 3);
	/* One is silent: the look comes when another speaks again. */
	second();
	p = part_of(90, 1, 10, 0);
	judging_add(g, 0, &p);
	judging_add(g, 1, &p);
	assert_int_equal(g->judge.looks, 1);
	second();
	p = part_of(90, 1, 10, 0);
	judging_add(g, 0, &p);
	assert_int_equal(g->judge.looks, 2);
	assert_units(225 + 180, 4, 25 + 20, 3);
}

static void nodes_of_two_kinds_of_units_are_not_summed(void **state)
{
	(void)state;
	begin(2);
	struct judging_part p = part_of(90, 1, 10, 1);
	judging_add(g, 0, &p);
	p = part_of(90, 1, 10, 1);
	set_sessions(9, 1, 1, 1);
	judging_add(g, 1, &p);
	assert_int_equal(g->judge.looks, 0);
	assert_units(0, 0, 0, 0);
	/* nor is there a share where nodes differ in it */
	p = part_of(90, 1, 10, 1);
	judging_add(g, 0, &p);
	p = part_of(90, 1, 10, 1);
	p.share_bp = 500;
	judging_add(g, 1, &p);
	assert_int_equal(g->judge.looks, 1);
	assert_int_equal(g->judge.share_bp, 1000); /* the last that was known */
	assert_int_equal(g->judge.split.informative, 0);
}

static void only_what_was_routed_under_this_split_counts(void **state)
{
	static const struct {
		int64_t change_age_ms, uptime_ms, settle_ms;
		int looks;
	} rows[] = {
		{0, 7200000, 20000, 0},
		{20000, 7200000, 20000, 0},
		{20999, 7200000, 20000, 0},
		{21000, 7200000, 20000, 1}, /* all of the second lies behind it */
		{500, 7200000, 0, 0},       /* the change lies within */
		{1000, 7200000, 0, 1},
		{1000, 7200000, UNKNOWN, 0}, /* as long as a session is counted for */
		{31000, 7200000, UNKNOWN, 1},
		{UNKNOWN, 20999, 20000, 0}, /* it never changed: since the start */
		{UNKNOWN, 21000, 20000, 1},
		{UNKNOWN, UNKNOWN, 20000, 1},
	};
	(void)state;
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
		begin(1);
		struct judging_part p = part_of(90, 0, 10, 5);
		p.change_age_ms = rows[k].change_age_ms;
		p.uptime_ms = rows[k].uptime_ms;
		p.settle_ms = rows[k].settle_ms;
		judging_add(g, 0, &p);
		if (g->judge.looks != rows[k].looks)
			fail_msg("row %zu: %lld looks", k, (long long)g->judge.looks);
		assert_int_equal(seen(ARM_V2)->n, 10 * rows[k].looks);
		/* traffic is traffic, settled or not */
		assert_int_equal(g->judge.units_seen[ARM_V2], 10);
	}
	/* One node that has not settled keeps all of them back. */
	begin(2);
	struct judging_part p = part_of(90, 0, 10, 5);
	judging_add(g, 0, &p);
	p.change_age_ms = SECOND;
	judging_add(g, 1, &p);
	assert_int_equal(g->judge.looks, 0);
}

static void a_change_of_share_resets_nothing(void **state)
{
	(void)state;
	struct judging_part p = part_of(90, 1, 10, 3);
	judging_add(g, 0, &p);
	double ln_harm = g->judge.metric[JUDGED_ERRORS].now.ln_harm;
	second();
	p = part_of(50, 0, 50, 0);
	p.share_bp = 5000;
	p.change_age_ms = 500;
	judging_add(g, 0, &p);
	assert_true(g->judge.metric[JUDGED_ERRORS].now.ln_harm == ln_harm);
	assert_units(90, 1, 10, 3);
	assert_int_equal(g->judge.bake_ms, 0);
}

static void latency_is_that_of_the_unit(void **state)
{
	(void)state;
	struct histogram fast[ARM_COUNT] = {0}, slow[ARM_COUNT] = {0};
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		histogram_add(&fast[arm], 1000, 3000);
		histogram_add(&slow[arm], 90000, 3000);
	}
	for (int i = 0; i < 3; i++) {
		struct judging_part p = part_of(6000, 0, 6000, 0);
		set_sessions(3000, 0, 3000, 0);
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			p.latency[arm] = &slow[arm];
			p.session_latency[arm] = &fast[arm];
		}
		judging_add(g, 0, &p);
		second();
	}
	int bucket = exceed_bucket(&g->judge.exceed, 0.99);
	assert_true(bucket >= 0 && histogram_edge_us(bucket) < 2000);
	/* Where a node does not tell them, none is judged. */
	int64_t units = g->judge.metric[JUDGED_P99].since[ARM_V1].n;
	assert_true(units > 0);
	struct judging_part p = part_of(6000, 0, 6000, 0);
	set_sessions(3000, 0, 3000, 0);
	judging_add(g, 0, &p);
	assert_int_equal(g->judge.metric[JUDGED_P99].since[ARM_V1].n, units);
	assert_int_equal(seen(ARM_V1)->n, 4 * 3000);
}

static void what_cannot_be_is_skipped(void **state)
{
	(void)state;
	struct judging_part p = part_of(90, 1, 10, 1);
	set_sessions(3, 5, 1, 0); /* more bad than there are */
	judging_add(g, 0, &p);
	assert_int_equal(g->judge.looks, 0);
	p = part_of(90, 1, 10, 1);
	sample.interval_ms = 0;
	judging_add(g, 0, &p);
	assert_int_equal(g->judge.looks, 0);
}

/* Two looks are a pair of the measure of bursts; a gap between them is none. */
static void a_gap_breaks_the_chain_and_nothing_else(void **state)
{
	(void)state;
	struct judging_part p = part_of(90, 4, 10, 1);
	judging_add(g, 0, &p);
	second();
	p = part_of(90, 4, 10, 1);
	judging_add(g, 0, &p);
	int64_t pairs = g->judge.metric[JUDGED_ERRORS].burst.pairs;
	assert_true(pairs > 0);
	double ln_harm = g->judge.metric[JUDGED_ERRORS].now.ln_harm;
	judging_skip(g);
	assert_true(g->judge.metric[JUDGED_ERRORS].now.ln_harm == ln_harm);
	second();
	p = part_of(90, 4, 10, 1);
	judging_add(g, 0, &p);
	assert_int_equal(g->judge.metric[JUDGED_ERRORS].burst.pairs, pairs);
	assert_units(270, 12, 30, 3);
	/* What a node had said before the gap is no part of a later look. */
	begin(2);
	p = part_of(90, 4, 10, 1);
	judging_add(g, 0, &p);
	judging_skip(g);
	judging_add(g, 0, &p);
	judging_add(g, 1, &p);
	assert_units(180, 8, 20, 2);
}

static void a_restart_begins_anew(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++, second()) {
		struct judging_part p = part_of(90, 0, 10, 5);
		judging_add(g, 0, &p);
	}
	assert_true(g->judge.finding[CLAIM_ERRORS].found);
	assert_true(ring_length(&g->trail) > 1);
	judging_restart(g);
	assert_false(g->judge.finding[CLAIM_ERRORS].found);
	assert_units(0, 0, 0, 0);
	assert_int_equal(g->judge.looks, 0);
	assert_null(ring_last(&g->trail));
	assert_true(isnan(g->judge.metric[JUDGED_ERRORS].now.ratio.ratio));
}

static void the_trail_has_a_point_every_few_seconds(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++, second()) {
		struct judging_part p = part_of(90, 1, 10, 1);
		judging_add(g, 0, &p);
	}
	int64_t first = 1763769600000 / JUDGING_POINT_MS;
	for (int64_t slot = first; slot <= first + 2; slot++) {
		const struct judging_point *point = ring_at(&g->trail, slot);
		assert_non_null(point);
		assert_int_equal(point->wall_ms / JUDGING_POINT_MS, slot);
	}
	assert_null(ring_at(&g->trail, first + 3));
	const struct judging_point *last = ring_last(&g->trail);
	const struct judge_reading *r = &g->judge.metric[JUDGED_ERRORS].now;
	const struct judging_figures *f = &last->metric[JUDGED_ERRORS];
	assert_true(fabs(f->ratio - r->ratio.ratio) < 1e-5);
	assert_true(fabs(f->log10_harm - r->ln_harm / log(10)) < 1e-5);
}

/* v1 against itself: where requests hang together, a verdict is none. */
static void halves_that_differ_take_the_verdict(void **state)
{
	(void)state;
	struct verdict v;
	const struct verdict_view view = {.v2_expected = true};
	for (int i = 0; i < 30; i++, second()) {
		struct judging_part p = part_of(900, 30, 100, 4);
		p.half[0] = (struct units){.n = 450, .bad = 29};
		p.half[1] = (struct units){.n = 450, .bad = 1};
		judging_add(g, 0, &p);
	}
	verdict_read(&v, &g->judge, &view);
	assert_int_equal(v.word, VERDICT_UNTRUSTWORTHY);
	assert_int_equal(v.why, VERDICT_WHY_SENTINEL);
	assert_false(v.brakes);
	/* With sessions it is not asked, whatever the halves are. */
	begin(1);
	for (int i = 0; i < 30; i++, second()) {
		struct judging_part p = part_of(900, 30, 100, 4);
		set_sessions(90, 3, 10, 0);
		p.half[0] = (struct units){.n = 450, .bad = 29};
		p.half[1] = (struct units){.n = 450, .bad = 1};
		judging_add(g, 0, &p);
	}
	verdict_read(&v, &g->judge, &view);
	assert_int_not_equal(v.word, VERDICT_UNTRUSTWORTHY);
	/* Known to hang together, and no sessions counted: none from the first look on. */
	begin(1);
	struct judging_part p = part_of(900, 3, 100, 4);
	p.sticky = true;
	judging_add(g, 0, &p);
	verdict_read(&v, &g->judge, &view);
	assert_int_equal(v.word, VERDICT_UNTRUSTWORTHY);
	assert_int_equal(v.why, VERDICT_WHY_STICKY);
}

/* How long until a split that is not 10 % is found, in looks; 0: not in an hour. */
static int looks_until_off(int64_t v2_of_1000, bool sessions)
{
	begin(1);
	for (int i = 1; i <= 3600; i++, second()) {
		struct judging_part p = part_of(1000 - v2_of_1000, 0, v2_of_1000, 0);
		if (sessions)
			set_sessions(1000 - v2_of_1000, 0, v2_of_1000, 0);
		judging_add(g, 0, &p);
		if (g->judge.split_off)
			return i;
	}
	return 0;
}

/* A request of a session follows the others, so it proves less: a twentieth. */
static void the_split_is_tested_by_what_units_prove(void **state)
{
	(void)state;
	int by_session = looks_until_off(80, true), by_request = looks_until_off(80, false);
	assert_in_range(by_session, 1, 60);
	assert_in_range(by_request, by_session * 12, by_session * 20 + 20);
	assert_int_equal(looks_until_off(100, true), 0);
	assert_int_equal(looks_until_off(98, true), 0); /* under 4 % of it: nobody's concern */
	assert_in_range(looks_until_off(0, false), 1, 60);
	/* another share is another question */
	struct judging_part p = part_of(1000, 0, 0, 0);
	p.share_bp = 0;
	judging_add(g, 0, &p);
	assert_false(g->judge.split_off);
	/* where none goes there, one is a fact */
	p = part_of(999, 0, 1, 0);
	p.share_bp = 0;
	judging_add(g, 0, &p);
	assert_true(g->judge.split_off);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_request_is_the_unit_where_no_sessions_are_counted),
		T(a_session_is_the_unit_where_they_are),
		T(nodes_are_summed),
		T(nodes_of_two_kinds_of_units_are_not_summed),
		T(only_what_was_routed_under_this_split_counts),
		T(a_change_of_share_resets_nothing),
		T(latency_is_that_of_the_unit),
		T(what_cannot_be_is_skipped),
		T(a_gap_breaks_the_chain_and_nothing_else),
		T(a_restart_begins_anew),
		T(the_trail_has_a_point_every_few_seconds),
		T(halves_that_differ_take_the_verdict),
		T(the_split_is_tested_by_what_units_prove),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
