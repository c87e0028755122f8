/* HAProxy advice: what a person can do with what was seen: targets to use, what is missing, the
 * configuration to paste, the way back without weir. Text alone. */
#ifndef WEIR_CLIENT_HAPROXY_ADVICE_H
#define WEIR_CLIENT_HAPROXY_ADVICE_H

#include "client/haproxy_look.h"
#include "model/text.h"

/* Calls `each` for every TARGET that it could be, the better first: a map that is there, then the
 * weights of each backend of two servers or more. Returns how many. */
int haproxy_advise_targets(
	const struct haproxy_seen *s, void (*each)(void *ctx, const char *target), void *ctx);

/* The same for every sentence about what is missing, or must be known. */
int haproxy_advise_missing(
	const struct haproxy_seen *s, void (*each)(void *ctx, const char *sentence), void *ctx);

/* Lines for haproxy.cfg: the ring and the split by a map that it lacks, between two of its
 * backends where it has two; nothing where it lacks none. */
void haproxy_advise_config(struct text *out, const struct haproxy_seen *s);

/* The shell's line that sets `target` back to `baseline_bp` (below 0: to nothing) without weir;
 * nothing for what is no target with a split. */
void haproxy_advise_way_back(struct text *out, const char *target, int baseline_bp);

#endif
