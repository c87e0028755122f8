/* Replay: a driver over a recording. The same screens, its own clock, no command path.
 *
 * Target: "replay:FILE". Its instants are recorded wall times on both clocks. Each recorded
 * tick becomes a DRIVER_SNAPSHOT (or DRIVER_TROUBLE for a gap), each decision and outcome row a
 * DRIVER_DECISION as it stood then. */
#ifndef WEIR_HISTORY_REPLAY_H
#define WEIR_HISTORY_REPLAY_H

#include "history/moments.h"
#include "history/recheck.h"
#include "model/driver.h"

extern const struct driver_ops replay_driver; /* apply, resolve and audit are NULL */

/* "replay:FILE?pool=NAME" chooses a pool of the file; without, it is the one with the last
 * sample. "&recording=NUMBER" chooses one of its recordings; without, it is the longest. Its nodes are told under the handle that was given at open and those behind it, in the
 * order in which they came. */
size_t replay_nodes(const struct driver *d);

/* The pools of its recording by their names, `most` at most. How many there are, or -1 with err. */
#define REPLAY_POOLS_MAX 64
int replay_pools(struct driver *d, char (*out)[POOL_NAME_MAX], size_t most, struct err *err);

/* Lets the pool go by the clock of another one from now on, which stands at the beginning of all
 * then. Neither is asked for anything once the other is closed. */
void replay_share(struct driver *d, struct driver *with, struct instant real_now);

/* The next of the pools that go by one clock, from the one whose clock it was; NULL: no more. */
struct driver *replay_first(const struct driver *d);
struct driver *replay_after(const struct driver *d);

/* Says that this is the pool of its clock that is looked at: a seek shows ten minutes of it, of the
 * others the last rows, and its judge catches up before theirs. */
void replay_look_at(struct driver *d);

struct replay_span {
	int64_t start_ms, end_ms; /* recorded wall time of the first and last thing; the last
								 moves on while the recorder writes */
	char pool[POOL_NAME_MAX], pool_id[POOL_ID_MAX];
	int64_t interval_ms, recording;
};
/* Of all that go by its clock. */
void replay_span(const struct driver *d, struct replay_span *out);

/* The moment it stands at. */
struct instant replay_now(const struct driver *d);

/* Speed as a factor 0.25..3600; paused keeps the speed. */
void replay_set_speed(struct driver *d, double factor, struct instant real_now);
double replay_speed(const struct driver *d);
void replay_pause(struct driver *d, bool paused, struct instant real_now);
bool replay_is_paused(const struct driver *d);

/* Goes to a moment (clamped to the span) with the next turn, which shows it at a glance:
 * DRIVER_RESET, DRIVER_TOLD, the rows (DRIVER_ROW) of the ten minutes before it, the last document
 * of each node, all decisions. Of pools by the same clock that are not looked at it glances
 * at some, and tells DRIVER_PAST of the rest, which the next turns glance at. The turns that follow tell the
 * recording from its beginning to what lies behind the picture; when that has come to the clock,
 * DRIVER_SWAP. A jump of a few documents ahead is played at once. */
void replay_seek(struct driver *d, int64_t wall_ms, struct instant real_now);

/* How much of the way to the clock is done behind a glance, in per cent; -1 when what is shown
 * is exact: everything was told to it. */
int replay_catching_up(const struct driver *d);

/* Goes to a moment as if the recording began there: DRIVER_RESET at once, then what follows.
 * Nothing that was before it is ever told. */
void replay_from(struct driver *d, int64_t wall_ms, struct instant real_now);

/* The moment of the next (direction 1) or previous (-1) decision, event or flip, UNKNOWN when
 * there is none in the span. */
int64_t replay_next(const struct driver *d, enum moment_kind kind, int direction);

/* True when one lies in from <= t < until. */
bool replay_has(
	const struct driver *d, enum moment_kind kind, int64_t from_ms, int64_t until_ms);

/* The same of all pools that go by its clock; of them the one whose judge has the longest way. */
int64_t replay_next_of_all(const struct driver *d, enum moment_kind kind, int direction);
bool replay_has_any(
	const struct driver *d, enum moment_kind kind, int64_t from_ms, int64_t until_ms);
int replay_catching_up_all(const struct driver *d);

/* What the rows of the recording say of a decision's verdict; NULL: it is none of its decisions, or
 * has no verdict. Of all pools that go by its clock. */
const struct recheck_result *replay_recheck(const struct driver *d, const char *id);

/* True while it has work behind what is shown: to catch up with a seek, or to judge anew. Turns
 * without a wait do it. */
bool replay_works(const struct driver *d);

/* True when nothing lies ahead of the clock. */
bool replay_at_end(const struct driver *d);

/* True while the recorder of one that goes by its clock has not said that it ended and a row of
 * its recording came within a minute: what it writes is read within a second, and a clock at the
 * end goes on with it. */
bool replay_follows(const struct driver *d);

#endif
