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
/* Screens whose lines can be selected. */
#define KEYMAP_LISTS SCREEN_ON(WORKERS)

#define KEYMAP_INFO(X) \
	X(':', ":", "command", 'b', SCREEN_ON_ALL, "type a command") \
	X('?', "?", "help", 'b', SCREEN_ON_ALL, "this help") \
	X(KEYS_F1, "F1", "help", 'b', SCREEN_ON_ALL, "this help") \
	X('q', "q", "quit", 'b', SCREEN_ON_ALL, "back, then leave; the pool is not changed") \
	X(KEYS_ESC, "Esc", "back", 'b', SCREEN_ON_ALL, "out of everything; never does anything") \
	X(KEYS_TAB, "Tab", "next-pool", 'b', SCREEN_ON_ALL, "the next pool") \
	X('1', "1", "screen flow", 'b', SCREEN_ON_ALL, \
		"the pool: both sides, plan, guards, decisions") \
	X('3', "3", "screen workers", 'b', SCREEN_ON_ALL, "every worker, and where v2 fails") \
	X('4', "4", "screen guards", 'b', SCREEN_ON_ALL, \
		"what the judge knows, and where v2 fails") \
	X('j', "j", "select next", 'b', KEYMAP_LISTS, "in a list: the line below") \
	X(KEYS_DOWN, "Down", "select next", 'b', KEYMAP_LISTS, "the same") \
	X('k', "k", "select previous", 'b', KEYMAP_LISTS, "the line above") \
	X(KEYS_UP, "Up", "select previous", 'b', KEYMAP_LISTS, "the same") \
	X(KEYS_PGDN, "PgDn", "select page-down", 'b', KEYMAP_LISTS, "ten lines down") \
	X(KEYS_PGUP, "PgUp", "select page-up", 'b', KEYMAP_LISTS, "ten lines up") \
	X('g', "g", "select first", 'b', KEYMAP_LISTS, "the first line") \
	X('G', "G", "select last", 'b', KEYMAP_LISTS, "the last line") \
	X('z', "z", "freeze", 'l', SCREEN_ON_ALL, \
		"freeze the picture; thaws when something acts or turns red") \
	X(KEYS_CTRL('l'), "^L", "redraw", 'b', SCREEN_ON_ALL, "ask the pool and draw anew") \
	X(KEYS_F5, "F5", "redraw", 'b', SCREEN_ON_ALL, "ask the pool and draw anew") \
	X(' ', "Space", "pause", 'r', SCREEN_ON_ALL, "pause or go on") \
	X('{', "{", "slower", 'r', SCREEN_ON_ALL, "half the speed") \
	X('}', "}", "faster", 'r', SCREEN_ON_ALL, "twice the speed") \
	X('[', "[", "previous-decision", 'r', SCREEN_ON_ALL, "to the decision before") \
	X(']', "]", "next-decision", 'r', SCREEN_ON_ALL, "to the next decision") \
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

/* The verb of an acting key, VERB_COUNT for another. */
enum verb keymap_verb(uint32_t key);

/* The verb whose key this would be in upper case (r for R), VERB_COUNT. */
enum verb keymap_meant(uint32_t key);

#endif
