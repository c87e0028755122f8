/* Exec pipe: bytes over a stream socket. Not what the lines say: exec_line.c's.
 *
 * A process's end counts only where its stream is silent: what it wrote before is still good.
 * And the end of the process counts, not that of the stream alone: what it started may hold the
 * stream open. */
#define _GNU_SOURCE
#include "client/engine/exec_pipe.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define CHUNK 16384         /* bytes read at once */
#define GATE_LOOK_US 100000 /* how long a closed gate may go unseen */

static enum pipe_fate wait_for(const struct exec_pipe *p, short events, int64_t until_us)
{
	for (;;) {
		int64_t now_us = threads_us();
		int64_t rest_us = until_us > now_us ? until_us - now_us : 0;
		if (p->gate && gate_is_closed(p->gate))
			return PIPE_CLOSED;
		if (p->gate && rest_us > GATE_LOOK_US)
			rest_us = GATE_LOOK_US;
		struct timespec t = {rest_us / 1000000, (long)(rest_us % 1000000) * 1000};
		struct pollfd fds[2] = {
			{.fd = p->stream, .events = events}, {.fd = p->end, .events = POLLIN}};
		int n = ppoll(fds, 2, &t, NULL);
		/* It may have written and ended between the two looks of one poll. */
		if (n > 0 && (fds[0].revents || poll(fds, 1, 0) > 0))
			return PIPE_DONE;
		if (n > 0)
			return PIPE_ENDED;
		if (now_us >= until_us)
			return PIPE_LATE;
	}
}

/* Reads what is there: false at the end. */
static bool read_some(struct exec_pipe *p)
{
	char chunk[CHUNK];
	ssize_t n = recv(p->stream, chunk, sizeof chunk, MSG_DONTWAIT);
	if (n > 0)
		text_add_n(&p->in, chunk, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

enum pipe_fate exec_pipe_say(
	struct exec_pipe *p, const struct text *out, int64_t until_us, bool *begun)
{
	for (size_t sent = 0; sent < out->len;) {
		ssize_t n =
			send(p->stream, out->data + sent, out->len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			sent += (size_t)n;
			*begun = true;
		} else if (errno == EAGAIN) {
			enum pipe_fate fate = wait_for(p, POLLOUT, until_us);
			if (fate != PIPE_DONE)
				return fate;
		} else if (errno != EINTR) {
			return PIPE_ENDED;
		}
	}
	return PIPE_DONE;
}

enum pipe_fate exec_pipe_hear(struct exec_pipe *p, int64_t until_us, size_t *len)
{
	for (size_t seen = 0;;) {
		const char *end =
			p->in.len > seen ? memchr(p->in.data + seen, '\n', p->in.len - seen) : NULL;
		seen = p->in.len;
		*len = end ? (size_t)(end - p->in.data) : seen;
		if (*len > p->max)
			return PIPE_LONG;
		if (end) {
			p->heard_us = threads_us();
			return PIPE_DONE;
		}
		enum pipe_fate fate = wait_for(p, POLLIN, until_us);
		if (fate != PIPE_DONE)
			return fate;
		if (!read_some(p))
			return PIPE_ENDED;
	}
}

bool exec_pipe_is_quiet(struct exec_pipe *p)
{
	struct pollfd fds[2] = {
		{.fd = p->stream, .events = POLLIN}, {.fd = p->end, .events = POLLIN}};
	if (p->in.len == 0 && poll(fds, 2, 0) <= 0)
		return true;
	read_some(p);
	return false;
}
