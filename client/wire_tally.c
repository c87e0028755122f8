/* Tally: the answer of GET /v1/tally, written only; and what the state document says of it, there
 * and back. */
#include "client/wire_tally.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define INDEX_MAX 99999

static void write_part(struct text *out, const struct tallies_part *p)
{
	text_add(out, "{");
	text_json_int(out, "records", p->records);
	text_json_int(out, "keys", p->keys);
	text_json_int(out, "waiting", p->waiting);
	text_json_str(out, "pressure", pressure_name(p->pressure));
	text_json_real(out, "per_second", p->per_second);
	text_add(out, "}");
}

static void write_arm(struct text *out, const struct tallies_facts *f)
{
	char digest[17];
	if (!f) {
		text_add(out, "null");
		return;
	}
	/* 64 bits are more than a number of JSON holds. */
	snprintf(digest, sizeof digest, "%016" PRIx64, f->digest);
	text_add(out, "{");
	text_json_str(out, "processor", f->processor);
	text_json_str(out, "partition", partition_name(f->strategy));
	text_json_int(out, "records", f->records);
	text_json_int(out, "keys", f->keys);
	text_json_str(out, "digest", digest);
	text_json_int(out, "pauses", f->pauses);
	text_json_int(out, "paused_us", f->paused_us);
	text_json_key(out, "partitions");
	text_add(out, "[");
	for (int i = 0; i < f->part_count; i++) {
		text_add(out, i ? "," : "");
		write_part(out, &f->part[i]);
	}
	text_add(out, "]}");
}

void wire_write_tally(struct text *out, const struct tallies_facts *const arms[ARM_COUNT])
{
	text_add(out, "{");
	for (int i = 0; i < ARM_COUNT; i++) {
		text_json_key(out, arm_name((enum arm)i));
		write_arm(out, arms[i]);
	}
	text_add(out, "}");
}

/* ---- the member of the state document ---- */

static const char *const fullness_words[] = {
#define X(name, word) word,
	FULLNESS_INFO(X)
#undef X
};

static const struct wire_words fullness = {fullness_words, FULLNESS_COUNT};

#define T struct tally_crew
static const struct wire_field arm_fields[] = {
	WIRE_ROW_TEXT(T, processor, "processor", WIRE_TEXT, false),
	WIRE_ROW_TEXT(T, strategy, "partition", WIRE_TEXT, false),
	WIRE_ROW_COUNT(T, records, "records", false),
	WIRE_ROW_COUNT(T, keys, "keys", false),
	WIRE_ROW_COUNT(T, pauses, "pauses", false),
	WIRE_ROW_COUNT(T, paused_us, "paused_us", false),
	WIRE_ROW(T, partitions_dropped, "partitions_dropped", WIRE_SHARE, false, 0, INDEX_MAX),
};
#undef T

#define P struct partition_row
static const struct wire_field part_fields[] = {
	WIRE_ROW(P, index, "index", WIRE_SHARE, true, 0, INDEX_MAX),
	WIRE_ROW_WORD(P, pressure, "pressure", &fullness, false),
	WIRE_ROW_COUNT(P, waiting, "waiting", false),
	WIRE_ROW_COUNT(P, room, "room", false),
	WIRE_ROW_COUNT(P, pause_us, "pause_us", false),
	WIRE_ROW_COUNT(P, records, "records", false),
	WIRE_ROW_COUNT(P, keys, "keys", false),
	WIRE_ROW(P, per_second, "per_second", WIRE_REAL, false, 0, WIRE_INTEGER_MAX),
};
#undef P

const struct wire_table wire_tally_tables[WIRE_TALLY_TABLES] = {
	{"tally.v1.", arm_fields, WIRE_LENGTH(arm_fields)},
	{"tally.v1.partitions.0.", part_fields, WIRE_LENGTH(part_fields)},
};

static void write_crew(struct text *out, const struct tally_crew *t)
{
	WIRE_WRITE(out, t, arm_fields);
	text_json_key(out, "partitions");
	text_add(out, "[");
	for (int i = 0; i < t->partition_count; i++) {
		text_add(out, i ? ",{" : "{");
		WIRE_WRITE(out, &t->partition[i], part_fields);
		text_add(out, "}");
	}
	text_add(out, "]");
}

void wire_write_tally_crew(struct text *out, const struct tally_crew arms[ARM_COUNT])
{
	bool known = arms[ARM_V1].known || arms[ARM_V2].known;
	text_json_key(out, "tally");
	text_add(out, known ? "{" : "null");
	for (int i = 0; known && i < ARM_COUNT; i++) {
		text_json_key(out, arm_name((enum arm)i));
		text_add(out, arms[i].known ? "{" : "null");
		if (arms[i].known)
			write_crew(out, &arms[i]);
		text_add(out, arms[i].known ? "}" : "");
	}
	text_add(out, known ? "}" : "");
}

static bool has_partition(const struct tally_crew *t, int index)
{
	for (int i = 0; i < t->partition_count; i++)
		if (t->partition[i].index == index)
			return true;
	return false;
}

static int read_partitions(
	struct tally_crew *out, const cJSON *arm, const char *path, struct err *err)
{
	const cJSON *array, *item;
	char inner[64];
	int i = 0;
	if (wire_array(&array, arm, path, "partitions", err))
		return -1;
	cJSON_ArrayForEach(item, array)
	{
		struct partition_row row;
		(void)snprintf(inner, sizeof inner, "%spartitions.%d.", path, i);
		if (!cJSON_IsObject(item))
			return err_set(
				err, ERR_FIELD, "field \"%spartitions.%d\": want an object", path, i);
		if (WIRE_READ(&row, item, inner, part_fields, err))
			return -1;
		if (has_partition(out, row.index))
			return err_set(err, ERR_FIELD,
				"field \"%spartitions.%d\": want another partition than those before it", path,
				i);
		if (out->partition_count < POOL_PARTITIONS_MAX)
			out->partition[out->partition_count++] = row;
		else
			out->partitions_dropped++;
		i++;
	}
	return 0;
}

int wire_read_tally_crew(
	struct tally_crew out[ARM_COUNT], const struct cJSON *tree, struct err *err)
{
	const cJSON *object, *arm;
	char path[16];
	memset(out, 0, ARM_COUNT * sizeof *out);
	if (wire_object(&object, tree, "", "tally", false, err))
		return -1;
	for (int i = 0; object && i < ARM_COUNT; i++) {
		const char *name = arm_name((enum arm)i);
		(void)snprintf(path, sizeof path, "tally.%s.", name);
		if (wire_object(&arm, object, "tally.", name, false, err))
			return -1;
		out[i].known = arm != NULL;
		if (!arm)
			continue;
		if (WIRE_READ(&out[i], arm, path, arm_fields, err))
			return -1;
		if (out[i].partitions_dropped < 0)
			out[i].partitions_dropped = 0;
		if (read_partitions(&out[i], arm, path, err))
			return -1;
	}
	return 0;
}
