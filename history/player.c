/* Player: tapes (documents of nodes) and marks (decisions) merged into events. No clock: replay.c
 * says until when. It takes no command and judges nothing.
 *
 * Invariants:
 * 1. Events are told in the order of their recorded moments, each once between two jumps.
 * 2. A glance tells rows and words for what it leaves out; it is never judged.
 * 3. Nor is a minute that samples became: the words come before it, and with each that was recorded
 *    behind it. */
#include "history/player.h"

#include "history/schema.h"
#include "model/mem.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_MS (10 * 60 * 1000) /* of rows in a glance: as much as a plot shows */
#define TIMED_MS (2 * 60 * 1000)   /* of them with latencies: the window of limits */
#define BRIEF_ROWS 10

/* ---- events ---- */

static void tell(struct player *p, struct driver_event *e, int64_t at_ms)
{
	/* A recorder that was silent tells late of a gap that a decision has passed. */
	p->told_ms = at_ms > p->told_ms ? at_ms : p->told_ms;
	e->node += p->node;
	e->behind = p->behind;
	e->at = (struct instant){p->told_ms, p->told_ms};
	p->sink.event(p->sink.ctx, e);
}

static uint64_t node_of(const struct player *p, const struct tape *t)
{
	return (uint64_t)(t - p->tapes);
}

static void tell_trouble(struct player *p, uint64_t node, const struct err *err, int64_t at_ms)
{
	struct driver_event e = {.kind = DRIVER_TROUBLE, .node = node, .err = err};

	tell(p, &e, at_ms);
}

static void tell_gap(struct player *p, const struct tape *t, int64_t at_ms)
{
	struct err err;

	err_set(&err, ERR_UNREACHABLE, "gap in the recording");
	tell_trouble(p, node_of(p, t), &err, at_ms);
}

static void tell_decision(struct player *p, const struct decision *decision, int64_t at_ms)
{
	struct driver_event e = {.kind = DRIVER_DECISION, .decision = decision};

	tell(p, &e, at_ms);
}

static void tell_document(struct player *p, const struct tape *t, int64_t at_ms)
{
	struct driver_event e = {.kind = DRIVER_SNAPSHOT,
		.node = node_of(p, t),
		.snapshot = t->current,
		.minute = t->minute};

	tell(p, &e, at_ms);
}

/* ---- recorded words ---- */

/* The last words of two kinds that were recorded before a moment. A recorder notes each word as it
 * changes, so the last one is that of the moment. */
static int read_told(const struct player *p, int64_t at_ms, struct told *out, struct err *err)
{
	static const char *const kinds[] = {"verdict", "guard"};
	char *const words[] = {out->verdict, out->guard};
	sqlite3_stmt *s = p->words;
	int code = 0;

	*out = (struct told){.is = true};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds && code == 0; i++) {
		sqlite3_bind_text(s, 1, kinds[i], -1, SQLITE_STATIC);
		sqlite3_bind_int64(s, 2, at_ms);
		code = sqlite3_step(s);
		if (code == SQLITE_ROW)
			text_clean(words[i], VERDICT_TEXT_MAX, (const char *)sqlite3_column_text(s, 0),
				(size_t)sqlite3_column_bytes(s, 0));
		code = schema_result(err, p->source->db, code, "reading the history",
				   p->source->path) == SCHEMA_OK
			? 0
			: -1;
		sqlite3_reset(s);
	}
	return code;
}

/* When the next word is recorded behind a moment. */
static int read_flip(struct player *p, int64_t at_ms, int64_t *next_ms, struct err *err)
{
	int code;

	sqlite3_bind_int64(p->flip, 2, at_ms);
	code = sqlite3_step(p->flip);
	*next_ms = code == SQLITE_ROW && sqlite3_column_type(p->flip, 0) == SQLITE_INTEGER
		? sqlite3_column_int64(p->flip, 0)
		: INT64_MAX;
	code = schema_result(err, p->source->db, code, "reading the history", p->source->path);
	sqlite3_reset(p->flip);
	return code == SCHEMA_OK ? 0 : -1;
}

/* Tells the words before a document that the judge cannot read, and before one behind it when they
 * are new. */
static int cite(struct player *p, const struct tape *t, int64_t at_ms, struct err *err)
{
	struct driver_event words = {.kind = DRIVER_TOLD, .node = node_of(p, t), .told = &p->told};
	bool is_new;

	if (t->minute && !p->cites)
		p->flip_ms = INT64_MIN;
	p->cites |= t->minute;
	is_new = p->cites && at_ms >= p->flip_ms;
	if (is_new &&
		(read_told(p, at_ms, &p->told, err) < 0 || read_flip(p, at_ms, &p->flip_ms, err) < 0))
		return -1;
	p->told.of_minute = t->minute;
	p->told.goes_on = !t->minute;
	if (t->minute || is_new)
		tell(p, &words, at_ms);
	return 0;
}

void player_break(struct player *p, const struct err *err)
{
	p->broken = true;
	tell_trouble(p, 0, err, p->reached_ms);
}

/* ---- in order ---- */

/* The tape whose next item comes first and is due, NULL when none is. */
static struct tape *due_tape(
	const struct player *p, int64_t until_ms, int64_t *at_ms, enum tape_kind *kind)
{
	struct tape *due = NULL;

	for (size_t i = 0; i < p->count; i++) {
		int64_t at;
		const enum tape_kind k = tape_peek(&p->tapes[i], &at);

		if (k == TAPE_END || at > until_ms || (due != NULL && at >= *at_ms))
			continue;
		due = &p->tapes[i];
		*at_ms = at;
		*kind = k;
	}
	return due;
}

static void play_tape(struct player *p, struct tape *t, enum tape_kind kind, int64_t at_ms)
{
	struct err err;

	if (tape_take(t, &err) < 0 || (kind == TAPE_DOCUMENT && cite(p, t, at_ms, &err) < 0))
		player_break(p, &err);
	else if (kind == TAPE_GAP)
		tell_gap(p, t, at_ms);
	else
		tell_document(p, t, at_ms);
}

bool player_play(struct player *p, int64_t until_ms, int *most)
{
	while (!p->broken && *most > 0) {
		const int64_t mark_ms = marks_due_ms(&p->marks);
		int64_t at_ms = INT64_MAX;
		enum tape_kind kind = TAPE_END;
		struct tape *t = due_tape(p, until_ms, &at_ms, &kind);

		if (mark_ms <= until_ms && mark_ms <= at_ms) {
			const struct decision *changed = marks_take(&p->marks);

			p->reached_ms = mark_ms;
			if (changed != NULL)
				tell_decision(p, changed, mark_ms);
		} else if (t != NULL) {
			p->reached_ms = at_ms;
			play_tape(p, t, kind, at_ms);
			--*most;
		} else {
			p->reached_ms = until_ms;
			return true;
		}
	}
	return p->broken;
}

bool player_is_due(const struct player *p, int64_t until_ms)
{
	int64_t at_ms;
	enum tape_kind kind;

	return !p->broken &&
		(marks_due_ms(&p->marks) <= until_ms || due_tape(p, until_ms, &at_ms, &kind) != NULL);
}

void player_forget(struct player *p, int64_t at_ms)
{
	struct driver_event e = {.kind = DRIVER_RESET};

	p->told_ms = INT64_MIN;
	p->reached_ms = at_ms;
	p->broken = p->cites = false;
	tell(p, &e, at_ms);
}

static void tell_standing(struct player *p, size_t made, int64_t at_ms)
{
	for (size_t i = 0; i < made; i++)
		tell_decision(p, &p->marks.standing[i], at_ms);
}

void player_jump(struct player *p, int64_t from_ms)
{
	struct err err;

	player_forget(p, from_ms);
	for (size_t i = 0; i < p->count && !p->broken; i++)
		if (tape_seek(&p->tapes[i], from_ms, &err) < 0)
			player_break(p, &err);
	tell_standing(p, marks_seek(&p->marks, from_ms), from_ms);
}

/* ---- at a glance ---- */

struct glance {
	struct player *player;
	const struct tape *tape;
};

static void tell_row(void *ctx, const struct history_sample *s)
{
	const struct glance *g = ctx;
	struct driver_event e = {.kind = DRIVER_ROW,
		.node = node_of(g->player, g->tape),
		.sample = &s->sample,
		.minute = s->minute,
		.latency = {s->latency[ARM_V1], s->latency[ARM_V2]}};

	tell(g->player, &e, s->sample.at.wall_ms);
}

static int glance_at_tape(
	struct player *p, struct tape *t, int64_t at_ms, bool brief, struct err *err)
{
	const int64_t brief_ms = BRIEF_ROWS * p->source->interval_ms;
	struct glance g = {p, t};
	int64_t next_ms;

	/* nodes speak in turn: the rows of the next one begin where those of this one began */
	p->told_ms = INT64_MIN;
	if (tape_look(t, at_ms - (brief ? brief_ms : WINDOW_MS),
			at_ms - (brief ? brief_ms : TIMED_MS), at_ms, tell_row, &g, err) < 0)
		return -1;
	if (t->has_current)
		tell_document(p, t, t->at_ms);
	if (tape_peek(t, &next_ms) == TAPE_GAP && next_ms <= at_ms) {
		if (tape_take(t, err) < 0)
			return -1;
		tell_gap(p, t, next_ms);
	}
	return 0;
}

void player_glance(struct player *p, int64_t at_ms, bool brief)
{
	struct told told;
	struct driver_event words = {.kind = DRIVER_TOLD, .told = &told};
	struct err err;

	player_forget(p, at_ms);
	p->told_ms = INT64_MIN;
	if (read_told(p, at_ms, &told, &err) < 0)
		player_break(p, &err);
	else
		tell(p, &words, at_ms - WINDOW_MS);
	for (size_t i = 0; i < p->count && !p->broken; i++)
		if (glance_at_tape(p, &p->tapes[i], at_ms, brief, &err) < 0)
			player_break(p, &err);
	p->told_ms = at_ms;
	tell_standing(p, marks_seek(&p->marks, at_ms + 1), at_ms);
}

/* ---- a file that is still written ---- */

int player_load_marks(struct player *p, int64_t until_ms, struct err *err)
{
	marks_release(&p->marks);
	return marks_load(&p->marks, p->source->query, p->source->pool, until_ms, err);
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

int player_extend_tapes(struct player *p, bool open, struct err *err)
{
	for (size_t i = 0; i < p->count; i++)
		if (tape_extend(&p->tapes[i], open, err) < 0)
			return -1;
	return 0;
}

int player_extend_marks(struct player *p, int64_t until_ms, struct err *err)
{
	struct marks old = p->marks;
	size_t told = 0, made;
	int code;

	for (size_t i = 0; i < old.decision_count; i++)
		told += old.standing[i].at_ms <= p->reached_ms;
	p->marks = (struct marks){0};
	code = player_load_marks(p, until_ms, err);
	if (code == 0) {
		made = marks_seek(&p->marks, p->reached_ms + 1);
		for (size_t i = 0; i < made; i++)
			if (!is_told(&old, told, &p->marks.standing[i]))
				tell_decision(p, &p->marks.standing[i], p->reached_ms);
	}
	marks_release(&old);
	return code;
}

/* ---- opening ---- */

static void take_name(sqlite3_stmt *s, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	text_clean(out, size, text != NULL ? text : "",
		text != NULL ? (size_t)sqlite3_column_bytes(s, column) : 0);
}

static int find_nodes(
	const struct player_source *from, char (*ids)[POOL_ID_MAX], size_t *count, struct err *err)
{
	sqlite3_stmt *s;

	if (schema_prepare(&s, from->db,
			"SELECT node_id FROM series WHERE recording = ?1 AND pool_id = ?2 AND arm = 'v1'"
			" ORDER BY id",
			from->path, err) < 0)
		return -1;
	sqlite3_bind_int64(s, 1, from->recording);
	sqlite3_bind_text(s, 2, from->pool_id, -1, SQLITE_STATIC);
	while (*count < HISTORY_NODES_MAX && sqlite3_step(s) == SQLITE_ROW)
		take_name(s, 0, ids[(*count)++], POOL_ID_MAX);
	sqlite3_finalize(s);
	return 0;
}

static int prepare_words(struct player *p, struct err *err)
{
	const struct player_source *from = p->source;

	if (schema_prepare(&p->words, from->db,
			"SELECT text FROM event WHERE kind = ?1 AND at_ms <= ?2 AND pool = ?3"
			" AND coalesce(recording, ?4) = ?4 ORDER BY at_ms DESC, seq DESC LIMIT 1",
			from->path, err) < 0)
		return -1;
	sqlite3_bind_text(p->words, 3, from->pool, -1, SQLITE_STATIC);
	sqlite3_bind_int64(p->words, 4, from->recording);
	if (schema_prepare(&p->flip, from->db,
			"SELECT min(at_ms) FROM event WHERE kind IN ('verdict', 'guard') AND at_ms > ?2"
			" AND pool = ?3 AND coalesce(recording, ?4) = ?4",
			from->path, err) < 0)
		return -1;
	sqlite3_bind_text(p->flip, 3, from->pool, -1, SQLITE_STATIC);
	sqlite3_bind_int64(p->flip, 4, from->recording);
	return 0;
}

int player_open(struct player *p, const struct player_source *source, struct err *err)
{
	char(*ids)[POOL_ID_MAX] = mem_new(HISTORY_NODES_MAX, sizeof *ids);
	size_t count = 0;
	int code = find_nodes(source, ids, &count, err);

	p->source = source;
	p->told_ms = p->reached_ms = INT64_MIN;
	if (code == 0)
		code = prepare_words(p, err);
	p->tapes = mem_new(count, sizeof *p->tapes);
	for (; p->count < count && code == 0; p->count += code == 0)
		code = tape_open(&p->tapes[p->count], source->db, source->path, source->recording,
			ids[p->count], err);
	free(ids);
	return code;
}

void player_close(struct player *p)
{
	for (size_t i = 0; i < p->count; i++)
		tape_close(&p->tapes[i]);
	free(p->tapes);
	sqlite3_finalize(p->words);
	sqlite3_finalize(p->flip);
	marks_release(&p->marks);
	*p = (struct player){0};
}

int64_t player_first_ms(const struct player *p)
{
	int64_t first_ms = INT64_MAX;

	for (size_t i = 0; i < p->count; i++)
		if (tape_first_ms(&p->tapes[i]) < first_ms)
			first_ms = tape_first_ms(&p->tapes[i]);
	return first_ms;
}

int64_t player_last_ms(const struct player *p)
{
	int64_t last_ms = INT64_MIN;

	for (size_t i = 0; i < p->count; i++)
		if (tape_last_ms(&p->tapes[i]) > last_ms)
			last_ms = tape_last_ms(&p->tapes[i]);
	return last_ms;
}
