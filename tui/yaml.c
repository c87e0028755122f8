/* YAML: libyaml's events made into a tree. It is not a YAML library: what makes a configuration
 * surprising or a parser slow is refused at its place.
 *
 * 1. The bytes are checked before libyaml sees them: size, UTF-8, no invisible characters. So
 *    every error has a line and a column.
 * 2. An event is refused before its children are read: depth bounds the recursion, and an alias
 *    is never followed, so the tree is never larger than the text.
 * 3. A scalar holds no NUL: strlen is its length. */
#include "tui/yaml.h"

#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
	struct yaml_doc *doc;
	yaml_parser_t parser;
	const char *text; /* what is read, without the byte order mark */
	size_t len;
	struct err *err;
};

static int parse_node(
	struct reader *r, struct yaml_node *out, const yaml_event_t *event, int depth);

static int vfail(const struct yaml_doc *doc, struct yaml_place at, struct err *err,
	const char *format, va_list args)
{
	struct text said = {0};
	text_addv(&said, format, args);
	err_set(err, ERR_CONFIG, "%s:%d:%d: %s", doc->file, at.line, at.column, text_str(&said));
	text_free(&said);
	return -1;
}

int yaml_fail(
	const struct yaml_doc *doc, struct yaml_place at, struct err *err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vfail(doc, at, err, format, args);
	va_end(args);
	return -1;
}

/* ---- before libyaml: bytes ---- */

static bool is_break(uint32_t point)
{
	return point == '\n' || point == '\r';
}

/* What no editor shows as itself: controls, other line ends, bidirectional overrides, marks. */
static bool is_invisible(uint32_t point)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x08},
		{0x0b, 0x0c},
		{0x0e, 0x1f},
		{0x7f, 0x9f},
		{0x200b, 0x200f},
		{0x2028, 0x202e},
		{0x2060, 0x206f},
		{0xfeff, 0xfeff},
		{0xfff9, 0xfffb},
		{0xfffe, 0xffff},
		{0xe0000, 0xe007f},
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	return false;
}

static int check_bytes(struct reader *r)
{
	struct yaml_place at = {1, 1};
	for (size_t i = 0; i < r->len;) {
		uint32_t point = 0;
		int used = text_decode(r->text + i, r->len - i, &point);
		if (used <= 0)
			return yaml_fail(r->doc, at, r->err, "not UTF-8 text: byte 0x%02X",
				(unsigned)(unsigned char)r->text[i]);
		if (is_invisible(point))
			return yaml_fail(
				r->doc, at, r->err, "a character that cannot be seen: U+%04X", (unsigned)point);
		i += (size_t)used;
		bool first_of_crlf = point == '\r' && i < r->len && r->text[i] == '\n';
		if (is_break(point) && !first_of_crlf) {
			at.line++;
			at.column = 1;
		} else {
			at.column++;
		}
	}
	return 0;
}

/* ---- libyaml's errors and marks ---- */

static struct yaml_place place(yaml_mark_t mark)
{
	return (struct yaml_place){(int)mark.line + 1, (int)mark.column + 1};
}

/* The byte at a place of the text, 0 at its end. */
static char byte_at(const struct reader *r, struct yaml_place at)
{
	struct yaml_place now = {1, 1};
	for (size_t i = 0; i < r->len; i++) {
		char c = r->text[i];
		bool continues = ((unsigned char)c & 0xc0) == 0x80;
		if (now.line == at.line && now.column == at.column && !continues)
			return c;
		if (c == '\n' || (c == '\r' && !(i + 1 < r->len && r->text[i + 1] == '\n'))) {
			now.line++;
			now.column = 1;
		} else if (!(i + 1 < r->len && ((unsigned char)r->text[i + 1] & 0xc0) == 0x80)) {
			now.column++;
		}
	}
	return 0;
}

static int syntax_error(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	if (p->error == YAML_MEMORY_ERROR)
		mem_fail();
	struct yaml_place at = place(p->problem_mark);
	if (byte_at(r, at) == '\t')
		return yaml_fail(r->doc, at, r->err, "a tab cannot indent: write spaces");
	const char *problem = p->problem ? p->problem : "cannot be read";
	if (strncmp(problem, "mapping values are not allowed", 30) == 0)
		return yaml_fail(r->doc, at, r->err,
			"no key can begin here: check the indentation, or quote what ends with a colon");
	if (p->context)
		return yaml_fail(r->doc, at, r->err, "not YAML: %s (%s that begins at %d:%d)", problem,
			p->context, place(p->context_mark).line, place(p->context_mark).column);
	return yaml_fail(r->doc, at, r->err, "not YAML: %s", problem);
}

static int next(struct reader *r, yaml_event_t *event)
{
	return yaml_parser_parse(&r->parser, event) ? 0 : syntax_error(r);
}

/* ---- events into nodes ---- */

static void free_node(struct yaml_node *node)
{
	for (size_t i = 0; i < node->count; i++)
		free_node(&node->items[i]);
	free(node->items);
	free(node->key);
	free(node->text);
	*node = (struct yaml_node){0};
}

static int parse_scalar(struct reader *r, struct yaml_node *out, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	if (memchr(value, 0, len))
		return yaml_fail(r->doc, out->at, r->err, "a character that cannot be seen: U+0000");
	out->kind = YAML_KIND_SCALAR;
	out->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	out->text = mem_copy_n(value, len);
	return 0;
}

static struct yaml_node *append(struct yaml_node *parent, const struct yaml_node *child)
{
	mem_grow(&parent->items, &parent->cap, parent->count + 1, sizeof(*child));
	parent->items[parent->count] = *child;
	return &parent->items[parent->count++];
}

static int by_key(const void *a, const void *b)
{
	const struct yaml_node *const *left = a, *const *right = b;
	int order = strcmp((*left)->key, (*right)->key);
	return order ? order : (*left > *right) - (*left < *right);
}

/* Sorted, so that a megabyte of keys is not compared pair by pair. */
static int check_duplicates(struct reader *r, const struct yaml_node *map)
{
	const struct yaml_node **sorted = mem_new(map->count, sizeof(*sorted));
	for (size_t i = 0; i < map->count; i++)
		sorted[i] = &map->items[i];
	if (map->count)
		qsort(sorted, map->count, sizeof(*sorted), by_key);
	const struct yaml_node *first = NULL, *again = NULL;
	for (size_t i = 1; i < map->count; i++)
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0 && (!again || sorted[i] < again)) {
			first = sorted[i - 1];
			again = sorted[i];
		}
	free(sorted);
	if (!again)
		return 0;
	return yaml_fail(r->doc, again->key_at, r->err, "\"%.60s\" is there twice: first at %d:%d",
		again->key, first->key_at.line, first->key_at.column);
}

/* Reads a key; its node is `child`, whose value is still to come. */
static int parse_key(struct reader *r, struct yaml_node *child, const yaml_event_t *event)
{
	struct yaml_place at = place(event->start_mark);
	if (event->type != YAML_SCALAR_EVENT)
		return yaml_fail(r->doc, at, r->err, "a key must be a word");
	struct yaml_node key = {0};
	if (parse_node(r, &key, event, 0) != 0) {
		free_node(&key);
		return -1;
	}
	child->key = key.text;
	child->key_at = at;
	return 0;
}

static int parse_items(struct reader *r, struct yaml_node *out, int depth)
{
	bool is_map = out->kind == YAML_KIND_MAP;
	yaml_event_type_t end = is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	for (;;) {
		yaml_event_t event;
		if (next(r, &event) != 0)
			return -1;
		if (event.type == end) {
			yaml_event_delete(&event);
			return is_map ? check_duplicates(r, out) : 0;
		}
		struct yaml_node *child = append(out, &(struct yaml_node){0});
		int rc = 0;
		if (is_map) {
			rc = parse_key(r, child, &event);
			yaml_event_delete(&event);
			if (rc != 0 || next(r, &event) != 0)
				return -1;
		}
		rc = parse_node(r, child, &event, depth + 1);
		yaml_event_delete(&event);
		if (rc != 0)
			return -1;
	}
}

static int parse_node(
	struct reader *r, struct yaml_node *out, const yaml_event_t *event, int depth)
{
	out->at = place(event->start_mark);
	const yaml_char_t *anchor = NULL, *tag = NULL;
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return yaml_fail(r->doc, out->at, r->err, "an alias is not read here: write the value");
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		out->kind = YAML_KIND_LIST;
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	default:
		assert(event->type == YAML_MAPPING_START_EVENT);
		out->kind = YAML_KIND_MAP;
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	}
	if (anchor)
		return yaml_fail(r->doc, out->at, r->err,
			"an anchor is not read here: remove \"&%.60s\"", (const char *)anchor);
	if (tag)
		return yaml_fail(r->doc, out->at, r->err, "a tag is not read here: remove \"%.60s\"",
			(const char *)tag);
	if (event->type == YAML_SCALAR_EVENT)
		return parse_scalar(r, out, event);
	if (depth >= YAML_DEPTH_MAX)
		return yaml_fail(r->doc, out->at, r->err, "nested more than %d deep", YAML_DEPTH_MAX);
	return parse_items(r, out, depth);
}

/* Reads one document's root, then the end of the text. */
static int parse_stream(struct reader *r)
{
	bool seen = false;
	for (;;) {
		yaml_event_t event;
		if (next(r, &event) != 0)
			return -1;
		yaml_event_type_t type = event.type;
		int rc = 0;
		if (type == YAML_DOCUMENT_START_EVENT && seen)
			rc = yaml_fail(r->doc, place(event.start_mark), r->err,
				"a second document begins: one file holds one");
		else if (type == YAML_DOCUMENT_START_EVENT)
			seen = true;
		else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
			type != YAML_DOCUMENT_END_EVENT)
			rc = parse_node(r, &r->doc->root, &event, 0);
		yaml_event_delete(&event);
		if (rc != 0)
			return -1;
		if (type == YAML_STREAM_END_EVENT)
			return 0;
	}
}

static void make_empty_map(struct yaml_node *root)
{
	free_node(root);
	root->kind = YAML_KIND_MAP;
	root->at = (struct yaml_place){1, 1};
}

int yaml_doc_read(
	struct yaml_doc *out, const char *text, size_t len, const char *file, struct err *err)
{
	*out = (struct yaml_doc){.file = mem_copy(file)};
	make_empty_map(&out->root);
	struct reader r = {.doc = out, .text = text, .len = len, .err = err};
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		r.text += 3;
		r.len -= 3;
	}
	int rc;
	if (len > YAML_BYTES_MAX) {
		rc = yaml_fail(out, (struct yaml_place){1, 1}, err, "longer than 1 MiB");
	} else if ((rc = check_bytes(&r)) == 0 && r.len > 0) {
		if (!yaml_parser_initialize(&r.parser))
			mem_fail();
		yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
		yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.text, r.len);
		rc = parse_stream(&r);
		yaml_parser_delete(&r.parser);
	}
	if (rc != 0)
		yaml_doc_free(out);
	else if (yaml_is_null(&out->root))
		make_empty_map(&out->root);
	return rc;
}

void yaml_doc_free(struct yaml_doc *doc)
{
	free_node(&doc->root);
	free(doc->file);
	*doc = (struct yaml_doc){0};
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	assert(map->kind == YAML_KIND_MAP);
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->items[i].key, key) == 0)
			return &map->items[i];
	return NULL;
}

bool yaml_is_null(const struct yaml_node *node)
{
	return node->kind == YAML_KIND_SCALAR && !node->quoted &&
		(!*node->text || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}
