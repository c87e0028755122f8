/* Lookout: not what a look does (flag_file.c), nor what follows from it (flags.c).
 *
 * 1. The loop never waits for a look: each holds the mutex for a copy only.
 * 2. A look counts as of the moment at which it was asked for; one is under way at a time, and what
 *    is asked meanwhile gets the next.
 * 3. A look that never returns costs its thread; at the end it is left behind, and whoever of the
 *    two goes last frees what they share. */
#include "tui/lookout.h"

#include "history/clock.h"
#include "history/linux.h"
#include "model/mem.h"
#include "model/text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define END_MS 100 /* how long the end waits for a look */

struct lookout {
	struct flag_place place;
	lookout_look *look;
	char *dir, *shared; /* of the place */
	int event_fd;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t work, ended;
	/* under the mutex */
	bool started, stopping, over, abandoned;
	char (*pool)[POOL_NAME_MAX];
	struct flags *found;
	size_t pool_cap, found_cap;
	int count, seen;   /* pools; of them in the last look */
	int64_t asked_ms;  /* of the last ask that no look has begun for; UNKNOWN none */
	int64_t waits_ms;  /* of the first that has no answer; UNKNOWN none */
	int64_t looked_ms; /* as of when the last look counts; UNKNOWN none */
	int64_t looks;     /* how many there were */
};

struct lookout *lookout_new(const struct flag_place *place, lookout_look *look)
{
	struct lookout *l = mem_new(1, sizeof *l);
	l->dir = mem_copy(place->dir);
	l->shared = place->shared ? mem_copy(place->shared) : NULL;
	l->place = (struct flag_place){l->dir, place->named, l->shared};
	l->look = look;
	l->event_fd = linux_event();
	l->asked_ms = l->waits_ms = l->looked_ms = UNKNOWN;
	pthread_mutex_init(&l->mutex, NULL);
	pthread_cond_init(&l->work, NULL);
	clock_cond_init(&l->ended);
	return l;
}

static void release(struct lookout *l)
{
	pthread_mutex_destroy(&l->mutex);
	pthread_cond_destroy(&l->work);
	pthread_cond_destroy(&l->ended);
	if (l->event_fd >= 0)
		close(l->event_fd);
	free(l->pool);
	free(l->found);
	free(l->dir);
	free(l->shared);
	free(l);
}

/* The pools by name, so that more may be added during the look. Under the mutex. */
static char (*copy_pools(const struct lookout *l))[POOL_NAME_MAX]
{
	char(*copy)[POOL_NAME_MAX] = mem_new((size_t)l->count, sizeof *copy);
	memcpy(copy, l->pool, (size_t)l->count * sizeof *copy);
	return copy;
}

/* Looks at what was asked for. Under the mutex, which is free during the look. */
static void look(struct lookout *l)
{
	const int count = l->count;
	const int64_t as_of_ms = l->asked_ms;
	char(*pool)[POOL_NAME_MAX] = copy_pools(l);
	struct flags *found = mem_new((size_t)count, sizeof *found);
	l->asked_ms = UNKNOWN;
	pthread_mutex_unlock(&l->mutex);
	for (int i = 0; i < count; i++)
		l->look(&found[i], &l->place, pool[i]);
	pthread_mutex_lock(&l->mutex);
	memcpy(l->found, found, (size_t)count * sizeof *found);
	l->seen = count;
	l->looks++;
	l->looked_ms = as_of_ms;
	l->waits_ms = l->asked_ms;
	linux_event_raise(l->event_fd);
	free(found);
	free(pool);
}

static void *run(void *arg)
{
	struct lookout *l = arg;
	pthread_mutex_lock(&l->mutex);
	while (!l->stopping) {
		if (l->asked_ms == UNKNOWN)
			pthread_cond_wait(&l->work, &l->mutex);
		else
			look(l);
	}
	l->over = true;
	pthread_cond_signal(&l->ended);
	bool last = l->abandoned;
	pthread_mutex_unlock(&l->mutex);
	if (last)
		release(l);
	return NULL;
}

void lookout_free(struct lookout *l)
{
	if (!l)
		return;
	const int64_t until = clock_monotonic_ms() + END_MS;
	pthread_mutex_lock(&l->mutex);
	bool started = l->started;
	l->stopping = true;
	pthread_cond_signal(&l->work);
	while (started && !l->over && clock_wait(&l->ended, &l->mutex, until))
		continue;
	l->abandoned = started && !l->over;
	if (l->abandoned) {
		pthread_detach(l->thread);
		pthread_mutex_unlock(&l->mutex);
		return;
	}
	pthread_mutex_unlock(&l->mutex);
	if (started)
		pthread_join(l->thread, NULL);
	release(l);
}

int lookout_add(struct lookout *l, const char *pool)
{
	pthread_mutex_lock(&l->mutex);
	int index = l->count++;
	mem_grow(&l->pool, &l->pool_cap, (size_t)l->count, sizeof *l->pool);
	mem_grow(&l->found, &l->found_cap, (size_t)l->count, sizeof *l->found);
	text_copy(l->pool[index], sizeof l->pool[index], pool);
	pthread_mutex_unlock(&l->mutex);
	return index;
}

void lookout_ask(struct lookout *l, int64_t now_ms)
{
	pthread_mutex_lock(&l->mutex);
	/* Without a thread the ask stays without an answer, which is what is known then. */
	if (!l->started)
		l->started = linux_thread(&l->thread, run, l) == 0;
	l->asked_ms = now_ms;
	if (l->waits_ms == UNKNOWN)
		l->waits_ms = now_ms;
	pthread_cond_signal(&l->work);
	pthread_mutex_unlock(&l->mutex);
}

int64_t lookout_read(struct lookout *l, int pool, struct flags *out)
{
	pthread_mutex_lock(&l->mutex);
	int64_t at_ms = pool < l->seen ? l->looked_ms : UNKNOWN;
	if (at_ms != UNKNOWN)
		*out = l->found[pool];
	pthread_mutex_unlock(&l->mutex);
	return at_ms;
}

int64_t lookout_looks(struct lookout *l)
{
	pthread_mutex_lock(&l->mutex);
	linux_event_clear(l->event_fd);
	int64_t looks = l->looks;
	pthread_mutex_unlock(&l->mutex);
	return looks;
}

int64_t lookout_waits_ms(struct lookout *l)
{
	pthread_mutex_lock(&l->mutex);
	int64_t since_ms = l->waits_ms;
	pthread_mutex_unlock(&l->mutex);
	return since_ms;
}

int lookout_fd(const struct lookout *l)
{
	return l->event_fd;
}
