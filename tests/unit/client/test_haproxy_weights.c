/* The HAProxy driver changes weights, and the way back without weir. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/haproxy_advice.h"
#include "tests/unit/client/haproxy_rig.h"

/* ---- weights ---- */

static void weights_rise_before_they_fall(void **state)
{
	struct fixture *f = *state;
	f->fake.maint[1] = true;
	open_at(f, f->pair);
	assert_int_equal(f->heard.snapshot.share_bp, 0);
	set_mode(f, RUNTIME_GOOD);
	const struct answer *a = step(f, 2500);
	assert_int_equal(a->kind, ANSWER_APPLIED);
	assert_int_equal(a->share_bp, 2500);
	const char *heard = text_str(&f->fake.heard);
	const char *v2 = strstr(heard, "set server pair/b weight"),
			   *v1 = strstr(heard, "pair/a weight");
	assert_non_null(v1);
	assert_true(v2 < v1);
	assert_non_null(strstr(heard, "pair/b state ready"));
	assert_false(f->fake.maint[1]);

	assert_int_equal(snapshot_of(f)->rev, 1);
	set_mode(f, RUNTIME_GOOD);
	struct command back = a_command(f, VERB_ROLLBACK, -1);
	assert_int_equal(order(f, &back, false)->share_bp, 0);
	heard = text_str(&f->fake.heard);
	v2 = strstr(heard, "set server pair/b weight");
	v1 = strstr(heard, "pair/a weight");
	assert_true(v1 < v2);
	/* clients that a cookie binds leave a server in maintenance alone */
	assert_true(f->fake.maint[1]);
}

/* Whoever drained v1 while v2 had all of it: the way back ends with v1 at work. */
static void a_rollback_ends_with_v1_at_work(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 2; i++) {
		f->fake.permille = 1000;
		f->fake.weight[0] = 0;
		f->fake.weight[1] = 100;
		f->fake.maint[1] = false;
		open_at(f, i ? f->map : f->pair);
		struct command out = a_command(f, VERB_DRAIN, -1);
		out.drain = (struct drain){.arm = ARM_V1, .segment = -1, .worker = -1};
		out.drains = true;
		assert_int_equal(order(f, &out, false)->kind, ANSWER_APPLIED);
		assert_true(f->fake.drained[0]);
		struct command back = a_command(f, VERB_ROLLBACK, 0);
		const struct answer *a = order(f, &back, false);
		assert_int_equal(a->kind, ANSWER_APPLIED);
		assert_int_equal(a->share_bp, 0);
		assert_false(f->fake.drained[0]);
		assert_int_equal(snapshot_of(f)->arms[ARM_V1].workers.ready, 1);
		driver_haproxy.close(f->driver);
		f->driver = NULL;
	}
}

/* v1's servers are down: v2 keeps whom a cookie binds, and nobody calls it done. */
static void a_rollback_to_a_dead_v1_is_not_done(void **state)
{
	struct fixture *f = *state;
	f->fake.weight[1] = 100;
	open_at(f, f->pair);
	f->fake.down[0] = true;
	struct command back = a_command(f, VERB_ROLLBACK, 0);
	const struct answer *a = order(f, &back, false);
	assert_int_equal(a->kind, ANSWER_LOST);
	assert_non_null(strstr(a->err.text, "takes work"));
	assert_int_equal(f->fake.weight[1], 0);
	assert_false(f->fake.maint[1]);
	assert_int_equal(snapshot_of(f)->arms[ARM_V1].workers.ready, 0);
	f->fake.down[0] = false; /* pressed again */
	assert_int_equal(order(f, &back, false)->kind, ANSWER_APPLIED);
	assert_true(f->fake.maint[1]);
}

static void a_step_leaves_out_whom_a_person_took_out(void **state)
{
	struct fixture *f = *state;
	f->fake.weight[1] = 5;
	f->fake.maint[1] = true;
	open_at(f, f->pair);
	set_mode(f, RUNTIME_GOOD);
	step(f, 2500);
	assert_false(was_asked(f, "pair/b state"));
	assert_true(f->fake.maint[1]);
}

/* Weights that a person set, which no step can: the way back takes the nearest below. */
static void a_rollback_takes_the_nearest_below(void **state)
{
	struct fixture *f = *state;
	f->fake.weight[1] = 100;
	open_at(f, f->pair);
	struct command back = a_command(f, VERB_ROLLBACK, 20);
	const struct answer *a = order(f, &back, false);
	assert_int_equal(a->kind, ANSWER_APPLIED);
	assert_int_equal(a->err.code, ERR_APPLIED_AS);
	assert_int_equal(a->share_bp, 0);
	driver_haproxy.close(f->driver);
	open_at(f, f->map);
	back = a_command(f, VERB_ROLLBACK, 3337);
	assert_int_equal(order(f, &back, false)->share_bp, 3330);
	driver_haproxy.close(f->driver);
	char target[300];
	snprintf(target, sizeof target, "%s&map=/m", f->pair);
	open_at(f, target);
	struct command arm = a_command(f, VERB_ARM, -1);
	arm.baseline_bp = 20;
	a = order(f, &arm, false);
	assert_int_equal(a->kind, ANSWER_REFUSED);
	assert_int_equal(a->err.code, ERR_LIMIT);
	assert_non_null(strstr(a->err.text, "go back"));
	arm.baseline_bp = 500;
	snprintf(arm.id, sizeof arm.id, "another");
	assert_int_equal(order(f, &arm, false)->kind, ANSWER_APPLIED);
}

static void weights_alone_keep_no_hold(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->pair);
	struct command c = a_command(f, VERB_HOLD, -1);
	const struct answer *a = order(f, &c, false);
	assert_int_equal(a->err.code, ERR_LIMIT);
	assert_non_null(strstr(a->err.text, "map=FILE"));
	c = a_command(f, VERB_ARM, -1);
	a = order(f, &c, false);
	assert_int_equal(a->err.code, ERR_LIMIT);
	assert_non_null(strstr(a->err.text, "baseline"));
	assert_int_equal(snapshot_of(f)->baseline_bp, -1);
	c = a_command(f, VERB_ADOPT, -1);
	assert_int_equal(order(f, &c, false)->kind, ANSWER_APPLIED);
	assert_true(snapshot_of(f)->hold.on);
	assert_int_equal(step(f, 1000)->err.code, ERR_HELD);
	c = a_command(f, VERB_RESUME, -1);
	assert_int_equal(order(f, &c, false)->kind, ANSWER_APPLIED);
	assert_false(snapshot_of(f)->hold.on);
	assert_int_equal(step(f, 10)->err.code, ERR_LIMIT);
}

/* A map beside the weights keeps what they have no place for. */
static void weights_with_a_map_are_noted(void **state)
{
	struct fixture *f = *state;
	char target[300];
	snprintf(target, sizeof target, "%s&map=/m", f->pair);
	open_at(f, target);
	assert_int_equal(step(f, 2500)->kind, ANSWER_APPLIED);
	assert_int_equal(f->fake.permille, 0); /* the number of the map is another split's */
	const struct snapshot *s = snapshot_of(f);
	assert_int_equal(s->share_bp, 2500);
	assert_int_equal(s->rev, 1);
	assert_string_equal(s->change.actor, "ana@db1");
	struct command hold = a_command(f, VERB_HOLD, -1);
	assert_int_equal(order(f, &hold, false)->kind, ANSWER_APPLIED);
	driver_haproxy.close(f->driver);
	open_at(f, target); /* another process knows it too */
	assert_true(f->heard.snapshot.hold.on);
	assert_int_equal(step(f, 5000)->err.code, ERR_HELD);
}

static void a_refusal_for_want_of_rights_is_one(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->pair);
	set_mode(f, RUNTIME_DENIED);
	const struct answer *a = step(f, 1000);
	assert_int_equal(a->kind, ANSWER_REFUSED);
	assert_int_equal(a->err.code, ERR_READ_ONLY);
}

static void a_drain_takes_servers_out_and_back(void **state)
{
	struct fixture *f = *state;
	f->fake.weight[1] = 100;
	open_at(f, f->pair);
	struct command c = a_command(f, VERB_DRAIN, -1);
	c.drain = (struct drain){.arm = ARM_V2, .segment = -1, .worker = -1};
	c.drains = true;
	assert_int_equal(order(f, &c, false)->err.code, ERR_LIMIT); /* all that serves v2 */
	c.drains = false;
	assert_int_equal(order(f, &c, false)->kind, ANSWER_APPLIED);
	assert_true(was_asked(f, "set server pair/b state ready"));
}

/* ---- the way back without weir ---- */

static void the_way_back_is_one_line(void **state)
{
	(void)state;
	struct text t = {0};
	haproxy_advise_way_back(&t, "haproxy:/s?map=/m&key=orders&v1=a&v2=b", 500);
	assert_string_equal(
		text_str(&t), "echo 'set map /m orders 50' | socat stdio 'unix-connect:/s'");
	text_clear(&t);
	haproxy_advise_way_back(&t, "haproxy://10.0.0.1:99?backend=p&v1=a&v2=b", -1);
	assert_string_equal(text_str(&t),
		"echo 'set server p/a weight 100; set server p/b weight 0; set server p/b state maint' "
		"| socat stdio tcp:10.0.0.1:99");
	text_clear(&t);
	haproxy_advise_way_back(&t, "haproxy://[::1]:9999?map=/m&key=k&v1=a&v2=b", -1);
	assert_string_equal(text_str(&t), "echo 'set map /m k 0' | socat stdio 'tcp:[::1]:9999'");
	text_clear(&t);
	haproxy_advise_way_back(&t, "haproxy:/s", -1);
	assert_int_equal(t.len, 0);
	text_free(&t);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(weights_rise_before_they_fall),
		CASE(a_rollback_ends_with_v1_at_work),
		CASE(a_rollback_to_a_dead_v1_is_not_done),
		CASE(a_step_leaves_out_whom_a_person_took_out),
		CASE(a_rollback_takes_the_nearest_below),
		CASE(weights_alone_keep_no_hold),
		CASE(weights_with_a_map_are_noted),
		CASE(a_refusal_for_want_of_rights_is_one),
		CASE(a_drain_takes_servers_out_and_back),
		cmocka_unit_test(the_way_back_is_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
