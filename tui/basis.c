/* Units, rates and evidence of a pool, from its judge where that has seen enough, else from the
 * window. */
#include "tui/basis.h"

#include <math.h>

#define ENOUGH_MS 10000 /* of traffic before its rate is one */

/* Sessions are known to the judge alone; of requests the newest rate is the better one. */
static double units_per_second(const struct pool *p)
{
	const struct judge *j = &p->judging->judge;
	const struct arm_figures *f = p->standing.arms;
	if (!j->sessions)
		return f[ARM_V1].rate + f[ARM_V2].rate;
	if (j->span_ms[ARM_V1] < ENOUGH_MS)
		return NAN;
	return (double)(j->units_seen[ARM_V1] + j->units_seen[ARM_V2]) * 1000 /
		(double)j->span_ms[ARM_V1];
}

static double bad_rate(const struct pool *p)
{
	const struct units *v1 = &p->judging->judge.metric[JUDGED_ERRORS].since[ARM_V1];
	if (v1->n > 0)
		return (double)v1->bad / (double)v1->n;
	return p->standing.arms[ARM_V1].error_rate;
}

static int64_t settle_ms(const struct pool *p)
{
	int64_t most = UNKNOWN;
	for (int k = 0; k < p->node_count; k++)
		if (node_is_usable(&p->nodes[k]) && p->nodes[k].last->settle_ms > most)
			most = p->nodes[k].last->settle_ms;
	return most;
}

void basis_of(struct forecast_basis *out, const struct pool *p)
{
	const struct judge *j = &p->judging->judge;
	const struct judge_reading *now = &j->metric[JUDGED_ERRORS].now;
	*out = (struct forecast_basis){.policy = &j->policy,
		.units_per_second = units_per_second(p),
		.bad_rate = bad_rate(p),
		.ratio = now->ratio,
		.phi = now->phi >= 1 ? now->phi : 1,
		.settle_ms = settle_ms(p),
		.bake_ms = p->has_plan && p->plan.policy.bake ? p->plan.bake_ms : 0};
}
