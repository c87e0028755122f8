/* Replay: a driver over a recording. It turns tapes (documents of nodes) and the pool's
 * decisions into events along its own clock. It takes no command and judges nothing: what the
 * operator saw follows from the same documents.
 *
 * Invariants:
 * 1. Events are told in `turn` only, in the order of their recorded moments.
 * 2. Nothing with a later moment than the clock is told: the screens show what could be known.
 */
#include "history/replay.h"

#include "history/marks.h"
#include "history/query.h"
#include "history/schema.h"
#include "history/tape.h"
#include "model/mem.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define FOLLOW_MS 1000  /* between two looks at a file that is still written */
#define SILENT_MS 60000 /* a recorder that wrote nothing for so long was killed, or hangs */
#define WINDOW_MS (10 * 60 * 1000) /* told again after a seek */
#define AFTERMATH_MS (60 * 1000)   /* decisions and verifications behind the last document */
#define SPEED_MIN 0.25
#define SPEED_MAX 3600.0

struct driver {
	uint64_t node;
	struct driver_sink sink;
	char *path;
	sqlite3 *db;
	struct query *query;
	int64_t recording;
	struct replay_span span;
	struct tape *tapes;
	size_t tape_count;
	struct marks marks;
	struct moments moments;
	int64_t told_ms;            /* the moment of the last event since a jump */
	bool ended;                 /* the recorder said that it ended */
	bool open;                  /* it did not, and is heard: more may come */
	int64_t looked_ms;          /* real moment of the last look at the file */
	int64_t heard_ms;           /* and of the last one that found something new */
	int64_t version;            /* of the file then, as SQLite counts what others commit */
	int64_t clock_ms;           /* the moment it stands at */
	int64_t anchor_ms, real_ms; /* it stood at `anchor_ms` at the real moment `real_ms` */
	double speed;
	bool paused;
	bool seeking; /* the next turn tells of a jump to the clock first */
	bool broken;  /* the file could not be read further: said once */
};

/* ---- the clock ---- */

static int64_t clock_at(const struct driver *d, struct instant real)
{
	double ahead;

	if (d->paused || real.boot_ms <= d->real_ms)
		return d->clock_ms;
	ahead = (double)(real.boot_ms - d->real_ms) * d->speed;
	return ahead >= (double)(d->span.end_ms - d->anchor_ms) ? d->span.end_ms
															: d->anchor_ms + (int64_t)ahead;
}

static void set_clock(struct driver *d, int64_t clock_ms, struct instant real)
{
	d->clock_ms = d->anchor_ms = clock_ms;
	d->real_ms = real.boot_ms;
}

struct instant replay_now(const struct driver *d)
{
	return (struct instant){d->clock_ms, d->clock_ms};
}

void replay_set_speed(struct driver *d, double factor, struct instant real_now)
{
	set_clock(d, clock_at(d, real_now), real_now);
	d->speed = fmin(fmax(factor, SPEED_MIN), SPEED_MAX);
}

double replay_speed(const struct driver *d)
{
	return d->speed;
}

void replay_pause(struct driver *d, bool paused, struct instant real_now)
{
	set_clock(d, clock_at(d, real_now), real_now);
	d->paused = paused;
}

bool replay_is_paused(const struct driver *d)
{
	return d->paused;
}

void replay_seek(struct driver *d, int64_t wall_ms, struct instant real_now)
{
	if (wall_ms < d->span.start_ms)
		wall_ms = d->span.start_ms;
	if (wall_ms > d->span.end_ms)
		wall_ms = d->span.end_ms;
	set_clock(d, wall_ms, real_now);
	d->seeking = true;
}

bool replay_at_end(const struct driver *d)
{
	return d->clock_ms >= d->span.end_ms;
}

void replay_span(const struct driver *d, struct replay_span *out)
{
	*out = d->span;
}

int64_t replay_next(const struct driver *d, enum moment_kind kind, int direction)
{
	return moments_next(&d->moments, kind, d->clock_ms, direction);
}

int64_t replay_next_decision(const struct driver *d, int direction)
{
	return replay_next(d, MOMENT_DECISION, direction);
}

bool replay_has(
	const struct driver *d, enum moment_kind kind, int64_t from_ms, int64_t until_ms)
{
	return moments_within(&d->moments, kind, from_ms, until_ms);
}

bool replay_follows(const struct driver *d)
{
	return d->open;
}

/* ---- events ---- */

static void tell(struct driver *d, struct driver_event *e, int64_t at_ms)
{
	/* A recorder that was silent tells late of a gap that a decision has passed. */
	d->told_ms = at_ms > d->told_ms ? at_ms : d->told_ms;
	e->node = d->node;
	e->at = (struct instant){d->told_ms, d->told_ms};
	d->sink.event(d->sink.ctx, e);
}

static void tell_trouble(struct driver *d, const struct err *err, int64_t at_ms)
{
	struct driver_event e = {.kind = DRIVER_TROUBLE, .err = err};

	tell(d, &e, at_ms);
}

static void tell_decision(struct driver *d, const struct decision *decision, int64_t at_ms)
{
	struct driver_event e = {.kind = DRIVER_DECISION, .decision = decision};

	tell(d, &e, at_ms);
}

/* The tape whose next item comes first and is due, NULL when none is. */
static struct tape *due_tape(
	const struct driver *d, int64_t until_ms, int64_t *at_ms, enum tape_kind *kind)
{
	struct tape *due = NULL;

	for (size_t i = 0; i < d->tape_count; i++) {
		int64_t at;
		const enum tape_kind k = tape_peek(&d->tapes[i], &at);

		if (k == TAPE_END || at > until_ms || (due != NULL && at >= *at_ms))
			continue;
		due = &d->tapes[i];
		*at_ms = at;
		*kind = k;
	}
	return due;
}

/* The file became unreadable under a replay: said once, then it stands still. */
static void break_off(struct driver *d, const struct err *err, int64_t at_ms)
{
	d->broken = true;
	tell_trouble(d, err, at_ms);
}

static void play_tape(struct driver *d, struct tape *t, enum tape_kind kind, int64_t at_ms)
{
	struct err err;

	if (tape_take(t, &err) < 0) {
		break_off(d, &err, at_ms);
	} else if (kind == TAPE_GAP) {
		err_set(&err, ERR_UNREACHABLE, "gap in the recording");
		tell_trouble(d, &err, at_ms);
	} else {
		struct driver_event e = {.kind = DRIVER_SNAPSHOT, .snapshot = t->current};

		tell(d, &e, at_ms);
	}
}

/* Tells everything up to a moment, in order. A mark goes before a document of its moment: a
 * step is decided before it is seen. */
static void play(struct driver *d, int64_t until_ms)
{
	while (!d->broken) {
		const int64_t mark_ms = marks_due_ms(&d->marks);
		int64_t at_ms = INT64_MAX;
		enum tape_kind kind = TAPE_END;
		struct tape *t = due_tape(d, until_ms, &at_ms, &kind);

		if (mark_ms <= until_ms && mark_ms <= at_ms) {
			const struct decision *changed = marks_take(&d->marks);

			if (changed != NULL)
				tell_decision(d, changed, mark_ms);
		} else if (t != NULL) {
			play_tape(d, t, kind, at_ms);
		} else {
			break;
		}
	}
}

/* Puts tapes and decisions to where they stood at a moment and tells of what was decided
 * before. */
static void jump(struct driver *d, int64_t from_ms)
{
	struct driver_event reset = {.kind = DRIVER_RESET};
	struct err err;
	size_t made;

	d->told_ms = INT64_MIN;
	tell(d, &reset, from_ms);
	d->broken = false;
	for (size_t i = 0; i < d->tape_count && !d->broken; i++)
		if (tape_seek(&d->tapes[i], from_ms, &err) < 0)
			break_off(d, &err, from_ms);
	made = marks_seek(&d->marks, from_ms);
	for (size_t i = 0; i < made; i++)
		tell_decision(d, &d->marks.standing[i], from_ms);
}

/* ---- a file that is still written ---- */

static int select_row(struct driver *d, const char *sql, const char *text, int64_t number,
	sqlite3_stmt **out, struct err *err)
{
	int code;

	*out = NULL;
	if (schema_prepare(out, d->db, sql, d->path, err) < 0)
		return -1;
	if (text != NULL)
		sqlite3_bind_text(*out, 1, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_int64(*out, 1, number);
	code = sqlite3_step(*out);
	if (schema_result(err, d->db, code, "reading the history", d->path) != SCHEMA_OK)
		return -1;
	return code == SQLITE_ROW ? 1 : 0;
}

static int read_number(struct driver *d, const char *sql, int64_t *out, struct err *err)
{
	sqlite3_stmt *s;
	const int found = select_row(d, sql, NULL, d->recording, &s, err);

	*out = found == 1 ? sqlite3_column_int64(s, 0) : UNKNOWN;
	sqlite3_finalize(s);
	return found < 0 ? -1 : 0;
}

static int read_ended(struct driver *d, struct err *err)
{
	int64_t ended;
	const int code = read_number(
		d, "SELECT 1 FROM event WHERE kind = 'end' AND recording = ?1 LIMIT 1", &ended, err);

	d->ended = code == 0 && ended != UNKNOWN;
	return code;
}

/* Where the span ends. What was decided behind the last document waits for the next one where
 * one may come. */
static void find_end(struct driver *d)
{
	int64_t end_ms = d->span.start_ms;

	for (size_t i = 0; i < d->tape_count; i++)
		if (tape_last_ms(&d->tapes[i]) > end_ms)
			end_ms = tape_last_ms(&d->tapes[i]);
	if (!d->open && marks_last_ms(&d->marks) > end_ms)
		end_ms = marks_last_ms(&d->marks);
	if (end_ms > d->span.end_ms)
		d->span.end_ms = end_ms;
}

static int extend_tapes(struct driver *d, struct err *err)
{
	for (size_t i = 0; i < d->tape_count; i++)
		if (tape_extend(&d->tapes[i], d->open, err) < 0)
			return -1;
	return 0;
}

/* Loads what was decided, and what happened, as the file has it now. */
static int load_marks(struct driver *d, struct err *err)
{
	marks_release(&d->marks);
	moments_release(&d->moments);
	if (marks_load(&d->marks, d->query, d->span.pool, d->span.end_ms + AFTERMATH_MS, err) < 0)
		return -1;
	find_end(d);
	return moments_load(
		&d->moments, d->db, d->path, d->span.pool, d->span.start_ms, d->span.end_ms, err);
}

static bool is_told(const struct marks *m, size_t made, const struct decision *what)
{
	for (size_t i = made; i-- > 0;)
		if (strcmp(m->standing[i].id, what->id) == 0)
			return m->standing[i].outcome == what->outcome &&
				m->standing[i].verified_ms == what->verified_ms &&
				m->standing[i].closed_ms == what->closed_ms;
	return false;
}

/* The marks anew, where the clock stands. A row may come into the file behind a document of a
 * later moment: what has not been told of the time before is told now. */
static int extend_marks(struct driver *d, struct err *err)
{
	struct marks old = d->marks;
	size_t told = 0, made;
	int code;

	for (size_t i = 0; i < old.decision_count; i++)
		told += old.standing[i].at_ms <= d->clock_ms;
	d->marks = (struct marks){0};
	code = load_marks(d, err);
	if (code == 0) {
		made = marks_seek(&d->marks, d->clock_ms + 1);
		for (size_t i = 0; i < made; i++)
			if (!is_told(&old, told, &d->marks.standing[i]))
				tell_decision(d, &d->marks.standing[i], d->clock_ms);
	}
	marks_release(&old);
	return code;
}

/* Reads what was written since the last look; more may come while the recorder is heard. */
static int look(struct driver *d, struct instant now, struct err *err)
{
	int64_t version;
	bool silent;

	if (read_number(d, "PRAGMA data_version", &version, err) < 0)
		return -1;
	if (version != d->version)
		d->heard_ms = now.boot_ms;
	silent = now.boot_ms - d->heard_ms > SILENT_MS;
	if (version == d->version && d->open != silent)
		return 0;
	d->version = version;
	if (read_ended(d, err) < 0)
		return -1;
	d->open = !d->ended && !silent;
	if (extend_tapes(d, err) < 0)
		return -1;
	find_end(d);
	return extend_marks(d, err);
}

static void follow(struct driver *d, struct instant now)
{
	struct err err;

	if (d->ended || d->broken || now.boot_ms - d->looked_ms < FOLLOW_MS)
		return;
	d->looked_ms = now.boot_ms;
	if (look(d, now, &err) < 0)
		break_off(d, &err, d->clock_ms);
}

/* Whether more may come, as a file looks when it is opened. */
static int begin_following(struct driver *d, struct instant now, struct err *err)
{
	int64_t last_ms = INT64_MIN;

	if (read_number(d, "PRAGMA data_version", &d->version, err) < 0 || read_ended(d, err) < 0)
		return -1;
	for (size_t i = 0; i < d->tape_count; i++)
		if (tape_last_ms(&d->tapes[i]) > last_ms)
			last_ms = tape_last_ms(&d->tapes[i]);
	d->looked_ms = d->heard_ms = now.boot_ms;
	d->open = !d->ended && now.wall_ms - SILENT_MS <= last_ms;
	if (!d->open)
		d->heard_ms -= SILENT_MS + 1;
	return d->open ? extend_tapes(d, err) : 0;
}

static void replay_turn(struct driver *d, struct instant now)
{
	follow(d, now);
	if (d->seeking) {
		d->seeking = false;
		jump(d, d->clock_ms - WINDOW_MS);
	} else {
		d->clock_ms = clock_at(d, now);
	}
	play(d, d->clock_ms);
}

/* The recorded ticks are the polls: `turn` tells them when they are due. */
static void replay_poll(struct driver *d, struct instant now)
{
	(void)d;
	(void)now;
}

/* ---- opening ---- */

/* "replay:FILE?pool=NAME" in its parts; both are the caller's. `pool` may be NULL. */
static int split_target(const char *target, char **path, char **pool, struct err *err)
{
	static const char scheme[] = "replay:", option[] = "?pool=";
	const char *file = target, *question;

	if (strncmp(file, scheme, sizeof scheme - 1) == 0)
		file += sizeof scheme - 1;
	question = strrchr(file, '?');
	if (question != NULL && strncmp(question, option, sizeof option - 1) != 0)
		return err_set(
			err, ERR_USAGE, "\"%s\" has an unknown option; only ?pool=NAME is known", target);
	if (question == file || *file == '\0')
		return err_set(err, ERR_USAGE, "\"%s\" names no file; write replay:FILE", target);
	*path = question != NULL ? mem_copy_n(file, (size_t)(question - file)) : mem_copy(file);
	*pool = question != NULL ? mem_copy(question + sizeof option - 1) : NULL;
	return 0;
}

static void take_name(sqlite3_stmt *s, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	text_clean(out, size, text != NULL ? text : "",
		text != NULL ? (size_t)sqlite3_column_bytes(s, column) : 0);
}

/* The pool that is asked for, else the one with the last sample. */
static int choose_pool(struct driver *d, const char *pool, struct err *err)
{
	static const char by_name[] = "SELECT pool, pool_id FROM pool WHERE pool = ?1";
	static const char by_sample[] =
		"SELECT p.pool, p.pool_id FROM sample AS x JOIN series AS s ON s.id = x.key & 268435455"
		" JOIN pool AS p ON p.pool_id = s.pool_id WHERE ?1 = 0 ORDER BY x.key DESC LIMIT 1";
	sqlite3_stmt *s;
	const int found = select_row(d, pool != NULL ? by_name : by_sample, pool, 0, &s, err);

	if (found == 1) {
		take_name(s, 0, d->span.pool, sizeof d->span.pool);
		take_name(s, 1, d->span.pool_id, sizeof d->span.pool_id);
	}
	sqlite3_finalize(s);
	if (found == 0)
		return pool != NULL
			? err_set(err, ERR_FILE, "\"%s\" has no pool \"%s\"", d->path, pool)
			: err_set(err, ERR_FILE, "\"%s\" has no samples to replay", d->path);
	return found < 0 ? -1 : 0;
}

/* The pool's recording with the most samples. */
static int choose_recording(struct driver *d, struct err *err)
{
	sqlite3_stmt *s;
	const int found = select_row(d,
		"SELECT s.recording, r.interval_ms, count(*) AS n FROM sample AS x"
		" JOIN series AS s ON s.id = x.key & 268435455 JOIN recording AS r ON r.seq = "
		"s.recording"
		" WHERE s.pool_id = ?1 GROUP BY s.recording ORDER BY n DESC, s.recording DESC LIMIT 1",
		d->span.pool_id, 0, &s, err);

	if (found == 1) {
		d->recording = sqlite3_column_int64(s, 0);
		d->span.interval_ms = sqlite3_column_int64(s, 1);
	}
	sqlite3_finalize(s);
	if (found == 0)
		return err_set(err, ERR_FILE, "\"%s\" has no samples of pool \"%s\" to replay", d->path,
			d->span.pool);
	return found < 0 ? -1 : 0;
}

static int open_tapes(struct driver *d, struct err *err)
{
	char(*ids)[POOL_ID_MAX] = mem_new(HISTORY_NODES_MAX, sizeof *ids);
	size_t count = 0;
	int code = -1;
	sqlite3_stmt *s;

	if (schema_prepare(&s, d->db,
			"SELECT node_id FROM series WHERE recording = ?1 AND pool_id = ?2 AND arm = 'v1'"
			" ORDER BY id",
			d->path, err) == 0) {
		sqlite3_bind_int64(s, 1, d->recording);
		sqlite3_bind_text(s, 2, d->span.pool_id, -1, SQLITE_STATIC);
		while (count < HISTORY_NODES_MAX && sqlite3_step(s) == SQLITE_ROW)
			take_name(s, 0, ids[count++], POOL_ID_MAX);
		code = 0;
	}
	sqlite3_finalize(s);
	d->tapes = mem_new(count, sizeof *d->tapes);
	d->span.start_ms = INT64_MAX;
	for (size_t i = 0; i < count && code == 0; i++) {
		struct tape *t = &d->tapes[i];

		code = tape_open(t, d->db, d->path, d->recording, ids[i], err);
		if (code < 0)
			break;
		d->tape_count++;
		if (tape_first_ms(t) < d->span.start_ms)
			d->span.start_ms = tape_first_ms(t);
	}
	free(ids);
	return code;
}

static void replay_close(struct driver *d)
{
	for (size_t i = 0; i < d->tape_count; i++)
		tape_close(&d->tapes[i]);
	free(d->tapes);
	marks_release(&d->marks);
	moments_release(&d->moments);
	query_close(d->query);
	sqlite3_close(d->db);
	free(d->path);
	free(d);
}

static int replay_open(struct driver **out, const struct driver_open *how, struct err *err)
{
	struct driver *d = mem_new(1, sizeof *d);
	char *pool = NULL;
	int code = split_target(how->target, &d->path, &pool, err);

	d->node = how->node;
	d->sink = how->sink;
	d->speed = 1;
	d->told_ms = INT64_MIN;
	if (code == 0)
		code = schema_open_readonly(&d->db, d->path, err);
	if (code == 0) {
		d->query = query_over(d->db, d->path);
		code = choose_pool(d, pool, err);
	}
	free(pool);
	if (code == 0)
		code = choose_recording(d, err);
	if (code == 0)
		code = open_tapes(d, err);
	if (code == 0)
		code = begin_following(d, how->now, err);
	if (code == 0) {
		d->span.end_ms = INT64_MIN;
		find_end(d);
		code = load_marks(d, err);
	}
	if (code < 0) {
		replay_close(d);
		return -1;
	}
	set_clock(d, d->span.start_ms, how->now);
	*out = d;
	return 0;
}

const struct driver_ops replay_driver = {
	.scheme = "replay",
	.capabilities = CAPABILITY_BASELINE | CAPABILITY_SESSIONS | CAPABILITY_QUANTILES,
	.help = "replay:FILE[?pool=NAME]  a recording, by its own clock",
	.open = replay_open,
	.poll = replay_poll,
	.turn = replay_turn,
	.close = replay_close,
};
