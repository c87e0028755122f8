/* Left: when a person last left a console that records: "since you left" is counted from then. A
 * small file of that person beside the history; looking never writes into the history itself. */
#ifndef WEIR_TUI_LEFT_H
#define WEIR_TUI_LEFT_H

#include <stdint.h>

/* Wall clock; UNKNOWN when this person never left one, or the file says nothing that can be
 * read. */
int64_t left_read(const char *history_path, const char *actor);

/* Writes the moment down. Where that fails the file says what it said: more than was missed is
 * shown then, never less. */
void left_write(const char *history_path, const char *actor, int64_t wall_ms);

#endif
