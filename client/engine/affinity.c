/* Affinity: a hash table over bindings that stand in a list by their last use. Not the choice of
 * a worker for a session that has none, and not the workers' life.
 *
 * Invariants:
 * 1. The list goes from the last used to the longest unused: what has expired is its tail.
 * 2. The table is at most half full, and every place from a binding's home to it is taken.
 * 3. A session is its 64-bit hash: two that share one share a worker, which is no error. */
#include "client/engine/affinity.h"

#include "client/engine/hash.h"
#include "model/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct binding {
	uint64_t hash;
	int64_t used_us;
	int worker;
	uint32_t newer, older; /* neighbours in the list; `older` also chains the free */
};

struct affinity {
	int64_t ttl_us;
	struct binding *bindings;
	uint32_t *places; /* of the table: a binding, or NONE */
	size_t mask;
	uint32_t list; /* the binding behind all others that begins and ends the list */
	uint32_t free;
	struct affinity_stats stats;
	uint32_t bound_to[AFFINITY_WORKERS_MAX];
};

/* ---- the decision ---- */

static const struct {
	const char *word;
	enum affinity_choice choice[AFFINITY_WORKERS]; /* none, idle, busy, gone */
} modes[AFFINITY_COUNT] = {
#define X(name, word, none, idle, busy, gone) \
	[AFFINITY_##name] = { \
		word, {AFFINITY_##none, AFFINITY_##idle, AFFINITY_##busy, AFFINITY_##gone}},
	AFFINITY_INFO(X)
#undef X
};

const char *affinity_name(enum affinity_mode mode)
{
	return modes[mode].word;
}

enum affinity_mode affinity_of(const char *word)
{
	for (int i = 0; i < AFFINITY_COUNT; i++)
		if (strcmp(modes[i].word, word) == 0)
			return (enum affinity_mode)i;
	return AFFINITY_COUNT;
}

enum affinity_choice affinity_choose(enum affinity_mode mode, enum affinity_worker worker)
{
	return modes[mode].choice[worker];
}

/* ---- the table ---- */

struct affinity *affinity_new(size_t sessions_max, int64_t ttl_us)
{
	struct affinity *a = mem_new(1, sizeof *a);
	size_t places = 2;

	sessions_max = sessions_max ? sessions_max : AFFINITY_SESSIONS_MAX;
	assert(sessions_max < NONE / 2 && ttl_us >= 0);
	while (places < 2 * sessions_max)
		places *= 2;
	a->ttl_us = ttl_us ? ttl_us : AFFINITY_TTL_US;
	a->bindings = mem_new(sessions_max + 1, sizeof *a->bindings);
	a->places = mem_new(places, sizeof *a->places);
	a->mask = places - 1;
	a->list = (uint32_t)sessions_max;
	a->bindings[a->list].newer = a->bindings[a->list].older = a->list;
	memset(a->places, 0xff, places * sizeof *a->places);
	for (uint32_t i = 0; i < sessions_max; i++)
		a->bindings[i].older = i + 1 < sessions_max ? i + 1 : NONE;
	return a;
}

void affinity_free(struct affinity *a)
{
	if (!a)
		return;
	free(a->bindings);
	free(a->places);
	free(a);
}

static uint64_t hash_of(const char *session)
{
	return hash_bytes(session, strlen(session), 0);
}

/* The place of a session's binding, or the free one that ends the search. */
static size_t find_place(const struct affinity *a, uint64_t hash)
{
	size_t place = (size_t)hash & a->mask;

	while (a->places[place] != NONE && a->bindings[a->places[place]].hash != hash)
		place = (place + 1) & a->mask;
	return place;
}

/* Frees a place and moves those behind it up, where the gap would hide them. */
static void free_place(struct affinity *a, size_t gap)
{
	for (size_t place = (gap + 1) & a->mask; a->places[place] != NONE;
		 place = (place + 1) & a->mask) {
		const size_t home = (size_t)a->bindings[a->places[place]].hash & a->mask;

		if (((place - home) & a->mask) >= ((place - gap) & a->mask)) {
			a->places[gap] = a->places[place];
			gap = place;
		}
	}
	a->places[gap] = NONE;
}

/* ---- the list ---- */

static uint32_t oldest(const struct affinity *a)
{
	return a->bindings[a->list].newer;
}

static void unlink_binding(struct affinity *a, uint32_t i)
{
	const struct binding *b = &a->bindings[i];

	a->bindings[b->newer].older = b->older;
	a->bindings[b->older].newer = b->newer;
}

static void link_newest(struct affinity *a, uint32_t i, int64_t now_us)
{
	struct binding *list = &a->bindings[a->list], *b = &a->bindings[i];

	b->used_us = now_us;
	b->newer = a->list;
	b->older = list->older;
	a->bindings[list->older].newer = i;
	list->older = i;
}

/* ---- bindings ---- */

static void attach(struct affinity *a, struct binding *b, int worker)
{
	assert(worker >= 0 && worker < AFFINITY_WORKERS_MAX);
	b->worker = worker;
	a->stats.workers += a->bound_to[worker]++ == 0;
}

static void detach(struct affinity *a, const struct binding *b)
{
	a->stats.workers -= --a->bound_to[b->worker] == 0;
}

static void end(struct affinity *a, uint32_t i)
{
	free_place(a, find_place(a, a->bindings[i].hash));
	unlink_binding(a, i);
	detach(a, &a->bindings[i]);
	a->bindings[i].older = a->free;
	a->free = i;
	a->stats.sessions--;
}

static bool has_expired(const struct affinity *a, const struct binding *b, int64_t now_us)
{
	return now_us - b->used_us >= a->ttl_us;
}

size_t affinity_sweep(struct affinity *a, int64_t now_us)
{
	size_t n = 0;

	for (; oldest(a) != a->list && has_expired(a, &a->bindings[oldest(a)], now_us); n++)
		end(a, oldest(a));
	a->stats.expired += (int64_t)n;
	return n;
}

/* A free binding, that of the longest unused session if there is no other. */
static uint32_t take(struct affinity *a, int64_t now_us)
{
	if (a->free == NONE && affinity_sweep(a, now_us) == 0) {
		end(a, oldest(a));
		a->stats.evicted++;
	}
	const uint32_t i = a->free;

	a->free = a->bindings[i].older;
	return i;
}

static void begin(struct affinity *a, uint64_t hash, int worker, int64_t now_us)
{
	const uint32_t i = take(a, now_us);

	a->bindings[i].hash = hash;
	a->places[find_place(a, hash)] = i;
	attach(a, &a->bindings[i], worker);
	link_newest(a, i, now_us);
	a->stats.sessions++;
}

/* The live binding of a session, now used, or NONE. */
static uint32_t find_live(struct affinity *a, uint64_t hash, int64_t now_us)
{
	const uint32_t i = a->places[find_place(a, hash)];

	if (i == NONE)
		return NONE;
	if (has_expired(a, &a->bindings[i], now_us)) {
		end(a, i);
		a->stats.expired++;
		return NONE;
	}
	unlink_binding(a, i);
	link_newest(a, i, now_us);
	return i;
}

int affinity_get(struct affinity *a, const char *session, int64_t now_us)
{
	const uint32_t i = find_live(a, hash_of(session), now_us);

	if (i == NONE) {
		a->stats.misses++;
		return -1;
	}
	a->stats.hits++;
	return a->bindings[i].worker;
}

void affinity_bind(struct affinity *a, const char *session, int worker, int64_t now_us)
{
	const uint64_t hash = hash_of(session);
	const uint32_t i = find_live(a, hash, now_us);

	if (i == NONE) {
		begin(a, hash, worker, now_us);
		return;
	}
	detach(a, &a->bindings[i]);
	attach(a, &a->bindings[i], worker);
}

int affinity_claim(struct affinity *a, const char *session, int worker, int64_t now_us)
{
	const int bound = affinity_get(a, session, now_us);

	if (bound >= 0)
		return bound;
	begin(a, hash_of(session), worker, now_us);
	return worker;
}

bool affinity_unbind(struct affinity *a, const char *session)
{
	const uint32_t i = a->places[find_place(a, hash_of(session))];

	if (i != NONE)
		end(a, i);
	return i != NONE;
}

size_t affinity_remove_worker(struct affinity *a, int worker)
{
	size_t n = 0;

	for (uint32_t i = a->bindings[a->list].older, older; a->bound_to[worker] > 0; i = older) {
		older = a->bindings[i].older;
		if (a->bindings[i].worker == worker) {
			end(a, i);
			n++;
		}
	}
	a->stats.removed += (int64_t)n;
	return n;
}

struct affinity_stats affinity_stats(struct affinity *a, int64_t now_us)
{
	affinity_sweep(a, now_us);
	const struct binding *newest = &a->bindings[a->bindings[a->list].older];
	a->stats.end_us = a->stats.sessions > 0 ? newest->used_us + a->ttl_us - now_us : 0;
	return a->stats;
}
