/* Advice. Every name in it was checked when it was read. */
#include "client/haproxy_advice.h"

#include "client/haproxy_note.h"
#include "client/haproxy_ring.h"
#include "client/haproxy_split.h"
#include "model/unit.h"

#include <string.h>

#define EXAMPLE_MAP "/etc/haproxy/weir.map"
#define EXAMPLE_KEY "orders"

/* ---- which two ---- */

/* X(first, second): how people call what is there and what comes. */
#define COUPLE_INFO(X) \
	X("v1", "v2") \
	X("blue", "green") \
	X("stable", "canary") \
	X("primary", "canary") \
	X("primary", "secondary") \
	X("old", "new") \
	X("1", "2")

static const struct {
	const char *first, *second;
} couples[] = {
#define X(first, second) {first, second},
	COUPLE_INFO(X)
#undef X
};

/* True when the names differ by one couple of words alone. */
static bool is_couple(const char *a, const char *b, const char *first, const char *second)
{
	const char *at = strstr(a, first);
	if (at == NULL)
		return false;
	size_t before = (size_t)(at - a), skip = strlen(second);
	return strncmp(a, b, before) == 0 && strncmp(b + before, second, skip) == 0 &&
		strcmp(at + strlen(first), b + before + skip) == 0;
}

static bool serves_http(const struct look_backend *b)
{
	return strcmp(b->mode, "http") == 0 && b->servers.count > 0;
}

/* The two backends that most look like old and new: v1 first. False: none do. */
static bool find_couple(const struct haproxy_seen *s, const char *pair[2])
{
	int count = 0;
	for (size_t c = 0; c < sizeof(couples) / sizeof(couples[0]); c++)
		for (int i = 0; i < s->backend_count; i++)
			for (int k = 0; k < s->backend_count; k++) {
				const struct look_backend *a = &s->backend[i], *b = &s->backend[k];
				if (!serves_http(a) || !serves_http(b) ||
					!is_couple(a->name, b->name, couples[c].first, couples[c].second))
					continue;
				pair[0] = a->name;
				pair[1] = b->name;
				return true;
			}
	for (int i = 0; i < s->backend_count; i++) {
		if (!serves_http(&s->backend[i]))
			continue;
		if (count < 2)
			pair[count] = s->backend[i].name;
		count++;
	}
	return count == 2;
}

/* ---- targets ---- */

int haproxy_advise_targets(
	const struct haproxy_seen *s, void (*each)(void *ctx, const char *target), void *ctx)
{
	const char *pair[2] = {"V1", "V2"};
	struct text t = {0};
	int count = 0;
	find_couple(s, pair);
	for (int i = 0; i < s->map_count; i++)
		for (int k = 0; k < s->map[i].count; k++, count++) {
			text_clear(&t);
			text_addf(&t, "%s?map=%s&key=%s&v1=%s&v2=%s", s->socket, s->map[i].file,
				s->map[i].key[k], pair[0], pair[1]);
			each(ctx, text_str(&t));
		}
	for (int i = 0; i < s->backend_count; i++) {
		const struct haproxy_group *g = &s->backend[i].servers;
		if (g->count < 2 || s->backend[i].dropped > 0)
			continue;
		text_clear(&t);
		text_addf(&t, "%s?backend=%s&v1=", s->socket, s->backend[i].name);
		for (int k = 0; k < g->count; k++)
			text_addf(&t, "%s%s", k + 1 == g->count ? "&v2=" : k > 0 ? "," : "", g->name[k]);
		each(ctx, text_str(&t));
		count++;
	}
	text_free(&t);
	return count;
}

/* ---- what is missing ---- */

static bool has_keys(const struct haproxy_seen *s)
{
	for (int i = 0; i < s->map_count; i++)
		if (s->map[i].count > 0)
			return true;
	return false;
}

/* Weights are shares under roundrobin alone. Returns how many sentences that takes. */
static int warn_of_balance(
	const struct look_backend *b, void (*each)(void *ctx, const char *sentence), void *ctx)
{
	struct text t = {0};
	bool none_said = b->algo[0] == '\0' || b->servers.count < 2;
	if (none_said || strcmp(b->algo, "roundrobin") == 0)
		return 0;
	text_addf(&t,
		"the backend \"%s\" balances by %s: its weights are no shares; split it by a map",
		b->name, b->algo);
	each(ctx, text_str(&t));
	text_free(&t);
	return 1;
}

int haproxy_advise_missing(
	const struct haproxy_seen *s, void (*each)(void *ctx, const char *sentence), void *ctx)
{
	const char *pair[2];
	bool is_admin = strcmp(s->level, "admin") == 0;
	bool sees_rings = is_admin || strcmp(s->level, "operator") == 0;
	const struct {
		bool holds;
		const char *sentence;
	} sentences[] = {
		{!has_keys(s),
			"no map of numbers: a split that is sticky, in steps of 0.1 %, needs the lines below"},
		{has_keys(s) && !find_couple(s, pair),
			"which two backends the map chooses between is not known: put them for V1 and V2"},
		{!is_admin,
			"this socket is not of level admin: it cannot change weights or drain servers "
			"(it can change a map all the same)"},
		{!sees_rings, "this socket is of level user: no ring may be read, so no latencies"},
		{sees_rings && s->ring[0] == '\0',
			"no ring of its own: latencies stay unknown without the lines below"},
		{s->info.stopping, "this is an old process: a reload has left it behind"},
		{s->backends_dropped + s->maps_dropped > 0, "there is more than can be listed here"},
		{true,
			"a reload sets the share to what the file or the configuration says: keep the "
			"baseline there, then a reload is a rollback"},
	};
	int count = 0;
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
		if (!sentences[i].holds)
			continue;
		each(ctx, sentences[i].sentence);
		count++;
	}
	for (int i = 0; i < s->backend_count; i++)
		count += warn_of_balance(&s->backend[i], each, ctx);
	return count;
}

/* ---- the configuration ---- */

static void add_ring(struct text *out)
{
	text_add(out,
		"# a section of its own\n"
		"ring weir\n"
		"  format raw\n"
		"  maxlen 512\n"
		"  size 1048576\n"
		"\n");
}

static void add_log(struct text *out, const char *ring)
{
	text_addf(out,
		"  log ring@%s format raw local0\n"
		"  log-format \"%s\"\n",
		ring, HAPROXY_LOG_FORMAT);
}

static void add_split(struct text *out, const char *const pair[2])
{
	text_addf(out,
		"  http-request set-var(txn.weir_share) str(%s),map_str_int(%s,0)\n"
		"  http-request set-var(txn.weir_who) req.cook(SESSION)\n"
		"  http-request set-var(txn.weir_who) src unless { var(txn.weir_who) -m found }\n"
		"  http-request set-var(txn.weir_place) var(txn.weir_who),concat(%s),xxh32,mod(1000)\n"
		"  http-request set-var(txn.weir_off) var(txn.weir_place),sub(txn.weir_share)\n"
		"  use_backend %s if { var(txn.weir_off) -m int lt 0 } { nbsrv(%s) gt 0 }\n"
		"  default_backend %s\n",
		EXAMPLE_KEY, EXAMPLE_MAP, EXAMPLE_KEY, pair[1], pair[1], pair[0]);
}

void haproxy_advise_config(struct text *out, const struct haproxy_seen *s)
{
	const char *pair[2] = {"V1", "V2"};
	bool sees_rings = strcmp(s->level, "admin") == 0 || strcmp(s->level, "operator") == 0;
	bool needs_ring = sees_rings && s->ring[0] == '\0', needs_split = !has_keys(s);
	find_couple(s, pair);
	if (needs_ring)
		add_ring(out);
	if (needs_split)
		text_addf(out, "# into the frontend; before it: echo '%s 0' > %s\n", EXAMPLE_KEY,
			EXAMPLE_MAP);
	else if (needs_ring)
		text_add(out, "# into the frontend\n");
	if (needs_ring)
		add_log(out, "weir");
	if (needs_split)
		add_split(out, pair);
}

/* ---- the way back ---- */

static void add_weights(struct text *out, const struct haproxy_target *t, int baseline_bp)
{
	int weight[ARM_COUNT];
	const int servers[ARM_COUNT] = {t->servers[ARM_V1].count, t->servers[ARM_V2].count};
	baseline_bp = haproxy_split_floor(servers, baseline_bp);
	haproxy_split_weights(weight, servers, baseline_bp);
	const char *between = "";
	for (int arm = 0; arm < ARM_COUNT; arm++)
		for (int i = 0; i < t->servers[arm].count; i++) {
			text_addf(out, "%sset server %s/%s weight %d", between, t->key,
				t->servers[arm].name[i], weight[arm]);
			between = "; ";
			if (arm == ARM_V2 && baseline_bp == 0)
				text_addf(
					out, "; set server %s/%s state maint", t->key, t->servers[arm].name[i]);
		}
}

void haproxy_advise_way_back(struct text *out, const char *target, int baseline_bp)
{
	struct haproxy_target t;
	if (haproxy_target_read(&t, target, NULL) != 0 || t.way == HAPROXY_LOOK)
		return;
	baseline_bp = baseline_bp > 0 ? baseline_bp : 0;
	text_add(out, "echo '");
	for (int i = 0; i < t.keys.count; i++)
		text_addf(out, "%sset map %s %s %d", i > 0 ? "; " : "", t.map, t.keys.name[i],
			baseline_bp * HAPROXY_PERMILLE / SHARE_FULL);
	if (t.way == HAPROXY_WEIGHTS)
		add_weights(out, &t, baseline_bp);
	if (t.path[0] != '\0')
		text_addf(out, "' | socat stdio 'unix-connect:%s'", t.path);
	else
		text_addf(out,
			strchr(t.host, ':') != NULL ? "' | socat stdio 'tcp:[%s]:%d'"
										: "' | socat stdio tcp:%s:%d",
			t.host, t.port);
}
