#define _GNU_SOURCE
/* A history file that is damaged, foreign, newer, unsafe, edited or cut: what is said of it, and what is
 * told of it again. Each case is named after its row of the fault catalogue. */
#include "tests/e2e/storage_bed.h"

/* ---- 58: damaged, foreign, newer, unsafe ---- */

static void execute(const char *path, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static char *read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	*len = (size_t)ftell(file);
	rewind(file);
	char *bytes = malloc(*len + 1);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, *len, file), *len);
	fclose(file);
	return bytes;
}

static void write_file(const char *path, const char *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* A history with decisions, outcomes, a recording and events, closed well. */
static void make_history(struct fixture *f)
{
	manual_pool(f);
	assert_status(f, run(f, NULL, ARGS(STEP, "--wait", "--reason", "a reason")), 0);
	process_release(&f->p);
	assert_int_equal(world_run(&f->w, &f->p, NULL,
						 ARGS("record", "checkout", "--out", f->history, "--for", "400ms",
							 "--config", f->w.config)),
		0);
	assert_status(f, run(f, NULL, ARGS("annotate", "a note")), 0);
	assert_status(f, run(f, NULL, ARGS(ROLLBACK, "--wait")), 0);
	assert_true(world_verified(&f->w, f->history));
}

/* `log` says why, a step is refused, the brakes work, and the file is left as it was. */
static void check_unusable(struct fixture *f, const char *name, const char *code)
{
	size_t before_len, len;
	world_path(&f->w, f->history, name);
	char *before = read_file(f->history, &before_len);
	if (code) {
		assert_status(f, run(f, NULL, ARGS("log")), 1);
		assert_says(f, code);
		assert_status(f, run(f, NULL, ARGS("verify", f->history)), 1);
		assert_says(f, code);
	}
	if (world_fact(&f->w, "share_bp") == 0) {
		world_path(&f->w, f->history, "other.db");
		assert_status(f, run(f, NULL, ARGS("resume", "checkout", "--confirm", "checkout")), 0);
		assert_status(f, run(f, NULL, ARGS(STEP)), 0);
		world_path(&f->w, f->history, name);
	}
	check_refused(f, NULL, "5%");
	check_brakes(f, NULL);
	char *now = read_file(f->history, &len);
	assert_int_equal(len, before_len);
	assert_memory_equal(now, before, len);
	free(before);
	free(now);
}

#define FORMAT_AT 47 /* of a database: the number of its schema's format, lowest byte */

static void row_58_a_file_that_is_no_good_history(void **state)
{
	struct fixture *f = *state;
	char path[WORLD_PATH];
	size_t len;
	make_history(f);
	char *good = read_file(f->history, &len);
	world_path(&f->w, path, "list.db");
	world_write(path,
		"this is a shopping list, not a database, and it is longer than a header\n"
		"so that nobody takes it for an empty one: milk, bread, salt, tea, soap\n");
	check_unusable(f, "list.db", "W203");
	world_path(&f->w, path, "foreign.db");
	execute(path, "CREATE TABLE recipes (name TEXT)");
	check_unusable(f, "foreign.db", "W203");
	world_path(&f->w, path, "newer.db");
	write_file(path, good, len);
	execute(path, "PRAGMA user_version = 99");
	check_unusable(f, "newer.db", "W205");
	world_path(&f->w, path, "format.db");
	char format = good[FORMAT_AT];
	good[FORMAT_AT] |= 64;
	write_file(path, good, len);
	good[FORMAT_AT] = format;
	check_unusable(f, "format.db", "W203");
	world_path(&f->w, path, "open.db");
	write_file(path, good, len);
	assert_int_equal(chmod(path, 0666), 0);
	check_unusable(f, "open.db", NULL); /* reading it is no risk */
	assert_status(f, run(f, NULL, ARGS("log")), 0);
	struct process record;
	int status = world_run(&f->w, &record, NULL,
		ARGS("record", "checkout", "--out", path, "--for", "200ms", "--config", f->w.config));
	bool said = strstr(record.err.text, "everybody can write") != NULL;
	process_release(&record);
	assert_int_equal(status, 1);
	assert_true(said);
	free(good);
}

/* A link that leads nowhere makes no file where it points; one to a history is that history. */
static void row_58_a_symlink(void **state)
{
	struct fixture *f = *state;
	char nowhere[WORLD_PATH], link[WORLD_PATH];
	make_history(f);
	assert_status(f, run(f, NULL, ARGS(STEP)), 0);
	world_path(&f->w, nowhere, "nowhere.db");
	world_path(&f->w, link, "link.db");
	assert_int_equal(symlink(nowhere, link), 0);
	text_copy(f->history, sizeof f->history, link);
	check_refused(f, NULL, "5%");
	check_brakes(f, NULL);
	assert_int_equal(access(nowhere, F_OK), -1);
}

static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* A place among the first `len` bytes that holds something. */
static size_t used_byte(const char *bytes, size_t len, uint64_t *seed)
{
	size_t at;
	do
		at = next_random(seed) % len;
	while (!bytes[at]);
	return at;
}

/* The file anew, without what a step could not write back into the damaged one before it: a log
 * beside a file that is not its own would be taken for its last rows. */
static void replace_history(struct fixture *f, const char *bytes, size_t len)
{
	static const char *const besides[] = {"-wal", "-shm"};
	for (size_t i = 0; i < sizeof besides / sizeof *besides; i++) {
		char path[WORLD_PATH + 8];
		snprintf(path, sizeof path, "%s%s", f->history, besides[i]);
		assert_true(unlink(path) == 0 || errno == ENOENT);
	}
	write_file(f->history, bytes, len);
}

#define FLIPS 40

/* Whatever bits have fallen: said, or harmless; never a crash, never a step that is not
 * recorded, never other decisions than those that were made. */
static void row_58_flipped_bits(void **state)
{
	struct fixture *f = *state;
	uint64_t seed = 58;
	size_t len;
	int found = 0;
	make_history(f);
	char *bytes = read_file(f->history, &len);
	assert_status(f, run(f, NULL, ARGS("log", "--json")), 0);
	char *good = strdup(f->p.out.text);
	world_path(&f->w, f->history, "flipped.db");
	for (int i = 0; i < FLIPS; i++) {
		/* The header and the first pages are what most is decided by. */
		size_t at = used_byte(bytes, i % 2 ? len : 4096 * (size_t)(1 + i % 5), &seed);
		char bit = (char)(1 << next_random(&seed) % 8);
		bytes[at] ^= bit;
		replace_history(f, bytes, len);
		bytes[at] ^= bit;
		int verified = run(f, NULL, ARGS("verify", f->history));
		if (verified != 0 && verified != 1 && verified != 5)
			fail_msg("bit at %zu: verify ends with %d: %s", at, verified, f->p.err.text);
		found += verified != 0;
		int logged = run(f, NULL, ARGS("log", "--json"));
		if (logged != 0 && logged != 1)
			fail_msg("bit at %zu: log ends with %d: %s", at, logged, f->p.err.text);
		if (verified == 0 && logged == 0 && strcmp(f->p.out.text, good) != 0)
			fail_msg("bit at %zu: whole, and tells another story: %s", at, f->p.out.text);
		int64_t done = world_fact(&f->w, "audit_seq");
		int stepped = run(f, NULL,
			ARGS("step", "checkout", world_fact(&f->w, "share_bp") ? "0%" : "1%", "--confirm",
				"checkout"));
		bool changed = world_fact(&f->w, "audit_seq") != done;
		if (stepped != 0 && stepped != 3 && (stepped != 6 || changed))
			fail_msg("bit at %zu: step ends with %d: %s", at, stepped, f->p.err.text);
	}
	printf("flipped bits: %d of %d were noticed by verify\n", found, FLIPS);
	free(bytes);
	free(good);
}

/* ---- 59: edited, deleted, reordered, cut ---- */

static const struct {
	const char *table, *columns[20];
} chained[] = {
	{"recording",
		{"seq", "started_ms", "interval_ms", "version", "operator", "host", "config",
			"config_hash", "policy", "policy_hash", "key", "hash", "signature"}},
	{"decision",
		{"seq", "id", "pool", "pool_id", "at_ms", "actor", "role", "verb", "from_bp", "to_bp",
			"reason", "epoch", "rev", "observed", "late", "evidence", "key", "hash",
			"signature"}},
	{"outcome",
		{"seq", "decision", "row", "node", "kind", "at_ms", "latency_ms", "answer", "key",
			"hash", "signature"}},
	{"event",
		{"seq", "at_ms", "pool", "node_id", "recording", "tick", "kind", "text", "detail",
			"key", "hash", "signature"}},
};

#define UNLOCKED \
	"PRAGMA ignore_check_constraints = ON;" \
	"DROP TRIGGER IF EXISTS recording_stays; DROP TRIGGER IF EXISTS recording_kept;" \
	"DROP TRIGGER IF EXISTS decision_stays; DROP TRIGGER IF EXISTS decision_kept;" \
	"DROP TRIGGER IF EXISTS outcome_stays; DROP TRIGGER IF EXISTS outcome_kept;" \
	"DROP TRIGGER IF EXISTS event_stays; DROP TRIGGER IF EXISTS event_kept;" \
	"DROP TRIGGER IF EXISTS key_stays; DROP TRIGGER IF EXISTS key_kept;" \
	"DROP TRIGGER IF EXISTS series_stays; DROP INDEX IF EXISTS series_of;" \
	"DROP TRIGGER IF EXISTS sample_stays; DROP TRIGGER IF EXISTS sample_kept;"

/* Changes a copy of the history and expects `verify` to find it. */
static void check_found(struct fixture *f, const char *bytes, size_t len, const char *sql)
{
	char all[2048], path[WORLD_PATH];
	world_path(&f->w, path, "changed.db");
	write_file(path, bytes, len);
	snprintf(all, sizeof all, UNLOCKED "%s", sql);
	execute(path, all);
	process_release(&f->p);
	int status = world_run(&f->w, &f->p, NULL, ARGS("verify", path));
	if (status != 5 || !says(f, "W206") || !says(f, "BROKEN"))
		fail_msg("%s: verify ends with %d: %s%s", sql, status, f->p.out.text, f->p.err.text);
}

static void row_59_every_column_edited(void **state)
{
	struct fixture *f = *state;
	size_t len;
	int count = 0;
	make_history(f);
	char *bytes = read_file(f->history, &len);
	for (size_t t = 0; t < sizeof chained / sizeof *chained; t++)
		for (const char *const *c = chained[t].columns; *c; c++, count++) {
			char sql[512];
			const char *name = chained[t].table;
			snprintf(sql, sizeof sql,
				"UPDATE %s SET \"%s\" = CASE typeof(\"%s\") WHEN 'integer' THEN \"%s\" + 1000 "
				"WHEN 'text' THEN \"%s\" || '0' ELSE 1 END "
				"WHERE seq = (SELECT min(seq) FROM %s);",
				name, *c, *c, *c, *c, name);
			check_found(f, bytes, len, sql);
		}
	free(bytes);
	printf("edited: %d columns, all found\n", count);
}

static void row_59_deleted_reordered_forged(void **state)
{
	static const char *const changes[] = {
		/* deleted */
		"DELETE FROM decision WHERE seq = (SELECT min(seq) FROM decision);",
		"DELETE FROM outcome WHERE seq = (SELECT min(seq) FROM outcome);",
		"DELETE FROM event WHERE seq = (SELECT min(seq) FROM event);",
		"DELETE FROM recording;",
		/* two rows change places */
		"UPDATE outcome SET seq = -1 WHERE seq = (SELECT min(seq) FROM outcome);"
		"UPDATE outcome SET seq = (SELECT min(seq) FROM outcome WHERE seq > 0) - 1"
		" WHERE seq = (SELECT max(seq) FROM outcome);",
		/* a row of nobody's */
		"INSERT INTO decision SELECT 1 + (SELECT max(seq) FROM outcome) + 100, id || 'x', pool,"
		" pool_id, at_ms, actor, role, verb, from_bp, to_bp, reason, epoch, rev, observed, late,"
		" evidence, key, hash, signature FROM decision LIMIT 1;",
		/* another's name on the key, another key */
		"UPDATE key SET actor = 'mallory@ops';",
		"UPDATE key SET public_key = replace(public_key, substr(public_key, 1, 1),"
		" CASE substr(public_key, 1, 1) WHEN 'a' THEN 'b' ELSE 'a' END);",
	};
	struct fixture *f = *state;
	size_t len;
	make_history(f);
	char *bytes = read_file(f->history, &len);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		check_found(f, bytes, len, changes[i]);
	free(bytes);
}

/* Samples are no rows of the chain: checkpoints in it have them. */
static void row_59_samples_edited(void **state)
{
	static const char *const changes[] = {
		"UPDATE sample SET ok = coalesce(ok, 0) + 1"
		" WHERE key = (SELECT max(key) FROM sample);",
		"DELETE FROM sample WHERE key = (SELECT max(key) FROM sample);",
		"INSERT INTO sample (key, at_ms, interval_ms, flags)"
		" SELECT max(key) + (1 << 28), at_ms, interval_ms, 0 FROM sample;",
		"UPDATE series SET arm = CASE arm WHEN 'v1' THEN 'v2' ELSE 'v1' END;",
		"DELETE FROM event WHERE kind = 'checkpoint';",
	};
	struct fixture *f = *state;
	size_t len;
	make_history(f);
	process_release(&f->p);
	assert_int_equal(world_run(&f->w, &f->p, NULL, ARGS("verify", f->history)), 0);
	assert_says(f, "under 1 checkpoint");
	assert_says(f, "  key ");
	assert_string_equal(f->p.err.text, ""); /* a bar is for terminals */
	char *bytes = read_file(f->history, &len);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		check_found(f, bytes, len, changes[i]);
	free(bytes);
}

/* A program and a person read whose rows there are, by which key. */
static void row_59_keys_of_persons(void **state)
{
	struct fixture *f = *state;
	make_history(f);
	process_release(&f->p);
	assert_int_equal(world_run(&f->w, &f->p, NULL, ARGS("verify", f->history, "--json")), 0);
	cJSON *report = cJSON_Parse(f->p.out.text);
	const cJSON *keys = cJSON_GetObjectItem(report, "keys"), *one;
	double rows = 0;
	assert_true(cJSON_GetArraySize(keys) >= 1);
	cJSON_ArrayForEach(one, keys)
	{
		assert_int_equal(strlen(world_word(one, "key")), 64);
		rows += cJSON_GetObjectItem(one, "rows")->valuedouble;
	}
	assert_true(rows == cJSON_GetObjectItem(report, "rows")->valuedouble);
	cJSON_Delete(report);
	/* a key that signs nothing is told of */
	execute(f->history, UNLOCKED "INSERT INTO key VALUES (99, 'c0ffee', 'mallory@ops');");
	assert_status(f, run(f, NULL, ARGS("verify", f->history)), 0);
	assert_says(f, "mallory@ops");
	assert_says(f, "signs nothing");
}

/* Without the newest rows a file is whole in itself: a head that was seen elsewhere tells. */
static void row_59_tail_cut(void **state)
{
	struct fixture *f = *state;
	make_history(f);
	process_release(&f->p);
	assert_int_equal(world_run(&f->w, &f->p, NULL, ARGS("verify", f->history, "--json")), 0);
	cJSON *report = cJSON_Parse(f->p.out.text);
	char head[80];
	text_copy(head, sizeof head, world_word(report, "head"));
	cJSON_Delete(report);
	assert_status(f, run(f, NULL, ARGS("verify", "--head", head)), 0);
	head[16] = '\0'; /* as it is printed at exit */
	assert_status(f, run(f, NULL, ARGS("verify", "--head", head)), 0);
	execute(f->history,
		UNLOCKED "DELETE FROM outcome WHERE seq = (SELECT max(seq) FROM outcome);"
				 "DELETE FROM event WHERE seq > (SELECT max(seq) FROM outcome);");
	assert_status(f, run(f, NULL, ARGS("verify", "--head", head)), 5);
	assert_says(f, "W206");
	assert_says(f, "cut");
}

/* ---- 60: replay of a damaged, old or foreign file ---- */

static void row_60_replay_of_a_damaged_file(void **state)
{
	struct fixture *f = *state;
	uint64_t seed = 60;
	size_t len;
	char path[WORLD_PATH];
	make_history(f);
	char *bytes = read_file(f->history, &len);
	world_path(&f->w, path, "damaged.db");
	for (int i = 0; i < FLIPS; i++) {
		size_t at = used_byte(bytes, i % 2 ? len : 4096 * (size_t)(1 + i % 5), &seed);
		char bit = (char)(1 << next_random(&seed) % 8);
		size_t kept = i % 8 == 7 ? at : len; /* some end too early */
		bytes[at] ^= bit;
		write_file(path, bytes, kept);
		bytes[at] ^= bit;
		process_release(&f->p);
		int status =
			world_run(&f->w, &f->p, NULL, ARGS("replay", path, "--headless", "--json"));
		if (status != 0 && status != 1)
			fail_msg("bit at %zu: replay ends with %d: %s", at, status, f->p.err.text);
		if (status == 1 && !says(f, "W2") && !says(f, "W0"))
			fail_msg("bit at %zu: replay does not say why: %s", at, f->p.err.text);
	}
	free(bytes);
}

/* A replay says so on every screen, and no key of it reaches the pool. */
static void row_60_replay_commands_nothing(void **state)
{
	struct fixture *f = *state;
	make_history(f);
	int64_t done = world_fact(&f->w, "audit_seq");
	glass_open(&f->g, &f->w, 80, 24, NULL, ARGS("replay", f->history, "--config", f->w.config));
	assert_true(glass_wait(&f->g, "REPLAY", NULL, 10000));
	pty_send(&f->g.pty, "Sy");
	pty_send(&f->g.pty, "H");
	pty_send(&f->g.pty, "Ry");
	pty_send(&f->g.pty, "?");
	assert_true(pty_wait_text(&f->g.pty, "REPLAY", 5000));
	pty_send(&f->g.pty, "\033");
	process_release(&f->p);
	assert_int_equal(world_fact(&f->w, "audit_seq"), done);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(row_58_a_file_that_is_no_good_history),
		TEST(row_58_a_symlink),
		TEST(row_58_flipped_bits),
		TEST(row_59_every_column_edited),
		TEST(row_59_deleted_reordered_forged),
		TEST(row_59_samples_edited),
		TEST(row_59_keys_of_persons),
		TEST(row_59_tail_cut),
		TEST(row_60_replay_of_a_damaged_file),
		TEST(row_60_replay_commands_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
