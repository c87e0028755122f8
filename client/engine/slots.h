/* Slots: which caller has which worker. A free one is taken in the caller's own thread without a
 * lock; who must wait is served first come, first served, and never after its deadline. */
#ifndef WEIR_CLIENT_ENGINE_SLOTS_H
#define WEIR_CLIENT_ENGINE_SLOTS_H

#include "client/engine/threads.h"

struct slots;

/* `count` slots, all shut. */
struct slots *slots_new(int count);
/* Nobody may have one or wait for one. */
void slots_free(struct slots *s);

#define SLOTS_ANY (-1)

/* Takes a free slot at once: any, or the one that is wanted. -1 when there is none, or when
 * others have waited longer. */
int slots_try(struct slots *s, int wanted);

struct slots_want {
	int wanted;              /* SLOTS_ANY, or the only one that will do */
	int64_t deadline_us;     /* of threads_us */
	int queue_max;           /* refused where so many wait already */
	bool counted;            /* it is one of slots_queued while it waits */
	const atomic_bool *gone; /* NULL, or true once nobody wants the work any more */
};

enum slots_end { SLOTS_TAKEN, SLOTS_LATE, SLOTS_FULL };

/* Waits for one. FULL: it would have to, and has no slot. LATE: the deadline passed, or the
 * caller is gone; `slot` is then -1, or one that it was handed too late and is to give back. */
enum slots_end slots_wait(struct slots *s, const struct slots_want *want, int *slot);

/* Lets all who wait look whether they are gone. */
void slots_nudge(struct slots *s);

/* Gives it back, to whoever has waited longest for it. */
void slots_give(struct slots *s, int slot);

/* Takes a slot out of service and puts it back. Who has one shuts it instead of giving it. */
void slots_shut(struct slots *s, int slot);
void slots_open(struct slots *s, int slot);

/* Takes a free slot out of service; false when somebody has it, or it is shut already. */
bool slots_try_shut(struct slots *s, int slot);

/* How many wait that are counted; how many slots are taken. */
int slots_queued(struct slots *s);
int slots_taken(const struct slots *s);
bool slots_is_taken(const struct slots *s, int slot);

#endif
