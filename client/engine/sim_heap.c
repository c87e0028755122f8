/* Sim heap: a binary heap of events. Not what they mean. */
#include "client/engine/sim_heap.h"

#include "model/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

static bool is_sooner(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_us < b->at_us || (a->at_us == b->at_us && a->number < b->number);
}

void sim_heap_push(struct sim_heap *h, int64_t at_us, int kind, uint32_t what)
{
	mem_grow(&h->event, &h->cap, h->count + 1, sizeof *h->event);
	const struct sim_event e = {at_us, h->made++, kind, what};
	size_t at = h->count++;
	for (; at > 0 && is_sooner(&e, &h->event[(at - 1) / 2]); at = (at - 1) / 2)
		h->event[at] = h->event[(at - 1) / 2];
	h->event[at] = e;
}

struct sim_event sim_heap_pop(struct sim_heap *h)
{
	assert(h->count > 0);
	struct sim_event first = h->event[0], last = h->event[--h->count];
	size_t at = 0;
	for (size_t child; (child = 2 * at + 1) < h->count; at = child) {
		if (child + 1 < h->count && is_sooner(&h->event[child + 1], &h->event[child]))
			child++;
		if (!is_sooner(&h->event[child], &last))
			break;
		h->event[at] = h->event[child];
	}
	h->event[at] = last;
	return first;
}

int64_t sim_heap_next_us(const struct sim_heap *h)
{
	return h->count > 0 ? h->event[0].at_us : INT64_MAX;
}

void sim_heap_clear(struct sim_heap *h)
{
	h->count = 0;
}

void sim_heap_release(struct sim_heap *h)
{
	free(h->event);
	*h = (struct sim_heap){0};
}
