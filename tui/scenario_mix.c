/* Mix: parts of a recording, each with the engine's operation that stands for it. Not when what
 * arrived or failed: scenario_from.c. */
#include "tui/scenario_mix.h"

#include "client/drivers.h"
#include "history/work.h"
#include "model/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MIX_MOST ((int64_t)1 << 53) /* sums of all parts, and some times that, are numbers still */

static void add(int64_t *sum, int64_t n)
{
	*sum = n < MIX_MOST - *sum ? *sum + n : MIX_MOST;
}

static bool take_work(void *ctx, const struct work_rise *w)
{
	struct mix *m = ctx;
	size_t i = 0;
	while (i < m->count && strcmp(m->part[i].name, w->operation) != 0)
		i++;
	if (i == OPERATIONS_MAX || !w->operation[0])
		return true;
	if (i == m->count)
		text_copy(m->part[m->count++].name, sizeof m->part[i].name, w->operation);
	add(&m->part[i].requests, w->requests);
	add(&m->part[i].done[w->arm], w->ok + w->failed);
	add(&m->part[i].failed[w->arm], w->failed);
	return true;
}

static int by_requests(const void *a, const void *b)
{
	const struct mix_part *x = a, *y = b;
	if (x->requests != y->requests)
		return x->requests < y->requests ? 1 : -1;
	return strcmp(x->name, y->name);
}

static const char *const STAND_IN = "sleep", *const WORST = "predict";

/* Where nearly all that failed on v2 was of one operation that is not nearly all of its work, that
 * one; else NULL. */
static const struct mix_part *find_worst(const struct mix *m)
{
	struct mix_part all = {0};
	const struct mix_part *worst = NULL;
	for (size_t i = 0; i < m->count; i++) {
		all.done[ARM_V2] += m->part[i].done[ARM_V2];
		all.failed[ARM_V2] += m->part[i].failed[ARM_V2];
		if (!worst || m->part[i].failed[ARM_V2] > worst->failed[ARM_V2])
			worst = &m->part[i];
	}
	return worst && worst->failed[ARM_V2] >= 10 &&
			worst->failed[ARM_V2] * 5 >= all.failed[ARM_V2] * 4 &&
			worst->done[ARM_V2] * 10 <= all.done[ARM_V2] * 9
		? worst
		: NULL;
}

static bool is_recorded(const struct mix *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->part[i].name, name) == 0)
			return true;
	return false;
}

/* The worst one gets an operation of its own where there is one left: a fault can be its alone. */
static void cast_parts(struct mix *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct mix_part *p = &m->part[i];
		p->as = driver_local_does(p->name)            ? p->name
			: p == m->worst && !is_recorded(m, WORST) ? WORST
													  : STAND_IN;
	}
}

int mix_read(
	struct mix *m, const char *path, int64_t recording, const char *pool, struct err *err)
{
	if (work_read(path, recording, pool, take_work, m, err) < 0)
		return -1;
	if (m->count > 1)
		qsort(m->part, m->count, sizeof *m->part, by_requests);
	while (m->count > 0 && m->part[m->count - 1].requests == 0)
		m->count--;
	m->worst = find_worst(m);
	cast_parts(m);
	return 0;
}

static struct scenario_operation *operation_of(struct scenario *out, const char *name)
{
	for (int i = 0; i < out->operation_count; i++)
		if (strcmp(out->operations[i].name, name) == 0)
			return &out->operations[i];
	struct scenario_operation *o = &out->operations[out->operation_count++];
	text_copy(o->name, sizeof o->name, name);
	return o;
}

/* The engine knows fewer operations than a scenario has room for. */
static void add_parts(struct scenario *out, const struct mix *m, int64_t usual_us)
{
	double all = 0;
	for (size_t i = 0; i < m->count; i++)
		all += (double)m->part[i].requests;
	for (size_t i = 0; i < m->count; i++) {
		struct scenario_operation *o = operation_of(out, m->part[i].as);
		o->work_us = usual_us;
		o->weight += MIX_COMMON * (double)m->part[i].requests / all;
	}
	for (int i = 0; i < out->operation_count; i++)
		out->operations[i].weight = fmax(0.001, round(out->operations[i].weight * 1000) / 1000);
}

/* Calls that take v1's p99, by an operation that nothing else is. */
static void add_slow(struct scenario *out, const struct mix *m, int64_t slow_us)
{
	static const char *const names[] = {"predict", "spin"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		bool used = false;
		for (size_t k = 0; k < m->count; k++)
			used |= strcmp(m->part[k].as, names[i]) == 0;
		if (used)
			continue;
		struct scenario_operation *o = operation_of(out, names[i]);
		o->work_us = slow_us;
		o->weight = 100 - MIX_COMMON;
		return;
	}
}

void mix_add(struct scenario *out, const struct mix *m, int64_t usual_us, int64_t slow_us)
{
	if (m->count > 0)
		add_parts(out, m, usual_us);
	else
		*operation_of(out, STAND_IN) = (struct scenario_operation){
			.name = "sleep", .weight = MIX_COMMON, .work_us = usual_us};
	add_slow(out, m, slow_us);
}

/* What v2 did wrong in one operation is wrong in that one again. */
void mix_narrow(struct scenario *out, const struct mix *m, double usual)
{
	const struct mix_part *worst = m->worst;
	int64_t all = 0, its = 0;
	if (!worst)
		return;
	for (size_t i = 0; i < m->count; i++) {
		all += m->part[i].done[ARM_V2];
		its += strcmp(m->part[i].as, worst->as) == 0 ? m->part[i].done[ARM_V2] : 0;
	}
	for (int i = 0; i < out->phase_count && its * 10 <= all * 9; i++) {
		struct scenario_phase *p = &out->phases[i];
		if (p->arm != ARM_V2 || p->fault.error_rate <= usual)
			continue;
		p->fault.error_rate = fmin(1, p->fault.error_rate * (double)all / (double)its);
		text_copy(p->fault.operation, sizeof p->fault.operation, worst->as);
	}
}

void mix_note(char note[SCENARIO_NOTE_MAX], const struct mix *m)
{
	struct text t = {0};
	double all = 0;
	for (size_t i = 0; i < m->count; i++)
		all += (double)m->part[i].requests;
	text_add(&t,
		m->count ? "operations as recorded:"
				 : "the recording does not tell operations: all work is one kind of call");
	for (size_t i = 0; i < m->count && t.len < SCENARIO_NOTE_MAX - 80; i++) {
		const struct mix_part *p = &m->part[i];
		text_addf(&t, "%s %s %.0f %%", i ? "," : "", p->name, (double)p->requests / all * 100);
		if (p->as != p->name)
			text_addf(&t, " (played as %s)", p->as);
	}
	text_copy(note, SCENARIO_NOTE_MAX, text_str(&t));
	text_mend(note);
	text_free(&t);
}
