/* Control draft: what the pool would be after a change, as a record. It changes nothing: the
 * record does, when it is taken in. */
#include "client/engine/control_state.h"

#include <string.h>

void control_draft(
	const struct control *c, const char *what, struct instant now, struct store_record *out)
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
		.kept_bp = c->kept_bp,
		.keep_ms = c->keep_ms,
		.keep_wall_ms = c->keep_wall_ms,
		.on_orphan = c->on_orphan,
		.guard = c->limits,
		.guard_hold_wall_ms = c->guard_hold_wall_ms,
		.operations = c->operations.limited ? text_str(&c->operation_text) : NULL,
		.head = c->head,
	};
	text_copy(out->what, sizeof out->what, what);
	text_copy(out->plan_hash, sizeof out->plan_hash, c->plan_hash);
	text_copy(out->actor, sizeof out->actor, POOL_ACTOR);
}

static void draft_kept(struct store_record *out)
{
	out->kept_bp = out->to_bp;
	out->keep_ms = out->keep_wall_ms = 0;
}

void control_draft_rollback(const struct control *c, struct store_record *out)
{
	out->rev++;
	out->epoch++;
	/* It never raises: v2 may have been taken below the baseline for a reason. */
	int base_bp = control_base_bp(c);
	out->to_bp = base_bp < c->share_bp ? base_bp : c->share_bp;
	out->strategy = out->to_bp > 0 ? STRATEGY_CANARY : STRATEGY_PRIMARY_ONLY;
	out->held = false;
	draft_kept(out);
}

/* A plan that is another one than before begins with nothing of the other. */
static void draft_plan(
	const struct control *c, const struct control_request *r, struct store_record *out)
{
	if (c->baseline_bp >= 0 && (!r->plan_hash[0] || !strcmp(r->plan_hash, c->plan_hash)))
		return;
	text_copy(out->plan_hash, sizeof out->plan_hash, r->plan_hash);
	out->on_orphan = ORPHAN_DEFAULT;
	guard_limits_init(&out->guard);
}

static void draft_keep(
	const struct control *c, const struct control_request *r, struct store_record *out)
{
	if (out->to_bp <= c->kept_bp || (out->to_bp > c->share_bp && r->keep_within_ms <= 0)) {
		draft_kept(out);
	} else if (out->to_bp > c->share_bp) {
		out->keep_ms = r->keep_within_ms;
		out->keep_wall_ms = out->wall_ms + r->keep_within_ms;
	}
}

static void draft_step(
	const struct control *c, const struct control_request *r, struct store_record *out)
{
	out->rev++;
	out->to_bp = r->to_bp;
	out->strategy = control_strategy_after(c, r->strategy, r->to_bp);
	if (r->to_bp > 0 && c->share_bp == 0 && !control_is_open(c)) {
		out->baseline_bp = 0;
		draft_plan(c, r, out);
	}
	draft_keep(c, r, out);
	if (r->has_guard)
		out->guard = r->guard;
}

static void draft_rollback(
	const struct control *c, const struct control_request *r, struct store_record *out)
{
	(void)r;
	control_draft_rollback(c, out);
}

static void draft_hold(
	const struct control *c, const struct control_request *r, struct store_record *out)
{
	(void)c;
	(void)r;
	out->held = true;
	out->keep_wall_ms = 0;
}

static void draft_resume(
	const struct control *c, const struct control_request *r, struct store_record *out)
{
	(void)r;
	out->held = false;
	if (c->hold.on && out->keep_ms)
		out->keep_wall_ms = out->wall_ms + out->keep_ms;
}

static void draft_stay(
	const struct control *c, const struct control_request *r, struct store_record *out)
{
	(void)c;
	(void)r;
	draft_kept(out);
}

static void draft_operations(
	const struct control *c, const struct control_request *r, struct store_record *out)
{
	(void)c;
	(void)r;
	out->rev++;
}

static void draft_arm(
	const struct control *c, const struct control_request *r, struct store_record *out)
{
	bool begins = !control_is_open(c);
	out->baseline_bp = control_baseline_after(c, r);
	text_copy(out->plan_hash, sizeof out->plan_hash, r->plan_hash);
	if (begins)
		out->on_orphan = ORPHAN_DEFAULT;
	if (begins && !r->has_guard)
		guard_limits_init(&out->guard);
	if (r->on_orphan != ORPHAN_COUNT)
		out->on_orphan = r->on_orphan;
	if (r->has_guard)
		out->guard = r->guard;
}

static void draft_disarm(
	const struct control *c, const struct control_request *r, struct store_record *out)
{
	(void)c;
	(void)r;
	out->plan_hash[0] = '\0';
	out->on_orphan = ORPHAN_DEFAULT;
	out->guard_hold_wall_ms = 0;
	guard_limits_init(&out->guard);
	draft_kept(out);
}

static void draft_take(
	const struct control *c, const struct control_request *r, struct store_record *out)
{
	out->epoch += c->holder[0] && strcmp(c->holder, r->actor) != 0;
}

static void draft_guard(
	const struct control *c, const struct control_request *r, struct store_record *out)
{
	(void)c;
	out->guard_hold_wall_ms = r->act == GUARD_ACTION_HOLD ? out->wall_ms + r->for_ms : 0;
}

/* The log has no place for what is drained but its words. */
static void draft_drain(
	const struct control *c, const struct control_request *r, struct store_record *out)
{
	char word[DRAIN_WORD_MAX];
	struct text t = {0};
	(void)c;
	drain_write(word, &r->drain);
	text_addf(
		&t, "%s%s%s%s", word, r->drains ? "" : " off", *out->reason ? ": " : "", out->reason);
	text_clean(out->reason, sizeof out->reason, text_str(&t), t.len);
	text_free(&t);
}

static void (*const drafts[VERB_COUNT])(
	const struct control *c, const struct control_request *r, struct store_record *out) = {
	[VERB_STEP] = draft_step,
	[VERB_ROLLBACK] = draft_rollback,
	[VERB_HOLD] = draft_hold,
	[VERB_RESUME] = draft_resume,
	[VERB_KEEP] = draft_stay,
	[VERB_OPERATIONS] = draft_operations,
	[VERB_ARM] = draft_arm,
	[VERB_DISARM] = draft_disarm,
	[VERB_TAKE] = draft_take,
	[VERB_GUARD] = draft_guard,
	[VERB_DRAIN] = draft_drain,
	[VERB_FINALIZE] = draft_stay,
};

static void join(struct text *t, const struct operation_set *s)
{
	for (int i = 0; i < s->count; i++)
		text_addf(t, "%s%s", i ? "," : "", s->name[i]);
}

void control_draft_change(const struct control *c, const struct control_request *r,
	struct instant now, struct text *names, struct store_record *out)
{
	control_draft(c, verb_row(r->verb)->word, now, out);
	out->body_hash = r->body_hash;
	text_copy(out->key, sizeof out->key, r->key);
	text_clean(out->actor, sizeof out->actor, r->actor, strlen(r->actor));
	text_clean(out->reason, sizeof out->reason, r->reason, strlen(r->reason));
	if (text_is_name(r->history_head, POOL_HASH_MAX - 1))
		text_copy(out->history_head, sizeof out->history_head, r->history_head);
	drafts[r->verb](c, r, out);
	if (r->has_operations && verb_is(r->verb, VERB_MATCHES)) {
		join(names, &r->operations);
		out->operations = r->operations.limited ? text_str(names) : NULL;
	}
	out->head = store_record_head(out, c->head);
}

/* ---- what it takes to draft and to refuse ---- */

int control_base_bp(const struct control *c)
{
	return c->baseline_bp > 0 ? c->baseline_bp : 0;
}

bool control_is_open(const struct control *c)
{
	return c->baseline_bp >= 0 && c->share_bp != c->baseline_bp;
}

enum strategy control_strategy_after(const struct control *c, enum strategy asked, int to_bp)
{
	if (asked != STRATEGY_COUNT)
		return asked;
	int implied_bp = strategy_share_bp(c->strategy);
	return implied_bp < 0 || implied_bp == to_bp ? c->strategy : STRATEGY_CANARY;
}

int control_baseline_after(const struct control *c, const struct control_request *r)
{
	if (control_is_open(c))
		return c->baseline_bp;
	return r->baseline_bp >= 0 ? r->baseline_bp : c->share_bp;
}
