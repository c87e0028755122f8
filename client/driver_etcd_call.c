/* Calls: what the driver of etcd:// asks of a shared plan. Each call reads the plan, lets a copy of
 * the pool's own rules decide on it (client/engine/control.h), and writes what came of that by
 * compare-and-set. So a fleet refuses what a pool refuses, in the same words.
 *
 * 1. The nodes of a pool are asked with one key: the first one writes, the others find it done.
 * 2. The plan, its audit entry and the fate of the key are written in one transaction, which a void
 *    of the key makes fail for ever.
 * 3. Nothing has happened before the transaction: what fails earlier is NOT_SENT, or REFUSED by
 *    etcd. Of a transaction without an answer the effect is unknown: LOST.
 * 4. A brake that loses the compare-and-set is decided anew until it wins. It also goes to the node
 *    itself, at once where etcd fails and else after DIRECT_MS: the first that does it ends the
 *    call. The node offers it to the plan. */
#include "client/driver_etcd_parts.h"

#include "client/engine/control.h"
#include "client/engine/store_record.h"
#include "client/wire.h"
#include "model/mem.h"
#include "model/unit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DIRECT_MS 300
#define TRIES_MAX 64
#define HOLDER_MS 30000
#define VOID "void"

enum call_kind { CALL_COMMAND, CALL_RESOLVE, CALL_LEASE };

struct call {
	struct etcd_end *end;
	struct call *prev, *next;
	enum call_kind kind;
	struct command asked; /* of RESOLVE its id, of LEASE actor and ttl_ms */
	struct control_request request;
	uint64_t id; /* of the transport; 0: the way through etcd has ended */
	int64_t begun_ms;
	int tries;
	int64_t mod;                 /* of the plan that was decided on */
	struct text line;            /* what is to be written: the change */
	char lease[ETCD_LEASE_MAX];  /* that the key, or the holder, dies with */
	struct control_answer given; /* what the plan's copy answered */
	/* a brake's own way */
	bool direct, direct_ended;
	struct answer failed; /* of the way that has ended without success */
	bool has_failed;
	struct instant now;
};

static void read_plan(struct call *c);

/* ---- lifecycle ---- */

static struct call *call_new(
	struct etcd_end *d, enum call_kind kind, const char *intent, struct instant now)
{
	struct call *c = mem_new(1, sizeof *c);
	c->end = d;
	c->kind = kind;
	c->now = now;
	c->begun_ms = now.boot_ms;
	text_copy(c->asked.id, sizeof c->asked.id, intent);
	c->next = d->calls;
	if (c->next)
		c->next->prev = c;
	d->calls = c;
	return c;
}

static void call_free(struct call *c)
{
	struct etcd_end *d = c->end;
	etcd_cancel(&d->etcd, c->id);
	if (c->prev)
		c->prev->next = c->next;
	else
		d->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
	text_free(&c->line);
	free(c);
}

void driver_etcd_forget(struct etcd_end *d)
{
	while (d->calls)
		call_free(d->calls);
}

static void end_with(struct call *c, struct answer a)
{
	static const enum driver_event_kind kinds[] = {[CALL_COMMAND] = DRIVER_ANSWER,
		[CALL_RESOLVE] = DRIVER_RESOLVED,
		[CALL_LEASE] = DRIVER_LEASE};
	a.latency_ms = c->now.boot_ms - c->begun_ms;
	struct driver_event event = {.kind = kinds[c->kind],
		.node = c->end->node,
		.at = c->now,
		.intent = c->asked.id,
		.verb = c->asked.verb,
		.answer = &a,
		.ttl_ms = c->asked.ttl_ms};
	driver_etcd_tell(c->end, &event);
	call_free(c);
}

static struct answer no_answer(enum answer_kind kind, const struct err *why)
{
	return (struct answer){.kind = kind,
		.err = *why,
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.share_bp = -1,
		.durable = true,
		.changed_age_ms = UNKNOWN};
}

/* The node is asked for a brake. */
static void go_direct(struct call *c)
{
	struct etcd_end *d = c->end;
	c->direct = true;
	d->inner_ops->apply(d->inner, &c->asked, c->now);
}

/* The way through etcd has ended without success. */
static void fail_with(struct call *c, struct answer a)
{
	bool brakes = c->kind == CALL_COMMAND && verb_is_brake(c->asked.verb);
	c->id = 0;
	if (!brakes || c->direct_ended) {
		/* What the node did not do either: unknown where one of both is unknown. */
		bool worse = c->has_failed && c->failed.kind == ANSWER_LOST;
		end_with(c, worse ? c->failed : a);
		return;
	}
	c->failed = a;
	c->has_failed = true;
	if (!c->direct)
		go_direct(c);
}

/* Before the transaction nothing has happened; of a fate or a lease nothing is known then. */
static void fail_early(struct call *c, const struct err *err)
{
	bool refused = err->code == ERR_UNAUTHORISED || err->code == ERR_READ_ONLY;
	fail_with(c,
		no_answer(refused                 ? ANSWER_REFUSED
				: c->kind == CALL_COMMAND ? ANSWER_NOT_SENT
										  : ANSWER_LOST,
			err));
}

static void end_given(struct call *c)
{
	struct answer a;
	wire_take_answer(&a, &c->given, c->kind == CALL_COMMAND ? &c->asked : NULL);
	end_with(c, a);
}

void driver_etcd_heard(struct etcd_end *d, const struct driver_event *event)
{
	struct call *c = d->calls;
	while (c && (!c->direct || strcmp(c->asked.id, event->intent) != 0))
		c = c->next;
	if (!c)
		return; /* etcd was faster */
	c->now = event->at;
	if (event->answer->kind == ANSWER_APPLIED) {
		end_with(c, *event->answer);
		return;
	}
	c->direct_ended = true;
	if (c->id == 0) {
		bool lost = c->failed.kind == ANSWER_LOST;
		end_with(c, lost ? c->failed : *event->answer);
		return;
	}
	c->failed = *event->answer;
	c->has_failed = true;
}

void driver_etcd_redirect(struct etcd_end *d, struct instant now)
{
	for (struct call *c = d->calls, *next; c; c = next) {
		next = c->next;
		if (!c->direct || c->direct_ended)
			continue;
		c->now = now;
		go_direct(c);
	}
}

void driver_etcd_turn(struct driver *driver, struct instant now)
{
	struct etcd_end *d = (struct etcd_end *)driver;
	for (struct call *c = d->calls, *next; c; c = next) {
		next = c->next;
		if (c->kind != CALL_COMMAND || !verb_is_brake(c->asked.verb) || c->direct ||
			now.boot_ms - c->begun_ms < DIRECT_MS)
			continue;
		c->now = now;
		go_direct(c);
	}
}

/* ---- the plan ---- */

/* GETs of all that a decision needs. */
struct reading {
	char now[ETCD_KEY_MAX], key[ETCD_KEY_MAX], nodes[ETCD_KEY_MAX];
	struct etcd_op ops[3];
};
enum { READ_NOW, READ_KEY, READ_NODES, READ_COUNT };

static void reading_init(struct reading *r, const struct call *c)
{
	const struct etcd *e = &c->end->etcd;
	etcd_key(e, r->now, "now/");
	etcd_key(e, r->key, "intents/%s", c->asked.id);
	etcd_key(e, r->nodes, "nodes/");
	r->ops[READ_NOW] = (struct etcd_op){.what = ETCD_GET, .key = r->now, .end = ""};
	r->ops[READ_KEY] = (struct etcd_op){.what = ETCD_GET, .key = r->key};
	r->ops[READ_NODES] =
		(struct etcd_op){.what = ETCD_GET, .key = r->nodes, .end = "", .count_only = true};
}

static const struct etcd_kv *find_now(
	const struct call *c, const struct etcd_answer *a, const char *name)
{
	char key[ETCD_KEY_MAX];
	etcd_key(&c->end->etcd, key, "now/%s", name);
	return wire_etcd_find(&a->ranges[READ_NOW], key);
}

/* What became of the call's key; NULL: nothing yet. */
static const struct etcd_kv *find_key(const struct etcd_answer *a)
{
	return a->ranges[READ_KEY].count > 0 ? &a->ranges[READ_KEY].kvs[0] : NULL;
}

static bool is_void(const struct etcd_kv *kv)
{
	return kv && strcmp(kv->value, VOID) == 0;
}

/* The pool's rules as they stand with this plan; NULL with err. */
static struct control *copy_plan(struct call *c, const struct etcd_answer *a, struct err *err)
{
	static const struct control_options how = {.strategy = STRATEGY_CANARY, .has_v2 = true};
	const struct etcd_kv *split = find_now(c, a, "split"), *lease = find_now(c, a, "lease"),
						 *key = find_key(a);
	bool changed;
	if (!split) {
		err_set(err, ERR_UNREACHABLE,
			"no node has begun a plan of \"%s\" in etcd at \"%s\": start weir serve --etcd there",
			c->end->etcd.target.pool, etcd_endpoint(&c->end->etcd));
		return NULL;
	}
	struct control *copy = control_new(&how, NULL, c->now, err);
	if (!copy)
		return NULL;
	control_share(copy);
	if ((key && !is_void(key) &&
			control_adopt(copy, key->value, false, c->now, &changed, err) < 0) ||
		control_adopt(copy, split->value, false, c->now, &changed, err) < 0) {
		control_free(copy);
		return NULL;
	}
	if (lease)
		control_hear_holder(copy, lease->value, HOLDER_MS, c->now);
	c->mod = split->mod;
	return copy;
}

/* ---- leases in etcd ---- */

/* Asks for one; `granted` goes on with its id in c->lease. */
static void ask_lease(struct call *c, int64_t ttl_ms,
	void (*done)(void *ctx, const struct transport_reply *reply, struct instant now))
{
	struct text body = {0};
	wire_etcd_grant(&body, ttl_ms);
	struct etcd_request r = {
		.path = "/v3/lease/grant", .body = text_str(&body), .done = done, .ctx = c};
	c->id = etcd_send(&c->end->etcd, &r, c->now);
	text_free(&body);
}

static bool take_lease(struct call *c, const struct transport_reply *reply, struct instant now)
{
	struct err err = {0};
	int64_t ttl_ms;
	c->id = 0;
	c->now = now;
	if (etcd_check(&c->end->etcd, reply, &err) == 0 &&
		wire_etcd_read_lease(c->lease, &ttl_ms, reply->body, reply->len, &err) == 0)
		return true;
	fail_early(c, &err);
	return false;
}

/* Reads an answer: of `count` ranges, unless it succeeded. False where the call has ended, or
 * `failed` was called. */
static bool take_answer(struct call *c, struct etcd_answer *a, size_t count,
	const struct transport_reply *reply, struct instant now, struct err *err)
{
	*a = (struct etcd_answer){0};
	c->id = 0;
	c->now = now;
	if (etcd_check(&c->end->etcd, reply, err) < 0 ||
		wire_etcd_read(a, reply->body, reply->len, err) < 0)
		return false;
	if (a->range_count == count || (a->succeeded && a->range_count == 0))
		return true;
	wire_etcd_release(a);
	err_set(err, ERR_PROTOCOL, "etcd at \"%s\" answers something else than it was asked",
		etcd_endpoint(&c->end->etcd));
	return false;
}

/* ---- a command ---- */

static void begin_holding(struct call *c);
static void decide(struct call *c, const struct etcd_answer *a);

static void committed(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct call *c = ctx;
	struct etcd_answer a;
	struct err err = {0};
	if (!take_answer(c, &a, READ_COUNT, reply, now, &err)) {
		/* 408: an etcd that ends says "cancelled" of what it may have done */
		bool refused = reply->err.code == ERR_NONE && reply->status >= 400 &&
			reply->status < 500 && reply->status != 408;
		bool sent = reply->err.code == ERR_NONE || reply->sent;
		fail_with(c,
			no_answer(refused ? ANSWER_REFUSED
					: sent    ? ANSWER_LOST
							  : ANSWER_NOT_SENT,
				&err));
		return;
	}
	if (!a.succeeded)
		decide(c, &a);
	else if (c->asked.verb == VERB_TAKE)
		begin_holding(c);
	else
		end_given(c);
	wire_etcd_release(&a);
}

/* Writes the change: the plan, the log, the key. */
static void commit(struct call *c)
{
	struct etcd *e = &c->end->etcd;
	struct reading r;
	char split[ETCD_KEY_MAX], audit[ETCD_KEY_MAX], first[ETCD_KEY_MAX], last[ETCD_KEY_MAX],
		lease[ETCD_KEY_MAX];
	const char *line = text_str(&c->line);
	int64_t seq = strtoll(strchr(line, '\t') + 1, NULL, 10);
	reading_init(&r, c);
	etcd_key(e, split, "now/split");
	etcd_key(e, lease, "now/lease");
	etcd_key(e, audit, "audit/%016" PRId64, seq);
	etcd_key(e, first, "audit/");
	etcd_key(e, last, "audit/%016" PRId64, seq > ETCD_AUDIT_KEPT ? seq - ETCD_AUDIT_KEPT : 0);
	const struct etcd_compare same[] = {{.key = split, .what = ETCD_MOD, .revision = c->mod},
		{.key = r.key, .what = ETCD_CREATE}};
	const struct etcd_op then[] = {{.what = ETCD_PUT, .key = split, .value = line},
		{.what = ETCD_PUT, .key = audit, .value = line},
		{.what = ETCD_PUT, .key = r.key, .value = line, .lease = c->lease},
		{.what = ETCD_DELETE, .key = first, .end = last}, {.what = ETCD_DELETE, .key = lease}};
	bool ends_lease = c->asked.verb == VERB_ROLLBACK || c->asked.verb == VERB_TAKE ||
		c->asked.verb == VERB_FINALIZE;
	const struct etcd_txn t = {.compare = same,
		.compare_count = 2,
		.then = then,
		.then_count = ends_lease ? 5 : 4,
		.otherwise = r.ops,
		.otherwise_count = READ_COUNT};
	c->id = etcd_send_txn(e, &t, false, committed, c, c->now);
}

static void commit_granted(void *ctx, const struct transport_reply *reply, struct instant now)
{
	if (take_lease(ctx, reply, now))
		commit(ctx);
}

/* More or fewer nodes than this process watches: nobody would see them follow. */
static bool refuse_strangers(struct call *c, const struct etcd_answer *a)
{
	int nodes = c->end->etcd.target.nodes;
	int64_t there = a->ranges[READ_NODES].total;
	struct err err = {0};
	if (nodes == 0 || there == nodes)
		return false;
	err_set(&err, ERR_NODES,
		"%" PRId64 " node%s of \"%s\" %s registered in etcd, %d %s watched here: %s", there,
		there == 1 ? "" : "s", c->end->etcd.target.pool, there == 1 ? "is" : "are", nodes,
		nodes == 1 ? "is" : "are",
		there > nodes ? "open weir anew" : "bring the missing back, or open weir anew");
	end_with(c, no_answer(ANSWER_REFUSED, &err));
	return true;
}

static void decide(struct call *c, const struct etcd_answer *a)
{
	static const struct control_counts none;
	struct err err = {0};
	struct control *copy = copy_plan(c, a, &err);
	if (copy && ++c->tries > TRIES_MAX)
		err_set(
			&err, ERR_CHANGED, "the plan changed %d times while this was decided", TRIES_MAX);
	if (!copy || err.code != ERR_NONE) {
		control_free(copy);
		fail_early(c, &err);
		return;
	}
	enum strategy strategy;
	int share_bp;
	control_split(copy, &strategy, &share_bp);
	bool forward = c->asked.verb == VERB_FINALIZE ||
		(c->asked.verb == VERB_STEP && c->asked.to_bp > share_bp);
	control_change(copy, &c->request, &none, c->now, &c->given);
	text_clear(&c->line);
	text_add(&c->line, control_own(copy));
	if (c->line.len > 0)
		c->line.data[--c->line.len] = '\0'; /* one change, one line */
	control_free(copy);
	if (is_void(find_key(a))) {
		err_set(&err, ERR_VOID, "the key \"%s\" was voided and never applies", c->asked.id);
		end_with(c, no_answer(ANSWER_REFUSED, &err));
	} else if (c->given.status != 200 || c->given.replayed) {
		end_given(c);
	} else if (forward && refuse_strangers(c, a)) {
		return;
	} else if (c->lease[0]) {
		commit(c);
	} else {
		ask_lease(c, ETCD_INTENT_MS, commit_granted);
	}
}

static void plan_read(void *ctx, const struct transport_reply *reply, struct instant now);

static void read_plan(struct call *c)
{
	struct reading r;
	reading_init(&r, c);
	const struct etcd_txn t = {.then = r.ops, .then_count = READ_COUNT};
	c->id = etcd_send_txn(&c->end->etcd, &t, true, plan_read, c, c->now);
}

void driver_etcd_apply(struct driver *driver, const struct command *cmd, struct instant now)
{
	struct etcd_end *d = (struct etcd_end *)driver;
	struct err err = {0};
	assert(text_is_name(cmd->id, DECISION_ID_MAX - 1));
	if (cmd->verb == VERB_DRAIN) {
		/* a node's own workers are its own matter */
		d->drains++;
		d->inner_ops->apply(d->inner, cmd, now);
		return;
	}
	struct call *c = call_new(d, CALL_COMMAND, cmd->id, now);
	c->asked = *cmd;
	if (wire_request(&c->request, cmd, &err) < 0) {
		end_with(c, no_answer(ANSWER_REFUSED, &err));
		return;
	}
	read_plan(c);
}

/* ---- the fate of a command ---- */

static void tell_fate(struct call *c, const struct etcd_answer *a);

static void voided(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct call *c = ctx;
	struct etcd_answer a;
	struct err err = {0};
	if (!take_answer(c, &a, READ_COUNT, reply, now, &err)) {
		fail_early(c, &err);
		return;
	}
	if (a.succeeded) {
		const struct err none = {0};
		end_with(c, no_answer(ANSWER_VOID, &none));
	} else {
		tell_fate(c, &a);
	}
	wire_etcd_release(&a);
}

static void void_granted(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct call *c = ctx;
	struct reading r;
	if (!take_lease(c, reply, now))
		return;
	reading_init(&r, c);
	const struct etcd_compare absent = {.key = r.key, .what = ETCD_CREATE};
	const struct etcd_op put = {
		.what = ETCD_PUT, .key = r.key, .value = VOID, .lease = c->lease};
	const struct etcd_txn t = {.compare = &absent,
		.compare_count = 1,
		.then = &put,
		.then_count = 1,
		.otherwise = r.ops,
		.otherwise_count = READ_COUNT};
	c->id = etcd_send_txn(&c->end->etcd, &t, false, voided, c, now);
}

/* What became of it, where the key is there; else it becomes void. */
static void tell_fate(struct call *c, const struct etcd_answer *a)
{
	struct err err = {0};
	struct answer out;
	if (!find_key(a)) {
		ask_lease(c, ETCD_INTENT_MS, void_granted);
		return;
	}
	if (is_void(find_key(a))) {
		end_with(c, no_answer(ANSWER_VOID, &err));
		return;
	}
	struct control *copy = copy_plan(c, a, &err);
	if (!copy) {
		fail_early(c, &err);
		return;
	}
	struct control_answer given;
	enum intent_fate fate = control_intent(copy, c->asked.id, false, c->now, &given);
	control_free(copy);
	wire_take_fate(&out, fate, &given);
	end_with(c, out);
}

/* An id of a history that others wrote may be anything; none of ours is no name. */
void driver_etcd_resolve(struct driver *driver, const char *intent, struct instant now)
{
	struct etcd_end *d = (struct etcd_end *)driver;
	struct call *c = call_new(d, CALL_RESOLVE, intent, now);
	struct err err = {0};
	if (text_is_name(c->asked.id, DECISION_ID_MAX - 1)) {
		read_plan(c);
		return;
	}
	err_set(&err, ERR_UNRESOLVED, "\"%.80s\" is no key that weir gives", intent);
	end_with(c, no_answer(ANSWER_LOST, &err));
}

/* ---- who may raise ---- */

static struct answer lease_answer(const struct call *c, const char *holder)
{
	struct control_answer given = {.status = holder ? 423 : 200,
		.error = "leased",
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.share_bp = -1,
		.durable = true,
		.changed_age_ms = UNKNOWN};
	struct answer a;
	if (holder)
		text_clean(given.changed_by, sizeof given.changed_by, holder, strlen(holder));
	wire_take_answer(&a, &given, NULL);
	(void)c;
	return a;
}

/* A command that ends with holding (TAKE) has its own answer. */
static void held(struct call *c)
{
	if (c->kind == CALL_COMMAND)
		end_given(c);
	else
		end_with(c, lease_answer(c, NULL));
}

static void holding_put(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct call *c = ctx;
	struct etcd_answer a;
	struct err err = {0};
	if (!take_answer(c, &a, 1, reply, now, &err))
		fail_early(c, &err);
	else if (a.succeeded)
		held(c);
	else if (c->kind == CALL_COMMAND || ++c->tries > TRIES_MAX)
		end_with(c, lease_answer(c, a.ranges[0].count ? a.ranges[0].kvs[0].value : "somebody"));
	else
		begin_holding(c); /* gone again, or another's */
	wire_etcd_release(&a);
}

static void holding_granted(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct call *c = ctx;
	char key[ETCD_KEY_MAX];
	if (!take_lease(c, reply, now))
		return;
	etcd_key(&c->end->etcd, key, "now/lease");
	const struct etcd_compare absent = {.key = key, .what = ETCD_CREATE};
	const struct etcd_op put = {
		.what = ETCD_PUT, .key = key, .value = c->asked.actor, .lease = c->lease};
	const struct etcd_op get = {.what = ETCD_GET, .key = key};
	const struct etcd_txn t = {.compare = &absent,
		.compare_count = 1,
		.then = &put,
		.then_count = 1,
		.otherwise = &get,
		.otherwise_count = 1};
	c->id = etcd_send_txn(&c->end->etcd, &t, false, holding_put, c, now);
}

static void holding_kept(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct call *c = ctx;
	if (!take_lease(c, reply, now))
		return;
	if (c->lease[0])
		held(c);
	else
		ask_lease(c, c->asked.ttl_ms, holding_granted);
}

static void holding_ended(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct call *c = ctx;
	struct err err = {0};
	c->id = 0;
	c->now = now;
	if (etcd_check(&c->end->etcd, reply, &err) < 0 && !etcd_lost_lease(reply))
		fail_early(c, &err);
	else
		held(c);
}

/* Keeps or ends the lease that the holder's name dies with. */
static void send_lease(struct call *c, const char *path, const char *id,
	void (*done)(void *ctx, const struct transport_reply *reply, struct instant now))
{
	struct text body = {0};
	wire_etcd_lease(&body, id);
	struct etcd_request r = {.path = path, .body = text_str(&body), .done = done, .ctx = c};
	c->id = etcd_send(&c->end->etcd, &r, c->now);
	text_free(&body);
}

static void holding_read(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct call *c = ctx;
	struct etcd_answer a;
	struct err err = {0};
	if (!take_answer(c, &a, 1, reply, now, &err)) {
		fail_early(c, &err);
		return;
	}
	const struct etcd_kv *kv = a.ranges[0].count ? &a.ranges[0].kvs[0] : NULL;
	bool mine = kv && strcmp(kv->value, c->asked.actor) == 0;
	if (kv && !mine)
		end_with(c, lease_answer(c, kv->value));
	else if (mine && c->asked.ttl_ms > 0)
		send_lease(c, "/v3/lease/keepalive", kv->lease, holding_kept);
	else if (mine)
		send_lease(c, "/v3/lease/revoke", kv->lease, holding_ended);
	else if (c->asked.ttl_ms > 0)
		ask_lease(c, c->asked.ttl_ms, holding_granted);
	else
		held(c);
	wire_etcd_release(&a);
}

static void begin_holding(struct call *c)
{
	char key[ETCD_KEY_MAX];
	etcd_key(&c->end->etcd, key, "now/lease");
	const struct etcd_op get = {.what = ETCD_GET, .key = key};
	const struct etcd_txn t = {.then = &get, .then_count = 1};
	c->id = etcd_send_txn(&c->end->etcd, &t, true, holding_read, c, c->now);
}

void driver_etcd_lease(
	struct driver *driver, const struct lease_request *asked, struct instant now)
{
	struct call *c = call_new((struct etcd_end *)driver, CALL_LEASE, "", now);
	text_copy(c->asked.actor, sizeof c->asked.actor, asked->actor);
	c->asked.ttl_ms = asked->ttl_ms;
	begin_holding(c);
}

static void plan_read(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct call *c = ctx;
	struct etcd_answer a;
	struct err err = {0};
	if (!take_answer(c, &a, READ_COUNT, reply, now, &err)) {
		fail_early(c, &err);
		return;
	}
	if (c->kind == CALL_COMMAND)
		decide(c, &a);
	else
		tell_fate(c, &a);
	wire_etcd_release(&a);
}
