/* Sim heap: what will happen in virtual time, soonest first; of two at one time the first made. */
#ifndef WEIR_CLIENT_ENGINE_SIM_HEAP_H
#define WEIR_CLIENT_ENGINE_SIM_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct sim_event {
	int64_t at_us;
	uint64_t number; /* of all that were ever made */
	int kind;
	uint32_t what;
};

/* Zeroed it is empty. */
struct sim_heap {
	struct sim_event *event;
	size_t count, cap;
	uint64_t made;
};

void sim_heap_push(struct sim_heap *h, int64_t at_us, int kind, uint32_t what);

/* Takes the soonest; there must be one. */
struct sim_event sim_heap_pop(struct sim_heap *h);

/* When the soonest happens; INT64_MAX when there is none. */
int64_t sim_heap_next_us(const struct sim_heap *h);

/* Forgets all, and frees. */
void sim_heap_clear(struct sim_heap *h);
void sim_heap_release(struct sim_heap *h);

#endif
