/* Tally: entries in the order they came, their keys in one block, and a table of places to find
 * them by. Not the executor: it knows no batch that waits and no partition.
 *
 * 1. The table is at most half full; a place holds an entry's number + 1, 0 is free.
 * 2. A call that fails has changed nothing: everything is checked before anything is added. */
#include "client/engine/tally.h"

#include "client/engine/hash.h"
#include "model/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A sum of up to 2^63 values of 64 bits, in two's complement. */
struct wide {
	uint64_t low;
	int64_t high;
};

struct entry {
	uint64_t hash;
	size_t key; /* where it begins in keys */
	size_t len;
	int64_t count;
	struct wide sum;
};

struct tally {
	size_t keys_max;
	uint64_t seed;
	struct entry *entries;
	size_t used, room;
	char *keys;
	size_t keys_len, keys_room;
	uint32_t *places;
	size_t size; /* a power of two */
	int64_t records;
};

static struct wide wide_of(int64_t value)
{
	return (struct wide){(uint64_t)value, value < 0 ? -1 : 0};
}

static struct wide wide_plus(struct wide a, struct wide b)
{
	uint64_t low = a.low + b.low;
	return (struct wide){low, a.high + b.high + (low < a.low)};
}

struct tally *tally_new(size_t keys_max, uint64_t seed)
{
	assert(keys_max > 0 && keys_max <= (size_t)1 << 31);
	struct tally *t = mem_new(1, sizeof *t);
	t->keys_max = keys_max;
	t->seed = seed;
	t->size = 64;
	t->places = mem_new(t->size, sizeof *t->places);
	return t;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	free(t->entries);
	free(t->keys);
	free(t->places);
	free(t);
}

void tally_clear(struct tally *t)
{
	memset(t->places, 0, t->size * sizeof *t->places);
	t->used = t->keys_len = 0;
	t->records = 0;
}

/* The place of a key, or the free one where it belongs. */
static size_t find(const struct tally *t, uint64_t hash, const char *key, size_t len)
{
	size_t at = (size_t)hash & (t->size - 1);
	for (; t->places[at]; at = (at + 1) & (t->size - 1)) {
		const struct entry *e = &t->entries[t->places[at] - 1];
		if (e->hash == hash && e->len == len && !memcmp(t->keys + e->key, key, len))
			break;
	}
	return at;
}

static void widen(struct tally *t)
{
	free(t->places);
	t->size *= 2;
	t->places = mem_new(t->size, sizeof *t->places);
	for (size_t i = 0; i < t->used; i++) {
		size_t at = (size_t)t->entries[i].hash & (t->size - 1);
		while (t->places[at])
			at = (at + 1) & (t->size - 1);
		t->places[at] = (uint32_t)(i + 1);
	}
}

/* The entry of a key, a new one where it has none. */
static struct entry *entry_of(struct tally *t, const char *key, size_t len)
{
	uint64_t hash = hash_bytes(key, len, t->seed);
	size_t at = find(t, hash, key, len);
	if (t->places[at])
		return &t->entries[t->places[at] - 1];
	if ((t->used + 1) * 2 > t->size) {
		widen(t);
		at = find(t, hash, key, len);
	}
	mem_grow(&t->entries, &t->room, t->used + 1, sizeof *t->entries);
	mem_grow(&t->keys, &t->keys_room, t->keys_len + len, 1);
	memcpy(t->keys + t->keys_len, key, len);
	struct entry *e = &t->entries[t->used++];
	*e = (struct entry){.hash = hash, .key = t->keys_len, .len = len};
	t->keys_len += len;
	t->places[at] = (uint32_t)t->used;
	return e;
}

static void add(struct tally *t, const char *key, size_t len, int64_t count, struct wide sum)
{
	struct entry *e = entry_of(t, key, len);
	e->count += count;
	e->sum = wide_plus(e->sum, sum);
	t->records += count;
}

static void add_all(struct tally *t, const struct tally_record *records, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(t, records[i].key, records[i].len, 1, wide_of(records[i].value));
}

static int check_room(const struct tally *t, const struct tally *from, struct err *err)
{
	/* At most this many are new, and mostly that is enough to know. */
	if (from->used <= t->keys_max - t->used)
		return 0;
	size_t fresh = 0;
	for (size_t i = 0; i < from->used; i++) {
		const struct entry *e = &from->entries[i];
		const char *key = from->keys + e->key;
		fresh += !t->places[find(t, hash_bytes(key, e->len, t->seed), key, e->len)];
	}
	if (fresh <= t->keys_max - t->used)
		return 0;
	return err_set(err, ERR_LIMIT,
		"the tally has room for %zu different keys, and has %zu: \"%zu\" more are too many",
		t->keys_max, t->used, fresh);
}

int tally_merge(struct tally *t, const struct tally *from, struct err *err)
{
	assert(t != from);
	if (check_room(t, from, err) < 0)
		return -1;
	for (size_t i = 0; i < from->used; i++) {
		const struct entry *e = &from->entries[i];
		add(t, from->keys + e->key, e->len, e->count, e->sum);
	}
	return 0;
}

int tally_add(struct tally *t, const struct tally_record *records, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (!records[i].key || !records[i].len)
			return err_set(err, ERR_FIELD, "record %zu of %zu has no key", i + 1, n);
		if (records[i].len > TALLY_KEY_MAX)
			return err_set(err, ERR_FIELD,
				"record %zu of %zu has a key of %zu bytes, \"%.40s…\": at most %d", i + 1, n,
				records[i].len, records[i].key, TALLY_KEY_MAX);
	}
	if (n <= t->keys_max - t->used) {
		add_all(t, records, n);
		return 0;
	}
	/* It may be too much: only its different keys tell. */
	struct tally *batch = tally_new((size_t)1 << 31, t->seed);
	add_all(batch, records, n);
	int done = tally_merge(t, batch, err);
	tally_free(batch);
	return done;
}

size_t tally_keys(const struct tally *t)
{
	return t->used;
}

int64_t tally_records(const struct tally *t)
{
	return t->records;
}

bool tally_at(const struct tally *t, size_t i, struct tally_sum *out)
{
	*out = (struct tally_sum){0};
	if (i >= t->used)
		return false;
	const struct entry *e = &t->entries[i];
	*out = (struct tally_sum){.key = t->keys + e->key, .len = e->len, .count = e->count};
	int64_t low;
	memcpy(&low, &e->sum.low, sizeof low);
	out->fits = e->sum.high == (low < 0 ? -1 : 0);
	out->sum = out->fits ? low : e->sum.high < 0 ? INT64_MIN : INT64_MAX;
	return true;
}

bool tally_get(const struct tally *t, const char *key, size_t len, struct tally_sum *out)
{
	uint32_t number = t->places[find(t, hash_bytes(key, len, t->seed), key, len)];
	return tally_at(t, number ? number - 1 : SIZE_MAX, out);
}

uint64_t tally_digest(const struct tally *t)
{
	/* A sum knows no order. Each entry is hashed with the length of its key. */
	uint64_t sum = 0;
	for (size_t i = 0; i < t->used; i++) {
		const struct entry *e = &t->entries[i];
		uint64_t facts[] = {e->len, (uint64_t)e->count, e->sum.low, (uint64_t)e->sum.high};
		sum += hash_bytes(t->keys + e->key, e->len, hash_bytes(facts, sizeof facts, 0));
	}
	return hash_bytes(&sum, sizeof sum, t->used);
}
