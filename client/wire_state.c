/* The state document: struct snapshot to weir.pool/1 and back. The tables below are its fields;
 * what is no plain field (failures, operations, histograms) has a function here.
 *
 * A document is read whole or refused. Two things are soft: latencies in a bucket layout that
 * is not ours are dropped, and of more than OPERATIONS_MAX operations that an arm counts the
 * first are kept and the others counted. */
#include "client/wire.h"

#include "client/wire_crew.h"
#include "client/wire_field.h"
#include "client/wire_tables.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define SCHEMA_FAMILY "weir.pool/"

#define S struct snapshot
static const struct wire_field state_fields[] = {
	WIRE_ROW_TEXT(S, pool_id, "pool_id", WIRE_NAME, true),
	WIRE_ROW_TEXT(S, pool, "pool", WIRE_TEXT, true),
	WIRE_ROW_TEXT(S, node, "node", WIRE_TEXT, true),
	WIRE_ROW_TEXT(S, node_id, "node_id", WIRE_NAME, true),
	WIRE_ROW_TEXT(S, boot_id, "boot_id", WIRE_NAME, true),
	WIRE_ROW_COUNT(S, seq, "seq", true),
	WIRE_ROW_COUNT(S, uptime_ms, "uptime_ms", false),
	WIRE_ROW_COUNT(S, now_ms, "now_ms", false),
	WIRE_ROW_COUNT(S, epoch, "epoch", true),
	WIRE_ROW_COUNT(S, rev, "rev", true),
	WIRE_ROW_WORD(S, strategy, "strategy", &wire_strategies, true),
	WIRE_ROW_SHARE(S, share_bp, "share_bp", true),
	WIRE_ROW_SHARE(S, baseline_bp, "baseline_bp", false),
	WIRE_ROW_SHARE(S, kept_bp, "kept_bp", false),
	WIRE_ROW_TEXT(S, plan_hash, "plan_hash", WIRE_NAME, false),
	WIRE_ROW_TEXT(S, build, "build", WIRE_TEXT, false),
	WIRE_ROW_COUNT(S, unit_ms, "unit_ms", false),
	WIRE_ROW_COUNT(S, drain_ms, "drain_ms", false),
	WIRE_ROW_COUNT(S, settle_ms, "settle_ms", false),
	WIRE_ROW_TEXT(S, audit_head, "audit_head", WIRE_NAME, false),
	WIRE_ROW_COUNT(S, audit_seq, "audit_seq", false),
	WIRE_ROW_TEXT(S, history_head, "history_head", WIRE_NAME, false),
	WIRE_ROW_TEXT(S, history_by, "history_by", WIRE_TEXT, false),
	WIRE_ROW(S, finalized, "finalized", WIRE_BOOL, false, 0, 0),
	WIRE_ROW(S, sticky, "sticky", WIRE_BOOL, false, 0, 0),
};
#undef S

/* Read only: what is written is never 0. */
static const struct wire_field sample_field[] = {
	WIRE_ROW(struct snapshot, unit_sample, "unit_sample", WIRE_INT, false, 1, WIRE_INTEGER_MAX),
};

static const struct wire_field hold_fields[] = {
	WIRE_ROW_TEXT(struct hold, actor, "actor", WIRE_TEXT, false),
	WIRE_ROW_TEXT(struct hold, reason, "reason", WIRE_TEXT, false),
	WIRE_ROW_COUNT(struct hold, age_ms, "age_ms", false),
};

static const struct wire_field lease_fields[] = {
	WIRE_ROW_TEXT(struct lease, holder, "holder", WIRE_TEXT, false),
	WIRE_ROW_COUNT(struct lease, ttl_ms, "ttl_ms", false),
};

static const struct wire_field keep_fields[] = {
	WIRE_ROW_COUNT(struct keep, left_ms, "left_ms", false),
	WIRE_ROW_WORD(struct keep, on_orphan, "on_orphan", &wire_orphans, true),
};

#define G struct pool_guard
static const struct wire_field guard_fields[] = {
	WIRE_ROW(G, armed, "armed", WIRE_BOOL, true, 0, 0),
	WIRE_ROW_WORD(G, state, "state", &wire_guard_states, true),
	WIRE_ROW_WORD(G, action, "action", &wire_guard_actions, true),
	WIRE_ROW_TEXT(G, word, "word", WIRE_TEXT, false),
	WIRE_ROW_COUNT(G, since_ms, "since_ms", false),
	WIRE_ROW_COUNT(G, held_ms, "held_ms", false),
	/* none is null */
	WIRE_ROW_OF(G, verdict, "verdict", WIRE_WORD, false, VERDICT_NONE + 1, 0, &wire_verdicts),
	WIRE_ROW_TEXT(G, verdict_text, "verdict_text", WIRE_TEXT, false),
};
#undef G

static const struct wire_field change_fields[] = {
	WIRE_ROW_TEXT(struct change, actor, "actor", WIRE_TEXT, false),
	WIRE_ROW_COUNT(struct change, age_ms, "age_ms", false),
};

static const struct wire_field change_count_fields[] = {
	WIRE_ROW_COUNT(struct change_counts, requests, "requests", false),
	WIRE_ROW_COUNT(struct change_counts, ok, "ok", false),
	WIRE_ROW_COUNT(struct change_counts, failed, "failed", false),
	WIRE_ROW_COUNT(struct change_counts, sessions, "sessions", false),
	WIRE_ROW_COUNT(struct change_counts, sessions_bad, "sessions_bad", false),
};

#define A struct arm_counts
static const struct wire_field arm_fields[] = {
	WIRE_ROW_COUNT(A, requests, "requests", true),
	WIRE_ROW_COUNT(A, ok, "ok", true),
	WIRE_ROW_COUNT(A, rescued, "fallback_rescued", false),
	WIRE_ROW_COUNT(A, shadowed, "shadowed", false),
	WIRE_ROW_COUNT(A, mismatched, "mismatched", false),
	WIRE_ROW_COUNT(A, bypassed, "bypassed", false),
	WIRE_ROW_COUNT(A, timeouts, "timeouts", false),
	WIRE_ROW_COUNT(A, retries, "retries", false),
	WIRE_ROW_COUNT(A, sessions, "sessions", false),
	WIRE_ROW_COUNT(A, sessions_bad, "sessions_bad", false),
	WIRE_ROW_COUNT(A, sessions_live, "sessions_live", false),
	WIRE_ROW_COUNT(A, sessions_end_ms, "sessions_end_ms", false),
	WIRE_ROW_COUNT(A, queue_depth, "queue_depth", false),
	WIRE_ROW_COUNT(A, queue_max, "queue_max", false),
	WIRE_ROW_COUNT(A, in_flight, "in_flight", false),
	WIRE_ROW_COUNT(A, memory_bytes, "memory_bytes", false),
	WIRE_ROW_COUNT(A, cpu_us, "cpu_us", false),
	WIRE_ROW_COUNT(A, fds, "fds", false),
};
#undef A

#define W struct worker_counts
static const struct wire_field worker_fields[] = {
	WIRE_ROW_COUNT(W, total, "total", false),
	WIRE_ROW_COUNT(W, ready, "ready", false),
	WIRE_ROW_COUNT(W, busy, "busy", false),
	WIRE_ROW_COUNT(W, degraded, "degraded", false),
	WIRE_ROW_COUNT(W, created, "created", false),
	WIRE_ROW_COUNT(W, destroyed, "destroyed", false),
	WIRE_ROW_COUNT(W, crashed, "crashed", false),
	WIRE_ROW_COUNT(W, restarted, "restarted", false),
};
#undef W

#define B struct breaker_word
static const struct wire_field breaker_fields[] = {
	WIRE_ROW_WORD(B, state, "state", &wire_breakers, true),
	WIRE_ROW_COUNT(B, opened, "opened", false),
	WIRE_ROW_COUNT(B, retry_ms, "retry_ms", false),
};
#undef B

static const struct wire_field operation_fields[] = {
	WIRE_ROW_COUNT(struct operation_counts, requests, "requests", true),
	WIRE_ROW_COUNT(struct operation_counts, ok, "ok", true),
	WIRE_ROW_COUNT(struct operation_counts, failed, "failed", true),
};

#define TABLE(path, fields) \
	{ \
		path, fields, WIRE_LENGTH(fields) \
	}
const struct wire_table wire_state_tables[WIRE_STATE_TABLES] = {
	TABLE("", state_fields),
	TABLE("hold.", hold_fields),
	TABLE("lease.", lease_fields),
	TABLE("keep.", keep_fields),
	TABLE("guard.", guard_fields),
	TABLE("change.", change_fields),
	TABLE("change.v1.", change_count_fields),
	TABLE("change.v2.", change_count_fields),
	TABLE("arms.v1.", arm_fields),
	TABLE("arms.v2.", arm_fields),
	TABLE("arms.v1.workers.", worker_fields),
	TABLE("arms.v2.workers.", worker_fields),
	TABLE("arms.v1.breaker.", breaker_fields),
	TABLE("arms.v2.breaker.", breaker_fields),
};

/* ---- writing ---- */

static void write_histogram(
	struct text *out, const char *name, const struct histogram *h, bool known)
{
	bool first = true;
	text_json_key(out, name);
	if (!known) {
		text_add(out, "null");
		return;
	}
	text_add(out, "[");
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (h->count[i] == 0)
			continue;
		text_addf(out, "%s[%d,%lld]", first ? "" : ",", i, (long long)h->count[i]);
		first = false;
	}
	text_add(out, "]");
}

/* One part of the document: null, or an object of `fields`. */
static void write_part(struct text *out, const char *name, bool known, const void *base,
	const struct wire_field *fields, size_t count)
{
	text_json_key(out, name);
	text_add(out, known ? "{" : "null");
	if (known) {
		wire_write_fields(out, base, fields, count);
		text_add(out, "}");
	}
}
#define WRITE_PART(out, name, known, base, fields) \
	write_part(out, name, known, base, fields, WIRE_LENGTH(fields))

static void write_arm(struct text *out, const struct arm_counts *a)
{
	WIRE_WRITE(out, a, arm_fields);
	text_json_key(out, "failed");
	text_add(out, "{");
	for (int f = 0; f < FAILURE_COUNT; f++)
		text_json_int(out, failure_name((enum failure)f), a->failed[f]);
	text_add(out, "}");
	write_histogram(out, "latency_us", &a->latency, a->has_latency);
	write_histogram(out, "session_latency_us", &a->session_latency, a->has_session_latency);
	text_json_key(out, "workers");
	text_add(out, "{");
	WIRE_WRITE(out, &a->workers, worker_fields);
	text_add(out, "}");
	WRITE_PART(out, "breaker", a->breaker.known, &a->breaker, breaker_fields);
	text_json_key(out, "operations");
	text_add(out, "{");
	for (int i = 0; i < a->operation_count; i++) {
		text_json_key(out, a->operations[i].name);
		text_add(out, "{");
		WIRE_WRITE(out, &a->operations[i], operation_fields);
		text_add(out, "}");
	}
	text_add(out, "}");
}

static void write_guard(struct text *out, const struct pool_guard *g)
{
	text_json_key(out, "guard");
	if (!g->known) {
		text_add(out, "null");
		return;
	}
	text_add(out, "{");
	text_json_str(out, "owner", POOL_ACTOR);
	struct pool_guard said = *g;
	if (said.verdict == VERDICT_NONE)
		said.verdict = VERDICT_COUNT;
	WIRE_WRITE(out, &said, guard_fields);
	text_add(out, "}");
}

static void write_change(struct text *out, const struct change *c)
{
	text_json_key(out, "change");
	if (!c->known) {
		text_add(out, "null");
		return;
	}
	text_add(out, "{");
	WIRE_WRITE(out, c, change_fields);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		text_json_key(out, arm_name((enum arm)arm));
		text_add(out, "{");
		WIRE_WRITE(out, &c->arms[arm], change_count_fields);
		text_add(out, "}");
	}
	text_add(out, "}");
}

void wire_write_state(struct text *out, const struct snapshot *s)
{
	text_add(out, "{");
	text_json_str(out, "schema", WIRE_SCHEMA);
	WIRE_WRITE(out, s, state_fields);
	WRITE_PART(out, "hold", s->hold.on, &s->hold, hold_fields);
	WRITE_PART(out, "lease", s->lease.known, &s->lease, lease_fields);
	WRITE_PART(out, "keep", s->keep.on, &s->keep, keep_fields);
	write_guard(out, &s->guard);
	write_change(out, &s->change);
	wire_write_operations(out, s->operations.limited ? &s->operations : NULL);
	text_json_str(out, "latency_layout", HISTOGRAM_LAYOUT);
	text_json_int(out, "unit_sample", s->unit_sample > 0 ? s->unit_sample : UNKNOWN);
	text_json_key(out, "arms");
	text_add(out, "{");
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		text_json_key(out, arm_name((enum arm)arm));
		text_add(out, "{");
		write_arm(out, &s->arms[arm]);
		text_add(out, "}");
	}
	text_add(out, "}");
	wire_write_crew(out, &s->crew);
	text_add(out, "}");
}

/* ---- reading ---- */

static int read_schema(const cJSON *tree, struct err *err)
{
	char shown[64];
	size_t family = strlen(SCHEMA_FAMILY), own = strlen(WIRE_SCHEMA);
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, "schema");
	if (!item)
		return err_set(err, ERR_FIELD, "field \"schema\" is missing");
	if (!cJSON_IsString(item))
		return err_set(err, ERR_FIELD, "field \"schema\": want a string");
	const char *schema = item->valuestring;
	if (strncmp(schema, WIRE_SCHEMA, own) == 0 && (schema[own] == '\0' || schema[own] == '.'))
		return 0;
	text_clean(shown, sizeof shown, schema, strlen(schema));
	if (strncmp(schema, SCHEMA_FAMILY, family) == 0)
		return err_set(err, ERR_PROTOCOL, "the pool speaks \"%s\", this weir reads \"%s\"",
			shown, WIRE_SCHEMA);
	return err_set(err, ERR_PROTOCOL, "schema \"%s\" is not \"%s\"", shown, WIRE_SCHEMA);
}

/* Failures by category. One that we do not know must not vanish from the error rate. */
static int read_failed(
	int64_t failed[FAILURE_COUNT], const cJSON *arm, const char *path, struct err *err)
{
	const cJSON *object, *item;
	if (wire_object(&object, arm, path, "failed", true, err))
		return -1;
	memset(failed, 0, FAILURE_COUNT * sizeof *failed);
	cJSON_ArrayForEach(item, object)
	{
		enum failure f = failure_of(item->string);
		int64_t n;
		if (f == FAILURE_COUNT)
			f = FAILURE_SYSTEM;
		if (!wire_integer(item, 0, WIRE_INTEGER_MAX - failed[f], &n))
			return err_set(err, ERR_FIELD,
				"field \"%sfailed.%s\": want an integer from 0 to %lld", path, item->string,
				(long long)WIRE_INTEGER_MAX);
		failed[f] += n;
	}
	return 0;
}

static int read_histogram(struct histogram *h, bool *known, const cJSON *arm, const char *path,
	const char *name, struct err *err)
{
	const cJSON *array, *pair;
	int64_t bucket, n, last = -1;
	memset(h, 0, sizeof *h);
	if (wire_array(&array, arm, path, name, err))
		return -1;
	*known = array != NULL;
	cJSON_ArrayForEach(pair, array)
	{
		if (!cJSON_IsArray(pair) || cJSON_GetArraySize(pair) != 2 ||
			!wire_integer(pair->child, last + 1, HISTOGRAM_BUCKETS - 1, &bucket) ||
			!wire_integer(pair->child->next, 0, WIRE_INTEGER_MAX, &n))
			return err_set(err, ERR_FIELD,
				"field \"%s%s\": want pairs of bucket and count, buckets rising from 0 to %d",
				path, name, HISTOGRAM_BUCKETS - 1);
		h->count[bucket] = n;
		last = bucket;
	}
	return 0;
}

static int read_operations(
	struct arm_counts *a, const cJSON *arm, const char *path, struct err *err)
{
	const cJSON *object, *item;
	char inner[160];
	a->operation_count = a->operations_dropped = 0;
	if (wire_object(&object, arm, path, "operations", false, err))
		return -1;
	cJSON_ArrayForEach(item, object)
	{
		if (a->operation_count == OPERATIONS_MAX) {
			a->operations_dropped++;
			continue;
		}
		struct operation_counts *o = &a->operations[a->operation_count];
		text_clean(o->name, sizeof o->name, item->string, strlen(item->string));
		(void)snprintf(inner, sizeof inner, "%soperations.%s.", path, o->name);
		if (!cJSON_IsObject(item))
			return err_set(
				err, ERR_FIELD, "field \"%soperations.%s\": want an object", path, o->name);
		if (WIRE_READ(o, item, inner, operation_fields, err))
			return -1;
		a->operation_count++;
	}
	return 0;
}

static int read_breaker(
	struct breaker_word *b, const cJSON *arm, const char *path, struct err *err)
{
	const cJSON *object;
	char inner[64];
	*b = (struct breaker_word){.opened = UNKNOWN, .retry_ms = UNKNOWN};
	(void)snprintf(inner, sizeof inner, "%sbreaker.", path);
	if (wire_object(&object, arm, path, "breaker", false, err))
		return -1;
	b->known = object != NULL;
	return object ? WIRE_READ(b, object, inner, breaker_fields, err) : 0;
}

static int read_arm(
	struct arm_counts *a, const cJSON *arm, const char *path, bool own_layout, struct err *err)
{
	const cJSON *workers;
	char inner[64];
	(void)snprintf(inner, sizeof inner, "%sworkers.", path);
	if (WIRE_READ(a, arm, path, arm_fields, err) || read_failed(a->failed, arm, path, err) ||
		wire_object(&workers, arm, path, "workers", false, err) ||
		WIRE_READ(&a->workers, workers, inner, worker_fields, err) ||
		read_breaker(&a->breaker, arm, path, err) || read_operations(a, arm, path, err))
		return -1;
	if (!own_layout)
		return 0;
	if (read_histogram(&a->latency, &a->has_latency, arm, path, "latency_us", err) ||
		read_histogram(
			&a->session_latency, &a->has_session_latency, arm, path, "session_latency_us", err))
		return -1;
	return 0;
}

/* One part of the document: `known` tells whether it was there, where not all of it is absent. */
static int read_part(void *base, bool *known, const cJSON *tree, const char *name,
	const struct wire_field *fields, size_t count, struct err *err)
{
	const cJSON *object;
	char path[16];
	(void)snprintf(path, sizeof path, "%s.", name);
	if (wire_object(&object, tree, "", name, false, err))
		return -1;
	*known = object != NULL;
	return object ? wire_read_fields(base, object, path, fields, count, err) : 0;
}
#define READ_PART(base, known, tree, name, fields, err) \
	read_part(base, known, tree, name, fields, WIRE_LENGTH(fields), err)

static int read_control(struct snapshot *out, const cJSON *tree, struct err *err)
{
	out->hold.age_ms = out->lease.ttl_ms = out->keep.left_ms = UNKNOWN;
	out->guard.since_ms = out->guard.held_ms = UNKNOWN;
	if (READ_PART(&out->hold, &out->hold.on, tree, "hold", hold_fields, err) ||
		READ_PART(&out->lease, &out->lease.known, tree, "lease", lease_fields, err) ||
		READ_PART(&out->keep, &out->keep.on, tree, "keep", keep_fields, err) ||
		READ_PART(&out->guard, &out->guard.known, tree, "guard", guard_fields, err) ||
		wire_read_operations(&out->operations, tree, err))
		return -1;
	if (out->lease.holder[0] == '\0')
		out->lease.ttl_ms = UNKNOWN;
	if (out->guard.verdict == VERDICT_COUNT)
		out->guard.verdict = VERDICT_NONE;
	return 0;
}

static int read_change(struct change *c, const cJSON *tree, struct err *err)
{
	const cJSON *object, *counts;
	char inner[32];
	if (wire_object(&object, tree, "", "change", false, err) ||
		WIRE_READ(c, object, "change.", change_fields, err))
		return -1;
	c->known = object != NULL;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		(void)snprintf(inner, sizeof inner, "change.%s.", arm_name((enum arm)arm));
		if (wire_object(&counts, object, "change.", arm_name((enum arm)arm), false, err) ||
			WIRE_READ(&c->arms[arm], counts, inner, change_count_fields, err))
			return -1;
	}
	return 0;
}

static int read_arms(struct snapshot *out, const cJSON *tree, struct err *err)
{
	const cJSON *arms, *arm;
	const cJSON *layout = cJSON_GetObjectItemCaseSensitive(tree, "latency_layout");
	bool own = cJSON_IsString(layout) && strcmp(layout->valuestring, HISTOGRAM_LAYOUT) == 0;
	char path[32];
	if (wire_object(&arms, tree, "", "arms", true, err))
		return -1;
	for (int i = 0; i < ARM_COUNT; i++) {
		const char *name = arm_name((enum arm)i);
		(void)snprintf(path, sizeof path, "arms.%s.", name);
		if (wire_object(&arm, arms, "arms.", name, true, err) ||
			read_arm(&out->arms[i], arm, path, own, err))
			return -1;
	}
	return 0;
}

int wire_read_state(struct snapshot *out, const char *body, size_t len, struct err *err)
{
	cJSON *tree = wire_parse(body, len, err);
	if (!tree)
		return -1;
	memset(out, 0, sizeof *out);
	int result = read_schema(tree, err) || WIRE_READ(out, tree, "", state_fields, err) ||
		WIRE_READ(out, tree, "", sample_field, err) || read_control(out, tree, err) ||
		read_change(&out->change, tree, err) || read_arms(out, tree, err) ||
		wire_read_crew(&out->crew, tree, err);
	cJSON_Delete(tree);
	return result ? -1 : 0;
}
