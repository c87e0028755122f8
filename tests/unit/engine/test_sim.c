/* Sim: the engine on a virtual clock: exact counts under any trouble, the same run for the same
 * seed, and the pool's own guard at work. */
#include "client/engine/sim.h"
#include "client/engine/hash.h"
#include "model/mem.h"
#include "model/text.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sim *s;
static struct snapshot *snap;
static struct scenario scenario;
static int keys;

static void begin(uint64_t seed, const struct scenario *what)
{
	const struct sim_options how = {.pool = "checkout",
		.work = {.scenario = what, .seed = seed, .timeout_ms = 2000, .queue_max = 64},
		.strategy = STRATEGY_CANARY,
		.start = {.boot_ms = 1000000, .wall_ms = 1763769600000}};
	struct err err = {0};
	keys = 0;
	sim_free(s);
	if (sim_new(&s, &how, &err))
		fail_msg("%s", err.text);
}

static const struct snapshot *look(void)
{
	sim_snapshot(s, snap);
	return snap;
}

static int order(enum verb verb, int to_bp, const struct guard_limits *guard, enum strategy to)
{
	look();
	struct control_request r = {.verb = verb,
		.to_bp = to_bp,
		.from_bp = -1,
		.baseline_bp = -1,
		.has_match = true,
		.match_epoch = snap->epoch,
		.match_rev = snap->rev,
		.keep_within_ms = UNKNOWN,
		.on_orphan = ORPHAN_COUNT,
		.strategy = to,
		.has_guard = guard != NULL,
		.actor = "ann@ops"};
	if (guard)
		r.guard = *guard;
	snprintf(r.key, sizeof r.key, "key-%d", ++keys);
	struct control_answer a;
	sim_change(s, &r, &a);
	return a.status;
}

static int share(int to_bp)
{
	return order(VERB_STEP, to_bp, NULL, STRATEGY_COUNT);
}

static void assert_exact(void)
{
	look();
	for (int i = 0; i < ARM_COUNT; i++) {
		const struct arm_counts *a = &snap->arms[i];
		assert_int_equal(
			a->requests, counts_done(a) + a->timeouts + a->queue_depth + a->in_flight);
		assert_true(a->in_flight >= 0 && a->queue_depth >= 0 && a->queue_depth <= 64);
		assert_true(a->workers.busy >= 0 && a->workers.busy <= a->workers.total);
		assert_int_equal(histogram_total(&a->latency) <= counts_done(a), 1);
		int64_t failed = 0, ok = 0, requests = 0;
		for (int k = 0; k < a->operation_count; k++) {
			failed += a->operations[k].failed;
			ok += a->operations[k].ok;
			requests += a->operations[k].requests;
		}
		assert_int_equal(ok, a->ok);
		assert_int_equal(failed, counts_failed(a));
		assert_int_equal(requests, a->requests);
	}
}

/* ---- tests ---- */

static void the_share_is_what_is_routed(void **state)
{
	(void)state;
	begin(1, scenario_find("quiet"));
	sim_run(s, 10000);
	assert_int_equal(look()->arms[ARM_V2].requests, 0);
	assert_int_equal(share(2500), 200);
	int64_t before = look()->arms[ARM_V1].requests;
	sim_run(s, 600000);
	look();
	double v2 = (double)snap->arms[ARM_V2].requests;
	double all = v2 + (double)(snap->arms[ARM_V1].requests - before);
	assert_true(all > 1000);
	assert_true(v2 / all > 0.15 && v2 / all < 0.35);
	assert_exact();
}

static void no_time_passes_but_by_running(void **state)
{
	(void)state;
	begin(1, scenario_demo());
	struct instant start = sim_now(s);
	sim_run(s, 3600000);
	assert_int_equal(sim_now(s).boot_ms - start.boot_ms, 3600000);
	assert_int_equal(look()->uptime_ms, 3600000);
	sim_skew(s, -60000);
	assert_int_equal(sim_now(s).wall_ms - start.wall_ms, 3540000);
	assert_int_equal(look()->now_ms, sim_now(s).wall_ms);
}

static struct fault some_fault(uint64_t *random)
{
	struct fault f = {0};
	switch (hash_next(random) % 9) {
	case 0:
		f.error_rate = hash_next_fraction(random);
		break;
	case 1:
		f.slow_factor = 1 + hash_next_fraction(random) * 20;
		break;
	case 2:
		f.hang = true;
		break;
	case 3:
		f.crash_rate = hash_next_fraction(random) / 2;
		break;
	case 4:
		f.stall = true;
		break;
	case 5:
		f.leak_bytes = 1000;
		f.latency_add_us = 300000;
		break;
	case 6:
		f.error_rate = 1;
		f.lies = true;
		break;
	default:
		break;
	}
	return f;
}

static const enum strategy strategies[] = {STRATEGY_CANARY, STRATEGY_PRIMARY_WITH_FALLBACK,
	STRATEGY_SHADOW, STRATEGY_AB_TEST, STRATEGY_FULL_MIGRATION, STRATEGY_PRIMARY_ONLY};

/* A random day: faults, shares, strategies, restarts. */
static void live(uint64_t seed, int looks, bool check)
{
	uint64_t random = seed;
	for (int i = 0; i < looks; i++) {
		struct fault f = some_fault(&random);
		sim_fault(s, hash_next(&random) % 2 ? ARM_V2 : ARM_V1, &f);
		enum strategy to = strategies[hash_next(&random) % 6];
		int implied_bp = strategy_share_bp(to);
		order(VERB_STEP, implied_bp >= 0 ? implied_bp : (int)(hash_next(&random) % 10001), NULL,
			to);
		if (hash_next(&random) % 20 == 0)
			sim_restart(s);
		sim_run(s, (int64_t)(hash_next(&random) % 7000));
		if (check)
			assert_exact();
	}
}

static void q8_counts_are_exact_at_every_look(void **state)
{
	(void)state;
	scenario = *scenario_demo();
	scenario.rate = 120;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		begin(seed, &scenario);
		live(seed, 60, true);
	}
}

static void a_seed_is_a_run(void **state)
{
	(void)state;
	struct snapshot *first = mem_new(1, sizeof *first);
	scenario = *scenario_demo();
	for (uint64_t seed = 1; seed <= 2; seed++) {
		begin(seed, &scenario);
		live(seed, 40, false);
		sim_snapshot(s, first);
		begin(seed, &scenario);
		live(seed, 40, false);
		look();
		assert_memory_equal(first, snap, sizeof *first);
		begin(seed + 100, &scenario);
		live(seed, 40, false);
		look();
		assert_memory_not_equal(first, snap, sizeof *first);
	}
	free(first);
}

/* The demo: at 2:00 v2's predict begins to fail, and the pool goes back by itself. */
static void its_guard_rolls_back(void **state)
{
	(void)state;
	struct guard_limits l;
	guard_limits_init(&l);
	l.error_rate = 0.03;
	l.action = GUARD_ACTION_ROLLBACK;
	begin(7, scenario_demo());
	sim_run(s, 5000);
	assert_int_equal(order(VERB_STEP, 5000, &l, STRATEGY_COUNT), 200);
	sim_run(s, 110000);
	assert_int_equal(look()->share_bp, 5000);
	sim_run(s, 60000);
	assert_int_equal(look()->share_bp, 0);
	struct audit_entry e;
	assert_int_equal(sim_audit(s, snap->audit_seq - 1, &e, 1), 1);
	assert_string_equal(e.what, "rollback");
	assert_string_equal(e.actor, POOL_ACTOR);
	int64_t v2 = snap->arms[ARM_V2].requests;
	sim_run(s, 60000);
	assert_int_equal(look()->arms[ARM_V2].requests, v2);
}

static void c1_a_breaker_opens_and_closes(void **state)
{
	(void)state;
	struct fault broken = {.error_rate = 1}, none = {0};
	begin(3, scenario_demo());
	assert_int_equal(share(5000), 200);
	sim_fault(s, ARM_V2, &broken);
	sim_run(s, 10000);
	assert_int_equal(look()->arms[ARM_V2].breaker.state, BREAKER_OPEN);
	assert_true(snap->arms[ARM_V2].failed[FAILURE_REFUSED] > 0);
	assert_int_equal(snap->arms[ARM_V1].failed[FAILURE_REFUSED], 0);
	sim_fault(s, ARM_V2, &none);
	sim_run(s, 70000);
	assert_int_equal(look()->arms[ARM_V2].breaker.state, BREAKER_CLOSED);
	assert_true(snap->arms[ARM_V2].breaker.opened >= 1);
	assert_exact();
}

static void w4_a_crash_storm_returns_to_size(void **state)
{
	(void)state;
	struct fault storm = {.crash_rate = 0.3}, none = {0};
	begin(5, scenario_demo());
	assert_int_equal(share(10000), 200);
	sim_fault(s, ARM_V2, &storm);
	sim_run(s, 30000);
	assert_true(look()->arms[ARM_V2].workers.crashed > 10);
	sim_fault(s, ARM_V2, &none);
	sim_run(s, 120000);
	look();
	assert_int_equal(snap->arms[ARM_V2].workers.ready, snap->arms[ARM_V2].workers.total);
	assert_int_equal(snap->arms[ARM_V2].workers.restarted, snap->arms[ARM_V2].workers.crashed);
	assert_exact();
}

static void r11_a_fall_back_never_reaches_v2_at_share_0(void **state)
{
	(void)state;
	struct fault broken = {.error_rate = 1};
	begin(9, scenario_demo());
	sim_fault(s, ARM_V1, &broken);
	assert_int_equal(order(VERB_STEP, 0, NULL, STRATEGY_PRIMARY_WITH_FALLBACK), 200);
	sim_run(s, 20000);
	assert_int_equal(look()->arms[ARM_V2].retries, 0);
	assert_int_equal(order(VERB_STEP, 1000, NULL, STRATEGY_PRIMARY_WITH_FALLBACK), 200);
	sim_run(s, 20000);
	look();
	assert_true(snap->arms[ARM_V2].retries > 0);
	assert_true(snap->arms[ARM_V1].rescued > 0);
	assert_true(counts_failed(&snap->arms[ARM_V1]) >= snap->arms[ARM_V1].rescued);
}

/* A failure that nobody rescued is the answer: nothing is made up. */
static void e7_where_both_fail_nothing_answers(void **state)
{
	(void)state;
	struct fault broken = {.error_rate = 1};
	begin(9, scenario_demo());
	sim_fault(s, ARM_V1, &broken);
	sim_fault(s, ARM_V2, &broken);
	assert_int_equal(order(VERB_STEP, 5000, NULL, STRATEGY_PRIMARY_WITH_FALLBACK), 200);
	sim_run(s, 30000);
	look();
	for (int i = 0; i < ARM_COUNT; i++) {
		assert_int_equal(snap->arms[i].ok, 0);
		assert_int_equal(snap->arms[i].rescued, 0);
		assert_true(counts_failed(&snap->arms[i]) > 0);
	}
}

static void an_unknown_operation_is_refused(void **state)
{
	(void)state;
	scenario = *scenario_demo();
	text_copy(scenario.operations[0].name, sizeof scenario.operations[0].name, "nonsense");
	const struct sim_options how = {.work = {.scenario = &scenario}};
	struct err err = {0};
	struct sim *none;
	assert_int_equal(sim_new(&none, &how, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, "\"nonsense\""));
}

static int make(void **state)
{
	(void)state;
	snap = mem_new(1, sizeof *snap);
	return 0;
}

static int release(void **state)
{
	(void)state;
	sim_free(s);
	s = NULL;
	free(snap);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_share_is_what_is_routed),
		T(no_time_passes_but_by_running),
		T(q8_counts_are_exact_at_every_look),
		T(a_seed_is_a_run),
		T(its_guard_rolls_back),
		T(c1_a_breaker_opens_and_closes),
		T(w4_a_crash_storm_returns_to_size),
		T(r11_a_fall_back_never_reaches_v2_at_share_0),
		T(e7_where_both_fail_nothing_answers),
		T(an_unknown_operation_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
