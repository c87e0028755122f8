/* Sim: random days of a site: one to three desks, one to three nodes with the real control, a
 * network and disks that fail, operators who make mistakes. One thread, one virtual clock, one
 * seed: the same seed gives the same day.
 *
 * Where the real thing has sockets there is net.c, where it has a history ledger.c; weather.c
 * decides what goes wrong, robot.c what people do, oracle.c whether all is well. */
#ifndef WEIR_TESTS_SIM_SIM_H
#define WEIR_TESTS_SIM_SIM_H

#include "tests/lib/fake.h"
#include "tui/desk.h"

#define SIM_NODES_MAX 3
#define SIM_DESKS_MAX 3
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
	X(BAD, "bad", "v2 fails work") \
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

struct sim_node {
	struct fake *fake;
	bool down, paused, lies;
	int64_t back_ms; /* of a pause */
	int64_t wall_offset_ms;
	bool cut[SIM_DESKS_MAX];
	int boots;
};

struct sim_desk {
	struct desk *desk; /* NULL: dead */
	char actor[32];
	int file; /* which of the histories */
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

struct sim {
	uint64_t seed;
	unsigned faults; /* bits of those that this seed has */
	struct instant now;
	int64_t begin_ms, end_ms; /* faults and operators end */
	bool calm;                /* they have ended */
	struct sim_node node[SIM_NODES_MAX];
	int node_count;
	struct sim_desk desk[SIM_DESKS_MAX];
	int desk_count;
	int opening; /* the desk that is just being made */
	struct ledger_file *file[SIM_DESKS_MAX];
	int file_count;
	struct weather weather;
	struct plan plan;
	struct guard_limits limits;
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
};

/* What came of a day. */
struct sim_result {
	bool failed;
	char why[400];
	unsigned faults; /* that the seed had, within the mask */
	int64_t virtual_ms;
	int commands, steps_applied, rollbacks_verified;
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

void sim_open_desk(struct sim *s, int desk);
void sim_kill_desk(struct sim *s, int desk);
/* Lets a node's time come up to now, where it runs. */
void sim_advance(struct sim *s, int node);

#endif
