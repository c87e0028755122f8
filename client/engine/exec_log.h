/* Exec log: what a worker writes on standard error, on its way to the pool's log. */
#ifndef WEIR_CLIENT_ENGINE_EXEC_LOG_H
#define WEIR_CLIENT_ENGINE_EXEC_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXEC_LOG_LINE_MAX 400 /* bytes kept of a line, cleaned, with its NUL */
#define EXEC_LOG_BURST 50     /* lines at once … */
#define EXEC_LOG_RATE 10      /* … and a second after that; more are counted, not kept */

struct exec_log { /* zeroed but for sink and ctx */
	/* Takes a cleaned line, borrowed for the call; NULL: nobody listens. */
	void (*sink)(void *ctx, const char *line);
	void *ctx;
	char line[EXEC_LOG_LINE_MAX]; /* the one that has not ended yet, as it came */
	size_t len;
	char last[EXEC_LOG_LINE_MAX]; /* the last whole line, cleaned; "" none */
	int64_t credit_us;            /* of silence that was earned */
	int64_t fed_us;               /* when bytes came last; 0 never */
	int64_t dropped;              /* since the last line that was passed on */
};

/* Takes bytes that came at `now_us`; lines that end in them go to the sink. */
void exec_log_feed(struct exec_log *l, const char *bytes, size_t len, int64_t now_us);

/* Nothing comes any more: a line without an end is one, and what was dropped is said. */
void exec_log_end(struct exec_log *l);

#endif
