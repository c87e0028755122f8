/* Breaker: keeps work from an arm that fails. It runs nothing itself: it gives tickets and takes
 * words, so the protected work runs in parallel, as much of it as there is.
 *
 * Closed: all may pass; consecutive failures open it. Open: none may, for a while from its
 * opening on. Half open: a few at a time may, as probes; enough successes close it, one failure
 * opens it. A returned error is a failure, as a crash and a timeout are; a user's own error and
 * a refusal are no word on the arm: give those tickets back (breaker_forget).
 *
 * The hot path: who owns a breaker keeps breaker_quiet() in an atomic word, written after every
 * call here under its lock. While it is not 0, work may pass without the lock, with
 * breaker_pass(word) as its ticket; only a failure then needs the lock and breaker_tell. */
#ifndef WEIR_CLIENT_ENGINE_BREAKER_H
#define WEIR_CLIENT_ENGINE_BREAKER_H

#include "model/counts.h"

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_PROBES_MAX 16

/* 0 is the default. */
struct breaker_options {
	int failures;     /* consecutive ones that open: 5 */
	int successes;    /* of probes, that close: 3 */
	int probes;       /* at a time, at most BREAKER_PROBES_MAX: 3 */
	int64_t open_us;  /* from the opening to the first probe: 60 s */
	int64_t probe_us; /* after which a probe is lost, and its place free: open_us */
};

enum breaker_answer { BREAKER_REFUSED, BREAKER_ALLOWED, BREAKER_PROBE };

/* What a word is told with. Every one but a refusal is told of or given back once. */
struct breaker_ticket {
	enum breaker_answer answer;
	int place;     /* of a probe */
	uint64_t turn; /* of the breaker's states; a word for an earlier one changes nothing */
	uint64_t number;
};

struct breaker {
	struct breaker_options how;
	enum breaker_state state;
	uint64_t turn;    /* rises with every change of state, never 0 */
	int failures;     /* since the last success while closed, or the closing */
	int successes;    /* of probes */
	int64_t since_us; /* of the state */
	int64_t opened, refused;
	uint64_t number; /* of the last probe */
	struct {
		uint64_t number; /* 0: free */
		int64_t at_us;
	} probes[BREAKER_PROBES_MAX];
};

struct breaker_info {
	enum breaker_state state; /* HALF_OPEN also when the next question would find it so */
	int failures, successes, probes;
	int64_t since_us;
	int64_t retry_us; /* until a probe may pass; 0 unless it is open */
	int64_t opened, refused;
};

/* Closed, nothing counted. `how` may be NULL. */
void breaker_init(struct breaker *b, const struct breaker_options *how, int64_t now_us);

/* Other options from now on; what was counted stays. */
void breaker_configure(struct breaker *b, const struct breaker_options *how);

/* May this piece of work pass? */
struct breaker_ticket breaker_ask(struct breaker *b, int64_t now_us);

/* What became of it. */
void breaker_tell(
	struct breaker *b, const struct breaker_ticket *ticket, bool ok, int64_t now_us);

/* The work was not run, or says nothing about the arm: as if it had not asked. */
void breaker_forget(struct breaker *b, const struct breaker_ticket *ticket);

/* Closes it by hand. Work under way has no word any more. */
void breaker_reset(struct breaker *b, int64_t now_us);

/* The turn of a breaker that is closed and has counted no failure, else 0. */
uint64_t breaker_quiet(const struct breaker *b);

/* The ticket of work that passed a quiet breaker without asking. */
struct breaker_ticket breaker_pass(uint64_t quiet);

struct breaker_info breaker_info(const struct breaker *b, int64_t now_us);

#endif
