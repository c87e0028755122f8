/* Term: the terminal, the only file with globals. Not a painter: what bytes show a surface is
 * painter.c's.
 *
 * 1. Nothing here blocks: bytes go to a descriptor that does not block. Only giving the terminal
 *    back waits, for at most half a second.
 * 2. No frame is drawn before the last one has gone out.
 * 3. A frame that is on the screen already costs no call. */
#define _GNU_SOURCE
#include "tui/term.h"

#include "model/mem.h"
#include "model/text.h"
#include "tui/input.h"
#include "tui/painter.h"
#include "tui/tty.h"

#include <assert.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_MAX 1000
#define HEIGHT_MAX 500
#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"
#define READ_MAX 512

static struct {
	bool open;   /* between term_open and term_close */
	bool active; /* and not suspended */
	struct tty tty;
	int64_t bytes_before; /* sent by terminals that are closed now */

	struct painter *painter;
	struct text frame; /* bytes of one */
	int w, h;

	struct input input;
	unsigned char read_buffer[READ_MAX];
	size_t read_len, read_at;

	char leave[256]; /* what gives the screen back, for when nothing else can be done */
	size_t leave_len;
} t;

/* ---- bytes out ---- */

static void queue(const char *bytes)
{
	tty_queue(&t.tty, bytes, strlen(bytes));
}

static void queue_frame(void)
{
	tty_queue(&t.tty, text_str(&t.frame), t.frame.len);
	text_clear(&t.frame);
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

static void make_leave(void)
{
	text_add(&t.frame, PASTE_OFF);
	painter_leave(t.painter, &t.frame);
	t.leave_len = t.frame.len < sizeof t.leave ? t.frame.len : 0;
	memcpy(t.leave, text_str(&t.frame), t.leave_len);
	text_clear(&t.frame);
}

static int take_tty(struct err *err)
{
	if (tty_make_raw(&t.tty, err) != 0)
		return -1;
	painter_enter(t.painter, &t.frame);
	text_add(&t.frame, PASTE_ON);
	queue_frame();
	t.active = true;
	return 0;
}

/* Gives the screen back and puts the settings back. */
static void give_tty_back(void)
{
	if (!t.active)
		return;
	t.active = false;
	tty_queue(&t.tty, t.leave, t.leave_len);
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
	return painter_colours(type);
}

/* Everything that term_open took but the terminal's settings. */
static void release(void)
{
	int64_t bytes = term_bytes_out();
	painter_free(t.painter);
	text_free(&t.frame);
	tty_close(&t.tty);
	memset(&t, 0, sizeof t);
	t.bytes_before = bytes;
}

static int open_all(const struct term_options *how, struct err *err)
{
	if (tty_open(&t.tty, how->in_fd, how->out_fd, err) != 0)
		return -1;
	t.painter = painter_new(how->type, how->colour, how->ascii, err);
	if (t.painter == NULL)
		return -1;
	t.open = true;
	int w, h;
	term_size(&w, &h);
	term_resize(w, h);
	return take_tty(err);
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
	return t.open && painter_has_colour(t.painter);
}

#define ANSWER_MS 5000 /* later nobody is surprised by other colours */

void term_ask_ground(int64_t now_ms)
{
	if (!t.active)
		return;
	input_ask(&t.input, now_ms + ANSWER_MS);
	queue("\033]11;?\a");
	term_flush();
}

bool term_is_light(void)
{
	return t.open && t.input.ground == INPUT_LIGHT;
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
	if (w == t.w && h == t.h)
		return;
	t.w = w;
	t.h = h;
	painter_resize(t.painter, w, h);
	make_leave();
}

void term_redraw_all(void)
{
	if (t.open)
		painter_forget(t.painter);
}

/* ---- drawing ---- */

bool term_draw(const struct surface *s, const struct theme *theme)
{
	if (!t.active)
		return false;
	term_flush();
	if (term_wants_write())
		return false;
	painter_draw(t.painter, s, theme, &t.frame);
	queue_frame();
	term_flush();
	return true;
}

void term_title(const char *title)
{
	char clean[160];
	if (!t.active || !painter_saves_title(t.painter))
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
	if (!t.active || !painter_can_copy(t.painter) || strlen(text) > COPY_MAX)
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
	input_drop(&t.input);
}
