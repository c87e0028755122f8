/* What a console would have shown: the recording is played into a model of its own, which judges
 * as any other does. Verdict flips, the evidence along the axis, and what was known when each
 * decision was made. No clock runs: the recording's is moved by hand.
 *
 * Invariants:
 * 1. `known` of a decision is what the model said before it heard of the decision. */
#include "tui/report.h"

#include "history/replay.h"
#include "model/mem.h"
#include "model/model.h"
#include "model/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LN10 2.302585092994046

struct playing {
	struct report *r;
	struct model m;
	struct model_sample *sample;
	enum verdict_word last; /* that counted at the last look */
};

static const struct pool *pool_of(const struct playing *p)
{
	return &p->m.pools[0];
}

static int node_of(const struct report *r, const char *node_id)
{
	for (size_t k = 0; k < r->node_count; k++)
		if (strcmp(r->nodes[k], node_id) == 0)
			return (int)k;
	return -1;
}

/* By the same rule as a recorder's: the word that counts, whosever it is. */
static void watch_flip(struct playing *p, int64_t at_ms)
{
	struct report *r = p->r;
	const struct standing *s = &pool_of(p)->standing;
	if (r->partly || pool_of(p)->told.is || s->judge_word == p->last || s->reported_bp <= 0 ||
		at_ms < r->first_ms)
		return;
	p->last = s->judge_word;
	mem_grow(&r->flips, &r->flip_cap, r->flip_count + 1, sizeof *r->flips);
	struct report_flip *f = &r->flips[r->flip_count++];
	*f = (struct report_flip){.at_ms = at_ms, .recomputed = true, .cited = s->judge_cited};
	text_copy(f->text, sizeof f->text,
		s->judge_text[0] ? s->judge_text : verdict_name(s->judge_word));
}

/* The first thing on the screen that was not as it should be. */
static void watch_sign(struct playing *p, int64_t at_ms)
{
	struct report *r = p->r;
	const struct standing *s = &pool_of(p)->standing;
	if (r->sign_ms != UNKNOWN || at_ms < (r->bad_ms != UNKNOWN ? r->bad_ms : r->first_ms))
		return;
	bool suspected = s->verdict.suspected || s->judge_word == VERDICT_HARM;
	if (!suspected && s->guard.state < GUARD_AMBER)
		return;
	r->sign_ms = at_ms;
	if (s->verdict.suspected && s->verdict.suspect < JUDGED_COUNT)
		snprintf(
			r->sign, sizeof r->sign, "the judge suspects %s", judged_name(s->verdict.suspect));
	else if (suspected)
		snprintf(r->sign, sizeof r->sign, "HARM itself");
	else
		snprintf(r->sign, sizeof r->sign, "guard %s", guard_state_name(s->guard.state));
}

static void know(struct playing *p, const struct decision *d)
{
	const struct standing *s = &pool_of(p)->standing;
	for (size_t i = 0; i < p->r->entry_count; i++) {
		struct report_known *k = &p->r->entries[i].known;
		if (k->is || strcmp(p->r->entries[i].row.id, d->id) != 0 ||
			s->freshness == FRESHNESS_NEVER)
			continue;
		k->is = true;
		text_copy(k->state, sizeof k->state, s->state_text);
		text_copy(k->headline, sizeof k->headline, s->headline.text);
		text_copy(k->guard, sizeof k->guard, s->guard_text);
		text_copy(k->verdict, sizeof k->verdict,
			s->judge_text[0] ? s->judge_text : verdict_name(s->judge_word));
		text_copy(k->own, sizeof k->own,
			s->verdict.text[0] ? s->verdict.text : verdict_name(s->verdict.word));
		k->cited = s->judge_cited;
		k->harm = s->verdict.harm;
	}
}

static void see(void *ctx, const struct driver_event *e)
{
	struct playing *p = ctx;
	struct model_event what = {.at = e->at};
	switch (e->kind) {
	case DRIVER_RESET:
		what.kind = MODEL_RESET;
		break;
	case DRIVER_DECISION:
		know(p, e->decision);
		what.kind = MODEL_DECISION;
		what.decision = e->decision;
		break;
	case DRIVER_SNAPSHOT: {
		int k = node_of(p->r, e->snapshot->node_id);
		if (k < 0)
			return;
		what.kind = MODEL_SNAPSHOT;
		what.node = NODE_HANDLE(0, k);
		what.snapshot = e->snapshot;
		what.minute = e->minute;
		break;
	}
	case DRIVER_TOLD:
		what.kind = MODEL_TOLD;
		what.told = e->told;
		break;
	default:
		return; /* gaps are found in the samples */
	}
	model_apply(&p->m, &what, p->sample);
	if (e->kind == DRIVER_SNAPSHOT) {
		watch_flip(p, e->at.wall_ms);
		watch_sign(p, e->at.wall_ms);
	}
}

/* Without any terms no limit is known of then: none is held against it. */
static void begin(struct playing *p)
{
	const struct terms *terms = &p->r->terms;
	struct guard_limits limits = terms->limits;
	const char **targets = mem_new(p->r->node_count, sizeof *targets);
	if (terms->source == TERMS_DEFAULT && !terms->tried[0])
		guard_limits_init(&limits);
	for (size_t k = 0; k < p->r->node_count; k++)
		targets[k] = "replay:";
	model_init(&p->m, "report", true);
	model_add(&p->m,
		&(struct pool_setup){.name = p->r->pool,
			.targets = targets,
			.target_count = (int)p->r->node_count,
			.interval_ms = p->r->interval_ms,
			.plan = terms->has_plan ? &terms->plan : NULL,
			.plan_hash = terms->plan_hash,
			.limits = &limits});
	free(targets);
	p->sample = mem_new(1, sizeof *p->sample);
	const struct judge_policy *policy = &pool_of(p)->judging->judge.policy;
	p->r->log10_found = judge_ln_found(policy) / LN10;
	p->r->log10_safe = judge_ln_safe(policy) / LN10;
}

/* The strongest for harm by whatever claim, and what the verdict has for its absence. */
static void take_evidence(struct playing *p, struct report_bin *b)
{
	const struct judge *j = &pool_of(p)->judging->judge;
	double most = -INFINITY, safe = pool_of(p)->standing.verdict.ln_safe;
	if (j->looks == 0)
		return;
	for (int c = 0; c < CLAIM_COUNT; c++)
		most = fmax(most, judge_ln_harm(j, (enum judge_claim)c));
	b->log10_harm = isfinite(most) ? most / LN10 : NAN;
	b->log10_safe = isfinite(safe) ? safe / LN10 : NAN;
}

static struct instant moment(int64_t ms)
{
	return (struct instant){ms, ms};
}

#define LEAD_MS (10 * 60 * 1000) /* of v1 alone, told before what is looked at */

/* Moves the recording's clock from bin to bin; real time stands in for nothing but its lapse. */
static void play_all(struct playing *p, struct driver *d, const struct report_how *how)
{
	struct report *r = p->r;
	replay_pause(d, true, moment(0));
	replay_from(d, r->start_ms - LEAD_MS, moment(0));
	int64_t from = replay_now(d).wall_ms;
	replay_pause(d, false, moment(from));
	for (size_t k = 0; k < r->bin_count; k++) {
		int64_t at = report_bin_ms(r, k + 1);
		if (how->progress && k % 8 == 0)
			how->progress(how->ctx, "judging", at - r->start_ms, r->until_ms - r->start_ms);
		if (at < from)
			continue;
		replay_driver.turn(d, moment(at));
		take_evidence(p, &r->bins[k]);
		if (replay_at_end(d))
			return;
	}
}

#define MOVES_MAX 24

/* What was known is taken at the last moves, one by one, each told from some time before it. */
static void play_moves(struct playing *p, struct driver *d, const struct report_how *how)
{
	struct report *r = p->r;
	int done = 0;
	replay_pause(d, true, moment(0));
	for (size_t i = r->entry_count; i-- > 0 && done < MOVES_MAX;) {
		int64_t at = r->entries[i].row.at_ms;
		if (!report_moves(&r->entries[i]))
			continue;
		if (how->progress)
			how->progress(how->ctx, "judging the last moves", done * LEAD_MS, MOVES_MAX * LEAD_MS);
		replay_from(d, at - LEAD_MS, moment(0));
		replay_pause(d, false, moment(0));
		replay_driver.turn(d, moment(at - replay_now(d).wall_ms));
		if (at >= r->start_ms && at < r->until_ms)
			take_evidence(p,
				&r->bins[(at - r->start_ms) * (int64_t)r->bin_count /
					(r->until_ms - r->start_ms)]);
		done++;
	}
}

/* Of the recording that is replayed; where it cannot be, of none. */
static int find_terms(struct report *r, const struct report_how *how, const struct driver *d,
	struct err *err)
{
	struct replay_span span = {0};
	if (d)
		replay_span(d, &span);
	if (terms_find(&r->terms, how->path, span.recording, r->pool, how->config, err) < 0)
		return -1;
	return how->options ? terms_try(&r->terms, how->options, err) : 0;
}

static void play(struct playing *p, struct driver *d, const struct report_how *how)
{
	begin(p);
	p->r->partly = p->r->tick_count > REPORT_LONG;
	(p->r->partly ? play_moves : play_all)(p, d, how);
	p->r->replayed = true;
	model_release(&p->m);
	free(p->sample);
}

int report_replay(struct report *r, const struct report_how *how, struct err *err)
{
	struct text target = {0};
	struct playing p = {.r = r};
	struct driver *d = NULL;
	struct err why = {0};
	text_addf(&target, "replay:%s?pool=%s", how->path, r->pool);
	struct driver_open open = {.node = NODE_HANDLE(0, 0),
		.target = text_str(&target),
		.sink = {see, &p},
		.now = moment(0)};
	if (r->tick_count == 0)
		text_copy(r->replay_why, sizeof r->replay_why, "it has no samples of that time");
	else if (replay_driver.open(&d, &open, &why) < 0)
		text_copy(r->replay_why, sizeof r->replay_why, why.text);
	int rc = find_terms(r, how, d, err);
	if (d && rc == 0)
		play(&p, d, how);
	if (d)
		replay_driver.close(d);
	text_free(&target);
	return rc;
}
