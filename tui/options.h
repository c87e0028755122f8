/* Options: the command line as one table of commands and one of options. Help, manual and
 * completion are derived from them. */
#ifndef WEIR_TUI_OPTIONS_H
#define WEIR_TUI_OPTIONS_H

#include "client/serve_setting.h"
#include "model/err.h"
#include "model/text.h"
#include "model/unit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_ARGS_MAX 64
#define OPTIONS_LIST_MAX 8

struct command_row;

struct options {
	const struct command_row *command;
	const char *args[OPTIONS_ARGS_MAX];
	int arg_count;
	/* values; NULL, false, UNKNOWN or -1 when not given */
	const char *config, *history, *color, *theme;
	bool ascii, json, help, version, read_only, plain;
	bool key;
	bool watch;
	const char *confirm, *reason, *approval;
	bool break_glass;
	bool wait;
	int64_t wait_ms;
	bool dry_run;
	const char *plan, *baseline, *operation;
	bool gradual, guard, off;
	int64_t timeout_ms;
	const char *await; /* --for of wait */
	const char *pool, *actor, *verb, *since, *until, *outcome, *head;
	const char *format, *migration;
	bool follow, no_pager, headless;
	const char *listen[OPTIONS_LIST_MAX];
	int listen_count;
	const char *port_file, *pool_id, *node, *scenario, *state;
	const char *setting[SERVE_SETTING_COUNT]; /* of the engine, but for limit and share_bp */
	const char *limit;
	const char *token_file, *tls_cert, *tls_key;
	const char *etcd[OPTIONS_LIST_MAX], *etcd_auth, *advertise; /* of serve */
	int etcd_count;
	int64_t etcd_ttl_ms;
	int share_bp;
	bool allow_faults;
	const char *out;
	int64_t for_ms, interval_ms;
	bool strict;
	const char *progress;
	const char *screen_file;
	bool all;
	const char *alpha, *beta, *tolerance, *margin, *phi, *rps, *error_rate;
	bool quiet;
	const char *set[OPTIONS_LIST_MAX];
	int set_count;
	const char *policy, *grid, *cast, *size;
	const char *from; /* a share, of step; a recording, of rehearse */
	const char *seed, *runs, *faults;
	bool auto_play, scores;
};

/* What kind of value an option takes. */
enum option_type {
	OPTION_FLAG,     /* bool */
	OPTION_TEXT,     /* const char * */
	OPTION_CHOICE,   /* const char *, one of the words in `argument` ("auto|always|never") */
	OPTION_LIST,     /* const char *[OPTIONS_LIST_MAX], with its count behind in the table */
	OPTION_DURATION, /* int64_t ms */
	OPTION_SHARE,    /* int bp */
	OPTION_WAIT,     /* bool, with an optional =DURATION */
};

struct option_row {
	const char *name; /* without -- */
	char letter;      /* 0 none */
	enum option_type type;
	size_t offset, second; /* into struct options; `second`: count of a list, ms of a wait */
	const char *argument;  /* how help names the value; NULL none */
	const char *help;
};

struct command_row {
	const char *name; /* "" is the console */
	const char *arguments;
	const char *help;
	const char *options; /* names it takes beside the common ones, separated by blanks */
	int min_args, max_args;
	int (*run)(const struct options *o); /* returns the exit status */
};

/* Every command, the console first. */
extern const struct command_row command_rows[];
extern const size_t command_row_count;
extern const struct option_row option_rows[];
extern const size_t option_row_count;

/* Reads a command line. 0, or -1 with ERR_USAGE. Strings are borrowed from argv. */
int options_parse(struct options *out, int argc, char **argv, struct err *err);

/* Reads a number or percent that is not negative: 0.05, 5%, 1e-6. False on anything else. */
bool options_number(const char *s, double *value);

/* True when the command takes the option. */
bool options_takes(const struct command_row *c, const struct option_row *o);

/* What `--help` prints: all commands, or one. */
void options_help(struct text *out, const struct command_row *c);

/* Says that `word` is no command, with what it may have been meant as; never guesses. Returns
 * -1. */
int options_unknown_command(const char *word, struct err *err);

/* The row of a command's name, NULL for an unknown one. */
const struct command_row *options_command(const char *name);

#endif
