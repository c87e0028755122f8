/* weir step, hold, rollback and the other acts: one each, through the same desk and interlock
 * as the console's keys. Not what is said of their end: act_job.c. */
#include "model/mem.h"
#include "model/text.h"
#include "tui/act_job.h"
#include "tui/ask.h"
#include "tui/commands.h"
#include "tui/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTLE_MS 5000  /* until every node is LIVE, else a step is refused */
#define BRAKE_MS 1000   /* a rollback waits this long to learn the baseline, then goes */
#define OWNER_MS 2000   /* until a recorder that guards was heard */
#define OPEN_MS 7000    /* a step waits this long for what an earlier command left open */
#define ANSWER_MS 15000 /* until the fate of a command is known, from when it leaves */
#define ROW_SAY_MS 1000 /* a row that takes longer is spoken of */
#define ROW_MS 15000    /* until a brake that is done has its row, on a busy machine */
#define LEAVES_MS (VETO_MOST_MS + 10000) /* until it leaves: recorded, flags and hook asked */

/* ---- what is asked ---- */

/* On a terminal the name is asked for; elsewhere its lack is a usage error. */
static int confirm(const struct act_job *j, const char *pool, struct err *err)
{
	char line[128] = "";
	/* To take one operation off v2 is a rollback too. */
	if (!verb_row(j->verb)->needs_confirm || j->o->dry_run || j->o->operation)
		return 0;
	const char *given = j->o->confirm;
	if (!given && isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) {
		fprintf(stderr, "to %s %s type its name: ", verb_row(j->verb)->word, pool);
		if (!loop_input(STDIN_FILENO) || !fgets(line, sizeof line, stdin))
			line[0] = 0;
		line[strcspn(line, "\n")] = 0;
		given = line;
	}
	if (!given)
		return err_set(err, ERR_USAGE, "%s changes '%s': name it with --confirm %s",
			verb_row(j->verb)->word, pool, pool);
	if (strcmp(given, pool) != 0)
		return err_set(
			err, ERR_USAGE, "--confirm '%s' is not '%s': nothing was done", given, pool);
	return 0;
}

static bool heard(void *ctx)
{
	const struct act_job *j = ctx;
	const struct pool *p = act_job_pool(j);
	return desk_loaded(j->s->desk, j->request.pool) && p->standing.freshness == FRESHNESS_LIVE;
}

static bool loaded(void *ctx)
{
	const struct act_job *j = ctx;
	return desk_loaded(j->s->desk, j->request.pool);
}

/* What was found open in the history is asked for, what was not yet verified is watched, by
 * this desk. */
static bool nothing_open(void *ctx)
{
	const struct act_job *j = ctx;
	return act_job_pool(j)->standing.open < 0;
}

/* Whose guard it is, is known: a recorder's by its line. */
static bool owned(void *ctx)
{
	const struct act_job *j = ctx;
	const struct pool *p = act_job_pool(j);
	return p->standing.owner != OWNER_NONE || p->owner_line.held;
}

struct watching {
	const struct act_job *j;
	int64_t until_ms;
};

static bool watched(void *ctx)
{
	const struct watching *w = ctx;
	const struct pool *p = act_job_pool(w->j);
	return p->latch.red || loop_now().boot_ms >= w->until_ms;
}

/* Under a plan, where v2 has a share and nobody has watched its guards, this process does so
 * first. */
static void watch_guards(struct act_job *j)
{
	const struct pool *p = act_job_pool(j);
	const struct standing *s = &p->standing;
	bool bakes = p->plan.policy.bake && !j->request.forced;
	if ((j->verb != VERB_STEP && j->verb != VERB_ASK) || !bakes || s->owner >= OWNER_RECORD ||
		s->reported_bp <= 0 || s->reported_bp == s->baseline_bp ||
		s->guard.state == GUARD_NONE || p->latch.red || j->request.to_bp <= s->reported_bp)
		return;
	/* What no watching would cure is refused at once. */
	static const unsigned curable =
		1u << PREDICATE_GUARD | 1u << PREDICATE_BAKE | 1u << PREDICATE_SAMPLES;
	j->request.shown_epoch = s->epoch;
	j->request.shown_rev = s->rev;
	desk_judge(j->s->desk, &j->request, &j->result);
	if (j->result.interlock.failing & ~curable)
		return;
	char window[24];
	unit_duration(window, sizeof window, p->limits.window_ms);
	fprintf(stderr, "weir: nobody has watched v2's limits: watching for %s first\n", window);
	struct watching w = {j, loop_now().boot_ms + p->limits.window_ms};
	loop_until(j->s->desk, watched, &w, p->limits.window_ms + 1000);
}

/* ---- its way ---- */

static bool has_left(void *ctx)
{
	struct act_job *j = ctx;
	return !desk_progress(j->s->desk, j->result.id, &j->view) ||
		j->view.progress > PROGRESS_VETO;
}

static bool answered(void *ctx)
{
	struct act_job *j = ctx;
	if (!desk_progress(j->s->desk, j->result.id, &j->view))
		return true;
	return j->view.progress >= PROGRESS_WATCHING;
}

static bool verified(void *ctx)
{
	struct act_job *j = ctx;
	return !desk_progress(j->s->desk, j->result.id, &j->view) ||
		j->view.progress == PROGRESS_DONE;
}

/* ---- one pool ---- */

/* What was asked stands in the history before anybody is told so. */
static bool asked(void *ctx)
{
	const struct act_job *j = ctx;
	struct act_view view;
	return !desk_progress(j->s->desk, j->result.asked, &view) ||
		view.progress == PROGRESS_DONE;
}

static int dry_run(struct act_job *j)
{
	desk_judge(j->s->desk, &j->request, &j->result);
	return act_job_report_judged(j);
}

static int refused(struct act_job *j)
{
	if (j->result.asked[0]) {
		struct act_result now; /* the refusal names what is asked once it is recorded */
		loop_finish(j->s->desk, asked, j, ANSWER_MS);
		desk_judge(j->s->desk, &j->request, &now);
		if (now.status == ACT_REFUSED)
			j->result.interlock = now.interlock;
	}
	return act_job_report_refusal(j);
}

static int asked_for(struct act_job *j)
{
	text_copy(j->result.asked, sizeof j->result.asked, j->result.id);
	loop_finish(j->s->desk, asked, j, ANSWER_MS);
	/* Nobody finds what is not recorded. */
	if (desk_progress(j->s->desk, j->result.id, &j->view) &&
		j->view.decision.outcome != OUTCOME_APPLIED)
		return act_job_report(j);
	return act_job_report_asked(j);
}

/* A job that writes both numbers steps once: a second run finds the share there already. */
static int check_from(const struct act_job *j, const struct pool *p, struct err *err)
{
	int is_bp = p->standing.reported_bp, from_bp = j->from_bp;
	if (from_bp < 0 || is_bp == from_bp || is_bp == j->request.to_bp)
		return 0;
	char is[16], from[16];
	unit_share(is, sizeof is, is_bp);
	unit_share(from, sizeof from, from_bp);
	return err_set(
		err, ERR_CHANGED, "'%s' is at %s, not at %s: nothing was sent", p->name, is, from);
}

/* Waits for what a gated act is judged on, and reads what is asked. */
static int prepare(struct act_job *j, const struct pool *p, struct err *err)
{
	bool gated = (verb_is_sent(j->verb) && !verb_is_brake(j->verb)) || j->verb == VERB_ASK;
	if (gated && loop_until(j->s->desk, heard, j, SETTLE_MS) && setup_settle(j->s, SETTLE_MS))
		loop_until(j->s->desk, nothing_open, j, OPEN_MS);
	if (j->verb == VERB_CLOSE)
		loop_until(j->s->desk, loaded, j, SETTLE_MS);
	if (j->verb == VERB_GUARD)
		loop_until(j->s->desk, owned, j, OWNER_MS);
	if (ask_read(&j->request, j->word, j->words, p, err) < 0 || check_from(j, p, err) < 0)
		return -1;
	watch_guards(j);
	return j->o->approval ? desk_take_approval(j->s->desk, j->request.pool, j->o->approval,
								loop_now(), err)
						  : 0;
}

#define UNDER_WAY (-1) /* in place of an exit status */

/* Begins the act on one pool; the exit status where that ends it. */
static int begin(struct act_job *j)
{
	struct err err = {0};
	const struct pool *p = act_job_pool(j);
	if (confirm(j, p->name, &err) < 0 || prepare(j, p, &err) < 0)
		return setup_fail(&err);
	j->request.shown_epoch = p->standing.epoch;
	j->request.shown_rev = p->standing.rev;
	j->keeps_lease = p->standing.lease_mine || j->verb == VERB_TAKE;
	if (j->o->dry_run)
		return dry_run(j);
	desk_act(j->s->desk, &j->request, loop_now(), &j->result);
	if (j->result.status == ACT_REFUSED)
		return refused(j);
	if (j->verb == VERB_ASK)
		return asked_for(j);
	return j->result.status == ACT_ALREADY ? act_job_report_already(j) : UNDER_WAY;
}

/* True when the history has taken its row, or has said why not. */
static bool written(void *ctx)
{
	struct act_job *j = ctx;
	return !desk_progress(j->s->desk, j->result.id, &j->view) || j->view.recorded ||
		j->view.refused;
}

/* A brake leaves before its row is written; whoever is told that it is done finds it there. */
static void await_row(struct act_job *j)
{
	if (loop_until(j->s->desk, written, j, ROW_SAY_MS) || loop_interrupted())
		return;
	fprintf(stderr,
		"weir: %s of '%s' is done; its row waits for the history, Ctrl-C ends without it\n",
		verb_row(j->verb)->word, desk_model(j->s->desk)->pools[j->request.pool].name);
	loop_until(j->s->desk, written, j, ROW_MS);
}

static int finish(struct act_job *j)
{
	/* Who goes down in steps stays until the last; a signal ends it, the rest is found open. */
	loop_until(j->s->desk, has_left, j, LEAVES_MS);
	loop_until(j->s->desk, answered, j, j->request.gradual ? -1 : ANSWER_MS);
	if (j->o->wait && j->view.progress == PROGRESS_WATCHING)
		loop_until(j->s->desk, verified, j, j->o->wait_ms);
	if (desk_progress(j->s->desk, j->result.id, &j->view) &&
		j->view.decision.outcome == OUTCOME_APPLIED)
		await_row(j);
	desk_progress(j->s->desk, j->result.id, &j->view);
	return act_job_report(j);
}

static bool all_heard(void *ctx)
{
	struct act_job j = *(const struct act_job *)ctx;
	for (j.request.pool = 0; j.request.pool < desk_model(j.s->desk)->pool_count;
		 j.request.pool++)
		if (!heard(&j))
			return false;
	return true;
}

/* All are begun before any is waited for: a silent pool delays no other's brake. */
static int act_on_all(struct act_job *each)
{
	int count = desk_model(each->s->desk)->pool_count, worst = EXIT_DONE;
	struct act_job *jobs = mem_new((size_t)count, sizeof *jobs);
	int *status = mem_new((size_t)count, sizeof *status);
	if (verb_is_brake(each->verb))
		loop_until(each->s->desk, all_heard, each, BRAKE_MS);
	for (int i = 0; i < count; i++) {
		jobs[i] = *each;
		jobs[i].request.pool = i;
		status[i] = begin(&jobs[i]);
	}
	for (int i = 0; i < count; i++) {
		if (status[i] == UNDER_WAY)
			status[i] = finish(&jobs[i]);
		worst = status[i] > worst ? status[i] : worst;
		each->keeps_lease |= jobs[i].keeps_lease;
	}
	free(status);
	free(jobs);
	return worst;
}

static bool all_urls(const char *const *targets, int count)
{
	for (int i = 0; i < count; i++)
		if (!strchr(targets[i], ':'))
			return false;
	return count > 0;
}

static int run(struct act_job *j, const char *const *targets, int count, struct err *err)
{
	if (setup_init(j->s, j->o, err) < 0) {
		int status = setup_fail(err);
		/* A broken configuration stops no brake that says where to go. */
		if (!verb_is_brake(j->verb) || !all_urls(targets, count))
			return status;
	}
	if (count == 0 && !j->o->all && j->s->config.pool_count != 1) {
		err_set(err, ERR_USAGE, "%s needs a %s", verb_row(j->verb)->word,
			j->verb == VERB_HOLD                                    ? "TARGET or --all"
				: j->verb == VERB_ANNOTATE || j->verb == VERB_CLOSE ? "pool: --pool NAME"
																	: "TARGET");
		return setup_fail(err);
	}
	/* Looking, what was found open is not even asked for. */
	enum setup_mode mode = j->o->dry_run ? SETUP_LOOK
		: verb_is_brake(j->verb)         ? SETUP_BRAKE
										 : SETUP_ACT;
	if (setup_open(j->s, j->o, targets, count, mode, false, err) < 0 ||
		(j->o->dry_run && setup_remember(j->s, err) < 0))
		return setup_fail(err);
	return act_on_all(j);
}

/* What stands behind the word of the act, as it would be typed in a console. */
static void read_words(struct act_job *j, int from)
{
	const struct options *o = j->o;
	size_t used = 0;
	j->word = o->command->name;
	if (o->operation) {
		j->word = verb_row(VERB_OPERATIONS)->word;
		snprintf(j->words, sizeof j->words, "-%s", o->operation);
		return;
	}
	if (j->verb == VERB_ARM && o->baseline)
		snprintf(j->words, sizeof j->words, "%s", o->baseline);
	for (int i = from; i < o->arg_count && used < sizeof j->words; i++)
		used += (size_t)snprintf(
			j->words + used, sizeof j->words - used, "%s%s", i > from ? " " : "", o->args[i]);
	if (j->verb == VERB_GUARD && o->await && used < sizeof j->words)
		snprintf(j->words + used, sizeof j->words - used, " %s", o->await);
	if (o->off && used < sizeof j->words)
		snprintf(j->words + used, sizeof j->words - used, " off");
}

/* Acts on one TARGET take it first; holds and rollbacks may have several; notes and closings
 * name the pool by an option. */
static int read_job(struct act_job *j, const char *const **targets, int *count, struct err *err)
{
	const struct options *o = j->o;
	j->verb = ask_verb(o->command->name);
	j->from_bp = -1;
	if (o->from && !unit_parse_share(o->from, &j->from_bp)) {
		err_set(err, ERR_USAGE, "--from '%s' is no share; write 25%%, 0.5%% or 2500bp",
			o->from);
		return -1;
	}
	*targets = o->args;
	*count = o->arg_count;
	if (j->verb == VERB_ANNOTATE || j->verb == VERB_CLOSE) {
		*targets = &o->pool;
		*count = o->pool ? 1 : 0;
		read_words(j, 0);
	} else if (verb_is_brake(j->verb)) {
		read_words(j, o->arg_count);
	} else {
		*count = 1;
		read_words(j, 1);
	}
	j->request.gradual = o->gradual;
	if (o->break_glass && (!o->reason || !*o->reason)) {
		err_set(err, ERR_USAGE, "--break-glass asks for a --reason");
		return -1;
	}
	j->request.forced = o->break_glass ? PREDICATES_FORCED : 0;
	text_copy(j->request.reason, sizeof j->request.reason, o->reason ? o->reason : "");
	if (j->verb == VERB_ANNOTATE) {
		j->request.verb = j->verb;
		text_copy(j->request.reason, sizeof j->request.reason, o->args[0]);
		j->words[0] = 0;
	}
	struct act_request form = {0};
	if (ask_read(&form, j->word, j->words, NULL, err) < 0)
		return -1;
	j->request.verb = j->verb = form.verb;
	return 0;
}

int cmd_act(const struct options *o)
{
	struct err err = {0};
	struct setup s = {0};
	struct act_job j = {.s = &s, .o = o};
	const char *const *targets;
	int count;
	if (read_job(&j, &targets, &count, &err) < 0)
		return setup_fail(&err);
	int status = run(&j, targets, count, &err);
	/* The lease goes back with whoever took it for one act, and stays with a console of the same
	 * person. */
	if (s.desk && !j.keeps_lease)
		loop_leave(s.desk);
	int64_t lost = setup_release(&s);
	if (lost > 0 && status == EXIT_DONE) {
		fprintf(stderr, "weir: %s %lld rows could not be written\n", err_name(ERR_NOT_RECORDED),
			(long long)lost);
		status = EXIT_GAPS;
	}
	return status;
}
