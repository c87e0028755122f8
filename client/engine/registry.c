/* Registry: open addressing with linear steps. Not the workers themselves, nor their lock.
 *
 * Invariants:
 * 1. At least a quarter of the entries is free, so every search ends.
 * 2. Between an entry's home and its place nothing is free: removing moves up what follows, and
 *    leaves no marks behind. So it never grows by coming and going alone. */
#include "client/engine/registry.h"

#include "client/engine/hash.h"
#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_LEAST 64

bool ref_of(struct ref *out, const char *type, const char *id)
{
	*out = (struct ref){0};
	if (!text_is_name(type, sizeof out->type - 1) || !text_is_name(id, sizeof out->id - 1))
		return false;
	(void)text_copy(out->type, sizeof out->type, type);
	(void)text_copy(out->id, sizeof out->id, id);
	return true;
}

bool ref_is_good(const struct ref *ref)
{
	return memchr(ref->type, '\0', sizeof ref->type) && memchr(ref->id, '\0', sizeof ref->id) &&
		text_is_name(ref->type, sizeof ref->type - 1) &&
		text_is_name(ref->id, sizeof ref->id - 1);
}

static uint64_t hash_of(const struct registry *g, const struct ref *ref)
{
	uint64_t h = hash_bytes(ref->type, strlen(ref->type), g->seed);
	return hash_bytes(ref->id, strlen(ref->id), h);
}

static bool is_same(const struct ref *a, const struct ref *b)
{
	return strcmp(a->id, b->id) == 0 && strcmp(a->type, b->type) == 0;
}

/* Where the address is, or the free entry where it would be. */
static size_t place_of(const struct registry *g, const struct ref *ref, uint64_t hash)
{
	size_t at = hash & (g->size - 1);
	while (g->entries[at].ref &&
		!(g->entries[at].hash == hash && is_same(g->entries[at].ref, ref)))
		at = (at + 1) & (g->size - 1);
	return at;
}

void *registry_find(const struct registry *g, const struct ref *ref)
{
	if (g->count == 0)
		return NULL;
	return g->entries[place_of(g, ref, hash_of(g, ref))].what;
}

static void grow(struct registry *g)
{
	struct registry_entry *old = g->entries;
	size_t had = g->size;
	g->size = had ? had * 2 : SIZE_LEAST;
	g->entries = mem_new(g->size, sizeof *g->entries);
	for (size_t i = 0; i < had; i++)
		if (old[i].ref)
			g->entries[place_of(g, old[i].ref, old[i].hash)] = old[i];
	free(old);
}

void registry_add(struct registry *g, const struct ref *ref, void *what)
{
	assert(what);
	if (g->count + 1 > g->size / 4 * 3)
		grow(g);
	uint64_t hash = hash_of(g, ref);
	struct registry_entry *e = &g->entries[place_of(g, ref, hash)];
	assert(!e->ref);
	*e = (struct registry_entry){hash, ref, what};
	g->count++;
}

/* Closes the gap at `free_at`: whatever follows without a gap and may stand there moves up. */
static void close_gap(struct registry *g, size_t free_at)
{
	const size_t mask = g->size - 1;
	for (size_t at = (free_at + 1) & mask; g->entries[at].ref; at = (at + 1) & mask) {
		size_t home = g->entries[at].hash & mask;
		if (((at - home) & mask) < ((at - free_at) & mask))
			continue;
		g->entries[free_at] = g->entries[at];
		free_at = at;
	}
	g->entries[free_at] = (struct registry_entry){0};
}

bool registry_remove(struct registry *g, const struct ref *ref)
{
	if (g->count == 0)
		return false;
	size_t at = place_of(g, ref, hash_of(g, ref));
	if (!g->entries[at].ref)
		return false;
	close_gap(g, at);
	g->count--;
	return true;
}

void *registry_next(const struct registry *g, size_t *at)
{
	while (*at < g->size) {
		const struct registry_entry *e = &g->entries[(*at)++];
		if (e->ref)
			return e->what;
	}
	return NULL;
}

size_t registry_bytes(const struct registry *g)
{
	return g->size * sizeof *g->entries;
}

void registry_release(struct registry *g)
{
	free(g->entries);
	*g = (struct registry){.seed = g->seed};
}
