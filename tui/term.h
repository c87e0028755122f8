/* Term: the terminal: taken over and given back, frames out, keys in. The only file with globals.
 * It never blocks, so that a terminal that nobody reads costs frames, not keys. Needs LC_CTYPE
 * set: UTF-8 for anything but ASCII. */
#ifndef WEIR_TUI_TERM_H
#define WEIR_TUI_TERM_H

#include "model/err.h"
#include "tui/surface.h"
#include "tui/theme.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct term_options {
	int in_fd, out_fd; /* the terminal (opened anew, the caller's flags stay); -1: /dev/tty */
	const char *type;  /* $TERM; NULL or "" unknown */
	bool colour;
	bool ascii;
};

/* How many colours a terminal type has by terminfo, 0 none; -1 unknown, which is drawn for as
 * xterm. */
int term_colours(const char *type);

/* Takes over the terminal: raw input, alternate screen, bracketed paste. A type without cursor
 * addressing ("dumb") is refused with W005 naming `weir status --watch`. */
int term_open(const struct term_options *how, struct err *err);

/* Gives it back exactly as it was. Safe to call twice. */
void term_close(void);

/* Async-signal-safe restore for SIGSEGV and the like: termios and the leaving sequence only. */
void term_emergency_restore(void);

/* Suspends and resumes: gives the terminal back, and takes it again with a full redraw. */
void term_suspend(void);
int term_resume(struct err *err);

void term_size(int *w, int *h); /* of the terminal now (TIOCGWINSZ, else 80x24) */
void term_resize(int w, int h); /* of what is drawn from now on */
bool term_has_colour(void);

/* Asks the terminal for its background (OSC 11) and waits for nothing: an answer comes among the
 * keys, and is none. Only for a type that is known to be asked in vain at worst. */
void term_ask_ground(int64_t now_ms);
bool term_is_light(void); /* it has said so, within the first seconds */

/* Draws what has changed of a surface; false when the last frame has not gone out yet (nothing
 * is done then: draw again when term_wants_write() is false). */
bool term_draw(const struct surface *s, const struct theme *theme);
/* The window's title, cleaned; only on a terminal whose leaving sequence puts the old one
 * back. */
void term_title(const char *title);
/* Gives the text to the terminal's clipboard (OSC 52); false where terminfo does not say that the
 * terminal takes it, or it is too long. */
bool term_copy(const char *text);
void term_redraw_all(void); /* the next frame repaints everything */
void term_bell(void);
/* Asks the terminal for a notice on its desktop: OSC 777 with a title, or OSC 9. Only for one that is
 * known to take it: others print it. */
void term_notice(bool titled, const char *title, const char *text);

/* Descriptors for the one wait. */
int term_in_fd(void);
int term_out_fd(void);
bool term_wants_write(void); /* bytes wait for the terminal */
void term_flush(void);       /* writes what the terminal takes now */
bool term_hung_up(void);     /* the terminal is gone */

/* Keys: printable characters are their code point. */
enum key {
	KEY_NONE = 0,
	KEY_SPECIAL = 0x110000,
	KEYS_UP,
	KEYS_DOWN,
	KEYS_LEFT,
	KEYS_RIGHT,
	KEYS_HOME,
	KEYS_END,
	KEYS_PGUP,
	KEYS_PGDN,
	KEYS_ENTER,
	KEYS_ESC,
	KEYS_TAB,
	KEYS_BACKTAB,
	KEYS_BACKSPACE,
	KEYS_DELETE,
	KEYS_F1,
	KEYS_F5,
	KEYS_PASTE,   /* one, for a whole bracketed paste: the pasted text itself is dropped */
	KEYS_UNKNOWN, /* an escape sequence that means nothing here: swallowed whole */
};
/* Control characters are KEYS_CTRL('l'). */
#define KEYS_CTRL(c) ((uint32_t)(c)&0x1f)

/* The next key that has arrived, KEY_NONE when there is none. `now_ms` is a monotonic time:
 * a lone Esc is a key once nothing followed it for 100 ms. */
uint32_t term_key(int64_t now_ms);

/* When term_key must be called again even if no byte arrives, -1 never. */
int64_t term_key_due_ms(void);

/* Drops input that waits (after a suspend, a stop). */
void term_drop_input(void);

/* Bytes sent to the terminal since the start, for benches. */
int64_t term_bytes_out(void);

#endif
