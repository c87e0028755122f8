/* weir check: a configuration, whether it is right, and what is doubtful about it. */
#include "model/text.h"
#include "tui/commands.h"
#include "tui/lint.h"
#include "tui/loop.h"
#include "tui/setup.h"

#include <stdio.h>

/* Where the history cannot be read the pool's rates are not known, which is said. */
static void lint_all(struct lint *l, const struct setup *s, const struct rates *given)
{
	for (size_t i = 0; i < s->config.pool_count; i++) {
		const struct config_pool *p = &s->config.pools[i];
		struct err err = {0};
		struct rates rates;
		if (!given &&
			rates_of_history(&rates, s->history_path, p->name, loop_now().wall_ms, &err) < 0)
			setup_fail(&err);
		lint_pool(l, p, given ? given : &rates);
	}
}

static void say_json(const struct config *c, const struct lint *l)
{
	struct text t = {0};
	config_json(&t, c);
	t.data[--t.len] = 0; /* the end of the object: one more member */
	text_json_key(&t, "doubts");
	text_add(&t, "[");
	for (size_t i = 0; i < l->count; i++) {
		text_add(&t, i ? ",{" : "{");
		text_json_str(&t, "pool", l->doubts[i].pool);
		text_json_str(&t, "key", l->doubts[i].key);
		text_json_str(&t, "text", l->doubts[i].text);
		text_add(&t, "}");
	}
	text_add(&t, "]}\n");
	fputs(text_str(&t), stdout);
	text_free(&t);
}

static void say_plain(const struct config *c, const struct lint *l)
{
	if (c->path) {
		printf("%s: good, %zu pool%s", c->path, c->pool_count, c->pool_count == 1 ? "" : "s");
		if (c->policy_count > 0)
			printf(", %zu own polic%s", c->policy_count, c->policy_count == 1 ? "y" : "ies");
		printf("\n");
	} else {
		printf("no configuration: weir opens the demo\n");
	}
	for (size_t i = 0; i < l->count; i++)
		printf("%s: %s: %s\n", l->doubts[i].pool, l->doubts[i].key, l->doubts[i].text);
}

int cmd_check(const struct options *o)
{
	struct options own = *o;
	struct setup s;
	struct rates given;
	struct lint l = {0};
	struct err err = {0};
	loop_ordinary_signals(true);
	if (o->arg_count > 0)
		own.config = o->args[0];
	int rates = rates_of_options(&given, o, &err);
	if (rates < 0)
		return setup_fail(&err);
	if (setup_init(&s, &own, &err) < 0) {
		setup_release(&s);
		return setup_fail(&err);
	}
	lint_all(&l, &s, rates > 0 ? &given : NULL);
	(o->json ? say_json : say_plain)(&s.config, &l);
	int status = o->strict && l.count > 0 ? EXIT_FAILED : EXIT_DONE;
	lint_release(&l);
	setup_release(&s);
	return status;
}
