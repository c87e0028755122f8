/* Config told: each key of weir.yaml with the value in force and where it comes from. */
#ifndef WEIR_TUI_CONFIG_TELL_H
#define WEIR_TUI_CONFIG_TELL_H

#include "model/err.h"
#include "tui/options.h"

#include <stdbool.h>

struct text;

/* Appends a line a key, "key value origin", or (`json`) an object a line: {"key","value","origin"};
 * the origin is "FILE:LINE:COLUMN", "$VARIABLE" or "default". `path` as in config_load. 0, or -1
 * with err: a configuration that is not good is not told. */
int config_tell(struct text *out, const char *path, bool json, struct err *err);

/* weir config: prints it. */
int cmd_config(const struct options *o);

#endif
