/* Targets of HAProxy. It only reads text: nothing is opened, and no name is looked up.
 *
 * 1. A target that was read holds no byte outside NAME_BYTES and MAP_BYTES in what goes into a
 *    command.
 * 2. No server, and of a map no backend, is on both sides, and no side is empty. */
#include "client/haproxy_target.h"

#include "model/mem.h"
#include "model/text.h"
#include "model/unit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "haproxy:"
#define NAME_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-"
#define MAP_BYTES NAME_BYTES "/@+"

static bool is_made_of(const char *s, size_t max, const char *bytes)
{
	size_t len = strspn(s, bytes);
	return len > 0 && len < max && s[len] == '\0' && *s != '-';
}

bool haproxy_is_name(const char *s)
{
	return is_made_of(s, HAPROXY_NAME_MAX, NAME_BYTES);
}

bool haproxy_is_map(const char *s)
{
	return is_made_of(s, HAPROXY_MAP_MAX, MAP_BYTES);
}

bool haproxy_is_target(const char *target)
{
	return strncmp(target, PREFIX, strlen(PREFIX)) == 0;
}

static int bad(struct err *err, const char *target, const char *why)
{
	return err_set(err, ERR_CONFIG, "target \"%.160s\" %s", target, why);
}

/* ---- the socket ---- */

static int take_host(
	struct haproxy_target *out, const char *target, const char *host, struct err *err)
{
	unsigned char address[16];
	int64_t port = 0;
	const char *colon = strrchr(host, ':');
	if (colon == NULL || !unit_parse_int(colon + 1, 1, 65535, &port))
		return bad(err, target, "needs a port: haproxy://127.0.0.1:9999?...");
	bool bracketed = host[0] == '[' && colon > host + 1 && colon[-1] == ']';
	char *name = mem_copy_n(host + bracketed, (size_t)(colon - host) - 2 * (size_t)bracketed);
	const char *numeric = strcmp(name, "localhost") == 0 ? "127.0.0.1" : name;
	bool fits = text_copy(out->host, sizeof(out->host), numeric) &&
		(inet_pton(AF_INET, out->host, address) == 1 ||
			(bracketed && inet_pton(AF_INET6, out->host, address) == 1));
	out->port = (int)port;
	free(name);
	return fits
		? 0
		: bad(err, target, "needs an address in digits: haproxy://10.0.0.7:9999, [::1]:9999");
}

static int take_socket(
	struct haproxy_target *out, const char *target, const char *where, struct err *err)
{
	if (strncmp(where, "//", 2) == 0)
		return take_host(out, target, where + 2, err);
	if (where[0] != '/')
		return bad(err, target, "needs the absolute path of a stats socket: haproxy:/PATH");
	for (const char *c = where; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || strchr("'\"\\\x7f", *c) != NULL)
			return bad(err, target, "has a path with blanks, quotes or control bytes");
	if (!text_copy(out->path, sizeof(out->path), where))
		return bad(err, target, "has a path longer than a socket's may be");
	return 0;
}

/* ---- what splits ---- */

/* X(setting) */
#define SETTING_INFO(X) \
	X(map) \
	X(key) \
	X(backend) \
	X(v1) \
	X(v2) \
	X(ring)

struct settings {
#define X(name) char *name;
	SETTING_INFO(X)
#undef X
};

static const struct {
	const char *name;
	size_t offset;
} places[] = {
#define X(name) {#name, offsetof(struct settings, name)},
	SETTING_INFO(X)
#undef X
};

#define PLACES (sizeof(places) / sizeof(places[0]))

static char **place_of(struct settings *s, const char *name)
{
	for (size_t i = 0; i < PLACES; i++)
		if (strcmp(places[i].name, name) == 0)
			return (char **)((char *)s + places[i].offset);
	return NULL;
}

static int unknown(struct err *err, const char *target, const char *name)
{
	const char *names[PLACES + 1];
	for (size_t i = 0; i < PLACES; i++)
		names[i] = places[i].name;
	names[PLACES] = NULL;
	const char *near = text_nearest(name, names);
	return err_set(err, ERR_CONFIG, "target \"%.120s\" has an unknown setting \"%.40s\"%s%s%s",
		target, name, near ? "; did you mean " : "; write map, key, backend, v1, v2 or ring",
		near ? near : "", near ? "=?" : "");
}

/* Cuts the query into settings, which point into it. */
static int cut(struct settings *s, const char *target, char *query, struct err *err)
{
	for (char *value; query != NULL && (value = strsep(&query, "&")) != NULL;) {
		char *name = strsep(&value, "=");
		char **place = place_of(s, name);
		if (place == NULL)
			return unknown(err, target, name);
		if (*place != NULL || value == NULL || value[0] == '\0')
			return err_set(err, ERR_CONFIG, "target \"%.120s\" %s %s=", target,
				*place != NULL ? "says twice" : "says nothing behind", name);
		*place = value;
	}
	return 0;
}

static int take_name(
	char *out, size_t size, const char *target, const char *value, struct err *err)
{
	if (haproxy_is_name(value) && text_copy(out, size, value))
		return 0;
	return err_set(err, ERR_CONFIG,
		"target \"%.100s\" names \"%.64s\": a name has 1 to 64 of A-Z a-z 0-9 _ . : -", target,
		value);
}

static int take_map(
	struct haproxy_target *out, const char *target, const char *value, struct err *err)
{
	if (haproxy_is_map(value) && text_copy(out->map, sizeof(out->map), value))
		return 0;
	return err_set(err, ERR_CONFIG,
		"target \"%.100s\" has the map \"%.100s\": write the file as the configuration does, "
		"without blanks",
		target, value);
}

static int take_group(
	struct haproxy_group *g, int most, const char *target, const char *value, struct err *err)
{
	char *list = mem_copy(value), *rest = list;
	int rc = 0;
	for (char *name; rc == 0 && (name = strsep(&rest, ",")) != NULL;) {
		if (g->count == most)
			rc = err_set(
				err, ERR_CONFIG, "target \"%.120s\" names more than %d at once", target, most);
		else
			rc = take_name(g->name[g->count++], HAPROXY_NAME_MAX, target, name, err);
	}
	free(list);
	return rc;
}

/* True when one of the first `count` servers of a group has the name. */
static bool holds(const struct haproxy_group *g, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(g->name[i], name) == 0)
			return true;
	return false;
}

bool haproxy_group_has(const struct haproxy_group *g, const char *name)
{
	return holds(g, g->count, name);
}

static bool repeats(const struct haproxy_group *g)
{
	for (int i = 0; i < g->count; i++)
		if (holds(g, i, g->name[i]))
			return true;
	return false;
}

static bool names_twice(const struct haproxy_group g[ARM_COUNT])
{
	const struct haproxy_group *v1 = &g[ARM_V1], *v2 = &g[ARM_V2];
	for (int i = 0; i < v2->count; i++)
		if (haproxy_group_has(v1, v2->name[i]))
			return true;
	return repeats(v1) || repeats(v2);
}

static int take_weights(
	struct haproxy_target *out, const char *target, const struct settings *s, struct err *err)
{
	if (s->key != NULL || s->v1 == NULL || s->v2 == NULL)
		return bad(err, target,
			"splits by weights: write backend=B&v1=SERVER,...&v2=SERVER,... and quote it "
			"(a shell cuts at &)");
	out->way = HAPROXY_WEIGHTS;
	if (take_name(out->key, sizeof(out->key), target, s->backend, err) != 0 ||
		take_group(&out->servers[ARM_V1], HAPROXY_SERVERS_MAX, target, s->v1, err) != 0 ||
		take_group(&out->servers[ARM_V2], HAPROXY_SERVERS_MAX, target, s->v2, err) != 0)
		return -1;
	if (names_twice(out->servers))
		return bad(err, target, "names a server twice");
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		out->backends[arm].count = 1;
		text_copy(out->backends[arm].name[0], HAPROXY_NAME_MAX, out->key);
	}
	return s->map != NULL ? take_map(out, target, s->map, err) : 0;
}

static int take_split_map(
	struct haproxy_target *out, const char *target, const struct settings *s, struct err *err)
{
	if (s->map == NULL || s->key == NULL || s->v1 == NULL || s->v2 == NULL)
		return bad(err, target,
			"splits by a map: write map=FILE&key=KEY&v1=BACKEND&v2=BACKEND and quote it (a "
			"shell cuts at &)");
	out->way = HAPROXY_MAP;
	if (take_map(out, target, s->map, err) != 0 ||
		take_group(&out->keys, HAPROXY_SERVICES_MAX, target, s->key, err) != 0 ||
		take_group(&out->backends[ARM_V1], HAPROXY_SERVICES_MAX, target, s->v1, err) != 0 ||
		take_group(&out->backends[ARM_V2], HAPROXY_SERVICES_MAX, target, s->v2, err) != 0)
		return -1;
	text_copy(out->key, sizeof(out->key), out->keys.name[0]);
	if (repeats(&out->keys))
		return bad(err, target, "names a key twice");
	if (names_twice(out->backends))
		return bad(err, target, "names one backend twice, or for both sides");
	return 0;
}

static int take_split(
	struct haproxy_target *out, const char *target, const struct settings *s, struct err *err)
{
	if (s->ring != NULL && take_name(out->ring, sizeof(out->ring), target, s->ring, err) != 0)
		return -1;
	if (s->backend != NULL)
		return take_weights(out, target, s, err);
	return take_split_map(out, target, s, err);
}

int haproxy_target_read(struct haproxy_target *out, const char *target, struct err *err)
{
	struct settings s = {0};
	memset(out, 0, sizeof(*out));
	if (!haproxy_is_target(target))
		return bad(err, target, "does not begin with haproxy:");
	char *copy = mem_copy(target + strlen(PREFIX)), *query = copy;
	const char *where = strsep(&query, "?");
	int rc = take_socket(out, target, where, err);
	if (rc == 0 && query != NULL)
		rc = cut(&s, target, query, err) != 0 ? -1 : take_split(out, target, &s, err);
	free(copy);
	return rc;
}

bool haproxy_target_name(char *out, size_t size, const char *target)
{
	struct haproxy_target t;
	if (!haproxy_is_target(target) || haproxy_target_read(&t, target, NULL) != 0)
		return false;
	return t.way != HAPROXY_LOOK && text_copy(out, size, t.key);
}
