/* A recording of several pools on the screen: one clock for all, the Fleet before each of them, and
 * what is written down of nobody. */
#include "history/replay.h"
#include "model/text.h"
#include "tests/lib/console_seat.h"
#include "tui/keymap.h"

#include <stdio.h>
#include <string.h>

#define POOLS 4 /* a frame shows three of them at once */

static const char *const names[POOLS] = {"checkout", "node-b", "node-c", "node-d"};

static struct driver *replayed[POOLS];
static char path[256];

/* ---- a recording: a step of the first pool, then one of the second ---- */

static void step_second(struct desk *live)
{
	struct act_request step = {.verb = VERB_STEP, .pool = 1, .to_bp = 100};
	struct act_result r;
	step.shown_epoch = desk_model(live)->pools[1].standing.epoch;
	step.shown_rev = desk_model(live)->pools[1].standing.rev;
	desk_act(live, &step, s.now, &r);
	if (r.status != ACT_BEGUN || !site_done(&s, live, r.id, 10000))
		fail_msg("no step: %s", r.err.text);
}

static void record(void)
{
	const struct site_desk recorder = {.actor = "kim@ops1", .file = "h.db", .record = true};
	site_init(&s, POOLS, 3);
	s.apart = true;
	for (int i = 1; i < POOLS; i++) {
		char id[16];
		snprintf(id, sizeof id, "shop-%d", i + 1);
		fake_become(s.node[i], id);
	}
	struct desk *live = site_open(&s, &recorder);
	site_run(&s, 3000);
	site_step(&s, live, 100);
	site_run(&s, 10000);
	step_second(live);
	site_run(&s, 90000);
	site_close(&s, live);
	site_path(&s, "h.db", path, sizeof path);
}

/* ---- a console over it ---- */

static struct instant replay_moment(void *ctx, struct instant real)
{
	(void)real;
	return replay_now(ctx);
}

static void ignore(void *ctx, const struct driver_event *e)
{
	(void)ctx, (void)e;
}

static int try_open(const char *options, struct driver **out, struct err *err)
{
	char target[400];
	snprintf(target, sizeof target, "replay:%s%s", path, options);
	const struct driver_open how = {.target = target, .sink = {ignore, NULL}, .now = s.now};
	return replay_driver.open(out, &how, err);
}

static int64_t recording(void)
{
	struct replay_span span;
	struct driver *one;
	struct err err;
	assert_int_equal(try_open("", &one, &err), 0);
	replay_span(one, &span);
	replay_driver.close(one);
	return span.recording;
}

static void add_pool(int i, int64_t number)
{
	char target[400];
	const char *url = target;
	struct err err;
	snprintf(target, sizeof target, "replay:%s?pool=%s&recording=%lld", path, names[i],
		(long long)number);
	struct pool_setup pool = {.name = names[i],
		.targets = &url,
		.target_count = 1,
		.interval_ms = 1000,
		.plan = &s.plan,
		.plan_hash = "0123abcd",
		.limits = &s.limits};
	if (desk_add(d, &pool, NULL, NULL, s.now, &err) != i)
		fail_msg("%s", err.text);
	replayed[i] = client_driver(desk_client(d), NODE_HANDLE(i, 0));
	if (i > 0)
		replay_share(replayed[i], replayed[0], s.now);
}

static int sit_down(void **state)
{
	static const struct driver_ops *const schemes[] = {&replay_driver, NULL};
	struct desk_options how = {
		.actor = "kim@ops1", .schemes = schemes, .seed = 1, .read_only = true};
	struct err err;
	(void)state;
	record();
	assert_non_null(d = desk_new(&how, s.now, &err));
	const int64_t number = recording();
	for (int i = 0; i < POOLS; i++)
		add_pool(i, number);
	s.desk[s.desk_count++] = d;
	desk_set_clock(d, replay_moment, replayed[0]);
	struct console_options look = {.desk = d, .replay = replayed[0], .recording = path, .w = 120, .h = 40};
	c = console_new(&look, s.now);
	return 0;
}

static const struct pool *pool(int i)
{
	return &desk_model(d)->pools[i];
}

static int64_t now_ms(void)
{
	return replay_now(replayed[0]).wall_ms;
}

static void go_home(void)
{
	console_key(c, KEYS_ESC, s.now);
	console_key(c, '2', s.now);
	console_key(c, KEYS_HOME, s.now);
	pass(600);
}

static void choose(int i)
{
	char filter[40];
	console_key(c, '2', s.now);
	snprintf(filter, sizeof filter, "/%s", names[i]);
	for (const char *at = filter; *at; at++)
		console_key(c, (uint32_t)*at, s.now);
	console_key(c, KEYS_ENTER, s.now);
	console_key(c, KEYS_ENTER, s.now);
	pass(100);
}

/* ---- tests ---- */

static void all_pools_of_a_recording_are_named(void **state)
{
	char found[POOLS][POOL_NAME_MAX];
	struct err err;
	(void)state;
	memset(found, 0, sizeof found);
	assert_int_equal(replay_pools(replayed[1], found, POOLS, &err), POOLS);
	for (int i = 0; i < POOLS; i++)
		assert_string_equal(found[i], names[i]);
	memset(found, 0, sizeof found);
	assert_int_equal(replay_pools(replayed[1], found, 1, &err), POOLS);
	assert_string_equal(found[1], "");
	const struct driver *each = replay_first(replayed[2]);
	for (int i = 0; i < POOLS; i++, each = replay_after(each))
		assert_ptr_equal(each, replayed[i]);
	assert_null(each);
}

static void a_recording_that_is_not_there_is_refused(void **state)
{
	static const struct {
		const char *options, *says;
		enum err_code code;
	} wrong[] = {
		{"?pool=checkout&recording=x", "unknown option", ERR_USAGE},
		{"?pool=checkout&recording=", "unknown option", ERR_USAGE},
		{"?pool=checkout&recording=-1", "unknown option", ERR_USAGE},
		{"?recording=1", "unknown option", ERR_USAGE},
		{"?pool=checkout&recording=999999", "no recording 999999", ERR_FILE},
		{"?pool=nobody&recording=1", "no pool \"nobody\"", ERR_FILE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct driver *one;
		struct err err = {0};
		assert_int_equal(try_open(wrong[i].options, &one, &err), -1);
		assert_int_equal(err.code, wrong[i].code);
		if (!strstr(err.text, wrong[i].says))
			fail_msg("%s: %s", wrong[i].options, err.text);
	}
}

static void the_fleet_comes_first_and_enter_shows_one(void **state)
{
	(void)state;
	pass(600);
	shows("REPLAY");
	shows("FLEET 4");
	for (int i = 0; i < POOLS; i++)
		shows(names[i]);
	choose(1);
	assert_null(strstr(screen(), "FLEET 4"));
	shows("REPLAY");
	shows("node-b");
	console_key(c, '2', s.now);
	console_key(c, KEYS_ESC, s.now);
	shows("FLEET 4");
}

static void one_clock_moves_all(void **state)
{
	int64_t seen_ms[POOLS];
	(void)state;
	go_home();
	console_key(c, ' ', s.now); /* pause */
	assert_true(replay_is_paused(replayed[2]));
	for (int i = 0; i < POOLS; i++)
		seen_ms[i] = pool(i)->nodes[0].last_at.wall_ms;
	pass(3000);
	for (int i = 0; i < POOLS; i++)
		assert_int_equal(pool(i)->nodes[0].last_at.wall_ms, seen_ms[i]);
	console_command(c, "seek 90%", s.now);
	pass(600);
	for (int i = 0; i < POOLS; i++) {
		assert_int_equal(replay_now(replayed[i]).wall_ms, now_ms());
		assert_int_equal(replay_catching_up(replayed[i]), -1);
		assert_in_range(pool(i)->nodes[0].last_at.wall_ms, now_ms() - 1000, now_ms());
	}
	assert_int_equal(pool(0)->standing.reported_bp, 100);
	assert_int_equal(pool(1)->standing.reported_bp, 100);
	assert_int_equal(pool(2)->standing.reported_bp, 0);
	console_key(c, KEYS_HOME, s.now);
	pass(600);
	for (int i = 0; i < POOLS; i++)
		assert_int_equal(pool(i)->standing.reported_bp, 0);
	console_key(c, '}', s.now);
	assert_true(replay_speed(replayed[2]) == 2);
	console_key(c, '{', s.now);
	console_key(c, ' ', s.now);
	const int64_t from_ms = now_ms();
	pass(4000);
	assert_in_range(now_ms(), from_ms + 3000, from_ms + 5000);
	for (int i = 0; i < POOLS; i++)
		assert_in_range(pool(i)->nodes[0].last_at.wall_ms, now_ms() - 1000, now_ms());
	console_key(c, ' ', s.now);
}

/* What is found out of one pool is not said of another. */
static void what_if_is_said_of_its_pool_alone(void **state)
{
	(void)state;
	go_home();
	choose(1);
	console_command(c, "whatif guards.error_rate_threshold=0.01", s.now);
	shows("whatif guards.error_rate_threshold=0.01: 0 %");
	choose(0);
	assert_null(strstr(screen(), "whatif guards"));
	choose(1);
	shows("whatif guards.error_rate_threshold=0.01: 0 %");
	console_command(c, "whatif off", s.now);
	assert_null(strstr(screen(), "whatif guards"));
}

/* However fast it is wanted, no turn has to tell more than it can: the clock waits for what it
 * shows, and gets to the end. */
static void a_clock_in_a_rush_goes_no_further_than_is_told(void **state)
{
	struct replay_span span;
	(void)state;
	go_home();
	replay_span(replayed[0], &span);
	console_command(c, "seek 0%", s.now);
	desk_turn(d, s.now);
	replay_set_speed(replayed[1], 3600, s.now);
	replay_pause(replayed[1], false, s.now);
	s.now.boot_ms += 3600000;
	s.now.wall_ms += 3600000;
	desk_turn(d, s.now);
	for (int i = 0; i < POOLS; i++)
		assert_in_range(pool(i)->nodes[0].last_at.wall_ms, now_ms() - 1000, now_ms());
	pass(2000);
	assert_true(replay_at_end(replayed[2]));
	replay_pause(replayed[1], true, s.now);
	replay_set_speed(replayed[1], 1, s.now);
}

static void the_judge_of_the_one_that_is_shown_comes_first(void **state)
{
	(void)state;
	go_home();
	choose(2);
	console_command(c, "seek 100%", s.now);
	desk_turn(d, s.now);
	console_refresh(c, s.now);
	for (int i = 0; i < POOLS; i++)
		assert_true(replay_catching_up(replayed[i]) >= 0);
	shows("judge catching up 0 %");
	assert_true(ring_length(&pool(2)->ticks) > 60);
	/* of the others the last rows, as far as a frame goes; then the rest */
	for (int i = 0; i < POOLS - 1; i++)
		if (i != 2)
			assert_in_range(ring_length(&pool(i)->ticks), 5, 20);
	desk_turn(d, s.now);
	assert_in_range(ring_length(&pool(POOLS - 1)->ticks), 5, 20);
	for (int turns = 0; replay_catching_up(replayed[2]) >= 0; turns++) {
		assert_true(turns < 100);
		assert_true(replay_catching_up(replayed[0]) == 0);
		assert_true(replay_catching_up(replayed[1]) == 0);
		desk_turn(d, s.now);
	}
	/* who looks at another one sees all of it at once, also where nothing of it was shown yet */
	replay_look_at(replayed[1]);
	desk_turn(d, s.now);
	if (replay_catching_up(replayed[1]) >= 0)
		assert_true(ring_length(&pool(1)->ticks) > 60);
	for (int turns = 0; replay_catching_up_all(replayed[0]) >= 0; turns++) {
		assert_true(turns < 100);
		desk_turn(d, s.now);
	}
	assert_true(ring_length(&pool(0)->ticks) > 60);
	assert_true(pool(1)->judging->judge.looks > 0);
	console_command(c, "seek 0%", s.now);
	desk_turn(d, s.now);
	console_command(c, "seek 100%", s.now);
	desk_turn(d, s.now);
	assert_true(pool(POOLS - 1)->is_past);
	replay_look_at(replayed[POOLS - 1]);
	desk_turn(d, s.now);
	assert_false(pool(POOLS - 1)->is_past);
	assert_true(ring_length(&pool(POOLS - 1)->ticks) > 60);
	pass(600);
	assert_int_equal(replay_catching_up_all(replayed[0]), -1);
}

/* No frame says of a pool that it was never seen: what a frame has no time for stays as it was, as
 * of its moment. */
static void what_is_not_shown_yet_stays_as_of_its_moment(void **state)
{
	struct replay_span span;
	char was[40], state_was[160];
	(void)state;
	go_home();
	console_key(c, KEYS_ESC, s.now);
	replay_span(replayed[0], &span);
	for (int round = 0; round < 3; round++) {
		static const char *const to[] = {"seek 100%", "seek 0%", "seek 60%"};
		const struct pool *last = pool(POOLS - 1);
		unit_clock(was, sizeof was, now_ms());
		snprintf(state_was, sizeof state_was, "%s", last->standing.state_text);
		console_command(c, to[round], s.now);
		desk_turn(d, s.now);
		console_refresh(c, s.now);
		for (int i = 0; i < POOLS; i++) {
			assert_int_not_equal(pool(i)->standing.freshness, FRESHNESS_NEVER);
			if (i < POOLS - 1)
				assert_false(pool(i)->is_past);
		}
		assert_true(last->is_past);
		assert_string_equal(last->standing.state_text, state_was);
		char mark[60];
		snprintf(mark, sizeof mark, "@%s", was);
		shows(mark);
		desk_turn(d, s.now);
		assert_false(last->is_past);
		assert_in_range(last->nodes[0].last_at.wall_ms, now_ms() - 1000, now_ms());
		assert_null(strstr(screen(), mark));
		/* again and again while the one behind it is still to come */
		console_command(c, "seek 30%", s.now);
		desk_turn(d, s.now);
		console_command(c, "seek 90%", s.now);
		desk_turn(d, s.now);
		pass(600);
		assert_int_equal(replay_catching_up_all(replayed[0]), -1);
		for (int i = 0; i < POOLS; i++) {
			assert_false(pool(i)->is_past);
			assert_true(pool(i)->judging->judge.looks > 0 || pool(i)->standing.reported_bp == 0);
		}
	}
}

static void keys_lead_to_what_happened_in_any_pool_from_the_fleet(void **state)
{
	const int64_t first_ms = pool(0)->decisions[0].at_ms, second_ms = pool(1)->decisions[0].at_ms;
	(void)state;
	assert_true(first_ms < second_ms);
	go_home();
	console_key(c, ']', s.now);
	assert_int_equal(now_ms(), first_ms);
	console_key(c, ']', s.now);
	assert_int_equal(now_ms(), second_ms);
	console_key(c, ']', s.now);
	shows("no decision after this");
	console_key(c, '[', s.now);
	assert_int_equal(now_ms(), first_ms);
	console_key(c, '[', s.now);
	shows("no decision before this");
	/* of one pool only its own are gone to and marked */
	go_home();
	choose(1);
	console_key(c, ']', s.now);
	assert_int_equal(now_ms(), second_ms);
	console_key(c, '[', s.now);
	shows("no decision before this");
	assert_true(replay_has_any(replayed[1], MOMENT_DECISION, first_ms, first_ms + 1));
	assert_false(replay_has(replayed[1], MOMENT_DECISION, first_ms, first_ms + 1));
}

static void workers_that_were_not_recorded_are_said_to_be_so(void **state)
{
	(void)state;
	go_home();
	choose(0);
	console_key(c, '3', s.now);
	shows("this recording has no worker rows");
}

#define CASE(test) cmocka_unit_test(test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(all_pools_of_a_recording_are_named),
		CASE(a_recording_that_is_not_there_is_refused),
		CASE(the_fleet_comes_first_and_enter_shows_one),
		CASE(one_clock_moves_all),
		CASE(what_if_is_said_of_its_pool_alone),
		CASE(a_clock_in_a_rush_goes_no_further_than_is_told),
		CASE(the_judge_of_the_one_that_is_shown_comes_first),
		CASE(what_is_not_shown_yet_stays_as_of_its_moment),
		CASE(keys_lead_to_what_happened_in_any_pool_from_the_fleet),
		CASE(workers_that_were_not_recorded_are_said_to_be_so),
	};
	return cmocka_run_group_tests(tests, sit_down, leave);
}
