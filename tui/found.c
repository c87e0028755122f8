/* Found: acts that a history holds open and that no living process carries. They are asked for;
 * only a rollback is sent again, and only where nothing has moved since. Each node goes its own
 * way when it is heard: reachable nodes never wait for others. Whoever presses R there presses
 * this rollback, at once, whether its sender is alive or not: one key, one rollback. So it is with
 * what another process' guard decided at the red that the own guard sees, too. */
#include "tui/desk_parts.h"

#include "model/text.h"

#include <string.h>

#define AGE_MS 5000 /* an open intent this old has no living sender, unless */
#define VETO_MS \
	(VETO_MOST_MS + FLAGS_SILENT_MS) /* longer where it may wait for a veto hook; unless */
#define BRAKE_MS 60000 /* it is a brake, whose sender may rest for half a minute */

/* It was applied, and nobody has seen it yet. */
static void watch(struct desk *d, struct flight *f)
{
	f->phase = FLIGHT_WATCHING;
	for (int k = 0; k < f->leg_count; k++) {
		f->legs[k].state = LEG_APPLIED;
		f->legs[k].watch =
			(struct watch){.answered = true, .at = d->now, .epoch = UNKNOWN, .rev = UNKNOWN};
	}
	flight_progress(d, f);
}

void found_adopt(struct desk *d, int pool, const struct decision *found)
{
	if (d->how.read_only || d->how.passive || found->observed || flight_find(d, found->id))
		return;
	bool open = decision_is_open(found), unseen = decision_awaits_verification(found);
	if (!open && !unseen)
		return;
	struct owner_order order;
	struct flight *f = flight_add(d, pool, found);
	f->recorded = true;
	f->for_desk = owner_order_read(&order, found);
	if (f->for_desk) {
		f->phase = FLIGHT_TELLING;
		return;
	}
	f->phase = FLIGHT_FOUND;
	for (int k = 0; k < f->leg_count; k++)
		f->legs[k].state = LEG_FOUND;
	if (unseen) {
		watch(d, f);
		return;
	}
	struct decision copy = *found;
	copy.outcome = OUTCOME_UNRESOLVED;
	desk_apply(
		d, &(struct model_event){.kind = MODEL_DECISION, .pool = pool, .decision = &copy});
}

/* Each node has an epoch of its own and the decision has the first one's: elsewhere a node whose
 * last change is older than the decision stands where it was decided. */
static bool stands(const struct decision *what, const struct node *n)
{
	const struct change *c = &n->last->change;
	if (reconcile_open(what, n->last->epoch, n->last->rev) == RECONCILE_RESEND)
		return true;
	return what->verb == VERB_ROLLBACK && (n->id & 0xffff) > 0 && c->known &&
		c->age_ms != UNKNOWN && n->last_at.wall_ms - c->age_ms < what->at_ms;
}

/* Sends it, or asks for it, where the node has been heard. */
static void begin(struct desk *d, struct flight *f, const struct decision *what, int k)
{
	const struct node *n = &d->model.pools[f->pool].nodes[k];
	/* A wall clock that was set back makes nobody wait for it. */
	int64_t age = d->now.wall_ms - what->at_ms, here = d->now.boot_ms - f->begun_ms;
	age = age > here ? age : here;
	bool asked = strstr(what->evidence, "\"veto\":\"asked\"") != NULL;
	if (!node_is_usable(n) || age < AGE_MS + asked * VETO_MS)
		return;
	if (stands(what, n)) {
		leg_send(d, f, k);
	} else if (!verb_is_brake(f->verb) || age >= BRAKE_MS) {
		/* A rollback that the pool has moved past is asked for too, never sent again: it must
		 * not undo what came after it. */
		f->legs[k].state = LEG_ASKING;
		f->legs[k].due_ms = d->now.boot_ms;
	}
}

#define JOINED_MAX ((int)(sizeof((struct desk *)0)->joined / sizeof(struct joined)))

/* A person may have pressed the same, and follows it by the id that is given up here. */
static void remember_joined(struct desk *d, int pool, const char *id, const char *other)
{
	struct joined *j = &d->joined[d->joined_count++ % JOINED_MAX];
	text_copy(j->id, sizeof j->id, id);
	text_copy(j->other, sizeof j->other, other);
	j->pool = pool;
}

const struct decision *found_instead(const struct desk *d, const char *id)
{
	for (int i = 0; i < JOINED_MAX; i++)
		if (d->joined[i].id[0] && strcmp(d->joined[i].id, id) == 0)
			return pool_decision(&d->model.pools[d->joined[i].pool], d->joined[i].other);
	return NULL;
}

void found_join(struct desk *d, const char *id, const struct decision *other)
{
	struct flight *f = flight_find(d, id);
	if (!f || f->phase != FLIGHT_RECORDING)
		return;
	const int pool = f->pool;
	remember_joined(d, pool, id, other->id);
	flight_drop(d, f);
	desk_apply(d, &(struct model_event){.kind = MODEL_FORGET, .pool = pool, .text = id});
	desk_apply(
		d, &(struct model_event){.kind = MODEL_DECISION, .pool = pool, .decision = other});
	found_adopt(d, pool, other);
	/* The same key, so that it is done once; nobody waits for a sender who may have died. */
	f = flight_find(d, other->id);
	if (f && found_stands(d, f))
		found_press(d, f);
}

bool found_waits(const struct desk *d, int pool)
{
	for (size_t i = 0; i < d->flight_count; i++)
		if (d->flights[i].pool == pool && d->flights[i].phase == FLIGHT_FOUND)
			return true;
	return false;
}

#define JUST_MS 3000 /* what a node said so long ago is where it stands */

/* True when the last that the node did looks like this very rollback: it is back, and by whoever
 * decided that, since then. */
static bool took_it(const struct decision *what, const struct node *n)
{
	const struct change *c = &n->last->change;
	return n->last->share_bp == what->to_bp && c->known && c->age_ms != UNKNOWN &&
		strcmp(c->actor, what->actor) == 0 && n->last_at.wall_ms - c->age_ms >= what->at_ms;
}

bool found_stands(const struct desk *d, const struct flight *f)
{
	const struct pool *p = &d->model.pools[f->pool];
	const struct decision *what = flight_decision(d, f);
	int heard = 0;
	if (f->phase != FLIGHT_FOUND || f->verb != VERB_ROLLBACK || !what ||
		!decision_is_open(what))
		return false;
	for (int k = 0; k < f->leg_count; k++) {
		const struct node *n = &p->nodes[k];
		if (f->legs[k].state == LEG_ASKING)
			return false;
		if (!node_is_usable(n))
			continue;
		if (!stands(what, n) && !took_it(what, n))
			return false;
		heard += d->now.boot_ms - n->last_at.boot_ms < JUST_MS;
	}
	return heard > 0;
}

void found_press(struct desk *d, struct flight *f)
{
	const struct decision *what = flight_decision(d, f);
	f->phase = FLIGHT_SENDING;
	for (int k = 0; k < f->leg_count; k++) {
		const struct node *n = &d->model.pools[f->pool].nodes[k];
		if (f->legs[k].state != LEG_FOUND)
			continue;
		if (!node_is_usable(n) || stands(what, n)) {
			leg_send(d, f, k);
			continue;
		}
		/* It has moved, as it seems by this: whether so, it knows by the key. */
		f->legs[k].state = LEG_ASKING;
		f->legs[k].due_ms = d->now.boot_ms;
	}
	leg_turn(d, f);
}

void found_turn(struct desk *d, struct flight *f)
{
	const struct decision *what = flight_decision(d, f);
	int unheard = 0;
	if (!what || !decision_is_open(what)) {
		f->phase = FLIGHT_DONE;
		if (what && decision_awaits_verification(what))
			watch(d, f);
		return;
	}
	for (int k = 0; k < f->leg_count; k++) {
		if (f->legs[k].state == LEG_FOUND)
			begin(d, f, what, k);
		unheard += f->legs[k].state == LEG_FOUND;
	}
	if (unheard == 0)
		f->phase = FLIGHT_SENDING;
	leg_turn(d, f);
}
