/* Sessions: a table of the sessions seen under the split in force, and a queue of the units
 * that are still too young to count. Not affinity: which arm a session has is the router's.
 *
 * Invariants:
 * 1. Units are queued in the order of their beginning, so only the front can be old enough.
 * 2. `unit` of an entry is the absolute number of its unit; below `tail` it has been counted.
 * 3. The table is at most half full; entries leave it only when it is rebuilt.
 * 4. A turn makes every session new, and forgets none: where it was last is still its arm, until it
 *    comes to the other or is silent. */
#include "client/engine/session.h"

#include "client/engine/hash.h"
#include "model/mem.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	uint64_t hash; /* 0: free */
	int64_t last_ms;
	uint64_t unit;
	enum arm arm; /* of its newest request */
	bool past;    /* under an earlier split: to this one it is new */
};

struct unit {
	int64_t first_ms, latency_us;
	enum arm arm;
	bool bad, dropped;
};

struct total {
	int64_t sessions, bad;
	struct histogram latency;
};

struct sessions {
	int64_t unit_ms;
	uint32_t generation;
	uint64_t mask; /* a session is taken when its hash has none of these bits */
	struct entry *table;
	size_t size, used;  /* size is a power of two */
	struct unit *units; /* ring of `room`, a power of two; numbers tail..head-1 are open */
	size_t room;
	uint64_t tail, head;
	struct total arms[ARM_COUNT];
	int64_t used_ms[ARM_COUNT]; /* when a session last went there */
};

struct sessions *sessions_new(int64_t unit_ms)
{
	struct sessions *s = mem_new(1, sizeof *s);
	s->unit_ms = unit_ms;
	s->size = 1024;
	s->table = mem_new(s->size, sizeof *s->table);
	s->room = 256;
	s->units = mem_new(s->room, sizeof *s->units);
	return s;
}

void sessions_free(struct sessions *s)
{
	if (!s)
		return;
	free(s->table);
	free(s->units);
	free(s);
}

static struct unit *unit_at(const struct sessions *s, uint64_t number)
{
	return &s->units[number & (s->room - 1)];
}

static void count(struct sessions *s, const struct unit *u)
{
	if (u->dropped)
		return;
	struct total *t = &s->arms[u->arm];
	t->sessions++;
	t->bad += u->bad;
	histogram_add(&t->latency, u->latency_us, 1);
}

static void ripen(struct sessions *s, int64_t now_ms)
{
	while (s->tail < s->head && unit_at(s, s->tail)->first_ms + s->unit_ms <= now_ms)
		count(s, unit_at(s, s->tail++));
}

static uint64_t begin(struct sessions *s, const struct unit *u)
{
	if (s->head - s->tail == s->room) {
		struct unit *wider = mem_new(s->room * 2, sizeof *wider);
		for (uint64_t n = s->tail; n < s->head; n++)
			wider[n & (s->room * 2 - 1)] = *unit_at(s, n);
		free(s->units);
		s->units = wider;
		s->room *= 2;
	}
	*unit_at(s, s->head) = *u;
	return s->head++;
}

static struct entry *find(const struct sessions *s, uint64_t hash)
{
	/* The low bits choose the sample, so the high ones choose the place. */
	size_t i = (size_t)(hash >> 32) & (s->size - 1);
	while (s->table[i].hash && s->table[i].hash != hash)
		i = (i + 1) & (s->size - 1);
	return &s->table[i];
}

static bool keeps(struct sessions *s, const struct entry *e, int64_t now_ms)
{
	if (e->hash & s->mask) {
		if (e->unit >= s->tail)
			unit_at(s, e->unit)->dropped = true;
		return false;
	}
	return e->last_ms + SESSION_SILENT_MS > now_ms;
}

/* A table of `size` places with those that are kept. */
static void refill(struct sessions *s, size_t size, int64_t now_ms)
{
	size_t before = s->size;
	struct entry *old = s->table;
	s->size = size;
	s->table = mem_new(s->size, sizeof *s->table);
	s->used = 0;
	for (size_t i = 0; i < before; i++) {
		if (old[i].hash && keeps(s, &old[i], now_ms)) {
			*find(s, old[i].hash) = old[i];
			s->used++;
		}
	}
	free(old);
}

/* Makes room: the silent leave, a table still half live grows, and at
 * its cap the sample is halved. */
static void rebuild(struct sessions *s, int64_t now_ms)
{
	size_t live = 0, size = s->size;
	for (size_t i = 0; i < s->size; i++)
		live += s->table[i].hash && s->table[i].last_ms + SESSION_SILENT_MS > now_ms;
	/* Half of the places must become free, else every few new sessions would come here. */
	if (live * 4 > s->size) {
		if (s->size < (size_t)SESSIONS_MAX * 2)
			size *= 2;
		else
			s->mask = s->mask * 2 + 1;
	}
	refill(s, size, now_ms);
}

void sessions_note(struct sessions *s, uint32_t generation, const char *session, enum arm arm,
	bool failed, int64_t latency_us, int64_t now_ms)
{
	ripen(s, now_ms);
	uint64_t hash = hash_bytes(session, strlen(session), 0);
	hash += !hash;
	if (generation != s->generation || (hash & s->mask))
		return;
	struct entry *e = find(s, hash);
	if (!e->hash && (s->used + 1) * 2 > s->size) {
		rebuild(s, now_ms);
		if (hash & s->mask)
			return;
		e = find(s, hash);
	}
	if (!e->hash || e->past || e->last_ms + SESSION_SILENT_MS <= now_ms) {
		s->used += !e->hash;
		e->hash = hash;
		e->past = false;
		e->unit = begin(s,
			&(struct unit){
				.first_ms = now_ms, .latency_us = latency_us, .arm = arm, .bad = failed});
	} else if (failed && e->unit >= s->tail && unit_at(s, e->unit)->arm == arm) {
		unit_at(s, e->unit)->bad = true;
	}
	e->last_ms = s->used_ms[arm] = now_ms;
	e->arm = arm;
}

void sessions_turn(struct sessions *s, uint32_t generation, int64_t now_ms)
{
	ripen(s, now_ms);
	while (s->tail < s->head)
		count(s, unit_at(s, s->tail++));
	for (size_t i = 0; i < s->size; i++)
		s->table[i].past = true;
	s->mask = 0;
	s->generation = generation;
}

void sessions_totals(struct sessions *s, enum arm arm, bool open, int64_t now_ms,
	int64_t *sessions, int64_t *bad)
{
	ripen(s, now_ms);
	*sessions = s->arms[arm].sessions;
	*bad = s->arms[arm].bad;
	for (uint64_t n = s->tail; open && n < s->head; n++) {
		const struct unit *u = unit_at(s, n);
		if (u->arm == arm && !u->dropped) {
			*sessions += 1;
			*bad += u->bad;
		}
	}
}

void sessions_fill(struct sessions *s, enum arm arm, int64_t now_ms, struct arm_counts *out)
{
	sessions_totals(s, arm, false, now_ms, &out->sessions, &out->sessions_bad);
	out->session_latency = s->arms[arm].latency;
	out->has_session_latency = true;
}

void sessions_live(
	const struct sessions *s, enum arm arm, int64_t now_ms, int64_t *live, int64_t *end_ms)
{
	*live = *end_ms = 0;
	/* An arm that nobody went to needs no look at every session. */
	if (!s->used_ms[arm] || s->used_ms[arm] + SESSION_SILENT_MS <= now_ms)
		return;
	for (size_t i = 0; i < s->size; i++) {
		const struct entry *e = &s->table[i];
		int64_t left_ms = e->last_ms + SESSION_SILENT_MS - now_ms;
		if (!e->hash || e->arm != arm || left_ms <= 0)
			continue;
		*live += sessions_sample(s);
		*end_ms = left_ms > *end_ms ? left_ms : *end_ms;
	}
}

int64_t sessions_sample(const struct sessions *s)
{
	return (int64_t)s->mask + 1;
}

void sessions_thin(struct sessions *s, int64_t one_in, int64_t now_ms)
{
	uint64_t mask = (uint64_t)one_in - 1;
	if (mask <= s->mask)
		return;
	s->mask = mask;
	refill(s, s->size, now_ms);
}
