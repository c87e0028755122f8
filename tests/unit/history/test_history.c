/* history: the facade and its threads: commits, answers, cancelling, observed decisions, two
 * writers on one file, loading. */
#include "tests/unit/history/fixture.h"

#include "history/lock.h"

#include <signal.h>
#include <sys/resource.h>

static struct snapshot *make_snapshot(const char *node_id)
{
	struct snapshot *s = mem_new(1, sizeof *s);

	text_copy(s->pool, sizeof s->pool, "checkout");
	text_copy(s->pool_id, sizeof s->pool_id, "pool-1");
	text_copy(s->node, sizeof s->node, node_id);
	text_copy(s->node_id, sizeof s->node_id, node_id);
	text_copy(s->boot_id, sizeof s->boot_id, "boot-1");
	s->audit_seq = UNKNOWN;
	return s;
}

static void an_intent_is_committed_with_its_hash(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	const struct decision d = make_decision("d-1", T0);
	char head[POOL_HASH_MAX];

	(void)state;
	place_make(&p);
	h = start(&p, "kim@ops1");
	assert_false(history_writable(h) && history_dropped(h) > 0);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_OPENED);
	assert_int_equal(a.seq, 0);
	assert_string_equal(a.hash, "");
	history_answer_release(&a);
	assert_true(history_writable(h));
	history_head(h, head);
	assert_string_equal(head, "");
	history_intent(h, &d);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_COMMITTED);
	assert_string_equal(a.id, "d-1");
	assert_int_equal(a.seq, 1);
	history_head(h, head);
	assert_string_equal(head, a.hash);
	assert_int_equal(strlen(head), 64);
	assert_false(history_next(h, &a));
	/* the same id again: refused, and writing goes on */
	history_intent(h, &d);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_REFUSED);
	assert_int_equal(a.err.code, ERR_HISTORY);
	history_answer_release(&a);
	commit(h, "d-2", T0 + 1);
	settle(h);
	assert_whole(p.path, head);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision"), 2);
	place_clean(&p);
}

static void outcomes_are_idempotent(void **state)
{
	struct place p;
	struct history *h;
	struct outcome_row row;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	commit(h, "d-1", T0);
	for (int i = 0; i < 3; i++) {
		row = make_outcome("d-1", OUTCOME_ROW_NODE, OUTCOME_APPLIED, T0 + i);
		history_outcome(h, &row);
		row = make_outcome(
			"d-1", OUTCOME_ROW_FINAL, i == 0 ? OUTCOME_APPLIED : OUTCOME_VOID, T0 + i);
		history_outcome(h, &row);
		row = make_outcome("d-1", OUTCOME_ROW_VERIFIED, OUTCOME_APPLIED, T0 + i);
		history_outcome(h, &row);
	}
	settle(h);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome"), 3);
	assert_int_equal(
		ask(p.path, "SELECT kind = 'APPLIED' FROM outcome WHERE row = 'final'"), 1);
	assert_whole(p.path, NULL);
	place_clean(&p);
}

/* The write lock is held by the test, so the writer cannot commit while the cancel comes. */
static void a_cancelled_intent_is_never_committed(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct lock lock;
	struct err err = {0};
	struct decision d = make_decision("d-1", T0);

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	assert_int_equal(lock_open(&lock, p.path, &err), 0);
	assert_int_equal(lock_take(&lock, 100, &err), 0);
	history_intent(h, &d);
	text_copy(d.id, sizeof d.id, "d-2");
	history_intent(h, &d);
	history_cancel(h, "d-1", T0 + 5, "2 s without a commit");
	history_cancel(h, "d-2", T0 + 5, "2 s without a commit");
	lock_give(&lock);
	lock_close(&lock);
	for (int i = 0; i < 2; i++) {
		next_answer(h, &a);
		assert_int_equal(a.kind, HISTORY_REFUSED);
		assert_int_equal(a.err.code, ERR_HISTORY);
		history_answer_release(&a);
	}
	settle(h);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision"), 2);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM outcome WHERE row = 'final'"
						 " AND kind = 'NOT_SENT' AND answer = '2 s without a commit'"),
		2);
	place_clean(&p);
}

/* A cancel that comes when the answer lies there already, untaken. */
static void a_commit_that_nobody_took_can_be_cancelled(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct decision d = make_decision("d-1", T0);
	struct pollfd ready;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	history_intent(h, &d);
	ready = (struct pollfd){.fd = history_fd(h), .events = POLLIN};
	assert_int_equal(poll(&ready, 1, DEADLINE_MS), 1);
	history_cancel(h, "d-1", T0 + 5, "too late");
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_REFUSED);
	assert_string_equal(a.id, "d-1");
	history_answer_release(&a);
	settle(h);
	assert_int_equal(ask(p.path, "SELECT kind = 'NOT_SENT' FROM outcome"), 1);
	place_clean(&p);
}

static struct history *start_raising(const struct place *p, const char *actor, int most)
{
	const struct history_options how = {
		.path = p->path, .actor = actor, .key_dir = p->keys, .max_raising = most};
	struct history *h = NULL;
	struct err err = {0};

	assert_int_equal(history_start(&h, &how, &err), 0);
	expect_kind(h, HISTORY_OPENED);
	return h;
}

static struct decision make_raise(const char *id, const char *pool, int64_t at_ms)
{
	struct decision d = make_decision(id, at_ms);

	text_copy(d.pool, sizeof d.pool, pool);
	text_copy(d.evidence, sizeof d.evidence, "{\"raising_ms\":60000}");
	return d;
}

static void expect_raise(struct history *h, struct decision d, enum err_code code)
{
	struct history_answer a;

	history_intent(h, &d);
	wait_kind(h, code == ERR_NONE ? HISTORY_COMMITTED : HISTORY_REFUSED, &a);
	assert_string_equal(a.id, d.id);
	assert_int_equal(a.err.code, code);
	history_answer_release(&a);
}

static void one_pool_more_than_may_rise_is_refused(void **state)
{
	struct place p;
	struct outcome_row row;

	(void)state;
	place_make(&p);
	struct history *kim = start_raising(&p, "kim@ops1", 1);
	struct history *ana = start_raising(&p, "ana@ops2", 1);
	expect_raise(kim, make_raise("d-1", "one", T0), ERR_NONE);
	expect_raise(ana, make_raise("d-2", "two", T0 + 1), ERR_RAISING);
	/* the same pool, what says of itself that it is no raise, and one behind the time of the first */
	expect_raise(kim, make_raise("d-3", "one", T0 + 2), ERR_NONE);
	expect_raise(ana, make_decision("d-4", T0 + 3), ERR_NONE);
	expect_raise(ana, make_raise("d-5", "two", T0 + 2 + 60000), ERR_NONE);
	expect_raise(kim, make_raise("d-6", "one", T0 + 60003), ERR_RAISING);
	/* back is back, once it is applied */
	struct decision back = make_raise("d-7", "two", T0 + 60004);
	back.verb = VERB_ROLLBACK;
	expect_raise(ana, back, ERR_NONE);
	expect_raise(kim, make_raise("d-8", "one", T0 + 60005), ERR_RAISING);
	row = make_outcome("d-7", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 60006);
	history_outcome(ana, &row);
	settle(ana);
	expect_raise(kim, make_raise("d-9", "one", T0 + 60007), ERR_NONE);
	settle(kim);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision"), 6);
	place_clean(&p);
}

static struct decision make_brake(const char *id, const char *role, int64_t at_ms)
{
	struct decision d = make_decision(id, at_ms);

	d.verb = VERB_ROLLBACK;
	text_copy(d.role, sizeof d.role, role);
	return d;
}

/* `same`: the decision that stands instead; NULL: this one has a row. */
static void expect_brake(struct history *h, struct decision d, const char *same)
{
	struct history_answer a;

	history_intent(h, &d);
	wait_kind(h, same != NULL ? HISTORY_JOINED : HISTORY_COMMITTED, &a);
	assert_string_equal(a.id, d.id);
	assert_int_equal(a.decision_count, same != NULL);
	if (same != NULL)
		assert_string_equal(a.decisions[0].id, same);
	history_answer_release(&a);
}

static void of_two_guards_at_one_red_one_decides(void **state)
{
	struct place p;
	struct outcome_row row;

	(void)state;
	place_make(&p);
	struct history *kim = start_raising(&p, "kim@ops1", 0);
	struct history *ana = start_raising(&p, "ana@ops2", 0);
	expect_brake(kim, make_brake("d-1", "guard", T0), NULL);
	expect_brake(ana, make_brake("d-2", "guard", T0 + 1), "d-1");
	expect_brake(ana, make_brake("d-3", "guard", T0 + 59999), "d-1"); /* it is open still */
	/* A person is never refused, nor what has left already. */
	expect_brake(ana, make_brake("d-4", "operator", T0 + 2), NULL);
	struct decision late = make_brake("d-5", "guard", T0 + 3);
	late.late = true;
	expect_brake(ana, late, NULL);
	/* Nobody sends a hold again, nor a rollback where the pool has moved since. */
	for (int i = 0; i < 2; i++) {
		struct decision hold = make_brake(i == 0 ? "d-8" : "d-9", "guard", T0 + 4 + i);
		hold.verb = VERB_HOLD;
		expect_brake(i == 0 ? kim : ana, hold, NULL);
	}
	struct decision moved = make_brake("d-10", "guard", T0 + 30000);
	moved.rev++;
	expect_brake(ana, moved, NULL);
	/* Applied it was just now, and then it was another red. */
	row = make_outcome("d-1", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 10);
	history_outcome(kim, &row);
	row = make_outcome("d-5", OUTCOME_ROW_FINAL, OUTCOME_REFUSED, T0 + 10);
	history_outcome(ana, &row);
	settle(kim);
	expect_brake(ana, make_brake("d-6", "guard", T0 + 4000), "d-1");
	expect_brake(ana, make_brake("d-7", "guard", T0 + 6000), NULL);
	settle(ana);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision"), 7);
	place_clean(&p);
}

/* The writer waits for a lock, so the rollback leaves; what becomes of it is not lost. */
static void what_left_before_it_was_recorded_has_its_row(void **state)
{
	struct place p;
	struct lock lock;
	struct err err = {0};
	struct history_answer a;
	const struct decision d = make_brake("d-2", "guard", T0 + 1);
	const struct outcome_row row =
		make_outcome("d-2", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 300);

	(void)state;
	place_make(&p);
	struct history *kim = start_raising(&p, "kim@ops1", 0);
	struct history *ana = start_raising(&p, "ana@ops2", 0);
	expect_brake(kim, make_brake("d-1", "guard", T0), NULL);
	assert_int_equal(lock_open(&lock, p.path, &err), 0);
	assert_int_equal(lock_take(&lock, DEADLINE_MS, &err), 0);
	history_intent(ana, &d);
	assert_true(history_leave(ana, d.id));
	history_outcome(ana, &row);
	lock_give(&lock);
	lock_close(&lock);
	wait_kind(ana, HISTORY_COMMITTED, &a);
	assert_string_equal(a.id, d.id);
	history_answer_release(&a);
	settle(ana); /* nothing is lost */
	assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome WHERE decision = 'd-2'"), 1);
	assert_int_equal(ask(p.path, "SELECT late FROM decision WHERE id = 'd-2'"), 1);
	settle(kim);
	place_clean(&p);
}

/* Who has not asked for the answer yet learns that it must not leave any more. */
static void what_was_joined_does_not_leave(void **state)
{
	struct place p;
	struct history_answer a;
	const struct decision d = make_brake("d-2", "guard", T0 + 1);

	(void)state;
	place_make(&p);
	struct history *kim = start_raising(&p, "kim@ops1", 0);
	struct history *ana = start_raising(&p, "ana@ops2", 0);
	expect_brake(kim, make_brake("d-1", "guard", T0), NULL);
	assert_true(history_leave(kim, "d-1"));
	history_intent(ana, &d);
	struct pollfd answers = {.fd = history_fd(ana), .events = POLLIN};
	assert_int_equal(poll(&answers, 1, DEADLINE_MS), 1);
	assert_false(history_leave(ana, d.id));
	wait_kind(ana, HISTORY_JOINED, &a);
	history_answer_release(&a);
	settle(ana);
	settle(kim);
	place_clean(&p);
}

static void a_held_lock_refuses_an_intent_and_heals(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct lock lock;
	struct err err = {0};
	struct decision d = make_decision("d-1", T0);

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	assert_int_equal(lock_open(&lock, p.path, &err), 0);
	assert_int_equal(lock_take(&lock, 100, &err), 0);
	history_intent(h, &d);
	wait_kind(h, HISTORY_REFUSED, &a);
	assert_int_equal(a.err.code, ERR_LOCKED);
	history_answer_release(&a);
	wait_kind(h, HISTORY_TROUBLE, &a);
	assert_int_equal(a.err.code, ERR_LOCKED);
	assert_false(history_writable(h));
	lock_give(&lock);
	lock_close(&lock);
	wait_kind(h, HISTORY_TROUBLE, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_true(history_writable(h));
	commit(h, "d-2", T0);
	settle(h);
	place_clean(&p);
}

static struct audit_entry make_entry(int64_t seq, const char *key)
{
	struct audit_entry e = {
		.seq = seq, .from_bp = 0, .to_bp = 100, .epoch = 1, .rev = seq, .age_ms = 1000};

	text_copy(e.what, sizeof e.what, "step");
	text_copy(e.key, sizeof e.key, key);
	text_copy(e.actor, sizeof e.actor, key[0] != '\0' ? "pat@ops2" : "pool");
	return e;
}

static void observed_decisions_are_one_row_each(void **state)
{
	struct place p;
	struct history *h[2];
	struct history_answer a;
	struct snapshot *s = make_snapshot("n-1");
	struct audit_entry entries[4];

	(void)state;
	place_make(&p);
	h[0] = start_opened(&p, "kim@ops1");
	h[1] = start_opened(&p, "rec@ops1");
	commit(h[0], "own-1", T0);
	entries[0] = make_entry(1, "other-1");
	entries[1] = make_entry(2, "own-1");
	entries[2] = make_entry(3, "");
	text_copy(entries[2].what, sizeof entries[2].what, "revert");
	entries[3] = make_entry(4, "");
	text_copy(entries[3].what, sizeof entries[3].what, "lease");
	entries[3].from_bp = entries[3].to_bp = -1; /* no decision */
	for (int i = 0; i < 2; i++) {
		history_node(h[i], T0, s->pool, s, "http://127.0.0.1:7070", "http");
		history_observed(h[i], T0 + 5000, s->pool, s, entries, 4);
		wait_kind(h[i], HISTORY_OBSERVED, &a);
		assert_int_equal(a.decision_count, 3);
		assert_string_equal(a.decisions[0].id, "other-1");
		assert_true(a.decisions[0].observed);
		assert_int_equal(a.decisions[0].at_ms, T0 + 4000);
		assert_int_equal(a.decisions[0].outcome, OUTCOME_APPLIED);
		assert_string_equal(a.decisions[1].id, "own-1");
		assert_false(a.decisions[1].observed);
		assert_int_equal(a.decisions[1].outcome, OUTCOME_PENDING);
		assert_int_equal(a.decisions[2].verb, VERB_STEP);
		assert_string_equal(a.decisions[2].role, "pool");
		assert_string_equal(a.decisions[2].reason, "revert");
		history_answer_release(&a);
	}
	history_load(h[1], "checkout", 10);
	wait_kind(h[1], HISTORY_LOADED, &a);
	assert_string_equal(a.pool_id, "pool-1");
	assert_int_equal(a.node_count, 1);
	assert_string_equal(a.nodes[0].node_id, "n-1");
	assert_string_equal(a.nodes[0].target, "http://127.0.0.1:7070");
	assert_int_equal(a.nodes[0].audit_seq, 4);
	history_answer_release(&a);
	settle(h[0]);
	settle(h[1]);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision"), 3);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome WHERE row = 'node'"), 3);
	assert_whole(p.path, NULL);
	free(s);
	place_clean(&p);
}

static void identities_are_pinned(void **state)
{
	struct place p;
	struct history *h;
	struct snapshot *s = make_snapshot("n-1");

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	history_node(h, T0, s->pool, s, "http://a", "http");
	text_copy(s->pool_id, sizeof s->pool_id, "another");
	text_copy(s->node_id, sizeof s->node_id, "another");
	history_node(h, T0 + 9, s->pool, s, "http://a", "http");
	settle(h);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM pool WHERE pool_id = 'pool-1'"
						 " AND first_seen_ms = 1800000000000 AND last_seen_ms = 1800000000009"),
		1);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM node WHERE node_id = 'n-1'"), 1);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM node"), 1);
	free(s);
	place_clean(&p);
}

static bool count_pool(void *ctx, const struct decision *d)
{
	assert_string_equal(d->pool, "checkout");
	++*(int *)ctx;
	return true;
}

/* What the pool calls itself is its own affair. */
static void a_pool_has_the_name_it_is_known_by(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct query *q;
	struct err err;
	struct snapshot *s = make_snapshot("n-1");
	const struct audit_entry entries[] = {make_entry(1, "other-1"), make_entry(2, "other-2")};
	const struct query_filter checkout = {.pool = "checkout"}, shop = {.pool = "shop"};
	int n = 0;

	(void)state;
	place_make(&p);
	text_copy(s->pool, sizeof s->pool, "shop");
	h = start_opened(&p, "kim@ops1");
	commit(h, "own-1", T0);
	history_node(h, T0, "checkout", s, "http://a", "http");
	history_observed(h, T0 + 5000, "checkout", s, entries, 2);
	expect_kind(h, HISTORY_OBSERVED);
	/* Another pool at the address, by the same name for itself: the first stays. */
	text_copy(s->pool_id, sizeof s->pool_id, "another");
	history_node(h, T0 + 6000, "checkout", s, "http://a", "http");
	settle(h);
	h = start_opened(&p, "kim@ops1");
	history_load(h, "checkout", 10);
	wait_kind(h, HISTORY_LOADED, &a);
	assert_string_equal(a.pool_id, "pool-1");
	assert_int_equal(a.decision_count, 3);
	assert_int_equal(a.node_count, 1);
	assert_int_equal(a.nodes[0].audit_seq, 2);
	history_answer_release(&a);
	history_load(h, "shop", 10);
	wait_kind(h, HISTORY_LOADED, &a);
	assert_string_equal(a.pool_id, "");
	assert_int_equal(a.decision_count + a.node_count, 0);
	history_answer_release(&a);
	settle(h);
	assert_int_equal(query_open(&q, p.path, &err), 0);
	assert_int_equal(query_decisions(q, &checkout, count_pool, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_int_equal(query_decisions(q, &shop, count_pool, &n, &err), 0);
	assert_int_equal(n, 3);
	query_close(q);
	free(s);
	place_clean(&p);
}

/* A pool without memory counts its entries from 1 again: the cursor follows it back. */
static void a_cursor_goes_back_with_its_log(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct snapshot *s = make_snapshot("n-1");
	const struct audit_entry before = make_entry(9, "other-9"),
							 after = make_entry(2, "other-2");

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	history_node(h, T0, "checkout", s, "http://a", "http");
	history_observed(h, T0 + 1000, "checkout", s, &before, 1);
	expect_kind(h, HISTORY_OBSERVED);
	history_observed(h, T0 + 2000, "checkout", s, &after, 1);
	expect_kind(h, HISTORY_OBSERVED);
	settle(h);
	h = start_opened(&p, "kim@ops1");
	history_load(h, "checkout", 10);
	wait_kind(h, HISTORY_LOADED, &a);
	assert_int_equal(a.decision_count, 2);
	assert_int_equal(a.nodes[0].audit_seq, 2);
	history_answer_release(&a);
	settle(h);
	free(s);
	place_clean(&p);
}

static void a_past_that_cannot_be_read_is_refused(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	char away[200];

	(void)state;
	place_make(&p);
	snprintf(away, sizeof away, "%s.away", p.path);
	h = start_opened(&p, "kim@ops1");
	assert_int_equal(rename(p.path, away), 0);
	history_load(h, "checkout", 10);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_REFUSED);
	assert_string_equal(a.id, "checkout");
	assert_int_not_equal(a.err.code, ERR_NONE);
	assert_int_equal(a.decision_count, 0);
	history_answer_release(&a);
	assert_int_equal(rename(away, p.path), 0);
	/* The next who asks is answered. */
	history_load(h, "checkout", 10);
	expect_kind(h, HISTORY_LOADED);
	settle(h);
	place_clean(&p);
}

/* Two handles of one process: the lock belongs to the open file, not to the process. */
static void two_writers_keep_one_chain(void **state)
{
	enum { EACH = 100 };
	struct place p;
	struct history *h[2];
	char id[32];
	int64_t committed[2] = {0};
	struct err err = {0};

	(void)state;
	place_make(&p);
	/* Of two that write without a pause one may be first many times, on a busy machine for seconds. */
	for (int w = 0; w < 2; w++) {
		const struct history_options how = {.path = p.path,
			.actor = w == 0 ? "kim@ops1" : "pat@ops2",
			.key_dir = p.keys,
			.lock_ms = DEADLINE_MS};

		assert_int_equal(history_start(&h[w], &how, &err), 0);
		expect_kind(h[w], HISTORY_OPENED);
	}
	for (int i = 0; i < EACH; i++)
		for (int w = 0; w < 2; w++) {
			struct decision d;

			snprintf(id, sizeof id, "w%d-%d", w, i);
			d = make_decision(id, T0 + i);
			history_intent(h[w], &d);
		}
	for (int w = 0; w < 2; w++)
		while (committed[w] < EACH) {
			expect_kind(h[w], HISTORY_COMMITTED);
			committed[w]++;
		}
	settle(h[0]);
	settle(h[1]);
	assert_whole(p.path, NULL);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision"), 2 * EACH);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM key"), 2);
	place_clean(&p);
}

static void load_gives_the_last_and_the_open(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct outcome_row row;
	char id[32];

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof id, "d-%d", i);
		commit(h, id, T0 + i);
		row = make_outcome(id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + i);
		if (i != 2) /* d-2 stays open */
			history_outcome(h, &row);
	}
	commit(h, "last", T0 + 20);
	settle(h); /* an intent overtakes rows about others */
	h = start_opened(&p, "kim@ops1");
	history_load(h, "checkout", 3);
	wait_kind(h, HISTORY_LOADED, &a);
	assert_string_equal(a.id, "checkout");
	assert_int_equal(a.decision_count, 4);
	assert_string_equal(a.decisions[0].id, "d-2");
	assert_string_equal(a.decisions[1].id, "d-8");
	assert_int_equal(a.decisions[1].outcome, OUTCOME_APPLIED);
	assert_string_equal(a.decisions[3].id, "last");
	assert_string_equal(a.decisions[3].reason, "because");
	history_answer_release(&a);
	history_load(h, "nobody", 3);
	wait_kind(h, HISTORY_LOADED, &a);
	assert_int_equal(a.decision_count, 0);
	assert_string_equal(a.pool_id, "");
	history_answer_release(&a);
	settle(h);
	place_clean(&p);
}

static void samples_need_a_recording_and_room(void **state)
{
	struct place p;
	struct history *h;
	struct history_sample s = {.node_id = "n-1", .pool_id = "pool-1"};
	struct lock lock;
	struct err err = {0};

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	s.sample.interval_ms = 1000;
	history_sample(h, &s);
	assert_int_equal(history_dropped(h), 1);
	history_recording(h, T0, 1000, "0.1", "ops1", "{}", "{}");
	/* nothing can be written while the backlog passes ten minutes */
	assert_int_equal(lock_open(&lock, p.path, &err), 0);
	assert_int_equal(lock_take(&lock, 100, &err), 0);
	for (int i = 0; i <= 605; i++) {
		s.tick = i;
		s.sample.at = (struct instant){i * 1000, T0 + i * 1000};
		history_sample(h, &s);
	}
	assert_int_equal(history_dropped(h), 1 + 5);
	lock_give(&lock);
	lock_close(&lock);
	assert_int_equal(history_stop(h, DEADLINE_MS), 6);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM sample"), 2 * 601);
	assert_int_equal(ask(p.path, "SELECT min(t) FROM sample"), (T0 + 5000) / 100);
	assert_int_equal(
		ask(p.path, "SELECT detail ->> 'dropped' FROM event WHERE kind = 'gap'"), 5);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM event WHERE kind = 'end'"), 1);
	place_clean(&p);
}

/* A fleet's second is more than one transaction: the next one follows at once. */
static void a_large_batch_does_not_wait(void **state)
{
	enum { TICKS = 5000 };
	struct place p;
	struct history *h;
	struct history_sample s = {.node_id = "n-1", .pool_id = "pool-1"};
	const int64_t until = clock_monotonic_ms() + 9000; /* ten seconds at a batch a second */
	int64_t rows = 0;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	history_recording(h, T0, 1000, "0.1", "ops1", "{}", "{}");
	for (s.tick = 0; s.tick < TICKS; s.tick++)
		history_sample(h, &s);
	while (rows < 2 * TICKS && clock_monotonic_ms() < until) {
		struct pollfd ready = {.fd = history_fd(h), .events = POLLIN};

		poll(&ready, 1, 50);
		rows = ask(p.path, "SELECT count(*) FROM sample");
	}
	assert_int_equal(rows, 2 * TICKS);
	settle(h);
	place_clean(&p);
}

/* No byte can be added to any file: what a broken disk looks like. */
static void a_disk_error_ends_the_recording(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct rlimit before, none;
	struct decision d = make_decision("d-2", T0);
	struct outcome_row row = make_outcome("d-1", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0);

	(void)state;
	place_make(&p);
	signal(SIGXFSZ, SIG_IGN);
	h = start_opened(&p, "kim@ops1");
	commit(h, "d-1", T0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){1, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	history_intent(h, &d);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_REFUSED);
	assert_int_equal(a.err.code, ERR_DISK);
	history_answer_release(&a);
	next_answer(h, &a);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(a.kind, HISTORY_FAILED);
	assert_int_equal(a.err.code, ERR_DISK);
	history_answer_release(&a);
	assert_false(history_writable(h));
	/* also when the disk is good again: until a restart */
	text_copy(d.id, sizeof d.id, "d-3");
	history_intent(h, &d);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_REFUSED);
	assert_int_equal(a.err.code, ERR_HISTORY);
	history_answer_release(&a);
	history_outcome(h, &row);
	assert_int_equal(history_stop(h, DEADLINE_MS), 1); /* the outcome */
	h = start_opened(&p, "kim@ops1");
	commit(h, "d-4", T0);
	settle(h);
	assert_whole(p.path, NULL);
	assert_int_equal(
		ask(p.path, "SELECT count(*) FROM decision WHERE id IN ('d-1', 'd-4')"), 2);
	place_clean(&p);
}

/* A row in a file without its name would be a decision that nobody finds again. */
static void a_file_that_was_moved_takes_no_decision(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	const struct decision d = make_decision("d-2", T0);
	char elsewhere[256];

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	commit(h, "d-1", T0);
	snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere.db", p.dir);
	assert_int_equal(rename(p.path, elsewhere), 0);
	history_intent(h, &d);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_REFUSED);
	assert_string_equal(a.id, "d-2");
	assert_int_equal(a.err.code, ERR_HISTORY);
	history_answer_release(&a);
	expect_kind(h, HISTORY_FAILED);
	assert_false(history_writable(h));
	settle(h);
	assert_int_equal(ask(elsewhere, "SELECT count(*) FROM decision"), 1);
	assert_whole(elsewhere, NULL);
	place_clean(&p);
}

/* The end of the recording and its checkpoint are rows, too: what is said at the end counts them;
 * who only opened the file has no part in it. */
static void the_last_head_is_known(void **state)
{
	struct place p;
	struct history *h;
	struct history_chain chain, again;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	history_chain(h, &chain);
	assert_int_equal(chain.rows, 0);
	assert_string_equal(chain.head, "");
	assert_false(chain.wrote);
	history_recording(h, T0, 1000, "1", "ops1", NULL, NULL);
	commit(h, "d-1", T0 + 1);
	assert_true(history_settle(h, DEADLINE_MS));
	history_chain(h, &chain);
	assert_true(chain.wrote);
	assert_int_equal(chain.rows,
		ask(p.path,
			"SELECT max(seq) FROM (SELECT seq FROM decision UNION ALL SELECT seq"
			" FROM recording UNION ALL SELECT seq FROM event)"));
	assert_int_equal(
		ask(p.path, "SELECT kind = 'end' FROM event ORDER BY seq DESC LIMIT 1"), 1);
	assert_int_equal(history_stop(h, 0), 0);
	assert_whole(p.path, chain.head);
	h = start_opened(&p, "kim@ops1");
	assert_true(history_settle(h, DEADLINE_MS));
	history_chain(h, &again);
	assert_false(again.wrote);
	assert_int_equal(again.rows, chain.rows);
	assert_string_equal(again.head, chain.head);
	assert_int_equal(history_stop(h, 0), 0);
	place_clean(&p);
}

static void expect_found(struct history *h, const char *hash, int64_t seq)
{
	struct history_answer a;

	history_find(h, hash);
	wait_kind(h, HISTORY_FOUND, &a);
	assert_string_equal(a.id, hash);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_true(a.seq == seq);
	history_answer_release(&a);
}

/* Any row of the chain is found by its hash, in whichever table it is. */
static void a_row_is_found_by_its_hash(void **state)
{
	struct place p;
	struct history *h;
	struct history_chain chain[2];
	struct outcome_row row = make_outcome("d-1", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 2);
	static const char none[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	commit(h, "d-1", T0 + 1);
	history_chain(h, &chain[0]);
	history_outcome(h, &row);
	commit(h, "d-2", T0 + 3);
	assert_int_equal(history_stop(h, DEADLINE_MS), 0);
	h = start_opened(&p, "kim@ops1");
	history_recording(h, T0 + 4, 1000, "1", "ops1", NULL, NULL);
	commit(h, "d-3", T0 + 5);
	history_event(h, T0 + 6, "checkout", "note", "text", NULL);
	commit(h, "d-4", T0 + 7);
	history_chain(h, &chain[1]);
	expect_found(h, chain[0].head, 1);
	expect_found(h, chain[1].head, chain[1].rows);
	expect_found(h, none, UNKNOWN);
	expect_found(h, "", UNKNOWN);
	expect_found(h, "'; DROP TABLE decision", UNKNOWN);
	/* intents go before the other rows */
	assert_int_equal(history_stop(h, DEADLINE_MS), 0);
	h = start_opened(&p, "kim@ops1");
	static const char *const tables[] = {"outcome", "recording", "event"};
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		char sql[80], hash[POOL_HASH_MAX];
		sqlite3 *db;
		sqlite3_stmt *s;

		snprintf(sql, sizeof sql, "SELECT hash, seq FROM %s ORDER BY seq LIMIT 1", tables[i]);
		assert_int_equal(sqlite3_open_v2(p.path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_step(s), SQLITE_ROW);
		text_copy(hash, sizeof hash, (const char *)sqlite3_column_text(s, 0));
		const int64_t seq = sqlite3_column_int64(s, 1);

		sqlite3_finalize(s);
		sqlite3_close(db);
		expect_found(h, hash, seq);
	}
	assert_int_equal(history_stop(h, DEADLINE_MS), 0);
	place_clean(&p);
}

/* Where there is no file nothing is known of it, not even what is missing. */
static void without_a_file_nothing_is_found(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;

	(void)state;
	place_make(&p);
	assert_int_equal(mkdir(p.path, 0700), 0);
	h = start(&p, "kim@ops1");
	history_find(h, "00");
	wait_kind(h, HISTORY_FOUND, &a);
	assert_string_equal(a.id, "00");
	assert_int_not_equal(a.err.code, ERR_NONE);
	history_answer_release(&a);
	history_stop(h, DEADLINE_MS);
	place_clean(&p);
}

static void a_stalled_stop_gives_up_in_time(void **state)
{
	struct place p;
	struct history *h;
	struct lock lock;
	struct err err = {0};
	const struct outcome_row row = make_outcome("d", OUTCOME_ROW_NODE, OUTCOME_APPLIED, T0);
	int64_t lost;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	assert_int_equal(lock_open(&lock, p.path, &err), 0);
	assert_int_equal(lock_take(&lock, 100, &err), 0);
	history_outcome(h, &row);
	lost = history_stop(h, 0);
	assert_int_equal(lost, 1); /* whether the writer has it in hand, or not yet */
	lock_give(&lock);
	lock_close(&lock);
	/* the abandoned writer ends by itself: its lock file can be taken when it has */
	assert_int_equal(lock_open(&lock, p.path, &err), 0);
	assert_int_equal(lock_take(&lock, DEADLINE_MS, &err), 0);
	lock_give(&lock);
	lock_close(&lock);
	place_clean(&p);
}

/* The end waits for whoever has the lock longer than a write does, and then nothing is lost. */
static void an_end_behind_a_lock_loses_nothing(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct lock lock;
	struct err err = {0};
	const struct outcome_row row = make_outcome("d-1", OUTCOME_ROW_NODE, OUTCOME_APPLIED, T0);

	(void)state;
	place_make(&p);
	const struct history_options how = {
		.path = p.path, .actor = "kim@ops1", .key_dir = p.keys, .quiet = true, .lock_ms = 20};
	assert_int_equal(history_start(&h, &how, &err), 0);
	expect_kind(h, HISTORY_OPENED);
	history_recording(h, T0, 1000, "1", "ops1", NULL, NULL);
	commit(h, "d-1", T0);
	assert_int_equal(lock_open(&lock, p.path, &err), 0);
	assert_int_equal(lock_take(&lock, DEADLINE_MS, &err), 0);
	history_outcome(h, &row);
	history_event(h, T0, "checkout", "note", "while it was locked", NULL);
	wait_kind(h, HISTORY_TROUBLE, &a);
	assert_int_equal(a.err.code, ERR_LOCKED);
	history_answer_release(&a);
	assert_false(history_settle(h, 100));
	assert_in_range(history_left(h), 2, 3); /* the recording may have been behind the intent */
	lock_give(&lock);
	lock_close(&lock);
	assert_true(history_settle(h, DEADLINE_MS));
	assert_int_equal(history_left(h), 0);
	assert_int_equal(history_stop(h, 0), 0);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome"), 1);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM event WHERE kind IN ('note', 'end')"), 2);
	assert_whole(p.path, NULL);
	place_clean(&p);
}

/* Takes all names of the emergency journal. */
static void leave_no_slots(const struct place *p)
{
	char name[300];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, i > 0 ? "%.200s-emergency-%ld.%d" : "%.200s-emergency-%ld",
			p->path, (long)getpid(), i);
		assert_int_equal(mkdir(name, 0700), 0);
	}
}

/* A brake that could not be written and has no slot waits for the lock at the end as all else
 * does, and is counted where nobody waits, or where there is no next try. */
static void a_late_brake_without_a_slot_is_written_or_counted(void **state)
{
	(void)state;
	for (int waited = 0; waited < 2; waited++) {
		struct place p;
		struct history *h;
		struct history_answer a;
		struct lock lock;
		struct err err = {0};
		const struct decision d = make_brake("d-1", "operator", T0);

		place_make(&p);
		leave_no_slots(&p);
		const struct history_options how = {.path = p.path,
			.actor = "kim@ops1",
			.key_dir = p.keys,
			.quiet = true,
			.lock_ms = 20};
		assert_int_equal(history_start(&h, &how, &err), 0);
		expect_kind(h, HISTORY_OPENED);
		assert_false(history_emergency(h));
		assert_int_equal(lock_open(&lock, p.path, &err), 0);
		assert_int_equal(lock_take(&lock, DEADLINE_MS, &err), 0);
		history_intent(h, &d);
		wait_kind(h, HISTORY_REFUSED, &a);
		assert_int_equal(a.err.code, ERR_LOCKED);
		history_answer_release(&a);
		assert_false(history_settle(h, 100)); /* several tries at the end */
		if (!waited)
			assert_int_equal(history_stop(h, 0), 1);
		lock_give(&lock);
		lock_close(&lock);
		if (waited) {
			assert_int_equal(history_stop(h, DEADLINE_MS), 0);
			assert_int_equal(
				ask(p.path, "SELECT count(*) FROM decision WHERE id = 'd-1' AND late"), 1);
		}
		/* the abandoned writer ends by itself */
		const int64_t until = clock_monotonic_ms() + DEADLINE_MS;
		while (lock_open_alone(&lock, p.path, &err) < 0)
			assert_true(clock_monotonic_ms() < until);
		lock_close(&lock);
		place_clean(&p);
	}
}

/* A process that is going to be stopped holds nobody up. */
static void who_rests_does_not_take_the_lock(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct lock lock;
	struct err err = {0};

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	assert_int_equal(lock_open(&lock, p.path, &err), 0);
	assert_true(history_rest(h, DEADLINE_MS));
	history_event(h, T0, "checkout", "note", "while it rests", NULL);
	/* the other thread answers, which the writer could have done meanwhile */
	history_find(h, "00");
	wait_kind(h, HISTORY_FOUND, &a);
	history_answer_release(&a);
	assert_int_equal(lock_take(&lock, 0, &err), 0);
	assert_int_equal(history_left(h), 1);
	lock_give(&lock);
	lock_close(&lock);
	history_wake(h);
	settle(h);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM event"), 1);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_intent_is_committed_with_its_hash),
		cmocka_unit_test(outcomes_are_idempotent),
		cmocka_unit_test(one_pool_more_than_may_rise_is_refused),
		cmocka_unit_test(of_two_guards_at_one_red_one_decides),
		cmocka_unit_test(what_left_before_it_was_recorded_has_its_row),
		cmocka_unit_test(what_was_joined_does_not_leave),
		cmocka_unit_test(a_cancelled_intent_is_never_committed),
		cmocka_unit_test(a_commit_that_nobody_took_can_be_cancelled),
		cmocka_unit_test(a_held_lock_refuses_an_intent_and_heals),
		cmocka_unit_test(observed_decisions_are_one_row_each),
		cmocka_unit_test(identities_are_pinned),
		cmocka_unit_test(a_pool_has_the_name_it_is_known_by),
		cmocka_unit_test(a_cursor_goes_back_with_its_log),
		cmocka_unit_test(a_past_that_cannot_be_read_is_refused),
		cmocka_unit_test(two_writers_keep_one_chain),
		cmocka_unit_test(load_gives_the_last_and_the_open),
		cmocka_unit_test(samples_need_a_recording_and_room),
		cmocka_unit_test(a_large_batch_does_not_wait),
		cmocka_unit_test(a_disk_error_ends_the_recording),
		cmocka_unit_test(a_file_that_was_moved_takes_no_decision),
		cmocka_unit_test(a_stalled_stop_gives_up_in_time),
		cmocka_unit_test(an_end_behind_a_lock_loses_nothing),
		cmocka_unit_test(a_late_brake_without_a_slot_is_written_or_counted),
		cmocka_unit_test(who_rests_does_not_take_the_lock),
		cmocka_unit_test(the_last_head_is_known),
		cmocka_unit_test(a_row_is_found_by_its_hash),
		cmocka_unit_test(without_a_file_nothing_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
