/* Traffic: what the two arms of a made-up service count, second by second, drawn from a seed. */
#ifndef WEIR_TESTS_JUDGE_TRAFFIC_H
#define WEIR_TESTS_JUDGE_TRAFFIC_H

#include "model/judge.h"
#include "tests/judge/law.h"

#include <stdbool.h>
#include <stdint.h>

enum traffic_shape {
	TRAFFIC_STEADY,   /* independent requests */
	TRAFFIC_STEPS,    /* v2 has 1, 10, 50, 100 %, a quarter of the span each */
	TRAFFIC_SWINGS,   /* the rate of bad units rises tenfold and falls, every 20 minutes */
	TRAFFIC_BURSTS,   /* units fail five at a time: dispersion 5 */
	TRAFFIC_SESSIONS, /* units are sessions, counted 30 s after they began */
	TRAFFIC_STICKY,   /* the same sessions, counted by their requests */
	TRAFFIC_TIMEOUTS, /* bad units are counted 20 s late; a v2 before this one had 50 % */
};

#define TRAFFIC_SESSION_S 20 /* a session's requests, one a second */
#define TRAFFIC_SETTLE_S 30  /* after which a session is counted */
#define TRAFFIC_TIMEOUT_S 20

/* Zero is: none, never, from the start. */
struct traffic_case {
	enum traffic_shape shape;
	double rate;          /* requests a second (or units, where there are no sessions) */
	double share;         /* v2's, from the bake's start */
	double bad;           /* v1's part of bad units */
	double odds;          /* v2's odds of being bad are that many times v1's */
	int onset_s;          /* from here on; before it they are equal */
	int lead_s;           /* v1 alone before the bake begins at 0 */
	int span_s;           /* of the bake */
	double asked;         /* the share that was asked for; 0: `share` */
	bool halves;          /* v1 in two halves */
	bool settling;        /* says of the bake's first intervals that they are not settled */
	bool called_sessions; /* calls its units sessions, whatever they are */
	const struct law
		*law[ARM_COUNT]; /* `laws` of each, an equal part of the span; may be NULL */
	int laws;
};

struct traffic {
	const struct traffic_case *c;
	uint64_t state;
	int second; /* the next, from -lead_s on */
	struct traffic_cohort {
		int64_t n[3], bad[3]; /* v1's two halves, v2 */
	} cohort[TRAFFIC_SETTLE_S + 1];
	struct histogram latency[ARM_COUNT];
};

void traffic_init(struct traffic *t, const struct traffic_case *c, uint64_t seed);

/* The next second; `latency` points into `t`. */
void traffic_next(struct traffic *t, struct judge_interval *out);

/* v2's probability of being bad for odds that are `odds` times those of `bad`. */
double traffic_worse(double bad, double odds);

#endif
