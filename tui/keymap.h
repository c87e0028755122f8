/* Keymap: keys as rows: what command text a key stands for, and how help names it. The acting
 * keys come from the verb table. Upper case acts, lower case looks; only lower-case y accepts.
 */
#ifndef WEIR_TUI_KEYMAP_H
#define WEIR_TUI_KEYMAP_H

#include "model/verb.h"
#include "tui/screen.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(key, label, command text, when it works: l live, r replay, b both; on which screens, help).
 * The first row that works is the key's: those of some screens stand before those of all. */
/* Screens whose list can be narrowed, and whose lines can be selected. */
#define KEYMAP_NARROW (SCREEN_ON(FLEET) | SCREEN_ON(JOURNAL))
#define KEYMAP_LISTS \
	(SCREEN_ON(WORKERS) | SCREEN_ON(PLAN) | SCREEN_ON(FLEET) | SCREEN_ON(JOURNAL))

#define KEYMAP_INFO(X) \
	X(':', ":", "command", 'b', SCREEN_ON_ALL, "type a command") \
	X('?', "?", "help", 'b', SCREEN_ON_ALL, "this help") \
	X(KEYS_F1, "F1", "help", 'b', SCREEN_ON_ALL, "this help") \
	X('q', "q", "quit", 'b', SCREEN_ON_ALL, "back, then leave; the pool is not changed") \
	X(KEYS_ESC, "Esc", "back", 'b', SCREEN_ON_ALL, "out of everything; never does anything") \
	X(KEYS_TAB, "Tab", "next-pool", 'b', SCREEN_ON_ALL & ~SCREEN_ON(JOURNAL), "the next pool") \
	X(KEYS_TAB, "Tab", "all-pools", 'b', SCREEN_ON(JOURNAL), \
		"in the journal: of all pools, or of one") \
	X('1', "1", "screen flow", 'b', SCREEN_ON_ALL, \
		"the pool: both sides, plan, guards, decisions") \
	X('2', "2", "screen fleet", 'b', SCREEN_ON_ALL, "all pools, the worst first") \
	X('3', "3", "screen workers", 'b', SCREEN_ON_ALL, "every worker, and where v2 fails") \
	X('4', "4", "screen guards", 'b', SCREEN_ON_ALL, \
		"what the judge knows, and where v2 fails") \
	X('5', "5", "screen plan", 'b', SCREEN_ON_ALL, \
		"the plan in time, and the page for whoever takes over") \
	X('6', "6", "screen journal", 'b', SCREEN_ON_ALL, \
		"every decision and message, newest first") \
	X('j', "j", "select next", 'b', KEYMAP_LISTS, "in a list: the line below") \
	X(KEYS_DOWN, "Down", "select next", 'b', KEYMAP_LISTS, "the same") \
	X('k', "k", "select previous", 'b', KEYMAP_LISTS, "the line above") \
	X(KEYS_UP, "Up", "select previous", 'b', KEYMAP_LISTS, "the same") \
	X(KEYS_PGDN, "PgDn", "select page-down", 'b', KEYMAP_LISTS, "ten lines down") \
	X(KEYS_PGUP, "PgUp", "select page-up", 'b', KEYMAP_LISTS, "ten lines up") \
	X('g', "g", "select first", 'b', KEYMAP_LISTS, "the first line") \
	X('G', "G", "select last", 'b', KEYMAP_LISTS, "the last line") \
	X(KEYS_ENTER, "Enter", "enter", 'b', \
		SCREEN_ON(FLEET) | SCREEN_ON(PLAN) | SCREEN_ON(JOURNAL), \
		"open what is selected; of a plan the next step, to look at") \
	X(' ', "Space", "mark", 'l', SCREEN_ON(FLEET), "mark a pool for H and R; again: not") \
	X('/', "/", "filter", 'b', KEYMAP_NARROW, "narrow the list while typing; Esc shows all") \
	X('>', ">", "sort next", 'l', SCREEN_ON(FLEET), "sort by the next column") \
	X('<', "<", "sort previous", 'l', SCREEN_ON(FLEET), "sort by the column before") \
	X('i', "i", "sort reverse", 'b', SCREEN_ON(FLEET), "sort the other way round") \
	X('c', "c", "id", 'b', SCREEN_ON(JOURNAL), "the id of the selected decision") \
	X('+', "+", "zoom in", 'b', SCREEN_ON(FLOW), "plots of a shorter time") \
	X('-', "-", "zoom out", 'b', SCREEN_ON(FLOW), "of a longer time: 1m to 7d") \
	X(KEYS_LEFT, "Left", "cross earlier", 'b', SCREEN_ON(FLOW), "a crosshair reads the plots") \
	X('h', "h", "cross earlier", 'b', SCREEN_ON(FLOW), "the same") \
	X(KEYS_RIGHT, "Right", "cross later", 'b', SCREEN_ON(FLOW), "and on; Esc takes it off") \
	X('l', "l", "cross later", 'b', SCREEN_ON(FLOW), "the same") \
	X('[', "[", "cross previous-decision", 'l', SCREEN_ON(FLOW), "to the decision before") \
	X(']', "]", "cross next-decision", 'l', SCREEN_ON(FLOW), "to the next decision") \
	X('w', "w", "wide", 'b', SCREEN_ON(FLOW), \
		"plots take the screen; again: they give it back") \
	X('t', "t", "times", 'b', SCREEN_ON(FLOW), "times by the clock (UTC), or as ages") \
	X('c', "c", "copy", 'b', SCREEN_ON(FLOW), "copy the facts as one line") \
	X('z', "z", "freeze", 'l', SCREEN_ON_ALL, \
		"freeze the picture; thaws when something acts or turns red") \
	X(KEYS_CTRL('l'), "^L", "redraw", 'b', SCREEN_ON_ALL, "ask the pool and draw anew") \
	X(KEYS_F5, "F5", "redraw", 'b', SCREEN_ON_ALL, "ask the pool and draw anew") \
	X(' ', "Space", "pause", 'r', SCREEN_ON_ALL, "pause or go on") \
	X('{', "{", "slower", 'r', SCREEN_ON_ALL, "half the speed") \
	X('}', "}", "faster", 'r', SCREEN_ON_ALL, "twice the speed") \
	X('[', "[", "previous-decision", 'r', SCREEN_ON_ALL, "to the decision before") \
	X(']', "]", "next-decision", 'r', SCREEN_ON_ALL, "to the next decision") \
	X(',', ",", "previous-event", 'r', SCREEN_ON_ALL, \
		"to the event before: nobody decided it") \
	X('.', ".", "next-event", 'r', SCREEN_ON_ALL, "to the next event") \
	X('(', "(", "previous-flip", 'r', SCREEN_ON_ALL, "to the change of the verdict before") \
	X(')', ")", "next-flip", 'r', SCREEN_ON_ALL, "to the next change of the verdict or guard") \
	X('<', "<", "seek -60s", 'r', SCREEN_ON_ALL, "a minute back") \
	X('>', ">", "seek +60s", 'r', SCREEN_ON_ALL, "a minute on") \
	X(KEYS_HOME, "Home", "seek 0%", 'r', SCREEN_ON_ALL, "to the beginning") \
	X(KEYS_END, "End", "seek 100%", 'r', SCREEN_ON_ALL, "to the end")

struct keymap_row {
	uint32_t key;
	const char *label;
	const char *command;
	char when;
	unsigned screens; /* bits */
	const char *help;
};

extern const struct keymap_row keymap_rows[];
extern const size_t keymap_row_count;

/* The command text of a looking key, NULL when it means nothing here. */
const char *keymap_command(uint32_t key, bool replay, enum screen screen);

/* The row of a key that means nothing on this screen but something on another, which is told in
 * `at`; NULL for one that means nothing anywhere. */
const struct keymap_row *keymap_elsewhere(uint32_t key, bool replay, enum screen *at);

/* The verb of an acting key, VERB_COUNT for another. */
enum verb keymap_verb(uint32_t key);

/* The verb whose key this would be in upper case (r for R), VERB_COUNT. */
enum verb keymap_meant(uint32_t key);

#endif
