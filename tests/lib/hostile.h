/* Hostile: a small HTTP server on a thread of its own that answers wrongly in one chosen way.
 * Knows nothing of pools: a good answer is one the test gives, or that of a real pool behind it,
 * so that it can be good first and spoil then. */
#ifndef WEIR_TESTS_LIB_HOSTILE_H
#define WEIR_TESTS_LIB_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, status, more headers, body; NULL: the good one). Modes with a status of 0 give no plain
 * answer. */
#define HOSTILE_PLAIN_INFO(X) \
	X(ANSWER, 0, "", NULL)          /* the good answer; keeps the connection */ \
	X(SILENT, 0, "", NULL)          /* reads and says nothing */ \
	X(REFUSE, 0, "", NULL)          /* nobody listens on the port; at start only */ \
	X(RST, 0, "", NULL)             /* resets the connection at the first byte */ \
	X(CUT, 0, "", NULL)             /* takes the whole request, then closes */ \
	X(DRIP, 0, "", NULL)            /* the good answer, a byte every 20 ms */ \
	X(ENDLESS_BODY, 0, "", NULL)    /* chunked, for ever */ \
	X(ENDLESS_HEADERS, 0, "", NULL) /* header lines for ever */ \
	X(ENDLESS_LINE, 0, "", NULL)    /* one header line for ever */ \
	X(TRUNCATED, 0, "", NULL)       /* Content-Length of the body, half of the body */ \
	X(TRUNCATED_OPEN, 0, "", NULL)  /* no length, half of the body */ \
	X(TWO_DOCUMENTS, 0, "", NULL)   /* the good body twice */ \
	X(NOT_HTTP, 0, "", NULL)        /* SSH's greeting */ \
	X(DEEP, 0, "", NULL)            /* 100,000 brackets */ \
	X(CROWD, 0, "", NULL)           /* 5,000 operations in v1's block */ \
	X(LONG_NAME, 0, "", NULL)       /* 10 MB of a name */ \
	X(BOMB, 0, "", NULL)            /* 64 MiB of zeros in 413 KiB, marked as gzip */ \
	X(CLAMP, 0, "", NULL)           /* a step is passed on as one to half of the share */ \
	X(OLD_MATCH, 0, "", NULL)       /* a step is passed on with the revision before its own */ \
	X(LIE, 0, "", NULL)             /* a step is answered as done and not passed on */ \
	X(REDIRECT, 302, "Location: http://other.example:9402/x\x1b[2J\r\n", "") \
	X(REDIRECT_FILE, 302, "Location: file:///etc/passwd\r\n", "") \
	X(REDIRECT_LOOP, 308, "Location: /v1/state\r\n", "") \
	X(REDIRECT_THERE, 307, "", "") /* Location is among the test's headers */ \
	X(UNAUTHORISED, 401, "", NULL) \
	X(FORBIDDEN, 403, "", NULL) \
	X(CONFLICT, 409, "", NULL) \
	X(CHANGED, 412, "", NULL) \
	X(BUSY, 429, "Retry-After: 8\r\n", NULL) \
	X(BUSY_NEGATIVE, 429, "Retry-After: -5\r\n", NULL) \
	X(BUSY_HUGE, 503, "Retry-After: 1000000000000\r\n", NULL) \
	X(BUSY_DATE, 503, "Retry-After: Fri, 21 Nov 2025 14:00:10 GMT\r\n", NULL) \
	X(BUSY_GARBAGE, 503, "Retry-After: soon\r\n", NULL) \
	X(SATURATED, 429, "", "{}")   /* Retry-After is among the test's headers, or nowhere */ \
	X(UNAVAILABLE, 503, "", "{}") /* the same */ \
	X(BROKEN, 500, "", NULL) \
	X(BAD_GATEWAY, 502, "Content-Type: text/html\r\n", "<h1>Bad Gateway</h1>") \
	X(GATEWAY_TIMEOUT, 504, "Content-Type: text/html\r\n", "<h1>Gateway Time-out</h1>") \
	X(HTML, 200, "Content-Type: text/html; charset=utf-8\r\n", "<html>please log in</html>") \
	X(GZIP_BOMB, 200, "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", \
		"\x1f\x8b\x08\x01\x02\x03") \
	X(WRONG_TYPE, 200, "Content-Type: text/plain\r\n", NULL)

/* X(name, where, what): the good answer with its body changed. `where` is a member whose first
 * value becomes `what`; "^" puts it before the body, "$" behind, "=" instead. */
#define HOSTILE_SPOILT_INFO(X) \
	X(PROTOCOL_2, "schema", "\"weir.pool/2\"") \
	X(PROTOCOL_1_9, "schema", "\"weir.pool/1.9\",\"colour\":{\"of\":[\"the\",\"sea\"]}") \
	X(OTHER_FAMILY, "schema", "\"kiosk/1\"") \
	X(OTHER_POOL, "pool_id", "\"pay-us\"") \
	X(OTHER_NODE, "node_id", "\"pay-n9\"") \
	X(REPLAYED, "seq", "1") \
	X(NAN, "uptime_ms", "NaN") \
	X(INFINITE, "uptime_ms", "-Infinity") \
	X(OVERFLOW, "uptime_ms", "1e999") \
	X(LARGE, "uptime_ms", "1e308") \
	X(BEYOND_53, "requests", "9007199254740993") \
	X(DIGITS_64, "requests", \
		"1111111111222222222233333333334444444444555555555566666666667777") \
	X(NEGATIVE, "requests", "-5") \
	X(FRACTION, "requests", "25.5") \
	X(OCTAL, "requests", "007") \
	X(DUPLICATE, "share_bp", "0,\"share_bp\":9500") \
	X(CASE_TWIN, "share_bp", "0,\"SHARE_BP\":9500") \
	X(ESCAPED_TWIN, "share_bp", "0,\"share\\u005fbp\":9500") \
	X(TRAILING, "$", "x") \
	X(BOM, "^", "\xef\xbb\xbf") \
	X(EMPTY, "=", "") \
	X(BLANK, "=", " \n ") \
	X(ARRAY, "=", "[]") \
	X(NOTHING, "=", "null") \
	X(NOT_UTF8, "build", "\"\xff\xfe\"") \
	X(OVERLONG, "build", "\"\xc0\xaf\"") \
	X(SURROGATE, "build", "\"\\ud800\"") \
	X(NUL_ESCAPE, "build", "\"a\\u0000b\"") \
	X(RAW_ESCAPE, "build", "\"\x1b[2J\"") \
	X(SPOOF, "build", "\"hello\\r\\u001b[2JXX\\u202e\"") /* well written, badly meant */ \
	X(HOLD_HIDDEN, "hold", "null") \
	X(SHARE_TEXT, "share_bp", "\"50\"") \
	X(SHARE_ABOVE, "share_bp", "10001") \
	X(SHARE_BELOW, "share_bp", "-1") \
	X(SHARE_NULL, "share_bp", "null") \
	X(SHARE_OBJECT, "share_bp", "{\"of\":5}")

enum hostile_mode {
#define X(name, ...) HOSTILE_##name,
	HOSTILE_PLAIN_INFO(X) HOSTILE_SPOILT_INFO(X)
#undef X
		HOSTILE_COUNT
};

/* "DRIP". */
const char *hostile_name(enum hostile_mode mode);

struct hostile;

/* Starts on a free port of 127.0.0.1, or on a unix socket when `path` is given. Ends the test
 * program when it cannot. */
struct hostile *hostile_start(enum hostile_mode mode, const char *path);
void hostile_stop(struct hostile *h); /* may be NULL */

/* "http://127.0.0.1:PORT" or "unix:PATH"; borrowed. */
const char *hostile_target(const struct hostile *h);

/* From the next request on, for all of them. */
void hostile_set_mode(struct hostile *h, enum hostile_mode mode);

/* The same for requests that begin with `prefix` ("PUT "); the others get the good answer.
 * `deliver`: the pool behind gets them all the same. */
void hostile_spoil(struct hostile *h, enum hostile_mode mode, const char *prefix, bool deliver);

/* The good answer; starts as 200 {} of application/json. */
void hostile_script(struct hostile *h, int status, const char *body);

/* Good answers are those of the pool at the unix socket `path` from now on. */
void hostile_pool(struct hostile *h, const char *path);

/* Lines, each ending in \r\n, that every answer has besides. */
void hostile_headers(struct hostile *h, const char *lines);

/* Requests read whole, connections taken so far. */
int hostile_requests(struct hostile *h);
int hostile_connections(struct hostile *h);

/* Whole requests that began with `prefix`, of the last 256. */
int hostile_count(struct hostile *h, const char *prefix);

/* Whole requests with this Authorization ("" for none), and connections on which more than one
 * was seen. */
int hostile_authorised(struct hostile *h, const char *authorization);
int hostile_shared(struct hostile *h);

/* Copies the last whole request: headers and body as they came. */
void hostile_request(struct hostile *h, char *out, size_t size);

/* For bodies that need no server; the caller frees them. The body with the first value of a
 * member replaced (as it is where there is none); the good body as a mode of HOSTILE_SPOILT_INFO
 * changes it. */
char *hostile_replaced(const char *body, const char *member, const char *value);
char *hostile_spoilt(enum hostile_mode mode, const char *body);

/* Milliseconds of a monotonic clock, for deadlines of tests. */
int64_t hostile_clock_ms(void);

#endif
