/* Executor: threads that do what callers hand over, one piece of work each at a time, first come,
 * first served, and never after its deadline. */
#ifndef WEIR_CLIENT_ENGINE_EXECUTOR_H
#define WEIR_CLIENT_ENGINE_EXECUTOR_H

#include "client/engine/threads.h"

struct executor;

struct executor_options {
	int threads; /* 1.. */
	/* Does a job; `thread` says where. */
	void (*run)(void *ctx, void *job, int thread);
	/* Asked after each, when the thread is free: may it take more, or only after executor_open? */
	bool (*stays)(void *ctx, int thread);
	/* That thread has taken no more, and nobody is in it. Called in it, with nothing locked. */
	void (*shut)(void *ctx, int thread);
	void *ctx;
	int cpu; /* pins thread k to processor (cpu + k) of those there are; -1: nothing */
};

/* All threads are shut. 0, or -1 with err. */
int executor_start(struct executor **out, const struct executor_options *how, struct err *err);
/* Nobody may hand over or wait. NULL is allowed. */
void executor_stop(struct executor *x);

struct executor_want {
	int64_t deadline_us;     /* of threads_us */
	int queue_max;           /* beyond what free threads will take at once */
	bool counted;            /* it is one of executor_queued while it waits */
	const atomic_bool *gone; /* NULL, or true once nobody wants the work any more */
};

enum executor_end { EXECUTOR_DONE, EXECUTOR_LATE, EXECUTOR_FULL };

/* Hands a job over and waits until it is done. LATE: it was never begun. */
enum executor_end executor_run(struct executor *x, void *job, const struct executor_want *want);

/* Puts a shut thread into service; takes a free one out of it: false when it works. */
void executor_open(struct executor *x, int thread);
bool executor_try_shut(struct executor *x, int thread);

/* Lets all who wait look whether they are gone. */
void executor_nudge(struct executor *x);

/* How many wait that are counted; how many threads work. */
int executor_queued(struct executor *x);
int executor_taken(struct executor *x);
bool executor_is_taken(struct executor *x, int thread);

#endif
