/* Proxy: one thread, one poll over all pairs of connections. */
#include "tests/lib/proxy.h"

#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/process.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PAIRS_MAX 24

struct pair {
	int near, far;       /* the program's side, the pool's; -1: free */
	bool deaf;           /* answers are lost from now on */
	struct text request; /* one that matches, while it comes in */
	bool catching;
};

struct proxy {
	int listener, stop;
	char to[108], match[16];
	struct pair pairs[PAIRS_MAX];
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t news;
	enum proxy_mode mode;
	struct text caught;
	bool has_caught;
};

static int bind_to(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	text_copy(a.sun_path, sizeof a.sun_path, path);
	unlink(path);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 16) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int dial(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	text_copy(a.sun_path, sizeof a.sun_path, path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void close_pair(struct pair *c)
{
	if (c->near >= 0)
		close(c->near);
	if (c->far >= 0)
		close(c->far);
	text_free(&c->request);
	*c = (struct pair){.near = -1, .far = -1};
}

static void take_connection(struct proxy *p)
{
	int near = accept(p->listener, NULL, NULL), far = near >= 0 ? dial(p->to) : -1;
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

static bool is_whole(const struct text *t)
{
	const char *head = strstr(text_str(t), "\r\n\r\n");
	const char *field = strstr(text_str(t), "Content-Length: ");
	size_t length = field ? strtoul(field + strlen("Content-Length: "), NULL, 10) : 0;
	return head && t->len >= (size_t)(head + 4 - t->data) + length;
}

/* Bytes of the program; a request begins with a segment, as clients send them. */
static void from_near(struct proxy *p, struct pair *c, const char *bytes, size_t len)
{
	size_t match = strlen(p->match);
	pthread_mutex_lock(&p->mutex);
	enum proxy_mode mode = p->mode;
	if (!c->catching && len >= match && memcmp(bytes, p->match, match) == 0) {
		c->catching = true;
		text_clear(&c->request);
	}
	if (c->catching) {
		text_add_n(&c->request, bytes, len);
		if (is_whole(&c->request)) {
			c->catching = false;
			c->deaf = mode == PROXY_LOSE_ANSWER;
			text_free(&p->caught);
			p->caught = c->request;
			p->has_caught = true;
			c->request = (struct text){0};
			if (mode != PROXY_LOSE_REQUEST)
				pass(c->far, p->caught.data, p->caught.len);
			pthread_cond_broadcast(&p->news);
		}
	} else {
		pass(c->far, bytes, len);
	}
	pthread_mutex_unlock(&p->mutex);
}

static void serve_pair(struct proxy *p, struct pair *c, bool near, bool far)
{
	char bytes[16384];
	if (near) {
		ssize_t n = recv(c->near, bytes, sizeof bytes, 0);
		if (n <= 0) {
			close_pair(c);
			return;
		}
		from_near(p, c, bytes, (size_t)n);
	}
	if (far) {
		ssize_t n = recv(c->far, bytes, sizeof bytes, 0);
		if (n <= 0)
			close_pair(c);
		else if (!c->deaf)
			pass(c->near, bytes, (size_t)n);
	}
}

static void *run(void *arg)
{
	struct proxy *p = arg;
	for (;;) {
		struct pollfd fds[2 + 2 * PAIRS_MAX] = {
			{.fd = p->stop, .events = POLLIN}, {.fd = p->listener, .events = POLLIN}};
		for (int i = 0; i < PAIRS_MAX; i++) {
			fds[2 + 2 * i] = (struct pollfd){.fd = p->pairs[i].near, .events = POLLIN};
			fds[3 + 2 * i] = (struct pollfd){.fd = p->pairs[i].far, .events = POLLIN};
		}
		poll(fds, 2 + 2 * PAIRS_MAX, -1);
		if (fds[0].revents)
			return NULL;
		for (int i = 0; i < PAIRS_MAX; i++)
			if (p->pairs[i].near >= 0)
				serve_pair(
					p, &p->pairs[i], fds[2 + 2 * i].revents != 0, fds[3 + 2 * i].revents != 0);
		if (fds[1].revents)
			take_connection(p);
	}
}

struct proxy *proxy_start(const char *path, const char *to, const char *match)
{
	struct proxy *p = mem_new(1, sizeof *p);
	p->listener = bind_to(path);
	if (p->listener < 0) {
		free(p);
		return NULL;
	}
	text_copy(p->to, sizeof p->to, to);
	text_copy(p->match, sizeof p->match, match);
	for (int i = 0; i < PAIRS_MAX; i++)
		p->pairs[i] = (struct pair){.near = -1, .far = -1};
	p->stop = eventfd(0, EFD_CLOEXEC);
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
	if (write(p->stop, &one, sizeof one) == sizeof one)
		pthread_join(p->thread, NULL);
	for (int i = 0; i < PAIRS_MAX; i++)
		close_pair(&p->pairs[i]);
	close(p->stop);
	close(p->listener);
	pthread_cond_destroy(&p->news);
	pthread_mutex_destroy(&p->mutex);
	text_free(&p->caught);
	free(p);
}

void proxy_set_mode(struct proxy *p, enum proxy_mode mode)
{
	pthread_mutex_lock(&p->mutex);
	p->mode = mode;
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
		bytes = text_take(&p->caught);
		p->has_caught = false;
	}
	pthread_mutex_unlock(&p->mutex);
	return bytes;
}
