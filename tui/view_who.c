/* Row 3: who rolls back, who may step, what happens if this console ends. It fits at every
 * width: what tells least leaves first, and what happens if all leave never does. */
#include "model/text.h"
#include "tui/judge_words.h"
#include "tui/view.h"

#include <assert.h>
#include <string.h>

#define PARTS 8 /* guard, lease, who may step and until when, what if, and gaps */

struct part {
	enum role role;
	char text[POOL_ACTOR_MAX + 24];
};

/* How much is written; the first that fits is drawn. */
static const struct form {
	const char *gap;
	bool guard, guard_long;
	bool lease, lease_host, lease_left;
	const char *lead;
} forms[] = {
	{"    ", true, true, true, true, true, "if you leave: "},
	{"  ", true, true, true, true, true, "if you leave: "},
	{"    ", true, true, true, true, false, "if you leave: "},
	{"  ", true, true, true, true, false, "if you leave: "},
	{"  ", true, true, true, true, false, "leave: "},
	{"  ", true, false, true, true, true, "if you leave: "},
	{"  ", true, false, true, true, true, "leave: "},
	{"  ", true, false, true, true, false, "leave: "},
	{"  ", true, false, true, false, false, "leave: "},
	{"  ", true, false, false, false, false, "leave: "},
	{"  ", true, false, false, false, false, ""},
	{"", false, false, false, false, false, "leave: "},
};

static enum role guard_role(const struct standing *st)
{
	const char *does = strchr(st->guard_text, ',');
	bool exposed = st->reported_bp != 0 && st->reported_bp != st->baseline_bp;
	if (!exposed)
		return ROLE_TEXT;
	if (st->owner == OWNER_CONSOLE)
		return ROLE_FAIL;
	return does && strncmp(does, ", rolls back", 12) == 0 ? ROLE_TEXT : ROLE_WARN;
}

/* Whose it is without the rest; what is out of the ordinary stays. */
static void shorten_guard(char *text)
{
	static const char *const rests[] = {
		", rolls", ", limits", ", nobody", ": you", " for ", " is set", " by itself", " while",
		" without"};
	for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
		char *rest = strstr(text, rests[i]);
		if (rest)
			*rest = 0;
	}
}

static void add(struct part *parts, size_t *n, enum role role, const char *text)
{
	assert(*n < PARTS);
	parts[*n].role = role;
	text_copy(parts[(*n)++].text, sizeof parts->text, text);
}

static void add_lease(
	struct part *parts, size_t *n, const struct form *form, const struct lease *l, bool mine)
{
	char left[24];
	add(parts, n, ROLE_DIM, "lease: ");
	if (mine || !l->holder[0]) {
		add(parts, n, ROLE_TEXT, mine ? "you" : "free");
		return;
	}
	add(parts, n, ROLE_REMOTE, l->holder);
	if (!form->lease_host)
		parts[*n - 1].text[strcspn(l->holder, "@")] = 0;
	if (!form->lease_left)
		return;
	left[0] = ' ';
	unit_countdown(left + 1, sizeof left - 1, l->ttl_ms);
	add(parts, n, ROLE_WARN, left);
}

static size_t write_parts(
	struct part parts[PARTS], const struct form *form, const struct view *v, const char *leave)
{
	const struct standing *st = &v->pool->standing;
	size_t n = 0;
	if (form->guard) {
		add(parts, &n, guard_role(st), st->guard_text);
		if (!form->guard_long)
			shorten_guard(parts[0].text);
		add(parts, &n, ROLE_DIM, form->gap);
	}
	if (form->lease && st->lease.known) {
		add_lease(parts, &n, form, &st->lease, st->lease_mine);
		add(parts, &n, ROLE_DIM, form->gap);
	}
	if (!v->looking)
		add(parts, &n, ROLE_DIM, form->lead);
	bool alone = strncmp(leave, "NOBODY", 6) == 0;
	add(parts, &n, alone ? ROLE_FAIL : ROLE_TEXT, leave);
	return n;
}

static int width_of(const struct part *parts, size_t n)
{
	int w = 1;
	for (size_t i = 0; i < n; i++)
		w += text_width(parts[i].text);
	return w;
}

struct rect view_harm_brief(struct surface *s, struct rect r, const struct view *v)
{
	struct judge_words w;
	if (v->pool->standing.reported_bp == 0 || r.w < 40)
		return r;
	judge_words_harm(&w, v->pool, JUDGE_LEAST);
	if (r.w < 80)
		w.text[strcspn(w.text, " ")] = 0;
	int columns = text_width(w.text) + 9;
	int x = surface_text(s, r, r.x + r.w - columns + 2, r.y, ROLE_DIM, "harm ");
	surface_text(s, r, x, r.y, view_role(v->pool, w.role), w.text);
	r.w -= columns;
	return r;
}

void view_who(struct surface *s, struct rect r, const struct view *v)
{
	struct part parts[PARTS];
	if (!v->harm_told)
		r = view_harm_brief(s, r, v);
	if (v->replay) {
		int at = surface_text(s, r, r.x + 1, r.y, ROLE_DIM, "replay: ");
		at = surface_text(s, r, at, r.y, ROLE_TEXT, v->place);
		static const char none[] = "no command leaves it";
		if (at + 4 + text_width(none) <= r.x + r.w)
			surface_text(s, r, at + 4, r.y, ROLE_DIM, none);
		return;
	}
	const char *leave = v->looking ? "looking only" : v->pool->standing.leave_text;
	size_t n = 0;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if ((n = write_parts(parts, &forms[i], v, leave)) && width_of(parts, n) <= r.w)
			break;
	int x = r.x + 1;
	for (size_t i = 0; i < n; i++)
		x = surface_text(s, r, x, r.y, parts[i].role, parts[i].text);
}
