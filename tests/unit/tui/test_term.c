/* The terminal: what it shows is what was drawn, after every frame, on every type; it never
 * blocks; it gives everything back. In one process, on a pseudo terminal whose other side is
 * the simulator. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/pty.h"
#include "tests/lib/simulator.h"
#include "tui/term.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct {
	int master, slave;
	struct simulator sim;
	struct surface surface;
	struct theme theme;
	struct termios before;
	int64_t received;
	bool hides_cursor, has_alternate; /* the type can, has */
} t;

static uint64_t seed;

static unsigned chance(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % below;
}

static int open_pty(void **state)
{
	(void)state;
	static const char *const none[] = {NULL};
	struct winsize size = {.ws_col = 80, .ws_row = 24};
	seed = 0x9e3779b97f4a7c15;
	memset(&t, 0, sizeof t); /* padding too: settings are compared as bytes */
	t.hides_cursor = t.has_alternate = true;
	t.received = term_bytes_out();
	assert_int_equal(openpty(&t.master, &t.slave, NULL, NULL, &size), 0);
	fcntl(t.master, F_SETFL, O_NONBLOCK);
	assert_int_equal(tcgetattr(t.slave, &t.before), 0);
	simulator_init(&t.sim, 80, 24);
	surface_init(&t.surface, 80, 24, false);
	assert_int_equal(theme_load(&t.theme, "dark", none, NULL), 0);
	return 0;
}

static int close_pty(void **state)
{
	(void)state;
	term_close();
	simulator_release(&t.sim);
	surface_release(&t.surface);
	if (t.master >= 0)
		close(t.master);
	close(t.slave);
	return 0;
}

static void open_term(const char *type)
{
	struct term_options how = {
		.in_fd = t.slave, .out_fd = t.slave, .type = type, .colour = true};
	struct err err = {0};
	if (term_open(&how, &err) != 0)
		fail_msg("%s: %s", type, err.text);
}

static void read_some(int timeout_ms)
{
	char bytes[4096];
	struct pollfd wait = {.fd = t.master, .events = POLLIN};
	if (poll(&wait, 1, timeout_ms) <= 0)
		fail_msg("the terminal has nothing to read, %lld of %lld bytes came",
			(long long)t.received, (long long)term_bytes_out());
	ssize_t got = read(t.master, bytes, sizeof bytes);
	if (got > 0) {
		simulator_feed(&t.sim, bytes, (size_t)got);
		t.received += got;
	}
}

/* Until every byte that was drawn has come. */
static void pump(void)
{
	term_flush();
	while (term_wants_write() || t.received < term_bytes_out()) {
		read_some(5000);
		term_flush();
	}
}

static void resize(int w, int h)
{
	struct winsize size = {.ws_col = (unsigned short)w, .ws_row = (unsigned short)h};
	assert_int_equal(ioctl(t.master, TIOCSWINSZ, &size), 0);
	simulator_resize(&t.sim, w, h);
	surface_resize(&t.surface, w, h);
	int now_w, now_h;
	term_size(&now_w, &now_h);
	assert_true(now_w == w && now_h == h);
	term_resize(now_w, now_h);
}

static unsigned drawn_attrs(const struct style *style)
{
	return ((style->attrs & STYLE_BOLD) != 0 ? SIM_BOLD : 0u) |
		((style->attrs & STYLE_REVERSE) != 0 ? SIM_REVERSE : 0u) |
		((style->attrs & STYLE_UNDERLINE) != 0 ? SIM_UNDERLINE : 0u) |
		((style->attrs & STYLE_DIM) != 0 ? SIM_DIM : 0u);
}

static bool same_look(const struct sim_cell *shown, const struct cell *drawn)
{
	const struct style *style = &t.theme.style[drawn->role];
	unsigned attrs = drawn_attrs(style);
	if (shown->pen.bg != style->bg)
		return false;
	if (shown->point == ' ' && (attrs & (SIM_REVERSE | SIM_UNDERLINE)) == 0)
		return (shown->pen.attrs & (SIM_REVERSE | SIM_UNDERLINE)) == 0;
	return shown->pen.fg == style->fg && shown->pen.attrs == attrs;
}

static bool same_text(const struct sim_cell *shown, const struct cell *drawn)
{
	if (shown->point != drawn->point)
		return false;
	for (int i = 0; i < 4 && drawn->point != 0; i++) {
		if (shown->marks[i] != drawn->marks[i])
			return false;
		if (drawn->marks[i] == 0)
			break;
	}
	return true;
}

/* The terminal's screen is the surface, cell by cell; with `looks` in colours and attributes
 * too. */
static void assert_same(bool looks)
{
	pump();
	if (t.sim.errors != 0)
		fail_msg("unknown bytes: %s", t.sim.first_error);
	for (int y = 0; y < t.surface.h; y++)
		for (int x = 0; x < t.surface.w; x++) {
			const struct cell *drawn = &t.surface.cells[y * t.surface.w + x];
			const struct sim_cell *shown = simulator_cell(&t.sim, x, y);
			if (!same_text(shown, drawn))
				fail_msg("column %d of row %d of %dx%d shows U+%04x, not U+%04x", x, y,
					t.surface.w, t.surface.h, shown->point, drawn->point);
			if (looks && drawn->point != 0 && !same_look(shown, drawn))
				fail_msg("column %d of row %d looks %x %d on %d, not %s", x, y,
					shown->pen.attrs, shown->pen.fg, shown->pen.bg, role_word(drawn->role));
		}
	if (t.hides_cursor)
		assert_int_equal(t.sim.cursor_hidden, t.surface.cursor_x < 0);
	if (t.surface.cursor_x >= 0) {
		assert_int_equal(t.sim.cursor.x, t.surface.cursor_x);
		assert_int_equal(t.sim.cursor.y, t.surface.cursor_y);
	}
}

/* A frame like one of ours: much stays, some changes, rows move. */
static void change_something(void)
{
	static const char *const texts[] = {"errors 0.18 of 5 %", "\u2581\u2582\u2583\u2588\u2588",
		"\u6f22\u5b57 wide", "e\u0301a\u0300\u0302o", "~", "   ", "ROLL BACK checkout 10 > 0 %",
		"\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2502"};
	struct surface *s = &t.surface;
	struct rect all = surface_all(s);
	for (unsigned i = chance(12); i > 0; i--) {
		enum role role = (enum role)chance(ROLE_COUNT);
		int x = (int)chance((unsigned)s->w), y = (int)chance((unsigned)s->h);
		switch (chance(6)) {
		case 0:
			surface_fill(s, (struct rect){x, y, (int)chance(30), (int)chance(6)}, role,
				chance(2) == 0 ? ' ' : '=');
			break;
		case 1:
			surface_paint(s, (struct rect){x, y, 20, 1}, role);
			break;
		case 2: /* a list that scrolls */
			memmove(s->cells, s->cells + s->w,
				(size_t)(s->h - 1) * (size_t)s->w * sizeof *s->cells);
			break;
		default:
			surface_text(s, all, x, y, role, texts[chance(sizeof texts / sizeof texts[0])]);
		}
	}
	if (chance(20) == 0)
		surface_clear(s);
	s->cursor_x = chance(2) == 0 ? -1 : (int)chance((unsigned)s->w);
	s->cursor_y = s->cursor_x < 0 ? -1 : (int)chance((unsigned)s->h);
}

static void draw_many(const char *type, bool looks)
{
	open_term(type);
	for (int frame = 0; frame < 100; frame++) {
		if (chance(12) == 0)
			resize(1 + (int)chance(120), 1 + (int)chance(40));
		if (chance(30) == 0)
			term_redraw_all();
		change_something();
		assert_true(term_draw(&t.surface, &t.theme));
		assert_same(looks);
	}
	assert_true(t.sim.paste && t.sim.alternate == t.has_alternate);
	term_close();
	pump();
	assert_int_equal(t.sim.errors, 0);
	assert_false(t.sim.paste || t.sim.cursor_hidden || t.sim.alternate);
}

static void xterm_shows_what_was_drawn(void **state)
{
	(void)state;
	draw_many("xterm-256color", true);
}

static void tmux_shows_what_was_drawn(void **state)
{
	(void)state;
	draw_many("tmux-256color", true);
}

static void screen_shows_what_was_drawn(void **state)
{
	(void)state;
	draw_many("screen-256color", true);
}

static void linux_shows_what_was_drawn(void **state)
{
	(void)state;
	t.has_alternate = false;
	draw_many("linux", false);
}

static void vt100_shows_what_was_drawn(void **state)
{
	(void)state;
	t.has_alternate = t.hides_cursor = false;
	draw_many("vt100", false);
}

static void an_unknown_type_is_drawn_as_xterm(void **state)
{
	(void)state;
	draw_many("no-such-terminal", true);
}

/* Terminfo says 24 rows: what scrolls must be the rows that are there. */
static void a_taller_terminal_scrolls_whole(void **state)
{
	(void)state;
	struct winsize size = {.ws_col = 100, .ws_row = 40};
	assert_int_equal(ioctl(t.master, TIOCSWINSZ, &size), 0);
	simulator_resize(&t.sim, 100, 40);
	surface_resize(&t.surface, 100, 40);
	open_term("xterm-256color");
	for (int frame = 0; frame < 6; frame++) {
		for (int y = 0; y < 40; y++)
			surface_textf(&t.surface, surface_all(&t.surface), 0, y, ROLE_TEXT,
				"%d, a row long enough to be worth scrolling", 7919 * (y + frame));
		assert_true(term_draw(&t.surface, &t.theme));
		assert_same(true);
	}
}

static void the_last_corner_breaks_nothing(void **state)
{
	(void)state;
	static const char *const types[] = {
		"xterm-256color", "tmux-256color", "screen-256color", "linux", "vt100"};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		t.hides_cursor = i != 4;
		open_term(types[i]);
		surface_clear(&t.surface);
		surface_text(&t.surface, surface_all(&t.surface), 75, 23, ROLE_TEXT, "ab");
		assert_true(term_draw(&t.surface, &t.theme));
		surface_text(&t.surface, surface_all(&t.surface), 77, 23, ROLE_TEXT, "\u6f22x");
		assert_true(term_draw(&t.surface, &t.theme));
		assert_same(false);
		surface_text(&t.surface, surface_all(&t.surface), 77, 23, ROLE_TEXT, "y\u6f22");
		assert_true(term_draw(&t.surface, &t.theme));
		assert_same(false);
		term_close();
		pump();
	}
}

static void eight_colours_come_near(void **state)
{
	(void)state;
	open_term("linux");
	assert_true(term_has_colour());
	surface_text(&t.surface, surface_all(&t.surface), 0, 0, ROLE_FAIL, "F");
	surface_text(&t.surface, surface_all(&t.surface), 1, 0, ROLE_OK, "o");
	assert_true(term_draw(&t.surface, &t.theme));
	pump();
	assert_int_equal(simulator_cell(&t.sim, 0, 0)->pen.fg, 1);
	assert_int_equal(simulator_cell(&t.sim, 1, 0)->pen.fg, 6);
}

static void no_colour_is_no_colour(void **state)
{
	(void)state;
	struct term_options how = {.in_fd = t.slave, .out_fd = t.slave, .type = "xterm-256color"};
	assert_int_equal(term_open(&how, NULL), 0);
	assert_false(term_has_colour());
	surface_fill(&t.surface, surface_all(&t.surface), ROLE_FAIL, 'x');
	assert_true(term_draw(&t.surface, &t.theme));
	pump();
	for (int x = 0; x < 80; x++) {
		struct sim_pen pen = simulator_cell(&t.sim, x, 5)->pen;
		assert_true(pen.fg == -1 && pen.bg == -1 && (pen.attrs & SIM_BOLD) != 0);
	}
}

static void another_theme_is_drawn_at_once(void **state)
{
	(void)state;
	open_term("xterm-256color");
	surface_fill(&t.surface, surface_all(&t.surface), ROLE_OK, 'x');
	assert_true(term_draw(&t.surface, &t.theme));
	assert_same(true);
	assert_int_equal(theme_parse(&t.theme, "ok 3 4 underline", "x", NULL), 0);
	assert_true(term_draw(&t.surface, &t.theme));
	assert_same(true);
}

static void assert_settings(const struct termios *expected)
{
	struct termios now;
	memset(&now, 0, sizeof now);
	assert_int_equal(tcgetattr(t.slave, &now), 0);
	assert_memory_equal(&now, expected, sizeof now);
}

static void types_that_cannot_are_refused(void **state)
{
	(void)state;
	static const char *const types[] = {"dumb", "", NULL};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		struct term_options how = {.in_fd = t.slave, .out_fd = t.slave, .type = types[i]};
		struct err err = {0};
		assert_int_equal(term_open(&how, &err), -1);
		assert_int_equal(err.code, ERR_TERMINAL);
		assert_non_null(strstr(err.text, "`weir status --watch`"));
	}
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	struct term_options how = {.in_fd = pipes[0], .out_fd = pipes[1], .type = "xterm"};
	struct err err = {0};
	assert_int_equal(term_open(&how, &err), -1);
	assert_int_equal(err.code, ERR_TERMINAL);
	assert_non_null(strstr(err.text, "is not a terminal"));
	close(pipes[0]);
	close(pipes[1]);
	assert_settings(&t.before);
	struct pollfd wait = {.fd = t.master, .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 0), 0);
}

static void one_changed_cell_costs_little(void **state)
{
	(void)state;
	open_term("xterm-256color");
	surface_fill(&t.surface, surface_all(&t.surface), ROLE_TEXT, 'x');
	assert_true(term_draw(&t.surface, &t.theme));
	pump();
	int64_t before = term_bytes_out();
	surface_put(&t.surface, surface_all(&t.surface), 40, 12, ROLE_FAIL, '7');
	assert_true(term_draw(&t.surface, &t.theme));
	assert_same(true);
	assert_true(term_bytes_out() - before < 100);
	before = term_bytes_out();
	assert_true(term_draw(&t.surface, &t.theme));
	assert_int_equal(term_bytes_out() - before, 0);
}

static void a_terminal_that_nobody_reads_costs_frames(void **state)
{
	(void)state;
	open_term("xterm-256color");
	resize(200, 50);
	int refused = 0;
	for (int frame = 0; frame < 200; frame++) {
		surface_fill(&t.surface, surface_all(&t.surface), (enum role)(frame % ROLE_COUNT),
			'a' + (uint32_t)frame % 26);
		if (!term_draw(&t.surface, &t.theme)) {
			assert_true(term_wants_write());
			refused++;
		}
		assert_int_equal(write(t.master, "j", 1), 1);
		assert_int_equal(term_key(frame), 'j'); /* keys come all the same */
	}
	assert_true(refused > 150);
	assert_false(term_hung_up());
	pump();
	assert_true(term_draw(&t.surface, &t.theme));
	assert_same(true);
}

/* Frames far larger than any pipe: every cell with four marks and another look. */
static void a_huge_frame_goes_out_whole(void **state)
{
	(void)state;
	open_term("xterm-256color");
	resize(250, 100);
	for (int y = 0; y < 100; y++)
		for (int x = 0; x < 250; x++)
			surface_text(&t.surface, surface_all(&t.surface), x, y,
				(enum role)((x + y) % ROLE_COUNT), "e\u0300\u0301\u0302\u0303");
	assert_true(term_draw(&t.surface, &t.theme));
	assert_same(true);
	assert_true(t.sim.bytes > 250 * 100 * 9);
}

static void the_terminal_comes_back_as_it_was(void **state)
{
	(void)state;
	struct termios odd = t.before, now;
	odd.c_lflag &= ~(tcflag_t)ECHO;
	odd.c_iflag |= IXOFF;
	odd.c_cc[VERASE] = 8;
	assert_int_equal(tcsetattr(t.slave, TCSANOW, &odd), 0);
	assert_int_equal(tcgetattr(t.slave, &odd), 0);
	int flags = fcntl(t.slave, F_GETFL);

	open_term("xterm-256color");
	assert_int_equal(tcgetattr(t.slave, &now), 0);
	assert_int_equal(now.c_lflag & (ICANON | ECHO), 0);
	assert_int_not_equal(now.c_lflag & ISIG, 0);
	assert_int_equal(fcntl(t.slave, F_GETFL), flags);
	surface_text(&t.surface, surface_all(&t.surface), 0, 0, ROLE_OK, "on");
	assert_true(term_draw(&t.surface, &t.theme));
	assert_same(true);

	term_suspend();
	pump();
	assert_settings(&odd);
	assert_false(t.sim.alternate || t.sim.paste);
	assert_false(term_draw(&t.surface, &t.theme));
	simulator_feed(&t.sim, "another program", 15);

	assert_int_equal(term_resume(NULL), 0);
	assert_int_equal(tcgetattr(t.slave, &now), 0);
	assert_int_equal(now.c_lflag & ICANON, 0);
	assert_true(term_draw(&t.surface, &t.theme));
	assert_same(true);
	assert_true(t.sim.alternate && t.sim.paste);

	term_emergency_restore();
	while (t.sim.alternate)
		read_some(5000);
	assert_settings(&odd);
	assert_false(t.sim.alternate || t.sim.paste || t.sim.cursor_hidden);
	assert_int_equal(t.sim.errors, 0);

	term_close();
	term_close();
	assert_settings(&odd);
	assert_int_equal(fcntl(t.slave, F_GETFL), flags);
	assert_int_equal(term_in_fd(), -1);
}

static void closing_does_not_hang_on_a_full_terminal(void **state)
{
	(void)state;
	open_term("xterm-256color");
	resize(200, 50);
	for (int frame = 0; frame < 10; frame++) {
		surface_fill(&t.surface, surface_all(&t.surface), ROLE_OK, 'a' + (uint32_t)frame);
		term_draw(&t.surface, &t.theme);
	}
	assert_true(term_wants_write());
	term_close();
	assert_settings(&t.before);
}

static void keys_arrive(void **state)
{
	(void)state;
	static const char part_1[] = "S\033[", part_2[] = "A\xe6", part_3[] = "\xbc\xa2\033";
	open_term("xterm-256color");
	assert_int_equal(term_key(0), KEY_NONE);
	assert_int_equal(term_key_due_ms(), -1);
	assert_int_equal(write(t.master, part_1, sizeof part_1 - 1), 3);
	assert_int_equal(term_key(1), 'S');
	assert_int_equal(term_key(1), KEY_NONE);
	assert_int_equal(term_key_due_ms(), 101);
	assert_int_equal(write(t.master, part_2, sizeof part_2 - 1), 2);
	assert_int_equal(term_key(500), KEYS_UP); /* it had arrived: a late look is no lone Esc */
	assert_int_equal(term_key(500), KEY_NONE);
	assert_int_equal(write(t.master, part_3, sizeof part_3 - 1), 3);
	assert_int_equal(term_key(501), 0x6f22);
	assert_int_equal(term_key(502), KEY_NONE);
	assert_int_equal(term_key_due_ms(), 602);
	assert_int_equal(term_key(601), KEY_NONE);
	assert_int_equal(term_key(602), KEYS_ESC);

	static const char paste[] = "\033[200~y\rHS\033[201~k";
	assert_int_equal(write(t.master, paste, sizeof paste - 1), (ssize_t)sizeof paste - 1);
	assert_int_equal(term_key(700), KEYS_PASTE);
	assert_int_equal(term_key(700), 'k');

	assert_int_equal(write(t.master, "HHH\033[", 5), 5);
	assert_int_equal(term_key(800), 'H');
	term_drop_input();
	assert_int_equal(term_key(800), KEY_NONE);
	assert_int_equal(term_key_due_ms(), -1);
}

static void titles_are_cleaned_and_bells_ring(void **state)
{
	(void)state;
	open_term("xterm-256color");
	term_title("x\033]2;evil\a\r\xff");
	term_bell();
	pump();
	assert_string_equal(t.sim.title, "x^[]2;evil^G^M<FF>");
	assert_int_equal(t.sim.bells, 1);
	assert_int_equal(t.sim.errors, 0);
	term_close();
	pump();
	open_term("vt100");
	term_title("not here");
	pump();
	assert_string_equal(t.sim.title, "x^[]2;evil^G^M<FF>");
	assert_int_equal(t.sim.errors, 0);
}

static void a_terminal_that_is_gone_is_noticed(void **state)
{
	(void)state;
	open_term("xterm-256color");
	assert_false(term_hung_up());
	close(t.master);
	t.master = -1;
	assert_true(term_hung_up());
	surface_fill(&t.surface, surface_all(&t.surface), ROLE_OK, 'x');
	assert_true(term_draw(&t.surface, &t.theme)); /* into nothing */
	assert_false(term_wants_write());
	assert_int_equal(term_key(0), KEY_NONE);
	assert_int_equal(term_key(0), KEY_NONE);
	term_suspend();
}

static void odd_sizes_are_tamed(void **state)
{
	(void)state;
	int w, h;
	term_size(&w, &h);
	assert_true(w == 80 && h == 24);
	open_term("xterm-256color");
	struct winsize size = {0};
	assert_int_equal(ioctl(t.master, TIOCSWINSZ, &size), 0);
	term_size(&w, &h);
	assert_true(w == 80 && h == 24);
	size.ws_col = size.ws_row = 65535;
	assert_int_equal(ioctl(t.master, TIOCSWINSZ, &size), 0);
	term_size(&w, &h);
	assert_true(w == 1000 && h == 500);
	/* a surface of another size than the terminal is cut or left blank, not a disaster */
	resize(20, 5);
	surface_resize(&t.surface, 40, 10);
	surface_fill(&t.surface, surface_all(&t.surface), ROLE_OK, 'x');
	assert_true(term_draw(&t.surface, &t.theme));
	surface_resize(&t.surface, 3, 2);
	assert_true(term_draw(&t.surface, &t.theme));
	pump();
	assert_int_equal(t.sim.errors, 0);
}

/* The helper for whole programs: what it shows, what it gets, how it ends. */
static int echo_keys(void *arg)
{
	char line[32];
	printf("%s> ", (const char *)arg);
	fflush(stdout);
	if (fgets(line, sizeof line, stdin) == NULL)
		return 1;
	struct winsize size = {0};
	ioctl(0, TIOCGWINSZ, &size);
	printf("got %.3s at %d\n", line, size.ws_col);
	fflush(stdout);
	return 7;
}

static void programs_run_on_a_pty(void **state)
{
	(void)state;
	struct pty p;
	char prompt[] = "name";
	assert_true(pty_fork(&p, 40, 5, echo_keys, prompt));
	assert_true(pty_wait_text(&p, "name>", 5000));
	pty_resize(&p, 30, 5);
	pty_send(&p, "abc\n");
	assert_true(pty_wait_text(&p, "got abc at 30", 5000));
	assert_int_equal(pty_wait_exit(&p, 5000), 7);
	assert_int_equal(p.screen.errors, 0);
	pty_release(&p);

	static const char *const argv[] = {"sh", "-c", "echo $A$B; cat", NULL};
	static const char *const env[] = {"A=set", "B", NULL};
	setenv("B", "not removed", 1);
	assert_true(pty_start(&p, 40, 5, argv, env));
	unsetenv("B");
	assert_true(pty_wait_text(&p, "set", 5000));
	assert_true(pty_wait_no_text(&p, "removed", 5000));
	assert_int_equal(pty_wait_exit(&p, 1), -1);
	pty_signal(&p, 15);
	assert_int_equal(pty_wait_exit(&p, 5000), 128 + 15);
	pty_release(&p);
	static const char *const missing[] = {"/nonexistent/program", NULL};
	assert_true(pty_start(&p, 40, 5, missing, NULL));
	assert_int_equal(pty_wait_exit(&p, 5000), 127);
	pty_release(&p);
}

int main(void)
{
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return 1;
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_pty, close_pty)
	const struct CMUnitTest tests[] = {
		TEST(xterm_shows_what_was_drawn),
		TEST(tmux_shows_what_was_drawn),
		TEST(screen_shows_what_was_drawn),
		TEST(linux_shows_what_was_drawn),
		TEST(vt100_shows_what_was_drawn),
		TEST(an_unknown_type_is_drawn_as_xterm),
		TEST(a_taller_terminal_scrolls_whole),
		TEST(the_last_corner_breaks_nothing),
		TEST(eight_colours_come_near),
		TEST(no_colour_is_no_colour),
		TEST(another_theme_is_drawn_at_once),
		TEST(types_that_cannot_are_refused),
		TEST(one_changed_cell_costs_little),
		TEST(a_terminal_that_nobody_reads_costs_frames),
		TEST(a_huge_frame_goes_out_whole),
		TEST(the_terminal_comes_back_as_it_was),
		TEST(closing_does_not_hang_on_a_full_terminal),
		TEST(keys_arrive),
		TEST(titles_are_cleaned_and_bells_ring),
		TEST(a_terminal_that_is_gone_is_noticed),
		TEST(odd_sizes_are_tamed),
		cmocka_unit_test(programs_run_on_a_pty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
