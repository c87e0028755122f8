/* Exec: the conversation with a worker: ready, request and answer, ping and pong, the end. Not
 * the process (exec_child.c), not the bytes (exec_pipe.c), not the lines (exec_line.c), not who gets which worker.
 *
 * Invariants:
 * 1. Between two calls nothing of the worker's output is unread or half read, else it is lost.
 *    Hence an answer that is read was asked for by this call.
 * 2. Once lost, always lost: nothing is written to it or read from it again.
 * 3. An id is never used twice in the life of a worker, by requests and pings together. */
#define _GNU_SOURCE
#include "client/engine/exec.h"

#include "client/engine/exec_pipe.h"
#include "model/mem.h"
#include "model/unit.h"

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FATE_US 250000 /* how long an end is waited for to learn how it came */

struct exec {
	char name[EXEC_NAME_MAX]; /* cleaned */
	struct child *child;
	struct exec_entry entry;
	int64_t grace_us, heartbeat_us, pong_us;
	int64_t max_age_us, max_requests, max_memory_bytes;
	int64_t start_us, stop_us; /* stop_us: 0 none */
	int64_t id, requests;
	bool lost;
	struct exec_pipe pipe;
	struct text out, result;
};

/* ---- losing it ---- */

/* Kills the worker and says why: "worker "NAME" …". */
static enum exec_result lose(struct exec *x, struct exec_answer *out, enum failure failure,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

static enum exec_result lose(
	struct exec *x, struct exec_answer *out, enum failure failure, const char *format, ...)
{
	char text[2 * POOL_REASON_MAX];
	va_list args;
	int n = snprintf(text, sizeof text, "worker \"%s\" ", x->name);
	va_start(args, format);
	vsnprintf(text + n, sizeof text - (size_t)n, format, args);
	va_end(args);
	x->lost = true;
	child_signal(x->child, SIGKILL);
	out->failure = failure;
	text_clean(out->message, sizeof out->message, text, strlen(text));
	return EXEC_LOST;
}

static enum exec_result lose_ended(struct exec *x, struct exec_answer *out)
{
	char fate[128];
	if (!child_wait(x->child, threads_us() + FATE_US))
		return lose(x, out, FAILURE_CONNECTION, "closed its output; it was killed");
	child_fate(x->child, fate, sizeof fate);
	return lose(x, out, FAILURE_CONNECTION, "ended with %s", fate);
}

/* The beginning of what it wrote, cleaned. */
static void quote(const struct exec *x, char *out, size_t size)
{
	const char *line = text_str(&x->pipe.in);
	text_clean(out, size, line, strcspn(line, "\n"));
}

static enum exec_result lose_strange(struct exec *x, struct exec_answer *out)
{
	char start[64];
	quote(x, start, sizeof start);
	return lose(x, out, FAILURE_COMMUNICATION,
		"wrote what is not the answer to this: \"%s\"; it was killed", start);
}

/* ---- one exchange ---- */

/* What did not come to a line. `late` is the category of a silence. */
static enum exec_result lose_unheard(
	struct exec *x, struct exec_answer *out, enum pipe_fate fate, enum failure late)
{
	switch (fate) {
	case PIPE_LATE:
		return lose(x, out, late, "did not answer in time; it was killed");
	case PIPE_LONG:
		return lose(x, out, FAILURE_COMMUNICATION,
			"wrote a line of more than %d bytes; it was killed", EXEC_LINE_MAX);
	case PIPE_CLOSED:
		return lose(x, out, FAILURE_SYSTEM, "was killed: the pool is stopping");
	default:
		return lose_ended(x, out);
	}
}

/* True when invariant 1 holds before a call; else it is lost. */
static bool is_quiet(struct exec *x, struct exec_answer *out)
{
	if (x->lost)
		lose(x, out, FAILURE_CONNECTION, "was lost before");
	else if (exec_pipe_is_quiet(&x->pipe))
		return true;
	else if (x->pipe.in.len > 0)
		lose_strange(x, out);
	else
		lose_ended(x, out);
	return false;
}

/* Says x->out, hears a line and reads it: EXEC_OK when it is a reply to this. The line stays in
 * x->pipe.in. */
static enum exec_result exchange(struct exec *x, int64_t until_us, enum failure late,
	struct exec_reply *reply, struct exec_answer *out)
{
	size_t len = 0;
	enum pipe_fate fate = exec_pipe_say(&x->pipe, &x->out, until_us, &out->begun);
	if (fate == PIPE_DONE)
		fate = exec_pipe_hear(&x->pipe, until_us, &len);
	if (fate != PIPE_DONE)
		return lose_unheard(x, out, fate, late);
	exec_line_read(reply, x->pipe.in.data, len);
	/* A second line nobody asked for: this answer is good, the worker is not. */
	if (x->pipe.in.len > len + 1) {
		x->lost = true;
		child_signal(x->child, SIGKILL);
	}
	return EXEC_OK;
}

enum exec_result exec_run(struct exec *x, const struct exec_request *request,
	int64_t deadline_us, struct exec_answer *out)
{
	struct exec_reply reply;
	memset(out, 0, sizeof *out);
	if (!is_quiet(x, out))
		return EXEC_LOST;
	if (threads_us() >= deadline_us) {
		out->failure = FAILURE_TIMEOUT;
		text_copy(out->message, sizeof out->message, "the deadline passed before the work");
		return EXEC_FAILED;
	}
	x->requests++;
	text_clear(&x->out);
	exec_line_request(&x->out, ++x->id, request);
	enum exec_result result = exchange(x, deadline_us, FAILURE_TIMEOUT, &reply, out);
	if (result != EXEC_OK)
		return result;
	if ((reply.kind != EXEC_REPLY_OK && reply.kind != EXEC_REPLY_ERROR) || reply.id != x->id)
		return lose_strange(x, out);
	if (reply.kind == EXEC_REPLY_ERROR) {
		out->failure = reply.failure;
		text_copy(out->message, sizeof out->message, reply.message);
	} else {
		text_clear(&x->result);
		text_add_n(&x->result, reply.result ? reply.result : "null",
			reply.result ? reply.result_len : 4);
		out->result = text_str(&x->result);
		out->result_len = x->result.len;
	}
	text_clear(&x->pipe.in);
	return reply.kind == EXEC_REPLY_OK ? EXEC_OK : EXEC_FAILED;
}

bool exec_ping_due(const struct exec *x, int64_t now_us)
{
	return now_us - x->pipe.heard_us >= x->heartbeat_us;
}

enum exec_result exec_ping(struct exec *x, struct exec_answer *out)
{
	struct exec_reply reply;
	memset(out, 0, sizeof *out);
	if (!is_quiet(x, out))
		return EXEC_LOST;
	text_clear(&x->out);
	exec_line_ping(&x->out, ++x->id);
	enum exec_result result =
		exchange(x, threads_us() + x->pong_us, FAILURE_HEALTH, &reply, out);
	if (result != EXEC_OK)
		return result;
	if (reply.kind != EXEC_REPLY_PONG || reply.id != x->id)
		return lose_strange(x, out);
	text_clear(&x->pipe.in);
	return EXEC_OK;
}

/* ---- what it is ---- */

static bool has_ended(const struct exec *x)
{
	struct pollfd end = {.fd = child_end(x->child), .events = POLLIN};
	return poll(&end, 1, 0) > 0;
}

enum exec_due exec_due(const struct exec *x, int64_t now_us)
{
	struct resource used;
	if (x->lost || has_ended(x))
		return EXEC_DUE_LOST;
	if (x->max_age_us > 0 && now_us - x->start_us >= x->max_age_us)
		return EXEC_DUE_AGE;
	if (x->max_requests > 0 && x->requests >= x->max_requests)
		return EXEC_DUE_REQUESTS;
	if (x->max_memory_bytes == 0)
		return EXEC_DUE_NONE;
	exec_resource(x, &used);
	/* UNKNOWN is below every bound. */
	return used.memory_bytes > x->max_memory_bytes ? EXEC_DUE_MEMORY : EXEC_DUE_NONE;
}

const char *exec_due_name(enum exec_due due)
{
	static const char *const names[] = {
		[EXEC_DUE_NONE] = "not due",
		[EXEC_DUE_LOST] = "lost",
		[EXEC_DUE_AGE] = "age",
		[EXEC_DUE_REQUESTS] = "requests",
		[EXEC_DUE_MEMORY] = "memory",
	};
	return names[due];
}

pid_t exec_pid(const struct exec *x)
{
	return child_pid(x->child);
}

void exec_resource(const struct exec *x, struct resource *out)
{
	*out = (struct resource){UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};
	if (has_ended(x))
		return;
	resource_read(out, exec_pid(x));
	/* Ended meanwhile, the pid may have been another's. */
	if (has_ended(x))
		*out = (struct resource){UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};
}

/* ---- start and stop ---- */

static int64_t or_default(int64_t given, int64_t usual)
{
	return given > 0 ? given : usual;
}

static struct exec *make(const struct exec_options *how)
{
	struct exec *x = mem_new(1, sizeof *x);
	const char *name = how->name ? how->name : how->argv[0];
	text_clean(x->name, sizeof x->name, name, strlen(name));
	x->grace_us = or_default(how->grace_us, EXEC_GRACE_US);
	x->heartbeat_us = or_default(how->heartbeat_us, EXEC_HEARTBEAT_US);
	x->pong_us = or_default(how->pong_us, EXEC_PONG_US);
	x->max_age_us = how->max_age_us;
	x->max_requests = how->max_requests;
	x->max_memory_bytes = how->max_memory_bytes;
	x->start_us = threads_us();
	return x;
}

/* Reserves the entry, starts the process, completes the entry. */
static int spawn(struct exec *x, const struct exec_options *how, struct err *err)
{
	char token[sizeof EXEC_TOKEN_NAME + EXEC_TOKEN_MAX];
	struct child_options child = {.argv = how->argv,
		.dir = how->dir,
		.limits = how->limits,
		.log = {.sink = how->log, .ctx = how->log_ctx}};
	if (how->run_dir) {
		if (exec_entry_reserve(&x->entry, how->run_dir, err))
			return -1;
		snprintf(token, sizeof token, EXEC_TOKEN_NAME "=%s", x->entry.token);
		child.extra = token;
	}
	if (child_start(&x->child, &child, err))
		return -1;
	x->pipe = (struct exec_pipe){.stream = child_stream(x->child),
		.end = child_end(x->child),
		.gate = how->gate,
		.max = EXEC_LINE_MAX};
	return how->run_dir ? exec_entry_activate(&x->entry, child_pid(x->child), err) : 0;
}

/* What is declared and the worker does not know would fail request by request. */
static int check_operations(const struct exec *x, const struct operations *declared,
	const struct exec_reply *ready, struct err *err)
{
	for (int i = 0; declared && ready->operations && i < declared->count; i++)
		if (!exec_line_knows(ready, declared->each[i].name))
			return err_set(err, ERR_CONFIG,
				"worker \"%s\" does not know the operation \"%s\": its ready line does not name it",
				x->name, declared->each[i].name);
	return 0;
}

/* The ready gate. */
static int wait_ready(struct exec *x, const struct exec_options *options, struct err *err)
{
	int64_t within_us = or_default(options->start_us, EXEC_START_US);
	struct exec_answer why = {0};
	struct exec_reply reply;
	size_t len;
	char within[32], how[128], start[64];
	enum pipe_fate fate = exec_pipe_hear(&x->pipe, x->start_us + within_us, &len);
	if (fate == PIPE_DONE) {
		exec_line_read(&reply, x->pipe.in.data, len);
		if (reply.kind == EXEC_REPLY_READY && x->pipe.in.len == len + 1) {
			int rc = check_operations(x, options->operations, &reply, err);
			text_clear(&x->pipe.in);
			return rc;
		}
		quote(x, start, sizeof start);
		return err_set(err, ERR_DOCUMENT,
			"worker \"%s\" began with \"%s\"; its first line must be {\"ready\":true}, and "
			"nothing may follow it unasked",
			x->name, start);
	}
	if (fate == PIPE_LATE) {
		unit_duration(within, sizeof within, within_us / 1000);
		return err_set(err, ERR_SLOW, "worker \"%s\" was not ready within %s; it was killed",
			x->name, within);
	}
	if (fate == PIPE_ENDED && child_wait(x->child, threads_us() + FATE_US)) {
		const char *words = child_last_words(x->child);
		child_fate(x->child, how, sizeof how);
		return err_set(err, ERR_CONFIG, "worker \"%s\" ended with %s before it was ready%s%s",
			x->name, how, *words ? ": " : "; run it by hand to see why", words);
	}
	lose_unheard(x, &why, fate, FAILURE_INITIALIZATION);
	return err_set(err, fate == PIPE_CLOSED ? ERR_SYSTEM : ERR_DOCUMENT, "%s", why.message);
}

int exec_start(struct exec **out, const struct exec_options *how, struct err *err)
{
	assert(how->argv && how->argv[0]);
	struct exec *x = make(how);
	if (spawn(x, how, err) || wait_ready(x, how, err)) {
		exec_stop(x, true);
		return -1;
	}
	*out = x;
	return 0;
}

void exec_stop_begin(struct exec *x)
{
	if (x->stop_us > 0)
		return;
	x->stop_us = threads_us();
	shutdown(child_stream(x->child), SHUT_WR);
}

void exec_stop(struct exec *x, bool at_once)
{
	if (!x)
		return;
	if (x->child && !at_once && !x->lost) {
		exec_stop_begin(x);
		if (!child_wait(x->child, x->stop_us + x->grace_us / 4)) {
			child_signal(x->child, SIGTERM);
			child_wait(x->child, x->stop_us + x->grace_us);
		}
	}
	child_free(x->child);
	exec_entry_release(&x->entry);
	text_free(&x->pipe.in);
	text_free(&x->out);
	text_free(&x->result);
	free(x);
}
