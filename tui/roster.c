/* Lines of workers, the selection among them, and processor time as the difference of two
 * documents. */
#include "tui/roster.h"

#include "model/mem.h"
#include "model/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPU_SPAN_MS 900 /* documents that are closer say little of processor time */

void roster_release(struct roster *r)
{
	free(r->lines);
	free(r->past);
	memset(r, 0, sizeof *r);
}

/* ---- lines ---- */

static const struct snapshot *said(const struct pool *p, int node)
{
	return node < p->node_count && node_is_usable(&p->nodes[node]) ? p->nodes[node].last : NULL;
}

static void add(struct roster *r, const struct roster_line *l)
{
	mem_grow(&r->lines, &r->line_cap, (size_t)r->line_count + 1, sizeof *r->lines);
	r->lines[r->line_count++] = *l;
}

static bool has_segment(const struct crew *c, enum arm arm, int segment)
{
	for (int i = 0; i < c->segment_count; i++)
		if (c->segment[i].arm == arm && c->segment[i].index == segment)
			return true;
	return false;
}

static void add_workers(
	struct roster *r, const struct crew *c, struct roster_line line, bool own)
{
	line.kind = ROSTER_WORKER;
	for (int i = 0; i < c->worker_count; i++) {
		const struct worker_row *w = &c->worker[i];
		if (w->arm != line.arm ||
			(own ? w->segment != line.segment : has_segment(c, w->arm, w->segment)))
			continue;
		struct roster_line l = line;
		l.segment = w->segment;
		l.worker = w->index;
		add(r, &l);
	}
}

static void add_arm(struct roster *r, const struct crew *c, struct roster_line line)
{
	line.kind = ROSTER_ARM;
	add(r, &line);
	for (int i = 0; i < c->segment_count; i++) {
		if (c->segment[i].arm != line.arm)
			continue;
		struct roster_line l = line;
		l.kind = ROSTER_SEGMENT;
		l.segment = c->segment[i].index;
		add(r, &l);
		add_workers(r, c, l, true);
	}
	add_workers(r, c, line, false);
}

static void make_lines(struct roster *r, const struct pool *p)
{
	r->line_count = 0;
	for (int k = 0; k < p->node_count; k++) {
		const struct snapshot *s = said(p, k);
		struct roster_line line = {.kind = ROSTER_NODE, .node = k, .segment = -1, .worker = -1};
		add(r, &line);
		for (int arm = 0; s && arm < ARM_COUNT; arm++) {
			line.arm = (enum arm)arm;
			add_arm(r, &s->crew, line);
		}
	}
}

/* ---- processor time ---- */

static double used(const struct roster_past *then, const struct worker_row *w, int64_t span_ms)
{
	for (int i = 0; i < then->crew.worker_count; i++) {
		const struct worker_row *was = &then->crew.worker[i];
		if (was->arm != w->arm || was->index != w->index)
			continue;
		bool counts = was->cpu_us >= 0 && w->cpu_us >= was->cpu_us && was->pid == w->pid;
		return counts ? (double)(w->cpu_us - was->cpu_us) / 1000 / (double)span_ms : NAN;
	}
	return NAN;
}

static void look_at_node(struct roster_past *past, const struct snapshot *s)
{
	bool same_boot = strcmp(past->boot_id, s->boot_id) == 0;
	int64_t span_ms = s->uptime_ms - past->uptime_ms;
	double cpu[POOL_WORKERS_MAX];
	if (same_boot && span_ms >= 0 && span_ms < CPU_SPAN_MS)
		return;
	for (int i = 0; i < s->crew.worker_count; i++)
		cpu[i] = same_boot && span_ms > 0 ? used(past, &s->crew.worker[i], span_ms) : NAN;
	text_copy(past->boot_id, sizeof past->boot_id, s->boot_id);
	past->uptime_ms = s->uptime_ms;
	past->crew = s->crew;
	memcpy(past->cpu, cpu, (size_t)s->crew.worker_count * sizeof *cpu);
}

double roster_cpu(const struct roster *r, const struct pool *p, const struct roster_line *l)
{
	const struct snapshot *s = said(p, l->node);
	if (!s || l->kind != ROSTER_WORKER || l->node >= r->past_count)
		return NAN;
	const struct roster_past *past = &r->past[l->node];
	if (strcmp(past->boot_id, s->boot_id) != 0)
		return NAN;
	for (int i = 0; i < past->crew.worker_count; i++)
		if (past->crew.worker[i].arm == l->arm && past->crew.worker[i].index == l->worker)
			return past->cpu[i];
	return NAN;
}

/* ---- the selection ---- */

static bool is_same(const struct roster_line *a, const struct roster_line *b)
{
	return a->kind == b->kind && a->node == b->node && a->arm == b->arm &&
		a->segment == b->segment && a->worker == b->worker;
}

static int find(const struct roster *r, const struct roster_line *l)
{
	int i = 0;
	while (i < r->line_count && !is_same(&r->lines[i], l))
		i++;
	return i < r->line_count ? i : -1;
}

int roster_at(const struct roster *r)
{
	int at = find(r, &r->selected);
	return at < 0 ? 0 : at;
}

/* One that is gone leaves the selection on the line that it stood below. */
static void settle(struct roster *r)
{
	struct roster_line *l = &r->selected;
	while (find(r, l) < 0) {
		if (l->kind == ROSTER_NODE) {
			*l = r->lines[0];
			return;
		}
		l->kind--;
		l->worker = -1;
		l->segment = l->kind == ROSTER_SEGMENT ? l->segment : -1;
		l->arm = l->kind == ROSTER_NODE ? ARM_V1 : l->arm;
	}
}

void roster_move(struct roster *r, int by)
{
	if (r->line_count == 0)
		return;
	int at = roster_at(r);
	at = by < -at ? 0 : by > r->line_count - 1 - at ? r->line_count - 1 : at + by;
	r->selected = r->lines[at];
}

void roster_look(struct roster *r, const struct pool *p, int pool)
{
	if (r->pool != pool || r->past_count != p->node_count) {
		roster_release(r);
		r->pool = pool;
		r->past_count = p->node_count;
		r->past = mem_new((size_t)p->node_count, sizeof *r->past);
		r->selected = (struct roster_line){.kind = ROSTER_NODE, .segment = -1, .worker = -1};
	}
	for (int k = 0; k < p->node_count; k++) {
		const struct snapshot *s = said(p, k);
		if (s)
			look_at_node(&r->past[k], s);
	}
	make_lines(r, p);
	if (r->line_count > 0)
		settle(r);
}

/* ---- what a line stands for ---- */

const struct segment_row *roster_segment(const struct pool *p, const struct roster_line *l)
{
	const struct snapshot *s = said(p, l->node);
	for (int i = 0; s && l->kind == ROSTER_SEGMENT && i < s->crew.segment_count; i++)
		if (s->crew.segment[i].arm == l->arm && s->crew.segment[i].index == l->segment)
			return &s->crew.segment[i];
	return NULL;
}

const struct worker_row *roster_worker(const struct pool *p, const struct roster_line *l)
{
	const struct snapshot *s = said(p, l->node);
	for (int i = 0; s && l->kind == ROSTER_WORKER && i < s->crew.worker_count; i++)
		if (s->crew.worker[i].arm == l->arm && s->crew.worker[i].index == l->worker)
			return &s->crew.worker[i];
	return NULL;
}

void roster_sum(struct roster_sum *out, const struct pool *p, const struct roster_line *l)
{
	const struct snapshot *s = said(p, l->node);
	const struct drain those = {l->arm, l->segment, l->worker};
	*out = (struct roster_sum){0};
	for (int i = 0; s && l->kind != ROSTER_NODE && i < s->crew.worker_count; i++) {
		const struct worker_row *w = &s->crew.worker[i];
		if (!drain_means(&those, w))
			continue;
		out->workers++;
		out->drained += w->locked;
		out->draining += w->locked && w->state == WORKER_BUSY;
	}
}

bool roster_word(char out[ROSTER_WORD_MAX], const struct pool *p, const struct roster_line *l)
{
	char word[DRAIN_WORD_MAX];
	const struct snapshot *s = said(p, l->node);
	if (!s || l->kind == ROSTER_NODE)
		return false;
	drain_write(word, &(struct drain){l->arm, l->segment, l->worker});
	if (p->node_count > 1)
		(void)snprintf(out, ROSTER_WORD_MAX, "%s/%s", s->node_id, word);
	else
		(void)snprintf(out, ROSTER_WORD_MAX, "%s", word);
	return true;
}
