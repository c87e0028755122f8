/* A real HAProxy, driven by the command line: shares by a map and by weights, what a reload, a
 * crash, a hand and another weir do to them, and the way back each time. Traffic is real; nothing
 * sleeps. Without HAProxy every case is skipped, saying so. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/drivers.h"
#include "tests/lib/binomial.h"
#include "tests/lib/stand.h"

#include <cjson/cJSON.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct fixture {
	struct stand s;
	char target[4 * WORLD_PATH]; /* of the pool "orders" */
	int session;                 /* the next new one */
};

/* Four pools, which are polled often, so that commands need not wait long for two documents. */
static void write_config(const struct fixture *f)
{
	char text[16 * WORLD_PATH];
	snprintf(text, sizeof text,
		"pools:\n"
		"  orders:\n    target: \"%s\"\n    interval: 100ms\n"
		"  humble:\n    target: \"haproxy:%s?map=%s&key=orders&v1=v1&v2=v2\"\n    interval: 100ms\n"
		"  meek:\n    target: \"haproxy:%s?backend=pair&v1=a,b&v2=c\"\n    interval: 100ms\n"
		"  pair:\n    target: \"haproxy:%s?backend=pair&v1=a,b&v2=c\"\n    interval: 100ms\n",
		f->target, f->s.b.user, f->s.b.map, f->s.b.user, f->s.b.admin);
	world_write(f->s.w.config, text);
}

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	*state = &f;
	if (!stand_open(&f.s))
		return 0;
	snprintf(f.target, sizeof f.target, "haproxy:%s?map=%s&key=orders&v1=v1&v2=v2", f.s.b.admin,
		f.s.b.map);
	write_config(&f);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	stand_close(&f->s);
	return 0;
}

/* The fixture, or the end of the case where there is no HAProxy. */
static struct fixture *there(void **state)
{
	struct fixture *f = *state;
	if (!f->s.w.dir[0])
		skip();
	return f;
}

/* ---- commands ---- */

static void step(struct fixture *f, const char *pool, const char *share)
{
	stand_expect(&f->s, 0, ARGS("step", pool, share, "--confirm", pool, "--wait"));
	stand_says(&f->s, "VERIFIED");
}

/* What `weir status --json` says of a pool; delete it. */
static cJSON *status(struct fixture *f, const char *pool)
{
	int is = stand_run(&f->s, ARGS("status", pool, "--json"));
	cJSON *json = cJSON_Parse(f->s.p.out.text);
	if (!json)
		fail_msg("status %d: %s%s", is, f->s.p.out.text, f->s.p.err.text);
	return json;
}

/* ---- a share against its interval ---- */

static void check_share(struct fixture *f, const char *front, int count, int share_bp)
{
	struct balancer_seen seen;
	assert_true(balancer_traffic(front, f->session, count, &seen));
	f->session += count;
	printf("share %d bp: %d of %d on v2\n", share_bp, seen.served[1], count);
	assert_int_equal(seen.served[0] + seen.served[1], count);
	if (share_bp == 0 || share_bp == 10000)
		assert_int_equal(seen.served[1], share_bp == 0 ? 0 : count);
	else
		assert_true(binomial_holds(count, seen.served[1], share_bp / 10000.0));
}

/* ---- by map ---- */

static void by_map_from_0_to_50_percent_and_back(void **state)
{
	struct fixture *f = there(state);
	static const struct {
		const char *word;
		int bp;
	} steps[] = {{"1%", 100}, {"5%", 500}, {"25%", 2500}, {"50%", 5000}};
	check_share(f, f->s.b.front, 300, 0);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		step(f, "orders", steps[i].word);
		assert_int_equal(balancer_value(&f->s.b, "orders"), steps[i].bp / 10);
		check_share(f, f->s.b.front, 1500, steps[i].bp);
	}
	cJSON *json = status(f, "orders");
	assert_string_equal(world_word(json, "state"), "READY");
	assert_int_equal(world_number(json, "share.reported_bp"), 5000);
	assert_int_equal(world_number(json, "share.intended_bp"), 5000);
	/* The note knows since when, also for a process that has just begun. */
	assert_int_equal(world_number(json, "share.measured_n"), 1500);
	assert_true(
		binomial_holds(1500, (int)world_number(json, "share.measured_bp") * 1500 / 10000, 0.5));
	cJSON_Delete(json);

	stand_expect(&f->s, 0, ARGS("rollback", "orders", "--wait"));
	stand_says(&f->s, "VERIFIED");
	check_share(f, f->s.b.front, 300, 0);
	assert_true(world_verified(&f->s.w, f->s.w.history));
	cJSON *log = world_log(&f->s.w, f->s.w.history);
	assert_int_equal(cJSON_GetArraySize(log), 5);
	cJSON_Delete(log);
}

/* Tenths of a percent are all that the map counts; what it cannot hold is refused before. */
static void a_share_that_the_map_cannot_hold_is_refused(void **state)
{
	struct fixture *f = there(state);
	stand_expect(&f->s, 6, ARGS("step", "orders", "0.55%", "--confirm", "orders"));
	stand_says(&f->s, "tenths of a percent");
	assert_int_equal(balancer_value(&f->s.b, "orders"), 0);
	step(f, "orders", "0.5%");
	assert_int_equal(balancer_value(&f->s.b, "orders"), 5);
}

static void a_hold_is_kept_in_the_map_for_everybody(void **state)
{
	struct fixture *f = there(state);
	step(f, "orders", "5%");
	stand_expect(&f->s, 0, ARGS("hold", "orders", "-m", "lunch", "--wait"));
	assert_int_equal(stand_run_as(&f->s, "WEIR_ACTOR=bob@db2", "bob.db",
						 ARGS("step", "orders", "10%", "--confirm", "orders")),
		6);
	stand_says(&f->s, "held by ana@db1");
	assert_int_equal(balancer_value(&f->s.b, "orders"), 50);
	stand_expect(&f->s, 0, ARGS("resume", "orders", "--confirm", "orders", "--wait"));
	step(f, "orders", "10%");
}

static void another_weir_is_told_by_its_note(void **state)
{
	struct fixture *f = there(state);
	step(f, "orders", "1%");
	assert_int_equal(stand_run_as(&f->s, "WEIR_ACTOR=bob@db2.example", "bob.db",
						 ARGS("step", "orders", "5%", "--confirm", "orders", "--wait")),
		0);
	cJSON *json = status(f, "orders");
	assert_string_not_equal(world_word(json, "state"), "DIVERGED");
	assert_int_equal(world_number(json, "share.intended_bp"), 500);
	cJSON_Delete(json);
	/* It is in this history too with the next act, as what somebody else did. */
	step(f, "orders", "10%");
	process_release(&f->s.p);
	cJSON *log = world_log(&f->s.w, f->s.w.history);
	assert_int_equal(cJSON_GetArraySize(log), 3);
	int of_bob = 0;
	const cJSON *row;
	cJSON_ArrayForEach(row, log) of_bob += !strcmp(world_word(row, "actor"), "bob@db2.example");
	assert_int_equal(of_bob, 1);
	cJSON_Delete(log);
}

/* Two people step at one moment, decided on one state: one applies, the other is told why. */
static void of_two_steps_at_once_one_applies(void **state)
{
	struct fixture *f = there(state);
	static const char *const who[] = {"WEIR_ACTOR=ana@db1", "WEIR_ACTOR=bob@db1"};
	static const char *const files[] = {"ana.db", "bob.db"};
	static const char *const shares[] = {"10%", "20%"};
	for (int race = 0; race < 4; race++) {
		struct process p[2] = {0};
		char path[2][WORLD_PATH];
		int applied = 0, winner = -1;
		for (int i = 0; i < 2; i++) {
			struct world_env env = world_env(&f->s.w, ARGS(who[i], f->s.lock));
			world_path(&f->s.w, path[i], files[i]);
			world_start(&f->s.w, &p[i], &env,
				ARGS("step", "orders", shares[i], "--from", "0%", "--confirm", "orders",
					"--history", path[i], "--config", f->s.w.config));
		}
		for (int i = 0; i < 2; i++) {
			int is = process_wait(&p[i], 15000);
			applied += is == 0;
			winner = is == 0 ? i : winner;
			if (is != 0 && is != 6)
				fail_msg("ended with %d: %s%s", is, p[i].out.text, p[i].err.text);
		}
		if (applied != 1)
			fail_msg("%d applied: %s%s", applied, p[0].err.text, p[1].err.text);
		assert_int_equal(balancer_value(&f->s.b, "orders"), winner == 0 ? 100 : 200);
		process_release(&p[0]);
		process_release(&p[1]);
		stand_expect(&f->s, 0, ARGS("rollback", "orders"));
	}
}

/* Somebody edits the balancer by hand: nothing explains it, so it is neither taken for a step nor
 * overwritten. */
static void row_78_a_hand_at_the_balancer_is_drift(void **state)
{
	struct fixture *f = there(state);
	char line[WORLD_PATH * 2];
	step(f, "orders", "10%");
	snprintf(line, sizeof line, "set map %s orders 350", f->s.b.map);
	free(balancer_ask(&f->s.b, line));
	cJSON *json = status(f, "orders");
	assert_string_equal(world_word(json, "state"), "DIVERGED");
	assert_int_equal(world_number(json, "share.reported_bp"), 3500);
	assert_int_equal(world_number(json, "share.intended_bp"), 1000);
	cJSON_Delete(json);
	stand_expect(&f->s, 6, ARGS("step", "orders", "50%", "--confirm", "orders"));
	stand_says(&f->s, "W124");
	assert_int_equal(balancer_value(&f->s.b, "orders"), 350);

	stand_expect(
		&f->s, 0, ARGS("adopt", "orders", "--confirm", "orders", "-m", "it was me", "--wait"));
	stand_expect(&f->s, 0, ARGS("resume", "orders", "--confirm", "orders", "--wait"));
	json = status(f, "orders");
	assert_string_not_equal(world_word(json, "state"), "DIVERGED");
	cJSON_Delete(json);
	step(f, "orders", "50%");
	stand_expect(&f->s, 0, ARGS("rollback", "orders", "--wait"));
	stand_says(&f->s, "VERIFIED");
	assert_int_equal(balancer_value(&f->s.b, "orders"), 0);
}

static void a_reload_loses_the_share_and_a_step_puts_it_back(void **state)
{
	struct fixture *f = there(state);
	step(f, "orders", "25%");
	check_share(f, f->s.b.front, 500, 2500);
	balancer_reload(&f->s.b);
	cJSON *json = status(f, "orders");
	assert_string_equal(world_word(json, "state"), "DIVERGED");
	assert_non_null(
		strstr(world_word(cJSON_GetObjectItem(json, "headline"), "text"), "HAProxy reloaded"));
	assert_int_equal(world_number(json, "share.reported_bp"), 0);
	cJSON_Delete(json);
	check_share(f, f->s.b.front, 200, 0);
	step(f, "orders", "25%");
	check_share(f, f->s.b.front, 500, 2500);
}

static void a_rollback_pressed_while_haproxy_is_dead_arrives(void **state)
{
	struct fixture *f = there(state);
	struct process press = {0};
	struct world_env env = world_env(&f->s.w, ARGS(STAND_ACTOR, f->s.lock));
	step(f, "orders", "10%");
	balancer_kill(&f->s.b);
	world_start(&f->s.w, &press, &env,
		ARGS("rollback", "orders", "--wait", "--history", f->s.w.history, "--config",
			f->s.w.config));
	/* Once it is recorded it is pressed. */
	int rows = 0;
	for (int64_t end = process_clock_ms() + 10000; rows < 2;) {
		cJSON *log = world_log(&f->s.w, f->s.w.history);
		rows = cJSON_GetArraySize(log);
		cJSON_Delete(log);
		assert_true(process_clock_ms() < end);
	}
	assert_int_equal(process_wait(&press, 300), -1);
	/* The file still says 10: a restart alone brings the canary back. */
	world_write(f->s.b.map, "orders 100\n");
	balancer_run(&f->s.b);
	assert_int_equal(process_wait(&press, 20000), 0);
	assert_non_null(strstr(press.out.text, "VERIFIED"));
	process_release(&press);
	assert_int_equal(balancer_value(&f->s.b, "orders"), 0);
	assert_true(world_verified(&f->s.w, f->s.w.history));
}

/* ---- by weights ---- */

static void by_weights_to_25_percent_and_back(void **state)
{
	struct fixture *f = there(state);
	check_share(f, f->s.b.weighed, 200, 0);
	step(f, "pair", "5%");
	check_share(f, f->s.b.weighed, 1000, 500);
	step(f, "pair", "25%");
	check_share(f, f->s.b.weighed, 1000, 2500);
	cJSON *json = status(f, "pair");
	assert_int_equal(world_number(json, "share.reported_bp"), 2500);
	cJSON_Delete(json);
	stand_expect(&f->s, 6, ARGS("step", "pair", "0.1%", "--confirm", "pair"));
	stand_says(&f->s, "the nearest is");
	stand_expect(&f->s, 0, ARGS("rollback", "pair", "--wait"));
	stand_says(&f->s, "VERIFIED");
	check_share(f, f->s.b.weighed, 300, 0);
	char *text = balancer_ask(&f->s.b, "show stat pair 4 -1");
	assert_non_null(strstr(text, "MAINT"));
	free(text);
	step(f, "pair", "10%");
	check_share(f, f->s.b.weighed, 1000, 1000);
}

/* v1 was drained while v2 had everything, as one may: the way back ends with v1 at work. */
static void a_rollback_puts_a_drained_v1_back(void **state)
{
	struct fixture *f = there(state);
	static const char *const pools[] = {"pair", "orders"};
	static const char *const shares[] = {"25%", "50%", "75%", "100%"};
	for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
		const char *pool = pools[i], *front = i ? f->s.b.front : f->s.b.weighed;
		for (size_t k = 0; k < sizeof shares / sizeof *shares; k++)
			step(f, pool, shares[k]);
		stand_expect(&f->s, 0, ARGS("drain", pool, "v1", "--confirm", pool));
		check_share(f, front, 100, 10000);
		stand_expect(&f->s, 0, ARGS("rollback", pool, "--wait"));
		stand_says(&f->s, "VERIFIED");
		check_share(f, front, 100, 0);
	}
}

/* Nobody could keep it: said at once, not pressed again and again. */
static void a_hold_that_nobody_keeps_is_refused_at_once(void **state)
{
	struct fixture *f = there(state);
	int64_t begun_ms = process_clock_ms();
	stand_expect(&f->s, 6, ARGS("hold", "pair", "-m", "lunch", "--wait"));
	stand_says(&f->s, "map=FILE");
	assert_in_range(process_clock_ms() - begun_ms, 0, 4000);
}

/* ---- a fleet ---- */

/* Two HAProxies are one pool: a step is done when both have it, and what a reload loses on one is
 * seen. */
static void two_haproxies_are_one_pool(void **state)
{
	struct fixture *f = there(state);
	struct balancer other;
	char dir[WORLD_PATH], text[16 * WORLD_PATH];
	world_path(&f->s.w, dir, "b2");
	assert_int_equal(mkdir(dir, 0700), 0);
	balancer_start(&other, dir, 0);
	snprintf(text, sizeof text,
		"pools:\n  orders:\n    interval: 100ms\n    target: [\"%s\", "
		"\"haproxy:%s?map=%s&key=orders&v1=v1&v2=v2\"]\n",
		f->target, other.admin, other.map);
	world_write(f->s.w.config, text);
	step(f, "orders", "20%");
	assert_int_equal(balancer_value(&f->s.b, "orders"), 200);
	assert_int_equal(balancer_value(&other, "orders"), 200);
	balancer_reload(&other);
	cJSON *json = status(f, "orders");
	assert_true(
		cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetObjectItem(json, "share"), "reported_bp")));
	cJSON_Delete(json);
	stand_expect(&f->s, 0, ARGS("rollback", "orders", "--wait"));
	assert_int_equal(balancer_value(&f->s.b, "orders"), 0);
	assert_int_equal(balancer_value(&other, "orders"), 0);
	balancer_stop(&other);
}

/* ---- who may what ---- */

static void a_user_socket_moves_the_map_and_no_weight(void **state)
{
	struct fixture *f = there(state);
	step(f, "humble", "1%");
	stand_expect(&f->s, 6, ARGS("step", "meek", "5%", "--confirm", "meek"));
	stand_says(&f->s, "level admin");
}

static void a_target_that_the_shell_cut_is_said(void **state)
{
	struct fixture *f = there(state);
	char cut[WORLD_PATH * 2];
	snprintf(cut, sizeof cut, "haproxy:%s?map=%s", f->s.b.admin, f->s.b.map);
	stand_expect(&f->s, 2, ARGS("status", cut));
	stand_says(&f->s, "quote it");
	*strchr(cut, '?') = 0;
	stand_expect(&f->s, 2, ARGS("status", cut));
	stand_says(&f->s, "weir doctor");
}

/* ---- under a plan ---- */

/* Bake and samples are known to processes that have just begun, since the note tells when the
 * share changed and what the counters were; a recorder guards, and rolls back what fails. */
static void a_plan_is_followed_and_its_guard_rolls_back(void **state)
{
	struct fixture *f = there(state);
	char text[8 * WORLD_PATH];
	struct process record = {0};
	struct world_env env = world_env(&f->s.w, ARGS(STAND_ACTOR, f->s.lock));
	struct balancer_seen seen;
	snprintf(text, sizeof text,
		"pools:\n  orders:\n    target: \"%s\"\n    interval: 100ms\n"
		"    plan: {steps: [10%%, 25%%], bake: 1s, min_samples: 100}\n"
		"    guards: {error_rate_threshold: 0.05, window: 1s, action: rollback}\n",
		f->target);
	world_write(f->s.w.config, text);
	world_start(&f->s.w, &record, &env,
		ARGS("record", "--guard", "orders", "--history", f->s.w.history, "--config",
			f->s.w.config));
	int is = -1;
	for (int64_t end = process_clock_ms() + 10000; is != 0 && process_clock_ms() < end;)
		is = stand_run(&f->s, ARGS("step", "orders", "next", "--confirm", "orders", "--wait"));
	stand_says(&f->s, "VERIFIED");
	assert_null(strstr(f->s.p.out.text, "unless it is kept")); /* HAProxy takes nothing back */
	stand_expect(&f->s, 6, ARGS("step", "orders", "next", "--confirm", "orders"));
	stand_says(&f->s, "W181"); /* no samples yet */
	for (int64_t end = process_clock_ms() + 10000;
		 is == 6 || balancer_value(&f->s.b, "orders") < 250;) {
		assert_true(process_clock_ms() < end);
		assert_true(balancer_traffic(f->s.b.front, f->session, 2000, &seen));
		is = stand_run(&f->s, ARGS("step", "orders", "next", "--confirm", "orders"));
	}
	assert_int_equal(balancer_value(&f->s.b, "orders"), 250);
	/* v2 begins to fail: the recorder is the one who goes back. */
	balancer_fail(&f->s.b, 1, 2);
	for (int64_t end = process_clock_ms() + 15000; balancer_value(&f->s.b, "orders") != 0;) {
		assert_true(process_clock_ms() < end);
		assert_true(balancer_traffic(f->s.b.front, f->session, 500, &seen));
	}
	process_signal(&record, SIGTERM);
	process_wait(&record, 10000);
	process_release(&record);
	cJSON *log = world_log(&f->s.w, f->s.w.history);
	const cJSON *last = cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1);
	assert_string_equal(world_word(last, "verb"), "rollback");
	assert_string_equal(world_word(last, "role"), "guard");
	cJSON_Delete(log);
}

/* The recorder puts back what a reload lost, once the share had stood for the bake. */
static void what_a_reload_lost_the_recorder_puts_back(void **state)
{
	struct fixture *f = there(state);
	char text[8 * WORLD_PATH];
	struct process record = {0};
	struct world_env env = world_env(&f->s.w, ARGS("WEIR_ACTOR=guard@db1", f->s.lock));
	snprintf(text, sizeof text,
		"pools:\n  orders:\n    target: \"%s\"\n    interval: 100ms\n"
		"    plan: {steps: [10%%, 25%%], bake: 1s, min_samples: 1, on_reload: put_back}\n"
		"    guards: {error_rate_threshold: 0.05, window: 1s}\n",
		f->target);
	world_write(f->s.w.config, text);
	world_start(&f->s.w, &record, &env,
		ARGS("record", "--guard", "orders", "--history", f->s.w.history, "--config",
			f->s.w.config));
	int is = -1;
	for (int64_t end = process_clock_ms() + 10000; is != 0 && process_clock_ms() < end;)
		is = stand_run(&f->s, ARGS("step", "orders", "next", "--confirm", "orders", "--wait"));
	stand_says(&f->s, "VERIFIED");
	/* HAProxy tells its age by the second: two more than the bake. */
	for (int64_t end = balancer_info(&f->s.b, "Uptime_sec") + 3;
		 balancer_info(&f->s.b, "Uptime_sec") < end;)
		assert_int_equal(process_wait(&record, 20), -1);
	balancer_reload(&f->s.b);
	for (int64_t end = process_clock_ms() + 10000; balancer_value(&f->s.b, "orders") != 100;) {
		assert_true(process_clock_ms() < end);
		assert_int_equal(process_wait(&record, 20), -1);
	}
	cJSON *log = NULL;
	const cJSON *last = NULL;
	for (int64_t end = process_clock_ms() + 5000;;) {
		log = world_log(&f->s.w, f->s.w.history);
		last = cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1);
		if (cJSON_GetArraySize(log) == 2 &&
			cJSON_IsString(cJSON_GetObjectItem(last, "verified_at")))
			break;
		cJSON_Delete(log);
		assert_true(process_clock_ms() < end);
	}
	assert_string_equal(world_word(last, "verb"), "step");
	assert_string_equal(world_word(last, "role"), "keeper");
	assert_string_equal(world_word(last, "actor"), "guard@db1");
	assert_int_equal(world_number(last, "from_bp"), 0);
	assert_int_equal(world_number(last, "to_bp"), 1000);
	cJSON_Delete(log);
	/* At once again: it has not stood for the bake. */
	balancer_reload(&f->s.b);
	cJSON *json = status(f, "orders");
	assert_string_equal(world_word(json, "state"), "DIVERGED");
	assert_non_null(
		strstr(world_word(cJSON_GetObjectItem(json, "headline"), "text"), "S puts 10 % back"));
	cJSON_Delete(json);
	process_signal(&record, SIGTERM);
	process_wait(&record, 10000);
	process_release(&record);
	assert_int_equal(balancer_value(&f->s.b, "orders"), 0);
}

/* ---- doctor ---- */

/* A HAProxy that has no split yet: what doctor prints, pasted where it says, is taken. */
static void what_doctor_prints_is_taken(void **state)
{
	struct fixture *f = there(state);
	char bare[WORLD_PATH * 2], config[WORLD_PATH], map[WORLD_PATH];
	char text[2 * BALANCER_CONFIG_MAX];
	static const char plain[] =
		"global\n  stats socket %s mode 600 level admin\n"
		"defaults\n  mode http\n  timeout client 1s\n  timeout server 1s\n"
		"  timeout connect 1s\n"
		"backend shop_blue\n  server a unix@%s/v1a.sock\n"
		"backend shop_green\n  server a unix@%s/v2a.sock\n"
		"backend other\n  server a unix@%s/v2a.sock\n"
		"frontend shop\n  bind unix@%s/s.sock\n%s";
	world_path(&f->s.w, config, "plain.cfg");
	world_path(&f->s.w, map, "weir.map");
	snprintf(bare, sizeof bare, "haproxy:%s", f->s.b.admin);
	snprintf(text, sizeof text, plain, f->s.b.admin, f->s.w.dir, f->s.w.dir, f->s.w.dir,
		f->s.w.dir, "  default_backend shop_blue\n");
	balancer_kill(&f->s.b);
	world_write(f->s.b.config, text);
	balancer_run(&f->s.b);

	stand_expect(&f->s, 6, ARGS("doctor", bare));
	stand_says(&f->s, "no map of numbers");
	stand_says(&f->s, "shop_green");
	stand_says(&f->s, "nothing yet");
	stand_expect(&f->s, 6, ARGS("doctor", bare, "--json"));
	cJSON *json = cJSON_Parse(f->s.p.out.text);
	const char *lines = world_word(json, "configuration");
	assert_non_null(strstr(lines, "use_backend shop_green if"));
	char *section = strndup(lines, (size_t)(strstr(lines, "# into the frontend") - lines));
	char frontend[4096], *to = frontend;
	/* The map lies in a directory of the test's. */
	for (const char *at = lines + strlen(section); *at;) {
		static const char example[] = "/etc/haproxy/weir.map";
		if (strncmp(at, example, strlen(example)) == 0) {
			to += snprintf(to, (size_t)(frontend + sizeof frontend - to), "%s", map);
			at += strlen(example);
		} else {
			*to++ = *at++;
		}
	}
	*to = 0;
	cJSON_Delete(json);
	world_write(map, "orders 0\n");
	int n = snprintf(text, sizeof text, plain, f->s.b.admin, f->s.w.dir, f->s.w.dir, f->s.w.dir,
		f->s.w.dir, frontend);
	snprintf(text + n, sizeof text - (size_t)n, "%s", section);
	free(section);
	world_write(config, text);
	assert_true(balancer_checks(config));

	/* Reloaded with it, it is there. */
	world_write(f->s.b.config, text);
	balancer_reload(&f->s.b);
	stand_expect(&f->s, 0, ARGS("doctor", bare));
	snprintf(text, sizeof text, "%s?map=%s&key=orders&v1=shop_blue&v2=shop_green", bare, map);
	stand_says(&f->s, text);
	stand_expect(&f->s, 0, ARGS("doctor", text));
	stand_says(&f->s, "a step and a rollback could work");
	stand_says(&f->s, "socat stdio");
	assert_int_equal(
		stand_run(&f->s, ARGS("step", text, "10%", "--confirm", "orders", "--wait")), 0);
	struct balancer_seen seen;
	char front[WORLD_PATH];
	world_path(&f->s.w, front, "s.sock");
	assert_true(balancer_traffic(front, 0, 50, &seen)); /* one client, one place */
	assert_true(seen.served[0] == 50 || seen.served[1] == 50);
}

/* ---- latencies ---- */

struct news {
	int snapshots;
	struct snapshot last;
};

static void hear(void *ctx, const struct driver_event *e)
{
	struct news *n = ctx;
	if (e->kind == DRIVER_TROUBLE)
		fail_msg("%s", e->err->text);
	n->snapshots += e->kind == DRIVER_SNAPSHOT;
	if (e->snapshot)
		n->last = *e->snapshot;
}

static void poll_driver(struct driver *d, struct news *n, struct instant now)
{
	int before = n->snapshots;
	driver_haproxy.poll(d, now);
	for (int64_t end = process_clock_ms() + 10000; n->snapshots == before;) {
		struct pollfd fd = {.fd = driver_haproxy.fd(d), .events = POLLIN};
		assert_true(process_clock_ms() < end);
		driver_haproxy.turn(d, now);
		if (n->snapshots == before)
			poll(&fd, 1, 100);
	}
}

static void latencies_come_from_the_ring(void **state)
{
	struct fixture *f = there(state);
	struct balancer_seen seen;
	struct news *n = calloc(1, sizeof *n);
	struct instant now = {.boot_ms = 100000};
	struct driver *d;
	const struct driver_open how = {
		.node = 1, .target = f->target, .sink = {hear, n}, .now = now};
	step(f, "orders", "25%");
	assert_int_equal(driver_haproxy.open(&d, &how, NULL), 0);
	/* The ring is found by its being alone, then read from there on. */
	int64_t end = process_clock_ms() + 10000;
	while (!n->last.arms[ARM_V2].has_latency && process_clock_ms() < end) {
		now.boot_ms += 100;
		poll_driver(d, n, now);
		assert_true(balancer_traffic(f->s.b.front, 0, 20, &seen));
	}
	assert_true(n->last.arms[ARM_V1].has_latency);
	int64_t before = histogram_total(&n->last.arms[ARM_V1].latency) +
		histogram_total(&n->last.arms[ARM_V2].latency);
	assert_true(balancer_traffic(f->s.b.front, 0, 1000, &seen));
	int64_t total = 0;
	while (total < before + 1000 && process_clock_ms() < end) {
		now.boot_ms += 100;
		poll_driver(d, n, now);
		total = histogram_total(&n->last.arms[ARM_V1].latency) +
			histogram_total(&n->last.arms[ARM_V2].latency);
	}
	assert_in_range(total, before + 1000, before + 1100);
	assert_true(histogram_quantile_us(&n->last.arms[ARM_V2].latency, 0.5) < 100000);
	/* A reload ends the ring that was read; the new one is found again. */
	balancer_reload(&f->s.b);
	now.boot_ms += 100;
	poll_driver(d, n, now);
	assert_false(n->last.arms[ARM_V1].has_latency);
	while (!n->last.arms[ARM_V1].has_latency && process_clock_ms() < end) {
		now.boot_ms += 100;
		poll_driver(d, n, now);
		assert_true(balancer_traffic(f->s.b.front, 0, 20, &seen));
	}
	assert_true(n->last.arms[ARM_V1].has_latency);
	driver_haproxy.close(d);
	free(n);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(by_map_from_0_to_50_percent_and_back),
		CASE(a_share_that_the_map_cannot_hold_is_refused),
		CASE(a_hold_is_kept_in_the_map_for_everybody),
		CASE(another_weir_is_told_by_its_note),
		CASE(of_two_steps_at_once_one_applies),
		CASE(row_78_a_hand_at_the_balancer_is_drift),
		CASE(a_reload_loses_the_share_and_a_step_puts_it_back),
		CASE(a_rollback_pressed_while_haproxy_is_dead_arrives),
		CASE(by_weights_to_25_percent_and_back),
		CASE(a_rollback_puts_a_drained_v1_back),
		CASE(a_hold_that_nobody_keeps_is_refused_at_once),
		CASE(two_haproxies_are_one_pool),
		CASE(a_user_socket_moves_the_map_and_no_weight),
		CASE(a_target_that_the_shell_cut_is_said),
		CASE(a_plan_is_followed_and_its_guard_rolls_back),
		CASE(what_a_reload_lost_the_recorder_puts_back),
		CASE(what_doctor_prints_is_taken),
		CASE(latencies_come_from_the_ring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
