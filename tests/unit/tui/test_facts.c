/* Facts: the JSON that scripts rely on and the words beside it, of pools in every condition. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/scan.h"
#include "tests/lib/site.h"
#include "tui/facts.h"

#include <stdio.h>
#include <string.h>

static struct site s;
static struct desk *d;

static int sit_down(void **state)
{
	(void)state;
	site_init(&s, 2, 11);
	d = NULL;
	return 0;
}

static int leave(void **state)
{
	(void)state;
	site_release(&s);
	return 0;
}

/* The value of a member at a path like "arms.v1.rps", as its bytes; NULL where there is none.
 */
static bool member(const char *json, const char *path, char *out, size_t size)
{
	const char *at = json;
	size_t len = strlen(json);
	while (*path) {
		char name[40];
		const char *value;
		size_t n = strcspn(path, "."), value_len;
		struct err err;
		snprintf(name, sizeof name, "%.*s", (int)n, path);
		if (scan_member(at, len, name, &value, &value_len, &err) < 0 || !value)
			return false;
		at = value;
		len = value_len;
		path += n + (path[n] == '.');
	}
	snprintf(out, size, "%.*s", (int)len, at);
	return true;
}

static const char *json(void)
{
	static char out[32768];
	struct text t = {0};
	struct err err = {0};
	facts_json(&t, desk_model(d), site_pool(d));
	if (scan_document(text_str(&t), t.len, &err) < 0)
		fail_msg("%s: %s", err.text, text_str(&t));
	assert_null(strchr(text_str(&t), '\n'));
	assert_true(t.len < sizeof out);
	memcpy(out, text_str(&t), t.len + 1);
	text_free(&t);
	return out;
}

static void says(const char *document, const char *path, const char *value)
{
	char out[400];
	if (!member(document, path, out, sizeof out))
		fail_msg("no \"%s\" in %s", path, document);
	assert_string_equal(out, value);
}

/* Every member that weir.status/1 promises, known or null. */
static void has_all(const char *document)
{
	static const char *const paths[] = {"schema", "pool", "target", "env", "headline.level",
		"headline.text", "state", "strategy", "freshness", "age_ms", "share.intended_bp",
		"share.reported_bp", "share.measured_bp", "share.measured_n", "arms.v1.rps",
		"arms.v1.requests", "arms.v1.error_rate", "arms.v1.errors", "arms.v1.p50_us",
		"arms.v1.p95_us", "arms.v1.p99_us", "arms.v1.memory_bytes", "arms.v1.workers.total",
		"arms.v1.workers.busy", "arms.v1.workers.crashed", "arms.v2.rps", "arms.v2.requests",
		"arms.v2.error_rate", "arms.v2.errors", "arms.v2.p50_us", "arms.v2.p95_us",
		"arms.v2.p99_us", "arms.v2.memory_bytes", "arms.v2.workers.total",
		"arms.v2.workers.busy", "arms.v2.workers.crashed", "guard.owner", "guard.state",
		"verdict", "harm", "worst", "lease", "reverts", "plan", "blocked", "nodes", "epoch",
		"rev"};
	char out[8192];
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (!member(document, paths[i], out, sizeof out))
			fail_msg("no \"%s\" in %s", paths[i], document);
}

static const char *plain(void)
{
	static char out[16384];
	struct text t = {0};
	facts_plain(&t, desk_model(d), site_pool(d), s.now);
	text_copy(out, sizeof out, text_str(&t));
	text_free(&t);
	return out;
}

static void before_any_news_all_is_null(void **state)
{
	(void)state;
	const struct site_desk bare = {.actor = "kim@ops1"};
	s.node[0]->silent = s.node[1]->silent = true;
	d = site_open(&s, &bare);
	const char *j = json();
	has_all(j);
	static const char *const unknown[] = {"strategy", "age_ms", "share.intended_bp",
		"share.reported_bp", "share.measured_bp", "share.measured_n", "arms.v1.rps",
		"arms.v1.requests", "arms.v1.error_rate", "arms.v1.p99_us", "arms.v2.memory_bytes",
		"arms.v2.workers.busy", "epoch", "rev"};
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		says(j, unknown[i], "null");
	says(j, "freshness", "\"NEVER\"");
	assert_non_null(strstr(j, "\"code\":\"W100\""));
	assert_non_null(strstr(plain(), "NEVER"));
}

static void a_running_migration_is_told_in_numbers(void **state)
{
	(void)state;
	const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};
	d = site_open(&s, &kim);
	site_step(&s, d, 100);
	site_run(&s, 5000);
	const char *j = json();
	has_all(j);
	says(j, "schema", "\"weir.status/1\"");
	says(j, "pool", "\"checkout\"");
	says(j, "target", "\"fake:node-a\"");
	says(j, "env", "\"PROD\"");
	says(j, "state", "\"BAKING\"");
	says(j, "strategy", "\"canary\"");
	says(j, "freshness", "\"LIVE\"");
	says(j, "headline.level", "\"ok\"");
	says(j, "share.intended_bp", "100");
	says(j, "share.reported_bp", "100");
	says(j, "plan.steps_bp", "[100,1000,5000,10000]");
	says(j, "plan.at", "0");
	says(j, "guard.owner", "\"pool\"");
	says(j, "guard.flaps", "0");
	says(j, "guard.holds_only_ms", "null");
	says(j, "lease.holder", "\"kim@ops1\"");
	says(j, "lease.mine", "true");
	says(j, "reverts.action", "\"revert\"");
	says(j, "reverts.to_bp", "0");
	says(j, "epoch", "1");
	says(j, "rev", "1");
	says(j, "arms.v1.workers.total", "16"); /* of both nodes */
	says(j, "arms.v1.memory_bytes", "838860800");
	assert_non_null(strstr(j, "\"code\":\"W184\""));
	char left[40], wait[64];
	assert_true(member(j, "plan.bake_left_ms", left, sizeof left));
	snprintf(wait, sizeof wait, "\"wait_ms\":%s", left);
	assert_non_null(strstr(j, wait));
	/* The same in words, the headline first. */
	const char *words = plain();
	assert_int_equal(strncmp(words, site_standing(d)->headline.text,
						 strlen(site_standing(d)->headline.text)),
		0);
	assert_non_null(
		strstr(words, "control    guard: pool, rolls back by itself   lease: you for "));
	assert_non_null(strstr(words, "   if all leave: "));
	assert_non_null(strstr(words, "asked 1 %   pool says 1 %"));
	assert_non_null(strstr(words, "next       10 %, locked: W184"));
	assert_non_null(strstr(words, "VERIFIED in "));
}

static void nodes_that_differ_report_null(void **state)
{
	(void)state;
	const struct site_desk bare = {.actor = "kim@ops1"};
	d = site_open(&s, &bare);
	assert_int_equal(fake_act(s.node[1], "ana@ops2", "k-1", VERB_STEP, 100, "x"), 200);
	site_run(&s, 2000);
	const char *j = json();
	says(j, "share.reported_bp", "null");
	says(j, "state", "\"HELD\"");
	assert_non_null(strstr(j, "\"node\":\"node-a\",\"reported_bp\":0"));
	assert_non_null(strstr(j, "\"node\":\"node-b\",\"reported_bp\":100"));
}

static void what_fails_is_named(void **state)
{
	(void)state;
	const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};
	s.node[0]->guards = s.node[1]->guards = false;
	s.limits.action = GUARD_ACTION_WARN; /* so that it stays broken */
	d = site_open(&s, &kim);
	site_step(&s, d, 100);
	s.node[0]->error_rate[ARM_V2] = s.node[1]->error_rate[ARM_V2] = 0.9;
	site_run(&s, 20000);
	const char *j = json();
	says(j, "guard.state", "\"RED\"");
	says(j, "guard.owner", "\"console\"");
	says(j, "headline.level", "\"act\"");
	assert_non_null(strstr(j, "\"by\":\"operation\",\"name\":\"predict\""));
	assert_non_null(strstr(j, "\"timeout\":"));
	struct text t = {0};
	facts_line(&t, site_pool(d));
	assert_non_null(strstr(text_str(&t), "checkout"));
	assert_non_null(strstr(text_str(&t), "RED"));
	assert_null(strchr(text_str(&t), '\n'));
	text_free(&t);
}

/* What a pool says of itself stands in JSON as text, whatever it is. */
static void hostile_names_stay_text(void **state)
{
	(void)state;
	const struct site_desk bare = {.actor = "kim@ops1"};
	assert_int_equal(fake_act(s.node[0], "a\"b\\c\033[2J", "k-1", VERB_HOLD, -1,
						 "\"}],\"epoch\":9,\n\xe2\x80\xae"),
		200);
	d = site_open(&s, &bare);
	site_run(&s, 1000);
	const char *j = json();
	has_all(j);
	says(j, "epoch", "1");
	assert_null(strchr(j, '\033'));
	assert_null(strchr(plain(), '\033'));
}

static void checks_are_fourteen_lines(void **state)
{
	(void)state;
	const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};
	d = site_open(&s, &kim);
	site_step(&s, d, 100);
	site_run(&s, 1000);
	struct text t = {0};
	facts_checks(&t, &site_standing(d)->next);
	int lines = 0;
	for (const char *at = text_str(&t); (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, PREDICATE_COUNT);
	assert_non_null(strstr(text_str(&t), " 1 ok "));
	assert_non_null(strstr(text_str(&t), "FAILS"));
	assert_non_null(strstr(text_str(&t), "W184"));
	text_clear(&t);
	facts_refused(&t, &site_standing(d)->next);
	struct err err;
	assert_int_equal(scan_document(text_str(&t), t.len, &err), 0);
	/* As many as fail; none when all hold. */
	int entries = 0;
	for (const char *at = text_str(&t); (at = strstr(at, "\"code\"")); at++)
		entries++;
	assert_int_equal(entries, site_standing(d)->next.failures);
	text_clear(&t);
	struct interlock all = {.allowed = true};
	facts_refused(&t, &all);
	assert_string_equal(text_str(&t), "[]");
	text_free(&t);
}

static void a_decision_is_one_line(void **state)
{
	(void)state;
	struct decision x = {.verb = VERB_STEP,
		.from_bp = 100,
		.to_bp = 1000,
		.at_ms = SITE_WALL_MS,
		.actor = "kim@ops1",
		.reason = "day 4",
		.outcome = OUTCOME_APPLIED,
		.verified_ms = SITE_WALL_MS + 400};
	static const struct {
		enum verb verb;
		enum outcome_kind outcome;
		bool verified;
		const char *words;
		const char *role;
	} rows[] = {
		{VERB_STEP, OUTCOME_APPLIED, true, "step 1 % > 10 %   VERIFIED in 0.4s  \"day 4\"",
			"operator"},
		{VERB_STEP, OUTCOME_REFUSED, false, "REFUSED (W140 no)", "operator"},
		{VERB_STEP, OUTCOME_NOT_SENT, false, "NOT_SENT (W140 no)", "operator"},
		{VERB_ROLLBACK, OUTCOME_APPLIED, false, "rollback 1 % > 10 %   APPLIED", "operator"},
		{VERB_ROLLBACK, OUTCOME_APPLIED, true, "rollback 1 % > 10 % (guard)   VERIFIED",
			"guard"},
		{VERB_STEP, OUTCOME_APPLIED, true, "step 1 % > 10 %   VERIFIED", POOL_ACTOR},
		{VERB_KEEP, OUTCOME_APPLIED, true, "keep 10 % (keeper)   VERIFIED in 0.4s", "keeper"},
		{VERB_KEEP, OUTCOME_APPLIED, true, "keep 10 %   VERIFIED", "operator"},
		{VERB_ADOPT, OUTCOME_APPLIED, true, "adopt 10 %   VERIFIED", "operator"},
		{VERB_HOLD, OUTCOME_PENDING, false, "hold   PENDING", "operator"},
		{VERB_ARM, OUTCOME_APPLIED, true, "arm   VERIFIED", "operator"},
		{VERB_OPERATIONS, OUTCOME_APPLIED, true, "operations   VERIFIED", "operator"},
		{VERB_TAKE, OUTCOME_APPLIED, true, "take   VERIFIED", "operator"},
		{VERB_GUARD, OUTCOME_APPLIED, true, "guard   VERIFIED", "operator"},
		{VERB_ANNOTATE, OUTCOME_APPLIED, false, "annotate  \"day 4\"", "operator"},
	};
	text_copy(x.answer, sizeof x.answer, "W140 no");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct text t = {0};
		x.verb = rows[i].verb;
		x.outcome = rows[i].outcome;
		text_copy(x.role, sizeof x.role, rows[i].role);
		x.verified_ms = rows[i].verified ? SITE_WALL_MS + 400 : UNKNOWN;
		facts_decision(&t, &x, SITE_WALL_MS + 60000);
		if (!strstr(text_str(&t), rows[i].words))
			fail_msg("\"%s\" does not say \"%s\"", text_str(&t), rows[i].words);
		assert_non_null(strstr(text_str(&t), "kim@ops1"));
		text_free(&t);
	}
}

/* Who may raise, what goes back, and who is told when this process ends. */
static void hands_are_told(void **state)
{
	(void)state;
	const struct site_desk bare = {.actor = "kim@ops1"};
	assert_int_equal(fake_lend(s.node[0], "ana@ops2", 24000), 200);
	d = site_open(&s, &bare);
	const char *j = json();
	says(j, "lease.holder", "\"ana@ops2\"");
	says(j, "lease.mine", "false");
	says(j, "lease.ttl_ms", "24000");
	says(j, "reverts", "null");
	assert_non_null(strstr(plain(), "lease: ana@ops2 for 00:24"));
	assert_int_equal(fake_lend(s.node[0], "ana@ops2", 0), 200);
	site_run(&s, 1000);
	j = json();
	says(j, "lease.holder", "null");
	says(j, "lease.mine", "false");
	says(j, "lease.ttl_ms", "null");
	assert_non_null(strstr(plain(), "lease: free"));
	s.node[0]->no_lease = true;
	site_run(&s, 1000);
	says(json(), "lease", "null");
	assert_null(strstr(plain(), "lease:"));
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(before_any_news_all_is_null),
		WITH(a_running_migration_is_told_in_numbers),
		WITH(nodes_that_differ_report_null),
		WITH(what_fails_is_named),
		WITH(hands_are_told),
		WITH(hostile_names_stay_text),
		WITH(checks_are_fourteen_lines),
		WITH(a_decision_is_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
