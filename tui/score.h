/* Score: how well a scenario was handled, by a person or by a policy: how soon a bad v2 was found and
 * taken back, how many requests it spoilt until then, and what was done without need. The scenario
 * says when v2 was bad; what was done and counted is read from the pool as the console believes it.
 * Pure. */
#ifndef WEIR_TUI_SCORE_H
#define WEIR_TUI_SCORE_H

#include "model/model.h"
#include "model/scenario.h"
#include "model/text.h"

/* Counts of both sides: requests that have ended, and those of them that were no use: what failed,
 * and what waited too long. */
struct score_block {
	int64_t requests[ARM_COUNT], ended[ARM_COUNT], bad[ARM_COUNT];
};

/* Moments are milliseconds after the start; UNKNOWN: never. */
struct score {
	const struct scenario *scenario; /* borrowed until score_end */
	char name[OPERATION_NAME_MAX];   /* of the scenario */
	char by[POOL_ACTOR_MAX];         /* who played */
	char policy[POLICY_NAME_MAX];    /* under which the shares were raised */
	int64_t at_ms;                   /* the start, wall clock */
	uint64_t seed;
	int64_t played_ms;

	bool harmful;      /* v2 was bad while it had a share */
	int64_t bad_ms;    /* its first bad request; where none need fail, its first request */
	int64_t braked_ms; /* the first brake from then on */
	int64_t back_ms;   /* v2 was seen at its baseline again */
	struct score_brake {
		char by[POOL_ACTOR_MAX], verb[16], why[POOL_REASON_MAX];
	} brake, needless_brake; /* that one, and the first without need; by "": none */
	int64_t ended, bad;      /* requests of v2 */
	double excess;           /* of the bad ones, beyond v1's rate */
	int64_t needless;        /* brakes while v2 was good */
	int top_bp, end_bp;      /* -1: not known */
	int64_t complete_ms;     /* all was v2's */
	char waits
		[POOL_REASON_MAX]; /* what was in the way of the next step at the end; "" nothing */

	/* of the counting */
	char boot_id[POOL_ID_MAX];
	int64_t seq; /* of the last document of that boot */
	struct score_block last, block, all;
	int64_t block_ms;
	int share_bp;
};

/* Begins at `now`; `by` and `policy` are copied. */
void score_begin(struct score *s, const struct scenario *scenario, const char *by,
	const char *policy, struct instant now);

/* Takes in what is new of the pool, which has one node: after each turn. */
void score_look(struct score *s, const struct pool *p, struct instant now);

/* The same once more, with all that was decided: nothing follows. */
void score_end(struct score *s, const struct pool *p, struct instant now);

/* True unless a v2 that was bad was left alone. */
bool score_caught(const struct score *s);

/* How long from the first bad request to the brake, and to the share that was back; UNKNOWN. */
int64_t score_detect_ms(const struct score *s);
int64_t score_back_ms(const struct score *s);

/* The lines that a person reads at the end. */
void score_text(struct text *out, const struct score *s);

/* The same in a sentence of one line, and as canonical JSON, one object. */
void score_line(struct text *out, const struct score *s);
void score_json(struct text *out, const struct score *s);

/* Many plays of one scenario. */
struct score_runs {
	int64_t count, harmful, caught, needless; /* needless: plays with a needless brake */
	int64_t complete;
	struct score_spread {
		int64_t known;
		double median, p90; /* NaN: none is known */
	} detect_ms, back_ms, excess;
};

void score_sum(struct score_runs *out, const struct score *list, size_t count);
void score_runs_text(struct text *out, const struct score_runs *r);
void score_runs_json(struct text *out, const struct score_runs *r);

#endif
