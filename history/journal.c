/* Journal: the rows of the chain and the identities. Not the order of work: writer.c has it.
 *
 * Invariants:
 * 1. The lock is held from before BEGIN until after COMMIT or ROLLBACK, also around
 * checkpoints.
 * 2. The head that a row is chained to was read in the same transaction; one that is rolled back
 *    leaves the head as it was. */
#include "history/journal.h"

#include "history/place.h"
#include "model/text.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define WAL_LIMIT_BYTES (4 * 1024 * 1024)
#define PAGE_BYTES 4096

enum statement {
	FIND_HEAD,
	ADD_KEY,
	FIND_KEY,
	FIND_DECISION,
	FIND_OUTCOME,
	MAKE_OWN,
	PIN_POOL,
	PIN_NODE,
	SET_CURSOR,
	STATEMENTS
};

static const char *const statements[STATEMENTS] = {
	/* each newest row is looked up: max(seq) beside another column reads the whole table */
	[FIND_HEAD] = "SELECT seq, hash FROM decision WHERE seq = (SELECT max(seq) FROM decision)"
				  " UNION ALL SELECT seq, hash FROM outcome"
				  " WHERE seq = (SELECT max(seq) FROM outcome)"
				  " UNION ALL SELECT seq, hash FROM event WHERE seq = (SELECT max(seq) FROM event)"
				  " UNION ALL SELECT seq, hash FROM recording"
				  " WHERE seq = (SELECT max(seq) FROM recording) ORDER BY seq DESC LIMIT 1",
	[ADD_KEY] = "INSERT OR IGNORE INTO key (public_key, actor) VALUES (?1, ?2)",
	[FIND_KEY] = "SELECT id FROM key WHERE public_key = ?1 AND actor = ?2",
	[FIND_DECISION] = "SELECT observed, epoch, pool, pool_id FROM decision WHERE id = ?1",
	[FIND_OUTCOME] = "SELECT 1 FROM outcome WHERE decision = ?1 AND row = ?2"
					 " AND (row <> 'node' OR (node = ?3 AND kind = ?4))",
	[MAKE_OWN] = "SELECT json_object('actor', ?1, 'role', ?2, 'verb', ?3, 'from_bp', ?4,"
				 " 'to_bp', ?5, 'reason', ?6, 'epoch', ?7, 'rev', ?8, 'evidence',"
				 " json(iif(json_valid(?9), ?9, '{}')))",
	[PIN_POOL] = "INSERT INTO pool VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO UPDATE"
				 " SET last_seen_ms = max(last_seen_ms, excluded.last_seen_ms)",
	[PIN_NODE] =
		"INSERT INTO node (pool, target, node, node_id, driver, first_seen_ms,"
		" last_seen_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT DO UPDATE"
		" SET last_seen_ms = max(last_seen_ms, excluded.last_seen_ms), node = excluded.node,"
		" driver = excluded.driver",
	[SET_CURSOR] = "UPDATE node SET audit_seq = ?3 WHERE pool = ?1 AND node_id = ?2",
};

static const char *const row_words[] = {[OUTCOME_ROW_NODE] = "node",
	[OUTCOME_ROW_FINAL] = "final",
	[OUTCOME_ROW_VERIFIED] = "verified"};

_Static_assert(
	STATEMENTS <= sizeof((struct journal *)0)->other / sizeof(sqlite3_stmt *), "room");

static enum schema_result result(struct journal *j, int code, struct err *err)
{
	return schema_result(err, j->db, code, "writing the history", j->path);
}

/* Runs a bound statement to its end (no row is read) and readies it for the next use. */
static enum schema_result run(struct journal *j, sqlite3_stmt *s, struct err *err)
{
	const enum schema_result r = result(j, sqlite3_step(s), err);

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return r;
}

/* Binding fails only for lack of memory or a wrong index. */
static void bind_text(sqlite3_stmt *s, int at, const char *value)
{
	const int code = sqlite3_bind_text(s, at, value, -1, SQLITE_STATIC);

	assert(code == SQLITE_OK);
}

static void bind_int(sqlite3_stmt *s, int at, int64_t value)
{
	const int code =
		value == UNKNOWN ? sqlite3_bind_null(s, at) : sqlite3_bind_int64(s, at, value);

	assert(code == SQLITE_OK);
}

static const char *column_text(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text != NULL ? text : "";
}

/* ---- opening, closing ---- */

static int prepare_append(struct journal *j, int table, struct err *err)
{
	const struct schema_chained *what = &schema_chained[table];
	struct text sql = {0};
	int code;

	text_addf(&sql, "INSERT INTO %s (seq, key, hash, signature", what->table);
	for (const char *const *c = what->columns; *c != NULL; c++)
		text_addf(&sql, ", \"%s\"", *c);
	text_add(&sql, ") VALUES (?, ?, ?, ?");
	for (const char *const *c = what->columns; *c != NULL; c++)
		text_add(&sql, ", ?");
	text_add(&sql, ")");
	code = schema_prepare(&j->append[table], j->db, text_str(&sql), j->path, err);
	text_free(&sql);
	return code;
}

/* The log's length after each commit. */
static int note_wal(void *ctx, sqlite3 *db, const char *name, int pages)
{
	struct journal *j = ctx;

	(void)db;
	(void)name;
	j->wal_pages = pages;
	return SQLITE_OK;
}

/* Needs the lock: a checkpoint must not meet another's commit. A reader in the way is no
 * failure and is not waited for, as everybody who writes would wait with us: the next commit
 * tries again. */
static void checkpoint(struct journal *j)
{
	int code;

	sqlite3_busy_timeout(j->db, 0);
	code = sqlite3_wal_checkpoint_v2(j->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(j->db, (int)j->lock_ms);
	if (code == SQLITE_OK)
		j->wal_pages = 0;
}

static enum schema_result read_head(struct journal *j, struct err *err)
{
	sqlite3_stmt *s = j->other[FIND_HEAD];
	const int code = sqlite3_step(s);
	enum schema_result r = result(j, code, err);

	j->seq = 0;
	memset(j->head, 0, sizeof j->head);
	if (code == SQLITE_ROW) {
		const char *hex = (const char *)sqlite3_column_text(s, 1);

		j->seq = sqlite3_column_int64(s, 0);
		if (!chain_unhex(j->head, sizeof j->head, hex)) {
			err_set(err, ERR_DAMAGED, "the newest row of \"%s\" has no hash; run: weir verify",
				j->path);
			r = SCHEMA_BROKEN;
		}
	}
	sqlite3_reset(s);
	return r;
}

static int open_locked(struct journal *j, bool must_be_new, struct err *err)
{
	if (schema_open(&j->db, j->path, must_be_new, err) < 0)
		return -1;
	for (int t = 0; t < SCHEMA_CHAINED; t++)
		if (prepare_append(j, t, err) < 0)
			return -1;
	for (int s = 0; s < STATEMENTS; s++)
		if (schema_prepare(&j->other[s], j->db, statements[s], j->path, err) < 0)
			return -1;
	sqlite3_wal_hook(j->db, note_wal, j);
	return read_head(j, err) == SCHEMA_OK ? 0 : -1;
}

int journal_open(struct journal *j, const char *path, const char *actor, const char *key_dir,
	bool must_be_new, struct err *err)
{
	struct stat st;
	int code;

	*j = (struct journal){.lock = {-1}, .lock_ms = LOCK_LIMIT_MS};
	text_copy(j->actor, sizeof j->actor, actor);
	if (!text_copy(j->path, sizeof j->path, path))
		return err_set(err, ERR_FILE, "the path \"%.60s…\" is too long", path);
	/* before a lock file is left beside somebody's file */
	if (must_be_new && stat(path, &st) == 0)
		return err_set(err, ERR_FILE, "\"%s\" exists already; name a new file", path);
	if (place_make(path, err) < 0 || chain_key_load(&j->key, key_dir, err) < 0 ||
		lock_open(&j->lock, path, err) < 0 || lock_take(&j->lock, LOCK_LIMIT_MS, err) < 0)
		return -1;
	code = open_locked(j, must_be_new, err);
	lock_give(&j->lock);
	return code;
}

void journal_close(struct journal *j)
{
	const bool locked = j->lock.fd >= 0 && lock_take(&j->lock, j->lock_ms, NULL) == 0;

	if (j->db != NULL && locked)
		checkpoint(j);
	for (int t = 0; t < SCHEMA_CHAINED; t++)
		sqlite3_finalize(j->append[t]);
	for (int s = 0; s < STATEMENTS; s++)
		sqlite3_finalize(j->other[s]);
	if (j->db != NULL &&
		!locked) /* the last to close checkpoints by itself: not without lock */
		sqlite3_db_config(j->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(j->db);
	if (locked)
		lock_give(&j->lock);
	lock_close(&j->lock);
	chain_key_wipe(&j->key);
	*j = (struct journal){.lock = {-1}};
}

/* ---- transactions ---- */

/* The row of `key` that signs; added once a file. */
static enum schema_result find_key(struct journal *j, struct err *err)
{
	char public_key[2 * CHAIN_KEY + 1];
	enum schema_result r;
	int code;

	chain_hex(public_key, j->key.public_key, CHAIN_KEY);
	for (enum statement s = ADD_KEY; s <= FIND_KEY; s++) {
		bind_text(j->other[s], 1, public_key);
		bind_text(j->other[s], 2, j->actor);
	}
	r = run(j, j->other[ADD_KEY], err);
	if (r == SCHEMA_OK) {
		code = sqlite3_step(j->other[FIND_KEY]);
		r = result(j, code, err);
		if (code == SQLITE_ROW)
			j->key_id = sqlite3_column_int64(j->other[FIND_KEY], 0);
	}
	sqlite3_reset(j->other[FIND_KEY]);
	sqlite3_clear_bindings(j->other[FIND_KEY]);
	return r;
}

/* What is written to a file that has lost its name, nobody will find again. */
static enum schema_result check_place(struct journal *j, struct err *err)
{
	int moved = 0;

	if (sqlite3_file_control(j->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK ||
		!moved)
		return SCHEMA_OK;
	err_set(err, ERR_HISTORY,
		"\"%s\" was moved, replaced or removed while it was open; put it back and start again",
		j->path);
	return SCHEMA_BROKEN;
}

enum schema_result journal_begin(struct journal *j, struct err *err)
{
	enum schema_result r;

	if (lock_take(&j->lock, j->lock_ms, err) < 0)
		return SCHEMA_LATER;
	r = check_place(j, err);
	if (r == SCHEMA_OK)
		r = result(j, sqlite3_exec(j->db, "BEGIN IMMEDIATE", NULL, NULL, NULL), err);
	if (r != SCHEMA_OK) {
		lock_give(&j->lock);
		return r;
	}
	r = read_head(j, err);
	j->begun_seq = j->seq;
	memcpy(j->begun_head, j->head, sizeof j->begun_head);
	if (r == SCHEMA_OK && j->key_id == 0)
		r = find_key(j, err);
	if (r != SCHEMA_OK)
		journal_rollback(j);
	return r;
}

enum schema_result journal_commit(struct journal *j, struct err *err)
{
	const enum schema_result r =
		result(j, sqlite3_exec(j->db, "COMMIT", NULL, NULL, NULL), err);

	if (r != SCHEMA_OK) {
		journal_rollback(j);
		return r;
	}
	if (j->wal_pages >= WAL_LIMIT_BYTES / PAGE_BYTES)
		checkpoint(j);
	lock_give(&j->lock);
	return SCHEMA_OK;
}

void journal_rollback(struct journal *j)
{
	if (sqlite3_get_autocommit(j->db) == 0)
		sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
	j->key_id = 0;
	j->seq = j->begun_seq;
	memcpy(j->head, j->begun_head, sizeof j->head);
	lock_give(&j->lock);
}

void journal_head(const struct journal *j, char out[POOL_HASH_MAX])
{
	out[0] = '\0';
	if (j->seq > 0)
		chain_hex(out, j->head, CHAIN_HASH);
}

/* ---- rows ---- */

/* A value of a chained column: a text, else a number. */
struct cell {
	const char *text;
	int64_t number; /* UNKNOWN: null */
};

#define CELL_TEXT(s) ((struct cell){.text = (s)})
#define CELL_INT(n) ((struct cell){.number = (n)})

/* Adds a row with the table's columns in their order: chained, signed. */
static enum schema_result append(
	struct journal *j, enum schema_table table, const struct cell *cells, struct err *err)
{
	enum { FIXED = 4 };
	char public_key[2 * CHAIN_KEY + 1], hex[2 * CHAIN_HASH + 1];
	char signature_hex[2 * CHAIN_SIGNATURE + 1];
	char digits[SCHEMA_COLUMNS_MAX + 1][24];
	unsigned char hash[CHAIN_HASH], signature[CHAIN_SIGNATURE];
	struct chain_field fields[FIXED + SCHEMA_COLUMNS_MAX];
	const struct schema_chained *what = &schema_chained[table];
	sqlite3_stmt *s = j->append[table];
	const int64_t seq = j->seq + 1;
	size_t count = 0;
	enum schema_result r;

	chain_hex(public_key, j->key.public_key, CHAIN_KEY);
	snprintf(digits[SCHEMA_COLUMNS_MAX], sizeof *digits, "%lld", (long long)seq);
	fields[count++] = (struct chain_field){what->table, strlen(what->table)};
	fields[count++] =
		(struct chain_field){digits[SCHEMA_COLUMNS_MAX], strlen(digits[SCHEMA_COLUMNS_MAX])};
	fields[count++] = (struct chain_field){public_key, strlen(public_key)};
	fields[count++] = (struct chain_field){j->actor, strlen(j->actor)};
	for (int c = 0; what->columns[c] != NULL; c++) {
		const char *value = cells[c].text;

		if (value != NULL) {
			bind_text(s, FIXED + 1 + c, value);
		} else {
			bind_int(s, FIXED + 1 + c, cells[c].number);
			if (cells[c].number != UNKNOWN) {
				snprintf(digits[c], sizeof *digits, "%lld", (long long)cells[c].number);
				value = digits[c];
			}
		}
		fields[count++] = (struct chain_field){value, value != NULL ? strlen(value) : 0};
	}
	chain_hash(hash, j->head, fields, count);
	chain_sign(signature, hash, &j->key);
	chain_hex(hex, hash, sizeof hash);
	chain_hex(signature_hex, signature, sizeof signature);
	bind_int(s, 1, seq);
	bind_int(s, 2, j->key_id);
	bind_text(s, 3, hex);
	bind_text(s, 4, signature_hex);
	r = run(j, s, err);
	if (r == SCHEMA_OK) {
		j->seq = seq;
		memcpy(j->head, hash, sizeof hash);
	}
	return r;
}

static struct cell cell_share(int bp)
{
	return CELL_INT(bp < 0 ? UNKNOWN : bp);
}

enum schema_result journal_decision(
	struct journal *j, const struct decision *d, struct err *err)
{
	const struct cell cells[] = {CELL_TEXT(d->id), CELL_TEXT(d->pool), CELL_TEXT(d->pool_id),
		CELL_INT(d->at_ms), CELL_TEXT(d->actor), CELL_TEXT(d->role),
		CELL_TEXT(verb_row(d->verb)->word), cell_share(d->from_bp), cell_share(d->to_bp),
		CELL_TEXT(d->reason), CELL_INT(d->epoch), CELL_INT(d->rev), CELL_INT(d->observed),
		CELL_INT(d->late), CELL_TEXT(d->evidence[0] != '\0' ? d->evidence : "{}")};

	return append(j, SCHEMA_DECISION, cells, err);
}

/* Adds a row about a decision where the file has not got it. */
static enum schema_result add_outcome(
	struct journal *j, const struct cell *cells, bool *added, struct err *err)
{
	sqlite3_stmt *s = j->other[FIND_OUTCOME];
	enum schema_result r;
	int code;

	for (int c = 0; c < 4; c++)
		bind_text(s, c + 1, cells[c].text);
	code = sqlite3_step(s);
	r = result(j, code, err);
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	*added = r == SCHEMA_OK && code == SQLITE_DONE;
	return *added ? append(j, SCHEMA_OUTCOME, cells, err) : r;
}

enum schema_result journal_outcome(
	struct journal *j, const struct outcome_row *row, bool *added, struct err *err)
{
	const struct cell cells[] = {CELL_TEXT(row->decision), CELL_TEXT(row_words[row->row]),
		CELL_TEXT(row->node), CELL_TEXT(outcome_name(row->kind)), CELL_INT(row->at_ms),
		CELL_INT(row->latency_ms), CELL_TEXT(row->answer)};

	return add_outcome(j, cells, added, err);
}

/* What of an own intent the row that another process wrote could not say. */
static enum schema_result complete(struct journal *j, const struct decision *d, struct err *err)
{
	const struct cell own[] = {CELL_TEXT(d->actor), CELL_TEXT(d->role),
		CELL_TEXT(verb_row(d->verb)->word), cell_share(d->from_bp), cell_share(d->to_bp),
		CELL_TEXT(d->reason), CELL_INT(d->epoch), CELL_INT(d->rev), CELL_TEXT(d->evidence)};
	sqlite3_stmt *s = j->other[MAKE_OWN];
	enum schema_result r;
	bool added;

	for (int c = 0; c < (int)(sizeof own / sizeof *own); c++)
		if (own[c].text != NULL)
			bind_text(s, c + 1, own[c].text);
		else
			bind_int(s, c + 1, own[c].number);
	r = result(j, sqlite3_step(s), err);
	if (r == SCHEMA_OK) {
		const struct cell cells[] = {CELL_TEXT(d->id), CELL_TEXT(row_words[OUTCOME_ROW_NODE]),
			CELL_TEXT(""), CELL_TEXT(SCHEMA_OWN), CELL_INT(d->at_ms), CELL_INT(UNKNOWN),
			CELL_TEXT(column_text(s, 0))};

		r = add_outcome(j, cells, &added, err);
	}
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return r;
}

/* An intent from before the first answer of its pool knows the pool by name only. */
static bool is_same_pool(const struct journal_found *f, const struct decision *d)
{
	return d->pool_id[0] != '\0' ? strcmp(f->pool_id, d->pool_id) == 0
								 : strcmp(f->pool, d->pool) == 0;
}

enum schema_result journal_intent(struct journal *j, const struct decision *d, struct err *err)
{
	struct journal_found found;
	const enum schema_result r = journal_find(j, d->id, &found, err);

	if (r != SCHEMA_OK)
		return r;
	if (found.known && found.observed && !d->observed && is_same_pool(&found, d))
		return complete(j, d, err);
	/* a late one may have been written already, by a try that was not heard of */
	return found.known && d->late ? SCHEMA_OK : journal_decision(j, d, err);
}

enum schema_result journal_event(
	struct journal *j, const struct journal_event *e, struct err *err)
{
	const struct cell cells[] = {CELL_INT(e->at_ms), CELL_TEXT(e->pool), CELL_TEXT(e->node_id),
		CELL_INT(e->recording), CELL_INT(e->tick), CELL_TEXT(e->kind), CELL_TEXT(e->text),
		{.text = e->detail, .number = UNKNOWN}};

	return append(j, SCHEMA_EVENT, cells, err);
}

enum schema_result journal_event_alone(
	struct journal *j, const struct journal_event *e, struct err *err)
{
	enum schema_result r = journal_begin(j, err);

	if (r != SCHEMA_OK)
		return r;
	r = journal_event(j, e, err);
	if (r == SCHEMA_OK)
		return journal_commit(j, err);
	journal_rollback(j);
	return r;
}

enum schema_result journal_recording(
	struct journal *j, const struct journal_recording *r, int64_t *id, struct err *err)
{
	char config_hash[POOL_HASH_MAX], policy_hash[POOL_HASH_MAX];
	const struct cell cells[] = {CELL_INT(r->started_ms), CELL_INT(r->interval_ms),
		CELL_TEXT(r->version), CELL_TEXT(j->actor), CELL_TEXT(r->host), CELL_TEXT(r->config),
		CELL_TEXT(config_hash), CELL_TEXT(r->policy), CELL_TEXT(policy_hash)};
	enum schema_result result_code;

	chain_digest(config_hash, r->config, strlen(r->config));
	chain_digest(policy_hash, r->policy, strlen(r->policy));
	result_code = append(j, SCHEMA_RECORDING, cells, err);
	*id = j->seq;
	return result_code;
}

enum schema_result journal_node(
	struct journal *j, const struct journal_node *n, struct err *err)
{
	sqlite3_stmt *pool = j->other[PIN_POOL], *node = j->other[PIN_NODE];
	enum schema_result r;

	bind_text(pool, 1, n->pool);
	bind_text(pool, 2, n->pool_id);
	bind_int(pool, 3, n->at_ms);
	r = run(j, pool, err);
	if (r != SCHEMA_OK)
		return r;
	bind_text(node, 1, n->pool);
	bind_text(node, 2, n->target);
	bind_text(node, 3, n->node);
	bind_text(node, 4, n->node_id);
	bind_text(node, 5, n->driver);
	bind_int(node, 6, n->at_ms);
	return run(j, node, err);
}

enum schema_result journal_cursor(
	struct journal *j, const struct journal_node *n, int64_t audit_seq, struct err *err)
{
	sqlite3_stmt *s = j->other[SET_CURSOR];
	enum schema_result r;

	bind_text(s, 1, n->pool);
	bind_text(s, 2, n->node_id);
	bind_int(s, 3, audit_seq);
	r = run(j, s, err);
	if (r != SCHEMA_OK || sqlite3_changes(j->db) > 0)
		return r;
	/* never announced: the cursor needs a row to stand in */
	r = journal_node(j, n, err);
	if (r != SCHEMA_OK)
		return r;
	bind_text(s, 1, n->pool);
	bind_text(s, 2, n->node_id);
	bind_int(s, 3, audit_seq);
	return run(j, s, err);
}

enum schema_result journal_find(
	struct journal *j, const char *id, struct journal_found *out, struct err *err)
{
	sqlite3_stmt *s = j->other[FIND_DECISION];
	enum schema_result r;
	int code;

	*out = (struct journal_found){.epoch = UNKNOWN};
	bind_text(s, 1, id);
	code = sqlite3_step(s);
	r = result(j, code, err);
	if (code == SQLITE_ROW) {
		out->known = true;
		out->observed = sqlite3_column_int(s, 0) != 0;
		if (sqlite3_column_type(s, 1) != SQLITE_NULL)
			out->epoch = sqlite3_column_int64(s, 1);
		text_copy(out->pool, sizeof out->pool, column_text(s, 2));
		text_copy(out->pool_id, sizeof out->pool_id, column_text(s, 3));
	}
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return r;
}
