/* Health: troubles by slices of time, and the figure made of them. Not the guard: it judges no
 * arm against another and acts on nothing.
 *
 * 1. A slice's number says which time it is of; one of an earlier round of the ring is empty.
 * 2. Without new events the score of the same facts never falls as time passes. */
#include "client/engine/health.h"

#include "model/unit.h"

#include <assert.h>
#include <math.h>

void health_note(struct health *h, enum trouble what, int64_t now_us)
{
	assert(now_us >= 0 && what < TROUBLE_COUNT);
	int64_t index = now_us / HEALTH_SLICE_US;
	struct health_slice *s = &h->slice[index % HEALTH_SLICES];
	if (s->index < index)
		*s = (struct health_slice){.index = index};
	s->count[what]++;
}

int64_t health_count(const struct health *h, enum trouble what, int64_t now_us)
{
	int64_t now = now_us / HEALTH_SLICE_US, sum = 0;
	for (int i = 0; i < HEALTH_SLICES; i++)
		sum += h->slice[i].index > now - HEALTH_SLICES ? h->slice[i].count[what] : 0;
	return sum;
}

static double load(const struct health_facts *f)
{
	double x = target_load(&f->target, f->workers);
	return 1 / (1 + x * x);
}

static double trouble(const struct health *h, int64_t workers, int64_t now_us)
{
	double events = (double)health_count(h, TROUBLE_ERROR, now_us) +
		(double)health_count(h, TROUBLE_WARNING, now_us) / 10 +
		(double)health_count(h, TROUBLE_RESTART, now_us);
	double minutes = (double)HEALTH_WINDOW_US / 60e6;
	return 1 / (1 + events / ((double)(workers > 0 ? workers : 1) * minutes));
}

static double memory(const struct health_facts *f)
{
	if (f->memory_bytes == UNKNOWN || f->memory_limit == UNKNOWN)
		return 1;
	if (f->memory_bytes >= f->memory_limit)
		return 0;
	if (f->memory_growth_hour == UNKNOWN || f->memory_growth_hour <= 0)
		return 1;
	double hours = (double)(f->memory_limit - f->memory_bytes) / (double)f->memory_growth_hour;
	return hours / (hours + 1);
}

double health_score(const struct health *h, const struct health_facts *facts, int64_t now_us)
{
	if (!facts->measured)
		return NAN;
	return load(facts) * trouble(h, facts->workers, now_us) * memory(facts);
}
