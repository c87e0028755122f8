/* Config, notices: the keys below `notify:`: who is told when something needs a person. */
#include "tui/config.h"
#include "tui/config_table.h"

#include "model/text.h"

static const char *const on_words[] = {
#define X(name, word, level) word,
	NOTIFY_ON_INFO(X)
#undef X
		NULL};

static const char *const terminal_words[] = {
#define X(name, word) word,
	NOTIFY_TERMINAL_INFO(X)
#undef X
		NULL};

#define AT(member) .offset = offsetof(struct notify_config, member)

static const struct yaml_row notify_rows[] = {
	{"command", YAML_TYPE_CUSTOM, AT(command), .read = config_read_path,
		.help = "The program that is run once an event"},
	{"on", YAML_TYPE_ENUM, AT(on), .words = on_words, .fallback = "act",
		.help = "How bad a headline is an event"},
	{"terminal", YAML_TYPE_ENUM, AT(terminal), .words = terminal_words, .fallback = "auto",
		.help = "How a console asks its terminal for a notice"},
};

YAML_TABLE(config_notify_table, "the notices", notify_rows);

void config_notify_json(struct text *out, const struct notify_config *n)
{
	if (!n->command && n->on == NOTIFY_ON_ACT && n->terminal == NOTIFY_AUTO)
		return;
	text_json_key(out, "notify");
	text_add(out, "{");
	text_json_str(out, "command", n->command);
	text_json_str(out, "on", on_words[n->on]);
	text_json_str(out, "terminal", terminal_words[n->terminal]);
	text_add(out, "}");
}
