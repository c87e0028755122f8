/* Evidence: the log likelihoods of all looks so far, and what they prove. E-values: by Ville's
 * inequality one under its null ever reaches 1/a with probability at most a, however often it is
 * looked at. Pure.
 *
 * Sources: Ville 1939; Lindon et al., KDD 2022; Turner, Ly and Gruenwald 2022; Shin, Ramdas and
 * Rinaldo 2022 (the sum that starts anew at every look). */
#ifndef WEIR_MODEL_EVIDENCE_H
#define WEIR_MODEL_EVIDENCE_H

#include "model/odds.h"

/* Zero-initialised it has seen nothing. */
struct evidence {
	double ln[ODDS_POINTS];  /* log likelihood at each point, relative to theta = 1 */
	double onset[ODDS_GRID]; /* sums over every possible beginning */
	int64_t informative;     /* looks that could have been otherwise */
};

/* Adds the increments of one informative look, tempered by phi >= 1, which must not depend on
 * this look. */
void evidence_add(struct evidence *e, const double d[ODDS_POINTS], double phi);

/* ln of the e-value against `theta <= theta0` at all looks. */
double evidence_ln_harm(const struct evidence *e, const struct odds *o);

/* The same against theta0 or 1.2, whichever is more. */
double evidence_ln_brake(const struct evidence *e, const struct odds *o);

/* ln of the e-value against `theta >= theta1` at all looks. */
double evidence_ln_safe(const struct evidence *e, const struct odds *o);

/* ln of the two-sided e-value against theta = 1 at all looks. */
double evidence_ln_apart(const struct evidence *e);

/* ln of the statistic for harm that began at some look; not an e-value: it reaches A by chance at
 * most once in A looks on average. -infinity before the first informative look. */
double evidence_ln_onset(const struct evidence *e, const struct odds *o);

/* Ratios that are not ruled out: low <= ratio <= high; high infinite, low 0 where nothing on
 * that side is ruled out. `ratio` is NaN before the first informative look. */
struct ratio {
	double low, ratio, high;
};

/* Covers a constant ratio at all looks at once with probability 1 - alpha. */
struct ratio evidence_interval(const struct evidence *e, const struct odds *o, double alpha);

#endif
