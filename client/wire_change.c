/* Changes as they are asked: a command to its request and back, by one table of fields a verb
 * that both sides share. It decides nothing: which answer a change gets is control's.
 *
 * Where two verbs have one path the body tells them apart: a split that names operations and
 * leaves the share is OPERATIONS, a lease with `take` is TAKE. ADOPT is a hold to the pool. */
#include "client/wire.h"

#include "client/engine/hash.h"
#include "client/wire_field.h"
#include "client/wire_tables.h"
#include "model/unit.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#define WINDOW_MAX_MS (24 * 3600 * 1000)

/* ---- fields ---- */

#define ACTOR(type) WIRE_ROW_TEXT(type, actor, "actor", WIRE_TEXT, true)
#define ANYONE(type) WIRE_ROW_TEXT(type, actor, "actor", WIRE_TEXT, false)
/* And the head of the asker's history, which never keeps a change from being done. */
#define REASON(type) \
	WIRE_ROW_TEXT(type, reason, "reason", WIRE_TEXT, false), \
		WIRE_ROW_TEXT(type, history_head, "history_head", WIRE_TEXT, false)

/* The same names in what a console sends and a pool reads. */
#define SPLIT_FIELDS(type) \
	WIRE_ROW_SHARE(type, to_bp, "to_bp", true), \
		WIRE_ROW_SHARE(type, from_bp, "from_bp", false), \
		WIRE_ROW_WORD(type, strategy, "strategy", &wire_strategies, false), \
		WIRE_ROW_TEXT(type, plan_hash, "plan_hash", WIRE_NAME, false), \
		WIRE_ROW_COUNT(type, keep_within_ms, "keep_within_ms", false), ACTOR(type), \
		REASON(type)
#define ARM_FIELDS(type) \
	WIRE_ROW_TEXT(type, plan_hash, "plan_hash", WIRE_NAME, true), \
		WIRE_ROW_SHARE(type, baseline_bp, "baseline_bp", false), \
		WIRE_ROW_WORD(type, on_orphan, "on_orphan", &wire_orphans, false), ACTOR(type), \
		REASON(type)
#define KEEP_FIELDS(type, of_epoch, of_rev) \
	WIRE_ROW_COUNT(type, of_epoch, "epoch", true), WIRE_ROW_COUNT(type, of_rev, "rev", true), \
		ACTOR(type), REASON(type)
#define GUARD_FIELDS(type) \
	WIRE_ROW_OF( \
		type, act, "action", WIRE_WORD, true, GUARD_ACTION_HOLD, 0, &wire_guard_actions), \
		WIRE_ROW_COUNT(type, for_ms, "for_ms", false), ACTOR(type), REASON(type)
#define DRAIN_FIELDS(type) \
	WIRE_ROW(type, drains, "on", WIRE_BOOL, true, 0, 0), ACTOR(type), REASON(type)
#define TAKE_FIELDS(type) \
	WIRE_ROW_COUNT(type, ttl_ms, "ttl_ms", true), ACTOR(type), REASON(type)
#define DISARM_FIELDS(type) ACTOR(type), REASON(type)
/* Nothing but an object is asked, since a rollback must be possible with whatever is at hand. */
#define BRAKE_FIELDS(type) ANYONE(type), REASON(type)

#define C struct command
static const struct wire_field split_out[] = {SPLIT_FIELDS(C)};
static const struct wire_field arm_out[] = {ARM_FIELDS(C)};
static const struct wire_field keep_out[] = {KEEP_FIELDS(C, epoch, rev)};
static const struct wire_field guard_out[] = {GUARD_FIELDS(C)};
static const struct wire_field drain_out[] = {DRAIN_FIELDS(C)};
static const struct wire_field take_out[] = {TAKE_FIELDS(C)};
static const struct wire_field disarm_out[] = {DISARM_FIELDS(C)};
static const struct wire_field brake_out[] = {BRAKE_FIELDS(C)};
#undef C

#define R struct control_request
static const struct wire_field split_in[] = {SPLIT_FIELDS(R)};
static const struct wire_field arm_in[] = {ARM_FIELDS(R)};
static const struct wire_field keep_in[] = {KEEP_FIELDS(R, match_epoch, match_rev)};
static const struct wire_field guard_in[] = {GUARD_FIELDS(R)};
static const struct wire_field drain_in[] = {DRAIN_FIELDS(R)};
static const struct wire_field take_in[] = {TAKE_FIELDS(R)};
static const struct wire_field disarm_in[] = {DISARM_FIELDS(R)};
static const struct wire_field brake_in[] = {BRAKE_FIELDS(R)};
#undef R

#define L struct guard_limits
static const struct wire_field limit_fields[] = {
	WIRE_ROW(L, error_rate, "error_rate", WIRE_REAL, false, 0, 1),
	WIRE_ROW(L, latency_ms, "latency_ms", WIRE_INT, false, 1, WIRE_INTEGER_MAX),
	WIRE_ROW(L, memory_bytes, "memory_bytes", WIRE_INT, false, 1, WIRE_INTEGER_MAX),
	WIRE_ROW(L, window_ms, "window_ms", WIRE_INT, false, 1000, WINDOW_MAX_MS),
	WIRE_ROW_WORD(L, action, "action", &wire_guard_actions, false),
};
#undef L

/* Beside the limits; "metrics" is a list of words. What they mean together is read_judge's. */
#define J struct judge_policy
static const struct wire_field judge_fields[] = {
	WIRE_ROW(J, alpha, "alpha", WIRE_REAL, false, 0, 1),
	WIRE_ROW(J, beta, "beta", WIRE_REAL, false, 0, 1),
	WIRE_ROW(J, tolerance, "tolerance", WIRE_REAL, false, 0, (int64_t)JUDGE_TOLERANCE_MAX),
	WIRE_ROW(J, margin, "margin", WIRE_REAL, false, 0, (int64_t)JUDGE_MARGIN_MAX),
};
#undef J

#define TABLE(fields) \
	{ \
		"", fields, WIRE_LENGTH(fields) \
	}
static const struct body {
	struct wire_table out, in;
	bool guard, operations; /* objects beside the fields */
} bodies[VERB_COUNT] = {
	[VERB_STEP] = {TABLE(split_out), TABLE(split_in), true, true},
	[VERB_OPERATIONS] = {TABLE(split_out), TABLE(split_in), true, true},
	[VERB_KEEP] = {TABLE(keep_out), TABLE(keep_in), false, false},
	[VERB_FINALIZE] = {TABLE(keep_out), TABLE(keep_in), false, false},
	[VERB_ARM] = {TABLE(arm_out), TABLE(arm_in), true, false},
	[VERB_DISARM] = {TABLE(disarm_out), TABLE(disarm_in), false, false},
	[VERB_TAKE] = {TABLE(take_out), TABLE(take_in), false, false},
	[VERB_GUARD] = {TABLE(guard_out), TABLE(guard_in), false, false},
	[VERB_DRAIN] = {TABLE(drain_out), TABLE(drain_in), false, false},
	[VERB_HOLD] = {TABLE(brake_out), TABLE(brake_in), false, false},
	[VERB_ADOPT] = {TABLE(brake_out), TABLE(brake_in), false, false},
	[VERB_RESUME] = {TABLE(brake_out), TABLE(brake_in), false, false},
	[VERB_ROLLBACK] = {TABLE(brake_out), TABLE(brake_in), false, false},
};

const struct wire_table *wire_change_table(enum verb verb)
{
	return &bodies[verb].in;
}

const struct wire_table wire_limit_table = {"guard.", limit_fields, WIRE_LENGTH(limit_fields)};

const struct wire_route *wire_route(enum verb verb)
{
	static const struct wire_route routes[VERB_COUNT] = {
#define X(name, method, path) [VERB_##name] = {method, path},
		WIRE_ROUTE_INFO(X)
#undef X
	};
	return routes[verb].path ? &routes[verb] : NULL;
}

/* ---- the console writes ---- */

static void write_metrics(struct text *out, const struct judge_policy *p)
{
	struct text words = {0};
	judge_metrics_write(&words, p);
	text_json_str(out, "metrics", text_str(&words));
	text_free(&words);
}

void wire_write_command(struct text *out, const struct command *c)
{
	const struct body *body = &bodies[c->verb];
	struct command said = *c;
	/* Operations change where work goes, not how much: the share is said as it stands. */
	if (c->verb == VERB_OPERATIONS)
		said.from_bp = said.to_bp = c->from_bp >= 0 ? c->from_bp : c->to_bp;
	/* Nothing is kept that was not raised with a time. */
	if (c->keep_within_ms <= 0)
		said.keep_within_ms = UNKNOWN;
	text_add(out, "{");
	wire_write_fields(out, &said, body->out.fields, body->out.count);
	if (c->verb == VERB_TAKE)
		text_json_bool(out, "take", true);
	if (c->verb == VERB_DRAIN) {
		char target[DRAIN_WORD_MAX];
		drain_write(target, &c->drain);
		text_json_str(out, "target", target);
	}
	if (body->guard && c->has_guard) {
		text_json_key(out, "guard");
		text_add(out, "{");
		WIRE_WRITE(out, &c->guard, limit_fields);
		WIRE_WRITE(out, &c->guard.judge, judge_fields);
		write_metrics(out, &c->guard.judge);
		text_add(out, "}");
	}
	if (body->operations && c->has_operations)
		wire_write_operations(out, &c->operations);
	text_add(out, "}");
}

void wire_write_lease(struct text *out, const struct lease_request *r)
{
	text_add(out, "{");
	text_json_str(out, "actor", r->actor);
	text_json_int(out, "ttl_ms", r->ttl_ms);
	text_json_bool(out, "take", false);
	text_add(out, "}");
}

/* ---- the pool reads ---- */

static bool is_chance(double x)
{
	return x > 0 && x <= JUDGE_CHANCE_MAX;
}

static int refuse_chance(const char *name, struct err *err)
{
	return err_set(err, ERR_FIELD, "field \"guard.%s\": want a number above 0, at most %g",
		name, JUDGE_CHANCE_MAX);
}

/* What is not said is usual; what one cannot judge by is refused. */
static int read_judge(struct judge_policy *p, const cJSON *object, struct err *err)
{
	struct judge_policy read, usual;
	judge_policy_init(&usual);
	*p = usual;
	if (WIRE_READ(&read, object, "guard.", judge_fields, err))
		return -1;
	p->alpha = isnan(read.alpha) ? usual.alpha : read.alpha;
	p->beta = isnan(read.beta) ? usual.beta : read.beta;
	p->tolerance = isnan(read.tolerance) ? usual.tolerance : read.tolerance;
	p->margin = isnan(read.margin) ? usual.margin : read.margin;
	const cJSON *metrics = cJSON_GetObjectItemCaseSensitive(object, "metrics");
	if (metrics && !cJSON_IsNull(metrics) &&
		(!cJSON_IsString(metrics) || !judge_metrics_read(p, metrics->valuestring)))
		return err_set(err, ERR_FIELD,
			"field \"guard.metrics\": want different ones of errors, p50, p95 and p99 with commas "
			"between them");
	if (!is_chance(p->alpha))
		return refuse_chance("alpha", err);
	if (!is_chance(p->beta))
		return refuse_chance("beta", err);
	if (p->margin <= p->tolerance)
		return err_set(err, ERR_FIELD, "field \"guard.margin\": want more than the tolerance");
	return 0;
}

static int read_limits(struct control_request *out, const cJSON *tree, struct err *err)
{
	const cJSON *object;
	struct guard_limits standard;
	guard_limits_init(&out->guard);
	if (wire_object(&object, tree, "", "guard", false, err))
		return -1;
	out->has_guard = object != NULL;
	if (!object)
		return 0;
	if (WIRE_READ(&out->guard, object, "guard.", limit_fields, err))
		return -1;
	guard_limits_init(&standard);
	if (out->guard.window_ms == UNKNOWN)
		out->guard.window_ms = standard.window_ms;
	if (out->guard.action == GUARD_ACTION_COUNT)
		out->guard.action = standard.action;
	return read_judge(&out->guard.judge, object, err);
}

static int read_set(struct control_request *out, const cJSON *tree, struct err *err)
{
	if (wire_read_operations(&out->operations, tree, err))
		return -1;
	out->has_operations = out->operations.limited;
	return 0;
}

static int read_drain(struct control_request *out, const cJSON *tree, struct err *err)
{
	const cJSON *target = cJSON_GetObjectItemCaseSensitive(tree, "target");
	if (!target)
		return err_set(err, ERR_FIELD, "field \"target\" is missing");
	if (!cJSON_IsString(target) || !drain_read(&out->drain, target->valuestring))
		return err_set(err, ERR_FIELD,
			"field \"target\": want \"v2\", \"v2.0\" (a segment), \"v2.0.3\" (a worker), \"r0\" "
			"(a node of registered workers) or \"r0.1\" (a segment of it)");
	return 0;
}

/* What the fields mean together. */
static int settle(struct control_request *out, struct err *err)
{
	if (out->verb == VERB_STEP || out->verb == VERB_OPERATIONS) {
		bool stays = out->has_operations && out->from_bp == out->to_bp;
		out->verb = stays ? VERB_OPERATIONS : VERB_STEP;
	} else if (out->verb == VERB_KEEP || out->verb == VERB_FINALIZE) {
		out->has_match = true;
	} else if (out->verb == VERB_ADOPT) {
		out->verb = VERB_HOLD;
	} else if (out->verb == VERB_GUARD) {
		if (out->act == GUARD_ACTION_HOLD && out->for_ms == UNKNOWN)
			return err_set(err, ERR_FIELD, "field \"for_ms\" is missing");
	}
	if (!*out->actor)
		(void)text_copy(out->actor, sizeof out->actor, "unknown");
	return 0;
}

int wire_read_change(
	struct control_request *out, enum verb verb, const char *text, size_t len, struct err *err)
{
	const struct body *body = &bodies[verb];
	memset(out, 0, sizeof *out);
	out->verb = verb;
	out->to_bp = out->from_bp = out->baseline_bp = -1;
	out->strategy = STRATEGY_COUNT;
	out->on_orphan = ORPHAN_COUNT;
	out->keep_within_ms = out->for_ms = out->ttl_ms = UNKNOWN;
	cJSON *tree = wire_parse(text, len, err);
	if (!tree)
		return -1;
	int result = wire_read_fields(out, tree, "", body->in.fields, body->in.count, err) ||
		(body->guard && read_limits(out, tree, err)) ||
		(body->operations && read_set(out, tree, err)) ||
		(verb == VERB_DRAIN && read_drain(out, tree, err)) || settle(out, err);
	cJSON_Delete(tree);
	return result ? -1 : 0;
}

int wire_read_lease(
	struct lease_request *out, bool *take, const char *body, size_t len, struct err *err)
{
	struct lease_body {
		struct lease_request asked;
		bool take;
	} b;
	static const struct wire_field fields[] = {
		WIRE_ROW_TEXT(struct lease_body, asked.actor, "actor", WIRE_TEXT, true),
		WIRE_ROW_COUNT(struct lease_body, asked.ttl_ms, "ttl_ms", true),
		WIRE_ROW(struct lease_body, take, "take", WIRE_BOOL, false, 0, 0),
	};
	*take = false;
	if (WIRE_READ_FLAT(&b, body, len, fields, err))
		return -1;
	*out = b.asked;
	*take = b.take;
	return 0;
}

int wire_request(struct control_request *out, const struct command *c, struct err *err)
{
	struct text body = {0};
	wire_write_command(&body, c);
	int result = wire_read_change(out, c->verb, body.data, body.len, err);
	(void)text_copy(out->key, sizeof out->key, c->id);
	out->body_hash = hash_bytes(body.data, body.len, 0);
	if (verb_is(c->verb, VERB_MATCHES)) {
		out->has_match = true;
		out->match_epoch = c->epoch;
		out->match_rev = c->rev;
	}
	text_free(&body);
	return result;
}
