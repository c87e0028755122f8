/* Marks: the decisions of a pool along the time of a replay: when each was made, and when each
 * row about it came. Internal to replay. */
#ifndef WEIR_HISTORY_MARKS_H
#define WEIR_HISTORY_MARKS_H

#include "history/query.h"

struct mark; /* one moment */

struct marks {
	struct decision *made;     /* as they stood when they were made, in time order */
	struct decision *standing; /* as they stand behind the marks that were taken */
	size_t decision_count, decision_cap;
	struct mark *list;
	size_t count, cap, next;
};

/* Loads what happened before `until_ms`. 0, or -1 with err; release in both cases. */
int marks_load(
	struct marks *m, struct query *q, const char *pool, int64_t until_ms, struct err *err);
void marks_release(struct marks *m);

/* The moment of the next mark, INT64_MAX behind the last. */
int64_t marks_due_ms(const struct marks *m);
/* The moment of the last one, INT64_MIN when there is none. */
int64_t marks_last_ms(const struct marks *m);

/* Takes the next mark: the decision as it stands then, NULL when the mark changed nothing. */
const struct decision *marks_take(struct marks *m);

/* Goes to a moment. Returns how many decisions had been made before it: the first of
 * `standing`. */
size_t marks_seek(struct marks *m, int64_t at_ms);

#endif
