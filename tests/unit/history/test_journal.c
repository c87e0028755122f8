/* journal: what a transaction costs in a history that has grown. */
#include "tests/unit/history/fixture.h"

#include "history/journal.h"

static void add_events(struct journal *j, int count)
{
	struct journal_event e = {.at_ms = T0, .recording = UNKNOWN, .tick = UNKNOWN};
	struct err err;

	text_copy(e.kind, sizeof e.kind, "note");
	for (int i = 0; i < count; i++)
		assert_int_equal(journal_event(j, &e, &err), SCHEMA_OK);
}

/* Steps of the database's machine that the connection's statements have taken since the last
 * look. */
static int64_t steps(struct journal *j)
{
	int64_t sum = 0;

	for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(j->db, s)) != NULL;)
		sum += sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 1);
	return sum;
}

static int64_t steps_of_a_transaction(struct journal *j, int events)
{
	struct err err;

	steps(j);
	assert_int_equal(journal_begin(j, &err), SCHEMA_OK);
	const int64_t taken = steps(j);
	add_events(j, events);
	assert_int_equal(journal_commit(j, &err), SCHEMA_OK);
	return taken;
}

/* Everybody who shares the file waits for the lock meanwhile. */
static void a_transaction_begins_as_soon_behind_many_rows_as_behind_few(void **state)
{
	struct place p;
	struct journal j;
	struct err err;

	(void)state;
	place_make(&p);
	assert_int_equal(journal_open(&j, p.path, "kim@ops1", p.keys, true, &err), 0);
	steps_of_a_transaction(&j, 1);
	const int64_t few = steps_of_a_transaction(&j, 500);
	assert_true(few > 0);
	assert_int_equal(steps_of_a_transaction(&j, 0), few);
	assert_int_equal(j.seq, 501);
	journal_close(&j);
	assert_whole(p.path, NULL);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_transaction_begins_as_soon_behind_many_rows_as_behind_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
