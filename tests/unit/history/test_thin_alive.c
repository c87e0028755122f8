/* thin, while others live: readers, writers, kills, races, and within a recorder. Nothing is
 * lost or doubled wherever it is stopped. */
#include "tests/unit/history/thin_bed.h"

/* ---- who may be alive ---- */

/* A file whose last recorder was killed: a copy of one that is being written. */
static void place_killed(struct place *p)
{
	struct place living;
	struct history *h;

	place_make(&living);
	h = begin(&living, T0);
	put_ticks(h, "n-1", 0, 3 * HOUR);
	wait_rows(living.path, h, 2 * (3 * HOUR + 1));
	place_make(p);
	ask(living.path, "PRAGMA wal_checkpoint(TRUNCATE)");
	copy_file(living.path, p->path);
	settle(h);
	place_clean(&living);
}

static void rows_that_may_still_get_a_checkpoint_stay(void **state)
{
	struct thinning t;
	struct place p;
	int64_t rows;

	(void)state;
	place_killed(&p);
	rows = ask(p.path, "SELECT count(*) FROM sample");
	assert_true(verified(p.path).samples_open > 0);
	open_thinning(&t, &p, &keep_an_hour);
	t.now.newest_ms = T0 + 24 * HOUR_MS;
	work(&t, nobody, NULL);
	/* those without one are there, and the whole minute that they begin in */
	assert_one_of_both(p.path, rows);
	assert_true(verified(p.path).samples_open > 0);
	assert_sound(p.path);
	/* an hour later nobody has written one: they are left over */
	t.now.monotonic_ms += 61 * 60000;
	work(&t, nobody, NULL);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM sample"), 0);
	assert_one_of_both(p.path, rows);
	assert_sound(p.path);
	close_thinning(&t);
	place_clean(&p);
}

/* Its own rows are nobody's but its own, however old its clock makes them. */
static void own_rows_without_a_checkpoint_stay(void **state)
{
	struct thinning t;
	struct place p;

	(void)state;
	place_killed(&p);
	open_thinning(&t, &p, &keep_an_hour);
	t.now.newest_ms = T0 + 24 * HOUR_MS;
	t.now.recording = ask(p.path, "SELECT max(seq) FROM recording");
	for (int i = 0; i < 3; i++, t.now.monotonic_ms += 61 * 60000)
		work(&t, nobody, NULL);
	assert_true(ask(p.path, "SELECT count(*) FROM sample") > 0);
	assert_sound(p.path);
	close_thinning(&t);
	place_clean(&p);
}

/* Who was silent for long comes back: its rows that were thinned meanwhile are not missed. */
static void rows_of_who_comes_back_are_not_missed(void **state)
{
	struct thinning t;
	struct history *h;
	struct place p;

	(void)state;
	place_make(&p);
	h = begin(&p, T0);
	put_ticks(h, "n-1", 0, HOUR + 15);
	wait_rows(p.path, h, 2 * (HOUR + 16));
	open_thinning(&t, &p, &keep_an_hour);
	work(&t, nobody, NULL);
	t.now.monotonic_ms += 61 * 60000;
	work(&t, nobody, NULL);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM sample"), 0);
	close_thinning(&t);
	put_ticks(h, "n-1", 3 * HOUR, 3 * HOUR + HOUR / 2);
	settle(h);
	assert_one_of_both(p.path, 2 * (HOUR + 16 + HOUR / 2 + 1));
	assert_sound(p.path);
	place_clean(&p);
}

/* A recorder ends, with a checkpoint, between the look at the events and that at the rows. */
static void who_ends_meanwhile_leaves_nothing_over(void **state)
{
	struct err err = {0};
	struct thinning t;
	struct history *h;
	struct place p;
	bool more = true;

	(void)state;
	place_make(&p);
	h = begin(&p, T0);
	put_ticks(h, "n-1", 0, HOUR + 15);
	wait_rows(p.path, h, 2 * (HOUR + 16));
	open_thinning(&t, &p, &keep_an_hour);
	while (t.thin->phase != THIN_READ)
		assert_int_equal(thin_work(t.thin, &t.now, nobody, NULL, &more, &err), SCHEMA_OK);
	settle(h);
	work(&t, nobody, NULL);
	close_thinning(&t);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM sample"), 0);
	assert_sound(p.path);
	place_clean(&p);
}

/* Rows that wait for their checkpoint do not keep for ever what comes behind them. */
static void who_waited_is_thinned_later(void **state)
{
	struct thinning t;
	struct history *h;
	struct place p;

	(void)state;
	place_make(&p);
	h = begin(&p, T0);
	put_ticks(h, "n-1", 0, HOUR + 15);
	wait_rows(p.path, h, 2 * (HOUR + 16));
	open_thinning(&t, &p, &keep_an_hour);
	work(&t, nobody, NULL);
	assert_true(ask(p.path, "SELECT count(*) FROM sample") > 0);
	put_ticks(h, "n-1", 2 * HOUR, 3 * HOUR);
	settle(h);
	t.now.newest_ms += 4 * HOUR_MS;
	work(&t, nobody, NULL);
	close_thinning(&t);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM sample"), 0);
	assert_sound(p.path);
	place_clean(&p);
}

/* ---- stopped, killed, raced ---- */

struct countdown {
	int left; /* questions until it is in a hurry */
	bool dies;
};

static bool count_down(void *ctx)
{
	struct countdown *c = ctx;

	if (c->left-- > 0)
		return false;
	if (c->dies)
		raise(SIGKILL);
	c->left = INT32_MAX;
	return true;
}

/* Whoever is in a hurry finds the file as it was, and what was given up is done later. */
static void a_hurry_gives_the_transaction_up(void **state)
{
	char head[POOL_HASH_MAX];
	struct place p;
	struct thinning t;
	struct err err = {0};
	int64_t seq;
	bool more = true;

	(void)state;
	place_copy(&p);
	open_thinning(&t, &p, &keep_an_hour);
	for (int at = 0; more; at += 3) {
		struct countdown c = {.left = at};

		while (more && c.left < INT32_MAX / 2)
			assert_int_equal(thin_work(t.thin, &t.now, count_down, &c, &more, &err), SCHEMA_OK);
		/* no transaction is open, no lock is held, and the head is one that is there */
		if (t.journal.seq > 0 && at % 9 == 0) {
			journal_head(&t.journal, head);
			find_row(p.path, head, &seq, &err);
			assert_int_equal(seq, t.journal.seq);
		}
		assert_int_not_equal(sqlite3_get_autocommit(t.journal.db), 0);
		assert_one_of_both(p.path, recorded_rows);
	}
	close_thinning(&t);
	assert_true(ask(p.path, "SELECT count(*) FROM rollup") > 100);
	assert_sound(p.path);
	place_clean(&p);
}

static void kill_at(const struct place *p, int questions)
{
	const pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct countdown c = {.left = questions, .dies = true};
		struct thinning t;
		struct err err;
		bool more = true;

		if (journal_open(&t.journal, p->path, "kim@ops1", p->keys, false, &err) < 0)
			_exit(1);
		t.thin = thin_new(&t.journal, &keep_an_hour);
		t.now = (struct thin_now){1000, T0 + 4 * HOUR_MS, 1 << 20};
		while (more && thin_work(t.thin, &t.now, count_down, &c, &more, &err) == SCHEMA_OK)
			continue;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
}

static void a_kill_leaves_samples_or_minutes(void **state)
{
	struct place p;

	(void)state;
	place_copy(&p);
	for (int questions = 0; questions < 260; questions += 13) {
		kill_at(&p, questions);
		assert_one_of_both(p.path, recorded_rows);
		assert_sound(p.path);
	}
	thin_once(&p, &keep_an_hour);
	assert_one_of_both(p.path, recorded_rows);
	assert_sound(p.path);
	place_clean(&p);
}

/* Another process was first: nothing is thinned twice. */
static void two_at_once_thin_once(void **state)
{
	struct countdown c = {.left = 3};
	struct thinning one, other;
	struct err err = {0};
	struct place p;
	bool more = true;

	(void)state;
	place_copy(&p);
	open_thinning(&one, &p, &keep_an_hour);
	while (c.left < INT32_MAX / 2)
		assert_int_equal(thin_work(one.thin, &one.now, count_down, &c, &more, &err), SCHEMA_OK);
	assert_true(more);
	open_thinning(&other, &p, &keep_an_hour);
	work(&other, nobody, NULL);
	close_thinning(&other);
	work(&one, nobody, NULL);
	close_thinning(&one);
	assert_one_of_both(p.path, recorded_rows);
	assert_sound(p.path);
	place_clean(&p);
}

/* ---- within a recorder ---- */

static void a_recorder_thins_beside_its_work(void **state)
{
	struct history_options how = {.actor = "kim@ops1", .keep_ms = HOUR_MS};
	const int64_t until = clock_monotonic_ms() + DEADLINE_MS;
	struct history *h = NULL;
	struct err err = {0};
	struct place p;

	(void)state;
	place_copy(&p);
	how.path = p.path;
	how.key_dir = p.keys;
	assert_int_equal(history_start(&h, &how, &err), 0);
	expect_kind(h, HISTORY_OPENED);
	history_recording(h, T0 + 5 * HOUR_MS, TICK_MS, "0.1", "ops1", "{}", "{}");
	/* the clock of the machine runs ahead: that makes nothing old */
	history_event(h, T0 + 9000 * HOUR_MS, "", "clock_jump", "the clock jumped", NULL);
	put_sample(h, "n-1", 0);
	commit(h, "beside", T0 + 5 * HOUR_MS);
	while (ask(p.path,
			   "SELECT coalesce(max(detail ->> 'to'), 0) FROM event"
			   " WHERE kind = 'thinning'") < (T0 + 4 * HOUR_MS) / 100) {
		struct pollfd wait = {.fd = history_fd(h), .events = POLLIN};

		assert_true(clock_monotonic_ms() < until);
		poll(&wait, 1, 20);
	}
	settle(h);
	assert_int_equal(ask(p.path, "SELECT min(t) FROM sample"), (T0 + 4 * HOUR_MS) / 100);
	assert_one_of_both(p.path, recorded_rows + 2);
	assert_sound(p.path);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_that_may_still_get_a_checkpoint_stay),
		cmocka_unit_test(own_rows_without_a_checkpoint_stay),
		cmocka_unit_test(rows_of_who_comes_back_are_not_missed),
		cmocka_unit_test(who_ends_meanwhile_leaves_nothing_over),
		cmocka_unit_test(who_waited_is_thinned_later),
		cmocka_unit_test(a_hurry_gives_the_transaction_up),
		cmocka_unit_test(a_kill_leaves_samples_or_minutes),
		cmocka_unit_test(two_at_once_thin_once),
		cmocka_unit_test(a_recorder_thins_beside_its_work),
	};

	return cmocka_run_group_tests(tests, record_once, clean_up);
}
