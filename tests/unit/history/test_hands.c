/* hands: who may move the share, what goes back and what the pool's guard says, as a replay tells
 * of them: what a console saw live. */
#include "tests/unit/history/replayed.h"

#define TICKS 85
#define RAISED 10 /* a raise that goes back unless it is kept */
#define BUSY 30   /* the guard loses its data, and finds it again */
#define QUIET 33
#define ONLY_HOLD 40 /* the guard is told to hold only */
#define BROKEN 50    /* it turns red and holds */
#define TAKEN 70     /* another takes the lease */

#define TTL_MS 15000
#define RENEW_TICKS 10
#define KEEP_MS 60000
#define TIME_SLACK_MS 2000 /* what a recording rounds to */

/* ---- what happened ---- */

static void begin(struct snapshot *s)
{
	memset(s, 0, sizeof *s);
	text_copy(s->pool, sizeof s->pool, "checkout");
	text_copy(s->pool_id, sizeof s->pool_id, "pool-1");
	text_copy(s->node, sizeof s->node, "node-a");
	text_copy(s->node_id, sizeof s->node_id, "n-1");
	text_copy(s->boot_id, sizeof s->boot_id, "boot-1");
	text_copy(s->plan_hash, sizeof s->plan_hash, "abc");
	s->strategy = STRATEGY_CANARY;
	s->epoch = 1;
	s->share_bp = s->kept_bp = 100;
	s->unit_ms = s->drain_ms = s->settle_ms = s->audit_seq = UNKNOWN;
	s->uptime_ms = 5000;
	s->hold.age_ms = UNKNOWN;
	s->lease = (struct lease){true, "kim@ops1", TTL_MS};
	s->keep.left_ms = UNKNOWN;
	s->guard = (struct pool_guard){.known = true,
		.armed = true,
		.state = GUARD_GREEN,
		.action = GUARD_ACTION_ROLLBACK,
		.held_ms = UNKNOWN,
		.word = "errors 0.1 % of 5 %"};
	s->operations = (struct operation_set){true, 1, {"predict"}};
	s->change.known = true;
	text_copy(s->change.actor, sizeof s->change.actor, "kim@ops1");
}

static void set_guard(struct snapshot *s, enum guard_state state, const char *word)
{
	s->guard.state = state;
	s->guard.since_ms = 0;
	text_copy(s->guard.word, sizeof s->guard.word, word);
}

/* What a second does to the pool's clocks. */
static void grow_older(struct snapshot *s)
{
	int64_t *const left[] = {&s->lease.ttl_ms, &s->keep.left_ms, &s->guard.held_ms};

	s->uptime_ms += 1000;
	s->now_ms += 1000;
	s->change.age_ms += 1000;
	s->guard.since_ms += 1000;
	if (s->hold.on)
		s->hold.age_ms += 1000;
	for (size_t i = 0; i < sizeof left / sizeof *left; i++)
		if (*left[i] != UNKNOWN)
			*left[i] -= 1000;
}

static void live_on(struct snapshot *s, int tick)
{
	for (int a = 0; a < ARM_COUNT; a++) {
		s->arms[a].requests += 100;
		s->arms[a].ok += 100;
	}
	s->seq++;
	grow_older(s);
	if (tick % RENEW_TICKS == 0 && tick < TAKEN)
		s->lease.ttl_ms = TTL_MS;
	switch (tick) {
	case RAISED:
		s->share_bp = 1000;
		s->rev++;
		s->change.age_ms = 0;
		s->keep = (struct keep){true, KEEP_MS, ORPHAN_REVERT};
		break;
	case BUSY:
		set_guard(s, GUARD_UNKNOWN, "no data");
		break;
	case QUIET:
		set_guard(s, GUARD_GREEN, "errors 0.2 % of 5 %");
		break;
	case ONLY_HOLD:
		s->guard.action = GUARD_ACTION_HOLD;
		s->guard.held_ms = 3600000;
		break;
	case BROKEN:
		set_guard(s, GUARD_RED, "errors 7.5 % of 5 %");
		s->hold.on = true;
		s->hold.age_ms = 0;
		text_copy(s->hold.actor, sizeof s->hold.actor, POOL_ACTOR);
		text_copy(s->hold.reason, sizeof s->hold.reason, "guard: errors 7.5 % of 5 %");
		s->keep.left_ms = UNKNOWN;
		s->rev++;
		break;
	case TAKEN:
		s->lease = (struct lease){true, "pat@ops2", TTL_MS};
		s->epoch++;
		break;
	}
}

static int64_t moment(int tick)
{
	return T0 + tick * 1000 + 120;
}

static void record(
	struct history *h, const struct snapshot *now, const struct snapshot *before, int tick)
{
	struct history_sample s = {.tick = tick};
	struct histogram ignored;

	history_state(h, moment(tick), now->pool, now);
	text_copy(s.pool_id, sizeof s.pool_id, now->pool_id);
	text_copy(s.node_id, sizeof s.node_id, now->node_id);
	s.sample.at = (struct instant){0, moment(tick)};
	s.sample.interval_ms = 1000;
	for (int a = 0; a < ARM_COUNT; a++)
		assert_int_equal(
			counts_difference(&s.sample.arms[a], &ignored, &now->arms[a], &before->arms[a]),
			COUNTS_OK);
	history_sample(h, &s);
}

/* ---- what a console made of it ---- */

struct view {
	struct model m, behind;
	bool told; /* a document has come */
};

static void view_init(struct view *v)
{
	static const char *const targets[] = {"http://127.0.0.1:7070"};
	struct guard_limits limits;
	struct plan plan;

	guard_limits_init(&limits);
	plan_init(&plan);
	plan.steps[0].share_bp = 100;
	plan.steps[1].share_bp = 1000;
	plan.step_count = 2;
	plan.bake_ms = 10000;
	struct model *const models[] = {&v->m, &v->behind};
	for (int i = 0; i < 2; i++) {
		model_init(models[i], "kim@ops1", true);
		model_add(models[i],
			&(struct pool_setup){.name = "checkout",
				.targets = targets,
				.target_count = 1,
				.interval_ms = 1000,
				.plan = &plan,
				.plan_hash = "abc",
				.limits = &limits});
	}
	v->told = false;
}

static void view_release(struct view *v)
{
	model_release(&v->m);
	model_release(&v->behind);
}

static void look(struct view *v, const struct snapshot *s, int64_t at_ms)
{
	const struct model_event e = {
		.kind = MODEL_SNAPSHOT, .at = {at_ms, at_ms}, .node = NODE_HANDLE(0, 0), .snapshot = s};

	model_apply(&v->m, &e, NULL);
	v->told = true;
}

static void see(void *ctx, const struct driver_event *e)
{
	struct view *v = ctx;

	take_replayed(&v->m, &v->behind, NULL, e);
	v->told |= e->kind == DRIVER_SNAPSHOT && !e->behind;
}

/* What a screen says of hands, and the latch behind it. */
struct picture {
	struct standing s;
	struct guard_latch latch;
};

static void take_picture(struct picture *out, const struct view *v)
{
	out->s = v->m.pools[0].standing;
	out->latch = v->m.pools[0].latch;
}

static void assert_near(int64_t live_ms, int64_t replayed_ms)
{
	if (live_ms == UNKNOWN || replayed_ms == UNKNOWN)
		assert_int_equal(live_ms, replayed_ms);
	else
		assert_in_range(live_ms - replayed_ms + TIME_SLACK_MS, 0, 2 * TIME_SLACK_MS);
}

static void assert_same(const struct picture *live, const struct picture *replayed)
{
	const struct standing *a = &live->s, *b = &replayed->s;

	assert_string_equal(state_name(a->state), state_name(b->state));
	assert_string_equal(owner_name(a->owner), owner_name(b->owner));
	assert_int_equal(a->reported_bp, b->reported_bp);
	assert_int_equal(a->kept_bp, b->kept_bp);
	assert_int_equal(a->armed, b->armed);
	assert_int_equal(a->blind, b->blind);
	assert_int_equal(a->lease.known, b->lease.known);
	assert_int_equal(a->lease_mine, b->lease_mine);
	assert_string_equal(a->lease.holder, b->lease.holder);
	/* a renewed lease runs on, however much of it is left */
	assert_int_equal(b->lease.ttl_ms > 0, a->lease.ttl_ms > 0);
	assert_int_equal(a->keep.on, b->keep.on);
	assert_int_equal(a->keep.on_orphan, b->keep.on_orphan);
	assert_near(a->keep.left_ms, b->keep.left_ms);
	assert_int_equal(a->hold.on, b->hold.on);
	if (a->hold.on) {
		assert_string_equal(a->hold.actor, b->hold.actor);
		assert_string_equal(a->hold.reason, b->hold.reason);
		assert_near(a->hold.age_ms, b->hold.age_ms);
	}
	assert_int_equal(a->pool_guard.known, b->pool_guard.known);
	assert_int_equal(a->pool_guard.armed, b->pool_guard.armed);
	assert_string_equal(
		guard_state_name(a->pool_guard.state), guard_state_name(b->pool_guard.state));
	assert_int_equal(a->pool_guard.action, b->pool_guard.action);
	assert_near(a->pool_guard.since_ms, b->pool_guard.since_ms);
	assert_near(a->pool_guard.held_ms, b->pool_guard.held_ms);
	if (a->pool_guard.state == GUARD_RED)
		assert_string_equal(a->pool_guard.word, b->pool_guard.word);
	assert_int_equal(live->latch.red, replayed->latch.red);
	assert_int_equal(live->latch.by_pool, replayed->latch.by_pool);
	assert_int_equal(live->latch.flaps, replayed->latch.flaps);
	assert_string_equal(level_name(a->headline.level), level_name(b->headline.level));
	assert_null(strstr(b->headline.text, "Nobody"));
}

/* ---- both ---- */

static struct place place;
static struct picture *live;

static int set_up(void **state)
{
	struct snapshot *now = mem_new(1, sizeof *now), *before = mem_new(1, sizeof *before);
	struct history *h;
	struct view v;

	(void)state;
	place_make(&place);
	view_init(&v);
	live = mem_new(TICKS, sizeof *live);
	h = start_opened(&place, "kim@ops1");
	begin(now);
	history_node(h, T0, now->pool, now, "http://127.0.0.1:7070", "http");
	history_recording(h, T0, 1000, "0.1", "ops1", "{}", "{}");
	for (int tick = 0; tick < TICKS; tick++) {
		if (tick == 0) {
			history_state(h, moment(0), now->pool, now);
		} else {
			live_on(now, tick);
			record(h, now, before, tick);
		}
		look(&v, now, moment(tick));
		take_picture(&live[tick], &v);
		*before = *now;
	}
	settle(h);
	view_release(&v);
	free(now);
	free(before);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(live);
	place_clean(&place);
	return 0;
}

static struct driver *open_replay(struct view *v)
{
	struct text target = {0};
	struct driver *d = NULL;
	struct err err = {0};
	struct driver_open how = {.sink = {see, v}};

	text_addf(&target, "replay:%s", place.path);
	how.target = text_str(&target);
	if (replay_driver.open(&d, &how, &err) < 0)
		fail_msg("W%d %s", err.code, err.text);
	text_free(&target);
	return d;
}

static void the_scene_has_what_it_is_for(void **state)
{
	(void)state;
	assert_int_equal(live[RAISED].s.owner, OWNER_POOL);
	assert_true(live[RAISED].s.keep.on);
	assert_int_equal(live[BUSY].s.pool_guard.state, GUARD_UNKNOWN);
	assert_int_equal(live[ONLY_HOLD].s.pool_guard.held_ms, 3600000);
	assert_true(live[BROKEN].latch.red && live[BROKEN].latch.by_pool);
	assert_true(live[BROKEN].s.hold.on);
	assert_false(live[TAKEN].s.lease_mine);
}

static void every_moment_is_as_it_was_live(void **state)
{
	struct view v;
	struct picture seen;
	struct driver *d;

	(void)state;
	view_init(&v);
	d = open_replay(&v);
	for (int tick = 0; tick < TICKS; tick++) {
		replay_driver.turn(d, (struct instant){tick * 1000, 0});
		assert_true(v.told);
		take_picture(&seen, &v);
		assert_same(&live[tick], &seen);
	}
	assert_true(replay_at_end(d));
	replay_driver.close(d);
	view_release(&v);
}

static void a_seek_shows_the_same(void **state)
{
	static const int ticks[] = {84, 45, 55, 20, 71, 31};
	struct view v;
	struct picture seen;
	struct driver *d;

	(void)state;
	view_init(&v);
	d = open_replay(&v);
	replay_pause(d, true, (struct instant){0, 0});
	for (size_t i = 0; i < sizeof ticks / sizeof *ticks; i++) {
		replay_seek(d, moment(ticks[i]), (struct instant){0, 0});
		do
			replay_driver.turn(d, (struct instant){0, 0});
		while (replay_catching_up(d) >= 0);
		take_picture(&seen, &v);
		assert_same(&live[ticks[i]], &seen);
	}
	replay_driver.close(d);
	view_release(&v);
}

/* Ages and countdowns run by themselves: an event for each change, two for the lease's renewals
 * that outlive what was recorded of it. */
static void only_changes_are_recorded(void **state)
{
	(void)state;
	assert_in_range(ask(place.path, "SELECT count(*) FROM event WHERE kind = 'state'"), 7, 10);
	assert_whole(place.path, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_scene_has_what_it_is_for),
		cmocka_unit_test(every_moment_is_as_it_was_live),
		cmocka_unit_test(a_seek_shows_the_same),
		cmocka_unit_test(only_changes_are_recorded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
