/* What the parts of the HAProxy driver share. For haproxy.c, haproxy_back.c, haproxy_change.c,
 * haproxy_fate.c, haproxy_lock.c, haproxy_snapshot.c and haproxy_write.c alone. */
#ifndef WEIR_CLIENT_HAPROXY_PARTS_H
#define WEIR_CLIENT_HAPROXY_PARTS_H

#include "client/haproxy_ring.h"
#include "client/haproxy_view.h"
#include "model/driver.h"

#define HAPROXY_TIMEOUT_MS 3000

/* What is remembered of one process of HAProxy, since it tells neither when the share changed
 * nor what the counters were then. Where a map keeps notes they say more, to everybody. */
struct haproxy_boot {
	char id[POOL_ID_MAX]; /* "" no view yet */
	int64_t began_ms;     /* boot clock: when the process began, at the latest */
	int64_t seq, rev;     /* rev: changes of the share that were seen here */
	int share_bp;         /* -1 before the first view */
	int64_t requests[ARM_COUNT], ok[ARM_COUNT];
	int64_t change_ms; /* boot clock; UNKNOWN: no change was seen */
	int64_t change_requests[ARM_COUNT];
	bool held;
	int64_t held_ms; /* boot clock */
	char holder[POOL_ACTOR_MAX];
};

/* A command that was asked of this driver, for the day its answer is lost. */
struct haproxy_sent {
	char id[DECISION_ID_MAX];
	enum verb verb;
	bool left, noted; /* a line of it may have left; its note before it */
	int from_bp, to_bp;
	int64_t epoch;
	struct drain drain;
	bool drains;
	char actor[POOL_ACTOR_MAX], plan_hash[POOL_HASH_MAX];
};

#define HAPROXY_SENT_MAX 16

struct haproxy_call; /* of haproxy_change.c */

struct driver {
	uint64_t node;
	struct driver_sink sink;
	char *target;
	struct haproxy_target where;
	int epoll_fd, timer_fd;
	struct haproxy_session *poll; /* NULL: none is under way */
	struct haproxy_ring *ring;
	struct haproxy_call *calls;
	bool asks_audit;
	int64_t audit_since;
	struct haproxy_boot boot;
	struct haproxy_sent sent[HAPROXY_SENT_MAX]; /* a ring */
	int sent_next;
	struct haproxy_view *view; /* the last that was whole */
	struct snapshot *snapshot;
};

/* haproxy_snapshot.c */

/* Takes a view into what is remembered. True where another process answers than the one before. */
bool haproxy_boot_see(struct haproxy_boot *b, const struct haproxy_view *v, struct instant now);

/* The revision of the share: of the notes, without a map what was counted here. */
int64_t haproxy_boot_rev(
	const struct haproxy_boot *b, const struct haproxy_target *t, const struct haproxy_view *v);

/* The document of a view that haproxy_boot_see has taken. */
void haproxy_snapshot_make(struct snapshot *out, const struct haproxy_boot *b,
	const struct haproxy_target *t, const struct haproxy_view *v, struct instant now);

/* The entries of the notes after revision `since`, rising. Returns how many. */
size_t haproxy_snapshot_audit(struct audit_entry out[HAPROXY_NOTES_MAX],
	const struct haproxy_view *v, int64_t since, struct instant now);

/* haproxy_write.c: the lines that do what a command asks. 0, or -1 with err, and nothing asked,
 * where it cannot be done. */

/* The share that a rollback to `to_bp` sets: that one, or the nearest below that can be had. */
int haproxy_write_floor(
	const struct haproxy_target *t, const struct haproxy_view *v, int to_bp);

/* A step or a rollback. */
struct haproxy_share {
	int to_bp;
	const struct haproxy_note *note; /* NULL: none is kept */
	int64_t version; /* of the map, prepared for this; -1: none, keys are set one by one */
	bool brakes;     /* a rollback: done as well as can be, refused by nothing */
	bool releases;   /* a hold ends with it */
};

/* `v`: the view before; NULL where nothing could be read, a rollback is written all the same. */
int haproxy_write_share(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, const struct haproxy_share *share, struct err *err);

/* True where the change of the share is to be committed as a version of the map. */
bool haproxy_write_commits(const struct haproxy_target *t);

/* Whatever else a command may be: a note, or a drain. */
int haproxy_write_other(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, const struct command *c, struct instant now, struct err *err);

/* haproxy_lock.c */

struct hostlock;

/* True when there is nothing more to wait for: it is ours, or no directory can hold it. The
 * caller frees it. */
bool haproxy_lock_take(struct hostlock **out, const struct driver *d);

/* haproxy_fate.c */

/* Keeps a command that was asked; one of the same id is the same. */
void haproxy_fate_keep(struct driver *d, const struct command *c);

/* The record of an id; NULL: nobody asked it of this driver, or long ago. Borrowed. */
struct haproxy_sent *haproxy_fate_find(struct driver *d, const char *id);

/* What became of an intent, by the notes, else by what is there. LOST with err where neither
 * tells. */
enum answer_kind haproxy_fate_of(
	struct driver *d, const char *id, const struct haproxy_view *v, struct err *err);

/* haproxy_change.c */
void haproxy_apply(struct driver *d, const struct command *c, struct instant now);
void haproxy_resolve(struct driver *d, const char *intent, struct instant now);
void haproxy_change_turn(struct driver *d, struct instant now);
/* Milliseconds until a call needs a turn though nothing comes; INT64_MAX: none does. */
int64_t haproxy_change_due_ms(const struct driver *d, struct instant now);
void haproxy_change_forget(struct driver *d); /* ends all without a word */

/* haproxy.c */
void haproxy_tell(const struct driver *d, const struct driver_event *event);

#endif
