/* Progress: one line on the terminal of how far long work is, how fast, and how long it will take.
 * Nothing where standard error is no terminal. */
#ifndef WEIR_TUI_PROGRESS_H
#define WEIR_TUI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* What is counted. */
enum pace {
	PACE_RECORDED, /* milliseconds of a recording: told as a multiple of their own pace */
	PACE_ROWS,
	PACE_BYTES,
};

struct progress {
	const char *what; /* borrowed; NULL: nothing yet */
	enum pace pace;
	int64_t began_ms, told_ms;
	bool terminal, shown;
};

/* `wanted` false: never shown. */
void progress_begin(struct progress *p, const char *what, enum pace pace, bool wanted);

/* So much is done; at most ten lines a second, none in the first moments. */
void progress_tell(struct progress *p, int64_t done, int64_t total);

/* Another part of the same work, where `what` is another text: it is counted for itself. */
void progress_turn(struct progress *p, const char *what, enum pace pace);

/* Takes the line away. */
void progress_end(struct progress *p);

#endif
