/* Hostile: a small HTTP server on a thread of its own that answers wrongly in one chosen way.
 * Knows nothing of pools; the body of a good answer is given by the test. */
#ifndef WEIR_TESTS_LIB_HOSTILE_H
#define WEIR_TESTS_LIB_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, status, more headers, body; NULL: the scripted one). Modes with a status of 0 give no
 * plain answer. */
#define HOSTILE_INFO(X) \
	X(ANSWER, 0, "", NULL)          /* the scripted answer; keeps the connection */ \
	X(SILENT, 0, "", NULL)          /* reads and says nothing */ \
	X(REFUSE, 0, "", NULL)          /* nobody listens on the port; at start only */ \
	X(RST, 0, "", NULL)             /* resets the connection at the first byte */ \
	X(CUT, 0, "", NULL)             /* takes the whole request, then closes */ \
	X(DRIP, 0, "", NULL)            /* the scripted answer, a byte every 20 ms */ \
	X(ENDLESS_BODY, 0, "", NULL)    /* chunked, for ever */ \
	X(ENDLESS_HEADERS, 0, "", NULL) /* header lines for ever */ \
	X(ENDLESS_LINE, 0, "", NULL)    /* one header line for ever */ \
	X(TRUNCATED, 0, "", NULL)       /* Content-Length of the body, half of the body */ \
	X(TRUNCATED_OPEN, 0, "", NULL)  /* no length, half of the body */ \
	X(TWO_DOCUMENTS, 0, "", NULL)   /* the scripted body twice */ \
	X(NOT_HTTP, 0, "", NULL)        /* SSH's greeting */ \
	X(REDIRECT, 302, "Location: http://other.example:9402/x\x1b[2J\r\n", "") \
	X(UNAUTHORISED, 401, "", NULL) \
	X(FORBIDDEN, 403, "", NULL) \
	X(CONFLICT, 409, "", NULL) \
	X(CHANGED, 412, "", NULL) \
	X(BUSY, 429, "Retry-After: 8\r\n", NULL) \
	X(BUSY_NEGATIVE, 429, "Retry-After: -5\r\n", NULL) \
	X(BUSY_HUGE, 503, "Retry-After: 1000000000000\r\n", NULL) \
	X(BUSY_DATE, 503, "Retry-After: Fri, 21 Nov 2025 14:00:10 GMT\r\n", NULL) \
	X(BUSY_GARBAGE, 503, "Retry-After: soon\r\n", NULL) \
	X(BROKEN, 500, "", NULL) \
	X(HTML, 200, "Content-Type: text/html; charset=utf-8\r\n", "<html>please log in</html>") \
	X(GZIP_BOMB, 200, "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", \
		"\x1f\x8b\x08\x01\x02\x03") \
	X(WRONG_TYPE, 200, "Content-Type: text/plain\r\n", NULL)

enum hostile_mode {
#define X(name, status, headers, body) HOSTILE_##name,
	HOSTILE_INFO(X)
#undef X
		HOSTILE_COUNT
};

struct hostile;

/* Starts on a free port of 127.0.0.1, or on a unix socket when `path` is given. Ends the test
 * program when it cannot. */
struct hostile *hostile_start(enum hostile_mode mode, const char *path);
void hostile_stop(struct hostile *h);

/* "http://127.0.0.1:PORT" or "unix:PATH"; borrowed. */
const char *hostile_target(const struct hostile *h);

/* From the next request on. */
void hostile_set_mode(struct hostile *h, enum hostile_mode mode);

/* What the mode ANSWER says and other modes spoil; starts as 200 {} of application/json. */
void hostile_script(struct hostile *h, int status, const char *body);

/* Requests read whole, connections taken so far. */
int hostile_requests(struct hostile *h);
int hostile_connections(struct hostile *h);

/* Copies the last whole request: headers and body as they came. */
void hostile_request(struct hostile *h, char *out, size_t size);

/* Milliseconds of a monotonic clock, for deadlines of tests. */
int64_t hostile_clock_ms(void);

#endif
