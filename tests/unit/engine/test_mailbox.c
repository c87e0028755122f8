/* Tests of mailboxes and of what may stand in an envelope. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/mailbox.h"
#include "model/text.h"

#include <stdio.h>
#include <string.h>

#define LETTERS 6

static struct mailbox m;
static struct letter letters[LETTERS];

static int setup(void **state)
{
	(void)state;
	m = (struct mailbox){0};
	memset(letters, 0, sizeof letters);
	for (int i = 0; i < LETTERS; i++)
		letters[i] = (struct letter){.number = i, .deadline_us = 100};
	return 0;
}

static void fill(void)
{
	for (int i = 0; i < LETTERS; i++)
		assert_true(mailbox_put(&m, &letters[i], LETTERS));
}

static void first_come_first_served(void **state)
{
	(void)state;
	assert_null(mailbox_next(&m));
	fill();
	for (int i = 0; i < LETTERS; i++) {
		struct letter *l = mailbox_next(&m);
		assert_ptr_equal(l, &letters[i]);
		assert_true(l->taken);
		assert_int_equal(m.count, LETTERS - 1 - i);
	}
	assert_null(mailbox_next(&m));
	assert_null(m.first);
	assert_null(m.last);
}

static void a_full_one_refuses_and_keeps_what_it_has(void **state)
{
	(void)state;
	struct letter more = {0};
	fill();
	assert_false(mailbox_put(&m, &more, LETTERS));
	assert_false(mailbox_put(&m, &more, 1));
	assert_int_equal(m.count, LETTERS);
	mailbox_take(&m, &letters[2]);
	assert_true(mailbox_put(&m, &more, LETTERS));
	assert_ptr_equal(m.last, &more);
}

/* Each order in which all are taken from anywhere leaves the rest in order. */
static void any_may_be_taken_out(void **state)
{
	(void)state;
	for (int first = 0; first < LETTERS; first++)
		for (int second = 0; second < LETTERS; second++) {
			if (first == second)
				continue;
			setup(NULL);
			fill();
			mailbox_take(&m, &letters[first]);
			mailbox_take(&m, &letters[second]);
			for (int i = 0; i < LETTERS; i++)
				if (i != first && i != second)
					assert_ptr_equal(mailbox_next(&m), &letters[i]);
			assert_null(mailbox_next(&m));
		}
}

static void late_ones_go_first_to_last_and_others_stay(void **state)
{
	(void)state;
	letters[1].deadline_us = 10;
	letters[4].deadline_us = 11;
	fill();
	assert_null(mailbox_late(&m, 9));
	assert_ptr_equal(mailbox_late(&m, 10), &letters[1]);
	assert_null(mailbox_late(&m, 10));
	assert_ptr_equal(mailbox_late(&m, 11), &letters[4]);
	assert_int_equal(m.count, LETTERS - 2);
	assert_ptr_equal(mailbox_next(&m), &letters[0]);
}

/* ---- envelopes ---- */

static struct envelope e;
static struct order o;
static struct err err;

static void message(const char *text)
{
	memset(&e, 0, sizeof e);
	err = (struct err){0};
	assert_true(ref_of(&e.recipient, "counter", "1"));
	assert_true(text_copy(e.message, sizeof e.message, text));
}

static void every_order_is_understood(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		struct order order;
	} cases[] = {
		{"{\"add\":2}", {ORDER_ADD, 2}},
		{" { \"add\" : -3 } ", {ORDER_ADD, -3}},
		{"{\"set\":9007199254740991}", {ORDER_SET, ORDER_VALUE_MAX}},
		{"{\"set\":-9007199254740991}", {ORDER_SET, -ORDER_VALUE_MAX}},
		{"{\"get\":true}", {ORDER_GET, 0}},
		{"{\"fail\":true}", {ORDER_FAIL, 0}},
		{"{\"sleep_us\":60000000}", {ORDER_SLEEP, 60000000}},
		{"{\"ping\":true}", {ORDER_PING, 0}},
		{"{\"fetch\":\"state\"}", {ORDER_FETCH_STATE, 0}},
		{"{\"fetch\":\"process\"}", {ORDER_FETCH_PROCESS, 0}},
		{"{\"kill\":true}", {ORDER_KILL, 0}},
		{"{\"crash\":true}", {ORDER_CRASH, 0}},
		{"{\"hibernate\":true}", {ORDER_HIBERNATE, 0}},
		{"{\"persist\":true}", {ORDER_PERSIST, 0}},
		{"{\"reload\":true}", {ORDER_RELOAD, 0}},
	};
	assert_int_equal(sizeof cases / sizeof *cases, ORDER_COUNT + 2);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		message(cases[i].text);
		if (envelope_read(&e, &o, &err))
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_int_equal(o.kind, cases[i].order.kind);
		assert_int_equal(o.number, cases[i].order.number);
	}
}

static void everything_else_is_refused_with_a_reason(void **state)
{
	(void)state;
	static const char *const bad[] = {"{}", "[]", "1", "{\"add\":1", "{\"add\":1}x",
		"{\"add\":1.5}", "{\"add\":1e3}", "{\"add\":\"1\"}", "{\"add\":null}", "{\"add\":01}",
		"{\"add\":9007199254740992}", "{\"add\":99999999999999999999999999}",
		"{\"sleep_us\":-1}", "{\"sleep_us\":60000001}", "{\"get\":false}", "{\"get\":1}",
		"{\"kill\":\"true\"}", "{\"fetch\":\"all\"}", "{\"fetch\":true}",
		"{\"add\":1,\"get\":true}", "{\"add\":1,\"add\":1}", "{\"ad\":1}", "{\"ADD\":1}",
		"{\"\\u0061dd\":1}", "{\"get\":true,\"fetch\":\"state\"}", "\xff{\"get\":true}"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		message(bad[i]);
		if (!envelope_read(&e, &o, &err))
			fail_msg("%s was understood", bad[i]);
		assert_int_equal(err.code, ERR_FIELD);
		assert_true(strlen(err.text) > 10);
	}
}

static void an_envelope_has_bounds(void **state)
{
	(void)state;
	message("{\"get\":true}");
	e.timeout_ms = ENVELOPE_TIMEOUT_MAX_MS;
	assert_int_equal(envelope_read(&e, &o, &err), 0);
	e.timeout_ms = ENVELOPE_TIMEOUT_MAX_MS + 1;
	assert_int_equal(envelope_read(&e, &o, &err), -1);
	e.timeout_ms = -1;
	assert_int_equal(envelope_read(&e, &o, &err), -1);
	message("{\"get\":true}");
	e.spawn = SPAWN_MODE_COUNT;
	assert_int_equal(envelope_read(&e, &o, &err), -1);
	message("{\"get\":true}");
	memset(e.identifier, 'a', sizeof e.identifier);
	assert_int_equal(envelope_read(&e, &o, &err), -1);
	text_copy(e.identifier, sizeof e.identifier, "order:7");
	assert_int_equal(envelope_read(&e, &o, &err), 0);
	memset(&e.recipient, 0, sizeof e.recipient);
	assert_int_equal(envelope_read(&e, &o, &err), -1);
	message("{\"get\":true}");
	memset(e.message, ' ', sizeof e.message);
	assert_int_equal(envelope_read(&e, &o, &err), -1);
	message("");
	assert_int_equal(envelope_read(&e, &o, &err), -1);
	e.spawn = SPAWN_LAZY;
	assert_int_equal(envelope_read(&e, &o, &err), 0);
	assert_int_equal(o.kind, ORDER_COUNT);
}

static void words_are_read_as_they_are_written(void **state)
{
	(void)state;
	for (int i = 0; i < SPAWN_MODE_COUNT; i++)
		assert_int_equal(spawn_mode_of(spawn_mode_name((enum spawn_mode)i)), i);
	for (int i = 0; i < ACK_COUNT; i++)
		assert_int_equal(ack_of(ack_name((enum ack)i)), i);
	for (int i = 0; i < ENVELOPE_TYPE_COUNT; i++)
		assert_int_equal(envelope_type_of(envelope_type_name((enum envelope_type)i)), i);
	assert_int_equal(spawn_mode_of("Lazy"), SPAWN_MODE_COUNT);
	assert_int_equal(ack_of(""), ACK_COUNT);
	assert_string_equal(send_status_name(SEND_FULL), "full");
	assert_string_equal(send_status_name(SEND_LATE), "timeout");
	e = (struct envelope){.type = ENVELOPE_CALL};
	assert_int_equal(envelope_ack(&e), ACK_RESPONSE);
	e.type = ENVELOPE_CAST;
	assert_int_equal(envelope_ack(&e), ACK_NONE);
	e.ack = ACK_RECEIPT;
	assert_int_equal(envelope_ack(&e), ACK_RECEIPT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		T(first_come_first_served),
		T(a_full_one_refuses_and_keeps_what_it_has),
		T(any_may_be_taken_out),
		T(late_ones_go_first_to_last_and_others_stay),
		T(every_order_is_understood),
		T(everything_else_is_refused_with_a_reason),
		T(an_envelope_has_bounds),
		T(words_are_read_as_they_are_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
