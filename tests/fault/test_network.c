/* Rows 1 to 12 of the fault catalogue, and what a rollback must get through: a desk, real
 * sockets, and a network or a server that misbehaves. What is asserted each time: what the model
 * says, that steps are locked, that a rollback is not, and that nothing fires by itself when
 * things are well again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/hostile.h"
#include "tests/lib/process.h"
#include "tests/lib/proxy.h"
#include "tests/lib/real.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 15000
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(p) (1u << PREDICATE_##p)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_MAX_KB (64 * 1024) /* they keep what was freed for a while */
#else
#define MEMORY_MAX_KB (4 * 1024)
#endif

struct fixture {
	struct real r;
	struct hostile *server, *sink;
	struct proxy *proxy[2];
	char socket[160];
	char home[256]; /* what HOME was; "" where it is as it was */
};

/* What libcurl would look for. */
static const char *const proxies[] = {
	"http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	real_init(&f.r);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	real_close(&f->r);
	hostile_stop(f->server);
	hostile_stop(f->sink);
	proxy_stop(f->proxy[0]);
	proxy_stop(f->proxy[1]);
	for (size_t i = 0; i < LENGTH(proxies); i++)
		unsetenv(proxies[i]);
	if (f->home[0])
		setenv("HOME", f->home, 1);
	real_release(&f->r);
	return 0;
}

/* ---- beginnings ---- */

static void serve(struct fixture *f)
{
	real_serve(&f->r, 0, 1000);
	real_socket(&f->r, 0, f->socket, sizeof f->socket);
}

static void look_at(struct fixture *f, const char *target)
{
	real_desk(&f->r, "alice@web1");
	real_add(&f->r, "checkout", &target, 1, NULL);
	REAL_UNTIL(&f->r, WAIT_MS, real_standing(&f->r, 0)->freshness == FRESHNESS_LIVE);
}

/* A served pool, a hostile server in front of it that is good so far, a desk. */
static void begin_hostile(struct fixture *f)
{
	serve(f);
	f->server = hostile_start(HOSTILE_ANSWER, NULL);
	hostile_pool(f->server, f->socket);
	look_at(f, hostile_target(f->server));
}

/* The same with a proxy, on a port or a unix socket. */
static void begin_proxy(struct fixture *f, const char *match, bool tcp)
{
	char front[180];
	serve(f);
	snprintf(front, sizeof front, "%s/front", f->r.dir);
	f->proxy[0] = proxy_start(tcp ? NULL : front, f->socket, match);
	assert_non_null(f->proxy[0]);
	look_at(f, proxy_target(f->proxy[0]));
}

/* ---- what is asserted ---- */

static enum err_code trouble(const struct fixture *f)
{
	return real_node(&f->r, 0, 0)->trouble.code;
}

static bool is_live(const struct fixture *f)
{
	return real_standing(&f->r, 0)->freshness == FRESHNESS_LIVE;
}

/* A raise as the desk judges it now. */
static struct interlock judge(struct fixture *f, int to_bp)
{
	const struct standing *s = real_standing(&f->r, 0);
	struct act_request r = {
		.verb = VERB_STEP, .to_bp = to_bp, .shown_epoch = s->epoch, .shown_rev = s->rev};
	struct act_result out;
	desk_judge(f->r.desk, &r, &out);
	return out.interlock;
}

static void assert_locked(struct fixture *f, unsigned failing, enum err_code code)
{
	struct interlock i = judge(f, 2500);
	char why[400];
	interlock_summary(why, sizeof why, &i);
	assert_false(i.allowed);
	if ((i.failing & failing) != failing || !strstr(why, err_name(code)))
		fail_msg("want %s of %x: %s", err_name(code), failing, why);
	assert_int_equal(real_act(&f->r, 0, VERB_STEP, 2500).status, ACT_REFUSED);
}

static void assert_rollback_open(struct fixture *f)
{
	struct act_request r = {.verb = VERB_ROLLBACK};
	struct act_result out;
	desk_judge(f->r.desk, &r, &out);
	assert_int_equal(out.status, ACT_BEGUN);
}

static bool is_done(const struct fixture *f, const char *id)
{
	return real_view(&f->r, id).progress == PROGRESS_DONE;
}

static enum outcome_kind outcome(const struct fixture *f, const char *id)
{
	return real_view(&f->r, id).decision.outcome;
}

static struct act_result step(struct fixture *f, int to_bp)
{
	struct act_result a = real_act(&f->r, 0, VERB_STEP, to_bp);
	if (a.status != ACT_BEGUN) {
		char why[400];
		interlock_summary(why, sizeof why, &a.interlock);
		fail_msg("refused: %s%s", why, a.err.text);
	}
	return a;
}

/* Whole again: LIVE by itself, and nobody has touched the pool. */
static void assert_recovers(struct fixture *f)
{
	real_skip(&f->r, 60000);
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f) && trouble(f) == ERR_NONE);
	assert_int_equal(real_audit_seq(&f->r, 0), 0);
	assert_int_equal(real_share_bp(&f->r, 0), 1000);
	assert_int_equal(desk_open_acts(f->r.desk), 0);
}

/* ---- 1: the pool does not answer ---- */

static void row_01_silence(void **state)
{
	struct fixture *f = *state;
	begin_proxy(f, "", false);
	int64_t seq = real_node(&f->r, 0, 0)->last->seq;
	proxy_set_mode(f->proxy[0], PROXY_BLACKHOLE);
	REAL_UNTIL(&f->r, WAIT_MS, real_standing(&f->r, 0)->freshness == FRESHNESS_LATE);
	assert_locked(f, BIT(LIVE), ERR_STALE);
	real_skip(&f->r, 14000);
	REAL_UNTIL(&f->r, WAIT_MS, real_standing(&f->r, 0)->freshness == FRESHNESS_STALE);
	assert_locked(f, BIT(LIVE), ERR_STALE);
	assert_non_null(strstr(judge(f, 2500).check[PREDICATE_LIVE].text, "no news for 1"));
	assert_rollback_open(f);
	/* Connected is not alive: the poll ends by the total deadline. */
	REAL_UNTIL(&f->r, WAIT_MS, trouble(f) == ERR_SLOW);
	assert_in_range(real_node(&f->r, 0, 0)->last->seq, seq, seq + 4);
	real_skip(&f->r, 60000);
	assert_int_equal(real_standing(&f->r, 0)->freshness, FRESHNESS_LOST);
	assert_in_range(f->r.worst_turn_ms, 0, 1000); /* no turn waits for the network */
	proxy_set_mode(f->proxy[0], PROXY_PASS);
	assert_recovers(f);
}

/* ---- 2: refused, reset, no such name ---- */

/* One pool's failure delays no other's, and it is asked at growing distances. */
static void check_apart(struct fixture *f, const char *target)
{
	int bad = real_add(&f->r, "other", &target, 1, NULL);
	int64_t longest_ms = 0;
	for (int i = 0; i < 9; i++) {
		REAL_UNTIL(&f->r, WAIT_MS, real_node(&f->r, bad, 0)->trouble.code != ERR_NONE);
		int64_t wait_ms = real_node(&f->r, bad, 0)->retry_ms;
		assert_in_range(wait_ms, 1, 45000);
		longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
		assert_non_null(strstr(real_node(&f->r, bad, 0)->trouble.text, target));
		real_poll(&f->r, 0, 0);
		REAL_UNTIL(&f->r, WAIT_MS, is_live(f));
		assert_int_equal(judge(f, 2500).failing, 0);
		real_skip(&f->r, wait_ms);
		REAL_UNTIL(&f->r, WAIT_MS, real_node(&f->r, bad, 0)->retry_ms != wait_ms);
	}
	assert_true(longest_ms > 8000);
	assert_int_equal(real_standing(&f->r, bad)->freshness, FRESHNESS_NEVER);
}

static void row_02_refused(void **state)
{
	struct fixture *f = *state;
	begin_proxy(f, "", false);
	f->server = hostile_start(HOSTILE_REFUSE, NULL);
	check_apart(f, hostile_target(f->server));
	assert_int_equal(real_node(&f->r, 1, 0)->trouble.code, ERR_UNREACHABLE);
	assert_non_null(strstr(real_node(&f->r, 1, 0)->trouble.text, "refused the connection"));
}

static void row_02_reset(void **state)
{
	struct fixture *f = *state;
	begin_proxy(f, "", true);
	proxy_set_mode(f->proxy[0], PROXY_RESET);
	REAL_UNTIL(&f->r, WAIT_MS, trouble(f) == ERR_UNREACHABLE);
	REAL_UNTIL(&f->r, WAIT_MS, !is_live(f));
	assert_locked(f, BIT(LIVE), ERR_STALE);
	assert_rollback_open(f);
	proxy_set_mode(f->proxy[0], PROXY_PASS);
	assert_recovers(f);
}

static void row_02_no_such_name(void **state)
{
	struct fixture *f = *state;
	begin_proxy(f, "", false);
	const char *target = "http://pool.invalid:9402";
	int bad = real_add(&f->r, "other", &target, 1, NULL);
	REAL_UNTIL(&f->r, WAIT_MS, real_node(&f->r, bad, 0)->trouble.code != ERR_NONE);
	enum err_code code = real_node(&f->r, bad, 0)->trouble.code;
	assert_true(code == ERR_UNREACHABLE || code == ERR_SLOW); /* a name server may be silent */
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f));
	assert_in_range(f->r.worst_turn_ms, 0, 1000);
}

/* ---- 3: a byte now and then ---- */

static void row_03_drip(void **state)
{
	struct fixture *f = *state;
	begin_hostile(f);
	hostile_set_mode(f->server, HOSTILE_DRIP);
	real_poll(&f->r, 0, 0);
	int64_t seq = real_node(&f->r, 0, 0)->last->seq;
	REAL_UNTIL(&f->r, WAIT_MS, trouble(f) == ERR_SLOW);
	assert_non_null(strstr(real_node(&f->r, 0, 0)->trouble.text, "no complete answer in 3.0s"));
	assert_int_equal(real_node(&f->r, 0, 0)->last->seq, seq); /* never half a sample */
	assert_locked(f, BIT(LIVE), ERR_STALE);
	assert_rollback_open(f);
	hostile_set_mode(f->server, HOSTILE_ANSWER);
	assert_recovers(f);
}

/* An answer that drips out of a slow line, but whole within its time, counts. */
static void row_03_slow_but_whole(void **state)
{
	struct fixture *f = *state;
	begin_proxy(f, "GET /v1/state", true);
	proxy_set_delay(f->proxy[0], 150);
	proxy_set_mode(f->proxy[0], PROXY_LATENCY);
	int meant = proxy_meant(f->proxy[0]);
	REAL_UNTIL(&f->r, WAIT_MS, proxy_meant(f->proxy[0]) >= meant + 3);
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f));
	assert_int_equal(trouble(f), ERR_NONE);
}

/* ---- 4: no end, or too much ---- */

static void row_04_too_much(void **state)
{
	static const struct {
		enum hostile_mode mode;
		enum err_code code, other;
	} rows[] = {
		{HOSTILE_ENDLESS_BODY, ERR_TOO_LARGE, ERR_TOO_LARGE},
		{HOSTILE_ENDLESS_HEADERS, ERR_TOO_LARGE, ERR_TOO_LARGE},
		{HOSTILE_ENDLESS_LINE, ERR_TOO_LARGE, ERR_TOO_LARGE},
		{HOSTILE_LONG_NAME, ERR_TOO_LARGE, ERR_TOO_LARGE},
		/* never unpacked: what comes is not JSON */
		{HOSTILE_BOMB, ERR_DOCUMENT, ERR_UTF8},
	};
	struct fixture *f = *state;
	begin_hostile(f);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		/* the server's own buffers are there before memory is watched */
		for (int round = 0; round < 2; round++) {
			hostile_set_mode(f->server, rows[i].mode);
			if (round == 1)
				real_memory_begin();
			REAL_UNTIL(
				&f->r, WAIT_MS, trouble(f) == rows[i].code || trouble(f) == rows[i].other);
			if (round == 1 && rows[i].mode != HOSTILE_LONG_NAME)
				assert_in_range(real_memory_kb(), 0, MEMORY_MAX_KB);
			assert_rollback_open(f);
			hostile_set_mode(f->server, HOSTILE_ANSWER);
			assert_recovers(f);
		}
	}
}

/* ---- 5: redirects ---- */

static void row_05_redirects(void **state)
{
	static const enum hostile_mode modes[] = {
		HOSTILE_REDIRECT, HOSTILE_REDIRECT_FILE, HOSTILE_REDIRECT_LOOP, HOSTILE_REDIRECT_THERE};
	struct fixture *f = *state;
	char location[160];
	begin_hostile(f);
	f->sink = hostile_start(HOSTILE_ANSWER, NULL);
	snprintf(location, sizeof location, "Location: %s/v1/state\r\n", hostile_target(f->sink));
	for (size_t i = 0; i < LENGTH(modes); i++) {
		bool there = modes[i] == HOSTILE_REDIRECT_THERE;
		hostile_headers(f->server, there ? location : "");
		hostile_set_mode(f->server, modes[i]);
		REAL_UNTIL(&f->r, WAIT_MS, trouble(f) == ERR_REDIRECT);
		const char *said = real_node(&f->r, 0, 0)->trouble.text;
		assert_null(strchr(said, '\x1b'));
		if (there)
			assert_non_null(strstr(said, hostile_target(f->sink)));
		REAL_UNTIL(&f->r, WAIT_MS, !is_live(f));
		assert_locked(f, BIT(LIVE), ERR_STALE);
		assert_rollback_open(f);
		hostile_headers(f->server, "");
		hostile_set_mode(f->server, HOSTILE_ANSWER);
		assert_recovers(f);
	}
	assert_int_equal(hostile_connections(f->sink), 0);
	/* A loop of ten would have made ten times as many. */
	int before = hostile_count(f->server, "GET /v1/state");
	hostile_set_mode(f->server, HOSTILE_REDIRECT_LOOP);
	real_poll(&f->r, 0, 0);
	assert_int_equal(hostile_count(f->server, "GET /v1/state"), before + 1);
}

/* A step goes nowhere else either: nobody knows whether the first address did it. */
static void row_05_a_step_is_not_sent_on(void **state)
{
	struct fixture *f = *state;
	char location[160];
	begin_hostile(f);
	f->sink = hostile_start(HOSTILE_ANSWER, NULL);
	snprintf(location, sizeof location, "Location: %s/v1/split\r\n", hostile_target(f->sink));
	hostile_headers(f->server, location);
	hostile_spoil(f->server, HOSTILE_REDIRECT_THERE, "PUT ", false);
	struct act_result a = step(f, 2500);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, a.id));
	assert_int_equal(outcome(f, a.id), OUTCOME_VOID); /* asked, and now never */
	assert_int_equal(hostile_connections(f->sink), 0);
	assert_int_equal(hostile_count(f->server, "PUT "), 1);
	assert_int_equal(real_share_bp(&f->r, 0), 1000);
}

/* ---- 7: what the environment says ---- */

static void row_07_environment(void **state)
{
	struct fixture *f = *state;
	char netrc[180], key_log[180];
	f->sink = hostile_start(HOSTILE_ANSWER, NULL);
	for (size_t i = 0; i < LENGTH(proxies); i++)
		setenv(proxies[i], hostile_target(f->sink), 1);
	snprintf(netrc, sizeof netrc, "%s/.netrc", f->r.dir);
	snprintf(key_log, sizeof key_log, "%s/tls-keys", f->r.dir);
	int fd = open(netrc, O_WRONLY | O_CREAT, 0600);
	assert_true(dprintf(fd, "default login mallory password hunter2\n") > 0);
	close(fd);
	snprintf(f->home, sizeof f->home, "%s", getenv("HOME") ? getenv("HOME") : "/");
	setenv("HOME", f->r.dir, 1);
	setenv("SSLKEYLOGFILE", key_log, 1);
	begin_hostile(f);
	struct act_result a = step(f, 2500);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, a.id));
	assert_int_equal(outcome(f, a.id), OUTCOME_APPLIED);
	assert_int_equal(hostile_connections(f->sink), 0);
	assert_int_equal(hostile_authorised(f->server, ""), hostile_requests(f->server));
	assert_int_not_equal(access(key_log, F_OK), 0);
}

/* ---- 8: one connection, two credentials ---- */

static void row_08_credentials(void **state)
{
	struct fixture *f = *state;
	begin_hostile(f);
	const char *target = hostile_target(f->server);
	int first = real_add(&f->r, "first", &target, 1, "token-one");
	int second = real_add(&f->r, "second", &target, 1, "token-two");
	/* one node under three names: only the first takes its answers, all are asked */
	for (int i = 1; i <= 6; i++) {
		real_ask(&f->r, first, 0);
		REAL_UNTIL(&f->r, WAIT_MS, hostile_authorised(f->server, "Bearer token-one") >= i);
		real_ask(&f->r, second, 0);
		REAL_UNTIL(&f->r, WAIT_MS, hostile_authorised(f->server, "Bearer token-two") >= i);
		real_poll(&f->r, 0, 0);
	}
	assert_true(hostile_authorised(f->server, "") >= 6);
	assert_int_equal(hostile_shared(f->server), 0);
}

/* ---- 9: the answer to a command is lost ---- */

static void check_lost(
	struct fixture *f, enum proxy_mode mode, bool tcp, enum outcome_kind fate, int share_bp)
{
	begin_proxy(f, "PUT ", tcp);
	proxy_set_mode(f->proxy[0], mode);
	struct act_result a = step(f, 2500);
	REAL_UNTIL(&f->r, WAIT_MS, outcome(f, a.id) == OUTCOME_UNRESOLVED || is_done(f, a.id));
	if (!is_done(f, a.id)) {
		struct interlock i = judge(f, 5000);
		assert_true(i.failing & BIT(OPEN)); /* nothing new until it is known */
	}
	assert_rollback_open(f);
	proxy_set_mode(f->proxy[0], PROXY_PASS);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, a.id));
	assert_int_equal(outcome(f, a.id), fate);
	assert_int_equal(real_share_bp(&f->r, 0), share_bp);
	assert_int_equal(proxy_meant(f->proxy[0]), 1); /* sent once */
	/* A copy that was on its way all the time changes nothing any more. */
	int64_t log = real_audit_seq(&f->r, 0);
	assert_int_equal(proxy_release(f->proxy[0], 5000), fate == OUTCOME_APPLIED ? 200 : 422);
	assert_int_equal(real_audit_seq(&f->r, 0), log);
	assert_int_equal(real_share_bp(&f->r, 0), share_bp);
}

static void row_09_cut_after_it_was_applied(void **state)
{
	check_lost(*state, PROXY_CUT_AFTER, false, OUTCOME_APPLIED, 2500);
}

static void row_09_cut_before_it_arrived(void **state)
{
	check_lost(*state, PROXY_CUT_BEFORE, true, OUTCOME_VOID, 1000);
}

static void row_09_reset(void **state)
{
	check_lost(*state, PROXY_RESET, true, OUTCOME_VOID, 1000);
}

static void row_09_answer_never_comes(void **state)
{
	check_lost(*state, PROXY_LOSE_ANSWER, true, OUTCOME_APPLIED, 2500);
}

/* ---- 10: a command comes late, or twice ---- */

static void row_10_late(void **state)
{
	struct fixture *f = *state;
	begin_proxy(f, "PUT ", false);
	proxy_set_mode(f->proxy[0], PROXY_HOLD);
	struct act_result late = step(f, 2500);
	REAL_UNTIL(&f->r, WAIT_MS, proxy_meant(f->proxy[0]) == 1);
	/* Rolled back while the step is still on its way. */
	struct act_result back = real_act(&f->r, 0, VERB_ROLLBACK, -1);
	assert_int_equal(back.status, ACT_BEGUN);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, back.id));
	assert_int_equal(outcome(f, back.id), OUTCOME_APPLIED);
	int64_t epoch = real_epoch(&f->r, 0), log = real_audit_seq(&f->r, 0);
	int share_bp = real_share_bp(&f->r, 0);
	int status = proxy_release(f->proxy[0], 5000);
	assert_true(status == 412 || status == 422);
	assert_int_equal(real_share_bp(&f->r, 0), share_bp);
	assert_int_equal(real_epoch(&f->r, 0), epoch);
	assert_int_equal(real_audit_seq(&f->r, 0), log);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, late.id));
	assert_int_equal(outcome(f, late.id), OUTCOME_VOID);
}

static void row_10_twice(void **state)
{
	struct fixture *f = *state;
	begin_proxy(f, "PUT ", true);
	proxy_set_mode(f->proxy[0], PROXY_DUPLICATE);
	struct act_result a = step(f, 2500);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, a.id));
	assert_int_equal(outcome(f, a.id), OUTCOME_APPLIED);
	assert_int_equal(proxy_duplicated(f->proxy[0]), 200); /* as before, and only said so */
	assert_int_equal(real_audit_seq(&f->r, 0), 1);
	assert_int_equal(real_share_bp(&f->r, 0), 2500);
}

/* ---- 11: some nodes are out of reach ---- */

static void row_11_partition(void **state)
{
	struct fixture *f = *state;
	const char *targets[2];
	for (int i = 0; i < 2; i++) {
		real_serve(&f->r, i, 1000);
		real_socket(&f->r, i, f->socket, sizeof f->socket);
		f->proxy[i] = proxy_start(NULL, f->socket, "");
		targets[i] = proxy_target(f->proxy[i]);
	}
	real_desk(&f->r, "alice@web1");
	real_add(&f->r, "checkout", targets, 2, NULL);
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f));
	assert_int_equal(judge(f, 2500).failing, 0);
	proxy_set_mode(f->proxy[1], PROXY_BLACKHOLE);
	REAL_UNTIL(&f->r, WAIT_MS, real_standing(&f->r, 0)->nodes_live == 1);
	assert_locked(f, BIT(LIVE), ERR_NODES);
	assert_non_null(strstr(judge(f, 2500).check[PREDICATE_LIVE].text, "1 of 2 nodes"));
	/* A rollback reaches whom it can, and goes on trying the rest. */
	struct act_result back = real_act(&f->r, 0, VERB_ROLLBACK, -1);
	assert_int_equal(back.status, ACT_BEGUN);
	int64_t epoch = real_epoch(&f->r, 1);
	REAL_UNTIL(&f->r, WAIT_MS, real_audit_seq(&f->r, 0) == 1);
	assert_int_equal(real_audit_seq(&f->r, 1), 0);
	real_skip(&f->r, 5000);
	assert_false(is_done(f, back.id));
	assert_int_equal(real_epoch(&f->r, 1), epoch);
	proxy_set_mode(f->proxy[1], PROXY_PASS);
	REAL_UNTIL(&f->r, WAIT_MS, (real_skip(&f->r, 500), is_done(f, back.id)));
	assert_int_equal(outcome(f, back.id), OUTCOME_APPLIED);
	assert_true(real_view(&f->r, back.id).decision.verified_ms != UNKNOWN);
	assert_int_equal(real_audit_seq(&f->r, 0), 1); /* pressed once there */
	assert_int_equal(real_audit_seq(&f->r, 1), 1);
}

/* ---- 12: another pool answers ---- */

static void check_foreign(struct fixture *f, enum hostile_mode mode)
{
	int share_bp = real_standing(&f->r, 0)->reported_bp;
	hostile_set_mode(f->server, mode);
	REAL_UNTIL(&f->r, WAIT_MS, trouble(f) == ERR_IDENTITY);
	assert_true(real_node(&f->r, 0, 0)->foreign);
	assert_locked(f, BIT(IDENTITY), ERR_IDENTITY);
	assert_string_equal(real_pool(&f->r, 0)->pool_id, "shop-1");
	assert_int_equal(share_bp, 1000);
	assert_non_null(strstr(real_standing(&f->r, 0)->headline.text, "Another pool answers"));
	hostile_set_mode(f->server, HOSTILE_ANSWER);
	assert_recovers(f);
}

static void row_12_identity(void **state)
{
	struct fixture *f = *state;
	begin_hostile(f);
	check_foreign(f, HOSTILE_OTHER_POOL);
	check_foreign(f, HOSTILE_OTHER_NODE);
	/* A rollback is for the pool that was meant: a stranger gets none. */
	hostile_set_mode(f->server, HOSTILE_OTHER_POOL);
	REAL_UNTIL(&f->r, WAIT_MS, trouble(f) == ERR_IDENTITY);
	struct act_result back = real_act(&f->r, 0, VERB_ROLLBACK, -1);
	assert_int_equal(back.status, ACT_BEGUN);
	real_skip(&f->r, 5000);
	int asked = hostile_requests(f->server);
	REAL_UNTIL(&f->r, WAIT_MS, hostile_requests(f->server) >= asked + 3);
	assert_int_equal(hostile_count(f->server, "POST /v1/rollback"), 0);
	hostile_set_mode(f->server, HOSTILE_ANSWER);
	REAL_UNTIL(&f->r, WAIT_MS, (real_skip(&f->r, 500), is_done(f, back.id)));
	assert_in_range(hostile_count(f->server, "POST /v1/rollback"), 1, 2); /* two ways at most */
	assert_int_equal(real_audit_seq(&f->r, 0), 1);
}

/* ---- a rollback's own connection ---- */

static struct act_result roll_back(struct fixture *f)
{
	struct act_result a = real_act(&f->r, 0, VERB_ROLLBACK, -1);
	assert_int_equal(a.status, ACT_BEGUN);
	return a;
}

/* A desk whose spare connection was opened, and is idle. */
static void begin_warm(struct fixture *f, bool tcp)
{
	begin_proxy(f, "GET /healthz", tcp);
	REAL_UNTIL(&f->r, WAIT_MS, proxy_meant(f->proxy[0]) >= 1);
	/* its answer is older than that of a poll that began after it */
	real_poll(&f->r, 0, 0);
	real_poll(&f->r, 0, 0);
}

static void assert_rolled_back(struct fixture *f, const char *id)
{
	REAL_UNTIL(&f->r, WAIT_MS, outcome(f, id) == OUTCOME_APPLIED);
	assert_int_equal(real_audit_seq(&f->r, 0), 1);
}

/* Nobody takes connections any more, as where a crowd stands before the door: a step goes
 * nowhere; a rollback arrives, even while the poll's own connection hangs. */
static void a_rollback_needs_no_new_connection(void **state)
{
	struct fixture *f = *state;
	begin_warm(f, false);
	proxy_set_match(f->proxy[0], "GET /v1/state");
	assert_int_equal(unlink(proxy_target(f->proxy[0]) + strlen("unix:")), 0);
	struct act_result raise = step(f, 2500);
	REAL_UNTIL(&f->r, WAIT_MS, is_done(f, raise.id));
	assert_int_equal(outcome(f, raise.id), OUTCOME_NOT_SENT);
	int meant = proxy_meant(f->proxy[0]);
	proxy_set_mode(f->proxy[0], PROXY_LOSE_ANSWER);
	REAL_UNTIL(&f->r, WAIT_MS, proxy_meant(f->proxy[0]) > meant);
	assert_rolled_back(f, roll_back(f).id);
}

/* It was closed by the pool while it was idle. */
static void a_rollback_outlives_a_closed_connection(void **state)
{
	struct fixture *f = *state;
	char front[180];
	begin_warm(f, false);
	snprintf(front, sizeof front, "%s/front", f->r.dir);
	proxy_stop(f->proxy[0]);
	f->proxy[0] = proxy_start(front, f->socket, "POST /v1/rollback");
	assert_non_null(f->proxy[0]);
	assert_rolled_back(f, roll_back(f).id);
	assert_int_equal(proxy_meant(f->proxy[0]), 1);
}

/* It is reset, or takes the rollback in and says nothing: the way around it is the second that
 * arrives. */
static void check_spoilt_connection(struct fixture *f, enum proxy_mode mode)
{
	begin_warm(f, true);
	proxy_set_match(f->proxy[0], "POST /v1/rollback");
	proxy_set_mode(f->proxy[0], mode);
	int before = proxy_meant(f->proxy[0]);
	struct act_result a = roll_back(f);
	REAL_UNTIL(&f->r, WAIT_MS, proxy_meant(f->proxy[0]) > before);
	assert_int_not_equal(outcome(f, a.id), OUTCOME_APPLIED);
	proxy_set_mode(f->proxy[0], PROXY_PASS);
	assert_rolled_back(f, a.id);
}

static void a_rollback_outlives_a_reset_connection(void **state)
{
	check_spoilt_connection(*state, PROXY_RESET);
}

static void a_rollback_outlives_a_silent_connection(void **state)
{
	check_spoilt_connection(*state, PROXY_LOSE_REQUEST);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(row_01_silence),
		TEST(row_02_refused),
		TEST(row_02_reset),
		TEST(row_02_no_such_name),
		TEST(row_03_drip),
		TEST(row_03_slow_but_whole),
		TEST(row_04_too_much),
		TEST(row_05_redirects),
		TEST(row_05_a_step_is_not_sent_on),
		TEST(row_07_environment),
		TEST(row_08_credentials),
		TEST(row_09_cut_after_it_was_applied),
		TEST(row_09_cut_before_it_arrived),
		TEST(row_09_reset),
		TEST(row_09_answer_never_comes),
		TEST(row_10_late),
		TEST(row_10_twice),
		TEST(row_11_partition),
		TEST(row_12_identity),
		TEST(a_rollback_needs_no_new_connection),
		TEST(a_rollback_outlives_a_closed_connection),
		TEST(a_rollback_outlives_a_reset_connection),
		TEST(a_rollback_outlives_a_silent_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
