/* What a key does at a console: at its sheet, where something is typed, else as a verb or a command.
 * Not which keys there are: keymap.h. */
#include "model/text.h"
#include "tui/console_parts.h"
#include "tui/keymap.h"
#include "tui/prompt.h"
#include "tui/reach.h"

#include <stdio.h>
#include <string.h>

#define HELP_ALL 10000 /* rows, more than it has */

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
	console_thaw(c);
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
	case SHEET_RECORDER:
		sheet_close(&c->sheet);
		*c->how.recorder = c->left = true;
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
	console_thaw(c);
	sheet_open_several(&c->sheet, first, count, desk_model(c->how.desk), now);
}

/* An acting key: at once for what is safe, a sheet for what changes. */
static void verb_key(struct console *c, enum verb verb, struct instant now)
{
	bool repeats = c->acted == verb && now.boot_ms - c->acted_ms < CONSOLE_REPEAT_MS;
	c->acted = verb;
	c->acted_ms = now.boot_ms;
	if (repeats)
		return;
	console_thaw(c); /* what is said about it must be seen */
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
		console_say(
			c, now, ROLE_TEXT, "%s is for screen %s: %s", r->label, screen_word(at), r->help);
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
		console_thaw(c);
		return;
	}
	console_draw(c, now);
	memcpy(c->frozen.cells, c->surface.cells,
		(size_t)c->surface.w * (size_t)c->surface.h * sizeof *c->surface.cells);
	c->is_frozen = true;
	c->frozen_ms = now.boot_ms;
	c->frozen_epoch = console_pool(c)->standing.epoch;
}
