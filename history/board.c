/* Board: lists, answers and counters between loop and threads. Not their work: writer.c and
 * reader.c do that.
 *
 * Invariants:
 * 1. A request belongs to exactly one of: a list, the thread that took it.
 * 2. The descriptor is readable as long as an answer waits. */
#include "history/board.h"

#include "history/clock.h"
#include "history/linux.h"
#include "model/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BODY(member) offsetof(struct request, member) + sizeof((struct request *)0)->member

static const size_t request_sizes[] = {
	[REQUEST_INTENT] = BODY(intent),
	[REQUEST_OUTCOME] = BODY(outcome),
	[REQUEST_EVENT] = BODY(event),
	[REQUEST_STATE] = BODY(event),
	[REQUEST_NODE] = BODY(node),
	[REQUEST_RECORDING] = BODY(recording),
	[REQUEST_OBSERVED] = BODY(observed),
	[REQUEST_SAMPLE] = BODY(sample),
	[REQUEST_LOAD] = BODY(load),
	[REQUEST_FIND] = BODY(hash),
	[REQUEST_PAGE] = BODY(page),
	[REQUEST_DETAIL] = BODY(detail),
	[REQUEST_SERIES] = BODY(range),
	[REQUEST_RAISING] = BODY(raising_ms),
};

struct request *request_new(enum request_kind kind)
{
	struct request *r = mem_new(1, request_sizes[kind]);

	r->kind = kind;
	r->bytes = request_sizes[kind];
	return r;
}

void request_free(struct request *r)
{
	if (r == NULL)
		return;
	switch (r->kind) {
	case REQUEST_EVENT:
	case REQUEST_STATE:
		free(r->event.detail);
		break;
	case REQUEST_RECORDING:
		free(r->recording.config);
		free(r->recording.policy);
		break;
	case REQUEST_OBSERVED:
		free(r->observed.entries);
		break;
	case REQUEST_SAMPLE:
		for (int a = 0; a < ARM_COUNT; a++) {
			text_free(&r->sample.latency[a]);
			text_free(&r->sample.session_latency[a]);
		}
		break;
	case REQUEST_INTENT:
	case REQUEST_OUTCOME:
	case REQUEST_NODE:
	case REQUEST_LOAD:
	case REQUEST_FIND:
	case REQUEST_PAGE:
	case REQUEST_DETAIL:
	case REQUEST_SERIES:
	case REQUEST_RAISING:
		break;
	}
	free(r);
}

void request_append(struct request_list *list, struct request *r)
{
	r->next = NULL;
	if (list->last != NULL)
		list->last->next = r;
	else
		list->first = r;
	list->last = r;
	list->count++;
	list->bytes += r->bytes;
}

struct request *request_take_first(struct request_list *list)
{
	struct request *r = list->first;

	if (r == NULL)
		return NULL;
	list->first = r->next;
	if (list->first == NULL)
		list->last = NULL;
	list->count--;
	list->bytes -= r->bytes;
	r->next = NULL;
	return r;
}

void request_put_back(struct request_list *list, struct request_list *front)
{
	if (front->first == NULL)
		return;
	front->last->next = list->first;
	list->first = front->first;
	if (list->last == NULL)
		list->last = front->last;
	list->count += front->count;
	list->bytes += front->bytes;
	*front = (struct request_list){0};
}

int64_t request_drop_all(struct request_list *list)
{
	const int64_t count = (int64_t)list->count;

	for (struct request *r; (r = request_take_first(list)) != NULL;)
		request_free(r);
	return count;
}

static bool init_conditions(struct board *b)
{
	if (clock_cond_init(&b->work) != 0)
		return false;
	if (clock_cond_init(&b->reading) != 0) {
		pthread_cond_destroy(&b->work);
		return false;
	}
	if (clock_cond_init(&b->ended) != 0) {
		pthread_cond_destroy(&b->work);
		pthread_cond_destroy(&b->reading);
		return false;
	}
	return true;
}

struct board *board_new(const struct history_options *how, struct err *err)
{
	struct board *b = mem_new(1, sizeof *b);

	b->event_fd = linux_event();
	if (b->event_fd < 0) {
		err_set(err, ERR_SYSTEM, "no descriptor for the history: %s", strerror(errno));
		free(b);
		return NULL;
	}
	if (pthread_mutex_init(&b->mutex, NULL) != 0 || !init_conditions(b)) {
		err_set(err, ERR_SYSTEM, "no locks for the history: %s", strerror(errno));
		close(b->event_fd);
		free(b);
		return NULL;
	}
	b->chain.recording = UNKNOWN;
	b->path = mem_copy(how->path);
	b->actor = mem_copy(how->actor);
	b->key_dir = mem_copy(how->key_dir);
	b->must_be_new = how->must_be_new;
	b->quiet = how->quiet;
	b->lock_ms = how->lock_ms > 0 ? how->lock_ms : LOCK_LIMIT_MS;
	b->max_raising = how->max_raising;
	b->thinning = (struct thin_how){how->keep_ms, how->cap_bytes};
	b->at_work = true; /* it opens the file */
	emergency_open(&b->emergency, b->path);
	return b;
}

void board_free(struct board *b)
{
	request_drop_all(&b->journal);
	request_drop_all(&b->samples);
	request_drop_all(&b->loads);
	request_drop_all(&b->late);
	emergency_close(&b->emergency);
	while (b->first_answer != NULL) {
		struct answer_node *n = b->first_answer;

		b->first_answer = n->next;
		history_answer_release(&n->answer);
		free(n);
	}
	pthread_cond_destroy(&b->work);
	pthread_cond_destroy(&b->reading);
	pthread_cond_destroy(&b->ended);
	pthread_mutex_destroy(&b->mutex);
	close(b->event_fd);
	free(b->path);
	free(b->actor);
	free(b->key_dir);
	free(b);
}

void board_answer(struct board *b, struct history_answer *a)
{
	struct answer_node *n = mem_new(1, sizeof *n);

	n->answer = *a;
	*a = (struct history_answer){0};
	if (b->last_answer != NULL)
		b->last_answer->next = n;
	else
		b->first_answer = n;
	b->last_answer = n;
	linux_event_raise(b->event_fd);
}

void board_refuse(struct board *b, const char *id, const struct err *why)
{
	struct history_answer a = {.kind = HISTORY_REFUSED, .err = *why};

	text_copy(a.id, sizeof a.id, id);
	board_answer(b, &a);
}

void board_chain(struct board *b, const struct journal *j)
{
	b->chain.wrote |= b->condition == BOARD_OPEN && j->seq != b->chain.rows;
	b->chain.rows = j->seq;
	journal_head(j, b->chain.head);
}

static bool is_kept(const struct board *b, const struct request *r)
{
	if (r->kind == REQUEST_INTENT)
		return emergency_holds(&b->emergency, r->intent.id);
	return r->kind == REQUEST_OUTCOME && r->outcome.row == OUTCOME_ROW_FINAL &&
		emergency_holds(&b->emergency, r->outcome.decision);
}

int64_t board_lost(const struct board *b, const struct request_list *list)
{
	int64_t count = 0;

	for (const struct request *r = list->first; r != NULL; r = r->next)
		count += !is_kept(b, r);
	return count;
}

bool board_tries_again(const struct board *b, const struct err *why)
{
	return !b->stopping || (why->code == ERR_LOCKED && !b->abandoned);
}

void board_drop_oldest_samples(struct board *b)
{
	while (b->samples.count > 1 &&
		(b->samples.bytes > BOARD_BACKLOG_BYTES ||
			b->samples.last->sample.sample.at.boot_ms -
					b->samples.first->sample.sample.at.boot_ms >
				BOARD_BACKLOG_MS)) {
		request_free(request_take_first(&b->samples));
		b->dropped++;
		b->dropped_untold++;
	}
}

int64_t board_last_ms(struct board *b)
{
	int64_t ms;

	pthread_mutex_lock(&b->mutex);
	ms = b->last_ms;
	pthread_mutex_unlock(&b->mutex);
	return ms;
}

void board_thread_ends(struct board *b)
{
	bool last;

	pthread_mutex_lock(&b->mutex);
	b->threads--;
	last = b->abandoned && b->threads == 0;
	pthread_cond_broadcast(&b->ended);
	pthread_mutex_unlock(&b->mutex);
	if (last)
		board_free(b);
}
