/* Proxy: one thread, one poll over all pairs of connections.
 *
 * 1. `mutex` guards everything that a test's thread reads or writes.
 * 2. A request's mode is the one in force when it is whole; its connection keeps it until the
 *    next request that is meant. */
#include "tests/lib/proxy.h"

#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/http.h"
#include "tests/lib/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PAIRS_MAX 24
#define DELAY_MS 20
#define AGAIN_MS 2000 /* for a second delivery to be answered */

struct pair {
	int near, far;        /* the program's side, the pool's; -1: free */
	enum proxy_mode mode; /* of the request under way */
	struct text request;  /* one that is meant, while it comes in */
	bool catching;
	struct text late; /* of an answer, to go on at due_ms */
	size_t gone;      /* of it */
	int64_t due_ms;
};

struct proxy {
	int listener, wake;
	char target[128], to[120], path[108];
	struct pair pairs[PAIRS_MAX];
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t news;
	bool stop;
	enum proxy_mode mode;
	int delay_ms, meant, duplicated;
	char match[32];
	struct text caught; /* the last one that was meant */
	bool has_caught;    /* nobody has asked for it yet */
};

/* ---- connections ---- */

static int listen_unix(struct proxy *p, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	text_copy(a.sun_path, sizeof a.sun_path, path);
	text_copy(p->path, sizeof p->path, path);
	snprintf(p->target, sizeof p->target, "unix:%s", path);
	unlink(path);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 16) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int listen_port(struct proxy *p)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 16) == 0 &&
		getsockname(fd, (struct sockaddr *)&a, &len) == 0) {
		snprintf(p->target, sizeof p->target, "http://127.0.0.1:%u", ntohs(a.sin_port));
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A connection to the pool as a bare descriptor. */
static int dial(const struct proxy *p)
{
	struct http http;
	return http_open(&http, p->to) ? http.fd : -1;
}

static void close_pair(struct pair *c)
{
	if (c->near >= 0)
		close(c->near);
	if (c->far >= 0)
		close(c->far);
	text_free(&c->request);
	text_free(&c->late);
	*c = (struct pair){.near = -1, .far = -1};
}

static void reset_pair(struct pair *c)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	setsockopt(c->near, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	setsockopt(c->far, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close_pair(c);
}

static void take_connection(struct proxy *p)
{
	int near = accept(p->listener, NULL, NULL), far = near >= 0 ? dial(p) : -1;
	for (int i = 0; far >= 0 && i < PAIRS_MAX; i++) {
		if (p->pairs[i].near >= 0)
			continue;
		p->pairs[i] = (struct pair){.near = near, .far = far};
		return;
	}
	if (near >= 0)
		close(near);
	if (far >= 0)
		close(far);
}

static void pass(int fd, const char *bytes, size_t len)
{
	while (fd >= 0 && len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n <= 0 && errno != EINTR)
			return;
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

/* ---- requests ---- */

static bool is_whole(const struct text *t)
{
	const char *head = strstr(text_str(t), "\r\n\r\n");
	const char *field = strstr(text_str(t), "Content-Length: ");
	size_t length = field ? strtoul(field + strlen("Content-Length: "), NULL, 10) : 0;
	return head && t->len >= (size_t)(head + 4 - t->data) + length;
}

static int deliver(const char *to, const struct text *request, int timeout_ms)
{
	struct http http;
	if (!http_open(&http, to))
		return 0;
	int status = http_call_raw(&http, request->data, request->len, timeout_ms);
	http_close(&http);
	return status;
}

/* A whole request that is meant. */
static void meet(struct proxy *p, struct pair *c)
{
	c->catching = false;
	c->mode = p->mode;
	text_free(&p->caught);
	p->caught = c->request;
	p->has_caught = true;
	p->meant++;
	c->request = (struct text){0};
	bool delivers = c->mode != PROXY_LOSE_REQUEST && c->mode != PROXY_CUT_BEFORE &&
		c->mode != PROXY_HOLD && c->mode != PROXY_RESET;
	if (delivers)
		pass(c->far, p->caught.data, p->caught.len);
	if (c->mode == PROXY_CUT_BEFORE)
		close_pair(c);
	else if (c->mode == PROXY_RESET)
		reset_pair(c);
	pthread_cond_broadcast(&p->news);
}

/* Bytes of the program; a request begins with a segment, as clients send them. */
static void from_near(struct proxy *p, struct pair *c, const char *bytes, size_t len)
{
	size_t match = strlen(p->match);
	if (!c->catching && len >= match && memcmp(bytes, p->match, match) == 0) {
		c->catching = true;
		text_clear(&c->request);
	}
	if (!c->catching) {
		pass(c->far, bytes, len);
		return;
	}
	text_add_n(&c->request, bytes, len);
	if (is_whole(&c->request))
		meet(p, c);
}

/* ---- answers ---- */

static void from_far(struct proxy *p, struct pair *c, const char *bytes, size_t len)
{
	switch (c->mode) {
	case PROXY_LOSE_ANSWER:
		break;
	case PROXY_CUT_AFTER:
		close_pair(c);
		break;
	case PROXY_LATENCY:
	case PROXY_DRIP:
		if (c->late.len == c->gone)
			c->due_ms = process_clock_ms() + p->delay_ms;
		text_add_n(&c->late, bytes, len);
		break;
	case PROXY_DUPLICATE:
		p->duplicated = deliver(p->to, &p->caught, AGAIN_MS);
		c->mode = PROXY_PASS;
		pass(c->near, bytes, len);
		break;
	default:
		pass(c->near, bytes, len);
		break;
	}
}

/* What is due of a late answer goes on. */
static void pass_late(struct proxy *p, struct pair *c)
{
	size_t left = c->late.len - c->gone;
	if (left == 0 || process_clock_ms() < c->due_ms)
		return;
	size_t now = c->mode == PROXY_DRIP ? 1 : left;
	pass(c->near, c->late.data + c->gone, now);
	c->gone += now;
	c->due_ms = process_clock_ms() + p->delay_ms;
	if (c->gone < c->late.len)
		return;
	text_clear(&c->late);
	c->gone = 0;
}

static void serve_pair(struct proxy *p, struct pair *c, bool near, bool far)
{
	char bytes[16384];
	bool vanish = p->mode == PROXY_BLACKHOLE;
	if (near) {
		ssize_t n = recv(c->near, bytes, sizeof bytes, 0);
		if (n <= 0) {
			close_pair(c);
			return;
		}
		if (!vanish)
			from_near(p, c, bytes, (size_t)n);
	}
	if (far && c->far >= 0) {
		ssize_t n = recv(c->far, bytes, sizeof bytes, 0);
		if (n <= 0)
			close_pair(c);
		else if (!vanish)
			from_far(p, c, bytes, (size_t)n);
	}
	pass_late(p, c);
}

/* Until something late is due; -1 when nothing is. */
static int wait_ms(const struct proxy *p)
{
	int64_t least = -1, now = process_clock_ms();
	for (int i = 0; i < PAIRS_MAX; i++) {
		const struct pair *c = &p->pairs[i];
		if (c->near < 0 || c->late.len == c->gone)
			continue;
		int64_t left = c->due_ms > now ? c->due_ms - now : 0;
		least = least < 0 || left < least ? left : least;
	}
	return (int)least;
}

static void *run(void *arg)
{
	struct proxy *p = arg;
	pthread_mutex_lock(&p->mutex);
	while (!p->stop) {
		struct pollfd fds[2 + 2 * PAIRS_MAX] = {
			{.fd = p->wake, .events = POLLIN}, {.fd = p->listener, .events = POLLIN}};
		for (int i = 0; i < PAIRS_MAX; i++) {
			fds[2 + 2 * i] = (struct pollfd){.fd = p->pairs[i].near, .events = POLLIN};
			fds[3 + 2 * i] = (struct pollfd){.fd = p->pairs[i].far, .events = POLLIN};
		}
		int ms = wait_ms(p);
		pthread_mutex_unlock(&p->mutex);
		poll(fds, 2 + 2 * PAIRS_MAX, ms);
		pthread_mutex_lock(&p->mutex);
		for (int i = 0; i < PAIRS_MAX; i++)
			if (p->pairs[i].near >= 0)
				serve_pair(
					p, &p->pairs[i], fds[2 + 2 * i].revents != 0, fds[3 + 2 * i].revents != 0);
		if (fds[1].revents)
			take_connection(p);
	}
	pthread_mutex_unlock(&p->mutex);
	return NULL;
}

/* ---- the test's side ---- */

struct proxy *proxy_start(const char *path, const char *to, const char *match)
{
	struct proxy *p = mem_new(1, sizeof *p);
	p->listener = path ? listen_unix(p, path) : listen_port(p);
	if (p->listener < 0) {
		free(p);
		return NULL;
	}
	snprintf(p->to, sizeof p->to, "%s%s", to[0] == '/' ? "unix:" : "", to);
	text_copy(p->match, sizeof p->match, match);
	p->delay_ms = DELAY_MS;
	for (int i = 0; i < PAIRS_MAX; i++)
		p->pairs[i] = (struct pair){.near = -1, .far = -1};
	p->wake = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&p->mutex, NULL);
	pthread_condattr_t clock;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&p->news, &clock);
	pthread_condattr_destroy(&clock);
	pthread_create(&p->thread, NULL, run, p);
	return p;
}

void proxy_stop(struct proxy *p)
{
	uint64_t one = 1;
	if (!p)
		return;
	pthread_mutex_lock(&p->mutex);
	p->stop = true;
	pthread_mutex_unlock(&p->mutex);
	if (write(p->wake, &one, sizeof one) == sizeof one)
		pthread_join(p->thread, NULL);
	for (int i = 0; i < PAIRS_MAX; i++)
		close_pair(&p->pairs[i]);
	close(p->wake);
	close(p->listener);
	if (p->path[0])
		unlink(p->path);
	pthread_cond_destroy(&p->news);
	pthread_mutex_destroy(&p->mutex);
	text_free(&p->caught);
	free(p);
}

const char *proxy_target(const struct proxy *p)
{
	return p->target;
}

void proxy_set_mode(struct proxy *p, enum proxy_mode mode)
{
	pthread_mutex_lock(&p->mutex);
	p->mode = mode;
	pthread_mutex_unlock(&p->mutex);
}

void proxy_set_match(struct proxy *p, const char *match)
{
	pthread_mutex_lock(&p->mutex);
	text_copy(p->match, sizeof p->match, match);
	pthread_mutex_unlock(&p->mutex);
}

void proxy_set_delay(struct proxy *p, int delay_ms)
{
	pthread_mutex_lock(&p->mutex);
	p->delay_ms = delay_ms;
	pthread_mutex_unlock(&p->mutex);
}

char *proxy_caught(struct proxy *p, size_t *len, int timeout_ms)
{
	int64_t end_ms = process_clock_ms() + timeout_ms;
	struct timespec end = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};
	char *bytes = NULL;
	pthread_mutex_lock(&p->mutex);
	int late = 0;
	while (!p->has_caught && late == 0)
		late = pthread_cond_timedwait(&p->news, &p->mutex, &end);
	if (p->has_caught) {
		*len = p->caught.len;
		bytes = mem_copy_n(p->caught.data, p->caught.len);
		p->has_caught = false;
	}
	pthread_mutex_unlock(&p->mutex);
	return bytes;
}

int proxy_release(struct proxy *p, int timeout_ms)
{
	struct text copy = {0};
	pthread_mutex_lock(&p->mutex);
	text_add_n(&copy, text_str(&p->caught), p->caught.len);
	pthread_mutex_unlock(&p->mutex);
	int status = copy.len > 0 ? deliver(p->to, &copy, timeout_ms) : 0;
	text_free(&copy);
	return status;
}

static int read_int(struct proxy *p, const int *number)
{
	pthread_mutex_lock(&p->mutex);
	int n = *number;
	pthread_mutex_unlock(&p->mutex);
	return n;
}

int proxy_meant(struct proxy *p)
{
	return read_int(p, &p->meant);
}

int proxy_duplicated(struct proxy *p)
{
	return read_int(p, &p->duplicated);
}
