/* The likelihoods on the grid. */
#include "model/odds.h"

#include "model/hypergeometric.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void odds_init(struct odds *o, double theta0, double theta1)
{
	assert(theta0 >= 1 && theta0 <= ODDS_HARM_MAX);
	assert(theta1 >= 1 && theta1 <= ODDS_SAFE_MAX);
	for (int k = 0; k < ODDS_GRID; k++)
		o->theta[k] = exp2((k - ODDS_ONE) / 8.0);
	o->theta[ODDS_HARM] = theta0;
	o->theta[ODDS_SAFE] = theta1;
	o->theta[ODDS_BRAKE] = fmax(theta0, BRAKE_THETA);
	for (int k = 0; k < ODDS_POINTS; k++)
		o->ln_theta[k] = log(o->theta[k]);
}

bool units_are_sound(struct units u)
{
	return u.bad >= 0 && u.bad <= u.n && u.n <= HYPERGEOMETRIC_MAX;
}

static bool says_nothing(double d[ODDS_POINTS])
{
	for (int k = 0; k < ODDS_POINTS; k++)
		d[k] = 0;
	return false;
}

bool odds_two(double d[ODDS_POINTS], const struct odds *o, struct units v1, struct units v2)
{
	assert(units_are_sound(v1) && units_are_sound(v2));
	int64_t bad = v1.bad + v2.bad;
	if (v1.n == 0 || v2.n == 0 || bad == 0 || bad == v1.n + v2.n)
		return says_nothing(d);
	double ln_z[ODDS_POINTS];
	hypergeometric_ln_z(ln_z, o->theta, ODDS_POINTS, v1.n, v2.n, bad);
	for (int k = 0; k < ODDS_POINTS; k++)
		d[k] = (double)v2.bad * o->ln_theta[k] - ln_z[k];
	return true;
}

void odds_rate_set(struct odds_rate *r, const struct odds *o, double p0)
{
	assert(p0 > 0 && p0 < 1);
	if (memcmp(&r->p0, &p0, sizeof p0) == 0)
		return;
	r->p0 = p0;
	for (int k = 0; k < ODDS_POINTS; k++)
		r->ln[k] = log1p(p0 * (o->theta[k] - 1));
}

bool odds_one(
	double d[ODDS_POINTS], const struct odds *o, struct units u, const struct odds_rate *rate)
{
	assert(units_are_sound(u) && rate->p0 > 0);
	if (u.n == 0)
		return says_nothing(d);
	for (int k = 0; k < ODDS_POINTS; k++)
		d[k] = (double)u.bad * o->ln_theta[k] - (double)u.n * rate->ln[k];
	return true;
}
