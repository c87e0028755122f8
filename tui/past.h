/* Past: what plots show that the model has not seen, or no longer has: columns of a pool's metrics
 * as the history has them, by their place in time. Asks for what is missing, the newest first, a
 * short stretch at a time. */
#ifndef WEIR_TUI_PAST_H
#define WEIR_TUI_PAST_H

#include "history/range.h"
#include "model/model.h"

enum { PAST_STEPS = RANGE_COLUMNS_MAX };

struct past {
	char pool_id[POOL_ID_MAX];
	int64_t step_ms;    /* 0: nothing is wanted */
	int64_t first, end; /* wanted: steps since the epoch, the last exclusive */
	int64_t since_ms; /* the pool's first recording began; UNKNOWN: no answer, or it has none */
	int64_t oldest;   /* step of the oldest value that is known; UNKNOWN none */
	bool heard;       /* an answer has come, whatever it was */
	bool failed;      /* the last one was that the file cannot be read */
	uint64_t asked;   /* number of the request under way; 0 none */
	int64_t asked_ms; /* boot time at which it was asked for */
	int64_t idle_ms;  /* boot time before which nothing is asked again */
	struct range_column column[PAST_STEPS]; /* of a step: at its number modulo PAST_STEPS */
	int64_t number[PAST_STEPS],
		read_ms[PAST_STEPS]; /* which step, and wall clock of the reading */
};

/* What is wanted from now on; another pool or another length of steps forgets what is there. At
 * most PAST_STEPS steps. */
void past_want(
	struct past *p, const char *pool_id, int64_t step_ms, int64_t first, int64_t end);

/* The next request, of at most `most` columns; `number` names it. False: nothing is missing, or
 * one is under way. */
bool past_ask(
	struct past *p, struct instant now, int most, uint64_t number, struct range_request *out);

/* Takes what was read; another number than the one asked for is passed over. */
void past_take(
	struct past *p, const struct range *r, const struct err *err, struct instant now);

/* What is known of a step; NULL: nothing. Borrowed until the next take. */
const struct range_column *past_at(const struct past *p, int64_t step);

/* Something is wanted of which nothing is known yet, and it may be there. */
bool past_is_loading(const struct past *p);

#endif
