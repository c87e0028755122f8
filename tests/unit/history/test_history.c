/* history: how a decision gets in: commits, answers, cancelling, who may rise, observed decisions. */
#include "tests/unit/history/history_bed.h"

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
	settle(ana); /* the next intent would go before what became of the last */
	ana = start_raising(&p, "ana@ops2", 0);
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
		cmocka_unit_test(a_late_brake_without_a_slot_is_written_or_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
