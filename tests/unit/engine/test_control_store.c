/* Tests of control with its store: a restarted pool stands where the old one stood, what is not
 * stored is not done, and no disk stops a rollback. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/engine/desk.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], file[96];
static const struct store_options *how;

static struct store *stored_setup(void)
{
	snprintf(dir, sizeof dir, "/tmp/weir-control-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/control.log", dir);
	struct store *store;
	assert_int_equal(store_open(&store, dir, how, NULL), 0);
	control_free(c);
	c = make(store, true);
	return store;
}

static struct store *restart(struct store *store)
{
	control_free(c);
	store_close(store);
	assert_int_equal(store_open(&store, dir, how, NULL), 0);
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
	/* A copy of what was refused, still on its way, is not taken now that there is room. */
	assert_int_equal(step("k2", 2000), 507);
	refuses(507, "not_stored");
	assert_int_equal(look()->share_bp, 0);
	assert_int_equal(step("k4", 500), 200);
	assert_true(a.durable);
	stored_teardown(store);
}

/* A rollback that could not be stored is, before anything that comes after it. */
static void a_rollback_is_stored_when_the_disk_works_again(void **state)
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
	assert_int_equal(act(VERB_RESUME, "r"), 200);
	int64_t epoch = a.epoch;
	assert_int_equal(act(VERB_ROLLBACK, "b"), 200);
	assert_true(a.replayed && a.durable);

	store = restart(store);
	look();
	assert_int_equal(snap->share_bp, 0);
	assert_int_equal(snap->strategy, STRATEGY_PRIMARY_ONLY);
	assert_int_equal(snap->epoch, epoch);
	assert_int_equal(control_intent(c, "k1", false, now, NULL), INTENT_SUPERSEDED);
	assert_int_equal(control_intent(c, "b", false, now, NULL), INTENT_APPLIED);
	assert_int_equal(control_intent(c, "r", false, now, NULL), INTENT_APPLIED);
	stored_teardown(store);
}

/* A record tells of those before it, where they are lost. */
static void what_is_lost_shows_in_what_follows(void **state)
{
	(void)state;
	struct store *store = stored_setup();
	assert_int_equal(step("k1", 2500), 200);
	struct store_record r = {.seq = 3,
		.wall_ms = now.wall_ms,
		.what = "keep",
		.key = "k3",
		.actor = "ann",
		.strategy = STRATEGY_PRIMARY_ONLY,
		.held = true,
		.operations = "echo"};
	guard_limits_init(&r.guard);
	assert_true(store_append(store, &r));
	store = restart(store);
	look();
	assert_int_equal(snap->share_bp, 0);
	assert_true(snap->hold.on);
	assert_int_equal(snap->operations.count, 1);
	assert_int_equal(control_intent(c, "k1", false, now, NULL), INTENT_SUPERSEDED);
	/* More operations than there can be: those that fit. */
	struct text many = {0};
	for (int i = 0; i <= OPERATIONS_MAX; i++)
		text_addf(&many, "%so%d", i ? "," : "", i);
	r.seq = 4;
	r.operations = text_str(&many);
	assert_true(store_append(store, &r));
	text_free(&many);
	store = restart(store);
	assert_int_equal(look()->operations.count, OPERATIONS_MAX);
	assert_string_equal(snap->operations.name[31], "o31");
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
	guard_limits_init(&r.guard);
	assert_true(store_append(store, &r));
	store = restart(store);
	assert_true(look()->finalized);
	act(VERB_ROLLBACK, "b");
	refuses(410, "finalized");
	struct control_request s = step_request("k", 12000);
	s.match_rev++;
	send(&s);
	refuses(410, "finalized");
	control_lease(c, &(struct lease_request){.actor = "ann", .ttl_ms = 1}, now, &a);
	refuses(410, "finalized");
	assert_false(control_tick(c, NULL, &counts, now));
	stored_teardown(store);
}

static struct control_request finish(const char *key)
{
	struct control_request r = act_request(VERB_FINALIZE, key);
	text_copy(r.reason, sizeof r.reason, "v1 goes off");
	return r;
}

/* Each refusal by its word and number, in the order of the protocol; then it holds, for good. */
static void row_71_a_finish_waits_for_all_and_ends_all(void **state)
{
	(void)state;
	struct store *store = stored_setup();
	struct control_request r = finish("f");
	assert_int_equal(step("s1", 5000), 200);
	r = finish("f");
	r.has_match = false;
	assert_int_equal(send(&r), 400);
	assert_non_null(strstr(a.message, "epoch and rev"));
	r = finish("f");
	r.reason[0] = 0;
	assert_int_equal(send(&r), 400);
	assert_non_null(strstr(a.message, "reason"));
	r = finish("f");
	r.match_rev--;
	send(&r);
	refuses(412, "conflict");
	r = finish("f");
	send(&r);
	refuses(409, "unfinished");
	assert_non_null(strstr(a.message, "50 %"));
	struct control_request raise = step_request("s2", SHARE_FULL);
	raise.keep_within_ms = 60000;
	assert_int_equal(send(&raise), 200);
	r = finish("f");
	send(&r);
	refuses(409, "unkept");
	assert_int_equal(act(VERB_KEEP, "k"), 200);
	assert_int_equal(act(VERB_HOLD, "h"), 200);
	r = finish("f");
	send(&r);
	refuses(409, "held");
	assert_int_equal(act(VERB_RESUME, "u"), 200);
	r = finish("f");
	r.v1_sessions = 12;
	r.v1_end_ms = 860000;
	send(&r);
	refuses(409, "undrained");
	assert_string_equal(a.message, "v1 still has 12 sessions, the last ends in 14:20");
	r = finish("f");
	r.v1_busy = 1;
	send(&r);
	refuses(409, "undrained");
	assert_string_equal(a.message, "v1 still works on 1 request");
	struct lease_request lease = {.actor = "ann@host", .ttl_ms = 60000};
	control_lease(c, &lease, now, &a);
	assert_int_equal(a.status, 200);
	r = finish("f");
	send(&r);
	refuses(423, "leased");
	lease.ttl_ms = 0;
	control_lease(c, &lease, now, &a);
	assert_false(look()->finalized);

	r = finish("f");
	assert_int_equal(send(&r), 200);
	assert_true(a.durable);
	assert_true(look()->finalized);
	assert_int_equal(snap->share_bp, SHARE_FULL);
	assert_int_equal(send(&r), 200);
	assert_true(a.replayed);
	control_lease(c, &lease, now, &a); /* whoever has it may give it back */
	assert_int_equal(a.status, 200);
	now.wall_ms += 60000;
	store = restart(store);
	assert_true(look()->finalized);
	static const enum verb refused[] = {VERB_ROLLBACK, VERB_HOLD, VERB_RESUME, VERB_KEEP,
		VERB_DISARM, VERB_DRAIN, VERB_FINALIZE};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		act(refused[i], "z");
		refuses(410, "finalized");
		assert_non_null(strstr(a.message, "no way back: by bob@host "));
		assert_non_null(strstr(a.message, "ago: v1 goes off"));
	}
	struct audit_entry last[20];
	size_t n = control_audit(c, 0, last, 20, now);
	assert_string_equal(last[n - 1].what, "finalize");
	assert_string_equal(last[n - 1].actor, "bob@host");
	assert_string_equal(last[n - 1].reason, "v1 goes off");
	stored_teardown(store);
}

/* ---- what a restart must know ---- */

static void deadlines_survive_a_restart(void **state)
{
	(void)state;
	static const struct {
		int64_t down_ms;
		bool held; /* before the restart */
		int64_t left_ms;
	} rows[] = {
		{4000, false, 6000},
		{-3600 * 1000, false, 10000}, /* the wall clock went back: at most the length */
		{0, true, UNKNOWN},
		{20000, false, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		now = (struct instant){.boot_ms = 100000000, .wall_ms = 1700000000000};
		struct store *store = stored_setup();
		struct control_request r = act_request(VERB_ARM, "arm");
		r.on_orphan = ORPHAN_REVERT;
		text_copy(r.plan_hash, sizeof r.plan_hash, "plan");
		assert_int_equal(send(&r), 200);
		r = step_request("k1", 6000);
		r.keep_within_ms = 10000;
		r.has_guard = true;
		guard_limits_init(&r.guard);
		r.guard.error_rate = 0.0123456789;
		r.guard.latency_ms = 250;
		r.has_operations = true;
		r.operations = (struct operation_set){.limited = true, .count = 2, .name = {"a", "b"}};
		assert_int_equal(send(&r), 200);
		r = act_request(VERB_GUARD, "guard");
		r.act = GUARD_ACTION_HOLD;
		r.for_ms = 3600 * 1000;
		assert_int_equal(send(&r), 200);
		if (rows[i].held)
			assert_int_equal(act(VERB_HOLD, "h"), 200);
		now = (struct instant){.boot_ms = 7, .wall_ms = now.wall_ms + rows[i].down_ms};
		store = restart(store);
		look();
		assert_true(snap->keep.on);
		assert_true(snap->keep.left_ms == rows[i].left_ms);
		assert_int_equal(snap->keep.on_orphan, ORPHAN_REVERT);
		assert_int_equal(snap->kept_bp, 0);
		assert_int_equal(snap->share_bp, 6000);
		assert_string_equal(snap->plan_hash, "plan");
		assert_int_equal(snap->operations.count, 2);
		assert_string_equal(snap->operations.name[1], "b");
		struct guard_limits l;
		assert_true(control_limits(c, &l));
		assert_true(l.error_rate == 0.0123456789);
		assert_int_equal(l.latency_ms, 250);
		assert_true(l.memory_bytes == UNKNOWN);
		assert_int_equal(snap->guard.action, GUARD_ACTION_HOLD);
		assert_true(snap->guard.held_ms > 3500 * 1000);
		/* What ended while it was down ends at the first tick. */
		assert_int_equal(control_tick(c, NULL, &counts, now), rows[i].left_ms == 0);
		assert_int_equal(look()->share_bp, rows[i].left_ms == 0 ? 0 : 6000);
		store = restart(store);
		assert_int_equal(look()->hold.on, rows[i].held || rows[i].left_ms == 0);
		stored_teardown(store);
	}
	c = make(NULL, true);
}

static void keys_survive_a_restart(void **state)
{
	(void)state;
	struct store *store = stored_setup();
	struct control_request first = step_request("first", 1000),
						   late = step_request("late", 2000);
	assert_int_equal(send(&first), 200);
	struct control_request r = act_request(VERB_TAKE, "take");
	r.ttl_ms = 60000;
	assert_int_equal(send(&r), 200);
	assert_int_equal(control_intent(c, "gone", true, now, NULL), INTENT_VOID);
	assert_int_equal(act(VERB_ROLLBACK, "back"), 200);
	store = restart(store);
	assert_string_equal(look()->lease.holder, "");
	int64_t rev = snap->rev;
	assert_int_equal(send(&first), 200);
	assert_true(a.replayed);
	assert_int_equal(send(&r), 200);
	assert_true(a.replayed);
	assert_string_equal(look()->lease.holder, "");
	send(&late);
	refuses(412, "conflict");
	step("gone", 1);
	refuses(422, "void");
	assert_int_equal(act(VERB_ROLLBACK, "back"), 200);
	assert_true(a.replayed);
	assert_int_equal(look()->rev, rev);
	stored_teardown(store);
}

/* ---- a disk that hangs ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool hangs, fails;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

static int sync_disk(void *ctx, int fd)
{
	(void)ctx;
	(void)fd;
	pthread_mutex_lock(&disk.lock);
	while (disk.hangs)
		pthread_cond_wait(&disk.moved, &disk.lock);
	int failed = disk.fails ? -1 : 0;
	pthread_mutex_unlock(&disk.lock);
	return failed;
}

static void set_disk(bool hangs)
{
	pthread_mutex_lock(&disk.lock);
	disk.hangs = hangs;
	pthread_cond_broadcast(&disk.moved);
	pthread_mutex_unlock(&disk.lock);
}

static void set_failing(bool fails)
{
	pthread_mutex_lock(&disk.lock);
	disk.fails = fails;
	pthread_mutex_unlock(&disk.lock);
}

static const struct store_options slow = {
	.patience_ms = 20, .brake_ms = 10, .again_ms = 1, .sync = sync_disk};

/* Waits until the store has nothing more to write. */
static void settle_store(struct store *store)
{
	while (store_is_stalled(store))
		poll(NULL, 0, 1);
}

static void a_hung_disk_stops_no_rollback(void **state)
{
	(void)state;
	how = &slow;
	struct store *store = stored_setup();
	assert_int_equal(step("k1", 1000), 200);
	set_disk(true);
	struct control_request r = step_request("k2", 2000);
	assert_int_equal(send(&r), 503);
	refuses(503, "in_progress");
	assert_int_equal(look()->share_bp, 1000);
	/* At once, not after another wait. */
	assert_int_equal(send(&r), 409);
	refuses(409, "in_progress");
	step("k3", 3000);
	refuses(507, "not_stored");
	assert_int_equal(control_intent(c, "k2", true, now, &a), INTENT_UNKNOWN);
	refuses(503, "in_progress");
	assert_int_equal(control_intent(c, "k3", true, now, &a), INTENT_UNKNOWN);
	refuses(507, "not_stored");
	assert_int_equal(act(VERB_HOLD, "h"), 200);
	assert_false(a.durable);
	assert_int_equal(act(VERB_ROLLBACK, "b"), 200);
	assert_false(a.durable);
	assert_int_equal(look()->share_bp, 0);
	assert_int_equal(act(VERB_ROLLBACK, "b"), 200);
	assert_true(a.replayed && !a.durable);
	assert_false(control_tick(c, NULL, &counts, now));

	set_disk(false);
	settle_store(store);
	/* Its line has landed, and its void behind it. */
	assert_int_equal(control_intent(c, "k2", false, now, &a), INTENT_VOID);
	assert_int_equal(act(VERB_ROLLBACK, "b"), 200);
	assert_true(a.replayed && a.durable);
	send(&r);
	refuses(422, "void");
	assert_int_equal(step("k4", 100), 200);
	char head[POOL_HASH_MAX];
	text_copy(head, sizeof head, look()->audit_head);
	int64_t rev = snap->rev;
	store = restart(store);
	assert_int_equal(look()->share_bp, 100);
	assert_int_equal(snap->rev, rev);
	assert_string_equal(snap->audit_head, head);
	assert_int_equal(control_intent(c, "k2", false, now, &a), INTENT_VOID);
	assert_int_equal(control_intent(c, "k3", false, now, &a), INTENT_UNKNOWN);
	assert_int_equal(control_intent(c, "h", false, now, &a), INTENT_SUPERSEDED);
	struct audit_entry e[8];
	assert_int_equal(control_audit(c, 0, e, 8, now), 4);
	stored_teardown(store);
	how = NULL;
}

/* What the newest change told of its history, and whose that is, whoever acts afterwards without
 * one: over restarts too. */
static void the_head_of_a_history_is_kept(void **state)
{
	(void)state;
	struct store *store = stored_setup();
	struct control_request r = step_request("k1", 1000);
	assert_string_equal(look()->history_head, "");
	text_copy(r.history_head, sizeof r.history_head, "aaaa");
	text_copy(r.actor, sizeof r.actor, "kim@ops1");
	r.keep_within_ms = 10;
	assert_int_equal(send(&r), 200);
	assert_string_equal(look()->history_head, "aaaa");
	assert_string_equal(snap->history_by, "kim@ops1");
	/* a refused change tells nothing */
	struct control_request late = step_request("k2", 2000);
	text_copy(late.history_head, sizeof late.history_head, "bbbb");
	assert_int_not_equal(send(&late), 200);
	assert_string_equal(look()->history_head, "aaaa");
	/* nor the pool itself, nor who has no history, nor what is none */
	now.boot_ms += 10;
	assert_true(control_tick(c, NULL, &counts, now));
	assert_int_equal(act(VERB_HOLD, "h"), 200);
	struct control_request odd = step_request("k3", 500);
	odd.verb = VERB_ROLLBACK;
	odd.has_match = false;
	text_copy(odd.history_head, sizeof odd.history_head, "no\thead");
	assert_int_equal(send(&odd), 200);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(look()->history_head, "aaaa");
		assert_string_equal(snap->history_by, "kim@ops1");
		store = restart(store);
	}
	/* a brake tells as everything does */
	struct control_request brake = {.verb = VERB_ROLLBACK, .actor = "lee@web2"};
	text_copy(brake.key, sizeof brake.key, "k4");
	text_copy(brake.history_head, sizeof brake.history_head, "cccc");
	assert_int_equal(send(&brake), 200);
	store = restart(store);
	assert_string_equal(look()->history_head, "cccc");
	assert_string_equal(snap->history_by, "lee@web2");
	stored_teardown(store);
}

static void what_was_not_begun_is_never_written(void **state)
{
	(void)state;
	how = &slow;
	struct store *store = stored_setup();
	struct control_request r = step_request("k1", 1000);
	r.keep_within_ms = 10;
	assert_int_equal(send(&r), 200);
	set_disk(true);
	/* The pool's own line is in the way, and nobody has waited for it. */
	now.boot_ms += 10;
	assert_true(control_tick(c, NULL, &counts, now));
	assert_int_equal(step("k2", 0), 507);
	set_disk(false);
	settle_store(store);
	assert_int_equal(control_intent(c, "k2", false, now, &a), INTENT_UNKNOWN);
	assert_int_equal(step("k4", 0), 200);
	assert_false(a.replayed);
	store = restart(store);
	assert_true(look()->hold.on);
	assert_string_equal(snap->hold.actor, POOL_ACTOR);
	stored_teardown(store);
	how = NULL;
}

static void a_void_may_be_late_too(void **state)
{
	(void)state;
	how = &slow;
	struct store *store = stored_setup();
	set_disk(true);
	assert_int_equal(control_intent(c, "v", true, now, &a), INTENT_UNKNOWN);
	refuses(503, "in_progress");
	step("v", 100);
	refuses(409, "in_progress");
	set_disk(false);
	settle_store(store);
	assert_int_equal(control_intent(c, "v", false, now, &a), INTENT_VOID);
	assert_true(a.durable);
	stored_teardown(store);
	how = NULL;
}

/* After a sync that failed nobody knows what the file holds: nothing is stored any more. */
static void a_late_change_that_fails_is_unknown(void **state)
{
	(void)state;
	how = &slow;
	struct store *store = stored_setup();
	set_disk(true);
	assert_int_equal(step("k1", 100), 503);
	set_failing(true);
	set_disk(false);
	settle_store(store);
	set_failing(false);
	assert_int_equal(control_intent(c, "k1", false, now, &a), INTENT_UNKNOWN);
	assert_int_equal(a.status, 200);
	step("k1", 100);
	refuses(507, "not_stored");
	assert_int_equal(control_intent(c, "k1", true, now, &a), INTENT_UNKNOWN);
	refuses(507, "not_stored");
	assert_int_equal(act(VERB_ROLLBACK, "b"), 200);
	assert_false(a.durable);
	store = restart(store);
	assert_int_equal(look()->share_bp, 0);
	assert_int_equal(snap->audit_seq, 0);
	stored_teardown(store);
	how = NULL;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(restart_stands_where_it_stood),
		T(what_is_not_stored_is_not_done),
		T(a_rollback_is_stored_when_the_disk_works_again),
		T(what_is_lost_shows_in_what_follows),
		T(finished_means_no_way_back),
		T(row_71_a_finish_waits_for_all_and_ends_all),
		T(deadlines_survive_a_restart),
		T(keys_survive_a_restart),
		T(a_hung_disk_stops_no_rollback),
		T(what_was_not_begun_is_never_written),
		T(a_void_may_be_late_too),
		T(the_head_of_a_history_is_kept),
		T(a_late_change_that_fails_is_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
