/* Task: one piece of work of the builtin workers. */
#ifndef WEIR_CLIENT_ENGINE_TASK_H
#define WEIR_CLIENT_ENGINE_TASK_H

#include "client/engine/engine.h"
#include "client/engine/operations.h"
#include "client/engine/threads.h"

#define TASK_WORK_MAX_US 60000000

struct tallies; /* client/engine/tallies.h */
struct tallies_batch;

/* Borrowed for the run by whoever runs it. */
struct task {
	enum operation operation;
	const struct engine_request *request;
	const struct tallies_batch *batch; /* of OPERATION_TALLY */
	struct engine_response *response;
	int64_t start_us;    /* when it was routed */
	int64_t deadline_us; /* work still running then fails as a timeout */
	bool may_be_faulty;
	struct fault fault;      /* in force when it began; read only when may_be_faulty */
	double pace;             /* run time times this */
	struct tallies *tallies; /* of the arm that runs it */
	bool crashed;            /* the work ended its worker */
};

/* How a builtin's work will go: drawn, not yet done. */
struct draw {
	int64_t take_us; /* INT64_MAX: it never ends */
	bool busily;     /* it uses its processor meanwhile */
	bool ok, crashed;
	enum failure failure; /* when not ok */
};

/* Draws the work of an operation that was asked to take `work_us` (UNKNOWN: its default) at a
 * pace, under a fault (NULL none). Pure. */
struct draw task_draw(enum operation o, int64_t work_us, double pace, const struct fault *fault,
	uint64_t *random);

/* Does the work in this thread and fills ok, failure, message and result of the response. Ends
 * at the deadline or when the gate closes at the latest. `random` is the worker's sequence. */
void task_run(struct task *t, struct gate *gate, uint64_t *random);

#endif
