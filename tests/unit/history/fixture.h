/* Fixture: a directory, a history in it, and waiting for its answers by poll. For the tests of
 * history/ only. */
#ifndef WEIR_TEST_HISTORY_FIXTURE_H
#define WEIR_TEST_HISTORY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "history/chain.h"
#include "history/clock.h"
#include "history/history.h"
#include "history/query.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/folder.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEADLINE_MS 10000
#define T0 1800000000000 /* a wall time */

struct place {
	char dir[128], path[192], keys[192];
};

static inline void place_make(struct place *p)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(p->dir, sizeof p->dir, "%.64s/weir-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof p->path, "%s/history.db", p->dir);
	snprintf(p->keys, sizeof p->keys, "%s/keys", p->dir);
}

static inline void place_clean(struct place *p)
{
	chmod(p->dir, 0700);
	folder_remove(p->dir);
}

static inline struct history *start(const struct place *p, const char *actor)
{
	const struct history_options how = {.path = p->path, .actor = actor, .key_dir = p->keys};
	struct history *h = NULL;
	struct err err = {0};

	assert_int_equal(history_start(&h, &how, &err), 0);
	return h;
}

/* The next answer, whatever it is; fails the test after the deadline. */
static inline void next_answer(struct history *h, struct history_answer *a)
{
	const int64_t until = clock_monotonic_ms() + DEADLINE_MS;

	while (!history_next(h, a)) {
		struct pollfd p = {.fd = history_fd(h), .events = POLLIN};

		assert_true(clock_monotonic_ms() < until);
		poll(&p, 1, 1000);
	}
}

/* The next answer of a kind; others are skipped. The caller releases it. */
static inline void wait_kind(
	struct history *h, enum history_answer_kind kind, struct history_answer *a)
{
	for (;;) {
		next_answer(h, a);
		if (a->kind == kind)
			return;
		if (a->kind == HISTORY_FAILED || a->kind == HISTORY_REFUSED)
			print_message("unexpected: W%d %s\n", a->err.code, a->err.text);
		history_answer_release(a);
	}
}

static inline void expect_kind(struct history *h, enum history_answer_kind kind)
{
	struct history_answer a;

	next_answer(h, &a);
	if (a.kind != kind)
		print_message("kind %d: W%d %s\n", a.kind, a.err.code, a.err.text);
	assert_int_equal(a.kind, kind);
	history_answer_release(&a);
}

static inline struct history *start_opened(const struct place *p, const char *actor)
{
	struct history *h = start(p, actor);

	expect_kind(h, HISTORY_OPENED);
	return h;
}

static inline struct decision make_decision(const char *id, int64_t at_ms)
{
	struct decision d = {.at_ms = at_ms,
		.verb = VERB_STEP,
		.from_bp = 100,
		.to_bp = 1000,
		.epoch = 3,
		.rev = 42,
		.outcome_ms = UNKNOWN,
		.verified_ms = UNKNOWN,
		.latency_ms = UNKNOWN};

	text_copy(d.id, sizeof d.id, id);
	text_copy(d.pool, sizeof d.pool, "checkout");
	text_copy(d.pool_id, sizeof d.pool_id, "pool-1");
	text_copy(d.actor, sizeof d.actor, "kim@ops1");
	text_copy(d.role, sizeof d.role, "operator");
	text_copy(d.reason, sizeof d.reason, "because");
	text_copy(d.evidence, sizeof d.evidence, "{\"predicates\":14}");
	return d;
}

static inline struct outcome_row make_outcome(
	const char *id, enum outcome_row_kind row, enum outcome_kind kind, int64_t at_ms)
{
	struct outcome_row r = {.row = row, .kind = kind, .at_ms = at_ms, .latency_ms = 12};

	text_copy(r.decision, sizeof r.decision, id);
	text_copy(r.node, sizeof r.node, row == OUTCOME_ROW_NODE ? "node-a" : "");
	text_copy(r.answer, sizeof r.answer, "ok");
	return r;
}

/* Records an intent and waits until it is committed. */
static inline void commit(struct history *h, const char *id, int64_t at_ms)
{
	const struct decision d = make_decision(id, at_ms);
	struct history_answer a;

	history_intent(h, &d);
	wait_kind(h, HISTORY_COMMITTED, &a);
	assert_string_equal(a.id, id);
	history_answer_release(&a);
}

/* Waits until everything that was asked so far is in the file: an intent goes last only among
 * intents, so the head must stop the loop to be sure. */
static inline void settle(struct history *h)
{
	assert_int_equal(history_stop(h, DEADLINE_MS), 0);
}

/* The one integer that a statement gives, by a connection of its own. */
static inline int64_t ask(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	int64_t n;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 2000);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

static inline void assert_whole(const char *path, const char *head)
{
	struct chain_report report;
	struct err err = {0};

	assert_int_equal(chain_verify(&report, path, head, NULL, NULL, &err), 0);
	if (report.broken_seq != 0)
		print_message(
			"%s row %lld: %s\n", report.table, (long long)report.broken_seq, report.why);
	assert_int_equal(report.broken_seq, 0);
	assert_int_equal(
		ask(path, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
		0);
}

static inline void execute(const char *path, const char *sql)
{
	char *why = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(db);
}

#endif
