/* Sessions with a runtime socket. They know lines and answers, not what these mean.
 *
 * 1. An answer is what stands before "\n> "; the first one is that to `prompt`.
 * 2. What is longer than HAPROXY_ANSWER_MAX ends the session, what is late too.
 * 3. The descriptor is in the caller's epoll as long as the session lives. */
#define _GNU_SOURCE
#include "client/haproxy_session.h"

#include "model/mem.h"
#include "model/text.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PROMPT "\n> "
#define READ_BYTES 16384
#define STREAM_LINE_MAX 1024

struct haproxy_session {
	int fd, epoll_fd;
	bool stream, connected, watches_write;
	struct text out; /* asked, from `written` on not yet sent */
	size_t written;
	size_t asked_from; /* in `out`: where the lines since the last `next` begin */
	struct text in;
	size_t scanned,
		taken;     /* in `in`: where the next answer begins; of a stream, the next line */
	size_t looked; /* up to here there is no prompt */
	size_t answer[HAPROXY_LINES_MAX];
	size_t asked, answered; /* since the last `next` */
	bool greeted;           /* `prompt` has its answer */
	struct instant begun;
	int64_t timeout_ms;
	char subject[HAPROXY_PATH_MAX + 24];
	struct err err;
};

static void fail(struct haproxy_session *s, enum err_code code, const char *why)
{
	if (s->err.code == ERR_NONE)
		err_set(&s->err, code, "\"%s\" %s", s->subject, why);
}

/* ---- connecting ---- */

static socklen_t address_of(struct sockaddr_storage *out, const struct haproxy_target *t)
{
	struct sockaddr_un *un = (struct sockaddr_un *)out;
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	memset(out, 0, sizeof(*out));
	if (t->path[0] != '\0') {
		un->sun_family = AF_UNIX;
		text_copy(un->sun_path, sizeof(un->sun_path), t->path);
		return sizeof(*un);
	}
	if (inet_pton(AF_INET, t->host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)t->port);
		return sizeof(*in);
	}
	inet_pton(AF_INET6, t->host, &in6->sin6_addr);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)t->port);
	return sizeof(*in6);
}

static void say_unreachable(struct haproxy_session *s, int error)
{
	char why[160];
	if (error == EACCES || error == EPERM)
		fail(s, ERR_UNAUTHORISED,
			"may not be opened by this user: join its group, or give it `mode` or `group` in "
			"the stats socket line");
	else if (error == ENOENT)
		fail(s, ERR_UNREACHABLE, "is not there: is this the path of a `stats socket` line?");
	else if (error == ECONNREFUSED)
		fail(s, ERR_UNREACHABLE, "refused the connection: no HAProxy listens there");
	else if (error == EAGAIN)
		fail(s, ERR_UNREACHABLE, "has too many connections waiting");
	else {
		snprintf(why, sizeof(why), "cannot be reached: %s", strerror(error));
		fail(s, ERR_UNREACHABLE, why);
	}
}

static void begin(struct haproxy_session *s, const struct haproxy_target *t)
{
	struct sockaddr_storage address;
	socklen_t size = address_of(&address, t);
	int one = 1;
	s->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0) {
		say_unreachable(s, errno);
		return;
	}
	if (address.ss_family != AF_UNIX)
		(void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	s->connected = connect(s->fd, (struct sockaddr *)&address, size) == 0;
	if (!s->connected && errno != EINPROGRESS) {
		say_unreachable(s, errno);
		return;
	}
	s->watches_write = true;
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data = {.fd = s->fd}};
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->fd, &event) != 0)
		say_unreachable(s, errno);
}

struct haproxy_session *haproxy_session_new(int epoll_fd, const struct haproxy_target *t,
	bool stream, int64_t timeout_ms, struct instant now)
{
	struct haproxy_session *s = mem_new(1, sizeof(*s));
	s->epoll_fd = epoll_fd;
	s->stream = stream;
	s->begun = now;
	s->timeout_ms = timeout_ms;
	if (t->path[0] != '\0')
		snprintf(s->subject, sizeof(s->subject), "haproxy:%s", t->path);
	else
		snprintf(s->subject, sizeof(s->subject), "haproxy://%s:%d", t->host, t->port);
	begin(s, t);
	if (!stream)
		text_add(&s->out, "prompt\n");
	s->greeted = stream;
	s->asked_from = s->out.len;
	return s;
}

void haproxy_session_free(struct haproxy_session *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		close(s->fd); /* which takes it out of the epoll */
	text_free(&s->out);
	text_free(&s->in);
	free(s);
}

/* ---- asking ---- */

void haproxy_session_ask(struct haproxy_session *s, const char *format, ...)
{
	va_list args;
	size_t from = s->out.len;
	assert(s->asked < HAPROXY_LINES_MAX);
	va_start(args, format);
	text_addv(&s->out, format, args);
	va_end(args);
	for (const char *c = text_str(&s->out) + from; *c != '\0'; c++)
		assert((unsigned char)*c >= 0x20 && *c != 0x7f && *c != ';' && *c != '\\');
	text_add(&s->out, "\n");
	s->asked++;
}

void haproxy_session_next(struct haproxy_session *s)
{
	assert(s->answered == s->asked);
	s->asked = s->answered = 0;
	s->asked_from = s->out.len;
}

size_t haproxy_session_asked(const struct haproxy_session *s)
{
	return s->asked;
}

bool haproxy_session_sent(const struct haproxy_session *s)
{
	return s->written > s->asked_from;
}

int64_t haproxy_session_left_ms(const struct haproxy_session *s, struct instant now)
{
	int64_t left_ms = s->begun.boot_ms + s->timeout_ms - now.boot_ms;
	return left_ms > 0 ? left_ms : 0;
}

const struct err *haproxy_session_err(const struct haproxy_session *s)
{
	return &s->err;
}

/* ---- moving bytes ---- */

static void watch(struct haproxy_session *s, bool write)
{
	if (write == s->watches_write)
		return;
	s->watches_write = write;
	struct epoll_event event = {
		.events = EPOLLIN | (write ? EPOLLOUT : 0), .data = {.fd = s->fd}};
	(void)epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->fd, &event);
}

static void finish_connecting(struct haproxy_session *s)
{
	int error = 0;
	socklen_t size = sizeof(error);
	struct sockaddr_storage peer;
	socklen_t peer_size = sizeof(peer);
	(void)getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error != 0)
		say_unreachable(s, error);
	else
		s->connected = getpeername(s->fd, (struct sockaddr *)&peer, &peer_size) == 0;
}

static void send_some(struct haproxy_session *s)
{
	while (s->written < s->out.len) {
		ssize_t n = send(s->fd, s->out.data + s->written, s->out.len - s->written,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			fail(s, ERR_UNREACHABLE, "closed the connection");
		if (n < 0)
			break;
		s->written += (size_t)n;
	}
	watch(s, s->written < s->out.len);
}

/* Reads what is there. A stream is read as far as it fits; the rest waits at HAProxy. */
static void read_some(struct haproxy_session *s)
{
	static const size_t most = HAPROXY_ANSWER_MAX;
	char bytes[READ_BYTES];
	for (int round = 0; round < 16; round++) {
		if (s->in.len >= most) {
			if (!s->stream)
				fail(s, ERR_TOO_LARGE, "answers more than 4 MiB");
			break;
		}
		ssize_t n = recv(s->fd, bytes, READ_BYTES, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			fail(s, ERR_UNREACHABLE, "closed the connection");
		if (n == 0)
			fail(s, ERR_UNREACHABLE,
				s->in.len == 0 && s->greeted == s->stream
					? "closed the connection without an answer: is it a stats socket?"
					: "closed the connection in the middle of an answer");
		if (n <= 0)
			break;
		text_add_n(&s->in, bytes, (size_t)n);
		if ((size_t)n < sizeof(bytes))
			break;
	}
}

/* Ends each answer that is whole with a NUL. */
static void cut_answers(struct haproxy_session *s)
{
	size_t len = strlen(PROMPT);
	while (s->answered < s->asked || !s->greeted) {
		size_t from = s->looked > s->scanned ? s->looked : s->scanned;
		char *end =
			from < s->in.len ? memmem(s->in.data + from, s->in.len - from, PROMPT, len) : NULL;
		if (end == NULL) {
			s->looked = s->in.len > len ? s->in.len - len : 0;
			return;
		}
		*end = '\0';
		if (s->greeted)
			s->answer[s->answered++] = s->scanned;
		s->greeted = true;
		s->scanned = (size_t)(end - s->in.data) + len;
		s->looked = s->scanned;
	}
}

enum haproxy_progress haproxy_session_turn(struct haproxy_session *s, struct instant now)
{
	if (s->err.code == ERR_NONE && !s->connected)
		finish_connecting(s);
	if (s->err.code == ERR_NONE && s->connected) {
		send_some(s);
		read_some(s);
	}
	if (!s->stream)
		cut_answers(s);
	if (!s->stream && s->greeted && s->answered == s->asked)
		return HAPROXY_ANSWERED;
	if (s->err.code == ERR_NONE && !s->stream && haproxy_session_left_ms(s, now) == 0)
		fail(s, ERR_SLOW, s->connected ? "gave no complete answer in time" : "does not answer");
	return s->err.code == ERR_NONE ? HAPROXY_WAITS : HAPROXY_FAILED;
}

const char *haproxy_session_answer(const struct haproxy_session *s, size_t i)
{
	assert(i < s->answered);
	return s->in.data + s->answer[i];
}

/* ---- a stream ---- */

/* Drops what was taken, so that a stream of days stays small. */
static void compact(struct haproxy_session *s)
{
	memmove(s->in.data, s->in.data + s->taken, s->in.len - s->taken);
	s->in.len -= s->taken;
	s->taken = 0;
}

const char *haproxy_session_line(struct haproxy_session *s, bool *cut)
{
	char *at = s->in.data + s->taken;
	size_t left = s->in.len - s->taken;
	char *end = left > 0 ? memchr(at, '\n', left) : NULL;
	*cut = false;
	if (end == NULL && left >= STREAM_LINE_MAX) {
		*cut = true;
		s->taken = s->in.len;
		return "";
	}
	if (end == NULL) {
		if (s->taken > 0)
			compact(s);
		return NULL;
	}
	*cut = end - at >= STREAM_LINE_MAX;
	*end = '\0';
	s->taken = (size_t)(end - s->in.data) + 1;
	return at;
}
