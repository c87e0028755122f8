/* Tape: one node of a recording as documents in time order, rebuilt from its state events and
 * its samples. Internal to replay. */
#ifndef WEIR_HISTORY_TAPE_H
#define WEIR_HISTORY_TAPE_H

#include "history/samples.h"
#include "model/pool.h"

struct tape_state; /* where a state event is and what it belongs to */

enum tape_kind {
	TAPE_END,
	TAPE_DOCUMENT, /* a document; `current` once it is taken */
	TAPE_GAP,      /* ticks are missing behind the last one */
};

struct tape {
	struct samples_reader samples;
	struct sqlite3_stmt *detail, *reader; /* of a state event; of the document in it */
	int64_t recording;
	bool open; /* more may come: a state with no sample behind it waits for it */
	struct tape_state *states;
	size_t state_count, state_cap, next_state;
	int64_t first_ms, last_ms; /* of the first and the last document */
	int64_t last_tick;         /* of the recording, UNKNOWN without samples */
	int64_t tick;              /* of the last document taken; -1 none */
	bool has_sample;           /* `sample` is the next one */
	struct history_sample sample;
	int64_t left;             /* ticks of its minute that it is of */
	bool gap_told;            /* the gap before the next document was taken */
	bool minute;              /* `current` is of a minute that samples became */
	bool rough;               /* of a part of one, and may count a little too much */
	struct snapshot *current; /* the document at this moment */
	bool has_current;
	int64_t at_ms; /* when it was received */
};

/* Opens the tape of a node at its beginning. 0, or -1 with err. */
int tape_open(struct tape *t, struct sqlite3 *db, const char *path, int64_t recording,
	const char *node_id, struct err *err);
void tape_close(struct tape *t);

/* Reads what was written since, where the tape stands; `open`: more may come. 0, or -1 with err. */
int tape_extend(struct tape *t, bool open, struct err *err);

/* When the first and the last document were received. */
int64_t tape_first_ms(const struct tape *t);
int64_t tape_last_ms(const struct tape *t);

/* What comes next and when. */
enum tape_kind tape_peek(const struct tape *t, int64_t *at_ms);

/* Takes it: `current` is the document then. 0, or -1 with err. */
int tape_take(struct tape *t, struct err *err);

/* Goes to where the next document is the first one at or after a moment. Absolute counters are
 * as they were, histograms begin anew. */
int tape_seek(struct tape *t, int64_t at_ms, struct err *err);

/* Goes behind a moment: `current` is the last document until then, with its gauges (none where
 * there is none). Before, the rows that were received from `from_ms` on until then are told, oldest
 * first, each borrowed for the call, with their latencies from `timed_ms` on. 0, or -1 with err. */
int tape_look(struct tape *t, int64_t from_ms, int64_t timed_ms, int64_t at_ms,
	void (*each)(void *ctx, const struct history_sample *row), void *ctx, struct err *err);

#endif
