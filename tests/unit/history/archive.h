/* Archive: a history with a row of every kind, for the tests of export and import. */
#ifndef WEIR_TEST_HISTORY_ARCHIVE_H
#define WEIR_TEST_HISTORY_ARCHIVE_H

#include "tests/unit/history/fixture.h"

#include "history/export.h"
#include "model/histogram.h"

#define ARCHIVE_TICKS 5
#define ARCHIVE_NASTY "say \"no\" \\ to\ttabs, \xe2\x80\xae and \xf0\x9f\xa6\xa6"

/* Another pool's node, whose three nodes tell of the same entry. */
static inline void archive_observe(struct history *h, const char *node_id)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	struct audit_entry e = {
		.seq = 1, .from_bp = 1000, .to_bp = 100, .epoch = 7, .rev = 1, .age_ms = 1000};
	struct history_answer a;

	text_copy(s->pool, sizeof s->pool, "search");
	text_copy(s->pool_id, sizeof s->pool_id, "pool-2");
	text_copy(s->node, sizeof s->node, node_id);
	text_copy(s->node_id, sizeof s->node_id, node_id);
	text_copy(e.what, sizeof e.what, "step");
	text_copy(e.key, sizeof e.key, "told-1");
	text_copy(e.actor, sizeof e.actor, "pat@ops2");
	history_observed(h, T0 + 5000, "search", s, &e, 1);
	wait_kind(h, HISTORY_OBSERVED, &a);
	assert_int_equal(a.decision_count, 1);
	assert_string_equal(a.decisions[0].id, "told-1");
	history_answer_release(&a);
	free(s);
}

static inline void archive_sample(struct history *h, int64_t tick)
{
	struct history_sample s = {.node_id = "n-1", .pool_id = "pool-1", .tick = tick};
	struct histogram *all = mem_new(1, sizeof *all);

	/* buckets far apart, counts of one, two and three bytes */
	for (int i = 0; i < 40; i++)
		histogram_add(all, (int64_t)i * i * 900 + tick, 1 + (i % 7) * 50 + (i == 20) * 20000);
	histogram_add(all, 3600000000, tick + 1);
	s.sample.at.wall_ms = T0 + tick * 1000 + 7;
	s.sample.interval_ms = 1000;
	s.flags = tick == 0 ? HISTORY_BOOT : 0;
	for (int a = 0; a < ARM_COUNT; a++) {
		struct arm_sample *arm = &s.sample.arms[a];

		memset(arm, 0, sizeof *arm);
		arm->requests = histogram_total(all);
		arm->ok = arm->requests - tick;
		arm->failed[FAILURE_REFUSED] = tick;
		arm->memory_bytes = UNKNOWN;
		arm->cpu_us = 1500000;
		arm->p50_us = histogram_quantile_us(all, 0.50);
		arm->p95_us = histogram_quantile_us(all, 0.95);
		arm->p99_us = histogram_quantile_us(all, 0.99);
		arm->max_us = histogram_max_us(all);
		s.latency[a] = all;
	}
	history_sample(h, &s);
	free(all);
}

/* Two recorders and their histories of one file, closed again. */
static inline void archive_make(struct place *p)
{
	struct history *h[2];
	struct snapshot *node = mem_new(1, sizeof *node);
	struct outcome_row row;
	struct decision d;

	place_make(p);
	h[0] = start_opened(p, "kim@ops1");
	h[1] = start_opened(p, "rec@ops1");
	history_recording(h[0], T0, 1000, "0.1", "ops1", "{\"a\":1}", "{}");
	text_copy(node->pool_id, sizeof node->pool_id, "pool-1");
	text_copy(node->node_id, sizeof node->node_id, "n-1");
	text_copy(node->node, sizeof node->node, "a \"quoted\\\" node");
	history_node(h[0], T0, "checkout", node, "http://127.0.0.1:7070", "pool");
	for (int i = 0; i < ARCHIVE_TICKS; i++)
		archive_sample(h[0], i);
	/* intents go before what waits: what follows would have other numbers every time */
	settle(h[0]);
	h[0] = start_opened(p, "kim@ops1");
	commit(h[0], "d-1", T0);
	d = make_decision("d-2", T0 + 1);
	d.from_bp = -1;
	d.epoch = UNKNOWN;
	text_copy(d.reason, sizeof d.reason, ARCHIVE_NASTY);
	history_intent(h[1], &d);
	expect_kind(h[1], HISTORY_COMMITTED);
	row = make_outcome("d-1", OUTCOME_ROW_NODE, OUTCOME_APPLIED, T0 + 2);
	history_outcome(h[0], &row);
	row = make_outcome("d-1", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 3);
	row.latency_ms = UNKNOWN;
	history_outcome(h[0], &row);
	history_event(h[0], T0 + 4, "checkout", "drift", "it moved", "{\"to_bp\":3}");
	for (int i = 0; i < 6; i++)
		archive_observe(h[i % 2], i < 2 ? "n-1" : i < 4 ? "n-2" : "n-3");
	settle(h[0]);
	settle(h[1]);
	free(node);
	execute(p->path,
		"INSERT INTO quarantine VALUES (1, 1, 'event', 'NOT NULL constraint failed: event.text',"
		" 'seq=3, text=NULL')");
	assert_whole(p->path, NULL);
}

static inline bool archive_put(void *ctx, const char *line, size_t len)
{
	text_add_n(ctx, line, len);
	return true;
}

/* The export as a text; free it. */
static inline struct text archive_export(const char *path, enum export_format format)
{
	const struct export_how how = {.format = format};
	struct text all = {0};
	struct err err = {0};

	if (export_run(path, &how, archive_put, &all, &err) < 0)
		fail_msg("W%d %s", err.code, err.text);
	return all;
}

#endif
