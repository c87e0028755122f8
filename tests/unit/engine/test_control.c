/* Tests of control: the order of refusal, compare-and-set, keys, voids, hold, rollback, and
 * that a restarted pool stands where the old one stood. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/control.h"
#include "client/engine/store.h"
#include "model/text.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct control_counts counts = {.arms = {{.requests = 11}, {.requests = 22}}};
static struct instant now;
static struct control *c;
static struct control_answer a;
static struct snapshot *snap;

static struct control *make(struct store *store, bool has_v2)
{
	struct control_options o = {.strategy = STRATEGY_CANARY, .has_v2 = has_v2};
	struct err err;
	struct control *made = control_new(&o, store, now, &err);
	assert_non_null(made);
	return made;
}

static int setup(void **state)
{
	(void)state;
	now = (struct instant){.boot_ms = 100000000, .wall_ms = 1700000000000};
	c = make(NULL, true);
	snap = calloc(1, sizeof *snap);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	control_free(c);
	free(snap);
	return 0;
}

static const struct snapshot *look(void)
{
	control_fill(c, snap, now);
	return snap;
}

static struct control_request step_request(const char *key, int to_bp)
{
	look();
	struct control_request r = {.verb = VERB_STEP,
		.body_hash = (uint64_t)to_bp,
		.has_match = true,
		.match_epoch = snap->epoch,
		.match_rev = snap->rev,
		.to_bp = to_bp,
		.from_bp = -1,
		.strategy = STRATEGY_COUNT,
		.actor = "ann@host",
		.reason = "because"};
	text_copy(r.key, sizeof r.key, key);
	return r;
}

static int send(const struct control_request *r)
{
	control_change(c, r, &counts, now, &a);
	return a.status;
}

static int step(const char *key, int to_bp)
{
	struct control_request r = step_request(key, to_bp);
	return send(&r);
}

static int act(enum verb verb, const char *key)
{
	struct control_request r = {.verb = verb,
		.to_bp = -1,
		.from_bp = -1,
		.strategy = STRATEGY_COUNT,
		.actor = "bob@host",
		.reason = "so"};
	text_copy(r.key, sizeof r.key, key);
	return send(&r);
}

static void refuses(int status, const char *word)
{
	assert_int_equal(a.status, status);
	assert_string_equal(a.error, word);
	assert_string_not_equal(a.message, "");
	look();
	assert_int_equal(a.epoch, snap->epoch);
	assert_int_equal(a.rev, snap->rev);
	assert_int_equal(a.share_bp, snap->share_bp);
}

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

/* ---- with a store ---- */

static char dir[64], file[96];

static struct store *stored_setup(void)
{
	snprintf(dir, sizeof dir, "/tmp/weir-control-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/control.log", dir);
	struct store *store;
	assert_int_equal(store_open(&store, dir, NULL), 0);
	control_free(c);
	c = make(store, true);
	return store;
}

static struct store *restart(struct store *store)
{
	control_free(c);
	store_close(store);
	assert_int_equal(store_open(&store, dir, NULL), 0);
	c = make(store, true);
	return store;
}

static void stored_teardown(struct store *store)
{
	control_free(c);
	c = NULL;
	store_close(store);
	unlink(file);
	rmdir(dir);
}

static void restart_stands_where_it_stood(void **state)
{
	(void)state;
	struct store *store = stored_setup();
	struct control_request first = step_request("k1", 1000);
	text_copy(first.plan_hash, sizeof first.plan_hash, "plan");
	assert_int_equal(send(&first), 200);
	assert_int_equal(control_intent(c, "v", true, now, NULL), INTENT_VOID);
	assert_int_equal(act(VERB_ROLLBACK, "b"), 200);
	assert_int_equal(step("k2", 500), 200);
	assert_int_equal(act(VERB_HOLD, "h"), 200);
	struct snapshot *before = calloc(1, sizeof *before);
	control_fill(c, before, now);

	/* Another boot: its clock begins anew, the wall clock has gone on by a minute. */
	now = (struct instant){.boot_ms = 3000, .wall_ms = now.wall_ms + 60000};
	store = restart(store);
	look();
	assert_int_equal(snap->epoch, before->epoch);
	assert_int_equal(snap->rev, before->rev);
	assert_int_equal(snap->share_bp, 500);
	assert_int_equal(snap->strategy, before->strategy);
	assert_int_equal(snap->baseline_bp, 0);
	assert_true(snap->hold.on);
	assert_int_equal(snap->hold.age_ms, 60000);
	assert_int_equal(snap->change.age_ms, 60000);
	assert_string_equal(snap->audit_head, before->audit_head);
	assert_int_equal(snap->audit_seq, before->audit_seq);
	assert_int_equal(send(&first), 200);
	assert_true(a.replayed);
	assert_int_equal(control_intent(c, "v", false, now, NULL), INTENT_VOID);
	struct audit_entry e[8];
	assert_int_equal(control_audit(c, 0, e, 8, now), 4);
	free(before);
	stored_teardown(store);
}

static void what_is_not_stored_is_not_done(void **state)
{
	(void)state;
	struct store *store = stored_setup();
	assert_int_equal(step("k1", 1000), 200);
	struct stat st;
	assert_int_equal(stat(file, &st), 0);
	struct rlimit was, full;
	getrlimit(RLIMIT_FSIZE, &was);
	full = was;
	full.rlim_cur = (rlim_t)st.st_size;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &full);
	int stepped = step("k2", 2000);
	char word[24];
	text_copy(word, sizeof word, a.error);
	enum intent_fate fate = control_intent(c, "v", true, now, &a);
	int voided = a.status, resumed = act(VERB_RESUME, "r"), share_bp = look()->share_bp;
	int held = act(VERB_HOLD, "h");
	bool held_durable = a.durable;
	int rolled = act(VERB_ROLLBACK, "b");
	bool rolled_durable = a.durable;
	setrlimit(RLIMIT_FSIZE, &was);
	signal(SIGXFSZ, handler);

	assert_int_equal(stepped, 507);
	assert_string_equal(word, "not_stored");
	assert_int_equal(fate, INTENT_UNKNOWN);
	assert_int_equal(voided, 507);
	assert_int_equal(resumed, 507);
	assert_int_equal(share_bp, 1000);
	assert_int_equal(held, 200);
	assert_false(held_durable);
	assert_int_equal(rolled, 200);
	assert_false(rolled_durable);
	assert_int_equal(look()->share_bp, 0);
	assert_int_equal(step("k2", 500), 200);
	assert_true(a.durable);
	stored_teardown(store);
}

/* A rollback that could not be stored stands in what is stored behind it. */
static void a_restart_knows_a_rollback_by_what_follows_it(void **state)
{
	(void)state;
	struct store *store = stored_setup();
	assert_int_equal(step("k1", 2500), 200);
	struct stat st;
	assert_int_equal(stat(file, &st), 0);
	struct rlimit was, full;
	getrlimit(RLIMIT_FSIZE, &was);
	full = was;
	full.rlim_cur = (rlim_t)st.st_size;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &full);
	int rolled = act(VERB_ROLLBACK, "b");
	bool durable = a.durable;
	setrlimit(RLIMIT_FSIZE, &was);
	signal(SIGXFSZ, handler);
	assert_int_equal(rolled, 200);
	assert_false(durable);
	assert_int_equal(act(VERB_HOLD, "h"), 200);
	assert_true(a.durable);
	int64_t epoch = a.epoch;

	store = restart(store);
	look();
	assert_int_equal(snap->share_bp, 0);
	assert_int_equal(snap->strategy, STRATEGY_PRIMARY_ONLY);
	assert_int_equal(snap->epoch, epoch);
	assert_true(snap->hold.on);
	assert_int_equal(control_intent(c, "k1", false, now, NULL), INTENT_SUPERSEDED);
	assert_int_equal(control_intent(c, "h", false, now, NULL), INTENT_APPLIED);
	stored_teardown(store);
}

static void finished_means_no_way_back(void **state)
{
	(void)state;
	struct store *store = stored_setup();
	struct store_record r = {.seq = 1,
		.wall_ms = now.wall_ms,
		.what = "finalize",
		.to_bp = SHARE_FULL,
		.epoch = 3,
		.rev = 4,
		.strategy = STRATEGY_CANARY,
		.key = "f",
		.actor = "ann"};
	assert_true(store_append(store, &r));
	store = restart(store);
	assert_true(look()->finalized);
	act(VERB_ROLLBACK, "b");
	refuses(410, "finalized");
	struct control_request s = step_request("k", 12000);
	s.match_rev++;
	send(&s);
	refuses(410, "finalized");
	stored_teardown(store);
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
		T(restart_stands_where_it_stood),
		T(what_is_not_stored_is_not_done),
		T(a_restart_knows_a_rollback_by_what_follows_it),
		T(finished_means_no_way_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
