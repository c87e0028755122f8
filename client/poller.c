/* Poller: one row an entry, scanned from the front: a thousand rows are a few microseconds.
 *
 * 1. An entry under way is not due. At most POLLER_IN_FLIGHT_MAX are under way.
 * 2. A well entry is due at origin + its phase + n intervals; phases follow the golden ratio,
 *    which spreads any number of entries evenly without knowing how many will come.
 * 3. What one entry waits never depends on another's trouble. */
#include "client/poller.h"

#include "model/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#define GOLDEN 0x9E3779B97F4A7C15u /* 2^64 divided by the golden ratio */

struct entry {
	int64_t interval_ms;
	int64_t due_ms; /* boot clock */
	int failures;   /* in a row; 0: well */
	bool under_way;
};

struct poller {
	struct entry *entries;
	size_t count, cap;
	int in_flight;
	int64_t origin_ms;
	uint64_t random;
};

struct poller *poller_new(uint64_t seed)
{
	struct poller *p = mem_new(1, sizeof(*p));
	p->random = seed;
	return p;
}

void poller_free(struct poller *p)
{
	if (p == NULL)
		return;
	free(p->entries);
	free(p);
}

static struct entry *entry(const struct poller *p, size_t i)
{
	assert(i < p->count);
	return &p->entries[i];
}

size_t poller_add(struct poller *p, int64_t interval_ms, struct instant now)
{
	assert(interval_ms >= 1);
	mem_grow(&p->entries, &p->cap, p->count + 1, sizeof(*p->entries));
	if (p->count == 0)
		p->origin_ms = now.boot_ms;
	p->entries[p->count] = (struct entry){.interval_ms = interval_ms, .due_ms = now.boot_ms};
	return p->count++;
}

/* The next moment of the entry's own grid after now. */
static int64_t next_slot(const struct poller *p, size_t i, struct instant now)
{
	int64_t interval = entry(p, i)->interval_ms;
	uint64_t turn = (uint64_t)i * GOLDEN >> 32; /* a fraction of 2^32 */
	int64_t phase = (int64_t)((double)turn / 4294967296.0 * (double)interval);
	int64_t into = (now.boot_ms - p->origin_ms - phase) % interval;
	if (into < 0)
		into += interval;
	return now.boot_ms + interval - into;
}

void poller_set_interval(struct poller *p, size_t i, int64_t interval_ms, struct instant now)
{
	assert(interval_ms >= 1);
	struct entry *e = entry(p, i);
	bool shorter = interval_ms < e->interval_ms;
	bool same = interval_ms == e->interval_ms;
	e->interval_ms = interval_ms;
	if (!same && e->failures == 0 && !e->under_way)
		e->due_ms = shorter ? now.boot_ms : next_slot(p, i, now);
}

void poller_poll_now(struct poller *p, size_t i, struct instant now)
{
	struct entry *e = entry(p, i);
	if (!e->under_way)
		e->due_ms = now.boot_ms;
}

size_t poller_begin(struct poller *p, struct instant now)
{
	if (p->in_flight >= POLLER_IN_FLIGHT_MAX)
		return POLLER_NONE;
	size_t best = POLLER_NONE;
	int64_t best_ms = now.boot_ms;
	for (size_t i = 0; i < p->count; i++) {
		const struct entry *e = &p->entries[i];
		if (e->under_way || e->due_ms > best_ms)
			continue;
		if (best == POLLER_NONE || e->due_ms < best_ms) {
			best = i;
			best_ms = e->due_ms;
		}
	}
	if (best != POLLER_NONE) {
		p->entries[best].under_way = true;
		p->in_flight++;
	}
	return best;
}

/* A number of 0.5 to 1.5. Source: splitmix64 (Steele, Lea, Flood 2014). */
static double jitter(struct poller *p)
{
	uint64_t z = p->random += GOLDEN;
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	z ^= z >> 31;
	return 0.5 + (double)(z >> 11) / 9007199254740992.0;
}

static int64_t backoff_ms(struct poller *p, int failures)
{
	int64_t ms = POLLER_BACKOFF_MIN_MS;
	for (int i = 1; i < failures && ms < POLLER_BACKOFF_MAX_MS; i++)
		ms *= 2;
	if (ms > POLLER_BACKOFF_MAX_MS)
		ms = POLLER_BACKOFF_MAX_MS;
	return (int64_t)((double)ms * jitter(p));
}

void poller_end(struct poller *p, size_t i, enum err_code trouble, struct instant now)
{
	struct entry *e = entry(p, i);
	if (!e->under_way)
		return;
	e->under_way = false;
	p->in_flight--;
	if (trouble == ERR_NONE) {
		e->failures = 0;
		e->due_ms = next_slot(p, i, now);
		return;
	}
	if (e->failures < 16) /* beyond it the distance grows no more */
		e->failures++;
	e->due_ms = now.boot_ms +
		(trouble == ERR_UNAUTHORISED ? POLLER_UNAUTHORISED_MS : backoff_ms(p, e->failures));
}

int64_t poller_due_ms(const struct poller *p, struct instant now)
{
	int64_t least = POLLER_IDLE_MS;
	if (p->in_flight >= POLLER_IN_FLIGHT_MAX)
		return least;
	for (size_t i = 0; i < p->count; i++) {
		const struct entry *e = &p->entries[i];
		if (!e->under_way && e->due_ms - now.boot_ms < least)
			least = e->due_ms - now.boot_ms;
	}
	return least > 0 ? least : 0;
}

int64_t poller_retry_ms(const struct poller *p, size_t i, struct instant now)
{
	const struct entry *e = entry(p, i);
	if (e->failures == 0)
		return UNKNOWN;
	if (e->under_way || e->due_ms <= now.boot_ms)
		return 0;
	return e->due_ms - now.boot_ms;
}
