/* Pools of the configuration and pools by URL, made ready for the desk. Not which are opened, and how:
 * setup.c. */
#include "tui/setup_pools.h"

#include "client/etcd.h"
#include "client/haproxy_target.h"
#include "client/prometheus_target.h"
#include "client/secret.h"
#include "history/chain.h"
#include "model/text.h"
#include "tui/etcd_nodes.h"
#include "tui/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct target {
	struct pool_setup pool;
	struct plan plan;
	struct guard_limits limits;
	char plan_hash[POOL_HASH_MAX];
	char name[POOL_NAME_MAX];
	const char *url;
	char *token;
	const struct config_metrics *metrics; /* NULL none */
	char *shaped[CONFIG_NODES_MAX];       /* targets with the settings of their engine */
	struct etcd_nodes nodes;              /* where the plan lies in etcd: its nodes */
};

static void free_target(struct target *t)
{
	secret_free(t->token);
	for (int i = 0; i < CONFIG_NODES_MAX; i++)
		free(t->shaped[i]);
	etcd_nodes_release(&t->nodes);
}

/* The name of a pool given by URL: what stands at the end of it. */
static void name_of_url(char *out, size_t size, const char *url)
{
	struct etcd_target etcd;
	if (haproxy_target_name(out, size, url))
		return;
	if (etcd_is_target(url) && etcd_target_read(&etcd, url, NULL) == 0) {
		text_copy(out, size, etcd.pool);
		return;
	}
	const char *at = strstr(url, "://");
	at = at ? at + 3 : strchr(url, ':') + 1;
	const char *slash = strrchr(at, '/');
	if (slash && slash[1])
		at = slash + 1;
	char clean[POOL_NAME_MAX];
	text_clean(clean, sizeof clean, at, strcspn(at, "?"));
	text_copy(out, size, *clean ? clean : "local");
}

bool setup_pools_is_url(const char *word)
{
	return strchr(word, ':') != NULL;
}

int setup_pools_unknown(
	const struct setup *s, const struct options *o, const char *name, struct err *err)
{
	if (s->config.pool_count == 0 || options_command(name) || verb_alias(name))
		return options_unknown_command(name, err);
	const char *names[65];
	size_t n = 0;
	for (; n < s->config.pool_count && n < 64; n++)
		names[n] = s->config.pools[n].name;
	names[n] = NULL;
	const char *near = text_nearest(name, names);
	if (!near && !*o->command->name)
		return options_unknown_command(name, err);
	return err_set(err, ERR_USAGE, "no pool '%s' in '%s'%s%s%s", name, s->config.path,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* The engine of a `local:` pool is shaped by its target. */
static void shape_targets(struct target *t, const struct config_pool *c)
{
	if (config_engine_is_empty(&c->engine))
		return;
	for (int i = 0; i < c->target_count; i++) {
		struct text full = {0};
		text_addf(&full, "%s%c", c->targets[i], strchr(c->targets[i], '?') ? '&' : '?');
		config_engine_query(&full, &c->engine);
		t->shaped[i] = text_take(&full);
	}
	t->pool.targets = (const char *const *)t->shaped;
}

/* `name` is a pool of the configuration. */
static int by_name(struct setup *s, struct target *t, const char *name, struct err *err)
{
	const struct config_pool *c = config_pool(&s->config, name);
	t->pool.targets = (const char *const *)c->targets;
	t->pool.target_count = c->target_count;
	shape_targets(t, c);
	t->pool.env = c->env;
	t->pool.interval_ms = c->interval_ms;
	t->limits = c->guards;
	text_copy(t->name, sizeof t->name, c->name);
	if (c->has_plan)
		t->plan = c->plan;
	t->pool.plan = c->has_plan ? &t->plan : NULL;
	t->metrics = c->metrics.source.url[0] ? &c->metrics : NULL;
	return c->token_file ? secret_read(&t->token, c->token_file, err) : 0;
}

static void by_url(const struct setup *s, struct target *t, const char *url, bool demo)
{
	name_of_url(t->name, sizeof t->name, url);
	t->url = url;
	t->pool.targets = &t->url;
	t->pool.target_count = 1;
	if (!demo)
		return;
	setup_demo(&t->plan, &t->limits);
	if (s->rules) {
		t->plan = s->rules->plan;
		t->limits = s->rules->limits;
	}
	t->pool.plan = &t->plan;
	t->pool.env = s->rules ? "REHEARSAL" : "DEMO";
}

/* A fleet whose plan lies in etcd is as many nodes as are registered there. */
static int find_nodes(struct setup *s, struct target *t, struct err *err)
{
	const char *target = t->pool.targets[0];
	if (t->pool.target_count != 1 || !etcd_is_target(target) || strchr(target, '#'))
		return 0;
	struct err trouble = {0};
	if (etcd_nodes_find(&t->nodes, target, s->state_dir, false, &trouble) < 0) {
		*err = trouble;
		return -1;
	}
	if (trouble.code != ERR_NONE)
		fprintf(stderr,
			"weir: %s %s; going on with the nodes that were found last, which take rollback and "
			"hold\n",
			err_name(trouble.code), trouble.text);
	t->pool.targets = (const char *const *)t->nodes.target;
	t->pool.target_count = t->nodes.count;
	return 0;
}

/* A second source of the pool's figures. */
static int add_source(
	struct setup *s, int pool, const struct config_metrics *m, struct err *err)
{
	char *token = NULL;
	struct text target = {0};
	prometheus_target_write(&target, &m->source);
	int rc = m->token_file ? secret_read(&token, m->token_file, err) : 0;
	if (rc == 0)
		rc = desk_add_source(
			s->desk, pool, text_str(&target), token, m->source.interval_ms, loop_now(), err);
	secret_free(token);
	text_free(&target);
	return rc;
}

int setup_pools_add(
	struct setup *s, const struct options *o, const char *word, bool demo, struct err *err)
{
	struct target t = {.pool = {.interval_ms = 1000}};
	guard_limits_init(&t.limits);
	if (setup_pools_is_url(word))
		by_url(s, &t, word, demo);
	else if (by_name(s, &t, word, err) < 0) {
		free_target(&t);
		return -1;
	}
	if (model_find(desk_model(s->desk), t.name) >= 0) {
		free_target(&t);
		return err_set(err, ERR_USAGE,
			"two targets are called '%s': name them apart in weir.yaml", t.name);
	}
	if (o->interval_ms != UNKNOWN)
		t.pool.interval_ms = o->interval_ms;
	/* A plan of its own file goes before the configuration's. */
	if (o->plan && config_load_plan(&t.plan, o->plan, &s->config, err) < 0) {
		free_target(&t);
		return -1;
	}
	if (o->plan)
		t.pool.plan = &t.plan;
	t.pool.name = t.name;
	t.pool.limits = &t.limits;
	if (t.pool.plan) {
		struct text json = {0};
		plan_json(&json, t.pool.plan);
		chain_digest(t.plan_hash, text_str(&json), json.len);
		text_free(&json);
	}
	t.pool.plan_hash = t.plan_hash;
	const struct scenario *scenario = s->scenario.name[0] ? &s->scenario : NULL;
	int rc = find_nodes(s, &t, err);
	if (rc == 0)
		rc = desk_add(s->desk, &t.pool, t.token, scenario, loop_now(), err);
	int pool = rc;
	if (rc >= 0 && t.metrics)
		rc = add_source(s, rc, t.metrics, err);
	const struct config_pool *own = config_pool(&s->config, word);
	const char *veto = own && own->veto.command ? own->veto.command : s->config.veto.command;
	if (rc >= 0 && veto)
		desk_set_veto(s->desk, pool, veto);
	free_target(&t);
	return rc < 0 ? -1 : 0;
}
