/* replay: a synthetic recording told again: the same differences, decisions, gaps; seeking,
 * pausing, speed. */
#include "tests/unit/history/fixture.h"

#include "history/replay.h"

#define TICKS 1800
#define GAP_FROM 100 /* these ticks were not recorded */
#define GAP_TO 104
#define RESTART 900

/* What the pool's counters do: known at every tick. */
static int64_t requests_of(int tick)
{
	return 90 + tick % 20;
}

static int64_t failed_of(int tick)
{
	return tick % 7 == 0 ? 3 : 0;
}

struct pool {
	struct snapshot *now, *before;
	int before_tick;
};

static void advance(struct snapshot *s, int tick)
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

static void record_tick(struct history *h, struct pool *p, int tick, bool state_first)
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

static void make_recording(const struct place *place)
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

static void see_document(struct seen *s, const struct snapshot *d)
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

static void see(void *ctx, const struct driver_event *e)
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

static struct driver *open_replay(const struct place *p, struct seen *s, struct instant now)
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
static int64_t expected_requests(int from, int to)
{
	int64_t sum = 0;

	for (int tick = from; tick <= to; tick++)
		if (tick != RESTART)
			sum += requests_of(tick) + requests_of(tick) / 2;
	return sum;
}

static int64_t expected_failed(int from, int to)
{
	int64_t sum = 0;

	for (int tick = from; tick <= to; tick++)
		if (tick != RESTART)
			sum += 2 * failed_of(tick);
	return sum;
}

static struct place place;

static int set_up(void **state)
{
	(void)state;
	place_make(&place);
	make_recording(&place);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	place_clean(&place);
	return 0;
}

static void the_whole_recording_is_told_again(void **state)
{
	struct seen s = {.last = mem_new(1, sizeof *s.last)};
	struct instant now = {500, 7};
	struct driver *d = open_replay(&place, &s, now);
	struct replay_span span;

	(void)state;
	replay_span(d, &span);
	assert_string_equal(span.pool, "checkout");
	assert_string_equal(span.pool_id, "pool-1");
	assert_int_equal(span.start_ms, T0 + 120);
	assert_int_equal(span.interval_ms, 1000);
	assert_int_equal(replay_now(d).wall_ms, span.start_ms);
	replay_set_speed(d, 3600, now);
	replay_driver.turn(d, now);
	assert_int_equal(s.documents, 1);
	while (!replay_at_end(d)) {
		now.boot_ms += 100;
		replay_driver.poll(d, now);
		replay_driver.turn(d, now);
		assert_true(s.last_ms <= replay_now(d).wall_ms);
	}
	assert_int_equal(s.documents, TICKS - (GAP_TO - GAP_FROM + 1));
	assert_int_equal(s.troubles, 1);
	assert_int_equal(s.requests, expected_requests(1, TICKS - 1));
	assert_int_equal(s.failed, expected_failed(1, TICKS - 1));
	assert_int_equal(s.decisions, 4); /* made, applied, verified; made */
	assert_int_equal(s.last->arms[ARM_V1].memory_bytes, 1000000 + TICKS - 1);
	assert_int_equal(s.last->share_bp, 1000);
	assert_int_equal(s.last->change.age_ms, (TICKS - 300 - 1) * 1000);
	assert_int_equal(s.last->uptime_ms, 10 + (TICKS - RESTART - 1) * 1000);
	replay_driver.close(d);
	free(s.last);
}

static void decisions_are_told_as_they_stood(void **state)
{
	struct seen s = {.last = mem_new(1, sizeof *s.last)};
	struct instant now = {0, 0};
	struct driver *d = open_replay(&place, &s, now);

	(void)state;
	replay_pause(d, true, now);
	replay_seek(d, T0 + 299550, now);
	replay_driver.turn(d, now);
	assert_string_equal(s.decision.id, "step-1");
	assert_int_equal(s.decision.outcome, OUTCOME_PENDING);
	assert_int_equal(s.last->share_bp, 100);
	replay_pause(d, false, now);
	now.boot_ms += 700; /* 299550 -> 300250 */
	replay_driver.turn(d, now);
	assert_int_equal(s.decision.outcome, OUTCOME_APPLIED);
	assert_int_equal(s.decision.verified_ms, UNKNOWN);
	assert_int_equal(s.last->share_bp, 1000);
	now.boot_ms += 2000;
	replay_driver.turn(d, now);
	assert_int_equal(s.decision.verified_ms, T0 + 302000);
	assert_int_equal(replay_next(d, MOMENT_DECISION, 1), T0 + 1199500);
	assert_int_equal(replay_next(d, MOMENT_DECISION, -1), T0 + 299500);
	replay_seek(d, INT64_MAX, now);
	assert_int_equal(replay_next(d, MOMENT_DECISION, 1), UNKNOWN);
	replay_driver.close(d);
	free(s.last);
}

/* How many turns it takes until all was told behind the glance. */
static int catch_up(struct driver *d, struct instant now)
{
	int turns = 0, done = 0;

	for (; replay_catching_up(d) >= 0; turns++) {
		assert_in_range(replay_catching_up(d), done, 100);
		done = replay_catching_up(d);
		replay_driver.turn(d, now);
		assert_true(turns < TICKS);
	}
	return turns;
}

/* One document at once, with all that was counted until then; then the whole way there, from the
 * beginning or from where it had come before. */
static void seeking_both_ways_shows_the_same(void **state)
{
	static const int ticks[] = {1700, 720, 1250, 50, 1700, 720};
	struct seen behind = {.last = mem_new(1, sizeof *behind.last)};
	struct seen s = {.last = mem_new(1, sizeof *s.last), .behind = &behind};
	struct instant now = {0, 0};
	struct driver *d = open_replay(&place, &s, now);
	int64_t absolute[2] = {0};

	(void)state;
	replay_pause(d, true, now);
	replay_driver.turn(d, now);
	for (size_t i = 0; i < sizeof ticks / sizeof *ticks; i++) {
		const int tick = ticks[i], rows = tick < 600 ? tick : 600;
		const int64_t wall_ms = T0 + tick * 1000 + 120;

		replay_seek(d, wall_ms, now);
		assert_int_equal(replay_now(d).wall_ms, wall_ms);
		replay_driver.turn(d, now);
		assert_int_equal(s.documents, 1);
		assert_in_range(s.rows, rows - 2 - (GAP_TO - GAP_FROM + 1), rows + 1);
		assert_int_equal(s.last_ms, wall_ms);
		assert_int_equal(s.last->arms[ARM_V1].workers.busy, tick % 8);
		assert_int_equal(s.decisions > 0, tick >= 300);
		if (i < 2)
			absolute[i] = s.last->arms[ARM_V1].requests;
		if (i >= 4) /* the same moment from the other side */
			assert_int_equal(absolute[i - 4], s.last->arms[ARM_V1].requests);
		assert_int_equal(replay_catching_up(d), 0);
		assert_in_range(catch_up(d, now), 1, TICKS / 64 + 1);
		assert_int_equal(s.last_ms, wall_ms);
		assert_int_equal(s.requests, expected_requests(1, tick));
		assert_int_equal(s.failed, expected_failed(1, tick));
		assert_int_equal(s.last->arms[ARM_V1].workers.busy, tick % 8);
		if (i < 2)
			assert_int_equal(absolute[i], s.last->arms[ARM_V1].requests);
	}
	for (int tick = RESTART + 1; tick <= 1700; tick++)
		absolute[0] -= requests_of(tick);
	assert_int_equal(absolute[0], 0); /* absolute counters, not only differences */
	replay_driver.close(d);
	free(s.last);
	free(behind.last);
}

/* A step ahead of some documents needs no glance; a jump while another is under way goes on. */
static void what_is_near_is_played(void **state)
{
	struct seen behind = {.last = mem_new(1, sizeof *behind.last)};
	struct seen s = {.last = mem_new(1, sizeof *s.last), .behind = &behind};
	struct instant now = {0, 0};
	struct driver *d = open_replay(&place, &s, now);

	(void)state;
	replay_pause(d, true, now);
	replay_driver.turn(d, now);
	replay_seek(d, T0 + 20120, now);
	replay_driver.turn(d, now);
	assert_int_equal(replay_catching_up(d), -1);
	assert_int_equal(s.resets, 0);
	assert_int_equal(s.documents, 21);
	replay_seek(d, T0 + 800120, now);
	replay_driver.turn(d, now);
	replay_driver.turn(d, now);
	const int done = behind.documents;
	assert_in_range(done, 22, 200);
	replay_seek(d, T0 + 1600120, now); /* further: what is done is kept */
	replay_driver.turn(d, now);
	assert_int_equal(behind.documents, done);
	replay_pause(d, false, now);
	now.boot_ms += 5000; /* the clock goes on meanwhile */
	replay_driver.turn(d, now);
	assert_int_equal(s.last_ms, T0 + 1605120);
	catch_up(d, now);
	assert_int_equal(s.requests, expected_requests(1, 1605));
	now.boot_ms += 5000;
	replay_driver.turn(d, now);
	assert_int_equal(s.requests, expected_requests(1, 1610));
	/* cold: as if it began there */
	replay_from(d, T0 + 1000120, now);
	replay_pause(d, true, now);
	replay_driver.turn(d, now);
	assert_int_equal(replay_catching_up(d), -1);
	assert_in_range(s.documents, 1, 2);
	replay_driver.close(d);
	free(s.last);
	free(behind.last);
}

static void the_clock_pauses_and_keeps_its_speed(void **state)
{
	struct seen s = {.last = mem_new(1, sizeof *s.last)};
	struct instant now = {1000, 0};
	struct driver *d = open_replay(&place, &s, now);
	const int64_t start = replay_now(d).wall_ms;

	(void)state;
	assert_true(replay_speed(d) == 1);
	replay_set_speed(d, 0.01, now);
	assert_true(replay_speed(d) == 0.25);
	for (int i = 0; i < 100; i++) { /* small turns lose nothing */
		now.boot_ms += 33;
		replay_driver.turn(d, now);
	}
	assert_int_equal(replay_now(d).wall_ms, start + 825);
	replay_pause(d, true, now);
	assert_true(replay_is_paused(d));
	now.boot_ms += 100000;
	replay_driver.turn(d, now);
	assert_int_equal(replay_now(d).wall_ms, start + 825);
	replay_set_speed(d, 1e9, now);
	assert_true(replay_speed(d) == 3600);
	replay_pause(d, false, now);
	now.boot_ms += 1;
	replay_driver.turn(d, now);
	assert_int_equal(replay_now(d).wall_ms, start + 825 + 3600);
	assert_false(replay_at_end(d));
	now.boot_ms += 10000;
	replay_driver.turn(d, now);
	assert_true(replay_at_end(d));
	replay_driver.close(d);
	free(s.last);
}

static void bad_targets_are_refused(void **state)
{
	static const struct {
		const char *format;
		enum err_code code;
	} bad[] = {
		{"replay:", ERR_USAGE},
		{"replay:%s?speed=2", ERR_USAGE},
		{"replay:%s?pool=nobody", ERR_FILE},
		{"replay:%s.not", ERR_FILE},
	};
	struct seen s = {0};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct driver_open how = {.sink = {see, &s}};
		struct driver *d = NULL;
		struct err err = {0};
		char target[300];
		const char *hole = strstr(bad[i].format, "%s");

		snprintf(target, sizeof target, "%.*s%s%s",
			hole != NULL ? (int)(hole - bad[i].format) : (int)strlen(bad[i].format),
			bad[i].format, hole != NULL ? place.path : "", hole != NULL ? hole + 2 : "");
		how.target = target;
		assert_int_equal(replay_driver.open(&d, &how, &err), -1);
		assert_int_equal(err.code, bad[i].code);
	}
	assert_null(replay_driver.apply);
	assert_null(replay_driver.resolve);
	assert_null(replay_driver.audit);
	assert_null(replay_driver.lease);
	assert_int_equal(
		replay_driver.capabilities & (CAPABILITY_COMMANDS | CAPABILITY_COMPARE_AND_SET), 0);
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
	struct pool one = {mem_new(1, sizeof *one.now), mem_new(1, sizeof *one.before), 0};
	struct instant now = {1000, 0};
	struct replay_span span;
	struct history *h;
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
	now.boot_ms += 59500; /* silent for a minute */
	replay_driver.turn(d, now);
	assert_true(replay_follows(d));
	now.boot_ms += 1000;
	replay_driver.turn(d, now);
	assert_false(replay_follows(d));
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
		cmocka_unit_test(the_whole_recording_is_told_again),
		cmocka_unit_test(decisions_are_told_as_they_stood),
		cmocka_unit_test(seeking_both_ways_shows_the_same),
		cmocka_unit_test(what_is_near_is_played),
		cmocka_unit_test(the_clock_pauses_and_keeps_its_speed),
		cmocka_unit_test(bad_targets_are_refused),
		cmocka_unit_test(the_first_sample_counts),
		cmocka_unit_test(moments_are_gone_to_by_kind),
		cmocka_unit_test(what_is_still_written_is_followed),
		cmocka_unit_test(samples_are_queried_by_window),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
