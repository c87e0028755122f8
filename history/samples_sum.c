/* Samples, added up: the counts of one node between two ticks, row by row where they are few. Not a
 * sum of histograms, and nothing is estimated. */
#include "history/samples_parts.h"

#include <sqlite3.h>

/* The counts of a table's rows between two keys. */
static void add_counts(struct text *sql, sqlite3 *db, const char *table)
{
	text_add(sql, "SELECT interval_ms");
	for (int c = 0; c < SAMPLES_TABLE; c++)
		if (samples_columns[c].is_count)
			text_addf(sql, ", %s AS \"%s\"", samples_column_in(db, &samples_columns[c]),
				samples_columns[c].name);
	text_addf(sql, " FROM %s WHERE key BETWEEN ?1 AND ?2 AND key & 268435455 = ?3", table);
}

static int prepare_sum(struct samples_reader *r, struct err *err)
{
	struct text sql = {0};
	int code;

	text_add(&sql, "SELECT total(interval_ms)");
	for (int c = 0; c < SAMPLES_TABLE; c++)
		if (samples_columns[c].is_count)
			text_addf(&sql, ", sum(\"%s\")", samples_columns[c].name);
	text_add(&sql, " FROM (");
	add_counts(&sql, r->db, "sample");
	if (samples_has_column(r->db, "rollup", "key")) {
		text_add(&sql, " UNION ALL ");
		add_counts(&sql, r->db, "rollup");
	}
	text_add(&sql, ")");
	code = schema_prepare(&r->sum, r->db, text_str(&sql), r->path, err);
	text_free(&sql);
	return code;
}

/* Adds the counts under the cursor to those of an arm; false when no number can hold a sum. */
static bool add_row(sqlite3_stmt *s, struct arm_sample *into)
{
	bool holds = true;
	int at = 1;

	for (int c = 0; c < SAMPLES_TABLE; c++)
		if (samples_columns[c].is_count) {
			int64_t *sum = samples_value_of(into, &samples_columns[c]);
			const int64_t n = samples_number(s, at++);

			if (n == UNKNOWN)
				continue;
			*sum = *sum == UNKNOWN ? n : samples_add(*sum, n);
			holds &= *sum != UNKNOWN;
		}
	return holds;
}

/* Nothing is known of any count. */
static void begin_sum(struct sample *out)
{
	out->interval_ms = 0;
	for (int a = 0; a < ARM_COUNT; a++)
		for (int c = 0; c < SAMPLES_TABLE; c++)
			*samples_value_of(&out->arms[a], &samples_columns[c]) = UNKNOWN;
}

/* Row by row. 1, 0 when not every tick has its rows or a sum is too much, -1 with err. */
static int sum_rows(
	struct samples_reader *r, int64_t first, int64_t last, struct sample *out, struct err *err)
{
	int code = SQLITE_ROW;
	bool holds = true;

	begin_sum(out);
	for (int64_t tick = first; tick <= last && code == SQLITE_ROW && holds; tick++)
		for (int a = 0; a < ARM_COUNT && code == SQLITE_ROW; a++) {
			sqlite3_bind_int64(
				r->counts, 1, samples_key(r->started_ms, r->interval_ms, tick, r->series[a]));
			code = sqlite3_step(r->counts);
			if (code == SQLITE_ROW) {
				holds &= add_row(r->counts, &out->arms[a]);
				if (a == ARM_V2)
					out->interval_ms =
						samples_add(out->interval_ms, samples_number(r->counts, 0));
			}
			sqlite3_reset(r->counts);
		}
	if (samples_check(r, code, err) < 0)
		return -1;
	return holds && code == SQLITE_ROW && out->interval_ms > 0 &&
		out->interval_ms < SAMPLES_WALL_MAX_MS;
}

/* All that lies between, also minutes and what is not whole. */
static int sum_span(
	struct samples_reader *r, int64_t first, int64_t last, struct sample *out, struct err *err)
{
	int code = r->sum == NULL ? prepare_sum(r, err) : 0;

	for (int a = 0; a < ARM_COUNT && code == 0; a++) {
		sqlite3_bind_int64(r->sum, 1, samples_key(r->started_ms, r->interval_ms, first, 0));
		sqlite3_bind_int64(r->sum, 2,
			last == INT64_MAX
				? INT64_MAX
				: samples_key(r->started_ms, r->interval_ms, last, SAMPLES_SERIES_MASK));
		sqlite3_bind_int64(r->sum, 3, r->series[a]);
		code = samples_check(r, sqlite3_step(r->sum), err);
		const double covered_ms = sqlite3_column_double(r->sum, 0);

		out->arms[a] = (struct arm_sample){0};
		out->interval_ms =
			covered_ms > 0 && covered_ms < SAMPLES_WALL_MAX_MS ? (int64_t)covered_ms : 0;
		/* no row at all is a rise of 0, not an unknown one */
		for (int c = 0; c < SAMPLES_TABLE && out->interval_ms > 0; c++)
			*samples_value_of(&out->arms[a], &samples_columns[c]) = UNKNOWN;
		if (out->interval_ms > 0)
			add_row(r->sum, &out->arms[a]);
		sqlite3_reset(r->sum);
	}
	return code;
}

int samples_sum(
	struct samples_reader *r, int64_t first, int64_t last, struct sample *out, struct err *err)
{
	/* a row that is gone to is ten that are passed, and others' lie between those of the node */
	enum { NEAR = 256 };
	int found = 0;

	*out = (struct sample){0};
	if (first > last)
		return 0;
	if (last - first < NEAR)
		found = sum_rows(r, first, last, out, err);
	return found == 0 ? sum_span(r, first, last, out, err) : found > 0 ? 0 : -1;
}
