/* What the parts of the simulated work share. For sim_work.c and sim_way.c alone. */
#ifndef WEIR_CLIENT_ENGINE_SIM_WORK_PARTS_H
#define WEIR_CLIENT_ENGINE_SIM_WORK_PARTS_H

#include "client/engine/router.h"
#include "client/engine/session.h"
#include "client/engine/sim_heap.h"
#include "client/engine/sim_work.h"
#include "client/engine/task.h"
#include "client/engine/worker.h"
#include "model/arrivals.h"

#define SIM_NONE UINT32_MAX

/* What an event of the heap is. */
enum { EVENT_DONE, EVENT_AGAIN, EVENT_LATE, EVENT_START };

/* What a request asks for, and how far it is. */
struct sim_request {
	int64_t arrived_us, deadline_us;
	uint64_t session;
	struct route route;
	enum operation operation;
	int64_t work_us;
	enum arm arm; /* where it is now */
	enum run run;
	int attempt;
	int worker; /* that has it, of its arm */
	struct breaker_ticket ticket;
	struct draw draw;          /* of the work under way, or how it ended */
	enum engine_status status; /* of the answer */
	int64_t leaks;
	bool told_ok; /* a fault that lies is in force */
	struct {
		bool ok;
		enum engine_status status;
	} first; /* v1's answer, that a copy is compared with */
	bool waits;
	uint32_t before, next; /* in the queue; `next` also among the free */
};

struct sim_arm {
	int workers, busy, down;
	int *idle; /* the workers that nobody has, the next one last */
	int idle_count;
	struct supervision *segments;
	int64_t *leaked, leaked_sum; /* of each worker, of all */
	uint32_t front, back;        /* the queue */
	int64_t waiting, queued;     /* all, and the requests among them */
	int64_t queue_max;
	double pace;
	uint64_t random;
	struct breaker breaker;
	struct fault fault;
	struct arm_counts counts;
};

struct sim_work {
	struct sim_work_options how;
	struct scenario scenario;
	enum operation operations[SCENARIO_OPERATIONS_MAX];
	struct arrivals *arrivals;
	struct arrival next;
	bool arrives;
	int64_t now_us, faults_us; /* faults up to here are in force */
	struct router router;
	uint32_t generation;
	struct sessions *sessions;
	struct sim_arm arms[ARM_COUNT];

	struct sim_request *requests;
	size_t request_count, request_cap;
	uint32_t free;
	struct sim_heap heap;
};

/* The next arrival takes its way. */
void sim_way_arrive(struct sim_work *w);

/* An attempt of a request on its arm. */
void sim_way_enter(struct sim_work *w, uint32_t r);

/* The work of an attempt is over. */
void sim_way_done(struct sim_work *w, uint32_t r);

/* A deadline has come: whoever still waits then is never begun. */
void sim_way_late(struct sim_work *w, uint32_t r);

/* Starts a worker that has crashed, when its segment may: asked again where it rests. */
void sim_way_start(struct sim_work *w, struct sim_arm *a, int worker);

/* Begins what waits, as far as workers are free. */
void sim_way_serve(struct sim_work *w, struct sim_arm *a);

#endif
