/* audit: which decision an entry of a pool's log tells of: keys that two pools share, logs that
 * began anew, rows of older files. */
#include "tests/unit/history/fixture.h"

static struct snapshot *make_node(const char *pool_id, const char *node_id)
{
	struct snapshot *s = mem_new(1, sizeof *s);

	text_copy(s->pool, sizeof s->pool, "checkout");
	text_copy(s->pool_id, sizeof s->pool_id, pool_id);
	text_copy(s->node, sizeof s->node, node_id);
	text_copy(s->node_id, sizeof s->node_id, node_id);
	return s;
}

static struct audit_entry make_entry(int64_t seq, int64_t epoch, const char *key)
{
	struct audit_entry e = {
		.seq = seq, .from_bp = 1000, .to_bp = 100, .epoch = epoch, .rev = seq, .age_ms = 1000};

	text_copy(e.what, sizeof e.what, key[0] != '\0' ? "step" : "revert");
	text_copy(e.key, sizeof e.key, key);
	text_copy(e.actor, sizeof e.actor, key[0] != '\0' ? "pat@ops2" : POOL_ACTOR);
	return e;
}

/* Tells of entries and gives the id of the first decision that they are. */
static void observe(struct history *h, const char *pool, const struct snapshot *node,
	const struct audit_entry *entries, size_t count, char id[DECISION_ID_MAX])
{
	struct history_answer a;

	history_observed(h, T0 + 5000, pool, node, entries, count);
	wait_kind(h, HISTORY_OBSERVED, &a);
	assert_int_equal(a.decision_count, count);
	if (id != NULL)
		text_copy(id, DECISION_ID_MAX, a.decisions[0].id);
	history_answer_release(&a);
}

/* Two pools that were given one key: an own step at the first, somebody's at the second. */
static void a_key_is_that_of_one_pool(void **state)
{
	struct place p;
	struct snapshot *nodes[] = {
		make_node("pool-1", "n-1"), make_node("pool-2", "n-2"), make_node("pool-2", "n-3")};
	const struct audit_entry e = make_entry(1, 7, "own-1");
	char ids[3][DECISION_ID_MAX];
	struct history *h;
	struct decision own;
	struct query *q;
	struct err err;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	commit(h, "own-1", T0); /* at pool-1 */
	for (int i = 0; i < 3; i++)
		observe(h, i == 0 ? "checkout" : "search", nodes[i], &e, 1, ids[i]);
	assert_string_equal(ids[0], "own-1");
	assert_string_not_equal(ids[1], "own-1");
	assert_string_equal(ids[1], ids[2]); /* one decision, at two nodes */
	observe(h, "search", nodes[1], &e, 1, ids[2]);
	assert_string_equal(ids[1], ids[2]); /* and told twice it is the same */
	settle(h);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision"), 2);
	assert_int_equal(
		ask(p.path, "SELECT count(*) FROM outcome WHERE decision = 'own-1' AND row = 'node'"),
		1);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome WHERE decision <> 'own-1'"), 3);
	assert_int_equal(query_open(&q, p.path, &err), 0);
	assert_int_equal(query_decision(q, "own-1", &own, &err), 1);
	assert_false(own.observed);
	assert_int_equal(own.outcome, OUTCOME_PENDING);
	query_close(q);
	assert_whole(p.path, NULL);
	for (int i = 0; i < 3; i++)
		free(nodes[i]);
	place_clean(&p);
}

/* A brake that was pressed before its pool had answered knows it by name. */
static void an_intent_without_identity_is_found_by_name(void **state)
{
	struct place p;
	struct snapshot *node = make_node("pool-1", "n-1");
	const struct audit_entry e = make_entry(1, 7, "early");
	struct decision d = make_decision("early", T0);
	char id[DECISION_ID_MAX];
	struct history *h;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	d.pool_id[0] = '\0';
	history_intent(h, &d);
	expect_kind(h, HISTORY_COMMITTED);
	observe(h, "checkout", node, &e, 1, id);
	assert_string_equal(id, "early");
	observe(h, "search", node, &e, 1, id);
	assert_string_not_equal(id, "early");
	settle(h);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision"), 2);
	free(node);
	place_clean(&p);
}

/* A pool that lost its log counts anew: what it does by itself then is another decision. */
static void a_log_that_began_anew_tells_of_new_decisions(void **state)
{
	struct place p;
	struct snapshot *node = make_node("pool-1", "n-1");
	const struct audit_entry before[] = {make_entry(1, 7, ""), make_entry(2, 8, "")};
	const struct audit_entry after[] = {make_entry(1, 900, ""), make_entry(2, 901, "")};
	struct history *h[2];

	(void)state;
	place_make(&p);
	h[0] = start_opened(&p, "kim@ops1");
	h[1] = start_opened(&p, "rec@ops1");
	for (int i = 0; i < 4; i++) {
		observe(h[i % 2], "checkout", node, before, 2, NULL);
		observe(h[i % 2], "checkout", node, after, 2, NULL);
	}
	settle(h[0]);
	settle(h[1]);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision"), 4);
	assert_int_equal(ask(p.path, "SELECT count(DISTINCT epoch) FROM decision"), 4);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome"), 8);
	assert_whole(p.path, NULL);
	free(node);
	place_clean(&p);
}

/* Rows of a file that was written before epochs were part of the id: known, not doubled; an
 * entry of another epoch under the same number is another decision. */
static void rows_of_older_files_are_recognised(void **state)
{
	struct place p;
	struct snapshot *node = make_node("pool-1", "n-1");
	const struct audit_entry old = make_entry(5, 7, ""), new = make_entry(5, 900, "");
	struct decision d;
	char id[DECISION_ID_MAX], seen[DECISION_ID_MAX];
	struct history *h;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	chain_observed_id(id, "pool-1", "n-1", 5);
	assert_true(decision_observe(&d, "checkout", "pool-1", &old, id, T0));
	history_intent(h, &d);
	expect_kind(h, HISTORY_COMMITTED);
	observe(h, "checkout", node, &old, 1, seen);
	assert_string_equal(seen, id);
	observe(h, "checkout", node, &new, 1, seen);
	assert_string_not_equal(seen, id);
	observe(h, "checkout", node, &old, 1, seen);
	assert_string_equal(seen, id);
	settle(h);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision"), 2);
	free(node);
	place_clean(&p);
}

static void ids_are_of_everything_that_makes_them(void **state)
{
	char a[POOL_ID_MAX], b[POOL_ID_MAX];

	(void)state;
	chain_entry_id(a, "p", "n", 3, 7);
	assert_int_equal(strlen(a), 34);
	assert_memory_equal(a, "o-", 2);
	chain_entry_id(b, "p", "n", 3, 7);
	assert_string_equal(a, b);
	chain_entry_id(b, "p", "n", 4, 7);
	assert_string_not_equal(a, b);
	chain_entry_id(b, "p", "n", 3, 8);
	assert_string_not_equal(a, b);
	chain_entry_id(b, "p", "n", 37, 7);
	assert_string_not_equal(a, b);
	chain_entry_id(b, "pn", "", 3, 7);
	assert_string_not_equal(a, b);
	chain_entry_id(b, "p", "n", UNKNOWN, 7);
	assert_string_not_equal(a, b);
	chain_observed_id(b, "p", "n", 7);
	assert_string_not_equal(a, b);
	chain_shared_key_id(a, "p", "k");
	chain_shared_key_id(b, "q", "k");
	assert_string_not_equal(a, b);
	chain_shared_key_id(b, "p", "l");
	assert_string_not_equal(a, b);
	chain_shared_key_id(b, "p", "k");
	assert_string_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_that_of_one_pool),
		cmocka_unit_test(an_intent_without_identity_is_found_by_name),
		cmocka_unit_test(a_log_that_began_anew_tells_of_new_decisions),
		cmocka_unit_test(rows_of_older_files_are_recognised),
		cmocka_unit_test(ids_are_of_everything_that_makes_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
