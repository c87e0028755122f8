/* Robot: one table of what an operator feels like, by what the desk shows. It knows nothing but
 * the desk's model. */
#include "tests/sim/robot.h"

#include "model/text.h"
#include "tests/sim/oracle.h"

#include <string.h>

#define LOOK_MS 3000 /* mean distance of two looks */

struct mood {
	struct sim *s;
	int desk;
	const struct pool *pool;
	struct act_request request;
};

static uint64_t draw(struct mood *m, uint64_t below)
{
	return sim_draw(&m->s->desk[m->desk].random, below);
}

static void act(struct mood *m, enum verb verb, const char *reason)
{
	struct sim *s = m->s;
	struct act_result out;
	struct act_request *r = &m->request;
	r->verb = verb;
	text_copy(r->reason, sizeof r->reason, reason);
	desk_act(s->desk[m->desk].desk, r, sim_desk_now(s, m->desk), &out);
	if (out.status == ACT_BEGUN || verb_is_brake(verb))
		sim_note(s, "desk %d asks %s of %s to %d%s: %s %s", m->desk, verb_row(verb)->word,
			m->pool->name, r->to_bp, r->gradual ? " gradually" : "",
			out.status == ACT_BEGUN          ? "begun"
				: out.status == ACT_REPLAYED ? "replayed"
				: out.status == ACT_ALREADY  ? "already"
											 : err_name(out.err.code),
			out.id[0] ? out.id + 24 : "");
	oracle_pressed(s, m->desk, r->pool, verb, &out);
}

static void step(struct mood *m)
{
	const struct standing *st = &m->pool->standing;
	m->request.to_bp = st->next_bp;
	if (st->next_bp >= 0)
		act(m, VERB_STEP, "");
}

/* Past what break-glass relaxes, and nothing else. */
static void force(struct mood *m)
{
	m->request.to_bp = m->pool->standing.next_bp;
	m->request.forced = PREDICATES_FORCED;
	if (m->request.to_bp >= 0)
		act(m, VERB_STEP, "they wait");
}

/* What no rule allows, or what is pressed on a screen that is old. */
static void mistake(struct mood *m)
{
	const struct plan *p = &m->s->pool[m->request.pool].plan;
	m->request.to_bp = p->steps[draw(m, (uint64_t)p->step_count)].share_bp;
	if (draw(m, 3) == 0)
		m->request.shown_rev -= 1;
	if (draw(m, 6) == 0)
		m->request.to_bp = (int)draw(m, SHARE_FULL + 1);
	act(m, VERB_STEP, "");
}

static void roll_back(struct mood *m)
{
	m->request.gradual = draw(m, 4) == 0;
	act(m, VERB_ROLLBACK, "");
	for (uint64_t again = draw(m, 3); again > 0; again--)
		act(m, VERB_ROLLBACK, "again");
}

static void close_open(struct mood *m)
{
	const struct pool *p = m->pool;
	if (p->standing.open < 0)
		return;
	text_copy(m->request.of, sizeof m->request.of, p->decisions[p->standing.open].id);
	act(m, VERB_CLOSE, "given up");
}

static void resume(struct mood *m)
{
	act(m, VERB_RESUME, "it is well");
}

static void adopt(struct mood *m)
{
	act(m, VERB_ADOPT, "it is so");
}

static void whim(struct mood *m)
{
	switch (draw(m, 13)) {
	case 0:
		act(m, VERB_HOLD, "");
		break;
	case 1:
	case 2:
		roll_back(m);
		break;
	case 3:
		act(m, VERB_TAKE, "");
		break;
	case 4:
		act(m, VERB_KEEP, "");
		break;
	case 5:
		act(m, VERB_ANNOTATE, "so it is");
		break;
	case 6:
		act(m, VERB_ARM, "");
		break;
	case 7:
		act(m, VERB_DISARM, "");
		break;
	case 8:
		force(m);
		break;
	default:
		mistake(m);
	}
}

static void go_on(struct mood *m)
{
	const struct standing *st = &m->pool->standing;
	uint64_t luck = draw(m, 20);
	if (luck < 2) {
		whim(m);
		return;
	}
	switch (st->state) {
	case STATE_HELD:
		if (luck < 12)
			resume(m);
		else if (luck < 15)
			roll_back(m);
		else
			step(m);
		break;
	case STATE_DIVERGED:
		if (luck < 8)
			step(m);
		else if (luck < 12)
			adopt(m);
		else if (luck < 16)
			roll_back(m);
		break;
	case STATE_COMPLETE:
		if (luck < 10)
			roll_back(m);
		else if (luck < 13)
			act(m, VERB_FINALIZE, "v1 may go");
		break;
	case STATE_UNRESOLVED:
	case STATE_ROLLING_BACK:
	case STATE_RB_UNVERIFIED:
		if (luck < 5)
			roll_back(m);
		else if (luck == 5)
			close_open(m);
		break;
	default:
		if (st->lease.holder[0] && !st->lease_mine && luck < 6)
			act(m, VERB_TAKE, "");
		else
			step(m);
	}
}

void robot_look(struct sim *s, int k)
{
	struct sim_desk *d = &s->desk[k];
	sim_at(s, s->now.boot_ms + sim_wait(&d->random, LOOK_MS), SIM_ROBOT, k, 0, NULL, 0);
	if (!d->desk || d->paused || d->recorder)
		return;
	int pool = (int)sim_draw(&d->random, (uint64_t)s->pool_count);
	const struct pool *p = &desk_model(d->desk)->pools[pool];
	struct mood m = {.s = s, .desk = k, .pool = p};
	m.request = (struct act_request){.pool = pool,
		.to_bp = -1,
		.shown_epoch = p->standing.epoch,
		.shown_rev = p->standing.rev};
	go_on(&m);
	if (d->dead)
		sim_kill_desk(s, k);
}
