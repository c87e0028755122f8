/* Residents: the tree of addressable workers: nodes, their segments, the workers. Messages find
 * a worker by its address wherever it is; few threads do the work of any number of workers.
 * Every function is thread-safe.
 *
 * What is promised:
 * - accepted = done + failed + timed_out + queued + running, at every look.
 * - A worker does one message at a time, in the order in which they were accepted.
 * - A message is executed once at most and never begun after its deadline; one that was accepted
 *   and not executed has failed or timed out, and is counted so.
 * - A worker that starts, moves or rests after a crash keeps its mail.
 * - A crash stays in its segment: others there and elsewhere go on. */
#ifndef WEIR_CLIENT_ENGINE_RESIDENTS_H
#define WEIR_CLIENT_ENGINE_RESIDENTS_H

#include "client/engine/balancer.h"
#include "client/engine/envelope.h"
#include "client/engine/supervision.h"
#include "client/engine/target.h"
#include "model/pool.h"

#define RESIDENTS_NODES_MAX 8
#define RESIDENTS_SEGMENTS_MAX 1024 /* of a node */
#define RESIDENTS_THREADS_MAX 64
#define RESIDENTS_STICKY_HEALTH 0.75 /* a sticky wish is granted from here on */

/* How many of something one place should hold. X(name, words for a person, low, target, high) */
#define AIM_INFO(X) \
	X(SEGMENT_WORKERS, "workers of a segment", 500, 2500, 5000) \
	X(NODE_SEGMENTS, "segments of a node", 1, 20, 64) \
	X(NODE_WORKERS, "workers of a node", 10000, 50000, 100000)

enum aim {
#define X(name, words, low, target, high) AIM_##name,
	AIM_INFO(X)
#undef X
		AIM_COUNT
};

struct residents_options {
	int nodes;                              /* 0: 1; at most RESIDENTS_NODES_MAX */
	int64_t weight[RESIDENTS_NODES_MAX];    /* for `weighted`; all 0: equal */
	int threads;                            /* that execute; 0: 2 */
	struct target aim[AIM_COUNT];           /* all 0: the defaults of AIM_INFO. A node has `low`
	                                   * segments from the start, and workers fill up what is
	                                   * there before there is a further one */
	enum placement placement;               /* among nodes that may take another worker */
	struct supervision_options supervision; /* of each segment */
	int mailbox_max;                        /* letters of one worker; 0: 1024 */
	int64_t queued_max;                     /* of all; 0: 65536 */
	int64_t idle_us;                        /* idle for so long a worker leaves; 0: never */
	int64_t balance_us;                     /* between two looks whether to move any; 0: 1 s */
	const char *dir; /* of persisted states; NULL: none. Borrowed for the call */
};

struct residents;

/* Starts the nodes and threads. 0, or -1 with err (CONFIG, FILE, SYSTEM). */
int residents_start(
	struct residents **out, const struct residents_options *how, struct err *err);

/* From now on refuses what comes, ends what waits in mailboxes (`unavailable`) and what sleeps.
 * Whoever has called in hears so soon; calling in is still allowed. */
void residents_end(struct residents *r);

/* residents_end, then joins and frees. States that nobody persisted are gone. Nobody may call in
 * from then on; NULL is allowed. */
void residents_stop(struct residents *r);

/* Sends, and waits as long as the envelope says and at most until its deadline. */
void residents_send(struct residents *r, const struct envelope *e, struct send_answer *answer);

/* Where a worker is; not known when there is none. Starts and wakes nobody. */
struct address residents_find(struct residents *r, const struct ref *ref);

/* Takes a node (segment -1) or a segment out of placement: nothing new goes there, those there
 * still answer and are restarted. 0, or -1 with err (CONFIG): no such place, or it was locked
 * (not locked) already. */
int residents_lock(struct residents *r, int node, int segment, struct err *err);
int residents_release(struct residents *r, int node, int segment, struct err *err);

/* Changes a window while it runs; nobody is stopped for it. 0, or -1 with err (CONFIG). */
int residents_aim(
	struct residents *r, enum aim what, const struct target *target, struct err *err);

/* Moves workers from nodes above high down to target, as long as others are below it; those
 * that work at this moment stay. Returns how many. Happens by itself too. */
int64_t residents_rebalance(struct residents *r);

/* Lets time act as at `now_us`: restarts that waited, idle workers that leave, rebalancing. The
 * threads do so by themselves. */
void residents_tick(struct residents *r, int64_t now_us);

/* X(name): each a number of the past, but for queued and running. */
#define RESIDENTS_COUNT_INFO(X) \
	X(accepted) \
	X(done) \
	X(failed) \
	X(timed_out) \
	X(queued) \
	X(running) \
	X(refused) \
	X(buffered) \
	X(rerouted) \
	X(spawned) \
	X(started) \
	X(crashed) \
	X(restarted) \
	X(killed) \
	X(deprovisioned) \
	X(moved) \
	X(hibernated) \
	X(persisted)

struct residents_counts {
#define X(name) int64_t name;
	RESIDENTS_COUNT_INFO(X)
#undef X
};

struct residents_segment {
	int node, segment;
	bool locked, resting;
	int64_t workers, asleep, down; /* down: crashed, waiting for their restart */
	int64_t done, failed, crashed, restarted;
	double health; /* 0..1 */
};

struct residents_node {
	bool locked;
	int segments;
	int64_t workers;
	double health;
};

struct residents_look {
	struct residents_counts counts;
	int nodes;
	struct residents_node node[RESIDENTS_NODES_MAX];
	size_t segments, dropped; /* written, and left out for want of room */
	int64_t workers, bytes;   /* memory of workers, letters and registry */
};

/* All of one moment; the first `max` segments go to `out`. */
void residents_look(struct residents *r, struct residents_look *look,
	struct residents_segment *out, size_t max);

/* Fills what the state document says: of one moment; where there are more segments than rows,
 * those with trouble first. Not known as long as nobody ever registered and nothing is locked. */
void residents_tell(struct residents *r, struct resident_crew *out);

#endif
