/* Retry: the delays. Not what is retried, nor how often a category may be: failure.c.
 *
 * Invariants:
 * 1. 0 <= delay <= cap, whatever the attempt; no product or sum overflows on the way.
 * 2. The only state is in the caller's struct; randomness comes from the caller. */
#include "client/engine/retry.h"

#include "client/engine/hash.h"

#include <assert.h>
#include <string.h>

static const char *const names[BACKOFF_COUNT] = {
#define X(name, word) [BACKOFF_##name] = word,
	BACKOFF_INFO(X)
#undef X
};

const char *backoff_name(enum backoff kind)
{
	return names[kind];
}

enum backoff backoff_of(const char *word)
{
	for (int i = 0; i < BACKOFF_COUNT; i++)
		if (strcmp(names[i], word) == 0)
			return (enum backoff)i;
	return BACKOFF_COUNT;
}

void retry_begin(struct retry *r, const struct retry_options *how)
{
	assert(how->base_us >= 0 && how->base_us <= RETRY_CAP_MAX_US);
	assert(how->cap_us >= 0 && how->cap_us <= RETRY_CAP_MAX_US);
	assert(how->jitter >= 0 && how->jitter <= 1);
	*r = (struct retry){.how = *how};
}

bool retry_may(const struct retry *r, int attempts_made)
{
	return attempts_made < (r->how.attempts_max > 1 ? r->how.attempts_max : 1);
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* A number from low to high, both possible. */
static int64_t between(int64_t low, int64_t high, uint64_t *random)
{
	/* at most a day of microseconds: exact in a double */
	return low + (int64_t)(hash_next_fraction(random) * (double)(high - low + 1));
}

/* times * base, at most the cap. */
static int64_t multiple(const struct retry_options *how, int64_t times)
{
	return how->base_us > how->cap_us / times ? how->cap_us : times * how->base_us;
}

static int64_t exponential(const struct retry_options *how, int attempt)
{
	/* 2^40 us is beyond any cap */
	return attempt > 40 ? multiple(how, INT64_C(1) << 40)
						: multiple(how, INT64_C(1) << (attempt - 1));
}

static int64_t fibonacci(const struct retry_options *how, int attempt)
{
	int64_t last = 0, now = 1;

	/* the 60th is beyond any cap */
	for (int n = 1; n < attempt && n < 60; n++) {
		const int64_t next = last + now;

		last = now;
		now = next;
	}
	return multiple(how, now);
}

static int64_t decorrelated(struct retry *r, uint64_t *random)
{
	const int64_t base_us = smaller(r->how.base_us, r->how.cap_us);
	const int64_t last_us = r->last_us > base_us ? r->last_us : base_us;

	/* the last delay was within the cap: three of them do not overflow */
	return between(base_us, smaller(3 * last_us, r->how.cap_us), random);
}

static int64_t jittered(const struct retry_options *how, int64_t delay_us, uint64_t *random)
{
	const int64_t spread_us = (int64_t)(how->jitter * (double)delay_us);

	return between(delay_us - spread_us, smaller(delay_us + spread_us, how->cap_us), random);
}

int64_t retry_delay_us(struct retry *r, int attempt, uint64_t *random)
{
	if (attempt < 1)
		attempt = 1;
	switch (r->how.kind) {
	case BACKOFF_LINEAR:
		r->last_us = jittered(&r->how, multiple(&r->how, attempt), random);
		break;
	case BACKOFF_FIBONACCI:
		r->last_us = jittered(&r->how, fibonacci(&r->how, attempt), random);
		break;
	case BACKOFF_DECORRELATED_JITTER: /* is its own */
		r->last_us = decorrelated(r, random);
		break;
	default:
		r->last_us = jittered(&r->how, exponential(&r->how, attempt), random);
		break;
	}
	return r->last_us;
}

bool retry_fits(int64_t delay_us, int64_t now_us, int64_t deadline_us)
{
	return now_us < deadline_us && delay_us < deadline_us - now_us;
}
