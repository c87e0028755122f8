/* What is typed at a console, and what becomes of it. */
#include "tui/prompt.h"

#include "model/text.h"
#include "tui/keymap.h"
#include "tui/screens.h"

#include <stdio.h>
#include <string.h>

void console_prompt(struct console *c, enum prompt what)
{
	const struct screen_row *screen = screen_row(c->screen);
	c->prompt = what;
	c->is_frozen = false;
	c->complete.on = false;
	recall_begin(&c->recall);
	edit_clear(&c->edit);
	c->note_about[0] = 0;
	c->note_pool = -1;
	if (what == PROMPT_NOTE && screen->about)
		c->note_pool = screen->about(c, c->note_about, sizeof c->note_about);
}

/* A note; on a screen with lines it names the one that it is about. */
static void note(struct console *c, const char *text, struct instant now)
{
	char whole[EDIT_MAX + DECISION_ID_MAX + 8];
	if (c->note_pool < 0) {
		console_say_act(c, VERB_ANNOTATE, text, now);
		return;
	}
	struct act_request what = {.verb = VERB_ANNOTATE,
		.pool = c->note_pool,
		.to_bp = -1,
		.shown_epoch = UNKNOWN,
		.shown_rev = UNKNOWN};
	snprintf(whole, sizeof whole, PAGE_NOTE_RE "%s: %s", c->note_about, text);
	text_copy(what.reason, sizeof what.reason, whole);
	console_act(c, &what, now);
}

static void enter(struct console *c, struct instant now)
{
	enum prompt what = c->prompt;
	char text[EDIT_MAX];
	text_copy(text, sizeof text, c->edit.text);
	c->prompt = PROMPT_NONE;
	if (what == PROMPT_COMMAND) {
		recall_add(&c->recall, text);
		console_command(c, text, now);
	} else if (what == PROMPT_NOTE && text[0]) {
		note(c, text, now);
	}
}

/* The keys that only a command line has. */
static bool command_key(struct console *c, uint32_t key)
{
	struct complete_at at = {.pool = console_pool(c),
		.roster = &c->roster,
		.looking = c->how.read_only,
		.replay = c->how.replay != NULL};
	if (key == KEYS_TAB) {
		roster_look(&c->roster, at.pool, c->pool);
		complete_next(&c->complete, &at, &c->edit);
		return true;
	}
	c->complete.on = false;
	if (key != KEYS_UP && key != KEYS_DOWN)
		return false;
	recall_move(&c->recall, key == KEYS_UP ? -1 : 1, &c->edit);
	return true;
}

void prompt_key(struct console *c, uint32_t key, struct instant now)
{
	bool narrows = c->prompt == PROMPT_FILTER;
	if (key == KEYS_ESC) {
		c->prompt = PROMPT_NONE;
		if (narrows)
			screen_row(c->screen)->filter(c, "");
	} else if (key == KEYS_ENTER) {
		enter(c, now);
	} else if (c->prompt != PROMPT_COMMAND || !command_key(c, key)) {
		edit_key(&c->edit, key);
		if (narrows)
			screen_row(c->screen)->filter(c, c->edit.text);
	}
}

const char *prompt_mark(const struct console *c)
{
	static const char *const marks[] = {[PROMPT_NONE] = "",
		[PROMPT_COMMAND] = ":",
		[PROMPT_NOTE] = "note: ",
		[PROMPT_FILTER] = "/"};
	return marks[c->prompt];
}

void prompt_offer(const struct console *c, char *out, size_t size)
{
	const struct complete *o = &c->complete;
	struct text t = {0};
	*out = 0;
	if (c->prompt != PROMPT_COMMAND || !o->on)
		return;
	for (int i = 0; i < o->count; i++)
		text_addf(&t, i == o->at ? "%s[%s]" : "%s%s", i ? "  " : "", o->word[i]);
	if (o->count == 0)
		text_addf(&t, "%s%s", o->takes[0] ? "takes " : "nothing fits", o->takes);
	text_copy(out, size, text_str(&t));
	text_free(&t);
}

/* As many as fit, beginning so that the chosen one is among them. */
static void draw_offer(const struct console *c, struct surface *s)
{
	const struct complete *o = &c->complete;
	struct rect r = {0, s->h - 2, s->w, 1};
	if (c->prompt != PROMPT_COMMAND || !o->on || s->h < 3)
		return;
	surface_fill(s, r, ROLE_INPUT, ' ');
	if (o->count == 0) {
		surface_textf(
			s, r, 1, r.y, ROLE_DIM, "%s%s", o->takes[0] ? "takes " : "nothing fits", o->takes);
		return;
	}
	int first = 0, width = 1;
	for (int i = 0; i <= o->at; i++) {
		width += text_width(o->word[i]) + 2;
		if (width > s->w) {
			first = i;
			width = 1 + text_width(o->word[i]) + 2;
		}
	}
	for (int i = first, x = 1; i < o->count && x < s->w; i++)
		x = surface_text(s, r, x, r.y, i == o->at ? ROLE_KEY : ROLE_INPUT, o->word[i]) + 2;
}

void prompt_draw(struct console *c, struct surface *s)
{
	struct rect r = {0, s->h - 1, s->w, 1};
	surface_fill(s, r, ROLE_INPUT, ' ');
	int x = surface_text(s, r, 1, r.y, ROLE_KEY, prompt_mark(c));
	if (c->prompt == PROMPT_NOTE && c->note_pool >= 0)
		x = surface_textf(s, r, x, r.y, ROLE_DIM, "on %s: ", c->note_about);
	surface_text(s, r, x, r.y, ROLE_INPUT, c->edit.text);
	char before[EDIT_MAX];
	memcpy(before, c->edit.text, c->edit.at);
	before[c->edit.at] = 0;
	s->cursor_x = x + text_width(before);
	s->cursor_y = r.y;
	draw_offer(c, s);
}
