/* Tests of the fake pool that desks are tested with: every verb reaches its control, time acts
 * once a second, what is to be lost is lost. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/wire.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/fake.h"

#include <stdlib.h>
#include <string.h>

static struct fake *f;
static struct driver *d;
static struct snapshot *doc;
static struct instant now;
static struct answer answer;
static int answers, leases;

static void hear(void *ctx, const struct driver_event *e)
{
	(void)ctx;
	answers += e->kind == DRIVER_ANSWER;
	leases += e->kind == DRIVER_LEASE;
	if (e->answer)
		answer = *e->answer;
	if (e->snapshot)
		*doc = *e->snapshot;
}

static int setup(void **state)
{
	(void)state;
	now = (struct instant){5000000, 1763733600000};
	f = fake_new("one", 1, now);
	doc = mem_new(1, sizeof *doc);
	answers = leases = 0;
	const struct driver_open how = {
		.node = 1, .target = "fake:one", .sink = {.event = hear}, .now = now};
	return fake_driver.open(&d, &how, NULL);
}

static int teardown(void **state)
{
	(void)state;
	fake_driver.close(d);
	fake_free(f);
	free(doc);
	return 0;
}

static void pass(int64_t ms)
{
	now.boot_ms += ms;
	now.wall_ms += ms;
	fake_driver.turn(d, now);
}

static void look(void)
{
	fake_driver.poll(d, now);
	fake_driver.turn(d, now);
}

static struct command command(enum verb verb, const char *id)
{
	struct command c = {.verb = verb,
		.from_bp = -1,
		.strategy = STRATEGY_COUNT,
		.baseline_bp = -1,
		.epoch = fake_epoch(f),
		.rev = fake_rev(f),
		.actor = "kim@ops1"};
	text_copy(c.id, sizeof c.id, id);
	return c;
}

static void send(const struct command *c, enum answer_kind kind, enum err_code code)
{
	fake_driver.apply(d, c, now);
	fake_driver.turn(d, now);
	if (answer.kind != kind || answer.err.code != code)
		fail_msg("%s: kind %d, %s %s", c->id, answer.kind, err_name(answer.err.code),
			answer.err.text);
}

static struct command raise(const char *id, int to_bp, int64_t keep_within_ms)
{
	struct command c = command(VERB_STEP, id);
	c.to_bp = to_bp;
	c.keep_within_ms = keep_within_ms;
	return c;
}

static struct command guarded(const char *id, int to_bp)
{
	struct command c = raise(id, to_bp, 0);
	c.has_guard = true;
	guard_limits_init(&c.guard);
	c.guard.error_rate = 0.05;
	c.guard.window_ms = 10000;
	return c;
}

static void a_raise_that_nobody_keeps_goes_back(void **state)
{
	(void)state;
	struct command c = command(VERB_ARM, "arm");
	text_copy(c.plan_hash, sizeof c.plan_hash, "abc");
	c.on_orphan = ORPHAN_REVERT;
	send(&c, ANSWER_APPLIED, ERR_NONE);
	c = raise("s1", 1000, 10000);
	send(&c, ANSWER_APPLIED, ERR_NONE);
	assert_true(fake_keep(f).on);
	pass(9000);
	assert_int_equal(fake_share_bp(f), 1000);
	pass(2000);
	assert_int_equal(fake_share_bp(f), 0);
	assert_false(fake_keep(f).on);
	look();
	assert_int_equal(doc->share_bp, 0);
	assert_string_equal(doc->change.actor, POOL_ACTOR);
}

static void kept_it_stays(void **state)
{
	(void)state;
	struct command c = raise("s1", 1000, 10000);
	send(&c, ANSWER_APPLIED, ERR_NONE);
	c = command(VERB_KEEP, "k1");
	send(&c, ANSWER_APPLIED, ERR_NONE);
	pass(60000);
	assert_int_equal(fake_share_bp(f), 1000);
	look();
	assert_int_equal(doc->kept_bp, 1000);
}

static void its_own_guard_rolls_back(void **state)
{
	(void)state;
	struct command c = guarded("s1", 5000);
	send(&c, ANSWER_APPLIED, ERR_NONE);
	pass(15000);
	look();
	assert_int_equal(doc->guard.state, GUARD_GREEN);
	assert_true(doc->guard.armed);
	f->error_rate[ARM_V2] = 0.5;
	pass(5000);
	assert_int_equal(fake_share_bp(f), 0);
}

static void without_a_guard_nothing_rolls_back(void **state)
{
	(void)state;
	f->guards = false;
	struct command c = guarded("s1", 3000);
	send(&c, ANSWER_APPLIED, ERR_NONE);
	f->error_rate[ARM_V2] = 0.5;
	pass(90000);
	assert_int_equal(fake_share_bp(f), 3000);
	look();
	assert_false(doc->guard.known);
	c = raise("s2", 4000, 5000);
	send(&c, ANSWER_APPLIED, ERR_NONE);
	pass(6000);
	assert_int_equal(fake_share_bp(f), 3000); /* deadlines need no guard */
}

static void lend(const char *actor, int64_t ttl_ms, enum answer_kind kind, enum err_code code)
{
	struct lease_request r = {.ttl_ms = ttl_ms};
	text_copy(r.actor, sizeof r.actor, actor);
	int before = leases;
	fake_driver.lease(d, &r, now);
	fake_driver.turn(d, now);
	assert_int_equal(leases, before + 1);
	assert_int_equal(answer.kind, kind);
	assert_int_equal(answer.err.code, code);
}

static void leases_pass(void **state)
{
	(void)state;
	lend("kim@ops1", 30000, ANSWER_APPLIED, ERR_NONE);
	assert_string_equal(fake_lease(f).holder, "kim@ops1");
	assert_int_equal(fake_lend(f, "ana@ops2", 30000), 423);
	lend("ana@ops2", 30000, ANSWER_REFUSED, ERR_LEASE);
	pass(31000);
	assert_string_equal(fake_lease(f).holder, "");
	assert_int_equal(fake_lend(f, "ana@ops2", 30000), 200);
	f->silent = true;
	lend("ana@ops2", 0, ANSWER_LOST, ERR_SLOW);
	f->silent = false;
	assert_string_equal(fake_lease(f).holder, "ana@ops2");
	assert_int_equal(f->leases, 3);
	/* one that knows none */
	f->no_lease = true;
	lend("ana@ops2", 0, ANSWER_REFUSED, ERR_PROTOCOL);
	look();
	assert_false(doc->lease.known);
}

static void a_store_brings_back_all_but_the_lease(void **state)
{
	(void)state;
	lend("kim@ops1", 600000, ANSWER_APPLIED, ERR_NONE);
	struct command c = raise("s1", 1000, 10000);
	send(&c, ANSWER_APPLIED, ERR_NONE);
	int64_t epoch = fake_epoch(f);
	look();
	char boot_id[POOL_ID_MAX];
	text_copy(boot_id, sizeof boot_id, doc->boot_id);
	pass(4000);
	fake_restart_stored(f);
	look();
	assert_string_not_equal(doc->boot_id, boot_id);
	assert_int_equal(doc->arms[ARM_V1].requests, 0);
	assert_int_equal(doc->change.arms[ARM_V1].requests, 0);
	assert_int_equal(doc->share_bp, 1000);
	assert_int_equal(doc->epoch, epoch);
	assert_string_equal(doc->lease.holder, "");
	assert_true(doc->keep.on);
	send(&c, ANSWER_APPLIED, ERR_NONE);
	assert_true(answer.replayed);
	pass(7000);
	assert_false(fake_keep(f).on);
	/* without one all is forgotten */
	fake_restart(f, false);
	assert_int_equal(fake_share_bp(f), 0);
	assert_true(fake_epoch(f) > epoch);
}

static void it_does_less_than_asked_when_told_to(void **state)
{
	(void)state;
	f->clamp_bp = 500;
	struct command c = raise("s1", 1000, 0);
	send(&c, ANSWER_APPLIED, ERR_APPLIED_AS);
	assert_string_equal(answer.err.text, "applied as 5 %, asked 10 %");
	assert_int_equal(fake_share_bp(f), 500);
	c = raise("s2", 10001, 0);
	f->clamp_bp = -1;
	send(&c, ANSWER_REFUSED, ERR_PROTOCOL); /* no real pool would read it */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_raise_that_nobody_keeps_goes_back),
		T(kept_it_stays),
		T(its_own_guard_rolls_back),
		T(without_a_guard_nothing_rolls_back),
		T(leases_pass),
		T(a_store_brings_back_all_but_the_lease),
		T(it_does_less_than_asked_when_told_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
