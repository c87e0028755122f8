/* Sentry: the pool's own eye on its arms: differences of their counters, the window that limits
 * are judged on, the judge's evidence, the guard's word. Pure: what it acts on is control's. */
#ifndef WEIR_CLIENT_ENGINE_SENTRY_H
#define WEIR_CLIENT_ENGINE_SENTRY_H

#include "client/engine/control.h"
#include "model/judging.h"
#include "model/window.h"

struct sentry {
	bool primed;
	int64_t last_boot_ms;
	struct arm_counts last[ARM_COUNT];
	struct window window[ARM_COUNT];
	struct judging *judging; /* owned; NULL before the first look */
	bool rested;             /* v2 had its baseline: its next share begins another attempt */
	unsigned operations;     /* that it was judged on */
};

/* How the split stands. */
struct sentry_split {
	int share_bp;
	bool asked;            /* v2 has more than the baseline, and limits */
	bool at_base;          /* v2 has no more than the baseline */
	unsigned operations;   /* bits of those that v2 may get */
	bool resumed;          /* a person accepted what was red: judged anew */
	int64_t change_age_ms; /* UNKNOWN: it never changed */
	int64_t uptime_ms, settle_ms;
};

/* Large: allocate it zeroed. */
void sentry_release(struct sentry *s);

/* v2 has no share any more, were it for less than a look: what it did is no word on what it is
 * given next. */
void sentry_rest(struct sentry *s);

/* Takes both arms' counters of this moment and judges the window by the limits. While v2 has
 * nothing to be asked for, its window stays empty: what it did before is no word on what it is
 * given next. */
void sentry_look(struct sentry *s, const struct arm_counts arms[ARM_COUNT],
	const struct guard_limits *limits, const struct sentry_split *split, struct instant now,
	struct control_guard *out);

#endif
