/* State: a node's document without histograms as canonical JSON, the detail of an event of kind
 * "state", and back. */
#ifndef WEIR_HISTORY_STATE_H
#define WEIR_HISTORY_STATE_H

#include "model/err.h"
#include "model/pool.h"
#include "model/text.h"

struct sqlite3;

/* Appends the document. */
void state_write(struct text *out, const struct snapshot *s);

/* Appends what is neither counter, gauge nor age: two documents with equal marks need no new
 * state event between them. */
void state_mark(struct text *out, const struct snapshot *s);

/* Reads what state_write wrote; texts are cleaned, histograms empty. SQLite's own JSON
 * functions parse. 0, or -1 with err. */
int state_read(struct snapshot *out, struct sqlite3 *db, const char *json, const char *path,
	struct err *err);

#endif
