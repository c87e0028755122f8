/* The judge's looks. Not its words, and not what anyone does about them.
 *
 * Invariants:
 * 1. Whatever an interval is judged by (phi, thresholds) is known before it: each is read first
 *    and fed last.
 * 2. A look that could not have been otherwise changes no evidence.
 * 3. A finding latches; what is suspected, or brakes, is what the evidence says now. */
#include "model/judge.h"

#include "model/hypergeometric.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

/* ---- what is judged, and the bars ---- */

static bool is_latency(int m)
{
	return judged_quantile((enum judged)m) > 0;
}

static bool errors_limited(const struct judge_policy *p)
{
	return p->metric[JUDGED_ERRORS] && p->error_limit > 0 && p->error_limit < 1;
}

static bool latency_limited(const struct judge_policy *p)
{
	return p->metric[JUDGED_P99] && p->latency_limit_us != UNKNOWN;
}

static bool limited(const struct judge_policy *p, int m)
{
	return (m == JUDGED_ERRORS && errors_limited(p)) || (m == JUDGED_P99 && latency_limited(p));
}

static bool claimed(const struct judge_policy *p, enum judge_claim c)
{
	switch (c) {
	case CLAIM_ERRORS:
		return p->metric[JUDGED_ERRORS];
	case CLAIM_LATENCY:
		return p->metric[JUDGED_P50] || p->metric[JUDGED_P95] || p->metric[JUDGED_P99];
	case CLAIM_ERRORS_LIMIT:
		return errors_limited(p);
	default:
		return latency_limited(p);
	}
}

int judge_claims(const struct judge_policy *p)
{
	int count = 0;
	for (int c = 0; c < CLAIM_COUNT; c++)
		count += claimed(p, (enum judge_claim)c);
	return count > 0 ? count : 1;
}

#define AMBER 20
#define BRAKE 1000
#define ONSET_MS (30 * 86400000.0) /* one false alarm in that time at most */
#define APART 1000
#define SENTINEL 100
#define REQUESTS_A_SESSION 20

double judge_ln_found(const struct judge_policy *p)
{
	return log(judge_claims(p) / p->alpha);
}

double judge_ln_amber(const struct judge_policy *p)
{
	return log(AMBER * judge_claims(p));
}

double judge_ln_brake(const struct judge_policy *p)
{
	return log(BRAKE * judge_claims(p));
}

double judge_ln_safe(const struct judge_policy *p)
{
	return log(1 / p->beta);
}

/* ---- beginnings ---- */

static void read_metric(struct judge *j, int m);

static void adopt(struct judge *j, const struct judge_policy *p)
{
	j->policy = *p;
	odds_init(&j->ratio, 1 + p->tolerance, 1 + p->margin);
}

void judge_set_policy(struct judge *j, const struct judge_policy *p)
{
	if (judge_policy_equals(&j->policy, p))
		return;
	adopt(j, p);
	judge_restart(j);
}

void judge_init(struct judge *j, const struct judge_policy *p)
{
	memset(j, 0, sizeof *j);
	adopt(j, p);
	odds_init(&j->level, 1, 1);
	j->share_bp = -1;
	judge_restart(j);
}

void judge_release(struct judge *j)
{
	exceed_release(&j->exceed);
	memset(j, 0, sizeof *j);
}

void judge_restart(struct judge *j)
{
	for (int m = 0; m < JUDGED_COUNT; m++) {
		struct burst kept = j->metric[m].burst;
		j->metric[m] = (struct judge_metric){.burst = kept};
		/* what is known of v2 is known of what it was */
		j->metric[m].burst.has_last[ARM_V2] = false;
		read_metric(j, m);
	}
	memset(j->finding, 0, sizeof j->finding);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		j->quiet_ms[arm] = UNKNOWN;
		j->units_seen[arm] = j->span_ms[arm] = 0;
	}
	j->looks = j->bake_ms = 0;
	j->began_wall_ms = UNKNOWN;
}

void judge_skip(struct judge *j)
{
	for (int m = 0; m < JUDGED_COUNT; m++)
		burst_break(&j->metric[m].burst);
}

/* ---- one look ---- */

/* An interval, and how many of its units were timed. */
struct look {
	const struct judge_interval *interval;
	int64_t timed[ARM_COUNT];
};

/* What one metric makes of an interval. */
struct bad_units {
	struct units harm[ARM_COUNT]; /* compared at the tolerance */
	struct units safe[ARM_COUNT]; /* compared at the margin; errors: the same */
	struct units limit;           /* v2 against the limit */
	bool known, limit_known;
};

static void errors_of(struct bad_units *b, const struct judge_interval *i)
{
	for (int arm = 0; arm < ARM_COUNT; arm++)
		b->harm[arm] = b->safe[arm] = i->arm[arm].units;
	b->limit = i->arm[ARM_V2].units;
	b->known = b->limit_known = true;
}

static struct units slower(const struct look *l, enum arm arm, int bucket)
{
	const struct histogram *h = l->interval->arm[arm].latency;
	return (struct units){.n = l->timed[arm], .bad = exceed_count(h, bucket)};
}

static void slow_of(struct bad_units *b, const struct judge *j, int m, const struct look *l)
{
	const struct histogram *v1 = l->interval->arm[ARM_V1].latency;
	const struct histogram *v2 = l->interval->arm[ARM_V2].latency;
	const struct judge_policy *p = &j->policy;
	int bucket = exceed_bucket(&j->exceed, judged_quantile((enum judged)m));
	if (v2 && limited(p, m)) {
		b->limit = slower(l, ARM_V2, exceed_up((double)p->latency_limit_us));
		b->limit_known = true;
	}
	if (!v1 || !v2 || bucket < 0)
		return;
	double edge_us = (double)histogram_edge_us(bucket);
	b->harm[ARM_V1] = b->safe[ARM_V1] = slower(l, ARM_V1, bucket);
	b->harm[ARM_V2] = slower(l, ARM_V2, exceed_up(edge_us * (1 + p->tolerance)));
	b->safe[ARM_V2] = slower(l, ARM_V2, exceed_down(edge_us * (1 + p->margin)));
	b->known = true;
}

static double limit_rate(const struct judge *j, int m)
{
	return is_latency(m) ? 1 - judged_quantile((enum judged)m) : j->policy.error_limit;
}

static const struct odds *odds_of(const struct judge *j, int m)
{
	return is_latency(m) ? &j->level : &j->ratio;
}

/* Sums of what a pool says end here. */
#define SUM_MAX (INT64_MAX / 4)

static void add_up(int64_t *sum, int64_t n)
{
	*sum = *sum > SUM_MAX - n ? SUM_MAX : *sum + n;
}

static void count(struct units sum[ARM_COUNT], const struct units u[ARM_COUNT])
{
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		add_up(&sum[arm].n, u[arm].n);
		add_up(&sum[arm].bad, u[arm].bad);
	}
}

static bool compare(struct judge *j, int m, const struct bad_units *b)
{
	struct judge_metric *metric = &j->metric[m];
	double d[ODDS_POINTS], phi = burst_phi(&metric->burst);
	bool said = odds_two(d, odds_of(j, m), b->harm[ARM_V1], b->harm[ARM_V2]);
	if (said)
		evidence_add(&metric->ratio, d, phi);
	if (is_latency(m) && odds_two(d, odds_of(j, m), b->safe[ARM_V1], b->safe[ARM_V2]))
		evidence_add(&metric->safe, d, phi);
	count(metric->since, b->harm);
	if (said)
		count(metric->bake, b->harm);
	const struct units *v1 = &b->harm[ARM_V1], *v2 = &b->harm[ARM_V2];
	if (v1->n == 0 || v2->n == 0)
		return said;
	double beyond = (double)v2->bad - (double)v2->n * (double)v1->bad / (double)v1->n;
	metric->excess += beyond;
	metric->recent = fmax(metric->recent + beyond, 0);
	return said;
}

static void look_at(struct judge *j, int m, const struct look *l)
{
	struct judge_metric *metric = &j->metric[m];
	struct bad_units b = {0};
	double d[ODDS_POINTS];
	if (is_latency(m))
		slow_of(&b, j, m, l);
	else
		errors_of(&b, l->interval);
	if (b.limit_known && limited(&j->policy, m)) {
		odds_rate_set(&metric->limit_rate, &j->level, limit_rate(j, m));
		if (odds_one(d, &j->level, b.limit, &metric->limit_rate))
			evidence_add(&metric->limit, d, 1);
	}
	if (!b.known) {
		burst_break(&metric->burst);
		return;
	}
	compare(j, m, &b);
	for (int arm = 0; arm < ARM_COUNT; arm++)
		burst_add(&metric->burst, (enum arm)arm, b.harm[arm]);
}

/* ---- is the traffic what it is taken for ---- */

static void look_at_split(struct judge *j, const struct judge_interval *i)
{
	struct units v1 = i->arm[ARM_V1].units, v2 = i->arm[ARM_V2].units;
	double d[ODDS_POINTS];
	if (i->share_bp < 0)
		return;
	if (i->share_bp == 0 || i->share_bp == SHARE_FULL) {
		add_up(&j->wrong_side, i->share_bp == 0 ? v2.n : v1.n);
		j->split_off |= j->wrong_side > 0;
		return;
	}
	const struct units all = {.n = v1.n + v2.n, .bad = v2.n};
	odds_rate_set(&j->split_rate, &j->level, i->share_bp / (double)SHARE_FULL);
	if (units_are_sound(all) && odds_one(d, &j->level, all, &j->split_rate))
		evidence_add(&j->split, d, i->sessions ? 1 : REQUESTS_A_SESSION);
	j->split_off |= evidence_ln_apart(&j->split) >= log(APART);
}

bool judge_totals_apart(
	const struct judge *j, int share_bp, struct units since_change, bool sessions)
{
	struct odds_rate rate = {0};
	struct evidence e = {0};
	double d[ODDS_POINTS];
	if (share_bp <= 0 || share_bp >= SHARE_FULL || !units_are_sound(since_change))
		return false;
	odds_rate_set(&rate, &j->level, share_bp / (double)SHARE_FULL);
	if (odds_one(d, &j->level, since_change, &rate))
		evidence_add(&e, d, sessions ? 1 : REQUESTS_A_SESSION);
	return evidence_ln_apart(&e) >= log(APART);
}

static void look_at_itself(struct judge *j, const struct judge_interval *i)
{
	double d[ODDS_POINTS];
	if (i->sessions || !units_are_sound(i->half[0]) || !units_are_sound(i->half[1]))
		return;
	if (odds_two(d, &j->level, i->half[0], i->half[1]))
		evidence_add(&j->sentinel, d, 1);
	/* Not for ever: one crash of a worker of v1 looks the same, and evens out. */
	j->untrusted = evidence_ln_apart(&j->sentinel) >= log(SENTINEL);
}

/* Another share is another split to test, and another bake. */
static void note_share(struct judge *j, const struct judge_interval *i)
{
	if (i->share_bp < 0 || (i->share_bp == j->share_bp && !i->changed))
		return;
	j->share_bp = i->share_bp;
	j->split = (struct evidence){0};
	j->split_off = false;
	j->wrong_side = j->bake_ms = 0;
	for (int m = 0; m < JUDGED_COUNT; m++)
		memset(j->metric[m].bake, 0, sizeof j->metric[m].bake);
}

static void note_traffic(struct judge *j, const struct judge_interval *i)
{
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		add_up(&j->units_seen[arm], i->arm[arm].units.n);
		if (i->arm[arm].units.n > 0)
			j->quiet_ms[arm] = 0;
		else
			j->quiet_ms[arm] = unit_plus(j->quiet_ms[arm], i->length_ms);
		if (j->units_seen[arm] > 0)
			j->span_ms[arm] += i->length_ms;
	}
}

/* ---- what it says ---- */

static void read_metric(struct judge *j, int m)
{
	struct judge_metric *metric = &j->metric[m];
	const struct odds *o = odds_of(j, m);
	double looks = ONSET_MS / (double)j->policy.interval_ms;
	metric->now = (struct judge_reading){
		.ratio = evidence_interval(&metric->ratio, o, j->policy.alpha),
		.ln_harm = evidence_ln_harm(&metric->ratio, o),
		.ln_brake = evidence_ln_brake(&metric->ratio, o),
		.ln_safe = evidence_ln_safe(is_latency(m) ? &metric->safe : &metric->ratio, o),
		.ln_onset = evidence_ln_onset(&metric->ratio, o) - log(looks),
		.ln_limit_harm = NAN,
		.ln_limit_safe = NAN,
		.phi = burst_phi(&metric->burst),
	};
	if (!limited(&j->policy, m))
		return;
	metric->now.ln_limit_harm = evidence_ln_harm(&metric->limit, &j->level);
	metric->now.ln_limit_safe = evidence_ln_safe(&metric->limit, &j->level);
}

/* The errors' figure, or the average over the quantiles. */
static double claim_ln(const struct judge *j, enum judge_claim c, size_t offset)
{
	double ln[JUDGED_COUNT], most = -INFINITY, sum = 0;
	int count = 0;
	for (int m = 0; m < JUDGED_COUNT; m++) {
		if (!j->policy.metric[m] || is_latency(m) != (c == CLAIM_LATENCY))
			continue;
		ln[count] = *(const double *)((const char *)&j->metric[m].now + offset);
		most = fmax(most, ln[count++]);
	}
	if (isinf(most))
		return most;
	for (int k = 0; k < count; k++)
		sum += exp(ln[k] - most);
	return most + log(sum / count);
}

double judge_ln_harm(const struct judge *j, enum judge_claim c)
{
	if (!claimed(&j->policy, c))
		return -INFINITY;
	if (c == CLAIM_ERRORS_LIMIT)
		return j->metric[JUDGED_ERRORS].now.ln_limit_harm;
	if (c == CLAIM_LATENCY_LIMIT)
		return j->metric[JUDGED_P99].now.ln_limit_harm;
	return claim_ln(j, c, offsetof(struct judge_reading, ln_harm));
}

static bool is_comparison(enum judge_claim c)
{
	return c == CLAIM_ERRORS || c == CLAIM_LATENCY;
}

static bool began_late(const struct judge *j, enum judge_claim c)
{
	return is_comparison(c) && claimed(&j->policy, c) &&
		claim_ln(j, c, offsetof(struct judge_reading, ln_onset)) >= 0;
}

static double most_excess(const struct judge *j, enum judge_claim c, bool recent)
{
	double most = 0;
	for (int m = 0; m < JUDGED_COUNT; m++) {
		const struct judge_metric *metric = &j->metric[m];
		if (j->policy.metric[m] && is_latency(m) == (c == CLAIM_LATENCY))
			most = fmax(most, recent ? metric->recent : metric->excess);
	}
	return most;
}

bool judge_brakes(const struct judge *j, enum judge_claim c)
{
	if (!is_comparison(c) || !claimed(&j->policy, c))
		return false;
	if (j->untrusted || (j->sticky && !j->sessions))
		return false;
	bool proven =
		claim_ln(j, c, offsetof(struct judge_reading, ln_brake)) >= judge_ln_brake(&j->policy);
	/* What went well before it began is no excuse for what began late. */
	return (proven && most_excess(j, c, false) >= BRAKE_EXCESS) ||
		(began_late(j, c) && most_excess(j, c, true) >= BRAKE_EXCESS);
}

bool judge_has_found(const struct judge *j)
{
	bool found = j->untrusted || j->split_off;
	for (int c = 0; c < CLAIM_COUNT; c++)
		found |= j->finding[c].found;
	return found;
}

bool judge_suspects(const struct judge *j)
{
	double bar = judge_ln_amber(&j->policy);
	return judge_ln_harm(j, CLAIM_ERRORS) >= bar || judge_ln_harm(j, CLAIM_LATENCY) >= bar;
}

static void find(struct judge *j, struct instant at)
{
	for (int c = 0; c < CLAIM_COUNT; c++) {
		struct judge_finding *f = &j->finding[c];
		if (f->found)
			continue;
		bool proven = judge_ln_harm(j, (enum judge_claim)c) >= judge_ln_found(&j->policy);
		f->late = !proven && began_late(j, (enum judge_claim)c);
		f->found = proven || f->late;
		f->since_wall_ms = at.wall_ms;
	}
}

#define LENGTH_MAX_MS 86400000 /* a longer one is no interval */

/* All units of a histogram; -1 where a bucket, or all together, cannot be a number of units. */
static int64_t total_of(const struct histogram *h)
{
	int64_t total = 0;
	bool wrong = false;
	for (int b = 0; h && b < HISTOGRAM_BUCKETS; b++) {
		wrong |= h->count[b] < 0 || h->count[b] > HYPERGEOMETRIC_MAX;
		total += wrong ? 0 : h->count[b];
	}
	return wrong || total > HYPERGEOMETRIC_MAX ? -1 : total;
}

static bool is_sound(const struct look *l)
{
	const struct judge_interval *i = l->interval;
	bool sound = i->length_ms > 0 && i->length_ms <= LENGTH_MAX_MS;
	for (int arm = 0; arm < ARM_COUNT; arm++)
		sound = sound && units_are_sound(i->arm[arm].units) && l->timed[arm] >= 0;
	return sound;
}

void judge_look(struct judge *j, const struct judge_interval *i)
{
	const struct look look = {
		i, {total_of(i->arm[ARM_V1].latency), total_of(i->arm[ARM_V2].latency)}};
	if (!is_sound(&look)) {
		judge_skip(j);
		return;
	}
	/* Sessions and requests are not the same units, nor a pair. */
	if (i->sessions != j->sessions) {
		judge_skip(j);
		judge_restart(j);
	}
	j->sessions = i->sessions;
	j->sticky = i->sticky;
	note_share(j, i);
	note_traffic(j, i);
	if (i->settled) {
		if (j->began_wall_ms == UNKNOWN)
			j->began_wall_ms = i->at.wall_ms - i->length_ms;
		j->looks++;
		j->bake_ms += i->length_ms;
		for (int m = 0; m < JUDGED_COUNT; m++)
			if (j->policy.metric[m])
				look_at(j, m, &look);
		look_at_split(j, i);
		look_at_itself(j, i);
		for (int m = 0; m < JUDGED_COUNT; m++)
			if (j->policy.metric[m])
				read_metric(j, m);
		find(j, i->at);
	} else {
		judge_skip(j);
	}
	if (i->arm[ARM_V1].latency)
		exceed_add(&j->exceed, i->arm[ARM_V1].latency);
}
