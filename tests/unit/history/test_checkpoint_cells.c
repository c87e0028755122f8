/* checkpoint: a history of 500 rows in which every cell is changed, every row deleted, doubled
 * and exchanged, each by itself, and verify finds each one. */
#include "tests/unit/history/checkpoint_bed.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell),
		cmocka_unit_test(every_row_gone_doubled_exchanged),
		cmocka_unit_test(seq_zero_and_cut_tails),
		cmocka_unit_test(what_does_not_belong),
		cmocka_unit_test(progress_rises_to_the_end),
		cmocka_unit_test(many_keys_are_counted),
		cmocka_unit_test(hostile_checkpoints_are_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
