/* Fields: every row of a wire table tried in every right and wrong form, in a document that is
 * good but for it. */
#ifndef WEIR_TESTS_UNIT_CLIENT_FIELDS_H
#define WEIR_TESTS_UNIT_CLIENT_FIELDS_H

#include "client/wire_field.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A kind of document. */
struct fields {
	cJSON *(*example)(void);
	int (*read)(const char *body, size_t len, struct err *err);
	/* After a field was missing or null (may be NULL). */
	void (*absent)(const char *path, const struct wire_field *f);
};

/* The object of the document that a path such as "arms.v1." or "workers.0." names. */
static cJSON *fields_descend(cJSON *tree, const char *path)
{
	char name[32];
	while (*path) {
		size_t len = strcspn(path, ".");
		memcpy(name, path, len);
		name[len] = '\0';
		tree = cJSON_IsArray(tree) ? cJSON_GetArrayItem(tree, *name - '0')
								   : cJSON_GetObjectItemCaseSensitive(tree, name);
		assert_non_null(tree);
		path += len + 1;
	}
	return tree;
}

/* Reads a tree as a document; the code of the error. */
static enum err_code fields_read(const struct fields *kind, const cJSON *tree, struct err *err)
{
	char *printed = cJSON_PrintUnformatted(tree);
	assert_non_null(printed);
	memset(err, 0, sizeof *err);
	int result = kind->read(printed, strlen(printed), err);
	assert_int_equal(result, err->code ? -1 : 0);
	free(printed);
	return err->code;
}

/* Sets `name` of the object at `path` to `value` (NULL: removes it) and reads the document. The
 * result must be what `accepted` says, with the field named in a refusal. */
static void fields_try(const struct fields *kind, const char *path, const char *name,
	const char *what, cJSON *value, bool accepted)
{
	cJSON *tree = kind->example(), *object = fields_descend(tree, path);
	char full[128], quoted[140];
	struct err err;
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	if (value)
		cJSON_AddItemToObject(object, name, value);
	(void)snprintf(full, sizeof full, "%s%s", path, name);
	(void)snprintf(quoted, sizeof quoted, "\"%s\"", full);
	enum err_code code = fields_read(kind, tree, &err);
	if (accepted && code != ERR_NONE)
		fail_msg("%s %s: refused: %s", full, what, err.text);
	if (!accepted && code != ERR_FIELD)
		fail_msg("%s %s: W%d, not W175", full, what, code);
	if (!accepted && !strstr(err.text, quoted))
		fail_msg("%s %s: not named: %s", full, what, err.text);
	cJSON_Delete(tree);
}

static void fields_try_number(
	const struct fields *kind, const char *path, const struct wire_field *f)
{
#define TRY(what, value, accepted) fields_try(kind, path, f->name, what, value, accepted)
	TRY("min", cJSON_CreateNumber((double)f->min), true);
	TRY("max", cJSON_CreateNumber((double)f->max), true);
	TRY("below", cJSON_CreateNumber((double)f->min - 1), false);
	if (f->max < WIRE_INTEGER_MAX) /* beyond, the scanner refuses */
		TRY("above", cJSON_CreateNumber((double)f->max + 1), false);
	if (f->kind == WIRE_REAL)
		TRY("fraction", cJSON_CreateNumber(((double)f->min + (double)f->max) / 2), true);
	else
		TRY("fraction", cJSON_CreateNumber((double)f->min + 0.5), false);
	TRY("huge", cJSON_CreateNumber(1.5e300), false);
	TRY("digits in a string", cJSON_CreateString("5"), false);
}

static void fields_try_text(
	const struct fields *kind, const char *path, const struct wire_field *f)
{
	char fits[512], longer[512];
	assert_true(f->size + 1 < sizeof fits);
	memset(fits, 'x', f->size - 1);
	fits[f->size - 1] = '\0';
	memset(longer, 'x', f->size);
	longer[f->size] = '\0';
	TRY("longest", cJSON_CreateString(fits), true);
	TRY("longer", cJSON_CreateString(longer), f->kind == WIRE_TEXT);
	TRY("empty", cJSON_CreateString(""), !f->required);
	TRY("escape", cJSON_CreateString("\x1b[2J"), f->kind != WIRE_NAME);
	TRY("climbing", cJSON_CreateString("../x"), f->kind != WIRE_NAME);
	TRY("number", cJSON_CreateNumber(5), false);
}

static void fields_try_word(
	const struct fields *kind, const char *path, const struct wire_field *f)
{
	char word[64];
	for (int i = 0; i < f->words->count; i++)
		TRY(f->words->word[i], cJSON_CreateString(f->words->word[i]), i >= f->min);
	(void)snprintf(word, sizeof word, "%sx", f->words->word[0]);
	TRY("a longer word", cJSON_CreateString(word), false);
	(void)snprintf(word, sizeof word, "%s", f->words->word[0]);
	word[strlen(word) - 1] = '\0';
	TRY("a shorter word", cJSON_CreateString(word), false);
	TRY("no word", cJSON_CreateString(""), false);
	TRY("a number", cJSON_CreateNumber(0), false);
}

/* Everything above with every row of a table. */
static void fields_every(const struct fields *kind, const struct wire_table *table)
{
	const char *path = table->path;
	for (const struct wire_field *f = table->fields; f < table->fields + table->count; f++) {
		TRY("missing", NULL, !f->required);
		if (!f->required && kind->absent)
			kind->absent(path, f);
		TRY("null", cJSON_CreateNull(), !f->required);
		if (!f->required && kind->absent)
			kind->absent(path, f);
		TRY("array", cJSON_CreateArray(), false);
		TRY("object", cJSON_CreateObject(), false);
		TRY("true", cJSON_CreateTrue(), f->kind == WIRE_BOOL);
		if (f->kind == WIRE_INT || f->kind == WIRE_SHARE || f->kind == WIRE_REAL)
			fields_try_number(kind, path, f);
		else if (f->kind == WIRE_WORD)
			fields_try_word(kind, path, f);
		else if (f->kind != WIRE_BOOL)
			fields_try_text(kind, path, f);
	}
#undef TRY
}

#endif
