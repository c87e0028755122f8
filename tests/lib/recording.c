/* A recorder without a pool: documents go to a model, and what the model measures to a history. */
#include "tests/lib/recording.h"

#include "history/history.h"
#include "model/mem.h"
#include "model/model.h"
#include "model/text.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE_MS 10000
#define SECOND_MS 1000
#define WITHIN_MS 120 /* of a second, when its document comes */

int64_t recording_moment(size_t second)
{
	return RECORDING_MS + (int64_t)second * SECOND_MS + WITHIN_MS;
}

void recording_quiet(struct recording_second *out, size_t count, size_t raised)
{
	for (size_t i = 0; i < count; i++) {
		bool up = i >= raised;
		out[i] = (struct recording_second){.done = {up ? 90 : 100, up ? 10 : 0},
			.failed = {i % 10 == 0, 0},
			.each_us = {1000, 1000},
			.share_bp = up ? 1000 : 0};
	}
}

static _Noreturn void die(const char *what, const struct err *err)
{
	fprintf(stderr, "recording: %s: %s\n", what, err ? err->text : "no answer");
	exit(1);
}

static struct history *open_history(const char *path, const char *key_dir)
{
	const struct history_options how = {.path = path, .actor = "kim@ops1", .key_dir = key_dir};
	struct history *h;
	struct history_answer a;
	struct err err = {0};
	if (history_start(&h, &how, &err) < 0)
		die("start", &err);
	while (!history_next(h, &a)) {
		struct pollfd p = {.fd = history_fd(h), .events = POLLIN};
		if (poll(&p, 1, DEADLINE_MS) <= 0)
			die("open", NULL);
	}
	if (a.kind != HISTORY_OPENED)
		die("open", &a.err);
	history_answer_release(&a);
	return h;
}

static void begin(struct snapshot *s, size_t node)
{
	text_copy(s->pool, sizeof s->pool, "checkout");
	text_copy(s->pool_id, sizeof s->pool_id, "pool-1");
	snprintf(s->node, sizeof s->node, "node-%c", (char)('a' + node));
	snprintf(s->node_id, sizeof s->node_id, "n-%c", (char)('1' + node));
	text_copy(s->boot_id, sizeof s->boot_id, "boot-1");
	text_copy(s->build, sizeof s->build, "1.0");
	s->strategy = STRATEGY_CANARY;
	s->epoch = 1;
	s->audit_seq = UNKNOWN;
	s->uptime_ms = 3600000;
	s->hold.age_ms = s->lease.ttl_ms = s->keep.left_ms = s->guard.held_ms = UNKNOWN;
	s->change.known = true;
	s->change.age_ms = 1800000;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		s->arms[arm].sessions = s->arms[arm].sessions_bad = UNKNOWN;
		s->arms[arm].memory_bytes = s->arms[arm].cpu_us = s->arms[arm].fds = UNKNOWN;
		s->arms[arm].has_latency = true;
	}
}

/* The failed are of predict as far as it has so many. */
static void work_on(struct arm_counts *a, const struct recording_second *is, int arm)
{
	static const char *const names[] = {"embed", "predict"};
	int64_t done[2] = {0, is->done[arm] * is->predicts / 100}, failed[2];
	done[0] = is->done[arm] - done[1];
	failed[1] = is->failed[arm] < done[1] ? is->failed[arm] : done[1];
	failed[0] = is->failed[arm] - failed[1];
	if (is->predicts == 0)
		return;
	a->operation_count = 2;
	for (int i = 0; i < 2; i++) {
		struct operation_counts *o = &a->operations[i];
		text_copy(o->name, sizeof o->name, names[i]);
		o->requests += done[i];
		o->ok += done[i] - failed[i];
		o->failed += failed[i];
	}
}

static void live_on(struct snapshot *s, const struct recording_second *is)
{
	s->seq++;
	s->uptime_ms += SECOND_MS;
	s->now_ms += SECOND_MS;
	s->change.age_ms += SECOND_MS;
	if (s->share_bp != is->share_bp) {
		s->share_bp = is->share_bp;
		s->rev++;
		s->change.age_ms = SECOND_MS;
	}
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_counts *a = &s->arms[arm];
		a->requests += is->done[arm];
		a->ok += is->done[arm] - is->failed[arm];
		a->failed[FAILURE_OPERATION] += is->failed[arm];
		histogram_add(&a->latency, is->each_us[arm], is->done[arm]);
		work_on(a, is, arm);
	}
}

static void record(
	struct history *h, struct model *m, const struct snapshot *s, size_t node, size_t second)
{
	struct model_sample *made = mem_new(1, sizeof *made);
	struct instant at = {recording_moment(second), recording_moment(second)};
	model_apply(m,
		&(struct model_event){
			.kind = MODEL_SNAPSHOT, .at = at, .node = NODE_HANDLE(0, node), .snapshot = s},
		made);
	history_state(h, at.wall_ms, s->pool, s);
	if (made->valid) {
		struct history_sample row = {.tick = (int64_t)second, .sample = made->sample};
		text_copy(row.pool_id, sizeof row.pool_id, s->pool_id);
		text_copy(row.node_id, sizeof row.node_id, s->node_id);
		for (int arm = 0; arm < ARM_COUNT; arm++)
			row.latency[arm] = &made->latency[arm];
		history_sample(h, &row);
	}
	free(made);
}

void recording_make(const char *path, const char *key_dir, size_t nodes,
	const struct recording_second *second, size_t count)
{
	static const char *const target[] = {"http://127.0.0.1:7070", "http://127.0.0.1:7071"};
	struct history *h = open_history(path, key_dir);
	struct snapshot *now = mem_new(nodes, sizeof *now);
	struct guard_limits limits;
	struct model m;
	guard_limits_init(&limits);
	model_init(&m, "kim@ops1", true);
	model_add(&m,
		&(struct pool_setup){.name = "checkout",
			.targets = target,
			.target_count = (int)nodes,
			.interval_ms = SECOND_MS,
			.limits = &limits});
	for (size_t k = 0; k < nodes; k++) {
		begin(&now[k], k);
		history_node(h, RECORDING_MS, now[k].pool, &now[k], target[k], "http");
	}
	history_recording(h, RECORDING_MS, SECOND_MS, "0.1", "ops1", "{}", "{}");
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < nodes; k++) {
			if (i > 0)
				live_on(&now[k], &second[i]);
			if (!second[i].missing)
				record(h, &m, &now[k], k, i);
		}
	if (history_stop(h, DEADLINE_MS) != 0)
		die("stop", NULL);
	model_release(&m);
	free(now);
}
