/* Tty: the descriptors of a terminal, its settings, and the bytes that wait for it.
 *
 * 1. Nothing blocks but tty_finish, and that not for long.
 * 2. Bytes go out in the order in which they were queued; when the terminal is gone they
 *    vanish. */
#include "tui/tty.h"

#include "model/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FINISH_TRIES 10
#define FINISH_WAIT_MS 50

/* A descriptor of our own: O_NONBLOCK belongs to the open file, not to the descriptor. */
static int open_own(int fd, struct err *err)
{
	char path[64] = "/dev/tty";
	if (fd >= 0 && !isatty(fd))
		return err_set(err, ERR_TERMINAL,
			"descriptor %d is not a terminal; `weir status --watch` needs none", fd);
	if (fd >= 0)
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int own = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (own < 0)
		return err_set(err, ERR_TERMINAL,
			"cannot open the terminal \"%s\": %s; `weir status --watch` needs none", path,
			strerror(errno));
	return own;
}

int tty_open(struct tty *tty, int in_fd, int out_fd, struct err *err)
{
	*tty = (struct tty){.in_fd = -1, .out_fd = -1};
	tty->in_fd = open_own(in_fd, err);
	if (tty->in_fd < 0)
		return -1;
	tty->out_fd = open_own(out_fd, err);
	return tty->out_fd < 0 ? -1 : 0;
}

void tty_close(struct tty *tty)
{
	if (tty->in_fd >= 0)
		close(tty->in_fd);
	if (tty->out_fd >= 0)
		close(tty->out_fd);
	free(tty->out);
	*tty = (struct tty){.in_fd = -1, .out_fd = -1};
}

int tty_make_raw(struct tty *tty, struct err *err)
{
	struct termios raw;
	if (tcgetattr(tty->in_fd, &tty->before) != 0)
		return err_set(
			err, ERR_TERMINAL, "the terminal does not tell its settings: %s", strerror(errno));
	raw = tty->before;
	raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | INPCK | ISTRIP | IXON);
	raw.c_oflag &= ~(tcflag_t)OPOST;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
	raw.c_cflag = (raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(tty->in_fd, TCSANOW, &raw) != 0)
		return err_set(
			err, ERR_TERMINAL, "the terminal cannot be set to raw input: %s", strerror(errno));
	tty->raw = true;
	return 0;
}

void tty_restore(struct tty *tty)
{
	if (tty->raw)
		tcsetattr(tty->in_fd, TCSANOW, &tty->before);
	tty->raw = false;
}

char *tty_room(struct tty *tty, size_t len)
{
	mem_grow(&tty->out, &tty->out_cap, tty->out_len + len, 1);
	return tty->out + tty->out_len;
}

void tty_queued(struct tty *tty, size_t len)
{
	tty->out_len += len;
}

void tty_queue(struct tty *tty, const char *bytes, size_t len)
{
	memcpy(tty_room(tty, len), bytes, len);
	tty_queued(tty, len);
}

bool tty_is_waiting(const struct tty *tty)
{
	return tty->out_sent < tty->out_len;
}

static void drop(struct tty *tty)
{
	tty->out_len = tty->out_sent = 0;
}

void tty_flush(struct tty *tty)
{
	while (tty_is_waiting(tty)) {
		ssize_t put =
			write(tty->out_fd, tty->out + tty->out_sent, tty->out_len - tty->out_sent);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && errno == EAGAIN)
			return;
		if (put < 0) {
			tty->hung_up = true;
			break;
		}
		tty->out_sent += (size_t)put;
		tty->bytes_out += put;
	}
	drop(tty);
}

void tty_finish(struct tty *tty, const char *leave, size_t len)
{
	tty_flush(tty);
	for (int i = 0; i < FINISH_TRIES && tty_is_waiting(tty); i++) {
		struct pollfd wait = {.fd = tty->out_fd, .events = POLLOUT};
		poll(&wait, 1, FINISH_WAIT_MS);
		tty_flush(tty);
	}
	if (!tty_is_waiting(tty))
		return;
	/* What waits in the kernel makes room for what matters. */
	tcflush(tty->out_fd, TCOFLUSH);
	drop(tty);
	tty_queue(tty, leave, len);
	tty_flush(tty);
	drop(tty);
}

size_t tty_read(struct tty *tty, void *buffer, size_t size)
{
	ssize_t got;
	do
		got = read(tty->in_fd, buffer, size);
	while (got < 0 && errno == EINTR);
	if (got == 0 || (got < 0 && errno != EAGAIN))
		tty->hung_up = true;
	return got > 0 ? (size_t)got : 0;
}
