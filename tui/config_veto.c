/* Config, veto: the keys below `veto:`, of all pools or of one: who is asked before a share rises. */
#include "tui/config.h"
#include "tui/config_table.h"

#include "model/text.h"

static const struct yaml_row veto_rows[] = {
	{"command", YAML_TYPE_CUSTOM, .offset = offsetof(struct config_veto, command),
		.read = config_read_path,
		.help = "The program that is asked before a forward command is sent"},
};

YAML_TABLE(config_veto_table, "the veto hook", veto_rows);

void config_veto_json(struct text *out, const struct config_veto *v)
{
	if (!v->command)
		return;
	text_json_key(out, "veto");
	text_add(out, "{");
	text_json_str(out, "command", v->command);
	text_add(out, "}");
}
