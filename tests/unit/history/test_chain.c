/* chain: keys, hashes, and every way in which a file can be changed. */
#include "tests/unit/history/fixture.h"

#include <fcntl.h>

/* SHA-256 over 32 zero bytes, the length 4 as "3 + 1" and "abc", the length 0: counted by hand
 * with sha256sum. */
static void hash_is_length_prefixed(void **state)
{
	const unsigned char zero[CHAIN_HASH] = {0};
	const struct chain_field fields[] = {{"abc", 3}, {NULL, 0}};
	const struct chain_field other[] = {{"abc", 3}, {"", 0}};
	const struct chain_field moved[] = {{"ab", 2}, {"c", 1}};
	const struct chain_field joined[] = {{"a", 1}, {"bc", 2}};
	unsigned char a[CHAIN_HASH], b[CHAIN_HASH];
	char hex[POOL_HASH_MAX];
	char bytes[32 + 8 + 3 + 8] = {0}, expected[POOL_HASH_MAX];

	(void)state;
	chain_hash(a, zero, fields, 2);
	bytes[39] = 4;
	memcpy(bytes + 40, "abc", 3);
	chain_digest(expected, bytes, sizeof bytes);
	chain_hex(hex, a, sizeof a);
	assert_string_equal(hex, expected);
	chain_hash(b, zero, other, 2);
	assert_memory_not_equal(a, b, CHAIN_HASH); /* absent is not empty */
	chain_hash(a, zero, moved, 2);
	chain_hash(b, zero, joined, 2);
	assert_memory_not_equal(a, b, CHAIN_HASH);
	chain_digest(hex, "abc", 3); /* FIPS 180-2 */
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void observed_id_is_of_all_three(void **state)
{
	char a[POOL_ID_MAX], b[POOL_ID_MAX];

	(void)state;
	chain_observed_id(a, "p", "n", 7);
	assert_int_equal(strlen(a), 34);
	assert_memory_equal(a, "o-", 2);
	chain_observed_id(b, "p", "n", 7);
	assert_string_equal(a, b);
	chain_observed_id(b, "p", "n", 8);
	assert_string_not_equal(a, b);
	chain_observed_id(b, "pn", "", 7);
	assert_string_not_equal(a, b);
}

static void key_is_made_once_and_kept_private(void **state)
{
	struct place p;
	struct chain_key a, b;
	struct err err = {0};
	struct stat st;
	char file[256];
	unsigned char hash[CHAIN_HASH] = {1}, signature[CHAIN_SIGNATURE];
	int fd;

	(void)state;
	place_make(&p);
	assert_int_equal(chain_key_load(&a, p.keys, &err), 0);
	assert_int_equal(chain_key_load(&b, p.keys, &err), 0);
	assert_memory_equal(&a, &b, sizeof a);
	snprintf(file, sizeof file, "%s/key.ed25519", p.keys);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(p.keys, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	chain_sign(signature, hash, &a);
	assert_true(chain_signed_by(hash, signature, a.public_key));
	hash[31] ^= 1;
	assert_false(chain_signed_by(hash, signature, a.public_key));
	chain_key_wipe(&a);
	for (size_t i = 0; i < sizeof a; i++)
		assert_int_equal(((unsigned char *)&a)[i], 0);

	chmod(file, 0640);
	assert_int_equal(chain_key_load(&a, p.keys, &err), -1);
	assert_int_equal(err.code, ERR_UNSAFE_FILE);
	chmod(file, 0600);
	fd = open(file, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "zz\n", 3), 3);
	close(fd);
	assert_int_equal(chain_key_load(&a, p.keys, &err), -1);
	assert_int_equal(err.code, ERR_DAMAGED);
	unlink(file);
	assert_int_equal(symlink("/dev/zero", file), 0);
	assert_int_equal(chain_key_load(&a, p.keys, &err), -1);
	assert_int_equal(err.code, ERR_FILE);
	place_clean(&p);
}

/* ---- a file of 60 rows, changed cell by cell ---- */

#define ROWS 64 /* a recording and its end, 15 decisions with 3 rows each, 2 events */

static void fill(const struct place *p, char head[POOL_HASH_MAX])
{
	struct history *h = start_opened(p, "kim@ops1");
	char id[32];

	history_recording(h, T0, 1000, "0.1", "ops1", "{}", "{}");
	for (int i = 0; i < 15; i++) {
		struct outcome_row row;

		snprintf(id, sizeof id, "d-%d", i);
		commit(h, id, T0 + i);
		for (int r = OUTCOME_ROW_NODE; r <= OUTCOME_ROW_VERIFIED; r++) {
			row = make_outcome(id, (enum outcome_row_kind)r, OUTCOME_APPLIED, T0 + i + 1);
			history_outcome(h, &row);
		}
	}
	for (int i = 0; i < 2; i++)
		history_event(h, T0 + i, "checkout", "drift", "it moved", "{}");
	settle(h);
	h = start(p, "kim@ops1");
	struct history_answer a;
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_OPENED);
	text_copy(head, POOL_HASH_MAX, a.hash);
	history_answer_release(&a);
	settle(h);
}

static int change(sqlite3 *db, const char *sql)
{
	const int code = sqlite3_exec(db, sql, NULL, NULL, NULL);

	if (code != SQLITE_OK)
		print_message("%s: %s\n", sql, sqlite3_errmsg(db));
	return code;
}

/* True when the changed copy is found broken. */
static bool is_broken(const char *path, const char *head)
{
	struct chain_report report;
	struct err err = {0};

	assert_int_equal(chain_verify(&report, path, head, NULL, NULL, &err), 0);
	assert_true(report.broken_seq == 0 || report.why[0] != '\0');
	return report.broken_seq != 0;
}

static void drop_triggers(sqlite3 *db)
{
	static const char *const tables[] = {"key", "recording", "decision", "outcome", "event"};
	char sql[200];

	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		snprintf(sql, sizeof sql, "DROP TRIGGER %s_stays; DROP TRIGGER %s_kept", tables[i],
			tables[i]);
		assert_int_equal(change(db, sql), SQLITE_OK);
	}
}

/* The i-th column of a table; false past the last. */
static bool column_of(sqlite3 *db, const char *table, int i, char name[32], bool *is_number)
{
	sqlite3_stmt *s;
	bool found;

	assert_int_equal(
		sqlite3_prepare_v2(
			db, "SELECT name, type FROM pragma_table_info(?1) LIMIT 1 OFFSET ?2", -1, &s, NULL),
		SQLITE_OK);
	sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 2, i);
	found = sqlite3_step(s) == SQLITE_ROW;
	if (found) {
		text_copy(name, 32, (const char *)sqlite3_column_text(s, 0));
		*is_number = strcmp((const char *)sqlite3_column_text(s, 1), "INTEGER") == 0;
	}
	sqlite3_finalize(s);
	return found;
}

/* Changes a cell of the middle row of `table`, looks, and puts the row back. */
static void change_cell(sqlite3 *db, const struct place *p, const char *head, const char *table,
	const char *column, bool is_number)
{
	char sql[500];

	snprintf(sql, sizeof sql,
		"CREATE TEMP TABLE at AS SELECT rowid AS i FROM %s ORDER BY rowid"
		" LIMIT 1 OFFSET (SELECT count(*) / 2 FROM %s); CREATE TEMP TABLE old AS"
		" SELECT * FROM %s WHERE rowid = (SELECT i FROM at)",
		table, table, table);
	assert_int_equal(change(db, sql), SQLITE_OK);
	if (is_number)
		snprintf(sql, sizeof sql,
			"UPDATE %s SET \"%s\" = coalesce(\"%s\", 0) + 1000"
			" WHERE rowid = (SELECT i FROM at)",
			table, column, column);
	else
		snprintf(sql, sizeof sql,
			"UPDATE %s SET \"%s\" = CASE WHEN coalesce(\"%s\", '') = ''"
			" THEN 'x' WHEN substr(\"%s\", 1, 1) = 'a' THEN 'b' || substr(\"%s\", 2)"
			" ELSE 'a' || substr(\"%s\", 2) END WHERE rowid = (SELECT i FROM at)",
			table, column, column, column, column, column);
	assert_int_equal(change(db, sql), SQLITE_OK);
	if (!is_broken(p->path, head))
		fail_msg("%s.%s can be changed", table, column);
	snprintf(sql, sizeof sql,
		"DELETE FROM %s WHERE rowid IN"
		" (SELECT i FROM at UNION SELECT i + 1000 FROM at); INSERT INTO %s SELECT * FROM old;"
		" DROP TABLE at; DROP TABLE old",
		table, table);
	assert_int_equal(change(db, sql), SQLITE_OK);
	assert_false(is_broken(p->path, head));
}

static void every_changed_cell_is_found(void **state)
{
	static const char *const tables[] = {"recording", "decision", "outcome", "event", "key"};
	struct place p;
	char head[POOL_HASH_MAX], name[32];
	bool is_number;
	sqlite3 *db;
	int cells = 0;

	(void)state;
	place_make(&p);
	fill(&p, head);
	assert_whole(p.path, head);
	assert_int_equal(sqlite3_open(p.path, &db), SQLITE_OK);
	drop_triggers(db);
	change(db,
		"PRAGMA synchronous = OFF; DROP INDEX outcome_once; DROP INDEX outcome_final;"
		"DROP INDEX outcome_verified; PRAGMA ignore_check_constraints = ON");
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
		for (int i = 0; column_of(db, tables[t], i, name, &is_number); i++, cells++)
			change_cell(db, &p, head, tables[t], name, is_number);
	assert_int_equal(cells, 12 + 19 + 11 + 12 + 3 + 1);
	sqlite3_close(db);
	place_clean(&p);
}

static void rows_cannot_go_come_or_change_places(void **state)
{
	static const struct {
		const char *change, *undo;
	} acts[] = {
		/* which row has which number is the writer's to say */
		{"CREATE TABLE b AS SELECT * FROM outcome ORDER BY seq LIMIT 1 OFFSET 3;"
		 "DELETE FROM outcome WHERE seq = (SELECT seq FROM b)",
			"INSERT INTO outcome SELECT * FROM b; DROP TABLE b"},
		{"CREATE TABLE b AS SELECT * FROM outcome ORDER BY seq LIMIT 2;"
		 "DELETE FROM outcome WHERE seq IN (SELECT seq FROM b);"
		 "UPDATE b SET seq = (SELECT sum(seq) FROM b) - seq; INSERT INTO outcome SELECT * FROM "
		 "b",
			"DELETE FROM outcome WHERE seq IN (SELECT seq FROM b);"
			"UPDATE b SET seq = (SELECT sum(seq) FROM b) - seq;"
			"INSERT INTO outcome SELECT * FROM b; DROP TABLE b"},
		{"INSERT INTO event SELECT 1000, at_ms, pool, '', NULL, NULL, 'x', reason, NULL, key, "
		 "hash,"
		 " signature FROM decision LIMIT 1",
			"DELETE FROM event WHERE seq = 1000"},
		{"INSERT INTO event SELECT seq, at_ms, pool, '', NULL, NULL, 'x', reason, NULL, key, "
		 "hash,"
		 " signature FROM decision ORDER BY seq LIMIT 1",
			"DELETE FROM event WHERE seq = (SELECT min(seq) FROM decision)"},
		/* the tail: only the head that was seen elsewhere tells */
		{"CREATE TABLE b AS SELECT * FROM outcome WHERE seq ="
		 " (SELECT max(seq) FROM outcome); DELETE FROM outcome WHERE seq = (SELECT seq FROM b)",
			"INSERT INTO outcome SELECT * FROM b; DROP TABLE b"},
	};
	struct place p;
	char head[POOL_HASH_MAX];
	struct chain_report report;
	struct err err = {0};
	sqlite3 *db;

	(void)state;
	place_make(&p);
	fill(&p, head);
	assert_int_equal(sqlite3_open(p.path, &db), SQLITE_OK);
	drop_triggers(db);
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
		assert_int_equal(change(db, acts[i].change), SQLITE_OK);
		if (!is_broken(p.path, head))
			fail_msg("not found: %s", acts[i].change);
		assert_int_equal(change(db, acts[i].undo), SQLITE_OK);
		assert_false(is_broken(p.path, head));
	}
	sqlite3_close(db);
	assert_int_equal(chain_verify(&report, p.path, NULL, NULL, NULL, &err), 0);
	assert_int_equal(report.rows, ROWS);
	assert_int_equal(report.head_seq, ROWS);
	assert_int_equal(report.keys, 1);
	assert_string_equal(report.head, head);
	place_clean(&p);
}

static void rows_are_append_only(void **state)
{
	struct place p;
	char head[POOL_HASH_MAX];
	sqlite3 *db;

	(void)state;
	place_make(&p);
	fill(&p, head);
	assert_int_equal(sqlite3_open(p.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE decision SET reason = 'x'", NULL, NULL, NULL),
		SQLITE_CONSTRAINT);
	assert_int_equal(
		sqlite3_exec(db, "DELETE FROM outcome", NULL, NULL, NULL), SQLITE_CONSTRAINT);
	assert_int_equal(
		sqlite3_exec(db, "UPDATE key SET actor = 'x'", NULL, NULL, NULL), SQLITE_CONSTRAINT);
	sqlite3_close(db);
	assert_whole(p.path, head);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_is_length_prefixed),
		cmocka_unit_test(observed_id_is_of_all_three),
		cmocka_unit_test(key_is_made_once_and_kept_private),
		cmocka_unit_test(every_changed_cell_is_found),
		cmocka_unit_test(rows_cannot_go_come_or_change_places),
		cmocka_unit_test(rows_are_append_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
