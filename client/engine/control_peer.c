/* Control peer: a control whose plan lies in a store that several share. It knows lines and
 * what to make of them, not where they lie nor how they travel.
 *
 * Invariants:
 * 1. What the store holds is taken in whole; of what was made here only brakes and drains
 *    survive it, made anew on top, since nothing else may be done twice.
 * 2. A rollback is made anew on whatever was decided without it, unless that is a rollback too,
 *    which did it. Where changes between are not known it is made anew only while the store's
 *    epoch is below the one that it led to: else it has been done, or belongs to what is over.
 * 3. A raise that went back here for want of a keep goes back anew where it is still not kept
 *    and its time is over: nothing that was decided meanwhile lifts it for a moment.
 * 4. The lines kept are bounded: the oldest goes, since each holds all that there is to know.
 * 5. What the store was not told of before a restart is known by what it has: whatever follows
 *    the newest line that both have was made here. */
#include "client/engine/control_state.h"
#include "client/engine/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_MAX (64 * 1024)

/* "FORMAT\tSEQ\t…" */
static int64_t seq_of(const char *line)
{
	const char *tab = strchr(line, '\t');
	return tab ? strtoll(tab + 1, NULL, 10) : 0;
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');
	return end ? end + 1 : line + strlen(line);
}

/* ---- what is made here ---- */

void control_share(struct control *c)
{
	c->shared = true;
}

const char *control_own(const struct control *c)
{
	return text_str(&c->own);
}

void control_stand(const struct control *c, struct control_stand *out)
{
	*out = (struct control_stand){.epoch = c->epoch,
		.rev = c->rev,
		.seq = c->seq,
		.agreed_seq = c->own.len > 0 ? c->own_seq - 1 : c->seq,
		.share_bp = c->share_bp};
	snprintf(out->head, sizeof out->head, "%016" PRIx64, c->head);
}

void control_note_own(struct control *c, const struct store_record *r)
{
	struct text rest = {0};
	if (!c->shared)
		return;
	if (c->own.len == 0)
		c->own_seq = r->seq;
	if (c->own.len > OWN_MAX) {
		text_add(&rest, next_line(c->own.data));
		text_free(&c->own);
		c->own = rest;
	}
	store_record_value(&c->own, r);
}

/* ---- what was made here before a restart ---- */

void control_note_past(struct control *c, const struct store_record *r)
{
	const char *line = text_str(&c->past);
	/* what is numbered anew replaced what was made here */
	while (*line && seq_of(line) < r->seq)
		line = next_line(line);
	if (*line) {
		c->past.len = (size_t)(line - c->past.data);
		c->past.data[c->past.len] = '\0';
	}
	store_record_value(&c->past, r);
}

bool control_reclaim(struct control *c, const char *line)
{
	struct store_record theirs, ours;
	struct text text = {0}, other = {0};
	bool found = false;
	if (store_record_read_value(&theirs, &text, line, NULL) == 0 && theirs.seq > 0) {
		const char *past = text_str(&c->past);
		while (*past && seq_of(past) != theirs.seq)
			past = next_line(past);
		found = *past && store_record_read_value(&ours, &other, past, NULL) == 0 &&
			ours.head == theirs.head;
		if (found && c->own.len == 0 && *next_line(past)) {
			text_add(&c->own, next_line(past));
			c->own_seq = theirs.seq + 1;
		}
	}
	if (found)
		text_free(&c->past);
	text_free(&text);
	text_free(&other);
	return found;
}

void control_begin(struct control *c, struct instant now)
{
	static const struct control_counts none;
	struct store_record r;
	control_draft(c, STORE_BEGIN, now, &r);
	control_do(c, &r, &none, now);
}

/* ---- what the store says ---- */

/* The same change by the same person, on top of what there is now: `last`, which may have done
 * it. */
static void redo(struct control *c, const struct store_record *was,
	const struct store_record *last, bool knows_all, struct instant now)
{
	static const struct control_counts none;
	struct store_record r;
	enum verb verb = verb_of(was->what);
	if (strcmp(was->what, STORE_REVERT) == 0 && c->keep_ms && now.boot_ms >= c->keep_boot_ms)
		control_revert(c, &none, now, was->reason);
	bool undone = knows_all && verb_of(last->what) != VERB_ROLLBACK;
	bool due = verb == VERB_ROLLBACK ? undone || c->epoch < was->epoch
		: verb == VERB_HOLD          ? !c->hold.on
									 : verb == VERB_DRAIN;
	if (!due || c->finalized)
		return;
	control_draft(c, was->what, now, &r);
	if (verb == VERB_ROLLBACK)
		control_draft_rollback(c, &r);
	if (verb == VERB_HOLD)
		r.keep_wall_ms = 0;
	r.held = was->held;
	r.body_hash = was->body_hash;
	text_copy(r.key, sizeof r.key, was->key);
	text_copy(r.actor, sizeof r.actor, was->actor);
	text_copy(r.reason, sizeof r.reason, was->reason);
	text_copy(r.history_head, sizeof r.history_head, was->history_head);
	control_do(c, &r, &none, now);
}

static void redo_all(struct control *c, const struct text *own, const struct store_record *last,
	bool knows_all, struct instant now)
{
	struct store_record r;
	struct text text = {0};
	const char *line = text_str(own);
	while (*line) {
		if (store_record_read_value(&r, &text, line, NULL) == 0)
			redo(c, &r, last, knows_all, now);
		line = next_line(line);
	}
	text_free(&text);
}

static void adopt(
	struct control *c, const struct store_record *r, bool live, struct instant now)
{
	static const struct control_counts none;
	int64_t past_ms = now.wall_ms > r->wall_ms && !live ? now.wall_ms - r->wall_ms : 0;
	struct instant at = {.boot_ms = now.boot_ms, .wall_ms = live ? r->wall_ms : now.wall_ms};
	struct text own = c->own;
	bool knows_all = r->seq == c->own_seq;
	c->own = (struct text){0};
	if (own.len > 0)
		control_log_cut(&c->log, c->own_seq);
	if (r->seq > 0)
		control_log_cut(&c->log, r->seq);
	uint64_t ticket = c->store ? store_begin(c->store, r, true) : 0;
	control_take(c, r, &none, now.boot_ms - past_ms, at, ticket);
	control_log_prune(&c->log, now);
	redo_all(c, &own, r, knows_all, now);
	text_free(&own);
}

static bool is_of(const struct log_entry *e, const struct store_record *r)
{
	return e->seq == r->seq && e->epoch == r->epoch && e->rev == r->rev &&
		e->to_bp == r->to_bp && e->body_hash == r->body_hash && strcmp(e->what, r->what) == 0 &&
		strcmp(e->key, r->key) == 0;
}

bool control_has_passed(const struct control *c, const char *line)
{
	struct store_record r;
	struct text text = {0};
	bool passed = false;
	if (store_record_read_value(&r, &text, line, NULL) == 0 && r.seq > 0 && r.seq < c->seq)
		for (size_t i = 0; i < c->log.count && !passed; i++)
			passed = is_of(&c->log.entries[i], &r);
	text_free(&text);
	return passed;
}

int control_adopt(struct control *c, const char *line, bool live, struct instant now,
	bool *changed, struct err *err)
{
	struct store_record r;
	struct text text = {0}, names = {0};
	*changed = false;
	int result = store_record_read_value(&r, &text, line, err);
	if (result == 0 && (r.seq < 1 || !control_knows(r.what)))
		result = err_set(err, ERR_NEWER,
			"the shared plan's newest change is \"%.23s\", which this weir does not know",
			r.what);
	if (result == 0 && !c->has_v2 && r.to_bp > 0)
		result = err_set(err, ERR_CONFIG,
			"the shared plan gives v2 %.2f%% and there is no v2 here; start with one",
			r.to_bp / 100.0);
	if (result == 0 && r.seq == c->seq && r.head == c->head) {
		text_clear(&c->own);
	} else if (result == 0) {
		int share_bp = c->share_bp;
		enum strategy strategy = c->strategy;
		bool limited = c->operations.limited;
		text_add(&names, text_str(&c->operation_text));
		adopt(c, &r, live, now);
		*changed = c->share_bp != share_bp || c->strategy != strategy ||
			c->operations.limited != limited ||
			strcmp(text_str(&c->operation_text), text_str(&names)) != 0;
	}
	text_free(&names);
	text_free(&text);
	return result;
}

/* ---- who leads ---- */

void control_lead(struct control *c, const char *absent, struct instant now)
{
	c->led = true;
	if (absent && !c->absent[0])
		c->absent_boot_ms = now.boot_ms;
	text_clean(c->absent, sizeof c->absent, absent ? absent : "", absent ? strlen(absent) : 0);
}

void control_hear_holder(
	struct control *c, const char *holder, int64_t ttl_ms, struct instant now)
{
	text_clean(c->holder, sizeof c->holder, holder, strlen(holder));
	c->lease_boot_ms = now.boot_ms + ttl_ms;
}

bool control_is_followed(
	const struct control *c, const struct control_request *r, struct control_answer *out)
{
	if (!c->led || verb_is_brake(r->verb) || r->verb == VERB_DRAIN)
		return true;
	return control_refuse(out, 409, "led",
		"the plan of this node lies in etcd, which decides for all nodes: name the pool as "
		"etcd://HOST:PORT/POOL");
}
