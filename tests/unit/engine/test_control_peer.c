/* Controls that share a plan: what is taken in, what is made anew, what is refused. Here `c` is
 * one of them and the store is a line in this test. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/control_state.h"
#include "tests/unit/engine/desk.h"

#include <unistd.h>

static struct control *other;
static struct text line; /* the store's */

static int set_up(void **state)
{
	setup(state);
	control_share(c);
	now.wall_ms++; /* its epoch is another one */
	other = make(NULL, true);
	control_share(other);
	return 0;
}

static int tear_down(void **state)
{
	control_free(other);
	text_free(&line);
	return teardown(state);
}

/* The newest of a control's own lines goes to the store, and is agreed on. */
static void publish(struct control *from)
{
	bool changed;
	const char *own = control_own(from), *last = own;
	assert_string_not_equal(own, "");
	for (; *own; own += strcspn(own, "\n") + 1)
		last = own;
	text_clear(&line);
	text_add_n(&line, last, strcspn(last, "\n"));
	assert_int_equal(control_adopt(from, text_str(&line), false, now, &changed, NULL), 0);
	assert_false(changed);
	assert_string_equal(control_own(from), "");
}

static bool adopt(struct control *by)
{
	bool changed;
	struct err err = {0};
	if (control_adopt(by, text_str(&line), true, now, &changed, &err) < 0)
		fail_msg("%s", err.text);
	return changed;
}

static const struct snapshot *look_at(const struct control *which)
{
	control_fill(which, snap, now);
	return snap;
}

static void same(void)
{
	char head[POOL_HASH_MAX];
	look_at(c);
	int64_t epoch = snap->epoch, rev = snap->rev, seq = snap->audit_seq;
	int share_bp = snap->share_bp;
	text_copy(head, sizeof head, snap->audit_head);
	look_at(other);
	assert_int_equal(snap->epoch, epoch);
	assert_int_equal(snap->rev, rev);
	assert_int_equal(snap->audit_seq, seq);
	assert_int_equal(snap->share_bp, share_bp);
	assert_string_equal(snap->audit_head, head);
}

static void what_one_begins_all_have(void **state)
{
	(void)state;
	control_begin(c, now);
	publish(c);
	assert_false(adopt(other)); /* the split is the same */
	same();
	assert_int_equal(step("k", 1000), 200);
	publish(c);
	assert_true(adopt(other));
	same();
	assert_false(adopt(other));
	look_at(other);
	assert_int_equal(snap->share_bp, 1000);
	assert_int_equal(snap->baseline_bp, 0);
	assert_string_equal(snap->change.actor, "ann@host");
}

static void a_known_key_is_known_to_all(void **state)
{
	(void)state;
	struct control_request r = step_request("k", 1000);
	assert_int_equal(send(&r), 200);
	publish(c);
	adopt(other);
	control_change(other, &r, &counts, now, &a);
	assert_int_equal(a.status, 200);
	assert_true(a.replayed);
	assert_int_equal(control_intent(other, "k", false, now, &a), INTENT_APPLIED);
}

/* Both roll back before either knows: one is agreed on, and it is one rollback. */
static void a_rollback_of_two_is_one(void **state)
{
	(void)state;
	assert_int_equal(step("k", 1000), 200);
	publish(c);
	adopt(other);
	int64_t epoch = look_at(c)->epoch;
	assert_int_equal(act(VERB_ROLLBACK, "r1"), 200);
	struct control_request r = act_request(VERB_ROLLBACK, "r2");
	control_change(other, &r, &counts, now, &a);
	assert_int_equal(a.status, 200);
	publish(c);
	adopt(other);
	assert_string_equal(control_own(other), "");
	same();
	assert_int_equal(look_at(other)->epoch, epoch + 1);
}

/* Somebody stepped where the rollback was not known: it is made again on top. */
static void a_rollback_is_never_lost(void **state)
{
	(void)state;
	assert_int_equal(step("k", 1000), 200);
	publish(c);
	adopt(other);
	struct control_request r = act_request(VERB_ROLLBACK, "r");
	control_change(other, &r, &counts, now, &a);
	assert_int_equal(step("k2", 2500), 200);
	publish(c);
	adopt(other); /* to 25 %, and back */
	look_at(other);
	assert_int_equal(snap->share_bp, 0);
	assert_string_not_equal(control_own(other), "");
	publish(other);
	assert_true(adopt(c));
	same();
	assert_int_equal(look_at(c)->share_bp, 0);
	/* with its key, its person and its reason */
	assert_int_equal(control_intent(c, "r", false, now, &a), INTENT_APPLIED);
	struct audit_entry e[8];
	size_t n = control_audit(c, 0, e, 8, now);
	assert_int_equal(n, 3);
	assert_string_equal(e[2].actor, "bob@host");
	assert_string_equal(e[2].reason, "so");
	for (size_t i = 0; i < n; i++)
		assert_int_equal(e[i].seq, i + 1);
}

/* The store still has the raise when who rolled back alone comes back from a restart. */
static void an_older_word_is_known_as_one(void **state)
{
	(void)state;
	struct text raise = {0};
	control_begin(c, now);
	publish(c);
	adopt(other);
	assert_false(control_has_passed(other, text_str(&line)));
	assert_int_equal(step("k", 1000), 200);
	publish(c);
	assert_false(control_has_passed(other, text_str(&line)));
	adopt(other);
	assert_false(control_has_passed(other, text_str(&line)));
	text_add(&raise, text_str(&line));
	struct control_request r = act_request(VERB_ROLLBACK, "r");
	control_change(other, &r, &counts, now, &a);
	assert_true(control_has_passed(other, text_str(&raise)));
	/* what another did there is no older word of this one, whatever its place */
	assert_int_equal(act(VERB_HOLD, "h"), 200);
	publish(c);
	assert_false(control_has_passed(other, text_str(&line)));
	assert_false(control_has_passed(other, "x"));
	text_free(&raise);
}

/* Neither by what raises the epoch without going back: a take, a raise that went back a
 * step. */
static void a_rollback_outlives_an_epoch_that_is_none(void **state)
{
	(void)state;
	assert_int_equal(step("k", 1000), 200);
	publish(c);
	adopt(other);
	struct control_request r = act_request(VERB_ROLLBACK, "r");
	control_change(other, &r, &counts, now, &a);
	struct lease_request lease = {.ttl_ms = 30000};
	text_copy(lease.actor, sizeof lease.actor, "eve@host");
	control_lease(c, &lease, now, &a);
	struct control_request take = act_request(VERB_TAKE, "t");
	take.ttl_ms = 30000;
	assert_int_equal(send(&take), 200);
	publish(c);
	int64_t epoch = look_at(c)->epoch;
	adopt(other);
	assert_int_equal(look_at(other)->share_bp, 0);
	assert_int_equal(snap->epoch, epoch + 1);
	struct control_request next = step_request("k2", 2500);
	text_copy(next.actor, sizeof next.actor, take.actor);
	assert_int_equal(send(&next), 200);
	publish(c);
	adopt(other);
	assert_int_equal(look_at(other)->share_bp, 0);
	publish(other);
	assert_true(adopt(c));
	same();
	assert_int_equal(look_at(c)->share_bp, 0);
	/* one that was done there is over, and what followed it stands */
	text_copy(r.key, sizeof r.key, "r3");
	control_change(other, &r, &counts, now, &a);
	assert_int_equal(act(VERB_ROLLBACK, "r2"), 200);
	publish(c);
	adopt(other);
	assert_int_equal(step("k3", 500), 200);
	publish(c);
	adopt(other);
	same();
	assert_int_equal(look_at(other)->share_bp, 500);
}

static void take_in(struct control *by, const char *text)
{
	bool changed;
	assert_int_equal(control_adopt(by, text, false, now, &changed, NULL), 0);
}

/* Who rolled back alone was started again, and meanwhile the others stepped on. */
static void a_rollback_outlives_a_restart(void **state)
{
	(void)state;
	char dir[96], file[128];
	struct store *store;
	struct text lines[3] = {{0}};
	snprintf(dir, sizeof dir, "%s/weir-peer-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/control.log", dir);
	assert_int_equal(store_open(&store, dir, NULL, NULL), 0);
	control_free(other);
	other = make(store, true);
	control_share(other);
	assert_int_equal(step("k", 1000), 200);
	publish(c);
	text_add(&lines[0], text_str(&line));
	adopt(other);
	/* a hold of its own that the store never had, and what replaced it */
	struct control_request hold = act_request(VERB_HOLD, "h");
	control_change(other, &hold, &counts, now, &a);
	assert_int_equal(step("k2", 2500), 200);
	publish(c);
	text_add(&lines[1], text_str(&line));
	adopt(other);
	struct control_request r = act_request(VERB_ROLLBACK, "r");
	control_change(other, &r, &counts, now, &a);
	assert_int_equal(step("k3", 3000), 200);
	publish(c);
	text_add(&lines[2], text_str(&line));

	for (int again = 0; again < 2; again++) {
		control_free(other);
		store_close(store);
		assert_int_equal(store_open(&store, dir, NULL, NULL), 0);
		other = make(store, true);
		control_share(other);
		assert_string_equal(control_own(other), "");
		assert_false(control_reclaim(other, "x"));
		if (again == 0) {
			assert_false(control_reclaim(other, text_str(&lines[2])));
			assert_true(control_reclaim(other, text_str(&lines[1])));
		} else { /* it was not told of what was made anew either */
			assert_true(control_reclaim(other, text_str(&lines[2])));
		}
		assert_non_null(strstr(control_own(other), "\trollback\t"));
		assert_non_null(strstr(control_own(other), "\thold\t"));
		take_in(other, text_str(&lines[2]));
		look_at(other);
		assert_int_equal(snap->share_bp, 0);
	}
	for (const char *own = control_own(other); *own; own = strchr(own, '\n') + 1)
		take_in(c, own);
	assert_int_equal(look_at(c)->share_bp, 0);
	assert_int_equal(control_intent(c, "r", false, now, &a), INTENT_APPLIED);
	control_free(other);
	other = NULL;
	store_close(store);
	for (int i = 0; i < 3; i++)
		text_free(&lines[i]);
	unlink(file);
	rmdir(dir);
}

static void a_hold_is_never_lost(void **state)
{
	(void)state;
	assert_int_equal(step("k", 1000), 200);
	publish(c);
	adopt(other);
	struct control_request r = act_request(VERB_HOLD, "h");
	control_change(other, &r, &counts, now, &a);
	assert_int_equal(step("k2", 2500), 200);
	publish(c);
	adopt(other);
	look_at(other);
	assert_int_equal(snap->share_bp, 2500);
	assert_true(snap->hold.on);
	publish(other);
	adopt(c);
	assert_true(look_at(c)->hold.on);
	same();
}

/* A raise that went back here for want of a keep, while it was kept there: it was kept. */
static void what_time_did_is_not_made_again(void **state)
{
	(void)state;
	struct control_request r = step_request("k", 1000);
	r.keep_within_ms = 60000;
	assert_int_equal(send(&r), 200);
	publish(c);
	adopt(other);
	now.boot_ms += 61000;
	now.wall_ms += 61000;
	assert_true(control_tick(other, NULL, &counts, now));
	assert_int_equal(look_at(other)->share_bp, 0);
	assert_int_equal(act(VERB_KEEP, "keep"), 200);
	publish(c);
	assert_true(adopt(other));
	assert_string_equal(control_own(other), "");
	same();
	assert_int_equal(look_at(other)->share_bp, 1000);
	assert_false(control_tick(other, NULL, &counts, now));
}

/* It went back everywhere; who had not heard of that changed something else. */
static void what_is_still_due_stays_back(void **state)
{
	(void)state;
	struct control_request r = step_request("k", 1000);
	r.keep_within_ms = 60000;
	assert_int_equal(send(&r), 200);
	publish(c);
	adopt(other);
	now.boot_ms += 61000;
	now.wall_ms += 61000;
	assert_true(control_tick(other, NULL, &counts, now));
	int64_t epoch = look_at(other)->epoch;
	assert_int_equal(act(VERB_RESUME, "u"), 200);
	publish(c);
	assert_false(adopt(other));
	look_at(other);
	assert_int_equal(snap->share_bp, 0);
	assert_int_equal(snap->epoch, epoch);
	assert_true(snap->hold.on);
	publish(other);
	assert_true(adopt(c));
	same();
	assert_int_equal(look_at(c)->share_bp, 0);
}

/* Its time counts from when it was heard, whatever the two clocks say. */
static void another_clock_takes_no_time_from_a_raise(void **state)
{
	(void)state;
	struct control_request r = step_request("k", 1000);
	r.keep_within_ms = 60000;
	assert_int_equal(send(&r), 200);
	publish(c);
	now.wall_ms += 50000; /* the other's clock is ahead */
	adopt(other);
	assert_int_equal(look_at(other)->keep.left_ms, 60000);
}

static void who_leads_decides_all_but_brakes(void **state)
{
	(void)state;
	assert_int_equal(step("k", 1000), 200);
	control_lead(c, NULL, now);
	assert_false(look()->hold.on);
	step("k2", 2500);
	refuses(409, "led");
	act(VERB_RESUME, "u");
	refuses(409, "led");
	assert_int_equal(act(VERB_HOLD, "h"), 200);
	assert_int_equal(act(VERB_ROLLBACK, "r"), 200);
	assert_int_equal(look()->share_bp, 0);
}

static void who_is_not_seen_is_told_as_a_hold(void **state)
{
	(void)state;
	control_lead(c, "not seen for 11 s", now);
	now.boot_ms += 2000;
	control_lead(c, "not seen for 13 s", now);
	look();
	assert_true(snap->hold.on);
	assert_string_equal(snap->hold.actor, POOL_ETCD);
	assert_string_equal(snap->hold.reason, "not seen for 13 s");
	assert_int_equal(snap->hold.age_ms, 2000);
	control_lead(c, NULL, now);
	assert_false(look()->hold.on);
}

static void what_is_not_a_plan_changes_nothing(void **state)
{
	(void)state;
	struct text spoilt = {0};
	struct err err = {0};
	bool changed;
	assert_int_equal(step("k", 1000), 200);
	publish(c);
	text_add(&spoilt, text_str(&line));
	spoilt.data[spoilt.len / 2] ^= 1;
	static const char *const bad[] = {"", "x", "3", "3\t", "0\tx", "-1\tx", "99999999999\tx"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(control_adopt(other, bad[i], true, now, &changed, &err), -1);
		assert_int_equal(err.code, ERR_DAMAGED);
	}
	assert_int_equal(control_adopt(other, text_str(&spoilt), true, now, &changed, &err), -1);
	assert_int_equal(err.code, ERR_DAMAGED);
	/* no line of these said all by itself, so none was ever shared */
	assert_int_equal(control_adopt(other, "2\tx", true, now, &changed, &err), -1);
	assert_non_null(strstr(err.text, "format 2, in which no weir shares one"));
	assert_int_equal(control_adopt(other, "4\tx", true, now, &changed, &err), -1);
	assert_int_equal(err.code, ERR_NEWER);
	struct control *small = make(NULL, false);
	assert_int_equal(control_adopt(small, text_str(&line), true, now, &changed, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	control_free(small);
	text_free(&spoilt);
	look_at(other);
	assert_int_equal(snap->share_bp, 0);
	assert_int_equal(snap->audit_seq, 0);
}

/* Who may write where the plan lies can give any line its hash. */
static void a_line_by_a_stranger_spoils_nothing(void **state)
{
	(void)state;
	struct store_record good = {.seq = 7,
		.wall_ms = 1700000000000,
		.epoch = 1700000000000,
		.rev = 3,
		.from_bp = 0,
		.to_bp = 500,
		.strategy = STRATEGY_CANARY,
		.baseline_bp = 0,
		.kept_bp = 500,
		.what = "step",
		.key = "k",
		.actor = "eve\x1b]0;x\a@host",
		.reason = "\x1b[2J\xff"};
	guard_limits_init(&good.guard);
	struct store_record bad[] = {good, good, good, good, good, good};
	bad[0].seq = INT64_MAX;
	bad[1].epoch = INT64_MAX;
	bad[2].rev = INT64_MAX;
	bad[3].to_bp = -1;
	bad[4].keep_ms = bad[4].keep_wall_ms = INT64_MAX;
	bad[5].operations = "sleep,\x1b[2J";
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};
		bool changed;
		text_clear(&line);
		store_record_value(&line, &bad[i]);
		assert_int_equal(
			control_adopt(other, text_str(&line), false, now, &changed, &err), -1);
		assert_int_equal(err.code, ERR_DAMAGED);
	}
	text_clear(&line);
	store_record_value(&line, &good);
	assert_true(adopt(other));
	struct audit_entry e;
	assert_int_equal(control_audit(other, 0, &e, 1, now), 1);
	assert_string_equal(e.actor, "eve^[]0;x^G@host");
	assert_string_equal(e.reason, "^[[2J<FF>");
	/* and it goes on from there */
	struct control_request r = act_request(VERB_ROLLBACK, "r");
	control_change(other, &r, &counts, now, &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.share_bp, 0);
}

static void lines_that_nobody_takes_are_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		char key[16];
		snprintf(key, sizeof key, "h%d", i);
		assert_int_equal(act(VERB_HOLD, key), 200);
	}
	assert_in_range(strlen(control_own(c)), 1000, 66 * 1024);
	publish(c);
	adopt(other);
	same();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(what_one_begins_all_have),
		T(a_known_key_is_known_to_all),
		T(a_rollback_of_two_is_one),
		T(a_rollback_is_never_lost),
		T(a_rollback_outlives_an_epoch_that_is_none),
		T(a_rollback_outlives_a_restart),
		T(an_older_word_is_known_as_one),
		T(a_hold_is_never_lost),
		T(what_time_did_is_not_made_again),
		T(what_is_still_due_stays_back),
		T(another_clock_takes_no_time_from_a_raise),
		T(who_leads_decides_all_but_brakes),
		T(who_is_not_seen_is_told_as_a_hold),
		T(what_is_not_a_plan_changes_nothing),
		T(a_line_by_a_stranger_spoils_nothing),
		T(lines_that_nobody_takes_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
