/* Exec line: the protocol on a worker's pipes, one JSON document a line. */
#ifndef WEIR_CLIENT_ENGINE_EXEC_LINE_H
#define WEIR_CLIENT_ENGINE_EXEC_LINE_H

#include "model/counts.h"
#include "model/pool.h"
#include "model/text.h"

#define EXEC_LINE_MAX 65536 /* bytes of a line that is read, without its newline */

struct exec_request { /* borrowed */
	const char *operation;
	const char *session, *key; /* NULL or "": null */
	const char *payload;       /* JSON text that somebody has checked; NULL or "": null */
};

/* Appends {"id":…,"operation":…,"session":…,"key":…,"payload":…} and a newline. What would
 * break the line (in a payload: a newline between its tokens) becomes a blank. */
void exec_line_request(struct text *out, int64_t id, const struct exec_request *q);
/* Appends {"ping":N} and a newline. */
void exec_line_ping(struct text *out, int64_t n);

enum exec_reply_kind {
	EXEC_REPLY_NONE,  /* not a line of the protocol */
	EXEC_REPLY_READY, /* {"ready":true}, and maybe "operations":["predict",…] */
	EXEC_REPLY_PONG,  /* {"pong":N} */
	EXEC_REPLY_OK,    /* {"id":N,"ok":true,"result":…} */
	EXEC_REPLY_ERROR, /* {"id":N,"ok":false,"error":{"category":…,"message":…}} */
};

struct exec_reply {
	enum exec_reply_kind kind;
	int64_t id;         /* of an answer or a pong */
	const char *result; /* JSON text inside the line; NULL where there is none */
	size_t result_len;
	const char *operations; /* of ready: JSON array of names inside the line; NULL: not said */
	size_t operations_len;
	enum failure failure;          /* of an error; a word that is none of ours is OPERATION */
	char message[POOL_REASON_MAX]; /* cleaned */
};

/* Reads a line without its newline. Members that the protocol does not know are passed over;
 * one that it knows in the wrong place or form makes the line NONE. */
void exec_line_read(struct exec_reply *out, const char *line, size_t len);

/* True when a ready line says that the worker knows the operation. */
bool exec_line_knows(const struct exec_reply *ready, const char *operation);

#endif
