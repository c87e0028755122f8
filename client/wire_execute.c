/* Executions and faults: what a load generator or a rehearsal asks of a pool. */
#include "client/wire.h"

#include "client/scan.h"
#include "client/wire_field.h"
#include "model/unit.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#define TIMEOUT_MAX_MS 30000
#define WORK_MAX_US 60000000
#define LEAK_MAX_BYTES (16 * 1024 * 1024)

/* ---- executions ---- */

#define Q struct engine_request
static const struct wire_field execute_fields[] = {
	WIRE_ROW_TEXT(Q, operation, "operation", WIRE_NAME, true),
	WIRE_ROW_TEXT(Q, session, "session", WIRE_LINE, false),
	WIRE_ROW_TEXT(Q, id, "key", WIRE_LINE, false),
	WIRE_ROW(Q, work_us, "work_us", WIRE_INT, false, 0, WORK_MAX_US),
	WIRE_ROW(Q, timeout_ms, "timeout_ms", WIRE_INT, false, 1, TIMEOUT_MAX_MS),
};
#undef Q

/* True when an odd number of backslashes stands before byte `i`. */
static bool is_escaped(const char *s, size_t i)
{
	size_t from = i;
	while (from > 0 && s[from - 1] == '\\')
		from--;
	return (i - from) % 2 == 1;
}

/* The payload goes through as it came, but on one line: cJSON would print its numbers anew and
 * lose digits. */
static int read_payload(struct engine_request *out, const cJSON *tree, const char *body,
	size_t len, struct err *err)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, "payload");
	const char *raw;
	size_t raw_len, n = 0;
	bool in_string = false;
	if (!item || cJSON_IsNull(item))
		return 0;
	if (scan_member(body, len, "payload", &raw, &raw_len, err))
		return -1;
	if (!raw)
		return err_set(err, ERR_FIELD, "field \"payload\": want its name without escapes");
	for (size_t i = 0; i < raw_len; i++) {
		if (raw[i] == '"' && !(in_string && is_escaped(raw, i)))
			in_string = !in_string;
		if (!in_string && (raw[i] == ' ' || raw[i] == '\t' || raw[i] == '\n' || raw[i] == '\r'))
			continue;
		if (n == sizeof out->payload - 1)
			return err_set(err, ERR_FIELD, "field \"payload\": want at most %d bytes of JSON",
				ENGINE_PAYLOAD_MAX - 1);
		out->payload[n++] = raw[i];
	}
	return 0;
}

int wire_read_execute(struct engine_request *out, const char *body, size_t len, struct err *err)
{
	cJSON *tree = wire_parse(body, len, err);
	if (!tree)
		return -1;
	memset(out, 0, sizeof *out);
	int result = WIRE_READ(out, tree, "", execute_fields, err) ||
		read_payload(out, tree, body, len, err);
	if (out->timeout_ms == UNKNOWN)
		out->timeout_ms = 0;
	memcpy(out->key, out->id, sizeof out->key);
	cJSON_Delete(tree);
	return result ? -1 : 0;
}

void wire_write_execute(struct text *out, const struct engine_response *r)
{
	text_add(out, "{");
	text_json_bool(out, "ok", r->ok);
	text_json_str(out, "arm", arm_name(r->arm));
	if (r->ok) {
		size_t len = strlen(r->result);
		text_json_key(out, "result");
		/* A worker's result goes out as it is only where it is JSON; else as a string. */
		if (len == 0)
			text_add(out, "null");
		else if (scan_document(r->result, len, NULL) == 0)
			text_add(out, r->result);
		else
			text_add_json(out, r->result);
	} else {
		text_json_key(out, "error");
		text_add(out, "{");
		text_json_str(
			out, "category", r->failure < FAILURE_COUNT ? failure_name(r->failure) : NULL);
		text_json_str(out, "message", r->message);
		text_add(out, "}");
	}
	text_json_int(out, "latency_us", r->latency_us);
	text_add(out, "}");
}

/* ---- faults ---- */

#define F struct fault
static const struct wire_field fault_fields[] = {
	WIRE_ROW(F, error_rate, "error_rate", WIRE_REAL, false, 0, 1),
	WIRE_ROW(F, slow_factor, "slow_factor", WIRE_REAL, false, 1, 1000),
	WIRE_ROW(F, latency_add_us, "latency_add_us", WIRE_INT, false, 0, WORK_MAX_US),
	WIRE_ROW(F, hang, "hang", WIRE_BOOL, false, 0, 0),
	WIRE_ROW(F, crash_rate, "crash_rate", WIRE_REAL, false, 0, 1),
	WIRE_ROW(F, leak_bytes, "leak_bytes", WIRE_INT, false, 0, LEAK_MAX_BYTES),
	WIRE_ROW(F, stall, "stall", WIRE_BOOL, false, 0, 0),
	WIRE_ROW(F, lies, "lie", WIRE_BOOL, false, 0, 0),
	WIRE_ROW_TEXT(F, operation, "operation", WIRE_NAME, false),
};
#undef F

static int read_arm(enum arm *arm, const cJSON *tree, struct err *err)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, "arm");
	for (int i = 0; cJSON_IsString(item) && i < ARM_COUNT; i++) {
		*arm = (enum arm)i;
		if (strcmp(item->valuestring, arm_name(*arm)) == 0)
			return 0;
	}
	return err_set(err, ERR_FIELD,
		item ? "field \"arm\": want \"v1\" or \"v2\"" : "field \"arm\" is missing");
}

int wire_read_fault(
	enum arm *arm, struct fault *out, const char *body, size_t len, struct err *err)
{
	cJSON *tree = wire_parse(body, len, err);
	if (!tree)
		return -1;
	memset(out, 0, sizeof *out);
	int result = read_arm(arm, tree, err) || WIRE_READ(out, tree, "", fault_fields, err);
	/* Of a fault nothing is unknown: what is not asked for is off. */
	if (out->latency_add_us == UNKNOWN)
		out->latency_add_us = 0;
	if (out->leak_bytes == UNKNOWN)
		out->leak_bytes = 0;
	if (isnan(out->error_rate))
		out->error_rate = 0;
	if (isnan(out->slow_factor))
		out->slow_factor = 0;
	if (isnan(out->crash_rate))
		out->crash_rate = 0;
	cJSON_Delete(tree);
	return result ? -1 : 0;
}
