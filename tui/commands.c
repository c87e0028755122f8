/* The table of commands. */
#include "tui/commands.h"

#include "tui/config_tell.h"

#include "model/version.h"

#include <stdio.h>

#define ACT "confirm reason wait dry-run"

const struct command_row command_rows[] = {
	{"", "[TARGET...]", "the console; without a target a living demo",
		"version read-only plain theme scenario screen-file interval plan", 0, 32, cmd_console},
	{"status", "[TARGET...]", "the headline, then the facts", "watch plan", 0, 32, cmd_status},
	{"brief", "[TARGET...]", "the page for whoever takes over", "since plan", 0, 32, cmd_brief},
	{"wait", "TARGET", "block until a state: --for READY", "for timeout", 0, 1, cmd_wait},
	{"step", "TARGET SHARE", "set v2's share: 25%, 2500bp or next", ACT " from plan approval break-glass", 2, 2,
		cmd_act},
	{"hold", "[TARGET...]", "nobody steps until resume; the share stays",
		"reason wait dry-run all", 0, 32, cmd_act},
	{"resume", "TARGET", "end a hold and accept what is red", ACT, 1, 1, cmd_act},
	{"rollback", "[TARGET...]", "back to the baseline, at once",
		"reason wait dry-run operation gradual", 0, 32, cmd_act},
	{"keep", "TARGET", "make the raise stay: it no longer goes back by itself",
		ACT " plan approval break-glass", 1, 1, cmd_act},
	{"strategy", "TARGET NAME", "route by another strategy", ACT " plan approval break-glass", 2, 2,
		cmd_act},
	{"operations", "TARGET +OP -OP", "allow operations on v2, or take them off",
		ACT " plan approval break-glass", 2, 33, cmd_act},
	{"guard", "TARGET hold|act", "for a time the pool's guard holds where it would roll back",
		ACT " for", 2, 2, cmd_act},
	{"drain", "TARGET WORKERS", "give no new work to v2, v2.0.3 (a worker), r0.1 (a place)",
		ACT " off", 2, 2, cmd_act},
	{"take", "TARGET", "take the lease from whoever holds it", ACT, 1, 1, cmd_act},
	{"adopt", "TARGET", "hold, and take what the pool says for what was asked", ACT, 1, 1,
		cmd_act},
	{"finalize", "TARGET", "finish the migration for good: no way back after this",
		ACT " plan approval", 1, 1, cmd_act},
	{"close", "ID", "give up a rollback that is not seen", "reason pool", 1, 1, cmd_act},
	{"ask", "TARGET SHARE", "ask somebody else to approve a step", "reason plan", 2, 2, cmd_act},
	{"approve", "[TARGET ID]", "allow what somebody else asks for: prints a token",
		"confirm reason key plan", 0, 2, cmd_approve},
	{"plan", "FILE", "check a plan and print what it takes", "share pool rps error-rate", 1, 1,
		cmd_plan},
	{"arm", "TARGET", "begin a migration: the pool captures its baseline", ACT " plan baseline",
		1, 1, cmd_act},
	{"disarm", "TARGET", "end a migration that is back at its baseline", ACT " plan", 1, 1,
		cmd_act},
	{"drill", "TARGET", "walk the way back: to the first step, back again, timed",
		"confirm reason wait plan", 1, 1, cmd_drill},
	{"doctor", "TARGET", "look at a target: what it can do, and what is missing", "plan", 1, 1,
		cmd_doctor},
	{"annotate", "TEXT", "write a note into the history", "pool", 1, 1, cmd_act},
	{"log", "", "the decisions", "pool actor verb since until outcome limit follow no-pager", 0,
		0, cmd_log},
	{"export", "[FILE]", "a history as JSON lines, or its samples as CSV or OpenMetrics",
		"format pool since until out", 0, 1, cmd_export},
	{"import", "FILE", "make a new history of exported JSON lines: --history NEW", "", 1, 1,
		cmd_import},
	{"verify", "[FILE]", "check the chain of a history", "head", 0, 1, cmd_verify},
	{"serve", "", "the embedded engine as a pool over HTTP",
		"listen port-file pool pool-id node "
#define X(name, option, key, argument, help) option " "
		SERVE_SETTING_INFO(X)
#undef X
			"scenario state token-file tls-cert tls-key allow-faults etcd etcd-auth etcd-ttl advertise",
		0, 0, cmd_serve},
	{"record", "[TARGET...]", "poll and record without a screen",
		"out for interval strict progress guard plan", 0, 32, cmd_record},
	{"replay", "FILE", "the console over a recording",
		"pool set policy headless plain theme screen-file cast size", 1, 1, cmd_replay},
	{"report", "FILE",
		"the review of a migration: what happened, and why each step was allowed",
		"pool migration set policy format out", 1, 1, cmd_report},
	{"whatif", "FILE...", "what other guards would have done in recorded migrations",
		"set policy grid pool since until progress", 1, 32, cmd_whatif},
	{"rehearse", "[SCENARIO]",
		"practise on the embedded engine, scored; without a SCENARIO it lists them",
		"auto plan policy set pool for seed runs from faults out scores plain theme screen-file "
		"progress",
		0, 1, cmd_rehearse},
	{"judge", "[FILE]", "is v2 worse? judge anybody's counts, a line n1,x1,n2,x2 an interval",
		"alpha beta tolerance margin limit phi quiet", 0, 1, cmd_judge},
	{"check", "[FILE]", "check a configuration or a scenario", "rps error-rate strict", 0, 1, cmd_check},
	{"config", "[FILE]", "print every key with its value and where that comes from", "", 0, 1,
		cmd_config},
	{"themes", "[NAME]", "list the colours of the console, or show one", "", 0, 1, cmd_themes},
	{"completion", "bash|zsh|fish", "print what completes weir's words in a shell", "", 1,
		OPTIONS_ARGS_MAX, cmd_completion},
	{"help", "[COMMAND]", "say how to use it", "", 0, 1, cmd_help},
};
const size_t command_row_count = sizeof command_rows / sizeof *command_rows;

int cmd_help(const struct options *o)
{
	const struct command_row *c = NULL;
	struct err err;
	if (o->arg_count > 0 && !(c = options_command(o->args[0]))) {
		options_unknown_command(o->args[0], &err);
		fprintf(stderr, "weir: %s %s\n", err_name(err.code), err.text);
		return EXIT_USAGE;
	}
	struct text t = {0};
	options_help(&t, c);
	fputs(text_str(&t), stdout);
	text_free(&t);
	return EXIT_DONE;
}
