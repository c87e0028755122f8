/* The Guards screen: what the judge knows of each metric, in words, in a row of figures and in
 * plots, and where v2 fails. The one screen with raw statistics. */
#include "tui/graph.h"
#include "tui/judge_words.h"
#include "tui/view.h"
#include "tui/view_failures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- metrics, the worst first ---- */

struct list {
	enum series at[SERIES_COUNT];
	int count;
};

/* A smaller one comes first. */
static int rank(const struct pool *p, enum series m)
{
	struct verdict v = {.word = VERDICT_NONE};
	if (series_row(m)->judged == JUDGED_COUNT)
		return JUDGE_RANKS;
	judge_words_verdict(&v, p, series_row(m)->judged);
	return v.metric == JUDGED_COUNT ? JUDGE_RANKS : judge_words_rank(p, &v);
}

static void find_metrics(struct list *l, const struct pool *p)
{
	*l = (struct list){0};
	for (int wanted = 0; wanted <= JUDGE_RANKS; wanted++)
		for (int m = 0; m < SERIES_COUNT; m++)
			if (series_is_guarded(p, (enum series)m) && rank(p, (enum series)m) == wanted)
				l->at[l->count++] = (enum series)m;
}

/* ---- words ---- */

#define WORDS_MAX 6

struct words {
	struct judge_words row[WORDS_MAX];
	int count;
};

static void say(struct words *w, enum role role, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void say(struct words *w, enum role role, const char *format, ...)
{
	struct judge_words *row = &w->row[w->count++];
	va_list args;
	va_start(args, format);
	vsnprintf(row->text, sizeof row->text, format, args);
	va_end(args);
	text_mend(row->text);
	row->role = role;
}

/* What the verdict's sentence says behind its word. */
static const char *why_text(const struct verdict *v)
{
	const char *word = verdict_name(v->word), *at = strstr(v->text, word);
	return at ? at + strlen(word) + strspn(at + strlen(word), ":, ") : "";
}

/* What was found, by how much, since when, and whether it is enough to act on. */
static void say_harmful(struct words *w, const struct pool *p, const struct verdict *v)
{
	const char *name = judged_name(v->metric);
	char ratio[48], since[16] = "-";
	if (v->since_wall_ms != UNKNOWN)
		unit_clock(since, sizeof since, v->since_wall_ms);
	judge_words_ratio(ratio, sizeof ratio, &v->ratio, " v1's");
	if (v->why == VERDICT_WHY_LIMIT) {
		say(w, ROLE_FAIL, "%s HARM, over its limit, since %sZ%s", name, since,
			p->standing.guard.both ? "; v1 breaks it too" : "");
		return;
	}
	say(w, ROLE_FAIL, "%s HARM, %s, since %sZ%s; %s to act on by itself", name,
		v->metric == JUDGED_ERRORS && *ratio ? ratio : "worse than v1's", since,
		v->why == VERDICT_WHY_LATE ? ", late" : "",
		p->standing.verdict.brakes ? "enough" : "too few");
}

/* What is open, by how much, and when more is known. */
static void say_open(struct words *w, const struct verdict *v)
{
	char ratio[48] = "", time[24], next[48] = "";
	if (v->metric == JUDGED_ERRORS)
		judge_words_ratio(ratio, sizeof ratio, &v->ratio, " v1's");
	judge_words_time(time, sizeof time, v->eta_ms);
	if (v->eta_ms != UNKNOWN)
		snprintf(next, sizeof next, "; verdict in %s", time);
	say(w, ROLE_TEXT, "%s%s%s%s", v->text, *ratio ? "; v2 " : "", ratio, next);
}

/* Suspected, whatever else is proven: a limit may be kept by a v2 that is worse than v1. */
static void say_suspected(struct words *w, const struct pool *p, const struct verdict *v)
{
	struct judge_words look;
	judge_words_metric(&look, p, v->metric, JUDGE_SHORT);
	say(w, look.role, "%s%s%s", look.text, v->word == VERDICT_SAFE ? "; " : "",
		v->word == VERDICT_SAFE ? why_text(v) : "");
}

/* This process' own word: one for all, or that on the worst metric. */
static void say_own(struct words *w, const struct pool *p, const struct list *metrics)
{
	const struct verdict *all = &p->standing.verdict;
	enum judged m = series_row(metrics->at[0])->judged;
	struct verdict worst = {.metric = JUDGED_COUNT};
	if (metrics->count > 0 && m < JUDGED_COUNT)
		judge_words_verdict(&worst, p, m);
	if (worst.metric == JUDGED_COUNT || all->metric == JUDGED_COUNT)
		say(w, judge_words_role(all->word, false), "%s", all->text);
	else if (worst.word == VERDICT_HARM)
		say_harmful(w, p, &worst);
	else if (judge_words_suspects(p, m))
		say_suspected(w, p, &worst);
	else if (worst.word == VERDICT_SAFE)
		say(w, ROLE_OK, "%s", all->text);
	else
		say_open(w, &worst);
}

/* Another's word that is ours too. */
static bool is_said_twice(const struct standing *s)
{
	return s->judge_cited && s->judge_word == s->verdict.word &&
		(!s->judge_text[0] || strcmp(s->judge_text, s->verdict.text) == 0);
}

/* The word that counts, where it is another's. */
static void say_cited(struct words *w, const struct pool *p)
{
	const struct standing *s = &p->standing;
	if (!s->judge_cited || is_said_twice(s))
		return;
	const char *quote = s->judge_text[0] ? "\"" : "";
	say(w, judge_words_role(s->judge_word, false), "%s says %s%s%s%s%s", judge_words_whose(p),
		verdict_name(s->judge_word), *quote ? ": " : "", quote, s->judge_text, quote);
}

static void say_harm(struct words *w, const struct pool *p)
{
	struct judge_words harm;
	judge_words_harm(&harm, p, JUDGE_FULL);
	say(w, harm.role, "harm so far: %s", harm.text);
}

/* By what rules, since when, from how much. */
static void say_rules(struct words *w, const struct pool *p)
{
	const struct judge *j = &p->judging->judge;
	char looks[24], since[24];
	const char *by = j->sessions ? "session" : "request";
	unit_count(looks, sizeof looks, j->looks);
	if (j->began_wall_ms == UNKNOWN || j->looks == 0) {
		say(w, ROLE_DIM, "by %s, not looked yet", by);
		return;
	}
	unit_clock(since, sizeof since, j->began_wall_ms);
	say(w, ROLE_DIM, "by %s since %sZ, %s looks; log10 E: HARM at %.1f, SAFE at %.1f", by,
		since, looks, judge_ln_found(&j->policy) / log(10),
		judge_ln_safe(&j->policy) / log(10));
}

/* How the way back was walked last; of one that no plan asks about nothing is said. */
static void say_drill(struct words *w, const struct pool *p)
{
	char drilled[48];
	if (!p->has_plan || (p->standing.drilled.age_ms == UNKNOWN && !p->plan.policy.drill_ms))
		return;
	drill_text(drilled, sizeof drilled, &p->standing.drilled);
	say(w, ROLE_DIM, "last drill %s", drilled);
}

static void find_words(struct words *w, const struct pool *p, const struct list *metrics)
{
	w->count = 0;
	say_cited(w, p);
	say_own(w, p, metrics);
	if (is_said_twice(&p->standing)) {
		char own[JUDGE_WORDS_MAX];
		text_copy(own, sizeof own, w->row[0].text);
		w->count = 0;
		say(w, w->row[0].role, "%s; so says %s", own, judge_words_whose(p));
	}
	say_harm(w, p);
	if (p->standing.split_off)
		say(w, ROLE_WARN, "traffic is not split as asked: v2 gets another share of it");
	say_rules(w, p);
	say_drill(w, p);
}

static char *last_of(char *text, const char *what)
{
	char *last = NULL;
	for (char *at = text; (at = strstr(at, what)); at++)
		last = at;
	return last;
}

/* Whole statements, as many as there is room for. */
static void shorten(char *text, int columns)
{
	for (char *end; text_width(text) > columns && (end = last_of(text, "; ")); *end = 0)
		;
}

static void draw_words(
	struct surface *s, struct rect r, const struct view *v, const struct words *w)
{
	for (int i = 0; i < w->count && i < r.h; i++) {
		char text[JUDGE_WORDS_MAX];
		text_copy(text, sizeof text, w->row[i].text);
		shorten(text, r.w - 1);
		surface_text(s, r, r.x + 1, r.y + i, view_role(v->pool, w->row[i].role), text);
	}
}

/* ---- the table ---- */

/* Where columns begin (name, ratio, word, why) or end. */
enum { AT_NAME = 6, AT_V1 = 18, AT_V2 = 24, AT_LIMIT = 33, AT_RATIO = 35, AT_WORD = 50 };
enum { AT_HARM = 69, AT_SAFE = 75, AT_PHI = 80, AT_NEXT = 89, AT_WHY = 91 };

static void ten(char *out, size_t size, double ln)
{
	double log_10 = ln / log(10);
	if (!isfinite(ln))
		snprintf(out, size, "-");
	else
		snprintf(out, size, "%.1f", fabs(log_10) < 0.05 ? 0 : log_10);
}

static void draw_titles(struct surface *s, struct rect r)
{
	static const struct {
		const char *word;
		int right;
	} titles[] = {{"v1", AT_V1}, {"v2", AT_V2}, {"limit", AT_LIMIT}, {"harm", AT_HARM},
		{"safe", AT_SAFE}, {"phi", AT_PHI}, {"next", AT_NEXT}};
	surface_text(s, r, r.x + 1, r.y, ROLE_TITLE, "GUARDS");
	for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
		if (titles[i].right <= r.w)
			surface_text_right(s, r, r.x + titles[i].right, r.y, ROLE_DIM, titles[i].word);
	surface_text(s, r, r.x + AT_RATIO, r.y, ROLE_DIM, "v2 / v1");
	surface_text(s, r, r.x + AT_WORD, r.y, ROLE_DIM, "verdict");
}

static void right(struct surface *s, struct rect r, int at, enum role role, const char *text)
{
	if (at <= r.w)
		surface_text_right(s, r, r.x + at, r.y, role, text);
}

/* Something is ruled out: before that the likeliest ratio is no more than a guess. */
static bool is_bounded(double low, double high)
{
	return low > 0 || isfinite(high);
}

/* "0.9x 0.5..1.4", in as few columns as can be. Of a latency it is how often v2 is slow, which is
 * no ratio of latencies: it says so, and has no middle. */
static void range_text(char *out, size_t size, enum judged m, const struct ratio *r)
{
	char times[16], low[16], high[16] = "?";
	judge_words_times(times, sizeof times, r->ratio);
	judge_words_bound(low, sizeof low, r->low);
	if (isfinite(r->high))
		judge_words_bound(high, sizeof high, r->high);
	if (!is_bounded(r->low, r->high))
		snprintf(out, size, "-");
	else if (m != JUDGED_ERRORS)
		snprintf(out, size, "slow %s..%s", low, high);
	else
		snprintf(out, size, "%s %s..%s", times, low, high);
}

/* The word in the column; a SAFE never stands without its bound. */
static void word_text(char *out, size_t size, const struct verdict *v)
{
	char times[16];
	if (v->word != VERDICT_SAFE) {
		snprintf(out, size, "%s", verdict_name(v->word));
		return;
	}
	/* rounded away from the claim */
	judge_words_bound(times, sizeof times, ceil(v->bound * 10 - 1e-6) / 10);
	snprintf(out, size, "SAFE, <%.7s%s", isnan(v->bound) ? "limit" : times,
		isnan(v->bound) ? "" : "x");
}

static void draw_verdict(struct surface *s, struct rect r, const struct view *v, enum judged m)
{
	const struct pool *p = v->pool;
	struct verdict said;
	char text[64];
	judge_words_verdict(&said, p, m);
	if (said.metric == JUDGED_COUNT)
		return;
	enum role plain = view_role(p, ROLE_TEXT);
	enum role role = view_role(p, judge_words_role(said.word, judge_words_suspects(p, m)));
	range_text(text, sizeof text, m, &said.ratio);
	surface_text(s, r, r.x + AT_RATIO, r.y, plain, text);
	word_text(text, sizeof text, &said);
	surface_text(s, r, r.x + AT_WORD, r.y, role, text);
	ten(text, sizeof text, said.ln_harm);
	right(s, r, AT_HARM, plain, text);
	ten(text, sizeof text, said.ln_safe);
	right(s, r, AT_SAFE, plain, text);
	snprintf(text, sizeof text, "%.1f", p->judging->judge.metric[m].now.phi);
	right(s, r, AT_PHI, plain, text);
	judge_words_time(text, sizeof text, said.word == VERDICT_UNDECIDED ? said.eta_ms : UNKNOWN);
	right(s, r, AT_NEXT, plain, text);
	if (AT_WHY < r.w)
		surface_text(s, r, r.x + AT_WHY, r.y, role, why_text(&said));
}

static void draw_metric(struct surface *s, struct rect r, const struct view *v, enum series m)
{
	const struct pool *p = v->pool;
	const struct series_row *row = series_row(m);
	double limit = series_limit(p, m);
	enum role role;
	char text[24], bound[32];
	const char *word = view_limit_word(p, m, &role);
	surface_text(s, r, r.x + 1, r.y, role, word);
	surface_text(s, r, r.x + AT_NAME, r.y, role, row->word);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		double now = series_now(p, (enum arm)arm, m);
		series_value_text(text, sizeof text, m, now);
		right(s, r, arm == ARM_V1 ? AT_V1 : AT_V2,
			view_role(p, now > limit ? ROLE_FAIL : ROLE_TEXT), text);
	}
	series_limit_text(text, sizeof text, m, limit);
	snprintf(bound, sizeof bound, "%s%s", text, isnan(limit) ? "" : series_unit(m));
	right(s, r, AT_LIMIT, isnan(limit) ? ROLE_DIM : view_role(p, ROLE_TEXT), bound);
	if (row->judged < JUDGED_COUNT)
		draw_verdict(s, r, v, row->judged);
}

static void draw_table(
	struct surface *s, struct rect r, const struct view *v, const struct list *l)
{
	draw_titles(s, (struct rect){r.x, r.y, r.w, 1});
	for (int i = 0; i < l->count && i + 1 < r.h; i++)
		draw_metric(s, (struct rect){r.x, r.y + 1 + i, r.w, 1}, v, l->at[i]);
}

/* ---- plots ---- */

#define COLUMNS_MAX 256

/* The judge's trail on the same span of time as the plot beside it. */
struct trail {
	double low[COLUMNS_MAX], ratio[COLUMNS_MAX], high[COLUMNS_MAX];
	double harm[COLUMNS_MAX], safe[COLUMNS_MAX];
	int columns;
};

static void read_trail(struct trail *t, const struct view *v, enum judged m, int columns)
{
	const struct pool *p = v->pool;
	const struct ring *ring = &p->judging->trail;
	t->columns = columns < COLUMNS_MAX ? columns : COLUMNS_MAX;
	int64_t span_ms = series_span(p, t->columns) * p->interval_ms;
	int64_t end_ms = ring->next * JUDGING_POINT_MS - 1;
	for (int i = 0; i < t->columns; i++) {
		int64_t at_ms = end_ms - (t->columns - 1 - i) * span_ms / t->columns;
		const struct judging_point *point = ring_at(ring, at_ms / JUDGING_POINT_MS);
		const struct judging_figures *f = point ? &point->metric[m] : NULL;
		bool bounded = f && is_bounded((double)f->low, (double)f->high);
		t->low[i] = bounded ? log2((double)f->low) : NAN;
		t->ratio[i] = bounded ? log2((double)f->ratio) : NAN;
		t->high[i] = bounded ? log2((double)f->high) : NAN;
		t->harm[i] = f ? (double)f->log10_harm : NAN;
		t->safe[i] = f ? (double)f->log10_safe : NAN;
	}
}

static void label_times(char *out, size_t size, double log_2)
{
	double ratio = exp2(log_2);
	snprintf(out, size,
		ratio < 0.095      ? "1/%.0fx"
			: ratio < 9.95 ? "%.1fx"
						   : "%.0fx",
		ratio < 0.095 ? 1 / ratio : ratio);
}

static void label_ten(char *out, size_t size, double log_10)
{
	snprintf(out, size, "%.1f", log_10);
}

/* The larger, infinite and unknown ones left out. */
static double widest(const double *values, int n, double most)
{
	for (int i = 0; i < n; i++)
		if (isfinite(values[i]) && fabs(values[i]) > most)
			most = fabs(values[i]);
	return most;
}

/* True when the newest that is known has reached its line. */
static bool is_proven(const double *values, int n, double line)
{
	while (n > 0 && isnan(values[n - 1]))
		n--;
	return n > 0 && values[n - 1] >= line;
}

/* Where v2 / v1 may lie; beyond the line it is worse than tolerated, above the upper one worse
 * than what SAFE allows. */
static void draw_ratio(struct surface *s, struct rect r, const struct view *v, enum judged m,
	const struct trail *t)
{
	const struct judge_policy *policy = &v->pool->judging->judge.policy;
	bool errors = m == JUDGED_ERRORS;
	double reach = widest(t->low, t->columns, 1);
	reach = widest(t->high, t->columns, reach);
	reach = ceil(widest(t->ratio, t->columns, reach));
	reach = reach > 5 ? 5 : reach;
	int x = surface_text(
		s, r, r.x + 1, r.y, ROLE_TITLE, errors ? "ERRORS v2 / v1" : "SLOW v2 / v1");
	surface_text(s, r, x + 2, r.y, ROLE_DIM, "shaded: not ruled out");
	struct graph_span plot = {.low = t->low,
		.high = t->high,
		.count = (size_t)t->columns,
		.series = {{t->ratio, (size_t)t->columns, view_role(v->pool, ROLE_V2)}},
		.series_count = 1,
		.line = {{errors ? log2(1 + policy->tolerance) : 0, ROLE_LIMIT}},
		.line_count = 1,
		.bottom = -reach,
		.top = reach,
		.label = label_times};
	graph_span(s, (struct rect){r.x, r.y + 1, r.w, r.h - 1}, &plot);
}

static void draw_evidence(
	struct surface *s, struct rect r, const struct view *v, const struct trail *t)
{
	const struct judge_policy *policy = &v->pool->judging->judge.policy;
	double found = judge_ln_found(policy) / log(10), safe = judge_ln_safe(policy) / log(10);
	double top = widest(t->harm, t->columns, widest(t->safe, t->columns, found + 1));
	/* What is not proven is neither bad nor good. */
	enum role harm_role = is_proven(t->harm, t->columns, found) ? ROLE_FAIL : ROLE_TEXT;
	enum role safe_role = is_proven(t->safe, t->columns, safe) ? ROLE_OK : ROLE_TEXT;
	int x = surface_text(s, r, r.x + 1, r.y, ROLE_TITLE, "EVIDENCE log10");
	x = surface_text(s, r, x + 2, r.y, harm_role, "* harm");
	x = surface_text(s, r, x + 1, r.y, safe_role, "+ safe");
	surface_text(s, r, x + 2, r.y, ROLE_DIM, "proven at their lines");
	struct graph_span plot = {
		.series = {{t->harm, (size_t)t->columns, view_role(v->pool, harm_role)},
			{t->safe, (size_t)t->columns, view_role(v->pool, safe_role)}},
		.series_count = 2,
		.line = {{found, ROLE_LIMIT}, {safe, ROLE_OK}},
		.line_count = 2,
		.bottom = -2,
		.top = ceil(top),
		.label = label_ten};
	graph_span(s, (struct rect){r.x, r.y + 1, r.w, r.h - 1}, &plot);
}

static void draw_plots(struct surface *s, struct rect r, const struct view *v, enum series m)
{
	enum judged judged = series_row(m)->judged;
	int columns = r.w >= 160 ? 3 : r.w >= 40 ? 2 : 1, w = r.w / columns;
	struct trail t;
	view_plot(s, (struct rect){r.x, r.y, w - 1, r.h}, v, m);
	if (columns < 2 || judged == JUDGED_COUNT || !v->pool->judging->judge.policy.metric[judged])
		return;
	read_trail(&t, v, judged, w - 8);
	draw_ratio(s, (struct rect){r.x + w, r.y, w - 1, r.h}, v, judged, &t);
	if (columns > 2)
		draw_evidence(s, (struct rect){r.x + 2 * w, r.y, w - 1, r.h}, v, &t);
}

/* As many of the worst as have room. */
static void draw_grid(
	struct surface *s, struct rect r, const struct view *v, const struct list *l)
{
	int n = r.h / PLOT_ROWS < l->count ? r.h / PLOT_ROWS : l->count;
	for (int i = 0; i < n; i++) {
		int y = r.h * i / n, end = r.h * (i + 1) / n;
		draw_plots(s, (struct rect){r.x, r.y + y, r.w, end - y}, v, l->at[i]);
	}
}

/* ---- the screen ---- */

void view_guards(struct surface *s, const struct view *v)
{
	struct layout l;
	struct words words;
	struct list metrics;
	struct view who = *v;
	find_metrics(&metrics, v->pool);
	find_words(&words, v->pool, &metrics);
	layout_make_guards(&l, s->w, s->h, words.count, metrics.count, view_failure_rows(v->pool));
	const struct rect *r = l.rect;
	who.harm_told = r[SECTION_JUDGE].h >= words.count;
	view_header(s, r[SECTION_HEADER], v);
	if (r[SECTION_HEADLINE].h)
		view_headline(s, r[SECTION_HEADLINE], v);
	if (r[SECTION_WHO].h)
		view_who(s, r[SECTION_WHO], &who);
	if (r[SECTION_JUDGE].h)
		draw_words(s, r[SECTION_JUDGE], v, &words);
	if (r[SECTION_GUARDS].h)
		draw_table(s, r[SECTION_GUARDS], v, &metrics);
	if (r[SECTION_PLOTS].h)
		draw_grid(s, r[SECTION_PLOTS], v, &metrics);
	if (r[SECTION_BAD].h)
		view_failures(s, r[SECTION_BAD], v);
	if (r[SECTION_MESSAGE].h)
		view_message(s, r[SECTION_MESSAGE], v);
	if (r[SECTION_HINTS].h)
		view_hints(s, r[SECTION_HINTS], v);
}
