/* YAML binding: scalars by type, ranges, words, nested maps and lists. It knows no key itself.
 *
 * 1. A scalar means only what its row's type says: no word turns into a bool, no "1_000",
 *    ".nan" or "0x10" into a number, and the locale has no say.
 * 2. A fallback goes through the same reader as a written value. */
#include "tui/yaml_bind.h"

#include "model/mem.h"
#include "model/text.h"
#include "model/unit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 64
#define INT_MAX_EXACT ((int64_t)1 << 53) /* a row's limits are doubles */

/* What one value is read by. */
struct binder {
	const struct yaml_doc *doc;
	const struct yaml_row *row;
	struct err *err;
};

static const char *const expectations[] = {
#define X(name, field, expected) [YAML_TYPE_##name] = expected,
	YAML_TYPE_INFO(X)
#undef X
};

/* ---- errors ---- */

/* What was written, as much as fits a sentence. */
static void shown(char out[SHOWN_MAX], const struct yaml_node *node)
{
	if (node->kind == YAML_KIND_LIST)
		text_copy(out, SHOWN_MAX, "a list");
	else if (node->kind == YAML_KIND_MAP)
		text_copy(out, SHOWN_MAX, "keys and values");
	else if (yaml_is_null(node))
		text_copy(out, SHOWN_MAX, "nothing");
	else {
		char cut[SHOWN_MAX - sizeof("\"...\"")];
		bool whole = text_copy(cut, sizeof(cut), node->text);
		snprintf(out, SHOWN_MAX, "\"%s%s\"", cut, whole ? "" : "...");
	}
}

int yaml_fail_expected(const struct yaml_doc *doc, const struct yaml_node *node,
	const char *expected, struct err *err)
{
	char found[SHOWN_MAX];
	shown(found, node);
	if (node->key)
		return yaml_fail(
			doc, node->at, err, "\"%s\" is %s: write %s", node->key, found, expected);
	return yaml_fail(doc, node->at, err, "%s: write %s", found, expected);
}

const char *yaml_scalar(const struct yaml_doc *doc, const struct yaml_node *node,
	const char *expected, struct err *err)
{
	if (node->kind == YAML_KIND_SCALAR && !yaml_is_null(node))
		return node->text;
	yaml_fail_expected(doc, node, expected, err);
	return NULL;
}

bool yaml_is_clean(const char *s)
{
	size_t len = strlen(s);
	size_t size = len * 10 + 1; /* the longest escape, "<U+E0001>", is of one byte at least */
	char *cleaned = mem_new(size, 1);
	bool same = text_clean(cleaned, size, s, len) == len && memcmp(cleaned, s, len) == 0;
	free(cleaned);
	return same;
}

static int fail_expected(const struct binder *b, const struct yaml_node *node)
{
	return yaml_fail_expected(b->doc, node, expectations[b->row->type], b->err);
}

static void add_words(struct text *out, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		text_addf(out, "%s%s", i ? ", " : "", words[i]);
}

static int fail_word(const struct binder *b, const struct yaml_node *node)
{
	const char *const *words = b->row->words;
	struct text expected = {0};
	const char *near = node->kind == YAML_KIND_SCALAR ? text_nearest(node->text, words) : NULL;
	text_add(&expected, "one of ");
	add_words(&expected, words);
	if (near)
		text_addf(&expected, "; did you mean \"%s\"?", near);
	int rc = yaml_fail_expected(b->doc, node, text_str(&expected), b->err);
	text_free(&expected);
	return rc;
}

static int fail_unknown(const struct yaml_doc *doc, const struct yaml_node *node,
	const struct yaml_table *table, struct err *err)
{
	const char **keys = mem_new(table->count + 1, sizeof(*keys));
	for (size_t i = 0; i < table->count; i++)
		keys[i] = table->rows[i].key;
	const char *near = text_nearest(node->key, keys);
	struct text hint = {0};
	if (near) {
		text_addf(&hint, "did you mean \"%s\"?", near);
	} else {
		text_add(&hint, "it has ");
		add_words(&hint, keys);
	}
	int rc = yaml_fail(doc, node->key_at, err, "unknown key \"%.60s\" in %s: %s", node->key,
		table->what, text_str(&hint));
	text_free(&hint);
	free(keys);
	return rc;
}

/* ---- ranges ---- */

static void format_bytes(char *out, size_t size, double value)
{
	static const struct {
		const char *unit;
		int64_t bytes;
	} units[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};
	int64_t bytes = (int64_t)value;
	size_t i = 0;
	while (bytes % units[i].bytes)
		i++;
	snprintf(out, size, "%lld%s", (long long)(bytes / units[i].bytes), units[i].unit);
}

/* A limit as one would write it. */
static void format_limit(char *out, size_t size, enum yaml_type type, double value)
{
	if (type == YAML_TYPE_DURATION)
		unit_duration(out, size, (int64_t)value);
	else if (type == YAML_TYPE_MICROS && value < 1000 && value > 0)
		snprintf(out, size, "%lldus", (long long)value);
	else if (type == YAML_TYPE_MICROS)
		unit_duration(out, size, (int64_t)value / 1000);
	else if (type == YAML_TYPE_SHARE)
		unit_share_word(out, size, (int)value);
	else if (type == YAML_TYPE_BYTES)
		format_bytes(out, size, value);
	else if (type == YAML_TYPE_INT)
		snprintf(out, size, "%lld", (long long)value);
	else
		snprintf(out, size, "%.15g", value);
}

static int check_range(const struct binder *b, const struct yaml_node *node, double value)
{
	const struct yaml_row *row = b->row;
	if (value >= row->min && value <= row->max)
		return 0;
	char min[32], max[32], found[SHOWN_MAX];
	format_limit(min, sizeof(min), row->type, row->min);
	format_limit(max, sizeof(max), row->type, row->max);
	shown(found, node);
	const char *hint =
		row->type == YAML_TYPE_FRACTION && row->max <= 1 ? " (1 is all; 5% is 0.05)" : "";
	return yaml_fail(b->doc, node->at, b->err, "\"%s\" is %s: it must be from %s to %s%s",
		row->key, found, min, max, hint);
}

/* ---- scalars ---- */

/* Reads digits with one optional point and an optional minus, divided by `scale`; at most 15
 * significant digits, so that the quotient of two exact doubles is the nearest double. */
static bool parse_decimal(const char *s, size_t len, double scale, double *value)
{
	bool negative = len > 0 && *s == '-', point = false;
	int digits = 0, significant = 0;
	double mantissa = 0;
	for (size_t i = negative; i < len; i++) {
		if (s[i] == '.' && !point && digits > 0) {
			point = true;
			continue;
		}
		if (s[i] < '0' || s[i] > '9')
			return false;
		digits++;
		significant += significant > 0 || s[i] != '0';
		mantissa = mantissa * 10 + (s[i] - '0');
		if (point)
			scale *= 10;
		if (significant > 15 || scale > 1e15)
			return false;
	}
	if (!digits || s[len - 1] == '.')
		return false;
	*value = (negative ? -mantissa : mantissa) / scale;
	return true;
}

static bool parse_fraction(const char *s, double *value)
{
	size_t len = strlen(s);
	bool percent = len > 1 && s[len - 1] == '%';
	return parse_decimal(s, len - percent, percent ? 100 : 1, value);
}

static bool parse_micros(const char *s, int64_t *us)
{
	size_t len = strlen(s);
	if (len > 2 && len < 20 && strcmp(s + len - 2, "us") == 0) {
		char digits[20];
		memcpy(digits, s, len - 2);
		digits[len - 2] = 0;
		return unit_parse_int(digits, 0, INT_MAX_EXACT, us);
	}
	int64_t ms;
	if (!unit_parse_duration(s, &ms))
		return false;
	*us = ms * 1000;
	return true;
}

static int bind_bool(const struct binder *b, const struct yaml_node *node, bool *field)
{
	if (!node->quoted && strcmp(node->text, "true") == 0)
		*field = true;
	else if (!node->quoted && strcmp(node->text, "false") == 0)
		*field = false;
	else
		return fail_expected(b, node);
	return 0;
}

static int bind_real(const struct binder *b, const struct yaml_node *node, double *field)
{
	const struct yaml_row *row = b->row;
	double value = 0;
	bool read = row->type == YAML_TYPE_FRACTION
		? parse_fraction(node->text, &value)
		: parse_decimal(node->text, strlen(node->text), 1, &value);
	if (node->quoted || !read)
		return fail_expected(b, node);
	if (check_range(b, node, value) != 0)
		return -1;
	*field = value;
	return 0;
}

static int bind_integer(const struct binder *b, const struct yaml_node *node, int64_t *field)
{
	const struct yaml_row *row = b->row;
	int64_t value = 0;
	bool read = false;
	if (row->type == YAML_TYPE_DURATION)
		read = unit_parse_duration(node->text, &value);
	else if (row->type == YAML_TYPE_MICROS)
		read = parse_micros(node->text, &value);
	else if (row->type == YAML_TYPE_BYTES)
		read = unit_parse_bytes(node->text, &value);
	else if (!node->quoted)
		read = unit_parse_int(node->text, -INT_MAX_EXACT, INT_MAX_EXACT, &value);
	if (!read)
		return fail_expected(b, node);
	if (check_range(b, node, (double)value) != 0)
		return -1;
	*field = value;
	return 0;
}

int yaml_read_share(const struct yaml_doc *doc, const struct yaml_node *node, const char *text,
	int *share_bp, struct err *err)
{
	int64_t bare;
	if (unit_parse_share(text, share_bp))
		return 0;
	if (!unit_parse_int(text, 0, 100, &bare))
		return yaml_fail_expected(doc, node, expectations[YAML_TYPE_SHARE], err);
	char hint[64];
	snprintf(hint, sizeof(hint), "%lld%%: a bare number is not a share", (long long)bare);
	return yaml_fail_expected(doc, node, hint, err);
}

static int bind_share(const struct binder *b, const struct yaml_node *node, int *field)
{
	int share_bp = 0;
	if (yaml_read_share(b->doc, node, node->text, &share_bp, b->err) != 0)
		return -1;
	if (check_range(b, node, share_bp) != 0)
		return -1;
	*field = share_bp;
	return 0;
}

static int bind_string(const struct binder *b, const struct yaml_node *node, char *field)
{
	const struct yaml_row *row = b->row;
	if (row->type == YAML_TYPE_NAME && *node->text && !text_is_name(node->text, SIZE_MAX))
		return fail_expected(b, node);
	if (!yaml_is_clean(node->text))
		return yaml_fail_expected(b->doc, node, "text without invisible characters", b->err);
	size_t len = strlen(node->text);
	if ((double)len < row->min)
		return yaml_fail(b->doc, node->at, b->err, "\"%s\" is empty: write %s", row->key,
			expectations[row->type]);
	if (len >= row->size)
		return yaml_fail(b->doc, node->at, b->err, "\"%s\" has %zu bytes: at most %zu fit",
			row->key, len, row->size - 1);
	text_copy(field, row->size, node->text);
	return 0;
}

/* The index of the scalar's word, -1 with err. */
static int find_word(const struct binder *b, const struct yaml_node *node)
{
	for (int i = 0; b->row->words[i]; i++)
		if (strcmp(b->row->words[i], node->text) == 0)
			return i;
	return fail_word(b, node);
}

static int bind_word(const struct binder *b, const struct yaml_node *node, void *field)
{
	const struct yaml_row *row = b->row;
	int index = find_word(b, node);
	if (index < 0)
		return -1;
	if (row->type == YAML_TYPE_ENUM) {
		unsigned value = (unsigned)index; /* what gcc and clang make of an enum without minus */
		memcpy(field, &value, sizeof(value));
		return 0;
	}
	bool fits = text_copy(field, row->size, row->words[index]);
	assert(fits);
	return 0;
}

/* ---- rows ---- */

static int bind_list(const struct binder *b, const struct yaml_node *node, char *out)
{
	const struct yaml_row *row = b->row;
	if (node->kind != YAML_KIND_LIST)
		return fail_expected(b, node);
	if ((double)node->count < row->min || (double)node->count > row->max)
		return yaml_fail(b->doc, node->at, b->err,
			"\"%s\" has %zu items: it must have %g to %g", row->key, node->count, row->min,
			row->max);
	int *count = (int *)(void *)(out + row->count_offset);
	for (*count = 0; (size_t)*count < node->count; ++*count) {
		const struct yaml_node *item = &node->items[*count];
		void *field = out + row->offset + (size_t)*count * row->size;
		int rc = row->table ? yaml_bind(b->doc, item, row->table, field, b->err)
							: row->read(b->doc, item, field, b->err);
		if (rc != 0)
			return -1;
	}
	return 0;
}

static int bind_row(const struct binder *b, const struct yaml_node *node, char *out)
{
	const struct yaml_row *row = b->row;
	void *field = out + row->offset;
	if (row->type == YAML_TYPE_CUSTOM)
		return row->read(b->doc, node, field, b->err);
	if (row->type == YAML_TYPE_MAP)
		return yaml_bind(b->doc, node, row->table, field, b->err);
	if (row->type == YAML_TYPE_LIST)
		return bind_list(b, node, out);
	if (node->kind != YAML_KIND_SCALAR || yaml_is_null(node)) {
		if (row->words)
			return fail_word(b, node);
		return fail_expected(b, node);
	}
	switch (row->type) {
	case YAML_TYPE_BOOL:
		return bind_bool(b, node, field);
	case YAML_TYPE_REAL:
	case YAML_TYPE_FRACTION:
		return bind_real(b, node, field);
	case YAML_TYPE_SHARE:
		return bind_share(b, node, field);
	case YAML_TYPE_NAME:
	case YAML_TYPE_STRING:
		return bind_string(b, node, field);
	case YAML_TYPE_WORD:
	case YAML_TYPE_ENUM:
		return bind_word(b, node, field);
	default:
		return bind_integer(b, node, field);
	}
}

static int bind_fallback(const struct binder *b, const struct yaml_node *map, char *out)
{
	const struct yaml_row *row = b->row;
	struct yaml_node node = {.at = map->at, .kind = YAML_KIND_MAP};
	if (row->type == YAML_TYPE_MAP) /* an absent map has its keys' fallbacks */
		return bind_row(b, &node, out);
	if (!row->fallback)
		return 0;
	node.kind = YAML_KIND_SCALAR;
	node.text = mem_copy(row->fallback);
	node.quoted = !*row->fallback; /* the empty text is a value, nothing is none */
	int rc = bind_row(b, &node, out);
	assert(rc == 0);
	free(node.text);
	return rc;
}

static const struct yaml_row *find_row(const struct yaml_table *table, const char *key)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->rows[i].key, key) == 0)
			return &table->rows[i];
	return NULL;
}

int yaml_bind(const struct yaml_doc *doc, const struct yaml_node *map,
	const struct yaml_table *table, void *out, struct err *err)
{
	if (map->kind != YAML_KIND_MAP) {
		char found[SHOWN_MAX];
		shown(found, map);
		return yaml_fail(doc, map->at, err, "%s is written as keys and values, not as %s",
			table->what, found);
	}
	/* What is written comes first and in its order, so that the first error is the topmost. */
	for (size_t i = 0; i < map->count; i++) {
		const struct yaml_node *node = &map->items[i];
		struct binder b = {doc, find_row(table, node->key), err};
		if (!b.row)
			return fail_unknown(doc, node, table, err);
		if (bind_row(&b, node, out) != 0)
			return -1;
	}
	for (size_t i = 0; i < table->count; i++) {
		struct binder b = {doc, &table->rows[i], err};
		if (yaml_get(map, b.row->key))
			continue;
		if (b.row->required)
			return yaml_fail(
				doc, map->at, err, "\"%s\" is missing in %s", b.row->key, table->what);
		if (bind_fallback(&b, map, out) != 0)
			return -1;
	}
	return 0;
}
