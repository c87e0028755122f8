/* Console bed: a person at a console of a pool, on a virtual clock. */
#ifndef WEIR_TESTS_UNIT_TUI_CONSOLE_BED_H
#define WEIR_TESTS_UNIT_TUI_CONSOLE_BED_H

#include "model/text.h"
#include "tests/lib/console_seat.h"
#include "tui/desk_parts.h"
#include "tui/keymap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};

static inline void open_console(bool read_only)
{
	struct console_options how = {
		.desk = d, .w = 100, .h = 32, .ascii = true, .read_only = read_only};
	c = console_new(&how, s.now);
}

static inline int sit_down(void **state)
{
	(void)state;
	site_init(&s, 1, 7);
	d = site_open(&s, &kim);
	open_console(false);
	return 0;
}

/* No time passes, but what the history owes. */
static inline void settle(void)
{
	site_settle(&s);
	desk_turn(d, s.now);
	console_refresh(c, s.now);
}

/* Types as a person does, 100 ms a key. */
static inline void type(const char *keys)
{
	for (; *keys; keys++) {
		key((unsigned char)*keys);
		pass(100);
	}
}

static inline int commands(void)
{
	return s.node[0]->commands;
}

static inline const struct command *last_command(void)
{
	assert_true(s.node[0]->got_count > 0);
	return &s.node[0]->got[s.node[0]->got_count - 1];
}

/* 1 %, bake passed, kept. */
static inline void at_one_percent(void)
{
	site_step(&s, d, 100);
	assert_true(site_until(&s, d, STATE_READY, 40000));
	pass(2000);
	assert_false(fake_keep(s.node[0]).on);
}

/* Another site, of a pool without a guard of its own. */
static inline void sit_at_unguarded(enum guard_action action, int nodes)
{
	console_free(c);
	site_release(&s);
	site_init(&s, nodes, 7);
	for (int k = 0; k < nodes; k++)
		s.node[k]->guards = false;
	s.limits.action = action;
	d = site_open(&s, &kim);
	open_console(false);
}

static inline void command(const char *text)
{
	key(':');
	for (; *text; text++)
		key((unsigned char)*text);
	key(KEYS_ENTER);
}

#define KEYS(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)

#endif
