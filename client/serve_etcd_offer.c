/* What a node did by itself, a brake, a guard's rollback, a raise that went back, offered to
 * the plan by compare-and-set: who loses takes in the winner's and offers what is left of its
 * own. */
#include "client/serve_etcd_parts.h"

#include "client/engine/engine.h"
#include "model/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_LINES 40 /* etcd takes 128 operations in one transaction */
#define INTENT_SPARE_MS (3600 * 1000)

static void swept(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct serve_etcd *s = ctx;
	struct err err = {0};
	s->asked = 0;
	s->now = now;
	if (etcd_check(&s->etcd, reply, &err) < 0)
		serve_etcd_fail(s, &err);
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
	if (etcd_lost_lease(reply)) { /* with all that it had */
		s->intents[0] = '\0';
		s->due_ms = now.boot_ms;
		return;
	}
	if (!serve_etcd_answer(s, reply, &a))
		return;
	serve_etcd_see(s);
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
		serve_etcd_take(s, &a);
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

/* The field of a line, cut to `size`. Fields of a line with its format: 1 seq, 3 verb, 12
 * key. */
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
	struct serve_etcd_reading r;
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
	serve_etcd_read_plan(s, &r, stand.control.agreed_seq);
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
		serve_etcd_fail(s, &err);
		return;
	}
	s->intents_ms = now.boot_ms + INTENT_SPARE_MS;
	serve_etcd_go_on(s); /* by now the watch may have brought another's */
}

void serve_etcd_go_on(struct serve_etcd *s)
{
	struct engine_stand stand;
	struct text own = {0};
	if (s->behind)
		return;
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
			s->asked = serve_etcd_grant(s, ETCD_INTENT_MS + INTENT_SPARE_MS, intents_granted);
	} else if (s->rollback_mod) {
		sweep(s);
	}
	text_free(&own);
}
