/* Window: what falls out when, sums and quantiles against all that was added within the slices.
 */
#include "model/window.h"

#include "model/mem.h"
#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_MS 60000
#define SLICE_MS (LENGTH_MS / WINDOW_SLICES)

static int setup(void **state)
{
	struct window *w = mem_new(1, sizeof *w);
	window_init(w, LENGTH_MS);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	window_release(*state);
	free(*state);
	return 0;
}

static struct arm_sample work(int64_t ok, int64_t failed)
{
	return (struct arm_sample){.ok = ok, .failed_total = failed, .memory_bytes = 1000 + ok};
}

static void add(struct window *w, int64_t now_ms, int64_t ok, int64_t failed)
{
	struct arm_sample s = work(ok, failed);
	window_add(w, now_ms, 1000, &s, NULL);
}

static struct guard_window sum_at(struct window *w, int64_t now_ms)
{
	struct guard_window g;
	window_sum(w, now_ms, &g);
	return g;
}

static void test_empty(void **state)
{
	struct window *w = *state;
	struct guard_window g = sum_at(w, 5000);
	assert_true(g.done == 0 && g.failed == 0 && g.covered_ms == 0);
	assert_true(g.p99_us == UNKNOWN && g.memory_bytes == UNKNOWN);
	assert_true(sum_at(w, 5000).p50_us == UNKNOWN);
}

static void test_a_slice_falls_out_when_its_time_has_gone(void **state)
{
	struct window *w = *state;
	add(w, 0, 8, 2);
	for (int64_t now = 0; now < LENGTH_MS; now += 999)
		assert_true(sum_at(w, now).done == 10 && sum_at(w, now).failed == 2);
	assert_true(sum_at(w, LENGTH_MS - 1).done == 10);
	assert_true(sum_at(w, LENGTH_MS).done == 0);
	assert_true(sum_at(w, LENGTH_MS).covered_ms == 0);
	/* the gauge is the newest, whatever its age: freshness is drawn beside it */
	assert_true(sum_at(w, LENGTH_MS).memory_bytes == 1008);
}

static void test_slices_fall_out_one_by_one(void **state)
{
	struct window *w = *state;
	for (int i = 0; i < WINDOW_SLICES; i++)
		add(w, i * SLICE_MS + SLICE_MS / 2, 1 << i, 0);
	int64_t left = (1 << WINDOW_SLICES) - 1;
	assert_true(sum_at(w, LENGTH_MS - 1).done == left);
	for (int i = 0; i < WINDOW_SLICES; i++) {
		left -= 1 << i;
		assert_true(sum_at(w, LENGTH_MS + i * SLICE_MS).done == left);
	}
}

static void test_a_slot_is_used_anew(void **state)
{
	struct window *w = *state;
	struct histogram *slow = mem_new(1, sizeof *slow), *fast = mem_new(1, sizeof *fast);
	struct arm_sample s = work(100, 0);
	histogram_add(slow, 900000, 100);
	histogram_add(fast, 1000, 100);
	window_add(w, 0, 1000, &s, slow);
	assert_true(sum_at(w, 0).p50_us == histogram_quantile_us(slow, 0.5));
	window_add(w, LENGTH_MS, 1000, &s, fast); /* the same slot, a minute later */
	assert_true(sum_at(w, LENGTH_MS).done == 100);
	assert_true(sum_at(w, LENGTH_MS).p99_us == histogram_quantile_us(fast, 0.99));
	/* and after a long silence, nothing of before */
	assert_true(sum_at(w, 100 * LENGTH_MS).done == 0);
	assert_true(sum_at(w, 100 * LENGTH_MS).p99_us == UNKNOWN);
	free(slow);
	free(fast);
}

static void test_missing_latencies(void **state)
{
	struct window *w = *state;
	struct histogram *h = mem_new(1, sizeof *h);
	struct arm_sample s = work(50, 0);
	window_add(w, 0, 1000, &s, NULL);
	assert_true(sum_at(w, 0).done == 50 && sum_at(w, 0).p99_us == UNKNOWN);
	window_add(w, 0, 1000, &s, h); /* there, but of nothing */
	assert_true(sum_at(w, 0).p99_us == UNKNOWN);
	struct arm_sample idle = s;
	idle.p50_us = UNKNOWN;
	window_add(w, 0, 1000, &idle, h); /* and said to be so */
	assert_true(sum_at(w, 0).done == 150 && sum_at(w, 0).p99_us == UNKNOWN);
	histogram_add(h, 2000, 50);
	window_add(w, 1000, 1000, &s, h);
	assert_true(sum_at(w, 1000).done == 200);
	assert_true(sum_at(w, 1000).p99_us == histogram_quantile_us(h, 0.99));
	/* nothing done since: what the window holds stays, until it has gone */
	window_add(w, 2000, 1000, &idle, h);
	assert_true(sum_at(w, 2000).p99_us == histogram_quantile_us(h, 0.99));
	assert_true(sum_at(w, 2 * LENGTH_MS).p99_us == UNKNOWN);
	free(h);
}

static void test_memory_is_the_newest(void **state)
{
	struct window *w = *state;
	add(w, 0, 1, 0);
	add(w, 1000, 7, 0);
	assert_true(sum_at(w, 1000).memory_bytes == 1007);
	struct arm_sample s = work(1, 0);
	s.memory_bytes = UNKNOWN;
	window_add(w, 2000, 1000, &s, NULL);
	assert_true(sum_at(w, 2000).memory_bytes == UNKNOWN);
}

static void test_clear_forgets(void **state)
{
	struct window *w = *state;
	struct histogram *h = mem_new(1, sizeof *h);
	struct arm_sample s = work(10, 1);
	histogram_add(h, 5000, 11);
	window_add(w, 0, 1000, &s, h);
	window_clear(w);
	struct guard_window g = sum_at(w, 0);
	assert_true(g.done == 0 && g.p99_us == UNKNOWN && g.memory_bytes == UNKNOWN);
	window_add(w, 0, 1000, &s, NULL);
	assert_true(sum_at(w, 0).done == 11);
	assert_true(sum_at(w, 0).p99_us == UNKNOWN);
	free(h);
}

/* Against a list of everything that was added. */
static void test_sums_and_quantiles_of_random_work(void **state)
{
	struct window *w = *state;
	enum { COUNT = 400 };
	struct {
		int64_t at_ms, done, failed, covered_ms;
		struct histogram h;
		bool has;
	} *all = mem_new(COUNT, sizeof *all);
	struct histogram *merged = mem_new(1, sizeof *merged);
	uint64_t seed = 7;
	int64_t now = 12345;
	for (int i = 0; i < COUNT; i++) {
		now += seeded_below(&seed, 20) ? seeded_below(&seed, 3000) : seeded_below(&seed, 90000);
		struct arm_sample s = work(seeded_below(&seed, 100), seeded_below(&seed, 5));
		int64_t interval = 900 + seeded_below(&seed, 200);
		all[i].at_ms = now;
		all[i].done = s.ok + s.failed_total;
		all[i].failed = s.failed_total;
		all[i].covered_ms = interval;
		all[i].has = seeded_below(&seed, 4);
		for (int k = 0; all[i].has && k < 5; k++)
			histogram_add(&all[i].h, seeded_below(&seed, 2000000), 1 + seeded_below(&seed, 9));
		window_add(w, now, interval, &s, all[i].has ? &all[i].h : NULL);
		int64_t done = 0, failed = 0, covered = 0, seen = now + seeded_below(&seed, 15000);
		memset(merged, 0, sizeof *merged);
		for (int k = 0; k <= i; k++) {
			if (all[k].at_ms / SLICE_MS + WINDOW_SLICES <= seen / SLICE_MS)
				continue;
			done += all[k].done;
			failed += all[k].failed;
			covered += all[k].covered_ms;
			histogram_merge(merged, &all[k].h);
		}
		struct guard_window g = sum_at(w, seen);
		assert_true(g.done == done && g.failed == failed && g.covered_ms == covered);
		assert_true(g.p99_us == histogram_quantile_us(merged, 0.99));
		assert_true(sum_at(w, seen).p50_us == histogram_quantile_us(merged, 0.5));
		assert_true(sum_at(w, seen).p95_us == histogram_quantile_us(merged, 0.95));
		/* a later look does not take a turn back */
		now = seen;
	}
	free(merged);
	free(all);
}

static void test_a_window_shorter_than_its_slices(void **state)
{
	(void)state;
	struct window w;
	window_init(&w, 3);
	add(&w, 100, 5, 0);
	assert_true(sum_at(&w, 100).done == 5);
	assert_true(sum_at(&w, 106).done == 0);
	window_release(&w);
}

#define WINDOW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WINDOW(test_empty),
		WINDOW(test_a_slice_falls_out_when_its_time_has_gone),
		WINDOW(test_slices_fall_out_one_by_one),
		WINDOW(test_a_slot_is_used_anew),
		WINDOW(test_missing_latencies),
		WINDOW(test_memory_is_the_newest),
		WINDOW(test_clear_forgets),
		WINDOW(test_sums_and_quantiles_of_random_work),
		cmocka_unit_test(test_a_window_shorter_than_its_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
