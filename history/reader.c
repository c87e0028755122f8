/* Reader: loads on request. Not replay, and not the commands: those query by themselves.
 *
 * Invariant: it opens the file only after the writer has, so that it never makes one; an older one
 * that migrates only for one request. */
#include "history/reader.h"

#include "history/board.h"
#include "history/clock.h"
#include "history/find.h"
#include "history/page.h"
#include "history/query.h"
#include "history/raisings.h"
#include "history/range.h"
#include "model/forced.h"
#include "model/mem.h"

#include <stdlib.h>

struct loading {
	struct history_answer *answer;
	size_t cap;
	size_t left; /* decisions to come */
	size_t limit;
};

/* Keeps the last `limit`, and of the older ones those whose fate is open or that were forced. */
static bool keep(void *ctx, const struct decision *d)
{
	struct loading *l = ctx;
	struct history_answer *a = l->answer;
	const bool recent = l->left <= l->limit;

	if (l->left > 0)
		l->left--;
	if (!recent && !decision_is_open(d) && !decision_awaits_verification(d) &&
		!forced_of(d))
		return true;
	mem_grow(&a->decisions, &l->cap, a->decision_count + 1, sizeof *a->decisions);
	a->decisions[a->decision_count++] = *d;
	return true;
}

static bool count(void *ctx, const struct decision *d)
{
	size_t *n = ctx;

	(void)d;
	++*n;
	return true;
}

static int load(struct query *q, const struct request *r, struct history_answer *a)
{
	const struct query_filter of_pool = {.pool = r->load.pool};
	struct loading l = {.answer = a, .limit = r->load.limit};

	if (query_pins(q, r->load.pool, a, &a->err) < 0 ||
		query_decisions(q, &of_pool, count, &l.left, &a->err) < 0)
		return -1;
	return query_decisions(q, &of_pool, keep, &l, &a->err);
}

/* Each request has one answer. Under the mutex. */
static void hand_back(struct board *b, struct history_answer *a)
{
	b->unread--;
	board_answer(b, a);
}

static void answer(struct board *b, struct history_answer *a)
{
	pthread_mutex_lock(&b->mutex);
	hand_back(b, a);
	pthread_mutex_unlock(&b->mutex);
}

static void serve_find(struct board *b, const struct request *r)
{
	struct history_answer a = {.kind = HISTORY_FOUND};

	text_copy(a.id, sizeof a.id, r->hash);
	find_row(b->path, r->hash, &a.seq, &a.err);
	answer(b, &a);
}

static void serve_load(struct board *b, struct query **q, const struct request *r)
{
	struct history_answer a = {.kind = HISTORY_LOADED};

	text_copy(a.id, sizeof a.id, r->load.pool);
	if ((*q == NULL && query_open(q, b->path, &a.err) < 0) || load(*q, r, &a) < 0) {
		a.kind = HISTORY_REFUSED;
		free(a.decisions);
		a.decisions = NULL;
		a.decision_count = 0;
	}
	answer(b, &a);
}

static void serve_raising(struct board *b, struct query **q, const struct request *r)
{
	struct history_answer a = {.kind = HISTORY_RAISING};
	struct raisings all;

	if ((*q != NULL || query_open(q, b->path, &a.err) == 0) &&
		raisings_read(*q, r->raising_ms, &all, &a.err) == 0) {
		a.raisings = mem_new(1, sizeof *a.raisings);
		*a.raisings = all;
	}
	answer(b, &a);
}

static void serve_page(struct board *b, struct page_file **f, const struct request *r)
{
	struct history_answer a = {.kind = HISTORY_PAGE, .page = mem_new(1, sizeof *a.page)};

	if ((*f == NULL && page_open(f, b->path, &a.err) < 0) ||
		page_read(*f, &r->page, a.page, &a.err) < 0)
		page_rows_release(a.page);
	a.page->number = r->page.number;
	answer(b, &a);
}

#define RECHECK_ROWS 7200 /* two hours: a moment's work */

static void serve_detail(struct board *b, struct page_file **f, const struct request *r)
{
	struct history_answer a = {.kind = HISTORY_DETAIL, .detail = mem_new(1, sizeof *a.detail)};

	if ((*f == NULL && page_open(f, b->path, &a.err) < 0) ||
		page_read_detail(*f, r->detail.id, 0, a.detail, &a.err) < 0 ||
		page_recheck(*f, a.detail, RECHECK_ROWS, &a.err) < 0)
		page_detail_release(a.detail);
	a.detail->number = r->detail.number;
	text_copy(a.detail->id, sizeof a.detail->id, r->detail.id);
	answer(b, &a);
}

static void serve_series(struct board *b, struct range_file **f, const struct request *r)
{
	struct history_answer a = {.kind = HISTORY_SERIES, .range = mem_new(1, sizeof *a.range)};

	if (*f == NULL && range_open(f, b->path, &a.err) < 0)
		*a.range = (struct range){.of = r->range, .since_ms = UNKNOWN};
	else
		range_read(*f, &r->range, a.range, &a.err);
	answer(b, &a);
}

/* The answer to what cannot be read: nothing, and why. Under the mutex. */
static void refuse_series(struct board *b, const struct request *r)
{
	struct history_answer a = {
		.kind = HISTORY_SERIES, .err = b->why, .range = mem_new(1, sizeof *a.range)};

	*a.range = (struct range){.of = r->range, .since_ms = UNKNOWN};
	hand_back(b, &a);
}

/* The same of a page or a detail. Under the mutex. */
static void refuse_page(struct board *b, const struct request *r)
{
	struct history_answer a = {.err = b->why};

	if (r->kind == REQUEST_PAGE) {
		a.kind = HISTORY_PAGE;
		a.page = mem_new(1, sizeof *a.page);
		a.page->number = r->page.number;
	} else {
		a.kind = HISTORY_DETAIL;
		a.detail = mem_new(1, sizeof *a.detail);
		a.detail->number = r->detail.number;
		text_copy(a.detail->id, sizeof a.detail->id, r->detail.id);
	}
	hand_back(b, &a);
}

/* Where there is no file, nothing of it is known. Under the mutex. */
static void refuse(struct board *b, const struct request *r)
{
	struct history_answer a = {.kind = HISTORY_FOUND, .err = b->why, .seq = UNKNOWN};

	if (r->kind == REQUEST_LOAD) {
		b->unread--;
		board_refuse(b, r->load.pool, &b->why);
		return;
	}
	if (r->kind == REQUEST_PAGE || r->kind == REQUEST_DETAIL) {
		refuse_page(b, r);
		return;
	}
	if (r->kind == REQUEST_SERIES) {
		refuse_series(b, r);
		return;
	}
	if (r->kind == REQUEST_RAISING)
		a.kind = HISTORY_RAISING;
	else
		text_copy(a.id, sizeof a.id, r->hash);
	hand_back(b, &a);
}

/* Waits for a request that can be served now; NULL at the end. Where there is no file they are
 * refused on the way. `*lasts`: the file is the one that stays. */
static struct request *next_request(struct board *b, bool *lasts)
{
	struct request *r = NULL;

	pthread_mutex_lock(&b->mutex);
	while (!b->stopping) {
		if (b->condition != BOARD_OPENING)
			r = request_take_first(&b->loads);
		*lasts = b->condition == BOARD_OPEN;
		if (r != NULL && b->condition != BOARD_BROKEN)
			break;
		if (r != NULL) {
			refuse(b, r);
			request_free(r);
			r = NULL;
			continue;
		}
		clock_wait(&b->reading, &b->mutex, CLOCK_NEVER);
	}
	pthread_mutex_unlock(&b->mutex);
	return r;
}

void *reader_run(void *board)
{
	struct query *q = NULL;
	struct page_file *pages = NULL;
	struct range_file *ranges = NULL;
	bool lasts;

	for (struct request *r; (r = next_request(board, &lasts)) != NULL; request_free(r)) {
		if (r->kind == REQUEST_FIND)
			serve_find(board, r);
		else if (r->kind == REQUEST_RAISING)
			serve_raising(board, &q, r);
		else if (r->kind == REQUEST_PAGE)
			serve_page(board, &pages, r);
		else if (r->kind == REQUEST_DETAIL)
			serve_detail(board, &pages, r);
		else if (r->kind == REQUEST_SERIES)
			serve_series(board, &ranges, r);
		else
			serve_load(board, &q, r);
		if (!lasts) { /* another file will have the name, and nobody may have this one open */
			page_close(pages);
			range_close(ranges);
			query_close(q);
			pages = NULL;
			ranges = NULL;
			q = NULL;
		}
	}
	page_close(pages);
	range_close(ranges);
	query_close(q);
	board_thread_ends(board);
	return NULL;
}
