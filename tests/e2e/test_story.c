/* The story: a pool under real traffic, a recorder, and a person at the console who steps to 50
 * %, sees v2 fail, and rolls back. Then what every file and command says of it. Real processes,
 * nothing sleeps. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/binomial.h"
#include "tests/lib/glass.h"
#include "tests/lib/traffic.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE 200
#define SESSIONS 2000
#define SEEN 500      /* distinct sessions that a share is measured by */
#define STEP_MS 20000 /* bake and samples of one step, on a busy machine */
#define ACTOR "kim@e2e"

struct story {
	struct world w;
	struct glass g;
	struct traffic *traffic;
	struct process record;
	char recording[WORLD_PATH];
};

static int set_up(void **state)
{
	static struct story s;
	memset(&s, 0, sizeof s);
	world_open(&s.w);
	*state = &s;
	return 0;
}

static int tear_down(void **state)
{
	struct story *s = *state;
	traffic_stop(s->traffic);
	glass_close(&s->g);
	process_release(&s->record);
	world_close(&s->w);
	return 0;
}

/* ---- a share against its interval ---- */

static void check_share(struct story *s, int share_bp)
{
	struct traffic_seen seen;
	traffic_mark(s->traffic);
	assert_true(traffic_wait(s->traffic, SEEN, STEP_MS));
	traffic_seen(s->traffic, &seen);
	int n = seen.sessions[0] + seen.sessions[1];
	printf("share %d bp: %d of %d sessions on v2, %d answers, %d lost\n", share_bp,
		seen.sessions[1], n, seen.requests, seen.lost);
	assert_int_equal(seen.torn, 0); /* sticky: none was served by both */
	assert_int_equal(seen.lost, 0);
	assert_int_equal(world_fact(&s->w, "share_bp"), share_bp);
	assert_true(binomial_holds(n, seen.sessions[1], share_bp / 10000.0));
}

/* ---- at the console ---- */

/* S, a look until the sheet takes it, y. */
static void step_by_keys(struct story *s, const char *to, int share_bp)
{
	char text[48];
	snprintf(text, sizeof text, "y step to %s", to);
	assert_true(glass_press(&s->g, "S"));
	assert_true(glass_wait(&s->g, text, "k", STEP_MS));
	assert_true(glass_press(&s->g, "y"));
	assert_true(glass_wait(&s->g, "step: VERIFIED", "o", 5000));
	snprintf(text, sizeof text, "at %s", to);
	assert_true(glass_wait(&s->g, text, NULL, 5000));
	check_share(s, share_bp);
	assert_true(glass_agrees(&s->g, 2000));
}

/* Until the pool itself says that its guard holds. */
static void pool_holds(struct story *s)
{
	bool holds = false;
	for (int64_t end_ms = process_clock_ms() + STEP_MS; !holds;) {
		assert_true(process_clock_ms() < end_ms);
		assert_int_equal(process_wait(&s->w.pool, 20), -1);
		cJSON *now = world_state(&s->w);
		holds = strcmp(world_word(now, "hold.actor"), "pool") == 0;
		cJSON_Delete(now);
	}
}

static void fail_v2(struct story *s)
{
	assert_int_equal(http_call(&s->w.http, "POST", "/v1/faults", NULL,
						 "{\"arm\":\"v2\",\"error_rate\":0.3}", 5000),
		200);
	/* Told twice, by word and colour: what says so is drawn in the role of failing. */
	assert_true(glass_wait(&s->g, "v2 is worse", "f", STEP_MS));
	assert_true(glass_wait(&s->g, "RED ", "f", 5000));
	/* The pool's own guard holds, as it was told to: the rest is a person's. What this console
	 * saw first, the limit or the hold, is a matter of which poll came between. */
	pool_holds(s);
	assert_true(glass_wait(&s->g, "HELD by pool", NULL, 5000));
	assert_true(glass_agrees(&s->g, 2000));
}

static void roll_back(struct story *s)
{
	assert_true(glass_press(&s->g, "R"));
	assert_true(glass_wait(&s->g, "y roll back now", "k", 5000));
	assert_true(glass_press(&s->g, "y"));
	assert_true(glass_wait(&s->g, "rollback: VERIFIED", "o", 5000));
	assert_true(glass_wait(&s->g, "ROLLED BACK to 0 %", NULL, 5000));
	/* Traffic goes on, v2's count does not. */
	cJSON *before = world_state(&s->w);
	traffic_mark(s->traffic);
	assert_true(traffic_wait(s->traffic, 100, STEP_MS));
	cJSON *after = world_state(&s->w);
	assert_int_equal(
		world_number(after, "arms.v2.requests"), world_number(before, "arms.v2.requests"));
	assert_true(world_number(after, "arms.v1.requests") >=
		world_number(before, "arms.v1.requests") + 90);
	assert_int_equal(world_number(after, "share_bp"), 0);
	cJSON_Delete(before);
	cJSON_Delete(after);
}

/* Until somebody else has read a document that is younger than now: the recorder. */
static void recorder_has_seen(struct story *s)
{
	int64_t first = world_fact(&s->w, "seq"), own = 0, now;
	int64_t end_ms = process_clock_ms() + 5000;
	do {
		assert_true(process_clock_ms() < end_ms);
		assert_int_equal(process_wait(&s->record, 20), -1);
		now = world_fact(&s->w, "seq");
		own++;
	} while (now - first - own < 2);
}

/* ---- what was recorded ---- */

static const struct {
	const char *verb;
	int from_bp, to_bp;
} told[] = {{"step", 0, 100}, {"step", 100, 1000}, {"step", 1000, 5000}, {"rollback", 5000, 0}};
#define TOLD (int)(sizeof told / sizeof *told)

/* What happens around them: the plan is armed, raises are kept, the pool holds. */
static bool is_told(const cJSON *d)
{
	return strcmp(world_word(d, "verb"), "step") == 0 ||
		strcmp(world_word(d, "verb"), "rollback") == 0;
}

/* How many there are of a verb by somebody. */
static int others(const cJSON *log, const char *verb, const char *actor)
{
	const cJSON *d;
	int n = 0;
	cJSON_ArrayForEach(d, log) n += strcmp(world_word(d, "verb"), verb) == 0 &&
		strcmp(world_word(d, "actor"), actor) == 0 &&
		strcmp(world_word(d, "outcome"), "APPLIED") == 0;
	return n;
}

static void drop_others(cJSON *log)
{
	for (int i = cJSON_GetArraySize(log); i-- > 0;)
		if (!is_told(cJSON_GetArrayItem(log, i)))
			cJSON_DeleteItemFromArray(log, i);
}

static void check_others(const cJSON *log)
{
	assert_int_equal(others(log, "arm", ACTOR), 1);
	assert_true(others(log, "keep", ACTOR) >= 2); /* by the console, when a bake has passed */
	assert_true(others(log, "hold", "pool") >= 1);
}

static void check_decision(const cJSON *d, int i, bool observed)
{
	assert_string_equal(world_word(d, "verb"), told[i].verb);
	assert_int_equal(world_number(d, "from_bp"), told[i].from_bp);
	assert_int_equal(world_number(d, "to_bp"), told[i].to_bp);
	assert_string_equal(world_word(d, "outcome"), "APPLIED");
	assert_string_equal(world_word(d, "actor"), ACTOR);
	assert_int_equal(strlen(world_word(d, "hash")), 64);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(d, "observed")) == observed);
	/* Only who decided has watched for the effect. */
	if (!observed)
		assert_string_not_equal(world_word(d, "verified_at"), "");
}

static void check_files(struct story *s)
{
	cJSON *own = world_log(&s->w, s->w.history), *seen = world_log(&s->w, s->recording);
	check_others(own);
	check_others(seen);
	drop_others(own);
	drop_others(seen);
	assert_int_equal(cJSON_GetArraySize(own), TOLD);
	assert_int_equal(cJSON_GetArraySize(seen), TOLD);
	for (int i = 0; i < TOLD; i++) {
		const cJSON *a = cJSON_GetArrayItem(own, i), *b = cJSON_GetArrayItem(seen, i);
		check_decision(a, i, false);
		check_decision(b, i, true);
		assert_string_equal(world_word(a, "id"), world_word(b, "id"));
	}
	cJSON_Delete(own);
	cJSON_Delete(seen);
	assert_true(world_verified(&s->w, s->w.history));
	assert_true(world_verified(&s->w, s->recording));
}

/* The replay passes the same decisions and ends with the counts that the pool had. */
static void check_replay(struct story *s, const char *file, bool counts)
{
	struct process p;
	assert_int_equal(
		world_run(&s->w, &p, NULL, ARGS("replay", file, "--headless", "--json")), 0);
	cJSON *lines = world_lines(p.out.text);
	int at = 0;
	const cJSON *line, *last = NULL;
	cJSON_ArrayForEach(line, lines)
	{
		const cJSON *d = cJSON_GetObjectItem(line, "decision");
		last = line;
		if (!cJSON_IsObject(d) || !is_told(d))
			continue;
		assert_true(at < TOLD);
		assert_string_equal(world_word(d, "verb"), told[at].verb);
		assert_int_equal(world_number(d, "to_bp"), told[at].to_bp);
		assert_string_equal(world_word(d, "actor"), ACTOR);
		at++;
	}
	assert_int_equal(at, TOLD);
	assert_non_null(last);
	assert_int_equal(world_number(last, "status.share.reported_bp"), 0);
	if (counts) {
		cJSON *pool = world_state(&s->w);
		assert_int_equal(world_number(last, "status.arms.v1.requests"),
			world_number(pool, "arms.v1.requests"));
		assert_int_equal(world_number(last, "status.arms.v2.requests"),
			world_number(pool, "arms.v2.requests"));
		cJSON_Delete(pool);
	}
	cJSON_Delete(lines);
	process_release(&p);
}

static void test_the_story(void **state)
{
	struct story *s = *state;
	world_pool(&s->w, true, ARGS("--allow-faults", "--unit", "500ms"));
	assert_true(s->w.port > 0);
	world_config(&s->w, s->w.target,
		"    interval: 200ms\n"
		"    plan: {steps: [1%, 10%, 50%, 100%], bake: 1s, min_samples: 5}\n"
		"    guards: {window: 6s, error_rate_threshold: 0.05, action: hold}\n");
	char address[32];
	snprintf(address, sizeof address, "127.0.0.1:%d", s->w.port);
	s->traffic = traffic_start(address, RATE, SESSIONS);
	assert_non_null(s->traffic);
	world_path(&s->w, s->recording, "recording.db");
	struct world_env other = world_env(&s->w, ARGS("WEIR_ACTOR=recorder@e2e"));
	world_start(&s->w, &s->record, &other,
		ARGS("record", "checkout", "--config", s->w.config, "--out", s->recording));
	glass_open(&s->g, &s->w, 80, 24, NULL, ARGS("--config", s->w.config, "checkout"));
	assert_true(glass_wait(&s->g, "LIVE", "o", 10000));
	assert_true(glass_agrees(&s->g, 2000));

	step_by_keys(s, "1 %", 100);
	assert_true(glass_wait(&s->g, "READY for 10 %", "o", STEP_MS));
	step_by_keys(s, "10 %", 1000);
	assert_true(glass_wait(&s->g, "READY for 50 %", "o", STEP_MS));
	step_by_keys(s, "50 %", 5000);
	fail_v2(s);
	roll_back(s);

	traffic_stop(s->traffic);
	s->traffic = NULL;
	pty_send(&s->g.pty, "q");
	assert_int_equal(pty_wait_exit(&s->g.pty, 10000), 0);
	recorder_has_seen(s);
	process_signal(&s->record, SIGINT);
	int status = process_wait(&s->record, 10000);
	assert_true(status == 0 || (status == 3 && strstr(s->record.err.text, "gaps")));
	check_files(s);
	check_replay(s, s->recording, true);
	check_replay(s, s->w.history, false);
	process_signal(&s->w.pool, SIGTERM);
	assert_int_equal(process_wait(&s->w.pool, 10000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_story, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
