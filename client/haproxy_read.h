/* HAProxy's answers: `show info`, `show stat`, the lines of a map, refusals. Texts come from
 * across a socket: everything is bounded, checked and cleaned here. */
#ifndef WEIR_CLIENT_HAPROXY_READ_H
#define WEIR_CLIENT_HAPROXY_READ_H

#include "client/haproxy_target.h"
#include "model/err.h"
#include "model/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The process that answers. */
struct haproxy_info {
	int64_t pid, start_s, uptime_s;
	bool stopping;            /* an old process, which a reload has replaced */
	char node[POOL_NAME_MAX]; /* cleaned; "" not said */
	char version[POOL_NAME_MAX];
};

/* Reads `show info`. 0, or -1 with err: it is not HAProxy's, or older than it must be. */
int haproxy_read_info(struct haproxy_info *out, const char *text, struct err *err);

enum haproxy_kind { HAPROXY_FRONTEND, HAPROXY_BACKEND, HAPROXY_SERVER, HAPROXY_LISTENER };

/* X(column, field): the counters and gauges that are read. */
#define HAPROXY_COLUMN_INFO(X) \
	X("qcur", qcur) \
	X("scur", scur) \
	X("stot", stot) \
	X("econ", econ) \
	X("eresp", eresp) \
	X("wretr", wretr) \
	X("srv_abrt", srv_abrt) \
	X("weight", weight) \
	X("uweight", uweight) \
	X("hrsp_1xx", hrsp_1xx) \
	X("hrsp_2xx", hrsp_2xx) \
	X("hrsp_3xx", hrsp_3xx) \
	X("hrsp_4xx", hrsp_4xx) \
	X("hrsp_5xx", hrsp_5xx) \
	X("chkdown", chkdown)

/* A row of `show stat`. Numbers are UNKNOWN where the column is empty or not there. */
struct haproxy_row {
	enum haproxy_kind kind;
	char proxy[HAPROXY_NAME_MAX], server[HAPROXY_NAME_MAX]; /* cleaned */
	char status[24], algo[24], mode[8];
	char check[WORKER_TROUBLE_MAX]; /* the last check's words; "" none */
#define X(column, field) int64_t field;
	HAPROXY_COLUMN_INFO(X)
#undef X
};

/* Calls `row` for each row; it may end the walk by returning false. 0, or -1 with err: no
 * statistics, a number that is none, more rows than HAPROXY_ROWS_MAX. */
#define HAPROXY_ROWS_MAX 20000
int haproxy_read_stat(const char *text, bool (*row)(void *ctx, const struct haproxy_row *r),
	void *ctx, struct err *err);

/* Calls `entry` for each line of `show map FILE`, whose key and value are cut out of it: not
 * cleaned, without blanks. 0, or -1 with err: the map is not there, or no map. */
int haproxy_read_map(const char *text,
	bool (*entry)(void *ctx, const char *key, const char *value), void *ctx, struct err *err);

/* Reads the number of 0 to 1000 in the answer to `get map FILE KEY`. 0, or -1 with err. */
int haproxy_read_value(int *permille, const char *text, struct err *err);

/* What HAProxy says where an answer was expected: 0 when the text is empty, which is what a
 * change that was taken says, else -1 with err: no permission, no such thing, anything else. */
int haproxy_read_done(const char *text, struct err *err);

#endif
