/* The rows that every screen shares: state, headline, who acts, message, keys. */
#include "model/forced.h"
#include "tui/keymap.h"
#include "tui/reach.h"

#include <stdio.h>
#include <string.h>

enum role view_role(const struct pool *p, enum role live)
{
	return p->is_past || p->standing.freshness >= FRESHNESS_LATE ? ROLE_STALE : live;
}

enum role view_age(const struct pool *p, char *out, size_t size)
{
	const struct standing *st = &p->standing;
	char age[24] = "";
	if (p->is_past) {
		unit_clock(age, sizeof age, p->past_ms);
		snprintf(out, size, "@%s", age);
		return ROLE_STALE;
	}
	if (st->age_ms != UNKNOWN)
		unit_age(age, sizeof age, st->age_ms);
	snprintf(out, size, "%s %s", freshness_name(st->freshness), age);
	return st->freshness == FRESHNESS_LIVE ? ROLE_OK
		: st->freshness == FRESHNESS_LATE  ? ROLE_WARN
										   : ROLE_FAIL;
}

enum role view_guard_role(enum guard_state g)
{
	static const enum role roles[GUARD_COUNT] = {
		[GUARD_NONE] = ROLE_DIM,
		[GUARD_GREEN] = ROLE_OK,
		[GUARD_UNKNOWN] = ROLE_WARN,
		[GUARD_AMBER] = ROLE_WARN,
		[GUARD_RED] = ROLE_FAIL,
	};
	return roles[g];
}

static enum role level_role(enum level l)
{
	return l == LEVEL_ACT ? ROLE_FAIL : l == LEVEL_LOOK ? ROLE_WARN : ROLE_STRONG;
}

static enum role state_role(enum state s)
{
	switch (s) {
	case STATE_UNRESOLVED:
	case STATE_DIVERGED:
	case STATE_HELD:
		return ROLE_WARN;
	case STATE_ROLLING_BACK:
	case STATE_RB_UNVERIFIED:
		return ROLE_FAIL;
	case STATE_READY:
	case STATE_COMPLETE:
		return ROLE_OK;
	default:
		return ROLE_TITLE;
	}
}

/* Environments in which nothing real moves are marked in reverse. */
static bool is_marked(const struct view *v)
{
	return v->mark_only || strcmp(v->pool->env, "DEMO") == 0 ||
		strcmp(v->pool->env, "REHEARSAL") == 0;
}

static bool is_ascii(const char *s)
{
	while (*s > 0)
		s++;
	return !*s;
}

/* Letters of other scripts look like ours: beside such a name stands what cannot be imitated. */
static bool is_doubtful(const struct pool *p)
{
	bool plain = is_ascii(p->name);
	for (int k = 0; k < p->node_count; k++)
		plain &= !p->nodes[k].last || is_ascii(p->nodes[k].last->pool);
	return !plain;
}

int view_name(
	struct surface *s, struct rect r, int x, int y, enum role role, const struct pool *p)
{
	x = surface_text(s, r, x, y, role, p->name);
	return is_doubtful(p)
		? surface_textf(s, r, x + 1, y, ROLE_WARN, "![%.8s]", p->pool_id[0] ? p->pool_id : "?")
		: x;
}

/* The state with its object; who holds is a name from elsewhere. */
static void draw_state(struct surface *s, struct rect r, int x, const struct standing *st)
{
	const char *actor = st->state == STATE_HELD && st->hold.on && st->hold.actor[0]
		? strstr(st->state_text, " by ")
		: NULL;
	enum role role = state_role(st->state);
	if (!actor) {
		surface_text(s, r, x, r.y, role, st->state_text);
		return;
	}
	const char *age = strrchr(st->state_text, ' ');
	actor += 4;
	x = surface_textf(
		s, r, x, r.y, role, "%.*s", (int)(actor - st->state_text), st->state_text);
	x = surface_textf(s, r, x, r.y, ROLE_REMOTE, "%.*s", (int)(age - actor), actor);
	surface_text(s, r, x, r.y, role, age);
}

/* Where the chain of the history ends, to be noted down; there is room on a wide screen only.
 * Returns what is left of the row, which ends before `end`. */
static int draw_head(struct surface *s, struct rect r, int end, const struct view *v)
{
	const char *head = v->model->history_head;
	if (r.w < 100 || !head[0])
		return end;
	char text[16];
	snprintf(text, sizeof text, "#%.12s", head);
	surface_text_right(s, r, r.x + end - 1, r.y, ROLE_DIM, text);
	return end - text_width(text) - 2;
}

void view_header(struct surface *s, struct rect r, const struct view *v)
{
	const struct standing *st = &v->pool->standing;
	char right[120], age[40];
	enum role fresh = view_age(v->pool, age, sizeof age);
	bool narrow = r.w < 80;
	snprintf(right, sizeof right, "%s%s%s ", age, narrow ? " " : "  ", v->clock);
	int right_w = text_width(right);
	int x = r.x + 1;
	const char *mark = v->mark ? v->mark : v->pool->env;
	if (mark[0])
		x = surface_text(s, r, x, r.y, is_marked(v) ? ROLE_MARK : ROLE_TITLE, mark) + 1;
	if (forced_find(v->pool, NULL, 0) > 0)
		x = surface_text(s, r, x, r.y, ROLE_MARK, r.w < 60 ? "FORCED" : "BREAK-GLASS") + 1;
	if (v->pool_count > 1)
		x = surface_textf(s, r, x, r.y, ROLE_DIM, "%d/%d", v->pool_index + 1, v->pool_count) +
			1;
	struct rect left = r;
	left.w = r.w - right_w > 20 ? draw_head(s, r, r.w - right_w - 1, v) : r.w;
	x = view_name(s, left, x, r.y, ROLE_REMOTE, v->pool);
	if (!narrow && x + 10 + text_width(st->state_text) <= left.x + left.w)
		x = surface_text(s, left, x + 2, r.y, ROLE_DIM, "v1>v2") + 2;
	else if (!narrow)
		x++;
	draw_state(s, left, x + 1, st);
	if (left.w < r.w)
		surface_text_right(s, r, r.x + r.w, r.y, fresh, right);
}

/* The last sentence, what can be done; NULL where there is one alone, where it is quoted or itself
 * cut. */
static const char *last_sentence(const char *text)
{
	const char *last = NULL;
	for (const char *at = strstr(text, ". "); at; at = strstr(at + 1, ". "))
		last = at + 2;
	return last && !strstr(last, "\u2026") && !strchr(last, '"') ? last : NULL;
}

#define LEAD_LEAST 12 /* columns of what comes before it, or nobody knows what it is about */

void view_sentences(
	struct surface *s, struct rect r, int x, int y, enum role role, const char *text)
{
	const char *last = last_sentence(text);
	int end = r.x + r.w, at = end - (last ? text_width(last) : 0);
	if (!last || x + text_width(text) <= end || at - 1 - x < LEAD_LEAST) {
		surface_text(s, r, x, y, role, text);
		return;
	}
	surface_text(s, (struct rect){r.x, y, at - 1 - r.x, 1}, x, y, role, text);
	surface_text(s, r, at - 1, y, role, " ");
	surface_text(s, r, at, y, role, last);
}

void view_headline(struct surface *s, struct rect r, const struct view *v)
{
	const struct headline *h = &v->pool->standing.headline;
	view_sentences(s, r, r.x + 1, r.y, level_role(h->level), h->text);
}

void view_message(struct surface *s, struct rect r, const struct view *v)
{
	const struct standing *st = &v->pool->standing;
	if (v->message[0]) {
		surface_text(s, r, r.x + 1, r.y, v->message_role, v->message);
		return;
	}
	if (v->unrecorded > 0) {
		surface_textf(s, r, r.x + 1, r.y, ROLE_FAIL,
			"NOT RECORDED: %d act%s of this console, the history could not be written",
			v->unrecorded, v->unrecorded > 1 ? "s" : "");
		return;
	}
	bool lost = v->pool->has_plan && st->reported_bp < 0; /* no share to go on from */
	char why[REACH_WHY_MAX];
	if (v->looking || reach_key(v, VERB_STEP, why))
		return;
	if (st->next_bp >= 0 || lost)
		interlock_summary(why, sizeof why, &st->next);
	if (!*why)
		return;
	int x = surface_text(s, r, r.x + 1, r.y, ROLE_DIM, "S locked: ");
	surface_text(s, r, x, r.y, ROLE_TEXT, why);
}

bool view_may_resume(const struct pool *p)
{
	return p->standing.hold.on || p->latch.red || p->standing.went_back;
}

/* In the order of what is needed first at night. */
static const enum verb hinted[] = {
	VERB_HOLD, VERB_ROLLBACK, VERB_DRAIN, VERB_STEP, VERB_RESUME, VERB_ANNOTATE};

static const char *hint_word(enum verb v, enum act next)
{
	if (v == VERB_STEP && next != ACT_RAISE)
		return next == ACT_COMPLETE ? "complete" : "put back";
	return v == VERB_ROLLBACK ? "roll back" : v == VERB_ANNOTATE ? "note" : verb_row(v)->word;
}

/* In what order hints give way where the row is short. */
enum yield { YIELD_WHOLE, YIELD_WORD, YIELD_TAIL, YIELD_LATE, YIELD_LAST, YIELD_NEVER };

struct hint {
	char key[8];
	const char *word, *tail;
	bool on, gone;
	enum yield yield; /* a looking key; what acts loses its tail alone */
};

#define HINTS_MAX 16

static size_t collect_hints(const struct view *v, struct hint out[HINTS_MAX])
{
	static const struct {
		const char *key, *word;
		bool replay;
		unsigned screens; /* bits */
		enum yield yield;
	} looks[] = {{"Space", "pause", true, SCREEN_ON_ALL, YIELD_LATE},
		{"{ }", "speed", true, SCREEN_ON_ALL, YIELD_LATE},
		{"[ ]", "decision", true, SCREEN_ON_ALL, YIELD_LATE},
		{"< >", "minute", true, SCREEN_ON_ALL, YIELD_LATE},
		{"( )", "verdict", true, SCREEN_ON_ALL, YIELD_WHOLE},
		{"j k", "line", false, KEYMAP_LISTS, YIELD_WHOLE},
		{"Enter", "open", false, SCREEN_ON(FLEET) | SCREEN_ON(JOURNAL), YIELD_LATE},
		{"Enter", "look", false, SCREEN_ON(PLAN), YIELD_LATE},
		{"Space", "mark", false, SCREEN_ON(FLEET), YIELD_LATE},
		{"/", "find", false, KEYMAP_NARROW, YIELD_LATE},
		{"Tab", "pools", false, SCREEN_ON(JOURNAL), YIELD_WHOLE},
		{"< >", "sort", false, SCREEN_ON(FLEET), YIELD_WHOLE},
		{"1", "flow", false, SCREEN_ON_ALL & ~SCREEN_ON(FLOW), YIELD_WHOLE},
		{":", "command", false, SCREEN_ON_ALL, YIELD_WORD},
		{"?", "help", false, SCREEN_ON_ALL, YIELD_LAST},
		{"q", "quit", false, SCREEN_ON_ALL, YIELD_LAST}};
	size_t n = 0;
	char why[REACH_WHY_MAX];
	bool is_open = v->screen == SCREEN_JOURNAL && v->journal && v->journal->open;
	for (size_t i = 0; i < sizeof hinted / sizeof *hinted && !v->looking; i++) {
		bool on = reach_key(v, hinted[i], why);
		if (!on && (hinted[i] == VERB_RESUME || hinted[i] == VERB_HOLD))
			continue;
		if (hinted[i] == VERB_DRAIN && v->screen != SCREEN_WORKERS)
			continue;
		out[n++] = (struct hint){.key = {verb_row(hinted[i])->key},
			.word = hint_word(hinted[i], v->pool->standing.act),
			.tail = on ? "" : " (locked)",
			.on = on,
			.yield = YIELD_NEVER};
	}
	for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
		if ((looks[i].replay && !v->replay) || !(looks[i].screens >> v->screen & 1))
			continue;
		if (is_open && strcmp(looks[i].key, "Enter") == 0) {
			out[n++] = (struct hint){
				.key = "Esc", .word = "back", .tail = "", .on = true, .yield = YIELD_LATE};
			continue;
		}
		out[n] = (struct hint){
			.word = looks[i].word, .tail = "", .on = true, .yield = looks[i].yield};
		text_copy(out[n++].key, sizeof out[0].key, looks[i].key);
	}
	return n;
}

static int hints_width(const struct hint *h, size_t n)
{
	int w = 1;
	for (size_t i = 0; i < n; i++)
		if (!h[i].gone)
			w += text_width(h[i].key) + 1 + text_width(h[i].word) + text_width(h[i].tail) + 1 +
				(*h[i].word != 0);
	return w - 2;
}

/* Makes a hint shorter that gives way now. */
static void shorten(struct hint *h, enum yield now)
{
	if (now == YIELD_TAIL)
		h->tail = "";
	else if (h->yield != now)
		return;
	else if (now == YIELD_WHOLE)
		h->gone = true;
	else
		h->word = "";
}

void view_hints(struct surface *s, struct rect r, const struct view *v)
{
	struct hint hints[HINTS_MAX];
	size_t n = collect_hints(v, hints);
	for (int now = YIELD_WHOLE; now < YIELD_NEVER; now++)
		for (size_t i = 0; i < n && hints_width(hints, n) > r.w; i++)
			shorten(&hints[i], (enum yield)now);
	/* Help and the way out are there even where not all others are. */
	for (size_t i = 0; i < n && hints_width(hints, n) > r.w; i++)
		hints[i].gone |= hints[i].yield < YIELD_LAST;
	int x = r.x + 1;
	for (size_t i = 0; i < n; i++) {
		const struct hint *h = &hints[i];
		if (h->gone)
			continue;
		x = surface_text(s, r, x, r.y, h->on ? ROLE_KEY : ROLE_KEY_OFF, h->key) + 1;
		x = surface_textf(
			s, r, x, r.y, h->on ? ROLE_TEXT : ROLE_KEY_OFF, "%s%s", h->word, h->tail);
		x += *h->word ? 2 : 1;
	}
}
