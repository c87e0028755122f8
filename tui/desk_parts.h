/* The inside of a desk, shared by desk.c (lifecycle, news), act.c (what a person asks),
 * flight.c (acts under way) and scribe.c (what is written down). Nothing else includes this. */
#ifndef WEIR_TUI_DESK_PARTS_H
#define WEIR_TUI_DESK_PARTS_H

#include "model/reconcile.h"
#include "tui/desk.h"

enum flight_phase {
	FLIGHT_FOUND, /* open in the history, perhaps another process' own: waits until it is old */
	FLIGHT_RECORDING, /* the intent is with the writer */
	FLIGHT_SENDING,   /* a node has not answered yet */
	FLIGHT_WATCHING,  /* answered; the effect is not seen everywhere */
	FLIGHT_DONE,
};

enum leg_state {
	LEG_WAITING, /* to be sent (again) at due_ms */
	LEG_SENT,
	LEG_ASKING, /* the answer was lost: its fate is asked for */
	LEG_APPLIED,
	LEG_REFUSED, /* finally not applied */
};

/* One act's way to one node. */
struct leg {
	enum leg_state state;
	bool asked;     /* ASKING: the question is under way */
	int64_t due_ms; /* boot time of the next try */
	int64_t sent_ms;
	int tries;
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
	bool sent; /* at least once, with this head of the history: retries repeat it */
	char head[POOL_HASH_MAX];
	int64_t begun_ms; /* boot time */
	int64_t shown_epoch, shown_rev;
	struct interlock interlock;
	struct err err;
	int leg_count;
	struct leg *legs; /* one a node */
};

struct desk_pool {
	bool loaded;
	bool fast;            /* polled every 100 ms */
	int64_t *audit_since; /* one a node; UNKNOWN before anything is known */
	bool *audit_asked;
	bool *pinned;
	enum state last_state;
	bool last_red;
	enum freshness last_freshness;
};

struct desk {
	struct model model;
	struct client *client;
	struct history *history;
	struct desk_options how;
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
	int unrecorded;
	struct err unread; /* why a pool's past could not be read; code 0: none was asked in vain */
	int64_t ticked_ms;
};

/* desk.c */
uint64_t desk_random(struct desk *d);
void desk_apply(struct desk *d, const struct model_event *e);

/* flight.c */
struct flight *flight_find(const struct desk *d, const char *id);
/* A new flight of a decision, in no phase yet; valid until the next one is added. */
struct flight *flight_add(struct desk *d, int pool, const struct decision *what);
const struct decision *flight_decision(const struct desk *d, const struct flight *f);
bool flight_is_brake(enum verb v); /* rollback and hold: sent whether recorded or not */
void flight_committed(struct desk *d, const char *id);
void flight_unrecorded(struct desk *d, const char *id, const struct err *err);
void flight_answer(struct desk *d, const struct driver_event *e);
void flight_resolved(struct desk *d, const struct driver_event *e);
void flight_observe(struct desk *d, uint64_t node, const struct snapshot *s);
void flight_turn(struct desk *d);
void flight_adopt(struct desk *d, int pool, const struct decision *found);
int64_t flight_due_ms(const struct desk *d);
void flight_release(struct flight *f);

/* scribe.c */
void scribe_begin(struct desk *d); /* with all pools added, before their first news */
void scribe_snapshot(struct desk *d, uint64_t node, const struct snapshot *s);
void scribe_flips(struct desk *d, int pool);
void scribe_answers(struct desk *d);
void scribe_audit(struct desk *d, const struct driver_event *e);

#endif
