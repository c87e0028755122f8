/* The workers of the state document: struct crew to weir.pool/1 and back.
 *
 * Rows are read whole or the document is refused; of more than there is room for the first are
 * kept, and workers beyond them counted. No two rows are of one worker or segment. */
#include "client/wire.h"

#include "client/wire_crew.h"
#include "client/wire_tables.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define TREND_MAX (INT64_C(1) << 50) /* a petabyte an hour is as good as endless */

#define W struct worker_row
static const struct wire_field worker_fields[] = {
	WIRE_ROW_WORD(W, arm, "arm", &wire_arms, true),
	WIRE_ROW(W, index, "index", WIRE_SHARE, true, 0, DRAIN_INDEX_MAX),
	WIRE_ROW(W, segment, "segment", WIRE_SHARE, true, 0, DRAIN_INDEX_MAX),
	WIRE_ROW_WORD(W, state, "state", &wire_worker_states, false),
	WIRE_ROW(W, locked, "locked", WIRE_BOOL, false, 0, 0),
	WIRE_ROW_COUNT(W, pid, "pid", false),
	WIRE_ROW_COUNT(W, served, "served", false),
	WIRE_ROW_COUNT(W, failed, "failed", false),
	WIRE_ROW_COUNT(W, restarts, "restarts", false),
	WIRE_ROW_COUNT(W, crashes, "crashes", false),
	WIRE_ROW_COUNT(W, memory_bytes, "memory_bytes", false),
	WIRE_ROW(W, memory_hour, "memory_hour", WIRE_INT, false, -TREND_MAX, TREND_MAX),
	WIRE_ROW_COUNT(W, cpu_us, "cpu_us", false),
	WIRE_ROW_COUNT(W, fds, "fds", false),
	WIRE_ROW_TEXT(W, trouble, "trouble", WIRE_TEXT, false),
};
#undef W

#define G struct segment_row
static const struct wire_field segment_fields[] = {
	WIRE_ROW_WORD(G, arm, "arm", &wire_arms, true),
	WIRE_ROW(G, index, "index", WIRE_SHARE, true, 0, DRAIN_INDEX_MAX),
	WIRE_ROW_COUNT(G, workers, "workers", false),
	WIRE_ROW_COUNT(G, ready, "ready", false),
	WIRE_ROW_COUNT(G, restarts, "restarts", false),
	WIRE_ROW(G, locked, "locked", WIRE_BOOL, false, 0, 0),
	WIRE_ROW(G, rests, "rests", WIRE_BOOL, false, 0, 0),
	WIRE_ROW(G, health, "health", WIRE_REAL, false, 0, 1),
};
#undef G

static const struct wire_field dropped_field[] = {
	WIRE_ROW(
		struct crew, workers_dropped, "workers_dropped", WIRE_SHARE, false, 0, DRAIN_INDEX_MAX),
};

const struct wire_table wire_crew_tables[WIRE_CREW_TABLES] = {
	{"workers.0.", worker_fields, WIRE_LENGTH(worker_fields)},
	{"segments.0.", segment_fields, WIRE_LENGTH(segment_fields)},
};

/* ---- writing ---- */

static int64_t within(int64_t n, int64_t most)
{
	return n == UNKNOWN ? n : n > most ? most : n < -most ? -most : n;
}

static void write_worker(struct text *out, const struct worker_row *w)
{
	struct worker_row said = *w;
	said.pid = w->pid > 0 ? w->pid : UNKNOWN;
	said.memory_hour = within(w->memory_hour, TREND_MAX);
	WIRE_WRITE(out, &said, worker_fields);
}

void wire_write_crew(struct text *out, const struct crew *c)
{
	text_json_key(out, "workers");
	text_add(out, c->worker_count ? "[" : "null");
	for (int i = 0; i < c->worker_count; i++) {
		text_add(out, i ? ",{" : "{");
		write_worker(out, &c->worker[i]);
		text_add(out, "}");
	}
	text_add(out, c->worker_count ? "]" : "");
	WIRE_WRITE(out, c, dropped_field);
	text_json_key(out, "segments");
	text_add(out, c->segment_count ? "[" : "null");
	for (int i = 0; i < c->segment_count; i++) {
		text_add(out, i ? ",{" : "{");
		WIRE_WRITE(out, &c->segment[i], segment_fields);
		text_add(out, "}");
	}
	text_add(out, c->segment_count ? "]" : "");
}

/* ---- reading ---- */

static int refuse_row(const char *list, int row, const char *want, struct err *err)
{
	return err_set(err, ERR_FIELD, "field \"%s.%d\": want %s", list, row, want);
}

static bool has_worker(const struct crew *c, const struct worker_row *w)
{
	for (int i = 0; i < c->worker_count; i++)
		if (c->worker[i].arm == w->arm && c->worker[i].index == w->index)
			return true;
	return false;
}

static bool has_segment(const struct crew *c, const struct segment_row *g)
{
	for (int i = 0; i < c->segment_count; i++)
		if (c->segment[i].arm == g->arm && c->segment[i].index == g->index)
			return true;
	return false;
}

static int read_workers(struct crew *out, const cJSON *tree, struct err *err)
{
	const cJSON *array, *item;
	char path[32];
	if (wire_array(&array, tree, "", "workers", err))
		return -1;
	cJSON_ArrayForEach(item, array)
	{
		struct worker_row row;
		int i = out->worker_count;
		if (i == POOL_WORKERS_MAX) {
			out->workers_dropped++;
			continue;
		}
		(void)snprintf(path, sizeof path, "workers.%d.", i);
		if (!cJSON_IsObject(item))
			return refuse_row("workers", i, "an object", err);
		if (WIRE_READ(&row, item, path, worker_fields, err))
			return -1;
		if (has_worker(out, &row))
			return refuse_row("workers", i, "another worker than those before it", err);
		out->worker[out->worker_count++] = row;
	}
	return 0;
}

static int read_segments(struct crew *out, const cJSON *tree, struct err *err)
{
	const cJSON *array, *item;
	char path[32];
	if (wire_array(&array, tree, "", "segments", err))
		return -1;
	cJSON_ArrayForEach(item, array)
	{
		struct segment_row row;
		int i = out->segment_count;
		if (i == POOL_SEGMENTS_MAX)
			break;
		(void)snprintf(path, sizeof path, "segments.%d.", i);
		if (!cJSON_IsObject(item))
			return refuse_row("segments", i, "an object", err);
		if (WIRE_READ(&row, item, path, segment_fields, err))
			return -1;
		if (has_segment(out, &row))
			return refuse_row("segments", i, "another segment than those before it", err);
		out->segment[out->segment_count++] = row;
	}
	return 0;
}

int wire_read_crew(struct crew *out, const cJSON *tree, struct err *err)
{
	memset(out, 0, sizeof *out);
	if (WIRE_READ(out, tree, "", dropped_field, err))
		return -1;
	if (out->workers_dropped < 0)
		out->workers_dropped = 0;
	return read_workers(out, tree, err) || read_segments(out, tree, err) ? -1 : 0;
}
