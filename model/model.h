/* Model: what this process believes: its pools, their nodes, what they say, what was decided.
 *
 * Invariants:
 * 1. Only model_apply changes it; views and commands get it const.
 * 2. Everything derived (`standing`) is computed from the facts beside it, at the end of each
 * apply.
 * 3. A number that is not known is UNKNOWN, -1 (shares) or NaN; never 0.
 * 4. What a pool said is kept with the moment of its receipt; age is never a difference of two
 *    machines' clocks. */
#ifndef WEIR_MODEL_MODEL_H
#define WEIR_MODEL_MODEL_H

#include "model/approval.h"
#include "model/decision.h"
#include "model/drill.h"
#include "model/guard.h"
#include "model/headline.h"
#include "model/interlock.h"
#include "model/judging.h"
#include "model/migration.h"
#include "model/plan.h"
#include "model/pool.h"
#include "model/raising.h"
#include "model/ring.h"
#include "model/window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, word): how old the news of the worst node is. */
#define FRESHNESS_INFO(X) \
	X(LIVE, "LIVE") \
	X(LATE, "LATE") \
	X(STALE, "STALE") \
	X(LOST, "LOST") \
	X(NEVER, "NEVER")

enum freshness {
#define X(name, word) FRESHNESS_##name,
	FRESHNESS_INFO(X)
#undef X
		FRESHNESS_COUNT
};

const char *freshness_name(enum freshness f);

/* The freshness of news `age_ms` old (UNKNOWN: never) at a poll interval. */
enum freshness freshness_of(int64_t age_ms, int64_t interval_ms);

/* One process that serves the pool. */
struct node {
	uint64_t id; /* handle, the same in driver events */
	char target[256];
	struct snapshot *last;  /* owned; NULL before the first */
	struct instant last_at; /* of its receipt */
	struct snapshot *base;  /* owned; the one the next sample is measured from */
	struct instant base_at;
	int64_t last_tick;  /* slot of the last sample; UNKNOWN before the first */
	struct err trouble; /* code 0: the last poll was well */
	int64_t retry_ms;   /* until the next try, at the trouble's time; UNKNOWN */
	int64_t
		audit_apart_ms; /* boot time since which log and document differ; UNKNOWN: they agree */
	int64_t
		forbidden_ms;   /* boot time at which it refused a change for want of rights; UNKNOWN */
	int64_t audit_seen; /* entries taken up to here; UNKNOWN before the first */
	bool foreign;       /* another pool or node answers here */
	bool minute;        /* its last document is the mean of a minute: nothing finer is kept */
	char lost_head[POOL_HASH_MAX]; /* of this actor's history, known there and not here; "" */
};

/* One interval of the pool for graphs; -1 in 32 bits: unknown. */
struct tick_arm {
	uint32_t requests, done, failed;
	int32_t p50_us, p95_us, p99_us;
	int64_t memory_bytes;
};
struct tick {
	int64_t wall_ms;
	uint32_t interval_ms;
	uint32_t nodes; /* whose intervals are in it */
	struct tick_arm arms[ARM_COUNT];
};

#define POOL_TICKS 600
#define POOL_DECISIONS 256 /* kept in memory; the history has all */

/* Figures of one arm as screens show them: the guard window, and the last seconds for the rate.
 */
struct arm_figures {
	double rate;          /* requests a second over the last 5 s; NaN */
	double error_rate;    /* over the window; NaN */
	int64_t done, failed; /* in the window */
	int64_t p50_us, p95_us, p99_us;
	int64_t memory_bytes, busy, total, queue_depth;
	int64_t requests; /* since boot, over all nodes; UNKNOWN */
};

#define FLAG_REASON_MAX 80
#define FLAG_ID_MAX 64

/* What files of a script say of a pool (tui/flag_file.h). */
struct flags {
	char unknown[160];            /* why they cannot be looked at; "" they can */
	char name[POOL_NAME_MAX + 16]; /* of the file that keeps raises closed; "" none does */
	char reason[FLAG_REASON_MAX]; /* its first line, cleaned */
	char rollback[FLAG_ID_MAX];   /* which file asks to roll back; "" none does */
	int64_t laid_ms;              /* wall time of that file */
};

/* Raises are closed, by hours, a freeze or a flag. */
struct freeze {
	bool on;
	bool by_pool;    /* only by the pool's clock, not by ours */
	int64_t left_ms; /* until they open again; UNKNOWN: nobody says when */
	char text[160];  /* "FROZEN until Mon 08:00 CET (Christmas)"; "" when off */
};

/* Other pools of this history that rise. */
struct rising {
	int others;
	int64_t left_ms;              /* of the one that is over last */
	char text[RAISING_TEXT_MAX]; /* of it; "" none rises */
};

/* What follows from the facts. */
struct standing {
	enum state state;
	int64_t state_since_ms; /* boot time at which this process first derived it */
	enum freshness freshness;
	int64_t age_ms; /* of the oldest node's news; UNKNOWN never */
	int nodes_live;
	int reported_bp, intended_bp, measured_bp, baseline_bp; /* -1 unknown */
	int64_t measured_n;                                     /* requests behind measured_bp */
	bool split_off; /* proven: traffic is not split as reported, by looks or by what was counted
	                   since the change */
	bool mixed;
	int mixed_low_bp, mixed_high_bp;
	bool diverged, restarted;      /* restarted: the pool lost a verified share in a restart */
	int64_t uptime_ms;             /* of the youngest node */
	int next_bp;                   /* -1: no next step */
	enum act act;                  /* what a step to next_bp is */
	int64_t bake_ms, bake_left_ms; /* the plan's until the share is kept, then the longer of it
	                                  and the step's own `for`; left UNKNOWN: not known */
	int64_t stay_left_ms;          /* until both have passed, kept or not */
	int64_t samples[ARM_COUNT];    /* units in this bake; UNKNOWN */
	bool sessions;                 /* units are sessions, else requests */
	int64_t epoch, rev;            /* of the first node; UNKNOWN */
	struct hold hold;
	struct lease lease; /* of the node where it matters most: another's, else mine, else free */
	bool lease_mine;    /* held by this actor on every node */
	int64_t
		forbidden_left_ms; /* so long a node's refusal for want of rights is heeded; 0: none */
	int forbidden_node;    /* that node */
	struct keep keep;      /* the raise that goes back first; off: nothing goes back */
	int kept_bp;           /* what it goes back to; -1 unknown or nodes differ */
	bool keepable;         /* all that KEEP asks holds now */
	bool went_back; /* the last change was the pool's: nobody had kept it; until a resume */
	bool armed;     /* every node is armed with this plan */
	bool partial;   /* a step that only some nodes took is the last thing asked */
	int partial_bp; /* its share */
	int nodes_took; /* how many took it */
	enum guard_owner owner;
	struct pool_guard pool_guard; /* the loudest node's; not known where one has none */
	bool blind;       /* the guard acts, and has had no data for a minute: it holds */
	int64_t blind_ms; /* for how long it has had none; UNKNOWN: it has, or none acts */
	int open;         /* index of the open or unverified decision, -1 none */
	int seen_nodes;   /* of that decision */
	struct arm_figures arms[ARM_COUNT];
	char worst_operation[OPERATION_NAME_MAX]; /* most of v2's failures since the change; "" */
	struct guard guard;                       /* as this process sees it */
	struct verdict verdict;                   /* of this process' judge */
	/* What 11 asks: the word of the guard's owner, own HARM first. */
	enum verdict_word judge_word;
	char judge_text[VERDICT_TEXT_MAX];
	bool judge_cited;        /* another's word: the pool's, or a recorder's */
	bool doubtful;           /* a counter went back within the window: nothing is green */
	bool at_rest;            /* v2 has no share, and nothing is open: silence of it is no news */
	enum guard_state judged; /* what 11 asks: the word of the guard's owner, own RED first */
	struct freeze freeze;
	struct rising rising;
	struct drilled drilled;
	struct interlock next;   /* for a step to next_bp */
	struct headline headline;
	char state_text[96]; /* the state with its object: "BAKING at 10 %, 06:49 left" */
	char guard_text[64]; /* who rolls back: "guard: pool, rolls back by itself" */
	char leave_text[48]; /* if this console ends: "all goes on", "back to 1 % in 02:00" */
	bool leave_exposed;  /* then something ends with it that others would need */
};

struct pool {
	char name[POOL_NAME_MAX];
	char env[24];
	char pool_id[POOL_ID_MAX]; /* pinned; "" before the first answer */
	struct node *nodes;
	int node_count;
	int64_t interval_ms;
	bool has_plan;
	struct plan plan;
	char plan_hash[POOL_HASH_MAX];
	struct guard_limits limits;
	struct ring ticks;     /* struct tick, one slot an interval */
	int64_t first_tick_ms; /* boot time of tick 0 */
	struct window window[ARM_COUNT];
	struct judging *judging; /* owned; never NULL */
	int64_t judged_ms;       /* wall clock of the resume since which v2 is judged anew */
	bool judge_stale;        /* v2 is at rest: its next share begins another attempt */
	struct guard_latch latch;
	int64_t counter_back_ms;    /* boot time at which a counter last went back; UNKNOWN */
	struct decision *decisions; /* oldest first */
	size_t decision_count;
	struct approval *approvals; /* owned, APPROVALS_MAX; NULL before the first; oldest first */
	int approval_count;
	uint64_t unseen; /* bit k: node k has not shown the open decision's effect */
	bool finalized;
	int64_t doubt_ms;     /* boot time since when 11 has not been green; UNKNOWN: it is */
	int64_t bake_from_ms; /* and when that last ended after more than a window; UNKNOWN never */
	int64_t
		no_data_ms; /* boot time since when the guard is judged UNKNOWN; UNKNOWN: it is not */
	struct flags flags;
	struct owner_line owner_line; /* of a recorder on this host that guards; zero: none */
	struct told told;             /* nothing was judged: these words stand for it; zero: none */
	bool thinned;          /* that is so as part of the evidence is no more than minutes */
	int64_t thinned_begun; /* judging->begun at the last of them */
	bool is_past;    /* what is believed is of another moment than now */
	int64_t past_ms; /* wall clock: of that one */
	struct standing standing;
};

struct model {
	struct pool *pools;
	int pool_count;
	char actor[POOL_ACTOR_MAX];
	char key[POOL_HASH_MAX]; /* this person's public one, hex; "" not known */
	struct instant now;      /* of the last event */
	bool read_only;
	bool guards; /* this process acts on guards that nobody else owns */
	bool history_known, history_writable;
	char history_why[120];
	char history_head[POOL_HASH_MAX];
	int max_raising; /* pools at once; 0: any number */
	struct raisings raisings;
};

/* What a pool is configured as. Strings are copied. */
struct pool_setup {
	const char *name, *env;
	const char *const *targets;
	int target_count;
	int64_t interval_ms;
	const struct plan *plan; /* NULL none */
	const char *plan_hash;
	const struct guard_limits *limits;
};

/* An empty model of `actor`. */
void model_init(struct model *m, const char *actor, bool read_only);
void model_release(struct model *m);

/* Adds a pool; returns its index. Node handles are (index + 1) << 16 | node. */
int model_add(struct model *m, const struct pool_setup *setup);

#define NODE_HANDLE(pool, node) (((uint64_t)(pool) + 1) << 16 | (uint64_t)(node))

enum model_event_kind {
	MODEL_TICK,     /* time passed; pool, pools */
	MODEL_SNAPSHOT, /* node, snapshot */
	MODEL_TROUBLE,  /* node, err, retry_ms */
	MODEL_RIGHTS,   /* node, err: it refused a change for want of rights; NULL: it took one */
	MODEL_DOUBT, /* node, err: what it counts is not to be believed, nor for a window after */
	MODEL_AUDIT, /* node, seq: its audit log is known up to here */
	MODEL_DECISION, /* pool, decision: new, or more is known of it */
	MODEL_FORGET,   /* pool, text: a decision that came to nothing before it was one */
	MODEL_OUTCOME,  /* pool, outcome */
	MODEL_PROGRESS, /* pool, nodes: bits of those that have not shown the open decision's effect
	                 */
	MODEL_PINNED,   /* pool, text: the identity of the pool as known from the history */
	MODEL_RECORDED, /* pool: its intervals are recorded from now on; none was before */
	MODEL_OWNER,    /* pool, owner_line: what a recorder that guards says of itself */
	MODEL_FLAGS,    /* pool, flags: what the files of a script say */
	MODEL_RAISING,  /* raisings: of the history, as it was just read */
	MODEL_HISTORY,  /* err (code 0: writable), text: head */
	MODEL_HEAD,     /* text: the history's head has moved */
	MODEL_LOST,     /* node, text: a head that it knows and this history does not; "" none */
	MODEL_APPROVAL, /* pool, approval */
	MODEL_RESET,    /* pool: forget what it said and what was decided */
	MODEL_ROW,      /* node, row, latency: an interval that is shown and not judged */
	MODEL_TOLD,     /* pool, told: what was recorded of verdict and guard stands for them */
	MODEL_PAST,     /* pool: the clock went elsewhere; until a reset what is believed is of `at` */
};

struct model_event {
	enum model_event_kind kind;
	struct instant at;
	uint64_t node;
	int pool;
	int pools; /* TICK: so many from `pool` on; 0: all of them */
	const struct snapshot *snapshot;
	const struct err *err;
	int64_t retry_ms, seq;
	uint64_t nodes;
	const struct decision *decision;
	const struct outcome_row *outcome;
	const struct owner_line *owner_line;
	const struct flags *flags;
	const struct raisings *raisings;
	const struct approval *approval;
	const struct sample *row;
	const struct histogram *latency[ARM_COUNT]; /* NULL none */
	bool minute;                                /* snapshot, row: the mean of a minute */
	const struct told *told;
	const char *text;
};

/* What came out of a snapshot, for the recording. */
struct model_sample {
	bool valid; /* there is an interval: sample and histograms are set */
	enum counts_change change;
	bool gap;     /* ticks are missing before it */
	int64_t tick; /* slot number since the pool's first */
	struct sample sample;
	struct histogram latency[ARM_COUNT], session_latency[ARM_COUNT];
	bool has_latency[ARM_COUNT], has_session_latency[ARM_COUNT];
	struct judging_mark mark; /* how the judge took it */
};

enum { DIRTY_FACTS = 1, DIRTY_SAMPLE = 2, DIRTY_STATE = 4, DIRTY_DECISION = 8 };

/* The only writer. Returns DIRTY_ bits. `sample` (may be NULL) is filled for MODEL_SNAPSHOT. */
unsigned model_apply(struct model *m, const struct model_event *e, struct model_sample *sample);

/* Exchanges what two models of the same pools believe of one. */
void model_exchange(struct model *a, struct model *b, int pool);

/* The pool and node of a handle; NULL when there is none. */
struct pool *model_pool_of(const struct model *m, uint64_t node);
struct node *model_node(const struct model *m, uint64_t node);
/* The pool of a name, -1 none. */
int model_find(const struct model *m, const char *name);

/* True when what is shown of it are means of minutes, of which nothing finer is kept. */
bool pool_shows_minutes(const struct pool *p);

/* True when the node has spoken and is the one that is meant. */
bool node_is_usable(const struct node *n);

/* The decision with this id, NULL none. */
const struct decision *pool_decision(const struct pool *p, const char *id);

/* What somebody wants of a pool. */
struct intent {
	enum verb verb;
	int to_bp; /* STEP */
	bool has_strategy;
	enum strategy strategy;         /* STEP: one that implies another share moves it too */
	bool drilling;                  /* STEP: of a drill */
	bool widens;                    /* OPERATIONS: v2 gets one that it did not get */
	const struct operation_set *operations; /* OPERATIONS: those from then on */
	unsigned forced;                /* by break-glass: bits of the predicates that may fail */
	int64_t shown_epoch, shown_rev; /* those on the asker's screen */
};

/* The share that it ends at; -1: where it stands. */
int intent_share(const struct intent *want);

/* The facts of it as things stand, for the interlock. */
void pool_facts(const struct model *m, const struct pool *p, const struct intent *want,
	struct interlock_facts *out);

/* The nodes (bits) to which a rollback by the pool's own guard at another node is still to be
 * carried; 0 none. */
uint64_t pool_carries(const struct model *m, const struct pool *p);

/* Who finished the migration, when and why, where a decision says so: "by ana@ops2 2026-11-22
 * 16:12: v1 is gone"; "" where none does. */
#define FINISHED_TEXT_MAX 200
void pool_finished(char *out, size_t size, const struct pool *p);

/* True where the pool lives in this process, and ends with it. */
bool pool_is_local(const struct pool *p);

/* True when the pool takes back a raise that nobody keeps: it says what it would go back to. */
bool pool_takes_back(const struct pool *p);

/* True when what owns the guard should now put the share back by itself, as the plan says: a
 * reload lost it on every node that lacks it, it had stood for the bake before, nobody holds, and
 * nobody has tried since. What a step asks is not asked here. */
bool pool_puts_back(const struct model *m, const struct pool *p);

/* True when this process should now make the raise stay by itself: a plan that bakes, a
 * deadline that runs, the bake (not the step's own `for`) passed, what KEEP asks holds, and the
 * raise is this actor's or this process guards (`keeper`). */
bool pool_keeps(const struct model *m, const struct pool *p, bool keeper);

#endif
