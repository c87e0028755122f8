/* Upkeep: what the writer does when nothing else waits: old samples become minutes, and once a day
 * it looks whether there will be room. */
#ifndef WEIR_HISTORY_UPKEEP_H
#define WEIR_HISTORY_UPKEEP_H

#include "history/thin.h"

struct upkeep {
	struct journal *journal;
	struct thin_how how;
	struct thin *thin;
	int64_t due_ms;    /* on the monotonic clock; CLOCK_NEVER before there are samples */
	int64_t volume_ms; /* the same; of the next look at the room */
};

/* `j` is borrowed, and open for as long. `how`: zero is the default. */
void upkeep_init(
	struct upkeep *u, struct journal *j, const struct thin_how *how, int64_t now_ms);
void upkeep_free(struct upkeep *u);

/* There are samples of this process: from now on there may be something to do. */
void upkeep_begin(struct upkeep *u, int64_t now_ms);

/* Does a slice of it. */
enum schema_result upkeep_work(struct upkeep *u, const struct thin_now *now,
	bool (*hurry)(void *ctx), void *ctx, struct err *err);

#endif
