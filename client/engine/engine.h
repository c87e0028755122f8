/* Engine: the embedded pool with two arms. Real work on real threads: v1 is one serialized
 * executor, v2 has N workers that are checked out in the caller's thread. Every function is
 * thread-safe. */
#ifndef WEIR_CLIENT_ENGINE_ENGINE_H
#define WEIR_CLIENT_ENGINE_ENGINE_H

#include "client/engine/control.h"
#include "model/pool.h"
#include "model/scenario.h"

#include <stdatomic.h>

struct engine;
struct exec_options;      /* client/engine/exec.h */
struct residents;         /* client/engine/residents.h */
struct residents_options; /* the same */
struct envelope;          /* client/engine/envelope.h */
struct send_answer;       /* the same */
struct tallies_facts;     /* client/engine/tallies.h */

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
	const struct exec_options *exec;    /* what v2's workers run, and */
	const struct exec_options *v1_exec; /* v1's; NULL: builtin. Borrowed until the stop */
	int segment;                        /* workers of a segment; 0: 8 */
	bool pinned;                        /* each worker is kept on one processor */
	const char *affinity;    /* of sessions to v2's workers: a mode's word; NULL none */
	int breaker_failures;    /* in a row that open an arm's breaker; 0: 5 */
	int64_t breaker_open_ms; /* 0: 60000 */
	const char *retry; /* how work that failed for a while is tried again: a backoff's word
	                    * (retry.h), base 100 ms, 5 attempts; NULL: 1, 2, 4, 8, 16 s */
	const char *v1_processor; /* "v1:simple", "v1:transactional"; NULL: the first */
	const char *v2_processor; /* "v2[:N][:affinity]"; NULL: v2_workers as slots */
	const char *partition;    /* of keyed work: a strategy's word; NULL: always_hash */
	/* What worker programs can do (operations_read); NULL: the builtin ones. Both sides must be
	 * programs then. */
	const char *operations;
	const char *allow; /* what v2 may get at the first start, "NAME,…"; NULL: all */
	/* Addressable workers; NULL none. Their states are kept under state_dir. Borrowed for the
	 * call. */
	const struct residents_options *residents;
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
	char key[POOL_ID_MAX];            /* of keyed work; "" none */
	int64_t timeout_ms;               /* 0: the engine's default */
	const atomic_bool *gone; /* NULL, or true once nobody wants the answer: it is not begun */
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

/* Lets what waits in the queues look whether its caller is gone. */
void engine_nudge(struct engine *e);

/* Routes, executes and counts one request in the caller's thread; waits at most the deadline.
 */
void engine_execute(
	struct engine *e, const struct engine_request *request, struct engine_response *response);

/* Work that shadow gave to both and that they answered differently. */
struct mismatch {
	int64_t age_ms;
	char operation[OPERATION_NAME_MAX], id[POOL_ID_MAX];
	struct mismatch_answer {
		bool ok;
		int64_t latency_us;
		char text[POOL_REASON_MAX]; /* the result, or why it failed; cleaned and cut */
	} arms[ARM_COUNT];
};

/* The newest of them, newest first, at most `max`; how many. */
size_t engine_mismatches(struct engine *e, struct mismatch *out, size_t max);

/* Sends to an addressable worker and waits as the envelope says; refuses (`unavailable`) where
 * there are none, and while draining. */
void engine_send(struct engine *e, const struct envelope *envelope, struct send_answer *answer);

/* The addressable workers, for looking and locks; NULL where there are none. Borrowed until the
 * stop. */
struct residents *engine_residents(struct engine *e);

/* Fills a document; reading never resets anything. Large: caller allocates. */
void engine_snapshot(struct engine *e, struct snapshot *out);

/* control.h with the engine's counters, lock and clock. */
void engine_change(
	struct engine *e, const struct control_request *request, struct control_answer *out);
void engine_lease(
	struct engine *e, const struct lease_request *request, struct control_answer *out);
/* Where the control stands, for whoever shares its plan. */
struct engine_stand {
	struct control_stand control;
	char boot_id[POOL_ID_MAX];
};

/* control.h, "a plan that several controls share"; what is adopted is put in force. */
void engine_share(struct engine *e);
void engine_begin(struct engine *e);
bool engine_reclaim(struct engine *e, const char *line);
bool engine_has_passed(struct engine *e, const char *line);
int engine_adopt(struct engine *e, const char *line, bool live, struct err *err);
void engine_lead(struct engine *e, const char *absent);
void engine_hear_holder(struct engine *e, const char *holder, int64_t ttl_ms);
/* How it stands now; appends what was made here. */
void engine_stand(struct engine *e, struct engine_stand *out, struct text *own);

/* What the guard's thread does once a second: judges the time since, lets time act. */
void engine_watch(struct engine *e);
enum intent_fate engine_intent(
	struct engine *e, const char *key, bool make_void, struct control_answer *out);
size_t engine_audit(struct engine *e, int64_t since, struct audit_entry *out, size_t max);

/* Takes an arm's worker (segment -1), segment (worker -1) or all (both -1) out of new work, or
 * back into it. False when there is no such one. */
bool engine_lock_workers(struct engine *e, enum arm arm, int segment, int worker, bool on);

/* What an arm has tallied; false where it has no tables: there is no v2, or its workers are
 * processes of their own, which keep what they like. Large: caller allocates. */
bool engine_tally(struct engine *e, enum arm arm, struct tallies_facts *out);

/* Replaces the faults of one arm by hand; a scenario's later phases still apply. */
void engine_set_fault(struct engine *e, enum arm arm, const struct fault *fault);

/* A fault of the node: its wall clock is that far ahead; negative: behind. */
void engine_set_skew(struct engine *e, int64_t ahead_ms);

/* Refuses new work (503) and waits until none runs or wait_ms passed; true when none runs, and
 * else what waits for addressable workers is ended. */
bool engine_drain(struct engine *e, int64_t wait_ms);

/* The clock of this process: the only place of client/ that reads it (with threads.c). */
struct instant engine_now(void);

#endif
