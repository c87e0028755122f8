/* Pressure: how full queues are, and how long whoever feeds them should pause. Pure: it keeps
 * nothing, so reading twice says the same. */
#ifndef WEIR_CLIENT_ENGINE_PRESSURE_H
#define WEIR_CLIENT_ENGINE_PRESSURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, word, below this part of the capacity in basis points, pause in us). Source: the
 * seeds' classes at 0.70, 0.85 and 0.95 and their throttle. */
#define PRESSURE_INFO(X) \
	X(HEALTHY, "healthy", 7000, 0) \
	X(WARNING, "warning", 8500, 100) \
	X(CRITICAL, "critical", 9500, 200) \
	X(SATURATED, "saturated", INT64_MAX, 10000)

enum pressure {
#define X(name, word, below_bp, pause_us) PRESSURE_##name,
	PRESSURE_INFO(X)
#undef X
		PRESSURE_COUNT
};

const char *pressure_name(enum pressure p);

/* One queue; both 0 or more. */
struct pressure_gauge {
	int64_t depth, capacity;
};

/* How full in basis points, 0..10000, rounded down; 0 where there is no capacity. */
int pressure_bp(struct pressure_gauge g);

enum pressure pressure_of(struct pressure_gauge g);

/* The worst of `n`; healthy of none. */
enum pressure pressure_worst(const struct pressure_gauge *gauges, size_t n);

/* How long to pause before the next record; 0 when not enabled. */
int64_t pressure_pause_us(bool enabled, enum pressure p);

/* True when new work should be kept back: critical or worse. */
bool pressure_is_on(enum pressure p);

#endif
