/* weir [TARGET...] and weir replay FILE: the console, live or over a recording. */
#include "history/query.h"
#include "history/replay.h"
#include "tui/commands.h"
#include "tui/facts.h"
#include "tui/loop.h"
#include "tui/setup.h"
#include "tui/show.h"
#include "tui/terms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A demo that nobody asked for by name: somebody looks at weir for the first time. */
static bool is_first_look(const struct setup *s, const struct options *o)
{
	return o->arg_count == 0 && s->config.pool_count == 0 && !o->read_only && !o->scenario;
}

/* Somebody else than this console, which ends, sees to it; or there is nothing to see to. */
static bool is_watched(const struct pool *p)
{
	const struct standing *s = &p->standing;
	return s->reported_bp <= s->baseline_bp || s->owner == OWNER_POOL ||
		s->owner == OWNER_RECORD;
}

/* The last line a person sees: where it stands now. */
static void last_words(const struct setup *s)
{
	const struct model *m = desk_model(s->desk);
	for (int i = 0; i < m->pool_count; i++)
		printf("%s: %s%s%s\n", m->pools[i].name, m->pools[i].standing.state_text,
			is_watched(&m->pools[i]) ? "" : "; nobody watches it: weir record --guard ",
			is_watched(&m->pools[i]) ? "" : m->pools[i].name);
	if (desk_history(s->desk))
		printf("history %s\n", s->history_path);
	fflush(stdout); /* before the head of it, which stderr gets */
}

#define FINISH_MS 2000

static bool nothing_open(void *ctx)
{
	return desk_open_acts(ctx) == 0;
}

int cmd_console(const struct options *o)
{
	struct setup s;
	struct err err = {0};
	int status = EXIT_DONE;
	enum setup_mode mode = o->read_only ? SETUP_LOOK : SETUP_CONSOLE;
	if (setup_init(&s, o, &err) < 0 ||
		setup_open(&s, o, o->args, o->arg_count, mode, true, &err) < 0 ||
		(o->read_only && setup_remember(&s, &err) < 0) || show_desk(&s, o, &(struct show){.guide = is_first_look(&s, o)}, &err) < 0) {
		status = setup_fail(&err);
	} else {
		/* What was pressed just before the terminal went still leaves. */
		loop_finish(s.desk, nothing_open, s.desk, FINISH_MS);
		last_words(&s);
		if (desk_unrecorded(s.desk) > 0) {
			fprintf(stderr, "weir: %s %d done without a record\n", err_name(ERR_NOT_RECORDED),
				desk_unrecorded(s.desk));
			status = EXIT_GAPS;
		}
		if (desk_open_acts(s.desk) > 0)
			status = EXIT_UNRESOLVED;
	}
	int64_t lost = setup_release(&s);
	if (lost > 0 && status == EXIT_DONE) {
		fprintf(stderr, "weir: %s %lld rows could not be written\n", err_name(ERR_NOT_RECORDED),
			(long long)lost);
		status = EXIT_GAPS;
	}
	return status;
}

/* ---- replay ---- */

/* The target as the driver reads it: "replay:FILE?pool=NAME". */
static void replay_target(struct text *out, const struct options *o)
{
	text_addf(
		out, "replay:%s%s%s", o->args[0], o->pool ? "?pool=" : "", o->pool ? o->pool : "");
}

static struct instant replay_moment(void *ctx, struct instant real)
{
	(void)real;
	return replay_now(ctx);
}

static void ignore(void *ctx, const struct driver_event *e)
{
	(void)ctx, (void)e;
}

/* What the recording is of, and how many nodes it has, before a desk is made for it. */
static int peek(const char *target, struct replay_span *out, int *nodes, struct err *err)
{
	struct driver *d;
	struct driver_open how = {.target = target, .sink = {ignore, NULL}, .now = loop_now()};
	if (replay_driver.open(&d, &how, err) < 0)
		return -1;
	replay_span(d, out);
	*nodes = (int)replay_nodes(d);
	replay_driver.close(d);
	return 0;
}

/* What it was held to then, and what is tried over that. */
static int find_terms(struct terms *out, const struct setup *s, const struct options *o,
	const struct replay_span *span, struct err *err)
{
	if (terms_find(out, o->args[0], span->recording, span->pool, &s->config, err) < 0)
		return -1;
	return terms_try(out, o, err);
}

/* Said on the first screen. */
static void say_terms(struct desk *d, const struct terms *t)
{
	char words[160];
	snprintf(words, sizeof words, "Limits and plan %s%s%s. ", terms_words(t->source),
		t->tried[0] ? ", over them " : "", t->tried);
	desk_say(d, words);
}

static int open_replay(struct setup *s, const struct options *o, struct terms *terms,
	struct driver **replay, struct err *err)
{
	struct text target = {0};
	replay_target(&target, o);
	struct desk_options how = {
		.actor = s->actor, .schemes = setup_schemes, .seed = loop_seed(), .read_only = true};
	s->desk = desk_new(&how, loop_now(), err);
	const char *url = text_str(&target);
	struct replay_span span;
	struct pool_setup pool = {.limits = &terms->limits, .plan_hash = terms->plan_hash};
	const char *targets[HISTORY_NODES_MAX];
	int rc = peek(url, &span, &pool.target_count, err);
	for (int k = 0; k < HISTORY_NODES_MAX; k++)
		targets[k] = url;
	if (rc == 0)
		rc = find_terms(terms, s, o, &span, err);
	if (rc == 0) {
		pool.targets = targets;
		pool.name = span.pool;
		pool.interval_ms = span.interval_ms;
		pool.plan = terms->has_plan ? &terms->plan : NULL;
		rc = desk_add(s->desk, &pool, NULL, NULL, loop_now(), err) < 0 ? -1 : 0;
	}
	text_free(&target);
	if (rc < 0)
		return -1;
	say_terms(s->desk, terms);
	*replay = client_driver(desk_client(s->desk), NODE_HANDLE(0, 0));
	desk_set_clock(s->desk, replay_moment, *replay);
	return 0;
}

/* A turn, and those that it takes until what is shown is exact. */
static void settle(struct setup *s, struct driver *replay, struct instant real)
{
	do
		desk_turn(s->desk, real);
	while (replay_catching_up(replay) >= 0 && !loop_interrupted());
}

/* The states as they stood at each recorded decision, one JSON line each. */
static int headless(struct setup *s, struct driver *replay, const struct terms *terms,
	const struct options *o)
{
	struct replay_span span;
	const struct model *m = desk_model(s->desk);
	replay_span(replay, &span);
	struct instant real = loop_now();
	replay_pause(replay, true, real);
	replay_seek(replay, span.start_ms, real);
	for (;;) {
		settle(s, replay, real);
		int64_t at = replay_next_decision(replay, 1);
		if (at == UNKNOWN)
			at = span.end_ms;
		bool last = replay_now(replay).wall_ms >= span.end_ms ||
			replay_next_decision(replay, 1) == UNKNOWN;
		replay_seek(replay, at, real);
		real.boot_ms++;
		settle(s, replay, real);
		struct text t = {0};
		if (o->json) {
			char when[32];
			unit_rfc3339(when, sizeof when, replay_now(replay).wall_ms);
			text_add(&t, "{");
			text_json_str(&t, "at", when);
			text_json_str(&t, "terms", terms_words(terms->source));
			text_json_str(&t, "tried", terms->tried[0] ? terms->tried : NULL);
			text_json_key(&t, "decision");
			const struct pool *p = &m->pools[0];
			if (!last && p->decision_count)
				decision_json(&t, &p->decisions[p->decision_count - 1]);
			else
				text_add(&t, "null");
			text_json_key(&t, "status");
			facts_json(&t, m, p);
			text_add(&t, "}");
		} else {
			facts_line(&t, &m->pools[0]);
		}
		printf("%s\n", text_str(&t));
		text_free(&t);
		if (last || loop_interrupted())
			return EXIT_DONE;
	}
}

int cmd_replay(const struct options *o)
{
	struct setup s;
	struct err err = {0};
	struct driver *replay;
	struct terms terms;
	int status = EXIT_DONE;
	if (setup_init(&s, o, &err) < 0 || open_replay(&s, o, &terms, &replay, &err) < 0)
		status = setup_fail(&err);
	else if (o->headless)
		status = headless(&s, replay, &terms, o);
	else if (show_desk(&s, o, &(struct show){.replay = replay, .quiet = true}, &err) < 0)
		status = setup_fail(&err);
	setup_release(&s);
	return status;
}
