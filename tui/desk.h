/* Desk: the conductor without a screen: poll, model, samples; record, send, apply. The console
 * and every headless command sit at the same desk.
 *
 * Invariants:
 * 1. No forward command leaves without a committed intent, and the interlock held twice.
 * 2. A rollback or a hold leaves at most 250 ms after the press, recorded or not.
 * 3. A forward command is sent once to each node; what was not answered is asked for, not
 * repeated.
 * 4. Opening a desk writes nothing to any pool. */
#ifndef WEIR_TUI_DESK_H
#define WEIR_TUI_DESK_H

#include "client/client.h"
#include "history/history.h"
#include "model/model.h"

struct desk;

#define LEASE_TTL_MS 30000

struct desk_options {
	const char *actor;          /* "kim@ops1" */
	const char *history_path;   /* NULL: nothing is recorded, no change is possible */
	int64_t keep_ms, cap_bytes; /* of the history's samples, as in history_options */
	const char *key_dir;
	const struct driver_ops *const *schemes;
	uint64_t seed;        /* of ids and jitter */
	int64_t max_raising;  /* pools of the history that rise at once; 0: any number */
	bool read_only;       /* no command, no resolving of what was found open */
	bool passive;         /* writes down, but never commands, not even to ask for a fate */
	bool record;          /* samples too, as a recording */
	bool forgets;         /* nothing is written down, and an act counts as recorded at once: for
	                         a pool that does not outlive the process; without history_path */
	const char *lock_dir; /* where recorders that guard keep their locks; NULL: none is seen */
	const char *flags_dir; /* where the flags of scripts lie; NULL: none are looked at; borrowed */
	bool flags_named;      /* somebody said so, and it must be there */
	const char *shared;   /* whose owner is trusted with such a lock too: the history; NULL */
	bool guard;           /* own guards, keep, carry on: a recorder that guards */
	bool console;         /* a person sits here: it guards while nobody else does, keeps own
	                            raises, renews the lease */
	const char *config_json; /* for the recording; NULL "{}"; borrowed until desk_free */
	const char *host;        /* the same */
};

struct desk *desk_new(const struct desk_options *how, struct instant now, struct err *err);

/* Waits at most wait_ms for the history; returns what was lost (history_stop). */
int64_t desk_free(struct desk *d, int64_t wait_ms);

/* Makes the model live on another clock (a replay's): `clock` gives its moment for a real one.
 */
void desk_set_clock(
	struct desk *d, struct instant (*clock)(void *ctx, struct instant real), void *ctx);

/* Adds a pool; `scenario` (NULL none) is for `local:`. Returns its index, or -1 with err. */
int desk_add(struct desk *d, const struct pool_setup *setup, const char *token,
	const struct scenario *scenario, struct instant now, struct err *err);

/* Gives the pool a second source of figures (client/prometheus_target.h), asked every interval_ms.
 * At most one. 0, or -1 with err. */
int desk_add_source(struct desk *d, int pool, const char *target, const char *token,
	int64_t interval_ms, struct instant now, struct err *err);

/* The program that may veto what gives the pool's v2 more work (tui/veto.c), and how long it may
 * take for that. */
#define VETO_MOST_MS 10000
void desk_set_veto(struct desk *d, int pool, const char *command);

/* Tells a desk that only looks what the history knows: whose identity is pinned, what was
 * decided. */
void desk_pin(struct desk *d, int pool, const char *pool_id, struct instant now);
void desk_remember(struct desk *d, int pool, const struct decision *what, struct instant now);

/* Tells a desk that only looks whether the history could be written; code 0: it could. */
void desk_presume(struct desk *d, const struct err *history, struct instant now);

const struct model *desk_model(const struct desk *d);
struct client *desk_client(struct desk *d);
struct history *desk_history(struct desk *d); /* NULL without one */

/* What the history was asked to show (history_page, history_detail, history_series) comes to `each`, within
 * desk_turn; it may move what an answer owns. NULL: nobody wants them any more. */
void desk_on_page(struct desk *d, void (*each)(void *ctx, struct history_answer *a), void *ctx);

/* The file of the history, also where this desk only looks; NULL none is known. */
const char *desk_file(const struct desk *d);

/* When this person last left a console of this history, before this one began: wall clock, or
 * UNKNOWN. */
int64_t desk_last_left_ms(const struct desk *d);

/* Writes down that this person leaves a console of this desk now. */
void desk_note_left(const struct desk *d);

/* Calls `each` for what this desk did, or tried, and the history does not have: newest first. */
void desk_each_unrecorded(
	const struct desk *d, void (*each)(void *ctx, const struct decision *what), void *ctx);

/* Begins to give back what this desk holds at its pools (leases); desk_left: it is done. */
void desk_leave(struct desk *d, struct instant now);
bool desk_left(const struct desk *d);

/* Does everything that is due: answers of the history, news of the pools, deadlines. Returns
 * DIRTY_ bits. */
unsigned desk_turn(struct desk *d, struct instant now);

/* The one wait, at most timeout_ms. `extra` may have at most DESK_EXTRA_MAX descriptors. */
#define DESK_EXTRA_MAX 8
void desk_wait(struct desk *d, struct wait_fd *extra, size_t count, int64_t timeout_ms,
	struct instant now);

/* Milliseconds until something is due, at most `most`. */
int64_t desk_due_ms(const struct desk *d, struct instant now, int64_t most);

/* True when the first load of the pool's past has come (or there is no history). */
bool desk_loaded(const struct desk *d, int pool);

/* True when the pool's flags have been looked at, or are not to be had. */
bool desk_looked(const struct desk *d, int pool);

/* An act asked of a pool. */
struct act_request {
	enum verb verb;
	int pool;
	int to_bp;         /* STEP */
	bool has_strategy; /* STEP */
	enum strategy strategy;
	struct operation_set operations; /* OPERATIONS: those that v2 may get from now on */
	bool widens;                     /* OPERATIONS: one that it did not get is among them */
	bool gradual;                    /* ROLLBACK: down in steps */
	bool has_baseline;               /* ARM: at baseline_bp, else at the share as it stands */
	int baseline_bp;
	enum guard_action act; /* GUARD: HOLD for a time, or ROLLBACK: acts again; told to whoever
	                          owns the guard */
	int64_t for_ms;
	struct drain drain;             /* DRAIN: these, */
	bool drains;                    /* out of new work, or back into it, */
	char node[POOL_ID_MAX];         /* of this node; "" of all */
	char of[DECISION_ID_MAX];       /* CLOSE: the rollback; APPROVE: the ask */
	enum verb asks;                 /* ASK: for this act, and what else is said of it */
	unsigned forced;                /* by break-glass: bits of the predicates that may fail; what
	                                   is done gets those that did */
	const char *role;               /* NULL: "operator" */
	bool drilling;                  /* STEP: of a drill, which waits for no drill */
	const char *flag;               /* ROLLBACK: which file asked for it; NULL none did */
	char reason[POOL_REASON_MAX];   /* ANNOTATE: the text */
	int64_t shown_epoch, shown_rev; /* what the asker saw */
};

/* The intent of a request. */
struct intent act_intent(const struct act_request *r);

enum act_status {
	ACT_BEGUN,    /* an intent is on its way; its id is set */
	ACT_REPLAYED, /* a rollback is open already: its id */
	ACT_ALREADY,  /* the share is that already, or nothing is held: nothing to do */
	ACT_REFUSED,  /* the interlock (or err) */
};

struct act_result {
	enum act_status status;
	char id[DECISION_ID_MAX];
	char asked[DECISION_ID_MAX]; /* REFUSED for want of an approval: the ask for it; "" none */
	struct interlock interlock; /* STEP and RESUME: also when begun */
	struct err err;             /* REFUSED for another reason than predicates; code 0 none */
};

/* Takes an approval that came as a token. 0, or -1 with err for what is none. */
int desk_take_approval(
	struct desk *d, int pool, const char *token, struct instant now, struct err *err);

/* Judges without acting. */
void desk_judge(struct desk *d, const struct act_request *r, struct act_result *out);

/* Begins an act. Progress shows in the model's decision with this id. */
void desk_act(
	struct desk *d, const struct act_request *r, struct instant now, struct act_result *out);

/* How an act stands. */
enum act_progress {
	PROGRESS_RECORDING, /* not committed yet */
	PROGRESS_VETO,      /* the veto hook is asked */
	PROGRESS_SENT,      /* no final outcome yet */
	PROGRESS_ASKING,    /* the answer was lost; the pool is asked */
	PROGRESS_WATCHING,  /* applied, not yet seen on all nodes */
	PROGRESS_DONE,      /* verified, or finally not applied */
};

struct act_view {
	enum act_progress progress;
	bool recorded; /* the intent is committed */
	bool refused;  /* by the history: it took no row of it when it was asked to */
	struct decision decision;
	struct interlock interlock; /* of the second look; with NOT_SENT */
	struct err err;             /* why not applied; code 0 none */
};

/* False when the id is not known here. */
bool desk_progress(const struct desk *d, const char *id, struct act_view *out);

/* Acts that are not done (open intents of this process). */
int desk_open_acts(const struct desk *d);

/* What the person should know of the history as it was opened, in `out`; false when there is
 * nothing, or nothing new. */
bool desk_notice(struct desk *d, char *out, size_t size);

/* Leaves a word for the person, cut to fit; the last one stands. */
void desk_say(struct desk *d, const char *notice);

/* How many acts were done without a record. */
int desk_unrecorded(const struct desk *d);

#endif
