/* Fake guard: what a pool's own guard says, from its counters once a second. */
#ifndef WEIR_TESTS_LIB_FAKE_GUARD_H
#define WEIR_TESTS_LIB_FAKE_GUARD_H

#include "client/engine/control.h"
#include "model/counts.h"
#include "model/guard.h"

#define FAKE_GUARD_SECONDS 300 /* the longest window */

/* One arm's second. */
struct fake_second {
	int64_t done, failed, p99_us, memory_bytes;
};

struct fake_guard {
	struct arm_counts last[ARM_COUNT];
	struct fake_second seconds[FAKE_GUARD_SECONDS][ARM_COUNT];
	int64_t count; /* of all seconds */
};

/* Begins anew with counters of nothing: a new boot. */
void fake_guard_reset(struct fake_guard *g);

/* Adds the second that ends with these counters. */
void fake_guard_add(struct fake_guard *g, const struct arm_counts arms[ARM_COUNT]);

/* Judges the last seconds. */
void fake_guard_judge(const struct fake_guard *g, const struct guard_limits *limits,
	bool v2_has_share, struct control_guard *out);

#endif
