#define _GNU_SOURCE
/* Veil: one thread, one poll over all pairs of connections. Between two reads it keeps back what
 * may be the beginning of the name, and nothing else. */
#include "tests/lib/veil.h"

#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/http.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PAIRS_MAX 24

enum side { NEAR, FAR, SIDES };

struct pair {
	int fd[SIDES];           /* the program's side, the pool's; -1: free */
	struct text kept[SIDES]; /* what came from there and has not gone on */
};

struct veil {
	int listener, wake;
	char target[128], to[128], path[108], name[48];
	struct pair pairs[PAIRS_MAX];
	pthread_t thread;
};

static void close_pair(struct pair *c)
{
	for (int s = 0; s < SIDES; s++) {
		if (c->fd[s] >= 0)
			close(c->fd[s]);
		text_free(&c->kept[s]);
		c->fd[s] = -1;
	}
}

static void take_connection(struct veil *v)
{
	struct http http;
	int near = accept(v->listener, NULL, NULL), far = -1;
	if (near >= 0 && http_open(&http, v->to))
		far = http.fd;
	for (int i = 0; far >= 0 && i < PAIRS_MAX; i++)
		if (v->pairs[i].fd[NEAR] < 0) {
			v->pairs[i].fd[NEAR] = near;
			v->pairs[i].fd[FAR] = far;
			return;
		}
	if (near >= 0)
		close(near);
	if (far >= 0)
		close(far);
}

/* How many bytes at the end of `t` may be the beginning of the name. */
static size_t unsure(const struct veil *v, const struct text *t)
{
	size_t most = strlen(v->name) - 1;
	for (size_t n = most < t->len ? most : t->len; n > 0; n--)
		if (memcmp(t->data + t->len - n, v->name, n) == 0)
			return n;
	return 0;
}

static bool pass(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* Takes what came from one side on to the other; false at an end. */
static bool carry(const struct veil *v, struct pair *c, enum side from)
{
	char bytes[16384];
	struct text *t = &c->kept[from];
	ssize_t n = recv(c->fd[from], bytes, sizeof bytes, 0);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	text_add_n(t, bytes, (size_t)n);
	for (char *at; (at = memmem(t->data, t->len, v->name, strlen(v->name)));)
		at[1] = '_';
	size_t back = unsure(v, t), on = t->len - back;
	if (!pass(c->fd[!from], t->data, on))
		return false;
	memmove(t->data, t->data + on, back);
	t->len = back;
	return true;
}

static void *run(void *ctx)
{
	struct veil *v = ctx;
	for (;;) {
		struct pollfd fds[2 + SIDES * PAIRS_MAX] = {
			{.fd = v->wake, .events = POLLIN}, {.fd = v->listener, .events = POLLIN}};
		for (int i = 0; i < PAIRS_MAX; i++)
			for (int s = 0; s < SIDES; s++)
				fds[2 + SIDES * i + s] =
					(struct pollfd){.fd = v->pairs[i].fd[s], .events = POLLIN};
		if (poll(fds, sizeof fds / sizeof *fds, -1) < 0)
			continue;
		if (fds[0].revents)
			return NULL;
		for (int i = 0; i < PAIRS_MAX; i++)
			for (int s = 0; s < SIDES; s++)
				if (v->pairs[i].fd[s] >= 0 && fds[2 + SIDES * i + s].revents &&
					!carry(v, &v->pairs[i], (enum side)s))
					close_pair(&v->pairs[i]);
		if (fds[1].revents)
			take_connection(v);
	}
}

struct veil *veil_start(const char *path, const char *to, const char *member)
{
	struct veil *v = mem_new(1, sizeof *v);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	text_copy(a.sun_path, sizeof a.sun_path, path);
	text_copy(v->path, sizeof v->path, path);
	text_copy(v->to, sizeof v->to, to);
	snprintf(v->target, sizeof v->target, "unix:%.100s", path);
	snprintf(v->name, sizeof v->name, "\"%.40s\":", member);
	for (int i = 0; i < PAIRS_MAX; i++)
		v->pairs[i].fd[NEAR] = v->pairs[i].fd[FAR] = -1;
	unlink(path);
	v->wake = eventfd(0, EFD_CLOEXEC);
	v->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (v->wake >= 0 && v->listener >= 0 &&
		bind(v->listener, (struct sockaddr *)&a, sizeof a) == 0 &&
		listen(v->listener, 16) == 0 && pthread_create(&v->thread, NULL, run, v) == 0)
		return v;
	if (v->wake >= 0)
		close(v->wake);
	if (v->listener >= 0)
		close(v->listener);
	free(v);
	return NULL;
}

void veil_stop(struct veil *v)
{
	if (!v)
		return;
	uint64_t one = 1;
	if (write(v->wake, &one, sizeof one) != sizeof one)
		abort();
	pthread_join(v->thread, NULL);
	for (int i = 0; i < PAIRS_MAX; i++)
		close_pair(&v->pairs[i]);
	close(v->listener);
	close(v->wake);
	unlink(v->path);
	free(v);
}

const char *veil_target(const struct veil *v)
{
	return v->target;
}
