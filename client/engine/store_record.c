/* Store record: the line of one record, written and read, and which records may go. No files.
 *
 * A line is fields parted by tabs, the last one a hash of all before it. Format 1 had neither
 * keeps, guard, operations nor a head, format 2 no head of a history. */
#include "client/engine/store_record.h"

#include "client/engine/hash.h"
#include "model/unit.h"
#include "model/verb.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_1 15
#define FIELDS_2 27
#define FIELDS_3 28
#define KEYS_MIN 1024
#define KEY_LIFE_MS (24 * 3600 * 1000)
#define ALL_OPERATIONS "*"
#define COUNT_MAX ((int64_t)1 << 53) /* beyond it adding may overflow */

static int64_t known_or(int64_t n, int64_t otherwise)
{
	return n == UNKNOWN ? otherwise : n;
}

/* A double as its bits: exact, and no locale changes it. */
static uint64_t bits_of(double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	return bits;
}

/* "rollback", and behind a blank how the judge judges where that is not the usual way. */
static void add_guard(struct text *t, const struct guard_limits *l)
{
	struct judge_policy usual, said = l->judge;
	judge_policy_init(&usual);
	said.error_limit = usual.error_limit;
	said.latency_limit_us = usual.latency_limit_us;
	said.interval_ms = usual.interval_ms;
	text_add(t, guard_action_name(l->action));
	if (judge_policy_equals(&said, &usual))
		return;
	text_add(t, " ");
	judge_policy_write(t, &said);
}

static bool read_guard(struct guard_limits *l, char *s)
{
	char *judge = strchr(s, ' ');
	if (judge)
		*judge++ = 0;
	l->action = guard_action_of(s);
	return l->action != GUARD_ACTION_COUNT && (!judge || judge_policy_read(&l->judge, judge));
}

void store_record_text(struct text *t, const struct store_record *r)
{
	text_addf(t,
		"%" PRId64 "\t%" PRId64 "\t%s\t%d\t%d\t%" PRId64 "\t%" PRId64 "\t%s\t%d\t%d\t%s\t%s\t"
		"%016" PRIx64 "\t%s\t%s",
		r->seq, r->wall_ms, r->what, r->from_bp, r->to_bp, r->epoch, r->rev,
		strategy_name(r->strategy), r->baseline_bp, r->held, r->plan_hash, r->key, r->body_hash,
		r->actor, r->reason);
	text_addf(t,
		"\t%d\t%" PRId64 "\t%" PRId64 "\t%s\t%016" PRIx64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64
		"\t",
		r->kept_bp, r->keep_ms, r->keep_wall_ms, orphan_name(r->on_orphan),
		bits_of(r->guard.error_rate), known_or(r->guard.latency_ms, -1),
		known_or(r->guard.memory_bytes, -1), r->guard.window_ms);
	add_guard(t, &r->guard);
	text_addf(t, "\t%" PRId64 "\t%s\t%s", r->guard_hold_wall_ms,
		r->operations ? r->operations : ALL_OPERATIONS, r->history_head);
}

uint64_t store_record_head(const struct store_record *r, uint64_t before)
{
	struct text t = {0};
	store_record_text(&t, r);
	uint64_t head = hash_bytes(t.data, t.len, before);
	text_free(&t);
	return head;
}

void store_record_line(struct text *t, const struct store_record *r)
{
	size_t start = t->len;
	store_record_text(t, r);
	text_addf(t, "\t%016" PRIx64, r->head);
	text_addf(t, "\t%016" PRIx64 "\n", hash_bytes(t->data + start, t->len - start, 0));
}

/* ---- reading ---- */

static bool read_int(const char *s, int64_t min, int64_t max, int *out)
{
	int64_t n;
	if (!unit_parse_int(s, min, max, &n))
		return false;
	*out = (int)n;
	return true;
}

static bool read_hex(const char *s, uint64_t *out)
{
	if (strlen(s) != 16 || strspn(s, "0123456789abcdef") != 16)
		return false;
	*out = strtoull(s, NULL, 16);
	return true;
}

static bool read_known(const char *s, int64_t *out)
{
	if (!unit_parse_int(s, -1, INT64_MAX, out))
		return false;
	if (*out == -1)
		*out = UNKNOWN;
	return true;
}

static bool read_first(struct store_record *r, char *const *field)
{
	int held;
	r->strategy = strategy_of(field[7]);
	if (!read_int(field[9], 0, 1, &held))
		return false;
	r->held = held;
	return unit_parse_int(field[0], 0, INT64_MAX, &r->seq) &&
		unit_parse_int(field[1], 0, INT64_MAX, &r->wall_ms) &&
		text_copy(r->what, sizeof r->what, field[2]) &&
		read_int(field[3], -1, SHARE_FULL, &r->from_bp) &&
		read_int(field[4], -1, SHARE_FULL, &r->to_bp) &&
		unit_parse_int(field[5], 0, INT64_MAX, &r->epoch) &&
		unit_parse_int(field[6], 0, INT64_MAX, &r->rev) && r->strategy != STRATEGY_COUNT &&
		read_int(field[8], -1, SHARE_FULL, &r->baseline_bp) &&
		text_copy(r->plan_hash, sizeof r->plan_hash, field[10]) &&
		text_copy(r->key, sizeof r->key, field[11]) && read_hex(field[12], &r->body_hash) &&
		text_copy(r->actor, sizeof r->actor, field[13]) &&
		text_copy(r->reason, sizeof r->reason, field[14]);
}

/* The last field is the head: of format 2 the one behind the operations. */
static bool read_second(struct store_record *r, char *const *field, const char *head)
{
	uint64_t rate;
	r->on_orphan = orphan_of(field[18]);
	r->operations = strcmp(field[25], ALL_OPERATIONS) ? field[25] : NULL;
	if (!read_hex(field[19], &rate))
		return false;
	memcpy(&r->guard.error_rate, &rate, sizeof rate);
	return read_int(field[15], 0, SHARE_FULL, &r->kept_bp) &&
		unit_parse_int(field[16], 0, INT64_MAX, &r->keep_ms) &&
		unit_parse_int(field[17], 0, INT64_MAX, &r->keep_wall_ms) &&
		r->on_orphan != ORPHAN_COUNT && read_known(field[20], &r->guard.latency_ms) &&
		read_known(field[21], &r->guard.memory_bytes) &&
		unit_parse_int(field[22], 0, INT64_MAX, &r->guard.window_ms) &&
		read_guard(&r->guard, field[23]) &&
		unit_parse_int(field[24], 0, INT64_MAX, &r->guard_hold_wall_ms) &&
		read_hex(head, &r->head);
}

bool store_record_read(struct store_record *r, char *line, int format, uint64_t before)
{
	static const int fields_of[] = {[1] = FIELDS_1, FIELDS_2, FIELDS_3};
	char *check = strrchr(line, '\t');
	uint64_t hash;
	if (!check || !read_hex(check + 1, &hash) ||
		hash != hash_bytes(line, (size_t)(check - line), 0))
		return false;
	*check = '\0';
	size_t len = (size_t)(check - line);
	uint64_t head = hash_bytes(line, len, before);
	int want = fields_of[format], n = 0;
	char *field[FIELDS_3], *rest = line;
	while (rest && n < want)
		field[n++] = strsep(&rest, "\t");
	*r = (struct store_record){.keep_ms = 0};
	guard_limits_init(&r->guard);
	if (rest || n != want || !read_first(r, field))
		return false;
	if (format == STORE_FORMAT &&
		!text_copy(r->history_head, sizeof r->history_head, field[26]))
		return false;
	if (format != 1)
		return read_second(r, field, field[want - 1]);
	r->kept_bp = r->to_bp > 0 ? r->to_bp : 0;
	r->head = r->seq ? head : before;
	return true;
}

void store_record_value(struct text *t, const struct store_record *r)
{
	text_addf(t, "%d\t", STORE_FORMAT);
	store_record_line(t, r);
}

static bool is_count(int64_t n)
{
	return n <= COUNT_MAX;
}

/* A hash of this kind stops chance, not whoever may write where the plan lies. */
static bool is_sound(const struct store_record *r)
{
	const char *names = r->operations ? r->operations : "";
	for (const char *c = names; *c; c++)
		if (*c < 0x21 || *c > 0x7e)
			return false;
	return is_count(r->seq) && is_count(r->wall_ms) && is_count(r->epoch) && is_count(r->rev) &&
		is_count(r->keep_ms) && is_count(r->keep_wall_ms) && is_count(r->guard_hold_wall_ms) &&
		is_count(r->guard.window_ms) && r->to_bp >= 0;
}

static void clean(struct store_record *r)
{
	text_clean_in(r->what, sizeof r->what);
	text_clean_in(r->plan_hash, sizeof r->plan_hash);
	text_clean_in(r->key, sizeof r->key);
	text_clean_in(r->actor, sizeof r->actor);
	text_clean_in(r->reason, sizeof r->reason);
	text_clean_in(r->history_head, sizeof r->history_head);
}

#define ALONE_FORMAT 3 /* the first whose line says all by itself */

int store_record_read_value(
	struct store_record *r, struct text *text, const char *value, struct err *err)
{
	const char *tab = strchr(value, '\t');
	size_t digits = strspn(value, "0123456789");
	char format[8] = "";
	int n = 0;
	if (tab && value + digits == tab && digits < sizeof format)
		memcpy(format, value, digits);
	if (!read_int(format, 1, INT32_MAX, &n))
		return err_set(err, ERR_DAMAGED, "the shared plan is not one that weir wrote");
	if (n > STORE_FORMAT)
		return err_set(err, ERR_NEWER,
			"the shared plan has format %s, this weir knows up to %d: install the one that wrote "
			"it",
			format, STORE_FORMAT);
	text_clear(text);
	text_add_n(text, tab + 1, strcspn(tab + 1, "\n"));
	if (n < ALONE_FORMAT)
		return err_set(err, ERR_DAMAGED,
			"the shared plan has format %s, in which no weir shares one", format);
	if (!text->data || !store_record_read(r, text->data, n, 0))
		return err_set(err, ERR_DAMAGED, "the shared plan is damaged: its hash does not fit");
	if (!is_sound(r))
		return err_set(err, ERR_DAMAGED, "the shared plan has a value that no weir writes");
	clean(r);
	return 0;
}

/* ---- what stays ---- */

static bool stays(const struct store_record *r)
{
	return !strcmp(r->what, STORE_FINALIZE);
}

static bool sets_split(const struct store_record *r)
{
	enum verb v = verb_of(r->what);
	return verb_is(v, VERB_SPLITS) || !strcmp(r->what, STORE_REVERT);
}

static bool sets_hold(const struct store_record *r)
{
	enum verb v = verb_of(r->what);
	return v == VERB_HOLD || v == VERB_RESUME || v == VERB_ROLLBACK ||
		!strcmp(r->what, STORE_REVERT);
}

size_t store_record_compact(struct store_record *records, size_t count, int64_t now_wall_ms)
{
	size_t old = 0, split = count, hold = count, head = count, kept = 0;
	while (count - old > KEYS_MIN && now_wall_ms - records[old].wall_ms > KEY_LIFE_MS)
		old++;
	for (size_t i = 0; i < old; i++) {
		split = sets_split(&records[i]) ? i : split;
		hold = sets_hold(&records[i]) ? i : hold;
		head = records[i].history_head[0] ? i : head;
	}
	for (size_t i = 0; i < count; i++) {
		if (i >= old || i == split || i == hold || i == head || stays(&records[i]))
			records[kept++] = records[i];
	}
	return kept;
}
