/* Tests of client/wire_crew: the workers of the state document in every right and wrong form. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/wire.h"
#include "client/wire_crew.h"
#include "client/wire_tables.h"
#include "client/wire_tally.h"
#include "model/mem.h"
#include "tests/unit/client/fields.h"

#include <math.h>

static void fill_residents(struct resident_crew *r)
{
	*r = (struct resident_crew){.known = true,
		.workers = 1003,
		.queued = 7,
		.running = 2,
		.persisted = 5,
		.node_count = 2,
		.segment_count = 2,
		.worst_count = 2,
		.segments_dropped = 4};
	for (int i = 0; i < 2; i++) {
		const struct resident_place place = {.node = i,
			.segment = -1,
			.locked = i,
			.segments = 3,
			.workers = 900,
			.ready = 800,
			.starting = 50,
			.asleep = 40,
			.down = 10,
			.done = 12345,
			.failed = 6,
			.crashes = 11,
			.restarts = 9,
			.low = 500,
			.target = 2500,
			.high = 5000,
			.health = i ? 0.25 : NAN};
		r->node[i] = r->segment[i] = place;
		r->segment[i].segment = 3 - i;
		r->segment[i].segments = UNKNOWN;
		r->segment[i].rests = i;
		r->worst[i] = (struct resident_row){.node = i,
			.segment = 3 - i,
			.state = WORKER_TERMINATED,
			.waiting = 3,
			.done = 2,
			.failed = 1,
			.troubles = 4,
			.trouble_ms = 1200};
		(void)snprintf(r->worst[i].name, sizeof r->worst[i].name, "counter/%d", i);
	}
}

static void fill_tally(struct tally_crew *t)
{
	*t = (struct tally_crew){.known = true,
		.processor = "v2:8:affinity",
		.strategy = "always_hash",
		.records = 1234,
		.keys = 99,
		.pauses = 3,
		.paused_us = 30000,
		.partition_count = 2,
		.partitions_dropped = 6};
	for (int i = 0; i < 2; i++)
		t->partition[i] = (struct partition_row){.index = i ? 7 : 2,
			.pressure = i ? FULLNESS_SATURATED : FULLNESS_HEALTHY,
			.waiting = 4000,
			.room = 4096,
			.pause_us = i ? 10000 : 0,
			.records = 600,
			.keys = 50,
			.per_second = i ? 12.5 : NAN};
}

static void fill(struct snapshot *s)
{
	*s = (struct snapshot){.pool_id = "p",
		.pool = "p",
		.node = "n",
		.node_id = "n",
		.boot_id = "b",
		.strategy = STRATEGY_CANARY,
		.unit_sample = 4};
	struct crew *c = &s->crew;
	fill_residents(&c->residents);
	fill_tally(&c->tally[ARM_V1]);
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

static void residents_there_and_back(void **state)
{
	(void)state;
	struct err err;
	cJSON *tree = example_tree();
	assert_int_equal(fields_read(&document, tree, &err), ERR_NONE);
	const struct resident_crew *r = &got->crew.residents;
	assert_true(r->known);
	assert_int_equal(r->workers, 1003);
	assert_int_equal(r->queued, 7);
	assert_int_equal(r->running, 2);
	assert_int_equal(r->persisted, 5);
	assert_int_equal(r->node_count, 2);
	assert_int_equal(r->nodes_dropped, 0);
	assert_int_equal(r->segments_dropped, 4);
	assert_int_equal(r->node[1].node, 1);
	assert_int_equal(r->node[1].segment, -1);
	assert_int_equal(r->node[1].segments, 3);
	assert_true(r->node[1].locked);
	const struct resident_place *s = &r->segment[1];
	assert_int_equal(s->segment, 2);
	assert_true(s->rests);
	assert_int_equal(s->ready, 800);
	assert_int_equal(s->starting, 50);
	assert_int_equal(s->asleep, 40);
	assert_int_equal(s->down, 10);
	assert_int_equal(s->crashes, 11);
	assert_int_equal(s->low, 500);
	assert_int_equal(s->high, 5000);
	assert_true(s->health == 0.25);
	assert_true(isnan(r->segment[0].health));
	assert_int_equal(r->worst_count, 2);
	assert_string_equal(r->worst[1].name, "counter/1");
	assert_int_equal(r->worst[1].state, WORKER_TERMINATED);
	assert_int_equal(r->worst[1].troubles, 4);
	const struct tally_crew *t = got->crew.tally;
	assert_true(t[ARM_V1].known);
	assert_false(t[ARM_V2].known);
	assert_string_equal(t->processor, "v2:8:affinity");
	assert_int_equal(t->partition_count, 2);
	assert_int_equal(t->partitions_dropped, 6);
	assert_int_equal(t->partition[1].index, 7);
	assert_int_equal(t->partition[1].pressure, FULLNESS_SATURATED);
	assert_int_equal(t->partition[1].pause_us, 10000);
	assert_true(isnan(t->partition[0].per_second));
	cJSON_Delete(tree);
}

/* None, and what a pool of another making leaves out. */
static void no_residents_and_no_tally(void **state)
{
	(void)state;
	static const char *const least[] = {"null", "{}",
		"{\"nodes\":null,\"segments\":null,\"worst\":null,\"more\":[1]}",
		"{\"nodes\":[{\"node\":0}],\"segments\":[{\"node\":0,\"segment\":0}],\"worst\":[]}"};
	struct err err;
	for (size_t i = 0; i < sizeof least / sizeof *least; i++) {
		cJSON *tree = example_tree();
		cJSON_ReplaceItemInObjectCaseSensitive(tree, "residents", cJSON_Parse(least[i]));
		cJSON_DeleteItemFromObjectCaseSensitive(tree, "tally");
		assert_int_equal(fields_read(&document, tree, &err), ERR_NONE);
		assert_int_equal(got->crew.residents.known, i > 0);
		assert_int_equal(got->crew.residents.node_count, i == 3);
		assert_int_equal(got->crew.residents.segment_count, i == 3);
		assert_false(got->crew.tally[ARM_V1].known);
		cJSON_Delete(tree);
	}
	assert_int_equal(got->crew.residents.workers, UNKNOWN);
	assert_int_equal(got->crew.residents.segment[0].ready, UNKNOWN);
	struct snapshot *s = mem_new(1, sizeof *s);
	struct text t = {0};
	fill(s);
	s->crew.residents.known = s->crew.tally[ARM_V1].known = false;
	wire_write_state(&t, s);
	assert_non_null(strstr(text_str(&t), "\"residents\":null,\"tally\":null"));
	text_free(&t);
	free(s);
}

static void the_sample_is_told(void **state)
{
	(void)state;
	struct err err;
	cJSON *tree = example_tree();
	assert_int_equal(fields_read(&document, tree, &err), ERR_NONE);
	assert_int_equal(got->unit_sample, 4);
	cJSON_DeleteItemFromObjectCaseSensitive(tree, "unit_sample");
	assert_int_equal(fields_read(&document, tree, &err), ERR_NONE);
	assert_int_equal(got->unit_sample, UNKNOWN);
	cJSON_Delete(tree);
	fields_try(&document, "", "unit_sample", "null", cJSON_CreateNull(), true);
	fields_try(&document, "", "unit_sample", "1", cJSON_CreateNumber(1), true);
	fields_try(&document, "", "unit_sample", "0", cJSON_CreateNumber(0), false);
	fields_try(&document, "", "unit_sample", "-2", cJSON_CreateNumber(-2), false);
	fields_try(&document, "", "unit_sample", "1.5", cJSON_CreateNumber(1.5), false);
	fields_try(&document, "", "unit_sample", "word", cJSON_CreateString("1"), false);
	/* who has not counted says nothing */
	struct snapshot *s = mem_new(1, sizeof *s);
	struct text t = {0};
	fill(s);
	s->unit_sample = 0;
	wire_write_state(&t, s);
	assert_non_null(strstr(text_str(&t), "\"unit_sample\":null"));
	text_free(&t);
	free(s);
}

static void every_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < WIRE_RESIDENT_TABLES; i++)
		fields_every(&document, &wire_resident_tables[i]);
	for (size_t i = 0; i < WIRE_TALLY_TABLES; i++)
		fields_every(&document, &wire_tally_tables[i]);
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

static void refused_in(
	const char *object, const char *list, const char *rows, const char *named)
{
	struct err err;
	cJSON *tree = example_tree();
	cJSON_ReplaceItemInObjectCaseSensitive(
		fields_descend(tree, object), list, cJSON_Parse(rows));
	assert_int_equal(fields_read(&document, tree, &err), ERR_FIELD);
	if (!strstr(err.text, named))
		fail_msg("%s: %s is not named: %s", rows, named, err.text);
	cJSON_Delete(tree);
}

static void hostile_residents(void **state)
{
	(void)state;
	refused("residents", "[]", "\"residents\"");
	refused("residents", "true", "\"residents\"");
	refused("tally", "[]", "\"tally\"");
	refused("tally", "{\"v1\":3}", "\"tally.v1\"");
	refused_in("residents.", "nodes", "{}", "\"residents.nodes\"");
	refused_in("residents.", "nodes", "[7]", "\"residents.nodes.0\"");
	refused_in("residents.", "nodes", "[{\"node\":1},{\"node\":1}]", "\"residents.nodes.1\"");
	refused_in("residents.", "segments", "[null]", "\"residents.segments.0\"");
	refused_in("residents.", "segments",
		"[{\"node\":0,\"segment\":1},{\"node\":0,\"segment\":1}]", "\"residents.segments.1\"");
	refused_in("residents.", "worst", "[[]]", "\"residents.worst.0\"");
	refused_in("residents.", "segments_dropped", "-1", "\"residents.segments_dropped\"");
	refused_in("tally.v1.", "partitions", "3", "\"tally.v1.partitions\"");
	refused_in("tally.v1.", "partitions", "[[]]", "\"tally.v1.partitions.0\"");
	refused_in("tally.v1.", "partitions", "[{\"index\":3},{\"index\":3}]",
		"\"tally.v1.partitions.1\"");
	fields_try(&document, "residents.worst.0.", "name", "hostile",
		cJSON_CreateString("\x1b[2Jgone\xe2\x80\xae"), true);
	assert_string_equal(got->crew.residents.worst[0].name, "^[[2Jgone<U+202E>");
	/* cut to the same: one of them */
	fields_try(&document, "residents.worst.1.", "name", "alike",
		cJSON_CreateString("counter/0"), true);
	assert_int_equal(got->crew.residents.worst_count, 1);
}

/* Objects whose `rising` is their index, and `fixed` (may be NULL) is 0. */
static cJSON *rows_of(int count, const char *rising, const char *fixed)
{
	cJSON *array = cJSON_CreateArray();
	for (int i = 0; i < count; i++) {
		char name[16];
		cJSON *row = cJSON_CreateObject();
		(void)snprintf(name, sizeof name, "c/%d", i);
		cJSON_AddNumberToObject(row, rising, i);
		cJSON_AddStringToObject(row, "name", name); /* unknown to most */
		if (fixed)
			cJSON_AddNumberToObject(row, fixed, 0);
		cJSON_AddItemToArray(array, row);
	}
	return array;
}

/* Of more nodes than there are rows the segments and workers have no line either. */
static void more_residents_than_there_is_room_for(void **state)
{
	(void)state;
	struct err err;
	cJSON *tree = example_tree(), *residents = fields_descend(tree, "residents.");
	cJSON_ReplaceItemInObjectCaseSensitive(
		residents, "nodes", rows_of(RESIDENT_NODES_MAX + 2, "node", NULL));
	cJSON_ReplaceItemInObjectCaseSensitive(
		residents, "segments", rows_of(100, "segment", "node"));
	cJSON_ReplaceItemInObjectCaseSensitive(residents, "worst", rows_of(40, "node", "segment"));
	cJSON_ReplaceItemInObjectCaseSensitive(
		fields_descend(tree, "tally.v1."), "partitions", rows_of(50, "index", NULL));
	assert_int_equal(fields_read(&document, tree, &err), ERR_NONE);
	const struct resident_crew *r = &got->crew.residents;
	assert_int_equal(r->node_count, RESIDENT_NODES_MAX);
	assert_int_equal(r->nodes_dropped, 2);
	assert_int_equal(r->segment_count, RESIDENT_SEGMENTS_MAX);
	assert_int_equal(r->segments_dropped, 4 + 100 - RESIDENT_SEGMENTS_MAX);
	assert_int_equal(r->worst_count, RESIDENT_WORST_MAX);
	assert_int_equal(got->crew.tally[ARM_V1].partition_count, POOL_PARTITIONS_MAX);
	assert_int_equal(got->crew.tally[ARM_V1].partitions_dropped, 6 + 50 - POOL_PARTITIONS_MAX);
	cJSON_ReplaceItemInObjectCaseSensitive(
		residents, "segments", rows_of(12, "node", "segment"));
	assert_int_equal(fields_read(&document, tree, &err), ERR_NONE);
	assert_int_equal(r->segment_count, RESIDENT_NODES_MAX);
	assert_int_equal(r->segments_dropped, 4 + 12 - RESIDENT_NODES_MAX);
	cJSON_Delete(tree);
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
		cmocka_unit_test(residents_there_and_back),
		cmocka_unit_test(no_residents_and_no_tally),
		cmocka_unit_test(the_sample_is_told),
		cmocka_unit_test(hostile_residents),
		cmocka_unit_test(more_residents_than_there_is_room_for),
		cmocka_unit_test(every_field),
		cmocka_unit_test(hostile_lists),
		cmocka_unit_test(the_least_that_is_said),
		cmocka_unit_test(more_than_there_is_room_for),
		cmocka_unit_test(an_endless_trend),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
