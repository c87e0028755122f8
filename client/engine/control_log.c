/* Control log: entries in one array with an index of key hashes beside it. */
#include "client/engine/control_log.h"

#include "client/engine/hash.h"
#include "model/mem.h"

#include <stdlib.h>
#include <string.h>

#define KEY_LIFE_MS (24 * 3600 * 1000)
#define KEYS_MIN 1024
#define KEYS_MAX 65536 /* younger than a day: beyond it only what nothing refuses is taken */
#define BATCH 256      /* so that a full log is not moved by every change */

static uint64_t hash_of(const char *key)
{
	return hash_bytes(key, strlen(key), 0);
}

void control_log_add(
	struct control_log *l, const struct store_record *r, int64_t boot_ms, uint64_t ticket)
{
	mem_grow(&l->entries, &l->cap, l->count + 1, sizeof *l->entries);
	mem_grow(&l->hashes, &l->hash_cap, l->count + 1, sizeof *l->hashes);
	struct log_entry *e = &l->entries[l->count];
	*e = (struct log_entry){.seq = r->seq,
		.boot_ms = boot_ms,
		.from_bp = r->from_bp,
		.to_bp = r->to_bp,
		.epoch = r->epoch,
		.rev = r->rev,
		.body_hash = r->body_hash,
		.ticket = ticket};
	text_copy(e->what, sizeof e->what, r->what);
	text_copy(e->key, sizeof e->key, r->key);
	text_copy(e->actor, sizeof e->actor, r->actor);
	text_copy(e->reason, sizeof e->reason, r->reason);
	l->hashes[l->count++] = hash_of(r->key);
}

void control_log_cut(struct control_log *l, int64_t seq)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->count; i++) {
		if (l->entries[i].seq >= seq)
			continue;
		l->hashes[kept] = l->hashes[i];
		l->entries[kept++] = l->entries[i];
	}
	l->count = kept;
}

struct log_entry *control_log_find(const struct control_log *l, const char *key)
{
	uint64_t hash = hash_of(key);
	for (size_t i = l->count; i-- > 0;) {
		if (l->hashes[i] == hash && !strcmp(l->entries[i].key, key))
			return &l->entries[i];
	}
	return NULL;
}

static int64_t age(const struct log_entry *e, struct instant now)
{
	return now.boot_ms > e->boot_ms ? now.boot_ms - e->boot_ms : 0;
}

void control_log_prune(struct control_log *l, struct instant now)
{
	size_t old = l->count >= KEYS_MAX + BATCH ? BATCH : 0;
	while (l->count - old > KEYS_MIN && age(&l->entries[old], now) > KEY_LIFE_MS)
		old++;
	if (old < BATCH)
		return;
	l->count -= old;
	memmove(l->entries, l->entries + old, l->count * sizeof *l->entries);
	memmove(l->hashes, l->hashes + old, l->count * sizeof *l->hashes);
}

bool control_log_is_crowded(const struct control_log *l, struct instant now)
{
	return l->count >= KEYS_MAX && age(&l->entries[0], now) <= KEY_LIFE_MS;
}

void control_log_free(struct control_log *l)
{
	free(l->entries);
	free(l->hashes);
	*l = (struct control_log){0};
}

size_t control_log_audit(const struct control_log *l, int64_t since, struct audit_entry *out,
	size_t max, struct instant now)
{
	size_t n = 0;
	for (size_t i = 0; i < l->count && n < max; i++) {
		const struct log_entry *from = &l->entries[i];
		if (!from->seq || from->seq <= since)
			continue;
		struct audit_entry *e = &out[n++];
		*e = (struct audit_entry){.seq = from->seq,
			.from_bp = from->from_bp,
			.to_bp = from->to_bp,
			.epoch = from->epoch,
			.rev = from->rev,
			.age_ms = age(from, now)};
		text_copy(e->what, sizeof e->what, from->what);
		text_copy(e->key, sizeof e->key, from->key);
		text_copy(e->actor, sizeof e->actor, from->actor);
		text_copy(e->reason, sizeof e->reason, from->reason);
	}
	return n;
}
