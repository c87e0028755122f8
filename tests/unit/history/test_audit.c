/* audit: which decision an entry of a pool's log tells of: keys that two pools share, logs that
 * began anew, rows of older files. */
#include "tests/unit/history/fixture.h"

#include "history/page.h"

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

/* ---- an own brake that another process heard of first ---- */

#define EVIDENCE \
	"{\"checks\":[{\"n\":3,\"is\":\"false\",\"text\":\"errors 9 % of 5 %\"}]," \
	"\"verdict\":{\"word\":\"WORSE\"}}"

static struct decision guards_brake(const char *id)
{
	struct decision d = make_decision(id, T0);

	d.verb = VERB_ROLLBACK;
	d.from_bp = 1000;
	d.to_bp = 0;
	text_copy(d.role, sizeof d.role, GUARD_ROLE);
	text_copy(d.reason, sizeof d.reason, "guard: errors 9 % of 5 %");
	text_copy(d.evidence, sizeof d.evidence, EVIDENCE);
	return d;
}

/* As a pool tells of it that keeps no reason. */
static struct audit_entry entry_of(const char *id)
{
	struct audit_entry e = make_entry(1, 4, id);

	text_copy(e.what, sizeof e.what, "rollback");
	text_copy(e.actor, sizeof e.actor, "kim@ops1");
	e.to_bp = 0;
	return e;
}

static bool take_last(void *ctx, const struct decision *d)
{
	*(struct decision *)ctx = *d;
	return true;
}

/* What `weir log` reads, and where it follows the file what is news behind a seq. */
static void expect_in_log(const struct place *p, const char *id, int64_t news_seq)
{
	const struct query_filter news = {.news_seq = news_seq, .actor = "kim@ops1"};
	struct decision read[2] = {0};
	struct err err = {0};
	struct query *q;

	assert_int_equal(query_open(&q, p->path, &err), 0);
	assert_int_equal(query_decision(q, id, &read[0], &err), 1);
	assert_int_equal(query_decisions(q, &news, take_last, &read[1], &err), 0);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(read[i].id, id);
		assert_string_equal(read[i].role, GUARD_ROLE);
		assert_string_equal(read[i].reason, "guard: errors 9 % of 5 %");
		assert_string_equal(read[i].evidence, EVIDENCE);
		assert_int_equal(read[i].at_ms, T0);
		assert_int_equal(read[i].epoch, 3);
		assert_int_equal(read[i].rev, 42);
		assert_false(read[i].observed);
		assert_true(read[i].late);
		assert_int_equal(read[i].outcome, OUTCOME_APPLIED);
		assert_true(read[i].seq > 0 && read[i].seq <= news_seq);
	}
	query_close(q);
}

/* What the Journal and the report read. */
static void expect_in_pages(const struct place *p, const char *id)
{
	const struct page_request all = {.known_seq = UNKNOWN, .limit = 9};
	struct page_detail whole;
	struct page_rows rows;
	struct page_file *f;
	struct err err = {0};

	assert_int_equal(page_open(&f, p->path, &err), 0);
	assert_int_equal(page_read(f, &all, &rows, &err), 0);
	assert_int_equal(rows.count, 1);
	assert_string_equal(rows.rows[0].id, id);
	assert_string_equal(rows.rows[0].role, GUARD_ROLE);
	assert_string_equal(rows.rows[0].text, "guard: errors 9 % of 5 %");
	assert_false(rows.rows[0].observed);
	page_rows_release(&rows);
	assert_int_equal(page_read_detail(f, id, 0, &whole, &err), 0);
	assert_true(whole.found);
	assert_string_equal(whole.row.role, GUARD_ROLE);
	assert_int_equal(whole.epoch, 3);
	assert_int_equal(whole.check_count, 1);
	assert_string_equal(whole.checks[0].text, "errors 9 % of 5 %");
	assert_int_equal(whole.fact_count, 1);
	assert_string_equal(whole.facts[0].value, "WORSE");
	assert_int_equal(whole.outcome_count, 2); /* at the node, and the final one */
	page_detail_release(&whole);
	page_close(f);
}

/* It was sent before it was recorded, and the pool's log was read by another process meanwhile.
 * Its own row completes what that one could not know, at once or by a later try, once. */
static void an_own_brake_completes_what_others_heard_of_it(void **state)
{
	struct place p;
	struct snapshot *node = make_node("pool-1", "n-1");

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct decision own = guards_brake("brake");
		const struct audit_entry e = entry_of("brake");
		struct history *h[2];
		int64_t seq;

		place_make(&p);
		h[0] = start_opened(&p, "pat@ops2");
		h[1] = start_opened(&p, "kim@ops1");
		observe(h[0], "checkout", node, &e, 1, NULL);
		seq = ask(p.path, "SELECT max(seq) FROM outcome");
		own.late = i == 1;
		if (i == 2)
			own.pool_id[0] = '\0';
		history_intent(h[1], &own);
		expect_kind(h[1], HISTORY_COMMITTED);
		own.late = true;
		history_intent(h[1], &own);
		expect_kind(h[1], HISTORY_COMMITTED);
		observe(h[0], "checkout", node, &e, 1, NULL);
		settle(h[1]);
		settle(h[0]);
		expect_in_log(&p, "brake", seq);
		expect_in_pages(&p, "brake");
		assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome WHERE kind = 'OWN'"), 1);
		/* the row itself is as it was */
		assert_int_equal(ask(p.path,
							 "SELECT count(*) FROM decision WHERE role = 'operator' AND"
							 " observed = 1 AND evidence = '{}'"),
			1);
		assert_whole(p.path, NULL);
		place_clean(&p);
	}
	free(node);
}

/* What others decided under the same key, and what is recorded already, is completed by nobody. */
static void nothing_else_is_completed(void **state)
{
	struct place p;
	struct snapshot *node = make_node("pool-2", "n-1");
	const struct audit_entry e = entry_of("brake");
	struct decision own = guards_brake("brake");
	struct history *h;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	observe(h, "search", node, &e, 1, NULL);
	for (int i = 0; i < 2; i++) {
		history_intent(h, &own); /* at pool-1, then at none that is known yet */
		expect_kind(h, HISTORY_REFUSED);
		own.pool_id[0] = '\0';
	}
	own = guards_brake("other");
	history_intent(h, &own);
	expect_kind(h, HISTORY_COMMITTED);
	history_intent(h, &own);
	expect_kind(h, HISTORY_REFUSED);
	settle(h);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome WHERE kind = 'OWN'"), 0);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision"), 2);
	free(node);
	place_clean(&p);
}

/* A file may come from anybody: what is no object, or lacks a word, takes nothing away. */
static void a_bad_completion_hides_nothing(void **state)
{
	static const char *const answers[] = {"", "7", "[]", "{\"role\":", "{}", "{\"verb\":null}"};
	struct place p;
	struct snapshot *node = make_node("pool-1", "n-1");
	const struct audit_entry e = entry_of("brake");
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct history *h;
		struct decision d;
		struct query *q;
		char sql[400];

		place_make(&p);
		h = start_opened(&p, "kim@ops1");
		observe(h, "checkout", node, &e, 1, NULL);
		settle(h);
		snprintf(sql, sizeof sql,
			"INSERT INTO outcome SELECT 99, 'brake', 'node', '', 'OWN', 5, NULL, '%s', 1, '', ''"
			" RETURNING seq",
			answers[i]);
		assert_int_equal(ask(p.path, sql), 99);
		assert_int_equal(query_open(&q, p.path, &err), 0);
		assert_int_equal(query_decision(q, "brake", &d, &err), 1);
		assert_int_equal(d.verb, VERB_ROLLBACK);
		assert_string_equal(d.role, "operator");
		assert_string_equal(d.actor, "kim@ops1");
		assert_string_equal(d.evidence, "{}");
		query_close(q);
		place_clean(&p);
	}
	free(node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_that_of_one_pool),
		cmocka_unit_test(an_intent_without_identity_is_found_by_name),
		cmocka_unit_test(a_log_that_began_anew_tells_of_new_decisions),
		cmocka_unit_test(rows_of_older_files_are_recognised),
		cmocka_unit_test(ids_are_of_everything_that_makes_them),
		cmocka_unit_test(an_own_brake_completes_what_others_heard_of_it),
		cmocka_unit_test(nothing_else_is_completed),
		cmocka_unit_test(a_bad_completion_hides_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
