/* Raising: which pools of one history have a raise that is neither kept nor back, so that not more
 * than so many rise at once. Pure: from decisions, in the order in which they were recorded.
 *
 * A raise says in its evidence how long it counts at most: where its policy bakes until it must be
 * kept or goes back by itself, under a manual one for its bake. One without a plan has neither, and
 * counts until it is seen. */
#ifndef WEIR_MODEL_RAISING_H
#define WEIR_MODEL_RAISING_H

#include "model/decision.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAISING_MAX 16
#define RAISING_MOST_MS (INT64_C(32) * 24 * 60 * 60 * 1000) /* an older one is over */
#define RAISING_OPEN_MS 60000 /* of one without a plan whose fate is not known */
#define KEEP_SPARE_MS 120000  /* beyond the bake, for whoever keeps */
#define RAISING_TEXT_MAX 160

struct plan;
struct text;

/* A pool that rises. */
struct raising {
	char pool[POOL_NAME_MAX];
	char actor[POOL_ACTOR_MAX];
	int from_bp, to_bp;
	int64_t until_ms; /* wall clock by which it is over at the latest */
};

struct raisings {
	int count; /* of those kept here; what is beyond is not counted */
	struct raising pool[RAISING_MAX];
};

/* The member of a raise's evidence by which the functions below know it. `plan` NULL: none. */
void raising_write(struct text *evidence, const struct plan *plan);

/* True for a decision that says so. */
bool raising_is(const struct decision *d);

/* Takes in the next decision. */
void raising_add(struct raisings *r, const struct decision *d);

/* How many other pools than `pool` rise at `now_ms` (wall clock); `last` (may be NULL) gets the one
 * that is over last. */
int raising_others(
	const struct raisings *r, const char *pool, int64_t now_ms, const struct raising **last);

/* "payments rises 10 % > 50 % (kim@ops1): until it is kept or back, at most 12:00". */
void raising_text(char out[RAISING_TEXT_MAX], const struct raising *r, int64_t now_ms);

#endif
