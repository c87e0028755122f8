/* Driver pool bed: the pool driver at a server that answers what a test says. */
#ifndef WEIR_TESTS_UNIT_CLIENT_DRIVER_POOL_BED_H
#define WEIR_TESTS_UNIT_CLIENT_DRIVER_POOL_BED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/drivers.h"
#include "client/transport.h"
#include "client/wire.h"
#include "model/mem.h"
#include "tests/lib/hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODE 7
#define DEADLINE_MS 10000
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* What the sink heard last. */
struct heard {
	int events;
	enum driver_event_kind kind;
	enum verb verb;
	struct err err;
	bool has_err;
	char intent[DECISION_ID_MAX];
	struct answer answer;
	int64_t seq;
	int share_bp;
	size_t audit_count;
	char audit_actor[POOL_ACTOR_MAX];
	int64_t ttl_ms;
};

struct fixture {
	struct hostile *server;
	struct transport *transport;
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
	h->verb = e->verb;
	h->has_err = e->err != NULL;
	if (e->err != NULL)
		h->err = *e->err;
	if (e->intent != NULL)
		text_copy(h->intent, sizeof(h->intent), e->intent);
	if (e->answer != NULL)
		h->answer = *e->answer;
	if (e->snapshot != NULL) {
		h->seq = e->snapshot->seq;
		h->share_bp = e->snapshot->share_bp;
	}
	h->ttl_ms = e->ttl_ms;
	h->audit_count = e->audit_count;
	if (e->audit_count > 0)
		text_copy(h->audit_actor, sizeof(h->audit_actor), e->audit[0].actor);
}

static inline int open_target(
	struct fixture *f, const char *target, const char *token, struct err *err)
{
	struct driver_open how = {
		.node = NODE,
		.target = target,
		.token = token,
		.transport = f->transport,
		.sink = {.event = hear, .ctx = &f->heard},
		.now = f->now,
	};
	return driver_http.open(&f->driver, &how, err);
}

static inline void begin(struct fixture *f, enum hostile_mode mode)
{
	*f = (struct fixture){.now = {.boot_ms = 100000, .wall_ms = 1763733600000}};
	f->server = hostile_start(mode, NULL);
	f->transport = transport_new();
	assert_int_equal(open_target(f, hostile_target(f->server), "secret", NULL), 0);
}

static inline void end(struct fixture *f)
{
	int events = f->heard.events;
	driver_http.close(f->driver);
	transport_turn(f->transport, f->now);
	transport_free(f->transport);
	hostile_stop(f->server);
	assert_int_equal(f->heard.events, events);
}

/* Turns until one more event was heard. */
static inline const struct heard *listen_once(struct fixture *f)
{
	int before = f->heard.events;
	int64_t end_ms = hostile_clock_ms() + DEADLINE_MS;
	while (f->heard.events == before && hostile_clock_ms() < end_ms) {
		transport_turn(f->transport, f->now);
		if (f->heard.events == before)
			transport_wait(f->transport, NULL, 0, 100);
	}
	assert_int_equal(f->heard.events, before + 1);
	return &f->heard;
}

static inline const struct heard *poll_once(struct fixture *f)
{
	driver_http.poll(f->driver, f->now);
	return listen_once(f);
}

static inline void script_state(struct fixture *f, const char *boot_id, int64_t seq)
{
	struct snapshot *s = mem_new(1, sizeof(*s));
	struct text body = {0};
	text_copy(s->pool_id, sizeof(s->pool_id), "pay-1");
	text_copy(s->pool, sizeof(s->pool), "pay");
	text_copy(s->node, sizeof(s->node), "pay");
	text_copy(s->node_id, sizeof(s->node_id), "n1");
	text_copy(s->boot_id, sizeof(s->boot_id), boot_id);
	text_copy(s->build, sizeof(s->build), "1.0");
	text_copy(s->audit_head, sizeof(s->audit_head), "0");
	s->seq = seq;
	s->epoch = 3;
	s->rev = 4;
	s->strategy = STRATEGY_CANARY;
	s->share_bp = 2500;
	s->unit_ms = 30000;
	wire_write_state(&body, s);
	hostile_script(f->server, 200, text_str(&body));
	text_free(&body);
	free(s);
}

/* ---- commands ---- */

static inline struct command step(void)
{
	struct command c = {
		.id = "0199-step",
		.verb = VERB_STEP,
		.from_bp = 1000,
		.to_bp = 2500,
		.strategy = STRATEGY_COUNT,
		.epoch = 3,
		.rev = 4,
		.actor = "alice@web2",
	};
	return c;
}

#define REFUSAL(word) "{\"error\":\"" word "\",\"message\":\"no\",\"epoch\":3,\"rev\":5}"

/* ---- the way of a brake ---- */

static inline struct command brake(enum verb verb, const char *id)
{
	struct command c = step();
	c.verb = verb;
	text_copy(c.id, sizeof(c.id), id);
	return c;
}

#endif
