/* Writer, opening: the file, its migration where it is older, the journals of the dead and the
 * first answer, in this order. Not what is written then: writer.c.
 *
 * Invariants:
 * 1. Nobody waits for a migration but who wants a row: the loop has HISTORY_MIGRATING answers,
 *    and brakes are in the emergency journal.
 * 2. Who is told to stop meanwhile stops, unless the end is near. */
#include "history/writer_open.h"

#include "history/clock.h"
#include "history/migrate.h"
#include "history/salvage.h"
#include "model/mem.h"
#include "model/text.h"
#include "model/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define TELL_EVERY_MS 250
#define NEAR_MS 1000 /* of the end: it is quicker than to begin anew */

/* A migration as the loop hears of it. */
struct telling {
	struct board *board;
	int64_t begun_ms, told_ms;
};

static bool is_stopping(struct board *b)
{
	bool stopping;

	pthread_mutex_lock(&b->mutex);
	stopping = b->stopping;
	pthread_mutex_unlock(&b->mutex);
	return stopping;
}

/* `long_since`: what is known of the past is read from the older file; for a moment that is not
 * worth while. */
static void tell(struct board *b, struct history_answer *a, bool long_since)
{
	a->kind = HISTORY_MIGRATING;
	pthread_mutex_lock(&b->mutex);
	board_answer(b, a);
	if (long_since)
		b->condition = BOARD_MIGRATING;
	pthread_cond_broadcast(&b->reading);
	pthread_mutex_unlock(&b->mutex);
}

static void say_progress(struct history_answer *a)
{
	const int64_t done = a->migration.done, total = a->migration.total;
	const int percent = total > 0 ? (int)(100.0 * (double)done / (double)total) : 0;
	char rest[24], left[48] = "";

	unit_duration(rest, sizeof rest, a->migration.rest_ms);
	if (a->migration.rest_ms != UNKNOWN)
		snprintf(left, sizeof left, ", about %s left", rest);
	err_set(&a->err, ERR_HISTORY, "it migrates, %d %%: %lld of %lld rows%s", percent,
		(long long)done, (long long)total, left);
}

/* Whole seconds: the estimate is no better. */
static int64_t rest_ms(const struct telling *t, int64_t now, int64_t done, int64_t total)
{
	if (done <= 0 || total < done)
		return UNKNOWN;
	return (int64_t)((double)(now - t->begun_ms) * (double)(total - done) / (double)done) /
		1000 * 1000;
}

static bool hear_progress(void *ctx, int64_t done, int64_t total)
{
	struct telling *t = ctx;
	const int64_t now = clock_monotonic_ms(), rest = rest_ms(t, now, done, total);

	if (t->told_ms == UNKNOWN || now - t->told_ms >= TELL_EVERY_MS) {
		struct history_answer a = {
			.migration = {.done = done, .total = total, .rest_ms = rest}};

		t->told_ms = now;
		say_progress(&a);
		tell(t->board, &a, now - t->begun_ms >= NEAR_MS);
	}
	return !is_stopping(t->board) || (rest != UNKNOWN && rest < NEAR_MS);
}

/* Somebody is in the way, who will go: that is said, and it is tried again. */
static void tell_wait(struct board *b, bool migrates)
{
	struct history_answer a = {
		.migration = {.done = UNKNOWN, .total = UNKNOWN, .rest_ms = UNKNOWN}};
	char who[64] = "another process";

	lock_other(b->path, who, sizeof who);
	if (migrates)
		err_set(&a.err, ERR_HISTORY, "%s migrates it", who);
	else
		err_set(&a.err, ERR_HISTORY,
			"it waits for %s, which has it open: end that, and it migrates", who);
	tell(b, &a, true);
}

static int open_all(struct board *b, struct journal *j, struct samples_writer *s,
	struct checkpoint *c, struct err *err)
{
	if (journal_open(j, b->path, b->actor, b->key_dir, b->must_be_new, err) < 0)
		return -1;
	j->lock_ms = b->lock_ms;
	return samples_writer_open(s, j->db, b->path, c, err);
}

/* What could be done about a history that does not open: OK, try again; BROKEN, it stays so. Each
 * try takes seconds by itself where a lock is in the way; `*again`: nobody seems to hold it for
 * long, and it was not tried once more yet. */
static enum schema_result make_way(
	struct board *b, struct migrate_report *report, bool *again, struct err *err)
{
	struct telling t = {.board = b, .begun_ms = clock_monotonic_ms(), .told_ms = UNKNOWN};
	const struct migrate_watch watch = {hear_progress, &t};
	const bool is_older = err->code == ERR_HISTORY && report->from == 0 && !b->must_be_new;
	enum schema_result r = SCHEMA_BROKEN;

	if (is_older) {
		r = migrate(report, b->path, &watch, err);
		if (r == SCHEMA_LATER)
			report->from = 0;
		else if (r == SCHEMA_OK && report->from == 0)
			report->from = SCHEMA_VERSION; /* another did it, or there is another reason */
	} else if (err->code == ERR_LOCKED && lock_is_alone(b->path)) {
		r = SCHEMA_LATER;
	} else if (err->code == ERR_LOCKED && *again) {
		*again = false; /* who was in the way may be gone by now */
		r = SCHEMA_OK;
	}
	if (r != SCHEMA_LATER)
		return r;
	*again = true;
	tell_wait(b, !is_older || lock_is_alone(b->path));
	return is_stopping(b) ? SCHEMA_BROKEN : SCHEMA_OK;
}

/* That the file was migrated is an event in it: best known at the moment of a request, else that of
 * the file. */
static enum schema_result record_migration(
	struct board *b, struct journal *j, const struct migrate_report *m, struct err *err)
{
	struct journal_event e = {.recording = UNKNOWN, .tick = UNKNOWN};
	struct text words = {0}, detail = {0};
	enum schema_result r;
	struct stat st;

	pthread_mutex_lock(&b->mutex);
	e.at_ms = b->last_ms;
	pthread_mutex_unlock(&b->mutex);
	if (e.at_ms == 0 && stat(b->path, &st) == 0)
		e.at_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	text_copy(e.kind, sizeof e.kind, "migrated");
	text_addf(&words,
		"from version %d to %d: %lld rows, %lld of them in quarantine; the old file: %s",
		m->from, SCHEMA_VERSION, (long long)(m->rows + m->quarantined),
		(long long)m->quarantined, m->kept);
	text_clean(e.text, sizeof e.text, text_str(&words), words.len);
	text_add(&detail, "{");
	text_json_int(&detail, "from", m->from);
	text_json_str(&detail, "kept", m->kept);
	text_json_int(&detail, "quarantined", m->quarantined);
	text_json_int(&detail, "rows", m->rows);
	text_json_int(&detail, "to", SCHEMA_VERSION);
	text_add(&detail, "}");
	e.detail = text_take(&detail);
	r = journal_event_alone(j, &e, err);
	text_free(&words);
	free(e.detail);
	return r;
}

/* The loop may write from here on. */
static void tell_open(struct board *b, const struct journal *j, const struct migrate_report *m)
{
	struct history_answer a = {.kind = HISTORY_OPENED, .seq = j->seq};

	journal_head(j, a.hash);
	a.quarantined = migrate_quarantined(b->path);
	a.migrated_from = m->kept[0] != '\0' ? m->from : 0;
	text_copy(a.kept, sizeof a.kept, m->kept);
	pthread_mutex_lock(&b->mutex);
	board_chain(b, j);
	b->condition = BOARD_OPEN;
	board_answer(b, &a);
	pthread_cond_broadcast(&b->reading);
	pthread_mutex_unlock(&b->mutex);
}

enum schema_result writer_open(struct board *b, struct journal *j, struct samples_writer *s,
	struct checkpoint *c, struct err *err)
{
	struct migrate_report migrated = {0};
	enum schema_result r = SCHEMA_OK;
	bool again = true;

	while (open_all(b, j, s, c, err) < 0) {
		samples_writer_close(s);
		journal_close(j);
		if (make_way(b, &migrated, &again, err) != SCHEMA_OK)
			return SCHEMA_BROKEN;
	}
	if (migrated.kept[0] != '\0')
		r = record_migration(b, j, &migrated, err);
	if (r == SCHEMA_OK)
		r = salvage(j, b->emergency.path, err);
	if (r != SCHEMA_BROKEN)
		tell_open(b, j, &migrated);
	return r;
}
