/* Fake: one node of a pool on a virtual clock, behind `fake:NAME` for drivers' users. Its
 * control is the real one (client/engine/control.c); its traffic is made up from rates, or
 * routed and done in virtual time where it was given work. What travels between it and a desk is lost, late, refused or a lie when told to. Several
 * desks may look at one fake.
 *
 * Set the fields at any time; they hold from the next moment on. */
#ifndef WEIR_TESTS_LIB_FAKE_H
#define WEIR_TESTS_LIB_FAKE_H

#include "model/driver.h"

#include <stdbool.h>
#include <stdint.h>

#define FAKE_COMMANDS_MAX 64

struct control;
struct control_answer; /* client/engine/control.h */
struct sim_work;       /* client/engine/sim_work.h */
struct sim_work_options;
struct fake_guard;

struct fake {
	char name[POOL_NAME_MAX]; /* the target is fake:NAME */
	/* traffic that is made up */
	double rate; /* requests a second, both arms */
	double error_rate[ARM_COUNT];
	int64_t latency_us[ARM_COUNT]; /* the median */
	int64_t memory_bytes[ARM_COUNT];
	int leak_bp; /* v2 gets this share of the work whatever the control says; -1 */
	/* what travels */
	bool silent;      /* a poll ends in trouble, a command and a question are lost */
	int64_t delay_ms; /* of every answer but those to a lease and to what goes before an act */
	int64_t prelude_delay_ms;     /* of those */
	bool prelude_mute;            /* those never come, though what was asked is done */
	enum err_code refuse_prelude; /* arm, keep and lowerings are refused with it; ERR_NONE */
	int lose_before, lose_after, not_sent; /* so many of the next commands: lost before, lost
	                                          after being applied, refused connections */
	int lose_resolves;                     /* so many of the next questions for a fate */
	enum err_code refuse;                  /* every command is refused with it; ERR_NONE */
	bool pretend;                          /* says APPLIED and does nothing */
	int lie_bp;                            /* documents say this share; -1 */
	int clamp_bp;                          /* a step goes no higher; -1 */
	bool no_audit;                         /* a question for its log ends in trouble */
	bool no_lease;                         /* it knows no leases */
	bool reloads;                          /* what it loses in a restart a reload lost */
	bool guards;                           /* it has a guard of its own; true at first */
	int64_t clock_ms;                      /* its wall clock is ahead by so much */
	int dropped;       /* operations of v2 that its document has no room for */
	bool no_quantiles; /* documents come without latency */
	/* what has happened */
	int polls, commands, resolves, audits, leases; /* asked of it, by anyone */
	struct command got[FAKE_COMMANDS_MAX]; /* every command that left a desk, oldest first */
	int got_count;
	/* inside */
	struct fake *next;
	struct control *control;
	struct sim_work *work; /* NULL: its traffic is made up */
	struct snapshot *counts;
	struct fake_guard *guard;
	struct instant now, booted;
	int64_t tick_ms; /* when time acts next, on the boot clock */
	double carry;
	uint64_t random;
	int boots;
};

extern const struct driver_ops fake_driver;

/* A node of pool "checkout" with share 0, epoch 1, 200 requests/s, 0.2 % errors and 20 ms on
 * both sides. At most one of a name at a time. */
struct fake *fake_new(const char *name, uint64_t seed, struct instant now);
void fake_free(struct fake *f);

/* From now on it has this work, under the split of its control; the fields of made up traffic
 * mean nothing any more. What is done to its arms: sim_work_fault on f->work. */
void fake_employ(struct fake *f, const struct sim_work_options *how);

/* Another control, which it owns from now on, with another split. */
void fake_govern(struct fake *f, struct control *c);

/* Lets its time and traffic come up to now; drivers do so too. */
void fake_advance(struct fake *f, struct instant now);

/* Another actor's change, not through a driver, at the revision that it is at. Returns the
 * status of the control: 200 accepted. */
int fake_act(struct fake *f, const char *actor, const char *key, enum verb verb, int to_bp,
	const char *reason);

/* Another actor takes the free lease, renews its own or gives it back (ttl_ms 0). The status. */
int fake_lend(struct fake *f, const char *actor, int64_t ttl_ms);

/* Delivers a copy of a command once more, as a network may. Returns the control's status;
 * `replayed` (may be NULL) tells whether it was known. */
int fake_deliver(struct fake *f, const struct command *c, bool *replayed);

/* Begins a new boot: counters and log from nothing, the share lost or kept, the epoch higher.
 */
void fake_restart(struct fake *f, bool keeps_share);

/* Begins a new boot as a pool with a store does: counters from nothing and no lease; share,
 * epoch, log, keys and deadlines as they were. */
void fake_restart_stored(struct fake *f);

/* For its driver: the fake of a name (NULL none), its document of this moment with its lies, its
 * answer to a command as it would travel. */
struct fake *fake_find(const char *name);
void fake_document(struct fake *f, struct snapshot *out);
void fake_change(struct fake *f, const struct command *c, struct control_answer *out);

/* Runs another build from now on. */
void fake_upgrade(struct fake *f, const char *build);

/* So many workers of an arm are ready. */
void fake_staff(struct fake *f, enum arm arm, int64_t ready);

/* Its counters of an arm go back by so many requests that were well, in the same boot. */
void fake_uncount(struct fake *f, enum arm arm, int64_t requests);

/* Says to be another pool from now on. */
void fake_become(struct fake *f, const char *pool_id);

/* Names itself so from now on, and stays the pool that it is. */
void fake_rename(struct fake *f, const char *pool);

/* What it is, whatever it says. */
int fake_share_bp(const struct fake *f);
int64_t fake_rev(const struct fake *f);
int64_t fake_epoch(const struct fake *f);
int64_t fake_audit_seq(const struct fake *f);
bool fake_is_held(const struct fake *f);
struct lease fake_lease(const struct fake *f);
struct keep fake_keep(const struct fake *f);

#endif
