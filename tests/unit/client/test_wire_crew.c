/* Tests of client/wire_crew: the workers of the state document in every right and wrong form. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/wire.h"
#include "client/wire_crew.h"
#include "client/wire_tables.h"
#include "model/mem.h"
#include "tests/unit/client/fields.h"

#include <math.h>

static void fill(struct snapshot *s)
{
	*s = (struct snapshot){.pool_id = "p",
		.pool = "p",
		.node = "n",
		.node_id = "n",
		.boot_id = "b",
		.strategy = STRATEGY_CANARY};
	struct crew *c = &s->crew;
	c->worker_count = 2;
	c->segment_count = 2;
	c->workers_dropped = 3;
	for (int i = 0; i < 2; i++) {
		c->worker[i] = (struct worker_row){.arm = (enum arm)i,
			.index = 7 + i,
			.segment = 1,
			.state = WORKER_BUSY,
			.locked = i,
			.pid = i ? 4711 : 0,
			.served = 100,
			.failed = 3,
			.restarts = 2,
			.crashes = 1,
			.memory_bytes = 1 << 20,
			.memory_hour = -5,
			.cpu_us = 12345,
			.fds = UNKNOWN,
			.trouble = "exit 1"};
		c->segment[i] = (struct segment_row){.arm = (enum arm)i,
			.index = 1 + i,
			.workers = 8,
			.ready = 7,
			.restarts = 2,
			.rests = i,
			.health = i ? 0.5 : NAN};
	}
}

static cJSON *example_tree(void)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	struct text t = {0};
	fill(s);
	wire_write_state(&t, s);
	cJSON *tree = cJSON_Parse(text_str(&t));
	assert_non_null(tree);
	text_free(&t);
	free(s);
	return tree;
}

static struct snapshot *got; /* what was read last */

static int read_state(const char *body, size_t len, struct err *err)
{
	return wire_read_state(got, body, len, err);
}

static const struct fields document = {example_tree, read_state, NULL};

static void there_and_back(void **state)
{
	(void)state;
	struct err err;
	cJSON *tree = example_tree();
	assert_int_equal(fields_read(&document, tree, &err), ERR_NONE);
	const struct crew *c = &got->crew;
	assert_int_equal(c->worker_count, 2);
	assert_int_equal(c->workers_dropped, 3);
	assert_int_equal(c->segment_count, 2);
	const struct worker_row *w = &c->worker[1];
	assert_int_equal(w->arm, ARM_V2);
	assert_int_equal(w->index, 8);
	assert_int_equal(w->segment, 1);
	assert_int_equal(w->state, WORKER_BUSY);
	assert_true(w->locked);
	assert_int_equal(w->pid, 4711);
	assert_int_equal(w->memory_hour, -5);
	assert_int_equal(w->fds, UNKNOWN);
	assert_string_equal(w->trouble, "exit 1");
	assert_int_equal(c->worker[0].pid, UNKNOWN); /* no process is not process 0 */
	assert_true(isnan(c->segment[0].health));
	assert_true(c->segment[1].health == 0.5);
	assert_true(c->segment[1].rests);
	cJSON_Delete(tree);
}

static void every_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < WIRE_CREW_TABLES; i++)
		fields_every(&document, &wire_crew_tables[i]);
}

static void refused(const char *list, const char *rows, const char *named)
{
	struct err err;
	cJSON *tree = example_tree();
	cJSON_ReplaceItemInObjectCaseSensitive(tree, list, cJSON_Parse(rows));
	assert_int_equal(fields_read(&document, tree, &err), ERR_FIELD);
	if (!strstr(err.text, named))
		fail_msg("%s: %s is not named: %s", rows, named, err.text);
	cJSON_Delete(tree);
}

static void hostile_lists(void **state)
{
	(void)state;
	refused("workers", "{}", "\"workers\"");
	refused("workers", "\"x\"", "\"workers\"");
	refused("workers", "[null]", "\"workers.0\"");
	refused("workers", "[[]]", "\"workers.0\"");
	refused("segments", "[1]", "\"segments.0\"");
	refused("segments", "7", "\"segments\"");
	refused("workers",
		"[{\"arm\":\"v1\",\"index\":1,\"segment\":0},{\"arm\":\"v1\",\"index\":1,\"segment\":1}]",
		"\"workers.1\"");
	refused("segments", "[{\"arm\":\"v2\",\"index\":3},{\"arm\":\"v2\",\"index\":3}]",
		"\"segments.1\"");
	refused("workers_dropped", "-1", "\"workers_dropped\"");
	refused("workers_dropped", "0.5", "\"workers_dropped\"");
	refused("workers_dropped", "100000", "\"workers_dropped\"");
	fields_try(&document, "workers.0.", "trouble", "hostile",
		cJSON_CreateString("\x1b[2Jgone\xe2\x80\xae"), true);
	assert_string_equal(got->crew.worker[0].trouble, "^[[2Jgone<U+202E>");
}

/* The same index in the other arm is another worker. */
static void the_least_that_is_said(void **state)
{
	(void)state;
	struct err err;
	cJSON *tree = example_tree();
	cJSON_ReplaceItemInObjectCaseSensitive(tree, "workers",
		cJSON_Parse("[{\"arm\":\"v1\",\"index\":1,\"segment\":0},"
					"{\"arm\":\"v2\",\"index\":1,\"segment\":0}]"));
	assert_int_equal(fields_read(&document, tree, &err), ERR_NONE);
	const struct worker_row *w = &got->crew.worker[0];
	assert_int_equal(w->state, WORKER_STATE_COUNT);
	assert_int_equal(w->served, UNKNOWN);
	assert_int_equal(w->memory_hour, UNKNOWN);
	assert_false(w->locked);
	cJSON_DeleteItemFromObjectCaseSensitive(tree, "workers");
	cJSON_DeleteItemFromObjectCaseSensitive(tree, "segments");
	cJSON_DeleteItemFromObjectCaseSensitive(tree, "workers_dropped");
	assert_int_equal(fields_read(&document, tree, &err), ERR_NONE);
	assert_int_equal(got->crew.worker_count, 0);
	assert_int_equal(got->crew.segment_count, 0);
	assert_int_equal(got->crew.workers_dropped, 0);
	cJSON_Delete(tree);
}

static void more_than_there_is_room_for(void **state)
{
	(void)state;
	struct err err;
	cJSON *tree = example_tree(), *workers = cJSON_CreateArray(),
		  *segments = cJSON_CreateArray();
	for (int i = 0; i < POOL_WORKERS_MAX + 9; i++) {
		char row[64];
		(void)snprintf(row, sizeof row, "{\"arm\":\"v2\",\"index\":%d,\"segment\":0}", i);
		cJSON_AddItemToArray(workers, cJSON_Parse(row));
		cJSON_AddItemToArray(segments, cJSON_Parse(row));
	}
	cJSON_ReplaceItemInObjectCaseSensitive(tree, "workers", workers);
	cJSON_ReplaceItemInObjectCaseSensitive(tree, "segments", segments);
	assert_int_equal(fields_read(&document, tree, &err), ERR_NONE);
	assert_int_equal(got->crew.worker_count, POOL_WORKERS_MAX);
	assert_int_equal(got->crew.workers_dropped, 3 + 9);
	assert_int_equal(got->crew.segment_count, POOL_SEGMENTS_MAX);
	cJSON_Delete(tree);
}

/* A trend without end travels as a large number that can be read. */
static void an_endless_trend(void **state)
{
	(void)state;
	struct text t = {0};
	struct err err;
	struct snapshot *s = mem_new(1, sizeof *s);
	fill(s);
	s->crew.worker[0].memory_hour = INT64_MAX;
	s->crew.worker[1].memory_hour = UNKNOWN;
	wire_write_state(&t, s);
	assert_int_equal(wire_read_state(got, t.data, t.len, &err), 0);
	assert_true(got->crew.worker[0].memory_hour > INT64_C(1) << 40);
	assert_int_equal(got->crew.worker[1].memory_hour, UNKNOWN);
	text_free(&t);
	free(s);
}

static int setup(void **state)
{
	(void)state;
	got = mem_new(1, sizeof *got);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(got);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(every_field),
		cmocka_unit_test(hostile_lists),
		cmocka_unit_test(the_least_that_is_said),
		cmocka_unit_test(more_than_there_is_room_for),
		cmocka_unit_test(an_endless_trend),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
