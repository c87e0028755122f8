/* judged: what the judge said live it says of the recording, word for word, at every moment: all
 * that it goes by is in there. */
#include "tests/unit/history/replayed.h"

#include <math.h>

#define TICKS 420
#define RAISED 20 /* to 10 % */
#define WORSE 60  /* v2 begins to fail more often */
#define RAISED_AGAIN 120
#define BACK 200 /* rolled back */
#define AGAIN 230
#define BOOTED 280  /* another boot of the same build */
#define UPDATED 340 /* another build */

#define SETTLE_MS 5000

/* ---- what happened ---- */

static uint64_t random_state;

static int64_t below(int64_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (int64_t)((random_state >> 33) % (uint64_t)n);
}

/* How many of `n` fail at so many of 1000. */
static int64_t some_of(int64_t n, int64_t per_mille)
{
	int64_t bad = 0;
	for (int64_t i = 0; i < n; i++)
		bad += below(1000) < per_mille;
	return bad;
}

static void begin(struct snapshot *s)
{
	memset(s, 0, sizeof *s);
	text_copy(s->pool, sizeof s->pool, "checkout");
	text_copy(s->pool_id, sizeof s->pool_id, "pool-1");
	text_copy(s->node, sizeof s->node, "node-a");
	text_copy(s->node_id, sizeof s->node_id, "n-1");
	text_copy(s->boot_id, sizeof s->boot_id, "boot-1");
	text_copy(s->build, sizeof s->build, "1.0");
	s->strategy = STRATEGY_CANARY;
	s->epoch = 1;
	s->unit_ms = SETTLE_MS;
	s->settle_ms = SETTLE_MS;
	s->drain_ms = 0;
	s->audit_seq = UNKNOWN;
	s->uptime_ms = 3600000;
	s->hold.age_ms = s->lease.ttl_ms = s->keep.left_ms = UNKNOWN;
	s->guard = (struct pool_guard){.known = true,
		.armed = true,
		.state = GUARD_GREEN,
		.action = GUARD_ACTION_ROLLBACK,
		.held_ms = UNKNOWN,
		.verdict = VERDICT_NO_DATA,
		.verdict_text = "NO DATA: no v2 traffic yet"};
	s->change.known = true;
	s->change.age_ms = 1800000;
	for (int arm = 0; arm < ARM_COUNT; arm++)
		s->arms[arm].has_latency = s->arms[arm].has_session_latency = true;
}

static void split_at(struct snapshot *s, int share_bp)
{
	s->share_bp = share_bp;
	s->rev++;
	s->change.age_ms = 0;
}

static void boot(struct snapshot *s, const char *boot_id, const char *build)
{
	text_copy(s->boot_id, sizeof s->boot_id, boot_id);
	text_copy(s->build, sizeof s->build, build);
	s->uptime_ms = 500;
	memset(s->arms, 0, sizeof s->arms);
	for (int arm = 0; arm < ARM_COUNT; arm++)
		s->arms[arm].has_latency = s->arms[arm].has_session_latency = true;
}

static void work(struct arm_counts *a, int64_t sessions, int64_t per_mille, int64_t slow)
{
	int64_t requests = sessions * 20, bad = some_of(sessions, per_mille);
	a->requests += requests;
	a->ok += requests - bad;
	a->failed[FAILURE_OPERATION] += bad;
	a->sessions += sessions;
	a->sessions_bad += bad;
	histogram_add(&a->latency, 900 + below(100), requests);
	for (int64_t i = 0; i < sessions; i++)
		histogram_add(&a->session_latency, (800 + below(800)) * (below(50) ? 1 : slow), 1);
}

static void live_on(struct snapshot *s, int tick)
{
	s->seq++;
	s->uptime_ms += 1000;
	s->now_ms += 1000;
	s->change.age_ms += 1000;
	s->guard.since_ms += 1000;
	if (tick == RAISED || tick == AGAIN)
		split_at(s, 1000);
	if (tick == RAISED_AGAIN)
		split_at(s, 5000);
	if (tick == BACK)
		split_at(s, 0);
	if (tick == BOOTED)
		boot(s, "boot-2", "1.0");
	if (tick == UPDATED)
		boot(s, "boot-3", "1.1");
	int64_t v2 = 200 * s->share_bp / SHARE_FULL;
	bool worse = tick >= WORSE && tick < UPDATED;
	work(&s->arms[ARM_V1], 200 - v2, 15, 5);
	work(&s->arms[ARM_V2], v2, worse ? 30 : 15, worse ? 40 : 5);
	/* its own word, some way behind ours */
	s->guard.verdict = tick < RAISED + 10 ? VERDICT_NO_DATA
		: tick < RAISED_AGAIN             ? VERDICT_SAFE
										  : VERDICT_UNDECIDED;
	text_copy(s->guard.verdict_text, sizeof s->guard.verdict_text,
		s->guard.verdict == VERDICT_SAFE ? "errors SAFE, under 1.5x v1's" : "");
}

static int64_t moment(int tick)
{
	return T0 + tick * 1000 + 120;
}

/* ---- what a console made of it ---- */

struct view {
	struct model m, behind;
	struct model_sample sample;
};

static void add_pool(struct model *m);

static struct view *view_new(void)
{
	struct view *v = mem_new(1, sizeof *v);

	model_init(&v->m, "kim@ops1", true);
	model_init(&v->behind, "kim@ops1", true);
	add_pool(&v->m);
	add_pool(&v->behind);
	return v;
}

static void add_pool(struct model *m)
{
	static const char *const targets[] = {"http://127.0.0.1:7070"};
	struct guard_limits limits;
	struct plan plan;

	guard_limits_init(&limits);
	limits.error_rate = 0.2;
	plan_init(&plan);
	plan.steps[0].share_bp = 1000;
	plan.steps[1].share_bp = 5000;
	plan.step_count = 2;
	model_add(m,
		&(struct pool_setup){.name = "checkout",
			.targets = targets,
			.target_count = 1,
			.interval_ms = 1000,
			.plan = &plan,
			.plan_hash = "abc",
			.limits = &limits});
}

static void view_free(struct view *v)
{
	model_release(&v->m);
	model_release(&v->behind);
	free(v);
}

static void look(struct view *v, const struct snapshot *s, int64_t at_ms)
{
	const struct model_event e = {
		.kind = MODEL_SNAPSHOT, .at = {at_ms, at_ms}, .node = NODE_HANDLE(0, 0), .snapshot = s};

	model_apply(&v->m, &e, &v->sample);
}

static void see(void *ctx, const struct driver_event *e)
{
	struct view *v = ctx;

	take_replayed(&v->m, &v->behind, &v->sample, e);
}

struct picture {
	struct verdict verdict;
	enum verdict_word counts;
	bool cited;
	enum guard_state judge, state;
	bool red;
	int64_t looks;
	double phi;
	char text[VERDICT_TEXT_MAX];
};

static void take_picture(struct picture *out, const struct view *v)
{
	const struct pool *p = &v->m.pools[0];
	const struct standing *s = &p->standing;

	*out = (struct picture){.verdict = s->verdict,
		.counts = s->judge_word,
		.cited = s->judge_cited,
		.judge = s->guard.judge,
		.state = s->guard.state,
		.red = p->latch.red,
		.looks = p->judging->judge.looks,
		.phi = p->judging->judge.metric[JUDGED_ERRORS].now.phi};
	text_copy(out->text, sizeof out->text, s->judge_text);
}

static bool near(double a, double b)
{
	return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= 1e-9 * fmax(1, fabs(a));
}

static void assert_same(int tick, const struct picture *a, const struct picture *b)
{
	const struct verdict *v = &a->verdict, *w = &b->verdict;

	if (a->looks != b->looks || strcmp(v->text, w->text) != 0 || v->word != w->word ||
		v->why != w->why || v->metric != w->metric)
		fail_msg("tick %d: live %s after %lld looks, replayed %s after %lld", tick, v->text,
			(long long)a->looks, w->text, (long long)b->looks);
	if (!near(v->ln_harm, w->ln_harm) || !near(v->ln_safe, w->ln_safe) ||
		!near(a->phi, b->phi) || !near(v->ratio.low, w->ratio.low) ||
		!near(v->ratio.ratio, w->ratio.ratio) || !near(v->ratio.high, w->ratio.high) ||
		!near(v->harm.bad, w->harm.bad))
		fail_msg("tick %d: live ln E %.12g, replayed %.12g", tick, v->ln_harm, w->ln_harm);
	assert_int_equal(v->suspected, w->suspected);
	assert_int_equal(v->brakes, w->brakes);
	assert_int_equal(v->since_wall_ms, w->since_wall_ms);
	assert_int_equal(v->eta_ms, w->eta_ms);
	assert_string_equal(verdict_name(a->counts), verdict_name(b->counts));
	assert_int_equal(a->cited, b->cited);
	assert_int_equal(a->judge, b->judge);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->red, b->red);
}

/* ---- both ---- */

static struct place place;
static struct picture *live;
static enum verdict_word *written; /* the last word that was written down, tick by tick */

static int share_at(int tick)
{
	return tick < RAISED      ? 0
		: tick < RAISED_AGAIN ? 1000
		: tick < BACK         ? 5000
		: tick < AGAIN        ? 0
							  : 1000;
}

/* As a recorder does: each word as it changes. */
static void record_word(struct history *h, int tick)
{
	const struct picture *now = &live[tick];
	const enum verdict_word before = tick > 0 ? written[tick - 1] : VERDICT_NONE;

	written[tick] = before;
	if (now->counts == before || share_at(tick) == 0)
		return;
	written[tick] = now->counts;
	history_event(h, moment(tick), "checkout", "verdict",
		now->text[0] ? now->text : verdict_name(now->counts), NULL);
}

static void record(struct history *h, struct view *v, const struct snapshot *now, int tick)
{
	struct history_sample s = {.tick = tick, .sample = v->sample.sample};

	history_state(h, moment(tick), now->pool, now);
	if (!v->sample.valid)
		return;
	text_copy(s.pool_id, sizeof s.pool_id, now->pool_id);
	text_copy(s.node_id, sizeof s.node_id, now->node_id);
	for (int a = 0; a < ARM_COUNT; a++) {
		s.latency[a] = &v->sample.latency[a];
		s.session_latency[a] = &v->sample.session_latency[a];
	}
	history_sample(h, &s);
}

static int set_up(void **state)
{
	struct snapshot *now = mem_new(1, sizeof *now);
	struct view *v = view_new();
	struct history *h;

	(void)state;
	random_state = 7;
	place_make(&place);
	live = mem_new(TICKS, sizeof *live);
	written = mem_new(TICKS, sizeof *written);
	h = start_opened(&place, "kim@ops1");
	begin(now);
	history_node(h, T0, now->pool, now, "http://127.0.0.1:7070", "http");
	history_recording(h, T0, 1000, "0.1", "ops1", "{}", "{}");
	for (int tick = 0; tick < TICKS; tick++) {
		if (tick > 0)
			live_on(now, tick);
		look(v, now, moment(tick));
		record(h, v, now, tick);
		take_picture(&live[tick], v);
		record_word(h, tick);
	}
	settle(h);
	view_free(v);
	free(now);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(live);
	free(written);
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

static bool said(enum verdict_word word, int from, int to)
{
	for (int tick = from; tick < to; tick++)
		if (live[tick].verdict.word == word)
			return true;
	return false;
}

static void the_scene_has_what_it_is_for(void **state)
{
	(void)state;
	assert_int_equal(live[RAISED - 1].verdict.why, VERDICT_WHY_NEVER);
	assert_int_equal(live[RAISED + 3].looks, 0); /* not settled yet */
	assert_true(said(VERDICT_UNDECIDED, RAISED, WORSE));
	assert_true(said(VERDICT_HARM, WORSE, BACK));
	assert_true(live[BACK - 1].red);
	assert_true(live[BACK - 1].verdict.harm.bad > 10);
	assert_int_equal(live[RAISED + 15].counts, VERDICT_SAFE);
	assert_true(live[RAISED + 15].cited);
	/* another attempt, and another build, begin anew; another boot does not */
	assert_true(live[AGAIN + 2].looks < live[BACK - 1].looks);
	assert_true(live[BOOTED + 2].looks > live[BOOTED - 1].looks);
	assert_in_range(live[UPDATED + 8].looks, 1, 8);
}

static void every_verdict_is_as_it_was_live(void **state)
{
	struct view *v = view_new();
	struct picture seen;
	struct driver *d = open_replay(v);

	(void)state;
	for (int tick = 0; tick < TICKS; tick++) {
		replay_driver.turn(d, (struct instant){tick * 1000, 0});
		take_picture(&seen, v);
		assert_same(tick, &live[tick], &seen);
		if (live[tick].cited)
			assert_string_equal(verdict_name(live[tick].counts), verdict_name(seen.counts));
	}
	assert_true(replay_at_end(d));
	replay_driver.close(d);
	view_free(v);
}

/* At once what was written down then, no figure of the judge's; then the very verdict, from
 * whichever side. */
static void a_seek_ends_in_the_verdict_of_then(void **state)
{
	static const int to[] = {TICKS - 1, WORSE + 30, BACK - 1, RAISED + 15, UPDATED + 8, BOOTED};
	struct view *v = view_new();
	struct driver *d = open_replay(v);
	struct picture seen;
	int harm = 0;

	(void)state;
	replay_pause(d, true, (struct instant){0, 0});
	for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
		const struct pool *p = &v->m.pools[0];

		replay_seek(d, moment(to[i]), (struct instant){0, 0});
		replay_driver.turn(d, (struct instant){0, 0});
		take_picture(&seen, v);
		assert_int_equal(seen.looks, 0);
		assert_true(isnan(seen.verdict.ln_harm) && isnan(seen.verdict.harm.bad));
		assert_int_equal(seen.verdict.word, written[to[i]]);
		assert_true(seen.cited);
		assert_true(ring_length(&p->ticks) > 0);
		assert_int_equal(p->standing.reported_bp, share_at(to[i]));
		harm += seen.verdict.word == VERDICT_HARM;
		while (replay_catching_up(d) >= 0)
			replay_driver.turn(d, (struct instant){0, 0});
		take_picture(&seen, v);
		assert_same(to[i], &live[to[i]], &seen);
	}
	assert_true(harm > 0);
	replay_driver.close(d);
	view_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_scene_has_what_it_is_for),
		cmocka_unit_test(every_verdict_is_as_it_was_live),
		cmocka_unit_test(a_seek_ends_in_the_verdict_of_then),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
