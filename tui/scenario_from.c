/* Scenario from a recording: samples summed up in bins, and bins that differ by no more than chance
 * made one level or phase. Not a replay: the same work does not come again, only as much of it.
 *
 * Invariants:
 * 1. A difference of less than SIGMA deviations is none: noise makes neither a level nor a fault.
 * 2. What was not recorded is not zero: time without samples counts nowhere. */
#include "tui/scenario_from.h"

#include "history/query.h"
#include "model/mem.h"
#include "model/unit.h"
#include "tui/scenario_mix.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BINS 30
#define BIN_MIN_MS 5000
#define SIGMA 3.0
#define ALIKE 0.25 /* a pace that differs by less is the same */
#define UNIT_MS 5000
#define NODES_MAX 16

struct bin {
	int64_t requests, done[ARM_COUNT], failed[ARM_COUNT];
	int64_t covered_ms; /* by samples, of one node */
};

struct summary {
	char pool[POOL_NAME_MAX], pool_id[POOL_ID_MAX];
	struct query_recording recording; /* id UNKNOWN: none yet */
	int64_t start_ms, span_ms, bin_ms;
	struct bin bin[BINS];
	size_t nodes;
	bool first_node;
	struct mix mix;
	int64_t requests, sessions; /* sessions: UNKNOWN where they are not counted */
	double p50_us[ARM_COUNT], p99_us[ARM_COUNT], weight[ARM_COUNT]; /* sums by what was done */
};

/* ---- reading ---- */

static bool take_pool(void *ctx, const struct query_pool *p)
{
	struct summary *s = ctx;
	bool wanted = !s->pool[0] || strcmp(s->pool, p->pool) == 0;
	if (!wanted || s->pool_id[0])
		return true;
	text_copy(s->pool, sizeof s->pool, p->pool);
	text_copy(s->pool_id, sizeof s->pool_id, p->pool_id);
	return true;
}

static bool take_recording(void *ctx, const struct query_recording *r)
{
	struct summary *s = ctx;
	if (r->last_tick > r->first_tick && r->first_tick >= 0)
		s->recording = *r;
	return true;
}

static bool take_sample(void *ctx, const struct history_sample *h)
{
	struct summary *s = ctx;
	const struct sample *one = &h->sample;
	int64_t at = (one->at.wall_ms - s->start_ms - 1) / s->bin_ms;
	struct bin *b = &s->bin[at < 0 ? 0 : at >= BINS ? BINS - 1 : at];
	if (s->first_node)
		b->covered_ms += one->interval_ms;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct arm_sample *a = &one->arms[arm];
		int64_t done = a->ok + a->failed_total;
		if (a->requests < 0 || done < 0)
			continue;
		b->requests += a->requests;
		b->done[arm] += done;
		b->failed[arm] += a->failed_total;
		s->requests += a->requests;
		if (a->sessions >= 0 && s->sessions != UNKNOWN)
			s->sessions += a->sessions;
		if (done > 0 && a->p50_us >= 0 && a->p99_us >= 0) {
			s->weight[arm] += (double)done;
			s->p50_us[arm] += (double)done * (double)a->p50_us;
			s->p99_us[arm] += (double)done * (double)a->p99_us;
		}
	}
	return true;
}

static int read_nodes(struct summary *s, struct query *q, struct err *err)
{
	char ids[NODES_MAX][POOL_ID_MAX];
	int rc = query_nodes(q, s->recording.id, s->pool_id, ids, NODES_MAX, &s->nodes, err);
	for (size_t i = 0; i < s->nodes && rc == 0; i++) {
		s->first_node = i == 0;
		rc = query_samples(q, s->recording.id, ids[i], s->start_ms,
			s->start_ms + s->span_ms + s->recording.interval_ms, take_sample, s, err);
	}
	return rc;
}

static int read_all(struct summary *s, struct query *q, const char *path, struct err *err)
{
	if (query_pools(q, take_pool, s, err) < 0 ||
		query_recordings(q, take_recording, s, err) < 0)
		return -1;
	if (!s->pool_id[0])
		return err_set(
			err, ERR_USAGE, "\"%s\" has no pool%s%s", path, s->pool[0] ? " " : "", s->pool);
	const struct query_recording *r = &s->recording;
	if (r->id != UNKNOWN) {
		s->start_ms = r->started_ms + (r->first_tick - 1) * r->interval_ms;
		s->span_ms = (r->last_tick - r->first_tick + 1) * r->interval_ms;
		s->bin_ms = (s->span_ms / BINS + 1000) / 1000 * 1000;
		s->bin_ms = s->bin_ms < BIN_MIN_MS ? BIN_MIN_MS : s->bin_ms;
		if (read_nodes(s, q, err) < 0 ||
			mix_read(&s->mix, path, s->recording.id, s->pool, err) < 0)
			return -1;
	}
	return s->requests > 0
		? 0
		: err_set(err, ERR_FILE, "\"%s\" has no samples of \"%s\" to rehearse", path, s->pool);
}

/* ---- levels ---- */

static double rate_of(const struct bin *b)
{
	return (double)b->requests * 1000 / (double)b->covered_ms;
}

static void add_bin(struct bin *sum, const struct bin *b)
{
	sum->requests += b->requests;
	sum->covered_ms += b->covered_ms;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		sum->done[arm] += b->done[arm];
		sum->failed[arm] += b->failed[arm];
	}
}

/* Counts of arrivals, each with its own chance. */
static bool differs(const struct bin *a, const struct bin *b)
{
	double at = (double)a->covered_ms, bt = (double)b->covered_ms;
	double apart = fabs((double)a->requests / at - (double)b->requests / bt);
	return apart > SIGMA *
		sqrt(((double)a->requests + 1) / (at * at) + ((double)b->requests + 1) / (bt * bt));
}

static void make_levels(struct scenario *out, const struct summary *s)
{
	struct bin group = {0};
	for (int i = 0; i < BINS; i++) {
		const struct bin *b = &s->bin[i];
		if (b->covered_ms <= 0)
			continue;
		if (group.covered_ms > 0 && differs(&group, b)) {
			out->levels[out->level_count++].at_ms = i * s->bin_ms;
			group = (struct bin){0};
		}
		add_bin(&group, b);
		if (out->level_count > 0)
			out->levels[out->level_count - 1].rate = rate_of(&group);
		else
			out->rate = rate_of(&group);
	}
}

/* ---- faults ---- */

static double errors_of(const struct bin *b, enum arm arm)
{
	return b->done[arm] > 0 ? (double)b->failed[arm] / (double)b->done[arm] : 0;
}

/* Parts of two counts that one rate does not explain. */
static bool parts_differ(int64_t x1, int64_t n1, int64_t x2, int64_t n2)
{
	if (n1 == 0 || n2 == 0)
		return false;
	double a = (double)n1, b = (double)n2, rate = ((double)(x1 + x2) + 1) / (a + b + 2);
	return fabs((double)x1 / a - (double)x2 / b) >
		SIGMA * sqrt(rate * (1 - rate) * (1 / a + 1 / b));
}

static void add_phase(struct scenario *out, int64_t at_ms, enum arm arm, double rate)
{
	out->phases[out->phase_count++] =
		(struct scenario_phase){.at_ms = at_ms, .arm = arm, .fault = {.error_rate = rate}};
}

/* Where v2 fails as often as v1, it is the same. */
static double v2_rate(const struct bin *group, const struct bin *all)
{
	bool own = parts_differ(
		group->failed[ARM_V2], group->done[ARM_V2], all->failed[ARM_V1], all->done[ARM_V1]);
	return errors_of(own ? group : all, own ? ARM_V2 : ARM_V1);
}

static void make_phases(struct scenario *out, const struct summary *s, bool faults)
{
	struct bin all = {0}, group = {0};
	for (int i = 0; i < BINS; i++)
		add_bin(&all, &s->bin[i]);
	double v1 = errors_of(&all, ARM_V1);
	if (v1 > 0)
		add_phase(out, 0, ARM_V1, v1);
	add_phase(out, 0, ARM_V2, v1);
	for (int i = 0; i < BINS && faults; i++) {
		const struct bin *b = &s->bin[i];
		if (b->done[ARM_V2] == 0)
			continue;
		if (parts_differ(
				group.failed[ARM_V2], group.done[ARM_V2], b->failed[ARM_V2], b->done[ARM_V2])) {
			group = (struct bin){0};
			add_phase(out, i * s->bin_ms, ARM_V2, 0);
		}
		add_bin(&group, b);
		out->phases[out->phase_count - 1].fault.error_rate = v2_rate(&group, &all);
	}
}

/* ---- the rest ---- */

static int64_t mean_us(const struct summary *s, enum arm arm, const double *sums)
{
	return s->weight[arm] > 0 ? (int64_t)llround(sums[arm] / s->weight[arm]) : 0;
}

static double pace(const struct summary *s)
{
	double v1 = (double)mean_us(s, ARM_V1, s->p50_us);
	double v2 = (double)mean_us(s, ARM_V2, s->p50_us);
	double times = v1 > 0 && v2 > 0 ? v2 / v1 : 1;
	return fabs(times - 1) < ALIKE ? 1 : times < 0.01 ? 0.01 : times > 1000 ? 1000 : times;
}

/* Twice as many as are busy on average: neither side is to be slow for lack of them. */
static int64_t workers(double rate, double work_us, int64_t least)
{
	int64_t n = (int64_t)ceil(rate * work_us / 1e6 * 2) + 1;
	return n < least ? least : n > 1024 ? 1024 : n;
}

static void make_work(struct scenario *out, const struct summary *s, bool faults)
{
	int64_t usual_us = mean_us(s, ARM_V1, s->p50_us), slow_us = mean_us(s, ARM_V1, s->p99_us);
	double most = out->rate;
	mix_add(out, &s->mix, usual_us, slow_us);
	for (int i = 0; i < out->level_count; i++)
		most = out->levels[i].rate > most ? out->levels[i].rate : most;
	out->v2_slow_factor = faults ? pace(s) : 1;
	double mean = (double)(usual_us * MIX_COMMON + slow_us * (100 - MIX_COMMON)) / 100;
	out->v1_workers = workers(most, mean, 1);
	out->v2_workers = workers(most, mean * out->v2_slow_factor, 8);
}

/* As many at the same time as live for two units. */
static void make_sessions(struct scenario *out, const struct summary *s)
{
	double seconds = (double)s->span_ms / 1000;
	double each = s->sessions > 0 ? (double)s->requests / (double)s->sessions : 1;
	double at_once = (double)s->requests / seconds / (each > 1 ? each : 1) * 2 * UNIT_MS / 1000;
	out->session_requests = s->sessions > 0 ? (each > 1 ? each : 1) : 0;
	out->sessions = at_once < 10 ? 10 : at_once > 1e6 ? 1000000 : (int64_t)at_once;
	out->unit_ms = UNIT_MS;
}

/* A scenario's name may have less in it than a pool's. */
static void name_it(struct scenario *out, const char *pool)
{
	text_copy(out->name, sizeof out->name, pool);
	for (char *c = out->name; *c; c++)
		if (!text_is_name((const char[]){'x', *c, '\0'}, 2))
			*c = '-';
	if (!text_is_name(out->name, sizeof out->name - 1))
		out->name[0] = 'x';
}

int scenario_from(struct scenario *out, char note[SCENARIO_NOTE_MAX],
	const struct scenario_source *source, struct err *err)
{
	struct query *q;
	struct summary *s = mem_new(1, sizeof *s);
	char day[32];
	*out = (struct scenario){.seed = 1};
	s->recording.id = UNKNOWN;
	text_copy(s->pool, sizeof s->pool, source->pool ? source->pool : "");
	int rc = query_open(&q, source->path, err);
	if (rc == 0) {
		rc = read_all(s, q, source->path, err);
		query_close(q);
	}
	if (rc == 0) {
		name_it(out, s->pool);
		unit_rfc3339(day, sizeof day, s->start_ms);
		snprintf(
			out->help, sizeof out->help, "%.30s as it was recorded on %.10s", out->name, day);
		out->for_ms = s->span_ms;
		make_levels(out, s);
		make_phases(out, s, source->faults);
		if (source->faults)
			mix_narrow(out, &s->mix, out->phases[0].fault.error_rate);
		make_work(out, s, source->faults);
		make_sessions(out, s);
		mix_note(note, &s->mix);
	}
	free(s);
	return rc;
}

/* ---- writing ---- */

static void add_duration(struct text *out, const char *name, int64_t ms)
{
	char word[32];
	unit_duration(word, sizeof word, ms);
	text_addf(out, "%s: %s", name, word);
}

static void write_phase(struct text *out, const struct scenario_phase *p)
{
	text_add(out, "  - {");
	add_duration(out, "at", p->at_ms);
	text_addf(out, ", arm: %s, error_rate: %.6g", p->arm == ARM_V1 ? "v1" : "v2",
		p->fault.error_rate);
	if (p->fault.operation[0])
		text_addf(out, ", operation: %s", p->fault.operation);
	text_add(out, "}\n");
}

void scenario_write(struct text *out, const struct scenario *s, const char *note)
{
	text_addf(out, "# %s\n%s%s%sname: %s\nhelp: \"%s\"\n", s->help, note[0] ? "# " : "", note,
		note[0] ? "\n" : "", s->name, s->help);
	add_duration(out, "for", s->for_ms);
	text_addf(out, "\nrate: %.6g\nsessions: %lld\n", s->rate, (long long)s->sessions);
	if (s->session_requests > 0)
		text_addf(out, "session_requests: %.6g\n", s->session_requests);
	add_duration(out, "unit", s->unit_ms);
	text_addf(out, "\nv1_workers: %lld\nv2_workers: %lld\nv2_slow_factor: %.6g\noperations:\n",
		(long long)s->v1_workers, (long long)s->v2_workers, s->v2_slow_factor);
	for (int i = 0; i < s->operation_count; i++)
		text_addf(out, "  - {name: %s, weight: %g, work: %lldus}\n", s->operations[i].name,
			s->operations[i].weight, (long long)s->operations[i].work_us);
	if (s->level_count > 0)
		text_add(out, "arrivals:\n");
	for (int i = 0; i < s->level_count; i++) {
		text_add(out, "  - {");
		add_duration(out, "at", s->levels[i].at_ms);
		text_addf(out, ", rate: %.6g}\n", s->levels[i].rate);
	}
	if (s->phase_count > 0)
		text_add(out, "phases:\n");
	for (int i = 0; i < s->phase_count; i++)
		write_phase(out, &s->phases[i]);
}
