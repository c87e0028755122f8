/* replay: what else there is in a recording: moments to go to, rows that a recorder still writes, the
 * first sample, and the same recording by query. */
#include "tests/unit/history/replay_bed.h"

/* A recording of a pool that has counted nothing yet. */
static void begin_recording(struct history *h, struct pool *p)
{
	struct snapshot *s = p->now;

	text_copy(s->pool, sizeof s->pool, "checkout");
	text_copy(s->pool_id, sizeof s->pool_id, "pool-1");
	text_copy(s->node_id, sizeof s->node_id, "n-1");
	text_copy(s->boot_id, sizeof s->boot_id, "boot-1");
	for (int arm = 0; arm < ARM_COUNT; arm++)
		s->arms[arm].has_latency = true;
	history_node(h, T0, s->pool, s, "http://127.0.0.1:7070", "http");
	history_recording(h, T0, 1000, "0.1", "ops1", "{}", "{}");
	*p->before = *s;
}

/* ---- what happened besides ---- */

static void moments_are_gone_to_by_kind(void **state)
{
	static const struct {
		const char *kind;
		int second;
	} events[] = {{"owner", 10}, {"verdict", 20}, {"state", 25}, {"guard", 30}, {"log", 35},
		{"clock_jump", 40}};
	struct place p;
	struct seen s = {.last = mem_new(1, sizeof *s.last)};
	struct pool one = {mem_new(1, sizeof *one.now), mem_new(1, sizeof *one.before), 0};
	struct instant now = {0, 0};
	struct history *h;
	struct driver *d;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	begin_recording(h, &one);
	for (int tick = 1; tick <= 60; tick++) {
		advance(one.now, tick);
		record_tick(h, &one, tick, true);
	}
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		history_event(h, T0 + events[i].second * 1000,
			strcmp(events[i].kind, "clock_jump") == 0 ? "" : "checkout", events[i].kind, "x",
			NULL);
	history_event(h, T0 + 22000, "another", "verdict", "not of this pool", NULL);
	commit(h, "step-1", T0 + 50000);
	settle(h);
	d = open_replay(&p, &s, now);
	replay_pause(d, true, now);
	assert_int_equal(replay_next(d, MOMENT_EVENT, -1), UNKNOWN);
	assert_int_equal(replay_next(d, MOMENT_EVENT, 1), T0 + 10000);
	assert_int_equal(replay_next(d, MOMENT_FLIP, 1), T0 + 20000);
	assert_int_equal(replay_next(d, MOMENT_DECISION, 1), T0 + 50000);
	replay_seek(d, T0 + 20000, now); /* where one is: it is neither before nor after */
	assert_int_equal(replay_next(d, MOMENT_FLIP, 1), T0 + 30000);
	assert_int_equal(replay_next(d, MOMENT_FLIP, -1), UNKNOWN);
	assert_int_equal(replay_next(d, MOMENT_EVENT, 1), T0 + 30000);
	assert_int_equal(replay_next(d, MOMENT_EVENT, -1), T0 + 10000);
	replay_seek(d, T0 + 39999, now);
	assert_int_equal(replay_next(d, MOMENT_EVENT, 1), T0 + 40000); /* of every pool */
	assert_int_equal(replay_next(d, MOMENT_FLIP, 1), UNKNOWN);
	assert_true(replay_has(d, MOMENT_FLIP, T0 + 30000, T0 + 30001));
	assert_false(replay_has(d, MOMENT_FLIP, T0 + 30001, INT64_MAX));
	assert_false(replay_has(d, MOMENT_FLIP, T0 + 20001, T0 + 30000));
	assert_false(replay_follows(d)); /* its recorder said that it ended */
	replay_driver.close(d);
	free(one.now);
	free(one.before);
	free(s.last);
	place_clean(&p);
}

/* ---- a recorder that still writes ---- */

/* Waits until the file has so many samples; the writer's answers do not tell of them. */
static void wait_for_samples(const struct place *p, struct history *h, int64_t count)
{
	const int64_t until = clock_monotonic_ms() + DEADLINE_MS;

	while (ask(p->path, "SELECT count(*) FROM sample") < count) {
		struct pollfd fd = {.fd = history_fd(h), .events = POLLIN};
		struct history_answer a;

		assert_true(clock_monotonic_ms() < until);
		poll(&fd, 1, 20);
		if (history_next(h, &a))
			history_answer_release(&a);
	}
}

static void what_is_still_written_is_followed(void **state)
{
	struct place p;
	struct seen s = {.last = mem_new(1, sizeof *s.last)};
	struct pool one = {mem_new(1, sizeof *one.now), mem_new(1, sizeof *one.before), 0},
				two = {mem_new(1, sizeof *two.now), mem_new(1, sizeof *two.before), 0};
	struct instant now = {1000, 0};
	struct replay_span span;
	struct history *h, *other;
	struct seen s2 = {0};
	struct driver *d, *d2;
	int tick = 1;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	begin_recording(h, &one);
	for (; tick <= 30; tick++) {
		advance(one.now, tick);
		record_tick(h, &one, tick, true);
	}
	wait_for_samples(&p, h, 60);
	d = open_replay(&p, &s, now);
	assert_true(replay_follows(d));
	replay_set_speed(d, 3600, now);
	now.boot_ms += 500;
	replay_driver.turn(d, now);
	assert_true(replay_at_end(d));
	assert_int_equal(s.last_ms, T0 + 30120);
	assert_int_equal(s.decisions, 0);
	/* more, and a decision of a moment that was passed already */
	commit(h, "step-1", T0 + 29000);
	for (; tick <= 40; tick++) {
		advance(one.now, tick);
		record_tick(h, &one, tick, true);
	}
	wait_for_samples(&p, h, 80);
	now.boot_ms += 400; /* too soon for another look */
	replay_driver.turn(d, now);
	assert_int_equal(s.last_ms, T0 + 30120);
	now.boot_ms += 600;
	replay_driver.turn(d, now);
	replay_span(d, &span);
	assert_int_equal(span.end_ms, T0 + 40120);
	assert_int_equal(s.last_ms, T0 + 40120);
	assert_int_equal(s.decisions, 1);
	assert_true(replay_has(d, MOMENT_DECISION, T0 + 29000, T0 + 29001));
	/* what was decided behind the last document waits for the next; not where none comes */
	commit(h, "step-2", T0 + 70000);
	now.boot_ms += 1000;
	replay_driver.turn(d, now);
	assert_int_equal(s.decisions, 1);
	assert_true(replay_follows(d));
	d2 = open_replay(&p, &s2, (struct instant){1000, T0 + 40120 + 61000});
	assert_false(replay_follows(d2));
	replay_span(d2, &span);
	assert_int_equal(span.end_ms, T0 + 70000);
	replay_driver.close(d2);
	now.boot_ms += 58500; /* silent for a minute, which another recorder in the file is not */
	replay_driver.turn(d, now);
	assert_true(replay_follows(d));
	other = start_opened(&p, "sam@ops2");
	begin_recording(other, &two);
	advance(two.now, 1);
	record_tick(other, &two, 1, true);
	wait_for_samples(&p, other, 82);
	now.boot_ms += 1000;
	replay_driver.turn(d, now);
	assert_false(replay_follows(d));
	settle(other);
	assert_int_equal(s.decisions, 2);
	assert_int_equal(s.last_ms, T0 + 70000);
	/* the end of the recorder, with its last batch */
	for (tick = 71; tick <= 75; tick++) {
		advance(one.now, tick);
		record_tick(h, &one, tick, true);
	}
	settle(h);
	now.boot_ms += 1000;
	replay_driver.turn(d, now);
	assert_false(replay_follows(d));
	assert_true(replay_at_end(d));
	assert_int_equal(s.decisions, 2); /* nothing is told twice */
	assert_int_equal(s.last_ms, T0 + 75120);
	assert_int_equal(s.troubles, 1); /* the gap */
	assert_int_equal(s.documents, 46);
	assert_int_equal(s.requests, expected_requests(1, 40) + expected_requests(71, 75));
	replay_driver.close(d);
	free(one.now);
	free(one.before);
	free(two.now);
	free(two.before);
	free(s.last);
	place_clean(&p);
}

/* A recorder that tells of the state only with its first sample, two nodes, a pool by name. */
static void the_first_sample_counts(void **state)
{
	struct place p;
	struct seen s = {.last = mem_new(1, sizeof *s.last)};
	struct history *h;
	struct pool pools[2];
	struct driver *d;
	struct instant now = {0, 0};
	struct replay_span span;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	history_recording(h, T0, 1000, "0.1", "ops1", "{}", "{}");
	for (int n = 0; n < 2; n++) {
		pools[n] = (struct pool){
			mem_new(1, sizeof(struct snapshot)), mem_new(1, sizeof(struct snapshot)), 0};
		text_copy(pools[n].now->pool, POOL_NAME_MAX, "checkout");
		text_copy(pools[n].now->pool_id, POOL_ID_MAX, "pool-1");
		text_copy(pools[n].now->node_id, POOL_ID_MAX, n == 0 ? "n-1" : "n-2");
		text_copy(pools[n].now->boot_id, POOL_ID_MAX, n == 0 ? "b-1" : "b-2");
		history_node(
			h, T0, pools[n].now->pool, pools[n].now, n == 0 ? "http://a" : "http://b", "http");
		*pools[n].before = *pools[n].now;
	}
	for (int tick = 1; tick <= 3; tick++)
		for (int n = 0; n < 2; n++) {
			advance(pools[n].now, tick);
			record_tick(h, &pools[n], tick, n == 0);
		}
	settle(h);
	d = open_replay(&p, &s, now);
	replay_span(d, &span);
	assert_int_equal(span.start_ms, T0 + 120);
	replay_set_speed(d, 3600, now);
	now.boot_ms += 60000;
	replay_driver.turn(d, now);
	assert_true(replay_at_end(d));
	assert_int_equal(s.documents, 2 * 4); /* a base and three samples of each */
	assert_int_equal(
		s.last->arms[ARM_V1].requests, requests_of(1) + requests_of(2) + requests_of(3));
	replay_driver.close(d);
	for (int n = 0; n < 2; n++) {
		free(pools[n].now);
		free(pools[n].before);
	}
	free(s.last);
	place_clean(&p);
}

/* ---- the same recording by query ---- */

static bool count_recording(void *ctx, const struct query_recording *r)
{
	assert_int_equal(r->started_ms, T0);
	assert_int_equal(r->interval_ms, 1000);
	assert_int_equal(r->last_tick, TICKS - 1);
	assert_int_equal(r->ended_ms, T0 + (TICKS - 1) * 1000 + 120);
	assert_string_equal(r->operator_name, "kim@ops1");
	*(int64_t *)ctx = r->id;
	return true;
}

static bool sum_sample(void *ctx, const struct history_sample *s)
{
	int64_t *sum = ctx;

	for (int a = 0; a < ARM_COUNT; a++) {
		assert_non_null(s->latency[a]);
		assert_null(s->session_latency[a]);
		sum[0] += s->sample.arms[a].requests;
		sum[1] += s->sample.arms[a].failed_total;
		assert_int_equal(histogram_total(s->latency[a]), s->sample.arms[a].requests);
		assert_int_equal(s->sample.arms[a].sessions, UNKNOWN);
	}
	sum[2]++;
	return true;
}

static void samples_are_queried_by_window(void **state)
{
	struct query *q;
	struct err err;
	int64_t id = 0, sum[3] = {0};
	char ids[4][POOL_ID_MAX];
	size_t count;

	(void)state;
	assert_int_equal(query_open(&q, place.path, &err), 0);
	assert_int_equal(query_recordings(q, count_recording, &id, &err), 0);
	assert_int_equal(query_nodes(q, id, "pool-none", ids, 4, &count, &err), 0);
	assert_int_equal(count, 0);
	assert_int_equal(query_nodes(q, id, NULL, ids, 4, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_string_equal(ids[0], "n-1");
	assert_int_equal(
		query_samples(q, id, "n-1", T0 + 200000, T0 + 300000, sum_sample, sum, &err), 0);
	assert_int_equal(sum[2], 100);
	assert_int_equal(sum[0], expected_requests(200, 299));
	assert_int_equal(sum[1], expected_failed(200, 299));
	memset(sum, 0, sizeof sum);
	assert_int_equal(query_samples(q, id, "n-1", 0, INT64_MAX, sum_sample, sum, &err), 0);
	assert_int_equal(sum[2], TICKS - 2 - (GAP_TO - GAP_FROM + 1));
	assert_int_equal(query_samples(q, id, "nobody", 0, INT64_MAX, sum_sample, sum, &err), -1);
	query_close(q);
	assert_whole(place.path, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_sample_counts),
		cmocka_unit_test(moments_are_gone_to_by_kind),
		cmocka_unit_test(what_is_still_written_is_followed),
		cmocka_unit_test(samples_are_queried_by_window),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
