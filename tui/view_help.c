/* The help overlay: what acts, by key or typed, in the order of what is needed at night; then the
 * keys that look; then the words of the screens. */
#include "tui/keymap.h"
#include "tui/view.h"

static const enum verb order[] = {VERB_ROLLBACK, VERB_HOLD, VERB_STEP, VERB_RESUME, VERB_KEEP,
	VERB_GUARD, VERB_TAKE, VERB_DRAIN, VERB_ANNOTATE, VERB_ADOPT, VERB_CLOSE, VERB_OPERATIONS,
	VERB_ARM, VERB_DISARM};
_Static_assert(sizeof order / sizeof *order == VERB_COUNT, "every verb has its place");

static const char *const words[] = {
	"",
	"In a sheet: y accepts, Esc cancels, m writes a reason, ? the 14 checks,",
	"o another share, g down in steps, H hold instead; Tab moves, Enter presses.",
	"After `:` any word above and what it takes: step 25%, step next, keep,",
	"guard hold 2h, guard act, operations -train +predict, arm 0%, close ID,",
	"strategy NAME; in a replay seek +60s, -10m or 50%, pause, faster, slower.",
	"",
	"asked: what was decided. pool says: what it reports. seen: in its traffic.",
	"LIVE to 2 polls, LATE to 3 s, STALE to 60 s, LOST after; old is drawn dim.",
	"guard: who rolls back by itself: the pool, a recorder, this console, or NONE.",
	"lease: who may raise. leave: what happens if this console ends.",
	"RED: v2 alone breaks a limit, or is proven worse than v1; it latches until U.",
	"look: v2 looks worse than v1, not proven yet. BOTH: v1 breaks the limit too.",
	"v2 / v1: HARM is proven worse; SAFE is proven no worse than the margin;",
	"UNDECIDED neither yet, NO DATA no v2 traffic, UNTRUSTWORTHY no test holds.",
	"0.9x (0.5 to 1.4): likeliest, and all that is not ruled out, of v1's errors.",
	"harm so far: v2's bad ones beyond v1's rate since the judge began.",
	"PARTIAL: some nodes took the step, S sends it to the rest.",
	"went back: nobody kept the raise; S steps anew, U only ends the hold.",
	"A rollback is VERIFIED when v2's requests stood still after it.",
	"![id] behind a name: it has letters that only look like ours.",
};

struct pen {
	struct surface *s;
	struct rect body;
	int y;
};

static void verb_line(struct pen *p, const struct view *v, enum verb verb)
{
	const struct verb_row *row = verb_row(verb);
	const char key[2] = {row->key, 0};
	enum role role = v->looking ? ROLE_KEY_OFF : ROLE_KEY;
	surface_text(p->s, p->body, 3, p->y, role, key);
	if (!row->key)
		surface_text(p->s, p->body, 11, p->y, role, ":");
	surface_textf(p->s, p->body, 12, p->y, ROLE_TEXT, "%-10s %s", row->word, row->help);
}

static void key_line(struct pen *p, const struct keymap_row *k)
{
	surface_text(p->s, p->body, 3, p->y, ROLE_KEY, k->label);
	surface_text(p->s, p->body, 12, p->y, ROLE_TEXT, k->help);
}

/* Moves on one row; true when it can be seen. */
static bool next(struct pen *p)
{
	p->y++;
	return p->y >= p->body.y && p->y < p->body.y + p->body.h;
}

void view_help(struct surface *s, const struct view *v, int scroll)
{
	int top = s->h > 8 ? 2 : 0;
	struct rect r = {0, top, s->w, s->h - top};
	surface_fill(s, r, ROLE_SHEET, ' ');
	surface_fill(s, (struct rect){0, top, s->w, 1}, ROLE_SHEET_TITLE, ' ');
	surface_text(s, r, 1, top, ROLE_SHEET_TITLE,
		"HELP: upper case acts, lower case looks; Esc closes, arrows scroll");
	struct pen p = {s, {0, top + 1, s->w, s->h - top - 1}, top - scroll};
	for (size_t i = 0; i < VERB_COUNT && !v->replay; i++)
		if (next(&p))
			verb_line(&p, v, order[i]);
	for (size_t i = 0; i < keymap_row_count; i++) {
		const struct keymap_row *k = &keymap_rows[i];
		if ((k->when == 'b' || (k->when == 'r') == v->replay) && next(&p))
			key_line(&p, k);
	}
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (next(&p))
			surface_text(s, p.body, 3, p.y, ROLE_DIM, words[i]);
}
