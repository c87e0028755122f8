/* Drivers of `local:` and `sim:`: the embedded engine in this process, by function calls; on its own
 * threads and the real clock, or simulated on the clock of whoever turns it. What a pool across a
 * network would read of a command, and what its answer would mean, is the wire's word.
 *
 * Invariants:
 * 1. What was asked is done when it is asked; what came of it is told in `turn`, in that order.
 * 2. An event's data lives only during the event.
 * 3. A simulated engine has lived up to the moment of the call when anything is asked of it. */
#include "client/drivers.h"

#include "client/engine/engine.h"
#include "client/engine/environment.h"
#include "client/engine/operations.h"
#include "client/engine/sim.h"
#include "client/serve_shape.h"
#include "client/wire.h"
#include "model/mem.h"
#include "model/scenario.h"
#include "model/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "local:"
#define SIM_PREFIX "sim:"
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

/* What an engine can be asked, however its time passes. */
struct works {
	void (*advance)(void *end, struct instant now);
	void (*change)(
		void *end, const struct control_request *request, struct control_answer *out);
	void (*lease)(void *end, const struct lease_request *request, struct control_answer *out);
	enum intent_fate (*intent)(
		void *end, const char *key, bool make_void, struct control_answer *out);
	size_t (*audit)(void *end, int64_t since, struct audit_entry *out, size_t max);
	void (*snapshot)(void *end, struct snapshot *out);
	void (*stop)(void *end);
};

struct driver {
	uint64_t node;
	struct driver_sink sink;
	const struct works *works;
	void *end; /* the engine */
	struct news *news;
	size_t count, cap;
	bool is_polling;
};

/* ---- on threads ---- */

static void engine_advance(void *end, struct instant now)
{
	(void)end, (void)now; /* its time passes by itself */
}

static void change_engine(
	void *end, const struct control_request *request, struct control_answer *out)
{
	engine_change(end, request, out);
}

static void lease_engine(
	void *end, const struct lease_request *request, struct control_answer *out)
{
	engine_lease(end, request, out);
}

static enum intent_fate intent_engine(
	void *end, const char *key, bool make_void, struct control_answer *out)
{
	return engine_intent(end, key, make_void, out);
}

static size_t audit_engine(void *end, int64_t since, struct audit_entry *out, size_t max)
{
	return engine_audit(end, since, out, max);
}

static void snapshot_engine(void *end, struct snapshot *out)
{
	engine_snapshot(end, out);
}

static void stop_engine(void *end)
{
	engine_stop(end);
}

static const struct works on_threads = {engine_advance, change_engine, lease_engine,
	intent_engine, audit_engine, snapshot_engine, stop_engine};

/* Who an engine is: it lives and ends with this process, so all that is the same from one run to
 * the next is what its pool is called, whichever others are there. */
static void identify(
	char pool[POOL_ID_MAX], char node[POOL_ID_MAX], const struct driver_open *open)
{
	unsigned k = (unsigned)(open->node & 0xffff);
	text_copy(pool, POOL_ID_MAX, open->pool ? open->pool : "local");
	snprintf(node, POOL_ID_MAX, k > 0 ? "%.58s.%u" : "%s", pool, k + 1);
}

static int start_engine(void **out, const struct driver_open *open, const struct scenario *s,
	char *query, struct err *err)
{
	struct engine *engine;
	char pool_id[POOL_ID_MAX], node[POOL_ID_MAX];
	identify(pool_id, node, open);
	struct serve_shape shape = {
		.engine = {
			.pool_id = pool_id, .node = node, .scenario = s, .strategy = STRATEGY_CANARY}};
	if (query && serve_shape_query(&shape, query, err))
		return -1;
	if (environment_apply(&shape.engine, err) || engine_start(&engine, &shape.engine, err))
		return -1;
	*out = engine;
	return 0;
}

/* ---- simulated ---- */

/* It begins at the moment of its opening, and is told of each later one. */
struct simulated {
	struct sim *sim;
	int64_t told_ms;
};

static void advance_sim(void *end, struct instant now)
{
	struct simulated *s = end;
	if (now.boot_ms > s->told_ms)
		sim_run(s->sim, now.boot_ms - s->told_ms);
	s->told_ms = now.boot_ms > s->told_ms ? now.boot_ms : s->told_ms;
}

static void change_sim(
	void *end, const struct control_request *request, struct control_answer *out)
{
	sim_change(((struct simulated *)end)->sim, request, out);
}

static void lease_sim(
	void *end, const struct lease_request *request, struct control_answer *out)
{
	sim_lease(((struct simulated *)end)->sim, request, out);
}

static enum intent_fate intent_sim(
	void *end, const char *key, bool make_void, struct control_answer *out)
{
	return sim_intent(((struct simulated *)end)->sim, key, make_void, out);
}

static size_t audit_sim(void *end, int64_t since, struct audit_entry *out, size_t max)
{
	return sim_audit(((struct simulated *)end)->sim, since, out, max);
}

static void snapshot_sim(void *end, struct snapshot *out)
{
	sim_snapshot(((struct simulated *)end)->sim, out);
}

static void stop_sim(void *end)
{
	struct simulated *s = end;
	sim_free(s->sim);
	free(s);
}

static const struct works in_simulation = {
	advance_sim, change_sim, lease_sim, intent_sim, audit_sim, snapshot_sim, stop_sim};

static int start_sim(void **out, const struct scenario *s, struct instant now, struct err *err)
{
	const struct sim_options how = {.pool = s->name,
		.work = {.scenario = s, .seed = s->seed},
		.strategy = STRATEGY_CANARY,
		.start = now};
	struct sim *sim;
	if (sim_new(&sim, &how, err) < 0)
		return -1;
	struct simulated *end = mem_new(1, sizeof *end);
	*end = (struct simulated){sim, now.boot_ms};
	*out = end;
	return 0;
}

/* ---- opening ---- */

static struct driver *driver_new(
	const struct driver_open *how, const struct works *works, void *end)
{
	struct driver *d = mem_new(1, sizeof *d);
	d->node = how->node;
	d->sink = how->sink;
	d->works = works;
	d->end = end;
	return d;
}

static int open_local(struct driver **out, const struct driver_open *how, struct err *err)
{
	if (strncmp(how->target, PREFIX, strlen(PREFIX)) != 0)
		return err_set(err, ERR_CONFIG, "\"%s\" does not begin with local:", how->target);
	/* SCENARIO?SETTING&SETTING: what a query says goes before the scenario's own. */
	char *name = mem_copy(how->target + strlen(PREFIX)), *query = name;
	const struct scenario *s = how->scenario;
	void *engine = NULL;
	strsep(&query, "?");
	if (s || !name[0] || (s = scenario_find(name)))
		start_engine(&engine, how, s, query, err);
	else
		err_set(err, ERR_CONFIG, "no scenario is called \"%s\"; use local:demo or local:quiet",
			name);
	free(name);
	if (!engine)
		return err_prefix(err, "\"%s\"", how->target);
	*out = driver_new(how, &on_threads, engine);
	return 0;
}

static int open_sim(struct driver **out, const struct driver_open *how, struct err *err)
{
	const char *name = how->target + strlen(SIM_PREFIX);
	const struct scenario *s = how->scenario ? how->scenario : scenario_find(name);
	void *end;
	if (!s)
		return err_set(err, ERR_CONFIG, "no scenario is called \"%s\"", name);
	if (start_sim(&end, s, how->now, err) < 0)
		return err_prefix(err, "\"%s\"", how->target);
	*out = driver_new(how, &in_simulation, end);
	return 0;
}

int driver_local_plays(const struct scenario *s, struct err *err)
{
	return operations_play(operations_builtin(), s, err);
}

bool driver_local_does(const char *operation)
{
	enum operation o = operation_of(operation);
	return o == OPERATION_SPIN || o == OPERATION_SLEEP || o == OPERATION_PREDICT ||
		o == OPERATION_ECHO;
}

/* ---- what is asked ---- */

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
	d->works->advance(d->end, now);
	struct control_request r;
	struct control_answer a = {.status = 400,
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.share_bp = -1,
		.changed_age_ms = UNKNOWN};
	struct err err = {0};
	if (wire_request(&r, c, &err) == 0)
		d->works->change(d->end, &r, &a);
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
	struct control_answer a;
	d->works->advance(d->end, now);
	enum intent_fate fate = d->works->intent(d->end, intent, true, &a);
	struct news *n = add_news(d, DRIVER_RESOLVED);
	text_copy(n->intent, sizeof n->intent, intent);
	wire_take_fate(&n->answer, fate, &a);
	n->answer.latency_ms = 0;
}

static void lease_local(struct driver *d, const struct lease_request *r, struct instant now)
{
	struct control_answer a;
	d->works->advance(d->end, now);
	d->works->lease(d->end, r, &a);
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
		d->works->snapshot(d->end, s);
		e.snapshot = s;
		d->is_polling = false;
	} else if (n->kind == DRIVER_AUDIT) {
		struct audit_entry *entries = data = mem_new(AUDIT_PAGE, sizeof *entries);
		e.audit_count = d->works->audit(d->end, n->since, entries, AUDIT_PAGE);
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
	d->works->advance(d->end, now);
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
	d->works->stop(d->end);
	free(d->news);
	free(d);
}

#define EMBEDDED \
	.capabilities = CAPABILITY_COMPARE_AND_SET | CAPABILITY_KEYS | CAPABILITY_BASELINE | \
		CAPABILITY_SESSIONS | CAPABILITY_QUANTILES | CAPABILITY_AUDIT | CAPABILITY_COMMANDS, \
	.poll = poll_local, .apply = apply_local, .resolve = resolve_local, .lease = lease_local, \
	.audit = audit_local, .turn = turn_local, .close = close_local

const struct driver_ops driver_local = {
	.scheme = "local",
	.help = "local:[SCENARIO]  the embedded engine in this process",
	.open = open_local,
	EMBEDDED,
};

const struct driver_ops driver_sim = {
	.scheme = "sim",
	.help = "sim:[SCENARIO]  the embedded engine on a virtual clock",
	.open = open_sim,
	EMBEDDED,
};
