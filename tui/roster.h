/* Roster: the workers of a pool as lines of a tree, which of them is selected, and what each
 * worker's processor time was a document ago. It draws nothing.
 *
 *     node > arm > segment > worker
 *          > residents (registered workers) > node > segment > those of them with trouble
 *          > keyed work of an arm > its partitions
 *
 * The selection is of a worker, not of a row: it stays with it while lines come and go. */
#ifndef WEIR_TUI_ROSTER_H
#define WEIR_TUI_ROSTER_H

#include "model/drain.h"
#include "model/model.h"

#define ROSTER_WORD_MAX (POOL_ID_MAX + DRAIN_WORD_MAX)

/* X(name, depth in the tree) */
#define ROSTER_INFO(X) \
	X(NODE, 0) \
	X(ARM, 1) \
	X(SEGMENT, 2) \
	X(WORKER, 3) \
	X(RESIDENTS, 1) \
	X(PLACE, 2) \
	X(ROOM, 3) \
	X(RESIDENT, 4) \
	X(TALLY, 1) \
	X(PARTITION, 2)

enum roster_kind {
#define X(name, depth) ROSTER_##name,
	ROSTER_INFO(X)
#undef X
		ROSTER_KIND_COUNT
};

/* One line. What the document says of it: see roster_segment and those after it. */
struct roster_line {
	enum roster_kind kind;
	int node;
	enum arm arm;        /* of an arm, what is below it, and keyed work */
	int segment, worker; /* indices as in a struct drain; -1 where it has none. Of a partition
	                      * `worker` is its index */
	int place;           /* of registered workers: the node; `segment` is of it */
	char name[RESIDENT_NAME_MAX]; /* of a RESIDENT */
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
const struct resident_crew *roster_residents(const struct pool *p, const struct roster_line *l);
const struct resident_place *roster_place(const struct pool *p, const struct roster_line *l);
const struct resident_row *roster_resident(const struct pool *p, const struct roster_line *l);
const struct tally_crew *roster_tally(const struct pool *p, const struct roster_line *l);
const struct partition_row *roster_partition(const struct pool *p, const struct roster_line *l);

/* How deep a line stands in the tree: 0 a node. */
int roster_depth(const struct roster_line *l);

/* What a line below a node is called: "v2.0.3", "residents", "r0.1", a registered worker's name, "v2 tally",
 * "p3". */
void roster_label(char *out, size_t size, const struct roster_line *l);

/* The share of a processor that a worker's line uses; NaN unknown. */
double roster_cpu(const struct roster *r, const struct pool *p, const struct roster_line *l);

/* Workers that a line stands for: how many the document names, how many of them are drained, and
 * how many of those still work. */
struct roster_sum {
	int workers, drained, draining;
};
void roster_sum(struct roster_sum *out, const struct pool *p, const struct roster_line *l);

/* True where the line has the last workers of its arm on its node that take work, while the arm is
 * needed: the pool refuses to drain those. */
bool roster_is_last(const struct pool *p, const struct roster_line *l);

/* True when all that a line stands for is drained, or locked: there is something, and none of it
 * gets new work. */
bool roster_is_drained(const struct pool *p, const struct roster_line *l);

/* What a line is called in a drain: "v2.0.3", "r0.1", in a pool of several nodes
 * "NODE_ID/v2.0.3". False for a node, which has both arms, for keyed work, and for registered
 * workers but for their places. */
bool roster_word(char out[ROSTER_WORD_MAX], const struct pool *p, const struct roster_line *l);

#endif
