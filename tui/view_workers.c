/* The Workers screen: nodes, arms, segments and workers, registered workers and keyed work as a
 * tree of lines with what each does and uses; below it the selected one in words, and where v2
 * fails. As many columns as there is room
 * for; what has none is said of the selected line. */
#include "tui/line_words.h"
#include "tui/view.h"
#include "tui/view_failures.h"

#include <stdio.h>

#define LABEL_W 12
#define STATE_W 12

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

/* What only processes have, and what only workers. */
#define NO_PROCESS \
	(1u << COLUMN_MEMORY | 1u << COLUMN_GROWTH | 1u << COLUMN_CPU | 1u << COLUMN_FDS)
#define NO_CREW (1u << COLUMN_FAILED | 1u << COLUMN_AGAIN | 1u << COLUMN_HEALTH)

/* What a kind of line has no word for is left blank; "-" is what it might have said. */
static bool speaks(enum roster_kind kind, int column)
{
	static const unsigned none[] = {
		[ROSTER_NODE] = ~0u,
		[ROSTER_ARM] = 1u << COLUMN_GROWTH | 1u << COLUMN_CPU | 1u << COLUMN_HEALTH,
		[ROSTER_SEGMENT] = ~(1u << COLUMN_LOAD | 1u << COLUMN_AGAIN | 1u << COLUMN_HEALTH),
		[ROSTER_WORKER] = 1u << COLUMN_LOAD | 1u << COLUMN_QUEUE | 1u << COLUMN_HEALTH,
		[ROSTER_RESIDENTS] = NO_PROCESS,
		[ROSTER_PLACE] = NO_PROCESS | 1u << COLUMN_QUEUE,
		[ROSTER_ROOM] = NO_PROCESS | 1u << COLUMN_QUEUE,
		[ROSTER_RESIDENT] =
			NO_PROCESS | 1u << COLUMN_QUEUE | 1u << COLUMN_LOAD | 1u << COLUMN_HEALTH,
		[ROSTER_TALLY] = NO_PROCESS | NO_CREW,
		[ROSTER_PARTITION] = NO_PROCESS | NO_CREW,
	};
	return !(none[kind] >> column & 1);
}

/* Workers; where there are none, what is kept instead. */
static void load(char *out, size_t size, const struct line_facts *f, enum roster_kind kind)
{
	char keys[24];
	bool is_place = kind == ROSTER_PLACE || kind == ROSTER_ROOM;
	const int64_t n[] = {f->busy, f->ready, f->total};
	line_count(keys, sizeof keys, 6, f->keys);
	if (kind == ROSTER_TALLY || kind == ROSTER_PARTITION)
		snprintf(out, size, "%s keys", keys);
	else
		line_parts(out, size, n + is_place, 3 - is_place);
}

static void cell(
	char *out, size_t size, const struct line_facts *f, enum roster_kind kind, int column)
{
	int width = columns[column].width;
	switch (column) {
	case COLUMN_LOAD:
		load(out, size, f, kind);
		break;
	case COLUMN_QUEUE:
		line_parts(out, size, (const int64_t[]){f->queue, f->queue_max},
			1 + (kind != ROSTER_RESIDENTS));
		break;
	case COLUMN_SERVED:
		line_count(out, size, width, f->served);
		break;
	case COLUMN_FAILED:
		line_count(out, size, width, f->failed);
		break;
	case COLUMN_AGAIN:
		line_parts(out, size, (const int64_t[]){f->restarts, f->crashes}, 2);
		break;
	case COLUMN_MEMORY:
		unit_bytes(out, size, f->memory_bytes);
		break;
	case COLUMN_GROWTH:
		line_growth(out, size, f->memory_hour);
		break;
	case COLUMN_CPU:
		unit_percent(out, size, f->cpu);
		break;
	case COLUMN_FDS:
		line_count(out, size, width, f->fds);
		break;
	default:
		line_health(out, size, f->health);
	}
}

static enum role cell_role(const struct pool *p, const struct line_facts *f, int column)
{
	double limit = p->standing.guard.metric[METRIC_ERRORS].limit;
	switch (column) {
	case COLUMN_QUEUE:
		return line_facts_queue_role(line_facts_queue(f));
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
		surface_text(s, r, x + 2, r.y, ROLE_DIM, "notes");
	for (int c = COLUMN_COUNT; c-- > 0;) {
		if (!(chosen >> c & 1))
			continue;
		surface_text_right(s, r, x - 1, r.y, ROLE_DIM, columns[c].title);
		x -= columns[c].width;
	}
}

/* A registered worker's name is longer than others, and it has no load. */
static int label_width(const struct roster_line *l, int width)
{
	return l->kind == ROSTER_NODE    ? width
		: l->kind == ROSTER_RESIDENT ? LABEL_W + STATE_W - 1
									 : LABEL_W;
}

static enum role label_role(const struct roster_line *l)
{
	bool is_arm = l->kind == ROSTER_ARM || l->kind == ROSTER_TALLY;
	return l->kind == ROSTER_NODE || l->kind == ROSTER_RESIDENT ? ROLE_REMOTE
		: !is_arm                                               ? ROLE_TEXT
		: l->arm == ARM_V1                                      ? ROLE_V1
																: ROLE_V2;
}

static int draw_label(struct surface *s, struct rect r, const struct view *v,
	const struct roster_line *l, bool here)
{
	const struct node *n = &v->pool->nodes[l->node];
	struct rect label = {r.x, r.y, label_width(l, r.w), 1};
	enum role role = here ? ROLE_SELECTED : label_role(l);
	char word[RESIDENT_NAME_MAX];
	int x = r.x + 1 + roster_depth(l);
	if (here) {
		int marked = l->kind == ROSTER_RESIDENT ? label.w : LABEL_W - 1;
		surface_fill(s, (struct rect){r.x, r.y, marked, 1}, ROLE_SELECTED, ' ');
		surface_put(s, r, r.x, r.y, ROLE_SELECTED, '>');
	}
	if (l->kind == ROSTER_NODE)
		return surface_text(
			s, label, x, r.y, role, n->last && n->last->node[0] ? n->last->node : n->target);
	roster_label(word, sizeof word, l);
	return surface_text(s, label, x, r.y, role, word);
}

/* What there is but has no line. */
static void draw_dropped(struct surface *s, struct rect r, int x, const struct crew *c)
{
	const struct {
		int n;
		const char *what;
	} dropped[] = {
		{c->workers_dropped, "workers"},
		{c->residents.nodes_dropped, "nodes of registered workers"},
		{c->residents.segments_dropped, "segments of registered workers"},
	};
	const char *before = "and";
	for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++) {
		if (dropped[i].n == 0)
			continue;
		x = surface_textf(s, r, x, r.y, ROLE_WARN, "%s %d %s that are not listed", before,
			dropped[i].n, dropped[i].what);
		before = ",";
	}
}

/* What stands behind a node's name. */
static void draw_node(
	struct surface *s, struct rect r, int x, const struct view *v, const struct node *n)
{
	if (n->foreign)
		surface_text(s, r, x + 2, r.y, ROLE_FAIL, "another pool answers here");
	else if (n->trouble.code != ERR_NONE)
		surface_textf(
			s, r, x + 2, r.y, ROLE_FAIL, "%s %s", err_name(n->trouble.code), n->trouble.text);
	else if (!n->last)
		surface_text(s, r, x + 2, r.y, ROLE_WARN, "has not answered yet");
	else if (n->last->crew.worker_count == 0 && n->last->crew.workers_dropped == 0)
		surface_text(s, r, x + 2, r.y, ROLE_DIM,
			v->replay ? "this recording has no worker rows"
					  : "does not tell of its workers one by one");
	else
		draw_dropped(s, r, x + 2, &n->last->crew);
}

/* A registered worker's stands where others have their load. */
static void draw_state(struct surface *s, struct rect r, const struct view *v,
	const struct roster_line *l, const struct line_facts *f)
{
	int x = r.x + LABEL_W, w = STATE_W;
	if (l->kind == ROSTER_RESIDENT) {
		x += STATE_W;
		w = columns[COLUMN_LOAD].width - 1;
	}
	surface_text(
		s, (struct rect){x, r.y, w, 1}, x, r.y, view_role(v->pool, f->state_role), f->state);
}

/* A worker's is the pool's own text, a tally's too. */
static enum role note_role(const struct roster_line *l)
{
	return l->kind == ROSTER_WORKER || l->kind == ROSTER_TALLY ? ROLE_REMOTE : ROLE_TEXT;
}

static void draw_line(struct surface *s, struct rect r, const struct view *v,
	const struct roster_line *l, bool here)
{
	struct line_facts f;
	int left, after = draw_label(s, r, v, l, here);
	if (l->kind == ROSTER_NODE) {
		draw_node(s, r, after, v, &v->pool->nodes[l->node]);
		return;
	}
	line_facts_find(&f, v, l);
	unsigned chosen = choose(r.w, &left);
	int x = r.x + r.w - left;
	draw_state(s, r, v, l, &f);
	if (left > 8)
		surface_text(s, r, x + 2, r.y, view_role(v->pool, note_role(l)), f.note);
	for (int c = COLUMN_COUNT; c-- > 0;) {
		char text[64];
		if (!(chosen >> c & 1))
			continue;
		cell(text, sizeof text, &f, l->kind, c);
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

static void draw_detail(struct surface *s, struct rect r, const struct view *v)
{
	const struct roster_line *l = &v->roster->selected;
	struct text t = {0};
	struct line_facts f;
	line_facts_find(&f, v, l);
	line_words(&t, v, l, &f);
	int x = surface_text(s, r, r.x, r.y, ROLE_DIM, "> ");
	x = surface_text(s, r, x, r.y, view_role(v->pool, ROLE_TEXT), text_str(&t));
	if (f.note[0])
		surface_textf(s, r, x, r.y, view_role(v->pool, note_role(l)), "; %s", f.note);
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
