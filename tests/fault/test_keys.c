/* Keys that nobody thought of, and a pool that goes on meanwhile: random keys and sizes over a
 * console, live, read-only and over a recording. Not a test of what a key does: of what none may
 * ever do.
 *
 * 1. A share is raised only by a `y`, or by Enter, on a sheet that the last frame showed.
 * 2. What is done is done to the pool, and at the share, that the last frame's sheet was of; its
 *    name is on the screen where there is room (40x10).
 * 3. Who only looks, or looks at what was recorded, sends nothing.
 * 4. After every frame the terminal shows what was drawn.
 *
 * KEYS= chooses how many steps, SEED= the first seed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "history/replay.h"
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

#define STEPS 800
#define STEPS_OF_REPLAY 200
#define NODES 2 /* each a pool of its own: what is shown of one must not act on the other */
#define W_MAX 140
#define H_MAX 50

static struct {
	struct site site;
	struct desk *desk;
	struct console *console;
	struct driver *replayed; /* NULL: live */
	char recording[256];
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
	if (t.console->how.read_only || t.replayed)
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
		whatif_overlay_turn(&t.console->whatif);
		console_refresh(t.console, t.site.now);
	}
}

/* The key acts on what the last frame showed, though the world may have moved since. */
static void press(uint32_t key)
{
	for (int k = 0; k < t.site.node_count; k++)
		t.site.node[k]->got_count = 0;
	t.key = key;
	console_key(t.console, t.key, t.site.now);
	site_settle(&t.site);
	desk_turn(t.desk, t.site.now);
	console_refresh(t.console, t.site.now);
	for (int k = 0; k < t.site.node_count; k++)
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
	struct console_options how = {.desk = t.desk,
		.replay = t.replayed,
		.recording = t.replayed ? t.recording : NULL,
		.w = t.w,
		.h = t.h,
		.read_only = read_only};
	t.console = console_new(&how, t.site.now);
}

static void any_size(void)
{
	static const int sizes[][2] = {{200, 50}, {120, 40}, {80, 24}, {60, 16}, {40, 10}, {20, 4}};
	if (below(40) != 0)
		return;
	int i = below(6);
	bool odd = below(3) == 0;
	resize(odd ? 1 + below(W_MAX) : sizes[i][0], odd ? 1 + below(H_MAX) : sizes[i][1]);
}

static void step(void)
{
	bool read_only = t.console->how.read_only;
	any_size();
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

/* How many steps, from which seed. */
static int64_t begin(int64_t count)
{
	const char *steps = getenv("KEYS"), *seed = getenv("SEED");
	int64_t first = 1;
	if (steps)
		assert_true(unit_parse_int(steps, 1, 100000000, &count));
	if (seed)
		assert_true(unit_parse_int(seed, 0, INT64_MAX, &first));
	t.seed = (uint64_t)first;
	return count;
}

static void random_keys_never_act_on_what_was_not_shown(void **state)
{
	(void)state;
	int64_t count = begin(STEPS);
	for (t.step = 0; t.step < count; t.step++)
		step();
	printf("%d steps, %d raises\n", t.step, t.raises);
	assert_true(t.raises > 0 || count < STEPS); /* the watch has seen some */
}

/* ---- over a recording ---- */

static void type(const char *text)
{
	for (; *text; text++)
		press((unsigned char)*text);
	press(KEYS_ENTER);
}

/* What leads to another moment, another speed, or asks what would have been. */
static void any_word(void)
{
	static const char *const words[] = {":seek 0%", ":seek 50%", ":seek 100%", ":seek +90s",
		":seek -1h", ":rollback", ":step 50%", ":hold",
		":whatif guards.error_rate_threshold=0.02", ":whatif window=5s", ":whatif off",
		":screen journal", ":pool checkout", "/roll"};
	type(words[below(sizeof words / sizeof *words)]);
}

static void step_of_replay(void)
{
	static const uint32_t likely[] = {
		'{', '}', '[', ']', ',', '.', '(', ')', '<', '>', ' ', KEYS_HOME, KEYS_END};
	any_size();
	frame();
	if (below(10) == 0)
		any_word();
	else if (below(2) == 0)
		press(likely[below(sizeof likely / sizeof *likely)]);
	else
		press(any_key());
	pass(SITE_STEP_MS * below(10));
	if (console_left(t.console)) {
		console_free(t.console);
		open_console(false);
	}
}

static void random_keys_move_nothing_in_a_recording(void **state)
{
	(void)state;
	int64_t count = begin(STEPS_OF_REPLAY);
	struct fake *f = t.site.node[0];
	int asked = f->commands + f->polls + f->leases + f->resolves;
	for (t.step = 0; t.step < count; t.step++)
		step_of_replay();
	assert_int_equal(f->commands + f->polls + f->leases + f->resolves, asked);
}

/* ---- a console ---- */

static void open_terminal(void)
{
	static const char *const none[] = {NULL};
	struct winsize size = {.ws_col = 100, .ws_row = 32};
	setlocale(LC_CTYPE, "C.UTF-8");
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
}

static int sit_down(void **state)
{
	static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};
	(void)state;
	site_init(&t.site, NODES, 7);
	t.site.apart = true;
	t.desk = site_open(&t.site, &kim);
	open_terminal();
	return 0;
}

/* A minute of a step and a v2 that breaks, with the guard's rollback. */
static void record(void)
{
	static const struct site_desk recorder = {
		.actor = "kim@ops1", .file = "h.db", .record = true};
	struct desk *live = site_open(&t.site, &recorder);
	site_run(&t.site, 3000);
	site_step(&t.site, live, 100);
	site_run(&t.site, 5000);
	t.site.node[0]->error_rate[ARM_V2] = 0.9;
	site_run(&t.site, 52000);
	site_close(&t.site, live);
	site_path(&t.site, "h.db", t.recording, sizeof t.recording);
}

static struct instant replay_moment(void *ctx, struct instant real)
{
	(void)real;
	return replay_now(ctx);
}

static int sit_down_at_a_recording(void **state)
{
	static const struct driver_ops *const schemes[] = {&replay_driver, NULL};
	struct desk_options how = {
		.actor = "kim@ops1", .schemes = schemes, .seed = 1, .read_only = true};
	struct err err;
	char target[300];
	const char *url = target;
	(void)state;
	site_init(&t.site, 1, 7);
	record();
	snprintf(target, sizeof target, "replay:%s", t.recording);
	struct pool_setup pool = {.name = "checkout",
		.targets = &url,
		.target_count = 1,
		.interval_ms = 1000,
		.plan = &t.site.plan,
		.plan_hash = "0123abcd",
		.limits = &t.site.limits};
	assert_non_null(t.desk = desk_new(&how, t.site.now, &err));
	if (desk_add(t.desk, &pool, NULL, NULL, t.site.now, &err) < 0)
		fail_msg("%s", err.text);
	t.site.desk[t.site.desk_count++] = t.desk;
	t.replayed = client_driver(desk_client(t.desk), NODE_HANDLE(0, 0));
	desk_set_clock(t.desk, replay_moment, t.replayed);
	open_terminal();
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
	t.frame = NULL;
	t.replayed = NULL;
	site_release(&t.site);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			random_keys_never_act_on_what_was_not_shown, sit_down, leave),
		cmocka_unit_test_setup_teardown(
			random_keys_move_nothing_in_a_recording, sit_down_at_a_recording, leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
