/* Tallies, reading: the payload of one request as records. Not the tables.
 *
 * 1. exec_json_read has accepted the grammar before anything is walked here, so that the walk
 *    looks for shapes only: what is a string ends, what is a list closes. */
#include "client/engine/tallies.h"

#include "client/engine/exec_json.h"
#include "model/unit.h"

#include <assert.h>
#include <string.h>

#define VALUE_MAX ((INT64_C(1) << 53) - 1)
#define WANTED "want [\"key\", whole number]"

/* A place in the list of records. */
struct walk {
	const char *at, *end;
};

static void skip_space(struct walk *w)
{
	while (w->at < w->end && memchr(" \t\n\r", *w->at, 4))
		w->at++;
}

static bool take(struct walk *w, char c)
{
	skip_space(w);
	if (w->at == w->end || *w->at != c)
		return false;
	w->at++;
	return true;
}

/* The bytes of the string that stands here. */
static bool take_string(struct walk *w, struct exec_json_member *out)
{
	if (!take(w, '"'))
		return false;
	const char *from = w->at - 1;
	while (*w->at != '"')
		w->at += *w->at == '\\' ? 2 : 1;
	w->at++;
	*out = (struct exec_json_member){.value = from, .len = (size_t)(w->at - from)};
	return true;
}

/* The bytes up to what ends a number. */
static void take_number(struct walk *w, struct exec_json_member *out)
{
	skip_space(w);
	const char *from = w->at;
	while (w->at < w->end && !memchr(",]} \t\n\r", *w->at, 7))
		w->at++;
	*out = (struct exec_json_member){.value = from, .len = (size_t)(w->at - from)};
}

static bool read_value(const struct exec_json_member *m, int64_t *out)
{
	char digits[24];
	if (!m->value || m->len >= sizeof digits)
		return false;
	memcpy(digits, m->value, m->len);
	digits[m->len] = '\0';
	return unit_parse_int(digits, -VALUE_MAX, VALUE_MAX, out);
}

/* Puts a key behind those there are. A longer one is cut, but not to what is allowed. */
static bool add_key(struct tallies_batch *b, size_t *used, const struct exec_json_member *m)
{
	char key[TALLY_KEY_MAX + 8];
	struct tally_record *r = &b->record[b->count];
	if (!exec_json_text(m, key, sizeof key))
		return false;
	r->len = strlen(key);
	r->key = b->bytes + *used;
	if (r->len == 0 || r->len > TALLY_KEY_MAX)
		return false;
	assert(*used + r->len <= sizeof b->bytes);
	memcpy(b->bytes + *used, key, r->len);
	*used += r->len;
	return true;
}

static int bad_record(const struct tallies_batch *b, const char *why, struct err *err)
{
	return err_set(
		err, ERR_FIELD, "field \"payload.records\": record \"%d\": %s", b->count + 1, why);
}

/* One pair, its bracket not yet taken. */
static int read_record(struct tallies_batch *b, struct walk *w, size_t *used, struct err *err)
{
	struct exec_json_member key, value;
	if (b->count == TALLIES_RECORDS_MAX)
		return bad_record(b, "there are too many", err);
	if (!take(w, '[') || !take_string(w, &key) || !take(w, ','))
		return bad_record(b, WANTED, err);
	take_number(w, &value);
	if (!take(w, ']') || !read_value(&value, &b->record[b->count].value))
		return bad_record(b, WANTED " within 2^53 - 1", err);
	if (!add_key(b, used, &key))
		return bad_record(b, "its key is empty, or longer than 256 bytes", err);
	b->count++;
	return 0;
}

static int read_records(
	struct tallies_batch *b, const struct exec_json_member *list, struct err *err)
{
	struct walk w = {list->value, list->value + list->len};
	size_t used = 0;
	if (!take(&w, '['))
		return err_set(err, ERR_FIELD, "field \"payload.records\": want a list");
	if (take(&w, ']'))
		return 0;
	do {
		if (read_record(b, &w, &used, err) < 0)
			return -1;
	} while (take(&w, ','));
	return 0;
}

static int read_one(struct tallies_batch *b, const char *key,
	const struct exec_json_member *value, struct err *err)
{
	struct tally_record *r = &b->record[0];
	if (!*key)
		return err_set(err, ERR_FIELD, "field \"key\" is missing: one \"value\" has one");
	if (!read_value(value, &r->value))
		return err_set(
			err, ERR_FIELD, "field \"payload.value\": want a whole number within 2^53 - 1");
	r->len = strlen(key);
	assert(r->len <= TALLY_KEY_MAX);
	memcpy(b->bytes, key, r->len);
	r->key = b->bytes;
	b->count = 1;
	return 0;
}

static int count_keys(const struct tallies_batch *b)
{
	if (b->count < 2)
		return b->count;
	struct tally *t = tally_new(TALLIES_RECORDS_MAX, 0);
	int added = tally_add(t, b->record, (size_t)b->count, NULL);
	int keys = (int)tally_keys(t);
	assert(added == 0);
	(void)added;
	tally_free(t);
	return keys;
}

int tallies_read(
	struct tallies_batch *out, const char *key, const char *payload, struct err *err)
{
	struct exec_json_member wanted[] = {{.name = "value"}, {.name = "records"}};
	out->count = out->keys = 0;
	if (!exec_json_read(payload, strlen(payload), wanted, 2))
		return err_set(err, ERR_FIELD,
			"field \"payload\": want {\"value\":n} or {\"records\":[[\"key\",n],...]}");
	bool one = wanted[0].value, many = wanted[1].value;
	if (one == many)
		return err_set(
			err, ERR_FIELD, "field \"payload\": want either \"value\" or \"records\"");
	if (many && *key)
		return err_set(
			err, ERR_FIELD, "field \"key\": \"records\" have their own, leave it out");
	if (one ? read_one(out, key, &wanted[0], err) : read_records(out, &wanted[1], err))
		return -1;
	out->keys = count_keys(out);
	return 0;
}
