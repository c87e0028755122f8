/* Reconcile: what was intended, what becomes of an intent that was found open, and when an
 * effect has been seen. */
#include "model/reconcile.h"

#include "model/mem.h"
#include "model/text.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

/* ---- intended ---- */

static struct decision decided(enum verb verb, int to_bp, enum outcome_kind outcome)
{
	return (struct decision){.verb = verb,
		.from_bp = 0,
		.to_bp = to_bp,
		.outcome = outcome,
		.epoch = 3,
		.rev = 42,
		.outcome_ms = UNKNOWN,
		.verified_ms = UNKNOWN};
}

#define MOST 4

static const struct {
	struct {
		enum verb verb;
		int to_bp;
		enum outcome_kind outcome;
	} list[MOST];
	size_t count;
	int intended_bp;
	int last; /* index of the last change, -1 none */
} lists[] = {
	{{{0}}, 0, -1, -1},
	{{{VERB_STEP, 100, OUTCOME_PENDING}}, 1, -1, -1},
	{{{VERB_STEP, 100, OUTCOME_UNRESOLVED}}, 1, -1, -1},
	{{{VERB_STEP, 100, OUTCOME_APPLIED}}, 1, 100, 0},
	{{{VERB_HOLD, -1, OUTCOME_APPLIED}, {VERB_RESUME, -1, OUTCOME_APPLIED}}, 2, -1, -1},
	{{{VERB_STEP, 100, OUTCOME_APPLIED}, {VERB_STEP, 1000, OUTCOME_APPLIED}}, 2, 1000, 1},
	{{{VERB_STEP, 100, OUTCOME_APPLIED}, {VERB_STEP, 1000, OUTCOME_REFUSED}}, 2, 100, 0},
	{{{VERB_STEP, 100, OUTCOME_APPLIED}, {VERB_STEP, 1000, OUTCOME_VOID}}, 2, 100, 0},
	{{{VERB_STEP, 100, OUTCOME_APPLIED}, {VERB_STEP, 1000, OUTCOME_NOT_SENT}}, 2, 100, 0},
	{{{VERB_STEP, 100, OUTCOME_APPLIED}, {VERB_STEP, 1000, OUTCOME_SUPERSEDED}}, 2, 100, 0},
	{{{VERB_STEP, 100, OUTCOME_APPLIED}, {VERB_STEP, 1000, OUTCOME_UNRESOLVED}}, 2, 100, 0},
	{{{VERB_STEP, 1000, OUTCOME_APPLIED}, {VERB_ROLLBACK, 0, OUTCOME_APPLIED}}, 2, 0, 1},
	{{{VERB_STEP, 1000, OUTCOME_APPLIED}, {VERB_ROLLBACK, 0, OUTCOME_PENDING}}, 2, 1000, 0},
	{{{VERB_STEP, 1000, OUTCOME_APPLIED}, {VERB_ROLLBACK, 0, OUTCOME_CLOSED}}, 2, 1000, 0},
	{{{VERB_STEP, 1000, OUTCOME_APPLIED}, {VERB_ADOPT, 3500, OUTCOME_APPLIED}}, 2, 3500, 1},
	{{{VERB_STEP, 1000, OUTCOME_APPLIED}, {VERB_ADOPT, 3500, OUTCOME_REFUSED}}, 2, 1000, 0},
	{{{VERB_STEP, 1000, OUTCOME_APPLIED}, {VERB_OPERATIONS, 1000, OUTCOME_APPLIED}}, 2, 1000,
		1},
	{{{VERB_STEP, 1000, OUTCOME_APPLIED}, {VERB_OPERATIONS, -1, OUTCOME_APPLIED}}, 2, 1000, 0},
	{{{VERB_STEP, 1000, OUTCOME_APPLIED}, {VERB_KEEP, 1000, OUTCOME_APPLIED},
		 {VERB_ARM, 0, OUTCOME_APPLIED}, {VERB_TAKE, 0, OUTCOME_APPLIED}},
		4, 1000, 0},
	{{{VERB_STEP, 1000, OUTCOME_APPLIED}, {VERB_ROLLBACK, 0, OUTCOME_APPLIED},
		 {VERB_STEP, 100, OUTCOME_APPLIED}, {VERB_ANNOTATE, -1, OUTCOME_APPLIED}},
		4, 100, 2},
};

static void test_intended(void **state)
{
	(void)state;
	struct decision *d = mem_new(MOST, sizeof *d);
	for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
		for (size_t i = 0; i < lists[k].count; i++) {
			d[i] = decided(
				lists[k].list[i].verb, lists[k].list[i].to_bp, lists[k].list[i].outcome);
			d[i].at_ms = (int64_t)i * 1000;
		}
		/* observed ones count like our own */
		for (int observed = 0; observed < 2; observed++) {
			for (size_t i = 0; i < lists[k].count; i++)
				d[i].observed = observed;
			assert_int_equal(reconcile_intended_bp(d, lists[k].count), lists[k].intended_bp);
			assert_ptr_equal(reconcile_last_change(d, lists[k].count),
				lists[k].last < 0 ? NULL : &d[lists[k].last]);
		}
	}
	free(d);
}

/* An own rollback or step with its answer, an other's change at a moment: who was last at the
 * pool? */
static void test_order(void **state)
{
	(void)state;
	static const struct {
		enum verb verb;
		int64_t at_ms, answer_ms, epoch, rev; /* of the own one; where it was decided */
		enum verb other;
		int64_t other_ms, other_epoch, other_rev; /* after it */
		bool own_is_last;
	} rows[] = {
		{VERB_ROLLBACK, 1000, 1100, 3, 42, VERB_STEP, 900, 3, 42, true},
		{VERB_ROLLBACK, 1000, 1100, 3, 42, VERB_STEP, 5000, 4, 44, false},
		{VERB_ROLLBACK, 1000, 9000, 3, 42, VERB_STEP, 5000, 3, 43,
			true}, /* pressed into an outage */
		{VERB_ROLLBACK, 1000, 9000, 3, 42, VERB_STEP, 8000, 4, 44,
			false}, /* its answer was lost */
		{VERB_STEP, 1000, 1200, 3, 42, VERB_ROLLBACK, 1100, 4, 44,
			false}, /* crossed by a rollback */
		{VERB_STEP, 1000, 1200, 3, 42, VERB_STEP, 1100, 3, 42, true},
		{VERB_STEP, 1000, 1200, 3, 42, VERB_STEP, 1100, 3, 44, false},
		{VERB_ROLLBACK, 1000, 1000, 3, 42, VERB_STEP, 1000, 3, 43, true},
	};
	struct decision *d = mem_new(2, sizeof *d);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct decision own = decided(rows[i].verb, 0, OUTCOME_APPLIED);
		own.at_ms = rows[i].at_ms;
		own.outcome_ms = rows[i].answer_ms;
		own.epoch = rows[i].epoch;
		own.rev = rows[i].rev;
		struct decision other = decided(rows[i].other, 100, OUTCOME_APPLIED);
		other.observed = true;
		other.at_ms = other.outcome_ms = rows[i].other_ms;
		other.epoch = rows[i].other_epoch;
		other.rev = rows[i].other_rev;
		/* in whatever order they are known */
		for (int first = 0; first < 2; first++) {
			d[first] = own;
			d[!first] = other;
			if (reconcile_last_change(d, 2) != &d[rows[i].own_is_last ? first : !first])
				fail_msg("row %zu", i);
		}
	}
	free(d);
}

/* A node goes back by itself while a rollback is on its way to another: the epochs are those of two
 * nodes, and that the rollback was seen on both is what counts. */
static void test_order_across_nodes(void **state)
{
	(void)state;
	static const struct {
		const char *actor;
		int64_t at_ms, verified_ms;
		bool rollback_is_last;
	} rows[] = {
		{POOL_ACTOR, 900, 9500, true}, {POOL_ACTOR, 5000, 9500, true},
		{POOL_ACTOR, 9200, 9500, true},     /* its clock is ahead of ours */
		{POOL_ACTOR, 9501, 9500, false},    /* of a raise after it */
		{POOL_ACTOR, 5000, UNKNOWN, false}, /* not seen on every node yet */
		{"ana@ops2", 5000, 9500, false},    /* a person's comes after what it saw */
	};
	struct decision *d = mem_new(2, sizeof *d);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct decision back = decided(VERB_ROLLBACK, 0, OUTCOME_APPLIED);
		back.at_ms = 1000;
		back.outcome_ms = 9000;
		back.verified_ms = rows[i].verified_ms;
		struct decision other = decided(VERB_STEP, 100, OUTCOME_APPLIED);
		other.observed = true;
		text_copy(other.actor, sizeof other.actor, rows[i].actor);
		other.at_ms = other.outcome_ms = rows[i].at_ms;
		other.epoch = back.epoch + 1700; /* of a node that has seen more */
		for (int first = 0; first < 2; first++) {
			d[first] = back;
			d[!first] = other;
			if (reconcile_last_change(d, 2) != &d[rows[i].rollback_is_last ? first : !first])
				fail_msg("row %zu", i);
		}
	}
	free(d);
}

/* Only an own rollback comes after what a pool did by itself: all else stands where the pool's own
 * order puts it. */
static void test_order_of_a_pool_itself(void **state)
{
	(void)state;
	static const struct {
		enum verb verb;
		bool observed;
	} rows[] = {{VERB_STEP, false}, {VERB_ROLLBACK, true}};
	struct decision *d = mem_new(2, sizeof *d);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		d[0] = decided(rows[i].verb, 1000, OUTCOME_APPLIED);
		d[0].observed = rows[i].observed;
		d[0].at_ms = 1000;
		d[0].outcome_ms = d[0].verified_ms = 9000;
		d[1] = decided(VERB_STEP, 100, OUTCOME_APPLIED);
		d[1].observed = true;
		text_copy(d[1].actor, sizeof d[1].actor, POOL_ACTOR);
		d[1].at_ms = d[1].outcome_ms = 5000;
		d[1].epoch = d[0].epoch + 1;
		assert_ptr_equal(reconcile_last_change(d, 2), &d[1]);
	}
	free(d);
}

/* A wall clock that was set back turns nothing round among our own rows: they have an order of
 * their own. Who has no row yet, or is another, has but the clock. */
static void test_order_of_a_clock_set_back(void **state)
{
	(void)state;
	static const struct {
		int64_t seq[2];
		bool observed[2];
		int last;
	} rows[] = {
		{{7, 8}, {false, false}, 1},
		{{8, 7}, {false, false}, 0},
		{{7, 0}, {false, false}, 0},
		{{0, 8}, {false, false}, 0},
		{{7, 8}, {true, false}, 0},
		{{7, 8}, {false, true}, 0},
	};
	struct decision *d = mem_new(2, sizeof *d);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (int k = 0; k < 2; k++) {
			d[k] = decided(VERB_STEP, 100, OUTCOME_APPLIED);
			d[k].at_ms = d[k].outcome_ms = k ? 1000 : 9000;
			d[k].seq = rows[i].seq[k];
			d[k].observed = rows[i].observed[k];
		}
		if (reconcile_last_change(d, 2) != &d[rows[i].last])
			fail_msg("row %zu", i);
	}
	free(d);
}

/* ---- an intent found open ---- */

static void test_open(void **state)
{
	(void)state;
	static const struct {
		enum verb verb;
		enum outcome_kind outcome;
		int64_t decided_epoch, decided_rev, epoch, rev;
		enum reconcile_action action;
	} rows[] = {
		{VERB_STEP, OUTCOME_PENDING, 3, 42, 3, 42, RECONCILE_ASK},
		{VERB_STEP, OUTCOME_UNRESOLVED, 3, 42, 9, 1, RECONCILE_ASK},
		{VERB_HOLD, OUTCOME_PENDING, 3, 42, 3, 42, RECONCILE_ASK},
		{VERB_RESUME, OUTCOME_UNRESOLVED, 3, 42, 3, 42, RECONCILE_ASK},
		{VERB_STEP, OUTCOME_APPLIED, 3, 42, 3, 42, RECONCILE_NOTHING},
		{VERB_STEP, OUTCOME_VOID, 3, 42, 3, 42, RECONCILE_NOTHING},
		{VERB_ROLLBACK, OUTCOME_APPLIED, 3, 42, 3, 42, RECONCILE_NOTHING},
		{VERB_ROLLBACK, OUTCOME_REFUSED, 3, 42, 3, 42, RECONCILE_NOTHING},
		{VERB_ANNOTATE, OUTCOME_PENDING, 3, 42, 3, 42, RECONCILE_NOTHING},
		{VERB_ROLLBACK, OUTCOME_PENDING, 3, 42, 3, 42, RECONCILE_RESEND},
		{VERB_ROLLBACK, OUTCOME_UNRESOLVED, 3, 42, 3, 42, RECONCILE_RESEND},
		{VERB_ROLLBACK, OUTCOME_PENDING, 3, 42, 3, 43, RECONCILE_SHOW},
		{VERB_ROLLBACK, OUTCOME_PENDING, 3, 42, 4, 42, RECONCILE_SHOW},
		{VERB_ROLLBACK, OUTCOME_PENDING, 3, 42, 2, 42, RECONCILE_SHOW},
		{VERB_ROLLBACK, OUTCOME_PENDING, UNKNOWN, UNKNOWN, 3, 42, RECONCILE_SHOW},
		{VERB_ROLLBACK, OUTCOME_PENDING, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, RECONCILE_SHOW},
	};
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
		struct decision d = decided(rows[k].verb, 0, rows[k].outcome);
		d.epoch = rows[k].decided_epoch;
		d.rev = rows[k].decided_rev;
		assert_int_equal(reconcile_open(&d, rows[k].epoch, rows[k].rev), rows[k].action);
	}
}

/* ---- seen ---- */

/* A node after its answer, epoch 4, revision 50, at boot time 1,000,000. */
struct scene {
	struct watch watch;
	struct snapshot *s;
};

#define ANSWERED_MS 1000000

static int setup(void **state)
{
	struct scene *c = mem_new(1, sizeof *c);
	c->s = mem_new(1, sizeof *c->s);
	c->watch =
		(struct watch){.answered = true, .at = {.boot_ms = ANSWERED_MS}, .epoch = 4, .rev = 50};
	text_copy(c->s->boot_id, sizeof c->s->boot_id, "boot-1");
	c->s->epoch = 4;
	c->s->rev = 50;
	c->s->drain_ms = UNKNOWN;
	c->s->arms[ARM_V1].requests = 9000;
	c->s->arms[ARM_V2].requests = 1000;
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct scene *c = *state;
	free(c->s);
	free(c);
	return 0;
}

static bool observe(struct scene *c, enum verb verb, int to_bp, int64_t after_ms)
{
	bool seen = watch_observe(&c->watch, verb, to_bp, c->s,
		(struct instant){.boot_ms = ANSWERED_MS + after_ms, .wall_ms = 1});
	assert_int_equal(seen, c->watch.seen);
	return seen;
}

static void test_step(void **state)
{
	struct scene *c = *state;
	c->s->share_bp = 1000;
	c->watch.answered = false;
	assert_false(observe(c, VERB_STEP, 1000, 100));
	c->watch.answered = true;
	assert_false(observe(c, VERB_STEP, 1000, -1)); /* a document from before the answer */
	c->s->rev = 49;
	assert_false(observe(c, VERB_STEP, 1000, 100));
	c->s->epoch = 3;
	c->s->rev = 60;
	assert_false(observe(c, VERB_STEP, 1000, 200));
	c->s->epoch = 4;
	c->s->rev = 50;
	c->s->share_bp = 500;
	assert_false(observe(c, VERB_STEP, 1000, 300));
	c->s->share_bp = 1000;
	assert_true(observe(c, VERB_STEP, 1000, 400));
	/* once seen it stays seen */
	c->s->share_bp = 0;
	assert_true(observe(c, VERB_STEP, 1000, 500));
}

static void test_step_seen_past_the_answer(void **state)
{
	struct scene *c = *state;
	c->s->share_bp = 1000;
	c->s->rev = 51;
	struct watch before = c->watch;
	assert_true(observe(c, VERB_STEP, 1000, 0));
	c->watch = before;
	c->s->epoch = 5;
	c->s->rev = 0;
	assert_true(observe(c, VERB_STEP, 1000, 0));
	c->watch = before;
	c->watch.epoch = c->watch.rev = UNKNOWN; /* the answer did not say: the share must do */
	c->s->epoch = 1;
	assert_true(observe(c, VERB_STEP, 1000, 0));
}

static void test_rollback_needs_v2_at_rest(void **state)
{
	struct scene *c = *state;
	c->s->share_bp = 0;
	assert_false(observe(c, VERB_ROLLBACK, 0, 100));
	assert_false(observe(c, VERB_ROLLBACK, 0, 100 + WATCH_REST_MS - 1));
	assert_true(observe(c, VERB_ROLLBACK, 0, 100 + WATCH_REST_MS));
}

static void test_rollback_never_by_the_share_alone(void **state)
{
	struct scene *c = *state;
	c->s->share_bp = 0;
	for (int64_t ms = 0; ms < 20000; ms += 400) {
		c->s->arms[ARM_V2].requests++; /* v2 still gets work */
		assert_false(observe(c, VERB_ROLLBACK, 0, ms));
	}
	assert_false(observe(c, VERB_ROLLBACK, 0, 20000));
	assert_true(observe(c, VERB_ROLLBACK, 0, 20400));
}

static void test_late_requests_restart_the_watch(void **state)
{
	struct scene *c = *state;
	c->s->share_bp = 0;
	assert_false(observe(c, VERB_ROLLBACK, 0, 0));
	assert_false(observe(c, VERB_ROLLBACK, 0, 400));
	c->s->arms[ARM_V2].requests++;
	assert_false(observe(c, VERB_ROLLBACK, 0, 800));
	assert_false(observe(c, VERB_ROLLBACK, 0, 1299));
	assert_true(observe(c, VERB_ROLLBACK, 0, 1300));
}

static void test_rest_begins_after_the_drain(void **state)
{
	struct scene *c = *state;
	c->s->share_bp = 0;
	c->s->drain_ms = 5000;
	assert_false(observe(c, VERB_ROLLBACK, 0, 0));
	assert_false(observe(c, VERB_ROLLBACK, 0, 4999));
	assert_false(observe(c, VERB_ROLLBACK, 0, 5000));
	assert_false(observe(c, VERB_ROLLBACK, 0, 5499));
	assert_true(observe(c, VERB_ROLLBACK, 0, 5500));
}

static void test_a_restart_in_between(void **state)
{
	struct scene *c = *state;
	c->s->share_bp = 0;
	assert_false(observe(c, VERB_ROLLBACK, 0, 0));
	text_copy(c->s->boot_id, sizeof c->s->boot_id, "boot-2");
	/* the same number after a restart is another count */
	assert_false(observe(c, VERB_ROLLBACK, 0, 1000));
	assert_false(observe(c, VERB_ROLLBACK, 0, 1499));
	assert_true(observe(c, VERB_ROLLBACK, 0, 1500));
}

static void test_rollback_of_an_older_place(void **state)
{
	struct scene *c = *state;
	c->s->share_bp = 0;
	c->s->rev = 49;
	for (int64_t ms = 0; ms < 3000; ms += 500)
		assert_false(observe(c, VERB_ROLLBACK, 0, ms));
	c->s->epoch = 3;
	c->s->rev = 99;
	for (int64_t ms = 3000; ms < 6000; ms += 500)
		assert_false(observe(c, VERB_ROLLBACK, 0, ms));
	/* none of them was a first look */
	c->s->epoch = 4;
	c->s->rev = 50;
	assert_false(observe(c, VERB_ROLLBACK, 0, 6000));
	c->s->share_bp = 1000; /* somebody raised it again */
	assert_false(observe(c, VERB_ROLLBACK, 0, 7000));
}

static void test_rest_of_unknown_requests_proves_nothing(void **state)
{
	struct scene *c = *state;
	c->s->share_bp = 0;
	c->s->arms[ARM_V2].requests = UNKNOWN;
	for (int64_t ms = 0; ms < 3000; ms += 500)
		assert_false(observe(c, VERB_ROLLBACK, 0, ms));
}

static void test_baseline_above_nothing_is_measured(void **state)
{
	struct scene *c = *state;
	struct change *change = &c->s->change;
	c->s->share_bp = 1000;
	assert_false(observe(c, VERB_ROLLBACK, 1000, 1000)); /* no counts of the change */
	change->known = true;
	change->arms[ARM_V1].requests = change->arms[ARM_V2].requests = UNKNOWN;
	assert_false(observe(c, VERB_ROLLBACK, 1000, 1000));
	change->arms[ARM_V2].requests = 1000;
	assert_false(observe(c, VERB_ROLLBACK, 1000, 1000));
	change->arms[ARM_V1].requests = 9000;
	assert_false(observe(c, VERB_ROLLBACK, 1000, 1500)); /* no work since */
	c->s->arms[ARM_V1].requests = 9090;
	c->s->arms[ARM_V2].requests = 1009;
	assert_false(observe(c, VERB_ROLLBACK, 1000, 2000)); /* 99 prove nothing */
	c->s->arms[ARM_V1].requests = 9000 + 79;
	c->s->arms[ARM_V2].requests = 1000 + 21;
	assert_false(observe(c, VERB_ROLLBACK, 1000, 2500)); /* 21 % is more than twice 10 % */
	c->s->arms[ARM_V1].requests = 9000 + 80;
	c->s->arms[ARM_V2].requests = 1000 + 20;
	c->s->rev = 49;
	assert_false(observe(c, VERB_ROLLBACK, 1000, 3000));
	c->s->rev = 50;
	assert_true(observe(c, VERB_ROLLBACK, 1000, 3000));
}

static void test_hold_and_resume(void **state)
{
	struct scene *c = *state;
	assert_false(observe(c, VERB_HOLD, -1, 100));
	assert_false(c->watch.seen);
	c->s->hold.on = true;
	assert_false(observe(c, VERB_HOLD, -1, -100));
	assert_true(observe(c, VERB_HOLD, -1, 200));
	c->watch.seen = false;
	assert_false(observe(c, VERB_RESUME, -1, 300));
	c->s->hold.on = false;
	assert_true(observe(c, VERB_RESUME, -1, 400));
}

static void test_what_else_is_seen(void **state)
{
	struct scene *c = *state;
	/* to adopt is sent as a hold */
	assert_false(observe(c, VERB_ADOPT, 3500, 100));
	c->s->hold.on = true;
	assert_true(observe(c, VERB_ADOPT, 3500, 200));
	c->watch.seen = false;
	c->s->keep.on = true;
	assert_false(observe(c, VERB_KEEP, 1000, 300));
	c->s->keep.on = false;
	assert_true(observe(c, VERB_KEEP, 1000, 400));
	/* a place is locked where its row says so; a document without a row denies nothing */
	struct resident_crew *crew = &c->s->crew.residents;
	*crew = (struct resident_crew){.known = true,
		.node_count = 1,
		.segment_count = 2,
		.node = {{.segment = -1, .locked = true}},
		.segment = {{.segment = 0, .locked = true}, {.segment = 1}}};
	c->watch.drains = true;
	c->watch.drain = (struct drain){.segment = 1, .worker = -1, .residents = true};
	c->watch.seen = false;
	assert_false(observe(c, VERB_DRAIN, -1, 410));
	crew->segment[1].locked = true;
	assert_true(observe(c, VERB_DRAIN, -1, 420));
	c->watch.drains = false;
	c->watch.drain.segment = -1;
	c->watch.seen = false;
	assert_false(observe(c, VERB_DRAIN, -1, 430));
	crew->known = false;
	assert_true(observe(c, VERB_DRAIN, -1, 440));
	/* operations are a change of split at the same share */
	c->watch.seen = false;
	c->s->share_bp = 1000;
	c->s->rev = 49;
	assert_false(observe(c, VERB_OPERATIONS, 1000, 500));
	c->s->rev = 50;
	assert_true(observe(c, VERB_OPERATIONS, 1000, 600));
	/* where nodes differ there is no share to look for */
	c->watch.seen = false;
	assert_true(observe(c, VERB_OPERATIONS, -1, 650));
	/* the answer alone says it of the rest */
	c->watch.seen = false;
	assert_true(observe(c, VERB_ARM, -1, 700));
}

/* Where nobody knew what it goes back to, the pool's word says so. */
static void test_rollback_to_what_the_pool_says(void **state)
{
	struct scene *c = *state;
	c->s->share_bp = 0;
	assert_false(observe(c, VERB_ROLLBACK, -1, 0));
	assert_true(observe(c, VERB_ROLLBACK, -1, WATCH_REST_MS));
}

/* Below what it goes back to is as good: the pool's share is what is looked for then. */
static void test_rollback_below_the_baseline(void **state)
{
	struct scene *c = *state;
	c->s->share_bp = 0;
	assert_false(observe(c, VERB_ROLLBACK, 1000, 0));
	assert_true(observe(c, VERB_ROLLBACK, 1000, WATCH_REST_MS));
}

static void test_counts_that_went_back_measure_nothing(void **state)
{
	struct scene *c = *state;
	c->s->share_bp = 1000;
	c->s->change.known = true;
	c->s->change.arms[ARM_V1].requests = 0;
	c->s->change.arms[ARM_V2].requests = UNKNOWN;
	assert_false(observe(c, VERB_ROLLBACK, 1000, 500));
	c->s->change.arms[ARM_V1].requests = 9001;
	c->s->change.arms[ARM_V2].requests = 0;
	assert_false(observe(c, VERB_ROLLBACK, 1000, 1000));
	c->s->change.arms[ARM_V1].requests = 0;
	c->s->change.arms[ARM_V2].requests = 1001;
	assert_false(observe(c, VERB_ROLLBACK, 1000, 1500));
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intended),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_order_across_nodes),
		cmocka_unit_test(test_order_of_a_pool_itself),
		cmocka_unit_test(test_order_of_a_clock_set_back),
		cmocka_unit_test(test_open),
		SCENE(test_step),
		SCENE(test_step_seen_past_the_answer),
		SCENE(test_rollback_needs_v2_at_rest),
		SCENE(test_rollback_never_by_the_share_alone),
		SCENE(test_late_requests_restart_the_watch),
		SCENE(test_rest_begins_after_the_drain),
		SCENE(test_a_restart_in_between),
		SCENE(test_rollback_of_an_older_place),
		SCENE(test_rest_of_unknown_requests_proves_nothing),
		SCENE(test_baseline_above_nothing_is_measured),
		SCENE(test_hold_and_resume),
		SCENE(test_what_else_is_seen),
		SCENE(test_rollback_to_what_the_pool_says),
		SCENE(test_rollback_below_the_baseline),
		SCENE(test_counts_that_went_back_measure_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
