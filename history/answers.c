/* Answers: the loop's side of reading: what is asked of the file, what was heard, how it stands.
 * Never waits for the disk. */
#include "history/history_parts.h"

#include "history/linux.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is asked ---- */

/* Hands a request to the reader. */
static void post_to_reader(struct board *b, struct request *r)
{
	pthread_mutex_lock(&b->mutex);
	request_append(&b->loads, r);
	b->unread++;
	pthread_cond_signal(&b->reading);
	pthread_mutex_unlock(&b->mutex);
}

bool history_reads(const struct history *h)
{
	struct board *b = h->board;
	pthread_mutex_lock(&b->mutex);
	bool reads = b->unread > 0 || b->first_answer != NULL;
	pthread_mutex_unlock(&b->mutex);
	return reads;
}

void history_load(struct history *h, const char *pool, size_t limit)
{
	struct request *r = request_new(REQUEST_LOAD);

	text_copy(r->load.pool, sizeof r->load.pool, pool);
	r->load.limit = limit;
	post_to_reader(h->board, r);
}

void history_find(struct history *h, const char *hash)
{
	struct request *r = request_new(REQUEST_FIND);

	text_copy(r->hash, sizeof r->hash, hash);
	post_to_reader(h->board, r);
}

void history_raising(struct history *h, int64_t at_ms)
{
	struct request *r = request_new(REQUEST_RAISING);

	r->raising_ms = at_ms;
	post_to_reader(h->board, r);
}

void history_page(struct history *h, const struct page_request *what)
{
	struct request *r = request_new(REQUEST_PAGE);

	r->page = *what;
	post_to_reader(h->board, r);
}

void history_detail(struct history *h, uint64_t number, const char *id)
{
	struct request *r = request_new(REQUEST_DETAIL);

	r->detail.number = number;
	text_copy(r->detail.id, sizeof r->detail.id, id);
	post_to_reader(h->board, r);
}

void history_series(struct history *h, const struct range_request *what)
{
	struct request *r = request_new(REQUEST_SERIES);

	r->range = *what;
	post_to_reader(h->board, r);
}

/* ---- what is heard ---- */

bool history_next(struct history *h, struct history_answer *out)
{
	struct board *b = h->board;
	struct answer_node *n;

	pthread_mutex_lock(&b->mutex);
	n = b->first_answer;
	if (n != NULL) {
		b->first_answer = n->next;
		if (b->first_answer == NULL) {
			b->last_answer = NULL;
			linux_event_clear(b->event_fd);
		}
	}
	pthread_mutex_unlock(&b->mutex);
	if (n == NULL)
		return false;
	*out = n->answer;
	free(n);
	return true;
}

void history_answer_release(struct history_answer *a)
{
	free(a->decisions);
	if (a->page != NULL)
		page_rows_release(a->page);
	if (a->detail != NULL)
		page_detail_release(a->detail);
	if (a->range != NULL)
		range_release(a->range);
	free(a->page);
	free(a->detail);
	free(a->range);
	free(a->raisings);
	*a = (struct history_answer){0};
}

void history_head(const struct history *h, char out[POOL_HASH_MAX])
{
	pthread_mutex_lock(&h->board->mutex);
	text_copy(out, POOL_HASH_MAX, h->board->chain.head);
	pthread_mutex_unlock(&h->board->mutex);
}

void history_chain(const struct history *h, struct history_chain *out)
{
	pthread_mutex_lock(&h->board->mutex);
	*out = h->board->chain;
	pthread_mutex_unlock(&h->board->mutex);
}

bool history_writable(const struct history *h)
{
	bool writable;

	pthread_mutex_lock(&h->board->mutex);
	writable = h->board->condition == BOARD_OPEN && !h->board->trouble;
	pthread_mutex_unlock(&h->board->mutex);
	return writable;
}

bool history_emergency(const struct history *h)
{
	const struct emergency *e = &h->board->emergency;
	bool kept;

	pthread_mutex_lock(&h->board->mutex);
	kept = e->slots != NULL && !e->full;
	pthread_mutex_unlock(&h->board->mutex);
	return kept;
}

int64_t history_dropped(const struct history *h)
{
	int64_t dropped;

	pthread_mutex_lock(&h->board->mutex);
	dropped = h->board->dropped;
	pthread_mutex_unlock(&h->board->mutex);
	return dropped;
}
