/* The report as JSON. Moments are RFC 3339, lapses milliseconds, shares basis points. */
#include "tui/report_json.h"

#include <math.h>
#include <string.h>

static void add_moment(struct text *t, const char *name, int64_t at_ms)
{
	char at[40];
	unit_rfc3339(at, sizeof at, at_ms);
	text_json_str(t, name, at_ms == UNKNOWN ? NULL : at);
}

static void add_share(struct text *t, const char *name, int share_bp)
{
	text_json_int(t, name, share_bp < 0 ? UNKNOWN : share_bp);
}

static void add_harm(struct text *t, const struct harm *h)
{
	text_json_key(t, "harm");
	text_add(t, "[");
	text_add_real(t, h->low);
	text_add(t, ",");
	text_add_real(t, h->bad);
	text_add(t, ",");
	text_add_real(t, h->high);
	text_add(t, "]");
}

static void open_member(struct text *t, const char *name, const char *bracket)
{
	text_json_key(t, name);
	text_add(t, bracket);
}

static void add_checks(struct text *t, const struct page_detail *d)
{
	open_member(t, "checks", "[");
	for (size_t i = 0; i < d->check_count; i++) {
		text_add(t, i ? ",{" : "{");
		text_json_int(t, "n", d->checks[i].number);
		text_json_str(t, "is", d->checks[i].is);
		text_json_str(t, "text", d->checks[i].text);
		text_add(t, "}");
	}
	text_add(t, "]");
}

static void add_recheck(struct text *t, const struct recheck_result *r)
{
	text_json_key(t, "recheck");
	if (!r->id[0]) {
		text_add(t, "null");
		return;
	}
	text_add(t, "{");
	text_json_str(t, "is", recheck_word(r->kind));
	text_json_bool(t, "cited", r->cited);
	text_json_str(t, "text", r->text);
	text_add(t, "}");
}

static void add_known(struct text *t, const struct report_known *k)
{
	text_json_key(t, "known");
	if (!k->is) {
		text_add(t, "null");
		return;
	}
	text_add(t, "{");
	text_json_str(t, "state", k->state);
	text_json_str(t, "headline", k->headline);
	text_json_str(t, "guard", k->guard);
	text_json_str(t, "verdict", k->verdict);
	text_json_bool(t, "cited", k->cited);
	text_json_str(t, "own", k->own);
	add_harm(t, &k->harm);
	text_add(t, "}");
}

static void add_decision(struct text *t, const struct report_entry *e)
{
	const struct page_row *w = &e->row;
	text_json_str(t, "actor", w->actor);
	text_json_str(t, "role", w->role);
	add_share(t, "from_bp", w->from_bp);
	add_share(t, "to_bp", w->to_bp);
	text_json_str(t, "reason", w->text);
	text_json_str(t, "outcome", outcome_name(w->outcome));
	text_json_str(t, "answer", w->answer);
	add_moment(t, "outcome_at", w->outcome_ms);
	add_moment(t, "verified_at", w->verified_ms);
	text_json_bool(t, "observed", w->observed);
	text_json_bool(t, "late", w->late);
	text_json_bool(t, "forced", report_forced(e));
	text_json_bool(t, "relaxes", report_relaxes(e));
	open_member(t, "evidence", "{");
	for (size_t i = 0; i < e->detail.fact_count; i++)
		text_json_str(t, e->detail.facts[i].name, e->detail.facts[i].value);
	text_add(t, "}");
	add_checks(t, &e->detail);
	add_recheck(t, &e->recheck);
	add_known(t, &e->known);
}

static void add_entries(struct text *t, const struct report *r)
{
	open_member(t, "timeline", "[");
	for (size_t i = 0; i < r->entry_count; i++) {
		const struct report_entry *e = &r->entries[i];
		text_add(t, i ? ",{" : "{");
		text_json_str(t, "id", e->row.id);
		add_moment(t, "at", e->row.at_ms);
		text_json_str(t, e->row.is_event ? "event" : "verb", e->row.what);
		if (e->row.is_event)
			text_json_str(t, "text", e->row.text);
		else
			add_decision(t, e);
		text_add(t, "}");
	}
	text_add(t, "]");
}

static void add_bake(struct text *t, const struct report_bake *b)
{
	add_moment(t, "from", b->from_ms);
	add_moment(t, "until", b->until_ms);
	add_share(t, "share_bp", b->share_bp);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		open_member(t, arm_name((enum arm)arm), "{");
		text_json_int(t, "units", b->units[arm].n);
		text_json_int(t, "bad", b->units[arm].bad);
		text_add(t, "}");
	}
	add_harm(t, &b->harm);
}

static void add_harms(struct text *t, const struct report *r)
{
	open_member(t, "harm", "{");
	text_json_str(t, "unit", report_unit(r));
	open_member(t, "in_all", "{");
	add_bake(t, &r->all);
	text_add(t, "}");
	open_member(t, "bakes", "[");
	for (size_t i = 0; i < r->bake_count; i++) {
		text_add(t, i ? ",{" : "{");
		add_bake(t, &r->bakes[i]);
		text_add(t, "}");
	}
	text_add(t, "]}");
}

static void add_moments(struct text *t, const struct report *r)
{
	open_member(t, "moments", "{");
	add_moment(t, "first_bad", r->bad_ms);
	add_moment(t, "first_sign", r->sign_ms);
	text_json_str(t, "sign", r->sign[0] ? r->sign : NULL);
	add_moment(t, "harm", r->harm_ms);
	text_json_bool(t, "harm_found_only_now", r->harm_recomputed);
	add_moment(t, "decision", r->decided_ms);
	text_json_str(t, "decision_by", r->decided_by[0] ? r->decided_by : NULL);
	add_moment(t, "verified", r->verified_ms);
	text_add(t, "}");
}

static void add_flips(struct text *t, const struct report *r)
{
	open_member(t, "verdicts", "[");
	for (size_t i = 0; i < r->flip_count; i++) {
		text_add(t, i ? ",{" : "{");
		add_moment(t, "at", r->flips[i].at_ms);
		text_json_str(t, "text", r->flips[i].text);
		text_json_bool(t, "recorded", r->flips[i].recorded);
		text_json_bool(t, "recomputed", r->flips[i].recomputed);
		text_add(t, "}");
	}
	text_add(t, "]");
}

static void add_times(
	struct text *t, const char *name, const struct report_gap *times, size_t count)
{
	open_member(t, name, "[");
	for (size_t i = 0; i < count; i++) {
		text_add(t, i ? ",{" : "{");
		add_moment(t, "from", times[i].from_ms);
		add_moment(t, "until", times[i].until_ms);
		text_json_str(t, "node", times[i].node);
		text_add(t, "}");
	}
	text_add(t, "]");
}

static void add_policies(struct text *t, const struct report *r)
{
	open_member(t, "policies", "[");
	for (size_t i = 0; i < r->policy_count; i++) {
		const struct report_policy *p = &r->policies[i];
		text_add(t, i ? ",{" : "{");
		text_json_str(t, "name", p->name);
		add_moment(t, "fires", p->fired_ms);
		text_json_int(t, "failed_before", p->failed_before);
		text_json_int(t, "failed_after", p->failed_after);
		text_json_int(t, "false_alarms", p->false_alarms);
		text_json_str(t, "text", p->line);
		text_add(t, "}");
	}
	text_add(t, "]");
}

static double part(int64_t n, int64_t of)
{
	return of > 0 ? (double)n / (double)of : NAN;
}

/* One row a bin, so that anybody can plot it. */
static void add_bins(struct text *t, const struct report *r)
{
	open_member(t, "series", "[");
	for (size_t k = 0; k < r->bin_count; k++) {
		const struct report_bin *b = &r->bins[k];
		text_add(t, k ? ",{" : "{");
		add_moment(t, "at", report_bin_ms(r, k));
		text_json_real(
			t, "share", part(b->requests[ARM_V2], b->requests[ARM_V1] + b->requests[ARM_V2]));
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			open_member(t, arm_name((enum arm)arm), "{");
			text_json_int(t, "requests", b->requests[arm]);
			text_json_real(t, "error_rate", part(b->failed[arm], b->done[arm]));
			text_json_int(t, "p50_us", b->p50_us[arm]);
			text_json_int(t, "p99_us", b->p99_us[arm]);
			text_add(t, "}");
		}
		text_json_real(t, "log10_e_harm", b->log10_harm);
		text_json_real(t, "log10_e_safe", b->log10_safe);
		text_add(t, "}");
	}
	text_add(t, "]");
}

static void add_rechecked(struct text *t, const struct recheck_sum *sum)
{
	char line[160];
	recheck_sum_text(line, sizeof line, sum);
	open_member(t, "rechecked", "{");
	text_json_int(t, "named", (int64_t)sum->named);
	text_json_int(t, "recomputed", (int64_t)sum->recomputed);
	text_json_int(t, "differ", (int64_t)sum->differ);
	text_json_str(t, "text", line);
	text_add(t, "}");
}

static void add_chain(struct text *t, const struct report *r)
{
	char words[400];
	const struct chain_report *c = &r->chain;
	report_chain(words, sizeof words, r);
	open_member(t, "chain", "{");
	text_json_key(t, "whole");
	text_add(t,
		r->chain_read && c->broken_seq             ? "false"
			: !r->chain_read || c->samples_left > 0 ? "null"
													: "true");
	text_json_str(t, "text", words);
	text_json_int(t, "rows", r->chain_read ? c->rows : UNKNOWN);
	text_json_int(t, "samples", r->chain_read ? c->samples : UNKNOWN);
	text_json_int(t, "samples_left", r->chain_read ? c->samples_left : UNKNOWN);
	text_json_str(t, "head", r->chain_read ? c->head : NULL);
	open_member(t, "signers", "[");
	for (size_t i = 0; i < c->signer_count; i++) {
		text_add(t, i ? ",{" : "{");
		text_json_str(t, "actor", c->signers[i].actor);
		text_json_str(t, "key", c->signers[i].key);
		text_json_int(t, "rows", c->signers[i].rows);
		text_add(t, "}");
	}
	text_add(t, "]}");
}

void report_json(struct text *t, const struct report *r)
{
	static const char *const ends[] = {
		[REPORT_OPEN] = "open", [REPORT_BACK] = "rolled back", [REPORT_COMPLETE] = "complete"};
	text_add(t, "{");
	text_json_str(t, "schema", "weir.report/1");
	text_json_str(t, "pool", r->pool);
	text_json_str(t, "migration", r->id);
	add_moment(t, "first", r->first_ms);
	add_moment(t, "last", r->last_ms);
	text_json_str(t, "end", ends[r->end]);
	text_json_str(t, "terms", terms_words(r->terms.source));
	text_json_str(t, "tried", r->terms.tried[0] ? r->terms.tried : NULL);
	add_share(t, "base_bp", r->base_bp);
	add_share(t, "top_bp", r->top_bp);
	add_share(t, "share_bp", r->last_bp);
	open_member(t, "lines", "[");
	for (int i = 0; i < REPORT_LINES; i++) {
		text_add(t, i ? "," : "");
		text_add_json(t, r->line[i]);
	}
	text_add(t, "]");
	add_moments(t, r);
	add_harms(t, r);
	add_entries(t, r);
	add_flips(t, r);
	add_times(t, "gaps", r->gaps, r->gap_count);
	add_times(t, "thinned", r->thinned, r->thinned_count);
	add_policies(t, r);
	add_bins(t, r);
	add_rechecked(t, &r->rechecked);
	add_chain(t, r);
	text_add(t, "}\n");
}
