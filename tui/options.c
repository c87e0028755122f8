/* The option table and the parser of command lines. The commands are listed in commands.c. */
#include "tui/options.h"

#include "model/verb.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct options, field)

const struct option_row option_rows[] = {
	/* common: every command takes them */
	{"config", 0, OPTION_TEXT, AT(config), 0, "FILE",
		"the configuration; default weir/weir.yaml in $XDG_CONFIG_HOME, then /etc"},
	{"history", 0, OPTION_TEXT, AT(history), 0, "FILE",
		"the history; default: the configuration's, then weir/history.db in $XDG_STATE_HOME"},
	{"color", 0, OPTION_CHOICE, AT(color), 0, "auto|always|never",
		"colours; a theme that is asked for goes before NO_COLOR"},
	{"ascii", 0, OPTION_FLAG, AT(ascii), 0, NULL, "draw with ASCII only"},
	{"json", 0, OPTION_FLAG, AT(json), 0, NULL, "facts as JSON"},
	{"help", 'h', OPTION_FLAG, AT(help), 0, NULL, "say how to use it"},
	/* of some commands */
	{"version", 0, OPTION_FLAG, AT(version), 0, NULL, "print the version"},
	{"read-only", 0, OPTION_FLAG, AT(read_only), 0, NULL, "look only: no key acts"},
	{"plain", 0, OPTION_FLAG, AT(plain), 0, NULL,
		"no grid: a fact a line, for screen readers and any terminal"},
	{"theme", 0, OPTION_TEXT, AT(theme), 0, "NAME", "a theme's name or file"},
	{"screen-file", 0, OPTION_TEXT, AT(screen_file), 0, "FILE",
		"write each frame as text into FILE"},
	{"watch", 0, OPTION_FLAG, AT(watch), 0, NULL, "repeat, one plain line a second"},
	{"confirm", 0, OPTION_TEXT, AT(confirm), 0, "POOL", "name the pool that may be touched"},
	{"reason", 'm', OPTION_TEXT, AT(reason), 0, "TEXT", "why; recorded"},
	{"break-glass", 0, OPTION_FLAG, AT(break_glass), 0, NULL,
		"past checks 9 to 12, with a --reason; marks the migration until it ends"},
	{"approval", 0, OPTION_TEXT, AT(approval), 0, "TOKEN",
		"what weir approve printed, where its history is another"},
	{"key", 0, OPTION_FLAG, AT(key), 0, NULL, "print your own public key, for approvers: of a plan"},
	{"wait", 0, OPTION_WAIT, AT(wait), AT(wait_ms), "DURATION",
		"wait until the effect is verified; default 30s"},
	{"dry-run", 0, OPTION_FLAG, AT(dry_run), 0, NULL, "print the 14 checks, change nothing"},
	{"from", 0, OPTION_TEXT, AT(from), 0, "SHARE|FILE",
		"refuse unless this is the share now; the recording that is rehearsed"},
	{"plan", 0, OPTION_TEXT, AT(plan), 0, "FILE",
		"the plan, in place of the configuration's: the keys below plan: of weir.yaml"},
	{"baseline", 0, OPTION_TEXT, AT(baseline), 0, "SHARE",
		"where a rollback goes; default the share as it stands at 0%"},
	{"operation", 0, OPTION_TEXT, AT(operation), 0, "OP",
		"take this one operation off v2, the share stays"},
	{"gradual", 0, OPTION_FLAG, AT(gradual), 0, NULL,
		"go down in steps; pressed again: at once"},
	{"guard", 0, OPTION_FLAG, AT(guard), 0, NULL,
		"act on guards, keep what has baked, carry rollbacks to every node"},
	{"off", 0, OPTION_FLAG, AT(off), 0, NULL, "end a drain: they get work again"},
	{"all", 0, OPTION_FLAG, AT(all), 0, NULL, "every configured pool"},
	{"for", 0, OPTION_TEXT, AT(await), 0, "STATE|DURATION",
		"the state to wait for; how long to record; how long a guard holds"},
	{"timeout", 0, OPTION_DURATION, AT(timeout_ms), 0, "DURATION",
		"how long to wait; default 30m"},
	{"pool", 0, OPTION_TEXT, AT(pool), 0, "NAME", "the pool"},
	{"actor", 0, OPTION_TEXT, AT(actor), 0, "NAME", "only decisions of this actor"},
	{"verb", 0, OPTION_TEXT, AT(verb), 0, "VERB", "only decisions of this verb"},
	{"since", 0, OPTION_TEXT, AT(since), 0, "DURATION|TIME", "only what came after"},
	{"until", 0, OPTION_TEXT, AT(until), 0, "DURATION|TIME", "only what came before"},
	{"outcome", 0, OPTION_TEXT, AT(outcome), 0, "WORD", "only decisions with this outcome"},
	{"follow", 0, OPTION_FLAG, AT(follow), 0, NULL, "go on with what comes"},
	{"no-pager", 0, OPTION_FLAG, AT(no_pager), 0, NULL, "print a long text at once"},
	{"format", 0, OPTION_TEXT, AT(format), 0, "jsonl|csv|openmetrics|md|html|json",
		"of an export: jsonl (default), which keeps all, csv or openmetrics; of a report: md "
		"(default), html or json"},
	{"migration", 0, OPTION_TEXT, AT(migration), 0, "ID",
		"the migration whose first decision has this id, or one that begins so; default the last"},
	{"head", 0, OPTION_TEXT, AT(head), 0, "HASH",
		"a head seen elsewhere, which must be in the file"},
	{"headless", 0, OPTION_FLAG, AT(headless), 0, NULL,
		"no screen: print the states at the recorded decisions"},
	{"listen", 0, OPTION_LIST, AT(listen), AT(listen_count), "ADDRESS",
		"127.0.0.1:7070 or unix:PATH; repeatable; port 0 picks one"},
	{"port-file", 0, OPTION_TEXT, AT(port_file), 0, "FILE",
		"gets the port, written when ready"},
	{"pool-id", 0, OPTION_TEXT, AT(pool_id), 0, "ID", "the pool's identity; default its name"},
	{"node", 0, OPTION_TEXT, AT(node), 0, "NAME", "this node's name; default the pool's"},
#define X(setting_name, option, key, argument, help) \
	{option, 0, OPTION_TEXT, AT(setting[SERVE_##setting_name]), 0, argument, help},
	SERVE_OPTION_INFO(X)
#undef X
		{"limit", 0, OPTION_TEXT, AT(limit), 0, "LIST|P0|N",
			"the most a worker may have: memory=2GiB,cpu=60s,files=64; the part of v2 that may "
			"fail; how many decisions, the last ones"},
	{"share", 0, OPTION_SHARE, AT(share_bp), 0, "SHARE", "v2's share at the first start"},
	{"scenario", 0, OPTION_TEXT, AT(scenario), 0, "FILE",
		"arrivals and faults: a file, demo or quiet"},
	{"state", 0, OPTION_TEXT, AT(state), 0, "DIR",
		"keep epoch, revision, keys and audit across restarts"},
	{"token-file", 0, OPTION_TEXT, AT(token_file), 0, "FILE",
		"ask for one of its tokens: TOKEN [read] a line, mode 0600"},
	{"tls-cert", 0, OPTION_TEXT, AT(tls_cert), 0, "FILE",
		"speak TLS on every port: the certificate and its chain, PEM"},
	{"tls-key", 0, OPTION_TEXT, AT(tls_key), 0, "FILE", "the certificate's key, PEM"},
	{"allow-faults", 0, OPTION_FLAG, AT(allow_faults), 0, NULL,
		"take faults from POST /v1/faults"},
	{"etcd", 0, OPTION_LIST, AT(etcd), AT(etcd_count), "HOST:PORT",
		"a node of a fleet: follow the plan of the pool in etcd; repeatable"},
	{"etcd-auth", 0, OPTION_TEXT, AT(etcd_auth), 0, "FILE",
		"who etcd is asked as: a token, or NAME:PASSWORD; mode 0600"},
	{"etcd-ttl", 0, OPTION_DURATION, AT(etcd_ttl_ms), 0, "DURATION",
		"how long etcd keeps the node without a sign; default 10s"},
	{"advertise", 0, OPTION_TEXT, AT(advertise), 0, "URL",
		"where consoles find this node; default its first address"},
	{"out", 0, OPTION_TEXT, AT(out), 0, "FILE",
		"the new file; default: record into the history, export to standard output"},
	{"interval", 0, OPTION_DURATION, AT(interval_ms), 0, "DURATION",
		"between two samples; default 1s"},
	{"strict", 0, OPTION_FLAG, AT(strict), 0, NULL,
		"end when something cannot be recorded; a doubt is a failure"},
	{"progress", 0, OPTION_CHOICE, AT(progress), 0, "auto|never", "a progress line"},
	{"alpha", 0, OPTION_TEXT, AT(alpha), 0, "PART",
		"the chance of ever finding harm where there is none; default 1%"},
	{"beta", 0, OPTION_TEXT, AT(beta), 0, "PART",
		"the chance of ever finding one safe that is worse than the margin; default 5%"},
	{"tolerance", 0, OPTION_TEXT, AT(tolerance), 0, "PART",
		"worse by at most this is no harm; default 10%"},
	{"margin", 0, OPTION_TEXT, AT(margin), 0, "PART",
		"worse by less than this is safe; default 50%"},
	{"phi", 0, OPTION_TEXT, AT(phi), 0, "auto|NUMBER",
		"what bursts divide the evidence by; default auto: measured"},
	{"quiet", 0, OPTION_FLAG, AT(quiet), 0, NULL, "print the last line only"},
	{"set", 0, OPTION_LIST, AT(set), AT(set_count), "KEY=VALUE",
		"a key of guards or judge: guards.error_rate_threshold=0.02; repeatable"},
	{"policy", 0, OPTION_TEXT, AT(policy), 0, "FILE",
		"guards: and judge: as in weir.yaml; of rehearse also a policy's name"},
	{"grid", 0, OPTION_TEXT, AT(grid), 0, "KEY=FROM:TO:STEP", "try every value of a range"},
	{"cast", 0, OPTION_TEXT, AT(cast), 0, "FILE",
		"write the replay as an asciicast that any player shows"},
	{"size", 0, OPTION_TEXT, AT(size), 0, "WxH", "of the cast; default 120x40"},
	{"auto", 0, OPTION_FLAG, AT(auto_play), 0, NULL,
		"the plan plays, in virtual time: it takes each step as soon as it may"},
	{"seed", 0, OPTION_TEXT, AT(seed), 0, "N",
		"other arrivals; the same seed gives the same play"},
	{"runs", 0, OPTION_TEXT, AT(runs), 0, "N", "play it so often, each time with another seed"},
	{"scores", 0, OPTION_FLAG, AT(scores), 0, NULL, "how people did in earlier rehearsals"},
	{"faults", 0, OPTION_CHOICE, AT(faults), 0, "none|recorded",
		"what v2 does wrong in the rehearsal of a recording; default recorded"},
	{"rps", 0, OPTION_TEXT, AT(rps), 0, "N",
		"requests a second of both sides; default: the last day of the history"},
	{"error-rate", 0, OPTION_TEXT, AT(error_rate), 0, "PART",
		"the part of v1's work that fails; default: the last day of the history"},
};
const size_t option_row_count = sizeof option_rows / sizeof *option_rows;

#define COMMON 6 /* the first rows of the table */

bool options_takes(const struct command_row *c, const struct option_row *o)
{
	if (o < option_rows + COMMON)
		return true;
	size_t len = strlen(o->name);
	for (const char *at = c->options; (at = strstr(at, o->name)); at += len) {
		bool begins = at == c->options || at[-1] == ' ';
		if (begins && (at[len] == ' ' || at[len] == 0))
			return true;
	}
	return false;
}

const struct command_row *options_command(const char *name)
{
	for (size_t i = 0; i < command_row_count; i++)
		if (strcmp(command_rows[i].name, name) == 0)
			return &command_rows[i];
	return NULL;
}

int options_unknown_command(const char *word, struct err *err)
{
	const char *names[64];
	size_t n = 0;
	for (size_t i = 0; i < command_row_count && n < 63; i++)
		names[n++] = command_rows[i].name;
	names[n] = NULL;
	const char *near = verb_alias(word);
	near = near ? near : text_nearest(word, names);
	if (near && strcmp(near, word) == 0)
		return err_set(err, ERR_USAGE, "the command comes first: weir %s ...", word);
	if (near && *near)
		return err_set(err, ERR_USAGE, "unknown command '%s'; did you mean '%s'?", word, near);
	return err_set(err, ERR_USAGE, "unknown command '%s'; see weir --help", word);
}

static const struct option_row *find_option(const char *name, size_t len, char letter)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *o = &option_rows[i];
		if (letter ? o->letter == letter
				   : strlen(o->name) == len && !strncmp(o->name, name, len))
			return o;
	}
	return NULL;
}

bool options_number(const char *s, double *value)
{
	size_t len = strlen(s);
	bool percent = len > 1 && s[len - 1] == '%';
	/* What strtod takes beyond this (blanks, hexadecimal, words) is no number here. */
	if (strspn(s, "0123456789.eE+-") != len - percent || !strchr("0123456789.", *s))
		return false;
	char *end;
	double read = strtod(s, &end);
	if (end == s || end != s + len - percent || !isfinite(read))
		return false;
	*value = percent ? read / 100 : read;
	return true;
}

static bool is_choice(const char *choices, const char *value)
{
	size_t len = strlen(value);
	for (const char *at = choices; *at; at += strcspn(at, "|"), at += *at == '|')
		if (strcspn(at, "|") == len && strncmp(at, value, len) == 0)
			return true;
	return false;
}

static int set_value(
	struct options *out, const struct option_row *o, const char *value, struct err *err)
{
	char *at = (char *)out + o->offset;
	switch (o->type) {
	case OPTION_FLAG:
		*(bool *)at = true;
		return 0;
	case OPTION_TEXT:
		*(const char **)at = value;
		return 0;
	case OPTION_CHOICE:
		if (!is_choice(o->argument, value))
			return err_set(
				err, ERR_USAGE, "--%s '%s' is none of %s", o->name, value, o->argument);
		*(const char **)at = value;
		return 0;
	case OPTION_LIST: {
		int *count = (int *)((char *)out + o->second);
		if (*count == OPTIONS_LIST_MAX)
			return err_set(
				err, ERR_USAGE, "--%s is given more than %d times", o->name, OPTIONS_LIST_MAX);
		((const char **)at)[(*count)++] = value;
		return 0;
	}
	case OPTION_DURATION:
		if (!unit_parse_duration(value, (int64_t *)at))
			return err_set(err, ERR_USAGE, "--%s '%s' is no duration; write 90s, 10m, 1h30m",
				o->name, value);
		return 0;
	case OPTION_SHARE:
		if (!unit_parse_share(value, (int *)at))
			return err_set(err, ERR_USAGE, "--%s '%s' is no share; write 25%%, 0.5%% or 2500bp",
				o->name, value);
		return 0;
	case OPTION_WAIT:
		*(bool *)at = true;
		if (value && !unit_parse_duration(value, (int64_t *)((char *)out + o->second)))
			return err_set(
				err, ERR_USAGE, "--%s '%s' is no duration; write 30s", o->name, value);
		return 0;
	}
	return 0;
}

static int unknown_option(const struct command_row *c, const char *word, struct err *err)
{
	const char *names[64];
	size_t n = 0;
	for (size_t i = 0; i < option_row_count && n < 63; i++)
		if (options_takes(c, &option_rows[i]))
			names[n++] = option_rows[i].name;
	names[n] = NULL;
	char name[32];
	snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 1, "="), word + 1);
	const char *near = name[0] == '-' ? text_nearest(name + 1, names) : NULL;
	if (near)
		return err_set(err, ERR_USAGE, "unknown option '%s'; did you mean '--%s'?", word, near);
	return err_set(err, ERR_USAGE, "unknown option '%s'; see weir %s --help", word, c->name);
}

/* One option with its value; `*i` moves past a value of its own. */
static int take_option(struct options *out, int argc, char **argv, int *i, struct err *err)
{
	const char *word = argv[*i];
	bool is_long = word[1] == '-';
	const char *name = word + 1 + is_long;
	const char *equals = is_long ? strchr(name, '=') : NULL;
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct option_row *o = is_long ? find_option(name, len, 0)
		: name[1] == 0                   ? find_option(NULL, 0, *name)
										 : NULL;
	if (!o || !options_takes(out->command, o))
		return unknown_option(out->command, word, err);
	const char *value = equals ? equals + 1 : NULL;
	if (o->type == OPTION_FLAG && value)
		return err_set(err, ERR_USAGE, "--%s takes no value", o->name);
	if (!value && o->type != OPTION_FLAG && o->type != OPTION_WAIT) {
		if (*i + 1 >= argc)
			return err_set(err, ERR_USAGE, "--%s needs %s", o->name, o->argument);
		value = argv[++*i];
	}
	return set_value(out, o, value, err);
}

static void defaults(struct options *out)
{
	memset(out, 0, sizeof *out);
	out->wait_ms = 30000;
	out->share_bp = -1;
	out->timeout_ms = 30 * 60 * 1000;
	out->for_ms = out->interval_ms = out->etcd_ttl_ms = UNKNOWN;
}

/* `-` alone and whatever follows `--` are arguments. */
static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != 0;
}

/* Of `operations`: "-predict" behind the target takes it off; options there are --long. */
static bool is_taken_off(const struct options *o, const char *word)
{
	return o->command && strcmp(o->command->name, "operations") == 0 && o->arg_count > 0 &&
		word[1] != '-' && word[2] != 0;
}

int options_parse(struct options *out, int argc, char **argv, struct err *err)
{
	defaults(out);
	int i = 1;
	out->command = options_command("");
	if (i < argc && !is_option(argv[i])) {
		const struct command_row *c = options_command(argv[i]);
		/* What is no command may be a target of the console: that knows the pools' names. */
		if (c) {
			out->command = c;
			i++;
		}
	}
	for (; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc && out->arg_count < OPTIONS_ARGS_MAX)
				out->args[out->arg_count++] = argv[i];
			break;
		}
		if (is_option(argv[i]) && !is_taken_off(out, argv[i])) {
			if (take_option(out, argc, argv, &i, err) < 0)
				return -1;
			continue;
		}
		if (out->arg_count == OPTIONS_ARGS_MAX)
			return err_set(err, ERR_USAGE, "more than %d arguments", OPTIONS_ARGS_MAX);
		out->args[out->arg_count++] = argv[i];
	}
	const struct command_row *c = out->command;
	if (out->help || out->version)
		return 0;
	if (out->arg_count < c->min_args)
		return err_set(err, ERR_USAGE, "weir %s needs %s", c->name, c->arguments);
	if (out->arg_count > c->max_args)
		return err_set(err, ERR_USAGE, "weir %s: '%s' is too much; it takes %s", c->name,
			out->args[c->max_args], *c->arguments ? c->arguments : "no argument");
	return 0;
}

static void help_option(struct text *out, const struct option_row *o)
{
	char left[48];
	const char *open = o->type == OPTION_WAIT ? "[=" : " ",
			   *close = o->type == OPTION_WAIT ? "]" : "";
	snprintf(left, sizeof left, "%s%c%s--%s%s%s%s", o->letter ? "-" : "",
		o->letter ? o->letter : ' ', o->letter ? ", " : "   ", o->name, o->argument ? open : "",
		o->argument ? o->argument : "", o->argument ? close : "");
	text_addf(out, "  %-28s %s\n", left, o->help);
}

void options_help(struct text *out, const struct command_row *c)
{
	if (!c) {
		text_add(out,
			"weir moves the traffic of a running pool from v1 to v2 a few percent at a "
			"time.\n\nusage: weir [TARGET...]            the console; without one, a living "
			"demo\n"
			"       weir COMMAND [OPTION...]\n\n");
		for (size_t i = 0; i < command_row_count; i++) {
			char left[48];
			if (!*command_rows[i].name)
				continue;
			snprintf(
				left, sizeof left, "%s %s", command_rows[i].name, command_rows[i].arguments);
			text_addf(out, "  %-28s %s\n", left, command_rows[i].help);
		}
		text_add(out, "\nweir COMMAND --help says more. Shares are v2's: 25%, 0.5%, 2500bp.\n");
		return;
	}
	text_addf(out, "usage: weir%s%s%s%s [OPTION...]\n\n%s\n\n", *c->name ? " " : "", c->name,
		*c->arguments ? " " : "", c->arguments, c->help);
	for (size_t i = 0; i < option_row_count; i++)
		if (options_takes(c, &option_rows[i]))
			help_option(out, &option_rows[i]);
}
