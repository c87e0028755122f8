/* Intent: its row, its one answer, its slot in the emergency journal, its next try. Not when it
 * is written: writer.c takes it.
 *
 * Invariants:
 * 1. Whether an intent was cancelled is read under the mutex in the same step as its answer is
 *    given: no cancelled intent is answered COMMITTED.
 * 2. A brake that has no row yet has its slot, or waits for its next try, or was told to the
 *    system's log.
 * 3. Of two guards' rollbacks at one red one has a row; a person's always has, and one that left
 *    before it was recorded, as a late one. */
#include "history/intent.h"

#include "history/raisings.h"
#include "model/mem.h"
#include "model/text.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

/* Under the mutex: the NOT_SENT row of a cancelled intent. */
static struct outcome_row not_sent(const struct request *r)
{
	struct outcome_row row = {.row = OUTCOME_ROW_FINAL,
		.kind = OUTCOME_NOT_SENT,
		.at_ms = r->cancelled_ms,
		.latency_ms = UNKNOWN};

	text_copy(row.decision, sizeof row.decision, r->intent.id);
	text_copy(row.answer, sizeof row.answer, r->why);
	return row;
}

/* Under the mutex: the cancel came after the commit had begun, so the row stands behind it. */
static void add_not_sent(struct board *b, const struct request *r)
{
	struct request *outcome = request_new(REQUEST_OUTCOME);
	struct request_list front = {0};

	outcome->outcome = not_sent(r);
	request_append(&front, outcome);
	request_put_back(&b->journal, &front);
}

/* In the transaction of the row: of two processes one is first. */
static enum schema_result check_raising(
	struct journal *j, const struct board *b, const struct decision *d, struct err *err)
{
	struct raisings all;
	const struct raising *last;
	char text[RAISING_TEXT_MAX];

	if (b->max_raising <= 0 || d->late || !raising_is(d))
		return SCHEMA_OK;
	struct query *q = query_over(j->db, j->path);
	const int rc = raisings_read(q, d->at_ms, &all, err);

	query_close(q);
	if (rc < 0)
		return SCHEMA_REFUSED;
	if (raising_others(&all, d->pool, d->at_ms, &last) < b->max_raising)
		return SCHEMA_OK;
	raising_text(text, last, d->at_ms);
	err_set(err, ERR_RAISING, "%s", text);
	return SCHEMA_REFUSED;
}

struct repeated {
	const struct decision *of;
	struct decision *same;
};

static bool take_same(void *ctx, const struct decision *other)
{
	struct repeated *r = ctx;

	if (!decision_repeats(r->of, other))
		return true;
	r->same = mem_new(1, sizeof *r->same);
	*r->same = *other;
	return false;
}

/* The same for two guards that see one red. */
static enum schema_result check_repeated(
	struct journal *j, struct decision *d, bool left, struct intent_try *try, struct err *err)
{
	struct repeated r = {.of = d};
	const struct query_filter before = {.pool = d->pool,
		.verb = (int)d->verb + 1,
		.since_ms = d->at_ms - DECISION_REPEAT_MS};

	if (d->late || d->verb != VERB_ROLLBACK || strcmp(d->role, GUARD_ROLE) != 0)
		return SCHEMA_OK;
	struct query *q = query_over(j->db, j->path);
	const int rc = query_decisions(q, &before, take_same, &r, err);

	query_close(q);
	if (left && r.same != NULL) {
		d->late = true;
		free(r.same);
		r.same = NULL;
	}
	try->same = r.same;
	/* What cannot be read must not keep a brake from being written. */
	return rc == 0 && r.same != NULL ? SCHEMA_REFUSED : SCHEMA_OK;
}

enum schema_result intent_write(struct journal *j, struct board *b, struct request *r,
	struct intent_try *try, struct err *err)
{
	struct outcome_row row;
	bool added, left;
	enum schema_result result = journal_begin(j, err);

	if (result != SCHEMA_OK)
		return result;
	pthread_mutex_lock(&b->mutex);
	left = r->left;
	pthread_mutex_unlock(&b->mutex);
	result = check_raising(j, b, &r->intent, err);
	if (result == SCHEMA_OK)
		result = check_repeated(j, &r->intent, left, try, err);
	if (result == SCHEMA_OK)
		result = journal_intent(j, &r->intent, err);
	try->seq = j->seq;
	journal_head(j, try->hash);
	pthread_mutex_lock(&b->mutex);
	try->told = r->cancelled;
	row = not_sent(r);
	pthread_mutex_unlock(&b->mutex);
	if (result == SCHEMA_OK && try->told)
		result = journal_outcome(j, &row, &added, err);
	if (result == SCHEMA_OK)
		return journal_commit(j, err);
	journal_rollback(j);
	return result;
}

/* Under the mutex: gives the one answer to an intent. */
static void answer_intent(struct board *b, const struct request *r, enum schema_result result,
	struct intent_try *try, struct err *err)
{
	struct history_answer a = {.kind = HISTORY_COMMITTED, .seq = try->seq};

	if (result == SCHEMA_OK && !r->cancelled) {
		text_copy(a.id, sizeof a.id, r->intent.id);
		text_copy(a.hash, sizeof a.hash, try->hash);
		board_answer(b, &a);
		return;
	}
	if (try->same != NULL) {
		struct history_answer joined = {
			.kind = HISTORY_JOINED, .decisions = try->same, .decision_count = 1};

		text_copy(joined.id, sizeof joined.id, r->intent.id);
		try->same = NULL;
		board_answer(b, &joined);
		return;
	}
	if (result == SCHEMA_OK)
		err_set(err, ERR_HISTORY, "given up before it was recorded: %s", r->why);
	board_refuse(b, r->intent.id, err);
}

/* Under the mutex: a brake that met a passing failure waits for the next try, as a late one,
 * before those that were refused behind it. Where there is none, it is lost unless it has its
 * slot. */
static void keep_for_later(
	struct board *b, struct request_list *rows, bool again, const struct err *why)
{
	const int64_t lost = board_lost(b, rows);

	if (b->late.count >= EMERGENCY_SLOTS ||
		(b->stopping && (lost == 0 || !board_tries_again(b, why)))) {
		b->lost += lost;
		return;
	}
	rows->first->intent.late = true;
	if (again)
		request_put_back(&b->late, rows);
	else
		request_append(&b->late, request_take_first(rows));
}

/* Under the mutex: what the emergency journal need not keep any more, and the next try. */
static void settle_intent(struct board *b, struct request_list *rows, bool again,
	enum schema_result result, const struct intent_try *try, const struct err *why)
{
	const struct request *r = rows->first;

	if (result == SCHEMA_OK) {
		if (try->told)
			emergency_settled(&b->emergency, r->intent.id);
		else if (r->cancelled)
			add_not_sent(b, r);
		emergency_recorded(&b->emergency, r->intent.id);
	} else if (result == SCHEMA_REFUSED) {
		emergency_drop(&b->emergency, r->intent.id);
	} else if (result == SCHEMA_LATER && verb_is_brake(r->intent.verb)) {
		keep_for_later(b, rows, again, why);
	} else if (result == SCHEMA_BROKEN && verb_is_brake(r->intent.verb)) {
		b->lost += board_lost(b, rows);
	}
}

void intent_finish(struct board *b, struct request_list *rows, bool again,
	enum schema_result result, struct intent_try *try, struct err *err)
{
	const struct request *r = rows->first;
	const bool joined = try->same != NULL;
	char line[EMERGENCY_LINE_MAX] = "";

	pthread_mutex_lock(&b->mutex);
	b->writing = NULL;
	if (joined && r->left) { /* meanwhile */
		free(try->same);
		try->same = NULL;
		rows->first->intent.late = true;
		request_put_back(&b->journal, rows);
		pthread_mutex_unlock(&b->mutex);
		return;
	}
	if (!again) {
		answer_intent(b, r, result, try, err);
		if (result != SCHEMA_OK && !joined && verb_is_brake(r->intent.verb))
			emergency_line(line, &r->intent);
	}
	settle_intent(b, rows, again, result, try, err);
	pthread_mutex_unlock(&b->mutex);
	if (line[0] != '\0')
		intent_alarm(b, line);
}

void intent_alarm(struct board *b, const char *line)
{
	emergency_sync(&b->emergency);
	if (!b->quiet)
		syslog(LOG_AUTHPRIV | LOG_WARNING, "%s", line);
}
