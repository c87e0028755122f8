/* Figures as words: of columns, and of the line that is selected. It draws nothing. */
#include "tui/line_words.h"

#include "model/text.h"

#include <math.h>
#include <stdio.h>

/* ---- figures ---- */

void line_count(char *out, size_t size, int width, int64_t n)
{
	static const char letters[] = "kMGTP";
	unit_count(out, size, n);
	double x = (double)n;
	bool fits = text_width(out) < width;
	for (size_t i = 0; !fits && i < sizeof letters - 1; i++) {
		x /= 1000;
		snprintf(out, size, "%.1f%c", x, letters[i]);
		if (x >= 100 || text_width(out) >= width)
			snprintf(out, size, "%.0f%c", x, letters[i]);
		fits = x < 1000 && text_width(out) < width;
	}
}

void line_parts(char *out, size_t size, const int64_t *n, int count)
{
	size_t used = 0;
	bool any = false;
	out[0] = 0;
	for (int i = 0; i < count && used < size; i++) {
		char one[24];
		line_count(one, sizeof one, 5, n[i]);
		any |= n[i] != UNKNOWN;
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "/" : "", one);
	}
	if (!any)
		snprintf(out, size, "-");
}

void line_growth(char *out, size_t size, int64_t bytes_hour)
{
	char bytes[16];
	bool falls = bytes_hour != UNKNOWN && bytes_hour < 0;
	unit_bytes(bytes, sizeof bytes, falls ? -bytes_hour : bytes_hour);
	snprintf(out, size, "%s%s",
		bytes_hour == UNKNOWN || bytes_hour == 0 ? ""
			: falls                              ? "-"
												 : "+",
		bytes);
}

void line_health(char *out, size_t size, double health)
{
	if (isnan(health))
		snprintf(out, size, "-");
	else
		snprintf(out, size, "%.2f", health);
}

/* ---- a line ---- */

static void detail_node(struct text *t, const struct node *n)
{
	if (!n->last)
		return;
	char up[24];
	unit_age(up, sizeof up, n->last->uptime_ms);
	text_addf(
		t, "build %s, up %s, %s", n->last->build[0] ? n->last->build : "-", up, n->target);
}

static void detail_arm(
	struct text *t, const struct snapshot *s, enum arm arm, const struct line_facts *f)
{
	const struct arm_counts *c = &s->arms[arm];
	char queue[24], most[24], time[24];
	if (!c->breaker.known) {
		text_add(t, "breaker -");
	} else {
		unit_countdown(time, sizeof time, c->breaker.retry_ms);
		text_addf(t, "breaker %s", breaker_name(c->breaker.state));
		if (c->breaker.state == BREAKER_OPEN)
			text_addf(t, ", probes in %s", time);
		if (c->breaker.opened > 0)
			text_addf(t, ", opened %lldx", (long long)c->breaker.opened);
	}
	unit_count(queue, sizeof queue, f->queue);
	unit_count(most, sizeof most, f->queue_max);
	text_addf(t, "; queue %s of %s", queue, most);
	if (line_facts_queue(f) > 0) {
		char full[16];
		unit_percent(full, sizeof full, line_facts_queue(f));
		text_addf(t, " (%s %%)", full);
	}
	if (c->in_flight != UNKNOWN)
		text_addf(t, "; %lld in flight", (long long)c->in_flight);
	if (s->unit_sample > 1)
		text_addf(t, "; counts 1 session in %lld", (long long)s->unit_sample);
}

static void detail_segment(
	struct text *t, const struct segment_row *g, const struct line_facts *f)
{
	char counts[48], health[16];
	line_parts(counts, sizeof counts, (const int64_t[]){g->ready, g->workers}, 2);
	line_health(health, sizeof health, f->health);
	text_addf(t, "%s ready, health %s", counts, health);
	if (g->restarts > 0)
		text_addf(t, ", %lld restarts", (long long)g->restarts);
	if (g->rests)
		text_add(t, ", too many of them: it rests before the next");
}

static void detail_worker(
	struct text *t, const struct worker_row *w, const struct line_facts *f)
{
	char cpu[16], fds[24], memory[16], hour[24], pid[24];
	unit_percent(cpu, sizeof cpu, f->cpu);
	unit_count(fds, sizeof fds, w->fds);
	unit_bytes(memory, sizeof memory, w->memory_bytes);
	line_growth(hour, sizeof hour, w->memory_hour);
	snprintf(pid, sizeof pid, "%lld", (long long)w->pid);
	text_addf(t, "%s%s, mem %s (%s/h), cpu %s %%, fds %s, pid %s", f->state,
		w->locked && w->state > WORKER_BUSY ? ", drained" : "", memory, hour, cpu, fds,
		w->pid > 0 ? pid : "-");
}

static void detail_residents(struct text *t, const struct resident_crew *c)
{
	char workers[24], queued[24], running[24], persisted[24];
	unit_count(workers, sizeof workers, c->workers);
	unit_count(queued, sizeof queued, c->queued);
	unit_count(running, sizeof running, c->running);
	unit_count(persisted, sizeof persisted, c->persisted);
	text_addf(
		t, "%s registered, mail %s, run %s, persisted %s", workers, queued, running, persisted);
}

static void detail_place(struct text *t, const struct resident_place *g)
{
	char n[24], low[24], target[24], high[24], health[16];
	unit_count(n, sizeof n, g->workers);
	unit_count(low, sizeof low, g->low);
	unit_count(target, sizeof target, g->target);
	unit_count(high, sizeof high, g->high);
	line_health(health, sizeof health, g->health);
	text_addf(t, "%s workers, aim %s to %s, most %s; health %s", n, low, target, high, health);
	if (g->rests)
		text_add(t, "; rests after restarts");
	else if (g->locked)
		text_add(t, "; locked: no new ones");
}

static void detail_resident(struct text *t, const struct resident_row *w)
{
	char n[24], waiting[24];
	unit_count(n, sizeof n, w->troubles);
	unit_count(waiting, sizeof waiting, w->waiting);
	text_addf(t, "%s: %s crashes, mail %s", w->name, n, waiting);
}

static void detail_tally(struct text *t, const struct tally_crew *c)
{
	char records[24], keys[24], pauses[24];
	unit_count(records, sizeof records, c->records);
	unit_count(keys, sizeof keys, c->keys);
	unit_count(pauses, sizeof pauses, c->pauses);
	text_addf(t, "%s records, %s keys", records, keys);
	if (c->pauses > 0 && c->paused_us != UNKNOWN)
		text_addf(t, "; %s pauses, %.1f s", pauses, (double)c->paused_us / 1e6);
	if (c->partitions_dropped > 0)
		text_addf(t, "; %d partitions not listed", c->partitions_dropped);
}

static void detail_partition(
	struct text *t, const struct partition_row *p, const struct line_facts *f)
{
	char waiting[24], room[24], full[16], keys[24];
	unit_count(waiting, sizeof waiting, p->waiting);
	unit_count(room, sizeof room, p->room);
	unit_percent(full, sizeof full, line_facts_queue(f));
	unit_count(keys, sizeof keys, p->keys);
	text_addf(t, "%s of %s records wait (%s %%), %s keys", waiting, room, full, keys);
}

void line_words(struct text *out, const struct view *v, const struct roster_line *l,
	const struct line_facts *f)
{
	const struct node *n = &v->pool->nodes[l->node];
	if (l->kind == ROSTER_NODE)
		detail_node(out, n);
	else if (l->kind == ROSTER_ARM)
		detail_arm(out, n->last, l->arm, f);
	else if (l->kind == ROSTER_SEGMENT)
		detail_segment(out, roster_segment(v->pool, l), f);
	else if (l->kind == ROSTER_WORKER)
		detail_worker(out, roster_worker(v->pool, l), f);
	else if (l->kind == ROSTER_PLACE || l->kind == ROSTER_ROOM)
		detail_place(out, roster_place(v->pool, l));
	else if (l->kind == ROSTER_RESIDENTS)
		detail_residents(out, roster_residents(v->pool, l));
	else if (l->kind == ROSTER_RESIDENT)
		detail_resident(out, roster_resident(v->pool, l));
	else if (l->kind == ROSTER_TALLY)
		detail_tally(out, roster_tally(v->pool, l));
	else
		detail_partition(out, roster_partition(v->pool, l), f);
}
