/* The screen: a frame of the Flow view into memory, and its bytes to a terminal, against the
 * same cells cleared and the same bytes written. */
#include "tests/bench/bench.h"
#include "tests/lib/site.h"
#include "tui/term.h"
#include "tui/view.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAMES 100
#define BYTES_MAX (1 << 20)

/* ---- the scene: v2 at 10 %, baking ---- */

struct scene {
	struct site site;
	struct desk *desk;
	struct view view;
};

static void open_scene(struct scene *s)
{
	const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};
	site_init(&s->site, 1, 3);
	s->desk = site_open(&s->site, &kim);
	site_step(&s->site, s->desk, 100);
	if (!site_until(&s->site, s->desk, STATE_READY, 60000))
		bench_die("the scene does not come about");
	site_step(&s->site, s->desk, 1000);
	site_run(&s->site, 7000);
	s->view = (struct view){.model = desk_model(s->desk),
		.pool = site_pool(s->desk),
		.now = s->site.now,
		.message = "",
		.clock = "14:03:22Z",
		.place = "",
		.pool_count = 1};
}

/* ---- into memory ---- */

struct canvas {
	const struct scene *scene;
	struct surface surface;
};

static double run_clear(void *arg)
{
	struct canvas *c = arg;
	int64_t start = bench_ns();
	for (int i = 0; i < FRAMES; i++)
		surface_clear(&c->surface);
	return (double)(bench_ns() - start) / FRAMES;
}

static double run_view(void *arg)
{
	struct canvas *c = arg;
	int64_t start = bench_ns();
	for (int i = 0; i < FRAMES; i++) {
		surface_clear(&c->surface);
		view_flow(&c->surface, &c->scene->view);
	}
	return (double)(bench_ns() - start) / FRAMES;
}

/* ---- to a terminal ---- */

struct glass {
	int master, slave;
	const struct surface *frames[2]; /* drawn in turn */
	bool whole;                      /* every frame anew */
	struct theme theme;
	int turn;
	char *bytes; /* of the frame drawn last */
	size_t len;
	int64_t own_ns; /* processor time of the last, until weir had given it away */
};

/* Reads what has come; waits for it when there is nothing. */
static size_t take(struct glass *g, char *into, size_t room)
{
	for (;;) {
		ssize_t got = read(g->master, into, room);
		if (got > 0)
			return (size_t)got;
		struct pollfd wait = {.fd = g->master, .events = POLLIN};
		if (errno != EAGAIN || poll(&wait, 1, 5000) <= 0)
			bench_die("the terminal gives nothing");
	}
}

/* Until the other end has all bytes of the frame. */
static double draw(struct glass *g)
{
	int64_t before = term_bytes_out();
	if (g->whole)
		term_redraw_all();
	g->len = 0;
	int64_t start = bench_ns(), own = bench_cpu_ns();
	if (!term_draw(g->frames[g->turn++ % 2], &g->theme))
		bench_die("the last frame is not out");
	g->own_ns = bench_cpu_ns() - own;
	while (term_wants_write() || g->len < (size_t)(term_bytes_out() - before)) {
		g->len += take(g, g->bytes + g->len, BYTES_MAX - g->len);
		term_flush();
	}
	return (double)(bench_ns() - start);
}

static double run_draw(void *arg)
{
	double took = 0;
	for (int i = 0; i < FRAMES; i++)
		took += draw(arg);
	return took / FRAMES;
}

static double run_own(void *arg)
{
	struct glass *g = arg;
	double took = 0;
	for (int i = 0; i < FRAMES; i++) {
		draw(g);
		took += (double)g->own_ns;
	}
	return took / FRAMES;
}

static double write_bytes(struct glass *g, char *queue, char *into)
{
	size_t sent = 0, got = 0;
	int64_t start = bench_ns();
	memcpy(queue, g->bytes, g->len);
	while (got < g->len) {
		ssize_t n = sent < g->len ? write(g->slave, queue + sent, g->len - sent) : 0;
		sent += n > 0 ? (size_t)n : 0;
		got += take(g, into + got, BYTES_MAX - got);
	}
	return (double)(bench_ns() - start);
}

/* The bytes of the frame that weir drew last. */
static double run_write(void *arg)
{
	struct glass *g = arg;
	char *queue = malloc(BYTES_MAX), *into = malloc(BYTES_MAX);
	double took = 0;
	if (!queue || !into)
		bench_die("out of memory");
	for (int i = 0; i < FRAMES; i++)
		took += write_bytes(g, queue, into);
	free(queue);
	free(into);
	return took / FRAMES;
}

static void open_glass(struct glass *g, int w, int h)
{
	static const char *const none[] = {NULL};
	struct winsize size = {.ws_col = (unsigned short)w, .ws_row = (unsigned short)h};
	struct err err = {0};
	*g = (struct glass){.bytes = malloc(BYTES_MAX)};
	if (!g->bytes || openpty(&g->master, &g->slave, NULL, NULL, &size) != 0)
		bench_die("no terminal");
	fcntl(g->master, F_SETFL, O_NONBLOCK);
	fcntl(g->slave, F_SETFL, O_NONBLOCK);
	struct term_options how = {
		.in_fd = g->slave, .out_fd = g->slave, .type = "xterm-256color", .colour = true};
	if (theme_load(&g->theme, "dark", none, &err) || term_open(&how, &err))
		bench_die("no terminal: %s", err.text);
}

static void close_glass(struct glass *g)
{
	term_close();
	close(g->master);
	close(g->slave);
	free(g->bytes);
}

static void race_terminal(struct glass *g, const char *what)
{
	char title[96];
	draw(g);
	if (!g->whole)
		draw(g); /* the first was the whole frame */
	const struct bench_side sides[] = {
		{"memcpy and write of these bytes", run_write, g}, {"weir: term_draw", run_draw, g},
		{"of it weir's processor time", run_own, g}};
	snprintf(title, sizeof title, "%s, drawn and received: %zu bytes", what, g->len);
	bench_race(title, sides, 3);
}

/* ---- sizes ---- */

static void bench_size(const struct scene *scene, int w, int h)
{
	struct canvas c = {.scene = scene};
	struct surface changed;
	struct glass g;
	char what[64];
	surface_init(&c.surface, w, h, false);
	const struct bench_side sides[] = {
		{"the cells cleared", run_clear, &c}, {"weir: cleared, view_flow", run_view, &c}};
	snprintf(what, sizeof what, "a frame of %dx%d into memory", w, h);
	bench_race(what, sides, 2);

	surface_init(&changed, w, h, false);
	surface_clear(&changed);
	view_flow(&changed, &scene->view);
	open_glass(&g, w, h);
	g.frames[0] = g.frames[1] = &c.surface;
	g.whole = true;
	snprintf(what, sizeof what, "the whole frame of %dx%d", w, h);
	race_terminal(&g, what);

	/* Both frames show a value at the same place: "123.4" and "567.8". */
	surface_text(&c.surface, surface_all(&c.surface), w / 2, h / 2, ROLE_STRONG, "123.4");
	surface_text(&changed, surface_all(&changed), w / 2, h / 2, ROLE_STRONG, "567.8");
	g.frames[1] = &changed;
	g.whole = false;
	snprintf(what, sizeof what, "one changed value of %dx%d", w, h);
	race_terminal(&g, what);
	close_glass(&g);
	surface_release(&c.surface);
	surface_release(&changed);
}

int main(void)
{
	struct scene scene;
	setlocale(LC_CTYPE, "C.UTF-8");
	bench_begin("screen");
	open_scene(&scene);
	bench_size(&scene, 200, 50);
	bench_size(&scene, 80, 24);
	site_release(&scene.site);
	return 0;
}
