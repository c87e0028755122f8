/* weir brief: the page for whoever takes over, as plain text for a chat. */
#include "tui/brief.h"
#include "tui/commands.h"
#include "tui/loop.h"
#include "tui/setup.h"
#include "tui/span.h"

#include <stdio.h>

#define SETTLE_MS 5000
#define CHANGES 20

static bool heard(const struct pool *p)
{
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		if (!n->last || n->foreign || n->trouble.code != ERR_NONE)
			return false;
	}
	return true;
}

static void say(struct text *out, const struct setup *s, const struct options *o,
	int64_t since_ms, const struct pool *p)
{
	const struct config_pool *c = config_pool(&s->config, p->name);
	struct brief b = {0};
	struct brief_how how = {.model = desk_model(s->desk),
		.pool = p,
		.now = loop_now(),
		.page = true,
		.changes = CHANGES,
		.token_file = c ? c->token_file : NULL};
	brief_since(&how, desk_last_left_ms(s->desk));
	if (since_ms != UNKNOWN) {
		how.since_ms = since_ms;
		how.left = false;
	}
	brief_write(&b, &how);
	if (o->json) {
		brief_json(out, &b, &how);
		text_add(out, "\n");
	} else {
		text_add(out, out->len ? "\n" : "");
		brief_plain(out, &b);
	}
	brief_release(&b);
}

/* The worst first; true when every node of every pool has answered. */
static bool say_all(const struct setup *s, const struct options *o, int64_t since_ms)
{
	const struct model *m = desk_model(s->desk);
	struct text t = {0};
	bool all = true;
	for (int level = LEVEL_COUNT; level-- > 0;)
		for (int i = 0; i < m->pool_count; i++) {
			if (m->pools[i].standing.headline.level != (enum level)level)
				continue;
			say(&t, s, o, since_ms, &m->pools[i]);
			all &= heard(&m->pools[i]);
		}
	fputs(text_str(&t), stdout);
	text_free(&t);
	return all;
}

int cmd_brief(const struct options *o)
{
	struct setup s;
	struct err err = {0};
	int64_t since_ms = UNKNOWN;
	int status;
	if (setup_init(&s, o, &err) < 0 || span_read("since", o->since, &since_ms, &err) < 0 ||
		setup_open(&s, o, o->args, o->arg_count, SETUP_LOOK, false, &err) < 0 ||
		setup_remember(&s, &err) < 0) {
		status = setup_fail(&err);
	} else {
		setup_settle(&s, SETTLE_MS);
		status = say_all(&s, o, since_ms) ? EXIT_DONE : EXIT_FAILED;
	}
	setup_release(&s);
	return status;
}
