/* The console's state: which pool, which sheet, what is being typed, what was said last. */
#include "tui/console.h"

#include "history/replay.h"
#include "model/mem.h"
#include "model/text.h"
#include "tui/console_parts.h"
#include "tui/journal_screen.h"
#include "tui/guide.h"
#include "tui/keymap.h"
#include "tui/prompt.h"
#include "tui/reach.h"
#include "tui/screens.h"
#include "tui/view_scrubber.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MS 8000
#define REPEAT_MS 300 /* the same acting key this soon again is a held key */
#define FREEZE_MS 60000
#define BELL_MS 10000
#define HELP_ALL 10000 /* rows, more than it has */
#define GUIDE_ROWS 16 /* a screen with no more has none */

struct console *console_new(const struct console_options *how, struct instant now)
{
	struct console *c = mem_new(1, sizeof *c);
	c->how = *how;
	surface_init(&c->surface, how->w, how->h, how->ascii);
	surface_init(&c->frozen, how->w, how->h, how->ascii);
	c->acted_ms = now.boot_ms - REPEAT_MS;
	c->bell_ms = UNKNOWN;
	c->screen = screen_home(c);
	c->guiding = how->guide;
	c->surface.braille = how->braille;
	scope_init(&c->scope);
	desk_on_page(how->desk, screens_answer, c);
	return c;
}

void console_free(struct console *c)
{
	if (!c)
		return;
	surface_release(&c->surface);
	surface_release(&c->frozen);
	roster_release(&c->roster);
	fleet_release(&c->fleet);
	journal_release(&c->journal);
	page_close(c->journal_file);
	range_close(c->range_file);
	text_free(&c->copy);
	whatif_overlay_end(&c->whatif);
	desk_on_page(c->how.desk, NULL, NULL);
	if (c->was_drawn && !c->how.read_only && !c->how.replay)
		desk_note_left(c->how.desk);
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

struct driver *console_replay(const struct console *c)
{
	return client_driver(desk_client(c->how.desk), console_pool(c)->nodes[0].id);
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
	bool begun = r->status == ACT_BEGUN || r->status == ACT_REPLAYED;
	if (verb == VERB_ASK && begun) {
		console_say(c, now, ROLE_TEXT, "asked; somebody else: weir approve %s %s",
			console_pool(c)->name, r->id);
	} else if (r->status == ACT_BEGUN) {
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
	if (v.progress == PROGRESS_VETO)
		console_say(c, now, ROLE_TEXT, "%s: recorded, asking the veto hook", word);
	else if (v.progress == PROGRESS_SENT)
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

/* The pools that are marked, while their list shows. */
static int marked_here(const struct console *c)
{
	return c->screen == SCREEN_FLEET ? fleet_marked(&c->fleet) : 0;
}

/* A brake on every marked pool; the marks are taken off, since they have done what they were for. */
static void act_on_marked(
	struct console *c, enum verb verb, const char *reason, struct instant now)
{
	const struct model *m = desk_model(c->how.desk);
	int begun = 0, all = 0;
	thaw(c);
	for (int i = 0; i < c->fleet.pool_count; i++) {
		if (!c->fleet.marked[i])
			continue;
		struct act_result result;
		struct act_request what = {.verb = verb,
			.pool = i,
			.to_bp = verb == VERB_ROLLBACK ? m->pools[i].standing.baseline_bp : -1,
			.shown_epoch = UNKNOWN,
			.shown_rev = UNKNOWN};
		text_copy(what.reason, sizeof what.reason, reason);
		desk_act(c->how.desk, &what, now, &result);
		all++;
		begun += result.status == ACT_BEGUN || result.status == ACT_REPLAYED ||
			result.status == ACT_ALREADY;
	}
	fleet_unmark_all(&c->fleet);
	console_say(c, now, begun == all ? ROLE_TEXT : ROLE_FAIL, "%s: %d of %d pools under way",
		verb_row(verb)->word, begun, all);
}

static void accepted(struct console *c, struct instant now)
{
	const struct act_request what = c->sheet.request;
	enum sheet_kind kind = c->sheet.kind;
	bool looks = c->sheet.looks;
	sheet_close(&c->sheet);
	if (looks)
		console_say(c, now, ROLE_WARN,
			"not done: it was only opened to look; S opens the one that acts");
	else if (kind == SHEET_LEAVE)
		c->left = true;
	else if (kind == SHEET_SEVERAL)
		act_on_marked(c, VERB_ROLLBACK, what.reason, now);
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

/* True when the key can lead to an act; else says why not. */
static bool can_reach(struct console *c, enum verb verb, struct instant now)
{
	char why[REACH_WHY_MAX];
	struct view v = {.pool = console_pool(c),
		.screen = c->screen,
		.roster = &c->roster,
		.replay = c->how.replay != NULL,
		.looking = c->how.read_only || c->how.replay};
	roster_look(&c->roster, v.pool, c->pool);
	if (reach_key(&v, verb, why))
		return true;
	console_say(c, now, ROLE_WARN, "%c%s: %s", verb_row(verb)->key,
		verb == VERB_STEP ? " locked" : "", why);
	return false;
}

/* A locked step has its sheet too, which says what it waits for. */
static void step_key(struct console *c, struct instant now)
{
	int next_bp = console_pool(c)->standing.next_bp;
	if (next_bp >= 0)
		console_open_sheet(c, SHEET_STEP, next_bp, now);
	else
		can_reach(c, VERB_STEP, now);
}

/* Drains what is selected; what is drained already gets work again. */
static void drain_key(struct console *c, struct instant now)
{
	const struct pool *p = console_pool(c);
	const struct roster_line *l = &c->roster.selected;
	char word[ROSTER_WORD_MAX], command[ROSTER_WORD_MAX + 16];
	if (!can_reach(c, VERB_DRAIN, now))
		return;
	roster_word(word, p, l);
	snprintf(
		command, sizeof command, "drain %s%s", word, roster_is_drained(p, l) ? " off" : "");
	console_command(c, command, now);
}

/* With pools marked only the brakes act: a step is judged one pool at a time. */
static void marked_key(struct console *c, enum verb verb, struct instant now)
{
	int first = 0, count = marked_here(c);
	if (verb == VERB_HOLD) {
		act_on_marked(c, VERB_HOLD, "", now);
		return;
	}
	if (verb != VERB_ROLLBACK) {
		console_say(c, now, ROLE_WARN, "%c: one pool at a time; Esc takes the marks off",
			verb_row(verb)->key);
		return;
	}
	while (!c->fleet.marked[first])
		first++;
	thaw(c);
	sheet_open_several(&c->sheet, first, count, desk_model(c->how.desk), now);
}

/* An acting key: at once for what is safe, a sheet for what changes. */
static void verb_key(struct console *c, enum verb verb, struct instant now)
{
	bool repeats = c->acted == verb && now.boot_ms - c->acted_ms < REPEAT_MS;
	c->acted = verb;
	c->acted_ms = now.boot_ms;
	if (repeats)
		return;
	thaw(c); /* what is said about it must be seen */
	if (c->how.read_only || c->how.replay) {
		can_reach(c, verb, now);
		return;
	}
	if (marked_here(c) > 0 && verb != VERB_ANNOTATE) {
		marked_key(c, verb, now);
		return;
	}
	switch (verb) {
	case VERB_STEP:
		step_key(c, now);
		return;
	case VERB_ROLLBACK:
		if (can_reach(c, verb, now))
			console_open_sheet(c, SHEET_ROLLBACK, -1, now);
		return;
	case VERB_RESUME:
		if (can_reach(c, verb, now))
			console_open_sheet(c, SHEET_RESUME, -1, now);
		return;
	case VERB_HOLD:
		console_say_act(c, VERB_HOLD, "", now);
		return;
	case VERB_DRAIN:
		drain_key(c, now);
		return;
	default:
		console_prompt(c, PROMPT_NOTE);
	}
}

#define HELP_PAGE 10

/* What does not scroll it closes it; true for a key that has done what it is for. */
static bool help_input(struct console *c, uint32_t key)
{
	static const struct {
		uint32_t key;
		int by;
	} scrolls[] = {{KEYS_DOWN, 1}, {'j', 1}, {KEYS_UP, -1}, {'k', -1}, {KEYS_PGDN, HELP_PAGE},
		{' ', HELP_PAGE}, {KEYS_PGUP, -HELP_PAGE}, {'g', -HELP_ALL}, {KEYS_HOME, -HELP_ALL},
		{'G', HELP_ALL}, {KEYS_END, HELP_ALL}};
	for (size_t i = 0; i < sizeof scrolls / sizeof *scrolls; i++) {
		if (scrolls[i].key != key)
			continue;
		c->help_scroll += scrolls[i].by;
		c->help_scroll = c->help_scroll > 0 ? c->help_scroll : 0;
		return true;
	}
	c->help = false;
	return key == KEYS_ESC || key == 'q' || key == '?' || key == KEYS_F1 || key == KEYS_ENTER;
}

/* A key that means nothing here says where it does. */
static void say_idle(struct console *c, uint32_t key, struct instant now)
{
	enum verb verb = keymap_meant(key);
	enum screen at;
	char name[8] = "";
	if (c->message[0] && (c->message_role == ROLE_WARN || c->message_role == ROLE_FAIL))
		return; /* what matters more stays to be read */
	if (key == KEYS_PASTE) {
		console_say(c, now, ROLE_TEXT, "pasted text is never taken for keys");
		return;
	}
	if (verb != VERB_COUNT && !c->how.replay) {
		console_say(c, now, ROLE_TEXT, "%c is %s: upper case acts", verb_row(verb)->key,
			verb_row(verb)->word);
		return;
	}
	const struct keymap_row *r = keymap_elsewhere(key, c->how.replay != NULL, &at);
	if (r) {
		console_say(c, now, ROLE_TEXT, "%s is for screen %s: %s", r->label, screen_word(at),
			r->help);
		return;
	}
	if (key < KEY_SPECIAL)
		name[text_encode(key, name)] = 0;
	console_say(c, now, ROLE_TEXT, "%s is no key here; ? lists them",
		text_valid(name, strlen(name)) && key > ' ' && *name ? name : "that");
}

void console_key(struct console *c, uint32_t key, struct instant now)
{
	c->bell_quiet = true;
	fleet_hold_still(&c->fleet, now);
	if (key == KEYS_UNKNOWN)
		return; /* what a terminal reports by itself, too */
	if (key == KEYS_PASTE) {
		say_idle(c, key, now);
		return;
	}
	if (c->sheet.kind != SHEET_NONE) {
		sheet_input(c, key, now);
		return;
	}
	if (c->prompt != PROMPT_NONE) {
		prompt_key(c, key, now);
		return;
	}
	enum verb verb = keymap_verb(key);
	if (c->help && verb == VERB_COUNT && help_input(c, key))
		return;
	if (verb != VERB_COUNT) {
		c->help = false;
		verb_key(c, verb, now);
		return;
	}
	if (key == ':') {
		console_prompt(c, PROMPT_COMMAND);
		return;
	}
	const char *command = keymap_command(key, c->how.replay != NULL, c->screen);
	if (command) {
		console_command(c, command, now);
		return;
	}
	say_idle(c, key, now);
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
	if (c->how.each_turn && c->how.each_turn(c->how.each_ctx, now))
		c->left = true;
	screens_look(c, now);
	if (c->how.replay)
		replay_look_at(console_replay(c));
	sheet_refresh(&c->sheet, desk_model(c->how.desk), now);
	follow_act(c, now);
	/* A new epoch: something went back, or somebody else may raise. */
	if (c->is_frozen &&
		(p->latch.red || p->standing.epoch != c->frozen_epoch ||
			now.boot_ms - c->frozen_ms >= FREEZE_MS))
		thaw(c);
	char notice[200];
	if (c->how.notify && notify_complaint(c->how.notify, notice, sizeof notice))
		console_say(c, now, ROLE_WARN, "%s", notice);
	if (desk_notice(c->how.desk, notice, sizeof notice))
		console_say(c, now, ROLE_WARN, "%s", notice);
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
	int n = snprintf(out, size, "%sZ, %d %% of it, %s%gx", when, percent,
		replay_is_paused(c->how.replay) ? "paused, " : "", replay_speed(c->how.replay));
	int caught = c->screen == SCREEN_FLEET ? replay_catching_up_all(c->how.replay)
										   : replay_catching_up(console_replay(c));
	if (caught >= 0)
		snprintf(out + n, size - (size_t)n, ", judge catching up %d %%", caught);
}

/* The screen; with a guide or a scrubber in a row of its own above the last two, where there is
 * room. */
static void draw_screen(struct console *c, struct surface *s, const struct view *v)
{
	int h = s->h;
	bool scrubs = c->how.replay && s->w >= SCRUBBER_W && h >= SCRUBBER_H;
	c->journal_seen |= c->screen == SCREEN_JOURNAL;
	if (!scrubs && (!c->guiding || h <= GUIDE_ROWS)) {
		screen_row(c->screen)->draw(s, v);
		return;
	}
	s->h--;
	screen_row(c->screen)->draw(s, v);
	s->h = h;
	size_t row = (size_t)s->w, from = row * (size_t)(h - 3);
	memmove(s->cells + from + row, s->cells + from, 2 * row * sizeof *s->cells);
	struct rect own = {0, h - 3, s->w, 1};
	surface_fill(s, own, ROLE_TEXT, ' ');
	if (scrubs)
		view_scrubber(
			s, own, console_replay(c), c->screen == SCREEN_FLEET, &c->whatif);
	else
		guide_draw(s, own, guide_next(v->pool, c->journal_seen));
}

#define FROZEN_CLOCK_W 40 /* columns from which the header has a clock */
#define FROZEN_W 13       /* of freshness and age, at most, and a blank */

static const struct surface *frozen_picture(struct console *c, struct instant now)
{
	struct surface *s = &c->frozen;
	char age[16], mark[32];
	unit_age(age, sizeof age, now.boot_ms - c->frozen_ms);
	snprintf(mark, sizeof mark, " FROZEN %s", age);
	/* In the place of "LIVE 0.4s", which it no longer is; the clock of that moment stays. */
	int end = s->w < FROZEN_CLOCK_W ? s->w : s->w - (s->w < 80 ? 11 : 12);
	surface_fill(s, (struct rect){end - FROZEN_W, 0, FROZEN_W, 1}, ROLE_TEXT, ' ');
	surface_text_right(s, surface_all(s), end, 0, ROLE_MARK, mark);
	return s;
}

const struct surface *console_draw(struct console *c, struct instant now)
{
	struct surface *s = &c->surface;
	c->was_drawn = true;
	if (c->is_frozen)
		return frozen_picture(c, now);
	struct view v = {.model = desk_model(c->how.desk),
		.pool = console_pool(c),
		.screen = c->screen,
		.roster = &c->roster,
		.fleet = &c->fleet,
		.scope = &c->scope,
		.plan_bp = c->plan_bp,
		.journal = &c->journal,
		.left_ms = c->how.replay ? UNKNOWN : desk_last_left_ms(c->how.desk),
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
	char clock[24], time[16], place[112] = "";
	if (c->how.replay)
		replay_place(c, place, sizeof place);
	unit_clock(time, sizeof time, v.now.wall_ms);
	snprintf(clock, sizeof clock, "%sZ", time);
	v.place = c->whatif.line[0] ? c->whatif.line : place;
	v.clock = clock;
	surface_clear(s);
	s->cursor_x = s->cursor_y = -1;
	screens_look(c, now);
	draw_screen(c, s, &v);
	struct view real = v;
	real.now = now; /* dialogs live in the reader's time */
	if (c->help)
		view_help(s, &v, &c->help_scroll);
	if (c->sheet.kind != SHEET_NONE)
		view_sheet(s, &real, &c->sheet);
	if (c->prompt != PROMPT_NONE)
		prompt_draw(c, s);
	return s;
}
