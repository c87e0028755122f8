/* Resident bed: what tests of addressable workers share: a tree, envelopes in a line each, a
 * worker that is kept busy until it is let go, facts waited for. */
#ifndef WEIR_TESTS_UNIT_ENGINE_RESIDENT_BED_H
#define WEIR_TESTS_UNIT_ENGINE_RESIDENT_BED_H

#include "client/engine/residents_parts.h"
#include "model/text.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BED_WAIT_US 30000000
#define BED_HOUR_US INT64_C(3600000000)
#define BED_ROWS 64

static struct residents *tree;
static struct send_answer got;
static struct residents_look seen;
static struct residents_segment rows[BED_ROWS];
static char bed_dir[256];

__attribute__((unused)) static void bed_start(const struct residents_options *how)
{
	struct err err = {0};
	if (residents_start(&tree, how, &err))
		fail_msg("%s", err.text);
}

/* A state directory of this test's own. */
__attribute__((unused)) static const char *bed_make_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(bed_dir, sizeof bed_dir, "%s/weir-residents-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(bed_dir));
	return bed_dir;
}

__attribute__((unused)) static int bed_end(void **state)
{
	(void)state;
	residents_stop(tree);
	tree = NULL;
	DIR *d = *bed_dir ? opendir(bed_dir) : NULL;
	for (struct dirent *f; d && (f = readdir(d));)
		(void)unlinkat(dirfd(d), f->d_name, 0);
	if (d)
		closedir(d);
	if (*bed_dir)
		(void)rmdir(bed_dir);
	*bed_dir = '\0';
	return 0;
}

/* The identity that holds at every look. */
__attribute__((unused)) static const struct residents_counts *look(void)
{
	residents_look(tree, &seen, rows, BED_ROWS);
	const struct residents_counts *c = &seen.counts;
	assert_int_equal(c->accepted, c->done + c->failed + c->timed_out + c->queued + c->running);
	return c;
}

__attribute__((unused)) static struct envelope bed_envelope(
	const char *id, const char *message, enum spawn_mode spawn)
{
	struct envelope e = {.spawn = spawn, .timeout_ms = BED_WAIT_US / 1000};
	assert_true(ref_of(&e.recipient, "counter", id));
	assert_true(text_copy(e.message, sizeof e.message, message));
	return e;
}

/* What `got` must say. */
__attribute__((unused)) static void failed(enum send_status status, enum failure failure)
{
	assert_false(got.ok);
	assert_int_equal(got.status, status);
	assert_int_equal(got.failure, failure);
	assert_true(*got.message);
}

/* A call that may spawn lazily; the answer in `got`. */
__attribute__((unused)) static const char *call(const char *id, const char *message)
{
	const struct envelope e = bed_envelope(id, message, SPAWN_LAZY);
	residents_send(tree, &e, &got);
	return got.result;
}

__attribute__((unused)) static void cast(const char *id, const char *message)
{
	struct envelope e = bed_envelope(id, message, SPAWN_LAZY);
	e.type = ENVELOPE_CAST;
	residents_send(tree, &e, &got);
	assert_int_equal(got.status, SEND_ACCEPTED);
	assert_true(got.ok);
}

/* Only makes it. */
__attribute__((unused)) static void spawn_one(const char *id, enum spawn_mode how)
{
	const struct envelope e = bed_envelope(id, "", how);
	residents_send(tree, &e, &got);
}

/* Keeps a worker, and a thread, at work until let_all_go. Returns when it has begun. */
__attribute__((unused)) static void keep_busy(const char *id)
{
	struct envelope e = bed_envelope(id, "{\"sleep_us\":60000000}", SPAWN_LAZY);
	e.ack = ACK_PROCESS;
	residents_send(tree, &e, &got);
	assert_int_equal(got.status, SEND_ACCEPTED);
	assert_true(got.at.known);
}

/* Ends what keep_busy began, and every later one at once. */
__attribute__((unused)) static void let_all_go(void)
{
	gate_close(&tree->gate);
}

__attribute__((unused)) static void number(char id[16], int i)
{
	snprintf(id, 16, "%d", i);
}

/* Waits for a fact of the look. */
#define UNTIL(fact) \
	do { \
		const int64_t bed_until_us = threads_us() + BED_WAIT_US; \
		while (look(), !(fact)) { \
			if (threads_us() > bed_until_us) \
				fail_msg("in vain: %s", #fact); \
			sched_yield(); \
		} \
	} while (0)

#endif
