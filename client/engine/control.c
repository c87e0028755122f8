/* Control: decides every change of a pool's split and remembers what was decided. Pure but for
 * the store it is given: no clock, no lock, no engine. What is refused, control_rule.c says;
 * what time does, control_time.c.
 *
 * All it knows follows from its records: what the store replays at start is taken in by the
 * same function that takes in a new change, so a restarted pool stands where the old one stood.
 */
#include "client/engine/control.h"

#include "client/engine/control_state.h"
#include "client/engine/store.h"
#include "model/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- taking in ---- */

#define BIT(aspect) (1u << ASPECT_##aspect)

/* What a change is about, and all that it sets. */
static const struct effect {
	const char *what;
	enum aspect about;
	unsigned sets;
} effects[] = {
	{"step", ASPECT_SPLIT, BIT(SPLIT) | BIT(KEEP)},
	{"rollback", ASPECT_SPLIT, BIT(SPLIT) | BIT(KEEP) | BIT(HOLD) | BIT(LEASE)},
	{STORE_REVERT, ASPECT_SPLIT, BIT(SPLIT) | BIT(KEEP) | BIT(HOLD)},
	{"hold", ASPECT_HOLD, BIT(HOLD)},
	{"resume", ASPECT_HOLD, BIT(HOLD)},
	{"keep", ASPECT_KEEP, BIT(KEEP)},
	{"operations", ASPECT_OPERATIONS, BIT(OPERATIONS)},
	{"arm", ASPECT_PLAN, BIT(PLAN)},
	{"disarm", ASPECT_PLAN, BIT(PLAN) | BIT(KEEP)},
	{"take", ASPECT_LEASE, BIT(LEASE)},
	{"guard", ASPECT_GUARD, BIT(GUARD)},
	{"drain", ASPECT_DRAIN, BIT(DRAIN)},
	{STORE_FINALIZE, ASPECT_END, BIT(END) | BIT(LEASE)},
	{STORE_BEGIN, ASPECT_PLAN, 0},
};

/* NULL for a word that no change has. */
static const struct effect *effect_of(const char *what)
{
	for (size_t i = 0; i < sizeof effects / sizeof *effects; i++)
		if (!strcmp(effects[i].what, what))
			return &effects[i];
	return NULL;
}

bool control_knows(const char *what)
{
	return effect_of(what) != NULL;
}

static void take_split(struct control *c, const struct store_record *r,
	const struct control_counts *counts, int64_t boot_ms)
{
	c->strategy = r->strategy;
	c->share_bp = r->to_bp;
	c->change_boot_ms = boot_ms;
	c->change.known = true;
	text_copy(c->change.actor, sizeof c->change.actor, r->actor);
	for (int i = 0; i < ARM_COUNT; i++)
		c->change.arms[i] = counts->arms[i];
}

static void take_hold(struct control *c, const struct store_record *r, int64_t boot_ms)
{
	c->hold.on = r->held;
	c->hold_boot_ms = boot_ms;
	text_copy(c->hold.actor, sizeof c->hold.actor, r->held ? r->actor : "");
	text_copy(c->hold.reason, sizeof c->hold.reason, r->held ? r->reason : "");
}

static void take_operations(struct control *c, const char *names)
{
	struct operation_set *s = &c->operations;
	*s = (struct operation_set){.limited = names};
	text_clear(&c->operation_text);
	text_add(&c->operation_text, names ? names : "");
	while (names && *names && s->count < OPERATIONS_MAX) {
		size_t len = strcspn(names, ",");
		snprintf(s->name[s->count++], sizeof s->name[0], "%.*s", (int)len, names);
		names += len + (names[len] == ',');
	}
}

/* The deadline of a wall clock on this boot's: it has passed, or at most `most` is left. */
static int64_t deadline(int64_t wall_ms, int64_t most_ms, struct instant now)
{
	int64_t left_ms = wall_ms - now.wall_ms;
	return now.boot_ms + (left_ms < 0 ? 0 : left_ms < most_ms ? left_ms : most_ms);
}

/* Deadlines that stand as they stood keep this boot's clock, whatever the wall clock does. */
static void take_deadlines(struct control *c, const struct store_record *r, struct instant now)
{
	if (c->keep_ms != r->keep_ms || c->keep_wall_ms != r->keep_wall_ms) {
		c->keep_ms = r->keep_ms;
		c->keep_wall_ms = r->keep_wall_ms;
		c->keep_boot_ms = r->keep_wall_ms ? deadline(r->keep_wall_ms, r->keep_ms, now) : NEVER;
	}
	if (c->guard_hold_wall_ms != r->guard_hold_wall_ms) {
		c->guard_hold_wall_ms = r->guard_hold_wall_ms;
		c->guard_hold_boot_ms = deadline(r->guard_hold_wall_ms, GUARD_HOLD_MAX_MS, now);
	}
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* A record also tells of changes before it that could not be stored, after a restart. */
static unsigned sets_of(const struct control *c, const struct store_record *r)
{
	unsigned sets = effect_of(r->what)->sets;
	const char *names = c->operations.limited ? text_str(&c->operation_text) : NULL;
	if (c->share_bp != r->to_bp || c->strategy != r->strategy)
		sets |= BIT(SPLIT);
	if (c->hold.on != r->held)
		sets |= BIT(HOLD);
	if (!is_same_text(names, r->operations))
		sets |= BIT(OPERATIONS);
	return sets;
}

static void take_end(struct control *c, const struct store_record *r, int64_t boot_ms)
{
	c->finalized = true;
	c->finished_boot_ms = boot_ms;
	text_copy(c->finished_by, sizeof c->finished_by, r->actor);
	text_copy(c->finished_why, sizeof c->finished_why, r->reason);
}

static void take_history(struct control *c, const struct store_record *r)
{
	if (!r->history_head[0])
		return;
	text_copy(c->history_head, sizeof c->history_head, r->history_head);
	text_copy(c->history_by, sizeof c->history_by, r->actor);
}

void control_take(struct control *c, const struct store_record *r,
	const struct control_counts *counts, int64_t boot_ms, struct instant now, uint64_t ticket)
{
	control_log_add(&c->log, r, boot_ms, ticket);
	if (!r->seq)
		return;
	unsigned sets = sets_of(c, r);
	for (int i = 0; i < ASPECT_COUNT; i++)
		c->set_seq[i] = sets & 1u << i ? r->seq : c->set_seq[i];
	c->head = r->head;
	c->seq = r->seq;
	c->epoch = r->epoch;
	c->rev = r->rev;
	c->baseline_bp = r->baseline_bp;
	c->kept_bp = r->kept_bp;
	c->on_orphan = r->on_orphan;
	c->limits = r->guard;
	text_copy(c->plan_hash, sizeof c->plan_hash, r->plan_hash);
	take_deadlines(c, r, now);
	take_history(c, r);
	if (sets & (BIT(SPLIT) | BIT(OPERATIONS)))
		take_split(c, r, counts, boot_ms);
	if (sets & BIT(HOLD))
		take_hold(c, r, boot_ms);
	if (sets & BIT(OPERATIONS))
		take_operations(c, r->operations);
	if (sets & BIT(END))
		take_end(c, r, boot_ms);
	if (sets & BIT(LEASE) && verb_of(r->what) != VERB_TAKE)
		c->holder[0] = '\0';
}

/* ---- making ---- */

void control_do(struct control *c, struct store_record *r, const struct control_counts *counts,
	struct instant now)
{
	r->head = store_record_head(r, c->head);
	uint64_t ticket = c->store ? store_begin(c->store, r, true) : 0;
	control_take(c, r, counts, now.boot_ms, now, ticket);
	control_note_own(c, r);
	control_log_prune(&c->log, now);
}

/* 0, or -1 with err: what is not understood cannot be passed over, since a pool that took it for
 * nothing, or for something else, would stand elsewhere than it did. */
static int replay_store(struct control *c, struct instant now, struct err *err)
{
	static const struct control_counts zero;
	const struct store_record *r;
	size_t count = 0;
	while (store_record_at(c->store, count))
		count++;
	for (size_t i = 0; (r = store_record_at(c->store, i)); i++) {
		if (r->seq && !effect_of(r->what))
			return err_set(err, ERR_NEWER,
				"change %" PRId64 " of the control log (its line %" PRId64
				") is \"%s\", which this weir does not know: start the one that wrote it, or "
				"with an empty directory",
				r->seq, r->line, r->what);
		int64_t past_ms = now.wall_ms > r->wall_ms ? now.wall_ms - r->wall_ms : 0;
		if (r->seq && r->seq <= c->seq)
			control_log_cut(&c->log, r->seq); /* a plan that is shared went on from there */
		control_take(c, r, &zero, now.boot_ms - past_ms, now, 0);
		if (r->seq && i + CONTROL_PAST >= count)
			control_note_past(c, r);
	}
	store_forget(c->store);
	control_log_prune(&c->log, now);
	return 0;
}

static void allow(struct control *c, const struct operation_set *allowed)
{
	struct text names = {0};
	for (int i = 0; i < allowed->count; i++)
		text_addf(&names, "%s%s", i ? "," : "", allowed->name[i]);
	take_operations(c, text_str(&names));
	text_free(&names);
}

struct control *control_new(
	const struct control_options *how, struct store *store, struct instant now, struct err *err)
{
	int implied_bp = strategy_share_bp(how->strategy);
	assert(how->share_bp >= 0 && how->share_bp <= SHARE_FULL);
	struct control *c = mem_new(1, sizeof *c);
	c->store = store;
	c->has_v2 = how->has_v2;
	c->known = how->known;
	c->share_bp = c->kept_bp = how->share_bp;
	c->strategy =
		implied_bp >= 0 && implied_bp != how->share_bp ? STRATEGY_CANARY : how->strategy;
	c->baseline_bp = -1;
	c->epoch = how->epoch ? how->epoch : now.wall_ms;
	c->keep_boot_ms = NEVER;
	c->guard_boot_ms = now.boot_ms;
	guard_limits_init(&c->limits);
	if (how->allowed)
		allow(c, how->allowed);
	if (store && replay_store(c, now, err)) {
		control_free(c);
		return NULL;
	}
	if (!c->has_v2 && c->share_bp > 0) {
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
	control_log_free(&c->log);
	text_free(&c->operation_text);
	text_free(&c->own);
	text_free(&c->past);
	free(c);
}

/* ---- deciding ---- */

static int64_t age(int64_t boot_ms, struct instant now)
{
	return now.boot_ms > boot_ms ? now.boot_ms - boot_ms : 0;
}

void control_fill_current(
	const struct control *c, struct instant now, struct control_answer *out)
{
	*out = (struct control_answer){
		.epoch = c->epoch, .rev = c->rev, .share_bp = c->share_bp, .changed_age_ms = UNKNOWN};
	if (c->change.known) {
		text_copy(out->changed_by, sizeof out->changed_by, c->change.actor);
		out->changed_age_ms = age(c->change_boot_ms, now);
	}
}

static bool is_stored(const struct control *c, const struct log_entry *e)
{
	return !e->ticket || store_fate(c->store, e->ticket) == STORE_STORED;
}

static void replay(const struct control *c, const struct log_entry *e,
	const struct control_request *r, struct control_answer *out)
{
	if (!e->seq) {
		control_refuse(out, 422, "void", "the key \"%s\" was voided and never applies", r->key);
	} else if (e->body_hash != r->body_hash || verb_of(e->what) != r->verb) {
		control_refuse(
			out, 422, "key_reused", "the key \"%s\" belongs to another change", r->key);
	} else {
		out->status = 200;
		out->epoch = e->epoch;
		out->rev = e->rev;
		out->share_bp = e->to_bp;
		out->replayed = true;
		out->durable = is_stored(c, e);
	}
}

static void refuse_open(struct control_answer *out, int status)
{
	control_refuse(out, status, "in_progress",
		"the disk has not answered yet; ask for the fate of the key");
}

static void refuse_unstored(struct control_answer *out)
{
	control_refuse(
		out, 507, "not_stored", "the pool cannot write its control log; nothing was changed");
}

static void draft_void(
	const struct control *c, const char *key, struct instant now, struct store_record *out)
{
	control_draft(c, STORE_VOID, now, out);
	out->seq = 0;
	out->operations = NULL;
	out->actor[0] = '\0';
	text_copy(out->key, sizeof out->key, key);
}

void control_clear_pending(struct control *c, struct instant now)
{
	struct pending *p = &c->pending;
	enum store_fate f = p->ticket ? store_fate(c->store, p->ticket) : STORE_WAITING;
	if (f == STORE_WAITING)
		return;
	if (f == STORE_STORED)
		control_take(c, &p->undo, NULL, now.boot_ms, now, 0);
	*p = (struct pending){0};
}

/* Whoever sent a change was told that it was refused: a copy of it, still on its way when there is
 * room again, must not be taken. */
static void spend(struct control *c, const char *key)
{
	text_copy(c->spent[c->spent_count++ % SPENT_KEYS], POOL_ID_MAX, key);
}

static bool is_spent(const struct control *c, const char *key)
{
	for (int i = 0; i < SPENT_KEYS; i++)
		if (strcmp(c->spent[i], key) == 0)
			return true;
	return false;
}

/* True when the change is on the disk, or nothing keeps it; else it is refused. */
static bool store(struct control *c, const struct store_record *r, struct instant now,
	struct control_answer *out)
{
	if (!c->store)
		return true;
	if (store_is_stalled(c->store)) {
		refuse_unstored(out);
		return false;
	}
	struct store_record undo;
	draft_void(c, r->key, now, &undo);
	uint64_t ticket = store_begin(c->store, r, false);
	enum store_fate f = store_wait(c->store, ticket, false);
	if (f == STORE_WAITING && r->seq)
		f = store_abandon(c->store, ticket, &undo);
	if (f == STORE_STORED)
		return true;
	if (f == STORE_FAILED) {
		refuse_unstored(out);
		return false;
	}
	c->pending = (struct pending){.ticket = ticket, .undo = undo};
	refuse_open(out, 503);
	return false;
}

/* What is not in the record: a lease lasts as long as its process renews it, and what a guard
 * saw is told anew. */
static void take_moment(struct control *c, const struct control_request *r, struct instant now)
{
	if (r->verb == VERB_RESUME)
		control_guard_resume(c, now);
	if (r->verb == VERB_TAKE) {
		text_clean(c->holder, sizeof c->holder, r->actor, strlen(r->actor));
		c->lease_boot_ms = now.boot_ms + r->ttl_ms;
	}
}

static void accept(struct control *c, const struct control_request *r,
	const struct control_counts *counts, struct instant now, struct control_answer *out)
{
	struct store_record record;
	struct text names = {0};
	bool brakes = verb_is_brake(r->verb);
	control_draft_change(c, r, now, &names, &record);
	if (brakes || store(c, &record, now, out)) {
		uint64_t ticket = brakes && c->store ? store_begin(c->store, &record, true) : 0;
		control_take(c, &record, counts, now.boot_ms, now, ticket);
		control_note_own(c, &record);
		take_moment(c, r, now);
		control_log_prune(&c->log, now);
		control_fill_current(c, now, out);
		out->status = 200;
		out->durable = !ticket;
	} else if (out->status == 507) {
		spend(c, r->key);
	}
	text_free(&names);
}

void control_change(struct control *c, const struct control_request *r,
	const struct control_counts *counts, struct instant now, struct control_answer *out)
{
	struct control_request adopt;
	if (r->verb == VERB_ADOPT) {
		adopt = *r;
		adopt.verb = VERB_HOLD;
		r = &adopt;
	}
	control_clear_pending(c, now);
	control_fill_current(c, now, out);
	if (!control_is_well_formed(r, out))
		return;
	const struct log_entry *known = control_log_find(&c->log, r->key);
	if (known)
		replay(c, known, r, out);
	else if (c->pending.ticket && !strcmp(c->pending.undo.key, r->key))
		refuse_open(out, 409);
	else if (is_spent(c, r->key))
		control_refuse(out, 507, "not_stored",
			"a change with this key was refused for want of room; decide anew, with another key");
	else if (control_is_followed(c, r, out) && control_is_allowed(c, r, now, out))
		accept(c, r, counts, now, out);
}

void control_settle(struct control *c, struct control_answer *out)
{
	if (out->status != 200 || out->durable || out->replayed)
		return;
	struct log_entry *newest = &c->log.entries[c->log.count - 1];
	out->durable = store_wait(c->store, newest->ticket, true) == STORE_STORED;
}

void control_recount(struct control *c, const struct control_counts *counts)
{
	assert(c->change.known);
	for (int i = 0; i < ARM_COUNT; i++)
		c->change.arms[i] = counts->arms[i];
}

/* ---- keys ---- */

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

static enum intent_fate fate(const struct control *c, const struct log_entry *e)
{
	if (!e->seq)
		return INTENT_VOID;
	return e->seq == c->set_seq[effect_of(e->what)->about] ? INTENT_APPLIED : INTENT_SUPERSEDED;
}

static enum intent_fate tell_fate(
	const struct control *c, const struct log_entry *e, struct control_answer *out)
{
	if (e->seq) {
		out->epoch = e->epoch;
		out->rev = e->rev;
		out->share_bp = e->to_bp;
	}
	out->durable = is_stored(c, e);
	return fate(c, e);
}

enum intent_fate control_intent(struct control *c, const char *key, bool make_void,
	struct instant now, struct control_answer *out)
{
	struct control_answer ignored;
	out = out ? out : &ignored;
	control_clear_pending(c, now);
	control_fill_current(c, now, out);
	if (!text_is_name(key, POOL_ID_MAX - 1)) {
		control_refuse(out, 400, "no_key", "this is no key");
		return INTENT_UNKNOWN;
	}
	out->status = 200;
	const struct log_entry *known = control_log_find(&c->log, key);
	if (known)
		return tell_fate(c, known, out);
	if (c->pending.ticket && !strcmp(c->pending.undo.key, key)) {
		refuse_open(out, 503);
		return INTENT_UNKNOWN;
	}
	if (!make_void)
		return INTENT_UNKNOWN;

	struct store_record record;
	draft_void(c, key, now, &record);
	if (control_log_is_crowded(&c->log, now)) {
		refuse_unstored(out);
		return INTENT_UNKNOWN;
	}
	if (!store(c, &record, now, out))
		return INTENT_UNKNOWN;
	control_take(c, &record, NULL, now.boot_ms, now, 0);
	control_log_prune(&c->log, now);
	out->durable = true;
	return INTENT_VOID;
}
