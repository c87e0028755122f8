/* Lifecycle: one table of transitions; everything else goes through it. Not the worker's thread
 * or process, nor when it is replaced: supervision.c.
 *
 * Invariants:
 * 1. A state follows another only as the table says.
 * 2. Work is given only after a handshake, and never after a failure that no success followed. */
#include "client/engine/lifecycle.h"

static const struct {
	const char *word;
	unsigned next;
} states[LIFECYCLE_COUNT] = {
#define TO(name) (1u << LIFECYCLE_##name)
#define X(name, word, next) [LIFECYCLE_##name] = {word, next},
	LIFECYCLE_INFO(X)
#undef X
#undef TO
};

const char *lifecycle_name(enum lifecycle_state s)
{
	return states[s].word;
}

bool lifecycle_move(enum lifecycle_state *state, enum lifecycle_state to)
{
	const bool may = states[*state].next >> to & 1;

	if (may)
		*state = to;
	return may;
}

bool lifecycle_can_accept_work(const struct lifecycle *l)
{
	return l->state == LIFECYCLE_READY && l->is_healthy;
}

bool lifecycle_should_remove(const struct lifecycle *l)
{
	return l->state == LIFECYCLE_TERMINATING || l->state == LIFECYCLE_TERMINATED;
}

bool lifecycle_check_out(struct lifecycle *l)
{
	if (!lifecycle_can_accept_work(l))
		return false;
	l->at_work = lifecycle_move(&l->state, LIFECYCLE_BUSY);
	return l->at_work;
}

/* One that works or has failed becomes ready, when it can. */
static void make_ready(struct lifecycle *l)
{
	if (!l->at_work && l->is_healthy)
		lifecycle_move(&l->state, LIFECYCLE_READY);
}

bool lifecycle_check_in(struct lifecycle *l)
{
	if (!l->at_work)
		return false;
	l->at_work = false;
	make_ready(l);
	return true;
}

bool lifecycle_succeed(struct lifecycle *l)
{
	if (lifecycle_should_remove(l))
		return false;
	l->failures = 0;
	l->is_healthy = true;
	make_ready(l);
	return true;
}

bool lifecycle_fail(struct lifecycle *l, int failures_max)
{
	if (lifecycle_should_remove(l))
		return true;
	l->failures++;
	l->is_healthy = false;
	if (l->state == LIFECYCLE_INITIALIZING)
		lifecycle_move(&l->state, LIFECYCLE_TERMINATED);
	else if (l->failures >= (failures_max > 0 ? failures_max : LIFECYCLE_FAILURES_MAX))
		lifecycle_move(&l->state, LIFECYCLE_TERMINATING);
	else
		lifecycle_move(&l->state, LIFECYCLE_DEGRADED);
	return lifecycle_should_remove(l);
}
