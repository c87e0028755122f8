/* Ring: the last N slots of a series, one slot a tick, where a missed slot is an explicit gap.
 * Holds elements of one fixed size; the owner knows their type. There is memory for as many slots
 * as were ever used. */
#ifndef WEIR_MODEL_RING_H
#define WEIR_MODEL_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	unsigned char *data;
	bool *filled;
	size_t size;   /* bytes of an element */
	size_t slots;  /* how many are kept at most */
	size_t room;   /* of them that there is memory for; 0 before the first put */
	int64_t first; /* tick of the oldest slot kept */
	int64_t next;  /* tick after the newest; first == next: empty */
};

/* Makes an empty ring of `slots` elements of `size` bytes. Released by ring_release. */
void ring_init(struct ring *r, size_t slots, size_t size);
void ring_release(struct ring *r);
void ring_clear(struct ring *r);

/* Puts a copy of `element` at `tick`. Ticks between the newest and this one become gaps; a tick
 * older than all kept slots is refused (false); one that is kept is replaced. */
bool ring_put(struct ring *r, int64_t tick, const void *element);

/* The element at `tick`, or NULL for a gap and outside the kept range. Borrowed until the next
 * put. */
const void *ring_at(const struct ring *r, int64_t tick);

/* The newest element that is no gap, or NULL. */
const void *ring_last(const struct ring *r);

/* Slots between the oldest and newest kept, gaps included. */
size_t ring_length(const struct ring *r);

#endif
