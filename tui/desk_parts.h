/* The inside of a desk, shared by desk.c (lifecycle, news), act.c (what is asked), flight.c
 * (acts under way), leg.c (an act's way to one node), found.c (what was found open), keeper.c
 * (what a desk does by itself), approvals.c (who asks, who allows), veto.c (the hook before a raise), order.c (what its guard is told) and scribe.c (what is written
 * down). Nothing else includes this. */
#ifndef WEIR_TUI_DESK_PARTS_H
#define WEIR_TUI_DESK_PARTS_H

#include "history/trail.h"
#include "model/approving.h"
#include "model/reconcile.h"
#include "tui/desk.h"
#include "tui/judged_rows.h"
#include "tui/lookout.h"

enum flight_phase {
	FLIGHT_FOUND, /* open in the history, perhaps another process' own: waits until it is old */
	FLIGHT_RECORDING, /* the intent is with the writer */
	FLIGHT_LOOKING,   /* recorded; flags are looked at */
	FLIGHT_VETO,      /* recorded; the veto hook is asked */
	FLIGHT_PREPARING, /* recorded; lease, arm and keep that go before it are asked for */
	FLIGHT_LOWERING,  /* a gradual rollback on its way down */
	FLIGHT_SENDING,   /* a node has not answered yet */
	FLIGHT_WATCHING,  /* answered; the effect is not seen everywhere */
	FLIGHT_TELLING,   /* an order to a desk that guards, which has not said that it obeys */
	FLIGHT_DONE,
};

/* What goes before a forward act, one after the other, at all nodes before the next. */
enum stage {
	STAGE_LEASE, /* take or renew it */
	STAGE_ARM,   /* where the plan is not armed and nothing has moved yet */
	STAGE_KEEP,  /* the raise before it */
	STAGE_GO,    /* all that goes before is done */
};

enum leg_state {
	LEG_WAITING, /* to be sent (again) at due_ms */
	LEG_SENT,
	LEG_ASKING, /* the answer was lost: its fate is asked for */
	LEG_APPLIED,
	LEG_REFUSED, /* finally not applied */
	LEG_FOUND,   /* of an act found open: the node's news decide what becomes of it */
};

/* One act's way to one node. */
struct leg {
	enum leg_state state;
	bool asked;     /* ASKING: the question is under way */
	int64_t due_ms; /* boot time of the next try */
	int tries;
	bool ready;         /* PREPARING, LOWERING: this node has what the stage asks */
	bool lent;          /* PREPARING: its lease was free, and is ours by this act */
	int64_t epoch, rev; /* of the node when PREPARING began; UNKNOWN */
	struct answer answer;
	struct watch watch;
};

struct flight {
	char id[DECISION_ID_MAX];
	int pool;
	enum verb verb;
	int to_bp;
	enum flight_phase phase;
	bool recorded, unrecorded;
	/* What is asked of every node; made when it is first sent, since a pool takes the key of a
	 * retry only with the body that it came with. */
	bool sent;
	struct command order;
	struct act_request request; /* zero for one that was found */
	bool for_desk; /* GUARD: for the desk that guards, not for the pool's own guard */
	enum act act;
	enum stage stage;    /* PREPARING */
	bool gave_lease;     /* a lease was asked for by this flight */
	int down;            /* LOWERING: which lowering is under way, from 1 */
	int64_t down_due_ms; /* boot time of the next */
	int64_t begun_ms;    /* boot time */
	int64_t look_ms;     /* LOOKING: boot time as of which flags are to be known */
	struct child *hook;  /* VETO */
	bool allowed;        /* it has ended, and lets this pass */
	struct interlock interlock;
	struct err err;
	int leg_count;
	struct leg *legs; /* one a node */
};

struct desk_pool {
	bool loaded;
	bool replayed; /* a recording tells of it: there is nothing to answer and to write down */
	bool fast;            /* polled every 100 ms */
	int64_t *audit_since; /* one a node; UNKNOWN before anything is known */
	bool *audit_asked;
	bool *pinned;
	uint64_t twins; /* bits of nodes that are another pool's too, known under its name */
	struct judged_rows judged;      /* the rows that its judge took */
	struct trail *trail;            /* one a node: its log as it was last told of */
	char (*head)[POOL_HASH_MAX];    /* one a node: of our history, as it was last looked up */
	struct prometheus_join *source; /* of figures, beside the nodes; NULL none */
	char *veto;                     /* the hook that is asked before a raise; NULL none */
	bool leases;                    /* the lease is ours to renew */
	int64_t lease_due_ms;           /* boot time of the next renewal */
	int64_t forward_ms;             /* boot time of the last forward act */
	int lease_awaited;              /* answers to come */
	int64_t keep_due_ms;            /* boot time before which no keep is tried by itself */
	int64_t put_back_due_ms;        /* the same, of putting back */
	int64_t drill_due_ms;           /* and of a drill's way back */
	bool both_held;              /* held since both sides break a limit, and they do so still */
	int64_t guard_due_ms;        /* boot time before which it is not acted on again */
	char order[DECISION_ID_MAX]; /* what its guard obeys; "" nothing was ordered */
	int64_t order_end_ms;        /* boot time until which it only holds */
	int64_t hear_due_ms;         /* boot time at which the history is read for orders again */
	bool hearing;                /* it is being read */
	int64_t flag_due_ms;         /* boot time before which no flag is acted on again */
	char flag_done[FLAG_ID_MAX]; /* the file that this process rolled back for */
	struct hostlock *lock;       /* of a recorder that guards; NULL none */
	int64_t line_due_ms;
	char line_path[256]; /* of the recorder's line; "" before the pool is known */
	enum state last_state;
	bool last_red;
	enum verdict_word last_word;
	enum guard_owner last_owner;
	char last_holder[POOL_ACTOR_MAX];
	enum freshness last_freshness;
};

struct desk {
	struct model model;
	struct model behind; /* what a replay tells behind the picture that is shown; else empty */
	struct client *client;
	struct history *history;
	struct desk_options how;
	char *file;           /* of the history, also where it is only looked at; NULL */
	int64_t last_left_ms; /* wall clock; UNKNOWN */
	void (*on_page)(void *ctx, struct history_answer *a); /* NULL: nobody wants pages */
	void *on_page_ctx;
	char actor[POOL_ACTOR_MAX];
	struct desk_pool *pools;
	struct flight *flights;
	size_t flight_count, flight_cap;
	uint64_t random;    /* generator of ids and jitter */
	struct instant now; /* of this turn: events of drivers come within it */
	struct instant (*clock)(void *ctx, struct instant real); /* NULL: the real one */
	void *clock_ctx;
	struct instant recording_from;
	int64_t recording_interval_ms; /* 0: nothing is recorded yet */
	struct model_sample *sample;
	unsigned dirty;
	int64_t raising_due_ms; /* boot time at which the history is asked again which pools rise */
	bool raising_asked;     /* it is being asked */
	struct lookout *lookout; /* looks at flags; NULL: nobody does */
	int64_t flags_due_ms;    /* boot time at which they are looked at again */
	int64_t flags_heard;     /* looks whose findings the model has */
	int unrecorded;
	struct joined {
		char id[DECISION_ID_MAX], other[DECISION_ID_MAX];
		int pool;
	} joined[4];  /* the last acts that another process' decision stands for, */
	int joined_count; /* of so many */
	char notice[200];  /* for the person, of the history as it was opened; "" none or taken */
	struct err unread; /* why a pool's past could not be read; code 0: none was asked in vain */
	int64_t ticked_ms;       /* when the last round over the pools began, */
	int tick_next, tick_end; /* and which of them it has not come to yet */
	struct instant turned; /* of the turn before, to see a jump of the wall clock */
};

/* desk.c */
uint64_t desk_random(struct desk *d);
void desk_apply(struct desk *d, const struct model_event *e);

/* flight.c */
struct flight *flight_find(const struct desk *d, const char *id);
/* A new flight of a decision, in no phase yet; valid until the next one is added. */
struct flight *flight_add(struct desk *d, int pool, const struct decision *what);
const struct decision *flight_decision(const struct desk *d, const struct flight *f);
/* The newest of a verb at a pool that is not done; NULL none. */
struct flight *flight_open(const struct desk *d, int pool, enum verb verb);
void flight_tell(struct desk *d, const struct flight *f, enum outcome_row_kind row, int leg,
	enum outcome_kind kind, const char *answer);
void flight_end(struct desk *d, struct flight *f, enum outcome_kind kind, const char *why);
void flight_progress(struct desk *d, const struct flight *f);
void flight_settle(struct desk *d, struct flight *f);
void flight_committed(struct desk *d, const char *id);
void flight_allowed(struct desk *d, struct flight *f); /* the veto hook lets it pass */
void flight_unrecorded(struct desk *d, const char *id, const struct err *err);
void flight_observe(struct desk *d, uint64_t node, const struct snapshot *s);
void flight_turn(struct desk *d);
int64_t flight_due_ms(const struct desk *d);
void flight_release(struct flight *f);
void flight_drop(struct desk *d, struct flight *f); /* as if it had never been */

/* leg.c */
int64_t leg_retry_delay(struct desk *d, int tries);
void leg_send(struct desk *d, struct flight *f, int k);
void leg_send_all(struct desk *d, struct flight *f);
void leg_applied(struct desk *d, struct flight *f, int k);
void leg_answer(struct desk *d, const struct driver_event *e);
void leg_resolved(struct desk *d, const struct driver_event *e);
void leg_turn(struct desk *d, struct flight *f);

/* veto.c */
bool veto_asks(const struct desk *d, int pool, enum act act);
bool veto_begin(struct desk *d, struct flight *f); /* false: nobody is asked */
void veto_turn(struct desk *d, struct flight *f);
int64_t veto_due_ms(const struct desk *d);
void veto_release(struct flight *f);

/* prelude.c */
void prelude_begin(
	struct desk *d, struct flight *f); /* ends in leg_send_all, or the flight's end */
void prelude_lease(struct desk *d, const struct driver_event *e);
/* True when the answer was for something that goes before the act, or a lowering. */
bool prelude_answer(struct desk *d, const struct driver_event *e);
void prelude_lower(struct desk *d, struct flight *f); /* begins a gradual rollback */
void prelude_turn(struct desk *d, struct flight *f);
int64_t prelude_due_ms(const struct flight *f);

/* act.c */
int act_refuse(struct act_result *out, enum err_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* approvals.c */
void approvals_hear(struct desk *d, int pool, const struct decision *approve);
/* What is in the way of an ask or an approval; 0, or -1 with the result refused. */
int approvals_check(const struct desk *d, const struct act_request *r, struct act_result *out);
/* The own ask for the same; NULL none. */
const struct decision *approvals_before(const struct desk *d, const struct act_request *r);
/* Where only an approval lacks: records the ask for it, once. */
void approvals_ask(struct desk *d, const struct act_request *r, struct act_result *out);
/* The members of the evidence of an ask; of an approval: signs it; of any other act: which
 * approval it is made by. -1 with err where it cannot be signed. */
void approvals_write_ask(struct text *t, const struct desk *d, const struct act_request *r);
int approvals_sign(struct text *t, struct desk *d, const struct act_request *r, struct err *err);
void approvals_write_use(struct text *t, const struct desk *d, const struct act_request *r);
/* The ask that a request is about, with what it asks; NULL none. */
const struct decision *approvals_asked(
	const struct desk *d, const struct act_request *r, struct approval_claim *claim);

/* found.c */
void found_adopt(struct desk *d, int pool, const struct decision *found);
/* What a guard decided is not recorded, since another process' guard does `other` at the same red:
 * that is what is shown and followed, by whoever is heard of it first. */
void found_join(struct desk *d, const char *id, const struct decision *other);
/* The decision that stands for an act that was joined; NULL for any other id. */
const struct decision *found_instead(const struct desk *d, const char *id);
/* True while somebody else's act is waited for: what becomes of it is in the history. */
bool found_waits(const struct desk *d, int pool);
void found_turn(struct desk *d, struct flight *f);
/* True when a press may take this rollback that was found open for its own: some node was just
 * heard, and none of those has moved past it. */
bool found_stands(const struct desk *d, const struct flight *f);
void found_press(struct desk *d, struct flight *f); /* at once, with the key that it has */

/* order.c */
void order_hear(struct desk *d, int pool); /* asks the history for what others ordered */
void order_heard(struct desk *d, int pool, const struct history_answer *a);
void order_unheard(struct desk *d, int pool); /* that is over, whatever came of it */
void order_take(struct desk *d, int pool);    /* the order in force is obeyed from now on */
bool order_holds(const struct desk *d, int pool);
void order_show(const struct desk *d, int pool, struct owner_line *line);
void order_turn(struct desk *d, struct flight *f);
int64_t order_due_ms(const struct flight *f);

/* drill.c */
void drill_turn(struct desk *d, int pool);

/* flags.c */
#define FLAGS_SILENT_MS 3000 /* a look that takes longer is no answer */
void flags_begin(struct desk *d);
void flags_add(struct desk *d, int pool); /* to be looked at from now on */
void flags_ask(struct desk *d);           /* for a look as of now */
void flags_hear(struct desk *d);          /* what the last look found is told to the model */
/* True when the pool's flags are known as of then (boot time), or are not to be had. */
bool flags_answered(const struct desk *d, int pool, int64_t since_ms);
void flags_turn(struct desk *d, int pool);

/* keeper.c */
void keeper_turn(struct desk *d, int pool);
void keeper_meet(
	struct desk *d); /* whose guard it is, as soon as it is known which pool it is */
void keeper_leased(struct desk *d, int pool); /* the lease is ours from now on */
void keeper_lease(struct desk *d, const struct driver_event *e);
void keeper_leave(struct desk *d);
bool keeper_left(const struct desk *d);
void keeper_release(struct desk_pool *p);

/* scribe.c */
void scribe_begin(struct desk *d); /* with all pools added, before their first news */
void scribe_snapshot(struct desk *d, uint64_t node, const struct snapshot *s);
void scribe_flips(struct desk *d, int pool);
void scribe_answers(struct desk *d);
void scribe_raising(struct desk *d); /* asks which pools rise, when that is due */
void scribe_audit(struct desk *d, const struct driver_event *e);

#endif
