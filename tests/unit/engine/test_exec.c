/* Tests of workers that are child processes: the ready gate, answers good and bad, ends of every
 * kind, limits, and that nothing stays behind. The well-behaved one is the manual's example. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/unit.h"
#include "tests/lib/corpus.h"
#include "tests/unit/engine/exec_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

static const struct exec_request echo = {.operation = "echo", .payload = "{\"n\":[1,2.50]}"};

static struct exec *sh_with(const char *script, const struct exec_options *how)
{
	struct exec *x = NULL;
	struct err err = {0};
	if (bed_sh(&x, script, how, &err))
		fail_msg("%s: %s", script, err.text);
	return x;
}

static struct exec *sh(const char *script)
{
	return sh_with(script, NULL);
}

static struct exec *python(const struct exec_options *how)
{
	static const char *const argv[] = {"python3", "tests/lib/exec_worker.py", NULL};
	struct exec_options o = how ? *how : (struct exec_options){0};
	struct exec *x = NULL;
	struct err err = {0};
	o.argv = argv;
	if (exec_start(&x, &o, &err))
		fail_msg("%s", err.text);
	return x;
}

/* Runs and expects: the result's text, or the message of a failure. */
static struct exec_answer run(struct exec *x, const char *operation, const char *payload)
{
	struct exec_answer a;
	exec_run(
		x, &(struct exec_request){.operation = operation, .payload = payload}, SOON_US, &a);
	return a;
}

/* The end of an sh worker that answers any request with `result`, $-words replaced. */
#define ANSWER(result) \
	READY "n=0; while read -r line; do n=$((n+1)); echo \"{\\\"id\\\":$n,\\\"ok\\\":true," \
		  "\\\"result\\\":" result "}\"; done"

/* ---- the manual's example ---- */

static void the_example_works(void **state)
{
	(void)state;
	struct exec *x = python(NULL);
	struct exec_answer a;
	assert_int_equal(exec_run(x, &echo, SOON_US, &a), EXEC_OK);
	assert_string_equal(a.result, "{\"n\": [1, 2.5]}");
	assert_int_equal(a.result_len, strlen(a.result));
	assert_string_equal(a.message, "");
	assert_true(a.begun);
	assert_int_equal(exec_ping(x, &a), EXEC_OK);
	assert_string_equal(run(x, "predict", "\"abc\"").result, "{\"score\": 0.05}");
	assert_string_equal(run(x, "echo", NULL).result, "null");

	const struct exec_request bad = {.operation = "fail", .payload = "1"};
	assert_int_equal(exec_run(x, &bad, SOON_US, &a), EXEC_FAILED);
	assert_int_equal(a.failure, FAILURE_OPERATION);
	assert_string_equal(a.message, "ValueError: asked to fail");
	assert_null(a.result);
	assert_string_equal(run(x, "no-such", "1").message, "KeyError: 'no-such'");
	assert_string_equal(run(x, "echo", "1e999").message,
		"ValueError: Out of range float values are not JSON compliant");
	assert_string_equal(run(x, "echo", "\"still \\u00e9\"").result, "\"still \\u00e9\"");
	assert_int_equal(exec_due(x, threads_us()), EXEC_DUE_NONE);
	exec_stop(x, false);
}

static void large_payloads_pass(void **state)
{
	(void)state;
	struct exec *x = python(NULL);
	char *payload = malloc(EXEC_LINE_MAX);
	memset(payload, 'x', EXEC_LINE_MAX);
	payload[0] = payload[60000] = '"';
	payload[60001] = '\0';
	struct exec_answer a = run(x, "echo", payload);
	assert_non_null(a.result);
	assert_string_equal(a.result, payload);
	free(payload);
	exec_stop(x, false);
}

/* ---- the ready gate ---- */

static void w2_no_work_before_ready(void **state)
{
	(void)state;
	static const struct {
		const char *script;
		enum err_code code;
		const char *words;
	} rows[] = {
		{"echo hello; cat", ERR_DOCUMENT, "\"hello\""},
		{"echo '{\"ready\":false}'; cat", ERR_DOCUMENT, "must be {\"ready\":true}"},
		{"echo '{\"id\":1,\"ok\":true}'; cat", ERR_DOCUMENT, "must be {\"ready\":true}"},
		{"echo '{\"pong\":1}'; cat", ERR_DOCUMENT, "must be {\"ready\":true}"},
		{"printf '{\"ready\":true}\\n{\"ready\":true}\\n'; cat", ERR_DOCUMENT,
			"nothing may follow"},
		{"head -c 70000 /dev/zero; cat", ERR_DOCUMENT, "more than 65536 bytes"},
		{"printf '\\033]0;x\\007\\n'; cat", ERR_DOCUMENT, "^[]0;x^G"},
		{"exec </dev/null >/dev/null; " STAY, ERR_DOCUMENT, "closed its output"},
		{"printf '{\"ready\":true}'; exit 0", ERR_CONFIG, "exit status 0 before it was ready"},
		{"echo first >&2; echo 'no \033[1mmodel' >&2; exit 3", ERR_CONFIG,
			"exit status 3 before it was ready: no ^[[1mmodel"},
		{"kill -ABRT $$", ERR_CONFIG, "signal 6 (SIGABRT)"},
		{"exit 1", ERR_CONFIG, "run it by hand"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct exec *x = NULL;
		struct err err = {0};
		assert_int_equal(bed_sh(&x, rows[i].script, NULL, &err), -1);
		assert_null(x);
		assert_int_equal(err.code, rows[i].code);
		if (!strstr(err.text, rows[i].words))
			fail_msg("\"%s\" lacks \"%s\"", err.text, rows[i].words);
		assert_null(corpus_leak(err.text, strlen(err.text)));
	}
}

static void a_silent_start_ends_in_time(void **state)
{
	(void)state;
	struct exec *x;
	struct err err = {0};
	int64_t from_us = threads_us();
	const struct exec_options how = {.name = "v2-3", .start_us = 100000};
	assert_int_equal(bed_sh(&x, "trap '' TERM; " STAY, &how, &err), -1);
	assert_int_equal(err.code, ERR_SLOW);
	assert_string_equal(err.text, "worker \"v2-3\" was not ready within 100ms; it was killed");
	assert_in_range(threads_us() - from_us, 100000, 10000000);
}

static void what_cannot_run_is_named(void **state)
{
	(void)state;
	struct exec *x;
	struct err err = {0};
	const char *none[] = {"/no/such/program", NULL},
			   *nowhere[] = {"weir-no-such-program", NULL};
	const char *here[] = {"sh", "-c", "exit", NULL}, *data[] = {"/dev/null", NULL};
	assert_int_equal(exec_start(&x, &(struct exec_options){.argv = none}, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_string_equal(
		err.text, "worker \"/no/such/program\": cannot run it: No such file or directory");
	assert_int_equal(exec_start(&x, &(struct exec_options){.argv = nowhere}, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_int_equal(exec_start(&x, &(struct exec_options){.argv = data}, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_int_equal(
		exec_start(&x, &(struct exec_options){.argv = here, .dir = "/no/such"}, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_string_equal(
		err.text, "worker \"sh\": cannot enter its directory: No such file or directory");
}

/* ---- bad answers ---- */

static int start_as(const char *ready, const struct operations *declared, struct err *err)
{
	char script[256];
	struct exec *x = NULL;
	const struct exec_options how = {.operations = declared};
	snprintf(script, sizeof script, "echo '%s'; read -r x", ready);
	int rc = bed_sh(&x, script, &how, err);
	exec_stop(x, false);
	return rc;
}

static void what_is_declared_must_be_known(void **state)
{
	(void)state;
	struct operations declared;
	struct err err = {0};
	assert_int_equal(operations_read(&declared, "classify,store", NULL), 0);
	assert_int_equal(start_as("{\"ready\":true,\"operations\":[\"store\",\"x\",\"classify\"]}",
						 &declared, &err),
		0);
	/* One that says nothing is believed, and what nobody declared is not asked for. */
	assert_int_equal(start_as("{\"ready\":true}", &declared, &err), 0);
	assert_int_equal(start_as("{\"ready\":true,\"operations\":[]}", NULL, &err), 0);
	assert_int_equal(
		start_as("{\"ready\":true,\"operations\":[\"classify\"]}", &declared, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, "does not know the operation \"store\""));
	err = (struct err){0};
	assert_int_equal(start_as("{\"ready\":true,\"operations\":\"all\"}", &declared, &err), -1);
	assert_int_equal(err.code, ERR_DOCUMENT);
}

static void bad_answers_lose_the_worker(void **state)
{
	(void)state;
	static const struct {
		const char *script;
		enum failure failure;
		const char *words;
	} rows[] = {
		{"echo '{\"id\":2,\"ok\":true,\"result\":1}'", FAILURE_COMMUNICATION, "{\"id\":2"},
		{"echo '{\"pong\":1}'", FAILURE_COMMUNICATION, "{\"pong\":1}"},
		{"echo '{\"ready\":true}'", FAILURE_COMMUNICATION, "not the answer"},
		{"echo Traceback", FAILURE_COMMUNICATION, "\"Traceback\""},
		{"echo", FAILURE_COMMUNICATION, "\"\""},
		{"printf '\\0\\n'", FAILURE_COMMUNICATION, "not the answer"},
		{"printf '\\033[31m\\377\\n'", FAILURE_COMMUNICATION, "^[[31m<FF>"},
		{"head -c 70000 /dev/zero", FAILURE_COMMUNICATION, "more than 65536 bytes"},
		{"kill -SEGV $$", FAILURE_CONNECTION, "ended with signal 11 (SIGSEGV)"},
		{"kill -KILL $$", FAILURE_CONNECTION,
			"signal 9 (SIGKILL), as when the system runs out"},
		{"exit 7", FAILURE_CONNECTION, "ended with exit status 7"},
		{"printf '{\"id\":1'; exit 0", FAILURE_CONNECTION, "ended with exit status 0"},
		{"tail -f /dev/null & exit 4", FAILURE_CONNECTION, "ended with exit status 4"},
		{"exec </dev/null >/dev/null; " STAY, FAILURE_CONNECTION, "closed its output"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char script[200];
		struct exec_answer a;
		snprintf(script, sizeof script, READY "read -r x; %s; " STAY, rows[i].script);
		struct exec *x = sh(script);
		assert_int_equal(exec_run(x, &echo, SOON_US, &a), EXEC_LOST);
		if (a.failure != rows[i].failure || !strstr(a.message, rows[i].words))
			fail_msg("%s: %s: %s", rows[i].script, failure_name(a.failure), a.message);
		assert_true(a.begun);
		assert_null(a.result);
		assert_null(corpus_leak(a.message, strlen(a.message)));
		assert_int_equal(exec_due(x, threads_us()), EXEC_DUE_LOST);
		/* Lost once is lost for good, and the next request was not begun. */
		assert_int_equal(exec_run(x, &echo, SOON_US, &a), EXEC_LOST);
		assert_false(a.begun);
		assert_int_equal(exec_ping(x, &a), EXEC_LOST);
		exec_stop(x, false);
	}
}

static void a_late_answer_reaches_nobody(void **state)
{
	(void)state;
	struct exec_answer a;
	struct exec *x = sh(READY "read -r x; " STAY);
	int fd = bed_pidfd(exec_pid(x));
	int64_t from_us = threads_us();
	assert_int_equal(exec_run(x, &echo, from_us + 50000, &a), EXEC_LOST);
	assert_in_range(threads_us() - from_us, 50000, 10000000);
	assert_int_equal(a.failure, FAILURE_TIMEOUT);
	assert_string_equal(a.message, "worker \"sh\" did not answer in time; it was killed");
	/* Killed at once, not only when it is stopped. */
	assert_true(bed_ends(fd));
	exec_stop(x, false);
}

static void a_request_that_does_not_fit_ends_in_time(void **state)
{
	(void)state;
	struct exec_answer a;
	struct exec *x = sh(READY STAY);
	size_t len = 8 * 1024 * 1024;
	char *payload = malloc(len + 1);
	memset(payload, '1', len);
	payload[len] = '\0';
	const struct exec_request large = {.operation = "echo", .payload = payload};
	assert_int_equal(exec_run(x, &large, threads_us() + 50000, &a), EXEC_LOST);
	assert_int_equal(a.failure, FAILURE_TIMEOUT);
	assert_true(a.begun);
	free(payload);
	exec_stop(x, false);
}

static void a_passed_deadline_costs_no_worker(void **state)
{
	(void)state;
	struct exec_answer a;
	struct exec *x = sh(ANSWER("$n"));
	assert_int_equal(exec_run(x, &echo, threads_us(), &a), EXEC_FAILED);
	assert_int_equal(a.failure, FAILURE_TIMEOUT);
	assert_false(a.begun);
	assert_string_equal(run(x, "echo", NULL).result, "1");
	exec_stop(x, false);
}

static void a_word_nobody_asked_for(void **state)
{
	(void)state;
	struct exec_answer a;
	/* With the answer: the answer is good, the worker is not. */
	struct exec *x = sh(
		READY "read -r x; printf '{\"id\":1,\"ok\":true,\"result\":5}\\n{\"id\":2}\\n'; " STAY);
	assert_int_equal(exec_run(x, &echo, SOON_US, &a), EXEC_OK);
	assert_string_equal(a.result, "5");
	assert_int_equal(exec_due(x, threads_us()), EXEC_DUE_LOST);
	exec_stop(x, false);

	/* Between two requests: the next one is not begun, and never gets the stale answer. */
	struct bed_log log;
	bed_log_init(&log);
	x = sh_with("trap 'echo \"{\\\"id\\\":1,\\\"ok\\\":true}\"; echo said >&2' USR1; " READY
				"tail -f /dev/null & wait; " STAY,
		&(struct exec_options){.log = bed_log_take, .log_ctx = &log});
	kill(exec_pid(x), SIGUSR1);
	assert_true(bed_log_wait(&log, "said"));
	assert_int_equal(exec_run(x, &echo, SOON_US, &a), EXEC_LOST);
	assert_int_equal(a.failure, FAILURE_COMMUNICATION);
	assert_false(a.begun);
	assert_null(a.result);
	exec_stop(x, false);
	bed_log_release(&log);
}

static void an_idle_death_is_seen_before_work(void **state)
{
	(void)state;
	struct exec_answer a;
	struct exec *x = sh(READY "read -r x");
	int fd = bed_pidfd(exec_pid(x));
	struct resource used;
	exec_resource(x, &used);
	assert_true(used.memory_bytes > 0);
	kill(exec_pid(x), SIGBUS);
	assert_true(bed_ends(fd));
	assert_int_equal(exec_due(x, threads_us()), EXEC_DUE_LOST);
	exec_resource(x, &used);
	assert_int_equal(used.memory_bytes, UNKNOWN);
	assert_int_equal(used.fds, UNKNOWN);
	assert_int_equal(exec_run(x, &echo, SOON_US, &a), EXEC_LOST);
	assert_string_equal(a.message, "worker \"sh\" ended with signal 7 (SIGBUS)");
	assert_false(a.begun);
	exec_stop(x, false);
}

/* ---- heartbeat ---- */

static void pings_find_the_dead(void **state)
{
	(void)state;
	struct exec_answer a;
	struct exec *x = python(&(struct exec_options){.heartbeat_us = 5000000});
	int64_t now_us = threads_us();
	assert_false(exec_ping_due(x, now_us));
	assert_true(exec_ping_due(x, now_us + 5000000));
	assert_int_equal(exec_ping(x, &a), EXEC_OK);
	assert_false(exec_ping_due(x, now_us + 4999999));
	exec_stop(x, false);

	static const char *const bad[] = {"echo '{\"pong\":2}'", "echo '{\"pong\":true}'",
		"echo '{\"id\":1,\"ok\":true}'", "echo pong"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char script[120];
		snprintf(script, sizeof script, READY "read -r x; %s; " STAY, bad[i]);
		x = sh(script);
		assert_int_equal(exec_ping(x, &a), EXEC_LOST);
		assert_int_equal(a.failure, FAILURE_COMMUNICATION);
		exec_stop(x, false);
	}
	x = sh_with(READY STAY, &(struct exec_options){.pong_us = 50000});
	assert_int_equal(exec_ping(x, &a), EXEC_LOST);
	assert_int_equal(a.failure, FAILURE_HEALTH);
	exec_stop(x, false);
}

/* ---- the end ---- */

/* Stops a worker with a short grace and returns its log. */
static char *stop_log(const char *script, int64_t grace_us, bool at_once)
{
	struct bed_log log;
	bed_log_init(&log);
	struct exec *x = sh_with(script,
		&(struct exec_options){.grace_us = grace_us, .log = bed_log_take, .log_ctx = &log});
	int fd = bed_pidfd(exec_pid(x));
	exec_stop(x, at_once);
	assert_true(bed_ends(fd));
	char *text = strdup(text_str(&log.text));
	bed_log_release(&log);
	return text;
}

static void a_stop_escalates(void **state)
{
	(void)state;
	static const struct {
		const char *script;
		int64_t grace_us;
		bool at_once;
		const char *log;
	} rows[] = {
		{"trap 'echo term >&2; exit' TERM; " READY "while read -r x; do :; done; echo bye >&2",
			20000000, false, "bye\n"},
		{"trap 'echo term >&2; exit' TERM; " READY "tail -f /dev/null & wait", 400000, false,
			"term\n"},
		{"trap '' TERM; " READY STAY, 100000, false, ""},
		{"trap 'echo term >&2' TERM; " READY "while read -r x; do :; done; echo bye >&2",
			20000000, true, ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t from_us = threads_us();
		char *log = stop_log(rows[i].script, rows[i].grace_us, rows[i].at_once);
		assert_string_equal(log, rows[i].log);
		assert_in_range(threads_us() - from_us, 0, 15000000);
		free(log);
	}
}

static void many_stop_within_one_grace(void **state)
{
	(void)state;
	struct exec *all[6];
	for (int i = 0; i < 6; i++)
		all[i] =
			sh_with("trap '' TERM; " READY STAY, &(struct exec_options){.grace_us = 1000000});
	int64_t from_us = threads_us();
	for (int i = 0; i < 6; i++)
		exec_stop_begin(all[i]);
	for (int i = 0; i < 6; i++)
		exec_stop(all[i], false);
	assert_in_range(threads_us() - from_us, 1000000, 4000000);
}

/* Its answer is the pid of a process that it started. */
#define PARENT \
	READY "tail -f /dev/null & read -r x; " \
		  "echo \"{\\\"id\\\":1,\\\"ok\\\":true,\\\"result\\\":$!}\"; "

static void what_it_started_ends_with_it(void **state)
{
	(void)state;
	static const char *const ends[] = {"wait", "read -r x; kill -SEGV $$", "read -r x; exit 0"};
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		char script[300];
		int64_t pid;
		snprintf(script, sizeof script, PARENT "%s", ends[i]);
		struct exec *x = sh(script);
		assert_true(unit_parse_int(run(x, "echo", NULL).result, 2, INT32_MAX, &pid));
		int fd = bed_pidfd((pid_t)pid);
		assert_true(fd >= 0);
		if (i > 0) {
			/* Its leader's own end is enough. */
			struct exec_answer a;
			assert_int_equal(exec_run(x, &echo, SOON_US, &a), EXEC_LOST);
			assert_true(bed_ends(fd));
			exec_stop(x, false);
		} else {
			exec_stop(x, true);
			assert_true(bed_ends(fd));
		}
	}
}

static void *start_and_leave(void *arg)
{
	*(struct exec **)arg = sh(ANSWER("$n"));
	return NULL;
}

static void it_outlives_the_thread_that_started_it(void **state)
{
	(void)state;
	struct exec *x = NULL;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, start_and_leave, &x), 0);
	pthread_join(thread, NULL);
	assert_string_equal(run(x, "echo", NULL).result, "1");
	assert_string_equal(run(x, "echo", NULL).result, "2");
	exec_stop(x, false);
}

static void it_dies_with_the_pool(void **state)
{
	(void)state;
	int pipes[2];
	pid_t worker = 0;
	assert_int_equal(pipe(pipes), 0);
	pid_t pool = fork();
	if (pool == 0) {
		struct exec *x;
		if (bed_sh(&x, "trap '' TERM; " READY STAY, NULL, NULL) == 0) {
			worker = exec_pid(x);
			if (write(pipes[1], &worker, sizeof worker) == (ssize_t)sizeof worker)
				pause();
		}
		_exit(1);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &worker, sizeof worker), sizeof worker);
	close(pipes[0]);
	int fd = bed_pidfd(worker);
	assert_true(fd >= 0);
	kill(pool, SIGKILL);
	waitpid(pool, NULL, 0);
	assert_true(bed_ends(fd));
}

/* ---- what it is given ---- */

static void assert_says(const char *words, const struct exec_options *how, const char *expected)
{
	char script[400];
	snprintf(script, sizeof script,
		READY "read -r x; s=$(%s); "
			  "echo \"{\\\"id\\\":1,\\\"ok\\\":true,\\\"result\\\":\\\"$s\\\"}\"; read -r x",
		words);
	struct exec *x = sh_with(script, how);
	struct exec_answer a = run(x, "echo", NULL);
	if (!a.result || strcmp(a.result, expected) != 0)
		fail_msg("%s: %s, not %s", words, a.result ? a.result : a.message, expected);
	exec_stop(x, false);
}

static void it_has_its_own_world(void **state)
{
	(void)state;
	setenv("WEIR_TOKEN", "secret", 1);
	setenv("EXEC_TEST", "kept", 1);
	assert_says("echo ${WEIR_TOKEN-none} $EXEC_TEST", NULL, "\"none kept\"");
	unsetenv("WEIR_TOKEN");
	unsetenv("EXEC_TEST");
	assert_says("pwd", &(struct exec_options){.dir = "/usr"}, "\"/usr\"");
	/* Its own group, and no descriptor that somebody forgot to close. */
	assert_says("[ $(cut -d' ' -f5 /proc/$$/stat) = $$ ] && echo own", NULL, "\"own\"");
	int leak = open("/dev/null", O_RDONLY);
	assert_int_equal(dup2(leak, 57), 57);
	assert_says("[ -e /proc/$$/fd/57 ] || echo none", NULL, "\"none\"");
	close(leak);
	close(57);
	/* Signals as new, whatever is ignored or blocked here. */
	sigset_t all, before;
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
	sigfillset(&all);
	sigaction(SIGHUP, &ignore, &old);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	/* But the C library's own two, which make leaves ignored and nobody can set. */
	assert_says("grep -E '^Sig(Ign|Blk)' /proc/self/status | "
				"sed 's/[01]80000000$/000000000/' | tr -d '\\n\\t'",
		NULL, "\"SigBlk:0000000000000000SigIgn:0000000000000000\"");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	sigaction(SIGHUP, &old, NULL);
}

static void standard_descriptors_may_be_missing_here(void **state)
{
	(void)state;
	int kept[3];
	for (int i = 0; i < 3; i++) {
		kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		close(i);
	}
	struct exec *x;
	struct exec_answer a = {0};
	int failed = bed_sh(&x, ANSWER("$n"), NULL, NULL);
	enum exec_result result = failed ? EXEC_LOST : exec_run(x, &echo, SOON_US, &a);
	exec_stop(failed ? NULL : x, false);
	for (int i = 0; i < 3; i++) {
		dup2(kept[i], i);
		close(kept[i]);
	}
	assert_int_equal(failed, 0);
	assert_int_equal(result, EXEC_OK);
}

static void limits_hold(void **state)
{
	(void)state;
	const struct exec_options fds = {.limits = {.fds = 33}};
	assert_says("ulimit -n", &fds, "\"33\"");
	const struct exec_options cpu = {.limits = {.cpu_s = 77}};
	assert_says("ulimit -t", &cpu, "\"77\"");
	assert_says("ulimit -c", NULL, "\"0\"");
	/* More than is allowed here is what is allowed here. */
	const struct exec_options many = {.limits = {.fds = INT64_MAX}};
	assert_says("[ $(ulimit -n) -gt 0 ] && echo some", &many, "\"some\"");

	static const char *const argv[] = {"python3", "-c",
		"import json, sys\n"
		"print('{\"ready\":true}', flush=True)\n"
		"for line in sys.stdin:\n"
		"    q = json.loads(line)\n"
		"    try:\n"
		"        held = bytearray(q['payload'])\n"
		"        print(json.dumps({'id': q['id'], 'ok': True, 'result': len(held)}), flush=True)\n"
		"    except MemoryError:\n"
		"        e = {'category': 'resource', 'message': 'no memory'}\n"
		"        print(json.dumps({'id': q['id'], 'ok': False, 'error': e}), flush=True)\n",
		NULL};
	struct exec *x;
	struct err err = {0};
	struct exec_answer a;
	const struct exec_options memory = {
		.argv = argv, .limits = {.memory_bytes = 512 * 1024 * 1024}};
	if (exec_start(&x, &memory, &err))
		fail_msg("%s", err.text);
	const struct exec_request gib = {.operation = "predict", .payload = "1073741824"};
	assert_string_equal(run(x, "predict", "1000").result, "1000");
	assert_int_equal(exec_run(x, &gib, SOON_US, &a), EXEC_FAILED);
	assert_int_equal(a.failure, FAILURE_RESOURCE);
	assert_string_equal(a.message, "no memory");
	assert_string_equal(run(x, "predict", "1000").result, "1000");
	exec_stop(x, false);
}

static void cpu_time_that_is_used_up_is_named(void **state)
{
	(void)state;
	struct exec_answer a;
	struct exec *x = sh_with(
		READY "read -r x; while :; do :; done", &(struct exec_options){.limits = {.cpu_s = 1}});
	assert_int_equal(exec_run(x, &echo, SOON_US, &a), EXEC_LOST);
	assert_string_equal(
		a.message, "worker \"sh\" ended with signal 24 (SIGXCPU), its CPU time was used up");
	exec_stop(x, false);
}

static void workers_become_due(void **state)
{
	(void)state;
	struct exec *x = sh_with(ANSWER("$n"),
		&(struct exec_options){.max_requests = 2, .max_age_us = INT64_C(3600000000)});
	int64_t now_us = threads_us();
	assert_int_equal(exec_due(x, now_us), EXEC_DUE_NONE);
	assert_int_equal(exec_due(x, now_us + INT64_C(3600000000)), EXEC_DUE_AGE);
	run(x, "echo", NULL);
	assert_int_equal(exec_due(x, now_us), EXEC_DUE_NONE);
	run(x, "echo", NULL);
	assert_int_equal(exec_due(x, now_us), EXEC_DUE_REQUESTS);
	exec_stop(x, false);
	x = sh_with(ANSWER("$n"), &(struct exec_options){.max_memory_bytes = 4096});
	assert_int_equal(exec_due(x, now_us), EXEC_DUE_MEMORY);
	exec_stop(x, false);
	x = sh_with(ANSWER("$n"), &(struct exec_options){.max_memory_bytes = INT64_C(1) << 40});
	assert_int_equal(exec_due(x, now_us), EXEC_DUE_NONE);
	exec_stop(x, false);
	assert_string_equal(exec_due_name(EXEC_DUE_MEMORY), "memory");
}

/* ---- log, gate, threads ---- */

static void its_log_is_clean(void **state)
{
	(void)state;
	struct bed_log log;
	bed_log_init(&log);
	struct exec *x = sh_with("printf 'a\\033[2Jb\\377\\n' >&2; " ANSWER("$n"),
		&(struct exec_options){.log = bed_log_take, .log_ctx = &log});
	assert_true(bed_log_wait(&log, "a^[[2Jb<FF>\n"));
	exec_stop(x, false);
	bed_log_release(&log);

	/* More than a pipe holds while nobody asks anything: it does not stall the worker. */
	x = sh("head -c 1000000 /dev/zero | tr '\\0' '\\n' >&2; " ANSWER("$n"));
	assert_string_equal(run(x, "echo", NULL).result, "1");
	exec_stop(x, false);
	/* A closed one is no trouble either. */
	x = sh("exec 2>&-; " ANSWER("$n"));
	assert_string_equal(run(x, "echo", NULL).result, "1");
	exec_stop(x, false);
}

struct waiter {
	struct exec *exec;
	enum exec_result result;
	struct exec_answer answer;
};

static void *run_one(void *arg)
{
	struct waiter *w = arg;
	w->result = exec_run(w->exec, &echo, SOON_US, &w->answer);
	return NULL;
}

static void a_closed_gate_ends_waits(void **state)
{
	(void)state;
	struct gate gate;
	struct bed_log log;
	struct err err = {0};
	pthread_t thread;
	gate_init(&gate);
	bed_log_init(&log);
	const struct exec_options how = {.gate = &gate, .log = bed_log_take, .log_ctx = &log};
	struct waiter w = {.exec = sh_with(READY "read -r x; echo got it >&2; " STAY, &how)};
	assert_int_equal(pthread_create(&thread, NULL, run_one, &w), 0);
	assert_true(bed_log_wait(&log, "got it"));
	gate_close(&gate);
	pthread_join(thread, NULL);
	assert_int_equal(w.result, EXEC_LOST);
	assert_int_equal(w.answer.failure, FAILURE_SYSTEM);
	exec_stop(w.exec, false);
	assert_int_equal(bed_sh(&w.exec, STAY, &how, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	bed_log_release(&log);
	gate_release(&gate);
}

#define THREADS 6
#define ROUNDS 25

static void *run_many(void *arg)
{
	bool *good = arg;
	*good = true;
	for (int life = 0; life < 2; life++) {
		struct exec *x;
		if (bed_sh(&x, ANSWER("$n"), NULL, NULL)) {
			*good = false;
			return NULL;
		}
		for (int i = 1; i <= ROUNDS; i++) {
			char expected[16];
			struct exec_answer a;
			snprintf(expected, sizeof expected, "%d", i);
			*good &= exec_run(x, &echo, SOON_US, &a) == EXEC_OK && !strcmp(a.result, expected);
		}
		exec_stop(x, life == 0);
	}
	return NULL;
}

static void many_live_side_by_side(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	bool good[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_many, &good[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(good[i]);
	}
}

/* Every test leaves as many descriptors and threads as there were, and no child. */
static struct resource at_first;

static int look(void **state)
{
	(void)state;
	resource_read(&at_first, 0);
	return 0;
}

static int look_again(void **state)
{
	(void)state;
	struct resource now;
	resource_read(&now, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(now.fds, at_first.fds);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, look, look_again)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_example_works),
		TEST(large_payloads_pass),
		TEST(w2_no_work_before_ready),
		TEST(a_silent_start_ends_in_time),
		TEST(what_cannot_run_is_named),
		TEST(what_is_declared_must_be_known),
		TEST(bad_answers_lose_the_worker),
		TEST(a_late_answer_reaches_nobody),
		TEST(a_request_that_does_not_fit_ends_in_time),
		TEST(a_passed_deadline_costs_no_worker),
		TEST(a_word_nobody_asked_for),
		TEST(an_idle_death_is_seen_before_work),
		TEST(pings_find_the_dead),
		TEST(a_stop_escalates),
		TEST(many_stop_within_one_grace),
		TEST(what_it_started_ends_with_it),
		TEST(it_outlives_the_thread_that_started_it),
		TEST(it_dies_with_the_pool),
		TEST(it_has_its_own_world),
		TEST(standard_descriptors_may_be_missing_here),
		TEST(limits_hold),
		TEST(cpu_time_that_is_used_up_is_named),
		TEST(workers_become_due),
		TEST(its_log_is_clean),
		TEST(a_closed_gate_ends_waits),
		TEST(many_live_side_by_side),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
