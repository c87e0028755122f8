/* Sim: random days of a site: one to three desks, one to three pools of one to three nodes with
 * the real control, a network, disks and power that fail, operators who make mistakes. One
 * thread, one virtual clock, one seed: the same seed gives the same day.
 *
 * Where the real thing has sockets there is net.c, where it has a history ledger.c, where a pool
 * has its store vault.c; weather.c decides what goes wrong, robot.c what people do, oracle.c
 * whether all is well. */
#ifndef WEIR_TESTS_SIM_SIM_H
#define WEIR_TESTS_SIM_SIM_H

#include "tests/lib/fake.h"
#include "tui/desk.h"

#define SIM_POOLS_MAX 3
#define SIM_NODES_MAX 4 /* of all pools */
#define SIM_DESKS_MAX 3
#define SIM_HOSTS_MAX 2
#define SIM_NEVER INT64_MAX
#define SIM_POLL_MS 1000
#define SIM_TRACE 40
#define SIM_TRACE_LINE 160

/* X(name, word, what goes wrong): kinds of fault; each seed draws which there are at all. */
#define FAULT_INFO(X) \
	X(LOSS, "loss", "requests and answers are lost") \
	X(DELAY, "delay", "what travels is late") \
	X(DUPLICATE, "duplicate", "a command arrives twice") \
	X(STRAY, "stray", "a copy of a command arrives up to a minute later") \
	X(PARTITION, "partition", "a desk and a node do not reach each other") \
	X(NODE_CRASH, "node-crash", "a node dies and comes back with what it stored") \
	X(NODE_FORGET, "node-forget", "a node dies and comes back with nothing") \
	X(NODE_PAUSE, "node-pause", "a node stands still") \
	X(DESK_CRASH, "desk-crash", "a desk is killed between two steps") \
	X(DESK_PAUSE, "desk-pause", "a desk stands still") \
	X(CLOCK, "clock", "a wall clock jumps") \
	X(DISK_STALL, "disk-stall", "commits take seconds") \
	X(DISK_FULL, "disk-full", "commits fail for a while") \
	X(DISK_EIO, "disk-eio", "a history fails for good") \
	X(POWER, "power", "a host of desks loses its power") \
	X(NODE_POWER, "node-power", "a node loses its power") \
	X(NODE_STALL, "node-stall", "a node's disk answers late") \
	X(NODE_FULL, "node-full", "a node's disk takes nothing") \
	X(HOSTILE, "hostile", "a pool sends what a terminal would obey") \
	X(BAD, "bad", "v2 fails, or is slow, hangs, crashes, stands") \
	X(NO_GUARD, "no-guard", "pools without a guard of their own") \
	X(NO_LEASE, "no-lease", "pools without leases") \
	X(RECORDER, "recorder", "a recorder guards") \
	X(LIE, "lie", "a node acknowledges and does nothing")

enum trouble {
#define X(name, word, text) FAULT_##name,
	FAULT_INFO(X)
#undef X
		FAULT_COUNT
};
#define FAULTS_ALL ((1u << FAULT_COUNT) - 1)

const char *fault_word(enum trouble f);

enum sim_event_kind {
	SIM_REQUEST, /* arrives at a node */
	SIM_ANSWER,  /* arrives at a desk's end of the line */
	SIM_TICK,    /* of a node */
	SIM_DISK,    /* a history's disk has done something */
	SIM_ROBOT,   /* an operator looks up */
	SIM_FAULT,   /* something goes wrong */
	SIM_WELL,    /* and is well again */
	SIM_KIND_COUNT,
};

struct sim_event {
	int64_t due_ms;
	uint64_t order; /* of making: what is due at one moment happens in it */
	enum sim_event_kind kind;
	int a, b;   /* the kind's own: which desk, node, fault */
	void *data; /* owned where the kind has one (REQUEST, ANSWER) */
	uint64_t serial;
};

struct store;

struct sim_pool {
	char name[POOL_NAME_MAX], id[POOL_ID_MAX];
	struct plan plan;
	struct guard_limits limits;
	int first, count; /* of its nodes */
};

struct sim_node {
	int pool;
	struct fake *fake;
	struct store *store; /* what its disk holds: it outlives the node */
	int fuse;            /* so many more lines to its store, then the power is gone; -1 */
	bool down, paused, lies, forgets;
	int64_t back_ms; /* of a pause */
	int64_t wall_offset_ms;
	bool cut[SIM_DESKS_MAX];
	int boots;
};

struct sim_desk {
	struct desk *desk; /* NULL: dead */
	char actor[32];
	int file; /* which of the histories */
	int host; /* whose power it has */
	bool recorder;
	bool paused;
	int fuse; /* so many more steps outwards, then it is dead; -1: it lives */
	bool dead;
	int64_t wall_offset_ms;
	int lives;
	uint64_t random; /* of its operator */
};

struct weather {
	double rate[FAULT_COUNT];        /* of a message or a commit, where the fault is one */
	int64_t between_ms[FAULT_COUNT]; /* mean distance, where it is an event */
	int64_t delay_ms;                /* the line's, at most */
	int64_t disk_ms;                 /* of a commit, at most */
};

struct oracle;
struct ledger_file;
struct echo;

struct sim {
	uint64_t seed;
	unsigned faults; /* bits of those that this seed has */
	struct instant now;
	int64_t begin_ms, end_ms; /* faults and operators end */
	bool calm;                /* they have ended */
	struct sim_pool pool[SIM_POOLS_MAX];
	int pool_count;
	struct sim_node node[SIM_NODES_MAX];
	int node_count;
	struct sim_desk desk[SIM_DESKS_MAX];
	int desk_count;
	int opening; /* the desk that is just being made */
	struct ledger_file *file[SIM_DESKS_MAX];
	int file_count;
	struct weather weather;
	struct echo *echo; /* NULL: nothing is told again */
	char lock_dir[64];
	uint64_t random_net, random_weather, random_disk, random_fault[FAULT_COUNT];
	struct sim_event *events; /* a heap */
	size_t event_count, event_cap;
	uint64_t order, serial;
	int messages; /* under way */
	struct oracle *oracle;
	bool verbose;
	char trace[SIM_TRACE][SIM_TRACE_LINE];
	uint64_t trace_count, steps;
	bool failed;
	char why[400];
	unsigned kinds; /* of faults that have happened */
	int acts, commands, steps_applied, rollbacks_verified;
	int brakes_lost, echoes;
};

/* What came of a day. */
struct sim_result {
	bool failed;
	char why[400];
	unsigned faults; /* that the seed had, within the mask */
	int64_t virtual_ms;
	int commands, steps_applied, rollbacks_verified;
	int brakes_lost; /* by power, before anything of them was on a disk */
	int echoes;      /* decisions at which a replay was compared */
};

/* Lives a seed's day with the faults that it draws and the mask has. `verbose`: the trace goes
 * to stdout as it happens; else its tail does where `tail` is set and the day failed. */
void sim_run(uint64_t seed, unsigned mask, bool verbose, bool tail, struct sim_result *out);

/* The one of this process: driver tables and histories have no context. */
struct sim *sim_world(void);

/* ---- for its parts ---- */
uint64_t sim_draw(uint64_t *random, uint64_t below);
bool sim_chance(uint64_t *random, double part);
/* Exponential with this mean, at least 1. */
int64_t sim_wait(uint64_t *random, int64_t mean_ms);

void sim_at(struct sim *s, int64_t due_ms, enum sim_event_kind kind, int a, int b, void *data,
	uint64_t serial);
bool sim_has(const struct sim *s, enum trouble f);

void sim_note(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends the day; the first one counts. */
void sim_fail(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct instant sim_desk_now(const struct sim *s, int desk);
struct instant sim_node_now(const struct sim *s, int node);

/* A step of a desk outwards: false where it is dead and nothing of it leaves any more. */
bool sim_lives(struct sim *s, int desk);

/* A pool as desks are set up for it; it borrows from `names`. */
struct sim_targets {
	char name[SIM_NODES_MAX][16];
	const char *target[SIM_NODES_MAX];
};
struct pool_setup sim_setup(const struct sim *s, int pool, struct sim_targets *names);

void sim_open_desk(struct sim *s, int desk);
void sim_kill_desk(struct sim *s, int desk);

/* Which node of its pool it is, and the handle that desks know it by. */
int sim_place(const struct sim *s, int node);
uint64_t sim_handle(const struct sim *s, int node);

#endif
