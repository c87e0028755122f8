/* Ring: slots of a series addressed by tick. Not a queue and not a clock: it never drops by
 * age, only by the tick that pushes an old one out.
 *
 * Invariants:
 * 1. next - first <= room <= slots; the slot of tick t is t mod room.
 * 2. `filled` is false for every slot outside first..next-1 that will be reused. */
#include "model/ring.h"

#include "model/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t slot_of(const struct ring *r, int64_t tick)
{
	int64_t room = (int64_t)r->room;

	return (size_t)(((tick % room) + room) % room);
}

static bool is_kept(const struct ring *r, int64_t tick)
{
	return tick >= r->first && tick < r->next;
}

void ring_init(struct ring *r, size_t slots, size_t size)
{
	assert(slots > 0 && slots < INT64_MAX / 2 && size > 0);
	*r = (struct ring){.size = size, .slots = slots};
}

void ring_release(struct ring *r)
{
	free(r->data);
	free(r->filled);
	*r = (struct ring){0};
}

void ring_clear(struct ring *r)
{
	if (r->room > 0)
		memset(r->filled, 0, r->room * sizeof(bool));
	r->first = 0;
	r->next = 0;
}

#define ROOM_LEAST 16

/* Makes room for so many slots, as far as they are kept; doubles. */
static void make_room(struct ring *r, uint64_t length)
{
	size_t need = length < r->slots ? (size_t)length : r->slots;

	if (need <= r->room)
		return;
	struct ring old = *r;

	r->room = 2 * old.room < ROOM_LEAST ? ROOM_LEAST : 2 * old.room;
	r->room = r->room < need ? need : r->room > r->slots ? r->slots : r->room;
	r->data = mem_new(r->room, r->size);
	r->filled = mem_new(r->room, sizeof(bool));
	for (int64_t tick = old.first; tick < old.next; tick++) {
		const void *element = ring_at(&old, tick);

		if (!element)
			continue;
		memcpy(r->data + slot_of(r, tick) * r->size, element, r->size);
		r->filled[slot_of(r, tick)] = true;
	}
	free(old.data);
	free(old.filled);
}

/* Makes `tick` the newest; what lies between is a gap. */
static void advance(struct ring *r, int64_t tick)
{
	/* unsigned: the distance of two ticks may be more than an int64_t holds */
	make_room(r, (uint64_t)tick - (uint64_t)r->first + 1);
	if ((uint64_t)tick - (uint64_t)r->next >= r->slots)
		memset(r->filled, 0, r->room * sizeof(bool));
	else
		for (int64_t gap = r->next; gap < tick; gap++)
			r->filled[slot_of(r, gap)] = false;
	r->next = tick + 1;
	if ((uint64_t)r->next - (uint64_t)r->first > r->slots)
		r->first = r->next - (int64_t)r->slots;
}

bool ring_put(struct ring *r, int64_t tick, const void *element)
{
	assert(tick < INT64_MAX);
	if (r->first == r->next) {
		make_room(r, 1);
		r->first = tick;
		r->next = tick + 1;
	} else if (tick < r->first) {
		return false;
	} else if (tick >= r->next) {
		advance(r, tick);
	}
	size_t slot = slot_of(r, tick);

	memcpy(r->data + slot * r->size, element, r->size);
	r->filled[slot] = true;
	return true;
}

const void *ring_at(const struct ring *r, int64_t tick)
{
	if (!is_kept(r, tick))
		return NULL;
	size_t slot = slot_of(r, tick);

	return r->filled[slot] ? r->data + slot * r->size : NULL;
}

const void *ring_last(const struct ring *r)
{
	/* a put always fills the newest slot */
	return r->first == r->next ? NULL : ring_at(r, r->next - 1);
}

size_t ring_length(const struct ring *r)
{
	return (size_t)(r->next - r->first);
}
