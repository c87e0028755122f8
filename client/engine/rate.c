/* Rate: a ring of seconds. Not a lifetime average, and not the owner's lock. */
#include "client/engine/rate.h"

#include <math.h>

#define SECOND_US 1000000
#define SLOTS (RATE_WINDOW_S + 1)

void rate_init(struct rate *r, int64_t now_us)
{
	*r = (struct rate){.since_us = now_us};
	for (int i = 0; i < SLOTS; i++)
		r->slot[i].second = -1;
}

void rate_add(struct rate *r, int64_t n, int64_t now_us)
{
	int64_t second = now_us / SECOND_US;
	int at = (int)(second % SLOTS);
	if (r->slot[at].second != second) {
		r->slot[at].second = second;
		r->slot[at].count = 0;
	}
	r->slot[at].count += n;
}

double rate_read(const struct rate *r, int64_t now_us)
{
	int64_t running = now_us / SECOND_US;
	int64_t from_us = (running - RATE_WINDOW_S) * SECOND_US, sum = 0;
	if (from_us < r->since_us)
		from_us = r->since_us;
	int64_t over_us = running * SECOND_US - from_us;
	if (over_us < SECOND_US / 10)
		return NAN;
	for (int i = 0; i < SLOTS; i++)
		if (r->slot[i].second >= running - RATE_WINDOW_S && r->slot[i].second < running)
			sum += r->slot[i].count;
	return (double)sum * SECOND_US / (double)over_us;
}
