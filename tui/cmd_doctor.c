/* weir doctor: looks at one target and changes nothing: what it can do, what is missing, what to
 * put into the configuration, and the line that rolls back without weir. A socket of HAProxy that
 * names no split yet is looked around in (doctor_haproxy.c). */
#include "client/etcd.h"
#include "model/text.h"
#include "tui/commands.h"
#include "tui/doctor_etcd.h"
#include "tui/doctor_haproxy.h"
#include "tui/loop.h"
#include "tui/setup.h"
#include "tui/way_back.h"

#include <stdio.h>
#include <string.h>

#define SETTLE_MS 5000
#define SKEW_MS 2000

/* X(name, word, what is said when it is there, when it is missing, needed for a step) */
#define FINDING_INFO(X) \
	X(ANSWERS, "answers", "every node answers", "not every node answers", true) \
	X(IDENTITY, "identity", "one pool on every node", "nodes are different pools", true) \
	X(BUILD, "build", "one build on every node", "nodes run different builds", true) \
	X(SHARE, "share", "every node says the same share", "nodes say different shares", true) \
	X(COMMANDS, "commands", "takes commands", "only looking is possible", true) \
	X(COMPARE, "compare-and-set", "the pool compares and sets", \
		"emulated: another's change in between can be overwritten", false) \
	X(KEYS, "keys", "a command repeated is done once", \
		"a lost answer is found out by reading back", false) \
	X(LEASE, "lease", "one actor raises at a time", "whoever is first raises", false) \
	X(KEEP, "keep", "a raise goes back by itself unless kept", \
		"a raise stays when everybody is gone", false) \
	X(GUARD, "guard", "the pool rolls back by itself", \
		"needs weir record --guard, which only this host sees", false) \
	X(BASELINE, "baseline", "the pool keeps its baseline", "known from the history only", \
		false) \
	X(AUDIT, "audit", "the pool logs its changes", "others' changes are seen as drift", false) \
	X(QUANTILES, "latency", "latencies as histograms", \
		"no latency: limits on it stay UNKNOWN", false) \
	X(SESSIONS, "sessions", "sessions are counted", "requests are the only units", false) \
	X(TRAFFIC, "traffic", "work is done now", "no work is done now: nothing can be judged", \
		false) \
	X(V1, "v1", "v1 can take the traffic back", "v1 has no ready worker", true) \
	X(CLOCK, "clock", "its clock is ours", "its clock differs from ours", false) \
	X(DRILL, "drill", "the way back was walked", "the way back was never walked: run weir drill", \
		false)

enum finding {
#define X(name, word, good, missing, needed) FINDING_##name,
	FINDING_INFO(X)
#undef X
		FINDING_COUNT
};

static const struct {
	const char *word, *good, *missing;
	bool needed;
} findings[FINDING_COUNT] = {
#define X(name, word, good, missing, needed) [FINDING_##name] = {word, good, missing, needed},
	FINDING_INFO(X)
#undef X
};

enum found { FOUND_NO, FOUND_YES, FOUND_UNKNOWN };

struct visit {
	struct setup s;
	const char *target;
	enum found found[FINDING_COUNT];
	bool has_etcd; /* the plan lies there */
	struct doctor_etcd etcd;
	char drilled[48]; /* when, and how long it took */
};

/* Whether all that speak have it; one that does not speak leaves it open. */
static enum found all_nodes(const struct pool *p, bool (*holds)(const struct node *n))
{
	enum found f = FOUND_YES;
	for (int k = 0; k < p->node_count; k++) {
		if (!node_is_usable(&p->nodes[k]))
			f = FOUND_UNKNOWN;
		else if (!holds(&p->nodes[k]))
			return FOUND_NO;
	}
	return f;
}

static bool has_lease(const struct node *n)
{
	return n->last->lease.known;
}

static bool has_guard(const struct node *n)
{
	return n->last->guard.known;
}

/* A pool that says what it would go back to takes raises back. */
static bool has_keep(const struct node *n)
{
	return n->last->lease.known && n->last->kept_bp >= 0;
}

static bool has_audit(const struct node *n)
{
	return n->last->audit_seq != UNKNOWN;
}

static bool has_latency(const struct node *n)
{
	return n->last->arms[ARM_V1].has_latency;
}

static bool has_sessions(const struct node *n)
{
	return n->last->arms[ARM_V1].sessions != UNKNOWN;
}

static bool has_v1(const struct node *n)
{
	int64_t ready = n->last->arms[ARM_V1].workers.ready;
	return ready == UNKNOWN || ready > 0;
}

static bool is_on_time(const struct node *n)
{
	int64_t apart = n->last->now_ms == UNKNOWN ? 0 : n->last->now_ms - n->last_at.wall_ms;
	return apart > -SKEW_MS && apart < SKEW_MS;
}

static bool is_there(const struct node *n)
{
	(void)n;
	return true;
}

static void look(struct visit *v)
{
	const struct pool *p = &desk_model(v->s.desk)->pools[0];
	const struct standing *s = &p->standing;
	struct client *client = desk_client(v->s.desk);
	unsigned can = client_capabilities(client, p->nodes[0].id);
	bool answers = all_nodes(p, is_there);
	enum found *f = v->found;
	/* What a silent node would say is not known: neither good nor bad. */
	const enum found whole = answers ? FOUND_YES : FOUND_UNKNOWN;
	f[FINDING_ANSWERS] = answers ? FOUND_YES : FOUND_NO;
	f[FINDING_IDENTITY] = f[FINDING_BUILD] = whole;
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		if (n->foreign)
			f[FINDING_IDENTITY] = FOUND_NO;
		if (n->last && p->nodes[0].last && strcmp(n->last->build, p->nodes[0].last->build) != 0)
			f[FINDING_BUILD] = FOUND_NO;
	}
	f[FINDING_SHARE] = s->mixed ? FOUND_NO : whole;
	f[FINDING_COMMANDS] = (can & CAPABILITY_COMMANDS) != 0;
	f[FINDING_COMPARE] = (can & CAPABILITY_COMPARE_AND_SET) != 0;
	f[FINDING_KEYS] = (can & CAPABILITY_KEYS) != 0;
	f[FINDING_LEASE] = all_nodes(p, has_lease);
	f[FINDING_KEEP] = all_nodes(p, has_keep);
	f[FINDING_GUARD] = all_nodes(p, has_guard);
	f[FINDING_BASELINE] = (can & CAPABILITY_BASELINE) != 0;
	f[FINDING_AUDIT] = all_nodes(p, has_audit);
	f[FINDING_QUANTILES] = all_nodes(p, has_latency);
	f[FINDING_SESSIONS] = all_nodes(p, has_sessions);
	bool works = s->arms[ARM_V1].rate > 0 || s->arms[ARM_V2].rate > 0;
	f[FINDING_TRAFFIC] = works ? FOUND_YES : answers ? FOUND_NO : FOUND_UNKNOWN;
	f[FINDING_V1] = all_nodes(p, has_v1);
	f[FINDING_CLOCK] = all_nodes(p, is_on_time);
	f[FINDING_DRILL] = s->drilled.age_ms != UNKNOWN;
	drill_text(v->drilled, sizeof v->drilled, &s->drilled);
}

static const char *said(const struct visit *v, int f)
{
	if (f == FINDING_DRILL && v->found[f] == FOUND_YES)
		return v->drilled;
	if (v->found[f] == FOUND_UNKNOWN)
		return "not known: not every node answers";
	return v->found[f] == FOUND_YES ? findings[f].good : findings[f].missing;
}

static bool could_work(const struct visit *v)
{
	if (v->has_etcd && (v->etcd.err.code || v->etcd.refused.code))
		return false;
	for (int f = 0; f < FINDING_COUNT; f++)
		if (findings[f].needed && v->found[f] != FOUND_YES)
			return false;
	return true;
}

/* ---- words ---- */

/* What the configuration may call it: as it is called here, or as it calls itself. */
static const char *name_of(const struct pool *p)
{
	const struct snapshot *s = p->nodes[0].last;
	if (config_is_pool_name(p->name))
		return p->name;
	return s && config_is_pool_name(s->pool) ? s->pool : "mine";
}

static const char *token_file(const struct visit *v, const struct pool *p)
{
	const struct config_pool *c = config_pool(&v->s.config, p->name);
	return c ? c->token_file : NULL;
}

static void paste(struct text *out, const struct visit *v, const struct pool *p)
{
	text_addf(out, "pools:\n  %s:\n    target: ", name_of(p));
	if (etcd_is_target(p->nodes[0].target)) {
		text_add(out, "\"");
		etcd_pool_target(out, p->nodes[0].target);
		text_add(out, "\"\n");
	} else if (p->node_count == 1)
		text_addf(out, "\"%s\"\n", p->nodes[0].target);
	else
		for (int k = 0; k < p->node_count; k++)
			text_addf(out, "%s\"%s\"%s", k ? ", " : "[", p->nodes[k].target,
				k + 1 == p->node_count ? "]\n" : "");
	if (token_file(v, p))
		text_addf(out, "    token_file: %s\n", token_file(v, p));
	if (!p->has_plan)
		text_add(out, "    plan: {steps: [1% for 1d, 10% for 3d, 50%, 100%], bake: 10m}\n");
	if (!guard_limits_any(&p->limits))
		text_add(out, "    guards: {error_rate_threshold: 0.05, latency_threshold_ms: 1000}\n");
}

static void say_json(const struct visit *v, const struct pool *p)
{
	struct text t = {0}, line = {0}, config = {0};
	text_add(&t, "{");
	text_json_str(&t, "pool", p->name);
	text_json_str(&t, "target", v->target);
	text_json_bool(&t, "could_work", could_work(v));
	text_json_key(&t, "findings");
	text_add(&t, "[");
	for (int f = 0; f < FINDING_COUNT; f++) {
		text_add(&t, f ? ",{" : "{");
		text_json_str(&t, "name", findings[f].word);
		if (v->found[f] == FOUND_UNKNOWN)
			text_json_str(&t, "found", NULL);
		else
			text_json_bool(&t, "found", v->found[f] == FOUND_YES);
		text_json_bool(&t, "needed", findings[f].needed);
		text_json_str(&t, "text", said(v, f));
		text_add(&t, "}");
	}
	text_add(&t, "]");
	text_json_key(&t, "nodes");
	text_add(&t, "[");
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		text_clear(&line);
		way_back_line(&line, n, token_file(v, p));
		text_add(&t, k ? ",{" : "{");
		text_json_str(&t, "target", n->target);
		text_json_str(&t, "node", n->last ? n->last->node : NULL);
		text_json_str(&t, "trouble", n->trouble.code ? n->trouble.text : NULL);
		text_json_str(&t, "code", n->trouble.code ? err_name(n->trouble.code) : NULL);
		text_json_str(&t, "way_back", line.len ? text_str(&line) : NULL);
		if (v->has_etcd) {
			text_clear(&line);
			way_back_direct(&line, n, token_file(v, p));
			text_json_str(&t, "way_back_direct", line.len ? text_str(&line) : NULL);
		}
		text_add(&t, "}");
	}
	text_add(&t, "]");
	if (v->has_etcd)
		doctor_etcd_json(&t, &v->etcd);
	paste(&config, v, p);
	text_json_str(&t, "configuration", text_str(&config));
	text_add(&t, "}\n");
	fputs(text_str(&t), stdout);
	text_free(&t);
	text_free(&line);
	text_free(&config);
}

/* One line for all nodes, and one each for when etcd is gone too. */
static void say_etcd_back(const struct visit *v, const struct pool *p)
{
	struct text t = {0};
	way_back_line(&t, &p->nodes[0], token_file(v, p));
	printf("  %s\n\nand where etcd is gone too, at every node:\n\n", text_str(&t));
	for (int k = 0; k < p->node_count; k++) {
		text_clear(&t);
		way_back_direct(&t, &p->nodes[k], token_file(v, p));
		printf("  %s\n", text_str(&t));
	}
	text_free(&t);
}

static void say_plain(const struct visit *v, const struct pool *p)
{
	struct text t = {0};
	printf("%s at %s: %s\n\n", p->name, v->target,
		could_work(v) ? "a step and a rollback could work"
					  : "a step or a rollback would not work");
	for (int f = 0; f < FINDING_COUNT; f++)
		printf("  %-4s %-16s %s\n",
			v->found[f] == FOUND_YES           ? "ok"
				: v->found[f] == FOUND_UNKNOWN ? "?"
				: findings[f].needed           ? "NO"
											   : "-",
			findings[f].word, said(v, f));
	struct text etcd = {0};
	if (v->has_etcd)
		doctor_etcd_plain(&etcd, &v->etcd);
	printf("%s", text_str(&etcd));
	text_free(&etcd);
	for (int k = 0; k < p->node_count; k++)
		if (p->nodes[k].trouble.code)
			printf("\n  %s %s\n", err_name(p->nodes[k].trouble.code), p->nodes[k].trouble.text);
	paste(&t, v, p);
	printf("\nfor weir.yaml:\n\n%s\nwithout weir, the way back is:\n\n", text_str(&t));
	if (v->has_etcd)
		say_etcd_back(v, p);
	for (int k = 0; k < p->node_count && !v->has_etcd; k++) {
		text_clear(&t);
		way_back_line(&t, &p->nodes[k], token_file(v, p));
		printf("  %s\n", t.len ? text_str(&t) : "none: this pool lives in its console");
	}
	text_free(&t);
}

int cmd_doctor(const struct options *o)
{
	struct visit v = {.target = o->args[0]};
	struct err err = {0};
	int status;
	if (doctor_haproxy_is_bare(v.target))
		return doctor_haproxy(v.target, o->json);
	if (setup_init(&v.s, o, &err) < 0 ||
		setup_open(&v.s, o, o->args, 1, SETUP_LOOK, false, &err) < 0) {
		status = setup_fail(&err);
	} else {
		/* A history that cannot be read knows of no drill; the pool is what is looked at. */
		(void)setup_remember(&v.s, &(struct err){0});
		setup_settle(&v.s, SETTLE_MS);
		look(&v);
		v.has_etcd = etcd_is_target(desk_model(v.s.desk)->pools[0].nodes[0].target);
		if (v.has_etcd)
			doctor_etcd_look(&v.etcd, desk_model(v.s.desk)->pools[0].nodes[0].target);
		(o->json ? say_json : say_plain)(&v, &desk_model(v.s.desk)->pools[0]);
		status = could_work(&v) ? EXIT_DONE : EXIT_REFUSED;
	}
	doctor_etcd_release(&v.etcd);
	setup_release(&v.s);
	return status;
}
