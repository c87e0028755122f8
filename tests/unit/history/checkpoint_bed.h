/* Checkpoint bed: a history whose checkpoints are looked at. */
#ifndef WEIR_TESTS_UNIT_HISTORY_CHECKPOINT_BED_H
#define WEIR_TESTS_UNIT_HISTORY_CHECKPOINT_BED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/history/fixture.h"
#include "history/checkpoint.h"
#include "history/inspection.h"
#include "history/proof.h"
#include "history/trail.h"

#include <fcntl.h>

static inline void put_sample(struct history *h, const char *node_id, int64_t tick)
{
	struct history_sample s = {.pool_id = "pool-1", .tick = tick};
	struct histogram *latency = mem_new(1, sizeof *latency);

	text_copy(s.node_id, sizeof s.node_id, node_id);
	s.sample.at = (struct instant){tick, T0 + tick}; /* or they would be a backlog */
	s.sample.interval_ms = 1000;
	for (int a = 0; a < ARM_COUNT; a++) {
		struct arm_sample *arm = &s.sample.arms[a];

		arm->requests = 100 + tick;
		arm->ok = arm->requests - 1;
		arm->failed[FAILURE_REFUSED] = 1;
		arm->memory_bytes = UNKNOWN;
		arm->p99_us = 1200 + a;
		s.latency[a] = latency;
	}
	histogram_add(latency, 1000, 100 + tick);
	history_sample(h, &s);
	free(latency);
}

static inline void begin(struct history *h)
{
	history_recording(h, T0, 1000, "0.1", "ops1", "{}", "{}");
}

static inline struct chain_report verified(const char *path, const char *head)
{
	struct chain_report report;
	struct err err = {0};

	if (chain_verify(&report, path, head, NULL, NULL, &err) != 0)
		fail_msg("W%d %s", err.code, err.text);
	assert_true(report.broken_seq == 0 || report.why[0] != '\0');
	return report;
}

static inline void edit(const char *path, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, DEADLINE_MS); /* a recorder may be writing */
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

#endif
