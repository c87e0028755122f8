/* Mailbox: the messages that wait for one worker, first come, first served, bounded. It holds
 * while the worker starts, moves or rests, and belongs to whoever holds the lock around it. */
#ifndef WEIR_CLIENT_ENGINE_MAILBOX_H
#define WEIR_CLIENT_ENGINE_MAILBOX_H

#include "client/engine/envelope.h"

struct letter_wait; /* its sender, who waits: residents_parts.h */

/* One accepted message. */
struct letter {
	struct letter *before, *after;
	struct order order;
	int64_t deadline_us; /* of threads_us: it is not begun from then on */
	int64_t number;
	struct letter_wait *wait; /* NULL: nobody waits, or no longer */
	bool taken;               /* out of the mailbox: the worker has it */
};

/* Zero-initialised is empty. */
struct mailbox {
	struct letter *first, *last;
	int count;
};

/* Puts a letter behind the others, and owns it then; false, owning nothing, where `max` are in
 * it. */
bool mailbox_put(struct mailbox *m, struct letter *l, int max);

/* The next letter, which becomes the caller's; NULL when it is empty. */
struct letter *mailbox_next(struct mailbox *m);

/* Takes a letter of it out, which becomes the caller's. */
void mailbox_take(struct mailbox *m, struct letter *l);

/* Takes out the first letter whose deadline has come; NULL when there is none. */
struct letter *mailbox_late(struct mailbox *m, int64_t now_us);

#endif
