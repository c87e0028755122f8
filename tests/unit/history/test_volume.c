/* volume: how large, how fast, until when; and files that have nothing to say. */
#include "tests/unit/history/fixture.h"

#include "history/thin.h"
#include "history/volume.h"

#define DAY_MS INT64_C(86400000)
#define MB INT64_C(1000000)
#define GB (1000 * MB)

/* A gigabyte a day, so that figures can be done in the head. */
static struct volume site(int64_t used, int64_t age_days)
{
	return (struct volume){.used = used,
		.file = used,
		.disk = UNKNOWN,
		.rows_a_day = 10 * MB,
		.row = 100,
		.minute = 300,
		.interval_ms = 1000,
		.oldest_ms = T0 - age_days * DAY_MS,
		.newest_ms = T0};
}

static double days(int64_t ms)
{
	return ms == UNKNOWN ? -1 : (double)(ms - T0) / (double)DAY_MS;
}

static void assert_days(int64_t ms, double expected)
{
	if (days(ms) < expected - 0.01 || days(ms) > expected + 0.01)
		fail_msg("%.3f days, not %.3f", days(ms), expected);
}

static void grows_in_two_lines(void **state)
{
	struct volume_forecast f;
	struct volume v = site(0, 0);

	(void)state;
	volume_forecast(&f, &v, 14 * DAY_MS, 4 * GB);
	assert_int_equal(f.bytes_a_day, GB);
	assert_days(f.cap_ms, 4);
	assert_int_equal(f.cap_keeps_ms, 4 * DAY_MS);
	assert_int_equal(f.disk_ms, UNKNOWN);
	/* behind the retention only minutes are added: 10 M / 60 * 300 = 50 MB a day */
	volume_forecast(&f, &v, 2 * DAY_MS, 4 * GB);
	assert_days(f.cap_ms, 2 + 40);
	v = site(2 * GB, 2);
	volume_forecast(&f, &v, 2 * DAY_MS, 4 * GB);
	assert_days(f.cap_ms, 40);
	/* longer than anybody looks ahead */
	volume_forecast(&f, &v, 2 * DAY_MS, 1000 * GB);
	assert_int_equal(f.cap_ms, UNKNOWN);
	/* reached already */
	volume_forecast(&f, &v, 2 * DAY_MS, GB);
	assert_days(f.cap_ms, 0);
	/* one sample a minute, or less, is a minute each */
	v.interval_ms = 3600000;
	volume_forecast(&f, &v, 2 * DAY_MS, 8 * GB);
	assert_days(f.cap_ms, 2);
}

static void room_inside_the_file_counts(void **state)
{
	struct volume_forecast f;
	struct volume v = site(GB, 1);

	(void)state;
	v.disk = 2 * GB;
	v.file = 2 * GB;
	volume_forecast(&f, &v, 100 * DAY_MS, 100 * GB);
	assert_days(f.disk_ms, 3);
	v.disk = 0;
	v.file = v.used;
	volume_forecast(&f, &v, 100 * DAY_MS, 100 * GB);
	assert_days(f.disk_ms, 0);
}

static void nothing_known_is_no_forecast(void **state)
{
	struct volume_forecast f;
	struct volume v = site(GB, 1);
	struct text t = {0};

	(void)state;
	v.rows_a_day = UNKNOWN;
	volume_forecast(&f, &v, DAY_MS, 4 * GB);
	assert_int_equal(f.bytes_a_day, UNKNOWN);
	assert_int_equal(f.cap_ms, UNKNOWN);
	assert_false(volume_warning(&t, &v, &f, DAY_MS, 4 * GB));
	volume_words(&t, &v, &f, 4 * GB);
	assert_string_equal(text_str(&t), "1.0 GB of at most 4.0 GB");
	text_free(&t);
}

static void warns_a_week_ahead(void **state)
{
	struct volume_forecast f;
	struct volume v = site(0, 0);
	struct text t = {0};

	(void)state;
	volume_forecast(&f, &v, 14 * DAY_MS, 8 * GB);
	assert_false(volume_warning(&t, &v, &f, 14 * DAY_MS, 8 * GB));
	volume_forecast(&f, &v, 14 * DAY_MS, 4 * GB);
	assert_true(volume_warning(&t, &v, &f, 14 * DAY_MS, 4 * GB));
	assert_string_equal(text_str(&t),
		"the history will have reached its cap of 4.0 GB by 2027-01-19: at 1.0 GB a day it keeps"
		" samples for 4.0 days, not 14.0; raise history_cap");
	text_clear(&t);
	/* a cap that holds all that is to be kept is nothing to warn of */
	volume_forecast(&f, &v, 3 * DAY_MS, 4 * GB);
	assert_false(volume_warning(&t, &v, &f, 3 * DAY_MS, 4 * GB));
	v.disk = 3 * GB;
	volume_forecast(&f, &v, 14 * DAY_MS, 4 * GB);
	assert_true(volume_warning(&t, &v, &f, 14 * DAY_MS, 4 * GB));
	assert_string_equal(text_str(&t),
		"the history fills the disk by 2027-01-18: 3.0 GB are free, it grows by 1.0 GB a day;"
		" make room, or lower history_cap");
	text_clear(&t);
	volume_words(&t, &v, &f, 4 * GB);
	assert_string_equal(
		text_str(&t), "0 B of at most 4.0 GB, 1.0 GB a day: the disk is full on 2027-01-18");
	text_free(&t);
}

static void sizes_in_words(void **state)
{
	static const struct {
		int64_t bytes;
		const char *words;
	} cases[] = {{0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {1540, "1.5 kB"},
		{15400, "15 kB"}, {999600, "1.0 MB"}, {123456789, "123 MB"}, {4 * GB, "4.0 GB"}};
	char out[24];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		volume_bytes(out, sizeof out, cases[i].bytes);
		assert_string_equal(out, cases[i].words);
	}
}

/* ---- files ---- */

static void a_file_is_measured(void **state)
{
	struct histogram *latency = mem_new(1, sizeof *latency);
	struct volume_forecast f;
	struct volume v;
	struct place p;
	struct history *h;
	struct err err;
	int64_t rows;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	assert_int_equal(volume_of(&v, p.path, &err), 0);
	assert_int_equal(v.oldest_ms, UNKNOWN);
	assert_int_equal(v.rows_a_day, UNKNOWN);
	histogram_add(latency, 1000, 7);
	history_recording(h, T0, 10000, "0.1", "ops1", "{}", "{}");
	for (int64_t tick = 0; tick <= 360; tick++) {
		struct history_sample s = {.pool_id = "pool-1", .node_id = "n-1", .tick = tick};

		s.sample.at = (struct instant){tick, T0 + tick * 10000};
		s.sample.interval_ms = 10000;
		for (int a = 0; a < ARM_COUNT; a++) {
			s.sample.arms[a].requests = 100000;
			s.latency[a] = latency;
		}
		history_sample(h, &s);
	}
	settle(h);
	free(latency);
	assert_int_equal(volume_of(&v, p.path, &err), 0);
	assert_int_equal(v.oldest_ms, T0);
	assert_int_equal(v.newest_ms, T0 + 3600000);
	assert_int_equal(v.interval_ms, 10000);
	rows = ask(p.path, "SELECT count(*) FROM sample");
	/* an hour of it is a 24th of a day */
	assert_in_range(v.rows_a_day, rows * 23, rows * 25);
	assert_in_range(v.row, 60, 120);
	assert_true(v.used > rows * v.row && v.used <= v.file);
	assert_true(v.disk > 0);
	volume_forecast(&f, &v, THIN_KEEP_MS, THIN_CAP_BYTES);
	assert_int_equal(f.bytes_a_day, v.rows_a_day * v.row);
	assert_int_equal(volume_of(&v, "/nonexistent/history.db", &err), -1);
	place_clean(&p);
}

/* Samples of every ten seconds, for so many ticks from the recording's start. */
static void record(const struct place *p, int64_t from_ms, int64_t ticks)
{
	struct history *h = start_opened(p, "kim@ops1");

	history_recording(h, from_ms, 10000, "0.1", "ops1", "{}", "{}");
	for (int64_t tick = 0; tick <= ticks; tick++) {
		struct history_sample s = {.pool_id = "pool-1", .node_id = "n-1", .tick = tick};

		s.sample.at = (struct instant){tick, from_ms + tick * 10000};
		s.sample.interval_ms = 10000;
		history_sample(h, &s);
	}
	settle(h);
}

/* Nobody recorded for three days: what came behind that is a day's only from its own start. */
static void a_pause_is_no_growth(void **state)
{
	const int64_t expected = 2 * 8640;
	struct volume v;
	struct place p;
	struct err err;

	(void)state;
	place_make(&p);
	record(&p, T0, 360);
	assert_int_equal(volume_of(&v, p.path, &err), 0);
	assert_in_range(v.rows_a_day, expected * 9 / 10, expected * 11 / 10);
	record(&p, T0 + 3 * DAY_MS, 120);
	assert_int_equal(volume_of(&v, p.path, &err), 0);
	assert_in_range(v.rows_a_day, expected * 9 / 10, expected * 11 / 10);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_in_two_lines),
		cmocka_unit_test(room_inside_the_file_counts),
		cmocka_unit_test(nothing_known_is_no_forecast),
		cmocka_unit_test(warns_a_week_ahead),
		cmocka_unit_test(sizes_in_words),
		cmocka_unit_test(a_file_is_measured),
		cmocka_unit_test(a_pause_is_no_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
