/* Wald's approximation, forwards: the drift of the evidence under a v2 that is imagined. */
#include "model/forecast.h"

#include "model/verdict.h"

#include <math.h>

static double fraction(int share_bp)
{
	return share_bp / (double)SHARE_FULL;
}

/* v2's part of the bad units when its odds are theta times v1's. */
static double part(double share, double theta)
{
	return share * theta / (share * theta + 1 - share);
}

static double odds_rate(double rate, double theta)
{
	double odds = rate / (1 - rate) * theta;
	return odds / (1 + odds);
}

/* Until ln E reaches the bar when the truth is theta and the null is theta_null. */
static int64_t reach_ms(const struct forecast_basis *b, int share_bp, double ln_bar,
	double theta, double theta_null)
{
	double share = fraction(share_bp);
	double bad = b->units_per_second *
		(share * odds_rate(b->bad_rate, theta) + (1 - share) * b->bad_rate);
	int64_t ms =
		verdict_eta_ms(ln_bar, 0, b->phi, bad, part(share, theta), part(share, theta_null));
	return unit_plus(ms, b->policy->interval_ms);
}

static bool is_known(const struct forecast_basis *b)
{
	return b->units_per_second > 0 && b->bad_rate > 0 && b->bad_rate < 1;
}

int64_t forecast_harm_ms(const struct forecast_basis *b, int share_bp, double worse)
{
	double theta0 = 1 + b->policy->tolerance;
	if (!is_known(b) || worse <= theta0)
		return UNKNOWN;
	return reach_ms(b, share_bp, judge_ln_found(b->policy), worse, theta0);
}

int64_t forecast_safe_ms(const struct forecast_basis *b, int share_bp)
{
	if (!is_known(b))
		return UNKNOWN;
	return reach_ms(b, share_bp, judge_ln_safe(b->policy), 1, 1 + b->policy->margin);
}

/* The same to where it brakes: its own bar and null, and enough of them. */
static int64_t brake_ms(const struct forecast_basis *b, int share_bp, double worse)
{
	double theta0 = fmax(1 + b->policy->tolerance, BRAKE_THETA);
	if (!is_known(b) || worse <= theta0)
		return UNKNOWN;
	int64_t ms = reach_ms(b, share_bp, judge_ln_brake(b->policy), worse, theta0);
	double excess = b->units_per_second * fraction(share_bp) *
		(odds_rate(b->bad_rate, worse) - b->bad_rate);
	double enough_ms = BRAKE_EXCESS / excess * 1000;
	if (ms == UNKNOWN || !(enough_ms < INT32_MAX * 1000.0))
		return UNKNOWN;
	return enough_ms > (double)ms ? (int64_t)enough_ms : ms;
}

void forecast_share(struct forecast *out, const struct forecast_basis *b, int share_bp)
{
	double share = fraction(share_bp);
	int64_t settle_ms = b->settle_ms == UNKNOWN ? 0 : b->settle_ms;
	double units = b->units_per_second * share;
	double minute = units * 60 * b->bad_rate;
	/* odds for rates: near enough where they are small, never above all units */
	*out = (struct forecast){.v2_per_second = units,
		.v2_bad = fmin(minute * b->ratio.ratio, units * 60),
		.v2_worst = fmin(minute * b->ratio.high, units * 60),
		.v1_bad = minute};
	if (isnan(b->ratio.ratio) || isnan(minute))
		out->v2_bad = NAN;
	if (isnan(b->ratio.high) || isinf(b->ratio.high) || isnan(minute))
		out->v2_worst = NAN;
	out->known_ms = unit_plus(forecast_harm_ms(b, share_bp, FORECAST_WORSE), settle_ms);
	out->back_ms = unit_plus(brake_ms(b, share_bp, FORECAST_WORSE), settle_ms);
	out->safe_ms = unit_plus(forecast_safe_ms(b, share_bp), settle_ms);
	out->hurt = out->back_ms == UNKNOWN
		? NAN
		: units * (odds_rate(b->bad_rate, FORECAST_WORSE) - b->bad_rate) *
			(double)out->back_ms / 1000;
	/* What is not known is not too small, and one side alone is no comparison. */
	bool compares = is_known(b) && share_bp > 0 && share_bp < SHARE_FULL;
	out->too_small =
		compares && b->bake_ms > 0 && (out->known_ms == UNKNOWN || out->known_ms > b->bake_ms);
}
