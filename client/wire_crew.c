/* The workers of the state document: struct crew to weir.pool/1 and back.
 *
 * Rows are read whole or the document is refused; of more than there is room for the first are
 * kept, and those beyond them counted. No two rows are of one worker, segment or place. */
#include "client/wire.h"

#include "client/wire_crew.h"
#include "client/wire_tables.h"
#include "client/wire_tally.h"

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

#define N struct resident_place
#define PLACE_FIELDS \
	WIRE_ROW(N, locked, "locked", WIRE_BOOL, false, 0, 0), \
		WIRE_ROW_COUNT(N, workers, "workers", false), \
		WIRE_ROW_COUNT(N, ready, "ready", false), \
		WIRE_ROW_COUNT(N, starting, "starting", false), \
		WIRE_ROW_COUNT(N, asleep, "asleep", false), WIRE_ROW_COUNT(N, down, "down", false), \
		WIRE_ROW_COUNT(N, done, "done", false), WIRE_ROW_COUNT(N, failed, "failed", false), \
		WIRE_ROW_COUNT(N, crashes, "crashes", false), \
		WIRE_ROW_COUNT(N, restarts, "restarts", false), WIRE_ROW_COUNT(N, low, "low", false), \
		WIRE_ROW_COUNT(N, target, "target", false), WIRE_ROW_COUNT(N, high, "high", false), \
		WIRE_ROW(N, health, "health", WIRE_REAL, false, 0, 1)
static const struct wire_field place_node_fields[] = {
	WIRE_ROW(N, node, "node", WIRE_SHARE, true, 0, DRAIN_INDEX_MAX),
	WIRE_ROW_COUNT(N, segments, "segments", false),
	PLACE_FIELDS,
};
static const struct wire_field place_segment_fields[] = {
	WIRE_ROW(N, node, "node", WIRE_SHARE, true, 0, DRAIN_INDEX_MAX),
	WIRE_ROW(N, segment, "segment", WIRE_SHARE, true, 0, DRAIN_INDEX_MAX),
	WIRE_ROW(N, rests, "rests", WIRE_BOOL, false, 0, 0),
	PLACE_FIELDS,
};
#undef PLACE_FIELDS
#undef N

#define O struct resident_row
static const struct wire_field resident_fields[] = {
	WIRE_ROW_TEXT(O, name, "name", WIRE_TEXT, true),
	WIRE_ROW(O, node, "node", WIRE_SHARE, true, 0, DRAIN_INDEX_MAX),
	WIRE_ROW(O, segment, "segment", WIRE_SHARE, true, 0, DRAIN_INDEX_MAX),
	WIRE_ROW_WORD(O, state, "state", &wire_worker_states, false),
	WIRE_ROW_COUNT(O, waiting, "waiting", false),
	WIRE_ROW_COUNT(O, done, "done", false),
	WIRE_ROW_COUNT(O, failed, "failed", false),
	WIRE_ROW_COUNT(O, troubles, "troubles", false),
	WIRE_ROW_COUNT(O, trouble_ms, "trouble_ms", false),
};
#undef O

#define R struct resident_crew
static const struct wire_field residents_fields[] = {
	WIRE_ROW_COUNT(R, workers, "workers", false),
	WIRE_ROW_COUNT(R, queued, "queued", false),
	WIRE_ROW_COUNT(R, running, "running", false),
	WIRE_ROW_COUNT(R, persisted, "persisted", false),
	WIRE_ROW(R, nodes_dropped, "nodes_dropped", WIRE_SHARE, false, 0, DRAIN_INDEX_MAX),
	WIRE_ROW(R, segments_dropped, "segments_dropped", WIRE_SHARE, false, 0, DRAIN_INDEX_MAX),
};
#undef R

const struct wire_table wire_resident_tables[WIRE_RESIDENT_TABLES] = {
	{"residents.", residents_fields, WIRE_LENGTH(residents_fields)},
	{"residents.nodes.0.", place_node_fields, WIRE_LENGTH(place_node_fields)},
	{"residents.segments.0.", place_segment_fields, WIRE_LENGTH(place_segment_fields)},
	{"residents.worst.0.", resident_fields, WIRE_LENGTH(resident_fields)},
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

static void write_rows(struct text *out, const char *name, const void *rows, size_t size,
	int count, const struct wire_field *fields, size_t fields_count)
{
	text_json_key(out, name);
	text_add(out, "[");
	for (int i = 0; i < count; i++) {
		text_add(out, i ? ",{" : "{");
		wire_write_fields(out, (const char *)rows + (size_t)i * size, fields, fields_count);
		text_add(out, "}");
	}
	text_add(out, "]");
}
#define WRITE_ROWS(out, name, rows, count, fields) \
	write_rows(out, name, rows, sizeof *(rows), count, fields, WIRE_LENGTH(fields))

static void write_residents(struct text *out, const struct resident_crew *r)
{
	text_json_key(out, "residents");
	text_add(out, r->known ? "{" : "null");
	if (!r->known)
		return;
	WIRE_WRITE(out, r, residents_fields);
	WRITE_ROWS(out, "nodes", r->node, r->node_count, place_node_fields);
	WRITE_ROWS(out, "segments", r->segment, r->segment_count, place_segment_fields);
	WRITE_ROWS(out, "worst", r->worst, r->worst_count, resident_fields);
	text_add(out, "}");
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
	write_residents(out, &c->residents);
	wire_write_tally_crew(out, c->tally);
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

static bool has_place(
	const struct resident_place *rows, int count, const struct resident_place *p)
{
	for (int i = 0; i < count; i++)
		if (rows[i].node == p->node && rows[i].segment == p->segment)
			return true;
	return false;
}

static bool has_node(const struct resident_crew *r, int node)
{
	return has_place(
		r->node, r->node_count, &(struct resident_place){.node = node, .segment = -1});
}

/* One row of the list at "residents.NAME". */
static int read_row(void *row, const cJSON *item, const char *name, int i,
	const struct wire_field *fields, size_t count, struct err *err)
{
	char path[48];
	(void)snprintf(path, sizeof path, "residents.%s.%d.", name, i);
	if (!cJSON_IsObject(item))
		return err_set(err, ERR_FIELD, "field \"residents.%s.%d\": want an object", name, i);
	return wire_read_fields(row, item, path, fields, count, err);
}
#define READ_ROW(row, item, name, i, fields, err) \
	read_row(row, item, name, i, fields, WIRE_LENGTH(fields), err)

static int read_nodes(struct resident_crew *out, const cJSON *array, struct err *err)
{
	const cJSON *item;
	int i = 0;
	cJSON_ArrayForEach(item, array)
	{
		struct resident_place row = {.segment = -1};
		if (READ_ROW(&row, item, "nodes", i, place_node_fields, err))
			return -1;
		if (has_node(out, row.node))
			return refuse_row("residents.nodes", i, "another node than those before it", err);
		if (out->node_count < RESIDENT_NODES_MAX)
			out->node[out->node_count++] = row;
		else
			out->nodes_dropped++;
		i++;
	}
	return 0;
}

/* Those of a node that was dropped are dropped with it. */
static int read_places(struct resident_crew *out, const cJSON *array, struct err *err)
{
	const cJSON *item;
	int i = 0;
	cJSON_ArrayForEach(item, array)
	{
		struct resident_place row = {.segments = UNKNOWN};
		if (READ_ROW(&row, item, "segments", i, place_segment_fields, err))
			return -1;
		if (has_place(out->segment, out->segment_count, &row))
			return refuse_row(
				"residents.segments", i, "another segment than those before it", err);
		if (out->segment_count < RESIDENT_SEGMENTS_MAX && has_node(out, row.node))
			out->segment[out->segment_count++] = row;
		else
			out->segments_dropped++;
		i++;
	}
	return 0;
}

static bool has_name(const struct resident_crew *r, const char *name)
{
	for (int i = 0; i < r->worst_count; i++)
		if (strcmp(r->worst[i].name, name) == 0)
			return true;
	return false;
}

/* Names that were cut may be alike: the first is kept. */
static int read_worst(struct resident_crew *out, const cJSON *array, struct err *err)
{
	const cJSON *item;
	int i = 0;
	cJSON_ArrayForEach(item, array)
	{
		struct resident_row row;
		if (READ_ROW(&row, item, "worst", i++, resident_fields, err))
			return -1;
		if (out->worst_count < RESIDENT_WORST_MAX && has_node(out, row.node) &&
			!has_name(out, row.name))
			out->worst[out->worst_count++] = row;
	}
	return 0;
}

static int read_residents(struct resident_crew *out, const cJSON *tree, struct err *err)
{
	const cJSON *object, *nodes, *segments, *worst;
	if (wire_object(&object, tree, "", "residents", false, err))
		return -1;
	out->known = object != NULL;
	if (!object)
		return 0;
	if (WIRE_READ(out, object, "residents.", residents_fields, err))
		return -1;
	if (out->nodes_dropped < 0)
		out->nodes_dropped = 0;
	if (out->segments_dropped < 0)
		out->segments_dropped = 0;
	bool bad = wire_array(&nodes, object, "residents.", "nodes", err) ||
		wire_array(&segments, object, "residents.", "segments", err) ||
		wire_array(&worst, object, "residents.", "worst", err) || read_nodes(out, nodes, err) ||
		read_places(out, segments, err) || read_worst(out, worst, err);
	return bad ? -1 : 0;
}

int wire_read_crew(struct crew *out, const cJSON *tree, struct err *err)
{
	memset(out, 0, sizeof *out);
	if (WIRE_READ(out, tree, "", dropped_field, err))
		return -1;
	if (out->workers_dropped < 0)
		out->workers_dropped = 0;
	bool bad = read_workers(out, tree, err) || read_segments(out, tree, err) ||
		read_residents(&out->residents, tree, err) ||
		wire_read_tally_crew(out->tally, tree, err);
	return bad ? -1 : 0;
}
