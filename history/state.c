/* State: one table of the document's fields, from which writing, marking and reading derive.
 * Not the wire format of a pool: it is stored beside samples, which carry what moves, and ages
 * and countdowns run by themselves.
 *
 * Invariants:
 * 1. What was read is what was written, but for histograms.
 * 2. A part that a recording lacks is not known, never "nobody" or 0. */
#include "history/state.h"

#include "history/samples.h"
#include "history/schema.h"

#include <assert.h>
#include <sqlite3.h>
#include <stddef.h>
#include <string.h>

_Static_assert(sizeof(enum guard_state) == sizeof(unsigned), "enums are read as numbers");

#define INTEGER_MAX ((int64_t)1 << 53) /* what a document may hold */

enum kind { INT64, INT, BOOLEAN, TEXT, WORD };

/* An enum by its words, in its order. */
struct words {
	const char *const *word;
	size_t count;
};

#define WORDS(name, INFO) \
	static const char *const name##_list[] = {INFO(X)}; \
	static const struct words name = {name##_list, sizeof name##_list / sizeof *name##_list}

#define X(name, word, share, fallback, help) word,
WORDS(strategies, STRATEGY_INFO);
#undef X
#define X(name, word, help) word,
WORDS(orphans, ORPHAN_INFO);
WORDS(guard_actions, GUARD_ACTION_INFO);
#undef X
#define X(name, word) word,
WORDS(guard_states, GUARD_INFO);
WORDS(verdicts, VERDICT_INFO);
#undef X

struct field {
	const char *name;
	size_t at;
	enum kind kind;
	size_t size; /* of a text */
	bool moves;  /* counter, gauge or age */
	const struct words *words;
	bool may_lack; /* recordings that are older do not have it; then it is 0 */
};

struct section {
	const char *name; /* NULL: the document itself */
	size_t base;
	const struct field *fields;
	size_t count;
	bool may_lack; /* recordings that are older do not have it */
};

#define FIELD(type, name, kind, moves) \
	{ \
#name, offsetof(struct type, name), kind, sizeof((struct type *)0)->name, moves, NULL, \
			false \
	}
#define FIELD_WORD(type, name, words) \
	{ \
#name, offsetof(struct type, name), WORD, 0, false, &words, false \
	}

/* The same of what older recordings do not have. */
#define FIELD_NEW(type, name, kind, moves) \
	{ \
#name, offsetof(struct type, name), kind, sizeof((struct type *)0)->name, moves, NULL, \
			true \
	}
#define FIELD_WORD_NEW(type, name, words) \
	{ \
#name, offsetof(struct type, name), WORD, 0, false, &words, true \
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
	FIELD_WORD(snapshot, strategy, strategies),
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
	FIELD_NEW(snapshot, sticky, BOOLEAN, false),
	FIELD_NEW(snapshot, unit_sample, INT64, false),
};

static const struct field hold_fields[] = {
	FIELD(hold, on, BOOLEAN, false),
	FIELD(hold, actor, TEXT, false),
	FIELD(hold, reason, TEXT, false),
	FIELD(hold, age_ms, INT64, true),
};

static const struct field lease_fields[] = {
	FIELD(lease, known, BOOLEAN, false),
	FIELD(lease, holder, TEXT, false),
	FIELD(lease, ttl_ms, INT64, true),
};

static const struct field keep_fields[] = {
	FIELD(keep, on, BOOLEAN, false),
	FIELD(keep, left_ms, INT64, true),
	FIELD_WORD(keep, on_orphan, orphans),
};

/* The word carries the figures of the moment: a gauge; so does the verdict's text. */
static const struct field guard_fields[] = {
	FIELD(pool_guard, known, BOOLEAN, false),
	FIELD(pool_guard, armed, BOOLEAN, false),
	FIELD_WORD(pool_guard, state, guard_states),
	FIELD_WORD(pool_guard, action, guard_actions),
	FIELD(pool_guard, since_ms, INT64, true),
	FIELD(pool_guard, held_ms, INT64, true),
	FIELD(pool_guard, word, TEXT, true),
	FIELD_WORD_NEW(pool_guard, verdict, verdicts),
	FIELD_NEW(pool_guard, verdict_text, TEXT, true),
};

/* The names are an array beside it. */
static const struct field operations_fields[] = {
	FIELD(operation_set, limited, BOOLEAN, false),
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
		"workers_" #name, offsetof(struct arm_counts, workers.name), INT64, 0, true, NULL, \
			false \
	}

static const struct field arm_fields[] = {
	COUNTER(requests),
	COUNTER(ok),
#define X(name, word) \
	{"failed_" word, offsetof(struct arm_counts, failed) + FAILURE_##name * sizeof(int64_t), \
		INT64, 0, true, NULL, FAILURE_##name == FAILURE_REFUSED},
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
	FIELD_NEW(arm_counts, sessions_live, INT64, true),
	FIELD_NEW(arm_counts, sessions_end_ms, INT64, true),
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

#define OPERATIONS "operations"

static const struct section sections[] = {
	{NULL, 0, FIELDS(document_fields), false},
	{"hold", offsetof(struct snapshot, hold), FIELDS(hold_fields), false},
	{"lease", offsetof(struct snapshot, lease), FIELDS(lease_fields), true},
	{"keep", offsetof(struct snapshot, keep), FIELDS(keep_fields), true},
	{"guard", offsetof(struct snapshot, guard), FIELDS(guard_fields), true},
	{OPERATIONS, offsetof(struct snapshot, operations), FIELDS(operations_fields), true},
	{"change", offsetof(struct snapshot, change), FIELDS(change_fields), false},
	{"change_v1", offsetof(struct snapshot, change.arms[ARM_V1]), FIELDS(change_arm_fields),
		false},
	{"change_v2", offsetof(struct snapshot, change.arms[ARM_V2]), FIELDS(change_arm_fields),
		false},
	{"v1", offsetof(struct snapshot, arms[ARM_V1]), FIELDS(arm_fields), false},
	{"v2", offsetof(struct snapshot, arms[ARM_V2]), FIELDS(arm_fields), false},
};

enum { SECTIONS = sizeof sections / sizeof *sections };

/* ---- writing ---- */

static void write_field(struct text *out, const struct field *f, const char *at)
{
	const void *value = at + f->at;
	unsigned n;

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
	case WORD:
		memcpy(&n, value, sizeof n);
		assert(n < f->words->count);
		text_json_str(out, f->name, f->words->word[n]);
		break;
	}
}

static void write_names(struct text *out, const struct operation_set *o)
{
	text_json_key(out, "names");
	text_add(out, "[");
	for (int i = 0; i < o->count; i++) {
		text_add(out, i > 0 ? "," : "");
		text_add_json(out, o->name[i]);
	}
	text_add(out, "]");
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
		if (section->fields == operations_fields)
			write_names(out, &s->operations);
		if (section->name != NULL)
			text_add(out, "}");
	}
	text_add(out, "}");
}

/* What each operation did so far. Not read back with the document: samples do not say how it goes
 * on, so that a document of another moment has none. */
static void write_work(struct text *out, const struct snapshot *s)
{
	const char *between = "";

	text_json_key(out, STATE_WORK);
	text_add(out, "[");
	for (int a = 0; a < ARM_COUNT; a++)
		for (int i = 0; i < s->arms[a].operation_count; i++) {
			const struct operation_counts *o = &s->arms[a].operations[i];

			text_addf(out, "%s[\"%s\",", between, arm_name((enum arm)a));
			text_add_json(out, o->name);
			text_addf(out, ",%lld,%lld,%lld]", (long long)o->requests, (long long)o->ok,
				(long long)o->failed);
			between = ",";
		}
	text_add(out, "]");
}

void state_write(struct text *out, const struct snapshot *s)
{
	write_sections(out, s, true);
	if (s->arms[ARM_V1].operation_count == 0 && s->arms[ARM_V2].operation_count == 0)
		return;
	out->data[--out->len] = '\0'; /* the object's end: one more member */
	write_work(out, s);
	text_add(out, "}");
}

void state_mark(struct text *out, const struct snapshot *s)
{
	write_sections(out, s, false);
}

/* ---- ages and countdowns ---- */

#define ROUND_MS 2000 /* what two documents of one age may differ by: those that tell seconds */

void state_timers(struct state_timers *out, const struct snapshot *s, int64_t at_ms)
{
	*out = (struct state_timers){.uptime_ms = s->uptime_ms,
		.at_ms = at_ms,
		.hold_ms = s->hold.on ? s->hold.age_ms : UNKNOWN,
		.change_ms = s->change.known ? s->change.age_ms : UNKNOWN,
		.guard_ms = s->guard.known ? s->guard.since_ms : UNKNOWN,
		.lease_ms = s->lease.known ? s->lease.ttl_ms : UNKNOWN,
		.keep_ms = s->keep.on ? s->keep.left_ms : UNKNOWN,
		.only_hold_ms = s->guard.known ? s->guard.held_ms : UNKNOWN};
}

/* An age or a countdown after it has run. */
static int64_t run(int64_t value_ms, int64_t by_ms)
{
	const int64_t sum = samples_add(value_ms, by_ms);

	return sum == UNKNOWN || sum >= 0 ? sum : 0;
}

static bool is_near(int64_t expected_ms, int64_t told_ms)
{
	if (expected_ms == UNKNOWN || told_ms == UNKNOWN)
		return expected_ms == told_ms;
	/* neither is negative */
	return expected_ms - told_ms <= ROUND_MS && told_ms - expected_ms <= ROUND_MS;
}

static int64_t elapsed(const struct state_timers *then, const struct state_timers *now)
{
	if (then->uptime_ms != UNKNOWN && now->uptime_ms >= then->uptime_ms)
		return now->uptime_ms - then->uptime_ms;
	return now->at_ms - then->at_ms;
}

bool state_runs_on(const struct state_timers *then, const struct state_timers *now)
{
	const int64_t ms = elapsed(then, now);
	const int64_t lease_ms = run(then->lease_ms, -ms);

	if ((lease_ms == UNKNOWN) != (now->lease_ms == UNKNOWN) ||
		(lease_ms == 0 && now->lease_ms > ROUND_MS))
		return false;
	return is_near(run(then->hold_ms, ms), now->hold_ms) &&
		is_near(run(then->change_ms, ms), now->change_ms) &&
		is_near(run(then->guard_ms, ms), now->guard_ms) &&
		is_near(run(then->keep_ms, -ms), now->keep_ms) &&
		is_near(run(then->only_hold_ms, -ms), now->only_hold_ms);
}

void state_pass(struct snapshot *s, int64_t ms)
{
	s->hold.age_ms = s->hold.on ? run(s->hold.age_ms, ms) : s->hold.age_ms;
	s->change.age_ms = s->change.known ? run(s->change.age_ms, ms) : s->change.age_ms;
	s->guard.since_ms = run(s->guard.since_ms, ms);
	s->guard.held_ms = run(s->guard.held_ms, -ms);
	s->lease.ttl_ms = run(s->lease.ttl_ms, -ms);
	s->keep.left_ms = run(s->keep.left_ms, -ms);
}

/* ---- reading ---- */

static const struct field *find_field(const struct section *s, const char *name)
{
	for (size_t f = 0; f < s->count; f++)
		if (strcmp(s->fields[f].name, name) == 0)
			return &s->fields[f];
	return NULL;
}

/* SECTIONS where none has the name. */
static int find_section(const char *name)
{
	int i = 1;

	while (i < SECTIONS && strcmp(sections[i].name, name) != 0)
		i++;
	return i;
}

/* A node of a document, as state_prepare's statement gives it. */
enum { NODE_KEY, NODE_ATOM, NODE_ID, NODE_PARENT };

static bool read_word(const struct field *f, void *at, const char *word)
{
	for (unsigned i = 0; i < f->words->count; i++)
		if (strcmp(f->words->word[i], word) == 0) {
			memcpy(at, &i, sizeof i);
			return true;
		}
	return false;
}

/* How many fields of a section every recording has. */
static size_t count_needed(const struct section *s)
{
	size_t n = 0;

	for (size_t f = 0; f < s->count; f++)
		n += !s->fields[f].may_lack;
	return n;
}

/* Takes a value, false when it does not fit the field. */
static bool read_field(const struct field *f, char *base, sqlite3_stmt *s)
{
	void *at = base + f->at;
	const int type = sqlite3_column_type(s, NODE_ATOM);
	const int64_t n = sqlite3_column_int64(s, NODE_ATOM);
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
		text = (const char *)sqlite3_column_text(s, NODE_ATOM);
		if (type == SQLITE_TEXT)
			text_clean(at, f->size, text, strlen(text));
		return type == SQLITE_TEXT;
	case WORD:
		text = (const char *)sqlite3_column_text(s, NODE_ATOM);
		return type == SQLITE_TEXT && read_word(f, at, text);
	}
	return false;
}

static int not_whole(const char *section, const char *path, struct err *err)
{
	return err_set(err, ERR_DAMAGED, "a recorded state in \"%s\" is not whole (at \"%s\")",
		path, section != NULL ? section : "document");
}

/* A walk over the nodes of a document, each behind the one that it is in. */
struct walk {
	struct snapshot *out;
	int section;                     /* that is read; 0: the document itself */
	int64_t section_node, name_node; /* ids of it and of the array of names; UNKNOWN none */
	size_t seen[SECTIONS];
};

static bool take_field(struct walk *w, int section, const char *name, sqlite3_stmt *s)
{
	const struct section *in = &sections[section];
	const struct field *f = find_field(in, name);

	if (f == NULL)
		return true;
	w->seen[section] += !f->may_lack;
	return read_field(f, (char *)w->out + in->base, s);
}

static bool take_name(struct operation_set *o, sqlite3_stmt *s)
{
	const char *name = (const char *)sqlite3_column_text(s, NODE_ATOM);

	if (o->count == OPERATIONS_MAX || sqlite3_column_type(s, NODE_ATOM) != SQLITE_TEXT)
		return false;
	text_clean(o->name[o->count++], sizeof o->name[0], name, strlen(name));
	return true;
}

/* False when the node under the cursor does not fit the section that it is in. */
static bool take_node(struct walk *w, sqlite3_stmt *s)
{
	const int64_t id = sqlite3_column_int64(s, NODE_ID);
	const int64_t parent = sqlite3_column_int64(s, NODE_PARENT);
	const char *name = (const char *)sqlite3_column_text(s, NODE_KEY);

	if (name == NULL)
		return true;
	if (parent == w->name_node)
		return take_name(&w->out->operations, s);
	if (parent == w->section_node) {
		if (sections[w->section].fields == operations_fields && strcmp(name, "names") == 0)
			w->name_node = id;
		return take_field(w, w->section, name, s);
	}
	if (parent != 0)
		return true;
	const int section = find_section(name);

	if (section == SECTIONS) {
		w->section_node = UNKNOWN;
		w->section = 0;
		return take_field(w, 0, name, s);
	}
	w->section = section;
	w->section_node = id;
	return true;
}

/* What a document is of which nothing more is known. */
static void forget(struct snapshot *out)
{
	memset(out, 0, sizeof *out);
	out->lease.ttl_ms = out->keep.left_ms = UNKNOWN;
	out->guard.since_ms = out->guard.held_ms = UNKNOWN;
}

int state_prepare(sqlite3_stmt **out, sqlite3 *db, const char *path, struct err *err)
{
	return schema_prepare(
		out, db, "SELECT key, atom, id, parent FROM json_tree(?1)", path, err);
}

int state_read(
	struct snapshot *out, sqlite3_stmt *s, const char *json, const char *path, struct err *err)
{
	struct walk w = {.out = out, .section_node = UNKNOWN, .name_node = UNKNOWN};
	int code;

	forget(out);
	sqlite3_bind_text(s, 1, json, -1, SQLITE_STATIC);
	while ((code = sqlite3_step(s)) == SQLITE_ROW && take_node(&w, s))
		;
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	if (code != SQLITE_DONE)
		return not_whole(sections[w.section].name, path, err);
	for (int i = 0; i < SECTIONS; i++)
		if (w.seen[i] != count_needed(&sections[i]) &&
			!(w.seen[i] == 0 && sections[i].may_lack))
			return not_whole(sections[i].name, path, err);
	return 0;
}
