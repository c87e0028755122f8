/* Config, HAProxy: what splits the traffic behind a target haproxy:, said by keys of the pool in
 * place of the URL's query. They are put together into the URL, which is what all else knows; what
 * a target must have, and what a name may be, is client/haproxy_target.h's. */
#include "tui/config.h"
#include "tui/config_table.h"

#include "client/haproxy_target.h"
#include "model/mem.h"
#include "model/text.h"

#include <stdlib.h>
#include <string.h>

static int refuse_name(
	const struct yaml_doc *doc, const struct yaml_node *node, const char *text, struct err *err)
{
	return yaml_fail(doc, node->at, err,
		"\"%.80s\" is no name in HAProxy: 1 to %d of A-Z a-z 0-9 _ . : -%s", text,
		HAPROXY_NAME_MAX - 1, strchr(text, ',') ? "; write several as [a, b]" : "");
}

static int add_name(
	const struct yaml_doc *doc, const struct yaml_node *node, struct text *out, struct err *err)
{
	const char *text = yaml_scalar(doc, node, "a name in HAProxy, or [several]", err);
	if (!text)
		return -1;
	if (!haproxy_is_name(text))
		return refuse_name(doc, node, text, err);
	text_addf(out, "%s%s", out->len ? "," : "", text);
	return 0;
}

int config_read_split_names(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	char **names = field;
	struct text all = {0};
	int rc = 0;
	if (node->kind == YAML_KIND_LIST && (node->count == 0 || node->count > HAPROXY_SERVERS_MAX))
		return yaml_fail(doc, node->at, err, "\"%s\" has %zu items: it must have 1 to %d",
			node->key, node->count, HAPROXY_SERVERS_MAX);
	if (node->kind != YAML_KIND_LIST)
		rc = add_name(doc, node, &all, err);
	for (size_t i = 0; rc == 0 && node->kind == YAML_KIND_LIST && i < node->count; i++)
		rc = add_name(doc, &node->items[i], &all, err);
	if (rc == 0)
		*names = text_take(&all);
	text_free(&all);
	return rc;
}

int config_read_split_name(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	char **name = field;
	const char *text = yaml_scalar(doc, node, "a name in HAProxy", err);
	if (!text)
		return -1;
	if (!haproxy_is_name(text))
		return refuse_name(doc, node, text, err);
	*name = mem_copy(text);
	return 0;
}

int config_read_split_map(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	static const char expected[] = "the map's file as haproxy.cfg writes it, without blanks";
	char **map = field;
	const char *text = yaml_scalar(doc, node, expected, err);
	if (!text)
		return -1;
	if (!haproxy_is_map(text))
		return yaml_fail_expected(doc, node, expected, err);
	*map = mem_copy(text);
	return 0;
}

#define X(key, member) #key,
static const char *const keys[] = {CONFIG_SPLIT_INFO(X)};
#undef X

#define KEYS (sizeof keys / sizeof *keys)

static const struct yaml_node *first_of(const struct yaml_node *item)
{
	const struct yaml_node *first = NULL;
	for (size_t i = 0; i < KEYS && !first; i++)
		first = yaml_get(item, keys[i]);
	return first;
}

/* What goes with what: to be told at its key, and by all that is missing. */
static int check_keys(const struct yaml_doc *doc, const struct yaml_node *item, struct err *err)
{
	const struct yaml_node *key = yaml_get(item, "key"), *backend = yaml_get(item, "backend");
	static const char *const by_map[] = {"map", "key", "v1", "v2"};
	static const char *const by_weights[] = {"backend", "v1", "v2"};
	if (backend && key)
		return yaml_fail(doc, key->key_at, err,
			"\"key\" is of a split by a map, and \"backend\" of one by weights: take one of them");
	const char *const *needed = backend ? by_weights : by_map;
	for (size_t i = 0; i < (backend ? 3 : 4); i++)
		if (!yaml_get(item, needed[i]))
			return yaml_fail(doc, first_of(item)->key_at, err,
				"\"%s\" is missing: a split by a map has map, key, v1 and v2, one by weights "
				"backend, v1 and v2",
				needed[i]);
	return 0;
}

static void add_query(struct text *out, const struct config_split *s)
{
	char *const values[] = {
#define X(key, member) s->member,
		CONFIG_SPLIT_INFO(X)
#undef X
	};
	const char *between = "?";
	for (size_t i = 0; i < KEYS; i++) {
		if (!values[i])
			continue;
		text_addf(out, "%s%s=%s", between, keys[i], values[i]);
		between = "&";
	}
}

static int complete(const struct yaml_doc *doc, const struct yaml_node *node,
	const struct yaml_node *first, const struct config_split *s, char **target, struct err *err)
{
	struct haproxy_target read;
	struct err why = {0};
	struct text full = {0};
	if (!haproxy_is_target(*target))
		return yaml_fail(doc, first->key_at, err,
			"\"%s\" is of a pool behind haproxy:, and means nothing for \"%.80s\"", first->key,
			*target);
	if (strchr(*target, '?'))
		return yaml_fail(doc, node->at, err,
			"the target says behind '?' what \"%s\" says too, at %d:%d: write it once",
			first->key, first->key_at.line, first->key_at.column);
	text_add(&full, *target);
	add_query(&full, s);
	int rc = haproxy_target_read(&read, text_str(&full), &why);
	if (rc != 0)
		yaml_fail(doc, first->key_at, err, "%s", why.text);
	free(*target);
	*target = text_take(&full);
	return rc;
}

int config_take_split(const struct yaml_doc *doc, const struct yaml_node *item,
	struct config_pool *pool, struct err *err)
{
	const struct yaml_node *first = first_of(item), *target = yaml_get(item, "target");
	if (!first)
		return 0;
	for (int i = 0; i < pool->target_count; i++) {
		bool list = target->kind == YAML_KIND_LIST;
		const struct yaml_node *node = list ? &target->items[i] : target;
		if (i == 0 && haproxy_is_target(pool->targets[0]) && check_keys(doc, item, err) != 0)
			return -1;
		if (complete(doc, node, first, &pool->split, &pool->targets[i], err) != 0)
			return -1;
	}
	return 0;
}

void config_split_free(struct config_split *s)
{
#define X(key, member) free(s->member);
	CONFIG_SPLIT_INFO(X)
#undef X
	*s = (struct config_split){0};
}
