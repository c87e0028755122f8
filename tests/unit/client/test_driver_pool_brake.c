/* The pool driver where a brake must get through: a spare connection, two ways, lost and silent ones. */
#include "tests/unit/client/driver_pool_bed.h"

/* ---- the way of a brake ---- */

/* Turns until the server has read so many requests. */
static void until_asked(struct fixture *f, int requests)
{
	int64_t end_ms = hostile_clock_ms() + DEADLINE_MS;
	while (hostile_requests(f->server) < requests && hostile_clock_ms() < end_ms) {
		transport_turn(f->transport, f->now);
		transport_wait(f->transport, NULL, 0, 20);
	}
	assert_int_equal(hostile_requests(f->server), requests);
}

/* Polls until the spare connection is there: both are idle afterwards. */
static void warm_up(struct fixture *f)
{
	for (int seq = 1; seq <= 3; seq++) {
		script_state(f, "boot-a", seq);
		assert_int_equal(poll_once(f)->kind, DRIVER_SNAPSHOT);
		if (seq == 2)
			until_asked(f, 3);
		/* what is asked beside the poll may end after it */
		for (int i = 0; i < 3; i++) {
			transport_turn(f->transport, f->now);
			transport_wait(f->transport, NULL, 0, 20);
		}
	}
	assert_int_equal(hostile_connections(f->server), 2);
	assert_int_equal(hostile_count(f->server, "GET /healthz"), 1);
	hostile_script(f->server, 200, "{\"epoch\":3,\"rev\":5,\"share_bp\":2500}");
}

static void a_spare_connection_is_kept_warm(void **state)
{
	(void)state;
	static const struct {
		int64_t after_ms;
		enum hostile_mode mode;
		int asked;
	} rows[] = {
		{0, HOSTILE_ANSWER, 0}, /* not before the pool has answered once */
		{0, HOSTILE_ANSWER, 1},
		{2999, HOSTILE_ANSWER, 1},
		{1, HOSTILE_ANSWER, 2},
		{0, HOSTILE_ANSWER, 2},
		{3000, HOSTILE_BROKEN, 3}, /* begun beside the poll that found the trouble */
		{60000, HOSTILE_BROKEN, 3},
		{60000, HOSTILE_ANSWER, 3},
		{0, HOSTILE_ANSWER, 4}, /* at once when it is well again */
		{0, HOSTILE_ANSWER, 4},
	};
	struct fixture f;
	begin(&f, HOSTILE_ANSWER);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		f.now.boot_ms += rows[i].after_ms;
		hostile_set_mode(f.server, rows[i].mode);
		script_state(&f, "boot-a", (int64_t)i + 1);
		poll_once(&f);
		until_asked(&f, (int)i + 1 + rows[i].asked);
		assert_int_equal(hostile_count(f.server, "GET /healthz"), rows[i].asked);
		assert_int_equal(hostile_connections(f.server), rows[i].asked > 0 ? 2 : 1);
	}
	assert_int_equal(hostile_shared(f.server), 0);
	end(&f);
}

static void a_pool_without_health_is_kept_too(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HOSTILE_ANSWER);
	hostile_spoil(f.server, HOSTILE_CONFLICT, "GET /healthz", false);
	warm_up(&f);
	struct command c = brake(VERB_ROLLBACK, "0199-back");
	driver_http.apply(f.driver, &c, f.now);
	assert_int_equal(listen_once(&f)->answer.kind, ANSWER_APPLIED);
	assert_int_equal(hostile_connections(f.server), 2);
	end(&f);
}

static void a_brake_takes_the_spare_connection(void **state)
{
	(void)state;
	static const struct {
		enum verb verb;
		const char *id;
		int connections;
	} rows[] = {
		{VERB_ROLLBACK, "0199-a", 2},
		{VERB_ROLLBACK, "0199-a", 3}, /* pressed again: fresh */
		{VERB_HOLD, "0199-b", 3},
		{VERB_HOLD, "0199-b", 4},
		{VERB_ROLLBACK, "0199-c", 4},
		{VERB_STEP, "0199-d", 5},
		{VERB_RESUME, "0199-e", 6},
		{VERB_ADOPT, "0199-f", 7},
		{VERB_ROLLBACK, "0199-g", 7},
	};
	struct fixture f;
	begin(&f, HOSTILE_ANSWER);
	warm_up(&f);
	int asked = hostile_requests(f.server);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct command c = brake(rows[i].verb, rows[i].id);
		driver_http.apply(f.driver, &c, f.now);
		assert_int_equal(listen_once(&f)->answer.kind, ANSWER_APPLIED);
		assert_int_equal(hostile_connections(f.server), rows[i].connections);
	}
	/* each went once: what would have gone beside it was forgotten with the answer */
	f.now.boot_ms += 10000;
	transport_turn(f.transport, f.now);
	assert_int_equal(hostile_requests(f.server), asked + (int)LENGTH(rows));
	end(&f);
}

/* A spare connection that takes all and answers nothing costs 0.3 s, not the deadline. */
static void a_silent_spare_connection_is_gone_around(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HOSTILE_ANSWER);
	warm_up(&f);
	int asked = hostile_requests(f.server);
	hostile_spoil(f.server, HOSTILE_SILENT, "POST ", false);
	struct command c = brake(VERB_ROLLBACK, "0199-back");
	driver_http.apply(f.driver, &c, f.now);
	until_asked(&f, asked + 1);
	hostile_set_mode(f.server, HOSTILE_ANSWER);
	f.now.boot_ms += 299;
	transport_turn(f.transport, f.now);
	assert_int_equal(hostile_connections(f.server), 2);
	f.now.boot_ms += 1;
	const struct heard *h = listen_once(&f);
	assert_int_equal(h->kind, DRIVER_ANSWER);
	assert_int_equal(h->answer.kind, ANSWER_APPLIED);
	assert_string_equal(h->intent, "0199-back");
	assert_in_range(h->answer.latency_ms, 300, DEADLINE_MS);
	assert_int_equal(hostile_connections(f.server), 3);
	assert_int_equal(hostile_requests(f.server), asked + 2);
	/* the silent one is closed; the next poll opens its successor at once */
	script_state(&f, "boot-a", 4);
	poll_once(&f);
	until_asked(&f, asked + 4);
	assert_int_equal(hostile_count(f.server, "GET /healthz"), 2);
	end(&f);
}

/* Where one way may have arrived the answer is never that nothing was sent. */
static void two_lost_ways_are_one_answer(void **state)
{
	(void)state;
	static const struct {
		enum hostile_mode mode; /* of the first way; COUNT: there is nobody */
		bool stops;             /* nobody is there when the second begins */
		enum answer_kind kind;
	} rows[] = {
		{HOSTILE_CUT, false, ANSWER_LOST},
		{HOSTILE_CUT, true, ANSWER_LOST},
		{HOSTILE_RST, true, ANSWER_LOST},
		{HOSTILE_COUNT, true, ANSWER_NOT_SENT},
	};
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct fixture f;
		begin(&f, rows[i].mode == HOSTILE_COUNT ? HOSTILE_REFUSE : rows[i].mode);
		struct command c = brake(VERB_ROLLBACK, "0199-back");
		driver_http.apply(f.driver, &c, f.now);
		if (rows[i].mode == HOSTILE_CUT)
			until_asked(&f, 1);
		/* the first way has ended, the second has not begun: nothing is told; where nobody is
		 * there the second does not wait */
		for (int turns = 0; turns < 5 && f.heard.events == 0; turns++) {
			transport_turn(f.transport, f.now);
			transport_wait(f.transport, NULL, 0, 20);
		}
		assert_int_equal(f.heard.events, rows[i].mode == HOSTILE_COUNT);
		if (rows[i].stops) {
			hostile_stop(f.server);
			f.server = NULL;
		}
		f.now.boot_ms += 300;
		const struct heard *h = f.heard.events > 0 ? &f.heard : listen_once(&f);
		if (h->answer.kind != rows[i].kind)
			fail_msg("row %zu: kind %d, %s", i, h->answer.kind, h->answer.err.text);
		end(&f);
	}
}

static void a_refusal_ends_both_ways(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HOSTILE_ANSWER);
	hostile_script(f.server, 410, REFUSAL("finalized"));
	struct command c = brake(VERB_ROLLBACK, "0199-back");
	driver_http.apply(f.driver, &c, f.now);
	const struct heard *h = listen_once(&f);
	assert_int_equal(h->answer.kind, ANSWER_REFUSED);
	assert_int_equal(h->answer.err.code, ERR_FINALIZED);
	f.now.boot_ms += 10000;
	transport_turn(f.transport, f.now);
	assert_int_equal(hostile_requests(f.server), 1);
	end(&f);
}

int main(void)
{
	alarm(60);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spare_connection_is_kept_warm),
		cmocka_unit_test(a_pool_without_health_is_kept_too),
		cmocka_unit_test(a_brake_takes_the_spare_connection),
		cmocka_unit_test(a_silent_spare_connection_is_gone_around),
		cmocka_unit_test(two_lost_ways_are_one_answer),
		cmocka_unit_test(a_refusal_ends_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
