/* inspection: some moments of a file that is too large for all of it. */
#include "tests/unit/history/checkpoint_bed.h"

/* ---- some moments of a file that is too large for all of it ---- */

static struct chain_report near(
	const char *path, const int64_t *ticks, size_t count, int64_t rows_max)
{
	int64_t moments[4];
	struct chain_report report;
	struct err err = {0};

	for (size_t i = 0; i < count; i++)
		moments[i] = T0 + ticks[i] * 1000;
	const struct chain_scope scope = {
		.moments_ms = moments, .moment_count = count, .rows_max = rows_max};

	if (inspection_end(inspection_begin(path, &scope), &report, &err) < 0)
		fail_msg("W%d %s", err.code, err.text);
	return report;
}
#define NEAR(path, rows_max, ...) \
	near(path, (const int64_t[]){__VA_ARGS__}, \
		sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), rows_max)

/* Ticks 0 to 1399 of one node and late ones of another: all under three checkpoints. */
static void late_file(struct place *p)
{
	struct history *h;

	place_make(p);
	h = start_opened(p, "kim@ops1");
	begin(h);
	for (int64_t i = 0; i < 1400; i++)
		put_sample(h, "n-1", i);
	for (int64_t i = 30; i < 40; i++)
		put_sample(h, "n-2", i);
	settle(h);
}

enum { ALL_ROWS = 2 * 1410 };

static void checkpoints_of_moments(void **state)
{
	struct place p;
	struct chain_report r;

	(void)state;
	late_file(&p);
	/* small enough for all of it */
	r = NEAR(p.path, ALL_ROWS, 100);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.samples, ALL_ROWS);
	assert_int_equal(r.samples_left, 0);
	assert_int_equal(r.checkpoints_read, r.checkpoints);
	/* one, whatever its size; a second that has no room */
	r = NEAR(p.path, 1, 100, 100, 1399);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.checkpoints_read, 1);
	assert_true(r.samples > 0);
	assert_int_equal(r.samples + r.samples_left, ALL_ROWS);
	assert_int_equal(r.samples_open, 0);
	/* more of them, with the late rows that one of them names */
	r = NEAR(p.path, ALL_ROWS - 1, 100, 1300, 1399);
	assert_int_equal(r.broken_seq, 0);
	assert_true(r.checkpoints_read > 1);
	assert_int_equal(r.samples + r.samples_left, ALL_ROWS);
	/* before and behind all of them there is none */
	r = NEAR(p.path, 1, -5000, 500000);
	assert_int_equal(r.broken_seq, 0);
	assert_int_equal(r.checkpoints_read, 0);
	assert_int_equal(r.samples_left, ALL_ROWS);
	place_clean(&p);
}

static void what_is_wrong_there_is_found(void **state)
{
	struct place p;
	struct chain_report r;
	int64_t key;

	(void)state;
	late_file(&p);
	edit(p.path,
		"DROP TRIGGER sample_stays; UPDATE sample SET requests = requests + 1"
		" WHERE series = 1 AND key = (SELECT min(key) FROM sample WHERE series = 1)");
	key = ask(p.path, "SELECT min(key) FROM sample WHERE series = 1");
	r = NEAR(p.path, 1, 100);
	assert_true(r.broken_seq > 0);
	assert_string_equal(r.table, "sample");
	assert_in_range(key, r.first_key, r.last_key);
	/* elsewhere nobody looked, and that is said */
	r = NEAR(p.path, 1, 1399);
	assert_int_equal(r.broken_seq, 0);
	assert_true(r.samples_left > 0);
	assert_true(verified(p.path, NULL).broken_seq > 0);
	place_clean(&p);

	late_file(&p);
	edit(p.path,
		"DROP TRIGGER sample_kept; DELETE FROM sample WHERE key ="
		" (SELECT max(key) FROM sample)");
	assert_true(NEAR(p.path, 1, 1399).broken_seq > 0);
	assert_int_equal(NEAR(p.path, 1, 100).broken_seq, 0);
	place_clean(&p);

	/* the rows of the chain are all looked at */
	late_file(&p);
	edit(p.path, "DROP TRIGGER event_stays; UPDATE event SET text = 'x' WHERE kind = 'end'");
	r = NEAR(p.path, 1, 100);
	assert_string_equal(r.table, "event");
	place_clean(&p);
}

static void a_file_that_is_not_there_is_no_crash(void **state)
{
	const struct chain_scope scope = {.rows_max = 1};
	struct chain_report r;
	struct err err = {0};

	(void)state;
	assert_int_equal(
		inspection_end(inspection_begin("/nowhere/night.db", &scope), &r, &err), -1);
	assert_true(err.code != ERR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checkpoints_of_moments),
		cmocka_unit_test(what_is_wrong_there_is_found),
		cmocka_unit_test(a_file_that_is_not_there_is_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
