/* The console's state: which pool, which sheet, what is being typed, what was said last. */
#include "tui/console.h"

#include "history/replay.h"
#include "model/mem.h"
#include "model/text.h"
#include "tui/console_parts.h"
#include "tui/keymap.h"
#include "tui/screens.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MS 8000
#define REPEAT_MS 300 /* the same acting key this soon again is a held key */
#define FREEZE_MS 60000
#define BELL_MS 10000

struct console *console_new(const struct console_options *how, struct instant now)
{
	struct console *c = mem_new(1, sizeof *c);
	c->how = *how;
	surface_init(&c->surface, how->w, how->h, how->ascii);
	surface_init(&c->frozen, how->w, how->h, how->ascii);
	c->acted_ms = now.boot_ms - REPEAT_MS;
	c->bell_ms = UNKNOWN;
	return c;
}

void console_free(struct console *c)
{
	if (!c)
		return;
	surface_release(&c->surface);
	surface_release(&c->frozen);
	roster_release(&c->roster);
	free(c);
}

void console_resize(struct console *c, int w, int h)
{
	surface_resize(&c->surface, w, h);
	surface_resize(&c->frozen, w, h);
	c->is_frozen = false;
}

bool console_left(const struct console *c)
{
	return c->left;
}

const struct pool *console_pool(const struct console *c)
{
	return &desk_model(c->how.desk)->pools[c->pool];
}

void console_say(struct console *c, struct instant now, enum role role, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(c->message, sizeof c->message, format, args);
	va_end(args);
	text_mend(c->message);
	c->message_role = role;
	c->message_ms = now.boot_ms;
}

static void thaw(struct console *c)
{
	c->is_frozen = false;
}

/* ---- acting ---- */

static void say_result(
	struct console *c, enum verb verb, const struct act_result *r, struct instant now)
{
	const char *word = verb_row(verb)->word;
	if (r->status == ACT_BEGUN) {
		text_copy(c->last_act, sizeof c->last_act, r->id);
		c->last_progress = PROGRESS_RECORDING;
		c->last_outcome = OUTCOME_PENDING;
		console_say(c, now, ROLE_TEXT, "%s: recording", word);
	} else if (r->status == ACT_REPLAYED) {
		console_say(c, now, ROLE_TEXT, "%s: is under way already", word);
	} else if (r->status == ACT_ALREADY) {
		console_say(c, now, ROLE_TEXT, "%s: nothing to do, it is so already", word);
	} else if (r->err.code != ERR_NONE) {
		console_say(
			c, now, ROLE_WARN, "%s refused: %s %s", word, err_name(r->err.code), r->err.text);
	} else {
		char why[300];
		interlock_summary(why, sizeof why, &r->interlock);
		console_say(c, now, ROLE_WARN, "%s refused: %s", word, why);
	}
}

void console_act(struct console *c, const struct act_request *what, struct instant now)
{
	struct act_result result;
	thaw(c);
	desk_act(c->how.desk, what, now, &result);
	say_result(c, what->verb, &result, now);
}

void console_say_act(struct console *c, enum verb verb, const char *text, struct instant now)
{
	struct act_request what = {.verb = verb,
		.pool = c->pool,
		.to_bp = -1,
		.shown_epoch = UNKNOWN,
		.shown_rev = UNKNOWN};
	text_copy(what.reason, sizeof what.reason, text);
	console_act(c, &what, now);
}

/* What has become of the last act, once each time it moves on. */
static void follow_act(struct console *c, struct instant now)
{
	struct act_view v;
	if (!c->last_act[0] || !desk_progress(c->how.desk, c->last_act, &v))
		return;
	bool moved = v.progress != c->last_progress || v.decision.outcome != c->last_outcome;
	c->last_progress = v.progress;
	c->last_outcome = v.decision.outcome;
	if (!moved)
		return;
	const char *word = verb_row(v.decision.verb)->word;
	const char *unrecorded =
		v.recorded || v.progress == PROGRESS_RECORDING ? "" : " NOT RECORDED";
	if (v.progress == PROGRESS_SENT)
		console_say(c, now, ROLE_TEXT, "%s: sent, waiting for the pool%s", word, unrecorded);
	else if (v.progress == PROGRESS_ASKING)
		console_say(
			c, now, ROLE_WARN, "%s: no answer, asking the pool what became of it", word);
	else if (v.progress == PROGRESS_WATCHING)
		console_say(c, now, ROLE_WARN, "%s: acknowledged, not seen yet%s", word, unrecorded);
	else if (v.decision.verified_ms != UNKNOWN)
		console_say(c, now, *unrecorded ? ROLE_FAIL : ROLE_OK, "%s: VERIFIED in %.1fs%s", word,
			(double)(v.decision.verified_ms - v.decision.at_ms) / 1000, unrecorded);
	else if (v.progress == PROGRESS_DONE && v.decision.verb == VERB_ANNOTATE)
		console_say(c, now, ROLE_OK, "noted");
	else if (v.progress == PROGRESS_DONE && v.err.code == ERR_NOT_SEEN)
		console_say(c, now, ROLE_WARN, "%s: %s %s", word, err_name(v.err.code), v.err.text);
	else if (v.progress == PROGRESS_DONE)
		console_say(c, now, ROLE_WARN, "%s: %s %s", word, outcome_name(v.decision.outcome),
			v.decision.answer);
}

void console_open_sheet(struct console *c, enum sheet_kind kind, int to_bp, struct instant now)
{
	thaw(c);
	c->help = false;
	sheet_open(&c->sheet, kind, c->pool, desk_model(c->how.desk), to_bp, now);
}

void console_open_act(struct console *c, const struct act_request *what, struct instant now)
{
	thaw(c);
	c->help = false;
	sheet_open_act(&c->sheet, what, desk_model(c->how.desk), now);
}

static void accepted(struct console *c, struct instant now)
{
	const struct act_request what = c->sheet.request;
	bool leaves = c->sheet.kind == SHEET_LEAVE;
	sheet_close(&c->sheet);
	if (leaves)
		c->left = true;
	else
		console_act(c, &what, now);
}

static void sheet_input(struct console *c, uint32_t key, struct instant now)
{
	switch (sheet_key(&c->sheet, key, desk_model(c->how.desk), now)) {
	case SHEET_ACCEPTED:
		accepted(c, now);
		return;
	case SHEET_HOLD:
		sheet_close(&c->sheet);
		console_say_act(c, VERB_HOLD, "", now);
		return;
	case SHEET_CLOSED:
		sheet_close(&c->sheet);
		return;
	case SHEET_STAYS:
		return;
	}
}

/* ---- keys ---- */

static void begin_prompt(struct console *c, enum prompt what)
{
	c->prompt = what;
	edit_clear(&c->edit);
}

static void prompt_input(struct console *c, uint32_t key, struct instant now)
{
	bool narrows = c->prompt == PROMPT_FILTER;
	if (key == KEYS_ESC) {
		c->prompt = PROMPT_NONE;
		if (narrows)
			screen_row(c->screen)->filter(c, "");
		return;
	}
	if (key != KEYS_ENTER) {
		edit_key(&c->edit, key);
		if (narrows)
			screen_row(c->screen)->filter(c, c->edit.text);
		return;
	}
	enum prompt what = c->prompt;
	char text[EDIT_MAX];
	text_copy(text, sizeof text, c->edit.text);
	c->prompt = PROMPT_NONE;
	if (what == PROMPT_COMMAND)
		console_command(c, text, now);
	else if (what == PROMPT_NOTE && text[0])
		console_say_act(c, VERB_ANNOTATE, text, now);
}

static void step_key(struct console *c, struct instant now)
{
	const struct pool *p = console_pool(c);
	const struct standing *st = &p->standing;
	char why[300];
	if (st->next_bp >= 0) {
		console_open_sheet(c, SHEET_STEP, st->next_bp, now);
	} else if (!p->has_plan) {
		console_say(c, now, ROLE_WARN, "S: no plan says what is next; type :step 10%%");
	} else if (st->reported_bp >= 0) {
		console_say(c, now, ROLE_WARN, "S: the plan has no step after this one");
	} else {
		interlock_summary(why, sizeof why, &st->next);
		console_say(c, now, ROLE_WARN, "S locked: %s", why);
	}
}

/* What to do where a line is not drained by itself. */
static const char *undrained(enum roster_kind kind)
{
	if (kind == ROSTER_NODE)
		return "a node is not drained as a whole; select v1, v2 or below";
	if (kind == ROSTER_RESIDENTS || kind == ROSTER_RESIDENT)
		return "registered workers are locked by place; select r0 or r0.1";
	return "keyed work is not drained; select its arm or below";
}

/* Drains what is selected; what is drained already gets work again. */
static void drain_key(struct console *c, struct instant now)
{
	const struct pool *p = console_pool(c);
	const struct roster_line *l = &c->roster.selected;
	char word[ROSTER_WORD_MAX], command[ROSTER_WORD_MAX + 16];
	if (c->screen != SCREEN_WORKERS) {
		console_say(c, now, ROLE_TEXT, "D: 3 shows the workers; D there drains the selected");
		return;
	}
	roster_look(&c->roster, p, c->pool);
	if (!roster_word(word, p, l)) {
		console_say(c, now, ROLE_WARN, "D: %s", undrained(l->kind));
		return;
	}
	snprintf(
		command, sizeof command, "drain %s%s", word, roster_is_drained(p, l) ? " off" : "");
	console_command(c, command, now);
}

/* An acting key: at once for what is safe, a sheet for what changes. */
static void verb_key(struct console *c, enum verb verb, struct instant now)
{
	bool repeats = c->acted == verb && now.boot_ms - c->acted_ms < REPEAT_MS;
	c->acted = verb;
	c->acted_ms = now.boot_ms;
	if (repeats)
		return;
	if (c->how.read_only || c->how.replay) {
		console_say(c, now, ROLE_WARN, "%c does nothing here: %s", verb_row(verb)->key,
			c->how.replay ? "a replay has no way to the pool" : "this console only looks");
		return;
	}
	switch (verb) {
	case VERB_STEP:
		step_key(c, now);
		return;
	case VERB_ROLLBACK:
		if (console_pool(c)->finalized)
			console_say(
				c, now, ROLE_WARN, "R: the migration is finished, there is no way back");
		else
			console_open_sheet(c, SHEET_ROLLBACK, -1, now);
		return;
	case VERB_RESUME:
		if (view_may_resume(console_pool(c)))
			console_open_sheet(c, SHEET_RESUME, -1, now);
		else
			console_say(
				c, now, ROLE_TEXT, "U: nothing is held, nothing is red, nothing went back");
		return;
	case VERB_HOLD:
		console_say_act(c, VERB_HOLD, "", now);
		return;
	case VERB_DRAIN:
		drain_key(c, now);
		return;
	default:
		begin_prompt(c, PROMPT_NOTE);
	}
}

static void help_input(struct console *c, uint32_t key)
{
	if (key == KEYS_DOWN || key == 'j' || key == ' ')
		c->help_scroll++;
	else if ((key == KEYS_UP || key == 'k') && c->help_scroll > 0)
		c->help_scroll--;
	else if (key == KEYS_ESC || key == 'q' || key == '?' || key == KEYS_ENTER)
		c->help = false;
}

void console_key(struct console *c, uint32_t key, struct instant now)
{
	c->bell_quiet = true;
	if (key == KEYS_PASTE || key == KEYS_UNKNOWN)
		return; /* pasted text is never a command */
	if (c->sheet.kind != SHEET_NONE) {
		sheet_input(c, key, now);
		return;
	}
	if (c->prompt != PROMPT_NONE) {
		prompt_input(c, key, now);
		return;
	}
	enum verb verb = keymap_verb(key);
	if (c->help && verb == VERB_COUNT) {
		help_input(c, key);
		return;
	}
	if (verb != VERB_COUNT) {
		c->help = false;
		verb_key(c, verb, now);
		return;
	}
	if (key == ':') {
		begin_prompt(c, PROMPT_COMMAND);
		return;
	}
	if (key == '/' && screen_row(c->screen)->filter) {
		begin_prompt(c, PROMPT_FILTER);
		return;
	}
	const char *command = keymap_command(key, c->how.replay != NULL, c->screen);
	if (command) {
		console_command(c, command, now);
		return;
	}
	verb = keymap_meant(key);
	if (verb != VERB_COUNT && !c->how.replay)
		console_say(c, now, ROLE_TEXT, "%c is %s: upper case acts", verb_row(verb)->key,
			verb_row(verb)->word);
}

void console_freeze(struct console *c, struct instant now)
{
	if (c->is_frozen) {
		thaw(c);
		return;
	}
	console_draw(c, now);
	memcpy(c->frozen.cells, c->surface.cells,
		(size_t)c->surface.w * (size_t)c->surface.h * sizeof *c->surface.cells);
	c->is_frozen = true;
	c->frozen_ms = now.boot_ms;
	c->frozen_epoch = console_pool(c)->standing.epoch;
}

/* ---- time ---- */

void console_refresh(struct console *c, struct instant now)
{
	const struct pool *p = console_pool(c);
	screens_look(c, now);
	sheet_refresh(&c->sheet, desk_model(c->how.desk), now);
	follow_act(c, now);
	/* A new epoch: something went back, or somebody else may raise. */
	if (c->is_frozen &&
		(p->latch.red || p->standing.epoch != c->frozen_epoch ||
			now.boot_ms - c->frozen_ms >= FREEZE_MS))
		thaw(c);
	if (c->message[0] && now.boot_ms - c->message_ms >= MESSAGE_MS)
		c->message[0] = 0;
}

bool console_bell(struct console *c, struct instant now)
{
	enum level level = console_pool(c)->standing.headline.level;
	if (level != c->bell_level) {
		bool louder = level > c->bell_level;
		c->bell_level = level;
		c->bell_quiet = false;
		c->bell_ms = now.boot_ms;
		return louder && level >= LEVEL_LOOK;
	}
	if (level != LEVEL_ACT || c->bell_quiet || c->bell_ms == UNKNOWN ||
		now.boot_ms - c->bell_ms < BELL_MS)
		return false;
	c->bell_ms = now.boot_ms;
	return true;
}

/* ---- drawing ---- */

static void draw_prompt(struct console *c, struct surface *s)
{
	static const char *const marks[] = {
		[PROMPT_COMMAND] = ":", [PROMPT_NOTE] = "note: ", [PROMPT_FILTER] = "/"};
	struct rect r = {0, s->h - 1, s->w, 1};
	surface_fill(s, r, ROLE_INPUT, ' ');
	int x = surface_text(s, r, 1, r.y, ROLE_KEY, marks[c->prompt]);
	surface_text(s, r, x, r.y, ROLE_INPUT, c->edit.text);
	char before[EDIT_MAX];
	memcpy(before, c->edit.text, c->edit.at);
	before[c->edit.at] = 0;
	s->cursor_x = x + text_width(before);
	s->cursor_y = r.y;
}

/* Where a replay stands, for the row under the headline. */
static void replay_place(const struct console *c, char *out, size_t size)
{
	struct replay_span span;
	replay_span(c->how.replay, &span);
	struct instant at = replay_now(c->how.replay);
	char when[32];
	unit_rfc3339(when, sizeof when, at.wall_ms);
	when[19] = 0;
	when[10] = ' ';
	int64_t length = span.end_ms - span.start_ms;
	int percent = length > 0 ? (int)((at.wall_ms - span.start_ms) * 100 / length) : 100;
	snprintf(out, size, "%sZ, %d %% of it, %s%gx", when, percent,
		replay_is_paused(c->how.replay) ? "paused, " : "", replay_speed(c->how.replay));
}

static const struct surface *frozen_picture(struct console *c, struct instant now)
{
	struct surface *s = &c->frozen;
	char age[16];
	unit_age(age, sizeof age, now.boot_ms - c->frozen_ms);
	surface_textf(s, surface_all(s), 1, 0, ROLE_MARK, "FROZEN %s ", age);
	return s;
}

const struct surface *console_draw(struct console *c, struct instant now)
{
	struct surface *s = &c->surface;
	if (c->is_frozen)
		return frozen_picture(c, now);
	struct view v = {.model = desk_model(c->how.desk),
		.pool = console_pool(c),
		.screen = c->screen,
		.roster = &c->roster,
		.now = c->how.replay ? replay_now(c->how.replay) : now,
		.mark = c->how.replay ? "REPLAY" : NULL,
		.mark_only = c->how.replay != NULL,
		.replay = c->how.replay != NULL,
		.looking = c->how.read_only || c->how.replay,
		.message = c->message,
		.message_role = c->message_role,
		.unrecorded = desk_unrecorded(c->how.desk),
		.pool_count = desk_model(c->how.desk)->pool_count,
		.pool_index = c->pool};
	char clock[24], time[16], place[80] = "";
	if (c->how.replay)
		replay_place(c, place, sizeof place);
	unit_clock(time, sizeof time, v.now.wall_ms);
	snprintf(clock, sizeof clock, "%sZ", time);
	v.place = place;
	v.clock = clock;
	surface_clear(s);
	s->cursor_x = s->cursor_y = -1;
	screens_look(c, now);
	screen_row(c->screen)->draw(s, &v);
	struct view real = v;
	real.now = now; /* dialogs live in the reader's time */
	if (c->help)
		view_help(s, &v, c->help_scroll);
	if (c->sheet.kind != SHEET_NONE)
		view_sheet(s, &real, &c->sheet);
	if (c->prompt != PROMPT_NONE)
		draw_prompt(c, s);
	return s;
}
