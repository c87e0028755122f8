/* Cast: what a terminal got, as an asciicast v2 file that any player shows: a line of JSON with
 * the size, then a line an event, "o" for output and "m" for a mark.
 *
 * Source: https://docs.asciinema.org/manual/asciicast/v2/ */
#ifndef WEIR_TUI_CAST_H
#define WEIR_TUI_CAST_H

#include "model/err.h"

#include <stddef.h>
#include <stdint.h>

struct cast; /* opaque */

struct cast_head {
	int w, h;
	int64_t wall_ms;          /* when it was recorded */
	const char *title, *term; /* the terminal's type */
};

/* Begins a file beside `path`; it takes its place when it is finished. 0, or -1 with err. */
int cast_open(
	struct cast **out, const char *path, const struct cast_head *head, struct err *err);

/* What the terminal got at `at_ms` from the beginning. Times that go back are held. A character
 * that is cut at the end comes with the next output. */
void cast_output(struct cast *c, int64_t at_ms, const char *bytes, size_t len);

/* A mark with a label, clean and valid UTF-8. */
void cast_mark(struct cast *c, int64_t at_ms, const char *label);

/* Ends and frees it. 0, or -1 with err (then there is no file). */
int cast_close(struct cast *c, struct err *err);

/* Frees it without a file; NULL: nothing. */
void cast_drop(struct cast *c);

#endif
