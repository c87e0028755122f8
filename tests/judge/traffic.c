/* Traffic: the draws. Every second n units are routed, each to v2 with its share, and each is bad
 * or not by its arm's probability; the shapes say what is not so. */
#include "tests/judge/traffic.h"

#include "tests/judge/draw.h"

#include <math.h>
#include <string.h>

#define BURST 5
#define SWING_S 1200
#define BROKEN_FAILS 0.5 /* of the requests of a broken session */
#define SHARE_BEFORE 0.5

double traffic_worse(double bad, double odds)
{
	return odds * bad / (1 - bad + odds * bad);
}

void traffic_init(struct traffic *t, const struct traffic_case *c, uint64_t seed)
{
	*t = (struct traffic){.c = c, .state = seed, .second = -c->lead_s};
}

static double share_of(const struct traffic *t)
{
	static const double steps[] = {0.01, 0.1, 0.5, 1};
	if (t->second < 0)
		return t->c->shape == TRAFFIC_TIMEOUTS ? SHARE_BEFORE : 0;
	if (t->c->shape == TRAFFIC_STEPS)
		return steps[t->second * 4 / t->c->span_s];
	return t->c->share;
}

static double bad_of(const struct traffic *t, int arm)
{
	double bad = t->c->bad;
	if (t->c->shape == TRAFFIC_SWINGS)
		bad *= pow(10, (1 - cos(2 * M_PI * t->second / SWING_S)) / 2);
	return arm == ARM_V2 && t->second >= t->c->onset_s ? traffic_worse(bad, t->c->odds) : bad;
}

/* ---- independent units, and bursts ---- */

static int64_t failed(struct traffic *t, int64_t n, double bad)
{
	if (t->c->shape != TRAFFIC_BURSTS)
		return draw_binomial(&t->state, n, bad);
	return BURST * draw_binomial(&t->state, n / BURST, bad) +
		draw_binomial(&t->state, n % BURST, bad);
}

static void independent(struct traffic *t, struct judge_interval *out)
{
	int64_t n = (int64_t)t->c->rate, v2 = draw_binomial(&t->state, n, share_of(t));
	const int64_t units[ARM_COUNT] = {n - v2, v2};
	for (int arm = 0; arm < ARM_COUNT; arm++)
		out->arm[arm].units =
			(struct units){.n = units[arm], .bad = failed(t, units[arm], bad_of(t, arm))};
	if (!t->c->halves)
		return;
	struct units v1 = out->arm[ARM_V1].units, *half = out->half;
	half[0].bad = draw_binomial(&t->state, v1.bad, 0.5);
	half[0].n = half[0].bad + draw_binomial(&t->state, v1.n - v1.bad, 0.5);
	half[1] = (struct units){.n = v1.n - half[0].n, .bad = v1.bad - half[0].bad};
}

/* ---- cohorts: what began in one second ---- */

static struct traffic_cohort *cohort(struct traffic *t, int ago)
{
	int count = TRAFFIC_SETTLE_S + 1;
	return &t->cohort[((t->second - ago) % count + count) % count];
}

static void begin_cohort(struct traffic *t, int64_t n)
{
	struct traffic_cohort *now = cohort(t, 0);
	now->n[2] = draw_binomial(&t->state, n, share_of(t));
	now->n[0] = draw_binomial(&t->state, n - now->n[2], 0.5);
	now->n[1] = n - now->n[2] - now->n[0];
	for (int g = 0; g < 3; g++)
		now->bad[g] = draw_binomial(&t->state, now->n[g], bad_of(t, g == 2 ? ARM_V2 : ARM_V1));
}

static void tell(struct judge_interval *out, const struct units group[3])
{
	out->half[0] = group[0];
	out->half[1] = group[1];
	out->arm[ARM_V1].units =
		(struct units){.n = group[0].n + group[1].n, .bad = group[0].bad + group[1].bad};
	out->arm[ARM_V2].units = group[2];
}

static void sessions(struct traffic *t, struct judge_interval *out)
{
	struct units group[3];
	begin_cohort(t, (int64_t)(t->c->rate / TRAFFIC_SESSION_S));
	const struct traffic_cohort *done = cohort(t, TRAFFIC_SETTLE_S);
	for (int g = 0; g < 3; g++)
		group[g] = (struct units){.n = done->n[g],
			.bad = draw_binomial(
				&t->state, done->bad[g], 1 - pow(1 - BROKEN_FAILS, TRAFFIC_SESSION_S))};
	tell(out, group);
}

static void requests_of_sessions(struct traffic *t, struct judge_interval *out)
{
	struct units group[3] = {{0}};
	begin_cohort(t, (int64_t)(t->c->rate / TRAFFIC_SESSION_S));
	for (int g = 0; g < 3; g++) {
		int64_t broken = 0;
		for (int ago = 0; ago < TRAFFIC_SESSION_S; ago++) {
			group[g].n += cohort(t, ago)->n[g];
			broken += cohort(t, ago)->bad[g];
		}
		group[g].bad = draw_binomial(&t->state, broken, BROKEN_FAILS);
	}
	tell(out, group);
}

static void timeouts(struct traffic *t, struct judge_interval *out)
{
	struct units group[3];
	begin_cohort(t, (int64_t)t->c->rate);
	const struct traffic_cohort *now = cohort(t, 0), *late = cohort(t, TRAFFIC_TIMEOUT_S);
	for (int g = 0; g < 3; g++)
		group[g] =
			(struct units){.n = now->n[g] - now->bad[g] + late->bad[g], .bad = late->bad[g]};
	tell(out, group);
}

/* ---- a second ---- */

static bool is_settled(const struct traffic *t)
{
	return !t->c->settling || t->second < 0 || t->second >= TRAFFIC_TIMEOUT_S;
}

static void latencies(struct traffic *t, struct judge_interval *out)
{
	if (!t->c->law[ARM_V1])
		return;
	int i = t->second < 0 ? 0 : (int)((int64_t)t->second * t->c->laws / t->c->span_s);
	memset(t->latency, 0, sizeof t->latency);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		law_draw(&t->c->law[arm][i], &t->state, out->arm[arm].units.n, &t->latency[arm]);
		out->arm[arm].latency = &t->latency[arm];
	}
}

void traffic_next(struct traffic *t, struct judge_interval *out)
{
	static void (*const shapes[])(struct traffic *, struct judge_interval *) = {
		[TRAFFIC_STEADY] = independent,
		[TRAFFIC_STEPS] = independent,
		[TRAFFIC_SWINGS] = independent,
		[TRAFFIC_BURSTS] = independent,
		[TRAFFIC_SESSIONS] = sessions,
		[TRAFFIC_STICKY] = requests_of_sessions,
		[TRAFFIC_TIMEOUTS] = timeouts,
	};
	double share = share_of(t);
	if (t->second >= 0 && t->c->asked > 0)
		share = t->c->asked;
	int64_t end_ms = ((int64_t)t->second + t->c->lead_s + 1) * 1000;
	*out = (struct judge_interval){
		.at = {.boot_ms = end_ms, .wall_ms = end_ms},
		.length_ms = 1000,
		.sessions = t->c->called_sessions || t->c->shape == TRAFFIC_SESSIONS,
		.sticky = t->c->shape == TRAFFIC_SESSIONS || t->c->shape == TRAFFIC_STICKY,
		.settled = is_settled(t),
		.share_bp = (int)lround(share * 10000),
	};
	shapes[t->c->shape](t, out);
	latencies(t, out);
	t->second++;
}
