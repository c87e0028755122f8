/* Plan screen: how the console's keys move among the steps of a plan. Internal to the console. */
#ifndef WEIR_TUI_PLAN_SCREEN_H
#define WEIR_TUI_PLAN_SCREEN_H

#include "tui/console_parts.h"

/* The functions of its row in the table of screens. */
bool plan_screen_move(struct console *c, int by);
void plan_screen_enter(struct console *c, struct instant now);

#endif
