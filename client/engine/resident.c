/* Resident: what one worker does with its messages. Not when, nor in which thread, nor what
 * becomes of it afterwards: residents_run.c.
 *
 * Invariants:
 * 1. A message that fails leaves the state as it was.
 * 2. Asleep it has no memory but its own struct, and its state is what it was awake. */
#include "client/engine/resident.h"

#include "client/engine/resident_file.h"
#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What it needs only while awake. */
struct counter {
	int64_t value;
	int64_t changes;  /* since it started or woke */
	char trouble[96]; /* the last failure since then, "" none */
};

/* ---- lines ---- */

void line_put(struct line *line, struct resident *x)
{
	assert(!x->line);
	x->line = line;
	x->after = NULL;
	x->before = line->last;
	*(line->last ? &line->last->after : &line->first) = x;
	line->last = x;
	line->count++;
}

void line_leave(struct resident *x)
{
	struct line *line = x->line;
	if (!line)
		return;
	*(x->before ? &x->before->after : &line->first) = x->after;
	*(x->after ? &x->after->before : &line->last) = x->before;
	line->count--;
	x->line = NULL;
	x->before = x->after = NULL;
}

/* ---- memory ---- */

static struct counter *new_counter(int64_t value)
{
	struct counter *c = mem_new(1, sizeof *c);
	c->value = value;
	return c;
}

struct resident *resident_new(const struct ref *ref)
{
	struct resident *x = mem_new(1, sizeof *x);
	x->ref = *ref;
	return x;
}

void resident_free(struct resident *x)
{
	assert(!x->line && x->mailbox.count == 0);
	resident_lose(x);
	free(x);
}

void resident_lose(struct resident *x)
{
	if (!x->asleep)
		free(x->state.counter);
	x->asleep = x->unsaved = false;
	x->state.counter = NULL;
}

static void sleep_now(struct resident *x)
{
	if (x->asleep)
		return;
	int64_t value = x->state.counter->value;
	free(x->state.counter);
	x->state.packed = value;
	x->asleep = true;
}

static void wake(struct resident *x)
{
	if (!x->asleep)
		return;
	x->state.counter = new_counter(x->state.packed);
	x->asleep = false;
}

void resident_carry(struct resident *x)
{
	if (x->asleep || !x->state.counter)
		return;
	sleep_now(x);
	wake(x);
}

size_t resident_bytes(bool asleep)
{
	return sizeof(struct resident) + (asleep ? 0 : sizeof(struct counter));
}

/* ---- the disk ---- */

int resident_start(struct resident *x, int dir, struct err *err)
{
	int64_t value = 0;
	if (dir >= 0 && resident_file_read(dir, &x->ref, &value, err) < 0)
		return -1;
	x->state.counter = new_counter(value);
	return 0;
}

int resident_save(struct resident *x, int dir, struct err *err)
{
	int64_t value = x->asleep ? x->state.packed : x->state.counter->value;
	if (resident_file_write(dir, &x->ref, value, err))
		return -1;
	x->unsaved = false;
	return 0;
}

/* ---- what it can be told ---- */

struct deed {
	struct resident *x;
	const struct order *order;
	const struct surroundings *around;
	struct outcome *out;
};

static void succeed(struct deed *d, const char *result)
{
	d->out->ok = true;
	(void)text_copy(d->out->result, sizeof d->out->result, result);
}

static void tell_value(struct deed *d)
{
	d->out->ok = true;
	snprintf(d->out->result, sizeof d->out->result, "{\"value\":%" PRId64 "}",
		d->x->state.counter->value);
}

static void fail(struct deed *d, enum failure category, const char *message)
{
	d->out->failure = category;
	(void)text_copy(d->out->message, sizeof d->out->message, message);
	if (!d->x->asleep)
		(void)text_copy(
			d->x->state.counter->trouble, sizeof d->x->state.counter->trouble, message);
}

static void change(struct deed *d, int64_t value)
{
	if (value < -ORDER_VALUE_MAX || value > ORDER_VALUE_MAX) {
		fail(d, FAILURE_OPERATION, "the counter would be beyond 2^53");
		return;
	}
	d->x->state.counter->value = value;
	d->x->state.counter->changes++;
	d->x->unsaved = true;
	tell_value(d);
}

static void do_add(struct deed *d)
{
	change(d, d->x->state.counter->value + d->order->number);
}

static void do_set(struct deed *d)
{
	change(d, d->order->number);
}

static void do_fail(struct deed *d)
{
	fail(d, FAILURE_OPERATION, "it failed, as it was told to");
}

static void do_sleep(struct deed *d)
{
	if (gate_wait(d->around->gate, threads_us() + d->order->number))
		fail(d, FAILURE_SYSTEM, "the pool stopped meanwhile");
	else
		tell_value(d);
}

static void do_ping(struct deed *d)
{
	succeed(d, "{\"pong\":true}");
}

static void do_process(struct deed *d)
{
	const struct counter *c = d->x->asleep ? NULL : d->x->state.counter;
	struct text t = {0};
	text_add(&t, "{");
	text_json_bool(&t, "asleep", d->x->asleep);
	text_json_int(&t, "changes", c ? c->changes : 0);
	text_json_int(&t, "done", d->x->done);
	text_json_int(&t, "failed", d->x->failed);
	text_json_int(&t, "node", d->around->at.node);
	text_json_int(&t, "queued", d->around->queued);
	text_json_int(&t, "restarts", d->x->restarts);
	text_json_int(&t, "segment", d->around->at.segment);
	text_json_str(&t, "trouble", c && *c->trouble ? c->trouble : NULL);
	text_add(&t, "}");
	succeed(d, text_str(&t));
	text_free(&t);
}

static void do_kill(struct deed *d)
{
	d->out->end = RESIDENT_KILLED;
	succeed(d, "{\"stopped\":true}");
}

static void do_crash(struct deed *d)
{
	d->out->end = RESIDENT_CRASHED;
	d->out->trouble = true;
	fail(d, FAILURE_SYSTEM, "the worker crashed, as it was told to");
}

static void do_hibernate(struct deed *d)
{
	sleep_now(d->x);
	succeed(d, "{\"asleep\":true}");
}

/* True when there is a directory. */
static bool has_dir(struct deed *d)
{
	if (d->around->dir < 0)
		fail(d, FAILURE_OPERATION, "there is no state directory; start the pool with one");
	return d->around->dir >= 0;
}

static void do_persist(struct deed *d)
{
	struct err err = {0};
	if (!has_dir(d))
		return;
	if (resident_save(d->x, d->around->dir, &err) == 0) {
		succeed(d, "{\"persisted\":true}");
		return;
	}
	d->out->trouble = true;
	fail(d, FAILURE_SYSTEM, err.text);
}

static void do_reload(struct deed *d)
{
	struct err err = {0};
	int64_t value;
	if (!has_dir(d))
		return;
	int found = resident_file_read(d->around->dir, &d->x->ref, &value, &err);
	if (found < 0) {
		d->out->trouble = true;
		fail(d, FAILURE_SYSTEM, err.text);
	} else if (found == 0) {
		fail(d, FAILURE_OPERATION, "nothing was persisted for it");
	} else {
		change(d, value);
		d->x->unsaved = false;
	}
}

void resident_do(struct resident *x, const struct order *order,
	const struct surroundings *around, struct outcome *out)
{
	static void (*const deeds[ORDER_COUNT])(struct deed *) = {
		[ORDER_ADD] = do_add,
		[ORDER_SET] = do_set,
		[ORDER_GET] = tell_value,
		[ORDER_FAIL] = do_fail,
		[ORDER_SLEEP] = do_sleep,
		[ORDER_PING] = do_ping,
		[ORDER_FETCH_STATE] = tell_value,
		[ORDER_FETCH_PROCESS] = do_process,
		[ORDER_KILL] = do_kill,
		[ORDER_CRASH] = do_crash,
		[ORDER_HIBERNATE] = do_hibernate,
		[ORDER_PERSIST] = do_persist,
		[ORDER_RELOAD] = do_reload,
	};
	*out = (struct outcome){.end = RESIDENT_GOES_ON};
	if (order_wakes(order->kind))
		wake(x);
	deeds[order->kind](&(struct deed){x, order, around, out});
}
