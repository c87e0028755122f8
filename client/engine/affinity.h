/* Affinity: which worker a session is bound to, and what that means for its next request.
 *
 * A binding is there when the call that makes it returns, so two requests of a session that
 * follow each other find one worker. It ends when it was not used for its time to live, when its
 * worker is removed, and when it is the one longest unused and the table is full. */
#ifndef WEIR_CLIENT_ENGINE_AFFINITY_H
#define WEIR_CLIENT_ENGINE_AFFINITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AFFINITY_SESSIONS_MAX 65536
#define AFFINITY_TTL_US (300 * INT64_C(1000000))
#define AFFINITY_WORKERS_MAX 4096

/* X(name, word, what to do where the worker is none, idle, busy, gone) */
#define AFFINITY_INFO(X) \
	X(HINT, "hint", ANY, THIS, ANY, ANY) \
	X(STRICT_QUEUE, "strict_queue", ANY, THIS, WAIT_FOR_IT, FAIL_GONE) \
	X(STRICT_FAIL_FAST, "strict_fail_fast", ANY, THIS, FAIL_BUSY, FAIL_GONE)

enum affinity_mode {
#define X(name, word, ...) AFFINITY_##name,
	AFFINITY_INFO(X)
#undef X
		AFFINITY_COUNT
};

enum affinity_worker {    /* that a session is bound to */
	AFFINITY_WORKER_NONE, /* it is not bound */
	AFFINITY_WORKER_IDLE,
	AFFINITY_WORKER_BUSY,
	AFFINITY_WORKER_GONE,
	AFFINITY_WORKERS
};

enum affinity_choice {
	AFFINITY_ANY,
	AFFINITY_THIS,
	AFFINITY_WAIT_FOR_IT,
	AFFINITY_FAIL_BUSY,
	AFFINITY_FAIL_GONE,
};

/* "strict_queue"; the mode of a word, AFFINITY_COUNT for an unknown one. */
const char *affinity_name(enum affinity_mode mode);
enum affinity_mode affinity_of(const char *word);

/* What to do with a request of a session whose worker is such. */
enum affinity_choice affinity_choose(enum affinity_mode mode, enum affinity_worker worker);

struct affinity;

/* Since the beginning, but for the three that tell of now. */
struct affinity_stats {
	int64_t sessions, workers; /* now: bound, and with a session bound to them */
	int64_t end_us;            /* now: until the last of them ends by itself; 0 none is bound */
	int64_t hits, misses;      /* of affinity_get */
	int64_t expired, evicted, removed;
};

/* The bindings: at most `sessions_max` (0: AFFINITY_SESSIONS_MAX), each for `ttl_us` (0:
 * AFFINITY_TTL_US) after its last use. All memory is taken here. */
struct affinity *affinity_new(size_t sessions_max, int64_t ttl_us);
void affinity_free(struct affinity *a);

/* The worker of a session, -1 where it has none (any more). Finding one uses it. */
int affinity_get(struct affinity *a, const char *session, int64_t now_us);

/* Binds a session to a worker from 0 to AFFINITY_WORKERS_MAX - 1, instead of its last. */
void affinity_bind(struct affinity *a, const char *session, int worker, int64_t now_us);

/* As affinity_get, but where the session has none it is bound to `worker`. Returns its worker. */
int affinity_claim(struct affinity *a, const char *session, int worker, int64_t now_us);

/* True when there was a binding, expired or not. */
bool affinity_unbind(struct affinity *a, const char *session);

/* Ends the bindings to a worker that is gone; how many. */
size_t affinity_remove_worker(struct affinity *a, int worker);

/* Ends those that have expired; how many. */
size_t affinity_sweep(struct affinity *a, int64_t now_us);

/* Of now: what has expired is no session, swept or not. */
struct affinity_stats affinity_stats(struct affinity *a, int64_t now_us);

#endif
