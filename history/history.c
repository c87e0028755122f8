/* History: the loop's side of writing. Makes requests and never waits for the disk. Not what is
 * asked and heard: answers.c; not the file: the threads have it. */
#include "history/history_parts.h"

#include "history/clock.h"
#include "history/linux.h"
#include "history/reader.h"
#include "history/sparse.h"
#include "history/state.h"
#include "history/writer.h"
#include "model/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- beginning and end ---- */

static void tell_to_stop(struct board *b)
{
	pthread_mutex_lock(&b->mutex);
	b->stopping = true;
	pthread_cond_broadcast(&b->work);
	pthread_cond_broadcast(&b->reading);
	pthread_mutex_unlock(&b->mutex);
}

int history_start(struct history **out, const struct history_options *how, struct err *err)
{
	struct board *b = board_new(how, err);
	struct history *h;
	int code;

	if (b == NULL)
		return -1;
	h = mem_new(1, sizeof *h);
	h->board = b;
	b->threads = 2;
	code = linux_thread(&h->reader, reader_run, b);
	if (code == 0) {
		code = linux_thread(&h->writer, writer_run, b);
		if (code != 0) {
			tell_to_stop(b);
			pthread_join(h->reader, NULL);
		}
	}
	if (code != 0) {
		board_free(b);
		free(h);
		return err_set(err, ERR_SYSTEM, "no thread for the history: %s", strerror(code));
	}
	*out = h;
	return 0;
}

int history_fd(const struct history *h)
{
	return h->board->event_fd;
}

/* What waits for the disk still, when nobody will wait for it any more. Under the mutex. */
static int64_t abandon(struct board *b)
{
	b->abandoned = true;
	return b->lost + b->dropped + board_lost(b, &b->journal) + board_lost(b, &b->late) +
		(int64_t)b->samples.count + b->in_hand +
		(b->writing != NULL && !emergency_holds(&b->emergency, b->writing->intent.id) ? 1 : 0);
}

bool history_settle(struct history *h, int64_t wait_ms)
{
	struct board *b = h->board;
	const int64_t until = clock_monotonic_ms() + wait_ms;
	bool ended;

	tell_to_stop(b);
	pthread_mutex_lock(&b->mutex);
	while (b->threads > 0 && clock_wait(&b->ended, &b->mutex, until))
		continue;
	ended = b->threads == 0;
	pthread_mutex_unlock(&b->mutex);
	return ended;
}

int64_t history_left(struct history *h)
{
	struct board *b = h->board;
	int64_t left;

	pthread_mutex_lock(&b->mutex);
	left = (int64_t)(b->journal.count + b->samples.count + b->late.count) + b->in_hand +
		(b->writing != NULL);
	pthread_mutex_unlock(&b->mutex);
	return left;
}

bool history_rest(struct history *h, int64_t wait_ms)
{
	struct board *b = h->board;
	const int64_t until = clock_monotonic_ms() + wait_ms;
	bool idle;

	pthread_mutex_lock(&b->mutex);
	b->resting = true;
	while (b->at_work && clock_wait(&b->ended, &b->mutex, until))
		continue;
	idle = !b->at_work;
	pthread_mutex_unlock(&b->mutex);
	return idle;
}

void history_wake(struct history *h)
{
	struct board *b = h->board;

	pthread_mutex_lock(&b->mutex);
	b->resting = false;
	pthread_cond_signal(&b->work);
	pthread_mutex_unlock(&b->mutex);
}

int64_t history_stop(struct history *h, int64_t wait_ms)
{
	struct board *b = h->board;
	int64_t lost;
	bool ended;

	history_settle(h, wait_ms);
	pthread_mutex_lock(&b->mutex);
	ended = b->threads == 0;
	lost = ended ? b->lost + b->dropped : abandon(b);
	if (!ended) { /* the last thread frees the board, if the disk ever answers */
		pthread_detach(h->writer);
		pthread_detach(h->reader);
	}
	pthread_mutex_unlock(&b->mutex);
	if (ended) {
		pthread_join(h->writer, NULL);
		pthread_join(h->reader, NULL);
		board_free(b);
	}
	for (size_t i = 0; i < h->node_count; i++)
		text_free(&h->nodes[i].mark);
	free(h->nodes);
	free(h);
	return lost;
}

/* ---- requests ---- */

/* Hands a request to the writer. `at_ms` is the wall time that it carries. */
static void post(struct history *h, struct request *r, int64_t at_ms)
{
	struct board *b = h->board;

	pthread_mutex_lock(&b->mutex);
	if (at_ms > b->last_ms)
		b->last_ms = at_ms;
	request_append(&b->journal, r);
	pthread_cond_signal(&b->work);
	pthread_mutex_unlock(&b->mutex);
}

void history_intent(struct history *h, const struct decision *d)
{
	struct board *b = h->board;
	struct request *r;

	assert(d->id[0] != '\0' && d->verb < VERB_COUNT);
	if (verb_is_brake(d->verb)) { /* before anything that could fail */
		pthread_mutex_lock(&b->mutex);
		emergency_put(&b->emergency, d);
		pthread_mutex_unlock(&b->mutex);
	}
	r = request_new(REQUEST_INTENT);
	r->intent = *d;
	post(h, r, d->at_ms);
}

static bool cancel(struct request *r, const char *id, int64_t at_ms, const char *why)
{
	if (r == NULL || r->kind != REQUEST_INTENT || strcmp(r->intent.id, id) != 0)
		return false;
	r->cancelled = true;
	r->cancelled_ms = at_ms;
	text_copy(r->why, sizeof r->why, why);
	return true;
}

static bool cancel_in(struct request_list *list, const char *id, int64_t at_ms, const char *why)
{
	for (struct request *r = list->first; r != NULL; r = r->next)
		if (cancel(r, id, at_ms, why))
			return true;
	return false;
}

static bool leave_in(struct request_list *list, const char *id)
{
	for (struct request *r = list->first; r != NULL; r = r->next)
		if (r->kind == REQUEST_INTENT && strcmp(r->intent.id, id) == 0)
			return r->left = true;
	return false;
}

bool history_leave(struct history *h, const char *id)
{
	struct board *b = h->board;
	bool joined = false;

	pthread_mutex_lock(&b->mutex);
	if (b->writing != NULL && strcmp(b->writing->intent.id, id) == 0)
		b->writing->left = true;
	else if (!leave_in(&b->journal, id))
		for (const struct answer_node *n = b->first_answer; n != NULL && !joined; n = n->next)
			joined = n->answer.kind == HISTORY_JOINED && strcmp(n->answer.id, id) == 0;
	pthread_mutex_unlock(&b->mutex);
	return !joined;
}

/* The answer COMMITTED of `id` that nobody has taken yet becomes REFUSED. */
static bool take_back(struct board *b, const char *id, const char *why)
{
	for (struct answer_node *n = b->first_answer; n != NULL; n = n->next)
		if (n->answer.kind == HISTORY_COMMITTED && strcmp(n->answer.id, id) == 0) {
			n->answer.kind = HISTORY_REFUSED;
			err_set(&n->answer.err, ERR_HISTORY, "given up before it was recorded: %s", why);
			return true;
		}
	return false;
}

void history_cancel(struct history *h, const char *id, int64_t at_ms, const char *why)
{
	struct board *b = h->board;
	struct outcome_row row = {.row = OUTCOME_ROW_FINAL,
		.kind = OUTCOME_NOT_SENT,
		.at_ms = at_ms,
		.latency_ms = UNKNOWN};
	bool committed;

	text_copy(row.decision, sizeof row.decision, id);
	text_copy(row.answer, sizeof row.answer, why);
	pthread_mutex_lock(&b->mutex);
	if (cancel(b->writing, id, at_ms, why) || cancel_in(&b->journal, id, at_ms, why) ||
		cancel_in(&b->late, id, at_ms, why))
		emergency_outcome(&b->emergency, &row);
	committed = take_back(b, id, why);
	pthread_mutex_unlock(&b->mutex);
	if (committed)
		history_outcome(h, &row);
}

void history_outcome(struct history *h, const struct outcome_row *row)
{
	struct board *b = h->board;
	struct request *r;

	assert(row->row != OUTCOME_ROW_FINAL || outcome_is_final(row->kind));
	pthread_mutex_lock(&b->mutex);
	emergency_outcome(&b->emergency, row);
	pthread_mutex_unlock(&b->mutex);
	r = request_new(REQUEST_OUTCOME);
	r->outcome = *row;
	post(h, r, row->at_ms);
}

static struct request *new_event(enum request_kind kind, int64_t at_ms, const char *pool,
	const char *word, const char *text, char *detail)
{
	struct request *r = request_new(kind);

	r->event.at_ms = at_ms;
	r->event.recording = r->event.tick = UNKNOWN;
	text_copy(r->event.pool, sizeof r->event.pool, pool);
	text_copy(r->event.kind, sizeof r->event.kind, word);
	text_clean(r->event.text, sizeof r->event.text, text, strlen(text));
	r->event.detail = detail;
	return r;
}

void history_event(struct history *h, int64_t at_ms, const char *pool, const char *kind,
	const char *text, const char *detail)
{
	post(h, new_event(REQUEST_EVENT, at_ms, pool, kind, text, mem_copy(detail)), at_ms);
}

static void fill_node(struct journal_node *n, int64_t at_ms, const char *pool,
	const struct snapshot *s, const char *target, const char *driver)
{
	n->at_ms = at_ms;
	text_copy(n->pool, sizeof n->pool, pool);
	text_copy(n->pool_id, sizeof n->pool_id, s->pool_id);
	text_copy(n->node, sizeof n->node, s->node);
	text_copy(n->node_id, sizeof n->node_id, s->node_id);
	text_copy(n->target, sizeof n->target, target);
	text_copy(n->driver, sizeof n->driver, driver);
}

void history_node(struct history *h, int64_t at_ms, const char *pool, const struct snapshot *s,
	const char *target, const char *driver)
{
	struct request *r = request_new(REQUEST_NODE);

	fill_node(&r->node, at_ms, pool, s, target, driver);
	post(h, r, at_ms);
}

void history_recording(struct history *h, int64_t at_ms, int64_t interval_ms,
	const char *version, const char *host, const char *config_json, const char *policy_json)
{
	struct request *r = request_new(REQUEST_RECORDING);

	assert(interval_ms >= 100);
	r->recording.started_ms = at_ms;
	r->recording.interval_ms = interval_ms;
	text_copy(r->recording.version, sizeof r->recording.version, version);
	text_copy(r->recording.host, sizeof r->recording.host, host);
	r->recording.config = mem_copy(config_json != NULL ? config_json : "{}");
	r->recording.policy = mem_copy(policy_json != NULL ? policy_json : "{}");
	/* a new recording begins with the states of all nodes */
	for (size_t i = 0; i < h->node_count; i++) {
		text_clear(&h->nodes[i].mark);
		h->nodes[i].tick = h->nodes[i].sample_ms = UNKNOWN;
	}
	pthread_mutex_lock(&h->board->mutex);
	h->board->has_recording = true;
	pthread_mutex_unlock(&h->board->mutex);
	post(h, r, at_ms);
}

static struct node_mark *mark_of(struct history *h, const char *node_id)
{
	struct node_mark *m;
	size_t low = 0, high = h->node_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = strcmp(h->nodes[middle].node_id, node_id);

		if (order == 0)
			return &h->nodes[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	mem_grow(&h->nodes, &h->node_cap, h->node_count + 1, sizeof *h->nodes);
	m = &h->nodes[low];
	memmove(m + 1, m, (h->node_count++ - low) * sizeof *m);
	*m = (struct node_mark){.tick = UNKNOWN, .sample_ms = UNKNOWN};
	text_copy(m->node_id, sizeof m->node_id, node_id);
	return m;
}

static struct request *new_sample(const struct history_sample *s)
{
	struct request *r = request_new(REQUEST_SAMPLE);

	text_copy(r->sample.pool_id, sizeof r->sample.pool_id, s->pool_id);
	text_copy(r->sample.node_id, sizeof r->sample.node_id, s->node_id);
	r->sample.tick = s->tick;
	r->sample.flags = s->flags;
	r->sample.sample = s->sample;
	for (int a = 0; a < ARM_COUNT; a++) {
		if (s->latency[a] != NULL)
			sparse_encode(&r->sample.latency[a], s->latency[a]);
		if (s->session_latency[a] != NULL)
			sparse_encode(&r->sample.session_latency[a], s->session_latency[a]);
		r->bytes += r->sample.latency[a].cap + r->sample.session_latency[a].cap;
	}
	return r;
}

void history_sample(struct history *h, const struct history_sample *s)
{
	struct board *b = h->board;
	struct node_mark *m = mark_of(h, s->node_id);
	struct request *r = new_sample(s);

	assert(s->tick >= 0);
	m->tick = s->tick;
	m->sample_ms = s->sample.at.wall_ms;
	pthread_mutex_lock(&b->mutex);
	if (b->has_recording && b->condition != BOARD_BROKEN) {
		if (s->sample.at.wall_ms > b->last_ms)
			b->last_ms = s->sample.at.wall_ms;
		request_append(&b->samples, r);
		board_drop_oldest_samples(b);
		r = NULL;
		if (b->samples.count == 1)
			pthread_cond_signal(&b->work); /* the batch has a date from now on */
	} else {
		b->dropped++;
	}
	pthread_mutex_unlock(&b->mutex);
	request_free(r);
}

/* A replay that goes to a moment adds up the samples behind the last document before it. */
#define STATE_MOST_MS (2 * 60 * 1000)

void history_state(struct history *h, int64_t at_ms, const char *pool, const struct snapshot *s)
{
	struct node_mark *m = mark_of(h, s->node_id);
	struct text mark = {0}, document = {0};
	struct state_timers timers;
	struct request *r;

	state_mark(&mark, s);
	state_timers(&timers, s, at_ms);
	if (strcmp(text_str(&mark), text_str(&m->mark)) == 0 &&
		at_ms - m->timers.at_ms < STATE_MOST_MS && at_ms >= m->timers.at_ms &&
		state_runs_on(&m->timers, &timers)) {
		text_free(&mark);
		return;
	}
	text_free(&m->mark);
	m->mark = mark;
	m->timers = timers;
	state_write(&document, s);
	r = new_event(
		REQUEST_STATE, at_ms, pool, "state", "the document changed", text_take(&document));
	text_copy(r->event.node_id, sizeof r->event.node_id, s->node_id);
	/* the samples behind it are those with a later tick, but for the one of this document */
	r->event.tick = m->tick;
	post(h, r, at_ms);
}

void history_observed(struct history *h, int64_t at_ms, const char *pool,
	const struct snapshot *node, const struct audit_entry *entries, size_t count)
{
	struct request *r = request_new(REQUEST_OBSERVED);

	/* its target stands in only where the node was never announced */
	fill_node(&r->observed.node, at_ms, pool, node, node->node_id, "");
	r->observed.count = count;
	r->observed.entries = mem_new(count, sizeof *entries);
	if (count > 0)
		memcpy(r->observed.entries, entries, count * sizeof *entries);
	post(h, r, at_ms);
}
