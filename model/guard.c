/* Guard: fixed limits on v2 over a window. Not the judge, which compares the arms, and not the
 * actor: whoever owns the guard decides what a flip of the latch does.
 *
 * Invariants:
 * 1. Nothing is GREEN without a number behind it.
 * 2. A limit that v1 breaks too never makes the summary RED, nor the latch. */
#include "model/guard.h"

#include "model/text.h"

#include <math.h>

/* fewer prove nothing; the 99th percentile of fewer than 100 is but the slowest one */
enum { LEAST_DONE = 10, LEAST_FAILED = 2, LEAST_P99 = 100 };

static const char *const state_names[GUARD_COUNT] = {
#define X(name, word) [GUARD_##name] = word,
	GUARD_INFO(X)
#undef X
};

static const char *const metric_names[METRIC_COUNT] = {
#define X(name, word, short_name) [METRIC_##name] = word,
	METRIC_INFO(X)
#undef X
};

const char *guard_state_name(enum guard_state s)
{
	return state_names[s];
}

const char *metric_name(enum metric m)
{
	return metric_names[m];
}

void guard_limits_init(struct guard_limits *l)
{
	*l = (struct guard_limits){
		.error_rate = NAN,
		.latency_ms = UNKNOWN,
		.memory_bytes = UNKNOWN,
		.window_ms = 60000,
	};
	text_copy(l->action, sizeof(l->action), "rollback");
}

static double real(int64_t n)
{
	return n == UNKNOWN ? NAN : (double)n;
}

/* The limit in the metric's own unit, NaN for none. */
static double limit_of(const struct guard_limits *l, enum metric m)
{
	switch (m) {
	case METRIC_ERRORS:
		return l->error_rate;
	case METRIC_P99:
		return real(l->latency_ms) * 1000;
	case METRIC_MEMORY:
		return real(l->memory_bytes);
	case METRIC_COUNT:
		break;
	}
	return NAN;
}

/* What the window says in the metric's own unit, NaN where it says nothing. */
static double value_of(const struct guard_window *w, enum metric m)
{
	switch (m) {
	case METRIC_ERRORS:
		return w->done > 0 ? (double)w->failed / (double)w->done : NAN;
	case METRIC_P99:
		return w->done > 0 ? real(w->p99_us) : NAN;
	case METRIC_MEMORY:
		return real(w->memory_bytes);
	case METRIC_COUNT:
		break;
	}
	return NAN;
}

static enum guard_state judge(
	const struct guard_window *w, enum metric m, double value, double limit)
{
	if (isnan(limit))
		return GUARD_NONE;
	if (isnan(value))
		return GUARD_UNKNOWN;
	if (value <= limit)
		return GUARD_GREEN;
	if (m == METRIC_ERRORS && (w->done < LEAST_DONE || w->failed < LEAST_FAILED))
		return GUARD_UNKNOWN;
	if (m == METRIC_P99 && w->done < LEAST_P99)
		return GUARD_UNKNOWN;
	return GUARD_RED;
}

static bool is_red(const struct guard *g, int m)
{
	return g->metric[m].state == GUARD_RED && !g->metric[m].both;
}

/* Louder is later in GUARD_INFO; what v2 alone breaks is louder than what both break. */
static int loudness(const struct guard *g, int m)
{
	return (int)g->metric[m].state + is_red(g, m);
}

static void summarise(struct guard *g)
{
	g->state = GUARD_NONE;
	g->worst = -1;
	for (int m = 0; m < METRIC_COUNT; m++) {
		enum guard_state state = g->metric[m].state;

		if (state != GUARD_NONE && (g->worst < 0 || loudness(g, m) > loudness(g, g->worst)))
			g->worst = m;
		if (g->metric[m].both)
			g->both = true;
		else if (state > g->state)
			g->state = state;
	}
	/* where all that is limited is broken by both there is nothing green to show */
	if (g->both && g->state == GUARD_NONE)
		g->state = GUARD_UNKNOWN;
}

void guard_evaluate(struct guard *out, const struct guard_limits *limits,
	const struct guard_window window[ARM_COUNT], bool v2_has_share)
{
	*out = (struct guard){0};
	for (int i = 0; i < METRIC_COUNT; i++) {
		enum metric m = (enum metric)i;
		struct guard_metric *metric = &out->metric[i];
		enum guard_state state[ARM_COUNT];

		metric->limit = limit_of(limits, m);
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			metric->value[arm] = value_of(&window[arm], m);
			state[arm] = judge(&window[arm], m, metric->value[arm], metric->limit);
		}
		metric->v1_red = state[ARM_V1] == GUARD_RED;
		if (!v2_has_share)
			continue;
		metric->state = state[ARM_V2];
		metric->both = state[ARM_V1] == GUARD_RED && state[ARM_V2] == GUARD_RED;
	}
	summarise(out);
}

bool guard_latch_update(struct guard_latch *l, const struct guard *g, struct instant now)
{
	bool flips = false;

	for (int m = 0; m < METRIC_COUNT; m++) {
		l->seen_red[m] = is_red(g, m);
		l->accepted[m] = l->accepted[m] && l->seen_red[m];
		if (l->red || flips || !l->seen_red[m] || l->accepted[m])
			continue;
		flips = true;
		l->metric = (enum metric)m;
	}
	l->both = g->both;
	if (!flips)
		return false;
	l->red = true;
	l->since_boot_ms = now.boot_ms;
	l->since_wall_ms = now.wall_ms;
	return true;
}

void guard_latch_resume(struct guard_latch *l, int64_t wall_ms)
{
	if (!l->red || wall_ms <= l->since_wall_ms)
		return;
	l->red = false;
	for (int m = 0; m < METRIC_COUNT; m++)
		l->accepted[m] = l->seen_red[m];
}
