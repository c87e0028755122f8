/* Tests of a pool of child processes: in parallel, replaced when they crash or are due, their
 * work tried again where that may be, and none of them left behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/engine.h"
#include "model/text.h"
#include "tests/unit/engine/exec_bed.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { SIZE = 4 };

/* Answers with its pid. `predict` waits for a line of the FIFO; a payload with "die" in it kills
 * it, one with "once" the first time anybody gets it. */
static const char script[] = //
	READY "while read -r line; do "
		  "id=${line#*\\\"id\\\":}; id=${id%%,*}; "
		  "case $line in "
		  "*'\"ping\":'*) n=${line#*:}; echo \"{\\\"pong\\\":${n%\\}}}\"; continue;; "
		  "*die*) kill -9 $$;; "
		  "*once*) mkdir \"$1/once\" 2>/dev/null && kill -9 $$;; "
		  "*predict*) echo began >&2; read -r x <\"$1/go\";; "
		  "esac; "
		  "echo \"{\\\"id\\\":$id,\\\"ok\\\":true,\\\"result\\\":$$}\"; "
		  "done";

struct pool {
	struct engine *engine;
	struct snapshot *seen;
	struct bed_log log;
	char dir[64], go[80], once[80];
	struct exec_options exec;
	const char *argv[6];
};

static void start(struct pool *p, const char *const *argv, int64_t max_requests)
{
	struct err err = {0};
	p->exec.argv = argv ? argv : p->argv;
	p->exec.log = bed_log_take;
	p->exec.log_ctx = &p->log;
	p->exec.max_requests = max_requests;
	const struct engine_options how = {.v2_workers = SIZE,
		.segment = 2,
		.share_bp = SHARE_FULL,
		.strategy = STRATEGY_CANARY,
		.exec = &p->exec,
		.timeout_ms = WAIT_MS};
	if (engine_start(&p->engine, &how, &err))
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	struct pool *p = calloc(1, sizeof *p);
	const char *tmp = getenv("TMPDIR");
	p->seen = calloc(1, sizeof *p->seen);
	bed_log_init(&p->log);
	snprintf(p->dir, sizeof p->dir, "%.40s/pool-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->go, sizeof p->go, "%s/go", p->dir);
	snprintf(p->once, sizeof p->once, "%s/once", p->dir);
	if (mkfifo(p->go, 0600))
		return -1;
	const char *argv[] = {"sh", "-c", script, "worker", p->dir, NULL};
	memcpy(p->argv, argv, sizeof argv);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pool *p = *state;
	engine_stop(p->engine);
	unlink(p->go);
	rmdir(p->once);
	rmdir(p->dir);
	bed_log_release(&p->log);
	free(p->seen);
	free(p);
	return 0;
}

static const struct arm_counts *look(struct pool *p)
{
	engine_snapshot(p->engine, p->seen);
	const struct arm_counts *c = &p->seen->arms[ARM_V2];
	assert_int_equal(c->requests, counts_done(c) + c->timeouts + c->queue_depth + c->in_flight);
	return c;
}

/* Waits until so many are ready and so many were ever started. */
static void wait_for(struct pool *p, int64_t ready, int64_t created)
{
	int64_t until_us = SOON_US;
	while (look(p)->workers.ready != ready || p->seen->arms[ARM_V2].workers.created < created) {
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 2);
	}
}

static struct worker_row row(struct pool *p, int index)
{
	look(p);
	for (int i = 0; i < p->seen->crew.worker_count; i++) {
		const struct worker_row *w = &p->seen->crew.worker[i];
		if (w->arm == ARM_V2 && w->index == index)
			return *w;
	}
	fail_msg("no worker %d", index);
	return (struct worker_row){0};
}

struct call {
	struct pool *pool;
	pthread_t thread;
	struct engine_request request;
	struct engine_response response;
};

static void *run(void *arg)
{
	struct call *c = arg;
	engine_execute(c->pool->engine, &c->request, &c->response);
	return NULL;
}

static struct call *call_new(
	struct pool *p, const char *operation, const char *payload, int64_t timeout_ms)
{
	struct call *c = calloc(1, sizeof *c);
	c->pool = p;
	c->request.timeout_ms = timeout_ms;
	text_copy(c->request.operation, sizeof c->request.operation, operation);
	text_copy(c->request.payload, sizeof c->request.payload, payload);
	return c;
}

static struct engine_response do_one(
	struct pool *p, const char *operation, const char *payload, int64_t timeout_ms)
{
	struct call *c = call_new(p, operation, payload, timeout_ms);
	run(c);
	struct engine_response r = c->response;
	free(c);
	return r;
}

static int count_lines(struct bed_log *l)
{
	int n = 0;
	pthread_mutex_lock(&l->lock);
	for (const char *s = text_str(&l->text); (s = strchr(s, '\n')); s++)
		n++;
	pthread_mutex_unlock(&l->lock);
	return n;
}

static void children_work_in_parallel(void **state)
{
	struct pool *p = *state;
	struct call *calls[SIZE];
	start(p, NULL, 0);
	for (int i = 0; i < SIZE; i++) {
		calls[i] = call_new(p, "predict", "1", 0);
		assert_int_equal(pthread_create(&calls[i]->thread, NULL, run, calls[i]), 0);
	}
	int64_t until_us = SOON_US;
	while (count_lines(&p->log) < SIZE) { /* each has begun, and none has ended */
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 2);
	}
	assert_int_equal(look(p)->in_flight, SIZE);
	assert_int_equal(p->seen->arms[ARM_V2].workers.busy, SIZE);
	int fd = open(p->go, O_RDWR);
	assert_int_equal(write(fd, "\n\n\n\n", SIZE), SIZE);
	for (int i = 0; i < SIZE; i++) {
		pthread_join(calls[i]->thread, NULL);
		assert_true(calls[i]->response.ok);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(calls[i]->response.result, calls[k]->response.result);
	}
	close(fd);
	for (int i = 0; i < SIZE; i++)
		free(calls[i]);
}

static void a_crash_is_a_lost_connection_and_is_replaced(void **state)
{
	struct pool *p = *state;
	start(p, NULL, 0);
	wait_for(p, SIZE, SIZE);
	/* Not idempotent: it may have been done, so it is not done again. */
	struct engine_response r = do_one(p, "fail", "\"die\"", 0);
	assert_false(r.ok);
	assert_int_equal(r.failure, FAILURE_CONNECTION);
	assert_non_null(strstr(r.message, "SIGKILL"));
	wait_for(p, SIZE, SIZE + 1);
	const struct arm_counts *c = look(p);
	assert_int_equal(c->failed[FAILURE_CONNECTION], 1);
	assert_int_equal(c->retries, 0);
	assert_int_equal(c->workers.crashed, 1);
	assert_int_equal(c->workers.restarted, 1);
	assert_int_equal(c->workers.destroyed, 1);
	assert_true(do_one(p, "echo", "1", 0).ok);
}

static void idempotent_work_is_tried_again_after_a_crash(void **state)
{
	struct pool *p = *state;
	start(p, NULL, 0);
	wait_for(p, SIZE, SIZE);
	struct engine_response r = do_one(p, "echo", "\"once\"", 0);
	assert_true(r.ok);
	const struct arm_counts *c = look(p);
	assert_int_equal(c->requests, 1);
	assert_int_equal(c->ok, 1);
	assert_int_equal(c->retries, 1);
	assert_int_equal(counts_failed(c), 0);
	wait_for(p, SIZE, SIZE + 1);
}

/* One that dies while nobody looks is found dead by the next look. */
static void one_that_dies_idle_is_replaced(void **state)
{
	struct pool *p = *state;
	start(p, NULL, 0);
	wait_for(p, SIZE, SIZE);
	int64_t pid = row(p, 2).pid;
	assert_true(pid > 0);
	int end = bed_pidfd((pid_t)pid);
	kill((pid_t)pid, SIGKILL);
	assert_true(bed_ends(end));
	engine_watch(p->engine);
	wait_for(p, SIZE, SIZE + 1);
	assert_true(row(p, 2).pid > 0 && row(p, 2).pid != pid);
	assert_int_equal(row(p, 2).crashes, 1);
}

struct flood {
	struct pool *pool;
	pthread_t thread;
	atomic_bool *over;
	int failed;
};

static void *flood_on(void *arg)
{
	struct flood *f = arg;
	while (!atomic_load(f->over))
		f->failed += !do_one(f->pool, "echo", "1", 0).ok;
	return NULL;
}

/* Under a load that leaves no worker free for a moment, too; and nobody notices. */
static void each_is_replaced_after_its_requests(void **state)
{
	enum { CALLERS = 6 };
	struct pool *p = *state;
	struct flood floods[CALLERS] = {0};
	atomic_bool over = false;
	start(p, NULL, 5);
	wait_for(p, SIZE, SIZE);
	for (int i = 0; i < CALLERS; i++) {
		floods[i].pool = p;
		floods[i].over = &over;
		assert_int_equal(pthread_create(&floods[i].thread, NULL, flood_on, &floods[i]), 0);
	}
	int64_t until_us = SOON_US;
	while (look(p)->workers.restarted < SIZE) {
		assert_true(threads_us() < until_us);
		engine_watch(p->engine);
		poll(NULL, 0, 2);
	}
	atomic_store(&over, true);
	for (int i = 0; i < CALLERS; i++) {
		pthread_join(floods[i].thread, NULL);
		assert_int_equal(floods[i].failed, 0);
	}
	assert_int_equal(look(p)->workers.crashed, 0);
}

static void what_is_not_known_is_not_told_as_nothing(void **state)
{
	struct pool *p = *state;
	static const char *const never[] = {"sh", "-c", STAY, NULL};
	start(p, never, 0);
	const struct arm_counts *c = look(p);
	assert_true(c->memory_bytes == UNKNOWN && c->cpu_us == UNKNOWN && c->fds == UNKNOWN);
	assert_int_equal(c->workers.ready, 0);
	assert_true(row(p, 0).memory_bytes == UNKNOWN);
	assert_int_equal(row(p, 0).state, WORKER_INITIALIZING);
	/* W2: no work before the handshake; and a stop does not wait for it. */
	assert_int_equal(do_one(p, "echo", "1", 5).status, ENGINE_TIMEOUT);
	int64_t begun_us = threads_us();
	engine_stop(p->engine);
	p->engine = NULL;
	assert_true(threads_us() - begun_us < EXEC_START_US / 2);
}

static void a_stop_leaves_no_process_and_ends_what_runs(void **state)
{
	struct pool *p = *state;
	int ends[SIZE];
	start(p, NULL, 0);
	wait_for(p, SIZE, SIZE);
	for (int i = 0; i < SIZE; i++)
		ends[i] = bed_pidfd((pid_t)row(p, i).pid);
	struct call *c = call_new(p, "predict", "1", 60000);
	assert_int_equal(pthread_create(&c->thread, NULL, run, c), 0);
	assert_true(bed_log_wait(&p->log, "began"));
	engine_stop(p->engine);
	p->engine = NULL;
	pthread_join(c->thread, NULL);
	assert_false(c->response.ok);
	free(c);
	for (int i = 0; i < SIZE; i++) {
		struct pollfd end = {.fd = ends[i], .events = POLLIN};
		assert_int_equal(poll(&end, 1, 0), 1);
		close(ends[i]);
	}
}

static void a_pool_of_python(void **state)
{
	struct pool *p = *state;
	static const char *const argv[] = {"python3", "tests/lib/exec_worker.py", NULL};
	start(p, argv, 0);
	wait_for(p, SIZE, SIZE);
	struct engine_response r = do_one(p, "echo", "{\"a\":[1,2]}", 0);
	assert_true(r.ok);
	assert_non_null(strstr(r.result, "\"a\""));
	r = do_one(p, "fail", "1", 0);
	assert_int_equal(r.failure, FAILURE_OPERATION);
	assert_non_null(strstr(r.message, "asked to fail"));
	int64_t until_us = SOON_US;
	while (look(p)->memory_bytes == UNKNOWN) {
		assert_true(threads_us() < until_us);
		engine_watch(p->engine);
		poll(NULL, 0, 2);
	}
	assert_true(p->seen->arms[ARM_V2].memory_bytes > 1000000);
	assert_true(p->seen->arms[ARM_V2].workers.crashed == 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(children_work_in_parallel),
		T(a_crash_is_a_lost_connection_and_is_replaced),
		T(idempotent_work_is_tried_again_after_a_crash),
		T(one_that_dies_idle_is_replaced),
		T(each_is_replaced_after_its_requests),
		T(what_is_not_known_is_not_told_as_nothing),
		T(a_stop_leaves_no_process_and_ends_what_runs),
		T(a_pool_of_python),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
