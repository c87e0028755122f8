/* Tests of addressable workers that end: restarts and rests, what their mail becomes, many of
 * them, storms, and the end of all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/engine/resident_bed.h"

#include "client/engine/hash.h"

#include <fcntl.h>

#define CALLERS 4

/* The race detector makes each call some ten times as long. */
#ifdef __SANITIZE_THREAD__
#define STORM_CALLS 30000
#else
#define STORM_CALLS 100000
#endif

static void mail_survives_a_crash(void **state)
{
	(void)state;
	bed_start(&(struct residents_options){.threads = 2, .dir = bed_make_dir()});
	call("1", "{\"set\":10}");
	call("1", "{\"persist\":true}");
	call("1", "{\"set\":99}");
	keep_busy("1");
	cast("1", "{\"crash\":true}");
	for (int i = 0; i < 5; i++)
		cast("1", "{\"add\":1}");
	let_all_go();
	assert_string_equal(call("1", "{\"get\":true}"), "{\"value\":15}");
	assert_int_equal(look()->crashed, 1);
	assert_int_equal(seen.counts.restarted, 1);
	assert_int_equal(seen.counts.failed, 2); /* the crash, and the sleep that was ended */
	assert_int_equal(seen.counts.started, 2);
}

static void a_sleeper_can_crash_too(void **state)
{
	(void)state;
	bed_start(&(struct residents_options){0});
	call("1", "{\"hibernate\":true}");
	call("1", "{\"crash\":true}");
	assert_string_equal(call("1", "{\"add\":1}"), "{\"value\":1}");
	look();
	assert_int_equal(rows[0].asleep, 0);
	assert_int_equal(rows[0].down, 0);
	assert_int_equal(seen.workers, 1);
}

/* One restart an hour: the second crash lets the segment rest. */
static void start_brittle(const char *dir)
{
	bed_start(&(struct residents_options){.threads = 2,
		.dir = dir,
		.supervision = {.restarts = 1,
			.window_us = BED_HOUR_US,
			.rest_us = BED_HOUR_US,
			.rest_max_us = BED_HOUR_US},
		.aim = {[AIM_SEGMENT_WORKERS] = {1, 2, 3},
			[AIM_NODE_SEGMENTS] = {2, 3, 4},
			[AIM_NODE_WORKERS] = {10, 20, 40}}});
}

static void exhaust(const char *id)
{
	for (int i = 0; i < 2; i++) {
		call(id, "{\"crash\":true}");
		assert_int_equal(got.status, SEND_DONE);
	}
}

static void a_storm_stays_in_its_segment(void **state)
{
	(void)state;
	start_brittle(NULL);
	for (int i = 0; i < 4; i++) {
		char id[16];
		number(id, i);
		call(id, "{\"add\":1}");
	}
	exhaust("0");
	const int sick = got.at.segment;
	look();
	assert_true(rows[sick].resting);
	assert_int_equal(rows[sick].down, 1);
	assert_int_equal(rows[sick].workers, 2);
	assert_false(rows[!sick].resting);
	assert_true(rows[sick].health < rows[!sick].health);
	for (int i = 1; i < 4; i++) { /* in both segments */
		char id[16];
		number(id, i);
		assert_string_equal(call(id, "{\"add\":1}"), "{\"value\":2}");
	}
	spawn_one("new", SPAWN_LAZY); /* not into the one that rests */
	assert_int_equal(got.at.segment, !sick);
	/* mail is kept, and a caller's deadline is its own */
	cast("0", "{\"add\":7}");
	struct envelope e = bed_envelope("0", "{\"add\":1}", SPAWN_NO);
	e.timeout_ms = 1;
	residents_send(tree, &e, &got);
	assert_int_equal(got.status, SEND_LATE);
	assert_int_equal(look()->queued, 1);
	assert_true(seen.counts.buffered >= 2);
	residents_tick(tree, threads_us() + BED_HOUR_US);
	assert_string_equal(call("0", "{\"get\":true}"), "{\"value\":7}");
	look();
	assert_int_equal(rows[sick].down, 0);
	assert_int_equal(rows[sick].restarted, 2);
	assert_int_equal(rows[sick].crashed, 2);
}

static void several_that_are_down_come_back_as_it_is_allowed(void **state)
{
	(void)state;
	bed_start(&(struct residents_options){.threads = 2,
		.supervision = {.restarts = 2,
			.window_us = BED_HOUR_US,
			.rest_us = BED_HOUR_US,
			.rest_max_us = BED_HOUR_US}});
	for (int i = 0; i < 12; i++) { /* all are there before the first crashes */
		char id[16];
		number(id, i % 6);
		call(id, i < 6 ? "{\"get\":true}" : "{\"crash\":true}");
	}
	UNTIL(rows[0].down == 4);
	residents_tick(tree, threads_us() + BED_HOUR_US + 1000000);
	UNTIL(rows[0].down == 2);
	residents_tick(tree, threads_us() + 3 * BED_HOUR_US);
	UNTIL(rows[0].down == 0 && seen.counts.started == 12);
	assert_int_equal(seen.counts.restarted, 6);
}

static void a_restart_that_fails_tells_its_mail_and_is_tried_again(void **state)
{
	(void)state;
	start_brittle(bed_make_dir());
	exhaust("0");
	UNTIL(rows[got.at.segment].down == 1);
	int fd = openat(tree->dir, "counter@0.json", O_WRONLY | O_CREAT, 0600);
	assert_true(write(fd, "{", 1) == 1 && close(fd) == 0);
	cast("0", "{\"add\":7}");
	residents_tick(tree, threads_us() + BED_HOUR_US);
	UNTIL(seen.counts.failed == 3);
	assert_int_equal(seen.workers, 1); /* it stays registered */
	assert_int_equal(unlinkat(tree->dir, "counter@0.json", 0), 0);
	cast("0", "{\"add\":5}");
	residents_tick(tree, threads_us() + 4 * BED_HOUR_US);
	assert_string_equal(call("0", "{\"get\":true}"), "{\"value\":5}");
}

static void ten_thousand_are_found_served_and_let_go(void **state)
{
	(void)state;
	enum { MANY = 10000 };
	bed_start(&(struct residents_options){
		.nodes = 4, .threads = 2, .aim = {[AIM_SEGMENT_WORKERS] = {100, 300, 500}}});
	for (int i = 0; i < MANY; i++) {
		char id[16];
		number(id, i);
		cast(id, "{\"add\":1}");
	}
	for (int i = 0; i < MANY; i++) {
		char id[16], want[32], message[32];
		number(id, i);
		snprintf(message, sizeof message, "{\"add\":%d}", i);
		snprintf(want, sizeof want, "{\"value\":%d}", i + 1);
		assert_string_equal(call(id, message), want);
	}
	look();
	assert_int_equal(seen.workers, MANY);
	assert_int_equal(seen.counts.done, 2 * MANY);
	assert_true(seen.bytes / MANY < 1024);
	const int64_t segments = (int64_t)seen.segments;
	for (int i = 0; i < MANY; i++) {
		char id[16];
		number(id, i);
		cast(id, "{\"kill\":true}");
	}
	UNTIL(seen.workers == 0);
	assert_int_equal(seen.counts.killed, MANY);
	assert_int_equal(seen.counts.queued, 0);
	assert_int_equal(tree->registry.count, 0);
	assert_int_equal(tree->idle.count + tree->ready.count, 0);
	assert_int_equal(seen.segments, segments);
}

/* ---- many callers ---- */

struct caller {
	pthread_t thread;
	uint64_t random;
	int calls, workers;
	bool gentle; /* only adds */
	int64_t done, failed, others;
};

static const char *next_message(struct caller *c)
{
	static const char *const wild[] = {"{\"kill\":true}", "{\"crash\":true}", "{\"fail\":true}",
		"{\"hibernate\":true}", "{\"fetch\":\"process\"}", "{\"get\":true}"};
	uint64_t n = hash_next(&c->random) % 24;
	return c->gentle || n >= 6 ? "{\"add\":1}" : wild[n];
}

static void *call_on(void *arg)
{
	struct caller *c = arg;
	for (int i = 0; i < c->calls; i++) {
		struct send_answer a;
		char id[16];
		number(id, (int)(hash_next(&c->random) % (uint64_t)c->workers));
		struct envelope e = {
			.spawn = (enum spawn_mode)(SPAWN_LAZY + i % 3), .timeout_ms = 60000};
		(void)ref_of(&e.recipient, "counter", id);
		(void)text_copy(e.message, sizeof e.message, next_message(c));
		residents_send(tree, &e, &a);
		c->done += a.status == SEND_DONE && a.ok;
		c->failed += a.status == SEND_DONE && !a.ok;
		c->others += a.status != SEND_DONE;
	}
	return NULL;
}

/* Runs the callers, looking meanwhile; their tallies are summed up in the first. */
static void run_callers(struct caller callers[CALLERS])
{
	for (int i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&callers[i].thread, NULL, call_on, &callers[i]), 0);
	for (int i = 0; i < 200; i++) {
		look();
		sched_yield();
	}
	for (int i = 0; i < CALLERS; i++) {
		pthread_join(callers[i].thread, NULL);
		look();
	}
	for (int i = 1; i < CALLERS; i++) {
		callers[0].done += callers[i].done;
		callers[0].failed += callers[i].failed;
		callers[0].others += callers[i].others;
	}
}

static void a_hundred_thousand_calls_in_a_storm_are_accounted_for(void **state)
{
	(void)state;
	enum { CALLS = STORM_CALLS, WORKERS = 1000 };
	bed_start(&(struct residents_options){.nodes = 3,
		.threads = 3,
		.supervision = {.restarts = 64, .window_us = 1},
		.aim = {[AIM_SEGMENT_WORKERS] = {10, 50, 100}}});
	struct caller callers[CALLERS];
	for (int i = 0; i < CALLERS; i++)
		callers[i] = (struct caller){
			.random = (uint64_t)i + 1, .calls = CALLS / CALLERS, .workers = WORKERS};
	run_callers(callers);
	UNTIL(seen.counts.queued + seen.counts.running == 0);
	const struct residents_counts *c = &seen.counts;
	assert_int_equal(c->accepted, CALLS);
	assert_int_equal(c->timed_out, 0);
	assert_int_equal(c->done, callers[0].done);
	assert_int_equal(c->failed, callers[0].failed);
	assert_int_equal(callers[0].others, 0);
	assert_true(c->crashed > CALLS / 50 && c->killed > CALLS / 50);
	UNTIL(c->restarted == c->crashed);
	assert_int_equal(c->spawned - c->killed, seen.workers);
	assert_int_equal((int64_t)tree->registry.count, seen.workers);
	/* and back to size: all gone, nothing is left of them */
	for (int i = 0; i < WORKERS; i++) {
		char id[16];
		number(id, i);
		struct envelope e = bed_envelope(id, "{\"kill\":true}", SPAWN_NO);
		residents_send(tree, &e, &got);
		assert_true(got.ok || got.status == SEND_NOT_REGISTERED);
	}
	look();
	assert_int_equal(seen.workers, 0);
	assert_int_equal(tree->registry.count, 0);
	assert_int_equal(tree->idle.count + tree->ready.count, 0);
	for (size_t i = 0; i < seen.segments; i++)
		assert_int_equal(rows[i].workers + rows[i].down + rows[i].asleep, 0);
}

/* Every add is executed once: the sum says so. */
static void no_message_is_executed_twice_or_lost(void **state)
{
	(void)state;
	enum { CALLS = 20000, WORKERS = 7 };
	bed_start(&(struct residents_options){.threads = 3});
	struct caller callers[CALLERS];
	for (int i = 0; i < CALLERS; i++)
		callers[i] = (struct caller){.random = (uint64_t)i + 9,
			.calls = CALLS / CALLERS,
			.workers = WORKERS,
			.gentle = true};
	run_callers(callers);
	int64_t sum = 0;
	for (int i = 0; i < WORKERS; i++) {
		char id[16];
		number(id, i);
		sum += strtoll(call(id, "{\"get\":true}") + strlen("{\"value\":"), NULL, 10);
	}
	assert_int_equal(sum, CALLS);
	assert_int_equal(callers[0].done, CALLS);
}

/* ---- the end ---- */

static void *call_once(void *arg)
{
	struct send_answer *a = arg;
	const struct envelope e = bed_envelope("1", "{\"add\":1}", SPAWN_LAZY);
	residents_send(tree, &e, a);
	return NULL;
}

static void the_end_answers_all_who_wait(void **state)
{
	(void)state;
	pthread_t thread;
	struct send_answer waiting;
	bed_start(&(struct residents_options){.threads = 1});
	keep_busy("1");
	assert_int_equal(pthread_create(&thread, NULL, call_once, &waiting), 0);
	UNTIL(seen.counts.queued == 1);
	residents_end(tree);
	pthread_join(thread, NULL); /* without being stopped */
	spawn_one("2", SPAWN_SYNC);
	assert_int_equal(got.status, SEND_UNAVAILABLE);
	assert_int_equal(waiting.status, SEND_UNAVAILABLE);
	assert_int_equal(waiting.failure, FAILURE_REFUSED);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, bed_end)
	const struct CMUnitTest tests[] = {
		T(mail_survives_a_crash),
		T(a_sleeper_can_crash_too),
		T(a_storm_stays_in_its_segment),
		T(several_that_are_down_come_back_as_it_is_allowed),
		T(a_restart_that_fails_tells_its_mail_and_is_tried_again),
		T(ten_thousand_are_found_served_and_let_go),
		T(a_hundred_thousand_calls_in_a_storm_are_accounted_for),
		T(no_message_is_executed_twice_or_lost),
		T(the_end_answers_all_who_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
