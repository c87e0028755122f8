/* Sentences about evidence. A latency's ratio is one of odds of being slow, which nobody would
 * read as such in passing: only errors tell theirs here. */
#include "tui/judge_words.h"

#include "model/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- numbers ---- */

void judge_words_times(char *out, size_t size, double ratio)
{
	if (isnan(ratio))
		snprintf(out, size, "-");
	else if (ratio > 32)
		snprintf(out, size, ">32x");
	else if (ratio < 0.05)
		snprintf(out, size, "<0.1x");
	else
		snprintf(out, size, ratio < 9.95 ? "%.1fx" : "%.0fx", ratio);
}

void judge_words_bound(char *out, size_t size, double ratio)
{
	snprintf(out, size,
		ratio > 0 && ratio < 0.095 ? "%.2f"
			: ratio < 9.95         ? "%.1f"
								   : "%.0f",
		ratio);
}

void judge_words_ratio(char *out, size_t size, const struct ratio *r, const char *whose)
{
	char times[16], low[16], high[16];
	bool has_low = r->low > 0, has_high = isfinite(r->high);
	judge_words_times(times, sizeof times, r->ratio);
	judge_words_bound(low, sizeof low, r->low);
	judge_words_bound(high, sizeof high, has_high ? r->high : 0);
	if (isnan(r->ratio) || (!has_low && !has_high))
		snprintf(out, size, "%s", "");
	else if (!has_high)
		snprintf(out, size, "%s%s (over %s)", times, whose, low);
	else if (!has_low)
		snprintf(out, size, "%s%s (under %s)", times, whose, high);
	else
		snprintf(out, size, "%s%s (%s to %s)", times, whose, low, high);
}

void judge_words_time(char *out, size_t size, int64_t ms)
{
	static const struct {
		int64_t below_s, unit_s;
		const char *word;
	} steps[] = {
		{120, 1, "s"}, {120 * 60, 60, "min"}, {48 * 3600, 3600, "h"}, {INT64_MAX, 86400, "d"}};
	if (ms == UNKNOWN) {
		snprintf(out, size, "-");
		return;
	}
	int64_t s = ms / 1000 + (ms % 1000 > 0);
	size_t i = 0;
	while (s >= steps[i].below_s)
		i++;
	snprintf(out, size, "%lld %s", (long long)((s + steps[i].unit_s / 2) / steps[i].unit_s),
		steps[i].word);
}

/* ---- one metric ---- */

static bool at_rest(const struct standing *s)
{
	return s->reported_bp == 0 && s->open < 0;
}

void judge_words_verdict(struct verdict *out, const struct pool *p, enum judged m)
{
	const struct standing *s = &p->standing;
	const struct verdict_view view = {.age_ms = s->age_ms,
		.stale = s->freshness > FRESHNESS_LATE,
		.counters = s->doubtful,
		.v2_expected = !at_rest(s)};
	verdict_metric(out, &p->judging->judge, m, &view);
}

bool judge_words_suspects(const struct pool *p, enum judged m)
{
	const struct judge *j = &p->judging->judge;
	enum judge_claim claim = m == JUDGED_ERRORS ? CLAIM_ERRORS : CLAIM_LATENCY;
	return j->finding[claim].found || judge_ln_harm(j, claim) >= judge_ln_amber(&j->policy);
}

enum role judge_words_role(enum verdict_word w, bool looks)
{
	static const enum role roles[VERDICT_COUNT] = {[VERDICT_NONE] = ROLE_DIM,
		[VERDICT_UNTRUSTWORTHY] = ROLE_WARN,
		[VERDICT_HARM] = ROLE_FAIL,
		[VERDICT_NO_DATA] = ROLE_WARN,
		[VERDICT_STALE] = ROLE_WARN,
		[VERDICT_SAFE] = ROLE_OK,
		[VERDICT_UNDECIDED] = ROLE_TEXT};
	return looks && (w == VERDICT_UNDECIDED || w == VERDICT_SAFE) ? ROLE_WARN : roles[w];
}

/* ", verdict in 2 min", or why it is open; the separator is the caller's. */
static void open_text(char *out, size_t size, const struct verdict *v, enum judge_form form)
{
	static const char *const reasons[] = {
#define X(name, text) [VERDICT_WHY_##name] = text,
		VERDICT_WHY_INFO(X)
#undef X
	};
	char time[16];
	judge_words_time(time, sizeof time, v->eta_ms);
	if (form == JUDGE_LEAST)
		snprintf(out, size, "%s", "");
	else if (v->word == VERDICT_UNDECIDED && v->eta_ms != UNKNOWN)
		snprintf(out, size, "verdict in %s", time);
	else
		snprintf(out, size, "%s", form == JUDGE_FULL ? reasons[v->why] : "");
}

static void undecided(char *out, size_t size, const struct verdict *v, enum judge_form form)
{
	const char *name = judged_name(v->metric);
	char ratio[48] = "", news[64];
	if (v->metric == JUDGED_ERRORS)
		judge_words_ratio(ratio, sizeof ratio, &v->ratio, "");
	open_text(news, sizeof news, v, form);
	if (*ratio)
		snprintf(out, size, "%s %s%s%s", name, ratio, *news ? ", " : "", news);
	else if (*news)
		snprintf(out, size, "%s: %s", name, news);
	else
		snprintf(out, size, "%s UNDECIDED", name);
}

/* Suspected: a v2 within its limit may be worse than v1 nevertheless. */
static void suspected(char *out, size_t size, const struct verdict *v, enum judge_form form)
{
	char ratio[48] = "";
	bool errors = v->metric == JUDGED_ERRORS;
	if (errors)
		judge_words_ratio(ratio, sizeof ratio, &v->ratio, "");
	snprintf(out, size, "%s %s%s%s%s", judged_name(v->metric),
		errors ? "look worse" : "looks slower", *ratio ? ", " : "", ratio,
		form == JUDGE_LEAST ? "" : ", not proven yet");
}

/* A limit that v1 breaks as well proves nothing against v2: that is said in one breath. */
static bool is_v1_over_too(const struct pool *p, const struct verdict *v)
{
	enum metric m = v->metric == JUDGED_ERRORS ? METRIC_ERRORS : METRIC_P99;
	return v->word == VERDICT_HARM && v->why == VERDICT_WHY_LIMIT &&
		p->standing.guard.metric[m].both;
}

static void proven(
	char *out, size_t size, const struct pool *p, const struct verdict *v, enum judge_form form)
{
	char times[16];
	if (is_v1_over_too(p, v))
		snprintf(out, size, "%s over the limit, v1's too%s", judged_name(v->metric),
			form == JUDGE_FULL ? ": no proof against v2" : "");
	else if (form == JUDGE_FULL && v->word == VERDICT_HARM && v->since_wall_ms != UNKNOWN) {
		char clock[16];
		unit_clock(clock, sizeof clock, v->since_wall_ms);
		snprintf(out, size, "%s, since %sZ", v->text, clock);
	} else if (form != JUDGE_LEAST) {
		snprintf(out, size, "%s", v->text);
	} else if (v->word == VERDICT_SAFE && !isnan(v->bound)) {
		judge_words_times(times, sizeof times, v->bound);
		snprintf(out, size, "%s SAFE, under %s", judged_name(v->metric), times);
	} else {
		snprintf(out, size, "%s %s", judged_name(v->metric), verdict_name(v->word));
	}
}

static void write_metric(struct judge_words *out, const struct pool *p, const struct verdict *v,
	enum judge_form form)
{
	bool look = v->word != VERDICT_HARM && judge_words_suspects(p, v->metric);
	out->role = look || is_v1_over_too(p, v) ? ROLE_WARN : judge_words_role(v->word, false);
	if (look)
		suspected(out->text, sizeof out->text, v, form);
	else if (v->word == VERDICT_UNDECIDED)
		undecided(out->text, sizeof out->text, v, form);
	else
		proven(out->text, sizeof out->text, p, v, form);
}

void judge_words_metric(
	struct judge_words *out, const struct pool *p, enum judged m, enum judge_form form)
{
	struct verdict v;
	judge_words_verdict(&v, p, m);
	if (v.metric == JUDGED_COUNT)
		*out = (struct judge_words){ROLE_DIM, "-"};
	else
		write_metric(out, p, &v, form);
}

/* ---- all ---- */

const char *judge_words_whose(const struct pool *p)
{
	return p->standing.owner == OWNER_RECORD ? "the recorder" : "the pool";
}

int judge_words_rank(const struct pool *p, const struct verdict *v)
{
	if (v->word == VERDICT_HARM)
		return 0;
	if (judge_words_suspects(p, v->metric))
		return 1;
	return v->word == VERDICT_SAFE ? 3 : 2;
}

static bool is_outside(enum verdict_word w)
{
	return w == VERDICT_UNTRUSTWORTHY || w == VERDICT_NO_DATA || w == VERDICT_STALE;
}

/* Own evidence: a word that holds for all metrics, or metric by metric. */
static int write_own(struct judge_words out[JUDGED_COUNT], const struct pool *p,
	enum judge_form first, enum judge_form rest)
{
	const struct verdict *all = &p->standing.verdict;
	int n = 0;
	if (is_outside(all->word)) {
		bool quiet = all->word == VERDICT_NO_DATA && at_rest(&p->standing);
		out[0].role = quiet ? ROLE_DIM : judge_words_role(all->word, false);
		text_copy(out[0].text, sizeof out[0].text, all->text);
		return 1;
	}
	for (int wanted = 0; wanted < JUDGE_RANKS; wanted++)
		for (int m = 0; m < JUDGED_COUNT; m++) {
			struct verdict v;
			judge_words_verdict(&v, p, (enum judged)m);
			if (v.metric == JUDGED_COUNT || judge_words_rank(p, &v) != wanted)
				continue;
			write_metric(&out[n], p, &v, n == 0 ? first : rest);
			n++;
		}
	return n;
}

int judge_words_all(struct judge_words out[JUDGE_PARTS], const struct pool *p,
	enum judge_form first, enum judge_form rest)
{
	const struct standing *s = &p->standing;
	/* What both say is said once. */
	if (!s->judge_cited || s->judge_word == s->verdict.word)
		return write_own(out, p, first, rest);
	out[0].role = judge_words_role(s->judge_word, false);
	snprintf(out[0].text, sizeof out[0].text, "%s, says %s", verdict_name(s->judge_word),
		judge_words_whose(p));
	int n = 1 + write_own(out + 1, p, first, rest);
	char own[JUDGE_WORDS_MAX];
	text_copy(own, sizeof own, out[1].text);
	snprintf(out[1].text, sizeof out[1].text, "here %.140s", own);
	text_mend(out[1].text);
	return n;
}

/* ---- harm ---- */

/* Wall time of the last change of the share, or of the start where there was none, and until what
 * was routed before was done: the latest of all nodes; UNKNOWN. */
static int64_t changed_wall_ms(const struct pool *p)
{
	int64_t latest = UNKNOWN;
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		if (!node_is_usable(n))
			return UNKNOWN;
		const struct change *c = &n->last->change;
		int64_t age_ms = c->known && c->age_ms != UNKNOWN ? c->age_ms : n->last->uptime_ms;
		if (age_ms == UNKNOWN)
			return UNKNOWN;
		int64_t settle_ms = n->last->settle_ms == UNKNOWN ? 0 : n->last->settle_ms;
		int64_t at_ms = n->last_at.wall_ms - age_ms + settle_ms;
		latest = at_ms > latest ? at_ms : latest;
	}
	return latest;
}

#define SOON_MS 10000 /* a judge begins with the first look that is settled */

bool judge_words_since(char *out, size_t size, const struct pool *p)
{
	const struct judge *j = &p->judging->judge;
	int64_t changed = changed_wall_ms(p);
	if (j->began_wall_ms == UNKNOWN || changed == UNKNOWN || at_rest(&p->standing) ||
		j->began_wall_ms - changed <= SOON_MS)
		return false;
	char clock[16];
	unit_clock(clock, sizeof clock, j->began_wall_ms);
	snprintf(out, size, "%.5s", clock);
	return true;
}

static enum role harm_role(const struct standing *s)
{
	if (s->verdict.word == VERDICT_HARM)
		return ROLE_FAIL;
	return s->verdict.harm.low >= 1 ? ROLE_WARN : ROLE_TEXT;
}

/* The errors broke a limit, and no unit that was judged failed: the ones that did were too young, or
 * ended with the split that was given up. */
static bool fails_uncounted(const struct pool *p, const struct units *v2)
{
	const struct guard_latch *l = &p->latch;
	bool latched = l->red && (l->by_judge || l->by_pool || l->metric == METRIC_ERRORS);
	return v2->bad == 0 &&
		(latched || p->standing.guard.metric[METRIC_ERRORS].state == GUARD_RED);
}

static long long whole(double n)
{
	return llround(n);
}

void judge_words_harm(struct judge_words *out, const struct pool *p, enum judge_form form)
{
	const struct standing *s = &p->standing;
	const struct harm *h = &s->verdict.harm;
	const struct judge *j = &p->judging->judge;
	const char *units = j->sessions ? "sessions" : "requests";
	char since[8], young[40] = "";
	if (isnan(h->bad)) {
		*out = (struct judge_words){ROLE_DIM, "-"};
		return;
	}
	out->role = harm_role(s);
	if (form < JUDGE_LEAST && judge_words_since(since, sizeof since, p))
		snprintf(young, sizeof young, "; judging since %s", since);
	const char *beyond = form == JUDGE_FULL ? " beyond v1's rate" : "";
	const struct units *v2 = &j->metric[JUDGED_ERRORS].since[ARM_V2];
	char n[24];
	unit_count(n, sizeof n, v2->n);
	if (fails_uncounted(p, v2)) {
		out->role = ROLE_WARN;
		if (form == JUDGE_FULL)
			snprintf(out->text, sizeof out->text,
				"unknown: what failed is not among the %s %s counted%s", n, units, young);
		else
			text_copy(out->text, sizeof out->text, "unknown");
	} else if (form == JUDGE_LEAST)
		snprintf(out->text, sizeof out->text, "%lld (%lld..%lld)", whole(h->bad), whole(h->low),
			whole(h->high));
	else if (v2->bad == 0)
		snprintf(
			out->text, sizeof out->text, "none seen (none of %s %s failed)%s", n, units, young);
	else if (whole(h->high) == 0)
		snprintf(out->text, sizeof out->text, "none seen (at most v1's rate)%s", young);
	else if (whole(h->bad) == 0)
		snprintf(out->text, sizeof out->text, "none seen (%lld to %lld %s%s)%s", whole(h->low),
			whole(h->high), units, beyond, young);
	else
		snprintf(out->text, sizeof out->text, "%lld (%lld to %lld) %s%s%s", whole(h->bad),
			whole(h->low), whole(h->high), units, beyond, young);
}
