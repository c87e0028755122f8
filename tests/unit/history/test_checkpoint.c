/* checkpoint: samples under their events; a history of 500 rows in which every cell is changed,
 * every row deleted, doubled and exchanged, each by itself, and verify finds each one. */
#include "tests/unit/history/fixture.h"

#include "history/checkpoint.h"
#include "history/inspection.h"
#include "history/proof.h"
#include "history/trail.h"

#include <fcntl.h>

static void put_sample(struct history *h, const char *node_id, int64_t tick)
{
	struct history_sample s = {.pool_id = "pool-1", .tick = tick};
	struct histogram *latency = mem_new(1, sizeof *latency);

	text_copy(s.node_id, sizeof s.node_id, node_id);
	s.sample.at = (struct instant){tick, T0 + tick}; /* or they would be a backlog */
	s.sample.interval_ms = 1000;
	for (int a = 0; a < ARM_COUNT; a++) {
		struct arm_sample *arm = &s.sample.arms[a];

		arm->requests = 100 + tick;
		arm->ok = arm->requests - 1;
		arm->failed[FAILURE_REFUSED] = 1;
		arm->memory_bytes = UNKNOWN;
		arm->p99_us = 1200 + a;
		s.latency[a] = latency;
	}
	histogram_add(latency, 1000, 100 + tick);
	history_sample(h, &s);
	free(latency);
}

static void begin(struct history *h)
{
	history_recording(h, T0, 1000, "0.1", "ops1", "{}", "{}");
}

static struct chain_report verified(const char *path, const char *head)
{
	struct chain_report report;
	struct err err = {0};

	if (chain_verify(&report, path, head, NULL, NULL, &err) != 0)
		fail_msg("W%d %s", err.code, err.text);
	assert_true(report.broken_seq == 0 || report.why[0] != '\0');
	return report;
}

static void edit(const char *path, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, DEADLINE_MS); /* a recorder may be writing */
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

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

/* ---- some moments of a file that is too large for all of it ---- */

static struct chain_report near(
	const char *path, const int64_t *ticks, size_t count, int64_t rows_max)
{
	int64_t moments[4];
	struct chain_report report;
	struct err err = {0};

	for (size_t i = 0; i < count; i++)
		moments[i] = T0 + ticks[i] * 1000;
	const struct chain_scope scope = {
		.moments_ms = moments, .moment_count = count, .rows_max = rows_max};

	if (inspection_end(inspection_begin(path, &scope), &report, &err) < 0)
		fail_msg("W%d %s", err.code, err.text);
	return report;
}
#define NEAR(path, rows_max, ...) \
	near(path, (const int64_t[]){__VA_ARGS__}, \
		sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), rows_max)

/* Ticks 0 to 1399 of one node and late ones of another: all under three checkpoints. */
static void late_file(struct place *p)
{
	struct history *h;

	place_make(p);
	h = start_opened(p, "kim@ops1");
	begin(h);
	for (int64_t i = 0; i < 1400; i++)
		put_sample(h, "n-1", i);
	for (int64_t i = 30; i < 40; i++)
		put_sample(h, "n-2", i);
	settle(h);
}

enum { ALL_ROWS = 2 * 1410 };

static void checkpoints_of_moments(void **state)
{
	struct place p;
	struct chain_report r;

	(void)state;
	late_file(&p);
	/* small enough for all of it */
	r = NEAR(p.path, ALL_ROWS, 100);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.samples, ALL_ROWS);
	assert_int_equal(r.samples_left, 0);
	assert_int_equal(r.checkpoints_read, r.checkpoints);
	/* one, whatever its size; a second that has no room */
	r = NEAR(p.path, 1, 100, 100, 1399);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.checkpoints_read, 1);
	assert_true(r.samples > 0);
	assert_int_equal(r.samples + r.samples_left, ALL_ROWS);
	assert_int_equal(r.samples_open, 0);
	/* more of them, with the late rows that one of them names */
	r = NEAR(p.path, ALL_ROWS - 1, 100, 1300, 1399);
	assert_int_equal(r.broken_seq, 0);
	assert_true(r.checkpoints_read > 1);
	assert_int_equal(r.samples + r.samples_left, ALL_ROWS);
	/* before and behind all of them there is none */
	r = NEAR(p.path, 1, -5000, 500000);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.checkpoints_read, 0);
	assert_int_equal(r.samples_left, ALL_ROWS);
	place_clean(&p);
}

static void what_is_wrong_there_is_found(void **state)
{
	struct place p;
	struct chain_report r;
	int64_t key;

	(void)state;
	late_file(&p);
	edit(p.path,
		"DROP TRIGGER sample_stays; UPDATE sample SET requests = requests + 1"
		" WHERE series = 1 AND key = (SELECT min(key) FROM sample WHERE series = 1)");
	key = ask(p.path, "SELECT min(key) FROM sample WHERE series = 1");
	r = NEAR(p.path, 1, 100);
	assert_true(r.broken_seq > 0);
	assert_string_equal(r.table, "sample");
	assert_in_range(key, r.first_key, r.last_key);
	/* elsewhere nobody looked, and that is said */
	r = NEAR(p.path, 1, 1399);
	assert_int_equal(r.broken_seq, 0);
	assert_true(r.samples_left > 0);
	assert_true(verified(p.path, NULL).broken_seq > 0);
	place_clean(&p);

	late_file(&p);
	edit(p.path, "DROP TRIGGER sample_kept; DELETE FROM sample WHERE key ="
				 " (SELECT max(key) FROM sample)");
	assert_true(NEAR(p.path, 1, 1399).broken_seq > 0);
	assert_int_equal(NEAR(p.path, 1, 100).broken_seq, 0);
	place_clean(&p);

	/* the rows of the chain are all looked at */
	late_file(&p);
	edit(p.path, "DROP TRIGGER event_stays; UPDATE event SET text = 'x' WHERE kind = 'end'");
	r = NEAR(p.path, 1, 100);
	assert_string_equal(r.table, "event");
	place_clean(&p);
}

static void a_file_that_is_not_there_is_no_crash(void **state)
{
	const struct chain_scope scope = {.rows_max = 1};
	struct chain_report r;
	struct err err = {0};

	(void)state;
	assert_int_equal(
		inspection_end(inspection_begin("/nowhere/night.db", &scope), &r, &err), -1);
	assert_true(err.code != ERR_NONE);
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

/* ---- 500 rows, each cell ---- */

static const char *const tables[] = {
	"key", "recording", "decision", "outcome", "event", "series", "sample"};

struct trial {
	struct place p;
	char *bytes; /* of the whole file, without triggers and indexes */
	size_t len;
	char head[POOL_HASH_MAX];
	char copy[256];
	int every; /* of the cells */
	int64_t tried;
};

static void read_bytes(struct trial *t)
{
	struct stat st;
	const int fd = open(t->p.path, O_RDONLY);

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	t->len = (size_t)st.st_size;
	t->bytes = mem_new(1, t->len);
	assert_int_equal(read(fd, t->bytes, t->len), (ssize_t)t->len);
	close(fd);
}

/* Two persons, two recordings: 500 rows. */
static void record_persons(struct trial *t)
{
	static const char *const actors[] = {"kim@ops1", "lee@ops2"};

	for (int person = 0; person < 2; person++) {
		const struct history_options how = {.path = t->p.path,
			.actor = actors[person],
			.key_dir = person ? t->copy : t->p.keys};
		struct history *h = NULL;
		struct err err = {0};
		char id[32];

		assert_int_equal(history_start(&h, &how, &err), 0);
		expect_kind(h, HISTORY_OPENED);
		begin(h);
		for (int i = 0; i < 18; i++) {
			struct outcome_row row;

			snprintf(id, sizeof id, "d-%d-%d", person, i);
			commit(h, id, T0 + i);
			for (int r = OUTCOME_ROW_NODE; r <= OUTCOME_ROW_VERIFIED; r++) {
				row = make_outcome(id, (enum outcome_row_kind)r, OUTCOME_APPLIED, T0 + i + 1);
				history_outcome(h, &row);
			}
		}
		for (int i = 0; i < 10; i++)
			history_event(h, T0 + i, "checkout", "drift", "it moved", i % 2 ? "{}" : NULL);
		for (int64_t i = 0; i < 81; i++)
			put_sample(h, "n-1", person * 200 + i);
		settle(h);
	}
}

static void make_trial(struct trial *t)
{
	const char *every = getenv("VERIFY_EVERY");
	struct chain_report r;

	*t = (struct trial){.every = every != NULL && every[0] == '1' ? 1 : 41};
	place_make(&t->p);
	snprintf(t->copy, sizeof t->copy, "%s/keys2", t->p.dir);
	record_persons(t);
	snprintf(t->copy, sizeof t->copy, "%s/copy.db", t->p.dir);
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		char sql[100];

		snprintf(sql, sizeof sql, "DROP TRIGGER %s_stays; DROP TRIGGER %s_kept", tables[i],
			tables[i]);
		edit(t->p.path, sql);
	}
	edit(t->p.path,
		"DROP INDEX outcome_once; DROP INDEX outcome_final; DROP INDEX outcome_verified;"
		"DROP INDEX event_kind; DROP INDEX series_of; PRAGMA journal_mode = DELETE");
	read_bytes(t);
	r = verified(t->p.path, NULL);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.samples_open, 0);
	assert_int_equal(r.keys, 2);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(r.signers[i].actor, i ? "lee@ops2" : "kim@ops1");
		assert_int_equal(r.signers[i].rows, 1 + 18 * 4 + 10 + 2);
		assert_int_equal(strlen(r.signers[i].key), 64);
	}
	text_copy(t->head, sizeof t->head, r.head);
}

static void clean_trial(struct trial *t)
{
	free(t->bytes);
	place_clean(&t->p);
}

/* A fresh copy with one change in it, verified. */
static struct chain_report try(struct trial *t, const char *sql, const char *head)
{
	char all[700];
	const int fd = open(t->copy, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, t->bytes, t->len), (ssize_t)t->len);
	close(fd);
	snprintf(all, sizeof all,
		"PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;"
		"PRAGMA ignore_check_constraints = ON; %s",
		sql);
	edit(t->copy, all);
	t->tried++;
	return verified(t->copy, head);
}

/* The rowids of a table, in order. The caller frees them. */
static int64_t *rows_of(const struct trial *t, const char *table, size_t *count)
{
	sqlite3 *db;
	sqlite3_stmt *s;
	char sql[100];
	int64_t *ids = mem_new(1000, sizeof *ids);

	*count = 0;
	snprintf(sql, sizeof sql, "SELECT rowid FROM %s ORDER BY rowid", table);
	assert_int_equal(sqlite3_open(t->p.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW && *count < 1000)
		ids[(*count)++] = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return ids;
}

struct shape {
	char column[64][32], type[64][12];
	int count;
};

static struct shape shape_of(const struct trial *t, const char *table)
{
	struct shape shape = {0};
	sqlite3 *db;
	sqlite3_stmt *s;

	assert_int_equal(sqlite3_open(t->p.path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT name, type FROM pragma_table_info(?1)", -1, &s, NULL),
		SQLITE_OK);
	sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
	for (; sqlite3_step(s) == SQLITE_ROW; shape.count++) {
		text_copy(shape.column[shape.count], 32, (const char *)sqlite3_column_text(s, 0));
		text_copy(shape.type[shape.count], 12, (const char *)sqlite3_column_text(s, 1));
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	return shape;
}

/* The smallest change of a cell that its type knows. */
static void changed_cell(char *sql, size_t size, const char *table, const char *column,
	const char *type, int64_t row)
{
	static const struct {
		const char *type, *value;
	} values[] = {
		{"INTEGER", "coalesce(%s + 1, 0)"},
		{"TEXT",
			"CASE WHEN coalesce(%s, '') = '' THEN ' ' ELSE"
			" char(unicode(%s) + 1) || substr(%s, 2) END"},
		{"BLOB", "CASE WHEN %s IS NULL THEN x'' ELSE CAST(%s || x'00' AS BLOB) END"},
	};
	char quoted[40], value[200] = "";

	snprintf(quoted, sizeof quoted, "\"%s\"", column);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		for (const char *c = values[i].value; strcmp(values[i].type, type) == 0 && *c != '\0';
			 c++) {
			const size_t at = strlen(value);

			if (strncmp(c, "%s", 2) == 0) {
				text_copy(value + at, sizeof value - at, quoted);
				c++;
			} else {
				text_copy(value + at, sizeof value - at, (char[]){*c, '\0'});
			}
		}
	/* by way of a number that nobody has, where the next one is taken */
	if (strcmp(column, "seq") == 0 || strcmp(column, "id") == 0)
		snprintf(value, sizeof value, "%s + 1000", quoted);
	if (strcmp(column, "key") == 0 && strcmp(table, "sample") == 0)
		snprintf(value, sizeof value, "%s + 2", quoted); /* into the other recording */
	snprintf(sql, size, "UPDATE %s SET %s = %s WHERE rowid = %lld", table, quoted, value,
		(long long)row);
}

/* What verify says of a changed cell names its row. */
static void check_named(const struct chain_report *r, const char *table, const char *column,
	int64_t row, const char *sql)
{
	if (r->broken_seq == 0)
		fail_msg("not found: %s", sql);
	if (strcmp(table, "sample") == 0) {
		/* another key is another row: missing at its place, too many at the other */
		if (strcmp(column, "key") != 0 && (r->first_key > row || r->last_key < row))
			fail_msg("%s: named %lld to %lld (%s)", sql, (long long)r->first_key,
				(long long)r->last_key, r->why);
	} else if (strcmp(table, "key") != 0 && strcmp(table, "series") != 0 &&
		strcmp(column, "seq") != 0 && r->broken_seq != row) {
		fail_msg("%s: named %lld (%s)", sql, (long long)r->broken_seq, r->why);
	}
}

static void every_cell(void **state)
{
	struct trial t;
	int64_t rows = 0, cells = 0;
	char sql[500];

	(void)state;
	make_trial(&t);
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		const struct shape shape = shape_of(&t, tables[i]);
		size_t count;
		int64_t *ids = rows_of(&t, tables[i], &count);

		for (size_t r = 0; r < count; r++, rows++)
			for (int c = 0; c < shape.count; c++) {
				struct chain_report report;

				if (cells++ % t.every != 0)
					continue;
				changed_cell(
					sql, sizeof sql, tables[i], shape.column[c], shape.type[c], ids[r]);
				report = try(&t, sql, NULL);
				check_named(&report, tables[i], shape.column[c], ids[r], sql);
			}
		free(ids);
	}
	assert_true(rows >= 500);
	print_message("%lld rows, %lld of %lld cells changed, all found\n", (long long)rows,
		(long long)t.tried, (long long)cells);
	clean_trial(&t);
}

static void put_trial(struct trial *t, const char *head, const char *sql)
{
	if (try(t, sql, head).broken_seq == 0)
		fail_msg("not found: %s", sql);
}

/* Every row gone, doubled, and in its neighbour's place. */
static void every_row_gone_doubled_exchanged(void **state)
{
	struct trial t;
	char sql[500];

	(void)state;
	make_trial(&t);
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		const char *table = tables[i];
		const bool chained = strcmp(table, "key") != 0 && strcmp(table, "series") != 0;
		const struct shape shape = shape_of(&t, table);
		size_t count;
		int64_t *ids = rows_of(&t, table, &count);
		char columns[1500] = "";

		for (int c = 1; c < shape.count; c++)
			snprintf(columns + strlen(columns), sizeof columns - strlen(columns), ", \"%s\"",
				shape.column[c]);
		for (size_t r = 0; r < count; r++) {
			if (count > 20 && r % (size_t)t.every != 0 && r + 1 < count)
				continue;
			snprintf(
				sql, sizeof sql, "DELETE FROM %s WHERE rowid = %lld", table, (long long)ids[r]);
			put_trial(&t, t.head, sql);
			if (!chained)
				continue;
			if (r + 1 < count) {
				snprintf(sql, sizeof sql,
					"UPDATE %s SET \"%s\" = -1 WHERE rowid = %lld;"
					"UPDATE %s SET \"%s\" = %lld WHERE rowid = %lld;"
					"UPDATE %s SET \"%s\" = %lld WHERE rowid = -1",
					table, shape.column[0], (long long)ids[r], table, shape.column[0],
					(long long)ids[r], (long long)ids[r + 1], table, shape.column[0],
					(long long)ids[r + 1]);
				put_trial(&t, NULL, sql);
			}
			/* a sample between two ticks: every tick has its own */
			snprintf(sql, sizeof sql,
				"CREATE TEMP TABLE one AS SELECT * FROM %s WHERE rowid = %lld;"
				"UPDATE one SET \"%s\" = \"%s\" + %lld;",
				table, (long long)ids[r], shape.column[0], shape.column[0],
				strcmp(table, "sample") == 0 ? (long long)((int64_t)5 << 28) : 1000LL);
			if (strcmp(table, "sample") == 0)
				snprintf(sql + strlen(sql), sizeof sql - strlen(sql),
					"INSERT INTO sample (key, at_ms, interval_ms, flags, requests)"
					" SELECT key, at_ms, interval_ms, flags, requests FROM one");
			else
				snprintf(sql + strlen(sql), sizeof sql - strlen(sql),
					"%s INSERT INTO %s SELECT * FROM one",
					strcmp(table, "decision") == 0 ? "UPDATE one SET id = id || 'x';" : "",
					table);
			put_trial(&t, NULL, sql);
		}
		free(ids);
	}
	print_message("%lld rows deleted, exchanged, inserted, all found\n", (long long)t.tried);
	clean_trial(&t);
}

/* Numbers that say "whole" by themselves, and tails of every length. */
static void seq_zero_and_cut_tails(void **state)
{
	struct trial t;
	struct chain_report whole, r;
	char sql[400], head[POOL_HASH_MAX];

	(void)state;
	make_trial(&t);
	for (int64_t seq = -1; seq <= 0; seq++) {
		snprintf(sql, sizeof sql,
			"UPDATE recording SET seq = %lld WHERE seq = (SELECT min(seq) FROM recording)",
			(long long)seq);
		r = try(&t, sql, NULL);
		assert_true(r.broken_seq != 0);
	}
	whole = verified(t.p.path, NULL);
	for (int64_t from = whole.head_seq; from > 0; from -= t.every) {
		snprintf(sql, sizeof sql,
			"DELETE FROM recording WHERE seq >= %lld; DELETE FROM decision WHERE seq >= %lld;"
			"DELETE FROM outcome WHERE seq >= %lld; DELETE FROM event WHERE seq >= %lld",
			(long long)from, (long long)from, (long long)from, (long long)from);
		put_trial(&t, t.head, sql);
	}
	/* the beginning of the head, as it is printed, does as well; less does not */
	text_copy(head, sizeof head, t.head);
	head[16] = '\0';
	assert_int_equal(verified(t.p.path, head).broken_seq, 0);
	snprintf(sql, sizeof sql, "DELETE FROM event WHERE seq = %lld", (long long)whole.head_seq);
	r = try(&t, sql, head);
	assert_int_equal(r.broken_seq, whole.head_seq);
	assert_non_null(strstr(r.why, "cut"));
	head[15] = '\0';
	assert_true(verified(t.p.path, head).broken_seq > 0);
	/* a head from the middle is no proof of the end, and is in the file */
	r = try(&t, sql, NULL);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(verified(t.p.path, r.head).broken_seq, 0);
	clean_trial(&t);
}

/* Samples of a recording that is over, of none, and a key that signs nothing. */
static void what_does_not_belong(void **state)
{
	static const char *const changes[] = {
		"INSERT INTO sample (key, at_ms, interval_ms, flags) VALUES (1, 0, 0, 0)",
		"INSERT INTO sample (key, at_ms, interval_ms, flags)"
		" SELECT max(key) + (1 << 28), 0, 0, 0 FROM sample",
		"INSERT INTO sample (key, at_ms, interval_ms, flags)"
		" SELECT min(key) - (1 << 28), 0, 0, 0 FROM sample",
		"INSERT INTO sample (key, at_ms, interval_ms, flags)"
		" SELECT max(key) + (1 << 28) + 100, 0, 0, 0 FROM sample",
		"UPDATE series SET id = 5 - id + 1000; UPDATE series SET id = id - 1000",
		"UPDATE series SET arm = CASE arm WHEN 'v1' THEN 'v2' ELSE 'v1' END",
	};
	struct trial t;
	struct chain_report r;

	(void)state;
	make_trial(&t);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		put_trial(&t, NULL, changes[i]);
	r = try(&t, "INSERT INTO key VALUES (9, 'c0ffee', 'mallory@ops1')", NULL);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.keys, 2);
	assert_int_equal(r.signer_count, 3);
	assert_string_equal(r.signers[2].actor, "mallory@ops1");
	assert_int_equal(r.signers[2].rows, 0);
	/* a key that was put in later for a row of another's */
	put_trial(&t, NULL,
		"INSERT INTO key SELECT 9, public_key, 'mallory@ops1' FROM key WHERE id = 1;"
		"UPDATE decision SET key = 9 WHERE rowid = (SELECT min(seq) FROM decision)");
	clean_trial(&t);
}

struct steps {
	int64_t done, total, calls;
};

static void note_step(void *ctx, int64_t done, int64_t total)
{
	struct steps *s = ctx;

	assert_true(done >= s->done && done <= total);
	assert_true(s->calls == 0 || s->total == total);
	*s = (struct steps){done, total, s->calls + 1};
}

/* It rises over rows and samples to their sum, also where the file is broken. */
static void progress_rises_to_the_end(void **state)
{
	struct trial t;
	struct steps steps = {0};
	struct chain_report r;
	struct err err = {0};

	(void)state;
	make_trial(&t);
	assert_int_equal(chain_verify(&r, t.p.path, NULL, note_step, &steps, &err), 0);
	assert_int_equal(steps.done, r.rows + r.samples);
	assert_int_equal(steps.total, r.rows + r.samples);
	try(&t, "UPDATE recording SET host = 'x'", NULL);
	steps = (struct steps){0};
	assert_int_equal(chain_verify(&r, t.copy, NULL, note_step, &steps, &err), 0);
	assert_true(r.broken_seq > 0);
	assert_int_equal(steps.done, steps.total);
	clean_trial(&t);
}

/* More keys than a report has room for: counted. */
static void many_keys_are_counted(void **state)
{
	struct trial t;
	struct chain_report r;

	(void)state;
	make_trial(&t);
	r = try(&t,
		"WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 40)"
		" INSERT INTO key SELECT i, 'c0ffee', 'no' || i || char(27) FROM n",
		NULL);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.signer_count, CHAIN_SIGNERS_MAX);
	assert_int_equal(r.signers_more, 40 - CHAIN_SIGNERS_MAX);
	assert_null(strchr(r.signers[5].actor, 27));
	assert_int_equal(r.keys, 2);
	clean_trial(&t);
}

static void hostile_checkpoints_are_no_crash(void **state)
{
	static const char *const details[] = {"NULL", "'x'", "'[]'", "'{\"rows\":\"1\"}'",
		"json_set(detail, '$.hash', 'zz')", "json_set(detail, '$.to', -1)",
		"json_set(detail, '$.to', -5)", "json_set(detail, '$.to', 9223372036854775807)",
		"json_set(detail, '$.blocks', 7)", "json_set(detail, '$.columns', 64)",
		"json_set(detail, '$.columns', 1e9)",
		"json_set(detail, '$.late', json('[[1,2],[3],4]'))",
		"json_set(detail, '$.rows', 9223372036854775807)"};
	static const int64_t moments[] = {INT64_MIN, -1, 0, T0, INT64_MAX};
	struct trial t;
	char sql[300];

	(void)state;
	make_trial(&t);
	for (size_t i = 0; i < sizeof details / sizeof *details; i++) {
		sqlite3 *db;
		struct chain_report r = {.first_key = UNKNOWN, .last_key = UNKNOWN};
		struct err err = {0};

		snprintf(sql, sizeof sql,
			"UPDATE event SET detail = %s WHERE kind = 'checkpoint';"
			"UPDATE sample SET requests = 7 WHERE rowid = (SELECT min(key) FROM sample)",
			details[i]);
		try(&t, sql, NULL);
		/* past the chain, which has found it already */
		assert_int_equal(sqlite3_open(t.copy, &db), SQLITE_OK);
		assert_int_equal(proof_samples(&r, db, t.copy, NULL, 0, NULL, NULL, &err), 0);
		assert_true(r.broken_seq > 0 && r.why[0] != '\0');
		for (size_t m = 0; m < sizeof moments / sizeof *moments; m++) {
			const struct chain_scope scope = {
				.moments_ms = &moments[m], .moment_count = 1, .rows_max = 1};

			r = (struct chain_report){.first_key = UNKNOWN, .last_key = UNKNOWN};
			assert_int_equal(proof_samples(&r, db, t.copy, &scope, 0, NULL, NULL, &err), 0);
		}
		sqlite3_close(db);
	}
	clean_trial(&t);
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
		cmocka_unit_test(checkpoints_of_moments),
		cmocka_unit_test(what_is_wrong_there_is_found),
		cmocka_unit_test(a_file_that_is_not_there_is_no_crash),
		cmocka_unit_test(a_rollback_forgets_its_rows),
		cmocka_unit_test(due_by_time_and_by_room),
		cmocka_unit_test(a_failed_transaction_takes_its_checkpoint_along),
		cmocka_unit_test(every_cell),
		cmocka_unit_test(every_row_gone_doubled_exchanged),
		cmocka_unit_test(seq_zero_and_cut_tails),
		cmocka_unit_test(what_does_not_belong),
		cmocka_unit_test(progress_rises_to_the_end),
		cmocka_unit_test(many_keys_are_counted),
		cmocka_unit_test(hostile_checkpoints_are_no_crash),
		cmocka_unit_test(a_log_goes_on_begins_anew_or_is_cut),
		cmocka_unit_test(verify_tells_of_a_pools_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
