/* The help overlay, derived from the tables: what acts by a key, in the order of what is needed at
 * night; the keys of this screen, those of every screen; what is typed after `:`; then the words of
 * the screens.
 *
 * 1. What cannot be used now is dim and says why, in the place of what it does.
 * 2. For one who only looks nothing that acts is there.
 * 3. It scrolls, so nothing is cut: what is too long for a row goes on below. */
#include "model/fit.h"
#include "model/text.h"
#include "tui/ask.h"
#include "tui/console_words.h"
#include "tui/keymap.h"
#include "tui/options.h"
#include "tui/reach.h"

#include <stdio.h>
#include <string.h>

static const enum verb order[] = {VERB_ROLLBACK, VERB_HOLD, VERB_STEP, VERB_RESUME, VERB_KEEP,
	VERB_GUARD, VERB_TAKE, VERB_DRAIN, VERB_ANNOTATE, VERB_ADOPT, VERB_CLOSE, VERB_OPERATIONS,
	VERB_ARM, VERB_DISARM, VERB_FINALIZE, VERB_ASK, VERB_APPROVE};
_Static_assert(sizeof order / sizeof *order == VERB_COUNT, "every verb has its place");

static const char *const sheet_words[] = {
	"In a sheet: y accepts, Esc cancels, m writes a reason, ? the 14 checks, "
	"o another share, g down in steps, H hold instead; Tab moves, Enter presses.",
};

static const char *const words[] = {
	"asked: what was decided. pool says: what it reports. seen: in its traffic.",
	"LIVE to 2 polls, LATE to 3 s, STALE to 60 s, LOST after; old is drawn dim.",
	"guard: who rolls back by itself: the pool, a recorder, this console, or NONE.",
	"lease: who may raise. leave: what happens if this console ends.",
	"RED: v2 alone breaks a limit, or is proven worse than v1; it latches until U.",
	"look: v2 looks worse than v1, not proven yet. BOTH: v1 breaks the limit too.",
	"v2 / v1: HARM is proven worse; SAFE is proven no worse than the margin; "
	"UNDECIDED neither yet, NO DATA no v2 traffic, UNTRUSTWORTHY no test holds.",
	"0.9x (0.5 to 1.4): likeliest, and all that is not ruled out, of v1's errors.",
	"harm so far: v2's bad ones beyond v1's rate since the judge began.",
	"PARTIAL: some nodes took the step, S sends it to the rest.",
	"went back: nobody kept the raise; S steps anew, U only ends the hold.",
	"A rollback is VERIFIED when v2's requests stood still after it.",
	"![id] behind a name: it has letters that only look like ours.",
	"(6, A): 6 shows the decisions, A there writes what is missing of the selected one.",
	"Workers: bsy/rdy/n: busy, ready, all; rs/cr: restarts, crashes.",
	"Guards: harm, safe: log10 of the evidence; phi: how much failures clump (1: not).",
};

#define COLUMN_MIN 96 /* columns that hold every line whole */

struct leaf {
	struct surface *s;
	struct rect body;
	const struct view *v;
	int y;
	int columns; /* that are left at the right of this one */
};

/* Moves on one row, at the end of a column to the next; true when it can be seen. */
static bool next(struct leaf *p)
{
	p->y++;
	if (p->y >= p->body.y + p->body.h && p->columns > 0) {
		p->columns--;
		p->body.x += p->body.w;
		p->y = p->body.y;
	}
	return p->y >= p->body.y && p->y < p->body.y + p->body.h;
}

#define WRAPS 16 /* columns that are enough to go on in */

/* From column x of this row; what has no room goes on below, `hang` columns further in: the page
 * scrolls, so that nothing has to be cut. */
static void flow(struct leaf *p, bool seen, int x, int hang, enum role role, const char *text)
{
	bool wraps = p->body.w - x - hang >= WRAPS;
	while (*text) {
		char row[256];
		size_t len = wraps ? fit_words(text, p->body.w - x) : strlen(text);
		snprintf(row, sizeof row, "%.*s", (int)len, text);
		if (seen)
			surface_text(p->s, p->body, p->body.x + x, p->y, role, row);
		text += len;
		x += hang;
		hang = 0;
		seen = *text && next(p);
	}
}

static void title(struct leaf *p, const char *text)
{
	next(p);
	flow(p, next(p), 1, 2, ROLE_STRONG, text);
}

/* A row: `name` and what it does, or why it cannot. */
static void line(
	struct leaf *p, const char *name, int column, int hang, const char *text, bool on)
{
	bool seen = next(p);
	int x = 3 + text_width(name) + 2;
	if (seen)
		surface_text(p->s, p->body, p->body.x + 3, p->y, on ? ROLE_KEY : ROLE_KEY_OFF, name);
	flow(p, seen, x < column ? column : x, hang, on ? ROLE_TEXT : ROLE_DIM, text);
}

static void verb_line(struct leaf *p, enum verb verb)
{
	const struct verb_row *row = verb_row(verb);
	char why[REACH_WHY_MAX], does[96], not [REACH_WHY_MAX + 24];
	const char key[2] = {row->key, 0};
	bool on = reach_key(p->v, verb, why);
	snprintf(does, sizeof does, "%-10s %s", row->word, row->help);
	snprintf(not, sizeof not, "%-10s not now: %s", row->word, why);
	line(p, key, 12, 11, on ? does : not, on);
}

static bool works(const struct view *v, const struct keymap_row *k)
{
	return (k->when == 'b' || (k->when == 'r') == v->replay) && k->screens >> v->screen & 1;
}

/* True where an earlier row has the key, as it has for one who presses it. */
static bool is_covered(const struct view *v, const struct keymap_row *k)
{
	for (const struct keymap_row *before = keymap_rows; before < k; before++)
		if (before->key == k->key && works(v, before))
			return true;
	return false;
}

/* Of some screens only: what one looks for in the help of this one. */
static bool is_special(const struct keymap_row *k)
{
	unsigned screens = 0;
	for (unsigned i = 0; i < SCREEN_COUNT; i++)
		screens += k->screens >> i & 1;
	return 2 * screens <= SCREEN_COUNT;
}

static bool has_special(const struct view *v)
{
	for (size_t i = 0; i < keymap_row_count; i++)
		if (is_special(&keymap_rows[i]) && works(v, &keymap_rows[i]))
			return true;
	return false;
}

static bool is_listed(const struct view *v, const struct keymap_row *k, bool special)
{
	return is_special(k) == special && works(v, k) && !is_covered(v, k);
}

/* "Left h": keys that do the same stand in one row. */
static void key_lines(struct leaf *p, bool special)
{
	for (size_t i = 0; i < keymap_row_count; i++) {
		const struct keymap_row *k = &keymap_rows[i], *twin = k + 1;
		char names[32];
		if (!is_listed(p->v, k, special))
			continue;
		bool two = i + 1 < keymap_row_count && is_listed(p->v, twin, special) &&
			(strcmp(twin->help, "the same") == 0 || strcmp(twin->help, k->help) == 0);
		snprintf(
			names, sizeof names, "%s%s%s", k->label, two ? " " : "", two ? twin->label : "");
		line(p, names, 12, 0, k->help, true);
		i += two;
	}
}

/* What a word does: as its verb, its key or its command says. */
static const char *word_help(const struct console_word *w)
{
	enum verb verb = verb_of(w->word);
	if (verb != VERB_COUNT)
		return verb_row(verb)->help;
	size_t len = strlen(w->word);
	for (size_t i = 0; i < keymap_row_count; i++)
		if (strcmp(keymap_rows[i].command, w->word) == 0)
			return keymap_rows[i].help;
	const struct command_row *command = options_command(w->word);
	if (command)
		return command->help;
	for (size_t i = 0; i < keymap_row_count; i++)
		if (strncmp(keymap_rows[i].command, w->word, len) == 0 &&
			keymap_rows[i].command[len] == ' ')
			return *w->takes ? "" : keymap_rows[i].help;
	return "";
}

static void word_line(void *ctx, const struct console_word *w)
{
	struct leaf *p = ctx;
	char name[96], why[REACH_WHY_MAX] = "", not [REACH_WHY_MAX + 16];
	bool on = !w->acts || reach_word(p->v, ask_verb(w->word), why);
	snprintf(not, sizeof not, "not now: %s", why);
	snprintf(name, sizeof name, ":%s%s%s", w->word, *w->takes ? " " : "", w->takes);
	line(p, name, 30, 0, on ? word_help(w) : not, on);
}

static void plain_lines(struct leaf *p, const char *const *lines, size_t count)
{
	for (size_t i = 0; i < count; i++)
		flow(p, next(p), 3, 2, ROLE_DIM, lines[i]);
}

static void fill(struct leaf *p)
{
	char here[48];
	snprintf(here, sizeof here, "On this screen (%s)", screen_word(p->v->screen));
	for (size_t i = 0; i < VERB_COUNT && !p->v->looking; i++)
		if (verb_row(order[i])->key)
			verb_line(p, order[i]);
	if (!p->v->looking)
		plain_lines(p, sheet_words, sizeof sheet_words / sizeof *sheet_words);
	if (has_special(p->v)) {
		title(p, here);
		key_lines(p, true);
	}
	title(p, "On every screen");
	key_lines(p, false);
	title(p, "Typed; Tab completes, Up and Down bring back what was typed before");
	console_words_each(p->v->looking, p->v->replay, word_line, p);
	title(p, "The words on the screens");
	plain_lines(p, words, sizeof words / sizeof *words);
}

/* How far down a page of so many rows still shows something new. */
static int last_scroll(int rows, int height)
{
	return rows > height ? rows - height : 0;
}

void view_help(struct surface *s, const struct view *v, int *scroll)
{
	int top = s->h > 8 ? 2 : 0;
	struct rect r = {0, top, s->w, s->h - top};
	int columns = s->w >= 2 * COLUMN_MIN ? 2 : 1;
	struct leaf count = {s, {0, 0, s->w / columns, 0}, v, -1, 0};
	struct leaf p = {s, {0, top + 1, s->w / columns, r.h - 1}, v, 0, columns - 1};
	surface_fill(s, r, ROLE_SHEET, ' ');
	surface_fill(s, (struct rect){0, top, s->w, 1}, ROLE_SHEET_TITLE, ' ');
	surface_text(s, r, 1, top, ROLE_SHEET_TITLE,
		"HELP: upper case acts, lower case looks; Esc closes, arrows scroll");
	fill(&count);
	int most = last_scroll(count.y + 1, columns * p.body.h);
	*scroll = *scroll < most ? *scroll : most;
	p.y = top - *scroll;
	fill(&p);
}
