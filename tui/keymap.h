/* Keymap: keys as rows: what command text a key stands for, and how help names it. The acting
 * keys come from the verb table. Upper case acts, lower case looks; only lower-case y accepts.
 */
#ifndef WEIR_TUI_KEYMAP_H
#define WEIR_TUI_KEYMAP_H

#include "model/verb.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(key, label, command text, where it works: l live, r replay, b both, w the Workers screen of
 * both, where it goes before the others, help) */
#define KEYMAP_INFO(X) \
	X(':', ":", "command", 'b', "type a command") \
	X('?', "?", "help", 'b', "this help") \
	X(KEYS_F1, "F1", "help", 'b', "this help") \
	X('q', "q", "quit", 'b', "back, then leave; the pool is not changed") \
	X(KEYS_ESC, "Esc", "back", 'b', "out of everything; never does anything") \
	X(KEYS_TAB, "Tab", "next-pool", 'b', "the next pool") \
	X('1', "1", "screen flow", 'b', "the pool: both sides, plan, guards, decisions") \
	X('3', "3", "screen workers", 'b', "every worker, and where v2 fails") \
	X('4', "4", "screen guards", 'b', "what the judge knows, and where v2 fails") \
	X('j', "j", "select next", 'w', "on the Workers screen: the line below") \
	X(KEYS_DOWN, "Down", "select next", 'w', "the same") \
	X('k', "k", "select previous", 'w', "the line above") \
	X(KEYS_UP, "Up", "select previous", 'w', "the same") \
	X(KEYS_PGDN, "PgDn", "select page-down", 'w', "ten lines down") \
	X(KEYS_PGUP, "PgUp", "select page-up", 'w', "ten lines up") \
	X('g', "g", "select first", 'w', "the first line") \
	X('G', "G", "select last", 'w', "the last line") \
	X('z', "z", "freeze", 'l', "freeze the picture; thaws when something acts or turns red") \
	X(KEYS_CTRL('l'), "^L", "redraw", 'b', "ask the pool and draw anew") \
	X(KEYS_F5, "F5", "redraw", 'b', "ask the pool and draw anew") \
	X(' ', "Space", "pause", 'r', "pause or go on") \
	X('{', "{", "slower", 'r', "half the speed") \
	X('}', "}", "faster", 'r', "twice the speed") \
	X('[', "[", "previous-decision", 'r', "to the decision before") \
	X(']', "]", "next-decision", 'r', "to the next decision") \
	X('<', "<", "seek -60s", 'r', "a minute back") \
	X('>', ">", "seek +60s", 'r', "a minute on") \
	X(KEYS_HOME, "Home", "seek 0%", 'r', "to the beginning") \
	X(KEYS_END, "End", "seek 100%", 'r', "to the end")

struct keymap_row {
	uint32_t key;
	const char *label;
	const char *command;
	char where;
	const char *help;
};

extern const struct keymap_row keymap_rows[];
extern const size_t keymap_row_count;

/* The command text of a looking key, NULL when it means nothing here. */
const char *keymap_command(uint32_t key, bool replay, bool workers);

/* The verb of an acting key, VERB_COUNT for another. */
enum verb keymap_verb(uint32_t key);

/* The verb whose key this would be in upper case (r for R), VERB_COUNT. */
enum verb keymap_meant(uint32_t key);

#endif
