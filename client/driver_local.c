/* Driver of `local:`: the embedded engine in this process, by function calls. What a pool across
 * a network would read of a command, and what its answer would mean, is the wire's word.
 *
 * Invariants:
 * 1. What was asked is done when it is asked; what came of it is told in `turn`, in that order.
 * 2. An event's data lives only during the event. */
#include "client/drivers.h"

#include "client/engine/engine.h"
#include "client/engine/environment.h"
#include "client/serve_shape.h"
#include "client/wire.h"
#include "model/mem.h"
#include "model/scenario.h"
#include "model/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "local:"
#define AUDIT_PAGE 1000

/* What `turn` has to tell. */
struct news {
	enum driver_event_kind kind;
	char intent[DECISION_ID_MAX];
	enum verb verb;
	struct answer answer;
	int64_t since;  /* AUDIT */
	int64_t ttl_ms; /* LEASE */
};

struct driver {
	uint64_t node;
	struct driver_sink sink;
	struct engine *engine;
	struct news *news;
	size_t count, cap;
	bool is_polling;
};

static int start(struct engine **out, const struct scenario *s, char *query, struct err *err)
{
	struct serve_shape shape = {.engine = {.scenario = s, .strategy = STRATEGY_CANARY}};
	if (query && serve_shape_query(&shape, query, err))
		return -1;
	return environment_apply(&shape.engine, err) || engine_start(out, &shape.engine, err) ? -1
																						  : 0;
}

static int open_local(struct driver **out, const struct driver_open *how, struct err *err)
{
	if (strncmp(how->target, PREFIX, strlen(PREFIX)) != 0)
		return err_set(err, ERR_CONFIG, "\"%s\" does not begin with local:", how->target);
	/* SCENARIO?SETTING&SETTING: what a query says goes before the scenario's own. */
	char *name = mem_copy(how->target + strlen(PREFIX)), *query = name;
	const struct scenario *s = how->scenario;
	struct engine *engine = NULL;
	strsep(&query, "?");
	if (s || !name[0] || (s = scenario_find(name)))
		start(&engine, s, query, err);
	else
		err_set(err, ERR_CONFIG, "no scenario is called \"%s\"; use local:demo or local:quiet",
			name);
	free(name);
	if (!engine)
		return err_prefix(err, "\"%s\"", how->target);
	struct driver *d = mem_new(1, sizeof *d);
	d->node = how->node;
	d->sink = how->sink;
	d->engine = engine;
	*out = d;
	return 0;
}

static struct news *add_news(struct driver *d, enum driver_event_kind kind)
{
	mem_grow(&d->news, &d->cap, d->count + 1, sizeof *d->news);
	struct news *n = &d->news[d->count++];
	*n = (struct news){.kind = kind};
	return n;
}

static void poll_local(struct driver *d, struct instant now)
{
	(void)now;
	if (!d->is_polling)
		add_news(d, DRIVER_SNAPSHOT);
	d->is_polling = true;
}

static void apply_local(struct driver *d, const struct command *c, struct instant now)
{
	(void)now;
	struct control_request r;
	struct control_answer a = {.status = 400,
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.share_bp = -1,
		.changed_age_ms = UNKNOWN};
	struct err err = {0};
	if (wire_request(&r, c, &err) == 0)
		engine_change(d->engine, &r, &a);
	else
		text_copy(a.message, sizeof a.message, err.text);

	struct news *n = add_news(d, DRIVER_ANSWER);
	text_copy(n->intent, sizeof n->intent, c->id);
	n->verb = c->verb;
	wire_take_answer(&n->answer, &a, c);
	n->answer.latency_ms = 0;
}

static void resolve_local(struct driver *d, const char *intent, struct instant now)
{
	(void)now;
	struct control_answer a;
	enum intent_fate fate = engine_intent(d->engine, intent, true, &a);
	struct news *n = add_news(d, DRIVER_RESOLVED);
	text_copy(n->intent, sizeof n->intent, intent);
	wire_take_fate(&n->answer, fate, &a);
	n->answer.latency_ms = 0;
}

static void lease_local(struct driver *d, const struct lease_request *r, struct instant now)
{
	(void)now;
	struct control_answer a;
	engine_lease(d->engine, r, &a);
	struct news *n = add_news(d, DRIVER_LEASE);
	n->ttl_ms = r->ttl_ms;
	wire_take_answer(&n->answer, &a, NULL);
	n->answer.latency_ms = 0;
}

static void audit_local(struct driver *d, int64_t since, struct instant now)
{
	(void)now;
	add_news(d, DRIVER_AUDIT)->since = since;
}

static void tell(struct driver *d, const struct news *n, struct instant now)
{
	struct driver_event e = {.kind = n->kind, .node = d->node, .at = now};
	void *data = NULL;
	if (n->kind == DRIVER_SNAPSHOT) {
		struct snapshot *s = data = mem_new(1, sizeof *s);
		engine_snapshot(d->engine, s);
		e.snapshot = s;
		d->is_polling = false;
	} else if (n->kind == DRIVER_AUDIT) {
		struct audit_entry *entries = data = mem_new(AUDIT_PAGE, sizeof *entries);
		e.audit_count = engine_audit(d->engine, n->since, entries, AUDIT_PAGE);
		e.audit = entries;
	} else {
		e.intent = n->intent;
		e.verb = n->verb;
		e.answer = &n->answer;
		e.ttl_ms = n->ttl_ms;
	}
	d->sink.event(d->sink.ctx, &e);
	free(data);
}

static void turn_local(struct driver *d, struct instant now)
{
	/* The sink may ask for more; that is told in the next turn. */
	struct news *news = d->news;
	size_t count = d->count;
	d->news = NULL;
	d->count = d->cap = 0;
	for (size_t i = 0; i < count; i++)
		tell(d, &news[i], now);
	free(news);
}

static void close_local(struct driver *d)
{
	engine_stop(d->engine);
	free(d->news);
	free(d);
}

const struct driver_ops driver_local = {
	.scheme = "local",
	.capabilities = CAPABILITY_COMPARE_AND_SET | CAPABILITY_KEYS | CAPABILITY_BASELINE |
		CAPABILITY_SESSIONS | CAPABILITY_QUANTILES | CAPABILITY_AUDIT | CAPABILITY_COMMANDS,
	.help = "local:[SCENARIO]  the embedded engine in this process",
	.open = open_local,
	.poll = poll_local,
	.apply = apply_local,
	.resolve = resolve_local,
	.lease = lease_local,
	.audit = audit_local,
	.turn = turn_local,
	.close = close_local,
};
