/* Hands: who may move the share and what moves by itself, put together from what every node says:
 * lease, keep, plan, the pool's own guard, and who owns the guard.
 *
 * A node that is silent or foreign says nothing; what needs the word of all is then not known. */
#include "model/standing.h"

#include "model/text.h"

#include <string.h>

/* What is left of a time that a document told; UNKNOWN stays so, what has passed is 0. */
static int64_t left_of(int64_t told_ms, int64_t age_ms)
{
	if (told_ms == UNKNOWN)
		return UNKNOWN;
	return told_ms > age_ms ? told_ms - age_ms : 0;
}

#define FORBIDDEN_MS 60000 /* rights may have been given meanwhile: then it is asked again */

/* The node whose refusal for want of rights is the youngest. */
static void derive_rights(struct standing *s, const struct pool *p, struct instant now)
{
	s->forbidden_left_ms = 0;
	for (int k = 0; k < p->node_count; k++) {
		int64_t at_ms = p->nodes[k].forbidden_ms;
		int64_t left_ms = at_ms == UNKNOWN ? 0 : at_ms + FORBIDDEN_MS - now.boot_ms;
		if (left_ms <= s->forbidden_left_ms)
			continue;
		s->forbidden_left_ms = left_ms;
		s->forbidden_node = k;
	}
}

/* Another's matters most, then one's own, then that it is free. */
static int lease_weight(const struct lease *l, const char *actor)
{
	return !l->holder[0] ? 0 : strcmp(l->holder, actor) == 0 ? 1 : 2;
}

static void derive_lease(
	struct standing *s, const struct model *m, const struct pool *p, struct instant now)
{
	bool known = true;
	s->lease = (struct lease){.ttl_ms = UNKNOWN};
	s->lease_mine = true;
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		if (!node_is_usable(n)) {
			s->lease_mine = false;
			continue;
		}
		const struct lease *l = &n->last->lease;
		known &= l->known;
		s->lease_mine &= lease_weight(l, m->actor) == 1;
		if (s->lease.known && lease_weight(l, m->actor) <= lease_weight(&s->lease, m->actor))
			continue;
		s->lease = *l;
		s->lease.known = true;
		s->lease.ttl_ms = left_of(l->ttl_ms, standing_age(n, now));
	}
	/* One that does not say it hides no other's that another node tells of. */
	s->lease.known &= known || lease_weight(&s->lease, m->actor) == 2;
	s->lease_mine &= s->lease.known;
}

/* What goes back first; one that a hold has stopped comes last. */
static bool is_sooner(const struct keep *a, const struct keep *b)
{
	return !b->on || b->left_ms == UNKNOWN ||
		(a->left_ms != UNKNOWN && a->left_ms < b->left_ms);
}

static void derive_keep(struct standing *s, const struct pool *p, struct instant now)
{
	bool differ = false;
	s->keep = (struct keep){.left_ms = UNKNOWN};
	s->kept_bp = -1;
	s->armed = p->has_plan && p->plan_hash[0];
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		if (!node_is_usable(n)) {
			s->armed = false;
			continue;
		}
		struct keep keep = n->last->keep;
		keep.left_ms = left_of(keep.left_ms, standing_age(n, now));
		if (keep.on && is_sooner(&keep, &s->keep))
			s->keep = keep;
		differ |= s->kept_bp >= 0 && n->last->kept_bp != s->kept_bp;
		s->kept_bp = n->last->kept_bp;
		s->armed &= n->last->baseline_bp >= 0 && !strcmp(n->last->plan_hash, p->plan_hash);
	}
	if (differ)
		s->kept_bp = -1;
}

/* Of several nodes' words the one to heed comes first, SAFE last; where one says none there is
 * none. */
static int gravity(enum verdict_word w)
{
	return w == VERDICT_NONE ? -1 : w == VERDICT_SAFE ? VERDICT_COUNT : (int)w;
}

static void derive_pool_guard(struct standing *s, const struct pool *p, struct instant now)
{
	bool known = true, armed = true, first = true;
	const struct pool_guard *gravest = NULL;
	struct pool_guard *g = &s->pool_guard;
	*g = (struct pool_guard){.since_ms = UNKNOWN, .held_ms = UNKNOWN};
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		if (!node_is_usable(n))
			continue;
		const struct pool_guard *at = &n->last->guard;
		known &= at->known;
		armed &= at->armed;
		if (first || at->state > g->state) {
			*g = *at;
			g->since_ms = unit_plus(at->since_ms, standing_age(n, now));
			g->held_ms = left_of(at->held_ms, standing_age(n, now));
		}
		if (first || gravity(at->verdict) < gravity(gravest->verdict))
			gravest = at;
		first = false;
	}
	if (gravest) {
		g->verdict = gravest->verdict;
		text_copy(g->verdict_text, sizeof g->verdict_text, gravest->verdict_text);
	}
	g->known = !first && known;
	g->armed = g->known && armed;
	if (!g->known)
		g->held_ms = UNKNOWN;
	/* Old words are no evidence, for or against. */
	if (s->freshness > FRESHNESS_LATE)
		g->state = g->state == GUARD_NONE ? GUARD_NONE : GUARD_UNKNOWN;
}

/* A desk that guards may have been told to hold only, like a pool's own guard. */
static void derive_order(struct standing *s, const struct pool *p, struct instant now)
{
	if (s->owner != OWNER_RECORD && s->owner != OWNER_CONSOLE)
		return;
	int64_t left_ms = p->owner_line.held_until_ms - now.wall_ms;
	s->pool_guard.held_ms = left_ms > 0 ? left_ms : UNKNOWN;
}

void standing_hands(
	struct standing *s, const struct model *m, const struct pool *p, struct instant now)
{
	derive_rights(s, p, now);
	derive_lease(s, m, p, now);
	derive_keep(s, p, now);
	derive_pool_guard(s, p, now);
	bool guards = s->pool_guard.known &&
		(s->pool_guard.armed || s->mixed_high_bp <= s->baseline_bp ||
			!guard_limits_any(&p->limits));
	/* What the pool guards it guards, whether whoever looks has the plan or not. */
	bool has_plan = p->has_plan || s->pool_guard.armed;
	s->owner =
		owner_of(has_plan, guards, &p->owner_line, now.wall_ms, p->interval_ms, m->guards);
	derive_order(s, p, now);
}
