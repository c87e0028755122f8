/* The state document: struct snapshot to weir.pool/1 and back. The tables below are its fields;
 * what is no plain field (failures, operations, histograms) has a function here.
 *
 * A document is read whole or refused. Two things are soft: latencies in a bucket layout that
 * is not ours are dropped, and of more than OPERATIONS_MAX operations the first are kept. */
#include "client/wire_state.h"

#include "client/wire.h"
#include "client/wire_field.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define SCHEMA_FAMILY "weir.pool/"
#define COUNT(array) (sizeof(array) / sizeof *(array))

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
	WIRE_ROW(S, strategy, "strategy", WIRE_STRATEGY, true, 0, 0),
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
	WIRE_ROW(S, finalized, "finalized", WIRE_BOOL, false, 0, 0),
};
#undef S

static const struct wire_field hold_fields[] = {
	WIRE_ROW_TEXT(struct hold, actor, "actor", WIRE_TEXT, false),
	WIRE_ROW_TEXT(struct hold, reason, "reason", WIRE_TEXT, false),
	WIRE_ROW_COUNT(struct hold, age_ms, "age_ms", false),
};

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
	WIRE_ROW_COUNT(A, queue_depth, "queue_depth", false),
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

static const struct wire_field operation_fields[] = {
	WIRE_ROW_COUNT(struct operation_counts, requests, "requests", true),
	WIRE_ROW_COUNT(struct operation_counts, ok, "ok", true),
	WIRE_ROW_COUNT(struct operation_counts, failed, "failed", true),
};

const struct wire_table wire_state_tables[WIRE_STATE_TABLES] = {
	{"", state_fields, COUNT(state_fields)},
	{"hold.", hold_fields, COUNT(hold_fields)},
	{"change.", change_fields, COUNT(change_fields)},
	{"change.v1.", change_count_fields, COUNT(change_count_fields)},
	{"change.v2.", change_count_fields, COUNT(change_count_fields)},
	{"arms.v1.", arm_fields, COUNT(arm_fields)},
	{"arms.v2.", arm_fields, COUNT(arm_fields)},
	{"arms.v1.workers.", worker_fields, COUNT(worker_fields)},
	{"arms.v2.workers.", worker_fields, COUNT(worker_fields)},
};

#define READ(base, object, path, fields, err) \
	wire_read_fields(base, object, path, fields, COUNT(fields), err)
#define WRITE(out, base, fields) wire_write_fields(out, base, fields, COUNT(fields))

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

static void write_arm(struct text *out, const struct arm_counts *a)
{
	WRITE(out, a, arm_fields);
	text_json_key(out, "failed");
	text_add(out, "{");
	for (int f = 0; f < FAILURE_COUNT; f++)
		text_json_int(out, failure_name((enum failure)f), a->failed[f]);
	text_add(out, "}");
	write_histogram(out, "latency_us", &a->latency, a->has_latency);
	write_histogram(out, "session_latency_us", &a->session_latency, a->has_session_latency);
	text_json_key(out, "workers");
	text_add(out, "{");
	WRITE(out, &a->workers, worker_fields);
	text_add(out, "}");
	text_json_key(out, "operations");
	text_add(out, "{");
	for (int i = 0; i < a->operation_count; i++) {
		text_json_key(out, a->operations[i].name);
		text_add(out, "{");
		WRITE(out, &a->operations[i], operation_fields);
		text_add(out, "}");
	}
	text_add(out, "}");
}

static bool has_operation(const struct arm_counts *a, const char *name)
{
	for (int i = 0; i < a->operation_count; i++)
		if (strcmp(a->operations[i].name, name) == 0)
			return true;
	return false;
}

/* The names of all operations that either arm counts. */
static void write_operations(struct text *out, const struct snapshot *s)
{
	bool first = true;
	text_json_key(out, "operations");
	text_add(out, "[");
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		for (int i = 0; i < s->arms[arm].operation_count; i++) {
			const char *name = s->arms[arm].operations[i].name;
			if (arm != ARM_V1 && has_operation(&s->arms[ARM_V1], name))
				continue;
			text_add(out, first ? "" : ",");
			text_add_json(out, name);
			first = false;
		}
	}
	text_add(out, "]");
}

static void write_hold(struct text *out, const struct hold *h)
{
	text_json_key(out, "hold");
	if (!h->on) {
		text_add(out, "null");
		return;
	}
	text_add(out, "{");
	WRITE(out, h, hold_fields);
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
	WRITE(out, c, change_fields);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		text_json_key(out, arm_name((enum arm)arm));
		text_add(out, "{");
		WRITE(out, &c->arms[arm], change_count_fields);
		text_add(out, "}");
	}
	text_add(out, "}");
}

void wire_write_state(struct text *out, const struct snapshot *s)
{
	text_add(out, "{");
	text_json_str(out, "schema", WIRE_SCHEMA);
	WRITE(out, s, state_fields);
	write_hold(out, &s->hold);
	write_change(out, &s->change);
	write_operations(out, s);
	text_json_str(out, "keep", NULL);
	text_json_str(out, "guard", NULL);
	text_json_str(out, "lease", NULL);
	text_json_str(out, "latency_layout", HISTOGRAM_LAYOUT);
	text_json_int(out, "unit_sample", 1);
	text_json_key(out, "arms");
	text_add(out, "{");
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		text_json_key(out, arm_name((enum arm)arm));
		text_add(out, "{");
		write_arm(out, &s->arms[arm]);
		text_add(out, "}");
	}
	text_add(out, "}}");
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
	a->operation_count = 0;
	if (wire_object(&object, arm, path, "operations", false, err))
		return -1;
	cJSON_ArrayForEach(item, object)
	{
		if (a->operation_count == OPERATIONS_MAX)
			break;
		struct operation_counts *o = &a->operations[a->operation_count];
		text_clean(o->name, sizeof o->name, item->string, strlen(item->string));
		(void)snprintf(inner, sizeof inner, "%soperations.%s.", path, o->name);
		if (!cJSON_IsObject(item))
			return err_set(
				err, ERR_FIELD, "field \"%soperations.%s\": want an object", path, o->name);
		if (READ(o, item, inner, operation_fields, err))
			return -1;
		a->operation_count++;
	}
	return 0;
}

static int read_arm(
	struct arm_counts *a, const cJSON *arm, const char *path, bool own_layout, struct err *err)
{
	const cJSON *workers;
	char inner[64];
	(void)snprintf(inner, sizeof inner, "%sworkers.", path);
	if (READ(a, arm, path, arm_fields, err) || read_failed(a->failed, arm, path, err) ||
		wire_object(&workers, arm, path, "workers", false, err) ||
		READ(&a->workers, workers, inner, worker_fields, err) ||
		read_operations(a, arm, path, err))
		return -1;
	if (!own_layout)
		return 0;
	if (read_histogram(&a->latency, &a->has_latency, arm, path, "latency_us", err) ||
		read_histogram(
			&a->session_latency, &a->has_session_latency, arm, path, "session_latency_us", err))
		return -1;
	return 0;
}

static int read_hold(struct hold *h, const cJSON *tree, struct err *err)
{
	const cJSON *object;
	if (wire_object(&object, tree, "", "hold", false, err))
		return -1;
	h->on = object != NULL;
	return READ(h, object, "hold.", hold_fields, err);
}

static int read_change(struct change *c, const cJSON *tree, struct err *err)
{
	const cJSON *object, *counts;
	char inner[32];
	if (wire_object(&object, tree, "", "change", false, err) ||
		READ(c, object, "change.", change_fields, err))
		return -1;
	c->known = object != NULL;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		(void)snprintf(inner, sizeof inner, "change.%s.", arm_name((enum arm)arm));
		if (wire_object(&counts, object, "change.", arm_name((enum arm)arm), false, err) ||
			READ(&c->arms[arm], counts, inner, change_count_fields, err))
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
	int result = read_schema(tree, err) || READ(out, tree, "", state_fields, err) ||
		read_hold(&out->hold, tree, err) || read_change(&out->change, tree, err) ||
		read_arms(out, tree, err);
	cJSON_Delete(tree);
	return result ? -1 : 0;
}
