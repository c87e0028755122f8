/* Config tables: every key of weir.yaml, a plan file and a scenario file. They are the truth
 * that reading, tests and weir.yaml(5) share; nobody else needs them. */
#ifndef WEIR_TUI_CONFIG_TABLE_H
#define WEIR_TUI_CONFIG_TABLE_H

#include "tui/yaml_bind.h"

struct plan;

extern const struct yaml_table config_table;
extern const struct yaml_table config_pool_table;
extern const struct yaml_table config_plan_table;
extern const struct yaml_table config_guards_table;
extern const struct yaml_table config_scenario_table;
extern const struct yaml_table config_operation_table;
extern const struct yaml_table config_phase_table;

/* Reads the map of a plan and checks it as a whole. 0, or -1 with err. */
int config_read_plan(const struct yaml_doc *doc, const struct yaml_node *map, struct plan *plan,
	struct err *err);

#endif
