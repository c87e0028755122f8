/* weir drill: walks the way back while nothing burns: to the plan's first step where the pool is at
 * its baseline, by the interlock like any step; then back, until that is seen on every node. Killed
 * between the two, the raise goes back by itself: nobody keeps a drill's. */
#include "model/text.h"
#include "tui/commands.h"
#include "tui/drill.h"
#include "tui/facts.h"
#include "tui/loop.h"
#include "tui/setup.h"

#include <stdio.h>
#include <string.h>

#define SETTLE_MS 5000
#define OPEN_MS 7000
#define SEEN_MS 30000
#define BACK_MS 10000 /* of a way back that a signal found under way */

struct drilling {
	struct setup s;
	const struct options *o;
	struct act_result result;
	struct act_view view;
	int top_bp; /* to where it went up; -1: it was there */
};

static const struct pool *pool_of(const struct drilling *g)
{
	return &desk_model(g->s.desk)->pools[0];
}

static bool heard(void *ctx)
{
	const struct drilling *g = ctx;
	return desk_loaded(g->s.desk, 0) && pool_of(g)->standing.freshness == FRESHNESS_LIVE;
}

static bool nothing_open(void *ctx)
{
	return pool_of(ctx)->standing.open < 0;
}

static bool over(void *ctx)
{
	struct drilling *g = ctx;
	return !desk_progress(g->s.desk, g->result.id, &g->view) ||
		g->view.progress == PROGRESS_DONE;
}

/* Begins one of its two acts and waits until it is seen. The exit status; EXIT_DONE: go on. */
static int act(struct drilling *g, const struct act_request *first)
{
	struct act_request r = *first;
	enum verb verb = r.verb;
	if (g->o->reason)
		text_copy(r.reason, sizeof r.reason, g->o->reason);
	desk_act(g->s.desk, &r, loop_now(), &g->result);
	if (g->result.status == ACT_REFUSED) {
		struct text t = {0};
		if (g->result.err.code != ERR_NONE)
			return setup_fail(&g->result.err);
		facts_checks(&t, &g->result.interlock);
		fprintf(stderr, "weir: drill of '%s' refused, nothing was sent:\n%s", pool_of(g)->name,
			text_str(&t));
		text_free(&t);
		return EXIT_REFUSED;
	}
	loop_until(g->s.desk, over, g, g->o->wait ? g->o->wait_ms : SEEN_MS);
	/* Who presses Ctrl-C wants to be back, not to leave it to the lease. */
	if (verb == VERB_ROLLBACK && loop_interrupted())
		loop_finish(g->s.desk, over, g, BACK_MS);
	desk_progress(g->s.desk, g->result.id, &g->view);
	const struct decision *d = &g->view.decision;
	if (d->outcome == OUTCOME_APPLIED && d->verified_ms != UNKNOWN)
		return EXIT_DONE;
	fprintf(stderr, "weir: %s of the drill: %s%s%s\n", verb_row(verb)->word,
		d->outcome == OUTCOME_APPLIED ? "acknowledged, not seen in time"
									  : outcome_name(d->outcome),
		d->answer[0] ? ": " : "", d->answer);
	return d->outcome == OUTCOME_APPLIED ? EXIT_UNVERIFIED
		: outcome_is_final(d->outcome)   ? EXIT_REFUSED
										 : EXIT_UNRESOLVED;
}

static int check(const struct drilling *g, struct err *err)
{
	const char *name = pool_of(g)->name;
	if (!g->o->confirm || strcmp(g->o->confirm, name) != 0)
		return err_set(
			err, ERR_USAGE, "drill changes '%s': name it with --confirm %s", name, name);
	return 0;
}

static void say(const struct drilling *g)
{
	const struct decision *d = &g->view.decision;
	double acknowledged = (double)(d->outcome_ms - d->at_ms) / 1000;
	double verified = (double)(d->verified_ms - d->at_ms) / 1000;
	char from[16], to[16];
	/* The way back may leave before a document shows the step. */
	const int from_bp = g->top_bp >= 0 ? g->top_bp : d->from_bp;
	unit_share(from, sizeof from, from_bp);
	unit_share(to, sizeof to, d->to_bp);
	if (!g->o->json) {
		printf("%s: drill %s > %s: acknowledged in %.1fs, verified on every node in %.1fs\n",
			d->pool, from, to, acknowledged, verified);
		return;
	}
	struct text t = {0};
	text_add(&t, "{");
	text_json_str(&t, "id", d->id);
	text_json_str(&t, "pool", d->pool);
	text_json_int(&t, "from_bp", from_bp);
	text_json_int(&t, "to_bp", d->to_bp);
	text_json_int(&t, "acknowledged_ms", d->outcome_ms - d->at_ms);
	text_json_int(&t, "verified_ms", d->verified_ms - d->at_ms);
	text_add(&t, "}\n");
	fputs(text_str(&t), stdout);
	text_free(&t);
}

static int run(struct drilling *g, struct err *err)
{
	struct act_request next;
	if (setup_init(&g->s, g->o, err) < 0 ||
		setup_open(&g->s, g->o, g->o->args, 1, SETUP_ACT, false, err) < 0)
		return setup_fail(err);
	if (loop_until(g->s.desk, heard, g, SETTLE_MS) && setup_settle(&g->s, SETTLE_MS))
		loop_until(g->s.desk, nothing_open, g, OPEN_MS);
	if (check(g, err) < 0 || drill_request(&next, pool_of(g), err) < 0)
		return setup_fail(err);
	int status = act(g, &next);
	/* What was raised, or may have been, is taken back, however well that was seen. */
	bool raised = status == EXIT_DONE || status == EXIT_UNVERIFIED || status == EXIT_UNRESOLVED;
	if (next.verb == VERB_STEP && raised) {
		g->top_bp = next.to_bp;
		next.verb = VERB_ROLLBACK;
		next.to_bp = -1;
		status = act(g, &next);
	}
	if (status == EXIT_DONE)
		say(g);
	return status;
}

int cmd_drill(const struct options *o)
{
	struct drilling g = {.o = o, .top_bp = -1};
	struct err err = {0};
	int status = run(&g, &err);
	if (g.s.desk)
		loop_leave(g.s.desk);
	setup_release(&g.s);
	return status;
}
