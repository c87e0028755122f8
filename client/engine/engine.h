/* Engine: the embedded pool with two arms. Real work on real threads: v1 is one serialized
 * executor, v2 has N workers that are checked out in the caller's thread. Every function is
 * thread-safe. */
#ifndef WEIR_CLIENT_ENGINE_ENGINE_H
#define WEIR_CLIENT_ENGINE_ENGINE_H

#include "client/engine/control.h"
#include "model/pool.h"
#include "model/scenario.h"

struct engine;

struct engine_options {
	const char *pool, *pool_id, *node; /* names; NULL: "local" */
	int v1_workers; /* 0: 1. More than one is a pool of serialized executors */
	int v2_workers; /* 0: 8; 1..1024 */
	bool no_v2;
	int share_bp;
	enum strategy strategy; /* of the start; CANARY unless share and strategy disagree */
	const char *state_dir;  /* NULL: a restart forgets */
	int queue_max;          /* bounded queue of each arm; 0: 1024 */
	int64_t unit_ms;        /* 0: 30000 */
	int64_t timeout_ms;     /* of a request that names none; 0: 5000 */
	const struct scenario *scenario; /* arrivals and faults; NULL none. Borrowed for the call */
};

/* Starts the engine with its threads. 0, or -1 with err. */
int engine_start(struct engine **out, const struct engine_options *how, struct err *err);

/* What a person should know of the start: what was cut off the control log; "" nothing.
 * Borrowed until the stop. */
const char *engine_note(const struct engine *e);

/* Stops arrivals, lets running work end (at most 2 s), joins the threads, frees. */
void engine_stop(struct engine *e);

#define ENGINE_PAYLOAD_MAX 4096

struct engine_request {
	char operation[OPERATION_NAME_MAX];
	char session[POOL_ID_MAX]; /* "": the request's own id decides */
	char id[POOL_ID_MAX];
	int64_t work_us; /* for spin, sleep, predict: what the work takes; UNKNOWN: its default */
	char payload[ENGINE_PAYLOAD_MAX]; /* JSON text or "" */
	int64_t timeout_ms;               /* 0: the engine's default */
};

enum engine_status {        /* as HTTP says it */
	ENGINE_OK = 200,        /* done, ok or failed */
	ENGINE_BAD = 422,       /* unknown operation, bad argument: never counted */
	ENGINE_SATURATED = 429, /* the queue was full */
	ENGINE_DRAINING = 503,
	ENGINE_TIMEOUT = 504, /* the deadline passed in the queue: never executed */
};

struct engine_response {
	enum engine_status status;
	bool ok;
	enum arm arm;
	enum failure failure; /* when !ok && status == ENGINE_OK, or why it was not executed */
	char message[POOL_REASON_MAX];
	char result[ENGINE_PAYLOAD_MAX]; /* JSON text when ok */
	int64_t latency_us;
};

/* Routes, executes and counts one request in the caller's thread; waits at most the deadline.
 */
void engine_execute(
	struct engine *e, const struct engine_request *request, struct engine_response *response);

/* Fills a document; reading never resets anything. Large: caller allocates. */
void engine_snapshot(struct engine *e, struct snapshot *out);

/* control.h with the engine's counters, lock and clock. */
void engine_change(
	struct engine *e, const struct control_request *request, struct control_answer *out);
void engine_lease(
	struct engine *e, const struct lease_request *request, struct control_answer *out);
/* What the guard's thread does once a second: judges the time since, lets time act. */
void engine_watch(struct engine *e);
enum intent_fate engine_intent(
	struct engine *e, const char *key, bool make_void, struct control_answer *out);
size_t engine_audit(struct engine *e, int64_t since, struct audit_entry *out, size_t max);

/* Replaces the faults of one arm by hand; a scenario's later phases still apply. */
void engine_set_fault(struct engine *e, enum arm arm, const struct fault *fault);

/* Refuses new work (503) and waits until none runs or wait_ms passed; true when none runs. */
bool engine_drain(struct engine *e, int64_t wait_ms);

/* The clock of this process: the only place of client/ that reads it (with threads.c). */
struct instant engine_now(void);

#endif
