/* Property test of control: three actors, a guard, restarts and time that jumps, at random from
 * a seed; after each event what must always hold is checked against a plain account of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/hash.h"
#include "model/verb.h"
#include "tests/unit/engine/desk.h"

#include <unistd.h>

#define SEEDS 40
#define EVENTS 400
#define SENT_MAX 64

static uint64_t random_state;
static struct store *store;
static char dir[64], file[96];
static int number;

/* Requests that were sent once: copies of them come late. */
static struct control_request sent[SENT_MAX];
static int sent_count;

static int pick(int below)
{
	return (int)(hash_next(&random_state) % (uint64_t)below);
}

static const char *actor(void)
{
	static const char *const actors[] = {"ann@host", "bob@host", "eve@host"};
	return actors[pick(3)];
}

/* Nothing here asks for a power cut. */
static int no_sync(void *ctx, int fd)
{
	(void)ctx;
	(void)fd;
	return 0;
}

static const struct store_options quick = {.sync = no_sync};

static void reopen(void)
{
	control_free(c);
	store_close(store);
	assert_int_equal(store_open(&store, dir, &quick, NULL), 0);
	c = make(store, true);
}

static struct control_request draw(void)
{
	static const enum verb verbs[] = {VERB_STEP, VERB_STEP, VERB_STEP, VERB_STEP, VERB_ROLLBACK,
		VERB_HOLD, VERB_RESUME, VERB_RESUME, VERB_KEEP, VERB_KEEP, VERB_OPERATIONS, VERB_ARM,
		VERB_DISARM, VERB_TAKE, VERB_GUARD};
	struct control_request r = act_request(verbs[pick(sizeof verbs / sizeof *verbs)], "unused");
	snprintf(r.key, sizeof r.key, "k%d", ++number);
	text_copy(r.actor, sizeof r.actor, actor());
	r.body_hash = (uint64_t)number;
	r.match_rev -= pick(10) == 0;
	if (r.verb == VERB_STEP)
		r.to_bp = pick(21) * 500;
	r.keep_within_ms = pick(3) ? 1000 * pick(60) : 0;
	r.has_guard = pick(3) == 0;
	guard_limits_init(&r.guard);
	r.guard.error_rate = pick(4) ? 0.05 : NAN;
	r.guard.action = (enum guard_action)pick(GUARD_ACTION_COUNT);
	r.has_operations = r.verb == VERB_OPERATIONS || pick(8) == 0;
	r.operations = (struct operation_set){
		.limited = pick(3) > 0, .count = pick(3), .name = {"echo", "predict"}};
	if (r.verb == VERB_ARM)
		r.baseline_bp = pick(3) ? -1 : pick(4) * 500;
	r.on_orphan = (enum orphan)pick(ORPHAN_COUNT + 1);
	r.act = pick(2) ? GUARD_ACTION_HOLD : GUARD_ACTION_ROLLBACK;
	r.for_ms = 1000 * pick(100);
	r.ttl_ms = 1000 * pick(60);
	return r;
}

static bool is_more(const struct snapshot *was, const struct snapshot *is)
{
	return is->share_bp > was->share_bp;
}

/* What holds after every event; `by`: the request that did it, NULL for time or a restart. */
static void check(const struct snapshot *was, const struct control_request *by)
{
	const struct snapshot *is = look();
	bool accepted = by && a.status == 200 && !a.replayed;
	assert_true(is->epoch >= was->epoch);
	assert_true(is->rev >= was->rev);
	assert_true(is->audit_seq >= was->audit_seq);
	assert_in_range(is->share_bp, 0, SHARE_FULL);
	assert_true(is->kept_bp <= is->share_bp);
	assert_true(is->keep.on == (is->kept_bp < is->share_bp));
	if (is->share_bp != was->share_bp)
		assert_true(is->rev > was->rev);
	/* The share rises only by an accepted compare-and-set, or to the baseline. */
	if (is_more(was, is)) {
		assert_true(accepted);
		assert_true(by->verb == VERB_STEP || by->verb == VERB_ROLLBACK);
		if (by->verb == VERB_ROLLBACK)
			assert_int_equal(is->share_bp, was->baseline_bp);
	}
	if (accepted && by->verb == VERB_STEP && is_more(was, is)) {
		assert_int_equal(by->match_rev, was->rev);
		assert_int_equal(by->match_epoch, was->epoch);
		/* Only the holder raises, never under a hold or on top of an unkept raise. */
		assert_true(!was->lease.holder[0] || !strcmp(was->lease.holder, by->actor));
		assert_false(was->hold.on);
		assert_false(was->keep.on);
	}
	/* A refused or repeated request changes nothing. */
	if (by && !accepted) {
		assert_int_equal(is->audit_seq, was->audit_seq);
		assert_int_equal(is->share_bp, was->share_bp);
		assert_int_equal(is->epoch, was->epoch);
		assert_int_equal(is->rev, was->rev);
	}
	/* A rollback is never refused. */
	if (by && by->verb == VERB_ROLLBACK && !a.replayed) {
		assert_int_equal(a.status, 200);
		assert_int_equal(is->share_bp, was->baseline_bp > 0 ? was->baseline_bp : 0);
		assert_true(is->epoch > was->epoch);
		assert_string_equal(is->lease.holder, "");
	}
	/* The baseline stays while a migration is open. */
	if (was->baseline_bp >= 0 && was->share_bp != was->baseline_bp)
		assert_int_equal(is->baseline_bp, was->baseline_bp);
}

static void let_time_pass(void)
{
	int64_t ms = pick(4) ? pick(3000) : pick(400) * 1000;
	now.boot_ms += ms;
	now.wall_ms += pick(20) ? ms : (pick(2000) - 1000) * INT64_C(1000);
	struct control_guard g = {.state = (enum guard_state)pick(GUARD_COUNT),
		.both = pick(10) == 0,
		.red = (unsigned)pick(8),
		.word = "word"};
	int before_bp = look()->share_bp;
	bool changed = control_tick(c, pick(5) ? &g : NULL, &counts, now);
	assert_true(changed || look()->share_bp == before_bp);
}

static void event(void)
{
	static struct snapshot *was;
	was = was ? was : calloc(1, sizeof *was);
	control_fill(c, was, now);
	int what = pick(20);
	if (what < 4) {
		let_time_pass();
		check(was, NULL);
	} else if (what == 4) {
		reopen();
		/* What was held in memory only, who leases, is gone; the rest stands. */
		assert_int_equal(look()->audit_seq, was->audit_seq);
		assert_string_equal(snap->audit_head, was->audit_head);
		assert_int_equal(snap->hold.on, was->hold.on);
		assert_int_equal(snap->keep.on, was->keep.on);
		assert_int_equal(snap->kept_bp, was->kept_bp);
		assert_int_equal(snap->baseline_bp, was->baseline_bp);
		assert_int_equal(snap->guard.armed, was->guard.armed);
		assert_memory_equal(&snap->operations, &was->operations, sizeof was->operations);
		check(was, NULL);
	} else if (what == 5) {
		struct lease_request l = {.ttl_ms = 1000 * pick(60)};
		text_copy(l.actor, sizeof l.actor, actor());
		control_lease(c, &l, now, &a);
		if (was->lease.holder[0] && strcmp(was->lease.holder, l.actor) != 0)
			assert_int_equal(a.status, 423);
		check(was, NULL);
	} else if (what < 9 && sent_count) {
		/* A copy that comes late: of what was applied, refused or voided. */
		struct control_request late = sent[pick(sent_count)];
		enum intent_fate fate = control_intent(c, late.key, pick(3) == 0, now, NULL);
		send(&late);
		if (fate != INTENT_UNKNOWN)
			/* What has no form is refused before its key is looked for. */
			assert_true(a.replayed || a.status == 422 || a.status == 400);
		check(was, &late);
	} else {
		struct control_request r = draw();
		sent[sent_count < SENT_MAX ? sent_count++ : pick(SENT_MAX)] = r;
		send(&r);
		check(was, &r);
	}
}

static void holds_whatever_happens(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/weir-control-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/control.log", dir);
	for (int seed = 1; seed <= SEEDS; seed++) {
		random_state = (uint64_t)seed;
		sent_count = 0;
		control_free(c);
		assert_int_equal(store_open(&store, dir, &quick, NULL), 0);
		c = make(store, true);
		for (int i = 0; i < EVENTS; i++)
			event();
		control_free(c);
		c = NULL;
		store_close(store);
		unlink(file);
	}
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(holds_whatever_happens, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
