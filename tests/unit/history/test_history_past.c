/* history: what it is asked of the past: identities, names, cursors, what is loaded, heads and rows by
 * their hash. */
#include "tests/unit/history/history_bed.h"

static void identities_are_pinned(void **state)
{
	struct place p;
	struct history *h;
	struct snapshot *s = make_snapshot("n-1");

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	history_node(h, T0, s->pool, s, "http://a", "http");
	text_copy(s->pool_id, sizeof s->pool_id, "another");
	text_copy(s->node_id, sizeof s->node_id, "another");
	history_node(h, T0 + 9, s->pool, s, "http://a", "http");
	settle(h);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM pool WHERE pool_id = 'pool-1'"
						 " AND first_seen_ms = 1800000000000 AND last_seen_ms = 1800000000009"),
		1);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM node WHERE node_id = 'n-1'"), 1);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM node"), 1);
	free(s);
	place_clean(&p);
}

static bool count_pool(void *ctx, const struct decision *d)
{
	assert_string_equal(d->pool, "checkout");
	++*(int *)ctx;
	return true;
}

/* What the pool calls itself is its own affair. */
static void a_pool_has_the_name_it_is_known_by(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct query *q;
	struct err err;
	struct snapshot *s = make_snapshot("n-1");
	const struct audit_entry entries[] = {make_entry(1, "other-1"), make_entry(2, "other-2")};
	const struct query_filter checkout = {.pool = "checkout"}, shop = {.pool = "shop"};
	int n = 0;

	(void)state;
	place_make(&p);
	text_copy(s->pool, sizeof s->pool, "shop");
	h = start_opened(&p, "kim@ops1");
	commit(h, "own-1", T0);
	history_node(h, T0, "checkout", s, "http://a", "http");
	history_observed(h, T0 + 5000, "checkout", s, entries, 2);
	expect_kind(h, HISTORY_OBSERVED);
	/* Another pool at the address, by the same name for itself: the first stays. */
	text_copy(s->pool_id, sizeof s->pool_id, "another");
	history_node(h, T0 + 6000, "checkout", s, "http://a", "http");
	settle(h);
	h = start_opened(&p, "kim@ops1");
	history_load(h, "checkout", 10);
	wait_kind(h, HISTORY_LOADED, &a);
	assert_string_equal(a.pool_id, "pool-1");
	assert_int_equal(a.decision_count, 3);
	assert_int_equal(a.node_count, 1);
	assert_int_equal(a.nodes[0].audit_seq, 2);
	history_answer_release(&a);
	history_load(h, "shop", 10);
	wait_kind(h, HISTORY_LOADED, &a);
	assert_string_equal(a.pool_id, "");
	assert_int_equal(a.decision_count + a.node_count, 0);
	history_answer_release(&a);
	settle(h);
	assert_int_equal(query_open(&q, p.path, &err), 0);
	assert_int_equal(query_decisions(q, &checkout, count_pool, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_int_equal(query_decisions(q, &shop, count_pool, &n, &err), 0);
	assert_int_equal(n, 3);
	query_close(q);
	free(s);
	place_clean(&p);
}

/* A pool without memory counts its entries from 1 again: the cursor follows it back. */
static void a_cursor_goes_back_with_its_log(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct snapshot *s = make_snapshot("n-1");
	const struct audit_entry before = make_entry(9, "other-9"),
							 after = make_entry(2, "other-2");

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	history_node(h, T0, "checkout", s, "http://a", "http");
	history_observed(h, T0 + 1000, "checkout", s, &before, 1);
	expect_kind(h, HISTORY_OBSERVED);
	history_observed(h, T0 + 2000, "checkout", s, &after, 1);
	expect_kind(h, HISTORY_OBSERVED);
	settle(h);
	h = start_opened(&p, "kim@ops1");
	history_load(h, "checkout", 10);
	wait_kind(h, HISTORY_LOADED, &a);
	assert_int_equal(a.decision_count, 2);
	assert_int_equal(a.nodes[0].audit_seq, 2);
	history_answer_release(&a);
	settle(h);
	free(s);
	place_clean(&p);
}

static void a_past_that_cannot_be_read_is_refused(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	char away[200];

	(void)state;
	place_make(&p);
	snprintf(away, sizeof away, "%s.away", p.path);
	h = start_opened(&p, "kim@ops1");
	assert_int_equal(rename(p.path, away), 0);
	history_load(h, "checkout", 10);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_REFUSED);
	assert_string_equal(a.id, "checkout");
	assert_int_not_equal(a.err.code, ERR_NONE);
	assert_int_equal(a.decision_count, 0);
	history_answer_release(&a);
	assert_int_equal(rename(away, p.path), 0);
	/* The next who asks is answered. */
	history_load(h, "checkout", 10);
	expect_kind(h, HISTORY_LOADED);
	settle(h);
	place_clean(&p);
}

static void load_gives_the_last_and_the_open(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct outcome_row row;
	char id[32];

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof id, "d-%d", i);
		commit(h, id, T0 + i);
		row = make_outcome(id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + i);
		if (i != 2) /* d-2 stays open */
			history_outcome(h, &row);
	}
	commit(h, "last", T0 + 20);
	settle(h); /* an intent overtakes rows about others */
	h = start_opened(&p, "kim@ops1");
	history_load(h, "checkout", 3);
	wait_kind(h, HISTORY_LOADED, &a);
	assert_string_equal(a.id, "checkout");
	assert_int_equal(a.decision_count, 4);
	assert_string_equal(a.decisions[0].id, "d-2");
	assert_string_equal(a.decisions[1].id, "d-8");
	assert_int_equal(a.decisions[1].outcome, OUTCOME_APPLIED);
	assert_string_equal(a.decisions[3].id, "last");
	assert_string_equal(a.decisions[3].reason, "because");
	history_answer_release(&a);
	history_load(h, "nobody", 3);
	wait_kind(h, HISTORY_LOADED, &a);
	assert_int_equal(a.decision_count, 0);
	assert_string_equal(a.pool_id, "");
	history_answer_release(&a);
	settle(h);
	place_clean(&p);
}

/* The end of the recording and its checkpoint are rows, too: what is said at the end counts them;
 * who only opened the file has no part in it. */
static void the_last_head_is_known(void **state)
{
	struct place p;
	struct history *h;
	struct history_chain chain, again;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	history_chain(h, &chain);
	assert_int_equal(chain.rows, 0);
	assert_string_equal(chain.head, "");
	assert_false(chain.wrote);
	history_recording(h, T0, 1000, "1", "ops1", NULL, NULL);
	commit(h, "d-1", T0 + 1);
	assert_true(history_settle(h, DEADLINE_MS));
	history_chain(h, &chain);
	assert_true(chain.wrote);
	assert_int_equal(chain.rows,
		ask(p.path,
			"SELECT max(seq) FROM (SELECT seq FROM decision UNION ALL SELECT seq"
			" FROM recording UNION ALL SELECT seq FROM event)"));
	assert_int_equal(
		ask(p.path, "SELECT kind = 'end' FROM event ORDER BY seq DESC LIMIT 1"), 1);
	assert_int_equal(history_stop(h, 0), 0);
	assert_whole(p.path, chain.head);
	h = start_opened(&p, "kim@ops1");
	assert_true(history_settle(h, DEADLINE_MS));
	history_chain(h, &again);
	assert_false(again.wrote);
	assert_int_equal(again.rows, chain.rows);
	assert_string_equal(again.head, chain.head);
	assert_int_equal(history_stop(h, 0), 0);
	place_clean(&p);
}

static void expect_found(struct history *h, const char *hash, int64_t seq)
{
	struct history_answer a;

	history_find(h, hash);
	wait_kind(h, HISTORY_FOUND, &a);
	assert_string_equal(a.id, hash);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_true(a.seq == seq);
	history_answer_release(&a);
}

/* Any row of the chain is found by its hash, in whichever table it is. */
static void a_row_is_found_by_its_hash(void **state)
{
	struct place p;
	struct history *h;
	struct history_chain chain[2];
	struct outcome_row row = make_outcome("d-1", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 2);
	static const char none[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	commit(h, "d-1", T0 + 1);
	history_chain(h, &chain[0]);
	history_outcome(h, &row);
	commit(h, "d-2", T0 + 3);
	assert_int_equal(history_stop(h, DEADLINE_MS), 0);
	h = start_opened(&p, "kim@ops1");
	history_recording(h, T0 + 4, 1000, "1", "ops1", NULL, NULL);
	commit(h, "d-3", T0 + 5);
	history_event(h, T0 + 6, "checkout", "note", "text", NULL);
	commit(h, "d-4", T0 + 7);
	history_chain(h, &chain[1]);
	expect_found(h, chain[0].head, 1);
	expect_found(h, chain[1].head, chain[1].rows);
	expect_found(h, none, UNKNOWN);
	expect_found(h, "", UNKNOWN);
	expect_found(h, "'; DROP TABLE decision", UNKNOWN);
	/* intents go before the other rows */
	assert_int_equal(history_stop(h, DEADLINE_MS), 0);
	h = start_opened(&p, "kim@ops1");
	static const char *const tables[] = {"outcome", "recording", "event"};
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		char sql[80], hash[POOL_HASH_MAX];
		sqlite3 *db;
		sqlite3_stmt *s;

		snprintf(sql, sizeof sql, "SELECT hash, seq FROM %s ORDER BY seq LIMIT 1", tables[i]);
		assert_int_equal(sqlite3_open_v2(p.path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_step(s), SQLITE_ROW);
		text_copy(hash, sizeof hash, (const char *)sqlite3_column_text(s, 0));
		const int64_t seq = sqlite3_column_int64(s, 1);

		sqlite3_finalize(s);
		sqlite3_close(db);
		expect_found(h, hash, seq);
	}
	assert_int_equal(history_stop(h, DEADLINE_MS), 0);
	place_clean(&p);
}

/* Where there is no file nothing is known of it, not even what is missing. */
static void without_a_file_nothing_is_found(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;

	(void)state;
	place_make(&p);
	assert_int_equal(mkdir(p.path, 0700), 0);
	h = start(&p, "kim@ops1");
	history_find(h, "00");
	wait_kind(h, HISTORY_FOUND, &a);
	assert_string_equal(a.id, "00");
	assert_int_not_equal(a.err.code, ERR_NONE);
	history_answer_release(&a);
	history_stop(h, DEADLINE_MS);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identities_are_pinned),
		cmocka_unit_test(a_pool_has_the_name_it_is_known_by),
		cmocka_unit_test(a_cursor_goes_back_with_its_log),
		cmocka_unit_test(a_past_that_cannot_be_read_is_refused),
		cmocka_unit_test(load_gives_the_last_and_the_open),
		cmocka_unit_test(the_last_head_is_known),
		cmocka_unit_test(a_row_is_found_by_its_hash),
		cmocka_unit_test(without_a_file_nothing_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
