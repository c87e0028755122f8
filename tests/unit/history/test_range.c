/* range: columns of a pool's metrics from samples and from minutes: sums, merged percentiles, what
 * is missing, the rows of others, and that thinning changes nothing of it. */
#include "tests/unit/history/fixture.h"

#include "history/journal.h"
#include "history/range.h"
#include "history/thin.h"

#include <math.h>

#define TICK_MS 20000
#define TICKS 720 /* four hours */
#define HOUR_MS INT64_C(3600000)

static struct place place;

/* What tick `i` of node 0 or 1 says of v2; v1 has nothing but memory. */
static int64_t failed_at(int node, int64_t i)
{
	return node == 0 ? i % 4 : 0;
}

static void put(struct history *h, const char *pool_id, int node, int64_t tick, bool histograms)
{
	struct history_sample s = {.tick = tick};
	struct histogram latency = {{0}};
	struct arm_sample *v2 = &s.sample.arms[ARM_V2];

	text_copy(s.pool_id, sizeof s.pool_id, pool_id);
	snprintf(s.node_id, sizeof s.node_id, "%.32s-%d", pool_id, node);
	s.sample.at = (struct instant){tick, T0 + tick * TICK_MS};
	s.sample.interval_ms = TICK_MS;
	int64_t *numbers = (int64_t *)(void *)s.sample.arms;
	for (size_t i = 0; i < sizeof(s.sample.arms) / (sizeof *numbers); i++)
		numbers[i] = UNKNOWN;
	for (int f = 0; f < FAILURE_COUNT; f++)
		v2->failed[f] = 0;
	v2->failed[FAILURE_TIMEOUT] = failed_at(node, tick);
	v2->ok = 10 - failed_at(node, tick);
	v2->memory_bytes = s.sample.arms[ARM_V1].memory_bytes = 1000 * (node + 1) + tick;
	histogram_add(&latency, node == 0 ? 1000 : 9000, 10);
	v2->p50_us = v2->p95_us = v2->p99_us = node == 0 ? 1000 : 9000;
	s.latency[ARM_V2] = histograms ? &latency : NULL;
	history_sample(h, &s);
}

/* Two nodes; the second is away between ticks 100 and 199; another pool beside them. */
static int set_up(void **state)
{
	struct history *h;

	(void)state;
	place_make(&place);
	h = start_opened(&place, "kim@ops1");
	history_recording(h, T0, TICK_MS, "0.1", "ops1", "{}", "{}");
	for (int64_t i = 0; i < TICKS; i++) {
		put(h, "other", 0, i, true);
		put(h, "pool-1", 0, i, i != 3);
		if (i < 100 || i >= 200)
			put(h, "pool-1", 1, i, true);
	}
	settle(h);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	place_clean(&place);
	return 0;
}

static struct range_request request(int64_t from_ms, int64_t step_ms, int columns)
{
	struct range_request r = {
		.number = 7, .from_ms = from_ms, .step_ms = step_ms, .columns = columns};

	text_copy(r.pool_id, sizeof r.pool_id, "pool-1");
	return r;
}

static struct range read_range(const struct range_request *what)
{
	struct range_file *f = NULL;
	struct range r;
	struct err err = {0};

	if (range_open(&f, place.path, &err) < 0 || range_read(f, what, &r, &err) < 0)
		fail_msg("W%d %s", err.code, err.text);
	range_close(f);
	assert_int_equal(r.of.number, 7);
	assert_non_null(r.column);
	return r;
}

static void assert_near(double a, double b)
{
	if (!(fabs(a - b) <= fabs(b) * 0.01))
		fail_msg("%g is not %g", a, b);
}

static bool unknown(const struct range *r, int column, int metric)
{
	return isnan(r->column[column].value[ARM_V2][metric]);
}

static void a_column_adds_up_nodes_and_time(void **state)
{
	const struct range_request what = request(T0 + 4 * TICK_MS, 4 * TICK_MS, 2);
	struct range r = read_range(&what);

	(void)state;
	assert_int_equal(r.since_ms, T0);
	for (int c = 0; c < 2; c++) {
		const double *v2 = r.column[c].value[ARM_V2], *v1 = r.column[c].value[ARM_V1];

		assert_near(v2[RANGE_ERRORS], 6.0 / 80);
		assert_near(v2[RANGE_P50], 1000); /* half of them, by the merged histogram */
		assert_near(v2[RANGE_P95], 9000);
		assert_near(v2[RANGE_P99], 9000);
		assert_near(v2[RANGE_MEMORY], 3000 + 2 * (7 + 4 * c));
		assert_near(v1[RANGE_MEMORY], v2[RANGE_MEMORY]);
		assert_true(isnan(v1[RANGE_ERRORS]) && isnan(v1[RANGE_P50]) && isnan(v1[RANGE_P99]));
	}
	range_release(&r);
}

static void what_is_missing_is_not_known(void **state)
{
	const struct range_request before = request(T0 - 3 * TICK_MS, TICK_MS, 4);
	const struct range_request away = request(T0 + 150 * TICK_MS, TICK_MS, 1);
	const struct range_request behind = request(T0 + (TICKS - 1) * TICK_MS, TICK_MS, 3);
	struct range r = read_range(&before);

	(void)state;
	for (int c = 0; c < 3; c++)
		for (int m = 0; m < RANGE_COUNT; m++)
			assert_true(unknown(&r, c, m));
	assert_near(r.column[3].value[ARM_V2][RANGE_ERRORS], 0);
	range_release(&r);
	r = read_range(&away);
	assert_near(r.column[0].value[ARM_V2][RANGE_P99], 1000);
	assert_near(r.column[0].value[ARM_V2][RANGE_MEMORY], 1150);
	range_release(&r);
	r = read_range(&behind);
	assert_false(unknown(&r, 0, RANGE_ERRORS));
	assert_true(unknown(&r, 1, RANGE_ERRORS));
	range_release(&r);
}

static void without_histograms_the_worst_stands(void **state)
{
	const struct range_request what = request(T0 + 3 * TICK_MS, TICK_MS, 1);
	struct range r = read_range(&what);

	(void)state;
	/* node 0 has none at tick 3; node 1's is there */
	assert_near(r.column[0].value[ARM_V2][RANGE_P50], 9000);
	assert_near(r.column[0].value[ARM_V2][RANGE_ERRORS], 3.0 / 20);
	range_release(&r);
}

static void nothing_is_read_from_then_on(void **state)
{
	struct range_request what = request(T0, 10 * TICK_MS, 2);
	struct range r;

	(void)state;
	what.until_ms = T0 + 4 * TICK_MS;
	r = read_range(&what);
	assert_near(r.column[0].value[ARM_V2][RANGE_ERRORS], 6.0 / 80);
	assert_true(isnan(r.column[1].value[ARM_V2][RANGE_ERRORS]));
	range_release(&r);
}

static void a_pool_that_was_never_seen_has_no_beginning(void **state)
{
	struct range_request what = request(T0, TICK_MS, 3);
	struct range r;

	(void)state;
	text_copy(what.pool_id, sizeof what.pool_id, "nobody");
	r = read_range(&what);
	assert_true(r.since_ms == UNKNOWN);
	assert_true(isnan(r.column[0].value[ARM_V1][RANGE_MEMORY]));
	range_release(&r);
}

static bool nobody(void *ctx)
{
	(void)ctx;
	return false;
}

static void thin_all_but_an_hour(void)
{
	const struct thin_how how = {HOUR_MS, INT64_C(1) << 40};
	struct journal j;
	struct err err = {0};
	bool more = true;

	if (journal_open(&j, place.path, "kim@ops1", place.keys, false, &err) < 0)
		fail_msg("%s", err.text);
	struct thin *t = thin_new(&j, &how);
	const struct thin_now now = {1000, T0 + 4 * HOUR_MS, 1 << 20};

	for (int i = 0; more && i < 100000; i++)
		assert_int_equal(thin_work(t, &now, nobody, NULL, &more, &err), SCHEMA_OK);
	assert_false(more);
	thin_free(t);
	journal_close(&j);
	assert_true(ask(place.path, "SELECT count(*) FROM rollup") > 100);
}

static bool same(double a, double b)
{
	return (isnan(a) && isnan(b)) || a == b;
}

/* But for the tick whose percentiles had no histogram behind them. */
static void thinning_changes_nothing(void **state)
{
	const struct range_request what = request(T0 + 60000, 60000, TICKS * TICK_MS / 60000 - 1);
	struct range before = read_range(&what), after;

	(void)state;
	thin_all_but_an_hour();
	after = read_range(&what);
	for (int c = 1; c < what.columns; c++)
		for (int a = 0; a < ARM_COUNT; a++)
			for (int m = 0; m < RANGE_COUNT; m++)
				if (!same(before.column[c].value[a][m], after.column[c].value[a][m]))
					fail_msg("column %d, metric %d: %g, before %g", c, m,
						after.column[c].value[a][m], before.column[c].value[a][m]);
	range_release(&before);
	range_release(&after);
	/* a minute fills the shorter columns that it covers, also those it began before */
	const struct range_request shorter = request(T0 + 120000 + 30000, 15000, 4);
	struct range r = read_range(&shorter);

	for (int c = 0; c < 4; c++)
		assert_false(unknown(&r, c, RANGE_ERRORS));
	range_release(&r);
}

static void wait_series(struct history *h, struct history_answer *a)
{
	wait_kind(h, HISTORY_SERIES, a);
	assert_non_null(a->range);
	assert_int_equal(a->range->of.number, 7);
}

static void the_reader_answers(void **state)
{
	const struct range_request what = request(T0, TICK_MS, 8);
	struct history *h = start(&place, "kim@ops1");
	struct history_answer a;

	(void)state;
	history_series(h, &what);
	wait_series(h, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_near(a.range->column[1].value[ARM_V2][RANGE_ERRORS], 1.0 / 20);
	history_answer_release(&a);
	settle(h);
	/* a file that is none: an answer all the same */
	FILE *f = fopen(place.path, "w");
	assert_non_null(f);
	fputs("this is no history, and long enough to be looked at as one", f);
	fclose(f);
	h = start(&place, "kim@ops1");
	history_series(h, &what);
	for (;;) {
		next_answer(h, &a);
		if (a.kind == HISTORY_SERIES)
			break;
		history_answer_release(&a);
	}
	assert_int_not_equal(a.err.code, ERR_NONE);
	assert_null(a.range->column);
	history_answer_release(&a);
	history_stop(h, DEADLINE_MS);
}

static void edit(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(place.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* A file may come from anybody. */
static void hostile_rows_are_survived(void **state)
{
	const struct range_request what = request(T0, TICK_MS, 8);
	struct range r;

	(void)state;
	edit("DROP TRIGGER sample_stays;"
		 "UPDATE sample SET ok = 9223372036854775807, failed_timeout = 9223372036854775807,"
		 " latency = x'ffffffffff', memory_bytes = -5, p99_us = NULL");
	r = read_range(&what);
	assert_true(isnan(r.column[0].value[ARM_V2][RANGE_ERRORS]));
	assert_true(isnan(r.column[0].value[ARM_V2][RANGE_P99]));
	range_release(&r);
	edit("DROP TABLE rollup");
	r = read_range(&what);
	assert_near(r.column[0].value[ARM_V2][RANGE_P50], 9000);
	range_release(&r);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_column_adds_up_nodes_and_time),
		CASE(what_is_missing_is_not_known),
		CASE(without_histograms_the_worst_stands),
		CASE(nothing_is_read_from_then_on),
		CASE(a_pool_that_was_never_seen_has_no_beginning),
		CASE(thinning_changes_nothing),
		CASE(the_reader_answers),
		CASE(hostile_rows_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
