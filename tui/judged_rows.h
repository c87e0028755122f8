/* Judged rows: which stored rows the judge's evidence at a pool is made of, for a decision to name. */
#ifndef WEIR_TUI_JUDGED_ROWS_H
#define WEIR_TUI_JUDGED_ROWS_H

#include "tui/desk.h"

struct text;

/* The rows of one pool in this process's recording. */
struct judged_rows {
	int64_t first, last; /* ticks of the recording; UNKNOWN none */
	int64_t rows;        /* stored of those that the present judge took */
};

/* Notes that the row of the interval that the judge took last goes into the recording. */
void judged_rows_note(struct desk *d, int pool, int64_t tick);

/* Adds the member "judged" of the evidence; nothing while not every row that the judge took is in
 * the recording, or it took something that no row has. */
void judged_rows_write(struct text *out, const struct desk *d, int pool);

#endif
