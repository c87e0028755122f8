/* Plan: checks, walks and writes a migration's ordered shares. Not its reader (tui reads YAML)
 * and not the interlock, which asks whether a step may be taken now. */
#include "model/plan.h"

#include "model/text.h"

#include <assert.h>
#include <string.h>

void plan_init(struct plan *p)
{
	*p = (struct plan){
		.bake_ms = 10 * 60 * 1000,
		.min_samples = 300,
		.max_delta_bp = 5000,
		.on_orphan = ORPHAN_DEFAULT,
		.policy = *policy_builtin(POLICY_STANDARD),
		.on_reload = "hold",
	};
	calendar_init(&p->calendar);
}

/* One step against the one before it in the plan (0 for the first) and the share that it would
 * be taken from. */
static int check_step(const struct plan *p, int i, int before_bp, int from_bp, struct err *err)
{
	int share_bp = p->steps[i].share_bp;
	char share[16], other[16];

	unit_share_word(share, sizeof(share), share_bp);
	if (share_bp <= 0 || share_bp > SHARE_FULL)
		return err_set(err, ERR_CONFIG,
			"step %d of the plan, \"%d bp\", is not above 0%% and at most 100%%: "
			"rolling back is no step",
			i + 1, share_bp);
	unit_share_word(other, sizeof(other), before_bp);
	if (share_bp <= before_bp)
		return err_set(err, ERR_CONFIG,
			"step %d of the plan, \"%s\", is not above the one before it, \"%s\": "
			"list the shares rising",
			i + 1, share, other);
	unit_share_word(other, sizeof(other), from_bp);
	if (share_bp - from_bp > p->max_delta_bp) {
		char most[16];

		unit_share_word(most, sizeof(most), p->max_delta_bp);
		return err_set(err, ERR_CONFIG,
			"step %d of the plan, \"%s\", is more than %s above \"%s\": "
			"put a step between, or raise max_delta",
			i + 1, share, most, other);
	}
	return 0;
}

void plan_usual(struct plan *p)
{
	static const int steps[] = {100, 1000, 5000, 10000};
	p->step_count = (int)(sizeof steps / sizeof *steps);
	for (int i = 0; i < p->step_count; i++)
		p->steps[i] = (struct plan_step){.share_bp = steps[i]};
}

int plan_check(const struct plan *p, int from_bp, struct err *err)
{
	assert(p->step_count >= 0 && p->step_count <= PLAN_STEPS_MAX);
	int before_bp = 0;
	int last_bp = p->step_count > 0 ? p->steps[p->step_count - 1].share_bp : 0;

	if (p->step_count == 0)
		return err_set(err, ERR_CONFIG, "the plan has no steps: list at least one share");
	for (int i = 0; i < p->step_count; i++) {
		if (check_step(p, i, before_bp, before_bp > from_bp ? before_bp : from_bp, err))
			return -1;
		before_bp = p->steps[i].share_bp;
	}
	if (last_bp <= from_bp) {
		char last[16], from[16];

		unit_share_word(last, sizeof(last), last_bp);
		unit_share_word(from, sizeof(from), from_bp);
		return err_set(err, ERR_CONFIG,
			"the plan ends at \"%s\", not above the baseline \"%s\": there is nothing to step "
			"to",
			last, from);
	}
	return 0;
}

int plan_next_bp(const struct plan *p, int share_bp)
{
	for (int i = 0; i < p->step_count; i++)
		if (p->steps[i].share_bp > share_bp)
			return p->steps[i].share_bp;
	return -1;
}

int plan_at(const struct plan *p, int share_bp)
{
	for (int i = 0; i < p->step_count; i++)
		if (p->steps[i].share_bp == share_bp)
			return i;
	return -1;
}

static void policy_json(struct text *out, const struct policy *p)
{
	text_json_key(out, "policy_asks");
	text_add(out, "{");
	text_json_int(out, "approval_bp", p->approval_bp);
	text_json_bool(out, "armed", p->armed);
	text_json_bool(out, "bake", p->bake);
	text_json_int(out, "delta_bp", p->delta_bp);
	text_json_int(out, "drill_ms", p->drill_ms);
	text_json_int(out, "first_bp", p->first_bp);
	text_json_bool(out, "green", p->green);
	text_json_bool(out, "owner", p->owner);
	text_json_bool(out, "reason", p->reason);
	text_json_bool(out, "safe", p->safe);
	text_json_bool(out, "samples", p->samples);
	text_json_bool(out, "steps", p->steps);
	text_add(out, "}");
}

/* Without freezes there is no such member, so that plans that were never frozen keep their hash. */
static void freezes_json(struct text *out, const struct calendar *c)
{
	char at[32];
	if (c->freeze_count == 0)
		return;
	text_json_key(out, "freeze");
	text_add(out, "[");
	for (int i = 0; i < c->freeze_count; i++) {
		text_add(out, i > 0 ? ",{" : "{");
		unit_rfc3339(at, sizeof(at), c->freeze[i].from_ms);
		text_json_str(out, "from", at);
		unit_rfc3339(at, sizeof(at), c->freeze[i].until_ms);
		text_json_str(out, "until", at);
		text_json_str(out, "why", c->freeze[i].why);
		text_add(out, "}");
	}
	text_add(out, "]");
}

/* Nobody joins them unseen: they are of what is armed. */
static void approvers_json(struct text *out, const struct plan *p)
{
	text_json_key(out, "approvers");
	text_add(out, "[");
	for (int i = 0; i < p->approver_count; i++)
		text_addf(out, "%s\"%s\"", i ? "," : "", p->approvers[i]);
	text_add(out, "]");
}

void plan_json(struct text *out, const struct plan *p)
{
	text_add(out, "{");
	if (p->approver_count > 0)
		approvers_json(out, p);
	text_json_int(out, "bake_ms", p->bake_ms);
	freezes_json(out, &p->calendar);
	text_json_str(out, "hours", p->hours);
	text_json_int(out, "max_delta_bp", p->max_delta_bp);
	text_json_int(out, "min_samples", p->min_samples);
	text_json_str(out, "on_orphan", orphan_name(p->on_orphan));
	text_json_str(out, "on_reload", p->on_reload);
	text_json_str(out, "policy", p->policy.name);
	/* An own policy is what it asks, not what it is called. */
	if (!policy_find(p->policy.name))
		policy_json(out, &p->policy);
	text_json_key(out, "steps");
	text_add(out, "[");
	for (int i = 0; i < p->step_count; i++) {
		text_add(out, i > 0 ? ",{" : "{");
		text_json_int(out, "for_ms", p->steps[i].for_ms);
		text_json_int(out, "share_bp", p->steps[i].share_bp);
		text_add(out, "}");
	}
	text_add(out, "]");
	if (p->zone[0])
		text_json_str(out, "zone", p->zone);
	text_add(out, "}");
}
