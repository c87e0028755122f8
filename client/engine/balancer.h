/* Balancer: which of several candidates (segments, nodes) gets the next piece of work. Pure, in
 * one pass, without memory of its own but a cursor; what is random is an argument.
 *
 * 1. A locked candidate gets nothing new.
 * 2. One that was not measured (or whose figures are not finite) is not healthy: it is chosen
 *    only when no measured one is left, under every strategy.
 * 3. Of two candidates the better is chosen, always; of equals one by random. */
#ifndef WEIR_CLIENT_ENGINE_BALANCER_H
#define WEIR_CLIENT_ENGINE_BALANCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, word, help) */
#define PLACEMENT_INFO(X) \
	X(ROUND_ROBIN, "round_robin", "each in turn") \
	X(WEIGHTED, "weighted", "in proportion to the weights, spread evenly") \
	X(LEAST_LOADED, "least_loaded", "the one with the lowest load") \
	X(HEALTH, "health", "the healthiest; of equals the one with the lowest load")

enum placement {
#define X(name, word, help) PLACEMENT_##name,
	PLACEMENT_INFO(X)
#undef X
		PLACEMENT_COUNT
};

const char *placement_name(enum placement p);
const char *placement_help(enum placement p);
/* PLACEMENT_COUNT for an unknown word. */
enum placement placement_of(const char *word);

struct candidate {
	double load;    /* lower is better; any unit that all share */
	double health;  /* higher is better; NaN unknown */
	int64_t weight; /* 0 or less: nothing while another has some */
	bool locked;
	bool measured;
	int64_t credit; /* weighted: the balancer's own; begins with 0 */
};

struct balancer {
	enum placement placement;
	size_t next; /* round_robin */
};

#define WEIGHT_MAX 1000000 /* above counts as this */

/* The chosen candidate's index, or -1 when all are locked or there is none. */
int64_t balancer_pick(
	struct balancer *b, struct candidate *candidates, size_t n, uint64_t *random);

#endif
