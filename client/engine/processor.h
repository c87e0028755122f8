/* Processor: how one side works, as one word of a configuration, and the older notation of a
 * migration's strategies.
 *
 * | text                             | what it is                                          |
 * |----------------------------------|-----------------------------------------------------|
 * | v1:simple                        | one serialized executor, record by record           |
 * | v1:transactional                 | the same; a batch is done as a whole or not at all  |
 * | v2                               | as many workers as there are cores                  |
 * | v2:N, v2:affinity, v2:N:affinity | N workers, 1 to 1024; each pinned to a core         |
 *
 * Letters of either case, blanks around it are ignored. Nothing else is accepted: a misspelt
 * `v2x` or `v2:08` that quietly meant "all cores" would be found in production. */
#ifndef WEIR_CLIENT_ENGINE_PROCESSOR_H
#define WEIR_CLIENT_ENGINE_PROCESSOR_H

#include "model/err.h"
#include "model/split.h"

#define PROCESSOR_WORKERS_MAX 1024
#define PROCESSOR_TEXT_MAX 24 /* with NUL: what processor_print writes */
#define PROCESSOR_NAME_MAX 40 /* with NUL: what processor_strategy_print writes */

enum processor_kind { PROCESSOR_V1_SIMPLE, PROCESSOR_V1_TRANSACTIONAL, PROCESSOR_V2 };

struct processor {
	enum processor_kind kind;
	int workers;   /* v2: 0: as many as cores; v1: 0 */
	bool affinity; /* v2 only */
};

/* Reads one of the forms above. 0, or -1 with err (CONFIG), which quotes what is wrong in it;
 * `out` is then untouched. */
int processor_parse(struct processor *out, const char *text, struct err *err);

/* Writes the canonical form, which processor_parse reads back. */
void processor_print(char out[PROCESSOR_TEXT_MAX], const struct processor *p);

/* How many workers that is on a machine of `cores` (1 or more): 1 to PROCESSOR_WORKERS_MAX. */
int processor_workers(const struct processor *p, int cores);

/* Reads v1's part of the work in whole percent, "0" to "100", as v2's share in basis points:
 * "80" is 2000. 0, or -1 with err (CONFIG). */
int processor_share_bp(const char *primary_percent, int *share_bp, struct err *err);

/* Reads a strategy by its older name: primary_with_fallback, canary_deployment, ab_test or
 * full_migration. `primary_percent` goes with canary_deployment only, which needs it; NULL or
 * "" for the others. primary_with_fallback begins with all work on v1. 0, or -1 with err
 * (CONFIG). */
int processor_strategy(const char *name, const char *primary_percent, enum strategy *strategy,
	int *share_bp, struct err *err);

/* Writes the older name: "ab_test", "canary_deployment (80% primary)". False, and our own word,
 * where that notation has none: a strategy it does not know, a share of no whole percent. */
bool processor_strategy_print(
	char out[PROCESSOR_NAME_MAX], enum strategy strategy, int share_bp);

#endif
