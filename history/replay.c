/* Replay: a driver over a recording. It has two players of its pool: one in front, which tells what
 * is shown, and one behind. A seek shows a glance at once; behind it the recording is told from its
 * beginning, in slices, to a model that judges, and when that has come to the clock the two change
 * places. It takes no command and judges nothing: what the operator saw follows from the same
 * documents.
 *
 * Invariants:
 * 1. Events are told in `turn` only; those in front in the order of their recorded moments.
 * 2. Nothing with a later moment than the clock is told: the screens show what could be known.
 * 3. While the front is exact, everything since the recording's beginning was told to it. */
#include "history/replay.h"

#include "history/player.h"
#include "history/reel.h"
#include "history/schema.h"
#include "model/mem.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define FOLLOW_MS 1000  /* between two looks at a file that is still written */
#define SILENT_MS 60000 /* a recorder that wrote nothing for so long was killed, or hangs */
#define AFTERMATH_MS (60 * 1000) /* decisions and verifications behind the last document */
#define SLICE 64                 /* documents told behind in one turn: some 8 ms */

struct driver {
	struct driver_sink sink;
	char *path;
	struct player_source source;
	struct player players[2], *front, *back;
	bool exact;      /* the front was told all; else the back is on its way to the clock */
	int64_t from_ms; /* where that way began */
	struct replay_span span;
	struct reel own, *reel; /* the clock; another's where several pools go by one */
	int jumps;              /* of the clock, that were heeded */
	struct moments moments;
	bool ended;        /* the recorder said that it ended */
	bool open;         /* it did not, and is heard: more may come */
	int64_t looked_ms; /* real moment of the last look at the file */
	int64_t heard_ms;  /* and of the last one that found something new */
	int64_t version;   /* of the file then, as SQLite counts what others commit */
};

/* ---- the clock ---- */

struct instant replay_now(const struct driver *d)
{
	return (struct instant){d->reel->clock_ms, d->reel->clock_ms};
}

void replay_set_speed(struct driver *d, double factor, struct instant real_now)
{
	reel_set_speed(d->reel, factor, real_now);
}

double replay_speed(const struct driver *d)
{
	return d->reel->speed;
}

void replay_pause(struct driver *d, bool paused, struct instant real_now)
{
	reel_pause(d->reel, paused, real_now);
}

bool replay_is_paused(const struct driver *d)
{
	return d->reel->paused;
}

void replay_seek(struct driver *d, int64_t wall_ms, struct instant real_now)
{
	reel_put(d->reel, wall_ms, real_now);
}

bool replay_at_end(const struct driver *d)
{
	return d->reel->clock_ms >= d->reel->end_ms;
}

void replay_span(const struct driver *d, struct replay_span *out)
{
	*out = d->span;
	out->start_ms = d->reel->start_ms;
	out->end_ms = d->reel->end_ms;
}

static void widen(struct reel *r, const struct replay_span *span)
{
	r->start_ms = span->start_ms < r->start_ms ? span->start_ms : r->start_ms;
	r->end_ms = span->end_ms > r->end_ms ? span->end_ms : r->end_ms;
}

void replay_share(struct driver *d, struct driver *with, struct instant real_now)
{
	d->reel = with->reel;
	widen(d->reel, &d->span);
	d->reel->clock_ms = d->reel->start_ms;
	reel_pause(d->reel, d->reel->paused, real_now);
}

int64_t replay_next(const struct driver *d, enum moment_kind kind, int direction)
{
	return moments_next(&d->moments, kind, d->reel->clock_ms, direction);
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

size_t replay_nodes(const struct driver *d)
{
	return d->front->count;
}

int replay_catching_up(const struct driver *d)
{
	const int64_t whole_ms = d->reel->clock_ms - d->from_ms;

	if (d->exact)
		return -1;
	return whole_ms > 0 ? (int)((d->back->reached_ms - d->from_ms) * 100 / whole_ms) : 0;
}

/* ---- front and back ---- */

static void swap(struct driver *d)
{
	struct driver_event e = {.kind = DRIVER_SWAP,
		.node = d->front->node,
		.at = {d->reel->clock_ms, d->reel->clock_ms}};
	struct player *front = d->front;

	d->front = d->back;
	d->back = front;
	d->front->behind = false;
	d->back->behind = true;
	d->sink.event(d->sink.ctx, &e);
}

/* What was exact goes on behind, unless the clock was put back: then it begins anew. */
static void begin_jump(struct driver *d)
{
	const int64_t to_ms = d->reel->clock_ms;
	const int64_t near_ms = SLICE / 2 / (int64_t)d->front->count * d->span.interval_ms;
	const int64_t ahead_ms = to_ms - d->front->reached_ms;

	d->jumps = d->reel->jumps;
	if (d->exact && ahead_ms >= 0 && ahead_ms <= near_ms)
		return;
	if (d->exact && ahead_ms >= 0)
		swap(d);
	else if (d->exact || d->back->reached_ms > to_ms)
		player_jump(d->back, d->span.start_ms);
	d->exact = false;
	d->from_ms = d->back->reached_ms;
	player_glance(d->front, to_ms);
}

static void catch_up(struct driver *d)
{
	const int64_t to_ms = d->reel->clock_ms;

	if (player_is_due(d->front, to_ms))
		player_glance(d->front, to_ms);
	if (!player_play(d->back, to_ms, &d->reel->spare))
		return;
	d->exact = true;
	swap(d);
}

void replay_from(struct driver *d, int64_t wall_ms, struct instant real_now)
{
	reel_put(d->reel, wall_ms, real_now);
	d->jumps = d->reel->jumps;
	d->exact = true;
	player_jump(d->front, d->reel->clock_ms);
}

/* ---- a file that is still written ---- */

static int select_row(struct driver *d, const char *sql, const char *text, int64_t number,
	sqlite3_stmt **out, struct err *err)
{
	int code;

	*out = NULL;
	if (schema_prepare(out, d->source.db, sql, d->path, err) < 0)
		return -1;
	if (text != NULL)
		sqlite3_bind_text(*out, 1, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_int64(*out, 1, number);
	code = sqlite3_step(*out);
	if (schema_result(err, d->source.db, code, "reading the history", d->path) != SCHEMA_OK)
		return -1;
	return code == SQLITE_ROW ? 1 : 0;
}

static int read_number(struct driver *d, const char *sql, int64_t *out, struct err *err)
{
	sqlite3_stmt *s;
	const int found = select_row(d, sql, NULL, d->source.recording, &s, err);

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
	int64_t end_ms = player_last_ms(d->front);

	if (!d->open && marks_last_ms(&d->front->marks) > end_ms)
		end_ms = marks_last_ms(&d->front->marks);
	if (end_ms > d->span.end_ms)
		d->span.end_ms = end_ms;
	widen(d->reel, &d->span);
}

static int load_moments(struct driver *d, struct err *err)
{
	moments_release(&d->moments);
	return moments_load(&d->moments, d->source.db, d->path, d->span.pool, d->span.start_ms,
		d->span.end_ms, err);
}

static int extend_tapes(struct driver *d, struct err *err)
{
	for (int i = 0; i < 2; i++)
		if (player_extend_tapes(&d->players[i], d->open, err) < 0)
			return -1;
	return 0;
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
	for (int i = 0; i < 2; i++)
		if (player_extend_marks(&d->players[i], d->span.end_ms + AFTERMATH_MS, err) < 0)
			return -1;
	find_end(d);
	return load_moments(d, err);
}

static void follow(struct driver *d, struct instant now)
{
	struct err err;

	if (d->ended || d->front->broken || now.boot_ms - d->looked_ms < FOLLOW_MS)
		return;
	d->looked_ms = now.boot_ms;
	if (look(d, now, &err) < 0)
		player_break(d->front, &err);
}

/* Whether more may come, as a file looks when it is opened. */
static int begin_following(struct driver *d, struct instant now, struct err *err)
{
	const int64_t last_ms = player_last_ms(d->front);

	if (read_number(d, "PRAGMA data_version", &d->version, err) < 0 || read_ended(d, err) < 0)
		return -1;
	d->looked_ms = d->heard_ms = now.boot_ms;
	d->open = !d->ended && now.wall_ms - SILENT_MS <= last_ms;
	if (!d->open)
		d->heard_ms -= SILENT_MS + 1;
	return d->open ? extend_tapes(d, err) : 0;
}

static void replay_turn(struct driver *d, struct instant now)
{
	int all = INT_MAX;

	follow(d, now);
	if (d->reel == &d->own) {
		d->reel->clock_ms = reel_at(d->reel, now);
		d->reel->spare = SLICE;
	}
	/* one transaction for all that is read in a turn: each would take and leave the lock */
	sqlite3_exec(d->source.db, "BEGIN", NULL, NULL, NULL);
	if (d->jumps != d->reel->jumps)
		begin_jump(d);
	else if (!d->exact)
		catch_up(d);
	if (d->exact)
		player_play(d->front, d->reel->clock_ms, &all);
	sqlite3_exec(d->source.db, "COMMIT", NULL, NULL, NULL);
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
		d->source.recording = sqlite3_column_int64(s, 0);
		d->span.interval_ms = sqlite3_column_int64(s, 1);
		d->span.recording = d->source.recording;
	}
	sqlite3_finalize(s);
	if (found == 0)
		return err_set(err, ERR_FILE, "\"%s\" has no samples of pool \"%s\" to replay", d->path,
			d->span.pool);
	return found < 0 ? -1 : 0;
}

static int open_players(struct driver *d, const struct driver_open *how, struct err *err)
{
	int code = 0;

	d->source.path = d->path;
	d->source.interval_ms = d->span.interval_ms;
	text_copy(d->source.pool, sizeof d->source.pool, d->span.pool);
	text_copy(d->source.pool_id, sizeof d->source.pool_id, d->span.pool_id);
	for (int i = 0; i < 2 && code == 0; i++) {
		struct player *p = &d->players[i];

		code = player_open(p, &d->source, err);
		p->node = how->node;
		p->sink = how->sink;
	}
	d->back->behind = true;
	d->span.start_ms = player_first_ms(d->front);
	d->span.end_ms = INT64_MIN;
	d->front->reached_ms = d->back->reached_ms = d->span.start_ms - 1;
	return code;
}

static int open_marks(struct driver *d, struct err *err)
{
	const int64_t until_ms = d->span.end_ms + AFTERMATH_MS;

	for (int i = 0; i < 2; i++)
		if (player_load_marks(&d->players[i], until_ms, err) < 0)
			return -1;
	find_end(d);
	return load_moments(d, err);
}

static void replay_close(struct driver *d)
{
	for (int i = 0; i < 2; i++)
		player_close(&d->players[i]);
	moments_release(&d->moments);
	query_close(d->source.query);
	sqlite3_close(d->source.db);
	free(d->path);
	free(d);
}

static int replay_open(struct driver **out, const struct driver_open *how, struct err *err)
{
	struct driver *d = mem_new(1, sizeof *d);
	char *pool = NULL;
	int code = split_target(how->target, &d->path, &pool, err);

	d->sink = how->sink;
	d->front = &d->players[0];
	d->back = &d->players[1];
	d->reel = &d->own;
	d->exact = true;
	if (code == 0)
		code = schema_open_readonly(&d->source.db, d->path, err);
	if (code == 0) {
		d->source.query = query_over(d->source.db, d->path);
		code = choose_pool(d, pool, err);
	}
	free(pool);
	if (code == 0)
		code = choose_recording(d, err);
	if (code == 0)
		code = open_players(d, how, err);
	if (code == 0)
		code = begin_following(d, how->now, err);
	if (code == 0) {
		reel_begin(d->reel, d->span.start_ms, d->span.start_ms, how->now);
		find_end(d);
		code = open_marks(d, err);
	}
	if (code < 0) {
		replay_close(d);
		return -1;
	}
	*out = d;
	return 0;
}

const struct driver_ops replay_driver = {
	.scheme = "replay",
	.capabilities = CAPABILITY_BASELINE | CAPABILITY_SESSIONS | CAPABILITY_QUANTILES,
	.whole = true,
	.help = "replay:FILE[?pool=NAME]  a recording, by its own clock",
	.open = replay_open,
	.poll = replay_poll,
	.turn = replay_turn,
	.close = replay_close,
};
