/* Pressure: integers throughout, so that an edge is where it is written. Not the queue. */
#include "client/engine/pressure.h"

#include <assert.h>

static const struct {
	const char *word;
	int64_t below_bp, pause_us;
} classes[] = {
#define X(name, word, below_bp, pause_us) {word, below_bp, pause_us},
	PRESSURE_INFO(X)
#undef X
};

const char *pressure_name(enum pressure p)
{
	assert(p < PRESSURE_COUNT);
	return classes[p].word;
}

int pressure_bp(struct pressure_gauge g)
{
	assert(g.depth >= 0 && g.capacity >= 0);
	if (g.capacity == 0)
		return 0;
	if (g.depth >= g.capacity)
		return 10000;
	while (g.depth > INT64_MAX / 10000) {
		g.depth >>= 1;
		g.capacity >>= 1;
	}
	return (int)(g.depth * 10000 / g.capacity);
}

enum pressure pressure_of(struct pressure_gauge g)
{
	int64_t bp = pressure_bp(g);
	enum pressure p = PRESSURE_HEALTHY;
	while (bp >= classes[p].below_bp)
		p++;
	return p;
}

enum pressure pressure_worst(const struct pressure_gauge *gauges, size_t n)
{
	enum pressure worst = PRESSURE_HEALTHY;
	for (size_t i = 0; i < n; i++) {
		enum pressure p = pressure_of(gauges[i]);
		worst = p > worst ? p : worst;
	}
	return worst;
}

int64_t pressure_pause_us(bool enabled, enum pressure p)
{
	assert(p < PRESSURE_COUNT);
	return enabled ? classes[p].pause_us : 0;
}

bool pressure_is_on(enum pressure p)
{
	return p >= PRESSURE_CRITICAL;
}
