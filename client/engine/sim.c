/* Sim: control and work put together on a virtual clock. Not a test double: it is the engine with
 * other hands. */
#include "client/engine/sim.h"

#include "client/engine/router.h"
#include "client/engine/sentry.h"
#include "client/engine/task.h"
#include "model/mem.h"
#include "model/text.h"
#include "model/verb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 1000

struct sim {
	char pool[POOL_NAME_MAX], node[POOL_NAME_MAX];
	uint64_t seed;
	int boots;
	struct scenario scenario;
	struct instant start;
	int64_t now_ms, booted_ms, looked_ms; /* after the start */
	int64_t events_ms;                    /* the scenario's events up to here have happened */
	int64_t skew_ms, seq;
	struct operation_set known;
	struct control *control;
	struct sim_work *work;
	struct sentry sentry;
	struct arm_counts seen[ARM_COUNT];
};

struct instant sim_now(const struct sim *s)
{
	return (struct instant){.boot_ms = s->start.boot_ms + s->now_ms,
		.wall_ms = s->start.wall_ms + s->now_ms + s->skew_ms};
}

void sim_skew(struct sim *s, int64_t wall_ms)
{
	s->skew_ms = wall_ms;
}

/* ---- the split ---- */

/* What control decided is in force from now on. */
static void put_in_force(struct sim *s, struct control_counts *until)
{
	enum strategy strategy;
	int share_bp;
	control_split(s->control, &strategy, &share_bp);
	sim_work_split(s->work, strategy, share_bp, operation_bits(control_operations(s->control)),
		until->arms);
	if (control_is_at_base(s->control))
		sentry_rest(&s->sentry);
}

static void turn(struct sim *s)
{
	struct control_counts until = {0};
	put_in_force(s, &until);
	control_recount(s->control, &until);
}

void sim_change(
	struct sim *s, const struct control_request *request, struct control_answer *out)
{
	static const struct control_counts none;
	control_change(s->control, request, &none, sim_now(s), out);
	if (out->status == 200 && !out->replayed && verb_is(request->verb, VERB_SPLITS))
		turn(s);
	control_settle(s->control, out);
}

void sim_lease(struct sim *s, const struct lease_request *request, struct control_answer *out)
{
	control_lease(s->control, request, sim_now(s), out);
}

size_t sim_audit(struct sim *s, int64_t since, struct audit_entry *out, size_t max)
{
	return control_audit(s->control, since, out, max, sim_now(s));
}

enum intent_fate sim_intent(
	struct sim *s, const char *key, bool make_void, struct control_answer *out)
{
	return control_intent(s->control, key, make_void, sim_now(s), out);
}

void sim_fault(struct sim *s, enum arm arm, const struct fault *fault)
{
	sim_work_fault(s->work, arm, fault);
}

/* ---- time ---- */

static void look(struct sim *s)
{
	static const struct control_counts none;
	struct guard_limits limits;
	struct control_guard word;
	for (int i = 0; i < ARM_COUNT; i++)
		sim_work_fill(s->work, (enum arm)i, &s->seen[i]);
	struct instant now = sim_now(s);
	struct sentry_split split = {.asked = control_limits(s->control, &limits),
		.at_base = control_is_at_base(s->control),
		.operations = operation_bits(control_operations(s->control)),
		.resumed = control_take_resume(s->control),
		.change_age_ms = control_change_age_ms(s->control, now),
		.uptime_ms = s->now_ms - s->booted_ms};
	enum strategy strategy;
	int64_t unit_ms;
	control_split(s->control, &strategy, &split.share_bp);
	sim_work_units(s->work, &unit_ms, &split.settle_ms);
	sentry_look(&s->sentry, s->seen, &limits, &split, now, &word);
	if (control_tick(s->control, &word, &none, sim_now(s)))
		turn(s);
}

void sim_restart(struct sim *s)
{
	sim_work_restart(s->work);
	sentry_release(&s->sentry);
	s->sentry = (struct sentry){0};
	s->booted_ms = s->now_ms;
	s->boots++;
	s->seq = 0;
}

/* When something next happens to the node itself; INT64_MAX: nothing does. */
static int64_t next_event_ms(const struct sim *s)
{
	const struct scenario *c = &s->scenario;
	for (int i = 0; i < c->event_count; i++)
		if (c->events[i].at_ms > s->events_ms)
			return c->events[i].at_ms;
	return INT64_MAX;
}

/* What the scenario has happen to the node at this moment. */
static void happen(struct sim *s, int64_t at_ms)
{
	const struct scenario *c = &s->scenario;
	for (int i = 0; i < c->event_count; i++)
		if (c->events[i].at_ms == at_ms && c->events[i].restart)
			sim_restart(s);
	s->skew_ms = scenario_skew_ms(c, at_ms);
	s->events_ms = at_ms;
}

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

void sim_run(struct sim *s, int64_t ms)
{
	int64_t until_ms = s->now_ms + ms;
	while (s->now_ms < until_ms) {
		int64_t look_ms = s->looked_ms + LOOK_MS, event_ms = next_event_ms(s);
		s->now_ms = sooner(until_ms, sooner(look_ms, event_ms));
		sim_work_run(s->work, s->now_ms * 1000);
		if (s->now_ms == event_ms)
			happen(s, event_ms);
		if (s->now_ms < look_ms)
			continue;
		s->looked_ms = look_ms;
		look(s);
	}
}

/* ---- looking ---- */

void sim_snapshot(struct sim *s, struct snapshot *out)
{
	memset(out, 0, sizeof *out);
	struct instant now = sim_now(s);
	text_copy(out->pool, sizeof out->pool, s->pool);
	text_copy(out->pool_id, sizeof out->pool_id, s->pool);
	text_copy(out->node, sizeof out->node, s->node);
	text_copy(out->node_id, sizeof out->node_id, s->node);
	snprintf(out->boot_id, sizeof out->boot_id, "%016" PRIx64 "-%d", s->seed, s->boots);
	text_copy(out->build, sizeof out->build, "weir-sim-1");
	out->seq = ++s->seq;
	out->now_ms = now.wall_ms;
	out->uptime_ms = s->now_ms - s->booted_ms;
	sim_work_units(s->work, &out->unit_ms, &out->settle_ms);
	control_fill(s->control, out, now);
	for (int i = 0; i < ARM_COUNT; i++)
		sim_work_fill(s->work, (enum arm)i, &out->arms[i]);
}

/* ---- life ---- */

int sim_new(struct sim **out, const struct sim_options *how, struct err *err)
{
	if (operations_play(operations_builtin(), how->work.scenario, err) < 0)
		return -1;
	struct sim *s = mem_new(1, sizeof *s);
	text_copy(s->pool, sizeof s->pool, how->pool ? how->pool : "sim");
	text_copy(s->node, sizeof s->node, how->node ? how->node : "sim");
	s->seed = how->work.seed;
	s->scenario = *how->work.scenario;
	s->start = how->start;
	s->skew_ms = scenario_skew_ms(&s->scenario, 0);
	operation_known(&s->known);
	const struct scenario *c = &s->scenario;
	bool told = c->strategy[0] && how->strategy == STRATEGY_CANARY;
	const struct control_options o = {
		.strategy = told ? strategy_of(c->strategy) : how->strategy,
		.share_bp = how->share_bp,
		.has_v2 = !how->work.no_v2,
		.epoch = how->epoch ? how->epoch : how->start.wall_ms,
		.known = &s->known};
	s->control = control_new(&o, NULL, how->start, err);
	if (!s->control) {
		free(s);
		return -1;
	}
	s->work = sim_work_new(&how->work);
	struct control_counts none;
	put_in_force(s, &none);
	*out = s;
	return 0;
}

void sim_free(struct sim *s)
{
	if (!s)
		return;
	sentry_release(&s->sentry);
	control_free(s->control);
	sim_work_free(s->work);
	free(s);
}
