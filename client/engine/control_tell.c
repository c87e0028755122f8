/* Control tell: what a control says of itself, and its lease, which no record keeps. */
#include "client/engine/control_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the lease ---- */

void control_lease(struct control *c, const struct lease_request *r, struct instant now,
	struct control_answer *out)
{
	bool free = !c->holder[0] || now.boot_ms >= c->lease_boot_ms;
	control_fill_current(c, now, out);
	if (!r->actor[0] || r->ttl_ms < 0) {
		control_refuse(out, 400, "bad_body", "a lease needs an actor and a time");
	} else if (c->finalized && r->ttl_ms > 0) {
		control_refuse_finished(c, now, out);
	} else if (!free && strcmp(c->holder, r->actor) != 0) {
		control_refuse_lease(c, now, out);
	} else if (r->ttl_ms > LEASE_TTL_MAX_MS) {
		control_refuse(out, 422, "limit", "a lease lasts at most 10 min");
	} else {
		text_clean(c->holder, sizeof c->holder, r->actor, r->ttl_ms ? strlen(r->actor) : 0);
		c->lease_boot_ms = now.boot_ms + r->ttl_ms;
		out->status = 200;
		out->durable = true;
	}
}

/* ---- the document ---- */

static int64_t age(int64_t boot_ms, struct instant now)
{
	return now.boot_ms > boot_ms ? now.boot_ms - boot_ms : 0;
}

static void fill_lease(const struct control *c, struct lease *l, struct instant now)
{
	int64_t left_ms = control_left(c->lease_boot_ms, now);
	bool held = c->holder[0] && left_ms > 0;
	*l = (struct lease){.known = true, .ttl_ms = held ? left_ms : UNKNOWN};
	text_copy(l->holder, sizeof l->holder, held ? c->holder : "");
}

static void fill_guard(const struct control *c, struct pool_guard *g, struct instant now)
{
	bool holds = c->guard_hold_wall_ms && now.boot_ms < c->guard_hold_boot_ms;
	*g = (struct pool_guard){.known = true,
		.armed = guard_limits_any(&c->limits),
		.state = c->latched ? GUARD_RED : c->guard.state,
		.action = control_guard_action(c, now),
		.since_ms = age(c->guard_boot_ms, now),
		.held_ms = holds ? control_left(c->guard_hold_boot_ms, now) : UNKNOWN};
	g->verdict = c->guard.verdict;
	text_copy(g->verdict_text, sizeof g->verdict_text, c->guard.verdict_text);
	text_copy(g->word, sizeof g->word, c->latched ? c->latched_word : c->guard.word);
}

void control_fill(const struct control *c, struct snapshot *s, struct instant now)
{
	s->epoch = c->epoch;
	s->rev = c->rev;
	s->strategy = c->strategy;
	s->share_bp = c->share_bp;
	s->baseline_bp = c->baseline_bp;
	s->kept_bp = c->kept_bp;
	s->keep.on = c->keep_ms > 0;
	s->keep.left_ms =
		c->keep_ms && c->keep_boot_ms != NEVER ? control_left(c->keep_boot_ms, now) : UNKNOWN;
	s->keep.on_orphan = orphan_at(c->on_orphan, c->share_bp);
	s->finalized = c->finalized;
	text_copy(s->plan_hash, sizeof s->plan_hash, c->plan_hash);
	s->hold = c->hold;
	s->hold.age_ms = c->hold.on ? age(c->hold_boot_ms, now) : UNKNOWN;
	if (c->absent[0] && !c->hold.on) {
		s->hold = (struct hold){.on = true, .age_ms = age(c->absent_boot_ms, now)};
		text_copy(s->hold.actor, sizeof s->hold.actor, POOL_ETCD);
		text_copy(s->hold.reason, sizeof s->hold.reason, c->absent);
	}
	s->change = c->change;
	s->change.age_ms = c->change.known ? age(c->change_boot_ms, now) : UNKNOWN;
	s->operations = c->operations;
	fill_lease(c, &s->lease, now);
	fill_guard(c, &s->guard, now);
	s->audit_seq = c->seq;
	snprintf(s->audit_head, sizeof s->audit_head, "%016" PRIx64, c->head);
	text_copy(s->history_head, sizeof s->history_head, c->history_head);
	text_copy(s->history_by, sizeof s->history_by, c->history_by);
}

void control_split(const struct control *c, enum strategy *strategy, int *share_bp)
{
	*strategy = c->strategy;
	*share_bp = c->share_bp;
}

bool control_limits(const struct control *c, struct guard_limits *out)
{
	*out = c->limits;
	return control_is_asked(c);
}

bool control_is_at_base(const struct control *c)
{
	return c->share_bp <= control_base_bp(c);
}

bool control_take_resume(struct control *c)
{
	bool resumed = c->resumed;
	c->resumed = false;
	return resumed;
}

int64_t control_change_age_ms(const struct control *c, struct instant now)
{
	return c->change.known ? age(c->change_boot_ms, now) : UNKNOWN;
}

const struct operation_set *control_operations(const struct control *c)
{
	return &c->operations;
}

size_t control_audit(const struct control *c, int64_t since, struct audit_entry *out,
	size_t max, struct instant now)
{
	return control_log_audit(&c->log, since, out, max, now);
}
