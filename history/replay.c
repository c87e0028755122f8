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

#include "history/anew.h"
#include "history/choice.h"
#include "history/growth.h"
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
#define BRIEF 16                 /* of them are as long as a brief glance takes */
#define RUSH 512 /* documents of several pools told in one turn of a fast clock */

struct driver {
	struct driver_sink sink;
	char *path;
	struct player_source source;
	struct player players[2], *front, *back;
	bool exact;      /* the front was told all; else the back is on its way to the clock */
	int64_t from_ms; /* where that way began */
	struct replay_span span;
	struct reel own, *reel; /* the clock; another's where several pools go by one */
	struct driver *beside;  /* the next that goes by it */
	bool brief;             /* of the others the front shows little */
	bool unseen; /* what it shows is past: the clock jumped, and the one looked at goes first */
	bool rewind; /* the back begins anew */
	int jumps;              /* of the clock, that were heeded */
	struct moments moments;
	struct anew anew;
	bool ended;        /* the recorder said that it ended */
	bool open;         /* it did not, and is heard: more may come */
	int64_t looked_ms; /* real moment of the last look at the file */
	int64_t heard_ms;  /* and of the last one that found a new row of the recording */
	int64_t version;   /* of the file then, as SQLite counts what others commit */
	int64_t newest;    /* row of its recording then, of any pool */
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
	struct driver *last = with->reel->first;

	while (last->beside != NULL)
		last = last->beside;
	last->beside = d;
	d->reel = with->reel;
	d->reel->tapes += (int)d->front->count;
	widen(d->reel, &d->span);
	reel_put(d->reel, d->reel->start_ms, real_now);
	for (struct driver *each = d->reel->first; each != NULL; each = each->beside)
		each->jumps = d->reel->jumps;
}

struct driver *replay_first(const struct driver *d)
{
	return d->reel->first;
}

struct driver *replay_after(const struct driver *d)
{
	return d->beside;
}

void replay_look_at(struct driver *d)
{
	d->reel->shown = d;
}

int64_t replay_next(const struct driver *d, enum moment_kind kind, int direction)
{
	return moments_next(&d->moments, kind, d->reel->clock_ms, direction);
}

bool replay_has(
	const struct driver *d, enum moment_kind kind, int64_t from_ms, int64_t until_ms)
{
	return moments_within(&d->moments, kind, from_ms, until_ms);
}

int64_t replay_next_of_all(const struct driver *d, enum moment_kind kind, int direction)
{
	int64_t next_ms = UNKNOWN;

	for (const struct driver *each = d->reel->first; each != NULL; each = each->beside) {
		const int64_t at_ms = replay_next(each, kind, direction);

		if (at_ms != UNKNOWN && (next_ms == UNKNOWN || (at_ms - next_ms) * direction < 0))
			next_ms = at_ms;
	}
	return next_ms;
}

bool replay_has_any(
	const struct driver *d, enum moment_kind kind, int64_t from_ms, int64_t until_ms)
{
	for (const struct driver *each = d->reel->first; each != NULL; each = each->beside)
		if (replay_has(each, kind, from_ms, until_ms))
			return true;
	return false;
}

bool replay_follows(const struct driver *d)
{
	for (const struct driver *each = d->reel->first; each != NULL; each = each->beside)
		if (each->open)
			return true;
	return false;
}

size_t replay_nodes(const struct driver *d)
{
	return d->front->count;
}

int replay_catching_up(const struct driver *d)
{
	const int64_t whole_ms = d->reel->clock_ms - d->from_ms;

	if (d->unseen)
		return 0;
	if (d->exact)
		return -1;
	return whole_ms > 0 && !d->rewind
		? (int)((d->back->reached_ms - d->from_ms) * 100 / whole_ms)
		: 0;
}

int replay_catching_up_all(const struct driver *d)
{
	int least = -1;

	for (const struct driver *each = d->reel->first; each != NULL; each = each->beside) {
		const int done = replay_catching_up(each);

		if (done >= 0 && (least < 0 || done < least))
			least = done;
	}
	return least;
}

const struct recheck_result *replay_recheck(const struct driver *d, const char *id)
{
	const struct recheck_result *found = NULL;

	for (const struct driver *each = d->reel->first; each != NULL && found == NULL;
		 each = each->beside)
		found = recheck_of(each->anew.all, id);
	return found;
}

bool replay_works(const struct driver *d)
{
	return !d->exact || d->unseen || !d->anew.done;
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

static void set_unseen(struct driver *d, bool unseen)
{
	d->reel->unseen += unseen - d->unseen;
	d->unseen = unseen;
}

static void glance(struct driver *d, int64_t to_ms)
{
	set_unseen(d, false);
	d->brief = d->reel->shown != d;
	player_glance(d->front, to_ms, d->brief);
}

/* What was exact goes on behind, unless the clock was put back: then it begins anew. */
static void jump(struct driver *d)
{
	const int64_t to_ms = d->reel->clock_ms;

	if (d->exact && to_ms >= d->front->reached_ms)
		swap(d);
	else if (d->exact || d->back->reached_ms > to_ms)
		d->rewind = true;
	d->exact = false;
	d->from_ms = d->rewind ? d->span.start_ms : d->back->reached_ms;
	glance(d, to_ms);
}

/* What was shown stays, as of its moment. */
static void wait_to_be_seen(struct driver *d)
{
	struct driver_event e = {.kind = DRIVER_PAST,
		.node = d->front->node,
		.at = {d->front->reached_ms, d->front->reached_ms}};

	set_unseen(d, true);
	d->sink.event(d->sink.ctx, &e);
}

/* The pool that is looked at is shown at once, and as many others as a frame has time for. */
static void begin_jump(struct driver *d)
{
	struct reel *r = d->reel;
	const int64_t near_ms = SLICE / 2 / r->tapes * d->span.interval_ms;
	const int64_t ahead_ms = r->clock_ms - d->front->reached_ms;
	const bool has_time = r->shown == d || r->spare > SLICE / 2;

	d->jumps = r->jumps;
	if (d->exact && !d->unseen && ahead_ms >= 0 && ahead_ms <= near_ms)
		return;
	if (r->shown != d)
		r->spare -= BRIEF;
	if (has_time)
		jump(d);
	else
		wait_to_be_seen(d);
}

static void catch_up(struct driver *d)
{
	struct reel *r = d->reel;
	const int64_t to_ms = r->clock_ms;
	const bool shown = r->shown == d;

	if (d->unseen) {
		if (shown || r->spare > 0)
			jump(d);
		r->spare -= shown ? 0 : BRIEF;
	} else if ((shown && d->brief) || player_is_due(d->front, to_ms)) {
		glance(d, to_ms);
	}
	if (r->unseen > 0 || (!shown && !r->shown->exact))
		return;
	if (d->rewind)
		player_jump(d->back, d->span.start_ms < to_ms ? d->span.start_ms : to_ms);
	d->rewind = false;
	if (!player_play(d->back, to_ms, &r->spare))
		return;
	d->exact = true;
	swap(d);
}

void replay_from(struct driver *d, int64_t wall_ms, struct instant real_now)
{
	reel_put(d->reel, wall_ms, real_now);
	d->jumps = d->reel->jumps;
	d->exact = true;
	d->rewind = false;
	set_unseen(d, false);
	player_jump(d->front, d->reel->clock_ms);
}

/* ---- a file that is still written ---- */

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

static int load_anew(struct driver *d, struct err *err)
{
	return anew_load(&d->anew, d->source.db, d->path, d->span.pool, d->span.start_ms,
		d->span.end_ms, err);
}

static int load_moments(struct driver *d, struct err *err)
{
	moments_release(&d->moments);
	if (moments_load(&d->moments, d->source.db, d->path, d->span.pool, d->span.start_ms,
			d->span.end_ms, err) < 0 ||
		load_anew(d, err) < 0)
		return -1;
	anew_mark(&d->anew, &d->moments);
	return 0;
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
	int64_t version, newest = d->newest;
	bool silent;

	if (growth_version(&d->source, &version, err) < 0)
		return -1;
	if (version != d->version && growth_newest(&d->source, &newest, err) < 0)
		return -1;
	if (newest > d->newest) {
		d->newest = newest;
		d->heard_ms = now.boot_ms;
	}
	silent = now.boot_ms - d->heard_ms > SILENT_MS;
	if (version == d->version && d->open != silent)
		return 0;
	d->version = version;
	if (growth_ended(&d->source, &d->ended, err) < 0)
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

	if (growth_version(&d->source, &d->version, err) < 0 ||
		growth_newest(&d->source, &d->newest, err) < 0 || growth_ended(&d->source, &d->ended, err) < 0)
		return -1;
	d->looked_ms = d->heard_ms = now.boot_ms;
	d->open = !d->ended && now.wall_ms - SILENT_MS <= last_ms;
	if (!d->open)
		d->heard_ms -= SILENT_MS + 1;
	return d->open ? extend_tapes(d, err) : 0;
}

/* Behind all else that a turn does, and of all pools together no more than it has time for: the one
 * that is looked at goes first. */
static void judge_anew(struct driver *d)
{
	struct reel *r = d->reel;
	struct err err;

	if (d->anew.done || r->spare <= 0 || replay_catching_up_all(d) >= 0 ||
		(r->shown != d && !r->shown->anew.done))
		return;
	anew_turn(&d->anew, &d->moments, r->spare);
	r->spare = 0;
	if (d->anew.done && d->anew.stale && load_anew(d, &err) < 0)
		player_break(d->front, &err);
}

static void replay_turn(struct driver *d, struct instant now)
{
	int all = INT_MAX;

	follow(d, now);
	if (d->reel == &d->own) {
		reel_run(d->reel, now,
			d->beside != NULL ? RUSH / d->reel->tapes * d->span.interval_ms : INT64_MAX);
		d->reel->spare = SLICE;
	}
	/* one transaction for all that is read in a turn: each would take and leave the lock */
	sqlite3_exec(d->source.db, "BEGIN", NULL, NULL, NULL);
	if (d->jumps != d->reel->jumps)
		begin_jump(d);
	else if (!d->exact || d->unseen)
		catch_up(d);
	if (d->exact && !d->unseen) {
		player_play(d->front, d->reel->clock_ms, &all);
		judge_anew(d);
	}
	sqlite3_exec(d->source.db, "COMMIT", NULL, NULL, NULL);
}

/* The recorded ticks are the polls: `turn` tells them when they are due. */
static void replay_poll(struct driver *d, struct instant now)
{
	(void)d;
	(void)now;
}

int replay_pools(struct driver *d, char (*out)[POOL_NAME_MAX], size_t most, struct err *err)
{
	return choice_pools(&d->source, out, most, err);
}

/* ---- opening ---- */

static int open_players(struct driver *d, const struct driver_open *how, struct err *err)
{
	int code = 0;

	d->span.recording = d->source.recording;
	d->span.interval_ms = d->source.interval_ms;
	text_copy(d->span.pool, sizeof d->span.pool, d->source.pool);
	text_copy(d->span.pool_id, sizeof d->span.pool_id, d->source.pool_id);
	for (int i = 0; i < 2 && code == 0; i++) {
		struct player *p = &d->players[i];

		code = player_open(p, &d->source, err);
		p->node = how->node;
		p->sink = how->sink;
	}
	if (code == 0 && d->front->count == 0)
		code = err_set(err, ERR_FILE, "that recording in \"%s\" has no samples of pool \"%s\"",
			d->path, d->span.pool);
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
	anew_release(&d->anew);
	query_close(d->source.query);
	sqlite3_close(d->source.db);
	free(d->path);
	free(d);
}

static int replay_open(struct driver **out, const struct driver_open *how, struct err *err)
{
	struct driver *d = mem_new(1, sizeof *d);
	struct wish wish;
	int code = wish_read(&wish, how->target, err);

	d->source.path = d->path = wish.path;
	d->sink = how->sink;
	d->front = &d->players[0];
	d->back = &d->players[1];
	d->reel = &d->own;
	d->exact = true;
	if (code == 0)
		code = schema_open_readonly(&d->source.db, d->path, err);
	if (code == 0) {
		d->source.query = query_over(d->source.db, d->path);
		code = choice_make(&d->source, &wish, err);
	}
	free(wish.pool);
	if (code == 0)
		code = open_players(d, how, err);
	if (code == 0)
		code = begin_following(d, how->now, err);
	if (code == 0) {
		reel_begin(d->reel, d->span.start_ms, d->span.start_ms, how->now);
		d->reel->first = d->reel->shown = d;
		d->reel->tapes = (int)d->front->count;
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
	.help = "replay:FILE[?pool=NAME[&recording=NUMBER]]  a recording, by its own clock",
	.open = replay_open,
	.poll = replay_poll,
	.turn = replay_turn,
	.close = replay_close,
};
