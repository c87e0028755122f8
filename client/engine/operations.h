/* Operations: what a pool can be asked to do: the builtin ones, or those that its worker programs
 * were said to know. Each has a number, by which it is counted and routed. */
#ifndef WEIR_CLIENT_ENGINE_OPERATIONS_H
#define WEIR_CLIENT_ENGINE_OPERATIONS_H

#include "client/engine/router.h"
#include "model/err.h"
#include "model/pool.h"

#include <stdbool.h>

/* X(name, word, idempotent, default work in us) */
#define OPERATION_INFO(X) \
	X(ECHO, "echo", true, 0) \
	X(SPIN, "spin", true, 1000) \
	X(SLEEP, "sleep", true, 1000) \
	X(FAIL, "fail", false, 0) \
	X(PREDICT, "predict", true, 2000) \
	X(TALLY, "tally", false, 0)

/* The number of an operation. Of a pool that declares its own the names below mean nothing. */
enum operation {
#define X(name, word, idempotent, work_us) OPERATION_##name,
	OPERATION_INFO(X)
#undef X
		OPERATION_COUNT
};

#define OPERATION_MAX ROUTER_OPERATIONS /* of one pool */

struct operations {
	bool declared; /* by whoever configured the pool; else they are the builtin ones */
	int count;
	struct operation_entry {
		char name[OPERATION_NAME_MAX];
		bool idempotent; /* running it twice does no more than once */
	} each[OPERATION_MAX];
};

/* The builtin ones. */
const struct operations *operations_builtin(void);

/* Reads "NAME[:idempotent],…": these and no others. 0, or -1 with err (CONFIG): an empty, bad,
 * repeated name, too many. NULL: the builtin ones. */
int operations_read(struct operations *out, const char *list, struct err *err);

/* The number of a name, -1 when it is not known. */
int operations_find(const struct operations *o, const char *name);

/* All of them as a set; those of a set as bits for the router, unknown names left out. */
void operations_known(const struct operations *o, struct operation_set *out);
unsigned operations_bits(const struct operations *o, const struct operation_set *s);

/* Reads "NAME,NAME,…" as a set of known ones. 0, or -1 with err (CONFIG). */
int operations_read_set(
	const struct operations *o, struct operation_set *out, const char *list, struct err *err);

/* Whether a scenario asks for nothing but these. 0, or -1 with err (CONFIG). */
struct scenario;
int operations_play(const struct operations *o, const struct scenario *s, struct err *err);

/* Of the builtin ones. */
const char *operation_name(enum operation o);
enum operation operation_of(const char *word); /* OPERATION_COUNT when unknown */
bool operation_is_idempotent(enum operation o);
void operation_known(struct operation_set *out);
unsigned operation_bits(const struct operation_set *s);

#endif
