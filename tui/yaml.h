/* YAML: one document of a small, strict part of YAML, as a tree whose nodes know their place.
 *
 * Plain maps, lists and scalars only: no alias, anchor, tag, second document, duplicate or
 * compound key. A scalar is text; what it means is decided by its reader (tui/yaml_bind.h). */
#ifndef WEIR_TUI_YAML_H
#define WEIR_TUI_YAML_H

#include "model/err.h"

#include <stdbool.h>
#include <stddef.h>

#define YAML_BYTES_MAX (1u << 20)
#define YAML_DEPTH_MAX 16

enum yaml_kind { YAML_KIND_SCALAR, YAML_KIND_LIST, YAML_KIND_MAP };

struct yaml_place {
	int line, column; /* from 1; columns in characters; 0: no place */
};

struct yaml_node {
	enum yaml_kind kind;
	struct yaml_place at;
	char *key; /* in a map: the key; else NULL */
	struct yaml_place key_at;
	char *text;  /* of a scalar, valid UTF-8; else NULL */
	bool quoted; /* the scalar was in quotes or a block: it is text and nothing else */
	struct yaml_node *items; /* of a list or map */
	size_t count, cap;
};

struct yaml_doc {
	char *file; /* names it in errors */
	struct yaml_node root;
};

/* Reads `len` bytes. An empty text is an empty map. 0, or -1 with err (W002,
 * "file:line:column: …") and `out` empty. */
int yaml_doc_read(
	struct yaml_doc *out, const char *text, size_t len, const char *file, struct err *err);

void yaml_doc_free(struct yaml_doc *doc);

/* The value of a key of a map, NULL when it is not there. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* True for a scalar without a value: nothing, `~` or `null`, without quotes. */
bool yaml_is_null(const struct yaml_node *node);

/* Sets W002 with "file:line:column: " before the text. Returns -1. */
int yaml_fail(const struct yaml_doc *doc, struct yaml_place at, struct err *err,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
