/* Replay bed: a synthetic recording, and what a console would see of it. */
#ifndef WEIR_TESTS_UNIT_HISTORY_REPLAY_BED_H
#define WEIR_TESTS_UNIT_HISTORY_REPLAY_BED_H

#include "tests/unit/history/fixture.h"

#include "history/replay.h"

#define TICKS 1800
#define GAP_FROM 100 /* these ticks were not recorded */
#define GAP_TO 104
#define RESTART 900

/* What the pool's counters do: known at every tick. */
static inline int64_t requests_of(int tick)
{
	return 90 + tick % 20;
}

static inline int64_t failed_of(int tick)
{
	return tick % 7 == 0 ? 3 : 0;
}

struct pool {
	struct snapshot *now, *before;
	int before_tick;
};

static inline void advance(struct snapshot *s, int tick)
{
	for (int a = 0; a < ARM_COUNT; a++) {
		struct arm_counts *c = &s->arms[a];
		const int64_t n = requests_of(tick) / (a + 1);

		c->requests += n;
		c->failed[FAILURE_TIMEOUT] += failed_of(tick);
		c->ok += n - failed_of(tick);
		c->has_latency = true;
		histogram_add(&c->latency, 1000 + tick % 50 * 10, n);
		c->sessions = UNKNOWN;
		c->sessions_bad = UNKNOWN;
		c->workers.busy = tick % 8;
		c->memory_bytes = 1000000 + tick;
	}
	s->seq++;
	s->uptime_ms += 1000;
	s->now_ms += 1000;
	s->change.age_ms += 1000;
}

static inline void record_tick(struct history *h, struct pool *p, int tick, bool state_first)
{
	struct history_sample s = {.tick = tick};
	struct histogram latency[ARM_COUNT];
	const int64_t at_ms = T0 + tick * 1000 + 120;

	if (state_first)
		history_state(h, at_ms, p->now->pool, p->now);
	text_copy(s.pool_id, sizeof s.pool_id, p->now->pool_id);
	text_copy(s.node_id, sizeof s.node_id, p->now->node_id);
	s.sample.at =
		(struct instant){0, at_ms}; /* half an hour within one moment of the machine */
	s.sample.interval_ms = (tick - p->before_tick) * 1000;
	for (int a = 0; a < ARM_COUNT; a++) {
		assert_int_equal(counts_difference(&s.sample.arms[a], &latency[a], &p->now->arms[a],
							 &p->before->arms[a]),
			COUNTS_OK);
		s.latency[a] = &latency[a];
	}
	history_sample(h, &s);
	if (!state_first)
		history_state(h, at_ms, p->now->pool, p->now);
	*p->before = *p->now;
	p->before_tick = tick;
}

static inline void make_recording(const struct place *place)
{
	struct history *h = start_opened(place, "kim@ops1");
	struct pool p = {mem_new(1, sizeof *p.now), mem_new(1, sizeof *p.before), 0};
	struct snapshot *s = p.now;
	struct outcome_row row;

	text_copy(s->pool, sizeof s->pool, "checkout");
	text_copy(s->pool_id, sizeof s->pool_id, "pool-1");
	text_copy(s->node, sizeof s->node, "node-a");
	text_copy(s->node_id, sizeof s->node_id, "n-1");
	text_copy(s->boot_id, sizeof s->boot_id, "boot-1");
	s->strategy = STRATEGY_CANARY;
	s->share_bp = 100;
	s->change.known = true;
	s->audit_seq = UNKNOWN;
	s->seq = 1000;
	history_node(h, T0, s->pool, s, "http://127.0.0.1:7070", "http");
	history_recording(h, T0, 1000, "0.1", "ops1", "{}", "{}");
	for (int tick = 0; tick < TICKS; tick++) {
		if (tick == RESTART) { /* no sample: the counters begin anew */
			for (int a = 0; a < ARM_COUNT; a++)
				s->arms[a] = (struct arm_counts){.has_latency = true};
			text_copy(s->boot_id, sizeof s->boot_id, "boot-2");
			s->seq = 1;
			s->uptime_ms = 10;
			history_state(h, T0 + tick * 1000 + 120, s->pool, s);
			*p.before = *s;
			p.before_tick = tick;
			continue;
		}
		if (tick == 300) { /* a step between two polls */
			commit(h, "step-1", T0 + 299500);
			row = make_outcome("step-1", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 299600);
			history_outcome(h, &row);
			row = make_outcome("step-1", OUTCOME_ROW_VERIFIED, OUTCOME_APPLIED, T0 + 302000);
			history_outcome(h, &row);
			s->share_bp = 1000;
			s->epoch++;
			s->change.age_ms = 0;
		}
		if (tick == 1200)
			commit(h, "step-2", T0 + 1199500);
		advance(s, tick);
		if (tick >= GAP_FROM && tick <= GAP_TO)
			continue;
		if (tick == 0) { /* the first document has no difference */
			history_state(h, T0 + 120, s->pool, s);
			*p.before = *s;
			continue;
		}
		record_tick(h, &p, tick, tick % 2 == 0);
	}
	free(p.now);
	free(p.before);
	settle(h);
}

/* ---- what a console would see ---- */

struct seen {
	struct snapshot *last; /* that is shown */
	int rows, swaps;       /* of the last glance; in all */
	struct told told;
	struct seen *behind; /* NULL: it is not looked at */
	bool has_last;
	int documents, troubles, decisions, resets;
	int64_t requests, failed; /* sums of differences */
	int64_t first_ms, last_ms;
	struct decision decision;
};

static inline void see_document(struct seen *s, const struct snapshot *d)
{
	struct arm_sample diff;
	struct histogram latency;

	if (s->has_last && strcmp(s->last->boot_id, d->boot_id) == 0) {
		assert_true(d->seq > s->last->seq);
		for (int a = 0; a < ARM_COUNT; a++) {
			assert_int_equal(
				counts_difference(&diff, &latency, &d->arms[a], &s->last->arms[a]), COUNTS_OK);
			assert_int_equal(histogram_total(&latency), diff.requests);
			s->requests += diff.requests;
			s->failed += diff.failed_total;
			assert_int_equal(diff.sessions, UNKNOWN);
		}
	}
	*s->last = *d;
	s->has_last = true;
	s->documents++;
}

static inline void see(void *ctx, const struct driver_event *e)
{
	struct seen *s = ctx;

	assert_in_range(e->node, 5, 6);
	assert_int_equal(e->at.wall_ms, e->at.boot_ms);
	if (e->behind) {
		struct driver_event same = *e;

		same.behind = false;
		if (s->behind != NULL)
			see(s->behind, &same);
		return;
	}
	switch (e->kind) {
	case DRIVER_ROW:
		assert_true(s->rows == 0 || e->at.wall_ms > s->last_ms);
		s->rows++;
		break;
	case DRIVER_PAST:
		break;
	case DRIVER_TOLD:
		s->told = *e->told;
		break;
	case DRIVER_SWAP:
		s->swaps++;
		if (s->behind != NULL) {
			struct seen was = *s, *behind = s->behind;

			*s = *behind;
			*behind = was;
			s->behind = behind;
			behind->behind = NULL;
			s->swaps = was.swaps;
		}
		break;
	case DRIVER_SNAPSHOT:
		assert_true(s->last_ms == 0 || e->at.wall_ms >= s->last_ms);
		see_document(s, e->snapshot);
		break;
	case DRIVER_TROUBLE:
		assert_int_equal(e->err->code, ERR_UNREACHABLE);
		s->troubles++;
		break;
	case DRIVER_DECISION:
		s->decisions++;
		s->decision = *e->decision;
		break;
	case DRIVER_RESET:
		s->resets++;
		s->has_last = false;
		s->documents = s->troubles = s->decisions = 0;
		s->requests = s->failed = 0;
		s->first_ms = s->last_ms = 0;
		s->rows = 0;
		break;
	case DRIVER_ANSWER:
	case DRIVER_RESOLVED:
	case DRIVER_AUDIT:
	case DRIVER_LEASE:
		fail();
	}
	if (e->kind == DRIVER_SNAPSHOT && s->first_ms == 0)
		s->first_ms = e->at.wall_ms;
	if (e->kind != DRIVER_RESET)
		s->last_ms = e->at.wall_ms;
}

static inline struct driver *open_replay(
	const struct place *p, struct seen *s, struct instant now)
{
	struct text target = {0};
	struct driver *d = NULL;
	struct err err = {0};
	struct driver_open how = {.node = 5, .sink = {see, s}, .now = now};

	text_addf(&target, "replay:%s", p->path);
	how.target = text_str(&target);
	if (replay_driver.open(&d, &how, &err) < 0)
		fail_msg("W%d %s", err.code, err.text);
	text_free(&target);
	return d;
}

/* Everything that was recorded between two ticks, both arms. */
static inline int64_t expected_requests(int from, int to)
{
	int64_t sum = 0;

	for (int tick = from; tick <= to; tick++)
		if (tick != RESTART)
			sum += requests_of(tick) + requests_of(tick) / 2;
	return sum;
}

static inline int64_t expected_failed(int from, int to)
{
	int64_t sum = 0;

	for (int tick = from; tick <= to; tick++)
		if (tick != RESTART)
			sum += 2 * failed_of(tick);
	return sum;
}

static struct place place;

static inline int set_up(void **state)
{
	(void)state;
	place_make(&place);
	make_recording(&place);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	place_clean(&place);
	return 0;
}

#endif
