/* Balancer: first who may be chosen at all, then the strategy among those. Not the counts a
 * place should hold: that is target.h. */
#include "client/engine/balancer.h"

#include "client/engine/hash.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const char *const words[] = {
#define X(name, word, help) word,
	PLACEMENT_INFO(X)
#undef X
};

const char *placement_name(enum placement p)
{
	assert(p < PLACEMENT_COUNT);
	return words[p];
}

const char *placement_help(enum placement p)
{
	static const char *const helps[] = {
#define X(name, word, help) help,
		PLACEMENT_INFO(X)
#undef X
	};
	assert(p < PLACEMENT_COUNT);
	return helps[p];
}

enum placement placement_of(const char *word)
{
	int p = 0;
	while (p < PLACEMENT_COUNT && strcmp(word, words[p]))
		p++;
	return (enum placement)p;
}

static bool is_measured(const struct candidate *c)
{
	return c->measured && isfinite(c->load) && isfinite(c->health);
}

/* True for one of those that are chosen among: measured ones, if there are any. */
static bool may_be_chosen(const struct candidate *c, bool measured)
{
	return !c->locked && is_measured(c) == measured;
}

static int64_t in_turn(
	struct balancer *b, const struct candidate *candidates, size_t n, bool measured)
{
	size_t at = b->next < n ? b->next : 0;
	while (!may_be_chosen(&candidates[at], measured))
		at = at + 1 < n ? at + 1 : 0;
	b->next = at + 1;
	return (int64_t)at;
}

static int64_t weight_of(const struct candidate *c)
{
	if (c->weight <= 0)
		return 0;
	return c->weight < WEIGHT_MAX ? c->weight : WEIGHT_MAX;
}

/* Above 0 when `a` is better than `b`. */
static int better(enum placement p, const struct candidate *a, const struct candidate *b)
{
	if (p == PLACEMENT_WEIGHTED)
		return (a->credit > b->credit) - (a->credit < b->credit);
	/* Where nobody was measured there is nothing to compare. */
	if (!is_measured(a))
		return 0;
	if (p == PLACEMENT_HEALTH && a->health != b->health)
		return a->health > b->health ? 1 : -1;
	return (a->load < b->load) - (a->load > b->load);
}

static int64_t best(enum placement p, const struct candidate *candidates, size_t n,
	bool measured, int64_t least_weight, uint64_t *random)
{
	int64_t chosen = -1;
	uint64_t equals = 0;
	for (size_t i = 0; i < n; i++) {
		const struct candidate *c = &candidates[i];
		if (!may_be_chosen(c, measured) || weight_of(c) < least_weight)
			continue;
		int order = chosen < 0 ? 1 : better(p, c, &candidates[chosen]);
		if (order < 0)
			continue;
		equals = order > 0 ? 1 : equals + 1;
		/* The k-th equal replaces the one before with 1 in k. */
		if (equals == 1 || hash_next(random) % equals == 0)
			chosen = (int64_t)i;
	}
	return chosen;
}

/* Each earns its weight at every choice, and the one with most pays for all: over as many
 * choices as the weights sum up to each is chosen exactly its weight's times, never in a burst.
 * Source: nginx's smooth weighted round robin. */
static int64_t by_weight(
	struct candidate *candidates, size_t n, bool measured, uint64_t *random)
{
	int64_t sum = 0, earned = 0;
	for (size_t i = 0; i < n; i++)
		sum += may_be_chosen(&candidates[i], measured) ? weight_of(&candidates[i]) : 0;
	for (size_t i = 0; i < n; i++) {
		if (!may_be_chosen(&candidates[i], measured))
			continue;
		/* Where nobody has weight, all are equal: work is not refused over weights. */
		int64_t earns = sum ? weight_of(&candidates[i]) : 1;
		candidates[i].credit += earns;
		earned += earns;
	}
	int64_t chosen = best(PLACEMENT_WEIGHTED, candidates, n, measured, sum > 0, random);
	candidates[chosen].credit -= earned;
	return chosen;
}

int64_t balancer_pick(
	struct balancer *b, struct candidate *candidates, size_t n, uint64_t *random)
{
	bool any = false, measured = false;
	for (size_t i = 0; i < n; i++) {
		any |= !candidates[i].locked;
		measured |= may_be_chosen(&candidates[i], true);
	}
	if (!any)
		return -1;
	if (b->placement == PLACEMENT_ROUND_ROBIN)
		return in_turn(b, candidates, n, measured);
	if (b->placement == PLACEMENT_WEIGHTED)
		return by_weight(candidates, n, measured, random);
	return best(b->placement, candidates, n, measured, 0, random);
}
