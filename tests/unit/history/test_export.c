/* export: every column of every table, formats that other programs read, what cannot be written;
 * and the manual's decoder of histograms. */
#include "tests/unit/history/archive.h"

#include "history/tables.h"

#include <ctype.h>

static struct place place;

static int set_up(void **state)
{
	(void)state;
	archive_make(&place);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	place_clean(&place);
	return 0;
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

/* A copy of the archive to spoil; the log was truncated when it was closed. */
static struct place copy_place(void)
{
	struct place p;
	sqlite3 *from, *to;
	sqlite3_backup *b;

	place_make(&p);
	assert_int_equal(sqlite3_open(place.path, &from), SQLITE_OK);
	assert_int_equal(sqlite3_open(p.path, &to), SQLITE_OK);
	b = sqlite3_backup_init(to, "main", from, "main");
	assert_non_null(b);
	assert_int_equal(sqlite3_backup_step(b, -1), SQLITE_DONE);
	sqlite3_backup_finish(b);
	sqlite3_close(to);
	sqlite3_close(from);
	return p;
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
		n++;
	return n;
}

/* ---- the tables ---- */

/* Whoever adds a table or a column to the schema is told here that it would be lost. */
static void every_column_of_a_fresh_file_is_known(void **state)
{
	struct text sql = {0};

	(void)state;
	assert_int_equal(
		ask(place.path, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"),
		TABLES_COUNT);
	for (int t = 0; t < TABLES_COUNT; t++) {
		const struct tables_row *row = &tables_rows[t];

		/* hidden columns are those made from the key, which stand in its place */
		text_clear(&sql);
		text_addf(&sql,
			"SELECT count(*) FROM pragma_table_xinfo('%s') WHERE NOT"
			" (name = 'key' AND '%s' IN ('sample', 'rollup'))",
			row->name, row->name);
		assert_int_equal(ask(place.path, text_str(&sql)), row->count);
		for (size_t i = 0; i < row->count; i++) {
			const struct tables_field *f = &row->fields[i];
			const char *type = f->kind == TABLES_HISTOGRAM ? "BLOB"
				: f->kind < TABLES_TRUTH                   ? "INTEGER"
														   : "TEXT";

			text_clear(&sql);
			text_addf(&sql,
				"SELECT count(*) FROM pragma_table_xinfo('%s') WHERE name = '%s'"
				" AND type LIKE '%s%%' AND ((\"notnull\" = 0 AND pk = 0 AND hidden = 0) = %d)",
				row->name, f->name, type, f->nullable);
			if (ask(place.path, text_str(&sql)) != 1)
				fail_msg("%s.%s", row->name, f->name);
		}
	}
	text_free(&sql);
}

static void json_lines_have_every_row(void **state)
{
	struct text all = archive_export(place.path, EXPORT_JSONL);
	struct text sql = {0};
	size_t rows = 0;

	(void)state;
	for (int t = 0; t < TABLES_COUNT; t++) {
		char begins[40];

		snprintf(begins, sizeof begins, "{\"table\":\"%s\",", tables_rows[t].name);
		text_clear(&sql);
		text_addf(&sql, "SELECT count(*) FROM \"%s\"", tables_rows[t].name);
		rows += count(all.data, begins);
		assert_int_equal(ask(place.path, text_str(&sql)), count(all.data, begins));
	}
	assert_int_equal(count(all.data, "\n"), rows + 2);
	assert_int_equal(strncmp(all.data,
						 "{\"table\":\"weir\",\"schema\":\"weir.history/1\",\"user_version\":2,"
						 "\"whole\":true}\n",
						 70),
		0);
	/* escaped where a terminal would obey, as it is otherwise */
	assert_non_null(
		strstr(all.data, "say \\\"no\\\" \\\\ to\\u0009tabs, \\u202e and \xf0\x9f\xa6\xa6"));
	assert_non_null(strstr(all.data, "\"from_bp\":null,\"to_bp\":1000"));
	assert_non_null(strstr(all.data, "\"evidence\":\"{\\\"predicates\\\":14}\""));
	/* every line is one JSON object */
	text_clear(&sql);
	text_add(&sql, "SELECT ");
	for (const char *at = all.data; *at != '\0'; at = strchr(at, '\n') + 1) {
		sqlite3_stmt *s;
		sqlite3 *db;

		assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
		sqlite3_prepare_v2(db, "SELECT json_type(?1)", -1, &s, NULL);
		sqlite3_bind_text(s, 1, at, (int)strcspn(at, "\n"), SQLITE_STATIC);
		assert_int_equal(sqlite3_step(s), SQLITE_ROW);
		assert_string_equal(sqlite3_column_text(s, 0), "object");
		sqlite3_finalize(s);
		sqlite3_close(db);
	}
	text_free(&sql);
	text_free(&all);
}

static void a_part_has_its_pool_and_time_and_says_so(void **state)
{
	const struct export_how search = {.pool = "search"},
							late = {.since_ms = T0 + 2000, .until_ms = T0 + 4000};
	struct text all = {0};
	struct err err;

	(void)state;
	assert_int_equal(export_run(place.path, &search, archive_put, &all, &err), 0);
	assert_non_null(strstr(all.data, "\"whole\":false"));
	assert_null(strstr(all.data, "\"table\":\"sample\""));
	assert_null(strstr(all.data, "\"id\":\"d-1\""));
	assert_int_equal(count(all.data, "\"table\":\"decision\""), 1);
	assert_int_equal(count(all.data, "\"table\":\"node\""), 3);
	assert_int_equal(count(all.data, "\"table\":\"outcome\""), 4);
	text_clear(&all);
	assert_int_equal(export_run(place.path, &late, archive_put, &all, &err), 0);
	assert_int_equal(count(all.data, "\"table\":\"sample\""), 4);
	assert_int_equal(count(all.data, "\"table\":\"decision\""), 0);
	text_free(&all);
}

static bool put_three(void *ctx, const char *line, size_t len)
{
	(void)line;
	(void)len;
	return ++*(int *)ctx < 3;
}

static void who_wants_no_more_gets_no_more(void **state)
{
	struct err err;

	(void)state;
	for (int f = 0; f < EXPORT_COUNT; f++) {
		const struct export_how how = {.format = (enum export_format)f};
		int lines = 0;

		assert_int_equal(export_run(place.path, &how, put_three, &lines, &err), 0);
		assert_int_equal(lines, 3);
	}
}

/* ---- the samples ---- */

static void csv_has_a_row_an_interval_and_side(void **state)
{
	struct text all = archive_export(place.path, EXPORT_CSV);
	size_t columns = 0;

	(void)state;
	assert_int_equal(count(all.data, "\n"), 1 + 2 * ARCHIVE_TICKS);
	assert_int_equal(strncmp(all.data, "time,recording,pool,pool_id,node,node_id,arm,", 45), 0);
	columns = 0;
	for (const char *at = all.data; *at != '\n'; at++)
		columns += *at == ',';
	/* quotes are doubled; what is not known is empty */
	const char *row = strchr(all.data, '\n') + 1;
	static const char first[] =
		"2027-01-15T08:00:00.007Z,1,\"checkout\",\"pool-1\",\"a \"\"quoted\\\"\" node\",\"n-1\",\"v1\",1000,2,";

	assert_int_equal(strncmp(row, first, sizeof first - 1), 0);
	for (const char *at = row; *at != '\n'; at++)
		columns -= *at == ',';
	assert_int_equal(columns, 0);
	assert_non_null(strstr(row, ",,1500000,0\n"));
	text_free(&all);
}

/* What a spreadsheet would compute is a text to it. */
static void csv_has_no_formulas(void **state)
{
	static const char *const names[] = {"=1+1", "+1", "-1", "@x", "a=1"};
	static const char *const cells[] = {
		",\"'=1+1\",", ",\"'+1\",", ",\"'-1\",", ",\"'@x\",", ",\"a=1\","};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct place p = copy_place();
		char sql[80];
		struct text all;

		snprintf(sql, sizeof sql, "UPDATE node SET node = '%s'", names[i]);
		run_sql(p.path, sql);
		all = archive_export(p.path, EXPORT_CSV);
		assert_int_equal(count(all.data, cells[i]), 2 * ARCHIVE_TICKS);
		text_free(&all);
		place_clean(&p);
	}
}

/* One line of OpenMetrics: NAME{label="...",...} VALUE TIME. Returns what follows the name. */
static const char *expect_name(const char *at)
{
	assert_true(isalpha((unsigned char)*at));
	while (isalnum((unsigned char)*at) || *at == '_')
		at++;
	return at;
}

static const char *expect_labels(const char *at)
{
	assert_int_equal(*at, '{');
	do {
		at = expect_name(at + 1);
		assert_int_equal(strncmp(at, "=\"", 2), 0);
		for (at += 2; *at != '"'; at++) {
			assert_true(*at != '\n' && *at != '\0');
			if (*at == '\\')
				assert_non_null(memchr("\\\"n", *++at, 3));
		}
	} while (*++at == ',');
	assert_int_equal(*at, '}');
	return at + 1;
}

static double expect_number(const char **at)
{
	char *end;
	double n;

	assert_int_equal(**at, ' ');
	n = strtod(*at + 1, &end);
	assert_ptr_not_equal(end, *at + 1);
	*at = end;
	return n;
}

/* HELP comes first and once; a count has no TYPE and a name in _total, all else is a gauge; times
 * of one series rise and counts never fall; EOF is last. */
static void openmetrics_keeps_its_grammar(void **state)
{
	struct text all = archive_export(place.path, EXPORT_OPENMETRICS);
	char family[64] = "", series[400] = "";
	double value = 0, time = 0;
	bool is_count = false;
	size_t points = 0;

	(void)state;
	for (const char *at = all.data, *end; *at != '\0'; at = end + 1) {
		char name[80];

		end = strchr(at, '\n');
		if (strncmp(at, "# EOF\n", 6) == 0) {
			assert_int_equal(end[1], '\0');
		} else if (strncmp(at, "# HELP ", 7) == 0) {
			snprintf(family, sizeof family, "%.*s", (int)strcspn(at + 7, " "), at + 7);
			snprintf(name, sizeof name, "# HELP %s ", family);
			assert_int_equal(count(all.data, name), 1);
			is_count = strlen(family) > 6 && strcmp(family + strlen(family) - 6, "_total") == 0;
			snprintf(name, sizeof name, "# TYPE %s gauge\n", family);
			assert_int_equal(count(all.data, name), !is_count);
		} else if (strncmp(at, "# TYPE ", 7) != 0) {
			const char *rest = expect_name(at);

			assert_int_equal(rest - at, strlen(family));
			assert_int_equal(strncmp(at, family, strlen(family)), 0);
			rest = expect_labels(rest);
			if (strncmp(series, at, (size_t)(rest - at)) != 0 || series[rest - at] != '\0') {
				snprintf(series, sizeof series, "%.*s", (int)(rest - at), at);
				value = time = 0;
			}
			const double now = expect_number(&rest), when = expect_number(&rest);

			assert_ptr_equal(rest, end);
			assert_true(when > time && (!is_count || now >= value));
			value = now;
			time = when;
			points++;
		}
	}
	assert_true(points > 100);
	assert_non_null(strstr(all.data, "# EOF\n"));
	/* a name in quotes, whole seconds, microseconds as seconds, sums of counts */
	assert_non_null(strstr(all.data,
		"weir_cpu_seconds_total{pool=\"checkout\",node=\"a \\\"quoted\\\\\\\" node\","
		"node_id=\"n-1\",arm=\"v1\",recording=\"1\"} 3 1800000001\n"));
	assert_non_null(strstr(all.data,
		"weir_requests_failed_total{pool=\"checkout\",node=\"a \\\"quoted\\\\\\\" node\","
		"node_id=\"n-1\",arm=\"v2\",recording=\"1\",class=\"refused\"} 10 1800000004\n"));
	/* what nobody knows has no point */
	assert_null(strstr(all.data, "\nweir_memory_bytes{"));
	text_free(&all);
}

/* ---- what cannot be written, and old files ---- */

static void what_a_line_cannot_hold_ends_it(void **state)
{
	static const struct {
		const char *sql, *says;
		enum err_code code;
	} cases[] = {
		{"DROP TRIGGER decision_stays; UPDATE decision SET reason = CAST(x'ff41' AS TEXT)",
			"reason in table \"decision\"", ERR_UTF8},
		{"DROP TRIGGER event_stays; UPDATE event SET"
		 " detail = '\"' || replace(hex(zeroblob(600000)), '0', 'a') || '\"'",
			"more than 1048576 bytes", ERR_TOO_LARGE},
		{"DROP TABLE sample", "no such table", ERR_DAMAGED},
		{"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET"
		 " sql = replace(replace(sql, 'STRICT', ''), 'from_bp INTEGER', 'from_bp')"
		 " WHERE name = 'decision'; PRAGMA writable_schema = OFF",
			NULL, ERR_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct export_how how = {.format = EXPORT_JSONL};
		struct place p = copy_place();
		struct text all = {0};
		struct err err = {0};

		run_sql(p.path, cases[i].sql);
		if (cases[i].says == NULL) {
			/* a table that is not strict can hold a text where a number is due */
			run_sql(
				p.path, "DROP TRIGGER decision_stays; UPDATE decision SET from_bp = 'much'");
			assert_int_equal(export_run(p.path, &how, archive_put, &all, &err), -1);
			assert_int_equal(err.code, ERR_DAMAGED);
			assert_non_null(strstr(err.text, "another type"));
		} else {
			assert_int_equal(export_run(p.path, &how, archive_put, &all, &err), -1);
			assert_int_equal(err.code, cases[i].code);
			assert_non_null(strstr(err.text, cases[i].says));
		}
		assert_null(strstr(text_str(&all), "\"table\":\"end\""));
		text_free(&all);
		place_clean(&p);
	}
}

static void a_file_without_the_later_column_has_zeros(void **state)
{
	struct place p = copy_place();
	struct text all;

	(void)state;
	run_sql(p.path, "ALTER TABLE sample DROP COLUMN failed_refused");
	all = archive_export(p.path, EXPORT_JSONL);
	assert_int_equal(count(all.data, "\"failed_refused\":0}"), 2 * ARCHIVE_TICKS);
	text_free(&all);
	all = archive_export(p.path, EXPORT_CSV);
	assert_int_equal(count(all.data, "\n"), 1 + 2 * ARCHIVE_TICKS);
	text_free(&all);
	all = archive_export(p.path, EXPORT_OPENMETRICS);
	assert_non_null(strstr(all.data, "class=\"refused\"} 0 "));
	text_free(&all);
	place_clean(&p);
}

static void files_that_are_none(void **state)
{
	const struct export_how how = {.format = EXPORT_CSV};
	struct text all = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(export_run("/nonexistent", &how, archive_put, &all, &err), -1);
	assert_int_equal(err.code, ERR_FILE);
	assert_int_equal(all.len, 0);
	assert_int_equal(export_format_of("csv"), EXPORT_CSV);
	assert_int_equal(export_format_of("CSV"), EXPORT_COUNT);
}

/* ---- the manual's decoder ---- */

/* The lines between the mark and the end of its block, as a reader copies them. */
static char *example(const char *page, const char *mark)
{
	FILE *file = fopen(page, "r");
	struct text sql = {0};
	char line[400];
	bool on = false;

	assert_non_null(file);
	while (fgets(line, sizeof line, file) != NULL) {
		const char *at = line;

		if (strncmp(line, mark, strlen(mark)) == 0)
			on = true;
		else if (strncmp(line, ".fi", 3) == 0)
			on = false;
		if (!on || *line == '.')
			continue;
		if (strncmp(at, "\\&", 2) == 0)
			at += 2;
		for (; *at != '\0'; at++)
			if (*at != '\\' || at[1] != '-')
				text_add_n(&sql, at, 1);
	}
	fclose(file);
	return text_take(&sql);
}

static int keep_row(void *ctx, int columns, char **values, char **names)
{
	(void)names;
	for (int i = 0; i < columns; i++)
		text_addf(ctx, "%s ", values[i] != NULL ? values[i] : "-");
	return 0;
}

static void the_manuals_sql_decodes_histograms(void **state)
{
	char *sql = example("history/weir-history.5", ".\\\" sql");
	struct text rows = {0};
	char *why = NULL;
	sqlite3 *db;

	(void)state;
	assert_non_null(strstr(sql, "RECURSIVE"));
	assert_int_equal(sqlite3_open_v2(place.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	if (sqlite3_exec(db, sql, keep_row, &rows, &why) != SQLITE_OK)
		fail_msg("%s in %s", why, sql);
	/* its last statement counts: rows that were decoded, rows that differ */
	assert_string_equal(text_str(&rows), "10 0 ");
	text_clear(&rows);
	assert_int_equal(
		sqlite3_exec(db, "SELECT count(*), sum(p50 <> p99), max(longest) FROM decoded",
			keep_row, &rows, NULL),
		SQLITE_OK);
	assert_string_equal(text_str(&rows), "10 10 60000000 ");
	sqlite3_close(db);
	text_free(&rows);
	free(sql);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_column_of_a_fresh_file_is_known),
		cmocka_unit_test(json_lines_have_every_row),
		cmocka_unit_test(a_part_has_its_pool_and_time_and_says_so),
		cmocka_unit_test(who_wants_no_more_gets_no_more),
		cmocka_unit_test(csv_has_a_row_an_interval_and_side),
		cmocka_unit_test(csv_has_no_formulas),
		cmocka_unit_test(openmetrics_keeps_its_grammar),
		cmocka_unit_test(what_a_line_cannot_hold_ends_it),
		cmocka_unit_test(a_file_without_the_later_column_has_zeros),
		cmocka_unit_test(files_that_are_none),
		cmocka_unit_test(the_manuals_sql_decodes_histograms),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
