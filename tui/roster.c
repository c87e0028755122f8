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

static void add_residents(
	struct roster *r, const struct resident_crew *c, struct roster_line line)
{
	line.kind = ROSTER_RESIDENT;
	for (int i = 0; i < c->worst_count; i++) {
		if (c->worst[i].node != line.place || c->worst[i].segment != line.segment)
			continue;
		text_copy(line.name, sizeof line.name, c->worst[i].name);
		add(r, &line);
	}
}

static void add_places(struct roster *r, const struct resident_crew *c, struct roster_line line)
{
	line.kind = ROSTER_RESIDENTS;
	add(r, &line);
	for (int i = 0; i < c->node_count; i++) {
		struct roster_line l = line;
		l.kind = ROSTER_PLACE;
		l.place = c->node[i].node;
		add(r, &l);
		for (int k = 0; k < c->segment_count; k++) {
			if (c->segment[k].node != l.place)
				continue;
			struct roster_line room = l;
			room.kind = ROSTER_ROOM;
			room.segment = c->segment[k].segment;
			add(r, &room);
			add_residents(r, c, room);
		}
	}
}

static void add_tally(struct roster *r, const struct tally_crew *t, struct roster_line line)
{
	line.kind = ROSTER_TALLY;
	add(r, &line);
	line.kind = ROSTER_PARTITION;
	for (int i = 0; i < t->partition_count; i++) {
		line.worker = t->partition[i].index;
		add(r, &line);
	}
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
		line.arm = ARM_V1;
		if (s && s->crew.residents.known)
			add_places(r, &s->crew.residents, line);
		for (int arm = 0; s && arm < ARM_COUNT; arm++) {
			line.arm = (enum arm)arm;
			if (s->crew.tally[arm].known)
				add_tally(r, &s->crew.tally[arm], line);
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
		a->segment == b->segment && a->worker == b->worker && a->place == b->place &&
		strcmp(a->name, b->name) == 0;
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

/* The line that one stands below; false for a node. */
static bool climb(struct roster_line *l)
{
	static const enum roster_kind above[] = {
		[ROSTER_NODE] = ROSTER_NODE,
		[ROSTER_ARM] = ROSTER_NODE,
		[ROSTER_SEGMENT] = ROSTER_ARM,
		[ROSTER_WORKER] = ROSTER_SEGMENT,
		[ROSTER_RESIDENTS] = ROSTER_NODE,
		[ROSTER_PLACE] = ROSTER_RESIDENTS,
		[ROSTER_ROOM] = ROSTER_PLACE,
		[ROSTER_RESIDENT] = ROSTER_ROOM,
		[ROSTER_TALLY] = ROSTER_NODE,
		[ROSTER_PARTITION] = ROSTER_TALLY,
	};
	if (l->kind == ROSTER_NODE)
		return false;
	l->kind = above[l->kind];
	l->worker = -1;
	l->name[0] = 0;
	if (l->kind != ROSTER_SEGMENT && l->kind != ROSTER_ROOM)
		l->segment = -1;
	if (l->kind == ROSTER_NODE || l->kind == ROSTER_RESIDENTS) {
		l->arm = ARM_V1;
		l->place = 0;
	}
	return true;
}

/* One that is gone leaves the selection on the line that it stood below. */
static void settle(struct roster *r)
{
	while (find(r, &r->selected) < 0)
		if (!climb(&r->selected)) {
			r->selected = r->lines[0];
			return;
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

const struct resident_crew *roster_residents(const struct pool *p, const struct roster_line *l)
{
	const struct snapshot *s = said(p, l->node);
	return s && s->crew.residents.known ? &s->crew.residents : NULL;
}

static bool is_of_arm(const struct roster_line *l)
{
	return l->kind == ROSTER_ARM || l->kind == ROSTER_SEGMENT || l->kind == ROSTER_WORKER;
}

static bool is_place(const struct roster_line *l)
{
	return l->kind == ROSTER_PLACE || l->kind == ROSTER_ROOM;
}

/* What a drain of the line is of: of one of an arm, or of a place. */
static struct drain drain_of(const struct roster_line *l)
{
	return (struct drain){.arm = l->arm,
		.segment = l->segment,
		.worker = l->worker,
		.residents = is_place(l),
		.node = l->place};
}

const struct resident_place *roster_place(const struct pool *p, const struct roster_line *l)
{
	const struct snapshot *s = said(p, l->node);
	const struct drain place = drain_of(l);
	return s ? drain_place(&place, &s->crew.residents) : NULL;
}

const struct resident_row *roster_resident(const struct pool *p, const struct roster_line *l)
{
	const struct snapshot *s = said(p, l->node);
	for (int i = 0; s && l->kind == ROSTER_RESIDENT && i < s->crew.residents.worst_count; i++)
		if (strcmp(s->crew.residents.worst[i].name, l->name) == 0)
			return &s->crew.residents.worst[i];
	return NULL;
}

const struct tally_crew *roster_tally(const struct pool *p, const struct roster_line *l)
{
	const struct snapshot *s = said(p, l->node);
	bool is_keyed = l->kind == ROSTER_TALLY || l->kind == ROSTER_PARTITION;
	return s && is_keyed && s->crew.tally[l->arm].known ? &s->crew.tally[l->arm] : NULL;
}

const struct partition_row *roster_partition(const struct pool *p, const struct roster_line *l)
{
	const struct tally_crew *t = roster_tally(p, l);
	for (int i = 0; t && l->kind == ROSTER_PARTITION && i < t->partition_count; i++)
		if (t->partition[i].index == l->worker)
			return &t->partition[i];
	return NULL;
}

int roster_depth(const struct roster_line *l)
{
	static const int depths[] = {
#define X(name, depth) depth,
		ROSTER_INFO(X)
#undef X
	};
	return depths[l->kind];
}

void roster_label(char *out, size_t size, const struct roster_line *l)
{
	char word[DRAIN_WORD_MAX];
	const struct drain those = drain_of(l);
	drain_write(word, &those);
	if (is_of_arm(l) || is_place(l))
		(void)snprintf(out, size, "%s", word);
	else if (l->kind == ROSTER_RESIDENTS)
		(void)snprintf(out, size, "residents");
	else if (l->kind == ROSTER_RESIDENT)
		(void)snprintf(out, size, "%s", l->name);
	else if (l->kind == ROSTER_TALLY)
		(void)snprintf(out, size, "%s tally", arm_name(l->arm));
	else
		(void)snprintf(out, size, "p%d", l->worker);
}

void roster_sum(struct roster_sum *out, const struct pool *p, const struct roster_line *l)
{
	const struct snapshot *s = said(p, l->node);
	const struct drain those = drain_of(l);
	*out = (struct roster_sum){0};
	for (int i = 0; s && is_of_arm(l) && i < s->crew.worker_count; i++) {
		const struct worker_row *w = &s->crew.worker[i];
		if (!drain_means(&those, w))
			continue;
		out->workers++;
		out->drained += w->locked;
		out->draining += w->locked && w->state == WORKER_BUSY;
	}
}

bool roster_is_drained(const struct pool *p, const struct roster_line *l)
{
	struct roster_sum sum;
	const struct resident_place *place = roster_place(p, l);
	roster_sum(&sum, p, l);
	return place ? place->locked : sum.workers > 0 && sum.drained == sum.workers;
}

bool roster_is_last(const struct pool *p, const struct roster_line *l)
{
	const struct snapshot *s = said(p, l->node);
	const struct drain those = drain_of(l);
	int left = 0, meant = 0;
	if (!s || !is_of_arm(l) || s->crew.workers_dropped > 0)
		return false;
	for (int i = 0; i < s->crew.worker_count; i++) {
		const struct worker_row *w = &s->crew.worker[i];
		bool works = w->arm == l->arm && w->state != WORKER_TERMINATED && !w->locked;
		meant += works && drain_means(&those, w);
		left += works && !drain_means(&those, w);
	}
	return meant > 0 && left == 0 && (l->arm == ARM_V1 || s->share_bp > 0);
}

bool roster_word(char out[ROSTER_WORD_MAX], const struct pool *p, const struct roster_line *l)
{
	char word[DRAIN_WORD_MAX];
	const struct snapshot *s = said(p, l->node);
	const struct drain those = drain_of(l);
	if (!s || (!is_of_arm(l) && !is_place(l)))
		return false;
	drain_write(word, &those);
	if (p->node_count > 1)
		(void)snprintf(out, ROSTER_WORD_MAX, "%s/%s", s->node_id, word);
	else
		(void)snprintf(out, ROSTER_WORD_MAX, "%s", word);
	return true;
}
