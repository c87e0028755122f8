/* Http: a small HTTP/1.1 client that keeps its connection, for driving a pool from a test. Not
 * for hostile servers: it trusts Content-Length. */
#ifndef WEIR_TESTS_LIB_HTTP_H
#define WEIR_TESTS_LIB_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct http {
	int fd;     /* -1: closed */
	char *data; /* what has been read */
	size_t len, cap;
	const char *body; /* of the last answer, NUL-terminated; until the next call */
};

/* Connects to "unix:PATH" or "127.0.0.1:PORT". */
bool http_open(struct http *h, const char *address);
void http_close(struct http *h);

/* Sends a request and reads the whole answer: its status, 0 when there is none in time.
 * `headers` are whole lines ("If-Match: \"1.2\"\r\n"), may be NULL; a body goes out as JSON. */
int http_call(struct http *h, const char *method, const char *path, const char *headers,
	const char *body, int timeout_ms);

/* The same for the bytes of a request as they are. */
int http_call_raw(struct http *h, const char *request, size_t len, int timeout_ms);

#endif
