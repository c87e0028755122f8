/* Rates from the command line or from samples. Each node's are averaged over what covers it, in
 * however many recordings, and then added up. */
#include "tui/rates.h"

#include "history/query.h"
#include "history/samples.h"
#include "model/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)
#define RPS_MAX 1e9

static struct rates nothing(void)
{
	return (struct rates){.units_per_second = NAN, .requests_per_second = NAN, .bad_rate = NAN};
}

int rates_of_options(struct rates *out, const struct options *o, struct err *err)
{
	*out = nothing();
	if (o->rps &&
		(!options_number(o->rps, &out->requests_per_second) || out->requests_per_second <= 0 ||
			out->requests_per_second > RPS_MAX))
		return err_set(
			err, ERR_USAGE, "--rps '%s' must be above 0 and at most %g", o->rps, RPS_MAX);
	if (o->error_rate && (!options_number(o->error_rate, &out->bad_rate) || out->bad_rate >= 1))
		return err_set(err, ERR_USAGE,
			"--error-rate '%s' is no part of work: write 0.001 or 0.1%%, below 1",
			o->error_rate);
	if (o->error_rate && !o->rps)
		return err_set(err, ERR_USAGE, "--error-rate says nothing without --rps");
	out->units_per_second = out->requests_per_second;
	return o->rps != NULL;
}

/* ---- the history ---- */

/* One node's samples. */
struct sum {
	int64_t covered_ms, requests, sessions;
	struct units v1_requests, v1_sessions;
	bool sessions_known, latency, memory;
};

struct reading {
	struct query *query;
	struct history_answer *pins; /* of the pool */
	struct sum *nodes;           /* as many as the pins have */
	int64_t since_ms, until_ms;
	struct err *err;
	struct sum *sum; /* of the node that is being read */
	int rc;
};

static int64_t known(int64_t n)
{
	return n == UNKNOWN ? 0 : n;
}

/* No number can hold what a damaged file may add up to: then the sum is UNKNOWN and stays so. */
static void add(int64_t *sum, int64_t n)
{
	*sum = samples_add(*sum, n);
}

static bool add_sample(void *ctx, const struct history_sample *s)
{
	const struct reading *r = ctx;
	struct sum *sum = r->sum;
	const struct arm_sample *v1 = &s->sample.arms[ARM_V1];
	if (strcmp(s->pool_id, r->pins->pool_id) != 0 || s->sample.interval_ms <= 0)
		return true;
	add(&sum->covered_ms, s->sample.interval_ms);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct arm_sample *a = &s->sample.arms[arm];
		add(&sum->requests, known(a->requests));
		add(&sum->sessions, known(a->sessions));
		sum->sessions_known |= a->sessions != UNKNOWN;
		sum->latency |= s->latency[arm] || s->session_latency[arm] || a->p99_us != UNKNOWN;
		sum->memory |= a->memory_bytes != UNKNOWN;
	}
	add(&sum->v1_requests.n, known(v1->ok));
	add(&sum->v1_requests.n, known(v1->failed_total));
	add(&sum->v1_requests.bad, known(v1->failed_total));
	add(&sum->v1_sessions.n, known(v1->sessions));
	add(&sum->v1_sessions.bad, known(v1->sessions_bad));
	return true;
}

static struct sum *sum_of(const struct reading *r, const char *node_id)
{
	for (size_t i = 0; i < r->pins->node_count; i++)
		if (strcmp(r->pins->nodes[i].node_id, node_id) == 0)
			return &r->nodes[i];
	return NULL;
}

static bool add_recording(void *ctx, const struct query_recording *rec)
{
	struct reading *r = ctx;
	if (rec->ended_ms != UNKNOWN && rec->ended_ms < r->since_ms)
		return true;
	char(*ids)[POOL_ID_MAX] = mem_new(HISTORY_NODES_MAX, sizeof *ids);
	size_t count = 0;
	r->rc = query_nodes(
		r->query, rec->id, r->pins->pool_id, ids, HISTORY_NODES_MAX, &count, r->err);
	for (size_t i = 0; r->rc == 0 && i < count; i++) {
		r->sum = sum_of(r, ids[i]);
		if (r->sum)
			r->rc = query_samples(
				r->query, rec->id, ids[i], r->since_ms, r->until_ms, add_sample, r, r->err);
	}
	free(ids);
	return r->rc == 0;
}

static double per_second(int64_t n, int64_t ms)
{
	return n == UNKNOWN || ms == UNKNOWN ? NAN : (double)n * 1000 / (double)ms;
}

static double part_of(struct units u)
{
	return u.n > 0 && u.bad != UNKNOWN ? (double)u.bad / (double)u.n : NAN;
}

static void add_up(struct rates *out, const struct reading *r)
{
	struct units requests = {0}, sessions = {0};
	double requests_per_second = 0, sessions_per_second = 0;
	for (size_t i = 0; i < r->pins->node_count; i++) {
		const struct sum *s = &r->nodes[i];
		if (s->covered_ms == 0)
			continue;
		if (s->covered_ms > out->covered_ms)
			out->covered_ms = s->covered_ms;
		requests_per_second += per_second(s->requests, s->covered_ms);
		sessions_per_second += per_second(s->sessions, s->covered_ms);
		add(&requests.n, s->v1_requests.n);
		add(&requests.bad, s->v1_requests.bad);
		add(&sessions.n, s->v1_sessions.n);
		add(&sessions.bad, s->v1_sessions.bad);
		out->sessions |= s->sessions_known;
		out->latency |= s->latency;
		out->memory |= s->memory;
	}
	if (out->covered_ms == 0)
		return;
	out->requests_per_second = requests_per_second;
	out->units_per_second = out->sessions ? sessions_per_second : requests_per_second;
	out->bad_rate = part_of(out->sessions ? sessions : requests);
}

int rates_of_history(
	struct rates *out, const char *path, const char *pool, int64_t now_wall_ms, struct err *err)
{
	*out = nothing();
	if (access(path, F_OK) < 0)
		return 0;
	struct reading r = {
		.since_ms = now_wall_ms - DAY_MS, .until_ms = now_wall_ms + 1, .err = err};
	if (query_open(&r.query, path, err) < 0)
		return -1;
	r.pins = mem_new(1, sizeof *r.pins);
	r.nodes = mem_new(HISTORY_NODES_MAX, sizeof *r.nodes);
	int rc = query_pins(r.query, pool, r.pins, err);
	if (rc == 0 && r.pins->node_count > 0)
		rc = query_recordings(r.query, add_recording, &r, err);
	if (rc == 0 && r.rc == 0)
		add_up(out, &r);
	history_answer_release(r.pins);
	free(r.pins);
	free(r.nodes);
	query_close(r.query);
	return rc == 0 ? r.rc : -1;
}

struct forecast_basis rates_basis(const struct rates *r, const struct judge_policy *policy)
{
	return (struct forecast_basis){.policy = policy,
		.units_per_second = r->units_per_second,
		.bad_rate = r->bad_rate,
		.ratio = {0, NAN, INFINITY},
		.phi = 1,
		.settle_ms = UNKNOWN};
}
