/* HAProxy notes: what weir keeps in a map beside the number that splits: who changed it last,
 * whether somebody holds it, what it goes back to. All of it has an integer for a value, which
 * is all that a map of numbers takes, and all of it is gone with a reload, like the number.
 *
 *   KEY                                              permille of v2
 *   weir.KEY.REV.ACTOR@HOST/VERB/ID/AT/UPTIME/V1/V2  what the REV-th change set it to: sent as
 *                                                    ID at AT by the sender's wall clock (ms),
 *                                                    UPTIME seconds after HAProxy began, when the
 *                                                    arms had served V1 and V2 requests
 *   weir.KEY.hold.ACTOR@HOST                         by the holder's wall clock (ms), since when
 *   weir.KEY.arm.HASH                                permille of the baseline
 */
#ifndef WEIR_CLIENT_HAPROXY_NOTE_H
#define WEIR_CLIENT_HAPROXY_NOTE_H

#include "client/haproxy_target.h"
#include "model/driver.h"
#include "model/pool.h"
#include "model/text.h"

#define HAPROXY_NOTES_MAX 16 /* that are read; the newest */
#define HAPROXY_NOTES_KEPT 8 /* older ones are removed with the next change */
#define HAPROXY_PERMILLE 1000
#define HAPROXY_KEY_MAX 512 /* of a note, with NUL */

/* One change. */
struct haproxy_note {
	int64_t rev;
	int permille;
	enum verb verb; /* STEP, ROLLBACK */
	char actor[POOL_ACTOR_MAX];
	char id[DECISION_ID_MAX];
	int64_t at_ms, uptime_s;
	int64_t requests[ARM_COUNT];
	char key[HAPROXY_KEY_MAX]; /* its line in the map */
};

/* A map as far as it concerns one split. */
struct haproxy_map {
	bool has_split;
	bool uneven;    /* keys that step together have not one number */
	int permille;   /* of the split; -1: not there, or no number of 0..1000 */
	char value[24]; /* as it stands there, cleaned */
	int count;
	struct haproxy_note note[HAPROXY_NOTES_MAX]; /* rising REV */
	bool held;
	char holder[POOL_ACTOR_MAX];
	int64_t held_ms; /* wall clock of the holder; UNKNOWN: not said */
	char hold_key[HAPROXY_KEY_MAX];
	bool armed;
	int baseline_permille;
	char plan_hash[POOL_HASH_MAX]; /* "-" as "" */
	char arm_key[HAPROXY_KEY_MAX];
};

/* Reads the lines of `show map` that concern `key`. 0, or -1 with err. A note that is not whole
 * counts as none. `keys`: those that step together, `key` the first; NULL: it is alone. */
int haproxy_map_read(struct haproxy_map *out, const char *key, const struct haproxy_group *keys,
	const char *text, struct err *err);

/* The newest change; NULL none. Borrowed. */
const struct haproxy_note *haproxy_map_last(const struct haproxy_map *m);

/* The change that an intent made; NULL: none that is still noted. Borrowed. */
const struct haproxy_note *haproxy_map_find(const struct haproxy_map *m, const char *id);

/* False for a note of an earlier process, which a map file kept: its counts and its clock say
 * nothing of this one. */
bool haproxy_note_is_of_boot(const struct haproxy_note *n, int64_t uptime_s);

/* How long ago it was, when HAProxy has run for uptime_s: by the wall clock, as far as HAProxy's
 * own seconds bear it out, so that notes of one host are ordered and no clock can lie much.
 * UNKNOWN for a note of an earlier process. */
int64_t haproxy_note_age_ms(const struct haproxy_note *n, int64_t uptime_s, int64_t wall_ms);

/* Writes the key of a note; every byte that may not stand in a command is escaped. */
void haproxy_note_key(struct text *out, const char *key, const struct haproxy_note *n);
void haproxy_note_hold(struct text *out, const char *key, const char *actor);
void haproxy_note_arm(struct text *out, const char *key, const char *plan_hash);

#endif
