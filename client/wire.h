/* Wire: weir.pool/1 documents to and from C. One strict scanner (scan.h) stands in front of
 * cJSON; a document is accepted whole or refused with the field's name, never guessed. */
#ifndef WEIR_CLIENT_WIRE_H
#define WEIR_CLIENT_WIRE_H

#include "client/engine/control.h"
#include "client/engine/engine.h"
#include "model/err.h"
#include "model/pool.h"
#include "model/text.h"

#define WIRE_SCHEMA "weir.pool/1"

/* ---- the pool's side writes ---- */
void wire_write_state(struct text *out, const struct snapshot *s);
void wire_write_answer(struct text *out, const struct control_answer *a);
void wire_write_audit(struct text *out, const struct audit_entry *entries, size_t count);
void wire_write_intent(
	struct text *out, const char *key, enum intent_fate fate, const struct control_answer *a);
void wire_write_execute(struct text *out, const struct engine_response *r);

/* ---- the console's side reads; after -1 what `out` holds is undefined ---- */
int wire_read_state(struct snapshot *out, const char *body, size_t len, struct err *err);
/* An answer to a change with its HTTP status; 0 when it could be read. */
int wire_read_answer(
	struct answer *out, int status, const char *body, size_t len, struct err *err);
int wire_read_audit(struct audit_entry *out, size_t max, size_t *count, const char *body,
	size_t len, struct err *err);
int wire_read_intent(struct answer *out, const char *body, size_t len, struct err *err);

/* ---- the console's side writes ---- */
void wire_write_command(struct text *out, const struct command *c);

/* ---- the pool's side reads; -1 with err (field named) ---- */
int wire_read_change(
	struct control_request *out, enum verb verb, const char *body, size_t len, struct err *err);
int wire_read_execute(
	struct engine_request *out, const char *body, size_t len, struct err *err);
int wire_read_fault(
	enum arm *arm, struct fault *out, const char *body, size_t len, struct err *err);

#endif
