/* Supervision: when a segment's workers may be started again. One struct a segment, so a storm
 * in one says nothing about another.
 *
 * Too many restarts within a window exhaust the segment: it rests, longer each time, and counts
 * anew afterwards. It is never given up: whoever asks on is told how long to wait. Starts that
 * fail wait too, by themselves. */
#ifndef WEIR_CLIENT_ENGINE_SUPERVISION_H
#define WEIR_CLIENT_ENGINE_SUPERVISION_H

#include <stdbool.h>
#include <stdint.h>

#define SUPERVISION_RESTARTS_MAX 64

/* 0 is the default. A segment whose workers may all end at once, as by a fault that they share,
 * wants at least as many restarts as it has workers. */
struct supervision_options {
	int restarts;        /* within the window, at most SUPERVISION_RESTARTS_MAX: 3 */
	int64_t window_us;   /* 5 s */
	int64_t rest_us;     /* the first rest, doubled each time: 1 s */
	int64_t rest_max_us; /* and at most, never below the first: 30 s, or the first where that is
	                      * longer. As long without need of a rest forgets them */
	int64_t start_us;    /* after a first start that failed, doubled to rest_max_us: 100 ms */
};

/* Zeroed but for `how` it is new. */
struct supervision {
	struct supervision_options how;
	int64_t at_us[SUPERVISION_RESTARTS_MAX]; /* of the last restarts; a ring */
	int64_t restarts;                        /* ever granted */
	int counted;                             /* of them in the window, since the last rest */
	int64_t rests;                           /* ever begun */
	int64_t next_rest_us;
	int64_t rest_until_us;  /* of the last rest */
	int64_t start_until_us; /* a start failed: none before */
	int start_failures;     /* consecutive */
};

/* `how` may be NULL. */
void supervision_init(struct supervision *s, const struct supervision_options *how);

/* May a worker be started again? 0: yes, and it is counted; else the microseconds after which
 * to ask again. */
int64_t supervision_may_restart(struct supervision *s, int64_t now_us);

/* What became of a start: one that fails delays the next, one that succeeds ends that. */
void supervision_started(struct supervision *s, bool ok, int64_t now_us);

/* It rests: more restarts were asked for than its intensity allows. */
bool supervision_is_exhausted(const struct supervision *s, int64_t now_us);

/* By hand: at once allowed again, as if new. What was counted ever stays. */
void supervision_reset(struct supervision *s);

#endif
