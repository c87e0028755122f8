/* Points: what the events say of samples. Not whether it is true: proof.c; not how it is written:
 * checkpoint.c, thin.c.
 *
 * Invariants:
 * 1. What the events say is signed, and still not trusted to make sense.
 * 2. A row has one checkpoint: the one that names it as late, else the first of its recording
 *    that does not end before it, else none. */
#include "history/points.h"

#include "history/checkpoint.h"
#include "history/samples.h"
#include "history/schema.h"
#include "model/mem.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

void points_init(struct points *p, sqlite3 *db, const char *path, int64_t seq)
{
	*p = (struct points){.db = db, .path = path, .read_seq = seq};
}

void points_free(struct points *p)
{
	free(p->of);
	free(p->late);
	*p = (struct points){0};
}

static void broken(struct points *p, int64_t seq, const char *why)
{
	if (p->broken_seq == 0 || seq < p->broken_seq) {
		p->broken_seq = seq;
		p->why = why;
	}
}

/* ---- order ---- */

static int by_place(const void *a, const void *b)
{
	const struct points_point *x = a, *y = b;

	if (x->recording != y->recording)
		return x->recording < y->recording ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

static int by_late(const void *a, const void *b)
{
	const struct points_late *x = a, *y = b;

	if (x->recording != y->recording)
		return x->recording < y->recording ? -1 : 1;
	return (x->key > y->key) - (x->key < y->key);
}

static struct points_point *find(const struct points *p, int64_t recording, int64_t seq)
{
	const struct points_point sought = {.recording = recording, .seq = seq};

	return p->count == 0 ? NULL : bsearch(&sought, p->of, p->count, sizeof *p->of, by_place);
}

/* The index of the first of the recording for which `to` is not before t, else of what stands
 * behind them. */
static size_t first_up_to(const struct points *p, int64_t recording, int64_t t)
{
	size_t low = 0, high = p->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct points_point *one = &p->of[middle];

		if (one->recording < recording || (one->recording == recording && one->to < t))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

ptrdiff_t points_of(const struct points *p, int64_t recording, int64_t key)
{
	const struct points_late sought = {.recording = recording, .key = key};
	const struct points_late *late = p->late_count == 0
		? NULL
		: bsearch(&sought, p->late, p->late_count, sizeof *p->late, by_late);
	const struct points_point *one = late != NULL ? find(p, recording, late->seq) : NULL;
	size_t at;

	if (one != NULL)
		return one - p->of;
	at = first_up_to(p, recording, CHECKPOINT_T(key));
	return at < p->count && p->of[at].recording == recording ? (ptrdiff_t)at : POINTS_NONE;
}

bool points_behind(const struct points *p, int64_t recording, int64_t seq)
{
	const size_t end = first_up_to(p, recording, INT64_MAX);

	return end > 0 && p->of[end - 1].recording == recording && p->of[end - 1].seq > seq;
}

/* ---- reading ---- */

static int check(struct points *p, int code, struct err *err)
{
	return schema_result(err, p->db, code, "reading the history", p->path) == SCHEMA_OK ? 0
																						: -1;
}

/* Runs a statement over the events behind read_seq up to `last_seq`. */
static int each_row(struct points *p, const char *sql, int64_t last_seq,
	void (*take)(struct points *p, sqlite3_stmt *s), struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code = schema_prepare(&s, p->db, sql, p->path, err);

	if (code == 0) {
		sqlite3_bind_int64(s, 1, p->read_seq);
		sqlite3_bind_int64(s, 2, last_seq);
		while ((code = sqlite3_step(s)) == SQLITE_ROW)
			take(p, s);
		code = check(p, code, err);
	}
	sqlite3_finalize(s);
	return code;
}

/* No index is asked, as one can be emptied without its table. */
#define DETAIL(name) "CASE WHEN json_valid(detail) THEN json_extract(detail, '$." name "') END"
#define EVENTS(kind) \
	" NOT INDEXED WHERE seq > ?1 AND seq <= ?2 AND kind = '" kind "' ORDER BY seq"

static void take_point(struct points *p, sqlite3_stmt *s)
{
	struct points_point one = {.seq = sqlite3_column_int64(s, 0),
		.recording = sqlite3_column_int64(s, 1),
		.to = sqlite3_column_int64(s, 2),
		.rows = sqlite3_column_int64(s, 3),
		.columns = sqlite3_column_int(s, 5)};

	if (sqlite3_column_type(s, 1) != SQLITE_INTEGER ||
		sqlite3_column_type(s, 2) != SQLITE_INTEGER ||
		sqlite3_column_type(s, 3) != SQLITE_INTEGER ||
		!chain_unhex(one.hash, sizeof one.hash, (const char *)sqlite3_column_text(s, 4)) ||
		one.to < 0 || one.columns < 1 || one.columns > POINTS_COLUMNS_MAX) {
		broken(p, one.seq, "it is no checkpoint that could be checked");
		return;
	}
	mem_grow(&p->of, &p->cap, p->count + 1, sizeof *p->of);
	p->of[p->count++] = one;
}

static void take_late(struct points *p, sqlite3_stmt *s)
{
	struct points_late *l;

	mem_grow(&p->late, &p->late_cap, p->late_count + 1, sizeof *p->late);
	l = &p->late[p->late_count++];
	*l = (struct points_late){.seq = sqlite3_column_int64(s, 0),
		.recording = sqlite3_column_int64(s, 1),
		.key = (sqlite3_column_int64(s, 2) & INT64_MAX >> SAMPLES_SERIES_BITS)
				<< SAMPLES_SERIES_BITS |
			(sqlite3_column_int64(s, 3) & SAMPLES_SERIES_MASK)};
}

/* Notes what an event thinned of a checkpoint. */
static void take_part(struct points *p, sqlite3_stmt *s)
{
	struct points_point *one = find(p, sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2));
	const int64_t rows = sqlite3_column_int64(s, 3);
	unsigned char sum[CHAIN_HASH];

	if (one == NULL || one->seq > sqlite3_column_int64(s, 0) || rows < 1 ||
		!chain_unhex(sum, sizeof sum, (const char *)sqlite3_column_text(s, 4))) {
		broken(p, sqlite3_column_int64(s, 0), "it thins a checkpoint that is not there");
		return;
	}
	if (rows > one->rows - one->found) {
		broken(p, sqlite3_column_int64(s, 0), "it thins more rows than the checkpoint has");
		return;
	}
	one->thinned = one->found += rows;
	memcpy(one->sum, sum, sizeof sum);
}

static void take_known_part(struct points *p, sqlite3_stmt *s)
{
	if (find(p, sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2)) != NULL)
		take_part(p, s);
}

static void sort(struct points *p)
{
	if (p->count > 1)
		qsort(p->of, p->count, sizeof *p->of, by_place);
	if (p->late_count > 1)
		qsort(p->late, p->late_count, sizeof *p->late, by_late);
	for (size_t i = 1; i < p->count; i++)
		if (p->of[i - 1].recording == p->of[i].recording && p->of[i - 1].to > p->of[i].to)
			broken(p, p->of[i].seq, "it is no checkpoint that could be checked");
}

int points_read(struct points *p, int64_t last_seq, bool partial, struct err *err)
{
	const size_t count = p->count, late = p->late_count;

	if (each_row(p,
			"SELECT seq, recording, " DETAIL("to") ", " DETAIL("rows") ", " DETAIL(
				"hash") ", " DETAIL("columns") " FROM event" EVENTS("checkpoint"),
			last_seq, take_point, err) < 0)
		return -1;
	if (p->count > count &&
		each_row(p,
			"SELECT e.seq, e.recording, json_extract(l.value, '$[0]'),"
			" json_extract(l.value, '$[1]') FROM (SELECT seq, recording, detail FROM"
			" event" EVENTS("checkpoint") ") AS e, json_each(e.detail, '$.late') AS l"
										  " WHERE json_valid(e.detail) AND l.type = 'array'",
			last_seq, take_late, err) < 0)
		return -1;
	if (p->count > count || p->late_count > late)
		sort(p);
	if (each_row(p,
			"SELECT e.seq, json_extract(l.value, '$[0]'), json_extract(l.value, '$[1]'),"
			" json_extract(l.value, '$[2]'), json_extract(l.value, '$[3]')"
			" FROM (SELECT seq, detail FROM event" EVENTS(
				"thinning") ") AS e, json_each(e.detail, '$.checkpoints') AS l"
							" WHERE json_valid(e.detail) AND l.type = 'array'"
							" ORDER BY e.seq, l.key",
			last_seq, partial ? take_known_part : take_part, err) < 0)
		return -1;
	p->read_seq = last_seq;
	return 0;
}

void points_forget(struct points *p)
{
	size_t left = 0;

	for (size_t i = 0; i < p->count; i++)
		if (p->of[i].found < p->of[i].rows)
			p->of[left++] = p->of[i];
	p->count = left;
	left = 0;
	for (size_t i = 0; i < p->late_count; i++)
		if (find(p, p->late[i].recording, p->late[i].seq) != NULL)
			p->late[left++] = p->late[i];
	p->late_count = left;
}
