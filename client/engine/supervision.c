/* Supervision: a sliding window of restarts and two delays that double. Not the workers, nor who
 * starts them, and no clock.
 *
 * Invariants:
 * 1. Within any window at most `restarts` are granted, but for a rest between them.
 * 2. A delay is positive and at most rest_max_us: there is always a moment to ask again. */
#include "client/engine/supervision.h"

#include <assert.h>

#define REST_MAX_US 30000000

void supervision_init(struct supervision *s, const struct supervision_options *how)
{
	*s = (struct supervision){0};
	if (how)
		s->how = *how;
	if (s->how.restarts == 0)
		s->how.restarts = 3;
	if (s->how.window_us == 0)
		s->how.window_us = 5000000;
	if (s->how.rest_us == 0)
		s->how.rest_us = 1000000;
	if (s->how.rest_max_us == 0)
		s->how.rest_max_us = s->how.rest_us > REST_MAX_US ? s->how.rest_us : REST_MAX_US;
	if (s->how.start_us == 0)
		s->how.start_us = 100000;
	assert(s->how.restarts > 0 && s->how.restarts <= SUPERVISION_RESTARTS_MAX);
	assert(s->how.window_us > 0 && s->how.start_us > 0);
	assert(s->how.rest_us > 0 && s->how.rest_max_us >= s->how.rest_us);
	supervision_reset(s);
}

void supervision_reset(struct supervision *s)
{
	s->counted = 0;
	s->next_rest_us = s->how.rest_us;
	s->rest_until_us = s->start_until_us = 0;
	s->start_failures = 0;
}

static int64_t doubled(const struct supervision *s, int64_t delay_us)
{
	return delay_us > s->how.rest_max_us / 2 ? s->how.rest_max_us : delay_us * 2;
}

bool supervision_is_exhausted(const struct supervision *s, int64_t now_us)
{
	return now_us < s->rest_until_us;
}

/* Those that have left the window count no more. */
static void slide(struct supervision *s, int64_t now_us)
{
	while (s->counted > 0) {
		const int64_t first = (s->restarts - s->counted) % SUPERVISION_RESTARTS_MAX;

		if (now_us - s->at_us[first] < s->how.window_us)
			return;
		s->counted--;
	}
}

/* Begins a rest; how long it is. */
static int64_t rest(struct supervision *s, int64_t now_us)
{
	if (now_us - s->rest_until_us >= s->how.rest_max_us)
		s->next_rest_us = s->how.rest_us;
	const int64_t delay_us = s->next_rest_us;

	s->rests++;
	s->rest_until_us = now_us + delay_us;
	s->next_rest_us = doubled(s, delay_us);
	s->counted = 0;
	return delay_us;
}

int64_t supervision_may_restart(struct supervision *s, int64_t now_us)
{
	if (now_us < s->rest_until_us)
		return s->rest_until_us - now_us;
	if (now_us < s->start_until_us)
		return s->start_until_us - now_us;
	slide(s, now_us);
	if (s->counted == s->how.restarts)
		return rest(s, now_us);
	s->at_us[s->restarts++ % SUPERVISION_RESTARTS_MAX] = now_us;
	s->counted++;
	return 0;
}

void supervision_started(struct supervision *s, bool ok, int64_t now_us)
{
	int64_t delay_us = s->how.start_us;

	if (ok) {
		s->start_failures = 0;
		s->start_until_us = 0;
		return;
	}
	for (int i = 0; i < s->start_failures && delay_us < s->how.rest_max_us; i++)
		delay_us = doubled(s, delay_us);
	if (delay_us > s->how.rest_max_us)
		delay_us = s->how.rest_max_us;
	s->start_failures += s->start_failures < INT32_MAX;
	s->start_until_us = now_us + delay_us;
}
