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

/* X(verb, method, path): the request of each verb that is sent. Of two with one path the first
 * is the path's; wire_read_change tells the other by the body. */
#define WIRE_ROUTE_INFO(X) \
	X(STEP, "PUT", "/v1/split") \
	X(OPERATIONS, "PUT", "/v1/split") \
	X(KEEP, "POST", "/v1/keep") \
	X(ARM, "POST", "/v1/arm") \
	X(DISARM, "POST", "/v1/disarm") \
	X(TAKE, "POST", "/v1/lease") \
	X(GUARD, "POST", "/v1/guard") \
	X(DRAIN, "POST", "/v1/drain") \
	X(HOLD, "POST", "/v1/hold") \
	X(ADOPT, "POST", "/v1/hold") \
	X(RESUME, "POST", "/v1/resume") \
	X(FINALIZE, "POST", "/v1/finalize") \
	X(ROLLBACK, "POST", "/v1/rollback")

struct wire_route {
	const char *method, *path;
};

/* The request of a verb; NULL for one that is not sent. If-Match goes with those that are
 * VERB_MATCHES, an Idempotency-Key with all. */
const struct wire_route *wire_route(enum verb verb);

/* ---- the pool's side writes ---- */
void wire_write_state(struct text *out, const struct snapshot *s);
void wire_write_answer(struct text *out, const struct control_answer *a);
void wire_write_audit(struct text *out, const struct audit_entry *entries, size_t count);
void wire_write_intent(
	struct text *out, const char *key, enum intent_fate fate, const struct control_answer *a);
void wire_write_execute(struct text *out, const struct engine_response *r);

/* ---- the console's side reads; after -1 what `out` holds is undefined ---- */
int wire_read_state(struct snapshot *out, const char *body, size_t len, struct err *err);
/* An answer to a change with its HTTP status; 0 when it could be read. `asked` (NULL for a
 * lease) is the command that it answers. */
int wire_read_answer(struct answer *out, const struct command *asked, int status,
	const char *body, size_t len, struct err *err);
int wire_read_audit(struct audit_entry *out, size_t max, size_t *count, const char *body,
	size_t len, struct err *err);
int wire_read_intent(struct answer *out, const char *body, size_t len, struct err *err);

/* ---- the console's side writes ---- */
void wire_write_command(struct text *out, const struct command *c);
void wire_write_lease(struct text *out, const struct lease_request *r);

/* ---- the pool's side reads; -1 with err (field named) ---- */
/* A change whose path belongs to `verb`; out->verb is what the body says. Key, If-Match and hash
 * of the body are left to the caller. */
int wire_read_change(
	struct control_request *out, enum verb verb, const char *body, size_t len, struct err *err);
/* `take`: it is a change, to be read as VERB_TAKE. */
int wire_read_lease(
	struct lease_request *out, bool *take, const char *body, size_t len, struct err *err);
int wire_read_execute(
	struct engine_request *out, const char *body, size_t len, struct err *err);
int wire_read_fault(
	enum arm *arm, struct fault *out, const char *body, size_t len, struct err *err);

/* ---- where both sides are in one process ---- */
/* What a pool reads of a command, headers too. -1 with err where it would answer 400. */
int wire_request(struct control_request *out, const struct command *c, struct err *err);
/* What a pool's answer to `asked` (NULL for a lease), or its word on an intent, is to a console.
 * latency_ms is UNKNOWN. */
void wire_take_answer(
	struct answer *out, const struct control_answer *a, const struct command *asked);
void wire_take_fate(struct answer *out, enum intent_fate fate, const struct control_answer *a);

#endif
