/* Config, plan: the keys below `plan:` and of a plan file. What the steps must be to each other
 * is plan_check's; the place where that is said is the key `steps`. */
#include "tui/config.h"
#include "tui/config_table.h"

#include "model/mem.h"
#include "model/text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS (24 * 60 * 60 * 1000.0)

static const char *const orphan_words[] = {
#define X(name, word, help) word,
	ORPHAN_INFO(X)
#undef X
		NULL};

static const char *const reload_words[] = {"hold", "put_back", NULL};

/* Splits "10% for 3d" into its two parts; `duration` is NULL without " for ". */
static char *split_step(const char *text, const char **duration)
{
	char *share = mem_copy(text);
	char *word = strstr(share, " for ");
	*duration = NULL;
	if (word) {
		*word = 0;
		*duration = word + strlen(" for ");
	}
	return share;
}

static int read_step(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	static const char expected[] = "a share and how long it stays, such as 50% or 10% for 3d";
	struct plan_step *step = field;
	const char *text = yaml_scalar(doc, node, expected, err);
	if (!text)
		return -1;
	const char *duration;
	char *share = split_step(text, &duration);
	int rc = 0;
	step->for_ms = 0;
	if (duration && !unit_parse_duration(duration, &step->for_ms))
		rc = yaml_fail_expected(doc, node, expected, err);
	else
		rc = yaml_read_share(doc, node, share, &step->share_bp, err);
	free(share);
	return rc;
}

static int read_approver(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	static const char expected[] = "a public key: the 64 hex digits of weir approve --key";
	char *key = field;
	const char *text = yaml_scalar(doc, node, expected, err);
	if (!text)
		return -1;
	size_t len = strlen(text);
	if (len != POOL_HASH_MAX - 1 || strspn(text, "0123456789abcdefABCDEF") != len)
		return yaml_fail_expected(doc, node, expected, err);
	for (size_t i = 0; i <= len; i++)
		key[i] = (char)tolower((unsigned char)text[i]);
	return 0;
}

#define AT(member) .offset = offsetof(struct plan, member)
#define ROOM(member) .size = sizeof(((struct plan *)0)->member)

static const struct yaml_row plan_rows[] = {
	{"steps", YAML_TYPE_LIST, AT(steps), .size = sizeof(struct plan_step), .min = 1,
		.max = PLAN_STEPS_MAX, .required = true, .read = read_step,
		.count_offset = offsetof(struct plan, step_count),
		.help = "The shares of v2 in order, each with the time it stays before the next"},
	{"approvers", YAML_TYPE_LIST, AT(approvers), .size = POOL_HASH_MAX,
		.max = PLAN_APPROVERS_MAX, .read = read_approver,
		.count_offset = offsetof(struct plan, approver_count),
		.help = "The public keys of those who may approve a step"},
	{"bake", YAML_TYPE_DURATION, AT(bake_ms), .min = 100, .max = 30 * DAY_MS, .fallback = "10m",
		.help = "The time a raise must pass to be kept"},
	{"hours", YAML_TYPE_STRING, AT(hours), ROOM(hours), .fallback = "",
		.help = "When raises are allowed"},
	{"freeze", YAML_TYPE_CUSTOM, .read = config_read_freeze,
		.help = "Windows in which nothing is raised"},
	{"zone", YAML_TYPE_STRING, AT(zone), ROOM(zone), .fallback = "",
		.help = "The time zone of hours and freezes"},
	{"min_samples", YAML_TYPE_INT, AT(min_samples), .max = 1e9, .fallback = "300",
		.help = "Units of work that each side with a share must have done in a bake"},
	{"max_delta", YAML_TYPE_SHARE, AT(max_delta_bp), .min = 1, .max = SHARE_FULL,
		.fallback = "50%", .help = "The most that one step may add"},
	{"on_orphan", YAML_TYPE_ENUM, AT(on_orphan), .words = orphan_words, .fallback = "default",
		.help = "What becomes of a raise that nobody keeps in time"},
	{"on_reload", YAML_TYPE_WORD, AT(on_reload), ROOM(on_reload), .words = reload_words,
		.fallback = "hold", .help = "What follows when a reload of the pool lost the share"},
	{"policy", YAML_TYPE_STRING, AT(policy.name), ROOM(policy.name), .fallback = "standard",
		.help = "What a step asks before it is sent"},
};

YAML_TABLE(config_plan_table, "the plan", plan_rows);

int config_read_plan(
	const struct yaml_doc *doc, const struct yaml_node *map, struct plan *plan, struct err *err)
{
	plan_init(plan);
	if (yaml_bind(doc, map, &config_plan_table, plan, err) != 0 ||
		config_read_calendar(doc, map, plan, err) != 0)
		return -1;
	struct err whole = {0};
	if (plan_check(plan, 0, &whole) != 0)
		return yaml_fail(doc, yaml_get(map, "steps")->key_at, err, "%s", whole.text);
	return 0;
}

int config_parse_plan(struct plan *out, const char *text, size_t len, const char *file,
	const struct config *own, struct err *err)
{
	struct yaml_doc doc;
	plan_init(out);
	if (yaml_doc_read(&doc, text, len, file, err) != 0)
		return -1;
	int rc = config_read_plan(&doc, &doc.root, out, err);
	if (rc == 0)
		rc = config_resolve_policy(&doc, &doc.root, own, &out->policy, err);
	yaml_doc_free(&doc);
	if (rc != 0)
		plan_init(out);
	return rc;
}
