/* Terms, written from what is in force and read back. What stands in an older recording is its
 * whole configuration, in which a pool has the same members.
 *
 * Invariants:
 * 1. What cannot be read back whole is not read at all: nobody is held to a part of it. */
#include "tui/terms.h"

#include "history/chain.h"
#include "history/query.h"
#include "model/text.h"
#include "tui/config_table.h"
#include "tui/whatif.h"
#include "tui/yaml.h"
#include "tui/zone_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *terms_words(enum terms_source s)
{
	static const char *const words[] = {
#define X(name, text) text,
		TERMS_INFO(X)
#undef X
	};
	return words[s];
}

/* ---- writing ---- */

static void pool_json(struct text *out, const struct pool *p)
{
	text_add(out, "{");
	text_json_str(out, "name", p->name);
	config_rules_json(out, p->has_plan ? &p->plan : NULL, &p->limits);
	text_add(out, "}");
}

void terms_json(struct text *out, const struct pool *pools, int count)
{
	text_add(out, "{");
	text_json_key(out, "pools");
	text_add(out, "[");
	for (int i = 0; i < count; i++) {
		text_add(out, i ? "," : "");
		pool_json(out, &pools[i]);
	}
	text_add(out, "]}");
}

/* ---- members ---- */

#define COUNT_MAX ((int64_t)1 << 53)

/* What is not there, or is null, stays as it is. False: it is something else. */
static bool take_int(const struct yaml_node *map, const char *key, int64_t *out)
{
	const struct yaml_node *n = yaml_get(map, key);
	if (!n || yaml_is_null(n))
		return true;
	return n->kind == YAML_KIND_SCALAR && !n->quoted &&
		unit_parse_int(n->text, -1, COUNT_MAX, out);
}

static bool take_bp(const struct yaml_node *map, const char *key, int *out)
{
	int64_t n = *out;
	bool well = take_int(map, key, &n) && n >= 0 && n <= SHARE_FULL;
	*out = well ? (int)n : *out;
	return well;
}

static bool take_real(const struct yaml_node *map, const char *key, double *out)
{
	const struct yaml_node *n = yaml_get(map, key);
	char *end;
	if (!n || yaml_is_null(n))
		return true;
	if (n->kind != YAML_KIND_SCALAR || n->quoted)
		return false;
	*out = strtod(n->text, &end);
	return !*end && end > n->text && isfinite(*out);
}

static bool take_bool(const struct yaml_node *map, const char *key, bool *out)
{
	const struct yaml_node *n = yaml_get(map, key);
	if (!n)
		return true;
	*out = n->text && strcmp(n->text, "true") == 0;
	return n->text && (*out || strcmp(n->text, "false") == 0);
}

static bool take_text(const struct yaml_node *map, const char *key, char *out, size_t size)
{
	const struct yaml_node *n = yaml_get(map, key);
	if (!n || yaml_is_null(n))
		return true;
	return n->kind == YAML_KIND_SCALAR && yaml_is_clean(n->text) &&
		text_copy(out, size, n->text);
}

static const struct yaml_node *list_of(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *n = yaml_get(map, key);
	return n && n->kind == YAML_KIND_LIST ? n : NULL;
}

/* ---- limits ---- */

static bool read_guards(const struct yaml_node *map, struct guard_limits *out)
{
	char action[24] = "";
	bool well = take_real(map, "error_rate_threshold", &out->error_rate) &&
		take_int(map, "latency_threshold_ms", &out->latency_ms) &&
		take_int(map, "memory_limit", &out->memory_bytes) &&
		take_int(map, "window_ms", &out->window_ms) &&
		take_text(map, "action", action, sizeof action);
	out->action = guard_action_of(action);
	return well && out->action < GUARD_ACTION_COUNT && out->window_ms > 0 &&
		!(out->error_rate < 0) && !(out->error_rate > 1);
}

static bool read_judge(const struct yaml_node *map, struct judge_policy *out)
{
	const struct yaml_node *metrics = list_of(map, "metrics");
	if (!metrics || !take_real(map, "alpha", &out->alpha) ||
		!take_real(map, "beta", &out->beta) || !take_real(map, "tolerance", &out->tolerance) ||
		!take_real(map, "margin", &out->margin))
		return false;
	memset(out->metric, 0, sizeof out->metric);
	for (size_t i = 0; i < metrics->count; i++) {
		const char *word = metrics->items[i].text;
		enum judged m = word ? judged_of(word) : JUDGED_COUNT;
		if (m == JUDGED_COUNT)
			return false;
		out->metric[m] = true;
	}
	return judge_policy_is_sound(out);
}

/* ---- the plan ---- */

static bool read_steps(const struct yaml_node *list, struct plan *p)
{
	if (!list || list->count == 0 || list->count > PLAN_STEPS_MAX)
		return false;
	for (size_t i = 0; i < list->count; i++) {
		struct plan_step *step = &p->steps[p->step_count++];
		if (list->items[i].kind != YAML_KIND_MAP ||
			!take_bp(&list->items[i], "share_bp", &step->share_bp) ||
			!take_int(&list->items[i], "for_ms", &step->for_ms))
			return false;
	}
	return true;
}

static bool read_approvers(const struct yaml_node *list, struct plan *p)
{
	if (list && list->count > PLAN_APPROVERS_MAX)
		return false;
	for (size_t i = 0; list && i < list->count; i++)
		if (!list->items[i].text ||
			!text_copy(p->approvers[p->approver_count++], POOL_HASH_MAX, list->items[i].text))
			return false;
	return true;
}

/* An own policy is what it asks. */
static bool read_policy(const struct yaml_node *map, struct policy *p)
{
	char name[POLICY_NAME_MAX] = "";
	const struct yaml_node *asks = yaml_get(map, "policy_asks");
	if (!take_text(map, "policy", name, sizeof name))
		return false;
	const struct policy *known = policy_find(name);
	if (known) {
		*p = *known;
		return true;
	}
	text_copy(p->name, sizeof p->name, name);
	return asks && asks->kind == YAML_KIND_MAP &&
		take_bp(asks, "approval_bp", &p->approval_bp) && take_bool(asks, "armed", &p->armed) &&
		take_bool(asks, "bake", &p->bake) && take_bp(asks, "delta_bp", &p->delta_bp) &&
		take_int(asks, "drill_ms", &p->drill_ms) && take_bp(asks, "first_bp", &p->first_bp) &&
		take_bool(asks, "green", &p->green) && take_bool(asks, "owner", &p->owner) &&
		take_bool(asks, "reason", &p->reason) && take_bool(asks, "safe", &p->safe) &&
		take_bool(asks, "samples", &p->samples) && take_bool(asks, "steps", &p->steps);
}

static bool read_freezes(const struct yaml_node *list, struct calendar *c)
{
	if (list && list->count > CALENDAR_FREEZES_MAX)
		return false;
	for (size_t i = 0; list && i < list->count; i++) {
		const struct yaml_node *item = &list->items[i];
		struct calendar_freeze *f = &c->freeze[c->freeze_count++];
		char from[40] = "", until[40] = "";
		if (item->kind != YAML_KIND_MAP || !take_text(item, "from", from, sizeof from) ||
			!take_text(item, "until", until, sizeof until) ||
			!take_text(item, "why", f->why, sizeof f->why) ||
			!unit_parse_rfc3339(from, &f->from_ms) || !unit_parse_rfc3339(until, &f->until_ms))
			return false;
	}
	return true;
}

static bool read_calendar(const struct yaml_node *map, struct plan *p)
{
	struct calendar *c = &p->calendar;
	struct err why;
	size_t at;
	if (!take_text(map, "hours", p->hours, sizeof p->hours) ||
		!take_text(map, "zone", p->zone, sizeof p->zone) ||
		(p->hours[0] && calendar_read_hours(c, p->hours, &at, &why) != 0))
		return false;
	if (p->zone[0])
		text_copy(c->zone_name, sizeof c->zone_name, p->zone);
	return zone_load(&c->zone, c->zone_name, &why) == 0 &&
		read_freezes(list_of(map, "freeze"), c);
}

static bool read_plan(const struct yaml_node *map, struct plan *p)
{
	char orphan[24] = "";
	struct err why;
	plan_init(p);
	if (!read_steps(list_of(map, "steps"), p) || !take_int(map, "bake_ms", &p->bake_ms) ||
		!take_int(map, "min_samples", &p->min_samples) ||
		!take_bp(map, "max_delta_bp", &p->max_delta_bp) ||
		!take_text(map, "on_orphan", orphan, sizeof orphan) ||
		!take_text(map, "on_reload", p->on_reload, sizeof p->on_reload) ||
		!read_approvers(list_of(map, "approvers"), p) || !read_policy(map, &p->policy) ||
		!read_calendar(map, p))
		return false;
	p->on_orphan = orphan_of(orphan);
	return p->on_orphan < ORPHAN_COUNT && plan_check(p, 0, &why) == 0;
}

/* ---- a pool ---- */

static const struct yaml_node *find_pool(const struct yaml_doc *doc, const char *pool)
{
	const struct yaml_node *list =
		doc->root.kind == YAML_KIND_MAP ? list_of(&doc->root, "pools") : NULL;
	for (size_t i = 0; list && i < list->count; i++) {
		const struct yaml_node *item = &list->items[i];
		const struct yaml_node *name = item->kind == YAML_KIND_MAP ? yaml_get(item, "name") : NULL;
		if (name && name->text && strcmp(name->text, pool) == 0)
			return item;
	}
	return NULL;
}

static bool read_pool(const struct yaml_node *item, struct terms *out)
{
	const struct yaml_node *guards = yaml_get(item, "guards"), *judge = yaml_get(item, "judge"),
						   *plan = yaml_get(item, "plan");
	guard_limits_init(&out->limits);
	if (!guards || guards->kind != YAML_KIND_MAP || !read_guards(guards, &out->limits) ||
		!judge || judge->kind != YAML_KIND_MAP || !read_judge(judge, &out->limits.judge))
		return false;
	out->has_plan = plan && plan->kind == YAML_KIND_MAP;
	return !out->has_plan || read_plan(plan, &out->plan);
}

static void hash_plan(struct terms *t)
{
	struct text json = {0};
	plan_json(&json, &t->plan);
	chain_digest(t->plan_hash, text_str(&json), json.len);
	text_free(&json);
}

int terms_parse(
	struct terms *out, const char *json, size_t len, const char *pool, struct err *err)
{
	struct yaml_doc doc;
	*out = (struct terms){.source = TERMS_RECORDED};
	if (yaml_doc_read(&doc, json, len, "the recording", err) != 0)
		return -1;
	const struct yaml_node *item = find_pool(&doc, pool);
	int rc = item != NULL;
	if (item && !read_pool(item, out))
		rc = err_set(err, ERR_CONFIG,
			"the recording says what \"%s\" was held to in a way that this weir cannot read",
			pool);
	yaml_doc_free(&doc);
	if (rc == 1 && out->has_plan)
		hash_plan(out);
	return rc;
}

/* ---- a recording ---- */

static void take_usual(struct terms *out)
{
	*out = (struct terms){.source = TERMS_DEFAULT};
	guard_limits_init(&out->limits);
	out->limits.error_rate = 0.05;
	out->limits.latency_ms = 1000;
}

static void take_configured(struct terms *out, const struct config_pool *known)
{
	*out = (struct terms){
		.source = TERMS_CONFIGURED, .limits = known->guards, .has_plan = known->has_plan};
	if (!known->has_plan)
		return;
	out->plan = known->plan;
	hash_plan(out);
}

int terms_find(struct terms *out, const char *path, int64_t recording, const char *pool,
	const struct config *config, struct err *err)
{
	const struct config_pool *known = config ? config_pool(config, pool) : NULL;
	struct text stored[2] = {{0}, {0}};
	struct query *q;
	int found = 0;
	if (query_open(&q, path, err) < 0)
		return -1;
	int rc = query_terms(q, recording, &stored[0], &stored[1], err);
	query_close(q);
	for (int i = 0; i < 2 && rc == 0 && found == 0; i++)
		if (stored[i].len > 0)
			found = terms_parse(out, text_str(&stored[i]), stored[i].len, pool, err);
	text_free(&stored[0]);
	text_free(&stored[1]);
	if (rc == 0 && found < 1) {
		if (known)
			take_configured(out, known);
		else
			take_usual(out);
	}
	return rc;
}

/* ---- what is tried over them ---- */

int terms_try(struct terms *t, const struct options *o, struct err *err)
{
	struct text name = {0}, file = {0};
	int rc = 0;
	if (o->policy) {
		text_add(&name, o->policy);
		rc = config_text(&file, "policy", o->policy, err);
	}
	if (o->policy && rc == 0)
		rc = whatif_read(&t->limits, text_str(&file), file.len, o->policy, err);
	for (int i = 0; i < o->set_count && rc == 0; i++) {
		text_addf(&name, "%s%s", name.len ? " " : "", o->set[i]);
		rc = whatif_set(&t->limits, o->set[i], err);
	}
	text_clean(t->tried, sizeof t->tried, text_str(&name), name.len);
	text_free(&name);
	text_free(&file);
	return rc;
}
