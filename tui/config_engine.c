/* Config of engines: keys, places and checks. What a setting does is the shape's (client/
 * serve_shape.h); here it stays a text until a pool is started. */
#include "tui/config_engine.h"

#include "client/serve_shape.h"
#include "model/mem.h"
#include "model/text.h"
#include "tui/bounds.h"
#include "tui/config.h"
#include "tui/config_table.h"
#include "tui/words.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(type, member) .offset = offsetof(struct type, member)
#define ROOM(type, member) .size = sizeof(((struct type *)0)->member)
#define EXPECTED "a value, or a list or map of values"

/* ---- what is set ---- */

static void set(struct config_setting *s, const struct yaml_node *node, const char *text)
{
	free(s->text);
	*s = (struct config_setting){mem_copy(text), node->at.line, node->at.column};
}

/* The reader of bounds names their option. */
static int cut_option(int rc, const char *option, struct err *err)
{
	size_t len = strlen(option);
	if (rc < 0 && strncmp(err->text, option, len) == 0)
		memmove(err->text, err->text + len, strlen(err->text + len) + 1);
	return rc;
}

static int check_command(const char *command, struct err *err)
{
	struct words words;
	int rc = command ? words_read(&words, command, err) : 0;
	if (command)
		words_free(&words);
	return rc;
}

int config_engine_check(enum serve_setting s, const char *text, struct err *err)
{
	struct serve_shape shape = {.engine = {.strategy = STRATEGY_CANARY}};
	struct bounds bounds = {0};
	if (serve_shape_read(&shape, s, text, err) < 0)
		return -1;
	if (s == SERVE_RECYCLE)
		return cut_option(bounds_read_recycle(&bounds, text, err), "--recycle ", err);
	if (s == SERVE_LIMIT)
		return cut_option(bounds_read_limit(&bounds, text, err), "--limit ", err);
	return check_command(s == SERVE_V1 ? shape.command[ARM_V1]
			: s == SERVE_V2            ? shape.command[ARM_V2]
									   : NULL,
		err);
}

bool config_engine_is_empty(const struct config_engine *e)
{
	for (int i = 0; i < SERVE_SETTING_COUNT; i++)
		if (e->set[i].text)
			return false;
	return true;
}

void config_engine_free(struct config_engine *e)
{
	for (int i = 0; i < SERVE_SETTING_COUNT; i++)
		free(e->set[i].text);
	*e = (struct config_engine){0};
}

/* ---- reading ---- */

/* A scalar as it is; the items of a list with commas between; those of a map as "key=value". */
static int join(
	const struct yaml_doc *doc, const struct yaml_node *node, struct text *out, struct err *err)
{
	if (node->kind == YAML_KIND_SCALAR) {
		const char *text = yaml_scalar(doc, node, EXPECTED, err);
		text_add(out, text ? text : "");
		return text ? 0 : -1;
	}
	for (size_t i = 0; i < node->count; i++) {
		const struct yaml_node *item = &node->items[i];
		if (item->kind != YAML_KIND_SCALAR || yaml_is_null(item) || strchr(item->text, ','))
			return yaml_fail_expected(doc, node, EXPECTED, err);
		text_addf(out, "%s%s%s%s", i ? "," : "", item->key ? item->key : "",
			item->key ? "=" : "", item->text);
	}
	return 0;
}

static int read_text(const struct yaml_doc *doc, const struct yaml_node *node,
	enum serve_setting s, struct config_setting *field, struct err *err)
{
	struct text text = {0};
	struct err why = {0};
	int rc = join(doc, node, &text, err);
	if (rc == 0 && (text.len == 0 || !yaml_is_clean(text_str(&text))))
		rc = yaml_fail_expected(doc, node, EXPECTED " without invisible characters", err);
	if (rc == 0 && config_engine_check(s, text_str(&text), &why) < 0)
		rc = yaml_fail(doc, node->at, err, "\"%s\" %s", node->key, why.text);
	if (rc == 0)
		set(field, node, text_str(&text));
	text_free(&text);
	return rc;
}

static int read_setting(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	return read_text(doc, node, serve_setting_of(node->key), field, err);
}

static const struct yaml_row engine_rows[] = {
#define X(name, option, word, argument, what) \
	{word, YAML_TYPE_CUSTOM, AT(config_engine, set[SERVE_##name]), .read = read_setting, \
		.help = what},
	SERVE_SETTING_INFO(X)
#undef X
};

YAML_TABLE(config_engine_table, "the engine", engine_rows);

/* ---- a pool's own engine, in the older words ---- */

struct migration {
	bool enabled;
	char strategy[32];
	int64_t primary;
};

struct processor_keys {
	char strategy[SERVE_SPEC_MAX];
	struct migration migration;
};

static const char *const strategy_words[] = {
	"canary", "canary_deployment", "primary_with_fallback", "ab_test", "full_migration", NULL};

static const struct yaml_row migration_rows[] = {
	{"enabled", YAML_TYPE_BOOL, AT(migration, enabled), .fallback = "true",
		.help = "Some work goes to v2"},
	{"strategy", YAML_TYPE_WORD, AT(migration, strategy), ROOM(migration, strategy),
		.words = strategy_words, .fallback = "canary", .help = "How work is split"},
	{"primary_percentage", YAML_TYPE_INT, AT(migration, primary), .max = 100, .fallback = "100",
		.help = "The part of the work that stays on v1, in whole percent"},
};

YAML_TABLE(config_migration_table, "the migration", migration_rows);

static int read_spec(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	char *spec = field;
	struct err why = {0};
	const char *text = yaml_scalar(doc, node, "a processor such as v2:8 or v1:simple", err);
	if (!text)
		return -1;
	if (serve_processor_is_v1(text, &why) < 0 || !text_copy(spec, SERVE_SPEC_MAX, text))
		return yaml_fail(doc, node->at, err, "\"strategy\": %s", why.text);
	return 0;
}

static const struct yaml_row processor_rows[] = {
	{"strategy", YAML_TYPE_CUSTOM, AT(processor_keys, strategy), .required = true,
		.read = read_spec, .help = "What works"},
	{"migration", YAML_TYPE_MAP, AT(processor_keys, migration),
		.table = &config_migration_table, .help = "How much of the work v2 gets"},
};

YAML_TABLE(config_processor_table, "a processor", processor_rows);

/* v1's part of the work, as everybody says it, is v2's share from here on. */
static int read_migration(const struct yaml_doc *doc, const struct yaml_node *map,
	const struct migration *m, struct config_engine *out, struct err *err)
{
	const struct yaml_node *primary = yaml_get(map, "primary_percentage");
	bool is_canary = strncmp(m->strategy, "canary", 6) == 0;
	char share[16], percent[8];
	int share_bp = 0;
	if (!m->enabled) {
		set(&out->set[SERVE_STRATEGY], map, "primary_only");
		set(&out->set[SERVE_SHARE], map, "0%");
		return 0;
	}
	if (primary && !is_canary)
		return yaml_fail(doc, primary->key_at, err,
			"\"primary_percentage\" goes with canary only, not with \"%s\"", m->strategy);
	set(&out->set[SERVE_STRATEGY], map, is_canary ? "canary" : m->strategy);
	if (!is_canary)
		return 0;
	snprintf(percent, sizeof percent, "%d", (int)m->primary);
	if (serve_share_of_primary(percent, &share_bp, err) < 0)
		return -1;
	snprintf(share, sizeof share, "%dbp", share_bp);
	set(&out->set[SERVE_SHARE], primary ? primary : map, share);
	return 0;
}

/* Without a v2 nothing can be given to it. */
static int read_v1(const struct yaml_doc *doc, const struct yaml_node *node,
	const struct yaml_node *migration, const char *spec, struct config_engine *out,
	struct err *err)
{
	const char *share = out->set[SERVE_SHARE].text;
	const char *strategy = out->set[SERVE_STRATEGY].text;
	bool asks_v2 = strategy && strcmp(strategy, "primary_only") != 0 &&
		strcmp(strategy, "primary_with_fallback") != 0 && !(share && strcmp(share, "0bp") == 0);
	if (asks_v2)
		return yaml_fail(doc, migration->key_at, err,
			"the migration gives work to v2, and with \"%s\" there is none", spec);
	set(&out->set[SERVE_V1], node, spec);
	set(&out->set[SERVE_V2], node, "none");
	return 0;
}

int config_read_processor(
	const struct yaml_doc *doc, const struct yaml_node *map, void *field, struct err *err)
{
	struct config_engine *out = field;
	struct processor_keys keys = {0};
	if (yaml_bind(doc, map, &config_processor_table, &keys, err) != 0)
		return -1;
	const struct yaml_node *strategy = yaml_get(map, "strategy");
	const struct yaml_node *migration = yaml_get(map, "migration");
	if (migration && read_migration(doc, migration, &keys.migration, out, err) < 0)
		return -1;
	if (serve_processor_is_v1(keys.strategy, err) == 1)
		return read_v1(doc, strategy, migration, keys.strategy, out, err);
	set(&out->set[SERVE_V2], strategy, keys.strategy);
	return 0;
}

int config_read_operations(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	struct config_engine *out = field;
	return read_text(doc, node, SERVE_ALLOW, &out->set[SERVE_ALLOW], err);
}

/* ---- writing ---- */

void config_engine_query(struct text *out, const struct config_engine *e)
{
	size_t before = out->len;
	for (int i = 0; i < SERVE_SETTING_COUNT; i++) {
		if (!e->set[i].text)
			continue;
		text_addf(out, "%s%s=", out->len > before ? "&" : "",
			serve_setting_key((enum serve_setting)i));
		for (const char *c = e->set[i].text; *c; c++) {
			if (strchr("%&=+# ", *c))
				text_addf(out, "%%%02X", (unsigned)(unsigned char)*c);
			else
				text_add_n(out, c, 1);
		}
	}
}

void config_engine_json(struct text *out, const struct config_engine *e)
{
	if (config_engine_is_empty(e))
		return;
	text_json_key(out, "engine");
	text_add(out, "{");
	for (int i = 0; i < SERVE_SETTING_COUNT; i++)
		if (e->set[i].text)
			text_json_str(out, serve_setting_key((enum serve_setting)i), e->set[i].text);
	text_add(out, "}");
}
