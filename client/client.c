/* Client: the other ends of one process. It opens them, polls those that are due and passes on
 * what they tell; it judges nothing that they say.
 *
 * 1. A poll is begun only for an entry that the poller gave, and ends with the first SNAPSHOT
 *    or TROUBLE that its driver tells after.
 * 2. The index of an end is its index in the poller.
 * 3. Nothing here waits but client_wait. */
#include "client/client.h"

#include "client/poller.h"
#include "client/transport.h"
#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

struct end {
	struct client *client;
	size_t index;
	uint64_t node;
	const struct driver_ops *ops;
	struct driver *driver;
};

struct client {
	const struct driver_ops *const *schemes;
	struct driver_sink sink;
	struct transport *transport;
	struct poller *poller;
	struct end **ends;
	size_t count, cap;
	int driver_fd; /* epoll of the drivers that have a descriptor; -1: none has */
	bool restless; /* an end that is not on the transport was asked and not yet heard */
};

struct client *client_new(
	const struct driver_ops *const *schemes, struct driver_sink sink, uint64_t seed)
{
	struct client *c = mem_new(1, sizeof(*c));
	c->schemes = schemes;
	c->sink = sink;
	c->transport = transport_new();
	c->poller = poller_new(seed);
	c->driver_fd = -1;
	return c;
}

void client_free(struct client *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->count; i++) {
		c->ends[i]->ops->close(c->ends[i]->driver);
		free(c->ends[i]);
	}
	free(c->ends);
	if (c->driver_fd >= 0)
		close(c->driver_fd);
	poller_free(c->poller);
	transport_free(c->transport);
	free(c);
}

const struct driver_ops *client_scheme(const struct client *c, const char *target)
{
	size_t len = strcspn(target, ":");
	if (target[len] == '\0')
		return NULL;
	for (const struct driver_ops *const *ops = c->schemes; *ops != NULL; ops++)
		if (strncmp((*ops)->scheme, target, len) == 0 && (*ops)->scheme[len] == '\0')
			return *ops;
	return NULL;
}

static struct end *find(const struct client *c, uint64_t node)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->ends[i]->node == node)
			return c->ends[i];
	return NULL;
}

/* What every driver tells comes through here. */
static void pass_on(void *ctx, const struct driver_event *event)
{
	struct end *e = ctx;
	if (event->kind == DRIVER_SNAPSHOT)
		poller_end(e->client->poller, e->index, ERR_NONE, event->at);
	else if (event->kind == DRIVER_TROUBLE)
		poller_end(e->client->poller, e->index, event->err->code, event->at);
	e->client->sink.event(e->client->sink.ctx, event);
}

static int unknown_scheme(const struct client *c, const char *target, struct err *err)
{
	struct text known = {0};
	for (const struct driver_ops *const *ops = c->schemes; *ops != NULL; ops++)
		text_addf(&known, "%s%s:", known.len > 0 ? ", " : "", (*ops)->scheme);
	err_set(err, ERR_CONFIG, "target \"%.120s\" has no known scheme, use one of %s", target,
		text_str(&known));
	text_free(&known);
	return -1;
}

/* Not all that drivers wait for is on the transport. */
static int watch(
	struct client *c, const struct driver_ops *ops, const struct driver *d, struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN};
	if (ops->fd == NULL)
		return 0;
	if (c->driver_fd < 0)
		c->driver_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->driver_fd >= 0 && epoll_ctl(c->driver_fd, EPOLL_CTL_ADD, ops->fd(d), &event) == 0)
		return 0;
	return err_set(err, ERR_SYSTEM, "no descriptor for a driver: %s", strerror(errno));
}

int client_open(
	struct client *c, const struct driver_open *how, int64_t poll_ms, struct err *err)
{
	assert(how->node != 0 && find(c, how->node) == NULL);
	const struct driver_ops *ops = client_scheme(c, how->target);
	if (ops == NULL)
		return unknown_scheme(c, how->target, err);
	struct end *e = mem_new(1, sizeof(*e));
	e->client = c;
	e->index = c->count;
	e->node = how->node;
	e->ops = ops;
	struct driver_open own = *how;
	own.transport = c->transport;
	own.sink = (struct driver_sink){.event = pass_on, .ctx = e};
	if (ops->open(&e->driver, &own, err) != 0) {
		free(e);
		return -1;
	}
	if (watch(c, ops, e->driver, err) != 0) {
		ops->close(e->driver);
		free(e);
		return -1;
	}
	mem_grow(&c->ends, &c->cap, c->count + 1, sizeof(struct end *));
	c->ends[c->count++] = e;
	poller_add(c->poller, poll_ms, how->now);
	return 0;
}

void client_set_interval(struct client *c, uint64_t node, int64_t poll_ms, struct instant now)
{
	const struct end *e = find(c, node);
	if (e != NULL)
		poller_set_interval(c->poller, e->index, poll_ms, now);
}

void client_poll_now(struct client *c, uint64_t node, struct instant now)
{
	const struct end *e = find(c, node);
	if (e != NULL)
		poller_poll_now(c->poller, e->index, now);
}

bool client_apply(
	struct client *c, uint64_t node, const struct command *cmd, struct instant now)
{
	const struct end *e = find(c, node);
	if (e == NULL || e->ops->apply == NULL)
		return false;
	e->ops->apply(e->driver, cmd, now);
	c->restless |= e->ops->turn != NULL;
	return true;
}

bool client_resolve(struct client *c, uint64_t node, const char *intent, struct instant now)
{
	const struct end *e = find(c, node);
	if (e == NULL || e->ops->resolve == NULL)
		return false;
	e->ops->resolve(e->driver, intent, now);
	c->restless |= e->ops->turn != NULL;
	return true;
}

bool client_lease(
	struct client *c, uint64_t node, const struct lease_request *r, struct instant now)
{
	const struct end *e = find(c, node);
	if (e == NULL || e->ops->lease == NULL)
		return false;
	e->ops->lease(e->driver, r, now);
	c->restless |= e->ops->turn != NULL;
	return true;
}

bool client_audit(struct client *c, uint64_t node, int64_t since, struct instant now)
{
	const struct end *e = find(c, node);
	if (e == NULL || e->ops->audit == NULL)
		return false;
	e->ops->audit(e->driver, since, now);
	c->restless |= e->ops->turn != NULL;
	return true;
}

unsigned client_capabilities(const struct client *c, uint64_t node)
{
	const struct end *e = find(c, node);
	return e != NULL ? e->ops->capabilities : 0;
}

struct driver *client_driver(struct client *c, uint64_t node)
{
	const struct end *e = find(c, node);
	return e != NULL ? e->driver : NULL;
}

void client_wait(struct client *c, struct wait_fd *extra, size_t count, int64_t timeout_ms,
	struct instant now)
{
	struct wait_fd all[CLIENT_EXTRA_MAX + 1];
	int64_t due_ms = client_due_ms(c, now);
	size_t n = 0;
	assert(count <= CLIENT_EXTRA_MAX);
	for (; n < count; n++)
		all[n] = extra[n];
	if (c->driver_fd >= 0)
		all[n++] = (struct wait_fd){.fd = c->driver_fd};
	transport_wait(c->transport, all, n, due_ms < timeout_ms ? due_ms : timeout_ms);
	for (size_t i = 0; i < count; i++)
		extra[i].ready = all[i].ready;
}

void client_turn(struct client *c, struct instant now)
{
	c->restless = false;
	for (size_t i; (i = poller_begin(c->poller, now)) != POLLER_NONE;)
		c->ends[i]->ops->poll(c->ends[i]->driver, now);
	for (size_t i = 0; i < c->count; i++)
		if (c->ends[i]->ops->turn != NULL)
			c->ends[i]->ops->turn(c->ends[i]->driver, now);
	transport_turn(c->transport, now);
}

int64_t client_due_ms(const struct client *c, struct instant now)
{
	return c->restless ? 0 : poller_due_ms(c->poller, now);
}

int64_t client_retry_ms(const struct client *c, uint64_t node, struct instant now)
{
	const struct end *e = find(c, node);
	return e != NULL ? poller_retry_ms(c->poller, e->index, now) : UNKNOWN;
}
