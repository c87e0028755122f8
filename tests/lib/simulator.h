/* Simulator: a terminal without a window. Bytes go in, a grid of characters with their
 * attributes comes out. It knows what curses sends for xterm, screen, tmux, linux and vt100;
 * every sequence that it does not know is an error, so that a test can assert that there was
 * none. */
#ifndef WEIR_TESTS_LIB_SIMULATOR_H
#define WEIR_TESTS_LIB_SIMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIMULATOR_MARKS 4
#define SIMULATOR_PARAMETERS 16
#define SIMULATOR_STRING 256

enum {
	SIM_BOLD = 1,
	SIM_DIM = 2,
	SIM_UNDERLINE = 4,
	SIM_BLINK = 8,
	SIM_REVERSE = 16,
	SIM_INVISIBLE = 32,
};

/* What a character is drawn with. */
struct sim_pen {
	unsigned attrs;
	int fg, bg; /* 0..255; -1 the terminal's own */
};

struct sim_cell {
	uint32_t point; /* 0: right half of a wide one */
	uint32_t marks[SIMULATOR_MARKS];
	struct sim_pen pen;
};

struct sim_cursor {
	int x, y;
	bool wrap_pending; /* behind the last column: the next character wraps first */
	struct sim_pen pen;
	int charset;      /* 0 or 1: G0 or G1 is active */
	bool graphics[2]; /* it is the line drawing set */
	bool origin;
};

struct simulator {
	int w, h;
	struct sim_cell *cells; /* the screen that shows */
	struct sim_cell *other; /* main while alternate shows, and the other way round */
	bool *tabs;
	struct sim_cursor cursor, saved, saved_main;
	int top, bottom; /* scroll region, inclusive */
	bool alternate, cursor_hidden, no_autowrap, insert, paste;
	char title[SIMULATOR_STRING];
	unsigned bells;
	uint64_t bytes;

	unsigned errors;
	char first_error[64]; /* the sequence, printable */

	int state;
	char string[SIMULATOR_STRING];
	size_t string_len;
	char raw[64]; /* the sequence as it came, for first_error */
	size_t raw_len;
	int parameters[SIMULATOR_PARAMETERS];
	int parameter_count;
	char lead, middle;
	unsigned char utf8[4];
	int utf8_len, utf8_need;
	uint32_t last; /* for REP */
};

void simulator_init(struct simulator *sim, int w, int h);
void simulator_release(struct simulator *sim);
void simulator_resize(struct simulator *sim, int w, int h); /* keeps what fits, top left */
void simulator_feed(struct simulator *sim, const void *bytes, size_t len);

const struct sim_cell *simulator_cell(const struct simulator *sim, int x, int y);

/* A row, or all rows each with a newline, without trailing blanks, as UTF-8; the caller
 * frees. */
char *simulator_row(const struct simulator *sim, int y);
char *simulator_text(const struct simulator *sim);

/* True when one row contains `text`. */
bool simulator_shows(const struct simulator *sim, const char *text);

#endif
