/* Work: what each operation did from one recorded document to the next. */
#ifndef WEIR_HISTORY_WORK_H
#define WEIR_HISTORY_WORK_H

#include "model/counts.h"
#include "model/err.h"

struct work_rise {
	int64_t at_ms; /* of the later document */
	enum arm arm;
	char operation[OPERATION_NAME_MAX]; /* cleaned */
	int64_t requests, ok, failed;
};

/* Calls `each` for every operation of a pool's nodes that did something between two documents of one
 * boot, node by node, oldest first; `each` returns false to stop. Older recordings, and pools
 * that do not tell of operations, have nothing. 0, or -1 with err. */
int work_read(const char *path, int64_t recording, const char *pool,
	bool (*each)(void *ctx, const struct work_rise *rise), void *ctx, struct err *err);

#endif
