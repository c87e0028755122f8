/* Answers: what a pool says to a change, what it means to a console. One table gives a status
 * its code; it holds for a pool across a network, in this process and in tests alike. */
#include "client/wire.h"

#include "client/wire_field.h"
#include "client/wire_tables.h"
#include "model/unit.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

/* ---- the pool writes ---- */

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

/* ---- what an answer means ---- */

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
	{408, NULL, ERR_UNRESOLVED, false}, /* of a proxy on the way */
	{409, "held", ERR_HELD, true},
	{409, "unkept", ERR_UNKEPT, true},
	{409, "unfinished", ERR_NEXT, true}, /* a finish below 100 % */
	{409, "undrained", ERR_NEXT, true},  /* a finish while v1 has work or sessions */
	{409, "open", ERR_LIMIT, true}, /* of a disarm: not at the baseline */
	{409, "led", ERR_LIMIT, true},  /* its plan lies in etcd */
	{409, "last", ERR_LIMIT, true}, /* an arm would be without a worker */
	{409, "in_progress", ERR_UNRESOLVED, false},
	{409, NULL, ERR_CHANGED, true},
	{410, NULL, ERR_FINALIZED, true},
	{412, NULL, ERR_CHANGED, true},
	{422, "void", ERR_VOID, true},
	{422, "key_reused", ERR_KEY_REUSED, true},
	{422, NULL, ERR_LIMIT, true},
	{423, NULL, ERR_LEASE, true},
	{507, "not_stored", ERR_DISK, true},
	{0, NULL, ERR_PROTOCOL, true},
};

static const struct refusal *refusal_of(int status, const char *word)
{
	const struct refusal *r = refusals;
	while (r->status != 0 && (r->status != status || (r->word && strcmp(r->word, word) != 0)))
		r++;
	return r;
}

static void take_body(struct answer *out, const struct control_answer *a)
{
	out->epoch = a->epoch;
	out->rev = a->rev;
	out->share_bp = a->share_bp;
	out->replayed = a->replayed;
	out->durable = a->durable;
	out->latency_ms = UNKNOWN;
	out->changed_age_ms = a->changed_age_ms;
	(void)text_copy(out->changed_by, sizeof out->changed_by, a->changed_by);
}

/* Who was faster, and what the share is now. */
static void say_changed(
	const struct answer *a, const char *what, enum err_code code, struct err *err)
{
	struct text how = {0};
	char word[32];
	if (a->changed_by[0] != '\0')
		text_addf(&how, " by \"%s\"", a->changed_by);
	if (a->changed_age_ms != UNKNOWN) {
		unit_age(word, sizeof word, a->changed_age_ms);
		text_addf(&how, " %s ago", word);
	}
	if (a->share_bp >= 0) {
		unit_share_word(word, sizeof word, a->share_bp);
		text_addf(&how, ", the share is now %s", word);
	}
	(void)err_set(err, code, "the pool was %s%s", what, text_str(&how));
	text_free(&how);
}

static void refuse(
	struct answer *out, const struct control_answer *a, const struct command *asked)
{
	const struct refusal *r = refusal_of(a->status, a->error);
	bool newer = asked && verb_is(asked->verb, VERB_MATCHES) && a->epoch != UNKNOWN &&
		a->epoch > asked->epoch;
	out->kind = ANSWER_REFUSED;
	if (a->status == 412 && newer)
		say_changed(out, "rolled back or taken over", ERR_EPOCH, &out->err);
	else if (a->status == 412)
		say_changed(out, "changed", ERR_CHANGED, &out->err);
	else if (*a->message)
		(void)err_set(&out->err, r->code, "%s", a->message);
	else if (r->code == ERR_LEASE && *a->changed_by)
		(void)err_set(&out->err, ERR_LEASE, "\"%s\" holds the lease", a->changed_by);
	else
		(void)err_set(&out->err, r->code, "the pool answered %d%s%s", a->status,
			*a->error ? " " : "", a->error);
}

void wire_take_answer(
	struct answer *out, const struct control_answer *a, const struct command *asked)
{
	char is[32], was_asked[32];
	const struct refusal *r = refusal_of(a->status, a->error);
	memset(out, 0, sizeof *out);
	take_body(out, a);
	if (a->status == 200) {
		out->kind = ANSWER_APPLIED;
		if (!asked || asked->verb != VERB_STEP || a->share_bp == asked->to_bp)
			return;
		unit_share(is, sizeof is, a->share_bp);
		unit_share(was_asked, sizeof was_asked, asked->to_bp);
		(void)err_set(&out->err, ERR_APPLIED_AS, "applied as %s, asked %s", is, was_asked);
	} else if (!r->final || (r->status == 0 && a->status >= 500)) {
		out->kind = ANSWER_LOST;
		(void)err_set(&out->err, ERR_UNRESOLVED, "the pool answered %d%s%s%s%s", a->status,
			*a->error ? " " : "", a->error, *a->message ? ": " : "", a->message);
	} else {
		refuse(out, a, asked);
	}
}

void wire_take_fate(struct answer *out, enum intent_fate fate, const struct control_answer *a)
{
	static const enum answer_kind kinds[] = {
		[INTENT_UNKNOWN] = ANSWER_LOST,
		[INTENT_APPLIED] = ANSWER_APPLIED,
		[INTENT_SUPERSEDED] = ANSWER_SUPERSEDED,
		[INTENT_VOID] = ANSWER_VOID,
	};
	bool has_share = fate == INTENT_APPLIED || fate == INTENT_SUPERSEDED;
	*out = (struct answer){
		.kind = kinds[fate],
		.epoch = has_share ? a->epoch : UNKNOWN,
		.rev = has_share ? a->rev : UNKNOWN,
		.share_bp = has_share ? a->share_bp : -1,
		.durable = true,
		.latency_ms = UNKNOWN,
		.changed_age_ms = UNKNOWN,
	};
	if (fate == INTENT_UNKNOWN)
		(void)err_set(&out->err, ERR_UNRESOLVED, "%s",
			*a->message ? a->message
						: "the pool does not know the command and did not void it");
}

/* ---- the console reads ---- */

#define A struct control_answer
static const struct wire_field applied_fields[] = {
	WIRE_ROW_COUNT(A, epoch, "epoch", true),
	WIRE_ROW_COUNT(A, rev, "rev", true),
	WIRE_ROW_SHARE(A, share_bp, "share_bp", true),
	WIRE_ROW(A, replayed, "replayed", WIRE_BOOL, false, 0, 0),
};

static const struct wire_field durable_field[] = {
	WIRE_ROW(A, durable, "durable", WIRE_BOOL, true, 0, 0),
};

static const struct wire_field refused_fields[] = {
	WIRE_ROW_TEXT(A, error, "error", WIRE_TEXT, true),
	WIRE_ROW_TEXT(A, message, "message", WIRE_TEXT, false),
	WIRE_ROW_COUNT(A, epoch, "epoch", false),
	WIRE_ROW_COUNT(A, rev, "rev", false),
	WIRE_ROW_SHARE(A, share_bp, "share_bp", false),
	WIRE_ROW_TEXT(A, changed_by, "changed_by", WIRE_TEXT, false),
	WIRE_ROW_COUNT(A, changed_age_ms, "changed_age_ms", false),
};
#undef A

#define TABLE(fields) \
	{ \
		"", fields, WIRE_LENGTH(fields) \
	}
const struct wire_table wire_answer_tables[WIRE_ANSWER_TABLES] = {
	TABLE(applied_fields), TABLE(refused_fields)};

static const struct control_answer no_body = {
	.epoch = UNKNOWN, .rev = UNKNOWN, .changed_age_ms = UNKNOWN, .share_bp = -1};

/* A pool that does not say durable has no store to fail. */
static int read_applied(struct control_answer *a, const char *body, size_t len, struct err *err)
{
	cJSON *tree = wire_parse(body, len, err);
	if (!tree)
		return -1;
	const cJSON *said = cJSON_GetObjectItemCaseSensitive(tree, "durable");
	bool says = said && !cJSON_IsNull(said);
	a->durable = true;
	int result = WIRE_READ(a, tree, "", applied_fields, err) ||
		(says && WIRE_READ(a, tree, "", durable_field, err));
	cJSON_Delete(tree);
	return result ? -1 : 0;
}

int wire_read_answer(struct answer *out, const struct command *asked, int status,
	const char *body, size_t len, struct err *err)
{
	struct control_answer a = no_body;
	memset(out, 0, sizeof *out);
	out->kind = ANSWER_LOST;
	take_body(out, &a);
	if (status == 200 && read_applied(&a, body, len, err))
		return -1;
	if (status != 200 && status < 400)
		return err_set(err, ERR_PROTOCOL, "status %d is no answer to a change", status);
	/* A refusal without a readable body is one all the same: its status says what it is. */
	if (status != 200 && WIRE_READ_FLAT(&a, body, len, refused_fields, NULL))
		a = no_body;
	a.status = status;
	wire_take_answer(out, &a, asked);
	return 0;
}

struct fate_body {
	char fate[24];
	struct control_answer a;
};

static const struct wire_field fate_fields[] = {
	WIRE_ROW_TEXT(struct fate_body, fate, "fate", WIRE_TEXT, true),
	WIRE_ROW_COUNT(struct fate_body, a.epoch, "epoch", false),
	WIRE_ROW_COUNT(struct fate_body, a.rev, "rev", false),
	WIRE_ROW_SHARE(struct fate_body, a.share_bp, "share_bp", false),
};

int wire_read_intent(struct answer *out, const char *body, size_t len, struct err *err)
{
	struct fate_body b = {.a = no_body};
	wire_take_fate(out, INTENT_UNKNOWN, &b.a);
	if (WIRE_READ_FLAT(&b, body, len, fate_fields, err))
		return -1;
	for (int f = INTENT_UNKNOWN; f <= INTENT_VOID; f++) {
		if (strcmp(b.fate, intent_fate_name((enum intent_fate)f)) != 0)
			continue;
		wire_take_fate(out, (enum intent_fate)f, &b.a);
		return 0;
	}
	return err_set(err, ERR_FIELD, "field \"fate\": \"%s\" is no fate of an intent", b.fate);
}
