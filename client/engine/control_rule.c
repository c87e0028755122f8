/* Control rule: the order of refusal of weir.pool/1, first match. It changes nothing.
 *
 * Only what gives v2 more is a raise: it needs the lease where somebody holds one, and no hold,
 * no unkept raise before it, no blind guard, and a worker of v2 that is not drained. What takes
 * from v2 passes all of these. */
#include "client/engine/control_state.h"

#include "model/unit.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define KEEP_MAX_MS (30 * (int64_t)86400 * 1000)
#define WINDOW_MIN_MS 1000
#define WINDOW_MAX_MS (3600 * 1000)

bool control_refuse(
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

static bool bad(struct control_answer *out, const char *why)
{
	return control_refuse(out, 400, "bad_body", "%s", why);
}

/* ---- form ---- */

static bool is_good_guard(const struct guard_limits *l)
{
	return (isnan(l->error_rate) || (l->error_rate >= 0 && l->error_rate <= 1)) &&
		(l->latency_ms == UNKNOWN || l->latency_ms >= 0) &&
		(l->memory_bytes == UNKNOWN || l->memory_bytes >= 0) && l->window_ms >= WINDOW_MIN_MS &&
		l->window_ms <= WINDOW_MAX_MS && l->action < GUARD_ACTION_COUNT &&
		judge_policy_is_sound(&l->judge);
}

static bool is_good_set(const struct operation_set *s)
{
	if (s->count < 0 || s->count > OPERATIONS_MAX)
		return false;
	for (int i = 0; i < s->count; i++) {
		if (!text_is_name(s->name[i], OPERATION_NAME_MAX - 1))
			return false;
	}
	return true;
}

static bool is_good_drain(const struct drain *d)
{
	if (d->residents)
		return d->node >= 0 && d->worker < 0;
	return d->arm < ARM_COUNT && (d->segment >= 0 || d->worker < 0);
}

static bool is_good_body(const struct control_request *r, struct control_answer *out)
{
	switch (r->verb) {
	case VERB_STEP:
		if (r->keep_within_ms != UNKNOWN &&
			(r->keep_within_ms < 0 || r->keep_within_ms > KEEP_MAX_MS))
			return bad(out, "keep_within_ms is 0 to 30 days");
		break;
	case VERB_OPERATIONS:
		if (!r->has_operations)
			return bad(out, "the operations are missing");
		break;
	case VERB_KEEP:
		if (!r->has_match)
			return bad(out, "epoch and rev of what is kept are missing");
		break;
	case VERB_FINALIZE:
		if (!r->has_match)
			return bad(out, "epoch and rev of what is finished are missing");
		if (!r->reason[0])
			return bad(out, "the reason is missing; there is no way back after this");
		break;
	case VERB_ARM:
		if (r->baseline_bp < -1 || r->baseline_bp > SHARE_FULL || r->on_orphan > ORPHAN_COUNT)
			return bad(out, "the baseline or what becomes of an orphan is no value");
		break;
	case VERB_GUARD:
		if (r->act != GUARD_ACTION_ROLLBACK && (r->act != GUARD_ACTION_HOLD || r->for_ms <= 0))
			return bad(out, "a guard holds for a time, or rolls back again");
		break;
	case VERB_TAKE:
		if (r->ttl_ms <= 0)
			return bad(out, "a lease is taken for a time");
		break;
	case VERB_DRAIN:
		if (!is_good_drain(&r->drain))
			return bad(out, "a drain is of an arm, a segment or a worker, or of a place");
		break;
	default:
		break;
	}
	return true;
}

bool control_is_well_formed(const struct control_request *r, struct control_answer *out)
{
	if (verb_is(r->verb, VERB_MATCHES) && !r->has_match)
		return control_refuse(out, 428, "no_match", "a change of split needs If-Match");
	if (!text_is_name(r->key, POOL_ID_MAX - 1))
		return control_refuse(out, 400, "no_key",
			"an Idempotency-Key of 1 to 64 letters, digits and ._:- is needed");
	if (!verb_is_sent(r->verb))
		return bad(out, "this is no change of a pool");
	if (!r->actor[0])
		return bad(out, "the actor is missing");
	if (r->plan_hash[0] && !text_is_name(r->plan_hash, POOL_HASH_MAX - 1))
		return bad(out, "the plan hash is not a name");
	if (r->has_guard && !is_good_guard(&r->guard))
		return bad(out, "a limit of the guard is no value, or its window not 1 s to 1 h");
	if (r->has_operations && !is_good_set(&r->operations))
		return bad(out, "an operation is not a name");
	return is_good_body(r, out);
}

/* ---- what is a raise ---- */

static bool has(const struct operation_set *s, const char *name)
{
	for (int i = 0; i < s->count; i++) {
		if (!strcmp(s->name[i], name))
			return true;
	}
	return !s->limited;
}

/* True when v2 gets an operation that it did not get. */
static bool widens(const struct operation_set *now, const struct operation_set *then)
{
	if (!then->limited)
		return now->limited;
	for (int i = 0; i < then->count; i++) {
		if (!has(now, then->name[i]))
			return true;
	}
	return false;
}

static bool is_raise(const struct control *c, const struct control_request *r)
{
	return (r->verb == VERB_STEP && r->to_bp > c->share_bp) ||
		(verb_is(r->verb, VERB_MATCHES) && r->has_operations &&
			widens(&c->operations, &r->operations));
}

/* ---- the order ---- */

/* Of the leased verbs, those that only take from v2 need no lease: a lease says who raises. */
static bool is_leased_to(
	const struct control *c, const struct control_request *r, struct instant now, bool raises)
{
	bool asks = verb_is(r->verb, VERB_MATCHES) ? raises : verb_is(r->verb, VERB_LEASED);
	return !asks || !c->holder[0] || now.boot_ms >= c->lease_boot_ms ||
		!strcmp(c->holder, r->actor);
}

bool control_refuse_lease(
	const struct control *c, struct instant now, struct control_answer *out)
{
	text_copy(out->changed_by, sizeof out->changed_by, c->holder);
	out->changed_age_ms = UNKNOWN;
	return control_refuse(out, 423, "leased",
		"%s holds the lease for another %" PRId64 " s; take it, or wait", c->holder,
		(control_left(c->lease_boot_ms, now) + 999) / 1000);
}

static bool is_current(
	const struct control *c, const struct control_request *r, struct control_answer *out)
{
	if (r->match_epoch != c->epoch || r->match_rev != c->rev)
		return control_refuse(out, 412, "conflict",
			"decided on %" PRId64 ".%" PRId64 ", now it is %" PRId64 ".%" PRId64
			" at %d bp; look again",
			r->match_epoch, r->match_rev, c->epoch, c->rev, c->share_bp);
	if (verb_is(r->verb, VERB_MATCHES) && r->from_bp >= 0 && r->from_bp != c->share_bp)
		return control_refuse(out, 412, "conflict",
			"decided on a share of %d bp, now it is %d bp; look again", r->from_bp,
			c->share_bp);
	return true;
}

/* 422 and 409 of a drain, 409 of a raise towards nobody: an arm that has traffic has a worker. */
static bool is_drainable(const struct control_request *r, struct control_answer *out)
{
	char word[DRAIN_WORD_MAX];
	drain_write(word, &r->drain);
	if (r->says == DRAIN_NOBODY && r->drain.residents)
		return control_refuse(
			out, 422, "limit", "this pool has no place \"%s\" of registered workers", word);
	if (r->says == DRAIN_NOBODY)
		return control_refuse(out, 422, "limit", "this pool has no workers \"%s\"", word);
	if (r->drains && r->says == DRAIN_LAST)
		return control_refuse(out, 409, "last", "\"%s\" would take the last worker of %s, %s",
			word, arm_name(r->drain.arm),
			r->drain.arm == ARM_V1 ? "which every rollback goes to" : "which has traffic");
	return true;
}

/* 409 of what would raise. */
static bool may_raise(const struct control *c, const struct control_request *r,
	struct instant now, struct control_answer *out)
{
	if (r->says == DRAIN_LAST)
		return control_refuse(out, 409, "last",
			"every worker of v2 is drained; weir drain --off gives them back");
	if (c->hold.on)
		return control_refuse(
			out, 409, "held", "held by %s: %s", c->hold.actor, c->hold.reason);
	if (control_is_blind(c, now))
		return control_refuse(out, 409, "held", "guard has no data for 60 s");
	if (c->keep_ms)
		return control_refuse(out, 409, "unkept",
			"the raise to %d bp is not kept yet; it goes back to %d bp", c->share_bp,
			c->kept_bp);
	return true;
}

/* 409 of what ends the way back: all of it is on v2, stays there, and v1 has nothing left. */
static bool may_finalize(const struct control *c, const struct control_request *r,
	struct instant now, struct control_answer *out)
{
	char share[24], end[24];
	if (c->share_bp != SHARE_FULL) {
		unit_share(share, sizeof share, c->share_bp);
		return control_refuse(
			out, 409, "unfinished", "v2 has %s; a migration is finished at 100 %%", share);
	}
	if (!may_raise(c, r, now, out))
		return false;
	if (control_is_asked(c) && c->latched)
		return control_refuse(out, 409, "held", "guard: %s; resume accepts it", c->latched_word);
	if (c->known ? widens(&c->operations, c->known) : c->operations.limited)
		return control_refuse(out, 409, "unfinished",
			"v1 still does the operations that v2 may not have; allow them first");
	if (r->v1_sessions > 0) {
		unit_countdown(end, sizeof end, r->v1_end_ms);
		return control_refuse(out, 409, "undrained",
			"v1 still has %" PRId64 " session%s, the last ends in %s", r->v1_sessions,
			r->v1_sessions == 1 ? "" : "s", end);
	}
	if (r->v1_busy > 0)
		return control_refuse(out, 409, "undrained", "v1 still works on %" PRId64 " request%s",
			r->v1_busy, r->v1_busy == 1 ? "" : "s");
	return true;
}

static bool is_within_split(
	const struct control *c, const struct control_request *r, struct control_answer *out)
{
	enum strategy after = control_strategy_after(c, r->strategy, r->to_bp);
	if (r->to_bp < 0 || r->to_bp > SHARE_FULL)
		return control_refuse(out, 422, "limit", "the share %d is not 0 to %d basis points",
			r->to_bp, SHARE_FULL);
	if (!c->has_v2 && (r->to_bp > 0 || after == STRATEGY_SHADOW))
		return control_refuse(out, 422, "limit", "this pool has no v2");
	int implied_bp = strategy_share_bp(after);
	if (implied_bp >= 0 && implied_bp != r->to_bp)
		return control_refuse(out, 422, "limit", "\"%s\" means a share of %d bp, not %d",
			strategy_name(after), implied_bp, r->to_bp);
	return true;
}

static bool is_known_set(
	const struct control *c, const struct operation_set *s, struct control_answer *out)
{
	for (int i = 0; c->known && i < s->count; i++) {
		if (!has(c->known, s->name[i]))
			return control_refuse(
				out, 422, "limit", "the operation \"%s\" is not known here", s->name[i]);
	}
	return true;
}

static bool is_within_baseline(
	const struct control *c, const struct control_request *r, struct control_answer *out)
{
	if (r->baseline_bp > c->share_bp)
		return control_refuse(out, 422, "limit",
			"a baseline of %d bp is above the share, which is %d bp", r->baseline_bp,
			c->share_bp);
	if (r->baseline_bp >= 0 && r->baseline_bp != control_baseline_after(c, r))
		return control_refuse(out, 422, "limit",
			"the baseline of the open migration is %d bp and does not move", c->baseline_bp);
	return true;
}

static bool is_within_limits(
	const struct control *c, const struct control_request *r, struct control_answer *out)
{
	if (r->has_operations && !is_known_set(c, &r->operations, out))
		return false;
	if (r->verb == VERB_STEP)
		return is_within_split(c, r, out);
	if (r->verb == VERB_ARM)
		return is_within_baseline(c, r, out);
	if (r->verb == VERB_OPERATIONS && r->to_bp >= 0 && r->to_bp != c->share_bp)
		return control_refuse(out, 422, "limit",
			"operations change at the share as it stands, %d bp, not %d", c->share_bp,
			r->to_bp);
	if (r->verb == VERB_GUARD && r->for_ms > GUARD_HOLD_MAX_MS)
		return control_refuse(out, 422, "limit", "a guard holds for at most 4 h");
	if (r->verb == VERB_TAKE && r->ttl_ms > LEASE_TTL_MAX_MS)
		return control_refuse(out, 422, "limit", "a lease lasts at most 10 min");
	return true;
}

bool control_refuse_finished(
	const struct control *c, struct instant now, struct control_answer *out)
{
	char age[24];
	unit_age(age, sizeof age,
		now.boot_ms > c->finished_boot_ms ? now.boot_ms - c->finished_boot_ms : 0);
	return control_refuse(out, 410, "finalized",
		"the migration is finished, there is no way back: by %s %s ago%s%s", c->finished_by, age,
		c->finished_why[0] ? ": " : "", c->finished_why);
}

bool control_is_allowed(const struct control *c, const struct control_request *r,
	struct instant now, struct control_answer *out)
{
	bool raises = is_raise(c, r);
	if (c->finalized)
		return control_refuse_finished(c, now, out);
	if (!is_leased_to(c, r, now, raises))
		return control_refuse_lease(c, now, out);
	bool bound = verb_is(r->verb, VERB_MATCHES) || r->verb == VERB_KEEP ||
		r->verb == VERB_FINALIZE;
	if (bound && !is_current(c, r, out))
		return false;
	if (r->verb == VERB_DRAIN && !is_drainable(r, out))
		return false;
	if (raises && !may_raise(c, r, now, out))
		return false;
	if (r->verb == VERB_FINALIZE && !may_finalize(c, r, now, out))
		return false;
	if (r->verb == VERB_DISARM && control_is_open(c))
		return control_refuse(out, 409, "open",
			"the share is %d bp, the baseline %d bp; roll back first", c->share_bp,
			c->baseline_bp);
	if (!is_within_limits(c, r, out))
		return false;
	if (!verb_is_brake(r->verb) && control_log_is_crowded(&c->log, now))
		return control_refuse(
			out, 507, "not_stored", "too many changes within a day; no room for more");
	return true;
}
