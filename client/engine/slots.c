/* Slots: checkout and checkin. Not the work, not its counting.
 *
 * Invariants:
 * 1. Who takes a slot that was IDLE by its compare-and-swap has it, and nobody else.
 * 2. A free slot and one who waits for it do not last together: who frees one looks for waiting
 *    ones afterwards, and who begins to wait looks for free ones afterwards; both in one order
 *    (sequentially consistent), so one of them sees the other.
 * 3. Nobody takes a slot while others wait, but by way of the queue. */
#include "client/engine/slots.h"

#include "model/mem.h"

#include <assert.h>
#include <stdlib.h>

enum { SHUT, IDLE, TAKEN };

struct slot {
	_Alignas(64) atomic_int state;
};

struct waiter {
	const struct slots_want *want;
	int slot; /* -1 until it has one */
	pthread_cond_t moved;
	struct waiter *before, *after;
};

struct slots {
	int count;
	struct slot *each;
	atomic_int waiting;

	pthread_mutex_t lock; /* of all that follows */
	struct waiter *front, *back;
	int queued;
};

struct slots *slots_new(int count)
{
	struct slots *s = mem_new(1, sizeof *s);
	s->count = count;
	s->each = mem_new_aligned((size_t)count, sizeof *s->each, 64);
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void slots_free(struct slots *s)
{
	if (!s)
		return;
	assert(!s->front);
	pthread_mutex_destroy(&s->lock);
	free(s->each);
	free(s);
}

static bool claim(struct slots *s, int slot, int from, int to)
{
	atomic_int *state = &s->each[slot].state;
	return atomic_load(state) == from && atomic_compare_exchange_strong(state, &from, to);
}

/* Where a thread begins to look: threads have stacks of their own, so each comes back to the
 * slot that it had, which is warm in its cache. */
static int first_choice(const struct slots *s)
{
	char here;
	uint64_t h = (uint64_t)(uintptr_t)&here >> 18;
	return (int)((h * 0x9E3779B97F4A7C15u >> 33) * (uint64_t)s->count >> 31);
}

static int claim_any(struct slots *s, int wanted)
{
	if (wanted >= 0)
		return claim(s, wanted, IDLE, TAKEN) ? wanted : -1;
	int k = first_choice(s);
	for (int i = 0; i < s->count; i++) {
		if (claim(s, k, IDLE, TAKEN))
			return k;
		k = k + 1 < s->count ? k + 1 : 0;
	}
	return -1;
}

int slots_try(struct slots *s, int wanted)
{
	return atomic_load(&s->waiting) > 0 ? -1 : claim_any(s, wanted);
}

/* ---- the queue; all under the lock ---- */

static void enqueue(struct slots *s, struct waiter *w)
{
	w->before = s->back;
	*(s->back ? &s->back->after : &s->front) = w;
	s->back = w;
	s->queued += w->want->counted;
	atomic_fetch_add(&s->waiting, 1);
}

static void unqueue(struct slots *s, struct waiter *w)
{
	*(w->before ? &w->before->after : &s->front) = w->after;
	*(w->after ? &w->after->before : &s->back) = w->before;
	s->queued -= w->want->counted;
	atomic_fetch_sub(&s->waiting, 1);
}

/* Hands free slots to the waiting, in their order; one that waits for a certain slot holds up
 * nobody behind it. */
static void hand_on(struct slots *s)
{
	for (struct waiter *w = s->front, *next; w; w = next) {
		next = w->after;
		int slot = claim_any(s, w->want->wanted);
		if (slot < 0 && w->want->wanted == SLOTS_ANY)
			return;
		if (slot < 0)
			continue;
		unqueue(s, w);
		w->slot = slot;
		pthread_cond_signal(&w->moved);
	}
}

static bool is_gone(const struct slots_want *want)
{
	return want->gone && atomic_load(want->gone);
}

enum slots_end slots_wait(struct slots *s, const struct slots_want *want, int *slot)
{
	struct waiter me = {.want = want, .slot = -1};
	threads_cond_init(&me.moved);
	pthread_mutex_lock(&s->lock);
	enqueue(s, &me);
	hand_on(s);
	bool full = me.slot < 0 && atomic_load(&s->waiting) > want->queue_max;
	bool in_time = !full;
	while (me.slot < 0) {
		if (!in_time || is_gone(want)) {
			unqueue(s, &me);
			break;
		}
		in_time = threads_wait(&me.moved, &s->lock, want->deadline_us);
	}
	pthread_mutex_unlock(&s->lock);
	pthread_cond_destroy(&me.moved);
	*slot = me.slot;
	if (full)
		return SLOTS_FULL;
	/* It may have been handed a slot, and woken too late to use it. */
	return me.slot < 0 || is_gone(want) || threads_us() >= want->deadline_us ? SLOTS_LATE
																			 : SLOTS_TAKEN;
}

void slots_nudge(struct slots *s)
{
	pthread_mutex_lock(&s->lock);
	for (struct waiter *w = s->front; w; w = w->after)
		pthread_cond_signal(&w->moved);
	pthread_mutex_unlock(&s->lock);
}

/* ---- giving back ---- */

static void freed(struct slots *s)
{
	if (atomic_load(&s->waiting) == 0)
		return;
	pthread_mutex_lock(&s->lock);
	hand_on(s);
	pthread_mutex_unlock(&s->lock);
}

void slots_give(struct slots *s, int slot)
{
	atomic_store(&s->each[slot].state, IDLE);
	freed(s);
}

void slots_shut(struct slots *s, int slot)
{
	atomic_store(&s->each[slot].state, SHUT);
}

void slots_open(struct slots *s, int slot)
{
	assert(atomic_load(&s->each[slot].state) == SHUT);
	slots_give(s, slot);
}

bool slots_try_shut(struct slots *s, int slot)
{
	return claim(s, slot, IDLE, SHUT);
}

/* ---- looking ---- */

int slots_queued(struct slots *s)
{
	pthread_mutex_lock(&s->lock);
	int n = s->queued;
	pthread_mutex_unlock(&s->lock);
	return n;
}

int slots_taken(const struct slots *s)
{
	int n = 0;
	for (int k = 0; k < s->count; k++)
		n += slots_is_taken(s, k);
	return n;
}

bool slots_is_taken(const struct slots *s, int slot)
{
	return atomic_load_explicit(&s->each[slot].state, memory_order_relaxed) == TAKEN;
}
