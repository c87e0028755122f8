/* Control: decides every change of a pool's split, in the order of refusal of weir.pool/1, and
 * remembers what was decided. Pure but for the store it is given: no clock, no lock, no engine.
 *
 * All it knows follows from its records: what the store replays at start is taken in by the
 * same function that takes in a new change, so a restarted pool stands where the old one stood.
 */
#include "client/engine/control.h"

#include "client/engine/hash.h"
#include "client/engine/store.h"
#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_LIFE_MS (24 * 3600 * 1000)
#define KEYS_MIN 1024
#define KEYS_MAX 65536 /* younger than a day: beyond it steps and voids wait */

#define WHAT_VOID "void"
#define WHAT_FINALIZE "finalize"

struct entry {
	struct store_record record;
	int64_t boot_ms; /* when, on this boot's clock; below 0 for one of an earlier boot */
	bool durable;
};

struct control {
	struct store *store;
	bool has_v2, finalized;
	enum strategy strategy;
	int share_bp, baseline_bp;
	int64_t epoch, rev, seq;
	char plan_hash[POOL_HASH_MAX];
	struct hold hold; /* age_ms unused: see hold_boot_ms */
	int64_t hold_boot_ms;
	struct change change; /* age_ms unused: see change_boot_ms */
	int64_t change_boot_ms;
	int64_t split_seq, hold_seq; /* of the last record that set split, hold */
	uint64_t head;               /* chained hash of all records */
	/* the log, oldest first; `hashes` is the index of its keys */
	struct entry *entries;
	size_t count, cap;
	uint64_t *hashes;
	size_t hash_cap;
};

/* ---- taking in ---- */

static bool changes_split(const char *what)
{
	enum verb v = verb_of(what);
	return v == VERB_STEP || v == VERB_ROLLBACK;
}

static void prune(struct control *c, struct instant now)
{
	size_t old = 0;
	while (c->count - old > KEYS_MIN && now.boot_ms - c->entries[old].boot_ms > KEY_LIFE_MS)
		old++;
	/* In batches, so that a full log is not moved by every change. */
	if (old < KEYS_MIN / 4)
		return;
	c->count -= old;
	memmove(c->entries, c->entries + old, c->count * sizeof *c->entries);
	memmove(c->hashes, c->hashes + old, c->count * sizeof *c->hashes);
}

static void take_split(struct control *c, const struct store_record *r,
	const struct control_counts *counts, int64_t boot_ms)
{
	c->strategy = r->strategy;
	c->share_bp = r->to_bp;
	c->split_seq = r->seq;
	c->change_boot_ms = boot_ms;
	c->change.known = true;
	text_copy(c->change.actor, sizeof c->change.actor, r->actor);
	for (int i = 0; i < ARM_COUNT; i++)
		c->change.arms[i] = counts->arms[i];
}

static void take_hold(struct control *c, const struct store_record *r, int64_t boot_ms)
{
	c->hold_seq = r->seq;
	c->hold.on = r->held;
	c->hold_boot_ms = boot_ms;
	text_copy(c->hold.actor, sizeof c->hold.actor, r->held ? r->actor : "");
	text_copy(c->hold.reason, sizeof c->hold.reason, r->held ? r->reason : "");
}

static void take(struct control *c, const struct store_record *r,
	const struct control_counts *counts, int64_t boot_ms, bool durable)
{
	mem_grow(&c->entries, &c->cap, c->count + 1, sizeof *c->entries);
	mem_grow(&c->hashes, &c->hash_cap, c->count + 1, sizeof *c->hashes);
	c->entries[c->count] = (struct entry){.record = *r, .boot_ms = boot_ms, .durable = durable};
	c->hashes[c->count++] = hash_bytes(r->key, strlen(r->key), 0);
	if (!r->seq)
		return;

	struct text line = {0};
	store_line(&line, r);
	c->head = hash_bytes(line.data, line.len, c->head);
	text_free(&line);
	enum verb verb = verb_of(r->what);
	c->seq = r->seq;
	c->epoch = r->epoch;
	c->rev = r->rev;
	c->baseline_bp = r->baseline_bp;
	c->finalized |= !strcmp(r->what, WHAT_FINALIZE);
	text_copy(c->plan_hash, sizeof c->plan_hash, r->plan_hash);
	/* A record also tells of changes before it that could not be stored, after a restart. */
	if (changes_split(r->what) || c->share_bp != r->to_bp || c->strategy != r->strategy)
		take_split(c, r, counts, boot_ms);
	if (verb == VERB_HOLD || verb == VERB_RESUME || verb == VERB_ROLLBACK ||
		c->hold.on != r->held)
		take_hold(c, r, boot_ms);
}

static int64_t age(int64_t boot_ms, struct instant now)
{
	return now.boot_ms > boot_ms ? now.boot_ms - boot_ms : 0;
}

struct control *control_new(
	const struct control_options *how, struct store *store, struct instant now, struct err *err)
{
	int implied_bp = strategy_share_bp(how->strategy);
	assert(how->share_bp >= 0 && how->share_bp <= SHARE_FULL);
	struct control *c = mem_new(1, sizeof *c);
	c->store = store;
	c->has_v2 = how->has_v2;
	c->share_bp = how->share_bp;
	c->strategy =
		implied_bp >= 0 && implied_bp != how->share_bp ? STRATEGY_CANARY : how->strategy;
	c->baseline_bp = -1;
	c->epoch = how->epoch ? how->epoch : now.wall_ms;
	c->rev = 0;
	struct control_counts zero = {0};
	const struct store_record *r;
	for (size_t i = 0; store && (r = store_record_at(store, i)); i++) {
		int64_t past_ms = now.wall_ms > r->wall_ms ? now.wall_ms - r->wall_ms : 0;
		take(c, r, &zero, now.boot_ms - past_ms, true);
	}
	prune(c, now);
	if (!c->has_v2 && (c->share_bp > 0 || strategy_share_bp(c->strategy) > 0)) {
		err_set(err, ERR_CONFIG,
			"the share is %.2f%% and there is no v2; start with one, or at 0%%",
			c->share_bp / 100.0);
		control_free(c);
		return NULL;
	}
	return c;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	free(c->entries);
	free(c->hashes);
	free(c);
}

/* ---- deciding ---- */

static const struct entry *find_key(const struct control *c, const char *key)
{
	uint64_t hash = hash_bytes(key, strlen(key), 0);
	for (size_t i = c->count; i-- > 0;) {
		if (c->hashes[i] == hash && !strcmp(c->entries[i].record.key, key))
			return &c->entries[i];
	}
	return NULL;
}

static bool is_void(const struct entry *e)
{
	return !e->record.seq;
}

static bool is_crowded(const struct control *c, struct instant now)
{
	return c->count >= KEYS_MAX && age(c->entries[0].boot_ms, now) <= KEY_LIFE_MS;
}

static void fill_current(
	const struct control *c, struct instant now, struct control_answer *out)
{
	*out = (struct control_answer){
		.epoch = c->epoch, .rev = c->rev, .share_bp = c->share_bp, .changed_age_ms = UNKNOWN};
	if (c->change.known) {
		text_copy(out->changed_by, sizeof out->changed_by, c->change.actor);
		out->changed_age_ms = age(c->change_boot_ms, now);
	}
}

__attribute__((format(printf, 4, 5))) static bool refuse(
	struct control_answer *out, int status, const char *word, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(out->message, sizeof out->message, format, args);
	va_end(args);
	text_clean_in(out->message, sizeof out->message);
	out->status = status;
	text_copy(out->error, sizeof out->error, word);
	return false;
}

static bool replay(
	const struct entry *e, const struct control_request *r, struct control_answer *out)
{
	if (is_void(e))
		return refuse(out, 422, "void", "the key \"%s\" was voided and never applies", r->key);
	if (e->record.body_hash != r->body_hash || verb_of(e->record.what) != r->verb)
		return refuse(
			out, 422, "key_reused", "the key \"%s\" belongs to another change", r->key);
	out->status = 200;
	out->epoch = e->record.epoch;
	out->rev = e->record.rev;
	out->share_bp = e->record.to_bp;
	out->replayed = true;
	out->durable = e->durable;
	return true;
}

/* The strategy after a step: the one asked for; else the one in force, unless it implies
 * another share. */
static enum strategy strategy_after(const struct control *c, const struct control_request *r)
{
	if (r->strategy != STRATEGY_COUNT)
		return r->strategy;
	int implied_bp = strategy_share_bp(c->strategy);
	return implied_bp < 0 || implied_bp == r->to_bp ? c->strategy : STRATEGY_CANARY;
}

static bool is_current(
	const struct control *c, const struct control_request *r, struct control_answer *out)
{
	if (r->match_epoch != c->epoch || r->match_rev != c->rev)
		return refuse(out, 412, "conflict",
			"decided on %" PRId64 ".%" PRId64 ", now it is %" PRId64 ".%" PRId64
			" at %d bp; look again",
			r->match_epoch, r->match_rev, c->epoch, c->rev, c->share_bp);
	if (r->from_bp >= 0 && r->from_bp != c->share_bp)
		return refuse(out, 412, "conflict",
			"decided on a share of %d bp, now it is %d bp; look again", r->from_bp,
			c->share_bp);
	return true;
}

static bool is_within_limits(
	const struct control *c, const struct control_request *r, struct control_answer *out)
{
	if (r->to_bp < 0 || r->to_bp > SHARE_FULL)
		return refuse(out, 422, "limit", "the share %d is not 0 to %d basis points", r->to_bp,
			SHARE_FULL);
	if (!c->has_v2 && (r->to_bp > 0 || strategy_after(c, r) == STRATEGY_SHADOW))
		return refuse(out, 422, "limit", "this pool has no v2");
	int implied_bp = strategy_share_bp(strategy_after(c, r));
	if (implied_bp >= 0 && implied_bp != r->to_bp)
		return refuse(out, 422, "limit", "\"%s\" means a share of %d bp, not %d",
			strategy_name(r->strategy), implied_bp, r->to_bp);
	return true;
}

static bool is_well_formed(const struct control_request *r, struct control_answer *out)
{
	if (r->verb == VERB_STEP && !r->has_match)
		return refuse(out, 428, "no_match", "a change of split needs If-Match");
	if (!text_is_name(r->key, POOL_ID_MAX - 1))
		return refuse(out, 400, "no_key",
			"an Idempotency-Key of 1 to 64 letters, digits and ._:- is needed");
	if (!verb_is_sent(r->verb))
		return refuse(out, 400, "bad_body", "this is no change of a pool");
	if (!r->actor[0])
		return refuse(out, 400, "bad_body", "the actor is missing");
	if (r->plan_hash[0] && !text_is_name(r->plan_hash, POOL_HASH_MAX - 1))
		return refuse(out, 400, "bad_body", "the plan hash is not a name");
	return true;
}

/* The order of refusal of weir.pool/1, after key and form. */
static bool is_allowed(const struct control *c, const struct control_request *r,
	struct instant now, struct control_answer *out)
{
	if (c->finalized)
		return refuse(out, 410, "finalized", "the migration is finished; there is no way back");
	if (r->verb != VERB_STEP)
		return true;
	if (!is_current(c, r, out))
		return false;
	if (c->hold.on && r->to_bp > c->share_bp)
		return refuse(out, 409, "held", "held by %s: %s", c->hold.actor, c->hold.reason);
	if (!is_within_limits(c, r, out))
		return false;
	if (is_crowded(c, now))
		return refuse(
			out, 507, "not_stored", "%d changes within a day; no room for more", KEYS_MAX);
	return true;
}

/* What the pool would be after the change. */
static void draft(const struct control *c, const struct control_request *r, struct instant now,
	struct store_record *out)
{
	*out = (struct store_record){
		.seq = c->seq + 1,
		.wall_ms = now.wall_ms,
		.from_bp = c->share_bp,
		.to_bp = c->share_bp,
		.epoch = c->epoch,
		.rev = c->rev,
		.strategy = c->strategy,
		.baseline_bp = c->baseline_bp,
		.held = c->hold.on,
		.body_hash = r->body_hash,
	};
	text_copy(out->what, sizeof out->what, verb_row(r->verb)->word);
	text_copy(out->plan_hash, sizeof out->plan_hash, c->plan_hash);
	text_copy(out->key, sizeof out->key, r->key);
	text_clean(out->actor, sizeof out->actor, r->actor, strlen(r->actor));
	text_clean(out->reason, sizeof out->reason, r->reason, strlen(r->reason));

	bool open = c->baseline_bp >= 0 && c->share_bp != c->baseline_bp;
	if (r->verb == VERB_STEP) {
		out->rev++;
		out->to_bp = r->to_bp;
		out->strategy = strategy_after(c, r);
		if (r->to_bp > c->share_bp && c->share_bp == 0 && !open) {
			out->baseline_bp = 0;
			text_copy(out->plan_hash, sizeof out->plan_hash, r->plan_hash);
		}
	} else if (r->verb == VERB_ROLLBACK) {
		out->rev++;
		out->epoch++;
		out->to_bp = c->baseline_bp > 0 ? c->baseline_bp : 0;
		out->strategy = out->to_bp > 0 ? STRATEGY_CANARY : STRATEGY_PRIMARY_ONLY;
		out->held = false;
	} else {
		out->held = r->verb == VERB_HOLD;
	}
}

void control_change(struct control *c, const struct control_request *r,
	const struct control_counts *counts, struct instant now, struct control_answer *out)
{
	fill_current(c, now, out);
	if (!is_well_formed(r, out))
		return;
	const struct entry *known = find_key(c, r->key);
	if (known) {
		replay(known, r, out);
		return;
	}
	if (!is_allowed(c, r, now, out))
		return;

	struct store_record record;
	draft(c, r, now, &record);
	bool stored = !c->store || store_append(c->store, &record);
	if (!stored && r->verb != VERB_ROLLBACK && r->verb != VERB_HOLD) {
		refuse(out, 507, "not_stored",
			"the pool cannot write its control log; nothing was changed");
		return;
	}
	take(c, &record, counts, now.boot_ms, stored);
	prune(c, now);
	fill_current(c, now, out);
	out->status = 200;
	out->durable = stored;
}

void control_recount(struct control *c, const struct control_counts *counts)
{
	assert(c->change.known);
	for (int i = 0; i < ARM_COUNT; i++)
		c->change.arms[i] = counts->arms[i];
}

/* ---- telling ---- */

static const char *const fate_names[] = {
	[INTENT_UNKNOWN] = "unknown",
	[INTENT_APPLIED] = "applied",
	[INTENT_SUPERSEDED] = "superseded",
	[INTENT_VOID] = "void",
};

const char *intent_fate_name(enum intent_fate f)
{
	return fate_names[f];
}

static enum intent_fate fate(const struct control *c, const struct entry *e)
{
	if (is_void(e))
		return INTENT_VOID;
	int64_t last = changes_split(e->record.what) ? c->split_seq : c->hold_seq;
	return e->record.seq == last ? INTENT_APPLIED : INTENT_SUPERSEDED;
}

enum intent_fate control_intent(struct control *c, const char *key, bool make_void,
	struct instant now, struct control_answer *out)
{
	struct control_answer ignored;
	if (!out)
		out = &ignored;
	fill_current(c, now, out);
	if (!text_is_name(key, POOL_ID_MAX - 1)) {
		refuse(out, 400, "no_key", "this is no key");
		return INTENT_UNKNOWN;
	}
	out->status = 200;
	const struct entry *known = find_key(c, key);
	if (known) {
		if (!is_void(known)) {
			out->epoch = known->record.epoch;
			out->rev = known->record.rev;
			out->share_bp = known->record.to_bp;
		}
		out->durable = known->durable;
		return fate(c, known);
	}
	if (!make_void)
		return INTENT_UNKNOWN;

	struct store_record record = {
		.wall_ms = now.wall_ms,
		.what = WHAT_VOID,
		.from_bp = c->share_bp,
		.to_bp = c->share_bp,
		.epoch = c->epoch,
		.rev = c->rev,
		.strategy = c->strategy,
		.baseline_bp = c->baseline_bp,
		.held = c->hold.on,
	};
	text_copy(record.key, sizeof record.key, key);
	if (is_crowded(c, now) || (c->store && !store_append(c->store, &record))) {
		refuse(out, 507, "not_stored",
			"the pool cannot write its control log; the key is not void");
		return INTENT_UNKNOWN;
	}
	take(c, &record, NULL, now.boot_ms, true);
	prune(c, now);
	out->durable = true;
	return INTENT_VOID;
}

size_t control_audit(const struct control *c, int64_t since, struct audit_entry *out,
	size_t max, struct instant now)
{
	size_t n = 0;
	for (size_t i = 0; i < c->count && n < max; i++) {
		const struct store_record *r = &c->entries[i].record;
		if (!r->seq || r->seq <= since)
			continue;
		struct audit_entry *e = &out[n++];
		*e = (struct audit_entry){.seq = r->seq,
			.from_bp = r->from_bp,
			.to_bp = r->to_bp,
			.epoch = r->epoch,
			.rev = r->rev,
			.age_ms = age(c->entries[i].boot_ms, now)};
		text_copy(e->what, sizeof e->what, r->what);
		text_copy(e->key, sizeof e->key, r->key);
		text_copy(e->actor, sizeof e->actor, r->actor);
		text_copy(e->reason, sizeof e->reason, r->reason);
	}
	return n;
}

void control_fill(const struct control *c, struct snapshot *s, struct instant now)
{
	s->epoch = c->epoch;
	s->rev = c->rev;
	s->strategy = c->strategy;
	s->share_bp = c->share_bp;
	s->baseline_bp = c->baseline_bp;
	s->kept_bp = c->share_bp;
	s->finalized = c->finalized;
	text_copy(s->plan_hash, sizeof s->plan_hash, c->plan_hash);
	s->hold = c->hold;
	s->hold.age_ms = c->hold.on ? age(c->hold_boot_ms, now) : UNKNOWN;
	s->change = c->change;
	s->change.age_ms = c->change.known ? age(c->change_boot_ms, now) : UNKNOWN;
	s->audit_seq = c->seq;
	snprintf(s->audit_head, sizeof s->audit_head, "%016" PRIx64, c->head);
}

void control_split(const struct control *c, enum strategy *strategy, int *share_bp)
{
	*strategy = c->strategy;
	*share_bp = c->share_bp;
}
