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

static enum verb verb(const struct sheet *s)
{
	return s->kind == SHEET_RESUME ? VERB_RESUME : VERB_STEP;
}

static bool is_gated(const struct sheet *s)
{
	return s->kind == SHEET_STEP || s->kind == SHEET_RESUME;
}

void sheet_open(struct sheet *s, enum sheet_kind kind, int pool, const struct model *m,
	int to_bp, struct instant now)
{
	const struct standing *st = &m->pools[pool].standing;
	memset(s, 0, sizeof *s);
	s->kind = kind;
	s->pool = pool;
	s->from_bp = st->reported_bp;
	s->to_bp = kind == SHEET_STEP ? to_bp : st->baseline_bp;
	s->epoch = st->epoch;
	s->rev = st->rev;
	s->opened_ms = s->key_ms = now.boot_ms;
	sheet_refresh(s, m, now);
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
		return;
	}
}

void sheet_refresh(struct sheet *s, const struct model *m, struct instant now)
{
	if (s->kind == SHEET_NONE || s->stale)
		return;
	const struct pool *p = &m->pools[s->pool];
	const struct standing *st = &p->standing;
	if (is_gated(s)) {
		struct interlock_facts f;
		pool_facts(m, p, verb(s), s->to_bp, s->epoch, s->rev, &f);
		interlock_evaluate(&s->interlock, &f);
	}
	bool moved = st->epoch != s->epoch || st->rev != s->rev || st->reported_bp != s->from_bp;
	/* A rollback is true whatever the share was; the rest shows a change from one to another.
	 */
	if (s->kind == SHEET_STEP && moved)
		turn_stale(s, p, now);
	if (s->kind == SHEET_ROLLBACK) {
		s->from_bp = st->reported_bp;
		s->to_bp = st->baseline_bp;
	}
}

bool sheet_may_accept(const struct sheet *s, struct instant now)
{
	if (s->stale || (is_gated(s) && !s->interlock.allowed))
		return false;
	return now.boot_ms - s->opened_ms >= kinds[s->kind].stand_ms &&
		now.boot_ms - s->key_ms >= QUIET_MS;
}

static void end_typing(struct sheet *s, const struct model *m, struct instant now)
{
	enum sheet_typing what = s->typing;
	s->typing = TYPING_NONE;
	s->complaint[0] = 0;
	if (what == TYPING_REASON) {
		edit_set(&s->reason, s->edit.text);
		return;
	}
	int to_bp;
	if (!unit_parse_share(s->edit.text, &to_bp)) {
		snprintf(
			s->complaint, sizeof s->complaint, "'%.24s' is no share; write 25%%", s->edit.text);
		return;
	}
	s->to_bp = to_bp;
	s->opened_ms = now.boot_ms;
	sheet_refresh(s, m, now);
}

static enum sheet_answer typing_key(
	struct sheet *s, uint32_t key, const struct model *m, struct instant now)
{
	if (key == KEYS_ESC)
		s->typing = TYPING_NONE;
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
	(void)s;
	return may ? SHEET_ACCEPTED : SHEET_STAYS;
}

enum sheet_answer sheet_key(
	struct sheet *s, uint32_t key, const struct model *m, struct instant now)
{
	sheet_refresh(s, m, now);
	bool may = sheet_may_accept(s, now);
	s->key_ms = now.boot_ms;
	if (s->typing != TYPING_NONE)
		return typing_key(s, key, m, now);
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
	case 'o':
		return s->kind == SHEET_STEP ? begin_typing(s, TYPING_SHARE) : SHEET_CLOSED;
	case '?':
		if (!is_gated(s))
			return SHEET_CLOSED;
		s->checks = !s->checks;
		return SHEET_STAYS;
	case 'H':
		return s->kind == SHEET_ROLLBACK ? SHEET_HOLD : SHEET_CLOSED;
	default:
		return SHEET_CLOSED;
	}
}
