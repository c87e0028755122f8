/* Config told: a walk over the tables beside the document. It judges nothing: config.c has. */
#include "tui/config_tell.h"

#include "client/serve_shape.h"
#include "model/mem.h"
#include "model/text.h"
#include "tui/config.h"
#include "tui/config_table.h"
#include "tui/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX 256

struct teller {
	struct text *out;
	bool json;
	const char *file;
};

static void tell_one(
	const struct teller *t, const char *key, const char *value, const char *origin)
{
	if (t->json) {
		text_add(t->out, "{");
		text_json_str(t->out, "key", key);
		text_json_str(t->out, "value", value);
		text_json_str(t->out, "origin", origin);
		text_add(t->out, "}\n");
	} else {
		text_addf(t->out, "%-46s %-28s %s\n", key, value ? value : "-", origin);
	}
}

/* As one would write it on a line. */
static void add_node(struct text *out, const struct yaml_node *node)
{
	if (node->kind == YAML_KIND_SCALAR) {
		text_add(out, node->text);
		return;
	}
	bool is_map = node->kind == YAML_KIND_MAP;
	text_add(out, is_map ? "{" : "[");
	for (size_t i = 0; i < node->count; i++) {
		text_addf(
			out, "%s%s%s", i ? ", " : "", is_map ? node->items[i].key : "", is_map ? ": " : "");
		add_node(out, &node->items[i]);
	}
	text_add(out, is_map ? "}" : "]");
}

static void tell_node(const struct teller *t, const char *key, const struct yaml_node *node)
{
	struct text value = {0}, origin = {0};
	add_node(&value, node);
	text_addf(&origin, "%s:%d:%d", t->file, node->at.line, node->at.column);
	tell_one(t, key, text_str(&value), text_str(&origin));
	text_free(&value);
	text_free(&origin);
}

static void tell_map(const struct teller *t, const char *before, const struct yaml_table *table,
	const struct yaml_node *map);

/* The table of a key that its own reader reads. */
static const struct yaml_table *table_of(const char *key)
{
	return strcmp(key, "plan") == 0     ? &config_plan_table
		: strcmp(key, "processor") == 0 ? &config_processor_table
										: NULL;
}

/* The table of what stands below names. */
static const struct yaml_table *table_of_named(const char *key)
{
	return strcmp(key, "pools") == 0   ? &config_pool_table
		: strcmp(key, "policies") == 0 ? &config_policy_table
									   : NULL;
}

/* What the environment says in place of a setting of the engine; NULL nothing. */
static const char *variable_of(const char *key)
{
	enum serve_setting s =
		strncmp(key, "engine.", 7) == 0 ? serve_setting_of(key + 7) : SERVE_SETTING_COUNT;
	return s == SERVE_SETTING_COUNT ? NULL : serve_setting_variable(s);
}

static void tell_row(const struct teller *t, const char *key, const struct yaml_row *row,
	const struct yaml_node *node)
{
	char name[KEY_MAX];
	const char *variable = variable_of(key);
	const struct yaml_table *named = table_of_named(row->key);
	const struct yaml_table *own = row->type == YAML_TYPE_MAP ? row->table
		: node                                                ? table_of(row->key)
															  : NULL;
	if (variable) {
		snprintf(name, sizeof name, "$%s", variable);
		tell_one(t, key, getenv(variable), name);
	} else if (own) {
		tell_map(t, key, own, node);
	} else if (named && node) {
		for (size_t i = 0; i < node->count; i++) {
			snprintf(name, sizeof name, "%.60s.%.100s", key, node->items[i].key);
			tell_map(t, name, named, &node->items[i]);
		}
	} else if (node) {
		tell_node(t, key, node);
	} else {
		tell_one(t, key, row->fallback && *row->fallback ? row->fallback : NULL, "default");
	}
}

static void tell_map(const struct teller *t, const char *before, const struct yaml_table *table,
	const struct yaml_node *map)
{
	char key[KEY_MAX];
	for (size_t i = 0; i < table->count; i++) {
		const struct yaml_row *row = &table->rows[i];
		snprintf(key, sizeof key, "%.200s%s%s", before, *before ? "." : "", row->key);
		tell_row(t, key, row, map ? yaml_get(map, row->key) : NULL);
	}
}

int config_tell(struct text *out, const char *path, bool json, struct err *err)
{
	struct text text = {0};
	struct config config = {0};
	struct yaml_doc doc;
	char *found = NULL;
	int rc = config_find(&text, &found, path, err);
	const char *file = found ? found : "";
	if (rc == 0)
		rc = config_parse(&config, text_str(&text), text.len, file, err);
	if (rc == 0 && (rc = yaml_doc_read(&doc, text_str(&text), text.len, file, err)) == 0) {
		const struct teller t = {out, json, file};
		tell_map(&t, "", &config_table, &doc.root);
		yaml_doc_free(&doc);
	}
	config_free(&config);
	text_free(&text);
	free(found);
	return rc;
}

int cmd_config(const struct options *o)
{
	struct text out = {0};
	struct err err = {0};
	int rc = config_tell(&out, o->arg_count > 0 ? o->args[0] : o->config, o->json, &err);
	if (rc == 0)
		fputs(text_str(&out), stdout);
	text_free(&out);
	return rc < 0 ? setup_fail(&err) : EXIT_DONE;
}
