/* Tty: the descriptors of a terminal, its settings, and the bytes that wait for it. Knows
 * nothing of screens or keys. */
#ifndef WEIR_TUI_TTY_H
#define WEIR_TUI_TTY_H

#include "model/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

struct tty {
	int in_fd, out_fd;     /* our own, non-blocking; -1: closed */
	struct termios before; /* the settings as others want them */
	bool raw;
	bool hung_up;
	char *out; /* bytes for the terminal, from out_sent on */
	size_t out_len, out_sent, out_cap;
	int64_t bytes_out;
};

/* Opens the terminals behind two descriptors anew (-1: /dev/tty), so that the flags of the
 * caller's, which a shell may share, stay as they are. On -1 tty_close is still to be
 * called. */
int tty_open(struct tty *tty, int in_fd, int out_fd, struct err *err);
void tty_close(struct tty *tty);

/* Remembers the settings and makes the input raw; ^C and ^Z still raise their signals. */
int tty_make_raw(struct tty *tty, struct err *err);
/* Puts the remembered settings back. Async-signal-safe. */
void tty_restore(struct tty *tty);

/* Room for `len` bytes more; fill it, then tty_queued. */
char *tty_room(struct tty *tty, size_t len);
void tty_queued(struct tty *tty, size_t len);
void tty_queue(struct tty *tty, const char *bytes, size_t len);
bool tty_is_waiting(const struct tty *tty);
void tty_flush(struct tty *tty); /* writes what the terminal takes now */

/* Writes what waits, for at most half a second; a terminal that nobody reads loses it and
 * gets the `leave` bytes instead. */
void tty_finish(struct tty *tty, const char *leave, size_t len);

/* Reads what has arrived; 0 when there is nothing. */
size_t tty_read(struct tty *tty, void *buffer, size_t size);

#endif
