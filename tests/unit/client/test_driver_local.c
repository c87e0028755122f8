/* Tests of `local:`: what is asked is told in `turn`, with the console's own codes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/drivers.h"
#include "client/engine/engine.h"
#include "model/scenario.h"
#include "model/text.h"

#include <stdlib.h>
#include <string.h>

/* The last event, with its data. */
static struct seen {
	int events;
	enum driver_event_kind kind;
	uint64_t node;
	struct answer answer;
	char intent[DECISION_ID_MAX];
	size_t audit_count;
	struct audit_entry audit[8];
	struct snapshot snapshot;
	int64_t ttl_ms;
	struct driver *again; /* polled from within the event */
} * seen;

static struct driver *d;

static void on_event(void *ctx, const struct driver_event *event)
{
	assert_ptr_equal(ctx, seen);
	seen->events++;
	seen->kind = event->kind;
	seen->node = event->node;
	if (event->answer)
		seen->answer = *event->answer;
	seen->ttl_ms = event->ttl_ms;
	if (event->intent)
		text_copy(seen->intent, sizeof seen->intent, event->intent);
	if (event->snapshot)
		seen->snapshot = *event->snapshot;
	if (event->audit) {
		seen->audit_count = event->audit_count;
		assert_true(event->audit_count <= 8);
		memcpy(seen->audit, event->audit, event->audit_count * sizeof *event->audit);
	}
	if (seen->again)
		driver_local.poll(seen->again, event->at);
	seen->again = NULL;
}

static int open_as(uint64_t node, const char *pool, const char *target,
	const struct scenario *s, struct err *err)
{
	struct driver_open how = {.node = node,
		.pool = pool,
		.target = target,
		.scenario = s,
		.now = engine_now(),
		.sink = {.event = on_event, .ctx = seen}};
	return driver_local.open(&d, &how, err);
}

#define NODE (1 << 16) /* the first pool's first */

static int open_at(const char *target, const struct scenario *s, struct err *err)
{
	return open_as(NODE, NULL, target, s, err);
}

static int setup(void **state)
{
	(void)state;
	seen = calloc(1, sizeof *seen);
	return open_at("local:", NULL, NULL);
}

static int teardown(void **state)
{
	(void)state;
	driver_local.close(d);
	free(seen);
	return 0;
}

static void turn(int events)
{
	seen->events = 0;
	driver_local.turn(d, engine_now());
	assert_int_equal(seen->events, events);
}

static void look(void)
{
	driver_local.poll(d, engine_now());
	turn(1);
	assert_int_equal(seen->kind, DRIVER_SNAPSHOT);
}

static struct command step(const char *id, int to_bp)
{
	look();
	struct command c = {.verb = VERB_STEP,
		.from_bp = seen->snapshot.share_bp,
		.to_bp = to_bp,
		.strategy = STRATEGY_COUNT,
		.epoch = seen->snapshot.epoch,
		.rev = seen->snapshot.rev,
		.actor = "ann@host"};
	text_copy(c.id, sizeof c.id, id);
	return c;
}

static void send(const struct command *c, enum answer_kind kind, enum err_code code)
{
	driver_local.apply(d, c, engine_now());
	turn(1);
	assert_int_equal(seen->kind, DRIVER_ANSWER);
	assert_int_equal(seen->node, NODE);
	assert_string_equal(seen->intent, c->id);
	assert_int_equal(seen->answer.kind, kind);
	assert_int_equal(seen->answer.err.code, code);
}

static void act(enum verb verb, const char *id)
{
	struct command c = {.verb = verb, .strategy = STRATEGY_COUNT, .actor = "bob@host"};
	text_copy(c.id, sizeof c.id, id);
	send(&c, ANSWER_APPLIED, ERR_NONE);
}

static void resolve(const char *id, enum answer_kind kind)
{
	driver_local.resolve(d, id, engine_now());
	turn(1);
	assert_int_equal(seen->kind, DRIVER_RESOLVED);
	assert_string_equal(seen->intent, id);
	assert_int_equal(seen->answer.kind, kind);
}

static void poll_is_told_once_in_turn(void **state)
{
	(void)state;
	turn(0);
	driver_local.poll(d, engine_now());
	driver_local.poll(d, engine_now());
	assert_int_equal(seen->events, 0);
	turn(1);
	turn(0);
	assert_string_equal(seen->snapshot.pool, "local");
	assert_int_equal(seen->snapshot.strategy, STRATEGY_CANARY);
	assert_int_equal(seen->snapshot.arms[ARM_V1].requests, 0);
}

static void poll_from_within_an_event_comes_next_turn(void **state)
{
	(void)state;
	seen->again = d;
	look();
	turn(1);
	assert_int_equal(seen->snapshot.seq, 2);
}

static void answers_in_the_order_asked(void **state)
{
	(void)state;
	struct command c = step("k1", 1000);
	driver_local.apply(d, &c, engine_now());
	driver_local.audit(d, 0, engine_now());
	driver_local.poll(d, engine_now());
	turn(3);
	assert_int_equal(seen->answer.kind, ANSWER_APPLIED);
	assert_int_equal(seen->answer.share_bp, 1000);
	assert_int_equal(seen->answer.rev, 1);
	assert_true(seen->answer.durable);
	assert_int_equal(seen->audit_count, 1);
	assert_string_equal(seen->audit[0].key, "k1");
	assert_int_equal(seen->kind, DRIVER_SNAPSHOT);
	assert_int_equal(seen->snapshot.share_bp, 1000);
}

static void refusals_have_codes(void **state)
{
	(void)state;
	struct command first = step("k1", 1000), late = step("k2", 2000), old = step("k3", 3000);
	send(&first, ANSWER_APPLIED, ERR_NONE);
	send(&first, ANSWER_APPLIED, ERR_NONE);
	assert_true(seen->answer.replayed);
	send(&late, ANSWER_REFUSED, ERR_CHANGED);
	assert_string_equal(seen->answer.changed_by, "ann@host");
	assert_true(seen->answer.changed_age_ms >= 0);
	assert_int_equal(seen->answer.rev, 1);
	act(VERB_HOLD, "h");
	struct command raise = step("k4", 1500);
	send(&raise, ANSWER_REFUSED, ERR_HELD);
	act(VERB_RESUME, "u");
	struct command far = step("k5", 12000);
	send(&far, ANSWER_REFUSED, ERR_PROTOCOL); /* no body that a pool would read */
	act(VERB_ROLLBACK, "r");
	assert_int_equal(seen->answer.share_bp, 0);
	send(&old, ANSWER_REFUSED, ERR_EPOCH);
	first.to_bp = 2;
	send(&first, ANSWER_REFUSED, ERR_KEY_REUSED); /* the key belongs to another change */
}

static void resolving_voids_the_unknown(void **state)
{
	(void)state;
	struct command lost = step("lost", 1000), first = step("k1", 500);
	resolve("lost", ANSWER_VOID);
	send(&lost, ANSWER_REFUSED, ERR_VOID);
	send(&first, ANSWER_APPLIED, ERR_NONE);
	resolve("k1", ANSWER_APPLIED);
	assert_int_equal(seen->answer.share_bp, 500);
	act(VERB_ROLLBACK, "r");
	resolve("k1", ANSWER_SUPERSEDED);
	resolve("no key", ANSWER_LOST);
}

static void lend(const char *actor, int64_t ttl_ms, enum answer_kind kind, enum err_code code)
{
	struct lease_request r = {.ttl_ms = ttl_ms};
	text_copy(r.actor, sizeof r.actor, actor);
	driver_local.lease(d, &r, engine_now());
	turn(1);
	assert_int_equal(seen->kind, DRIVER_LEASE);
	assert_int_equal(seen->ttl_ms, ttl_ms);
	assert_int_equal(seen->answer.kind, kind);
	assert_int_equal(seen->answer.err.code, code);
}

static void leases_are_taken_and_given_back(void **state)
{
	(void)state;
	look();
	assert_true(seen->snapshot.lease.known);
	assert_string_equal(seen->snapshot.lease.holder, "");
	lend("ann@host", 30000, ANSWER_APPLIED, ERR_NONE);
	look();
	assert_string_equal(seen->snapshot.lease.holder, "ann@host");
	assert_in_range(seen->snapshot.lease.ttl_ms, 1, 30000);
	lend("bob@host", 30000, ANSWER_REFUSED, ERR_LEASE);
	assert_non_null(strstr(seen->answer.err.text, "ann@host"));
	struct command c = step("k1", 1000);
	text_copy(c.actor, sizeof c.actor, "bob@host");
	send(&c, ANSWER_REFUSED, ERR_LEASE);
	lend("ann@host", 0, ANSWER_APPLIED, ERR_NONE);
	send(&c, ANSWER_APPLIED, ERR_NONE);
	struct command take = {.verb = VERB_TAKE, .id = "t", .ttl_ms = 20000, .actor = "bob@host"};
	send(&take, ANSWER_APPLIED, ERR_NONE);
	look();
	assert_string_equal(seen->snapshot.lease.holder, "bob@host");
	lend("", 30000, ANSWER_REFUSED, ERR_PROTOCOL);
}

/* A whole way: armed, raised, kept, its operations limited, back, disarmed. */
static void every_verb_reaches_the_engine(void **state)
{
	(void)state;
	struct command c = step("arm", 0);
	c.verb = VERB_ARM;
	c.baseline_bp = -1;
	c.on_orphan = ORPHAN_REVERT;
	text_copy(c.plan_hash, sizeof c.plan_hash, "abc");
	send(&c, ANSWER_APPLIED, ERR_NONE);
	c = step("k1", 1000);
	c.keep_within_ms = 60000;
	c.has_guard = true;
	guard_limits_init(&c.guard);
	c.guard.error_rate = 0.5;
	send(&c, ANSWER_APPLIED, ERR_NONE);
	look();
	assert_int_equal(seen->snapshot.baseline_bp, 0);
	assert_string_equal(seen->snapshot.plan_hash, "abc");
	assert_true(seen->snapshot.keep.on);
	assert_int_equal(seen->snapshot.keep.on_orphan, ORPHAN_REVERT);
	assert_true(seen->snapshot.guard.armed);
	c = step("k2", 2000);
	send(&c, ANSWER_REFUSED, ERR_UNKEPT);
	c = step("keep", 0);
	c.verb = VERB_KEEP;
	send(&c, ANSWER_APPLIED, ERR_NONE);
	look();
	assert_false(seen->snapshot.keep.on);
	assert_int_equal(seen->snapshot.kept_bp, 1000);
	c = step("ops", 1000);
	c.verb = VERB_OPERATIONS;
	c.has_operations = true;
	c.operations = (struct operation_set){.limited = true, .count = 1, .name = {"echo"}};
	send(&c, ANSWER_APPLIED, ERR_NONE);
	look();
	assert_true(seen->snapshot.operations.limited);
	assert_string_equal(seen->snapshot.operations.name[0], "echo");
	c = step("guard", 0);
	c.verb = VERB_GUARD;
	c.act = GUARD_ACTION_HOLD;
	c.for_ms = 60000;
	send(&c, ANSWER_APPLIED, ERR_NONE);
	look();
	assert_int_equal(seen->snapshot.guard.action, GUARD_ACTION_HOLD);
	assert_in_range(seen->snapshot.guard.held_ms, 1, 60000);
	c = step("drain", 0);
	c.verb = VERB_DRAIN;
	c.drain = (struct drain){.arm = ARM_V2, .segment = 0, .worker = 3};
	c.drains = true;
	send(&c, ANSWER_APPLIED, ERR_NONE);
	look();
	assert_int_equal(seen->snapshot.crew.worker_count, 9);
	assert_true(seen->snapshot.crew.worker[1 + 3].locked);
	c.drain = (struct drain){.arm = ARM_V1, .segment = -1, .worker = -1};
	text_copy(c.id, sizeof c.id, "drain-2");
	send(&c, ANSWER_REFUSED, ERR_LIMIT);
	assert_non_null(strstr(seen->answer.err.text, "last worker of v1"));
	act(VERB_ADOPT, "adopt");
	look();
	assert_true(seen->snapshot.hold.on);
	c = step("disarm", 0);
	c.verb = VERB_DISARM;
	send(&c, ANSWER_REFUSED, ERR_LIMIT); /* not at the baseline */
	act(VERB_ROLLBACK, "r");
	text_copy(c.id, sizeof c.id, "disarm2");
	send(&c, ANSWER_APPLIED, ERR_NONE);
	look();
	assert_string_equal(seen->snapshot.plan_hash, "");
}

static void closing_drops_what_is_untold(void **state)
{
	(void)state;
	struct command c = step("k1", 1000);
	driver_local.apply(d, &c, engine_now());
	driver_local.poll(d, engine_now());
	seen->events = 0;
	driver_local.close(d);
	assert_int_equal(seen->events, 0);
	assert_int_equal(open_at("local:quiet", NULL, NULL), 0);
}

static void scenarios_by_name_or_given(void **state)
{
	(void)state;
	driver_local.close(d);
	struct err err = {0};
	assert_int_equal(open_at("local:nosuch", NULL, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, "\"nosuch\""));
	assert_int_equal(open_at("http://x", NULL, &err), -1);
	struct scenario mine = {.sessions = 1, .unit_ms = 123};
	assert_int_equal(open_at("local:demo", &mine, &err), 0);
	look();
	assert_int_equal(seen->snapshot.unit_ms, 123);
}

#define LONGEST "a-name-of-sixty-four-characters-is-the-longest-that-a-pool-can-h"

/* What a history keeps of two engines must not be one's, nor depend on which others are there. */
static void each_end_is_called_as_its_pool(void **state)
{
	static const struct {
		uint64_t handle;
		const char *pool, *pool_id, *node_id;
	} rows[] = {{NODE, NULL, "local", "local"}, {NODE | 1, NULL, "local", "local.2"},
		{NODE, "checkout", "checkout", "checkout"},
		{2 * NODE, "checkout", "checkout", "checkout"},
		{2 * NODE | 1, "checkout", "checkout", "checkout.2"}, {NODE, "cart", "cart", "cart"},
		{NODE, LONGEST, LONGEST, LONGEST},
		{NODE | 9, LONGEST, LONGEST,
			"a-name-of-sixty-four-characters-is-the-longest-that-a-pool.10"}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		driver_local.close(d);
		assert_int_equal(open_as(rows[i].handle, rows[i].pool, "local:", NULL, NULL), 0);
		look();
		assert_string_equal(seen->snapshot.pool_id, rows[i].pool_id);
		assert_string_equal(seen->snapshot.node_id, rows[i].node_id);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(poll_is_told_once_in_turn),
		T(poll_from_within_an_event_comes_next_turn),
		T(answers_in_the_order_asked),
		T(refusals_have_codes),
		T(resolving_voids_the_unknown),
		T(leases_are_taken_and_given_back),
		T(every_verb_reaches_the_engine),
		T(closing_drops_what_is_untold),
		T(scenarios_by_name_or_given),
		T(each_end_is_called_as_its_pool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
