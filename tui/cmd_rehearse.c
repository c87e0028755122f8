/* weir rehearse [SCENARIO]: what there is to practise on, and a play of it that is scored: by a
 * person at the console, or with --auto by a plan in virtual time. */
#include "history/query.h"
#include "model/mem.h"
#include "model/text.h"
#include "tui/commands.h"
#include "tui/loop.h"
#include "tui/progress.h"
#include "tui/rehearsal.h"
#include "tui/repertoire.h"
#include "tui/scenario_from.h"
#include "tui/setup.h"
#include "tui/show.h"
#include "tui/whatif.h"
#include "tui/whole.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUNS_MAX 10000
#define SEED_MAX 9007199254740991
#define FOR_MAX_MS ((int64_t)30 * 24 * 3600 * 1000)

/* What is played, and by which rules. */
struct course {
	const struct options *o;
	struct setup *s;
	struct scenario scenario;
	char note[SCENARIO_NOTE_MAX]; /* of one that a recording made: what its mix is; "" none */
	struct setup_rules rules;
	int64_t for_ms; /* UNKNOWN: as long as scenario and plan take */
	int64_t runs;
};

/* ---- what there is ---- */

static int list(const struct options *o)
{
	struct scenario s;
	struct text t = {0};
	for (size_t i = 0; repertoire_read(&s, i); i++) {
		char length[32];
		unit_duration(length, sizeof length, scenario_length_ms(&s));
		if (o->json) {
			text_add(&t, "{");
			text_json_str(&t, "name", s.name);
			text_json_str(&t, "help", s.help);
			text_json_int(&t, "for_ms", scenario_length_ms(&s));
			text_add(&t, "}\n");
		} else {
			text_addf(&t, "%-28s %4s  %s\n", s.name, length, s.help);
		}
	}
	fputs(text_str(&t), stdout);
	text_free(&t);
	return EXIT_DONE;
}

/* ---- the rules ---- */

static int read_policy(struct course *c, struct err *err)
{
	const char *word = c->o->policy;
	const struct policy *named = config_policy(&c->s->config, word);
	if (named) {
		c->rules.plan.policy = *named;
		return 0;
	}
	struct text text = {0};
	int rc = config_text(&text, "policy", word, err);
	if (rc == 0)
		rc = whatif_read(&c->rules.limits, text_str(&text), text.len, word, err);
	text_free(&text);
	return rc;
}

/* The pool's own of the configuration, or the demo's; then what is said here. */
static int read_rules(struct course *c, struct err *err)
{
	const struct options *o = c->o;
	const struct config_pool *pool = o->pool ? config_pool(&c->s->config, o->pool) : NULL;
	setup_demo(&c->rules.plan, &c->rules.limits);
	/* A plan has time. */
	if (o->auto_play) {
		plan_init(&c->rules.plan);
		plan_usual(&c->rules.plan);
	}
	if (o->pool && !pool && !o->from)
		return err_set(err, ERR_USAGE, "no pool '%s' in the configuration", o->pool);
	if (pool)
		c->rules.limits = pool->guards;
	if (pool && pool->has_plan)
		c->rules.plan = pool->plan;
	if (o->plan && config_load_plan(&c->rules.plan, o->plan, &c->s->config, err) < 0)
		return -1;
	if (o->policy && read_policy(c, err) < 0)
		return -1;
	rehearsal_relax(&c->rules.plan);
	for (int i = 0; i < o->set_count; i++)
		if (whatif_set(&c->rules.limits, o->set[i], err) < 0)
			return -1;
	return 0;
}

static int read_number(
	int64_t *out, const char *name, const char *word, int64_t min, int64_t max, struct err *err)
{
	if (!word || unit_parse_int(word, min, max, out))
		return 0;
	return err_set(err, ERR_USAGE, "--%s '%s' is no whole number from %lld to %lld", name, word,
		(long long)min, (long long)max);
}

/* One that is named, or one that a recording makes. */
static int find_scenario(struct course *c, struct err *err)
{
	const struct options *o = c->o;
	if (!o->from && (o->faults || o->out))
		return err_set(
			err, ERR_USAGE, "--%s is for --from RECORDING", o->faults ? "faults" : "out");
	if (!o->from)
		return repertoire_find(&c->scenario, o->args[0], err);
	if (o->arg_count > 0)
		return err_set(
			err, ERR_USAGE, "either SCENARIO or --from RECORDING, not both: '%s'", o->args[0]);
	const struct scenario_source source = {.path = o->from,
		.pool = o->pool,
		.faults = !o->faults || strcmp(o->faults, "none") != 0};
	return scenario_from(&c->scenario, c->note, &source, err);
}

static int write_out(const struct course *c, struct err *err)
{
	struct text t = {0};
	scenario_write(&t, &c->scenario, c->note);
	int rc = whole_write(c->o->out, &t, err);
	text_free(&t);
	return rc < 0 ? -1 : EXIT_DONE;
}

static int read_course(struct course *c, struct err *err)
{
	const struct options *o = c->o;
	int64_t seed = UNKNOWN;
	c->runs = 1;
	c->for_ms = UNKNOWN;
	if (read_rules(c, err) < 0 || find_scenario(c, err) < 0 ||
		read_number(&seed, "seed", o->seed, 1, SEED_MAX - RUNS_MAX, err) < 0 ||
		read_number(&c->runs, "runs", o->runs, 1, RUNS_MAX, err) < 0)
		return -1;
	if (seed != UNKNOWN)
		c->scenario.seed = (uint64_t)seed;
	if (o->await &&
		(!unit_parse_duration(o->await, &c->for_ms) || c->for_ms < 1000 ||
			c->for_ms > FOR_MAX_MS))
		return err_set(err, ERR_USAGE,
			"--for '%s' is no duration from 1s to 30d; write 90s, 1h30m", o->await);
	if (o->runs && !o->auto_play)
		return err_set(err, ERR_USAGE, "--runs is for --auto: a person plays once");
	for (int i = 0; i < c->scenario.event_count && !o->auto_play; i++)
		if (c->scenario.events[i].restart)
			return err_set(err, ERR_USAGE,
				"\"%s\" restarts the pool, which a running one cannot do to itself: play it with "
				"--auto",
				c->scenario.name);
	return 0;
}

/* ---- by a plan ---- */

struct bar {
	struct progress progress;
	int64_t before_ms, all_ms; /* of the plays before this one; of all */
};

static void show_progress(void *ctx, int64_t done_ms, int64_t total_ms)
{
	struct bar *bar = ctx;
	(void)total_ms;
	progress_tell(&bar->progress, bar->before_ms + done_ms, bar->all_ms);
}

static void say(const struct text *t)
{
	fputs(text_str(t), stdout);
}

static void tell_one(const struct course *c, const struct score *s)
{
	struct text t = {0};
	if (c->o->json) {
		score_json(&t, s);
		text_add(&t, "\n");
	} else if (c->runs > 1) {
		text_addf(&t, "seed %llu: ", (unsigned long long)s->seed);
		score_line(&t, s);
		text_add(&t, "\n");
	} else {
		score_text(&t, s);
	}
	say(&t);
	text_free(&t);
}

static void tell_all(const struct course *c, const struct score *scores)
{
	struct text t = {0};
	struct score_runs sum;
	if (c->runs == 1)
		return;
	score_sum(&sum, scores, (size_t)c->runs);
	if (!c->o->json)
		text_add(&t, "\n");
	(c->o->json ? score_runs_json : score_runs_text)(&t, &sum);
	if (c->o->json)
		text_add(&t, "\n");
	say(&t);
	text_free(&t);
}

#define AUTO_MS ((int64_t)6 * 3600 * 1000) /* at most, unless the plan itself is longer */

static int64_t time_of(const struct course *c)
{
	int64_t least_ms = scenario_length_ms(&c->scenario) + rehearsal_plan_ms(&c->rules.plan) * 2;
	return c->for_ms != UNKNOWN ? c->for_ms : least_ms > AUTO_MS ? least_ms : AUTO_MS;
}

static int play_by_plan(struct course *c, struct err *err)
{
	struct bar bar = {.before_ms = 0};
	struct score *scores = mem_new((size_t)c->runs, sizeof *scores);
	bool caught = true;
	int rc = 0;
	loop_ordinary_signals(true);
	struct rehearsal_how how = {.scenario = &c->scenario,
		.plan = &c->rules.plan,
		.limits = &c->rules.limits,
		.for_ms = time_of(c),
		.progress = show_progress,
		.ctx = &bar};
	bar.all_ms = how.for_ms * c->runs;
	if (c->note[0] && !c->o->json)
		printf("%s\n\n", c->note);
	progress_begin(&bar.progress, c->scenario.name, PACE_RECORDED,
		!c->o->progress || strcmp(c->o->progress, "never") != 0);
	for (int64_t i = 0; i < c->runs && rc == 0; i++) {
		bar.before_ms = how.for_ms * i;
		rc = rehearsal_run(&scores[i], &how, err);
		c->scenario.seed++;
		if (rc < 0)
			break;
		progress_end(&bar.progress);
		tell_one(c, &scores[i]);
		caught = caught && score_caught(&scores[i]);
	}
	progress_end(&bar.progress);
	if (rc == 0)
		tell_all(c, scores);
	free(scores);
	return rc < 0 ? -1 : caught ? EXIT_DONE : EXIT_REFUSED;
}

/* ---- by a person ---- */

#define SETTLE_MS 5000
#define EVENT "rehearsal"

struct stage {
	struct score score;
	const struct pool *pool;
	int64_t for_ms, began_ms;
	struct instant now;
};

static bool each_turn(void *ctx, struct instant now)
{
	struct stage *st = ctx;
	st->now = now;
	score_look(&st->score, st->pool, now);
	return now.boot_ms - st->began_ms >= st->for_ms;
}

/* Beside the earlier ones, in the history that this person has otherwise. */
static int record(struct setup *s, const char *path, const struct score *score, struct err *err)
{
	const struct history_options how = {
		.path = path, .actor = s->actor, .key_dir = s->state_dir};
	struct history *h;
	struct text line = {0}, detail = {0};
	if (history_start(&h, &how, err) < 0)
		return -1;
	score_line(&line, score);
	score_json(&detail, score);
	history_event(
		h, score->at_ms + score->played_ms, "", EVENT, text_str(&line), text_str(&detail));
	text_free(&line);
	text_free(&detail);
	bool settled = history_settle(h, SETTLE_MS);
	if (history_stop(h, 0) == 0 && settled)
		return 0;
	return err_set(err, ERR_NOT_RECORDED, "the score could not be written into \"%s\"", path);
}

/* The pool's own history is no longer used; what it was is told with the score. */
static int end_play(struct course *c, const char *path, struct stage *st, struct err *err)
{
	struct setup *s = c->s;
	score_end(&st->score, st->pool, st->now);
	tell_one(c, &st->score);
	if (!c->o->json)
		printf("history        %s\n", s->history_path);
	fflush(stdout);
	if (record(s, path, &st->score, err) == 0)
		return EXIT_DONE;
	setup_fail(err);
	return EXIT_GAPS;
}

static int play_by_person(struct course *c, struct err *err)
{
	struct setup *s = c->s;
	struct stage st = {.now = loop_now()};
	struct options own = *c->o;
	char *path = mem_copy(s->history_path);
	char target[OPERATION_NAME_MAX + 8];
	const char *const targets[] = {target};
	snprintf(target, sizeof target, "local:%s", c->scenario.name);
	own.plan = own.history = own.out = NULL;
	s->rules = &c->rules;
	s->scenario = c->scenario;
	int rc = setup_open(s, &own, targets, 1, SETUP_CONSOLE, true, err);
	if (rc == 0) {
		if (c->note[0])
			desk_say(s->desk, c->note);
		st.now = loop_now();
		st.began_ms = st.now.boot_ms;
		st.for_ms = c->for_ms != UNKNOWN ? c->for_ms : scenario_length_ms(&c->scenario);
		st.pool = &desk_model(s->desk)->pools[0];
		score_begin(&st.score, &c->scenario, s->actor, c->rules.plan.policy.name, st.now);
		const struct show show = {.quiet = true, .each_turn = each_turn, .ctx = &st};
		rc = show_desk(s, &own, &show, err);
	}
	int status = rc < 0 ? -1 : end_play(c, path, &st, err);
	free(path);
	return status;
}

/* ---- earlier ones ---- */

struct telling {
	bool json;
	int64_t count;
};

static bool tell_earlier(void *ctx, const struct query_event *e)
{
	struct telling *t = ctx;
	char at[32];
	unit_rfc3339(at, sizeof at, e->at_ms);
	if (t->json)
		printf("%s\n", e->detail ? e->detail : "{}");
	else
		printf("%s  %s\n", at, e->text);
	t->count++;
	return true;
}

static int tell_scores(struct course *c, struct err *err)
{
	struct query *q = NULL;
	struct telling t = {.json = c->o->json};
	bool is_there = access(c->s->history_path, F_OK) == 0;
	if (is_there && query_open(&q, c->s->history_path, err) < 0)
		return -1;
	int rc = is_there ? query_events(q, NULL, EVENT, 0, 0, tell_earlier, &t, err) : 0;
	query_close(q);
	if (rc == 0 && t.count == 0 && !t.json)
		printf("nobody has rehearsed yet: weir rehearse lists what there is\n");
	return rc < 0 ? -1 : EXIT_DONE;
}

int cmd_rehearse(const struct options *o)
{
	struct setup s;
	struct err err = {0};
	struct course c = {.o = o, .s = &s};
	if (o->arg_count == 0 && !o->scores && !o->from)
		return list(o);
	int status = setup_init(&s, o, &err);
	if (status == 0 && o->scores)
		status = tell_scores(&c, &err);
	else if (status == 0 && (status = read_course(&c, &err)) == 0)
		status = o->out    ? write_out(&c, &err)
			: o->auto_play ? play_by_plan(&c, &err)
						   : play_by_person(&c, &err);
	if (status < 0)
		status = setup_fail(&err);
	setup_release(&s);
	return status;
}
