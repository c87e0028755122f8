/* A real HAProxy that dies or hangs under a desk: what is said while it is gone, what is pressed
 * into the silence, and what has become of it when it is back. The desk's clock is moved on, so that
 * a minute takes none. Without HAProxy every case is skipped, saying so. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/haproxy.h"
#include "tests/lib/process.h"
#include "tests/lib/real.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 10000

static struct real r;
static struct balancer b;
static bool there;

static int set_up(void **state)
{
	static char target[512];
	const char *const targets[] = {target};
	(void)state;
	there = balancer_is_there();
	if (!there)
		return 0;
	real_init(&r);
	setenv("WEIR_LOCK_DIR", r.dir, 1);
	balancer_start(&b, r.dir, 0);
	snprintf(target, sizeof target, "haproxy:%s?map=%s&key=orders&v1=v1&v2=v2", b.admin, b.map);
	real_desk(&r, "ana@db1");
	real_add(&r, "orders", targets, 1, NULL);
	REAL_UNTIL(&r, WAIT_MS, real_standing(&r, 0)->freshness == FRESHNESS_LIVE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (!there)
		return 0;
	real_close(&r);
	balancer_stop(&b);
	real_release(&r);
	unsetenv("WEIR_LOCK_DIR");
	return 0;
}

static bool is_done(const char *id)
{
	return real_view(&r, id).progress == PROGRESS_DONE;
}

static const struct decision *decision(const char *id)
{
	static struct act_view v;
	v = real_view(&r, id);
	return &v.decision;
}

static struct act_result step(int to_bp)
{
	struct act_result a = real_act(&r, 0, VERB_STEP, to_bp);
	if (a.status != ACT_BEGUN) {
		char why[400];
		interlock_summary(why, sizeof why, &a.interlock);
		fail_msg("refused: %s%s", why, a.err.text);
	}
	return a;
}

static bool says(const char *text)
{
	return strstr(real_standing(&r, 0)->headline.text, text) != NULL;
}

/* Killed, with a share that its file does not know: LATE, STALE, LOST, and a rollback that was
 * pressed meanwhile arrives at whatever comes back. */
static void killed_it_is_lost_and_a_rollback_waits_for_it(void **state)
{
	(void)state;
	if (!there)
		skip();
	struct act_result up = step(1000);
	REAL_UNTIL(&r, WAIT_MS, is_done(up.id));
	assert_int_equal(decision(up.id)->outcome, OUTCOME_APPLIED);
	assert_true(decision(up.id)->verified_ms != UNKNOWN);
	balancer_kill(&b);
	REAL_UNTIL(&r, WAIT_MS, real_standing(&r, 0)->freshness >= FRESHNESS_LATE);
	real_skip(&r, 14000);
	assert_int_equal(real_standing(&r, 0)->freshness, FRESHNESS_STALE);
	assert_true(says("all figures are old"));
	assert_int_equal(real_act(&r, 0, VERB_STEP, 2000).status, ACT_REFUSED);
	real_skip(&r, 60000);
	assert_int_equal(real_standing(&r, 0)->freshness, FRESHNESS_LOST);
	REAL_UNTIL(&r, WAIT_MS, real_node(&r, 0, 0)->trouble.code == ERR_UNREACHABLE);
	assert_int_equal(real_standing(&r, 0)->guard.state, GUARD_NONE);
	/* Old news are no share. */
	assert_int_equal(real_standing(&r, 0)->reported_bp, 1000);
	struct act_result back = real_act(&r, 0, VERB_ROLLBACK, -1);
	assert_int_equal(back.status, ACT_BEGUN);
	for (int i = 0; i < 5; i++) {
		real_skip(&r, 30000);
		assert_false(is_done(back.id));
	}
	assert_int_equal(real_standing(&r, 0)->state, STATE_ROLLING_BACK);
	/* Somebody wrote the share into the file: a restart alone would bring the canary back. */
	FILE *f = fopen(b.map, "w");
	assert_non_null(f);
	fputs("orders 100\n", f);
	fclose(f);
	balancer_run(&b);
	real_skip(&r, 30000);
	REAL_UNTIL(&r, WAIT_MS, balancer_value(&b, "orders") == 0);
	real_skip(&r, 30000);
	REAL_UNTIL(&r, WAIT_MS, real_standing(&r, 0)->freshness == FRESHNESS_LIVE);
	for (int64_t end = process_clock_ms() + WAIT_MS; !is_done(back.id);) {
		assert_true(process_clock_ms() < end);
		real_skip(&r, 200); /* two looks at v2 at rest */
	}
	assert_int_equal(decision(back.id)->outcome, OUTCOME_APPLIED);
	assert_true(decision(back.id)->verified_ms != UNKNOWN);
	assert_int_equal(real_standing(&r, 0)->state, STATE_ROLLED_BACK);
	assert_int_equal(desk_open_acts(r.desk), 0);
}

/* It hangs: what was asked then never reached it, is told so, and is not done when it wakes. */
static void what_it_slept_through_never_happens(void **state)
{
	(void)state;
	if (!there)
		skip();
	pid_t worker = (pid_t)balancer_info(&b, "Pid");
	assert_true(worker > 1);
	assert_int_equal(kill(worker, SIGSTOP), 0);
	struct act_result up = step(1000);
	for (int64_t end = process_clock_ms() + WAIT_MS; !is_done(up.id);) {
		assert_true(process_clock_ms() < end);
		real_skip(&r, 200);
	}
	assert_int_equal(decision(up.id)->outcome, OUTCOME_NOT_SENT);
	real_skip(&r, 70000);
	assert_int_equal(real_standing(&r, 0)->freshness, FRESHNESS_LOST);
	assert_int_equal(kill(worker, SIGCONT), 0);
	real_skip(&r, 30000);
	REAL_UNTIL(&r, WAIT_MS, real_standing(&r, 0)->freshness == FRESHNESS_LIVE);
	assert_int_equal(balancer_value(&b, "orders"), 0);
	assert_int_equal(real_standing(&r, 0)->reported_bp, 0);
	assert_int_equal(desk_open_acts(r.desk), 0);
	/* And it goes on. */
	up = step(500);
	REAL_UNTIL(&r, WAIT_MS, is_done(up.id));
	assert_int_equal(decision(up.id)->outcome, OUTCOME_APPLIED);
	assert_int_equal(balancer_value(&b, "orders"), 50);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(killed_it_is_lost_and_a_rollback_waits_for_it),
		CASE(what_it_slept_through_never_happens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
