/* journal: which rows a list has, where its selection is while rows come and go, what it asks
 * for, what a typed filter means; and when a person left. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/mem.h"
#include "model/text.h"
#include "tui/journal.h"
#include "tui/journal_words.h"
#include "tui/left.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define T0 1763733600000

static struct journal j;
static struct instant now;

static int set_up(void **state)
{
	(void)state;
	j = (struct journal){0};
	now = (struct instant){1000, T0};
	journal_of(&j, "checkout", 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	journal_release(&j);
	return 0;
}

static struct page_row row(int64_t seq)
{
	struct page_row r = {.seq = seq,
		.at_ms = T0 + seq * 1000,
		.is_sent = true,
		.from_bp = 100,
		.to_bp = 1000,
		.outcome = OUTCOME_APPLIED,
		.outcome_ms = T0 + seq * 1000,
		.verified_ms = T0 + seq * 1000 + 400,
		.closed_ms = UNKNOWN};
	snprintf(r.id, sizeof r.id, "id-%lld", (long long)seq);
	snprintf(r.what, sizeof r.what, "step");
	snprintf(r.pool, sizeof r.pool, "checkout");
	snprintf(r.actor, sizeof r.actor, "kim@ops1");
	snprintf(r.text, sizeof r.text, "day %lld", (long long)seq);
	return r;
}

/* A page with the rows from `first` down to `last`. */
static struct page_rows page(int64_t first, int64_t last, int64_t reached)
{
	struct page_rows p = {
		.number = j.number, .head_seq = first, .reached_seq = reached, .rows = NULL};
	p.rows = mem_new((size_t)(first - last + 1), sizeof *p.rows);
	for (int64_t seq = first; seq >= last; seq--)
		p.rows[p.count++] = row(seq);
	return p;
}

static void give(struct page_rows *p)
{
	const struct err none = {0};
	journal_take(&j, p, &none, now);
	page_rows_release(p);
}

static struct page_request wanted(void)
{
	struct page_request what;
	assert_true(journal_wants(&j, now, &what));
	return what;
}

/* The first page of a file of `rows` rows. */
static void fill(int64_t rows)
{
	struct page_request what = wanted();
	assert_int_equal(what.before_seq, 0);
	assert_int_equal(what.limit, 100);
	assert_string_equal(what.filter.pool, "checkout");
	int64_t last = rows > 100 ? rows - 99 : 1;
	struct page_rows p = page(rows, last, last == 1 ? 0 : last);
	give(&p);
}

/* What is written down late stands where it happened, also where that is on a page that comes
 * later; the selection stays with its row, and a moment parts the lines. */
static void lines_are_in_the_order_of_time(void **state)
{
	(void)state;
	wanted();
	struct page_rows p = page(200, 101, 101);
	p.rows[0].at_ms = T0 + 150500; /* id-200, between 150 and 151 */
	p.rows[1].at_ms = T0 + 50500;  /* id-199, among what is not read yet */
	p.rows[3].at_ms = p.rows[2].at_ms;
	give(&p);
	assert_string_equal(journal_row(&j, 0)->id, "id-198");
	assert_string_equal(journal_row(&j, 1)->id, "id-197");
	assert_string_equal(journal_row(&j, 47)->id, "id-151");
	assert_string_equal(journal_row(&j, 48)->id, "id-200");
	assert_string_equal(journal_row(&j, 49)->id, "id-150");
	assert_string_equal(journal_row(&j, 99)->id, "id-199");
	assert_int_equal(journal_since(&j, T0 + 150999), 48);
	journal_move(&j, 99);
	assert_string_equal(journal_selected(&j)->id, "id-199");
	assert_int_equal(wanted().before_seq, 101);
	p = page(100, 1, 0);
	p.before_seq = 101;
	give(&p);
	assert_int_equal(journal_count(&j), 200);
	assert_string_equal(journal_selected(&j)->id, "id-199");
	assert_int_equal(j.at, 149);
	assert_string_equal(journal_row(&j, 148)->id, "id-51");
	assert_string_equal(journal_row(&j, 150)->id, "id-50");
	for (size_t i = 1; i < 200; i++)
		assert_true(journal_row(&j, i)->at_ms <= journal_row(&j, i - 1)->at_ms);
}

static void the_selection_stays_with_its_row(void **state)
{
	(void)state;
	struct page_request what;
	fill(20);
	assert_int_equal(journal_count(&j), 20);
	assert_string_equal(journal_selected(&j)->id, "id-20");
	journal_move(&j, 3);
	assert_string_equal(journal_selected(&j)->id, "id-17");
	assert_false(journal_wants(&j, now, &what)); /* nothing is due */
	now.boot_ms += 500;
	what = wanted();
	assert_int_equal(what.known_seq, 20);
	assert_false(journal_wants(&j, now, &what)); /* one at a time */
	struct page_rows p = page(25, 1, 0);
	give(&p);
	assert_int_equal(j.at, 8);
	assert_string_equal(journal_selected(&j)->id, "id-17");
	/* it is gone: its neighbour has it */
	now.boot_ms += 500;
	wanted();
	p = page(10, 1, 0);
	give(&p);
	assert_int_equal(j.at, 8);
	assert_string_equal(journal_selected(&j)->id, "id-2");
	journal_move(&j, -100);
	assert_string_equal(journal_selected(&j)->id, "id-10");
	journal_move(&j, INT32_MAX);
	assert_string_equal(journal_selected(&j)->id, "id-1");
}

static void older_rows_come_as_one_scrolls(void **state)
{
	(void)state;
	struct page_request what;
	fill(150);
	assert_int_equal(journal_count(&j), 100);
	assert_false(journal_wants(&j, now, &what));
	journal_move(&j, 60);
	what = wanted();
	assert_int_equal(what.before_seq, 51);
	assert_int_equal(what.known_seq, UNKNOWN);
	struct page_rows p = page(50, 1, 0);
	p.before_seq = 51;
	give(&p);
	assert_int_equal(journal_count(&j), 150);
	assert_string_equal(journal_selected(&j)->id, "id-90");
	journal_move(&j, INT32_MAX);
	assert_string_equal(journal_selected(&j)->id, "id-1");
	assert_false(journal_wants(&j, now, &what)); /* there are none */
	/* what is read again covers the newest only; nothing is lost or doubled */
	now.boot_ms += 500;
	what = wanted();
	assert_int_equal(what.limit, 150);
	p = page(152, 100, 100);
	give(&p);
	assert_int_equal(journal_count(&j), 152);
	for (size_t i = 0; i < 152; i++)
		assert_int_equal(journal_row(&j, i)->seq, 152 - (int64_t)i);
	assert_int_equal(j.reached_seq, 0);
	assert_string_equal(journal_selected(&j)->id, "id-1");
}

/* More has come than one answer holds: what lies between is asked for anew. */
static void a_gap_is_not_jumped(void **state)
{
	(void)state;
	fill(150);
	now.boot_ms += 500;
	wanted();
	struct page_rows p = page(400, 301, 301);
	give(&p);
	assert_int_equal(j.reached_seq, 301);
	for (size_t i = 1; i < journal_count(&j); i++)
		if (journal_row(&j, i)->seq + 1 != journal_row(&j, i - 1)->seq)
			fail_msg("%lld behind %lld", (long long)journal_row(&j, i)->seq,
				(long long)journal_row(&j, i - 1)->seq);
}

static void late_answers_change_nothing(void **state)
{
	(void)state;
	fill(20);
	now.boot_ms += 500;
	wanted();
	struct page_rows old = page(3, 1, 0);
	journal_narrow(&j, "verb:step day");
	give(&old);
	assert_int_equal(journal_count(&j), 20); /* those before, until the new ones come */
	struct page_request what = wanted();
	assert_string_equal(what.filter.what, "step");
	assert_string_equal(what.filter.text, "day");
	assert_int_equal(what.known_seq, UNKNOWN);
	struct page_rows p = page(5, 4, 0);
	give(&p);
	assert_int_equal(journal_count(&j), 2);
	/* a failure keeps what there is and is tried again later */
	now.boot_ms += 500;
	wanted();
	struct err err;
	err_set(&err, ERR_HISTORY, "the disk is gone");
	struct page_rows none = {.number = j.number};
	journal_take(&j, &none, &err, now);
	assert_int_equal(j.err.code, ERR_HISTORY);
	assert_int_equal(journal_count(&j), 2);
	assert_false(journal_wants(&j, now, &what));
	now.boot_ms += 3000;
	wanted();
	p = page(6, 4, 0);
	give(&p);
	assert_int_equal(j.err.code, ERR_NONE);
}

static void filters_are_read(void **state)
{
	static const struct {
		const char *typed;
		struct page_filter is;
		bool complains;
	} cases[] = {
		{"", {.pool = "checkout"}, false},
		{"  two  words ", {.pool = "checkout", .text = "two words"}, false},
		{"pool:sea", {.named = "sea"}, false},
		{"actor:kim verb:roll outcome:unres x",
			{.pool = "checkout", .actor = "kim", .what = "roll", .fate = "unres", .text = "x"},
			false},
		{"since:2h", {.pool = "checkout", .since_ms = T0 - 7200000}, false},
		{"until:1m since:1h",
			{.pool = "checkout", .since_ms = T0 - 3600000, .until_ms = T0 - 60000}, false},
		{"since:2025-11-21T13:00:00Z", {.pool = "checkout", .since_ms = T0 - 3600000}, false},
		{"since:2", {.pool = "checkout"}, true},
		{"since:", {.pool = "checkout"}, true},
		{"verb:", {.pool = "checkout"}, false},
		{"color:red", {.pool = "checkout", .text = "color:red"}, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		journal_narrow(&j, cases[i].typed);
		struct page_filter got = wanted().filter, is = cases[i].is;
		assert_string_equal(got.pool, is.pool);
		assert_string_equal(got.named, is.named);
		assert_string_equal(got.actor, is.actor);
		assert_string_equal(got.what, is.what);
		assert_string_equal(got.fate, is.fate);
		assert_string_equal(got.text, is.text);
		assert_int_equal(got.since_ms, is.since_ms);
		assert_int_equal(got.until_ms, is.until_ms);
		assert_int_equal(j.complaint[0] != 0, cases[i].complains);
	}
	/* too much of anything is cut, not written past its end */
	char much[EDIT_MAX];
	memset(much, 'a', sizeof much - 1);
	much[sizeof much - 1] = 0;
	memcpy(much, "verb:", 5);
	journal_narrow(&j, much);
	wanted();
	memset(much, 'b', 20);
	journal_narrow(&j, much);
	assert_int_equal(strlen(wanted().filter.text), sizeof j.filter.text - 1);
}

static void a_replay_knows_only_its_past(void **state)
{
	(void)state;
	journal_of(&j, "checkout", T0 + 5000);
	struct page_request what = wanted();
	assert_int_equal(what.filter.until_ms, T0 + 5001);
	struct page_rows p = page(5, 1, 0);
	give(&p);
	journal_of(&j, "checkout", T0 + 9000);
	now.boot_ms += 500;
	what = wanted();
	assert_int_equal(what.known_seq, UNKNOWN); /* the file is the same, the moment is not */
	p = page(9, 1, 0);
	give(&p);
	journal_move(&j, 2);
	assert_string_equal(journal_selected(&j)->id, "id-3");
	/* back: at once, and nothing stays of what lies ahead */
	journal_of(&j, "checkout", T0 + 4000);
	what = wanted();
	assert_int_equal(what.filter.until_ms, T0 + 4001);
	p = page(4, 1, 0);
	give(&p);
	assert_int_equal(journal_count(&j), 4);
	assert_string_equal(journal_selected(&j)->id, "id-3");
	/* another pool begins anew */
	journal_of(&j, "", T0 + 4000);
	assert_int_equal(journal_count(&j), 0);
	assert_null(journal_selected(&j));
	assert_string_equal(wanted().filter.pool, "");
}

static void what_is_not_recorded_stands_on_top(void **state)
{
	(void)state;
	struct page_row lost = row(0), known = row(0);
	fill(3);
	snprintf(known.id, sizeof known.id, "id-2");
	journal_own_begin(&j);
	journal_own_add(&j, &lost);
	journal_own_add(&j, &known); /* the file has it by now */
	journal_own_end(&j);
	assert_int_equal(journal_count(&j), 4);
	assert_string_equal(journal_row(&j, 0)->id, "id-0");
	assert_string_equal(journal_selected(&j)->id, "id-3");
	journal_move(&j, -1);
	assert_string_equal(journal_selected(&j)->id, "id-0");
	assert_false(journal_wants_detail(&j)); /* no file has it */
	char fate[64];
	assert_int_equal(
		journal_fate(fate, sizeof fate, journal_selected(&j), T0 + 60000), ROLE_FAIL);
	assert_string_equal(fate, "NOT RECORDED, VERIFIED");
	/* recorded after all: the same line */
	now.boot_ms += 500;
	wanted();
	struct page_rows p = page(4, 1, 0);
	snprintf(p.rows[0].id, sizeof p.rows[0].id, "id-0");
	give(&p);
	journal_own_begin(&j);
	journal_own_add(&j, &lost);
	journal_own_end(&j);
	assert_int_equal(journal_count(&j), 4);
	assert_int_equal(journal_selected(&j)->seq, 4);
	/* of another pool, or filtered out */
	snprintf(lost.pool, sizeof lost.pool, "search");
	snprintf(lost.id, sizeof lost.id, "id-x");
	journal_own_begin(&j);
	journal_own_add(&j, &lost);
	journal_own_end(&j);
	assert_int_equal(journal_count(&j), 4);
}

static void the_selected_one_is_read_whole(void **state)
{
	(void)state;
	fill(3);
	assert_true(journal_wants_detail(&j));
	assert_false(journal_wants_detail(&j));
	assert_null(journal_detail(&j));
	struct page_detail d = {.number = j.detail_number, .found = true, .row = row(3)};
	snprintf(d.id, sizeof d.id, "id-3");
	struct page_detail old = d;
	journal_take_detail(&j, &d);
	assert_non_null(journal_detail(&j));
	assert_false(journal_wants_detail(&j));
	journal_move(&j, 1);
	assert_null(journal_detail(&j)); /* of another */
	assert_true(journal_wants_detail(&j));
	old.number--;
	journal_take_detail(&j, &old); /* late */
	assert_null(journal_detail(&j));
}

static void where_one_left_is_found(void **state)
{
	(void)state;
	fill(10);
	assert_int_equal(journal_since(&j, T0 + 4000), 6);
	assert_int_equal(journal_since(&j, T0), 10);
	assert_int_equal(journal_since(&j, T0 + 20000), 0);
	/* one that was written down late came since, whenever it happened */
	j.rows[2].at_ms = T0;
	assert_int_equal(journal_since(&j, T0 + 4000), 6);
}

/* ---- when a person left ---- */

static void leaving_is_remembered_beside_the_history(void **state)
{
	char dir[128], path[192], file[256];
	const char *tmp = getenv("TMPDIR");
	(void)state;
	snprintf(dir, sizeof dir, "%.64s/weir-left-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/h.db", dir);
	assert_int_equal(left_read(path, "kim@ops1"), UNKNOWN);
	left_write(path, "kim@ops1", T0 + 412);
	assert_int_equal(left_read(path, "kim@ops1"), T0 + 412);
	assert_int_equal(left_read(path, "pat@ops1"), UNKNOWN);
	left_write(path, "kim@ops1", T0 + 1000);
	assert_int_equal(left_read(path, "kim@ops1"), T0 + 1000);
	/* a name cannot lead elsewhere */
	left_write(path, "../kim", T0);
	snprintf(file, sizeof file, "%s/h.db-left-.._kim", dir);
	assert_int_equal(access(file, F_OK), 0);
	unlink(file);
	/* what is no time says nothing */
	snprintf(file, sizeof file, "%s/h.db-left-kim@ops1", dir);
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	fputs("yesterday", f);
	fclose(f);
	assert_int_equal(left_read(path, "kim@ops1"), UNKNOWN);
	unlink(file);
	/* and no other file is read or written in its place */
	assert_int_equal(symlink(path, file), 0);
	left_write(path, "kim@ops1", T0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(left_read(path, "kim@ops1"), T0);
	unlink(file);
	left_write("/nowhere/h.db", "kim", T0);
	assert_int_equal(rmdir(dir), 0);
}

/* ---- words ---- */

static void rows_are_said_in_words(void **state)
{
	(void)state;
	struct page_row r = row(3);
	char out[256];
	journal_what(out, sizeof out, &r);
	assert_string_equal(out, "step 1 > 10 %");
	assert_int_equal(journal_fate(out, sizeof out, &r, T0 + 90000), ROLE_OK);
	assert_string_equal(out, "VERIFIED in 0.4s");
	r.verified_ms = UNKNOWN;
	assert_int_equal(journal_fate(out, sizeof out, &r, T0 + 90000), ROLE_TEXT);
	assert_string_equal(out, "APPLIED");
	snprintf(r.what, sizeof r.what, "rollback");
	assert_int_equal(journal_fate(out, sizeof out, &r, T0 + 90000), ROLE_FAIL);
	assert_string_equal(out, "UNVERIFIED");
	r.outcome = OUTCOME_PENDING;
	assert_int_equal(journal_fate(out, sizeof out, &r, T0 + 90000), ROLE_FAIL);
	assert_string_equal(out, "UNRESOLVED");
	assert_int_equal(journal_fate(out, sizeof out, &r, r.at_ms + 100), ROLE_WARN);
	assert_string_equal(out, "UNDER WAY");
	r.outcome = OUTCOME_REFUSED;
	snprintf(r.answer, sizeof r.answer, "W110 frozen");
	assert_int_equal(journal_text(out, sizeof out, &r), ROLE_WARN);
	assert_string_equal(out, "W110 frozen  \"day 3\"");
	snprintf(r.what, sizeof r.what, "close");
	snprintf(r.about, sizeof r.about, "0193f2a1-0000-7000-8000-00aabbccddee");
	journal_what(out, sizeof out, &r);
	assert_string_equal(out, "close ..bbccddee");
	/* notes about a row, about none, and what only looks like one */
	static const char *const notes[][2] = {
		{"re 0193f2a1-0000-7000-8000-00aabbccddee: fine", "on ..bbccddee \"fine\""},
		{"re #12: odd", "on ..#12 \"odd\""},
		{"re", "\"re\""},
		{"re \xc3\xa9t\xc3\xa9", "\"re \xc3\xa9t\xc3\xa9\""},
		{"re : x", "on .. \"x\""},
	};
	r = row(4);
	r.is_sent = false;
	snprintf(r.what, sizeof r.what, "annotate");
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
		snprintf(r.text, sizeof r.text, "%s", notes[i][0]);
		assert_int_equal(journal_text(out, sizeof out, &r), ROLE_REMOTE);
		assert_string_equal(out, notes[i][1]);
	}
	journal_what(out, sizeof out, &r);
	assert_string_equal(out, "note");
}

static const char *text_of(const struct journal_lines *l, const char *label)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->line[i].label, label) == 0)
			return l->line[i].text;
	fail_msg("no line %s", label);
	return NULL;
}

static void evidence_is_said_with_its_units(void **state)
{
	(void)state;
	struct page_fact facts[] = {{"measured_bp", "990"}, {"v2.\"p99_us\"", "171000"},
		{"for_ms", "7200000"}, {"measured_n", "172282"}, {"state", "READY"}, {"odd_bp", "-"},
		{"big_us", "99999999999999999999"}};
	struct page_check checks[] = {{1, "holds", "1 of 1 live"}, {9, "fails", "bake 06:49"},
		{14, "not asked", ""}, {99, "holds", ""}};
	struct page_detail d = {.found = true,
		.row = row(3),
		.epoch = 3,
		.rev = 42,
		.latency_ms = 12,
		.facts = facts,
		.fact_count = sizeof facts / sizeof *facts,
		.checks = checks,
		.check_count = 4};
	struct journal_lines l;
	journal_whole(&l, &d.row, &d, T0 + 60000);
	assert_string_equal(text_of(&l, "measured"), "9.9 %");
	assert_string_equal(text_of(&l, "v2 p99"), "171 ms");
	assert_string_equal(text_of(&l, "for"), "2h");
	assert_string_equal(text_of(&l, "measured n"), "172,282");
	assert_string_equal(text_of(&l, "state"), "READY");
	assert_string_equal(text_of(&l, "odd bp"), "-");
	assert_string_equal(text_of(&l, "big us"), "99999999999999999999");
	assert_string_equal(text_of(&l, " 9 fails"), "bake 06:49");
	assert_string_equal(text_of(&l, "14 not asked"), "way back proven");
	assert_string_equal(text_of(&l, "99 holds"), "?");
	assert_string_equal(text_of(&l, "revision"), "3.42, as seen then");
	journal_lines_release(&l);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(lines_are_in_the_order_of_time),
		CASE(the_selection_stays_with_its_row),
		CASE(older_rows_come_as_one_scrolls),
		CASE(a_gap_is_not_jumped),
		CASE(late_answers_change_nothing),
		CASE(filters_are_read),
		CASE(a_replay_knows_only_its_past),
		CASE(what_is_not_recorded_stands_on_top),
		CASE(the_selected_one_is_read_whole),
		CASE(where_one_left_is_found),
		cmocka_unit_test(leaving_is_remembered_beside_the_history),
		cmocka_unit_test(rows_are_said_in_words),
		cmocka_unit_test(evidence_is_said_with_its_units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
