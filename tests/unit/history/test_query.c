/* query: filters over decisions, events, hostile texts. */
#include "tests/unit/history/fixture.h"

static struct place place;

static int set_up(void **state)
{
	static const char *const actors[] = {"kim@ops1", "pat@ops2"};
	struct history *h;
	char id[32];

	(void)state;
	place_make(&place);
	h = start_opened(&place, "kim@ops1");
	for (int i = 0; i < 10; i++) {
		struct decision d;
		struct outcome_row row;

		snprintf(id, sizeof id, "d-%d", i);
		d = make_decision(id, T0 + i * 1000);
		text_copy(d.actor, sizeof d.actor, actors[i % 2]);
		text_copy(d.pool, sizeof d.pool, i < 8 ? "checkout" : "search");
		d.verb = i == 5 ? VERB_ROLLBACK : VERB_STEP;
		if (i == 6) {
			d.from_bp = -1;
			d.epoch = UNKNOWN;
			text_copy(d.reason, sizeof d.reason, "red \x1b[31m bell \a");
		}
		history_intent(h, &d);
		expect_kind(h, HISTORY_COMMITTED);
		row = make_outcome(id, OUTCOME_ROW_FINAL,
			i % 3 == 0 ? OUTCOME_REFUSED : OUTCOME_APPLIED, T0 + i * 1000 + 100);
		history_outcome(h, &row);
	}
	history_event(h, T0 + 1, "checkout", "drift", "it moved \x1b[0m", "{\"to_bp\":3}");
	history_event(h, T0 + 2, "search", "restart", "it restarted", NULL);
	settle(h);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	place_clean(&place);
	return 0;
}

struct found {
	char ids[100];
	struct decision last;
	int stop_after;
};

static bool collect(void *ctx, const struct decision *d)
{
	struct found *f = ctx;
	const size_t len = strlen(f->ids);

	snprintf(f->ids + len, sizeof f->ids - len, "%s", d->id + 2);
	f->last = *d;
	return f->stop_after == 0 || (int)strlen(f->ids) < f->stop_after;
}

static void filters_choose(void **state)
{
	const struct {
		struct query_filter filter;
		const char *ids;
	} cases[] = {
		{{0}, "0123456789"},
		{{.pool = "search"}, "89"},
		{{.actor = "pat@ops2"}, "13579"},
		{{.verb = VERB_ROLLBACK + 1}, "5"},
		{{.outcome = "REFUSED"}, "0369"},
		{{.since_ms = T0 + 2000, .until_ms = T0 + 4000}, "23"},
		{{.last = 3}, "789"},
		{{.last = 2, .outcome = "REFUSED"}, "69"},
		{{.last = 2, .pool = "checkout", .actor = "kim@ops1"}, "46"},
		{{.last = 50}, "0123456789"},
		{{.pool = "nobody"}, ""},
		/* an outcome behind `until` is not known yet */
		{{.until_ms = T0 + 3050, .outcome = "PENDING"}, "3"},
	};
	struct query *q;
	struct err err;

	(void)state;
	assert_int_equal(query_open(&q, place.path, &err), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct found f = {0};

		assert_int_equal(query_decisions(q, &cases[i].filter, collect, &f, &err), 0);
		assert_string_equal(f.ids, cases[i].ids);
	}
	struct found f = {.stop_after = 4};
	const struct query_filter all = {0};
	assert_int_equal(query_decisions(q, &all, collect, &f, &err), 0);
	assert_string_equal(f.ids, "0123");
	const struct query_filter after = {.after_seq = f.last.seq};
	f = (struct found){0};
	assert_int_equal(query_decisions(q, &after, collect, &f, &err), 0);
	assert_string_equal(f.ids, "456789");
	query_close(q);
}

static void everything_of_a_decision_comes_back(void **state)
{
	struct query *q;
	struct err err;
	struct decision d;

	(void)state;
	assert_int_equal(query_open(&q, place.path, &err), 0);
	assert_int_equal(query_decision(q, "d-6", &d, &err), 1);
	assert_int_equal(d.from_bp, -1);
	assert_int_equal(d.to_bp, 1000);
	assert_int_equal(d.epoch, UNKNOWN);
	assert_int_equal(d.rev, 42);
	assert_int_equal(d.outcome, OUTCOME_REFUSED);
	assert_int_equal(d.outcome_ms, T0 + 6100);
	assert_int_equal(d.latency_ms, 12);
	assert_int_equal(d.verified_ms, UNKNOWN);
	assert_string_equal(d.reason, "red ^[[31m bell ^G");
	assert_string_equal(d.evidence, "{\"predicates\":14}");
	assert_int_equal(strlen(d.hash), 64);
	assert_int_equal(query_decision(q, "d-99", &d, &err), 0);
	query_close(q);
}

static bool see_event(void *ctx, const struct query_event *e)
{
	struct text *t = ctx;

	text_addf(
		t, "%s/%s/%s/%s;", e->pool, e->kind, e->text, e->detail != NULL ? e->detail : "-");
	return true;
}

static void events_are_cleaned_and_chosen(void **state)
{
	struct query *q;
	struct err err;
	struct text t = {0};

	(void)state;
	assert_int_equal(query_open(&q, place.path, &err), 0);
	assert_int_equal(query_events(q, "checkout", NULL, 0, 0, see_event, &t, &err), 0);
	assert_string_equal(text_str(&t), "checkout/drift/it moved ^[[0m/{\"to_bp\":3};");
	text_clear(&t);
	assert_int_equal(query_events(q, NULL, "restart", 0, 0, see_event, &t, &err), 0);
	assert_string_equal(text_str(&t), "search/restart/it restarted/-;");
	text_clear(&t);
	assert_int_equal(query_events(q, NULL, NULL, T0 + 2, T0 + 2, see_event, &t, &err), 0);
	assert_string_equal(text_str(&t), "");
	text_free(&t);
	query_close(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_choose),
		cmocka_unit_test(everything_of_a_decision_comes_back),
		cmocka_unit_test(events_are_cleaned_and_chosen),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
