/* What is asked of a shared plan: a command, and the fate of one. Each reads the plan, lets a
 * copy of the pool's own rules decide on it (client/engine/control.h), and writes what came of
 * that by compare-and-set. So a fleet refuses what a pool refuses, in the same words.
 *
 * 1. The nodes of a pool are asked with one key: the first one writes, the others find it done.
 * 2. The plan, its audit entry and the fate of the key are written in one transaction, which a
 *    void of the key makes fail for ever. */
#include "client/driver_etcd_call.h"

#include "client/engine/store_record.h"
#include "client/wire.h"
#include "model/unit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HOLDER_MS 30000
#define VOID "void"

static void read_plan(struct etcd_call *c);

/* ---- the plan ---- */

/* GETs of all that a decision needs. */
struct reading {
	char now[ETCD_KEY_MAX], key[ETCD_KEY_MAX], nodes[ETCD_KEY_MAX];
	struct etcd_op ops[3];
};
enum { READ_NOW, READ_KEY, READ_NODES, READ_COUNT };

static void reading_init(struct reading *r, const struct etcd_call *c)
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
	const struct etcd_call *c, const struct etcd_answer *a, const char *name)
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
static struct control *copy_plan(
	struct etcd_call *c, const struct etcd_answer *a, struct err *err)
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

/* ---- a command ---- */

static void decide(struct etcd_call *c, const struct etcd_answer *a);

static void committed(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct etcd_call *c = ctx;
	struct etcd_answer a;
	struct err err = {0};
	if (!etcd_call_take_answer(c, &a, READ_COUNT, reply, now, &err)) {
		/* 408: an etcd that ends says "cancelled" of what it may have done */
		bool refused = reply->err.code == ERR_NONE && reply->status >= 400 &&
			reply->status < 500 && reply->status != 408;
		bool sent = reply->err.code == ERR_NONE || reply->sent;
		etcd_call_fail(c,
			etcd_call_none(refused ? ANSWER_REFUSED
					: sent         ? ANSWER_LOST
								   : ANSWER_NOT_SENT,
				&err));
		return;
	}
	if (!a.succeeded)
		decide(c, &a);
	else if (c->asked.verb == VERB_TAKE)
		etcd_call_hold(c);
	else
		etcd_call_end_given(c);
	wire_etcd_release(&a);
}

/* Writes the change: the plan, the log, the key. */
static void commit(struct etcd_call *c)
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
	if (etcd_call_take_lease(ctx, reply, now))
		commit(ctx);
}

/* More or fewer nodes than this process watches: nobody would see them follow. */
static bool refuse_strangers(struct etcd_call *c, const struct etcd_answer *a)
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
	etcd_call_end(c, etcd_call_none(ANSWER_REFUSED, &err));
	return true;
}

static void decide(struct etcd_call *c, const struct etcd_answer *a)
{
	static const struct control_counts none;
	struct err err = {0};
	struct control *copy = copy_plan(c, a, &err);
	if (copy && ++c->tries > ETCD_CALL_TRIES_MAX)
		err_set(&err, ERR_CHANGED, "the plan changed %d times while this was decided",
			ETCD_CALL_TRIES_MAX);
	if (!copy || err.code != ERR_NONE) {
		control_free(copy);
		etcd_call_fail_early(c, &err);
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
		etcd_call_end(c, etcd_call_none(ANSWER_REFUSED, &err));
	} else if (c->given.status != 200 || c->given.replayed) {
		etcd_call_end_given(c);
	} else if (forward && refuse_strangers(c, a)) {
		return;
	} else if (c->lease[0]) {
		commit(c);
	} else {
		etcd_call_ask_lease(c, ETCD_INTENT_MS, commit_granted);
	}
}

static void plan_read(void *ctx, const struct transport_reply *reply, struct instant now);

static void read_plan(struct etcd_call *c)
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
	struct etcd_call *c = etcd_call_new(d, ETCD_CALL_COMMAND, cmd->id, now);
	c->asked = *cmd;
	if (wire_request(&c->request, cmd, &err) < 0) {
		etcd_call_end(c, etcd_call_none(ANSWER_REFUSED, &err));
		return;
	}
	read_plan(c);
}

/* ---- the fate of a command ---- */

static void tell_fate(struct etcd_call *c, const struct etcd_answer *a);

static void voided(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct etcd_call *c = ctx;
	struct etcd_answer a;
	struct err err = {0};
	if (!etcd_call_take_answer(c, &a, READ_COUNT, reply, now, &err)) {
		etcd_call_fail_early(c, &err);
		return;
	}
	if (a.succeeded) {
		const struct err none = {0};
		etcd_call_end(c, etcd_call_none(ANSWER_VOID, &none));
	} else {
		tell_fate(c, &a);
	}
	wire_etcd_release(&a);
}

static void void_granted(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct etcd_call *c = ctx;
	struct reading r;
	if (!etcd_call_take_lease(c, reply, now))
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
static void tell_fate(struct etcd_call *c, const struct etcd_answer *a)
{
	struct err err = {0};
	struct answer out;
	if (!find_key(a)) {
		etcd_call_ask_lease(c, ETCD_INTENT_MS, void_granted);
		return;
	}
	if (is_void(find_key(a))) {
		etcd_call_end(c, etcd_call_none(ANSWER_VOID, &err));
		return;
	}
	struct control *copy = copy_plan(c, a, &err);
	if (!copy) {
		etcd_call_fail_early(c, &err);
		return;
	}
	struct control_answer given;
	enum intent_fate fate = control_intent(copy, c->asked.id, false, c->now, &given);
	control_free(copy);
	wire_take_fate(&out, fate, &given);
	etcd_call_end(c, out);
}

/* An id of a history that others wrote may be anything; none of ours is no name. */
void driver_etcd_resolve(struct driver *driver, const char *intent, struct instant now)
{
	struct etcd_end *d = (struct etcd_end *)driver;
	struct etcd_call *c = etcd_call_new(d, ETCD_CALL_RESOLVE, intent, now);
	struct err err = {0};
	if (text_is_name(c->asked.id, DECISION_ID_MAX - 1)) {
		read_plan(c);
		return;
	}
	err_set(&err, ERR_UNRESOLVED, "\"%.80s\" is no key that weir gives", intent);
	etcd_call_end(c, etcd_call_none(ANSWER_LOST, &err));
}

static void plan_read(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct etcd_call *c = ctx;
	struct etcd_answer a;
	struct err err = {0};
	if (!etcd_call_take_answer(c, &a, READ_COUNT, reply, now, &err)) {
		etcd_call_fail_early(c, &err);
		return;
	}
	if (c->kind == ETCD_CALL_COMMAND)
		decide(c, &a);
	else
		tell_fate(c, &a);
	wire_etcd_release(&a);
}
