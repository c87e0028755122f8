/* Tests of client/wire: the audit log, executions and faults there and back. Documents and
 * changes have tests of their own (test_wire_state, test_wire_change, test_wire_answer). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/wire.h"

#include <string.h>

static void test_audit(void **state)
{
	const struct audit_entry entries[2] = {
		{.seq = 1,
			.what = "step",
			.from_bp = 0,
			.to_bp = 100,
			.epoch = 7,
			.rev = 1,
			.key = "k1",
			.actor = "alice",
			.reason = "\xC3\xA9",
			.age_ms = 10},
		{.seq = 2,
			.what = "rollback",
			.from_bp = 100,
			.to_bp = 0,
			.epoch = 8,
			.rev = 2,
			.actor = "pool",
			.age_ms = 5},
	};
	struct audit_entry back[2];
	size_t count;
	struct text t = {0};
	(void)state;
	wire_write_audit(&t, entries, 2);
	assert_int_equal(wire_read_audit(back, 2, &count, t.data, t.len, NULL), 0);
	assert_int_equal(count, 2);
	assert_string_equal(back[0].reason, "\xC3\xA9");
	assert_int_equal(back[1].epoch, 8);
	assert_string_equal(back[1].key, "");
	assert_int_equal(wire_read_audit(back, 1, &count, t.data, t.len, NULL), 0);
	assert_int_equal(count, 1);
	text_clear(&t);
	wire_write_audit(&t, NULL, 0);
	assert_string_equal(text_str(&t), "{\"entries\":[]}");
	assert_int_equal(wire_read_audit(back, 2, &count, t.data, t.len, NULL), 0);
	assert_int_equal(count, 0);
	text_free(&t);
	static const char *const bad[] = {"{}", "{\"entries\":{}}", "{\"entries\":[1]}",
		"{\"entries\":[{\"seq\":1}]}", "{\"entries\":null}"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};
		assert_int_equal(wire_read_audit(back, 2, &count, bad[i], strlen(bad[i]), &err), -1);
		assert_int_equal(err.code, ERR_FIELD);
	}
}

static void test_execute(void **state)
{
	static const char whole[] = "{\"operation\":\"spin\",\"session\":\"s 1\",\"key\":\"k\","
								"\"payload\": {\"a\" : [1, 9007199254740991,\n\"x \\\" "
								"y\\\\\"]} ,\"work_us\":50,\"timeout_ms\":100}";
	static const char least[] = "{\"operation\":\"echo\"}";
	struct engine_request r;
	struct err err = {0};
	struct text t = {0};
	(void)state;
	assert_int_equal(wire_read_execute(&r, whole, sizeof whole - 1, &err), 0);
	assert_string_equal(r.operation, "spin");
	assert_string_equal(r.session, "s 1");
	assert_string_equal(r.id, "k");
	assert_string_equal(r.payload, "{\"a\":[1,9007199254740991,\"x \\\" y\\\\\"]}");
	assert_int_equal(r.work_us, 50);
	assert_int_equal(r.timeout_ms, 100);
	assert_int_equal(wire_read_execute(&r, least, sizeof least - 1, &err), 0);
	assert_string_equal(r.payload, "");
	assert_int_equal(r.work_us, UNKNOWN);
	assert_int_equal(r.timeout_ms, 0);
	static const char *const bad[] = {"{}", "{\"operation\":\"\"}", "{\"operation\":\"a b\"}",
		"{\"operation\":\"echo\",\"timeout_ms\":0}",
		"{\"operation\":\"echo\",\"timeout_ms\":1e9}", "{\"operation\":\"echo\",\"session\":5}",
		"{\"operation\":\"echo\",\"p\\u0061yload\":5}"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(wire_read_execute(&r, bad[i], strlen(bad[i]), &err), -1);
	text_add(&t, "{\"operation\":\"echo\",\"payload\":\"");
	for (int i = 0; i < ENGINE_PAYLOAD_MAX - 2; i++)
		text_add(&t, "x");
	text_add(&t, "\"}");
	assert_int_equal(wire_read_execute(&r, t.data, t.len, &err), -1);
	assert_non_null(strstr(err.text, "payload"));

	static struct engine_response response = {.status = ENGINE_OK,
		.ok = true,
		.arm = ARM_V2,
		.result = "{\"x\":1}",
		.latency_us = 12};
	text_clear(&t);
	wire_write_execute(&t, &response);
	assert_string_equal(
		text_str(&t), "{\"ok\":true,\"arm\":\"v2\",\"result\":{\"x\":1},\"latency_us\":12}");
	text_copy(response.result, sizeof response.result, "{\"x\":1},\"arm\":\"v1\"");
	text_clear(&t);
	wire_write_execute(&t, &response);
	assert_non_null(strstr(text_str(&t), "\"result\":\"{\\\"x\\\":1},"));
	response = (struct engine_response){.status = ENGINE_TIMEOUT,
		.failure = FAILURE_TIMEOUT,
		.message = "late",
		.latency_us = UNKNOWN};
	text_clear(&t);
	wire_write_execute(&t, &response);
	assert_string_equal(text_str(&t),
		"{\"ok\":false,\"arm\":\"v1\",\"error\":{\"category\":"
		"\"timeout\",\"message\":\"late\"},\"latency_us\":null}");
	text_free(&t);
}

static void test_fault(void **state)
{
	static const char whole[] =
		"{\"arm\":\"v2\",\"error_rate\":0.25,\"slow_factor\":3,"
		"\"latency_add_us\":50,\"hang\":true,\"operation\":\"predict\",\"crash_rate\":0.5,"
		"\"leak_bytes\":4096,\"stall\":true,\"lie\":true,\"later\":1}";
	struct fault f;
	enum arm arm;
	struct err err = {0};
	(void)state;
	assert_int_equal(wire_read_fault(&arm, &f, whole, sizeof whole - 1, &err), 0);
	assert_int_equal(arm, ARM_V2);
	assert_true(f.error_rate == 0.25 && f.slow_factor == 3.0 && f.hang);
	assert_int_equal(f.latency_add_us, 50);
	assert_string_equal(f.operation, "predict");
	assert_true(f.crash_rate == 0.5 && f.leak_bytes == 4096 && f.stall && f.lies);
	assert_int_equal(wire_read_fault(&arm, &f, "{\"arm\":\"v1\"}", 12, &err), 0);
	assert_int_equal(arm, ARM_V1);
	assert_true(
		f.error_rate == 0.0 && f.slow_factor == 0.0 && !f.hang && f.latency_add_us == 0);
	assert_true(f.crash_rate == 0.0 && f.leak_bytes == 0 && !f.stall && !f.lies);
	static const char *const bad[] = {"{}", "{\"arm\":\"v3\"}", "{\"arm\":1}",
		"{\"arm\":\"v1\",\"error_rate\":1.01}", "{\"arm\":\"v1\",\"error_rate\":-0.1}",
		"{\"arm\":\"v1\",\"slow_factor\":0.5}", "{\"arm\":\"v1\",\"hang\":1}",
		"{\"arm\":\"v1\",\"latency_add_us\":-1}", "{\"arm\":\"v1\",\"crash_rate\":1.5}",
		"{\"arm\":\"v1\",\"leak_bytes\":-1}", "{\"arm\":\"v1\",\"leak_bytes\":16777217}",
		"{\"arm\":\"v1\",\"stall\":0}", "{\"arm\":\"v1\",\"lie\":\"yes\"}"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		memset(&err, 0, sizeof err);
		assert_int_equal(wire_read_fault(&arm, &f, bad[i], strlen(bad[i]), &err), -1);
		assert_int_equal(err.code, ERR_FIELD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_audit),
		cmocka_unit_test(test_execute),
		cmocka_unit_test(test_fault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
