/* Join: what a pool says of its traffic and what a second source says of it, together. Pure. */
#ifndef WEIR_CLIENT_PROMETHEUS_JOIN_H
#define WEIR_CLIENT_PROMETHEUS_JOIN_H

#include "model/err.h"
#include "model/pool.h"

#include <stdbool.h>

/* Work of one arm as somebody has counted it; UNKNOWN allowed. */
struct join_counts {
	int64_t requests, done, failed;
};

#define JOIN_MOMENTS 40 /* of the past that are kept */
#define JOIN_SPAN 30    /* those that are held against each other */
#define JOIN_LAG 3      /* what the source may be behind */
#define JOIN_LEAST 100  /* units of work, below which there is nothing to compare */
#define JOIN_POINTS 0.05
#define JOIN_PATIENCE 2 /* comparisons in a row that must find it */

struct join_moment {
	struct join_counts pool[ARM_COUNT], source[ARM_COUNT];
};

/* Whose latencies of an arm the documents of a boot had. */
struct join_gap {
	bool source_speaks, pool_spoke;
	int64_t until_ms; /* boot clock; the pool's own are left out before */
};

/* Begins zeroed, with the interval set. */
struct prometheus_join {
	int64_t interval_ms;       /* of the source */
	bool alone;                /* the pool has one node: what the source says is that node's */
	struct arm_counts *arms;   /* as the source last said it; owned, NULL before */
	int64_t heard_ms;          /* and when, by the boot clock */
	struct err trouble;        /* why it says nothing; code 0: it does */
	char boot_id[POOL_ID_MAX]; /* of the last document */
	struct join_gap gap[ARM_COUNT];
	struct join_moment moment[JOIN_MOMENTS]; /* a ring */
	int64_t moments;                         /* ever put into it since it was cleared */
	int apart;                               /* comparisons in a row that did not agree */
	struct err contradiction;                /* code 0: none */
};

void prometheus_join_release(struct prometheus_join *j);

/* The source has spoken, or could not. */
void prometheus_join_hear(
	struct prometheus_join *j, const struct snapshot *source, struct instant now);
void prometheus_join_miss(struct prometheus_join *j, const struct err *why);

/* Holds what the pool's nodes have counted, in sum, against the source's word, which was just
 * heard: rates of errors and v2's part of the requests, over the last JOIN_SPAN answers. Where they
 * are more than 5 points apart, however much of JOIN_LAG the source is behind, one of them is not
 * to be believed, until they are compared again and agree. */
void prometheus_join_compare(
	struct prometheus_join *j, const struct join_counts pool[ARM_COUNT], const char *name);

/* Puts latencies into the document where the pool has said none in this boot and the source does,
 * if it is fresh. Where the pool's own come after the source's, they are left out of the document
 * for 3 intervals of the source: the two have counted from other beginnings, and nothing between
 * them is a difference. True where the document was changed. */
bool prometheus_join_fill(struct prometheus_join *j, struct snapshot *s, struct instant now);

/* What a person must know: that they contradict each other, or why the source says nothing. Code
 * 0: all is well. */
const struct err *prometheus_join_word(const struct prometheus_join *j);

#endif
