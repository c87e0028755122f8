/* The plan as a node takes it in: its newest line, the changes that it missed, who holds the
 * lease, what a hand without weir asks. What the node makes of a line is its engine's; what it
 * offers is serve_etcd_offer.c's.
 *
 * 1. Lines are taken in by the order of their mod_revision, by range and by watch alike, and
 *    none is passed over while etcd has it.
 * 2. An etcd that lost its data, was restored from an older copy, or was not told of what was
 *    done here before a restart, gets the newest word that a node has; what was changed there
 *    since is newer. */
#include "client/serve_etcd_parts.h"

#include "client/engine/engine.h"
#include "client/engine/store_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLDER_MS 30000
#define AUDIT_MAX CONTROL_PAST /* of missed changes at once: the longest fit into an answer */

/* What the node is goes to the plan: what was done by itself and is still to be offered
 * does. */
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

static int64_t agreed_seq(const struct serve_etcd *s)
{
	struct engine_stand stand;
	struct text own = {0};
	engine_stand(s->engine, &stand, &own);
	text_free(&own);
	return stand.control.agreed_seq;
}

/* The changes that were missed, in their order. False where there are more than were read. */
static bool catch_up(struct serve_etcd *s, const struct etcd_range *missed,
	const struct etcd_kv *split, bool live)
{
	bool compares = !s->met;
	if (compares)
		meet(s, missed);
	int64_t agreed = agreed_seq(s);
	for (size_t i = 0; i < missed->count; i++)
		if (missed->kvs[i].mod < split->mod && seq_of(&missed->kvs[i]) > agreed)
			adopt(s, &missed->kvs[i], live);
	/* where nothing of them fits, there is no waiting for the rest */
	s->behind = missed->total > (int64_t)missed->count && (compares || agreed_seq(s) > agreed);
	return !s->behind;
}

/* Everything under now/, and the changes that were missed. */
void serve_etcd_take(struct serve_etcd *s, const struct etcd_answer *a)
{
	char key[ETCD_KEY_MAX];
	const struct etcd_range *now = &a->ranges[0];
	/* Who has just looked knows how young it is, whatever two clocks say. */
	bool live = s->split_mod > 0 && s->now.boot_ms - s->seen_ms <= s->ttl_ms && !s->behind;
	s->behind = false;
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
		if (a->range_count < 2 || catch_up(s, &a->ranges[1], split, live))
			adopt(s, split, live);
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

void serve_etcd_read_plan(
	const struct serve_etcd *s, struct serve_etcd_reading *r, int64_t agreed_seq)
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

void serve_etcd_hear(struct serve_etcd *s, const struct etcd_kv *kv)
{
	char prefix[ETCD_KEY_MAX];
	etcd_key(&s->etcd, prefix, "now/");
	size_t len = strlen(prefix);
	if (strncmp(kv->key, prefix, len) != 0)
		return;
	const char *name = kv->key + len;
	if (strcmp(name, "split") == 0 && !kv->deleted && !s->behind)
		adopt(s, kv, true);
	else if (strcmp(name, "lease") == 0)
		hear_lease(s, kv);
	else if (strcmp(name, "rollback") == 0 && !kv->deleted && kv->mod != s->rollback_mod)
		roll_back(s, kv);
}
