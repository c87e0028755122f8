/* The HAProxy driver looks: what each answer is told as, and that looking writes nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/client/haproxy_rig.h"

/* ---- looking ---- */

static void a_view_becomes_a_document(void **state)
{
	struct fixture *f = *state;
	f->fake.permille = 250;
	f->fake.requests[1] = 40;
	f->fake.failed = 4;
	open_at(f, f->map);
	const struct snapshot *s = &f->heard.snapshot;
	assert_string_equal(s->pool, "orders");
	assert_string_equal(s->boot_id, "1795000000-100");
	assert_string_equal(s->node, "vm");
	assert_int_equal(s->share_bp, 2500);
	assert_int_equal(s->epoch, 1795000000);
	assert_int_equal(s->rev, 0);
	assert_int_equal(s->arms[ARM_V1].requests, 1000);
	assert_int_equal(s->arms[ARM_V2].requests, 40);
	assert_int_equal(s->arms[ARM_V2].ok, 36);
	assert_int_equal(counts_failed(&s->arms[ARM_V2]), 4);
	assert_int_equal(s->arms[ARM_V2].sessions, UNKNOWN);
	assert_int_equal(s->arms[ARM_V2].queue_max, UNKNOWN);
	assert_false(s->arms[ARM_V2].has_latency);
	assert_false(s->change.known);
	assert_int_equal(s->baseline_bp, -1);
	assert_int_equal(s->crew.worker_count, 2);
	assert_true(s->reloads);
}

/* An answer that its server broke off was counted well at its first byte. */
static void a_broken_answer_is_a_failure(void **state)
{
	struct fixture *f = *state;
	f->fake.requests[1] = 40;
	open_at(f, f->map);
	assert_int_equal(f->heard.snapshot.arms[ARM_V2].ok, 40);
	f->fake.requests[1] = 50;
	f->fake.broken = 30;
	const struct arm_counts *v2 = &snapshot_of(f)->arms[ARM_V2];
	assert_int_equal(counts_failed(v2), 30);
	assert_int_equal(v2->ok, 40); /* never back within a process */
	f->fake.requests[1] = 90;
	assert_int_equal(snapshot_of(f)->arms[ARM_V2].ok, 60);
}

static void what_cannot_be_counted_is_refused(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	f->fake.tcp = true;
	const struct heard *h = poll_once(f);
	assert_int_equal(h->kind, DRIVER_TROUBLE);
	assert_non_null(strstr(h->err.text, "mode http is needed"));
	f->fake.tcp = false;
	f->fake.twice = true;
	assert_non_null(strstr(poll_once(f)->err.text, "twice"));
}

/* A map file that was written out with its notes: they tell who, not how much since. */
static void a_note_of_an_earlier_process_counts_nothing(void **state)
{
	struct fixture *f = *state;
	f->fake.permille = 250;
	text_add(
		&f->fake.notes, "0x1 weir.orders.4.bob@db2/step/old/1794000000000/90000/77/88 250\n");
	open_at(f, f->map);
	assert_int_equal(f->heard.snapshot.rev, 4);
	assert_false(f->heard.snapshot.change.known);
	struct command stale = a_command(f, VERB_STEP, 500);
	stale.rev = 3;
	assert_int_equal(order(f, &stale, false)->changed_age_ms, UNKNOWN);
}

static void looking_writes_nothing(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	snapshot_of(f);
	driver_haproxy.audit(f->driver, 0, f->now);
	listen_once(f, false);
	pthread_mutex_lock(&f->fake.mutex);
	for (const char *at = text_str(&f->fake.heard); *at; at += strcspn(at, "\n") + 1)
		if (strncmp(at, "show ", 5) != 0 && strncmp(at, "prompt\n", 7) != 0)
			fail_msg("asked: %.60s", at);
	pthread_mutex_unlock(&f->fake.mutex);
}

static void time_is_finer_than_haproxys_seconds(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	int64_t first = f->heard.snapshot.uptime_ms;
	f->now.boot_ms += 400;
	assert_int_equal(snapshot_of(f)->uptime_ms, first + 400);
	f->now.boot_ms += 300;
	f->fake.uptime_s++; /* a second is full: it began 300 ms earlier than was known */
	assert_int_equal(snapshot_of(f)->uptime_ms, first + 1000);
}

static const struct {
	enum runtime_mode mode;
	enum err_code code;
	bool late;
} troubles[] = {
	{RUNTIME_SILENT, ERR_SLOW, true},
	{RUNTIME_CLOSED, ERR_UNREACHABLE, false},
	{RUNTIME_OLD, ERR_REPLAYED, false},
	{RUNTIME_GARBAGE, ERR_NOT_POOL, false},
	{RUNTIME_ENDLESS, ERR_TOO_LARGE, false},
	{RUNTIME_DAMAGED, ERR_FIELD, false},
};

static void what_is_no_view_is_trouble(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++) {
		set_mode(f, troubles[i].mode);
		driver_haproxy.poll(f->driver, f->now);
		const struct heard *h = listen_once(f, troubles[i].late);
		assert_int_equal(h->kind, DRIVER_TROUBLE);
		if (h->err.code != troubles[i].code)
			fail_msg("mode %d: %s %s", troubles[i].mode, err_name(h->err.code), h->err.text);
	}
	set_mode(f, RUNTIME_DRIP);
	assert_int_equal(snapshot_of(f)->share_bp, 0);
}

static void a_socket_that_is_not_there_is_said(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(
		open_target(f, "haproxy:/nowhere/s?map=/m&key=orders&v1=v1&v2=v2", NULL), 0);
	const struct heard *h = poll_once(f);
	assert_int_equal(h->err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(h->err.text, "is not there"));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_view_becomes_a_document),
		CASE(a_broken_answer_is_a_failure),
		CASE(what_cannot_be_counted_is_refused),
		CASE(a_note_of_an_earlier_process_counts_nothing),
		CASE(looking_writes_nothing),
		CASE(time_is_finer_than_haproxys_seconds),
		CASE(what_is_no_view_is_trouble),
		CASE(a_socket_that_is_not_there_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
