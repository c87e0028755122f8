/* What-if, the words: a result as one line for people and as JSON. Nothing is decided here. */
#include "tui/whatif.h"

#include "model/text.h"
#include "model/unit.h"

#include <math.h>
#include <stdio.h>

static void add_duration(struct text *out, int64_t ms)
{
	char word[32];
	unit_duration(word, sizeof word, (ms + 500) / 1000 * 1000);
	text_add(out, word);
}

static void add_excess(struct text *out, const struct whatif_excess *e)
{
	if (isnan(e->bad))
		text_add(out, "unknown");
	else
		text_addf(out, "%.0f [%.0f to %.0f]", e->bad, e->low, e->high);
}

static void add_fire(struct text *out, const struct whatif_fire *fire)
{
	char clock[16];
	unit_clock(clock, sizeof clock, fire->at_ms);
	text_addf(out, "would have fired %s, %s", clock, fire->word);
}

/* Where it stands to what v2 was. */
static void add_judgement(
	struct text *out, const struct whatif_facts *f, const struct whatif_result *r)
{
	if (r->fires > 0 && r->fire[0].stretch < 0) {
		text_add(out, ", a false alarm: v2 was no worse then");
		return;
	}
	if (r->fires > 0) {
		text_add(out, ", ");
		add_duration(out, r->fire[0].at_ms - f->stretch[r->fire[0].stretch].from_ms);
		text_add(out, " after v2 went bad");
		return;
	}
	if (f->stretches == 0) {
		text_add(out, "would not have fired, and v2 was no worse");
		return;
	}
	text_add(out, "would not have fired: v2 was bad for ");
	add_duration(out, f->stretch[0].to_ms - f->stretch[0].from_ms);
	text_add(out, f->stretch[0].stopped ? ", then its share was taken down" : "");
}

/* Where only minutes are left a policy is not judged. */
static void add_thinned(struct text *out, const struct whatif_facts *f)
{
	if (f->thinned_ms == 0)
		return;
	text_add(out, "; not judged: ");
	add_duration(out, f->thinned_ms);
	text_add(out, " of it, thinned to minutes");
}

static void add_result(
	struct text *out, const struct whatif_facts *f, const struct whatif_result *r)
{
	if (r->fires > 0)
		add_fire(out, &r->fire[0]);
	add_judgement(out, f, r);
	if (r->fires == 0)
		return;
	text_addf(out, "; %lld of v2's requests failed before, %lld after",
		(long long)r->failed_before, (long long)r->failed_after);
	if (r->policy.limits.action == GUARD_ACTION_WARN)
		return;
	text_addf(out, "; extrapolated, a %s spares ", guard_action_name(r->policy.limits.action));
	add_excess(out, &r->avoided);
	text_addf(out, " bad %s beyond v1's rate", f->sessions ? "sessions" : "requests");
}

void whatif_line(struct text *out, const struct whatif_facts *f, const struct whatif_result *r)
{
	if (f->intervals == 0 && f->thinned_ms > 0) {
		text_add(out, "not judged: all of it is thinned to minutes");
		return;
	}
	add_result(out, f, r);
	add_thinned(out, f);
}

/* ---- JSON ---- */

static void json_time(struct text *out, const char *name, int64_t wall_ms)
{
	char when[32];
	unit_rfc3339(when, sizeof when, wall_ms);
	text_json_str(out, name, wall_ms == UNKNOWN ? NULL : when);
}

static void json_excess(struct text *out, const char *name, const struct whatif_excess *e)
{
	const double part[] = {e->low, e->bad, e->high};
	text_json_key(out, name);
	for (int i = 0; i < 3; i++) {
		text_add(out, i ? "," : "[");
		text_add_real(out, part[i]);
	}
	text_add(out, "]");
}

static void json_share(struct text *out, int share_bp)
{
	text_json_int(out, "share_bp", share_bp < 0 ? UNKNOWN : share_bp);
}

static void json_stretch(struct text *out, const struct whatif_stretch *s)
{
	text_add(out, "{");
	json_time(out, "from", s->from_ms);
	json_time(out, "to", s->to_ms);
	text_json_str(out, "metric", judged_name(s->metric));
	json_share(out, s->share_bp);
	text_json_int(out, "failed", s->failed);
	json_excess(out, "excess", &s->excess);
	text_json_bool(out, "stopped", s->stopped);
	text_add(out, "}");
}

static void json_arms(struct text *out, const char *name, const int64_t counts[ARM_COUNT])
{
	text_json_key(out, name);
	text_add(out, "{");
	for (int arm = 0; arm < ARM_COUNT; arm++)
		text_json_int(out, arm_name((enum arm)arm), counts[arm]);
	text_add(out, "}");
}

void whatif_facts_json(struct text *out, const struct whatif_facts *f)
{
	text_add(out, "{");
	text_json_str(out, "pool", f->pool);
	text_json_str(out, "pool_id", f->pool_id);
	json_time(out, "since", f->since_ms);
	json_time(out, "until", f->until_ms);
	text_json_int(out, "intervals", f->intervals);
	text_json_int(out, "gaps", f->gaps);
	text_json_int(out, "thinned_ms", f->thinned_ms);
	text_json_str(out, "unit", f->sessions ? "session" : "request");
	json_arms(out, "requests", f->requests);
	json_arms(out, "failed", f->failed);
	json_excess(out, "excess", &f->excess);
	text_json_key(out, "bad");
	text_add(out, "[");
	for (size_t i = 0; i < f->stretches; i++) {
		text_add(out, i ? "," : "");
		json_stretch(out, &f->stretch[i]);
	}
	text_add(out, "]}");
}

static void json_fire(struct text *out, const struct whatif_fire *fire)
{
	text_add(out, "{");
	json_time(out, "at", fire->at_ms);
	text_json_str(out, "by", fire->by_judge ? "judge" : "limit");
	text_json_str(out, "metric", metric_name(fire->metric));
	text_json_str(out, "word", fire->word);
	json_share(out, fire->share_bp);
	text_json_bool(out, "false_alarm", fire->stretch < 0);
	text_add(out, "}");
}

/* Nothing is known of what never fired would have spared. */
static void json_after(struct text *out, const struct whatif_result *r)
{
	text_json_key(out, "extrapolated");
	if (r->fires == 0) {
		text_add(out, "null");
		return;
	}
	text_add(out, "{");
	text_json_int(out, "failed_after", r->failed_after);
	json_excess(out, "excess_after", &r->after);
	json_excess(out, "avoided", &r->avoided);
	text_add(out, "}");
}

void whatif_json(struct text *out, const struct whatif_facts *f, const struct whatif_result *r)
{
	text_add(out, "{");
	text_json_str(out, "pool", f->pool);
	text_json_str(out, "policy", r->policy.name);
	text_json_str(out, "action", guard_action_name(r->policy.limits.action));
	text_json_int(out, "bad", (int64_t)f->stretches);
	text_json_int(out, "detected", r->detected);
	text_json_int(out, "missed", r->missed);
	text_json_int(out, "false_alarms", r->false_alarms);
	text_json_int(out, "delay_ms", r->delay_ms);
	text_json_int(out, "step_delay_ms", r->step_delay_ms);
	text_json_int(out, "failed_before", r->failed_before);
	json_excess(out, "excess_before", &r->before);
	json_after(out, r);
	text_json_key(out, "fires");
	text_add(out, "[");
	for (size_t i = 0; i < r->fires; i++) {
		text_add(out, i ? "," : "");
		json_fire(out, &r->fire[i]);
	}
	text_add(out, "]}");
}
