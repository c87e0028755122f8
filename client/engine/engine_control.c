/* Engine control: changes of the split, and the guard's look once a second, with the engine's
 * counters, lock and clock. Not what is decided: control.h. */
#include "client/engine/engine_parts.h"

#include "client/engine/supervisor.h"

#include "model/verb.h"

struct instant engine_skewed_now(struct engine *e)
{
	struct instant now = engine_now();
	now.wall_ms += atomic_load_explicit(&e->skew_ms, memory_order_relaxed);
	return now;
}

/* Adds the units of both arms as they are, open ones too. */
static void add_units(struct sessions *s, int64_t now_ms, struct control_counts *until)
{
	for (int i = 0; i < ARM_COUNT; i++) {
		int64_t sessions, bad;
		sessions_totals(s, (enum arm)i, true, now_ms, &sessions, &bad);
		until->arms[i].sessions += sessions;
		until->arms[i].sessions_bad += bad;
	}
}

void engine_put_in_force(struct engine *e, struct control_counts *until)
{
	enum strategy strategy;
	int share_bp;
	control_split(e->control, &strategy, &share_bp);
	/* All parts at once: no unit begins under the new split before all old ones are ended. */
	for (int k = 0; k < SESSION_PARTS; k++)
		pthread_mutex_lock(&e->sessions[k].lock);
	int64_t now_ms = threads_us() / 1000;
	for (int k = 0; k < SESSION_PARTS; k++)
		add_units(e->sessions[k].sessions, now_ms, until);
	uint32_t generation = router_set(&e->router, strategy, share_bp,
		operations_bits(&e->operations, control_operations(e->control)));
	for (int k = 0; k < SESSION_PARTS; k++) {
		sessions_turn(e->sessions[k].sessions, generation, now_ms);
		pthread_mutex_unlock(&e->sessions[k].lock);
	}
	for (int i = 0; i < ARM_COUNT; i++)
		workers_totals(e->arms[i], &until->arms[i]);
	if (control_is_at_base(e->control))
		sentry_rest(&e->sentry);
}

/* Under the control lock. Writing the change took its time; nobody has seen it yet. */
static void turn(struct engine *e)
{
	struct control_counts counts = {0};
	engine_put_in_force(e, &counts);
	control_recount(e->control, &counts);
}

static bool has_place(struct residents *r, const struct drain *d)
{
	struct residents_look look;
	if (!r)
		return false;
	residents_look(r, &look, NULL, 0);
	return d->node < look.nodes && d->segment < look.node[d->node].segments;
}

/* What the workers say of a change, under the control lock: an arm that has traffic never loses
 * its last one, and v2 gets none before it has one. */
static enum drain_says judge(struct engine *e, const struct control_request *r)
{
	const struct drain *d = &r->drain;
	enum strategy strategy;
	int share_bp;
	if (r->verb != VERB_DRAIN)
		return workers_unlocked(e->arms[ARM_V2], -1, -1) == 0 ? DRAIN_LAST : DRAIN_FITS;
	if (d->residents)
		return has_place(e->residents, d) ? DRAIN_FITS : DRAIN_NOBODY;
	if (d->arm >= ARM_COUNT)
		return DRAIN_NOBODY;
	control_split(e->control, &strategy, &share_bp);
	int all = workers_unlocked(e->arms[d->arm], -1, -1);
	int those = workers_unlocked(e->arms[d->arm], d->segment, d->worker);
	bool works = d->arm == ARM_V1 || share_bp > 0;
	return those < 0 ? DRAIN_NOBODY : works && those == all ? DRAIN_LAST : DRAIN_FITS;
}

/* A place that is as it is asked for stays so; that it is there, control has asked. */
static void drain(struct engine *e, const struct drain *d, bool on)
{
	if (d->residents)
		(void)(on ? residents_lock : residents_release)(
			e->residents, d->node, d->segment, NULL);
	else
		engine_lock_workers(e, d->arm, d->segment, d->worker, on);
}

/* What v1 still does, of a change that ends the way back to it. */
static void look_at_v1(struct engine *e, struct control_request *r)
{
	struct arm_counts v1 = {0};
	engine_fill_arm(e, ARM_V1, &v1);
	r->v1_busy = v1.in_flight + v1.queue_depth;
	r->v1_sessions = v1.sessions_live > 0 ? v1.sessions_live : 0;
	r->v1_end_ms = v1.sessions_end_ms > 0 ? v1.sessions_end_ms : 0;
}

void engine_change(
	struct engine *e, const struct control_request *request, struct control_answer *out)
{
	static const struct control_counts none;
	struct control_request r = *request;
	pthread_mutex_lock(&e->control_lock);
	r.says = judge(e, &r);
	if (r.verb == VERB_FINALIZE)
		look_at_v1(e, &r);
	control_change(e->control, &r, &none, engine_skewed_now(e), out);
	bool changed = out->status == 200 && !out->replayed;
	if (changed && verb_is(r.verb, VERB_SPLITS))
		turn(e);
	if (changed && r.verb == VERB_DRAIN)
		drain(e, &r.drain, r.drains);
	control_settle(e->control, out);
	pthread_mutex_unlock(&e->control_lock);
}

void engine_lease(
	struct engine *e, const struct lease_request *request, struct control_answer *out)
{
	pthread_mutex_lock(&e->control_lock);
	control_lease(e->control, request, engine_skewed_now(e), out);
	pthread_mutex_unlock(&e->control_lock);
}

void engine_share(struct engine *e)
{
	pthread_mutex_lock(&e->control_lock);
	control_share(e->control);
	pthread_mutex_unlock(&e->control_lock);
}

void engine_begin(struct engine *e)
{
	pthread_mutex_lock(&e->control_lock);
	control_begin(e->control, engine_skewed_now(e));
	pthread_mutex_unlock(&e->control_lock);
}

bool engine_reclaim(struct engine *e, const char *line)
{
	pthread_mutex_lock(&e->control_lock);
	bool found = control_reclaim(e->control, line);
	pthread_mutex_unlock(&e->control_lock);
	return found;
}

bool engine_has_passed(struct engine *e, const char *line)
{
	pthread_mutex_lock(&e->control_lock);
	bool passed = control_has_passed(e->control, line);
	pthread_mutex_unlock(&e->control_lock);
	return passed;
}

int engine_adopt(struct engine *e, const char *line, bool live, struct err *err)
{
	bool changed;
	pthread_mutex_lock(&e->control_lock);
	int result = control_adopt(e->control, line, live, engine_skewed_now(e), &changed, err);
	if (changed)
		turn(e);
	pthread_mutex_unlock(&e->control_lock);
	return result;
}

void engine_lead(struct engine *e, const char *absent)
{
	pthread_mutex_lock(&e->control_lock);
	control_lead(e->control, absent, engine_skewed_now(e));
	pthread_mutex_unlock(&e->control_lock);
}

void engine_hear_holder(struct engine *e, const char *holder, int64_t ttl_ms)
{
	pthread_mutex_lock(&e->control_lock);
	control_hear_holder(e->control, holder, ttl_ms, engine_skewed_now(e));
	pthread_mutex_unlock(&e->control_lock);
}

void engine_stand(struct engine *e, struct engine_stand *out, struct text *own)
{
	pthread_mutex_lock(&e->control_lock);
	control_stand(e->control, &out->control);
	text_add(own, control_own(e->control));
	pthread_mutex_unlock(&e->control_lock);
	text_copy(out->boot_id, sizeof out->boot_id, e->boot_id);
}

void engine_watch(struct engine *e)
{
	static const struct control_counts none;
	struct guard_limits limits;
	struct control_guard word;
	pthread_mutex_lock(&e->control_lock);
	struct instant now = engine_skewed_now(e);
	for (int i = 0; i < ARM_COUNT; i++) {
		workers_look(e->arms[i]);
		engine_fill_arm(e, (enum arm)i, &e->seen[i]);
	}
	struct sentry_split split = {.asked = control_limits(e->control, &limits),
		.at_base = control_is_at_base(e->control),
		.operations = operations_bits(&e->operations, control_operations(e->control)),
		.resumed = control_take_resume(e->control),
		.change_age_ms = control_change_age_ms(e->control, now),
		.uptime_ms = now.boot_ms - e->started.boot_ms,
		.settle_ms = engine_settle_ms(e)};
	enum strategy strategy;
	control_split(e->control, &strategy, &split.share_bp);
	sentry_look(&e->sentry, e->seen, &limits, &split, now, &word);
	if (control_tick(e->control, &word, &none, now))
		turn(e);
	pthread_mutex_unlock(&e->control_lock);
}

enum intent_fate engine_intent(
	struct engine *e, const char *key, bool make_void, struct control_answer *out)
{
	pthread_mutex_lock(&e->control_lock);
	enum intent_fate f = control_intent(e->control, key, make_void, engine_skewed_now(e), out);
	pthread_mutex_unlock(&e->control_lock);
	return f;
}

size_t engine_audit(struct engine *e, int64_t since, struct audit_entry *out, size_t max)
{
	pthread_mutex_lock(&e->control_lock);
	size_t n = control_audit(e->control, since, out, max, engine_skewed_now(e));
	pthread_mutex_unlock(&e->control_lock);
	return n;
}

void engine_nudge(struct engine *e)
{
	for (int i = 0; i < ARM_COUNT; i++)
		workers_nudge(e->arms[i]);
}
