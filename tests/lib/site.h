/* Site: the nodes of one fake pool, the desks that look at it, one virtual clock and a
 * directory for their histories. Histories are real, with their threads: whoever lets time pass
 * waits for what they owe first, so that a test's clock never runs ahead of the disk.
 *
 * What cannot be set up, and a history that does not answer within 10 s, ends the program. */
#ifndef WEIR_TESTS_LIB_SITE_H
#define WEIR_TESTS_LIB_SITE_H

#include "tests/lib/fake.h"
#include "tui/desk.h"

#define SITE_NODES_MAX 4
#define SITE_DESKS_MAX 3
#define SITE_STEP_MS 50 /* how finely time passes */
#define SITE_BOOT_MS 5000000
#define SITE_WALL_MS 1763733600000 /* 2025-11-21T14:00:00Z */

struct site {
	struct instant now;
	struct fake *node[SITE_NODES_MAX];
	int node_count;
	struct desk *desk[SITE_DESKS_MAX];
	int desk_count;
	bool asleep[SITE_DESKS_MAX]; /* of desks: time passes, and they do not turn */
	/* how desks know the pool; set before the first desk */
	bool has_plan;
	struct plan plan;           /* 1, 10, 50, 100 %; bake 10 s, 50 samples */
	struct guard_limits limits; /* errors 5 %, p99 1000 ms, memory 2 GiB */
	const char *env;
	bool apart; /* each node is a pool of its own: "checkout", then by the nodes' names */
	char dir[128];
};

void site_init(struct site *s, int nodes, uint64_t seed);
void site_release(struct site *s); /* desks too */

/* Opens a desk. `file` (NULL: no history) is the name of its history within the site's
 * directory;
 * "." is one that cannot be opened. Waits until it has its past and the pool's first news. */
struct site_desk {
	const char *actor, *file;
	bool read_only, passive, record, console, guard;
	bool no_past; /* its file is gone when the past is asked for, back before any news come */
};
struct desk *site_open(struct site *s, const struct site_desk *how);

/* Frees a desk as an end of the program does, and forgets it. */
void site_close(struct site *s, struct desk *d);

/* The path of a history. */
void site_path(const struct site *s, const char *file, char *out, size_t size);

/* Lets time pass: every SITE_STEP_MS each desk turns and what its history owes is waited for.
 */
void site_run(struct site *s, int64_t ms);

/* The same until the desk's first pool is in the state, at most so long. False when it never
 * was. */
bool site_until(struct site *s, const struct desk *d, enum state state, int64_t most_ms);

/* The same until an act is done. */
bool site_done(struct site *s, const struct desk *d, const char *id, int64_t most_ms);

/* Waits for what the histories owe; no time passes. */
void site_settle(struct site *s);

/* Asks for an act as what the desk shows now. */
struct act_result site_act(
	struct site *s, struct desk *d, enum verb verb, int to_bp, const char *reason);

/* Steps to a share and waits until it is seen; ends the program when it is not. */
void site_step(struct site *s, struct desk *d, int to_bp);

/* The same, and until the next step may be taken and nothing goes back by itself any more. */
void site_ready(struct site *s, struct desk *d, int to_bp);

/* Asks for an act with all that a request may say; what the desk shows is filled in. */
struct act_result site_ask(struct site *s, struct desk *d, const struct act_request *r);

/* What a history's file says of a decision, by a reader of its own; false: nothing. */
bool site_record(const struct site *s, const char *file, const char *id, struct decision *out);

/* The newest decision that a desk knows of a verb; NULL none. */
const struct decision *site_last(const struct desk *d, enum verb verb);

const struct pool *site_pool(const struct desk *d);
const struct standing *site_standing(const struct desk *d);

/* How an act stands; ends the program for an unknown one. */
struct act_view site_view(const struct desk *d, const char *id);

#endif
