/* Forecast: what a share would show, and cost, before it is taken: bad units a minute, how long
 * until the judge would know of a v2 that is twice as bad, and how many it would hurt by then.
 * Tiny canaries are slower, not safer. */
#ifndef WEIR_MODEL_FORECAST_H
#define WEIR_MODEL_FORECAST_H

#include "model/judge.h"

/* What is known now. */
struct forecast_basis {
	const struct judge_policy *policy;
	double units_per_second; /* of both sides; NaN not known */
	double bad_rate;         /* v1's part of bad units, 0..1; NaN not known */
	struct ratio ratio;      /* of v2's odds of errors to v1's; NaN where nothing is known */
	double phi;              /* at least 1 */
	int64_t settle_ms;       /* after the change before units count; UNKNOWN: 0 */
	int64_t bake_ms;         /* 0: none */
};

#define FORECAST_WORSE 2.0 /* times as bad, as people imagine a bad v2 */

struct forecast {
	double v2_per_second;            /* units; NaN not known */
	double v2_bad, v2_worst, v1_bad; /* a minute: expected, credible, v1 there */
	int64_t known_ms, back_ms;       /* a v2 twice as bad: found, and rolled back */
	double hurt;                     /* bad units beyond v1's rate by then */
	int64_t safe_ms;                 /* an equal v2: shown to be safe */
	bool too_small;                  /* the bake ends before it could be known */
};

/* Numbers that cannot be said are NaN or UNKNOWN. `share_bp` 0..10000. */
void forecast_share(struct forecast *out, const struct forecast_basis *b, int share_bp);

/* Milliseconds until harm of `worse` times v1's rate is found at a share, without settling;
 * UNKNOWN: never, or only after a year. */
int64_t forecast_harm_ms(const struct forecast_basis *b, int share_bp, double worse);

/* Milliseconds until a v2 that equals v1 is shown to be safe; UNKNOWN likewise. */
int64_t forecast_safe_ms(const struct forecast_basis *b, int share_bp);

#endif
