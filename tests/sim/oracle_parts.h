/* What the oracle remembers; for its two files alone. */
#ifndef WEIR_TESTS_SIM_ORACLE_PARTS_H
#define WEIR_TESTS_SIM_ORACLE_PARTS_H

#include "tests/sim/oracle.h"
#include "tui/desk_parts.h"

/* What truly became of an intent at a node. */
struct truth {
	bool sent, applied, lied, seen;
	int64_t applied_ms;
	int boots;
	int resent; /* which life of a desk sent it last */
};

struct fact {
	char id[DECISION_ID_MAX];
	int desk;
	enum verb verb;
	int to_bp;
	int64_t born_ms;
	int64_t epoch, rev; /* that it was decided on, of the first node */
	int life;           /* of the desk that decided it */
	bool has_act;
	enum act act;
	bool verified;
	struct truth node[SIM_NODES_MAX];
};

/* A node at a moment. */
struct place {
	int share_bp, baseline_bp;
	int64_t epoch, rev;
	char holder[POOL_ACTOR_MAX];
	bool red;
};

struct watched_node {
	struct place before;
	int64_t back_ms; /* of the last rollback, by anyone; -1 */
	int64_t red_ms;  /* its guard is red since; -1 */
};

struct watched_desk {
	int64_t changed_ms[SIM_NODES_MAX]; /* when it last changed, by that document; -1 */
	int64_t told_ms[SIM_NODES_MAX];    /* of the last document; -1 */
	int64_t red_ms; /* it owns a guard that is red and did nothing since; -1 */
};

struct oracle {
	struct fact *facts;
	size_t count, cap;
	struct watched_node node[SIM_NODES_MAX];
	struct watched_desk desk[SIM_DESKS_MAX];
	struct snapshot *scratch;
	int highest_bp; /* share that was ever in force */
	int64_t check_ms;
};

/* The fact of a key; those of what goes before an act (.arm, .keep) and of lowerings (.dN)
 * belong to the act. NULL: none. */
struct fact *oracle_fact(struct oracle *o, const char *key);

#endif
