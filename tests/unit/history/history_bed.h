/* History bed: what a pool says that a history keeps. */
#ifndef WEIR_TESTS_UNIT_HISTORY_HISTORY_BED_H
#define WEIR_TESTS_UNIT_HISTORY_HISTORY_BED_H

#include "tests/unit/history/fixture.h"

#include "history/lock.h"

#include <signal.h>
#include <sys/resource.h>

static inline struct snapshot *make_snapshot(const char *node_id)
{
	struct snapshot *s = mem_new(1, sizeof *s);

	text_copy(s->pool, sizeof s->pool, "checkout");
	text_copy(s->pool_id, sizeof s->pool_id, "pool-1");
	text_copy(s->node, sizeof s->node, node_id);
	text_copy(s->node_id, sizeof s->node_id, node_id);
	text_copy(s->boot_id, sizeof s->boot_id, "boot-1");
	s->audit_seq = UNKNOWN;
	return s;
}

static inline void expect_raise(struct history *h, struct decision d, enum err_code code)
{
	struct history_answer a;

	history_intent(h, &d);
	wait_kind(h, code == ERR_NONE ? HISTORY_COMMITTED : HISTORY_REFUSED, &a);
	assert_string_equal(a.id, d.id);
	assert_int_equal(a.err.code, code);
	history_answer_release(&a);
}

static inline struct audit_entry make_entry(int64_t seq, const char *key)
{
	struct audit_entry e = {
		.seq = seq, .from_bp = 0, .to_bp = 100, .epoch = 1, .rev = seq, .age_ms = 1000};

	text_copy(e.what, sizeof e.what, "step");
	text_copy(e.key, sizeof e.key, key);
	text_copy(e.actor, sizeof e.actor, key[0] != '\0' ? "pat@ops2" : "pool");
	return e;
}

#endif
