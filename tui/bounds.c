/* Bounds: names and values of a list, by table. Not what they do to a worker. */
#include "tui/bounds.h"

#include "model/text.h"
#include "model/unit.h"

#include <stddef.h>
#include <string.h>

enum kind { BOUND_TIME_US, BOUND_TIME_S, BOUND_BYTES, BOUND_COUNT };

static const struct bound {
	const char *option, *name;
	enum kind kind;
	size_t offset; /* of an int64_t in struct bounds */
	const char *want;
} bounds[] = {
	{"recycle", "age", BOUND_TIME_US, offsetof(struct bounds, age_us), "a duration like 1h"},
	{"recycle", "requests", BOUND_COUNT, offsetof(struct bounds, requests),
		"a number of 1 or more"},
	{"recycle", "memory", BOUND_BYTES, offsetof(struct bounds, memory_bytes),
		"a size like 512MiB"},
	{"limit", "memory", BOUND_BYTES, offsetof(struct bounds, limit_memory_bytes),
		"a size like 512MiB"},
	{"limit", "cpu", BOUND_TIME_S, offsetof(struct bounds, limit_cpu_s),
		"a duration of 1s or more"},
	{"limit", "files", BOUND_COUNT, offsetof(struct bounds, limit_files),
		"a number of 1 or more"},
};

#define BOUND_ROWS (sizeof bounds / sizeof *bounds)

static bool take(const struct bound *b, const char *value, int64_t *out)
{
	int64_t n = 0;
	bool good = b->kind == BOUND_BYTES ? unit_parse_bytes(value, &n)
		: b->kind == BOUND_COUNT       ? unit_parse_int(value, 1, INT64_C(1) << 53, &n)
									   : unit_parse_duration(value, &n);
	if (b->kind == BOUND_TIME_US)
		n *= 1000;
	if (b->kind == BOUND_TIME_S)
		n /= 1000;
	*out = n;
	return good && n > 0;
}

static int read_one(struct bounds *out, const char *option, const char *item, struct err *err)
{
	const char *value = strchr(item, '=');
	size_t len = value ? (size_t)(value - item) : strlen(item);
	for (size_t i = 0; i < BOUND_ROWS; i++) {
		const struct bound *b = &bounds[i];
		if (strcmp(b->option, option) != 0 || strlen(b->name) != len ||
			strncmp(b->name, item, len) != 0)
			continue;
		int64_t n;
		if (!value || !take(b, value + 1, &n))
			return err_set(err, ERR_USAGE, "--%s %s: want %s", option, item, b->want);
		memcpy((char *)out + b->offset, &n, sizeof n);
		return 0;
	}
	return err_set(err, ERR_USAGE, "--%s '%s' is none of %s", option, item,
		strcmp(option, "limit") == 0 ? "memory, cpu, files" : "age, requests, memory");
}

static int read_list(struct bounds *out, const char *option, const char *list, struct err *err)
{
	char item[64];
	while (list) {
		const char *end = strchr(list, ',');
		size_t len = end ? (size_t)(end - list) : strlen(list);
		if (len >= sizeof item)
			return err_set(err, ERR_USAGE, "--%s '%.40s…' is too long", option, list);
		memcpy(item, list, len);
		item[len] = '\0';
		if (read_one(out, option, item, err) < 0)
			return -1;
		list = end ? end + 1 : NULL;
	}
	return 0;
}

int bounds_read_recycle(struct bounds *out, const char *list, struct err *err)
{
	return read_list(out, "recycle", list, err);
}

int bounds_read_limit(struct bounds *out, const char *list, struct err *err)
{
	return read_list(out, "limit", list, err);
}
