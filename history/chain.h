/* Chain: what makes the history tamper-evident. SHA-256 over length-prefixed fields of each row
 * and the hash before it, signed with the person's Ed25519 key. */
#ifndef WEIR_HISTORY_CHAIN_H
#define WEIR_HISTORY_CHAIN_H

#include "model/err.h"
#include "model/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAIN_HASH 32
#define CHAIN_KEY 32
#define CHAIN_SIGNATURE 64

struct sqlite3_stmt;

struct chain_key {
	unsigned char public_key[CHAIN_KEY];
	unsigned char secret[64];
};

/* Reads the person's key from `dir`/key.ed25519, making directory (0700) and file (0600) on
 * first use. A key others can read is refused (W204). */
int chain_key_load(struct chain_key *key, const char *dir, struct err *err);
void chain_key_wipe(struct chain_key *key);

struct chain_field {
	const void *data; /* NULL: absent, which differs from empty */
	size_t len;
};

/* hash = SHA-256(previous hash, then per field its 8-byte big-endian length + 1 (0: absent) and
 * its bytes). */
void chain_hash(unsigned char out[CHAIN_HASH], const unsigned char previous[CHAIN_HASH],
	const struct chain_field *fields, size_t count);
void chain_sign(unsigned char out[CHAIN_SIGNATURE], const unsigned char hash[CHAIN_HASH],
	const struct chain_key *key);
bool chain_signed_by(const unsigned char hash[CHAIN_HASH],
	const unsigned char signature[CHAIN_SIGNATURE], const unsigned char public_key[CHAIN_KEY]);
void chain_hex(char *out, const unsigned char *bytes, size_t len);
/* Reads exactly `len` bytes of hex (NULL is none); false for anything else. */
bool chain_unhex(unsigned char *out, size_t len, const char *hex);

/* A column of the current row as it is hashed: integers as decimal digits. Borrowed until the
 * statement's next step. */
struct chain_field chain_field_of(struct sqlite3_stmt *row, int column);

/* SHA-256 of a text as 64 hex digits: the plan hash, configuration hashes. */
void chain_digest(char out[POOL_HASH_MAX], const char *text, size_t len);

/* The id under which an entry of a pool's audit log that has no key is known to all recorders:
 * "o-" and 32 hex digits of the SHA-256 over (pool_id, node_id, epoch, seq), length-prefixed.
 * A log that was lost counts its entries anew, its epochs rise all the same. */
void chain_entry_id(char out[POOL_ID_MAX], const char *pool_id, const char *node_id,
	int64_t epoch, int64_t seq);

/* The same of an entry whose key is that of another pool's decision: over (pool_id, key). */
void chain_shared_key_id(char out[POOL_ID_MAX], const char *pool_id, const char *key);

/* As older files have it: over (pool_id, node_id, seq). A decision of this id is that of an
 * entry without a key only where the epochs are equal. */
void chain_observed_id(
	char out[POOL_ID_MAX], const char *pool_id, const char *node_id, int64_t seq);

#define CHAIN_SIGNERS_MAX 32

/* A person's key in the file, and what it signed. */
struct chain_signer {
	int64_t id;
	char actor[POOL_ACTOR_MAX];
	char key[POOL_HASH_MAX]; /* public, hex */
	int64_t rows;            /* up to the first broken one; 0: it signs nothing */
};

struct chain_report {
	int64_t rows;       /* of the chain, checked */
	int64_t broken_seq; /* 0: whole; of samples: the event that they do not fit */
	char table[16];     /* of the first broken row */
	char why[160];
	char head[POOL_HASH_MAX];
	int64_t head_seq;
	int keys;                                       /* distinct ones that sign */
	struct chain_signer signers[CHAIN_SIGNERS_MAX]; /* the first of them, in order of id */
	size_t signer_count;
	int64_t signers_more; /* those that had no room */

	/* samples are looked at only where the chain is whole */
	int64_t samples;          /* under a checkpoint, and held against it */
	int64_t samples_open;     /* not yet under one */
	int64_t samples_left;     /* under one, and not looked at; minutes, too */
	int64_t checkpoints;      /* events */
	int64_t checkpoints_read; /* whose samples were looked at */
	int64_t thinned, minutes; /* samples that became minutes, as events tell; those minutes */
	int64_t first_key, last_key; /* UNKNOWN, or between which a sample is wrong or missing */

	/* what the recorded documents say of the pools' own logs; no fault of this file */
	int64_t trail_seq; /* the first event that does not fit the one before it; 0 none */
	char trail_why[160];
};

/* A number that nobody can tell beforehand, for the name of a file until it is whole. */
uint32_t chain_random(void);

/* Verifies the whole file. 0 when it could be read (see broken_seq), -1 with err otherwise.
 * `head` (hex, the first 16 digits or more, or NULL): a head seen elsewhere, which must be in the
 * file, else the tail was cut. `progress` may be NULL; `total` counts samples, too. */
int chain_verify(struct chain_report *out, const char *path, const char *head,
	void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx, struct err *err);

/* Which samples matter most, where there are too many to look at all of them. */
struct chain_scope {
	const int64_t *moments_ms; /* wall clock; the first matter most */
	size_t moment_count;
	int64_t rows_max; /* samples and minutes, about: what a checkpoint covers is read whole */
};

/* Verifies all rows of the chain; of the samples all where they are few enough, else those of the
 * checkpoints over these moments. 0, or -1 with err, as chain_verify. */
int chain_verify_near(struct chain_report *out, const char *path,
	const struct chain_scope *scope, struct err *err);

#endif
