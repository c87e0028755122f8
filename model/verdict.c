/* Words for evidence. Reads the judge, changes nothing.
 *
 * Invariants:
 * 1. SAFE is the minimum over all metrics, HARM the first found.
 * 2. Without v1 beside it nothing is SAFE by comparison; a limit asks for no v1. */
#include "model/verdict.h"

#include "model/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const words[VERDICT_COUNT] = {
#define X(name, word) [VERDICT_##name] = word,
	VERDICT_INFO(X)
#undef X
};

static const char *const reasons[VERDICT_WHY_COUNT] = {
#define X(name, text) [VERDICT_WHY_##name] = text,
	VERDICT_WHY_INFO(X)
#undef X
};

const char *verdict_name(enum verdict_word w)
{
	return words[w];
}

enum verdict_word verdict_of(const char *word)
{
	int w = 0;
	while (w < VERDICT_COUNT && strcmp(words[w], word) != 0)
		w++;
	return (enum verdict_word)w;
}

/* ---- time to a verdict ---- */

double verdict_divergence(double y, double pi)
{
	double part = y > 0 ? y * log(y / pi) : 0;
	double rest = y < 1 ? (1 - y) * log((1 - y) / (1 - pi)) : 0;
	return part + rest;
}

#define YEAR_MS (365 * 86400000.0)

int64_t verdict_eta_ms(
	double ln_bar, double ln_e, double phi, double per_second, double y, double pi)
{
	if (!(pi > 0 && pi < 1 && y >= 0 && y <= 1) || !(per_second > 0))
		return UNKNOWN;
	double drift = per_second * verdict_divergence(y, pi);
	double left = ln_bar + 1 - ln_e;
	if (left <= 0)
		return 0;
	double ms = left * phi / drift * 1000;
	return ms < YEAR_MS ? (int64_t)ms : UNKNOWN;
}

static double part(double share, double theta)
{
	return share * theta / (share * theta + 1 - share);
}

/* Where a metric is heading, by the bad units of this bake. */
static int64_t metric_eta_ms(const struct judge *j, int m)
{
	const struct judge_metric *metric = &j->metric[m];
	const struct units *v1 = &metric->bake[ARM_V1], *v2 = &metric->bake[ARM_V2];
	double bad = (double)(v1->bad + v2->bad), n = (double)(v1->n + v2->n);
	const struct judge_policy *p = &j->policy;
	if (bad < 1 || n < 1 || j->bake_ms <= 0)
		return UNKNOWN;
	double theta0 = m == JUDGED_ERRORS ? 1 + p->tolerance : 1;
	double theta1 = m == JUDGED_ERRORS ? 1 + p->margin : 1;
	double y = (double)v2->bad / bad, share = (double)v2->n / n;
	double per_second = bad * 1000 / (double)j->bake_ms;
	int64_t eta_ms = UNKNOWN;
	if (y > part(share, theta0))
		eta_ms = verdict_eta_ms(judge_ln_found(p), metric->now.ln_harm, metric->now.phi,
			per_second, y, part(share, theta0));
	else if (m == JUDGED_ERRORS && y < part(share, theta1))
		eta_ms = verdict_eta_ms(judge_ln_safe(p), metric->now.ln_safe, metric->now.phi,
			per_second, y, part(share, theta1));
	return unit_plus(eta_ms, p->interval_ms);
}

/* ---- one metric ---- */

static double ln_mean_of_two(double a, double b)
{
	double most = fmax(a, b);
	return most + log1p(exp(fmin(a, b) - most)) - log(2);
}

#define QUIET_MS 10000
#define QUIET_GAPS 10 /* so many times its usual gap: by chance once in 22,000 */

/* An arm that had units has had none for long. */
static bool is_quiet(const struct judge *j, enum arm arm)
{
	int64_t quiet_ms = j->quiet_ms[arm], units = j->units_seen[arm];
	return units > 0 && quiet_ms >= QUIET_MS &&
		quiet_ms / QUIET_GAPS >= (j->span_ms[arm] - quiet_ms) / units;
}

static bool has_v1(const struct judge *j)
{
	return j->units_seen[ARM_V1] > 0 && j->share_bp != SHARE_FULL && !is_quiet(j, ARM_V1);
}

/* Evidence for safety by the routes that are open: the ratio beside a v1, errors' limit alone. */
static double ln_safe_of(const struct judge *j, int m)
{
	const struct judge_reading *r = &j->metric[m].now;
	double ratio = has_v1(j) ? r->ln_safe : -INFINITY;
	if (m != JUDGED_ERRORS || isnan(r->ln_limit_safe))
		return ratio;
	return ln_mean_of_two(ratio, r->ln_limit_safe);
}

static enum judge_claim claim_of(int m)
{
	return m == JUDGED_ERRORS ? CLAIM_ERRORS : CLAIM_LATENCY;
}

static enum judge_claim limit_claim_of(int m)
{
	return m == JUDGED_ERRORS ? CLAIM_ERRORS_LIMIT : CLAIM_LATENCY_LIMIT;
}

static bool has_limit_claim(int m)
{
	return m == JUDGED_ERRORS || m == JUDGED_P99;
}

/* The finding of a metric: its comparison's, else its limit's; NULL none. Of the quantiles the
 * one whose evidence is strongest is named. */
static const struct judge_finding *finding_of(const struct judge *j, int m, bool *limit)
{
	const struct judge_finding *f = &j->finding[claim_of(m)];
	*limit = false;
	if (f->found)
		return f;
	*limit = true;
	f = &j->finding[limit_claim_of(m)];
	return has_limit_claim(m) && f->found ? f : NULL;
}

static bool judge_untrusted(
	struct verdict *v, const struct judge *j, const struct verdict_view *view)
{
	if (j->untrusted)
		v->why = VERDICT_WHY_SENTINEL;
	else if (j->sticky && !j->sessions)
		v->why = VERDICT_WHY_STICKY;
	else if (view->counters)
		v->why = VERDICT_WHY_COUNTERS;
	return v->why != VERDICT_WHY_NONE;
}

static bool has_no_data(
	struct verdict *v, const struct judge *j, const struct verdict_view *view)
{
	if (view->age_ms == UNKNOWN || !view->v2_expected)
		v->why = VERDICT_WHY_NEVER;
	else if (j->looks == 0)
		v->why = VERDICT_WHY_SETTLING;
	else if (j->units_seen[ARM_V2] == 0)
		v->why = j->sessions ? VERDICT_WHY_NO_SESSION : VERDICT_WHY_NEVER;
	else if (is_quiet(j, ARM_V2))
		v->why = j->sessions ? VERDICT_WHY_QUIET_SESSION : VERDICT_WHY_QUIET;
	return v->why != VERDICT_WHY_NONE;
}

static enum verdict_why undecided(const struct judge *j, int m)
{
	const struct judge_metric *metric = &j->metric[m];
	int64_t bad = metric->since[ARM_V1].bad + metric->since[ARM_V2].bad;
	if (!has_v1(j))
		return VERDICT_WHY_NO_V1;
	if (bad == 0 && m == JUDGED_ERRORS && isnan(metric->now.ln_limit_safe))
		return VERDICT_WHY_CLEAN;
	double q = judged_quantile((enum judged)m);
	if (q > 0 && exceed_bucket(&j->exceed, q) < 0)
		return VERDICT_WHY_RARE;
	return metric->ratio.informative < 10 ? VERDICT_WHY_SMALL : VERDICT_WHY_BETWEEN;
}

static double bound_of(const struct judge *j, int m)
{
	double margin = 1 + j->policy.margin;
	const struct judge_reading *r = &j->metric[m].now;
	if (!has_v1(j) || r->ln_safe < judge_ln_safe(&j->policy))
		return NAN;
	return m == JUDGED_ERRORS ? fmin(margin, r->ratio.high) : margin;
}

static void judge_metric_word(struct verdict *v, const struct judge *j, int m)
{
	bool limit;
	const struct judge_finding *f = finding_of(j, m, &limit);
	v->metric = (enum judged)m;
	v->ratio = j->metric[m].now.ratio;
	v->ln_harm = j->metric[m].now.ln_harm;
	v->ln_safe = ln_safe_of(j, m);
	v->eta_ms = metric_eta_ms(j, m);
	if (f) {
		v->word = VERDICT_HARM;
		v->why = limit ? VERDICT_WHY_LIMIT : f->late ? VERDICT_WHY_LATE : VERDICT_WHY_PROVEN;
		v->since_wall_ms = f->since_wall_ms;
		v->eta_ms = 0;
	} else if (v->ln_safe >= judge_ln_safe(&j->policy)) {
		v->word = VERDICT_SAFE;
		v->bound = bound_of(j, m);
		v->eta_ms = 0;
	} else {
		v->word = VERDICT_UNDECIDED;
		v->why = undecided(j, m);
	}
}

/* ---- all of them ---- */

static bool is_worse(const struct verdict *a, const struct verdict *b)
{
	if (a->word != b->word)
		return a->word < b->word || (a->word == VERDICT_UNDECIDED && b->word == VERDICT_SAFE);
	if (a->word == VERDICT_HARM)
		return a->ln_harm > b->ln_harm;
	return a->ln_safe < b->ln_safe;
}

/* HARM before UNDECIDED before SAFE; of equals the strongest harm or the weakest safety. */
static bool decides(const struct verdict *a, const struct verdict *b)
{
	if (b->metric == JUDGED_COUNT)
		return true;
	if (a->word == VERDICT_SAFE && b->word == VERDICT_UNDECIDED)
		return false;
	return is_worse(a, b);
}

/* ---- harm so far ---- */

static double beyond(double bad, double theta)
{
	double hurt = isinf(theta) ? bad : theta > 1 ? bad * (1 - 1 / theta) : 0;
	return hurt;
}

static void read_harm(struct harm *h, const struct judge *j)
{
	const struct judge_metric *m = &j->metric[JUDGED_ERRORS];
	*h = (struct harm){NAN, NAN, NAN};
	if (!j->policy.metric[JUDGED_ERRORS] || j->looks == 0 || j->units_seen[ARM_V2] == 0)
		return;
	double bad = (double)m->since[ARM_V2].bad;
	h->low = beyond(bad, m->now.ratio.low);
	h->high = beyond(bad, m->now.ratio.high);
	h->bad = fmin(fmax(m->excess, h->low), h->high);
}

/* ---- words ---- */

#define ROUNDING 1e-9 /* of products such as 1.1 * 10 */

/* "1.3x", "12x": a bound, so never better than it is: up when `most`, else down. */
static void times_text(char *out, size_t size, double ratio, bool most)
{
	double places = ratio < 10 ? 10 : 1;
	double digits = ratio * places + (most ? -ROUNDING : ROUNDING);
	digits = most ? ceil(digits) : floor(digits);
	snprintf(out, size, "%.*fx", places > 1 && digits < 100 ? 1 : 0, digits / places);
}

static void write_text(
	struct verdict *v, const struct judge *j, const struct verdict_view *view)
{
	const char *metric = v->metric < JUDGED_COUNT ? judged_name(v->metric) : "";
	char age[24], times[16];
	switch (v->word) {
	case VERDICT_HARM:
		times_text(times, sizeof times, v->ratio.low, false);
		if (v->why == VERDICT_WHY_LIMIT)
			snprintf(v->text, sizeof v->text, "%s HARM, over its limit", metric);
		else if (v->metric == JUDGED_ERRORS && v->ratio.low >= 1.1)
			snprintf(v->text, sizeof v->text, "errors HARM, at least %s v1's", times);
		else
			snprintf(v->text, sizeof v->text, "%s HARM, worse than v1's", metric);
		return;
	case VERDICT_SAFE:
		times_text(times, sizeof times, v->bound, true);
		if (isnan(v->bound))
			snprintf(v->text, sizeof v->text, "%s SAFE, under the limit", metric);
		else
			snprintf(v->text, sizeof v->text, "%s SAFE, under %s v1's", metric, times);
		return;
	default:
		age[0] = 0;
		if (v->why == VERDICT_WHY_OLD)
			unit_age(age, sizeof age, view->age_ms);
		if (v->why == VERDICT_WHY_QUIET || v->why == VERDICT_WHY_QUIET_SESSION)
			unit_age(age, sizeof age, j->quiet_ms[ARM_V2]);
		snprintf(v->text, sizeof v->text, "%s%s%s: %s%s", metric, metric[0] ? " " : "",
			words[v->word], reasons[v->why], age);
	}
}

static void clear(struct verdict *v)
{
	*v = (struct verdict){.word = VERDICT_UNDECIDED,
		.metric = JUDGED_COUNT,
		.suspect = JUDGED_COUNT,
		.ratio = {0, NAN, INFINITY},
		.bound = NAN,
		.ln_harm = NAN,
		.ln_safe = NAN,
		.harm = {NAN, NAN, NAN},
		.since_wall_ms = UNKNOWN,
		.eta_ms = UNKNOWN};
}

/* The words that come from outside the evidence; true when one of them holds. `harm`: HARM was
 * found, which neither silence nor age takes back. */
static bool judge_outside(
	struct verdict *v, const struct judge *j, const struct verdict_view *view, bool harm)
{
	if (judge_untrusted(v, j, view))
		v->word = VERDICT_UNTRUSTWORTHY;
	else if (harm)
		return false;
	else if (has_no_data(v, j, view))
		v->word = VERDICT_NO_DATA;
	else if (view->stale) {
		v->word = VERDICT_STALE;
		v->why = VERDICT_WHY_OLD;
	} else
		return false;
	return true;
}

void verdict_metric(
	struct verdict *out, const struct judge *j, enum judged m, const struct verdict_view *view)
{
	clear(out);
	if (!j->policy.metric[m])
		return;
	struct verdict v = *out;
	judge_metric_word(&v, j, (int)m);
	out->metric = m;
	out->ratio = v.ratio;
	out->ln_harm = v.ln_harm;
	out->ln_safe = v.ln_safe;
	if (!judge_outside(out, j, view, v.word == VERDICT_HARM))
		*out = v;
	write_text(out, j, view);
}

/* When it will say more: the first that is heading for harm, else the last of the rest. */
static int64_t eta_of(const struct judge *j)
{
	int64_t harm_ms = UNKNOWN, rest_ms = 0;
	for (int m = 0; m < JUDGED_COUNT; m++) {
		if (!j->policy.metric[m])
			continue;
		const struct judge_metric *metric = &j->metric[m];
		int64_t eta_ms =
			ln_safe_of(j, m) >= judge_ln_safe(&j->policy) ? 0 : metric_eta_ms(j, m);
		bool to_harm = metric->now.ln_harm > metric->now.ln_safe;
		if (to_harm && eta_ms != UNKNOWN && (harm_ms == UNKNOWN || eta_ms < harm_ms))
			harm_ms = eta_ms;
		rest_ms = eta_ms == UNKNOWN || rest_ms == UNKNOWN ? UNKNOWN
			: eta_ms > rest_ms                            ? eta_ms
														  : rest_ms;
	}
	return harm_ms != UNKNOWN ? harm_ms : rest_ms;
}

/* Not the metric that decides the word: a limit may be kept by a v2 that is worse than v1. */
static enum judged suspect_of(const struct judge *j)
{
	int most = JUDGED_COUNT;
	for (int m = 0; m < JUDGED_COUNT; m++)
		if (j->policy.metric[m] &&
			judge_ln_harm(j, claim_of(m)) >= judge_ln_amber(&j->policy) &&
			(most == JUDGED_COUNT || j->metric[m].now.ln_harm > j->metric[most].now.ln_harm))
			most = m;
	return (enum judged)most;
}

void verdict_read(struct verdict *out, const struct judge *j, const struct verdict_view *view)
{
	clear(out);
	for (int m = 0; m < JUDGED_COUNT; m++) {
		struct verdict v;
		clear(&v);
		if (!j->policy.metric[m])
			continue;
		judge_metric_word(&v, j, m);
		if (decides(&v, out))
			*out = v;
	}
	bool harm = out->word == VERDICT_HARM;
	if (out->word == VERDICT_UNDECIDED)
		out->eta_ms = eta_of(j);
	struct verdict v = *out;
	v.why = VERDICT_WHY_NONE;
	if (judge_outside(&v, j, view, harm)) {
		*out = v;
		out->metric = JUDGED_COUNT;
		out->eta_ms = UNKNOWN;
	}
	out->suspected = judge_suspects(j);
	out->suspect = suspect_of(j);
	out->brakes = out->word != VERDICT_UNTRUSTWORTHY &&
		(judge_brakes(j, CLAIM_ERRORS) || judge_brakes(j, CLAIM_LATENCY));
	read_harm(&out->harm, j);
	write_text(out, j, view);
}
