/* Trial: the looks. Each run has its own seed, judge and traffic; threads share only the number of
 * the next run. */
#include "tests/judge/trial.h"

#include "model/mem.h"
#include "model/verdict.h"
#include "tests/judge/draw.h"
#include "tests/judge/rivals.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 2

struct judge_policy trial_policy(double tolerance, double margin)
{
	struct judge_policy p;
	judge_policy_init(&p);
	p.metric[JUDGED_P99] = false;
	p.tolerance = tolerance;
	p.margin = margin;
	return p;
}

/* ---- one run ---- */

/* The evidence with another phi. */
struct bare {
	struct odds odds;
	struct burst burst;
	struct evidence one, dispersion;
};

struct run {
	const struct trial *trial;
	struct traffic traffic;
	struct judge judge;
	struct bare bare;
	struct ztest ztest;
	struct threshold threshold;
	struct flagger flagger;
	struct kayenta kayenta;
	struct sprt sprt;
};

static void bare_look(struct bare *b, const struct judge_interval *i)
{
	double d[ODDS_POINTS];
	struct units v1 = i->arm[ARM_V1].units, v2 = i->arm[ARM_V2].units;
	if (odds_two(d, &b->odds, v1, v2)) {
		evidence_add(&b->one, d, 1);
		/* phi is twice the dispersion less one */
		evidence_add(&b->dispersion, d, (burst_phi(&b->burst) + 1) / 2);
	}
	burst_add(&b->burst, ARM_V1, v1);
	burst_add(&b->burst, ARM_V2, v2);
}

static enum judge_claim claim_of(const struct judge *j)
{
	return j->policy.metric[JUDGED_ERRORS] ? CLAIM_ERRORS : CLAIM_LATENCY;
}

static bool harms(const struct run *r, double alpha)
{
	const struct judge *j = &r->judge;
	return judge_ln_harm(j, claim_of(j)) >= log(judge_claims(&j->policy) / alpha);
}

static bool says(const struct run *r, enum verdict_word word)
{
	static const struct verdict_view view = {.age_ms = 0, .v2_expected = true};
	struct verdict v;
	verdict_read(&v, &r->judge, &view);
	return v.word == word;
}

/* The verdict costs words, which are only asked for where the evidence could bear them out. */
static bool is_safe(const struct run *r)
{
	const struct judge *j = &r->judge;
	for (int m = 0; m < JUDGED_COUNT; m++)
		if (j->policy.metric[m] && j->metric[m].now.ln_safe < judge_ln_safe(&j->policy))
			return false;
	return says(r, VERDICT_SAFE);
}

static bool is_late(const struct run *r)
{
	enum judged m = claim_of(&r->judge) == CLAIM_ERRORS ? JUDGED_ERRORS : JUDGED_P99;
	return r->judge.metric[m].now.ln_onset >= 0;
}

static bool is_lost(const struct run *r, double alpha)
{
	const struct judge *j = &r->judge;
	struct ratio ratio = evidence_interval(&j->metric[JUDGED_ERRORS].ratio, &j->ratio, alpha);
	double truth = r->trial->traffic.odds;
	return ratio.low >= truth || ratio.high <= truth;
}

static bool reaches(struct run *r, enum mark m, const struct judge_interval *i)
{
	const struct bare *b = &r->bare;
	switch (m) {
	case MARK_HARM_5:
		return harms(r, 0.05);
	case MARK_HARM_1:
		return harms(r, 0.01);
	case MARK_LATE:
		return is_late(r);
	case MARK_FOUND:
		return r->judge.finding[claim_of(&r->judge)].found && says(r, VERDICT_HARM);
	case MARK_BRAKE:
		return judge_brakes(&r->judge, claim_of(&r->judge));
	case MARK_SAFE:
		return is_safe(r);
	case MARK_LOST_5:
		return is_lost(r, 0.05);
	case MARK_LOST_1:
		return is_lost(r, 0.01);
	case MARK_SPLIT:
		return r->judge.split_off;
	case MARK_SENTINEL:
		return r->judge.untrusted;
	case MARK_ONE_5:
		return evidence_ln_harm(&b->one, &b->odds) >= log(1 / 0.05);
	case MARK_ONE_1:
		return evidence_ln_harm(&b->one, &b->odds) >= log(1 / 0.01);
	case MARK_DISPERSION_5:
		return evidence_ln_harm(&b->dispersion, &b->odds) >= log(1 / 0.05);
	case MARK_DISPERSION_1:
		return evidence_ln_harm(&b->dispersion, &b->odds) >= log(1 / 0.01);
	case MARK_ZTEST:
		return ztest_look(&r->ztest, i);
	case MARK_THRESHOLD:
		return threshold_look(&r->threshold, i);
	case MARK_FLAGGER:
		return flagger_look(&r->flagger, i);
	case MARK_KAYENTA:
		return kayenta_look(&r->kayenta, i);
	default:
		return sprt_look(&r->sprt, i, 0.01);
	}
}

#define BARE (MARK(ONE_5) | MARK(ONE_1) | MARK(DISPERSION_5) | MARK(DISPERSION_1))
#define RIVALS (MARK(ZTEST) | MARK(THRESHOLD) | MARK(FLAGGER) | MARK(KAYENTA) | MARK(SPRT))

static void begin(struct run *r, const struct trial *t, uint64_t seed)
{
	double truth = t->traffic.odds;
	memset(r, 0, sizeof *r);
	r->trial = t;
	traffic_init(&r->traffic, &t->traffic, seed);
	judge_init(&r->judge, &t->policy);
	odds_init(&r->bare.odds, 1 + t->policy.tolerance, 1 + t->policy.margin);
	sprt_init(&r->sprt, 1 + t->policy.tolerance, truth > 1 ? truth : 1);
}

static void one_run(struct run *r, const struct trial *t, uint64_t seed, struct trial_run *out)
{
	unsigned left = t->watch;
	bool ours = t->watch & ~(BARE | RIVALS);
	begin(r, t, seed);
	for (int m = 0; m < MARK_COUNT; m++)
		out->first_s[m] = NAN;
	while (r->traffic.second < t->traffic.span_s && left != 0 &&
		(t->until == 0 || (left & t->until) != 0)) {
		struct judge_interval i;
		int second = r->traffic.second;
		if (second == 0)
			judge_restart(&r->judge);
		traffic_next(&r->traffic, &i);
		if (ours)
			judge_look(&r->judge, &i);
		if (t->watch & BARE)
			bare_look(&r->bare, &i);
		for (int m = 0; m < MARK_COUNT && second >= 0; m++)
			if ((left & 1U << m) && reaches(r, (enum mark)m, &i)) {
				left &= ~(1U << m);
				out->first_s[m] = second + 1;
			}
		/* of v1 alone, only the watch over itself can say something */
		if (second < 0 && (left & MARK(SENTINEL)) && reaches(r, MARK_SENTINEL, &i)) {
			left &= ~MARK(SENTINEL);
			out->first_s[MARK_SENTINEL] = second + 1;
		}
	}
	judge_release(&r->judge);
}

/* ---- many ---- */

struct crew {
	const struct trial *trial;
	uint64_t seed;
	int64_t count;
	struct trial_run *out;
	atomic_llong next;
};

static void *work(void *arg)
{
	struct crew *c = arg;
	struct run *r = mem_new(1, sizeof *r);
	for (int64_t i; (i = atomic_fetch_add(&c->next, 1)) < c->count;)
		one_run(r, c->trial, draw_seed(c->seed, i), &c->out[i]);
	free(r);
	return NULL;
}

void trial_do(const struct trial *t, uint64_t seed, int64_t count, struct trial_run *out)
{
	struct crew crew = {.trial = t, .seed = seed, .count = count, .out = out};
	pthread_t thread[THREADS];
	int started = 0;
	for (int i = 1; i < THREADS; i++)
		if (pthread_create(&thread[started], NULL, work, &crew) == 0)
			started++;
	work(&crew);
	for (int i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

struct trial_sum trial_sum(const struct trial_run *runs, int64_t count, enum mark m)
{
	struct trial_sum s = {.runs = count, .mean_s = NAN, .median_s = NAN};
	double *times = mem_new((size_t)count + 1, sizeof *times), sum = 0;
	for (int64_t i = 0; i < count; i++)
		if (!isnan(runs[i].first_s[m]))
			times[s.fired++] = runs[i].first_s[m];
	for (int64_t i = 0; i < s.fired; i++)
		sum += times[i];
	if (s.fired > 0) {
		qsort(times, (size_t)s.fired, sizeof *times, compare);
		s.mean_s = sum / (double)s.fired;
		s.median_s = times[s.fired / 2];
	}
	free(times);
	return s;
}
