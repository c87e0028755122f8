/* Config of engines: the settings of an embedded pool as texts with their places, for `weir serve`
 * (`engine:`) and for a pool whose target is `local:` (`processor:`, `operations:`). */
#ifndef WEIR_TUI_CONFIG_ENGINE_H
#define WEIR_TUI_CONFIG_ENGINE_H

#include "client/serve_setting.h"
#include "model/err.h"

#include <stdbool.h>

struct text;

struct config_setting {
	char *text; /* NULL: not said */
	int line, column;
};

struct config_engine {
	struct config_setting set[SERVE_SETTING_COUNT];
};

/* What a setting may say, all of it: also commands and bounds of worker programs. 0, or -1 with err,
 * whose text quotes what was written and does not name the setting. */
int config_engine_check(enum serve_setting s, const char *text, struct err *err);

/* Appends "key=text&key=text" as the query of a `local:` target; nothing where nothing is said. */
void config_engine_query(struct text *out, const struct config_engine *e);

/* Appends the member "engine":{…} with what is said; nothing where nothing is. */
void config_engine_json(struct text *out, const struct config_engine *e);

bool config_engine_is_empty(const struct config_engine *e);
void config_engine_free(struct config_engine *e);

#endif
