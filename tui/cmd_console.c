/* weir [TARGET...] and weir replay FILE: the console, live or over a recording. */
#include "history/query.h"
#include "history/replay.h"
#include "model/mem.h"
#include "tui/behind.h"
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
static void last_words(const struct setup *s, bool recorder)
{
	const struct model *m = desk_model(s->desk);
	for (int i = 0; i < m->pool_count; i++) {
		const struct pool *p = &m->pools[i];
		bool alone = !recorder && !is_watched(p);
		printf("%s: %s%s%s\n", p->name, p->standing.state_text,
			alone ? "; nobody watches it: weir record --guard " : "", alone ? p->name : "");
	}
	if (desk_history(s->desk))
		printf("history %s\n", s->history_path);
	fflush(stdout); /* before the head of it, which stderr gets */
}

/* When this process has let go of history and guard. False: it was said why not. */
static bool leave_recorder(const struct options *o, const char *state_dir)
{
	struct behind b;
	struct err err = {0};
	if (behind_start(&b, o, state_dir, &err) < 0) {
		fprintf(stderr, "weir: %s %s\n", err_name(err.code), err.text);
		return false;
	}
	printf("a recorder watches on: process %d, which says what it does in %s; kill %d ends it\n",
		(int)b.pid, b.log, (int)b.pid);
	return true;
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
	bool recorder = false;
	char *state_dir = NULL;
	enum setup_mode mode = o->read_only ? SETUP_LOOK : SETUP_CONSOLE;
	if (setup_init(&s, o, &err) < 0 ||
		setup_open(&s, o, o->args, o->arg_count, mode, true, &err) < 0 ||
		(o->read_only && setup_remember(&s, &err) < 0) ||
		show_desk(&s, o,
			&(struct show){.guide = is_first_look(&s, o), .recorder = s.demo ? NULL : &recorder},
			&err) < 0) {
		status = setup_fail(&err);
	} else {
		/* What was pressed just before the terminal went still leaves. */
		loop_finish(s.desk, nothing_open, s.desk, FINISH_MS);
		last_words(&s, recorder);
		if (desk_unrecorded(s.desk) > 0) {
			fprintf(stderr, "weir: %s %d done without a record\n", err_name(ERR_NOT_RECORDED),
				desk_unrecorded(s.desk));
			status = EXIT_GAPS;
		}
		if (desk_open_acts(s.desk) > 0)
			status = EXIT_UNRESOLVED;
	}
	if (recorder)
		state_dir = mem_copy(s.state_dir);
	int64_t lost = setup_release(&s);
	if (lost > 0 && status == EXIT_DONE) {
		fprintf(stderr, "weir: %s %lld rows could not be written\n", err_name(ERR_NOT_RECORDED),
			(long long)lost);
		status = EXIT_GAPS;
	}
	if (recorder && !leave_recorder(o, state_dir))
		status = EXIT_FAILED;
	free(state_dir);
	return status;
}

/* ---- replay ---- */

/* The target as the driver reads it: "replay:FILE?pool=NAME". */
static void replay_target(struct text *out, const char *file, const char *pool)
{
	text_addf(out, "replay:%s%s%s", file, pool ? "?pool=" : "", pool ? pool : "");
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

/* What a recording is of, before a desk is made for it. */
struct recorded {
	struct replay_span span;
	int nodes;
	char (*pools)[POOL_NAME_MAX]; /* REPLAY_POOLS_MAX have room */
	int pool_count;
	struct terms *terms; /* what each pool of the desk was held to then; the same room */
};

static int too_many(const char *file, int pools, struct err *err)
{
	return err_set(err, ERR_USAGE,
		"\"%s\" has %d pools, more than %d at once; name one: --pool", file, pools,
		REPLAY_POOLS_MAX);
}

static int peek(const char *target, struct recorded *out, struct err *err)
{
	struct driver *d;
	struct driver_open how = {.target = target, .sink = {ignore, NULL}, .now = loop_now()};
	if (replay_driver.open(&d, &how, err) < 0)
		return -1;
	replay_span(d, &out->span);
	out->nodes = (int)replay_nodes(d);
	out->pool_count = replay_pools(d, out->pools, REPLAY_POOLS_MAX, err);
	replay_driver.close(d);
	return out->pool_count < 0 ? -1 : 0;
}

static int add_replay(struct setup *s, const struct options *o, const char *target,
	const struct recorded *from, struct err *err)
{
	struct terms *terms = &from->terms[desk_model(s->desk)->pool_count];
	if (terms_find(terms, o->args[0], from->span.recording, from->span.pool, &s->config, err) <
			0 ||
		terms_try(terms, o, err) < 0)
		return -1;
	const char *targets[HISTORY_NODES_MAX];
	for (int k = 0; k < HISTORY_NODES_MAX; k++)
		targets[k] = target;
	struct pool_setup pool = {.name = from->span.pool,
		.targets = targets,
		.target_count = from->nodes,
		.interval_ms = from->span.interval_ms,
		.limits = &terms->limits,
		.plan = terms->has_plan ? &terms->plan : NULL,
		.plan_hash = terms->plan_hash};
	return desk_add(s->desk, &pool, NULL, NULL, loop_now(), err) < 0 ? -1 : 0;
}

/* A pool of the recording that the first one is of, by the clock of the first one. */
static int add_beside(struct setup *s, const struct options *o, const char *name,
	struct recorded *from, struct driver **replay, struct err *err)
{
	struct text target = {0};
	replay_target(&target, o->args[0], name);
	text_addf(&target, "&recording=%lld", (long long)from->span.recording);
	int rc = peek(text_str(&target), from, err);
	if (rc == 0)
		rc = add_replay(s, o, text_str(&target), from, err);
	text_free(&target);
	if (rc < 0)
		return -1;
	struct driver *added = client_driver(
		desk_client(s->desk), NODE_HANDLE(desk_model(s->desk)->pool_count - 1, 0));
	if (*replay)
		replay_share(added, *replay, loop_now());
	else
		*replay = added;
	return 0;
}

/* The pool that is asked for, else all of the recording. */
static int add_all(struct setup *s, const struct options *o, struct recorded *from,
	struct driver **replay, struct err *err)
{
	struct text target = {0};
	*replay = NULL;
	replay_target(&target, o->args[0], o->pool);
	int rc = peek(text_str(&target), from, err);
	text_free(&target);
	if (rc < 0)
		return -1;
	if (o->pool)
		return add_beside(s, o, o->pool, from, replay, err);
	int count = from->pool_count;
	if (count > REPLAY_POOLS_MAX)
		return too_many(o->args[0], count, err);
	for (int i = 0; i < count && rc == 0; i++)
		rc = add_beside(s, o, from->pools[i], from, replay, err);
	return rc;
}

/* Said on the first screen. */
static void say_terms(struct desk *d, const struct terms *t)
{
	char words[240], others[64] = "";
	int count = desk_model(d)->pool_count, otherwise = 0;
	for (int i = 1; i < count; i++)
		otherwise += t[i].source != t->source;
	if (otherwise)
		snprintf(others, sizeof others, "; of %d of %d pools otherwise", otherwise, count);
	snprintf(words, sizeof words, "Limits and plan %s%s%s%s. ", terms_words(t->source),
		t->tried[0] ? ", over them " : "", t->tried, others);
	desk_say(d, words);
}

static int open_replay(struct setup *s, const struct options *o, struct recorded *from,
	struct driver **replay, struct err *err)
{
	struct desk_options how = {
		.actor = s->actor, .schemes = setup_schemes, .seed = loop_seed(), .read_only = true};
	s->desk = desk_new(&how, loop_now(), err);
	if (add_all(s, o, from, replay, err) < 0)
		return -1;
	say_terms(s->desk, from->terms);
	desk_set_clock(s->desk, replay_moment, *replay);
	return 0;
}

/* A turn, and those that it takes until what is shown is exact. */
static void settle(struct setup *s, struct driver *replay, struct instant real)
{
	do
		desk_turn(s->desk, real);
	while (replay_catching_up_all(replay) >= 0 && !loop_interrupted());
}

static void print_standing(const struct model *m, int pool, const struct terms *terms,
	const struct options *o, int64_t at_ms, bool decided)
{
	const struct pool *p = &m->pools[pool];
	struct text t = {0};
	if (o->json) {
		char when[32];
		unit_rfc3339(when, sizeof when, at_ms);
		text_add(&t, "{");
		text_json_str(&t, "at", when);
		text_json_str(&t, "terms", terms_words(terms->source));
		text_json_str(&t, "tried", terms->tried[0] ? terms->tried : NULL);
		text_json_key(&t, "decision");
		if (decided && p->decision_count)
			decision_json(&t, &p->decisions[p->decision_count - 1]);
		else
			text_add(&t, "null");
		text_json_key(&t, "status");
		facts_json(&t, m, p);
		text_add(&t, "}");
	} else {
		facts_line(&t, p);
	}
	printf("%s\n", text_str(&t));
	text_free(&t);
}

/* The states as they stood at each recorded decision, one JSON line each, of the pool that it was
 * for; of all pools at the end. */
static int headless(struct setup *s, struct driver *replay, const struct terms *terms,
	const struct options *o)
{
	struct replay_span span;
	const struct model *m = desk_model(s->desk);
	replay_span(replay, &span);
	struct instant real = loop_now();
	replay_pause(replay, true, real);
	replay_seek(replay, span.start_ms, real);
	for (bool last = false; !last && !loop_interrupted();) {
		settle(s, replay, real);
		int64_t at = replay_next_of_all(replay, MOMENT_DECISION, 1);
		last = at == UNKNOWN || replay_now(replay).wall_ms >= span.end_ms;
		replay_seek(replay, last ? span.end_ms : at, real);
		real.boot_ms++;
		settle(s, replay, real);
		struct driver *d = replay_first(replay);
		for (int i = 0; i < m->pool_count; i++, d = replay_after(d))
			if (last || replay_has(d, MOMENT_DECISION, at, at + 1))
				print_standing(m, i, &terms[i], o, replay_now(replay).wall_ms, !last);
	}
	return EXIT_DONE;
}

int cmd_replay(const struct options *o)
{
	struct setup s;
	struct err err = {0};
	struct driver *replay;
	struct recorded from = {.pools = mem_new(REPLAY_POOLS_MAX, sizeof *from.pools),
		.terms = mem_new(REPLAY_POOLS_MAX, sizeof *from.terms)};
	int status = EXIT_DONE;
	if (setup_init(&s, o, &err) < 0 || open_replay(&s, o, &from, &replay, &err) < 0)
		status = setup_fail(&err);
	else if (o->headless)
		status = headless(&s, replay, from.terms, o);
	else if (show_desk(&s, o, &(struct show){.replay = replay, .quiet = true}, &err) < 0)
		status = setup_fail(&err);
	setup_release(&s);
	free(from.pools);
	free(from.terms);
	return status;
}
