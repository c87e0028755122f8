/* What Tab offers after `:`, word by word, and the lines that Up brings back. */
#include "model/text.h"
#include "tests/lib/console_seat.h"
#include "tui/complete.h"
#include "tui/console_words.h"
#include "tui/recall.h"

#include <stdio.h>
#include <string.h>

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};

static int sit_down(void **state)
{
	(void)state;
	site_init(&s, 1, 7);
	d = site_open(&s, &kim);
	struct console_options how = {.desk = d, .w = 80, .h = 24, .ascii = true};
	c = console_new(&how, s.now);
	return 0;
}

static void type(const char *keys)
{
	for (; *keys; keys++)
		console_key(c,
			*keys == '\n'       ? KEYS_ENTER
				: *keys == '\t' ? KEYS_TAB
				: *keys == '^'  ? KEYS_UP
				: *keys == '_'  ? KEYS_DOWN
								: (unsigned char)*keys,
			s.now);
}

/* A row from below: 0 the last. */
static const char *row(int from_below)
{
	static char out[24][400];
	struct text chars = {0};
	surface_dump(console_draw(c, s.now), &chars, NULL);
	char all[64000];
	text_copy(all, sizeof all, text_str(&chars));
	text_free(&chars);
	int count = 0;
	for (char *at = all; count < 24 && *at; count++) {
		size_t len = strcspn(at, "\n");
		snprintf(out[count], sizeof out[0], "%.*s", (int)len, at);
		at += len + 1;
	}
	return out[count - 1 - from_below];
}

static void line_is(const char *keys, const char *line)
{
	console_key(c, KEYS_ESC, s.now);
	type(keys);
	const char *at = strchr(row(0), ':');
	assert_non_null(at);
	assert_string_equal(at + 1, line);
}

static void offers(const char *words)
{
	if (!strstr(row(1), words))
		fail_msg("'%s' is not offered: %s", words, row(1));
}

static void words_complete_as_far_as_they_agree_then_cycle(void **state)
{
	(void)state;
	line_is(":rol\t", "rollback");
	line_is(":re\t", "re"); /* one more Tab: the first */
	line_is(":re\t\t", "resume");
	offers("resume  redraw");
	type("\t");
	assert_non_null(strstr(row(0), ":redraw"));
	type("\t");
	assert_non_null(strstr(row(0), ":resume"));
	type("x"); /* any other key goes on with the line */
	assert_non_null(strstr(row(0), ":resumex"));
	assert_null(strstr(row(1), "redraw"));
	line_is(":zz\t", "zz");
	offers("nothing fits");
	line_is(":ann\t\t", "annotate");
	offers("takes TEXT");
	assert_int_equal(s.node[0]->commands, 0);
}

static void arguments_complete_by_what_the_row_takes(void **state)
{
	(void)state;
	site_run(&s, 2000);
	line_is(":screen j\t", "screen journal");
	line_is(":strategy can\t", "strategy canary");
	line_is(":step n\t", "step next");
	line_is(":step \t", "step");
	offers("1%  10%  50%  100%  next");
	line_is(":step 5\t", "step 50%");
	line_is(":guard \t\t", "guard hold");
	offers("hold  act");
	line_is(":guard hold 3\t", "guard hold 30m");
	line_is(":guard act 3\t", "guard act 3");
	line_is(":select page-d\t", "select page-down");
	line_is(":sort r\t", "sort reverse");
	line_is(":drain \t", "drain v");
	offers("v1  v2");
	line_is(":drain v1 o\t", "drain v1 off");
	line_is(":help \t", "help");
	line_is(":bogus x\t", "bogus x");
	assert_int_equal(s.node[0]->commands, 0);
}

static void operations_offer_what_v2_gets_and_what_it_may_get(void **state)
{
	(void)state;
	struct snapshot *doc = (struct snapshot *)site_pool(d)->nodes[0].last;
	doc->arms[ARM_V1].operation_count = 2;
	text_copy(doc->arms[ARM_V1].operations[0].name, OPERATION_NAME_MAX, "predict");
	text_copy(doc->arms[ARM_V1].operations[1].name, OPERATION_NAME_MAX, "train");
	doc->operations.limited = true;
	doc->operations.count = 1;
	text_copy(doc->operations.name[0], OPERATION_NAME_MAX, "train");
	line_is(":operations +\t", "operations +predict");
	line_is(":operations +predict -\t", "operations +predict -train");
	doc->operations.limited = false;
	line_is(":operations -p\t", "operations -predict");
	line_is(":operations +\t", "operations +");
}

/* Every word of a row's `takes` is either meant as it stands, or known, or for the person. */
static void knows(void *ctx, const struct console_word *w)
{
	static const char *const persons[] = {"TEXT", "REASON", "TIME", "ID"};
	struct complete o;
	struct roster roster = {0};
	struct complete_at at = {.pool = site_pool(d), .roster = &roster, .replay = true};
	char line[64];
	bool known = *w->takes == 0;
	(void)ctx;
	snprintf(line, sizeof line, "%s ", w->word);
	at.replay = w->replay_only;
	complete_look(&o, &at, line);
	for (size_t i = 0; i < sizeof persons / sizeof *persons; i++)
		known |= strstr(w->takes, persons[i]) != NULL;
	known |= strcmp(w->word, "drain") == 0 || strcmp(w->word, "operations") == 0;
	if (!known && o.count == 0)
		fail_msg("nothing completes '%s%s'", line, w->takes);
	assert_string_equal(o.takes, w->takes);
}

static void every_word_is_completed_by_its_row(void **state)
{
	(void)state;
	console_words_each(false, false, knows, NULL);
	console_words_each(false, true, knows, NULL);
}

static void one_who_only_looks_is_offered_nothing_that_acts(void **state)
{
	(void)state;
	struct complete o;
	struct roster roster = {0};
	struct complete_at at = {.pool = site_pool(d), .roster = &roster, .looking = true};
	complete_look(&o, &at, "");
	assert_true(o.count > 5);
	for (int i = 0; i < o.count; i++)
		assert_int_equal(verb_of(o.word[i]), VERB_COUNT);
	complete_look(&o, &at, "step ");
	assert_int_equal(o.count, 0);
}

static void lines_come_back(void **state)
{
	(void)state;
	type(":screen workers\n:screen guards\n:screen guards\n");
	line_is(":^", "screen guards");
	line_is(":^^", "screen workers");
	line_is(":^^^", "screen workers");
	line_is(":scr^^_", "screen guards");
	line_is(":scr^^___", "scr");
	type("\n");
	line_is(":^", "scr");
	struct recall r = {0};
	struct edit e = {0};
	for (int i = 0; i < 3 * RECALL_MAX; i++) {
		char text[24];
		snprintf(text, sizeof text, "line %d", i);
		recall_add(&r, text);
	}
	recall_add(&r, "");
	assert_int_equal(r.count, RECALL_MAX);
	for (int i = 0; i < 2 * RECALL_MAX; i++)
		recall_move(&r, -1, &e);
	assert_string_equal(e.text, "line 64");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(words_complete_as_far_as_they_agree_then_cycle),
		CASE(arguments_complete_by_what_the_row_takes),
		CASE(operations_offer_what_v2_gets_and_what_it_may_get),
		CASE(every_word_is_completed_by_its_row),
		CASE(one_who_only_looks_is_offered_nothing_that_acts),
		CASE(lines_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
