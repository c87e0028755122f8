/* Score: from the pool's ticks and decisions, and the scenario's truth, to figures and words. Not
 * what plays (rehearsal.c, the console), nor where scores are kept (cmd_rehearse.c).
 *
 * Invariants:
 * 1. A brake is needless where the scenario had nothing bad in the BEFORE_MS before it.
 * 2. Bad beyond v1's rate is counted in blocks of BLOCK_MS, each against v1 in the same block: what
 *    hurts both sides is nobody's excess. Where v1 had nothing to do, against v1 until then. */
#include "tui/score.h"

#include "model/decision.h"
#include "model/mem.h"
#include "tui/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MS 10000
#define BEFORE_MS 60000 /* a guard's window: what it still sees then is over */
#define STEP_MS 500     /* how finely the scenario is asked */
#define EARLY_MS 1500   /* so much sooner than the document that tells of the harm */

void score_begin(struct score *s, const struct scenario *scenario, const char *by,
	const char *policy, struct instant now)
{
	*s = (struct score){.scenario = scenario,
		.at_ms = now.wall_ms,
		.seed = scenario->seed,
		.bad_ms = UNKNOWN,
		.braked_ms = UNKNOWN,
		.back_ms = UNKNOWN,
		.complete_ms = UNKNOWN,
		.top_bp = -1,
		.end_bp = -1,
		.share_bp = -1};
	text_copy(s->name, sizeof s->name, scenario->name);
	text_copy(s->by, sizeof s->by, by);
	text_copy(s->policy, sizeof s->policy, policy);
}

/* True when v2 at this share was bad at any time that a guard would still see. */
static bool was_worse(const struct score *s, int share_bp, int64_t at_ms)
{
	for (int64_t ms = at_ms; ms >= 0 && ms >= at_ms - BEFORE_MS; ms -= STEP_MS)
		if (scenario_is_worse(s->scenario, share_bp, ms))
			return true;
	return false;
}

/* ---- counts ---- */

static void end_block(struct score *s)
{
	const struct score_block *b = &s->block;
	const struct score_block *v1 = b->ended[ARM_V1] > 0 ? b : &s->all;
	double rate =
		v1->ended[ARM_V1] > 0 ? (double)v1->bad[ARM_V1] / (double)v1->ended[ARM_V1] : 0;
	s->excess += (double)b->bad[ARM_V2] - (double)b->ended[ARM_V2] * rate;
	s->ended += b->ended[ARM_V2];
	s->bad += b->bad[ARM_V2];
	s->block = (struct score_block){0};
}

static int64_t known(int64_t n)
{
	return n == UNKNOWN ? 0 : n;
}

static void read_counts(struct score_block *out, const struct snapshot *d)
{
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct arm_counts *a = &d->arms[arm];
		int64_t timeouts = known(a->timeouts);
		out->requests[arm] = known(a->requests);
		out->ended[arm] = known(counts_done(a)) + timeouts;
		out->bad[arm] = known(counts_failed(a)) + timeouts;
	}
}

static void add_since(
	struct score_block *sum, const struct score_block *now, const struct score_block *last)
{
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		sum->requests[arm] += now->requests[arm] - last->requests[arm];
		sum->ended[arm] += now->ended[arm] - last->ended[arm];
		sum->bad[arm] += now->bad[arm] - last->bad[arm];
	}
}

/* What makes requests fail shows in one that has, if late; anything else with the first request. */
static bool shows(const struct score *s, const struct score_block *news, int64_t at_ms)
{
	const struct fault f = scenario_fault(s->scenario, ARM_V2, at_ms);
	bool fails = (f.error_rate > 0 && !f.lies) || f.crash_rate > 0 || f.hang || f.stall;
	if (news->bad[ARM_V2] > 0)
		return was_worse(s, s->share_bp, at_ms);
	return !fails && news->requests[ARM_V2] > 0 &&
		scenario_is_worse(s->scenario, s->share_bp, at_ms);
}

static void take_counts(struct score *s, const struct snapshot *d, int64_t at_ms)
{
	struct score_block now, news = {0};
	if (strcmp(s->boot_id, d->boot_id) != 0) {
		text_copy(s->boot_id, sizeof s->boot_id, d->boot_id);
		s->last = (struct score_block){0};
	} else if (d->seq == s->seq) {
		return;
	}
	s->seq = d->seq;
	read_counts(&now, d);
	add_since(&news, &now, &s->last);
	s->last = now;
	if (at_ms >= s->block_ms + BLOCK_MS) {
		end_block(s);
		s->block_ms = at_ms;
	}
	add_since(&s->block, &news, &(struct score_block){0});
	add_since(&s->all, &news, &(struct score_block){0});
	s->harmful = s->harmful || scenario_is_worse(s->scenario, s->share_bp, at_ms);
	if (s->bad_ms == UNKNOWN && shows(s, &news, at_ms))
		s->bad_ms = at_ms;
}

static void take_share(struct score *s, const struct pool *p, int64_t at_ms)
{
	int bp = p->standing.reported_bp;
	int base_bp = p->standing.baseline_bp > 0 ? p->standing.baseline_bp : 0;
	if (bp < 0)
		return;
	if (bp > s->top_bp)
		s->top_bp = bp;
	if (bp == SHARE_FULL && s->complete_ms == UNKNOWN)
		s->complete_ms = at_ms;
	if (s->bad_ms != UNKNOWN && s->back_ms == UNKNOWN && bp <= base_bp)
		s->back_ms = at_ms;
	s->share_bp = s->end_bp = bp;
}

void score_look(struct score *s, const struct pool *p, struct instant now)
{
	const struct node *n = &p->nodes[0];
	if (n->last)
		take_counts(s, n->last, n->last_at.wall_ms - s->at_ms);
	s->played_ms = now.wall_ms - s->at_ms;
	take_share(s, p, s->played_ms);
}

/* ---- acts ---- */

/* What a pool takes back because nobody kept it is nobody's brake. */
static bool is_revert(const struct decision *d)
{
	return strcmp(d->actor, POOL_ACTOR) == 0 &&
		strncmp(d->reason, GUARD_REASON, strlen(GUARD_REASON)) != 0;
}

static bool is_braking(const struct decision *d)
{
	bool went = d->outcome == OUTCOME_APPLIED || d->outcome == OUTCOME_SUPERSEDED;
	bool lowers = d->from_bp >= 0 && d->to_bp >= 0 && d->to_bp < d->from_bp;
	return went &&
		(d->verb == VERB_HOLD ||
			((d->verb == VERB_ROLLBACK || d->verb == VERB_STEP) && lowers));
}

/* The pool's guard and this process' own act by rules, not a person. */
static const char *who(const struct decision *d)
{
	if (strcmp(d->actor, POOL_ACTOR) == 0)
		return "the pool's guard";
	return strcmp(d->role, "guard") == 0 ? "the console's guard" : d->actor;
}

static void note_brake(struct score_brake *b, const struct decision *d)
{
	text_copy(b->by, sizeof b->by, who(d));
	text_copy(b->verb, sizeof b->verb, verb_row(d->verb)->word);
	text_copy(b->why, sizeof b->why, d->reason);
}

static void take_act(struct score *s, const struct decision *d)
{
	int64_t at_ms = d->at_ms - s->at_ms;
	if (!is_braking(d) || is_revert(d) || at_ms < 0)
		return;
	if (!was_worse(s, d->from_bp > 0 ? d->from_bp : SHARE_FULL, at_ms)) {
		if (s->needless++ == 0)
			note_brake(&s->needless_brake, d);
		return;
	}
	/* A pool tells how long ago, to the millisecond; a document has the moment of its receipt. */
	if (s->bad_ms == UNKNOWN || at_ms < s->bad_ms - EARLY_MS ||
		(s->braked_ms != UNKNOWN && s->braked_ms <= at_ms))
		return;
	s->braked_ms = at_ms > s->bad_ms ? at_ms : s->bad_ms;
	note_brake(&s->brake, d);
	if (d->verified_ms != UNKNOWN && d->verb == VERB_ROLLBACK &&
		(s->back_ms == UNKNOWN || d->verified_ms - s->at_ms < s->back_ms))
		s->back_ms = d->verified_ms - s->at_ms;
}

void score_end(struct score *s, const struct pool *p, struct instant now)
{
	score_look(s, p, now);
	end_block(s);
	for (size_t i = 0; i < p->decision_count; i++)
		take_act(s, &p->decisions[i]);
	if (p->standing.next_bp >= 0 && s->end_bp > 0 && !p->standing.next.allowed)
		interlock_summary(s->waits, sizeof s->waits, &p->standing.next);
	text_mend(s->waits);
	s->scenario = NULL;
}

bool score_caught(const struct score *s)
{
	return s->bad_ms == UNKNOWN || s->braked_ms != UNKNOWN;
}

int64_t score_detect_ms(const struct score *s)
{
	return s->bad_ms == UNKNOWN || s->braked_ms == UNKNOWN ? UNKNOWN : s->braked_ms - s->bad_ms;
}

int64_t score_back_ms(const struct score *s)
{
	return s->bad_ms == UNKNOWN || s->back_ms == UNKNOWN ? UNKNOWN : s->back_ms - s->bad_ms;
}

/* ---- words ---- */

static void add_fact(struct text *out, const char *name, const char *value)
{
	text_addf(out, "%-14s %s\n", name, value);
}

static void add_reached(struct text *out, const struct score *s)
{
	char top[24], end[24], when[24], line[160];
	unit_share(top, sizeof top, s->top_bp);
	unit_share(end, sizeof end, s->end_bp);
	report_lapse(when, sizeof when, s->complete_ms);
	if (s->complete_ms != UNKNOWN)
		snprintf(line, sizeof line, "%s after %s%s%s", top, when,
			s->end_bp < s->top_bp ? ", and at the end " : "", s->end_bp < s->top_bp ? end : "");
	else
		snprintf(line, sizeof line, "%s, at the end %s", top, end);
	add_fact(out, "v2 got to", line);
	if (s->waits[0])
		add_fact(out, "in the way", s->waits);
}

/* "12 s, by the pool's guard: rollback (errors 8 % of 5 %)" */
static void say_brake(char *out, size_t size, const char *late, const struct score_brake *b)
{
	snprintf(out, size, "after %s, by %s: %s%s%s%s", late, b->by, b->verb,
		b->why[0] ? " (" : "", b->why, b->why[0] ? ")" : "");
	text_mend(out);
}

static void add_brake(struct text *out, const struct score *s)
{
	char bad[24], late[24], back[24], line[400];
	report_lapse(bad, sizeof bad, s->bad_ms);
	report_lapse(late, sizeof late, score_detect_ms(s));
	report_lapse(back, sizeof back, score_back_ms(s));
	snprintf(line, sizeof line, "%s after the start", bad);
	add_fact(out, "v2 was bad", line);
	if (s->braked_ms == UNKNOWN)
		snprintf(line, sizeof line, "NEVER: nobody braked");
	else
		say_brake(line, sizeof line, late, &s->brake);
	add_fact(out, "detected", line);
	if (s->back_ms == UNKNOWN)
		snprintf(line, sizeof line, "NEVER: v2 still had a share at the end");
	else
		snprintf(line, sizeof line, "after %s", back);
	add_fact(out, "back", line);
}

static void add_harm(struct text *out, const struct score *s)
{
	char failed[32], done[32], line[160];
	unit_count(failed, sizeof failed, s->bad);
	unit_count(done, sizeof done, s->ended);
	snprintf(line, sizeof line, "%s of %s on v2, %.0f beyond v1's rate", failed, done,
		s->excess > 0 ? s->excess : 0);
	add_fact(out, "bad requests", line);
}

void score_text(struct text *out, const struct score *s)
{
	char played[24], line[400];
	report_lapse(played, sizeof played, s->played_ms);
	text_addf(
		out, "%s, played by %s under policy %s for %s\n", s->name, s->by, s->policy, played);
	if (s->bad_ms != UNKNOWN)
		add_brake(out, s);
	else
		add_fact(out, "v2 was bad",
			s->harmful ? "but none of its requests was" : "never while it had a share");
	add_harm(out, s);
	if (s->needless > 0)
		snprintf(line, sizeof line, "%lld brake%s while v2 was good: %s by %s%s%s%s",
			(long long)s->needless, s->needless == 1 ? "" : "s", s->needless_brake.verb,
			s->needless_brake.by, s->needless_brake.why[0] ? " (" : "", s->needless_brake.why,
			s->needless_brake.why[0] ? ")" : "");
	else
		snprintf(line, sizeof line, "nothing");
	text_mend(line);
	add_fact(out, "needless", line);
	add_reached(out, s);
}

void score_line(struct text *out, const struct score *s)
{
	char late[24], back[24], top[24];
	report_lapse(late, sizeof late, score_detect_ms(s));
	report_lapse(back, sizeof back, score_back_ms(s));
	unit_share(top, sizeof top, s->top_bp);
	text_addf(out, "%s by %.40s: ", s->name, s->by);
	if (s->bad_ms == UNKNOWN)
		text_addf(out, "v2 was good, and got to %s", top);
	else if (s->braked_ms == UNKNOWN)
		text_add(out, "NOT detected");
	else
		text_addf(out, "detected after %s", late);
	if (s->back_ms != UNKNOWN && s->bad_ms != UNKNOWN)
		text_addf(out, ", back after %s", back);
	text_addf(out, ", %.0f bad beyond v1's rate, %lld needless", s->excess > 0 ? s->excess : 0,
		(long long)s->needless);
}

void score_json(struct text *out, const struct score *s)
{
	char at[32];
	unit_rfc3339(at, sizeof at, s->at_ms);
	text_add(out, "{");
	text_json_str(out, "schema", "weir.rehearsal/1");
	text_json_str(out, "scenario", s->name);
	text_json_str(out, "by", s->by);
	text_json_str(out, "policy", s->policy);
	text_json_str(out, "at", at);
	text_json_int(out, "seed", (int64_t)s->seed);
	text_json_int(out, "played_ms", s->played_ms);
	text_json_bool(out, "harmful", s->bad_ms != UNKNOWN);
	text_json_bool(out, "caught", score_caught(s));
	text_json_int(out, "bad_ms", s->bad_ms);
	text_json_int(out, "detected_ms", score_detect_ms(s));
	text_json_str(out, "detected_by", s->brake.by[0] ? s->brake.by : NULL);
	text_json_str(out, "detected_with", s->brake.by[0] ? s->brake.verb : NULL);
	text_json_str(out, "detected_why", s->brake.by[0] ? s->brake.why : NULL);
	text_json_int(out, "back_ms", score_back_ms(s));
	text_json_int(out, "ended", s->ended);
	text_json_int(out, "bad", s->bad);
	text_json_int(out, "excess", llround(s->excess));
	text_json_int(out, "needless", s->needless);
	text_json_int(out, "top_bp", s->top_bp < 0 ? UNKNOWN : s->top_bp);
	text_json_int(out, "end_bp", s->end_bp < 0 ? UNKNOWN : s->end_bp);
	text_json_int(out, "complete_ms", s->complete_ms);
	text_json_str(out, "waits", s->waits[0] ? s->waits : NULL);
	text_add(out, "}");
}

/* ---- many ---- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The smallest that at least this part does not exceed. */
static double quantile(const double *sorted, size_t n, double part)
{
	size_t rank = (size_t)ceil(part * (double)n);
	return sorted[rank > 0 ? rank - 1 : 0];
}

static struct score_spread spread(double *values, size_t n)
{
	struct score_spread out = {(int64_t)n, NAN, NAN};
	if (n == 0)
		return out;
	qsort(values, n, sizeof *values, by_size);
	out.median = quantile(values, n, 0.5);
	out.p90 = quantile(values, n, 0.9);
	return out;
}

/* Of those in which it is known. */
static struct score_spread spread_of(const struct score *list, size_t count, double *values,
	int64_t (*of)(const struct score *s))
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		if (of(&list[i]) != UNKNOWN)
			values[n++] = (double)of(&list[i]);
	return spread(values, n);
}

static int64_t excess_of(const struct score *s)
{
	return s->bad_ms == UNKNOWN ? UNKNOWN : llround(s->excess);
}

void score_sum(struct score_runs *out, const struct score *list, size_t count)
{
	double *values = mem_new(count ? count : 1, sizeof *values);
	*out = (struct score_runs){.count = (int64_t)count};
	for (size_t i = 0; i < count; i++) {
		bool bad = list[i].bad_ms != UNKNOWN;
		out->harmful += bad;
		out->caught += bad && score_caught(&list[i]);
		out->needless += list[i].needless > 0;
		out->complete += list[i].complete_ms != UNKNOWN;
	}
	out->detect_ms = spread_of(list, count, values, score_detect_ms);
	out->back_ms = spread_of(list, count, values, score_back_ms);
	out->excess = spread_of(list, count, values, excess_of);
	free(values);
}

static void add_spread(struct text *out, const char *name, const struct score_spread *s)
{
	char median[24], p90[24], line[96];
	if (s->known == 0) {
		add_fact(out, name, "-");
		return;
	}
	report_lapse(median, sizeof median, (int64_t)s->median);
	report_lapse(p90, sizeof p90, (int64_t)s->p90);
	snprintf(line, sizeof line, "median %s, p90 %s", median, p90);
	add_fact(out, name, line);
}

void score_runs_text(struct text *out, const struct score_runs *r)
{
	char line[96];
	snprintf(line, sizeof line, "in %lld of %lld", (long long)r->caught, (long long)r->harmful);
	if (r->harmful > 0) {
		add_fact(out, "detected", line);
		add_spread(out, "detected after", &r->detect_ms);
		add_spread(out, "back after", &r->back_ms);
		snprintf(line, sizeof line, "median %.0f, p90 %.0f beyond v1's rate", r->excess.median,
			r->excess.p90);
		add_fact(out, "bad requests", line);
	} else {
		add_fact(out, "v2 was bad", "never while it had a share");
	}
	snprintf(line, sizeof line, "in %lld of %lld", (long long)r->needless, (long long)r->count);
	add_fact(out, "needless", line);
	snprintf(line, sizeof line, "in %lld of %lld", (long long)r->complete, (long long)r->count);
	add_fact(out, "v2 got all", line);
}

static void add_spread_json(struct text *out, const char *name, const struct score_spread *s)
{
	text_json_key(out, name);
	text_add(out, "{");
	text_json_int(out, "known", s->known);
	text_json_real(out, "median", s->median);
	text_json_real(out, "p90", s->p90);
	text_add(out, "}");
}

void score_runs_json(struct text *out, const struct score_runs *r)
{
	text_add(out, "{");
	text_json_str(out, "schema", "weir.rehearsals/1");
	text_json_int(out, "count", r->count);
	text_json_int(out, "harmful", r->harmful);
	text_json_int(out, "caught", r->caught);
	text_json_int(out, "needless", r->needless);
	text_json_int(out, "complete", r->complete);
	add_spread_json(out, "detected_ms", &r->detect_ms);
	add_spread_json(out, "back_ms", &r->back_ms);
	add_spread_json(out, "excess", &r->excess);
	text_add(out, "}");
}
