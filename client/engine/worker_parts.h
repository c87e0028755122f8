/* Worker parts: what workers hold, for the files that are them: worker.c gives work, supervisor.c
 * lets them live and die, worker_tell.c says how they are. Nobody else's. */
#ifndef WEIR_CLIENT_ENGINE_WORKER_PARTS_H
#define WEIR_CLIENT_ENGINE_WORKER_PARTS_H

#include "client/engine/executor.h"
#include "client/engine/health.h"
#include "client/engine/meter.h"
#include "client/engine/slots.h"
#include "client/engine/trend.h"
#include "client/engine/worker.h"

/* X(name): why a worker gets no new work. */
#define OUT_INFO(X) X(STARTING) X(LOCKED) X(STALLED) X(DUE) X(CRASHED) X(CHECKED)

enum out_bit {
#define X(name) OUT_##name##_BIT,
	OUT_INFO(X)
#undef X
		OUT_COUNT
};
enum out {
#define X(name) OUT_##name = 1 << OUT_##name##_BIT,
	OUT_INFO(X)
#undef X
};

/* Of these no session need hear that its worker is gone: it need only wait. */
#define OUT_SOON_BACK (unsigned)(OUT_STALLED | OUT_CHECKED)

struct leak; /* memory that the fault of that name keeps */

struct worker {
	struct workers *all;
	int index;
	atomic_uint out; /* enum out; who has the worker puts it out of service where it is not 0 */

	/* Of whoever has the worker: the one it works for, or its supervisor while it is out. */
	uint64_t random;
	struct meter *meter;
	struct exec *exec; /* NULL: builtin, or none yet */
	struct leak *leaks;
	_Atomic int64_t leaked, served;

	/* Under the lock of its supervisor. */
	bool is_out;
	struct lifecycle life;
	int64_t restarts, crashes;
	struct trend trend;
	struct resource uses; /* of a child, at the last look */
	char trouble[POOL_REASON_MAX];
};

/* One supervisor's: a segment of child processes, or all builtin workers. */
struct supervisor {
	struct workers *all;
	int first, count; /* workers */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t moved; /* a worker went out of service, is asked for, or it is over */
	bool has_news;        /* since it last began to look at its workers */
	bool over, looked_for;
};

struct segment {
	bool locked;
	struct supervision supervision; /* under the lock of its supervisor, like health */
	struct health health;
};

struct workers {
	struct workers_options how;
	struct exec_options exec;
	struct worker *each;
	struct segment *segments;
	int segment_count;
	struct supervisor *supervisors;
	int supervisor_count;
	_Atomic int64_t created, destroyed, crashed, restarted;

	struct slots *slots;       /* concurrent */
	struct executor *executor; /* serialized */

	_Atomic uint64_t quiet;    /* breaker_quiet, for who does not take the lock */
	atomic_bool faulty;        /* there is a fault */
	struct affinity *sessions; /* NULL: not sticky; what is in it is under the lock */

	/* Of what is not any worker's. On a line of its own: threads read what stands above while
	 * callers lock this. */
	_Alignas(64) pthread_mutex_t lock;
	struct meter *outside; /* requests that wait, were refused or too late */
	struct breaker breaker;
	struct fault fault;
};

struct supervisor *worker_supervisor(struct workers *w, int worker);
struct segment *worker_segment(struct workers *w, int worker);

/* What they can be asked to do. */
const struct operations *worker_operations(const struct workers *w);

/* Puts the worker out of service when it is free, and counts the reason in. True when it is out
 * now; else whoever has it puts it out. */
bool worker_take_out(struct worker *me, enum out why);

/* Takes the reason away, and where none is left puts it back into service. */
void worker_put_back(struct worker *me, enum out why);

/* Who has the worker leaves it: it is free, or its supervisor's. */
void worker_leave(struct worker *me);

/* Frees what the leak fault keeps. */
void worker_free_leaks(struct worker *me);

/* Nothing is known of what its child uses. */
void worker_forget_uses(struct worker *me);

/* ---- worker_session.c: sticky sessions ---- */

/* What is to be done with a request of the session; the worker that it must or should have, or
 * SLOTS_ANY. */
enum affinity_choice session_choose(struct workers *w, const char *session, int *worker);

/* Binds the session to the worker. False where it must have another: two of its requests began
 * at the same moment, and the other one was first. */
bool session_bind(struct workers *w, const char *session, int worker);

/* Its worker is gone: the session is told so once, and has another from then on. */
void session_unbind(struct workers *w, const char *session);

/* ---- supervisor.c ---- */

/* Starts the workers and their supervisors. 0, or -1 with err. */
int supervisors_start(struct workers *w, struct err *err);
/* Ends the workers. No work may be under way. */
void supervisors_stop(struct workers *w);

/* Tells a worker's supervisor that it is out of service. */
void supervisor_notice(struct worker *me);

#endif
