/* page: the stream of decisions and events, filters, paging back, what became of a row, one of
 * them whole; through the reader thread too. Hostile texts and rows of others. */
#include "tests/unit/history/fixture.h"

#include "history/page.h"

static struct place place;

#define HOSTILE \
	"{\"checks\":[{\"n\":1,\"is\":\"ho\\u001b[31mlds\",\"text\":\"x\"},7]," \
	"\"deep\":{\"a_bp\":[100,null]},\"on\":true,\"note\":\"\\u202ex\"}"

static void add(struct history *h, const struct decision *d)
{
	history_intent(h, d);
	expect_kind(h, HISTORY_COMMITTED);
}

static void conclude(struct history *h, const char *id, enum outcome_row_kind row,
	enum outcome_kind kind, int64_t at_ms)
{
	struct outcome_row r = make_outcome(id, row, kind, at_ms);

	if (row == OUTCOME_ROW_VERIFIED)
		text_copy(r.answer, sizeof r.answer, "3/3");
	history_outcome(h, &r);
}

/* d-0 applied and seen, d-1 refused, d-2 open, d-3 a rollback that is not seen, d-4 of another
 * pool and person; between them three events, one of which is no news. */
static int set_up(void **state)
{
	static const enum verb verbs[] = {
		VERB_STEP, VERB_STEP, VERB_STEP, VERB_ROLLBACK, VERB_ANNOTATE};
	struct history *h;

	(void)state;
	place_make(&place);
	h = start_opened(&place, "kim@ops1");
	for (int i = 0; i < 5; i++) {
		const char id[] = {'d', '-', (char)('0' + i), 0};
		struct decision d = make_decision(id, T0 + i * 100000);

		d.verb = verbs[i];
		if (i == 0)
			text_copy(d.evidence, sizeof d.evidence, HOSTILE);
		if (i == 4) {
			text_copy(d.pool, sizeof d.pool, "search");
			text_copy(d.actor, sizeof d.actor, "pat@ops2");
			text_copy(d.reason, sizeof d.reason, PAGE_NOTE_RE "d-0: looks \x1b[31mgood");
		}
		add(h, &d);
	}
	conclude(h, "d-0", OUTCOME_ROW_NODE, OUTCOME_APPLIED, T0 + 300);
	conclude(h, "d-0", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 400);
	conclude(h, "d-0", OUTCOME_ROW_VERIFIED, OUTCOME_APPLIED, T0 + 900);
	conclude(h, "d-1", OUTCOME_ROW_FINAL, OUTCOME_REFUSED, T0 + 100400);
	conclude(h, "d-3", OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + 300400);
	history_event(h, T0 + 500000, "checkout", "guard", "errors 6 % of 5 %", "{\"n\":12}");
	history_event(h, T0 + 500001, "search", "restart", "it restarted \x1b[0m", NULL);
	history_event(h, T0 + 500002, "", "clock_jump", "the wall clock jumped", NULL);
	history_event(h, T0 + 500003, "checkout", "state", "the document changed", "{}");
	settle(h);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	place_clean(&place);
	return 0;
}

static struct page_file *open_pages(void)
{
	struct page_file *f = NULL;
	struct err err = {0};

	if (page_open(&f, place.path, &err) < 0)
		fail_msg("W%d %s", err.code, err.text);
	return f;
}

/* What a page has, as one string: ids of decisions, kinds of events. */
static void names(const struct page_rows *p, struct text *out)
{
	text_clear(out);
	for (size_t i = 0; i < p->count; i++)
		text_addf(out, "%s%s", i > 0 ? " " : "",
			p->rows[i].is_event ? p->rows[i].what : p->rows[i].id);
}

#define NOW (T0 + 1000000)

static struct page_request request(size_t limit)
{
	return (struct page_request){
		.number = 9, .known_seq = UNKNOWN, .limit = limit, .filter = {.now_ms = NOW}};
}

static void assert_page(const struct page_request *what, const char *expected)
{
	struct page_file *f = open_pages();
	struct page_rows p;
	struct err err = {0};
	struct text t = {0};

	assert_int_equal(page_read(f, what, &p, &err), 0);
	names(&p, &t);
	assert_string_equal(text_str(&t), expected);
	assert_int_equal(p.number, 9);
	text_free(&t);
	page_rows_release(&p);
	page_close(f);
}

static void filters_choose(void **state)
{
	static const struct {
		struct page_filter filter;
		const char *rows;
	} cases[] = {
		{{.text = ""}, "clock_jump restart guard d-4 d-3 d-2 d-1 d-0"},
		/* what is of no pool is of all of them */
		{{.pool = "checkout"}, "clock_jump guard d-3 d-2 d-1 d-0"},
		{{.pool = "check"}, "clock_jump"},
		{{.named = "check"}, "guard d-3 d-2 d-1 d-0"},
		{{.actor = "pat"}, "d-4"},
		{{.actor = "pat@ops2"}, "d-4"},
		{{.actor = "pa"}, ""},
		{{.what = "ST"}, "d-2 d-1 d-0"},
		{{.what = "guard"}, "guard"},
		{{.what = "clock-j"}, "clock_jump"},
		{{.fate = "unres"}, "d-2"},
		{{.fate = "UNVER"}, "d-3"},
		{{.fate = "verified"}, "d-0"},
		{{.fate = "ref"}, "d-1"},
		{{.fate = "not"}, ""},
		{{.text = "6 % OF"}, "guard"},
		{{.text = "ops2"}, "d-4"},
		{{.text = "d-2"}, "d-2"},
		{{.text = "nowhere"}, ""},
		{{.since_ms = T0 + 300000, .until_ms = T0 + 500001}, "guard d-4 d-3"},
		{{.pool = "checkout", .actor = "kim", .what = "step", .fate = "VERIFIED"}, "d-0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct page_request what = request(50);

		what.filter = cases[i].filter;
		what.filter.now_ms = NOW;
		assert_page(&what, cases[i].rows);
	}
}

/* In a replay nothing is known that came later. */
static void what_came_later_is_not_known(void **state)
{
	struct page_request what = request(50);
	struct page_file *f = open_pages();
	struct page_rows p;
	struct err err;

	(void)state;
	what.filter.until_ms = T0 + 100100;
	what.filter.now_ms = T0 + 100100;
	assert_int_equal(page_read(f, &what, &p, &err), 0);
	assert_int_equal(p.count, 2);
	assert_string_equal(p.rows[0].id, "d-1");
	assert_int_equal(page_fate(&p.rows[0], T0 + 100100), PAGE_UNDER_WAY);
	assert_int_equal(page_fate(&p.rows[1], T0 + 100100), PAGE_VERIFIED);
	page_rows_release(&p);
	what.filter.until_ms = T0 + 500;
	assert_int_equal(page_read(f, &what, &p, &err), 0);
	assert_int_equal(p.count, 1);
	assert_int_equal(page_fate(&p.rows[0], T0 + 500), PAGE_APPLIED);
	page_rows_release(&p);
	page_close(f);
}

static void one_scrolls_back_to_the_first(void **state)
{
	struct page_request what = request(3);
	struct page_file *f = open_pages();
	struct page_rows p;
	struct err err;
	struct text t = {0};

	(void)state;
	assert_int_equal(page_read(f, &what, &p, &err), 0);
	names(&p, &t);
	assert_string_equal(text_str(&t), "clock_jump restart guard");
	assert_int_equal(p.reached_seq, p.rows[2].seq);
	what.before_seq = p.reached_seq;
	page_rows_release(&p);
	assert_int_equal(page_read(f, &what, &p, &err), 0);
	names(&p, &t);
	assert_string_equal(text_str(&t), "d-4 d-3 d-2");
	what.before_seq = p.reached_seq;
	page_rows_release(&p);
	assert_int_equal(page_read(f, &what, &p, &err), 0);
	names(&p, &t);
	assert_string_equal(text_str(&t), "d-1 d-0");
	assert_int_equal(p.reached_seq, 0);
	page_rows_release(&p);
	text_free(&t);
	page_close(f);
}

static void nothing_is_read_while_nothing_happens(void **state)
{
	struct page_request what = request(50);
	struct page_file *f = open_pages();
	struct page_rows p;
	struct err err;
	struct history *h;

	(void)state;
	assert_int_equal(page_read(f, &what, &p, &err), 0);
	assert_false(p.same);
	what.known_seq = p.head_seq;
	page_rows_release(&p);
	assert_int_equal(page_read(f, &what, &p, &err), 0);
	assert_true(p.same);
	assert_int_equal(p.count, 0);
	page_rows_release(&p);
	/* what becomes of an old row is news */
	h = start_opened(&place, "kim@ops1");
	conclude(h, "d-2", OUTCOME_ROW_FINAL, OUTCOME_VOID, T0 + 600000);
	settle(h);
	assert_int_equal(page_read(f, &what, &p, &err), 0);
	assert_false(p.same);
	assert_int_equal(page_fate(&p.rows[p.count - 3], NOW), PAGE_VOID);
	page_rows_release(&p);
	page_close(f);
}

static void a_decision_comes_whole(void **state)
{
	struct page_file *f = open_pages();
	struct page_detail d;
	struct err err;

	(void)state;
	assert_int_equal(page_read_detail(f, "d-0", 0, &d, &err), 0);
	assert_true(d.found);
	assert_string_equal(d.row.what, "step");
	assert_int_equal(d.row.from_bp, 100);
	assert_int_equal(d.epoch, 3);
	assert_int_equal(d.rev, 42);
	assert_int_equal(d.latency_ms, 12);
	assert_string_equal(d.signer, "kim@ops1");
	assert_int_equal(strlen(d.hash), 64);
	assert_int_equal(d.outcome_count, 3);
	assert_string_equal(d.outcomes[0].node, "node-a");
	assert_int_equal(d.outcomes[2].row, OUTCOME_ROW_VERIFIED);
	assert_string_equal(d.outcomes[2].answer, "3/3");
	assert_int_equal(d.check_count, 1); /* a check is an object */
	assert_string_equal(d.checks[0].is, "ho^[[31mlds");
	assert_int_equal(d.fact_count, 4);
	assert_string_equal(d.facts[0].name, "deep.\"a_bp\"[0]");
	assert_string_equal(d.facts[0].value, "100");
	assert_string_equal(d.facts[1].value, "-");
	assert_string_equal(d.facts[2].value, "yes");
	assert_string_equal(d.facts[3].value, "<U+202E>x");
	assert_int_equal(d.note_count, 1);
	assert_string_equal(d.notes[0].actor, "pat@ops2");
	assert_non_null(strstr(d.notes[0].text, "looks ^[[31mgood"));
	page_detail_release(&d);
	/* before its outcome */
	assert_int_equal(page_read_detail(f, "d-0", T0 + 350, &d, &err), 0);
	assert_int_equal(d.outcome_count, 1);
	assert_int_equal(d.latency_ms, UNKNOWN);
	assert_int_equal(d.note_count, 0);
	page_detail_release(&d);
	page_close(f);
}

static void an_event_comes_whole(void **state)
{
	struct page_request what = request(3);
	struct page_file *f = open_pages();
	struct page_detail d;
	struct page_rows p;
	struct err err;

	(void)state;
	assert_int_equal(page_read(f, &what, &p, &err), 0);
	assert_int_equal(page_read_detail(f, p.rows[2].id, 0, &d, &err), 0);
	assert_true(d.found && d.row.is_event);
	assert_string_equal(d.row.text, "errors 6 % of 5 %");
	assert_int_equal(d.fact_count, 1);
	assert_string_equal(d.facts[0].value, "12");
	page_detail_release(&d);
	page_rows_release(&p);
	static const char *const none[] = {"d-9", "#999999", "#x", "#", ""};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		assert_int_equal(page_read_detail(f, none[i], 0, &d, &err), 0);
		assert_false(d.found);
		page_detail_release(&d);
	}
	page_close(f);
}

/* Only a rollback of our own is waited for until it was seen everywhere. */
static void what_nobody_watches_is_not_unverified(void **state)
{
	struct decision d = make_decision("g", T0);
	struct page_row row;

	(void)state;
	d.outcome = OUTCOME_APPLIED;
	d.outcome_ms = T0;
	page_row_of(&row, &d);
	assert_int_equal(page_fate(&row, NOW), PAGE_APPLIED);
	d.verb = VERB_ROLLBACK;
	page_row_of(&row, &d);
	assert_int_equal(page_fate(&row, NOW), PAGE_UNVERIFIED);
	d.closed_ms = T0;
	page_row_of(&row, &d);
	assert_int_equal(page_fate(&row, NOW), PAGE_CLOSED);
	d.closed_ms = 0;
	d.observed = true;
	page_row_of(&row, &d);
	assert_int_equal(page_fate(&row, NOW), PAGE_APPLIED);
	d.verb = VERB_ANNOTATE;
	page_row_of(&row, &d);
	assert_int_equal(page_fate(&row, NOW), PAGE_NONE);
	assert_int_equal(row.seq, 0);
	const struct page_filter unrecorded = {.fate = "not rec"};
	assert_true(page_matches(&unrecorded, &row));
}

static void the_reader_answers(void **state)
{
	const struct page_request what = request(2);
	struct history *h = start_opened(&place, "kim@ops1");
	struct history_answer a;

	(void)state;
	history_page(h, &what);
	wait_kind(h, HISTORY_PAGE, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_int_equal(a.page->number, 9);
	assert_int_equal(a.page->count, 2);
	assert_true(a.page->reached_seq > 0);
	history_answer_release(&a);
	history_detail(h, 7, "d-3");
	wait_kind(h, HISTORY_DETAIL, &a);
	assert_int_equal(a.detail->number, 7);
	assert_true(a.detail->found);
	assert_string_equal(a.detail->row.what, "rollback");
	history_answer_release(&a);
	history_detail(h, 8, "nothing");
	wait_kind(h, HISTORY_DETAIL, &a);
	assert_int_equal(a.detail->number, 8);
	assert_false(a.detail->found);
	history_answer_release(&a);
	history_page(h, &what); /* nobody takes it */
	assert_int_equal(history_stop(h, DEADLINE_MS), 0);
}

static void where_there_is_no_file_it_says_why(void **state)
{
	const struct page_request what = request(2);
	struct page_file *f;
	struct err err = {0};
	struct history *h;
	struct history_answer a;

	(void)state;
	assert_int_equal(page_open(&f, "/nowhere/h.db", &err), -1);
	assert_null(f);
	assert_true(err.code != ERR_NONE);
	snprintf(place.path, sizeof place.path, "%s/no/such/h.db", place.dir);
	h = start(&place, "kim@ops1");
	expect_kind(h, HISTORY_FAILED);
	history_page(h, &what);
	history_detail(h, 3, "d-0");
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_PAGE);
	assert_true(a.err.code != ERR_NONE);
	assert_int_equal(a.page->number, 9);
	history_answer_release(&a);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_DETAIL);
	assert_true(a.err.code != ERR_NONE);
	assert_int_equal(a.detail->number, 3);
	history_answer_release(&a);
	history_stop(h, DEADLINE_MS);
}

/* Each half of the stream comes by its own key: a page costs its rows, not the file. */
static void no_page_sorts_the_file(void **state)
{
	(void)state;
	assert_int_equal(
		ask(place.path,
			"SELECT count(*) FROM pragma_index_list('outcome') WHERE name = 'outcome_final'"),
		1);
	struct history *h = start_opened(&place, "kim@ops1");
	for (int i = 0; i < 200; i++)
		history_event(h, T0 + 600000 + i, "checkout", i == 7 ? "rare" : "guard", "again", NULL);
	settle(h);
	struct page_request what = request(5);
	text_copy(what.filter.what, sizeof what.filter.what, "rare");
	assert_page(&what, "rare");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(filters_choose),
		CASE(what_came_later_is_not_known),
		CASE(one_scrolls_back_to_the_first),
		CASE(nothing_is_read_while_nothing_happens),
		CASE(a_decision_comes_whole),
		CASE(an_event_comes_whole),
		CASE(what_nobody_watches_is_not_unverified),
		CASE(the_reader_answers),
		CASE(where_there_is_no_file_it_says_why),
		CASE(no_page_sorts_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
