/* Tests of messages to addressable workers: what is delivered, acknowledged, refused, late, and
 * what a worker can be told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/engine/resident_bed.h"

static int setup(void **state)
{
	(void)state;
	bed_start(&(struct residents_options){.threads = 2});
	return 0;
}

static void each_address_has_a_counter_of_its_own(void **state)
{
	(void)state;
	assert_string_equal(call("1", "{\"add\":1}"), "{\"value\":1}");
	assert_string_equal(call("1", "{\"add\":1}"), "{\"value\":2}");
	assert_string_equal(call("2", "{\"add\":1}"), "{\"value\":1}");
	assert_string_equal(call("1", "{\"add\":1}"), "{\"value\":3}");
	assert_string_equal(call("2", "{\"set\":-7}"), "{\"value\":-7}");
	assert_string_equal(call("2", "{\"get\":true}"), "{\"value\":-7}");
	assert_string_equal(call("2", "{\"fetch\":\"state\"}"), "{\"value\":-7}");
	assert_string_equal(call("2", "{\"sleep_us\":1}"), "{\"value\":-7}");
	assert_true(got.ok);
	assert_int_equal(got.number, 8);
	assert_int_equal(look()->done, 8);
	assert_int_equal(seen.counts.spawned, 2);
	assert_int_equal(seen.counts.started, 2);
	assert_int_equal(seen.workers, 2);
}

static void a_failure_leaves_the_state_and_the_worker(void **state)
{
	(void)state;
	call("1", "{\"set\":9007199254740991}");
	call("1", "{\"add\":1}");
	failed(SEND_DONE, FAILURE_OPERATION);
	call("1", "{\"fail\":true}");
	failed(SEND_DONE, FAILURE_OPERATION);
	assert_string_equal(call("1", "{\"get\":true}"), "{\"value\":9007199254740991}");
	assert_int_equal(look()->failed, 2);
	assert_int_equal(seen.counts.crashed, 0);
	assert_true(rows[0].health == 1.0);
}

static void nobody_is_spawned_against_the_senders_will(void **state)
{
	(void)state;
	const struct envelope e = bed_envelope("1", "{\"add\":1}", SPAWN_NO);
	residents_send(tree, &e, &got);
	failed(SEND_NOT_REGISTERED, FAILURE_SESSION);
	assert_false(residents_find(tree, &e.recipient).known);
	assert_int_equal(look()->accepted, 0);
	assert_int_equal(seen.counts.refused, 1);
	call("1", "{\"add\":1}");
	residents_send(tree, &e, &got);
	assert_string_equal(got.result, "{\"value\":2}");
	assert_true(residents_find(tree, &e.recipient).known);
}

static void what_is_no_message_spawns_nobody(void **state)
{
	(void)state;
	call("1", "{\"explode\":true}");
	failed(SEND_BAD, FAILURE_OPERATION);
	assert_int_equal(look()->accepted, 0);
	assert_int_equal(seen.workers, 0);
}

static void lazy_registers_async_starts_sync_waits(void **state)
{
	(void)state;
	spawn_one("lazy", SPAWN_LAZY);
	assert_true(got.ok && got.at.known);
	assert_int_equal(got.status, SEND_ACCEPTED);
	spawn_one("sync", SPAWN_SYNC);
	assert_true(got.ok);
	assert_int_equal(look()->started, 1); /* at once, and only that one */
	assert_int_equal(seen.counts.spawned, 2);
	spawn_one("async", SPAWN_ASYNC);
	assert_true(got.ok);
	UNTIL(seen.counts.started == 2);
	assert_string_equal(call("lazy", "{\"get\":true}"), "{\"value\":0}");
	assert_int_equal(look()->started, 3);
	assert_int_equal(seen.counts.accepted, 1); /* spawning is no message */
}

static void sync_needs_no_free_thread(void **state)
{
	(void)state;
	keep_busy("a");
	keep_busy("b");
	spawn_one("c", SPAWN_SYNC);
	assert_true(got.ok);
	assert_int_equal(look()->started, 3);
	let_all_go();
}

static void each_ack_says_what_it_promises(void **state)
{
	(void)state;
	struct envelope e = bed_envelope("1", "{\"add\":1}", SPAWN_LAZY);
	e.type = ENVELOPE_CAST;
	for (int ack = ACK_NONE; ack < ACK_COUNT; ack++) {
		e.ack = (enum ack)ack;
		residents_send(tree, &e, &got);
		assert_true(got.ok);
		assert_int_equal(got.number, ack);
		assert_int_equal(got.status, ack == ACK_RESPONSE ? SEND_DONE : SEND_ACCEPTED);
		assert_true(got.at.known);
	}
	assert_string_equal(got.result, "{\"value\":4}");
	keep_busy("1"); /* a place while it runs */
	assert_int_equal(got.at.node, 0);
	assert_int_equal(look()->running, 1);
	let_all_go();
}

static void a_full_mailbox_refuses_and_the_others_do_not(void **state)
{
	(void)state;
	bed_end(NULL);
	bed_start(&(struct residents_options){.threads = 2, .mailbox_max = 2});
	struct envelope e = bed_envelope("1", "{\"add\":1}", SPAWN_NO);
	e.type = ENVELOPE_CAST;
	keep_busy("1");
	cast("1", "{\"add\":1}");
	cast("1", "{\"add\":1}");
	residents_send(tree, &e, &got);
	failed(SEND_FULL, FAILURE_REFUSED);
	assert_string_equal(call("2", "{\"add\":1}"), "{\"value\":1}");
	assert_int_equal(look()->refused, 1);
	assert_int_equal(seen.counts.queued, 2);
	let_all_go();
	UNTIL(seen.counts.queued == 0);
	assert_string_equal(call("1", "{\"get\":true}"), "{\"value\":2}");
}

static void the_room_of_all_mailboxes_is_bounded(void **state)
{
	(void)state;
	bed_end(NULL);
	bed_start(&(struct residents_options){.threads = 1, .mailbox_max = 2, .queued_max = 3});
	keep_busy("1");
	struct envelope e = bed_envelope("1", "{\"add\":1}", SPAWN_LAZY);
	e.type = ENVELOPE_CAST;
	for (int i = 0; i < 3; i++) {
		residents_send(tree, &e, &got);
		assert_int_equal(got.ok, i < 2);
	}
	failed(SEND_FULL, FAILURE_REFUSED);
	assert_true(ref_of(&e.recipient, "counter", "2"));
	for (int i = 0; i < 2; i++) {
		residents_send(tree, &e, &got);
		assert_int_equal(got.ok, i < 1);
	}
	failed(SEND_FULL, FAILURE_REFUSED);
	assert_int_equal(look()->refused, 2);
	assert_int_equal(seen.counts.queued, 3);
	let_all_go();
	UNTIL(seen.counts.queued == 0);
	assert_string_equal(call("1", "{\"get\":true}"), "{\"value\":2}");
	assert_string_equal(call("2", "{\"get\":true}"), "{\"value\":1}");
}

static void what_is_late_makes_room(void **state)
{
	(void)state;
	bed_end(NULL);
	bed_start(&(struct residents_options){.threads = 1, .mailbox_max = 1});
	keep_busy("1");
	struct envelope e = bed_envelope("1", "{\"add\":1}", SPAWN_NO);
	e.type = ENVELOPE_CAST;
	e.timeout_ms = 1;
	residents_send(tree, &e, &got);
	assert_true(got.ok);
	const int64_t until_us = threads_us() + BED_WAIT_US;
	e.timeout_ms = BED_WAIT_US / 1000;
	do
		residents_send(tree, &e, &got);
	while (!got.ok && threads_us() < until_us);
	assert_true(got.ok);
	assert_int_equal(look()->timed_out, 1);
	let_all_go();
	UNTIL(seen.counts.queued == 0);
	assert_string_equal(call("1", "{\"get\":true}"), "{\"value\":1}");
}

static void a_call_that_waits_too_long_is_never_executed(void **state)
{
	(void)state;
	keep_busy("1");
	struct envelope e = bed_envelope("1", "{\"add\":1}", SPAWN_NO);
	e.timeout_ms = 2;
	residents_send(tree, &e, &got);
	failed(SEND_LATE, FAILURE_TIMEOUT);
	assert_false(got.begun);
	assert_int_equal(look()->timed_out, 1);
	assert_int_equal(seen.counts.queued, 0);
	e.type = ENVELOPE_CAST; /* nobody waits: it is late when its turn comes */
	residents_send(tree, &e, &got);
	assert_true(got.ok);
	const int64_t until_us = threads_us() + 3000;
	while (threads_us() < until_us)
		sched_yield();
	let_all_go();
	assert_string_equal(call("1", "{\"get\":true}"), "{\"value\":0}");
	assert_int_equal(look()->timed_out, 2);
}

static void who_wants_a_worker_that_is_up_waits_for_one_that_starts(void **state)
{
	(void)state;
	bed_end(NULL);
	bed_start(&(struct residents_options){.threads = 1});
	spawn_one("up", SPAWN_SYNC);
	keep_busy("1");
	spawn_one("2", SPAWN_ASYNC); /* its turn does not come */
	struct envelope e = bed_envelope("2", "{\"add\":1}", SPAWN_SYNC);
	e.type = ENVELOPE_CAST;
	e.timeout_ms = 1;
	residents_send(tree, &e, &got);
	failed(SEND_LATE, FAILURE_TIMEOUT);
	e.spawn = SPAWN_ASYNC;
	e.timeout_ms = BED_WAIT_US / 1000;
	residents_send(tree, &e, &got);
	assert_true(got.ok);
	/* one that is up and was wanted in vain has nothing to do when its turn comes */
	e = bed_envelope("up", "{\"add\":1}", SPAWN_NO);
	e.timeout_ms = 1;
	residents_send(tree, &e, &got);
	failed(SEND_LATE, FAILURE_TIMEOUT);
	let_all_go();
	assert_string_equal(call("2", "{\"get\":true}"), "{\"value\":1}");
	assert_string_equal(call("up", "{\"get\":true}"), "{\"value\":0}");
}

static void a_caller_leaves_at_its_deadline_and_the_worker_goes_on(void **state)
{
	(void)state;
	struct envelope e = bed_envelope("1", "{\"sleep_us\":60000000}", SPAWN_LAZY);
	spawn_one("1", SPAWN_SYNC);
	e.timeout_ms = 100;
	residents_send(tree, &e, &got);
	failed(SEND_LATE, FAILURE_TIMEOUT);
	assert_true(got.begun);
	assert_int_equal(look()->running, 1);
	assert_int_equal(seen.counts.timed_out, 0);
	let_all_go();
	UNTIL(seen.counts.running == 0);
	assert_int_equal(seen.counts.failed, 1); /* where it ended, once */
}

static void ping_and_fetch_tell_of_a_worker(void **state)
{
	(void)state;
	assert_string_equal(call("1", "{\"ping\":true}"), "{\"pong\":true}");
	call("1", "{\"add\":4}");
	call("1", "{\"fail\":true}");
	assert_string_equal(call("1", "{\"fetch\":\"process\"}"),
		"{\"asleep\":false,\"changes\":1,\"done\":2,\"failed\":1,\"node\":0,\"queued\":0,"
		"\"restarts\":0,\"segment\":0,\"trouble\":\"it failed, as it was told to\"}");
}

static void a_killed_worker_is_gone_and_its_mail_says_so(void **state)
{
	(void)state;
	struct envelope e = bed_envelope("1", "{\"get\":true}", SPAWN_NO);
	keep_busy("1");
	cast("1", "{\"kill\":true}");
	cast("1", "{\"add\":1}");
	cast("1", "{\"add\":1}");
	let_all_go();
	UNTIL(seen.counts.killed == 1);
	assert_int_equal(seen.workers, 0);
	assert_int_equal(seen.counts.failed, 3); /* two adds, and the sleep that was ended */
	assert_int_equal(seen.counts.restarted, 0);
	residents_send(tree, &e, &got);
	failed(SEND_NOT_REGISTERED, FAILURE_SESSION);
	assert_string_equal(call("1", "{\"get\":true}"), "{\"value\":0}");
}

static void mail_is_read_in_the_order_it_came(void **state)
{
	(void)state;
	char message[32];
	keep_busy("1");
	for (int i = 0; i < 200; i++) {
		snprintf(message, sizeof message, "{\"set\":%d}", i);
		cast("1", message);
	}
	cast("1", "{\"add\":1000}");
	let_all_go();
	assert_string_equal(call("1", "{\"get\":true}"), "{\"value\":1199}");
	assert_int_equal(look()->done, 202);
}

static void an_old_address_is_corrected_and_counted(void **state)
{
	(void)state;
	struct envelope e = bed_envelope("1", "{\"add\":1}", SPAWN_LAZY);
	residents_send(tree, &e, &got);
	e.at = got.at;
	residents_send(tree, &e, &got);
	assert_int_equal(look()->rerouted, 0);
	e.at.segment += 3;
	residents_send(tree, &e, &got);
	assert_string_equal(got.result, "{\"value\":3}");
	assert_int_equal(got.at.segment, 0);
	assert_int_equal(look()->rerouted, 1);
}

static void options_are_checked(void **state)
{
	(void)state;
	const struct residents_options bad[] = {{.nodes = 9}, {.nodes = -1}, {.threads = 65},
		{.mailbox_max = -1}, {.queued_max = -1}, {.idle_us = -1}, {.balance_us = -1},
		{.weight = {-1}}, {.placement = PLACEMENT_COUNT},
		{.aim = {[AIM_NODE_SEGMENTS] = {1, 2, RESIDENTS_SEGMENTS_MAX + 1}}},
		{.dir = "/nonexistent/state"}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct residents *r = NULL;
		struct err err = {0};
		assert_int_equal(residents_start(&r, &bad[i], &err), -1);
		assert_null(r);
		assert_true(*err.text);
	}
	residents_stop(NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_end)
	const struct CMUnitTest tests[] = {
		T(each_address_has_a_counter_of_its_own),
		T(a_failure_leaves_the_state_and_the_worker),
		T(nobody_is_spawned_against_the_senders_will),
		T(what_is_no_message_spawns_nobody),
		T(lazy_registers_async_starts_sync_waits),
		T(sync_needs_no_free_thread),
		T(each_ack_says_what_it_promises),
		T(a_full_mailbox_refuses_and_the_others_do_not),
		T(the_room_of_all_mailboxes_is_bounded),
		T(what_is_late_makes_room),
		T(a_call_that_waits_too_long_is_never_executed),
		T(who_wants_a_worker_that_is_up_waits_for_one_that_starts),
		T(a_caller_leaves_at_its_deadline_and_the_worker_goes_on),
		T(ping_and_fetch_tell_of_a_worker),
		T(a_killed_worker_is_gone_and_its_mail_says_so),
		T(mail_is_read_in_the_order_it_came),
		T(an_old_address_is_corrected_and_counted),
		T(options_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
