/* Journal words. Numbers of the evidence have their unit in their name: it is taken off the name
 * and put to the number. */
#include "tui/journal_words.h"

#include "model/interlock.h"
#include "model/mem.h"
#include "model/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- in one line ---- */

/* The end of an id tells two of them apart, its beginning only when it was made. */
static const char *id_end(const char *id)
{
	size_t len = strlen(id);
	return len > 8 ? id + len - 8 : id;
}

void journal_what(char *out, size_t size, const struct page_row *r)
{
	char from[16], to[16];
	static const enum verb of_shares[] = {VERB_STEP, VERB_ROLLBACK, VERB_ASK, VERB_APPROVE};
	bool moves = false;
	for (size_t i = 0; i < sizeof of_shares / sizeof *of_shares; i++)
		moves |= strcmp(r->what, verb_row(of_shares[i])->word) == 0;
	if (r->about[0] && strcmp(r->what, verb_row(VERB_CLOSE)->word) == 0) {
		snprintf(out, size, "close ..%s", id_end(r->about));
	} else if (r->about[0]) {
		snprintf(out, size, "%s %s", r->what, r->about);
	} else if (moves) {
		unit_share(from, sizeof from, r->from_bp);
		unit_share(to, sizeof to, r->to_bp);
		snprintf(out, size, "%s %.*s > %s", r->what, (int)strcspn(from, " "), from, to);
	} else {
		bool note = !r->is_event && strcmp(r->what, verb_row(VERB_ANNOTATE)->word) == 0;
		snprintf(out, size, "%s", note ? "note" : r->what);
	}
	text_mend(out);
}

static enum role fate_role(const struct page_row *r, enum page_fate fate)
{
	static const enum role roles[PAGE_FATE_COUNT] = {
		[PAGE_NONE] = ROLE_TEXT,
		[PAGE_UNDER_WAY] = ROLE_WARN,
		[PAGE_UNRESOLVED] = ROLE_FAIL,
		[PAGE_APPLIED] = ROLE_TEXT,
		[PAGE_VERIFIED] = ROLE_OK,
		[PAGE_UNVERIFIED] = ROLE_FAIL,
		[PAGE_REFUSED] = ROLE_WARN,
		[PAGE_SUPERSEDED] = ROLE_WARN,
		[PAGE_NOT_SENT] = ROLE_WARN,
		[PAGE_VOID] = ROLE_WARN,
		[PAGE_CLOSED] = ROLE_WARN,
	};
	return r->seq == 0 ? ROLE_FAIL : roles[fate];
}

enum role journal_fate(char *out, size_t size, const struct page_row *r, int64_t now_wall_ms)
{
	enum page_fate fate = page_fate(r, now_wall_ms);
	const char *word = page_fate_word(fate);
	char took[24] = "";
	if (fate == PAGE_VERIFIED && r->verified_ms >= r->at_ms &&
		r->verified_ms - r->at_ms < 60000)
		snprintf(took, sizeof took, " in %.1fs", (double)(r->verified_ms - r->at_ms) / 1000);
	if (r->seq == 0)
		snprintf(out, size, "NOT RECORDED%s%s", *word ? ", " : "", word);
	else
		snprintf(out, size, "%s%s", word, took);
	return fate_role(r, fate);
}

/* A note about a row: which one is said by the end of its id. */
static void note_text(char *out, size_t size, const char *text)
{
	size_t re = strlen(PAGE_NOTE_RE), id = strcspn(text + re, ": ");
	char of[DECISION_ID_MAX];
	if (id >= sizeof of || strncmp(text + re + id, ": ", 2) != 0) {
		snprintf(out, size, "\"%s\"", text);
		return;
	}
	snprintf(of, sizeof of, "%.*s", (int)id, text + re);
	snprintf(out, size, "on ..%s \"%s\"", id_end(of), text + re + id + 2);
}

enum role journal_text(char *out, size_t size, const struct page_row *r)
{
	bool went = r->outcome == OUTCOME_APPLIED || r->outcome == OUTCOME_PENDING;
	char answer[POOL_REASON_MAX + 8] = "", reason[POOL_REASON_MAX + 40] = "";
	if (r->is_event) {
		snprintf(out, size, "%s", r->text);
		text_mend(out);
		return ROLE_TEXT;
	}
	if (!went && r->answer[0])
		snprintf(answer, sizeof answer, "%s  ", r->answer);
	if (strncmp(r->text, PAGE_NOTE_RE, strlen(PAGE_NOTE_RE)) == 0)
		note_text(reason, sizeof reason, r->text);
	else if (r->text[0])
		snprintf(reason, sizeof reason, "\"%s\"", r->text);
	snprintf(out, size, "%s%s%s", r->late ? "(written late) " : "", answer, reason);
	text_mend(out);
	return *answer ? ROLE_WARN : ROLE_REMOTE;
}

/* ---- whole ---- */

void journal_lines_release(struct journal_lines *l)
{
	free(l->line);
	*l = (struct journal_lines){0};
}

static void add(struct journal_lines *l, enum role role, const char *label, const char *format,
	...) __attribute__((format(printf, 4, 5)));

static void add(
	struct journal_lines *l, enum role role, const char *label, const char *format, ...)
{
	mem_grow(&l->line, &l->cap, l->count + 1, sizeof *l->line);
	struct journal_line *line = &l->line[l->count++];
	va_list args;
	line->role = role;
	snprintf(line->label, sizeof line->label, "%s", label);
	text_mend(line->label);
	va_start(args, format);
	vsnprintf(line->text, sizeof line->text, format, args);
	va_end(args);
	text_mend(line->text);
}

static void add_moment(
	struct journal_lines *l, const char *label, int64_t at_ms, int64_t now_ms)
{
	char when[32], age[24];
	unit_rfc3339(when, sizeof when, at_ms);
	when[strcspn(when, "T")] = ' ';
	unit_age(age, sizeof age, now_ms - at_ms);
	if (now_ms >= at_ms)
		add(l, ROLE_TEXT, label, "%s, %s ago", when, age);
	else
		add(l, ROLE_TEXT, label, "%s", when);
}

static void add_intent(struct journal_lines *l, const struct page_row *r,
	const struct page_detail *d, int64_t now_ms)
{
	add_moment(l, "when", r->at_ms, now_ms);
	if (!r->is_event)
		add(l, ROLE_REMOTE, "who", "%s, %s%s", r->actor, r->role[0] ? r->role : "operator",
			r->observed ? "; taken from the pool's log" : "");
	if (r->pool[0])
		add(l, ROLE_REMOTE, "pool", "%s%s%s", r->pool, d && d->pool_id[0] ? ", " : "",
			d ? d->pool_id : "");
	if (r->text[0])
		add(l, ROLE_REMOTE, r->is_event ? "says" : "reason", "%s", r->text);
	if (!d || r->is_event)
		return;
	if (d->epoch != UNKNOWN && d->rev != UNKNOWN)
		add(l, ROLE_TEXT, "revision", "%lld.%lld, as seen then", (long long)d->epoch,
			(long long)d->rev);
}

static void add_outcome(
	struct journal_lines *l, const struct outcome_row *o, const struct page_row *r)
{
	char at[16], took[40] = "";
	bool seen = o->row == OUTCOME_ROW_VERIFIED;
	unit_clock(at, sizeof at, o->at_ms);
	if (o->latency_ms != UNKNOWN && o->latency_ms >= 0)
		snprintf(took, sizeof took, " in %lld ms", (long long)o->latency_ms);
	else if (seen && o->at_ms >= r->at_ms)
		snprintf(took, sizeof took, " in %.1f s", (double)(o->at_ms - r->at_ms) / 1000);
	const char *label = o->row == OUTCOME_ROW_NODE ? o->node : seen ? "verification" : "in all";
	const char *word = seen && o->kind == OUTCOME_APPLIED ? "VERIFIED" : outcome_name(o->kind);
	enum role role = o->kind != OUTCOME_APPLIED ? ROLE_WARN : seen ? ROLE_OK : ROLE_TEXT;
	add(l, role, label, "%s at %sZ%s%s%s", word, at, took, o->answer[0] ? ": " : "", o->answer);
}

static void add_outcomes(struct journal_lines *l, const struct page_row *r,
	const struct page_detail *d, int64_t now_ms)
{
	char fate[64];
	enum role role = journal_fate(fate, sizeof fate, r, now_ms);
	if (!*fate)
		return;
	add(l, ROLE_TITLE, "", "OUTCOME");
	add(l, role, "now", "%s%s", fate,
		r->seq == 0 ? ": the history has no row of it"
			: page_fate(r, now_ms) == PAGE_UNRESOLVED
			? ": no answer is known; the pool is asked while a console runs"
			: page_fate(r, now_ms) == PAGE_UNVERIFIED ? ": acknowledged, not seen on every node"
													  : "");
	if (r->seq == 0 && r->answer[0])
		add(l, role, "answer", "%s", r->answer);
	for (size_t i = 0; d && i < d->outcome_count; i++)
		add_outcome(l, &d->outcomes[i], r);
}

/* ---- evidence ---- */

static bool ends(const char *name, const char *tail)
{
	size_t a = strlen(name), b = strlen(tail);
	return a > b && strcmp(name + a - b, tail) == 0;
}

/* A value in the unit that its name ends with; the ending is taken off. */
static void in_unit(char *name, char *out, size_t size, const char *value)
{
	int64_t n;
	bool whole = unit_parse_int(value, -INT64_MAX, INT64_MAX, &n);
	const char *tail = strrchr(name, '_');
	snprintf(out, size, "%s", value);
	if (whole && ends(name, "_bp"))
		unit_share(out, size, n >= 0 && n <= SHARE_FULL ? (int)n : -1);
	else if (whole && ends(name, "_us"))
		unit_ms(out, size, n);
	else if (whole && ends(name, "_ms") && n >= 0)
		unit_duration(out, size, n);
	else if (whole && !ends(name, "_bp") && !ends(name, "_us") && !ends(name, "_ms"))
		unit_count(out, size, n);
	else
		return;
	if (ends(name, "_us") && n != UNKNOWN)
		snprintf(out + strlen(out), size - strlen(out), " ms");
	if (tail && (ends(name, "_bp") || ends(name, "_us") || ends(name, "_ms")))
		name[tail - name] = 0;
}

/* The way to a value without the quotes that stand around some of its names. */
static void plain_name(char *out, const char *name)
{
	for (; *name; name++)
		if (*name != '"')
			*out++ = *name;
	*out = 0;
}

static void spaced(char *name)
{
	for (; *name; name++)
		if (*name == '.' || *name == '_')
			*name = ' ';
}

/* What the stored rows say of the verdict now. */
static void add_recheck(struct journal_lines *l, const struct recheck_result *r)
{
	if (!r->id[0])
		return;
	add(l,
		r->kind == RECHECK_SAME          ? ROLE_OK
			: r->kind == RECHECK_DIFFERS ? ROLE_FAIL
										 : ROLE_DIM,
		"verdict anew", "%s", r->kind == RECHECK_WAITING ? "being recomputed" : r->text);
}

static void add_facts(struct journal_lines *l, const struct page_detail *d)
{
	if (d->fact_count)
		add(l, ROLE_TITLE, "", "%s", d->row.is_event ? "DETAIL" : "EVIDENCE");
	add_recheck(l, &d->recheck);
	for (size_t i = 0; i < d->fact_count; i++) {
		char name[sizeof d->facts->name], value[POOL_REASON_MAX];
		/* which rows they are is for programs; what came of them stands above */
		if (strncmp(d->facts[i].name, "judged.", sizeof "judged." - 1) == 0)
			continue;
		plain_name(name, d->facts[i].name);
		in_unit(name, value, sizeof value, d->facts[i].value);
		spaced(name);
		add(l, ROLE_TEXT, name, "%s", value);
	}
}

static void add_checks(struct journal_lines *l, const struct page_detail *d)
{
	size_t held = 0, failed = 0, forced = 0;
	for (size_t i = 0; i < d->check_count; i++) {
		held += strcmp(d->checks[i].is, "holds") == 0;
		failed += strcmp(d->checks[i].is, "fails") == 0;
		forced += strcmp(d->checks[i].is, check_state_name(CHECK_FORCED)) == 0;
	}
	char broken[48] = "";
	if (forced)
		snprintf(broken, sizeof broken, "BREAK-GLASS: %zu forced, ", forced);
	if (d->check_count)
		add(l, failed + forced ? ROLE_FAIL : ROLE_TITLE, "",
			"CHECKS  %s%zu held, %zu failed, %zu not asked", broken, held, failed,
			d->check_count - held - failed - forced);
	for (size_t i = 0; i < d->check_count; i++) {
		const struct page_check *c = &d->checks[i];
		char label[28];
		bool known = c->number >= 1 && c->number <= PREDICATE_COUNT;
		bool fails = strcmp(c->is, "fails") == 0 ||
			strcmp(c->is, check_state_name(CHECK_FORCED)) == 0;
		enum role role = fails ? ROLE_FAIL : strcmp(c->is, "holds") == 0 ? ROLE_OK : ROLE_DIM;
		snprintf(label, sizeof label, "%2d %s", c->number, c->is);
		add(l, role, label, "%s",
			c->text[0]  ? c->text
				: known ? predicate_name((enum predicate)(c->number - 1))
						: "?");
	}
}

static void add_notes(struct journal_lines *l, const struct page_detail *d, int64_t now_ms)
{
	if (d->note_count)
		add(l, ROLE_TITLE, "", "NOTES");
	for (size_t i = 0; i < d->note_count; i++) {
		const char *text = strstr(d->notes[i].text, ": ");
		char when[24];
		unit_when(when, sizeof when, d->notes[i].at_ms, now_ms);
		add(l, ROLE_REMOTE, when, "%s: %s", d->notes[i].actor, text ? text + 2 : "");
	}
}

static void add_record(
	struct journal_lines *l, const struct page_row *r, const struct page_detail *d)
{
	char seq[24];
	add(l, ROLE_TITLE, "", "RECORD");
	add(l, ROLE_TEXT, "id", "%s", r->id);
	if (r->seq == 0) {
		add(l, ROLE_FAIL, "row", "none: NOT RECORDED");
		return;
	}
	unit_count(seq, sizeof seq, r->seq);
	add(l, ROLE_TEXT, "row", "%s of the chain%s", seq, r->late ? ", written late" : "");
	if (!d)
		return;
	add(l, ROLE_TEXT, "hash", "%s", d->hash[0] ? d->hash : "-");
	add(l, ROLE_REMOTE, "signed by", "%s", d->signer[0] ? d->signer : "-");
}

void journal_whole(struct journal_lines *out, const struct page_row *r,
	const struct page_detail *d, int64_t now_wall_ms)
{
	*out = (struct journal_lines){0};
	add_intent(out, r, d, now_wall_ms);
	add_outcomes(out, r, d, now_wall_ms);
	if (d) {
		add_notes(out, d, now_wall_ms);
		add_checks(out, d);
		add_facts(out, d);
	}
	add_record(out, r, d);
}
