/* Config: weir.yaml, found, read and written as JSON. Plans and scenarios are in config_plan.c
 * and config_scenario.c. It opens no target and reads no token.
 *
 * 1. One file, never merged. A file that is there and cannot be read is an error, never "none".
 * 2. A configuration is whole or empty: on failure nothing of it is left. */
#include "tui/config.h"
#include "tui/config_table.h"

#include "model/mem.h"
#include "model/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES_MAX 1024
#define TARGET_BYTES_MAX 1024
#define SECOND_MS 1000.0
#define HOUR_MS (60 * 60 * SECOND_MS)

/* ---- readers of single keys ---- */

int config_read_path(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	static const char expected[] = "a path that begins with / or ~/";
	char **path = field;
	const char *text = yaml_scalar(doc, node, expected, err);
	if (!text)
		return -1;
	const char *home = getenv("HOME");
	bool below_home = strncmp(text, "~/", 2) == 0;
	if ((!below_home && *text != '/') || strlen(text) > PATH_BYTES_MAX || !yaml_is_clean(text))
		return yaml_fail_expected(doc, node, expected, err);
	if (below_home && (!home || *home != '/'))
		return yaml_fail(
			doc, node->at, err, "\"%s\" begins with ~, but HOME is not set", node->key);
	struct text full = {0};
	text_addf(&full, "%s%s", below_home ? home : "", below_home ? text + 1 : text);
	*path = text_take(&full);
	return 0;
}

/* The length of "scheme:", 0 when there is none. */
static size_t scheme_length(const char *target)
{
	size_t len = strspn(target, "abcdefghijklmnopqrstuvwxyz");
	return len > 0 && target[len] == ':' ? len + 1 : 0;
}

/* True for scheme://user:word@host: the target is shown, logged and recorded. */
static bool holds_secret(const char *target)
{
	const char *host = strstr(target, "://");
	if (!host)
		return false;
	host += 3;
	return memchr(host, '@', strcspn(host, "/?#")) != NULL;
}

static int add_target(const struct yaml_doc *doc, const struct yaml_node *node,
	struct config_pool *pool, struct err *err)
{
	static const char expected[] = "a URL such as http://127.0.0.1:7070, unix:/path or local:";
	const char *text = yaml_scalar(doc, node, expected, err);
	if (!text)
		return -1;
	if (!scheme_length(text) || strpbrk(text, " \t") || !yaml_is_clean(text))
		return yaml_fail_expected(doc, node, expected, err);
	if (strlen(text) > TARGET_BYTES_MAX)
		return yaml_fail(doc, node->at, err, "a target has at most %d bytes", TARGET_BYTES_MAX);
	if (holds_secret(text))
		return yaml_fail(doc, node->at, err,
			"a target is shown and recorded, so no secret may be in it: use token_file");
	for (int i = 0; i < pool->target_count; i++)
		if (strcmp(pool->targets[i], text) == 0)
			return yaml_fail(doc, node->at, err, "target \"%.60s\" is there twice", text);
	pool->targets[pool->target_count++] = mem_copy(text);
	return 0;
}

static int read_target(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	struct config_pool *pool = field;
	if (node->kind != YAML_KIND_LIST)
		return add_target(doc, node, pool, err);
	if (node->count == 0 || node->count > CONFIG_NODES_MAX)
		return yaml_fail(doc, node->at, err, "\"%s\" has %zu items: it must have 1 to %d",
			node->key, node->count, CONFIG_NODES_MAX);
	for (size_t i = 0; i < node->count; i++)
		if (add_target(doc, &node->items[i], pool, err) != 0)
			return -1;
	return 0;
}

static int read_pool_plan(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	struct config_pool *pool = field;
	pool->has_plan = true;
	return config_read_plan(doc, node, &pool->plan, err);
}

static yaml_read_fn read_pools;

/* ---- the keys ---- */

#define AT(type, member) .offset = offsetof(struct type, member)
#define ROOM(type, member) .size = sizeof(((struct type *)0)->member)

static const char *const action_words[] = {
#define X(name, word, help) word,
	GUARD_ACTION_INFO(X)
#undef X
		NULL};

static const struct yaml_row guards_rows[] = {
	{"error_rate_threshold", YAML_TYPE_FRACTION, AT(guard_limits, error_rate), .max = 1,
		.help = "The part of v2's work that may fail"},
	{"latency_threshold_ms", YAML_TYPE_INT, AT(guard_limits, latency_ms), .min = 1,
		.max = HOUR_MS, .help = "The most that v2's p99 may be, in milliseconds"},
	{"memory_limit", YAML_TYPE_BYTES, AT(guard_limits, memory_bytes), .min = 1 << 20,
		.max = 1099511627776.0, .help = "The most memory that v2 may take"},
	{"window", YAML_TYPE_DURATION, AT(guard_limits, window_ms), .min = SECOND_MS,
		.max = HOUR_MS, .fallback = "1m", .help = "The span that the limits are held against"},
	{"action", YAML_TYPE_ENUM, AT(guard_limits, action), .words = action_words,
		.fallback = "rollback", .help = "What happens when a limit is broken"},
};

YAML_TABLE(config_guards_table, "the guards", guards_rows);

static const struct yaml_row pool_rows[] = {
	{"target", YAML_TYPE_CUSTOM, .required = true, .read = read_target,
		.help = "Where the pool is: a URL, or a list of them, one for each node"},
	{"env", YAML_TYPE_NAME, AT(config_pool, env), ROOM(config_pool, env), .fallback = "",
		.help = "The environment, shown beside the name"},
	{"token_file", YAML_TYPE_CUSTOM, AT(config_pool, token_file), .read = config_read_path,
		.help = "The file that holds the bearer token of the pool"},
	{"interval", YAML_TYPE_DURATION, AT(config_pool, interval_ms), .min = 100, .max = HOUR_MS,
		.fallback = "1s", .help = "How often the pool is asked"},
	{"plan", YAML_TYPE_CUSTOM, .read = read_pool_plan,
		.help = "The ordered shares of the migration"},
	{"guards", YAML_TYPE_MAP, AT(config_pool, guards), .table = &config_guards_table,
		.help = "The limits of v2"},
	{"error_rate_threshold", YAML_TYPE_FRACTION, AT(config_pool, guards.error_rate), .max = 1,
		.help = "The same as in the guards"},
	{"latency_threshold_ms", YAML_TYPE_INT, AT(config_pool, guards.latency_ms), .min = 1,
		.max = HOUR_MS, .help = "The same as in the guards"},
	{"processor", YAML_TYPE_CUSTOM, AT(config_pool, engine), .read = config_read_processor,
		.help = "What the embedded engine works with"},
	{"operations", YAML_TYPE_CUSTOM, AT(config_pool, engine), .read = config_read_operations,
		.help = "The operations that v2 may get at the start"},
	{"judge", YAML_TYPE_MAP, AT(config_pool, guards.judge), .table = &config_judge_table,
		.help = "What v2 is asked to prove against v1"},
	{"metrics", YAML_TYPE_CUSTOM, AT(config_pool, metrics), .read = config_read_metrics,
		.help = "A second source of the pool's figures"},
	{"veto", YAML_TYPE_MAP, AT(config_pool, veto), .table = &config_veto_table,
		.help = "Who may veto a raise of this pool, in place of who may of all"},
	{"map", YAML_TYPE_CUSTOM, AT(config_pool, split.map), .read = config_read_split_map,
		.help = "HAProxy: the map file that splits, or that keeps the notes beside weights"},
	{"key", YAML_TYPE_CUSTOM, AT(config_pool, split.keys), .read = config_read_split_names,
		.help = "HAProxy: the key of the share in the map, or a list that steps together"},
	{"backend", YAML_TYPE_CUSTOM, AT(config_pool, split.backend),
		.read = config_read_split_name, .help = "HAProxy: the backend that splits by weights"},
	{"v1", YAML_TYPE_CUSTOM, AT(config_pool, split.v1), .read = config_read_split_names,
		.help = "HAProxy: v1's backend, by weights its servers"},
	{"v2", YAML_TYPE_CUSTOM, AT(config_pool, split.v2), .read = config_read_split_names,
		.help = "HAProxy: v2's"},
	{"ring", YAML_TYPE_CUSTOM, AT(config_pool, split.ring), .read = config_read_split_name,
		.help = "HAProxy: the ring of log lines, where there is more than one"},
};

YAML_TABLE(config_pool_table, "a pool", pool_rows);

static const struct yaml_row config_rows[] = {
	{"history", YAML_TYPE_CUSTOM, AT(config, history), .read = config_read_path,
		.help = "The history file"},
	{"retention", YAML_TYPE_DURATION, AT(config, retention_ms), .min = HOUR_MS,
		.max = 365.0 * 24 * HOUR_MS, .fallback = "14d",
		.help = "How long the history keeps samples; older ones become minutes"},
	{"history_cap", YAML_TYPE_BYTES, AT(config, history_cap), .min = 16 << 20,
		.max = (double)(INT64_C(1) << 50), .fallback = "4GiB",
		.help = "How large the history may be before samples become minutes earlier"},
	{"flags", YAML_TYPE_CUSTOM, AT(config, flags), .read = config_read_path,
		.help = "The directory of the files by which scripts freeze and roll back"},
	{"theme", YAML_TYPE_NAME, AT(config, theme), ROOM(config, theme), .fallback = "",
		.help = "The colours of the console"},
	{"notify", YAML_TYPE_MAP, AT(config, notify), .table = &config_notify_table,
		.help = "Who is told when something needs a person"},
	{"veto", YAML_TYPE_MAP, AT(config, veto), .table = &config_veto_table,
		.help = "Who may veto a raise"},
	{"max_raising", YAML_TYPE_INT, AT(config, max_raising), .min = 1, .max = 16,
		.fallback = "1", .help = "How many pools of one history may rise at once"},
	{"policies", YAML_TYPE_CUSTOM, .read = config_read_policies,
		.help = "Own policies by their names"},
	{"engine", YAML_TYPE_MAP, AT(config, engine), .table = &config_engine_table,
		.help = "What weir serve starts"},
	{"pools", YAML_TYPE_CUSTOM, .read = read_pools, .help = "The pools by their names"},
};

YAML_TABLE(config_table, "the configuration", config_rows);

bool config_is_pool_name(const char *name)
{
	return text_is_name(name, POOL_NAME_MAX - 1) && !strchr("._-", *name) && !strchr(name, ':');
}

/* A limit of the guards that the pool says once more: which of both would hold? */
static int check_limits(
	const struct yaml_doc *doc, const struct yaml_node *pool, struct err *err)
{
	static const char *const keys[] = {"error_rate_threshold", "latency_threshold_ms"};
	const struct yaml_node *guards = yaml_get(pool, "guards");
	for (size_t i = 0; guards && i < sizeof keys / sizeof *keys; i++) {
		const struct yaml_node *own = yaml_get(pool, keys[i]);
		const struct yaml_node *same = yaml_get(guards, keys[i]);
		if (own && same)
			return yaml_fail(doc, own->key_at, err,
				"\"%s\" is there twice: also in the guards, at %d:%d", keys[i],
				same->key_at.line, same->key_at.column);
	}
	return 0;
}

/* A pool elsewhere is shaped where it is started. */
static int check_local(const struct yaml_doc *doc, const struct yaml_node *item,
	const struct config_pool *pool, struct err *err)
{
	static const char *const keys[] = {"processor", "operations"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const struct yaml_node *own = yaml_get(item, keys[i]);
		for (int k = 0; own && k < pool->target_count; k++)
			if (strncmp(pool->targets[k], "local:", 6) != 0)
				return yaml_fail(doc, own->key_at, err,
					"\"%s\" shapes the engine of a local: pool, and would have no effect on "
					"\"%.80s\": say it where that pool is started (engine, for weir serve)",
					keys[i], pool->targets[k]);
	}
	return 0;
}

static int read_pools(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	struct config *config = field;
	if (node->kind != YAML_KIND_MAP)
		return yaml_fail_expected(doc, node, "pools by their names", err);
	config->pools = mem_new(node->count, sizeof(*config->pools));
	for (size_t i = 0; i < node->count; i++) {
		const struct yaml_node *item = &node->items[i];
		struct config_pool *pool = &config->pools[config->pool_count++];
		if (!config_is_pool_name(item->key))
			return yaml_fail(doc, item->key_at, err,
				"\"%.80s\" is no name of a pool: 1 to %d letters, digits and . _ -", item->key,
				POOL_NAME_MAX - 1);
		text_copy(pool->name, sizeof(pool->name), item->key);
		plan_init(&pool->plan);
		guard_limits_init(&pool->guards);
		if (yaml_bind(doc, item, &config_pool_table, pool, err) != 0 ||
			config_take_split(doc, item, pool, err) != 0 || check_limits(doc, item, err) != 0 || check_local(doc, item, pool, err) != 0 ||
			config_check_judge(doc, yaml_get(item, "judge"), &pool->guards.judge, err) != 0)
			return -1;
		if (pool->metrics.source.interval_ms == 0)
			pool->metrics.source.interval_ms = pool->interval_ms;
	}
	return 0;
}

/* Once all is read: a plan may name a policy that stands behind it. */
static int resolve_policies(const struct yaml_doc *doc, struct config *config, struct err *err)
{
	const struct yaml_node *pools = yaml_get(&doc->root, "pools");
	for (size_t i = 0; i < config->pool_count; i++) {
		struct config_pool *p = &config->pools[i];
		const struct yaml_node *plan = yaml_get(&pools->items[i], "plan");
		if (p->has_plan && config_resolve_policy(doc, plan, config, &p->plan.policy, err) != 0)
			return -1;
	}
	return 0;
}

int config_parse(
	struct config *out, const char *text, size_t len, const char *file, struct err *err)
{
	struct yaml_doc doc;
	*out = (struct config){0};
	if (yaml_doc_read(&doc, text, len, file, err) != 0)
		return -1;
	int rc = yaml_bind(&doc, &doc.root, &config_table, out, err);
	if (rc == 0)
		rc = resolve_policies(&doc, out, err);
	yaml_doc_free(&doc);
	if (rc != 0)
		config_free(out);
	return rc;
}

/* ---- files ---- */

/* Reads a file, a little more than is allowed at most: too long is seen. 0 or an errno. */
static int read_file(const char *path, struct text *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	char chunk[16384];
	int why = 0;
	while (out->len <= YAML_BYTES_MAX) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			why = errno;
		if (n <= 0)
			break;
		text_add_n(out, chunk, (size_t)n);
	}
	close(fd);
	return why;
}

static bool is_absent(int why)
{
	return why == ENOENT || why == ENOTDIR;
}

static int fail_unread(struct err *err, const char *what, const char *path, int why)
{
	return err_set(err, ERR_CONFIG, "cannot read the %s \"%s\": %s", what, path, strerror(why));
}

int config_text(struct text *out, const char *what, const char *path, struct err *err)
{
	int why = read_file(path, out);
	return why ? fail_unread(err, what, path, why) : 0;
}

int config_load_plan(
	struct plan *out, const char *path, const struct config *own, struct err *err)
{
	struct text text = {0};
	plan_init(out);
	int rc = config_text(&text, "plan", path, err);
	if (rc == 0)
		rc = config_parse_plan(out, text_str(&text), text.len, path, own, err);
	text_free(&text);
	return rc;
}

int config_load_scenario(struct scenario *out, const char *path, struct err *err)
{
	struct text text = {0};
	*out = (struct scenario){0};
	int rc = config_text(&text, "scenario", path, err);
	if (rc == 0)
		rc = config_parse_scenario(out, text_str(&text), text.len, path, err);
	text_free(&text);
	return rc;
}

/* The person's own place, to the caller; NULL when neither variable says where it is. */
static char *own_path(void)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *below = "";
	if (!base || *base != '/') { /* the specification: a relative one is to be ignored */
		base = getenv("HOME");
		below = "/.config";
	}
	if (!base || *base != '/')
		return NULL;
	struct text path = {0};
	text_addf(&path, "%s%s/weir/weir.yaml", base, below);
	return text_take(&path);
}

static int read_at(
	struct text *text, char **found, const char *path, bool may_be_absent, struct err *err)
{
	int why = read_file(path, text);
	if (!why)
		*found = mem_copy(path);
	return why && !(may_be_absent && is_absent(why))
		? fail_unread(err, "configuration", path, why)
		: 0;
}

int config_find(struct text *text, char **found, const char *path, struct err *err)
{
	*found = NULL;
	if (path)
		return read_at(text, found, path, false, err);
	char *own = own_path();
	int rc = own ? read_at(text, found, own, true, err) : 0;
	free(own);
	if (rc == 0 && !*found)
		rc = read_at(text, found, "/etc/weir/weir.yaml", true, err);
	return rc;
}

int config_load(struct config *out, const char *path, struct err *err)
{
	struct text text = {0};
	char *found;
	*out = (struct config){0};
	int rc = config_find(&text, &found, path, err);
	if (rc == 0 && found)
		rc = config_parse(out, text_str(&text), text.len, found, err);
	if (rc == 0)
		out->path = found;
	else
		free(found);
	text_free(&text);
	return rc;
}

void config_free(struct config *c)
{
	for (size_t i = 0; i < c->pool_count; i++) {
		for (int k = 0; k < c->pools[i].target_count; k++)
			free(c->pools[i].targets[k]);
		free(c->pools[i].token_file);
		free(c->pools[i].metrics.token_file);
		free(c->pools[i].veto.command);
		config_engine_free(&c->pools[i].engine);
		config_split_free(&c->pools[i].split);
	}
	config_engine_free(&c->engine);
	free(c->pools);
	free(c->history);
	free(c->flags);
	free(c->notify.command);
	free(c->veto.command);
	free(c->path);
	*c = (struct config){0};
}

const struct config_pool *config_pool(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->pool_count; i++)
		if (strcmp(c->pools[i].name, name) == 0)
			return &c->pools[i];
	return NULL;
}

/* ---- JSON ---- */

void config_guards_json(struct text *out, const struct guard_limits *g)
{
	text_add(out, "{");
	text_json_real(out, "error_rate_threshold", g->error_rate);
	text_json_int(out, "latency_threshold_ms", g->latency_ms);
	text_json_int(out, "memory_limit", g->memory_bytes);
	text_json_int(out, "window_ms", g->window_ms);
	text_json_str(out, "action", guard_action_name(g->action));
	text_add(out, "}");
}

void config_rules_json(
	struct text *out, const struct plan *plan, const struct guard_limits *limits)
{
	text_json_key(out, "plan");
	if (plan)
		plan_json(out, plan);
	else
		text_add(out, "null");
	text_json_key(out, "guards");
	config_guards_json(out, limits);
	text_json_key(out, "judge");
	config_judge_json(out, &limits->judge);
}

static void pool_json(struct text *out, const struct config_pool *p)
{
	text_add(out, "{");
	text_json_str(out, "name", p->name);
	text_json_key(out, "target");
	text_add(out, "[");
	for (int i = 0; i < p->target_count; i++) {
		text_add(out, i ? "," : "");
		text_add_json(out, p->targets[i]);
	}
	text_add(out, "]");
	text_json_str(out, "env", p->env);
	text_json_str(out, "token_file", p->token_file);
	text_json_int(out, "interval_ms", p->interval_ms);
	config_rules_json(out, p->has_plan ? &p->plan : NULL, &p->guards);
	config_engine_json(out, &p->engine);
	config_metrics_json(out, &p->metrics);
	config_veto_json(out, &p->veto);
	text_add(out, "}");
}

void config_json(struct text *out, const struct config *c)
{
	text_add(out, "{");
	text_json_str(out, "history", c->history);
	if (c->flags)
		text_json_str(out, "flags", c->flags);
	text_json_int(out, "retention_ms", c->retention_ms);
	text_json_int(out, "history_cap", c->history_cap);
	text_json_str(out, "theme", c->theme);
	config_notify_json(out, &c->notify);
	config_veto_json(out, &c->veto);
	if (c->max_raising > 1)
		text_json_int(out, "max_raising", c->max_raising);
	config_engine_json(out, &c->engine);
	text_json_key(out, "policies");
	text_add(out, "[");
	for (size_t i = 0; i < c->policy_count; i++) {
		text_add(out, i ? "," : "");
		config_policy_json(out, &c->policies[i]);
	}
	text_add(out, "]");
	text_json_key(out, "pools");
	text_add(out, "[");
	for (size_t i = 0; i < c->pool_count; i++) {
		text_add(out, i ? "," : "");
		pool_json(out, &c->pools[i]);
	}
	text_add(out, "]}");
}
