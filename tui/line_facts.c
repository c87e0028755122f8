/* What the document says of a node's arms, segments, workers, of registered workers and of keyed
 * work, in one struct that columns and words are made of. It draws nothing. */
#include "tui/line_facts.h"

#include "model/text.h"

#include <math.h>
#include <stdio.h>

#define QUEUE_LOOK 0.70 /* how full a queue is when it is worth a look, */
#define QUEUE_ACT 0.85  /* and when it is not fit to take more */

/* ---- both arms ---- */

static void say_state(struct line_facts *f, enum role role, const char *word)
{
	f->state_role = role;
	snprintf(f->state, sizeof f->state, "%s", word);
}

static enum role breaker_role(enum breaker_state b)
{
	return b == BREAKER_OPEN ? ROLE_FAIL : b == BREAKER_HALF_OPEN ? ROLE_WARN : ROLE_OK;
}

static void arm_facts(struct line_facts *f, const struct pool *p, const struct roster_line *l)
{
	const struct arm_counts *c = &p->nodes[l->node].last->arms[l->arm];
	struct roster_sum sum;
	roster_sum(&sum, p, l);
	f->busy = c->workers.busy;
	f->ready = c->workers.ready;
	f->total = c->workers.total;
	f->queue = c->queue_depth;
	f->queue_max = c->queue_max > 0 ? c->queue_max : UNKNOWN;
	f->served = counts_done(c);
	f->failed = counts_failed(c);
	f->restarts = c->workers.restarted;
	f->crashes = c->workers.crashed;
	f->memory_bytes = c->memory_bytes;
	f->fds = c->fds;
	if (c->workers.total == 0)
		say_state(f, ROLE_DIM, "no workers");
	else if (sum.workers > 0 && sum.drained == sum.workers)
		say_state(f, ROLE_WARN, sum.draining ? "draining" : "drained");
	else if (c->breaker.known)
		say_state(f, breaker_role(c->breaker.state), breaker_name(c->breaker.state));
}

static void segment_facts(
	struct line_facts *f, const struct pool *p, const struct roster_line *l)
{
	const struct segment_row *g = roster_segment(p, l);
	struct roster_sum sum;
	roster_sum(&sum, p, l);
	f->ready = g->ready;
	f->total = g->workers;
	f->restarts = g->restarts;
	f->health = g->health;
	if ((sum.workers > 0 && sum.drained == sum.workers) || (sum.workers == 0 && g->locked))
		say_state(f, ROLE_WARN, sum.draining ? "draining" : "drained");
	else if (g->rests)
		say_state(f, ROLE_FAIL, "rests");
	else if (sum.drained > 0)
		snprintf(f->state, sizeof f->state, "%d drained", sum.drained);
	else if (g->ready >= 0 && g->ready < g->workers)
		say_state(f, ROLE_WARN, g->ready ? "degraded" : "none ready");
	else if (g->ready > 0)
		say_state(f, ROLE_OK, "ready");
}

static void worker_facts(
	struct line_facts *f, const struct view *v, const struct roster_line *l)
{
	static const enum role roles[WORKER_STATE_COUNT] = {
		[WORKER_INITIALIZING] = ROLE_WARN,
		[WORKER_READY] = ROLE_OK,
		[WORKER_BUSY] = ROLE_OK,
		[WORKER_DEGRADED] = ROLE_WARN,
		[WORKER_TERMINATING] = ROLE_WARN,
		[WORKER_TERMINATED] = ROLE_FAIL,
	};
	const struct worker_row *w = roster_worker(v->pool, l);
	f->served = w->served;
	f->failed = w->failed;
	f->restarts = w->restarts;
	f->crashes = w->crashes;
	f->memory_bytes = w->memory_bytes;
	f->memory_hour = w->memory_hour;
	f->fds = w->fds;
	f->cpu = roster_cpu(v->roster, v->pool, l);
	(void)text_copy(f->note, sizeof f->note, w->trouble);
	if (w->locked && (w->state == WORKER_READY || w->state == WORKER_BUSY))
		say_state(f, ROLE_WARN, w->state == WORKER_BUSY ? "draining" : "drained");
	else if (w->state < WORKER_STATE_COUNT)
		say_state(f, roles[w->state], worker_state_name(w->state));
}

/* ---- registered workers ---- */

static void place_note(struct line_facts *f, const struct resident_place *g)
{
	struct text t = {0};
	const struct {
		int64_t n;
		const char *word;
	} parts[] = {{g->down, "down"}, {g->starting, "to start"}, {g->asleep, "asleep"}};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		char n[24];
		unit_count(n, sizeof n, parts[i].n);
		if (parts[i].n > 0)
			text_addf(&t, "%s%s %s", t.len ? ", " : "", n, parts[i].word);
	}
	(void)text_copy(f->note, sizeof f->note, text_str(&t));
	text_free(&t);
}

static void place_facts(struct line_facts *f, const struct resident_place *g)
{
	f->ready = g->ready;
	f->total = g->workers;
	f->served = g->done;
	f->failed = g->failed;
	f->restarts = g->restarts;
	f->crashes = g->crashes;
	f->health = g->health;
	place_note(f, g);
	if (g->rests)
		say_state(f, ROLE_FAIL, "rests");
	else if (g->locked)
		say_state(f, ROLE_WARN, "locked");
	else if (g->workers == 0)
		say_state(f, ROLE_DIM, "empty");
	else if (g->down > 0)
		say_state(f, ROLE_WARN, "degraded");
	else if (g->high > 0 && g->workers >= g->high)
		say_state(f, ROLE_WARN, "full");
	else if (g->ready > 0)
		say_state(f, ROLE_OK, "ready");
	else if (g->asleep > 0)
		say_state(f, ROLE_DIM, "asleep");
	else if (g->starting > 0)
		say_state(f, ROLE_DIM, "to start");
}

static void add_known(int64_t *sum, int64_t n)
{
	if (n != UNKNOWN)
		*sum = (*sum == UNKNOWN ? 0 : *sum) + n;
}

/* All nodes as if they were one place. */
static void residents_facts(struct line_facts *f, const struct resident_crew *c)
{
	struct resident_place all = {.locked = c->node_count > 0,
		.ready = UNKNOWN,
		.starting = UNKNOWN,
		.asleep = UNKNOWN,
		.down = UNKNOWN,
		.done = UNKNOWN,
		.failed = UNKNOWN,
		.crashes = UNKNOWN,
		.restarts = UNKNOWN,
		.high = UNKNOWN,
		.health = NAN};
	for (int i = 0; i < c->node_count; i++) {
		const struct resident_place *n = &c->node[i];
		all.locked &= n->locked;
		add_known(&all.ready, n->ready);
		add_known(&all.starting, n->starting);
		add_known(&all.asleep, n->asleep);
		add_known(&all.down, n->down);
		add_known(&all.done, n->done);
		add_known(&all.failed, n->failed);
		add_known(&all.crashes, n->crashes);
		add_known(&all.restarts, n->restarts);
		all.health = n->health < all.health || isnan(all.health) ? n->health : all.health;
	}
	all.workers = c->workers;
	place_facts(f, &all);
	int rest = 0;
	for (int i = 0; i < c->segment_count; i++)
		rest += c->segment[i].rests;
	if (rest > 0) {
		f->state_role = ROLE_FAIL;
		snprintf(f->state, sizeof f->state, "%d at rest", rest);
	}
	f->queue = c->queued;
	f->busy = c->running;
}

static void resident_facts(struct line_facts *f, const struct resident_row *w)
{
	char age[24];
	f->served = w->done;
	f->failed = w->failed;
	f->crashes = w->troubles;
	unit_age(age, sizeof age, w->trouble_ms);
	snprintf(f->note, sizeof f->note, "last trouble %s ago", age);
	if (w->state == WORKER_TERMINATED || w->state == WORKER_TERMINATING)
		say_state(f, ROLE_FAIL, "down");
	else if (w->state == WORKER_INITIALIZING)
		say_state(f, ROLE_WARN, "to start");
	else if (w->state < WORKER_STATE_COUNT)
		say_state(f, ROLE_OK, worker_state_name(w->state));
}

/* ---- keyed work ---- */

static void say_pressure(struct line_facts *f, enum fullness pressure)
{
	static const enum role roles[FULLNESS_COUNT] = {
		[FULLNESS_HEALTHY] = ROLE_OK,
		[FULLNESS_WARNING] = ROLE_WARN,
		[FULLNESS_CRITICAL] = ROLE_FAIL,
		[FULLNESS_SATURATED] = ROLE_FAIL,
	};
	static const char *const words[] = {
#define X(name, word) word,
		FULLNESS_INFO(X)
#undef X
	};
	if (pressure < FULLNESS_COUNT)
		say_state(f, roles[pressure], words[pressure]);
}

static void partition_facts(struct line_facts *f, const struct partition_row *p)
{
	char rate[24], pause[32];
	f->keys = p->keys;
	f->served = p->records;
	f->queue = p->waiting;
	f->queue_max = p->room > 0 ? p->room : UNKNOWN;
	say_pressure(f, p->pressure);
	unit_rate(rate, sizeof rate, p->per_second);
	unit_ms(pause, sizeof pause, p->pause_us);
	snprintf(f->note, sizeof f->note, "%s/s", rate);
	if (p->pause_us > 0)
		snprintf(f->note, sizeof f->note, "%s/s, callers pause %s ms", rate, pause);
}

static int64_t filling(const struct partition_row *p)
{
	return p->room > 0 && p->waiting > 0 ? p->waiting * 10000 / p->room : 0;
}

/* The fullest partition speaks for all. */
static void tally_facts(struct line_facts *f, const struct tally_crew *t)
{
	const struct partition_row *fullest = t->partition;
	for (int i = 1; i < t->partition_count; i++)
		if (filling(&t->partition[i]) > filling(fullest))
			fullest = &t->partition[i];
	if (t->partition_count > 0)
		partition_facts(f, fullest);
	f->keys = t->keys;
	f->served = t->records;
	snprintf(f->note, sizeof f->note, "%.30s, %.30s", t->processor, t->strategy);
}

/* ---- all of them ---- */

void line_facts_find(struct line_facts *f, const struct view *v, const struct roster_line *l)
{
	*f = (struct line_facts){.state_role = ROLE_DIM,
		.state = "-",
		.busy = UNKNOWN,
		.ready = UNKNOWN,
		.total = UNKNOWN,
		.keys = UNKNOWN,
		.queue = UNKNOWN,
		.queue_max = UNKNOWN,
		.served = UNKNOWN,
		.failed = UNKNOWN,
		.restarts = UNKNOWN,
		.crashes = UNKNOWN,
		.memory_bytes = UNKNOWN,
		.memory_hour = UNKNOWN,
		.fds = UNKNOWN,
		.cpu = NAN,
		.health = NAN};
	if (l->kind == ROSTER_ARM)
		arm_facts(f, v->pool, l);
	else if (l->kind == ROSTER_SEGMENT)
		segment_facts(f, v->pool, l);
	else if (l->kind == ROSTER_WORKER)
		worker_facts(f, v, l);
	else if (l->kind == ROSTER_RESIDENTS)
		residents_facts(f, roster_residents(v->pool, l));
	else if (l->kind == ROSTER_PLACE || l->kind == ROSTER_ROOM)
		place_facts(f, roster_place(v->pool, l));
	else if (l->kind == ROSTER_RESIDENT)
		resident_facts(f, roster_resident(v->pool, l));
	else if (l->kind == ROSTER_TALLY)
		tally_facts(f, roster_tally(v->pool, l));
	else if (l->kind == ROSTER_PARTITION)
		partition_facts(f, roster_partition(v->pool, l));
}

double line_facts_queue(const struct line_facts *f)
{
	return f->queue < 0 || f->queue_max <= 0 ? NAN : (double)f->queue / (double)f->queue_max;
}

enum role line_facts_queue_role(double part)
{
	return part >= QUEUE_ACT ? ROLE_FAIL : part >= QUEUE_LOOK ? ROLE_WARN : ROLE_TEXT;
}
