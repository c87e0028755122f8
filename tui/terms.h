/* Terms: what a pool was held to while it was recorded: its limits, what the judge was asked, its
 * plan. A recorder writes them into its recording; whoever looks back reads them there. */
#ifndef WEIR_TUI_TERMS_H
#define WEIR_TUI_TERMS_H

#include "model/model.h"
#include "tui/config.h"
#include "tui/options.h"

/* X(name, words): where they come from. */
#define TERMS_INFO(X) \
	X(RECORDED, "as recorded") \
	X(CONFIGURED, "as configured") /* now: the recording does not say */ \
	X(DEFAULT, "by default")       /* nor does the configuration */

enum terms_source {
#define X(name, words) TERMS_##name,
	TERMS_INFO(X)
#undef X
};

struct terms {
	enum terms_source source;
	struct guard_limits limits;
	bool has_plan;
	struct plan plan;
	char plan_hash[POOL_HASH_MAX]; /* "" without a plan */
	char tried[96];                /* what --policy and --set put over it; "" nothing */
};

/* "as recorded" */
const char *terms_words(enum terms_source s);

/* The terms of pools as they are in force, as canonical JSON. */
void terms_json(struct text *out, const struct pool *pools, int count);

/* Reads those of one pool. 1, 0 when it is not in there, or -1 with err (W002). */
int terms_parse(
	struct terms *out, const char *json, size_t len, const char *pool, struct err *err);

/* Those under which a pool was recorded; else of the configuration (may be NULL), else the usual
 * ones: errors 5 %, p99 1000 ms. 0, or -1 with err: the file cannot be read. */
int terms_find(struct terms *out, const char *path, int64_t recording, const char *pool,
	const struct config *config, struct err *err);

/* Puts --policy and --set over the limits. 0, or -1 with err. */
int terms_try(struct terms *t, const struct options *o, struct err *err);

#endif
