/* replay: a synthetic recording told again: the same differences, decisions, gaps; seeking,
 * pausing, speed. */
#include "tests/unit/history/replay_bed.h"

/* ---- what a console would see ---- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_recording_is_told_again),
		cmocka_unit_test(decisions_are_told_as_they_stood),
		cmocka_unit_test(seeking_both_ways_shows_the_same),
		cmocka_unit_test(what_is_near_is_played),
		cmocka_unit_test(the_clock_pauses_and_keeps_its_speed),
		cmocka_unit_test(bad_targets_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
