/* State: one table of the document's fields, from which writing, marking and reading derive.
 * Not the wire format of a pool: it is stored beside samples, which carry what moves. */
#include "history/state.h"

#include "history/schema.h"

#include <limits.h>
#include <sqlite3.h>
#include <stddef.h>
#include <string.h>

#define INTEGER_MAX ((int64_t)1 << 53) /* what a document may hold */

enum kind { INT64, INT, BOOLEAN, TEXT, STRATEGY };

struct field {
	const char *name;
	size_t at;
	enum kind kind;
	size_t size; /* of a text */
	bool moves;  /* counter, gauge or age */
};

struct section {
	const char *name; /* NULL: the document itself */
	size_t base;
	const struct field *fields;
	size_t count;
};

#define FIELD(type, name, kind, moves) \
	{ \
#name, offsetof(struct type, name), kind, sizeof((struct type *)0)->name, moves \
	}

static const struct field document_fields[] = {
	FIELD(snapshot, pool_id, TEXT, false),
	FIELD(snapshot, pool, TEXT, false),
	FIELD(snapshot, node, TEXT, false),
	FIELD(snapshot, node_id, TEXT, false),
	FIELD(snapshot, boot_id, TEXT, false),
	FIELD(snapshot, build, TEXT, false),
	FIELD(snapshot, seq, INT64, true),
	FIELD(snapshot, uptime_ms, INT64, true),
	FIELD(snapshot, now_ms, INT64, true),
	FIELD(snapshot, epoch, INT64, false),
	FIELD(snapshot, rev, INT64, false),
	FIELD(snapshot, strategy, STRATEGY, false),
	FIELD(snapshot, share_bp, INT, false),
	FIELD(snapshot, baseline_bp, INT, false),
	FIELD(snapshot, kept_bp, INT, false),
	FIELD(snapshot, plan_hash, TEXT, false),
	FIELD(snapshot, unit_ms, INT64, false),
	FIELD(snapshot, drain_ms, INT64, false),
	FIELD(snapshot, settle_ms, INT64, false),
	FIELD(snapshot, audit_head, TEXT, false),
	FIELD(snapshot, audit_seq, INT64, false),
	FIELD(snapshot, finalized, BOOLEAN, false),
};

static const struct field hold_fields[] = {
	FIELD(hold, on, BOOLEAN, false),
	FIELD(hold, actor, TEXT, false),
	FIELD(hold, reason, TEXT, false),
	FIELD(hold, age_ms, INT64, true),
};

static const struct field change_fields[] = {
	FIELD(change, known, BOOLEAN, false),
	FIELD(change, actor, TEXT, false),
	FIELD(change, age_ms, INT64, true),
};

static const struct field change_arm_fields[] = {
	FIELD(change_counts, requests, INT64, false),
	FIELD(change_counts, ok, INT64, false),
	FIELD(change_counts, failed, INT64, false),
	FIELD(change_counts, sessions, INT64, false),
	FIELD(change_counts, sessions_bad, INT64, false),
};

#define COUNTER(name) FIELD(arm_counts, name, INT64, true)
#define WORKERS(name) \
	{ \
		"workers_" #name, offsetof(struct arm_counts, workers.name), INT64, 0, true \
	}

static const struct field arm_fields[] = {
	COUNTER(requests),
	COUNTER(ok),
#define X(name, word) \
	{"failed_" word, offsetof(struct arm_counts, failed) + FAILURE_##name * sizeof(int64_t), \
		INT64, 0, true},
	FAILURE_INFO(X)
#undef X
		COUNTER(rescued),
	COUNTER(shadowed),
	COUNTER(mismatched),
	COUNTER(bypassed),
	COUNTER(timeouts),
	COUNTER(retries),
	COUNTER(sessions),
	COUNTER(sessions_bad),
	COUNTER(queue_depth),
	COUNTER(in_flight),
	WORKERS(total),
	WORKERS(ready),
	WORKERS(busy),
	WORKERS(degraded),
	WORKERS(created),
	WORKERS(destroyed),
	WORKERS(crashed),
	WORKERS(restarted),
	COUNTER(memory_bytes),
	COUNTER(cpu_us),
	COUNTER(fds),
	FIELD(arm_counts, has_latency, BOOLEAN, false),
	FIELD(arm_counts, has_session_latency, BOOLEAN, false),
};

#define FIELDS(table) table, sizeof table / sizeof *table

static const struct section sections[] = {
	{NULL, 0, FIELDS(document_fields)},
	{"hold", offsetof(struct snapshot, hold), FIELDS(hold_fields)},
	{"change", offsetof(struct snapshot, change), FIELDS(change_fields)},
	{"change_v1", offsetof(struct snapshot, change.arms[ARM_V1]), FIELDS(change_arm_fields)},
	{"change_v2", offsetof(struct snapshot, change.arms[ARM_V2]), FIELDS(change_arm_fields)},
	{"v1", offsetof(struct snapshot, arms[ARM_V1]), FIELDS(arm_fields)},
	{"v2", offsetof(struct snapshot, arms[ARM_V2]), FIELDS(arm_fields)},
};

enum { SECTIONS = sizeof sections / sizeof *sections };

/* ---- writing ---- */

static void write_field(struct text *out, const struct field *f, const char *at)
{
	const void *value = at + f->at;

	switch (f->kind) {
	case INT64:
		text_json_int(out, f->name, *(const int64_t *)value);
		break;
	case INT:
		text_json_int(out, f->name, *(const int *)value);
		break;
	case BOOLEAN:
		text_json_bool(out, f->name, *(const bool *)value);
		break;
	case TEXT:
		text_json_str(out, f->name, value);
		break;
	case STRATEGY:
		text_json_str(out, f->name, strategy_name(*(const enum strategy *)value));
		break;
	}
}

static void write_sections(struct text *out, const struct snapshot *s, bool all)
{
	text_add(out, "{");
	for (int i = 0; i < SECTIONS; i++) {
		const struct section *section = &sections[i];

		if (section->name != NULL) {
			text_json_key(out, section->name);
			text_add(out, "{");
		}
		for (size_t f = 0; f < section->count; f++)
			if (all || !section->fields[f].moves)
				write_field(out, &section->fields[f], (const char *)s + section->base);
		if (section->name != NULL)
			text_add(out, "}");
	}
	text_add(out, "}");
}

void state_write(struct text *out, const struct snapshot *s)
{
	write_sections(out, s, true);
}

void state_mark(struct text *out, const struct snapshot *s)
{
	write_sections(out, s, false);
}

/* ---- reading ---- */

static const struct field *find_field(const struct section *s, const char *name)
{
	for (size_t f = 0; f < s->count; f++)
		if (strcmp(s->fields[f].name, name) == 0)
			return &s->fields[f];
	return NULL;
}

/* Takes a value, false when it does not fit the field. */
static bool read_field(const struct field *f, char *base, sqlite3_stmt *s)
{
	void *at = base + f->at;
	const int type = sqlite3_column_type(s, 1);
	const int64_t n = sqlite3_column_int64(s, 1);
	const char *text;

	switch (f->kind) {
	case INT64:
		*(int64_t *)at = type == SQLITE_INTEGER ? n : UNKNOWN;
		return type == SQLITE_NULL ||
			(type == SQLITE_INTEGER && n >= -INTEGER_MAX && n <= INTEGER_MAX);
	case INT:
		*(int *)at = (int)n;
		return type == SQLITE_INTEGER && n >= -1 && n <= SHARE_FULL;
	case BOOLEAN:
		*(bool *)at = n != 0;
		return type == SQLITE_INTEGER;
	case TEXT:
		text = (const char *)sqlite3_column_text(s, 1);
		if (type == SQLITE_TEXT)
			text_clean(at, f->size, text, strlen(text));
		return type == SQLITE_TEXT;
	case STRATEGY:
		text = (const char *)sqlite3_column_text(s, 1);
		*(enum strategy *)at = type == SQLITE_TEXT ? strategy_of(text) : STRATEGY_COUNT;
		return *(enum strategy *)at != STRATEGY_COUNT;
	}
	return false;
}

static int read_section(struct snapshot *out, const struct section *section, sqlite3_stmt *s,
	const char *json, const char *path, struct err *err)
{
	struct text where = {0};
	size_t seen = 0;
	int code;

	text_addf(&where, section->name != NULL ? "$.%s" : "$%s",
		section->name != NULL ? section->name : "");
	sqlite3_bind_text(s, 1, json, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, text_str(&where), -1, SQLITE_STATIC);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(s, 0);
		const struct field *f = name != NULL ? find_field(section, name) : NULL;

		if (f == NULL)
			continue;
		if (!read_field(f, (char *)out + section->base, s))
			break;
		seen++;
	}
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	text_free(&where);
	if (code != SQLITE_DONE || seen != section->count)
		return err_set(err, ERR_DAMAGED, "a recorded state in \"%s\" is not whole (at \"%s\")",
			path, section->name != NULL ? section->name : "document");
	return 0;
}

int state_read(
	struct snapshot *out, sqlite3 *db, const char *json, const char *path, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code;

	memset(out, 0, sizeof *out);
	code = schema_prepare(&s, db, "SELECT key, atom FROM json_each(?1, ?2)", path, err);
	for (int i = 0; i < SECTIONS && code == 0; i++)
		code = read_section(out, &sections[i], s, json, path, err);
	sqlite3_finalize(s);
	return code;
}
