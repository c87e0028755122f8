/* Headlines of what became of the share: moves that are on their way, that nobody has seen, that
 * the pool made itself. Not the table: headline.c has it. */
#include "model/headline_parts.h"
#include "model/reconcile.h"

#include <string.h>

/* "node-b" for the first node without news or effect; the target before it has said its name.
 */
static const char *unseen_node(const struct headline_view *v)
{
	const struct node *n = &v->p->nodes[0];
	for (int k = v->p->node_count; k-- > 0;)
		if (v->p->unseen >> k & 1)
			n = &v->p->nodes[k];
	return n->last ? n->last->node : n->target;
}

/* Who only looks does not try, and does not know who does: what the nodes say counts. */
static bool rollback_on_record(const struct headline_view *v, char *out, size_t size)
{
	const struct node *lacks = NULL;
	int at = 0;
	char to[24];
	for (int k = v->p->node_count; k-- > 0;) {
		const struct node *n = &v->p->nodes[k];
		bool there = node_is_usable(n) && n->last->share_bp == v->open->to_bp;
		at += there;
		lacks = there ? lacks : n;
	}
	unit_share(to, sizeof to, v->open->to_bp);
	if (!lacks)
		return headline_say(out, size,
			"Rollback of %s ago not verified on record. %d/%d nodes are at %s", v->since, at,
			v->p->node_count, to);
	return headline_say(out, size,
		"Rollback of %s ago open: %d/%d at %s, not " FIT ". weir rollback " FIT, v->since, at,
		v->p->node_count, to, lacks->last ? lacks->last->node : lacks->target, v->p->name);
}

bool headline_rollback_unseen(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_RB_UNVERIFIED)
		return false;
	char to[24];
	unit_share(to, sizeof to, v->open->to_bp);
	if (v->m->read_only)
		return rollback_on_record(v, out, size);
	return headline_say(out, size,
		"Rollback not seen on " FIT " for %s, still trying. %d/%d" FIT_OR_NONE " at %s",
		unseen_node(v), v->since, v->s->seen_nodes, v->p->node_count, " nodes are", to);
}

bool headline_rollback_sending(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_ROLLING_BACK)
		return false;
	if (v->m->read_only)
		return rollback_on_record(v, out, size);
	return headline_say(
		out, size, "Rolling back for %s: no answer yet, still trying", v->since);
}

bool headline_unresolved(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_UNRESOLVED)
		return false;
	if (v->open->verb != VERB_STEP)
		return headline_say(out, size,
			"A %s sent %s ago has no answer: effect unknown. Asking; R works",
			verb_row(v->open->verb)->word, v->since);
	char from[24], to[24];
	unit_share(from, sizeof from, v->open->from_bp);
	unit_share(to, sizeof to, v->open->to_bp);
	return headline_say(out, size,
		"Step %s > %s sent %s ago, no answer: share is either. Asking; R works", from, to,
		v->since);
}

bool headline_restarted(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_DIVERGED || !v->s->restarted)
		return false;
	char age[24];
	unit_countdown(age, sizeof age, v->s->uptime_ms);
	const struct snapshot *last = v->p->nodes[0].last;
	if (v->p->owner_line.held && pool_puts_back(v->m, v->p))
		return headline_say(out, size,
			"HAProxy reloaded %s ago: share fell %s > %s. Recorder puts it back", age, v->asked,
			v->share);
	return headline_say(out, size, "%s %s ago: share fell %s > %s. S puts %s back",
		last && last->reloads ? "HAProxy reloaded" : "Pool restarted", age, v->asked, v->share,
		v->asked);
}

bool headline_diverged(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_DIVERGED)
		return false;
	return headline_say(out, size,
		"The pool says %s, asked %s, and nothing explains it. R rolls back", v->share,
		v->asked);
}

bool headline_partial(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_HELD || !v->s->partial)
		return false;
	char to[24], left[24];
	unit_share(to, sizeof to, v->s->partial_bp);
	unit_countdown(left, sizeof left, v->s->keep.left_ms);
	if (v->s->keep.left_ms == UNKNOWN)
		return headline_say(out, size, "Step to %s reached %d/%d nodes; S sends it to the rest",
			to, v->s->nodes_took, v->p->node_count);
	return headline_say(out, size,
		"Step to %s reached %d/%d nodes; S sends it to the rest, or back in %s", to,
		v->s->nodes_took, v->p->node_count, left);
}

bool headline_mixed(const struct headline_view *v, char *out, size_t size)
{
	if (!v->s->mixed)
		return false;
	char low[24], high[24];
	unit_share(low, sizeof low, v->s->mixed_low_bp);
	unit_share(high, sizeof high, v->s->mixed_high_bp);
	return headline_say(out, size, "Nodes differ: %s to %s. Steps locked, R works", low, high);
}

bool headline_held(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_HELD || !v->s->hold.on)
		return false;
	const char *reason = v->s->hold.reason;
	if (strcmp(v->s->hold.actor, POOL_ETCD) == 0)
		return headline_say(
			out, size, FIT ": the last word stands, nobody raises. R rolls back", reason);
	return headline_say(out, size, "Held by " FIT "%s" FIT "%s. U resumes, R rolls back",
		v->s->hold.actor, reason[0] ? ": \"" : "", reason, reason[0] ? "\"" : "");
}

bool headline_went_back(const struct headline_view *v, char *out, size_t size)
{
	const struct decision *d = reconcile_last_change(v->p->decisions, v->p->decision_count);
	if (v->s->state != STATE_HELD || !v->s->went_back || !d)
		return false;
	char from[24], to[24];
	unit_share(from, sizeof from, d->from_bp);
	unit_share(to, sizeof to, d->to_bp);
	return headline_say(
		out, size, "Went back %s > %s: not kept in time. S steps anew", from, to);
}

bool headline_stepping(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_STEPPING)
		return false;
	char to[24];
	unit_share(to, sizeof to, v->open->to_bp);
	return headline_say(out, size, "A step to %s by " FIT " is on its way", to, v->open->actor);
}

/* Nobody asked for it: whoever looks should know why. */
bool headline_guard_went_back(const struct headline_view *v, char *out, size_t size)
{
	const struct decision *last = reconcile_last_change(v->p->decisions, v->p->decision_count);
	if (v->s->state != STATE_ROLLED_BACK || !last ||
		(strcmp(last->role, POOL_ACTOR) != 0 && strcmp(last->role, GUARD_ROLE) != 0))
		return false;
	const char *why = last->reason;
	why += strncmp(why, GUARD_REASON, strlen(GUARD_REASON)) == 0 ? strlen(GUARD_REASON) : 0;
	return headline_say(out, size, "The guard rolled back to %s: " FIT "%s", v->share,
		why[0] ? why : "it says not why", v->p->latch.red ? ". U accepts it" : "");
}

/* By hand, and what it was for is not accepted yet. */
bool headline_back_and_red(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_ROLLED_BACK || !v->p->latch.red)
		return false;
	return headline_say(out, size, "Rolled back to %s; RED stays until U accepts it: %s",
		v->share, metric_name(v->p->latch.metric));
}

bool headline_rolled_back(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_ROLLED_BACK)
		return false;
	/* One that others made, or that nobody watched, is known by the pool's word only. */
	const struct decision *last = reconcile_last_change(v->p->decisions, v->p->decision_count);
	return headline_say(out, size, "Rolled back to %s, %s%s", v->share,
		last && last->verified_ms != UNKNOWN ? "seen on every node" : "every node says so",
		v->s->reported_bp == 0 ? ". v1 carries the traffic" : "");
}
