/* Writer, opening: how the writer thread gets to an open history. */
#ifndef WEIR_HISTORY_WRITER_OPEN_H
#define WEIR_HISTORY_WRITER_OPEN_H

#include "history/board.h"
#include "history/checkpoint.h"

/* Opens the board's history for its writer: the file, the statements of the samples, the journals
 * of the dead; then answers HISTORY_OPENED. SCHEMA_BROKEN with err: there is no history to write,
 * and nothing was answered. SCHEMA_LATER or SCHEMA_REFUSED with err: it is open, but the journals
 * of the dead could not be imported yet. `j`, `s` and `c` are the caller's to close in any case. */
enum schema_result writer_open(struct board *b, struct journal *j, struct samples_writer *s,
	struct checkpoint *c, struct err *err);

#endif
