/* What the parts of the writer share: what it has in hand and what it is to do. For writer.c,
 * worklist.c and batch.c alone. */
#ifndef WEIR_HISTORY_WRITER_PARTS_H
#define WEIR_HISTORY_WRITER_PARTS_H

#include "history/board.h"
#include "history/checkpoint.h"
#include "history/upkeep.h"

enum work {
	WORK_INTENT,
	WORK_SALVAGE,
	WORK_LATE,
	WORK_ROWS,
	WORK_SAMPLES,
	WORK_PROBE,
	WORK_UPKEEP,
	WORK_END
};

struct writer {
	struct board *board;
	struct journal journal;
	struct samples_writer samples;
	struct checkpoint checkpoint; /* of the recording */
	struct upkeep upkeep;
	int64_t retry_at;   /* CLOCK_NEVER: nothing is being retried */
	int64_t samples_at; /* when the batch is due; CLOCK_NEVER: none waits */
	int64_t recording;  /* committed; UNKNOWN none */
	bool salvage_waits; /* the journals of the dead could not be imported yet */
};

/* worklist.c */

/* Waits for the next thing to do; `out` gets what it is about. */
enum work worklist_next(struct writer *w, struct request_list *out);

/* batch.c: each a transaction */

/* Writes the rows of a list. A row that is refused is lost, the others not. */
enum schema_result batch_rows(struct writer *w, struct request_list *rows, struct err *err);

/* Writes samples, and in front of them what was dropped of those before. */
enum schema_result batch_samples(struct writer *w, struct request_list *rows, struct err *err);

/* writer.c */

/* One row was refused and is lost; the file goes on. */
void writer_row_lost(struct writer *w, const struct err *err);

#endif
