/* What is said of an act that a command does. Not the waiting for its end: cmd_act.c. */
#include "tui/act_job.h"

#include "history/approval.h"
#include "model/text.h"
#include "tui/facts.h"
#include "tui/loop.h"

#include <stdio.h>

const struct pool *act_job_pool(const struct act_job *j)
{
	return &desk_model(j->s->desk)->pools[j->request.pool];
}

/* True for a raise that somebody has to keep. */
static bool is_to_be_kept(const struct pool *p, const struct decision *d)
{
	return pool_takes_back(p) && d->verb == VERB_STEP && d->outcome == OUTCOME_APPLIED &&
		p->plan.policy.bake && p->has_plan && d->to_bp > d->from_bp;
}

/* Until a raise goes back; UNKNOWN where it does not. The plan's time while the pool's news of
 * it are still to come. */
static int64_t reverts_in(const struct pool *p, const struct decision *d)
{
	const struct standing *s = &p->standing;
	if (!is_to_be_kept(p, d) || orphan_at(p->plan.on_orphan, d->to_bp) != ORPHAN_REVERT)
		return UNKNOWN;
	return s->keep.on && s->reported_bp == d->to_bp ? s->keep.left_ms
													: p->plan.bake_ms + KEEP_SPARE_MS;
}

/* The ask that was recorded for want of an approval; whole, for whoever has another history. */
static void write_asked(struct text *t, const struct act_job *j)
{
	const struct decision *ask = pool_decision(act_job_pool(j), j->result.asked);
	struct text whole = {0};
	if (!ask)
		return;
	approval_pack_ask(&whole, ask);
	text_json_key(t, "ask");
	text_add(t, "{");
	text_json_str(t, "id", ask->id);
	text_json_str(t, "text", text_str(&whole));
	text_add(t, "}");
	text_free(&whole);
}

static void print_json(const struct act_job *j, const char *outcome, const struct interlock *i)
{
	const struct pool *p = act_job_pool(j);
	bool begun = j->result.status == ACT_BEGUN || j->result.status == ACT_REPLAYED;
	const struct decision *d = begun ? &j->view.decision : NULL;
	char at[32];
	struct text t = {0};
	text_add(&t, "{");
	text_json_str(&t, "id", d ? d->id : NULL);
	text_json_str(&t, "pool", p->name);
	text_json_str(&t, "verb", verb_row(j->verb)->word);
	int from = d ? d->from_bp : p->standing.reported_bp;
	int to = d ? d->to_bp : j->verb == VERB_STEP ? j->request.to_bp : p->standing.reported_bp;
	text_json_int(&t, "from_bp", from < 0 ? UNKNOWN : from);
	text_json_int(&t, "to_bp", to < 0 ? UNKNOWN : to);
	text_json_str(&t, "outcome", outcome);
	unit_rfc3339(at, sizeof at, d ? d->verified_ms : UNKNOWN);
	text_json_str(&t, "verified_at", d && d->verified_ms != UNKNOWN ? at : NULL);
	text_json_int(&t, "reverts_in_ms", d ? reverts_in(p, d) : UNKNOWN);
	text_json_bool(&t, "recorded", !d || j->view.recorded);
	text_json_key(&t, "refused");
	facts_refused(&t, i);
	write_asked(&t, j);
	text_add(&t, "}\n");
	fputs(text_str(&t), stdout);
	text_free(&t);
}

static void say_refused(const struct act_job *j, const struct interlock *i)
{
	const struct pool *p = act_job_pool(j);
	fprintf(stderr, "weir: %s of '%s' refused, nothing was sent:\n", verb_row(j->verb)->word,
		p->name);
	for (int k = 0; k < PREDICATE_COUNT; k++) {
		char line[220];
		if (i->check[k].state != CHECK_FAILS)
			continue;
		interlock_line(line, sizeof line, &i->check[k]);
		fprintf(stderr, "  %s\n", line);
	}
}

/* Who will keep a raise, or when it goes back: by the plan, since the pool's news of it are still
 * to come. */
static void say_keeping(const struct act_job *j, const struct pool *p)
{
	const struct decision *d = &j->view.decision;
	char within[24], back[24];
	if (!is_to_be_kept(p, d))
		return;
	unit_duration(within, sizeof within, p->plan.bake_ms + KEEP_SPARE_MS);
	unit_share(back, sizeof back, d->from_bp);
	if (p->standing.owner == OWNER_RECORD)
		printf("%s: a recorder keeps it when the bake has passed\n", p->name);
	else if (orphan_at(p->plan.on_orphan, d->to_bp) == ORPHAN_REVERT)
		printf("%s: goes back to %s in %s unless it is kept: by a console of %s, weir record "
			   "--guard, or weir keep\n",
			p->name, back, within, desk_model(j->s->desk)->actor);
	else
		printf("%s: is held in %s unless it is kept\n", p->name, within);
}

/* Armed without a baseline the way back is the share as it stood, which may not be v1 alone. */
static void say_way_back(const struct pool *p, const struct decision *d)
{
	char share[16];
	unit_share(share, sizeof share, p->standing.reported_bp);
	if (p->standing.reported_bp > 0 && d->outcome == OUTCOME_APPLIED)
		printf(
			"%s: a rollback goes to %s, the share as it stands; where that should be v1 alone: "
			"weir arm --baseline 0%%\n",
			p->name, share);
}

/* How far an act has come that some node has not taken, and who tries on. */
static void say_open(const struct act_job *j, const struct pool *p, const struct decision *d)
{
	const char *word = verb_row(j->verb)->word;
	fprintf(stderr, "weir: %s of '%s' has not reached every node (%d of %d took it): %s %s\n",
		word, p->name, p->standing.seen_nodes, p->node_count, err_name(j->view.err.code),
		j->view.err.text);
	/* One pressed before the pool was ever heard is tied to no place there: nobody resumes it. */
	if (j->verb == VERB_ROLLBACK && d->epoch != UNKNOWN)
		fprintf(stderr,
			"weir: it stays open (%s): a console, weir record --guard or weir rollback tries "
			"on, weir close gives it up\n",
			d->id);
	else
		fprintf(stderr, "weir: nobody tries on; do it again when it answers\n");
}

int act_job_report(const struct act_job *j)
{
	const struct decision *d = &j->view.decision;
	const struct pool *p = act_job_pool(j);
	bool applied = d->outcome == OUTCOME_APPLIED;
	if (j->o->json) {
		static const struct interlock none;
		print_json(j, outcome_name(d->outcome), applied ? &none : &j->view.interlock);
	} else if (applied) {
		struct text t = {0};
		facts_decision(&t, d, loop_now().wall_ms);
		printf("%s: %s\n", p->name, text_str(&t));
		text_free(&t);
		say_keeping(j, p);
		if (j->verb == VERB_TAKE)
			printf("%s: the lease is yours for %d s; a step renews it\n", p->name,
				LEASE_TTL_MS / 1000);
		if (j->verb == VERB_ARM && !j->request.has_baseline)
			say_way_back(p, d);
	}
	if (applied) {
		if (!j->view.recorded && j->verb != VERB_ANNOTATE) {
			fprintf(stderr, "weir: %s NOT RECORDED: the history cannot be written\n",
				err_name(ERR_NOT_RECORDED));
			return EXIT_GAPS;
		}
		if (j->o->wait && j->verb != VERB_ANNOTATE && d->verified_ms == UNKNOWN) {
			fprintf(stderr, "weir: %s %s of '%s' acknowledged, not seen in time\n",
				err_name(ERR_NOT_SEEN), verb_row(j->verb)->word, p->name);
			return EXIT_UNVERIFIED;
		}
		return EXIT_DONE;
	}
	if (!outcome_is_final(d->outcome) && j->view.err.code != ERR_NONE) {
		say_open(j, p, d);
		return EXIT_UNRESOLVED;
	}
	if (!outcome_is_final(d->outcome)) {
		fprintf(stderr, "weir: %s %s of '%s' was sent, its effect is not known yet (%s)\n",
			err_name(ERR_UNRESOLVED), verb_row(j->verb)->word, p->name, d->id);
		return EXIT_UNRESOLVED;
	}
	fprintf(stderr, "weir: %s of '%s' %s: %s\n", verb_row(j->verb)->word, p->name,
		outcome_name(d->outcome), d->answer);
	return EXIT_REFUSED;
}

int act_job_report_already(const struct act_job *j)
{
	const struct pool *p = act_job_pool(j);
	char share[16];
	static const struct interlock none;
	unit_share(share, sizeof share, p->standing.reported_bp);
	if (j->o->json)
		print_json(j, outcome_name(OUTCOME_APPLIED), &none);
	else if (j->verb == VERB_STEP)
		printf("%s: already at %s, nothing sent\n", p->name, share);
	else if (j->verb == VERB_RESUME)
		printf("%s: not held, and nothing is red; nothing sent\n", p->name);
	else
		printf("%s: %s has nothing to do; nothing sent\n", p->name, j->word);
	return EXIT_DONE;
}

int act_job_report_refusal(const struct act_job *j)
{
	if (j->o->json)
		print_json(j, "REFUSED", &j->result.interlock);
	if (j->result.err.code != ERR_NONE)
		return setup_fail(&j->result.err);
	say_refused(j, &j->result.interlock);
	return EXIT_REFUSED;
}

int act_job_report_asked(const struct act_job *j)
{
	const struct pool *p = act_job_pool(j);
	if (j->o->json) {
		static const struct interlock none;
		print_json(j, outcome_name(OUTCOME_APPLIED), &none);
	} else {
		printf("%s: asked; somebody else: weir approve %s %s\n", p->name, p->name,
			j->result.asked);
	}
	return EXIT_DONE;
}

int act_job_report_judged(const struct act_job *j)
{
	const struct err *err = &j->result.err;
	bool allowed = verb_is_brake(j->verb) || j->result.interlock.allowed;
	/* A dry run only looks and has no history open: that is not what would be in the way. */
	bool other =
		err->code != ERR_NONE && err->code != ERR_READ_ONLY && err->code != ERR_HISTORY;
	if (other && !j->o->json)
		return setup_fail(err);
	allowed = allowed && !other;
	if (j->o->json) {
		print_json(j, allowed ? "PENDING" : "REFUSED", &j->result.interlock);
	} else {
		struct text t = {0};
		facts_checks(&t, &j->result.interlock);
		fputs(text_str(&t), stdout);
		text_free(&t);
		if (verb_is_brake(j->verb))
			printf("%s asks for none of them\n", verb_row(j->verb)->word);
	}
	return allowed ? EXIT_DONE : EXIT_REFUSED;
}
