/* Term: the terminal, the only file that includes curses and the only one with globals
 * (curses has them too). Not a painter: what is shown is a surface, drawn elsewhere.
 *
 * 1. Nothing here blocks: curses writes into a file in memory, and its bytes go to a
 *    descriptor that does not block. Only giving the terminal back waits, for at most half a
 *    second.
 * 2. No frame is drawn before the last one has gone out.
 * 3. `shown` is what the terminal shows once all has gone out; a row of it that has not
 *    changed is not drawn again.
 * 4. Curses neither reads, nor handles signals, nor sets the terminal: its handlers are
 *    taken back at once, and what it writes to is not a terminal. */
#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1
#include "tui/term.h"

#include "model/mem.h"
#include "model/text.h"
#include "tui/input.h"
#include "tui/palette.h"
#include "tui/tty.h"

#include <curses.h>
#include <term.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#define WIDTH_MAX 1000
#define HEIGHT_MAX 500
#define MARKS_MAX 4
#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"
#define TITLE_SAVED "[22;0;0t" /* in a smcup that saves the window's title */
#define READ_MAX 512


static struct {
	bool open;   /* between term_open and term_close */
	bool active; /* and not suspended */
	bool colour;
	bool ascii;
	bool saves_title;
	bool pushes_corner; /* curses fills the last corner by an insertion before it */
	struct tty tty;
	int64_t bytes_before; /* sent by terminals that are closed now */

	SCREEN *screen;
	FILE *file;    /* what curses writes to: memory */
	cchar_t *line; /* one row for curses */

	struct surface shown;
	struct style style[ROLE_COUNT]; /* of the theme that was drawn with */
	bool style_known;
	cchar_t blank[ROLE_COUNT]; /* what a role is on this terminal */

	struct input input;
	unsigned char read_buffer[READ_MAX];
	size_t read_len, read_at;

	char leave[256]; /* what gives the screen back, for when curses cannot */
	size_t leave_len;
} t;

/* ---- bytes out ---- */

static void queue(const char *bytes)
{
	tty_queue(&t.tty, bytes, strlen(bytes));
}

/* Moves what curses has written to the queue. */
static void collect(void)
{
	int fd = fileno(t.file);
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size <= 0)
		return;
	size_t len = (size_t)st.st_size;
	ssize_t got = pread(fd, tty_room(&t.tty, len), len, 0);
	if (got > 0)
		tty_queued(&t.tty, (size_t)got);
	if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		t.tty.hung_up = true; /* cannot be; but a screen that repeats itself is of no use */
}

bool term_wants_write(void)
{
	return t.open && tty_is_waiting(&t.tty);
}

void term_flush(void)
{
	if (t.open)
		tty_flush(&t.tty);
}

int64_t term_bytes_out(void)
{
	return t.bytes_before + t.tty.bytes_out;
}

bool term_hung_up(void)
{
	if (!t.open)
		return false;
	struct pollfd wait = {.fd = t.tty.in_fd};
	if (poll(&wait, 1, 0) > 0 && (wait.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
		t.tty.hung_up = true;
	return t.tty.hung_up;
}

int term_in_fd(void)
{
	return t.open ? t.tty.in_fd : -1;
}

int term_out_fd(void)
{
	return t.open ? t.tty.out_fd : -1;
}

/* ---- taking and giving back ---- */

/* Appends a terminfo string without its padding to the leaving sequence. */
static void add_leave(const char *name)
{
	const char *s = tigetstr(name);
	if (s == NULL || s == (const char *)-1)
		return;
	while (*s != '\0' && t.leave_len + 1 < sizeof t.leave) {
		if (s[0] == '$' && s[1] == '<' && strchr(s, '>') != NULL)
			s = strchr(s, '>') + 1;
		else
			t.leave[t.leave_len++] = *s++;
	}
}

static void make_leave(void)
{
	t.leave_len = sizeof PASTE_OFF - 1;
	memcpy(t.leave, PASTE_OFF, t.leave_len);
	add_leave("sgr0");
	add_leave("cnorm");
	add_leave("rmcup");
}

static int take_tty(struct err *err)
{
	if (tty_make_raw(&t.tty, err) != 0)
		return -1;
	queue(PASTE_ON);
	t.active = true;
	return 0;
}

/* Ends curses' screen and puts the settings back. */
static void give_tty_back(void)
{
	if (!t.active)
		return;
	t.active = false;
	queue(PASTE_OFF);
	endwin();
	collect();
	tty_finish(&t.tty, t.leave, t.leave_len);
	tty_restore(&t.tty);
}

void term_emergency_restore(void)
{
	if (!t.active)
		return;
	ssize_t ignored = write(t.tty.out_fd, t.leave, t.leave_len);
	(void)ignored;
	tty_restore(&t.tty);
}

void term_suspend(void)
{
	if (t.open)
		give_tty_back();
}

int term_resume(struct err *err)
{
	if (!t.open || t.active)
		return 0;
	if (take_tty(err) != 0)
		return -1;
	term_drop_input();
	term_redraw_all();
	return 0;
}

/* ---- opening ---- */

int term_colours(const char *type)
{
	int status = 0;
	if (type == NULL || type[0] == '\0' || setupterm(type, STDERR_FILENO, &status) != OK)
		return -1;
	int colours = tigetnum("colors");
	del_curterm(cur_term);
	return colours < 0 ? 0 : colours;
}

/* True when terminfo knows the type and it can place its cursor. `known` says the first
 * alone. */
static bool type_is_usable(const char *type, bool *known)
{
	int status = 0;
	*known = setupterm(type, fileno(t.file), &status) == OK;
	if (!*known)
		return false;
	const char *cup = tigetstr("cup");
	bool usable = cup != NULL && cup != (const char *)-1;
	del_curterm(cur_term);
	return usable;
}

/* The type to draw for: as given, else the nearest that many terminals obey. */
static const char *choose_type(const char *given, struct err *err)
{
	static const char *const instead[] = {"xterm-256color", "vt100", NULL};
	bool known = false;
	if (given != NULL && given[0] != '\0') {
		if (type_is_usable(given, &known))
			return given;
		for (int i = 0; !known && instead[i] != NULL; i++) {
			bool ignored;
			if (type_is_usable(instead[i], &ignored))
				return instead[i];
		}
	}
	err_set(err, ERR_TERMINAL,
		"the console cannot draw on terminal type \"%s\"; `weir status --watch` can",
		given == NULL ? "" : given);
	return NULL;
}

static int open_screen(const char *given, struct err *err)
{
	static const int handled[] = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
	enum { HANDLED = sizeof handled / sizeof handled[0] };
	struct sigaction kept[HANDLED];
	const char *type = choose_type(given, err);
	if (type == NULL)
		return -1;
	for (int i = 0; i < HANDLED; i++)
		sigaction(handled[i], NULL, &kept[i]);
	/* The input is never read by curses; it only has to be a file. */
	t.screen = newterm(type, t.file, t.file);
	for (int i = 0; i < HANDLED; i++)
		sigaction(handled[i], &kept[i], NULL);
	if (t.screen == NULL)
		return err_set(err, ERR_TERMINAL, "curses cannot use terminal type \"%s\"", type);
	typeahead(-1);
	nonl();
	scrollok(stdscr, FALSE);
	idlok(stdscr, FALSE);
	const char *smcup = tigetstr("smcup");
	t.saves_title =
		smcup != NULL && smcup != (const char *)-1 && strstr(smcup, TITLE_SAVED) != NULL;
	t.pushes_corner = enter_am_mode == NULL || exit_am_mode == NULL;
	make_leave();
	return 0;
}

/* The whole screen scrolls: a terminal may keep a region from before a change of size. Not
 * by putp, which writes to the standard output. The frame that follows begins with a clear,
 * so that curses does not miss where the cursor went. */
static void reset_region(void)
{
	if (change_scroll_region != NULL)
		queue(tiparm(change_scroll_region, 0, LINES - 1));
}

static int open_memory(struct err *err)
{
	int fd = memfd_create("weir-screen", MFD_CLOEXEC);
	if (fd < 0)
		return err_set(err, ERR_SYSTEM, "no memory file for the screen: %s", strerror(errno));
	t.file = fdopen(fd, "w+");
	if (t.file == NULL)
		mem_fail();
	return 0;
}

/* Everything that term_open took but the terminal's settings. */
static void release(void)
{
	int64_t bytes = term_bytes_out();
	if (t.screen != NULL)
		delscreen(t.screen);
	if (t.file != NULL)
		fclose(t.file);
	tty_close(&t.tty);
	surface_release(&t.shown);
	free(t.line);
	memset(&t, 0, sizeof t);
	t.bytes_before = bytes;
}

static int open_all(const struct term_options *how, struct err *err)
{
	if (tty_open(&t.tty, how->in_fd, how->out_fd, err) != 0)
		return -1;
	if (open_memory(err) != 0)
		return -1;
	if (open_screen(how->type, err) != 0)
		return -1;
	t.ascii = how->ascii;
	t.colour = how->colour && has_colors() && start_color() == OK;
	if (t.colour)
		use_default_colors();
	t.open = true;
	int w, h;
	term_size(&w, &h);
	term_resize(w, h);
	if (take_tty(err) != 0)
		return -1;
	/* Curses enters, for the size that terminfo says. */
	refresh();
	collect();
	reset_region();
	term_redraw_all();
	return 0;
}

int term_open(const struct term_options *how, struct err *err)
{
	assert(!t.open);
	if (open_all(how, err) == 0)
		return 0;
	release();
	return -1;
}

void term_close(void)
{
	if (!t.open)
		return;
	give_tty_back();
	release();
}

bool term_has_colour(void)
{
	return t.colour;
}

/* ---- size ---- */

static int clamp(int value, int most)
{
	return value > most ? most : value;
}

void term_size(int *w, int *h)
{
	struct winsize size = {0};
	if (t.open)
		ioctl(t.tty.out_fd, TIOCGWINSZ, &size);
	if (size.ws_col == 0 || size.ws_row == 0) {
		*w = 80;
		*h = 24;
		return;
	}
	*w = clamp(size.ws_col, WIDTH_MAX);
	*h = clamp(size.ws_row, HEIGHT_MAX);
}

void term_resize(int w, int h)
{
	if (!t.open)
		return;
	w = clamp(w < 1 ? 1 : w, WIDTH_MAX);
	h = clamp(h < 1 ? 1 : h, HEIGHT_MAX);
	if (w == t.shown.w && h == t.shown.h)
		return;
	resize_term(h, w);
	if (t.active)
		reset_region(); /* else curses does when it enters */
	surface_release(&t.shown);
	surface_init(&t.shown, w, h, false);
	t.line = mem_resize(t.line, (size_t)w + 1, sizeof *t.line);
	term_redraw_all();
}

void term_redraw_all(void)
{
	if (!t.open)
		return;
	surface_clear(&t.shown);
	t.shown.cursor_x = t.shown.cursor_y = -2;
	clearok(curscr, TRUE);
	bkgrndset(&t.blank[ROLE_TEXT]);
	erase();
}

/* ---- colours ---- */

static short colour_here(short colour)
{
	bool shown = colour < 0 || COLORS >= 256 || (colour < 16 && colour < COLORS);
	return shown ? colour : (short)palette_nearest_of_8(colour);
}

static attr_t attrs_of(const struct style *style)
{
	return ((style->attrs & STYLE_BOLD) != 0 ? A_BOLD : 0) |
		((style->attrs & STYLE_REVERSE) != 0 ? A_REVERSE : 0) |
		((style->attrs & STYLE_UNDERLINE) != 0 ? A_UNDERLINE : 0) |
		((style->attrs & STYLE_DIM) != 0 ? A_DIM : 0);
}

/* The colours of a role; 0: the terminal's own. */
static short pair_of(int role, const struct style *style)
{
	if (!t.colour || role + 1 >= COLOR_PAIRS)
		return 0;
	short fg = colour_here(style->fg), bg = colour_here(style->bg);
	/* Where few colours have made the two one: rather plain than unseen. */
	if (fg == bg)
		return 0;
	return init_pair((short)(role + 1), fg, bg) == OK ? (short)(role + 1) : 0;
}

static void use_theme(const struct theme *theme)
{
	if (t.style_known && memcmp(t.style, theme->style, sizeof t.style) == 0)
		return;
	memcpy(t.style, theme->style, sizeof t.style);
	t.style_known = true;
	for (int role = 0; role < ROLE_COUNT; role++) {
		const struct style *style = &theme->style[role];
		setcchar(&t.blank[role], L" ", attrs_of(style), pair_of(role, style), NULL);
	}
	term_redraw_all();
}

/* ---- drawing ---- */

/* What curses shows of a character, and the C library thinks as wide as we do: else '?', so
 * that columns never move. */
static wchar_t shown_point(const struct cell *cell, bool wide)
{
	if (cell->point >= 0x20 && cell->point <= 0x7e && !wide)
		return (wchar_t)cell->point;
	if (cell->point == 0)
		return L' ';
	if (cell->point < 0x20 || (t.ascii && cell->point > 0x7e))
		return L'?';
	return wcwidth((wchar_t)cell->point) == (wide ? 2 : 1) ? (wchar_t)cell->point : L'?';
}

/* A cell of a role differs from its blank in what it holds alone: looks are not asked of curses
 * cell by cell. */
static void set_cell(cchar_t *out, const struct cell *cell, wchar_t point)
{
	int len = 1;
	assert((unsigned)cell->role < ROLE_COUNT);
	*out = t.blank[cell->role];
	out->chars[0] = point;
	for (int i = 0; i < MARKS_MAX && cell->marks[i] != 0 && point != L'?'; i++)
		if (wcwidth((wchar_t)cell->marks[i]) == 0)
			out->chars[len++] = (wchar_t)cell->marks[i];
}

static bool is_wide_at(const struct cell *cells, int w, int x)
{
	return x + 1 < w && cells[x].point != 0 && cells[x + 1].point == 0;
}

/* Gives curses the cells from column `x` to before `end`, which cut no wide character. */
static void draw_cells(const struct cell *cells, int w, int x, int end, int y)
{
	int len = 0, from = x;
	/* An insertion would break a wide character there. */
	int no_wide_at = t.pushes_corner && y == t.shown.h - 1 ? t.shown.w - 3 : -1;
	for (; x < end; x++) {
		bool wide = is_wide_at(cells, w, x);
		wchar_t point = wide && x == no_wide_at ? L'?' : shown_point(&cells[x], wide);
		set_cell(&t.line[len++], &cells[x], point);
		if (wide && point != L'?')
			x++;
	}
	mvadd_wchnstr(y, from, t.line, len);
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* The cells from the first that has changed to the last. */
static void draw_row(const struct cell *now, struct cell *before, int w, int y)
{
	int from = 0, end = w;
	while (from < end && same_cell(&now[from], &before[from]))
		from++;
	while (end > from && same_cell(&now[end - 1], &before[end - 1]))
		end--;
	if (from == end)
		return;
	/* Curses blanks the other half of what is cut in two: so neither the old nor the new is. */
	while (from > 0 && (now[from].point == 0 || before[from].point == 0))
		from--;
	while (end < w && (now[end].point == 0 || before[end].point == 0))
		end++;
	for (int x = from; x < end; x++)
		before[x] = now[x];
	draw_cells(now, w, from, end, y);
}

static void draw_rows(const struct surface *s)
{
	int w = s->w < t.shown.w ? s->w : t.shown.w;
	int h = s->h < t.shown.h ? s->h : t.shown.h;
	for (int y = 0; y < h; y++)
		draw_row(&s->cells[(size_t)y * (size_t)s->w],
			&t.shown.cells[(size_t)y * (size_t)t.shown.w], w, y);
}

static void draw_cursor(const struct surface *s)
{
	bool visible = s->cursor_x >= 0 && s->cursor_x < t.shown.w && s->cursor_y >= 0 &&
		s->cursor_y < t.shown.h;
	if (visible)
		move(s->cursor_y, s->cursor_x);
	leaveok(stdscr, !visible);
	if (s->cursor_x == t.shown.cursor_x && s->cursor_y == t.shown.cursor_y)
		return;
	curs_set(visible ? 1 : 0);
	t.shown.cursor_x = s->cursor_x;
	t.shown.cursor_y = s->cursor_y;
}

bool term_draw(const struct surface *s, const struct theme *theme)
{
	if (!t.active)
		return false;
	term_flush();
	if (term_wants_write())
		return false;
	use_theme(theme);
	draw_rows(s);
	draw_cursor(s);
	refresh();
	collect();
	term_flush();
	return true;
}

void term_title(const char *title)
{
	char clean[160];
	if (!t.active || !t.saves_title)
		return;
	text_clean(clean, sizeof clean, title, strlen(title));
	queue("\033]2;");
	queue(clean);
	queue("\a");
	term_flush();
}

#define COPY_MAX 1024 /* bytes of a text that is copied */

/* Base64 has no byte that a terminal could obey. */
static void encode(char *out, const char *text, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < len; i += 3) {
		uint32_t three = 0;
		for (size_t k = 0; k < 3; k++)
			three = three << 8 | (i + k < len ? (unsigned char)text[i + k] : 0u);
		for (size_t k = 0; k < 4; k++)
			*out++ = i + k <= len ? digits[three >> (18 - 6 * k) & 63] : '=';
	}
	*out = 0;
}

bool term_copy(const char *text)
{
	char code[COPY_MAX / 3 * 4 + 8];
	const char *may = t.active ? tigetstr("Ms") : NULL;
	if (may == NULL || may == (const char *)-1 || strlen(text) > COPY_MAX)
		return false;
	encode(code, text, strlen(text));
	queue("\033]52;c;");
	queue(code);
	queue("\a");
	term_flush();
	return true;
}

void term_notice(bool titled, const char *title, const char *text)
{
	char clean[400], head[80];
	if (!t.active)
		return;
	text_clean(clean, sizeof clean, text, strlen(text));
	text_clean(head, sizeof head, title, strlen(title));
	for (char *at = head; (at = strchr(at, ';'));)
		*at = ','; /* it would end the title */
	queue(titled ? "\033]777;notify;" : "\033]9;");
	queue(titled ? head : "");
	queue(titled ? ";" : "");
	queue(clean);
	queue("\a");
	term_flush();
}

void term_bell(void)
{
	if (!t.active)
		return;
	queue("\a");
	term_flush();
}

/* ---- keys ---- */

static bool read_more(void)
{
	t.read_at = 0;
	t.read_len = tty_read(&t.tty, t.read_buffer, sizeof t.read_buffer);
	return t.read_len > 0;
}

uint32_t term_key(int64_t now_ms)
{
	if (!t.active)
		return KEY_NONE;
	while (t.read_at < t.read_len || read_more()) {
		uint32_t key = input_byte(&t.input, t.read_buffer[t.read_at++], now_ms);
		if (key != KEY_NONE)
			return key;
	}
	return input_idle(&t.input, now_ms);
}

int64_t term_key_due_ms(void)
{
	return input_due_ms(&t.input);
}

void term_drop_input(void)
{
	if (!t.open)
		return;
	tcflush(t.tty.in_fd, TCIFLUSH);
	t.read_at = t.read_len = 0;
	t.input = (struct input){0};
}
