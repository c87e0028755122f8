/* Arrivals: a Poisson process whose rate follows the scenario's levels; who arrives and with
 * what. Not when it is done: it reads no clock, its times are counted from the start.
 *
 * Invariants:
 * 1. A sequence depends on nothing but the scenario and the seed.
 * 2. Within one span the rate is never above the span's bound: where it is below, arrivals of
 *    the bound's rate are thinned out, so no arrival is late for its rate. */
#include "model/arrivals.h"

#include "model/mem.h"

#include <math.h>
#include <stdlib.h>

/* A column of an alias table, by which one look is a weighted choice. */
struct column {
	double keep;    /* 0..1: the column's own choice stays, */
	uint32_t other; /* else it is this one */
};

/* One level, or the time before the first. */
struct span {
	double end_us; /* INFINITY: the last */
	double per_us; /* the most that arrives in a microsecond */
	bool is_even;  /* that much always */
};

struct arrivals {
	struct scenario s;
	uint64_t random;
	double at_us;
	struct span span;
	int level; /* of the span; -1: before the first */
	uint64_t number;
	struct column operations[SCENARIO_OPERATIONS_MAX];
	uint64_t *sessions;    /* who is where; NULL: sessions never end */
	uint64_t next_session; /* who comes when one ends */
	struct column *keys;   /* NULL: no keys, or all alike */
};

/* ---- numbers ---- */

/* splitmix64 */
static uint64_t draw(struct arrivals *a)
{
	uint64_t x = a->random += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* 0 <= x < 1 */
static double draw_fraction(struct arrivals *a)
{
	return (double)(draw(a) >> 11) * 0x1p-53;
}

/* ---- choices ---- */

/* Vose's alias method over `count` parts, whose sizes are in `keep`: columns that are too low are
 * filled up by those that are too high. */
static void level_columns(struct column *columns, uint32_t count)
{
	uint32_t *low = mem_new(count, sizeof *low), *high = mem_new(count, sizeof *high);
	uint32_t lows = 0, highs = 0;
	double sum = 0;
	for (uint32_t i = 0; i < count; i++)
		sum += columns[i].keep;
	for (uint32_t i = 0; i < count; i++) {
		columns[i].keep *= count / sum;
		columns[i].other = i;
		if (columns[i].keep < 1)
			low[lows++] = i;
		else
			high[highs++] = i;
	}
	while (lows > 0 && highs > 0) {
		uint32_t from = high[highs - 1], to = low[--lows];
		columns[to].other = from;
		columns[from].keep -= 1 - columns[to].keep;
		if (columns[from].keep < 1) {
			highs--;
			low[lows++] = from;
		}
	}
	/* What is left is full but for the rounding. */
	while (highs > 0)
		columns[high[--highs]].keep = 1;
	while (lows > 0)
		columns[low[--lows]].keep = 1;
	free(low);
	free(high);
}

static uint32_t choose(struct arrivals *a, const struct column *columns, int64_t count)
{
	double at = draw_fraction(a) * (double)count;
	uint32_t i = (uint32_t)at;
	return at - i < columns[i].keep ? i : columns[i].other;
}

static uint64_t draw_key(struct arrivals *a)
{
	if (a->s.keys <= 0)
		return 0;
	if (!a->keys)
		return (uint64_t)(int64_t)(draw_fraction(a) * (double)a->s.keys);
	return choose(a, a->keys, a->s.keys);
}

static uint64_t draw_session(struct arrivals *a)
{
	int64_t place = (int64_t)(draw_fraction(a) * (double)a->s.sessions);
	if (!a->sessions)
		return (uint64_t)place;
	uint64_t session = a->sessions[place];
	if (draw_fraction(a) * a->s.session_requests < 1)
		a->sessions[place] = a->next_session++;
	return session;
}

/* ---- time ---- */

static struct span span_of(const struct scenario *s, int level)
{
	struct span span = {.end_us = INFINITY, .per_us = s->rate / 1e6, .is_even = true};
	if (level + 1 < s->level_count)
		span.end_us = (double)s->levels[level + 1].at_ms * 1e3;
	if (level < 0)
		return span;
	const struct scenario_level *l = &s->levels[level];
	double before = level > 0 ? s->levels[level - 1].rate : s->rate;
	double most = l->over_ms > 0 && before > l->rate ? before : l->rate;
	span.per_us = most * (1 + l->swing) / 1e6;
	span.is_even = l->over_ms == 0 && !(l->swing > 0);
	return span;
}

/* True when an arrival of the bound's rate is one of the rate's. */
static bool draw_stays(struct arrivals *a)
{
	double rate = scenario_rate(&a->s, (int64_t)(a->at_us / 1e3));
	return draw_fraction(a) * a->span.per_us * 1e6 < rate;
}

/* Moves on to the next arrival's time; false when there is none. */
static bool pass(struct arrivals *a)
{
	for (;;) {
		if (a->span.per_us > 0)
			a->at_us += -log(1 - draw_fraction(a)) / a->span.per_us;
		else
			a->at_us = a->span.end_us;
		if (a->at_us >= a->span.end_us && a->span.end_us < ARRIVALS_END_US) {
			/* Nothing remembers how long nothing came: the next span begins anew. */
			a->at_us = a->span.end_us;
			a->span = span_of(&a->s, ++a->level);
		} else if (a->at_us >= ARRIVALS_END_US) {
			return false;
		} else if (a->span.is_even || draw_stays(a)) {
			return true;
		}
	}
}

/* ---- all ---- */

struct arrivals *arrivals_new(const struct scenario *s, uint64_t seed)
{
	struct arrivals *a = mem_new(1, sizeof *a);
	a->s = *s;
	a->random = seed;
	a->level = -1;
	a->span = span_of(s, -1);
	if (a->s.sessions < 1)
		a->s.sessions = 1;
	for (int i = 0; i < s->operation_count; i++)
		a->operations[i].keep = s->operations[i].weight;
	level_columns(a->operations, (uint32_t)s->operation_count);
	a->next_session = (uint64_t)a->s.sessions;
	if (s->session_requests > 0) {
		a->sessions = mem_new((size_t)a->s.sessions, sizeof *a->sessions);
		for (uint64_t i = 0; i < a->next_session; i++)
			a->sessions[i] = i;
	}
	if (s->keys > 0 && s->key_skew > 0) {
		a->keys = mem_new((size_t)s->keys, sizeof *a->keys);
		for (int64_t i = 0; i < s->keys; i++)
			a->keys[i].keep = pow((double)i + 1, -s->key_skew);
		level_columns(a->keys, (uint32_t)s->keys);
	}
	return a;
}

void arrivals_free(struct arrivals *a)
{
	if (!a)
		return;
	free(a->sessions);
	free(a->keys);
	free(a);
}

bool arrivals_next(struct arrivals *a, struct arrival *out)
{
	if (a->s.operation_count == 0 || !pass(a))
		return false;
	out->at_us = (int64_t)a->at_us;
	out->number = a->number++;
	out->session = draw_session(a);
	out->key = draw_key(a);
	out->operation = (int)choose(a, a->operations, a->s.operation_count);
	return true;
}
