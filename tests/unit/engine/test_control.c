/* Tests of control: the order of refusal, compare-and-set, keys, voids, hold, rollback. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/control_state.h"
#include "tests/unit/engine/desk.h"

static void starts_at_the_wall_clock(void **state)
{
	(void)state;
	look();
	assert_int_equal(snap->epoch, now.wall_ms);
	assert_int_equal(snap->rev, 0);
	assert_int_equal(snap->share_bp, 0);
	assert_int_equal(snap->baseline_bp, -1);
	assert_false(snap->change.known);
	assert_int_equal(snap->audit_seq, 0);
	assert_true(snap->hold.age_ms == UNKNOWN);
}

static void step_raises_rev_and_arms(void **state)
{
	(void)state;
	struct control_request r = step_request("k1", 1000);
	text_copy(r.plan_hash, sizeof r.plan_hash, "abc");
	assert_int_equal(send(&r), 200);
	assert_int_equal(a.share_bp, 1000);
	assert_int_equal(a.rev, 1);
	assert_false(a.replayed);
	assert_true(a.durable);
	now.boot_ms += 5000;
	look();
	assert_int_equal(snap->share_bp, 1000);
	assert_int_equal(snap->kept_bp, 1000);
	assert_int_equal(snap->baseline_bp, 0);
	assert_string_equal(snap->plan_hash, "abc");
	assert_true(snap->change.known);
	assert_string_equal(snap->change.actor, "ann@host");
	assert_int_equal(snap->change.age_ms, 5000);
	assert_int_equal(snap->change.arms[ARM_V2].requests, 22);
	assert_string_not_equal(snap->audit_head, "0000000000000000");
}

/* Every obstacle at once; each row takes away the one that the row before told of. */
static void refuses_in_order(void **state)
{
	(void)state;
	control_free(c);
	c = make(NULL, false);
	assert_int_equal(step("known", 0), 200);
	assert_int_equal(act(VERB_HOLD, "hold"), 200);
	static const struct {
		bool has_match;
		const char *key;
		uint64_t body;
		bool current, held;
		int to_bp;
		int status;
		const char *word;
	} rows[] = {
		{false, "", 9, false, true, 12000, 428, "no_match"},
		{true, "", 9, false, true, 12000, 400, "no_key"},
		{true, "bad key", 9, false, true, 12000, 400, "no_key"},
		{true, "known", 9, false, true, 12000, 422, "key_reused"},
		{true, "hold", 0, false, true, 12000, 422, "key_reused"},
		{true, "new", 9, false, true, 12000, 412, "conflict"},
		{true, "new", 9, true, true, 12000, 409, "held"},
		{true, "new", 9, true, false, 12000, 422, "limit"},
		{true, "new", 9, true, false, 1, 422, "limit"},
		{true, "new", 9, true, false, 0, 200, ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (!rows[i].held && look()->hold.on)
			assert_int_equal(act(VERB_RESUME, "resume"), 200);
		struct control_request r = step_request(rows[i].key, rows[i].to_bp);
		r.has_match = rows[i].has_match;
		r.body_hash = rows[i].body;
		r.match_rev -= !rows[i].current;
		send(&r);
		if (rows[i].status == 200)
			assert_int_equal(a.status, 200);
		else
			refuses(rows[i].status, rows[i].word);
	}
}

static void conflict_tells_who_and_when(void **state)
{
	(void)state;
	struct control_request late = step_request("late", 2000);
	assert_int_equal(step("first", 1000), 200);
	now.boot_ms += 3000;
	assert_int_equal(send(&late), 412);
	refuses(412, "conflict");
	assert_string_equal(a.changed_by, "ann@host");
	assert_int_equal(a.changed_age_ms, 3000);
}

static void another_from_share_is_a_conflict(void **state)
{
	(void)state;
	struct control_request r = step_request("k", 1000);
	r.from_bp = 500;
	send(&r);
	refuses(412, "conflict");
	r.from_bp = 0;
	assert_int_equal(send(&r), 200);
}

static void known_key_is_replayed(void **state)
{
	(void)state;
	struct control_request r = step_request("k1", 1000);
	assert_int_equal(send(&r), 200);
	assert_int_equal(step("k2", 2000), 200);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(send(&r), 200);
		assert_true(a.replayed);
		assert_int_equal(a.rev, 1);
		assert_int_equal(a.share_bp, 1000);
	}
	assert_int_equal(look()->share_bp, 2000);
	assert_int_equal(snap->rev, 2);
	assert_int_equal(snap->audit_seq, 2);
	r.body_hash++;
	send(&r);
	refuses(422, "key_reused");
}

static void refused_keys_are_not_kept(void **state)
{
	(void)state;
	assert_int_equal(act(VERB_HOLD, "h"), 200);
	assert_int_equal(step("k", 1000), 409);
	assert_int_equal(act(VERB_RESUME, "r"), 200);
	assert_int_equal(step("k", 1000), 200);
	assert_false(a.replayed);
}

static void strategies_and_shares_agree(void **state)
{
	(void)state;
	static const struct {
		enum strategy asked;
		int to_bp, status;
		enum strategy after;
	} rows[] = {
		{STRATEGY_COUNT, 1000, 200, STRATEGY_CANARY},
		{STRATEGY_FULL_MIGRATION, 5000, 422, STRATEGY_CANARY},
		{STRATEGY_AB_TEST, 5000, 200, STRATEGY_AB_TEST},
		{STRATEGY_COUNT, 5000, 200, STRATEGY_AB_TEST},
		{STRATEGY_COUNT, 6000, 200, STRATEGY_CANARY},
		{STRATEGY_PRIMARY_WITH_FALLBACK, 6000, 200, STRATEGY_PRIMARY_WITH_FALLBACK},
		{STRATEGY_COUNT, 7000, 200, STRATEGY_PRIMARY_WITH_FALLBACK},
		{STRATEGY_FULL_MIGRATION, 10000, 200, STRATEGY_FULL_MIGRATION},
		{STRATEGY_SHADOW, 100, 422, STRATEGY_FULL_MIGRATION},
		{STRATEGY_SHADOW, 0, 200, STRATEGY_SHADOW},
		{STRATEGY_PRIMARY_ONLY, 0, 200, STRATEGY_PRIMARY_ONLY},
		{STRATEGY_COUNT, 100, 200, STRATEGY_CANARY},
		{STRATEGY_COUNT, 0, 200, STRATEGY_CANARY},
		{STRATEGY_COUNT, -1, 422, STRATEGY_CANARY},
		{STRATEGY_COUNT, 10001, 422, STRATEGY_CANARY},
	};
	char key[16];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(key, sizeof key, "k%zu", i);
		struct control_request r = step_request(key, rows[i].to_bp);
		r.strategy = rows[i].asked;
		assert_int_equal(send(&r), rows[i].status);
		assert_int_equal(look()->strategy, rows[i].after);
	}
}

static void without_v2_nothing_is_raised(void **state)
{
	(void)state;
	control_free(c);
	c = make(NULL, false);
	static const struct {
		enum strategy strategy;
		int to_bp;
	} rows[] = {{STRATEGY_COUNT, 1}, {STRATEGY_AB_TEST, 5000}, {STRATEGY_FULL_MIGRATION, 10000},
		{STRATEGY_SHADOW, 0}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct control_request r = step_request("k", rows[i].to_bp);
		r.strategy = rows[i].strategy;
		send(&r);
		refuses(422, "limit");
	}
	struct control_options o = {.strategy = STRATEGY_CANARY, .share_bp = 100};
	struct err err;
	assert_null(control_new(&o, NULL, now, &err));
	assert_int_equal(err.code, ERR_CONFIG);
}

static void hold_refuses_raises_only(void **state)
{
	(void)state;
	assert_int_equal(step("k1", 2000), 200);
	assert_int_equal(act(VERB_HOLD, "h"), 200);
	assert_int_equal(a.rev, 1);
	now.boot_ms += 700;
	assert_true(look()->hold.on);
	assert_string_equal(snap->hold.actor, "bob@host");
	assert_string_equal(snap->hold.reason, "so");
	assert_int_equal(snap->hold.age_ms, 700);
	step("k2", 2001);
	refuses(409, "held");
	assert_non_null(strstr(a.message, "bob@host"));
	assert_int_equal(step("k3", 1000), 200);
	assert_true(look()->hold.on);
	assert_int_equal(act(VERB_HOLD, "h"), 200);
	assert_true(a.replayed);
	assert_int_equal(act(VERB_RESUME, "r"), 200);
	assert_false(look()->hold.on);
	assert_int_equal(step("k4", 2001), 200);
}

static void rollback_goes_to_the_baseline(void **state)
{
	(void)state;
	int64_t epoch = look()->epoch;
	assert_int_equal(step("k1", 2000), 200);
	assert_int_equal(act(VERB_HOLD, "h"), 200);
	assert_int_equal(act(VERB_ROLLBACK, "b1"), 200);
	assert_int_equal(a.epoch, epoch + 1);
	assert_int_equal(a.rev, 2);
	assert_int_equal(a.share_bp, 0);
	assert_false(look()->hold.on);
	assert_int_equal(snap->strategy, STRATEGY_PRIMARY_ONLY);
	assert_int_equal(act(VERB_ROLLBACK, "b1"), 200);
	assert_true(a.replayed);
	assert_int_equal(look()->epoch, epoch + 1);
	assert_int_equal(act(VERB_ROLLBACK, "b2"), 200);
	assert_int_equal(look()->epoch, epoch + 2);
}

static void never_armed_goes_back_to_nothing(void **state)
{
	(void)state;
	control_free(c);
	struct control_options o = {
		.strategy = STRATEGY_PRIMARY_ONLY, .share_bp = 2500, .has_v2 = true, .epoch = 7};
	c = control_new(&o, NULL, now, NULL);
	assert_int_equal(look()->strategy, STRATEGY_CANARY);
	assert_int_equal(snap->epoch, 7);
	assert_int_equal(step("k", 5000), 200);
	assert_int_equal(look()->baseline_bp, -1);
	assert_int_equal(act(VERB_ROLLBACK, "b"), 200);
	assert_int_equal(look()->share_bp, 0);
}

static void late_copies_change_nothing(void **state)
{
	(void)state;
	struct control_request first = step_request("first", 1000);
	assert_int_equal(send(&first), 200);
	struct control_request slow = step_request("slow", 2000);
	struct control_request gone = step_request("gone", 3000);
	assert_int_equal(control_intent(c, "gone", true, now, &a), INTENT_VOID);
	assert_int_equal(a.status, 200);
	send(&gone);
	refuses(422, "void");
	assert_int_equal(act(VERB_ROLLBACK, "b"), 200);
	assert_int_equal(send(&first), 200);
	assert_true(a.replayed);
	send(&slow);
	refuses(412, "conflict");
	send(&gone);
	refuses(422, "void");
	look();
	assert_int_equal(snap->share_bp, 0);
	assert_int_equal(snap->rev, 2);
}

static void fates(void **state)
{
	(void)state;
	assert_int_equal(control_intent(c, "k1", false, now, NULL), INTENT_UNKNOWN);
	assert_int_equal(step("k1", 1000), 200);
	assert_int_equal(control_intent(c, "k1", true, now, &a), INTENT_APPLIED);
	assert_int_equal(a.share_bp, 1000);
	assert_int_equal(act(VERB_HOLD, "h"), 200);
	assert_int_equal(control_intent(c, "k1", true, now, &a), INTENT_APPLIED);
	assert_int_equal(control_intent(c, "h", true, now, &a), INTENT_APPLIED);
	assert_int_equal(act(VERB_ROLLBACK, "b"), 200);
	assert_int_equal(control_intent(c, "k1", true, now, &a), INTENT_SUPERSEDED);
	assert_int_equal(a.rev, 1);
	assert_int_equal(control_intent(c, "h", true, now, &a), INTENT_SUPERSEDED);
	assert_int_equal(control_intent(c, "b", true, now, &a), INTENT_APPLIED);
	assert_int_equal(control_intent(c, "v", true, now, &a), INTENT_VOID);
	assert_int_equal(control_intent(c, "v", false, now, &a), INTENT_VOID);
	assert_int_equal(control_intent(c, "not a key", true, now, &a), INTENT_UNKNOWN);
	assert_int_equal(a.status, 400);
	assert_string_equal(intent_fate_name(INTENT_SUPERSEDED), "superseded");
}

static void bad_bodies(void **state)
{
	(void)state;
	struct control_request r = step_request("k", 1000);
	r.actor[0] = '\0';
	send(&r);
	refuses(400, "bad_body");
	r = step_request("k", 1000);
	text_copy(r.plan_hash, sizeof r.plan_hash, "a\tb");
	send(&r);
	refuses(400, "bad_body");
	r = step_request("k", 1000);
	r.verb = VERB_ANNOTATE;
	send(&r);
	refuses(400, "bad_body");
	r = step_request("k", 1000);
	text_copy(r.actor, sizeof r.actor, "eve\n\t\x1b[2J");
	text_copy(r.reason, sizeof r.reason, "\xff\xe2\x80\xae");
	assert_int_equal(send(&r), 200);
	look();
	for (const char *p = snap->change.actor; *p; p++)
		assert_true((unsigned char)*p >= 0x20);
}

static void audit_pages(void **state)
{
	(void)state;
	struct audit_entry e[4];
	assert_int_equal(step("k1", 1000), 200);
	control_intent(c, "v", true, now, NULL);
	now.boot_ms += 1000;
	assert_int_equal(act(VERB_HOLD, "h"), 200);
	assert_int_equal(act(VERB_ROLLBACK, "b"), 200);
	assert_int_equal(control_audit(c, 0, e, 4, now), 3);
	assert_string_equal(e[0].what, "step");
	assert_string_equal(e[0].key, "k1");
	assert_int_equal(e[0].from_bp, 0);
	assert_int_equal(e[0].to_bp, 1000);
	assert_int_equal(e[0].age_ms, 1000);
	assert_string_equal(e[1].what, "hold");
	assert_int_equal(e[1].rev, 1);
	assert_string_equal(e[2].what, "rollback");
	assert_int_equal(e[2].to_bp, 0);
	assert_int_equal(e[2].seq, 3);
	assert_int_equal(control_audit(c, 1, e, 1, now), 1);
	assert_string_equal(e[0].what, "hold");
	assert_int_equal(control_audit(c, 3, e, 4, now), 0);
	assert_int_equal(control_audit(c, INT64_MAX, e, 4, now), 0);
}

static void keys_outlive_a_day_and_a_thousand(void **state)
{
	(void)state;
	char key[16];
	struct control_request first = step_request("k0", 1);
	assert_int_equal(send(&first), 200);
	now.boot_ms += 25 * 3600 * 1000;
	for (int i = 1; i < 1024; i++) {
		snprintf(key, sizeof key, "k%d", i);
		assert_int_equal(step(key, 1), 200);
	}
	assert_int_equal(send(&first), 200);
	assert_true(a.replayed);
	for (int i = 1024; i < 3000; i++) {
		snprintf(key, sizeof key, "k%d", i);
		assert_int_equal(step(key, 1), 200);
	}
	assert_int_equal(control_intent(c, "k1", false, now, NULL), INTENT_SUPERSEDED);
	now.boot_ms += 25 * 3600 * 1000;
	assert_int_equal(step("last", 1), 200);
	assert_int_equal(control_intent(c, "k0", false, now, NULL), INTENT_UNKNOWN);
	assert_int_equal(control_intent(c, "k1976", false, now, NULL), INTENT_UNKNOWN);
	assert_int_equal(control_intent(c, "k1977", false, now, NULL), INTENT_SUPERSEDED);
	assert_int_equal(look()->audit_seq, 3001);
}

/* Beyond its room a log takes only what nothing may refuse, and lets the oldest go. */
static void a_full_log_stops_no_rollback(void **state)
{
	(void)state;
	enum { ROOM = 65536, BATCH = 256 };
	struct store_record r = {.what = "void"};
	for (int i = 0; i < ROOM; i++) {
		snprintf(r.key, sizeof r.key, "v%d", i);
		control_log_add(&c->log, &r, now.boot_ms, 0);
	}
	step("k", 1000);
	refuses(507, "not_stored");
	act(VERB_RESUME, "r");
	refuses(507, "not_stored");
	assert_int_equal(control_intent(c, "v", true, now, &a), INTENT_UNKNOWN);
	refuses(507, "not_stored");
	char key[16];
	for (int i = 0; i < 2 * BATCH; i++) {
		snprintf(key, sizeof key, "b%d", i);
		assert_int_equal(act(i % 2 ? VERB_HOLD : VERB_ROLLBACK, key), 200);
	}
	assert_in_range(c->log.count, ROOM, ROOM + BATCH);
	assert_int_equal(control_intent(c, "v0", false, now, NULL), INTENT_UNKNOWN);
	assert_int_equal(control_intent(c, "v65535", false, now, NULL), INTENT_VOID);
	now.boot_ms += 25 * 3600 * 1000;
	assert_int_equal(step("k", 0), 200);
	assert_in_range(c->log.count, 1024, 1024 + BATCH);
}

/* Two keys with one hash are two keys. */
static void a_key_is_not_its_hash(void **state)
{
	(void)state;
	assert_int_equal(step("k1", 1000), 200);
	assert_int_equal(step("k2", 2000), 200);
	c->log.hashes[1] = c->log.hashes[0];
	assert_int_equal(control_intent(c, "k1", false, now, &a), INTENT_SUPERSEDED);
	assert_int_equal(a.share_bp, 1000);
}

static void counts_are_those_of_the_moment_it_is_in_force(void **state)
{
	(void)state;
	assert_int_equal(step("k1", 1000), 200);
	struct control_counts later = {.arms = {{.requests = 5}, {.requests = 6}}};
	control_recount(c, &later);
	assert_int_equal(look()->change.arms[ARM_V2].requests, 6);
	enum strategy strategy;
	int share_bp;
	control_split(c, &strategy, &share_bp);
	assert_int_equal(strategy, STRATEGY_CANARY);
	assert_int_equal(share_bp, 1000);
}

static void a_drain_is_of_somebody(void **state)
{
	(void)state;
	static const struct {
		struct drain drain;
		int status;
	} rows[] = {
		{{ARM_COUNT, -1, -1, false, 0}, 400},
		{{ARM_V2, -1, 0, false, 0}, 400}, /* a worker of no segment */
		{{ARM_V2, -1, -1, false, 0}, 200},
		{{ARM_V2, 0, -1, false, 0}, 200},
		{{ARM_V2, 0, 3, false, 0}, 200},
		{{ARM_COUNT, -1, -1, true, 0}, 200}, /* a place is of no arm, */
		{{ARM_V1, 7, -1, true, 1}, 200},
		{{ARM_V1, 0, 3, true, 0}, 400}, /* and no worker */
		{{ARM_V1, -1, -1, true, -1}, 400},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char key[16];
		snprintf(key, sizeof key, "drain-%zu", i);
		struct control_request r = act_request(VERB_DRAIN, key);
		r.drain = rows[i].drain;
		assert_int_equal(send(&r), rows[i].status);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(starts_at_the_wall_clock),
		T(step_raises_rev_and_arms),
		T(refuses_in_order),
		T(conflict_tells_who_and_when),
		T(another_from_share_is_a_conflict),
		T(known_key_is_replayed),
		T(refused_keys_are_not_kept),
		T(strategies_and_shares_agree),
		T(without_v2_nothing_is_raised),
		T(hold_refuses_raises_only),
		T(rollback_goes_to_the_baseline),
		T(never_armed_goes_back_to_nothing),
		T(late_copies_change_nothing),
		T(fates),
		T(bad_bodies),
		T(audit_pages),
		T(keys_outlive_a_day_and_a_thousand),
		T(a_full_log_stops_no_rollback),
		T(a_drain_is_of_somebody),
		T(a_key_is_not_its_hash),
		T(counts_are_those_of_the_moment_it_is_in_force),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
