/* Shape: one reader a setting, by table. It starts nothing, and reads no command and no list of
 * bounds: who starts programs does. */
#include "client/serve_shape.h"

#include "client/engine/affinity.h"
#include "client/engine/operations.h"
#include "client/engine/partition.h"
#include "client/engine/processor.h"
#include "client/engine/retry.h"
#include "model/text.h"
#include "model/unit.h"

#include <stdlib.h>
#include <string.h>

#define EXEC "exec:"
#define WINDOW_MAX 1000000000
#define DURATION_MAX_MS (INT64_C(365) * 24 * 3600 * 1000)

typedef int read_fn(struct serve_shape *out, const char *text, struct err *err);

/* ---- numbers and words ---- */

static int read_count(int *out, const char *text, int max, struct err *err)
{
	int64_t n;
	if (!unit_parse_int(text, 1, max, &n))
		return err_set(err, ERR_CONFIG, "'%.60s' is no number of 1 to %d", text, max);
	*out = (int)n;
	return 0;
}

static int read_duration(int64_t *ms, const char *text, struct err *err)
{
	if (!unit_parse_duration(text, ms) || *ms > DURATION_MAX_MS)
		return err_set(
			err, ERR_CONFIG, "'%.60s' is no duration up to 365d; write 90s, 10m, 1h30m", text);
	return 0;
}

static int read_segment(struct serve_shape *out, const char *text, struct err *err)
{
	return read_count(&out->engine.segment, text, 1024, err);
}

static int read_breaker_failures(struct serve_shape *out, const char *text, struct err *err)
{
	return read_count(&out->engine.breaker_failures, text, 1000000, err);
}

static int read_nodes(struct serve_shape *out, const char *text, struct err *err)
{
	return read_count(&out->residents.nodes, text, RESIDENTS_NODES_MAX, err);
}

static int read_breaker_open(struct serve_shape *out, const char *text, struct err *err)
{
	return read_duration(&out->engine.breaker_open_ms, text, err);
}

static int read_unit(struct serve_shape *out, const char *text, struct err *err)
{
	return read_duration(&out->engine.unit_ms, text, err);
}

static int read_idle(struct serve_shape *out, const char *text, struct err *err)
{
	int64_t ms;
	if (read_duration(&ms, text, err) < 0)
		return -1;
	out->residents.idle_us = ms * 1000;
	return 0;
}

static int read_share(struct serve_shape *out, const char *text, struct err *err)
{
	if (!unit_parse_share(text, &out->engine.share_bp))
		return err_set(
			err, ERR_CONFIG, "'%.60s' is no share; write 25%%, 0.5%% or 2500bp", text);
	return 0;
}

static int read_partition(struct serve_shape *out, const char *text, struct err *err)
{
	enum partition_strategy s;
	if (partition_of(text, &s, err) < 0)
		return -1;
	out->engine.partition = text;
	return 0;
}

static int read_affinity(struct serve_shape *out, const char *text, struct err *err)
{
	if (affinity_of(text) == AFFINITY_COUNT)
		return err_set(
			err, ERR_CONFIG, "'%.60s' is none of hint, strict_queue, strict_fail_fast", text);
	out->engine.affinity = text;
	return 0;
}

static int read_retry(struct serve_shape *out, const char *text, struct err *err)
{
	if (backoff_of(text) == BACKOFF_COUNT)
		return err_set(err, ERR_CONFIG,
			"'%.60s' is none of exponential, linear, fibonacci, decorrelated_jitter", text);
	out->engine.retry = text;
	return 0;
}

static int read_placement(struct serve_shape *out, const char *text, struct err *err)
{
	out->residents.placement = placement_of(text);
	if (out->residents.placement == PLACEMENT_COUNT)
		return err_set(err, ERR_CONFIG,
			"'%.60s' is none of round_robin, weighted, least_loaded, health", text);
	return 0;
}

int serve_strategy(const char *name, enum strategy *out, struct err *err)
{
	int share_bp;
	*out = strategy_of(name);
	/* The older notation, where the percentage stands elsewhere. */
	if (*out != STRATEGY_COUNT || processor_strategy(name, NULL, out, &share_bp, NULL) == 0 ||
		processor_strategy(name, "100", out, &share_bp, NULL) == 0)
		return 0;
	return err_set(err, ERR_CONFIG,
		"'%.60s' is none of primary_only, primary_with_fallback, canary, ab_test, "
		"full_migration, shadow",
		name);
}

static int read_strategy(struct serve_shape *out, const char *text, struct err *err)
{
	if (serve_strategy(text, &out->engine.strategy, err) < 0)
		return -1;
	int implied_bp = strategy_share_bp(out->engine.strategy);
	out->engine.share_bp = implied_bp < 0 ? out->engine.share_bp : implied_bp;
	return 0;
}

int serve_share_of_primary(const char *percent, int *share_bp, struct err *err)
{
	return processor_share_bp(percent, share_bp, err);
}

/* ---- lists ---- */

/* The next item of a list with commas into `out`; false behind the last. What does not fit is
 * empty. */
static bool next_item(const char **list, char *out, size_t size)
{
	if (!*list)
		return false;
	size_t len = strcspn(*list, ",");
	*out = '\0';
	if (len < size) {
		memcpy(out, *list, len);
		out[len] = '\0';
	}
	*list = (*list)[len] ? *list + len + 1 : NULL;
	return true;
}

static int read_weights(struct serve_shape *out, const char *text, struct err *err)
{
	char item[16];
	int64_t weight[RESIDENTS_NODES_MAX] = {0}, sum = 0;
	int count = 0;
	for (const char *rest = text; next_item(&rest, item, sizeof item); count++) {
		if (count == RESIDENTS_NODES_MAX)
			return err_set(
				err, ERR_CONFIG, "'%.60s' has more than %d weights", text, RESIDENTS_NODES_MAX);
		if (!unit_parse_int(item, 0, WEIGHT_MAX, &weight[count]))
			return err_set(err, ERR_CONFIG,
				"'%.60s': want a whole number of 0 to %d for each node", text, WEIGHT_MAX);
		sum += weight[count];
	}
	if (sum == 0)
		return err_set(err, ERR_CONFIG, "'%.60s': one node at least needs a weight", text);
	memcpy(out->residents.weight, weight, sizeof weight);
	return 0;
}

static const char *const aim_names[AIM_COUNT] = {
	[AIM_SEGMENT_WORKERS] = "segment_workers",
	[AIM_NODE_SEGMENTS] = "node_segments",
	[AIM_NODE_WORKERS] = "node_workers",
};

/* "low:target:high" */
static bool parse_window(struct target *t, char *text)
{
	int64_t *const parts[] = {&t->low, &t->target, &t->high};
	for (int i = 0; i < 3; i++) {
		char *part = strsep(&text, ":");
		if (!part || !unit_parse_int(part, 0, WINDOW_MAX, parts[i]))
			return false;
	}
	return !text;
}

static int read_window(struct serve_shape *out, char *item, struct err *err)
{
	char shown[64];
	char *value = item;
	text_copy(shown, sizeof shown, item);
	const char *name = strsep(&value, "=");
	for (int i = 0; i < AIM_COUNT; i++) {
		if (strcmp(aim_names[i], name) != 0)
			continue;
		struct target *t = &out->residents.aim[i];
		if (!value || !parse_window(t, value))
			return err_set(err, ERR_CONFIG,
				"'%s': want low:target:high, whole numbers of 0 to %d", shown, WINDOW_MAX);
		return target_check(t, name, err);
	}
	return err_set(
		err, ERR_CONFIG, "'%s' is none of segment_workers, node_segments, node_workers", shown);
}

static int read_windows(struct serve_shape *out, const char *text, struct err *err)
{
	char item[64];
	for (const char *rest = text; next_item(&rest, item, sizeof item);)
		if (read_window(out, item, err) < 0)
			return -1;
	return 0;
}

static int read_operations(struct serve_shape *out, const char *text, struct err *err)
{
	struct operations known;
	if (operations_read(&known, text, err) < 0)
		return -1;
	out->engine.operations = text;
	return 0;
}

/* Which of them there are is known when all settings are. */
static int read_allow(struct serve_shape *out, const char *text, struct err *err)
{
	char item[OPERATION_NAME_MAX];
	for (const char *rest = text; next_item(&rest, item, sizeof item);)
		if (!text_is_name(item, OPERATION_NAME_MAX - 1))
			return err_set(
				err, ERR_CONFIG, "'%.60s': want names of operations, parted by commas", text);
	out->engine.allow = text;
	return 0;
}

static int read_recycle(struct serve_shape *out, const char *text, struct err *err)
{
	(void)err;
	out->recycle = text;
	return 0;
}

static int read_limit(struct serve_shape *out, const char *text, struct err *err)
{
	(void)err;
	out->limit = text;
	return 0;
}

/* ---- the two sides ---- */

int serve_processor_is_v1(const char *spec, struct err *err)
{
	struct processor p;
	return processor_parse(&p, spec, err) < 0 ? -1 : p.kind != PROCESSOR_V2;
}

/* "PROCESSOR", "exec:COMMAND" or "PROCESSOR exec:COMMAND". */
static int read_side(struct serve_shape *out, enum arm arm, const char *text,
	const char **field, struct err *err)
{
	char *processor = out->processor[arm];
	const char *exec = strncmp(text, EXEC, strlen(EXEC)) == 0 ? text : strstr(text, " " EXEC);
	size_t len = exec ? (size_t)(exec - text) : strlen(text);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	out->command[arm] = exec ? strchr(exec, ':') + 1 : NULL;
	*field = NULL;
	if (exec && len == 0)
		return 0;
	if (len >= SERVE_SPEC_MAX)
		return err_set(err, ERR_CONFIG, "'%.60s' is no processor: it is too long", text);
	memcpy(processor, text, len);
	processor[len] = '\0';
	int is_v1 = serve_processor_is_v1(processor, err);
	if (is_v1 < 0)
		return err_set(err, ERR_CONFIG, "'%s' is unknown: %s", processor, err->text);
	if (is_v1 != (arm == ARM_V1))
		return err_set(err, ERR_CONFIG, "'%s' is the other side's processor", processor);
	*field = processor;
	return 0;
}

static int read_v1(struct serve_shape *out, const char *text, struct err *err)
{
	return read_side(out, ARM_V1, text, &out->engine.v1_processor, err);
}

static int read_v2(struct serve_shape *out, const char *text, struct err *err)
{
	out->engine.no_v2 = strcmp(text, "none") == 0;
	out->command[ARM_V2] = out->engine.v2_processor = NULL;
	return out->engine.no_v2 ? 0 : read_side(out, ARM_V2, text, &out->engine.v2_processor, err);
}

/* ---- the table ---- */

static const struct setting {
	const char *option, *key;
} settings[SERVE_SETTING_COUNT] = {
#define X(name, option, key, argument, help) [SERVE_##name] = {option, key},
	SERVE_SETTING_INFO(X)
#undef X
};

static read_fn *const readers[SERVE_SETTING_COUNT] = {
	[SERVE_V1] = read_v1,
	[SERVE_V2] = read_v2,
	[SERVE_OPERATIONS] = read_operations,
	[SERVE_ALLOW] = read_allow,
	[SERVE_STRATEGY] = read_strategy,
	[SERVE_PARTITION] = read_partition,
	[SERVE_RECYCLE] = read_recycle,
	[SERVE_LIMIT] = read_limit,
	[SERVE_AFFINITY] = read_affinity,
	[SERVE_SEGMENT] = read_segment,
	[SERVE_BREAKER_FAILURES] = read_breaker_failures,
	[SERVE_BREAKER_OPEN] = read_breaker_open,
	[SERVE_RETRY] = read_retry,
	[SERVE_UNIT] = read_unit,
	[SERVE_NODES] = read_nodes,
	[SERVE_WEIGHTS] = read_weights,
	[SERVE_PLACEMENT] = read_placement,
	[SERVE_WINDOWS] = read_windows,
	[SERVE_IDLE] = read_idle,
	[SERVE_SHARE] = read_share,
};

/* What only a server has: programs and registered workers. */
static bool is_servers(enum serve_setting s)
{
	return s == SERVE_OPERATIONS || s == SERVE_RECYCLE || s == SERVE_LIMIT ||
		s == SERVE_NODES || s == SERVE_WEIGHTS || s == SERVE_PLACEMENT || s == SERVE_WINDOWS ||
		s == SERVE_IDLE;
}

const char *serve_setting_option(enum serve_setting s)
{
	return settings[s].option;
}

const char *serve_setting_key(enum serve_setting s)
{
	return settings[s].key;
}

enum serve_setting serve_setting_of(const char *key)
{
	int s = 0;
	while (s < SERVE_SETTING_COUNT && strcmp(settings[s].key, key) != 0)
		s++;
	return (enum serve_setting)s;
}

const char *serve_setting_variable(enum serve_setting s)
{
	static const struct {
		enum serve_setting s;
		const char *variable, *begins; /* with what its value does; "" anything */
	} rows[] = {{SERVE_V1, "PROCESSOR_CONFIG", "v1"}, {SERVE_V2, "PROCESSOR_CONFIG", "v2"},
		{SERVE_STRATEGY, "MIGRATION_STRATEGY", ""}, {SERVE_SHARE, "PRIMARY_PERCENTAGE", ""},
		{SERVE_SHARE, "POOL_VERSION", "v"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *value = rows[i].s == s ? getenv(rows[i].variable) : NULL;
		if (value && *value && strncmp(value, rows[i].begins, strlen(rows[i].begins)) == 0)
			return rows[i].variable;
	}
	return NULL;
}

int serve_shape_read(
	struct serve_shape *out, enum serve_setting s, const char *text, struct err *err)
{
	return readers[s](out, text, err);
}

/* ---- the query of a target ---- */

static int hex(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)((at - digits) % 16) : -1;
}

/* In place; false for a % without two digits, or of a byte that ends or breaks a text. */
static bool unescape(char *text)
{
	char *to = text;
	for (const char *from = text; *from; from++) {
		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		int high = hex(from[1]), low = high < 0 ? -1 : hex(from[2]);
		if (low < 0 || high * 16 + low < 0x20 || high * 16 + low == 0x7F)
			return false;
		*to++ = (char)(high * 16 + low);
		from += 2;
	}
	*to = '\0';
	return true;
}

int serve_shape_query(struct serve_shape *out, char *query, struct err *err)
{
	bool seen[SERVE_SETTING_COUNT] = {false};
	for (char *pair; (pair = strsep(&query, "&"));) {
		char *text = pair;
		const char *key = strsep(&text, "=");
		enum serve_setting s = serve_setting_of(key);
		if (s == SERVE_SETTING_COUNT)
			return err_set(err, ERR_CONFIG, "\"%.60s\" is no setting of a pool", key);
		if (seen[s])
			return err_set(err, ERR_CONFIG, "\"%s\" is there twice", key);
		seen[s] = true;
		if (!text || !unescape(text) || !*text)
			return err_set(err, ERR_CONFIG, "\"%s\" has no good value", key);
		if (is_servers(s))
			return err_set(err, ERR_CONFIG, "\"%s\" is of weir serve only", key);
		if (serve_shape_read(out, s, text, err) < 0)
			return err_prefix(err, "%s", key);
	}
	if (out->command[ARM_V1] || out->command[ARM_V2])
		return err_set(err, ERR_CONFIG, "worker programs are run by weir serve only");
	return 0;
}
