/* Rate: how much there was a second over the last whole seconds. Pure; reading changes nothing,
 * so an idle hour is forgotten after RATE_WINDOW_S and two readers see the same. */
#ifndef WEIR_CLIENT_ENGINE_RATE_H
#define WEIR_CLIENT_ENGINE_RATE_H

#include <stdint.h>

#define RATE_WINDOW_S 10

struct rate {
	int64_t since_us;
	struct {
		int64_t second, count;
	} slot[RATE_WINDOW_S + 1];
};

void rate_init(struct rate *r, int64_t now_us);

/* Adds `n`; time does not go back. */
void rate_add(struct rate *r, int64_t n, int64_t now_us);

/* A second, over the RATE_WINDOW_S before the one that runs, or those since the start; NaN where
 * less than a tenth of a second of them is over. */
double rate_read(const struct rate *r, int64_t now_us);

#endif
