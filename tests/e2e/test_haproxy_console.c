/* A real HAProxy at the console, by keys: 0 > 1 > 5 > 25 > 50 % under a plan, sessions that stay
 * where they are, a side that begins to fail, and the way back. Traffic is real, the waits are for
 * facts. Without HAProxy the case is skipped, saying so. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/binomial.h"
#include "tests/lib/glass.h"
#include "tests/lib/haproxy.h"

#include <cjson/cJSON.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SESSIONS 1000
#define PACE_MS 2
#define STEP_MS 20000 /* bake and samples of one step, on a busy machine */
#define ACTOR "ana@db1"

/* People in front of HAProxy, one request after the other, session by session and around. */
struct crowd {
	pthread_t thread;
	int stop_fd;
	const char *front;
	atomic_int rounds;     /* how often all sessions were asked */
	atomic_bool goes_back; /* a rollback may move sessions from v2 to v1 */
	atomic_int left_v2, unanswered, failed;
	atomic_int on_v2; /* sessions of the last whole round */
};

struct fixture {
	struct world w;
	struct balancer b;
	struct glass g;
	struct process record; /* who guards: a console alone is good for 10 % */
	struct crowd crowd;
};

/* ---- the crowd ---- */

static void ask_all(struct crowd *c, bool was_v2[SESSIONS])
{
	int on_v2 = 0;
	for (int i = 0; i < SESSIONS; i++) {
		struct balancer_seen seen;
		struct pollfd stop = {.fd = c->stop_fd, .events = POLLIN};
		if (poll(&stop, 1, i % 8 == 0 ? PACE_MS : 0) > 0)
			return;
		if (!balancer_traffic(c->front, i, 1, &seen) || seen.served[0] + seen.served[1] != 1) {
			atomic_fetch_add(&c->unanswered, 1);
			continue;
		}
		bool is_v2 = seen.served[1] == 1;
		if (was_v2[i] && !is_v2 && !atomic_load(&c->goes_back))
			atomic_fetch_add(&c->left_v2, 1);
		was_v2[i] = is_v2;
		on_v2 += is_v2;
		atomic_fetch_add(&c->failed, seen.failed);
	}
	atomic_store(&c->on_v2, on_v2);
	atomic_fetch_add(&c->rounds, 1);
}

static void *run_crowd(void *ctx)
{
	struct crowd *c = ctx;
	struct pollfd stop = {.fd = c->stop_fd, .events = POLLIN};
	bool was_v2[SESSIONS] = {false};
	while (poll(&stop, 1, 0) == 0)
		ask_all(c, was_v2);
	return NULL;
}

static void crowd_start(struct crowd *c, const char *front)
{
	c->front = front;
	c->stop_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(pthread_create(&c->thread, NULL, run_crowd, c), 0);
}

static void crowd_stop(struct crowd *c)
{
	if (!c->front)
		return;
	eventfd_write(c->stop_fd, 1);
	pthread_join(c->thread, NULL);
	close(c->stop_fd);
	c->front = NULL;
}

struct rounds {
	const struct crowd *crowd;
	int wanted;
};

static bool has_gone_round(const struct simulator *screen, const void *arg)
{
	const struct rounds *r = arg;
	(void)screen;
	return atomic_load(&r->crowd->rounds) >= r->wanted;
}

/* How many of all sessions were on v2 in a round that began after now. The console is read
 * meanwhile, so that it never waits for its terminal. */
static int crowd_on_v2(struct fixture *f)
{
	const struct crowd *c = &f->crowd;
	struct rounds r = {.crowd = c, .wanted = atomic_load(&c->rounds) + 2};
	int64_t end = process_clock_ms() + STEP_MS;
	while (!pty_wait(&f->g.pty, has_gone_round, &r, 50))
		assert_true(process_clock_ms() < end);
	return atomic_load(&c->on_v2);
}

/* ---- fixture ---- */

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	*state = &f;
	if (!balancer_is_there())
		return 0;
	world_open(&f.w);
	balancer_start(&f.b, f.w.dir, 0);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	if (!f->w.dir[0])
		return 0;
	crowd_stop(&f->crowd);
	glass_close(&f->g);
	process_release(&f->record);
	balancer_stop(&f->b);
	world_close(&f->w);
	return 0;
}

/* ---- a share against its interval ---- */

static void check_share(struct fixture *f, int share_bp)
{
	int on_v2 = crowd_on_v2(f);
	printf("share %d bp: %d of %d sessions on v2\n", share_bp, on_v2, SESSIONS);
	assert_int_equal(balancer_value(&f->b, "orders"), share_bp / 10);
	assert_true(binomial_holds(SESSIONS, on_v2, share_bp / 10000.0));
	assert_int_equal(atomic_load(&f->crowd.unanswered), 0);
	assert_int_equal(atomic_load(&f->crowd.left_v2), 0);
}

/* ---- at the console ---- */

static void open_console(struct fixture *f)
{
	char text[16 * WORLD_PATH];
	snprintf(text, sizeof text,
		"history: %s\npools:\n  orders:\n    target: \"haproxy:%s?map=%s&key=orders&v1=v1&v2=v2\"\n"
		"    interval: 200ms\n"
		"    plan: {steps: [1%%, 5%%, 25%%, 50%%], bake: 500ms, min_samples: 2}\n"
		"    guards: {window: 3s, error_rate_threshold: 0.05, action: hold}\n",
		f->w.history, f->b.admin, f->b.map);
	world_write(f->w.config, text);
	char lock[WORLD_PATH + 32];
	snprintf(lock, sizeof lock, "WEIR_LOCK_DIR=%s", f->w.dir);
	struct world_env env = world_env(&f->w, ARGS("WEIR_ACTOR=" ACTOR, lock));
	struct world_env other = world_env(&f->w, ARGS("WEIR_ACTOR=guard@db1", lock));
	char recording[WORLD_PATH];
	world_path(&f->w, recording, "recording.db");
	world_start(&f->w, &f->record, &other,
		ARGS("record", "--guard", "orders", "--history", recording, "--config", f->w.config));
	glass_open(&f->g, &f->w, 80, 24, &env, ARGS("--config", f->w.config, "orders"));
	assert_true(glass_wait(&f->g, "LIVE", "o", 10000));
}

/* S, a look until the sheet takes it, y. */
static void step_by_keys(struct fixture *f, const char *to, int share_bp)
{
	char text[48];
	snprintf(text, sizeof text, "y step to %s", to);
	assert_true(glass_press(&f->g, "S"));
	assert_true(glass_wait(&f->g, text, "k", STEP_MS));
	assert_true(glass_press(&f->g, "y"));
	assert_true(glass_wait(&f->g, "step: VERIFIED", "o", 5000));
	snprintf(text, sizeof text, "at %s", to);
	assert_true(glass_wait(&f->g, text, NULL, 5000));
	check_share(f, share_bp);
}

static void fail_v2(struct fixture *f)
{
	balancer_fail(&f->b, 1, 3);
	assert_true(glass_wait(&f->g, "guard RED", NULL, STEP_MS));
	assert_true(glass_wait(&f->g, "v2 is worse", "f", 5000));
	/* The recorder holds, as it was told to: the rest is a person's. */
	assert_true(glass_wait(&f->g, "HELD by guard@db1 00:", NULL, STEP_MS));
	assert_true(glass_agrees(&f->g, 2000));
}

static void roll_back(struct fixture *f)
{
	atomic_store(&f->crowd.goes_back, true);
	assert_true(glass_press(&f->g, "R"));
	assert_true(glass_wait(&f->g, "y roll back now", "k", 5000));
	assert_true(glass_press(&f->g, "y"));
	assert_true(glass_wait(&f->g, "rollback: VERIFIED", "o", 5000));
	assert_true(glass_wait(&f->g, "pool says 0 %", NULL, 5000));
	assert_int_equal(balancer_value(&f->b, "orders"), 0);
	/* The recorder's hold went with what it held. */
	assert_true(pty_wait_no_text(&f->g.pty, "HELD", 5000));
	assert_int_equal(crowd_on_v2(f), 0);
}

static void check_log(struct fixture *f)
{
	static const struct {
		const char *verb;
		int to_bp;
	} told[] = {{"step", 100}, {"step", 500}, {"step", 2500}, {"step", 5000}, {"rollback", 0}};
	cJSON *log = world_log(&f->w, f->w.history);
	const cJSON *d;
	size_t at = 0;
	cJSON_ArrayForEach(d, log)
	{
		const char *verb = world_word(d, "verb");
		if (strcmp(verb, "step") != 0 && strcmp(verb, "rollback") != 0)
			continue;
		assert_true(at < sizeof told / sizeof *told);
		assert_string_equal(verb, told[at].verb);
		assert_int_equal(world_number(d, "to_bp"), told[at].to_bp);
		assert_string_equal(world_word(d, "actor"), ACTOR);
		assert_string_equal(world_word(d, "outcome"), "APPLIED");
		assert_string_not_equal(world_word(d, "verified_at"), "");
		at++;
	}
	cJSON_Delete(log);
	assert_int_equal(at, sizeof told / sizeof *told);
	assert_true(world_verified(&f->w, f->w.history));
}

static void by_keys_from_0_to_50_percent_and_back(void **state)
{
	struct fixture *f = *state;
	if (!f->w.dir[0])
		skip();
	crowd_start(&f->crowd, f->b.front);
	open_console(f);
	step_by_keys(f, "1 %", 100);
	assert_true(glass_wait(&f->g, "READY for 5 %", "o", STEP_MS));
	step_by_keys(f, "5 %", 500);
	assert_true(glass_wait(&f->g, "READY for 25 %", "o", STEP_MS));
	step_by_keys(f, "25 %", 2500);
	assert_true(glass_wait(&f->g, "READY for 50 %", "o", STEP_MS));
	step_by_keys(f, "50 %", 5000);
	assert_int_equal(atomic_load(&f->crowd.failed), 0);
	fail_v2(f);
	roll_back(f);
	pty_send(&f->g.pty, "q");
	assert_int_equal(pty_wait_exit(&f->g.pty, 10000), 0);
	process_signal(&f->record, SIGTERM);
	assert_true(process_wait(&f->record, 10000) >= 0);
	check_log(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			by_keys_from_0_to_50_percent_and_back, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
