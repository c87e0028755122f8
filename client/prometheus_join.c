/* Join: fills the gaps of one source from another, and finds where they cannot both be right. It
 * does not decide which of them is.
 *
 * 1. What the pool says itself is never replaced.
 * 2. The pool's latencies and the source's are never an interval's two ends: from one to the other
 *    there is a gap, and within a boot it goes that way only.
 * 3. Only differences are compared: each counts from another beginning.
 * 4. A counter that fell clears the past, and not what was found in it. */
#include "client/prometheus_join.h"

#include "model/mem.h"
#include "model/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FRESH_INTERVALS 3

void prometheus_join_release(struct prometheus_join *j)
{
	free(j->arms);
	j->arms = NULL;
}

void prometheus_join_hear(
	struct prometheus_join *j, const struct snapshot *source, struct instant now)
{
	if (!j->arms)
		j->arms = mem_new(ARM_COUNT, sizeof *j->arms);
	memcpy(j->arms, source->arms, ARM_COUNT * sizeof *j->arms);
	j->heard_ms = now.boot_ms;
	j->trouble = (struct err){0};
}

void prometheus_join_miss(struct prometheus_join *j, const struct err *why)
{
	j->trouble = *why;
}

const struct err *prometheus_join_word(const struct prometheus_join *j)
{
	return j->contradiction.code ? &j->contradiction : &j->trouble;
}

/* ---- filling ---- */

/* Leaves the pool's own latencies out while the last sample may be of the source's: documents that
 * come faster than samples are taken are measured from an older one. True where it did. */
static bool hide(struct join_gap *g, struct arm_counts *a, int64_t gap_ms, struct instant now)
{
	if (g->source_speaks)
		g->until_ms = now.boot_ms + gap_ms;
	g->source_speaks = false;
	g->pool_spoke = true;
	a->has_latency = now.boot_ms >= g->until_ms;
	return !a->has_latency;
}

bool prometheus_join_fill(struct prometheus_join *j, struct snapshot *s, struct instant now)
{
	int64_t fresh_ms = FRESH_INTERVALS * j->interval_ms;
	bool fresh =
		j->arms && j->trouble.code == ERR_NONE && now.boot_ms - j->heard_ms <= fresh_ms;
	bool changed = false;
	if (strcmp(j->boot_id, s->boot_id) != 0)
		memset(j->gap, 0, sizeof j->gap);
	text_copy(j->boot_id, sizeof j->boot_id, s->boot_id);
	for (int arm = 0; j->alone && arm < ARM_COUNT; arm++) {
		struct arm_counts *a = &s->arms[arm];
		struct join_gap *g = &j->gap[arm];
		if (a->has_latency) {
			changed |= hide(g, a, fresh_ms, now);
		} else if (fresh && !g->pool_spoke && j->arms[arm].has_latency) {
			a->has_latency = g->source_speaks = changed = true;
			a->latency = j->arms[arm].latency;
		}
	}
	return changed;
}

/* ---- comparing ---- */

static const struct join_moment *moment_at(const struct prometheus_join *j, int64_t back)
{
	return &j->moment[(j->moments - 1 - back) % JOIN_MOMENTS];
}

static bool fell(const struct join_counts *now, const struct join_counts *then)
{
	return now->requests < then->requests || now->done < then->done ||
		now->failed < then->failed;
}

static bool any_fell(const struct join_moment *now, const struct join_moment *then)
{
	for (int arm = 0; arm < ARM_COUNT; arm++)
		if (fell(&now->pool[arm], &then->pool[arm]) ||
			fell(&now->source[arm], &then->source[arm]))
			return true;
	return false;
}

static int64_t grown(int64_t now, int64_t then)
{
	return now == UNKNOWN || then == UNKNOWN ? UNKNOWN : now - then;
}

/* part / all; NaN where there is too little. */
static double rate(int64_t part, int64_t all)
{
	return part == UNKNOWN || all == UNKNOWN || all < JOIN_LEAST ? NAN
																 : (double)part / (double)all;
}

static double error_rate(
	const struct join_counts now[ARM_COUNT], const struct join_counts then[ARM_COUNT], int arm)
{
	return rate(grown(now[arm].failed, then[arm].failed), grown(now[arm].done, then[arm].done));
}

static double share(
	const struct join_counts now[ARM_COUNT], const struct join_counts then[ARM_COUNT], int arm)
{
	int64_t v2 = grown(now[ARM_V2].requests, then[ARM_V2].requests);
	int64_t v1 = grown(now[ARM_V1].requests, then[ARM_V1].requests);
	(void)arm;
	return rate(v2, unit_plus(v1, v2));
}

static const struct figure {
	const char *what; /* of the arm */
	int arm;
	double (*of)(const struct join_counts now[ARM_COUNT],
		const struct join_counts then[ARM_COUNT], int arm);
} figures[] = {
	{"errors of v1", ARM_V1, error_rate},
	{"errors of v2", ARM_V2, error_rate},
	{"requests to v2", ARM_V2, share},
};

/* What both say of a figure where they are nearest; false where one says nothing. */
static bool nearest(
	const struct prometheus_join *j, const struct figure *f, double *pool, double *source)
{
	double best = INFINITY;
	double theirs = f->of(moment_at(j, 0)->source, moment_at(j, JOIN_SPAN)->source, f->arm);
	for (int lag = 0; lag <= JOIN_LAG && lag + JOIN_SPAN < j->moments; lag++) {
		double own =
			f->of(moment_at(j, lag)->pool, moment_at(j, lag + JOIN_SPAN)->pool, f->arm);
		if (!(fabs(own - theirs) < best))
			continue;
		best = fabs(own - theirs);
		*pool = own;
		*source = theirs;
	}
	return isfinite(best);
}

static void look(struct prometheus_join *j, const char *name)
{
	bool agree = true, compared = false;
	for (size_t i = 0; i < sizeof figures / sizeof *figures && agree; i++) {
		double pool = NAN, source = NAN;
		char own[16], theirs[16];
		if (!nearest(j, &figures[i], &pool, &source))
			continue;
		compared = true;
		if (fabs(pool - source) <= JOIN_POINTS)
			continue;
		agree = false;
		if (++j->apart < JOIN_PATIENCE)
			break;
		unit_percent(own, sizeof own, pool);
		unit_percent(theirs, sizeof theirs, source);
		err_set(&j->contradiction, ERR_CONTRADICTED,
			"two sources contradict each other: %s are %s %% by \"%.80s\" and %s %% by "
			"Prometheus: find out which is wrong before you raise",
			figures[i].what, own, name, theirs);
	}
	if (!agree || !compared)
		return;
	j->apart = 0;
	j->contradiction = (struct err){0};
}

void prometheus_join_compare(
	struct prometheus_join *j, const struct join_counts pool[ARM_COUNT], const char *name)
{
	struct join_moment m;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct arm_counts *a = &j->arms[arm];
		m.pool[arm] = pool[arm];
		m.source[arm] =
			(struct join_counts){a->requests, a->requests, a->failed[FAILURE_OPERATION]};
	}
	if (j->moments > 0 && any_fell(&m, moment_at(j, 0)))
		j->moments = 0;
	j->moment[j->moments++ % JOIN_MOMENTS] = m;
	if (j->moments > JOIN_SPAN)
		look(j, name);
}
