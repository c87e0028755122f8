/* The HAProxy driver changes a map: what is written and in which order, what is answered, and what
 * became of an answer that was lost. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/hostlock.h"
#include "tests/unit/client/haproxy_rig.h"

/* ---- changing ---- */

static void a_step_is_noted_and_read_back(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	const struct answer *a = step(f, 2500);
	assert_int_equal(a->kind, ANSWER_APPLIED);
	assert_int_equal(a->err.code, ERR_NONE);
	assert_int_equal(a->share_bp, 2500);
	assert_int_equal(a->rev, 1);
	f->now.boot_ms += 2300;
	f->now.wall_ms += 2300;
	f->fake.uptime_s += 2;
	const struct snapshot *s = snapshot_of(f);
	assert_int_equal(s->share_bp, 2500);
	assert_int_equal(s->rev, 1);
	assert_true(s->change.known);
	assert_string_equal(s->change.actor, "ana@db1");
	assert_int_equal(s->change.age_ms, 2300);
	assert_int_equal(s->change.arms[ARM_V1].requests, 1000);
	assert_int_equal(s->audit_seq, 1);

	driver_haproxy.audit(f->driver, 0, f->now);
	const struct heard *h = listen_once(f, false);
	assert_int_equal(h->audit_count, 1);
	assert_string_equal(h->audit[0].what, "step");
	assert_string_equal(h->audit[0].key, "id-0-2500");
	assert_int_equal(h->audit[0].to_bp, 2500);
	driver_haproxy.audit(f->driver, 1, f->now);
	assert_int_equal(listen_once(f, false)->audit_count, 0);
}

static void only_the_last_notes_are_kept(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	for (int i = 1; i <= 20; i++) {
		assert_int_equal(step(f, i * 100)->kind, ANSWER_APPLIED);
		snapshot_of(f);
	}
	int lines = 0;
	for (const char *at = text_str(&f->fake.notes); *at; at++)
		lines += *at == '\n';
	assert_int_equal(lines, HAPROXY_NOTES_KEPT);
	assert_int_equal(f->heard.snapshot.rev, 20);
}

static void a_step_on_old_news_is_refused(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	struct command stale = a_command(f, VERB_STEP, 500);
	assert_int_equal(step(f, 100)->kind, ANSWER_APPLIED);
	text_copy(stale.actor, sizeof stale.actor, "bob@db2");
	const struct answer *a = order(f, &stale, false);
	assert_int_equal(a->kind, ANSWER_REFUSED);
	assert_int_equal(a->err.code, ERR_CHANGED);
	assert_string_equal(a->changed_by, "ana@db1");
	assert_int_equal(a->share_bp, 100);
	assert_int_equal(f->fake.permille, 10);

	snapshot_of(f);
	f->fake.permille = 33; /* by hand: no note */
	a = step(f, 500);
	assert_int_equal(a->kind, ANSWER_REFUSED);
	assert_int_equal(a->err.code, ERR_CHANGED);
	assert_non_null(strstr(a->err.text, "by hand"));

	snapshot_of(f);
	struct command early = a_command(f, VERB_STEP, 500);
	f->fake.start_s++; /* reloaded */
	a = order(f, &early, false);
	assert_int_equal(a->kind, ANSWER_REFUSED);
	assert_int_equal(a->err.code, ERR_EPOCH);
	assert_int_equal(f->fake.permille, 33);
}

static void a_command_repeated_is_done_once(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	const struct command c = a_command(f, VERB_STEP, 500);
	assert_false(order(f, &c, false)->replayed);
	set_mode(f, RUNTIME_GOOD);
	const struct answer *a = order(f, &c, false);
	assert_int_equal(a->kind, ANSWER_APPLIED);
	assert_true(a->replayed);
	assert_false(was_asked(f, "set map"));
}

/* HAProxy says yes to a value that it does not take: what counts is what is read back. */
static void row_19_success_without_effect_is_no_success(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	set_mode(f, RUNTIME_DEAF);
	const struct answer *a = step(f, 500);
	assert_int_equal(a->kind, ANSWER_REFUSED);
	assert_int_equal(a->err.code, ERR_NOT_SEEN);
	assert_int_equal(a->share_bp, 0);
	assert_true(was_asked(f, "del map /m weir.orders.1.")); /* nothing is noted of it */
	set_mode(f, RUNTIME_RIVAL);
	a = step(f, 500);
	assert_int_equal(a->kind, ANSWER_APPLIED);
	assert_int_equal(a->err.code, ERR_APPLIED_AS);
	assert_int_equal(a->share_bp, 7770);
}

static const struct {
	enum runtime_mode mode;
	enum answer_kind kind;
	bool late;
} losses[] = {
	{RUNTIME_CLOSED, ANSWER_NOT_SENT, false},
	{RUNTIME_GARBAGE, ANSWER_NOT_SENT, false},
	{RUNTIME_OLD, ANSWER_NOT_SENT, false},
	{RUNTIME_SILENT, ANSWER_NOT_SENT, true},
	{RUNTIME_CUT_BEFORE, ANSWER_LOST, false},
	{RUNTIME_CUT_AFTER, ANSWER_LOST, false},
};

/* The answer of a change is lost: only what was never written is sure not to have happened. */
static void row_09_a_lost_answer_is_asked_for(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
		set_mode(f, RUNTIME_GOOD);
		snapshot_of(f);
		struct command c = a_command(f, VERB_STEP, 100 + (int)i * 100);
		set_mode(f, losses[i].mode);
		const struct answer *a = order(f, &c, losses[i].late);
		if (a->kind != losses[i].kind)
			fail_msg("mode %d: %d %s", losses[i].mode, a->kind, a->err.text);
		assert_int_not_equal(a->err.code, ERR_NONE);
		set_mode(f, RUNTIME_GOOD);
		driver_haproxy.resolve(f->driver, c.id, f->now);
		const struct heard *h = listen_once(f, false);
		assert_int_equal(h->kind, DRIVER_RESOLVED);
		assert_int_equal(
			h->answer.kind, losses[i].mode == RUNTIME_CUT_AFTER ? ANSWER_APPLIED : ANSWER_VOID);
	}
	struct command first = a_command(f, VERB_STEP, 900);
	snapshot_of(f);
	first = a_command(f, VERB_STEP, 900);
	assert_int_equal(order(f, &first, false)->kind, ANSWER_APPLIED);
	snapshot_of(f);
	assert_int_equal(step(f, 1000)->kind, ANSWER_APPLIED);
	driver_haproxy.resolve(f->driver, first.id, f->now);
	assert_int_equal(listen_once(f, false)->answer.kind, ANSWER_SUPERSEDED);
	set_mode(f, RUNTIME_CLOSED);
	driver_haproxy.resolve(f->driver, first.id, f->now);
	assert_int_equal(listen_once(f, false)->answer.kind, ANSWER_LOST);
}

/* Nothing gates the way back: not an old epoch, a held lock, damaged statistics. */
static void a_rollback_always_goes_out(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	assert_int_equal(step(f, 2500)->kind, ANSWER_APPLIED);
	struct command back = a_command(f, VERB_ROLLBACK, -1);
	f->fake.start_s += 5;
	f->fake.permille = 600;
	assert_int_equal(order(f, &back, false)->kind, ANSWER_APPLIED);
	assert_int_equal(f->fake.permille, 0);

	set_mode(f, RUNTIME_DAMAGED);
	f->fake.permille = 600;
	snprintf(back.id, sizeof back.id, "another");
	/* read back by the one key */
	const struct answer *a = order(f, &back, false);
	assert_int_equal(a->kind, ANSWER_APPLIED);
	assert_int_equal(a->share_bp, 0);
	assert_int_equal(a->rev, UNKNOWN);
	assert_int_equal(f->fake.permille, 0);

	/* The connection ends where the map is read: it is written on another one. */
	set_mode(f, RUNTIME_GOOD);
	f->fake.hides_map = true;
	f->fake.permille = 600;
	snprintf(back.id, sizeof back.id, "a third");
	assert_int_equal(order(f, &back, false)->kind, ANSWER_APPLIED);
	assert_int_equal(f->fake.permille, 0);
	assert_int_equal(step(f, 100)->kind, ANSWER_NOT_SENT);
}

/* A rollback that went in first, by its note, and whose number a late step has overwritten. */
static void a_step_finds_the_rollback_and_takes_itself_back(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	f->fake.rolls_back = true;
	const struct answer *a = step(f, 2500);
	assert_int_equal(a->kind, ANSWER_REFUSED);
	assert_int_equal(a->err.code, ERR_CHANGED);
	assert_int_equal(a->share_bp, 0);
	assert_int_equal(f->fake.permille, 0);
	assert_null(strstr(f->fake.notes.data, "ana@db1"));
	/* The next one is decided behind it. */
	assert_int_equal(snapshot_of(f)->rev, 2);
	assert_int_equal(step(f, 2500)->kind, ANSWER_APPLIED);
	assert_int_equal(snapshot_of(f)->rev, 3);
	struct command back = a_command(f, VERB_ROLLBACK, -1);
	assert_int_equal(order(f, &back, false)->rev, 5);
	/* Its note is there, its number is not any more: done again, not "replayed". */
	f->fake.permille = 250;
	a = order(f, &back, false);
	assert_int_equal(a->kind, ANSWER_APPLIED);
	assert_false(a->replayed);
	assert_int_equal(f->fake.permille, 0);
}

/* Another weir of this host, in the middle of a change. */
static struct hostlock *hold_lock(
	const struct fixture *f, const char *map, const char *key, struct text *path)
{
	struct hostlock *lock = NULL;
	uint64_t h = 0xCBF29CE484222325u;
	const char *const words[] = {"vm", map, key};
	for (size_t i = 0; i < 3; i++)
		for (const char *s = words[i]; *s; s++)
			h = (h ^ (unsigned char)*s) * 0x100000001B3u;
	text_addf(path, "%s/weir-%016llx.cas", f->dir, (unsigned long long)h);
	assert_int_equal(hostlock_share(&lock, text_str(path), NULL), 0);
	return lock;
}

/* One driver: what waits is refused, what was decided before finds another revision. */
static void a_rollback_overrules_what_waits(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 2; i++) {
		open_at(f, i ? f->pair : f->map);
		struct command up = a_command(f, VERB_STEP, 2500), late = up;
		struct command back = a_command(f, VERB_ROLLBACK, 0);
		/* Without the lock the step could be on its way before the rollback is pressed. */
		struct text path = {0};
		struct hostlock *lock = hold_lock(f, i ? "" : "/m", i ? "pair" : "", &path);
		driver_haproxy.apply(f->driver, &up, f->now);
		driver_haproxy.apply(f->driver, &back, f->now);
		hostlock_free(lock);
		unlink(text_str(&path));
		text_free(&path);
		int from = f->heard.events;
		struct heard first = {0};
		for (int64_t end_ms = process_clock_ms() + DEADLINE_MS; f->heard.events < from + 2;) {
			struct pollfd fd = {.fd = driver_haproxy.fd(f->driver), .events = POLLIN};
			assert_true(process_clock_ms() < end_ms);
			driver_haproxy.turn(f->driver, f->now);
			if (f->heard.events == from + 1)
				first = f->heard;
			if (f->heard.events < from + 2)
				poll(&fd, 1, 100);
		}
		if (first.events)
			assert_int_equal(first.answer.kind, ANSWER_REFUSED);
		assert_int_equal(f->heard.answer.kind, ANSWER_APPLIED);
		assert_int_equal(f->heard.answer.share_bp, 0);
		snprintf(late.id, sizeof late.id, "late");
		const struct answer *a = order(f, &late, false);
		assert_int_equal(a->kind, ANSWER_REFUSED);
		assert_int_equal(a->err.code, ERR_CHANGED);
		assert_int_equal(snapshot_of(f)->share_bp, 0);
		driver_haproxy.close(f->driver);
		f->driver = NULL;
	}
}

static const struct answer *resolve(struct fixture *f, const char *id)
{
	driver_haproxy.resolve(f->driver, id, f->now);
	const struct heard *h = listen_once(f, false);
	assert_int_equal(h->kind, DRIVER_RESOLVED);
	return &h->answer;
}

/* What is asked for later is answered by what is there; where that does not tell, it is lost. */
static void a_fate_is_what_is_there(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	const struct answer *a = resolve(f, "nobody's");
	assert_int_equal(a->kind, ANSWER_LOST);
	assert_int_equal(a->err.code, ERR_NOT_SEEN);
	struct command hold = a_command(f, VERB_HOLD, -1);
	assert_int_equal(order(f, &hold, false)->kind, ANSWER_APPLIED);
	assert_int_equal(resolve(f, hold.id)->kind, ANSWER_APPLIED);
	struct command resume = a_command(f, VERB_RESUME, -1);
	assert_int_equal(order(f, &resume, false)->kind, ANSWER_APPLIED);
	struct command arm = a_command(f, VERB_ARM, -1);
	text_copy(arm.plan_hash, sizeof arm.plan_hash, "abc");
	assert_int_equal(order(f, &arm, false)->kind, ANSWER_APPLIED);
	assert_int_equal(resolve(f, arm.id)->kind, ANSWER_APPLIED);
	struct command drain = a_command(f, VERB_DRAIN, -1);
	drain.drain = (struct drain){.arm = ARM_V2, .segment = -1, .worker = -1};
	drain.drains = true;
	assert_int_equal(order(f, &drain, false)->kind, ANSWER_APPLIED);
	assert_int_equal(resolve(f, drain.id)->kind, ANSWER_APPLIED);
	f->fake.drained[1] = false;
	assert_int_equal(resolve(f, drain.id)->kind, ANSWER_VOID);
	/* A note whose number is not there: by hand since, or never set. */
	snapshot_of(f);
	struct command c = a_command(f, VERB_STEP, 700);
	assert_int_equal(order(f, &c, false)->kind, ANSWER_APPLIED);
	assert_int_equal(resolve(f, c.id)->kind, ANSWER_APPLIED);
	f->fake.permille = 5;
	assert_int_equal(resolve(f, c.id)->kind, ANSWER_LOST);
	driver_haproxy.close(f->driver);
	open_at(f, f->pair);
	assert_int_equal(resolve(f, "never sent")->kind, ANSWER_LOST);
	set_mode(f, RUNTIME_CLOSED);
	c = a_command(f, VERB_STEP, 0);
	assert_int_equal(order(f, &c, false)->kind, ANSWER_NOT_SENT);
	set_mode(f, RUNTIME_GOOD);
	assert_int_equal(resolve(f, c.id)->kind, ANSWER_VOID);
}

static void a_rollback_goes_to_the_baseline_that_was_armed(void **state)
{
	struct fixture *f = *state;
	f->fake.permille = 50;
	open_at(f, f->map);
	struct command arm = a_command(f, VERB_ARM, -1);
	text_copy(arm.plan_hash, sizeof arm.plan_hash, "abc123");
	assert_int_equal(order(f, &arm, false)->kind, ANSWER_APPLIED);
	assert_int_equal(snapshot_of(f)->baseline_bp, 500);
	assert_string_equal(f->heard.snapshot.plan_hash, "abc123");
	assert_int_equal(step(f, 2500)->kind, ANSWER_APPLIED);
	/* over an open migration the plan changes, the baseline stays */
	text_copy(arm.plan_hash, sizeof arm.plan_hash, "def456");
	assert_int_equal(order(f, &arm, false)->kind, ANSWER_APPLIED);
	assert_int_equal(snapshot_of(f)->baseline_bp, 500);
	struct command back = a_command(f, VERB_ROLLBACK, -1);
	assert_int_equal(order(f, &back, false)->share_bp, 500);
	struct command disarm = a_command(f, VERB_DISARM, -1);
	assert_int_equal(order(f, &disarm, false)->kind, ANSWER_APPLIED);
	assert_int_equal(snapshot_of(f)->baseline_bp, -1);
}

static void a_hold_refuses_raises_and_no_lowering(void **state)
{
	struct fixture *f = *state;
	f->fake.permille = 100;
	open_at(f, f->map);
	struct command hold = a_command(f, VERB_HOLD, -1);
	assert_int_equal(order(f, &hold, false)->kind, ANSWER_APPLIED);
	assert_true(snapshot_of(f)->hold.on);
	assert_string_equal(f->heard.snapshot.hold.actor, "ana@db1");
	assert_int_equal(step(f, 2000)->err.code, ERR_HELD);
	assert_int_equal(step(f, 500)->kind, ANSWER_APPLIED);
	struct command resume = a_command(f, VERB_RESUME, -1);
	assert_int_equal(order(f, &resume, false)->kind, ANSWER_APPLIED);
	assert_false(snapshot_of(f)->hold.on);
}

/* The attempt that was held is over; also where no map keeps the hold. */
static void a_rollback_ends_a_hold(void **state)
{
	struct fixture *f = *state;
	const char *const targets[] = {f->map, f->pair};
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		f->fake.permille = 100;
		open_at(f, targets[i]);
		struct command hold = a_command(f, i == 0 ? VERB_HOLD : VERB_ADOPT, -1);
		assert_int_equal(order(f, &hold, false)->kind, ANSWER_APPLIED);
		assert_true(snapshot_of(f)->hold.on);
		struct command back = a_command(f, VERB_ROLLBACK, -1);
		assert_int_equal(order(f, &back, false)->kind, ANSWER_APPLIED);
		assert_false(snapshot_of(f)->hold.on);
		assert_int_equal(f->heard.snapshot.share_bp, 0);
		driver_haproxy.close(f->driver);
		f->driver = NULL;
	}
}

static void what_haproxy_has_not_is_refused(void **state)
{
	struct fixture *f = *state;
	static const enum verb verbs[] = {
		VERB_TAKE, VERB_GUARD, VERB_KEEP, VERB_OPERATIONS, VERB_DRAIN, VERB_FINALIZE};
	open_at(f, f->map);
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		struct command c = a_command(f, verbs[i], -1);
		c.drain.arm = ARM_V2;
		c.drain.segment = c.drain.worker = 9;
		const struct answer *a = order(f, &c, false);
		assert_int_equal(a->kind, ANSWER_REFUSED);
		assert_int_equal(a->err.code, ERR_LIMIT);
	}
	assert_non_null(strstr(f->heard.answer.err.text, "when v1's servers leave its configuration"));
	struct command full = a_command(f, VERB_STEP, 10000);
	full.strategy = STRATEGY_FULL_MIGRATION;
	assert_int_equal(order(f, &full, false)->err.code, ERR_LIMIT);
	assert_int_equal(step(f, 55)->err.code, ERR_LIMIT);
}

static void two_weirs_of_a_host_take_turns(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	/* Whoever holds the lock is in the middle of a change: waited for, then refused. */
	struct text path = {0};
	struct hostlock *lock = hold_lock(f, "/m", "", &path);
	struct command c = a_command(f, VERB_STEP, 500);
	driver_haproxy.apply(f->driver, &c, f->now);
	driver_haproxy.turn(f->driver, f->now);
	assert_false(was_asked(f, "set map"));
	hostlock_free(lock);
	assert_int_equal(listen_once(f, false)->answer.kind, ANSWER_APPLIED);
	unlink(text_str(&path));
	text_free(&path);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_step_is_noted_and_read_back),
		CASE(only_the_last_notes_are_kept),
		CASE(a_step_on_old_news_is_refused),
		CASE(a_command_repeated_is_done_once),
		CASE(row_19_success_without_effect_is_no_success),
		CASE(row_09_a_lost_answer_is_asked_for),
		CASE(a_rollback_always_goes_out),
		CASE(a_step_finds_the_rollback_and_takes_itself_back),
		CASE(a_rollback_overrules_what_waits),
		CASE(a_fate_is_what_is_there),
		CASE(a_rollback_goes_to_the_baseline_that_was_armed),
		CASE(a_hold_refuses_raises_and_no_lowering),
		CASE(a_rollback_ends_a_hold),
		CASE(what_haproxy_has_not_is_refused),
		CASE(two_weirs_of_a_host_take_turns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
