/* Sentry: the pool's own eye on its arms: differences of their counters, the window that limits
 * are judged on, the guard's word. Pure: what it acts on is control's. */
#ifndef WEIR_CLIENT_ENGINE_SENTRY_H
#define WEIR_CLIENT_ENGINE_SENTRY_H

#include "client/engine/control.h"
#include "model/window.h"

struct sentry {
	bool primed;
	int64_t last_boot_ms;
	struct arm_counts last[ARM_COUNT];
	struct window window[ARM_COUNT];
};

/* Large: allocate it zeroed. */
void sentry_release(struct sentry *s);

/* Takes both arms' counters of this moment and judges the window by the limits. While v2 has
 * nothing to be asked for, its window stays empty: what it did before is no word on what it is
 * given next. */
void sentry_look(struct sentry *s, const struct arm_counts arms[ARM_COUNT],
	const struct guard_limits *limits, bool v2_is_asked, struct instant now,
	struct control_guard *out);

#endif
