/* Virtual: a small pool that a model looks at, in virtual time. It counts traffic, obeys steps,
 * rollbacks and holds as the protocol says, restarts, falls silent and lies when told to.
 *
 * It is the truth of the tests of the model; what the model believes is compared with it. */
#ifndef WEIR_TESTS_UNIT_MODEL_VIRTUAL_H
#define WEIR_TESTS_UNIT_MODEL_VIRTUAL_H

#include "model/mem.h"
#include "model/model.h"
#include "model/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VIRTUAL_NODES 3
#define VIRTUAL_START_MS 5000000                           /* boot time of this process */
#define VIRTUAL_WALL_MS (1763769600000 - VIRTUAL_START_MS) /* wall clock less boot time */

struct virtual_node {
	struct snapshot *s; /* what it would answer now */
	bool silent;
	int64_t booted_ms, changed_ms, held_ms;
	int64_t keep_until_ms; /* of a keep that is on */
};

struct virtual
{
	struct model m;
	struct instant now;
	struct virtual_node node[VIRTUAL_NODES];
	int nodes;
	int rate;               /* requests a second and node */
	int failing[ARM_COUNT]; /* per mille */
	int64_t latency_us[ARM_COUNT];
	bool audits;                 /* each entry is read at once */
	int serial;                  /* of decisions */
	struct model_sample *sample; /* of the last poll */
	unsigned dirty;
};

static inline struct pool *virtual_pool(const struct virtual *v)
{
	return &v->m.pools[0];
}

static inline const struct standing *virtual_standing(const struct virtual *v)
{
	return &v->m.pools[0].standing;
}

static inline unsigned virtual_tell(struct virtual *v, struct model_event e)
{
	e.at = v->now;
	return v->dirty = model_apply(&v->m, &e, v->sample);
}

static inline void virtual_wait(struct virtual *v, int64_t ms)
{
	v->now.boot_ms += ms;
	v->now.wall_ms += ms;
}

static inline void virtual_tick(struct virtual *v)
{
	virtual_tell(v, (struct model_event){.kind = MODEL_TICK});
}

/* 0, 1, 10, 50, 100 % with bakes of 10 s and 50 units. */
static inline struct plan virtual_plan(void)
{
	struct plan p;
	plan_init(&p);
	const int shares[] = {100, 1000, 5000, 10000};
	for (int i = 0; i < 4; i++)
		p.steps[p.step_count++].share_bp = shares[i];
	p.bake_ms = 10000;
	p.min_samples = 50;
	return p;
}

/* ---- what happens at the pool ---- */

static inline void virtual_mark_change(
	struct virtual *v, struct virtual_node *n, const char *actor)
{
	struct change *c = &n->s->change;
	c->known = true;
	text_copy(c->actor, sizeof c->actor, actor);
	n->changed_ms = v->now.boot_ms;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct arm_counts *a = &n->s->arms[arm];
		c->arms[arm] = (struct change_counts){.requests = a->requests,
			.ok = a->ok,
			.failed = counts_failed(a),
			.sessions = a->sessions,
			.sessions_bad = a->sessions_bad};
	}
}

static inline void virtual_boot(struct virtual *v, int k, const char *boot_id)
{
	struct virtual_node *n = &v->node[k];
	struct snapshot *s = n->s;
	memset(s, 0, sizeof *s);
	text_copy(s->pool_id, sizeof s->pool_id, "shop");
	text_copy(s->pool, sizeof s->pool, "checkout");
	snprintf(s->node, sizeof s->node, "node-%c", 'a' + k);
	snprintf(s->node_id, sizeof s->node_id, "id-%d", k);
	text_copy(s->boot_id, sizeof s->boot_id, boot_id);
	text_copy(s->build, sizeof s->build, "1.0");
	s->strategy = STRATEGY_CANARY;
	s->epoch = 1;
	s->baseline_bp = s->kept_bp = -1;
	s->unit_ms = s->drain_ms = UNKNOWN;
	s->settle_ms = 0; /* every interval counts */
	s->audit_seq = UNKNOWN;
	s->lease.ttl_ms = s->keep.left_ms = UNKNOWN;
	s->guard = (struct pool_guard){.known = true,
		.armed = v->m.pools[0].has_plan, /* limits come with a plan */
		.state = GUARD_NONE,
		.action = GUARD_ACTION_ROLLBACK,
		.held_ms = UNKNOWN};
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_counts *a = &s->arms[arm];
		a->sessions = a->sessions_bad = UNKNOWN;
		a->has_latency = true;
		a->memory_bytes = 100 << 20;
		a->workers.ready = a->workers.total = 4;
	}
	n->booted_ms = v->now.boot_ms;
	virtual_mark_change(v, n, "pool");
}

/* One node takes `ms` of traffic: v2 gets its share, to the request. */
static inline void virtual_work(struct virtual *v, struct virtual_node *n, int64_t ms)
{
	int64_t requests = v->rate * ms / 1000;
	int64_t part[ARM_COUNT];
	part[ARM_V2] = requests * n->s->share_bp / SHARE_FULL;
	part[ARM_V1] = requests - part[ARM_V2];
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_counts *a = &n->s->arms[arm];
		int64_t failed = part[arm] * v->failing[arm] / 1000;
		a->requests += part[arm];
		a->ok += part[arm] - failed;
		a->failed[FAILURE_OPERATION] += failed;
		histogram_add(&a->latency, v->latency_us[arm], part[arm]);
		if (a->operation_count)
			a->operations[0].failed += failed;
	}
}

static inline void virtual_traffic(struct virtual *v, int64_t ms)
{
	for (int k = 0; k < v->nodes; k++)
		virtual_work(v, &v->node[k], ms);
	virtual_wait(v, ms);
}

static inline void virtual_apply_at(
	struct virtual *v, int k, enum verb verb, int to_bp, const char *actor)
{
	struct virtual_node *n = &v->node[k];
	struct snapshot *s = n->s;
	if (verb == VERB_HOLD || verb == VERB_RESUME) {
		s->hold.on = verb == VERB_HOLD;
		text_copy(s->hold.actor, sizeof s->hold.actor, actor);
		n->held_ms = v->now.boot_ms;
		return;
	}
	s->share_bp = to_bp;
	s->rev++;
	if (verb == VERB_ROLLBACK) {
		s->epoch++;
		s->hold.on = false;
	} else if (s->baseline_bp < 0) {
		s->baseline_bp = 0;
	}
	virtual_mark_change(v, n, actor);
}

/* From now on the node goes back to `kept_bp` in `ms` unless it is kept. */
static inline void virtual_unkept(struct virtual *v, int k, int kept_bp, int64_t ms)
{
	v->node[k].s->keep = (struct keep){.on = true, .on_orphan = ORPHAN_DEFAULT};
	v->node[k].s->kept_bp = kept_bp;
	v->node[k].keep_until_ms = v->now.boot_ms + ms;
}

static inline void virtual_lease(struct virtual *v, int k, const char *holder, int64_t ttl_ms)
{
	struct lease *l = &v->node[k].s->lease;
	l->known = true;
	l->ttl_ms = ttl_ms;
	text_copy(l->holder, sizeof l->holder, holder);
}

/* ---- polls ---- */

static inline void virtual_poll_node(struct virtual *v, int k)
{
	struct virtual_node *n = &v->node[k];
	if (n->silent)
		return;
	n->s->seq++;
	n->s->uptime_ms = v->now.boot_ms - n->booted_ms;
	n->s->now_ms = v->now.wall_ms;
	n->s->change.age_ms = v->now.boot_ms - n->changed_ms;
	n->s->hold.age_ms = v->now.boot_ms - n->held_ms;
	if (n->s->keep.on)
		n->s->keep.left_ms = n->s->hold.on ? UNKNOWN : n->keep_until_ms - v->now.boot_ms;
	virtual_tell(v,
		(struct model_event){
			.kind = MODEL_SNAPSHOT, .node = NODE_HANDLE(0, k), .snapshot = n->s});
	if (v->audits && n->s->audit_seq != UNKNOWN)
		virtual_tell(v,
			(struct model_event){
				.kind = MODEL_AUDIT, .node = NODE_HANDLE(0, k), .seq = n->s->audit_seq});
}

static inline void virtual_poll(struct virtual *v)
{
	for (int k = 0; k < v->nodes; k++)
		virtual_poll_node(v, k);
}

/* `ms` of traffic, polled every second. */
static inline void virtual_run(struct virtual *v, int64_t ms)
{
	for (; ms > 0; ms -= 1000) {
		virtual_traffic(v, ms < 1000 ? ms : 1000);
		virtual_poll(v);
	}
}

/* ---- decisions of this console ---- */

static inline struct decision virtual_decision(struct virtual *v, enum verb verb, int to_bp)
{
	const struct standing *s = virtual_standing(v);
	struct decision d = {.verb = verb,
		.at_ms = v->now.wall_ms,
		.from_bp = s->reported_bp,
		.to_bp = to_bp,
		.epoch = s->epoch,
		.rev = s->rev,
		.outcome_ms = UNKNOWN,
		.verified_ms = UNKNOWN,
		.closed_ms = UNKNOWN,
		.latency_ms = UNKNOWN};
	snprintf(d.id, sizeof d.id, "intent-%d", ++v->serial);
	text_copy(d.actor, sizeof d.actor, v->m.actor);
	text_copy(d.role, sizeof d.role, "operator");
	text_copy(d.evidence, sizeof d.evidence, "{}");
	return d;
}

static inline void virtual_decide(struct virtual *v, const struct decision *d)
{
	virtual_tell(v, (struct model_event){.kind = MODEL_DECISION, .decision = d});
}

static inline void virtual_row(
	struct virtual *v, const char *id, enum outcome_row_kind row, enum outcome_kind kind)
{
	struct outcome_row r = {
		.row = row, .kind = kind, .at_ms = v->now.wall_ms, .latency_ms = 12};
	text_copy(r.decision, sizeof r.decision, id);
	virtual_tell(v, (struct model_event){.kind = MODEL_OUTCOME, .outcome = &r});
}

static inline void virtual_progress(struct virtual *v, int unseen)
{
	/* The last `unseen` nodes. */
	uint64_t nodes = 0;
	for (int k = v->m.pools[0].node_count; unseen > 0 && k-- > 0; unseen--)
		nodes |= (uint64_t)1 << k;
	virtual_tell(v, (struct model_event){.kind = MODEL_PROGRESS, .nodes = nodes});
}

/* An act from the intent to the pool's yes; the next poll shows its effect. */
static inline struct decision virtual_act(struct virtual *v, enum verb verb, int to_bp)
{
	struct decision d = virtual_decision(v, verb, to_bp);
	virtual_decide(v, &d);
	virtual_progress(v, v->nodes);
	virtual_wait(v, 20);
	for (int k = 0; k < v->nodes; k++)
		virtual_apply_at(v, k, verb, to_bp, v->m.actor);
	virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED);
	return d;
}

static inline void virtual_verify(struct virtual *v, const struct decision *d)
{
	virtual_progress(v, 0);
	virtual_row(v, d->id, OUTCOME_ROW_VERIFIED, OUTCOME_APPLIED);
}

/* An act, seen and verified. */
static inline void virtual_move(struct virtual *v, enum verb verb, int to_bp)
{
	struct decision d = virtual_act(v, verb, to_bp);
	virtual_traffic(v, 1000);
	virtual_poll(v);
	virtual_verify(v, &d);
}

/* ---- life ---- */

static inline void virtual_init(
	struct virtual *v, int nodes, const struct plan *plan, const struct guard_limits *limits)
{
	static const char *const targets[VIRTUAL_NODES] = {
		"http://a:1", "http://b:1", "http://c:1"};
	struct guard_limits none;
	guard_limits_init(&none);
	memset(v, 0, sizeof *v);
	v->now = (struct instant){VIRTUAL_START_MS, VIRTUAL_START_MS + VIRTUAL_WALL_MS};
	v->nodes = nodes;
	v->rate = 100;
	v->latency_us[ARM_V1] = v->latency_us[ARM_V2] = 20000;
	v->sample = mem_new(1, sizeof *v->sample);
	model_init(&v->m, "kim@ops1", false);
	model_add(&v->m,
		&(struct pool_setup){.name = "checkout",
			.env = "prod",
			.targets = targets,
			.target_count = nodes,
			.interval_ms = 1000,
			.plan = plan,
			.plan_hash = plan ? "hash" : NULL,
			.limits = limits ? limits : &none});
	for (int k = 0; k < nodes; k++) {
		v->node[k].s = mem_new(1, sizeof *v->node[k].s);
		virtual_boot(v, k, "boot-1");
	}
}

static inline void virtual_history_opens(struct virtual *v)
{
	virtual_tell(v, (struct model_event){.kind = MODEL_HISTORY, .text = "head"});
}

static inline void virtual_release(struct virtual *v)
{
	for (int k = 0; k < v->nodes; k++)
		free(v->node[k].s);
	free(v->sample);
	model_release(&v->m);
}

#endif
