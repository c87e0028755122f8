/* The inside of a console, shared by console.c (state, drawing), console_keys.c, screens.c, command*.c
 * (what is typed) and console_run.c (the terminal). Nothing else includes this. */
#ifndef WEIR_TUI_CONSOLE_PARTS_H
#define WEIR_TUI_CONSOLE_PARTS_H

#include "tui/complete.h"
#include "tui/console.h"
#include "tui/edit.h"
#include "tui/journal.h"
#include "tui/recall.h"
#include "tui/sheet.h"
#include "tui/view.h"
#include "tui/whatif_overlay.h"

#define CONSOLE_REPEAT_MS 300 /* the same acting key this soon again is a held key */

enum prompt { PROMPT_NONE, PROMPT_COMMAND, PROMPT_NOTE, PROMPT_FILTER };

struct console {
	struct console_options how;
	struct surface surface, frozen;
	bool is_frozen;
	int64_t frozen_ms, frozen_epoch;
	int pool;
	enum screen screen;
	struct roster roster;
	struct fleet fleet;
	struct scope scope;            /* of FLOW */
	struct instant scope_now;      /* of its last look */
	struct range_file *range_file; /* read here and now, where the desk has no history */
	bool range_tried;
	struct text copy; /* for the terminal's clipboard; empty: nothing */
	int plan_bp;      /* of PLAN: the share of the selected step; 0: the next one */
	struct journal journal;
	bool journal_all;                 /* of all pools */
	struct instant journal_now;       /* of its last look: the moment that it shows */
	struct page_file *journal_file;   /* read here and now, where the desk has no history */
	char note_about[DECISION_ID_MAX]; /* what is being noted is about; "" nothing */
	int note_pool;
	bool was_drawn;
	struct sheet sheet;
	enum prompt prompt;
	struct edit edit;
	struct complete complete;
	struct recall recall;
	bool guiding, journal_seen;
	struct whatif_overlay whatif; /* of a replay: what another policy would have done */
	bool help;
	int help_scroll;
	bool left, redraw;
	char title[256];
	char message[400];
	enum role message_role;
	int64_t message_ms;
	enum verb acted;  /* of the last acting key, */
	int64_t acted_ms; /* and when it came */
	char last_act[DECISION_ID_MAX];
	enum act_progress last_progress;
	enum outcome_kind last_outcome;
	enum level bell_level;
	int64_t bell_ms;
	bool bell_quiet;
};

const struct pool *console_pool(const struct console *c);
/* Of a replay: the driver of that pool. */
struct driver *console_replay(const struct console *c);
void console_say(struct console *c, struct instant now, enum role role, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void console_act(struct console *c, const struct act_request *what, struct instant now);
/* The safe verbs: hold and annotate, with their text. */
void console_say_act(struct console *c, enum verb verb, const char *text, struct instant now);
void console_open_act(struct console *c, const struct act_request *what, struct instant now);
void console_open_sheet(struct console *c, enum sheet_kind kind, int to_bp, struct instant now);
/* Begins to type. */
void console_prompt(struct console *c, enum prompt what);
void console_freeze(struct console *c, struct instant now);
void console_thaw(struct console *c);

#endif
