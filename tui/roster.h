/* Roster: the workers of a pool as lines of a tree, node > arm > segment > worker, which of them
 * is selected, and what each worker's processor time was a document ago. It draws nothing.
 *
 * The selection is of a worker, not of a row: it stays with it while lines come and go. */
#ifndef WEIR_TUI_ROSTER_H
#define WEIR_TUI_ROSTER_H

#include "model/drain.h"
#include "model/model.h"

#define ROSTER_WORD_MAX (POOL_ID_MAX + DRAIN_WORD_MAX)

enum roster_kind { ROSTER_NODE, ROSTER_ARM, ROSTER_SEGMENT, ROSTER_WORKER };

/* One line. What the document says of it: see roster_segment and roster_worker. */
struct roster_line {
	enum roster_kind kind;
	int node;
	enum arm arm;        /* of all but a node */
	int segment, worker; /* indices as in a struct drain; -1 where it has none */
};

/* One node's workers a document ago, and what share of a processor each has used since. */
struct roster_past {
	char boot_id[POOL_ID_MAX];
	int64_t uptime_ms;
	struct crew crew;
	double cpu[POOL_WORKERS_MAX]; /* of the rows of `crew`; 1: a whole processor, NaN unknown */
};

struct roster {
	int pool;
	struct roster_line selected;
	struct roster_line *lines;
	int line_count;
	size_t line_cap;
	struct roster_past *past; /* one a node; NULL before the first look */
	int past_count;
};

void roster_release(struct roster *r);

/* Takes in how the pool (of this index) stands now. */
void roster_look(struct roster *r, const struct pool *p, int pool);

/* Moves the selection by so many lines; it stops at the ends. */
void roster_move(struct roster *r, int by);

/* The row of the selection, 0 where there is none. */
int roster_at(const struct roster *r);

/* The document's row of a line, NULL where it has none. */
const struct segment_row *roster_segment(const struct pool *p, const struct roster_line *l);
const struct worker_row *roster_worker(const struct pool *p, const struct roster_line *l);

/* The share of a processor that a worker's line uses; NaN unknown. */
double roster_cpu(const struct roster *r, const struct pool *p, const struct roster_line *l);

/* Workers that a line stands for: how many the document names, how many of them are drained, and
 * how many of those still work. */
struct roster_sum {
	int workers, drained, draining;
};
void roster_sum(struct roster_sum *out, const struct pool *p, const struct roster_line *l);

/* What a line is called in a drain: "v2.0.3", in a pool of several nodes "NODE_ID/v2.0.3". False
 * for a node, which has both arms. */
bool roster_word(char out[ROSTER_WORD_MAX], const struct pool *p, const struct roster_line *l);

#endif
