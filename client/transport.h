/* Transport: HTTP requests on one libcurl multi. No other part of the program knows curl.
 *
 * Rules: total deadline; own byte counter in the write callback; no redirects, no proxy, no
 * netrc, no content encoding; TLS verified, 1.2 or newer; CURLOPT_QUICK_EXIT; a truncated 200 is
 * an error. */
#ifndef WEIR_CLIENT_TRANSPORT_H
#define WEIR_CLIENT_TRANSPORT_H

#include "client/client.h"
#include "model/err.h"

#define TRANSPORT_BODY_MAX (1024 * 1024)

struct transport;

/* Whom TLS trusts: the CAs of the file that SSL_CERT_FILE names and nobody else, without it those
 * of the system. There is no way to trust everybody. */
struct transport *transport_new(void);
void transport_free(struct transport *t);

struct transport_reply {
	int status;       /* HTTP status, 0 when there is none */
	bool sent;        /* false: no byte of the request can have reached the other end */
	const char *body; /* NUL-terminated, borrowed for the callback */
	size_t len;
	const char *content_type; /* "" when none */
	const char *location;     /* of a 3xx, cleaned; "" */
	int64_t retry_after_ms;   /* clamped to 1..60 s; UNKNOWN when none */
	struct err err; /* set when there is no whole answer: transport trouble, 3xx, size */
	int64_t latency_ms;
};

/* A request; all strings are borrowed for the call. `done` is called once from transport_turn,
 * never after transport_cancel. */
struct transport_request {
	const char *method;    /* GET, POST, PUT */
	const char *url;       /* http:// or https:// */
	const char *unix_path; /* NULL: TCP */
	const char *token;     /* bearer, NULL none */
	const char *credential; /* instead: Authorization as it is, NULL none */
	const char *body;      /* JSON or NULL */
	const char *if_match;  /* NULL none; written between quotes */
	const char *key;       /* Idempotency-Key, NULL none */
	bool spare;            /* goes on the spare connection, perhaps twice: GET, or with a key */
	bool reads;            /* a POST that changes nothing: on a kept connection, perhaps twice */
	int64_t after_ms;      /* begins so much later, unless it is cancelled before */
	int64_t timeout_ms;    /* total, from the beginning */
	/* Of an answer that goes on and on: gets what comes as it comes, whatever the status; the reply
	 * has no body then, and the size has no limit. NULL: the body is collected. */
	void (*piece)(void *ctx, const char *data, size_t len);
	void (*done)(void *ctx, const struct transport_reply *reply, struct instant now);
	void *ctx;
};

/* Begins a request; returns its id (never 0). */
uint64_t transport_send(
	struct transport *t, const struct transport_request *r, struct instant now);

/* A request that waits for its time begins now; others are left alone. */
void transport_hasten(struct transport *t, uint64_t id);

/* Connections that are kept for one credential are kept for another in its place: the same person's. */
void transport_renew(struct transport *t, const char *credential, const char *next);

/* A place for what those who use the transport share, NULL at first; `release` gets what is there at
 * its end, unless that is NULL. */
void **transport_shelf(struct transport *t, void (*release)(void *shared));

/* Forgets a request: `done` will not be called. */
void transport_cancel(struct transport *t, uint64_t id);

/* Moves transfers and calls `done`s, of many not all: transport_wait does not wait then. */
void transport_turn(struct transport *t, struct instant now);

/* curl_multi_poll with extra descriptors. */
void transport_wait(
	struct transport *t, struct wait_fd *extra, size_t count, int64_t timeout_ms);

#endif
