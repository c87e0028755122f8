/* Raisings, read: decisions of the last month, in their order. What ends a raise is the model's. */
#include "history/raisings.h"

static bool take(void *ctx, const struct decision *d)
{
	raising_add(ctx, d);
	return true;
}

int raisings_read(struct query *q, int64_t now_ms, struct raisings *out, struct err *err)
{
	const struct query_filter recent = {.since_ms = now_ms - RAISING_MOST_MS};

	*out = (struct raisings){0};
	return query_decisions(q, &recent, take, out, err);
}
