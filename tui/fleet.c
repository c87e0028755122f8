/* The list of pools: an index array, sorted by what a row of a table compares.
 *
 * Invariants:
 * 1. Equal pools stand in the order of the model: a list that is sorted anew without news is the
 *    same list.
 * 2. What is not known sorts behind all that is, whichever way round. */
#include "tui/fleet.h"

#include "model/mem.h"
#include "model/text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *fleet_sort_title(enum fleet_sort s)
{
	static const char *const titles[] = {
#define X(name, title) title,
		FLEET_SORT_INFO(X)
#undef X
	};
	return titles[s];
}

void fleet_release(struct fleet *f)
{
	free(f->shown);
	free(f->marked);
	*f = (struct fleet){0};
}

/* ---- comparing: below 0 where `a` comes first ---- */

static int more_first(double a, double b)
{
	return (a < b) - (a > b);
}

/* How loud a verdict is. */
static int verdict_rank(enum verdict_word w)
{
	static const int ranks[] = {
		[VERDICT_HARM] = 5,
		[VERDICT_UNTRUSTWORTHY] = 4,
		[VERDICT_STALE] = 3,
		[VERDICT_NO_DATA] = 2,
		[VERDICT_UNDECIDED] = 1,
	};
	return (size_t)w < sizeof ranks / sizeof *ranks ? ranks[w] : 0;
}

/* A pool without traffic on v2 has no verdict, and needs nobody. */
static int suspects(enum verdict_word w)
{
	int rank = verdict_rank(w);
	return rank >= verdict_rank(VERDICT_STALE) ? rank : 0;
}

static int by_worst(const struct pool *a, const struct pool *b)
{
	const struct standing *s = &a->standing, *t = &b->standing;
	int d = more_first(s->headline.level, t->headline.level);
	d = d ? d : more_first(s->freshness, t->freshness);
	d = d ? d : more_first(s->judged == GUARD_RED, t->judged == GUARD_RED);
	d = d ? d : more_first(suspects(s->judge_word), suspects(t->judge_word));
	return d ? d : more_first(s->reported_bp, t->reported_bp);
}

static int by_name(const struct pool *a, const struct pool *b)
{
	return strcmp(a->name, b->name);
}

static int by_verdict(const struct pool *a, const struct pool *b)
{
	return more_first(
		verdict_rank(a->standing.judge_word), verdict_rank(b->standing.judge_word));
}

static int by_state(const struct pool *a, const struct pool *b)
{
	return strcmp(a->standing.state_text, b->standing.state_text);
}

/* What a column of figures is sorted by; NaN unknown. */
static double seen_of(const struct pool *p)
{
	return p->standing.measured_bp < 0 ? NAN : (double)p->standing.measured_bp;
}

static double errors_of(const struct pool *p)
{
	return p->standing.arms[ARM_V2].error_rate;
}

static double p99_of(const struct pool *p)
{
	int64_t us = p->standing.arms[ARM_V2].p99_us;
	return us == UNKNOWN ? NAN : (double)us;
}

static double guard_of(const struct pool *p)
{
	return -(double)p->standing.owner;
}

static double age_of(const struct pool *p)
{
	return p->standing.age_ms == UNKNOWN ? NAN : (double)p->standing.age_ms;
}

static const struct {
	int (*compare)(const struct pool *a, const struct pool *b);
	double (*figure)(const struct pool *p); /* instead: the most first */
} sorts[FLEET_SORT_COUNT] = {
	[FLEET_WORST] = {.compare = by_worst},
	[FLEET_NAME] = {.compare = by_name},
	[FLEET_STATE] = {.compare = by_state},
	[FLEET_SEEN] = {.figure = seen_of},
	[FLEET_ERRORS] = {.figure = errors_of},
	[FLEET_P99] = {.figure = p99_of},
	[FLEET_VERDICT] = {.compare = by_verdict},
	[FLEET_GUARD] = {.figure = guard_of},
	[FLEET_AGE] = {.figure = age_of},
};

/* A pool with what is compared of it. */
struct entry {
	const struct pool *pool;
	double figure;
	int index;
	enum fleet_sort sort;
	bool reversed;
};

static int compare(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int d = (isnan(a->figure) != 0) - (isnan(b->figure) != 0);
	if (d)
		return d;
	d = sorts[a->sort].compare ? sorts[a->sort].compare(a->pool, b->pool)
							   : more_first(a->figure, b->figure);
	d = a->reversed ? -d : d;
	return d ? d : a->index - b->index;
}

/* ---- which are shown ---- */

/* One blank-separated word of `words`, in lower case; "" at the end. */
static const char *next_word(const char *words, char out[FLEET_FILTER_MAX])
{
	size_t n = 0;
	words += strspn(words, " ");
	for (; *words && *words != ' ' && n + 1 < FLEET_FILTER_MAX; words++)
		out[n++] = (char)tolower((unsigned char)*words);
	out[n] = 0;
	return words;
}

static bool passes(const struct fleet *f, const struct pool *p)
{
	const struct standing *st = &p->standing;
	char all[512], word[FLEET_FILTER_MAX];
	snprintf(all, sizeof all, "%s %s %s %s %s %s %s %s", p->name, p->env,
		level_name(st->headline.level), st->state_text, freshness_name(st->freshness),
		verdict_name(st->judge_word), owner_name(st->owner), guard_state_name(st->judged));
	for (char *c = all; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	for (const char *at = next_word(f->filter, word); *word; at = next_word(at, word))
		if (!strstr(all, word))
			return false;
	return true;
}

static void arrange(struct fleet *f, const struct model *m)
{
	struct entry *list = mem_new((size_t)m->pool_count, sizeof *list);
	int n = 0;
	for (int i = 0; i < m->pool_count; i++) {
		const struct pool *p = &m->pools[i];
		if (f->filter[0] && !passes(f, p))
			continue;
		list[n++] = (struct entry){
			p, sorts[f->sort].figure ? sorts[f->sort].figure(p) : 0, i, f->sort, f->reversed};
	}
	qsort(list, (size_t)n, sizeof *list, compare);
	for (int i = 0; i < n; i++)
		f->shown[i] = list[i].index;
	f->shown_count = n;
	free(list);
}

void fleet_look(struct fleet *f, const struct model *m, struct instant now)
{
	bool first = f->pool_count != m->pool_count;
	if (first) {
		free(f->shown);
		free(f->marked);
		f->shown = mem_new((size_t)m->pool_count, sizeof *f->shown);
		f->marked = mem_new((size_t)m->pool_count, sizeof *f->marked);
		f->pool_count = m->pool_count;
	}
	if (first || now.boot_ms >= f->still_until_ms)
		arrange(f, m);
}

void fleet_hold_still(struct fleet *f, struct instant now)
{
	f->still_until_ms = now.boot_ms + FLEET_STILL_MS;
}

void fleet_filter(struct fleet *f, const struct model *m, const char *text)
{
	text_copy(f->filter, sizeof f->filter, text);
	arrange(f, m);
}

void fleet_sort(struct fleet *f, const struct model *m, int by)
{
	if (by == 0)
		f->reversed = !f->reversed;
	else
		f->sort = (enum fleet_sort)(((int)f->sort + by + FLEET_SORT_COUNT) % FLEET_SORT_COUNT);
	arrange(f, m);
}

/* ---- rows ---- */

int fleet_row(const struct fleet *f, int pool)
{
	for (int i = 0; i < f->shown_count; i++)
		if (f->shown[i] == pool)
			return i;
	return -1;
}

int fleet_moved(const struct fleet *f, int pool, int by)
{
	if (f->shown_count == 0)
		return pool;
	int64_t row = fleet_row(f, pool);
	row = row < 0 ? 0 : row + by;
	row = row < 0 ? 0 : row >= f->shown_count ? f->shown_count - 1 : row;
	return f->shown[row];
}

void fleet_mark(struct fleet *f, int pool)
{
	f->marked[pool] = !f->marked[pool];
}

void fleet_unmark_all(struct fleet *f)
{
	for (int i = 0; i < f->pool_count; i++)
		f->marked[i] = false;
}

int fleet_marked(const struct fleet *f)
{
	int n = 0;
	for (int i = 0; i < f->pool_count; i++)
		n += f->marked[i];
	return n;
}

int fleet_worst(const struct model *m)
{
	int worst = 0;
	for (int i = 1; i < m->pool_count; i++)
		if (by_worst(&m->pools[i], &m->pools[worst]) < 0)
			worst = i;
	return worst;
}

void fleet_sum(struct fleet_sum *out, const struct model *m)
{
	*out = (struct fleet_sum){0};
	for (int i = 0; i < m->pool_count; i++)
		out->of[m->pools[i].standing.headline.level]++;
}
