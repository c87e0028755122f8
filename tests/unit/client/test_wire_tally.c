/* Tests of GET /v1/tally and of keyed work over the wire: what is told, that it is one strict
 * document, that reading changes nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/scan.h"
#include "client/serve_route.h"
#include "client/wire.h"

#include <stdlib.h>
#include <string.h>

static struct engine *engine;

static int teardown(void **state)
{
	(void)state;
	engine_stop(engine);
	engine = NULL;
	return 0;
}

static void start(const struct engine_options *how)
{
	struct err err = {0};
	if (engine_start(&engine, how, &err))
		fail_msg("%s", err.text);
}

/* Sends a request; its status, the body to the caller. */
static int ask(const char *method, const char *path, const char *body, struct text *out)
{
	struct serve_request request = {.method = method,
		.path = path,
		.host = "localhost",
		.content_type = "application/json",
		.body = body,
		.len = strlen(body)};
	struct serve_reply reply = {0};
	struct engine_request *execute = calloc(1, sizeof *execute);
	if (!serve_route(engine, false, &request, &reply, execute)) {
		struct engine_response *response = calloc(1, sizeof *response);
		engine_execute(engine, execute, response);
		serve_executed(&reply, response);
		free(response);
	}
	free(execute);
	text_free(out);
	*out = reply.body;
	return reply.status;
}

static void assert_has(const struct text *t, const char *part)
{
	if (!strstr(text_str(t), part))
		fail_msg("%s is not in %s", part, text_str(t));
}

static void both_arms_are_told(void **state)
{
	(void)state;
	struct text body = {0}, again = {0};
	start(&(struct engine_options){.strategy = STRATEGY_CANARY,
		.v1_processor = "v1:transactional",
		.v2_processor = "v2:2:affinity",
		.partition = "fan_in"});
	assert_int_equal(
		ask("POST", "/v1/execute",
			"{\"operation\":\"tally\",\"key\":\"k\",\"payload\":{\"value\":3}}", &body),
		200);
	assert_has(&body, "\"result\":{\"records\":1,\"keys\":1}");
	assert_int_equal(
		ask("POST", "/v1/execute",
			"{\"operation\":\"tally\",\"payload\":{\"records\":[[\"k\",1],[\"l\",-2]]}}",
			&body),
		200);
	assert_has(&body, "\"result\":{\"records\":2,\"keys\":2}");
	assert_int_equal(ask("GET", "/v1/tally", "", &body), 200);
	assert_int_equal(scan_document(body.data, body.len, NULL), 0);
	assert_has(&body,
		"{\"v1\":{\"processor\":\"v1:transactional\",\"partition\":\"fan_in\","
		"\"records\":3,\"keys\":2,\"digest\":\"");
	assert_has(&body,
		"\"pauses\":0,\"paused_us\":0,\"partitions\":[{\"records\":3,\"keys\":2,\"waiting\":0,"
		"\"pressure\":\"healthy\",\"per_second\":");
	assert_has(&body, "\"v2\":{\"processor\":\"v2:2:affinity\"");
	assert_int_equal(ask("GET", "/v1/tally", "", &again), 200);
	assert_has(&again, "\"records\":3,\"keys\":2");
	assert_int_equal(ask("POST", "/v1/tally", "{}", &again), 405);
	text_free(&body);
	text_free(&again);
}

/* The state document has it from the first record on, and a console reads it. */
static void the_state_tells_of_it(void **state)
{
	(void)state;
	struct text body = {0};
	struct err err = {0};
	struct snapshot *got = calloc(1, sizeof *got);
	start(&(struct engine_options){.strategy = STRATEGY_CANARY, .v2_processor = "v2:2"});
	assert_int_equal(ask("GET", "/v1/state", "", &body), 200);
	assert_has(&body, "\"tally\":null");
	assert_has(&body, "\"residents\":null");
	assert_has(&body, "\"unit_sample\":1,");
	assert_int_equal(
		ask("POST", "/v1/execute",
			"{\"operation\":\"tally\",\"payload\":{\"records\":[[\"k\",1],[\"l\",-2]]}}",
			&body),
		200);
	assert_int_equal(ask("GET", "/v1/state", "", &body), 200);
	assert_int_equal(wire_read_state(got, body.data, body.len, &err), 0);
	assert_true(got->crew.tally[ARM_V1].known);
	assert_false(got->crew.tally[ARM_V2].known);
	assert_int_equal(got->crew.tally[ARM_V1].records, 2);
	assert_int_equal(got->crew.tally[ARM_V1].partition_count, 1);
	assert_int_equal(got->crew.tally[ARM_V1].partition[0].keys, 2);
	assert_int_equal(got->unit_sample, 1);
	text_free(&body);
	free(got);
}

static void an_arm_without_tables_is_null(void **state)
{
	(void)state;
	struct text body = {0};
	start(&(struct engine_options){.no_v2 = true});
	assert_int_equal(ask("GET", "/v1/tally", "", &body), 200);
	assert_int_equal(scan_document(body.data, body.len, NULL), 0);
	assert_has(&body, "\"v2\":null}");
	text_free(&body);
}

static void a_bad_batch_is_422(void **state)
{
	(void)state;
	static const char *const bodies[] = {
		"{\"operation\":\"tally\"}",
		"{\"operation\":\"tally\",\"payload\":{\"value\":1}}",
		"{\"operation\":\"tally\",\"key\":\"k\",\"payload\":{\"value\":1.5}}",
		"{\"operation\":\"tally\",\"payload\":{\"records\":[[\"a\"]]}}",
	};
	struct text body = {0};
	start(&(struct engine_options){.strategy = STRATEGY_CANARY});
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		assert_int_equal(ask("POST", "/v1/execute", bodies[i], &body), 422);
		assert_has(&body, "\"ok\":false");
		assert_has(&body, "field ");
	}
	text_free(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(both_arms_are_told, teardown),
		cmocka_unit_test_teardown(the_state_tells_of_it, teardown),
		cmocka_unit_test_teardown(an_arm_without_tables_is_null, teardown),
		cmocka_unit_test_teardown(a_bad_batch_is_422, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
