/* Judging: the intervals of a pool's nodes as looks of its judge, and what its evidence was over
 * the last minutes. One look is one interval of every node, or of those that spoke in time. */
#ifndef WEIR_MODEL_JUDGING_H
#define WEIR_MODEL_JUDGING_H

#include "model/judge.h"
#include "model/ring.h"

/* One node's interval. */
struct judging_part {
	const struct sample *sample;
	const struct histogram *latency[ARM_COUNT];         /* of requests; NULL none */
	const struct histogram *session_latency[ARM_COUNT]; /* of sessions; NULL none */
	int64_t change_age_ms; /* of the split at the interval's end; UNKNOWN: never changed */
	int64_t uptime_ms;
	int64_t settle_ms; /* UNKNOWN: 30 s */
	int share_bp;
	bool sticky;
	struct units half[2]; /* v1's requests in two halves; n 0: none */
};

/* How the judge took an interval: all that another judge, which has only the counts of these
 * intervals, must know to come to the same. */
struct judging_mark {
	bool settled, changed, sticky; /* as of struct judge_interval, of this node alone */
	bool broken; /* since the interval before it something was missing */
	bool afresh; /* since then evidence began anew */
	int share_bp;   /* -1 not known */
	int64_t number; /* of this judge's intervals, from 0 */
};

/* The evidence of a moment, for plots. */
struct judging_point {
	int64_t wall_ms;
	struct judging_figures {
		float low, ratio, high; /* as struct ratio */
		float log10_harm, log10_safe;
	} metric[JUDGED_COUNT];
};

#define JUDGING_POINTS 128
#define JUDGING_POINT_MS 5000

struct judging {
	struct judge judge;
	struct judge_interval pending;
	struct histogram *latency[ARM_COUNT]; /* owned; NULL where one node's need no sum */
	bool timed[ARM_COUNT];
	uint64_t nodes, spoken; /* bits: all of them; those in `pending` */
	struct judging_mark mark; /* of the last interval */
	bool broken, afresh;      /* since it */
	int64_t taken;            /* intervals of nodes since this was made */
	bool halved, by_requests; /* some of them had v1's halves; were counted by requests */
	struct ring trail;      /* struct judging_point, a slot every JUDGING_POINT_MS */
	int64_t begun;          /* how often evidence began anew */
};

/* `node_count` 1..64. */
void judging_init(struct judging *g, const struct judge_policy *p, int node_count);
void judging_release(struct judging *g);

/* Takes a node's interval; the judge looks when every node has given one, or this one again. */
void judging_add(struct judging *g, int node, const struct judging_part *part);

/* The same of an interval that another judge took, from its counts, its latencies and that
 * judge's mark alone: what was between them goes before it. */
void judging_retake(struct judging *g, int node, const struct judging_part *counts,
	const struct judging_mark *mark);

/* True while a look may have been at v1's halves, which no counts of arms have. */
bool judging_looks_beyond(const struct judging *g);

/* A node's interval is missing, or says nothing. */
void judging_skip(struct judging *g);

/* Evidence begins anew: another version, or another attempt. */
void judging_restart(struct judging *g);

#endif
