/* Verdict: what the judge's evidence says now, in one word with its reason, the metric and the
 * bound; how long until it will say more; and how many units were hurt so far. */
#ifndef WEIR_MODEL_VERDICT_H
#define WEIR_MODEL_VERDICT_H

#include "model/judge.h"

/* X(name, word): of those that are said, the first that applies. */
#define VERDICT_INFO(X) \
	X(NONE, "-") /* nobody says one */ \
	X(UNTRUSTWORTHY, "UNTRUSTWORTHY") \
	X(HARM, "HARM") \
	X(NO_DATA, "NO DATA") \
	X(STALE, "STALE") \
	X(SAFE, "SAFE") \
	X(UNDECIDED, "UNDECIDED")

enum verdict_word {
#define X(name, word) VERDICT_##name,
	VERDICT_INFO(X)
#undef X
		VERDICT_COUNT
};

const char *verdict_name(enum verdict_word w);
enum verdict_word verdict_of(const char *word); /* VERDICT_COUNT when unknown */

/* X(name, text): why it is what it is; where it ends in a blank an age follows. */
#define VERDICT_WHY_INFO(X) \
	X(NONE, "") \
	X(SENTINEL, "v1 differs from itself: requests are not independent") \
	X(STICKY, "requests of one session are not independent, and no sessions are counted") \
	X(COUNTERS, "a counter went back") \
	X(PROVEN, "") \
	X(LATE, "since lately") \
	X(LIMIT, "over its limit") \
	X(NEVER, "no v2 traffic yet") \
	X(NO_SESSION, "no v2 session counted yet") \
	X(QUIET, "no v2 traffic for ") \
	X(QUIET_SESSION, "no v2 session counted for ") \
	X(SETTLING, "settling after the change of share") \
	X(OLD, "no news for ") \
	X(NO_V1, "no v1 traffic to compare with") \
	X(CLEAN, "no bad units: set a limit") \
	X(RARE, "too few of v1's units a minute for this quantile") \
	X(SMALL, "too few bad units yet") \
	X(BETWEEN, "neither proven yet")

enum verdict_why {
#define X(name, text) VERDICT_WHY_##name,
	VERDICT_WHY_INFO(X)
#undef X
		VERDICT_WHY_COUNT
};

#define VERDICT_TEXT_MAX 96

/* What the judge cannot know by itself. */
struct verdict_view {
	int64_t age_ms;   /* of the oldest news; UNKNOWN never */
	bool stale;       /* it is too old to go by */
	bool counters;    /* a counter went back a short while ago */
	bool v2_expected; /* v2 has a share: silence is no data */
};

struct verdict {
	enum verdict_word word;
	enum verdict_why why;
	enum judged metric; /* that decides it; JUDGED_COUNT none */
	struct ratio ratio; /* of that metric */
	double bound;       /* SAFE: under so many times v1's; NaN: under the limit */
	double ln_harm, ln_safe;
	int64_t since_wall_ms; /* HARM: found at; UNKNOWN */
	int64_t eta_ms;        /* to HARM or SAFE at this pace; UNKNOWN */
	bool suspected, brakes;
	enum judged suspect; /* the metric that is suspected, the strongest; JUDGED_COUNT none */
	struct harm {
		double low, bad, high; /* bad units on v2 beyond v1's rate; NaN not known */
	} harm;
	char text[VERDICT_TEXT_MAX]; /* "errors SAFE, under 1.3x v1's"; clean, one line */
};

/* What a recorder wrote down of its verdict and its guard, as it stood. */
struct told {
	bool is;
	/* Of a minute, of which nothing finer is kept: the judge cannot say until it begins anew. */
	bool of_minute;
	bool goes_on; /* it is behind such a minute: they count only where its words stand still */
	char verdict[VERDICT_TEXT_MAX], guard[VERDICT_TEXT_MAX]; /* "" nothing was written */
};

/* What the evidence says now. */
void verdict_read(struct verdict *out, const struct judge *j, const struct verdict_view *view);

/* One metric alone, by the same rules; `why` NONE where it is not judged. */
void verdict_metric(
	struct verdict *out, const struct judge *j, enum judged m, const struct verdict_view *view);

/* Milliseconds until ln E, now `ln_e`, reaches `ln_bar`, for bad units that come `per_second`,
 * a part y of them on v2, against a null under which a part pi would be; UNKNOWN where they do
 * not lead there, or only after a year. Source: Wald 1945 (drift is rate times the
 * Kullback-Leibler divergence). */
int64_t verdict_eta_ms(
	double ln_bar, double ln_e, double phi, double per_second, double y, double pi);

/* Kullback-Leibler divergence of two Bernoulli laws, in nats. */
double verdict_divergence(double y, double pi);

#endif
