/* Config, policies: own ones by their names, each from one that comes with weir. */
#include "tui/config.h"
#include "tui/config_table.h"

#include "model/text.h"

#include <stdint.h>
#include <string.h>

#define DAY_MS (24 * 60 * 60 * 1000.0)

#define AT(member) .offset = offsetof(struct policy, member)
#define ROOM(member) .size = sizeof(((struct policy *)0)->member)

static const char *const base_words[] = {
#define X(name, word, help) word,
	POLICY_INFO(X)
#undef X
		NULL};

/* Without fallbacks but the base's: what is not written is as the base has it. */
static const struct yaml_row policy_rows[] = {
	{"base", YAML_TYPE_WORD, AT(name), ROOM(name), .words = base_words, .fallback = "standard",
		.help = "The policy that it is made from"},
	{"steps", YAML_TYPE_BOOL, AT(steps), .help = "Only the plan's next share may be taken"},
	{"first", YAML_TYPE_SHARE, AT(first_bp), .max = SHARE_FULL,
		.help = "Without steps: the most from nothing"},
	{"delta", YAML_TYPE_SHARE, AT(delta_bp), .max = SHARE_FULL,
		.help = "Without steps: the most at once above that"},
	{"bake", YAML_TYPE_BOOL, AT(bake), .help = "The bake must have passed"},
	{"samples", YAML_TYPE_BOOL, AT(samples), .help = "Each side must have its samples"},
	{"green", YAML_TYPE_BOOL, AT(green),
		.help = "The guard is green over the bake, and not just not red"},
	{"safe", YAML_TYPE_BOOL, AT(safe), .help = "The judge says SAFE"},
	{"armed", YAML_TYPE_BOOL, AT(armed), .help = "The pool is armed by a person first"},
	{"owner", YAML_TYPE_BOOL, AT(owner), .help = "Somebody who stays owns the guard"},
	{"drill", YAML_TYPE_DURATION, AT(drill_ms), .max = 365 * DAY_MS,
		.help = "The way back was rehearsed within this time"},
	{"approval_above", YAML_TYPE_SHARE, AT(approval_bp), .max = SHARE_FULL,
		.help = "Above this share somebody else approves"},
	{"reason", YAML_TYPE_BOOL, AT(reason), .help = "Every act gives a reason"},
};

YAML_TABLE(config_policy_table, "a policy", policy_rows);

const struct policy *config_policy(const struct config *c, const char *name)
{
	for (size_t i = 0; c && i < c->policy_count; i++)
		if (strcmp(c->policies[i].name, name) == 0)
			return &c->policies[i];
	return policy_find(name);
}

/* What it begins as; a base that is none is the table's to refuse. */
static const struct policy *base_of(const struct yaml_node *item)
{
	const struct yaml_node *base = item->kind == YAML_KIND_MAP ? yaml_get(item, "base") : NULL;
	const struct policy *named = base && base->text ? policy_find(base->text) : NULL;
	return named ? named : policy_builtin(POLICY_STANDARD);
}

static int read_policy(const struct yaml_doc *doc, const struct yaml_node *item,
	struct policy *out, struct err *err)
{
	if (!text_is_name(item->key, POLICY_NAME_MAX - 1))
		return yaml_fail(doc, item->key_at, err,
			"\"%.80s\" is no name of a policy: 1 to %d letters, digits and . _ : -", item->key,
			POLICY_NAME_MAX - 1);
	if (policy_find(item->key))
		return yaml_fail(doc, item->key_at, err,
			"policy \"%s\" comes with weir: call your own by another name", item->key);
	*out = *base_of(item);
	if (yaml_bind(doc, item, &config_policy_table, out, err) != 0)
		return -1;
	text_copy(out->name, sizeof(out->name), item->key);
	return 0;
}

int config_read_policies(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	struct config *config = field;
	if (node->kind != YAML_KIND_MAP)
		return yaml_fail_expected(doc, node, "policies by their names", err);
	if (node->count > CONFIG_POLICIES_MAX)
		return yaml_fail(doc, node->at, err, "\"policies\" has %zu: it may have %d at most",
			node->count, CONFIG_POLICIES_MAX);
	for (size_t i = 0; i < node->count; i++) {
		if (read_policy(doc, &node->items[i], &config->policies[i], err) != 0)
			return -1;
		config->policy_count++;
	}
	return 0;
}

int config_resolve_policy(const struct yaml_doc *doc, const struct yaml_node *plan,
	const struct config *own, struct policy *policy, struct err *err)
{
	const struct policy *found = config_policy(own, policy->name);
	if (found) {
		*policy = *found;
		return 0;
	}
	const char *names[POLICY_COUNT + CONFIG_POLICIES_MAX + 1];
	size_t n = 0;
	for (; base_words[n]; n++)
		names[n] = base_words[n];
	for (size_t i = 0; own && i < own->policy_count; i++)
		names[n++] = own->policies[i].name;
	names[n] = NULL;
	const char *near = text_nearest(policy->name, names);
	struct text all = {0};
	for (size_t i = 0; i < n; i++)
		text_addf(&all, "%s%s", i ? ", " : "", names[i]);
	yaml_fail(doc, yaml_get(plan, "policy")->at, err,
		"\"policy\" is \"%s\": write one of %.200s%s%s%s", policy->name, text_str(&all),
		near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	text_free(&all);
	return -1;
}

void config_policy_json(struct text *out, const struct policy *p)
{
	text_add(out, "{");
	text_json_str(out, "name", p->name);
	text_json_bool(out, "steps", p->steps);
	text_json_int(out, "first_bp", p->first_bp);
	text_json_int(out, "delta_bp", p->delta_bp);
	text_json_bool(out, "bake", p->bake);
	text_json_bool(out, "samples", p->samples);
	text_json_bool(out, "green", p->green);
	text_json_bool(out, "safe", p->safe);
	text_json_bool(out, "armed", p->armed);
	text_json_bool(out, "owner", p->owner);
	text_json_int(out, "drill_ms", p->drill_ms);
	text_json_int(out, "approval_above_bp", p->approval_bp);
	text_json_bool(out, "reason", p->reason);
	text_add(out, "}");
}
