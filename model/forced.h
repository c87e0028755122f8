/* Forced: what people did past checks by break-glass, and how long that marks a migration. It is
 * all in the evidence of the decisions: nothing of it is stored apart. */
#ifndef WEIR_MODEL_FORCED_H
#define WEIR_MODEL_FORCED_H

#include "model/model.h"

struct text;

#define FORCED_TOLD 4  /* so many are told one by one */
#define FORCED_MAX 120 /* bytes of the checks' names */

/* Bits of the predicates that the decision went past; 0 none, or it was not done. */
unsigned forced_of(const struct decision *d);

/* The forced decisions of the pool's present migration, newest first, at most `most` of them in
 * `out` (NULL with 0); returns how many there are. The migration ends with an arming, a disarming,
 * by being finished, and where the share is seen back at the baseline. Borrowed from the pool. */
int forced_find(const struct pool *p, const struct decision **out, int most);

/* "9 bake elapsed, 11 guard green" of the bits. */
void forced_without(char out[FORCED_MAX], unsigned bits);

/* "step 10 > 50 %". */
void forced_what(char *out, size_t size, const struct decision *d);

/* Appends "kim@ops1 forced step 10 > 50 % without 9 bake elapsed at 03:12:40: "why"". */
void forced_say(struct text *out, const struct decision *d, int64_t now_wall_ms);

#endif
