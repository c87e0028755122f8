/* Progress: one line on the terminal of how far a long reading is, how fast, and how long it will
 * take. Nothing where standard error is no terminal. */
#ifndef WEIR_TUI_PROGRESS_H
#define WEIR_TUI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what; /* borrowed */
	int64_t began_ms, told_ms;
	bool terminal, shown;
};

/* `wanted` false: never shown. */
void progress_begin(struct progress *p, const char *what, bool wanted);

/* So much of the recorded time is done; at most ten lines a second, none in the first moments. */
void progress_tell(struct progress *p, int64_t done_ms, int64_t total_ms);

/* Takes the line away. */
void progress_end(struct progress *p);

#endif
