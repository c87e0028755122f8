/* Serve: the embedded engine as a pool over HTTP (weir.pool/1): one libmicrohttpd thread
 * answers control requests at once and never executes; /v1/execute is handed to caller threads.
 */
#ifndef WEIR_CLIENT_SERVE_H
#define WEIR_CLIENT_SERVE_H

#include "client/engine/engine.h"
#include "client/secret.h"
#include "model/err.h"

#define SERVE_LISTEN_MAX 8

struct serve_options {
	const char *listen[SERVE_LISTEN_MAX]; /* "127.0.0.1:7070", "[::1]:0", "unix:/path" */
	int listen_count;
	bool allow_faults;
	int callers; /* threads for /v1/execute; 0: workers of both arms + 16 */
	/* NULL: nobody is asked. Who comes over a unix socket is not: its mode is 0600. Borrowed
	 * until serve_stop. */
	const struct secret_list *tokens;
	const char *cert, *key; /* PEM; NULL: TCP without TLS. Borrowed for the call */
};

struct serve;

/* Listens and answers: on loopback and unix sockets, elsewhere only with tokens and a
 * certificate (else ERR_USAGE). 0, or -1 with err (W006 names the address, W110 a certificate
 * that does not do). The engine is borrowed until serve_stop. */
int serve_start(struct serve **out, struct engine *engine, const struct serve_options *how,
	struct err *err);

/* The TCP port of the i-th listen address, 0 for a unix socket. */
int serve_port(const struct serve *s, int i);

/* Stops listening, answers what is under way (503 for what waits), joins the threads. */
void serve_stop(struct serve *s);

#endif
