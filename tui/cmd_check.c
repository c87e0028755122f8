/* weir check: a configuration or a scenario, whether it is right, and what is doubtful about it. */
#include "client/drivers.h"
#include "model/text.h"
#include "tui/commands.h"
#include "tui/lint.h"
#include "tui/loop.h"
#include "tui/setup.h"

#include <stdio.h>
#include <sys/stat.h>

/* ---- what is said of a configuration ---- */

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

/* ---- a scenario ---- */

/* What comes through a pipe can be read once only: it is a configuration. */
static bool read_scenario(struct text *out, const char *path)
{
	struct stat st;
	struct err err;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		config_text(out, "file", path, &err) == 0 &&
		config_is_scenario(text_str(out), out->len);
}

static void say_scenario_json(const struct scenario *c, const char *path, const char *doubt)
{
	struct text t = {0};
	text_add(&t, "{");
	text_json_str(&t, "path", path);
	text_json_str(&t, "scenario", c->name);
	text_json_int(&t, "for_ms", scenario_length_ms(c));
	text_json_key(&t, "operations");
	text_add(&t, "[");
	for (int i = 0; i < c->operation_count; i++) {
		text_add(&t, i ? ",{" : "{");
		text_json_str(&t, "name", c->operations[i].name);
		text_json_real(&t, "weight", c->operations[i].weight);
		text_add(&t, "}");
	}
	text_add(&t, "]");
	text_json_int(&t, "arrivals", c->level_count);
	text_json_int(&t, "phases", c->phase_count);
	text_json_int(&t, "node", c->event_count);
	text_json_key(&t, "doubts");
	text_add(&t, "[");
	if (doubt) {
		text_add(&t, "{");
		text_json_str(&t, "key", "operations");
		text_json_str(&t, "text", doubt);
		text_add(&t, "}");
	}
	text_add(&t, "]}\n");
	fputs(text_str(&t), stdout);
	text_free(&t);
}

static void say_scenario(const struct scenario *c, const char *path, const char *doubt)
{
	char lasts[32];
	unit_duration(lasts, sizeof lasts, scenario_length_ms(c));
	printf("%s: good, scenario %s of %s, %d operation%s, %d phase%s\n", path, c->name, lasts,
		c->operation_count, c->operation_count == 1 ? "" : "s", c->phase_count,
		c->phase_count == 1 ? "" : "s");
	if (doubt)
		printf("%s: operations: %s\n", c->name, doubt);
}

/* Work that is not the engine's own needs a program that does it. */
static int check_scenario(const struct options *o, const struct text *text)
{
	const char *path = o->args[0];
	struct scenario c;
	struct err err = {0}, why = {0};
	if (config_parse_scenario(&c, text_str(text), text->len, path, &err) < 0)
		return setup_fail(&err);
	const char *doubt = driver_local_plays(&c, &why) < 0 ? why.text : NULL;
	(o->json ? say_scenario_json : say_scenario)(&c, path, doubt);
	return o->strict && doubt ? EXIT_FAILED : EXIT_DONE;
}

/* ---- a configuration ---- */

static int check_config(const struct options *o)
{
	struct options own = *o;
	struct setup s;
	struct rates given;
	struct lint l = {0};
	struct err err = {0};
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

int cmd_check(const struct options *o)
{
	struct text text = {0};
	loop_ordinary_signals(true);
	bool is_scenario = o->arg_count > 0 && read_scenario(&text, o->args[0]);
	int status = is_scenario ? check_scenario(o, &text) : check_config(o);
	text_free(&text);
	return status;
}
