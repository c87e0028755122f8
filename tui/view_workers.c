/* The Workers screen: nodes, arms, segments and workers as a tree of lines with what each does and
 * uses; below it the selected one in words, and where v2 fails. As many columns as there is room
 * for; what has none is said of the selected line. */
#include "tui/facts.h"
#include "tui/view.h"
#include "tui/view_failures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LABEL_W 12
#define STATE_W 12
#define QUEUE_LOOK 0.70 /* how full a queue is when it is worth a look, */
#define QUEUE_ACT 0.85  /* and when it is not fit to take more */

/* ---- what a line says ---- */

/* Of any kind of line; UNKNOWN, NaN and "" where it does not say. */
struct facts {
	enum role state_role;
	char state[24];
	int64_t busy, ready, total;
	int64_t queue, queue_max;
	int64_t served, failed, restarts, crashes;
	int64_t memory_bytes, memory_hour, fds;
	double cpu, health;
	const char *trouble;
};

static void say_state(struct facts *f, enum role role, const char *word)
{
	f->state_role = role;
	snprintf(f->state, sizeof f->state, "%s", word);
}

static enum role breaker_role(enum breaker_state b)
{
	return b == BREAKER_OPEN ? ROLE_FAIL : b == BREAKER_HALF_OPEN ? ROLE_WARN : ROLE_OK;
}

static void arm_facts(struct facts *f, const struct pool *p, const struct roster_line *l)
{
	const struct arm_counts *c = &p->nodes[l->node].last->arms[l->arm];
	struct roster_sum sum;
	roster_sum(&sum, p, l);
	f->busy = c->workers.busy;
	f->ready = c->workers.ready;
	f->total = c->workers.total;
	f->queue = c->queue_depth;
	f->queue_max = c->queue_max > 0 ? c->queue_max : UNKNOWN;
	f->served = counts_done(c);
	f->failed = counts_failed(c);
	f->restarts = c->workers.restarted;
	f->crashes = c->workers.crashed;
	f->memory_bytes = c->memory_bytes;
	f->fds = c->fds;
	if (c->workers.total == 0)
		say_state(f, ROLE_DIM, "no workers");
	else if (sum.workers > 0 && sum.drained == sum.workers)
		say_state(f, ROLE_WARN, sum.draining ? "draining" : "drained");
	else if (c->breaker.known)
		say_state(f, breaker_role(c->breaker.state), breaker_name(c->breaker.state));
}

static void segment_facts(struct facts *f, const struct pool *p, const struct roster_line *l)
{
	const struct segment_row *g = roster_segment(p, l);
	struct roster_sum sum;
	roster_sum(&sum, p, l);
	f->ready = g->ready;
	f->total = g->workers;
	f->restarts = g->restarts;
	f->health = g->health;
	if ((sum.workers > 0 && sum.drained == sum.workers) || (sum.workers == 0 && g->locked))
		say_state(f, ROLE_WARN, sum.draining ? "draining" : "drained");
	else if (g->rests)
		say_state(f, ROLE_FAIL, "rests");
	else if (sum.drained > 0)
		snprintf(f->state, sizeof f->state, "%d drained", sum.drained);
	else if (g->ready >= 0 && g->ready < g->workers)
		say_state(f, ROLE_WARN, g->ready ? "degraded" : "none ready");
	else if (g->ready > 0)
		say_state(f, ROLE_OK, "ready");
}

static void worker_facts(struct facts *f, const struct view *v, const struct roster_line *l)
{
	static const enum role roles[WORKER_STATE_COUNT] = {
		[WORKER_INITIALIZING] = ROLE_WARN,
		[WORKER_READY] = ROLE_OK,
		[WORKER_BUSY] = ROLE_OK,
		[WORKER_DEGRADED] = ROLE_WARN,
		[WORKER_TERMINATING] = ROLE_WARN,
		[WORKER_TERMINATED] = ROLE_FAIL,
	};
	const struct worker_row *w = roster_worker(v->pool, l);
	f->served = w->served;
	f->failed = w->failed;
	f->restarts = w->restarts;
	f->crashes = w->crashes;
	f->memory_bytes = w->memory_bytes;
	f->memory_hour = w->memory_hour;
	f->fds = w->fds;
	f->cpu = roster_cpu(v->roster, v->pool, l);
	f->trouble = w->trouble;
	if (w->locked && (w->state == WORKER_READY || w->state == WORKER_BUSY))
		say_state(f, ROLE_WARN, w->state == WORKER_BUSY ? "draining" : "drained");
	else if (w->state < WORKER_STATE_COUNT)
		say_state(f, roles[w->state], worker_state_name(w->state));
}

static void find_facts(struct facts *f, const struct view *v, const struct roster_line *l)
{
	*f = (struct facts){.state_role = ROLE_DIM,
		.state = "-",
		.busy = UNKNOWN,
		.ready = UNKNOWN,
		.total = UNKNOWN,
		.queue = UNKNOWN,
		.queue_max = UNKNOWN,
		.served = UNKNOWN,
		.failed = UNKNOWN,
		.restarts = UNKNOWN,
		.crashes = UNKNOWN,
		.memory_bytes = UNKNOWN,
		.memory_hour = UNKNOWN,
		.fds = UNKNOWN,
		.cpu = NAN,
		.health = NAN,
		.trouble = ""};
	if (l->kind == ROSTER_ARM)
		arm_facts(f, v->pool, l);
	else if (l->kind == ROSTER_SEGMENT)
		segment_facts(f, v->pool, l);
	else if (l->kind == ROSTER_WORKER)
		worker_facts(f, v, l);
}

/* ---- columns ---- */

enum column {
	COLUMN_LOAD,
	COLUMN_QUEUE,
	COLUMN_SERVED,
	COLUMN_FAILED,
	COLUMN_AGAIN,
	COLUMN_MEMORY,
	COLUMN_GROWTH,
	COLUMN_CPU,
	COLUMN_FDS,
	COLUMN_HEALTH,
	COLUMN_COUNT
};

/* In the order of the screen; `rank` is the order in which they get room. */
static const struct {
	const char *title;
	int width, rank;
} columns[COLUMN_COUNT] = {
	[COLUMN_LOAD] = {"bsy/rdy/n", 10, 1},
	[COLUMN_QUEUE] = {"queue", 10, 5},
	[COLUMN_SERVED] = {"done", 8, 2},
	[COLUMN_FAILED] = {"failed", 8, 0},
	[COLUMN_AGAIN] = {"rs/cr", 7, 4},
	[COLUMN_MEMORY] = {"mem", 6, 3},
	[COLUMN_GROWTH] = {"mem/h", 7, 6},
	[COLUMN_CPU] = {"cpu %", 7, 7},
	[COLUMN_FDS] = {"fds", 6, 9},
	[COLUMN_HEALTH] = {"health", 8, 8},
};

/* The columns that fit, as bits; the rest of the row in *left. */
static unsigned choose(int width, int *left)
{
	unsigned chosen = 0;
	*left = width - LABEL_W - STATE_W;
	for (int rank = 0; rank < COLUMN_COUNT; rank++)
		for (int c = 0; c < COLUMN_COUNT; c++) {
			if (columns[c].rank != rank)
				continue;
			if (columns[c].width > *left)
				return chosen;
			chosen |= 1u << c;
			*left -= columns[c].width;
		}
	return chosen;
}

/* A count that stays within its column: "1,234,567", then "12.3M". */
static void count_within(char *out, size_t size, int width, int64_t n)
{
	static const char letters[] = "kMGTP";
	unit_count(out, size, n);
	double x = (double)n;
	for (size_t i = 0; text_width(out) >= width && i < sizeof letters - 1; i++) {
		x /= 1000;
		snprintf(out, size, x < 100 ? "%.1f%c" : "%.0f%c", x, letters[i]);
	}
}

/* "2 of 8"-like parts with a slash, "-" for what is not known; "" where nothing is. */
static void parts(char *out, size_t size, const int64_t *n, int count)
{
	size_t used = 0;
	bool any = false;
	out[0] = 0;
	for (int i = 0; i < count && used < size; i++) {
		char one[24];
		count_within(one, sizeof one, 5, n[i]);
		any |= n[i] != UNKNOWN;
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "/" : "", one);
	}
	if (!any)
		snprintf(out, size, "-");
}

static void growth(char *out, size_t size, int64_t bytes_hour)
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

/* What a kind of line has no word for is left blank; "-" is what it might have said. */
static bool speaks(enum roster_kind kind, int column)
{
	static const unsigned none[] = {
		[ROSTER_NODE] = ~0u,
		[ROSTER_ARM] = 1u << COLUMN_GROWTH | 1u << COLUMN_CPU | 1u << COLUMN_HEALTH,
		[ROSTER_SEGMENT] = ~(1u << COLUMN_LOAD | 1u << COLUMN_AGAIN | 1u << COLUMN_HEALTH),
		[ROSTER_WORKER] = 1u << COLUMN_LOAD | 1u << COLUMN_QUEUE | 1u << COLUMN_HEALTH,
	};
	return !(none[kind] >> column & 1);
}

static void cell(char *out, size_t size, const struct facts *f, int column)
{
	int width = columns[column].width;
	switch (column) {
	case COLUMN_LOAD:
		parts(out, size, (const int64_t[]){f->busy, f->ready, f->total}, 3);
		break;
	case COLUMN_QUEUE:
		parts(out, size, (const int64_t[]){f->queue, f->queue_max}, 2);
		break;
	case COLUMN_SERVED:
		count_within(out, size, width, f->served);
		break;
	case COLUMN_FAILED:
		count_within(out, size, width, f->failed);
		break;
	case COLUMN_AGAIN:
		parts(out, size, (const int64_t[]){f->restarts, f->crashes}, 2);
		break;
	case COLUMN_MEMORY:
		unit_bytes(out, size, f->memory_bytes);
		break;
	case COLUMN_GROWTH:
		growth(out, size, f->memory_hour);
		break;
	case COLUMN_CPU:
		unit_percent(out, size, f->cpu);
		break;
	case COLUMN_FDS:
		count_within(out, size, width, f->fds);
		break;
	default:
		if (isnan(f->health))
			snprintf(out, size, "-");
		else
			snprintf(out, size, "%.2f", f->health);
	}
}

static double queue_part(const struct facts *f)
{
	return f->queue < 0 || f->queue_max <= 0 ? NAN : (double)f->queue / (double)f->queue_max;
}

static enum role cell_role(const struct pool *p, const struct facts *f, int column)
{
	double limit = p->standing.guard.metric[METRIC_ERRORS].limit;
	switch (column) {
	case COLUMN_QUEUE:
		return queue_part(f) >= QUEUE_ACT ? ROLE_FAIL
			: queue_part(f) >= QUEUE_LOOK ? ROLE_WARN
										  : ROLE_TEXT;
	case COLUMN_FAILED:
		return f->failed > 0 && f->served > 0 && (double)f->failed / (double)f->served > limit
			? ROLE_FAIL
			: ROLE_TEXT;
	case COLUMN_AGAIN:
		return f->crashes > 0 ? ROLE_WARN : ROLE_TEXT;
	case COLUMN_HEALTH:
		return f->health < 0.5 ? ROLE_FAIL : f->health < 0.8 ? ROLE_WARN : ROLE_TEXT;
	default:
		return ROLE_TEXT;
	}
}

/* ---- the tree ---- */

static void draw_titles(
	struct surface *s, struct rect r, const struct roster *roster, int shown)
{
	int left;
	unsigned chosen = choose(r.w, &left);
	int x = r.x + r.w - left;
	int at = surface_text(s, r, r.x + 1, r.y, ROLE_TITLE, "WORKERS");
	if (roster->line_count > shown)
		surface_textf(s, r, at + 1, r.y, ROLE_DIM, "line %d of %d", roster_at(roster) + 1,
			roster->line_count);
	if (left > 8)
		surface_text(s, r, x + 2, r.y, ROLE_DIM, "last trouble");
	for (int c = COLUMN_COUNT; c-- > 0;) {
		if (!(chosen >> c & 1))
			continue;
		surface_text_right(s, r, x - 1, r.y, ROLE_DIM, columns[c].title);
		x -= columns[c].width;
	}
}

static int draw_label(struct surface *s, struct rect r, const struct view *v,
	const struct roster_line *l, bool here)
{
	const struct node *n = &v->pool->nodes[l->node];
	struct rect label = {r.x, r.y, l->kind == ROSTER_NODE ? r.w : LABEL_W, 1};
	int x = r.x + 1 + (int)l->kind;
	char word[DRAIN_WORD_MAX];
	if (here) {
		surface_fill(s, (struct rect){r.x, r.y, LABEL_W - 1, 1}, ROLE_SELECTED, ' ');
		surface_put(s, r, r.x, r.y, ROLE_SELECTED, '>');
	}
	if (l->kind == ROSTER_NODE)
		return surface_text(s, label, x, r.y, here ? ROLE_SELECTED : ROLE_REMOTE,
			n->last && n->last->node[0] ? n->last->node : n->target);
	drain_write(word, &(struct drain){l->arm, l->segment, l->worker});
	enum role role = here       ? ROLE_SELECTED
		: l->kind != ROSTER_ARM ? ROLE_TEXT
		: l->arm == ARM_V1      ? ROLE_V1
								: ROLE_V2;
	return surface_text(s, label, x, r.y, role, word);
}

/* What stands behind a node's name. */
static void draw_node(struct surface *s, struct rect r, int x, const struct node *n)
{
	if (n->foreign)
		surface_text(s, r, x + 2, r.y, ROLE_FAIL, "another pool answers here");
	else if (n->trouble.code != ERR_NONE)
		surface_textf(
			s, r, x + 2, r.y, ROLE_FAIL, "%s %s", err_name(n->trouble.code), n->trouble.text);
	else if (!n->last)
		surface_text(s, r, x + 2, r.y, ROLE_WARN, "has not answered yet");
	else if (n->last->crew.worker_count == 0 && n->last->crew.workers_dropped == 0)
		surface_text(s, r, x + 2, r.y, ROLE_DIM, "does not tell of its workers one by one");
	else if (n->last->crew.workers_dropped > 0)
		surface_textf(s, r, x + 2, r.y, ROLE_WARN, "and %d workers that are not listed",
			n->last->crew.workers_dropped);
}

static void draw_line(struct surface *s, struct rect r, const struct view *v,
	const struct roster_line *l, bool here)
{
	struct facts f;
	int left, after = draw_label(s, r, v, l, here);
	if (l->kind == ROSTER_NODE) {
		draw_node(s, r, after, &v->pool->nodes[l->node]);
		return;
	}
	find_facts(&f, v, l);
	unsigned chosen = choose(r.w, &left);
	int x = r.x + r.w - left;
	surface_text(s, (struct rect){r.x, r.y, LABEL_W + STATE_W, 1}, r.x + LABEL_W, r.y,
		view_role(v->pool, f.state_role), f.state);
	if (left > 8)
		surface_text(s, r, x + 2, r.y, view_role(v->pool, ROLE_REMOTE), f.trouble);
	for (int c = COLUMN_COUNT; c-- > 0;) {
		char text[64];
		if (!(chosen >> c & 1))
			continue;
		cell(text, sizeof text, &f, c);
		if (speaks(l->kind, c))
			surface_text_right(
				s, r, x - 1, r.y, view_role(v->pool, cell_role(v->pool, &f, c)), text);
		x -= columns[c].width;
	}
}

static void draw_tree(struct surface *s, struct rect r, const struct view *v)
{
	const struct roster *roster = v->roster;
	int rows = r.h - (r.h > 1), at = roster_at(roster);
	int top = at - rows / 2, most = roster->line_count - rows;
	top = top > most ? most : top;
	top = top < 0 ? 0 : top;
	int y = r.y;
	if (r.h > 1)
		draw_titles(s, (struct rect){r.x, y++, r.w, 1}, roster, rows);
	for (int i = top; i < roster->line_count && y < r.y + r.h; i++, y++)
		draw_line(s, (struct rect){r.x, y, r.w, 1}, v, &roster->lines[i], i == at);
}

/* ---- the selected line in words ---- */

static void detail_node(struct text *t, const struct node *n)
{
	if (!n->last)
		return;
	char up[24];
	unit_age(up, sizeof up, n->last->uptime_ms);
	text_addf(
		t, "build %s, up %s, %s", n->last->build[0] ? n->last->build : "-", up, n->target);
}

static void detail_arm(struct text *t, const struct arm_counts *c, const struct facts *f)
{
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
	if (queue_part(f) > 0) {
		char full[16];
		unit_percent(full, sizeof full, queue_part(f));
		text_addf(t, " (%s %%)", full);
	}
	if (c->in_flight != UNKNOWN)
		text_addf(t, "; %lld in flight", (long long)c->in_flight);
}

static void detail_segment(struct text *t, const struct segment_row *g, const struct facts *f)
{
	char counts[48], health[16];
	parts(counts, sizeof counts, (const int64_t[]){g->ready, g->workers}, 2);
	cell(health, sizeof health, f, COLUMN_HEALTH);
	text_addf(t, "%s ready, health %s", counts, health);
	if (g->restarts > 0)
		text_addf(t, ", %lld restarts", (long long)g->restarts);
	if (g->rests)
		text_add(t, ", too many of them: it rests before the next");
}

static void detail_worker(struct text *t, const struct worker_row *w, const struct facts *f)
{
	char cpu[16], fds[24], memory[16], hour[24], pid[24];
	unit_percent(cpu, sizeof cpu, f->cpu);
	unit_count(fds, sizeof fds, w->fds);
	unit_bytes(memory, sizeof memory, w->memory_bytes);
	growth(hour, sizeof hour, w->memory_hour);
	snprintf(pid, sizeof pid, "%lld", (long long)w->pid);
	text_addf(t, "%s%s, mem %s (%s/h), cpu %s %%, fds %s, pid %s", f->state,
		w->locked && w->state > WORKER_BUSY ? ", drained" : "", memory, hour, cpu, fds,
		w->pid > 0 ? pid : "-");
}

static void draw_detail(struct surface *s, struct rect r, const struct view *v)
{
	const struct roster_line *l = &v->roster->selected;
	const struct node *n = &v->pool->nodes[l->node];
	struct text t = {0};
	struct facts f;
	find_facts(&f, v, l);
	if (l->kind == ROSTER_NODE)
		detail_node(&t, n);
	else if (l->kind == ROSTER_ARM)
		detail_arm(&t, &n->last->arms[l->arm], &f);
	else if (l->kind == ROSTER_SEGMENT)
		detail_segment(&t, roster_segment(v->pool, l), &f);
	else
		detail_worker(&t, roster_worker(v->pool, l), &f);
	int x = surface_text(s, r, r.x, r.y, ROLE_DIM, "> ");
	x = surface_text(s, r, x, r.y, view_role(v->pool, ROLE_TEXT), text_str(&t));
	if (f.trouble[0])
		surface_textf(s, r, x, r.y, view_role(v->pool, ROLE_REMOTE), "; %s", f.trouble);
	text_free(&t);
}

/* ---- the screen ---- */

void view_workers(struct surface *s, const struct view *v)
{
	struct layout l;
	layout_make_workers(&l, s->w, s->h, v->roster->line_count, view_failure_rows(v->pool));
	const struct rect *r = l.rect;
	view_header(s, r[SECTION_HEADER], v);
	if (r[SECTION_HEADLINE].h)
		view_headline(s, r[SECTION_HEADLINE], v);
	if (r[SECTION_WHO].h)
		view_who(s, r[SECTION_WHO], v);
	if (r[SECTION_ARMS].h)
		draw_tree(s, r[SECTION_ARMS], v);
	if (r[SECTION_PLAN].h && v->roster->line_count > 0)
		draw_detail(s, r[SECTION_PLAN], v);
	if (r[SECTION_BAD].h)
		view_failures(s, r[SECTION_BAD], v);
	if (r[SECTION_MESSAGE].h)
		view_message(s, r[SECTION_MESSAGE], v);
	if (r[SECTION_HINTS].h)
		view_hints(s, r[SECTION_HINTS], v);
}
