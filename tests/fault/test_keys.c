/* Keys that nobody thought of, and a pool that goes on meanwhile: random keys and sizes over a
 * console, live and read-only. Not a test of what a key does: of what none may ever do.
 *
 * 1. A share is raised only by a `y`, or by Enter, on a sheet that the last frame showed.
 * 2. What is done is done to the pool, and at the share, that the last frame's sheet was of; its
 *    name is on the screen where there is room (40x10).
 * 3. Who only looks sends nothing.
 * 4. After every frame the terminal shows what was drawn.
 *
 * KEYS= chooses how many steps (1,000), SEED= the first seed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/simulator.h"
#include "tests/lib/site.h"
#include "tui/console_parts.h"

#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS 1000
#define NODES 2 /* each a pool of its own: what is shown of one must not act on the other */
#define W_MAX 140
#define H_MAX 50

static struct {
	struct site site;
	struct desk *desk;
	struct console *console;
	int master, slave, w, h;
	struct simulator sim;
	struct theme theme;
	uint64_t seed;
	uint32_t key;
	int step, raises;
	/* as of the last frame */
	bool showed_sheet;
	struct sheet sheet;
	int pool;
	char *frame;
} t;

static uint64_t draw(void)
{
	uint64_t z = t.seed += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static int below(int n)
{
	return (int)(draw() % (unsigned)n);
}

/* ---- the terminal ---- */

static void read_tty(void)
{
	char bytes[8192];
	for (;;) {
		ssize_t got = read(t.master, bytes, sizeof bytes);
		if (got > 0) {
			simulator_feed(&t.sim, bytes, (size_t)got);
			continue;
		}
		if (!term_wants_write())
			break;
		term_flush();
		poll(&(struct pollfd){.fd = t.master, .events = POLLIN}, 1, 1000);
	}
}

static void wait_for(int64_t bytes)
{
	read_tty();
	for (int i = 0; (int64_t)t.sim.bytes < bytes && i < 100; i++) {
		poll(&(struct pollfd){.fd = t.master, .events = POLLIN}, 1, 100);
		read_tty();
	}
}

static char *text_of(const struct surface *s)
{
	struct text chars = {0};
	surface_dump(s, &chars, NULL);
	return text_take(&chars);
}

static void frame(void)
{
	static int64_t sent_before;
	const struct surface *s = console_draw(t.console, t.site.now);
	if (t.sim.bytes == 0)
		sent_before = term_bytes_out();
	assert_true(term_draw(s, &t.theme));
	wait_for(term_bytes_out() - sent_before);
	free(t.frame);
	t.frame = text_of(s);
	char *shown = simulator_text(&t.sim);
	if (strcmp(shown, t.frame) != 0 || t.sim.errors != 0) {
		fprintf(stderr, "seed %llu step %d: %s\nthe terminal shows\n%sdrawn was\n%s",
			(unsigned long long)t.seed, t.step, t.sim.first_error, shown, t.frame);
		fail_msg("terminal and program differ");
	}
	free(shown);
	t.showed_sheet = t.console->sheet.kind != SHEET_NONE && !t.console->is_frozen;
	t.sheet = t.console->sheet;
	t.pool = t.console->pool;
}

static void resize(int w, int h)
{
	t.w = w;
	t.h = h;
	simulator_resize(&t.sim, w, h);
	term_resize(w, h);
	console_resize(t.console, w, h);
}

/* ---- what none may ever do ---- */

static const char *name_of(int pool)
{
	return desk_model(t.desk)->pools[pool].name;
}

static void complain(const char *what, int pool, const struct command *c)
{
	fprintf(stderr, "step %d, key %u: %s %s to %d\n%s", t.step, t.key, name_of(pool),
		verb_row(c->verb)->word, c->to_bp, t.frame);
	fail_msg("%s", what);
}

static bool raises(const struct command *c)
{
	return c->verb == VERB_STEP || c->verb == VERB_RESUME;
}

/* What a pool got of one key, the moment it was pressed. */
static void check(int pool, const struct command *c)
{
	const struct sheet *s = &t.sheet;
	if (t.console->how.read_only)
		complain("one who only looks has sent", pool, c);
	if (!raises(c))
		return;
	t.raises++;
	if (!t.showed_sheet)
		complain("a raise without a sheet on the screen", pool, c);
	if (t.key != 'y' && t.key != KEYS_ENTER)
		complain("a raise by another key than y or Enter", pool, c);
	if (s->pool != pool || (t.w >= 40 && t.h >= 10 && !strstr(t.frame, name_of(pool))))
		complain("a raise of another pool than the sheet named", pool, c);
	if (c->verb == VERB_STEP && s->request.to_bp != c->to_bp)
		complain("a raise to another share than the sheet named", pool, c);
}

/* ---- a step ---- */

static uint32_t any_key(void)
{
	static const uint32_t likely[] = {'S', 'y', 'y', 'y', 'R', 'H', 'U', 'A', 'D', KEYS_ENTER,
		KEYS_ENTER, KEYS_ESC, KEYS_ESC, KEYS_TAB, ']', '[', ':', '/', 'n', 'm', 'o', 'g', 'q',
		'?', ' ', 'j', 'k', '1', '2', '3', '4', '5', '6', 'z', 'w', 't', '+', '-', KEYS_UP,
		KEYS_DOWN, KEYS_LEFT, KEYS_RIGHT, KEYS_BACKSPACE, KEYS_PASTE, KEYS_UNKNOWN, KEYS_F1,
		KEYS_F5};
	if (below(8) == 0)
		return 0x20 + (uint32_t)below(0x5f);
	return likely[below(sizeof likely / sizeof *likely)];
}

/* As a person who means it: S, a look, y. */
static uint32_t planned_key(void)
{
	if (t.console->sheet.kind != SHEET_NONE && below(2) == 0)
		return 'y';
	return any_key();
}

/* Somebody else, or the pool itself. */
static void disturb(void)
{
	struct fake *f = t.site.node[below(NODES)];
	char key[24];
	snprintf(key, sizeof key, "k%d", t.step);
	switch (below(5)) {
	case 0:
		fake_act(f, "ana@ops2", key, VERB_STEP, 100, "in between");
		return;
	case 1:
		fake_act(f, "ana@ops2", key, VERB_HOLD, -1, "in between");
		return;
	case 2:
		fake_act(f, "ana@ops2", key, VERB_ROLLBACK, -1, "in between");
		return;
	case 3:
		fake_act(f, "ana@ops2", key, VERB_RESUME, -1, "in between");
		return;
	default:
		f->silent = !f->silent;
	}
}

static void pass(int64_t ms)
{
	for (; ms > 0; ms -= SITE_STEP_MS) {
		site_run(&t.site, SITE_STEP_MS);
		console_refresh(t.console, t.site.now);
	}
}

/* The key acts on what the last frame showed, though the world may have moved since. */
static void press(uint32_t key)
{
	for (int k = 0; k < NODES; k++)
		t.site.node[k]->got_count = 0;
	t.key = key;
	console_key(t.console, t.key, t.site.now);
	site_settle(&t.site);
	desk_turn(t.desk, t.site.now);
	console_refresh(t.console, t.site.now);
	for (int k = 0; k < NODES; k++)
		for (int i = 0; i < t.site.node[k]->got_count; i++)
			check(k, &t.site.node[k]->got[i]);
}

/* As one who means it, at pools that let them: else hardly a random key ever raises. */
static void mean_it(void)
{
	for (int k = 0; k < NODES; k++) {
		char key[24];
		snprintf(key, sizeof key, "m%d.%d", t.step, k);
		t.site.node[k]->silent = false;
		fake_act(t.site.node[k], "ana@ops2", key, VERB_RESUME, -1, "go on");
	}
	for (int i = 0; i < 3; i++)
		press(KEYS_ESC);
	pass(3000);
	press('1');
	press('S');
	pass(1500);
	frame();
	if (below(3) == 0)
		disturb();
	pass(below(2) * 1000);
	press('y');
}

static void open_console(bool read_only)
{
	struct console_options how = {.desk = t.desk, .w = t.w, .h = t.h, .read_only = read_only};
	t.console = console_new(&how, t.site.now);
}

static void step(void)
{
	static const int sizes[][2] = {{200, 50}, {120, 40}, {80, 24}, {60, 16}, {40, 10}, {20, 4}};
	bool read_only = t.console->how.read_only;
	if (below(40) == 0) {
		int i = below(6);
		bool odd = below(3) == 0;
		resize(odd ? 1 + below(W_MAX) : sizes[i][0], odd ? 1 + below(H_MAX) : sizes[i][1]);
	}
	if (below(12) == 0)
		disturb();
	if (below(15) == 0)
		mean_it();
	frame();
	/* The world moves between the frame that the hand has seen and the key. */
	if (below(3) == 0) {
		if (below(2) == 0)
			disturb();
		pass(SITE_STEP_MS * below(30));
	}
	press(planned_key());
	pass(SITE_STEP_MS * below(30));
	if (console_left(t.console) || below(400) == 0) {
		console_free(t.console);
		open_console(below(3) == 0 ? !read_only : read_only);
	}
}

static void random_keys_never_act_on_what_was_not_shown(void **state)
{
	(void)state;
	const char *steps = getenv("KEYS"), *seed = getenv("SEED");
	int64_t count = STEPS, first = 1;
	if (steps)
		assert_true(unit_parse_int(steps, 1, 100000000, &count));
	if (seed)
		assert_true(unit_parse_int(seed, 0, INT64_MAX, &first));
	t.seed = (uint64_t)first;
	for (t.step = 0; t.step < count; t.step++)
		step();
	printf("%d steps, %d raises\n", t.step, t.raises);
	assert_true(t.raises > 0 || count < STEPS); /* the watch has seen some */
}

static int sit_down(void **state)
{
	static const char *const none[] = {NULL};
	static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};
	struct winsize size = {.ws_col = 100, .ws_row = 32};
	(void)state;
	setlocale(LC_CTYPE, "C.UTF-8");
	site_init(&t.site, NODES, 7);
	t.site.apart = true;
	t.desk = site_open(&t.site, &kim);
	t.w = 100;
	t.h = 32;
	assert_int_equal(openpty(&t.master, &t.slave, NULL, NULL, &size), 0);
	fcntl(t.master, F_SETFL, O_NONBLOCK);
	simulator_init(&t.sim, t.w, t.h);
	assert_int_equal(theme_load(&t.theme, "dark", none, NULL), 0);
	struct term_options how = {
		.in_fd = t.slave, .out_fd = t.slave, .type = "xterm-256color", .colour = true};
	assert_int_equal(term_open(&how, NULL), 0);
	open_console(false);
	return 0;
}

static int leave(void **state)
{
	(void)state;
	console_free(t.console);
	term_close();
	close(t.master);
	close(t.slave);
	simulator_release(&t.sim);
	free(t.frame);
	site_release(&t.site);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			random_keys_never_act_on_what_was_not_shown, sit_down, leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
