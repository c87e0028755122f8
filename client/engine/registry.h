/* Registry: who is registered under an address, found at once however many there are. Not
 * thread-safe: it belongs to whoever holds the lock around it. */
#ifndef WEIR_CLIENT_ENGINE_REGISTRY_H
#define WEIR_CLIENT_ENGINE_REGISTRY_H

#include "model/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REF_TYPE_MAX 32

/* An address: a kind of worker and which one of it. Both are names (text_is_name). */
struct ref {
	char type[REF_TYPE_MAX];
	char id[POOL_ID_MAX];
};

/* Fills a ref; false, leaving it empty, where one of both is no name or too long. */
bool ref_of(struct ref *out, const char *type, const char *id);
/* True when both parts are names that end within their bounds. */
bool ref_is_good(const struct ref *ref);

struct registry_entry {
	uint64_t hash;
	const struct ref *ref; /* NULL: free */
	void *what;
};

/* Zero-initialised but for `seed` it is empty. */
struct registry {
	uint64_t seed; /* secret, so that nobody can choose addresses that collide */
	struct registry_entry *entries;
	size_t size, count; /* size: 0 or a power of two */
};

/* What is registered under an address; NULL nothing. */
void *registry_find(const struct registry *g, const struct ref *ref);

/* Registers `what`, which nothing is registered for yet; `ref` lives as long as the entry. */
void registry_add(struct registry *g, const struct ref *ref, void *what);

/* Takes an entry out; false when there was none. */
bool registry_remove(struct registry *g, const struct ref *ref);

/* Walks all in no order: begins with *at = 0, ends with NULL. Nothing may be added or removed
 * on the way. */
void *registry_next(const struct registry *g, size_t *at);

/* Bytes that it holds itself. */
size_t registry_bytes(const struct registry *g);

/* Forgets all; what was registered stays its owner's. */
void registry_release(struct registry *g);

#endif
