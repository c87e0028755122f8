/* The processors, end to end: the same skewed records through v1 of one pool and v2 of another
 * have equal digests; worker programs; what the environment says of a new pool and not of one
 * that is kept. And a million records through the engine itself. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/hash.h"
#include "client/engine/tallies.h"
#include "client/engine/engine.h"
#include "model/text.h"
#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 10000

struct fixture {
	struct world v1, v2;
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	world_open(&f.v1);
	world_open(&f.v2);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	world_close(&f->v1);
	world_close(&f->v2);
	return 0;
}

/* A batch in which half of the records have one key and the others few; as JSON. */
static int write_batch(char *out, size_t size, uint64_t *random, int count)
{
	int len = snprintf(out, size, "{\"records\":[");
	for (int i = 0; i < count; i++) {
		uint64_t n = hash_next(random);
		int key = n & 1 ? 0 : (int)((n >> 8 & 1023) * (n >> 20 & 1023) >> 10);
		len += snprintf(out + len, size - (size_t)len, "%s[\"k%d\",%d]", i ? "," : "", key,
			(int)(n >> 40 & 0xffff) - 0x8000);
	}
	return len + snprintf(out + len, size - (size_t)len, "]}");
}

static cJSON *get_tally(struct world *w)
{
	assert_int_equal(http_call(&w->http, "GET", "/v1/tally", NULL, NULL, WAIT_MS), 200);
	cJSON *json = cJSON_Parse(w->http.body);
	assert_non_null(json);
	return json;
}

static void send_records(struct world *w, int batches, int each)
{
	uint64_t random = 7;
	static char payload[ENGINE_PAYLOAD_MAX], body[ENGINE_PAYLOAD_MAX + 64];
	for (int i = 0; i < batches; i++) {
		write_batch(payload, sizeof payload, &random, each);
		snprintf(body, sizeof body, "{\"operation\":\"tally\",\"payload\":%s}", payload);
		int status = http_call(&w->http, "POST", "/v1/execute", NULL, body, WAIT_MS);
		if (status != 200 || !strstr(w->http.body, "\"ok\":true"))
			fail_msg("%d %s", status, w->http.body);
	}
}

static void two_pools_agree_on_the_same_records(void **state)
{
	enum { BATCHES = 100, EACH = 200 };
	struct fixture *f = *state;
	world_pool(&f->v1, false, ARGS("--share", "0%", "--v1", "v1:transactional"));
	world_pool(&f->v2, false, ARGS("--share", "100%", "--v2", "v2:8:affinity"));
	send_records(&f->v1, BATCHES, EACH);
	send_records(&f->v2, BATCHES, EACH);
	cJSON *one = get_tally(&f->v1), *two = get_tally(&f->v2);
	assert_int_equal(world_number(one, "v1.records"), BATCHES * EACH);
	assert_int_equal(world_number(two, "v2.records"), BATCHES * EACH);
	assert_int_equal(world_number(one, "v2.records") + world_number(two, "v1.records"), 0);
	assert_string_equal(world_word(one, "v1.processor"), "v1:transactional");
	assert_string_equal(world_word(two, "v2.processor"), "v2:8:affinity");
	assert_int_equal(strlen(world_word(one, "v1.digest")), 16);
	assert_string_equal(world_word(one, "v1.digest"), world_word(two, "v2.digest"));
	assert_true(world_number(one, "v1.keys") == world_number(two, "v2.keys"));
	/* One record more, and they differ. */
	assert_int_equal(
		http_call(&f->v2.http, "POST", "/v1/execute", NULL,
			"{\"operation\":\"tally\",\"key\":\"k0\",\"payload\":{\"value\":0}}", WAIT_MS),
		200);
	cJSON_Delete(two);
	two = get_tally(&f->v2);
	assert_string_not_equal(world_word(one, "v1.digest"), world_word(two, "v2.digest"));
	cJSON_Delete(one);
	cJSON_Delete(two);
}

/* ---- what a console sees of it ---- */

static void send_to(struct world *w, const char *id, const char *message)
{
	char body[160];
	snprintf(body, sizeof body,
		"{\"recipient\":{\"type\":\"counter\",\"id\":\"%s\"},\"spawn\":\"lazy\",\"message\":%s}",
		id, message);
	assert_int_equal(http_call(&w->http, "POST", "/v1/send", NULL, body, WAIT_MS), 200);
}

static cJSON *get_state(struct world *w)
{
	assert_int_equal(http_call(&w->http, "GET", "/v1/state", NULL, NULL, WAIT_MS), 200);
	cJSON *json = cJSON_Parse(w->http.body);
	assert_non_null(json);
	return json;
}

/* Registered workers and keyed work are in the state document from their first on. */
static void the_state_tells_of_residents_and_partitions(void **state)
{
	struct fixture *f = *state;
	struct world *w = &f->v1;
	world_pool(w, false, ARGS("--share", "100%", "--v2", "v2:3", "--nodes", "2"));
	cJSON *json = get_state(w);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(json, "residents")));
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(json, "tally")));
	assert_int_equal(world_number(json, "unit_sample"), 1);
	cJSON_Delete(json);
	send_to(w, "a", "{\"add\":2}");
	send_to(w, "b", "{\"crash\":true}");
	send_to(w, "c", "{\"hibernate\":true}");
	send_records(w, 2, 100);
	json = get_state(w);
	assert_int_equal(world_number(json, "residents.workers"), 3);
	const cJSON *residents = cJSON_GetObjectItem(json, "residents");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(residents, "nodes")), 2);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(residents, "segments")), 2);
	const cJSON *worst = cJSON_GetArrayItem(cJSON_GetObjectItem(residents, "worst"), 0);
	assert_string_equal(world_word(worst, "name"), "counter/b");
	assert_int_equal(world_number(worst, "troubles"), 1);
	int64_t asleep = 0, high = 0;
	const cJSON *place;
	cJSON_ArrayForEach(place, cJSON_GetObjectItem(residents, "segments"))
	{
		asleep += world_number(place, "asleep");
		high += world_number(place, "high");
	}
	assert_int_equal(asleep, 1);
	assert_int_equal(high, 10000);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetObjectItem(json, "tally"), "v1")));
	assert_int_equal(world_number(json, "tally.v2.records"), 200);
	const cJSON *v2 = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "tally"), "v2");
	const cJSON *parts = cJSON_GetObjectItem(v2, "partitions");
	assert_int_equal(cJSON_GetArraySize(parts), 3);
	assert_string_equal(world_word(cJSON_GetArrayItem(parts, 0), "pressure"), "healthy");
	assert_int_equal(world_number(cJSON_GetArrayItem(parts, 2), "room"), TALLIES_BUFFER);
	cJSON_Delete(json);
}

static void drain(
	struct world *w, const char *place, const char *off, int status, const char *says)
{
	struct process p = {0};
	int got = world_run(w, &p, NULL,
		ARGS("drain", "checkout", place, "--confirm", "checkout", "--wait=10s", "--config",
			w->config, off));
	if (got != status || (!strstr(p.out.text, says) && !strstr(p.err.text, says)))
		fail_msg("%s: %d, '%s', '%s'", place, got, p.out.text, p.err.text);
	process_release(&p);
}

static int64_t registered_at(struct world *w, int node)
{
	cJSON *json = get_state(w);
	const cJSON *nodes = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "residents"), "nodes");
	int64_t n = world_number(cJSON_GetArrayItem(nodes, node), "workers");
	cJSON_Delete(json);
	return n;
}

/* What is locked by the command gets no more workers; those there still answer. */
static void a_place_is_locked_and_given_back(void **state)
{
	enum { MORE = 6 };
	struct fixture *f = *state;
	struct world *w = &f->v1;
	char id[16];
	world_pool(w, false, ARGS("--nodes", "2"));
	world_config(w, w->target, "");
	send_to(w, "a", "{\"add\":2}");
	send_to(w, "b", "{\"add\":2}");
	int64_t there = registered_at(w, 0);
	assert_int_equal(there + registered_at(w, 1), 2);
	drain(w, "r0", NULL, 0, "");
	for (int i = 0; i < MORE; i++) {
		snprintf(id, sizeof id, "more-%d", i);
		send_to(w, id, "{\"add\":1}");
	}
	assert_int_equal(registered_at(w, 0), there);
	assert_int_equal(registered_at(w, 1), 2 - there + MORE);
	send_to(w, "a", "{\"add\":1}");
	send_to(w, "b", "{\"add\":1}");
	drain(w, "r0", NULL, 0, "nothing to do");
	drain(w, "r1.0", NULL, 0, "");
	drain(w, "r0", "--off", 0, "");
	drain(w, "r1", NULL, 0, "");
	for (int i = 0; i < MORE; i++) {
		snprintf(id, sizeof id, "again-%d", i);
		send_to(w, id, "{\"add\":1}");
	}
	assert_int_equal(registered_at(w, 0), there + MORE);
	drain(w, "r2", NULL, 6, "no place \"r2\"");
	drain(w, "r0.1.2", NULL, 2, "are no workers");
	cJSON *audit = world_audit(w, 0);
	assert_int_equal(cJSON_GetArraySize(audit), 4);
	cJSON_Delete(audit);
}

/* More sessions than one part of the table holds: the document says that not all are counted,
 * and the parts count alike; a change of split begins anew. */
static void a_sample_of_the_sessions_is_told(void **state)
{
	(void)state;
	enum { PARTS = 8, SALT = 1, SESSIONS = 70000 };
	struct engine *e = NULL;
	struct err err = {0};
	const struct engine_options how = {.strategy = STRATEGY_CANARY, .share_bp = 0};
	if (engine_start(&e, &how, &err))
		fail_msg("%s", err.text);
	struct engine_request *q = calloc(1, sizeof *q);
	struct engine_response *r = calloc(1, sizeof *r);
	struct snapshot *s = calloc(1, sizeof *s);
	text_copy(q->operation, sizeof q->operation, "echo");
	q->work_us = UNKNOWN;
	engine_snapshot(e, s);
	assert_int_equal(s->unit_sample, 1);
	for (int i = 0, sent = 0; sent < SESSIONS; i++) {
		int len = snprintf(q->session, sizeof q->session, "s%d", i);
		if (hash_bytes(q->session, (size_t)len, SALT) % PARTS != 0)
			continue; /* of another part */
		engine_execute(e, q, r);
		assert_true(r->ok);
		sent++;
	}
	engine_snapshot(e, s);
	assert_int_equal(s->unit_sample, 2);
	engine_snapshot(e, s);
	assert_int_equal(s->unit_sample, 2);
	struct control_request step = {.verb = VERB_STEP,
		.to_bp = 1000,
		.from_bp = -1,
		.strategy = STRATEGY_COUNT,
		.has_match = true,
		.match_epoch = s->epoch,
		.match_rev = s->rev};
	struct control_answer *answer = calloc(1, sizeof *answer);
	text_copy(step.key, sizeof step.key, "k1");
	text_copy(step.actor, sizeof step.actor, "kim");
	engine_change(e, &step, answer);
	assert_int_equal(answer->status, 200);
	engine_snapshot(e, s);
	assert_int_equal(s->unit_sample, 1);
	engine_stop(e);
	free(answer);
	free(q);
	free(r);
	free(s);
}

/* ---- worker programs ---- */

static void v2_is_a_program(void **state)
{
	struct fixture *f = *state;
	char script[WORLD_PATH], v2[WORLD_PATH + 64], state_dir[WORLD_PATH];
	world_path(&f->v2, script, "work er.sh");
	world_path(&f->v2, state_dir, "kept");
	world_write(script,
		"echo '{\"ready\":true}'\n"
		"echo \"I am $1\" >&2\n"
		"while read -r line; do\n"
		"  id=${line#*\\\"id\\\":}; id=${id%%,*}\n"
		"  echo \"{\\\"id\\\":$id,\\\"ok\\\":true,\\\"result\\\":\\\"$1\\\"}\"\n"
		"done\n");
	snprintf(v2, sizeof v2, "v2:2 exec:sh '%s' \"a program\"", script);
	world_pool(&f->v2, false,
		ARGS("--share", "100%", "--v2", v2, "--state", state_dir, "--affinity", "hint",
			"--segment", "1", "--breaker-failures", "3", "--breaker-open", "1s"));
	int status = 0;
	for (int64_t until = process_clock_ms() + WAIT_MS; status != 200;) {
		assert_true(process_clock_ms() < until);
		status = http_call(&f->v2.http, "POST", "/v1/execute", NULL,
			"{\"operation\":\"echo\",\"session\":\"s\"}", WAIT_MS);
	}
	if (!strstr(f->v2.http.body, "\"result\":\"a program\""))
		fail_msg("%s", f->v2.http.body);
	assert_true(process_wait_err(&f->v2.pool, "weir: v2 worker: I am a program", WAIT_MS));
	cJSON *tally = get_tally(&f->v2);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(tally, "v2")));
	assert_int_equal(world_number(tally, "v1.records"), 0);
	cJSON_Delete(tally);
	process_signal(&f->v2.pool, SIGTERM);
	assert_int_equal(process_wait(&f->v2.pool, WAIT_MS), 0);
}

/* ---- the environment ---- */

static int refused(struct world *w, const char *variable, const char *value, const char *says)
{
	char both[96];
	struct process p = {0};
	snprintf(both, sizeof both, "%s=%s", variable, value);
	struct world_env env = world_env(w, ARGS(both));
	int status = world_run(w, &p, &env, ARGS("serve", "--listen", w->target));
	if (!strstr(p.err.text, variable) || !strstr(p.err.text, says))
		fail_msg("'%s' names neither %s nor %s", p.err.text, variable, says);
	process_release(&p);
	return status;
}

static void unknown_values_are_refused_by_name(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(refused(&f->v1, "PROCESSOR_CONFIG", "v2x", "\"v2x\""), 2);
	assert_int_equal(refused(&f->v1, "MIGRATION_STRATEGY", "rolling", "\"rolling\""), 2);
	assert_int_equal(refused(&f->v1, "PRIMARY_PERCENTAGE", "101", "\"101\""), 2);
	assert_int_equal(refused(&f->v1, "POOL_VERSION", "v3", "\"v3\""), 2);
}

/* Starts a pool with variables; world_pool gives none. */
static void serve_with(struct world *w, const char *const *variables, const char *const *more)
{
	const char *args[24] = {"serve", "--listen", w->target};
	struct world_env env = world_env(w, variables);
	for (size_t n = 3; *more; n++)
		args[n] = *more++;
	process_release(&w->pool);
	http_close(&w->http);
	world_start(w, &w->pool, &env, args);
	assert_true(process_wait_err(&w->pool, "serving on", WAIT_MS));
	assert_true(http_open(&w->http, w->target));
}

static void end(struct world *w)
{
	process_signal(&w->pool, SIGTERM);
	assert_int_equal(process_wait(&w->pool, WAIT_MS), 0);
}

static void the_environment_shapes_a_new_pool_only(void **state)
{
	struct fixture *f = *state;
	struct world *w = &f->v1;
	char kept[WORLD_PATH];
	world_path(w, kept, "kept");
	const char *const *said = ARGS("PROCESSOR_CONFIG=v2:3", "PRIMARY_PERCENTAGE=80",
		"MIGRATION_STRATEGY=canary_deployment", "POOL_VERSION=gradual");
	serve_with(w, said, ARGS("--state", kept));
	assert_int_equal(world_fact(w, "share_bp"), 2000);
	cJSON *tally = get_tally(w);
	assert_string_equal(world_word(tally, "v2.processor"), "v2:3");
	cJSON_Delete(tally);
	/* The command line goes before it. */
	end(w);
	serve_with(w, said, ARGS("--share", "5%", "--v2", "v2:2"));
	assert_int_equal(world_fact(w, "share_bp"), 500);
	tally = get_tally(w);
	assert_string_equal(world_word(tally, "v2.processor"), "v2:2");
	cJSON_Delete(tally);
	/* What was kept goes before both: a pool that ran is moved by nobody's variable. */
	end(w);
	serve_with(w, said, ARGS("--state", kept));
	assert_int_equal(
		http_call(&w->http, "POST", "/v1/rollback", "Idempotency-Key: back\r\n", "{}", WAIT_MS),
		200);
	end(w);
	serve_with(w, ARGS("POOL_VERSION=v2"), ARGS("--state", kept));
	int64_t share_bp = world_fact(w, "share_bp");
	assert_true(share_bp != 10000);
	assert_true(process_wait_err(&w->pool, "not applied: POOL_VERSION", WAIT_MS));
}

/* ---- a million records ---- */

enum { CALLERS = 4, RECORDS = 1000000, BATCH = 250 };

struct caller {
	struct engine *engine;
	int number;
	atomic_int *next; /* batch */
	int64_t records;
	pthread_t thread;
};

/* Batch `i` is the same whoever takes it. */
static void *take_batches(void *arg)
{
	struct caller *me = arg;
	struct engine_request *q = calloc(1, sizeof *q);
	struct engine_response *r = calloc(1, sizeof *r);
	text_copy(q->operation, sizeof q->operation, "tally");
	q->work_us = UNKNOWN;
	for (int i; (i = atomic_fetch_add(me->next, 1)) < RECORDS / BATCH;) {
		uint64_t random = (uint64_t)i;
		write_batch(q->payload, sizeof q->payload, &random, BATCH);
		engine_execute(me->engine, q, r);
		me->records += r->ok ? BATCH : 0;
	}
	free(q);
	free(r);
	return NULL;
}

static void tally_million(int share_bp, struct tallies_facts *out)
{
	struct engine *e = NULL;
	struct err err = {0};
	const struct engine_options how = {.strategy = STRATEGY_CANARY,
		.share_bp = share_bp,
		.v1_processor = "v1:simple",
		.v2_processor = "v2:8"};
	if (engine_start(&e, &how, &err))
		fail_msg("%s", err.text);
	struct caller each[CALLERS];
	atomic_int next = 0;
	int64_t records = 0;
	for (int i = 0; i < CALLERS; i++) {
		each[i] = (struct caller){.engine = e, .number = i, .next = &next};
		assert_int_equal(pthread_create(&each[i].thread, NULL, take_batches, &each[i]), 0);
	}
	for (int i = 0; i < CALLERS; i++) {
		pthread_join(each[i].thread, NULL);
		records += each[i].records;
	}
	assert_int_equal(records, RECORDS);
	assert_true(engine_tally(e, share_bp ? ARM_V2 : ARM_V1, out));
	engine_stop(e);
}

static void a_million_records_add_up_to_the_same(void **state)
{
	(void)state;
	struct tallies_facts *one = calloc(1, sizeof *one), *two = calloc(1, sizeof *two);
	tally_million(0, one);
	tally_million(SHARE_FULL, two);
	assert_int_equal(one->records, RECORDS);
	assert_int_equal(two->records, RECORDS);
	assert_int_equal(two->part_count, 8);
	assert_true(one->keys == two->keys);
	assert_true(one->digest == two->digest);
	free(one);
	free(two);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(two_pools_agree_on_the_same_records),
		T(the_state_tells_of_residents_and_partitions),
		T(a_place_is_locked_and_given_back),
		cmocka_unit_test(a_sample_of_the_sessions_is_told),
		T(v2_is_a_program),
		T(unknown_values_are_refused_by_name),
		T(the_environment_shapes_a_new_pool_only),
		cmocka_unit_test(a_million_records_add_up_to_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
