/* Exec: a worker that is a child process. It reads and writes one JSON document a line on its
 * standard input and output, and says {"ready":true} before anything else, where it may name what
 * it can do ("operations":["predict",…]):
 *
 *     {"id":7,"operation":"predict","session":…,"key":…,"payload":…}
 *         {"id":7,"ok":true,"result":…}
 *         {"id":7,"ok":false,"error":{"category":…,"message":…}}
 *     {"ping":3}
 *         {"pong":3}
 *
 * Calls block. A worker belongs to one thread at a time; only its log is written elsewhere. Once
 * anything is wrong with its answers it is killed and lost, so that no late answer can ever
 * reach the next request: stop it and start another. */
#ifndef WEIR_CLIENT_ENGINE_EXEC_H
#define WEIR_CLIENT_ENGINE_EXEC_H

#include "client/engine/exec_child.h"
#include "client/engine/exec_line.h"
#include "client/engine/exec_orphan.h"
#include "client/engine/operations.h"
#include "client/engine/resource.h"
#include "client/engine/threads.h"

#define EXEC_NAME_MAX 64
#define EXEC_START_US 10000000
#define EXEC_GRACE_US 2000000
#define EXEC_HEARTBEAT_US 2000000
#define EXEC_PONG_US 10000000

struct exec;

struct exec_options { /* borrowed for the call, but for gate and what log_ctx points to */
	const char *name; /* for messages; NULL: the program's */
	const char *const *argv;
	const char *dir;     /* it runs there; NULL: here */
	const char *run_dir; /* register of workers (exec_orphan.h); NULL none */
	/* Each 0: the default above. */
	int64_t start_us;     /* from the start to ready */
	int64_t grace_us;     /* of a stop, until SIGKILL */
	int64_t heartbeat_us; /* silence after which a ping is due */
	int64_t pong_us;      /* what a pong may take */
	/* Each 0: none. */
	struct child_limits limits;
	int64_t max_age_us, max_requests, max_memory_bytes; /* then it is due for another */
	void (*log)(void *ctx, const char *line); /* cleaned lines of standard error, called in a
	                                           * thread of the worker's own; NULL: not kept */
	void *log_ctx;
	const struct operations
		*operations;   /* NULL, or what a worker that says what it can do must be
	                                      * able to; outlives the worker */
	struct gate *gate; /* NULL, or what ends every wait when it closes; outlives the worker */
};

/* Starts it and waits until it is ready. 0, or -1 with err: ERR_CONFIG for a program that
 * cannot run, ends before it is ready (with the last line of its log) or cannot do what is
 * declared, ERR_SLOW, ERR_DOCUMENT
 * for another first line, ERR_FILE and ERR_UNSAFE_FILE for the register, else ERR_SYSTEM. */
int exec_start(struct exec **out, const struct exec_options *how, struct err *err);

enum exec_result {
	EXEC_OK,
	EXEC_FAILED, /* failure and message say why; the worker is as good as before */
	EXEC_LOST,   /* the same, and the worker is killed */
};

struct exec_answer {
	const char *result; /* JSON text when EXEC_OK, "null" where it said none; the worker's,
	                     * until its next call */
	size_t result_len;
	bool begun; /* false: the worker saw nothing of it, so another may run it */
	enum failure failure;
	char message[POOL_REASON_MAX]; /* cleaned; "" when EXEC_OK */
};

/* Sends a request and waits for its answer until `deadline_us` of threads_us. A worker that
 * does not answer in time is lost (TIMEOUT), as is one that ends (CONNECTION, with its signal or
 * exit status), writes anything but this answer (COMMUNICATION), or runs while the gate closes
 * (SYSTEM). */
enum exec_result exec_run(struct exec *x, const struct exec_request *request,
	int64_t deadline_us, struct exec_answer *out);

/* True when it was silent for heartbeat_us. */
bool exec_ping_due(const struct exec *x, int64_t now_us);
/* Asks for a pong: EXEC_OK or EXEC_LOST, why in `out` (HEALTH for no pong in time). */
enum exec_result exec_ping(struct exec *x, struct exec_answer *out);

enum exec_due {
	EXEC_DUE_NONE,
	EXEC_DUE_LOST, /* it was killed or has ended */
	EXEC_DUE_AGE,
	EXEC_DUE_REQUESTS,
	EXEC_DUE_MEMORY,
};

/* Why it should be replaced, and in words. Reads /proc where memory is bounded: between two
 * requests, not on every look. */
enum exec_due exec_due(const struct exec *x, int64_t now_us);
const char *exec_due_name(enum exec_due due);

pid_t exec_pid(const struct exec *x);
/* What the process uses now; all UNKNOWN when it has ended. */
void exec_resource(const struct exec *x, struct resource *out);

/* Begins a stop and does not wait: closes its standard input. The grace counts from here, so
 * that many workers stop within one. */
void exec_stop_begin(struct exec *x);

/* Stops it, waits and frees. An idle worker ends by itself when its input ends; after a quarter
 * of the grace SIGTERM goes to its group, after all of it SIGKILL. `at_once`: SIGKILL. What the
 * worker started in its group ends with it. NULL is allowed. */
void exec_stop(struct exec *x, bool at_once);

#endif
