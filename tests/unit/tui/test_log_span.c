/* What a log is about: moments, names that the history lacks, and what is new in it. */
#include "tests/unit/history/fixture.h"

#include "tui/span.h"

static struct place place;

static int set_up(void **state)
{
	(void)state;
	place_make(&place);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	place_clean(&place);
	return 0;
}

static void moments_are_read(void **state)
{
	static const char *const wrong[] = {"", "yesterday", "12", "-1h", "2026-11-21", "1h ago"};
	struct err err;
	int64_t at_ms = 7, later_ms = 7;

	(void)state;
	assert_int_equal(span_read("since", NULL, &at_ms, &err), 0);
	assert_int_equal(at_ms, 7);
	assert_int_equal(span_read("since", "2027-01-15T08:00:00Z", &at_ms, &err), 0);
	assert_int_equal(at_ms, T0);
	assert_int_equal(span_read("since", "2h", &at_ms, &err), 0);
	assert_int_equal(span_read("until", "1h", &later_ms, &err), 0);
	assert_in_range(later_ms - at_ms, 3600000, 3600000 + DEADLINE_MS);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(span_read("until", wrong[i], &at_ms, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_non_null(strstr(err.text, "--until '"));
	}
}

struct found {
	char ids[200];
	enum outcome_kind last;
};

static bool collect(void *ctx, const struct decision *d)
{
	struct found *f = ctx;
	const size_t len = strlen(f->ids);

	snprintf(f->ids + len, sizeof f->ids - len, "%s ", d->id);
	f->last = d->outcome;
	return true;
}

/* What is new behind `*seq`, by a reading of its own, as the log follows. */
static struct found news(struct query_filter f, int64_t *seq)
{
	struct found found = {.ids = ""};
	struct query *q;
	struct err err;

	f.news_seq = *seq;
	assert_int_equal(query_open(&q, place.path, &err), 0);
	assert_int_equal(query_news(q, &f, seq, collect, &found, &err), 0);
	query_close(q);
	return found;
}

static void tell(struct history *h, enum outcome_row_kind row)
{
	const struct outcome_row r = make_outcome("d-1", row, OUTCOME_APPLIED, T0 + 3);

	const int64_t until = clock_monotonic_ms() + DEADLINE_MS;

	history_outcome(h, &r);
	while (ask(place.path, "SELECT count(*) FROM outcome") <= (int64_t)row)
		assert_true(clock_monotonic_ms() < until);
}

static void a_decision_is_news_again_with_its_outcome(void **state)
{
	const struct query_filter of_d = {.before_ms = T0 + 1}, applied = {.outcome = "APPLIED"};
	struct history *h = start_opened(&place, "kim@ops1");
	struct found f;
	int64_t seq = 0, other = 0;

	(void)state;
	commit(h, "d-1", T0);
	f = news(of_d, &seq);
	assert_string_equal(f.ids, "d-1 ");
	assert_int_equal(f.last, OUTCOME_PENDING);
	assert_string_equal(news(of_d, &seq).ids, "");
	assert_string_equal(news(applied, &other).ids, "");
	tell(h, OUTCOME_ROW_NODE); /* one node's word is not yet the pool's */
	assert_string_equal(news(of_d, &seq).ids, "");
	tell(h, OUTCOME_ROW_FINAL);
	f = news(of_d, &seq);
	assert_string_equal(f.ids, "d-1 ");
	assert_int_equal(f.last, OUTCOME_APPLIED);
	assert_string_equal(news(applied, &other).ids, "d-1 ");
	tell(h, OUTCOME_ROW_VERIFIED);
	assert_string_equal(news(of_d, &seq).ids, "d-1 ");
	assert_string_equal(news(of_d, &seq).ids, "");
	settle(h);
}

static bool join(void *ctx, const char *word)
{
	char *all = ctx;
	const size_t len = strlen(all);

	snprintf(all + len, 200 - len, "%s ", word);
	return strcmp(word, "pat@ops2") != 0;
}

static void names_are_those_of_the_history(void **state)
{
	struct history *h = start_opened(&place, "kim@ops1");
	char pools[200] = "", actors[200] = "";
	struct decision d = make_decision("d-2", T0);
	struct query *q;
	struct err err;

	(void)state;
	commit(h, "d-1", T0);
	text_copy(d.pool, sizeof d.pool, "search\x1b[2J");
	text_copy(d.actor, sizeof d.actor, "pat@ops2");
	history_intent(h, &d);
	expect_kind(h, HISTORY_COMMITTED);
	text_copy(d.id, sizeof d.id, "d-3");
	text_copy(d.actor, sizeof d.actor, "zoe@ops3");
	history_intent(h, &d);
	expect_kind(h, HISTORY_COMMITTED);
	settle(h);
	assert_int_equal(query_open(&q, place.path, &err), 0);
	assert_int_equal(query_words(q, QUERY_POOL, join, pools, &err), 0);
	assert_string_equal(pools, "checkout search^[[2J ");
	assert_int_equal(query_words(q, QUERY_ACTOR, join, actors, &err), 0);
	assert_string_equal(actors, "kim@ops1 pat@ops2 "); /* and stops where it is told to */
	assert_int_equal(span_doubt(q, NULL, NULL, &err), 0);
	assert_int_equal(span_doubt(q, "checkout", "kim@ops1", &err), 0);
	query_close(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(moments_are_read),
		TEST(a_decision_is_news_again_with_its_outcome),
		TEST(names_are_those_of_the_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
