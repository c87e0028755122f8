/* What the oracle remembers; for its own files alone. */
#ifndef WEIR_TESTS_SIM_ORACLE_PARTS_H
#define WEIR_TESTS_SIM_ORACLE_PARTS_H

#include "tests/sim/oracle.h"
#include "tui/desk_parts.h"

/* What truly became of an intent at a node. */
struct truth {
	bool left;    /* something of it was sent, be it what goes before it */
	bool durable; /* the node said that it is on its disk */
	bool lost;    /* the node did it, and its disk did not keep it */
	bool sent, applied, lied, seen;
	int64_t applied_ms;
	int boots;
	int resent; /* which life of a desk sent it last */
};

struct fact {
	char id[DECISION_ID_MAX];
	int desk, pool;
	bool unrecorded; /* its desk's power went before any of it was on a disk */
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
	int told_bp[SIM_NODES_MAX];        /* the share that it said */
	int64_t red_ms[SIM_POOLS_MAX]; /* it owns a guard that is red and did nothing since; -1 */
};

struct oracle {
	struct fact *facts;
	size_t count, cap;
	struct watched_node node[SIM_NODES_MAX];
	struct watched_desk desk[SIM_DESKS_MAX];
	struct snapshot *scratch;
	int highest_bp[SIM_POOLS_MAX]; /* share that was ever in force */
	int64_t check_ms;
};

/* The fact of a key; those of what goes before an act (.arm, .keep) and of lowerings (.dN)
 * belong to the act. NULL: none. */
struct fact *oracle_fact(struct oracle *o, const char *key);

/* Not of what goes before an act, nor of a lowering. */
bool oracle_is_own_key(const char *key);

/* oracle_text.c: the texts of a desk's model; `dirty` says what may be new. */
void oracle_texts(struct sim *s, int desk, unsigned dirty);

/* The nodes of a fact's pool. */
#define EACH_NODE(s, k, of) \
	for (int k = (s)->pool[of].first; k < (s)->pool[of].first + (s)->pool[of].count; k++)

#endif
