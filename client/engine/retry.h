/* Retry: how long to wait before work is tried again, and whether that is worth it. */
#ifndef WEIR_CLIENT_ENGINE_RETRY_H
#define WEIR_CLIENT_ENGINE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/* X(name, word): the delay after the n-th failure, before cap and jitter:
 * linear n * base; exponential 2^(n-1) * base; fibonacci 1, 1, 2, 3, 5, .. * base;
 * decorrelated_jitter somewhere from base to three times the last delay. */
#define BACKOFF_INFO(X) \
	X(EXPONENTIAL, "exponential") \
	X(LINEAR, "linear") \
	X(FIBONACCI, "fibonacci") \
	X(DECORRELATED_JITTER, "decorrelated_jitter")

enum backoff {
#define X(name, word) BACKOFF_##name,
	BACKOFF_INFO(X)
#undef X
		BACKOFF_COUNT
};

#define RETRY_CAP_MAX_US (86400 * INT64_C(1000000))

struct retry_options {
	enum backoff kind;
	int attempts_max; /* the first included, which is always made: 0 is 1 */
	int64_t base_us;  /* 0 to RETRY_CAP_MAX_US */
	int64_t cap_us;   /* 0 to RETRY_CAP_MAX_US; no delay is longer */
	double jitter;    /* 0 to 1: the part of a delay by which it is shorter or longer */
};

#define RETRY_DEFAULTS \
	((struct retry_options){BACKOFF_EXPONENTIAL, 3, 1000000, 30 * INT64_C(1000000), 0.25})

/* One piece of work and its retries; no two share one. */
struct retry {
	struct retry_options how;
	int64_t last_us; /* the last delay */
};

/* "fibonacci"; the kind of a word, BACKOFF_COUNT for an unknown one. */
const char *backoff_name(enum backoff kind);
enum backoff backoff_of(const char *word);

void retry_begin(struct retry *r, const struct retry_options *how);

/* True when another attempt may be made after so many. */
bool retry_may(const struct retry *r, int attempts_made);

/* The delay after the `attempt`-th attempt failed, from 1 (less is 1): 0 to cap_us, also for an
 * attempt of any number. Jitter spreads evenly around the delay, but never beyond the cap. */
int64_t retry_delay_us(struct retry *r, int attempt, uint64_t *random);

/* True when the work can begin again before the deadline (INT64_MAX: there is none). */
bool retry_fits(int64_t delay_us, int64_t now_us, int64_t deadline_us);

#endif
