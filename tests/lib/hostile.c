/* Hostile: one thread, one poll loop, one row of state a connection.
 *
 * 1. `lock` guards everything that the test's thread reads or writes; the loop holds it except
 *    in poll().
 * 2. What a connection will be told is decided when its request is whole. */
#include "tests/lib/hostile.h"

#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/hostile_modes.h"
#include "tests/lib/http.h"

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
#define LOG_MAX 256
#define AUTHORIZATION_MAX 64
#define POOL_MS 5000 /* for the pool behind to answer */

struct connection {
	int fd; /* -1: free */
	struct text in;
	struct hostile_words out;
	size_t written;
	char authorization[AUTHORIZATION_MAX]; /* of its first request */
	bool asked, shared;                    /* shared: a later request had another one */
};

/* What is remembered of a request. */
struct request {
	char begin[48], authorization[AUTHORIZATION_MAX];
};

struct hostile {
	pthread_t thread;
	pthread_mutex_t lock;
	int listener, wake[2];
	bool stop;
	char target[128], path[108];
	enum hostile_mode mode;
	char prefix[32]; /* of the requests that the mode is for */
	bool deliver;
	int status;
	char *body, *headers;
	char pool[120]; /* "unix:PATH" of the pool behind; "" none */
	struct text request;
	struct request log[LOG_MAX]; /* request n is at n % LOG_MAX */
	int requests, connections, shared;
	struct connection open[CONNECTIONS_MAX];
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

static bool begins(const char *request, const char *prefix)
{
	return strncmp(request, prefix, strlen(prefix)) == 0;
}

/* Asks the pool behind; a body of the caller's. Status 0 without an answer. */
static int ask_pool(struct hostile *h, const char *request, char **body)
{
	struct http http;
	int status = 0;
	if (http_open(&http, h->pool))
		status = http_call_raw(&http, request, strlen(request), POOL_MS);
	*body = mem_copy(http.body);
	http_close(&http);
	return status;
}

static void decide(struct hostile *h, struct connection *c, const char *request)
{
	bool meant = begins(request, h->prefix);
	enum hostile_mode mode = meant ? h->mode : HOSTILE_ANSWER;
	bool pass = h->pool[0] != '\0' &&
		(!meant || h->deliver || hostile_modes_passes(mode) || begins(request, "GET "));
	char *body = NULL, *rewritten = NULL;
	struct hostile_good good = {.status = h->status, .body = h->body, .headers = h->headers};
	if (pass) {
		rewritten = hostile_modes_rewrite(mode, request);
		good.status = ask_pool(h, rewritten != NULL ? rewritten : request, &body);
		good.body = body;
		need(good.status != 0, "the pool behind does not answer");
	}
	hostile_modes_say(&c->out, mode, &good, request);
	free(rewritten);
	free(body);
}

/* ---- connections ---- */

static void drop(struct connection *c)
{
	close(c->fd);
	text_free(&c->in);
	text_free(&c->out.bytes);
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

/* The value of a header of a request; "" without one. */
static void header_of(const char *request, const char *name, char *out, size_t size)
{
	const char *at = strstr(request, name), *end = strstr(request, "\r\n\r\n");
	out[0] = '\0';
	if (at == NULL || at > end)
		return;
	at += strlen(name);
	snprintf(out, size, "%.*s", (int)strcspn(at, "\r"), at);
}

/* Keeps what is asked about later. */
static void note(struct hostile *h, struct connection *c)
{
	const char *bytes = text_str(&c->in);
	struct request *r = &h->log[h->requests++ % LOG_MAX];
	snprintf(r->begin, sizeof(r->begin), "%.*s", (int)strcspn(bytes, "\r"), bytes);
	header_of(bytes, "Authorization: ", r->authorization, sizeof(r->authorization));
	if (!c->asked)
		text_copy(c->authorization, sizeof(c->authorization), r->authorization);
	else if (!c->shared && strcmp(c->authorization, r->authorization) != 0)
		h->shared += c->shared = true;
	c->asked = true;
	text_clear(&h->request);
	text_add_n(&h->request, c->in.data, c->in.len);
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
	note(h, c);
	struct text request = c->in;
	c->in = (struct text){0};
	text_clear(&c->out.bytes);
	c->out.close_after = false;
	c->written = 0;
	decide(h, c, text_str(&request));
	text_free(&request);
}

static void transmit(struct hostile *h, struct connection *c)
{
	struct hostile_words *out = &c->out;
	if (out->pace == PACE_FOR_EVER && c->written == out->bytes.len) {
		text_clear(&out->bytes);
		c->written = 0;
		hostile_modes_prolong(h->mode, &out->bytes);
	}
	size_t left = out->bytes.len - c->written;
	if (out->pace == PACE_DRIP && left > 1)
		left = 1;
	if (left > 0) {
		ssize_t n = send(c->fd, out->bytes.data + c->written, left, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN) {
			drop(c);
			return;
		}
		if (n > 0)
			c->written += (size_t)n;
	}
	if (c->written == out->bytes.len && out->pace != PACE_FOR_EVER) {
		out->pace = PACE_NONE;
		if (out->close_after)
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
			bool writes = c->out.pace == PACE_AT_ONCE || c->out.pace == PACE_FOR_EVER;
			if (c->out.pace == PACE_DRIP)
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
			bool drips = ready == 0 && of[i]->out.pace == PACE_DRIP;
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
	h->headers = mem_copy("");
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
	if (h == NULL)
		return;
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
	free(h->headers);
	free(h);
}

const char *hostile_target(const struct hostile *h)
{
	return h->target;
}

void hostile_spoil(struct hostile *h, enum hostile_mode mode, const char *prefix, bool deliver)
{
	pthread_mutex_lock(&h->lock);
	need((mode == HOSTILE_REFUSE) == (h->mode == HOSTILE_REFUSE), "refusing is for life");
	h->mode = mode;
	h->deliver = deliver;
	text_copy(h->prefix, sizeof(h->prefix), prefix);
	pthread_mutex_unlock(&h->lock);
}

void hostile_set_mode(struct hostile *h, enum hostile_mode mode)
{
	hostile_spoil(h, mode, "", false);
}

void hostile_script(struct hostile *h, int status, const char *body)
{
	pthread_mutex_lock(&h->lock);
	free(h->body);
	h->body = mem_copy(body);
	h->status = status;
	pthread_mutex_unlock(&h->lock);
}

void hostile_pool(struct hostile *h, const char *path)
{
	pthread_mutex_lock(&h->lock);
	snprintf(h->pool, sizeof(h->pool), "unix:%s", path);
	pthread_mutex_unlock(&h->lock);
}

void hostile_headers(struct hostile *h, const char *lines)
{
	pthread_mutex_lock(&h->lock);
	free(h->headers);
	h->headers = mem_copy(lines);
	pthread_mutex_unlock(&h->lock);
}

/* ---- what was seen ---- */

static int read_int(struct hostile *h, const int *number)
{
	pthread_mutex_lock(&h->lock);
	int n = *number;
	pthread_mutex_unlock(&h->lock);
	return n;
}

int hostile_requests(struct hostile *h)
{
	return read_int(h, &h->requests);
}

int hostile_connections(struct hostile *h)
{
	return read_int(h, &h->connections);
}

int hostile_shared(struct hostile *h)
{
	return read_int(h, &h->shared);
}

int hostile_count(struct hostile *h, const char *prefix)
{
	int n = 0;
	pthread_mutex_lock(&h->lock);
	for (int i = 0; i < h->requests && i < LOG_MAX; i++)
		n += begins(h->log[i].begin, prefix);
	pthread_mutex_unlock(&h->lock);
	return n;
}

int hostile_authorised(struct hostile *h, const char *authorization)
{
	int n = 0;
	pthread_mutex_lock(&h->lock);
	for (int i = 0; i < h->requests && i < LOG_MAX; i++)
		n += strcmp(h->log[i].authorization, authorization) == 0;
	pthread_mutex_unlock(&h->lock);
	return n;
}

void hostile_request(struct hostile *h, char *out, size_t size)
{
	pthread_mutex_lock(&h->lock);
	snprintf(out, size, "%s", text_str(&h->request));
	pthread_mutex_unlock(&h->lock);
}
