/* checkpoint: samples under their events, when one is written, and files whose tables do not
 * say what their rows are. */
#include "tests/unit/history/checkpoint_bed.h"

/* ---- checkpoints as they are written ---- */

/* One every ten minutes, but for the last seconds; the rest at the end. */
static void one_every_ten_minutes_and_at_the_end(void **state)
{
	enum { TICKS = 1500 };
	struct place p;
	struct history *h;
	struct chain_report r;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	begin(h);
	for (int64_t i = 0; i < TICKS; i++)
		put_sample(h, "n-1", i);
	settle(h);
	r = verified(p.path, NULL);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.samples, 2 * TICKS);
	assert_int_equal(r.samples_open, 0);
	assert_in_range(r.checkpoints, 2, 3);
	assert_int_equal(
		ask(p.path, "SELECT sum(detail ->> 'rows') FROM event WHERE kind = 'checkpoint'"),
		2 * TICKS);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM event WHERE kind = 'checkpoint' AND"
						 " recording = (SELECT seq FROM recording) AND json_valid(detail)"),
		r.checkpoints);
	assert_int_equal(
		ask(p.path, "SELECT detail ->> 'samples' FROM event WHERE kind = 'end'"), 2 * TICKS);
	place_clean(&p);
}

/* A node that is far behind the others has rows before the last checkpoint's end. */
static void late_rows_are_under_the_next_one(void **state)
{
	struct place p;
	struct history *h;
	struct chain_report r;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	begin(h);
	/* as many as make a transaction, so that the late ones find a checkpoint before them */
	for (int64_t i = 0; i < 1400; i++)
		put_sample(h, "n-1", i);
	for (int64_t i = 30; i < 40; i++)
		put_sample(h, "n-2", i);
	settle(h);
	r = verified(p.path, NULL);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.samples, 2 * 1410);
	assert_int_equal(ask(p.path,
						 "SELECT sum(json_array_length(detail, '$.late')) FROM event"
						 " WHERE kind = 'checkpoint'"),
		20);
	edit(p.path,
		"DROP TRIGGER sample_stays; UPDATE sample SET requests = requests + 1"
		" WHERE key = (SELECT max(key) FROM sample WHERE series = 3)");
	r = verified(p.path, NULL);
	assert_string_equal(r.table, "sample");
	assert_true(r.first_key <= ask(p.path, "SELECT max(key) FROM sample WHERE series = 3"));
	assert_true(r.last_key >= ask(p.path, "SELECT max(key) FROM sample WHERE series = 3"));
	place_clean(&p);
}

/* Waits until the file has so many sample rows, while the recorder runs. */
static void await_rows(struct history *h, const char *path, int64_t rows)
{
	const int64_t until = clock_monotonic_ms() + DEADLINE_MS;

	while (ask(path, "SELECT count(*) FROM sample") < rows) {
		struct pollfd p = {.fd = history_fd(h), .events = POLLIN};

		assert_true(clock_monotonic_ms() < until);
		poll(&p, 1, 20);
	}
}

/* They are no rows too many until the next checkpoint. */
static void late_rows_are_no_false_alarm(void **state)
{
	struct place p;
	struct history *h;
	struct chain_report r;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	begin(h);
	for (int64_t i = 0; i < 1400; i++)
		put_sample(h, "n-1", i);
	for (int64_t i = 30; i < 40; i++)
		put_sample(h, "n-2", i);
	await_rows(h, p.path, 2 * 1410);
	r = verified(p.path, NULL);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.checkpoints, 2);
	assert_true(r.samples_open > 0);
	assert_int_equal(r.samples + r.samples_open, 2 * 1410);
	assert_int_equal(ask(p.path,
						 "SELECT json_array_length(detail, '$.late') FROM event"
						 " WHERE kind = 'checkpoint' ORDER BY seq DESC LIMIT 1"),
		20);
	settle(h);
	assert_int_equal(verified(p.path, NULL).broken_seq, 0);
	assert_int_equal(
		ask(p.path, "SELECT detail ->> 'samples' FROM event WHERE kind = 'end'"), 2 * 1410);
	place_clean(&p);
}

/* A batch that is refused as a whole is counted, told, and told in the file, too. */
static void a_refused_batch_is_counted(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct chain_report r;
	int64_t dropped;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	begin(h);
	edit(p.path,
		"CREATE TRIGGER none BEFORE INSERT ON event WHEN new.kind = 'checkpoint'"
		" BEGIN SELECT RAISE(ABORT, 'none'); END");
	for (int64_t i = 0; i < 1200; i++)
		put_sample(h, "n-1", i);
	wait_kind(h, HISTORY_TROUBLE, &a);
	assert_int_equal(a.err.code, ERR_HISTORY);
	history_answer_release(&a);
	edit(p.path, "DROP TRIGGER none");
	for (int64_t i = 1200; i < 1210; i++)
		put_sample(h, "n-1", i);
	dropped = history_stop(h, DEADLINE_MS);
	assert_true(dropped > 0);
	r = verified(p.path, NULL);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(
		ask(p.path, "SELECT sum(detail ->> 'dropped') FROM event WHERE kind = 'gap'"), dropped);
	assert_int_equal(r.samples, 2 * (1210 - dropped));
	place_clean(&p);
}

/* ---- a file whose tables do not say what their rows are ---- */

static void small_file(struct place *p)
{
	struct history *h;

	place_make(p);
	h = start_opened(p, "kim@ops1");
	begin(h);
	for (int64_t i = 0; i < 20; i++)
		put_sample(h, "n-1", i);
	settle(h);
	assert_int_equal(verified(p->path, NULL).broken_seq, 0);
}

#define SCHEMA_OF(sql) "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = " sql

static void an_emptied_index_is_found(void **state)
{
	struct place p;
	struct chain_report r;

	(void)state;
	small_file(&p);
	/* the index of no row, filled anew, and called the index of all of them again */
	edit(p.path, SCHEMA_OF("sql || ' WHERE kind IS NULL' WHERE name = 'event_kind'"));
	edit(p.path, "REINDEX event_kind");
	edit(
		p.path, SCHEMA_OF("replace(sql, ' WHERE kind IS NULL', '') WHERE name = 'event_kind'"));
	edit(p.path,
		"DROP TRIGGER sample_stays; UPDATE sample SET requests = 7"
		" WHERE key = (SELECT min(key) FROM sample)");
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM event INDEXED BY event_kind"
						 " WHERE kind = 'checkpoint'"),
		0);
	r = verified(p.path, NULL);
	assert_true(r.broken_seq > 0);
	assert_string_equal(r.table, "event");
	assert_string_equal(r.why, "an index does not fit its rows");
	place_clean(&p);
}

static void columns_are_those_of_their_names(void **state)
{
	static const struct {
		const char *sql, *says;
	} changes[] = {
		{"ALTER TABLE sample RENAME COLUMN requests TO x;"
		 "ALTER TABLE sample RENAME COLUMN ok TO requests;"
		 "ALTER TABLE sample RENAME COLUMN x TO ok",
			"changed or replaced"},
		{"ALTER TABLE sample RENAME COLUMN retries TO x", "a column of it is missing"},
		{SCHEMA_OF("replace(sql, '(key >> 28)', '((key >> 28) + 10)') WHERE name = 'sample'"),
			"not of its key"},
		{SCHEMA_OF("replace(sql, '(key & 268435455)', '(3 - (key & 268435455))')"
				   " WHERE name = 'sample'"),
			"not of its key"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		struct place p;
		struct chain_report r;

		small_file(&p);
		edit(p.path, changes[i].sql);
		r = verified(p.path, NULL);
		assert_true(r.broken_seq > 0);
		assert_string_equal(r.table, "sample");
		if (strstr(r.why, changes[i].says) == NULL)
			fail_msg("\"%s\" is not \"%s\"", r.why, changes[i].says);
		place_clean(&p);
	}
}

/* A recorder that was killed leaves rows that nothing covers; a file of before has none at all. */
static void rows_behind_the_last_are_counted(void **state)
{
	struct place p;
	struct history *h;
	struct chain_report r;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	begin(h);
	for (int64_t i = 0; i < 20; i++)
		put_sample(h, "n-1", i);
	settle(h);
	edit(p.path,
		"DROP TRIGGER event_kept; DELETE FROM event WHERE kind IN ('checkpoint', 'end')");
	r = verified(p.path, NULL);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.samples, 0);
	assert_int_equal(r.samples_open, 40);
	assert_int_equal(r.checkpoints, 0);
	place_clean(&p);
}

/* Two recorders share a file: their rows lie between each other, each has its checkpoints. */
static void each_recording_has_its_own(void **state)
{
	struct place p;
	struct history *a, *b;
	struct chain_report r;

	(void)state;
	place_make(&p);
	a = start_opened(&p, "kim@ops1");
	b = start_opened(&p, "lee@ops2");
	begin(a);
	begin(b);
	for (int64_t i = 0; i < 40; i++) {
		put_sample(a, "n-1", i);
		put_sample(b, "n-1", i);
	}
	settle(b);
	settle(a);
	r = verified(p.path, NULL);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.checkpoints, 2);
	assert_int_equal(r.samples, 160);
	assert_int_equal(r.signer_count, 2);
	edit(p.path,
		"DROP TRIGGER series_stays; DROP INDEX series_of;"
		"UPDATE series SET recording = (SELECT max(seq) FROM recording)");
	assert_true(verified(p.path, NULL).broken_seq > 0);
	place_clean(&p);
}

/* ---- the rows that wait ---- */

static void add(struct checkpoint *c, int64_t t, int64_t series)
{
	const unsigned char hash[CHAIN_HASH] = {(unsigned char)t, (unsigned char)series};

	checkpoint_add(c, t << 28 | series, hash);
}

static void a_rollback_forgets_its_rows(void **state)
{
	struct checkpoint c = {0};

	(void)state;
	checkpoint_begin(&c, 1);
	assert_false(checkpoint_due(&c));
	add(&c, 10, 1);
	checkpoint_committed(&c);
	add(&c, 20, 1);
	checkpoint_undo(&c);
	assert_int_equal(checkpoint_total(&c), 1);
	add(&c, 30, 1);
	checkpoint_committed(&c);
	assert_int_equal(checkpoint_total(&c), 2);
	assert_int_equal(c.rows[1].key, (int64_t)30 << 28 | 1);
	checkpoint_free(&c);
}

/* Due by time, and by room once there is something behind the slack. */
static void due_by_time_and_by_room(void **state)
{
	struct checkpoint c = {0};

	(void)state;
	checkpoint_begin(&c, 1);
	add(&c, 0, 1);
	add(&c, 6099, 1);
	checkpoint_committed(&c);
	assert_false(checkpoint_due(&c));
	add(&c, 6100, 1);
	assert_false(checkpoint_due(&c)); /* not committed */
	checkpoint_committed(&c);
	assert_true(checkpoint_due(&c));

	checkpoint_begin(&c, 2);
	for (int64_t i = 0; i < 65536; i++)
		add(&c, 0, i);
	checkpoint_committed(&c);
	assert_false(checkpoint_due(&c));
	add(&c, 101, 1);
	checkpoint_committed(&c);
	assert_true(checkpoint_due(&c));
	checkpoint_free(&c);
}

/* What was written in a transaction that failed is written again, the same. */
static void a_failed_transaction_takes_its_checkpoint_along(void **state)
{
	struct place p;
	struct journal j;
	struct checkpoint c = {0};
	struct err err = {0};

	(void)state;
	place_make(&p);
	assert_int_equal(journal_open(&j, p.path, "kim@ops1", p.keys, false, &err), 0);
	checkpoint_begin(&c, UNKNOWN);
	for (int64_t t = 200; t > 0; t -= 10)
		add(&c, t, 1);
	checkpoint_committed(&c);
	assert_int_equal(journal_begin(&j, &err), SCHEMA_OK);
	assert_int_equal(checkpoint_write(&c, &j, T0, true, &err), SCHEMA_OK);
	journal_rollback(&j);
	checkpoint_undo(&c);
	assert_int_equal(checkpoint_total(&c), 20);
	for (int i = 0; i < 2; i++) { /* nothing is left for the second */
		assert_int_equal(journal_begin(&j, &err), SCHEMA_OK);
		assert_int_equal(checkpoint_write(&c, &j, T0, i > 0, &err), SCHEMA_OK);
		assert_int_equal(journal_commit(&j, &err), SCHEMA_OK);
		checkpoint_committed(&c);
	}
	assert_int_equal(checkpoint_total(&c), 20);
	journal_close(&j);
	assert_int_equal(
		ask(p.path, "SELECT group_concat(detail ->> 'rows', '') FROM event"), 1010);
	assert_int_equal(ask(p.path, "SELECT min(detail ->> 'to') FROM event"), 100);
	/* signed, and yet of no recording: nothing to check them by */
	assert_true(verified(p.path, NULL).broken_seq > 0);
	checkpoint_free(&c);
	place_clean(&p);
}

/* ---- the pool's own log ---- */

static void a_log_goes_on_begins_anew_or_is_cut(void **state)
{
	static const struct {
		struct trail before, now;
		enum trail_step step;
	} steps[] = {
		{{"b", "h1", 4}, {"b", "h1", 4}, TRAIL_FITS},
		{{"b", "h1", 4}, {"b", "h2", 5}, TRAIL_FITS},
		{{"b", "h1", 4}, {"c", "h2", 5}, TRAIL_FITS},
		{{"b", "h1", 4}, {"b", "", 4}, TRAIL_FITS},
		{{"b", "h1", 4}, {"b", "h1", UNKNOWN}, TRAIL_FITS},
		{{"b", "h1", UNKNOWN}, {"b", "h2", 1}, TRAIL_FITS},
		{{"b", "h1", 4}, {"c", "h2", 1}, TRAIL_ANEW},
		{{"b", "h1", 4}, {"c", "h2", 4}, TRAIL_ANEW},
		{{"b", "h1", 4}, {"b", "h2", 3}, TRAIL_CUT},
		{{"b", "h1", 4}, {"b", "h2", 4}, TRAIL_REPLACED},
	};
	char words[120];

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		assert_int_equal(trail_step(&steps[i].before, &steps[i].now), steps[i].step);
		trail_words(words, sizeof words, &steps[i].before, &steps[i].now);
		assert_int_equal(words[0] == '\0', steps[i].step == TRAIL_FITS);
	}
	assert_string_equal(words, "its log was replaced: 4 entries as before, and another head");
}

static void put_state(
	struct history *h, int64_t at_ms, const char *boot, int64_t seq, const char *head)
{
	struct snapshot *s = mem_new(1, sizeof *s);

	text_copy(s->pool_id, sizeof s->pool_id, "pool-1");
	text_copy(s->node_id, sizeof s->node_id, "n-1");
	text_copy(s->boot_id, sizeof s->boot_id, boot);
	text_copy(s->audit_head, sizeof s->audit_head, head);
	s->audit_seq = seq;
	history_state(h, at_ms, "checkout", s);
	free(s);
}

static void verify_tells_of_a_pools_log(void **state)
{
	static const struct {
		const char *boot;
		int64_t seq;
		const char *head;
		bool bad;
		bool again; /* by another process */
	} seconds[] = {
		{"b", 7, "h7", false, false}, {"b", 5, "h5", true, false}, {"c", 2, "h2", false, false},
		{"c", 6, "h6", false, false},
		{"b", 5, "h6", false, false}, /* the one before it is the first */
		{"b", 4, "h4", true, true},
		{"b", 4, "h4", false, true}, /* overtaken on its way into the file */
	};

	(void)state;
	for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
		struct place p;
		struct history *h;
		struct chain_report r;

		place_make(&p);
		h = start_opened(&p, "kim@ops1");
		begin(h);
		put_state(h, T0, "b", i == 4 ? 5 : 6, "h6");
		if (seconds[i].again) {
			settle(h);
			h = start_opened(&p, "kim@ops1");
			history_recording(h, T0 + 20000, 1000, "0.1", "ops1", "{}", "{}");
		}
		put_state(h, i == 6 ? T0 + 5000 : T0 + 20000, seconds[i].boot, seconds[i].seq,
			seconds[i].head);
		settle(h);
		r = verified(p.path, NULL);
		assert_int_equal(r.broken_seq, 0); /* it is no fault of this file */
		assert_int_equal(r.trail_seq > 0, seconds[i].bad);
		assert_int_equal(
			strncmp(r.trail_why, "pool checkout: its log was cut", seconds[i].bad ? 30 : 0), 0);
		place_clean(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_every_ten_minutes_and_at_the_end),
		cmocka_unit_test(late_rows_are_under_the_next_one),
		cmocka_unit_test(late_rows_are_no_false_alarm),
		cmocka_unit_test(a_refused_batch_is_counted),
		cmocka_unit_test(an_emptied_index_is_found),
		cmocka_unit_test(columns_are_those_of_their_names),
		cmocka_unit_test(rows_behind_the_last_are_counted),
		cmocka_unit_test(each_recording_has_its_own),
		cmocka_unit_test(a_rollback_forgets_its_rows),
		cmocka_unit_test(due_by_time_and_by_room),
		cmocka_unit_test(a_failed_transaction_takes_its_checkpoint_along),
		cmocka_unit_test(a_log_goes_on_begins_anew_or_is_cut),
		cmocka_unit_test(verify_tells_of_a_pools_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
