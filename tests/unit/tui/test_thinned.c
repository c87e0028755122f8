/* A recording of which the older samples became minutes: it replays without gaps, with its verdicts
 * as they were recorded; what-if and report say what of it nobody judges. */
#include "tests/unit/history/fixture.h"

#include "history/journal.h"
#include "history/replay.h"
#include "history/thin.h"
#include "model/model.h"
#include "tests/lib/recording.h"
#include "tui/report.h"
#include "tui/report_json.h"
#include "tui/report_text.h"
#include "tui/whatif_overlay.h"

#define SECONDS 480
#define RAISED 70 /* within minutes, all of them */
#define BROKEN 130
#define DOWN 230
#define AGAIN 400
#define MINUTES 300 /* until then there are only minutes */
#define HOUR_MS INT64_C(3600000)

static struct place place;
static struct recording_second second[SECONDS];

/* ---- a recording ---- */

static void write_words(void)
{
	struct history *h = start_opened(&place, "kim@ops1");
	struct outcome_row row =
		make_outcome("step-1", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, recording_moment(RAISED));
	history_event(
		h, recording_moment(100) + 1, "checkout", "verdict", "errors UNDECIDED", NULL);
	history_event(h, recording_moment(150) + 1, "checkout", "verdict", "errors HARM", NULL);
	history_event(h, recording_moment(320), "checkout", "verdict", "errors SAFE", NULL);
	commit(h, "step-1", recording_moment(RAISED) - 500);
	history_outcome(h, &row);
	settle(h);
}

static bool nobody(void *ctx)
{
	(void)ctx;
	return false;
}

/* So that everything before a second is old enough. */
static void thin_until(size_t last)
{
	const struct thin_how how = {HOUR_MS, 1}; /* by room, which does not wait for an hour of them */
	const struct thin_now now = {1000, recording_moment(last) + HOUR_MS, 1 << 20};
	struct journal j;
	struct err err = {0};
	bool more = true;
	if (journal_open(&j, place.path, "kim@ops1", place.keys, false, &err) < 0)
		fail_msg("%s", err.text);
	struct thin *thin = thin_new(&j, &how);
	for (int i = 0; more; i++) {
		assert_true(i < 10000);
		if (thin_work(thin, &now, nobody, NULL, &more, &err) != SCHEMA_OK)
			fail_msg("%s", err.text);
	}
	thin_free(thin);
	journal_close(&j);
}

static int set_up(void **state)
{
	(void)state;
	place_make(&place);
	recording_quiet(second, SECONDS, RAISED);
	for (size_t i = BROKEN; i < 200; i++)
		second[i].failed[ARM_V2] = 5;
	for (size_t i = DOWN; i < AGAIN; i++) {
		second[i].done[ARM_V1] = 100;
		second[i].done[ARM_V2] = 0;
		second[i].share_bp = 0;
	}
	recording_make(place.path, place.keys, 1, second, SECONDS);
	write_words();
	thin_until(MINUTES);
	assert_true(ask(place.path, "SELECT count(*) FROM sample") > 2 * (SECONDS - MINUTES - 70));
	assert_in_range(ask(place.path, "SELECT count(*) FROM rollup"), 8, 10);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	place_clean(&place);
	return 0;
}

/* What v1 had served in all. */
static int64_t served_until(size_t last)
{
	int64_t sum = 0;
	for (size_t i = 1; i <= last; i++)
		sum += second[i].done[ARM_V1];
	return sum;
}

/* ---- what a replay tells ---- */

struct seen {
	struct model front, behind;
	struct model_sample *sample;
	struct driver *driver;
	int64_t served, at_ms; /* of the last document in front */
	int minutes, documents, troubles, inexact;
};

static void hear(void *ctx, const struct driver_event *e)
{
	static const enum model_event_kind kinds[] = {[DRIVER_SNAPSHOT] = MODEL_SNAPSHOT,
		[DRIVER_TROUBLE] = MODEL_TROUBLE,
		[DRIVER_RESET] = MODEL_RESET,
		[DRIVER_DECISION] = MODEL_DECISION,
		[DRIVER_ROW] = MODEL_ROW,
		[DRIVER_TOLD] = MODEL_TOLD};
	struct seen *s = ctx;
	if (e->kind == DRIVER_SWAP) {
		model_exchange(&s->front, &s->behind, 0);
		return;
	}
	const struct model_event what = {.kind = kinds[e->kind],
		.at = e->at,
		.node = NODE_HANDLE(0, 0),
		.snapshot = e->snapshot,
		.err = e->err,
		.retry_ms = UNKNOWN,
		.decision = e->decision,
		.row = e->sample,
		.latency = {e->latency[ARM_V1], e->latency[ARM_V2]},
		.minute = e->minute,
		.told = e->told};
	model_apply(e->behind ? &s->behind : &s->front, &what, s->sample);
	s->troubles += e->kind == DRIVER_TROUBLE;
	if (e->kind != DRIVER_SNAPSHOT)
		return;
	const int64_t served = e->snapshot->arms[ARM_V1].requests;
	const size_t now = (size_t)((e->at.wall_ms - RECORDING_MS) / 1000);
	s->documents++;
	s->minutes += e->minute;
	s->inexact += served != served_until(now);
	if (e->behind)
		return;
	assert_true(e->at.wall_ms >= s->at_ms && (served >= s->served || s->served == 0));
	s->served = served;
	s->at_ms = e->at.wall_ms;
}

static void open_models(struct seen *s)
{
	static const char *const target[] = {"replay:"};
	struct guard_limits limits;
	guard_limits_init(&limits);
	struct model *const both[] = {&s->front, &s->behind};
	for (int i = 0; i < 2; i++) {
		model_init(both[i], "", true);
		model_add(both[i],
			&(struct pool_setup){.name = "checkout",
				.targets = target,
				.target_count = 1,
				.interval_ms = 1000,
				.limits = &limits});
	}
	s->sample = mem_new(1, sizeof *s->sample);
}

static void sit_down(struct seen *s)
{
	char target[256];
	struct err err = {0};
	memset(s, 0, sizeof *s);
	open_models(s);
	snprintf(target, sizeof target, "replay:%s", place.path);
	const struct driver_open how = {
		.target = target, .sink = {hear, s}, .now = {0, RECORDING_MS + HOUR_MS}};
	if (replay_driver.open(&s->driver, &how, &err) < 0)
		fail_msg("%s", err.text);
	replay_pause(s->driver, true, how.now);
}

static void get_up(struct seen *s)
{
	replay_driver.close(s->driver);
	model_release(&s->front);
	model_release(&s->behind);
	free(s->sample);
}

static const struct pool *pool(const struct seen *s)
{
	return &s->front.pools[0];
}

/* On to a second, telling all that is before it. */
static void play_to(struct seen *s, size_t to)
{
	const int64_t ms = recording_moment(to) - replay_now(s->driver).wall_ms;
	replay_pause(s->driver, false, (struct instant){0, 0});
	replay_driver.turn(s->driver, (struct instant){ms, ms});
	replay_pause(s->driver, true, (struct instant){ms, ms});
	assert_int_equal(replay_now(s->driver).wall_ms, recording_moment(to));
	const struct instant now = replay_now(s->driver);
	model_apply(&s->front, &(struct model_event){.kind = MODEL_TICK, .at = now}, NULL);
}

static void seek_to(struct seen *s, size_t to)
{
	s->at_ms = s->served = 0;
	replay_seek(s->driver, recording_moment(to), (struct instant){0, 0});
	replay_driver.turn(s->driver, (struct instant){0, 0});
}

/* ---- tests ---- */

static void a_minute_is_a_document_and_no_gap(void **state)
{
	struct seen s;
	(void)state;
	sit_down(&s);
	play_to(&s, SECONDS - 1);
	assert_int_equal(s.troubles, 0);
	assert_int_equal(s.inexact, 0);
	assert_in_range(s.minutes, 5, 12);
	assert_in_range(s.documents, SECONDS - MINUTES, SECONDS - MINUTES + 20);
	assert_int_equal(s.served, served_until(SECONDS - 1));
	get_up(&s);
}

/* The means of v1's minute, in every second of it. */
static void assert_means(const struct pool *p)
{
	const struct ring *ticks = &p->ticks;
	for (int64_t t = ticks->next - 50; t < ticks->next; t++) {
		const struct tick *tick = ring_at(ticks, t);
		assert_non_null(tick);
		assert_in_range(tick->arms[ARM_V1].requests, 89, 91);
		assert_in_range(tick->arms[ARM_V1].p50_us, 900, 1100);
		assert_in_range(tick->interval_ms, 990, 1010);
	}
	assert_in_range((int)p->standing.arms[ARM_V1].rate, 89, 91);
	assert_in_range((int)(p->standing.arms[ARM_V2].error_rate * 100), 40, 50);
	assert_int_equal(p->standing.freshness, FRESHNESS_LIVE);
	assert_true(pool_shows_minutes(p));
}

static void its_verdicts_are_those_that_were_recorded(void **state)
{
	struct seen s;
	(void)state;
	sit_down(&s);
	play_to(&s, 125);
	assert_string_equal(pool(&s)->standing.verdict.text, "errors UNDECIDED");
	play_to(&s, 195);
	assert_int_equal(pool(&s)->standing.verdict.word, VERDICT_HARM);
	assert_true(pool(&s)->standing.judge_cited);
	assert_int_equal(pool(&s)->judging->judge.looks, 0);
	assert_means(pool(&s));
	/* behind them the judge lacks what was before: they stand, as they go on, until it begins
	 * anew */
	play_to(&s, 310);
	assert_false(pool_shows_minutes(pool(&s)));
	assert_int_equal(pool(&s)->standing.verdict.word, VERDICT_HARM);
	play_to(&s, 330);
	assert_int_equal(pool(&s)->standing.verdict.word, VERDICT_SAFE);
	assert_true(pool(&s)->thinned);
	play_to(&s, AGAIN + 50);
	assert_false(pool(&s)->thinned);
	assert_false(pool(&s)->standing.judge_cited);
	assert_in_range(pool(&s)->judging->judge.looks, 1, 50);
	get_up(&s);
}

static void a_seek_into_it_shows_means_and_words_at_once(void **state)
{
	struct seen s;
	(void)state;
	sit_down(&s);
	seek_to(&s, 195);
	assert_true(replay_catching_up(s.driver) >= 0);
	assert_int_equal(pool(&s)->standing.verdict.word, VERDICT_HARM);
	assert_means(pool(&s));
	for (int turns = 0; replay_catching_up(s.driver) >= 0; turns++) {
		assert_true(turns < 20);
		replay_driver.turn(s.driver, (struct instant){0, 0});
	}
	assert_int_equal(pool(&s)->standing.verdict.word, VERDICT_HARM);
	assert_means(pool(&s));
	assert_int_equal(s.troubles, 0);
	get_up(&s);
}

/* What a minute was up to its middle nobody knows: it is as if all in it were spread evenly. */
static void from_the_middle_of_a_minute_no_counter_goes_back(void **state)
{
	static const size_t starts[] = {1, 59, 60, 90, 150, 175, 231, 270, 299, 301};
	(void)state;
	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
		struct seen s;
		sit_down(&s);
		replay_from(s.driver, recording_moment(starts[i]), (struct instant){0, 0});
		s.at_ms = s.served = 0;
		play_to(&s, SECONDS - 1);
		assert_int_equal(s.troubles, 0);
		assert_int_equal(pool(&s)->nodes[0].trouble.code, ERR_NONE);
		assert_in_range(s.served, served_until(SECONDS - 1), served_until(SECONDS - 1) + 6000);
		get_up(&s);
	}
}

static void run_whatif(size_t until, const char *says, int64_t least_ms, int64_t most_ms)
{
	const struct whatif_source source = {.path = place.path, .until_ms = recording_moment(until)};
	struct whatif_policy p = {.name = "strict"};
	struct whatif *w = NULL;
	struct text line = {0};
	struct err err = {0};
	guard_limits_init(&p.limits);
	assert_int_equal(whatif_set(&p.limits, "guards.error_rate_threshold=0.01", &err), 0);
	if (whatif_run(&w, &source, &p, 1, NULL, NULL, &err) != 0)
		fail_msg("%s", err.text);
	assert_in_range(whatif_facts(w)->thinned_ms, least_ms, most_ms);
	assert_int_equal(whatif_results(w, NULL)->fires, 0);
	assert_int_equal(whatif_facts(w)->gaps, 0);
	whatif_line(&line, whatif_facts(w), whatif_results(w, NULL));
	if (!strstr(text_str(&line), says))
		fail_msg("%s", text_str(&line));
	text_clear(&line);
	whatif_facts_json(&line, whatif_facts(w));
	assert_non_null(strstr(text_str(&line), "\"thinned_ms\":"));
	text_free(&line);
	whatif_free(w);
}

/* v2 broke within them: no policy is held to it. */
static void what_if_says_what_it_does_not_judge(void **state)
{
	(void)state;
	run_whatif(SECONDS - 1, "; not judged: 4m59s of it, thinned to minutes", 298000, 300000);
	run_whatif(290, "not judged: all of it is thinned to minutes", 230000, 290000);
}

static void overlay_over(const char *says)
{
	const struct whatif_source source = {.path = place.path, .pool = "checkout"};
	struct whatif_overlay o = {0};
	struct guard_limits limits;
	struct err err = {0};
	guard_limits_init(&limits);
	if (whatif_overlay_begin(&o, &source, &limits, "guards.error_rate_threshold=0.01", &err))
		fail_msg("%s", err.text);
	while (whatif_overlay_turn(&o))
		continue;
	assert_string_equal(o.pool, "checkout");
	if (!strstr(o.line, says))
		fail_msg("%s", o.line);
	whatif_overlay_end(&o);
}

static void nor_does_the_overlay(void **state)
{
	(void)state;
	overlay_over("=0.01: 4m59s not judged (thinned); would not have fired");
}

static void a_report_says_which_times_are_thinned(void **state)
{
	const struct report_how how = {.path = place.path};
	struct report r = {0};
	struct text out = {0};
	struct err err = {0};
	(void)state;
	if (report_make(&r, &how, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(r.gap_count, 0);
	assert_int_equal(r.thinned_count, 1);
	assert_in_range(
		r.thinned[0].until_ms, recording_moment(MINUTES - 2), recording_moment(MINUTES));
	assert_true(r.all.units[ARM_V2].n > 10 * (DOWN - RAISED - 60));
	report_json(&out, &r);
	assert_non_null(strstr(text_str(&out), "\"thinned\":[{\"from\":"));
	text_clear(&out);
	report_text(&out, &r);
	assert_non_null(strstr(text_str(&out), "Thinned: of these times one sum a minute is kept"));
	assert_non_null(strstr(text_str(&out), "of samples are thinned"));
	text_free(&out);
	report_release(&r);
}

/* Last: nothing else is left of the file then. */
static void a_recording_of_minutes_alone_replays_too(void **state)
{
	struct replay_span span;
	struct seen s;
	(void)state;
	thin_until(SECONDS + 120);
	assert_int_equal(ask(place.path, "SELECT count(*) FROM sample"), 0);
	sit_down(&s);
	replay_span(s.driver, &span);
	assert_int_equal(span.start_ms, recording_moment(0));
	assert_int_equal(span.end_ms, recording_moment(SECONDS - 1));
	play_to(&s, SECONDS - 1);
	assert_int_equal(s.troubles, 0);
	assert_int_equal(s.served, served_until(SECONDS - 1));
	assert_true(pool_shows_minutes(pool(&s)));
	get_up(&s);
	overlay_over("not judged: all of it is thinned to minutes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_minute_is_a_document_and_no_gap),
		cmocka_unit_test(its_verdicts_are_those_that_were_recorded),
		cmocka_unit_test(a_seek_into_it_shows_means_and_words_at_once),
		cmocka_unit_test(from_the_middle_of_a_minute_no_counter_goes_back),
		cmocka_unit_test(what_if_says_what_it_does_not_judge),
		cmocka_unit_test(nor_does_the_overlay),
		cmocka_unit_test(a_report_says_which_times_are_thinned),
		cmocka_unit_test(a_recording_of_minutes_alone_replays_too),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
