/* Chain: hashes, signatures, the person's key, and the check of a whole file. It makes
 * tampering evident, it does not prevent it: who holds the key and the file can write another
 * history, but not one that fits a head seen elsewhere. Not the samples: proof.c.
 *
 * Invariants:
 * 1. The hash of a row covers the hash before it, its table, its seq, the signer's key and
 * name, and every column.
 * 2. seq counts 1, 2, 3, … over all chained tables together. */
#include "history/chain.h"

#include "history/proof.h"
#include "history/schema.h"
#include "history/signers.h"
#include "history/trail.h"
#include "model/text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(CHAIN_HASH == crypto_hash_sha256_BYTES, "SHA-256");
_Static_assert(CHAIN_KEY == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(CHAIN_SIGNATURE == crypto_sign_BYTES, "Ed25519");

#define SEED_HEX (2 * crypto_sign_SEEDBYTES) /* the key file: a seed in hex and a newline */

/* ---- hashes and signatures ---- */

/* Bytes on their way into a hash: a row has many short fields, and each update has its price. */
struct feed {
	crypto_hash_sha256_state *state;
	size_t len;
	unsigned char bytes[1024];
};

static void feed_flush(struct feed *f)
{
	crypto_hash_sha256_update(f->state, f->bytes, f->len);
	f->len = 0;
}

static void feed_add(struct feed *f, const void *data, size_t len)
{
	if (len > sizeof f->bytes - f->len)
		feed_flush(f);
	if (len > sizeof f->bytes) {
		crypto_hash_sha256_update(f->state, data, len);
		return;
	}
	if (len > 0)
		memcpy(f->bytes + f->len, data, len);
	f->len += len;
}

static void feed_length(struct feed *f, uint64_t n)
{
	unsigned char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(n >> (56 - 8 * i));
	feed_add(f, bytes, sizeof bytes);
}

static void put_fields(
	crypto_hash_sha256_state *state, const struct chain_field *fields, size_t count)
{
	struct feed f;

	f.state = state;
	f.len = 0;
	for (size_t i = 0; i < count; i++) {
		feed_length(&f, fields[i].data == NULL ? 0 : (uint64_t)fields[i].len + 1);
		if (fields[i].data != NULL)
			feed_add(&f, fields[i].data, fields[i].len);
	}
	feed_flush(&f);
}

void chain_hash(unsigned char out[CHAIN_HASH], const unsigned char previous[CHAIN_HASH],
	const struct chain_field *fields, size_t count)
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, previous, CHAIN_HASH);
	put_fields(&state, fields, count);
	crypto_hash_sha256_final(&state, out);
}

void chain_sign(unsigned char out[CHAIN_SIGNATURE], const unsigned char hash[CHAIN_HASH],
	const struct chain_key *key)
{
	crypto_sign_detached(out, NULL, hash, CHAIN_HASH, key->secret);
}

bool chain_signed_by(const unsigned char hash[CHAIN_HASH],
	const unsigned char signature[CHAIN_SIGNATURE], const unsigned char public_key[CHAIN_KEY])
{
	return crypto_sign_verify_detached(signature, hash, CHAIN_HASH, public_key) == 0;
}

void chain_hex(char *out, const unsigned char *bytes, size_t len)
{
	sodium_bin2hex(out, 2 * len + 1, bytes, len);
}

bool chain_unhex(unsigned char *out, size_t len, const char *hex)
{
	size_t got = 0;

	return hex != NULL && sodium_hex2bin(out, len, hex, strlen(hex), NULL, &got, NULL) == 0 &&
		got == len;
}

void chain_digest(char out[POOL_HASH_MAX], const char *text, size_t len)
{
	unsigned char hash[CHAIN_HASH];

	crypto_hash_sha256(hash, (const unsigned char *)text, len);
	chain_hex(out, hash, sizeof hash);
}

static void observed_id(char out[POOL_ID_MAX], const struct chain_field *fields, size_t count)
{
	crypto_hash_sha256_state state;
	unsigned char hash[CHAIN_HASH];

	crypto_hash_sha256_init(&state);
	put_fields(&state, fields, count);
	crypto_hash_sha256_final(&state, hash);
	out[0] = 'o';
	out[1] = '-';
	chain_hex(out + 2, hash, 16);
}

#define FIELD_TEXT(s) ((struct chain_field){(s), strlen(s)})

void chain_entry_id(
	char out[POOL_ID_MAX], const char *pool_id, const char *node_id, int64_t epoch, int64_t seq)
{
	char digits[2][24];

	snprintf(digits[0], sizeof digits[0], "%lld", (long long)epoch);
	snprintf(digits[1], sizeof digits[1], "%lld", (long long)seq);
	observed_id(out,
		(const struct chain_field[]){FIELD_TEXT(pool_id), FIELD_TEXT(node_id),
			FIELD_TEXT(digits[0]), FIELD_TEXT(digits[1])},
		4);
}

void chain_shared_key_id(char out[POOL_ID_MAX], const char *pool_id, const char *key)
{
	observed_id(out, (const struct chain_field[]){FIELD_TEXT(pool_id), FIELD_TEXT(key)}, 2);
}

void chain_observed_id(
	char out[POOL_ID_MAX], const char *pool_id, const char *node_id, int64_t seq)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%lld", (long long)seq);
	observed_id(out,
		(const struct chain_field[]){
			FIELD_TEXT(pool_id), FIELD_TEXT(node_id), FIELD_TEXT(digits)},
		3);
}

/* ---- the person's key ---- */

/* Reads the seed from an open key file that nobody else may read. */
static int read_seed(unsigned char *seed, int fd, const char *path, struct err *err)
{
	char hex[SEED_HEX + 2];
	struct stat st;
	size_t len = 0;
	ssize_t got;

	if (fstat(fd, &st) < 0)
		return err_set(
			err, ERR_FILE, "the key \"%s\" cannot be read: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return err_set(err, ERR_UNSAFE_FILE,
			"the key \"%s\" must be a file of yours that only you can read; run: chmod 600 on "
			"it",
			path);
	got = read(fd, hex, sizeof hex);
	if (got == SEED_HEX + 1 && hex[SEED_HEX] == '\n')
		sodium_hex2bin(seed, crypto_sign_SEEDBYTES, hex, SEED_HEX, NULL, &len, NULL);
	sodium_memzero(hex, sizeof hex);
	if (len != crypto_sign_SEEDBYTES)
		return err_set(err, ERR_DAMAGED, "\"%s\" is no key; remove it to get a new one", path);
	return 0;
}

static int write_seed(int fd, const unsigned char *seed)
{
	char hex[SEED_HEX + 1];
	bool good;

	sodium_bin2hex(hex, sizeof hex, seed, crypto_sign_SEEDBYTES);
	hex[SEED_HEX] = '\n';
	good = write(fd, hex, sizeof hex) == (ssize_t)sizeof hex && fsync(fd) == 0;
	sodium_memzero(hex, sizeof hex);
	return good ? 0 : -1;
}

uint32_t chain_random(void)
{
	return randombytes_random();
}

/* Makes the key under a name of its own and links it into place, so that of two processes that
 * start at once both use the one that came first. */
static int make_key(const char *path, struct err *err)
{
	unsigned char seed[crypto_sign_SEEDBYTES];
	struct text own = {0};
	int fd, code = -1;

	text_addf(&own, "%s.%ld.%08x", path, (long)getpid(), (unsigned)chain_random());
	fd = open(text_str(&own), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		randombytes_buf(seed, sizeof seed);
		code = write_seed(fd, seed);
		sodium_memzero(seed, sizeof seed);
		if (close(fd) < 0)
			code = -1;
		if (code == 0 && link(text_str(&own), path) < 0 && errno != EEXIST)
			code = -1;
	}
	if (code < 0)
		err_set(err, ERR_FILE, "the key \"%s\" cannot be made: %s", path, strerror(errno));
	if (fd >= 0)
		unlink(text_str(&own));
	text_free(&own);
	return code;
}

static int load_key(struct chain_key *key, const char *path, struct err *err)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
	unsigned char seed[crypto_sign_SEEDBYTES];
	int code, fd = open(path, flags);

	if (fd < 0 && errno == ENOENT) {
		if (make_key(path, err) < 0)
			return -1;
		fd = open(path, flags);
	}
	if (fd < 0)
		return err_set(
			err, ERR_FILE, "the key \"%s\" cannot be read: %s", path, strerror(errno));
	code = read_seed(seed, fd, path, err);
	close(fd);
	if (code == 0)
		crypto_sign_seed_keypair(key->public_key, key->secret, seed);
	sodium_memzero(seed, sizeof seed);
	return code;
}

int chain_key_load(struct chain_key *key, const char *dir, struct err *err)
{
	struct text path = {0};
	int code;

	_Static_assert(sizeof key->secret == crypto_sign_SECRETKEYBYTES, "Ed25519");
	if (sodium_init() < 0)
		return err_set(err, ERR_SYSTEM, "libsodium cannot start: no randomness");
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(
			err, ERR_FILE, "the directory \"%s\" cannot be made: %s", dir, strerror(errno));
	text_addf(&path, "%s/key.ed25519", dir);
	code = load_key(key, text_str(&path), err);
	text_free(&path);
	return code;
}

void chain_key_wipe(struct chain_key *key)
{
	sodium_memzero(key, sizeof *key);
}

/* ---- verification ---- */

enum { FIRST_COLUMN = 6, FIXED_FIELDS = 4 }; /* of the SELECT; of the hash */

#define HEAD_DIGITS_MIN 16 /* of a head that was seen elsewhere: as many as are printed */

struct walk {
	sqlite3 *db;
	const char *path;
	sqlite3_stmt *rows[SCHEMA_CHAINED];
	bool more[SCHEMA_CHAINED];
	unsigned char head[CHAIN_HASH];
	bool head_found;
};

static int fail(struct walk *w, int code, struct err *err)
{
	return schema_result(err, w->db, code, "verifying the history", w->path) == SCHEMA_OK ? 0
																						  : -1;
}

static int walk_step(struct walk *w, int table, struct err *err)
{
	const int code = sqlite3_step(w->rows[table]);

	w->more[table] = code == SQLITE_ROW;
	return fail(w, code, err);
}

static int walk_begin(struct walk *w, struct err *err)
{
	for (int t = 0; t < SCHEMA_CHAINED; t++) {
		const struct schema_chained *what = &schema_chained[t];
		struct text sql = {0};
		int code;

		text_add(&sql, "SELECT t.seq, k.public_key, k.actor, t.hash, t.signature, t.key");
		for (const char *const *c = what->columns; *c != NULL; c++)
			text_addf(&sql, ", t.\"%s\"", *c);
		text_addf(&sql, " FROM %s AS t LEFT JOIN key AS k ON k.id = t.key ORDER BY t.seq",
			what->table);
		code = schema_prepare(&w->rows[t], w->db, text_str(&sql), w->path, err);
		text_free(&sql);
		if (code < 0 || walk_step(w, t, err) < 0)
			return -1;
	}
	return 0;
}

/* How many rows there are to check. */
static int count_rows(struct walk *w, int64_t *total, struct err *err)
{
	sqlite3_stmt *s = NULL;
	struct text sql = {0};
	int code;

	text_add(&sql, "SELECT (SELECT count(*) FROM sample NOT INDEXED)");
	for (int t = 0; t < SCHEMA_CHAINED; t++)
		text_addf(&sql, " + (SELECT count(*) FROM %s NOT INDEXED)", schema_chained[t].table);
	code = schema_prepare(&s, w->db, text_str(&sql), w->path, err);
	text_free(&sql);
	if (code == 0) {
		code = fail(w, sqlite3_step(s), err);
		*total = sqlite3_column_int64(s, 0);
	}
	sqlite3_finalize(s);
	return code;
}

/* The table whose next row has the lowest seq, -1 when all are read. */
static int walk_lowest(const struct walk *w)
{
	int lowest = -1;

	for (int t = 0; t < SCHEMA_CHAINED; t++)
		if (w->more[t] &&
			(lowest < 0 ||
				sqlite3_column_int64(w->rows[t], 0) < sqlite3_column_int64(w->rows[lowest], 0)))
			lowest = t;
	return lowest;
}

struct chain_field chain_field_of(sqlite3_stmt *row, int column)
{
	struct chain_field f = {NULL, 0};

	if (sqlite3_column_type(row, column) != SQLITE_NULL) {
		f.data = sqlite3_column_text(row, column);
		f.len = (size_t)sqlite3_column_bytes(row, column);
		if (f.data == NULL) /* a blob without bytes */
			f.data = "";
	}
	return f;
}

static bool unhex(unsigned char *out, size_t size, struct chain_field hex)
{
	size_t len = 0;

	return hex.data != NULL && hex.len == 2 * size &&
		sodium_hex2bin(out, size, hex.data, hex.len, NULL, &len, NULL) == 0 && len == size;
}

/* What is wrong with the row, NULL when nothing is; advances the head over it. */
static const char *judge_row(struct walk *w, int table, int64_t expected)
{
	sqlite3_stmt *row = w->rows[table];
	struct chain_field fields[FIXED_FIELDS + SCHEMA_COLUMNS_MAX];
	unsigned char hash[CHAIN_HASH], stored[CHAIN_HASH], signature[CHAIN_SIGNATURE],
		public_key[CHAIN_KEY];
	const int64_t seq = sqlite3_column_int64(row, 0);
	size_t count = 0;

	if (seq > expected)
		return "a row before it is missing";
	if (seq < expected)
		return "two rows have this seq";
	fields[count++] =
		(struct chain_field){schema_chained[table].table, strlen(schema_chained[table].table)};
	for (int c = 0; c < 3; c++)
		fields[count++] = chain_field_of(row, c);
	for (int c = FIRST_COLUMN; c < sqlite3_column_count(row); c++)
		fields[count++] = chain_field_of(row, c);
	chain_hash(hash, w->head, fields, count);
	if (!unhex(stored, sizeof stored, chain_field_of(row, 3)) ||
		memcmp(hash, stored, sizeof hash) != 0)
		return "its content or its place does not match its hash";
	if (!unhex(public_key, sizeof public_key, chain_field_of(row, 1)))
		return "its signer is not in the file";
	if (!unhex(signature, sizeof signature, chain_field_of(row, 4)) ||
		!chain_signed_by(hash, signature, public_key))
		return "its signature is not of the key in the file";
	memcpy(w->head, hash, sizeof hash);
	return NULL;
}

/* True when the head that was seen elsewhere, whole or its beginning, is this one. */
static bool is_head(const char *seen, const char *head)
{
	const size_t len = seen != NULL ? strlen(seen) : 0;

	return len >= HEAD_DIGITS_MIN && strncmp(seen, head, len) == 0;
}

static int walk_rows(struct chain_report *out, struct walk *w, const char *head, int64_t total,
	void (*progress)(void *ctx, int64_t done, int64_t all), void *ctx, struct err *err)
{
	for (int table; (table = walk_lowest(w)) >= 0;) {
		const char *why = judge_row(w, table, out->head_seq + 1);

		if (why != NULL) {
			out->broken_seq = sqlite3_column_int64(w->rows[table], 0);
			if (out->broken_seq == 0) /* which says whole; no row has this seq by right */
				out->broken_seq = -1;
			text_copy(out->table, sizeof out->table, schema_chained[table].table);
			text_copy(out->why, sizeof out->why, why);
			return 0;
		}
		out->rows++;
		out->head_seq++;
		signers_count(out, sqlite3_column_int64(w->rows[table], FIRST_COLUMN - 1));
		chain_hex(out->head, w->head, CHAIN_HASH);
		if (is_head(head, out->head))
			w->head_found = true;
		if (progress != NULL && out->rows % 256 == 0)
			progress(ctx, out->rows, total);
		if (walk_step(w, table, err) < 0)
			return -1;
	}
	if (head != NULL && head[0] != '\0' && !w->head_found) {
		out->broken_seq = out->head_seq + 1;
		snprintf(out->why, sizeof out->why,
			"the tail was cut: the head %.12s that was seen elsewhere is not in the file",
			head);
		text_clean_in(out->why, sizeof out->why);
	}
	return 0;
}

/* Whether every index fits its table: an index that was emptied hides rows which are all there.
 * Not of samples: they have none. */
static int check_indexes(struct chain_report *out, struct walk *w, struct err *err)
{
	static const char *const tables[] = {
		"key", "recording", "decision", "outcome", "event", "series", "pool", "node"};
	int code = 0;

	for (size_t i = 0; i < sizeof tables / sizeof *tables && code == 0; i++) {
		struct text sql = {0};
		sqlite3_stmt *s = NULL;

		text_addf(&sql, "PRAGMA integrity_check('%s')", tables[i]);
		code = schema_prepare(&s, w->db, text_str(&sql), w->path, err);
		text_free(&sql);
		if (code == 0)
			code = fail(w, sqlite3_step(s), err);
		const char *said = code == 0 ? (const char *)sqlite3_column_text(s, 0) : NULL;

		if (code == 0 && out->broken_seq == 0 && (said == NULL || strcmp(said, "ok") != 0)) {
			out->broken_seq = out->head_seq + 1;
			text_copy(out->table, sizeof out->table, tables[i]);
			text_copy(out->why, sizeof out->why, "an index does not fit its rows");
		}
		sqlite3_finalize(s);
	}
	return code;
}

static int verify(struct chain_report *out, const char *path, const char *head,
	const struct chain_scope *scope,
	void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx, struct err *err)
{
	struct walk w = {.path = path};
	int64_t total = 0;
	int code;

	*out = (struct chain_report){.first_key = UNKNOWN, .last_key = UNKNOWN};
	if (schema_open_readonly(&w.db, path, err) < 0)
		return -1;
	/* one transaction: the four tables are read as they stood at one moment */
	code = fail(&w, sqlite3_exec(w.db, "BEGIN", NULL, NULL, NULL), err);
	if (code == 0 && progress != NULL)
		code = count_rows(&w, &total, err);
	if (code == 0)
		code = walk_begin(&w, err);
	if (code == 0)
		code = signers_read(out, w.db, path, err);
	if (code == 0)
		code = walk_rows(out, &w, head, total, progress, ctx, err);
	/* behind the rows, as these say more of what was changed */
	if (code == 0 && out->broken_seq == 0)
		code = check_indexes(out, &w, err);
	if (code == 0)
		code = signers_distinct(&out->keys, w.db, path, err);
	if (code == 0 && out->broken_seq == 0)
		code = proof_samples(out, w.db, path, scope, total, progress, ctx, err);
	if (code == 0 && out->broken_seq == 0)
		code = trail_verify(out, w.db, path, err);
	if (progress != NULL)
		progress(ctx, total, total);
	for (int t = 0; t < SCHEMA_CHAINED; t++)
		sqlite3_finalize(w.rows[t]);
	sqlite3_close(w.db);
	return code;
}

int chain_verify(struct chain_report *out, const char *path, const char *head,
	void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx, struct err *err)
{
	return verify(out, path, head, NULL, progress, ctx, err);
}

int chain_verify_near(struct chain_report *out, const char *path,
	const struct chain_scope *scope, struct err *err)
{
	return verify(out, path, NULL, scope, NULL, NULL, err);
}
