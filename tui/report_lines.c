/* The words that all forms of a report share, and the five lines that it opens with. */
#include "tui/report.h"

#include "model/text.h"
#include "model/interlock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- words ---- */

const char *report_unit(const struct report *r)
{
	return r->sessions ? "session" : "request";
}

void report_lapse(char *out, size_t size, int64_t ms)
{
	long long s = (ms + 500) / 1000;
	if (ms == UNKNOWN)
		snprintf(out, size, "-");
	else if (ms < 10000)
		snprintf(out, size, "%.1f s", (double)ms / 1000);
	else if (s < 120)
		snprintf(out, size, "%lld s", s);
	else if (s < 3600)
		snprintf(out, size, "%lld min %02lld s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, size, "%lld h %02lld min", s / 3600, s / 60 % 60);
	else
		snprintf(out, size, "%lld d %02lld h", s / 86400, s / 3600 % 24);
}

static void whole(char *out, size_t size, double n)
{
	unit_count(out, size, (int64_t)llround(n));
}

void report_harm(char *out, size_t size, const struct harm *h)
{
	char bad[32], low[32], high[32];
	if (isnan(h->bad)) {
		snprintf(out, size, "not known");
		return;
	}
	whole(bad, sizeof bad, h->bad);
	whole(low, sizeof low, isnan(h->low) ? 0 : h->low);
	whole(high, sizeof high, isnan(h->high) ? h->bad : h->high);
	if (llround(h->bad) <= 0)
		snprintf(out, size, "none seen (0 to %s)", high);
	else
		snprintf(out, size, "%s (%s to %s)", bad, low, high);
}

static bool is_verb(const struct page_row *w, enum verb v)
{
	return !w->is_event && strcmp(w->what, verb_row(v)->word) == 0;
}

bool report_moves(const struct report_entry *e)
{
	return is_verb(&e->row, VERB_STEP) || is_verb(&e->row, VERB_ROLLBACK);
}

void report_what(char *out, size_t size, const struct page_row *w)
{
	char from[16], to[16];
	unit_share(from, sizeof from, w->from_bp);
	unit_share(to, sizeof to, w->to_bp);
	if (is_verb(w, VERB_STEP) || is_verb(w, VERB_ROLLBACK))
		snprintf(out, size, "%s %s > %s", w->what, from, to);
	else if (is_verb(w, VERB_KEEP) && w->to_bp >= 0)
		snprintf(out, size, "%s %s", w->what, to);
	else
		snprintf(out, size, "%s%s%s", is_verb(w, VERB_ANNOTATE) ? "note" : w->what,
			w->about[0] ? " " : "", w->about);
	text_mend(out);
}

/* Seen from the recording's end: what is open then stays open. */
static enum page_fate fate_of(const struct report *r, const struct page_row *w)
{
	return page_fate(w, r->until_ms > w->at_ms + 3600000 ? r->until_ms : w->at_ms + 3600000);
}

void report_fate(char *out, size_t size, const struct report *r, const struct page_row *w)
{
	enum page_fate fate = fate_of(r, w);
	char took[24];
	if (fate == PAGE_VERIFIED && w->verified_ms >= w->at_ms) {
		report_lapse(took, sizeof took, w->verified_ms - w->at_ms);
		snprintf(out, size, "VERIFIED in %s", took);
	} else {
		snprintf(out, size, "%s", page_fate_word(fate));
	}
}

const char *report_fact(const struct report_entry *e, const char *name)
{
	for (size_t i = 0; i < e->detail.fact_count; i++)
		if (strcmp(e->detail.facts[i].name, name) == 0)
			return e->detail.facts[i].value;
	return "";
}

/* A brake is asked nothing. */
bool report_forced(const struct report_entry *e)
{
	bool went = e->row.outcome == OUTCOME_APPLIED || e->row.outcome == OUTCOME_PENDING;
	if (e->row.is_event || !went || is_verb(&e->row, VERB_ROLLBACK) ||
		is_verb(&e->row, VERB_HOLD))
		return false;
	for (size_t i = 0; i < e->detail.check_count; i++)
		if (strcmp(e->detail.checks[i].is, check_state_name(CHECK_FORCED)) == 0)
			return true;
	return false;
}

bool report_relaxes(const struct report_entry *e)
{
	static const enum verb verbs[] = {
		VERB_RESUME, VERB_TAKE, VERB_GUARD, VERB_ADOPT, VERB_CLOSE};
	if (e->row.outcome == OUTCOME_REFUSED || e->row.outcome == OUTCOME_NOT_SENT)
		return false;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (is_verb(&e->row, verbs[i]))
			return true;
	return false;
}

void report_chain(char *out, size_t size, const struct report *r)
{
	const struct chain_report *c = &r->chain;
	if (!r->chain_read)
		snprintf(out, size, "NOT CHECKED: %s", r->chain_why);
	else if (c->broken_seq)
		snprintf(out, size, "BROKEN at row %lld (%s): %s", (long long)c->broken_seq, c->table,
			c->why);
	else if (c->samples_left > 0)
		snprintf(out, size,
			"every row is whole: %lld rows by %d key%s; of the samples %lld under %lld of %lld "
			"checkpoints are, those of the last decisions; weir verify checks the other %lld",
			(long long)c->rows, c->keys, c->keys == 1 ? "" : "s", (long long)c->samples,
			(long long)c->checkpoints_read, (long long)c->checkpoints,
			(long long)c->samples_left);
	else
		snprintf(out, size,
			"whole: %lld rows by %d key%s, %lld samples under %lld checkpoint%s, %lld not yet",
			(long long)c->rows, c->keys, c->keys == 1 ? "" : "s", (long long)c->samples,
			(long long)c->checkpoints, c->checkpoints == 1 ? "" : "s",
			(long long)c->samples_open);
	text_mend(out);
}

/* ---- lines ---- */

struct line {
	char *out;
	size_t left;
};

static void put(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct line *l, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(l->out, l->left, format, args);
	va_end(args);
	size_t took = n < 0 ? 0 : (size_t)n < l->left ? (size_t)n : l->left - 1;
	l->out += took;
	l->left -= took;
}

static struct line line_at(struct report *r, int i)
{
	return (struct line){r->line[i], sizeof r->line[i]};
}

static void clock_of(char out[16], int64_t at_ms)
{
	unit_clock(out, 16, at_ms);
}

/* The shares that v2 had, one after the other. */
static void put_shares(struct line *l, const struct report *r)
{
	char share[16];
	size_t told = 0;
	unit_share(share, sizeof share, r->base_bp);
	put(l, "%s", share);
	for (size_t i = 0; i < r->entry_count && told < 16; i++) {
		const struct page_row *w = &r->entries[i].row;
		if (!report_moves(&r->entries[i]) || w->to_bp < 0 || w->outcome != OUTCOME_APPLIED)
			continue;
		unit_share(share, sizeof share, w->to_bp);
		put(l, " > %s", share);
		told++;
	}
}

/* Everybody who moved something, each once. */
static void put_people(struct line *l, const struct report *r)
{
	int told = 0;
	for (size_t i = 0; i < r->entry_count; i++) {
		const struct page_row *w = &r->entries[i].row;
		bool before = false;
		if (!report_moves(&r->entries[i]) || told == 6)
			continue;
		for (size_t k = 0; k < i && !before; k++)
			before =
				report_moves(&r->entries[k]) && strcmp(r->entries[k].row.actor, w->actor) == 0;
		if (before)
			continue;
		put(l, "%s%s", told ? ", " : "", w->actor);
		told++;
	}
}

static const struct page_row *last_move(const struct report *r)
{
	for (size_t i = r->entry_count; i-- > 0;)
		if (report_moves(&r->entries[i]) && r->entries[i].row.outcome == OUTCOME_APPLIED)
			return &r->entries[i].row;
	return NULL;
}

static void tell_end(struct line *l, const struct report *r)
{
	const struct page_row *last = last_move(r);
	char share[16], took[24], fate[64] = "";
	unit_share(share, sizeof share, r->last_bp);
	if (last)
		report_fate(fate, sizeof fate, r, last);
	if (r->end == REPORT_BACK)
		put(l, "rolled back to %s by %s, %s", share, last ? last->actor : "-", fate);
	else if (r->end == REPORT_COMPLETE)
		put(l, "complete at %s, %s", share, fate);
	else
		put(l, "still at %s when the recording ends", share);
	report_lapse(took, sizeof took, r->last_ms - r->first_ms);
	put(l, "; %s from first to last decision", took);
}

static void tell_what(struct report *r)
{
	struct line l = line_at(r, 0);
	char at[32], until[16];
	unit_rfc3339(at, sizeof at, r->first_ms);
	at[10] = ' ';
	at[19] = '\0';
	clock_of(until, r->last_ms);
	put(&l, "%s: v2's share ", r->pool);
	put_shares(&l, r);
	put(&l, ", %s to %s UTC, by ", at, until);
	put_people(&l, r);
	put(&l, "; ");
	tell_end(&l, r);
}

static void tell_harm(struct report *r)
{
	struct line l = line_at(r, 1);
	char harm[80], n[32];
	const struct units *v2 = &r->all.units[ARM_V2];
	report_harm(harm, sizeof harm, &r->all.harm);
	put(&l, "Harm: ");
	if (r->tick_count == 0) {
		put(&l, "not known, nothing was recorded of what v2 did");
		return;
	}
	unit_count(n, sizeof n, v2->n);
	if (isnan(r->all.harm.bad))
		put(&l, "not known, there is nothing to compare v2 with; ");
	else
		put(&l, "%s %ss bad beyond v1's rate, ", harm, report_unit(r));
	put(&l, "of %s that v2 served", n);
	if (!r->sessions)
		put(&l, "; users are not known, no sessions were counted");
}

/* Puts the next moment with the lapse since the one before it. */
static void put_moment(struct line *l, int64_t *before_ms, const char *what, int64_t at_ms)
{
	char at[16], lapse[24];
	if (at_ms == UNKNOWN) {
		put(l, " > no %s", what);
		return;
	}
	clock_of(at, at_ms);
	report_lapse(lapse, sizeof lapse, at_ms - *before_ms);
	if (at_ms < *before_ms)
		put(l, " > %s %s, before that", what, at);
	else
		put(l, " > %s %s, after %s", what, at, lapse);
	*before_ms = at_ms;
}

static void tell_moments(struct report *r)
{
	struct line l = line_at(r, 2);
	char at[16], harm[40], by[POOL_ACTOR_MAX + 16];
	bool braked = r->decided_ms != UNKNOWN, seen = r->harm_ms != UNKNOWN;
	int64_t first = r->bad_ms != UNKNOWN ? r->bad_ms : seen ? r->sign_ms : r->decided_ms;
	int64_t before = first;
	if (r->bad_ms != UNKNOWN) {
		clock_of(at, r->bad_ms);
		put(&l, "First bad %s %s", report_unit(r), at);
	} else {
		put(&l,
			r->tick_count ? "No stretch in which v2 failed more than v1 by more than chance"
						  : "When it began is not known, nothing was recorded");
	}
	if (r->bad_ms != UNKNOWN || seen) {
		put_moment(&l, &before, "first sign", r->sign_ms);
		if (r->sign[0])
			put(&l, " (%s)", r->sign);
		snprintf(harm, sizeof harm, "HARM%s", r->harm_recomputed ? " (found only now)" : "");
		put_moment(&l, &before, harm, r->harm_ms);
	}
	if (first == UNKNOWN)
		return;
	snprintf(by, sizeof by, "decision%s%s", braked ? " by " : "", r->decided_by);
	put_moment(&l, &before, by, r->decided_ms);
	if (braked)
		put_moment(&l, &before, r->verified_ms == UNKNOWN ? "verification" : "verified",
			r->verified_ms);
	if (before > first) {
		char lapse[24];
		report_lapse(lapse, sizeof lapse, before - first);
		put(&l, "; %s in all", lapse);
	}
}

/* " without 9 bake elapsed" */
static void forced_checks(char *out, size_t size, const struct report_entry *e)
{
	size_t used = 0;
	for (size_t i = 0; i < e->detail.check_count && used < size; i++) {
		const struct page_check *c = &e->detail.checks[i];
		if (strcmp(c->is, check_state_name(CHECK_FORCED)) == 0 && c->number >= 1 &&
			c->number <= PREDICATE_COUNT)
			used += (size_t)snprintf(out + used, size - used, "%s%d %s",
				used ? ", " : " without ", c->number,
				predicate_name((enum predicate)(c->number - 1)));
	}
}

static void tell_relaxed(struct report *r)
{
	struct line l = line_at(r, 3);
	int told = 0, unchecked = 0;
	for (size_t i = 0; i < r->entry_count; i++) {
		const struct report_entry *e = &r->entries[i];
		bool forced = report_forced(e), relaxed = report_relaxes(e);
		char what[80];
		unchecked += report_moves(e) && is_verb(&e->row, VERB_STEP) && e->row.observed;
		if (!forced && !relaxed)
			continue;
		report_what(what, sizeof what, &e->row);
		char at[16], without[160] = "";
		clock_of(at, e->row.at_ms);
		if (forced)
			forced_checks(without, sizeof without, e);
		if (told < 4)
			put(&l, "%s%s %s by %s%s%s%s (%s%s%s)",
				told ? "; " : "Relaxed or forced: ", forced ? "forced" : "relaxed", what,
				e->row.actor, forced ? " at " : "", forced ? at : "", without, e->row.text[0] ? "\"" : "",
				e->row.text[0] ? e->row.text : "no reason given", e->row.text[0] ? "\"" : "");
		told++;
	}
	if (told > 4)
		put(&l, "; and %d more", told - 4);
	if (told == 0)
		put(&l, "No check was relaxed or forced");
	if (unchecked)
		put(&l, "; %d step%s made without weir, checked by nobody here", unchecked,
			unchecked == 1 ? "" : "s");
}

static int count_fate(const struct report *r, enum page_fate fate)
{
	int n = 0;
	for (size_t i = 0; i < r->entry_count; i++)
		n += !r->entries[i].row.is_event && fate_of(r, &r->entries[i].row) == fate;
	return n;
}

static int count_events(const struct report *r, const char *kind, const char *begin)
{
	int n = 0;
	for (size_t i = 0; i < r->entry_count; i++)
		n += r->entries[i].row.is_event && strcmp(r->entries[i].row.what, kind) == 0 &&
			strncmp(r->entries[i].row.text, begin, strlen(begin)) == 0;
	return n;
}

static void put_some(struct line *l, int *told, int n, const char *one, const char *many)
{
	if (n > 0)
		put(l, "%s%d %s", (*told)++ ? "; " : "Nobody knows: ", n, n == 1 ? one : many);
}

static void tell_unknown(struct report *r)
{
	struct line l = line_at(r, 4);
	int64_t missing = 0, minutes = 0;
	int told = 0, reasonless = 0;
	char lapse[24];
	for (size_t i = 0; i < r->gap_count; i++)
		missing += r->gaps[i].until_ms - r->gaps[i].from_ms;
	for (size_t i = 0; i < r->entry_count; i++)
		reasonless += report_moves(&r->entries[i]) && r->entries[i].row.text[0] == '\0';
	put_some(&l, &told, (int)r->gap_count, "gap in the samples", "gaps in the samples");
	if (r->gap_count) {
		report_lapse(lapse, sizeof lapse, missing);
		put(&l, ", %s in all", lapse);
	}
	for (size_t i = 0; i < r->thinned_count; i++)
		minutes += r->thinned[i].until_ms - r->thinned[i].from_ms;
	if (r->thinned_count) {
		report_lapse(lapse, sizeof lapse, minutes);
		put(&l, "%swhat was within the minutes to which %s of samples are thinned",
			told++ ? "; " : "Nobody knows: ", lapse);
	}
	put_some(&l, &told, count_events(r, "silence", "no news"), "time without news of the pool",
		"times without news of the pool");
	put_some(&l, &told, count_fate(r, PAGE_UNRESOLVED) + count_fate(r, PAGE_UNDER_WAY),
		"decision whose effect is unknown", "decisions whose effect is unknown");
	put_some(&l, &told, count_fate(r, PAGE_UNVERIFIED), "rollback never seen everywhere",
		"rollbacks never seen everywhere");
	put_some(
		&l, &told, count_fate(r, PAGE_CLOSED), "act given up unseen", "acts given up unseen");
	put_some(&l, &told, reasonless, "move of the share without a reason",
		"moves of the share without a reason");
	if (!r->replayed)
		put(&l, "%swhat the judge would have said (%s)",
			told++ ? "; " : "Nobody knows: ", r->replay_why);
	put_some(&l, &told, (int)r->rechecked.differ,
		"recorded verdict that the stored rows do not give",
		"recorded verdicts that the stored rows do not give");
	if (!r->chain_read || r->chain.broken_seq)
		put(&l, "%swhether the record is whole: see the chain",
			told++ ? "; " : "Nobody knows: ");
	else if (r->chain.samples_left > 0)
		put(&l, "%swhether the samples far from decisions are whole: see the record",
			told++ ? "; " : "Nobody knows: ");
	if (told == 0)
		put(&l, "Nothing is open: no gap, no stale span, every act is accounted for");
}

void report_lines(struct report *r)
{
	tell_what(r);
	tell_harm(r);
	tell_moments(r);
	tell_relaxed(r);
	tell_unknown(r);
	for (int i = 0; i < REPORT_LINES; i++)
		text_mend(r->line[i]);
}
