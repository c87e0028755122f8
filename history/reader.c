/* Reader: loads on request. Not replay, and not the commands: those query by themselves.
 *
 * Invariant: it opens the file only after the writer has, so that it never makes one. */
#include "history/reader.h"

#include "history/board.h"
#include "history/clock.h"
#include "history/query.h"
#include "model/mem.h"

#include <stdlib.h>

struct loading {
	struct history_answer *answer;
	size_t cap;
	size_t left; /* decisions to come */
	size_t limit;
};

/* Keeps the last `limit`, and of the older ones those whose fate is open. */
static bool keep(void *ctx, const struct decision *d)
{
	struct loading *l = ctx;
	struct history_answer *a = l->answer;
	const bool recent = l->left <= l->limit;

	if (l->left > 0)
		l->left--;
	if (!recent && !decision_is_open(d) && !decision_awaits_verification(d))
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

static void serve(struct board *b, struct query **q, const struct request *r)
{
	struct history_answer a = {.kind = HISTORY_LOADED};

	text_copy(a.id, sizeof a.id, r->load.pool);
	if ((*q == NULL && query_open(q, b->path, &a.err) < 0) || load(*q, r, &a) < 0) {
		a.kind = HISTORY_REFUSED;
		free(a.decisions);
		a.decisions = NULL;
		a.decision_count = 0;
	}
	pthread_mutex_lock(&b->mutex);
	board_answer(b, &a);
	pthread_mutex_unlock(&b->mutex);
}

/* Waits for a request that can be served now; NULL at the end. Where there is no file they are
 * refused on the way. */
static struct request *next_load(struct board *b)
{
	struct request *r = NULL;

	pthread_mutex_lock(&b->mutex);
	while (!b->stopping) {
		if (b->condition != BOARD_OPENING)
			r = request_take_first(&b->loads);
		if (r != NULL && b->condition == BOARD_OPEN)
			break;
		if (r != NULL) {
			board_refuse(b, r->load.pool, &b->why);
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

	for (struct request *r; (r = next_load(board)) != NULL; request_free(r))
		serve(board, &q, r);
	query_close(q);
	board_thread_ends(board);
	return NULL;
}
