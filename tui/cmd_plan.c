/* weir plan: what a plan asks, with dates, samples and what they take, before anything is armed.
 * Where rates are known, also when the judge would know. */
#include "history/chain.h"
#include "model/text.h"
#include "tui/commands.h"
#include "tui/lint.h"
#include "tui/loop.h"
#include "tui/rates.h"
#include "tui/setup.h"
#include "tui/timeline.h"

#include <stdio.h>

/* A plan, and what it is foreseen by. */
struct outlook {
	struct plan plan;
	char hash[POOL_HASH_MAX];
	struct judge_policy judge;
	struct rates rates;
};

static struct timeline_knowing knowing(const struct outlook *k, int step)
{
	struct forecast_basis b = rates_basis(&k->rates, &k->judge);
	return timeline_knowing(&b, k->plan.steps[step].share_bp);
}

static void say_json(const struct outlook *k, const struct timeline_dates *d)
{
	const struct plan *p = &k->plan;
	struct text t = {0};
	char at[32];
	text_add(&t, "{");
	text_json_str(&t, "hash", k->hash);
	text_json_str(&t, "policy", p->policy.name);
	text_json_key(&t, "plan");
	plan_json(&t, p);
	text_json_key(&t, "steps");
	text_add(&t, "[");
	for (int i = 0; i < p->step_count; i++) {
		struct timeline_knowing when = knowing(k, i);
		text_add(&t, i ? ",{" : "{");
		text_json_int(&t, "share_bp", p->steps[i].share_bp);
		unit_rfc3339(at, sizeof at, d->at_ms[i]);
		text_json_str(&t, "earliest", at);
		text_json_int(&t, "stays_ms", lint_stays_ms(p, i));
		text_json_real(&t, "rps_needed", timeline_rate_needed(p, i));
		text_json_int(&t, "harm_ms", when.harm_ms);
		text_json_int(&t, "safe_ms", when.safe_ms);
		text_add(&t, "}");
	}
	unit_rfc3339(at, sizeof at, d->at_ms[p->step_count]);
	text_add(&t, "]");
	text_json_str(&t, "over", at);
	text_add(&t, "}\n");
	fputs(text_str(&t), stdout);
	text_free(&t);
}

/* "2026-11-21 14:03:22" */
static void date_text(char out[32], int64_t at_ms)
{
	unit_rfc3339(out, 32, at_ms);
	out[19] = 0;
	out[10] = ' ';
}

static void say_knowing(const struct outlook *k, int step)
{
	char harm[24], safe[24];
	struct timeline_knowing when = knowing(k, step);
	if (!(k->rates.units_per_second > 0 && k->rates.bad_rate > 0) ||
		k->plan.steps[step].share_bp == SHARE_FULL)
		return;
	lint_time(harm, sizeof harm, when.harm_ms);
	lint_time(safe, sizeof safe, when.safe_ms);
	printf("%-8s  twice as bad: HARM after %s; as good: SAFE after %s\n", "", harm, safe);
}

/* When raises are closed: the dates heed it. */
static void say_calendar(const struct plan *p)
{
	char from[32], until[32];
	if (p->hours[0])
		printf("raises only %s\n", p->hours);
	for (int i = 0; i < p->calendar.freeze_count; i++) {
		const struct calendar_freeze *f = &p->calendar.freeze[i];
		date_text(from, f->from_ms);
		date_text(until, f->until_ms);
		printf("frozen from %s to %s%s%s\n", from, until, f->why[0] ? ": " : "", f->why);
	}
}

static void say_plain(const struct outlook *k, const struct timeline_dates *d)
{
	const struct plan *p = &k->plan;
	char at[32], share[24], stays[24], count[24];
	printf("plan %.12s, policy %s\n", k->hash, p->policy.name);
	printf(
		"%-8s  %-20s  %-8s  %s\n", "share", "earliest (UTC)", "stays", "samples of each side");
	for (int i = 0; i < p->step_count; i++) {
		unit_share(share, sizeof share, p->steps[i].share_bp);
		date_text(at, d->at_ms[i]);
		unit_duration(stays, sizeof stays, lint_stays_ms(p, i));
		unit_count(count, sizeof count, p->policy.samples ? p->min_samples : 0);
		printf("%-8s  %-20s  %-8s  %s", share, at, stays, count);
		if (timeline_rate_needed(p, i) > 0)
			printf(", there in time from %.2g requests/s on", timeline_rate_needed(p, i));
		printf("\n");
		say_knowing(k, i);
	}
	date_text(at, d->at_ms[p->step_count]);
	printf("%-8s  %-20s\n", "over", at);
	say_calendar(p);
	if (p->policy.bake) {
		unit_duration(stays, sizeof stays, p->bake_ms);
		printf("a raise is kept after %s, else it %s 2m later\n", stays,
			p->on_orphan == ORPHAN_REVERT     ? "goes back"
				: p->on_orphan == ORPHAN_HOLD ? "is held"
											  : "goes back (up to 50 %) or is held (above)");
	}
}

/* What the judge asks of a pool of the configuration, and its rates unless they are given. */
static int read_pool(
	struct outlook *k, const struct setup *s, const char *name, bool given, struct err *err)
{
	const struct config_pool *pool = config_pool(&s->config, name);
	if (!pool)
		return err_set(err, ERR_USAGE, "no pool '%s' in '%s'", name,
			s->config.path ? s->config.path : "weir.yaml");
	guard_policy(&k->judge, &pool->guards, pool->interval_ms);
	return given ? 0
				 : rates_of_history(&k->rates, s->history_path, name, loop_now().wall_ms, err);
}

/* The plan of the file, with the policies of the configuration. */
static int read_outlook(
	struct outlook *k, const struct setup *s, const struct options *o, struct err *err)
{
	struct text json = {0};
	judge_policy_init(&k->judge);
	int given = rates_of_options(&k->rates, o, err);
	if (given < 0 || config_load_plan(&k->plan, o->args[0], &s->config, err) < 0 ||
		(o->share_bp >= 0 && plan_check(&k->plan, o->share_bp, err) < 0) ||
		(o->pool && read_pool(k, s, o->pool, given > 0, err) < 0))
		return -1;
	plan_json(&json, &k->plan);
	chain_digest(k->hash, text_str(&json), json.len);
	text_free(&json);
	return 0;
}

int cmd_plan(const struct options *o)
{
	struct setup s;
	struct outlook k;
	struct err err = {0};
	loop_ordinary_signals(true);
	int rc = setup_init(&s, o, &err);
	if (rc == 0)
		rc = read_outlook(&k, &s, o, &err);
	setup_release(&s);
	if (rc < 0)
		return setup_fail(&err);
	struct timeline_dates d = timeline_dates(&k.plan, loop_now().wall_ms);
	(o->json ? say_json : say_plain)(&k, &d);
	return EXIT_DONE;
}
