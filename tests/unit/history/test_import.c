/* import: what was exported comes back to the byte, and nothing else comes in: hostile lines are
 * refused at their place, and leave no file. */
#include "tests/unit/history/archive.h"

#include "history/import.h"

#include <dirent.h>

static struct place place; /* the archive */
static struct text whole;  /* its export */

static int set_up(void **state)
{
	(void)state;
	archive_make(&place);
	whole = archive_export(place.path, EXPORT_JSONL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	text_free(&whole);
	place_clean(&place);
	return 0;
}

static bool at_once(void *ctx, bool checking, int64_t done, int64_t total)
{
	(void)ctx, (void)checking, (void)done, (void)total;
	return false;
}

/* A text as a file that is read. */
static FILE *open_text(const char *text, size_t len)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	rewind(file);
	return file;
}

static int take(const struct text *t, const char *to, struct import_report *r, struct err *err)
{
	FILE *file = open_text(text_str(t), t->len);
	const int code = import_run(r, file, "x.jsonl", to, NULL, err);

	fclose(file);
	return code;
}

static size_t files_in(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void assert_refused(const struct text *t, enum err_code code, const char *says)
{
	struct import_report r;
	struct err err = {0};
	struct place p;

	place_make(&p);
	assert_int_equal(take(t, p.path, &r, &err), -1);
	if (strstr(err.text, says) == NULL || err.code != code)
		fail_msg("W%d \"%s\" is not W%d \"%s\"", err.code, err.text, code, says);
	assert_int_equal(files_in(p.dir), 0);
	place_clean(&p);
}

/* ---- what comes back ---- */

static void an_import_is_the_same_to_the_byte(void **state)
{
	struct import_report r;
	struct err err = {0};
	struct place p;
	struct text again;

	(void)state;
	place_make(&p);
	if (take(&whole, p.path, &r, &err) < 0)
		fail_msg("W%d %s", err.code, err.text);
	assert_int_equal(files_in(p.dir), 1);
	assert_whole(p.path, r.head);
	assert_int_equal(r.head_seq,
		ask(place.path,
			"SELECT max(seq) FROM (SELECT seq FROM decision UNION SELECT seq FROM outcome"
			" UNION SELECT seq FROM event UNION SELECT seq FROM recording)"));
	again = archive_export(p.path, EXPORT_JSONL);
	assert_int_equal(again.len, whole.len);
	assert_memory_equal(again.data, whole.data, whole.len);
	text_free(&again);
	place_clean(&p);
}

static void an_empty_history_comes_back(void **state)
{
	struct import_report r;
	struct err err = {0};
	struct place p, q;
	struct text all;

	(void)state;
	place_make(&p);
	place_make(&q);
	settle(start_opened(&p, "kim@ops1"));
	all = archive_export(p.path, EXPORT_JSONL);
	assert_int_equal(take(&all, q.path, &r, &err), 0);
	assert_string_equal(r.head, "");
	assert_int_equal(r.rows, 0);
	text_free(&all);
	place_clean(&p);
	place_clean(&q);
}

/* One decision, two recorders, three nodes, then an import, and the nodes tell it once more. */
static void what_was_observed_stays_one_row(void **state)
{
	static const char decisions[] = "SELECT count(*) FROM decision WHERE id = 'told-1'";
	static const char outcomes[] = "SELECT count(*) FROM outcome WHERE decision = 'told-1'";
	struct import_report r;
	struct err err = {0};
	struct history *h;
	struct place p;
	int64_t before;

	(void)state;
	assert_int_equal(ask(place.path, decisions), 1);
	assert_int_equal(ask(place.path, "SELECT count(*) FROM decision WHERE pool = 'search'"), 1);
	before = ask(place.path, outcomes);
	assert_int_equal(before, 4); /* at three nodes, and the final one */
	place_make(&p);
	assert_int_equal(take(&whole, p.path, &r, &err), 0);
	h = start_opened(&p, "rec@ops1");
	archive_observe(h, "n-1");
	archive_observe(h, "n-2");
	archive_observe(h, "n-3");
	settle(h);
	assert_int_equal(ask(p.path, decisions), 1);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision WHERE pool = 'search'"), 1);
	assert_int_equal(ask(p.path, outcomes), before);
	assert_whole(p.path, r.head);
	place_clean(&p);
}

/* Blanks, another order of members, other escapes of the same text: the rows are the same. */
static void other_words_for_the_same_rows(void **state)
{
	static const struct {
		const char *from, *to;
	} rewritten[] = {
		{"\"table\":\"weir\",\"schema\":\"weir.history/1\",\"user_version\":2,\"whole\":true",
			" \"table\" : \"weir\" ,\t\"whole\":true, \"user_version\":2,"
			"\"schema\":\"weir.\\u0068istory\\/1\" "},
		{"\\u202e and \xf0\x9f\xa6\xa6", "\xe2\x80\xae and \\uD83E\\udda6"},
		{"to\\u0009tabs", "to\\ttabs"},
	};
	struct import_report r;
	struct err err = {0};
	struct text t = {0}, again;
	struct place p;

	(void)state;
	text_add(&t, whole.data);
	for (size_t i = 0; i < sizeof rewritten / sizeof *rewritten; i++) {
		struct text next = {0};
		const char *at = strstr(t.data, rewritten[i].from);

		assert_non_null(at);
		text_add_n(&next, t.data, (size_t)(at - t.data));
		text_add(&next, rewritten[i].to);
		text_add(&next, at + strlen(rewritten[i].from));
		text_free(&t);
		t = next;
	}
	place_make(&p);
	if (take(&t, p.path, &r, &err) < 0)
		fail_msg("W%d %s", err.code, err.text);
	again = archive_export(p.path, EXPORT_JSONL);
	assert_string_equal(again.data, whole.data);
	text_free(&again);
	text_free(&t);
	place_clean(&p);
}

/* ---- what does not come in ---- */

#define BEGIN \
	"{\"table\":\"weir\",\"schema\":\"weir.history/1\",\"user_version\":2,\"whole\":true}\n"
#define END(rows) "{\"table\":\"end\",\"rows\":" rows ",\"head_seq\":0,\"head\":null}\n"
#define POOL(tail) \
	"{\"table\":\"pool\",\"pool\":\"a\",\"pool_id\":\"b\",\"first_seen_ms\":1," tail "\n"
#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define KEY "{\"table\":\"key\",\"id\":1,\"public_key\":\"" HEX64 "\",\"actor\":\"a\"}\n"
#define SIGNED "\"key\":1,\"hash\":\"" HEX64 "\",\"signature\":\"" HEX64 HEX64 "\"}\n"
#define EVENT(seq, detail) \
	"{\"table\":\"event\",\"seq\":" seq ",\"at_ms\":1,\"pool\":\"\",\"node_id\":\"\"," \
	"\"recording\":null,\"tick\":null,\"kind\":\"a\",\"text\":\"b\",\"detail\":" detail \
	"," SIGNED
#define DECISION(share, late) \
	"{\"table\":\"decision\",\"seq\":1,\"id\":\"a\",\"pool\":\"a\",\"pool_id\":\"\"," \
	"\"at_ms\":1,\"actor\":\"a\",\"role\":\"a\",\"verb\":\"step\",\"from_bp\":" share "," \
	"\"to_bp\":null,\"reason\":\"\",\"epoch\":null,\"rev\":null,\"observed\":0,\"late\":" late \
	"," \
	"\"evidence\":\"{}\"," SIGNED

static void lines_that_do_not_fit_are_told_by_their_place(void **state)
{
	static const struct {
		const char *lines, *says;
		enum err_code code;
	} cases[] = {
		/* not lines of ours */
		{"", "x.jsonl:1:1: the last line", ERR_DOCUMENT},
		{"\n", "x.jsonl:1:1: '{' is missing", ERR_DOCUMENT},
		{"[]\n", "x.jsonl:1:1: '{' is missing", ERR_DOCUMENT},
		{"{}\n", "x.jsonl:1:2: a name in quotes", ERR_DOCUMENT},
		{"{\"table\"\n", "x.jsonl:1:9: ':' is missing", ERR_DOCUMENT},
		{"{\"table\":\"weir", "x.jsonl:1:15: the line does not end", ERR_DOCUMENT},
		{"{\"table\":\"weir\n", "x.jsonl:1:10: the string does not end", ERR_DOCUMENT},
		{"{\"table\":1}\n", "x.jsonl:1:10: \"table\" is a string", ERR_FIELD},
		{"{\"schema\":1}\n", "x.jsonl:1:2: \"table\" comes first", ERR_FIELD},
		{"{\"table\":\"sqlite_schema\"}\n", "x.jsonl:1:10: no table \"sqlite_schema\"",
			ERR_FIELD},
		{POOL("\"last_seen_ms\":1}"), "x.jsonl:1:1: the first line must be", ERR_FIELD},
		{BEGIN BEGIN, "x.jsonl:2:1: the first line comes again", ERR_FIELD},
		{BEGIN, "x.jsonl:2:1: the last line (table \"end\") is missing", ERR_DOCUMENT},
		{BEGIN END("1"), "x.jsonl:2:23: 0 rows stand before", ERR_FIELD},
		{BEGIN END("0") END("0"), "x.jsonl:3:1: a line behind the last", ERR_DOCUMENT},
		{"{\"table\":\"weir\",\"schema\":\"weir.history/2\",\"user_version\":2,\"whole\":true}\n",
			"x.jsonl:1:26: written by a weir", ERR_NEWER},
		{"{\"table\":\"weir\",\"schema\":\"weir.history/1\",\"user_version\":9,\"whole\":true}\n",
			"written by a weir", ERR_NEWER},
		{"{\"table\":\"weir\",\"schema\":\"weir.history/1\",\"user_version\":0,\"whole\":true}\n",
			"no version", ERR_FIELD},
		{"{\"table\":\"weir\",\"schema\":\"weir.history/1\",\"user_version\":2,\"whole\":false}\n",
			"a part of a history", ERR_FIELD},
		{"{\"table\":\"weir\",\"schema\":\"weir.history/1\",\"user_version\":2,\"whole\":1}\n",
			"\"whole\" is true or false", ERR_FIELD},
		/* members */
		{BEGIN POOL("\"last_seen_ms\":1}}"), "x.jsonl:2:77: more than one object",
			ERR_DOCUMENT},
		{BEGIN POOL("\"last_seen_ms\":1;}"), "x.jsonl:2:76: ',' or '}'", ERR_DOCUMENT},
		{BEGIN POOL("\"last_seen_ms\":1,}"), "x.jsonl:2:77: a name in quotes", ERR_DOCUMENT},
		{BEGIN POOL("\"owner\":1}"), "x.jsonl:2:60: table \"pool\" has no column \"owner\"",
			ERR_FIELD},
		{BEGIN POOL("\"pool\":\"c\"}"), "x.jsonl:2:60: \"pool\" is there twice", ERR_DUPLICATE},
		{BEGIN "{\"table\":\"pool\",\"pool\":\"a\"}\n", "\"pool_id\" is missing", ERR_FIELD},
		/* numbers */
		{BEGIN POOL("\"last_seen_ms\":\"1\"}"), "x.jsonl:2:75: \"last_seen_ms\" is an integer",
			ERR_FIELD},
		{BEGIN POOL("\"last_seen_ms\":null}"), "x.jsonl:2:75:", ERR_FIELD},
		{BEGIN POOL("\"last_seen_ms\":}"), "x.jsonl:2:75:", ERR_FIELD},
		{BEGIN POOL("\"last_seen_ms\":1.0}"), "shortest form", ERR_FIELD},
		{BEGIN POOL("\"last_seen_ms\":1e3}"), "shortest form", ERR_FIELD},
		{BEGIN POOL("\"last_seen_ms\":01}"), "shortest form", ERR_FIELD},
		{BEGIN POOL("\"last_seen_ms\":-0}"), "shortest form", ERR_FIELD},
		{BEGIN POOL("\"last_seen_ms\":-}"), "shortest form", ERR_FIELD},
		{BEGIN POOL("\"last_seen_ms\":--1}"), "shortest form", ERR_FIELD},
		{BEGIN POOL("\"last_seen_ms\":9223372036854775808}"), "must be from", ERR_FIELD},
		{BEGIN POOL("\"last_seen_ms\":-9223372036854775808}"), "must be from", ERR_FIELD},
		{BEGIN POOL("\"last_seen_ms\":true}"), "is an integer", ERR_FIELD},
		{BEGIN KEY DECISION("10001", "0"), "\"from_bp\" must be from 0 to 10000", ERR_FIELD},
		{BEGIN KEY DECISION("1", "2"), "\"late\" must be from 0 to 1", ERR_FIELD},
		{BEGIN KEY EVENT("0", "null"), "\"seq\" must be from 1", ERR_FIELD},
		/* texts */
		{BEGIN "{\"table\":\"key\",\"id\":1,\"public_key\":\"12\",\"actor\":\"a\"}\n",
			"x.jsonl:2:36: \"public_key\" must be 64 lower-case hex digits", ERR_FIELD},
		{BEGIN "{\"table\":\"key\",\"id\":1,\"public_key\":7,\"actor\":\"a\"}\n",
			"\"public_key\" is a string", ERR_FIELD},
		{BEGIN "{\"table\":\"\\x\"}\n", "x.jsonl:2:11: no escape of JSON", ERR_DOCUMENT},
		{BEGIN "{\"table\":\"\\u12g4\"}\n", "x.jsonl:2:15: \\u needs four", ERR_DOCUMENT},
		{BEGIN "{\"table\":\"\\ud800\"}\n", "x.jsonl:2:11: half of a pair", ERR_UTF8},
		{BEGIN "{\"table\":\"\\udc00\"}\n", "half of a pair", ERR_UTF8},
		{BEGIN "{\"table\":\"\\ud800\\u0041\"}\n", "half of a pair", ERR_UTF8},
		{BEGIN "{\"table\":\"\x01\"}\n", "x.jsonl:2:11: a control byte", ERR_DOCUMENT},
		{BEGIN "{\"table\":\"\xc3\x28\"}\n", "x.jsonl:2:11: not UTF-8", ERR_UTF8},
		{BEGIN "{\"table\":\"\xed\xa0\x80\"}\n", "not UTF-8", ERR_UTF8},
		{BEGIN KEY EVENT("1", "\"{\""), "\"detail\" is no JSON document", ERR_FIELD},
		{BEGIN KEY EVENT("1", "{}"), "\"detail\" is a string or null", ERR_FIELD},
		/* rows against each other */
		{BEGIN KEY KEY, "x.jsonl:3:1: the row does not fit", ERR_FIELD},
		{BEGIN EVENT("1", "null"), "x.jsonl:2:1: the row does not fit", ERR_FIELD},
		{BEGIN KEY
			"{\"table\":\"series\",\"id\":1,\"recording\":1,\"pool_id\":\"\",\"node_id\":\"\","
			"\"arm\":\"v3\",\"operation\":null,\"half\":null,\"layout\":\"\"}\n",
			"x.jsonl:3:1: the row does not fit", ERR_FIELD},
		/* the chain */
		{BEGIN KEY EVENT("1", "null") END("2"), "row 1 (event) of \"x.jsonl\": its content",
			ERR_CHAIN},
		{BEGIN KEY EVENT("2", "null") END("2"), "a row before it is missing", ERR_CHAIN},
		{BEGIN "{\"table\":\"end\",\"rows\":0,\"head_seq\":3,\"head\":\"" HEX64 "\"}\n",
			"does not end where", ERR_CHAIN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct text t = {0};

		text_add(&t, cases[i].lines);
		assert_refused(&t, cases[i].code, cases[i].says);
		text_free(&t);
	}
}

/* The first place of `from` in the export gets `to`. */
static struct text changed(const char *from, const char *to)
{
	const char *at = strstr(whole.data, from);
	struct text t = {0};

	assert_non_null(at);
	text_add_n(&t, whole.data, (size_t)(at - whole.data));
	text_add(&t, to);
	text_add(&t, at + strlen(from));
	return t;
}

static void a_changed_export_is_found_out(void **state)
{
	static const struct {
		const char *from, *to, *says;
		enum err_code code;
	} cases[] = {
		{"\"reason\":\"because\"", "\"reason\":\"Because\"", "(decision)", ERR_CHAIN},
		{"\"to_bp\":1000", "\"to_bp\":1001", "(decision)", ERR_CHAIN},
		{"\"actor\":\"kim@ops1\"}", "\"actor\":\"ann@ops1\"}", "x.jsonl", ERR_CHAIN},
		{"\"latency\":\"", "\"latency\":\"0000", "is no histogram", ERR_FIELD},
		{"\"latency\":\"", "\"latency\":\"0", "is no histogram", ERR_FIELD},
		{"\"latency\":\"", "\"latency\":\"zz", "is no histogram", ERR_FIELD},
		{"\"series\":1", "\"series\":268435456", "must be from 0", ERR_FIELD},
		{"\"t\":18000000000", "\"t\":34359738368", "must be from", ERR_FIELD},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct text t = changed(cases[i].from, cases[i].to);

		assert_refused(&t, cases[i].code, cases[i].says);
		text_free(&t);
	}
}

/* Cut behind any line, or within one: never a history. */
static void a_cut_export_is_found_out(void **state)
{
	(void)state;
	for (size_t len = 0, lines = 0; len < whole.len; len++) {
		struct text t = {0};

		if (whole.data[len] != '\n' || ++lines % 5 != 0)
			continue;
		text_add_n(&t, whole.data, len + 1);
		if (len + 1 < whole.len)
			assert_refused(&t, ERR_DOCUMENT, "the file was cut");
		text_clear(&t);
		text_add_n(&t, whole.data, len);
		assert_refused(&t, ERR_DOCUMENT, "the line does not end");
		text_free(&t);
	}
}

static void a_line_has_its_bounds(void **state)
{
	struct text t = {0};

	(void)state;
	for (size_t i = 0; i < 1024 * 1024; i++)
		text_add_n(&t, " ", 1);
	text_add(&t, "\n");
	assert_refused(&t, ERR_DOCUMENT, "x.jsonl:1:1048577: '{' is missing");
	t.data[t.len - 1] = ' ';
	text_add(&t, "\n");
	assert_refused(&t, ERR_TOO_LARGE, "x.jsonl:1:1048577: the line is longer");
	text_clear(&t);
	text_add_n(&t, "{\"table\":\"\0\"}\n", 14);
	assert_refused(&t, ERR_DOCUMENT, "x.jsonl:1:11: a NUL byte");
	text_free(&t);
}

/* ---- the file ---- */

static void only_a_new_file_is_made(void **state)
{
	struct import_report r;
	struct err err = {0};
	struct text before, after;
	struct place p;
	char missing[256];

	(void)state;
	before = archive_export(place.path, EXPORT_JSONL);
	assert_int_equal(take(&whole, place.path, &r, &err), -1);
	assert_int_equal(err.code, ERR_FILE);
	assert_non_null(strstr(err.text, "exists already"));
	after = archive_export(place.path, EXPORT_JSONL);
	assert_string_equal(before.data, after.data);
	text_free(&before);
	text_free(&after);
	place_make(&p);
	/* a name that leads nowhere is a name */
	assert_int_equal(symlink("/nonexistent/x", p.path), 0);
	assert_int_equal(take(&whole, p.path, &r, &err), -1);
	assert_non_null(strstr(err.text, "exists already"));
	assert_int_equal(files_in(p.dir), 1);
	snprintf(missing, sizeof missing, "%s/no/dir.db", p.dir);
	assert_int_equal(take(&whole, missing, &r, &err), -1);
	assert_int_equal(err.code, ERR_FILE);
	place_clean(&p);
}

/* A log that is left of another file would be taken for one of this. */
static void beside_a_log_of_another_file_none_is_made(void **state)
{
	static const char *const tails[] = {"-wal", "-journal"};

	(void)state;
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		struct import_report r;
		struct err err = {0};
		struct place p;
		char left[256];
		FILE *file;

		place_make(&p);
		snprintf(left, sizeof left, "%s%s", p.path, tails[i]);
		file = fopen(left, "w");
		assert_non_null(file);
		fclose(file);
		assert_int_equal(take(&whole, p.path, &r, &err), -1);
		assert_int_equal(err.code, ERR_FILE);
		assert_non_null(strstr(err.text, tails[i]));
		assert_non_null(strstr(err.text, "move it away first"));
		assert_int_equal(files_in(p.dir), 1);
		assert_int_equal(unlink(left), 0);
		assert_int_equal(take(&whole, p.path, &r, &err), 0);
		place_clean(&p);
	}
}

static void an_interrupted_import_leaves_nothing(void **state)
{
	const struct import_watch watch = {.progress = at_once};
	struct text t = {0};
	struct import_report r;
	struct err err = {0};
	struct place p;
	FILE *file;

	(void)state;
	text_add(&t, BEGIN);
	for (int i = 0; i < 600; i++)
		text_addf(&t,
			"{\"table\":\"pool\",\"pool\":\"%d\",\"pool_id\":\"b\",\"first_seen_ms\":1,"
			"\"last_seen_ms\":1}\n",
			i);
	text_add(&t, END("600"));
	place_make(&p);
	file = open_text(t.data, t.len);
	assert_int_equal(import_run(&r, file, "x.jsonl", p.path, &watch, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_int_equal(files_in(p.dir), 0);
	rewind(file);
	assert_int_equal(import_run(&r, file, "x.jsonl", p.path, NULL, &err), 0);
	assert_int_equal(r.rows, 600);
	fclose(file);
	text_free(&t);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_import_is_the_same_to_the_byte),
		cmocka_unit_test(an_empty_history_comes_back),
		cmocka_unit_test(what_was_observed_stays_one_row),
		cmocka_unit_test(other_words_for_the_same_rows),
		cmocka_unit_test(lines_that_do_not_fit_are_told_by_their_place),
		cmocka_unit_test(a_changed_export_is_found_out),
		cmocka_unit_test(a_cut_export_is_found_out),
		cmocka_unit_test(a_line_has_its_bounds),
		cmocka_unit_test(only_a_new_file_is_made),
		cmocka_unit_test(beside_a_log_of_another_file_none_is_made),
		cmocka_unit_test(an_interrupted_import_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
