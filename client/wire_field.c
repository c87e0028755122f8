/* Wire fields: from cJSON into structs and back by table. It knows kinds and ranges, not what a
 * field means.
 *
 * 1. No value is guessed: what is neither absent nor within its row is refused with its name.
 * 2. The scanner has run: keys are unique, integers are exact in a double, texts are UTF-8. */
#include "client/wire_field.h"

#include "client/scan.h"
#include "model/guard.h"
#include "model/pool.h"
#include "model/split.h"
#include "model/unit.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#define X(name, word, ...) word,
static const char *const strategy_words[] = {STRATEGY_INFO(X)};
static const char *const orphan_words[] = {ORPHAN_INFO(X)};
static const char *const action_words[] = {GUARD_ACTION_INFO(X)};
#undef X
#define X(name, word) word,
static const char *const state_words[] = {GUARD_INFO(X)};
static const char *const verdict_words[] = {VERDICT_INFO(X)};
static const char *const worker_words[] = {WORKER_STATE_INFO(X)};
static const char *const breaker_words[] = {BREAKER_INFO(X)};
#undef X
static const char *const arm_words[] = {"v1", "v2"};

const struct wire_words wire_strategies = {strategy_words, STRATEGY_COUNT};
const struct wire_words wire_orphans = {orphan_words, ORPHAN_COUNT};
const struct wire_words wire_guard_actions = {action_words, GUARD_ACTION_COUNT};
const struct wire_words wire_guard_states = {state_words, GUARD_COUNT};
const struct wire_words wire_verdicts = {verdict_words, VERDICT_COUNT};
const struct wire_words wire_arms = {arm_words, ARM_COUNT};
const struct wire_words wire_worker_states = {worker_words, WORKER_STATE_COUNT};
const struct wire_words wire_breakers = {breaker_words, BREAKER_COUNT};

struct cJSON *wire_parse(const char *body, size_t len, struct err *err)
{
	if (scan_document(body, len, err))
		return NULL;
	cJSON *tree = cJSON_ParseWithLength(body, len);
	if (tree && cJSON_IsObject(tree))
		return tree;
	cJSON_Delete(tree);
	(void)err_set(err, ERR_DOCUMENT, "the document is no JSON object");
	return NULL;
}

bool wire_integer(const struct cJSON *item, int64_t min, int64_t max, int64_t *out)
{
	if (!cJSON_IsNumber(item) || item->valuedouble != trunc(item->valuedouble) ||
		item->valuedouble < (double)min || item->valuedouble > (double)max)
		return false;
	*out = (int64_t)item->valuedouble;
	return true;
}

/* ---- reading ---- */

static void put_int(char *at, int64_t n)
{
	memcpy(at, &n, sizeof n);
}

static void put_share(char *at, int n)
{
	memcpy(at, &n, sizeof n);
}

static void put_real(char *at, double x)
{
	memcpy(at, &x, sizeof x);
}

static void put_bool(char *at, bool b)
{
	memcpy(at, &b, sizeof b);
}

/* Every enum of ours is as large as one that counts its values. */
static void put_word(char *at, const struct wire_field *f, int value)
{
	enum guard_action e = (enum guard_action)value;
	assert(f->size == sizeof e);
	memcpy(at, &e, sizeof e);
}

static int get_word(const char *at, const struct wire_field *f)
{
	enum guard_action e;
	assert(f->size == sizeof e);
	memcpy(&e, at, sizeof e);
	return (int)e;
}

static void put_absent(char *at, const struct wire_field *f)
{
	switch (f->kind) {
	case WIRE_INT:
		put_int(at, UNKNOWN);
		break;
	case WIRE_SHARE:
		put_share(at, -1);
		break;
	case WIRE_REAL:
		put_real(at, NAN);
		break;
	case WIRE_BOOL:
		put_bool(at, false);
		break;
	case WIRE_NAME:
	case WIRE_TEXT:
	case WIRE_LINE:
		*at = '\0';
		break;
	case WIRE_WORD:
		put_word(at, f, f->words->count);
		break;
	}
}

static bool read_text(char *at, const struct wire_field *f, const char *s)
{
	size_t len = strlen(s);
	if ((int64_t)len < f->min || (f->kind != WIRE_TEXT && len >= f->size))
		return false;
	if (f->kind == WIRE_NAME) {
		if (len > 0 && !text_is_name(s, f->size - 1))
			return false;
		memcpy(at, s, len + 1);
		return true;
	}
	text_clean(at, f->size, s, len);
	return true;
}

static bool read_word(char *at, const struct wire_field *f, const char *word)
{
	int i = (int)f->min;
	while (i < f->words->count && strcmp(f->words->word[i], word) != 0)
		i++;
	if (i == f->words->count)
		return false;
	put_word(at, f, i);
	return true;
}

/* Puts a present value; false when it is not what the row asks for. */
static bool put_value(char *at, const struct wire_field *f, const cJSON *item)
{
	int64_t n;
	switch (f->kind) {
	case WIRE_INT:
		if (!wire_integer(item, f->min, f->max, &n))
			return false;
		put_int(at, n);
		return true;
	case WIRE_SHARE:
		if (!wire_integer(item, f->min, f->max, &n))
			return false;
		put_share(at, (int)n);
		return true;
	case WIRE_REAL:
		if (!cJSON_IsNumber(item) || item->valuedouble < (double)f->min ||
			item->valuedouble > (double)f->max)
			return false;
		put_real(at, item->valuedouble);
		return true;
	case WIRE_BOOL:
		if (!cJSON_IsBool(item))
			return false;
		put_bool(at, cJSON_IsTrue(item));
		return true;
	case WIRE_NAME:
	case WIRE_TEXT:
	case WIRE_LINE:
		return cJSON_IsString(item) && read_text(at, f, item->valuestring);
	case WIRE_WORD:
		return cJSON_IsString(item) && read_word(at, f, item->valuestring);
	}
	return false;
}

static int refuse_word(const char *path, const struct wire_field *f, struct err *err)
{
	struct text words = {0};
	for (int i = (int)f->min; i < f->words->count; i++)
		text_addf(&words, "%s\"%s\"", i > (int)f->min ? ", " : "", f->words->word[i]);
	err_set(err, ERR_FIELD, "field \"%s%s\": want one of %s", path, f->name, text_str(&words));
	text_free(&words);
	return -1;
}

/* ERR_FIELD with what the row asks for. */
static int refuse(const char *path, const struct wire_field *f, struct err *err)
{
	long long min = f->min, max = f->max;
	switch (f->kind) {
	case WIRE_INT:
	case WIRE_SHARE:
		return err_set(err, ERR_FIELD, "field \"%s%s\": want an integer from %lld to %lld",
			path, f->name, min, max);
	case WIRE_REAL:
		return err_set(err, ERR_FIELD, "field \"%s%s\": want a number from %lld to %lld", path,
			f->name, min, max);
	case WIRE_BOOL:
		return err_set(err, ERR_FIELD, "field \"%s%s\": want true or false", path, f->name);
	case WIRE_NAME:
		return err_set(err, ERR_FIELD,
			"field \"%s%s\": want a name of 1 to %zu letters, digits and \"._:-\"", path,
			f->name, f->size - 1);
	case WIRE_TEXT:
		return err_set(err, ERR_FIELD, "field \"%s%s\": want a string%s", path, f->name,
			f->min > 0 ? " that is not empty" : "");
	case WIRE_LINE:
		return err_set(err, ERR_FIELD, "field \"%s%s\": want a string of %lld to %zu bytes",
			path, f->name, min, f->size - 1);
	case WIRE_WORD:
		break;
	}
	return refuse_word(path, f, err);
}

static bool is_absent(const cJSON *item)
{
	return !item || cJSON_IsNull(item);
}

int wire_read_fields(void *base, const struct cJSON *object, const char *path,
	const struct wire_field *fields, size_t count, struct err *err)
{
	for (const struct wire_field *f = fields; f < fields + count; f++) {
		char *at = (char *)base + f->offset;
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, f->name);
		if (!item && f->required)
			return err_set(err, ERR_FIELD, "field \"%s%s\" is missing", path, f->name);
		if (is_absent(item) && !f->required)
			put_absent(at, f);
		else if (!put_value(at, f, item))
			return refuse(path, f, err);
	}
	return 0;
}

int wire_read_flat(void *base, const char *body, size_t len, const struct wire_field *fields,
	size_t count, struct err *err)
{
	cJSON *tree = wire_parse(body, len, err);
	int result = tree ? wire_read_fields(base, tree, "", fields, count, err) : -1;
	cJSON_Delete(tree);
	return result;
}

int wire_object(const struct cJSON **out, const struct cJSON *parent, const char *path,
	const char *name, bool required, struct err *err)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(parent, name);
	*out = NULL;
	if (is_absent(item) && !required)
		return 0;
	if (!item)
		return err_set(err, ERR_FIELD, "field \"%s%s\" is missing", path, name);
	if (!cJSON_IsObject(item))
		return err_set(err, ERR_FIELD, "field \"%s%s\": want an object", path, name);
	*out = item;
	return 0;
}

int wire_array(const struct cJSON **out, const struct cJSON *parent, const char *path,
	const char *name, struct err *err)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(parent, name);
	*out = NULL;
	if (is_absent(item))
		return 0;
	if (!cJSON_IsArray(item))
		return err_set(err, ERR_FIELD, "field \"%s%s\": want an array", path, name);
	*out = item;
	return 0;
}

static bool has_operation(const struct operation_set *set, const char *name)
{
	for (int i = 0; i < set->count; i++)
		if (strcmp(set->name[i], name) == 0)
			return true;
	return false;
}

int wire_read_operations(struct operation_set *out, const struct cJSON *parent, struct err *err)
{
	const cJSON *array, *item;
	memset(out, 0, sizeof *out);
	if (wire_array(&array, parent, "", "operations", err))
		return -1;
	out->limited = array != NULL;
	if (cJSON_GetArraySize(array) > OPERATIONS_MAX)
		return err_set(err, ERR_TOO_MANY, "field \"operations\": %d names, at most %d are read",
			cJSON_GetArraySize(array), OPERATIONS_MAX);
	cJSON_ArrayForEach(item, array)
	{
		const char *name = item->valuestring;
		if (!cJSON_IsString(item) || !text_is_name(name, OPERATION_NAME_MAX - 1) ||
			has_operation(out, name))
			return err_set(err, ERR_FIELD,
				"field \"operations\": want different names of 1 to %d letters, digits and "
				"\"._:-\"",
				OPERATION_NAME_MAX - 1);
		memcpy(out->name[out->count++], name, strlen(name) + 1);
	}
	return 0;
}

/* ---- writing ---- */

void wire_write_operations(struct text *out, const struct operation_set *set)
{
	text_json_key(out, "operations");
	text_add(out, set ? "[" : "null");
	for (int i = 0; set && i < set->count; i++) {
		text_add(out, i ? "," : "");
		text_add_json(out, set->name[i]);
	}
	text_add(out, set ? "]" : "");
}

void wire_write_fields(
	struct text *out, const void *base, const struct wire_field *fields, size_t count)
{
	for (const struct wire_field *f = fields; f < fields + count; f++) {
		const char *at = (const char *)base + f->offset;
		union {
			int64_t n;
			int share;
			double x;
			bool b;
			int word;
		} v;
		switch (f->kind) {
		case WIRE_INT:
			memcpy(&v.n, at, sizeof v.n);
			text_json_int(out, f->name, v.n);
			break;
		case WIRE_SHARE:
			memcpy(&v.share, at, sizeof v.share);
			text_json_int(out, f->name, v.share < 0 ? UNKNOWN : v.share);
			break;
		case WIRE_REAL:
			memcpy(&v.x, at, sizeof v.x);
			text_json_real(out, f->name, v.x);
			break;
		case WIRE_BOOL:
			memcpy(&v.b, at, sizeof v.b);
			text_json_bool(out, f->name, v.b);
			break;
		case WIRE_NAME:
		case WIRE_TEXT:
		case WIRE_LINE:
			text_json_str(out, f->name, *at ? at : NULL);
			break;
		case WIRE_WORD:
			v.word = get_word(at, f);
			text_json_str(
				out, f->name, v.word < f->words->count ? f->words->word[v.word] : NULL);
			break;
		}
	}
}
