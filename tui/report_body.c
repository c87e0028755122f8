/* The sections of a report in their order, each a function. No form's syntax is known here. */
#include "tui/report_body.h"

#include "model/interlock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LIST(...) ((const char *const[]){__VA_ARGS__})

struct writing {
	struct text *t;
	const struct report *r;
	const struct report_form *form;
	const char *const *heads; /* of the table that is open */
	int columns;
};

static void say(const struct writing *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void say(const struct writing *w, const char *format, ...)
{
	struct text s = {0};
	va_list args;
	va_start(args, format);
	text_addv(&s, format, args);
	va_end(args);
	w->form->say(w->t, text_str(&s));
	text_free(&s);
}

static void fact(const struct writing *w, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void fact(const struct writing *w, const char *name, const char *format, ...)
{
	struct text s = {0};
	va_list args;
	va_start(args, format);
	text_addv(&s, format, args);
	va_end(args);
	w->form->fact(w->t, name, text_str(&s));
	text_free(&s);
}

static void open_table(struct writing *w, const char *const *heads, int columns)
{
	w->heads = heads;
	w->columns = columns;
	w->form->table(w->t, heads, columns);
}

static void add_row(const struct writing *w, const char *const *cells, bool mark)
{
	w->form->row(w->t, w->heads, cells, w->columns, mark);
}

/* "14:03:22", with the day where it is another than the migration's first. */
static void moment(char out[32], const struct report *r, int64_t at_ms)
{
	char first[32], at[32];
	unit_rfc3339(first, sizeof first, r->first_ms);
	unit_rfc3339(at, sizeof at, at_ms);
	bool same = strncmp(first, at, 10) == 0;
	at[10] = ' ';
	at[19] = '\0';
	snprintf(out, 32, "%s", same ? at + 11 : at);
}

/* ---- timeline ---- */

static void timeline_row(const struct writing *w, const struct report_entry *e)
{
	char at[32], what[96], fate[64];
	struct text why = {0};
	const struct page_row *row = &e->row;
	moment(at, w->r, row->at_ms);
	report_what(what, sizeof what, row);
	report_fate(fate, sizeof fate, w->r, row);
	if (row->is_event)
		text_add(&why, row->text);
	else if (row->text[0])
		text_addf(&why, "\"%s\"", row->text);
	if (row->answer[0] && row->outcome != OUTCOME_APPLIED)
		text_addf(&why, "%s%s", why.len ? "; " : "", row->answer);
	if (row->late)
		text_addf(&why, "%swritten late", why.len ? "; " : "");
	if (row->observed)
		text_addf(&why, "%staken from the pool's log", why.len ? "; " : "");
	bool mark = report_forced(e) || report_relaxes(e) || strcmp(row->what, "rollback") == 0 ||
		strcmp(row->what, "guard") == 0;
	add_row(w,
		LIST(at, row->is_event ? "-" : row->actor, what, row->is_event ? "-" : fate,
			text_str(&why), row->is_event ? "" : row->id),
		mark);
	text_free(&why);
}

static void write_timeline(struct writing *w)
{
	const struct report *r = w->r;
	w->form->section(w->t, "Timeline");
	open_table(w, LIST("UTC", "who", "what", "outcome", "why", "id"), 6);
	for (size_t i = 0; i < r->entry_count; i++)
		timeline_row(w, &r->entries[i]);
	w->form->table_end(w->t);
	if (r->entries_left)
		say(w, "%lld more are in the history: weir log has them", (long long)r->entries_left);
}

/* ---- why each step was allowed ---- */

static void add_check(struct text *t, const struct page_check *c)
{
	bool known = c->number >= 1 && c->number <= PREDICATE_COUNT;
	text_addf(t, "%s%d: %s", t->len ? "; " : "", c->number,
		c->text[0]  ? c->text
			: known ? predicate_name((enum predicate)(c->number - 1))
					: "?");
}

static void write_checks(const struct writing *w, const struct report_entry *e)
{
	static const struct {
		const char *is, *name;
	} kinds[] = {{"forced", "FORCED"}, {"fails", "FAILED"}, {"holds", "held"}, {"not asked", "not asked"},
		{"not asked yet", "not asked yet"}};
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		struct text t = {0};
		for (size_t i = 0; i < e->detail.check_count; i++)
			if (strcmp(e->detail.checks[i].is, kinds[k].is) == 0)
				add_check(&t, &e->detail.checks[i]);
		if (t.len)
			fact(w, kinds[k].name, "%s", text_str(&t));
		text_free(&t);
	}
	if (e->detail.check_count == 0)
		fact(w, "checks", "%s",
			e->row.observed ? "none here: it was made without weir" : "none recorded");
}

/* The word that counted, as it was recorded with the decision. */
static void write_verdict(const struct writing *w, const struct report_entry *e)
{
	const char *word = report_fact(e, "verdict.word"), *text = report_fact(e, "verdict.text");
	bool cited = strcmp(report_fact(e, "verdict.cited"), "yes") == 0;
	const struct report_known *k = &e->known;
	char harm[80];
	if (word[0])
		fact(w, "verdict recorded", "%s%s", text[0] && strcmp(text, "-") != 0 ? text : word,
			cited ? " (cited: the pool's or a recorder's word)" : "");
	if (e->recheck.id[0] && e->recheck.kind != RECHECK_UNNAMED)
		fact(w, "that verdict anew", "%s", e->recheck.text);
	if (!k->is)
		return;
	report_harm(harm, sizeof harm, &k->harm);
	fact(w, w->r->partly ? "verdict from the ten minutes before" : "verdict from the samples",
		"%s; harm by then %s%s%s", k->own, harm, isnan(k->harm.bad) ? "" : " ",
		isnan(k->harm.bad)   ? ""
			: w->r->sessions ? "sessions"
							 : "requests");
}

static void write_counts(const struct writing *w, const struct report_entry *e)
{
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		char name[32];
		snprintf(name, sizeof name, "%s.done", arm_name((enum arm)arm));
		const char *done = report_fact(e, name);
		snprintf(name, sizeof name, "%s.failed", arm_name((enum arm)arm));
		const char *failed = report_fact(e, name);
		snprintf(name, sizeof name, "%s.p99_us", arm_name((enum arm)arm));
		int64_t us = UNKNOWN;
		char p99[16];
		if (!unit_parse_int(report_fact(e, name), 0, INT64_MAX, &us))
			us = UNKNOWN;
		unit_ms(p99, sizeof p99, us);
		if (done[0])
			fact(w, arm_name((enum arm)arm), "%s done, %s failed, p99 %s%s", done, failed, p99,
				us == UNKNOWN ? "" : " ms");
	}
}

static void write_notes(const struct writing *w, const struct report_entry *e)
{
	for (size_t i = 0; i < e->detail.note_count; i++) {
		const char *text = strstr(e->detail.notes[i].text, ": ");
		fact(w, "note", "%s: \"%s\"", e->detail.notes[i].actor, text ? text + 2 : "");
	}
}

static void write_nodes(const struct writing *w, const struct report_entry *e)
{
	for (size_t i = 0; i < e->detail.outcome_count; i++) {
		const struct outcome_row *o = &e->detail.outcomes[i];
		char at[32];
		if (o->row != OUTCOME_ROW_NODE)
			continue;
		moment(at, w->r, o->at_ms);
		fact(w, o->node[0] ? o->node : "node", "%s %s%s%s", outcome_name(o->kind), at,
			o->answer[0] ? ": " : "", o->answer);
	}
}

static void write_step(const struct writing *w, const struct report_entry *e)
{
	char at[32], what[96], title[320], fate[64];
	const struct report_known *k = &e->known;
	moment(at, w->r, e->row.at_ms);
	report_what(what, sizeof what, &e->row);
	report_fate(fate, sizeof fate, w->r, &e->row);
	snprintf(title, sizeof title, "%s %s, %s%s%s", at, what, e->row.actor, fate[0] ? ", " : "",
		fate);
	text_mend(title);
	w->form->step(w->t, title, e->row.id);
	fact(w, "reason", "%s", e->row.text[0] ? e->row.text : "none given");
	/* Without plan and limits a screen of now would not say what that of then said. */
	if (k->is && w->r->terms.source != TERMS_DEFAULT)
		fact(w, "the screen said", "%s", k->headline);
	if (report_fact(e, "state")[0])
		fact(w, "state", "%s; guard %s", report_fact(e, "state"), report_fact(e, "guard"));
	else if (k->is)
		fact(w, "state", "%s; %s", k->state, k->guard);
	write_verdict(w, e);
	write_counts(w, e);
	write_checks(w, e);
	write_nodes(w, e);
	write_notes(w, e);
	w->form->step_end(w->t);
}

static void write_steps(const struct writing *w)
{
	const struct report *r = w->r;
	w->form->section(w->t, "Why each act was allowed, as known at that moment");
	for (size_t i = 0; i < r->entry_count; i++) {
		const struct report_entry *e = &r->entries[i];
		if (!e->row.is_event && (e->row.is_sent || report_relaxes(e)) && !e->row.observed)
			write_step(w, e);
	}
}

/* ---- figures ---- */

static void bake_row(const struct writing *w, const struct report_bake *b, const char *share)
{
	char at[32], lapse[24], n[ARM_COUNT][64], harm[80];
	moment(at, w->r, b->from_ms);
	report_lapse(lapse, sizeof lapse, b->until_ms - b->from_ms);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		char bad[24], all[24];
		unit_count(bad, sizeof bad, b->units[arm].bad);
		unit_count(all, sizeof all, b->units[arm].n);
		snprintf(n[arm], sizeof n[arm], "%s of %s", bad, all);
	}
	report_harm(harm, sizeof harm, &b->harm);
	add_row(w, LIST(at, lapse, share, n[ARM_V1], n[ARM_V2], harm),
		!isnan(b->harm.low) && b->harm.low >= 0.5);
}

static void write_harm(struct writing *w)
{
	const struct report *r = w->r;
	w->form->section(w->t, "Blast radius");
	if (r->tick_count == 0) {
		say(w, "Not known: nothing was recorded of what v2 did.");
		return;
	}
	say(w,
		"Bad %ss of each side while a share stood, and how many of v2's are beyond v1's rate "
		"of that time, with the 95 %% interval of independent %ss.",
		report_unit(r), report_unit(r));
	open_table(
		w, LIST("from", "for", "share", "bad on v1", "bad on v2", "beyond v1's rate"), 6);
	for (size_t i = 0; i < r->bake_count; i++) {
		char share[16];
		unit_share(share, sizeof share, r->bakes[i].share_bp);
		bake_row(w, &r->bakes[i], share);
	}
	bake_row(w, &r->all, "in all");
	w->form->table_end(w->t);
}

/* Under what it was judged anew. */
static void write_terms(const struct writing *w)
{
	static const char *const words[] = {
		[TERMS_RECORDED] = "under the limits and the plan that the recording was made with",
		[TERMS_CONFIGURED] = "under the limits and the plan that are configured now, since the "
							 "recording does not say its own",
		[TERMS_DEFAULT] = "without limits and plan: neither the recording nor a configuration "
						  "says them",
	};
	const struct terms *t = &w->r->terms;
	say(w, "Found %s%s%s.", words[t->source], t->tried[0] ? "; over them is tried " : "",
		t->tried);
}

static void write_flips(struct writing *w)
{
	const struct report *r = w->r;
	w->form->section(w->t, "What the judge knew, when");
	if (r->flip_count == 0) {
		say(w, "No verdict was recorded%s%s.",
			r->replay_why[0] ? ", and none can be worked out: " : "", r->replay_why);
		return;
	}
	open_table(w, LIST("UTC", "verdict", "who says so", "whose word"), 4);
	for (size_t i = 0; i < r->flip_count; i++) {
		const struct report_flip *f = &r->flips[i];
		char at[32];
		moment(at, r, f->at_ms);
		add_row(w,
			LIST(at, f->text,
				f->recorded && f->recomputed ? "recorded, and found again"
					: f->recorded            ? "recorded then"
											 : "found in the samples now",
				f->cited ? "cited: the pool's or a recorder's" : ""),
			strstr(f->text, "HARM") != NULL);
	}
	w->form->table_end(w->t);
	if (r->replayed)
		write_terms(w);
}

static void write_times(struct writing *w, const struct report_gap *times, size_t count)
{
	const struct report *r = w->r;
	open_table(w, LIST("from", "until", "for", "node"), 4);
	for (size_t i = 0; i < count; i++) {
		const struct report_gap *g = &times[i];
		char from[32], until[32], lapse[24];
		moment(from, r, g->from_ms);
		moment(until, r, g->until_ms);
		report_lapse(lapse, sizeof lapse, g->until_ms - g->from_ms);
		add_row(w, LIST(from, until, lapse, g->node), false);
	}
	w->form->table_end(w->t);
}

static void write_gaps(struct writing *w)
{
	const struct report *r = w->r;
	w->form->section(w->t, "Gaps in the data");
	if (r->gap_count > 0)
		write_times(w, r->gaps, r->gap_count);
	else
		say(w,
			!r->tick_count         ? "There are no samples of this time at all."
				: r->thinned_count ? "None: every time of every node is there."
								   : "None: every interval of every node is there.");
	if (r->thinned_count == 0)
		return;
	say(w,
		"Thinned: of these times one sum a minute is kept. What was judged in them stands as it was "
		"recorded; nothing of it is recomputed, and counts are those of whole minutes.");
	write_times(w, r->thinned, r->thinned_count);
}

static void write_policies(struct writing *w)
{
	const struct report *r = w->r;
	w->form->section(w->t, "What other policies would have done");
	if (r->policy_count == 0) {
		say(w, "Not known: %s.", r->policies_why);
		return;
	}
	say(w,
		"The same samples under other limits. What comes behind the moment at which one would "
		"have acted is extrapolated.");
	open_table(w, LIST("policy", "what it would have done"), 2);
	for (size_t i = 0; i < r->policy_count; i++)
		add_row(w, LIST(r->policies[i].name, r->policies[i].line), false);
	w->form->table_end(w->t);
}

/* Whether what was recorded of the judge follows from what was recorded of the pool. */
static void write_rechecked(const struct writing *w)
{
	const struct report *r = w->r;
	char line[160];
	recheck_sum_text(line, sizeof line, &r->rechecked);
	say(w, "%s.", line);
	for (size_t i = 0; i < r->entry_count; i++) {
		const struct report_entry *e = &r->entries[i];
		char at[32], what[96];
		if (!e->recheck.id[0] || e->recheck.kind != RECHECK_DIFFERS)
			continue;
		moment(at, r, e->row.at_ms);
		report_what(what, sizeof what, &e->row);
		say(w, "%s %s, %s: its verdict %s.", at, what, e->row.actor, e->recheck.text);
	}
}

static void write_chain(const struct writing *w)
{
	const struct report *r = w->r;
	char status[400];
	report_chain(status, sizeof status, r);
	w->form->section(w->t, "The record");
	say(w, "%s.", status);
	write_rechecked(w);
	if (r->chain_read && !r->chain.broken_seq)
		say(w, "Head %s, row %lld.", r->chain.head, (long long)r->chain.head_seq);
	for (size_t i = 0; i < r->chain.signer_count; i++)
		say(w, "%lld rows are signed by %s, key %.16s.", (long long)r->chain.signers[i].rows,
			r->chain.signers[i].actor, r->chain.signers[i].key);
	if (r->chain_read && r->chain.trail_seq)
		say(w, "The pool's own log does not fit at row %lld: %s.",
			(long long)r->chain.trail_seq, r->chain.trail_why);
	say(w, "Migration %s, the %d. of %d of pool %s in %s.", r->id, r->number, r->migrations,
		r->pool, r->path);
}

void report_body(struct text *t, const struct report *r, const struct report_form *form)
{
	struct writing w = {.t = t, .r = r, .form = form};
	char title[POOL_NAME_MAX + 64], day[32];
	unit_rfc3339(day, sizeof day, r->first_ms);
	snprintf(title, sizeof title, "Migration of %s, %.10s", r->pool, day);
	form->begin(t, r, title);
	for (int i = 0; i < REPORT_LINES; i++)
		form->line(t, i + 1, r->line[i]);
	write_timeline(&w);
	write_steps(&w);
	form->plots(t, r);
	write_harm(&w);
	write_flips(&w);
	write_gaps(&w);
	write_policies(&w);
	write_chain(&w);
	form->end(t);
}
