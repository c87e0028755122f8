/* Freeze: hours and freezes of a plan as checks, words, dates to wait for, on a virtual clock. */
#include "tests/unit/model/virtual.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static struct virtual *v;
static const struct standing *s;

static int64_t utc(const char *text)
{
	int64_t ms;
	if (!unit_parse_rfc3339(text, &ms))
		fail_msg("%s", text);
	return ms;
}

/* A pool at rest under this calendar, at that moment. */
static void begin(const char *hours, const char *freeze, const char *at)
{
	struct plan plan = virtual_plan();
	struct guard_limits l;
	size_t end;
	guard_limits_init(&l);
	l.error_rate = 0.05;
	text_copy(plan.hours, sizeof plan.hours, hours);
	if (hours[0])
		assert_int_equal(calendar_read_hours(&plan.calendar, hours, &end, NULL), 0);
	if (freeze)
		assert_int_equal(calendar_read_freeze(&plan.calendar, freeze, &end, NULL), 0);
	v = mem_new(1, sizeof *v);
	virtual_init(v, 1, &plan, &l);
	v->now.wall_ms = utc(at) - 2000;
	v->m.guards = true;
	s = virtual_standing(v);
	virtual_history_opens(v);
	virtual_run(v, 2000);
}

static int tear_down(void **state)
{
	(void)state;
	virtual_release(v);
	free(v);
	return 0;
}

static void assert_frozen(const char *text, int64_t wait_ms)
{
	const struct interlock_check *c = &s->next.check[PREDICATE_FROZEN];
	if (!(s->next.failing >> PREDICATE_FROZEN & 1) || c->code != ERR_FROZEN)
		fail_msg("not frozen: %s", c->text);
	assert_string_equal(c->text, text);
	assert_int_equal(c->wait_ms, wait_ms);
}

static void row_74_frozen_until_a_named_time(void **state)
{
	struct interlock_facts facts;
	struct interlock i;
	char line[200];
	(void)state;
	begin("", "2026-12-20..2027-01-06 Christmas", "2027-01-05T12:00:00Z");
	assert_frozen("FROZEN until Thu 00:00 UTC (Christmas)", INT64_C(36) * 3600000);
	interlock_line(line, sizeof line, &s->next.check[PREDICATE_FROZEN]);
	assert_string_equal(
		line, "W191 FROZEN until Thu 00:00 UTC (Christmas), clears in 1d 12:00");
	assert_string_equal(
		s->headline.text, "All work is on v1. FROZEN until Thu 00:00 UTC (Christmas)");
	/* The way back is open: neither rollback nor hold asks. */
	static const enum verb brakes[] = {VERB_ROLLBACK, VERB_HOLD};
	for (int k = 0; k < 2; k++) {
		struct intent want = {.verb = brakes[k], .shown_epoch = s->epoch, .shown_rev = s->rev};
		pool_facts(&v->m, virtual_pool(v), &want, &facts);
		interlock_evaluate(&i, &facts);
		assert_true(i.allowed);
		assert_int_equal(i.check[PREDICATE_FROZEN].state, CHECK_NOT_ASKED);
	}
	/* Over the last second of it. */
	v->now.wall_ms = utc("2027-01-06T23:59:57Z");
	virtual_run(v, 2000);
	assert_frozen("FROZEN until Thu 00:00 UTC (Christmas)", 1000);
	virtual_run(v, 1000);
	assert_false(s->freeze.on);
	assert_string_equal(s->next.check[PREDICATE_FROZEN].text, "not frozen, not held");
	assert_true(s->next.allowed);
}

static void test_hours(void **state)
{
	(void)state;
	begin("Mon-Thu 09:00-16:00", NULL, "2026-11-19T16:00:00Z");
	assert_frozen(
		"FROZEN until Mon 09:00 UTC (hours Mon-Thu 09:00-16:00)", INT64_C(89) * 3600000);
	/* Taken in the hours, baked beyond them: the next is a matter of the hours alone. */
	v->now.wall_ms = utc("2026-11-23T15:59:50Z");
	virtual_run(v, 1000);
	assert_true(s->next.allowed);
	virtual_move(v, VERB_STEP, 100);
	virtual_run(v, 3000);
	assert_int_equal(s->state, STATE_BAKING);
	virtual_run(v, 6000);
	assert_true(s->freeze.on);
	assert_non_null(strstr(s->headline.text, "FROZEN until Tue 09:00 UTC"));
}

/* The pool's clock is an hour behind, or ahead: whichever says closed is heeded. */
static void test_either_clock(void **state)
{
	(void)state;
	begin("09:00-16:00", NULL, "2026-11-19T16:30:00Z");
	v->node[0].s->now_ms = utc("2026-11-19T15:30:00Z");
	virtual_tell(v,
		(struct model_event){
			.kind = MODEL_SNAPSHOT, .node = NODE_HANDLE(0, 0), .snapshot = v->node[0].s});
	assert_frozen("FROZEN until Fri 09:00 UTC (hours 09:00-16:00)", INT64_C(59400) * 1000);
	v->now.wall_ms = utc("2026-11-20T15:30:00Z");
	v->node[0].s->now_ms = utc("2026-11-20T16:30:00Z");
	virtual_tell(v,
		(struct model_event){
			.kind = MODEL_SNAPSHOT, .node = NODE_HANDLE(0, 0), .snapshot = v->node[0].s});
	/* by it, it is so much later already */
	assert_frozen("FROZEN until Sat 08:00 UTC (hours 09:00-16:00), by the pool's clock",
		INT64_C(59400) * 1000);
	/* It goes on between two polls. */
	virtual_wait(v, 500);
	virtual_tick(v);
	assert_int_equal(s->freeze.left_ms, INT64_C(59400) * 1000 - 500);
	v->node[0].s->now_ms = UNKNOWN;
	virtual_tell(v,
		(struct model_event){
			.kind = MODEL_SNAPSHOT, .node = NODE_HANDLE(0, 0), .snapshot = v->node[0].s});
	assert_false(s->freeze.on);
}

static void test_without_an_end(void **state)
{
	(void)state;
	begin("", "2026-01-01..2099-01-01", "2026-11-19T16:30:00Z");
	assert_frozen("FROZEN (no reason given)", UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(row_74_frozen_until_a_named_time, tear_down),
		cmocka_unit_test_teardown(test_hours, tear_down),
		cmocka_unit_test_teardown(test_either_clock, tear_down),
		cmocka_unit_test_teardown(test_without_an_end, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
