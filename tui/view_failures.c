/* Where v2 fails: the counters since each node started, summed over nodes and sorted, the most
 * first; v1 beside it where there is room. */
#include "tui/view_failures.h"

#include "tui/graph.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ROWS_MAX (OPERATIONS_MAX + FAILURE_COUNT)

/* One name with what failed of it, in both arms. */
struct share {
	const char *name;
	bool remote;
	int64_t failed[ARM_COUNT], done[ARM_COUNT]; /* done 0: not said */
};

struct list {
	const char *title;
	struct share rows[ROWS_MAX];
	int count;
};

struct failures {
	int64_t failed, done; /* of v2 */
	int nodes;            /* that have said */
	struct list operations, categories, hosts;
};

static struct share *row_of(struct list *l, const char *name, bool remote)
{
	for (int i = 0; i < l->count; i++)
		if (strcmp(l->rows[i].name, name) == 0)
			return &l->rows[i];
	if (l->count == ROWS_MAX)
		return NULL;
	l->rows[l->count] = (struct share){.name = name, .remote = remote};
	return &l->rows[l->count++];
}

static void add(
	struct list *l, const char *name, bool remote, enum arm arm, int64_t failed, int64_t done)
{
	struct share *row = row_of(l, name, remote);
	if (!row)
		return;
	row->failed[arm] += failed;
	row->done[arm] += done;
}

static void add_arm(struct failures *f, const struct snapshot *s, enum arm arm)
{
	const struct arm_counts *c = &s->arms[arm];
	for (int i = 0; i < c->operation_count; i++) {
		const struct operation_counts *o = &c->operations[i];
		add(&f->operations, o->name, true, arm, o->failed, o->ok + o->failed);
	}
	for (int i = 0; i < FAILURE_COUNT; i++)
		if (c->failed[i] > 0)
			add(&f->categories, failure_name((enum failure)i), false, arm, c->failed[i], 0);
}

static void sort(struct list *l)
{
	for (int i = 1; i < l->count; i++) {
		struct share row = l->rows[i];
		int k = i;
		for (; k > 0 && l->rows[k - 1].failed[ARM_V2] < row.failed[ARM_V2]; k--)
			l->rows[k] = l->rows[k - 1];
		l->rows[k] = row;
	}
}

static void find(struct failures *f, const struct pool *p)
{
	memset(f, 0, sizeof *f);
	f->operations.title = "operation";
	f->categories.title = "category";
	f->hosts.title = "node";
	for (int k = 0; k < p->node_count; k++) {
		if (!node_is_usable(&p->nodes[k]))
			continue;
		const struct snapshot *s = p->nodes[k].last;
		f->nodes++;
		f->failed += counts_failed(&s->arms[ARM_V2]);
		f->done += counts_done(&s->arms[ARM_V2]);
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			add_arm(f, s, (enum arm)arm);
			add(&f->hosts, s->node, true, (enum arm)arm, counts_failed(&s->arms[arm]),
				counts_done(&s->arms[arm]));
		}
	}
	sort(&f->operations);
	sort(&f->categories);
	sort(&f->hosts);
}

/* ---- sentences ---- */

static void draw_total(
	struct surface *s, struct rect r, const struct view *v, const struct failures *f)
{
	char failed[24], done[24], part[16], bound[16];
	/* No failure among few says little. */
	double most = guard_upper_bound(f->done, f->failed);
	unit_percent(bound, sizeof bound, most);
	unit_count(failed, sizeof failed, f->failed);
	unit_count(done, sizeof done, f->done);
	unit_percent(part, sizeof part, f->done > 0 ? (double)f->failed / (double)f->done : NAN);
	int x = surface_text(s, r, r.x + 1, r.y, ROLE_TITLE, "WHERE v2 FAILS") + 3;
	if (f->nodes == 0)
		surface_text(s, r, x, r.y, ROLE_DIM, "-");
	else if (f->done == 0)
		surface_text(s, r, x, r.y, ROLE_DIM, "v2 has done nothing since it started");
	else if (isnan(most))
		surface_textf(s, r, x, r.y, view_role(v->pool, f->failed > 0 ? ROLE_WARN : ROLE_OK),
			"%s of %s (%s %%) since it started", failed, done, part);
	else
		surface_textf(s, r, x, r.y, view_role(v->pool, ROLE_TEXT),
			"%s of %s since it started (could be up to %s %%)", failed, done, bound);
}

static void draw_sentence(
	struct surface *s, struct rect r, const struct view *v, const struct list *l)
{
	int x = r.x + 13, said = 0;
	surface_text(s, r, r.x + 1, r.y, ROLE_DIM, l->title);
	for (int i = 0; i < l->count && l->rows[i].failed[ARM_V2] > 0; i++) {
		const struct share *row = &l->rows[i];
		char n[24];
		unit_count(n, sizeof n, row->failed[ARM_V2]);
		if (said++)
			x = surface_text(s, r, x, r.y, ROLE_DIM, ", ");
		x = surface_text(
			s, r, x, r.y, view_role(v->pool, row->remote ? ROLE_REMOTE : ROLE_TEXT), row->name);
		x = surface_textf(s, r, x, r.y, view_role(v->pool, ROLE_WARN), " %s", n);
	}
	if (!said)
		surface_text(s, r, x, r.y, ROLE_DIM, "-");
}

/* ---- tables ---- */

static void rate(char *out, size_t size, const struct share *row, enum arm arm)
{
	unit_percent(out, size,
		row->done[arm] > 0 ? (double)row->failed[arm] / (double)row->done[arm] : NAN);
}

static void draw_row(struct surface *s, struct rect r, const struct view *v,
	const struct share *row, int64_t most)
{
	char failed[24], v2[16], v1[16];
	unit_count(failed, sizeof failed, row->failed[ARM_V2]);
	rate(v2, sizeof v2, row, ARM_V2);
	rate(v1, sizeof v1, row, ARM_V1);
	bool bad = row->failed[ARM_V2] > 0;
	enum role role = view_role(v->pool, bad ? ROLE_WARN : ROLE_TEXT);
	surface_text(s, (struct rect){r.x, r.y, 17, 1}, r.x + 2, r.y,
		view_role(v->pool, row->remote ? ROLE_REMOTE : ROLE_TEXT), row->name);
	surface_text_right(s, r, r.x + 27, r.y, role, failed);
	surface_text_right(s, r, r.x + 36, r.y, role, v2);
	surface_text_right(s, r, r.x + 45, r.y, view_role(v->pool, ROLE_TEXT), v1);
	if (bad && r.w >= 58)
		graph_bar(s, (struct rect){r.x + 47, r.y, r.w - 48 < 30 ? r.w - 48 : 30, 1},
			view_role(v->pool, ROLE_V2), (double)row->failed[ARM_V2] / (double)most);
}

/* Draws a list from row y on, at most `rows` of it with its title; the row after it. */
static int draw_table(struct surface *s, struct rect r, int y, int rows, const struct view *v,
	const struct list *l)
{
	if (rows < 2 || l->count == 0)
		return y;
	surface_text(s, r, r.x + 1, y, ROLE_DIM, l->title);
	surface_text_right(s, r, r.x + 27, y, ROLE_DIM, "failed");
	surface_text_right(s, r, r.x + 36, y, ROLE_DIM, "v2 %");
	surface_text_right(s, r, r.x + 45, y, ROLE_DIM, "v1 %");
	for (int i = 0; i < l->count && i < rows - 1; i++)
		draw_row(s, (struct rect){r.x, ++y, r.w, 1}, v, &l->rows[i], l->rows[0].failed[ARM_V2]);
	return y + 2;
}

static void draw_tables(
	struct surface *s, struct rect r, const struct view *v, const struct failures *f)
{
	const struct list *lists[] = {&f->operations, &f->categories, &f->hosts};
	int y = r.y + 2;
	for (int i = 0; i < 3 - (f->nodes < 2); i++)
		y = draw_table(s, r, y, r.y + r.h - y, v, lists[i]);
}

int view_failure_rows(const struct pool *p)
{
	return p->node_count > 1 ? 4 : 3;
}

void view_failures(struct surface *s, struct rect r, const struct view *v)
{
	struct failures f;
	find(&f, v->pool);
	draw_total(s, r, v, &f);
	if (r.h >= VIEW_FAILURE_TABLES) {
		draw_tables(s, r, v, &f);
		return;
	}
	const struct list *lists[] = {&f.operations, &f.categories, &f.hosts};
	for (int i = 0; i < view_failure_rows(v->pool) - 1 && i + 1 < r.h; i++)
		draw_sentence(s, (struct rect){r.x, r.y + 1 + i, r.w, 1}, v, lists[i]);
}
