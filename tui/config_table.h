/* Config tables: every key of weir.yaml, a plan file and a scenario file. They are the truth
 * that reading, tests and weir.yaml(5) share; nobody else needs them. */
#ifndef WEIR_TUI_CONFIG_TABLE_H
#define WEIR_TUI_CONFIG_TABLE_H

#include "tui/yaml_bind.h"

struct config_metrics;
struct notify_config;
struct judge_policy;
struct plan;
struct policy;
struct config;
struct text;

extern const struct yaml_table config_table;
extern const struct yaml_table config_pool_table;
extern const struct yaml_table config_plan_table;
extern const struct yaml_table config_guards_table;
extern const struct yaml_table config_judge_table;
extern const struct yaml_table config_scenario_table;
extern const struct yaml_table config_operation_table;
extern const struct yaml_table config_level_table;
extern const struct yaml_table config_phase_table;
extern const struct yaml_table config_event_table;
extern const struct yaml_table config_worse_table;
extern const struct yaml_table config_policy_table;
extern const struct yaml_table config_engine_table;
extern const struct yaml_table config_processor_table;
extern const struct yaml_table config_migration_table;
extern const struct yaml_table config_metrics_table;
extern const struct yaml_table config_notify_table;
extern const struct yaml_table config_veto_table;
extern const struct yaml_table config_metrics_arm_table;

/* Reads a path into a char *, ~ expanded: a yaml_read_fn. */
int config_read_path(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err);

/* Reads the map of a plan and checks it as a whole; its policy is but a name so far. 0, or -1
 * with err. */
int config_read_plan(const struct yaml_doc *doc, const struct yaml_node *map, struct plan *plan,
	struct err *err);

/* Reads the hours, freezes and zone of a plan that is bound into its calendar. 0, or -1 with err. */
int config_read_calendar(const struct yaml_doc *doc, const struct yaml_node *map,
	struct plan *plan, struct err *err);
/* Checks that freezes are a list; read once the zone is known: a yaml_read_fn. */
int config_read_freeze(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err);

/* Read what splits behind a HAProxy into a char *: yaml_read_fn. */
int config_read_split_map(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err);
int config_read_split_name(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err);
int config_read_split_names(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err);

/* Makes it a part of the pool's targets, checked as a whole. 0, or -1 with err. */
struct config_pool;
struct config_split;
int config_take_split(const struct yaml_doc *doc, const struct yaml_node *item,
	struct config_pool *pool, struct err *err);
void config_split_free(struct config_split *s);

/* Reads what a pool says of its embedded engine into a struct config_engine: yaml_read_fn. */
int config_read_processor(
	const struct yaml_doc *doc, const struct yaml_node *map, void *field, struct err *err);
int config_read_operations(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err);

/* Checks as a whole what the map of the judge (NULL: none is there) was read as. 0, or -1 with
 * err. */
int config_check_judge(const struct yaml_doc *doc, const struct yaml_node *map,
	const struct judge_policy *p, struct err *err);

/* Reads the map of the metrics into a struct config_metrics, checked as a whole; an interval that
 * it does not say is left alone: a yaml_read_fn. */
int config_read_metrics(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err);

/* The member "metrics": the target, without a token; nothing where there is none. */
void config_metrics_json(struct text *out, const struct config_metrics *m);

/* The member "notify"; nothing where all is as by default. */
void config_notify_json(struct text *out, const struct notify_config *n);

/* The member "veto"; nothing where nobody is asked. */
struct config_veto;
void config_veto_json(struct text *out, const struct config_veto *v);

/* Reads the map of own policies into a struct config: a yaml_read_fn. */
int config_read_policies(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err);

/* Puts the policy in the place of its name. 0, or -1 with err at the plan's key. */
int config_resolve_policy(const struct yaml_doc *doc, const struct yaml_node *plan,
	const struct config *own, struct policy *policy, struct err *err);

/* The limits, as an object. */
struct guard_limits;
void config_guards_json(struct text *out, const struct guard_limits *g);

/* What is asked of v2, without the limits, as an object. */
void config_judge_json(struct text *out, const struct judge_policy *p);

/* By what rules a pool goes: the members "plan" (NULL none), "guards" and "judge". */
void config_rules_json(
	struct text *out, const struct plan *plan, const struct guard_limits *limits);

/* A policy in full, as an object. */
void config_policy_json(struct text *out, const struct policy *p);

#endif
