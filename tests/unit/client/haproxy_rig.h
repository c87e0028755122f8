/* Rig: the HAProxy driver before a runtime socket that is made up, on a clock that stands still. For
 * test_haproxy*.c alone. */
#ifndef WEIR_TESTS_UNIT_CLIENT_HAPROXY_RIG_H
#define WEIR_TESTS_UNIT_CLIENT_HAPROXY_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/drivers.h"
#include "client/haproxy_note.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/process.h"
#include "tests/lib/runtime.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODE 7
#define DEADLINE_MS 10000

struct heard {
	int events;
	enum driver_event_kind kind;
	struct err err;
	struct answer answer;
	struct snapshot snapshot;
	size_t audit_count;
	struct audit_entry audit[HAPROXY_NOTES_MAX];
};

struct fixture {
	struct runtime fake;
	char dir[64], map[256], pair[256];
	struct driver *driver;
	struct instant now;
	struct heard heard;
};

static inline void hear(void *ctx, const struct driver_event *e)
{
	struct heard *h = ctx;
	assert_int_equal(e->node, NODE);
	h->events++;
	h->kind = e->kind;
	h->err = e->err ? *e->err : (struct err){0};
	if (e->snapshot)
		h->snapshot = *e->snapshot;
	if (e->answer)
		h->answer = *e->answer;
	h->audit_count = e->audit_count;
	for (size_t i = 0; i < e->audit_count; i++)
		h->audit[i] = e->audit[i];
}

static inline int open_target(struct fixture *f, const char *target, struct err *err)
{
	const struct driver_open how = {
		.node = NODE, .target = target, .sink = {hear, &f->heard}, .now = f->now};
	return driver_haproxy.open(&f->driver, &how, err);
}

static inline int set_up(void **state)
{
	struct fixture *f = mem_new(1, sizeof *f);
	const char *base = getenv("TMPDIR");
	snprintf(
		f->dir, sizeof f->dir, "%.40s/hap.XXXXXX", base && strlen(base) < 40 ? base : "/tmp");
	if (!mkdtemp(f->dir))
		return -1;
	setenv("WEIR_LOCK_DIR", f->dir, 1);
	char path[80];
	snprintf(path, sizeof path, "%s/s", f->dir);
	snprintf(f->map, sizeof f->map, "haproxy:%s?map=/m&key=orders&v1=v1&v2=v2&ring=r", path);
	snprintf(f->pair, sizeof f->pair, "haproxy:%s?backend=pair&v1=a&v2=b&ring=r", path);
	f->now = (struct instant){.boot_ms = 1000000, .wall_ms = 1795000500000};
	*state = f;
	return runtime_start(&f->fake, path) ? 0 : -1;
}

/* The lock's name is a hash that only the driver knows. */
static inline void remove_all(const char *dir)
{
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	if (f->driver)
		driver_haproxy.close(f->driver);
	runtime_stop(&f->fake);
	remove_all(f->dir);
	free(f);
	return 0;
}

static inline void set_mode(struct fixture *f, enum runtime_mode mode)
{
	runtime_set(&f->fake, mode);
}

/* Turns until one more event was heard. The driver's clock stands still unless `late`. */
static inline const struct heard *listen_once(struct fixture *f, bool late)
{
	int before = f->heard.events;
	int64_t end_ms = process_clock_ms() + DEADLINE_MS;
	while (f->heard.events == before && process_clock_ms() < end_ms) {
		struct pollfd fd = {.fd = driver_haproxy.fd(f->driver), .events = POLLIN};
		driver_haproxy.turn(f->driver, f->now);
		if (f->heard.events == before)
			poll(&fd, 1, late ? 5 : 100);
		f->now.boot_ms += late ? 1000 : 0;
	}
	assert_int_equal(f->heard.events, before + 1);
	return &f->heard;
}

static inline const struct heard *poll_once(struct fixture *f)
{
	driver_haproxy.poll(f->driver, f->now);
	return listen_once(f, false);
}

static inline const struct snapshot *snapshot_of(struct fixture *f)
{
	const struct heard *h = poll_once(f);
	if (h->kind != DRIVER_SNAPSHOT)
		fail_msg("trouble: %s", h->err.text);
	return &h->snapshot;
}

static inline struct command a_command(const struct fixture *f, enum verb verb, int to_bp)
{
	const struct snapshot *s = &f->heard.snapshot;
	struct command c = {.verb = verb,
		.from_bp = s->share_bp,
		.to_bp = to_bp,
		.strategy = STRATEGY_COUNT,
		.epoch = s->epoch,
		.rev = s->rev,
		.baseline_bp = -1};
	snprintf(c.id, sizeof c.id, "id-%d-%d", verb, to_bp);
	text_copy(c.actor, sizeof c.actor, "ana@db1");
	return c;
}

static inline const struct answer *order(struct fixture *f, const struct command *c, bool late)
{
	driver_haproxy.apply(f->driver, c, f->now);
	const struct heard *h = listen_once(f, late);
	assert_int_equal(h->kind, DRIVER_ANSWER);
	return &h->answer;
}

static inline const struct answer *step(struct fixture *f, int to_bp)
{
	const struct command c = a_command(f, VERB_STEP, to_bp);
	return order(f, &c, false);
}

static inline void open_at(struct fixture *f, const char *target)
{
	struct err err = {0};
	if (open_target(f, target, &err) != 0)
		fail_msg("%s", err.text);
	snapshot_of(f);
}

static inline bool was_asked(struct fixture *f, const char *line)
{
	return runtime_heard(&f->fake, line);
}

#endif
