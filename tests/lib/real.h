/* Real: pools that are served and desks that look at them over sockets, in one process, on the
 * machine's clock. A desk's clock can be moved on (libcurl's own deadlines are not), so that a
 * test of half a minute takes none.
 *
 * What cannot be set up ends the program. */
#ifndef WEIR_TESTS_LIB_REAL_H
#define WEIR_TESTS_LIB_REAL_H

#include "tui/desk.h"

#include <stdbool.h>
#include <stdint.h>

#define REAL_POOLS_MAX 2
#define REAL_INTERVAL_MS 250

struct engine;
struct serve;

struct real {
	char dir[128];
	struct engine *engine[REAL_POOLS_MAX];
	struct serve *serve[REAL_POOLS_MAX];
	struct desk *desk;
	int64_t skew_ms; /* the desk's clock before the machine's */
	struct instant now;
	int64_t worst_turn_ms; /* the longest turn of the desk so far, by the machine's clock */
};

/* Makes the directory. */
void real_init(struct real *r);
void real_release(struct real *r);

/* Serves node `i` of pool "checkout" (identity "shop-1") on a unix socket. */
void real_serve(struct real *r, int i, int share_bp);

/* The path of that socket. */
void real_socket(const struct real *r, int i, char *out, size_t size);

/* Opens the desk of `actor` with a history, and waits until that is read. */
void real_desk(struct real *r, const char *actor);
void real_close(struct real *r); /* the desk; may be none */

/* Adds a pool of `count` nodes, by hand: no plan, no limits. Its index. */
int real_add(
	struct real *r, const char *name, const char *const *targets, int count, const char *token);

/* Lets everything happen that happens within a few milliseconds. */
void real_turn(struct real *r);

/* Turns until the fact holds; fails the test when it does not within `ms` of real time. For
 * tests, which have cmocka. */
#define REAL_UNTIL(r, ms, fact) \
	do { \
		int64_t end_ms_ = process_clock_ms() + (ms); \
		while (!(fact)) { \
			if (process_clock_ms() > end_ms_) \
				fail_msg("not within %d ms: %s", (int)(ms), #fact); \
			real_turn(r); \
		} \
	} while (0)

/* Moves the desk's clock on, and turns once. */
void real_skip(struct real *r, int64_t ms);

/* Asks a node now; what comes of it is not waited for. */
void real_ask(struct real *r, int pool, int node);
/* Polls a node now and turns until that has ended, at most 10 s. */
void real_poll(struct real *r, int pool, int node);

/* Asks for an act as what the desk shows now. */
struct act_result real_act(struct real *r, int pool, enum verb verb, int to_bp);
struct act_view real_view(const struct real *r, const char *id);

const struct pool *real_pool(const struct real *r, int pool);
const struct standing *real_standing(const struct real *r, int pool);
const struct node *real_node(const struct real *r, int pool, int node);

/* The share that served pool `i` has; what its log has; its epoch. */
int real_share_bp(const struct real *r, int i);
int64_t real_audit_seq(const struct real *r, int i);
int64_t real_epoch(const struct real *r, int i);

/* A change by `actor` at the served pool itself; its HTTP status. */
int real_other(struct real *r, int i, const char *actor, enum verb verb, int to_bp);

/* Kilobytes of memory at most since real_memory_begin: of this process. */
void real_memory_begin(void);
int64_t real_memory_kb(void);

#endif
