/* Config tables: every key of weir.yaml, a plan file and a scenario file. They are the truth
 * that reading, tests and weir.yaml(5) share; nobody else needs them. */
#ifndef WEIR_TUI_CONFIG_TABLE_H
#define WEIR_TUI_CONFIG_TABLE_H

#include "tui/yaml_bind.h"

struct plan;
struct policy;
struct config;
struct text;

extern const struct yaml_table config_table;
extern const struct yaml_table config_pool_table;
extern const struct yaml_table config_plan_table;
extern const struct yaml_table config_guards_table;
extern const struct yaml_table config_scenario_table;
extern const struct yaml_table config_operation_table;
extern const struct yaml_table config_level_table;
extern const struct yaml_table config_phase_table;
extern const struct yaml_table config_event_table;
extern const struct yaml_table config_policy_table;

/* Reads the map of a plan and checks it as a whole; its policy is but a name so far. 0, or -1
 * with err. */
int config_read_plan(const struct yaml_doc *doc, const struct yaml_node *map, struct plan *plan,
	struct err *err);

/* Reads the map of own policies into a struct config: a yaml_read_fn. */
int config_read_policies(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err);

/* Puts the policy in the place of its name. 0, or -1 with err at the plan's key. */
int config_resolve_policy(const struct yaml_doc *doc, const struct yaml_node *plan,
	const struct config *own, struct policy *policy, struct err *err);

/* A policy in full, as an object. */
void config_policy_json(struct text *out, const struct policy *p);

#endif
