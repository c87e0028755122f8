/* Workers as the Flow screen has them on a wide terminal: few, the worst first. The tree of all of
 * them is the Workers screen's: view_workers.c. */
#include "tui/view_worst.h"

#include "tui/line_words.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS_MAX 32

struct row {
	const struct worker_row *worker;
	const struct node *node;
};

/* Out of work, then by what befell it, then by what it failed at. */
static int64_t weight(const struct worker_row *w, int what)
{
	switch (what) {
	case 0:
		return w->state == WORKER_DEGRADED || w->state >= WORKER_TERMINATING;
	case 1:
		return w->crashes;
	case 2:
		return w->failed;
	case 3:
		return w->restarts;
	default:
		return w->arm == ARM_V2;
	}
}

static bool is_worse(const struct row *a, const struct row *b)
{
	for (int what = 0; what < 5; what++) {
		int64_t x = weight(a->worker, what), y = weight(b->worker, what);
		if (x != y)
			return x > y;
	}
	return false;
}

/* Puts a row in its place among the worst; equals stay in their order. */
static void put(struct row rows[ROWS_MAX], int *count, struct row row)
{
	int at = *count;
	while (at > 0 && is_worse(&row, &rows[at - 1]))
		at--;
	if (at == ROWS_MAX)
		return;
	*count += *count < ROWS_MAX;
	for (int i = *count - 1; i > at; i--)
		rows[i] = rows[i - 1];
	rows[at] = row;
}

static int find(const struct pool *p, struct row rows[ROWS_MAX], int *all)
{
	int count = 0;
	*all = 0;
	for (int k = 0; k < p->node_count; k++) {
		const struct snapshot *s = p->nodes[k].last;
		for (int i = 0; s && i < s->crew.worker_count; i++)
			put(rows, &count, (struct row){&s->crew.worker[i], &p->nodes[k]});
		*all += s ? s->crew.worker_count + s->crew.workers_dropped : 0;
	}
	return count;
}

enum { AT_STATE = 12, AT_DONE = 34, AT_FAILED = 43, AT_CRASHES = 52, AT_MEMORY = 60 };
enum { AT_HOUR = 68, AT_TROUBLE = 70 };

static void draw_titles(struct surface *s, struct rect r, int all)
{
	int x = surface_text(s, r, r.x + 1, r.y, ROLE_TITLE, "WORKERS");
	surface_textf(s, r, x + 2, r.y, ROLE_DIM, "%d, worst first", all);
	surface_text_right(s, r, r.x + AT_DONE, r.y, ROLE_DIM, "done");
	surface_text_right(s, r, r.x + AT_FAILED, r.y, ROLE_DIM, "failed");
	surface_text_right(s, r, r.x + AT_CRASHES, r.y, ROLE_DIM, "crashes");
	surface_text_right(s, r, r.x + AT_MEMORY, r.y, ROLE_DIM, "mem");
	surface_text_right(s, r, r.x + AT_HOUR, r.y, ROLE_DIM, "mem/h");
}

static void draw_count(
	struct surface *s, struct rect r, int right, const struct view *v, int64_t n, bool bad)
{
	char text[24];
	line_count(text, sizeof text, 8, n);
	enum role role = view_role(v->pool, bad && n > 0 ? ROLE_WARN : ROLE_TEXT);
	surface_text_right(s, r, r.x + right, r.y, role, text);
}

static void draw_row(
	struct surface *s, struct rect r, const struct view *v, const struct row *row)
{
	const struct worker_row *w = row->worker;
	char text[24];
	int x = surface_textf(s, r, r.x + 1, r.y, w->arm == ARM_V1 ? ROLE_V1 : ROLE_V2, "%s.%d.%d",
		arm_name(w->arm), w->segment, w->index);
	bool bad = weight(w, 0) != 0;
	x = x < r.x + AT_STATE ? r.x + AT_STATE : x + 1;
	surface_textf(s, r, x, r.y, view_role(v->pool, bad ? ROLE_FAIL : ROLE_TEXT), "%s%s",
		worker_state_name(w->state), w->locked ? " drained" : "");
	draw_count(s, r, AT_DONE, v, w->served, false);
	draw_count(s, r, AT_FAILED, v, w->failed, true);
	draw_count(s, r, AT_CRASHES, v, w->crashes, true);
	unit_bytes(text, sizeof text, w->memory_bytes);
	surface_text_right(s, r, r.x + AT_MEMORY, r.y, view_role(v->pool, ROLE_TEXT), text);
	line_growth(text, sizeof text, w->memory_hour);
	surface_text_right(s, r, r.x + AT_HOUR, r.y, view_role(v->pool, ROLE_TEXT), text);
	x = r.x + AT_TROUBLE;
	if (v->pool->node_count > 1 && row->node->last)
		x = surface_text(s, r, x, r.y, ROLE_REMOTE, row->node->last->node) + 1;
	surface_text(s, r, x, r.y, ROLE_REMOTE, w->trouble);
}

void view_worst(struct surface *s, struct rect r, const struct view *v)
{
	struct row rows[ROWS_MAX];
	int all, count = find(v->pool, rows, &all);
	if (all == 0)
		return;
	draw_titles(s, (struct rect){r.x, r.y, r.w, 1}, all);
	for (int i = 0; i < count && i + 1 < r.h; i++)
		draw_row(s, (struct rect){r.x, r.y + 1 + i, r.w, 1}, v, &rows[i]);
}
