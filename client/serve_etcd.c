/* A node's side of a shared plan: one request at a time in rounds, and one watch beside them.
 *
 * A round keeps the node's lease alive (or asks for one), writes what the node is where that has
 * changed, and reads the plan: so a watch that went deaf is late by one round at most. What the
 * watch brings begins a round at once.
 *
 * 1. The plan is taken in by the order of its mod_revision, by range and by watch alike.
 * 2. What the engine did by itself is offered by compare-and-set; who loses takes in the winner's
 *    and offers what is left of its own.
 * 3. Without etcd the engine keeps its last word; unseen for the lease's time it says so.
 * 4. An etcd that lost its data, was restored from an older copy, or was not told of what was done
 *    here before a restart, gets the newest word that a node has; what was changed there since is
 *    newer.
 * 5. A name that another node has is waited for, never taken; one that answered at our own address
 *    was ours. */
#include "client/serve_etcd.h"

#include "client/engine/engine.h"
#include "client/engine/store_record.h"
#include "client/etcd.h"
#include "model/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 100  /* how often the engine is looked at */
#define AGAIN_MS 500 /* after trouble */
#define WATCH_MS (24 * 3600 * 1000)
#define HOLDER_MS 30000
#define AUDIT_MAX 256 /* of missed changes at once */
#define OWN_LINES 40  /* etcd takes 128 operations in one transaction */
#define INTENT_SPARE_MS (3600 * 1000)

struct serve_etcd {
	struct etcd etcd;
	struct transport *transport;
	struct engine *engine;
	char *node, *url;
	int64_t ttl_ms;
	void (*tell)(void *ctx, const char *line);
	void *ctx;
	char told[400]; /* the trouble that was told; "" none */

	uint64_t asked; /* the request under way; 0 none */
	int64_t due_ms; /* the next round */
	int64_t look_ms, seen_ms;
	bool seen, leaving, left;
	bool met; /* the plan has been compared with what an earlier boot made */
	char lease[ETCD_LEASE_MAX];
	struct text put;  /* what is written under nodes/ID with this lease; empty: nothing */
	struct text next; /* the same, on its way */
	char taken[200];  /* who has our name; "" nobody */
	char unfit[400];  /* why the plan cannot be taken in; "" it can */

	int64_t split_mod, rollback_mod;
	int64_t revision;       /* the newest heard of */
	int64_t asked_revision; /* the same when the request under way was sent */
	struct text offer;      /* lines on their way */
	char intents[ETCD_LEASE_MAX];
	int64_t intents_ms; /* until when that lease is used for new keys */

	uint64_t watch;
	struct text news;
	bool watch_ended;
	struct instant now;
};

static void begin_round(struct serve_etcd *s);
static void go_on(struct serve_etcd *s);

/* ---- words ---- */

static void say(struct serve_etcd *s, const char *what)
{
	if (strcmp(s->told, what) == 0)
		return;
	text_copy(s->told, sizeof s->told, what);
	if (s->tell)
		s->tell(s->ctx, what);
}

/* What keeps the node from following, as its document says it. */
static void lead(struct serve_etcd *s)
{
	char why[POOL_REASON_MAX];
	int64_t age_ms = s->now.boot_ms - s->seen_ms;
	if (!s->seen)
		snprintf(why, sizeof why, "etcd not seen yet");
	else if (age_ms > s->ttl_ms)
		snprintf(why, sizeof why, "etcd not seen for %" PRId64 " s", age_ms / 1000);
	else
		snprintf(why, sizeof why, "%.190s", s->unfit[0] ? s->unfit : s->taken);
	engine_lead(s->engine, why[0] ? why : NULL);
}

static void fail(struct serve_etcd *s, const struct err *err)
{
	say(s, err->text);
	s->due_ms = s->now.boot_ms + AGAIN_MS;
}

static void see(struct serve_etcd *s)
{
	s->seen = true;
	s->seen_ms = s->now.boot_ms;
	say(s, s->unfit[0] ? s->unfit : s->taken);
}

/* ---- the plan ---- */

/* What the node is goes to the plan: what was done by itself and is still to be offered does. */
static void offer_stand(struct serve_etcd *s)
{
	struct engine_stand stand;
	struct text own = {0};
	engine_stand(s->engine, &stand, &own);
	if (own.len == 0)
		engine_begin(s->engine);
	text_free(&own);
	s->unfit[0] = '\0';
}

static void adopt(struct serve_etcd *s, const struct etcd_kv *kv, bool live)
{
	struct err err = {0};
	if (kv->mod <= s->split_mod)
		return;
	s->split_mod = kv->mod;
	if (engine_has_passed(s->engine, kv->value)) {
		offer_stand(s);
		return;
	}
	bool fits = engine_adopt(s->engine, kv->value, live, &err) == 0;
	text_copy(s->unfit, sizeof s->unfit, fits ? "" : err.text);
}

/* A hand that has no weir. Its revision makes one key of it for all nodes. */
static void roll_back(struct serve_etcd *s, const struct etcd_kv *kv)
{
	struct control_request r = {.verb = VERB_ROLLBACK,
		.to_bp = -1,
		.from_bp = -1,
		.baseline_bp = -1,
		.strategy = STRATEGY_COUNT,
		.on_orphan = ORPHAN_COUNT};
	struct control_answer a;
	char why[240];
	s->rollback_mod = kv->mod;
	snprintf(r.key, sizeof r.key, "by-hand-%" PRId64, kv->mod);
	text_copy(r.actor, sizeof r.actor, "by hand");
	text_clean(r.reason, sizeof r.reason, kv->value, strlen(kv->value));
	engine_change(s->engine, &r, &a);
	if (a.status != 200 && s->tell) {
		snprintf(why, sizeof why, "rollback by hand: %.200s", a.message);
		s->tell(s->ctx, why);
	}
}

static void hear_lease(struct serve_etcd *s, const struct etcd_kv *kv)
{
	bool held = kv && !kv->deleted;
	engine_hear_holder(s->engine, held ? kv->value : "", HOLDER_MS);
}

/* etcd lost its data, and a node that knows less than this one was the first to tell it. */
static bool is_behind(const struct serve_etcd *s, const struct etcd_kv *split)
{
	struct engine_stand stand;
	struct store_record r;
	struct text own = {0}, text = {0};
	engine_stand(s->engine, &stand, &own);
	bool behind = store_record_read_value(&r, &text, split->value, NULL) == 0 &&
		strcmp(r.what, STORE_BEGIN) == 0 &&
		(r.epoch < stand.control.epoch ||
			(r.epoch == stand.control.epoch && r.seq < stand.control.agreed_seq));
	text_free(&own);
	text_free(&text);
	return behind;
}

/* What was done here before a restart, and etcd was not told of, is to be offered still. */
static void meet(struct serve_etcd *s, const struct etcd_range *missed)
{
	bool found = false;
	for (size_t i = missed->count; i-- > 0 && !found;)
		found = engine_reclaim(s->engine, missed->kvs[i].value);
	s->met = true;
}

static int64_t seq_of(const struct etcd_kv *kv)
{
	return strtoll(strrchr(kv->key, '/') + 1, NULL, 10);
}

/* The changes that were missed, in their order. False where there are more than were read. */
static bool catch_up(
	struct serve_etcd *s, const struct etcd_range *missed, const struct etcd_kv *split)
{
	struct engine_stand stand;
	struct text own = {0};
	if (!s->met)
		meet(s, missed);
	engine_stand(s->engine, &stand, &own);
	text_free(&own);
	for (size_t i = 0; i < missed->count; i++)
		if (missed->kvs[i].mod < split->mod &&
			seq_of(&missed->kvs[i]) > stand.control.agreed_seq)
			adopt(s, &missed->kvs[i], false);
	return missed->total <= (int64_t)missed->count;
}

/* Everything under now/, and the changes that were missed. */
static void take(struct serve_etcd *s, const struct etcd_answer *a)
{
	char key[ETCD_KEY_MAX];
	const struct etcd_range *now = &a->ranges[0];
	/* Of what the watch brought since it was asked an answer cannot know. */
	bool went_back = a->revision < s->asked_revision;
	if (went_back || a->revision > s->revision)
		s->revision = a->revision;
	etcd_key(&s->etcd, key, "now/split");
	const struct etcd_kv *split = wire_etcd_find(now, key);
	if (went_back)
		s->split_mod = 0;
	if (went_back && split && is_behind(s, split)) {
		s->split_mod = split->mod;
		offer_stand(s);
	} else if (!split) {
		s->split_mod = 0;
	} else if (split->mod > s->split_mod) {
		if (a->range_count < 2 || catch_up(s, &a->ranges[1], split))
			adopt(s, split, false);
		else
			s->due_ms = s->now.boot_ms;
	}
	etcd_key(&s->etcd, key, "now/lease");
	hear_lease(s, wire_etcd_find(now, key));
	etcd_key(&s->etcd, key, "now/rollback");
	const struct etcd_kv *hand = wire_etcd_find(now, key);
	if (hand && hand->mod != s->rollback_mod)
		roll_back(s, hand);
	else if (!hand)
		s->rollback_mod = 0;
}

/* GETs of everything under now/ and of the changes behind the newest that is agreed on. */
struct reading {
	char now[ETCD_KEY_MAX], from[ETCD_KEY_MAX], end[ETCD_KEY_MAX];
	struct etcd_op ops[2];
	size_t count;
};

static void read_plan(const struct serve_etcd *s, struct reading *r, int64_t agreed_seq)
{
	int64_t from = agreed_seq + 1;
	if (!s->met) /* what was agreed on before a restart is known by comparing only */
		from = from > CONTROL_PAST ? from - CONTROL_PAST : 1;
	etcd_key(&s->etcd, r->now, "now/");
	etcd_key(&s->etcd, r->from, "audit/%016" PRId64, from);
	etcd_key(&s->etcd, r->end, "audit0");
	r->ops[0] = (struct etcd_op){.what = ETCD_GET, .key = r->now, .end = ""};
	r->ops[1] =
		(struct etcd_op){.what = ETCD_GET, .key = r->from, .end = r->end, .limit = AUDIT_MAX};
	/* A node that knows nothing needs no more than the newest. */
	r->count = agreed_seq > 0 ? 2 : 1;
}

/* ---- the watch ---- */

static void watch_piece(void *ctx, const char *data, size_t len)
{
	struct serve_etcd *s = ctx;
	if (s->news.len + len <= TRANSPORT_BODY_MAX)
		text_add_n(&s->news, data, len);
	else
		s->watch_ended = true;
}

static void watch_done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	(void)reply, (void)now; /* the next round says what is wrong, and watches on */
	struct serve_etcd *s = ctx;
	s->watch = 0;
	s->watch_ended = true;
}

/* From the revision behind one that was read whole. */
static void watch_on(struct serve_etcd *s, int64_t revision)
{
	char prefix[ETCD_KEY_MAX];
	struct text body = {0};
	if (s->watch != 0 || s->leaving)
		return;
	etcd_key(&s->etcd, prefix, "now/");
	wire_etcd_watch(&body, prefix, revision + 1);
	text_clear(&s->news);
	s->watch_ended = false;
	s->watch = etcd_send(&s->etcd,
		&(struct etcd_request){.path = "/v3/watch",
			.body = text_str(&body),
			.timeout_ms = WATCH_MS,
			.piece = watch_piece,
			.done = watch_done,
			.ctx = s},
		s->now);
	text_free(&body);
}

static void watch_off(struct serve_etcd *s)
{
	etcd_cancel(&s->etcd, s->watch);
	s->watch = 0;
	s->watch_ended = false;
	text_clear(&s->news);
}

static void hear_event(struct serve_etcd *s, const struct etcd_kv *kv)
{
	char prefix[ETCD_KEY_MAX];
	etcd_key(&s->etcd, prefix, "now/");
	size_t len = strlen(prefix);
	if (strncmp(kv->key, prefix, len) != 0)
		return;
	const char *name = kv->key + len;
	if (strcmp(name, "split") == 0 && !kv->deleted)
		adopt(s, kv, true);
	else if (strcmp(name, "lease") == 0)
		hear_lease(s, kv);
	else if (strcmp(name, "rollback") == 0 && !kv->deleted && kv->mod != s->rollback_mod)
		roll_back(s, kv);
}

/* One line; false when the watch is over. */
static bool hear_line(struct serve_etcd *s, const char *line, size_t len)
{
	struct etcd_news n;
	struct err err = {0};
	if (wire_etcd_read_news(&n, line, len, &err) < 0)
		return false;
	/* Compacted: the round that follows reads the plan, and watches on from there. */
	bool goes_on = !n.canceled;
	for (size_t i = 0; goes_on && i < n.events.count; i++)
		hear_event(s, &n.events.kvs[i]);
	if (n.revision > s->revision && n.events.count > 0)
		s->revision = n.revision;
	wire_etcd_release_news(&n);
	return goes_on;
}

static void hear(struct serve_etcd *s)
{
	size_t begin = 0;
	for (char *end; s->news.len > begin &&
		 (end = memchr(s->news.data + begin, '\n', s->news.len - begin)) != NULL;) {
		size_t len = (size_t)(end - s->news.data) - begin;
		s->due_ms = s->now.boot_ms;
		if (len > 0 && !hear_line(s, s->news.data + begin, len)) {
			watch_off(s);
			s->due_ms = s->now.boot_ms + AGAIN_MS;
			return;
		}
		begin += len + 1;
	}
	struct text rest = {0};
	text_add_n(&rest, begin < s->news.len ? s->news.data + begin : "", s->news.len - begin);
	text_free(&s->news);
	s->news = rest;
	if (s->watch_ended)
		watch_off(s);
}

/* ---- offering what was done here ---- */

static void swept(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct serve_etcd *s = ctx;
	struct err err = {0};
	s->asked = 0;
	s->now = now;
	if (etcd_check(&s->etcd, reply, &err) < 0)
		fail(s, &err);
	else
		s->rollback_mod = 0;
}

/* What was asked by hand is done: the key goes. */
static void sweep(struct serve_etcd *s)
{
	char key[ETCD_KEY_MAX];
	etcd_key(&s->etcd, key, "now/rollback");
	const struct etcd_compare same = {
		.key = key, .what = ETCD_MOD, .revision = s->rollback_mod};
	const struct etcd_op gone = {.what = ETCD_DELETE, .key = key};
	const struct etcd_txn t = {
		.compare = &same, .compare_count = 1, .then = &gone, .then_count = 1};
	s->asked = etcd_send_txn(&s->etcd, &t, false, swept, s, s->now);
}

static void offered(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct serve_etcd *s = ctx;
	struct etcd_answer a = {0};
	struct err err = {0};
	s->asked = 0;
	s->now = now;
	if (etcd_check(&s->etcd, reply, &err) < 0 ||
		wire_etcd_read(&a, reply->body, reply->len, &err) < 0) {
		fail(s, &err);
		return;
	}
	see(s);
	if (a.succeeded) {
		/* the newest line is the last one: agreed on */
		char *last = s->offer.data, *line = last;
		for (; *line; line += strcspn(line, "\n") + 1)
			last = line;
		if (a.revision > s->split_mod) { /* else the watch was faster */
			s->split_mod = a.revision;
			(void)engine_adopt(s->engine, last, true, &err);
		}
		if (a.revision > s->revision)
			s->revision = a.revision;
		s->rollback_mod = 0;
	} else if (a.range_count > 0) {
		take(s, &a);
	}
	wire_etcd_release(&a);
	s->due_ms = s->now.boot_ms; /* what the node is has changed */
}

/* The operations of an offer; the texts that they borrow. */
struct offering {
	struct etcd_op ops[2 * OWN_LINES + 4];
	char key[2 * OWN_LINES + 4][ETCD_KEY_MAX];
	char *value[OWN_LINES];
	size_t count;
};

static void add_op(
	const struct serve_etcd *s, struct offering *o, const char *name, struct etcd_op op)
{
	etcd_key(&s->etcd, o->key[o->count], "%s", name);
	op.key = o->key[o->count];
	o->ops[o->count++] = op;
}

/* The field of a line, cut to `size`. Fields of a line with its format: 1 seq, 3 verb, 12 key. */
static void field_of(const char *line, int field, char *out, size_t size)
{
	while (field-- > 0 && *line && *line != '\n')
		line += strcspn(line, "\t\n") + (line[strcspn(line, "\t\n")] == '\t');
	size_t len = strcspn(line, "\t\n");
	snprintf(out, size, "%.*s", (int)(len < size ? len : 0), line);
}

/* Of each line its audit entry and the fate of its key; of the newest the plan. */
static void add_line(
	struct serve_etcd *s, struct offering *o, int i, const char *line, const char *lease)
{
	char seq[24], verb[24], key[POOL_ID_MAX], name[ETCD_KEY_MAX / 2];
	field_of(line, 1, seq, sizeof seq);
	field_of(line, 3, verb, sizeof verb);
	field_of(line, 12, key, sizeof key);
	o->value[i] = mem_copy_n(line, strcspn(line, "\n"));
	snprintf(name, sizeof name, "audit/%016" PRId64, (int64_t)strtoll(seq, NULL, 10));
	add_op(s, o, name, (struct etcd_op){.what = ETCD_PUT, .value = o->value[i]});
	if (!key[0])
		return;
	snprintf(name, sizeof name, "intents/%s", key);
	add_op(
		s, o, name, (struct etcd_op){.what = ETCD_PUT, .value = o->value[i], .lease = lease});
}

static void offer(struct serve_etcd *s)
{
	struct engine_stand stand;
	struct offering *o = mem_new(1, sizeof *o);
	struct reading r;
	char split[ETCD_KEY_MAX], end[ETCD_KEY_MAX];
	text_clear(&s->offer);
	engine_stand(s->engine, &stand, &s->offer);
	int lines = 0, i = 0;
	for (const char *c = text_str(&s->offer); *c; c++)
		lines += *c == '\n';
	bool rolls_back = strstr(text_str(&s->offer), "\trollback\t") != NULL;
	for (const char *line = text_str(&s->offer); *line; line += strcspn(line, "\n") + 1)
		if (lines-- <= OWN_LINES)
			add_line(s, o, i++, line, s->intents);
	add_op(s, o, "now/split", (struct etcd_op){.what = ETCD_PUT, .value = o->value[i - 1]});
	if (rolls_back)
		add_op(s, o, "now/lease", (struct etcd_op){.what = ETCD_DELETE});
	if (s->rollback_mod)
		add_op(s, o, "now/rollback", (struct etcd_op){.what = ETCD_DELETE});
	etcd_key(&s->etcd, end, "audit/%016" PRId64,
		stand.control.seq > ETCD_AUDIT_KEPT ? stand.control.seq - ETCD_AUDIT_KEPT : 0);
	add_op(s, o, "audit/", (struct etcd_op){.what = ETCD_DELETE, .end = end});
	etcd_key(&s->etcd, split, "now/split");
	const struct etcd_compare same = {.key = split, .what = ETCD_MOD, .revision = s->split_mod};
	read_plan(s, &r, stand.control.agreed_seq);
	const struct etcd_txn t = {.compare = &same,
		.compare_count = 1,
		.then = o->ops,
		.then_count = o->count,
		.otherwise = r.ops,
		.otherwise_count = r.count};
	s->asked_revision = s->revision;
	s->asked = etcd_send_txn(&s->etcd, &t, false, offered, s, s->now);
	while (i > 0)
		free(o->value[--i]);
	free(o);
}

static void intents_granted(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct serve_etcd *s = ctx;
	struct err err = {0};
	int64_t ttl_ms;
	s->asked = 0;
	s->now = now;
	if (etcd_check(&s->etcd, reply, &err) < 0 ||
		wire_etcd_read_lease(s->intents, &ttl_ms, reply->body, reply->len, &err) < 0) {
		fail(s, &err);
		return;
	}
	s->intents_ms = now.boot_ms + INTENT_SPARE_MS;
	go_on(s); /* by now the watch may have brought another's */
}

static uint64_t grant(struct serve_etcd *s, int64_t ttl_ms,
	void (*done)(void *ctx, const struct transport_reply *reply, struct instant now))
{
	struct text body = {0};
	wire_etcd_grant(&body, ttl_ms);
	uint64_t id = etcd_send(&s->etcd,
		&(struct etcd_request){
			.path = "/v3/lease/grant", .body = text_str(&body), .done = done, .ctx = s},
		s->now);
	text_free(&body);
	return id;
}

/* Whatever follows what was just read: an offer, a sweep, or rest. */
static void go_on(struct serve_etcd *s)
{
	struct engine_stand stand;
	struct text own = {0};
	if (s->split_mod == 0)
		engine_stand(s->engine, &stand, &own);
	if (s->split_mod == 0 && own.len == 0)
		engine_begin(s->engine);
	text_clear(&own);
	engine_stand(s->engine, &stand, &own);
	if (own.len > 0 && !s->unfit[0]) {
		if (s->intents[0] && s->now.boot_ms < s->intents_ms)
			offer(s);
		else
			s->asked = grant(s, ETCD_INTENT_MS + INTENT_SPARE_MS, intents_granted);
	} else if (s->rollback_mod) {
		sweep(s);
	}
	text_free(&own);
}

/* ---- rounds ---- */

/* True when whoever has our name is an earlier process of ours: it answered where we do. */
static bool was_ours(const struct serve_etcd *s, const struct etcd_kv *kv)
{
	struct etcd_node n;
	return kv && etcd_node_read(&n, kv->value, NULL) == 0 && strcmp(n.url, s->url) == 0;
}

static void wrote(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct serve_etcd *s = ctx;
	struct etcd_answer a = {0};
	struct err err = {0};
	s->asked = 0;
	s->now = now;
	if (etcd_lost_lease(reply)) {
		s->lease[0] = '\0';
		s->due_ms = now.boot_ms;
		return;
	}
	if (etcd_check(&s->etcd, reply, &err) < 0 ||
		wire_etcd_read(&a, reply->body, reply->len, &err) < 0) {
		fail(s, &err);
		return;
	}
	const struct etcd_range *node = a.range_count > 0 ? &a.ranges[a.range_count - 1] : NULL;
	s->taken[0] = '\0';
	if (!a.succeeded && node && node->count > 0 && !was_ours(s, &node->kvs[0]))
		snprintf(s->taken, sizeof s->taken,
			"another node is registered as \"%.60s\": name this one apart (--node)", s->node);
	text_clear(&s->put);
	if (a.succeeded)
		text_add(&s->put, text_str(&s->next));
	else if (!s->taken[0] && node && node->count > 0)
		text_add(&s->put, " "); /* ours from before: written over from now on */
	s->due_ms = now.boot_ms + (a.succeeded || s->taken[0] ? s->ttl_ms / 3 : 0);
	if (a.range_count > 0)
		take(s, &a);
	see(s);
	watch_on(s, a.revision);
	wire_etcd_release(&a);
	go_on(s);
}

/* The node's own words, and the plan. */
static void write_node(struct serve_etcd *s)
{
	struct engine_stand stand;
	struct etcd_node n = {0};
	struct text own = {0};
	struct reading r;
	struct etcd_op then[3], otherwise[3];
	char key[ETCD_KEY_MAX];
	engine_stand(s->engine, &stand, &own);
	text_copy(n.node, sizeof n.node, s->node);
	text_copy(n.url, sizeof n.url, s->url);
	text_copy(n.boot_id, sizeof n.boot_id, stand.boot_id);
	text_copy(n.head, sizeof n.head, stand.control.head);
	n.epoch = stand.control.epoch;
	n.rev = stand.control.rev;
	n.seq = stand.control.seq;
	n.share_bp = stand.control.share_bp;
	text_clear(&s->next);
	etcd_node_write(&s->next, &n);
	read_plan(s, &r, stand.control.agreed_seq);
	size_t count = 0;
	for (; count < r.count; count++)
		then[count] = otherwise[count] = r.ops[count];
	etcd_key(&s->etcd, key, "nodes/%s", s->node);
	bool writes = strcmp(text_str(&s->put), text_str(&s->next)) != 0;
	then[count] = (struct etcd_op){
		.what = ETCD_PUT, .key = key, .value = text_str(&s->next), .lease = s->lease};
	otherwise[count] = (struct etcd_op){.what = ETCD_GET, .key = key};
	/* The first time with this lease nobody else may have the name. */
	const struct etcd_compare fresh = {.key = key, .what = ETCD_CREATE};
	const struct etcd_txn t = {.compare = &fresh,
		.compare_count = s->put.len == 0,
		.then = then,
		.then_count = count + writes,
		.otherwise = otherwise,
		.otherwise_count = count + 1};
	s->asked_revision = s->revision;
	s->asked = etcd_send_txn(&s->etcd, &t, !writes, wrote, s, s->now);
	text_free(&own);
}

static void leased(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct serve_etcd *s = ctx;
	struct err err = {0};
	int64_t ttl_ms;
	bool had = s->lease[0] != '\0';
	s->asked = 0;
	s->now = now;
	if (etcd_check(&s->etcd, reply, &err) < 0 ||
		wire_etcd_read_lease(s->lease, &ttl_ms, reply->body, reply->len, &err) < 0) {
		fail(s, &err);
		return;
	}
	if (!had || !s->lease[0])
		text_clear(&s->put);
	if (s->lease[0])
		write_node(s);
	else
		begin_round(s);
}

static void begin_round(struct serve_etcd *s)
{
	struct text body = {0};
	if (s->lease[0]) {
		wire_etcd_lease(&body, s->lease);
		s->asked = etcd_send(&s->etcd,
			&(struct etcd_request){.path = "/v3/lease/keepalive",
				.body = text_str(&body),
				.reads = true,
				.done = leased,
				.ctx = s},
			s->now);
	} else {
		s->asked = grant(s, s->ttl_ms, leased);
	}
	text_free(&body);
	s->due_ms = s->now.boot_ms + s->ttl_ms / 3;
}

/* What the engine does by itself waits for no round. */
static void look(struct serve_etcd *s)
{
	struct engine_stand stand;
	struct text own = {0};
	if (s->now.boot_ms < s->look_ms)
		return;
	s->look_ms = s->now.boot_ms + LOOK_MS;
	engine_stand(s->engine, &stand, &own);
	bool told = strstr(text_str(&s->put), stand.control.head) != NULL;
	if (s->asked == 0 && s->seen && s->told[0] == '\0' && (own.len > 0 || !told))
		s->due_ms = s->now.boot_ms;
	text_free(&own);
	lead(s);
}

void serve_etcd_turn(struct serve_etcd *s, struct instant now)
{
	s->now = now;
	transport_turn(s->transport, now);
	s->now = now;
	hear(s);
	look(s);
	if (s->asked == 0 && !s->leaving && now.boot_ms >= s->due_ms)
		begin_round(s);
}

void serve_etcd_wait(
	struct serve_etcd *s, struct wait_fd *extra, size_t count, struct instant now)
{
	int64_t due_ms = s->look_ms - now.boot_ms;
	transport_wait(s->transport, extra, count, due_ms < 0 ? 0 : due_ms);
}

/* ---- start and stop ---- */

int serve_etcd_start(struct serve_etcd **out, struct engine *engine,
	const struct serve_etcd_options *how, struct instant now, struct err *err)
{
	struct serve_etcd *s = mem_new(1, sizeof *s);
	s->transport = transport_new();
	s->engine = engine;
	s->node = mem_copy(how->node);
	s->url = mem_copy(how->url);
	s->ttl_ms = how->ttl_ms ? how->ttl_ms : SERVE_ETCD_TTL_MS;
	s->tell = how->tell;
	s->ctx = how->ctx;
	s->now = now;
	if (etcd_open(&s->etcd, how->target, s->transport, err) < 0) {
		serve_etcd_stop(s);
		return -1;
	}
	engine_share(engine);
	lead(s);
	*out = s;
	return 0;
}

static void revoked(void *ctx, const struct transport_reply *reply, struct instant now)
{
	(void)reply, (void)now; /* else the lease runs out */
	struct serve_etcd *s = ctx;
	s->asked = 0;
	s->left = true;
}

void serve_etcd_leave(struct serve_etcd *s, struct instant now)
{
	struct text body = {0};
	s->now = now;
	s->leaving = true;
	etcd_cancel(&s->etcd, s->asked);
	watch_off(s);
	s->left = !s->lease[0] || s->told[0];
	if (s->left)
		return;
	wire_etcd_lease(&body, s->lease);
	s->asked = etcd_send(&s->etcd,
		&(struct etcd_request){
			.path = "/v3/lease/revoke", .body = text_str(&body), .done = revoked, .ctx = s},
		now);
	text_free(&body);
}

bool serve_etcd_left(const struct serve_etcd *s)
{
	return s->left;
}

void serve_etcd_stop(struct serve_etcd *s)
{
	if (!s)
		return;
	etcd_cancel(&s->etcd, s->asked);
	etcd_cancel(&s->etcd, s->watch);
	etcd_close(&s->etcd);
	transport_free(s->transport);
	text_free(&s->put);
	text_free(&s->next);
	text_free(&s->offer);
	text_free(&s->news);
	free(s->node);
	free(s->url);
	free(s);
}
