/* Config: weir.yaml, a plan file and a scenario file as structs. Unknown keys, wrong types,
 * values out of range and duplicates are errors with file:line:col and a suggestion. */
#ifndef WEIR_TUI_CONFIG_H
#define WEIR_TUI_CONFIG_H

#include "client/prometheus_target.h"
#include "model/err.h"
#include "model/guard.h"
#include "model/plan.h"
#include "model/pool.h"
#include "model/scenario.h"
#include "tui/config_engine.h"
#include "tui/notify.h"

#define CONFIG_NODES_MAX 16
#define CONFIG_POLICIES_MAX 16

struct text;

/* A second source of a pool's figures. */
struct config_metrics {
	struct prometheus_target source; /* url "": none */
	char *token_file;                /* NULL none; ~ expanded */
};

/* X(key, member): what splits behind a HAProxy, in place of a target's query; NULL not said. */
#define CONFIG_SPLIT_INFO(X) \
	X(map, map) \
	X(key, keys) \
	X(backend, backend) \
	X(v1, v1) \
	X(v2, v2) \
	X(ring, ring)

struct config_split {
#define X(key, member) char *member;
	CONFIG_SPLIT_INFO(X)
#undef X
};

/* Who may veto what gives v2 more work. */
struct config_veto {
	char *command; /* a path; NULL nobody */
};

struct config_pool {
	char name[POOL_NAME_MAX];
	char *targets[CONFIG_NODES_MAX]; /* `target: URL` or `target: [URL, URL]` */
	int target_count;
	char env[24];        /* "" none */
	char *token_file;    /* NULL none; ~ expanded */
	int64_t interval_ms; /* poll; default 1000, 100ms..1h */
	bool has_plan;
	struct plan plan;
	struct guard_limits guards;  /* and what the judge is asked */
	struct config_engine engine; /* of a pool that is `local:`; else nothing */
	struct config_metrics metrics;
	struct config_veto veto; /* in place of that of all */
	struct config_split split; /* in force by the targets, of which it is a part */
};

struct config {
	char *path;                                  /* the file that was read; NULL: none */
	char *history;                               /* NULL: default */
	char *flags;                                 /* directory of flag files; NULL: default */
	int64_t retention_ms;                        /* samples that are older become minutes */
	int64_t history_cap;                         /* bytes; the oldest become minutes above it */
	char theme[32];                              /* "" default */
	struct notify_config notify;                 /* who is told of what */
	struct config_veto veto;                     /* of all pools */
	int64_t max_raising;                         /* pools that rise at once; 0: no file was read */
	struct policy policies[CONFIG_POLICIES_MAX]; /* own ones */
	size_t policy_count;
	struct config_pool *pools;
	size_t pool_count;
	struct config_engine engine; /* what `weir serve` starts */
};

/* Reads `path`; NULL: the default places (XDG_CONFIG_HOME or ~/.config, then /etc), where a
 * missing file is an empty configuration. A named file must exist.
 * 0, or -1 with err (W002, "file:line:col: …") and `out` empty. */
int config_load(struct config *out, const char *path, struct err *err);

/* Reads a text; `file` names it in errors. */
int config_parse(
	struct config *out, const char *text, size_t len, const char *file, struct err *err);

/* Reads a plan file of its own, or a scenario file; see config_parse_plan and
 * config_parse_scenario. A file that cannot be read is W002 too. */
int config_load_plan(
	struct plan *out, const char *path, const struct config *own, struct err *err);
int config_load_scenario(struct scenario *out, const char *path, struct err *err);

/* Reads the text of a plan file (the keys below `plan:`); `own` (may be NULL) has policies that it
 * may name. On failure `out` has no steps. */
int config_parse_plan(struct plan *out, const char *text, size_t len, const char *file,
	const struct config *own, struct err *err);

/* The policy of a name, own or one that comes with weir; NULL none. `c` may be NULL. */
const struct policy *config_policy(const struct config *c, const char *name);

/* Reads the text of a scenario file. On failure `out` is zero. */
int config_parse_scenario(
	struct scenario *out, const char *text, size_t len, const char *file, struct err *err);

/* True when more of a text's keys are those of a scenario than those of a configuration. */
bool config_is_scenario(const char *text, size_t len);

/* Reads a file whole; `what` it is goes into the error. 0, or -1 with W002. */
int config_text(struct text *out, const char *what, const char *path, struct err *err);

void config_free(struct config *c);

/* True when a pool of weir.yaml may be called that. */
bool config_is_pool_name(const char *name);

/* The pool of a name, NULL when there is none. */
const struct config_pool *config_pool(const struct config *c, const char *name);

/* Finds and reads the text of a configuration as config_load would; *found (freed by the caller) is
 * the path, NULL for none. 0, or -1 with err. */
int config_find(struct text *text, char **found, const char *path, struct err *err);

/* The whole configuration as canonical JSON without secrets, for the recording. */
void config_json(struct text *out, const struct config *c);

#endif
