/* The Journal screen: what people see of a record, at the sizes that screens have, against
 * tests/golden, and what its keys do over a real history. After a change on purpose GOLDEN=write
 * rewrites the files; look at the difference. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/mem.h"
#include "tests/lib/golden.h"
#include "tests/lib/site.h"
#include "tui/console.h"
#include "tui/journal_words.h"
#include "tui/view.h"
#include "tui/view_journal.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

static struct site s;
static struct desk *d;
static struct console *c;

#define NOW (SITE_WALL_MS + 12 * 3600 * 1000)
#define MINUTE 60000

/* ---- a record ---- */

static struct journal j;
static int64_t left_ms;
static bool ascii, at_end;

static struct page_row decision(
	int64_t seq, int64_t ago_ms, const char *actor, const char *what, int from_bp, int to_bp)
{
	struct page_row r = {.seq = seq,
		.at_ms = NOW - ago_ms,
		.is_sent = true,
		.from_bp = from_bp,
		.to_bp = to_bp,
		.outcome = OUTCOME_APPLIED,
		.outcome_ms = NOW - ago_ms + 12,
		.verified_ms = NOW - ago_ms + 400,
		.closed_ms = UNKNOWN};
	snprintf(r.id, sizeof r.id, "0193f2a1-0000-7000-8000-%012lld", (long long)seq);
	snprintf(r.what, sizeof r.what, "%s", what);
	snprintf(r.pool, sizeof r.pool, "checkout");
	snprintf(r.actor, sizeof r.actor, "%s", actor);
	snprintf(r.role, sizeof r.role, "operator");
	return r;
}

static struct page_row event(int64_t seq, int64_t ago_ms, const char *kind, const char *text)
{
	struct page_row r = {.seq = seq,
		.at_ms = NOW - ago_ms,
		.is_event = true,
		.from_bp = -1,
		.to_bp = -1,
		.outcome_ms = UNKNOWN,
		.verified_ms = UNKNOWN,
		.closed_ms = UNKNOWN};
	snprintf(r.id, sizeof r.id, "#%lld", (long long)seq);
	snprintf(r.what, sizeof r.what, "%s", kind);
	snprintf(r.pool, sizeof r.pool, "checkout");
	snprintf(r.text, sizeof r.text, "%s", text);
	return r;
}

#define SAY(field, words) snprintf(field, sizeof field, "%s", words)

static struct page_row record[40];
static size_t record_count;

/* A night and the day before, newest first. */
static void write_record(void)
{
	struct page_row *r = record;
	*r = decision(240, 2 * MINUTE, "ana@ops2", "annotate", -1, -1);
	r->is_sent = false;
	SAY(r->text, "re 0193f2a1-0000-7000-8000-000000000231: p99 follows the batch at 01:50");
	r++;
	*r = decision(236, 3 * MINUTE, "kim@ops1", "drain", 1000, 1000);
	SAY(r->about, "v2.0.3");
	r++->verified_ms = UNKNOWN;
	*r++ = event(235, 4 * MINUTE, "silence", "news from every node again");
	*r++ = event(234, 5 * MINUTE, "silence", "no news from every node");
	*r = decision(231, 6 * MINUTE, "kim@ops1", "rollback", 1000, 0);
	SAY(r->text, "p99 doubled on v2");
	r++->verified_ms = UNKNOWN;
	*r++ = event(230, 7 * MINUTE, "guard", "v2 alone breaks a limit: p99 2,100 of 1000 ms");
	*r = decision(228, 18 * MINUTE, "kim@ops1", "step", 1000, 5000);
	r->outcome = OUTCOME_PENDING;
	SAY(r->text, "day 4");
	r->verified_ms = UNKNOWN;
	r++->outcome_ms = UNKNOWN;
	*r = decision(226, 20 * MINUTE, "\xd7\x90\xd7\x91\xd7\x92@\xe6\x97\xa5\xe6\x9c\xac", "step",
		1000, 5000);
	r->outcome = OUTCOME_REFUSED;
	r->verified_ms = UNKNOWN;
	SAY(r->answer, "W181 sessions 2,120 of 3,000");
	r++;
	*r++ = event(225, 14 * 60 * MINUTE, "verdict", "errors UNDECIDED: 0.9x (0.5 to 1.4)");
	*r = decision(222, 15 * 60 * MINUTE, "kim@ops1", "step", 100, 1000);
	SAY(r->text, "day 3, quiet night");
	r++;
	*r = decision(220, 39 * 60 * MINUTE, "pool", "keep", 100, 100);
	r->observed = true;
	SAY(r->role, "pool");
	SAY(r->text, "bake passed, green");
	r++->verified_ms = UNKNOWN;
	*r = decision(216, 40 * 60 * MINUTE, "ana@ops2", "step", 0, 100);
	r->late = true;
	SAY(r->text, "start");
	r++;
	*r = decision(215, 41 * 60 * MINUTE, "ana@ops2", "close", -1, -1);
	r->is_sent = false;
	SAY(r->about, "0193f2a1-0000-7000-8000-000000000117");
	r++;
	*r = decision(210, 300 * 60 * MINUTE, "ana@ops2", "rollback", 100, 0);
	r->verified_ms = UNKNOWN;
	r->closed_ms = NOW;
	r++;
	record_count = (size_t)(r - record);
}

static void give_page(size_t count, int64_t reached_seq)
{
	struct page_request what;
	struct page_rows p = {.head_seq = 240, .count = count, .reached_seq = reached_seq};
	const struct err none = {0};
	assert_true(journal_wants(&j, s.now, &what));
	p.number = what.number;
	p.rows = record;
	journal_take(&j, &p, &none, s.now);
}

static void give_detail(void)
{
	static const char *const nodes[] = {"node-a", "node-b", "node-c"};
	struct page_detail w = {
		.found = true, .row = *journal_selected(&j), .epoch = 3, .rev = 1812, .latency_ms = 12};
	assert_true(journal_wants_detail(&j));
	w.number = j.detail_number;
	SAY(w.id, j.selected);
	SAY(w.pool_id, "9b1c-checkout");
	SAY(w.hash, "5d41402abc4b2a76b9719d911017c592ae2fa9d0f3d1a3c4b5e6f708192a3b4c");
	SAY(w.signer, "kim@ops1");
	w.outcome_count = 4;
	w.outcomes = mem_new(4, sizeof *w.outcomes);
	for (int i = 0; i < 4; i++) {
		w.outcomes[i] =
			(struct outcome_row){.row = i < 3 ? OUTCOME_ROW_NODE : OUTCOME_ROW_FINAL,
				.kind = OUTCOME_APPLIED,
				.at_ms = w.row.at_ms + 10 + i,
				.latency_ms = i < 3 ? 9 + i : UNKNOWN};
		SAY(w.outcomes[i].node, i < 3 ? nodes[i] : "");
	}
	SAY(w.outcomes[3].answer, "3 of 3 nodes");
	w.fact_count = 5;
	w.facts = mem_new(5, sizeof *w.facts);
	static const char *const facts[][2] = {{"state", "BAKING"}, {"\"measured_bp\"", "990"},
		{"\"measured_n\"", "172282"}, {"verdict.text", "p99 HARM: 2.1x (1.6 to 2.8) v1's"},
		{"v2.\"p99_us\"", "2100000"}};
	for (int i = 0; i < 5; i++) {
		SAY(w.facts[i].name, facts[i][0]);
		SAY(w.facts[i].value, facts[i][1]);
	}
	w.check_count = 3;
	w.checks = mem_new(3, sizeof *w.checks);
	static const char *const checks[][2] = {{"holds", "3 of 3 nodes live, 0.4s old"},
		{"fails", "bake 06:49 left of 10m"}, {"not asked", "approvals only above 50 %"}};
	for (int i = 0; i < 3; i++) {
		w.checks[i].number = 2 + 7 * i - (i == 2) * 3;
		SAY(w.checks[i].is, checks[i][0]);
		SAY(w.checks[i].text, checks[i][1]);
	}
	w.note_count = 1;
	w.notes = mem_new(1, sizeof *w.notes);
	w.notes[0] = record[0];
	journal_take_detail(&j, &w);
}

/* ---- scenes ---- */

static void begin(void)
{
	static const struct site_desk kim = {.actor = "kim@ops1", .console = true};
	site_init(&s, 1, 3);
	d = site_open(&s, &kim);
	s.now.wall_ms = NOW;
	write_record();
	journal_of(&j, "checkout", 0);
	left_ms = UNKNOWN;
	ascii = at_end = false;
}

static void a_night(void)
{
	begin();
	left_ms = NOW - 14 * 60 * MINUTE - 30 * MINUTE;
	give_page(record_count, 0);
	journal_move(&j, 4);
	give_detail();
}

static void a_night_in_ascii(void)
{
	a_night();
	ascii = true;
}

static void of_all_pools(void)
{
	begin();
	left_ms = NOW;
	snprintf(record[1].pool, sizeof record[1].pool, "search-eu-west-1");
	record[2].pool[0] = 0;
	journal_of(&j, "", 0);
	give_page(record_count, 210);
}

static void not_recorded(void)
{
	begin();
	give_page(6, 0);
	struct page_row lost = decision(0, MINUTE, "kim@ops1", "rollback", 1000, 0);
	SAY(lost.text, "disk full");
	journal_own_begin(&j);
	journal_own_add(&j, &lost);
	journal_own_end(&j);
	journal_move(&j, -1);
}

static void not_recorded_whole(void)
{
	not_recorded();
	j.open = true;
}

static void one_whole(void)
{
	a_night();
	j.open = true;
}

static void its_end(void)
{
	a_night();
	j.open = true;
	at_end = true;
}

static void narrowed(void)
{
	begin();
	journal_narrow(&j, "actor:kim outcome:un since:2x");
	give_page(1, 0);
}

static void narrowed_to_nothing(void)
{
	begin();
	journal_narrow(&j, "nobody said this");
	give_page(0, 0);
}

/* What was forced says so on its line, and whole. */
static void forced(void)
{
	begin();
	record[9].forced = true;
	give_page(record_count, 0);
	journal_move(&j, 9);
	give_detail();
}

static void forced_whole(void)
{
	forced();
	j.open = true;
}

static void loading(void)
{
	begin();
}

static void unreadable(void)
{
	begin();
	struct page_request what;
	struct err err;
	assert_true(journal_wants(&j, s.now, &what));
	err_set(
		&err, ERR_HISTORY, "reading the history \"/var/lib/weir/h.db\" failed: disk I/O error");
	journal_take(&j, &(struct page_rows){.number = what.number}, &err, s.now);
}

static const struct scene {
	const char *name;
	void (*play)(void);
} scenes[] = {
	{"journal", a_night},
	{"journal-ascii", a_night_in_ascii},
	{"journal-all", of_all_pools},
	{"journal-lost", not_recorded},
	{"journal-lost-whole", not_recorded_whole},
	{"journal-whole", one_whole},
	{"journal-end", its_end},
	{"journal-narrow", narrowed},
	{"journal-none", narrowed_to_nothing},
	{"journal-forced", forced},
	{"journal-forced-whole", forced_whole},
	{"journal-loading", loading},
	{"journal-unreadable", unreadable},
};

static void draw(struct surface *out, int w, int h)
{
	static const struct roster roster;
	struct view v = {.model = desk_model(d),
		.pool = site_pool(d),
		.screen = SCREEN_JOURNAL,
		.roster = &roster,
		.journal = &j,
		.left_ms = left_ms,
		.now = s.now,
		.message = "",
		.clock = "02:00:00Z",
		.place = "",
		.pool_count = 1};
	if (at_end)
		j.scroll = view_journal_scroll(&j, w, h, NOW);
	surface_init(out, w, h, ascii);
	view_journal(out, &v);
}

static void screen_is_as_it_was(void **state)
{
	const struct scene *scene = *state;
	bool same = true;
	scene->play();
	for (int i = 0; i < GOLDEN_SIZES; i++) {
		struct surface out;
		draw(&out, golden_sizes[i].w, golden_sizes[i].h);
		same &= golden_matches(scene->name, &out);
		surface_release(&out);
	}
	assert_true(same);
}

static void no_size_breaks_it(void **state)
{
	(void)state;
	a_night();
	for (int open = 0; open < 2; open++)
		for (int w = 1; w < 220; w += 7)
			for (int h = 1; h < 60; h += 5) {
				struct surface out;
				j.open = open;
				j.scroll = open ? view_journal_scroll(&j, w, h, NOW) : 0;
				draw(&out, w, h);
				surface_release(&out);
			}
}

/* What somebody else's file says moves no column and reaches no terminal. */
static void hostile_words(void **state)
{
	(void)state;
	a_night();
	struct page_row *r = &j.rows[4];
	memset(r->text, 'w', sizeof r->text - 1);
	memset(r->actor, 'a', sizeof r->actor - 1);
	memset(r->what, 'v', sizeof r->what - 1);
	r->at_ms = INT64_MAX / 2;
	j.detail.row = *r;
	memset(j.detail.outcomes[0].node, 'n', sizeof j.detail.outcomes[0].node - 1);
	j.detail.outcomes[1].at_ms = INT64_MIN + 1;
	j.detail.checks[0].number = -7;
	memset(j.detail.facts[0].name, '"', sizeof j.detail.facts[0].name - 1);
	memset(j.detail.facts[1].name, '_', sizeof j.detail.facts[1].name - 1);
	SAY(j.detail.facts[1].value, "-9223372036854775807");
	for (int open = 0; open < 2; open++) {
		struct surface out;
		j.open = open;
		draw(&out, 80, 24);
		surface_release(&out);
		draw(&out, 200, 50);
		surface_release(&out);
	}
}

/* ---- what keys do, over a real history ---- */

static bool shows(const char *words)
{
	struct text t = {0};
	surface_dump(console_draw(c, s.now), &t, NULL);
	bool found = strstr(text_str(&t), words);
	text_free(&t);
	return found;
}

static void pass(int64_t ms)
{
	for (; ms > 0; ms -= SITE_STEP_MS) {
		site_run(&s, SITE_STEP_MS);
		console_refresh(c, s.now);
	}
}

/* Time goes on, and the reader answers, until the screen has it. */
static void see(const char *words)
{
	for (int i = 0; i < 200; i++) {
		if (shows(words))
			return;
		struct pollfd p = {.fd = history_fd(desk_history(d)), .events = POLLIN};
		poll(&p, 1, 20);
		pass(SITE_STEP_MS);
	}
	struct text t = {0};
	surface_dump(console_draw(c, s.now), &t, NULL);
	fail_msg("'%s' is not shown:\n%s", words, text_str(&t));
}

static void unsee(const char *words)
{
	for (int i = 0; i < 200 && shows(words); i++) {
		struct pollfd p = {.fd = history_fd(desk_history(d)), .events = POLLIN};
		poll(&p, 1, 20);
		pass(SITE_STEP_MS);
	}
	assert_false(shows(words));
}

static void type(const char *keys)
{
	for (; *keys; keys++) {
		console_key(c, *keys == '\n' ? KEYS_ENTER : (unsigned char)*keys, s.now);
		pass(100);
	}
}

static const struct site_desk kim = {
	.actor = "kim@ops1", .file = "h.db", .console = true, .record = true};

static void live(void)
{
	site_init(&s, 1, 3);
	s.has_plan = false;
	d = site_open(&s, &kim);
	c = console_new(&(struct console_options){.desk = d, .w = 120, .h = 40}, s.now);
	site_step(&s, d, 1000);
}

static void rows_come_live_and_open(void **state)
{
	(void)state;
	live();
	type("6");
	see("step 0 > 10 %");
	see("VERIFIED in");
	type("/verb:step\n");
	see("step 0 > 10 %");
	unsee("standing");
	type("\n");
	see("DECISION step 0 > 10 %");
	see("1 of 1 nodes");
	see("EVIDENCE");
	assert_false(shows("signed by"));
	type("G");
	assert_true(shows("signed by"));
	assert_false(shows("OUTCOME"));
	type("g");
	console_key(c, KEYS_ESC, s.now);
	see("JOURNAL checkout");
	console_key(c, KEYS_ESC, s.now); /* the filter goes */
	see("standing");
	assert_true(shows("JOURNAL"));
	console_key(c, KEYS_ESC, s.now);
	assert_false(shows("JOURNAL"));
}

static void a_note_names_what_it_is_about(void **state)
{
	(void)state;
	live();
	type("6/verb:step\n");
	see("step 0 > 10 %");
	const char *id = site_last(d, VERB_STEP)->id;
	char re[128];
	pass(400);
	type("A");
	snprintf(re, sizeof re, "note: on %s", id);
	assert_true(shows(re));
	type("looks good\n");
	pass(1000);
	snprintf(re, sizeof re, "re %s: looks good", id);
	assert_string_equal(site_last(d, VERB_ANNOTATE)->reason, re);
	type("\n");
	see("NOTES");
	see("kim@ops1: looks good");
	type("c");
	snprintf(re, sizeof re, "id %s", id);
	assert_true(shows(re));
	/* elsewhere a note is about nothing */
	type("1");
	pass(400);
	type("Aall quiet\n");
	pass(1000);
	assert_string_equal(site_last(d, VERB_ANNOTATE)->reason, "all quiet");
}

static void tab_shows_all_pools(void **state)
{
	(void)state;
	live();
	type("6");
	see("step 0 > 10 %");
	console_key(c, KEYS_TAB, s.now);
	see("JOURNAL of all pools");
	see("checkout  ");
	type("/pool:chec\n");
	see("step 0 > 10 %");
	type("/pool:other\n");
	see("nothing has all these words");
	console_key(c, KEYS_ESC, s.now);
	see("step 0 > 10 %");
	console_key(c, KEYS_ESC, s.now);
	see("JOURNAL checkout");
	type(":all-pools\n");
	see("JOURNAL of all pools");
	type(":screen flow\n:all-pools\n");
	assert_true(shows("only the journal"));
	type(":id\n");
	assert_true(shows("6 shows the journal"));
}

/* A brake is done though nothing can be written: the journal says so, on top. */
static void what_is_not_recorded_is_said(void **state)
{
	static const struct site_desk none = {
		.actor = "kim@ops1", .file = ".", .console = true, .record = true};
	(void)state;
	site_init(&s, 1, 3);
	d = site_open(&s, &none);
	c = console_new(&(struct console_options){.desk = d, .w = 120, .h = 40}, s.now);
	type("6");
	pass(400);
	type("H");
	pass(2000);
	see("NOT RECORDED");
	see("no more can be read");
	type("g\n");
	assert_true(shows("DECISION hold"));
	assert_true(shows("the history has no row of it"));
}

static void who_only_looks_reads_too(void **state)
{
	(void)state;
	live();
	pass(1000);
	console_free(c);
	c = console_new(
		&(struct console_options){.desk = d, .w = 120, .h = 40, .read_only = true}, s.now);
	type("6/verb:step\n");
	see("step 0 > 10 %");
	type("A");
	assert_true(shows("this console only looks"));
	assert_false(shows("note:"));
}

static void leaving_draws_a_line(void **state)
{
	(void)state;
	live();
	assert_int_equal(desk_last_left_ms(d), UNKNOWN);
	type("6");
	see("step 0 > 10 %");
	assert_false(shows("you left"));
	console_free(c);
	site_close(&s, d);
	d = site_open(&s, &kim);
	c = console_new(&(struct console_options){.desk = d, .w = 120, .h = 40}, s.now);
	assert_int_equal(desk_last_left_ms(d), s.now.wall_ms);
	type("6");
	see("step 0 > 10 %");
	see("you left");
}

static int leave(void **state)
{
	(void)state;
	console_free(c);
	c = NULL;
	journal_release(&j);
	site_release(&s);
	return 0;
}

#define SCENES (sizeof scenes / sizeof *scenes)

int main(void)
{
	static const struct CMUnitTest plain[] = {
		cmocka_unit_test_teardown(no_size_breaks_it, leave),
		cmocka_unit_test_teardown(hostile_words, leave),
		cmocka_unit_test_teardown(rows_come_live_and_open, leave),
		cmocka_unit_test_teardown(a_note_names_what_it_is_about, leave),
		cmocka_unit_test_teardown(tab_shows_all_pools, leave),
		cmocka_unit_test_teardown(what_is_not_recorded_is_said, leave),
		cmocka_unit_test_teardown(who_only_looks_reads_too, leave),
		cmocka_unit_test_teardown(leaving_draws_a_line, leave),
	};
	struct CMUnitTest tests[SCENES + sizeof plain / sizeof *plain];
	for (size_t i = 0; i < SCENES; i++)
		tests[i] = (struct CMUnitTest){.name = scenes[i].name,
			.test_func = screen_is_as_it_was,
			.teardown_func = leave,
			.initial_state = (void *)&scenes[i]};
	memcpy(tests + SCENES, plain, sizeof plain);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
