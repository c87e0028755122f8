/* Changes, answers, audit, intents, executions and faults: struct to weir.pool/1 and back. It
 * decides nothing: which answer a change gets is control's, what an answer means to a migration
 * is the model's. */
#include "client/wire.h"

#include "client/scan.h"
#include "client/wire_field.h"
#include "model/unit.h"

#include <cjson/cJSON.h>
#include <string.h>

#define TIMEOUT_MAX_MS 30000
#define WORK_MAX_US 60000000
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define READ(base, object, path, fields, err) \
	wire_read_fields(base, object, path, fields, COUNT(fields), err)
#define WRITE(out, base, fields) wire_write_fields(out, base, fields, COUNT(fields))

/* Parses `body` and reads one flat object of `fields`. */
static int read_flat(void *base, const char *body, size_t len, const struct wire_field *fields,
	size_t count, struct err *err)
{
	cJSON *tree = wire_parse(body, len, err);
	int result = tree ? wire_read_fields(base, tree, "", fields, count, err) : -1;
	cJSON_Delete(tree);
	return result;
}

/* ---- a change as it is asked ---- */

#define R struct control_request
static const struct wire_field step_fields[] = {
	WIRE_ROW_SHARE(R, to_bp, "to_bp", true),
	WIRE_ROW_SHARE(R, from_bp, "from_bp", false),
	WIRE_ROW(R, strategy, "strategy", WIRE_STRATEGY, false, 0, 0),
	WIRE_ROW_TEXT(R, actor, "actor", WIRE_TEXT, true),
	WIRE_ROW_TEXT(R, reason, "reason", WIRE_TEXT, false),
	WIRE_ROW_TEXT(R, plan_hash, "plan_hash", WIRE_NAME, false),
};

/* Hold, resume and rollback: nothing but an object is asked, since a rollback must be possible
 * with whatever is at hand. */
static const struct wire_field act_fields[] = {
	WIRE_ROW_TEXT(R, actor, "actor", WIRE_TEXT, false),
	WIRE_ROW_TEXT(R, reason, "reason", WIRE_TEXT, false),
};
#undef R

void wire_write_command(struct text *out, const struct command *c)
{
	text_add(out, "{");
	if (c->verb == VERB_STEP) {
		text_json_int(out, "to_bp", c->to_bp);
		text_json_int(out, "from_bp", c->from_bp < 0 ? UNKNOWN : c->from_bp);
		text_json_str(
			out, "strategy", c->strategy < STRATEGY_COUNT ? strategy_name(c->strategy) : NULL);
		text_json_str(out, "plan_hash", *c->plan_hash ? c->plan_hash : NULL);
	}
	text_json_str(out, "actor", c->actor);
	text_json_str(out, "reason", *c->reason ? c->reason : NULL);
	text_json_str(out, "history_head", *c->history_head ? c->history_head : NULL);
	text_add(out, "}");
}

int wire_read_change(
	struct control_request *out, enum verb verb, const char *body, size_t len, struct err *err)
{
	memset(out, 0, sizeof *out);
	out->verb = verb;
	out->to_bp = out->from_bp = -1;
	out->strategy = STRATEGY_COUNT;
	if (verb == VERB_STEP)
		return read_flat(out, body, len, step_fields, COUNT(step_fields), err);
	if (read_flat(out, body, len, act_fields, COUNT(act_fields), err))
		return -1;
	if (!*out->actor)
		(void)text_copy(out->actor, sizeof out->actor, "unknown");
	return 0;
}

/* ---- its answer ---- */

void wire_write_answer(struct text *out, const struct control_answer *a)
{
	text_add(out, "{");
	if (a->status != 200) {
		text_json_str(out, "error", a->error);
		text_json_str(out, "message", a->message);
	}
	text_json_int(out, "epoch", a->epoch);
	text_json_int(out, "rev", a->rev);
	text_json_int(out, "share_bp", a->share_bp < 0 ? UNKNOWN : a->share_bp);
	if (a->status == 200) {
		text_json_bool(out, "replayed", a->replayed);
		text_json_bool(out, "durable", a->durable);
	} else {
		text_json_str(out, "changed_by", *a->changed_by ? a->changed_by : NULL);
		text_json_int(out, "changed_age_ms", *a->changed_by ? a->changed_age_ms : UNKNOWN);
	}
	text_add(out, "}");
}

/* What a status, and where it has several meanings the word with it, says: the first row that
 * fits. Not final means that the effect is unknown. */
static const struct refusal {
	int status;       /* 0: any */
	const char *word; /* NULL: any */
	enum err_code code;
	bool final;
} refusals[] = {
	{401, NULL, ERR_UNAUTHORISED, true},
	{403, NULL, ERR_READ_ONLY, true},
	{409, "held", ERR_HELD, true},
	{409, "unkept", ERR_BAKE, true},
	{409, "in_progress", ERR_UNRESOLVED, false},
	{409, NULL, ERR_CHANGED, true},
	{410, NULL, ERR_FINALIZED, true},
	{412, NULL, ERR_CHANGED, true},
	{422, "void", ERR_VOID, true},
	{422, "key_reused", ERR_PROTOCOL, true},
	{422, NULL, ERR_LIMIT, true},
	{423, NULL, ERR_LEASE, true},
	{507, "not_stored", ERR_DISK, true},
	{0, NULL, ERR_PROTOCOL, true},
};

/* What of an answer's body is read. */
struct answer_body {
	char error[24], message[POOL_REASON_MAX], changed_by[POOL_ACTOR_MAX];
	int64_t epoch, rev, changed_age_ms;
	int share_bp;
	bool replayed, durable;
};

#define B struct answer_body
static const struct wire_field applied_fields[] = {
	WIRE_ROW_COUNT(B, epoch, "epoch", true),
	WIRE_ROW_COUNT(B, rev, "rev", true),
	WIRE_ROW_SHARE(B, share_bp, "share_bp", true),
	WIRE_ROW(B, replayed, "replayed", WIRE_BOOL, false, 0, 0),
};

static const struct wire_field durable_field[] = {
	WIRE_ROW(B, durable, "durable", WIRE_BOOL, true, 0, 0),
};

static const struct wire_field refused_fields[] = {
	WIRE_ROW_TEXT(B, error, "error", WIRE_TEXT, true),
	WIRE_ROW_TEXT(B, message, "message", WIRE_TEXT, false),
	WIRE_ROW_COUNT(B, epoch, "epoch", false),
	WIRE_ROW_COUNT(B, rev, "rev", false),
	WIRE_ROW_SHARE(B, share_bp, "share_bp", false),
	WIRE_ROW_TEXT(B, changed_by, "changed_by", WIRE_TEXT, false),
	WIRE_ROW_COUNT(B, changed_age_ms, "changed_age_ms", false),
};
#undef B

static const struct answer_body no_body = {
	.epoch = UNKNOWN, .rev = UNKNOWN, .changed_age_ms = UNKNOWN, .share_bp = -1};

static void take_body(struct answer *out, const struct answer_body *b)
{
	out->epoch = b->epoch;
	out->rev = b->rev;
	out->share_bp = b->share_bp;
	out->replayed = b->replayed;
	out->durable = b->durable;
	out->changed_age_ms = b->changed_age_ms;
	(void)text_copy(out->changed_by, sizeof out->changed_by, b->changed_by);
}

/* A pool that does not say durable has no store to fail. */
static int read_applied(struct answer_body *b, const cJSON *tree, struct err *err)
{
	b->durable = true;
	if (READ(b, tree, "", applied_fields, err))
		return -1;
	const cJSON *said = cJSON_GetObjectItemCaseSensitive(tree, "durable");
	return said && !cJSON_IsNull(said) ? READ(b, tree, "", durable_field, err) : 0;
}

static const struct refusal *refusal_of(int status, const char *word)
{
	const struct refusal *r = refusals;
	while (r->status != 0 && (r->status != status || (r->word && strcmp(r->word, word) != 0)))
		r++;
	return r;
}

int wire_read_answer(
	struct answer *out, int status, const char *body, size_t len, struct err *err)
{
	struct answer_body b = no_body;
	memset(out, 0, sizeof *out);
	out->kind = ANSWER_LOST;
	out->latency_ms = UNKNOWN;
	take_body(out, &b);
	if (status == 200) {
		cJSON *tree = wire_parse(body, len, err);
		int result = tree ? read_applied(&b, tree, err) : -1;
		cJSON_Delete(tree);
		if (result)
			return -1;
		take_body(out, &b);
		out->kind = ANSWER_APPLIED;
		return 0;
	}
	if (status < 400)
		return err_set(err, ERR_PROTOCOL, "status %d is no answer to a change", status);
	/* A refusal without a readable body is one all the same: its status says what it is. */
	if (read_flat(&b, body, len, refused_fields, COUNT(refused_fields), NULL))
		b = no_body;
	take_body(out, &b);
	const struct refusal *r = refusal_of(status, b.error);
	bool unknown = !r->final || (r->status == 0 && status >= 500);
	out->kind = unknown ? ANSWER_LOST : ANSWER_REFUSED;
	(void)err_set(&out->err, unknown ? ERR_UNRESOLVED : r->code, "the pool answered %d%s%s%s%s",
		status, *b.error ? " " : "", b.error, *b.message ? ": " : "", b.message);
	return 0;
}

/* ---- the fate of an intent ---- */

void wire_write_intent(
	struct text *out, const char *key, enum intent_fate fate, const struct control_answer *a)
{
	bool has_share = fate == INTENT_APPLIED || fate == INTENT_SUPERSEDED;
	text_add(out, "{");
	text_json_str(out, "key", key);
	text_json_str(out, "fate", intent_fate_name(fate));
	text_json_int(out, "epoch", has_share ? a->epoch : UNKNOWN);
	text_json_int(out, "rev", has_share ? a->rev : UNKNOWN);
	text_json_int(out, "share_bp", has_share && a->share_bp >= 0 ? a->share_bp : UNKNOWN);
	text_add(out, "}");
}

struct fate_body {
	char fate[24];
	int64_t epoch, rev;
	int share_bp;
};

static const struct wire_field fate_fields[] = {
	WIRE_ROW_TEXT(struct fate_body, fate, "fate", WIRE_TEXT, true),
	WIRE_ROW_COUNT(struct fate_body, epoch, "epoch", false),
	WIRE_ROW_COUNT(struct fate_body, rev, "rev", false),
	WIRE_ROW_SHARE(struct fate_body, share_bp, "share_bp", false),
};

int wire_read_intent(struct answer *out, const char *body, size_t len, struct err *err)
{
	static const struct {
		enum intent_fate fate;
		enum answer_kind kind;
	} fates[] = {
		{INTENT_UNKNOWN, ANSWER_LOST},
		{INTENT_APPLIED, ANSWER_APPLIED},
		{INTENT_SUPERSEDED, ANSWER_SUPERSEDED},
		{INTENT_VOID, ANSWER_VOID},
	};
	struct fate_body b;
	memset(out, 0, sizeof *out);
	out->kind = ANSWER_LOST;
	out->durable = true;
	out->epoch = out->rev = out->latency_ms = out->changed_age_ms = UNKNOWN;
	out->share_bp = -1;
	if (read_flat(&b, body, len, fate_fields, COUNT(fate_fields), err))
		return -1;
	for (size_t i = 0; i < COUNT(fates); i++) {
		if (strcmp(b.fate, intent_fate_name(fates[i].fate)) != 0)
			continue;
		out->kind = fates[i].kind;
		out->epoch = b.epoch;
		out->rev = b.rev;
		out->share_bp = b.share_bp;
		return 0;
	}
	return err_set(err, ERR_FIELD, "field \"fate\": \"%s\" is no fate of an intent", b.fate);
}

/* ---- the audit log ---- */

#define E struct audit_entry
static const struct wire_field audit_fields[] = {
	WIRE_ROW_COUNT(E, seq, "seq", true),
	WIRE_ROW_TEXT(E, what, "what", WIRE_TEXT, true),
	WIRE_ROW_SHARE(E, from_bp, "from_bp", false),
	WIRE_ROW_SHARE(E, to_bp, "to_bp", false),
	WIRE_ROW_COUNT(E, epoch, "epoch", true),
	WIRE_ROW_COUNT(E, rev, "rev", true),
	WIRE_ROW_TEXT(E, key, "key", WIRE_NAME, false),
	WIRE_ROW_TEXT(E, actor, "actor", WIRE_TEXT, false),
	WIRE_ROW_TEXT(E, reason, "reason", WIRE_TEXT, false),
	WIRE_ROW_COUNT(E, age_ms, "age_ms", false),
};
#undef E

void wire_write_audit(struct text *out, const struct audit_entry *entries, size_t count)
{
	text_add(out, "{\"entries\":[");
	for (size_t i = 0; i < count; i++) {
		text_add(out, i ? ",{" : "{");
		WRITE(out, &entries[i], audit_fields);
		text_add(out, "}");
	}
	text_add(out, "]}");
}

static int read_audit(
	struct audit_entry *out, size_t max, size_t *count, const cJSON *tree, struct err *err)
{
	const cJSON *entries, *item;
	if (wire_array(&entries, tree, "", "entries", err))
		return -1;
	if (!entries)
		return err_set(err, ERR_FIELD, "field \"entries\" is missing");
	cJSON_ArrayForEach(item, entries)
	{
		if (*count == max)
			break;
		if (!cJSON_IsObject(item))
			return err_set(err, ERR_FIELD, "field \"entries\": want objects");
		memset(&out[*count], 0, sizeof *out);
		if (READ(&out[*count], item, "entries.", audit_fields, err))
			return -1;
		++*count;
	}
	return 0;
}

int wire_read_audit(struct audit_entry *out, size_t max, size_t *count, const char *body,
	size_t len, struct err *err)
{
	*count = 0;
	cJSON *tree = wire_parse(body, len, err);
	int result = tree ? read_audit(out, max, count, tree, err) : -1;
	cJSON_Delete(tree);
	return result;
}

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
	int result =
		READ(out, tree, "", execute_fields, err) || read_payload(out, tree, body, len, err);
	if (out->timeout_ms == UNKNOWN)
		out->timeout_ms = 0;
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
	int result = read_arm(arm, tree, err) || READ(out, tree, "", fault_fields, err);
	if (out->latency_add_us == UNKNOWN)
		out->latency_add_us = 0;
	cJSON_Delete(tree);
	return result ? -1 : 0;
}
