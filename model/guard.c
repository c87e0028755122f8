/* Guard: fixed limits on v2 over a window, and the judge's levels beside them. Not the judge,
 * which compares the arms, and not the actor: whoever owns the guard decides what a flip of the
 * latch does.
 *
 * Invariants:
 * 1. Nothing is GREEN without a number behind it.
 * 2. A limit that v1 breaks too never makes the summary RED, nor the latch. */
#include "model/guard.h"

#include "model/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

static const char *const action_names[GUARD_ACTION_COUNT] = {
#define X(name, word, help) [GUARD_ACTION_##name] = word,
	GUARD_ACTION_INFO(X)
#undef X
};

const char *guard_action_name(enum guard_action a)
{
	return action_names[a];
}

enum guard_action guard_action_of(const char *word)
{
	int a = 0;
	while (a < GUARD_ACTION_COUNT && strcmp(action_names[a], word) != 0)
		a++;
	return (enum guard_action)a;
}

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
	l->action = GUARD_ACTION_ROLLBACK;
	judge_policy_init(&l->judge);
}

void guard_policy(struct judge_policy *out, const struct guard_limits *l, int64_t interval_ms)
{
	*out = l->judge;
	out->error_limit = l->error_rate;
	out->latency_limit_us = l->latency_ms == UNKNOWN ? UNKNOWN : l->latency_ms * 1000;
	out->interval_ms = interval_ms;
}

bool guard_limits_any(const struct guard_limits *l)
{
	return !isnan(l->error_rate) || l->latency_ms != UNKNOWN || l->memory_bytes != UNKNOWN;
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
	default:
		return real(l->memory_bytes);
	}
}

/* What the window says in the metric's own unit, NaN where it says nothing. */
static double value_of(const struct guard_window *w, enum metric m)
{
	switch (m) {
	case METRIC_ERRORS:
		return w->done > 0 ? (double)w->failed / (double)w->done : NAN;
	case METRIC_P99:
		return w->done > 0 ? real(w->p99_us) : NAN;
	default:
		return real(w->memory_bytes);
	}
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

/* What the judge's level is about: its verdict where that is harm, else what it suspects. */
static void say_judge(struct guard *g, const struct verdict *v)
{
	const char *metric = v->suspect < JUDGED_COUNT ? judged_name(v->suspect) : NULL;
	bool errors = v->suspect == JUDGED_ERRORS;
	if (v->word == VERDICT_HARM || !metric)
		text_copy(g->judge_word, sizeof g->judge_word, v->text);
	else if (g->judge == GUARD_RED)
		snprintf(g->judge_word, sizeof g->judge_word, "%s %s than v1's", metric,
			errors ? "worse" : "slower");
	else
		snprintf(g->judge_word, sizeof g->judge_word, "%s %s, not proven yet", metric,
			errors ? "look worse" : "looks slower");
}

void guard_hear(struct guard *g, const struct verdict *v)
{
	bool mute = v->word == VERDICT_NO_DATA || v->word == VERDICT_UNTRUSTWORTHY;
	/* A limit's harm compares nothing: its window is the limit's own word. */
	bool sign = v->suspected || (v->word == VERDICT_HARM && v->why != VERDICT_WHY_LIMIT);
	g->judge = v->brakes ? GUARD_RED : sign && !mute ? GUARD_AMBER : GUARD_NONE;
	g->judge_word[0] = '\0';
	if (g->judge != GUARD_NONE)
		say_judge(g, v);
	if (g->judge > g->state)
		g->state = g->judge;
	/* Silence after a suspicion is no acquittal. */
	if (v->suspected && v->word == VERDICT_NO_DATA && g->state == GUARD_GREEN)
		g->state = GUARD_UNKNOWN;
}

enum metric guard_word_metric(const char *word)
{
	for (int m = 0; m < METRIC_COUNT; m++)
		if (strncmp(word, metric_names[m], strlen(metric_names[m])) == 0)
			return (enum metric)m;
	/* other quantiles than the one with a limit are latencies too */
	return word[0] == 'p' ? METRIC_P99 : METRIC_ERRORS;
}

double guard_upper_bound(int64_t n, int64_t failed)
{
	if (n < 0 || failed != 0)
		return NAN;
	return n > 3 ? 3 / (double)n : 1;
}

/* Each time that it is red anew after the first is a flap, whether anyone had resumed or not. */
static void count_flaps(struct guard_latch *l, bool red)
{
	l->flaps += red && !l->is_red && l->was_red;
	l->was_red |= red;
	l->is_red = red;
}

/* Who accepted that v2 breaks a limit has accepted too what the judge will make of it, for as
 * long as there is a sign of it. */
static bool still_accepted(const struct guard *g, int source)
{
	return source == LATCH_JUDGE && (g->state >= GUARD_AMBER || g->judge >= GUARD_AMBER);
}

bool guard_latch_update(
	struct guard_latch *l, const struct guard *g, const char *pool_red, struct instant now)
{
	int first = -1;
	bool red = false;

	for (int m = 0; m < LATCH_SOURCES; m++) {
		l->seen_red[m] = m < METRIC_COUNT ? is_red(g, m)
			: m == LATCH_JUDGE            ? g->judge == GUARD_RED
										  : pool_red != NULL;
		l->accepted[m] = l->accepted[m] && (l->seen_red[m] || still_accepted(g, m));
		/* the judge's evidence does not come and go */
		red |= l->seen_red[m] && m != LATCH_JUDGE;
		if (first < 0 && l->seen_red[m] && !l->accepted[m])
			first = m;
	}
	l->both = g->both;
	count_flaps(l, red);
	if (l->red || first < 0)
		return false;
	l->red = true;
	l->by_pool = first == LATCH_POOL;
	l->by_judge = first == LATCH_JUDGE;
	text_copy(l->word, sizeof l->word, l->by_judge ? g->judge_word : "");
	l->metric = first < METRIC_COUNT ? (enum metric)first
									 : guard_word_metric(l->by_pool ? pool_red : l->word);
	l->since_wall_ms = now.wall_ms;
	return true;
}

void guard_latch_rest(struct guard_latch *l, const char *word, int64_t since_wall_ms)
{
	*l = (struct guard_latch){0};
	if (!word)
		return;
	l->red = true;
	l->metric = guard_word_metric(word);
	text_copy(l->word, sizeof l->word, word);
	l->since_wall_ms = since_wall_ms;
}

void guard_latch_resume(struct guard_latch *l, int64_t wall_ms)
{
	if (!l->red || wall_ms <= l->since_wall_ms)
		return;
	l->red = false;
	for (int m = 0; m < LATCH_SOURCES; m++)
		l->accepted[m] = l->seen_red[m] || m == LATCH_JUDGE;
}

void guard_value_text(char *out, size_t size, enum metric m, double value)
{
	char number[24];
	int64_t whole = isnan(value) ? UNKNOWN : (int64_t)value;
	switch (m) {
	case METRIC_ERRORS:
		unit_percent(number, sizeof number, value);
		snprintf(out, size, "%s %%", number);
		return;
	case METRIC_P99:
		unit_ms(number, sizeof number, whole);
		snprintf(out, size, "%s ms", number);
		return;
	default:
		unit_bytes(out, size, whole);
	}
}
