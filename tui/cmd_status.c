/* weir status, weir wait: the facts, once, again and again, or until a state has come. */
#include "tui/commands.h"
#include "tui/facts.h"
#include "tui/loop.h"
#include "tui/setup.h"

#include <stdio.h>
#include <string.h>

#define SETTLE_MS 5000

static int open_looking(struct setup *s, const struct options *o, const char *const *targets,
	int count, struct err *err)
{
	if (setup_init(s, o, err) < 0)
		return -1;
	if (setup_open(s, o, targets, count, SETUP_LOOK, false, err) < 0)
		return -1;
	return setup_remember(s, err);
}

static void print_pools(const struct setup *s, const struct options *o)
{
	const struct model *m = desk_model(s->desk);
	struct text t = {0};
	/* A list is a line a pool, worst first; one pool is told in full. */
	for (int level = LEVEL_COUNT; level-- > 0;) {
		for (int i = 0; i < m->pool_count; i++) {
			const struct pool *p = &m->pools[i];
			if (p->standing.headline.level != (enum level)level)
				continue;
			if (o->json)
				facts_json(&t, m, p);
			else if (m->pool_count > 1 || o->watch)
				facts_line(&t, p);
			else
				facts_plain(&t, m, p, loop_now());
			if (o->json || m->pool_count > 1 || o->watch)
				text_add(&t, "\n");
		}
	}
	fputs(text_str(&t), stdout);
	fflush(stdout);
	text_free(&t);
}

/* Trouble that no try will follow is not the node's: it has answered, and what stands beside it, as
 * its Prometheus, has not. */
static bool all_answered(const struct setup *s)
{
	const struct model *m = desk_model(s->desk);
	for (int i = 0; i < m->pool_count; i++)
		for (int k = 0; k < m->pools[i].node_count; k++) {
			const struct node *n = &m->pools[i].nodes[k];
			if (!n->last || n->foreign || n->retry_ms != UNKNOWN)
				return false;
		}
	return true;
}

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

int cmd_status(const struct options *o)
{
	struct setup s;
	struct err err = {0};
	int status = EXIT_DONE;
	if (open_looking(&s, o, o->args, o->arg_count, &err) < 0) {
		status = setup_fail(&err);
	} else {
		setup_settle(&s, SETTLE_MS);
		print_pools(&s, o);
		while (o->watch && !loop_interrupted() && !ferror(stdout)) {
			loop_until(s.desk, never, NULL, 1000);
			if (!loop_interrupted())
				print_pools(&s, o);
		}
		status = all_answered(&s) ? EXIT_DONE : EXIT_FAILED;
	}
	setup_release(&s);
	return status;
}

/* ---- wait ---- */

struct await {
	const struct setup *s;
	enum state wanted;
	bool lost;
};

/* After a rollback or the end, only what the table still allows can come without a new attempt.
 */
static bool can_come(enum state now, enum state wanted)
{
	static const unsigned over = 1u << STATE_ROLLING_BACK | 1u << STATE_RB_UNVERIFIED |
		1u << STATE_ROLLED_BACK | 1u << STATE_FINALIZED;
	if (!(over >> now & 1))
		return true;
	return over >> wanted & 1 && wanted > now;
}

static bool reached(void *ctx)
{
	struct await *a = ctx;
	const struct pool *p = &desk_model(a->s->desk)->pools[0];
	const struct standing *st = &p->standing;
	if (st->freshness == FRESHNESS_NEVER || !p->nodes[0].last)
		return false;
	bool known = p->nodes[0].last->audit_seq == UNKNOWN ||
		p->nodes[0].audit_seen == p->nodes[0].last->audit_seq;
	if (!known || st->freshness > FRESHNESS_LATE)
		return false;
	a->lost = !can_come(st->state, a->wanted) && st->state != a->wanted;
	return a->lost || st->state == a->wanted;
}

static int await_state(struct setup *s, const struct options *o, enum state wanted)
{
	struct await a = {.s = s, .wanted = wanted};
	bool ended = loop_until(s->desk, reached, &a, o->timeout_ms);
	const struct pool *p = &desk_model(s->desk)->pools[0];
	if (o->json)
		print_pools(s, o);
	else
		printf("%s\n", p->standing.state_text);
	if (ended && !a.lost)
		return EXIT_DONE;
	if (ended) {
		fprintf(stderr, "weir: %s cannot come any more: '%s' is %s\n", state_name(wanted),
			p->name, p->standing.state_text);
		return EXIT_REFUSED;
	}
	fprintf(stderr, "weir: %s did not come in time: '%s' is %s\n", state_name(wanted), p->name,
		p->standing.state_text);
	return loop_interrupted() ? EXIT_UNRESOLVED : EXIT_UNVERIFIED;
}

int cmd_wait(const struct options *o)
{
	struct setup s;
	struct err err = {0};
	memset(&s, 0, sizeof s);
	enum state wanted = o->await ? state_of(o->await) : STATE_COUNT;
	int status;
	if (wanted == STATE_COUNT) {
		err_set(&err, ERR_USAGE,
			"weir wait needs --for STATE: IDLE, BAKING, READY, HELD, COMPLETE, …");
		status = setup_fail(&err);
	} else if (open_looking(&s, o, o->args, o->arg_count, &err) < 0) {
		status = setup_fail(&err);
	} else if (desk_model(s.desk)->pool_count != 1) {
		err_set(&err, ERR_USAGE, "weir wait needs one TARGET");
		status = setup_fail(&err);
	} else {
		status = await_state(&s, o, wanted);
	}
	setup_release(&s);
	return status;
}
