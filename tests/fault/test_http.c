/* Rows 13 to 21 of the fault catalogue: a desk, and a server in front of a real pool that
 * answers with the wrong status, the wrong body or a lie. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/hostile.h"
#include "tests/lib/process.h"
#include "tests/lib/real.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_MS 15000
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(p) (1u << PREDICATE_##p)

struct fixture {
	struct real r;
	struct hostile *server;
	char socket[160];
};

/* A served pool at 10 %, a server in front of it that is good so far, a desk. */
static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	real_init(&f.r);
	real_serve(&f.r, 0, 1000);
	real_socket(&f.r, 0, f.socket, sizeof f.socket);
	f.server = hostile_start(HOSTILE_ANSWER, NULL);
	hostile_pool(f.server, f.socket);
	real_desk(&f.r, "alice@web1");
	const char *target = hostile_target(f.server);
	real_add(&f.r, "checkout", &target, 1, "secret");
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	real_close(&f->r);
	hostile_stop(f->server);
	real_release(&f->r);
	return 0;
}

/* ---- what is asserted ---- */

static const struct err *trouble(const struct fixture *f)
{
	return &real_node(&f->r, 0, 0)->trouble;
}

static const struct standing *standing(const struct fixture *f)
{
	return real_standing(&f->r, 0);
}

static bool is_live(const struct fixture *f)
{
	return standing(f)->freshness == FRESHNESS_LIVE && trouble(f)->code == ERR_NONE;
}

static struct fixture *begin(void **state)
{
	struct fixture *f = *state;
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f));
	return f;
}

/* What a raise would be refused for, with its codes. */
static const char *why_locked(struct fixture *f, int to_bp)
{
	static char why[400];
	struct act_request r = {.verb = VERB_STEP,
		.to_bp = to_bp,
		.shown_epoch = standing(f)->epoch,
		.shown_rev = standing(f)->rev};
	struct act_result out;
	desk_judge(f->r.desk, &r, &out);
	interlock_summary(why, sizeof why, &out.interlock);
	return why;
}

static void assert_rollback_open(struct fixture *f)
{
	struct act_request r = {.verb = VERB_ROLLBACK};
	struct act_result out;
	desk_judge(f->r.desk, &r, &out);
	assert_int_equal(out.status, ACT_BEGUN);
}

/* Refused for its news, for long enough that they are no longer live. */
static void assert_stale_and_locked(struct fixture *f)
{
	REAL_UNTIL(&f->r, WAIT_MS, standing(f)->freshness != FRESHNESS_LIVE);
	assert_non_null(strstr(why_locked(f, 2500), "W102"));
	assert_int_equal(real_act(&f->r, 0, VERB_STEP, 2500).status, ACT_REFUSED);
	assert_rollback_open(f);
}

/* Good again: LIVE by itself, and nothing has moved. */
static void assert_recovers(struct fixture *f)
{
	hostile_headers(f->server, "");
	hostile_set_mode(f->server, HOSTILE_ANSWER);
	real_skip(&f->r, 70000);
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f));
	assert_int_equal(real_audit_seq(&f->r, 0), 0);
	assert_int_equal(desk_open_acts(f->r.desk), 0);
}

static const char *step(struct fixture *f, int to_bp)
{
	static char id[DECISION_ID_MAX];
	struct act_result a = real_act(&f->r, 0, VERB_STEP, to_bp);
	if (a.status != ACT_BEGUN)
		fail_msg("refused: %s %s", why_locked(f, to_bp), a.err.text);
	text_copy(id, sizeof id, a.id);
	return id;
}

static const char *roll_back(struct fixture *f)
{
	static char id[DECISION_ID_MAX];
	struct act_result a = real_act(&f->r, 0, VERB_ROLLBACK, -1);
	assert_int_equal(a.status, ACT_BEGUN);
	text_copy(id, sizeof id, a.id);
	return id;
}

static bool is_done(const struct fixture *f, const char *id)
{
	return real_view(&f->r, id).progress == PROGRESS_DONE;
}

static enum outcome_kind outcome(const struct fixture *f, const char *id)
{
	return real_view(&f->r, id).decision.outcome;
}

static int rollbacks(const struct fixture *f)
{
	return hostile_count(f->server, "POST /v1/rollback");
}

static int polls(const struct fixture *f)
{
	return hostile_count(f->server, "GET /v1/state");
}

/* ---- 13: 401 ---- */

static int64_t retry_ms_of(const struct fixture *f)
{
	return client_retry_ms(desk_client(f->r.desk), NODE_HANDLE(0, 0), f->r.now);
}

static void row_13_unauthorised(void **state)
{
	struct fixture *f = begin(state);
	hostile_set_mode(f->server, HOSTILE_UNAUTHORISED);
	REAL_UNTIL(&f->r, WAIT_MS, trouble(f)->code == ERR_UNAUTHORISED);
	assert_non_null(strstr(trouble(f)->text, "refused the token (401)"));
	assert_null(strstr(trouble(f)->text, "secret"));
	assert_stale_and_locked(f);
	/* Asked every 30 s only: whoever asks more often is locked out. */
	int64_t retry_ms = retry_ms_of(f);
	assert_in_range(retry_ms, 15000, 30000);
	int before = hostile_requests(f->server);
	real_skip(&f->r, retry_ms - 3000);
	real_turn(&f->r);
	assert_int_equal(hostile_requests(f->server), before);
	real_skip(&f->r, 3000);
	REAL_UNTIL(&f->r, WAIT_MS, hostile_requests(f->server) == before + 1);
	REAL_UNTIL(&f->r, WAIT_MS, retry_ms_of(f) > 15000);
	assert_recovers(f);
}

/* A rollback says so at once, and goes on trying with the same key. */
static void row_13_rollback(void **state)
{
	struct fixture *f = begin(state);
	hostile_set_mode(f->server, HOSTILE_UNAUTHORISED);
	const char *id = roll_back(f);
	REAL_UNTIL(&f->r, WAIT_MS, rollbacks(f) >= 1);
	assert_false(is_done(f, id));
	assert_int_equal(outcome(f, id), OUTCOME_PENDING);
	hostile_set_mode(f->server, HOSTILE_ANSWER);
	REAL_UNTIL(&f->r, WAIT_MS, (real_skip(&f->r, 500), is_done(f, id)));
	assert_int_equal(outcome(f, id), OUTCOME_APPLIED);
	assert_int_equal(real_audit_seq(&f->r, 0), 1);
}

/* ---- 14: 403 to changes, reading works ---- */

static void row_14_forbidden(void **state)
{
	struct fixture *f = begin(state);
	hostile_spoil(f->server, HOSTILE_FORBIDDEN, "PUT ", false);
	const char *id = step(f, 2500);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, id));
	assert_int_equal(outcome(f, id), OUTCOME_REFUSED);
	assert_int_equal(real_view(&f->r, id).err.code, ERR_READ_ONLY);
	assert_int_equal(real_share_bp(&f->r, 0), 1000);
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f)); /* looking goes on */
	assert_rollback_open(f);
	/* Remembered for a minute, and said; nothing is asked again meanwhile. */
	int asked = hostile_count(f->server, "PUT ");
	assert_non_null(strstr(why_locked(f, 2500), "READ-ONLY (403)"));
	assert_int_equal(real_act(&f->r, 0, VERB_STEP, 2500).status, ACT_REFUSED);
	assert_non_null(strstr(standing(f)->headline.text, "READ-ONLY (403)"));
	assert_int_equal(hostile_count(f->server, "PUT "), asked);
	real_skip(&f->r, 61000);
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f));
	id = step(f, 2500);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, id));
	assert_int_equal(hostile_count(f->server, "PUT "), asked + 1);
	/* Not to be read either: nothing to look at. */
	hostile_set_mode(f->server, HOSTILE_FORBIDDEN);
	REAL_UNTIL(&f->r, WAIT_MS, trouble(f)->code == ERR_UNAUTHORISED);
	assert_non_null(strstr(trouble(f)->text, "(403)"));
	assert_stale_and_locked(f);
	assert_recovers(f);
}

/* ---- 15: somebody else was faster ---- */

/* The change came between the last look and the step. */
static void row_15_changed(void **state)
{
	struct fixture *f = begin(state);
	assert_int_equal(real_other(&f->r, 0, "bob@db", VERB_STEP, 2000), 200);
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f) && standing(f)->intended_bp == 2000);
	int64_t log = real_audit_seq(&f->r, 0);
	hostile_spoil(f->server, HOSTILE_OLD_MATCH, "PUT ", false);
	const char *id = step(f, 2500);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, id));
	struct act_view v = real_view(&f->r, id);
	assert_int_equal(v.decision.outcome, OUTCOME_REFUSED);
	assert_int_equal(v.err.code, ERR_CHANGED);
	assert_non_null(strstr(v.err.text, "bob@db"));
	assert_non_null(strstr(v.err.text, "the share is now 20%"));
	/* The fresh state, and no second try. */
	hostile_set_mode(f->server, HOSTILE_ANSWER);
	real_skip(&f->r, 31000);
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f));
	assert_int_equal(standing(f)->reported_bp, 2000);
	assert_int_equal(real_share_bp(&f->r, 0), 2000);
	assert_int_equal(real_audit_seq(&f->r, 0), log);
	assert_int_equal(hostile_count(f->server, "PUT "), 1);
}

static void row_15_held(void **state)
{
	struct fixture *f = begin(state);
	hostile_spoil(f->server, HOSTILE_HOLD_HIDDEN, "GET /v1/state", false);
	assert_int_equal(real_other(&f->r, 0, "bob@db", VERB_HOLD, -1), 200);
	const char *id = step(f, 2500);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, id));
	assert_int_equal(outcome(f, id), OUTCOME_REFUSED);
	assert_int_equal(real_view(&f->r, id).err.code, ERR_HELD);
	assert_int_equal(real_share_bp(&f->r, 0), 1000);
	/* Now it is told, and no step leaves at all. */
	hostile_set_mode(f->server, HOSTILE_ANSWER);
	REAL_UNTIL(&f->r, WAIT_MS, standing(f)->hold.on);
	assert_non_null(strstr(why_locked(f, 2500), "W144"));
}

/* ---- 16: busy ---- */

/* A date by the desk's own clock. */
static void date_in(const struct fixture *f, char *out, size_t size, int64_t seconds)
{
	time_t at = (time_t)(f->r.now.wall_ms / 1000 + seconds);
	struct tm tm;
	gmtime_r(&at, &tm);
	strftime(out, size, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

/* Which waits the values of Retry-After make: within 1 to 60 s, and those that say nothing none
 * of their own. */
static void row_16_busy(void **state)
{
	static const struct {
		const char *value; /* NULL: a date 20 s on; "-": one of the past; "": no header */
		int low_s, high_s; /* 0: nothing is said of it */
	} rows[] = {
		{"8", 8, 8},
		{"0", 1, 1},
		{"1", 1, 1},
		{"60", 60, 60},
		{"61", 60, 60},
		{"1000000000000", 60, 60},
		{"99999999999999999999999999", 60, 60},
		{"-5", 0, 0},
		{"soon", 0, 0},
		{"8.5", 0, 0},
		{"0x10", 0, 0},
		{"", 0, 0},
		{NULL, 15, 20},
		{"-", 1, 1},
	};
	struct fixture *f = begin(state);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		bool unavailable = i % 2;
		char line[96] = "", date[64] = "", want[32];
		if (!rows[i].value || strcmp(rows[i].value, "-") == 0)
			date_in(f, date, sizeof date, rows[i].value ? -5000 : 20);
		const char *value = date[0] ? date : rows[i].value;
		if (*value)
			snprintf(line, sizeof line, "Retry-After: %s\r\n", value);
		hostile_headers(f->server, line);
		hostile_set_mode(f->server, unavailable ? HOSTILE_UNAVAILABLE : HOSTILE_SATURATED);
		REAL_UNTIL(&f->r, WAIT_MS, trouble(f)->code == ERR_UNREACHABLE);
		assert_non_null(strstr(trouble(f)->text, "is busy"));
		const char *retry = strstr(trouble(f)->text, "retry in ");
		int seconds = retry ? (int)strtol(retry + 9, NULL, 10) : 0;
		if (seconds < rows[i].low_s || seconds > rows[i].high_s)
			fail_msg("Retry-After '%s': %s", value, trouble(f)->text);
		snprintf(want, sizeof want, "(%d)", unavailable ? 503 : 429);
		assert_non_null(strstr(trouble(f)->text, want));
		assert_rollback_open(f);
		assert_recovers(f);
	}
}

/* Not asked before its time; a rollback does not wait for it. */
static void row_16_left_alone(void **state)
{
	struct fixture *f = begin(state);
	hostile_headers(f->server, "Retry-After: 40\r\n");
	hostile_spoil(f->server, HOSTILE_UNAVAILABLE, "GET ", false);
	REAL_UNTIL(&f->r, WAIT_MS, trouble(f)->code == ERR_UNREACHABLE);
	int asked = polls(f);
	for (int i = 0; i < 15; i++)
		real_skip(&f->r, 2000);
	assert_int_equal(polls(f), asked);
	const char *id = roll_back(f);
	REAL_UNTIL(&f->r, WAIT_MS, real_audit_seq(&f->r, 0) == 1);
	assert_int_equal(rollbacks(f), 1);
	hostile_headers(f->server, "");
	hostile_set_mode(f->server, HOSTILE_ANSWER);
	REAL_UNTIL(&f->r, WAIT_MS, (real_skip(&f->r, 2000), is_done(f, id)));
}

/* A rollback that is told to wait a minute tries again soon, but not at once. */
static void row_16_rollback_is_not_put_off(void **state)
{
	struct fixture *f = begin(state);
	hostile_headers(f->server, "Retry-After: 60\r\n");
	hostile_spoil(f->server, HOSTILE_SATURATED, "POST /v1/rollback", false);
	int64_t began_ms = process_clock_ms();
	const char *id = roll_back(f);
	REAL_UNTIL(&f->r, WAIT_MS, rollbacks(f) >= 3);
	int64_t took_ms = process_clock_ms() - began_ms;
	assert_in_range(took_ms, 2 * 125, 8000);
	hostile_set_mode(f->server, HOSTILE_ANSWER);
	REAL_UNTIL(&f->r, WAIT_MS, (real_skip(&f->r, 500), is_done(f, id)));
	assert_int_equal(real_audit_seq(&f->r, 0), 1);
}

/* A step is refused, and not tried again by itself. */
static void row_16_step(void **state)
{
	struct fixture *f = begin(state);
	hostile_spoil(f->server, HOSTILE_SATURATED, "PUT ", false);
	const char *id = step(f, 2500);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, id));
	assert_int_equal(outcome(f, id), OUTCOME_REFUSED);
	assert_recovers(f);
	assert_int_equal(hostile_count(f->server, "PUT "), 1);
}

/* ---- 17: 500, 502, 504 on a step: perhaps it was done ---- */

static void row_17_unknown(void **state)
{
	static const enum hostile_mode modes[] = {
		HOSTILE_BROKEN, HOSTILE_BAD_GATEWAY, HOSTILE_GATEWAY_TIMEOUT, HOSTILE_UNAVAILABLE};
	struct fixture *f = begin(state);
	for (size_t i = 0; i < LENGTH(modes); i++) {
		for (int delivered = 0; delivered < 2; delivered++) {
			int from_bp = real_share_bp(&f->r, 0), to_bp = from_bp == 1000 ? 2500 : 1000;
			int64_t log = real_audit_seq(&f->r, 0);
			hostile_spoil(f->server, modes[i], "PUT ", delivered);
			const char *id = step(f, to_bp);
			REAL_UNTIL(&f->r, WAIT_MS, is_done(f, id));
			/* never "failed" while it is unknown: the pool was asked, and said */
			enum outcome_kind want = delivered ? OUTCOME_APPLIED : OUTCOME_VOID;
			if (outcome(f, id) != want)
				fail_msg("%s: %s", hostile_name(modes[i]), outcome_name(outcome(f, id)));
			assert_int_equal(real_share_bp(&f->r, 0), delivered ? to_bp : from_bp);
			assert_int_equal(real_audit_seq(&f->r, 0), log + delivered);
			REAL_UNTIL(&f->r, WAIT_MS, is_live(f) && standing(f)->open < 0);
		}
	}
}

/* Of a poll it is trouble like any other. */
static void row_17_poll(void **state)
{
	struct fixture *f = begin(state);
	hostile_set_mode(f->server, HOSTILE_BAD_GATEWAY);
	REAL_UNTIL(&f->r, WAIT_MS, trouble(f)->code == ERR_UNREACHABLE);
	assert_non_null(strstr(trouble(f)->text, "(502)"));
	assert_stale_and_locked(f);
	assert_recovers(f);
}

/* ---- 18: no pool ---- */

static void row_18_not_a_pool(void **state)
{
	static const struct {
		enum hostile_mode mode;
		const char *says;
	} rows[] = {{HOSTILE_HTML, "text/html"}, {HOSTILE_WRONG_TYPE, "text/plain"},
		{HOSTILE_NOT_HTTP, "does not answer in HTTP"}};
	struct fixture *f = begin(state);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		hostile_set_mode(f->server, rows[i].mode);
		REAL_UNTIL(&f->r, WAIT_MS, trouble(f)->code == ERR_NOT_POOL);
		assert_non_null(strstr(trouble(f)->text, rows[i].says));
		assert_stale_and_locked(f);
		assert_recovers(f);
	}
	/* A login page that answers a step has not done it, and nobody knows who has. */
	hostile_spoil(f->server, HOSTILE_HTML, "PUT ", false);
	const char *id = step(f, 2500);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, id));
	assert_int_equal(outcome(f, id), OUTCOME_VOID);
	assert_recovers(f);
}

/* ---- 19: said, and not done ---- */

static void row_19_lie(void **state)
{
	struct fixture *f = begin(state);
	hostile_spoil(f->server, HOSTILE_LIE, "PUT ", false);
	const char *id = step(f, 2500);
	REAL_UNTIL(&f->r, WAIT_MS, outcome(f, id) == OUTCOME_APPLIED);
	assert_int_equal(real_view(&f->r, id).progress, PROGRESS_WATCHING);
	assert_true(real_view(&f->r, id).decision.verified_ms == UNKNOWN);
	assert_true(strlen(why_locked(f, 5000)) > 0);
	real_skip(&f->r, 11000);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, id));
	assert_int_equal(real_view(&f->r, id).err.code, ERR_NOT_SEEN);
	assert_true(real_view(&f->r, id).decision.verified_ms == UNKNOWN);
	/* It counts as drift: asked 25 %, the pool says 10 %. */
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f) && standing(f)->diverged);
	assert_non_null(strstr(why_locked(f, 5000), "W124"));
	assert_rollback_open(f);
	assert_int_equal(hostile_count(f->server, "PUT "), 1);
}

/* ---- 20: another share than asked ---- */

static void row_20_clamp(void **state)
{
	struct fixture *f = begin(state);
	hostile_set_mode(f->server, HOSTILE_CLAMP);
	const char *id = step(f, 5000);
	REAL_UNTIL(&f->r, WAIT_MS, outcome(f, id) == OUTCOME_APPLIED);
	assert_int_equal(real_share_bp(&f->r, 0), 2500);
	struct act_view v = real_view(&f->r, id);
	assert_non_null(strstr(v.decision.answer, "W161"));
	assert_non_null(strstr(v.decision.answer, "applied as 25 %, asked 50 %"));
	assert_int_equal(v.err.code, ERR_APPLIED_AS);
	real_skip(&f->r, 11000);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, id));
	assert_true(real_view(&f->r, id).decision.verified_ms == UNKNOWN);
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f) && standing(f)->diverged);
	assert_non_null(strstr(why_locked(f, 7500), "W124"));
	assert_rollback_open(f);
}

/* ---- 21: another version ---- */

static void row_21_version(void **state)
{
	struct fixture *f = begin(state);
	/* Unknown fields, of a minor version too, are passed over. */
	hostile_set_mode(f->server, HOSTILE_PROTOCOL_1_9);
	real_poll(&f->r, 0, 0);
	assert_int_equal(trouble(f)->code, ERR_NONE);
	hostile_set_mode(f->server, HOSTILE_PROTOCOL_2);
	REAL_UNTIL(&f->r, WAIT_MS, trouble(f)->code == ERR_PROTOCOL);
	assert_non_null(strstr(trouble(f)->text, "weir.pool/2"));
	assert_stale_and_locked(f);
	assert_recovers(f);
	hostile_set_mode(f->server, HOSTILE_OTHER_FAMILY);
	REAL_UNTIL(&f->r, WAIT_MS, trouble(f)->code == ERR_PROTOCOL);
	assert_recovers(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(row_13_unauthorised),
		TEST(row_13_rollback),
		TEST(row_14_forbidden),
		TEST(row_15_changed),
		TEST(row_15_held),
		TEST(row_16_busy),
		TEST(row_16_left_alone),
		TEST(row_16_rollback_is_not_put_off),
		TEST(row_16_step),
		TEST(row_17_unknown),
		TEST(row_17_poll),
		TEST(row_18_not_a_pool),
		TEST(row_19_lie),
		TEST(row_20_clamp),
		TEST(row_21_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
