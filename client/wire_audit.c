/* The audit log of a pool: entries to weir.pool/1 and back. */
#include "client/wire.h"

#include "client/wire_field.h"

#include <cjson/cJSON.h>
#include <string.h>

#define E struct audit_entry
static const struct wire_field audit_fields[] = {
	WIRE_ROW_COUNT(E, seq, "seq", true),
	WIRE_ROW_TEXT(E, what, "what", WIRE_TEXT, true),
	WIRE_ROW_SHARE(E, from_bp, "from_bp", false),
	WIRE_ROW_SHARE(E, to_bp, "to_bp", false),
	WIRE_ROW_COUNT(E, epoch, "epoch", true),
	WIRE_ROW_COUNT(E, rev, "rev", true),
	WIRE_ROW_TEXT(E, key, "key", WIRE_NAME, false),
	WIRE_ROW_TEXT(E, actor, "actor", WIRE_TEXT, false),
	WIRE_ROW_TEXT(E, reason, "reason", WIRE_TEXT, false),
	WIRE_ROW_COUNT(E, age_ms, "age_ms", false),
};
#undef E

void wire_write_audit(struct text *out, const struct audit_entry *entries, size_t count)
{
	text_add(out, "{\"entries\":[");
	for (size_t i = 0; i < count; i++) {
		text_add(out, i ? ",{" : "{");
		WIRE_WRITE(out, &entries[i], audit_fields);
		text_add(out, "}");
	}
	text_add(out, "]}");
}

static int read_audit(
	struct audit_entry *out, size_t max, size_t *count, const cJSON *tree, struct err *err)
{
	const cJSON *entries, *item;
	if (wire_array(&entries, tree, "", "entries", err))
		return -1;
	if (!entries)
		return err_set(err, ERR_FIELD, "field \"entries\" is missing");
	cJSON_ArrayForEach(item, entries)
	{
		if (*count == max)
			break;
		if (!cJSON_IsObject(item))
			return err_set(err, ERR_FIELD, "field \"entries\": want objects");
		memset(&out[*count], 0, sizeof *out);
		if (WIRE_READ(&out[*count], item, "entries.", audit_fields, err))
			return -1;
		++*count;
	}
	return 0;
}

int wire_read_audit(struct audit_entry *out, size_t max, size_t *count, const char *body,
	size_t len, struct err *err)
{
	*count = 0;
	cJSON *tree = wire_parse(body, len, err);
	int result = tree ? read_audit(out, max, count, tree, err) : -1;
	cJSON_Delete(tree);
	return result;
}
