/* Worker session: which worker a session comes back to. Not the table of it: affinity.h. */
#include "client/engine/worker_parts.h"

static enum affinity_worker state_of(const struct workers *w, int worker)
{
	if (worker < 0)
		return AFFINITY_WORKER_NONE;
	if (atomic_load(&w->each[worker].out) & ~OUT_SOON_BACK)
		return AFFINITY_WORKER_GONE;
	return slots_is_taken(w->slots, worker) ? AFFINITY_WORKER_BUSY : AFFINITY_WORKER_IDLE;
}

enum affinity_choice session_choose(struct workers *w, const char *session, int *worker)
{
	*worker = SLOTS_ANY;
	if (!w->sessions || !session[0])
		return AFFINITY_ANY;
	pthread_mutex_lock(&w->lock);
	int bound = affinity_get(w->sessions, session, threads_us());
	pthread_mutex_unlock(&w->lock);
	enum affinity_choice choice = affinity_choose(w->how.affinity, state_of(w, bound));
	if (choice == AFFINITY_THIS || choice == AFFINITY_WAIT_FOR_IT)
		*worker = bound;
	return choice;
}

bool session_bind(struct workers *w, const char *session, int worker)
{
	int its = worker;
	if (!w->sessions || !session[0])
		return true;
	pthread_mutex_lock(&w->lock);
	if (w->how.affinity == AFFINITY_HINT)
		affinity_bind(w->sessions, session, worker, threads_us());
	else
		its = affinity_claim(w->sessions, session, worker, threads_us());
	pthread_mutex_unlock(&w->lock);
	return its == worker;
}

void session_unbind(struct workers *w, const char *session)
{
	pthread_mutex_lock(&w->lock);
	affinity_unbind(w->sessions, session);
	pthread_mutex_unlock(&w->lock);
}

void workers_bound(struct workers *w, int64_t *bound, int64_t *end_ms)
{
	*bound = *end_ms = 0;
	if (!w->sessions)
		return;
	pthread_mutex_lock(&w->lock);
	struct affinity_stats s = affinity_stats(w->sessions, threads_us());
	pthread_mutex_unlock(&w->lock);
	*bound = s.sessions;
	*end_ms = (s.end_us + 999) / 1000;
}
