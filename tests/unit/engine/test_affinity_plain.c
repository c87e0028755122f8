/* Tests of affinity: random work on the table against a plain list of what should be in it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/affinity.h"
#include "client/engine/hash.h"

#include <stdio.h>

#define TTL_US 1000
#define SESSIONS 24
#define ROOM 8

static struct {
	int worker; /* -1: none */
	int64_t used_us, order;
} plain[SESSIONS];

static int64_t order;

static void plain_expire(int64_t now_us)
{
	for (int i = 0; i < SESSIONS; i++)
		if (now_us - plain[i].used_us >= TTL_US)
			plain[i].worker = -1;
}

static void plain_bind(int i, int worker, int64_t now_us)
{
	int bound = 0, oldest = -1;
	for (int k = 0; k < SESSIONS; k++) {
		bound += plain[k].worker >= 0;
		if (plain[k].worker >= 0 && (oldest < 0 || plain[k].order < plain[oldest].order))
			oldest = k;
	}
	if (plain[i].worker < 0 && bound == ROOM)
		plain[oldest].worker = -1;
	plain[i].worker = worker;
	plain[i].used_us = now_us;
	plain[i].order = ++order;
}

static void plain_compare(struct affinity *table, int64_t now_us)
{
	int64_t sessions = 0, workers = 0;
	for (int w = 0; w < 5; w++) {
		bool has = false;
		for (int i = 0; i < SESSIONS; i++)
			has |= plain[i].worker == w;
		workers += has;
	}
	for (int i = 0; i < SESSIONS; i++)
		sessions += plain[i].worker >= 0;
	struct affinity_stats s = affinity_stats(table, now_us);
	assert_int_equal(s.sessions, sessions);
	assert_int_equal(s.workers, workers);
}

static void random_work_equals_a_plain_list(void **state)
{
	struct affinity *table = affinity_new(ROOM, TTL_US);
	uint64_t random = 5;
	int64_t now_us = 0;
	(void)state;
	for (int i = 0; i < SESSIONS; i++)
		plain[i].worker = -1;
	for (int n = 0; n < 50000; n++) {
		int i = (int)(hash_next(&random) % SESSIONS), w = (int)(hash_next(&random) % 5);
		char name[16];
		snprintf(name, sizeof name, "s%d", i);
		now_us += (int64_t)(hash_next(&random) % 90);
		plain_expire(now_us);
		switch (hash_next(&random) % 16) {
		case 0:
			assert_int_equal(
				affinity_unbind(table, name) && plain[i].worker >= 0, plain[i].worker >= 0);
			plain[i].worker = -1;
			break;
		case 1:
			affinity_remove_worker(table, w);
			for (int k = 0; k < SESSIONS; k++)
				if (plain[k].worker == w)
					plain[k].worker = -1;
			break;
		case 2:
			affinity_sweep(table, now_us);
			break;
		case 3:
		case 4:
		case 5:
		case 6:
			assert_int_equal(affinity_claim(table, name, w, now_us),
				plain[i].worker < 0 ? w : plain[i].worker);
			plain_bind(i, plain[i].worker < 0 ? w : plain[i].worker, now_us);
			break;
		case 7:
		case 8:
		case 9:
			affinity_bind(table, name, w, now_us);
			plain_bind(i, w, now_us);
			break;
		default:
			assert_int_equal(affinity_get(table, name, now_us), plain[i].worker);
			if (plain[i].worker >= 0)
				plain_bind(i, plain[i].worker, now_us);
		}
		plain_compare(table, now_us);
	}
	struct affinity_stats s = affinity_stats(table, now_us);
	assert_true(s.evicted > 100 && s.expired > 100 && s.removed > 100);
	affinity_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_work_equals_a_plain_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
