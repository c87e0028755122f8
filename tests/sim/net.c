/* Net: calls under way, requests and answers as messages. Not HTTP: what a socket and the wire
 * make of a message is tested elsewhere; commands are read and answered by the wire's rules
 * (wire_request, wire_take_answer).
 *
 * 1. A call is told once: its answer, or that none came within 3 s.
 * 2. An answer that is too late, or of a desk that has died, is told to nobody. */
#include "tests/sim/net.h"

#include "client/engine/control.h"
#include "client/wire.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/sim/hostile.h"
#include "tests/sim/node.h"
#include "tests/sim/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 3000
#define AUDIT_PAGE 100
#define CALLS_MAX 256

/* What travels to a node. */
struct request {
	int desk, node;
	uint64_t call;
	bool stray;                  /* a copy of it: nobody waits for an answer */
	enum driver_event_kind kind; /* of the answer */
	struct command command;
	struct lease_request lease;
	char intent[DECISION_ID_MAX];
	int64_t since;
};

/* And back. */
struct reply {
	int desk, node;
	uint64_t call;
	bool trouble;
	int64_t made_ms;
	struct answer answer;
	struct snapshot *document;
	struct audit_entry *entries;
	size_t entry_count;
};

struct call {
	uint64_t id;
	enum driver_event_kind kind;
	char intent[DECISION_ID_MAX];
	enum verb verb;
	int64_t ttl_ms;
	int64_t sent_ms, deadline_ms;
	struct reply *reply; /* it has come; NULL */
};

struct driver {
	int desk, k;
	uint64_t node;
	struct driver_sink sink;
	struct call *calls;
	size_t count, cap;
};

/* Those of the desks that live. */
static struct driver *drivers[SIM_DESKS_MAX][SIM_NODES_MAX];

static void free_reply(struct reply *r)
{
	if (!r)
		return;
	free(r->document);
	free(r->entries);
	free(r);
}

/* ---- the desk's end ---- */

static int open_net(struct driver **out, const struct driver_open *how, struct err *err)
{
	(void)err;
	struct driver *d = mem_new(1, sizeof *d);
	d->desk = sim_world()->opening;
	d->k = how->target[4] - '0';
	d->node = how->node;
	d->sink = how->sink;
	*out = drivers[d->desk][d->k] = d;
	return 0;
}

static void close_net(struct driver *d)
{
	drivers[d->desk][d->k] = NULL;
	for (size_t i = 0; i < d->count; i++)
		free_reply(d->calls[i].reply);
	free(d->calls);
	free(d);
}

static int64_t travel(struct sim *s)
{
	int64_t most = s->weather.delay_ms;
	if (sim_has(s, FAULT_DELAY) && !s->calm &&
		sim_chance(&s->random_fault[FAULT_DELAY], s->weather.rate[FAULT_DELAY]))
		most = 4000;
	return 1 + (int64_t)sim_draw(&s->random_net, (uint64_t)most);
}

static bool happens(struct sim *s, enum trouble f)
{
	bool yes = sim_has(s, f) && !s->calm && sim_chance(&s->random_fault[f], s->weather.rate[f]);
	if (yes)
		s->kinds |= 1u << f;
	return yes;
}

static void post(struct sim *s, const struct request *r, int64_t delay_ms)
{
	struct request *copy = mem_new(1, sizeof *copy);
	*copy = *r;
	s->messages++;
	sim_at(s, s->now.boot_ms + delay_ms, SIM_REQUEST, r->desk, r->node, copy, 0);
}

static struct call *begin(struct driver *d, struct request *r, enum driver_event_kind kind)
{
	struct sim *s = sim_world();
	if (!sim_lives(s, d->desk))
		return NULL;
	mem_grow(&d->calls, &d->cap, d->count + 1, sizeof *d->calls);
	struct call *c = &d->calls[d->count++];
	if (d->count > CALLS_MAX)
		sim_fail(s, "I11 %zu calls of desk %d are under way", d->count, d->desk);
	*c = (struct call){.id = ++s->serial,
		.kind = kind,
		.sent_ms = s->now.boot_ms,
		.deadline_ms = s->now.boot_ms + TIMEOUT_MS};
	r->desk = d->desk;
	r->node = d->k;
	r->call = c->id;
	r->kind = kind;
	if (s->node[d->k].cut[d->desk])
		return c;
	if (!happens(s, FAULT_LOSS)) {
		post(s, r, travel(s));
	} else if (kind == DRIVER_ANSWER && happens(s, FAULT_STRAY)) {
		/* Not lost after all: it comes when nobody waits for it any more. */
		struct request late = *r;
		late.stray = true;
		post(s, &late, 1000 + (int64_t)sim_draw(&s->random_fault[FAULT_STRAY], 60000));
	}
	return c;
}

static void poll_net(struct driver *d, struct instant now)
{
	(void)now;
	struct request r = {0};
	begin(d, &r, DRIVER_SNAPSHOT);
}

static void apply_net(struct driver *d, const struct command *command, struct instant now)
{
	(void)now;
	struct sim *s = sim_world();
	struct request r = {.command = *command};
	if (s->desk[d->desk].dead)
		return;
	struct call *c = begin(d, &r, DRIVER_ANSWER);
	if (!c)
		return;
	oracle_sent(s, d->desk, d->k, command);
	sim_note(s, "desk %d sends %s %s to %d at node %d (%lld.%lld)", d->desk,
		verb_row(command->verb)->word, command->id + 24, command->to_bp, d->k,
		(long long)command->epoch % 100000, (long long)command->rev);
	text_copy(c->intent, sizeof c->intent, command->id);
	c->verb = command->verb;
}

static void resolve_net(struct driver *d, const char *intent, struct instant now)
{
	(void)now;
	struct request r = {0};
	text_copy(r.intent, sizeof r.intent, intent);
	struct call *c = begin(d, &r, DRIVER_RESOLVED);
	if (c)
		text_copy(c->intent, sizeof c->intent, intent);
}

static void lease_net(struct driver *d, const struct lease_request *lease, struct instant now)
{
	(void)now;
	struct request r = {.lease = *lease};
	struct call *c = begin(d, &r, DRIVER_LEASE);
	if (c)
		c->ttl_ms = lease->ttl_ms;
}

static void audit_net(struct driver *d, int64_t since, struct instant now)
{
	(void)now;
	struct request r = {.since = since};
	begin(d, &r, DRIVER_AUDIT);
}

static void tell(struct driver *d, struct call *c, struct instant now)
{
	struct sim *s = sim_world();
	struct driver_event e = {.kind = c->kind, .node = d->node, .at = now};
	struct reply *r = c->reply;
	struct answer lost = {
		.kind = ANSWER_LOST, .epoch = UNKNOWN, .rev = UNKNOWN, .share_bp = -1};
	struct err err;
	bool trouble = !r || r->trouble;
	err_set(&err, r ? ERR_UNREACHABLE : ERR_SLOW, "'net:%d' gave no answer", d->k);
	lost.err = err;
	if (r && r->trouble)
		lost.kind = ANSWER_NOT_SENT;
	e.intent = c->intent;
	e.verb = c->verb;
	e.ttl_ms = c->ttl_ms;
	e.answer = trouble ? &lost : &r->answer;
	if (r)
		r->answer.latency_ms = now.boot_ms - c->sent_ms;
	if (c->kind == DRIVER_SNAPSHOT && trouble)
		e.kind = DRIVER_TROUBLE;
	if (c->kind == DRIVER_SNAPSHOT && !trouble) {
		e.snapshot = r->document;
		oracle_told(s, d->desk, d->k, r->document, r->made_ms);
	}
	if (c->kind == DRIVER_AUDIT && !trouble) {
		e.audit = r->entries;
		e.audit_count = r->entry_count;
	}
	if (trouble && (c->kind == DRIVER_SNAPSHOT || c->kind == DRIVER_AUDIT))
		e.err = &err;
	if (c->kind == DRIVER_ANSWER || c->kind == DRIVER_RESOLVED)
		sim_note(s, "desk %d hears of %.12s from node %d: %s%s%s", d->desk, c->intent + 24,
			d->k,
			e.answer->kind == ANSWER_APPLIED        ? "applied"
				: e.answer->kind == ANSWER_REFUSED  ? "refused "
				: e.answer->kind == ANSWER_VOID     ? "void"
				: e.answer->kind == ANSWER_LOST     ? "lost"
				: e.answer->kind == ANSWER_NOT_SENT ? "not sent"
													: "superseded",
			e.answer->kind == ANSWER_REFUSED ? err_name(e.answer->err.code) : "",
			c->kind == DRIVER_RESOLVED ? " (asked)" : "");
	d->sink.event(d->sink.ctx, &e);
}

static void turn_net(struct driver *d, struct instant now)
{
	/* The sink may begin more; that is told in a later turn. */
	struct call *calls = d->calls;
	size_t count = d->count;
	d->calls = NULL;
	d->count = d->cap = 0;
	for (size_t i = 0; i < count; i++) {
		if (!calls[i].reply && calls[i].deadline_ms > now.boot_ms) {
			mem_grow(&d->calls, &d->cap, d->count + 1, sizeof *d->calls);
			d->calls[d->count++] = calls[i];
			continue;
		}
		if (!sim_world()->desk[d->desk].dead)
			tell(d, &calls[i], now);
		free_reply(calls[i].reply);
	}
	free(calls);
}

int64_t net_due_ms(const struct sim *s, int desk)
{
	int64_t due_ms = SIM_NEVER;
	for (int k = 0; k < s->node_count; k++) {
		const struct driver *d = drivers[desk][k];
		for (size_t i = 0; d && i < d->count; i++) {
			int64_t at_ms = d->calls[i].reply ? s->now.boot_ms : d->calls[i].deadline_ms;
			due_ms = at_ms < due_ms ? at_ms : due_ms;
		}
	}
	return due_ms;
}

/* ---- the node's end ---- */

static void do_command(struct sim *s, const struct request *r, struct reply *out)
{
	struct sim_node *n = &s->node[r->node];
	const struct command *c = &r->command;
	struct control_answer a;
	if (n->lies) {
		oracle_lied(s, r->node, c);
		out->answer = (struct answer){.kind = ANSWER_APPLIED,
			.epoch = fake_epoch(n->fake),
			.rev = fake_rev(n->fake),
			.share_bp = c->to_bp,
			.durable = true};
		return;
	}
	oracle_node_before(s, r->node);
	fake_change(n->fake, c, &a);
	control_settle(n->fake->control, &a);
	if (node_dies(s, r->node))
		return;
	oracle_node_did(s, r->node, r->desk, c, &a);
	sim_note(s, "node %d takes %s %.12s to %d%s: %d %s, share %d (%lld.%lld)%s", r->node,
		verb_row(c->verb)->word, c->id + 24, c->to_bp, r->stray ? " (copy)" : "", a.status,
		a.error, a.share_bp, (long long)a.epoch % 100000, (long long)a.rev,
		a.replayed ? " again" : "");
	if (!hostile_answer(s, n->pool, &out->answer, &a, c))
		wire_take_answer(&out->answer, &a, c);
}

static void do_lease(struct sim *s, const struct request *r, struct reply *out)
{
	struct fake *f = s->node[r->node].fake;
	struct control_answer a = {.status = 404,
		.error = "path",
		.message = "there is nothing at this path",
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.share_bp = -1,
		.changed_age_ms = UNKNOWN};
	oracle_node_before(s, r->node);
	if (!f->no_lease)
		control_lease(f->control, &r->lease, f->now, &a);
	oracle_node_ticked(s, r->node);
	wire_take_answer(&out->answer, &a, NULL);
}

static void do_resolve(struct sim *s, const struct request *r, struct reply *out)
{
	struct fake *f = s->node[r->node].fake;
	struct control_answer a;
	enum intent_fate fate = control_intent(f->control, r->intent, true, f->now, &a);
	if (!node_dies(s, r->node))
		wire_take_fate(&out->answer, fate, &a);
}

static void serve(struct sim *s, const struct request *r, struct reply *out)
{
	struct fake *f = s->node[r->node].fake;
	switch (r->kind) {
	case DRIVER_SNAPSHOT:
		out->document = mem_new(1, sizeof *out->document);
		fake_document(f, out->document);
		/* No limit here asks for latencies, and merging their histograms is half of a day. */
		for (int arm = 0; arm < ARM_COUNT; arm++)
			out->document->arms[arm].has_latency =
				out->document->arms[arm].has_session_latency = false;
		out->trouble = !hostile_document(s, s->node[r->node].pool, out->document);
		break;
	case DRIVER_ANSWER:
		do_command(s, r, out);
		break;
	case DRIVER_RESOLVED:
		do_resolve(s, r, out);
		break;
	case DRIVER_LEASE:
		do_lease(s, r, out);
		break;
	case DRIVER_AUDIT:
		out->entries = mem_new(AUDIT_PAGE, sizeof *out->entries);
		out->entry_count =
			control_audit(f->control, r->since, out->entries, AUDIT_PAGE, f->now);
		hostile_audit(s, s->node[r->node].pool, out->entries, &out->entry_count);
		break;
	default:
		break;
	}
}

/* What has arrived may arrive again. */
static void copy(struct sim *s, const struct request *r)
{
	struct request again = *r;
	if (r->kind != DRIVER_ANSWER || r->stray)
		return;
	again.stray = true;
	if (happens(s, FAULT_DUPLICATE))
		post(s, &again, travel(s));
	if (happens(s, FAULT_STRAY))
		post(s, &again, 1000 + (int64_t)sim_draw(&s->random_fault[FAULT_STRAY], 60000));
}

void net_request(struct sim *s, struct sim_event *e)
{
	struct request *r = e->data;
	struct sim_node *n = &s->node[r->node];
	if (n->paused) { /* it lies in the node's socket */
		sim_at(s, n->back_ms, SIM_REQUEST, e->a, e->b, r, 0);
		e->data = NULL;
		return;
	}
	s->messages--;
	if (n->cut[r->desk])
		return;
	struct reply *out = mem_new(1, sizeof *out);
	*out = (struct reply){.desk = r->desk,
		.node = r->node,
		.call = r->call,
		.trouble = n->down,
		.made_ms = s->now.boot_ms};
	if (!n->down) {
		node_advance(s, r->node);
		out->trouble = n->down;
	}
	if (!n->down) {
		serve(s, r, out);
		copy(s, r);
		/* Its power went: no answer, rather than that nobody was there. */
		if (n->down) {
			free_reply(out);
			return;
		}
	}
	if (r->stray || happens(s, FAULT_LOSS)) {
		free_reply(out);
		return;
	}
	s->messages++;
	/* A pointer in a box: what the event owns is freed without knowing what it is. */
	struct reply **box = mem_new(1, sizeof *box);
	*box = out;
	sim_at(s, s->now.boot_ms + travel(s), SIM_ANSWER, r->desk, r->node, box, r->call);
}

void net_answer(struct sim *s, struct sim_event *e)
{
	struct reply *r = *(struct reply **)e->data;
	struct driver *d = drivers[r->desk][r->node];
	s->messages--;
	for (size_t i = 0; d && i < d->count && !s->node[r->node].cut[r->desk]; i++)
		if (d->calls[i].id == r->call) {
			d->calls[i].reply = r;
			return;
		}
	free_reply(r);
}

void net_drop(struct sim_event *e)
{
	if (e->kind == SIM_ANSWER)
		free_reply(*(struct reply **)e->data);
}

const struct driver_ops net_driver = {
	.scheme = "net",
	.capabilities = CAPABILITY_COMPARE_AND_SET | CAPABILITY_KEYS | CAPABILITY_BASELINE |
		CAPABILITY_QUANTILES | CAPABILITY_AUDIT | CAPABILITY_COMMANDS,
	.help = "net:NODE  a node of the simulation",
	.open = open_net,
	.poll = poll_net,
	.apply = apply_net,
	.resolve = resolve_net,
	.lease = lease_net,
	.audit = audit_net,
	.turn = turn_net,
	.close = close_net,
};
