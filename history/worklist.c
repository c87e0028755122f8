/* Worklist: what the writer does next, and until when there is nothing to do. Not how it is done.
 *
 * 1. What is taken here belongs to the writer; an intent stands on the board as being written.
 * 2. All but worklist_next runs under the mutex of the board. */
#include "history/clock.h"
#include "history/writer_parts.h"

#define SAMPLES_EVERY_MS 1000
/* Rows of a transaction: a rollback that is pressed behind it waits some milliseconds. */
#define ROWS_MAX 512

/* The first intent that waits, wherever it stands. */
static struct request *take_intent(struct request_list *list)
{
	struct request_list before = {0};
	struct request *found = NULL;

	while (list->first != NULL && list->first->kind != REQUEST_INTENT)
		request_append(&before, request_take_first(list));
	if (list->first != NULL)
		found = request_take_first(list);
	request_put_back(list, &before);
	return found;
}

static void take_rows(struct request_list *from, struct request_list *out)
{
	while (from->first != NULL && from->first->kind != REQUEST_INTENT && out->count < ROWS_MAX)
		request_append(out, request_take_first(from));
}

static bool try_take(struct writer *w, int64_t now, struct request_list *out, enum work *work)
{
	struct board *b = w->board;
	struct request *intent = take_intent(&b->journal);

	if (intent != NULL) {
		b->writing = intent;
		request_append(out, intent);
		*work = WORK_INTENT;
		return true;
	}
	if (w->retry_at != CLOCK_NEVER && now < w->retry_at && !b->stopping)
		return false;
	if (w->salvage_waits && !b->stopping) {
		*work = WORK_SALVAGE;
		return true;
	}
	if (b->late.first != NULL) {
		b->writing = request_take_first(&b->late);
		request_append(out, b->writing);
		*work = WORK_LATE;
		return true;
	}
	if (b->journal.first != NULL) {
		take_rows(&b->journal, out);
		*work = WORK_ROWS;
		return true;
	}
	if (b->samples.first != NULL && w->samples_at == CLOCK_NEVER)
		w->samples_at = now + SAMPLES_EVERY_MS;
	if (b->samples.first != NULL && (now >= w->samples_at || b->stopping)) {
		while (b->samples.first != NULL && out->count < ROWS_MAX)
			request_append(out, request_take_first(&b->samples));
		/* what a transaction cannot take goes with the next one, at once */
		w->samples_at = b->samples.first != NULL ? now : CLOCK_NEVER;
		*work = WORK_SAMPLES;
		return true;
	}
	if (w->retry_at != CLOCK_NEVER && !b->stopping) {
		*work = WORK_PROBE;
		return true;
	}
	if (now >= w->upkeep.due_ms && !b->stopping) {
		*work = WORK_UPKEEP;
		return true;
	}
	*work = WORK_END;
	return b->stopping;
}

enum work worklist_next(struct writer *w, struct request_list *out)
{
	struct board *b = w->board;
	enum work work = WORK_END;

	pthread_mutex_lock(&b->mutex);
	b->at_work = false;
	b->in_hand = 0;
	pthread_cond_broadcast(&b->ended);
	while ((b->resting && !b->stopping) || !try_take(w, clock_monotonic_ms(), out, &work)) {
		int64_t until = b->resting       ? CLOCK_NEVER
			: w->retry_at != CLOCK_NEVER ? w->retry_at
			: b->samples.first != NULL   ? w->samples_at
										 : CLOCK_NEVER;

		if (!b->resting && w->retry_at == CLOCK_NEVER && w->upkeep.due_ms < until)
			until = w->upkeep.due_ms;
		clock_wait(&b->work, &b->mutex, until);
	}
	b->at_work = true;
	b->in_hand = work == WORK_ROWS || work == WORK_SAMPLES ? board_lost(b, out) : 0;
	pthread_mutex_unlock(&b->mutex);
	return work;
}
