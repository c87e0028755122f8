/* Residents' parts: what residents*.c share, and nobody else includes. Everything here is called
 * with the lock, unless it says otherwise. */
#ifndef WEIR_CLIENT_ENGINE_RESIDENTS_PARTS_H
#define WEIR_CLIENT_ENGINE_RESIDENTS_PARTS_H

#include "client/engine/health.h"
#include "client/engine/resident.h"
#include "client/engine/residents.h"

struct segment {
	struct node *node;
	int index;
	bool locked;
	struct line down; /* crashed, until they may start again */
	int64_t due_us;   /* when the first of them may; INT64_MAX: nobody waits */
	struct supervision supervision;
	struct health health;
	int64_t workers, up, asleep; /* up: started, asleep or not */
	int64_t done, failed, crashed, restarted;
};

struct node {
	int index;
	bool locked;
	int64_t workers;
	struct segment **segments;
	int segment_count;
	struct health health;
};

/* A sender that waits; on its stack. */
struct letter_wait {
	struct send_answer *answer;
	enum ack ack;
	atomic_bool ended;
	bool asleep; /* it waits for `moved` */
	pthread_cond_t moved;
};

/* A worker that had trouble; gone when nobody is registered so any more. */
struct troubled {
	struct ref ref; /* type "": nobody yet */
	int64_t count, at_us;
};

struct residents {
	struct residents_options how; /* complete */
	int dir;                      /* -1: none */
	struct gate gate;
	pthread_t *threads;
	int thread_count;
	atomic_llong ready_count; /* of `ready`, to look at without the lock */

	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t work;  /* somebody is ready, something became due, or it stops */
	pthread_cond_t left;  /* the last sender left */
	bool stopping;
	bool looking; /* a thread looks for work before it sleeps */
	int asleep;   /* threads that wait for `work` */
	int inside;   /* senders */
	struct registry registry;
	struct node node[RESIDENTS_NODES_MAX];
	struct balancer balancer;
	struct candidate candidate[RESIDENTS_NODES_MAX];
	uint64_t random;
	struct line ready, idle;
	int64_t due_us; /* when time has something to do at the earliest */
	int64_t balance_at_us;
	struct residents_counts counts;
	struct troubled worst[RESIDENT_WORST_MAX];
};

/* ---- residents_place.c ---- */

void residents_grow_node(struct residents *r, struct node *n);

/* A place for a new worker; NULL with the answer's status, failure and message. */
struct segment *residents_place(
	struct residents *r, const struct envelope *e, int64_t now_us, struct send_answer *answer);

struct address residents_address(const struct resident *x);

/* Counts one in or out of its segment and node. */
void residents_join(struct resident *x, struct segment *s);
void residents_part(struct resident *x);

/* Notes a trouble of a worker where it is, and who had it. */
void residents_note(struct residents *r, struct resident *x, enum trouble what, int64_t now_us);

double residents_node_health(const struct residents *r, const struct node *n, int64_t now_us);
double residents_segment_health(
	const struct residents *r, const struct segment *s, int64_t now_us);

/* residents_rebalance with the lock. */
int64_t residents_move_some(struct residents *r);

/* ---- residents_tell.c ---- */

/* Counts a trouble of a worker's by its name, in the place of whoever had least. */
void residents_blame(struct residents *r, const struct resident *x, int64_t now_us);

/* ---- residents_run.c ---- */

void *residents_serve(void *arg); /* a thread; without the lock */

/* Puts an unclaimed worker in the line it belongs to. */
void residents_settle(struct residents *r, struct resident *x);

/* Starts a claimed worker, letting go of the lock meanwhile; unclaims and settles it. 0; -1 with
 * err: it did not start, all its mail failed, and if it never ran it is gone. */
int residents_begin(struct residents *r, struct resident *x, struct err *err);

/* Lets time act; sets due_us. */
void residents_pass(struct residents *r, int64_t now_us);

/* Ends a letter that was taken out of its mailbox and not begun: counts it as failed or timed
 * out, tells who waits, frees it. */
void residents_give_up(struct residents *r, struct resident *x, struct letter *l,
	const struct send_answer *answer);

/* Ends all letters of a worker so. */
void residents_empty(struct residents *r, struct resident *x, const struct send_answer *answer);

/* Fills an answer that refuses or fails. */
void residents_refuse(
	struct send_answer *a, enum send_status status, enum failure failure, const char *message);

#endif
