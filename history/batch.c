/* Batch: many requests as one transaction: rows of the journal, or samples of a second. What a
 * transaction does beside the file takes effect with its commit. Not when: worklist.c; nor what
 * follows where it fails: writer.c. */
#include "history/audit.h"
#include "history/clock.h"
#include "history/writer_parts.h"

#include <stdlib.h>

/* What a transaction of rows does beside the file; takes effect with its commit. */
struct effects {
	struct audit_found observed;
	bool answers_observed;
	int64_t recording, started_ms, interval_ms; /* UNKNOWN: no new one */
};

static enum schema_result write_recording(
	struct writer *w, const struct journal_recording *r, struct effects *e, struct err *err)
{
	/* what is left of the one before it */
	const enum schema_result result =
		checkpoint_write(&w->checkpoint, &w->journal, r->started_ms, true, err);

	if (result != SCHEMA_OK)
		return result;
	e->started_ms = r->started_ms;
	e->interval_ms = r->interval_ms;
	return journal_recording(&w->journal, r, &e->recording, err);
}

static enum schema_result write_row(
	struct writer *w, struct request *r, struct effects *e, struct err *err)
{
	struct journal *j = &w->journal;
	bool added;

	switch (r->kind) {
	case REQUEST_OUTCOME:
		return journal_outcome(j, &r->outcome, &added, err);
	case REQUEST_STATE:
		r->event.recording = e->recording != UNKNOWN ? e->recording : w->recording;
		return journal_event(j, &r->event, err);
	case REQUEST_EVENT:
		return journal_event(j, &r->event, err);
	case REQUEST_NODE:
		return journal_node(j, &r->node, err);
	case REQUEST_RECORDING:
		return write_recording(w, &r->recording, e, err);
	case REQUEST_OBSERVED:
		e->answers_observed = true;
		return audit_import(
			j, &r->observed.node, r->observed.entries, r->observed.count, &e->observed, err);
	default: /* intents and samples have their own transactions, the rest is read */
		break;
	}
	return SCHEMA_REFUSED;
}

static void take_effect(struct writer *w, struct effects *e)
{
	checkpoint_committed(&w->checkpoint);
	if (e->recording != UNKNOWN) {
		checkpoint_begin(&w->checkpoint, e->recording);
		w->recording = e->recording;
		samples_writer_begin(&w->samples, e->recording, e->started_ms, e->interval_ms);
		pthread_mutex_lock(&w->board->mutex);
		w->board->chain.recording = e->recording;
		pthread_mutex_unlock(&w->board->mutex);
	}
	if (e->answers_observed) {
		struct history_answer a = {.kind = HISTORY_OBSERVED,
			.decisions = e->observed.decisions,
			.decision_count = e->observed.count};

		e->observed = (struct audit_found){0};
		pthread_mutex_lock(&w->board->mutex);
		board_answer(w->board, &a);
		pthread_mutex_unlock(&w->board->mutex);
	}
}

/* The final outcomes of a list are committed. */
static void settle(struct board *b, const struct request_list *rows)
{
	pthread_mutex_lock(&b->mutex);
	for (const struct request *r = rows->first; r != NULL; r = r->next)
		if (r->kind == REQUEST_OUTCOME && r->outcome.row == OUTCOME_ROW_FINAL)
			emergency_settled(&b->emergency, r->outcome.decision);
	pthread_mutex_unlock(&b->mutex);
}

enum schema_result batch_rows(struct writer *w, struct request_list *rows, struct err *err)
{
	struct effects e = {.recording = UNKNOWN};
	enum schema_result result = journal_begin(&w->journal, err);

	if (result != SCHEMA_OK)
		return result;
	for (struct request *r = rows->first; r != NULL; r = r->next) {
		result = write_row(w, r, &e, err);
		if (result == SCHEMA_REFUSED)
			writer_row_lost(w, err);
		else if (result != SCHEMA_OK)
			break;
	}
	if (result == SCHEMA_OK || result == SCHEMA_REFUSED) {
		result = journal_commit(&w->journal, err);
		if (result == SCHEMA_OK) {
			take_effect(w, &e);
			settle(w->board, rows);
		}
	} else {
		journal_rollback(&w->journal);
	}
	if (result != SCHEMA_OK)
		checkpoint_undo(&w->checkpoint);
	free(e.observed.decisions);
	return result;
}

/* ---- samples ---- */

/* Tells of samples that were dropped, in the transaction of the first batch behind them. */
static enum schema_result write_gap(struct writer *w, int64_t dropped, struct err *err)
{
	struct journal_event gap = {.recording = w->recording, .tick = UNKNOWN};
	struct text text = {0}, detail = {0};
	enum schema_result result;

	text_copy(gap.kind, sizeof gap.kind, "gap");
	text_addf(&text, "%lld samples were dropped: the history could not be written",
		(long long)dropped);
	text_copy(gap.text, sizeof gap.text, text_str(&text));
	text_addf(&detail, "{\"dropped\":%lld}", (long long)dropped);
	gap.detail = text_take(&detail);
	gap.at_ms = board_last_ms(w->board);
	result = journal_event(&w->journal, &gap, err);
	text_free(&text);
	free(gap.detail);
	return result;
}

enum schema_result batch_samples(struct writer *w, struct request_list *rows, struct err *err)
{
	struct board *b = w->board;
	int64_t untold;
	enum schema_result result = journal_begin(&w->journal, err);

	if (result != SCHEMA_OK)
		return result;
	pthread_mutex_lock(&b->mutex);
	untold = b->dropped_untold;
	pthread_mutex_unlock(&b->mutex);
	if (checkpoint_due(&w->checkpoint))
		result = checkpoint_write(&w->checkpoint, &w->journal, board_last_ms(b), false, err);
	if (result == SCHEMA_OK && untold > 0)
		result = write_gap(w, untold, err);
	for (struct request *r = rows->first; r != NULL && result == SCHEMA_OK; r = r->next) {
		result = samples_write(&w->samples, &r->sample, err);
		if (result == SCHEMA_REFUSED) { /* the second of one tick */
			writer_row_lost(w, err);
			result = SCHEMA_OK;
		}
	}
	if (result == SCHEMA_OK)
		result = checkpoint_late(&w->checkpoint, &w->journal, board_last_ms(b), err);
	if (result == SCHEMA_OK)
		result = journal_commit(&w->journal, err);
	else
		journal_rollback(&w->journal);
	if (result != SCHEMA_OK) {
		samples_writer_undo(&w->samples);
		checkpoint_undo(&w->checkpoint);
		return result;
	}
	checkpoint_committed(&w->checkpoint);
	upkeep_begin(&w->upkeep, clock_monotonic_ms());
	pthread_mutex_lock(&b->mutex);
	b->dropped_untold -= untold;
	pthread_mutex_unlock(&b->mutex);
	return result;
}
