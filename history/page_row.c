/* Page row: the words of fates, and the filter. A row knows nothing of the file that it came
 * from. */
#include "history/page_row.h"

#include "model/forced.h"
#include "model/text.h"

#include <ctype.h>
#include <string.h>

#define OPEN_MS 10000 /* what is open for longer, and nobody tells of, is unresolved */

/* ---- what became of a row ---- */

const char *page_fate_word(enum page_fate f)
{
	static const char *const words[] = {
#define X(name, word) [PAGE_##name] = word,
		PAGE_FATE_INFO(X)
#undef X
	};

	return words[f];
}

/* As decision_awaits_verification has it: what else is acknowledged may well be watched by nobody. */
static enum page_fate applied_fate(const struct page_row *r)
{
	if (r->verified_ms != UNKNOWN)
		return PAGE_VERIFIED;
	if (r->closed_ms != UNKNOWN)
		return PAGE_CLOSED;
	return verb_of(r->what) == VERB_ROLLBACK && !r->observed ? PAGE_UNVERIFIED : PAGE_APPLIED;
}

enum page_fate page_fate(const struct page_row *r, int64_t now_wall_ms)
{
	static const enum page_fate fates[OUTCOME_COUNT] = {
		[OUTCOME_UNRESOLVED] = PAGE_UNRESOLVED,
		[OUTCOME_REFUSED] = PAGE_REFUSED,
		[OUTCOME_SUPERSEDED] = PAGE_SUPERSEDED,
		[OUTCOME_NOT_SENT] = PAGE_NOT_SENT,
		[OUTCOME_VOID] = PAGE_VOID,
		[OUTCOME_CLOSED] = PAGE_CLOSED,
	};

	if (r->is_event)
		return PAGE_NONE;
	if (!r->is_sent && (r->outcome == OUTCOME_PENDING || r->outcome == OUTCOME_APPLIED))
		return PAGE_NONE;
	if (r->outcome == OUTCOME_PENDING)
		return now_wall_ms - r->at_ms < OPEN_MS ? PAGE_UNDER_WAY : PAGE_UNRESOLVED;
	return r->outcome == OUTCOME_APPLIED ? applied_fate(r) : fates[r->outcome];
}

void page_row_of(struct page_row *out, const struct decision *d)
{
	*out = (struct page_row){.at_ms = d->at_ms,
		.observed = d->observed,
		.late = d->late,
		.is_sent = verb_is_sent(d->verb),
		.forced = forced_of(d) != 0,
		.from_bp = d->from_bp,
		.to_bp = d->to_bp,
		.outcome = d->outcome,
		.outcome_ms = d->outcome_ms,
		.verified_ms = d->verified_ms,
		.closed_ms = d->closed_ms > 0 ? d->closed_ms : UNKNOWN};
	text_copy(out->id, sizeof out->id, d->id);
	text_copy(out->what, sizeof out->what, verb_row(d->verb)->word);
	text_copy(out->pool, sizeof out->pool, d->pool);
	text_copy(out->actor, sizeof out->actor, d->actor);
	text_copy(out->role, sizeof out->role, d->role);
	text_copy(out->text, sizeof out->text, d->reason);
	text_copy(out->answer, sizeof out->answer, d->answer);
}

/* ---- what is asked for ---- */

static bool begins(const char *word, const char *with)
{
	for (; *with != '\0'; word++, with++) {
		const char wanted = *with == '_' || *with == '-' ? ' ' : *with;
		const char there = *word == '_' || *word == '-' ? ' ' : *word;

		if (tolower((unsigned char)there) != tolower((unsigned char)wanted))
			return false;
	}
	return true;
}

static bool holds(const char *text, const char *part)
{
	for (; *text != '\0'; text++)
		if (begins(text, part))
			return true;
	return *part == '\0';
}

static bool is_by(const char *actor, const char *wanted)
{
	const size_t name = strcspn(actor, "@");

	return strcmp(actor, wanted) == 0 ||
		(strlen(wanted) == name && strncmp(actor, wanted, name) == 0);
}

static bool has_fate(const struct page_row *r, const struct page_filter *f)
{
	const char *word = page_fate_word(page_fate(r, f->now_ms));

	return (*word != '\0' && begins(word, f->fate)) ||
		(r->seq == 0 && begins("NOT RECORDED", f->fate));
}

bool page_matches(const struct page_filter *f, const struct page_row *r)
{
	if (!begins(r->pool, f->named) ||
		(f->pool[0] != '\0' && r->pool[0] != '\0' && strcmp(f->pool, r->pool) != 0) ||
		(f->since_ms != 0 && r->at_ms < f->since_ms) ||
		(f->until_ms != 0 && r->at_ms >= f->until_ms))
		return false;
	if ((f->actor[0] != '\0' && !is_by(r->actor, f->actor)) || !begins(r->what, f->what) ||
		(f->fate[0] != '\0' && !has_fate(r, f)))
		return false;
	return holds(r->text, f->text) || holds(r->actor, f->text) || holds(r->what, f->text) ||
		holds(r->pool, f->text) || holds(r->answer, f->text) || holds(r->about, f->text) ||
		begins(r->id, f->text);
}
