/* Pairs of successive intervals; given their sum, a part of it is hypergeometric. */
#include "model/burst.h"

#include <math.h>

#define PAIRS_MOST 3600
#define PAIRS_LEAST 30
#define PHI_YOUNG 5.0

static void add_pair(struct burst *b, struct units before, struct units now)
{
	double n = (double)(before.n + now.n), bad = (double)(before.bad + now.bad);
	double f = (double)now.n / n;
	if (bad <= 0 || bad >= n)
		return;
	double d = (double)now.bad - bad * f;
	b->apart += d * d;
	b->expected += bad * f * (1 - f) * (n - bad) / (n - 1);
	if (++b->pairs < PAIRS_MOST)
		return;
	b->apart /= 2;
	b->expected /= 2;
	b->pairs /= 2;
}

void burst_add(struct burst *b, enum arm arm, struct units u)
{
	if (u.n <= 0) {
		b->has_last[arm] = false;
		return;
	}
	if (b->has_last[arm])
		add_pair(b, b->last[arm], u);
	b->last[arm] = u;
	b->has_last[arm] = true;
}

void burst_break(struct burst *b)
{
	b->has_last[ARM_V1] = b->has_last[ARM_V2] = false;
}

double burst_phi(const struct burst *b)
{
	double phi = b->expected > 0 ? fmax(1, 2 * b->apart / b->expected - 1) : 1;
	return b->pairs < PAIRS_LEAST ? fmax(phi, PHI_YOUNG) : phi;
}
