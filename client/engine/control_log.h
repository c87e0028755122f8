/* Control log: the accepted changes and void keys that a control remembers, oldest first, found
 * by their keys. Not their durable form, which is the store's. */
#ifndef WEIR_CLIENT_ENGINE_CONTROL_LOG_H
#define WEIR_CLIENT_ENGINE_CONTROL_LOG_H

#include "client/engine/store_record.h"
#include "model/unit.h"

struct log_entry {
	int64_t seq;     /* 0: a void key */
	int64_t boot_ms; /* when, on this boot's clock; below 0 for one of an earlier boot */
	char what[STORE_WHAT_MAX];
	int from_bp, to_bp;
	int64_t epoch, rev;
	uint64_t body_hash;
	uint64_t ticket; /* of the store; 0: it is on the disk, or there is none */
	char key[POOL_ID_MAX];
	char actor[POOL_ACTOR_MAX];
	char reason[POOL_REASON_MAX];
};

/* Zero-initialised it is empty. */
struct control_log {
	struct log_entry *entries;
	size_t count, cap;
	uint64_t *hashes; /* of the keys */
	size_t hash_cap;
};

void control_log_add(
	struct control_log *l, const struct store_record *r, int64_t boot_ms, uint64_t ticket);

/* Forgets all changes with at least this seq. */
void control_log_cut(struct control_log *l, int64_t seq);

/* NULL when the key is not known. Borrowed until the next call that changes the log. */
struct log_entry *control_log_find(const struct control_log *l, const char *key);

/* Lets go what is old: keys live a day and a thousand of them at least, but never more than
 * there is room for. */
void control_log_prune(struct control_log *l, struct instant now);

/* True when there is no room for a key that may be refused. */
bool control_log_is_crowded(const struct control_log *l, struct instant now);

void control_log_free(struct control_log *l);

/* Copies entries with seq > since, oldest first, at most `max`; ages are as of now. */
size_t control_log_audit(const struct control_log *l, int64_t since, struct audit_entry *out,
	size_t max, struct instant now);

#endif
