/* Wire etcd: the JSON gateway's documents. It knows their form, not what weir keeps under a key.
 *
 * 1. Every document passes the strict scanner before it is parsed.
 * 2. What is left out is 0, false, "" or none; what is there must be of its kind.
 * 3. Keys and values are bounded by the document, the number of keys by ETCD_KEYS_MAX. */
#include "client/wire_etcd.h"

#include "client/wire_field.h"
#include "model/mem.h"
#include "model/unit.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char digits64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- asking ---- */

static void add_base64(struct text *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i += 3) {
		uint32_t n = (uint32_t)(unsigned char)s[i] << 16;
		n |= i + 1 < len ? (uint32_t)(unsigned char)s[i + 1] << 8 : 0;
		n |= i + 2 < len ? (unsigned char)s[i + 2] : 0;
		char quad[4] = {digits64[n >> 18], digits64[n >> 12 & 63],
			i + 1 < len ? digits64[n >> 6 & 63] : '=', i + 2 < len ? digits64[n & 63] : '='};
		text_add_n(out, quad, sizeof quad);
	}
}

static void add_bytes(struct text *out, const char *name, const char *value, size_t len)
{
	text_json_key(out, name);
	text_add(out, "\"");
	add_base64(out, value, len);
	text_add(out, "\"");
}

static void add_name(struct text *out, const char *name, const char *value)
{
	add_bytes(out, name, value, strlen(value));
}

static void add_number(struct text *out, const char *name, int64_t n)
{
	text_json_key(out, name);
	text_addf(out, "\"%" PRId64 "\"", n);
}

/* The key and, for more than one, where the range ends. */
static void add_range(struct text *out, const char *key, const char *end)
{
	struct text next = {0};
	add_name(out, "key", key);
	if (!end)
		return;
	text_add(&next, *end ? end : key);
	if (!*end)
		next.data[next.len - 1]++;
	add_bytes(out, "range_end", next.data, next.len);
	text_free(&next);
}

static void add_compare(struct text *out, const struct etcd_compare *c)
{
	static const char *const targets[] = {
		[ETCD_MOD] = "MOD", [ETCD_CREATE] = "CREATE", [ETCD_VALUE] = "VALUE"};
	text_add(out, "{");
	text_json_str(out, "target", targets[c->what]);
	text_json_str(out, "result", "EQUAL");
	add_name(out, "key", c->key);
	if (c->what == ETCD_VALUE)
		add_name(out, "value", c->value);
	else
		add_number(out, c->what == ETCD_MOD ? "mod_revision" : "create_revision", c->revision);
	text_add(out, "}");
}

static void add_op(struct text *out, const struct etcd_op *op)
{
	static const char *const names[] = {[ETCD_GET] = "request_range",
		[ETCD_PUT] = "request_put",
		[ETCD_DELETE] = "request_delete_range"};
	text_add(out, "{");
	text_json_key(out, names[op->what]);
	text_add(out, "{");
	add_range(out, op->key, op->what == ETCD_PUT ? NULL : op->end);
	if (op->what == ETCD_PUT)
		add_name(out, "value", op->value);
	if (op->what == ETCD_PUT && op->lease && *op->lease)
		text_json_str(out, "lease", op->lease);
	if (op->count_only)
		text_json_bool(out, "count_only", true);
	if (op->limit > 0)
		add_number(out, "limit", op->limit);
	text_add(out, "}}");
}

static void add_ops(struct text *out, const char *name, const struct etcd_op *ops, size_t count)
{
	text_json_key(out, name);
	text_add(out, "[");
	for (size_t i = 0; i < count; i++) {
		text_add(out, i ? "," : "");
		add_op(out, &ops[i]);
	}
	text_add(out, "]");
}

void wire_etcd_txn(struct text *out, const struct etcd_txn *t)
{
	text_add(out, "{");
	text_json_key(out, "compare");
	text_add(out, "[");
	for (size_t i = 0; i < t->compare_count; i++) {
		text_add(out, i ? "," : "");
		add_compare(out, &t->compare[i]);
	}
	text_add(out, "]");
	add_ops(out, "success", t->then, t->then_count);
	add_ops(out, "failure", t->otherwise, t->otherwise_count);
	text_add(out, "}");
}

void wire_etcd_grant(struct text *out, int64_t ttl_ms)
{
	text_add(out, "{");
	add_number(out, "TTL", (ttl_ms + 999) / 1000);
	text_add(out, "}");
}

void wire_etcd_lease(struct text *out, const char *id)
{
	text_add(out, "{");
	text_json_str(out, "ID", id);
	text_add(out, "}");
}

void wire_etcd_login(struct text *out, const char *name, const char *password)
{
	text_add(out, "{");
	text_json_str(out, "name", name);
	text_json_str(out, "password", password);
	text_add(out, "}");
}

void wire_etcd_watch(struct text *out, const char *prefix, int64_t revision)
{
	text_add(out, "{");
	text_json_key(out, "create_request");
	text_add(out, "{");
	add_range(out, prefix, "");
	add_number(out, "start_revision", revision);
	text_add(out, "}}");
}

/* ---- reading values ---- */

static const cJSON *member(const cJSON *object, const char *name)
{
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(object, name);
	return cJSON_IsNull(m) ? NULL : m;
}

static int no_field(const char *name, const char *want, struct err *err)
{
	return err_set(err, ERR_FIELD, "etcd's field \"%s\": want %s", name, want);
}

/* A 64-bit integer in a string; 0 where it is left out. */
static int read_number(int64_t *out, const cJSON *object, const char *name, struct err *err)
{
	const cJSON *m = member(object, name);
	*out = 0;
	if (!m || (cJSON_IsString(m) && unit_parse_int(m->valuestring, 0, INT64_MAX, out)))
		return 0;
	return no_field(name, "an integer in a string", err);
}

static int read_flag(bool *out, const cJSON *object, const char *name, struct err *err)
{
	const cJSON *m = member(object, name);
	*out = cJSON_IsTrue(m);
	return !m || cJSON_IsBool(m) ? 0 : no_field(name, "true or false", err);
}

/* The digits of a lease's id; "" where it is left out. */
static int read_id(
	char out[ETCD_LEASE_MAX], const cJSON *object, const char *name, struct err *err)
{
	const cJSON *m = member(object, name);
	*out = '\0';
	if (!m)
		return 0;
	const char *s = cJSON_IsString(m) ? m->valuestring : "";
	if (!*s || s[strspn(s, "0123456789")] || !text_copy(out, ETCD_LEASE_MAX, s))
		return no_field(name, "the digits of a lease", err);
	if (strcmp(s, "0") == 0)
		*out = '\0';
	return 0;
}

static int object_in(const cJSON **out, const cJSON *parent, const char *name, struct err *err)
{
	*out = member(parent, name);
	return !*out || cJSON_IsObject(*out) ? 0 : no_field(name, "an object", err);
}

static int array_in(const cJSON **out, const cJSON *parent, const char *name, struct err *err)
{
	*out = member(parent, name);
	return !*out || cJSON_IsArray(*out) ? 0 : no_field(name, "an array", err);
}

/* The bytes of base64 with its padding, NUL-terminated; NULL where it is none, or has a NUL. */
static char *decode(const char *s)
{
	size_t len = strlen(s), n = 0;
	char *out = mem_new(len / 4 * 3 + 1, 1);
	bool bad = len % 4 != 0;
	for (size_t i = 0; i < len && !bad; i += 4) {
		uint32_t bits = 0;
		size_t pad = 0;
		for (size_t k = 0; k < 4; k++) {
			const char *at = s[i + k] ? strchr(digits64, s[i + k]) : NULL;
			bool pads = s[i + k] == '=' && i + 4 == len && k >= 2;
			bad |= pads ? false : !at || pad > 0;
			pad += pads;
			bits = bits << 6 | (at ? (uint32_t)(at - digits64) : 0);
		}
		for (size_t k = 0; k < 3 - pad && !bad; k++) {
			out[n] = (char)(bits >> (16 - 8 * k) & 0xff);
			bad |= out[n++] == '\0';
		}
	}
	if (!bad)
		return out;
	free(out);
	return NULL;
}

static int read_bytes(char **out, const cJSON *object, const char *name, struct err *err)
{
	const cJSON *m = member(object, name);
	*out = !m ? mem_copy("") : cJSON_IsString(m) ? decode(m->valuestring) : NULL;
	return *out ? 0 : no_field(name, "base64 of text", err);
}

static bool is_clean(const char *key)
{
	for (; *key; key++)
		if (*key < 0x21 || *key > 0x7e)
			return false;
	return true;
}

static int read_kv(struct etcd_kv *kv, const cJSON *object, struct err *err)
{
	if (!cJSON_IsObject(object))
		return no_field("kv", "an object", err);
	if (read_bytes(&kv->key, object, "key", err) ||
		read_bytes(&kv->value, object, "value", err))
		return -1;
	if (!is_clean(kv->key))
		return no_field("key", "printable characters", err);
	return read_number(&kv->create, object, "create_revision", err) ||
			read_number(&kv->mod, object, "mod_revision", err) ||
			read_id(kv->lease, object, "lease", err)
		? -1
		: 0;
}

static void release_range(struct etcd_range *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->kvs[i].key);
		free(r->kvs[i].value);
	}
	free(r->kvs);
	*r = (struct etcd_range){0};
}

/* Room for what the array lists. */
static int make_room(struct etcd_range *r, const cJSON *array, struct err *err)
{
	int n = array ? cJSON_GetArraySize(array) : 0;
	if (n > ETCD_KEYS_MAX)
		return err_set(err, ERR_TOO_MANY, "etcd tells of %d keys at once, %d at most are read",
			n, ETCD_KEYS_MAX);
	r->kvs = mem_new((size_t)n, sizeof *r->kvs);
	return 0;
}

static int read_range(struct etcd_range *r, const cJSON *object, struct err *err)
{
	const cJSON *kvs, *kv;
	if (read_number(&r->total, object, "count", err) || array_in(&kvs, object, "kvs", err) ||
		make_room(r, kvs, err))
		return -1;
	cJSON_ArrayForEach(kv, kvs)
	{
		if (read_kv(&r->kvs[r->count++], kv, err))
			return -1;
	}
	return 0;
}

/* ---- answers ---- */

static int read_revision(int64_t *out, const cJSON *object, struct err *err)
{
	const cJSON *header;
	if (object_in(&header, object, "header", err))
		return -1;
	return read_number(out, header, "revision", err);
}

static int read_answer(struct etcd_answer *a, const cJSON *tree, struct err *err)
{
	const cJSON *responses, *one, *range;
	if (read_revision(&a->revision, tree, err) ||
		read_flag(&a->succeeded, tree, "succeeded", err) ||
		array_in(&responses, tree, "responses", err))
		return -1;
	if (a->revision == 0)
		return no_field("revision", "the store's revision", err);
	cJSON_ArrayForEach(one, responses)
	{
		if (!cJSON_IsObject(one) || object_in(&range, one, "response_range", err))
			return no_field("responses", "objects", err);
		if (!range)
			continue;
		if (a->range_count == ETCD_RANGES_MAX)
			return err_set(err, ERR_TOO_MANY, "etcd answers more than it was asked");
		if (read_range(&a->ranges[a->range_count++], range, err))
			return -1;
	}
	return 0;
}

int wire_etcd_read(struct etcd_answer *out, const char *body, size_t len, struct err *err)
{
	*out = (struct etcd_answer){0};
	cJSON *tree = wire_parse(body, len, err);
	int result = tree ? read_answer(out, tree, err) : -1;
	cJSON_Delete(tree);
	if (result)
		wire_etcd_release(out);
	return result;
}

void wire_etcd_release(struct etcd_answer *a)
{
	for (size_t i = 0; i < a->range_count; i++)
		release_range(&a->ranges[i]);
	*a = (struct etcd_answer){0};
}

static int read_event(struct etcd_kv *kv, const cJSON *event, struct err *err)
{
	const cJSON *object, *type = member(event, "type");
	if (!cJSON_IsObject(event) || object_in(&object, event, "kv", err) || !object)
		return no_field("events", "keys with their values", err);
	kv->deleted = cJSON_IsString(type) && strcmp(type->valuestring, "DELETE") == 0;
	return read_kv(kv, object, err);
}

static int read_news(struct etcd_news *n, const cJSON *tree, struct err *err)
{
	const cJSON *result, *events, *event;
	if (object_in(&result, tree, "result", err))
		return -1;
	if (!result)
		return no_field("result", "what happened", err);
	const cJSON *why = member(result, "cancel_reason");
	if (cJSON_IsString(why))
		text_clean(n->why, sizeof n->why, why->valuestring, strlen(why->valuestring));
	if (read_revision(&n->revision, result, err) ||
		read_flag(&n->created, result, "created", err) ||
		read_flag(&n->canceled, result, "canceled", err) ||
		read_number(&n->compacted, result, "compact_revision", err) ||
		array_in(&events, result, "events", err) || make_room(&n->events, events, err))
		return -1;
	cJSON_ArrayForEach(event, events)
	{
		if (read_event(&n->events.kvs[n->events.count++], event, err))
			return -1;
	}
	return 0;
}

int wire_etcd_read_news(struct etcd_news *out, const char *line, size_t len, struct err *err)
{
	*out = (struct etcd_news){0};
	cJSON *tree = wire_parse(line, len, err);
	int result = tree ? read_news(out, tree, err) : -1;
	cJSON_Delete(tree);
	if (result)
		wire_etcd_release_news(out);
	return result;
}

void wire_etcd_release_news(struct etcd_news *n)
{
	release_range(&n->events);
	*n = (struct etcd_news){0};
}

/* A keepalive's answer is one of a stream, in a "result". */
static int read_lease(
	char id[ETCD_LEASE_MAX], int64_t *ttl_ms, const cJSON *tree, struct err *err)
{
	const cJSON *result;
	int64_t ttl_s;
	if (object_in(&result, tree, "result", err))
		return -1;
	result = result ? result : tree;
	if (read_id(id, result, "ID", err) || read_number(&ttl_s, result, "TTL", err))
		return -1;
	if (ttl_s > INT32_MAX)
		return no_field("TTL", "seconds", err);
	*ttl_ms = ttl_s * 1000;
	if (ttl_s == 0)
		*id = '\0';
	return 0;
}

int wire_etcd_read_lease(
	char id[ETCD_LEASE_MAX], int64_t *ttl_ms, const char *body, size_t len, struct err *err)
{
	*id = '\0';
	*ttl_ms = 0;
	cJSON *tree = wire_parse(body, len, err);
	int result = tree ? read_lease(id, ttl_ms, tree, err) : -1;
	cJSON_Delete(tree);
	return result;
}

int wire_etcd_read_token(char **out, const char *body, size_t len, struct err *err)
{
	cJSON *tree = wire_parse(body, len, err);
	const cJSON *m = tree ? member(tree, "token") : NULL;
	bool good = cJSON_IsString(m) && m->valuestring[0] && is_clean(m->valuestring),
		 had = tree != NULL;
	*out = good ? mem_copy(m->valuestring) : NULL;
	cJSON_Delete(tree);
	return good ? 0 : had ? no_field("token", "printable characters", err) : -1;
}

int wire_etcd_read_version(
	char *out, size_t size, const char *body, size_t len, struct err *err)
{
	cJSON *tree = wire_parse(body, len, err);
	const cJSON *m = tree ? member(tree, "etcdserver") : NULL;
	bool good = cJSON_IsString(m) && m->valuestring[0], had = tree != NULL;
	if (good)
		text_clean(out, size, m->valuestring, strlen(m->valuestring));
	cJSON_Delete(tree);
	return good ? 0 : had ? no_field("etcdserver", "a version", err) : -1;
}

int wire_etcd_read_members(int *out, const char *body, size_t len, struct err *err)
{
	const cJSON *members = NULL;
	cJSON *tree = wire_parse(body, len, err);
	int result = tree ? array_in(&members, tree, "members", err) : -1;
	*out = members ? cJSON_GetArraySize(members) : 0;
	cJSON_Delete(tree);
	return result;
}

bool wire_etcd_read_error(char *out, size_t size, int64_t *code, const char *body, size_t len)
{
	cJSON *tree = wire_parse(body, len, NULL);
	const cJSON *m = tree ? member(tree, "message") : NULL;
	bool good = cJSON_IsString(m);
	*code = 0;
	if (good) {
		text_clean(out, size, m->valuestring, strlen(m->valuestring));
		wire_integer(member(tree, "code"), 0, 1000, code);
	}
	cJSON_Delete(tree);
	return good;
}

const struct etcd_kv *wire_etcd_find(const struct etcd_range *r, const char *key)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->kvs[i].key, key) == 0)
			return &r->kvs[i];
	return NULL;
}
