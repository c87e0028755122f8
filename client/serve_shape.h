/* Shape: what the settings of an embedded pool say, as the engine's own options. */
#ifndef WEIR_CLIENT_SERVE_SHAPE_H
#define WEIR_CLIENT_SERVE_SHAPE_H

#include "client/engine/engine.h"
#include "client/engine/residents.h"
#include "client/serve_setting.h"

#define SERVE_SPEC_MAX 48 /* of a processor with its NUL */

struct serve_shape {
	struct engine_options engine; /* its strings are borrowed from the texts, and from here */
	struct residents_options residents;
	char processor[ARM_COUNT][SERVE_SPEC_MAX];
	const char *command[ARM_COUNT]; /* behind "exec:"; NULL: builtin workers */
	const char *recycle, *limit;    /* lists that whoever starts the programs reads */
};

/* The name of a setting as an option and as a key; SERVE_SETTING_COUNT for an unknown key. */
const char *serve_setting_option(enum serve_setting s);
const char *serve_setting_key(enum serve_setting s);
enum serve_setting serve_setting_of(const char *key);

/* The environment variable that is set and goes before the configuration; NULL none. */
const char *serve_setting_variable(enum serve_setting s);

/* Takes in what a setting says. 0, or -1 with err (CONFIG), which quotes the text and does not name
 * the setting. The text is borrowed as long as the shape is used. */
int serve_shape_read(
	struct serve_shape *out, enum serve_setting s, const char *text, struct err *err);

/* Takes in the settings "key=text&key=text" of a target's query, %XX for a byte; changes the query,
 * which is borrowed. 0, or -1 with err (CONFIG): an unknown key, one that is there twice or has
 * no good text, and what only a server can have: programs, registered workers. */
int serve_shape_query(struct serve_shape *out, char *query, struct err *err);

/* v1's part of the work in whole percent, "0" to "100", as v2's share; and a strategy by our name or
 * the older one. 0, or -1 with err (CONFIG). */
int serve_share_of_primary(const char *percent, int *share_bp, struct err *err);
int serve_strategy(const char *name, enum strategy *out, struct err *err);

/* True for "v1:…", what v1 is; false for what v2 is. -1 with err (CONFIG) for neither. */
int serve_processor_is_v1(const char *spec, struct err *err);

#endif
