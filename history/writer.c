/* Writer: takes requests from the board and makes transactions of them. Not their content:
 * journal.c and samples.c write rows, batch.c many of them; nor their order: worklist.c; nor what
 * follows for an intent: intent.c; nor how the file is opened: writer_open.c.
 *
 * Invariants:
 * 1. An intent is a transaction of its own and goes before everything else that waits.
 * 2. A passing failure (lock, no space) refuses the intent that met it and keeps everything
 * else for the next try, a refused brake, too; a lasting one closes the file for good.
 * 3. Samples wait for everything else, and thinning for them; an intent waits for neither.
 * 4. Who is told to stop stops with everything written: a lock in the way is waited for as long as
 *    anybody waits for the end. */
#include "history/writer.h"

#include "history/clock.h"
#include "history/intent.h"
#include "history/salvage.h"
#include "history/writer_open.h"
#include "history/writer_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 1000

/* ---- what follows from a result ---- */

/* The last write worked: says so if the one before did not. */
static void worked(struct writer *w)
{
	struct board *b = w->board;

	w->retry_at = CLOCK_NEVER;
	pthread_mutex_lock(&b->mutex);
	b->in_hand = 0;
	board_chain(b, &w->journal);
	if (b->trouble) {
		struct history_answer good = {.kind = HISTORY_TROUBLE};

		b->trouble = false;
		board_answer(b, &good);
	}
	pthread_mutex_unlock(&b->mutex);
}

/* A passing failure: said once until it works again. */
static void failed_for_now(struct writer *w, const struct err *err)
{
	struct board *b = w->board;

	w->retry_at = clock_monotonic_ms() + RETRY_MS;
	pthread_mutex_lock(&b->mutex);
	if (!b->trouble) {
		struct history_answer bad = {.kind = HISTORY_TROUBLE, .err = *err};

		b->trouble = true;
		board_answer(b, &bad);
	}
	pthread_mutex_unlock(&b->mutex);
}

void writer_row_lost(struct writer *w, const struct err *err)
{
	struct history_answer bad = {.kind = HISTORY_TROUBLE, .err = *err};

	pthread_mutex_lock(&w->board->mutex);
	w->board->lost++;
	w->board->trouble = true; /* so that the commit behind it says that writing works */
	board_answer(w->board, &bad);
	pthread_mutex_unlock(&w->board->mutex);
}

/* A batch of samples was refused as a whole and is lost; the next one tells of it in the file. */
static void batch_lost(struct writer *w, const struct request_list *rows, const struct err *err)
{
	struct board *b = w->board;

	pthread_mutex_lock(&b->mutex);
	b->dropped += (int64_t)rows->count;
	b->dropped_untold += (int64_t)rows->count;
	pthread_mutex_unlock(&b->mutex);
	failed_for_now(w, err);
}

/* A lasting failure: from here on nothing is written. */
static void failed_for_good(struct writer *w, const struct err *err)
{
	struct board *b = w->board;
	struct history_answer bad = {.kind = HISTORY_FAILED, .err = *err};

	pthread_mutex_lock(&b->mutex);
	b->condition = BOARD_BROKEN;
	b->why = *err;
	board_answer(b, &bad);
	pthread_cond_broadcast(&b->reading);
	pthread_mutex_unlock(&b->mutex);
}

/* ---- upkeep ---- */

/* Whether an intent waits. */
static bool in_a_hurry(void *board)
{
	struct board *b = board;
	bool waits = false;

	pthread_mutex_lock(&b->mutex);
	for (const struct request *r = b->journal.first; r != NULL && !waits; r = r->next)
		waits = r->kind == REQUEST_INTENT;
	waits = waits || b->stopping;
	pthread_mutex_unlock(&b->mutex);
	return waits;
}

static enum schema_result keep_up(struct writer *w, struct err *err)
{
	const int64_t newest_ms = w->samples.newest_t * 100, last = board_last_ms(w->board);
	/* a clock that jumped ahead makes nothing old */
	const struct thin_now now = {
		clock_monotonic_ms(), newest_ms < last ? newest_ms : last, w->recording};

	return upkeep_work(&w->upkeep, &now, in_a_hurry, w->board, err);
}

/* ---- the thread ---- */

/* What could not be written: kept for the next try, or counted as lost when there is none. */
static void give_back(
	struct writer *w, enum work work, struct request_list *rows, const struct err *why)
{
	struct board *b = w->board;

	pthread_mutex_lock(&b->mutex);
	b->in_hand = 0;
	if (!board_tries_again(b, why) || (b->stopping && board_lost(b, rows) == 0)) {
		b->lost += board_lost(b, rows);
		request_drop_all(rows);
	} else if (work == WORK_SAMPLES) {
		request_put_back(&b->samples, rows);
		board_drop_oldest_samples(b);
		w->samples_at = w->retry_at;
	} else {
		request_put_back(&b->journal, rows);
	}
	pthread_mutex_unlock(&b->mutex);
}

static enum schema_result do_work(
	struct writer *w, enum work work, struct request_list *rows, struct err *err)
{
	enum schema_result result = SCHEMA_OK;
	struct intent_try try = {0};

	switch (work) {
	case WORK_INTENT:
	case WORK_LATE:
		result = intent_write(&w->journal, w->board, rows->first, &try, err);
		if (result == SCHEMA_OK)
			worked(w); /* before the answer: who takes it sees the head and `writable` */
		intent_finish(w->board, rows, work == WORK_LATE, result, &try, err);
		break;
	case WORK_SALVAGE:
		result = salvage(&w->journal, w->board->emergency.path, err);
		w->salvage_waits = result != SCHEMA_OK;
		break;
	case WORK_ROWS:
		result = batch_rows(w, rows, err);
		break;
	case WORK_SAMPLES:
		result = batch_samples(w, rows, err);
		break;
	case WORK_PROBE:
		result = journal_begin(&w->journal, err);
		if (result == SCHEMA_OK)
			result = journal_commit(&w->journal, err);
		break;
	case WORK_UPKEEP:
		result = keep_up(w, err);
		break;
	case WORK_END:
		break;
	}
	return result;
}

/* Works until it is told to stop (true) or the file is lost (false). */
static bool work_on(struct writer *w)
{
	struct request_list rows = {0};
	enum work work;

	while ((work = worklist_next(w, &rows)) != WORK_END) {
		struct err err = {0};
		const enum schema_result result = do_work(w, work, &rows, &err);

		const bool intent = work == WORK_INTENT || work == WORK_LATE;

		if (result == SCHEMA_OK && !intent)
			worked(w);
		if (result == SCHEMA_REFUSED && work == WORK_LATE)
			writer_row_lost(w, &err);
		if (result == SCHEMA_REFUSED && work == WORK_SAMPLES)
			batch_lost(w, &rows, &err);
		if (result == SCHEMA_LATER) {
			failed_for_now(w, &err);
			if (!intent)
				give_back(w, work, &rows, &err);
		}
		if (result == SCHEMA_BROKEN) {
			failed_for_good(w, &err);
			pthread_mutex_lock(&w->board->mutex);
			if (work == WORK_SAMPLES)
				w->board->dropped += (int64_t)rows.count;
			else if (work == WORK_ROWS)
				w->board->lost += board_lost(w->board, &rows);
			pthread_mutex_unlock(&w->board->mutex);
		}
		request_drop_all(&rows);
		if (result == SCHEMA_BROKEN)
			return false;
	}
	return true;
}

/* Refuses what waits. The alarm for a brake is raised without the mutex. */
static void refuse_waiting(struct board *b, const struct err *why)
{
	struct request_list one = {0};

	while (b->journal.first != NULL) {
		const struct request *r = b->journal.first;
		char line[EMERGENCY_LINE_MAX] = "";

		request_append(&one, request_take_first(&b->journal));
		const bool brake = r->kind == REQUEST_INTENT && verb_is_brake(r->intent.verb);
		if (r->kind != REQUEST_INTENT || brake)
			b->lost += board_lost(b, &one);
		if (r->kind == REQUEST_INTENT)
			board_refuse(b, r->intent.id, why);
		if (brake)
			emergency_line(line, &r->intent);
		request_drop_all(&one);
		if (line[0] != '\0') {
			pthread_mutex_unlock(&b->mutex);
			intent_alarm(b, line);
			pthread_mutex_lock(&b->mutex);
		}
	}
}

/* With no file: every intent is refused, everything else is counted. */
static void refuse_all(struct board *b)
{
	struct err why;

	pthread_mutex_lock(&b->mutex);
	err_set(&why, ERR_HISTORY, "the history cannot be written: %s", b->why.text);
	b->lost += board_lost(b, &b->late); /* they had their answer; the slots stay */
	request_drop_all(&b->late);
	for (;;) {
		refuse_waiting(b, &why);
		b->dropped += request_drop_all(&b->samples);
		if (b->stopping)
			break;
		clock_wait(&b->work, &b->mutex, CLOCK_NEVER);
	}
	pthread_mutex_unlock(&b->mutex);
}

static bool waits_still(struct writer *w, const struct err *why)
{
	bool waits;

	pthread_mutex_lock(&w->board->mutex);
	waits = board_tries_again(w->board, why);
	pthread_mutex_unlock(&w->board->mutex);
	return waits;
}

/* The end of the recording is an event, at the last moment that was recorded, with the number of
 * its samples: whoever adds one later adds too many. */
static void end_recording(struct writer *w)
{
	struct journal_event end = {.recording = w->recording, .tick = UNKNOWN};
	char detail[48];
	struct err err;
	enum schema_result result;

	if (w->recording == UNKNOWN)
		return;
	text_copy(end.kind, sizeof end.kind, "end");
	text_copy(end.text, sizeof end.text, "recording ended");
	snprintf(detail, sizeof detail, "{\"samples\":%lld}",
		(long long)checkpoint_total(&w->checkpoint));
	end.detail = detail;
	end.at_ms = board_last_ms(w->board);
	while ((result = journal_begin(&w->journal, &err)) == SCHEMA_LATER && waits_still(w, &err))
		continue;
	if (result != SCHEMA_OK)
		return;
	result = checkpoint_write(&w->checkpoint, &w->journal, end.at_ms, true, &err);
	if (result == SCHEMA_OK)
		result = journal_event(&w->journal, &end, &err);
	if (result != SCHEMA_OK) {
		journal_rollback(&w->journal);
		return;
	}
	if (journal_commit(&w->journal, &err) != SCHEMA_OK)
		return;
	pthread_mutex_lock(&w->board->mutex);
	board_chain(w->board, &w->journal);
	pthread_mutex_unlock(&w->board->mutex);
}

static bool open_file(struct writer *w)
{
	struct err err = {0};
	const enum schema_result result =
		writer_open(w->board, &w->journal, &w->samples, &w->checkpoint, &err);

	if (result == SCHEMA_BROKEN) {
		failed_for_good(w, &err);
		return false;
	}
	w->salvage_waits = result != SCHEMA_OK;
	if (w->salvage_waits)
		failed_for_now(w, &err);
	return true;
}

static void close_file(struct writer *w)
{
	upkeep_free(&w->upkeep);
	samples_writer_close(&w->samples);
	checkpoint_free(&w->checkpoint);
	journal_close(&w->journal);
	pthread_mutex_lock(&w->board->mutex);
	w->board->at_work = false;
	w->board->in_hand = 0;
	pthread_cond_broadcast(&w->board->ended);
	pthread_mutex_unlock(&w->board->mutex);
}

void *writer_run(void *board)
{
	struct writer w = {.board = board,
		.journal = {.lock = {-1}},
		.checkpoint = {.recording = UNKNOWN},
		.retry_at = CLOCK_NEVER,
		.samples_at = CLOCK_NEVER,
		.recording = UNKNOWN};
	bool good = open_file(&w);

	upkeep_init(&w.upkeep, &w.journal, &w.board->thinning, clock_monotonic_ms());
	good = good && work_on(&w);

	if (good)
		end_recording(&w);
	close_file(&w);
	if (!good)
		refuse_all(w.board);
	board_thread_ends(w.board);
	return NULL;
}
