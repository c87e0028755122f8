/* Door: one thread that accepts, and sees who hangs up while his request waits or executes: then
 * libmicrohttpd does not look at his socket. Shutting a guest's socket down is all it does to it;
 * the server's thread sees the end of the stream and closes.
 *
 * 1. Between two whole requests of a guest at most REQUEST_MS may pass.
 * 2. When it is full, whoever has been quiet longest makes place, but a stranger not before he
 *    had STRANGER_MS to ask, and who has asked before (and was allowed to) not before
 *    KNOWN_MS: else a flood would show out those who shake hands and those who poll. Who comes
 *    then waits outside.
 * 3. `count` is from accept to close, so that a burst of connections cannot outrun it; the list
 *    lacks those that the server's thread has not seen yet. */
#define _GNU_SOURCE
#include "client/serve_door.h"

#include "client/engine/threads.h"
#include "client/serve.h"
#include "client/serve_listen.h"
#include "model/mem.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MS 10000
#define SWEEP_MS 1000
#define STRANGER_MS 250
#define KNOWN_MS 2500
#define FULL_MS 20
#define LEAVING_MAX 64 /* shown out, not yet closed */

struct guest {
	int fd;
	int64_t since_ms;  /* when it was last heard, or entered */
	atomic_bool *gone; /* of the request that executes, which nobody shows out; NULL none */
	bool known;        /* was heard before */
	bool leaving;      /* shown out, not yet closed */
	struct guest *next, *previous;
};

struct serve_door {
	struct serve_listener listeners[SERVE_LISTEN_MAX];
	int listener_count;
	int wake_fd;  /* ends the thread's wait */
	int watch_fd; /* epoll: guests that may hang up; registered and asked under the lock */
	pthread_t thread;
	bool has_thread;
	size_t room;
	serve_door_take *take;
	serve_door_hung_up *hung_up;
	void *ctx;

	pthread_mutex_t lock; /* of all below */
	struct guest *guests; /* the latest first */
	size_t count;
};

static int64_t now_ms(void)
{
	return threads_us() / 1000;
}

/* ---- guests ---- */

struct guest *serve_door_enter(struct serve_door *d, int fd)
{
	struct guest *g = mem_new(1, sizeof *g);
	g->fd = fd;
	g->since_ms = now_ms();
	(void)pthread_mutex_lock(&d->lock);
	g->next = d->guests;
	if (g->next)
		g->next->previous = g;
	d->guests = g;
	(void)pthread_mutex_unlock(&d->lock);
	return g;
}

/* Under the lock. */
static void unwatch(struct serve_door *d, struct guest *g)
{
	if (g->gone)
		(void)epoll_ctl(d->watch_fd, EPOLL_CTL_DEL, g->fd, NULL);
	g->gone = NULL;
}

void serve_door_heard(struct serve_door *d, struct guest *g)
{
	(void)pthread_mutex_lock(&d->lock);
	g->since_ms = now_ms();
	g->known = true;
	unwatch(d, g);
	(void)pthread_mutex_unlock(&d->lock);
}

void serve_door_watch(struct serve_door *d, struct guest *g, atomic_bool *gone)
{
	/* Nobody reads from it meanwhile: what it sends wakes no one, its end does, once. */
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = g};
	(void)pthread_mutex_lock(&d->lock);
	g->gone = gone;
	/* Without memory for it he is waited for as if he were there. */
	(void)epoll_ctl(d->watch_fd, EPOLL_CTL_ADD, g->fd, &event);
	(void)pthread_mutex_unlock(&d->lock);
}

void serve_door_left(struct serve_door *d, struct guest *g)
{
	(void)pthread_mutex_lock(&d->lock);
	unwatch(d, g);
	*(g->previous ? &g->previous->next : &d->guests) = g->next;
	if (g->next)
		g->next->previous = g->previous;
	d->count--;
	(void)pthread_mutex_unlock(&d->lock);
	free(g);
}

static void show_out(struct guest *g)
{
	(void)shutdown(g->fd, SHUT_RDWR);
	g->leaving = true;
}

static void show_out_late(struct serve_door *d)
{
	int64_t now = now_ms();
	(void)pthread_mutex_lock(&d->lock);
	for (struct guest *g = d->guests; g; g = g->next)
		if (!g->gone && !g->leaving && now - g->since_ms > REQUEST_MS)
			show_out(g);
	(void)pthread_mutex_unlock(&d->lock);
}

static bool had_its_time(const struct guest *g, int64_t now)
{
	return now - g->since_ms >= (g->known ? KNOWN_MS : STRANGER_MS);
}

/* False when there is nobody to show out. */
static bool show_out_oldest(struct serve_door *d)
{
	struct guest *oldest = NULL;
	int64_t now = now_ms();
	(void)pthread_mutex_lock(&d->lock);
	for (struct guest *g = d->guests; g; g = g->next)
		if (!g->gone && !g->leaving && had_its_time(g, now) &&
			(!oldest || g->since_ms <= oldest->since_ms))
			oldest = g;
	if (oldest)
		show_out(oldest);
	(void)pthread_mutex_unlock(&d->lock);
	return oldest;
}

/* ---- the thread ---- */

/* Counts one guest more or less (or 0); the number after. */
static size_t count(struct serve_door *d, int change)
{
	(void)pthread_mutex_lock(&d->lock);
	d->count += (size_t)change;
	size_t after = d->count;
	(void)pthread_mutex_unlock(&d->lock);
	return after;
}

/* Takes in one guest. False when there is no place or no descriptor for one. */
static bool take_in(struct serve_door *d, const struct serve_listener *l)
{
	size_t inside = count(d, 0);
	if (inside >= d->room && !show_out_oldest(d))
		return false;
	if (inside >= serve_door_most(d->room))
		return false;
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return errno != EMFILE && errno != ENFILE;
	(void)count(d, 1);
	if (!d->take(d->ctx, fd, *l->path != '\0'))
		(void)count(d, -1);
	return true;
}

/* Events are fetched under the lock, so that each is of a guest who is still watched. */
static void note_hung_up(struct serve_door *d)
{
	struct epoll_event events[64];
	(void)pthread_mutex_lock(&d->lock);
	int n = epoll_wait(d->watch_fd, events, 64, 0);
	for (int i = 0; i < n; i++) {
		struct guest *g = events[i].data.ptr;
		atomic_store(g->gone, true);
	}
	(void)pthread_mutex_unlock(&d->lock);
	if (n > 0)
		d->hung_up(d->ctx);
}

static void *run(void *arg)
{
	struct serve_door *d = arg;
	struct pollfd fds[SERVE_LISTEN_MAX + 2];
	nfds_t listeners = (nfds_t)d->listener_count;
	for (nfds_t i = 0; i < listeners; i++)
		fds[i] = (struct pollfd){.fd = d->listeners[i].fd, .events = POLLIN};
	fds[listeners] = (struct pollfd){.fd = d->wake_fd, .events = POLLIN};
	fds[listeners + 1] = (struct pollfd){.fd = d->watch_fd, .events = POLLIN};
	for (;;) {
		bool full = false;
		(void)poll(fds, listeners + 2, SWEEP_MS);
		if (fds[listeners].revents)
			return NULL;
		if (fds[listeners + 1].revents)
			note_hung_up(d);
		show_out_late(d);
		for (nfds_t i = 0; i < listeners; i++)
			if (fds[i].revents & POLLIN && !take_in(d, &d->listeners[i]))
				full = true;
		if (full) {
			/* Give the server's thread the time to close some. */
			(void)show_out_oldest(d);
			(void)poll(&fds[listeners], 1, FULL_MS);
		}
	}
}

/* ---- open and close ---- */

size_t serve_door_most(size_t room)
{
	return room + LEAVING_MAX;
}

int serve_door_open(struct serve_door **out, const char *const *addresses, int n, bool anywhere,
	struct err *err)
{
	assert(n > 0 && n <= SERVE_LISTEN_MAX);
	struct serve_door *d = mem_new(1, sizeof *d);
	(void)pthread_mutex_init(&d->lock, NULL);
	d->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->watch_fd = epoll_create1(EPOLL_CLOEXEC);
	bool ready = d->wake_fd >= 0 && d->watch_fd >= 0;
	if (!ready)
		(void)err_set(err, ERR_SYSTEM, "cannot serve: %s", strerror(errno));
	for (int i = 0; ready && i < n; i++) {
		if (serve_listener_open(&d->listeners[i], addresses[i], anywhere, err))
			break;
		d->listener_count++;
	}
	if (ready && d->listener_count == n) {
		*out = d;
		return 0;
	}
	serve_door_free(d);
	return -1;
}

int serve_door_start(struct serve_door *d, size_t room, serve_door_take *take,
	serve_door_hung_up *hung_up, void *ctx, struct err *err)
{
	d->room = room;
	d->take = take;
	d->hung_up = hung_up;
	d->ctx = ctx;
	if (threads_start(&d->thread, run, d, err))
		return -1;
	d->has_thread = true;
	return 0;
}

int serve_door_port(const struct serve_door *d, int i)
{
	assert(i >= 0 && i < d->listener_count);
	return d->listeners[i].port;
}

void serve_door_close(struct serve_door *d)
{
	if (d->has_thread) {
		uint64_t one = 1;
		ssize_t written = write(d->wake_fd, &one, sizeof one);
		assert(written == (ssize_t)sizeof one);
		(void)pthread_join(d->thread, NULL);
		d->has_thread = false;
	}
	while (d->listener_count > 0)
		serve_listener_close(&d->listeners[--d->listener_count]);
}

void serve_door_free(struct serve_door *d)
{
	if (!d)
		return;
	assert(!d->guests);
	serve_door_close(d);
	if (d->wake_fd >= 0)
		(void)close(d->wake_fd);
	if (d->watch_fd >= 0)
		(void)close(d->watch_fd);
	(void)pthread_mutex_destroy(&d->lock);
	free(d);
}
