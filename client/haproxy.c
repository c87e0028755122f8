/* The driver of haproxy: and haproxy://. It polls, and tells what came back; what is asked for a
 * change is haproxy_change.c's. Every socket of it is in one epoll, whose descriptor the desk waits
 * for.
 *
 * 1. A poll is one question, and one is under way at most.
 * 2. An old process, which a reload has left behind, is never believed.
 * 3. Looking writes nothing: a poll asks with `show` alone. */
#define _GNU_SOURCE
#include "client/drivers.h"

#include "client/haproxy_parts.h"
#include "model/mem.h"
#include "model/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

void haproxy_tell(const struct driver *d, const struct driver_event *event)
{
	d->sink.event(d->sink.ctx, event);
}

/* ---- open and close ---- */

static void close_haproxy(struct driver *d)
{
	haproxy_session_free(d->poll);
	haproxy_change_forget(d);
	haproxy_ring_free(d->ring);
	if (d->timer_fd >= 0)
		close(d->timer_fd);
	if (d->epoll_fd >= 0)
		close(d->epoll_fd);
	free(d->target);
	free(d->view);
	free(d->snapshot);
	free(d);
}

static int open_fds(struct driver *d, struct err *err)
{
	d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	d->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN, .data = {.fd = d->timer_fd}};
	if (d->epoll_fd < 0 || d->timer_fd < 0 ||
		epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, d->timer_fd, &event) != 0)
		return err_set(
			err, ERR_SYSTEM, "no descriptor for \"%s\": %s", d->target, strerror(errno));
	return 0;
}

static int read_target(struct driver *d, struct err *err)
{
	if (haproxy_target_read(&d->where, d->target, err) != 0)
		return -1;
	if (d->where.way != HAPROXY_LOOK)
		return 0;
	return err_set(err, ERR_CONFIG,
		"target \"%.160s\" names no split: weir doctor '%.100s' lists what it could be",
		d->target, d->target);
}

static int open_haproxy(struct driver **out, const struct driver_open *how, struct err *err)
{
	struct driver *d = mem_new(1, sizeof(*d));
	d->node = how->node;
	d->sink = how->sink;
	d->target = mem_copy(how->target);
	d->epoll_fd = d->timer_fd = -1;
	if (read_target(d, err) != 0 || open_fds(d, err) != 0) {
		close_haproxy(d);
		return -1;
	}
	d->view = mem_new(1, sizeof(*d->view));
	d->snapshot = mem_new(1, sizeof(*d->snapshot));
	d->ring = haproxy_ring_new(d->epoll_fd, &d->where);
	*out = d;
	return 0;
}

/* ---- polling ---- */

static void tell_trouble(const struct driver *d, const struct err *err, struct instant now)
{
	haproxy_tell(d,
		&(struct driver_event){.kind = DRIVER_TROUBLE, .node = d->node, .at = now, .err = err});
}

static void take_view(struct driver *d, struct haproxy_view *v, struct instant now)
{
	bool reloaded = haproxy_boot_see(&d->boot, v, now);
	free(d->view);
	d->view = v;
	haproxy_ring_see(d->ring, v, reloaded, now);
	haproxy_snapshot_make(d->snapshot, &d->boot, &d->where, v, now);
	haproxy_ring_fill(d->ring, d->snapshot);
	haproxy_tell(d,
		&(struct driver_event){
			.kind = DRIVER_SNAPSHOT, .node = d->node, .at = now, .snapshot = d->snapshot});
}

static int read_view(struct driver *d, struct haproxy_view *v, struct err *err)
{
	if (haproxy_view_read(v, d->poll, 0, &d->where, err) != 0)
		return err_prefix(err, "\"%s\"", d->target);
	if (v->info.stopping)
		return err_set(
			err, ERR_REPLAYED, "\"%s\" is still answered by an old process", d->target);
	return 0;
}

static void turn_poll(struct driver *d, struct instant now)
{
	struct err err = {0};
	enum haproxy_progress progress =
		d->poll != NULL ? haproxy_session_turn(d->poll, now) : HAPROXY_WAITS;
	if (progress == HAPROXY_WAITS)
		return;
	struct haproxy_view *v = mem_new(1, sizeof(*v));
	int rc = -1;
	if (progress == HAPROXY_FAILED)
		err = *haproxy_session_err(d->poll);
	else
		rc = read_view(d, v, &err);
	haproxy_session_free(d->poll);
	d->poll = NULL;
	if (rc == 0) {
		take_view(d, v, now);
		return;
	}
	free(v);
	tell_trouble(d, &err, now);
}

static void poll_haproxy(struct driver *d, struct instant now)
{
	if (d->poll != NULL)
		return;
	d->poll = haproxy_session_new(d->epoll_fd, &d->where, false, HAPROXY_TIMEOUT_MS, now);
	haproxy_view_ask(d->poll, &d->where);
}

/* ---- the notes as a log ---- */

static void audit_haproxy(struct driver *d, int64_t since, struct instant now)
{
	(void)now;
	d->asks_audit = true;
	d->audit_since = since;
}

static void tell_audit(struct driver *d, struct instant now)
{
	struct audit_entry *entries = mem_new(HAPROXY_NOTES_MAX, sizeof(*entries));
	d->asks_audit = false;
	size_t count = haproxy_snapshot_audit(entries, d->view, d->audit_since, now);
	haproxy_tell(d,
		&(struct driver_event){.kind = DRIVER_AUDIT,
			.node = d->node,
			.at = now,
			.audit = entries,
			.audit_count = count});
	free(entries);
}

/* ---- turns ---- */

/* Wakes the desk for what comes with time alone. */
static void set_timer(const struct driver *d, struct instant now)
{
	int64_t due_ms = haproxy_change_due_ms(d, now);
	int64_t poll_ms = d->poll != NULL ? haproxy_session_left_ms(d->poll, now) : INT64_MAX;
	due_ms = poll_ms < due_ms ? poll_ms : due_ms;
	struct itimerspec at = {0};
	if (due_ms != INT64_MAX) {
		due_ms = due_ms > 0 ? due_ms : 1;
		at.it_value.tv_sec = (time_t)(due_ms / 1000);
		at.it_value.tv_nsec = (long)(due_ms % 1000) * 1000000;
	}
	(void)timerfd_settime(d->timer_fd, 0, &at, NULL);
}

static void turn_haproxy(struct driver *d, struct instant now)
{
	if (d->asks_audit)
		tell_audit(d, now);
	haproxy_change_turn(d, now);
	turn_poll(d, now);
	haproxy_ring_turn(d->ring, now);
	set_timer(d, now);
}

static void apply_haproxy(struct driver *d, const struct command *c, struct instant now)
{
	haproxy_apply(d, c, now);
	set_timer(d, now);
}

static void resolve_haproxy(struct driver *d, const char *intent, struct instant now)
{
	haproxy_resolve(d, intent, now);
	set_timer(d, now);
}

static int fd_of_haproxy(const struct driver *d)
{
	return d->epoll_fd;
}

const struct driver_ops driver_haproxy = {
	.scheme = "haproxy",
	.capabilities = CAPABILITY_COMMANDS,
	.help = "haproxy:PATH?map=FILE&key=KEY&v1=BACKEND&v2=BACKEND: a running HAProxy",
	.open = open_haproxy,
	.poll = poll_haproxy,
	.apply = apply_haproxy,
	.resolve = resolve_haproxy,
	.audit = audit_haproxy,
	.turn = turn_haproxy,
	.fd = fd_of_haproxy,
	.close = close_haproxy,
};
