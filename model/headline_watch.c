/* Headlines of who sees and who may act: history, news, guards, keeps, the lease. */
#include "model/headline_parts.h"

bool headline_no_history(const struct headline_view *v, char *out, size_t size)
{
	if (!v->m->history_known || v->m->history_writable || v->m->read_only)
		return false;
	return headline_say(
		out, size, "History cannot be written: steps locked, R works. " FIT, v->m->history_why);
}

/* Somebody cut the file, or put another in its place. */
bool headline_cut_short(const struct headline_view *v, char *out, size_t size)
{
	for (int k = 0; k < v->p->node_count; k++)
		if (v->p->nodes[k].lost_head[0])
			return headline_say(out, size,
				"The pool saw history that is missing here: weir verify --head %.16s",
				v->p->nodes[k].lost_head);
	return false;
}

bool headline_foreign(const struct headline_view *v, char *out, size_t size)
{
	for (int k = 0; k < v->p->node_count; k++)
		if (v->p->nodes[k].foreign)
			return headline_say(out, size, "Another pool answers at " FIT ". Steps locked",
				v->p->nodes[k].target);
	return false;
}

bool headline_never(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->freshness != FRESHNESS_NEVER)
		return false;
	const struct node *n = v->p->nodes;
	while (n->last && n + 1 < v->p->nodes + v->p->node_count)
		n++;
	const struct err *e = &n->trouble;
	if (e->code == ERR_NONE)
		return headline_say(out, size, "Waiting for the first news of the pool");
	return headline_say(out, size, "No news from the pool yet: " FIT, e->text);
}

/* The node whose news are the oldest, where others of the pool have spoken since; NULL none. */
static const struct node *silent_node(const struct pool *p)
{
	const struct node *oldest = p->nodes, *newest = p->nodes;
	for (const struct node *n = p->nodes; n < p->nodes + p->node_count; n++) {
		oldest = n->last_at.boot_ms < oldest->last_at.boot_ms ? n : oldest;
		newest = n->last_at.boot_ms > newest->last_at.boot_ms ? n : newest;
	}
	int64_t apart_ms = newest->last_at.boot_ms - oldest->last_at.boot_ms;
	bool differs = oldest->last && freshness_of(apart_ms, p->interval_ms) >= FRESHNESS_STALE;
	return differs ? oldest : NULL;
}

bool headline_stale(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->freshness < FRESHNESS_STALE)
		return false;
	char age[24];
	const struct node *silent = silent_node(v->p);
	unit_age(age, sizeof age, v->s->age_ms);
	if (silent)
		return headline_say(out, size,
			"No news from " FIT " for %s: its figures are old. Steps locked, R works",
			silent->last->node, age);
	return headline_say(
		out, size, "No news for %s: all figures are old. Steps locked, R works", age);
}

/* Whoever may not step is told why first, where that is the only reason. */
bool headline_forbidden(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->forbidden_left_ms <= 0)
		return false;
	return headline_say(out, size, "READ-ONLY (403): " FIT " takes no changes from this token",
		v->p->nodes[v->s->forbidden_node].target);
}

bool headline_blind(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_HELD || !v->s->blind)
		return false;
	static const char *const whose[OWNER_COUNT] = {[OWNER_CONSOLE] = "This console's",
		[OWNER_RECORD] = "The recorder's",
		[OWNER_POOL] = "The pool's"};
	char since[24];
	unit_age(since, sizeof since, v->s->blind_ms);
	return headline_say(out, size, "%s guard has had no data for %s: steps locked, R works",
		whose[v->s->owner], since);
}

/* What a drill raised is there to go back; how soon, where whoever began it should be gone. */
bool headline_drill_left(const struct headline_view *v, char *out, size_t size)
{
	const struct standing *s = v->s;
	const struct decision *up =
		drill_left(v->p->decisions, v->p->decision_count, s->reported_bp);
	if (!up || v->open)
		return false;
	char left[24];
	unit_countdown(left, sizeof left, s->keep.left_ms);
	bool back = s->keep.on && s->keep.left_ms != UNKNOWN &&
		orphan_at(s->keep.on_orphan, s->reported_bp) == ORPHAN_REVERT;
	return headline_say(out, size, "Drill of " FIT " is at %s, and goes back%s%s; R does so now",
		up->actor, v->share, back ? ", at the latest in " : "", back ? left : "");
}

/* A raise that this actor's desks and recorders will not keep. */
bool headline_unkept(const struct headline_view *v, char *out, size_t size)
{
	const struct standing *s = v->s;
	if (!s->keep.on || s->keep.left_ms == UNKNOWN || s->bake_left_ms != 0 ||
		s->reported_bp < 0 || pool_keeps(v->m, v->p, s->owner == OWNER_RECORD))
		return false;
	char left[24], kept[24];
	unit_countdown(left, sizeof left, s->keep.left_ms);
	unit_share(kept, sizeof kept, s->kept_bp);
	if (orphan_at(s->keep.on_orphan, s->reported_bp) == ORPHAN_HOLD)
		return headline_say(out, size, "%s is held in %s unless kept. Run: weir keep " FIT,
			v->share, left, v->p->name);
	return headline_say(out, size, "%s goes back to %s in %s unless kept. Run: weir keep " FIT,
		v->share, kept, left, v->p->name);
}

bool headline_unguarded(const struct headline_view *v, char *out, size_t size)
{
	if (!v->p->has_plan || !headline_above(v->s) || v->s->owner >= OWNER_RECORD)
		return false;
	if (v->s->owner == OWNER_NONE)
		return headline_say(out, size,
			"Nobody rolls back by itself. Run: weir record --guard " FIT, v->p->name);
	return headline_say(out, size,
		"Nobody rolls back if this console closes. Run: weir record --guard " FIT, v->p->name);
}

/* A guard that was told to hold rolls nothing back. */
bool headline_only_holds(const struct headline_view *v, char *out, size_t size)
{
	const struct pool_guard *g = &v->s->pool_guard;
	if (!headline_above(v->s) || v->s->owner == OWNER_NONE || g->held_ms == UNKNOWN)
		return false;
	char left[24];
	unit_countdown(left, sizeof left, g->held_ms);
	return headline_say(out, size,
		"The %s's guard only holds for %s: nothing rolls back by itself",
		v->s->owner == OWNER_RECORD ? "recorder" : owner_name(v->s->owner), left);
}

bool headline_leased(const struct headline_view *v, char *out, size_t size)
{
	static const unsigned at = 1u << STATE_READY | 1u << STATE_PLANNED;
	if (!(at >> v->s->state & 1) || v->s->next.failing != 1u << PREDICATE_LEASE ||
		v->s->lease_mine || !v->s->lease.holder[0])
		return false;
	char left[24];
	unit_countdown(left, sizeof left, v->s->lease.ttl_ms);
	return headline_say(out, size, "Lease is " FIT "'s for %s: looking only; :take takes it",
		v->s->lease.holder, left);
}
