/* Dialogs as state. `y` counts once the sheet has stood and no key came just before it, so that
 * text typed for another window accepts nothing. */
#include "tui/sheet.h"

#include "model/text.h"
#include "tui/term.h"

#include <stdio.h>
#include <string.h>

#define QUIET_MS 300

static const struct {
	const char *word;
	int64_t stand_ms;
} kinds[SHEET_COUNT] = {
#define X(name, word, stand_ms) {word, stand_ms},
	SHEET_INFO(X)
#undef X
};

const char *sheet_word(enum sheet_kind k)
{
	return kinds[k].word;
}

static bool is_gated(const struct sheet *s)
{
	return s->kind == SHEET_STEP || s->kind == SHEET_RESUME || s->kind == SHEET_ACT;
}

bool sheet_is_grave(const struct sheet *s)
{
	return (s->kind == SHEET_ACT && verb_row(s->request.verb)->class == VERB_GRAVE) ||
		s->request.forced;
}

bool sheet_may_force(const struct sheet *s)
{
	return is_gated(s) && !s->stale && !s->looks && interlock_is_forcible(&s->interlock);
}

/* Grave acts are explained, a rollback is never slowed down, and the rest is as the policy has
 * it. */
static bool asks_reason(const struct sheet *s, const struct policy *policy)
{
	return sheet_is_grave(s) || s->request.verb == VERB_CLOSE ||
		(is_gated(s) && policy->reason);
}

static void open(struct sheet *s, enum sheet_kind kind, const struct act_request *what,
	const struct model *m, struct instant now)
{
	const struct standing *st = &m->pools[what->pool].standing;
	struct act_request request = *what;
	memset(s, 0, sizeof *s);
	s->kind = kind;
	s->request = request;
	s->pool = what->pool;
	s->from_bp = st->reported_bp;
	s->to_bp = what->to_bp;
	s->epoch = st->epoch;
	s->rev = st->rev;
	s->opened_ms = s->key_ms = now.boot_ms;
	edit_set(&s->reason, what->reason);
	sheet_refresh(s, m, now);
}

void sheet_open(struct sheet *s, enum sheet_kind kind, int pool, const struct model *m,
	int to_bp, struct instant now)
{
	static const enum verb verbs[SHEET_COUNT] = {[SHEET_STEP] = VERB_STEP,
		[SHEET_ROLLBACK] = VERB_ROLLBACK,
		[SHEET_RESUME] = VERB_RESUME,
		[SHEET_SEVERAL] = VERB_ROLLBACK,
		[SHEET_LEAVE] = VERB_COUNT};
	const struct act_request what = {.verb = verbs[kind],
		.pool = pool,
		.to_bp = kind == SHEET_STEP ? to_bp : m->pools[pool].standing.baseline_bp};
	open(s, kind, &what, m, now);
}

void sheet_open_act(
	struct sheet *s, const struct act_request *what, const struct model *m, struct instant now)
{
	enum sheet_kind kind = what->verb == VERB_STEP ? SHEET_STEP
		: what->verb == VERB_ROLLBACK              ? SHEET_ROLLBACK
												   : SHEET_ACT;
	open(s, kind, what, m, now);
}

void sheet_open_several(
	struct sheet *s, int first, int count, const struct model *m, struct instant now)
{
	sheet_open(s, SHEET_SEVERAL, first, m, -1, now);
	s->several = count;
}

void sheet_close(struct sheet *s)
{
	memset(s, 0, sizeof *s);
}

/* Who moved it, by the pool's own word: it comes with the very document that shows the move. */
static void turn_stale(struct sheet *s, const struct pool *p, struct instant now)
{
	s->stale = true;
	s->typing = TYPING_NONE;
	text_copy(s->stale_why, sizeof s->stale_why, "the pool has moved on");
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		bool moved =
			n->last && !n->foreign && (n->last->epoch != s->epoch || n->last->rev != s->rev);
		if (!moved || !n->last->change.known || n->last->change.age_ms == UNKNOWN)
			continue;
		char from[16], to[16], age[16];
		unit_share(from, sizeof from, s->from_bp);
		unit_share(to, sizeof to, n->last->share_bp);
		unit_age(age, sizeof age, n->last->change.age_ms + now.boot_ms - n->last_at.boot_ms);
		snprintf(s->stale_why, sizeof s->stale_why, "%.40s moved it %.*s > %s %s ago",
			n->last->change.actor, (int)strcspn(from, " "), from, to, age);
		text_mend(s->stale_why);
		return;
	}
}

void sheet_refresh(struct sheet *s, const struct model *m, struct instant now)
{
	if (s->kind == SHEET_NONE || s->stale)
		return;
	const struct pool *p = &m->pools[s->pool];
	const struct standing *st = &p->standing;
	s->request.to_bp = s->to_bp;
	s->request.shown_epoch = s->epoch;
	s->request.shown_rev = s->rev;
	if (is_gated(s)) {
		struct interlock_facts f;
		const struct intent want = act_intent(&s->request);
		pool_facts(m, p, &want, &f);
		interlock_evaluate(&s->interlock, &f);
		/* What was forced clears by time: then it is an act like others. */
		if (s->request.forced && !s->interlock.forced && s->interlock.allowed)
			s->request.forced = 0;
	}
	s->reason_asked = asks_reason(s, &p->plan.policy);
	bool moved = st->epoch != s->epoch || st->rev != s->rev || st->reported_bp != s->from_bp;
	/* A rollback is true whatever the share was; the rest shows a change from one to another.
	 */
	if ((s->kind == SHEET_STEP || s->kind == SHEET_ACT) && moved)
		turn_stale(s, p, now);
	if (s->kind == SHEET_ROLLBACK) {
		s->from_bp = st->reported_bp;
		s->to_bp = st->baseline_bp;
	}
}

bool sheet_asks(const struct sheet *s)
{
	return is_gated(s) && s->interlock.failing == 1u << PREDICATE_APPROVAL;
}

/* What is shown may be done, and has been shown long enough. */
static bool stands(const struct sheet *s, struct instant now)
{
	if (s->stale || (is_gated(s) && !s->interlock.allowed && !sheet_asks(s)))
		return false;
	return now.boot_ms - s->opened_ms >= kinds[s->kind].stand_ms;
}

bool sheet_may_accept(const struct sheet *s, struct instant now)
{
	return stands(s, now) && now.boot_ms - s->key_ms >= QUIET_MS;
}

static void end_typing(struct sheet *s, const struct model *m, struct instant now)
{
	enum sheet_typing what = s->typing;
	s->typing = TYPING_NONE;
	s->complaint[0] = 0;
	if (what == TYPING_REASON) {
		edit_set(&s->reason, s->edit.text);
		text_copy(s->request.reason, sizeof s->request.reason, s->edit.text);
		return;
	}
	int to_bp;
	if (!unit_parse_share(s->edit.text, &to_bp)) {
		snprintf(
			s->complaint, sizeof s->complaint, "'%.24s' is no share; write 25%%", s->edit.text);
		text_mend(s->complaint);
		return;
	}
	s->to_bp = to_bp;
	s->request.has_strategy = false;
	s->request.forced = 0;
	s->opened_ms = now.boot_ms;
	sheet_refresh(s, m, now);
}

/* The name of what is touched, letter by letter, or how many they are: the hand has to know it
 * too. */
static enum sheet_answer end_name(struct sheet *s, const struct model *m, bool may)
{
	char count[16];
	bool several = s->typing == TYPING_COUNT;
	s->typing = TYPING_NONE;
	if (!may)
		return SHEET_STAYS;
	snprintf(count, sizeof count, "%d", s->several);
	if (strcmp(s->edit.text, several ? count : m->pools[s->pool].name) == 0)
		return SHEET_ACCEPTED;
	snprintf(s->complaint, sizeof s->complaint, "'%.24s' is not %s", s->edit.text,
		several ? "how many they are" : "its name");
	text_mend(s->complaint);
	return SHEET_STAYS;
}

static enum sheet_answer typing_key(
	struct sheet *s, uint32_t key, bool may, const struct model *m, struct instant now)
{
	if (key == KEYS_ESC)
		s->typing = TYPING_NONE;
	else if (key == KEYS_ENTER && (s->typing == TYPING_NAME || s->typing == TYPING_COUNT))
		return end_name(s, m, may);
	else if (key == KEYS_ENTER)
		end_typing(s, m, now);
	else
		edit_key(&s->edit, key);
	return SHEET_STAYS;
}

static enum sheet_answer begin_typing(struct sheet *s, enum sheet_typing what)
{
	s->typing = what;
	s->complaint[0] = 0;
	if (what == TYPING_REASON)
		s->edit = s->reason;
	else
		edit_clear(&s->edit);
	return SHEET_STAYS;
}

static enum sheet_answer accept(struct sheet *s, bool may)
{
	if (!may)
		return SHEET_STAYS;
	if (s->kind == SHEET_SEVERAL)
		return begin_typing(s, TYPING_COUNT);
	if (!s->reason_asked || s->reason.text[0])
		return sheet_is_grave(s) ? begin_typing(s, TYPING_NAME) : SHEET_ACCEPTED;
	text_copy(s->complaint, sizeof s->complaint, "m first: it asks for a reason");
	return SHEET_STAYS;
}

/* What fails now may; what fails later locks the sheet anew, and is forced by another `b`. */
static enum sheet_answer break_glass(struct sheet *s, const struct model *m, struct instant now)
{
	if (!sheet_may_force(s))
		return SHEET_CLOSED;
	s->request.forced |= s->interlock.failing & PREDICATES_FORCED;
	s->opened_ms = now.boot_ms;
	s->checks = false;
	sheet_refresh(s, m, now);
	return s->reason.text[0] ? SHEET_STAYS : begin_typing(s, TYPING_REASON);
}

/* Going back slowly is chosen as it is accepted, like the rollback itself. */
static enum sheet_answer accept_gradual(struct sheet *s, bool may)
{
	if (s->kind != SHEET_ROLLBACK)
		return SHEET_CLOSED;
	s->request.gradual = may;
	return accept(s, may);
}

enum sheet_answer sheet_key(
	struct sheet *s, uint32_t key, const struct model *m, struct instant now)
{
	sheet_refresh(s, m, now);
	bool may = sheet_may_accept(s, now);
	s->key_ms = now.boot_ms;
	if (s->typing != TYPING_NONE)
		return typing_key(s, key, stands(s, now), m, now);
	if (key == KEYS_ESC)
		return SHEET_CLOSED;
	if (s->stale)
		return SHEET_STAYS;
	switch (key) {
	case 'y':
		return accept(s, may);
	case KEYS_ENTER:
		return s->accept_chosen ? accept(s, may) : SHEET_CLOSED;
	case KEYS_TAB:
	case KEYS_BACKTAB:
	case KEYS_LEFT:
	case KEYS_RIGHT:
		s->accept_chosen = !s->accept_chosen;
		return SHEET_STAYS;
	case 'm':
		return s->kind == SHEET_LEAVE ? SHEET_CLOSED : begin_typing(s, TYPING_REASON);
	case 'g':
		return accept_gradual(s, may);
	case 'o':
		return s->kind == SHEET_STEP && !s->request.drilling ? begin_typing(s, TYPING_SHARE)
															 : SHEET_CLOSED;
	case 'b':
		return break_glass(s, m, now);
	case '?':
		if (!is_gated(s))
			return SHEET_CLOSED;
		s->checks = !s->checks;
		return SHEET_STAYS;
	case 'H':
		return s->kind == SHEET_ROLLBACK ? SHEET_HOLD : SHEET_CLOSED;
	case 'w':
		return s->kind != SHEET_LEAVE || !s->may_record ? SHEET_CLOSED
			: may                                      ? SHEET_RECORDER
													   : SHEET_STAYS;
	default:
		return SHEET_CLOSED;
	}
}
