/* Hostile: one thread, one poll loop, one row of state a connection.
 *
 * 1. `lock` guards everything that the test's thread reads or writes; the loop holds it except
 *    in poll().
 * 2. What a connection will be told is decided when its request is whole. */
#include "tests/lib/hostile.h"

#include "model/mem.h"
#include "model/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 128
#define DRIP_MS 20

/* How the bytes of an answer leave. */
enum pace { PACE_NONE, PACE_AT_ONCE, PACE_DRIP, PACE_FOR_EVER };

struct connection {
	int fd; /* -1: free */
	struct text in, out;
	size_t written;
	enum pace pace;
	bool close_after;
};

struct hostile {
	pthread_t thread;
	pthread_mutex_t lock;
	int listener, wake[2];
	bool stop;
	char target[128], path[108];
	enum hostile_mode mode;
	int status;
	char *body;
	struct text request;
	int requests, connections;
	struct connection open[CONNECTIONS_MAX];
};

static const struct {
	int status;
	const char *headers, *body;
} modes[] = {
#define X(name, status, headers, body) {status, headers, body},
	HOSTILE_INFO(X)
#undef X
};

int64_t hostile_clock_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	abort();
}

/* ---- what is said ---- */

static void head(struct text *out, int status, const char *headers, int64_t length)
{
	text_addf(out, "HTTP/1.1 %d Whatever\r\n%s", status, headers);
	if (strstr(headers, "Content-Type") == NULL)
		text_add(out, "Content-Type: application/json\r\n");
	if (length >= 0)
		text_addf(out, "Content-Length: %lld\r\n", (long long)length);
	text_add(out, "\r\n");
}

static void say(struct text *out, int status, const char *headers, const char *body)
{
	head(out, status, headers, (int64_t)strlen(body));
	text_add(out, body);
}

static void decide(struct hostile *h, struct connection *c)
{
	size_t half = strlen(h->body) / 2;
	c->pace = PACE_AT_ONCE;
	if (modes[h->mode].status != 0) {
		const char *fixed = modes[h->mode].body, *body = fixed != NULL ? fixed : h->body;
		say(&c->out, modes[h->mode].status, modes[h->mode].headers, body);
		return;
	}
	switch (h->mode) {
	case HOSTILE_ANSWER:
		say(&c->out, h->status, "", h->body);
		break;
	case HOSTILE_DRIP:
		say(&c->out, h->status, "", h->body);
		c->pace = PACE_DRIP;
		break;
	case HOSTILE_ENDLESS_BODY:
		text_add(&c->out,
			"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			"Transfer-Encoding: chunked\r\n\r\n");
		c->pace = PACE_FOR_EVER;
		break;
	case HOSTILE_ENDLESS_HEADERS:
	case HOSTILE_ENDLESS_LINE:
		text_add(&c->out, "HTTP/1.1 200 OK\r\nX-Long: ");
		c->pace = PACE_FOR_EVER;
		break;
	case HOSTILE_TRUNCATED:
		head(&c->out, 200, "", (int64_t)strlen(h->body) + 1);
		text_add_n(&c->out, h->body, half);
		c->close_after = true;
		break;
	case HOSTILE_TRUNCATED_OPEN:
		head(&c->out, 200, "Connection: close\r\n", -1);
		text_add_n(&c->out, h->body, half);
		c->close_after = true;
		break;
	case HOSTILE_TWO_DOCUMENTS:
		head(&c->out, 200, "", 2 * (int64_t)strlen(h->body));
		text_add(&c->out, h->body);
		text_add(&c->out, h->body);
		break;
	case HOSTILE_NOT_HTTP:
		text_add(&c->out, "SSH-2.0-OpenSSH_9.2\r\n");
		c->close_after = true;
		break;
	case HOSTILE_CUT:
		c->close_after = true;
		break;
	default:
		c->pace = PACE_NONE;
		break;
	}
}

/* More of an answer that never ends. */
static void prolong(struct hostile *h, struct text *out)
{
	static const char filler[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
								 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; /* 0x40 */
	for (int i = 0; i < 256; i++) {
		if (h->mode == HOSTILE_ENDLESS_BODY)
			text_add(out, "40\r\n");
		text_add(out, filler);
		if (h->mode == HOSTILE_ENDLESS_BODY)
			text_add(out, "\r\n");
		else if (h->mode == HOSTILE_ENDLESS_HEADERS)
			text_add(out, "\r\nX-More: ");
	}
}

/* ---- connections ---- */

static void drop(struct connection *c)
{
	close(c->fd);
	text_free(&c->in);
	text_free(&c->out);
	*c = (struct connection){.fd = -1};
}

static void reset(struct connection *c)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	drop(c);
}

/* True when a whole request stands in the buffer. */
static bool is_whole(const struct text *in)
{
	const char *end = strstr(text_str(in), "\r\n\r\n");
	if (end == NULL)
		return false;
	const char *length = strstr(text_str(in), "Content-Length: ");
	size_t body = length != NULL && length < end ? strtoul(length + 16, NULL, 10) : 0;
	return in->len >= (size_t)(end + 4 - in->data) + body;
}

static void receive(struct hostile *h, struct connection *c)
{
	char bytes[4096];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	if (h->mode == HOSTILE_RST) {
		reset(c);
		return;
	}
	text_add_n(&c->in, bytes, (size_t)n);
	if (!is_whole(&c->in))
		return;
	h->requests++;
	text_clear(&h->request);
	text_add_n(&h->request, c->in.data, c->in.len);
	text_clear(&c->in);
	text_clear(&c->out);
	c->written = 0;
	decide(h, c);
}

static void transmit(struct hostile *h, struct connection *c)
{
	if (c->pace == PACE_FOR_EVER && c->written == c->out.len) {
		text_clear(&c->out);
		c->written = 0;
		prolong(h, &c->out);
	}
	size_t left = c->out.len - c->written;
	if (c->pace == PACE_DRIP && left > 1)
		left = 1;
	if (left > 0) {
		ssize_t n = send(c->fd, c->out.data + c->written, left, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN) {
			drop(c);
			return;
		}
		if (n > 0)
			c->written += (size_t)n;
	}
	if (c->written == c->out.len && c->pace != PACE_FOR_EVER) {
		c->pace = PACE_NONE;
		if (c->close_after)
			drop(c);
	}
}

static void accept_one(struct hostile *h)
{
	int fd = accept(h->listener, NULL, NULL);
	if (fd < 0)
		return;
	h->connections++;
	need(fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = &h->open[i];
		if (c->fd >= 0)
			continue;
		c->fd = fd;
		return;
	}
	close(fd);
}

static void *serve(void *ctx)
{
	struct hostile *h = ctx;
	struct pollfd fds[CONNECTIONS_MAX + 2];
	struct connection *of[CONNECTIONS_MAX + 2];
	pthread_mutex_lock(&h->lock);
	while (!h->stop) {
		nfds_t count = 2;
		int timeout_ms = -1;
		fds[0] = (struct pollfd){.fd = h->wake[0], .events = POLLIN};
		fds[1] = (struct pollfd){.fd = h->listener, .events = POLLIN};
		for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
			struct connection *c = &h->open[i];
			if (c->fd < 0)
				continue;
			bool writes = c->pace == PACE_AT_ONCE || c->pace == PACE_FOR_EVER;
			if (c->pace == PACE_DRIP)
				timeout_ms = DRIP_MS;
			fds[count] = (struct pollfd){.fd = c->fd, .events = POLLIN};
			if (writes)
				fds[count].events |= POLLOUT;
			of[count++] = c;
		}
		pthread_mutex_unlock(&h->lock);
		int ready = poll(fds, count, timeout_ms);
		pthread_mutex_lock(&h->lock);
		if (ready > 0 && (fds[1].revents & POLLIN) != 0)
			accept_one(h);
		for (nfds_t i = 2; i < count; i++) {
			if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
				receive(h, of[i]);
			bool drips = ready == 0 && of[i]->pace == PACE_DRIP;
			if (of[i]->fd >= 0 && ((fds[i].revents & POLLOUT) != 0 || drips))
				transmit(h, of[i]);
		}
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* ---- the test's side ---- */

static void bind_unix(struct hostile *h, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	need(text_copy(a.sun_path, sizeof(a.sun_path), path), "path");
	text_copy(h->path, sizeof(h->path), path);
	h->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	need(bind(h->listener, (struct sockaddr *)&a, sizeof(a)) == 0, "bind");
	snprintf(h->target, sizeof(h->target), "unix:%s", path);
}

static void bind_port(struct hostile *h)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	h->listener = socket(AF_INET, SOCK_STREAM, 0);
	need(bind(h->listener, (struct sockaddr *)&a, sizeof(a)) == 0, "bind");
	need(getsockname(h->listener, (struct sockaddr *)&a, &len) == 0, "getsockname");
	snprintf(h->target, sizeof(h->target), "http://127.0.0.1:%u", ntohs(a.sin_port));
}

struct hostile *hostile_start(enum hostile_mode mode, const char *path)
{
	struct hostile *h = mem_new(1, sizeof(*h));
	h->mode = mode;
	h->status = 200;
	h->body = mem_copy("{}");
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		h->open[i].fd = -1;
	if (path != NULL)
		bind_unix(h, path);
	else
		bind_port(h);
	/* a bound port that nobody listens on refuses, and nobody else can get it */
	if (mode != HOSTILE_REFUSE)
		need(listen(h->listener, 64) == 0, "listen");
	need(fcntl(h->listener, F_SETFL, O_NONBLOCK) == 0, "fcntl");
	need(pipe(h->wake) == 0, "pipe");
	need(pthread_mutex_init(&h->lock, NULL) == 0, "mutex");
	if (mode != HOSTILE_REFUSE)
		need(pthread_create(&h->thread, NULL, serve, h) == 0, "thread");
	return h;
}

void hostile_stop(struct hostile *h)
{
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	bool refuses = h->mode == HOSTILE_REFUSE;
	pthread_mutex_unlock(&h->lock);
	need(write(h->wake[1], "x", 1) == 1, "write");
	if (!refuses)
		pthread_join(h->thread, NULL);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (h->open[i].fd >= 0)
			drop(&h->open[i]);
	close(h->listener);
	close(h->wake[0]);
	close(h->wake[1]);
	if (h->path[0] != '\0')
		unlink(h->path);
	pthread_mutex_destroy(&h->lock);
	text_free(&h->request);
	free(h->body);
	free(h);
}

const char *hostile_target(const struct hostile *h)
{
	return h->target;
}

void hostile_set_mode(struct hostile *h, enum hostile_mode mode)
{
	pthread_mutex_lock(&h->lock);
	need((mode == HOSTILE_REFUSE) == (h->mode == HOSTILE_REFUSE), "refusing is for life");
	h->mode = mode;
	pthread_mutex_unlock(&h->lock);
}

void hostile_script(struct hostile *h, int status, const char *body)
{
	pthread_mutex_lock(&h->lock);
	free(h->body);
	h->body = mem_copy(body);
	h->status = status;
	pthread_mutex_unlock(&h->lock);
}

int hostile_requests(struct hostile *h)
{
	pthread_mutex_lock(&h->lock);
	int n = h->requests;
	pthread_mutex_unlock(&h->lock);
	return n;
}

int hostile_connections(struct hostile *h)
{
	pthread_mutex_lock(&h->lock);
	int n = h->connections;
	pthread_mutex_unlock(&h->lock);
	return n;
}

void hostile_request(struct hostile *h, char *out, size_t size)
{
	pthread_mutex_lock(&h->lock);
	snprintf(out, size, "%s", text_str(&h->request));
	pthread_mutex_unlock(&h->lock);
}
