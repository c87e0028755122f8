/* Odds: what the counts of one interval say about how much worse v2 is than v1, or than a limit,
 * as increments of a log likelihood at a grid of ratios of odds. For rare errors the ratio of
 * odds is the ratio of rates. Pure; no memory. */
#ifndef WEIR_MODEL_ODDS_H
#define WEIR_MODEL_ODDS_H

#include <stdbool.h>
#include <stdint.h>

#define ODDS_GRID 81 /* theta_k = 2^((k-40)/8): 1/32 .. 32 */
#define ODDS_ONE 40  /* theta = 1 */

/* Beside the grid. */
enum odds_point {
	ODDS_HARM = ODDS_GRID, /* theta0: more than that is harm */
	ODDS_SAFE,             /* theta1: less than that is safe */
	ODDS_BRAKE,            /* theta0, at least BRAKE_THETA */
	ODDS_POINTS,
};

/* An act by itself asks for more than any tolerance below it. */
#define BRAKE_THETA 1.2

/* The largest theta0, so that a mixture up to 16 lies above it, and the largest theta1. */
#define ODDS_HARM_MAX 15.0
#define ODDS_SAFE_MAX 32.0

struct odds {
	double theta[ODDS_POINTS], ln_theta[ODDS_POINTS];
};

/* Sets the points; 1 <= theta0 <= ODDS_HARM_MAX, 1 <= theta1 <= ODDS_SAFE_MAX. */
void odds_init(struct odds *o, double theta0, double theta1);

/* Units of an arm in one interval, and how many of them were bad. */
struct units {
	int64_t n, bad;
};

/* True when they can be: 0 <= bad <= n <= 2^52. */
bool units_are_sound(struct units u);

/* Two arms that share everything but the ratio: d[k] = x2 ln theta_k - ln(Z(theta_k) / Z(1)).
 * Returns false, with d all 0, where the counts could not have been others: they say nothing.
 * Both must be sound. Source: Fisher's noncentral hypergeometric likelihood, its margins given. */
bool odds_two(double d[ODDS_POINTS], const struct odds *o, struct units v1, struct units v2);

/* A rate that an arm is held against: ln(1 + p0 (theta_k - 1)), worked out once. Zero-initialised
 * it is of no rate. */
struct odds_rate {
	double p0, ln[ODDS_POINTS];
};

/* Makes it of p0, 0 < p0 < 1, unless it is already. */
void odds_rate_set(struct odds_rate *r, const struct odds *o, double p0);

/* One arm against such a rate: d[k] = x ln theta_k - n ln(1 + p0 (theta_k - 1)).
 * Returns false, with d all 0, without units. */
bool odds_one(
	double d[ODDS_POINTS], const struct odds *o, struct units u, const struct odds_rate *rate);

#endif
