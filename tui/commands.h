/* Commands: what each row of the command table runs. Every function returns the exit status. */
#ifndef WEIR_TUI_COMMANDS_H
#define WEIR_TUI_COMMANDS_H

#include "tui/options.h"

int cmd_console(const struct options *o);
int cmd_status(const struct options *o);
int cmd_brief(const struct options *o);
int cmd_wait(const struct options *o);
int cmd_act(const struct options *o); /* step, hold, rollback and the other acts */
int cmd_approve(const struct options *o);
int cmd_plan(const struct options *o);
int cmd_drill(const struct options *o);
int cmd_doctor(const struct options *o);
int cmd_log(const struct options *o);
int cmd_verify(const struct options *o);
int cmd_export(const struct options *o);
int cmd_import(const struct options *o);
int cmd_serve(const struct options *o);
int cmd_record(const struct options *o);
int cmd_replay(const struct options *o);
int cmd_report(const struct options *o);
int cmd_rehearse(const struct options *o);
int cmd_whatif(const struct options *o);
int cmd_judge(const struct options *o);
int cmd_check(const struct options *o);
int cmd_themes(const struct options *o);
int cmd_completion(const struct options *o);
int cmd_help(const struct options *o);

#endif
