/* history: its writer: two of them at one file, samples, batches, a disk that fails, a file that was
 * moved, and the end. */
#include "tests/unit/history/history_bed.h"

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
	assert_int_equal(
		ask(p.path, "SELECT count(*) FROM event WHERE kind IN ('note', 'end')"), 2);
	assert_whole(p.path, NULL);
	place_clean(&p);
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
		cmocka_unit_test(two_writers_keep_one_chain),
		cmocka_unit_test(samples_need_a_recording_and_room),
		cmocka_unit_test(a_large_batch_does_not_wait),
		cmocka_unit_test(a_disk_error_ends_the_recording),
		cmocka_unit_test(a_file_that_was_moved_takes_no_decision),
		cmocka_unit_test(a_stalled_stop_gives_up_in_time),
		cmocka_unit_test(an_end_behind_a_lock_loses_nothing),
		cmocka_unit_test(who_rests_does_not_take_the_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
