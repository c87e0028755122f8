/* The brief: what it says of a pool made by hand, part by part, with what is missing, unknown or
 * hostile in it; as text and as JSON. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/mem.h"
#include "tests/lib/corpus.h"
#include "tui/brief.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL_MS 1763733600000 /* 2025-11-21T14:00:00Z */
#define MINUTE 60000

static const struct instant now = {5000000, WALL_MS};
static struct model m;
static struct pool *p;
static struct brief b;
static struct brief_how how;

static int set_up(void **state)
{
	static const char *const targets[] = {"http://10.0.0.7:7070", "unix:/run/it's.sock"};
	static const int shares[] = {100, 1000, 5000, 10000};
	struct guard_limits limits;
	struct plan plan;
	(void)state;
	guard_limits_init(&limits);
	plan_init(&plan);
	for (int i = 0; i < 4; i++)
		plan.steps[plan.step_count++].share_bp = shares[i];
	model_init(&m, "kim@ops1", false);
	const struct pool_setup setup = {.name = "checkout",
		.env = "PROD",
		.targets = targets,
		.target_count = 2,
		.interval_ms = 1000,
		.plan = &plan,
		.plan_hash = "abc",
		.limits = &limits};
	model_add(&m, &setup);
	p = &m.pools[0];
	p->decisions = mem_new(POOL_DECISIONS, sizeof *p->decisions);
	struct standing *s = &p->standing;
	s->reported_bp = s->intended_bp = s->measured_bp = s->baseline_bp = s->kept_bp = 0;
	s->bake_left_ms = s->stay_left_ms = 0;
	s->owner = OWNER_POOL;
	s->headline.level = LEVEL_OK;
	s->freshness = FRESHNESS_LIVE;
	s->age_ms = 400;
	snprintf(s->headline.text, sizeof s->headline.text, "Ready for 1 %%. S steps");
	snprintf(s->state_text, sizeof s->state_text, "ARMED at 0 %%");
	snprintf(s->guard_text, sizeof s->guard_text, "guard: pool, rolls back by itself");
	snprintf(s->leave_text, sizeof s->leave_text, "all goes on");
	how = (struct brief_how){.model = &m, .pool = p, .now = now, .page = true, .changes = 20};
	brief_since(&how, UNKNOWN);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	brief_release(&b);
	model_release(&m);
	return 0;
}

static struct decision *decide(enum verb verb, int from_bp, int to_bp, int64_t ago_ms)
{
	struct decision *d = &p->decisions[p->decision_count++];
	*d = (struct decision){.verb = verb,
		.from_bp = from_bp,
		.to_bp = to_bp,
		.at_ms = WALL_MS - ago_ms,
		.outcome = OUTCOME_APPLIED,
		.outcome_ms = WALL_MS - ago_ms,
		.verified_ms = WALL_MS - ago_ms + 400,
		.closed_ms = UNKNOWN,
		.latency_ms = UNKNOWN};
	snprintf(d->id, sizeof d->id, "id-%zu", p->decision_count);
	snprintf(d->actor, sizeof d->actor, "ana@ops2");
	snprintf(d->role, sizeof d->role, "operator");
	snprintf(d->reason, sizeof d->reason, "day %zu", p->decision_count);
	return d;
}

static const char *page(void)
{
	static struct text t;
	text_clear(&t);
	brief_release(&b);
	brief_write(&b, &how);
	brief_plain(&t, &b);
	return text_str(&t);
}

static void says(const char *words)
{
	const char *text = page();
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in:\n%s", words, text);
}

static void is_silent_on(const char *words)
{
	const char *text = page();
	if (strstr(text, words))
		fail_msg("\"%s\" is in:\n%s", words, text);
}

/* How many lines are open things. */
static int open_lines(void)
{
	int n = 0;
	page();
	for (size_t i = 0; i < b.count; i++)
		n += b.line[i].part == BRIEF_OPEN && strcmp(b.line[i].text, "nothing") != 0;
	return n;
}

/* ---- parts ---- */

/* A share that nobody here decided is open until somebody says why. */
static void a_share_of_unknown_origin_is_open(void **state)
{
	(void)state;
	p->standing.reported_bp = 1000;
	says("10 % of unknown origin: no decision is known here, and the pool names nobody");
	struct snapshot *last = p->nodes[0].last = mem_new(1, sizeof *last);
	last->change.known = true;
	last->change.age_ms = 90 * MINUTE;
	says("10 % of unknown origin: no decision is known here; the pool names nobody, 1h ago");
	snprintf(last->change.actor, sizeof last->change.actor, "deploy@ci");
	says("the pool names deploy@ci, 1h ago");
	assert_int_equal(open_lines(), 1);
	decide(VERB_STEP, 0, 1000, MINUTE);
	is_silent_on("unknown origin");
	assert_int_equal(open_lines(), 0);
}

static void it_opens_with_the_headline_and_has_every_part(void **state)
{
	(void)state;
	assert_ptr_equal(strstr(page(), "Ready for 1 %. S steps\npool "), page());
	int part = -1;
	for (size_t i = 0; i < b.count; i++) {
		assert_true((int)b.line[i].part == part || (int)b.line[i].part == part + 1);
		part = (int)b.line[i].part;
	}
	assert_int_equal(part, BRIEF_COUNT - 1);
	says("at 2025-11-21T14:00:00Z");
	says("over at the earliest");
	says("open       nothing");
}

static void changes_are_those_since(void **state)
{
	(void)state;
	decide(VERB_STEP, 0, 100, 30 * 60 * MINUTE);
	decide(VERB_STEP, 100, 1000, 10 * MINUTE);
	decide(VERB_ANNOTATE, -1, -1, 5 * MINUTE);
	says("2 changes since Thu 14:00");
	says("step 1 % > 10 %");
	says("day 2");
	is_silent_on("day 1");
	brief_since(&how, WALL_MS - 6 * MINUTE);
	says("1 change since you left 6:00 ago (13:54:00)");
	brief_since(&how, WALL_MS);
	says("0 changes since you left");
}

static void of_many_changes_the_newest_are_told(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++)
		decide(VERB_ANNOTATE, -1, -1, (30 - i) * MINUTE);
	how.changes = 3;
	says("30 changes");
	says("day 30");
	is_silent_on("\"day 27\"");
	says("and 27 before those: weir log");
	how.changes = 0;
	is_silent_on("before those");
	/* what is remembered may not be all */
	while (p->decision_count < POOL_DECISIONS / 2)
		decide(VERB_ANNOTATE, -1, -1, MINUTE);
	says("at least 128 changes");
}

static void a_missing_reason_is_open_until_a_note_gives_one(void **state)
{
	(void)state;
	decide(VERB_STEP, 0, 100, 60 * MINUTE);
	assert_int_equal(open_lines(), 0);
	p->decisions[0].reason[0] = 0;
	says("no reason: step 0 > 1 % of ana@ops2 at 13:00:00");
	/* nobody asks a keeper, a pool or a guard */
	snprintf(p->decisions[0].role, sizeof p->decisions[0].role, "pool");
	assert_int_equal(open_lines(), 0);
	snprintf(p->decisions[0].role, sizeof p->decisions[0].role, "operator");
	/* a note about another one is none of this */
	struct decision *note = decide(VERB_ANNOTATE, -1, -1, MINUTE);
	snprintf(note->reason, sizeof note->reason, "re id-10: quiet night");
	assert_int_equal(open_lines(), 1);
	snprintf(note->reason, sizeof note->reason, "re id-1: quiet night");
	assert_int_equal(open_lines(), 0);
	/* what was refused needs none */
	p->decisions[0].outcome = OUTCOME_REFUSED;
	note->reason[0] = 0;
	assert_int_equal(open_lines(), 0);
}

static void of_many_without_a_reason_three_are_named(void **state)
{
	(void)state;
	for (int i = 0; i < 7; i++)
		decide(VERB_ROLLBACK, 100, 0, (7 - i) * MINUTE)->reason[0] = 0;
	assert_int_equal(open_lines(), 3);
	says("at 13:57:00, and 4 more");
	how.page = false;
	assert_int_equal(open_lines(), 1);
	says("at 13:59:00, and 6 more (6, A)");
}

static void what_is_open_is_loud(void **state)
{
	struct standing *s = &p->standing;
	(void)state;
	decide(VERB_STEP, 0, 100, MINUTE)->outcome = OUTCOME_UNRESOLVED;
	says("UNRESOLVED: step 0 > 1 % of ana@ops2");
	struct decision *back = decide(VERB_ROLLBACK, 100, 0, MINUTE);
	back->verified_ms = UNKNOWN;
	says("UNVERIFIED: rollback 1 > 0 %");
	back->verified_ms = WALL_MS;
	p->decisions[0].outcome = OUTCOME_APPLIED;
	assert_int_equal(open_lines(), 0);
	p->latch.red = true;
	p->latch.metric = METRIC_P99;
	p->latch.since_wall_ms = WALL_MS - 2 * MINUTE;
	says("RED since 13:58:00: p99");
	p->latch.by_pool = true;
	snprintf(s->pool_guard.word, sizeof s->pool_guard.word, "p99 2,100 of 1,000 ms");
	says("RED since 13:58:00: p99 2,100 of 1,000 ms");
	p->latch.red = false;
	s->diverged = true;
	s->reported_bp = 3500;
	says("DIVERGED: the pool says 35 %, asked 0 %");
	s->diverged = false;
	s->hold.on = true;
	snprintf(s->hold.actor, sizeof s->hold.actor, "lee");
	says("held by lee, no reason given");
	snprintf(s->hold.reason, sizeof s->hold.reason, "freeze");
	says("held by lee: \"freeze\"");
	s->hold.on = false;
	s->went_back = true;
	says("took back a raise that nobody kept");
	s->went_back = false;
	err_set(&p->nodes[1].trouble, ERR_UNREACHABLE, "no answer from '%s'", "b");
	says("no answer from 'b'");
}

static void what_happens_by_itself(void **state)
{
	struct standing *s = &p->standing;
	(void)state;
	says("by itself  guard: pool, rolls back by itself; if all leave: all goes on");
	s->reported_bp = 1000;
	s->kept_bp = 100;
	s->keep = (struct keep){true, 90000, ORPHAN_REVERT};
	says("by itself  back to 1 % at 14:01:30, in 01:30, unless it is kept");
	s->keep.on_orphan = ORPHAN_HOLD;
	says("by itself  held at 14:01:30, in 01:30, unless it is kept");
	s->keep.left_ms = UNKNOWN;
	says("by itself  nothing goes back while it is held");
}

static void the_way_back_is_a_line_for_a_shell(void **state)
{
	(void)state;
	says("to 0 %: R in the console, or weir rollback checkout; without weir:");
	says("'http://10.0.0.7:7070/v1/rollback'");
	says("--unix-socket '/run/it'\\''s.sock'");
	is_silent_on("Authorization");
	how.token_file = "/etc/weir/token";
	says("-H \"Authorization: Bearer $(head -n 1 '/etc/weir/token')\"");
	p->finalized = true;
	says("way back   none: the migration is finished");
}

static void without_a_plan_it_says_so(void **state)
{
	(void)state;
	p->has_plan = false;
	says("plan       none: steps by hand");
}

static void nothing_known_is_nothing_claimed(void **state)
{
	struct standing *s = &p->standing;
	(void)state;
	s->reported_bp = s->intended_bp = s->measured_bp = s->baseline_bp = s->kept_bp = -1;
	s->age_ms = s->measured_n = UNKNOWN;
	s->freshness = FRESHNESS_NEVER;
	says("asked -, pool says -, seen - of - requests");
	says("news NEVER, at");
	says("by itself  not known: the pool has said nothing");
	says("way back   to the baseline: R");
}

static void the_screen_has_what_its_steps_do_not_say(void **state)
{
	(void)state;
	how.page = false;
	is_silent_on("plan ");
	is_silent_on("curl");
	says("weir brief");
}

/* ---- as JSON, and what is hostile ---- */

static cJSON *json(void)
{
	struct text t = {0};
	page();
	brief_json(&t, &b, &how);
	assert_null(strchr(text_str(&t), '\n'));
	cJSON *j = cJSON_Parse(text_str(&t));
	assert_non_null(j);
	text_free(&t);
	return j;
}

static void json_has_the_same_lines(void **state)
{
	(void)state;
	decide(VERB_STEP, 0, 100, MINUTE);
	cJSON *j = json();
	assert_string_equal(cJSON_GetObjectItem(j, "schema")->valuestring, "weir.brief/1");
	assert_string_equal(cJSON_GetObjectItem(j, "level")->valuestring, "ok");
	assert_string_equal(cJSON_GetObjectItem(j, "at")->valuestring, "2025-11-21T14:00:00.000Z");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "since")), 2);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "plan")), 5);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "way_back")), 3);
	cJSON_Delete(j);
}

static void words_from_elsewhere_are_only_text(void **state)
{
	(void)state;
	for (int i = 0; i < CORPUS_COUNT; i++) {
		p->decision_count = 0;
		struct decision *d = decide(VERB_STEP, 0, 100, MINUTE);
		text_clean(d->actor, sizeof d->actor, corpus_row(i)->bytes, corpus_row(i)->len);
		text_clean(d->reason, sizeof d->reason, corpus_row(i)->bytes, corpus_row(i)->len);
		const char *text = page();
		for (const char *at = text; *at; at++)
			assert_true((unsigned char)*at >= ' ' || *at == '\n');
		assert_true(text_valid(text, strlen(text)));
		cJSON_Delete(json());
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_share_of_unknown_origin_is_open),
		CASE(it_opens_with_the_headline_and_has_every_part),
		CASE(changes_are_those_since),
		CASE(of_many_changes_the_newest_are_told),
		CASE(a_missing_reason_is_open_until_a_note_gives_one),
		CASE(of_many_without_a_reason_three_are_named),
		CASE(what_is_open_is_loud),
		CASE(what_happens_by_itself),
		CASE(the_way_back_is_a_line_for_a_shell),
		CASE(without_a_plan_it_says_so),
		CASE(nothing_known_is_nothing_claimed),
		CASE(the_screen_has_what_its_steps_do_not_say),
		CASE(json_has_the_same_lines),
		CASE(words_from_elsewhere_are_only_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
