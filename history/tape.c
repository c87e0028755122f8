/* Tape: state + samples = documents. Not a clock: replay.c has it. Not how they add up:
 * document.c.
 *
 * A state event holds the absolute counters of one document. It names the tick of the last
 * sample before it; the sample of the same document, if it has one, was received at the same
 * moment. Where samples became a minute, that is one document, at the moment of the last of them;
 * what states within it count already is taken off it.
 *
 * Invariants:
 * 1. Differences of successive documents are the stored samples, counts and histograms; within a
 *    minute their sum is.
 * 2. seq rises, and moments never go back, whatever the recorded wall clock did. */
#include "history/tape.h"

#include "history/document.h"
#include "history/state.h"
#include "model/mem.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define JUMP_MS (10 * 60 * 1000)

struct tape_state {
	int64_t seq, at_ms, tick; /* tick -1: before the first sample */
};

static int64_t tick_ms(const struct tape *t, int64_t tick)
{
	return t->samples.started_ms + tick * t->samples.interval_ms;
}

/* When a sample was received: its own word, unless the clock jumped. Ticks run ahead of the
 * clock where a pool was polled faster for a while. */
static int64_t sample_ms(const struct tape *t, const struct history_sample *s)
{
	const int64_t due = tick_ms(t, s->tick), at = s->sample.at.wall_ms;

	return at >= due - JUMP_MS && at <= due + JUMP_MS ? at : due;
}

static int64_t not_before(const struct tape *t, int64_t at_ms)
{
	return t->has_current && at_ms < t->at_ms ? t->at_ms : at_ms;
}

/* ---- opening ---- */

static int rewind_tape(struct tape *t, struct err *err);

/* Those behind the last one that is known. */
static int load_states(struct tape *t, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code;

	if (schema_prepare(&s, t->samples.db,
			"SELECT seq, at_ms, coalesce(tick, -1) FROM event WHERE kind = 'state'"
			" AND recording = ?1 AND node_id = ?2 AND at_ms BETWEEN 0 AND 100000000000000"
			" AND coalesce(tick, -1) BETWEEN -1 AND 1000000000000 AND seq > ?3 ORDER BY seq",
			t->samples.path, err) < 0)
		return -1;
	sqlite3_bind_int64(s, 1, t->recording);
	sqlite3_bind_text(s, 2, t->samples.node_id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, t->state_count > 0 ? t->states[t->state_count - 1].seq : 0);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		mem_grow(&t->states, &t->state_cap, t->state_count + 1, sizeof *t->states);
		t->states[t->state_count++] = (struct tape_state){
			sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2)};
	}
	sqlite3_finalize(s);
	return schema_result(err, t->samples.db, code, "reading the history", t->samples.path) ==
			SCHEMA_OK
		? 0
		: -1;
}

/* The moment of the last document that can be told. */
static int find_last(struct tape *t, struct err *err)
{
	struct history_sample last;
	int found = 0;

	t->last_ms = t->first_ms;
	if (t->state_count > 0 && !t->open)
		t->last_ms = t->states[t->state_count - 1].at_ms;
	if (t->last_tick != UNKNOWN)
		found = samples_read(&t->samples, t->last_tick, t->last_tick, &last, err);
	if (found > 0 && sample_ms(t, &last) > t->last_ms)
		t->last_ms = sample_ms(t, &last);
	return found < 0 ? -1 : 0;
}

/* What is left of the minute that `tick` is in; once for each tick, however often it is asked. */
static void cut_minute(struct tape *t)
{
	const int64_t behind = t->sample.tick - t->tick, left = behind < t->left ? behind : t->left;

	document_scale(&t->sample.sample, left, t->left);
	t->left = left;
	t->rough = true;
}

/* Reads the sample behind `tick` ahead. */
static int load_next(struct tape *t, struct err *err)
{
	int found = 0;

	t->gap_told = false;
	if (t->last_tick != UNKNOWN)
		found = samples_read(&t->samples, t->tick + 1, t->last_tick, &t->sample, err);
	t->has_sample = found > 0;
	t->left = t->sample.tick - t->sample.first_tick + 1;
	if (found > 0 && t->sample.minute && t->tick >= t->sample.first_tick)
		cut_minute(t);
	return found < 0 ? -1 : 0;
}

int tape_open(struct tape *t, sqlite3 *db, const char *path, int64_t recording,
	const char *node_id, struct err *err)
{
	*t = (struct tape){.tick = -1, .recording = recording};
	if (samples_reader_open(&t->samples, db, path, recording, node_id, err) < 0)
		return -1;
	t->current = mem_new(1, sizeof *t->current);
	if (schema_prepare(&t->detail, db, "SELECT detail FROM event WHERE seq = ?1", path, err) <
			0 ||
		state_prepare(&t->reader, db, path, err) < 0 ||
		samples_last_tick(&t->samples, &t->last_tick, err) < 0 || load_states(t, err) < 0 ||
		rewind_tape(t, err) < 0) {
		tape_close(t);
		return -1;
	}
	tape_peek(t, &t->first_ms);
	if (find_last(t, err) < 0 || rewind_tape(t, err) < 0) {
		tape_close(t);
		return -1;
	}
	if (t->state_count == 0) {
		tape_close(t);
		return err_set(err, ERR_DAMAGED, "recording %lld of \"%s\" has no state of node \"%s\"",
			(long long)recording, path, node_id);
	}
	return 0;
}

void tape_close(struct tape *t)
{
	samples_reader_close(&t->samples);
	sqlite3_finalize(t->detail);
	sqlite3_finalize(t->reader);
	free(t->states);
	free(t->current);
	*t = (struct tape){0};
}

int tape_extend(struct tape *t, bool open, struct err *err)
{
	const bool told = t->gap_told;

	t->open = open;
	if (samples_last_tick(&t->samples, &t->last_tick, err) < 0 || load_states(t, err) < 0 ||
		find_last(t, err) < 0 || load_next(t, err) < 0)
		return -1;
	t->gap_told = told;
	return 0;
}

int64_t tape_first_ms(const struct tape *t)
{
	return t->first_ms;
}

int64_t tape_last_ms(const struct tape *t)
{
	return t->last_ms;
}

/* ---- documents ---- */

/* The state that comes before or with the next sample, NULL when the sample comes alone. */
static const struct tape_state *due_state(const struct tape *t, bool *with_sample)
{
	const struct tape_state *s =
		t->next_state < t->state_count ? &t->states[t->next_state] : NULL;

	*with_sample = false;
	if (s == NULL || (t->open && !t->has_sample))
		return NULL;
	if (t->has_sample && s->tick <= t->sample.tick && s->at_ms == t->sample.sample.at.wall_ms)
		*with_sample = true;
	else if (t->has_sample && s->tick >= t->sample.tick)
		return NULL;
	return s;
}

/* A state that comes before the minute that is next, and not before its beginning. */
static bool is_within_minute(const struct tape *t, const struct tape_state *s)
{
	return t->has_sample && t->sample.minute && s->tick + 1 >= t->sample.first_tick &&
		s->tick < t->sample.tick && s->at_ms < sample_ms(t, &t->sample);
}

/* Reads a state event over `current`. Histograms go on within a boot: a state has none. */
static int read_state(struct tape *t, const struct tape_state *state, struct err *err)
{
	struct snapshot *fresh = mem_new(1, sizeof *fresh);
	const char *json = NULL;
	int code;

	sqlite3_bind_int64(t->detail, 1, state->seq);
	if (sqlite3_step(t->detail) == SQLITE_ROW)
		json = (const char *)sqlite3_column_text(t->detail, 0);
	code = state_read(fresh, t->reader, json != NULL ? json : "", t->samples.path, err);
	sqlite3_reset(t->detail);
	const bool goes_on = t->has_current && strcmp(fresh->boot_id, t->current->boot_id) == 0;

	if (code == 0 && !goes_on && is_within_minute(t, state)) {
		if (t->has_current)
			cut_minute(t);
		t->rough = true;
	}
	if (code == 0 && goes_on) {
		if (fresh->seq <= t->current->seq)
			fresh->seq = samples_add(t->current->seq, 1);
		for (int a = 0; a < ARM_COUNT; a++) {
			fresh->arms[a].latency = t->current->arms[a].latency;
			fresh->arms[a].session_latency = t->current->arms[a].session_latency;
		}
		/* what is left of a minute that was cut is an estimate too */
		if (t->rough)
			t->rough = document_hold_up(fresh, t->current) || is_within_minute(t, state);
		/* what this one has counted of the minute already */
		if (is_within_minute(t, state))
			document_take_off(
				&t->sample.sample, fresh, t->current, sample_ms(t, &t->sample) - state->at_ms);
	}
	if (code == 0)
		*t->current = *fresh;
	free(fresh);
	return code;
}

/* A state that is the very first document and has a sample: the document before it is this one
 * less the sample, so that the first sample is a difference too. */
static bool is_before_first(const struct tape *t, const struct tape_state *s, bool with_sample)
{
	return !t->has_current && s != NULL && with_sample;
}

/* The tick of the next document. One without a sample (a restart) fills the tick it was
 * received in, but never that of a sample. */
static int64_t next_tick(const struct tape *t, const struct tape_state *s, bool with_sample)
{
	int64_t tick;

	if (s == NULL || with_sample)
		return t->sample.tick;
	tick = (s->at_ms - t->samples.started_ms) / t->samples.interval_ms;
	if (t->has_sample && tick >= t->sample.tick)
		tick = t->sample.tick - 1;
	return tick > t->tick ? tick : t->tick;
}

/* The tick from which on the next document counts. */
static int64_t first_of_next(const struct tape *t, const struct tape_state *s, bool with_sample)
{
	return s == NULL || with_sample || is_within_minute(t, s) ? t->sample.first_tick
															  : next_tick(t, s, false);
}

enum tape_kind tape_peek(const struct tape *t, int64_t *at_ms)
{
	bool with_sample;
	const struct tape_state *s = due_state(t, &with_sample);

	*at_ms = INT64_MAX;
	if (s == NULL && !t->has_sample)
		return TAPE_END;
	if (t->has_current && !t->gap_told && t->tick >= 0 &&
		first_of_next(t, s, with_sample) > t->tick + 1) {
		*at_ms = not_before(t, tick_ms(t, t->tick + 1) + t->samples.interval_ms);
		return TAPE_GAP;
	}
	if (s != NULL && !with_sample) {
		*at_ms = not_before(t, s->at_ms);
		return TAPE_DOCUMENT;
	}
	if (is_before_first(t, s, with_sample)) {
		*at_ms = sample_ms(t, &t->sample) - t->sample.sample.interval_ms;
		return TAPE_DOCUMENT;
	}
	*at_ms = not_before(t, sample_ms(t, &t->sample));
	return TAPE_DOCUMENT;
}

static int take_state(struct tape *t, const struct tape_state *s, struct err *err)
{
	if (read_state(t, s, err) < 0)
		return -1;
	t->has_current = true;
	t->next_state++;
	return 0;
}

static int take_sample(struct tape *t, const struct tape_state *state, struct err *err)
{
	if (state != NULL) {
		if (take_state(t, state, err) < 0)
			return -1;
	} else {
		document_move(t->current, &t->sample.sample, 1);
		document_set_gauges(t->current, t->sample.sample.arms);
		t->current->seq = samples_add(t->current->seq, 1);
	}
	document_add_latencies(t->current, &t->sample);
	t->tick = t->sample.tick;
	t->minute = t->sample.minute;
	return load_next(t, err);
}

int tape_take(struct tape *t, struct err *err)
{
	bool with_sample;
	const struct tape_state *s = due_state(t, &with_sample);
	int64_t at_ms;
	const enum tape_kind kind = tape_peek(t, &at_ms);

	if (kind == TAPE_END)
		return 0;
	if (kind == TAPE_GAP) {
		t->gap_told = true;
		return 0;
	}
	t->at_ms = at_ms;
	if (is_before_first(t, s, with_sample)) {
		if (read_state(t, s, err) < 0)
			return -1;
		document_move(t->current, &t->sample.sample, -1);
		t->current->seq = samples_add(t->current->seq, -1);
		t->has_current = true;
		t->minute = t->sample.minute;
		return 0;
	}
	if (s != NULL && !with_sample) {
		t->tick = next_tick(t, s, false);
		t->gap_told = false;
		t->minute = is_within_minute(t, s);
		return take_state(t, s, err);
	}
	return take_sample(t, s, err);
}

/* ---- seeking ---- */

/* To the first state: samples before it cannot become documents. */
static int rewind_tape(struct tape *t, struct err *err)
{
	t->has_current = t->minute = t->rough = false;
	t->next_state = 0;
	t->tick = t->state_count > 0 && t->states[0].tick > 0 ? t->states[0].tick - 1 : -1;
	if (load_next(t, err) < 0)
		return -1;
	if (t->state_count > 0 && t->has_sample && t->sample.tick <= t->states[0].tick &&
		t->sample.sample.at.wall_ms != t->states[0].at_ms) {
		t->tick = t->states[0].tick;
		return load_next(t, err);
	}
	return 0;
}

/* Takes what comes before a moment while that is of minutes: they cannot be summed up to the middle
 * of one. */
static int pass_minutes(struct tape *t, int64_t at_ms, struct err *err)
{
	int64_t next_ms;

	while (t->has_sample && t->sample.minute && tape_peek(t, &next_ms) != TAPE_END &&
		next_ms < at_ms)
		if (tape_take(t, err) < 0)
			return -1;
	return 0;
}

int tape_seek(struct tape *t, int64_t at_ms, struct err *err)
{
	const struct samples_reader *r = &t->samples;
	int64_t tick, first;
	struct sample sum;
	size_t i, found = 0;

	if (rewind_tape(t, err) < 0)
		return -1;
	if (at_ms <= r->started_ms)
		return 0;
	tick = (at_ms - r->started_ms) / r->interval_ms;
	for (i = 0; i < t->state_count; i++)
		if (t->states[i].tick < tick && t->states[i].at_ms < at_ms)
			found = i + 1;
	if (found == 0)
		return 0;
	t->next_state = found - 1;
	t->at_ms = t->states[found - 1].at_ms;
	t->tick = t->states[found - 1].tick;
	if (load_next(t, err) < 0 || take_state(t, &t->states[found - 1], err) < 0)
		return -1;
	t->minute = is_within_minute(t, &t->states[found - 1]);
	/* the sample of the state's own document is in its counters already */
	if (t->has_sample && t->sample.sample.at.wall_ms == t->states[found - 1].at_ms) {
		t->tick = t->sample.tick;
		if (load_next(t, err) < 0)
			return -1;
	}
	if (pass_minutes(t, at_ms, err) < 0)
		return -1;
	first = t->tick + 1;
	if (first >= tick || (t->has_sample && t->sample.minute))
		return 0;
	if (samples_sum(&t->samples, first, tick - 1, &sum, err) < 0)
		return -1;
	document_move(t->current, &sum, 1);
	t->current->seq = samples_add(t->current->seq, tick - first);
	t->tick = tick - 1;
	t->at_ms = not_before(t, tick_ms(t, t->tick));
	t->minute = false;
	return load_next(t, err);
}

/* A sample before the first state cannot become a document. */
static int64_t first_tick(const struct tape *t)
{
	return t->state_count > 0 && t->states[0].tick > 0 ? t->states[0].tick : 0;
}

int tape_look(struct tape *t, int64_t from_ms, int64_t timed_ms, int64_t at_ms,
	void (*each)(void *ctx, const struct history_sample *row), void *ctx, struct err *err)
{
	struct samples_reader *r = &t->samples;
	const int64_t began = first_tick(t), from = (from_ms - r->started_ms) / r->interval_ms;
	int64_t tick = from > began ? from : began, seen_ms = INT64_MIN, next_ms;
	struct arm_sample gauges[ARM_COUNT];
	bool gauged = true, is_back = false;
	int found = 0;

	while (t->last_tick != UNKNOWN) {
		r->bare = tick_ms(t, tick) < timed_ms;
		found = samples_read(r, tick, t->last_tick, &t->sample, err);
		/* within a minute the one before it is the last */
		if (found > 0 && t->sample.minute && sample_ms(t, &t->sample) > at_ms && tick > began &&
			seen_ms == INT64_MIN && !is_back) {
			tick = t->sample.first_tick - 1 > began ? t->sample.first_tick - 1 : began;
			is_back = true;
			continue;
		}
		if (found <= 0 || sample_ms(t, &t->sample) > at_ms)
			break;
		gauged = !r->bare;
		seen_ms = t->sample.sample.at.wall_ms = sample_ms(t, &t->sample);
		memcpy(gauges, t->sample.sample.arms, sizeof gauges);
		each(ctx, &t->sample);
		tick = t->sample.tick + 1;
	}
	r->bare = false;
	/* the last one before a gap */
	if (found >= 0 && !gauged) {
		found = samples_read(r, tick - 1, tick - 1, &t->sample, err);
		memcpy(gauges, t->sample.sample.arms, sizeof gauges);
	}
	if (found < 0 || tape_seek(t, at_ms + 1, err) < 0)
		return -1;
	/* a seek counts by ticks: what was received of the last one is still to come */
	while (tape_peek(t, &next_ms) == TAPE_DOCUMENT && next_ms <= at_ms)
		if (tape_take(t, err) < 0)
			return -1;
	if (!t->has_current || seen_ms < t->at_ms)
		return 0;
	t->at_ms = seen_ms;
	document_set_gauges(t->current, gauges);
	return 0;
}
