/* Routes: which request of weir.pool/1 gets which answer from the engine. Knows HTTP's words,
 * not its bytes: no sockets, no threads. */
#ifndef WEIR_CLIENT_SERVE_ROUTE_H
#define WEIR_CLIENT_SERVE_ROUTE_H

#include "client/engine/engine.h"
#include "model/text.h"

#define SERVE_BODY_MAX (1024 * 1024)

/* A whole request; strings are borrowed, NULL where a header is not there. */
struct serve_request {
	const char *method, *path;
	const char *host, *content_type, *if_match, *key, *accept;
	const char *since; /* of the query */
	bool any_host;     /* the Host header need not name loopback */
	bool too_large;    /* the body was longer than SERVE_BODY_MAX */
	const char *body;
	size_t len;
	struct envelope *send; /* to be filled when one is to be sent; NULL: none can be */
};

struct serve_reply {
	int status;
	const char *allow;        /* of a 405, else NULL */
	const char *content_type; /* NULL: JSON */
	struct text body;
};

/* Answers a request at once and returns true; false: nothing is answered, `execute` is to run,
 * or request->send to be sent, which has a recipient then. */
bool serve_route(struct engine *engine, bool allow_faults, const struct serve_request *request,
	struct serve_reply *reply, struct engine_request *execute);

/* The answer to an executed request. */
void serve_executed(struct serve_reply *reply, const struct engine_response *response);

/* The answer to an envelope that was sent. */
void serve_sent(struct serve_reply *reply, const struct envelope *envelope,
	const struct send_answer *answer);

/* A refusal in the form of all errors. */
void serve_refuse(struct serve_reply *reply, int status, const char *word, const char *message);

#endif
