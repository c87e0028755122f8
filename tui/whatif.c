/* What-if: a replay in which nobody looks: every document of the recording goes to one model a
 * policy, and the moments at which their guards turn red are noted. Guards and judge are those of
 * the console, not a copy.
 *
 * 1. Policies hear of what was measured and of what a person resumed, of nothing else: what the
 *    pool's own guard or another's said and did belongs to the recorded policy.
 * 2. What v2 really was (whatif_truth.c) is found when the whole recording has passed.
 * 3. Where samples became minutes nothing is judged and nothing counted: how long that is is said. */
#include "tui/whatif.h"

#include "history/query.h"
#include "history/replay.h"
#include "model/exceed.h"
#include "model/mem.h"
#include "model/model.h"
#include "model/text.h"
#include "tui/whatif_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLICE_MS (60 * 1000) /* of the recording, between two reports of progress */
#define QUANTILE 0.99
#define TOLERANCE 1.1 /* slower by less than that is no slower */

struct policy_run {
	struct model model;
	bool was_red;
};

struct whatif {
	struct driver *replay;
	struct replay_span span;
	int64_t played_ms; /* from the recording's beginning */
	int64_t end_ms;
	char (*nodes)[POOL_ID_MAX];
	size_t node_count;
	struct policy_run *run;
	struct whatif_result *result;
	size_t count;
	struct whatif_facts facts;
	struct whatif_truth truth;
	struct exceed exceed;
	struct burst burst[JUDGED_COUNT];
	struct snapshot *document;
	struct model_sample *sample;
	int share_bp;
	int64_t rise_ms;
	int64_t thinned_ms; /* wall clock of the last minute so far */
	struct err broken; /* code 0: the file could be read so far */
	bool done;
};

/* ---- fires ---- */

static void write_word(char *out, size_t size, const struct pool *p)
{
	const struct guard_latch *l = &p->latch;
	if (l->by_judge) {
		text_copy(out, size, l->word);
		return;
	}
	char value[24], limit[24];
	const struct guard_metric *m = &p->standing.guard.metric[l->metric];
	guard_value_text(value, sizeof value, l->metric, m->value[ARM_V2]);
	guard_value_text(limit, sizeof limit, l->metric, m->limit);
	snprintf(out, size, "%s %s of %s", metric_name(l->metric), value, limit);
}

static void note_fire(struct whatif *w, size_t policy, int64_t at_ms)
{
	struct policy_run *run = &w->run[policy];
	struct whatif_result *r = &w->result[policy];
	const struct pool *p = &run->model.pools[0];
	bool red = p->latch.red, fired = red && !run->was_red && p->standing.reported_bp != 0;
	run->was_red = red;
	if (!fired || at_ms <= w->facts.since_ms || at_ms > w->facts.until_ms)
		return;
	if (r->fires == WHATIF_FIRES_MAX) {
		r->fires_more++;
		return;
	}
	struct whatif_fire *f = &r->fire[r->fires++];
	*f = (struct whatif_fire){.at_ms = at_ms,
		.by_judge = p->latch.by_judge,
		.metric = p->latch.metric,
		.share_bp = p->standing.reported_bp,
		.stretch = -1};
	write_word(f->word, sizeof f->word, p);
}

static void apply(struct whatif *w, const struct model_event *e)
{
	for (size_t i = 0; i < w->count; i++) {
		/* the first one's sample is the truth's too */
		model_apply(&w->run[i].model, e, i == 0 ? w->sample : NULL);
		note_fire(w, i, e->at.wall_ms);
	}
}

/* ---- what was measured ---- */

static struct units done_of(const struct arm_sample *a, bool sessions)
{
	return sessions ? (struct units){a->sessions, a->sessions_bad}
					: (struct units){a->ok + a->failed_total, a->failed_total};
}

/* Slower than v1's 99th percentile of the minute before. */
static void count_slow(struct whatif *w, struct whatif_item *item, bool sessions)
{
	const struct model_sample *m = w->sample;
	const struct histogram *h[ARM_COUNT];
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		bool has = sessions ? m->has_session_latency[arm] : m->has_latency[arm];
		h[arm] = !has ? NULL : sessions ? &m->session_latency[arm] : &m->latency[arm];
	}
	int bucket = exceed_bucket(&w->exceed, QUANTILE);
	if (h[ARM_V1] && h[ARM_V2] && bucket >= 0) {
		struct units *u = item->unit[JUDGED_P99];
		int above = exceed_up((double)histogram_edge_us(bucket) * TOLERANCE);
		u[ARM_V1] = (struct units){histogram_total(h[ARM_V1]), exceed_count(h[ARM_V1], bucket)};
		u[ARM_V2] = (struct units){histogram_total(h[ARM_V2]), exceed_count(h[ARM_V2], above)};
	}
	if (h[ARM_V1])
		exceed_add(&w->exceed, h[ARM_V1]);
}

static void note_share(struct whatif *w, const struct snapshot *s, int64_t at_ms)
{
	const struct change *c = &s->change;
	if (s->share_bp > w->share_bp && w->share_bp >= 0)
		w->rise_ms = c->known && c->age_ms != UNKNOWN ? at_ms - c->age_ms : at_ms;
	w->share_bp = s->share_bp;
}

static void note_item(struct whatif *w, int64_t at_ms)
{
	const struct sample *s = &w->sample->sample;
	struct whatif_truth *t = &w->truth;
	bool sessions = true;
	mem_grow(&t->item, &t->cap, t->count + 1, sizeof *t->item);
	struct whatif_item *item = &t->item[t->count++];
	*item = (struct whatif_item){.from_ms = at_ms - s->interval_ms,
		.at_ms = at_ms,
		.rise_ms = w->rise_ms,
		.share_bp = w->share_bp};
	for (int arm = 0; arm < ARM_COUNT; arm++)
		sessions &= s->arms[arm].sessions != UNKNOWN && s->arms[arm].sessions_bad != UNKNOWN;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		item->requests[arm] = s->arms[arm].requests;
		item->failed[arm] = s->arms[arm].failed_total;
		item->unit[JUDGED_ERRORS][arm] = done_of(&s->arms[arm], sessions);
	}
	w->facts.sessions = sessions;
	count_slow(w, item, sessions);
	for (int m = 0; m < JUDGED_COUNT; m++)
		for (int arm = 0; arm < ARM_COUNT; arm++)
			burst_add(&w->burst[m], (enum arm)arm, item->unit[m][arm]);
}

/* ---- events of the recording ---- */

static int node_of(const struct whatif *w, const char *node_id)
{
	for (size_t i = 0; i < w->node_count; i++)
		if (strcmp(w->nodes[i], node_id) == 0)
			return (int)i;
	return -1;
}

static void note_minute(struct whatif *w, int64_t at_ms)
{
	struct whatif_facts *f = &w->facts;
	const struct model_sample *m = w->sample;
	if (!m->valid)
		return;
	int64_t from_ms = at_ms - m->sample.interval_ms, until_ms = at_ms;
	from_ms = from_ms < w->thinned_ms ? w->thinned_ms : from_ms;
	from_ms = from_ms < f->since_ms ? f->since_ms : from_ms;
	until_ms = until_ms > f->until_ms ? f->until_ms : until_ms;
	if (until_ms > from_ms)
		f->thinned_ms += until_ms - from_ms;
	w->thinned_ms = at_ms;
}

static void on_snapshot(struct whatif *w, const struct driver_event *e)
{
	int node = node_of(w, e->snapshot->node_id);
	int64_t at_ms = e->at.wall_ms;
	if (node < 0 || strcmp(e->snapshot->pool_id, w->span.pool_id) != 0)
		return;
	*w->document = *e->snapshot;
	w->document->guard = (struct pool_guard){.held_ms = UNKNOWN};
	note_share(w, w->document, at_ms);
	const struct model_event event = {.kind = MODEL_SNAPSHOT,
		.at = {at_ms, at_ms},
		.node = NODE_HANDLE(0, node),
		.snapshot = w->document,
		.minute = e->minute};
	apply(w, &event);
	if (e->minute)
		note_minute(w, at_ms);
	else if (w->sample->valid)
		note_item(w, at_ms);
	if (!w->sample->valid || w->sample->gap || e->minute)
		for (int m = 0; m < JUDGED_COUNT; m++)
			burst_break(&w->burst[m]);
}

static void on_trouble(struct whatif *w, const struct driver_event *e)
{
	int64_t at_ms = e->at.wall_ms;
	if (e->err->code != ERR_UNREACHABLE)
		w->broken = *e->err;
	else if (at_ms > w->facts.since_ms && at_ms <= w->facts.until_ms)
		w->facts.gaps++;
}

static void on_event(void *ctx, const struct driver_event *e)
{
	struct whatif *w = ctx;
	if (e->kind == DRIVER_SNAPSHOT)
		on_snapshot(w, e);
	else if (e->kind == DRIVER_TROUBLE)
		on_trouble(w, e);
	else if (e->kind == DRIVER_DECISION && e->decision->verb == VERB_RESUME)
		apply(w,
			&(struct model_event){
				.kind = MODEL_DECISION, .at = e->at, .decision = e->decision});
}

/* ---- opening ---- */

struct node_search {
	struct query *query;
	struct whatif *whatif;
	int64_t started_ms; /* of the recording whose nodes they are */
	struct err err;
	bool failed;
};

/* The recording that the replay is of: the last one of the pool that began before its first
 * document. */
static bool try_recording(void *ctx, const struct query_recording *r)
{
	struct node_search *s = ctx;
	struct whatif *w = s->whatif;
	char(*ids)[POOL_ID_MAX] = mem_new(HISTORY_NODES_MAX, sizeof *ids);
	size_t count = 0;
	bool later = r->started_ms > w->span.start_ms + 2 * w->span.interval_ms;
	if (!later &&
		query_nodes(s->query, r->id, w->span.pool_id, ids, HISTORY_NODES_MAX, &count, &s->err) <
			0)
		s->failed = true;
	if (later || count == 0 || r->started_ms < s->started_ms) {
		free(ids);
		return !s->failed;
	}
	free(w->nodes);
	w->nodes = ids;
	w->node_count = count;
	s->started_ms = r->started_ms;
	return true;
}

static int find_nodes(struct whatif *w, const char *path, struct err *err)
{
	struct node_search s = {.whatif = w, .started_ms = INT64_MIN};
	if (query_open(&s.query, path, err) < 0)
		return -1;
	int rc = query_recordings(s.query, try_recording, &s, err);
	query_close(s.query);
	if (rc == 0 && s.failed) {
		*err = s.err;
		rc = -1;
	}
	if (rc == 0 && w->node_count == 0)
		rc = err_set(err, ERR_FILE, "\"%s\" has no samples of pool \"%s\" to run over", path,
			w->span.pool);
	return rc;
}

static int open_replay(struct whatif *w, const struct whatif_source *source, struct err *err)
{
	struct text target = {0};
	text_addf(&target, "replay:%s%s%s", source->path, source->pool ? "?pool=" : "",
		source->pool ? source->pool : "");
	const struct driver_open how = {
		.target = text_str(&target), .sink = {on_event, w}, .now = {0, 0}};
	int rc = replay_driver.open(&w->replay, &how, err);
	text_free(&target);
	if (rc < 0)
		return -1;
	replay_span(w->replay, &w->span);
	return find_nodes(w, source->path, err);
}

static void open_policy(struct whatif *w, size_t i, const struct whatif_policy *policy)
{
	const char *targets[HISTORY_NODES_MAX];
	for (size_t k = 0; k < w->node_count; k++)
		targets[k] = w->nodes[k];
	const struct pool_setup setup = {.name = w->span.pool,
		.targets = targets,
		.target_count = (int)w->node_count,
		.interval_ms = w->span.interval_ms,
		.limits = &policy->limits};
	w->result[i] = (struct whatif_result){
		.policy = *policy, .delay_ms = UNKNOWN, .step_delay_ms = UNKNOWN};
	model_init(&w->run[i].model, "", true);
	model_add(&w->run[i].model, &setup);
}

static int check_policies(const struct whatif_policy *policies, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct judge_policy *p = &policies[i].limits.judge;
		if (p->margin <= p->tolerance)
			return err_set(err, ERR_USAGE,
				"policy \"%s\": the margin, %.15g, must be above the tolerance, %.15g",
				policies[i].name, p->margin, p->tolerance);
	}
	return 0;
}

static int set_span(struct whatif *w, const struct whatif_source *source, struct err *err)
{
	struct whatif_facts *f = &w->facts;
	text_copy(f->pool, sizeof f->pool, w->span.pool);
	text_copy(f->pool_id, sizeof f->pool_id, w->span.pool_id);
	f->recording = w->span.recording;
	f->since_ms = source->since_ms > w->span.start_ms ? source->since_ms : w->span.start_ms;
	f->until_ms = source->until_ms > 0 && source->until_ms < w->span.end_ms ? source->until_ms
																			: w->span.end_ms;
	w->end_ms = f->until_ms;
	if (f->until_ms <= f->since_ms)
		return err_set(err, ERR_FILE, "\"%s\" has nothing of pool \"%s\" in that time",
			source->path, w->span.pool);
	return 0;
}

int whatif_begin(struct whatif **out, const struct whatif_source *source,
	const struct whatif_policy *policies, size_t count, struct err *err)
{
	*out = NULL;
	if (check_policies(policies, count, err) < 0)
		return -1;
	struct whatif *w = mem_new(1, sizeof *w);
	w->share_bp = -1;
	w->rise_ms = UNKNOWN;
	w->document = mem_new(1, sizeof *w->document);
	w->sample = mem_new(1, sizeof *w->sample);
	if (open_replay(w, source, err) < 0 || set_span(w, source, err) < 0) {
		whatif_free(w);
		return -1;
	}
	w->run = mem_new(count, sizeof *w->run);
	w->result = mem_new(count, sizeof *w->result);
	for (; w->count < count; w->count++)
		open_policy(w, w->count, &policies[w->count]);
	*out = w;
	return 0;
}

void whatif_free(struct whatif *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->count; i++)
		model_release(&w->run[i].model);
	if (w->replay)
		replay_driver.close(w->replay);
	exceed_release(&w->exceed);
	whatif_truth_free(&w->truth);
	free(w->nodes);
	free(w->run);
	free(w->result);
	free(w->document);
	free(w->sample);
	free(w);
}

/* ---- running ---- */

static void finish(struct whatif *w)
{
	w->done = true;
	for (int m = 0; m < JUDGED_COUNT; m++)
		w->truth.phi[m] = burst_phi(&w->burst[m]);
	whatif_truth_find(&w->truth, &w->facts);
	for (size_t i = 0; i < w->count; i++)
		whatif_truth_judge(&w->truth, &w->facts, &w->result[i]);
}

int whatif_advance(struct whatif *w, int64_t recorded_ms, struct err *err)
{
	int64_t whole_ms = w->end_ms - w->span.start_ms;
	if (w->done)
		return 0;
	w->played_ms +=
		recorded_ms < whole_ms - w->played_ms ? recorded_ms : whole_ms - w->played_ms;
	replay_driver.turn(w->replay, (struct instant){w->played_ms, w->played_ms});
	if (w->broken.code != ERR_NONE) {
		*err = w->broken;
		return -1;
	}
	if (w->played_ms < whole_ms)
		return 1;
	finish(w);
	return 0;
}

void whatif_progress(const struct whatif *w, int64_t *done_ms, int64_t *total_ms)
{
	*done_ms = w->played_ms;
	*total_ms = w->end_ms - w->span.start_ms;
}

const struct whatif_facts *whatif_facts(const struct whatif *w)
{
	return &w->facts;
}

const struct whatif_result *whatif_results(const struct whatif *w, size_t *count)
{
	if (count)
		*count = w->count;
	return w->result;
}

int whatif_run(struct whatif **out, const struct whatif_source *source,
	const struct whatif_policy *policies, size_t count,
	bool (*each)(void *ctx, int64_t done_ms, int64_t total_ms), void *ctx, struct err *err)
{
	if (whatif_begin(out, source, policies, count, err) < 0)
		return -1;
	int rc;
	while ((rc = whatif_advance(*out, SLICE_MS, err)) > 0) {
		int64_t done_ms, total_ms;
		whatif_progress(*out, &done_ms, &total_ms);
		if (each && !each(ctx, done_ms, total_ms))
			break;
	}
	if (rc == 0)
		return 0;
	whatif_free(*out);
	*out = NULL;
	return rc < 0 ? -1 : 0;
}
