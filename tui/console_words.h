/* The words that a console knows after `:` and behind its keys, as rows: who runs one, what it
 * takes, where it means something. Help and completion come from them. Internal to the console. */
#ifndef WEIR_TUI_CONSOLE_WORDS_H
#define WEIR_TUI_CONSOLE_WORDS_H

#include "tui/console_parts.h"

typedef void console_word_fn(struct console *c, const char *argument, struct instant now);

struct console_word {
	const char *word;
	console_word_fn *run;
	const char *takes; /* how help names what follows; "" nothing */
	bool replay_only;
	bool acts; /* at the pool: not there for one who only looks */
};

/* The words that act, those that look, those of the Flow screen, and those that move a replay; each
 * ends with a row without a word. */
extern const struct console_word console_words_act[];
extern const struct console_word console_words_look[];
extern const struct console_word console_words_flow[];
extern const struct console_word console_words_replay[];

/* Calls back for every word that means something in a console that only looks (`looking`), in
 * one over a recording (`replay`). */
void console_words_each(bool looking, bool replay,
	void (*each)(void *ctx, const struct console_word *word), void *ctx);

#endif
