/* weir plan: what a plan asks, with dates, samples and what they take, before anything is armed.
 */
#include "history/chain.h"
#include "model/text.h"
#include "tui/commands.h"
#include "tui/config.h"
#include "tui/loop.h"
#include "tui/setup.h"

#include <stdio.h>

/* When each step may be taken if the one before it is taken at once and keeps its time. */
struct dates {
	int64_t at_ms[PLAN_STEPS_MAX + 1]; /* the last: when all has passed */
};

static int64_t stays_ms(const struct plan *p, int step)
{
	int64_t bake = p->policy.bake ? p->bake_ms : 0;
	return p->steps[step].for_ms > bake ? p->steps[step].for_ms : bake;
}

static struct dates dates(const struct plan *p, int64_t from_ms)
{
	struct dates d;
	d.at_ms[0] = from_ms;
	for (int i = 0; i < p->step_count; i++)
		d.at_ms[i + 1] = d.at_ms[i] + stays_ms(p, i);
	return d;
}

/* Work a second over both sides that brings v2's samples within the step's time; 0 where none
 * are asked. */
static double rate_needed(const struct plan *p, int step)
{
	double share = (double)p->steps[step].share_bp / SHARE_FULL;
	double seconds = (double)stays_ms(p, step) / 1000;
	if (!p->policy.samples || p->min_samples == 0 || seconds <= 0)
		return 0;
	return (double)p->min_samples / seconds / share;
}

static void say_json(const struct plan *p, const char *hash, const struct dates *d)
{
	struct text t = {0};
	char at[32];
	text_add(&t, "{");
	text_json_str(&t, "hash", hash);
	text_json_str(&t, "policy", p->policy.name);
	text_json_key(&t, "plan");
	plan_json(&t, p);
	text_json_key(&t, "steps");
	text_add(&t, "[");
	for (int i = 0; i < p->step_count; i++) {
		text_add(&t, i ? ",{" : "{");
		text_json_int(&t, "share_bp", p->steps[i].share_bp);
		unit_rfc3339(at, sizeof at, d->at_ms[i]);
		text_json_str(&t, "earliest", at);
		text_json_int(&t, "stays_ms", stays_ms(p, i));
		text_json_real(&t, "rps_needed", rate_needed(p, i));
		text_add(&t, "}");
	}
	unit_rfc3339(at, sizeof at, d->at_ms[p->step_count]);
	text_add(&t, "]");
	text_json_str(&t, "over", at);
	text_add(&t, "}\n");
	fputs(text_str(&t), stdout);
	text_free(&t);
}

static void say_plain(const struct plan *p, const char *hash, const struct dates *d)
{
	char at[32], share[24], stays[24], count[24];
	printf("plan %.12s, policy %s\n", hash, p->policy.name);
	printf(
		"%-8s  %-20s  %-8s  %s\n", "share", "earliest (UTC)", "stays", "samples of each side");
	for (int i = 0; i < p->step_count; i++) {
		unit_share(share, sizeof share, p->steps[i].share_bp);
		unit_rfc3339(at, sizeof at, d->at_ms[i]);
		at[19] = 0;
		at[10] = ' ';
		unit_duration(stays, sizeof stays, stays_ms(p, i));
		unit_count(count, sizeof count, p->policy.samples ? p->min_samples : 0);
		printf("%-8s  %-20s  %-8s  %s", share, at, stays, count);
		if (rate_needed(p, i) > 0)
			printf(", there in time from %.2g requests/s on", rate_needed(p, i));
		printf("\n");
	}
	unit_rfc3339(at, sizeof at, d->at_ms[p->step_count]);
	at[19] = 0;
	at[10] = ' ';
	printf("%-8s  %-20s\n", "over", at);
	if (p->policy.bake) {
		unit_duration(stays, sizeof stays, p->bake_ms);
		printf("a raise is kept after %s, else it %s 2m later\n", stays,
			p->on_orphan == ORPHAN_REVERT     ? "goes back"
				: p->on_orphan == ORPHAN_HOLD ? "is held"
											  : "goes back (up to 50 %) or is held (above)");
	}
}

/* The plan of the file, with the policies of the configuration. */
static int read_plan(struct plan *out, const struct options *o, struct err *err)
{
	struct config c;
	if (config_load(&c, o->config, err) < 0)
		return -1;
	int rc = config_load_plan(out, o->args[0], &c, err);
	config_free(&c);
	return rc < 0 || o->share_bp < 0 ? rc : plan_check(out, o->share_bp, err);
}

int cmd_plan(const struct options *o)
{
	struct text json = {0};
	struct plan plan;
	struct err err = {0};
	char hash[POOL_HASH_MAX];
	if (read_plan(&plan, o, &err) < 0)
		return setup_fail(&err);
	plan_json(&json, &plan);
	chain_digest(hash, text_str(&json), json.len);
	text_free(&json);
	struct dates d = dates(&plan, loop_now().wall_ms);
	(o->json ? say_json : say_plain)(&plan, hash, &d);
	return EXIT_DONE;
}
