/* The words for etcd behind a pool. What is asked is etcd_nodes.c's. */
#include "tui/doctor_etcd.h"

#include "client/etcd.h"
#include "model/unit.h"

#include <string.h>

void doctor_etcd_look(struct doctor_etcd *out, const char *target)
{
	struct text pool = {0};
	*out = (struct doctor_etcd){0};
	etcd_pool_target(&pool, target);
	if (etcd_nodes_find(&out->nodes, text_str(&pool), NULL, true, &out->err) == 0)
		etcd_nodes_may_write(text_str(&pool), &out->refused);
	text_free(&pool);
}

void doctor_etcd_release(struct doctor_etcd *d)
{
	etcd_nodes_release(&d->nodes);
}

static void node_of(const struct etcd_nodes *n, int i, struct etcd_target *out)
{
	if (etcd_target_read(out, n->target[i], NULL) < 0)
		*out = (struct etcd_target){0};
}

void doctor_etcd_plain(struct text *out, const struct doctor_etcd *d)
{
	struct etcd_target t;
	if (d->err.code) {
		text_addf(out, "  NO   %-16s %s %s\n", "etcd", err_name(d->err.code), d->err.text);
		return;
	}
	text_addf(
		out, "  ok   %-16s etcd %s, ", "etcd", d->nodes.version[0] ? d->nodes.version : "-");
	if (d->nodes.members == 1)
		text_add(out, "one member: without it nobody raises\n");
	else
		text_addf(out, "%d members\n", d->nodes.members);
	if (d->refused.code)
		text_addf(
			out, "  NO   %-16s %s %s\n", "plan", err_name(d->refused.code), d->refused.text);
	else
		text_addf(out, "  ok   %-16s the plan may be written\n", "plan");
	for (int i = 0; i < d->nodes.count; i++) {
		char left[24];
		node_of(&d->nodes, i, &t);
		unit_countdown(left, sizeof left, d->nodes.left_ms[i]);
		text_addf(out, "  ok   %-16s %s at %s, gone from the list in %s unless it is heard\n",
			i ? "" : "registered", t.node, t.url, left);
	}
}

void doctor_etcd_json(struct text *out, const struct doctor_etcd *d)
{
	struct etcd_target t;
	text_json_key(out, "etcd");
	text_add(out, "{");
	text_json_str(out, "trouble", d->err.code ? d->err.text : NULL);
	text_json_str(out, "version", d->nodes.version[0] ? d->nodes.version : NULL);
	text_json_int(out, "members", d->nodes.members > 0 ? d->nodes.members : UNKNOWN);
	text_json_bool(out, "writes", d->err.code == ERR_NONE && d->refused.code == ERR_NONE);
	text_json_key(out, "registered");
	text_add(out, "[");
	for (int i = 0; i < d->nodes.count; i++) {
		node_of(&d->nodes, i, &t);
		text_add(out, i ? ",{" : "{");
		text_json_str(out, "node", t.node);
		text_json_str(out, "url", t.url);
		text_json_int(out, "left_ms", d->nodes.left_ms[i]);
		text_add(out, "}");
	}
	text_add(out, "]}");
}
